"""Every event gets exactly one outcome, in each resident's order, and what sounds urgent always reaches a person."""

import asyncio
import json
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from bot import cases
from bot.errors import LineUnreachableError
from bot.inbox import hurry, keep_room_text
from bot.journal import body
from bot.lanes import backoff
from bot.messages import Choice, Inbound, Reply, Severity, Verbatim
from bot.models import Campaign, CaseRow, Event, Inbox, Job, Journal, Lane, Memory, Outbox, Resident, SignalRow
from bot.store import Store
from bot.vault import resident_owner, unseal
from bot.worker import Worker
from tests.pipeline import NOW, NOW_MS, Desks, Echo, deliver, event, text

HOLDER = uuid.UUID(int=7)


async def said(store: Store) -> list[str]:
    """Return what is in the outbox, in order."""

    def unit(session: Session) -> list[str]:
        return [
            json.loads(unseal(session, resident_owner(r.resident_id), "outbox", "body", r.id, r.body_sealed))[0]["text"]
            for r in session.scalars(select(Outbox).order_by(Outbox.lane_key, Outbox.seq))
        ]

    return await store.read(unit)


async def journal(store: Store) -> list[tuple[str, str, str]]:
    """Return who, kind and words of the journal, in order."""

    def unit(session: Session) -> list[tuple[str, str, str]]:
        found = session.scalars(select(Journal).order_by(Journal.id))
        return [(row.who, row.kind, body(session, row).get("text", "-")) for row in found]

    return await store.read(unit)


async def all_of(store: Store, model: Any) -> list[Any]:
    return await store.read(lambda s: list(s.scalars(select(model))))


async def make_due(store: Store) -> None:
    """Let every back-off be over."""

    def unit(session: Session) -> None:
        session.execute(update(Inbox).values(next_db=0.0))
        session.execute(update(Lane).where(Lane.run_db.is_not(None)).values(run_db=0.0))

    await store.write(unit)


async def test_a_message_becomes_an_answer(store: Store) -> None:
    """One commit keeps memory, journal and answer, ends the event and blanks its raw words."""
    await deliver(store, text("こんにちは"))
    assert await Desks(store).worker().drain() == 1
    assert await said(store) == ["echo こんにちは"]
    assert await journal(store) == [("resident", "text", "こんにちは"), ("desk", "reply", "echo こんにちは")]
    (row,) = await all_of(store, Inbox)
    assert (row.outcome, row.raw_sealed) == ("done", b"")
    assert row.done_db is not None
    (lane,) = [lane for lane in await all_of(store, Lane) if lane.key.startswith("in:")]
    assert (lane.run_db, lane.leased_until_db) == (None, 0.0)
    (memory,) = await all_of(store, Memory)
    assert memory.version == 1
    (out,) = await all_of(store, Outbox)
    assert out.reply_token_sealed is not None
    assert out.reply_until_db == pytest.approx(row.received_db + 50)


async def test_a_resident_is_answered_in_the_order_of_what_happened(store: Store) -> None:
    """Earlier events go first even when they arrive later; equal times go in the order of arrival."""
    await deliver(store, text("2", at_ms=NOW_MS + 1), text("3", at_ms=NOW_MS + 1))
    await deliver(store, text("1", at_ms=NOW_MS))
    await deliver(store, text("4", at_ms=NOW_MS + 1))
    await Desks(store).worker().drain()
    assert await said(store) == ["echo 1", "echo 2", "echo 3", "echo 4"]


async def test_a_late_event_disturbs_nothing(store: Store) -> None:
    """An event that comes ten minutes late, after newer ones were answered, still gets its one outcome."""
    desks = Desks(store)
    await deliver(store, text("new", at_ms=NOW_MS))
    await desks.worker().drain()
    await deliver(store, text("late", at_ms=NOW_MS - 600_000))
    await desks.worker().drain()
    assert await said(store) == ["echo new", "echo late"]


async def test_many_workers_give_one_outcome_each(store: Store) -> None:
    """Three workers over the same lanes answer every event once and keep each resident's order."""
    for n in range(5):
        await deliver(store, *(text(f"{who}-{n}", who=who, at_ms=NOW_MS + n) for who in range(6)))
    desks = Desks(store)
    await asyncio.gather(*(desks.worker(concurrency=3).drain() for _ in range(3)))
    found = await said(store)
    assert sorted(found) == sorted(f"echo {who}-{n}" for who in range(6) for n in range(5))
    for who in range(6):
        mine = [words for words in found if words.startswith(f"echo {who}-")]
        assert mine == [f"echo {who}-{n}" for n in range(5)]
    assert {row.outcome for row in await all_of(store, Inbox)} == {"done"}


async def test_a_worker_that_lost_its_lease_writes_nothing(store: Store) -> None:
    """Who slept past its lease finds another fence and leaves the event to the one who took over."""
    desks = Desks(store)
    slow, quick = desks.worker(), desks.worker()
    await deliver(store, text("a"))
    (work,) = await slow._claim(1)
    await store.write(lambda s: s.execute(update(Lane).values(leased_until_db=0.0)) and None)  # the lease ran out
    assert await quick.drain() == 1
    await slow._process(work)
    assert await said(store) == ["echo a"]
    assert [kind for _, kind, _ in await journal(store)] == ["text", "reply"]
    assert (await all_of(store, Memory))[0].version == 1


async def test_a_lost_lease_cannot_even_record_a_failure(store: Store) -> None:
    """The failure path stands behind the same fence."""
    desks = Desks(store)
    slow = desks.worker()
    await deliver(store, text("poison emergency"))
    (work,) = await slow._claim(1)
    await store.write(lambda s: s.execute(update(Lane).values(fence=99)) and None)
    await slow._process(work)
    assert await all_of(store, CaseRow) == []
    assert (await all_of(store, Inbox))[0].error == ""


async def test_a_poison_event_blocks_its_own_lane_only(store: Store) -> None:
    """A message that cannot be worked backs off; other residents are answered meanwhile."""
    await deliver(store, text("poison", who=1), text("behind", who=1, at_ms=NOW_MS + 1), text("b", who=2))
    desks = Desks(store)
    await desks.worker().drain()
    assert await said(store) == ["echo b"]
    blocked = [row for row in await all_of(store, Inbox) if row.done_db is None]
    assert {row.error for row in blocked} == {"RuntimeError", ""}


async def test_after_the_last_attempt_a_person_sees_it_and_the_lane_goes_on(store: Store) -> None:
    """A dead letter opens an urgent case with the words in the journal, and the next message is answered."""
    await deliver(store, text("poison"), text("next", at_ms=NOW_MS + 1))
    worker = Desks(store).worker(max_attempts=3)
    for _ in range(3):
        await make_due(store)
        await worker.drain()
    await worker.drain()
    outcomes = {row.outcome for row in await all_of(store, Inbox)}
    assert outcomes == {"dead", "done"}
    (case,) = await all_of(store, CaseRow)
    assert (case.reason, case.severity, case.state) == ("dead_letter", "urgent", "waiting")
    assert [words for _, _, words in await journal(store)] == ["poison", "sorry, a person knows", "next", "echo next"]


async def test_an_event_that_kills_the_process_is_given_up_too(store: Store) -> None:
    """Attempts are counted when they begin, so that a crash counts; beyond the limit it is not tried again."""
    await deliver(store, text("a"))
    worker = Desks(store).worker(max_attempts=2)
    for _ in range(2):  # claimed, and the process died
        assert len(await worker._claim(1)) == 1
        await store.write(lambda s: s.execute(update(Lane).values(leased_until_db=0.0)) and None)
    await worker.drain()
    assert [row.outcome for row in await all_of(store, Inbox)] == ["dead"]
    assert [row.reason for row in await all_of(store, CaseRow)] == ["dead_letter"]


@pytest.mark.parametrize("broken", ["broken_deciding", "broken_hearing"])
async def test_an_emergency_reaches_a_person_although_its_turn_fails(store: Store, broken: str) -> None:
    """Whatever breaks after the words arrived, the first failing attempt already opens the case and says so, once."""
    desks = Desks(store)
    setattr(desks.mind, broken, True)
    await deliver(store, text("emergency"))
    for _ in range(3):
        await desks.worker().drain()
        await make_due(store)
    (case,) = await all_of(store, CaseRow)
    assert (case.state, case.severity) == ("waiting", "emergency")
    assert len(await all_of(store, SignalRow)) == 1
    told = [("resident", "text", "emergency"), ("desk", "reply", "sorry, a person knows")]
    assert await journal(store) == told
    setattr(desks.mind, broken, False)
    await desks.worker().drain()
    assert len(await all_of(store, SignalRow)) == 1
    assert await journal(store) == [*told, ("desk", "reply", "echo emergency")]


async def test_a_broken_apology_does_not_undo_the_case(store: Store) -> None:
    """The case that a failing turn opens stands, also when the fixed words cannot be sent."""
    desks = Desks(store)
    desks.mind.broken_deciding = True
    desks.mind.to_line = None  # type: ignore[assignment, method-assign]
    await deliver(store, text("emergency"))
    await desks.worker().drain()
    (case,) = await all_of(store, CaseRow)
    assert (case.state, case.severity) == ("waiting", "emergency")
    assert await journal(store) == [("resident", "text", "emergency")]


async def test_when_even_the_patterns_fail_a_person_is_called(store: Store) -> None:
    """If nobody can tell whether words are urgent, a person reads them now."""
    desks = Desks(store)
    desks.mind.broken_hearing = desks.mind.broken_aid = True
    await deliver(store, text("なんでもない"))
    await desks.worker().drain()
    (case,) = await all_of(store, CaseRow)
    assert (case.state, case.severity, case.reason) == ("waiting", "urgent", "dead_letter")
    assert await journal(store) == [("resident", "text", "なんでもない"), ("desk", "reply", "sorry, a person knows")]


async def test_a_broken_case_module_still_leaves_a_case(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """When opening the case by its signals breaks too, the last resort opens one for the failure."""

    def broken(*_args: object, **_more: object) -> None:
        raise RuntimeError("apply broke")

    monkeypatch.setattr(cases, "apply", broken)
    await deliver(store, text("emergency"))
    await Desks(store).worker().drain()
    assert [row.reason for row in await all_of(store, CaseRow)] == ["dead_letter"]


async def test_an_emergency_behind_a_blocked_message_waits_for_nobody(store: Store) -> None:
    """A lane whose head is backing off is looked through when something new arrives."""
    desks = Desks(store)
    await deliver(store, text("poison"))
    await desks.worker().drain()
    await deliver(store, text("emergency", at_ms=NOW_MS + 1))
    await desks.worker().drain()
    (case,) = await all_of(store, CaseRow)
    assert case.severity == "emergency"
    assert [row.done_db for row in await all_of(store, Inbox)] == [None, None]


async def test_words_that_sound_urgent_are_worked_first(store: Store) -> None:
    """The scan after the 200 raises the lane's priority; the claim takes it before older ones."""
    for who in range(1, 5):
        await deliver(store, text("ふつう", who=who))
    await deliver(store, text("emergency", who=9))
    newest = (await all_of(store, Inbox))[-1]
    await hurry(store, [(newest.resident_id, Severity.EMERGENCY)])
    (work,) = await Desks(store).worker()._claim(1)
    assert work.resident.id == newest.resident_id


async def test_the_desk_is_silent_while_a_person_holds_the_case(store: Store) -> None:
    """From claim to release no desk row is written, even by a mind that would speak."""

    class Chatty(Echo):
        def decide(self, *args: Any, **more: Any) -> Any:
            return super().decide(*args, **{**more, "case": None})

    desks = Desks(store, mind=Chatty())
    await deliver(store, text("urgent"))
    await desks.worker().drain()
    (case,) = await all_of(store, CaseRow)
    await store.write(lambda s: cases.claim(s, case.id, HOLDER, NOW) and None)
    await deliver(store, text("もしもし", at_ms=NOW_MS + 1))
    await desks.worker().drain()
    rows = await all_of(store, Outbox)
    assert [(row.origin, row.state) for row in rows] == [("desk", "withdrawn")]
    assert (await journal(store))[-1] == ("resident", "text", "もしもし")
    kinds = [row.kind for row in await all_of(store, Event)]
    assert kinds[-1] == "case.message"


async def test_a_claim_between_decision_and_commit_silences_the_desk(store: Store) -> None:
    """The transaction reads the holder again, so a decision made before the claim says nothing after it."""
    desks = Desks(store)
    worker = desks.worker()
    await deliver(store, text("urgent"))
    await worker.drain()
    (case,) = await all_of(store, CaseRow)
    await deliver(store, text("まだいますか", at_ms=NOW_MS + 1))
    (work,) = await worker._claim(1)
    await store.write(lambda s: cases.claim(s, case.id, HOLDER, NOW) and None)
    await worker._process(work)
    assert [row.state for row in await all_of(store, Outbox)] == ["withdrawn"]


async def test_memory_that_moved_is_read_again(store: Store) -> None:
    """A note that a release wrote between decision and commit is not overwritten."""
    desks = Desks(store)
    worker = desks.worker()
    await deliver(store, text("a"))
    await worker.drain()
    await deliver(store, text("b", at_ms=NOW_MS + 1))
    (work,) = await worker._claim(1)
    mark = {"name": "さくら", "agreed": "", "next": "", "at": NOW.isoformat()}
    await store.write(lambda s: cases._hand_back(s, work.resident.id, mark))
    await worker._process(work)

    def remembered(session: Session) -> Mapping[str, Any]:
        row = session.scalars(select(Memory)).one()
        owner = resident_owner(row.resident_id)
        return json.loads(unseal(session, owner, "memory", "body", row.resident_id, row.body_sealed))

    assert await store.read(remembered) == {"said": ["a", "b"], "handback": mark}


async def test_an_unsend_removes_words_and_nothing_else(store: Store) -> None:
    """Words and evidence go; kind, severity and time stay, the case stays open, and the holder is told (CARE C17)."""
    desks = Desks(store)
    await deliver(store, text("urgent きえたい", message_id="m1"))
    await desks.worker().drain()
    await deliver(store, event("unsend", unsend={"messageId": "m1"}, at_ms=NOW_MS + 5))
    await desks.worker().drain()
    (signal,) = await all_of(store, SignalRow)
    assert (signal.kind, signal.severity, signal.evidence_sealed) == ("crisis", "urgent", None)
    assert (await all_of(store, CaseRow))[0].state == "waiting"
    assert (await journal(store))[0] == ("resident", "text", "-")
    (told,) = [row for row in await all_of(store, Event) if row.kind == "journal.unsent"]
    assert told.case_id == signal.case_id
    assert await said(store) == ["echo urgent きえたい"]  # nothing new is said to an unsend


async def test_an_unsend_that_comes_first_leaves_a_tombstone(store: Store) -> None:
    """The message that follows keeps no words, but what it signalled still calls a person."""
    desks = Desks(store)
    await deliver(store, event("unsend", unsend={"messageId": "m1"}))
    await desks.worker().drain()
    await deliver(store, text("emergency", message_id="m1"), text("ふつう", message_id="m2", at_ms=NOW_MS + 1))
    await desks.worker().drain()
    assert (await journal(store))[1] == ("resident", "text", "-")
    (signal,) = await all_of(store, SignalRow)
    assert await store.read(lambda s: cases.evidence(s, signal)) == ""
    assert (await all_of(store, CaseRow))[0].severity == "emergency"
    assert "echo emergency" in await said(store)  # safety speaks
    memories = [row.version for row in await all_of(store, Memory)]
    assert memories == [2]  # the unsend and the second message; the words that were taken back are not remembered


async def test_standby_and_old_messages_are_kept_and_heard_but_not_answered(store: Store) -> None:
    """When another module holds the chat, or the message is older than seven days, only people act on it."""
    desks = Desks(store)
    await deliver(store, text("urgent", mode="standby"))
    await deliver(store, text("昔の話", who=2, at_ms=NOW_MS - 8 * 86_400_000))
    await desks.worker().drain()
    assert await said(store) == []
    assert {row.reason for row in await all_of(store, CaseRow)} == {"signal", "dead_letter"}
    assert len(await journal(store)) == 2
    assert await all_of(store, Memory) == []


async def test_words_of_the_room_are_answered_in_the_room(store: Store) -> None:
    """Nothing of the room goes to LINE; the desk's words are written where the resident reads them."""
    desks = Desks(store)
    await deliver(store, text("a"))
    await desks.worker().drain()
    (one,) = await all_of(store, Resident)
    await store.write(lambda s: keep_room_text(s, one.id, "へや", NOW, uuid.uuid4()))
    await desks.worker().drain()
    assert await said(store) == ["echo a"]
    rows = await all_of(store, Journal)
    assert [(row.who, row.kind, row.place) for row in rows][-2:] == [
        ("resident", "room_text", "room"),
        ("desk", "reply", "room"),
    ]
    assert [row.kind for row in await all_of(store, Event)] == ["room.said"]  # wakes the open page


async def test_a_reply_that_opens_the_room_carries_a_link(store: Store) -> None:
    """The link is made in the same transaction as the words that hold it."""

    class Inviting(Echo):
        def decide(self, *args: Any, **more: Any) -> Any:
            from dataclasses import replace

            turn = super().decide(*args, **more)
            door = Reply(lines=(Verbatim("ここ "),), choices=(Choice(Verbatim("ひらく"), opens="room"),))
            return replace(turn, replies=(door,))

    await deliver(store, text("a"))
    await Desks(store, mind=Inviting()).worker().drain()
    assert (await said(store))[0].startswith("ここ https://desk.example/room/enter/")


async def test_first_contact_learns_the_language(store: Store) -> None:
    """LINE's profile is asked once; when it fails the greeting goes on without it."""
    desks = Desks(store)
    desks.line.profile_language = "ne"
    await deliver(store, text("a"))
    await desks.worker().drain()
    await deliver(store, text("b", at_ms=NOW_MS + 1))
    await desks.worker().drain()
    assert desks.line.profiles == 1
    assert [one.language_hint for one in await all_of(store, Resident)] == ["ne"]

    class Down(type(desks.line)):  # type: ignore[misc]
        async def language(self, user_id: str) -> str:
            raise LineUnreachableError("time-out")

    desks.line = Down()
    await deliver(store, text("c", who=2))
    await desks.worker().drain()
    assert "echo c" in await said(store)


async def test_a_poster_is_greeted_and_counted(store: Store) -> None:
    """The code of a printed poster counts who begins to talk by it, once."""
    row = Campaign(token="K7F3", moment="hiroba", languages=["vi"], created_at=NOW)
    await store.write(lambda s: s.add(row))
    desks = Desks(store)
    await deliver(store, text("はじめる [K7F3]"), text("はじめる [K7F3]", at_ms=NOW_MS + 1))
    await desks.worker().drain()
    assert [one.greeted for one in await all_of(store, Campaign)] == [1]


async def test_follow_ups_and_choices_are_kept(store: Store) -> None:
    """A turn's follow-ups become jobs once, a chosen language and contact wish become the resident's."""

    class Careful(Echo):
        def decide(self, *args: Any, **more: Any) -> Any:
            from dataclasses import replace

            from bot.dialog import FollowUp

            turn = super().decide(*args, **more)
            wish = FollowUp("remind", NOW + timedelta(hours=7), "morning")
            return replace(turn, follow_ups=(wish, wish), chosen_language="en", contact_safety="when_writing")

    await deliver(store, text("a"))
    await Desks(store, mind=Careful()).worker().drain()
    (job,) = await all_of(store, Job)
    assert (job.name, job.run_at) == ("remind", NOW + timedelta(hours=7))
    (one,) = await all_of(store, Resident)
    assert job.payload == {"resident_id": str(one.id)}
    assert (one.language, one.contact_safety) == ("en", "when_writing")


async def test_a_slow_turn_shows_that_somebody_is_writing(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loading animation starts only when a turn takes long."""
    shown = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Slow(Echo):
        def hear(self, inbound: Inbound, memory: Mapping[str, Any], language: str) -> Any:
            if inbound.text == "slow":
                asyncio.run_coroutine_threadsafe(shown.wait(), loop).result(5)
            return super().hear(inbound, memory, language)

    desks = Desks(sqlite_store, mind=Slow())
    start = desks.line.start_loading

    async def loading(user_id: str, seconds: int) -> None:
        await start(user_id, seconds)
        shown.set()

    monkeypatch.setattr(desks.line, "start_loading", loading)
    await deliver(sqlite_store, text("quick"))
    await desks.worker().drain()
    assert desks.line.loading == []
    monkeypatch.setattr("bot.worker.SLOW_SECONDS", 0.0)
    await deliver(sqlite_store, text("slow", at_ms=NOW_MS + 1))
    await desks.worker().drain()
    assert len(desks.line.loading) == 1


@pytest.mark.parametrize(
    ("situation", "shown"),
    [("plain", 1), ("concern", 1), ("waiting", 0), ("held", 0), ("standby", 0), ("old", 0), ("sticker", 0)],
)
async def test_nothing_looks_like_a_person_who_writes(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, situation: str, shown: int
) -> None:
    """The loading animation is shown where the desk will answer by itself, and never while a grave case waits."""
    loop = asyncio.get_running_loop()

    class Slow(Echo):
        def hear(self, inbound: Inbound, memory: Mapping[str, Any], language: str) -> Any:
            for _ in range(5):  # the loop goes round: whatever was due at once has begun
                asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(5)
            return super().hear(inbound, memory, language)

    desks = Desks(sqlite_store, mind=Slow())
    worker = desks.worker()
    if situation in ("concern", "waiting", "held"):
        await deliver(sqlite_store, text("concern" if situation == "concern" else "urgent"))
        await worker.drain()
    if situation == "held":
        (case,) = await all_of(sqlite_store, CaseRow)
        await sqlite_store.write(lambda s: cases.claim(s, case.id, HOLDER, NOW) and None)
    monkeypatch.setattr("bot.worker.SLOW_SECONDS", 0.0)
    at_ms = NOW_MS + 1 - (8 * 86_400_000 if situation == "old" else 0)
    if situation == "sticker":
        await deliver(sqlite_store, event(message={"id": "1", "type": "sticker"}, at_ms=at_ms))
    else:
        await deliver(
            sqlite_store, text("and now?", mode="standby" if situation == "standby" else "active", at_ms=at_ms)
        )
    await worker.drain()
    await asyncio.gather(*worker._aside)
    assert len(desks.line.loading) == shown


async def test_run_wakes_up_works_and_stops(store: Store) -> None:
    """A running worker answers what arrives and ends when asked, with nothing half done."""
    desks = Desks(store)
    worker: Worker = desks.worker(poll_seconds=30)
    running = asyncio.create_task(worker.run())
    async with store.listen("outbox") as bell:
        await asyncio.sleep(0)
        await deliver(store, text("a"), text("b", at_ms=NOW_MS + 1))
        while len(await said(store)) < 2:
            await asyncio.wait_for(bell.wait(), 10)
            bell.clear()
    await worker.stop()
    await asyncio.wait_for(running, 10)
    open_events = select(func.count()).select_from(Inbox).where(Inbox.done_db.is_(None))
    assert await store.read(lambda s: s.scalar(open_events)) == 0


def test_back_off_doubles_up_to_five_minutes() -> None:
    """One second, doubled, capped, spread by a fifth either way."""
    assert [backoff(n, 0.5) for n in (1, 2, 3, 4)] == [1.0, 2.0, 4.0, 8.0]
    assert backoff(40, 0.5) == 300.0
    assert backoff(1, 0.0) == pytest.approx(0.8)
    assert backoff(1, 1.0) == pytest.approx(1.2)


async def test_what_people_read_along_with_is_told_in_the_same_transaction(store: Store) -> None:
    """Only words of a case that a person reads; what fails there takes the whole turn back."""
    told: list[tuple[uuid.UUID, str]] = []

    def written(session: Session, case_id: uuid.UUID, uid: uuid.UUID, _at: Any) -> None:
        row = session.scalars(select(Journal).where(Journal.uid == uid)).one()
        told.append((case_id, str(body(session, row)["text"])))
        if "twice" in str(body(session, row)["text"]) and len(told) == 1:
            raise RuntimeError("it broke here")

    await deliver(store, text("hello"))
    worker = Desks(store).worker(written=written)
    await worker.drain()
    assert told == []
    await deliver(store, text("urgent twice"))
    await worker.drain()
    assert [words for _case, words in told] == ["urgent twice"]
    rows = await store.read(lambda s: [str(body(s, r).get("text")) for r in s.scalars(select(Journal))])
    assert rows.count("urgent twice") <= 1
    await store.write(lambda s: s.execute(update(Inbox).values(next_db=0.0)))
    await store.write(lambda s: s.execute(update(Lane).values(run_db=0.0)))
    await worker.drain()
    await deliver(store, text("and then"))
    await worker.drain()
    case_id = await store.read(lambda s: s.scalars(select(CaseRow.id)).one())
    assert told[1:] == [(case_id, "urgent twice"), (case_id, "and then")]
