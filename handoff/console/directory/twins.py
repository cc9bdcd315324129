"""Places that may be one: side by side with what differs, made one, or told apart for good.

The rule: a person decides; what is merged is hidden and can be parted again, what is told apart does not come back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from bot import curation, listing
from bot.directory.duplicates import Pair, duplicates
from bot.errors import RefusedError
from bot.listing import Asked
from bot.messages import clean
from handoff.console.directory import common, places, wording
from handoff.console.directory.common import back, path_of
from handoff.console.directory.places import Line, line
from handoff.console.gate import Pass, house_of, may

SHOWN: Final = 10  # pairs a page: each is a decision
FOUND: Final = 20  # places to choose from by words

router = APIRouter(prefix="/directory")


@dataclass(frozen=True, slots=True)
class Beside:
    """Hold two places side by side: what differs by field, and by which signs they seem to be one."""

    one: Line
    other: Line
    differences: list[wording.Change]
    signs: tuple[str, ...] = ()


def beside(session: Session, one: str, other: str, now: datetime, signs: tuple[str, ...] = ()) -> Beside:
    """Read two places side by side. Raise RefusedError."""
    if one == other:
        raise RefusedError("同じ場所です。もう1つの場所をえらんでください。")
    first, second = common.row_of(session, one), common.row_of(session, other)
    wanted = set(wording.FIELDS) - {"id", "source"}
    before, after = ({**row.body, **row.edits} for row in (first, second))
    return Beside(line(first, now), line(second, now), wording.changes(before, after, wanted), signs)


async def probable(request: Request) -> list[Pair]:
    """Return the pairs of the places that are searched now; worked out once for each state of the directory."""
    directory = house_of(request).directory()
    known = getattr(request.app.state, "twins", None)
    if known is None or known[0] is not directory:
        known = (directory, await asyncio.to_thread(duplicates, directory.resources))
        request.app.state.twins = known
    pairs: list[Pair] = known[1]
    return pairs


@router.get("/duplicates")
async def index(request: Request, door: Annotated[Pass, Depends(may("directory.see"))]) -> Response:
    """Show pairs that are probably one, those with most signs first."""
    house, pairs = house_of(request), await probable(request)
    now = house.clock.now()

    def unit(session: Session) -> tuple[list[Beside], int]:
        waiting = listing.open_pairs(session, pairs)
        return [
            beside(session, pair.first.id, pair.second.id, now, tuple(wording.SIGNS[sign] for sign in pair.signs))
            for pair in waiting[:SHOWN]
        ], len(waiting)

    shown, count = await house.store.read(unit)
    return common.page(request, door, "duplicates", pairs=shown, count=count)


@router.get("/compare")
async def compare(
    request: Request,
    door: Annotated[Pass, Depends(may("directory.see"))],
    one: Annotated[str, Query(max_length=120)],
    other: Annotated[str, Query(max_length=120)] = "",
    words: Annotated[str, Query(max_length=60)] = "",
) -> Response:
    """Show any two places side by side; without the second one, places to choose from."""
    house, now = house_of(request), house_of(request).clock.now()
    words = clean(words)
    ids = places.ids_of(house, words)

    def unit(session: Session) -> tuple[Line, Beside | None, list[Line]]:
        here = line(common.row_of(session, one), now)
        if other:
            return here, beside(session, one, other, now), []
        asked = Asked(words, ids)
        found = listing.listed(session, asked, now, limit=FOUND + 1, offset=0)[0] if words else []
        return here, None, [line(row, now) for row in found if row.id != one][:FOUND]

    here, pair, found = await house.store.read(unit)
    return common.page(request, door, "compare", one=here, pair=pair, found=found, words=words)


@router.post("/merge")
async def merge(request: Request, door: Annotated[Pass, Depends(may("directory.edit"))]) -> Response:
    """Make two places one: `kept` stays, `other` is no longer shown."""
    house, at = house_of(request), house_of(request).clock.now()
    kept, other = door.text("kept", 120), door.text("other", 120)

    def unit(session: Session) -> None:
        for id in (kept, other):
            common.row_of(session, id)
        curation.merge(session, kept, other, door.by, at)

    await house.store.write(unit)
    return back(request, _onward(door.form, path_of(kept)), "merged")


@router.post("/apart")
async def apart(request: Request, door: Annotated[Pass, Depends(may("directory.edit"))]) -> Response:
    """Remember that two places are two."""
    house, at = house_of(request), house_of(request).clock.now()
    one, other = door.text("one", 120), door.text("other", 120)

    def unit(session: Session) -> None:
        for id in (one, other):
            common.row_of(session, id)
        listing.tell_apart(session, one, other, door.by, at)

    await house.store.write(unit)
    return back(request, _onward(door.form, path_of(one)), "apart")


def _onward(form: Mapping[str, object], otherwise: str) -> str:
    return "/duplicates" if form.get("onward") == "duplicates" else otherwise
