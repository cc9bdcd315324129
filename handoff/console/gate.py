"""The one door of the console: session, origin, CSRF token, role and case, before any page runs.

The rule: every route but signing in depends on `may(action)`; what it refuses is written into the audit.
"""

from __future__ import annotations

import hmac
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader
from sqlalchemy.orm import Session
from starlette.datastructures import FormData, Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot import cases
from bot.clock import Clock
from bot.curation import By
from bot.directory.search import Directory
from bot.errors import CaseMovedError, DirectoryMovedError, NotAllowedError, RefusedError
from bot.i18n import Catalogs, accepted
from bot.messages import clean
from bot.rooms import ToLine
from bot.situation import Case, City
from bot.store import Store
from handoff import audit, staff, wording
from handoff.console import labels
from handoff.interpreter import Interpreter
from handoff.practice import Lesson, Practices
from handoff.staff import Actor, Passwords, SignedIn
from handoff.wording import LANGUAGES, PageLanguage, Sentences, later, refused, say, speak, spoken

WRONG_ORIGIN: Final = later("この画面の外から送られたため、受け付けませんでした。画面を開きなおしてください。")
STALE_FORM: Final = later("画面の期限が切れました。画面を開きなおして、もう一度送ってください。")

#: Nothing from elsewhere, nothing inline (facts/reliability.md D1, V3.4).
HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # with no-referrer Chromium sends `Origin: null` with our own forms
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True)
class House:
    """Hold what the pages need; built once by `create_console`."""

    store: Store
    clock: Clock
    city: Callable[[], City]
    base_url: str
    to_line: ToLine
    passwords: Passwords
    templates: str  # the folder
    directory: Callable[[], Directory]
    categories: tuple[str, ...]
    words: Catalogs
    operator_key: bytes
    interpreter: Interpreter
    account: Callable[[], str]
    practices: Practices | None = None  # where this console lets people practise
    lesson: Lesson | None = None  # this console is practised on

    @property
    def secure(self) -> bool:
        """Return whether the console is served over https."""
        return self.base_url.startswith("https://")

    @property
    def cookie(self) -> str:
        """Return the session cookie's name; `__Host-` keeps it to this very host where https allows the prefix."""
        if self.lesson is not None:
            return self.lesson.cookie
        return "__Host-madoguchi-staff" if self.secure else "madoguchi-staff"

    def page(self, request: Request, name: str, status: int = 200, **values: Any) -> HTMLResponse:
        """Return the rendered template as an answer."""
        return HTMLResponse(self.render(request, name, **values), status)

    def render(self, request: Request, name: str, **values: Any) -> str:
        """Return the rendered template."""
        root = request.scope.get("root_path", "")
        values = {
            "root": root,
            "here": request.url.path.removeprefix(root),
            "next": here(request),
            "lock_after": 0 if self.lesson else self.city().lock_after,  # its accounts have no password
            "lesson": self.lesson,
            **values,
        }
        return templates(self.templates, spoken()).get_template(name).render(values)


@dataclass(frozen=True, slots=True)
class Pass:
    """Hold who came through the door, the case of the address if there is one, and the form of a POST."""

    signed: SignedIn
    case: Case | None
    form: FormData

    @property
    def actor(self) -> Actor:
        """Return who acts."""
        return self.signed.actor

    @property
    def the_case(self) -> Case:
        """Return the case; only for routes whose address names one."""
        assert self.case is not None
        return self.case

    @property
    def by(self) -> By:
        """Return who acts, as histories name her."""
        return By(f"staff:{self.actor.id}", self.actor.work_name)

    def typed(self, name: str) -> str:
        """Return a field of the form, trimmed, without what cannot be seen."""
        return clean(str(self.form.get(name, "")))

    def number(self, name: str) -> int:
        """Return a field of the form as a whole number; 0 when it is none."""
        found = self.typed(name)
        return int(found) if found.isdecimal() and len(found) < 10 else 0

    def day(self, name: str) -> date | None:
        """Return a field of the form as a day (2026-11-24), or None when it is none."""
        with suppress(ValueError):
            return date.fromisoformat(self.typed(name))
        return None

    def id(self, name: str) -> uuid.UUID | None:
        """Return a field of the form as an id, or None when it is none."""
        with suppress(ValueError):
            return uuid.UUID(self.typed(name))
        return None

    def text(self, name: str, most: int) -> str:
        """Return a field of the form as `typed`; raise RefusedError when it is longer than `most`."""
        found = self.typed(name)
        if len(found) > most:
            raise RefusedError("長すぎます（{most}文字まで）。", most=most)
        return found


def house_of(request: Request) -> House:
    """Return the house that this application was built with."""
    found = request.app.state.house
    assert isinstance(found, House)
    return found


@cache
def templates(folder: str, language: PageLanguage) -> Environment:
    """Return the environment of the console's templates: escaped, and with the labels at hand; each is read once."""
    env = Environment(
        loader=FileSystemLoader(folder), autoescape=True, trim_blocks=True, lstrip_blocks=True, auto_reload=False
    )
    env.extend(page_language=language)
    env.add_extension(Sentences)
    env.globals["page_language"] = language
    env.globals["say"] = say
    env.globals["wording"] = wording
    env.globals["labels"] = labels
    env.globals["MAY"] = staff.MAY
    env.filters["label"] = lambda key, table: labels.label(table, key)
    env.filters["moment"] = labels.moment
    return env


def may(action: str, *, human: bool = True, locked: bool = False) -> Callable[[Request], AsyncIterator[Pass]]:
    """Return the dependency of a route: it lets through who may do `action`, and says no to everybody else.

    `human` = a person did this, so the session lives on; streams and refreshes are not a person. `locked` = it opens
    to a locked session too: it shows nothing of a family.
    """

    async def door(request: Request) -> AsyncIterator[Pass]:
        house = house_of(request)
        store, at = house.store, house.clock.now()
        changes = request.method not in ("GET", "HEAD")
        if changes and not same_origin(request, house):
            await store.write(lambda s: audit.note_refusal(s, None, action, None, at, "origin"))
            raise NotAllowedError(WRONG_ORIGIN)
        token = request.cookies.get(house.cookie, "")
        case_id = _case_id(request)

        def look(session: Session) -> tuple[SignedIn | None, Case | None]:
            found = staff.find_session(session, token) if token else None
            return found, cases.get_case(session, case_id) if found and case_id else None

        signed, case = await store.read(look)
        if signed is None:
            raise HTTPException(401)
        speak(signed.page_language)
        if signed.locked and not locked:
            raise HTTPException(423)
        form = await request.form() if changes else FormData()
        try:
            given = str(form.get("csrf", "")) or request.headers.get("x-csrf-token", "")
            await _let_in(store, signed, case, action, at, given if changes else None, case_id)
            if human:
                await store.write(lambda s: staff.touch_session(s, signed.token_hash))
            yield Pass(signed, case, form)
        finally:
            await form.close()  # an uploaded file is a file on disk

    return door


async def _let_in(
    store: Store,
    signed: SignedIn,
    case: Case | None,
    action: str,
    at: datetime,
    token: str | None,
    case_id: uuid.UUID | None,
) -> None:
    """Return when the form's token (None: no form) and the role are right; else write it down and raise."""
    actor_id = signed.actor.id
    if token is not None and not hmac.compare_digest(token.encode(), signed.csrf.encode()):
        await store.write(lambda s: audit.note_refusal(s, actor_id, action, case_id, at, "csrf"))
        raise NotAllowedError(STALE_FORM)
    try:
        staff.authorize(signed.actor, action, case)
    except NotAllowedError:
        await store.write(lambda s: audit.note_refusal(s, actor_id, action, case_id, at, "role or holder"))
        raise


def same_origin(request: Request, house: House) -> bool:
    """Return whether a browser says that this request came from our own pages (facts/reliability.md D2)."""
    origin = request.headers.get("origin", "")
    site = request.headers.get("sec-fetch-site", "same-origin" if origin else "")
    if site != "same-origin":
        return False
    if not origin:
        return True
    try:
        sent = urlsplit(origin)
    except ValueError:  # http://[ is no address
        return False
    ours = urlsplit(house.base_url)
    return (sent.scheme, sent.netloc) == (ours.scheme, ours.netloc) or (
        sent.scheme == request.url.scheme and sent.netloc == request.headers.get("host", "")
    )


def preferred(request: Request) -> PageLanguage:
    """Return the language that a browser asks for, Japanese unless it wants English first."""
    wish = accepted(request.headers.get("accept-language", ""), LANGUAGES)
    return "en" if wish == "en" else "ja"


def here(request: Request) -> str:
    """Return the address of this page within the console, with its query."""
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    return f"{path}?{request.url.query}" if request.url.query else path


def _case_id(request: Request) -> uuid.UUID | None:
    try:
        return uuid.UUID(request.path_params["case_id"])
    except (KeyError, ValueError):
        return None


# --- what is answered when the door stays shut ---------------------------------------------------------------------


def wants_json(request: Request) -> bool:
    """Return whether a script of ours asked, not the address bar."""
    return "application/json" in request.headers.get("accept", "")


async def gone(request: Request, _error: Exception) -> Response:
    """Answer an act that needs words which were destroyed on purpose."""
    return _answer(request, 422, say("この方の記録は消去されたため、新しい言葉は残せません。"))


async def refuse(request: Request, error: Exception) -> Response:
    """Answer a refusal in words: 403 not allowed, 409 somebody was faster, 422 the rest."""
    moved = isinstance(error, CaseMovedError | DirectoryMovedError)
    status = 403 if isinstance(error, NotAllowedError) else 409 if moved else 422
    return _answer(request, status, refused(error) if isinstance(error, RefusedError) else str(error))


async def turn_away(request: Request, error: Exception) -> Response:
    """Answer 401 with the sign-in page, and other refusals of the framework with a calm sentence."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status in (401, 423) and request.method == "GET" and not wants_json(request):
        root = request.scope.get("root_path", "")
        path = request.url.path.removeprefix(root)
        if status == 423:
            return RedirectResponse(f"{root}/lock?{urlencode({'next': here(request)})}", 303)
        back = f"?next={path}" if path.startswith("/cases/") and _case_id_in(path) else ""
        return RedirectResponse(f"{root}/sign-in{back}", 303)
    words = {
        401: say("サインインの時間が切れました。もう一度サインインしてください。"),
        423: say("画面をかくしているので、受け付けませんでした。画面を開いてから、もう一度どうぞ。"),
        404: say("そのページはありません。"),
        405: say("その操作はできません。"),
        413: say("送られたものが大きすぎます。"),
    }
    return _answer(request, status, words.get(status, say("うまくいきませんでした。もう一度お試しください。")))


def _case_id_in(path: str) -> bool:
    try:
        return bool(uuid.UUID(path.removeprefix("/cases/")))
    except ValueError:
        return False


def _answer(request: Request, status: int, words: str) -> Response:
    if wants_json(request):
        return JSONResponse({"message": words}, status)
    return house_of(request).page(request, "refused.html", status, words=words)


class Guard:
    """Put the security headers on every answer of the console; only our static files may be kept by a browser.

    What is answered before anybody is known is in the language that the browser asks for.
    """

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self.app = app
        self.secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and complete the headers of its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        speak(preferred(Request(scope)))  # until the door knows who reads

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)  # what families sent has a stricter policy of its own
                is_static = "/static/" in scope["path"] and message["status"] == 200
                headers["cache-control"] = "no-cache" if is_static else "no-store"
                if self.secure:
                    headers["strict-transport-security"] = "max-age=31536000"
            await send(message)

        await self.app(scope, receive, complete)


def event_id(headers: Headers, after: int) -> int:
    """Return where a stream goes on: the browser's Last-Event-ID, else the number in the address."""
    last = headers.get("last-event-id", "")
    return int(last) if last.isdigit() and len(last) < 19 else after


def to_json(value: Any) -> str:
    """Return compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
