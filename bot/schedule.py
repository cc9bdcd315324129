"""Run what was asked for later, each thing once, also after an outage and with several processes.

The rule: `run_at` is desk time, leases are database time. A unit handler runs in the transaction that marks its job
done, so it happens exactly once; an outside handler (network) runs before that and must bear being run again.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, cast

import structlog
from sqlalchemy import Table, delete, select, update
from sqlalchemy.orm import Session

from bot import cases
from bot.clock import Clock
from bot.errors import LeaseLostError, OursError
from bot.lanes import backoff
from bot.logs import frames
from bot.models import Job
from bot.store import Store, db_now, enqueue_job

JOB: Final = cast(Table, Job.__table__)
Payload = Mapping[str, Any]
UnitHandler = Callable[[Session, Payload, datetime], object]
OutsideHandler = Callable[[Payload, datetime], Awaitable[object]]

BATCH: Final = 16
LEASE_SECONDS: Final = 60.0
POLL_SECONDS: Final = 1.0
MAX_ATTEMPTS: Final = 8
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

log = structlog.get_logger("schedule")


@dataclass(frozen=True, slots=True)
class Due:
    """Hold one claimed job."""

    id: uuid.UUID
    name: str
    payload: Payload
    attempts: int
    fence: int


class Scheduler:
    """Run due jobs by the handlers that the roof registers."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        lease_seconds: float = LEASE_SECONDS,
        poll_seconds: float = POLL_SECONDS,
        max_attempts: int = MAX_ATTEMPTS,
    ) -> None:
        self.store = store
        self.clock = clock
        self.lease_seconds = lease_seconds
        self.poll_seconds = poll_seconds
        self.max_attempts = max_attempts
        self._units: dict[str, UnitHandler] = {}
        self._outside: dict[str, OutsideHandler] = {}
        self._periods: dict[str, timedelta] = {}
        self._planned: dict[str, str] = {}
        self._stopping = asyncio.Event()

    def register(self, name: str, handler: UnitHandler) -> None:
        """Let `handler(session, payload, now)` do jobs of this name, exactly once each."""
        self._take(name)
        self._units[name] = handler

    def register_outside(self, name: str, handler: OutsideHandler) -> None:
        """Let `await handler(payload, now)` do jobs of this name; after a crash it may run once more."""
        self._take(name)
        self._outside[name] = handler

    def every(self, period: timedelta, name: str) -> None:
        """Run the registered job once in every period of desk time; what an outage missed is not made up for."""
        if name not in self._names:
            raise OursError(f"job {name!r} is planned but not registered")
        self._periods[name] = period

    @property
    def _names(self) -> set[str]:
        return {*self._units, *self._outside}

    def _take(self, name: str) -> None:
        if name in self._names:
            raise OursError(f"job {name!r} is registered twice")

    async def run(self) -> None:
        """Work until `stop`."""
        async with self.store.listen("job") as bell:
            while not self._stopping.is_set():
                bell.clear()
                done = 0
                try:
                    done = await self.tick()
                except Exception as error:
                    log.error("tick_failed", error=type(error).__name__)
                if not done:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(bell.wait(), self.poll_seconds)

    async def stop(self) -> None:
        """Take nothing new and finish what was begun."""
        self._stopping.set()
        self.store.ring(["job"])

    async def tick(self) -> int:
        """Plan what is periodic, run what is due now, and return how many jobs were taken up."""
        await self._plan()
        claimed = await self.store.write(self._claim)
        for due in claimed:
            if due.name in self._units:
                await self._do(due)
        await asyncio.gather(
            *(self._do(due) for due in claimed if due.name in self._outside)
        )  # a slow one holds up none
        return len(claimed)

    async def _plan(self) -> None:
        """Make the job of the current period where it is not made yet; older, finished ones are cleared away."""
        now = self.clock.now()
        slots = {name: _EPOCH + (now - _EPOCH) // period * period for name, period in self._periods.items()}
        new = {name: slot for name, slot in slots.items() if self._planned.get(name) != slot.isoformat()}
        if not new:
            return

        def unit(session: Session) -> None:
            for name, slot in new.items():
                done = (JOB.c.name == name) & JOB.c.done_at.is_not(None) & (JOB.c.run_at < slot)
                session.execute(delete(JOB).where(done))
                enqueue_job(session, name, f"{name}:{slot.isoformat()}", slot, {})

        await self.store.write(unit)
        self._planned |= {name: slot.isoformat() for name, slot in new.items()}

    def _claim(self, session: Session) -> list[Due]:
        now = db_now(session)
        found = session.execute(
            select(JOB.c.id)
            .where(
                JOB.c.done_at.is_(None),
                JOB.c.run_at <= self.clock.now(),
                JOB.c.leased_until_db <= now,
                JOB.c.name.in_(sorted(self._names)),
            )
            .order_by(JOB.c.run_at)
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        )
        ids = list(found.scalars())
        if not ids:
            return []
        rows = session.execute(
            update(JOB)
            .where(JOB.c.id.in_(ids))
            .values(leased_until_db=now + self.lease_seconds, fence=JOB.c.fence + 1, attempts=JOB.c.attempts + 1)
            .returning(JOB.c.id, JOB.c.name, JOB.c.payload, JOB.c.attempts, JOB.c.fence)
        )
        taken = {row.id: Due(row.id, row.name, row.payload, row.attempts, row.fence) for row in rows}
        return [taken[job_id] for job_id in ids]

    async def _do(self, due: Due) -> None:
        now = self.clock.now()
        try:
            if (outside := self._outside.get(due.name)) is not None:
                await outside(due.payload, now)

            def unit(session: Session) -> None:
                self._mine(session, due)
                if (handler := self._units.get(due.name)) is not None:
                    handler(session, due.payload, now)
                session.execute(update(JOB).where(JOB.c.id == due.id).values(done_at=now, error=""))

            await self.store.write(unit)
        except LeaseLostError:
            log.warning("lease_lost", job=due.name)
        except Exception as error:
            log.error(
                "job_failed", job=due.name, error=type(error).__name__, frames=frames(error), attempts=due.attempts
            )
            with suppress(LeaseLostError):
                await self.store.write(partial(self._put_off, due=due, error=error, now=now))

    @staticmethod
    def _mine(session: Session, due: Due) -> None:
        fence = session.execute(select(JOB.c.fence).where(JOB.c.id == due.id).with_for_update()).scalar_one_or_none()
        if fence != due.fence:
            raise LeaseLostError("another process has the job")

    def _put_off(self, session: Session, due: Due, error: Exception, now: datetime) -> None:
        """Try again later; after the last attempt end it, and if it was for a resident call a person."""
        self._mine(session, due)
        values: dict[str, Any] = {"error": type(error).__name__[:200]}
        if due.attempts >= self.max_attempts:
            values["done_at"] = now
            if resident_id := due.payload.get("resident_id"):
                cases.open_for_failure(session, uuid.UUID(resident_id), "dead_letter", now)
        else:
            wait = backoff(due.attempts, random.random())  # noqa: S311 - jitter, not a secret
            values["leased_until_db"] = db_now(session) + wait
        session.execute(update(JOB).where(JOB.c.id == due.id).values(**values))
