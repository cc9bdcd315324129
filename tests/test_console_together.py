"""Many open pages of one process read together, and each still learns of everything that was told before it asked."""

from __future__ import annotations

import asyncio
import random
import uuid
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from bot import cases
from bot.store import Store, append_event
from handoff.console import live
from handoff.console.gate import House
from handoff.console.live import FRESH, Shared, Tail, changes
from handoff.console.queue import Shot, shot_of
from tests.console_world import NOW, OWN_HAND, TIRED_EN, VANISH, World, a_resident, build, form, writes


def counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Note every reading of a store from now on, and return the notes."""
    read, notes = store.read, list[Any]()

    async def noting(unit: Any) -> Any:
        notes.append(unit)
        return await read(unit)

    monkeypatch.setattr(store, "read", noting)
    return notes


def told(session: Session) -> int:
    return append_event(session, "case.message", NOW, case_id=uuid.uuid4())


async def test_every_stream_learns_of_everything(store: Store) -> None:
    """On both databases, with writers beside: what the tail gives is never less than what was committed before."""
    tail, chance = Tail(), random.Random(7)
    first = await store.write(told)

    async def writer() -> None:
        for _ in range(25):
            await store.write(told)

    async def stream(cursor: int) -> list[int]:
        seen: list[int] = []
        for _ in range(40):
            newest = await store.read(live.newest)
            found = await tail.since(store, cursor)
            seen += [change.id for change in found]
            cursor = found[-1].id if found else cursor
            assert cursor >= newest, "committed before the call"
            for _ in range(chance.randrange(3)):
                await asyncio.sleep(0)
        return seen

    streams = [stream(0), stream(first), stream(first)]
    *_, one, other, third = await asyncio.gather(writer(), writer(), *streams)
    everything = await store.read(lambda s: [change.id for change in changes(s, 0)])
    for seen, begins in ((one, 0), (other, first), (third, first)):
        assert seen == sorted(set(seen)), "in order, none twice"
        assert [id for id in everything if begins < id <= seen[-1]] == seen, "none left out"


async def test_streams_that_wake_together_read_once(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    tail = Tail()
    await sqlite_store.write(told)
    await tail.since(sqlite_store, 0)
    await sqlite_store.write(told)
    notes = counted(sqlite_store, monkeypatch)
    found = await asyncio.gather(*(tail.since(sqlite_store, 0) for _ in range(50)))
    assert {len(each) for each in found} == {2}
    assert len(notes) == 1


async def test_a_page_that_was_away_for_long_reads_for_itself(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "KEPT", 10)
    monkeypatch.setattr(live, "BATCH", 4)
    tail = Tail()
    for _ in range(30):
        await sqlite_store.write(told)
    for after in (0, 15, 25, 29, 30):
        expected = await sqlite_store.read(lambda s, after=after: changes(s, after))
        assert await tail.since(sqlite_store, after) == expected
    for _ in range(30):
        await sqlite_store.write(told)
    assert [change.id for change in await tail.since(sqlite_store, 57)] == [58, 59, 60]
    assert len(tail._kept) == 10, "what is kept in memory has an end"


# --- the queue snapshot ----------------------------------------------------------------------------------------------


async def waiting(house: House, shots: Shared[Shot]) -> set[str]:
    shot = await shots.newest(house)
    return {str(row.id) for row in shot.snapshot.sections[0].rows}


async def test_a_shared_snapshot_holds_what_was_told_before(store: Store) -> None:
    world = await build(store)
    house, shots = world.app.state.house, Shared(shot_of, Tail())

    async def opens() -> None:
        for _ in range(5):
            case = await writes(world.store, await a_resident(world.store), "x", VANISH, at=NOW)
            assert case is not None
            assert str(case.id) in await waiting(house, shots), "committed before the look"

    await asyncio.gather(*(opens() for _ in range(4)))
    assert len(await waiting(house, shots)) == 20


async def test_pages_that_ask_together_share_a_snapshot_for_a_moment(sqlite_store: Store) -> None:
    world = await build(sqlite_store)
    house, shots = world.app.state.house, Shared(shot_of, Tail())
    first, *others = await asyncio.gather(*(shots.newest(house) for _ in range(50)))
    assert all(other is first for other in others)
    assert await shots.newest(house) is first
    world.clock.set(NOW + FRESH, running=False)
    assert await shots.newest(house) is not first, "waiting times go on"
    world.clock.set(NOW, running=False)
    assert (await shots.newest(house)).now == NOW, "a clock that was set back"


async def test_what_is_shared_is_nobodys_own(world: World) -> None:
    """A page that says あなた is never shown to a colleague, nor words to a role that sees counts alone."""
    case = await writes(world.store, await a_resident(world.store), "x", OWN_HAND, at=NOW)
    await writes(world.store, await a_resident(world.store), "y", TIRED_EN, at=NOW)
    assert case is not None
    await world.store.write(lambda s: cases.claim(s, case.id, world.staff["specialist"], NOW))
    for order in (("specialist", "supervisor", "officer", "administrator"), ("administrator", "officer", "specialist")):
        for role in order:
            async with world.browser() as browser:
                await world.signed_in(role, browser)
                for path in ("/", "/queue"):
                    page = (await browser.get(path)).text
                    assert ("あなた<" in page) == (role == "specialist"), (role, path)
                    assert ('class="row-link"' in page) == (role != "administrator"), (role, path)
                    assert (f"/cases/{case.id}" in page) == (role in ("specialist", "supervisor")), (role, path)


async def test_links_of_a_shared_alarm_are_each_roles_own(world: World) -> None:
    """What is written once leads a specialist to the talk and an officer to the queue, whoever asked first."""
    case = await writes(world.store, await a_resident(world.store), "x", VANISH, at=NOW)
    assert case is not None
    for role, to in (("specialist", f"/cases/{case.id}"), ("officer", "/"), ("supervisor", f"/cases/{case.id}")):
        async with world.browser() as browser:
            await world.signed_in(role, browser)
            assert [one["url"] for one in (await browser.get("/alarms")).json()["waiting"]] == [to], role


async def test_the_queues_part_is_packed_for_who_can_unpack_it(world: World) -> None:
    """Packed or not, it says the same."""
    await writes(world.store, await a_resident(world.store), "x", VANISH, at=NOW)
    async with world.browser() as browser:
        await world.signed_in("specialist", browser)
        packed = await browser.get("/queue", headers={"accept-encoding": "gzip"})
        plain = await browser.get("/queue", headers={"accept-encoding": "identity"})
        assert packed.headers["content-encoding"] == "gzip"
        assert "content-encoding" not in plain.headers
        assert packed.text == plain.text
        assert 'data-waiting="1"' in plain.text


@pytest.fixture
async def world(store: Store) -> World:
    return await build(store)


async def test_a_claim_is_seen_by_everybody_at_once(world: World) -> None:
    case = await writes(world.store, await a_resident(world.store), "x", VANISH, at=NOW)
    assert case is not None
    async with world.browser() as one, world.browser() as other:
        csrf = await world.signed_in("specialist", one)
        await world.signed_in("supervisor", other)
        assert 'data-waiting="1"' in (await other.get("/queue")).text
        await one.post("/next", data=form(csrf))
        assert 'data-waiting="0"' in (await other.get("/queue")).text


async def test_who_asks_while_a_reading_runs_gets_the_next_one(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is being read was begun before: it may lack what was told just now."""
    tail = Tail()
    first = await sqlite_store.write(told)
    await tail.since(sqlite_store, 0)
    read, gate, begun = sqlite_store.read, asyncio.Event(), asyncio.Event()

    async def slow(unit: Any) -> Any:
        found = await read(unit)
        begun.set()
        await gate.wait()
        return found

    monkeypatch.setattr(sqlite_store, "read", slow)
    early = asyncio.create_task(tail.since(sqlite_store, first))
    await begun.wait()
    second = await sqlite_store.write(told)
    late = asyncio.create_task(tail.since(sqlite_store, first))
    await asyncio.sleep(0)
    gate.set()
    assert [change.id for change in await late] == [second]
    await early


async def test_a_reading_that_failed_is_not_given_to_the_next(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database was away for a moment: the page is there again with it, although nothing was told since."""
    house = (await build(sqlite_store)).app.state.house
    asked = 0

    def read(_session: Session, _house: House, _now: datetime) -> int:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise OSError("away")
        return asked

    shared = Shared(read, Tail())
    with pytest.raises(OSError, match="away"):
        await shared.newest(house)
    assert await shared.newest(house) == 2
    assert await shared.newest(house) == 2
