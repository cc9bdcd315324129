"""What changed, told to open pages: a stream of server-sent events, and a poll for where streams do not pass.

The rule: only ids travel here; a page fetches the changed part itself, through the same door as everything else.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sse_starlette.sse import EventSourceResponse

from bot.models import Event
from handoff import staff
from handoff.console.gate import House, Pass, event_id, house_of, may, to_json
from handoff.staff import MAY

BEAT_SECONDS: Final = 10.0  # a named event, so that a page notices silence (facts/reliability.md C)
STREAM_SECONDS: Final = 900.0  # then the browser connects again
STREAMS: Final = 3  # of one session
BATCH: Final = 200
BIGGEST: Final = 2**62

router = APIRouter()
Cursor = Annotated[int, Query(ge=0, le=BIGGEST)]


def newest(session: Session) -> int:
    """Return the cursor of now. Read it before the snapshot: what is told twice is only fetched twice."""
    return session.scalar(select(func.coalesce(func.max(Event.id), 0))) or 0


def changes(session: Session, after: int, role: str) -> list[dict[str, Any]]:
    """Return what came after the cursor, in order: id, kind, and the case for who may see the queue."""
    statement = select(Event.id, Event.kind, Event.case_id, Event.resident_id).where(Event.id > after)
    named = role in MAY["queue.see"]
    return [
        {
            "id": row.id,
            "kind": row.kind,
            "case": str(row.case_id) if named and row.case_id else "",
            "resident": str(row.resident_id) if named and row.resident_id else "",
        }
        for row in session.execute(statement.order_by(Event.id).limit(BATCH))
    ]


@router.get("/live/since")
async def since(
    request: Request, door: Annotated[Pass, Depends(may("counts.see", human=False))], after: Cursor = 0
) -> Response:
    """Answer a poll: what changed after the cursor."""
    found = await house_of(request).store.read(lambda s: changes(s, after, door.actor.role))
    return JSONResponse({"cursor": found[-1]["id"] if found else after, "changes": found})


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
    stream = _stream(house, door, event_id(request.headers, after), open_streams)
    return EventSourceResponse(stream, ping=int(STREAM_SECONDS), headers={"X-Accel-Buffering": "no"})


async def _stream(house: House, door: Pass, cursor: int, open_streams: Counter[str]) -> AsyncIterator[dict[str, str]]:
    clock = asyncio.get_running_loop().time
    hashed, role = door.signed.token_hash, door.actor.role
    open_streams[hashed] += 1
    try:
        async with house.store.listen("event") as bell:
            ends, beats = clock() + STREAM_SECONDS, clock()
            while clock() < ends:
                bell.clear()
                found = await house.store.read(partial(changes, after=cursor, role=role))
                if found:
                    cursor = found[-1]["id"]
                    yield {"event": "change", "id": str(cursor), "data": to_json(found)}
                if clock() >= beats:
                    beats = clock() + BEAT_SECONDS
                    if await house.store.read(lambda s: staff.session_by_hash(s, hashed)) is None:
                        yield {"event": "end", "data": "session"}
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
