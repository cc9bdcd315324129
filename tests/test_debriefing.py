"""The debriefing after an emergency: due two days after a person first had it, for who took part, once per case."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot import cases
from bot.errors import CaseMovedError, NotAllowedError, RefusedError
from bot.messages import Severity
from bot.models import Audit, CaseRow, Journal, Outbox
from bot.store import Store
from handoff import debriefing, emergency, shift
from handoff.emergency import Call
from handoff.models import Debriefing
from handoff.staff import Actor, Role, add_staff
from tests.console_world import CITY, NOW, OWN_HAND, PASSWORD, TIRED_EN, VANISH, World, a_resident, build, form, writes

LEARNED = "119に電話する人と書く人を、先に決めると楽だった"


@pytest.fixture
async def world(store: Store) -> World:
    return await build(store)


def actor(world: World, role: Role) -> Actor:
    """Return the account of a role as who acts."""
    return Actor(world.staff[role], role, role, role)


async def a_colleague(world: World, role: Role = "specialist") -> Actor:
    """Make one more account, who had nothing to do with it."""
    login = uuid.uuid4().hex[:10]
    id = await add_staff(
        world.store, world.passwords, login=login, work_name="みなみ", role=role, password=PASSWORD, at=NOW
    )
    return Actor(id, login, "みなみ", role)


async def taken(world: World, *signals: Any, who: Role = "specialist") -> uuid.UUID:
    """Let somebody take a case of these signals."""
    case = await writes(world.store, await a_resident(world.store), "x", *signals, event="open")
    assert case is not None
    await world.store.write(lambda s: cases.claim(s, case.id, world.staff[who], NOW))
    return case.id


async def due(world: World, who: Actor) -> list[uuid.UUID]:
    return [one.case_id for one in await world.store.read(lambda s: debriefing.due(s, who))]


async def test_it_belongs_to_an_emergency_that_somebody_took(world: World) -> None:
    """Due two days after the claim, for the holder and for supervisors; for nobody else."""
    case_id = await taken(world, VANISH)
    mine, boss, other = actor(world, "specialist"), actor(world, "supervisor"), await a_colleague(world)
    (one,) = await world.store.read(lambda s: debriefing.due(s, mine))
    assert (one.case_id, one.due, one.took_part) == (case_id, NOW + timedelta(days=2), {mine.id})
    assert await due(world, boss) == [case_id]
    assert await due(world, other) == []


@pytest.mark.parametrize("signals", [(OWN_HAND,), (TIRED_EN,), ()])
async def test_it_belongs_to_nothing_less(world: World, signals: tuple[Any, ...]) -> None:
    await taken(world, *signals)
    assert await due(world, actor(world, "supervisor")) == []


async def test_an_emergency_that_nobody_has_taken_yet_has_none(world: World) -> None:
    case = await writes(world.store, await a_resident(world.store), "x", VANISH, event="open")
    assert case is not None
    assert await due(world, actor(world, "supervisor")) == []
    assert await world.store.read(lambda s: debriefing.of_case(s, case.id)) is None


async def test_a_held_case_that_becomes_an_emergency_has_one_from_then_on(world: World) -> None:
    """New words in the talk, heard by the worker while somebody holds it."""
    case_id = await taken(world, OWN_HAND)
    later = NOW + timedelta(hours=1)
    resident_id = await world.store.read(lambda s: s.get_one(CaseRow, case_id).resident_id)
    await writes(world.store, resident_id, "x", VANISH, at=later)
    (one,) = await world.store.read(lambda s: debriefing.due(s, actor(world, "specialist")))
    assert one.due == later + timedelta(days=2)


async def test_it_is_one_for_a_case_however_often_it_is_taken(world: World) -> None:
    """Handing on, lowering and closing end nothing; everybody who held it or read along took part."""
    case_id, mine, boss = await taken(world, VANISH), world.staff["specialist"], world.staff["supervisor"]
    third, caller = await a_colleague(world), await a_colleague(world)
    later = NOW + timedelta(hours=5)

    def unit(session: Session) -> None:
        cases.read_along(session, case_id, third.id, NOW)
        cases.transfer(session, case_id, mine, later, name="x")
        cases.claim(session, case_id, boss, later)
        emergency.keep_call(session, case_id, Call(caller.id, later, "警察（110）", "", "向かう"), later)
        cases.lower(session, case_id, boss, Severity.CONCERN, "落ち着いた", later)
        cases.close(session, case_id, boss, later, name="x")

    await world.store.write(unit)
    one = await world.store.read(lambda s: debriefing.of_case(s, case_id))
    assert one is not None
    assert one.due == NOW + timedelta(days=2)
    assert one.took_part == {mine, boss, third.id, caller.id}
    for who in (actor(world, "specialist"), actor(world, "supervisor"), third, caller):
        assert await due(world, who) == [case_id]


async def test_it_is_ended_by_what_was_learned_and_kept_sealed(world: World) -> None:
    """The words open under the install's key alone, stay with the case, and are in no audit row."""
    case_id, mine, boss = await taken(world, VANISH), actor(world, "specialist"), actor(world, "supervisor")
    await world.store.write(lambda s: debriefing.hold(s, case_id, boss, f" {LEARNED} ", NOW))
    assert await due(world, mine) == await due(world, boss) == []
    kept = await world.store.read(lambda s: debriefing.of_case(s, case_id))
    assert kept is not None
    assert (kept.learned, kept.staff_id, kept.at) == (LEARNED, boss.id, NOW)

    def raw(session: Session) -> tuple[bytes, list[Audit]]:
        rows = list(session.scalars(select(Audit).where(Audit.action == "case.debriefed")))
        return session.get_one(Debriefing, case_id).body_sealed, rows

    sealed, rows = await world.store.read(raw)
    assert LEARNED.encode() not in sealed
    assert [(row.actor, row.reason, row.detail) for row in rows] == [(f"staff:{boss.id}", "", {})]
    with pytest.raises(CaseMovedError):  # who is second loses no words unknowingly
        await world.store.write(lambda s: debriefing.hold(s, case_id, mine, "べつのこと", NOW))


async def test_who_took_no_part_ends_nothing(world: World) -> None:
    case_id, stranger = await taken(world, VANISH), await a_colleague(world)
    with pytest.raises(NotAllowedError):
        await world.store.write(lambda s: debriefing.hold(s, case_id, stranger, LEARNED, NOW))
    assert await due(world, actor(world, "specialist")) == [case_id]


@pytest.mark.parametrize("words", ["", "  ", "あ" * (debriefing.LONGEST + 1)])
async def test_a_note_is_neither_empty_nor_endless(world: World, words: str) -> None:
    case_id = await taken(world, VANISH)
    with pytest.raises(RefusedError):
        await world.store.write(lambda s: debriefing.hold(s, case_id, actor(world, "specialist"), words, NOW))


async def test_it_is_no_promise_and_the_family_hears_nothing(world: World) -> None:
    """Answering does not end it, it counts as no promise, and neither journal nor outbox grows by it."""
    case_id, mine = await taken(world, VANISH), actor(world, "specialist")

    def told(session: Session) -> tuple[int, ...]:
        return tuple(session.scalar(select(func.count()).select_from(table)) or 0 for table in (Journal, Outbox))

    def answer(session: Session) -> None:
        cases.reply(session, case_id, mine.id, "読みました", NOW, key=uuid.uuid4(), name="x", place="room")
        shift.keep_answers(session, case_id, mine.id, NOW)

    assert await world.store.read(shift.promises) == []
    await world.store.write(answer)
    assert await due(world, mine) == [case_id]
    before = await world.store.read(told)
    await world.store.write(lambda s: debriefing.hold(s, case_id, mine, LEARNED, NOW))
    assert await world.store.read(told) == before


async def test_the_pages_show_it_to_whom_it_concerns_and_take_the_note_once(world: World) -> None:
    case_id, stranger = await taken(world, VANISH), await a_colleague(world)
    address = f"/cases/{case_id}/debriefing"
    async with world.browser() as mine, world.browser() as theirs:
        csrf = await world.signed_in("specialist", mine)
        page = await mine.get("/today")
        assert "緊急のあとのふりかえり" in page.text
        assert "対応した人: さとう" in page.text
        assert "までに、対応した人どうしで話します" in (await mine.get(f"/cases/{case_id}")).text
        world.clock.set(NOW + timedelta(days=2, minutes=1), running=False)
        assert "（過ぎました）" in (await mine.get("/today")).text
        answer = await theirs.post("/sign-in", data={"login": stranger.login, "password": PASSWORD})
        assert answer.status_code == 303
        page = await theirs.get("/today")
        assert "緊急のあとのふりかえり" not in page.text
        foreign = page.text.split('name="csrf" value="')[1].split('"')[0]
        assert (await theirs.post(address, data=form(foreign, learned=LEARNED))).status_code == 403
        refused = select(Audit.reason).where(Audit.action == "case.debrief", Audit.allowed.is_(False))
        assert await world.store.read(lambda s: list(s.scalars(refused))) == ["took no part"]
        assert (await mine.post(address, data=form(csrf, learned=LEARNED))).status_code == 303
        assert (await mine.post(address, data=form(csrf, learned="もう一度"))).status_code == 409
        assert "緊急のあとのふりかえり" not in (await mine.get("/today")).text
        talk = (await mine.get(f"/cases/{case_id}")).text
        assert LEARNED in talk
        assert "さとうが緊急のあとのふりかえりをしました" in talk


async def test_a_case_on_hold_that_becomes_an_emergency_has_one_once_it_is_taken(world: World) -> None:
    case_id, mine = await taken(world, TIRED_EN), world.staff["specialist"]
    await world.store.write(lambda s: cases.release(s, case_id, mine, NOW, name="x", agreed="明日"))
    resident_id = await world.store.read(lambda s: s.get_one(CaseRow, case_id).resident_id)
    raised = await writes(world.store, resident_id, "x", VANISH, city=replace(CITY))
    assert raised is not None
    assert raised.state == "waiting"
    assert await due(world, actor(world, "supervisor")) == []
    await world.store.write(lambda s: cases.claim(s, case_id, mine, NOW))
    assert await due(world, actor(world, "supervisor")) == [case_id]
