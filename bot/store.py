"""Units of work on the database, what every part enqueues in them, and who is woken by it.

The rule: a unit of work is a plain function of a `Session` that never commits. `Store.write` runs it in one
transaction (SQLite: one writer thread, group commit, BEGIN IMMEDIATE; PostgreSQL: asyncpg), `Store.read` on a
read-only connection. No network inside a unit. Reasons and measurements: facts/reliability.md 0, A and B.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, cast

from alembic.runtime.migration import MigrationContext
from sqlalchemy import (
    CursorResult,
    Executable,
    Float,
    Select,
    Table,
    delete,
    extract,
    func,
    insert,
    literal,
    select,
    text,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from bot import crypto
from bot.database import CHANNELS, T, Unit, database, head
from bot.errors import SettingsError
from bot.models import Audit, Event, Job, Key, Lane, Outbox, Watched
from bot.vault import INSTALL, Vault, resident_owner, seal

TRIES: Final = 4  # of a unit that loses against another one
AGAIN: Final = frozenset({"40001", "40P01"})  # PostgreSQL: serialization failure, deadlock
#: One number for the advisory lock that keeps event ids in commit order on PostgreSQL (facts/reliability.md 0.8).
EVENT_LOCK: Final = 0x6D61646F


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


def drop_jobs(session: Session, beginning: str, resident_id: uuid.UUID) -> int:
    """Take back what is planned for a resident under names that begin so; return how many jobs."""
    planned = delete(Job).where(
        Job.name.startswith(beginning), Job.dedupe_key.contains(f":{resident_id}:"), Job.done_at.is_(None)
    )
    return int(cast(Any, session.execute(planned)).rowcount)


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
        self._database = database(self.url, self.vault, self.ring)

    @property
    def is_sqlite(self) -> bool:
        """Return whether this is the embedded database."""
        return self.url.get_backend_name() == "sqlite"

    async def open(self) -> None:
        """Connect, and make sure that the install's own key exists.

        Raise SettingsError when the schema is not the one that this code was written for.
        """
        await self._database.open()
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
        await self._database.close()

    async def write(self, unit: Unit[T], *, group: bool = False) -> T:
        """Run `unit` in one transaction and return its value; it is never cancelled half-way.

        With `group`, units that wait at the same time share one commit on PostgreSQL too (intake). A unit that
        PostgreSQL chose as the victim of a deadlock runs again, so it must have no effect outside its session.
        """
        for attempt in range(1, TRIES + 1):
            try:
                return await asyncio.shield(asyncio.ensure_future(self._database.write(unit, group)))
            except DBAPIError as error:
                if attempt == TRIES or getattr(error.orig, "sqlstate", "") not in AGAIN:
                    raise
        raise AssertionError("unreachable")

    async def read(self, unit: Unit[T]) -> T:
        """Run `unit` on a read-only connection and return its value; once more when the connection was lost."""
        try:
            return await self._database.read(unit)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            return await self._database.read(unit)

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

            for owner, wrapped in await asyncio.shield(asyncio.ensure_future(self._database.write_keys(unit))):
                self.vault.remember(owner, wrapped)

    async def read_keys(self, unit: Unit[T]) -> T:
        """Run `unit` where the keys are kept and return its value (sweeps)."""
        return await self._database.write_keys(unit)

    async def destroy_key(self, owner: str) -> None:
        """Destroy a key: every text sealed under it is gone, in backups of the main database too."""

        def unit(session: Session) -> None:
            session.execute(Key.__table__.delete().where(Key.owner == owner))  # type: ignore[attr-defined]

        await self._database.write_keys(unit)
        self.vault.forget(owner)

    async def migrate(self, revision: str = "head") -> None:
        """Bring both schemas to `revision` (also `base`); safe to repeat."""
        await self._database.migrate(revision)

    # waking -----------------------------------------------------------------------------------------------------

    def ring(self, channels: Iterable[str]) -> None:
        """Wake everybody in this process who waits on the channels."""
        for channel in channels:
            for bell in self._bells.get(channel, ()):
                bell.set()

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
