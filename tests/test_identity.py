"""LINE's id in danger of life: two people, a reason, an hour, and everything written down (CARE C29)."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from bot import cases
from bot.models import Audit, CaseRow
from bot.store import Store
from handoff import identity
from handoff.staff import add_staff
from tests.console_world import NOW, OWN_HAND, PASSWORD, VANISH, World, a_resident, build, form, writes


@pytest.fixture
async def world(store: Store) -> World:
    return await build(store)


async def in_danger(world: World, signal: Any = VANISH) -> uuid.UUID:
    case = await writes(world.store, await a_resident(world.store), "x", signal, event="open")
    assert case is not None
    return case.id


async def posts(world: World, role: str, path: str, **fields: str) -> Any:
    async with world.browser() as browser:
        return await browser.post(path, data=form(await world.signed_in(role, browser), **fields))


async def asked_id(world: World, case_id: uuid.UUID) -> str:
    found = await world.store.read(lambda s: identity.standing(s, case_id, world.clock.now()))
    assert found is not None
    return str(found.id)


async def agreed(world: World, case_id: uuid.UUID) -> None:
    """Let the specialist ask and the supervisor agree."""
    root = f"/cases/{case_id}/identity"
    assert (await posts(world, "specialist", f"{root}/ask", reason="名前も場所も分からない")).status_code == 303
    answer = await posts(world, "supervisor", f"{root}/agree", request=await asked_id(world, case_id))
    assert answer.status_code == 303


async def test_two_people_open_it_and_get_the_form(world: World) -> None:
    case_id = await in_danger(world)
    form_at = f"/cases/{case_id}/identity/form"
    await agreed(world, case_id)
    for role in ("specialist", "supervisor"):
        page = await posts(world, role, form_at)
        assert page.status_code == 200
        for words in ("U0", "名前も場所も分からない", "さとう・たなか", "警察署 御中"):
            assert words in page.text
    acts = await world.store.read(
        lambda s: list(s.scalars(select(Audit.action).where(Audit.action.like("identity.%"))))
    )
    assert acts == ["identity.asked", "identity.agreed", "identity.opened", "identity.opened"]
    texts = await world.store.read(lambda s: [f"{row.detail} {row.reason}" for row in s.scalars(select(Audit))])
    assert not any("分からない" in text or "U0" in text for text in texts)


async def test_one_person_opens_nothing(world: World) -> None:
    """Neither before anybody agreed, nor by agreeing to her own request, nor with somebody else's number."""
    case_id = await in_danger(world)
    root = f"/cases/{case_id}/identity"
    assert (await posts(world, "specialist", f"{root}/form")).status_code == 403
    await posts(world, "specialist", f"{root}/ask", reason="場所が分からない")
    assert (await posts(world, "specialist", f"{root}/form")).status_code == 403
    own = await posts(world, "specialist", f"{root}/agree", request=await asked_id(world, case_id))
    assert own.status_code == 403
    assert (await posts(world, "supervisor", f"{root}/agree", request=str(uuid.uuid4()))).status_code == 422
    assert (await posts(world, "supervisor", f"{root}/agree", request="x")).status_code == 422
    for role in ("specialist", "supervisor"):
        assert (await posts(world, role, f"{root}/form")).status_code == 403
    assert (await posts(world, "specialist", f"{root}/ask", reason="もう一度")).status_code == 422
    assert (await posts(world, "specialist", f"{root}/ask", reason=" ")).status_code == 422


async def test_it_is_for_these_two_alone(world: World) -> None:
    case_id = await in_danger(world)
    await agreed(world, case_id)
    await add_staff(
        world.store, world.passwords, login="third", work_name="すずき", role="supervisor", password=PASSWORD, at=NOW
    )
    answer = await posts(world, "third", f"/cases/{case_id}/identity/form")
    assert (answer.status_code, "U0" in answer.text) == (403, False)
    async with world.browser() as browser:
        await world.signed_in("third", browser)
        page = (await browser.get(f"/cases/{case_id}/identity")).text
    assert "見られるのは、この二人だけです" in page


@pytest.mark.parametrize("step", ["ask", "form"])
async def test_it_ends_by_itself(world: World, step: str) -> None:
    """A request that nobody answered, and what was agreed to, are over after an hour."""
    case_id = await in_danger(world)
    root = f"/cases/{case_id}/identity"
    if step == "form":
        await agreed(world, case_id)
    else:
        await posts(world, "specialist", f"{root}/ask", reason="場所が分からない")
        number = await asked_id(world, case_id)
    world.clock.set(NOW + timedelta(minutes=61), running=False)
    if step == "form":
        assert (await posts(world, "specialist", f"{root}/form")).status_code == 403
    else:
        assert (await posts(world, "supervisor", f"{root}/agree", request=number)).status_code == 422
    await agreed(world, case_id)  # it can be asked for again


async def test_only_while_a_life_is_in_danger(world: World) -> None:
    urgent = await in_danger(world, OWN_HAND)
    answer = await posts(world, "specialist", f"/cases/{urgent}/identity/ask", reason="場所が分からない")
    assert answer.status_code == 422
    for change in ({"severity": "urgent"}, {"state": "closed"}):
        case_id = await in_danger(world)
        await agreed(world, case_id)
        statement = update(CaseRow).where(CaseRow.id == case_id).values(**change)
        await world.store.write(lambda s, what=statement: s.execute(what) and None)
        assert (await posts(world, "specialist", f"/cases/{case_id}/identity/form")).status_code == 422


async def test_the_talk_says_that_it_was_opened(world: World) -> None:
    case_id = await in_danger(world)
    await world.store.write(lambda s: cases.claim(s, case_id, world.staff["specialist"], NOW))
    await agreed(world, case_id)
    await posts(world, "supervisor", f"/cases/{case_id}/identity/form")
    async with world.browser() as browser:
        await world.signed_in("specialist", browser)
        page = (await browser.get(f"/cases/{case_id}")).text
        assert "LINEのIDを見ました" in page
        assert "U0" not in page
        assert "LINEのIDを二人で開く" in (await browser.get(f"/cases/{case_id}/emergency")).text
