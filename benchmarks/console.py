"""Measure the console: the queue's page beside 10,000 open cases, and how soon fifty open consoles see an emergency.

The rule: figures, never a pass or fail. The console runs in processes of its own (one on SQLite, two on PostgreSQL with
half of the consoles at each), the load in this one. A case is opened in the first of them, as the desk does it; a
console has seen it when it has fetched the changed part, in which the case stands, after the stream told it to.
Run: python -m benchmarks.console [sqlite|postgresql]… ; PostgreSQL is found as the tests find it.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import uvicorn
from sqlalchemy import insert
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.webhook import on_each_database, percentile
from bot import logs
from bot.models import CaseRow, Resident
from bot.store import Store
from handoff.staff import add_staff
from tests.conftest import SECRET_KEY, free_port
from tests.console_world import PASSWORD, VANISH, Plain, a_resident, build, writes

ROOT = Path(__file__).parents[1]
WAITING, OFFERED = 1_000, 9_000
CONSOLES, EMERGENCIES, PAGES = 50, 40, 200
NOW = datetime.now(UTC)


async def serve(database_url: str, port: int) -> None:
    """Serve the console until killed."""
    logs.set_up("ERROR", sys.stderr)
    store = Store(database_url, SECRET_KEY)
    await store.open()
    world = await build(store, f"http://127.0.0.1:{port}", staffed=False)
    world.clock.reset()

    async def emergency(_request: Request) -> JSONResponse:
        who = await a_resident(store)
        case = await writes(store, who, "いま", VANISH, at=datetime.now(UTC) - timedelta(days=30))
        assert case is not None
        return JSONResponse({"case": str(case.id), "at": time.perf_counter()})  # one clock for all processes of Linux

    world.app.router.routes.insert(0, Route("/emergency", emergency, methods=["POST"]))
    server = uvicorn.Server(uvicorn.Config(world.app, port=port, log_config=None, access_log=False, lifespan="off"))
    await server.serve()


def fill(session: Session) -> None:
    """Put the open cases straight into the tables."""
    states = ["waiting"] * WAITING + ["offered"] * OFFERED
    ids = [uuid.uuid4() for _ in states]
    session.execute(
        insert(Resident),
        [{"id": i, "line_hash": i.hex, "line_id_sealed": b"", "first_seen_at": NOW, "language": "ja"} for i in ids],
    )
    session.execute(
        insert(CaseRow),
        [
            {
                "id": uuid.uuid4(), "resident_id": id, "state": state, "severity": ("concern", "urgent")[n % 5 == 0],
                "reason": "signal", "kinds": ["anxiety"], "aspects": [], "opened_at": NOW - timedelta(minutes=n),
                "waiting_since_at": NOW - timedelta(minutes=n), "version": 0,
            }
            for n, (id, state) in enumerate(zip(ids, states, strict=True))
        ],
    )  # fmt: skip


class Console:
    """Follow one console's stream and remember when each case stood on its page."""

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self.base = base
        self.session = session
        self.seen: dict[str, dict[str, float]] = {"/alarms": {}, "/queue": {}}
        self.asks: list[asyncio.Task[None]] = []
        self.following = asyncio.Event()

    async def sign_in(self, login: str) -> None:
        """Sign in as a browser does."""
        origin = {"origin": self.base, "sec-fetch-site": "same-origin"}
        form = {"login": login, "password": PASSWORD}
        async with self.session.post(
            f"{self.base}/sign-in", data=form, headers=origin, allow_redirects=False
        ) as answer:
            assert answer.status == 303, answer.status

    async def get(self, path: str) -> str:
        """Fetch a part."""
        async with self.session.get(self.base + path) as answer:
            return await answer.text()

    async def follow(self) -> None:
        """Read the stream for ever; fetch the changed part when told."""
        timeout = aiohttp.ClientTimeout(total=None)
        async with self.session.get(f"{self.base}/live?after=0", timeout=timeout) as stream:
            async for raw in stream.content:
                line = raw.decode().strip()
                if line.startswith("event: beat"):
                    self.following.set()
                if line.startswith("data: [") and any(one["case"] for one in json.loads(line[6:])):
                    self.asks += [asyncio.create_task(self.look(path)) for path in ("/alarms", "/queue")]

    async def look(self, path: str) -> None:
        """Fetch what a page's scripts fetch when told: the alarm's band, and the changed part of the queue."""
        text, now = await self.get(path), time.perf_counter()
        for id in re.findall(r'(?:data-row="|"id":")([0-9a-f-]{36})', text):
            self.seen[path].setdefault(id, now)


async def measure(name: str, url: str) -> None:
    """Fill a database, start the consoles, and print the figures."""
    store = Store(url, SECRET_KEY)
    await store.migrate()
    await store.open()
    for n in range(CONSOLES):
        login = f"staff{n}"
        await add_staff(store, Plain(), login=login, work_name=login, role="specialist", password=PASSWORD, at=NOW)
    await store.write(fill)
    ports = [free_port() for _ in range(1 if name == "sqlite" else 2)]
    serving = [
        subprocess.Popen([sys.executable, "-m", "benchmarks.console", "--serve", url, str(port)], cwd=ROOT)  # noqa: ASYNC220 - once, before anything is measured
        for port in ports
    ]
    sessions: list[aiohttp.ClientSession] = []
    tasks: list[asyncio.Task[None]] = []
    try:
        consoles = []
        for n in range(CONSOLES):
            jar = aiohttp.CookieJar(unsafe=True)
            sessions.append(aiohttp.ClientSession(cookie_jar=jar))
            consoles.append(Console(f"http://127.0.0.1:{ports[n % len(ports)]}", sessions[-1]))
        await _up(consoles[: len(ports)])
        for n, console in enumerate(consoles):
            await console.sign_in(f"staff{n}")
        taken = []
        for _ in range(PAGES):
            begun = time.perf_counter()
            async with consoles[0].session.get(f"{consoles[0].base}/") as answer:
                await answer.read()
                assert answer.status == 200
            taken.append(time.perf_counter() - begun)
        print(
            f"{name:10} queue page beside {WAITING:,} waiting and {WAITING + OFFERED:,} open: "
            f"p50 {percentile(taken, 0.5):.0f} ms, p95 {percentile(taken, 0.95):.0f} ms (asked: 200)"
        )
        tasks = [asyncio.create_task(console.follow()) for console in consoles]
        await asyncio.gather(*(console.following.wait() for console in consoles))
        await asyncio.sleep(3)  # the first fetch of all fifty
        born: dict[str, float] = {}
        for _ in range(EMERGENCIES):
            async with consoles[0].session.post(f"{consoles[0].base}/emergency") as answer:
                made = await answer.json()
            born[made["case"]] = made["at"]
            await asyncio.sleep(0.75)
        await asyncio.sleep(3)
        await asyncio.gather(*(ask for console in consoles for ask in console.asks))
        for path, part in (("/alarms", "in the alarm's band"), ("/queue", "in the queue")):
            waits = [console.seen[path].get(id, float("inf")) - at for id, at in born.items() for console in consoles]
            print(
                f"{name:10} an emergency on {CONSOLES} open consoles of {len(ports)} process"
                f"{'es'[: 2 * (len(ports) - 1)]}, {part}: p50 {percentile(waits, 0.5):.0f} ms, "
                f"p99 {percentile(waits, 0.99):.0f} ms, at most {max(waits) * 1000:.0f} ms (asked: 1000 at p99)"
            )
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(session.close() for session in sessions))
        for process in serving:
            process.kill()
            process.wait()
        await store.close()


async def _up(consoles: list[Console]) -> None:
    for console in consoles:
        for _ in range(600):
            try:
                async with console.session.get(f"{console.base}/sign-in"):
                    break
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        asyncio.run(serve(sys.argv[2], int(sys.argv[3])))
    else:
        on_each_database(measure)
