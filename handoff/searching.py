"""Finds talks by words, among those that a person may read.

The rule: words are opened here, compared and forgotten. Nothing of them is kept, logged or shown: what is found is the
case, and opening it is a look of its own. That somebody searched, through how many talks, and which were found is one
audit row; for what she looked is nowhere.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot import cases, journal
from bot.errors import RefusedError
from bot.models import CaseRow, Journal
from bot.store import Store, append_audit
from bot.understanding.normalise import fold
from handoff import listing, staff
from handoff.listing import Asked
from handoff.staff import Actor

MOST: Final = 300  # talks that are read through at once, newest first
LINES: Final = 80  # of each talk, newest first
IN_ALL: Final = 8_000  # lines; 0.07 ms each on SQLite (measured 2026-11-24): half a second
TOGETHER: Final = 5  # talks that are opened in one go
SHORTEST: Final = 2  # characters; one would find nearly everything
BEFORE: Final = timedelta(days=1)  # what led to a case was written before it
_SAID: Final = ("resident", "staff")


@dataclass(frozen=True, slots=True)
class Searched:
    """Hold what was found: the cases, newest first; through how many was read; whether there are older ones besides."""

    found: tuple[uuid.UUID, ...]
    through: int
    older: bool


async def search(store: Store, asked: Asked, words: str, actor: Actor) -> Searched:
    """Return the cases whose talk holds every one of the words, however they are written in width and case.

    Talks are read a few at a time, so that on PostgreSQL, where opening words holds up whoever else this process
    serves, nobody waits long. Raise RefusedError when too little of the words is left to look for.
    """
    sought = [part for part in fold(words).text.split() if len(part) >= SHORTEST]
    if not sought:
        raise RefusedError("さがすことばを、{least}文字以上で書いてください。", least=SHORTEST)
    readable, older = await store.read(lambda session: _readable(session, asked, actor))
    found: list[uuid.UUID] = []
    through, lines = 0, 0
    while through < len(readable) and lines < IN_ALL:
        part = readable[through : through + TOGETHER]
        for row, said in zip(part, await store.read(partial(_opened, rows=part)), strict=True):
            talk = "\n".join(said)
            if all(word in talk for word in sought):
                found.append(row.id)
            lines += len(said)
        through += len(part)
    return Searched(tuple(found), through, older or through < len(readable))


def _readable(session: Session, asked: Asked, actor: Actor) -> tuple[list[CaseRow], bool]:
    """Return the newest cases that fit and may be read, and whether more than these fit."""
    conditions = listing.where(asked)
    rows = [one.row for one in listing.listed(session, conditions, order="newest", limit=MOST)]
    readable = [row for row in rows if not cases.as_case(row).about_staff or actor.role in staff.READS_OF_STAFF]
    return readable, listing.count(session, conditions) > len(rows)


def note(session: Session, actor: Actor, searched: Searched, at: datetime) -> None:
    """Write down that somebody searched through talks, and which were found; not for what."""
    detail = {"through": searched.through, "found": [str(id) for id in searched.found]}
    append_audit(session, f"staff:{actor.id}", "case.searched", at, detail=detail)


def _opened(session: Session, rows: list[CaseRow]) -> list[list[str]]:
    return [_said(session, row) for row in rows]


def _said(session: Session, row: CaseRow) -> list[str]:
    """Return what family and staff said in the talk of a case, folded, newest first."""
    said = select(Journal).where(
        Journal.resident_id == row.resident_id,
        Journal.who.in_(_SAID),
        Journal.at >= row.opened_at - BEFORE,
        Journal.body_sealed.is_not(None),
    )
    if row.closed_at is not None:
        said = said.where(Journal.at <= row.closed_at)
    newest = session.scalars(said.order_by(Journal.id.desc()).limit(LINES))
    return [fold(str(journal.body(session, one).get("text") or "")).text for one in newest]
