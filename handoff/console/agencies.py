"""The partner agencies: the list, one agency with who speaks for it, entering, correcting, making sure.

The rule: nothing is decided here; `partners` refuses with a reason for each field, and the form comes back as typed.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException

from bot.curation import FieldsRefusedError
from bot.directory.areas import plain
from bot.directory.resources import Phone
from bot.errors import RefusedError
from bot.models import ResourceRow
from bot.opening import TOKYO
from handoff import partners
from handoff.console.gate import Pass, house_of, may
from handoff.partners import Agency, Contact, Kept, Sharing
from handoff.staff import MAY

router = APIRouter(prefix="/agencies")
See = Annotated[Pass, Depends(may("agency.see"))]
Edit = Annotated[Pass, Depends(may("agency.edit"))]


# --- looking --------------------------------------------------------------------------------------------------------


@router.get("")
async def page(request: Request, door: See, kind: str = "", words: str = "", only: str = "") -> Response:
    """Show the agencies: of one kind, with some words, not made sure of (`stale`), or those that are no more."""
    house = house_of(request)
    now = house.clock.now()

    def unit(session: Session) -> list[Kept]:
        wanted = kind if kind in partners.KINDS else ""
        return partners.listed(
            session, now, kind=wanted, words=words[:200], stale=only == "stale", active=only != "ended"
        )

    found = await house.store.read(unit)
    return _page(request, door, "agencies/list.html", found=found, kind=kind, words=words[:200], only=only)


@router.get("/{agency_id:uuid}")
async def show(request: Request, door: See, agency_id: uuid.UUID) -> Response:
    """Show one agency."""
    return await _show(request, door, agency_id)


async def _show(
    request: Request,
    door: Pass,
    agency_id: uuid.UUID,
    typed: Mapping[str, str] | None = None,
    reasons: Mapping[str, str] | None = None,
) -> Response:
    house = house_of(request)

    def unit(session: Session) -> tuple[Kept, str]:
        kept = _found(partners.get(session, agency_id))
        place = session.get(ResourceRow, kept.agency.resource_id) if kept.agency.resource_id else None
        return kept, place.name if place else ""

    kept, place = await house.store.read(unit)
    today = house.clock.now().astimezone(TOKYO).date()
    values = {
        "kept": kept,
        "place": place,
        "serving": [one for one in kept.contacts if one.serves_on(today)],
        "coming": [one for one in kept.contacts if one.since and one.since > today],
        "past": [one for one in kept.contacts if one.until and one.until < today],
        "next_open": kept.agency.opening.next_open(house.clock.now()),
        "typed": typed or {"since": today.isoformat()},
        "reasons": reasons or {},
    }
    return _page(request, door, "agencies/page.html", 422 if reasons else 200, **values)


# --- entering and correcting ----------------------------------------------------------------------------------------


@router.get("/new")
async def blank(request: Request, door: Edit) -> Response:
    """Show the empty form."""
    return _form(request, door, Agency())


@router.post("/new")
async def add(request: Request, door: Edit) -> Response:
    """Keep a new agency."""
    house, agency = house_of(request), _agency(door)
    at = house.clock.now()
    try:
        agency_id = await house.store.write(lambda s: partners.add(s, agency, door.by, at))
    except FieldsRefusedError as refused:
        return _form(request, door, agency, reasons=refused.reasons)
    return _to(request, agency_id)


@router.get("/{agency_id:uuid}/edit")
async def form(request: Request, door: Edit, agency_id: uuid.UUID) -> Response:
    """Show the form with what is kept."""
    kept = _found(await house_of(request).store.read(lambda s: partners.get(s, agency_id)))
    return _form(request, door, kept.agency, agency_id=agency_id, version=kept.version)


@router.post("/{agency_id:uuid}/edit")
async def edit(request: Request, door: Edit, agency_id: uuid.UUID) -> Response:
    """Keep what was corrected; when a colleague was faster, say so and keep what was typed."""
    house, agency = house_of(request), _agency(door)
    at, version = house.clock.now(), door.number("version")
    try:
        await house.store.write(lambda s: partners.edit(s, agency_id, agency, door.by, at, expected=version))
    except FieldsRefusedError as refused:
        return _form(request, door, agency, agency_id=agency_id, version=version, reasons=refused.reasons)
    except RefusedError as refused:
        kept = _found(await house.store.read(lambda s: partners.get(s, agency_id)))
        return _form(request, door, agency, agency_id=agency_id, version=kept.version, problem=refused.fault)
    return _to(request, agency_id)


@router.post("/{agency_id:uuid}/verify")
async def verify(request: Request, door: Edit, agency_id: uuid.UUID) -> Response:
    """Write down that somebody made sure."""
    house = house_of(request)
    await house.store.write(lambda s: partners.verify(s, agency_id, door.by, house.clock.now()))
    return _to(request, agency_id)


# --- contacts -------------------------------------------------------------------------------------------------------


@router.post("/{agency_id:uuid}/contacts")
async def change_contact(request: Request, door: Edit, agency_id: uuid.UUID) -> Response:
    """Keep a new contact, in place of another or beside the others."""
    house, at = house_of(request), house_of(request).clock.now()
    typed = {name: door.typed(name) for name in ("name", "role", "phone", "hours", "since", "replaces")}
    contact = Contact(typed["name"], typed["role"], plain(typed["phone"]), typed["hours"], door.day("since"))
    replaces = door.id("replaces")

    def unit(session: Session) -> None:
        partners.change_contact(session, agency_id, contact, door.by, at, replaces=replaces)

    try:
        await house.store.write(unit)
    except FieldsRefusedError as refused:
        return await _show(request, door, agency_id, typed, refused.reasons)
    return _to(request, agency_id)


@router.post("/{agency_id:uuid}/contacts/{contact_id:uuid}/end")
async def end_contact(request: Request, door: Edit, agency_id: uuid.UUID, contact_id: uuid.UUID) -> Response:
    """Write down that a contact has left and nobody follows yet: yesterday was the last day."""
    house, at = house_of(request), house_of(request).clock.now()
    last = at.astimezone(TOKYO).date() - timedelta(days=1)
    await house.store.write(lambda s: partners.end_contact(s, agency_id, contact_id, last, door.by, at))
    return _to(request, agency_id)


# --- steps ----------------------------------------------------------------------------------------------------------


def _agency(door: Pass) -> Agency:
    numbers = [(plain(door.typed(f"phone{n}")), door.typed(f"phone{n}_note")) for n in range(partners.PHONES)]
    return Agency(
        name=door.typed("name"),
        kind=door.typed("kind"),
        takes_on=door.typed("takes_on"),
        address=door.typed("address"),
        phones=tuple(Phone(number, description=note) for number, note in numbers if number or note),
        hours=door.typed("hours"),
        duty=door.typed("duty"),
        sharing=cast(Sharing, door.typed("sharing")),
        hand_over=door.typed("hand_over"),
        resource_id=door.typed("resource_id"),
        note=door.typed("note"),
        active=not door.typed("ended"),
    )


def _form(
    request: Request,
    door: Pass,
    agency: Agency,
    *,
    agency_id: uuid.UUID | None = None,
    version: int = 0,
    reasons: Mapping[str, str] | None = None,
    problem: str = "",
) -> Response:
    phones = [*agency.phones, *[Phone("")] * partners.PHONES][: partners.PHONES]
    values = {"agency": agency, "agency_id": agency_id, "version": version, "phones": phones}
    status = 422 if reasons else 409 if problem else 200
    return _page(request, door, "agencies/form.html", status, reasons=reasons or {}, problem=problem, **values)


def _page(request: Request, door: Pass, name: str, status: int = 200, **values: Any) -> Response:
    house = house_of(request)
    now = house.clock.now()
    values |= {"now": now, "today": now.astimezone(TOKYO).date(), "may_edit": door.actor.role in MAY["agency.edit"]}
    return house.page(request, name, status, signed=door.signed, city=house.city().name, **values)


def _to(request: Request, agency_id: uuid.UUID) -> Response:
    return RedirectResponse(f"{request.scope.get('root_path', '')}/agencies/{agency_id}", 303)


def _found(kept: Kept | None) -> Kept:
    if kept is None:
        raise HTTPException(404)
    return kept
