"""Sentences that are sent often: chosen beside the talk in the resident's language, and the city's own written here.

The rule: choosing one only puts it into the reply, where it is read, changed and sent like any other words.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from bot import cases
from bot.curation import FieldsRefusedError
from bot.errors import RefusedError
from bot.models import CaseRow
from handoff import phrases
from handoff.console import labels
from handoff.console.gate import Pass, house_of, may
from handoff.phrases import Canned

router = APIRouter()
Edit = Annotated[Pass, Depends(may("canned.edit"))]


@router.get("/cases/{case_id}/phrases")
async def choose(
    request: Request,
    door: Annotated[Pass, Depends(may("case.reply"))],
    words: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """Show the sentences to choose from, in the resident's language with the Japanese beside."""
    house, city, case_id = house_of(request), house_of(request).city(), door.the_case.id

    def unit(session: Session) -> tuple[list[Canned], str, str]:
        row = session.get_one(CaseRow, case_id)
        return phrases.canned(session, door.actor.id), cases.language(session, case_id, city), row.desk_id

    own, language, desk = await house.store.read(unit)
    given = phrases.values(city, desk, door.actor.work_name)
    found = phrases.offered(own, house.words, language, given, sought=words)
    groups: dict[str, list[phrases.Offered]] = {}
    for one in found:
        groups.setdefault(one.group, []).append(one)
    return house.page(
        request,
        "conversation/phrases.html",
        signed=door.signed,
        city=city.name,
        case=door.the_case,
        groups=groups,
        words=words,
        language=language,
    )


@router.get("/phrases")
async def page(request: Request, door: Edit) -> Response:
    """Show the city's own sentences, one's private ones, and those that are shipped."""
    house = house_of(request)
    me = door.actor.id
    own, past = await house.store.read(lambda s: (phrases.canned(s, me), phrases.canned(s, me, active=False)))
    return house.page(
        request,
        "phrases/list.html",
        signed=door.signed,
        city=house.city().name,
        own=own,
        past=past,
        shipped=phrases.SHIPPED,
        me=me,
    )


@router.get("/phrases/new")
async def blank(request: Request, door: Edit) -> Response:
    """Show the empty form."""
    return _form(request, door, title="", texts={}, shared=True)


@router.post("/phrases/new")
async def add(request: Request, door: Edit) -> Response:
    """Keep a new sentence, shared or private."""
    house, (title, texts) = house_of(request), _typed(door)
    shared = door.typed("shared") == "yes"
    owner = None if shared else door.actor.id
    try:
        await house.store.write(lambda s: phrases.add(s, title, texts, owner=owner, by=door.by, at=house.clock.now()))
    except FieldsRefusedError as refused:
        return _form(request, door, title=title, texts=texts, shared=shared, reasons=refused.reasons)
    return _back(request)


@router.get("/phrases/{phrase_id:uuid}/edit")
async def form(request: Request, phrase_id: uuid.UUID, door: Edit) -> Response:
    """Show the form with the newest version, and the earlier ones below."""
    said = await house_of(request).store.read(lambda s: phrases.versions(s, phrase_id, door.actor.id))
    return _form(request, door, title=said[0].title, texts=said[0].texts, shared=said[0].owner_id is None, said=said)


@router.post("/phrases/{phrase_id:uuid}/edit")
async def edit(request: Request, phrase_id: uuid.UUID, door: Edit) -> Response:
    """Keep a new version; when a colleague was faster, say so and keep what was typed."""
    house, (title, texts), me = house_of(request), _typed(door), door.actor.id
    at, version = house.clock.now(), door.number("version")
    try:
        await house.store.write(
            lambda s: phrases.change(s, phrase_id, title, texts, who=me, expected=version, by=door.by, at=at)
        )
    except RefusedError as refused:
        said = await house.store.read(lambda s: phrases.versions(s, phrase_id, me))
        reasons = refused.reasons if isinstance(refused, FieldsRefusedError) else {}
        problem = "" if reasons else refused.fault
        shared = said[0].owner_id is None
        return _form(
            request, door, title=title, texts=texts, shared=shared, said=said, reasons=reasons, problem=problem
        )
    return _back(request)


@router.post("/phrases/{phrase_id:uuid}/retire")
async def retire(request: Request, phrase_id: uuid.UUID, door: Edit) -> Response:
    """Offer a sentence no more."""
    house = house_of(request)
    await house.store.write(lambda s: phrases.retire(s, phrase_id, who=door.actor.id, by=door.by, at=house.clock.now()))
    return _back(request)


@router.post("/phrases/{phrase_id:uuid}/restore")
async def restore(request: Request, phrase_id: uuid.UUID, door: Edit) -> Response:
    """Offer it again."""
    house, me = house_of(request), door.actor.id
    await house.store.write(lambda s: phrases.restore(s, phrase_id, who=me, by=door.by, at=house.clock.now()))
    return _back(request)


# --- steps ----------------------------------------------------------------------------------------------------------


def _typed(door: Pass) -> tuple[str, dict[str, str]]:
    texts = {language: str(door.form.get(f"text-{language}", "")).strip() for language in labels.LANGUAGES}
    return door.typed("title"), texts


def _form(
    request: Request,
    door: Pass,
    *,
    title: str,
    texts: Mapping[str, str],
    shared: bool,
    said: list[Canned] | None = None,
    reasons: Mapping[str, str] | None = None,
    problem: str = "",
) -> Response:
    house = house_of(request)
    values: dict[str, Any] = {
        "title": title,
        "texts": texts,
        "shared": shared,
        "said": said or [],
        "reasons": {name if name == "title" else f"text-{name}": why for name, why in (reasons or {}).items()},
        "problem": problem,
        "variables": phrases.VARIABLES,
    }
    return house.page(request, "phrases/form.html", signed=door.signed, city=house.city().name, **values)


def _back(request: Request) -> Response:
    return RedirectResponse(f"{request.scope.get('root_path', '')}/phrases", 303)
