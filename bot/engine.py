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
from bot.dialog import AFTERWARDS, PREGNANCY, Talk, Turn, View
from bot.dialogs import ALL
from bot.dialogs.loss import is_told
from bot.dialogs.safety import COVER
from bot.dialogs.welcome import HELLO, HELLO_CHILD, HELLO_SHORT, told_of_translation
from bot.i18n import EASY, SOURCE, Catalogs, choose
from bot.messages import GAP, Choice, Heard, Inbound, Phrase, Reply, Severity, Verbatim, _
from bot.names import TOPICS
from bot.profile import Profile
from bot.situation import Campaign, CaseEvent
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


def is_label(memory: Mapping[str, Any], text: str, words: Catalogs, language: str) -> bool:
    """Return whether the text is what stands on a button that the resident was shown."""
    return bool(triage.pressed(text, _choices(memory, words, language), words, language))


def _choices(memory: Mapping[str, Any], words: Catalogs, language: str) -> list[Mapping[str, Any]]:
    """Return the choices that may be typed: those that were shown, and the cover word once it was promised."""
    if memory.get("v") != VERSION:
        return []
    promised = memory.get("safety", {}).get("data", {}).get("cover")
    return [*memory.get("choices", ()), *([_kept(COVER, words, language)] if promised else [])]


def due(memory: Mapping[str, Any], name: str) -> str:
    """Return the act by which the desk speaks first when a follow-up is due; "" when nothing is to be said.

    That is when it is not remembered any more, or when a person was the last to speak: then no machine goes on unasked.
    """
    if memory.get("v") != VERSION or memory.get("handback"):
        return ""
    about = memory.get("later", {}).get(name, "")
    return f"{name}.due:{about}" if about else ""


def is_amid(memory: Mapping[str, Any], now: datetime) -> bool:
    """Return whether the resident is writing just now, or a dialog waits for her words and would lose them."""
    open_ = memory.get("open", {})
    dialog = ALL.get(open_.get("name", ""))
    return bool(recent_texts(memory, now)) or (dialog is not None and open_.get("state") in dialog.takes_words)


def greeting_token(inbound: Inbound) -> str:
    """Return the token of a printed card that the text carries, or ""."""
    found = GREETING.match(inbound.text) if inbound.kind == "text" else None
    return found["token"].upper() if found else ""


def _without_token(text: str) -> str:
    return GREETING.sub(r"\g<words>", text)


def turn(memory: Mapping[str, Any], inbound: Inbound, heard: Heard, desk: View, now: datetime, words: Catalogs) -> Turn:
    """Return the Turn that `inbound` leads to.

    `memory` is {} at first contact. `words` recognises typed labels; no answer is worded here. The result's memory is
    a new dict; the given one is not changed.
    """
    known = dict(memory) if memory.get("v") == VERSION else {}
    first = not known
    greeting, card_language = greeting_token(inbound), ""
    if greeting:
        known["campaign"] = greeting
        inbound, heard, card_language = _greeted(inbound, heard, desk.campaigns.get(greeting))
    if inbound.kind == "unsend":
        return Turn(_without_message(known, inbound.message_id), _language(known, heard, desk, inbound, words))
    if inbound.kind == "unfollow":
        return Turn(known, _language(known, heard, desk, inbound, words))

    inbound = replace(inbound, first_contact=first or bool(greeting))
    language = _language(known, heard, desk, inbound, words, card_language)
    talk = Talk(desk, inbound, heard, now, {}, language=language, profile=Profile.of(memory))
    if desk.contact_safety == "any" and any(signal.kind == "dv" for signal in heard.signals):
        talk.contact_safety = "when_writing"  # from now on only when they write, whoever speaks (CARE C21)
    if is_told(heard, expecting=talk.profile.due is not None):  # a loss ends it, whoever answers
        talk.profile = replace(talk.profile, due=None)
        talk.stops += [PREGNANCY, AFTERWARDS]
    open_ = Open(**known["open"]) if "open" in known else Open()
    safety: dict[str, Any] = dict(known.get("safety", {}))
    answered = triage.answer(talk, open_, safety, _choices(known, words, language), words)

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
    later = {name: about for name, about in known.get("later", {}).items() if not name.startswith(tuple(talk.stops))}
    after["later"] = later | {wish.name: wish.about for wish in talk.follow_ups if wish.about}
    if not after["later"]:
        del after["later"]
    if offered := [card.place for reply in replies for card in reply.cards if card.place]:
        after["places"] = offered
    if not silent:
        after["choices"] = _shown(replies, known.get("choices", ()), words, talk.language)
        after.pop("handback", None)
    if talk.forgets:
        after, talk.profile = _forgotten(after, desk), Profile()
    return Turn(
        memory=talk.profile.within(after),
        language=talk.language,
        replies=tuple(replies),
        signals=heard.signals,
        case=talk.case or _case_event(heard),
        reason=talk.reason if talk.case == "open" else _reason(heard),
        note=talk.note,
        follow_ups=tuple(talk.follow_ups),
        chosen_language=talk.chosen_language,
        contact_safety=talk.contact_safety,
        talk_in=talk.talk_in,
        unmet=tuple(talk.unmet),
        stops=tuple(talk.stops),
        topic=_topic(heard, known),
        offer=talk.offer,
    )


def _topic(heard: Heard, known: Mapping[str, Any]) -> str:
    """Return what was clearly asked for just now, else what was talked of before, as an id of the vocabulary, or ""."""
    if heard.confident and heard.topics:
        return heard.topics[0].id
    before = known.get("open", {}).get("data", {}).get("topic", "")
    return before if before in TOPICS else ""


def _greeted(inbound: Inbound, heard: Heard, campaign: Campaign | None) -> tuple[Inbound, Heard, str]:
    """Return what a card's text means, without its code: the dialog of its moment, or what was written into it.

    The third value is the language of the card: whose greeting it is, or "" for what somebody wrote herself.
    """
    words = triage.fold(_without_token(inbound.text))
    said = campaign.greetings().items() if campaign is not None else ()
    language = next((id for id, greeting in said if words and triage.fold(greeting) == words), "")
    if not language and (heard.signals or heard.confident):  # somebody wrote more into the card's text
        return replace(inbound, text=_without_token(inbound.text)), heard, ""
    act = f"card.greet:{campaign.moment}" if campaign is not None else ""
    bare = replace(inbound, text="", act=act)
    return bare, replace(heard, topics=(), entries=(), confident=False), language


def _language(
    memory: Mapping[str, Any], heard: Heard, desk: View, inbound: Inbound, words: Catalogs, card: str = ""
) -> str:
    """Return the language to answer in: the chosen one, else the card's, the one written in, before, the profile's.

    A language that the city does not offer is answered in やさしい日本語. A typed label is a tap and tells no language:
    「ことば / Language」 is not English.
    """
    offered = desk.city.languages
    if desk.language in offered:
        return desk.language
    if card:
        return choose(offered, card)
    before = str(memory.get("language", ""))
    if inbound.text and heard.language and not (before and is_label(memory, inbound.text, words, before)):
        return before if (before, heard.language) == (EASY, SOURCE) else choose(offered, heard.language)
    return choose(offered, before, desk.language_hint)


def _case_event(heard: Heard) -> CaseEvent | Literal[""]:
    if any(signal.severity.rank > Severity.CONCERN.rank for signal in heard.signals):
        return "alarm"
    if not heard.whole:
        return "open"  # the encoders failed: a person reads what patterns alone may have missed
    return "offer" if heard.signals else ""


def _reason(heard: Heard) -> str:
    return "signal" if heard.signals else "" if heard.whole else "half_heard"


def _before(memory: Mapping[str, Any], desk: View, talk: Talk, first: bool, by: str) -> tuple[Reply, ...]:
    """Return what precedes the answer: the welcome line at first contact, or what happened with a person."""
    if first:
        name = Verbatim(desk.city.name_en if talk.language == "en" and desk.city.name_en else desk.city.name)
        if by == "safety" and any("child_writing" in s.aspects for s in talk.heard.signals):
            return (Reply(lines=(_(HELLO_CHILD.msgid, city=name),), vital=True),)
        if by == "safety":
            return (Reply(lines=(_(HELLO_SHORT.msgid, city=name),), vital=True),)
        told = told_of_translation(desk.city, talk.language)
        return (Reply(lines=(_(HELLO[0].msgid, city=name), GAP, HELLO[1], *told)),)
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


def _forgotten(memory: Mapping[str, Any], desk: View) -> dict[str, Any]:
    """Return what stays of a memory that is to be forgotten: the language, and where this very talk stands.

    While a case is open its danger and what a person agreed stay too: forgetting closes no case (CARE C17).
    """
    stays = {"v", "language", "open", "choices", *(("safety", "handback") if desk.case is not None else ())}
    return {"safety": {}, "recent": []} | {key: value for key, value in memory.items() if key in stays}


def _without_message(memory: Mapping[str, Any], message_id: str) -> dict[str, Any]:
    """Return memory without the words of an unsent message (CARE C17)."""
    kept = dict(memory)
    kept["recent"] = [entry for entry in memory.get("recent", ()) if entry[2] != message_id]
    for taken in ("open", "choices", "places"):  # what a dialog took from the words, and offered after them
        kept.pop(taken, None)
    return kept


def _shown(
    replies: tuple[Reply, ...], before: Sequence[Mapping[str, Any]], words: Catalogs, language: str
) -> list[dict[str, Any]]:
    """Return the choices that may be typed now: those just shown, then earlier ones that still stand on the screen.

    Only the choices just shown (`fresh`) can be meant by their number.
    """
    shown: list[dict[str, Any]] = []
    listed = bool(replies) and replies[-1].listed == "numbers"
    for choice in replies[-1].choices if replies else ():
        shown.append(_kept(choice, words, language, listed=listed))
    labels = {choice["label"] for choice in shown}
    earlier = [{**old, "listed": False, "word": "", "fresh": False} for old in before if old["label"] not in labels]
    return [*shown, *earlier][:REMEMBERED]


def _kept(choice: Choice, words: Catalogs, language: str, *, listed: bool = False) -> dict[str, Any]:
    """Return what is remembered of a choice: its sentence, or, where values fill it, the label as it was shown."""
    label = choice.label
    kept = label.msgid if isinstance(label, Phrase) and not label.args else words.word(label, language)
    return {"label": kept, "act": choice.act, "word": choice.word, "listed": listed, "fresh": True}
