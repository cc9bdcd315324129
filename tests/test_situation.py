"""A case's one table: what leads where, and what a case means for the desk."""

from __future__ import annotations

from datetime import datetime
from typing import get_args
from uuid import UUID

import pytest

from bot.errors import CaseMovedError
from bot.messages import Severity
from bot.opening import TOKYO, Opening
from bot.situation import CASE_TABLE, OPEN_STATES, Case, CaseEvent, CaseState, City, Desk, next_state
from tests.talk import view

STATES: tuple[CaseState, ...] = get_args(CaseState)
EVENTS: tuple[CaseEvent, ...] = get_args(CaseEvent)

#: DESIGN 5, written once more by hand: event -> the states in which it changes anything, and to what.
MOVES: dict[str, dict[str, str]] = {
    "offer": {"new": "offered"},
    "open": {"new": "waiting", "offered": "waiting", "declined": "waiting"},
    "alarm": {"new": "waiting", "offered": "waiting", "declined": "waiting", "on_hold": "waiting"},
    "decline": {"offered": "declined"},
    "claim": dict.fromkeys(("offered", "waiting", "on_hold", "declined"), "claimed"),
    "release": {"claimed": "on_hold"},
    "transfer": {"claimed": "waiting"},
    "lapse": {"claimed": "waiting"},
    "close": dict.fromkeys(("offered", "claimed", "on_hold", "declined"), "closed"),
    "reopen": {"closed": "waiting"},
}
#: What a resident's words may bring about in a state without moving it: a new signal joins the case.
JOINS = {
    "offer": ("offered", "waiting", "claimed", "on_hold", "declined"),
    "open": ("waiting", "claimed", "on_hold"),
    "alarm": ("waiting", "claimed"),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("event", EVENTS)
def test_the_table_is_the_designs(state: CaseState, event: CaseEvent) -> None:
    """Every pair of state and event leads where the design says, and everything else is refused in words."""
    expected = state if state in JOINS.get(event, ()) else MOVES[event].get(state)
    if expected is None:
        with pytest.raises(CaseMovedError, match="状態が変わりました"):
            next_state(state, event)
    else:
        assert next_state(state, event) == expected


def test_no_word_of_a_resident_closes_or_lowers_a_grave_case() -> None:
    """What a resident does never leads from waiting, claimed or on hold to declined or closed (CARE C12, C17)."""
    for state in ("waiting", "claimed", "on_hold"):
        for event in ("offer", "open", "alarm", "decline"):
            assert CASE_TABLE[state].get(event, state) in ("waiting", "claimed", "on_hold")


def test_every_open_state_hears_every_signal() -> None:
    """In each open state a worry and an alarm have somewhere to go, so no signal is ever refused."""
    assert set(STATES) - {"new", "closed"} == OPEN_STATES
    for state in OPEN_STATES:
        assert {"offer", "alarm", "open"} <= set(CASE_TABLE[state])


def test_an_alarm_always_ends_with_a_person_being_called_or_there() -> None:
    """After an alarm a case waits in the queue or is with a person, whatever it was before."""
    for state in (*OPEN_STATES, "new"):
        assert next_state(state, "alarm") in ("waiting", "claimed")


@pytest.mark.parametrize("state", STATES)
def test_only_a_claimed_case_is_held(state: CaseState) -> None:
    """The desk is silent in one state only; a grave case presses only while it waits."""
    for severity in Severity:
        case = Case(UUID(int=1), state, severity)
        assert case.held is (state == "claimed")
        assert case.pressing is (state == "waiting" and severity is not Severity.CONCERN)


def test_the_severities_are_ordered() -> None:
    """Concern, urgent, emergency rise in this order."""
    assert [s.rank for s in (Severity.CONCERN, Severity.URGENT, Severity.EMERGENCY)] == [1, 2, 3]


def test_a_city_without_known_hours_promises_nothing() -> None:
    """Where no hours are known nobody is said to be there and no reading is promised."""
    city = City("町", (Desk("d", "d", "基本型", Opening()),))
    now = datetime(2026, 11, 25, 10, tzinfo=TOKYO)
    assert not city.open_now(now)
    assert city.next_reading(now) is None


def test_a_city_is_open_when_one_desk_is() -> None:
    """On a Saturday the plaza is open and the centre is not: the city is open."""
    saturday = datetime(2026, 11, 28, 11, tzinfo=TOKYO)
    assert [desk.opening.open_at(saturday) for desk in view().city.desks] == [True, False]
    assert view().city.open_now(saturday)
