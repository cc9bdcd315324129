"""Finds the places that fit a need, fast, in a neutral order that has a name, with what differs between them.

The rule: the search never picks. It returns every fitting place in a stated order (guideline 4(3)③); when nothing
fits it says what it relaxed, and when only one fits it says which wish left the others out. Pure: `now` is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property, reduce
from typing import Literal

import numpy as np

from bot.directory.areas import fold, fold_area
from bot.directory.columns import Columns, Flags, Floats, Rows, both
from bot.directory.resources import Provision, Resource
from bot.directory.towns import Area, Towns
from bot.directory.words import Words
from bot.messages import Point
from bot.opening import TOKYO

FEW = 3  # fewer are no choice: who is refused at one has nothing left to compare (guideline 4(3)③)
NEIGHBOURS = 5  # of the neighbours' places at once: as many as can be compared side by side
NEAR_KM = 20.0  # beyond this nobody takes a small child for two hours; asked-for distance replaces it

Order = Literal["distance", "distance_from_area", "kana"]
Wish = Literal["town", "area", "distance", "open", "free", "language", "provision", "conditions", "words"]
Aspect = Literal["kind", "fee", "hours", "age", "distance", "booking", "conditions", "provision"]


@dataclass(frozen=True, slots=True)
class Query:
    """Hold what is looked for. Empty fields ask nothing; all others must be met.

    `area`: municipality or 町名 as typed. `near`: a point; with `within_km`. `open_at`: open at this moment (aware).
    `open_weekday`: opens on that day of the week (0 = Monday). `today`: leaves out what has ended before it.
    `neighbours`: municipalities whose places may be shown besides when few fit in the asked one (it may be among them).
    `language`: spoken there; `provision`: 施設型, 訪問型 or 出張型; `attributes`: all of these conditions hold
    (ids of `resources.ATTRIBUTES`, and NO_BOOKING).
    """

    topic: str = ""
    category: str = ""
    area: str = ""
    near: Point | None = None
    within_km: float | None = None
    age_months: int | None = None
    open_at: datetime | None = None
    open_weekday: int | None = None
    free: bool = False
    language: str = ""
    provision: Provision | Literal[""] = ""
    attributes: tuple[str, ...] = ()
    words: str = ""
    neighbours: tuple[str, ...] = ()
    today: date | None = None
    limit: int = 10
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Match:
    """Hold one fitting place. `open_now` is None when its hours are not known or no moment was asked."""

    resource: Resource
    distance_km: float | None = None
    open_now: bool | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Hold the answer: a page of matches in the stated `order`, of `total` in all.

    `areas`: how the area was understood ("ひなた市", "ひなた市川辺町"); empty when it was not found.
    `widened`: wishes that were set aside because nothing fitted with them, in the order they were dropped.
    `hours_unknown`: how many more may be open then, but their hours are not known. `differs`: aspects in which the
    shown places differ. `left_out`: only when one place fits: wish -> how many more would fit without it; empty
    means that there is only this one. `neighbours`: the first of `neighbours_total` places elsewhere that fit too and
    take people from the asked area, in the same order; only when fewer than FEW fit in its municipality.
    """

    matches: tuple[Match, ...]
    total: int
    order: Order
    areas: tuple[str, ...] = ()
    area_known: bool = True
    widened: tuple[Wish, ...] = ()
    hours_unknown: int = 0
    differs: tuple[Aspect, ...] = ()
    left_out: tuple[tuple[Wish | Literal["age"], int], ...] = ()
    neighbours: tuple[Match, ...] = ()
    neighbours_total: int = 0


class Directory:
    """Hold all places, indexed once; answers queries without changing."""

    def __init__(
        self,
        resources: Iterable[Resource],
        topics_of_category: Mapping[str, Sequence[str]],
        read: Callable[[str], str] = lambda name: "",
    ) -> None:
        """Index active `resources`; `topics_of_category` as in the vocabulary (category id -> topic ids).

        `read` gives the reading of a name whose source gives none; it serves the search alone and is never shown.
        """
        everything = list(resources)
        self._by_id = {r.id: r for r in everything}
        self.resources: tuple[Resource, ...] = tuple(
            sorted(
                (r for r in self._by_id.values() if r.status == "active"),
                key=lambda r: (fold(r.kana or r.name), r.name, r.id),
            )
        )
        shared: dict[frozenset[str], frozenset[str]] = {}
        topics = [shared.setdefault(t, t) for r in self.resources for t in (_topics(r, topics_of_category),)]
        self._columns = Columns(self.resources, topics)
        self._words = Words(self.resources, read)
        self._towns = Towns([place.location for place in self.resources], self._columns.grid)

    def __len__(self) -> int:
        return len(self.resources)

    def get(self, id: str) -> Resource | None:
        """Return the place with this id, active or not, or None."""
        return self._by_id.get(id)

    @cached_property
    def area_names(self) -> frozenset[str]:
        """Return the names of municipalities and 町名 that some place has, as they are written."""
        named = ((r.location.municipality, r.location.town) for r in self.resources)
        return frozenset(name for pair in named for name in pair if name)

    def areas_of(self, text: str) -> tuple[str, ...]:
        """Return the areas that `text` may mean, as they are called here; empty when none is known."""
        return tuple(a.name for a in self._towns.meant(text))

    def search(self, query: Query, *, now: datetime | None = None) -> Found:
        """Return the places that fit `query`, widened if none fits.

        `now` (aware) tells of each whether it is open, and leaves out what has ended unless `query.today` is set.
        """
        if query.today is None and now is not None:
            query = replace(query, today=now.astimezone(TOKYO).date())
        areas = self._towns.meant(query.area)
        kept, widened = self._kept(query, areas)
        order, matches = self._page(query, kept, areas, widened, now)
        around = self._around(query, kept, areas, widened)
        few = replace(query, offset=0, limit=NEIGHBOURS)
        neighbours = self._page(few, around, areas, widened, now)[1] if len(around) else ()
        return Found(
            matches=matches,
            total=len(kept),
            order=order,
            areas=tuple(a.name for a in areas),
            area_known=bool(areas) or not query.area,
            widened=widened,
            hours_unknown=self._hours_unknown(query, areas, widened),
            differs=_differing((*matches, *neighbours)),
            left_out=self._left_out(query, areas, told=bool(neighbours)) if len(kept) == 1 and not widened else (),
            neighbours=neighbours,
            neighbours_total=len(around),
        )

    # --- filters --------------------------------------------------------------------------------------------------

    def _fitting(self, q: Query, areas: Sequence[Area]) -> Rows:
        """Return the rows that meet every wish; in the order of kana unless a point is asked for."""
        if q.area and not areas:
            return np.zeros(0, np.int32)
        columns = self._columns
        lists = [
            columns.postings[kind][value]
            for kind, values in (
                ("topic", (q.topic,)), ("category", (q.category,)), ("language", (q.language,)),
                ("provision", (q.provision,)), ("attribute", q.attributes),
            )
            for value in values
            if value
        ]  # fmt: skip
        if areas:
            lists.append(reduce(np.union1d, (area.members for area in areas)))
        if q.words.strip():
            lists.append(self._words.find(q.words))
        kept = self._met(lists, q)
        if q.age_months is not None:
            kept = columns.fitting_age(kept, q.age_months)
        if q.today is not None:
            kept = columns.not_ended(kept, q.today)
        if q.free:
            kept = columns.free(kept)
        if q.open_at is not None:
            kept = columns.hours.open_at(kept, q.open_at)
        if q.open_weekday is not None:
            days = _days_of(q.open_weekday, q.today or (q.open_at or datetime(2026, 1, 1, tzinfo=TOKYO)).date())
            kept = columns.hours.open_on(kept, days)
        return kept

    def _met(self, lists: list[Rows], q: Query) -> Rows:
        """Return the rows of all lists, the shortest first, and near the point if there is one."""
        point = (q.near.latitude, q.near.longitude) if q.near is not None else None
        km = q.within_km or NEAR_KM
        if not lists:
            return (
                np.arange(self._columns.size, dtype=np.int32) if point is None else self._columns.grid.near(point, km)
            )
        kept = reduce(both, sorted(lists, key=len))
        return kept if point is None else self._columns.grid.within(kept, point, km)

    def _kept(self, q: Query, areas: Sequence[Area]) -> tuple[Rows, tuple[Wish, ...]]:
        """Return the rows that fit and, if none does, those that fit without some wishes: no more than must go."""
        kept = self._fitting(q, areas)
        if len(kept):
            return kept, ()
        for dropped in _relaxations(q, areas):
            if len(kept := self._widened(q, areas, dropped)):
                for wish in reversed(dropped):  # of several, each that can stay stays, the weightiest before others
                    less = tuple(other for other in dropped if other != wish)
                    if less and len(rows := self._widened(q, areas, less)):
                        kept, dropped = rows, less
                return kept, dropped
        return kept, ()

    def _widened(self, q: Query, areas: Sequence[Area], dropped: Sequence[Wish]) -> Rows:
        """Return the rows that meet all wishes but the dropped ones; elsewhere only what takes people from here."""
        home = self._towns.whole(areas)
        rows = self._fitting(_without(q, dropped), () if "area" in dropped else home if "town" in dropped else areas)
        if "area" not in dropped or not areas:
            return rows
        here = np.isin(rows, reduce(np.union1d, (area.members for area in home)))
        return rows[here | self._taking(rows, areas)]

    def _around(self, q: Query, kept: Rows, areas: Sequence[Area], widened: Sequence[Wish]) -> Rows:
        """Return the rows of the neighbours that fit as well, when few fit in the whole of the asked municipality."""
        home = self._towns.whole(areas)
        around = [area for area in self._towns.named(q.neighbours) if area not in home]
        asked = _without(q, widened)
        if not areas or not around or "area" in widened or len(kept) >= FEW or len(self._fitting(asked, home)) >= FEW:
            return np.zeros(0, np.int32)
        rows = self._fitting(asked, around)
        return rows[self._taking(rows, areas)]

    def _taking(self, rows: Rows, areas: Sequence[Area]) -> Flags:
        """Return which of `rows` take people who live in the areas."""
        return self._columns.taking(rows, [fold_area(area.name) for area in (*areas, *self._towns.whole(areas))])

    def _hours_unknown(self, q: Query, areas: Sequence[Area], widened: Sequence[Wish]) -> int:
        if (q.open_at is None and q.open_weekday is None) or widened:
            return 0
        return self._columns.hours.unknown(self._fitting(_without(q, ("open",)), areas))

    # --- order ----------------------------------------------------------------------------------------------------

    def _page(
        self, q: Query, kept: Rows, areas: Sequence[Area], widened: Sequence[Wish], now: datetime | None
    ) -> tuple[Order, tuple[Match, ...]]:
        """Return the name of the order, and the page of places in it."""
        order, ranked, distances = self._rank(q, kept, areas, widened)
        moment = q.open_at or now
        page = [(self.resources[row], away) for row, away in zip(ranked.tolist(), distances, strict=True)]
        return order, tuple(Match(place, away, _is_open(place, moment)) for place, away in page[q.offset :])

    def _rank(
        self, q: Query, kept: Rows, areas: Sequence[Area], widened: Sequence[Wish]
    ) -> tuple[Order, Rows, Sequence[float | None]]:
        """Return the name of the order, the first rows in it as far as the page needs, and distances to show."""
        needed = q.offset + q.limit
        order: Order = "kana"
        start: tuple[float, float] | None = None
        if q.near is not None:
            order, start = "distance", (q.near.latitude, q.near.longitude)
        elif len(areas) == 1 and areas[0].middle and ("area" in widened or "town" in widened):
            order, start = "distance_from_area", areas[0].middle
        if start is None:
            return order, kept[:needed], [None] * len(kept[:needed])
        away = self._columns.grid.distances(kept, start)
        first = _smallest(away, kept, needed)
        shown = [round(km, 2) if order == "distance" and np.isfinite(km) else None for km in away[first].tolist()]
        return order, kept[first], shown

    def _left_out(
        self, q: Query, areas: Sequence[Area], *, told: bool
    ) -> tuple[tuple[Wish | Literal["age"], int], ...]:
        """Return for the one that fits: which wish left out how many others; `told`: the neighbours' are shown."""
        found: list[tuple[Wish | Literal["age"], int]] = []
        for wish in _wishes(q, areas):
            more = len(self._widened(q, areas, (wish,))) - 1
            if more > 0 and not (told and wish == "area"):
                found.append((wish, more))
        if q.age_months is not None and (more := len(self._fitting(replace(q, age_months=None), areas)) - 1) > 0:
            found.append(("age", more))
        return tuple(found)


def _smallest(values: Floats, rows: Rows, count: int) -> Rows:
    """Return where the `count` smallest values stand, smallest first; of equal ones the lower row."""
    if len(values) > count > 0:
        last = np.partition(values, count - 1)[count - 1]
        places = np.flatnonzero(values <= last)
    else:
        places = np.arange(len(values))
    return places[np.lexsort((rows[places], values[places]))][:count].astype(np.int32)


def _is_open(place: Resource, moment: datetime | None) -> bool | None:
    return place.opening.open_at(moment) if moment is not None and place.opening.known else None


def _topics(r: Resource, of_category: Mapping[str, Sequence[str]]) -> frozenset[str]:
    topics = frozenset(of_category.get(r.category, ()) if r.topics is None else r.topics)
    return topics | {"temporary_care"} if r.accepts_temporary_care else topics


def _days_of(weekday: int, start: date) -> list[date]:
    """Return the next four such weekdays: a place that opens on one of them opens on that day of the week."""
    first = start + timedelta(days=(weekday - start.weekday()) % 7)
    return [first + timedelta(weeks=n) for n in range(4)]


def _wishes(q: Query, areas: Sequence[Area]) -> list[Wish]:
    """Return the wishes that may be set aside, the least weighty first. The child's age never is."""
    wishes: list[Wish] = []
    if q.near is not None:
        wishes.append("distance")
    if any(a.town for a in areas):
        wishes.append("town")
    if q.open_at is not None or q.open_weekday is not None:
        wishes.append("open")
    if q.area:
        wishes.append("area")
    if q.free:
        wishes.append("free")
    if q.language:
        wishes.append("language")
    if q.provision:
        wishes.append("provision")
    if q.attributes:
        wishes.append("conditions")
    if q.words.strip():
        wishes.append("words")
    return wishes


def _relaxations(q: Query, areas: Sequence[Area]) -> list[tuple[Wish, ...]]:
    """Return what to set aside, in the order in which it is tried: one wish at a time, then more and more together."""
    wishes = _wishes(q, areas)
    if wishes == ["words"] and not (q.topic or q.category):
        return []  # a name that nothing has is not answered with everything
    together = [tuple(wishes[:n]) for n in range(2, len(wishes) + 1)]
    return [(wish,) for wish in wishes] + together


def _without(q: Query, dropped: Sequence[Wish]) -> Query:
    changes: dict[str, object] = {}
    for wish in dropped:
        if wish == "distance":
            changes["near"] = None
        elif wish == "open":
            changes |= {"open_at": None, "open_weekday": None}
        elif wish == "area":
            changes["area"] = ""
        elif wish == "free":
            changes["free"] = False
        elif wish == "conditions":
            changes["attributes"] = ()
        elif wish in ("words", "language", "provision"):
            changes[wish] = ""
    return replace(q, **changes)  # type: ignore[arg-type]


def _differing(matches: Sequence[Match]) -> tuple[Aspect, ...]:
    """Return the aspects in which the shown places differ, as far as they are known."""
    values: dict[Aspect, Callable[[Match], object]] = {
        "kind": lambda m: m.resource.category,
        "fee": lambda m: m.resource.cost,
        "hours": lambda m: (m.resource.opening, m.resource.hours_note),
        "age": lambda m: (m.resource.minimum_age, m.resource.maximum_age),
        "distance": lambda m: m.distance_km,
        "booking": lambda m: (m.resource.booking_required, m.resource.application_process),
        "conditions": lambda m: (m.resource.eligibility_description, m.resource.attributes),
        "provision": lambda m: m.resource.provision,
    }
    return tuple(aspect for aspect, value in values.items() if len({value(m) for m in matches}) > 1)
