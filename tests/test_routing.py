"""Which desk sees a case first, and why; when an answer may be expected; what the last night was."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.messages import Severity
from bot.opening import TOKYO
from bot.routing import Need, Route, route
from bot.situation import City, Desk
from tests.test_opening import opening

HIROBA = Desk("hiroba", "ひろば", "基本型", opening("hiroba"), languages=("ja", "ja-easy", "en"))
CENTRE = Desk(
    "kodomo-katei",
    "センター",
    "こども家庭センター型",
    opening("kodomo-katei"),
    takes=("abuse", "dv", "crisis", "medical"),
)
NORTH = Desk("north", "北", "基本型", opening("hiroba"), area=("北野", "丘の上"), languages=("ja", "vi"))
CITY = City("ひなた市", (HIROBA, CENTRE, NORTH))
#: Wednesday noon: all are open. Saturday noon: the ひろば and the north. Sunday night: the centre opens first.
NOON, SATURDAY, SUNDAY = (datetime(2026, 11, day, 12, tzinfo=TOKYO) for day in (25, 28, 29))


def need(severity: str = "concern", *kinds: str, language: str = "ja", area: str = "") -> Need:
    return Need(Severity(severity), kinds, language, area)


@pytest.mark.parametrize(
    ("asked", "now", "desk", "why"),
    [
        (need(), NOON, "hiroba", ("kind",)),  # nothing special: who is there for anything
        (need("concern", "dv"), NOON, "kodomo-katei", ("kind",)),
        (need("concern", "anxiety", language="en"), NOON, "hiroba", ("kind", "language")),
        (need("concern", "anxiety", language="vi"), NOON, "north", ("kind", "language")),
        (need("concern", "anxiety", language="ne"), NOON, "hiroba", ("kind",)),  # nobody speaks it: nobody left out
        (need(area="北野"), NOON, "north", ("kind", "area")),
        (need("concern", "dv", area="北野"), NOON, "kodomo-katei", ("kind",)),
        (need(area="遠い町"), NOON, "hiroba", ("kind",)),
        (need("urgent", "dv"), NOON, "kodomo-katei", ("kind",)),  # all are there: what was heard decides
        (need("urgent", "dv"), SATURDAY, "hiroba", ("soonest",)),  # the centre is closed until Monday
        (need("emergency", "abuse", area="北野"), SATURDAY, "north", ("soonest", "area")),
        (need("emergency", "anxiety"), SUNDAY, "kodomo-katei", ("soonest",)),  # Monday 8:30 is before Tuesday 9:30
        (need("concern", "anxiety"), SUNDAY, "hiroba", ("kind",)),  # no hurry: whose matter it is
    ],
)
def test_a_need_finds_its_desk_and_says_why(asked: Need, now: datetime, desk: str, why: tuple[str, ...]) -> None:
    assert route(CITY, asked, now) == Route(desk, why)


def test_one_desk_no_desk_and_desks_alike() -> None:
    assert route(replace(CITY, desks=()), need(), NOON) == Route("", ())
    assert route(replace(CITY, desks=(CENTRE,)), need(), NOON) == Route("kodomo-katei", ("only",))
    twins = (HIROBA, replace(HIROBA, id="zwilling"))
    assert route(replace(CITY, desks=twins), need("urgent", "dv"), NOON) == Route("hiroba", ("order",))


def test_every_need_finds_a_desk_at_every_hour() -> None:
    """Nothing is left without a desk, and the grave never lie at a closed desk while another is open."""
    for hours in range(24 * 14):
        now = NOON + timedelta(hours=hours)
        for severity in Severity:
            for kinds in ((), ("dv",), ("anxiety", "crisis")):
                for language in ("ja", "vi", "ne", ""):
                    for area in ("", "北野"):
                        found = route(CITY, Need(severity, kinds, language, area), now)
                        desk = CITY.desk(found.desk_id)
                        assert desk is not None
                        assert found.why
                        if severity is not Severity.CONCERN and CITY.open_now(now):
                            assert desk.opening.open_at(now)


def test_time_counts_only_while_a_desk_is_open() -> None:
    """`opened_for` and `opened_ago` are each other's way back."""
    saturday_late = datetime(2026, 11, 28, 16, tzinfo=TOKYO)  # half an hour left; Sunday closed; Monday from 8:30
    assert CITY.opened_for(saturday_late, 1800) == datetime(2026, 11, 28, 16, 30, tzinfo=TOKYO)
    later = CITY.opened_for(saturday_late, 3600)
    assert later == datetime(2026, 11, 30, 9, tzinfo=TOKYO)
    assert CITY.opened_ago(later, 3600) == saturday_late
    assert CITY.opened_for(NOON, 0) == NOON
    assert replace(CITY, desks=()).opened_for(NOON, 60) is None


@pytest.mark.parametrize(
    ("now", "since", "until"),
    [
        ((25, 10, 0), (24, 17, 15), (25, 8, 30)),  # all are open: the night before
        ((25, 8, 45), (24, 17, 15), (25, 8, 30)),
        ((26, 2, 10), (25, 17, 15), (26, 2, 10)),  # still night
        ((25, 17, 0), (24, 17, 15), (25, 8, 30)),  # only one is open still
        ((30, 9, 0), (28, 16, 30), (30, 8, 30)),  # over a Sunday
    ],
)
def test_the_last_night(now: tuple[int, int, int], since: tuple[int, int, int], until: tuple[int, int, int]) -> None:
    """From when the last desk closed until the first opened, or until now."""
    day = datetime(2026, 11, 1, tzinfo=TOKYO)
    at, begins, ends = (day.replace(day=d, hour=h, minute=m) for d, h, m in (now, since, until))
    assert CITY.last_night(at) == (begins, ends)


def test_a_night_without_known_hours_is_a_day() -> None:
    assert replace(CITY, desks=()).last_night(NOON) == (NOON - timedelta(days=1), NOON)


def test_with_children_counts_while_nobody_is_free() -> None:
    """It is told only while each desk that is open is with children, and until the first is free."""
    later = NOON + timedelta(hours=1)
    busy = tuple(replace(desk, with_children_until=later) for desk in CITY.desks)
    assert replace(CITY, desks=busy).with_children_until(NOON) == later
    assert replace(CITY, desks=busy).with_children_until(later) is None  # over
    assert replace(CITY, desks=(*busy[:2], NORTH)).with_children_until(NOON) is None  # the north is free
    night = datetime(2026, 11, 29, 3, tzinfo=TOKYO)
    assert replace(CITY, desks=busy).with_children_until(night) is None  # nobody is there at all
    earlier = replace(busy[0], with_children_until=NOON + timedelta(minutes=20))
    assert replace(CITY, desks=(earlier, *busy[1:])).with_children_until(NOON) == NOON + timedelta(minutes=20)
