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
from bot.dialog import START, TEXT, Dialog, Go, Talk
from bot.dialogs import ALL
from bot.dialogs.safety import CARDS, FITS, WORDS, trouble
from bot.errors import DialogError
from bot.messages import Heard, Inbound, Verbatim
from bot.situation import next_state
from tests.talk import (
    DAY,
    NIGHT,
    TROUBLES,
    Conversation,
    beginnings,
    concern,
    content,
    emergency,
    shown,
    urgent,
    view,
    words,
)

LANGUAGES = words().talks


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


def test_a_birth_or_voices_that_are_only_guessed_get_no_words_of_their_own() -> None:
    """Who asks for postnatal care and is misheard is not told to lie down and unlock the door."""
    for aspect in ("unattended_birth", "psychosis"):
        guessed = urgent("medical", aspects=(aspect,), why="ko-3/37254")
        assert trouble((guessed,)) == "medical"
        assert trouble((urgent("medical", aspects=(aspect,), why="ko/labour-alone"),)) != "medical"


def test_what_is_only_guessed_does_not_push_aside_what_was_told() -> None:
    """After 「夫に殴られた」 an 「いま一人です」 that resembles something else leaves the words where they were."""
    talk = Conversation()
    talk.is_heard(urgent("dv", why="ja/partner-hits", act="done"))
    talk.is_heard(urgent("medical", aspects=("unattended_birth",), why="ko-3/37254"))
    assert talk.memory["safety"]["data"]["trouble"] == "dv"
    assert any(choice.act == "safety.traceless" for choice in shown(talk.last))
    talk.is_heard(urgent("crisis", why="ja/wants-to-die", act="wish"))
    assert talk.memory["safety"]["data"]["trouble"] == "crisis"


@pytest.mark.parametrize("kind", ["medical", "crisis"])
def test_words_that_help_whom_they_fit_are_said_on_a_guess_too(kind: str) -> None:
    """Who told of a blow and then of what sounds like a fever or a wish to die hears of it; an emergency stays."""
    guess = urgent(kind, why="ja-1/77")
    for told, spoken in ((urgent("dv", why="ja/partner-hits"), True), (emergency("dv", why="ja/strangled"), False)):
        talk = Conversation()
        talk.is_heard(told)
        blocks = {reply.block for reply in talk.is_heard(guess).replies}
        assert (f"safety.{kind}" in blocks) is spoken
        assert talk.memory["safety"]["data"]["trouble"].startswith("dv")


def test_the_harmless_word_is_heard_for_good() -> None:
    """Who read once that 「おむつ」 hides the talk may send it forty answers later (CARE C21)."""
    talk = Conversation()
    talk.is_heard(urgent("dv", why="ja/partner-hits"))
    before = talk.fork()
    talk.does("choice", act="safety.traceless")
    talk.stage("staff claims")
    talk.stage("staff closes")
    for topic in content().vocabulary["topics"]:
        for act in (f"answer.about:{topic}", f"find_place.topic:{topic}", "find_place.anywhere"):
            talk.does("choice", act=act)
    assert all(choice["act"] != "safety.cover" for choice in talk.memory["choices"])
    talk.writes("おむつ")
    assert talk.memory["safety"]["state"] == "covered"
    before.writes("おむつ")
    assert before.memory["safety"]["state"] != "covered"


def test_a_milder_word_leaves_119_where_it_was() -> None:
    talk = Conversation()
    talk.is_heard(emergency("medical", why="ja/not-breathing", act="now"))
    talk.is_heard(urgent("medical", why="ja/high-fever", act="now"))
    assert talk.memory["safety"]["data"]["trouble"] == "medical_now"


def test_after_not_meant_a_question_is_answered_while_the_case_waits() -> None:
    """It gets the words of its answer, no places and no menu; a new alarm ends that (CARE C12, C15)."""
    talk = Conversation(DAY)
    talk.is_heard(urgent("crisis", why="en-6/15689"))
    talk.writes("一時預かりの料金")
    assert "一時預かりは" not in talk.said
    talk.does("choice", act="safety.not_meant")
    talk.writes("一時預かりの料金")
    assert "一時預かりは" in talk.said
    assert not any(reply.cards for reply in talk.last.replies)
    assert all(not c.act.startswith(("menu.", "find_place.")) for c in talk.last.replies[-1].choices)
    assert talk.view.case is not None
    assert talk.view.case.pressing
    talk.is_heard(urgent("crisis", why="ja/wants-to-die", act="wish"))
    talk.writes("一時預かりの料金")
    assert "一時預かりは" not in talk.said


def test_wrong_under_an_answer_is_about_the_answer() -> None:
    """「ちがう」 is the button that stands on the screen; without one it takes back the worry that was heard."""
    talk = Conversation(DAY)
    talk.is_heard(concern("anxiety"))
    talk.writes("お願いする")
    assert talk.fork().writes("ちがう").memory["open"]["name"] != "feedback"
    talk.writes("夜間の診療")
    (button,) = (choice for choice in shown(talk.last) if choice.act.startswith("feedback.wrong"))
    tapped, typed = talk.fork(), talk.fork()
    tapped.does("choice", act=button.act)
    typed.writes("ちがう")
    assert typed.said == tapped.said


def test_a_typed_label_is_a_tap_while_the_case_waits() -> None:
    """「見せるカード」 shows the card, though together with the words before it sounds like danger again."""
    talk = Conversation()
    talk.is_heard(urgent("hardship"))
    talk.is_heard(urgent("hardship"), text="見せるカード")
    assert any(reply.cards for reply in talk.last.replies)
    assert talk.last.case == "alarm"  # the queue hears of it all the same


PERSON = {"ja": "人と話す", "en": "talk to a person"}
READS_ALREADY = re.compile(
    r"読んでいます|読みました|見ています|向かって|駆けつけ|すぐに?(?:返事|連絡|行き)"
    r"|\b(?:is|are) (?:now )?(?:reading|on (?:the|their|his|her) way|coming)|has read|will reply (?:soon|shortly)",
    re.IGNORECASE,
)
NOT_YET = re.compile(r"まだ ?だれも ?読んでいません|Nobody has read (?:it|this) yet")
MOST = 3000  # turns of the walk


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
        tuple(sorted({choice.act.partition(":")[0] for choice in shown(at.last)})),
    )


@cache
def walked() -> tuple[tuple[str, Conversation], ...]:
    """Return every place that buttons lead to from the starts, breadth first, with the way there."""
    queue = deque(beginnings())
    known: dict[tuple[object, ...], tuple[str, Conversation]] = {}
    turns = 0
    while queue and turns < MOST:
        way, at = queue.popleft()
        if place(at) in known:
            continue
        known[place(at)] = (way, at)
        for act in {choice.act.partition(":")[0]: choice.act for choice in shown(at.last) if choice.act}.values():
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


def test_a_person_is_called_by_a_word_of_each_language() -> None:
    """The label of 「人と話す」 is a command; that it works from every state is explored elsewhere."""
    for language in LANGUAGES:
        assert content().hearing.command(words().sentence("人と話す", language)) == "person", language


def test_memory_stays_plain_and_small() -> None:
    """What is remembered is the same after JSON and stays below 20 KB."""
    for way, at in walked():
        kept = json.dumps(at.memory, ensure_ascii=False)
        assert json.loads(kept) == at.memory, way
        assert len(kept.encode()) < 20_000, way


def test_nothing_forbidden_is_promised() -> None:
    """No language ever promises secrecy, that all is well, or that nobody will be told (CARE C3)."""
    for way, at in corners():
        for language in LANGUAGES:
            assert easy.forbidden(render.to_text(at.last.replies, language, words())) == [], way


def test_nothing_is_sold_while_a_grave_case_waits() -> None:
    """While an urgent or emergency case waits there are no place cards, no menu and no search (CARE C15)."""
    pressing = [(way, at) for way, at in walked() if at.view.case is not None and at.view.case.pressing]
    assert len(pressing) > 30
    for way, at in pressing:
        for reply in at.last.replies:
            assert all(card.title in [Verbatim(japanese) for japanese, _own in CARDS.values()] for card in reply.cards)
        for choice in shown(at.last):
            assert not choice.act.startswith(("menu.", "find_place.")), f"{way}: {choice.act}"
    for way, at in corners(pressing=True):
        for typed in ("メニュー", "一時預かり", "どんぐりの会", "場所をさがす"):
            onward = at.fork()
            onward.writes(typed)
            assert onward.memory["open"] == at.memory["open"], f"{way} > {typed}"
            assert not any(reply.cards for reply in onward.last.replies)


def test_nobody_is_said_to_read_before_somebody_did() -> None:
    """Before a person acknowledged, nothing says that somebody reads, answers soon or comes (CARE C13)."""
    for way, at in corners():
        for language in LANGUAGES:
            said = render.to_text(at.last.replies, language, words())
            said = NOT_YET.sub("", said)
            assert not READS_ALREADY.search(said), f"{way}: {said}"


def test_every_alarm_says_when_a_person_reads() -> None:
    """In every trouble, by night and by day, the words say when a person reads, in every language (CARE C13)."""
    for signal in TROUBLES.values():
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
