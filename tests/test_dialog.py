"""Dialogs: what is refused at import, how rows are tried, and a walk over every button of every shipped dialog."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator
from functools import cache
from typing import ClassVar

import pytest

from bot import easy, render, triage
from bot.dialog import END, START, TEXT, Dialog, Go, Talk
from bot.dialogs import ALL
from bot.dialogs.safety import CARDS, FITS, WORDS, trouble
from bot.errors import DialogError
from bot.line import limits
from bot.messages import Choice, Heard, Inbound, Reply, Signal, Verbatim
from bot.situation import next_state
from tests.talk import DAY, NIGHT, Conversation, concern, emergency, urgent, view, words

LANGUAGES = ("ja", "ja-easy", "en")


@pytest.fixture(autouse=True)
def no_test_dialogs_stay() -> Iterator[None]:
    """The shipped dialogs are what they are, whatever a test declares."""
    shipped = dict(ALL)
    yield
    assert shipped == ALL


# --- the table, refused at import --------------------------------------------------------------------------------


def declare(table: tuple[Go, ...], name: str = "tried", **methods: object) -> type[Dialog]:
    """Declare a dialog, as a module of bot/dialogs does when it is imported."""
    asks = {"ask_one": lambda self: None, "ask_two": lambda self: None}
    return type("Tried", (Dialog,), {"name": name, "table": table, **asks, **methods})


GOOD = (Go("go", START, "one"), Go("on", "one", "two"), Go(TEXT, ("one", "two"), "two"))


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ((*GOOD, Go("go", "three", "one")), "unknown state 'three'"),
        ((*GOOD, Go("go", "one", "two", take="remembr")), "does not exist: 'remembr'"),
        ((*GOOD, Go("go", "one", "two", when="is_it")), "does not exist: 'is_it'"),
        ((Go("go", START, "one"), Go("x", "two", "two"), Go(TEXT, ("one", "two"), "one")), "'two' is never reached"),
        ((Go("go", START, "one"), Go("on", "one", "two"), Go(TEXT, "one", "two")), "'two' does not hear text"),
        ((Go("go", START, "one"), Go(TEXT, "one", "one")), r"ask_two\(\) belongs to no state"),
        ((*GOOD, Go("far", "two", "three"), Go(TEXT, "three", "three")), "'three' has no ask_three"),
        ((), "needs a name and a table"),
    ],
)
def test_a_wrong_table_is_refused_at_import(table: tuple[Go, ...], why: str) -> None:
    """A slip of the pen in a dialog never reaches a resident: importing it fails and says why."""
    with pytest.raises(DialogError, match=why):
        declare(table)


def test_a_dialog_without_a_name_is_refused() -> None:
    """A dialog that no button could name is refused."""
    with pytest.raises(DialogError, match="needs a name"):
        declare(GOOD, name="")


def test_a_callback_must_be_a_method() -> None:
    """A name that is there but cannot be called is refused too."""
    with pytest.raises(DialogError, match="does not exist"):
        declare((*GOOD, Go("go", "one", "two", when="flag")), flag=True)


# --- how it runs ----------------------------------------------------------------------------------------------------


def talk(text: str = "") -> Talk:
    """Return an empty talk."""
    return Talk(view(), Inbound("text", NIGHT, text=text), Heard(), NIGHT, {})


def test_rows_are_tried_in_order_until_one_holds() -> None:
    """The first row whose condition holds is taken; a row that does not hold says nothing."""
    tried: list[str] = []

    class Order(Dialog):
        name = "order"
        table: ClassVar = (
            Go("go", "*", "one", take="first", when="no"),
            Go("go", "*", "two", take="second", when="yes"),
            Go("go", "*", "one", take="third"),
            Go(TEXT, "*", "one"),
        )

        def first(self) -> None:
            tried.append("first")

        def second(self) -> None:
            tried.append("second")

        def third(self) -> None:
            tried.append("third")

        def yes(self) -> bool:
            return True

        def no(self) -> bool:
            return False

        def ask_one(self) -> None:
            tried.append("one is said")

        def ask_two(self) -> None:
            tried.append("two is said")

    dialog = Order(talk())
    assert dialog.fire("go")
    assert (dialog.state, tried) == ("two", ["first", "second", "two is said"])


def test_what_a_table_does_not_hear_is_left_to_others() -> None:
    """An event without a row changes nothing and says so, for somebody else to answer."""
    dialog = declare(GOOD)(talk())
    assert not dialog.fire("flown")
    assert not dialog.fire("on")
    assert dialog.state == START


def test_one_machine_serves_all_talks_of_a_class() -> None:
    """The machine belongs to the class and knows no talk, so talks neither meet nor pile up."""
    kind = declare(GOOD)
    one, other = kind(talk()), kind(talk())
    one.fire("go")
    assert (one.state, other.state) == ("one", START)
    for dialog in (kind, *ALL.values()):
        assert list(dialog.machine.models) == []
    assert len({id(dialog.machine) for dialog in ALL.values()}) == len(ALL)


def test_each_trouble_has_its_words_numbers_and_card() -> None:
    """Whatever trouble is heard, there are words for it, fitting numbers, and a card to show (CARE C1, C6)."""
    assert set(FITS) == set(WORDS)
    assert {card for _fits, card in FITS.values()} == set(CARDS)
    known = {fit for hotline in view().library.hotlines for fit in hotline.fits}
    for fits, _card in FITS.values():
        assert set(fits) <= known


# --- the walk ---------------------------------------------------------------------------------------------------------


#: What raises each trouble of the safety dialog.
def test_a_guess_does_not_push_violence_aside() -> None:
    """Who told of violence is not met with another kind of help because later words are unclear."""
    talk = Conversation()
    assert [reply.block for reply in talk.is_heard(emergency("dv", aspects=("strangling",))).replies if reply.block]
    for guessed in ("", "self"):  # whose hand is not known, or is guessed from likeness
        later = talk.later(hours=1).is_heard(urgent("abuse", who=guessed))
        assert not {"safety.exhausted", "safety.own_hand"} & {reply.block for reply in later.replies}
    tired = talk.fork().is_heard(urgent("anxiety"))  # that is no guess about violence: it has its own words
    assert "safety.exhausted" in [reply.block for reply in tired.replies]
    fever = Conversation()
    fever.is_heard(urgent("medical"))
    assert "safety.exhausted" in [reply.block for reply in fever.is_heard(urgent("anxiety")).replies]
    alone = Conversation().is_heard(urgent("abuse"))
    assert "safety.exhausted" in [reply.block for reply in alone.replies]


ALARMS: dict[str, Signal] = {
    "own_hand": urgent(who="self", act="fear"),
    "own_act": urgent(who="self", act="done"),
    "child_hurt": urgent(who="partner"),
    "report": urgent(who="other"),
    "facility": urgent(aspects=("facility_staff",)),
    "child_writing": urgent(aspects=("child_writing",)),
    "crisis": urgent("crisis"),
    "crisis_now": emergency("crisis"),
    "voices": emergency("crisis", aspects=("psychosis",)),
    "dv": urgent("dv"),
    "dv_now": emergency("dv", aspects=("strangling",)),
    "medical_now": emergency("medical"),
    "medical": urgent("medical"),
    "missing": emergency("medical", aspects=("missing_child",)),
    "birth": emergency("medical", aspects=("unattended_birth",)),
    "exhausted": urgent("anxiety"),
    "hardship": urgent("hardship"),
    "development": urgent("development"),
}
PERSON = {"ja": "人と話す", "en": "talk to a person"}
READS_ALREADY = re.compile(
    r"読んでいます|読みました|見ています|向かって|駆けつけ|すぐに?(?:返事|連絡|行き)"
    r"|\b(?:is|are) (?:now )?(?:reading|on (?:the|their|his|her) way|coming)|has read|will reply (?:soon|shortly)",
    re.IGNORECASE,
)
NOT_YET = re.compile(r"まだ ?だれも ?読んでいません|Nobody has read (?:it|this) yet")
MOST = 2500  # turns of the walk


def starts() -> Iterator[tuple[str, Conversation]]:
    """Give the talks from which the walk begins: by night and day, calm, worried, and in every trouble."""
    for now in (NIGHT, DAY):
        first = Conversation(now)
        first.does("follow")
        yield f"follow {now:%H:%M}", first
        for severity in (concern(), concern("dv")):
            worried = Conversation(now)
            worried.is_heard(severity)
            yield f"concern {severity.kind} {now:%H:%M}", worried
    for key, signal in ALARMS.items():
        alarmed = Conversation(NIGHT if signal.severity.value == "urgent" else DAY)
        alarmed.is_heard(signal)
        yield key, alarmed
    for text in ("一時預かり", "児童手当のこと", "むらさきのぞう", "どんぐりの会"):
        asked = Conversation(DAY)
        asked.writes(text)
        yield text, asked
    sighs = Conversation(DAY)
    sighs.does("follow")
    sighs.does("choice", act="menu.tired")
    yield "tired", sighs


def shown(turn_replies: tuple[Reply, ...]) -> list[Choice]:
    """Return every button that was shown, on bubbles and on cards."""
    return [
        choice
        for reply in turn_replies
        for choice in (*reply.choices, *(c for card in reply.cards for c in card.choices))
    ]


def place(at: Conversation) -> tuple[object, ...]:
    """Return where a talk stands, coarsely enough that the walk ends: states, case, language, ways on."""
    case = at.view.case
    return (
        at.memory["open"]["name"],
        at.memory["open"]["state"],
        at.memory["safety"].get("state", ""),
        at.memory["safety"].get("data", {}).get("trouble", ""),
        case.state if case else "",
        at.last.language,
        tuple(sorted({choice.act.partition(":")[0] for choice in shown(at.last.replies)})),
    )


@cache
def walked() -> tuple[tuple[str, Conversation], ...]:
    """Return every place that buttons lead to from the starts, breadth first, with the way there."""
    queue = deque(starts())
    known: dict[tuple[object, ...], tuple[str, Conversation]] = {}
    turns = 0
    while queue and turns < MOST:
        way, at = queue.popleft()
        if place(at) in known:
            continue
        known[place(at)] = (way, at)
        for act in {
            choice.act.partition(":")[0]: choice.act for choice in shown(at.last.replies) if choice.act
        }.values():
            turns += 1
            onward = at.fork()
            onward.does("choice", act=act)
            queue.append((f"{way} > {act}", onward))
        if way.count(" > ") <= 1:
            for text in ("むらさきのぞう", "やめる", "つかれた", "ありがとう", "😭"):
                turns += 1
                onward = at.fork()
                onward.writes(text)
                queue.append((f"{way} 「{text}」", onward))
            onward = at.fork()
            onward.does("image")
            queue.append((f"{way} 「image」", onward))
    return tuple(known.values())


def corners(*, pressing: bool = False) -> list[tuple[str, Conversation]]:
    """Return one way to each place where different words may be understood differently."""
    found: dict[tuple[object, ...], tuple[str, Conversation]] = {}
    for way, at in walked():
        if not pressing or (at.view.case is not None and at.view.case.pressing):
            found.setdefault(place(at)[:5], (way, at))
    return list(found.values())


def test_the_walk_sees_every_dialog_and_state() -> None:
    """The walk reaches every state of every dialog of ひなた市."""
    seen: set[tuple[str, str]] = set()
    for _way, at in walked():
        seen.add((at.memory["open"]["name"], at.memory["open"]["state"]))
        seen.add(("safety", at.memory["safety"].get("state", "")))
    wanted = {(name, state) for name, dialog in ALL.items() for state in dialog.states if state not in (START, END)}
    aside = {("question", state) for state in ("shown", "lost", "offered")}  # of a city's own: tests/test_questions.py
    assert wanted - seen == {("person", "line")} | aside  # only where the city lets the resident choose
    assert set(ALARMS) == set(WORDS)
    assert {key: trouble((signal,)) for key, signal in ALARMS.items()} == {key: key for key in ALARMS}


def test_every_turn_says_something_that_line_takes_in_every_language() -> None:
    """From everywhere, each turn is one to five valid LINE messages in each language."""
    for way, at in walked():
        assert at.last.replies, way
        for language in LANGUAGES:
            messages = render.to_line(at.last.replies, language, words(), room_url="https://desk.example/room/enter/x")
            assert 1 <= len(messages) <= limits.MESSAGES, way
            limits.require(messages)


def test_every_button_leads_somewhere() -> None:
    """Each button names an event that the named dialog knows, or opens something on the phone."""
    for way, at in walked():
        for choice in shown(at.last.replies):
            if choice.opens in ("call", "link"):
                assert choice.uri, way
            elif choice.opens != "location":
                name, _dot, event = choice.act.partition(":")[0].partition(".")
                assert event in ALL[name].machine.events, f"{way}: {choice.act}"


def test_a_typed_label_is_a_tap() -> None:
    """Whoever types a button's label, in the talk's language, comes to where the tap leads (DESIGN 6)."""
    for way, at in corners():
        for choice in at.last.replies[-1].choices:
            if not choice.act or (choice.opens and choice.opens != "room"):
                continue
            tapped, typed = at.fork(), at.fork()
            tapped.does("choice", act=choice.act)
            typed.writes(words().word(choice.label, at.last.language))
            assert place(typed) == place(tapped), f"{way} > {choice.act}"


def test_a_person_is_one_typed_word_away_from_everywhere() -> None:
    """From every state 「人と話す」, "talk to a person" and the label of each offered language reach a person."""
    labels = {*PERSON.values(), *(words().sentence("人と話す", language) for language in LANGUAGES)}
    for way, at in corners():
        for label in labels:
            asked = at.fork()
            turn = asked.writes(label)
            assert (turn.case, turn.reason) == ("open", "asked"), f"{way} > {label}"
            assert asked.view.case is not None
            assert asked.view.case.state == "waiting", f"{way} > {label}"
            assert "既読" in render.to_text(
                turn.replies, "ja", words()
            ) or "まだだれも読んでいません" in render.to_text(turn.replies, "ja", words())


def test_memory_stays_plain_and_small() -> None:
    """What is remembered is the same after JSON and stays below 20 KB."""
    for way, at in walked():
        kept = json.dumps(at.memory, ensure_ascii=False)
        assert json.loads(kept) == at.memory, way
        assert len(kept.encode()) < 20_000, way


def test_nothing_forbidden_is_promised() -> None:
    """No language ever promises secrecy, that all is well, or that nobody will be told (CARE C3)."""
    for way, at in walked():
        for language in LANGUAGES:
            assert easy.forbidden(render.to_text(at.last.replies, language, words())) == [], way


def test_nothing_is_sold_while_a_grave_case_waits() -> None:
    """While an urgent or emergency case waits there are no place cards, no menu and no search (CARE C15)."""
    pressing = [(way, at) for way, at in walked() if at.view.case is not None and at.view.case.pressing]
    assert len(pressing) > 30
    for way, at in pressing:
        for reply in at.last.replies:
            assert all(card.title in [Verbatim(japanese) for japanese, _own in CARDS.values()] for card in reply.cards)
        for choice in shown(at.last.replies):
            assert not choice.act.startswith(("menu.", "find_place.")), f"{way}: {choice.act}"
    for way, at in corners(pressing=True):
        for typed in ("メニュー", "一時預かり", "どんぐりの会", "場所をさがす"):
            onward = at.fork()
            onward.writes(typed)
            assert onward.memory["open"] == at.memory["open"], f"{way} > {typed}"
            assert not any(reply.cards for reply in onward.last.replies)


def test_nobody_is_said_to_read_before_somebody_did() -> None:
    """Before a person acknowledged, nothing says that somebody reads, answers soon or comes (CARE C13)."""
    for way, at in walked():
        for language in LANGUAGES:
            said = render.to_text(at.last.replies, language, words())
            said = NOT_YET.sub("", said)
            assert not READS_ALREADY.search(said), f"{way}: {said}"


def test_every_alarm_says_when_a_person_reads() -> None:
    """In every trouble, by night and by day, the words say when a person reads, in every language (CARE C13)."""
    for signal in ALARMS.values():
        for now in (NIGHT, DAY):
            at = Conversation(now)
            said = render.to_text(at.is_heard(signal).replies, "ja", words())
            assert re.search("読むのは|よむのは|まだだれも読んでいません|まだ よんでいないよ", said)
            assert "！" not in said


def test_every_number_shown_may_be_printed() -> None:
    """No other telephone number than the content's, the city's and the well-known three is said (CARE C14a)."""
    city = view().city
    known = {h.number for h in view().library.hotlines} | {"110", "119", "189", city.night_phone}
    known |= {desk.phone for desk in city.desks}
    for _way, at in walked():
        if at.view.case is not None and at.view.case.pressing:
            said = render.to_text(at.last.replies, "ja", words())
            assert set(re.findall(r"(?<![\d:-])#?\d{3,4}(?:-\d{2,4}){0,2}(?![\d:円-])", said)) <= known


def test_after_a_person_closed_the_desk_goes_on() -> None:
    """From every place with a case, once a person has taken and closed it, the desk answers as before."""
    for way, at in corners():
        if at.view.case is None:
            continue
        assert next_state(at.view.case.state, "claim") == "claimed"
        onward = at.fork()
        onward.stage("staff claims")
        assert onward.writes("一時預かり").replies == (), way
        onward.stage("staff closes")
        assert onward.writes("一時預かり").replies, way
        assert onward.memory["open"]["name"] == "find_place", way


def test_commands_and_ways_out_are_buttons_that_exist() -> None:
    """Every spoken command is the same as a button of a dialog."""
    for act in (*triage.COMMANDS.values(), *(choice.act for choice in triage.OFFER_CHOICES)):
        name, _dot, event = act.partition(".")
        assert event in ALL[name].machine.events
