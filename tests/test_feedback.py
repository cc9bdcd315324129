"""「ちがう」: one more try, then a person; counted by topic without words, and no danger is taken for an answer."""

from __future__ import annotations

import pytest

from bot.dialog import UnmetNeed
from tests.talk import DAY, Conversation, concern, urgent

ALLOWANCE = UnmetNeed("child_allowance", lacking=("answer",))


def answered() -> Conversation:
    """Return a talk in which the library has just answered."""
    talk = Conversation(DAY)
    talk.does("follow")
    talk.writes("児童手当のこと")
    assert "ちがう" in talk.said
    return talk


@pytest.mark.parametrize("text", ["ちがう", "違います", "役に立たない", "分からない", "not helpful"])
def test_a_word_or_a_tap_leads_to_one_more_try(text: str) -> None:
    """It is thanked for, counted once by topic, and asked what was looked for."""
    talk = answered()
    turn = talk.writes(text)
    assert talk.memory["open"]["name"] == "feedback"
    assert turn.unmet == (ALLOWANCE,)
    assert talk.writes("一時預かりのこと").memory["open"]["name"] == "find_place"


def test_after_one_more_try_a_person_is_offered() -> None:
    """Nobody is asked again and again."""
    talk = answered()
    talk.writes("ちがう")
    talk.writes("むらさきのぞう")
    assert talk.memory["open"]["state"] in ("guessed", "given_up")
    talk.writes("むらさきのぞう")
    assert talk.memory["open"]["state"] == "given_up"
    assert "相談員と一緒に" in talk.said


def test_where_danger_was_heard_it_means_that() -> None:
    """After a signal it is about the signal, though the chip of an old answer stands on the screen (CARE C12)."""
    for signal in (urgent("crisis"), concern("anxiety")):
        talk = answered()
        talk.is_heard(signal)
        turn = talk.writes("ちがう")
        assert talk.memory["safety"]["state"] == "not_meant"
        assert turn.unmet == ()


def test_nothing_is_counted_where_a_signal_was_heard() -> None:
    """Not even by a tap (CARE C30)."""
    talk = answered()
    talk.is_heard(concern("anxiety"))
    assert talk.does("choice", act="feedback.wrong:child_allowance").unmet == ()


def test_not_understanding_a_question_of_ours_is_no_feedback() -> None:
    """「分からない」 where no answer stands is left to the dialog that asked."""
    talk = Conversation(DAY)
    talk.does("follow")
    talk.writes("一時預かりを使いたい")
    talk.writes("分からない")
    assert talk.memory["open"]["name"] != "feedback"


def test_a_search_that_was_wrong_is_counted_by_its_topic() -> None:
    """「ちがう」 after a search names what was searched for."""
    talk = Conversation(DAY)
    talk.does("follow")
    talk.writes("一時預かりを使いたい")
    assert talk.writes("違う").unmet == (UnmetNeed("temporary_care", lacking=("answer",)),)
