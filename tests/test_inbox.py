"""What LINE delivers is kept once, sealed, in order, and before anybody is told."""

import asyncio
import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bot.inbox import Intake, keep_room_text, sweep_orphan_keys
from bot.line import webhook
from bot.models import Inbox, Key, Lane, Resident
from bot.store import Store
from bot.vault import resident_owner, unseal
from tests.pipeline import NOW, body, deliver, event, text, user


async def rows(store: Store) -> list[Inbox]:
    return await store.read(lambda s: list(s.scalars(select(Inbox).order_by(Inbox.lane_key, Inbox.seq))))


async def residents(store: Store) -> list[Resident]:
    return await store.read(lambda s: list(s.scalars(select(Resident))))


async def test_one_body_may_hold_several_residents(store: Store) -> None:
    """Each event goes to the lane of the person who did it, with a number of its own."""
    assert await deliver(store, text("a", who=1), text("b", who=2), text("c", who=1)) == 3
    found = await rows(store)
    assert len({row.lane_key for row in found}) == 2
    assert sorted(row.seq for row in found) == [1, 1, 2]


async def test_every_event_is_kept_once(store: Store) -> None:
    """Redeliveries, duplicates in one body and deliveries at the same time make one row, and all are answered."""
    intake = Intake(store)
    again = text("a", event_id="01EVENT")
    events = list(webhook.read(body(again, again)).events)
    kept = await asyncio.gather(*(intake.keep(events, NOW) for _ in range(8)), *(deliver(store, again) for _ in "ab"))
    assert sum(one if isinstance(one, int) else len(one) for one in kept) == 1
    assert [row.event_id for row in await rows(store)] == ["01EVENT"]


async def test_two_first_messages_at_once_make_one_resident(store: Store) -> None:
    """Two processes that meet a person at the same moment agree on who it is, and both words can be read."""
    await asyncio.gather(*(deliver(store, text(f"{n}", event_id=f"E{n}")) for n in range(6)))
    (one,) = await residents(store)
    found = await rows(store)
    assert len(found) == 6

    def opened(session: Session) -> set[str]:
        owner = resident_owner(one.id)
        return {
            webhook.words(json.loads(unseal(session, owner, "inbox", "raw", row.id, row.raw_sealed))) for row in found
        }

    assert await store.read(opened) == {"0", "1", "2", "3", "4", "5"}


async def test_keys_that_nobody_uses_are_swept(store: Store) -> None:
    """A key made for a resident who was never written down is destroyed; keys in use stay."""
    await asyncio.gather(*(deliver(store, text(f"{n}", event_id=f"E{n}")) for n in range(6)))
    await store.ensure_keys(["resident:00000000-0000-4000-8000-000000000000"])
    assert await sweep_orphan_keys(store) == 0  # they are too young: an intake may be under way
    assert await sweep_orphan_keys(store, older_than=timedelta()) >= 1
    owners = await store.read_keys(lambda s: set(s.scalars(select(Key.owner))))
    assert owners == {"install", resident_owner((await residents(store))[0].id)}


async def test_words_and_ids_are_sealed(store: Store) -> None:
    """Neither the words nor LINE's id stand anywhere in clear."""
    await deliver(store, text("だれにも言えない"))
    (row,) = await rows(store)
    (one,) = await residents(store)
    for sealed in (row.raw_sealed, one.line_id_sealed):
        assert "だれにも言えない".encode() not in sealed
        assert b"\\u3060" not in sealed
        assert user().encode() not in sealed
    assert user() not in one.line_hash


async def test_following_and_leaving_are_remembered(store: Store) -> None:
    """Follow makes a friend, unfollow makes unreachable, and any word makes reachable again."""
    await deliver(store, event("follow"))
    (one,) = await residents(store)
    assert (one.is_friend, one.unreachable) == (True, False)
    assert one.last_inbound_db > 0
    await deliver(store, event("unfollow"))
    (one,) = await residents(store)
    assert (one.is_friend, one.unreachable) == (False, True)
    await deliver(store, text("また来ました"))
    (one,) = await residents(store)
    assert (one.is_friend, one.unreachable) == (False, False)


async def test_words_of_the_room_take_the_same_path(store: Store) -> None:
    """What is written in the room is kept in the same lane, in order, under an id of its own."""
    await deliver(store, text("LINEで"))
    (one,) = await residents(store)
    text_id = uuid.uuid4()
    kept = [await store.write(lambda s: keep_room_text(s, one.id, "へやで", NOW, text_id)) for _ in range(2)]
    assert kept == [True, False]
    found = await rows(store)
    assert [row.event_id for row in found] == [found[0].event_id, f"room:{text_id}"]
    assert [row.seq for row in found] == [1, 2]


async def test_a_failing_delivery_keeps_nothing_and_harms_no_other(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When one request of several at once cannot be kept, nothing of it stays and only its caller hears of it."""
    from bot import inbox

    meet = inbox._meet

    def broken(session: Session, arrived: Any, candidates: Any) -> Any:
        found = meet(session, arrived, candidates)
        if any(event.user_id == user(13) for event, _at in arrived):
            raise OSError("disk full")
        return found

    monkeypatch.setattr("bot.inbox._meet", broken)
    intake = Intake(store)

    async def keep(*raw: dict[str, Any]) -> int:
        return len(await intake.keep(webhook.read(body(*raw)).events, NOW))

    bad, good = (text("a", who=13), text("b", who=2)), (text("c", who=3), text("d", who=2))
    outcomes = await asyncio.gather(keep(*bad), keep(*good), keep(text("e", who=4)), return_exceptions=True)
    assert [type(one) for one in outcomes] == [OSError, int, int]
    assert len(await rows(store)) == 3
    assert len(await residents(store)) == 3
    monkeypatch.undo()
    assert await keep(*bad) == 2


async def test_calls_at_once_share_a_transaction_and_each_hears_of_its_own(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty deliveries at the same moment are kept by few commits, and each caller gets its own events."""
    written = 0
    write = store.write

    async def counting(*args: Any, **more: Any) -> Any:
        nonlocal written
        written += 1
        return await write(*args, **more)

    monkeypatch.setattr(store, "write", counting)
    intake = Intake(store)
    deliveries = [webhook.read(body(text(f"{n}", who=n % 3), text(f"{n}b", who=n))).events for n in range(20)]
    kept = await asyncio.gather(*(intake.keep(events, NOW) for events in deliveries))
    assert [[webhook.words(one.raw) for one in found] for found in kept] == [[f"{n}", f"{n}b"] for n in range(20)]
    assert written <= 3
    for lane in {row.lane_key for row in await rows(store)}:
        numbers = [row.seq for row in await rows(store) if row.lane_key == lane]
        assert numbers == list(range(1, len(numbers) + 1))


async def test_the_lane_is_due_after_the_intake(store: Store) -> None:
    """A kept event makes its lane due at once and wakes the workers."""
    async with store.listen("inbox") as bell:
        await deliver(store, text("a"))
        await asyncio.wait_for(bell.wait(), 5)
    await store.write(lambda s: s.execute(update(Lane).values(priority=0)) and None)
    lane = await store.read(lambda s: s.scalars(select(Lane)).one())
    assert lane.run_db is not None
