"""Who has a talk open now, so that colleagues do not work past each other.

The rule: it is what browsers say of themselves; it decides nothing. Who may send is the claim alone.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from bot.store import db_now, upsert
from handoff.models import Staff, Watching

HERE_SECONDS: Final = 45.0  # a browser says every 15 seconds that it is there


@dataclass(frozen=True, slots=True)
class Watcher:
    """Hold one colleague who has the talk open, and whether she types."""

    name: str
    typing: bool


def watch(session: Session, case_id: uuid.UUID, staff_id: uuid.UUID, *, typing: bool) -> list[Watcher]:
    """Note that somebody has the talk open now, and return who else has."""
    now = db_now(session)
    statement = upsert(session, Watching).values(case_id=case_id, staff_id=staff_id, seen_db=now, typing=typing)
    keys, values = [Watching.case_id, Watching.staff_id], {"seen_db": now, "typing": typing}
    session.execute(statement.on_conflict_do_update(index_elements=keys, set_=values))
    found = session.execute(
        select(Staff.work_name, Watching.typing)
        .join(Staff, Staff.id == Watching.staff_id)
        .where(Watching.case_id == case_id, Watching.staff_id != staff_id, Watching.seen_db > now - HERE_SECONDS)
        .order_by(Staff.work_name)
    )
    return [Watcher(row.work_name, row.typing) for row in found]


def leave(session: Session, case_id: uuid.UUID, staff_id: uuid.UUID) -> None:
    """Note that somebody has closed the talk."""
    session.execute(delete(Watching).where(Watching.case_id == case_id, Watching.staff_id == staff_id))
