"""What the desk sends by itself later: the reminder that somebody asked for (CARE C18), and how it went (function 32).

The rule: nothing is sent to somebody who wants words only when they write (CARE C21), nor while a person holds the
talk; the preview is neutral and the words stand in the message itself.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from bot import cases, engine, journal, memory
from bot.dialog import AFTERWARDS, Turn
from bot.dialogs.safety import reminder
from bot.errors import KeyGoneError
from bot.library import Library
from bot.messages import Inbound, Reply
from bot.models import Resident
from bot.situation import Case, City
from bot.store import enqueue_job, enqueue_outbox

Render = Callable[[Sequence[Reply], str], list[dict[str, Any]]]
Word = Callable[[Sequence[Reply], str], str]
Decide = Callable[[Mapping[str, Any], Inbound, Resident], Turn]


def remind(
    session: Session,
    resident_id: uuid.UUID,
    at: datetime,
    *,
    library: Library,
    city: City,
    to_line: Render,
    to_text: Word,
) -> bool:
    """Send the number and what to say, at opening; return whether anything was sent."""
    remembered = memory.look(session, resident_id)
    case = cases.open_case(session, resident_id)
    if not remembered or _wanted(session, resident_id) is None or (case is not None and case.held):
        return False
    language = memory.language(session, resident_id, city)
    trouble = str(remembered.get("safety", {}).get("data", {}).get("trouble", ""))
    replies = reminder(trouble, library, city, language, at)
    _send(session, resident_id, at, replies, language, case, to_line, to_text)
    return True


def ask_how_it_went(
    session: Session, resident_id: uuid.UUID, at: datetime, *, decide: Decide, to_line: Render, to_text: Word
) -> bool:
    """Ask what somebody wished to be asked; return whether anything was sent. While a case is open people ask, not we.

    The question is a turn as any other: what is typed under it is heard as its answer. Amid a talk it waits a day.
    """
    try:
        remembered, version = memory.load(session, resident_id)  # first: from here on no turn can open a case beside it
    except KeyGoneError:
        return False
    resident, act = _wanted(session, resident_id), engine.due(remembered, AFTERWARDS)
    if resident is None or not act or cases.open_case(session, resident_id) is not None:
        return False
    if engine.is_amid(remembered, at):
        day = at + timedelta(days=1)
        key = f"{AFTERWARDS}:{resident_id}:{day.date().isoformat()}"
        enqueue_job(session, AFTERWARDS, key, day, {"resident_id": str(resident_id)})
        return False
    turn = decide(remembered, Inbound("choice", at, act=act), resident)
    memory.keep(session, resident_id, turn.memory, version)
    _send(session, resident_id, at, turn.replies, turn.language, None, to_line, to_text)
    return True


def _wanted(session: Session, resident_id: uuid.UUID) -> Resident | None:
    """Return the resident to whom the desk may write first, else None (CARE C21)."""
    resident = session.get(Resident, resident_id)
    if resident is None or resident.unreachable or resident.contact_safety != "any":
        return None
    return resident


def _send(
    session: Session,
    resident_id: uuid.UUID,
    at: datetime,
    replies: Sequence[Reply],
    language: str,
    case: Case | None,
    to_line: Render,
    to_text: Word,
) -> None:
    case_id = case.id if case is not None else None
    outbox_id = enqueue_outbox(session, resident_id, to_line(replies, language), origin="desk", at=at, case_id=case_id)
    journal.write(
        session,
        resident_id,
        who="desk",
        kind="reply",
        words=to_text(replies, language),
        language=language,
        at=at,
        case_id=case_id,
        outbox_id=outbox_id,
    )
