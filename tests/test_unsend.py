"""What is taken back is nowhere any more: words, files, evidence; and what it told of danger stays (CARE C17).

Breaks that each of these tests was seen to fail on stand in its docstring.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import LargeBinary, inspect, select, update
from sqlalchemy.orm import Session

import handoff.models  # noqa: F401 - the tables of the staff's side are looked through too
from bot import cases, journal, media
from bot.app import Mind
from bot.media import Fetcher
from bot.messages import Heard, Inbound, Severity, Signal
from bot.models import Base, CaseRow, Event, Inbox, Journal, Lane, Media, Memory, Outbox, Resident, SignalRow
from bot.schedule import Scheduler
from bot.store import Store
from bot.vault import resident_owner, unseal_bytes
from tests.pipeline import NOW, NOW_MS, Desks, Echo, deliver, event, text
from tests.talk import content, view, words

CANARY = "カナリアは夜に鳴く"
HOUR = 3_600_000
HOLDER = uuid.UUID(int=7)


async def all_of(store: Store, model: Any) -> list[Any]:
    return await store.read(lambda s: list(s.scalars(select(model).order_by(inspect(model).primary_key[0]))))


async def unsends(store: Store, message_id: str, **more: Any) -> None:
    await deliver(store, event("unsend", unsend={"messageId": message_id}, **more))


def everything(session: Session) -> str:
    """Return all that can be read about residents with every key at hand: each sealed column, opened, and the rest."""
    found = []
    for mapper in Base.registry.mappers:
        columns = {column.key: column for column in mapper.columns}
        for row in session.scalars(select(mapper.class_)):
            for name, column in columns.items():
                value = getattr(row, name)
                if name.endswith("_sealed") and value:
                    resident_id = row.id if isinstance(row, Resident) else row.resident_id
                    key = {"journal": "uid", "memory": "resident_id"}.get(mapper.local_table.name, "id")
                    place = (mapper.local_table.name, name.removesuffix("_sealed"), getattr(row, key))
                    value = unseal_bytes(session, resident_owner(resident_id), *place, value).decode()
                elif isinstance(column.type, LargeBinary):
                    continue
                found.append(str(value))
    return "\n".join(found)


@dataclass
class Shelf:
    """Be LINE's content."""

    body: bytes = b"\xff\xd8\xff" + CANARY.encode()

    async def content(self, message_id: str, most: int) -> bytes:
        return self.body


@dataclass
class Wild(Echo):
    """Hear what it is told to hear, in any words."""

    hears: dict[str, tuple[Signal, ...]] = field(default_factory=dict)

    def hear(self, inbound: Inbound, memory: Any, language: str) -> Heard:
        return Heard(language="ja", signals=self.hears.get(inbound.text, ()))


def the_desk() -> Mind:
    """Return the mind as shipped, by patterns alone."""
    found = Mind(content(), words())
    found.city, found.directory = view().city, view().directory
    return found


@pytest.mark.parametrize(
    "said",
    [
        f"もう死にたい。{CANARY}",
        f"一時預かりを{CANARY}",
        CANARY,
        f"{CANARY}とさがしても見つからない保育園はどこですか",
    ],
)
async def test_taken_back_words_are_nowhere_any_more(store: Store, said: str) -> None:
    """Every sealed column of every table is opened and looked through. Fails without any one of the removals."""
    desks = Desks(store)
    await deliver(store, text("すみません", at_ms=NOW_MS - 2), text(said, message_id="m1", at_ms=NOW_MS - 1))
    await desks.worker(the_desk()).drain()
    assert CANARY in await store.read(everything)
    case = await store.read(lambda s: s.scalars(select(CaseRow)).one_or_none())
    await unsends(store, "m1")
    await desks.worker(the_desk()).drain()
    left = await store.read(everything)
    assert CANARY not in left
    assert "すみません" in left
    if case is not None:
        (signal,) = await all_of(store, SignalRow)
        assert (signal.kind, signal.severity, signal.evidence_sealed, signal.gloss) == ("crisis", "urgent", None, "")
        assert (await all_of(store, CaseRow))[0].state == case.state == "waiting"
    (gone,) = [row for row in await all_of(store, Journal) if row.unsent_at]
    assert (gone.kind, gone.body_sealed) == ("text", None)


async def test_a_photo_is_destroyed_with_its_message(store: Store) -> None:
    """Bytes, type, size and LINE's id go; that there was one, and when, stays. Fails without `media.take_back`."""
    desks, jobs = Desks(store), Scheduler(store, (clock := Desks(store).clock))
    jobs.register_outside(media.JOB, Fetcher(store, Shelf(), clock).fetch)
    await deliver(store, text("urgent", at_ms=NOW_MS - 1), event(message={"type": "image", "id": "m1"}))
    await desks.worker().drain()
    await jobs.tick()
    (kept,) = await all_of(store, Media)
    assert kept.state == "kept"
    await unsends(store, "m1", at_ms=NOW_MS + HOUR)
    await desks.worker().drain()
    (row,) = await all_of(store, Media)
    assert (row.state, row.body_sealed, row.message_id_sealed, row.type, row.size) == ("unsent", None, None, "", 0)
    assert (row.kind, row.sent_at) == ("image", kept.sent_at)
    assert CANARY not in await store.read(everything)


async def test_a_place_is_taken_back_too(store: Store) -> None:
    """Where somebody is, is in journal and memory, and goes from both. Fails when memory keeps `open`."""
    desks = Desks(store)
    place = {"type": "location", "id": "m1", "latitude": 35.0512, "longitude": 137.1549, "address": CANARY}
    await deliver(store, event(message=place))
    await desks.worker(the_desk()).drain()
    assert "137.15" in await store.read(everything)
    await unsends(store, "m1")
    await desks.worker(the_desk()).drain()
    left = await store.read(everything)
    assert CANARY not in left
    assert "137.15" not in left


async def test_an_unsend_overtakes_what_waits(store: Store) -> None:
    """In one delivery with its message, or before it: the words are heard and never written, calm ones not answered.

    Fails when `ahead` is left out of the order.
    """
    desks = Desks(store)
    away = event("unsend", unsend={"messageId": "m2"}, at_ms=NOW_MS + 2)
    await deliver(
        store, text("ふつう", message_id="m2"), text("urgent", message_id="m3", at_ms=NOW_MS + 1), away,
        event("unsend", unsend={"messageId": "m3"}, at_ms=NOW_MS + 3),
    )  # fmt: skip
    await desks.worker().drain()
    bodies = [await store.read(lambda s, row=row: journal.body(s, row)) for row in await all_of(store, Journal)]
    assert [body.get("text") for body in bodies] == ["", "", None, None, "echo urgent"]
    (signal,) = await all_of(store, SignalRow)
    assert (signal.severity, signal.gloss) == ("urgent", "")
    assert await store.read(lambda s: cases.evidence(s, signal)) == ""
    assert [row.raw_sealed for row in await all_of(store, Inbox)] == [b""] * 4


async def test_an_unsend_waits_for_no_blocked_message(store: Store) -> None:
    """Behind a message that fails again and again, words of before go at once, and its own raw words with the next try.

    Fails without `ahead`, and without the hurry after it.
    """
    desks = Desks(store)
    await deliver(store, text(CANARY, message_id="m1"))
    await desks.worker().drain()
    await deliver(store, text(f"poison {CANARY}", message_id="m2", at_ms=NOW_MS + 1))
    await desks.worker().drain()
    assert [row.done_db is None for row in await all_of(store, Inbox)].count(True) == 1
    for id in ("m1", "m2"):
        await unsends(store, id, at_ms=NOW_MS + 2)
    await desks.worker().drain()
    rows = await all_of(store, Inbox)
    assert [row.raw_sealed for row in rows] == [b""] * 4
    assert sorted(row.outcome for row in rows) == ["dead", "done", "done", "done"]
    said = [row for row in await all_of(store, Journal) if row.who == "resident" and row.kind == "text"]
    assert [row.body_sealed for row in said] == [None, None]
    assert [row.reason for row in await all_of(store, CaseRow)] == ["dead_letter"]  # a person knows that there was one


async def test_twice_is_once(store: Store) -> None:
    """A second unsend of the same message changes nothing and tells nobody again.

    Fails without the look at the tombstone.
    """
    desks = Desks(store)
    await deliver(store, text("urgent", message_id="m1"))
    await desks.worker().drain()
    for n in (1, 2):
        await unsends(store, "m1", at_ms=NOW_MS + n)
        await desks.worker().drain()
    assert [row.kind for row in await all_of(store, Event)].count("journal.unsent") == 1
    assert [row.kind for row in await all_of(store, Journal)].count("unsend") == 1


async def test_hours_later_and_told_to_who_holds_the_talk(store: Store) -> None:
    """A message of yesterday goes as well; the holder's page is told, the talk stays hers, the desk stays silent."""
    desks = Desks(store)
    await deliver(store, text("emergency", message_id="m1"))
    await desks.worker().drain()
    (case,) = await all_of(store, CaseRow)
    await store.write(lambda s: cases.claim(s, case.id, HOLDER, NOW) and None)
    desks.clock.set(NOW + timedelta(hours=26), running=False)
    await deliver(store, text("ほかの話", message_id="m2", at_ms=NOW_MS + 25 * HOUR))
    await unsends(store, "m1", at_ms=NOW_MS + 26 * HOUR)
    await desks.worker().drain()
    first = (await all_of(store, Journal))[0]
    assert (first.kind, first.body_sealed) == ("text", None)
    (told,) = [row for row in await all_of(store, Event) if row.kind == "journal.unsent"]
    assert told.case_id == case.id
    (after,) = await all_of(store, CaseRow)
    assert (after.state, after.severity, after.holder_id) == ("claimed", "emergency", HOLDER)
    assert [row.state for row in await all_of(store, Outbox)] == ["withdrawn"]


async def test_evidence_that_was_heard_together_goes_too(store: Store) -> None:
    """The second layer hears bubbles joined: a later signal's evidence may hold these words; another's own stays.

    Fails without `_heard_together`.
    """
    first, second = f"{CANARY}。もう", "いやになった"
    joined = Signal("crisis", Severity.URGENT, evidence=f"{first} {second}", gloss="もういや")
    own = Signal("anxiety", Severity.CONCERN, evidence="つかれた", gloss="疲れた")
    desks = Desks(store, mind=Wild(hears={second: (joined,), "つかれた": (own,)}))
    for n, said in enumerate((first, second, "つかれた")):
        await deliver(store, text(said, message_id=f"m{n}", at_ms=NOW_MS + n))
        await desks.worker().drain()
    await unsends(store, "m0", at_ms=NOW_MS + 9)
    await desks.worker().drain()
    kept = {
        row.kind: (await store.read(lambda s, row=row: cases.evidence(s, row)), row.gloss, row.severity)
        for row in await all_of(store, SignalRow)
    }
    assert kept == {"crisis": ("", "", "urgent"), "anxiety": ("つかれた", "疲れた", "concern")}


async def test_nobody_takes_back_for_somebody_else(store: Store) -> None:
    """An unsend reaches messages of its own resident only."""
    desks = Desks(store)
    await deliver(store, text("urgent", message_id="m1", who=1))
    await desks.worker().drain()
    await unsends(store, "m1", who=2)
    await desks.worker().drain()
    assert (await all_of(store, Journal))[0].body_sealed is not None
    assert (await all_of(store, SignalRow))[0].evidence_sealed is not None


async def test_an_unsend_is_heard_however_late_it_is(store: Store) -> None:
    """After a week, or in standby, the words go all the same, from memory too. Fails when only answers remember."""
    desks = Desks(store)
    await deliver(store, text(CANARY, message_id="m1"))
    await desks.worker(the_desk()).drain()
    desks.clock.set(NOW + timedelta(days=9), running=False)
    await unsends(store, "m1", at_ms=NOW_MS + 1, mode="standby")
    await desks.worker(the_desk()).drain()
    assert CANARY not in await store.read(everything)
    (row,) = await all_of(store, Memory)
    remembered = await store.read(
        lambda s: unseal_bytes(s, resident_owner(row.resident_id), "memory", "body", row.resident_id, row.body_sealed)
    )
    assert {"open", "choices"}.isdisjoint(json.loads(remembered))


async def test_a_message_after_its_unsend_is_dead_at_its_first_failure(store: Store) -> None:
    """Words that were taken back are kept for no second try, and what patterns hear in them calls a person still."""
    desks = Desks(store)
    desks.mind.broken_deciding = True
    await deliver(store, text("emergency", message_id="m1"))
    desks.mind.broken_deciding = False
    await unsends(store, "m1", at_ms=NOW_MS + 1)
    (work,) = await desks.worker()._claim(1)
    await desks.worker()._process(work)  # the unsend
    desks.mind.broken_deciding = True
    await store.write(lambda s: s.execute(update(Lane).values(leased_until_db=0.0)) and None)
    await desks.worker().drain()
    assert [row.raw_sealed for row in await all_of(store, Inbox)] == [b"", b""]
    (signal,) = await all_of(store, SignalRow)
    assert (signal.severity, await store.read(lambda s: cases.evidence(s, signal))) == ("emergency", "")
