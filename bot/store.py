"""Sessions over SQLite or PostgreSQL, units of work, sealing inside them, and what every part enqueues.

The rule: a unit of work is a plain function of a `Session` that never commits. `Store.write` runs it in one
transaction (SQLite: one writer thread, group commit, BEGIN IMMEDIATE; PostgreSQL: asyncpg), `Store.read` on a
read-only connection. No network inside a unit. Reasons and measurements: facts/reliability.md 0, A and B.
"""

from __future__ import annotations

import asyncio
import json
import queue
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    Connection,
    CursorResult,
    Engine,
    Executable,
    Float,
    MetaData,
    Select,
    Table,
    create_engine,
    event,
    extract,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from bot import crypto
from bot.errors import KeyGoneError, SettingsError
from bot.models import Audit, Base, Event, Job, Key, KeyBase, Lane, Outbox, Watched

T = TypeVar("T")
Unit = Callable[[Session], T]

INSTALL: Final = "install"  # owner of what has no resident
GROUP: Final = 64  # units of work that may share one commit
TRIES: Final = 4  # of a unit that loses against another one
AGAIN: Final = frozenset({"40001", "40P01"})  # PostgreSQL: serialization failure, deadlock
MIGRATIONS: Final = Path(__file__).parent / "migrations"
#: One number for the advisory lock that keeps event ids in commit order on PostgreSQL (facts/reliability.md 0.8).
EVENT_LOCK: Final = 0x6D61646F

#: What a waiting loop listens to. A wake-up carries no data; a slow poll is the safety net.
CHANNELS: Final = ("inbox", "outbox", "event", "job", "watched")


def resident_owner(resident_id: uuid.UUID) -> str:
    """Return the key owner of a resident's texts."""
    return f"resident:{resident_id}"


# --- sealing inside a unit of work --------------------------------------------------------------------------------


class Vault:
    """Open and close sealed columns; holds unwrapped keys in memory, never on disk."""

    def __init__(self, secret_key: str) -> None:
        if len(secret_key) < 32:
            raise SettingsError("MADOGUCHI_SECRET_KEY must be at least 32 characters")
        self._kek = crypto.derive(secret_key, "kek")
        self._hash_key = crypto.derive(secret_key, "lookup")
        self._keys: dict[str, bytes] = {}
        self._fetch: Callable[[Session, str], bytes | None] = lambda _session, _owner: None

    def wrap(self, owner: str, key: bytes) -> bytes:
        """Return `key` sealed under the install's key-encryption key."""
        return crypto.seal(self._kek, key, crypto.place("key", "wrapped", owner))

    def remember(self, owner: str, wrapped: bytes) -> None:
        """Unwrap and hold a key; raise SealBrokenError when MADOGUCHI_SECRET_KEY is not the one it was made with."""
        self._keys[owner] = crypto.unseal(self._kek, wrapped, crypto.place("key", "wrapped", owner))

    def forget(self, owner: str) -> None:
        """Drop a destroyed key from memory."""
        self._keys.pop(owner, None)

    def knows(self, owner: str) -> bool:
        """Return whether the owner's key is in memory."""
        return owner in self._keys

    def key(self, session: Session, owner: str) -> bytes:
        """Return the owner's key; raise KeyGoneError when it was destroyed or never made."""
        held = self._keys.get(owner)
        if held is None:
            wrapped = self._fetch(session, owner)
            if wrapped is None:
                raise KeyGoneError(f"no key for {owner.split(':')[0]}")
            self.remember(owner, wrapped)
            held = self._keys[owner]
        return held

    def hash(self, value: str) -> str:
        """Return the keyed hash by which a LINE id or message id is looked up."""
        return crypto.keyed_hash(self._hash_key, value)


def vault(session: Session) -> Vault:
    """Return the vault that the store put into the session."""
    return cast(Vault, session.info["vault"])


def seal(session: Session, owner: str, table: str, column: str, row: uuid.UUID | str, value: str) -> bytes:
    """Return `value` sealed under the owner's key for this place."""
    return crypto.seal(vault(session).key(session, owner), value.encode(), crypto.place(table, column, row))


def unseal(session: Session, owner: str, table: str, column: str, row: uuid.UUID | str, sealed: bytes) -> str:
    """Return the text sealed in this place; raise SealBrokenError or KeyGoneError."""
    return crypto.unseal(vault(session).key(session, owner), sealed, crypto.place(table, column, row)).decode()


# --- prepared statements ---------------------------------------------------------------------------------------------


def run(
    session: Session, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
) -> CursorResult[Any]:
    """Execute a Core statement that was built once, past the ORM: hot paths build nothing per message.

    Building a statement costs several times as much as running it (measured: 14 of 18 ms CPU per event).
    """
    return session.connection().execute(statement, parameters)


# --- the database's clock ------------------------------------------------------------------------------------------


def db_now(session: Session) -> float:
    """Return the database's clock in epoch seconds (PostgreSQL: clock_timestamp; SQLite: the machine, to 1 ms).

    Asked once per unit of work, which lasts milliseconds.
    """
    if "now" not in session.info:
        session.info["now"] = float(run(session, _clock(is_sqlite(session))).scalar_one())
    return cast(float, session.info["now"])


def now_expression(session: Session) -> ColumnElement[float]:
    """Return the same as an expression for a statement, evaluated when the statement runs."""
    return _now(is_sqlite(session))


@cache
def _clock(on_sqlite: bool) -> Select[tuple[float]]:
    return select(_now(on_sqlite))


def _now(on_sqlite: bool) -> ColumnElement[float]:
    if on_sqlite:
        days = func.julianday("now", type_=Float)
        return (days - literal(2440587.5)) * literal(86400.0)
    return cast(ColumnElement[float], sql_cast(extract("epoch", func.clock_timestamp()), Float))


def is_sqlite(session: Session) -> bool:
    """Return whether this session talks to SQLite."""
    return session.get_bind().dialect.name == "sqlite"


def upsert(session: Session, table: Any) -> Any:
    """Return the dialect's INSERT that understands ON CONFLICT."""
    return sqlite.insert(table) if is_sqlite(session) else postgresql.insert(table)


# --- what units of work enqueue --------------------------------------------------------------------------------------


def wake(session: Session, *channels: str) -> None:
    """Ask for the channels to be woken after the commit."""
    session.info.setdefault("wake", set()).update(channels)


def take_seq(session: Session, lane_key: str, run_db: float, *, priority: int = 0) -> int:
    """Return the next number of the lane and make it due no later than `run_db`.

    The row lock on the lane makes numbers follow commit order.
    """
    return take_seqs(session, [(lane_key, 1)], run_db, priority=priority)[lane_key]


def take_seqs(
    session: Session, wanted: Sequence[tuple[str, int]], run_db: float, *, priority: int = 0
) -> dict[str, int]:
    """Return the last of the numbers taken in every lane, for (lane, how many) pairs in the order of their locks."""
    rows = [{"key": key, "next_seq": count, "priority": priority, "run_db": run_db} for key, count in wanted]
    found = run(session, _next_seq(is_sqlite(session)), rows)
    return {row.key: row.next_seq for row in found}


@cache
def _next_seq(on_sqlite: bool) -> Executable:
    lowest, highest = (func.min, func.max) if on_sqlite else (func.least, func.greatest)
    statement = (sqlite if on_sqlite else postgresql).insert(Lane)
    due = statement.excluded.run_db
    counted = statement.on_conflict_do_update(
        index_elements=[Lane.key],
        set_={
            "next_seq": Lane.next_seq + statement.excluded.next_seq,
            "run_db": lowest(func.coalesce(Lane.run_db, due), due),
            "priority": highest(Lane.priority, statement.excluded.priority),
        },
    ).returning(Lane.key, Lane.next_seq)
    return cast(Executable, counted)


def enqueue_outbox(
    session: Session,
    resident_id: uuid.UUID,
    messages: list[dict[str, Any]],
    *,
    origin: str,
    at: datetime,
    case_id: uuid.UUID | None = None,
    inbox_id: uuid.UUID | None = None,
    reply_token: str = "",
    reply_until_db: float = 0.0,
    vital: bool = False,
) -> uuid.UUID:
    """Put one request to LINE (1 to 5 rendered messages) into the resident's outgoing lane and return its id.

    `origin` is desk, staff or notice; a claim withdraws the desk's pending rows. The retry key is stored now.
    """
    row_id = uuid.uuid4()
    owner = resident_owner(resident_id)
    lane_key = f"out:{resident_id}"
    seq = take_seq(session, lane_key, db_now(session), priority=3 if vital else 0)
    token = seal(session, owner, "outbox", "reply_token", row_id, reply_token) if reply_token else None
    values = {
        "id": row_id,
        "lane_key": lane_key,
        "seq": seq,
        "resident_id": resident_id,
        "case_id": case_id,
        "inbox_id": inbox_id,
        "origin": origin,
        "body_sealed": seal(session, owner, "outbox", "body", row_id, json.dumps(messages, ensure_ascii=False)),
        "reply_token_sealed": token,
        "reply_until_db": reply_until_db,
        "retry_key": uuid.uuid5(row_id, "retry"),
        "vital": vital,
        "created_at": at,
    }
    run(session, _NEW_OUTBOX, values)
    wake(session, "outbox")
    return row_id


_NEW_OUTBOX: Final = insert(cast(Table, Outbox.__table__))


def enqueue_job(session: Session, name: str, dedupe_key: str, run_at: datetime, payload: dict[str, Any]) -> bool:
    """Put one job for desk time `run_at`; return False when one with the same `dedupe_key` exists. Ids only."""
    statement = (
        upsert(session, Job)
        .values(id=uuid.uuid4(), name=name, dedupe_key=dedupe_key, run_at=run_at, payload=payload)
        .on_conflict_do_nothing(index_elements=[Job.dedupe_key])
    )
    made = bool(cast(Any, session.execute(statement)).rowcount)
    if made:
        wake(session, "job")
    return made


def append_event(
    session: Session,
    kind: str,
    at: datetime,
    *,
    case_id: uuid.UUID | None = None,
    resident_id: uuid.UUID | None = None,
) -> int:
    """Tell console and rooms what changed (ids only) and return the event's number, in commit order."""
    if not is_sqlite(session):
        run(session, _IN_ORDER, {"n": EVENT_LOCK})
    values = {"kind": kind, "case_id": case_id, "resident_id": resident_id, "at": at}
    number = int(run(session, _NEW_EVENT, values).scalar_one())
    wake(session, "event")
    return number


_IN_ORDER: Final = text("SELECT pg_advisory_xact_lock(:n)")
_NEW_EVENT: Final = insert(cast(Table, Event.__table__)).returning(Event.__table__.c.id)


def append_audit(
    session: Session,
    actor: str,
    action: str,
    at: datetime,
    *,
    case_id: uuid.UUID | None = None,
    resident_id: uuid.UUID | None = None,
    allowed: bool = True,
    reason: str = "",
    detail: dict[str, Any] | None = None,
) -> None:
    """Write down who did what, and whether it was allowed; never a resident's words."""
    session.execute(
        insert(Audit).values(
            at=at,
            actor=actor,
            action=action,
            case_id=case_id,
            resident_id=resident_id,
            allowed=allowed,
            reason=reason[:200],
            detail=detail or {},
        )
    )


def bump(session: Session, name: str, note: str = "") -> int:
    """Raise the version of something that processes hold in memory, so that they load it again."""
    statement = (
        upsert(session, Watched)
        .values(name=name, version=1, note=note)
        .on_conflict_do_update(index_elements=[Watched.name], set_={"version": Watched.version + 1, "note": note})
        .returning(Watched.version)
    )
    wake(session, "watched")
    return int(session.execute(statement).scalar_one())


def watched_version(session: Session, name: str) -> tuple[int, str]:
    """Return version and note of something watched; (0, "") when it was never set."""
    row = session.execute(select(Watched.version, Watched.note).where(Watched.name == name)).one_or_none()
    return (row.version, row.note) if row else (0, "")


# --- the store ------------------------------------------------------------------------------------------------------


class Store:
    """Run units of work on the configured database, and wake the loops that wait for what they wrote."""

    def __init__(self, database_url: str, secret_key: str) -> None:
        self.vault = Vault(secret_key)
        self.url = make_url(database_url)
        self._bells: dict[str, set[asyncio.Event]] = {name: set() for name in CHANNELS}
        self._loop: asyncio.AbstractEventLoop | None = None
        if self.url.get_backend_name() == "sqlite":
            self._backend: _Sqlite | _Postgres = _Sqlite(self)
        elif self.url.get_backend_name() == "postgresql":
            self._backend = _Postgres(self)
        else:
            raise SettingsError("MADOGUCHI_DATABASE_URL must begin with sqlite:/// or postgresql://")

    @property
    def is_sqlite(self) -> bool:
        """Return whether this is the embedded database."""
        return isinstance(self._backend, _Sqlite)

    async def open(self) -> None:
        """Connect, and make sure that the install's own key exists.

        Raise SettingsError when the schema is not the one that this code was written for.
        """
        self._loop = asyncio.get_running_loop()
        await self._backend.open()
        try:
            await self.ensure_keys([INSTALL])
            revision = await self.read(
                lambda session: MigrationContext.configure(session.connection()).get_current_revision()
            )
        except (OperationalError, ProgrammingError) as error:
            await self.close()
            raise SettingsError("the database has no tables yet, or no access: run `madoguchi migrate`") from error
        except BaseException:
            await self.close()
            raise
        if revision != head():
            await self.close()
            raise SettingsError(f"the database's schema is at {revision}, not {head()}: run `madoguchi migrate`")

    async def close(self) -> None:
        """Finish what is being written, then disconnect."""
        await self._backend.close()

    async def write(self, unit: Unit[T], *, group: bool = False) -> T:
        """Run `unit` in one transaction and return its value; it is never cancelled half-way.

        With `group`, units that wait at the same time share one commit on PostgreSQL too (intake). A unit that
        PostgreSQL chose as the victim of a deadlock runs again, so it must have no effect outside its session.
        """
        for attempt in range(1, TRIES + 1):
            try:
                return await asyncio.shield(asyncio.ensure_future(self._backend.write(unit, group)))
            except DBAPIError as error:
                if attempt == TRIES or getattr(error.orig, "sqlstate", "") not in AGAIN:
                    raise
        raise AssertionError("unreachable")

    async def read(self, unit: Unit[T]) -> T:
        """Run `unit` on a read-only connection and return its value."""
        return await self._backend.read(unit)

    async def ensure_keys(self, owners: Iterable[str]) -> None:
        """Make and commit the keys that are missing, before any transaction that seals under them (DESIGN 8)."""
        missing = [owner for owner in dict.fromkeys(owners) if not self.vault.knows(owner)]
        if missing:
            rows = [
                {"owner": o, "wrapped": self.vault.wrap(o, crypto.new_key()), "created_at": datetime.now(UTC)}
                for o in missing
            ]

            def unit(session: Session) -> list[tuple[str, bytes]]:
                statement = upsert(session, Key).values(rows).on_conflict_do_nothing(index_elements=[Key.owner])
                session.execute(statement)
                found = session.execute(select(Key.owner, Key.wrapped).where(Key.owner.in_(missing)))
                return [(row.owner, row.wrapped) for row in found]

            for owner, wrapped in await asyncio.shield(asyncio.ensure_future(self._backend.write_keys(unit))):
                self.vault.remember(owner, wrapped)

    async def read_keys(self, unit: Unit[T]) -> T:
        """Run `unit` where the keys are kept and return its value (sweeps)."""
        return await self._backend.write_keys(unit)

    async def destroy_key(self, owner: str) -> None:
        """Destroy a key: every text sealed under it is gone, in backups of the main database too."""

        def unit(session: Session) -> None:
            session.execute(Key.__table__.delete().where(Key.owner == owner))  # type: ignore[attr-defined]

        await self._backend.write_keys(unit)
        self.vault.forget(owner)

    async def migrate(self, revision: str = "head") -> None:
        """Bring both schemas to `revision` (also `base`); safe to repeat."""
        await self._backend.migrate(revision)

    # waking -----------------------------------------------------------------------------------------------------

    def ring(self, channels: Iterable[str]) -> None:
        """Wake everybody in this process who waits on the channels."""
        for channel in channels:
            for bell in self._bells.get(channel, ()):
                bell.set()

    def ring_from_thread(self, channels: set[str]) -> None:
        """Wake from another thread."""
        if channels and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.ring, channels)

    @asynccontextmanager
    async def listen(self, *channels: str) -> AsyncIterator[asyncio.Event]:
        """Give an Event that is set whenever one of the channels is woken; the listener clears it."""
        bell = asyncio.Event()
        for channel in channels:
            self._bells[channel].add(bell)
        try:
            yield bell
        finally:
            for channel in channels:
                self._bells[channel].discard(bell)


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


class _Sqlite:
    """The embedded backend: one writer thread with group commit, a few read-only connections."""

    def __init__(self, store: Store) -> None:
        self.store = store
        database = store.url.database or ""
        if not database or database == ":memory:":
            raise SettingsError("the embedded database needs a file: sqlite:///var/madoguchi.db")
        self.path = Path(database)
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
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._write_engine = self._engine(self.path)
        self._read_engine = self._engine(self.path, read_only=True)
        self._key_engine = self._engine(self.keys_path)
        self._keys_writer = ThreadPoolExecutor(1, "keys")
        self._readers = ThreadPoolExecutor(4, "reader")
        self.store.vault._fetch = self._fetch_key
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

    async def write(self, unit: Unit[T], _group: bool) -> T:
        future: Future[T] = Future()
        self._queue.put((unit, future))
        return await asyncio.wrap_future(future)

    async def read(self, unit: Unit[T]) -> T:
        def run() -> T:
            with Session(self._read_engine, info={"vault": self.store.vault}) as session:
                return unit(session)

        assert self._readers is not None
        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

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
                    info: dict[str, Any] = {"vault": self.store.vault}
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
        self.store.ring_from_thread(woken)


class _Postgres:
    """The backend for more than one process: asyncpg, LISTEN/NOTIFY as wake-up only."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.url = store.url.set(drivername="postgresql+asyncpg")
        self._engine: AsyncEngine | None = None
        self._listener: asyncio.Task[None] | None = None
        self._waiting: list[tuple[Unit[Any], asyncio.Future[Any]]] = []
        self._grouper: asyncio.Task[None] | None = None

    def _make(self) -> AsyncEngine:
        return create_async_engine(
            self.url,
            pool_size=10,
            max_overflow=10,
            connect_args={
                "timeout": 5,
                "server_settings": {
                    "statement_timeout": "10000",  # milliseconds
                    "lock_timeout": "5000",
                    "idle_in_transaction_session_timeout": "15000",
                },
            },
        )

    async def open(self) -> None:
        self._engine = self._make()
        self.store.vault._fetch = _fetch_key_here
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
        info: dict[str, Any] = {"vault": self.store.vault}
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
            session.info["vault"] = self.store.vault
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
        dsn = self.store.url.set(drivername="postgresql").render_as_string(hide_password=False)
        pause = 0.2
        while True:
            lost = asyncio.Event()
            try:
                connection = await asyncpg.connect(dsn, timeout=5)
            except (OSError, asyncpg.PostgresError, TimeoutError):
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
                continue
            pause = 0.2
            try:
                connection.add_termination_listener(lambda *_, lost=lost: lost.set())
                await connection.add_listener("madoguchi", lambda *args: self.store.ring([args[3]]))
                self._listening.set()
                self.store.ring(CHANNELS)  # whatever was missed while away
                await lost.wait()
            except (OSError, asyncpg.PostgresError):
                continue
            finally:
                with suppress(Exception):
                    await connection.close(timeout=1)


def _fetch_key_here(session: Session, owner: str) -> bytes | None:
    return session.execute(select(Key.wrapped).where(Key.owner == owner)).scalar_one_or_none()


__all__ = [
    "INSTALL",
    "Store",
    "Unit",
    "Vault",
    "append_audit",
    "append_event",
    "bump",
    "db_now",
    "enqueue_job",
    "enqueue_outbox",
    "is_sqlite",
    "now_expression",
    "resident_owner",
    "run",
    "seal",
    "take_seq",
    "take_seqs",
    "unseal",
    "update",
    "upsert",
    "vault",
    "wake",
    "watched_version",
]
