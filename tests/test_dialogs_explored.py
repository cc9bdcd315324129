"""Every state of every dialog, breadth first over all that can be tapped, typed or sent there.

The rule: nobody is stranded. From every state a person is one tap away, words are heard, the last bubble offers a way
on unless a person holds the talk, a typed label is a tap, no button leads nowhere, and whatever is said keeps LINE's
limits, with every placeholder filled, in every language that the desk talks.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

import pytest

from bot import engine, names, render
from bot.dialog import END, START, Turn
from bot.dialogs import ALL
from bot.dialogs.menu import AREAS
from bot.dialogs.safety import FITS, WORDS, trouble
from bot.i18n import OWN_NAMES
from bot.line import limits
from bot.messages import Choice, EntryFound, Heard, Inbound, InboundKind, Phrase, Point, Reply, TopicScore, numbered
from bot.situation import Campaign, TalkIn
from bot.transcript import ROOM_URL
from bot.triage import THANKS
from bot.understanding.faq import Entry
from tests.talk import (
    DAY,
    NIGHT,
    TROUBLES,
    Conversation,
    beginnings,
    concern,
    content,
    emergency,
    hear,
    shown,
    urgent,
    view,
    words,
)

Json = dict[str, Any]

#: What is typed in every state beside the labels: no sense, an age, a town, thanks, an area that nobody knows.
TYPED = (
    "むらさきのぞう",
    "2",
    "2歳",
    "さくら台",
    "市内",
    "ありがとう",
    "？",
    "いいえ",
    "はい",
    "どこにもない町",
    "よくある質問のどれか",
)
SENT: tuple[InboundKind, ...] = ("sticker", "image", "audio", "place", "follow", "unknown")
NEAR = "よくある質問のどれか"  # something like it stands in the city's own questions
QUESTIONS = {"q1": Entry("q1", "ごみの日はいつですか", "地区ごとに違います。" * 80)}
PERSON = ("人と話す", "Talk to a person")

#: What a notice on somebody's phone never shows: the first line names none of it, safety's own first words apart.
TELLING = ("暴力", "虐待", "死", "流産", "予期せぬ", "離婚", "こころ", "相手", "責める", "つらく", "通告", "189")

#: Every button that some state knows, with and without what it is about.
ACTS = sorted(
    f"{name}.{event}{argument}"
    for name, dialog in ALL.items()
    for event in dialog.machine.events
    for argument in ("", ":nursery")
)
#: What no version of ours ever sent.
FOREIGN = (
    "",
    "question.show:q1",
    "menu.about:care",
    "gone.show",
    "menu",
    ".",
    ":",
    "find_place.details:²",
    "x" * 300,
    "{name}",
    "action=buy&id=1",
    "日本語",
)


# --- what holds of everything that is said ---------------------------------------------------------------------------


def check(talk: Conversation, what: str) -> None:
    """Hold a turn against everything that must always be so."""
    turn, case = talk.last, talk.view.case
    if case is not None and case.held:
        assert turn.replies == (), f"{what}: the desk speaks while a person holds the talk"
        return
    assert turn.replies, f"{what}: silence"
    choices = turn.replies[-1].choices
    assert any(not choice.opens or choice.act for choice in choices), f"{what}: a dead end"
    called = case is not None and case.state in ("waiting", "on_hold")
    assert called or any(choice.act.startswith("person.") for choice in choices), f"{what}: no person within one tap"
    first = msgids(turn)[0] if turn.replies[0].lines else ""
    telling = [word for word in TELLING if word in first]
    assert turn.replies[0].block or not telling, f"{what}: a notice on the phone would show {telling}"
    for choice in shown(turn):
        assert choice.opens in ("call", "link") or leads_somewhere(choice.act), f"{what}: {choice.act!r} leads nowhere"
    assert within_limits(numbered(turn.replies, "A1B2")) == "", what


def leads_somewhere(act: str) -> bool:
    """Return whether a dialog knows the act's event in some state, and LINE its length."""
    name, _dot, event = act.partition(".")
    event = event.partition(":")[0]
    known = name in ALL and any(ALL[name].hears(event, state) for state in ALL[name].states if state != END)
    return known and limits.utf16_len(act) <= limits.DATA


@cache
def within_limits(replies: tuple[Reply, ...]) -> str:
    """Return what is wrong with replies as LINE would show them, in any language that the desk talks; "" if nothing."""
    for language in words().talks:
        messages = render.to_line(replies, language, words(), room_url=ROOM_URL)
        assert limits.check_messages(messages) == []
        text = json.dumps(messages, ensure_ascii=False)
        if "\\u0000" in text or any(f"{{{name}}}" in text for name in _placeholders(replies)):
            return f"{language}: a placeholder is not filled: {text[:200]}"
        asked = len([c for c in replies[-1].choices if c.opens != "room" or ROOM_URL])
        items = messages[-1].get("quickReply", {}).get("items", [])
        if len(items) != asked:
            return f"{language}: {asked} choices, {len(items)} shown"
        if cut := [item["action"]["label"] for item in items if item["action"]["label"].endswith("…")]:
            return f"{language}: labels are cut: {cut}"
    return ""


def _placeholders(replies: Sequence[Reply]) -> Iterator[str]:
    for reply in replies:
        for line in reply.lines:
            if isinstance(line, Phrase):
                yield from (name for name, _value in line.args)
                yield from (part.partition("}")[0] for part in line.msgid.split("{")[1:])


def msgids(turn: Turn) -> list[str]:
    """Return the sentences of a turn, worded in Japanese."""
    return [words().word(line, "ja") for reply in turn.replies for line in reply.lines]


# --- exploring -------------------------------------------------------------------------------------------------------


def heard_in(text: str, language: str) -> Heard:
    """Return what is heard in a text that stands alone."""
    heard = hear(text, language)
    return replace(heard, entries=(EntryFound("q1"),)) if text == NEAR else heard


def does(talk: Conversation, kind: InboundKind, **more: Any) -> Conversation:
    """Return the talk after one more thing that the resident did."""
    after = talk.fork()
    inbound = Inbound(kind, after.now, **more)
    after.take(inbound, heard_in(inbound.text, str(after.memory.get("language", ""))) if inbound.text else None)
    return after


def key(talk: Conversation) -> str:
    """Return what tells one state from another; which place or topic it is about does not."""
    memory, case = talk.memory, talk.view.case
    open_, safety = memory.get("open", {}), memory.get("safety", {})
    offered = sorted({choice.act.partition(":")[0] for choice in shown(talk.last)})
    told = (talk.view.contact_safety, talk.last.language, safety.get("state"), safety.get("data", {}).get("trouble"))
    where = (open_.get("name"), open_.get("state"), offered)
    return repr((where, told, case and (case.state, case.severity, case.kinds), talk.view.city.talk_in))


def taps(talk: Conversation) -> Iterator[tuple[str, Conversation]]:
    """Tap everything that can be tapped; of choices that differ in their argument alone the first and the last."""
    acts: dict[str, list[str]] = {}
    for choice in shown(talk.last):
        if choice.act and choice.opens not in ("call", "link", "location"):
            acts.setdefault(choice.act.partition(":")[0], []).append(choice.act)
    for same in acts.values():
        for act in dict.fromkeys((same[0], same[-1])):
            yield f"[{act}]", does(talk, "choice", act=act)


def steps_from(talk: Conversation) -> list[tuple[str, Conversation]]:
    """Do everything that can be done in a state."""
    return [
        *taps(talk),
        *((f"“{text}”", does(talk, "text", text=text)) for text in TYPED),
        *((f"({kind})", does(talk, kind, point=Point(35.05, 137.05))) for kind in SENT),
    ]


def explore(start: Conversation, *, most: int) -> dict[str, Conversation]:
    """Return every state that can be reached, after checking each thing that can be done in each."""
    found: dict[str, Conversation] = {}
    waiting = deque([("", start)])
    while waiting:
        way, talk = waiting.popleft()
        if key(talk) in found:
            continue
        found[key(talk)] = talk
        assert len(found) <= most, f"more states than thought of: {way}"
        for did, after in look_round(talk, way):
            if after.last.language == start.last.language:  # each language is explored by itself
                waiting.append((f"{way} {did}", after))
    return found


def look_round(talk: Conversation, way: str) -> list[tuple[str, Conversation]]:
    """Check each thing that can be done in a state, and return what it leads to."""
    steps = steps_from(talk)
    for did, after in steps:
        check(after, f"{way} {did}")
    labels_are_taps(talk, way)
    person_is_one_word_away(talk, way)
    return steps


def labels_are_taps(talk: Conversation, way: str) -> None:
    """A typed label does what its button does, and so does its number where numbers are shown."""
    last = talk.last.replies[-1] if talk.last.replies else Reply()
    for number, choice in enumerate(last.choices, 1):
        if not choice.act or choice.opens in ("call", "link"):
            continue
        tapped = does(talk, "choice", act=choice.act)
        typed = [words().word(choice.label, talk.last.language)]
        if last.listed == "numbers":
            typed.append(str(number))
        for text in typed:
            after = does(talk, "text", text=text)
            said, wanted = msgids(after.last), msgids(tapped.last)
            if after.last.signals:  # 「発達が気になる」 is a button and a worry: a person is offered behind the answer
                said = said[: len(wanted)]
            assert said == wanted, f"{way}: “{text}” is not [{choice.act}]"
            assert after.last.language == tapped.last.language, f"{way}: “{text}” changes the language"


def person_is_one_word_away(talk: Conversation, way: str) -> None:
    """Who writes that she wants a person gets one, wherever she is."""
    case = talk.view.case
    if case is not None and case.held:
        return
    for text in PERSON:
        after = does(talk, "text", text=text)
        assert after.last.case == "open", f"{way}: “{text}” calls nobody"
        assert after.view.case is not None


def begun(now: datetime = NIGHT, *, talk_in: TalkIn = "room", **facts: Any) -> Conversation:
    """Return a talk of a city that speaks twelve languages, at whose beginning the resident was welcomed."""
    city = replace(view().city, languages=tuple(OWN_NAMES), talk_in=talk_in)
    return does(Conversation(now, city=city, questions=QUESTIONS, **facts), "follow")


# --- the whole desk --------------------------------------------------------------------------------------------------


@pytest.mark.timeout(300)
def test_nobody_is_stranded_in_any_language() -> None:
    """From the welcome on in Vietnamese, as from every beginning in Japanese; each reply is worded in all languages."""
    assert len(explore(begun(language="vi"), most=800)) > 50


@pytest.mark.parametrize("talk_in", ["line", "ask"])
def test_nobody_is_stranded_wherever_the_talk_is_held(talk_in: TalkIn) -> None:
    """In cities that talk in LINE, or let the resident choose."""
    assert len(explore(does(begun(DAY, talk_in=talk_in), "choice", act="person.ask"), most=800)) > 5


@pytest.mark.parametrize("trouble_", list(TROUBLES))
def test_nobody_in_trouble_is_stranded(trouble_: str) -> None:
    """Every kind of trouble: its words, its ways, and all that follows, by night and by day (CARE C15)."""
    signal = TROUBLES[trouble_]
    assert trouble((signal,)) == trouble_
    for start in (begun(), begun(DAY, contact_safety="when_writing", talk_in="line"), Conversation()):
        talk = start.fork()
        talk.is_heard(signal)
        check(talk, trouble_)
        explore(talk, most=120)


def test_every_trouble_is_told() -> None:
    """No kind of trouble that safety has words for is left out, and its signal leads to it."""
    assert set(TROUBLES) == set(WORDS) == set(FITS)
    assert {told: trouble((signal,)) for told, signal in TROUBLES.items()} == {told: told for told in TROUBLES}


@pytest.mark.parametrize("kind", content().vocabulary["signals"])
def test_nobody_with_a_worry_is_stranded(kind: str) -> None:
    """A worry is kept company, a person is offered, and a no leaves every way open (CARE C12, C17)."""
    talk = begun()
    talk.is_heard(concern(kind))
    check(talk, kind)
    for word in ("はい", "いいえ", "お願いする", "いまはいい", "メニュー"):
        after = does(talk, "text", text=word)
        check(after, f"{kind} “{word}”")
        check(does(after, "text", text="むらさきのぞう"), f"{kind} “{word}” …")


@pytest.mark.parametrize("verb", ["releases: 明日また話す", "lapses", "transfers", "closes"])
def test_nobody_is_stranded_after_a_person(verb: str) -> None:
    """While a person holds the talk the desk is silent; whatever comes after is answered with a way on."""
    talk = begun()
    talk.is_heard(urgent())
    talk.stage("staff claims")
    for did, after in [*steps_from(talk), *((act, does(talk, "choice", act=act)) for act in ACTS)]:
        check(after, f"held {did}")
    talk.stage(f"staff {verb}")
    for did, after in steps_from(talk):
        check(after, f"{verb} {did}")


@pytest.mark.timeout(300)
def test_every_topic_has_a_way_on() -> None:
    """Every topic's button leads to a question or to places; each step after it too, in every language."""
    start = begun()
    for topic in content().vocabulary["topics"]:
        talk, way = does(start, "choice", act=f"find_place.topic:{topic}"), topic
        for act in ("find_place.anywhere", "find_place.age:18", "find_place.open_now", "find_place.more"):
            check(talk, way)
            for did, after in taps(talk):
                check(after, f"{way} {did}")
            talk, way = does(talk, "choice", act=act), f"{way} {act}"


@pytest.mark.timeout(300)
def test_every_state_is_reached_and_no_old_button_strands() -> None:
    """From every state, every button of any dialog, and of none, is answered with a way on; no state is left unseen."""
    found = explore(begun(), most=800)
    for way, talk in beginnings():
        look_round(talk, way)
    corners = {(talk.memory["open"]["name"], talk.memory["open"]["state"]): (way, talk) for way, talk in found.items()}
    for way, talk in corners.values():
        for act in (*ACTS, *FOREIGN):
            after = does(talk, "choice", act=act)
            check(after, f"{way} [{act}]")
            found.setdefault(key(after), after)
    alarmed = begun()
    alarmed.is_heard(urgent())
    found |= explore(alarmed, most=120)
    card = begun(campaigns={"K7F3": Campaign("K7F3", "home_visit")})
    for start, *texts in (
        (begun(), "流産しました", "……"),
        (begun(), "切迫流産と言われました"),
        (does(begun(), "choice", act="complaint.begin"), "ほかのこと", "電話がつながりません"),
        (does(begun(), "choice", act="helper.begin"), "残してもいい", "みどりです", "残してもいい"),
        (card, "はじめる [K7F3]"),
        (begun(), "一時預かり", "市内ならどこでも", "1歳", "休みたい"),
        (does(begun(), "choice", act="afterwards.due:nursery"), "まあまあ、なれてきた"),
    ):
        talk = start
        for text in texts:
            talk = does(talk, "text", text=text)
            found.setdefault(key(talk), talk)
    seen = {(talk.memory["open"]["name"], talk.memory["open"]["state"]) for talk in found.values()}
    seen |= {("safety", talk.memory["safety"].get("state")) for talk in found.values()}
    wanted = {(name, state) for name, dialog in ALL.items() for state in dialog.states if state not in (START, END)}
    assert wanted - seen == set()


@pytest.mark.parametrize("topic", sorted(names.PRIVATE))
def test_what_is_private_is_answered_under_a_neutral_line(topic: str) -> None:
    """The answer to a private question begins with thanks, and its next steps do not name it (CARE C21)."""
    talk = begun()
    heard = Heard(language="ja", topics=(TopicScore(topic, 0.9),), confident=True)
    turn = engine.turn(talk.memory, Inbound("text", talk.now, text="…"), heard, talk.view, talk.now, words())
    first, *_rest = turn.replies
    assert first.lines == (THANKS,) or (topic == "pregnancy_loss" and turn.memory["open"]["name"] == "loss")
    check(does(talk, "choice", act=f"find_place.topic:{topic}"), topic)


@pytest.mark.parametrize("area", AREAS, ids=lambda area: area.act)
def test_the_rich_menu_never_strands(area: Choice) -> None:
    """An area of the rich menu is answered at first contact, in the middle of a talk, and in danger."""
    danger = begun()
    danger.is_heard(emergency("crisis"))
    for talk in (Conversation(), begun(), does(begun(), "choice", act="find_place.topic:nursery"), danger):
        check(does(talk, "choice", act=area.act), area.act)
