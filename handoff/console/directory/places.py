"""The list of places, one place with everything that is known of it, and what staff do there with one press.

The rule: what the source says and what staff say is told apart; each change is in the history with its author, and
the newest can be taken back from there.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, cast, get_args

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from bot import catalogue, curation, listing, suggestions
from bot.curation import FieldsRefusedError
from bot.directory import search
from bot.directory.resources import Resource
from bot.i18n import html_language
from bot.listing import Asked
from bot.messages import Card, clean
from bot.models import LivingNote, ResourceChange, ResourceRow
from bot.opening import TOKYO
from bot.places import card, dialled, map_address, website, whole_card
from handoff.console.directory import common, wording
from handoff.console.directory.common import back, path_of
from handoff.console.gate import House, Pass, house_of, may
from handoff.wording import say

PAGE: Final = 50
FOUND: Final = 500  # places of a search for words that are looked up: nobody turns to the eleventh page
DAYS_AHEAD: Final = 7

router = APIRouter(prefix="/directory")


@dataclass(frozen=True, slots=True)
class Line:
    """Hold one line of a list."""

    id: str
    path: str
    name: str
    kind: str
    where: str
    phone: str
    dial: str
    freshness: str
    verified_at: datetime | None
    verified_by: str
    edited: bool
    state: str  # shown | gone | merged | hidden
    source: str


def line(row: ResourceRow, now: datetime) -> Line:
    """Return a row as lists show it."""
    place = common.shown(row)
    hidden = "shown" if place.status == "active" else "hidden"
    return Line(
        id=row.id,
        path=f"/directory{path_of(row.id)}",
        name=place.name,
        kind=wording.worded("category", place),
        where=place.location.address or place.location.name or place.location.municipality,
        phone=place.phones[0].number if place.phones else "",
        dial=dialled(place.phones[0].number) if place.phones else "",
        freshness=listing.freshness(row.verified_at, now),
        verified_at=row.verified_at,
        verified_by=row.verified_by,
        edited=bool(row.edits),
        state="merged" if row.merged_into else "gone" if row.gone_at else hidden,
        source=say("職員が書いた") if row.source == catalogue.OWN else row.source,
    )


# --- the list --------------------------------------------------------------------------------------------------------


@router.get("")
async def index(
    request: Request,
    door: Annotated[Pass, Depends(may("directory.see"))],
    words: Annotated[str, Query(max_length=60)] = "",
    category: Annotated[str, Query(max_length=40)] = "",
    municipality: Annotated[str, Query(max_length=60)] = "",
    state: Annotated[str, Query(max_length=10)] = "shown",
    order: Annotated[str, Query(max_length=10)] = "name",
    number: Annotated[int, Query(ge=1, le=100_000, alias="page")] = 1,
) -> Response:
    """Show the places that fit the filters, fifty a page."""
    house, now = house_of(request), house_of(request).clock.now()
    words, category, municipality = map(clean, (words, category, municipality))
    asked = Asked(
        words,
        ids_of(house, words),
        category,
        municipality,
        cast(listing.State, state if state in get_args(listing.State) else "shown"),
        cast(listing.Order, order if order in get_args(listing.Order) else "name"),
    )

    def unit(session: Session) -> tuple[list[Line], int, list[str]]:
        rows, count = listing.listed(session, asked, now, limit=PAGE, offset=PAGE * (number - 1))
        return [line(row, now) for row in rows], count, listing.municipalities(session)

    rows, count, towns = await house.store.read(unit)
    return common.page(
        request,
        door,
        "list",
        rows=rows,
        count=count,
        number=number,
        pages=max(1, -(-count // PAGE)),
        first=PAGE * (number - 1) + 1,
        asked=asked,
        kinds=common.kinds(house),
        towns=towns,
    )


def ids_of(house: House, words: str) -> tuple[str, ...]:
    """Return the places whose names the search finds for words: kana, kanji, romaji, one letter wrong."""
    if not words.strip():
        return ()
    found = house.directory().search(search.Query(words=words, limit=FOUND))
    return () if found.widened else tuple(match.resource.id for match in found.matches)


# --- one place -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """Hold one field as families see it, whether staff wrote it, and what the source says where that differs."""

    label: str
    words: str
    ours: bool
    source: str


@dataclass(frozen=True, slots=True)
class Past:
    """Hold one change of the history."""

    id: int
    at: datetime
    who: str
    action: str
    changes: list[wording.Change]
    undone: bool
    undoable: bool


@dataclass(frozen=True, slots=True)
class Day:
    """Hold when a place opens on a day: spans as 9:00～12:00."""

    day: date
    spans: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """Hold how a place's cards look to a family, in one language."""

    language: str
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class View:
    """Hold everything on a place's page."""

    line: Line
    version: int
    place: Resource
    told: list[Told]
    days: list[Day]
    next_open: datetime | None
    open_now: bool
    dials: list[tuple[str, str]]  # number in words, what dials it
    map: str
    website: str
    geo: str
    survivor: Line | None
    absorbed: list[Line]
    notes: list[LivingNote]
    history: list[Past]
    suggested: int  # how many suggestions nobody has decided about


def view(session: Session, id: str, now: datetime) -> View:
    """Read a place's page. Raise RefusedError."""
    row = common.row_of(session, id)
    place = catalogue.resource_of(row)
    today = now.astimezone(TOKYO).date()
    at = place.location
    point = (at.latitude, at.longitude) if at.latitude is not None and at.longitude is not None else None
    survivor = session.get(ResourceRow, row.merged_into) if row.merged_into else None
    changes = curation.history(session, id)
    return View(
        line=line(row, now),
        version=row.version,
        place=place,
        told=told(row),
        days=[day_of(place, today + timedelta(days=n)) for n in range(DAYS_AHEAD)] if place.opening.known else [],
        next_open=place.opening.next_open(now),
        open_now=place.opening.open_at(now),
        dials=[(wording.phone(phone), dialled(phone.number)) for phone in place.phones],
        map=map_address(place),
        website=website(place),
        geo=f"geo:{point[0]},{point[1]}" if point else "",
        survivor=line(survivor, now) if survivor else None,
        absorbed=[line(other, now) for other in listing.merged_into(session, id)],
        notes=curation.notes(session, id),
        history=past(changes),
        suggested=len(suggestions.open_suggestions(session, id)),
    )


def told(row: ResourceRow) -> list[Told]:
    """Return every field that says something, in the order of the names."""
    ours, theirs = common.shown(row), wording.resource(row.body)
    found = []
    for field, label in wording.FIELDS.items():
        if field in ("id", "source", "verified_by"):
            continue
        words, source = wording.worded(field, ours), wording.worded(field, theirs)
        if words or source:
            edited = field in row.edits
            found.append(Told(label, words, edited, source if edited and source != words else ""))
    return found


def past(changes: list[ResourceChange]) -> list[Past]:
    """Return the history in words, the newest first."""
    undoable = curation.undoable(changes)
    return [
        Past(
            id=change.id,
            at=change.at,
            who=change.actor_name or (say("取り込み") if change.actor.startswith("import:") else "―"),
            action=change.action,
            changes=wording.changes(_whole(change.before), _whole(change.after), change.fields)
            if change.before
            else [],
            undone=change.undone_by is not None,
            undoable=change.id in undoable,
        )
        for change in changes
    ]


def _whole(state: Mapping[str, Any]) -> dict[str, Any]:
    return {**state["body"], **state["edits"]}


def day_of(place: Resource, day: date) -> Day:
    """Return when a place opens on a day."""
    spans = tuple(
        f"{a:%-H:%M}～{'24:00' if (b.hour, b.minute) == (0, 0) else f'{b:%-H:%M}'}" for a, b in place.opening.spans(day)
    )
    return Day(day, spans)


@router.get("/places/{place_id}")
async def one(request: Request, place_id: str, door: Annotated[Pass, Depends(may("directory.see"))]) -> Response:
    """Show a place with everything that is known of it."""
    return await show(request, place_id, door)


async def show(
    request: Request, id: str, door: Pass, status: int = 200, *, problems: Mapping[str, str] | None = None
) -> Response:
    """Show a place, with what is wrong with a note that was just typed."""
    house = house_of(request)
    found = await house.store.read(lambda s: view(s, id, house.clock.now()))
    return common.page(
        request,
        door,
        "place",
        status,
        it=found,
        problems=problems or {},
        form=door.form,
        previews=previews(house, found.place),
        operator_link=suggestions.operator_link(house.operator_key, house.base_url, id, house.clock.now()),
        word=house.words.word,
        tag=html_language,
    )


def previews(house: House, place: Resource) -> list[Preview]:
    """Return the cards that the talk shows of a place, the short one and the whole one, in each language."""
    now = house.clock.now()
    match = search.Match(place, open_now=place.opening.open_at(now) if place.opening.known else None)
    return [
        Preview(language, (card(match, language, now), whole_card(place, language)))
        for language in house.words.languages
    ]


async def act(
    request: Request, id: str, unit: Callable[[Session, datetime], object], said: str, onward: str = ""
) -> Response:
    """Do one thing to a place and send the browser back to it, or on to the list that it came from."""
    house, at = house_of(request), house_of(request).clock.now()
    await house.store.write(lambda s: unit(s, at))
    return back(request, ONWARD.get(onward) or path_of(id), said)


#: Where a form may lead to, by the short name that it sends.
ONWARD: Final[Mapping[str, str]] = {"week": "/week"}


@router.post("/places/{place_id}/verify")
async def verify(request: Request, place_id: str, door: Annotated[Pass, Depends(may("directory.edit"))]) -> Response:
    """Write down that somebody rang there and it is still right."""
    onward = door.text("onward", 10)
    return await act(request, place_id, lambda s, at: curation.verify(s, place_id, door.by, at), "verified", onward)


@router.post("/places/{place_id}/undo")
async def undo(request: Request, place_id: str, door: Annotated[Pass, Depends(may("directory.edit"))]) -> Response:
    """Take back a change."""
    words = door.text("change", 12)
    change, onward = int(words) if words.isdecimal() else 0, door.text("onward", 10)
    return await act(
        request, place_id, lambda s, at: curation.undo(s, change, door.by, at, of=place_id), "undone", onward
    )


@router.post("/places/{place_id}/restore")
async def restore(request: Request, place_id: str, door: Annotated[Pass, Depends(may("directory.edit"))]) -> Response:
    """Keep a place that its source no longer lists."""
    return await act(request, place_id, lambda s, at: curation.restore(s, place_id, door.by, at), "restored")


@router.post("/places/{place_id}/notes")
async def note(request: Request, place_id: str, door: Annotated[Pass, Depends(may("directory.edit"))]) -> Response:
    """Write down what somebody knows of a place."""
    words, consent = door.text("text", curation.LONGEST), door.text("consent", 200)
    public = door.form.get("public") == "yes"

    def unit(session: Session, at: datetime) -> None:
        curation.note(session, place_id, words, door.actor.id, door.by, at, consent=consent, public=public)

    try:
        return await act(request, place_id, unit, "noted")
    except FieldsRefusedError as refused:
        return await show(request, place_id, door, 422, problems=refused.reasons)


@router.post("/places/{place_id}/notes/{note_id}/remove")
async def remove_note(
    request: Request, place_id: str, note_id: uuid.UUID, door: Annotated[Pass, Depends(may("directory.edit"))]
) -> Response:
    """Take a note off the page."""
    return await act(
        request, place_id, lambda s, at: curation.remove_note(s, place_id, note_id, door.by, at), "unnoted"
    )
