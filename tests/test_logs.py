"""What a resident wrote, and what opens our doors, stands in no log line, whatever goes wrong."""

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
import structlog
import uvicorn
from sqlalchemy import text as sql
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot import logs, web
from bot.inbox import Intake
from bot.line.client import LineClient
from bot.line.webhook import signature
from bot.store import Store
from tests.conftest import SECRET_KEY, free_port
from tests.pipeline import BOT, Desks, Echo, body, text, user

CANARY = "カナリアは夜に鳴く"
TOKEN = "canary-access-token"
CHANNEL_SECRET = "canary-channel-secret"
REPLY_TOKEN = "canary-reply-token"
SECRETS = (CANARY, TOKEN, CHANNEL_SECRET, REPLY_TOKEN, SECRET_KEY, user(), json.dumps(CANARY).strip('"'))


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Send every log to memory, at the most talkative level, and put all back afterwards."""
    root, kept = logging.getLogger(), {}
    for name in ("", "uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        kept[name] = (logger.handlers, logger.level, logger.propagate, logger.disabled)
    stream = io.StringIO()
    logs.set_up("DEBUG", stream)
    yield stream
    structlog.reset_defaults()
    for name, (handlers, level, propagate, disabled) in kept.items():
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate, logger.disabled = handlers, propagate, disabled
        logger.setLevel(level)
    assert root.handlers is kept[""][0]


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Return the log lines, each of which must be one JSON object."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture
async def line_url() -> AsyncIterator[str]:
    """Give a LINE that quotes what it was sent in its refusals."""
    from aiohttp import web as http
    from aiohttp.test_utils import TestServer

    async def quote(request: http.Request) -> http.Response:
        sent = await request.text()
        return http.json_response({"message": f"refused {sent} {request.headers.get('authorization')}"}, status=400)

    app = http.Application()
    app.router.add_route("*", "/{path:.*}", quote)
    server = TestServer(app)
    await server.start_server()
    yield str(server.make_url(""))
    await server.close()


async def test_a_whole_run_with_failures_logs_no_words_and_no_secrets(
    store: Store, written: io.StringIO, line_url: str
) -> None:
    """Intake, understanding, deciding, sending, the database and the web server fail on a canary, and none sings."""
    desks = Desks(store, mind=Echo())
    line = LineClient(line_url, TOKEN)
    await line.open()

    async def crash(_request: Request) -> Response:
        await store.write(lambda s: s.execute(sql("SELECT :words FROM nowhere"), {"words": CANARY}) and None)
        return Response()

    doors = web.Doors(store, Intake(store), desks.clock, lambda: (CHANNEL_SECRET,), lambda: BOT, _broken_scan, line)
    app = Starlette(routes=[*web.routes(doors), Route("/crash", crash)])
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
        await asyncio.sleep(0.01)
    async with aiohttp.ClientSession() as session:
        for words in (CANARY, f"poison {CANARY}", f"emergency {CANARY}"):
            raw = body(text(words, replyToken=REPLY_TOKEN))
            headers = {"x-line-signature": signature(raw, CHANNEL_SECRET)}
            async with session.post(f"http://127.0.0.1:{port}/line/webhook", data=raw, headers=headers) as answer:
                assert answer.status == 200
        async with session.get(f"http://127.0.0.1:{port}/crash?words={CANARY}") as answer:
            assert answer.status == 500
            assert "Traceback" not in await answer.text()
    server.should_exit = True
    await serving

    await desks.worker(max_attempts=1).drain()
    desks.mind.broken_hearing = desks.mind.broken_aid = True
    raw_text = text(CANARY, replyToken=REPLY_TOKEN)
    await Intake(store).keep(list(_events(raw_text)), desks.clock.now())
    await desks.worker(max_attempts=1).drain()
    sender = desks.sender()
    sender.sender = line
    await sender.drain()
    logging.getLogger("somebody.else").error(f"quoting {CANARY}")
    logging.getLogger("somebody.else").error("quoting %s", CANARY)
    structlog.get_logger("x").info("known", words=CANARY, count=1)
    await line.close()

    found = written.getvalue()
    for secret in SECRETS:
        assert secret not in found
    told = lines(written)
    assert {"webhook", "turn_failed", "scan_failed", "first_aid_failed", "sent", "known"} <= {
        str(one.get("event")) for one in told
    }
    failed = next(one for one in told if one["event"] == "turn_failed")
    assert failed["error"] == "RuntimeError"
    assert any(frame.startswith("pipeline.py:") for frame in failed["frames"])
    assert set().union(*told) <= logs.ALLOWED
    assert any("ASGI" in str(one.get("event")) and one.get("frames") for one in told)


def _broken_scan(words: str) -> None:
    raise RuntimeError(words)


def _events(*raw: dict[str, Any]) -> Any:
    from bot.line.webhook import read

    return read(body(*raw)).events


def test_line_breaks_cannot_forge_a_line(written: io.StringIO) -> None:
    """What comes from outside stays inside its own line."""
    structlog.get_logger("x").info("a\nb", kind='c\r\n{"event": "forged"}')
    assert [one["event"] for one in lines(written)] == ["a b"]
