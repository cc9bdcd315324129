"""Bringing a file of places in: upload it, see what it would change and why rows are refused, then store it.

The rule: reading a file never holds up the desk, nothing is stored before the second, explicit step, and a preview
that the directory has outrun is shown anew instead of stored.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from pathlib import PurePath
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile

from bot.directory.importing.headers import FIELDS
from bot.errors import DirectoryMovedError, RefusedError
from bot.messages import clean
from handoff import uploads
from handoff.console.directory import common, wording
from handoff.console.directory.common import back
from handoff.console.gate import Pass, house_of, may
from handoff.models import DirectoryUpload
from handoff.uploads import Look, Settings
from handoff.wording import say, spoken

SHOWN: Final = 200  # rows of one kind in a preview; the counts speak of all
PAST: Final = 20  # earlier imports
FORM: Final = 65_536  # bytes of the fields around the file
LONGEST_NAME: Final = 240  # bytes of a file's name: file systems take 255

#: What a column may hold, as staff read it: the first Japanese header that means it.
COLUMNS: Final = {
    field: next((word for word in headers.split() if re.match(r"[ぁ-んァ-ヶ一-龠]", word)), field)
    for field, headers in FIELDS.items()
}


def headings() -> dict[str, str]:
    """Return what a column may hold in the language of the page."""
    return COLUMNS if spoken() == "ja" else {field: field.replace("_", " ") for field in COLUMNS}


router = APIRouter(prefix="/directory/imports")


@router.get("")
async def index(request: Request, door: Annotated[Pass, Depends(may("directory.import"))]) -> Response:
    """Show the form to upload a file, what is being looked at, and what was brought in lately."""
    return await _index(request, door)


async def _index(request: Request, door: Pass, problem: str = "") -> Response:
    house = house_of(request)
    found = select(DirectoryUpload).where(DirectoryUpload.state != "dropped").order_by(DirectoryUpload.at.desc())

    def unit(session: Session) -> list[DirectoryUpload]:
        return list(session.scalars(found.limit(PAST)))

    past = await house.store.read(unit)
    return common.page(
        request,
        door,
        "imports",
        422 if problem else 200,
        problem=problem,
        open=[row for row in past if row.state != "stored"],
        stored=[row for row in past if row.state == "stored"],
        kinds=common.kinds(house),
        town=next(iter(house.city().municipalities), ""),
    )


@router.post("", max_body_size=uploads.LARGEST + FORM)
async def upload(request: Request, door: Annotated[Pass, Depends(may("directory.import"))]) -> Response:
    """Keep a file and begin to read it."""
    house, at = house_of(request), house_of(request).clock.now()
    file = door.form.get("file")
    if not isinstance(file, UploadFile) or not file.filename or not file.size:
        return await _index(request, door, say("ファイルをえらんでください。空のファイルは読めません。"))
    if file.size > uploads.LARGEST:
        return await _index(request, door, say("ファイルが大きすぎます（32MBまで）。いくつかに分けてください。"))
    content, name, settings = await file.read(), _name(file.filename), _settings(door)
    id = await house.store.write(lambda s: uploads.keep(s, door.actor, name, content, settings, at))
    _begin(request, id, 1)
    return back(request, f"/imports/{id}")


def _name(given: str) -> str:
    """Return a file's bare name without what no file system takes; it says which source this is an edition of."""
    bare = "".join(letter for letter in PurePath(given.replace("\\", "/")).name if letter.isprintable())
    return bare.strip(". ").encode()[-LONGEST_NAME:].decode(errors="ignore")[-100:].strip(". ") or "file"


def _settings(door: Pass) -> Settings:
    columns = {}
    for n in range(200):
        header, field = str(door.form.get(f"header.{n}", "")), str(door.form.get(f"column.{n}", "auto"))
        if header and field != "auto":
            columns[header] = field if field in FIELDS else ""
    category, town, code = (clean(door.text(name, 60)) for name in ("category", "municipality", "area_code"))
    return Settings(category, town, code, columns)


def _begin(request: Request, id: uuid.UUID, reading: int) -> None:
    """Read the file beside the requests, one file at a time."""
    state, store = request.app.state, house_of(request).store

    async def job() -> None:
        async with state.one_reading:
            await uploads.read(store, id, reading)

    task = asyncio.create_task(job())
    state.readings.add(task)
    task.add_done_callback(state.readings.discard)


async def _row(request: Request, id: uuid.UUID) -> tuple[DirectoryUpload, bool, Look | None]:
    def unit(session: Session) -> tuple[DirectoryUpload, bool, Look | None]:
        row = session.get(DirectoryUpload, id)
        if row is None:
            raise RefusedError("この取り込みは見つかりません。")
        return row, uploads.is_silent(session, row), uploads.look(session, row) if row.state == "ready" else None

    return await house_of(request).store.read(unit)


@router.get("/{upload_id}")
async def one(
    request: Request, upload_id: uuid.UUID, door: Annotated[Pass, Depends(may("directory.import"))]
) -> Response:
    """Show how far the reading is, or what storing would change, or what storing did."""
    return await _show(request, door, upload_id)


async def _show(request: Request, door: Pass, id: uuid.UUID, moved: str = "") -> Response:
    house = house_of(request)
    row, silent, look = await _row(request, id)
    columns = [*look.guessed.items(), *((header, "") for header in look.unread)] if look else []
    said = dict(row.settings.get("columns") or {})
    return common.page(
        request,
        door,
        "import",
        409 if moved else 200,
        row=row,
        silent=silent,
        look=look,
        moved=moved,
        parts_of=_parts(look) if look else [],
        columns=[*columns, *((header, field) for header, field in said.items() if header not in dict(columns))],
        said_columns=said,
        fields=headings(),
        kinds=common.kinds(house),
        limit=SHOWN,
    )


def _parts(look: Look) -> list[dict[str, Any]]:
    """Return the differences by kind, each with its count and the first rows in words."""
    titles = {"new": say("新しい場所"), "changed": say("変わる場所"), "gone": say("この版にない場所")}
    found = []
    for what, title in titles.items():
        every = [d for d in look.differences if d.what == what]
        rows = [
            {
                "id": d.id,
                "name": d.name,
                "place": wording.resource(d.after or d.before),
                "changes": wording.changes(d.before, d.after, d.fields) if what == "changed" else [],
                "kept": [wording.label(field) for field in d.kept],
            }
            for d in every[:SHOWN]
        ]
        found.append({"what": what, "title": title, "count": len(every), "rows": rows})
    return found


@router.get("/{upload_id}/state")
async def state(
    request: Request, upload_id: uuid.UUID, door: Annotated[Pass, Depends(may("directory.import", human=False))]
) -> Response:
    """Tell a waiting page how far the reading is."""
    row = await house_of(request).store.read(lambda s: s.get(DirectoryUpload, upload_id))
    if row is None:
        raise RefusedError("この取り込みは見つかりません。")
    return JSONResponse({"state": row.state, "done": row.done, "whole": row.whole})


@router.post("/{upload_id}/read")
async def again(
    request: Request, upload_id: uuid.UUID, door: Annotated[Pass, Depends(may("directory.import"))]
) -> Response:
    """Read the same file again, with what a person says of its columns, kind and town."""
    settings = _settings(door)
    reading = await house_of(request).store.write(lambda s: uploads.again(s, upload_id, settings))
    _begin(request, upload_id, reading)
    return back(request, f"/imports/{upload_id}")


@router.post("/{upload_id}/store")
async def store(
    request: Request, upload_id: uuid.UUID, door: Annotated[Pass, Depends(may("directory.import"))]
) -> Response:
    """Store what was seen; show it anew if the directory has moved since."""
    house, at, seen = house_of(request), house_of(request).clock.now(), door.text("seen", 64)
    try:
        await house.store.write(lambda s: uploads.store(s, upload_id, seen, door.actor, at))
    except DirectoryMovedError as moved:
        return await _show(request, door, upload_id, say(moved.fault))
    return back(request, f"/imports/{upload_id}")


@router.post("/{upload_id}/drop")
async def drop(
    request: Request, upload_id: uuid.UUID, door: Annotated[Pass, Depends(may("directory.import"))]
) -> Response:
    """Forget the file."""
    await house_of(request).store.write(lambda s: uploads.drop(s, upload_id))
    return back(request, "/imports", "dropped")
