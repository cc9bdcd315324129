"""What parents and operators say is wrong: read beside what stands now, taken over or declined by a person.

The rule: nothing that somebody suggests is shown to families before a person has taken it over; taking over is an
edit like any other, with its checks and its history. The words are read by who corrects places, by nobody else.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from bot import curation, suggestions
from bot.curation import FieldsRefusedError
from bot.errors import DirectoryMovedError, RefusedError
from bot.i18n import html_language
from bot.suggestions import Suggested
from handoff.console.directory import common, wording
from handoff.console.directory.common import back
from handoff.console.directory.places import Line, line
from handoff.console.gate import Pass, house_of, may
from handoff.wording import Table, say

SHOWN: Final = 30  # suggestions a page, the oldest first
SENDERS: Final = Table({"parent": "ご家族から", "operator": "運営者から"})
KINDS: Final = Table(
    {
        "closed": "なくなった・休んでいる",
        "hours": "時間がちがう",
        "phone": "電話がちがう",
        "place": "場所がちがう",
        "fee": "料金がちがう",
        "other": "そのほか",
    }
)

router = APIRouter(prefix="/directory/suggestions")


@dataclass(frozen=True, slots=True)
class Item:
    """Hold one suggestion beside its place: what would change, field by field, and what is wrong with it."""

    it: Suggested
    place: Line
    version: int
    changes: list[wording.Change]
    readable: bool = True
    problems: tuple[str, ...] = ()


def item(session: Session, one: Suggested, now: datetime) -> Item:
    """Return a suggestion beside its place; one that cannot be read as a place can only be declined."""
    row = common.row_of(session, one.resource_id)
    body = {**row.body, **row.edits}
    try:
        changes = wording.changes(body, {**body, **one.changes}, one.changes)
    except (KeyError, ValueError, TypeError, AttributeError):
        return Item(one, line(row, now), row.version, [], readable=False)
    return Item(one, line(row, now), row.version, changes)


@router.get("")
async def index(request: Request, door: Annotated[Pass, Depends(may("directory.edit"))]) -> Response:
    """Show what nobody has decided about yet, the oldest first."""
    return await _show(request, door)


async def _show(
    request: Request, door: Pass, status: int = 200, *, wrong: uuid.UUID | None = None, problems: tuple[str, ...] = ()
) -> Response:
    house, now = house_of(request), house_of(request).clock.now()

    def unit(session: Session) -> tuple[list[Item], int]:
        every = suggestions.open_suggestions(session)
        return [item(session, one, now) for one in every[:SHOWN]], len(every)

    items, count = await house.store.read(unit)
    return common.page(
        request,
        door,
        "suggestions",
        status,
        items=[replace(one, problems=problems) if one.it.id == wrong else one for one in items],
        count=count,
        senders=SENDERS,
        kinds_of=KINDS,
        tag=html_language,
    )


@router.post("/{suggestion_id}/take")
async def take(
    request: Request, suggestion_id: uuid.UUID, door: Annotated[Pass, Depends(may("directory.edit"))]
) -> Response:
    """Take a suggestion over: an operator's changes become an edit, a parent's words were seen to by hand."""
    house, at = house_of(request), house_of(request).clock.now()
    told = door.text("version", 12)

    def unit(session: Session) -> None:
        one = suggestions.suggestion(session, suggestion_id)
        suggestions.decide(session, suggestion_id, door.by, at, "taken")  # refuses one that was decided before
        if one is not None and one.changes:
            expected = int(told) if told.isdecimal() else -1
            kinds = house.categories
            curation.edit(session, one.resource_id, one.changes, door.by, at, categories=kinds, expected=expected)

    try:
        await house.store.write(unit)
    except FieldsRefusedError as refused:
        reasons = tuple(f"{wording.label(at)}: {say(why)}" if at else say(why) for at, why in refused.reasons.items())
        return await _show(request, door, 422, wrong=suggestion_id, problems=reasons)
    except DirectoryMovedError:
        words = say("見ているあいだに、ほかの人がこの場所を直しました。いまの内容とくらべて、もう一度決めてください。")
        return await _show(request, door, 409, wrong=suggestion_id, problems=(words,))
    return back(request, "/suggestions", "taken")


@router.post("/{suggestion_id}/decline")
async def decline(
    request: Request, suggestion_id: uuid.UUID, door: Annotated[Pass, Depends(may("directory.edit"))]
) -> Response:
    """Decline a suggestion, with a reason."""
    house, at, reason = house_of(request), house_of(request).clock.now(), door.text("reason", 400)

    def unit(session: Session) -> None:
        suggestions.decide(session, suggestion_id, door.by, at, "declined", reason)

    try:
        await house.store.write(unit)
    except RefusedError as refused:
        return await _show(request, door, 422, wrong=suggestion_id, problems=(say(refused.fault),))
    return back(request, "/suggestions", "declined")
