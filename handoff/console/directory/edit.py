"""One form for a place: correcting one, or writing a new one.

The rule: only what was touched is changed; what is wrong stands beside its field and what was typed stays. When
somebody else was faster, both values are shown, and only what both of them touched asks for a decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from bot import curation
from bot.directory.resources import Location, Resource, to_json
from bot.errors import DirectoryMovedError, RefusedError
from bot.models import ResourceRow
from handoff.console.directory import common, form, week, wording
from handoff.console.directory.common import back, path_of
from handoff.console.directory.form import Inputs
from handoff.console.gate import Pass, house_of, may
from handoff.console.labels import LANGUAGES
from handoff.wording import later, say

#: Where the reasons of `curation.problems` stand in the form, when their name is no field of it.
BESIDE: Final[Mapping[str, str]] = {"latitude": "location", "maximum_age": "minimum_age"}

OLD_PAGE: Final = later("画面が古くなりました。開きなおして、もう一度直してください。")

router = APIRouter(prefix="/directory")


@dataclass(frozen=True, slots=True)
class Clash:
    """Hold a field that two people touched: what the other one wrote, and what was typed here."""

    label: str
    theirs: str
    mine: str


@dataclass(frozen=True, slots=True)
class Moved:
    """Hold what happened meanwhile: who was faster, what she alone changed, and what both changed."""

    who: str
    alone: tuple[str, ...]
    both: tuple[Clash, ...]


def at_version(session: Session, row: ResourceRow, version: int) -> Resource:
    """Return a place as it stood at a version. Raise RefusedError for one that never was."""
    ago = row.version - version
    changes = curation.history(session, row.id)
    if not 0 <= ago <= len(changes):
        raise RefusedError(OLD_PAGE)
    if ago == 0:
        return common.shown(row)
    before = changes[ago - 1].before
    if not before:  # it was entered by that change
        raise RefusedError(OLD_PAGE)
    return wording.resource({**before["body"], **before["edits"]})


def reasons(
    base: Resource, values: Mapping[str, Any], wrong: Mapping[str, str], kinds: tuple[str, ...]
) -> dict[str, str]:
    """Return everything that is wrong, by field of the form."""
    found = curation.problems(wording.resource({**to_json(base), **values}), kinds)
    return {BESIDE.get(name, name): reason for name, reason in (found | dict(wrong)).items()}


@dataclass(frozen=True, slots=True)
class Sheet:
    """Hold the form as it is shown: its inputs, the place behind it, what is wrong by field, who was faster."""

    inputs: Inputs
    place: Resource
    version: int = 0
    problems: Mapping[str, str] = field(default_factory=dict)
    moved: Moved | None = None

    @property
    def status(self) -> int:
        """Return what the browser is told: 409 somebody was faster, 422 something is wrong."""
        return 409 if self.moved else 422 if self.problems else 200


def show(request: Request, door: Pass, sheet: Sheet) -> Response:
    """Show the form."""
    place = sheet.place
    return common.page(
        request,
        door,
        "edit",
        sheet.status,
        v=sheet.inputs,
        sheet=sheet,
        path=f"/directory{path_of(place.id)}" if place.id else "/directory",
        action=f"/directory{path_of(place.id)}/edit" if place.id else "/directory/new",
        rows=form.rows,
        week=week,
        rules=week.words_of(place.opening),
        rests=week.rests_of(place.opening),
        kinds=common.kinds(house_of(request)),
        attributes=wording.attributes(),
        languages=LANGUAGES,
    )


# --- correcting ------------------------------------------------------------------------------------------------------


@router.get("/places/{place_id}/edit")
async def edit(request: Request, place_id: str, door: Annotated[Pass, Depends(may("directory.edit"))]) -> Response:
    """Show the form with what is known."""
    row = await house_of(request).store.read(lambda s: common.row_of(s, place_id))
    place = common.shown(row)
    return show(request, door, Sheet(form.inputs_of(place), place, row.version))


@router.post("/places/{place_id}/edit")
async def save(request: Request, place_id: str, door: Annotated[Pass, Depends(may("directory.edit"))]) -> Response:
    """Put staff's words over the place, or say what is wrong, or who was faster."""
    house, at = house_of(request), house_of(request).clock.now()
    told = door.text("version", 12)
    version = int(told) if told.isdecimal() else -1

    def unit(session: Session) -> tuple[bool, Sheet | None]:
        row = common.row_of(session, place_id)
        base = at_version(session, row, version)
        shown = form.inputs_of(base)
        inputs = form.typed(door.form, shown)
        values, wrong = form.read(inputs, shown, base)
        if found := reasons(base, values, wrong, house.categories):
            return False, Sheet(inputs, base, version, problems=found)
        now = common.shown(row)
        expected = row.version if now == base else version  # that somebody rang there is no change of the form
        try:
            curation.edit(session, place_id, values, door.by, at, categories=house.categories, expected=expected)
        except DirectoryMovedError:
            return False, Sheet(_joined(inputs, shown, now), now, row.version, moved=_moved(session, row, base, values))
        return bool(values), None

    changed, sheet = await house.store.write(unit)
    if sheet is not None:
        return show(request, door, sheet)
    return back(request, path_of(place_id), "edited" if changed else "same")


def _moved(session: Session, row: ResourceRow, base: Resource, values: Mapping[str, Any]) -> Moved:
    theirs = wording.changes(to_json(base), to_json(common.shown(row)))
    mine = wording.resource({**to_json(base), **values})
    newest = curation.history(session, row.id)[0]
    return Moved(
        newest.actor_name or say("取り込み"),
        tuple(change.label for change in theirs if change.field not in values),
        tuple(
            Clash(change.label, change.after or say("（なし）"), wording.worded(change.field, mine) or say("（なし）"))
            for change in theirs
            if change.field in values
        ),
    )


def _joined(inputs: Inputs, shown: Inputs, now: Resource) -> Inputs:
    """Return the inputs of the place as it is now, with what was typed over them."""
    mine = form.touched(inputs, shown)
    kept = {name: value for name, value in form.inputs_of(now).items() if form.field_of(name) not in mine}
    return {**kept, **{name: value for name, value in inputs.items() if form.field_of(name) in mine}}


# --- a new place -----------------------------------------------------------------------------------------------------


def _blank(towns: tuple[str, ...]) -> Resource:
    return Resource(id="", name="", category="", location=Location(municipality=towns[0] if towns else ""))


@router.get("/new")
async def new(request: Request, door: Annotated[Pass, Depends(may("directory.edit"))]) -> Response:
    """Show the empty form for a place that no list has."""
    place = _blank(house_of(request).city().municipalities)
    return show(request, door, Sheet(form.inputs_of(place), place))


@router.post("/new")
async def create(request: Request, door: Annotated[Pass, Depends(may("directory.edit"))]) -> Response:
    """Enter a place that no list has."""
    house, at = house_of(request), house_of(request).clock.now()
    place = _blank(house.city().municipalities)
    shown = form.inputs_of(place)
    inputs = form.typed(door.form, shown)
    values, wrong = form.read(inputs, shown, place)
    if found := reasons(place, values, wrong, house.categories):
        return show(request, door, Sheet(inputs, place, problems=found))
    whole = {**to_json(place), **values}
    made = await house.store.write(lambda s: curation.create(s, whole, door.by, at, categories=house.categories))
    return back(request, path_of(made.id), "created")
