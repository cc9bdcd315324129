"""Drafts that were not sent yet, and notes that staff leave for each other on a case, naming whom they are for.

The rule: both are sealed under the resident's key, because both may hold her words; neither is ever shown to her.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from bot.errors import KeyGoneError
from bot.store import append_audit, append_event, upsert
from bot.vault import resident_owner, seal, unseal
from handoff.models import Draft, Mention, Note

NoteKind = Literal["release", "transfer", "close", "note", "partner"]


@dataclass(frozen=True, slots=True)
class Kept:
    """Hold one draft or note, opened."""

    staff_id: uuid.UUID
    kind: str
    text: str
    at: datetime
    named: Mapping[uuid.UUID, datetime | None] = field(default_factory=dict)  # whom it is for, and when she saw it


@dataclass(frozen=True, slots=True)
class Named:
    """Hold one note that names somebody who has not seen it: where, by whom, when; its words stay in the talk."""

    case_id: uuid.UUID
    staff_id: uuid.UUID
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
    named: Collection[uuid.UUID] = (),
) -> None:
    """Keep a note for the colleagues, and for those whom it names; nothing written keeps nothing."""
    if not words.strip():
        return
    note_id = uuid.uuid4()
    body = seal(session, resident_owner(resident_id), "note", "body", note_id, words.strip())
    session.execute(
        insert(Note).values(id=note_id, case_id=case_id, staff_id=staff_id, kind=kind, body_sealed=body, at=at)
    )
    for one in named:
        session.execute(insert(Mention).values(note_id=note_id, staff_id=one))
    detail = {"note": kind, "named": sorted(map(str, named))}
    append_audit(session, f"staff:{staff_id}", "note.written", at, case_id=case_id, detail=detail)
    append_event(session, "note.written", at, case_id=case_id)


def notes(session: Session, case_id: uuid.UUID, resident_id: uuid.UUID) -> list[Kept]:
    """Return the notes of the case, newest first."""
    found = []
    named: dict[uuid.UUID, dict[uuid.UUID, datetime | None]] = {}
    for one in session.scalars(select(Mention).join(Note, Note.id == Mention.note_id).where(Note.case_id == case_id)):
        named.setdefault(one.note_id, {})[one.staff_id] = one.seen_at
    for row in session.scalars(select(Note).where(Note.case_id == case_id).order_by(Note.at.desc())):
        with suppress(KeyGoneError):
            text = unseal(session, resident_owner(resident_id), "note", "body", row.id, row.body_sealed)
            found.append(Kept(row.staff_id, row.kind, text, row.at, named.get(row.id, {})))
    return found


def naming(session: Session, staff_id: uuid.UUID) -> list[Named]:
    """Return the notes that name this person and that she has not seen, the oldest first."""
    found = session.execute(
        select(Note.case_id, Note.staff_id, Note.at)
        .join(Mention, Mention.note_id == Note.id)
        .where(Mention.staff_id == staff_id, Mention.seen_at.is_(None))
        .order_by(Note.at)
    )
    return [Named(row.case_id, row.staff_id, row.at) for row in found]


def see(session: Session, case_id: uuid.UUID, staff_id: uuid.UUID, at: datetime) -> None:
    """Note that this person has seen what colleagues wrote for her on the case."""
    of_case = select(Note.id).where(Note.case_id == case_id)
    waiting = (Mention.staff_id == staff_id, Mention.seen_at.is_(None), Mention.note_id.in_(of_case))
    session.execute(update(Mention).where(*waiting).values(seen_at=at))
    append_event(session, "note.seen", at, case_id=case_id)


def _draft_id(case_id: uuid.UUID, staff_id: uuid.UUID) -> uuid.UUID:
    return uuid.uuid5(case_id, f"draft:{staff_id}")
