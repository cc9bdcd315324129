"""The journal: what was said and done in a talk, in order; the one place that writes and opens its words.

The rule: a row is written once per `uid`, and its words are sealed under the resident's key and bound to that `uid`.
A row without words is one whose words were taken back (CARE C17).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final, Literal, cast

from sqlalchemy import Executable, Table, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from bot.errors import KeyGoneError
from bot.models import Journal
from bot.store import is_sqlite, run
from bot.vault import resident_owner, seal, unseal

JOURNAL: Final = cast(Table, Journal.__table__)
NOTHING: Final[Mapping[str, Any]] = {}

Place = Literal["room", "line"]


def write(
    session: Session,
    resident_id: uuid.UUID,
    *,
    who: Literal["resident", "desk", "staff", "system"],
    kind: str,
    words: str | None,
    at: datetime,
    uid: uuid.UUID | None = None,
    more: Mapping[str, Any] = NOTHING,
    language: str = "",
    place: Place = "line",
    case_id: uuid.UUID | None = None,
    staff_id: uuid.UUID | None = None,
    outbox_id: uuid.UUID | None = None,
    message_hash: str = "",
) -> uuid.UUID:
    """Keep one thing that was said or done, once per `uid`, and return the uid; `words` is None when taken back.

    `more` is what else is sealed with the words, as plain JSON. `kind` is an Inbound's, or reply, notice, note.
    """
    uid = uid or uuid.uuid4()
    sealed = None
    if words is not None:
        body = json.dumps({"text": words, **more}, ensure_ascii=False)
        sealed = seal(session, resident_owner(resident_id), "journal", "body", uid, body)
    values = {
        "uid": uid,
        "resident_id": resident_id,
        "case_id": case_id,
        "who": who,
        "staff_id": staff_id,
        "place": place,
        "kind": kind,
        "body_sealed": sealed,
        "language": language[:10],
        "message_hash": message_hash,
        "outbox_id": outbox_id,
        "at": at,
        "unsent_at": at if words is None else None,
    }
    run(session, _written(is_sqlite(session)), values)
    return uid


def body(session: Session, row: Journal) -> dict[str, Any]:
    """Return the JSON of one row ({"text": …} and what else was kept); empty once unsent or destroyed."""
    if row.body_sealed is None:
        return {}
    try:
        words = unseal(session, resident_owner(row.resident_id), "journal", "body", row.uid, row.body_sealed)
    except KeyGoneError:
        return {}
    return cast(dict[str, Any], json.loads(words))


def of_message(session: Session, resident_id: uuid.UUID, message_hash: str) -> Sequence[Journal]:
    """Return the rows of one message of LINE, its unsend not among them."""
    found = select(Journal).where(
        Journal.message_hash == message_hash, Journal.resident_id == resident_id, Journal.kind != "unsend"
    )
    return session.scalars(found).all()


def take_back(session: Session, uids: Sequence[uuid.UUID], at: datetime) -> None:
    """Remove the words of rows whose message was unsent (CARE C17)."""
    session.execute(update(JOURNAL).where(JOURNAL.c.uid.in_(uids)).values(body_sealed=None, unsent_at=at))


def taken_back(session: Session, resident_id: uuid.UUID, message_hash: str) -> bool:
    """Return whether the resident unsent this message: the unsend's own row is its tombstone."""
    return run(session, _TOMBSTONE, {"b_hash": message_hash, "b_resident": resident_id}).first() is not None


_TOMBSTONE: Final = (
    select(JOURNAL.c.id)
    .where(
        JOURNAL.c.message_hash == bindparam("b_hash"),
        JOURNAL.c.resident_id == bindparam("b_resident"),
        JOURNAL.c.kind == "unsend",
    )
    .limit(1)
)


@cache
def _written(on_sqlite: bool) -> Executable:
    statement = (sqlite if on_sqlite else postgresql).insert(JOURNAL)
    return cast(Executable, statement.on_conflict_do_nothing(index_elements=[JOURNAL.c.uid]))
