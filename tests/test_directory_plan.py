"""What a place does in the next weeks, read back by another reader of calendars."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from bot.directory.plan import WEEKS, calendar, month_plan, occurrences
from bot.directory.resources import Location, Resource
from bot.opening import TOKYO, Closure, Opening, Rest, Schedule

TODAY = date(2026, 11, 22)  # a Sunday; Monday is 勤労感謝の日
MADE = datetime(2026, 11, 22, 3, tzinfo=UTC)
HERE = Location("ひなたプラザ", "ひなた市駅前町2-10", "ひなた市", "駅前町", "", 35.05, 137.05)
HALL = Resource(
    id="hall", name="ひろば ひなた", category="parenting_salon", location=HERE, url="https://example.jp/hall",
    opening=Opening(
        (Schedule((0, 1, 2, 3, 4), time(10), time(16)), Schedule((5,), time(22), time(1))),
        (Closure(date(2024, 12, 29), date(2024, 1, 3), yearly=True),),
        (Rest((0,), on_holiday="next_day"),),
    ),
)  # fmt: skip


def event(id: str, day: date, location: Location = HERE, **more: object) -> Resource:
    opening = Opening((Schedule((day.weekday(),), time(10), time(11, 30), day, day),))
    return Resource(
        id=id, name=f"おやこの会, {id};", category="event", location=location, opening=opening, ends_on=day,
        description="はじめての人も\nどうぞ", **more,  # type: ignore[arg-type]
    )  # fmt: skip


def feed(place: Resource, *events: Resource) -> list[dict[str, object]]:
    """Read the feed back: what each entry says."""
    raw = calendar(place, events, today=TODAY, made_at=MADE, address="madoguchi.example.jp", opening="開いています")
    assert all(len(line) <= 75 for line in raw.split(b"\r\n"))
    read = Calendar.from_ical(raw)
    return [
        {"title": str(e["summary"]), "begins": e["dtstart"].dt, "ends": e["dtend"].dt, "uid": str(e["uid"])}
        for e in read.walk("VEVENT")
    ]


def test_a_feed_holds_every_opening_and_event() -> None:
    """The holiday Monday is open, the Tuesday after it rests, New Year is closed, past midnight is the next day."""
    told = feed(HALL, event("e", date(2026, 11, 28)))
    days = {entry["begins"].astimezone(TOKYO).date() for entry in told if "開いています" in str(entry["title"])}  # type: ignore[attr-defined]
    assert date(2026, 11, 23) in days
    assert date(2026, 11, 24) not in days
    assert date(2026, 11, 30) not in days  # an ordinary Monday rests
    assert not any(date(2026, 12, 29) <= day <= date(2027, 1, 3) for day in days)
    assert max(days) <= TODAY + timedelta(weeks=WEEKS)
    (saturday,) = [e for e in told if e["begins"] == datetime(2026, 11, 28, 22, tzinfo=TOKYO)]
    assert saturday["ends"] == datetime(2026, 11, 29, 1, tzinfo=TOKYO)
    (party,) = [e for e in told if "おやこの会" in str(e["title"])]
    assert party["title"] == "おやこの会, e;"
    assert len({str(e["uid"]) for e in told}) == len(told)


def test_the_plan_of_a_month_is_what_happens_there() -> None:
    """By name of the site, by address, by the spot; not what happens next door, and not ordinary hours."""
    first, last = date(2026, 11, 1), date(2026, 11, 30)
    by_name = event("name", date(2026, 11, 14), Location("ひろば　ひなた"))
    by_address = event("address", date(2026, 11, 7), Location("", "ひなた市駅前町２－１０"))
    by_spot = event("spot", date(2026, 11, 21), Location("", latitude=35.0502, longitude=137.0502))
    elsewhere = event("elsewhere", date(2026, 11, 21), Location("", "ひなた市北野1"))
    later = event("later", date(2026, 12, 5))
    plan = month_plan(HALL, [by_name, by_address, by_spot, elsewhere, later, HALL], first, last)
    assert [one.resource.id for one in plan] == ["address", "name", "spot"]
    assert plan[0].begins == datetime(2026, 11, 7, 10, tzinfo=TOKYO)


def test_what_has_ended_does_not_happen() -> None:
    ended = replace(HALL, ends_on=TODAY + timedelta(days=1))
    assert {one.begins.date() for one in occurrences(ended, TODAY, date(2026, 12, 31))} == {date(2026, 11, 23)}
    assert feed(replace(HALL, opening=Opening())) == []


@settings(max_examples=15, deadline=None)
@given(st.sets(st.integers(0, 6)), st.times(), st.times(), st.text(max_size=200))
def test_any_place_gives_a_feed_that_reads_back(days: set[int], opens: time, closes: time, words: str) -> None:
    """Whatever a place is called and whenever it opens, the feed says the same as the schedule."""
    opening = Opening(
        (
            Schedule(
                tuple(sorted(days)), opens.replace(second=0, microsecond=0), closes.replace(second=0, microsecond=0)
            ),
        )
    )
    place = replace(HALL, opening=opening, name=words, location=replace(HERE, address=words))
    expected = [(o.begins, o.ends) for o in occurrences(place, TODAY, TODAY + timedelta(weeks=WEEKS))]
    assert sorted((e["begins"], e["ends"]) for e in feed(place)) == expected  # type: ignore[type-var]
