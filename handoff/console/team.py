"""Who works here and when: the roster, what each is there for, and desks whose people are with children now.

The rule: everybody who works here sees it; a telephone number for alarms is shown to who may change it alone.
"""

from __future__ import annotations

import uuid
from datetime import time, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from bot import city
from bot.curation import FieldsRefusedError
from bot.errors import RefusedError
from bot.opening import TOKYO
from bot.store import append_audit
from handoff import practice, team
from handoff.console import labels
from handoff.console.gate import Pass, house_of, may
from handoff.team import Contact, Shift

AHEAD: Final = timedelta(days=14)
WITH_CHILDREN: Final = (30, 60, 120)  # minutes that a desk may say at once; it ends by itself

router = APIRouter()
Edit = Annotated[Pass, Depends(may("team.edit"))]


@router.get("/team")
async def page(request: Request, door: Annotated[Pass, Depends(may("team.see"))]) -> Response:
    """Show who is here, who is on duty in the next two weeks, and what everybody is there for."""
    return await _page(request, door)


@router.post("/team/duties")
async def add_duty(request: Request, door: Edit) -> Response:
    """Write a duty into the roster."""
    house, settings = house_of(request), house_of(request).city()
    who, day, desk = door.id("staff"), door.day("day"), door.text("desk", 40)
    begins, ends = _time(door.typed("begins")), _time(door.typed("ends"))
    if who is None or day is None or begins is None or ends is None:
        raise RefusedError("だれが、いつ、何時から何時までかを入れてください。")
    if desk and settings.desk(desk) is None:
        raise RefusedError("その窓口は、いまありません。画面を新しくしてください。")
    since, until = team.span(day, begins, ends)
    weeks = max(1, door.number("weeks"))

    def unit(session: Session) -> None:
        team.add_duty(session, who, desk, since, until, door.by, house.clock.now(), weeks=weeks)

    await house.store.write(unit)
    return _back(request)


@router.post("/team/duties/{duty_id:uuid}/remove")
async def drop_duty(request: Request, duty_id: uuid.UUID, door: Edit) -> Response:
    """Take a duty out of the roster."""
    house = house_of(request)
    await house.store.write(lambda s: team.drop_duty(s, duty_id, door.by, house.clock.now()))
    return _back(request)


@router.get("/team/{staff_id:uuid}")
async def form(request: Request, staff_id: uuid.UUID, door: Edit) -> Response:
    """Show the form for one person."""
    return await _form(request, door, staff_id)


@router.post("/team/{staff_id:uuid}")
async def change(request: Request, staff_id: uuid.UUID, door: Edit) -> Response:
    """Keep where and as what somebody works, and how an alarm reaches her."""
    house, settings = house_of(request), house_of(request).city()
    known = {desk.id for desk in settings.desks}
    skills = [skill for line in door.typed("skills").replace("、", ",").split(",") if (skill := line.strip())]
    given: dict[str, Any] = {
        "desks": [desk for desk in map(str, door.form.getlist("desks")) if desk in known],
        "languages": [id for id in map(str, door.form.getlist("languages")) if id in labels.LANGUAGES],
        "skills": skills,
        "capacity": door.number("capacity"),
    }
    contact = Contact(door.text("mail", 200), door.text("call", 30))

    def unit(session: Session) -> None:
        at = house.clock.now()
        team.change(session, staff_id, **given, by=door.by, at=at)
        if contact != team.contact(session, staff_id):
            team.set_contact(session, staff_id, contact, door.by, at)

    try:
        await house.store.write(unit)
    except FieldsRefusedError as refused:
        return await _form(request, door, staff_id, given={**given, "contact": contact}, reasons=refused.reasons)
    return _back(request)


@router.post("/desks/{desk_id}/with-children")
async def with_children(request: Request, desk_id: str, door: Annotated[Pass, Depends(may("desk.state"))]) -> Response:
    """Say that a desk's people are with children for some minutes (CARE C32), or that they are free again."""
    house, settings = house_of(request), house_of(request).city()
    minutes, at = door.number("minutes"), house.clock.now()
    if settings.desk(desk_id) is None or minutes not in (0, *WITH_CHILDREN):
        raise RefusedError("その窓口は、いまありません。画面を新しくしてください。")
    until = at + timedelta(minutes=minutes) if minutes else None

    def unit(session: Session) -> None:
        city.with_children(session, desk_id, until)
        append_audit(session, door.by.id, "desk.with_children", at, detail={"desk": desk_id, "minutes": minutes})

    await house.store.write(unit)
    return RedirectResponse(f"{request.scope.get('root_path', '')}/", 303)


# --- steps ----------------------------------------------------------------------------------------------------------


async def _page(request: Request, door: Pass) -> Response:
    house, now = house_of(request), house_of(request).clock.now()
    settings = house.city()

    leads = door.actor.role == "supervisor" and house.practices is not None

    def unit(session: Session) -> tuple[list[team.Member], list[Shift], list[str]]:
        return (
            team.members(session),
            team.duties(session, now, now + AHEAD),
            practice.never(session) if leads else [],
        )

    members, duties, never_practised = await house.store.read(unit)
    days: dict[Any, list[Shift]] = {}
    for one in duties:
        days.setdefault(max(one.since, now).astimezone(TOKYO).date(), []).append(one)
    return house.page(
        request,
        "team/page.html",
        signed=door.signed,
        city=settings.name,
        members=members,
        never_practised=never_practised,
        days=days,
        now=now,
        today=now.astimezone(TOKYO).date(),
        desks={desk.id: desk.name for desk in settings.desks},
        me=door.actor.id,
        on_call_step=any(step.on_call for step in settings.alarms),
    )


async def _form(
    request: Request,
    door: Pass,
    staff_id: uuid.UUID,
    *,
    given: dict[str, Any] | None = None,
    reasons: dict[str, str] | None = None,
) -> Response:
    house = house_of(request)
    settings = house.city()

    def unit(session: Session) -> tuple[team.Member, Contact]:
        found = team.member(session, staff_id)
        if found is None:
            raise RefusedError("その人は、いま登録されていません。")
        return found, team.contact(session, staff_id)

    member, contact = await house.store.read(unit)
    values: dict[str, Any] = {
        "desks": member.desks,
        "languages": member.languages,
        "skills": member.skills,
        "capacity": member.capacity,
        "contact": contact,
        **(given or {}),
    }
    return house.page(
        request,
        "team/form.html",
        signed=door.signed,
        city=settings.name,
        member=member,
        all_desks={desk.id: desk.name for desk in settings.desks},
        given=values,
        reasons=reasons or {},
    )


def _time(words: str) -> time | None:
    try:
        return time.fromisoformat(words)
    except ValueError:
        return None


def _back(request: Request) -> Response:
    return RedirectResponse(f"{request.scope.get('root_path', '')}/team", 303)
