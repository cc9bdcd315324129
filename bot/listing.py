"""What staff see of the directory at once: lists by filter, how fresh a place is, pairs that may be one.

The rule: these read only (but for one remembered answer), in an order that has a name; how fresh a place is counts
from the day on which staff made sure of it, never from a date that a source claims.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from bot.curation import STALE_AFTER, By
from bot.directory.duplicates import Pair
from bot.models import DistinctPlaces, ResourceChange, ResourceRow
from bot.store import upsert

Freshness = Literal["fresh", "ageing", "stale", "never"]
State = Literal["shown", "stale", "gone", "merged"]
Order = Literal["name", "verified"]

FRESH_FOR: Final = timedelta(days=90)  # a season: hours and fees of ひろば change with the school terms


def freshness(verified_at: datetime | None, now: datetime) -> Freshness:
    """Return how fresh a place is: fresh up to 90 days, ageing up to half a year, then stale; never made sure of."""
    if verified_at is None:
        return "never"
    age = now - verified_at
    return "fresh" if age <= FRESH_FOR else "ageing" if age <= STALE_AFTER else "stale"


@dataclass(frozen=True, slots=True)
class Asked:
    """Hold what a list is filtered by; empty asks nothing. `ids`: what a search found for the same `words`."""

    words: str = ""
    ids: Collection[str] = ()
    category: str = ""
    municipality: str = ""
    state: State = "shown"
    order: Order = "name"


def listed(session: Session, asked: Asked, now: datetime, *, limit: int, offset: int) -> tuple[list[ResourceRow], int]:
    """Return a page of the rows that fit, in the order asked for, and how many fit in all."""
    fitting = select(ResourceRow).where(*_filters(asked, now))
    by_name = (ResourceRow.name, ResourceRow.id)
    by_age = (ResourceRow.verified_at.is_not(None), ResourceRow.verified_at, *by_name)
    page = fitting.order_by(*(by_name if asked.order == "name" else by_age)).limit(limit).offset(offset)
    return list(session.scalars(page)), _count(session, fitting)


def _filters(asked: Asked, now: datetime) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if asked.state == "merged":
        found.append(ResourceRow.merged_into.is_not(None))
    else:
        absent = ResourceRow.gone_at.is_not(None) if asked.state == "gone" else ResourceRow.gone_at.is_(None)
        found += [ResourceRow.merged_into.is_(None), absent]
    if asked.state == "stale":
        found.append(or_(ResourceRow.verified_at.is_(None), ResourceRow.verified_at < now - STALE_AFTER))
    if asked.category:
        found.append(ResourceRow.category == asked.category)
    if asked.municipality:
        found.append(ResourceRow.municipality == asked.municipality)
    if asked.words:
        named = ResourceRow.name.contains(asked.words, autoescape=True)
        found.append(or_(named, ResourceRow.id.in_(list(asked.ids))))
    return found


def _count(session: Session, fitting: Select[Any]) -> int:
    return session.scalar(select(func.count()).select_from(fitting.subquery())) or 0


def municipalities(session: Session) -> list[str]:
    """Return whose places there are."""
    named = select(ResourceRow.municipality).where(ResourceRow.municipality != "").distinct()
    return list(session.scalars(named.order_by(ResourceRow.municipality)))


def made_sure_since(session: Session, by: By, since: datetime) -> list[tuple[ResourceRow, ResourceChange]]:
    """Return which places somebody has made sure of since then and not taken back, the newest first."""
    found = (
        select(ResourceRow, ResourceChange)
        .join(ResourceChange, ResourceChange.resource_id == ResourceRow.id)
        .where(
            ResourceChange.actor == by.id,
            ResourceChange.action == "verify",
            ResourceChange.at >= since,
            ResourceChange.undone_by.is_(None),
        )
        .order_by(ResourceChange.id.desc())
    )
    return [(row, change) for row, change in session.execute(found)]


def merged_into(session: Session, id: str) -> list[ResourceRow]:
    """Return the places that were merged into this one."""
    return list(session.scalars(select(ResourceRow).where(ResourceRow.merged_into == id).order_by(ResourceRow.name)))


# --- pairs that may be one ------------------------------------------------------------------------------------------


def open_pairs(session: Session, pairs: Sequence[Pair]) -> list[Pair]:
    """Return those of the probable duplicates that nobody has decided about, in their order."""
    told_apart = {(row.first_id, row.second_id) for row in session.scalars(select(DistinctPlaces))}
    ids = {place.id for pair in pairs for place in (pair.first, pair.second)}
    living: set[str] = set()
    for some in _batches(sorted(ids)):
        shown = ResourceRow.gone_at.is_(None) & ResourceRow.merged_into.is_(None)
        living |= set(session.scalars(select(ResourceRow.id).where(ResourceRow.id.in_(some), shown)))
    return [
        pair
        for pair in pairs
        if {pair.first.id, pair.second.id} <= living and (pair.first.id, pair.second.id) not in told_apart
    ]


def _batches(ids: Sequence[str], size: int = 500) -> list[Sequence[str]]:
    return [ids[n : n + size] for n in range(0, len(ids), size)]


def tell_apart(session: Session, one: str, other: str, by: By, at: datetime) -> None:
    """Remember that two places are two, so that the pair is not shown again."""
    first, second = sorted((one, other))
    statement = upsert(session, DistinctPlaces).values(first_id=first, second_id=second, said_by=by.name, said_at=at)
    session.execute(statement.on_conflict_do_nothing(index_elements=["first_id", "second_id"]))
