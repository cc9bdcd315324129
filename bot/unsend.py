"""Taking back: what goes with an unsent message, and what stays (CARE C17).

The rule: its words go wherever they were put, and only they: kind, severity and time stay, and no case closes. Memory
is the engine's to clean; a message that still waits in the inbox is worked after its unsend and keeps no words.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Final, cast

from sqlalchemy import Table, delete, select, update
from sqlalchemy.orm import Session

from bot import cases, journal, media
from bot.models import Journal, SignalRow, TranslationRow

SIGNAL: Final = cast(Table, SignalRow.__table__)
TRANSLATION: Final = cast(Table, TranslationRow.__table__)
BEGINNING: Final = 8  # characters by which words are found again in evidence that was cut


def take_back(session: Session, resident_id: uuid.UUID, message_hash: str, at: datetime) -> None:
    """Remove a message's words from the journal and from what was heard in them, and destroy its file."""
    rows = journal.of_message(session, resident_id, message_hash)
    uids = [row.uid for row in rows]
    joined = [signal_id for row in rows for signal_id in _heard_together(session, row)]
    journal.take_back(session, uids, at)
    media.take_back(session, uids)
    session.execute(delete(TRANSLATION).where(TRANSLATION.c.id.in_(uids)))  # also one that is being made in this moment
    session.execute(
        update(SIGNAL)
        .where(SIGNAL.c.journal_uid.in_(uids) | SIGNAL.c.id.in_(joined))
        .values(evidence_sealed=None, gloss="")  # the gloss says in Japanese what the words meant
    )


def _heard_together(session: Session, row: Journal) -> Sequence[uuid.UUID]:
    """Return the signals of later messages whose evidence holds these words: bubbles are heard joined, too."""
    beginning = _words(session, row)[:BEGINNING].strip()
    if not beginning:
        return ()
    later = (
        select(SignalRow, Journal)
        .join(Journal, Journal.uid == SignalRow.journal_uid)
        .where(SignalRow.resident_id == row.resident_id, Journal.id > row.id)
    )
    return [
        signal.id
        for signal, own in session.execute(later)
        if beginning in (evidence := cases.evidence(session, signal))
        and evidence.rstrip("…") not in _words(session, own)
    ]


def _words(session: Session, row: Journal) -> str:
    return str(journal.body(session, row).get("text", ""))
