"""Holds what places are filtered by, one array for each property, and answers each filter over all of them at once.

The rule: a row is a place in the order of its kana; rows go in and rows come out. Nothing here knows a query.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from math import cos, radians

import numpy as np
from numpy.typing import NDArray

from bot.directory.areas import fold_area
from bot.directory.resources import Resource
from bot.opening import TOKYO, Opening

Rows = NDArray[np.int32]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
ANY_AGE = 32_767  # months: no upper bound
NEVER = 3_652_059  # the day that date counts last: it does not end
KM_PER_DEGREE = 111.195  # a degree of latitude on a sphere of 6,371 km; good to 0.5 % within a city
_CELL = 0.1  # degrees: 11 km, so that 20 km around a point touch some twenty cells
_KEPT_DAYS = 64
_DAY = 24 * 60


class Postings:
    """Hold for each value of a property the rows that have it, in order."""

    def __init__(self, values: Iterable[Iterable[str]]) -> None:
        found: dict[str, list[int]] = defaultdict(list)
        for row, each in enumerate(values):
            for value in each:
                found[value].append(row)
        self._rows = {value: np.asarray(rows, np.int32) for value, rows in found.items()}

    def __getitem__(self, value: str) -> Rows:
        return self._rows.get(value, _NONE)


_NONE: Rows = np.zeros(0, np.int32)


def both(rows: Rows, others: Rows) -> Rows:
    """Return the rows that are also in `others` (in order)."""
    if not len(others):
        return _NONE
    at = np.minimum(others.searchsorted(rows), len(others) - 1)
    kept: Rows = rows[others[at] == rows]
    return kept


class Grid:
    """Hold where places are, by cells of a tenth of a degree."""

    def __init__(self, latitude: Floats, longitude: Floats) -> None:
        self.latitude, self.longitude = latitude, longitude
        known = np.flatnonzero(~np.isnan(latitude)).astype(np.int32)
        keys = self._key(np.floor(latitude[known] / _CELL), np.floor(longitude[known] / _CELL))
        order = np.argsort(keys, kind="stable")
        self._rows = known[order]
        self._latitude, self._longitude = latitude[self._rows], longitude[self._rows]
        self._cells, begins = np.unique(keys[order], return_index=True)
        self._bounds = np.append(begins, len(order))

    @staticmethod
    def _key(y: Floats, x: Floats) -> NDArray[np.int64]:
        return y.astype(np.int64) * 10_000 + x.astype(np.int64)

    def near(self, point: tuple[float, float], km: float) -> Rows:
        """Return the rows within `km` of a point, in no order."""
        wide = km / KM_PER_DEGREE
        across = wide / max(0.1, cos(radians(point[0])))
        low, high = (int(np.floor((point[0] + d) / _CELL)) for d in (-wide, wide))
        left, right = (int(np.floor((point[1] + d) / _CELL)) for d in (-across, across))
        found = []
        for y in range(low, high + 1):
            begin = int(self._cells.searchsorted(y * 10_000 + left))
            end = int(self._cells.searchsorted(y * 10_000 + right, side="right"))
            part = slice(int(self._bounds[begin]), int(self._bounds[end]))
            inside = _squares(self._latitude[part], self._longitude[part], point) <= wide**2
            found.append(self._rows[part][inside])
        return np.concatenate(found) if found else _NONE

    def within(self, rows: Rows, point: tuple[float, float], km: float) -> Rows:
        """Return those of `rows` that lie within `km` of a point; a place that lies nowhere does not."""
        return rows[_squares(self.latitude[rows], self.longitude[rows], point) <= (km / KM_PER_DEGREE) ** 2]

    def distances(self, rows: Rows, point: tuple[float, float]) -> Floats:
        """Return the km from a point (infinite for a place that lies nowhere)."""
        squares = _squares(self.latitude[rows], self.longitude[rows], point)
        return KM_PER_DEGREE * np.sqrt(np.where(np.isnan(squares), np.inf, squares))

    def middle(self, rows: Rows) -> tuple[float, float] | None:
        """Return the middle of places, or None when none of them lies anywhere."""
        known = rows[~np.isnan(self.latitude[rows])]
        return (float(self.latitude[known].mean()), float(self.longitude[known].mean())) if len(known) else None


def _squares(latitude: Floats, longitude: Floats, point: tuple[float, float]) -> Floats:
    """Return squared distances in degrees of latitude."""
    y, x = latitude - point[0], (longitude - point[1]) * cos(radians(point[0]))
    return y * y + x * x


class Hours:
    """Hold the hours of places: equal ones once; each day's spans are worked out when they are first asked for."""

    def __init__(self, openings: Iterable[Opening]) -> None:
        numbers: dict[Opening, int] = {}
        self.of = np.asarray([numbers.setdefault(opening, len(numbers)) for opening in openings], np.int32)
        self._each = tuple(numbers)
        self.known = np.asarray([opening.known for opening in self._each], bool)
        self._days: dict[date, _Day] = {}

    def open_at(self, rows: Rows, moment: datetime) -> Rows:
        """Return those of `rows` that are open at a moment (aware). Unknown hours are not open."""
        local = moment.astimezone(TOKYO)
        minute = local.hour * 60 + local.minute
        today, before = local.date(), local.date() - timedelta(days=1)
        numbers = self._asked(rows)
        late = self._day(before, numbers).open_at(minute + _DAY)
        return self._keep(rows, self._day(today, numbers).open_at(minute) | late)

    def open_on(self, rows: Rows, days: Sequence[date]) -> Rows:
        """Return those of `rows` that open on one of the days."""
        numbers = self._asked(rows)
        opens = np.zeros(len(self._each), bool)
        for day in days:
            opens |= self._day(day, numbers).opens
        return self._keep(rows, opens)

    def unknown(self, rows: Rows) -> int:
        """Return how many of `rows` have hours that are not known."""
        return int(np.count_nonzero(~self.known[self.of[rows]]))

    def _keep(self, rows: Rows, passed: NDArray[np.bool_]) -> Rows:
        return rows[passed[self.of[rows]]]

    def _asked(self, rows: Rows) -> NDArray[np.intp]:
        seen = np.zeros(len(self._each), bool)
        seen[self.of[rows]] = True
        return np.flatnonzero(seen & self.known)

    def _day(self, day: date, numbers: NDArray[np.intp]) -> _Day:
        if day not in self._days:
            while len(self._days) >= _KEPT_DAYS:
                self._days.pop(next(iter(self._days)))
            self._days[day] = _Day(len(self._each))
        found = self._days[day]
        found.learn(numbers, lambda number: _minutes(self._each[number], day))
        return found


class _Day:
    """Hold the spans of one day in minutes from midnight, by the hours' number; up to as many as one place has."""

    def __init__(self, size: int) -> None:
        self._told = np.zeros(size, bool)
        self.opens = np.zeros(size, bool)
        self._begins = np.full((1, size), _DAY * 3, np.int16)
        self._ends = np.zeros((1, size), np.int16)

    def learn(self, numbers: NDArray[np.intp], spans_of: Callable[[int], list[tuple[int, int]]]) -> None:
        """Work out the spans that are not known yet."""
        for number in numbers[~self._told[numbers]]:
            spans = spans_of(int(number))
            while len(spans) > len(self._begins):
                self._begins = np.vstack([self._begins, np.full_like(self._begins[:1], _DAY * 3)])
                self._ends = np.vstack([self._ends, np.zeros_like(self._ends[:1])])
            for place, (begin, end) in enumerate(spans):
                self._begins[place, number], self._ends[place, number] = begin, end
            self.opens[number] = bool(spans)
            self._told[number] = True

    def open_at(self, minute: int) -> NDArray[np.bool_]:
        """Return which are open at a minute of this day (from the next midnight on: the night after it)."""
        during: NDArray[np.bool_] = (self._begins <= minute) & (minute < self._ends)
        return np.asarray(during.any(axis=0))


def _minutes(opening: Opening, day: date) -> list[tuple[int, int]]:
    midnight = datetime(day.year, day.month, day.day, tzinfo=TOKYO)
    return [
        (int((begin - midnight).total_seconds() // 60), int((end - midnight).total_seconds() // 60))
        for begin, end in opening.spans(day)
    ]


class Columns:
    """Hold the properties of places, in the order of their kana."""

    def __init__(self, places: Sequence[Resource], topics: Sequence[frozenset[str]]) -> None:
        self.size = len(places)
        nowhere = float("nan")
        whole = [p.location if p.location.latitude is not None else None for p in places]
        self.grid = Grid(
            np.asarray([place.latitude if place else nowhere for place in whole], np.float64),
            np.asarray(
                [place.longitude if place and place.longitude is not None else nowhere for place in whole], np.float64
            ),
        )
        self.hours = Hours(p.opening for p in places)
        self._youngest = np.asarray([p.minimum_age or 0 for p in places], np.int16)
        self._oldest = np.asarray([ANY_AGE if p.maximum_age is None else p.maximum_age for p in places], np.int16)
        self._ends = np.asarray([p.ends_on.toordinal() if p.ends_on else NEVER for p in places], np.int32)
        self._free = np.asarray([p.free is True for p in places], bool)
        self._closed = np.asarray(["residents_only" in p.attributes for p in places], bool)
        served = ((row, tuple(filter(None, map(fold_area, p.service_area)))) for row, p in enumerate(places))
        self._served = {row: areas for row, areas in served if areas}
        self.postings: Mapping[str, Postings] = {
            "topic": Postings(topics),
            "category": Postings((p.category,) for p in places),
            "language": Postings(p.languages for p in places),
            "provision": Postings((p.provision,) for p in places),
            "attribute": Postings(p.conditions for p in places),
        }

    def fitting_age(self, rows: Rows, months: int) -> Rows:
        """Return those of `rows` that take a child of so many months."""
        fits: NDArray[np.bool_] = (self._youngest[rows] <= months) & (months <= self._oldest[rows])
        return rows[fits]

    def not_ended(self, rows: Rows, today: date) -> Rows:
        """Return those of `rows` that are still offered on a day."""
        lasts: NDArray[np.bool_] = self._ends[rows] >= today.toordinal()
        return rows[lasts]

    def free(self, rows: Rows) -> Rows:
        """Return those of `rows` that are known to cost nothing."""
        kept: Rows = rows[self._free[rows]]
        return kept

    def taking(self, rows: Rows, homes: Sequence[str]) -> Flags:
        """Return which of `rows` take people who live in one of the areas `homes` (folded) as well as their own.

        Not those for residents only, nor those that state a service area without any of `homes` in it.
        """
        taken: Flags = ~self._closed[rows]
        for at, row in enumerate(rows.tolist() if self._served else ()):
            areas = self._served.get(row, ())
            taken[at] &= not areas or any(h.startswith(area) or h.endswith(area) for area in areas for h in homes)
        return taken
