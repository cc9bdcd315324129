"""A city whose desk runs in processes of its own, with a simulated LINE in ours; shared by the tests of processes.

The rule: the desk is touched only as the world touches it: environment, command line, HTTP, LINE, signals, SQL.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sqlite3
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Self

import asyncpg
import httpx

from bot import city, library
from bot.clock import Clock
from bot.simulator.app import create_app
from bot.simulator.outgoing import Event
from bot.simulator.people import Resident as Phone
from bot.simulator.platform import Platform
from bot.store import Store
from handoff.staff import Passwords, add_staff, make_password
from tests.conftest import free_port
from tests.simulator_stand_in import served

ROOT = Path(__file__).parents[1]
PATIENCE = 60.0  # seconds; only a broken desk waits that long
START = 150.0  # seconds; beside a whole test run two cores start a process slowly
TOGETHER = 20  # events that are under way at once
CANARY = "カナリアは夜に鳴く"  # in everything that residents and staff write; in no log line
SECRETS = {
    "SECRET_KEY": "canary-secret-key-that-is-long-enough-0123456789",
    "LINE_CHANNEL_SECRET": "canary0channel0secret00000000000",
    "LINE_CHANNEL_ACCESS_TOKEN": "canary-access-token",
}
DESTINATION = "U" + "c" * 32


async def until(holds: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """Wait until something holds, and return it; `holds` may be a coroutine function."""
    try:
        async with asyncio.timeout(patience):
            while True:
                found = holds()
                if asyncio.iscoroutine(found):
                    found = await found
                if found:
                    return found
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"in vain: {what}") from None


@dataclass
class Process:
    """Hold one `madoguchi serve`."""

    role: str
    port: int
    log: Path
    popen: asyncio.subprocess.Process

    @property
    def alive(self) -> bool:
        return self.popen.returncode is None

    async def ended(self, within: float) -> int | None:
        """Return its exit code; None when it has not ended in time."""
        with suppress(TimeoutError):
            return await asyncio.wait_for(self.popen.wait(), within)
        return None

    async def kill(self) -> None:
        """End it as a power cut does."""
        self.popen.kill()
        await self.popen.wait()


class Stream:
    """Read the console's server-sent events; `told` are their names and data in order."""

    def __init__(self, browser: httpx.AsyncClient, after: int) -> None:
        self.told: list[tuple[str, str]] = []
        self._browser = browser
        self._after = after
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._read())
        await until(lambda: self.told, "the first beat")
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _read(self) -> None:
        name = ""
        with suppress(httpx.RemoteProtocolError, httpx.ReadError):  # the process went away
            async with self._browser.stream("GET", f"/console/live?after={self._after}", timeout=None) as answer:
                assert answer.status_code == 200
                async for line in answer.aiter_lines():
                    key, _, value = line.partition(": ")
                    if key == "event":
                        name = value
                    elif key == "data":
                        self.told.append((name, value))

    @property
    def open(self) -> bool:
        assert self._task is not None
        return not self._task.done()

    @property
    def changes(self) -> list[dict[str, Any]]:
        """Return what changed, in order."""
        return [change for name, data in self.told if name == "change" for change in json.loads(data)]

    def beats(self, since: int = 0) -> int:
        """Return how many beats were told: each is also a look at the table that needed no wake-up."""
        return sum(name == "beat" for name, _ in self.told[since:])

    async def tells(self, kind: str, after: int = 0) -> dict[str, Any]:
        """Wait for a change of this kind behind the first `after` changes."""
        found = await until(lambda: next((c for c in self.changes[after:] if c["kind"] == kind), None), kind)
        return dict(found)


@dataclass
class Town:
    """Hold a city: its database, its processes, its LINE."""

    database_url: str
    folder: Path
    platform: Platform
    environment: dict[str, str]
    base: str
    processes: dict[str, Process] = field(default_factory=dict)
    logs: list[Path] = field(default_factory=list)
    password: str = ""
    _names: Any = field(default_factory=lambda: count(1))

    # the command line and the processes -------------------------------------------------------------------------

    async def command(self, *arguments: str) -> str:
        """Run `madoguchi …` and return what it printed; it must end with 0."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot.cli", *arguments, cwd=ROOT, env=self.environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        told, _ = await process.communicate()
        assert process.returncode == 0, told.decode()
        return told.decode()

    async def start(self, *roles: str) -> None:
        """Start the processes of these roles that do not run, and wait until they can work."""
        for role in roles:
            if role in self.processes and self.processes[role].alive:
                continue
            port = int(self.base.rpartition(":")[2]) if role != "worker" else free_port()
            log = self.folder / f"{role}-{len(self.logs)}.log"
            self.logs.append(log)
            with log.open("wb") as out:
                popen = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "bot.cli", "serve", "--host", "127.0.0.1", "--port", str(port),
                    "--role", role, cwd=ROOT, env=self.environment, stdout=out, stderr=out,
                )  # fmt: skip
            self.processes[role] = Process(role, port, log, popen)
        await asyncio.gather(*(self._ready(self.processes[role]) for role in roles))

    async def _ready(self, process: Process) -> None:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{process.port}", trust_env=False) as outsider:

            async def holds() -> bool:
                assert process.alive, process.log.read_text()
                try:
                    return (await outsider.get("/readyz")).status_code == 200
                except httpx.TransportError:
                    return False

            await until(holds, f"{process.role} being ready", START)

    async def end(self) -> None:
        """End what still runs."""
        for process in self.processes.values():
            if process.alive:
                await process.kill()

    # what is kept ------------------------------------------------------------------------------------------------

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the database."""
        if self.database_url.startswith("sqlite"):
            path = self.database_url.removeprefix("sqlite:///")
            connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
            try:
                return connection.execute(statement).fetchall()
            finally:
                connection.close()
        asked = await asyncpg.connect(self.database_url)
        try:
            return [tuple(row) for row in await asked.fetch(statement)]
        finally:
            await asked.close()

    async def outcomes(self, events: Iterable[Event]) -> dict[str, tuple[str, list[str]]]:
        """Return per event what became of it and of each of its answers, of those that are kept at all."""
        wanted = {event.id for event in events}
        kept = {event_id: (outcome, []) for event_id, outcome in await self.rows("SELECT event_id, outcome FROM inbox")}
        answers = await self.rows("SELECT i.event_id, o.state FROM outbox o JOIN inbox i ON i.id = o.inbox_id")
        for event_id, state in answers:
            kept[event_id][1].append(state)
        return {event_id: found for event_id, found in kept.items() if event_id in wanted}

    async def all_done(self, events: list[Event]) -> dict[str, tuple[str, list[str]]]:
        """Wait until every event is done and every answer has an end; return `outcomes`."""

        async def holds() -> Any:
            found = await self.outcomes(events)
            done = all(outcome and "pending" not in states for outcome, states in found.values())
            return found if done and len(found) == len(events) else None

        return dict(await until(holds, "all events being worked through"))

    async def journal_uids(self) -> list[uuid.UUID]:
        """Return the uid of every journal row, as often as it stands there."""
        return [uuid.UUID(str(uid)) for (uid,) in await self.rows("SELECT uid FROM journal")]

    async def expected_uids(self, events: list[Event]) -> set[uuid.UUID]:
        """Return the uids under which these events must stand in the journal."""
        wanted = {event.id for event in events}
        kept = await self.rows("SELECT event_id, id FROM inbox")
        return {uuid.uuid5(uuid.UUID(str(id)), "journal") for event_id, id in kept if event_id in wanted}

    # residents ---------------------------------------------------------------------------------------------------

    def somebody(self) -> Phone:
        """Give a phone that nobody has used."""
        return self.platform.add_resident(f"住民{next(self._names)}{CANARY}")

    async def says(self, phone: Phone, text: str, words: str = "", *, plain: bool = False) -> str:
        """Let a resident write (the canary too, unless `plain`) and return the answer, which must hold these words."""
        before = len(phone.heard)
        await self.platform.write(phone, text if plain else f"{text} {CANARY}")

        def holds() -> str:
            said = "\n".join(bubble.text for bubble in phone.heard[before:])
            return said if said and words in said else ""

        return str(await until(holds, f"{words!r} on the phone"))

    def sent_to(self, event: Event, phone: Phone) -> int:
        """Return how many requests for this resident LINE accepted since the event, by its token or by push."""
        return sum(
            sent.body.get("replyToken") == event.reply_token or sent.body.get("to") == phone.id
            for sent in self.platform.sent
        )

    # staff -------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def browser(self) -> AsyncIterator[httpx.AsyncClient]:
        """Give a browser on our own pages, without cookies."""
        headers = {"origin": self.base, "sec-fetch-site": "same-origin"}
        async with httpx.AsyncClient(base_url=self.base, headers=headers, trust_env=False, timeout=PATIENCE) as found:
            yield found

    @asynccontextmanager
    async def staff(self) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
        """Give a browser that さくら is signed in with, and its CSRF token."""
        async with self.browser() as browser:
            answer = await browser.post("/console/sign-in", data={"login": "sakura", "password": self.password})
            assert answer.status_code == 303, answer.text
            found = re.search(r'name="csrf" value="([^"]+)"', (await browser.get("/console/")).text)
            assert found
            yield browser, found.group(1)

    async def cursor(self) -> int:
        """Return the number of the newest event."""
        return int((await self.rows("SELECT coalesce(max(id), 0) FROM event"))[0][0])

    # what nobody may read ----------------------------------------------------------------------------------------

    def logged(self) -> list[dict[str, Any]]:
        """Return every log line of every process, each checked for words, names, ids and secrets."""
        hidden = {CANARY, json.dumps(CANARY).strip('"'), self.password, "死にたい", *SECRETS.values()}
        hidden |= {one for phone in self.platform.residents.values() for one in (phone.id, phone.name)}
        hidden |= {event.reply_token for event in self.platform.events} - {""}
        told = []
        for log in self.logs:
            for line in log.read_text("utf-8").splitlines():
                assert not [one for one in hidden if one in line], f"{log.name} tells what it must not"
                told.append(json.loads(line))
        return told


async def prepared_by_commands(town: Town) -> None:
    """Migrate, store the city's settings and make an account, as an engineer does."""
    await town.command("migrate")
    settings = ROOT / "bot" / "content" / "sample_city" / "city.yaml"
    add = ("staff", "add", "sakura", "--work-name", "さくら", "--role", "specialist", "--generate")
    _, told = await asyncio.gather(town.command("city", "set", str(settings)), town.command(*add))
    town.password = told.split()[-1]


async def prepared_here(town: Town) -> None:
    """Do the same without the command line, for tests where it is not the point."""
    store, at, town.password = Store(town.database_url, SECRETS["SECRET_KEY"]), datetime.now(UTC), make_password()
    await store.migrate()
    await store.open()
    try:
        document = library.sample_city()[0]["city"]
        await store.write(lambda session: city.save(session, document, at, "test"))
        await add_staff(
            store, Passwords(), login="sakura", work_name="さくら", role="specialist", password=town.password, at=at
        )
    finally:
        await store.close()


@asynccontextmanager
async def town(
    database_url: str, folder: Path, *, prepare: Callable[[Town], Awaitable[None]] = prepared_by_commands
) -> AsyncIterator[Town]:
    """Give a prepared city and its LINE; its processes are ended in the end."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    platform = Platform(
        channel_secret=SECRETS["LINE_CHANNEL_SECRET"],
        access_token=SECRETS["LINE_CHANNEL_ACCESS_TOKEN"],
        destination=DESTINATION,
        webhook_url=f"{base}/line/webhook",
        clock=Clock(),
        redelivery=True,
        redelivery_delays=(0.3,) * 40,
        deadline=5.0,  # two busy cores; LINE's own limit is a matter of benchmarks
    )
    async with served(create_app(platform)) as line:
        given = {
            **SECRETS,
            "DATABASE_URL": database_url,
            "LINE_API_BASE": f"{line}/simulator",
            "LINE_DESTINATION": DESTINATION,
            "BASE_URL": base,
        }
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MADOGUCHI_")}
        environment |= {f"MADOGUCHI_{name}": value for name, value in given.items()} | {"NO_PROXY": "127.0.0.1"}
        found = Town(database_url, folder, platform, environment, base)
        await prepare(found)
        try:
            yield found
        finally:
            await found.end()
            await platform.close()


def now() -> float:
    """Return a clock that only goes forward, in seconds."""
    return time.monotonic()
