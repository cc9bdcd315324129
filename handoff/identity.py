"""Opening LINE's id of a family whose life may be in danger: by two people, for a short time, written down.

The rule: one asks with a reason, another agrees, and only these two see it (CARE C29). The desk itself never needs it:
LINE's id is for the police, who alone can ask LINE who and where that is.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot import inbox
from bot.errors import NotAllowedError, RefusedError
from bot.messages import Severity
from bot.models import CaseRow
from bot.store import append_audit, append_event
from bot.vault import resident_owner, seal, unseal
from handoff.models import IdentityOpening

ASKED_FOR: Final = timedelta(hours=1)  # how long a request waits for the second person
OPEN_FOR: Final = timedelta(hours=1)  # how long the two may look, after it was agreed to
LONGEST: Final = 500  # characters of the reason


@dataclass(frozen=True, slots=True)
class Asked:
    """Hold one request that counts now: who asked, why, who agreed, and until when it stands."""

    id: uuid.UUID
    asked_by: uuid.UUID
    reason: str
    asked_at: datetime
    agreed_by: uuid.UUID | None
    agreed_at: datetime | None

    def until(self) -> datetime:
        """Return when it ends."""
        return self.agreed_at + OPEN_FOR if self.agreed_at else self.asked_at + ASKED_FOR

    def may_agree(self, staff_id: uuid.UUID) -> bool:
        """Return whether this person is the second one that it waits for."""
        return self.agreed_by is None and staff_id != self.asked_by

    def opens_for(self, staff_id: uuid.UUID) -> bool:
        """Return whether this person may look."""
        return self.agreed_by is not None and staff_id in (self.asked_by, self.agreed_by)


def standing(session: Session, case_id: uuid.UUID, now: datetime) -> Asked | None:
    """Return the request of a case that counts now, or None. Raises KeyGoneError when her words were destroyed."""
    row = _standing(session, case_id, now)
    if row is None:
        return None
    owner = resident_owner(session.get_one(CaseRow, case_id).resident_id)
    reason = unseal(session, owner, "identity_opening", "reason", row.id, row.reason_sealed)
    return Asked(row.id, row.asked_by, reason, row.asked_at, row.agreed_by, row.agreed_at)


def ask(session: Session, case_id: uuid.UUID, staff_id: uuid.UUID, reason: str, now: datetime) -> None:
    """Ask a second person to agree. Raise RefusedError where nobody is in danger now or a request stands already."""
    case = _in_danger(session, case_id)
    if not reason.strip() or len(reason) > LONGEST:
        raise RefusedError("なぜ開くのかを、{most}文字までで書いてください。", most=LONGEST)
    if _standing(session, case_id, now) is not None:
        raise RefusedError("もう頼んであります。画面を新しくしてください。")
    id = uuid.uuid4()
    sealed = seal(session, resident_owner(case.resident_id), "identity_opening", "reason", id, reason.strip())
    session.add(IdentityOpening(id=id, case_id=case_id, asked_by=staff_id, reason_sealed=sealed, asked_at=now))
    session.flush()
    _write_down(session, "identity.asked", case_id, staff_id, now)


def agree(session: Session, case_id: uuid.UUID, id: uuid.UUID, staff_id: uuid.UUID, now: datetime) -> None:
    """Agree as the second person. Raise NotAllowedError for who asked, RefusedError when it stands no more."""
    _in_danger(session, case_id)
    row = _standing(session, case_id, now)
    if row is None or row.id != id or row.agreed_by is not None:
        raise RefusedError("この依頼は、もう決まったか、時間が過ぎました。画面を新しくしてください。")
    if row.asked_by == staff_id:
        raise NotAllowedError("頼んだ本人だけでは開けません。もう一人が同意します。")
    row.agreed_by, row.agreed_at = staff_id, now
    session.flush()
    _write_down(session, "identity.agreed", case_id, staff_id, now)


def opened(session: Session, case_id: uuid.UUID, staff_id: uuid.UUID, now: datetime) -> str:
    """Return LINE's id of the family and write down that this person saw it. Raise NotAllowedError for all others."""
    case, found = _in_danger(session, case_id), _standing(session, case_id, now)
    if found is None or found.agreed_by is None or staff_id not in (found.asked_by, found.agreed_by):
        raise NotAllowedError("LINEのIDは、二人が同意したあと、その二人だけが見られます。")
    line_id = inbox.line_id(session, case.resident_id)
    _write_down(session, "identity.opened", case_id, staff_id, now)
    return line_id


def _in_danger(session: Session, case_id: uuid.UUID) -> CaseRow:
    """Return the case, locked; raise RefusedError unless it is an open emergency."""
    case = session.get(CaseRow, case_id, with_for_update=True, populate_existing=True)
    if case is None or case.state == "closed" or case.severity != Severity.EMERGENCY:
        raise RefusedError("LINEのIDは、命があぶない（緊急の）相談だけで開けます。")
    return case


def _standing(session: Session, case_id: uuid.UUID, now: datetime) -> IdentityOpening | None:
    newest = select(IdentityOpening).where(IdentityOpening.case_id == case_id).order_by(IdentityOpening.asked_at.desc())
    row = session.scalars(newest.limit(1)).one_or_none()
    if row is None:
        return None
    ends = row.agreed_at + OPEN_FOR if row.agreed_at else row.asked_at + ASKED_FOR
    return row if now < ends else None


def _write_down(session: Session, act: str, case_id: uuid.UUID, staff_id: uuid.UUID, now: datetime) -> None:
    append_audit(session, f"staff:{staff_id}", act, now, case_id=case_id)
    append_event(session, act, now, case_id=case_id)
