"""One turn: what a resident did and what is remembered go in, what is remembered and said comes out.

The rule: `turn` is a pure function; memory is plain JSON with a version, so a transcript can pass it through JSON
between every two lines and nothing unserialisable survives (facts/architecture.md, goflow).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from bot import triage
from bot.dialog import FollowUp, Talk, Turn, View
from bot.dialogs.welcome import HELLO, HELLO_CHILD, HELLO_SHORT
from bot.i18n import EASY, SOURCE, Catalogs, choose
from bot.messages import GAP, Heard, Inbound, Phrase, Reply, Severity, Verbatim, _
from bot.situation import CaseEvent
from bot.triage import Open

VERSION: Final = 1
TOGETHER: Final = timedelta(minutes=10)  # messages this close are also heard joined (split bubbles)
KEPT: Final = 3  # how many of them
REMEMBERED: Final = 24  # choices that may still be typed

#: `はじめる [K7F3]`: the text of a printed card (facts/line.md 4); the token is stripped before anything is heard.
GREETING = re.compile(r"^\s*(?P<words>.{0,40}?)\s*[\[［](?P<token>[A-Za-z0-9]{4,16})[\]］]\s*$")


def recent_texts(memory: Mapping[str, Any], now: datetime) -> tuple[str, ...]:
    """Return the resident's last texts of the past ten minutes, oldest first, for hearing split bubbles."""
    return tuple(
        text for at, text, _id in memory.get("recent", ()) if now - datetime.fromisoformat(at) <= TOGETHER
    )  # fmt: skip


def greeting_token(inbound: Inbound) -> str:
    """Return the token of a printed card that the text carries, or ""."""
    found = GREETING.match(inbound.text) if inbound.kind == "text" else None
    return found["token"].upper() if found else ""


def _without_token(text: str) -> str:
    return GREETING.sub(r"\g<words>", text)


def turn(memory: Mapping[str, Any], inbound: Inbound, heard: Heard, desk: View, now: datetime, words: Catalogs) -> Turn:
    """Return the Turn that `inbound` leads to.

    `memory` is {} at first contact. `words` recognises typed labels; nothing is worded here. The result's memory is
    a new dict; the given one is not changed.
    """
    known = dict(memory) if memory.get("v") == VERSION else {}
    first = not known
    greeting = greeting_token(inbound)
    if greeting:
        known["campaign"] = greeting
        if heard.signals or heard.confident:  # somebody wrote more into the card's text
            inbound = replace(inbound, text=_without_token(inbound.text))
        else:
            inbound, heard = replace(inbound, text=""), replace(heard, topics=(), confident=False)
    if inbound.kind == "unsend":
        return Turn(_without_message(known, inbound.message_id), _language(known, heard, desk, inbound))
    if inbound.kind == "unfollow":
        return Turn(known, _language(known, heard, desk, inbound))

    inbound = replace(inbound, first_contact=first or bool(greeting))
    language = _language(known, heard, desk, inbound)
    talk = Talk(desk, inbound, heard, now, {}, language=language)
    if desk.contact_safety == "any" and any(signal.kind == "dv" for signal in heard.signals):
        talk.contact_safety = "when_writing"  # from now on only when they write, whoever speaks (CARE C21)
    open_ = Open(**known["open"]) if "open" in known else Open()
    safety = dict(known.get("safety", {}))
    answered = triage.answer(talk, open_, safety, list(known.get("choices", ())), words)

    silent = answered.by == triage.HELD
    replies = () if silent else (*_before(known, desk, talk, first, answered.by), *talk.said)
    after: dict[str, Any] = {
        **known,
        "v": VERSION,
        "language": talk.language,
        "open": {"name": answered.open.name, "state": answered.open.state, "data": answered.open.data},
        "safety": safety,
        "recent": _recent(known, inbound, now),
    }
    if not silent:
        after["choices"] = _shown(replies, known.get("choices", ()))
        after.pop("handback", None)
    return Turn(
        memory=after,
        language=talk.language,
        replies=tuple(replies),
        signals=heard.signals,
        case=talk.case or _case_event(heard),
        reason="asked" if talk.case == "open" else "signal" if heard.signals else "" if heard.whole else "half_heard",
        follow_ups=tuple(FollowUp(f.name, f.at, f.key) for f in talk.follow_ups),
        chosen_language=talk.chosen_language,
        contact_safety=talk.contact_safety,
        talk_in=talk.talk_in,
        unmet=tuple(talk.unmet),
    )


def _language(memory: Mapping[str, Any], heard: Heard, desk: View, inbound: Inbound) -> str:
    """Return the language to answer in: the chosen one, else the one written in, else before, else the profile's.

    A language that the city does not offer is answered in やさしい日本語.
    """
    offered = desk.city.languages
    if desk.language in offered:
        return desk.language
    before = str(memory.get("language", ""))
    if inbound.text and heard.language:
        return before if (before, heard.language) == (EASY, SOURCE) else choose(offered, heard.language)
    return choose(offered, before, desk.language_hint)


def _case_event(heard: Heard) -> CaseEvent | Literal[""]:
    if any(signal.severity.rank > Severity.CONCERN.rank for signal in heard.signals):
        return "alarm"
    if not heard.whole:
        return "open"  # the encoders failed: a person reads what patterns alone may have missed
    return "offer" if heard.signals else ""


def _before(memory: Mapping[str, Any], desk: View, talk: Talk, first: bool, by: str) -> tuple[Reply, ...]:
    """Return what precedes the answer: the welcome line at first contact, or what happened with a person."""
    if first:
        name = Verbatim(desk.city.name_en if talk.language == "en" and desk.city.name_en else desk.city.name)
        if by == "safety" and any("child_writing" in s.aspects for s in talk.heard.signals):
            return (Reply(lines=(_(HELLO_CHILD.msgid, city=name),), vital=True),)
        if by == "safety":
            return (Reply(lines=(_(HELLO_SHORT.msgid, city=name),), vital=True),)
        return (Reply(lines=(_(HELLO[0].msgid, city=name), GAP, HELLO[1])),)
    handback = memory.get("handback")
    if not handback:
        return ()
    if handback.get("lapsed"):
        lapsed = _("相談員の返事がとぎれています。もう一度、ほかの相談員にも知らせました。")
        return (Reply(lines=(lapsed, *(() if by in ("person", "safety") else talk.when_read()))),)
    if handback.get("transferred"):
        passed_on = _("{name}から、ほかの相談員に引き継いでいます。", name=handback["name"])
        return (Reply(lines=(passed_on, *(() if by in ("person", "safety") else talk.when_read()))),)
    lines: list[Phrase] = [
        _("ここからは機械が答えます。{name}に伝えたいことは、「人と話す」から書けます。", name=handback["name"])
    ]
    if handback.get("next"):
        lines.append(_("次の連絡の予定: {date}", date=datetime.fromisoformat(handback["next"]).date()))
    return (Reply(lines=tuple(lines)),)


def _recent(memory: Mapping[str, Any], inbound: Inbound, now: datetime) -> list[list[str]]:
    kept = [e for e in memory.get("recent", ()) if now - datetime.fromisoformat(e[0]) <= TOGETHER]
    if inbound.text:
        kept.append([now.isoformat(), inbound.text[:500], inbound.message_id])
    return kept[-KEPT:]


def _without_message(memory: Mapping[str, Any], message_id: str) -> dict[str, Any]:
    """Return memory without the words of an unsent message (CARE C17)."""
    kept = dict(memory)
    kept["recent"] = [entry for entry in memory.get("recent", ()) if entry[2] != message_id]
    kept.pop("open", None)  # what a dialog took from the words goes with them
    return kept


def _shown(replies: tuple[Reply, ...], before: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the choices that may be typed now: those just shown, then earlier ones that still stand on the screen.

    Only the choices just shown can be meant by their number.
    """
    shown: list[dict[str, Any]] = []
    listed = bool(replies) and replies[-1].listed == "numbers"
    for choice in replies[-1].choices if replies else ():
        label = choice.label.msgid if isinstance(choice.label, Phrase) else choice.label.text
        shown.append({"label": label, "act": choice.act, "word": choice.word, "listed": listed})
    labels = {choice["label"] for choice in shown}
    earlier = [{**old, "listed": False, "word": ""} for old in before if old["label"] not in labels]
    return [*shown, *earlier][:REMEMBERED]
