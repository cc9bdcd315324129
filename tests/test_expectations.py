"""What a family is told of the answer it waits for: who is busy, how many wait, until when (CARE C13, C15, C32)."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.messages import Severity
from bot.opening import TOKYO
from bot.situation import Case
from tests.talk import DAY, NIGHT, Conversation, urgent, view

CITY = view().city
BUSY = replace(CITY, desks=tuple(replace(desk, with_children_until=DAY + timedelta(minutes=40)) for desk in CITY.desks))


def asks(now: datetime, **facts: Any) -> str:
    """Return what is said to somebody who asks for a person."""
    talk = Conversation(now, **{"city": replace(CITY, reply_within=0), **facts})
    talk.does("follow")
    talk.does("choice", act="person.ask")
    return talk.said


def a_case(severity: str = "concern", **more: Any) -> Case:
    return Case(uuid.UUID(int=7), "waiting", Severity(severity), opened_at=DAY - timedelta(hours=1), **more)


def test_who_waits_hears_that_everybody_is_with_children_and_how_many_wait() -> None:
    said = asks(DAY, city=replace(BUSY, reply_within=0), others_waiting=3)
    assert "相談員はいま、子どもたちといます。今日 10:40 ごろまで、読むのがおそくなります。" in said
    assert "いま、ほかに 3 人が待っています。急ぎの人から読みます。" in said
    assert "まだだれも読んでいません" in said


def test_nothing_of_it_when_nobody_waits_or_somebody_is_free() -> None:
    for said in (asks(DAY), asks(DAY + timedelta(hours=1), city=replace(BUSY, reply_within=0))):
        assert "子どもたちといます" not in said
        assert "ほかに" not in said
        assert "めやす" not in said


def test_at_night_it_says_when_a_person_reads_and_until_when_an_answer_may_be_expected() -> None:
    """From the next opening on the hours count: Tuesday 8:30 and eight open hours; those who wait are not counted."""
    said = asks(NIGHT, city=replace(CITY, reply_within=28_800), others_waiting=3)
    assert "人が読むのは、11月24日(火) 8:30 です" in said
    assert "返事のめやすは、11月24日(火) 16:30 までです。" in said
    assert "ほかに" not in said


def test_the_hours_count_from_when_the_case_opened() -> None:
    """Who asks again is not put off again."""
    city = replace(CITY, reply_within=2 * 3_600)
    assert "返事のめやすは、今日 11:00 までです。" in asks(DAY, city=city, case=a_case())
    assert "めやす" not in asks(DAY + timedelta(hours=1), city=city, case=a_case())  # it is past: nothing is promised


def test_a_promised_answer_is_said_instead_of_nobody_has_read() -> None:
    until = datetime(2026, 11, 25, 15, tzinfo=TOKYO)
    said = asks(DAY, case=a_case(answer_by=until))
    assert "相談員が、今日 15:00 までにお返事すると言っています。" in said
    assert "まだだれも読んでいません" not in said
    assert "まだだれも読んでいません" in asks(until, case=a_case(answer_by=until))  # the time is over


@pytest.mark.parametrize("severity", ["urgent", "emergency"])
def test_while_a_grave_case_waits_no_position_and_no_excuse_is_told(severity: str) -> None:
    """CARE C15."""
    for said in (
        asks(DAY, city=BUSY, others_waiting=5, case=a_case(severity)),
        told_of_danger(Conversation(DAY, city=BUSY, others_waiting=5)),
    ):
        assert "ほかに" not in said
        assert "子どもたちといます" not in said
        assert "めやす" not in said


def told_of_danger(talk: Conversation) -> str:
    talk.does("follow")
    talk.is_heard(urgent())
    return talk.said
