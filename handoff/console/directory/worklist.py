"""The week's work list: places that nobody has made sure of for half a year, walked by keyboard.

The rule: one key or one button says "called, still right"; what was said stands above the list with its way back.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from bot import curation, listing
from handoff.console.directory import common
from handoff.console.directory.places import Line, line
from handoff.console.gate import Pass, house_of, may

JUST_NOW: Final = timedelta(hours=12)  # a shift: what was made sure of in it can be taken back from here

router = APIRouter(prefix="/directory")


@router.get("/week")
async def week(request: Request, door: Annotated[Pass, Depends(may("directory.see"))]) -> Response:
    """Show what is to be made sure of this week, and what this person has made sure of in this shift."""
    house, now = house_of(request), house_of(request).clock.now()

    def unit(session: Session) -> tuple[list[Line], list[tuple[Line, int, datetime]], int]:
        done = listing.made_sure_since(session, door.by, now - JUST_NOW)
        return (
            [line(row, now) for row in curation.stale(session, now)],
            [(line(row, now), change.id, change.at) for row, change in done],
            curation.count_stale(session, now),
        )

    rows, done, count = await house.store.read(unit)
    return common.page(request, door, "week", rows=rows, done=done, count=count)
