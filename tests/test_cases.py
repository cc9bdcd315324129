"""A case opens, is taken by exactly one person, silences the desk while it is held, and is never lost."""

import asyncio
import json
import random
import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import exists, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session

from bot import cases, journal
from bot.errors import CaseMovedError, RefusedError
from bot.messages import Severity, Signal
from bot.models import Audit, CaseRow, Event, Journal, Memory, Outbox, Resident, SignalRow
from bot.opening import Opening, Schedule
from bot.situation import CASE_TABLE, OPEN_STATES, Case, CaseEvent, City, Desk, next_state
from bot.store import Store, db_now, enqueue_outbox
from bot.vault import resident_owner, seal, unseal
from handoff import listing

NOW = datetime(2026, 11, 20, 17, 10, tzinfo=UTC)  # 02:10 on Saturday in Tokyo
DAILY = Opening((Schedule((0, 1, 2, 3, 4), time(9), time(17)),))
CITY = City("ひなた市", (Desk("hinata", "ひなた窓口", "基本型", DAILY),))
FEAR = Signal(
    "abuse", Severity.URGENT, ("infant",), "たたいてしまいそう", "own_hand_fear", "自分の手がこわい", "child", "fear"
)
TIRED = Signal("anxiety", Severity.CONCERN, (), "つかれました", "tired", "疲れ")
NOW_DYING = Signal("crisis", Severity.EMERGENCY, (), "いまから", "means", "手段がある", "self", "now")


async def a_resident(store: Store, *, memory: dict[str, Any] | None = None) -> uuid.UUID:
    """Make one resident with a key, and a memory if given."""
    resident_id = uuid.uuid4()
    owner = resident_owner(resident_id)
    await store.ensure_keys([owner])

    def unit(session: Session) -> None:
        session.add(
            Resident(
                id=resident_id,
                line_hash=resident_id.hex,
                line_id_sealed=seal(session, owner, "resident", "line_id", resident_id, "U0"),
                first_seen_at=NOW,
            )
        )
        session.flush()
        if memory is not None:
            body = seal(session, owner, "memory", "body", resident_id, json.dumps(memory))
            session.execute(insert(Memory).values(resident_id=resident_id, version=1, body_sealed=body))

    await store.write(unit)
    return resident_id


async def heard(
    store: Store,
    resident_id: uuid.UUID,
    *signals: Signal,
    event: Any = "",
    reason: str = "",
    at: datetime = NOW,
) -> Case | None:
    """Let a turn report `signals` and `event`."""
    return await store.write(
        lambda s: cases.apply(
            s, resident_id, signals=signals, event=event, reason=reason, journal_uid=None, at=at, city=CITY
        )
    )


async def a_case(store: Store, *signals: Signal, memory: dict[str, Any] | None = None) -> tuple[uuid.UUID, Case]:
    """Make a resident whose words opened a waiting case."""
    resident_id = await a_resident(store, memory=memory)
    case = await heard(store, resident_id, *(signals or (FEAR,)))
    assert case is not None
    return resident_id, case


async def row_of(store: Store, case_id: uuid.UUID) -> CaseRow:
    """Read the row of a case."""
    return await store.read(lambda s: s.get_one(CaseRow, case_id))


async def kinds_of_events(store: Store) -> list[str]:
    """Read what the console was told, in order."""
    return await store.read(lambda s: list(s.scalars(select(Event.kind).order_by(Event.id))))


async def remembered(store: Store, resident_id: uuid.UUID) -> dict[str, Any]:
    """Read the desk's memory."""

    def unit(session: Session) -> dict[str, Any]:
        row = session.get_one(Memory, resident_id)
        found = unseal(session, resident_owner(resident_id), "memory", "body", resident_id, row.body_sealed)
        return {**json.loads(found), "version": row.version}

    return await store.read(unit)


# --- the pure table -------------------------------------------------------------------------------------------------

EVENTS: list[CaseEvent] = sorted({event for moves in CASE_TABLE.values() for event in moves})


@given(st.lists(st.sampled_from(EVENTS), max_size=30))
def test_any_sequence_of_events_keeps_the_tables_promises(events: list[CaseEvent]) -> None:
    """Only a claim begins a hold; only release, transfer, lapse and close end it; no alarm is ever lost."""
    state: Any = "new"
    for event in events:
        try:
            after = next_state(state, event)
        except CaseMovedError:
            assert event not in CASE_TABLE[state]
            continue
        if after == "claimed" and state != "claimed":
            assert event == "claim"
        if state == "claimed" and after != "claimed":
            assert event in ("release", "transfer", "lapse", "close")
        if event == "alarm":
            assert after in ("waiting", "claimed")
        if after == "declined" and state != "declined":
            assert state == "offered"
        if state == "waiting" and after == "closed":
            pytest.fail("a waiting case was closed unread")
        state = after


def test_every_event_of_people_leads_to_one_state() -> None:
    """The compare-and-swap may name its target, because the table gives each such event one."""
    for event in ("claim", "release", "transfer", "lapse", "close", "reopen"):
        assert len({moves[event] for moves in CASE_TABLE.values() if event in moves}) == 1
    assert {state for state in CASE_TABLE if state not in ("new", "closed")} == OPEN_STATES


# --- opening and joining --------------------------------------------------------------------------------------------


async def test_a_concern_is_offered_and_an_urgent_signal_waits(store: Store) -> None:
    """Concern leads to an offer, anything above to the queue, and the words are sealed."""
    one, two = await a_resident(store), await a_resident(store)
    calm, grave = await heard(store, one, TIRED), await heard(store, two, FEAR, TIRED)
    assert calm is not None
    assert grave is not None
    assert (calm.state, calm.severity) == ("offered", Severity.CONCERN)
    assert (grave.state, grave.severity, grave.kinds) == ("waiting", Severity.URGENT, ("abuse", "anxiety"))
    assert grave.aspects == ("infant",)

    def unit(session: Session) -> tuple[bytes, str]:
        row = session.scalars(select(SignalRow).where(SignalRow.kind == "abuse")).one()
        assert row.evidence_sealed is not None
        return row.evidence_sealed, cases.evidence(session, row)

    sealed, words = await store.read(unit)
    assert words == FEAR.evidence
    assert FEAR.evidence.encode() not in sealed


async def test_a_person_asked_for_is_a_waiting_concern(store: Store) -> None:
    """Who asks for a person waits for one, without any signal."""
    case = await heard(store, await a_resident(store), event="open", reason="asked")
    assert case is not None
    assert (case.state, case.severity) == ("waiting", Severity.CONCERN)
    row = await row_of(store, case.id)
    assert (row.reason, row.desk_id) == ("asked", "hinata")


async def test_new_signals_join_the_open_case_and_severity_only_rises(store: Store) -> None:
    """A resident has one open case; a calmer signal does not lower it."""
    resident_id, case = await a_case(store, FEAR)
    later = await heard(store, resident_id, NOW_DYING)
    calmer = await heard(store, resident_id, TIRED)
    assert later is not None
    assert calmer is not None
    assert case.id == later.id == calmer.id
    assert (later.severity, calmer.severity) == (Severity.EMERGENCY, Severity.EMERGENCY)
    assert calmer.kinds == ("abuse", "crisis", "anxiety")
    assert await store.read(lambda s: s.scalar(select(func.count()).select_from(SignalRow))) == 3


async def test_a_no_with_grave_words_is_an_alarm(store: Store) -> None:
    """Declining counts only for a concern: an urgent signal in the same breath calls a person."""
    resident_id = await a_resident(store)
    await heard(store, resident_id, TIRED)
    case = await heard(store, resident_id, NOW_DYING, event="decline")
    assert case is not None
    assert case.state == "waiting"


async def test_what_the_table_does_not_allow_changes_nothing(store: Store) -> None:
    """A resident is never an error: a late no on a waiting case is heard and changes nothing."""
    resident_id, case = await a_case(store)
    assert await heard(store, resident_id, event="decline") == case
    nobody = await a_resident(store)
    assert await heard(store, nobody, event="decline") is None
    assert await heard(store, nobody) is None


async def to_be_read(store: Store) -> set[uuid.UUID]:
    """Return the declined cases that a person must still read."""
    return {one.row.id for one in await store.read(lambda s: listing.listed(s, [listing.UNREAD_NO]))}


async def test_a_declined_case_of_abuse_stays_listed_until_a_person_read_it(store: Store) -> None:
    """A no ends contact, not reading (CARE C17), and new words make it unread again."""
    worry = replace(FEAR, severity=Severity.CONCERN)
    resident_id, case = await a_case(store, worry)
    await heard(store, resident_id, event="decline")
    assert case.id in await to_be_read(store)
    await store.write(lambda s: cases.mark_read(s, case.id, NOW))
    assert case.id not in await to_be_read(store)
    again = await heard(store, resident_id, worry)
    assert again is not None
    assert again.state == "declined"
    assert case.id in await to_be_read(store)
    tired_id, tired = await a_case(store, TIRED)
    await heard(store, tired_id, event="decline")
    assert tired.id not in await to_be_read(store)


async def test_two_transactions_that_open_at_once_open_one_case(store: Store) -> None:
    """The unique index and the join make one case of many openings."""
    resident_id = await a_resident(store)
    found = await asyncio.gather(
        *(heard(store, resident_id, FEAR) for _ in range(5)),
        *(store.write(lambda s: cases.open_for_failure(s, resident_id, "dead_letter", NOW)) for _ in range(5)),
    )
    assert len({case.id for case in found if case is not None}) == 1
    assert await store.read(lambda s: s.scalar(select(func.count()).select_from(CaseRow))) == 1


async def test_a_failure_calls_a_person_urgently(store: Store) -> None:
    """A dead letter opens an urgent case, raises a calm one, and leaves an emergency an emergency."""
    fresh, calm, grave = await a_resident(store), await a_resident(store), await a_resident(store)
    await heard(store, calm, TIRED)
    await heard(store, grave, NOW_DYING)

    async def failed(resident_id: uuid.UUID) -> tuple[str, str]:
        case = await store.write(lambda s: cases.open_for_failure(s, resident_id, "given_up", NOW))
        return case.state, case.severity.value

    assert await failed(fresh) == ("waiting", "urgent")
    assert await failed(calm) == ("waiting", "urgent")
    assert await failed(grave) == ("waiting", "emergency")


async def test_an_alarm_wakes_a_case_on_hold(store: Store) -> None:
    """A new urgent signal sends a case on hold back to the queue; a concern leaves it with its person."""
    resident_id, case = await a_case(store)
    me = uuid.uuid4()
    await store.write(lambda s: cases.claim(s, case.id, me, NOW))
    await store.write(lambda s: cases.release(s, case.id, me, NOW, name="さとう", agreed=""))
    calm = await heard(store, resident_id, TIRED)
    assert calm is not None
    assert (calm.state, calm.holder_id) == ("on_hold", me)
    woken = await heard(store, resident_id, FEAR, at=NOW + timedelta(hours=1))
    assert woken is not None
    assert (woken.state, woken.holder_id) == ("waiting", None)


# --- claiming -------------------------------------------------------------------------------------------------------


async def test_twenty_people_claim_at_once_and_one_holds_it(store: Store) -> None:
    """However many press at once, the case has exactly one holder and the others are told so."""
    for _ in range(5):
        _resident_id, case = await a_case(store)
        staff = [uuid.uuid4() for _ in range(20)]
        results = await asyncio.gather(
            *(store.write(lambda s, case=case, who=who: cases.claim(s, case.id, who, NOW)) for who in staff),
            return_exceptions=True,
        )
        won = [who for who, result in zip(staff, results, strict=True) if isinstance(result, Case)]
        assert len(won) == 1
        assert sum(isinstance(r, CaseMovedError) for r in results) == 19
        assert (await row_of(store, case.id)).holder_id == won[0]


async def test_a_claim_takes_back_what_the_desk_was_about_to_say(store: Store) -> None:
    """Waiting desk rows are withdrawn; a request in flight, staff's words and notices stay."""
    resident_id, case = await a_case(store)

    def fill(session: Session) -> dict[str, uuid.UUID]:
        made = {
            origin: enqueue_outbox(session, resident_id, [{"type": "text", "text": "x"}], origin=origin, at=NOW)
            for origin in ("desk", "staff", "notice")
        }
        made["flying"] = enqueue_outbox(session, resident_id, [], origin="desk", at=NOW)
        session.execute(update(Outbox).where(Outbox.id == made["flying"]).values(in_flight=True))
        return made

    made = await store.write(fill)
    await store.write(lambda s: cases.claim(s, case.id, uuid.uuid4(), NOW))
    found = {row.id: row.state for row in await store.read(lambda s: list(s.scalars(select(Outbox))))}
    assert {name: found[row_id] for name, row_id in made.items()} == {
        "desk": "withdrawn",
        "staff": "pending",
        "notice": "pending",
        "flying": "pending",
    }


async def test_a_closed_case_is_not_reopened_between_a_look_and_its_commit(store: Store) -> None:
    """Whoever saw that no case is open writes for the desk; reopening waits until that is committed."""
    if store.is_sqlite:
        pytest.skip("SQLite has one writer: nothing comes between")
    resident_id, case = await a_case(store)
    person = uuid.uuid4()
    await store.write(lambda s: cases.claim(s, case.id, person, NOW))
    await store.write(lambda s: cases.close(s, case.id, person, NOW, name="さとう"))
    gate = create_async_engine(store.url.set(drivername="postgresql+asyncpg"))

    def desk(session: Session) -> None:
        assert cases.open_case(session, resident_id, lock=True) is None
        session.execute(text("SELECT pg_advisory_xact_lock(7)"))  # until the test opens the gate
        enqueue_outbox(session, resident_id, [{"type": "text", "text": "x"}], origin="desk", at=NOW)

    def take(session: Session) -> None:
        session.execute(text("SET LOCAL lock_timeout = '1ms'"))
        cases.reopen(session, case.id, person, NOW)
        cases.claim(session, case.id, person, NOW)

    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND NOT granted")
    async with gate.begin() as held:
        await held.execute(text("SELECT pg_advisory_xact_lock(7)"))
        writing = asyncio.create_task(store.write(desk))
        while not (await held.execute(waiting)).scalar_one():
            pass
        with pytest.raises(DBAPIError, match="lock timeout"):
            await store.write(take)
    await writing
    await gate.dispose()


HELD_AND_PENDING = (
    select(func.count())
    .select_from(Outbox)
    .where(
        Outbox.origin == "desk",
        Outbox.state == "pending",
        Outbox.in_flight.is_(False),
        exists().where(CaseRow.resident_id == Outbox.resident_id, CaseRow.state == "claimed"),
    )
)


@pytest.mark.parametrize("seed", range(3))
async def test_no_desk_row_waits_while_a_person_holds_the_talk(store: Store, seed: int) -> None:
    """In random interleavings of worker, sender, people and lapses, one snapshot never shows both."""
    resident_id, case = await a_case(store, memory={"dialog": "x"})
    dice = random.Random(seed)
    bad: list[int] = []
    stop = False

    def desk(session: Session) -> None:
        found = cases.open_case(session, resident_id, lock=True)
        if found is None or not found.held:
            enqueue_outbox(session, resident_id, [{"type": "text", "text": "x"}], origin="desk", at=NOW)

    def take_off(session: Session) -> None:
        one = select(Outbox.id).where(Outbox.state == "pending", Outbox.in_flight.is_(False)).limit(1)
        session.execute(
            update(Outbox)
            .where(Outbox.id.in_(one.scalar_subquery()), Outbox.state == "pending", Outbox.in_flight.is_(False))
            .values(in_flight=True)
        )

    def land(session: Session) -> None:
        found = cases.open_case(session, resident_id, lock=True)
        after = "withdrawn" if found is not None and found.held else dice.choice(("pending", "accepted"))
        session.execute(update(Outbox).where(Outbox.in_flight.is_(True)).values(in_flight=False, state=after))

    def forget(session: Session) -> None:
        session.execute(update(CaseRow).values(activity_db=db_now(session) - 10_000))
        cases.lapse_due(session, NOW, CITY)

    def person(session: Session) -> None:
        me = uuid.UUID(int=dice.randrange(3))
        act = dice.choice(("claim", "claim", "claim", "reply", "release", "transfer", "close", "reopen"))
        if act == "claim":
            cases.claim(session, case.id, me, NOW)
        elif act == "reply":
            cases.reply(session, case.id, me, "はい", NOW, key=uuid.uuid4(), name="さとう", place="line")
        elif act == "release":
            cases.release(session, case.id, me, NOW, name="さとう", agreed="")
        elif act == "transfer":
            cases.transfer(session, case.id, me, NOW, name="さとう")
        elif act == "close":
            cases.close(session, case.id, me, NOW, name="さとう")
        else:
            cases.reopen(session, case.id, me, NOW)

    async def play(unit: Any, times: int) -> None:
        for _ in range(times):
            try:
                await store.write(unit)
            except RefusedError:
                continue

    async def watch() -> None:
        while not stop:
            bad.append(await store.read(lambda s: s.scalar(HELD_AND_PENDING)) or 0)

    watcher = asyncio.create_task(watch())
    await asyncio.gather(
        *(play(desk, 25) for _ in range(3)),
        play(take_off, 20),
        play(land, 20),
        play(forget, 5),
        *(play(person, 30) for _ in range(2)),
    )
    stop = True
    await watcher
    assert len(bad) > 20
    assert max(bad) == 0
    assert "case.claimed" in await kinds_of_events(store)


# --- living in a claim ----------------------------------------------------------------------------------------------


async def age(store: Store, case_id: uuid.UUID, seconds: float) -> None:
    """Let `seconds` of database time pass for one claim."""

    def unit(session: Session) -> None:
        row = session.get_one(CaseRow, case_id)
        row.activity_db -= seconds
        if row.unanswered_since_db is not None:
            row.unanswered_since_db -= seconds

    await store.write(unit)


async def lapse(store: Store) -> list[uuid.UUID]:
    """Return what lapses now."""
    return await store.write(lambda s: cases.lapse_due(s, NOW, CITY))


async def test_an_unanswered_emergency_returns_after_three_minutes(store: Store) -> None:
    """A claim lives on human acts: typing keeps it, silence gives it back (CARE C16)."""
    _resident_id, case = await a_case(store, NOW_DYING, memory={"language": "ja"})
    me = uuid.uuid4()
    await store.write(lambda s: cases.claim(s, case.id, me, NOW))
    await age(store, case.id, 170)
    assert await lapse(store) == []
    assert await store.write(lambda s: cases.renew(s, case.id, me))
    assert not await store.write(lambda s: cases.renew(s, case.id, uuid.uuid4()))
    await age(store, case.id, 170)
    assert await lapse(store) == []
    await age(store, case.id, 11)
    assert await lapse(store) == [case.id]
    row = await row_of(store, case.id)
    assert (row.state, row.holder_id, row.acknowledged_at) == ("waiting", None, None)
    assert row.waiting_since_at == NOW  # her place in the queue is kept
    found = await remembered(store, row.resident_id)
    assert found["handback"]["lapsed"] is True
    assert found["version"] == 2
    assert "case.lapsed" in await kinds_of_events(store)
    assert not await store.write(lambda s: cases.renew(s, case.id, me))


async def test_an_answered_emergency_and_a_calm_case_have_the_long_lease(store: Store) -> None:
    """After a reply, and where no emergency waits, half an hour without a human act gives the case back."""
    resident_id, case = await a_case(store, NOW_DYING)
    me = uuid.uuid4()
    await store.write(lambda s: cases.claim(s, case.id, me, NOW))
    await store.write(
        lambda s: cases.reply(s, case.id, me, "ここにいます", NOW, key=uuid.uuid4(), name="さとう", place="room")
    )
    await age(store, case.id, 1700)
    assert await lapse(store) == []
    await store.write(lambda s: cases.note_inbound(s, resident_id, NOW))
    await age(store, case.id, 100)
    assert await lapse(store) == []  # three minutes from her new words
    await age(store, case.id, 81)
    assert await lapse(store) == [case.id]

    _other, calm = await a_case(store, TIRED)
    await store.write(lambda s: cases.claim(s, calm.id, me, NOW))
    await age(store, calm.id, 1790)
    assert await lapse(store) == []
    await age(store, calm.id, 11)
    assert await lapse(store) == [calm.id]


async def test_her_second_message_does_not_restart_the_clock(store: Store) -> None:
    """The three minutes run from the first message that nobody answered."""
    resident_id, case = await a_case(store, NOW_DYING)
    await store.write(lambda s: cases.claim(s, case.id, uuid.uuid4(), NOW))
    await age(store, case.id, 100)
    await store.write(lambda s: cases.note_inbound(s, resident_id, NOW))
    await age(store, case.id, 81)
    assert await lapse(store) == [case.id]


async def test_release_tells_the_desk_facts_and_keeps_the_person_responsible(store: Store) -> None:
    """On release the desk learns who talked, what was agreed and when they go on; nothing else."""
    resident_id, case = await a_case(store, memory={"dialog": "place"})
    me = uuid.uuid4()
    await store.write(lambda s: cases.claim(s, case.id, me, NOW))
    released = await store.write(
        lambda s: cases.release(
            s, case.id, me, NOW, name="さとう", agreed="一時預かりを一緒に見る", next_date=date(2026, 11, 24)
        )
    )
    assert (released.state, released.holder_id) == ("on_hold", me)
    assert await remembered(store, resident_id) == {
        "dialog": "place",
        "version": 2,
        "handback": {
            "name": "さとう",
            "agreed": "一時預かりを一緒に見る",
            "next": "2026-11-24",
            "at": NOW.isoformat(),
        },
    }


async def test_only_the_holder_gives_back_hands_over_or_ends(store: Store) -> None:
    """Nobody releases, transfers or closes another person's claim; a waiting case is not closed unread."""
    _resident_id, case = await a_case(store)
    me, other = uuid.uuid4(), uuid.uuid4()
    with pytest.raises(CaseMovedError):
        await store.write(lambda s: cases.close(s, case.id, me, NOW, name="さとう"))
    await store.write(lambda s: cases.claim(s, case.id, me, NOW))
    for act in (cases.transfer, cases.close):
        with pytest.raises(CaseMovedError):
            await store.write(lambda s, act=act: act(s, case.id, other, NOW, name="たなか"))
    with pytest.raises(CaseMovedError):
        await store.write(lambda s: cases.release(s, case.id, other, NOW, name="たなか", agreed=""))
    moved = await store.write(lambda s: cases.transfer(s, case.id, me, NOW, name="さとう"))
    assert (moved.state, moved.holder_id) == ("waiting", None)
    await store.write(lambda s: cases.claim(s, case.id, other, NOW))
    closed = await store.write(lambda s: cases.close(s, case.id, other, NOW, name="たなか"))
    assert closed.state == "closed"
    again = await store.write(lambda s: cases.reopen(s, case.id, me, NOW))
    assert again.state == "waiting"


async def test_a_closed_case_stays_closed_while_another_is_open(store: Store) -> None:
    """Reopening never makes two open cases of one resident."""
    resident_id, case = await a_case(store)
    me = uuid.uuid4()
    await store.write(lambda s: cases.claim(s, case.id, me, NOW))
    await store.write(lambda s: cases.close(s, case.id, me, NOW, name="さとう"))
    second = await heard(store, resident_id, FEAR)
    assert second is not None
    assert second.id != case.id
    with pytest.raises(CaseMovedError):
        await store.write(lambda s: cases.reopen(s, case.id, me, NOW))


async def test_only_a_person_lowers_the_severity_and_says_why(store: Store) -> None:
    """Lowering needs a reason, is written down, and never raises."""
    _resident_id, case = await a_case(store)
    me = uuid.uuid4()
    with pytest.raises(RefusedError):
        await store.write(lambda s: cases.lower(s, case.id, me, Severity.CONCERN, "  ", NOW))
    with pytest.raises(RefusedError):
        await store.write(lambda s: cases.lower(s, case.id, me, Severity.EMERGENCY, "x", NOW))
    lowered = await store.write(lambda s: cases.lower(s, case.id, me, Severity.CONCERN, "ゲームの話でした", NOW))
    assert lowered.severity is Severity.CONCERN
    audit = await store.read(lambda s: s.scalars(select(Audit).where(Audit.action == "case.lowered")).one())
    assert (audit.actor, audit.reason) == (f"staff:{me}", "ゲームの話でした")


# --- replying -------------------------------------------------------------------------------------------------------


async def test_the_same_key_says_the_words_once(store: Store) -> None:
    """Ten presses of the same form leave one message, also when they race, and other words are not swallowed."""
    _resident_id, case = await a_case(store)
    me, key = uuid.uuid4(), uuid.uuid4()
    await store.write(lambda s: cases.claim(s, case.id, me, NOW))

    def say(session: Session, words: str = "読みました") -> cases.Sent:
        return cases.reply(session, case.id, me, words, NOW, key=key, name="さとう", place="line")

    sent = await asyncio.gather(*(store.write(say) for _ in range(10)))
    assert sum(one.fresh for one in sent) == 1
    assert len({one.uid for one in sent}) == 1
    assert await store.read(lambda s: s.scalar(select(func.count()).select_from(Journal))) == 1
    assert await store.read(lambda s: s.scalar(select(func.count()).select_from(Outbox))) == 1
    with pytest.raises(RefusedError):
        await store.write(lambda s: say(s, "ほかの言葉"))
    await store.write(lambda s: cases.release(s, case.id, me, NOW, name="さとう", agreed=""))
    assert not (await store.write(say)).fresh  # a late retry after the release is no error and no second message


async def test_words_in_line_carry_the_work_name_and_words_in_the_room_stay_there(store: Store) -> None:
    """A LINE reply names its sender; a room reply makes no LINE message of its own."""
    resident_id, case = await a_case(store)
    me = uuid.uuid4()
    await store.write(lambda s: cases.claim(s, case.id, me, NOW))

    def say(session: Session) -> list[dict[str, Any]]:
        cases.reply(session, case.id, me, "ルームで", NOW, key=uuid.uuid4(), name="さとう", place="room")
        sent = cases.reply(session, case.id, me, "LINEで", NOW, key=uuid.uuid4(), name="さとう", place="line")
        row = session.scalars(select(Outbox)).one()
        assert (row.id, row.origin, row.case_id) == (sent.outbox_id, "staff", case.id)
        found: list[dict[str, Any]] = json.loads(
            unseal(session, resident_owner(resident_id), "outbox", "body", row.id, row.body_sealed)
        )
        said = [journal.body(session, row)["text"] for row in session.scalars(select(Journal).order_by(Journal.id))]
        assert said == ["ルームで", "LINEで"]
        return found

    assert await store.write(say) == [{"type": "text", "text": "LINEで", "sender": {"name": "さとう"}}]


async def test_only_the_holder_speaks(store: Store) -> None:
    """Words of somebody who does not hold the case are refused and nothing is kept."""
    _resident_id, case = await a_case(store)
    for _ in range(2):
        with pytest.raises(CaseMovedError):
            await store.write(
                lambda s: cases.reply(s, case.id, uuid.uuid4(), "x", NOW, key=uuid.uuid4(), name="x", place="room")
            )
        await store.write(lambda s: cases.mark_read(s, case.id, NOW))
    assert await store.read(lambda s: s.scalar(select(func.count()).select_from(Journal))) == 0


async def test_every_move_is_told_and_written_down(store: Store) -> None:
    """Each change leaves an event without words and an audit row with its actor."""
    resident_id, case = await a_case(store)
    me = uuid.uuid4()
    await store.write(lambda s: cases.claim(s, case.id, me, NOW))
    await store.write(lambda s: cases.reply(s, case.id, me, "x", NOW, key=uuid.uuid4(), name="x", place="room"))
    await store.write(lambda s: cases.release(s, case.id, me, NOW, name="x", agreed=""))
    await store.write(lambda s: cases.close(s, case.id, me, NOW, name="x"))
    await store.write(lambda s: cases.reopen(s, case.id, me, NOW))
    told = [
        "case.opened",
        "case.claimed",
        "case.reply",
        "case.released",
        "case.closed",
        "case.reopened",
    ]
    assert await kinds_of_events(store) == told
    rows = await store.read(lambda s: s.execute(select(Audit.action, Audit.actor, Audit.case_id)).all())
    assert [row.action for row in rows] == told
    assert [row.actor for row in rows] == ["system"] + [f"staff:{me}"] * 5
    assert {row.case_id for row in rows} == {case.id}
    assert (await row_of(store, case.id)).resident_id == resident_id
