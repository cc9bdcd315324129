"""Keep what residents do, once each, sealed, in the order of its lane, before anybody is told that it was received.

The rule: a resident's key is made and committed before the transaction that seals under it, and `keep` returns only
after the commit; its caller may then answer 200 (DESIGN 4.1, 8; facts/reliability.md A).
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
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
from bot.store import Store, db_now, is_sqlite, run, take_seqs, wake
from bot.vault import resident_owner, seal, unseal, vault

INBOX: Final = cast(Table, Inbox.__table__)
RESIDENT: Final = cast(Table, Resident.__table__)
BATCH: Final = 128  # deliveries that may share a transaction


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
    """Keep deliveries of LINE: calls that wait at the same time become one transaction of a few statements.

    (Measured on PostgreSQL: one by one in a shared commit, 37 events a second; together, hundreds.)
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._waiting: list[_Call] = []
        self._keeper: asyncio.Task[None] | None = None

    async def keep(self, events: Sequence[LineEvent], at: datetime) -> list[Kept]:
        """Keep every event that is not kept yet and return those; `at` is desk time. Returns after the commit.

        An error means that nothing of this call was kept.
        """
        if not events:
            return []
        call = _Call(tuple(events), at, asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.create_task(self._keep_waiting())
        return await call.kept

    async def _keep_waiting(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            try:
                await self._keep_together(batch)
            except Exception:
                for call in batch:  # one of them may be to blame: each for itself
                    try:
                        await self._keep_together([call])
                    except Exception as error:
                        call.fail(error)

    async def _keep_together(self, batch: Sequence[_Call]) -> None:
        found = [(event, call.at) for call in batch for event in call.events]
        residents = await self._residents([event for event, _at in found])
        await self.store.ensure_keys(resident_owner(resident_id) for resident_id in residents.values())
        kept = await self.store.write(lambda session: _keep(session, found, residents))
        for call in batch:
            call.answer([kept.pop(event.event_id) for event in call.events if event.event_id in kept])

    async def _residents(self, events: Sequence[LineEvent]) -> dict[str, uuid.UUID]:
        """Return a resident id for every LINE id; a new one where the desk has not met the person."""
        hashes = {event.user_id: self.store.vault.hash(f"line:{event.user_id}") for event in events}
        known = await self.store.read(lambda session: _known(session, hashes.values()))
        return {user_id: known.get(found) or uuid.uuid4() for user_id, found in hashes.items()}


@dataclass(frozen=True, slots=True)
class _Call:
    """Hold one delivery that waits to be kept."""

    events: tuple[LineEvent, ...]
    at: datetime
    kept: asyncio.Future[list[Kept]]

    def answer(self, kept: list[Kept]) -> None:
        if not self.kept.done():  # nobody may wait any more
            self.kept.set_result(kept)

    def fail(self, error: Exception) -> None:
        if not self.kept.done():
            self.kept.set_exception(error)


def _keep(
    session: Session, found: Sequence[tuple[LineEvent, datetime]], candidates: Mapping[str, uuid.UUID]
) -> dict[str, Kept]:
    """Keep what is new, by event id; a handful of statements for any number of events."""
    now = db_now(session)
    seen = set(run(session, _SEEN, {"b_ids": [event.event_id for event, _at in found]}).scalars())
    new = {event.event_id: (event, at) for event, at in reversed(found) if event.event_id not in seen}
    if not new:
        return {}
    arrived = list(reversed(new.values()))
    residents = _meet(session, arrived, candidates)
    rows = [
        _row(
            session,
            residents[e.user_id],
            e.event_id,
            e.timestamp_ms or int(at.timestamp() * 1000),
            e.raw,
            now,
            ahead=e.type == "unsend",
        )
        for e, at in arrived
    ]
    _number(session, rows, now)
    inserted = set(run(session, _new_events(is_sqlite(session)), rows).scalars())
    for kind, note in _NOTES.items():
        if those := sorted({residents[e.user_id] for e, _at in arrived if e.type == kind and e.event_id in inserted}):
            run(session, note, {"b_residents": those, "b_now": now})
    wake(session, "inbox")
    return {e.event_id: Kept(residents[e.user_id], e.raw) for e, _at in arrived if e.event_id in inserted}


def _known(session: Session, hashes: Iterable[str]) -> dict[str, uuid.UUID]:
    return {row.line_hash: row.id for row in run(session, _KNOWN, {"b_hashes": list(hashes)})}


def _meet(
    session: Session, arrived: Sequence[tuple[LineEvent, datetime]], candidates: Mapping[str, uuid.UUID]
) -> dict[str, uuid.UUID]:
    """Return who wrote, by LINE id; new ones are written down. Two first messages at once agree on one id."""
    hashes = {event.user_id: line_hash(session, event.user_id) for event, _at in arrived}
    known = _known(session, hashes.values())
    first_seen = {event.user_id: at for event, at in reversed(arrived)}
    strangers = sorted((found, user_id) for user_id, found in hashes.items() if found not in known)
    if strangers:
        rows = [
            {
                "id": (resident_id := candidates[user_id]),
                "line_hash": found,
                "line_id_sealed": seal(
                    session, resident_owner(resident_id), "resident", "line_id", resident_id, user_id
                ),
                "first_seen_at": first_seen[user_id],
            }
            for found, user_id in strangers
        ]
        run(session, _strangers(is_sqlite(session)), rows)
        known = _known(session, hashes.values())
    return {user_id: known[found] for user_id, found in hashes.items()}


def _row(
    session: Session,
    resident_id: uuid.UUID,
    event_id: str,
    timestamp_ms: int,
    raw: Mapping[str, Any],
    now: float,
    *,
    ahead: bool = False,
) -> dict[str, Any]:
    row_id = uuid.uuid4()
    return {
        "id": row_id,
        "event_id": event_id,
        "lane_key": lane_key(resident_id),
        "resident_id": resident_id,
        "timestamp_ms": timestamp_ms,
        "raw_sealed": seal(session, resident_owner(resident_id), "inbox", "raw", row_id, json.dumps(raw)),
        "received_db": now,
        "ahead": ahead,
    }


def _number(session: Session, rows: Sequence[dict[str, Any]], now: float) -> None:
    """Give every row its number in its lane; lanes are locked in one order by everybody."""
    lanes = Counter(row["lane_key"] for row in rows)
    last = take_seqs(session, sorted(lanes.items()), now)
    for row in rows:
        key = row["lane_key"]
        row["seq"] = last[key] - lanes[key] + 1
        lanes[key] -= 1


@cache
def _new_events(on_sqlite: bool) -> Executable:
    statement = (sqlite if on_sqlite else postgresql).insert(INBOX)
    once = statement.on_conflict_do_nothing(index_elements=[INBOX.c.event_id])
    return cast(Executable, once.returning(INBOX.c.event_id))


@cache
def _strangers(on_sqlite: bool) -> Executable:
    statement = (sqlite if on_sqlite else postgresql).insert(RESIDENT)
    return cast(Executable, statement.on_conflict_do_nothing(index_elements=[RESIDENT.c.line_hash]))


_SEEN: Final = select(INBOX.c.event_id).where(INBOX.c.event_id.in_(bindparam("b_ids", expanding=True)))
_KNOWN: Final = select(RESIDENT.c.line_hash, RESIDENT.c.id).where(
    RESIDENT.c.line_hash.in_(bindparam("b_hashes", expanding=True))
)
#: What is known from an event: the person can be reached, or left (facts/line.md 2, push conditions).
_THESE: Final = update(RESIDENT).where(RESIDENT.c.id.in_(bindparam("b_residents", expanding=True)))
_WROTE: Final = _THESE.values(unreachable=False, last_inbound_db=bindparam("b_now"))
_NOTES: Final[Mapping[str, Update]] = {
    "message": _WROTE,
    "postback": _WROTE,
    "follow": _THESE.values(is_friend=True, unreachable=False, last_inbound_db=bindparam("b_now")),
    "unfollow": _THESE.values(is_friend=False, unreachable=True),
}


def keep_room_text(session: Session, resident_id: uuid.UUID, text: str, at: datetime, text_id: uuid.UUID) -> bool:
    """Keep what a resident wrote in the room, on the same path as LINE's messages; False when it is kept already.

    For a unit of work of the room: the resident's key exists, since the resident does. `text_id` is the room's name for
    this writing, so that sending twice keeps one. Journal, safety, order and the holder's alert follow from the worker.
    """
    timestamp_ms = int(at.timestamp() * 1000)
    raw = {"type": "room_text", "timestamp": timestamp_ms, "text": text}
    now = db_now(session)
    row = _row(session, resident_id, f"room:{text_id}", timestamp_ms, raw, now)
    _number(session, [row], now)
    kept = bool(run(session, _new_events(is_sqlite(session)), [row]).scalars().all())
    if kept:
        wake(session, "inbox")
    return kept


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
