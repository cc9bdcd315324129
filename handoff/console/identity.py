"""The page on which two people open LINE's id in danger of life, and the form to be printed for the police (C29).

The rule: the page tells everybody who may read the talk that it was asked for; the id itself is for the two alone.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.errors import RefusedError
from bot.models import CaseRow, Journal
from bot.opening import TOKYO
from handoff import identity, staff
from handoff.console.gate import Pass, house_of, may
from handoff.wording import speak

router = APIRouter(prefix="/cases/{case_id}/identity")
Door = Annotated[Pass, Depends(may("case.identity"))]


@router.get("")
async def page(request: Request, door: Door) -> Response:
    """Show how far it is: nobody asked, one asked, or two agreed."""
    house, now, case_id = house_of(request), house_of(request).clock.now(), door.the_case.id
    asked, names = await house.store.read(
        lambda s: (identity.standing(s, case_id, now), staff.work_names(s)),
    )
    return house.page(
        request,
        "conversation/identity.html",
        signed=door.signed,
        city=house.city().name,
        case=door.the_case,
        asked=asked,
        names=names,
        me=door.actor.id,
        today=now.astimezone(TOKYO).date(),
        longest=identity.LONGEST,
    )


@router.post("/ask")
async def ask(request: Request, door: Door) -> Response:
    """Ask a second person, with the reason."""
    house, case_id = house_of(request), door.the_case.id
    reason = door.text("reason", identity.LONGEST)
    await house.store.write(lambda s: identity.ask(s, case_id, door.actor.id, reason, house.clock.now()))
    return _back(request, door)


@router.post("/agree")
async def agree(request: Request, door: Door) -> Response:
    """Agree as the second person."""
    house, case_id = house_of(request), door.the_case.id
    if (asked := door.id("request")) is None:
        raise RefusedError("画面が古くなりました。開きなおしてください。")
    await house.store.write(lambda s: identity.agree(s, case_id, asked, door.actor.id, house.clock.now()))
    return _back(request, door)


@router.post("/form")
async def form(request: Request, door: Door) -> Response:
    """Show LINE's id on the form for the police; each showing is one row of the audit."""
    house, now, case_id, city = house_of(request), house_of(request).clock.now(), door.the_case.id, None
    city = house.city()

    def unit(session: Session) -> dict[str, Any]:
        line_id = identity.opened(session, case_id, door.actor.id, now)
        case, names = session.get_one(CaseRow, case_id), staff.work_names(session)
        asked = identity.standing(session, case_id, now)
        assert asked is not None, "it was opened just now"
        wrote = select(func.max(Journal.at)).where(Journal.resident_id == case.resident_id, Journal.who == "resident")
        return {
            "line_id": line_id,
            "desk": city.desk(case.desk_id),
            "wrote_at": session.scalar(wrote),
            "reason": asked.reason,
            "two": [names[id] for id in (asked.asked_by, asked.agreed_by) if id],
        }

    speak("ja")  # the police read it
    return house.page(
        request,
        "conversation/identity_form.html",
        signed=door.signed,
        city=city.name,
        settings=city,
        case=door.the_case,
        account=house.account(),
        now=now.astimezone(TOKYO),
        **await house.store.write(unit),
    )


def _back(request: Request, door: Pass) -> Response:
    return RedirectResponse(f"{request.scope.get('root_path', '')}/cases/{door.the_case.id}/identity", 303)
