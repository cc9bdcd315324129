"""The doors to the outside: LINE's webhook, the QR redirect, health; and the headers that every answer carries.

The rule: 200 for LINE only after the commit, a 4xx for what is not LINE's, never a traceback, and nothing that a
resident wrote in any answer or log line (DESIGN 4.1, facts/line.md 1).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Final, Protocol
from urllib.parse import quote
from uuid import UUID

import structlog
from sqlalchemy import text
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot import campaigns, inbox
from bot.clock import Clock
from bot.errors import LineRefusedError
from bot.i18n import SOURCE, accepted
from bot.inbox import Intake, Kept
from bot.line import webhook
from bot.messages import Severity
from bot.situation import GREETINGS
from bot.store import Store

BODY_LIMIT: Final = 1_000_000  # bytes; LINE's own bodies are a few kilobytes
#: Where LINE is at hand (facts/line.md 4: oaMessage opens on iOS and Android only), and who merely looks for links.
PHONE: Final = re.compile(r"Android|iPhone|iPad|iPod")
MACHINE: Final = re.compile(r"bot|crawl|spider|preview", re.IGNORECASE)
FAREWELL: Final = (
    "よんでくれて、ありがとうございます。ここは ひとりずつ お話をきく窓口なので、グループからは出ますね。"
    "いつでも、1対1のトークで話しかけてください。\n"
    "Thank you for inviting me. I talk with one person at a time, so I am leaving this group. "
    "Please write to me directly any time."
)

log = structlog.get_logger("web")


class Leaving(Protocol):
    """Say goodbye to a group chat (`line.client.LineClient`)."""

    async def reply(self, token: str, messages: list[dict[str, object]]) -> object:
        """Answer with a reply token."""

    async def leave(self, kind: str, chat_id: str) -> None:
        """Leave the group or room."""


@dataclass(frozen=True, slots=True)
class Doors:
    """Hold what the routes need. `destination` gives our own bot's user id, "" while it is not known yet.

    `ready` names checks for /readyz beside the database, each telling whether it is well.
    """

    store: Store
    intake: Intake
    clock: Clock
    secrets: Callable[[], tuple[str, ...]]
    destination: Callable[[], str]
    scan: Callable[[str], Severity | None]
    line: Leaving
    line_url_base: str = "https://line.me"
    basic_id: Callable[[], str] = lambda: ""
    ready: Mapping[str, Callable[[], bool]] | None = None


def routes(doors: Doors) -> list[Route]:
    """Return the public routes: /line/webhook, /q/{token}, /healthz, /readyz."""

    async def receive(request: Request) -> Response:
        return await _receive(doors, request)

    async def scanned(request: Request) -> Response:
        return await _scanned(doors, request)

    return [
        Route("/line/webhook", receive, methods=["POST"]),
        Route("/q/{token}", scanned, methods=["GET"]),
        *health(doors.store, doors.ready),
    ]


def health(store: Store, ready: Mapping[str, Callable[[], bool]] | None = None) -> list[Route]:
    """Return /healthz (alive) and /readyz (can work), which processes of every role have."""

    async def alive(_request: Request) -> Response:
        return PlainTextResponse("ok")

    async def can_work(_request: Request) -> Response:
        return await _ready(store, ready or {})

    return [Route("/healthz", alive, methods=["GET"]), Route("/readyz", can_work, methods=["GET"])]


# --- LINE's webhook --------------------------------------------------------------------------------------------------


async def _receive(doors: Doors, request: Request) -> Response:
    began = perf_counter()
    body = await _body(request)
    if body is None:
        return _answer(413, "too large", began)
    if not webhook.is_signed(body, request.headers.get("x-line-signature", ""), doors.secrets()):
        return _answer(401, "bad signature", began)
    try:
        delivery = webhook.read(body)
    except LineRefusedError:
        return _answer(400, "not a webhook of LINE", began)
    ours = doors.destination()
    if delivery.events and ours and delivery.destination != ours:
        return _answer(403, "another destination", began)
    talk = [event for event in delivery.events if webhook.is_talk(event)]
    try:
        kept = await doors.intake.keep(talk, doors.clock.now())
    except Exception as error:  # no commit, no 200: LINE may deliver it again
        log.error("intake_failed", error=type(error).__name__)
        return _answer(503, "try again", began)
    groups = {(e.chat, e.chat_id): e for e in delivery.events if e.chat in ("group", "room") and e.type != "leave"}
    response = _answer(200, "ok", began, count=len(kept))
    response.background = BackgroundTask(_afterwards, doors, kept, list(groups.values()))
    return response


def _answer(status: int, words: str, began: float, count: int = 0) -> Response:
    log.info("webhook", status=status, count=count, ms=round((perf_counter() - began) * 1000, 1))
    return PlainTextResponse(words, status)


async def _body(request: Request) -> bytes | None:
    """Return the raw body, None when it is larger than the limit (declared or not)."""
    declared = request.headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > BODY_LIMIT:
        return None
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_LIMIT:
                return None
    except ClientDisconnect:
        return b""
    return bytes(body)


async def _afterwards(doors: Doors, kept: list[Kept], groups: list[webhook.LineEvent]) -> None:
    """After the 200: let lanes that sound urgent go first, and leave group chats."""
    found: list[tuple[UUID, Severity]] = []
    for one in kept:
        if words := webhook.words(one.raw):
            try:
                severity = await asyncio.to_thread(doors.scan, words)
            except Exception as error:
                log.error("scan_failed", error=type(error).__name__)
                continue
            if severity is not None:
                found.append((one.resident_id, severity))
    try:
        await inbox.hurry(doors.store, found)
    except Exception as error:  # the lane is worked anyway, only not first
        log.error("hurry_failed", error=type(error).__name__)
    for event in groups:
        await _leave(doors, event)


async def _leave(doors: Doors, event: webhook.LineEvent) -> None:
    try:
        if event.type == "join" and event.reply_token:
            await doors.line.reply(event.reply_token, [{"type": "text", "text": FAREWELL}])
    except Exception as error:
        log.info("farewell_failed", error=type(error).__name__)
    try:
        await doors.line.leave(event.chat, event.chat_id)
    except Exception as error:  # the next event of the group tries again
        log.warning("leave_failed", error=type(error).__name__)


# --- QR codes --------------------------------------------------------------------------------------------------------


async def _scanned(doors: Doors, request: Request) -> Response:
    """Open LINE on a phone with a greeting that carries the card's code (facts/line.md 4), and count it.

    Everything else leads to the page of the card: computers, codes that are unknown or ended, a desk without its LINE.
    The language is the one that is printed in the code (?l=), else the browser's, else the card's. What is kept is a
    number: no address, no cookie, nothing of the browser.
    """
    token, basic_id = str(request.path_params["token"]), doors.basic_id()
    campaign, runs = await doors.store.read(lambda session: campaigns.find(session, token))
    asked = request.query_params.get("l", "")
    language = asked if asked in GREETINGS else accepted(request.headers.get("accept-language", ""), GREETINGS)
    language = language or (campaign.languages[0] if campaign is not None else SOURCE)
    browser = request.headers.get("user-agent", "")
    where = f"/public/{language}/card/{quote(token, safe='')}"
    if campaign is not None and runs and basic_id and PHONE.search(browser) and not MACHINE.search(browser):
        where = talk_url(doors.line_url_base, basic_id, campaign.greeting(language))
        if request.method == "GET":
            code, now = campaign.token, doors.clock.now()
            await doors.store.write(lambda session: campaigns.count_scan(session, code, language, now))
    return RedirectResponse(where, 302, headers={"cache-control": "no-store", "vary": "user-agent, accept-language"})


def talk_url(base: str, basic_id: str, words: str = "") -> str:
    """Return where a talk with the desk opens in LINE, with words ready to be sent if there are any.

    With words it opens on phones only (facts/line.md 4: oaMessage).
    """
    account = quote(basic_id, safe="")
    return f"{base}/R/oaMessage/{account}/?{quote(words, safe='')}" if words else f"{base}/R/ti/p/{account}"


# --- health ----------------------------------------------------------------------------------------------------------


async def _ready(store: Store, ready: Mapping[str, Callable[[], bool]]) -> Response:
    """Tell whether the desk can work: the database writes, and every check of the roof is well."""
    found: dict[str, bool] = {}
    try:
        await asyncio.wait_for(store.write(lambda session: session.execute(text("SELECT 1")).scalar_one()), 2)
        found["database"] = True
    except Exception:
        found["database"] = False
    found |= {name: check() for name, check in ready.items()}
    return JSONResponse(found, 200 if all(found.values()) else 503)


# --- headers ---------------------------------------------------------------------------------------------------------

#: No inline anything, nothing from elsewhere, no frames (facts/reliability.md D1).
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PRIVATE: Final = ("/console", "/room", "/share")


class SecurityHeaders:
    """Give every answer the headers that keep a browser careful; a route's own value is left as it is."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self.app = app
        self.https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add what is missing when the answer begins."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        wanted = {
            b"x-content-type-options": b"nosniff",
            b"referrer-policy": b"no-referrer",
            b"content-security-policy": POLICY.encode(),
            b"cross-origin-opener-policy": b"same-origin",
        }
        if self.https:
            wanted[b"strict-transport-security"] = b"max-age=31536000"
        if scope["path"].startswith(PRIVATE):
            wanted[b"cache-control"] = b"no-store"

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", []))
                given = {name.lower() for name, _ in headers}
                message = {**message, "headers": [*headers, *((k, v) for k, v in wanted.items() if k not in given)]}
            await send(message)

        await self.app(scope, receive, add)
