"""Two people where a life may be in danger, and colleagues who see that somebody is in a talk already."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from bot import cases
from bot.errors import CaseMovedError
from bot.models import CaseRow
from bot.store import Store
from handoff import alarms, watching
from handoff.models import Watching
from handoff.watching import Watcher
from tests.console_world import CITY, NOW, OWN_HAND, TIRED_EN, VANISH, World, a_resident, build, form, writes


@pytest.fixture
async def world(store: Store) -> World:
    return await build(store)


async def held(world: World, *signals: Any, who: uuid.UUID | None = None) -> uuid.UUID:
    """Let the specialist hold a case of these signals."""
    who = who or await a_resident(world.store)
    case = await writes(world.store, who, "x", *signals, event="open")
    assert case is not None
    await world.store.write(lambda s: cases.claim(s, case.id, world.staff["specialist"], NOW))
    return case.id


async def wanted(world: World) -> list[uuid.UUID]:
    """Return the cases that ask for a second person."""
    return [one.id for one in await world.store.read(alarms.seconds)]


async def second(world: World, case_id: uuid.UUID) -> uuid.UUID | None:
    return await world.store.read(lambda s: s.get_one(CaseRow, case_id).second_id)


def can(answer: Any) -> list[str]:
    """Return what a talk's page offers."""
    return str(answer.text).split('data-can="')[1].split('"')[0].split()


async def test_whoever_takes_an_emergency_is_not_alone(world: World) -> None:
    case_id = await held(world, VANISH)
    assert await wanted(world) == [case_id]
    hers = world.staff["supervisor"]
    await world.store.write(lambda s: cases.read_along(s, case_id, hers, NOW))
    assert await wanted(world) == []
    assert await second(world, case_id) == hers


@pytest.mark.parametrize("signal", [OWN_HAND, TIRED_EN])
async def test_for_other_cases_a_second_person_is_asked_for_by_hand(world: World, signal: Any) -> None:
    case_id = await held(world, signal)
    assert await wanted(world) == []
    await world.store.write(lambda s: cases.want_second(s, case_id, world.staff["specialist"], NOW))
    assert await wanted(world) == [case_id]
    with pytest.raises(CaseMovedError):
        await world.store.write(lambda s: cases.want_second(s, case_id, world.staff["supervisor"], NOW))


async def test_new_danger_in_a_held_talk_calls_a_second_person(world: World) -> None:
    """The holder may have looked away; also when somebody read along before (issue E 2)."""
    who = await a_resident(world.store)
    case_id = await held(world, OWN_HAND, who=who)
    await writes(world.store, who, "y", OWN_HAND)
    assert await wanted(world) == []  # urgent is told to the holder
    await writes(world.store, who, "y", VANISH)
    assert await wanted(world) == [case_id]
    await world.store.write(lambda s: cases.read_along(s, case_id, world.staff["supervisor"], NOW))
    await writes(world.store, who, "z", VANISH, at=NOW + timedelta(minutes=1))
    assert await wanted(world) == [case_id]


async def test_who_reads_along_already_can_answer_a_new_call(world: World) -> None:
    """Else the band would stay on her pages with nothing to press."""
    who = await a_resident(world.store)
    case_id = await held(world, VANISH, who=who)
    async with world.browser() as browser:
        csrf = await world.signed_in("supervisor", browser)
        await browser.post(f"/cases/{case_id}/second", data=form(csrf))
        assert (
            "second" not in (await browser.get(f"/cases/{case_id}")).text.split('data-can="')[1].split('"')[0].split()
        )
        await writes(world.store, who, "y", VANISH)
        assert "second" in can(await browser.get(f"/cases/{case_id}"))
        await browser.post(f"/cases/{case_id}/second", data=form(csrf))
    assert await wanted(world) == []


async def test_one_is_not_ones_own_second(world: World) -> None:
    case_id = await held(world, VANISH)
    with pytest.raises(CaseMovedError):
        await world.store.write(lambda s: cases.read_along(s, case_id, world.staff["specialist"], NOW))
    assert await wanted(world) == [case_id]


@pytest.mark.parametrize("end", ["release", "transfer", "close", "lapse"])
async def test_it_ends_with_the_claim(world: World, end: str) -> None:
    case_id, mine = await held(world, VANISH), world.staff["specialist"]

    def unit(session: Session) -> None:
        if end == "release":
            cases.release(session, case_id, mine, NOW, name="x", agreed="x")
        elif end == "transfer":
            cases.transfer(session, case_id, mine, NOW, name="x")
        elif end == "close":
            cases.close(session, case_id, mine, NOW, name="x")
        else:
            session.execute(update(CaseRow).values(activity_db=0.0, unanswered_since_db=0.0))
            assert cases.lapse_due(session, NOW, CITY) == [case_id]

    await world.store.write(lambda s: cases.read_along(s, case_id, world.staff["supervisor"], NOW))
    await world.store.write(lambda s: cases.want_second(s, case_id, mine, NOW))
    await world.store.write(unit)
    assert await wanted(world) == []
    assert await second(world, case_id) is None


async def test_pages_of_colleagues_ask_not_the_holders_own(world: World) -> None:
    """Whoever may not read talks is not asked, and learns no address of one."""
    case_id = await held(world, VANISH)
    for role, expected in (("specialist", []), ("supervisor", [str(case_id)]), ("officer", [])):
        async with world.browser() as browser:
            await world.signed_in(role, browser)
            told = (await browser.get("/alarms")).json()["waiting"]
            assert [one["id"] for one in told] == expected
            assert all(one["severity"] == "second" for one in told)


async def test_who_has_the_talk_open_is_seen(world: World) -> None:
    case_id = await held(world, OWN_HAND)
    async with world.browser() as mine, world.browser() as hers:
        my_csrf, her_csrf = await world.signed_in("specialist", mine), await world.signed_in("supervisor", hers)

        async def here(browser: Any, csrf: str, **fields: str) -> Any:
            return (await browser.post(f"/cases/{case_id}/here", data=form(csrf, **fields))).json()["others"]

        assert await here(mine, my_csrf, typing="yes") == []
        assert await here(hers, her_csrf) == [{"name": "さとう", "typing": True}]
        assert await here(mine, my_csrf) == [{"name": "たなか", "typing": False}]
        await here(hers, her_csrf, gone="yes")
        assert await here(mine, my_csrf) == []
        await here(hers, her_csrf)
        await world.store.write(lambda s: s.execute(update(Watching).values(seen_db=0.0)))
        assert await here(mine, my_csrf) == []  # a browser that says nothing any more is gone


async def test_watching_decides_nothing(world: World) -> None:
    """A browser that is there neither holds the claim alive nor keeps the session (CARE C16)."""
    case_id = await held(world, VANISH)

    def activity(session: Session) -> float:
        return session.get_one(CaseRow, case_id, populate_existing=True).activity_db

    before = await world.store.read(activity)
    found = await world.store.write(lambda s: watching.watch(s, case_id, world.staff["specialist"], typing=True))
    assert found == []
    others = await world.store.write(lambda s: watching.watch(s, case_id, world.staff["supervisor"], typing=False))
    assert others == [Watcher("さとう", True)]
    assert await world.store.read(activity) == before
