"""Things asked for later happen at their time, once, and after an outage too."""

import asyncio
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bot.errors import OursError
from bot.models import CaseRow, Event, Job, Resident
from bot.schedule import Scheduler
from bot.store import Store, append_event, enqueue_job
from tests.pipeline import NOW, clock, deliver, text


def mark(session: Session, payload: Mapping[str, Any], now: datetime) -> None:
    """Leave an event behind, in the job's own transaction."""
    append_event(session, payload.get("mark", "periodic"), now)


async def marks(store: Store) -> list[str]:
    return await store.read(lambda s: list(s.scalars(select(Event.kind).order_by(Event.id))))


async def ask(store: Store, words: str, at: datetime) -> None:
    await store.write(lambda s: enqueue_job(s, "mark", words, at, {"mark": words}))


async def test_jobs_run_at_their_desk_time_in_order(store: Store) -> None:
    """Nothing runs early; when the clock moves on, what is due runs, the oldest first."""
    desk = clock()
    jobs = Scheduler(store, desk)
    jobs.register("mark", mark)
    await ask(store, "morning", NOW + timedelta(hours=7))
    await ask(store, "soon", NOW + timedelta(minutes=1))
    assert await jobs.tick() == 0
    desk.set(NOW + timedelta(hours=6, minutes=59), running=False)
    await jobs.tick()
    assert await marks(store) == ["soon"]
    desk.set(NOW + timedelta(days=2), running=False)  # the process was away for two days
    await jobs.tick()
    assert await marks(store) == ["soon", "morning"]
    assert await jobs.tick() == 0


async def test_two_schedulers_run_each_job_once(store: Store) -> None:
    """Several processes over the same jobs: exactly one effect each."""
    schedulers = [Scheduler(store, clock()) for _ in range(3)]
    for one in schedulers:
        one.register("mark", mark)
    for n in range(20):
        await ask(store, f"{n}", NOW)
    while sum(await asyncio.gather(*(one.tick() for one in schedulers))):
        pass
    assert sorted(await marks(store)) == sorted(f"{n}" for n in range(20))


async def test_a_scheduler_that_lost_its_lease_changes_nothing(store: Store) -> None:
    """Who slept past the lease finds another fence; the effect is taken back with its transaction."""
    slow, quick = Scheduler(store, clock()), Scheduler(store, clock())
    for one in (slow, quick):
        one.register("mark", mark)
    await ask(store, "x", NOW)
    (due,) = await store.write(slow._claim)
    await store.write(lambda s: s.execute(update(Job).values(leased_until_db=0.0)) and None)
    assert await quick.tick() == 1
    await slow._do(due)
    assert await marks(store) == ["x"]


async def test_a_failing_job_is_put_off_and_at_last_a_person_is_called(store: Store) -> None:
    """It leaves no half effect, others go on, and what was promised to a resident is not silently dropped."""
    await deliver(store, text("a"))
    (resident_id,) = await store.read(lambda s: list(s.scalars(select(Resident.id))))

    def broken(session: Session, payload: Mapping[str, Any], now: datetime) -> None:
        append_event(session, "half", now)
        raise RuntimeError("no")

    jobs = Scheduler(store, clock(), max_attempts=3)
    jobs.register("mark", mark)
    jobs.register("broken", broken)
    await store.write(lambda s: enqueue_job(s, "broken", "b", NOW, {"resident_id": str(resident_id)}))
    await ask(store, "fine", NOW)
    for _ in range(5):
        await jobs.tick()
        await store.write(lambda s: s.execute(update(Job).values(leased_until_db=0.0)) and None)
    assert "half" not in await marks(store)
    assert "fine" in await marks(store)
    (job,) = await store.read(lambda s: list(s.scalars(select(Job).where(Job.name == "broken"))))
    assert (job.attempts, job.error) == (3, "RuntimeError")
    assert job.done_at is not None
    assert await store.read(lambda s: s.scalar(select(CaseRow.reason))) == "dead_letter"


async def test_what_repeats_runs_once_in_every_period(store: Store) -> None:
    """Two processes plan the same slot once; an outage of many periods leaves one run, and old rows are cleared."""
    desk = clock()
    schedulers = [Scheduler(store, desk) for _ in range(2)]
    for one in schedulers:
        one.register("mark", mark)
        one.every(timedelta(minutes=10), "mark")
    for minute in (0, 3, 9, 10, 12, 300):
        desk.set(NOW + timedelta(minutes=minute), running=False)
        for one in schedulers:
            await one.tick()
    assert await marks(store) == ["periodic"] * 3
    assert len(await store.read(lambda s: list(s.scalars(select(Job))))) == 1


async def test_jobs_with_network_run_outside_of_transactions(store: Store) -> None:
    """An outside handler is awaited before its job is marked done."""
    seen: list[Mapping[str, Any]] = []

    async def outside(payload: Mapping[str, Any], now: datetime) -> None:
        assert await store.read(lambda s: s.scalar(select(Job.done_at))) is None
        seen.append(payload)

    jobs = Scheduler(store, clock())
    jobs.register_outside("call", outside)
    await store.write(lambda s: enqueue_job(s, "call", "c", NOW, {"id": str(uuid.UUID(int=1))}))
    assert await jobs.tick() == 1
    assert seen == [{"id": str(uuid.UUID(int=1))}]
    assert await jobs.tick() == 0


async def test_run_wakes_for_a_new_job_and_stops(store: Store) -> None:
    """The loop is woken by the commit that asks for something due."""
    jobs = Scheduler(store, clock(), poll_seconds=30)
    jobs.register("mark", mark)
    running = asyncio.create_task(jobs.run())
    async with store.listen("event") as bell:
        await ask(store, "now", NOW)
        await asyncio.wait_for(bell.wait(), 10)
    await jobs.stop()
    await asyncio.wait_for(running, 10)
    assert await marks(store) == ["now"]


async def test_names_are_registered_once_and_known(sqlite_store: Store) -> None:
    """A second handler for a name, or a period for an unknown one, is our own mistake."""
    jobs = Scheduler(sqlite_store, clock())
    jobs.register("mark", mark)
    with pytest.raises(OursError):
        jobs.register("mark", mark)
    with pytest.raises(OursError):
        jobs.every(timedelta(days=1), "unheard")


async def test_outside_jobs_wait_for_each_other_no_longer_than_the_slowest(store: Store) -> None:
    """What asks the network runs side by side, so that a slow LINE holds up the leases' job only once."""
    jobs, together = Scheduler(store, clock()), asyncio.Barrier(3)

    async def meet(_payload: Mapping[str, Any], _now: datetime) -> None:
        async with asyncio.timeout(5):
            await together.wait()

    jobs.register_outside("meet", meet)
    for n in range(3):
        await store.write(lambda s, n=n: enqueue_job(s, "meet", f"{n}", NOW, {}))
    assert await jobs.tick() == 3
    assert await store.read(lambda s: all(row.error == "" and row.done_at for row in s.scalars(select(Job))))
