"""Pictures, films, sounds and files: fetched from LINE for a person to look at, kept sealed, never analysed.

The rule: only what a person needs to see is fetched. That is what was sent while people read along
(`situation.Case.for_people`), or no longer than ten minutes before they began to. LINE deletes its copy when it likes
(facts/line.md 5), so it is fetched at once. The bytes are in memory and in the sealed column, nowhere else.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol, cast

import structlog
from sqlalchemy import Table, or_, select, update
from sqlalchemy.orm import Session

from bot.clock import Clock
from bot.errors import KeyGoneError, LineRefusedError, LineUnreachableError
from bot.lanes import backoff
from bot.messages import InboundKind
from bot.models import Media
from bot.store import Store, append_event, enqueue_job, upsert
from bot.vault import resident_owner, seal, seal_bytes, unseal, unseal_bytes

MEDIA: Final = cast(Table, Media.__table__)
JOB: Final = "fetch_media"
KINDS: Final[frozenset[InboundKind]] = frozenset({"image", "video", "audio", "file"})
LARGEST: Final = 10 * 1024 * 1024  # bytes
ASKED_WITHIN: Final = timedelta(minutes=10)
GIVEN_UP: Final = timedelta(days=1)  # after it was sent; LINE says nowhere how long it keeps content
TOGETHER: Final = 4  # fetched at the same time

#: What LINE's refusal means; any other one is `failed`.
REFUSED: Final[Mapping[str, str]] = {"404": "gone", "410": "gone", "413": "too_big"}

#: How a file begins -> its type, by the signatures that its own format prescribes. Names and headers are not believed.
SIGNATURES: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftyphei", "image/heic"),
    (4, b"ftypmif1", "image/heic"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"\xff\xf3", "audio/mpeg"),
    (0, b"\xff\xf1", "audio/aac"),
    (0, b"%PDF-", "application/pdf"),
)
UNKNOWN: Final = "application/octet-stream"

log = structlog.get_logger("media")


class Source(Protocol):
    """Be where the bytes are (`line.client.LineClient`)."""

    async def content(self, message_id: str, most: int) -> bytes:
        """Return the bytes; LineRefusedError is final, LineUnreachableError is not."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Hold what a page says of one thing that was sent, without opening it. `size` is in bytes."""

    id: uuid.UUID
    kind: str
    state: str
    type: str
    size: int


def sniff(body: bytes) -> str:
    """Return the type of a file by how it begins; what is not recognised is just bytes."""
    for start, mark, found in SIGNATURES:
        if body[start : start + len(mark)] == mark:
            return found
    return UNKNOWN


# --- units of work ----------------------------------------------------------------------------------------------------


def note(
    session: Session, resident_id: uuid.UUID, uid: uuid.UUID, kind: InboundKind, message_id: str, at: datetime
) -> None:
    """Note that something was sent, once; `uid` is its row of the journal. It is not fetched by that."""
    sealed = seal(session, resident_owner(resident_id), "media", "message_id", uid, message_id)
    values = {"id": uid, "resident_id": resident_id, "kind": kind, "message_id_sealed": sealed, "sent_at": at}
    session.execute(upsert(session, Media).values(**values).on_conflict_do_nothing(index_elements=[Media.id]))


def keep(session: Session, resident_id: uuid.UUID, uid: uuid.UUID, body: bytes, at: datetime) -> None:
    """Keep a picture that staff send, once; `uid` is its row of the journal."""
    sealed = seal_bytes(session, resident_owner(resident_id), "media", "body", uid, body)
    values = {"kind": "image", "state": "kept", "body_sealed": sealed, "type": sniff(body), "size": len(body)}
    statement = upsert(session, Media).values(id=uid, resident_id=resident_id, sent_at=at, **values)
    session.execute(statement.on_conflict_do_nothing(index_elements=[Media.id]))


def want(session: Session, resident_id: uuid.UUID, uid: uuid.UUID, at: datetime, now: datetime) -> None:
    """Have fetched what people need who read along with the message `uid`, sent at `at`: it, and what came just before.

    Times of LINE are compared with each other, so an outage of ours takes nothing away.
    """
    rows = session.execute(
        update(MEDIA)
        .where(
            MEDIA.c.resident_id == resident_id,
            MEDIA.c.state == "unasked",
            or_(MEDIA.c.id == uid, MEDIA.c.sent_at >= at - ASKED_WITHIN),
        )
        .values(state="wanted")
        .returning(MEDIA.c.id)
    )
    for id in rows.scalars():
        enqueue_job(session, JOB, f"{JOB}:{id}:0", now, {"media_id": str(id)})


def take_back(session: Session, uids: list[uuid.UUID]) -> None:
    """Destroy the bytes of unsent messages, also of those that are being fetched in this moment (CARE C17)."""
    session.execute(
        update(MEDIA)
        .where(MEDIA.c.id.in_(uids))
        .values(state="unsent", body_sealed=None, message_id_sealed=None, type="", size=0)
    )


def seen(session: Session, resident_id: uuid.UUID) -> dict[uuid.UUID, Seen]:
    """Return what a resident sent, by the journal's uid; no bytes are read."""
    columns = (MEDIA.c.id, MEDIA.c.kind, MEDIA.c.state, MEDIA.c.type, MEDIA.c.size)
    rows = session.execute(select(*columns).where(MEDIA.c.resident_id == resident_id))
    return {row.id: Seen(*row) for row in rows}


def opened(session: Session, resident_id: uuid.UUID, id: uuid.UUID) -> tuple[Seen, bytes] | None:
    """Return one thing that this resident sent with its bytes; None when they are not here. Raises KeyGoneError."""
    row = session.get(Media, id)
    if row is None or row.resident_id != resident_id or row.state != "kept" or row.body_sealed is None:
        return None
    body = unseal_bytes(session, resident_owner(resident_id), "media", "body", id, row.body_sealed)
    return Seen(row.id, row.kind, row.state, row.type, row.size), body


# --- the job ----------------------------------------------------------------------------------------------------------


class Fetcher:
    """Fetch what is wanted; whatever LINE answers is written down, so that staff are told the truth."""

    def __init__(self, store: Store, source: Source, clock: Clock) -> None:
        self.store = store
        self.source = source
        self.clock = clock
        self._gate = asyncio.Semaphore(TOGETHER)  # ten megabytes each

    async def fetch(self, payload: Mapping[str, Any], _now: datetime) -> None:
        """Fetch one thing, as a job of `schedule`; running it again does nothing."""
        id = uuid.UUID(payload["media_id"])
        message_id = await self.store.read(lambda session: _wanted(session, id))
        if message_id is None:
            return
        try:
            async with self._gate:
                body = await self.source.content(message_id, LARGEST)
        except LineRefusedError as refused:
            outcome = partial(_ended, id=id, state=REFUSED.get(refused.reasons[0], "failed"))
        except LineUnreachableError:
            outcome = partial(_again, id=id)
        else:
            outcome = partial(_kept, id=id, body=body)
        at = self.clock.now()
        log.info("fetched", state=await self.store.write(lambda session: outcome(session, at=at)))


def _wanted(session: Session, id: uuid.UUID) -> str | None:
    row = session.get(Media, id)
    if row is None or row.state != "wanted" or row.message_id_sealed is None:
        return None
    try:
        return unseal(session, resident_owner(row.resident_id), "media", "message_id", id, row.message_id_sealed)
    except KeyGoneError:  # everything of her was destroyed meanwhile
        return None


def _still(session: Session, id: uuid.UUID) -> Media | None:
    """Return the row, locked, if it is still wanted: nobody took it back while it was on its way."""
    row = session.get(Media, id, with_for_update=True, populate_existing=True)
    return row if row is not None and row.state == "wanted" else None


def _kept(session: Session, id: uuid.UUID, body: bytes, at: datetime) -> str:
    if (row := _still(session, id)) is None:
        return "unsent"
    row.body_sealed = seal_bytes(session, resident_owner(row.resident_id), "media", "body", id, body)
    row.type, row.size = sniff(body), len(body)
    return _ended(session, id, "kept", at)


def _ended(session: Session, id: uuid.UUID, state: str, at: datetime) -> str:
    if (row := _still(session, id)) is None:
        return "unsent"
    row.state, row.message_id_sealed = state, None
    session.flush()
    append_event(session, "journal.media", at, resident_id=row.resident_id)
    return state


def _again(session: Session, id: uuid.UUID, at: datetime) -> str:
    """Try later: LINE still prepares it, or did not answer."""
    row = _still(session, id)
    if row is None or at - row.sent_at > GIVEN_UP:
        return _ended(session, id, "failed", at)
    row.tries += 1
    wait = timedelta(seconds=backoff(row.tries, random.random()))  # noqa: S311 - jitter, not a secret
    enqueue_job(session, JOB, f"{JOB}:{id}:{row.tries}", at + wait, {"media_id": str(id)})
    return "again"
