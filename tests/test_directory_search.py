"""The search: every fitting place in a stated order, what differs, what was relaxed, and why only one fits."""

import inspect
from datetime import date, datetime, time

import pytest

from bot.directory import search as search_module
from bot.directory.areas import fold, fold_area, read_address
from bot.directory.resources import CostOption, Location, Resource
from bot.directory.search import Directory, Query
from bot.messages import Point
from bot.opening import TOKYO, Opening, Rest, Schedule

TOPICS = {
    "parenting_salon": ["parenting_salon", "consultation"],
    "nursery": ["nursery"],
    "temporary_care": ["temporary_care"],
    "clinic": ["medical_care", "night_clinic"],
    "park": [],
}
WEEKDAYS = Opening((Schedule((0, 1, 2, 3, 4), time(9), time(17), holidays=False),))
NIGHT = Opening((Schedule(tuple(range(7)), time(19), time(2)),))


def place(id: str, category: str = "parenting_salon", town: str = "川辺町", **more: object) -> Resource:
    """Build one invented place in ひなた市."""
    at = more.pop("at", (35.05, 137.05))
    kana = str(more.pop("town_kana", ""))
    location = Location("", f"ひなた市{town}1", "ひなた市", town, kana, *(at or (None, None)))  # type: ignore[misc]
    return Resource(id=id, name=str(more.pop("name", id)), category=category, location=location, **more)  # type: ignore[arg-type]


CITY = [
    place("a", name="あおい広場", kana="あおいひろば", opening=WEEKDAYS, cost=(CostOption(0),), maximum_age=35),
    place(
        "b",
        name="ぶどう広場",
        kana="ぶどうひろば",
        town="桜台",
        town_kana="さくらだい",
        at=(35.06, 137.05),
        cost=(CostOption(300),),
    ),
    place("c", name="こもれび広場", kana="こもれびひろば", town="桜台", at=(35.07, 137.05), opening=WEEKDAYS),
    place("d", "nursery", name="でんでん保育園", kana="でんでんほいくえん", accepts_temporary_care=True, minimum_age=6),
    place("e", "clinic", name="夜間こども診療所", opening=NIGHT, topics=("night_clinic",)),
    place("f", "clinic", name="昼の歯科", opening=WEEKDAYS, topics=("medical_care",)),
    place("g", "park", name="ワハハ公園", at=None),
    place("h", status="inactive", name="やめた広場"),
]
HINATA = Directory(CITY, TOPICS)
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=TOKYO)  # a Friday
NIGHT_TIME = datetime(2026, 11, 21, 1, 30, tzinfo=TOKYO)


def ids(**query: object) -> list[str]:
    """Return the ids found, in their order."""
    return [m.resource.id for m in HINATA.search(Query(**query)).matches]  # type: ignore[arg-type]


def test_topic_finds_by_category_by_flag_and_by_own_topics() -> None:
    """A topic finds its categories, places that also take children for hours, and only the clinics meant for it."""
    assert ids(topic="parenting_salon") == ["a", "c", "b"]  # kana order
    assert ids(topic="temporary_care") == ["d"]
    assert ids(topic="night_clinic") == ["e"]
    assert ids(category="park") == ["g"]
    assert ids(topic="nursery", category="park") == []
    assert "h" not in ids(limit=99)
    assert HINATA.get("h") is not None


@pytest.mark.parametrize(
    "area", ["桜台", "さくらだい", "サクラダイ", "桜台三丁目4-5", "ひなた市桜台", " 桜台２丁目 ", "桜台の近く"]
)
def test_area_is_heard_in_many_spellings(area: str) -> None:
    """町名 is found by kanji, kana, with 丁目, full-width digits, the city's name, and words around it."""
    found = HINATA.search(Query(topic="parenting_salon", area=area))
    assert [m.resource.id for m in found.matches] == ["c", "b"]
    assert found.areas == ("ひなた市桜台",)
    assert not found.widened


def test_municipality_with_and_without_its_ending() -> None:
    """ひなた and ひなた市 are the same municipality."""
    assert (
        ids(topic="parenting_salon", area="ひなた") == ids(topic="parenting_salon", area="ひなた市") == ["a", "c", "b"]
    )


@pytest.mark.parametrize("text", ["さくらだいすき", "わたしばかり", "さくら", "かわいそうな桜"])
def test_ordinary_words_are_no_area(text: str) -> None:
    """A reading in kana is an area only as the whole text, so that ordinary words do not become one."""
    d = Directory([*CITY, place("w", town="渡し場", town_kana="わたしば")], TOPICS)
    assert d.areas_of(text) == ()
    assert d.areas_of("わたしば") == ("ひなた市渡し場",)
    assert Directory([place("k", town="川辺町", town_kana="かわべちょう")], TOPICS).areas_of("かわべ") == (
        "ひなた市川辺町",
    )


def test_nothing_in_the_town_widens_to_the_municipality_and_says_so() -> None:
    """When a 町名 has nothing, the rest of the municipality is offered, nearest to that 町名 first, and it is said."""
    found = HINATA.search(Query(topic="temporary_care", area="桜台"))
    assert [m.resource.id for m in found.matches] == ["d"]
    assert (found.widened, found.order) == (("town",), "distance_from_area")


def test_an_unknown_area_is_said_to_be_unknown() -> None:
    """A name that is no area here gives everything, with `area_known` false; it is never taken for another area."""
    found = HINATA.search(Query(topic="parenting_salon", area="火星"))
    assert (found.area_known, found.widened, found.total) == (False, ("area",), 3)


def test_age_bounds_are_inclusive_and_unknown_bounds_exclude_nobody() -> None:
    """A child fits from the first to the last month named, and anywhere where no month is named."""
    assert [ids(topic="temporary_care", age_months=m) for m in (5, 6, 200)] == [[], ["d"], ["d"]]
    assert ["a" in ids(topic="parenting_salon", age_months=m) for m in (0, 35, 36)] == [True, True, False]


def test_age_is_never_relaxed() -> None:
    """A child who is too old is not sent anywhere that will turn it away."""
    assert ids(topic="parenting_salon", area="川辺町", age_months=36) == ["b", "c"]  # widened, nearest first
    assert ids(topic="temporary_care", age_months=3) == []


def test_free_means_known_to_be_free() -> None:
    """A wish for free places leaves out those with a fee and those whose fee is unknown."""
    found = HINATA.search(Query(topic="parenting_salon", free=True))
    assert [m.resource.id for m in found.matches] == ["a"]
    assert found.left_out == (("free", 2),)


def test_open_now_knows_midnight_and_counts_unknown_hours() -> None:
    """Past midnight the night clinic is still open; places with unknown hours are counted, not claimed."""
    assert ids(category="clinic", open_at=NIGHT_TIME) == ["e"]
    found = HINATA.search(Query(topic="parenting_salon", open_at=NOON))
    assert [m.resource.id for m in found.matches] == ["a", "c"]
    assert found.hours_unknown == 1
    assert [m.open_now for m in HINATA.search(Query(topic="parenting_salon"), now=NOON).matches] == [True, True, None]


def test_nothing_open_widens_by_the_hour() -> None:
    """At night no ひろば is open: all are offered, and it is said that none is open."""
    found = HINATA.search(Query(topic="parenting_salon", open_at=NIGHT_TIME))
    assert (found.total, found.widened) == (3, ("open",))
    assert {m.open_now for m in found.matches} == {False, None}


def test_weekday() -> None:
    """Asking for Saturday leaves out what opens on weekdays only; a place with an n-th Saturday counts."""
    saturday = Opening((Schedule((5,), time(10), time(12), nth=(3,)),))
    d = Directory([*CITY, place("s", opening=saturday)], TOPICS)
    assert [m.resource.id for m in d.search(Query(topic="parenting_salon", open_weekday=5)).matches] == ["s"]


def test_nearest_first_with_distances() -> None:
    """From a point the nearest comes first, with its distance in km; what has no coordinates is left out."""
    found = HINATA.search(Query(topic="parenting_salon", near=Point(35.071, 137.05)))
    assert [m.resource.id for m in found.matches] == ["c", "b", "a"]
    assert found.order == "distance"
    assert [m.distance_km for m in found.matches] == [0.11, 1.22, 2.34]
    assert ids(category="park", near=Point(35.05, 137.05)) == ["g"]  # widened: its place is not known


def test_free_words_find_names_and_kana() -> None:
    """Words match name and kana in any script and width; all words must be there; a strange name finds nothing."""
    assert ids(words="わはは") == ["g"]
    assert ids(words="ﾃﾞﾝﾃﾞﾝ 保育") == ["d"]
    assert ids(words="でんでん 広場") == []
    assert ids(topic="parenting_salon", words="こもれび") == ["c"]


def test_what_differs_is_data() -> None:
    """Of the shown places it is named in which aspects they differ, and only those."""
    assert HINATA.search(Query(topic="parenting_salon")).differs == ("fee", "hours", "age")
    assert HINATA.search(Query(topic="night_clinic")).differs == ()


def test_the_only_one_says_why() -> None:
    """When one place fits, each wish that left out others is named with their number; none means there is only one."""
    found = HINATA.search(Query(topic="parenting_salon", area="川辺町", age_months=10))
    assert (found.total, found.left_out) == (1, (("town", 2), ("area", 2)))
    assert HINATA.search(Query(topic="night_clinic")).left_out == ()


def test_ended_places_are_left_out() -> None:
    """An event is offered until its last day."""
    d = Directory([place("x", "park", ends_on=date(2026, 11, 20))], TOPICS)
    assert d.search(Query(category="park", today=date(2026, 11, 20))).total == 1
    assert d.search(Query(category="park", today=date(2026, 11, 21))).total == 0


def test_pages() -> None:
    """`total` counts all; `limit` and `offset` cut the page."""
    found = HINATA.search(Query(topic="parenting_salon", limit=1, offset=1))
    assert (found.total, [m.resource.id for m in found.matches]) == (3, ["c"])


def test_search_is_pure() -> None:
    """The search never asks the machine for the time."""
    assert ".now(" not in inspect.getsource(search_module)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("高松市大工町1-4", ("高松市", "大工町")),
        ("760-0018 高松市天神前11-27　ビル1F", ("高松市", "天神前")),
        ("静岡県焼津市大覚寺３丁目2-2", ("焼津市", "大覚寺")),
        ("香川県高松市香南町大字由佐113-1", ("高松市", "香南町由佐")),
        ("神奈川県横浜市中区本町1-1", ("横浜市中区", "本町")),
        ("神奈川藤沢市湘南台1-9-2", ("藤沢市", "湘南台")),
        ("大阪狭山市半田1-1", ("大阪狭山市", "半田")),
        ("大阪市北区中之島1-3", ("大阪市北区", "中之島")),
        ("三重県四日市市諏訪町1-5", ("四日市市", "諏訪町")),
        ("静岡県榛原郡吉田町住吉87", ("榛原郡吉田町", "住吉")),
        ("東京都世田谷区三軒茶屋2-1", ("世田谷区", "三軒茶屋")),
        ("中央町5番26", ("", "中央町")),
        ("番町ニ丁目14番2号", ("", "番町")),
        ("", ("", "")),
    ],
)
def test_addresses_are_read(address: str, expected: tuple[str, str]) -> None:
    """Municipality and 町名 are read where they are certain, and left empty where they are not."""
    assert read_address(address) == expected


def test_a_known_municipality_is_recognised_without_its_prefecture() -> None:
    """A small town's name counts as a municipality only when the file names it elsewhere."""
    assert read_address("あさぎり町本郷88-1", ["あさぎり町"]) == ("あさぎり町", "本郷")
    assert read_address("あさぎり町本郷88-1") == ("", "あさぎり町本郷")


def test_folding() -> None:
    """Width, script, dashes and spaces do not matter."""
    assert fold("ﾜﾊﾊ・ひろば　Ａ") == fold("わはは ヒロバa")
    assert fold_area("三ヶ名") == fold_area("三ケ名")


def test_closed_on_the_moved_day_of_rest() -> None:
    """A place whose Monday rest moved to Tuesday is not offered as open on that Tuesday."""
    everyday = Opening((Schedule(tuple(range(7)), time(9), time(17)),), rests=(Rest((0,), on_holiday="next_day"),))
    d = Directory([place("x", opening=everyday)], TOPICS)
    monday, tuesday = (datetime(2026, 11, n, 10, tzinfo=TOKYO) for n in (23, 24))  # 勤労感謝の日
    assert d.search(Query(open_at=monday)).total == 1
    assert d.search(Query(open_at=tuesday)).widened == ("open",)
