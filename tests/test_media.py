"""What is not words: a fitting answer to each kind, and only what a person needs to see is fetched, and kept sealed."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update

from bot import cases, media
from bot.errors import LineRefusedError, LineUnreachableError, SealBrokenError
from bot.media import Fetcher
from bot.messages import InboundKind, Severity
from bot.models import CaseRow, Event, Job, Media
from bot.schedule import Scheduler
from bot.situation import CASE_TABLE, Case, CaseState
from bot.store import Store
from tests.pipeline import NOW, NOW_MS, Desks, Echo, deliver, event
from tests.pipeline import text as wrote
from tests.talk import DAY, NIGHT, Conversation, urgent

JPEG = b"\xff\xd8\xff\xe0" + b"letter from the town hall" * 40
MINUTE = 60_000
NOT_WORDS: tuple[InboundKind, ...] = ("sticker", "image", "video", "audio", "file", "unknown")


# --- what is said ----------------------------------------------------------------------------------------------------


def test_each_kind_has_an_answer_of_its_own_and_a_way_to_a_person() -> None:
    """A machine says that it does not look, and how a person can; nothing is met with silence (FUNCTIONS 13)."""
    talk = Conversation(DAY)
    talk.does("follow")
    said = {kind: (talk.fork().does(kind), talk.fork())[0] for kind in NOT_WORDS}
    assert len({str(turn.replies[0].lines) for turn in said.values()}) == len(NOT_WORDS)
    for turn in said.values():
        assert "person.ask" in [choice.act for choice in turn.replies[-1].choices]


@pytest.mark.parametrize("kind", ["image", "video", "audio", "file"])
@pytest.mark.parametrize("state", [state for state in CASE_TABLE if state not in ("new", "claimed", "closed")])
def test_who_asked_for_a_person_is_not_told_to_ask_again(kind: InboundKind, state: CaseState) -> None:
    """With a case that people read, it is kept for them, and the desk says that nobody has read yet (CARE C13)."""
    case = Case(uuid.UUID(int=7), state, Severity.CONCERN)
    talk = Conversation(NIGHT, case=case)
    talk.does("follow")
    talk.does(kind)
    assert ("まだだれも読んでいません" in talk.said) is case.for_people
    assert ("もう一度送ってください" in talk.said) is not case.for_people


@pytest.mark.parametrize("kind", NOT_WORDS)
def test_in_danger_safety_answers_and_with_a_person_nobody(kind: InboundKind) -> None:
    """While a grave case waits safety speaks as it does to words; while a person holds it the desk says nothing."""
    talk = Conversation(NIGHT)
    talk.is_heard(urgent("crisis"))
    turn = talk.does(kind)
    assert turn.replies
    assert "残しています" in talk.said or "届いています" in talk.said
    assert "機械は" not in talk.said
    talk.stage("staff claims")
    assert talk.does(kind).replies == ()


@pytest.mark.parametrize("kind", NOT_WORDS)
def test_a_photo_in_the_middle_of_a_search_does_not_end_it(kind: InboundKind) -> None:
    """The dialog that asked something goes on asking."""
    talk = Conversation(DAY)
    talk.writes("一時預かり")
    before = talk.memory["open"]
    talk.does(kind)
    assert talk.memory["open"] == before
    talk.writes("市内ならどこでも")
    assert "何歳" in talk.said


# --- what is fetched -------------------------------------------------------------------------------------------------


@dataclass
class Shelf:
    """Be LINE's content: answer as told, then with the bytes."""

    body: bytes = JPEG
    answers: deque[Exception] = field(default_factory=deque)
    asked: list[tuple[str, int]] = field(default_factory=list)
    meanwhile: Callable[[], Any] | None = None

    async def content(self, message_id: str, most: int) -> bytes:
        self.asked.append((message_id, most))
        if self.meanwhile is not None:
            await self.meanwhile()
        if self.answers:
            raise self.answers.popleft()
        return self.body


class Asking(Echo):
    """Ask for a person when somebody writes 人."""

    def decide(self, *args: Any, **more: Any) -> Any:
        from dataclasses import replace

        turn = super().decide(*args, **more)
        words = {"人": "open", "心配": "offer"}
        wish = next((event for word, event in words.items() if word in args[1].text), "")
        return replace(turn, case=wish, reason="asked") if wish else turn


@dataclass
class House:
    """Hold a desk with a scheduler that fetches from a shelf."""

    store: Store
    desks: Desks
    shelf: Shelf
    jobs: Scheduler

    async def sends(self, kind: str = "image", *, at_ms: int = NOW_MS, id: str = "m1") -> None:
        message = {"type": kind, "id": id, "contentProvider": {"type": "line"}}
        await self.does(event(message=message, at_ms=at_ms))

    async def writes(self, words: str, *, at_ms: int = NOW_MS) -> None:
        await self.does(wrote(words, at_ms=at_ms))

    async def does(self, happening: dict[str, Any]) -> None:
        await deliver(self.store, happening)
        await self.desks.worker().drain()
        while await self.jobs.tick():
            pass

    async def row(self) -> Media:
        return await self.store.read(lambda s: s.scalars(select(Media)).one())

    async def opened(self) -> tuple[media.Seen, bytes] | None:
        return await self.store.read(
            lambda s: media.opened(s, (row := s.scalars(select(Media)).one()).resident_id, row.id)
        )


@pytest.fixture
async def house(store: Store) -> House:
    """Give a desk on each database."""
    desks, shelf = Desks(store, mind=Asking()), Shelf()
    jobs = Scheduler(store, desks.clock)
    jobs.register_outside(media.JOB, Fetcher(store, shelf, desks.clock).fetch)
    return House(store, desks, shelf, jobs)


async def test_what_nobody_needs_to_see_is_never_fetched(house: House) -> None:
    """Without a case, or with an offer that nobody took, LINE is not asked for it."""
    await house.writes("心配", at_ms=NOW_MS - 1)
    await house.sends()
    assert (house.shelf.asked, (await house.row()).state) == ([], "unasked")
    assert await house.opened() is None


async def test_who_asks_within_ten_minutes_has_it_kept(house: House) -> None:
    """The time is LINE's, so it counts also when our machine was away and works both hours later."""
    house.desks.clock.set(NOW + timedelta(hours=3), running=False)
    await house.sends()
    await house.writes("人", at_ms=NOW_MS + 10 * MINUTE)
    assert house.shelf.asked == [("m1", media.LARGEST)]
    found = await house.opened()
    assert found is not None
    assert found[1] == JPEG
    assert (found[0].kind, found[0].type, found[0].size) == ("image", "image/jpeg", len(JPEG))
    assert (await house.row()).message_id_sealed is None


async def test_who_asks_later_is_asked_to_send_it_again(house: House) -> None:
    """After ten minutes it stays with LINE."""
    await house.sends()
    await house.writes("人", at_ms=NOW_MS + 10 * MINUTE + 1)
    assert (house.shelf.asked, (await house.row()).state) == ([], "unasked")


@pytest.mark.parametrize("kind", ["image", "video", "audio", "file"])
async def test_with_a_case_that_people_read_it_is_fetched_at_once(house: House, kind: str) -> None:
    """Whatever the hour between them, and the open page is told."""
    await house.writes("人", at_ms=NOW_MS - 60 * MINUTE)
    await house.sends(kind)
    assert (await house.row()).state == "kept"
    assert [row async for row in _events(house.store)][-1] == "journal.media"


async def _events(store: Store) -> Any:
    for kind in await store.read(lambda s: list(s.scalars(select(Event.kind).order_by(Event.id)))):
        yield kind


async def test_a_sticker_or_a_place_is_no_file(house: House) -> None:
    """Only what has content at LINE is noted."""
    await house.writes("人", at_ms=NOW_MS - 1)
    await house.does(event(message={"type": "sticker", "id": "s1"}))
    await house.does(event(message={"type": "location", "id": "p1", "latitude": 35.0, "longitude": 139.0}))
    await house.does(event(message={"type": "contact", "id": "c1"}))
    assert await house.store.read(lambda s: s.scalars(select(Media)).all()) == []


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (LineRefusedError("404"), "gone"),
        (LineRefusedError("410"), "gone"),
        (LineRefusedError("413", "larger"), "too_big"),
        (LineRefusedError("400"), "failed"),
    ],
)
async def test_what_cannot_be_had_is_told_as_it_is(house: House, error: Exception, state: str) -> None:
    """A final no is written down, is not asked about again, and calls no dead letter."""
    house.shelf.answers.append(error)
    await house.writes("人", at_ms=NOW_MS - 1)
    await house.sends()
    assert ((await house.row()).state, await house.opened(), len(house.shelf.asked)) == (state, None, 1)
    assert await house.store.read(lambda s: s.scalars(select(CaseRow.reason)).all()) == ["asked"]


async def test_what_line_still_prepares_is_asked_for_again(house: House) -> None:
    """202 and an outage are waited out, for a day; then staff are told that it failed."""
    house.shelf.answers.extend([LineUnreachableError("status 202")] * 3)
    await house.writes("人", at_ms=NOW_MS - 1)
    await house.sends("audio")
    assert (await house.row()).state == "wanted"
    for seconds in (2, 4, 8):
        house.desks.clock.set(house.desks.clock.now() + timedelta(seconds=seconds), running=False)
        await house.jobs.tick()
    assert ((await house.row()).state, len(house.shelf.asked)) == ("kept", 4)


async def test_after_a_day_of_trying_it_has_failed(house: House) -> None:
    """It is not tried for ever."""
    house.shelf.answers.extend([LineUnreachableError("status 500")] * 2)
    await house.writes("人", at_ms=NOW_MS - 1)
    await house.sends()
    house.desks.clock.set(NOW + timedelta(hours=25), running=False)
    await house.jobs.tick()
    assert (await house.row()).state == "failed"
    waiting = select(Job.id).where(Job.name == media.JOB, Job.done_at.is_(None))
    assert await house.store.read(lambda s: s.scalars(waiting).all()) == []


async def test_it_is_sealed_and_bound_to_its_row(house: House) -> None:
    """Neither the bytes nor LINE's id stand in the table, and what is moved to another row does not open."""
    await house.writes("人", at_ms=NOW_MS - 1)
    await house.sends(id="m-secret")
    row = await house.row()
    assert row.body_sealed is not None
    assert b"letter" not in row.body_sealed
    await house.store.write(lambda s: s.execute(update(Media).values(id=uuid.UUID(int=9))) and None)
    with pytest.raises(SealBrokenError):
        await house.opened()


async def test_nobody_else_opens_it(house: House) -> None:
    """It belongs to one resident: under another one's case it is not there."""
    await house.writes("人", at_ms=NOW_MS - 1)
    await house.sends()
    row = await house.row()
    assert await house.store.read(lambda s: media.opened(s, uuid.uuid4(), row.id)) is None


async def test_what_is_unsent_while_it_is_fetched_is_not_kept(house: House) -> None:
    """The bytes that arrive after the unsend are dropped (CARE C17)."""

    async def unsends() -> None:
        await deliver(house.store, event("unsend", unsend={"messageId": "m1"}, at_ms=NOW_MS + 1))
        await house.desks.worker().drain()

    house.shelf.meanwhile = unsends
    await house.writes("人", at_ms=NOW_MS - 1)
    await house.sends()
    row = await house.row()
    assert (row.state, row.body_sealed, row.message_id_sealed, row.size) == ("unsent", None, None, 0)
    assert len(house.shelf.asked) == 1


async def test_a_destroyed_key_takes_it_along(house: House) -> None:
    """After everything of a resident was destroyed nothing is fetched for her, and the job ends."""
    house.shelf.answers.append(LineUnreachableError("status 202"))
    await house.writes("人", at_ms=NOW_MS - 1)
    await house.sends()
    await house.store.destroy_key(f"resident:{(await house.row()).resident_id}")
    house.desks.clock.set(NOW + timedelta(minutes=5), running=False)
    assert await house.jobs.tick() == 1
    assert len(house.shelf.asked) == 1


async def test_fetching_never_holds_up_what_keeps_promises(sqlite_store: Store) -> None:
    """Jobs of the database run before the first byte is waited for, and several files come at the same time."""
    desks, order, together = Desks(sqlite_store, mind=Asking()), [], asyncio.Event()
    waiting = 0

    class Slow(Shelf):
        async def content(self, message_id: str, most: int) -> bytes:
            nonlocal waiting
            order.append("fetch")
            waiting += 1
            if waiting == 2:
                together.set()
            await together.wait()
            return self.body

    jobs = Scheduler(sqlite_store, desks.clock)
    jobs.register_outside(media.JOB, Fetcher(sqlite_store, Slow(), desks.clock).fetch)
    jobs.register("lapse", lambda *_: order.append("lapse"))
    for n in (1, 2):
        await deliver(
            sqlite_store,
            wrote("人", who=n, at_ms=NOW_MS - 1),
            event(message={"type": "image", "id": f"m{n}"}, who=n),
        )
    await desks.worker().drain()
    jobs.every(timedelta(minutes=1), "lapse")
    await asyncio.wait_for(jobs.tick(), 20)
    assert order == ["lapse", "fetch", "fetch"]


async def test_a_photo_whose_turn_fails_reaches_a_person_too(house: House) -> None:
    """What the desk could not handle becomes a case, and the person who reads it can look at it."""
    house.desks.mind.broken_deciding = True
    await deliver(house.store, event(message={"type": "image", "id": "m1"}))
    await house.desks.worker(max_attempts=1).drain()
    await house.jobs.tick()
    assert (await house.row()).state == "kept"
    assert await house.store.read(lambda s: s.scalars(select(CaseRow.reason)).all()) == ["dead_letter"]


def test_who_reads_along() -> None:
    """A case that waits, is held or on hold; a no only where people read in spite of it (CARE C17)."""
    read = {state for state in CASE_TABLE if Case(uuid.UUID(int=7), state, Severity.CONCERN).for_people}
    assert read == {"waiting", "claimed", "on_hold"}
    assert Case(uuid.UUID(int=7), "declined", Severity.CONCERN, ("dv",)).for_people
    assert not Case(uuid.UUID(int=7), "closed", Severity.CONCERN, ("dv",)).for_people


@pytest.mark.parametrize(
    ("body", "type"),
    [
        (JPEG, "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"\x00\x00\x00\x1cftypM4A \x00\x00", "audio/mp4"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00", "video/mp4"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00", "image/heic"),
        (b"%PDF-1.7", "application/pdf"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", media.UNKNOWN),
        (b"<!doctype html><script>", media.UNKNOWN),
        (b"PK\x03\x04", media.UNKNOWN),
        (b"", media.UNKNOWN),
    ],
)
def test_the_type_is_what_the_bytes_say(body: bytes, type: str) -> None:
    """Nothing that a browser would run is recognised, whatever it is called."""
    assert media.sniff(body) == type


async def test_no_page_reads_the_bytes_to_list_them(house: House) -> None:
    """What a list shows comes without the sealed column: a page of ten photos is not a hundred megabytes."""
    await house.writes("人", at_ms=NOW_MS - 1)
    await house.sends()
    await house.store.write(lambda s: s.execute(text("UPDATE media SET body_sealed = NULL")) and None)
    row = await house.row()
    found = await house.store.read(lambda s: media.seen(s, row.resident_id))
    assert found[row.id].size == len(JPEG)


async def test_a_closed_case_keeps_nothing_new(house: House) -> None:
    """After the end of a talk what is sent is again nobody's to see."""
    holder = uuid.uuid4()
    await house.writes("人", at_ms=NOW_MS - 60 * MINUTE)
    (case,) = await house.store.read(lambda s: s.scalars(select(CaseRow)).all())
    await house.store.write(lambda s: cases.claim(s, case.id, holder, NOW) and None)
    await house.store.write(lambda s: cases.close(s, case.id, holder, NOW, name="さくら") and None)
    await house.sends()
    assert (await house.row()).state == "unasked"
