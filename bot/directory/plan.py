"""Says what a place does in the next weeks: when it opens, what happens there, as a list and as a calendar feed.

The rule: every occurrence is worked out from the schedules, so that holidays, moved days of rest and exceptions hold;
a feed promises nothing beyond the weeks it lists. Pure: the first day and the moment of making are given.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from icalendar import Calendar, Event

from bot.directory.areas import fold
from bot.directory.resources import Resource

WEEKS = 13  # of a feed: calendars ask again every day, nobody plans a visit to a ひろば further ahead
NEAR_DEGREES = 0.0004  # some 40 m: an event in the same house


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Hold one opening or one event: from when to when (aware), and of which resource."""

    begins: datetime
    ends: datetime
    resource: Resource


def occurrences(resource: Resource, first: date, last: date) -> list[Occurrence]:
    """Return when a resource opens on the days from `first` to `last`, inclusive, the earliest first."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [
        Occurrence(begins, ends, resource)
        for day in days
        if resource.ends_on is None or day <= resource.ends_on
        for begins, ends in resource.opening.spans(day)
    ]


def month_plan(place: Resource, events: Iterable[Resource], first: date, last: date) -> list[Occurrence]:
    """Return what happens at a place on these days, the earliest first: its events, not its ordinary hours."""
    found = [
        occurrence
        for event in events
        if event.category == "event" and event.id != place.id and _same_house(place, event)
        for occurrence in occurrences(event, first, last)
    ]
    return sorted(found, key=lambda occurrence: (occurrence.begins, occurrence.ends, occurrence.resource.name))


def _same_house(place: Resource, event: Resource) -> bool:
    """Return whether an event takes place there: its site or address is the place's, or it stands on the same spot."""
    here, there = place.location, event.location
    names = {fold(place.name), fold(here.name), fold(place.alternate_name)} - {""}
    if there.name and fold(there.name) in names:
        return True
    if here.address and there.address:
        return fold(here.address) == fold(there.address)
    if here.latitude is None or here.longitude is None or there.latitude is None or there.longitude is None:
        return False
    return max(abs(here.latitude - there.latitude), abs(here.longitude - there.longitude)) <= NEAR_DEGREES


def calendar(
    place: Resource, events: Iterable[Resource], *, today: date, made_at: datetime, address: str, opening: str
) -> bytes:
    """Return an iCalendar feed (RFC 5545, UTF-8) of a place: its hours and its events for thirteen weeks.

    `address` is the feed's own, unique part of every entry's id (a domain); `opening` what ordinary hours are called.
    """
    last = today + timedelta(weeks=WEEKS)
    feed = Calendar()
    feed.add("prodid", f"-//Madoguchi//{address}//JA")
    feed.add("version", "2.0")
    feed.add("method", "PUBLISH")
    feed.add("x-wr-calname", _line(place.name))
    feed.add("x-wr-timezone", "Asia/Tokyo")
    feed.add("refresh-interval", timedelta(days=1), parameters={"VALUE": "DURATION"})
    for own in occurrences(place, today, last):
        feed.add_component(_entry(own, f"{opening}: {place.name}", place, made_at, address))
    for event in month_plan(place, events, today, last):
        feed.add_component(_entry(event, event.resource.name, place, made_at, address))
    feed.add_missing_timezones(today, last)
    return bytes(feed.to_ical())


def _entry(one: Occurrence, title: str, place: Resource, made_at: datetime, address: str) -> Event:
    entry = Event()
    entry.add("uid", f"{one.resource.id}.{one.begins:%Y%m%dT%H%M}@{address}")
    entry.add("dtstamp", made_at)
    entry.add("dtstart", one.begins)
    entry.add("dtend", one.ends)
    entry.add("summary", _line(title))
    if place.location.address or place.location.name:
        entry.add("location", _line(place.location.address or place.location.name))
    if one.resource.description and one.resource is not place:
        entry.add("description", _line(one.resource.description))
    if one.resource.url or place.url:
        entry.add("url", one.resource.url or place.url)
    return entry


def _line(words: str) -> str:
    """Return words on one line without control characters: a feed has its own line breaks."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())
