"""Measure the webhook: acknowledgement times and answers a second, with an echoing mind and a LINE that takes 20 ms.

The rule: figures, never a pass or fail. The whole desk (web, worker, outbox) runs in one process of its own, the load
and the LINE stand-in in this one, as in facts/performance.md.
Run: python benchmarks/webhook.py [sqlite|postgresql]… ; PostgreSQL is found as the tests find it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import aiohttp
import asyncpg
from aiohttp import web

from bot.line.webhook import signature
from bot.store import Store
from tests.conftest import SECRET_KEY, free_port, postgres_server
from tests.pipeline import SECRET, body, text

SCENES = ((50, 10), (200, 10), (500, 6), (0, 3000))  # (events a second, seconds); 0 = this many events, 96 at a time
RESIDENTS = 400


class Line:
    """Take 20 ms for every call and remember when each answer came."""

    def __init__(self) -> None:
        self.arrived: dict[str, float] = {}
        self.order: list[str] = []

    async def take(self, request: web.Request) -> web.Response:
        sent = await request.json()
        await asyncio.sleep(0.02)
        words = sent["messages"][0]["text"].removeprefix("echo ")
        self.arrived.setdefault(words, time.perf_counter())
        self.order.append(words)
        return web.json_response({"sentMessages": []})

    async def other(self, _request: web.Request) -> web.Response:
        return web.json_response({"userId": "U", "displayName": "d", "language": "ja", "type": "none", "totalUsage": 0})


def percentile(values: list[float], share: float) -> float:
    """Return a percentile in milliseconds."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)] * 1000 if values else float("nan")


class Load:
    """Send signed events and keep when each was sent and acknowledged."""

    def __init__(self, url: str, session: aiohttp.ClientSession, scene: str) -> None:
        self.url = url
        self.session = session
        self.scene = scene
        self.sent: dict[str, float] = {}
        self.acks: list[float] = []
        self.refused = 0

    async def one(self, n: int) -> None:
        words = f"{self.scene}-{n}"
        raw = body(text(words, who=n % RESIDENTS, at_ms=int(time.time() * 1000)))
        began = self.sent[words] = time.perf_counter()
        headers = {"x-line-signature": signature(raw, SECRET)}
        for _attempt in range(3):
            try:
                async with self.session.post(self.url, data=raw, headers=headers) as answer:
                    await answer.read()
                    self.refused += answer.status != 200
                    break
            except aiohttp.ClientOSError:  # an idle connection was closed under us; LINE would deliver again, too
                self.refused += 1
        self.acks.append(time.perf_counter() - began)

    async def at_rate(self, rate: int, seconds: int) -> None:
        began, tasks = time.perf_counter(), []
        for n in range(rate * seconds):
            await asyncio.sleep(max(began + n / rate - time.perf_counter(), 0))
            tasks.append(asyncio.create_task(self.one(n)))
        await asyncio.gather(*tasks)

    async def together(self, count: int, width: int = 96) -> None:
        numbers = iter(range(count))

        async def pull() -> None:
            for n in numbers:
                await self.one(n)

        await asyncio.gather(*(pull() for _ in range(width)))


async def measure(name: str, database_url: str) -> None:
    """Start a desk on the database and play every scene."""
    store = Store(database_url, SECRET_KEY)
    await store.migrate()
    line, app = Line(), web.Application()
    app.add_routes([web.post("/v2/bot/message/{way}", line.take), web.route("*", "/{rest:.*}", line.other)])
    runner = web.AppRunner(app)
    await runner.setup()
    line_port, port = free_port(), free_port()
    await web.TCPSite(runner, "127.0.0.1", line_port).start()
    command = [sys.executable, "-m", "benchmarks.desk", database_url, f"http://127.0.0.1:{line_port}", str(port)]
    desk = await asyncio.create_subprocess_exec(*command, cwd=Path(__file__).parents[1])
    url = f"http://127.0.0.1:{port}"
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            await ready(session, url)
            warm = Load(f"{url}/line/webhook", session, "warm")
            await warm.together(RESIDENTS)
            await answered(line, warm)
            for rate, amount in SCENES:
                load = Load(f"{url}/line/webhook", session, f"{rate or 'all'}")
                cpu, began = cpu_seconds(desk.pid), time.perf_counter()
                await (load.at_rate(rate, amount) if rate else load.together(amount))
                acknowledged = time.perf_counter()
                await answered(line, load)
                ended = time.perf_counter()
                cpu = cpu_seconds(desk.pid) - cpu
                report(name, rate, load, line, acknowledged - began, ended - began, cpu)
    finally:
        desk.terminate()
        await desk.wait()
        await runner.cleanup()


async def ready(session: aiohttp.ClientSession, url: str) -> None:
    """Wait until the desk answers."""
    while True:
        try:
            async with session.get(f"{url}/readyz") as answer:
                if answer.status == 200:
                    return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(0.1)


async def answered(line: Line, load: Load) -> None:
    """Wait until every event of the scene was answered, two minutes at most."""
    end = time.perf_counter() + 120
    while time.perf_counter() < end and any(words not in line.arrived for words in load.sent):  # noqa: ASYNC110
        await asyncio.sleep(0.05)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of the desk's process (user and system)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def report(name: str, rate: int, load: Load, line: Line, acks: float, whole: float, cpu: float) -> None:
    """Print one line of figures."""
    count = len(load.sent)
    waits = [line.arrived[words] - began for words, began in load.sent.items() if words in line.arrived]
    newest: dict[int, int] = {}
    disordered = 0
    for words in (w for w in line.order if w.startswith(f"{load.scene}-")):
        n = int(words.rpartition("-")[2])
        disordered += newest.get(n % RESIDENTS, -1) > n
        newest[n % RESIDENTS] = n
    print(
        f"{name:<11} {f'{rate}/s' if rate else '96 at a time':<13} {count:>5} events  "
        f"ack p50 {percentile(load.acks, 0.5):6.1f} p99 {percentile(load.acks, 0.99):7.1f} ms  "
        f"answer p50 {percentile(waits, 0.5):7.1f} p99 {percentile(waits, 0.99):8.1f} ms  "
        f"acks/s {count / acks:6.0f} answers/s {len(waits) / whole:6.0f}  cpu {cpu / count * 1000:5.2f} ms/event  "
        f"refused {load.refused} unanswered {count - len(waits)} out of order {disordered}",
        flush=True,
    )


async def postgres(server: str) -> str:
    """Return the URL of an empty database."""
    admin = await asyncpg.connect(f"{server}/postgres")
    await admin.execute("CREATE DATABASE bench")
    await admin.close()
    return f"{server}/bench"


def on_each_database(measure: Callable[[str, str], Coroutine[Any, Any, None]]) -> None:
    """Measure the databases that the command names, both by default."""
    wanted = sys.argv[1:] or ["sqlite", "postgresql"]
    if "sqlite" in wanted:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(measure("sqlite", f"sqlite:///{folder}/desk.db"))
    if "postgresql" in wanted:
        servers: Any = postgres_server.__wrapped__()  # the tests' fixture, used as the generator that it is
        server = next(servers)
        try:
            asyncio.run(measure("postgresql", asyncio.run(postgres(server))))
        finally:
            next(servers, None)


if __name__ == "__main__":
    on_each_database(measure)
