"""LINE's HTTP API: the paths, the bearer token, the JSON, the request ids, and the faults on the way.

The rule: this module knows HTTP and nothing of what a request means; `platform` and `menus` answer.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, NoReturn
from urllib.parse import parse_qsl

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from bot.simulator.answers import Answer, refused
from bot.simulator.faults import Fault
from bot.simulator.platform import MONTHLY, RATE, Platform

Json = dict[str, Any]
BODY_LIMIT = 2 * 1024 * 1024  # bytes; facts/line.md 2, limits


@dataclass(frozen=True, slots=True)
class Call:
    """Hold one request that passed the door: `body` for JSON, `raw` for everything else."""

    request_id: str
    path: dict[str, str]
    headers: dict[str, str]
    body: Json
    raw: bytes
    stale: bool

    @property
    def retry_key(self) -> str | None:
        """Return the X-Line-Retry-Key header."""
        return self.headers.get("x-line-retry-key")


Handler = Callable[[Call], Answer | Awaitable[Answer]]


class Silence(Response):
    """Give no answer: wait until the client leaves or `seconds` pass, then break the connection."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Break the connection the way the server at hand allows."""
        transport = getattr(getattr(receive, "__self__", None), "transport", None)  # uvicorn's request cycle has one
        if transport is None:
            await asyncio.sleep(self.seconds)
            self._break()
        try:
            async with asyncio.timeout(self.seconds):
                await self._gone(receive)
        except TimeoutError:
            transport.abort()
            await self._gone(receive)

    @staticmethod
    async def _gone(receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    @staticmethod
    def _break() -> NoReturn:
        raise httpx.ReadError("the platform broke the connection")  # in process: what a client would see


def line_routes(platform: Platform) -> list[Route]:
    """Return the routes of LINE's API (both hosts, api and api-data, on this one)."""
    p, menus = platform, platform.menus
    message, rich, user = "/v2/bot/message", "/v2/bot/richmenu", "/v2/bot/user/{user}/richmenu"
    webhook = "/v2/bot/channel/webhook"
    table: list[tuple[str, str, Literal["json", "raw", "open"], Handler]] = [
        (
            "POST",
            f"{message}/reply",
            "json",
            lambda c: p.reply(c.body, retry_key=c.retry_key, request_id=c.request_id, stale=c.stale),
        ),
        (
            "POST",
            f"{message}/push",
            "json",
            lambda c: p.push(c.body, retry_key=c.retry_key, request_id=c.request_id),
        ),
        (
            "POST",
            f"{message}/multicast",
            "json",
            lambda c: p.multicast(c.body, retry_key=c.retry_key, request_id=c.request_id),
        ),
        ("POST", f"{message}/validate/{{kind}}", "json", lambda c: p.validate(c.body)),
        ("GET", f"{message}/quota", "raw", lambda c: p.quota_answer()),
        ("GET", f"{message}/quota/consumption", "raw", lambda c: Answer(200, {"totalUsage": p.used})),
        ("GET", f"{message}/{{id}}/content", "raw", lambda c: p.content(c.path["id"])),
        ("GET", f"{message}/{{id}}/content/preview", "raw", lambda c: p.content(c.path["id"])),
        ("POST", "/v2/bot/chat/loading/start", "json", lambda c: p.start_loading(c.body)),
        ("GET", "/v2/bot/profile/{user}", "raw", lambda c: p.profile(c.path["user"])),
        ("GET", "/v2/bot/info", "raw", lambda c: p.info()),
        ("GET", f"{webhook}/endpoint", "raw", lambda c: p.endpoint()),
        ("PUT", f"{webhook}/endpoint", "json", lambda c: p.set_endpoint(c.body)),
        ("POST", f"{webhook}/test", "json", lambda c: p.test_endpoint(c.body)),
        ("POST", "/v2/bot/group/{id}/leave", "raw", lambda c: p.leave(c.path["id"], "group")),
        ("POST", "/v2/bot/room/{id}/leave", "raw", lambda c: p.leave(c.path["id"], "room")),
        ("POST", rich, "json", lambda c: menus.create(c.body)),
        ("POST", f"{rich}/validate", "json", lambda c: menus.validate(c.body)),
        ("GET", f"{rich}/list", "raw", lambda c: menus.list()),
        ("POST", f"{rich}/alias", "json", lambda c: menus.set_alias(c.body)),
        ("GET", f"{rich}/alias/{{alias}}", "raw", lambda c: menus.get_alias(c.path["alias"])),
        ("POST", f"{rich}/alias/{{alias}}", "json", lambda c: menus.set_alias(c.body, alias=c.path["alias"])),
        ("DELETE", f"{rich}/alias/{{alias}}", "raw", lambda c: menus.delete_alias(c.path["alias"])),
        ("GET", f"{rich}/{{menu}}", "raw", lambda c: menus.get(c.path["menu"])),
        ("DELETE", f"{rich}/{{menu}}", "raw", lambda c: menus.delete(c.path["menu"])),
        ("GET", f"{rich}/{{menu}}/content", "raw", lambda c: menus.picture(c.path["menu"])),
        (
            "POST",
            f"{rich}/{{menu}}/content",
            "raw",
            lambda c: menus.upload(c.path["menu"], c.raw, c.headers.get("content-type", "")),
        ),
        ("GET", user, "raw", lambda c: menus.linked(c.path["user"])),
        ("DELETE", user, "raw", lambda c: menus.unlink(c.path["user"])),
        ("POST", f"{user}/{{menu}}", "raw", lambda c: menus.link(c.path["user"], c.path["menu"])),
        ("POST", "/oauth2/v3/token", "open", lambda c: p.issue_token(dict(parse_qsl(c.raw.decode())))),
    ]
    routes = [Route(path, _Endpoint(p, needs, handler), methods=[method]) for method, path, needs, handler in table]
    nothing = _Endpoint(p, "raw", lambda c: refused(404, "Not found"))
    return [*routes, Route("/v2/{rest:path}", nothing, methods=["GET", "POST", "PUT", "DELETE"])]


class _Endpoint:
    """Serve one path: fault, bearer, size, JSON, answer, fault again."""

    def __init__(self, platform: Platform, needs: Literal["json", "raw", "open"], handler: Handler) -> None:
        self.platform = platform
        self.needs = needs
        self.handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request as an ASGI application."""
        response = await self.respond(Request(scope, receive, send))
        await response(scope, receive, send)

    async def respond(self, request: Request) -> Response:
        request_id = str(uuid.uuid4())
        raw = await request.body()
        fault = self.platform.faults.take(request.url.path)
        if fault and fault.kind == "latency":
            await asyncio.sleep(fault.seconds)
        if fault and not fault.after and (broken := self._broken(fault, request_id)):
            return broken
        answer = self._door(request, raw)
        if answer is None:
            answer = await self._answer(request, raw, request_id, stale=bool(fault and fault.kind == "stale_token"))
        if answer.status >= 400:
            self.platform.refused.append((request.url.path, answer.status, _json(answer.body)))
        if fault and fault.after and (broken := self._broken(fault, request_id)):
            return broken
        return _response(answer, request_id)

    def _broken(self, fault: Fault, request_id: str) -> Response | None:
        match fault.kind:
            case "error":
                return _response(refused(500, "Internal server error"), request_id)
            case "rate":
                return _response(Answer(429, RATE), request_id)
            case "monthly":
                return _response(Answer(429, MONTHLY), request_id)
            case "timeout":
                return Silence(fault.seconds)
            case "reset":
                return Silence(0.0)
        return None

    def _door(self, request: Request, raw: bytes) -> Answer | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if self.needs != "open" and not (scheme.lower() == "bearer" and self.platform.bearer_ok(token)):
            return refused(401, "Authentication failed. Confirm that the access token in the header is valid.")
        if len(raw) > BODY_LIMIT:
            return refused(413, "The request body is too large")
        media_type = request.headers.get("content-type", "").partition(";")[0].strip()
        if self.needs == "json" and media_type != "application/json":
            return refused(415, "Unsupported Media Type")
        return None

    async def _answer(self, request: Request, raw: bytes, request_id: str, *, stale: bool) -> Answer:
        body: Any = {}
        if self.needs == "json":
            try:
                body = json.loads(raw)
            except ValueError:
                body = None
            if not isinstance(body, dict):
                return refused(400, "The request body could not be parsed as a JSON object")
        call = Call(request_id, request.path_params, dict(request.headers), body, raw, stale)
        found = self.handler(call)
        return await found if inspect.isawaitable(found) else found


def _json(body: Json | bytes) -> Json:
    return body if isinstance(body, dict) else {}


def _response(answer: Answer, request_id: str) -> Response:
    headers = {"x-line-request-id": request_id, **dict(answer.headers)}
    if isinstance(answer.body, bytes):
        return Response(answer.body, answer.status, headers, answer.media_type)
    return JSONResponse(answer.body, answer.status, headers)
