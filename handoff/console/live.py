"""What changed, told to open pages: a stream of server-sent events, and a poll for where streams do not pass.

The rule: only ids travel here; a page fetches the changed part itself, through the same door as everything else.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any, Final, Generic, TypeVar

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sse_starlette.sse import EventSourceResponse

from bot.models import Event
from bot.store import Store
from handoff import staff
from handoff.console.gate import House, Pass, event_id, house_of, may, to_json
from handoff.staff import MAY

BEAT_SECONDS: Final = 10.0  # a named event, so that a page notices silence (facts/reliability.md C)
STREAM_SECONDS: Final = 900.0  # then the browser connects again
STREAMS: Final = 3  # of one session
BATCH: Final = 200
KEPT: Final = 1_000  # events in memory: a page that was away for more reads them itself
FRESH: Final = timedelta(seconds=2)
BIGGEST: Final = 2**62

T = TypeVar("T")
router = APIRouter()
Cursor = Annotated[int, Query(ge=0, le=BIGGEST)]


def newest(session: Session) -> int:
    """Return the cursor of now. Read it before the snapshot: what is told twice is only fetched twice."""
    return session.scalar(select(func.coalesce(func.max(Event.id), 0))) or 0


@dataclass(frozen=True, slots=True)
class Change:
    """Hold one row of the events; what it is about is told to who may see the queue."""

    id: int
    kind: str
    case: str
    resident: str

    def told(self, role: str) -> dict[str, Any]:
        """Return what is sent to a page of this role."""
        named = role in MAY["queue.see"]
        return {
            "id": self.id,
            "kind": self.kind,
            "case": self.case if named else "",
            "resident": self.resident if named else "",
        }


def changes(session: Session, after: int) -> list[Change]:
    """Return what came after the cursor, in order; at most a batch."""
    statement = select(Event.id, Event.kind, Event.case_id, Event.resident_id).where(Event.id > after)
    return [
        Change(row.id, row.kind, str(row.case_id or ""), str(row.resident_id or ""))
        for row in session.execute(statement.order_by(Event.id).limit(BATCH))
    ]


class Tail:
    """Read the newest events once for all streams of this process that are woken together.

    A stream that is further behind than what is kept reads for itself.
    """

    def __init__(self) -> None:
        self._kept: list[Change] = []
        self._from = -1  # everything after this is in `_kept`, up to its newest; -1: nothing was read yet
        self._next: asyncio.Task[None] | None = None
        self._one = asyncio.Lock()

    async def since(self, store: Store, after: int) -> list[Change]:
        """Return what came after the cursor and was told before this call; at most a batch."""
        await self._caught_up(store)
        if after < self._from:
            return await store.read(lambda s: changes(s, after))
        return [change for change in self._kept if change.id > after][:BATCH]

    async def newest(self, store: Store) -> int:
        """Return the cursor of now: nothing that was told before this call is after it."""
        await self._caught_up(store)
        return self._kept[-1].id if self._kept else self._from

    async def _caught_up(self, store: Store) -> None:
        if self._next is None:
            self._next = asyncio.create_task(self._begin(store))
        await asyncio.shield(self._next)

    async def _begin(self, store: Store) -> None:
        async with self._one:  # who asks while one reading runs joins the next, with all others who do
            await asyncio.sleep(0)  # and all who were woken together
            self._next = None
            await self._read(store)

    async def _read(self, store: Store) -> None:
        if self._from < 0:
            self._from = max(0, await store.read(newest) - KEPT)
        last = self._kept[-1].id if self._kept else self._from
        while found := await store.read(partial(changes, after=last)):
            last = found[-1].id
            self._kept += found
            if len(found) < BATCH:
                break
        if len(self._kept) > KEPT:
            self._from = self._kept[-KEPT - 1].id
            del self._kept[:-KEPT]


class Shared(Generic[T]):
    """Read something once for all pages that ask for it in the same moment: fifty open consoles see one queue.

    What was read is used again only while nothing was told since, and no longer than `FRESH`: times go on.
    """

    def __init__(self, read: Callable[[Session, House, datetime], T], tail: Tail) -> None:
        self._read = read
        self._tail = tail
        self._reading: asyncio.Task[tuple[T, datetime]] | None = None
        self._cursor = -1

    async def newest(self, house: House) -> T:
        """Return what holds everything that was told before this call."""
        told, now = await self._tail.newest(house.store), house.clock.now()
        reading = self._reading
        failed = reading is not None and reading.done() and (reading.cancelled() or reading.exception() is not None)
        if reading is not None and not failed and self._cursor >= told:
            found, at = await asyncio.shield(reading)
            if timedelta() <= now - at < FRESH:
                return found
        if self._reading is reading:  # else somebody else has begun to read meanwhile, and later than `told`
            self._reading, self._cursor = asyncio.create_task(self._begin(house, now)), told
        assert self._reading is not None
        return (await asyncio.shield(self._reading))[0]

    async def _begin(self, house: House, now: datetime) -> tuple[T, datetime]:
        return await house.store.read(lambda s: self._read(s, house, now)), now


@router.get("/live/since")
async def since(
    request: Request, door: Annotated[Pass, Depends(may("counts.see", human=False))], after: Cursor = 0
) -> Response:
    """Answer a poll: what changed after the cursor."""
    found = await house_of(request).store.read(lambda s: changes(s, after))
    told = [change.told(door.actor.role) for change in found]
    return JSONResponse({"cursor": found[-1].id if found else after, "changes": told})


@router.get("/live")
async def live(
    request: Request, door: Annotated[Pass, Depends(may("counts.see", human=False))], after: Cursor = 0
) -> Response:
    """Open the stream; the fourth one of a session is refused (its page polls instead)."""
    house = house_of(request)
    open_streams: Counter[str] = request.app.state.streams
    hashed = door.signed.token_hash
    if open_streams[hashed] >= STREAMS:
        raise HTTPException(429)
    stream = _stream(house, door, event_id(request.headers, after), open_streams, request.app.state.tail)
    return EventSourceResponse(stream, ping=int(STREAM_SECONDS), headers={"X-Accel-Buffering": "no"})


async def _stream(
    house: House, door: Pass, cursor: int, open_streams: Counter[str], tail: Tail
) -> AsyncIterator[dict[str, str]]:
    clock = asyncio.get_running_loop().time
    hashed, role = door.signed.token_hash, door.actor.role
    open_streams[hashed] += 1
    try:
        async with house.store.listen("event") as bell:
            ends, beats = clock() + STREAM_SECONDS, clock()
            while clock() < ends:
                bell.clear()
                found = await tail.since(house.store, cursor)
                if found:
                    cursor = found[-1].id
                    told = [change.told(role) for change in found]
                    yield {"event": "change", "id": str(cursor), "data": to_json(told)}
                if clock() >= beats:
                    beats = clock() + BEAT_SECONDS
                    signed = await house.store.read(lambda s: staff.session_by_hash(s, hashed))
                    if signed is None or signed.locked:
                        yield {"event": "end", "data": "locked" if signed else "session"}
                        return
                    yield {"event": "beat", "data": str(cursor)}
                if len(found) < BATCH:
                    try:
                        await asyncio.wait_for(bell.wait(), max(0.0, min(beats, ends) - clock()))
                    except TimeoutError:
                        continue
    finally:
        open_streams[hashed] -= 1
        if open_streams[hashed] <= 0:
            del open_streams[hashed]
