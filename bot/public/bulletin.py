"""The monthly bulletin (情報誌): what happens on which day, which places are new, and what has changed at others.

The rule: news counts from the first day of the month before, so that what a printed page of last month could not know
is on this one; a place that is new is not also changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.directory.areas import fold
from bot.directory.plan import Occurrence, occurrences
from bot.directory.resources import Resource
from bot.directory.search import Directory, Query
from bot.models import ResourceChange, ResourceRow
from bot.opening import TOKYO
from bot.public.words import CHANGED

MOST = 60  # places on one page's list of news; the rest is counted
AHEAD, BEHIND = 3, 12  # months for which there is a page


@dataclass(frozen=True, slots=True)
class News:
    """Hold what the database knows of a time: ids that are new, and the changed fields by id."""

    new: frozenset[str]
    changed: Mapping[str, tuple[str, ...]]


def month_of(text: str) -> date | None:
    """Return the first day of 2026-11; None for what is no month."""
    try:
        return date.fromisoformat(f"{text}-01") if len(text) == 7 else None
    except ValueError:
        return None


def shifted(first: date, months: int) -> date:
    """Return the first day of the month so many months later (or earlier)."""
    years, month = divmod(first.month - 1 + months, 12)
    return date(first.year + years, month + 1, 1)


def has_page(first: date, today: date) -> bool:
    """Return whether there is a page for the month: a year back, a quarter ahead."""
    return shifted(today.replace(day=1), -BEHIND) <= first <= shifted(today.replace(day=1), AHEAD)


def events(directory: Directory, first: date) -> list[tuple[date, list[Occurrence]]]:
    """Return what happens in the month beginning on `first`, by day."""
    last = shifted(first, 1) - timedelta(days=1)
    listed = directory.search(Query(category="event", limit=len(directory) or 1)).matches
    found = [one for match in listed for one in occurrences(match.resource, first, last)]
    found.sort(key=lambda one: (one.begins, one.ends, one.resource.name, one.resource.id))
    return [(day, list(group)) for day, group in groupby(found, key=lambda one: one.begins.astimezone(TOKYO).date())]


def news(session: Session, first: date) -> News:
    """Return what is new and what has changed from the month before until the end of the month."""
    since, until = (datetime.combine(shifted(first, months), time(), TOKYO) for months in (-1, 1))
    added = select(ResourceRow.id).where(ResourceRow.added_at >= since, ResourceRow.added_at < until)
    new = frozenset(session.scalars(added))
    made = select(ResourceChange.resource_id, ResourceChange.fields).where(
        ResourceChange.at >= since,
        ResourceChange.at < until,
        ResourceChange.undone_by.is_(None),
        ResourceChange.action.in_(("import", "edit", "merge")),
    )
    changed: dict[str, dict[str, None]] = {}
    for id, fields in session.execute(made.order_by(ResourceChange.id)):
        if id not in new and (told := [name for name in fields if name in CHANGED]):
            changed.setdefault(id, {}).update(dict.fromkeys(told))
    return News(new, {id: tuple(fields) for id, fields in changed.items()})


def listed(directory: Directory, ids: Iterable[str]) -> list[Resource]:
    """Return the places among `ids` that are shown still, in the order of kana; events stand by their days."""
    found = [place for id in ids if (place := directory.get(id)) is not None]
    shown = [place for place in found if place.status != "inactive" and place.category != "event"]
    return sorted(shown, key=lambda place: (fold(place.kana or place.name), place.name, place.id))
