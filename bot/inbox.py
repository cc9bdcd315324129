"""Keep what residents do, once each, sealed, in the order of its lane, before anybody is told that it was received.

The rule: a resident's key is made and committed before the transaction that seals under it, and `keep` returns only
after the commit; its caller may then answer 200 (DESIGN 4.1, 8; facts/reliability.md A).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final, cast

from sqlalchemy import Executable, Table, Update, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from bot.lanes import raise_priority
from bot.line.webhook import LineEvent
from bot.messages import Severity
from bot.models import Inbox, Key, Resident
from bot.store import Store, db_now, is_sqlite, resident_owner, run, seal, take_seq, unseal, upsert, vault, wake

INBOX: Final = cast(Table, Inbox.__table__)
RESIDENT: Final = cast(Table, Resident.__table__)
TRIES: Final = 3  # of an intake that the database refused for a passing reason


def line_hash(session: Session, user_id: str) -> str:
    """Return the keyed hash by which a resident is looked up."""
    return vault(session).hash(f"line:{user_id}")


def message_hash(session: Session, message_id: str) -> str:
    """Return the keyed hash of LINE's message id, by which an unsend finds its message; "" for none."""
    return vault(session).hash(f"message:{message_id}") if message_id else ""


def lane_key(resident_id: uuid.UUID) -> str:
    """Return the key of the lane of what a resident did."""
    return f"in:{resident_id}"


def lane_resident(key: str) -> uuid.UUID:
    """Return whose lane it is."""
    return uuid.UUID(key.partition(":")[2])


def line_id(session: Session, resident_id: uuid.UUID) -> str:
    """Return LINE's id of a resident, for what speaks to LINE and nobody else."""
    return open_line_id(session, resident_id, run(session, _LINE_ID, {"b_id": resident_id}).scalar_one())


_LINE_ID: Final = select(RESIDENT.c.line_id_sealed).where(RESIDENT.c.id == bindparam("b_id"))


def open_line_id(session: Session, resident_id: uuid.UUID, sealed: bytes) -> str:
    """Return LINE's id from a row that was read already."""
    return unseal(session, resident_owner(resident_id), "resident", "line_id", resident_id, sealed)


@dataclass(frozen=True, slots=True)
class Kept:
    """Hold one event that was kept now, for the look at urgency that follows the 200."""

    resident_id: uuid.UUID
    raw: Mapping[str, Any]


class Intake:
    """Keep deliveries of LINE; remembers which resident belongs to which hash, and nothing else."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._known: dict[str, uuid.UUID] = {}

    async def keep(self, events: Sequence[LineEvent], at: datetime) -> list[Kept]:
        """Keep every event that is not kept yet, in one transaction, and return those; `at` is desk time.

        Calls that run at once share a commit. An error means that nothing of this call was kept.
        """
        if not events:
            return []
        residents = await self._residents(events)
        await self.store.ensure_keys(resident_owner(found) for found in residents.values())

        def unit(session: Session) -> tuple[list[Kept], dict[str, uuid.UUID]]:
            return _keep(session, events, residents, at)

        for attempt in range(1, TRIES + 1):
            try:
                kept, learned = await self.store.write(unit, group=True)
                break
            except Exception:
                if attempt == TRIES:
                    raise
        self._known.update(learned)
        return kept

    async def _residents(self, events: Sequence[LineEvent]) -> dict[str, uuid.UUID]:
        """Return a resident id for every LINE id; a new one where the desk has not met the person."""
        hashes = {event.user_id: self.store.vault.hash(f"line:{event.user_id}") for event in events}
        unknown = [found for found in hashes.values() if found not in self._known]
        if unknown:

            def unit(session: Session) -> dict[str, uuid.UUID]:
                rows = session.execute(
                    select(RESIDENT.c.line_hash, RESIDENT.c.id).where(RESIDENT.c.line_hash.in_(unknown))
                )
                return {row.line_hash: row.id for row in rows}

            self._known.update(await self.store.read(unit))
        return {user_id: self._known.get(found) or uuid.uuid4() for user_id, found in hashes.items()}


def _keep(
    session: Session, events: Sequence[LineEvent], residents: Mapping[str, uuid.UUID], at: datetime
) -> tuple[list[Kept], dict[str, uuid.UUID]]:
    now = db_now(session)
    ids = [event.event_id for event in events]
    seen = set(run(session, _SEEN, {"b_ids": ids}).scalars())
    learned: dict[str, uuid.UUID] = {}
    kept: list[Kept] = []
    for event in sorted(events, key=lambda e: e.user_id):  # one order of locks for everybody
        if event.event_id in seen:
            continue
        resident_id = _meet(session, event.user_id, residents[event.user_id], at)
        learned[line_hash(session, event.user_id)] = resident_id
        happened = event.timestamp_ms or int(at.timestamp() * 1000)
        if _store(session, resident_id, event.event_id, happened, event.raw, now):
            kept.append(Kept(resident_id, event.raw))
            _note(session, resident_id, event.type, now)
            seen.add(event.event_id)
    return kept, learned


def _meet(session: Session, user_id: str, candidate: uuid.UUID, at: datetime) -> uuid.UUID:
    """Return the id of the person, who is written down when new; two first messages at once agree on one id."""
    found = line_hash(session, user_id)
    held = run(session, _KNOWN, {"b_hash": found}).scalar_one_or_none()
    if held is not None:
        return cast(uuid.UUID, held)
    owner = resident_owner(candidate)
    session.execute(
        upsert(session, Resident)
        .values(
            id=candidate,
            line_hash=found,
            line_id_sealed=seal(session, owner, "resident", "line_id", candidate, user_id),
            first_seen_at=at,
        )
        .on_conflict_do_nothing(index_elements=[Resident.line_hash])
    )
    return cast(uuid.UUID, run(session, _KNOWN, {"b_hash": found}).scalar_one())


def _store(
    session: Session, resident_id: uuid.UUID, event_id: str, timestamp_ms: int, raw: Mapping[str, Any], now: float
) -> bool:
    row_id = uuid.uuid4()
    key = lane_key(resident_id)
    seq = take_seq(session, key, now)
    values = {
        "id": row_id,
        "event_id": event_id,
        "lane_key": key,
        "seq": seq,
        "resident_id": resident_id,
        "timestamp_ms": timestamp_ms,
        "raw_sealed": seal(session, resident_owner(resident_id), "inbox", "raw", row_id, json.dumps(raw)),
        "received_db": now,
    }
    kept = bool(run(session, _new_event(is_sqlite(session)), values).rowcount)
    if kept:
        wake(session, "inbox")
    return kept


@cache
def _new_event(on_sqlite: bool) -> Executable:
    statement = (sqlite if on_sqlite else postgresql).insert(INBOX)
    return cast(Executable, statement.on_conflict_do_nothing(index_elements=[INBOX.c.event_id]))


def _note(session: Session, resident_id: uuid.UUID, kind: str, now: float) -> None:
    """Remember that the person can be reached, or that she left (facts/line.md 2, push conditions)."""
    if kind in _NOTES:
        run(session, _NOTES[kind], {"b_id": resident_id, "b_now": now})


_SEEN: Final = select(INBOX.c.event_id).where(INBOX.c.event_id.in_(bindparam("b_ids", expanding=True)))
_KNOWN: Final = select(RESIDENT.c.id).where(RESIDENT.c.line_hash == bindparam("b_hash"))
_THIS: Final = update(RESIDENT).where(RESIDENT.c.id == bindparam("b_id"))
_WROTE: Final = _THIS.values(unreachable=False, last_inbound_db=bindparam("b_now"))
_NOTES: Final[dict[str, Update]] = {
    "message": _WROTE,
    "postback": _WROTE,
    "follow": _THIS.values(is_friend=True, unreachable=False, last_inbound_db=bindparam("b_now")),
    "unfollow": _THIS.values(is_friend=False, unreachable=True),
}


def keep_room_text(session: Session, resident_id: uuid.UUID, text: str, at: datetime, text_id: uuid.UUID) -> bool:
    """Keep what a resident wrote in the room, on the same path as LINE's messages; False when it is kept already.

    For a unit of work of the room: the resident's key exists, since the resident does. `text_id` is the room's name for
    this writing, so that sending twice keeps one. Journal, safety, order and the holder's alert follow from the worker.
    """
    timestamp_ms = int(at.timestamp() * 1000)
    raw = {"type": "room_text", "timestamp": timestamp_ms, "text": text}
    return _store(session, resident_id, f"room:{text_id}", timestamp_ms, raw, db_now(session))


async def hurry(store: Store, severities: Iterable[tuple[uuid.UUID, Severity]]) -> None:
    """Raise the priority of lanes that hold a signal; the order inside a lane stays."""
    found = sorted(severities)
    if found:

        def unit(session: Session) -> None:
            for resident_id, severity in found:
                raise_priority(session, lane_key(resident_id), severity.rank)

        await store.write(unit)


async def sweep_orphan_keys(store: Store, older_than: timedelta = timedelta(hours=1)) -> int:
    """Destroy keys that were made for a resident who was never written down, and return how many.

    They are left by a crash, or by two first messages at once, between making the key and the intake.
    """

    def owners(session: Session) -> list[str]:
        before = datetime.now(UTC) - older_than
        return list(
            session.execute(select(Key.owner).where(Key.owner.like("resident:%"), Key.created_at < before)).scalars()
        )

    candidates = await store.read_keys(owners)

    def known(session: Session) -> set[uuid.UUID]:
        return set(session.execute(select(RESIDENT.c.id)).scalars())

    residents = await store.read(known) if candidates else set()
    orphans = [owner for owner in candidates if uuid.UUID(owner.partition(":")[2]) not in residents]
    for owner in orphans:
        await store.destroy_key(owner)
    return len(orphans)
