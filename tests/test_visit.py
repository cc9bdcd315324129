"""Asking for a visit or a time: half-days on which a desk is open, a wish for a person, and nothing that is fixed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from bot.dialogs.visit import HALVES, half_days
from bot.opening import TOKYO
from tests.talk import DAY, NIGHT, Conversation, shown, view, words

NEW_YEAR = datetime(2026, 12, 27, 10, 0, tzinfo=TOKYO)


def begun(now: datetime = DAY, **facts: object) -> Conversation:
    """Return a talk that asks what is wished for."""
    talk = Conversation(now, **facts)
    talk.does("follow")
    talk.does("choice", act="visit.begin")
    return talk


@pytest.mark.parametrize("now", [DAY, NIGHT, NEW_YEAR])
def test_half_days_are_open_and_spread_over_two_weeks(now: datetime) -> None:
    """Each lies within the next two weeks, in order, with a desk open for an hour; days of rest are none."""
    found = half_days(view().city, now)
    assert len(found) == len(set(found)) == 6
    assert list(found) == sorted(found)
    today = now.astimezone(TOKYO).date()
    for key in found:
        day, half = date.fromisoformat(key[:10]), key[11:]
        assert today < day <= today + timedelta(days=14)
        middle = datetime.combine(day, HALVES[half][0], TOKYO) + timedelta(hours=1)
        assert any(desk.opening.open_at(middle) for desk in view().city.desks)
        assert not (date(2026, 12, 29) <= day <= date(2027, 1, 3))
    assert half_days(replace(view().city, desks=()), now) == ()


@pytest.mark.parametrize("language", ["ja", "vi", "ne"])
def test_a_half_day_that_is_typed_is_the_one_on_the_button(language: str) -> None:
    """A label that names a day is remembered as it was shown, in the talk's language, and typed it is a tap."""
    city = replace(view().city, languages=words().talks)
    talk = begun(city=city, language=language)
    talk.does("choice", act="visit.what:home")
    for choice in [choice for choice in shown(talk.last) if choice.act.startswith("visit.when:")][:3]:
        tapped, typed = talk.fork(), talk.fork()
        tapped.does("choice", act=choice.act)
        typed.writes(words().word(choice.label, language))
        assert typed.said == tapped.said
        assert typed.last.note == tapped.last.note != ""


def test_a_wish_becomes_a_case_and_nothing_is_fixed() -> None:
    """Staff read what and when as a fact; the family reads that it is not fixed (CARE C13)."""
    talk = begun()
    talk.writes("家に来てほしい")
    key = half_days(talk.view.city, talk.now)[1]
    turn = talk.does("choice", act=f"visit.when:{key}")
    assert (turn.case, turn.reason) == ("open", "visit")
    assert turn.note.startswith("希望: 家への訪問。日時: 11月")
    assert "まだ決まっていません" in talk.said


def test_any_time_and_ones_own_words_will_do() -> None:
    """「いつでも」 and typed words are taken; the words stand in the talk for the person."""
    talk = begun()
    talk.writes("一緒に行ってほしい")
    assert talk.fork().writes("いつでも").note == "希望: 窓口などへの同行。日時: いつでも。"
    assert talk.writes("らいしゅうのどこかでおねがいします").note.endswith("ことばで書いたとおり。")


def test_an_old_button_is_asked_again() -> None:
    """A half-day that has passed is not taken; neither is one that was never offered."""
    talk = begun()
    talk.writes("窓口で話したい")
    key = half_days(talk.view.city, talk.now)[0]
    talk.later(days=15)
    for stale in (key, "2026-99-99-am", ""):
        turn = talk.does("choice", act=f"visit.when:{stale}")
        assert turn.case == ""
        assert talk.memory["open"]["state"] == "when"


def test_who_wants_words_only_when_they_write_is_not_called_back() -> None:
    """No call is offered or taken, and it is said that nothing comes first (CARE C21)."""
    talk = begun(contact_safety="when_writing")
    assert "電話で話したい" not in talk.said
    talk.does("choice", act="visit.what:phone")
    assert talk.memory["open"]["state"] == "what"
    talk.writes("窓口で話したい")
    assert talk.writes("いつでも").case == "open"
    assert "こちらから先には連絡しません" in talk.said


def test_it_stands_under_the_answer_about_consultation() -> None:
    """Who asks where to talk finds it there."""
    talk = Conversation(DAY)
    talk.writes("相談窓口の場所と時間")
    assert "訪問や時間を頼む" in talk.said
