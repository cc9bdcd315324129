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
    identity,
    live,
    lock,
    me,
    people,
    phrases,
    practice,
    queue,
    saying,
    scripts,
    shares,
    sign_in,
    team,
    today,
    translate,
)
from handoff.console.directory import edit, imports, places, suggested, twins, worklist
from handoff.interpreter import Interpreter
from handoff.practice import Lesson, Practices
from handoff.staff import Passwords

HERE: Final = Path(__file__).parent
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
    interpreter: Interpreter,
    account: Callable[[], str] = str,
    practices: Practices | None = None,
    lesson: Lesson | None = None,
) -> FastAPI:
    """Return the application to mount at /console, or with a `lesson` the one that is practised on.

    `city` gives the settings that count now; `to_line` words the room's notice (`render`); `base_url` is where
    families' links and our own forms lead. `directory` gives the places as they are searched now, `categories` are the
    kinds that there are, `words` the catalogs in which families read, `operator_key` signs operators' links,
    `interpreter` is the one way to a translation service, `account` the official account's basic id at LINE, "" while
    it is not known. `practices` lets people practise. A lesson has what belongs to talks, not the directory, agencies
    and people nearby, nor what asks for a password.
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
        str(HERE / "templates"),
        directory,
        tuple(categories),
        words,
        operator_key,
        interpreter,
        account,
        practices,
        lesson,
    )
    app.state.streams = Counter()
    app.state.tail = tail = live.Tail()
    app.state.shots, app.state.alarms = live.Shared(queue.shot_of, tail), live.Shared(alarm.calling_of, tail)
    app.state.readings, app.state.one_reading = set(), asyncio.Semaphore(1)  # of uploaded files
    talks = (
        sign_in, queue, live, alarm, conversation, acts, saying, translate, beside, phrases, emergency, identity,
        today, team, scripts,
    )  # fmt: skip
    around = (lock, me, shares, places, edit, worklist, twins, imports, suggested, agencies, people)
    for part in talks if lesson else (*talks, *around):
        app.include_router(part.router)
    if practices is not None:
        app.include_router(practice.begins)
    if lesson is not None:
        app.include_router(practice.ends)
    app.mount("/static", StaticFiles(directory=scripts.STATIC), name="static")
    return app
