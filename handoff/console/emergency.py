"""The emergency sheet of one case: what to find out, whom to call with the town's own numbers, and what came of it.

The rule: it is for staff, beside the talk; whoever may read the talk may write here, so that a second person can call
while the first goes on writing.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from bot.errors import RefusedError
from bot.models import CaseRow
from bot.opening import TOKYO
from handoff import emergency, partners, staff
from handoff.console.gate import Pass, house_of, may
from handoff.emergency import Call, Check

#: Kinds of agencies that are called when a life or a child may be in danger, in this order (`partners.KINDS`).
CALLED: Final = ("police", "child_guidance", "child_family_center", "health_center", "welfare_office", "medical")

router = APIRouter(prefix="/cases/{case_id}/emergency")
Door = Annotated[Pass, Depends(may("case.emergency"))]


@router.get("")
async def page(request: Request, door: Door) -> Response:
    """Show the sheet."""
    house, now, case_id = house_of(request), house_of(request).clock.now(), door.the_case.id
    city = house.city()

    def unit(session: Session) -> tuple[CaseRow, list[Check], list[Call], list[partners.Kept], dict[uuid.UUID, str]]:
        checks, calls = emergency.noted(session, case_id)
        kept = [one for one in partners.listed(session, now) if one.agency.kind in CALLED]
        kept.sort(key=lambda one: CALLED.index(one.agency.kind))
        return session.get_one(CaseRow, case_id), checks, calls, kept, staff.work_names(session)

    case, checks, calls, agencies, names = await house.store.read(unit)
    return house.page(
        request,
        "conversation/emergency.html",
        signed=door.signed,
        city=city.name,
        settings=city,
        case=case,
        checks=checks,
        calls=calls,
        agencies=agencies,
        names=names,
        questions=emergency.QUESTIONS,
        everywhere=emergency.EVERYWHERE,
        now=now,
        today=now.astimezone(TOKYO).date(),
        clock=now.astimezone(TOKYO),
    )


@router.post("/check")
async def check(request: Request, door: Door) -> Response:
    """Keep what is known now."""
    house, case_id = house_of(request), door.the_case.id
    answers = {id: door.typed(f"q-{id}") for id in emergency.QUESTIONS}
    remark = door.text("remark", emergency.LONGEST)
    await house.store.write(
        lambda s: emergency.keep_check(s, case_id, door.actor.id, answers, remark, house.clock.now())
    )
    return _back(request, door)


@router.post("/call")
async def call(request: Request, door: Door) -> Response:
    """Keep the record of a call."""
    house, case_id, now = house_of(request), door.the_case.id, house_of(request).clock.now()
    day, clock = door.day("day"), door.typed("clock")
    try:
        at = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=TOKYO)
    except ValueError:
        raise RefusedError("電話した日と時刻を入れてください。") from None
    to = door.text("other", emergency.LONGEST) or door.text("to", emergency.LONGEST)
    spoke, outcome = door.text("spoke_with", emergency.LONGEST), door.text("outcome", emergency.LONGEST)
    made = Call(door.actor.id, at, to, spoke, outcome)
    await house.store.write(lambda s: emergency.keep_call(s, case_id, made, now))
    return _back(request, door)


def _back(request: Request, door: Pass) -> Response:
    return RedirectResponse(f"{request.scope.get('root_path', '')}/cases/{door.the_case.id}/emergency", 303)
