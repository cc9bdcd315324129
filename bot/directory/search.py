"""Finds the places that fit a need, fast, in a neutral order that has a name, with what differs between them.

The rule: the search never picks. It returns every fitting place in a stated order (guideline 4(3)③); when nothing
fits it says what it relaxed, and when only one fits it says which wish left the others out. Pure: `now` is given.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from heapq import nsmallest
from math import cos, radians, sqrt
from typing import Literal

from bot.directory.areas import fold, fold_area
from bot.directory.resources import Resource
from bot.messages import Point
from bot.opening import TOKYO, Opening

ENDINGS = ("市", "町", "村", "区", "し", "ちょう", "まち", "むら", "く")
_KANA_ONLY = re.compile(r"[ぁ-んー]+")
ANY_AGE = 32_767  # months: no upper bound
NOWHERE = 1e9  # km: a place without coordinates comes last
KM_PER_DEGREE = 111.195  # a degree of latitude on a sphere of 6,371 km; good to 0.5 % within a city
NEAR_KM = 20.0  # beyond this nobody takes a small child for two hours; asked-for distance replaces it

Order = Literal["distance", "distance_from_area", "kana"]
Wish = Literal["town", "area", "distance", "open", "free", "words"]
Aspect = Literal["kind", "fee", "hours", "age", "distance", "booking", "conditions", "provision"]


@dataclass(frozen=True, slots=True)
class Query:
    """Hold what is looked for. Empty fields ask nothing; all others must be met.

    `area`: municipality or 町名 as typed. `near`: a point; with `within_km`. `open_at`: open at this moment (aware).
    `open_weekday`: opens on that day of the week (0 = Monday). `today`: leaves out what has ended before it.
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
    words: str = ""
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
    means that there is only this one.
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


_Memo = dict[str, dict[int, bool]]  # which hours passed a test, by the hours' number, within one search


@dataclass(slots=True)
class _Area:
    """Hold one municipality or one 町名 of it: its places and where its middle is."""

    name: str
    town: bool
    members: array[int] = field(default_factory=lambda: array("l"))
    middle: tuple[float, float] | None = None


class Directory:
    """Hold all places, indexed once; answers queries without changing."""

    def __init__(self, resources: Iterable[Resource], topics_of_category: Mapping[str, Sequence[str]]) -> None:
        """Index active `resources`; `topics_of_category` as in the vocabulary (category id -> topic ids)."""
        everything = list(resources)
        self._by_id = {r.id: r for r in everything}
        self.resources: tuple[Resource, ...] = tuple(
            sorted(
                (r for r in self._by_id.values() if r.status == "active"),
                key=lambda r: (fold(r.kana or r.name), r.name, r.id),
            )
        )
        self._lat = array("d", (_or_nan(r.location.latitude) for r in self.resources))
        self._lon = array("d", (_or_nan(r.location.longitude) for r in self.resources))
        self._youngest = array("h", (r.minimum_age or 0 for r in self.resources))
        self._oldest = array("h", (ANY_AGE if r.maximum_age is None else r.maximum_age for r in self.resources))
        self._free = bytes(r.free is True for r in self.resources)
        self._topic: dict[str, array[int]] = defaultdict(lambda: array("l"))
        self._category: dict[str, array[int]] = defaultdict(lambda: array("l"))
        self._serves: list[frozenset[str]] = []
        shared: dict[frozenset[str], frozenset[str]] = {}
        self._areas: dict[str, _Area] = {}
        self._aliases: dict[str, set[str]] = defaultdict(set)
        self._openings: list[Opening] = []
        self._opening_of = array("l")
        known: dict[Opening, int] = {}
        hay: list[str] = []
        self._ends: list[int] = []
        length = 0
        for i, r in enumerate(self.resources):
            self._category[r.category].append(i)
            topics = _topics(r, topics_of_category)
            self._serves.append(shared.setdefault(topics, topics))
            for topic in topics:
                self._topic[topic].append(i)
            self._place(i, r)
            if r.opening not in known:
                known[r.opening] = len(self._openings)
                self._openings.append(r.opening)
            self._opening_of.append(known[r.opening])
            words = "\n".join(
                fold(t) for t in (r.name, r.kana, r.name_latin, r.alternate_name, r.organization.name, r.location.name)
            )
            hay.append(words)
            length += len(words) + 1
            self._ends.append(length)
        self._hay = "\t".join(hay) + "\t"
        for area in self._areas.values():
            area.members = array("l", sorted(set(area.members)))
            area.middle = self._middle(area.members)

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
        return tuple(a.name for a in self._resolve(text))

    def search(self, query: Query, *, now: datetime | None = None) -> Found:
        """Return the places that fit `query`, widened if none fits.

        `now` (aware) tells of each whether it is open, and leaves out what has ended unless `query.today` is set.
        """
        if query.today is None and now is not None:
            query = replace(query, today=now.astimezone(TOKYO).date())
        areas = self._resolve(query.area)
        memo: _Memo = {}
        kept = self._fitting(query, areas, memo)
        widened: tuple[Wish, ...] = ()
        if not kept:
            for dropped in _relaxations(query, areas):
                kept = self._fitting(_without(query, dropped), _wider(areas, dropped, self._areas), memo)
                if kept:
                    widened = dropped
                    break
        order, ranked, distances = self._rank(query, kept, areas, widened)
        page = ranked[query.offset : query.offset + query.limit]
        moment = query.open_at or now
        matches = tuple(
            Match(self.resources[i], distances.get(i), self._is_open(i, moment) if moment is not None else None)
            for i in page
        )
        return Found(
            matches=matches,
            total=len(kept),
            order=order,
            areas=tuple(a.name for a in areas),
            area_known=bool(areas) or not query.area,
            widened=widened,
            hours_unknown=self._hours_unknown(query, areas, widened, memo),
            differs=_differing(matches),
            left_out=self._left_out(query, areas, memo) if len(kept) == 1 and not widened else (),
        )

    # --- areas ----------------------------------------------------------------------------------------------------

    def _place(self, i: int, r: Resource) -> None:
        place = r.location
        if place.municipality:
            self._join(i, place.municipality, False, (place.municipality,))
        if place.town:
            aliases = (place.town, place.town_kana, place.municipality + place.town)
            self._join(i, place.municipality + place.town, True, aliases)

    def _join(self, i: int, name: str, town: bool, aliases: Iterable[str]) -> None:
        key = fold_area(name)
        self._areas.setdefault(key, _Area(name, town)).members.append(i)
        for alias in aliases:
            if alias:
                self._aliases[fold_area(alias)].add(key)

    def _resolve(self, text: str) -> list[_Area]:
        """Return the areas meant by `text`: its name, its name without 市町村区, names it begins, or a name inside.

        A reading in kana counts only as the whole text: わたしばかり is not 渡し場 (わたしば).
        """
        asked = fold_area(text)
        if not asked:
            return []
        keys = self._aliases.get(asked) or {k for end in ENDINGS for k in self._aliases.get(asked + end, ())}
        if not keys and len(asked) > 1:
            keys = {k for name, found in self._written() if name.startswith(asked) for k in found}
            if any(not self._areas[k].town for k in keys):  # 横浜市: its wards hold all of their towns
                keys = {k for k in keys if not self._areas[k].town}
        if not keys:
            inside = [name for name, _ in self._written() if len(name) > 1 and name in asked]
            longest = max(map(len, inside), default=0)
            keys = {key for name in inside if len(name) == longest for key in self._aliases[name]}
        return sorted((self._areas[k] for k in keys), key=lambda a: a.name)

    def _written(self) -> Iterable[tuple[str, set[str]]]:
        """Return the names of areas that are not in kana only, with their keys."""
        return ((name, found) for name, found in self._aliases.items() if not _KANA_ONLY.fullmatch(name))

    def _middle(self, members: Iterable[int]) -> tuple[float, float] | None:
        points = [(self._lat[i], self._lon[i]) for i in members if self._lat[i] == self._lat[i]]
        if not points:
            return None
        return sum(p[0] for p in points) / len(points), sum(p[1] for p in points) / len(points)

    # --- filters --------------------------------------------------------------------------------------------------

    def _fitting(self, q: Query, areas: Sequence[_Area], memo: _Memo) -> list[int]:
        """Return the indices that meet every wish, in kana order; `memo` spares one search equal questions."""
        kept: Sequence[int]
        if areas:
            kept = areas[0].members if len(areas) == 1 else sorted(set().union(*(a.members for a in areas)))
            if q.topic:
                kept = [i for i in kept if q.topic in self._serves[i]]
        elif q.area:
            return []
        elif q.topic:
            kept = self._topic.get(q.topic, array("l"))
        elif q.category:
            kept = self._category.get(q.category, array("l"))
        else:
            kept = range(len(self.resources))
        rs = self.resources
        if q.category and (areas or q.topic):
            kept = [i for i in kept if rs[i].category == q.category]
        if q.words.strip():
            kept = self._with_words(kept, q.words)
        if q.near is not None:
            kept = self._near(kept, q.near, q.within_km or NEAR_KM)
        if q.age_months is not None:
            age, low, high = q.age_months, self._youngest, self._oldest
            kept = [i for i in kept if low[i] <= age <= high[i]]
        if q.today is not None:
            kept = [i for i in kept if (ends := rs[i].ends_on) is None or ends >= q.today]
        if q.free:
            kept = [i for i in kept if self._free[i]]
        if q.open_at is not None:
            moment = q.open_at
            kept = self._by_opening(kept, memo.setdefault("moment", {}), lambda o: o.open_at(moment))
        if q.open_weekday is not None:
            days = _days_of(q.open_weekday, q.today or (q.open_at or datetime(2026, 1, 1, tzinfo=TOKYO)).date())
            kept = self._by_opening(kept, memo.setdefault("day", {}), lambda o: any(o.open_on(d) for d in days))
        return list(kept)

    def _by_opening(self, kept: Sequence[int], passed: dict[int, bool], test: Callable[[Opening], bool]) -> list[int]:
        """Keep the places whose hours pass `test`; equal hours are tested once. Unknown hours do not pass."""
        result = []
        for i in kept:
            number = self._opening_of[i]
            if number not in passed:
                passed[number] = test(self._openings[number])
            if passed[number]:
                result.append(i)
        return result

    def _with_words(self, kept: Sequence[int], words: str) -> list[int]:
        wanted = sorted({w for w in map(fold, words.split()) if w}, key=len, reverse=True)
        if wanted and len(kept) > len(self.resources) // 20:
            hits = set(self._occurrences(wanted[0]))
            kept = sorted(hits) if len(kept) == len(self.resources) else [i for i in kept if i in hits]
        return [i for i in kept if all(w in self._words_of(i) for w in wanted)]

    def _occurrences(self, word: str) -> list[int]:
        """Return the places whose words hold `word`: one scan of one long text, a jump after each hit."""
        found = []
        at = self._hay.find(word)
        while at >= 0:
            i = bisect_right(self._ends, at)
            found.append(i)
            at = self._hay.find(word, self._ends[i])
        return found

    def _words_of(self, i: int) -> str:
        return self._hay[self._ends[i - 1] if i else 0 : self._ends[i] - 1]

    def _near(self, kept: Sequence[int], near: Point, km: float) -> list[int]:
        lat, lon, lats, lons = near.latitude, near.longitude, self._lat, self._lon
        x, limit = cos(radians(lat)), (km / KM_PER_DEGREE) ** 2
        return [i for i in kept if (lats[i] - lat) ** 2 + ((lons[i] - lon) * x) ** 2 <= limit]

    def _is_open(self, i: int, moment: datetime) -> bool | None:
        opening = self.resources[i].opening
        return opening.open_at(moment) if opening.known else None

    def _hours_unknown(self, q: Query, areas: Sequence[_Area], widened: Sequence[Wish], memo: _Memo) -> int:
        if (q.open_at is None and q.open_weekday is None) or widened:
            return 0
        anyhow = self._fitting(_without(q, ("open",)), areas, memo)
        return sum(not self._openings[self._opening_of[i]].known for i in anyhow)

    # --- order ----------------------------------------------------------------------------------------------------

    def _rank(
        self, q: Query, kept: list[int], areas: Sequence[_Area], widened: Sequence[Wish]
    ) -> tuple[Order, list[int], dict[int, float]]:
        """Return the name of the order, the first places in it as far as the page needs, and distances to show."""
        needed = q.offset + q.limit
        order: Order = "kana"
        start: tuple[float, float] | None = None
        if q.near is not None:
            order, start = "distance", (q.near.latitude, q.near.longitude)
        elif len(areas) == 1 and areas[0].middle and ("area" in widened or "town" in widened):
            order, start = "distance_from_area", areas[0].middle
        if start is None:
            return order, kept[:needed], {}
        away = {i: self._distance(start, i) for i in kept}
        ranked = nsmallest(needed, kept, key=lambda i: (away[i], i))
        shown = {i: round(away[i], 2) for i in ranked if away[i] < NOWHERE} if order == "distance" else {}
        return order, ranked, shown

    def _distance(self, start: tuple[float, float], i: int) -> float:
        lat, lon = self._lat[i], self._lon[i]
        if lat != lat:
            return NOWHERE
        return KM_PER_DEGREE * sqrt((lat - start[0]) ** 2 + ((lon - start[1]) * cos(radians(start[0]))) ** 2)

    def _left_out(self, q: Query, areas: Sequence[_Area], memo: _Memo) -> tuple[tuple[Wish | Literal["age"], int], ...]:
        """Return for the one that fits: which wish left out how many others."""
        found: list[tuple[Wish | Literal["age"], int]] = []
        for wish in _wishes(q, areas):
            more = len(self._fitting(_without(q, (wish,)), _wider(areas, (wish,), self._areas), memo)) - 1
            if more > 0:
                found.append((wish, more))
        if q.age_months is not None and (more := len(self._fitting(replace(q, age_months=None), areas, memo)) - 1) > 0:
            found.append(("age", more))
        return tuple(found)


def _topics(r: Resource, of_category: Mapping[str, Sequence[str]]) -> frozenset[str]:
    topics = frozenset(of_category.get(r.category, ()) if r.topics is None else r.topics)
    return topics | {"temporary_care"} if r.accepts_temporary_care else topics


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _days_of(weekday: int, start: date) -> list[date]:
    """Return the next four such weekdays: a place that opens on one of them opens on that day of the week."""
    first = start + timedelta(days=(weekday - start.weekday()) % 7)
    return [first + timedelta(weeks=n) for n in range(4)]


def _wishes(q: Query, areas: Sequence[_Area]) -> list[Wish]:
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
    if q.words.strip():
        wishes.append("words")
    return wishes


def _relaxations(q: Query, areas: Sequence[_Area]) -> list[tuple[Wish, ...]]:
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
        elif wish == "words":
            changes["words"] = ""
    return replace(q, **changes)  # type: ignore[arg-type]


def _wider(areas: Sequence[_Area], dropped: Sequence[Wish], every: Mapping[str, _Area]) -> Sequence[_Area]:
    if "area" in dropped:
        return ()
    if "town" in dropped:
        whole = [a for a in every.values() if not a.town and any(t.name.startswith(a.name) for t in areas)]
        return [*whole, *(a for a in areas if not a.town)]
    return areas


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
