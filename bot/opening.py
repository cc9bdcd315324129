"""When something is open: weekly schedules, holidays, exceptions, and the next opening.

The rule: a Schedule is data in Tokyo wall-clock time; every question is answered for a given moment.
Used by the desk's own hours and by every place of the directory.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

import holidays

TOKYO = ZoneInfo("Asia/Tokyo")


@lru_cache(maxsize=64)
def _holidays(year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays("JP", years=year))


def is_holiday(day: date) -> bool:
    """Return whether `day` is a national holiday of Japan (国民の祝日に関する法律, by the `holidays` library)."""
    return day in _holidays(day.year)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Hold one opening rule (HSDS schedule): days of the week (0 = Monday), from when to when, valid when.

    `closes_at` at or before `opens_at` means past midnight. `nth` limits to the n-th such weekdays of a month
    (-1 = last). `holidays`: None = holidays are like any day, False = closed on them, True = open only on them.
    """

    byday: tuple[int, ...]
    opens_at: time
    closes_at: time
    valid_from: date | None = None
    valid_to: date | None = None
    nth: tuple[int, ...] = ()
    holidays: bool | None = None
    description: str = ""

    def on(self, day: date) -> bool:
        """Return whether this rule opens on `day`."""
        if day.weekday() not in self.byday:
            return False
        if (self.valid_from and day < self.valid_from) or (self.valid_to and day > self.valid_to):
            return False
        if self.holidays is not None and is_holiday(day) is not self.holidays:
            return False
        if self.nth:
            nth = (day.day - 1) // 7 + 1
            last = (day + timedelta(days=7)).month != day.month
            return nth in self.nth or (last and -1 in self.nth)
        return True


@dataclass(frozen=True, slots=True)
class Closure:
    """Hold days on which nothing opens (HSDS has no name for it): from and to inclusive.

    `yearly` ignores the year and may wrap around New Year, as 12-29 to 01-03 does.
    """

    first: date
    last: date
    yearly: bool = False

    def covers(self, day: date) -> bool:
        """Return whether `day` is closed."""
        if not self.yearly:
            return self.first <= day <= self.last
        a, b, d = (self.first.month, self.first.day), (self.last.month, self.last.day), (day.month, day.day)
        return a <= d <= b if a <= b else (d >= a or d <= b)


@dataclass(frozen=True, slots=True)
class Rest:
    """Hold a regular day of rest (定休日) that a public holiday may move, as 月曜日が祝日の場合は翌日休 does.

    `byday` and `nth` as in Schedule. `on_holiday`: what happens when it falls on a national holiday: it rests all the
    same, or opens and rests on the next day (翌日), or on the next day that is neither holiday nor weekend (翌平日).
    """

    byday: tuple[int, ...]
    nth: tuple[int, ...] = ()
    on_holiday: Literal["rest", "next_day", "next_weekday"] = "rest"

    def on(self, day: date) -> bool:
        """Return whether it rests on `day`."""
        if self._names(day):
            return self.on_holiday == "rest" or not is_holiday(day)
        if self.on_holiday == "rest":
            return False
        before = day - timedelta(days=1)
        if self.on_holiday == "next_day":
            return self._names(before) and is_holiday(before)
        if is_holiday(day) or day.weekday() > 4:
            return False
        while is_holiday(before) or before.weekday() > 4:
            if self._names(before) and is_holiday(before):
                return True
            before -= timedelta(days=1)
        return False

    def _names(self, day: date) -> bool:
        return Schedule(self.byday, time(0), time(0), nth=self.nth).on(day)


@dataclass(frozen=True, slots=True)
class Opening:
    """Hold all that is known about when something is open; empty means unknown, not closed."""

    schedules: tuple[Schedule, ...] = ()
    closures: tuple[Closure, ...] = ()
    rests: tuple[Rest, ...] = ()

    @property
    def known(self) -> bool:
        """Return whether any opening rule is known."""
        return bool(self.schedules)

    def spans(self, day: date) -> list[tuple[datetime, datetime]]:
        """Return the aware opening spans that begin on `day`, earliest first."""
        if any(c.covers(day) for c in self.closures) or any(r.on(day) for r in self.rests):
            return []
        found = []
        for rule in self.schedules:
            if rule.on(day):
                start = datetime.combine(day, rule.opens_at, TOKYO)
                end = datetime.combine(day, rule.closes_at, TOKYO)
                found.append((start, end if end > start else end + timedelta(days=1)))
        return sorted(found)

    def open_at(self, moment: datetime) -> bool:
        """Return whether it is open at `moment` (aware)."""
        day = moment.astimezone(TOKYO).date()
        spans = self.spans(day - timedelta(days=1)) + self.spans(day)
        return any(start <= moment < end for start, end in spans)

    def next_open(self, moment: datetime, *, days: int = 60) -> datetime | None:
        """Return `moment` if open then, else the next opening within `days`, or None if none is known."""
        if self.open_at(moment):
            return moment
        day = moment.astimezone(TOKYO).date()
        for ahead in range(days + 1):
            for start, _end in self.spans(day + timedelta(days=ahead)):
                if start >= moment:
                    return start
        return None

    def open_on(self, day: date) -> bool:
        """Return whether it opens at all on `day`."""
        return bool(self.spans(day))
