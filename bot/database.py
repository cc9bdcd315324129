"""The two databases behind the store: SQLite with one writer thread, PostgreSQL by asyncpg; and their migrations.

The rule: both keep the promises of `Database` in the same way. A unit's wake-ups (`session.info["wake"]`) are rung
after its commit and never after a rollback. Reasons and measurements: facts/reliability.md 0, A and B.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar, cast

import asyncpg
import structlog
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, MetaData, create_engine, event, select, text
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from bot.errors import SettingsError
from bot.models import Base, Key, KeyBase
from bot.vault import Vault

T = TypeVar("T")
Unit = Callable[[Session], T]
Ring = Callable[[Iterable[str]], None]  # called in the event loop only

GROUP: Final = 64  # units of work that may share one commit
MIGRATIONS: Final = Path(__file__).parent / "migrations"

#: What a waiting loop listens to. A wake-up carries no data; a slow poll is the safety net.
CHANNELS: Final = ("inbox", "outbox", "event", "job", "watched", "translation")

log = structlog.get_logger("database")


class Database(Protocol):
    """Run units of work in transactions."""

    async def open(self) -> None:
        """Connect."""

    async def close(self) -> None:
        """Finish what is being written, then disconnect."""

    async def write(self, unit: Unit[T], group: bool) -> T:
        """Run the unit in one transaction; with `group` it may share its commit with others."""

    async def read(self, unit: Unit[T]) -> T:
        """Run the unit where nothing can be written."""

    async def write_keys(self, unit: Unit[T]) -> T:
        """Run the unit where the keys are kept, in a transaction of its own."""

    async def migrate(self, revision: str) -> None:
        """Bring both schemas to `revision`."""


def database(url: URL, vault: Vault, ring: Ring) -> Database:
    """Return the database for a URL; raise SettingsError for one that we do not know."""
    match url.get_backend_name():
        case "sqlite":
            return Sqlite(url, vault, ring)
        case "postgresql":
            return Postgres(url, vault, ring)
        case _:
            raise SettingsError("MADOGUCHI_DATABASE_URL must begin with sqlite:/// or postgresql://")


def head() -> str | None:
    """Return the revision of the main schema that this code was written for."""
    return ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS / "main")]).get_current_head()


def _outer(revision: str) -> str:
    """Return where the keys' schema goes when the main one goes to `revision`: it has numbers of its own."""
    return revision if revision == "base" else "head"


def _alembic(connection: Connection, metadata: MetaData, folder: str, schema: str | None, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("version_locations", str(MIGRATIONS / folder))
    config.set_main_option("path_separator", "os")
    config.attributes.update(connection=connection, metadata=metadata, schema=schema)
    if revision == "base":
        command.downgrade(config, "base")
    else:
        command.upgrade(config, revision)


class Sqlite:
    """The embedded backend: one writer thread with group commit, a few read-only connections."""

    def __init__(self, url: URL, vault: Vault, ring: Ring) -> None:
        self.vault = vault
        self.ring = ring
        if not url.database or url.database == ":memory:":
            raise SettingsError("the embedded database needs a file: sqlite:///var/madoguchi.db")
        self.path = Path(url.database)
        self.keys_path = self.path.with_name(self.path.stem + ".keys" + self.path.suffix)
        self._queue: queue.SimpleQueue[tuple[Unit[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._readers: ThreadPoolExecutor | None = None
        self._keys_writer: ThreadPoolExecutor | None = None
        self._engines: list[Engine] = []

    def _engine(self, path: Path, *, read_only: bool = False) -> Engine:
        engine = create_engine(
            f"sqlite:///{path}",
            connect_args={"check_same_thread": False},
            execution_options={"schema_translate_map": {"keys": None}},  # the keys are a file of their own here
        )

        @event.listens_for(engine, "connect")
        def _on_connect(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # we write BEGIN ourselves (facts/reliability.md 0.2)
            for pragma in (
                "journal_mode=WAL",
                "synchronous=FULL",
                "busy_timeout=15000",
                "foreign_keys=ON",
                "secure_delete=ON",
                "recursive_triggers=ON",
                "trusted_schema=OFF",
                *(("query_only=ON",) if read_only else ()),
            ):
                connection.execute(f"PRAGMA {pragma}")

        @event.listens_for(engine, "begin")
        def _on_begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

        self._engines.append(engine)
        return engine

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._write_engine = self._engine(self.path)
        self._read_engine = self._engine(self.path, read_only=True)
        self._key_engine = self._engine(self.keys_path)
        self._keys_writer = ThreadPoolExecutor(1, "keys")
        self._readers = ThreadPoolExecutor(4, "reader")
        self.vault.fetch = self._fetch_key
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        if self._thread is not None:
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None
        for pool in (self._readers, self._keys_writer):
            if pool is not None:
                pool.shutdown(wait=True)
        for engine in self._engines:
            engine.dispose()
        self._engines.clear()

    def _fetch_key(self, _session: Session, owner: str) -> bytes | None:
        with self._key_engine.connect() as connection:
            return connection.execute(select(Key.wrapped).where(Key.owner == owner)).scalar_one_or_none()

    async def write(self, unit: Unit[T], group: bool) -> T:  # here everything shares its commit
        future: Future[T] = Future()
        context = copy_context()  # what is worded in it is worded for who asks
        self._queue.put((lambda session: context.run(unit, session), future))
        return await asyncio.wrap_future(future)

    async def read(self, unit: Unit[T]) -> T:
        def run() -> T:
            with Session(self._read_engine, info={"vault": self.vault}) as session:
                return unit(session)

        assert self._readers is not None
        return await asyncio.get_running_loop().run_in_executor(self._readers, copy_context().run, run)

    async def write_keys(self, unit: Unit[T]) -> T:
        def run() -> T:
            with Session(self._key_engine) as session, session.begin():
                return unit(session)

        assert self._keys_writer is not None
        return await asyncio.get_running_loop().run_in_executor(self._keys_writer, run)

    async def migrate(self, revision: str) -> None:
        def run() -> None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            for path, metadata, folder in (
                (self.keys_path, KeyBase.metadata, "keys"),
                (self.path, Base.metadata, "main"),
            ):
                engine = self._engine(path)
                with engine.begin() as connection:
                    _alembic(connection, metadata, folder, None, revision if folder == "main" else _outer(revision))
                engine.dispose()
                self._engines.remove(engine)

        await asyncio.to_thread(run)

    def _run(self) -> None:
        connection = self._write_engine.connect()
        running = True
        while running:
            batch: list[tuple[Unit[Any], Future[Any]]] = []
            item = self._queue.get()
            while item is not None and len(batch) < GROUP:
                batch.append(item)
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
            else:
                if item is None:
                    running = False
                else:
                    self._queue.put(item)
            batch = [(unit, future) for unit, future in batch if future.set_running_or_notify_cancel()]
            if batch:
                self._commit(connection, batch)
        connection.close()

    def _commit(self, connection: Connection, batch: list[tuple[Unit[Any], Future[Any]]]) -> None:
        done: list[tuple[Future[Any], Any]] = []
        failed: list[tuple[Future[Any], BaseException]] = []
        woken: set[str] = set()
        try:
            with connection.begin():
                for unit, future in batch:
                    info: dict[str, Any] = {"vault": self.vault}
                    try:
                        with Session(connection, info=info, join_transaction_mode="create_savepoint") as session:
                            value = unit(session)
                            session.commit()  # releases this unit's savepoint; the group commits below
                            woken |= session.info.get("wake", set())
                    except Exception as error:
                        failed.append((future, error))
                    else:
                        done.append((future, value))
        except Exception as lost:  # BEGIN or COMMIT failed: nobody's work was kept
            for _unit, future in batch:
                future.set_exception(lost)
            return
        for future, reason in failed:
            future.set_exception(reason)
        for future, value in done:
            future.set_result(value)
        if woken and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.ring, woken)


class Postgres:
    """The backend for more than one process: asyncpg, LISTEN/NOTIFY as wake-up only."""

    def __init__(self, url: URL, vault: Vault, ring: Ring) -> None:
        self.url = url.set(drivername="postgresql+asyncpg")
        self.vault = vault
        self.ring = ring
        self._engine: AsyncEngine | None = None
        self._listener: asyncio.Task[None] | None = None
        self._waiting: list[tuple[Unit[Any], asyncio.Future[Any]]] = []
        self._grouper: asyncio.Task[None] | None = None

    def _make(self) -> AsyncEngine:
        engine = create_async_engine(
            self.url,
            pool_size=20,  # kept: a connection made for one burst and thrown away costs more than the burst
            max_overflow=0,
            connect_args={
                "timeout": 5,
                "server_settings": {
                    "statement_timeout": "10000",  # milliseconds
                    "lock_timeout": "5000",
                    "idle_in_transaction_session_timeout": "15000",
                },
            },
        )

        @event.listens_for(engine.sync_engine, "checkout")
        def _on_checkout(connection: Any, _record: Any, _proxy: Any) -> None:
            if connection.driver_connection.is_closed():  # the server went away meanwhile; asyncpg knows without asking
                raise DisconnectionError

        return engine

    async def open(self) -> None:
        self._engine = self._make()
        self.vault.fetch = _fetch_key_here
        self._listening = asyncio.Event()
        self._listener = asyncio.create_task(self._listen())
        await asyncio.wait_for(self._listening.wait(), 10)

    async def close(self) -> None:
        for task in (self._listener, self._grouper):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        if self._engine is not None:
            await self._engine.dispose()

    async def _transact(self, units: list[Unit[Any]], *, nested: bool) -> list[Any]:
        assert self._engine is not None
        info: dict[str, Any] = {"vault": self.vault}
        results: list[Any] = []

        def run(session: Session) -> None:
            session.info.update(info)
            for unit in units:
                session.info.pop("now", None)
                if nested:
                    try:
                        with session.begin_nested():
                            results.append(unit(session))
                    except Exception as error:
                        results.append(error)
                else:
                    results.append(unit(session))
            for channel in sorted(session.info.get("wake", ())):
                session.execute(text("SELECT pg_notify('madoguchi', :channel)"), {"channel": channel})

        async with AsyncSession(self._engine, expire_on_commit=False) as session, session.begin():
            await session.run_sync(run)
        return results

    async def write(self, unit: Unit[T], group: bool) -> T:
        if not group:
            return cast(T, (await self._transact([unit], nested=False))[0])
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((unit, future))
        if self._grouper is None or self._grouper.done():
            self._grouper = asyncio.create_task(self._group())
        return await future

    async def _group(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
            try:
                results = await self._transact([unit for unit, _ in batch], nested=True)
            except BaseException as failure:
                results = [failure] * len(batch)
            for (_, future), outcome in zip(batch, results, strict=True):
                if future.done():
                    continue
                if isinstance(outcome, BaseException):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)

    async def read(self, unit: Unit[T]) -> T:
        assert self._engine is not None

        def run(session: Session) -> T:
            session.info["vault"] = self.vault
            session.execute(text("SET TRANSACTION READ ONLY"))
            return unit(session)

        async with AsyncSession(self._engine, expire_on_commit=False) as session, session.begin():
            return await session.run_sync(run)

    async def write_keys(self, unit: Unit[T]) -> T:
        return cast(T, (await self._transact([unit], nested=False))[0])

    async def migrate(self, revision: str) -> None:
        engine = self._make()
        async with engine.begin() as connection:
            await connection.execute(text("CREATE SCHEMA IF NOT EXISTS keys"))
            await connection.run_sync(_alembic, KeyBase.metadata, "keys", "keys", _outer(revision))
        async with engine.begin() as connection:
            await connection.run_sync(_alembic, Base.metadata, "main", None, revision)
        await engine.dispose()

    async def _listen(self) -> None:
        dsn = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        pause = 0.2
        while True:
            lost, connection = asyncio.Event(), None
            try:
                connection = await asyncpg.connect(dsn, timeout=5)
                connection.add_termination_listener(lambda *_, lost=lost: lost.set())
                await connection.add_listener("madoguchi", lambda *args: self.ring([args[3]]))
                self._listening.set()
                self.ring(CHANNELS)  # whatever was missed while away
                pause = 0.2
                await lost.wait()
            except Exception as error:  # whatever it was: a process that hears no bell has only the slow polls left
                log.warning("listener_failed", error=type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
            finally:
                if connection is not None:
                    with suppress(Exception):
                        await connection.close(timeout=1)


def _fetch_key_here(session: Session, owner: str) -> bytes | None:
    return session.execute(select(Key.wrapped).where(Key.owner == owner)).scalar_one_or_none()
