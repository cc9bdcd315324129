"""The people nearby who know a lot about child-rearing or want to help: a list without names, and one person's page.

The rule: every page that shows a person is one audit row, written in the same transaction that reads her.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException

from bot import names
from bot.curation import FieldsRefusedError
from bot.errors import Fault, RefusedError
from bot.opening import TOKYO
from handoff import people
from handoff.console import labels
from handoff.console.gate import Pass, house_of, may
from handoff.people import Kept, LocalPerson
from handoff.wording import named

router = APIRouter(prefix="/people")
See = Annotated[Pass, Depends(may("person.see"))]
Edit = Annotated[Pass, Depends(may("person.edit"))]


@router.get("")
async def page(
    request: Request, door: See, topic: str = "", words: str = "", only: str = "", state: str = ""
) -> Response:
    """Show what people nearby know or would do, and how far it is with them, without their names."""
    house = house_of(request)
    now = house.clock.now()

    def unit(session: Session) -> tuple[list[Kept], int]:
        wanted = topic if topic in names.TOPICS else ""
        far = state if state in people.STATES else ""
        found = people.listed(session, now, topic=wanted, words=words[:200], stale=only == "stale", state=far)
        return found, people.withdrawn(session)

    found, withdrawn = await house.store.read(unit)
    values: dict[str, Any] = {
        "found": found,
        "withdrawn": withdrawn,
        "topic": topic,
        "words": words[:200],
        "only": only,
        "state": state,
    }
    return _page(request, door, "people/list.html", **values)


@router.get("/{person_id:uuid}")
async def show(request: Request, door: See, person_id: uuid.UUID) -> Response:
    """Show one person."""
    return _show(request, door, await _read(request, door, person_id))


def _show(request: Request, door: Pass, kept: Kept, reasons: Mapping[str, str] | None = None) -> Response:
    person = kept.person
    typed = {"state": person.state, "next_step": person.next_step, "next_on": person.next_on or ""}
    if reasons:
        typed = {name: door.typed(name) for name in typed}
    return _page(
        request, door, "people/page.html", 422 if reasons else 200, kept=kept, typed=typed, reasons=reasons or {}
    )


@router.get("/new")
async def blank(request: Request, door: Edit) -> Response:
    """Show the empty form."""
    return _form(request, door, LocalPerson(asked_by=door.actor.work_name))


@router.post("/new")
async def add(request: Request, door: Edit) -> Response:
    """Keep somebody who said yes."""
    house, person = house_of(request), _person(door)
    try:
        person_id = await people.add(house.store, person, door.by, house.clock.now())
    except FieldsRefusedError as refused:
        return _form(request, door, person, reasons=refused.reasons)
    return _to(request, person_id)


@router.get("/offer")
async def blank_offer(request: Request, door: Edit) -> Response:
    """Show the short form for somebody who says at the counter that she wants to help."""
    return _page(request, door, "people/offer.html", typed={}, reasons={})


@router.post("/offer")
async def take_offer(request: Request, door: Edit) -> Response:
    """Keep an offer to help that may be written down."""
    house, at = house_of(request), house_of(request).clock.now()
    typed = {name: door.typed(name) for name in ("name", "reach", "knows", "yes")}
    person = people.offered(typed["name"], typed["reach"], typed["knows"], door.by, at)
    reasons: dict[str, str] = {} if typed["yes"] else {"yes": Fault("本人が「残してよい」と言うまでは、何も残せません")}
    try:
        people.check(person, at.astimezone(TOKYO).date())
    except FieldsRefusedError as refused:
        reasons |= refused.reasons
    if reasons:
        return _page(request, door, "people/offer.html", 422, typed=typed, reasons=reasons)
    return _to(request, await people.add(house.store, person, door.by, at))


@router.post("/{person_id:uuid}/move")
async def move(request: Request, door: Edit, person_id: uuid.UUID) -> Response:
    """Say how far it is with somebody, and what comes next by when."""
    house, at = house_of(request), house_of(request).clock.now()
    state, step, on, version = door.typed("state"), door.typed("next_step"), door.day("next_on"), door.number("version")

    def unit(session: Session) -> None:
        people.move(session, person_id, state, step, on, door.by, at, expected=version)

    try:
        await house.store.write(unit)
    except FieldsRefusedError as refused:
        return _show(request, door, await _read(request, door, person_id), refused.reasons)
    return _to(request, person_id)


@router.get("/{person_id:uuid}/edit")
async def form(request: Request, door: Edit, person_id: uuid.UUID) -> Response:
    """Show the form with what is kept."""
    kept = await _read(request, door, person_id)
    return _form(request, door, kept.person, person_id=person_id, version=kept.version)


@router.post("/{person_id:uuid}/edit")
async def edit(request: Request, door: Edit, person_id: uuid.UUID) -> Response:
    """Keep what was corrected; when a colleague was faster, say so and keep what was typed."""
    house, person = house_of(request), _person(door)
    at, version = house.clock.now(), door.number("version")
    try:
        await house.store.write(lambda s: people.edit(s, person_id, person, door.by, at, expected=version))
    except FieldsRefusedError as refused:
        return _form(request, door, person, person_id=person_id, version=version, reasons=refused.reasons)
    except RefusedError as refused:
        kept = await _read(request, door, person_id)
        return _form(request, door, person, person_id=person_id, version=kept.version, problem=refused.fault)
    return _to(request, person_id)


@router.post("/{person_id:uuid}/verify")
async def verify(request: Request, door: Edit, person_id: uuid.UUID) -> Response:
    """Write down that somebody made sure."""
    house = house_of(request)
    await house.store.write(lambda s: people.verify(s, person_id, door.by, house.clock.now()))
    return _to(request, person_id)


@router.post("/{person_id:uuid}/withdraw")
async def withdraw(request: Request, door: Edit, person_id: uuid.UUID) -> Response:
    """Destroy the words of somebody who no longer says yes."""
    house = house_of(request)
    await people.withdraw(house.store, person_id, door.by, house.clock.now())
    return RedirectResponse(f"{request.scope.get('root_path', '')}/people", 303)


# --- steps ----------------------------------------------------------------------------------------------------------


async def _read(request: Request, door: Pass, person_id: uuid.UUID) -> Kept:
    house = house_of(request)
    kept = await house.store.write(lambda s: people.read(s, person_id, door.by, house.clock.now()))
    if kept is None:
        raise HTTPException(404)
    return kept


def _person(door: Pass) -> LocalPerson:
    return LocalPerson(
        name=door.typed("name"),
        reach=door.typed("reach"),
        knows=door.typed("knows"),
        topics=tuple(id for id in names.TOPICS if id in door.form.getlist("topics")),
        area=door.typed("area"),
        asked_by=door.typed("asked_by"),
        asked_on=door.day("asked_on"),
        purpose=door.typed("purpose"),
        note=door.typed("note"),
    )


def _form(
    request: Request,
    door: Pass,
    person: LocalPerson,
    *,
    person_id: uuid.UUID | None = None,
    version: int = 0,
    reasons: Mapping[str, str] | None = None,
    problem: str = "",
) -> Response:
    status = 422 if reasons else 409 if problem else 200
    values = {"person": person, "person_id": person_id, "version": version, "problem": problem}
    return _page(request, door, "people/form.html", status, reasons=reasons or {}, **values)


def _page(request: Request, door: Pass, name: str, status: int = 200, **values: Any) -> Response:
    house = house_of(request)
    now = house.clock.now()
    values |= {
        "now": now,
        "today": now.astimezone(TOKYO).date(),
        "topics": named(names.TOPICS),
        "states": labels.HELPERS,
    }
    return house.page(request, name, status, signed=door.signed, city=house.city().name, **values)


def _to(request: Request, person_id: uuid.UUID) -> Response:
    return RedirectResponse(f"{request.scope.get('root_path', '')}/people/{person_id}", 303)
