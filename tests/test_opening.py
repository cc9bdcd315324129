"""When the desks open, minute by minute over a whole year, against a second, dumber way of counting."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.opening import TOKYO, Closure, Opening, Rest, Schedule, is_holiday
from tests.talk import view

YEAR = 2026
#: 国民の祝日 of 2026 and of the first week of 2027, by the Cabinet Office's own list (内閣府「国民の祝日」).
HOLIDAYS = {
    date(2026, 1, 1), date(2026, 1, 12), date(2026, 2, 11), date(2026, 2, 23), date(2026, 3, 20), date(2026, 4, 29),
    date(2026, 5, 3), date(2026, 5, 4), date(2026, 5, 5),
    date(2026, 5, 6),  # the substitute for Sunday 3 May
    date(2026, 7, 20), date(2026, 8, 11), date(2026, 9, 21),
    date(2026, 9, 22),  # between two holidays
    date(2026, 9, 23), date(2026, 10, 12), date(2026, 11, 3), date(2026, 11, 23), date(2027, 1, 1),
}  # fmt: skip


def days(first: date, last: date) -> list[date]:
    """Return every day from first to last."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def moment(day: date, minute: int) -> datetime:
    """Return a minute of a day in Tokyo."""
    return datetime.combine(day, time(minute // 60, minute % 60), TOKYO)


#: desk -> its weekdays, from and to in minutes; both rest from 29 December to 3 January and on holidays.
DESKS = {"hiroba": (range(1, 6), 9 * 60 + 30, 16 * 60 + 30), "kodomo-katei": (range(5), 8 * 60 + 30, 17 * 60 + 15)}


@cache
def minutes_open(desk: str) -> frozenset[datetime]:
    """Return every open minute of a desk of the year and of the week after it, written down one by one."""
    weekdays, opens, closes = DESKS[desk]
    return frozenset(
        moment(day, minute)
        for day in days(date(YEAR, 1, 1), date(YEAR + 1, 1, 8))
        if day.weekday() in weekdays
        and day not in HOLIDAYS
        and (day.month, day.day) not in {(12, 29), (12, 30), (12, 31), (1, 1), (1, 2), (1, 3)}
        for minute in range(opens, closes)
    )


def opening(desk: str) -> Opening:
    """Return the opening of one of the sample city's desks."""
    return next(d.opening for d in view().city.desks if d.id == desk)


def test_the_calendar_knows_the_holidays() -> None:
    """The holidays of the year are those of the Cabinet Office, substitutes and days between included."""
    found = {day for day in days(date(YEAR, 1, 1), date(YEAR + 1, 1, 8)) if is_holiday(day)}
    assert found == HOLIDAYS


@pytest.mark.parametrize("desk", DESKS)
def test_open_and_next_opening_every_minute_of_a_year(desk: str) -> None:
    """The open minutes of the year are those written down one by one; around every edge the next opening is right."""
    ours, expected = opening(desk), minutes_open(desk)
    spans = [span for day in days(date(YEAR, 1, 1), date(YEAR + 1, 1, 8)) for span in ours.spans(day)]
    minutes = (start + timedelta(minutes=n) for start, end in spans for n in range(int((end - start).seconds / 60)))
    assert set(minutes) == expected
    following: datetime | None = None
    for day in reversed(days(date(YEAR, 1, 1), date(YEAR + 1, 1, 8))):
        edges = {0, 1, 9 * 60, 1439} | {e + n for _days, *both in DESKS.values() for e in both for n in (-1, 0, 1)}
        for minute in range(1439, -1, -1):
            at = moment(day, minute)
            if at in expected:
                following = at
            if day.year == YEAR and (minute in edges or minute % 61 == 0):
                assert ours.open_at(at) is (at in expected), at
                assert ours.next_open(at) == following, at


def test_the_city_reads_at_the_earliest_desk() -> None:
    """The next reading is that of whichever desk opens first."""
    for at, expected in (
        (datetime(2026, 11, 22, 2, 10, tzinfo=TOKYO), datetime(2026, 11, 24, 8, 30, tzinfo=TOKYO)),  # over a holiday
        (datetime(2026, 12, 28, 20, 0, tzinfo=TOKYO), datetime(2027, 1, 4, 8, 30, tzinfo=TOKYO)),  # over the year's end
        (datetime(2026, 5, 2, 17, 0, tzinfo=TOKYO), datetime(2026, 5, 7, 8, 30, tzinfo=TOKYO)),  # Golden Week
        (datetime(2026, 11, 28, 8, 0, tzinfo=TOKYO), datetime(2026, 11, 28, 9, 30, tzinfo=TOKYO)),  # Saturday
        (datetime(2026, 11, 25, 12, 0, tzinfo=TOKYO), datetime(2026, 11, 25, 12, 0, tzinfo=TOKYO)),
    ):
        assert view().city.next_reading(at) == expected


def test_other_zones_ask_the_same_question() -> None:
    """A moment is a moment, whatever zone it is written in."""
    at = datetime(2026, 11, 24, 8, 30, tzinfo=TOKYO)
    utc = at.astimezone(tz=None)
    assert opening("kodomo-katei").open_at(utc)
    assert not opening("kodomo-katei").open_at(utc - timedelta(seconds=1))


# --- rules one by one ----------------------------------------------------------------------------------------------


def test_past_midnight_belongs_to_the_day_before() -> None:
    """A rule that closes past midnight is open in the small hours of the next day."""
    night = Opening((Schedule((4,), time(20), time(2)),))
    friday = date(2026, 11, 27)
    assert night.open_at(moment(friday, 21 * 60))
    assert night.open_at(moment(friday + timedelta(days=1), 60))
    assert not night.open_at(moment(friday + timedelta(days=1), 120))
    assert not night.open_at(moment(friday, 60))


def test_round_the_clock() -> None:
    """Opening and closing at the same time means the whole day."""
    always = Opening((Schedule(tuple(range(7)), time(0), time(0)),))
    assert all(always.open_at(moment(date(2026, 11, 22), minute)) for minute in range(0, 1440, 7))


@pytest.mark.parametrize(
    ("nth", "expected"), [((1,), [4]), ((2, 4), [11, 25]), ((-1,), [25]), ((5,), []), ((1, -1), [4, 25])]
)
def test_the_nth_weekday_of_a_month(nth: tuple[int, ...], expected: list[int]) -> None:
    """The first, the second, the last Wednesday of November 2026."""
    rule = Schedule((2,), time(10), time(11), nth=nth)
    assert [day.day for day in days(date(2026, 11, 1), date(2026, 11, 30)) if rule.on(day)] == expected


@pytest.mark.parametrize(
    ("on_holiday", "rests"),
    [("rest", [16, 23, 30]), ("next_day", [16, 24, 30]), ("next_weekday", [16, 24, 30])],
)
def test_a_day_of_rest_that_a_holiday_moves(on_holiday: str, rests: list[int]) -> None:
    """A regular Monday off that falls on a holiday (23 November 2026) is kept, or moved to the next day."""
    rest = Rest((0,), on_holiday=on_holiday)  # type: ignore[arg-type]
    assert [d.day for d in days(date(2026, 11, 14), date(2026, 11, 30)) if rest.on(d)] == rests


def test_a_moved_day_of_rest_jumps_over_a_row_of_holidays() -> None:
    """A Monday off within three holidays in a row (21 to 23 September 2026) rests on the first working day after."""
    rest = Rest((0,), on_holiday="next_weekday")
    assert [d.day for d in days(date(2026, 9, 19), date(2026, 9, 27)) if rest.on(d)] == [24]


def test_a_closure_once_and_yearly() -> None:
    """A closure covers its days, once or every year, also around New Year."""
    once = Closure(date(2026, 8, 13), date(2026, 8, 15))
    assert [once.covers(date(year, 8, 14)) for year in (2025, 2026, 2027)] == [False, True, False]
    yearly = Closure(date(2000, 12, 29), date(2000, 1, 3), yearly=True)
    assert all(yearly.covers(date(2026, *day)) for day in ((12, 29), (12, 31), (1, 1), (1, 3)))
    assert not any(yearly.covers(date(2026, *day)) for day in ((12, 28), (1, 4), (7, 1)))


def test_nothing_known_is_not_closed_forever() -> None:
    """Without a rule nothing is known: it is not said to be open, and no opening is promised."""
    unknown, now = Opening(), moment(date(2026, 11, 25), 600)
    assert (unknown.known, unknown.open_at(now), unknown.next_open(now)) == (False, False, None)


def test_what_opens_only_beyond_the_horizon_is_not_promised() -> None:
    """An opening further away than the horizon is not named."""
    rule = Schedule((0,), time(9), time(10), valid_from=date(2027, 6, 1))
    assert Opening((rule,)).next_open(moment(date(2026, 11, 25), 600)) is None


rules = st.builds(
    Schedule,
    st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days))),
    st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    nth=st.sampled_from([(), (), (1,), (-1,), (2, 4)]),
    holidays=st.sampled_from([None, True, False]),
)
openings = st.builds(
    Opening,
    st.lists(rules, max_size=3).map(tuple),
    st.just((Closure(date(2000, 12, 29), date(2000, 1, 3), yearly=True),)),
    st.lists(
        st.builds(Rest, st.just((0,)), on_holiday=st.sampled_from(["rest", "next_day", "next_weekday"])), max_size=1
    ).map(tuple),
)


@settings(max_examples=150, deadline=None)
@given(openings, st.integers(0, 365 * 1440 - 1), st.integers(0, 50_000))
def test_the_next_opening_is_open_and_nothing_is_earlier(found: Opening, since: int, minutes: int) -> None:
    """Whatever the rules, the next opening is open, is not past, and no moment in between was open."""
    at = moment(date(YEAR, 1, 1), 0) + timedelta(minutes=since)
    following = found.next_open(at)
    if following is None:
        return
    assert following >= at
    assert found.open_at(following)
    between = at + timedelta(minutes=minutes)
    if between < following:
        assert not found.open_at(between)
