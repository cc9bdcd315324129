"""Who read which talk, and who was refused: rows of the append-only audit.

The rule: reading a talk is an act (facts/reliability.md D4); nothing a resident wrote is ever put into an audit row.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.models import Audit
from bot.store import append_audit

#: One reading is one row: the page that stays open and refreshes itself is not a new reading.
SAME_READING: Final = timedelta(minutes=10)


def reading_is_noted(session: Session, staff_id: uuid.UUID, case_id: uuid.UUID, at: datetime) -> bool:
    """Return whether this person's present reading of the case is written down already."""
    found = select(Audit.id).where(
        Audit.actor == f"staff:{staff_id}",
        Audit.action == "talk.read",
        Audit.case_id == case_id,
        Audit.allowed.is_(True),
        Audit.at > at - SAME_READING,
        Audit.at <= at,
    )
    return session.execute(found.limit(1)).first() is not None


def note_reading(session: Session, staff_id: uuid.UUID, case_id: uuid.UUID, at: datetime) -> None:
    """Write down that this person reads the talk of the case."""
    append_audit(session, f"staff:{staff_id}", "talk.read", at, case_id=case_id)


def readers(session: Session, case_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, dict[uuid.UUID, datetime]]:
    """Return for each of these cases who has opened the talk and when last, the latest first."""
    found = session.execute(
        select(Audit.case_id, Audit.actor, func.max(Audit.at).label("last"))
        .where(Audit.case_id.in_(case_ids), Audit.action == "talk.read", Audit.allowed.is_(True))
        .group_by(Audit.case_id, Audit.actor)
        .order_by(func.max(Audit.at).desc())
    )
    read: dict[uuid.UUID, dict[uuid.UUID, datetime]] = {}
    for row in found:
        if row.actor.startswith("staff:"):
            read.setdefault(row.case_id, {})[uuid.UUID(row.actor.removeprefix("staff:"))] = row.last
    return read


def note_refusal(
    session: Session, staff_id: uuid.UUID | None, action: str, case_id: uuid.UUID | None, at: datetime, reason: str
) -> None:
    """Write down that somebody was refused; `reason` is a short id such as role, origin or csrf."""
    actor = f"staff:{staff_id}" if staff_id else "unknown"
    append_audit(session, actor, action, at, case_id=case_id, allowed=False, reason=reason)
