"""The console as one application, to be mounted at /console by the roof.

The rule: it is given everything it needs and reads nothing from the environment.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles

from bot.clock import Clock
from bot.directory.search import Directory
from bot.errors import KeyGoneError, RefusedError
from bot.i18n import Catalogs
from bot.rooms import ToLine
from bot.situation import City
from bot.store import Store
from handoff.console import (
    acts,
    agencies,
    alarm,
    beside,
    conversation,
    emergency,
    gate,
    live,
    people,
    phrases,
    queue,
    saying,
    shares,
    sign_in,
    team,
    today,
)
from handoff.console.directory import edit, imports, places, suggested, twins, worklist
from handoff.staff import Passwords

HERE: Final = Path(__file__).parent
STATIC: Final = HERE.parent / "static"
LARGEST: Final = 65_536  # bytes of a form


def create_console(
    *,
    store: Store,
    clock: Clock,
    city: Callable[[], City],
    base_url: str,
    to_line: ToLine,
    passwords: Passwords,
    directory: Callable[[], Directory],
    categories: Collection[str],
    words: Catalogs,
    operator_key: bytes,
) -> FastAPI:
    """Return the application to mount at /console.

    `city` gives the settings that count now; `to_line` words the room's notice (`render`); `base_url` is where
    families' links and our own forms lead. `directory` gives the places as they are searched now, `categories` are the
    kinds that there are, `words` the catalogs in which families read, `operator_key` signs operators' links.
    """
    base_url = base_url.rstrip("/")
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        max_body_size=LARGEST,
        middleware=[Middleware(gate.Guard, secure=base_url.startswith("https://"))],
        exception_handlers={RefusedError: gate.refuse, KeyGoneError: gate.gone, HTTPException: gate.turn_away},
    )
    app.state.house = gate.House(
        store,
        clock,
        city,
        base_url,
        to_line,
        passwords,
        gate.templates(str(HERE / "templates")),
        directory,
        tuple(categories),
        words,
        operator_key,
    )
    app.state.streams = Counter()
    app.state.tail = tail = live.Tail()
    app.state.shots, app.state.alarms = live.Shared(queue.shot_of, tail), live.Shared(alarm.calling_of, tail)
    app.state.readings, app.state.one_reading = set(), asyncio.Semaphore(1)  # of uploaded files
    pages = (
        sign_in, queue, live, alarm, conversation, acts, saying, beside, phrases, emergency, shares, today, team,
        places, edit, worklist, twins, imports, suggested, agencies, people,
    )  # fmt: skip
    for part in pages:
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app
