"""The debriefing that belongs to an emergency: due two days after a person first had it, once for each case (CARE C35).

The rule: that one is due is read from the case, so nobody can forget to write it down; it is a matter of staff alone:
no promise to a family, told to none, and ended by saying what was learned, never by answering.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.errors import CaseMovedError, NotAllowedError, RefusedError
from bot.models import Audit, CaseRow
from bot.store import append_audit, append_event, upsert
from bot.vault import INSTALL, seal, unseal
from handoff.models import Debriefing, EmergencyNote
from handoff.staff import Actor

WITHIN: Final = timedelta(days=2)
LONGEST: Final = 1_000
_TOOK_PART: Final = ("case.claimed", "case.second")


@dataclass(frozen=True, slots=True)
class Debrief:
    """Hold the debriefing of one case; with `at` it was held, and `learned` is what came of it."""

    case_id: uuid.UUID
    due: datetime
    took_part: frozenset[uuid.UUID]
    staff_id: uuid.UUID | None = None
    learned: str = ""
    at: datetime | None = None

    def concerns(self, actor: Actor) -> bool:
        """Return whether it stands on this person's page: who took part, and supervisors."""
        return actor.role == "supervisor" or actor.id in self.took_part


def due(session: Session, actor: Actor) -> list[Debrief]:
    """Return the debriefings that are not held yet and concern this person, the earliest due first."""
    waiting = (
        select(CaseRow.id, CaseRow.emergency_held_at)
        .join(Debriefing, Debriefing.case_id == CaseRow.id, isouter=True)
        .where(CaseRow.emergency_held_at.is_not(None), Debriefing.case_id.is_(None))
        .order_by(CaseRow.emergency_held_at)
    )
    held = {id: at for id, at in session.execute(waiting) if at is not None}
    took_part = _took_part(session, list(held))
    found = [Debrief(id, at + WITHIN, took_part.get(id, frozenset())) for id, at in held.items()]
    return [one for one in found if one.concerns(actor)]


def of_case(session: Session, case_id: uuid.UUID) -> Debrief | None:
    """Return the debriefing that belongs to a case, held or not; None where nobody had an emergency of it."""
    at = session.scalar(select(CaseRow.emergency_held_at).where(CaseRow.id == case_id))
    if at is None:
        return None
    took_part = _took_part(session, [case_id]).get(case_id, frozenset())
    row = session.get(Debriefing, case_id)
    if row is None:
        return Debrief(case_id, at + WITHIN, took_part)
    learned = unseal(session, INSTALL, "debriefing", "body", case_id, row.body_sealed)
    return Debrief(case_id, at + WITHIN, took_part, row.staff_id, learned, row.at)


def hold(session: Session, case_id: uuid.UUID, actor: Actor, learned: str, at: datetime) -> None:
    """Note that it was held and what was learned, which names no family.

    Raise NotAllowedError for who took no part, RefusedError when the note is empty or too long, CaseMovedError when a
    colleague was faster.
    """
    if not learned.strip() or len(learned) > LONGEST:
        raise RefusedError("学んだことを、{most}文字までで書いてください。", most=LONGEST)
    debrief = of_case(session, case_id)
    if debrief is None:
        raise RefusedError("この相談に、ふりかえりはありません。画面を新しくしてください。")
    if not debrief.concerns(actor):
        raise NotAllowedError("ふりかえりの記録は、対応した人と統括が残せます。")
    statement = (
        upsert(session, Debriefing)
        .values(
            case_id=case_id,
            staff_id=actor.id,
            body_sealed=seal(session, INSTALL, "debriefing", "body", case_id, learned.strip()),
            at=at,
        )
        .on_conflict_do_nothing(index_elements=[Debriefing.case_id])
    )
    if not cast(Any, session.execute(statement)).rowcount:
        raise CaseMovedError("このふりかえりは、もう記録されています。書いたことは、相談のページで見られます。")
    append_event(session, "case.debriefed", at, case_id=case_id)
    append_audit(session, f"staff:{actor.id}", "case.debriefed", at, case_id=case_id)


def _took_part(session: Session, case_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, frozenset[uuid.UUID]]:
    """Return who held each case, read along with it, or called somebody for it."""
    acted = select(Audit.case_id, Audit.actor).where(
        Audit.case_id.in_(case_ids), Audit.action.in_(_TOOK_PART), Audit.allowed.is_(True)
    )
    called = select(EmergencyNote.case_id, EmergencyNote.staff_id).where(EmergencyNote.case_id.in_(case_ids))
    found: dict[uuid.UUID, set[uuid.UUID]] = {}
    for case_id, actor in session.execute(acted):
        if case_id is not None and actor.startswith("staff:"):
            found.setdefault(case_id, set()).add(uuid.UUID(actor.removeprefix("staff:")))
    for case_id, staff_id in session.execute(called):
        found.setdefault(case_id, set()).add(staff_id)
    return {case_id: frozenset(who) for case_id, who in found.items()}
