"""Staff find places beside the talk and send them as cards in the resident's language; what was offered is kept."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bot import cases, journal, memory, render
from bot.line import limits
from bot.models import Audit, CaseRow, Journal, Outbox
from bot.store import Store
from bot.vault import resident_owner, unseal
from handoff import notes, referrals
from tests.console_world import NOW, OWN_HAND, TIRED_EN, World, a_resident, build, form, writes
from tests.talk import view, words

POKAPOKA, NAGISA = "hinata-azukari-plaza", "hinata-azukari-nagisa"


@pytest.fixture
async def world(store: Store) -> World:
    world = await build(store)
    world.places = view().directory
    world.set_city(languages=view().city.languages)
    house = world.app.state.house
    world.app.state.house = replace(house, to_line=partial(render.to_line, words=words()))
    return world


async def held(world: World, language: str = "vi", *signals: Any) -> uuid.UUID:
    who = await a_resident(world.store, language=language)
    case = await writes(world.store, who, "x", *(signals or (TIRED_EN,)), event="open", language=language)
    assert case is not None
    await world.store.write(lambda s: cases.claim(s, case.id, world.staff["specialist"], NOW))
    return case.id


async def sends(world: World, case_id: uuid.UUID, *places: str, role: str = "specialist", **fields: str) -> Any:
    async with world.browser() as browser:
        csrf = await world.signed_in(role, browser)
        given = {**form(csrf, place="room", key=str(uuid.UUID(int=3))), **fields, "chosen": list(places)}
        return await browser.post(f"/cases/{case_id}/places", data=given)


async def said(world: World) -> list[tuple[str, str]]:
    """Return what staff said: words and language."""

    def unit(session: Any) -> list[tuple[str, str]]:
        rows = session.scalars(select(Journal).where(Journal.who == "staff"))
        return [(str(journal.body(session, row).get("text")), row.language) for row in rows]

    return await world.store.read(unit)


async def test_places_are_found_as_the_desk_finds_them(world: World) -> None:
    case_id = await held(world)
    async with world.browser() as browser:
        await world.signed_in("specialist", browser)
        empty = (await browser.get(f"/cases/{case_id}/places")).text
        assert "ことばか内容を入れてください" in empty
        found = (await browser.get(f"/cases/{case_id}/places", params={"topic": "temporary_care"})).text
        assert POKAPOKA in found
        assert "ベトナム語のカードで届きます" in found
        by_name = (await browser.get(f"/cases/{case_id}/places", params={"words": "ぽかぽか"})).text
        assert POKAPOKA in by_name
        none = (await browser.get(f"/cases/{case_id}/places", params={"words": "zzzzzz"})).text
        assert "当てはまる場所はありません" in none


async def test_the_area_is_what_the_family_told(world: World) -> None:
    case_id = await held(world)
    who = await world.store.read(lambda s: s.get_one(cases.CaseRow, case_id).resident_id)
    await world.store.write(lambda s: memory.keep(s, who, {"profile": {"area": "桜台"}}, 1))
    async with world.browser() as browser:
        await world.signed_in("specialist", browser)
        assert 'value="桜台"' in (await browser.get(f"/cases/{case_id}/places")).text


async def test_the_holder_sees_which_places_the_desk_showed_last(world: World) -> None:
    """Named in the order in which they were shown; one that is gone is left out, and colleagues are not told."""
    case_id = await held(world)
    who = await world.store.read(lambda s: s.get_one(CaseRow, case_id).resident_id)

    def showed(session: Session) -> None:
        found, version = memory.load(session, who)
        memory.keep(session, who, {**found, "places": [NAGISA, "gone", POKAPOKA]}, version + 1)

    await world.store.write(showed)
    for role, seen in (("specialist", True), ("supervisor", False)):
        async with world.browser() as browser:
            await world.signed_in(role, browser)
            page = (await browser.get(f"/cases/{case_id}")).text
            assert ("見た場所" in page) == seen
            assert (f"/directory/places/{NAGISA}" in page) == seen
            assert not seen or page.index(f"/places/{NAGISA}") < page.index(f"/places/{POKAPOKA}")
            assert "/places/gone" not in page


async def test_cards_go_into_the_room_in_her_language_once(world: World) -> None:
    """The words stand in the room, LINE learns only that something came; a second press sends nothing more."""
    case_id, mine = await held(world), world.staff["specialist"]
    who = await world.store.read(lambda s: s.get_one(cases.CaseRow, case_id).resident_id)
    await world.store.write(lambda s: notes.keep_draft(s, case_id, who, mine, "まだ途中", NOW))
    for _ in range(2):
        answer = await sends(world, case_id, POKAPOKA, NAGISA, words="二つあります。")
        assert answer.status_code == 303, answer.text
    drafts = await world.store.read(lambda s: notes.drafts(s, case_id, who))
    assert [one.text for one in drafts] == ["まだ途中"]  # what is being written beside it stays
    ((text, language),) = await said(world)
    assert language == "vi"
    assert text.startswith("二つあります。\nĐây là một số nơi.")
    assert "Hinata Plaza Temporary Care" in text
    assert "000-555-2001" in text
    assert "[" not in text  # nothing to tap where nothing can be tapped
    origins = await world.store.read(lambda s: list(s.scalars(select(Outbox.origin))))
    assert origins == ["notice"]
    offered = await world.store.read(lambda s: referrals.offered(s, case_id))
    assert {one.resource_id for one in offered} == {POKAPOKA, NAGISA}
    assert len(offered) == 2
    noted = await world.store.read(lambda s: s.scalars(select(Audit).where(Audit.action == "place.offered")).all())
    assert [row.detail for row in noted] == [{"places": [POKAPOKA, NAGISA]}]


async def test_where_line_is_the_place_the_cards_are_cards(world: World) -> None:
    world.set_city(talk_in="line")
    case_id = await held(world, "en")
    answer = await sends(world, case_id, POKAPOKA, NAGISA, words="Two places.", place="line")
    assert answer.status_code == 303, answer.text

    def unit(session: Any) -> list[dict[str, Any]]:
        row = session.scalars(select(Outbox)).one()
        owner = resident_owner(row.resident_id)
        body = unseal(session, owner, "outbox", "body", row.id, row.body_sealed)
        return list(json.loads(body))

    messages = await world.store.read(unit)
    limits.require(messages)
    assert [one["type"] for one in messages] == ["text", "text", "flex"]
    assert {one["sender"]["name"] for one in messages} == {"さとう"}
    assert "postback" not in json.dumps(messages)  # the desk is silent: its buttons would do nothing


async def test_a_grave_case_goes_into_line_only_as_words_may(world: World) -> None:
    """CARE C19 and C21 hold for cards as for words."""
    case_id = await held(world, "ja", OWN_HAND)
    answer = await sends(world, case_id, POKAPOKA, place="line")
    assert answer.status_code == 422
    assert await said(world) == []


@pytest.mark.parametrize("places", [(), ("nowhere",), (POKAPOKA, "nowhere"), tuple(f"p{n}" for n in range(6))])
async def test_what_cannot_be_sent_is_refused(world: World, places: tuple[str, ...]) -> None:
    case_id = await held(world)
    assert (await sends(world, case_id, *places)).status_code == 422
    assert await said(world) == []
    assert await world.store.read(lambda s: referrals.offered(s, case_id)) == []


async def test_only_the_holder_offers(world: World) -> None:
    case_id = await held(world)
    assert (await sends(world, case_id, POKAPOKA, role="supervisor")).status_code == 403
    await world.store.write(lambda s: s.execute(update(cases.CaseRow).values(holder_id=world.staff["supervisor"])))
    assert (await sends(world, case_id, POKAPOKA)).status_code == 403
    assert await said(world) == []
    assert await world.store.read(lambda s: referrals.offered(s, case_id)) == []
