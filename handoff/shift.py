"""What one shift leaves to the next: what was promised to families, and what colleagues should know.

The rule: a promise stays on the list until somebody says that it was kept, also when the talk has ended.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bot.errors import KeyGoneError, RefusedError
from bot.models import CaseRow
from bot.store import append_audit, append_event
from bot.vault import INSTALL, resident_owner, seal, unseal
from handoff.models import Promise, ShiftNote

NOTES_FOR: Final = timedelta(days=3)  # how long a note to the next shift is shown
LONGEST_NOTE: Final = 1_000
Kind = Literal["agreed", "answer"]


@dataclass(frozen=True, slots=True)
class Promised:
    """Hold one promise; `words` are what was agreed, "" where only an answer was promised."""

    id: uuid.UUID
    case_id: uuid.UUID
    staff_id: uuid.UUID
    kind: str
    words: str
    at: datetime
    due: datetime | None


@dataclass(frozen=True, slots=True)
class LeftNote:
    """Hold one note to the next shift."""

    staff_id: uuid.UUID
    text: str
    at: datetime


def promise(
    session: Session,
    case_id: uuid.UUID,
    resident_id: uuid.UUID,
    staff_id: uuid.UUID,
    kind: Kind,
    words: str,
    at: datetime,
    due: datetime | None,
) -> None:
    """Keep what was promised. An answer that is promised anew takes the place of the earlier promise of one."""
    if kind == "answer":
        keep_answers(session, case_id, staff_id, at)
    id = uuid.uuid4()
    sealed = seal(session, resident_owner(resident_id), "promise", "words", id, words)
    session.add(Promise(id=id, case_id=case_id, staff_id=staff_id, kind=kind, words_sealed=sealed, at=at, due_at=due))
    session.flush()


def keep_promise(session: Session, id: uuid.UUID, staff_id: uuid.UUID, at: datetime) -> None:
    """Note that a promise was kept; who is second finds it done. Raise RefusedError when there is no such promise."""
    row = session.get(Promise, id)
    if row is None:
        raise RefusedError("その約束は見つかりません。画面を新しくしてください。")
    if row.kept_at is None:
        row.kept_at, row.kept_by = at, staff_id
        append_event(session, "promise.kept", at, case_id=row.case_id)
        append_audit(session, f"staff:{staff_id}", "promise.kept", at, case_id=row.case_id)


def reopen_promise(session: Session, id: uuid.UUID, staff_id: uuid.UUID, at: datetime) -> None:
    """Put a promise back on the list: it was marked by mistake. Raise RefusedError when there is no such promise."""
    row = session.get(Promise, id)
    if row is None:
        raise RefusedError("その約束は見つかりません。画面を新しくしてください。")
    if row.kept_at is not None:
        row.kept_at = row.kept_by = None
        append_event(session, "promise.open", at, case_id=row.case_id)
        append_audit(session, f"staff:{staff_id}", "promise.open", at, case_id=row.case_id)


def keep_answers(session: Session, case_id: uuid.UUID, staff_id: uuid.UUID, at: datetime) -> None:
    """Note that the promised answer was given, by whomever."""
    session.execute(
        update(Promise)
        .where(Promise.case_id == case_id, Promise.kind == "answer", Promise.kept_at.is_(None))
        .values(kept_at=at, kept_by=staff_id)
    )


def promises(session: Session, case_ids: Sequence[uuid.UUID] | None = None) -> list[Promised]:
    """Return the promises that are still open, the earliest due first; of these cases, or all."""
    statement = select(Promise, CaseRow.resident_id).join(CaseRow, CaseRow.id == Promise.case_id)
    statement = statement.where(Promise.kept_at.is_(None))
    if case_ids is not None:
        statement = statement.where(Promise.case_id.in_(case_ids))
    found = []
    for row, resident_id in session.execute(statement.order_by(Promise.due_at.is_(None), Promise.due_at, Promise.at)):
        words = ""
        with suppress(KeyGoneError):  # her words were destroyed on purpose; the promise was still made
            words = unseal(session, resident_owner(resident_id), "promise", "words", row.id, row.words_sealed)
        found.append(Promised(row.id, row.case_id, row.staff_id, row.kind, words, row.at, row.due_at))
    return found


def leave_note(session: Session, staff_id: uuid.UUID, text: str, at: datetime) -> None:
    """Leave a note for who comes after. Raise RefusedError when it is empty or too long."""
    if not text.strip() or len(text) > LONGEST_NOTE:
        raise RefusedError("申し送りは、{most}文字までで書いてください。", most=LONGEST_NOTE)
    id = uuid.uuid4()
    body = seal(session, INSTALL, "shift_note", "body", id, text.strip())
    session.add(ShiftNote(id=id, staff_id=staff_id, body_sealed=body, at=at))
    session.flush()


def left_notes(session: Session, now: datetime) -> list[LeftNote]:
    """Return the notes of the last days, newest first."""
    recent = select(ShiftNote).where(ShiftNote.at > now - NOTES_FOR).order_by(ShiftNote.at.desc())
    return [
        LeftNote(row.staff_id, unseal(session, INSTALL, "shift_note", "body", row.id, row.body_sealed), row.at)
        for row in session.scalars(recent)
    ]
