"""What colleagues write for each other on a case, whom it names, and who may not read a case at all."""

from __future__ import annotations

import uuid

import httpx
import pytest
from sqlalchemy import func, select

from bot.models import Outbox
from bot.store import Store
from handoff import notes
from handoff.models import Mention, Note
from tests.console_world import NOW, OWN_HAND, World, a_resident, build, form, writes


@pytest.fixture
async def world(store: Store) -> World:
    return await build(store)


async def waits(world: World, *, reason: str = "asked", who: uuid.UUID | None = None) -> uuid.UUID:
    """Let a case wait without a signal."""
    case = await writes(world.store, who or await a_resident(world.store), "x", event="open", reason=reason)
    assert case is not None
    return case.id


async def writes_note(world: World, case_id: uuid.UUID, role: str, *named: str, text: str = "電話は夕方") -> int:
    """Write a note in the browser and return the status."""
    async with world.browser() as browser:
        csrf = await world.signed_in(role, browser)
        fields: dict[str, str | list[str]] = {"csrf": csrf, "text": text, "named": [str(world.staff[n]) for n in named]}
        return (await browser.post(f"/cases/{case_id}/notes", data=fields)).status_code


async def seen_by(world: World, role: str, path: str) -> httpx.Response:
    async with world.browser() as browser:
        await world.signed_in(role, browser)
        return await browser.get(path)


async def test_a_note_reaches_whom_it_names_and_says_when_it_was_seen(world: World) -> None:
    """Her badge and her day show it until she says that she has seen it; the family hears nothing."""
    case_id = await waits(world)
    assert await writes_note(world, case_id, "specialist", "supervisor") == 303
    day = await seen_by(world, "supervisor", "/today")
    assert "あなたあてのメモ" in day.text
    assert f"/cases/{case_id}#notes" in day.text
    assert "電話は夕方" not in day.text
    assert "<span data-count>1</span>" in day.text
    assert "（まだ見ていません）" in (await seen_by(world, "specialist", f"/cases/{case_id}")).text
    async with world.browser() as browser:
        csrf = await world.signed_in("supervisor", browser)
        page = (await browser.get(f"/cases/{case_id}")).text
        assert "電話は夕方" in page
        assert (await browser.get("/alarms")).json()["named"] == 1  # opening the page is not yet having seen it
        assert (await browser.post(f"/cases/{case_id}/notes/seen", data=form(csrf))).status_code == 303
        assert (await browser.get("/alarms")).json()["named"] == 0
        assert "あなたあてのメモを見ました" not in (await browser.get(f"/cases/{case_id}")).text
    assert "に見ました）" in (await seen_by(world, "specialist", f"/cases/{case_id}")).text
    assert await world.store.read(lambda s: s.scalar(select(func.count()).select_from(Outbox))) == 0


async def test_only_who_may_read_the_case_is_named(world: World) -> None:
    """Officers read no talks, so no note is for them; nor is one for oneself or for an unknown person."""
    case_id = await waits(world)
    assert await writes_note(world, case_id, "specialist", "officer") == 422
    assert await writes_note(world, case_id, "specialist", "specialist") == 422
    assert await writes_note(world, case_id, "specialist", text=" ") == 422
    assert await writes_note(world, case_id, "specialist", text="あ" * 4001) == 422
    assert await world.store.read(lambda s: s.scalar(select(func.count()).select_from(Note))) == 0
    assert await writes_note(world, case_id, "specialist") == 303
    assert await world.store.read(lambda s: s.scalar(select(func.count()).select_from(Mention))) == 0


async def test_words_of_a_note_are_sealed_and_one_person_sees_only_for_herself(world: World) -> None:
    first, second = await waits(world), await waits(world)
    for case_id in (first, second):
        await writes_note(world, case_id, "specialist", "supervisor")
    await world.store.write(lambda s: notes.see(s, first, world.staff["specialist"], NOW))
    hers = await world.store.read(lambda s: notes.naming(s, world.staff["supervisor"]))
    assert [one.case_id for one in hers] == [first, second]
    await world.store.write(lambda s: notes.see(s, first, world.staff["supervisor"], NOW))
    hers = await world.store.read(lambda s: notes.naming(s, world.staff["supervisor"]))
    assert [one.case_id for one in hers] == [second]
    bodies = await world.store.read(lambda s: list(s.scalars(select(Note.body_sealed))))
    assert all("電話".encode() not in body for body in bodies)


# --- a complaint about staff (CARE C36) -----------------------------------------------------------------------------


async def test_a_complaint_about_staff_is_read_by_supervisors_alone(world: World) -> None:
    """It may be about whoever asks: a specialist sees that it is there, without a way in."""
    case_id = await waits(world, reason="complaint_staff")
    assert (await seen_by(world, "specialist", f"/cases/{case_id}")).status_code == 403
    assert (await seen_by(world, "supervisor", f"/cases/{case_id}")).status_code == 200
    assert f'href="/cases/{case_id}"' not in (await seen_by(world, "specialist", "/")).text
    assert f'href="/cases/{case_id}"' in (await seen_by(world, "supervisor", "/")).text
    async with world.browser() as browser:
        csrf = await world.signed_in("specialist", browser)
        for act in ("claim", "second", "notes", "assign", "close", "here", "emergency/check"):
            fields = form(csrf, text="x", to=str(world.staff["supervisor"]))
            assert (await browser.post(f"/cases/{case_id}/{act}", data=fields)).status_code == 403, act


async def test_danger_in_a_complaint_opens_it_for_everybody(world: World) -> None:
    """Safety beats everything: whoever is there takes it."""
    who = await a_resident(world.store)
    case_id = await waits(world, reason="complaint_staff", who=who)
    await writes(world.store, who, "もう限界で、たたいてしまいそうです", OWN_HAND)
    assert (await seen_by(world, "specialist", f"/cases/{case_id}")).status_code == 200
    async with world.browser() as browser:
        csrf = await world.signed_in("specialist", browser)
        assert (await browser.post(f"/cases/{case_id}/claim", data=form(csrf))).status_code == 303
        fields = form(csrf, words="読みました", place="room", key=str(uuid.uuid4()))
        assert (await browser.post(f"/cases/{case_id}/reply", data=fields)).status_code == 303
