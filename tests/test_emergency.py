"""The emergency sheet: the town's own numbers, what is known, and the record of each call."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot import cases
from bot.curation import By
from bot.directory.resources import Phone
from bot.errors import RefusedError
from bot.models import Audit
from bot.store import Store
from handoff import emergency, partners
from handoff.console.emergency import CALLED
from handoff.emergency import Call
from handoff.models import EmergencyNote
from handoff.partners import KINDS, Agency
from tests.console_world import NOW, VANISH, World, a_resident, build, form, writes

BY = By("staff:test", "さとう")
CALL = Call(uuid.UUID(int=1), NOW - timedelta(minutes=2), "ひなた警察署", "佐伯", "向かうとのこと。3時に折り返す")


@pytest.fixture
async def world(store: Store) -> World:
    return await build(store)


async def a_case(world: World) -> uuid.UUID:
    who = await a_resident(world.store, language="vi")
    case = await writes(world.store, who, "x", VANISH)
    assert case is not None
    return case.id


async def posts(world: World, case_id: uuid.UUID, path: str, role: str = "specialist", **fields: str) -> Any:
    async with world.browser() as browser:
        csrf = await world.signed_in(role, browser)
        return await browser.post(f"/cases/{case_id}/emergency/{path}", data=form(csrf, **fields))


async def page_of(world: World, case_id: uuid.UUID) -> str:
    async with world.browser() as browser:
        await world.signed_in("supervisor", browser)
        return (await browser.get(f"/cases/{case_id}/emergency")).text


def test_the_kinds_that_are_called_are_known_kinds() -> None:
    assert set(CALLED) <= set(KINDS)


async def test_the_towns_own_numbers_stand_beside_those_of_all_japan(world: World) -> None:
    case_id = await a_case(world)
    assert "まだ「連携先」にありません" in await page_of(world, case_id)
    for name, kind, number in (
        ("北小学校", "school", "000-555-5601"),
        ("ひなた児相", "child_guidance", "000-555-5101"),
    ):
        agency = Agency(name, kind, phones=(Phone(number),), hand_over="急ぐときは電話で一報")
        await world.store.write(lambda s, agency=agency: partners.add(s, agency, BY, NOW))
    desk = replace(world.city.desks[0], phone="000-555-0110")
    world.set_city(night_phone="000-555-0001", desks=(desk,))
    page = await page_of(world, case_id)
    for number in ("119", "110", "189", "000-555-5101", "000-555-0001", "000-555-0110"):
        assert f"<strong>{number}</strong>" in page
    assert "急ぐときは電話で一報" in page
    assert "000-555-5601" not in page  # a school is not called in an emergency


async def test_what_is_known_is_kept_each_time_by_whoever_reads_along(world: World) -> None:
    case_id = await a_case(world)
    await world.store.write(lambda s: cases.claim(s, case_id, world.staff["specialist"], NOW))
    await posts(world, case_id, "check", **{"q-where": "no", "q-plan": "yes"}, remark="駅の名前を言った")
    world.clock.set(NOW + timedelta(minutes=1), running=False)
    await posts(world, case_id, "check", "supervisor", **{"q-where": "yes", "q-nothing": "yes"})
    checks, calls = await world.store.read(lambda s: emergency.noted(s, case_id))
    assert [dict(one.answers) for one in checks] == [{"where": "yes"}, {"where": "no", "plan": "yes"}]
    assert [one.staff_id for one in checks] == [world.staff["supervisor"], world.staff["specialist"]]
    assert checks[1].remark == "駅の名前を言った"
    assert calls == []
    assert (await posts(world, case_id, "check")).status_code == 422
    page = await page_of(world, case_id)
    assert "駅の名前を言った" in page


async def test_a_call_is_recorded_with_its_time_and_what_came_of_it(world: World) -> None:
    case_id = await a_case(world)
    good = {"to": "警察（110）", "day": "2026-11-21", "clock": "02:05", "spoke_with": "佐伯", "outcome": "向かう"}
    assert (await posts(world, case_id, "call", **good)).status_code == 303
    await posts(world, case_id, "call", **{**good, "other": "となりの市の児相", "clock": "02:10"})
    _checks, calls = await world.store.read(lambda s: emergency.noted(s, case_id))
    assert [(one.to, one.spoke_with) for one in calls] == [("となりの市の児相", "佐伯"), ("警察（110）", "佐伯")]
    for wrong in ({"to": ""}, {"outcome": ""}, {"clock": "x"}, {"day": ""}, {"clock": "02:12"}):
        assert (await posts(world, case_id, "call", **{**good, **wrong})).status_code == 422
    noted = await world.store.read(lambda s: list(s.scalars(select(Audit).where(Audit.action == "emergency.call"))))
    assert len(noted) == 2
    assert all("佐伯" not in f"{row.reason}{row.detail}" for row in noted)  # no words in the audit
    async with world.browser() as browser:
        await world.signed_in("specialist", browser)
        assert "電話の記録を残しました" in (await browser.get(f"/cases/{case_id}")).text


async def test_it_is_sealed_and_goes_with_the_residents_key(world: World) -> None:
    case_id = await a_case(world)
    await world.store.write(
        lambda s: emergency.keep_call(s, case_id, replace(CALL, staff_id=world.staff["specialist"]), NOW)
    )

    def unit(session: Any) -> tuple[bytes, uuid.UUID]:
        return session.scalars(select(EmergencyNote.body_sealed)).one(), session.get_one(
            cases.CaseRow, case_id
        ).resident_id

    sealed, resident = await world.store.read(unit)
    assert "警察".encode() not in sealed
    await world.store.destroy_key(f"resident:{resident}")
    assert await world.store.read(lambda s: emergency.noted(s, case_id)) == ([], [])


async def test_a_call_cannot_lie_ahead(world: World) -> None:
    case_id = await a_case(world)
    ahead = replace(CALL, staff_id=world.staff["specialist"], at=NOW + timedelta(minutes=5))
    with pytest.raises(RefusedError, match="いまより先"):
        await world.store.write(lambda s: emergency.keep_call(s, case_id, ahead, NOW))
