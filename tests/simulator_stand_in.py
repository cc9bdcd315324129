"""A stand-in desk for the simulator's tests: it takes webhooks, keeps their bytes, and answers as it is told."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import importlib.util
import json
import socket
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.clock import Clock
from bot.simulator.app import create_app
from bot.simulator.platform import Platform

SECRET = "8c570fa6dd201bb328f1c1eac23a96d8"
TOKEN = "test-channel-access-token"
DESTINATION = "U8e742f61d673b39c7fff3cecb7536ef0"


class Ticks:
    """A clock that goes forward only when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Desk:
    """Keep every webhook that came in; `statuses` are answered first, then 200; `silent` answers too late."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.statuses: list[int] = []
        self.silent = False
        self.app = Starlette(routes=[Route("/line/webhook", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        raw = await request.body()
        expected = base64.b64encode(hmac.new(SECRET.encode(), raw, hashlib.sha256).digest()).decode()
        if request.headers.get("x-line-signature") != expected:
            return Response(status_code=400)
        self.bodies.append(raw)
        if self.silent:
            await asyncio.sleep(1.0)  # far beyond the deadlines that tests set
        return Response(status_code=self.statuses.pop(0) if self.statuses else 200)

    @property
    def callbacks(self) -> list[dict[str, Any]]:
        return [json.loads(raw) for raw in self.bodies]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for body in self.callbacks for event in body["events"]]


class Town:
    """A platform, the desk behind it, and a client of LINE's API, all in one process and without sockets."""

    def __init__(self, **settings: Any) -> None:
        self.desk = Desk()
        self.ticks = Ticks()
        self.clock = Clock()
        self.platform = Platform(
            channel_secret=SECRET,
            access_token=TOKEN,
            destination=DESTINATION,
            webhook_url="http://desk.test/line/webhook",
            clock=self.clock,
            **{
                "ticks": self.ticks,
                "transport": httpx.ASGITransport(app=self.desk.app),
                "redelivery_delays": (0.0,),
                **settings,
            },
        )
        self.app = create_app(self.platform)
        self.api = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.app),
            base_url="http://line.test/simulator",
            headers={"authorization": f"Bearer {TOKEN}"},
            trust_env=False,
        )

    async def reply(self, token: str, *messages: dict[str, Any], **headers: str) -> httpx.Response:
        body = {"replyToken": token, "messages": list(messages) or [text("はい")]}
        return await self.api.post("/v2/bot/message/reply", json=body, headers=headers)

    async def push(self, to: str, *messages: dict[str, Any], key: str = "", **more: Any) -> httpx.Response:
        body = {"to": to, "messages": list(messages) or [text("お知らせ")], **more}
        headers = {"x-line-retry-key": key} if key else {}
        return await self.api.post("/v2/bot/message/push", json=body, headers=headers)


@asynccontextmanager
async def town(**settings: Any) -> AsyncIterator[Town]:
    """Give a Town and close what it opened."""
    here = Town(**settings)
    try:
        yield here
    finally:
        await here.api.aclose()
        await here.platform.close()


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """Serve an application with uvicorn on a free port of loopback and give its base URL."""
    listening = socket.create_server(("127.0.0.1", 0))  # connections wait in its backlog until uvicorn is there
    port = listening.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="none"))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


@cache
def _schemas(shared: Path, file: str) -> Any:
    found = importlib.util.spec_from_file_location("line_validate", shared / "tools" / "line_validate.py")
    assert found
    assert found.loader
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the tool leaves the file to the collector
        return module.load(shared / "line-openapi" / file), module.errors


def spec_errors(shared: Path, file: str, schema: str, body: Any) -> list[str]:
    """Return what LINE's published schema finds wrong in a body."""
    load, errors = _schemas(shared, file)
    return list(errors(load(schema), body))


def text(words: str) -> dict[str, Any]:
    """Return a text message."""
    return {"type": "text", "text": words}
