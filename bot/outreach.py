"""What the desk sends by itself later: for now the reminder that somebody asked for (CARE C18).

The rule: nothing is sent to somebody who wants words only when they write (CARE C21), nor while a person holds the
talk; the preview is neutral and the words stand in the message itself.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from bot import cases, journal, memory
from bot.dialogs.safety import reminder
from bot.library import Library
from bot.messages import Reply
from bot.models import Resident
from bot.situation import City
from bot.store import enqueue_outbox

Render = Callable[[Sequence[Reply], str], list[dict[str, Any]]]
Word = Callable[[Sequence[Reply], str], str]


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
    resident = session.get(Resident, resident_id)
    remembered = memory.look(session, resident_id)
    case = cases.open_case(session, resident_id)
    if resident is None or not remembered or resident.unreachable or resident.contact_safety != "any":
        return False
    if case is not None and case.held:
        return False
    language = memory.language(session, resident_id, city)
    trouble = str(remembered.get("safety", {}).get("data", {}).get("trouble", ""))
    replies = reminder(trouble, library, city, language, at)
    outbox_id = enqueue_outbox(
        session,
        resident_id,
        to_line(replies, language),
        origin="desk",
        at=at,
        case_id=case.id if case else None,
    )
    journal.write(
        session,
        resident_id,
        who="desk",
        kind="reply",
        words=to_text(replies, language),
        language=language,
        at=at,
        case_id=case.id if case else None,
        outbox_id=outbox_id,
    )
    return True
