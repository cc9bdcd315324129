"""The filters of a list that somebody keeps under a name, for herself.

The rule: what is kept is what stands in the list's address: ids of ours, never a word of a family.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from bot.errors import RefusedError
from handoff.models import SavedView

MOST: Final = 20  # of one person
LONGEST: Final = 40  # characters of a name


@dataclass(frozen=True, slots=True)
class View:
    """Hold one kept list: its name and its filters, as an address writes them."""

    id: uuid.UUID
    name: str
    query: str


def of(session: Session, staff_id: uuid.UUID) -> list[View]:
    """Return what somebody keeps, by name."""
    rows = session.scalars(select(SavedView).where(SavedView.staff_id == staff_id).order_by(SavedView.name))
    return [View(row.id, row.name, row.query) for row in rows]


def keep(session: Session, staff_id: uuid.UUID, name: str, query: str) -> None:
    """Keep filters under a name; the same name again means the new ones. Raise RefusedError."""
    if not 0 < len(name) <= LONGEST:
        raise RefusedError("見方の名前を、{most}文字までで書いてください。", most=LONGEST)
    found = {view.name: view.id for view in of(session, staff_id)}
    if name in found:
        session.get_one(SavedView, found[name]).query = query
        return
    if len(found) >= MOST:
        raise RefusedError("残せる見方は{most}個までです。使わないものを消してください。", most=MOST)
    session.add(SavedView(id=uuid.uuid4(), staff_id=staff_id, name=name, query=query))


def drop(session: Session, staff_id: uuid.UUID, id: uuid.UUID) -> None:
    """Forget one of one's own; nobody else's, and none that is gone, is no error."""
    session.execute(delete(SavedView).where(SavedView.id == id, SavedView.staff_id == staff_id))
