"""Finds talks by words, among those that a person may read.

The rule: words are opened here, compared and forgotten. Nothing of them is kept, logged or shown: what is found is the
case, and opening it is a look of its own. That somebody searched, through how many talks, and which were found is one
audit row; for what she looked is nowhere.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot import cases, journal
from bot.errors import RefusedError
from bot.models import CaseRow, Journal
from bot.store import append_audit
from bot.understanding.normalise import fold
from handoff import listing, staff
from handoff.listing import Asked
from handoff.staff import Actor

MOST: Final = 300  # talks that are read through at once, newest first: about half a second
LINES: Final = 80  # of each talk, newest first
SHORTEST: Final = 2  # characters; one would find nearly everything
BEFORE: Final = timedelta(days=1)  # what led to a case was written before it
_SAID: Final = ("resident", "staff")


@dataclass(frozen=True, slots=True)
class Searched:
    """Hold what was found: the cases, newest first; through how many was read; whether there are older ones besides."""

    found: tuple[uuid.UUID, ...]
    through: int
    older: bool


def search(session: Session, asked: Asked, words: str, actor: Actor) -> Searched:
    """Return the cases whose talk holds every one of the words, however they are written in width and case.

    Raise RefusedError when too little of the words is left to look for.
    """
    conditions = listing.where(asked)
    sought = [part for part in fold(words).text.split() if len(part) >= SHORTEST]
    if not sought:
        raise RefusedError(f"さがすことばを、{SHORTEST}文字以上で書いてください。")
    rows = [one.row for one in listing.listed(session, conditions, order="newest", limit=MOST)]
    readable = [row for row in rows if not cases.as_case(row).about_staff or actor.role in staff.READS_OF_STAFF]
    found = tuple(row.id for row in readable if _holds(session, row, sought))
    return Searched(found, len(readable), older=listing.count(session, conditions) > len(rows))


def note(session: Session, actor: Actor, searched: Searched, at: datetime) -> None:
    """Write down that somebody searched through talks, and which were found; not for what."""
    detail = {"through": searched.through, "found": [str(id) for id in searched.found]}
    append_audit(session, f"staff:{actor.id}", "case.searched", at, detail=detail)


def _holds(session: Session, row: CaseRow, sought: Collection[str]) -> bool:
    said = select(Journal).where(
        Journal.resident_id == row.resident_id,
        Journal.who.in_(_SAID),
        Journal.at >= row.opened_at - BEFORE,
        Journal.body_sealed.is_not(None),
    )
    if row.closed_at is not None:
        said = said.where(Journal.at <= row.closed_at)
    newest = session.scalars(said.order_by(Journal.id.desc()).limit(LINES))
    talk = "\n".join(fold(str(journal.body(session, one).get("text") or "")).text for one in newest)
    return all(part in talk for part in sought)
