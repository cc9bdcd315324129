"""Which places were offered to a family: written down when staff send them (function 31).

The rule: what is offered is no record of what a family did with it; that only the family can tell.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.directory.resources import Resource
from bot.store import append_audit
from handoff.models import Referral


@dataclass(frozen=True, slots=True)
class Offered:
    """Hold one place that was offered: which, by whom, when."""

    resource_id: str
    name: str
    staff_id: uuid.UUID
    at: datetime


def note(session: Session, case_id: uuid.UUID, staff_id: uuid.UUID, places: Sequence[Resource], at: datetime) -> None:
    """Write down that these places were sent to the family of a case."""
    for place in places:
        session.add(
            Referral(id=uuid.uuid4(), case_id=case_id, staff_id=staff_id, resource_id=place.id, name=place.name, at=at)
        )
    detail = {"places": [place.id for place in places]}
    append_audit(session, f"staff:{staff_id}", "place.offered", at, case_id=case_id, detail=detail)
    session.flush()


def offered(session: Session, case_id: uuid.UUID) -> list[Offered]:
    """Return the places that were offered in a case, newest first."""
    rows = session.scalars(select(Referral).where(Referral.case_id == case_id).order_by(Referral.at.desc()))
    return [Offered(row.resource_id, row.name, row.staff_id, row.at) for row in rows]
