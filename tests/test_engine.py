"""One turn after another: welcome, languages, greetings, split bubbles, silence, and what is said only once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import engine, triage
from bot.dialog import Turn
from bot.dialogs import ALL
from bot.dialogs.card import MOMENTS
from bot.dialogs.safety import WORDS, trouble
from bot.dialogs.welcome import HELLO, HELLO_CHILD, HELLO_SHORT
from bot.messages import Heard, Inbound, InboundKind, Phrase, Point, Severity, Signal
from bot.situation import CASE_TABLE, GREETINGS, Campaign, Case, Moment
from tests.talk import DAY, NIGHT, Conversation, concern, content, emergency, urgent, view, words

HELLOS = {HELLO[0].msgid, HELLO_SHORT.msgid, HELLO_CHILD.msgid}
HELD = Case(UUID(int=7), "claimed", Severity.CONCERN, holder_id=UUID(int=8))


def msgids(turn: Turn) -> list[str]:
    """Return the catalog's sentences that were said."""
    return [line.msgid for reply in turn.replies for line in reply.lines if isinstance(line, Phrase)]


def greeted(turn: Turn) -> bool:
    """Return whether the welcome was said, as the first thing."""
    said = msgids(turn)
    assert sum(msgid in HELLOS for msgid in said) <= 1
    return bool(said) and said[0] in HELLOS


def asks(turn: Turn) -> str:
    """Return the act of the offer of a person, when there is one."""
    return next((c.act for r in turn.replies for c in r.choices if c.act == "person.yes"), "")


# --- first contact ---------------------------------------------


@pytest.mark.parametrize("kind", [k for k in get_args(InboundKind) if k not in ("unfollow", "unsend")])
def test_the_welcome_comes_once_whatever_comes_first(kind: InboundKind) -> None:
    """What this is precedes the first answer, to any kind of first contact, and is never said again (CARE C7)."""
    talk = Conversation()
    more: dict[str, Any] = {"point": Point(35.05, 137.05)} if kind == "place" else {}
    text = "すみません" if kind in ("text", "room_text") else ""
    assert greeted(talk.does(kind, text=text, **more))
    assert not greeted(talk.writes("一時預かりはありますか"))
    assert not greeted(talk.does("follow"))


@pytest.mark.parametrize("kind", ["unfollow", "unsend"])
def test_leaving_is_not_a_first_contact(kind: InboundKind) -> None:
    """Who blocks or takes back before a word was heard is told nothing, and is welcomed when she comes."""
    talk = Conversation()
    assert talk.does(kind).replies == ()
    assert greeted(talk.writes("すみません"))


def test_the_welcome_is_short_before_words_in_danger() -> None:
    """At first contact in danger one short line precedes the answer, in kana for a child (CARE C1, C7, C27)."""
    assert msgids(Conversation().is_heard(urgent("crisis")))[0] == HELLO_SHORT.msgid
    child = urgent("abuse", aspects=("child_writing",))
    assert msgids(Conversation().is_heard(child))[0] == HELLO_CHILD.msgid


# --- language ---------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "written", "before", "profile", "answered"),
    [
        ("en", "ja", "ja", "ja", "en"),  # what was chosen stands above all
        ("", "en", "ja", "ja", "en"),  # then what was written
        ("", "ja", "en", "en", "ja"),
        ("", "ja", "ja-easy", "", "ja-easy"),  # plain Japanese stays while Japanese is written
        ("", "", "en", "ja", "en"),  # then what it was before
        ("", "", "", "en", "en"),  # then the profile
        ("", "", "", "en-GB", "en"),
        ("", "", "", "", "ja"),
        ("", "vi", "", "", "ja-easy"),  # a language that is not offered is answered in plain Japanese
        ("", "vi", "en", "en", "ja-easy"),
        ("", "", "", "ne", "ja-easy"),
        ("vi", "", "", "en", "en"),  # one that was chosen once and is offered no more does not count
    ],
)
def test_the_language_of_the_answer(chosen: str, written: str, before: str, profile: str, answered: str) -> None:
    """Chosen, else written, else before, else the profile's; what is not offered becomes やさしい日本語."""
    talk = Conversation(language=chosen, language_hint=profile)
    talk.view = replace(talk.view, city=replace(talk.view.city, languages=("ja", "ja-easy", "en")))
    memory = {"v": engine.VERSION, "language": before} if before else {}
    inbound = Inbound("text", talk.now, text="…") if written else Inbound("sticker", talk.now)
    turn = engine.turn(memory, inbound, Heard(language=written), talk.view, talk.now, words())
    assert turn.language == answered


# --- printed cards ---------------------------------------------


@pytest.mark.parametrize("text", ["はじめる [K7F3]", "Start [k7f3]", "  はじめる ［K7F3］ ", "[K7F3]"])
def test_a_card_greeting_is_taken_off_before_anything_is_heard(text: str) -> None:
    """The token of a printed card is remembered, and neither answered nor kept as words."""
    talk = Conversation()
    turn = talk.writes(text)
    assert greeted(turn)
    assert turn.memory["campaign"] == "K7F3"
    assert turn.memory["open"]["name"] == "welcome"
    assert turn.memory["recent"] == []


@pytest.mark.parametrize("text", ["もう死にたい", "こどもをたたいてしまった", "I want to die", "夫に首を絞められた"])
def test_no_signal_is_lost_in_a_greeting(text: str) -> None:
    """Who writes into a card's text is heard as if there were no card."""
    bare, card = Conversation().writes(text), Conversation().writes(f"{text} [K7F3]")
    assert [(s.kind, s.severity) for s in card.signals] == [(s.kind, s.severity) for s in bare.signals]
    assert card.signals
    assert card.case == bare.case == "alarm"
    assert msgids(card) == msgids(bare)


def test_a_question_in_a_greeting_is_answered() -> None:
    """Who asks in the card's text gets the answer."""
    turn = Conversation().writes("一時預かりはどこですか [K7F3]")
    assert turn.memory["open"]["name"] == "find_place"
    assert turn.memory["campaign"] == "K7F3"
    assert "[K7F3]" not in json.dumps(turn.memory["recent"])


CARDS = {"K7F3": Campaign("K7F3", "home_visit", languages=("ja", "en"), own={"en": "Hello, I have a card"})}


def card_talk(moment: Moment = "home_visit", **facts: Any) -> Conversation:
    """Give a talk with somebody who holds a card of the moment."""
    return Conversation(campaigns={"K7F3": replace(CARDS["K7F3"], moment=moment)}, **facts)


@pytest.mark.parametrize("moment", get_args(Moment))
def test_the_first_answer_fits_the_moment_of_the_card(moment: Moment) -> None:
    """The welcome comes first (CARE C7), then what the moment is about; more of it and a person are one tap away."""
    talk = card_talk(moment)
    turn = talk.writes("はじめる [K7F3]")
    assert greeted(turn)
    assert msgids(turn)[2:5] == [line.msgid for line in MOMENTS[moment].lines]
    assert turn.memory["campaign"] == "K7F3"
    acts = [choice.act for choice in turn.replies[-1].choices]
    assert {"person.ask", "language.ask"} <= set(acts)
    assert any(act.startswith("find_place.") for act in acts)
    if (about := f"card.about:{moment}") in acts:
        told = talk.fork().does("choice", act=about)
        assert msgids(told) == [p.msgid for p in content().answers[MOMENTS[moment].topic].paragraphs]
        assert "person.ask" in [choice.act for choice in told.replies[-1].choices]
    assert talk.writes("一時預かりはどこですか").memory["open"]["name"] == "find_place"


@pytest.mark.parametrize(
    ("text", "profile", "language"),
    [
        ("Hello, I have a card [K7F3]", "ja", "en"),
        ("hello  i have a card! [k7f3]", "ja", "en"),
        ("はじめます [K7F3]", "en", "ja-easy"),
        ("はじめる [K7F3]", "en", "ja"),
        ("[K7F3]", "en", "en"),
        ("Bắt đầu [K7F3]", "ja", "vi"),
    ],
)
def test_the_language_of_the_card_becomes_that_of_the_talk(text: str, profile: str, language: str) -> None:
    """The greeting tells it even where the phone says otherwise; what says nothing leaves it to the phone."""
    talk = card_talk(language_hint=profile)
    turn = talk.writes(text)
    assert turn.language == language
    assert talk.does("sticker").language == language
    assert turn.memory["open"]["name"] == "card"


@pytest.mark.parametrize("language", GREETINGS)
def test_a_card_of_any_language_is_answered_in_it_where_it_is_offered(language: str) -> None:
    """In Vietnamese when the card was Vietnamese, once the city offers it; the phone is a Japanese one."""
    talk = card_talk(language_hint="ja")
    talk.view = replace(talk.view, city=replace(talk.view.city, languages=tuple(GREETINGS)))
    card = Campaign("K7F3", "home_visit", languages=(language,))
    talk.view = replace(talk.view, campaigns={"K7F3": card})
    turn = talk.writes(card.greeting(language))
    assert (turn.language, turn.memory["open"]["name"]) == (language, "card")
    assert talk.does("sticker").language == language


def test_what_she_chose_stands_above_the_card() -> None:
    """A chosen language stays; who comes back by a card is not welcomed a second time, but answered by its moment."""
    talk = card_talk("hiroba", language="en")
    talk.writes("すみません")
    turn = talk.writes("はじめる [K7F3]")
    assert turn.language == "en"
    assert not greeted(turn)
    assert turn.memory["open"]["name"] == "card"


@pytest.mark.parametrize("code", ["XXXX", "K7F4"])
def test_an_unknown_card_gets_the_usual_welcome(code: str) -> None:
    """A code that runs no more, or never did, opens the desk as anything else does."""
    turn = card_talk().writes(f"はじめる [{code}]")
    assert greeted(turn)
    assert turn.memory["open"]["name"] == "welcome"


def test_a_card_says_nothing_into_a_waiting_emergency() -> None:
    """While an urgent case waits, safety speaks and no card (CARE C15); a person who holds the talk is left alone."""
    talk = card_talk()
    talk.writes("こどもをたたいてしまった")
    assert talk.view.case is not None
    assert not set(msgids(talk.writes("はじめる [K7F3]"))) & {line.msgid for line in MOMENTS["home_visit"].lines}
    talk.stage("staff claims")
    assert talk.writes("はじめる [K7F3]").replies == ()


@pytest.mark.parametrize("text", ["もう死にたい", "夫に首を絞められた"])
def test_danger_in_a_known_cards_text_is_heard_first(text: str) -> None:
    """Who writes into the text of a card that we know is heard as if there were no card."""
    bare, card = Conversation().writes(text), card_talk().writes(f"{text} [K7F3]")
    assert card.signals
    assert (msgids(card), card.case) == (msgids(bare), bare.case)


def test_brackets_in_a_long_text_are_no_card() -> None:
    """Only a short text that ends in a token is a card's; other brackets stay words."""
    turn = Conversation().writes(
        "一時預かりについて、市の案内の資料には、この番号の窓口にきくようにと書いてありましたが、どこですか [A123]"
    )
    assert "campaign" not in turn.memory


# --- split bubbles ---------------------------------------------


@pytest.mark.parametrize(
    "bubbles", [("もう", "むり", "しにたい"), ("し", "に", "たい"), ("死に", "たい"), ("I want", "to", "die")]
)
def test_words_split_over_bubbles_are_heard_joined(bubbles: tuple[str, ...]) -> None:
    """What is written in pieces within ten minutes raises the signal of the whole."""
    talk = Conversation()
    for bubble in bubbles:
        turn = talk.writes(bubble)
    assert any(s.kind == "crisis" and s.severity.rank >= Severity.URGENT.rank for s in turn.signals)


def test_only_the_last_minutes_are_joined() -> None:
    """What was written more than ten minutes ago is not kept for joining."""
    talk = Conversation()
    talk.writes("死に")
    assert engine.recent_texts(talk.memory, talk.now + engine.TOGETHER) == ("死に",)
    assert engine.recent_texts(talk.memory, talk.now + engine.TOGETHER + timedelta(seconds=1)) == ()
    talk.later(minutes=11).writes("たい")
    assert [text for _at, text, _id in talk.memory["recent"]] == ["たい"]


def test_little_is_kept_for_joining() -> None:
    """At most three texts of at most 500 characters are kept, however much is written."""
    talk = Conversation()
    for _ in range(5):
        talk.writes("あ" * 5000)
    assert [len(text) for _at, text, _id in talk.memory["recent"]] == [500, 500, 500]


# --- taking back ---------------------------------------------


@pytest.mark.parametrize("text", ["むらさきのぞう", "なぎさ保育園", "もう死にたい、むらさきのぞう"])
def test_unsent_words_leave_the_memory(text: str) -> None:
    """Unsend takes the words out of memory and says nothing (CARE C17)."""
    talk = Conversation()
    talk.writes("すみません")
    talk.does("text", text=text, message_id="m9")
    assert text in json.dumps(talk.memory, ensure_ascii=False)
    turn = talk.does("unsend", message_id="m9")
    assert turn.replies == ()
    assert text not in json.dumps(talk.memory, ensure_ascii=False)
    assert "すみません" in json.dumps(talk.memory, ensure_ascii=False)
    assert talk.writes("メニュー").replies


def test_the_places_last_shown_are_remembered_until_others_are_or_the_words_are_taken_back() -> None:
    """A person who takes over sees which places the desk offered (E.3); other answers leave them as they are."""
    talk = Conversation(DAY)
    for act in ("find_place.topic:temporary_care", "find_place.anywhere", "find_place.age:30"):
        talk.does("choice", act=act)
    shown = [card.place for reply in talk.last.replies for card in reply.cards]
    assert shown
    assert all(shown)
    assert talk.memory["places"] == shown
    talk.writes("ありがとう")
    assert talk.memory["places"] == shown
    talk.does("choice", act=f"find_place.details:{shown[-1]}")
    assert talk.memory["places"] == [shown[-1]]
    talk.does("text", text="むらさきのぞう", message_id="m9")
    talk.does("unsend", message_id="m9")
    assert "places" not in talk.memory


def test_unsend_closes_no_case() -> None:
    """Taking back the words leaves the case as it is (CARE C17)."""
    talk = Conversation()
    talk.does("text", text="もう死にたい", message_id="m9")
    assert talk.view.case is not None
    assert talk.does("unsend", message_id="m9").case == ""
    assert talk.view.case.state == "waiting"


# --- what no version of ours ever sent ---------------------------------------------


@pytest.mark.parametrize(
    "act",
    [
        "gone.show",
        "find_place.flown",
        "find_place.more",
        "find_place.details:no-such-place",
        "find_place.topic:no-such-topic",
        "find_place.age:²",
        "find_place.age:" + "9" * 280,
        "find_place.area:",
        "language.chosen:tlh",
        "safety.flown",
        "safety.alarm",
        "safety.text",
        "menu",
        ".",
        ":",
        "find_place.text",
        "x" * 300,
    ],
)
@pytest.mark.parametrize("pressing", [False, True])
def test_a_stale_button_is_answered_politely(act: str, pressing: bool) -> None:
    """A button of another version, or one that was tampered with, gets an answer with a way on, never an exception."""
    talk = Conversation()
    talk.is_heard(urgent()) if pressing else talk.writes("メニュー")
    turn = talk.does("choice", act=act)
    assert turn.replies
    assert any(reply.choices for reply in turn.replies)


@pytest.mark.parametrize(
    "memory",
    [
        {"v": 0, "open": "an older shape", "choices": 3},
        {"open": {"name": "find_place"}},
        {"v": engine.VERSION, "open": {"name": "gone", "state": "lost", "data": {"a": 1}}},
        {"v": engine.VERSION, "open": {"name": "find_place", "state": "lost", "data": {}}, "safety": {"state": "lost"}},
    ],
)
@pytest.mark.parametrize("text", ["一時預かり", "もう死にたい", "むらさきのぞう"])
def test_memory_of_another_version_does_not_stop_the_desk(memory: dict[str, Any], text: str) -> None:
    """Memory that another version wrote is let go, and the resident is answered."""
    talk = Conversation()
    talk.memory = memory
    turn = talk.writes(text)
    assert turn.replies
    assert turn.memory["v"] == engine.VERSION
    assert talk.writes("メニュー").replies


ACTS = sorted(f"{name}.{event}" for name, dialog in ALL.items() for event in dialog.machine.events)


@settings(max_examples=25, deadline=None)
@given(
    steps=st.lists(
        st.one_of(
            st.text(max_size=20),
            st.sampled_from(
                ["⓵", "9" * 4500, "3歳", "もう死にたい", "市内", "1", "はい", "人と話す", "[K7F3]", "\x00room\x00"]
            ),
            st.builds("{}:{}".format, st.sampled_from(ACTS), st.sampled_from(["", "2", "en", "ひなた市", "nursery"])),
        ),
        max_size=6,
    )
)
@pytest.mark.timeout(400)  # hundreds of turns, each heard in twelve languages
def test_whatever_comes_is_answered(steps: list[str]) -> None:
    """Any words and any buttons in any order are answered within LINE's limits; nothing typed is an exception."""
    talk = Conversation()
    talk.does("choice", act="find_place.topic:temporary_care")
    talk.does("choice", act="find_place.anywhere")
    for step in steps:
        name = step.partition(".")[0]
        turn = talk.does("choice", act=step) if name in ALL else talk.does("text", text=step)
        assert turn.replies


# --- silence ---------------------------------------------


@settings(max_examples=120, deadline=None)
@given(
    kind=st.sampled_from(get_args(InboundKind)),
    act=st.sampled_from(["", "x.y", *ACTS]),
    text=st.one_of(st.text(max_size=12), st.sampled_from(["人と話す", "メニュー", "1", "はじめる [K7F3]", "やめる"])),
    signals=st.lists(
        st.builds(Signal, st.sampled_from(["crisis", "abuse", "dv", "medical", "anxiety"]), st.sampled_from(Severity)),
        max_size=2,
    ),
    known=st.booleans(),
)
def test_while_a_person_holds_the_talk_the_desk_is_silent(
    kind: InboundKind, act: str, text: str, signals: list[Signal], known: bool
) -> None:
    """Whatever arrives while a case is claimed, nothing is said and nothing is planned, but every signal is noted."""
    talk = Conversation(case=HELD)
    memory = {"v": engine.VERSION, "handback": {"lapsed": True}, "choices": [{"label": "メニュー", "act": "menu.show"}]}
    inbound = Inbound(kind, talk.now, text=text, act=act, point=Point(35, 137))
    heard = Heard(signals=tuple(signals))
    turn = engine.turn(memory if known else {}, inbound, heard, talk.view, talk.now, words())
    assert turn.replies == ()
    assert turn.follow_ups == ()
    assert turn.chosen_language == ""
    if kind not in ("unfollow", "unsend"):
        assert turn.signals == tuple(signals)
        assert turn.case == ("" if not signals else "offer" if max(s.severity.rank for s in signals) == 1 else "alarm")
    if known:
        assert turn.memory["handback"] == {"lapsed": True}  # it is told when the desk speaks again


def test_only_a_claimed_case_silences() -> None:
    """The desk speaks in every other state of a case."""
    for state in CASE_TABLE:
        case = Case(UUID(int=7), state, Severity.CONCERN)
        assert bool(Conversation(case=case).writes("一時預かり").replies) is (state != "claimed")


@pytest.mark.parametrize("severity", list(Severity))
def test_violence_at_home_makes_the_desk_write_only_when_written_to(severity: Severity) -> None:
    """Once dv is heard, at any severity and even while a person holds the talk, the desk no longer writes first."""
    for case in (None, HELD):
        assert Conversation(case=case).is_heard(Signal("dv", severity)).contact_safety == "when_writing"
    assert Conversation(contact_safety="at_times").is_heard(Signal("dv", severity)).contact_safety == ""


# --- what is said only once ---------------------------------------------


@pytest.mark.parametrize("signal", [urgent("crisis"), urgent("abuse", who="self"), emergency("medical"), urgent("dv")])
def test_the_same_block_is_not_said_twice_within_half_an_hour(signal: Signal) -> None:
    """The block of a trouble comes once, then company without it, and again after thirty minutes (CARE C15)."""
    talk, block = Conversation(), f"safety.{trouble((signal,))}"

    def said() -> bool:
        return any(reply.block == block for reply in talk.last.replies)

    talk.is_heard(signal)
    assert said()
    talk.later(minutes=1).is_heard(signal)
    assert not said()
    assert talk.last.replies
    talk.later(minutes=28, seconds=59).is_heard(signal)
    assert not said()
    talk.later(seconds=1).is_heard(signal)
    assert said()


def test_another_trouble_is_spoken_to_at_once() -> None:
    """A new kind of trouble gets its own words, however short ago the other's were said."""
    talk = Conversation()
    talk.is_heard(urgent("crisis"))
    turn = talk.later(minutes=1).is_heard(emergency("medical"))
    assert WORDS["medical_now"][0].msgid in msgids(turn)


def test_a_worry_is_answered_first_and_a_person_offered_once() -> None:
    """For a concern the question is answered, then a person is offered; the offer is not repeated (CARE C12)."""
    talk = Conversation()
    turn = talk.writes("一時預かりを使いたい。毎日しんどくて不安です")
    assert turn.case == "offer"
    offers = [i for i, reply in enumerate(turn.replies) if triage.OFFER in reply.lines]
    assert offers == [len(turn.replies) - 1]
    assert turn.memory["open"]["name"] == "find_place"
    turn = talk.is_heard(concern())
    assert turn.replies
    assert not asks(turn)


@pytest.mark.parametrize("no", ["いまはいい", "いいえ", "No thank you"])
def test_a_no_is_a_no(no: str) -> None:
    """Who declined is not asked again, and may still ask for a person herself (CARE C17)."""
    talk = Conversation()
    talk.is_heard(concern())
    assert talk.writes(no).case == "decline"
    assert not asks(talk.is_heard(concern()))
    assert not asks(talk.is_heard(concern("development")))
    assert talk.writes("人と話す").case == "open"


def test_a_no_leaves_what_is_grave_to_be_read() -> None:
    """Who declines after violence was heard is told honestly that it is read all the same (CARE C17)."""
    talk = Conversation()
    talk.is_heard(concern("dv"))
    talk.writes("いまはいい")
    assert "相談員が一度読みます" in talk.said


def test_what_was_agreed_is_told_once_after_the_talk_is_given_back() -> None:
    """After a release the desk says who talked and what comes next, once (DESIGN 5)."""
    talk = Conversation()
    talk.writes("人と話す")
    talk.stage("staff claims")
    talk.stage("staff releases: 明日もう一度話す")
    talk.memory["handback"]["next"] = DAY.isoformat()
    talk.writes("ありがとう")
    assert "さくら" in talk.said
    assert "11月25日" in talk.said
    assert "明日もう一度話す" not in talk.said  # facts, not the staff's notes
    talk.writes("ありがとう")
    assert "さくら" not in talk.said


def test_a_lapse_is_told_before_the_desk_speaks_again() -> None:
    """When nobody acted for too long, that is said once, with when somebody reads (CARE C16)."""
    talk = Conversation()
    talk.is_heard(urgent())
    talk.stage("staff claims")
    assert talk.writes("聞こえますか").replies == ()
    talk.stage("staff lapses")
    talk.writes("聞こえますか")
    assert talk.said.startswith("相談員の返事がとぎれています。")
    assert "11月24日(火) 8:30" in talk.said
    talk.writes("聞こえますか")
    assert "とぎれて" not in talk.said


@pytest.mark.parametrize("signal", [urgent("crisis"), emergency("abuse")])
def test_not_meant_is_thanked_for_and_closes_nothing(signal: Signal) -> None:
    """ "That's not what I meant" changes no urgent or emergency case (CARE C12)."""
    talk = Conversation()
    talk.is_heard(signal)
    turn = talk.writes("そういう意味ではない")
    assert "教えてくれて、ありがとうございます" in talk.said
    assert turn.case == ""
    assert talk.view.case is not None
    assert (talk.view.case.state, talk.view.case.severity) == ("waiting", signal.severity)


def test_turns_change_no_memory_that_was_given() -> None:
    """A turn gives new memory and leaves the given one as it was."""
    talk = Conversation()
    for text in ("一時預かり", "市内ならどこでも", "2歳", "もう死にたい", "電話できない", "朝に知らせて"):
        before = json.dumps(talk.memory)
        heard = view().library.hearing.hear(text)
        engine.turn(talk.memory, Inbound("text", NIGHT, text=text), heard, talk.view, NIGHT, words())
        assert json.dumps(talk.memory) == before
        talk.writes(text)


@pytest.mark.parametrize("text", ["……", "？？", "😭😭", "（；；）", "ok", "です"])
def test_a_sigh_is_no_search(text: str) -> None:
    """Dots, pictures and words too short to be a name bring no list of places."""
    talk = Conversation()
    talk.writes("すみません")
    turn = talk.writes(text)
    assert turn.replies
    assert not any(reply.cards for reply in turn.replies)


@pytest.mark.parametrize("text", ["……", "😭😭"])
def test_a_wordless_message_is_a_sign_of_life(text: str) -> None:
    """Dots and pictures are answered as kindly as a sticker, not with "I did not understand"."""
    talk = Conversation()
    talk.writes("すみません")
    assert msgids(talk.writes(text)) == msgids(talk.does("sticker"))


def test_many_threads_may_hear_at_once() -> None:
    """Hearing is asked from several threads at the same time and hears what it hears alone."""
    texts = [
        "もう限界です。子どもを叩いてしまいそう",
        "一時預かりを二時間お願いしたい",
        "死にたい",
        "I want to die",
    ] * 60
    hear = content().hearing.hear
    alone = [hear(text) for text in texts[:4]] * 60
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(hear, texts)) == alone
