"""Drafts that were not sent yet, and notes that staff leave for each other on a case.

The rule: both are sealed under the resident's key, because both may hold her words; neither is ever shown to her.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from bot.errors import KeyGoneError
from bot.store import upsert
from bot.vault import resident_owner, seal, unseal
from handoff.models import Draft, Note

NoteKind = Literal["release", "transfer", "close", "partner"]


@dataclass(frozen=True, slots=True)
class Kept:
    """Hold one draft or note, opened."""

    staff_id: uuid.UUID
    kind: str
    text: str
    at: datetime


def keep_draft(
    session: Session, case_id: uuid.UUID, resident_id: uuid.UUID, staff_id: uuid.UUID, words: str, at: datetime
) -> None:
    """Keep what this person has typed on this case; nothing typed forgets it."""
    if not words.strip():
        drop_draft(session, case_id, staff_id)
        return
    draft_id = _draft_id(case_id, staff_id)
    body = seal(session, resident_owner(resident_id), "draft", "body", draft_id, words)
    session.execute(
        upsert(session, Draft)
        .values(id=draft_id, case_id=case_id, staff_id=staff_id, body_sealed=body, at=at)
        .on_conflict_do_update(index_elements=[Draft.id], set_={"body_sealed": body, "at": at})
    )


def drop_draft(session: Session, case_id: uuid.UUID, staff_id: uuid.UUID) -> None:
    """Forget this person's draft: it was sent, or emptied."""
    session.execute(delete(Draft).where(Draft.id == _draft_id(case_id, staff_id)))


def drafts(session: Session, case_id: uuid.UUID, resident_id: uuid.UUID) -> list[Kept]:
    """Return all drafts on the case, newest first."""
    found = []
    for row in session.scalars(select(Draft).where(Draft.case_id == case_id).order_by(Draft.at.desc())):
        with suppress(KeyGoneError):
            text = unseal(session, resident_owner(resident_id), "draft", "body", row.id, row.body_sealed)
            found.append(Kept(row.staff_id, "draft", text, row.at))
    return found


def keep_note(
    session: Session,
    case_id: uuid.UUID,
    resident_id: uuid.UUID,
    staff_id: uuid.UUID,
    kind: NoteKind,
    words: str,
    at: datetime,
) -> None:
    """Keep a note for the colleagues; nothing written keeps nothing."""
    if not words.strip():
        return
    note_id = uuid.uuid4()
    body = seal(session, resident_owner(resident_id), "note", "body", note_id, words.strip())
    session.execute(
        insert(Note).values(id=note_id, case_id=case_id, staff_id=staff_id, kind=kind, body_sealed=body, at=at)
    )


def notes(session: Session, case_id: uuid.UUID, resident_id: uuid.UUID) -> list[Kept]:
    """Return the notes of the case, newest first."""
    found = []
    for row in session.scalars(select(Note).where(Note.case_id == case_id).order_by(Note.at.desc())):
        with suppress(KeyGoneError):
            text = unseal(session, resident_owner(resident_id), "note", "body", row.id, row.body_sealed)
            found.append(Kept(row.staff_id, row.kind, text, row.at))
    return found


def _draft_id(case_id: uuid.UUID, staff_id: uuid.UUID) -> uuid.UUID:
    return uuid.uuid5(case_id, f"draft:{staff_id}")
