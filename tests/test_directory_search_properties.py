"""Whatever is asked, what the search returns satisfies it, and nothing that fits and comes earlier is missing."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from math import cos, radians, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.directory import search as search_module
from bot.directory.areas import fold
from bot.directory.columns import KM_PER_DEGREE
from bot.directory.resources import CostOption, Location, Resource
from bot.directory.search import FEW, NEAR_KM, NEIGHBOURS, Directory, Found, Match, Query
from bot.messages import Point
from bot.opening import TOKYO, Closure, Opening, Rest, Schedule
from bot.understanding.words import reading

TOPICS = {"parenting_salon": ["parenting_salon", "consultation"], "nursery": ["nursery"], "park": []}
TOWN = ("ひなた市", "みなみ町")  # the own town, then its neighbour
DAY = date(2026, 11, 23)  # 勤労感謝の日, a Monday

times = st.sampled_from([time(0), time(8, 30), time(9), time(12), time(17), time(19), time(23, 30)])
schedules = st.builds(
    Schedule,
    byday=st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days))),
    opens_at=times,
    closes_at=times,
    valid_from=st.sampled_from([None, DAY]),
    valid_to=st.sampled_from([None, DAY + timedelta(days=2)]),
    nth=st.sampled_from([(), (1, 3), (-1,), (4,)]),
    holidays=st.sampled_from([None, False, True]),
)
openings = st.builds(
    Opening,
    schedules=st.lists(schedules, max_size=3).map(tuple),
    closures=st.sampled_from([(), (Closure(DAY, DAY),), (Closure(date(2024, 12, 29), date(2024, 1, 3), yearly=True),)]),
    rests=st.sampled_from([(), (Rest((0,), on_holiday="next_day"),)]),
)
places = st.builds(
    Resource,
    id=st.uuids().map(str),
    name=st.sampled_from(["あおぞら広場", "桜台保育園", "さくらだい児童館", "ワハハ・ひろば", "Hinata Park"]),
    kana=st.sampled_from(["", "あおぞらひろば", "さくらだいほいくえん"]),
    category=st.sampled_from(list(TOPICS)),
    topics=st.sampled_from([None, None, (), ("nursery",)]),
    location=st.builds(
        Location,
        municipality=st.sampled_from(["ひなた市", "みなみ町", ""]),
        town=st.sampled_from(["桜台", "北野", ""]),
        latitude=st.sampled_from([None, 35.0, 35.05, 35.0501, 35.3]),
        longitude=st.sampled_from([137.0, 137.05, 137.3]),
    ),
    opening=openings,
    minimum_age=st.sampled_from([None, 0, 6, 36]),
    maximum_age=st.sampled_from([None, 35, 83]),
    cost=st.sampled_from([(), (CostOption(0),), (CostOption(300),), (CostOption(0), CostOption(None))]),
    languages=st.sampled_from([(), ("en",), ("en", "vi")]),
    provision=st.sampled_from(["facility", "visit", "outreach"]),
    attributes=st.sampled_from([(), ("parking",), ("parking", "meal"), ("parking", "residents_only")]),
    service_area=st.sampled_from([(), (), ("みなみ町",), ("ひなた市", "みなみ町"), ("北野",)]),
    booking_required=st.sampled_from([None, True, False]),
    accepts_temporary_care=st.sampled_from([None, True, False]),
    ends_on=st.sampled_from([None, DAY - timedelta(days=1), DAY]),
    status=st.sampled_from(["active", "active", "inactive"]),
)
moments = st.datetimes(datetime(2026, 11, 20), datetime(2027, 1, 5), timezones=st.just(TOKYO))  # noqa: DTZ001
queries = st.builds(
    Query,
    topic=st.sampled_from(["", "", "parenting_salon", "nursery", "temporary_care", "nothing"]),
    category=st.sampled_from(["", "", "park"]),
    area=st.sampled_from(["", "", "ひなた市", "桜台", "北野"]),
    near=st.sampled_from([None, Point(35.05, 137.05)]),
    within_km=st.sampled_from([None, 0.5, 5.0, 60.0]),
    age_months=st.sampled_from([None, 0, 5, 36, 84]),
    open_at=st.none() | moments,
    open_weekday=st.none() | st.integers(0, 6),
    free=st.booleans(),
    language=st.sampled_from(["", "", "vi"]),
    provision=st.sampled_from(["", "", "visit"]),
    attributes=st.sampled_from([(), (), ("parking",), ("meal", "parking"), ("no_booking",)]),
    words=st.sampled_from(["", "", "さくらだい", "広場", "hinata", "ひろば わはは"]),
    neighbours=st.sampled_from([(), TOWN, TOWN]),
    today=st.just(DAY),
    limit=st.integers(1, 6),
    offset=st.integers(0, 3),
)

few = st.builds(  # asks little, so that something fits in one town or both
    Query,
    topic=st.sampled_from(["", "", "parenting_salon"]),
    area=st.sampled_from(["ひなた市", "みなみ町", "桜台", "北野"]),
    near=st.sampled_from([None, None, Point(35.05, 137.05)]),
    age_months=st.sampled_from([None, None, 5]),
    open_weekday=st.sampled_from([None, None, 0]),
    attributes=st.sampled_from([(), (), ("parking",)]),
    neighbours=st.just(TOWN),
    today=st.just(DAY),
    limit=st.integers(1, 6),
)


def fits(place: Resource, q: Query) -> bool:
    """Say from the definitions alone whether a place meets every wish (areas: as this little world names them)."""
    where, topics = place.location, set(TOPICS[place.category] if place.topics is None else place.topics)
    if place.accepts_temporary_care:
        topics.add("temporary_care")
    names = "\n".join(map(fold, (place.name, place.kana, place.name_latin)))
    free = bool(place.cost) and all(c.amount == 0 for c in place.cost)
    days = (
        [DAY + timedelta(days=(q.open_weekday - DAY.weekday()) % 7 + 7 * n) for n in range(4)]
        if (q.open_weekday is not None)
        else []
    )
    return (
        place.status == "active"
        and (not q.topic or q.topic in topics)
        and (not q.category or q.category == place.category)
        and (not q.area or q.area in (where.municipality, where.town))
        and (q.near is None or away(place, q.near) <= (q.within_km or NEAR_KM))
        and (q.age_months is None or (place.minimum_age or 0) <= q.age_months <= (place.maximum_age or 10**6))
        and (place.ends_on is None or place.ends_on >= DAY)
        and (not q.free or free)
        and (q.open_at is None or place.opening.open_at(q.open_at))
        and (not days or any(place.opening.open_on(day) for day in days))
        and (not q.language or q.language in place.languages)
        and (not q.provision or q.provision == place.provision)
        and set(q.attributes) - {"no_booking"} <= set(place.attributes)
        and ("no_booking" not in q.attributes or place.booking_required is False)
        and all(fold(word) in names for word in q.words.split())
    )


def away(place: Resource, point: Point) -> float:
    """Return the km between a place and a point."""
    where = place.location
    if where.latitude is None or where.longitude is None:
        return float("inf")
    across = (where.longitude - point.longitude) * cos(radians(point.latitude))
    return KM_PER_DEGREE * sqrt((where.latitude - point.latitude) ** 2 + across**2)


def rank(place: Resource, q: Query) -> tuple[float, str, str, str]:
    """Return where a place stands in the stated order."""
    far = away(place, q.near) if q.near is not None else 0.0
    return (round(far, 9), fold(place.kana or place.name), place.name, place.id)


@settings(max_examples=200, deadline=None)
@given(st.lists(places, max_size=25, unique_by=lambda place: place.id), queries)
def test_what_is_found_fits_and_nothing_earlier_is_left_out(city: list[Resource], query: Query) -> None:
    check(city, query)


@settings(max_examples=150, deadline=None)
@given(st.lists(places, min_size=3, max_size=15, unique_by=lambda place: place.id), few)
def test_neighbours_come_after_the_own_ones_and_take_people_from_here(city: list[Resource], query: Query) -> None:
    check(city, query)


def check(city: list[Resource], query: Query) -> None:
    """Compare the search with the definitions."""
    directory = Directory(city, TOPICS)
    found = directory.search(query)
    fitting = sorted((place for place in city if fits(place, query)), key=lambda place: rank(place, query))
    check_elsewhere(city, query, found)
    if found.widened:
        assert not fitting
        asked = directory._towns.meant(query.area)
        for wish in found.widened if len(found.widened) > 1 else ():  # no more is set aside than must be
            assert not len(directory._widened(query, asked, [other for other in found.widened if other != wish]))
        return
    alone = directory.search(replace(query, neighbours=()))
    assert (alone.matches, alone.total, alone.order) == (found.matches, found.total, found.order)
    assert found.total == len(fitting)
    assert [m.resource.id for m in found.matches] == [
        place.id for place in fitting[query.offset : query.offset + query.limit]
    ]
    assert all(told(match, query) for match in (*found.matches, *found.neighbours))


def home_of(city: list[Resource], query: Query) -> set[str]:
    """Return the municipalities ("" = none is known) that the asked area lies in; empty when it is known nowhere."""
    living = [place.location for place in city if place.status == "active"]
    return {where.municipality for where in living if query.area in (where.municipality, where.town) and query.area}


def is_home(place: Resource, query: Query, home: set[str]) -> bool:
    """Say whether a place lies in the municipality of the asked area."""
    where = place.location
    return where.municipality in home and bool(where.municipality or where.town == query.area)


def takes(place: Resource, query: Query, home: set[str]) -> bool:
    """Say from the definitions whether a place elsewhere takes people from the asked area."""
    own = {query.area, *home}
    return "residents_only" not in place.attributes and (not place.service_area or bool(own & set(place.service_area)))


def check_elsewhere(city: list[Resource], query: Query, found: Found) -> None:
    """Compare what is shown from other towns with what is promised."""
    home = home_of(city, query)
    for match in (*found.matches, *found.neighbours):
        if home and not is_home(match.resource, query, home):
            assert takes(match.resource, query, home)
    if found.widened:
        assert not found.neighbours or "area" not in found.widened
        assert not any(is_home(match.resource, query, home) for match in found.neighbours)
        return
    here = [place for place in city if is_home(place, query, home) and fits(place, replace(query, area=""))]
    around = [
        place
        for place in city
        if place.location.municipality in set(query.neighbours) - home
        and fits(place, replace(query, area=place.location.municipality))
        and takes(place, query, home)
    ]
    if not home or len(here) >= FEW:
        around = []
    around.sort(key=lambda place: rank(place, query))
    assert [match.resource.id for match in found.neighbours] == [place.id for place in around[:NEIGHBOURS]]
    assert found.neighbours_total == len(around)


def told(match: Match, query: Query) -> bool:
    """Say whether distance and openness are told as they are."""
    place = match.resource
    opens = place.opening.open_at(query.open_at) if query.open_at and place.opening.known else None
    far = away(place, query.near) if query.near else None
    right = match.distance_km is None if far is None else match.distance_km == pytest.approx(far, abs=0.006)
    return match.open_now == opens and right


def test_the_property_sees_a_search_that_cheats(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that forgets the first fitting place, and one that ignores the age, are both caught."""
    city = [Resource(id=f"p{n}", name="広場", category="park", minimum_age=n * 12, opening=Opening()) for n in range(4)]
    query = Query(category="park", age_months=12, today=DAY)
    check(city, query)
    honest = Directory._fitting
    monkeypatch.setattr(Directory, "_fitting", lambda self, q, areas: honest(self, q, areas)[1:])
    with pytest.raises(AssertionError):
        check(city, query)
    monkeypatch.setattr(Directory, "_fitting", honest)
    with monkeypatch.context() as broken:
        broken.setattr("bot.directory.columns.Columns.fitting_age", lambda self, rows, months: rows)
        with pytest.raises(AssertionError):
            check(city, query)
    check(city, query)


@pytest.mark.parametrize("broken", ["residents", "own", "order", "many"])
def test_the_property_sees_neighbours_that_cheat(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """A place for its own residents, an own place pushed aside, a wrong order, neighbours beside enough: all caught."""
    own = [Resource(id="own", name="広場", category="park", location=Location(municipality="ひなた市"))]
    around = [
        Resource(
            id=f"n{n}", name="広場", category="park", location=Location(municipality="みなみ町"),
            attributes=("residents_only",) if n == 1 else (),
        )
        for n in range(4)
    ]  # fmt: skip
    page, many = Directory._page, [replace(own[0], id=f"own{n}") for n in range(3)]
    city, query = [*own, *around], Query(area="ひなた市", neighbours=TOWN, today=DAY)
    check(city, query)
    if broken == "residents":
        monkeypatch.setattr("bot.directory.columns.Columns.taking", lambda self, rows, homes: rows >= 0)
    elif broken == "own":
        monkeypatch.setattr(Directory, "_page", lambda self, q, *rest: page(self, replace(q, limit=2, offset=1), *rest))
    elif broken == "order":
        monkeypatch.setattr(Directory, "_page", lambda self, q, rows, *rest: page(self, q, rows[::-1], *rest))
    else:
        city = [*city, *many]
        monkeypatch.setattr(search_module, "FEW", 99)
    with pytest.raises(AssertionError):
        check(city, query)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("sakuradai", "桜台保育園"),
        ("Sakura-dai", "桜台保育園"),
        ("サクラダイ", "桜台保育園"),
        ("さくらたい", "桜台保育園"),  # one letter wrong
        ("さくらだほいくえん", "桜台保育園"),  # one missing
        ("hinata", "Hinata Park"),
        ("ﾜﾊﾊ", "ワハハ・ひろば"),
    ],
)
def test_names_are_found_in_kana_romaji_and_with_a_slip(typed: str, found: str) -> None:
    city = [
        Resource(id="1", name="桜台保育園", kana="さくらだいほいくえん", category="nursery"),
        Resource(id="2", name="ワハハ・ひろば", category="park"),
        Resource(id="3", name="Hinata Park", category="park"),
    ]
    assert [m.resource.name for m in Directory(city, TOPICS).search(Query(words=typed)).matches] == [found]


@pytest.mark.parametrize("typed", ["さくら園", "なにもない", "hello", "あお"])
def test_other_words_find_nothing(typed: str) -> None:
    city = [Resource(id="1", name="桜台保育園", kana="さくらだいほいくえん", category="nursery")]
    assert Directory(city, TOPICS).search(Query(words=typed)).total == 0


def test_a_common_word_is_found_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a thousand hits the names are compared all at once, with the same result."""
    monkeypatch.setattr("bot.directory.words._MANY", 3)
    city = [Resource(id=f"{n:03}", name=f"ひろば{n:03}", category="park") for n in range(50)]
    city.append(Resource(id="x", name="公園", category="park"))
    found = Directory(city, TOPICS).search(Query(words="ひろば", limit=99))
    assert [m.resource.id for m in found.matches] == [f"{n:03}" for n in range(50)]


def test_a_name_without_kana_is_found_by_its_reading() -> None:
    """The reading of a name helps the search and is never shown as the place's own kana."""
    city = [Resource(id="1", name="桜台保育園", category="nursery")]
    for typed in ("ほいくえん", "hoikuen", "ホイクエン"):
        (match,) = Directory(city, TOPICS, reading).search(Query(words=typed)).matches
        assert match.resource.kana == ""
    assert Directory(city, TOPICS).search(Query(words="ほいくえん")).total == 0
