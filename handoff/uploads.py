"""Uploaded files of places: read beside the event loop, looked at by people, then stored or dropped.

The rule: nothing reaches the directory before somebody has seen what it would change and said so; if the directory
has moved since, she is shown it again. A file is sealed, and gone when it is stored or dropped, after a day at most.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from bot import catalogue
from bot.catalogue import Difference, Stored
from bot.directory.importing import Imported, read_file, report
from bot.directory.resources import Resource, from_json, to_json
from bot.errors import DirectoryMovedError, MadoguchiError, RefusedError
from bot.models import ResourceRow
from bot.store import Store, append_audit, db_now
from bot.vault import INSTALL, seal, seal_bytes, unseal, unseal_bytes
from handoff.models import DirectoryUpload
from handoff.staff import Actor
from handoff.wording import later

LARGEST: Final = 32 * 1024 * 1024  # bytes of a file
KEPT: Final = timedelta(days=1)
TELLS_EVERY: Final = 1.0  # seconds between two words on how far the reading is
SILENT_SECONDS: Final = 600.0  # a reading that says nothing for so long has died with its process
UNDECIDED: Final = ("reading", "ready", "failed")  # states in which the file is there
TABLE: Final = "directory_upload"

T = TypeVar("T")
log = structlog.get_logger("uploads")


@dataclass(frozen=True, slots=True)
class Settings:
    """Hold what a person says of a file: as `madoguchi directory import` takes it."""

    category: str = ""
    municipality: str = ""
    area_code: str = ""
    columns: Mapping[str, str] | None = None  # header -> field, "" for none


@dataclass(frozen=True, slots=True)
class Look:
    """Hold what was read in a file and what storing it would change now; `seen` names this very preview."""

    dataset: str
    known: int  # places that this source has already
    report: Mapping[str, Any]
    guessed: Mapping[str, str]
    unread: tuple[str, ...]
    differences: list[Difference]
    seen: str


def keep(session: Session, actor: Actor, file_name: str, content: bytes, settings: Settings, at: datetime) -> uuid.UUID:
    """Keep an uploaded file to be read, and return its id."""
    id = uuid.uuid4()
    session.add(
        DirectoryUpload(
            id=id, staff_id=actor.id, staff_name=actor.work_name, at=at, file_name=file_name,
            settings=asdict(settings), state="reading", alive_db=db_now(session),
            content_sealed=seal_bytes(session, INSTALL, TABLE, "content", id, content),
        )
    )  # fmt: skip
    session.flush()
    return id


def again(session: Session, id: uuid.UUID, settings: Settings) -> int:
    """Have a file read again with other settings, and return the number of the reading. Raise RefusedError."""
    row = _open(session, id)
    if row.state == "reading" and not is_silent(session, row):
        raise RefusedError("いま読んでいるところです。終わるまでお待ちください。")
    row.settings, row.state, row.reading = asdict(settings), "reading", row.reading + 1
    row.done = row.whole = 0
    row.alive_db, row.problem, row.read_sealed = db_now(session), "", None
    return row.reading


def is_silent(session: Session, row: DirectoryUpload) -> bool:
    """Return whether the process that read this file has died over it."""
    return row.state == "reading" and row.alive_db < db_now(session) - SILENT_SECONDS


def drop(session: Session, id: uuid.UUID) -> None:
    """Forget an uploaded file."""
    row = _open(session, id)
    row.state, row.content_sealed, row.read_sealed = "dropped", None, None


def sweep(session: Session, now: datetime) -> int:
    """Forget files that nobody has decided about for a day; return how many."""
    old = select(DirectoryUpload).where(DirectoryUpload.state.in_(UNDECIDED), DirectoryUpload.at < now - KEPT)
    found = list(session.scalars(old))
    for row in found:
        row.state, row.content_sealed, row.read_sealed = "dropped", None, None
    return len(found)


def _open(session: Session, id: uuid.UUID) -> DirectoryUpload:
    row = session.get(DirectoryUpload, id, with_for_update=True, populate_existing=True)
    if row is None or row.state not in UNDECIDED:
        raise RefusedError("この取り込みは、もう終わっています。")
    return row


# --- reading ---------------------------------------------------------------------------------------------------------


async def read(store: Store, id: uuid.UUID, reading: int) -> None:
    """Read a kept file in a thread, telling how far it is, and keep what was found or why it cannot be read."""

    def begin(session: Session) -> tuple[str, bytes, Settings] | None:
        row = session.get(DirectoryUpload, id)
        if row is None or row.state != "reading" or row.reading != reading or row.content_sealed is None:
            return None
        content = unseal_bytes(session, INSTALL, TABLE, "content", id, row.content_sealed)
        return row.file_name, content, Settings(**row.settings)

    begun = await store.read(begin)
    if begun is None:
        return
    loop = asyncio.get_running_loop()
    told = time.monotonic()

    def tell(done: int, whole: int) -> None:
        nonlocal told
        if time.monotonic() - told >= TELLS_EVERY:
            told = time.monotonic()
            far = partial(_told, id=id, reading=reading, done=done, whole=whole)
            asyncio.run_coroutine_threadsafe(store.write(far), loop)

    try:
        found = await _in_thread(lambda: _result(_parsed(*begun, tell)))
    except MadoguchiError as error:
        await store.write(partial(_failed, id=id, reading=reading, problem=str(error)))
    except Exception as error:  # whatever a broken file does to a reader is told, and stops nothing else
        log.error("upload_unread", error=type(error).__name__)
        problem = later("このファイルは読めませんでした。別の形式（CSV、XLSX）で保存して、もう一度お試しください。")
        await store.write(partial(_failed, id=id, reading=reading, problem=problem))
    else:
        await store.write(partial(_found, id=id, reading=reading, found=found))


def _parsed(file_name: str, content: bytes, settings: Settings, tell: Callable[[int, int], None]) -> Imported:
    with tempfile.TemporaryDirectory(prefix="madoguchi-") as folder:
        path = Path(folder) / file_name
        path.write_bytes(content)
        imported = read_file(
            path,
            category=settings.category or None,
            municipality=settings.municipality,
            area_code=settings.area_code,
            columns=settings.columns,
            progress=tell,
        )
    catalogue.check_source(imported.dataset)
    return imported


async def _in_thread(function: Callable[[], T]) -> T:
    """Run a function in a thread that does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, problem = None, None
        try:
            result = function()
        except BaseException as error:
            problem = error
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, result, problem)

    threading.Thread(target=run, name="reading", daemon=True).start()
    return await future


def _result(imported: Imported) -> str:
    told = {
        "dataset": imported.dataset,
        "report": report([imported])["files"][0],
        "guessed": dict(imported.guessed),
        "unread": list(imported.unread),
        "taken": [to_json(resource) for resource in imported.taken],
    }
    return json.dumps(told, ensure_ascii=False)


def _this(session: Session, id: uuid.UUID, reading: int) -> DirectoryUpload | None:
    """Return the upload if it is still this reading that counts."""
    row = session.get(DirectoryUpload, id, with_for_update=True, populate_existing=True)
    return row if row is not None and row.state == "reading" and row.reading == reading else None


def _told(session: Session, id: uuid.UUID, reading: int, done: int, whole: int) -> None:
    own = (DirectoryUpload.id == id, DirectoryUpload.reading == reading, DirectoryUpload.state == "reading")
    session.execute(update(DirectoryUpload).where(*own).values(done=done, whole=whole, alive_db=db_now(session)))


def _failed(session: Session, id: uuid.UUID, reading: int, problem: str) -> None:
    if (row := _this(session, id, reading)) is not None:
        row.state, row.problem = "failed", problem[:500]


def _found(session: Session, id: uuid.UUID, reading: int, found: str) -> None:
    if (row := _this(session, id, reading)) is not None:
        row.state, row.read_sealed = "ready", seal(session, INSTALL, TABLE, "read", id, found)


# --- looking and storing ----------------------------------------------------------------------------------------------


def look(session: Session, row: DirectoryUpload) -> Look:
    """Return what was read in a file and what storing it would change, compared with the directory of this moment."""
    found, resources = _opened(session, row)
    differences = catalogue.preview(session, found["dataset"], resources)
    own = select(func.count()).select_from(ResourceRow).where(ResourceRow.source == found["dataset"])
    return Look(
        dataset=found["dataset"],
        known=session.scalar(own) or 0,
        report=found["report"],
        guessed=found["guessed"],
        unread=tuple(found["unread"]),
        differences=differences,
        seen=_name_of(differences),
    )


def store(session: Session, id: uuid.UUID, seen: str, actor: Actor, at: datetime) -> Stored:
    """Store what was read, if it would still change exactly what was seen.

    Raise DirectoryMovedError if it would change something else by now, RefusedError if it is stored or dropped already.
    """
    row = _open(session, id)
    if row.state != "ready":
        raise RefusedError("まだ読みおわっていません。")
    found, resources = _opened(session, row)
    if _name_of(catalogue.preview(session, found["dataset"], resources)) != seen:
        raise DirectoryMovedError("見ているあいだに台帳が変わりました。下の新しい内容を確かめてください。")
    stored = catalogue.keep(session, found["dataset"], resources, at, actor.work_name)
    row.state, row.counts, row.content_sealed, row.read_sealed = "stored", asdict(stored), None, None
    row.staff_id, row.staff_name = actor.id, actor.work_name
    append_audit(session, f"staff:{actor.id}", "directory.import", at, detail={"source": found["dataset"]} | row.counts)
    return stored


def _opened(session: Session, row: DirectoryUpload) -> tuple[dict[str, Any], list[Resource]]:
    if row.read_sealed is None:
        raise RefusedError("この取り込みは、もう終わっています。")
    found: dict[str, Any] = json.loads(unseal(session, INSTALL, TABLE, "read", row.id, row.read_sealed))
    return found, [from_json(body) for body in found["taken"]]


def _name_of(differences: list[Difference]) -> str:
    told = [(d.what, d.id, d.fields, d.kept, d.before, d.after) for d in differences]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
