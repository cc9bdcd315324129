"""Sentences that are sent often: in the resident's language, with their meaning beside, in versions."""

from __future__ import annotations

import html
import json
import uuid
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot import cases, render
from bot.curation import By, FieldsRefusedError
from bot.errors import RefusedError
from bot.models import Outbox
from bot.store import Store
from bot.vault import resident_owner, unseal
from handoff import phrases
from handoff.console import labels
from tests.console_world import NOW, TIRED_EN, VANISH, World, a_resident, build, form, writes
from tests.talk import view, words

BY = By("staff:test", "さとう")
HERE = {"name": "さとう", "city": "ひなた市", "desk": "ひろば", "phone": "000-555-0110"}
TEXTS = {"ja": "{name}です。{desk}は{phone}です。", "vi": "Tôi là {name}."}


@pytest.fixture
async def world(store: Store) -> World:
    world = await build(store)
    world.set_city(languages=view().city.languages)
    return world


async def added(world: World, owner: str = "", **texts: str) -> uuid.UUID:
    who = world.staff[owner] if owner else None
    return await world.store.write(lambda s: phrases.add(s, "あいさつ", texts or TEXTS, owner=who, by=BY, at=NOW))


async def seen(world: World, role: str = "specialist") -> list[phrases.Canned]:
    return await world.store.read(lambda s: phrases.canned(s, world.staff[role]))


# --- those that are shipped -----------------------------------------------------------------------------------------


async def test_the_shipped_ones_are_said_in_every_language_and_mean_the_same_back(world: World) -> None:
    """What is sent in Vietnamese is read as Japanese by colleagues, without any service."""
    sentences = [one for group in phrases.SHIPPED.values() for one in group]
    meant = await world.store.read(lambda s: phrases.meanings(s, words(), HERE))
    for language in view().city.languages:
        found = phrases.offered((), words(), language, HERE)
        assert [one.japanese for one in found] == sentences
        for one in found:
            assert (one.language == "ja") is (language == "ja")
            assert language == "ja" or (one.text != one.japanese and meant[one.text] == one.japanese)


def test_a_sentence_is_found_by_either_language() -> None:
    for sought in ("通訳", "phiên dịch", "PHIÊN"):
        (one,) = phrases.offered((), words(), "vi", HERE, sought=sought)
        assert one.japanese == "通訳をさがします。少し待ってください。"
    assert phrases.offered((), words(), "vi", HERE, sought="zzz") == []


# --- the city's own -------------------------------------------------------------------------------------------------


async def test_ones_own_are_filled_in_and_say_when_a_language_is_missing(world: World) -> None:
    await added(world)
    own = await seen(world)
    (vi,), (es,) = (phrases.offered(own, words(), language, HERE, sought="あいさつ") for language in ("vi", "es"))
    assert (vi.text, vi.language, vi.japanese) == ("Tôi là さとう.", "vi", "さとうです。ひろばは000-555-0110です。")
    assert (es.text, es.language) == (es.japanese, "ja")
    meant = await world.store.read(lambda s: phrases.meanings(s, words(), HERE))
    assert meant["Tôi là さとう."] == vi.japanese


async def test_what_was_sent_is_understood_when_it_was_changed_or_taken_away_since(world: World) -> None:
    """By colleagues too, of a private sentence, and with the name of who said it."""
    id, me = await added(world, "specialist"), world.staff["specialist"]
    await world.store.write(
        lambda s: phrases.change(s, id, "x", {"ja": "別の"}, who=me, expected=1, by=BY, at=NOW + timedelta(minutes=1))
    )
    await world.store.write(lambda s: phrases.retire(s, id, who=me, by=BY, at=NOW))
    meant = await world.store.read(lambda s: phrases.meanings(s, words(), HERE))
    assert meant["Tôi là さとう."] == "さとうです。ひろばは000-555-0110です。"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("No", "いいえ"),
        ("No puedo", ""),
        ("Hola.\nNo", "いいえ"),
        ("¿Puede esperar? Espere.", "待って"),
        ("Desespere. Espere.", "待って"),  # and not what stands inside the word before
        ("请问有人受伤吗？", ""),
        ("您好。有人受伤吗？请写。", "けが？"),
    ],
)
def test_a_sentence_inside_another_is_not_explained(text: str, meaning: str) -> None:
    known = {"No": "いいえ", "Espere.": "待って", "espere.": "まちがい", "有人受伤吗？": "けが？"}
    assert phrases.explained(text, known) == meaning


async def test_a_private_one_is_ones_own(world: World) -> None:
    id = await added(world, "specialist")
    assert [one.id for one in await seen(world)] == [id]
    assert await seen(world, "supervisor") == []
    hers = world.staff["supervisor"]
    with pytest.raises(RefusedError):
        await world.store.write(lambda s: phrases.change(s, id, "x", TEXTS, who=hers, expected=1, by=BY, at=NOW))
    with pytest.raises(RefusedError):
        await world.store.write(lambda s: phrases.retire(s, id, who=hers, by=BY, at=NOW))


async def test_a_version_never_changes_and_two_do_not_overwrite_each_other(world: World) -> None:
    id, me = await added(world), world.staff["specialist"]
    new = {"ja": "新しい"}
    await world.store.write(lambda s: phrases.change(s, id, "名前", new, who=me, expected=1, by=BY, at=NOW))
    with pytest.raises(RefusedError, match="先に直しました"):
        await world.store.write(lambda s: phrases.change(s, id, "x", TEXTS, who=me, expected=1, by=BY, at=NOW))
    said = await world.store.read(lambda s: phrases.versions(s, id, me))
    assert [(one.version, one.texts) for one in said] == [(2, new), (1, TEXTS)]
    assert [(one.title, one.texts) for one in await seen(world)] == [("名前", new)]
    await world.store.write(lambda s: phrases.retire(s, id, who=me, by=BY, at=NOW))
    assert await seen(world) == []
    await world.store.write(lambda s: phrases.restore(s, id, who=me, by=BY, at=NOW))
    assert [(one.title, one.version) for one in await seen(world)] == [("名前", 2)]
    with pytest.raises(RefusedError):
        await world.store.write(lambda s: phrases.restore(s, id, who=me, by=BY, at=NOW))


async def test_what_was_taken_away_comes_back_for_whose_it_is(world: World) -> None:
    id, me, hers = await added(world, "specialist"), world.staff["specialist"], world.staff["supervisor"]
    await world.store.write(lambda s: phrases.retire(s, id, who=me, by=BY, at=NOW))
    for who, past in ((me, [id]), (hers, [])):
        found = await world.store.read(lambda s, who=who: phrases.canned(s, who, active=False))
        assert [one.id for one in found] == past
    with pytest.raises(RefusedError):
        await world.store.write(lambda s: phrases.restore(s, id, who=hers, by=BY, at=NOW))


@pytest.mark.parametrize(
    ("title", "texts", "field"),
    [
        ("", {"ja": "あ"}, "title"),
        ("あ" * 41, {"ja": "あ"}, "title"),
        ("x", {}, "ja"),
        ("x", {"vi": "a"}, "ja"),
        ("x", {"ja": "あ" * 1001}, "ja"),
        ("x", {"ja": "{nobody}"}, "ja"),
        ("x", {"ja": "あ", "vi": "{name.__class__}"}, "vi"),
        ("x", {"ja": "{name!r}"}, "ja"),
        ("x", {"ja": "{name:>9}"}, "ja"),
        ("x", {"ja": "{"}, "ja"),
        ("x", {"ja": "{}"}, "ja"),
    ],
)
def test_what_cannot_be_said_is_refused(title: str, texts: dict[str, str], field: str) -> None:
    """A name in braces reaches nothing but the four values."""
    with pytest.raises(FieldsRefusedError) as refused:
        phrases.checked(title, texts)
    assert set(refused.value.reasons) == {field}


async def test_the_pages_keep_what_was_typed(world: World) -> None:
    async with world.browser() as browser:
        csrf = await world.signed_in("specialist", browser)
        wrong = await browser.post("/phrases/new", data=form(csrf, title="", **{"text-ja": "はい{x}"}))
        assert "はい{x}" in wrong.text
        assert "波かっこの中は" in wrong.text
        fields = {"title": "あいさつ", "text-ja": "はい", "text-vi": "Vâng", "shared": "yes"}
        assert (await browser.post("/phrases/new", data=form(csrf, **fields))).status_code == 303
        (one,) = await seen(world, "supervisor")
        assert dict(one.texts) == {"ja": "はい", "vi": "Vâng"}
        late = await browser.post(f"/phrases/{one.id}/edit", data=form(csrf, **{**fields, "version": "0"}))
        assert "先に直しました" in late.text
        page = (await browser.get(f"/phrases/{one.id}/edit")).text
        assert "1版" in page


async def test_colleagues_read_what_was_sent_in_another_language(world: World) -> None:
    """In the talk the meaning stands under the words, also of a sentence among others."""
    who = await a_resident(world.store, language="vi")
    case = await writes(world.store, who, "x", TIRED_EN, event="open", language="vi")
    assert case is not None
    await world.store.write(lambda s: cases.claim(s, case.id, world.staff["specialist"], NOW))
    async with world.browser() as browser:
        csrf = await world.signed_in("specialist", browser)
        listed = html.unescape((await browser.get(f"/cases/{case.id}/phrases")).text)
        said = words().sentence("けがをしている人はいますか。", "vi")
        assert f'data-insert="{said}"' in listed
        assert "ベトナム語で返信に入ります" in listed
        fields: Any = {"words": f"Xin chào.\n{said}", "place": "room", "key": str(uuid.UUID(int=4))}
        await browser.post(f"/cases/{case.id}/reply", data=form(csrf, **fields))
        page = (await browser.get(f"/cases/{case.id}")).text
    assert "けがをしている人はいますか。" in page
    assert set(labels.LANGUAGES) >= set(view().city.languages)


# --- one tap when a life is in danger (CARE C29) ----------------------------------------------------------------------


async def grave(world: World, language: str = "vi") -> uuid.UUID:
    world.app.state.house = replace(world.app.state.house, to_line=partial(render.to_line, words=words()))
    who = await a_resident(world.store, language=language)
    case = await writes(world.store, who, "x", VANISH, language=language)
    assert case is not None
    await world.store.write(lambda s: cases.claim(s, case.id, world.staff["specialist"], NOW))
    return case.id


async def asks(world: World, case_id: uuid.UUID, what: str, place: str, role: str = "specialist") -> int:
    async with world.browser() as browser:
        csrf = await world.signed_in(role, browser)
        fields = {"what": what, "place": place, "key": str(uuid.uuid4())}
        return int((await browser.post(f"/cases/{case_id}/ask", data=form(csrf, **fields))).status_code)


async def test_the_place_is_asked_with_lines_own_button(world: World) -> None:
    """In her language, and the phone offers to send where she is."""
    world.set_city(talk_in="line")
    case_id = await grave(world)
    assert await asks(world, case_id, "place", "line") == 303

    def unit(session: Session) -> list[dict[str, Any]]:
        row = session.scalars(select(Outbox)).one()
        owner = resident_owner(row.resident_id)
        return list(json.loads(unseal(session, owner, "outbox", "body", row.id, row.body_sealed)))

    (*_veil, question) = await world.store.read(unit)
    assert question["text"] == words().sentence(phrases.ASK_PLACE, "vi")
    assert [item["action"]["type"] for item in question["quickReply"]["items"]] == ["location"]


async def test_a_number_is_asked_in_the_room_and_read_by_colleagues(world: World) -> None:
    case_id = await grave(world)
    assert await asks(world, case_id, "phone", "room") == 303
    async with world.browser() as browser:
        await world.signed_in("supervisor", browser)
        page = html.unescape((await browser.get(f"/cases/{case_id}")).text)
    assert words().sentence(phrases.ASK_PHONE, "vi") in page
    assert phrases.ASK_PHONE in page


async def test_one_tap_asks_no_more_than_words_may(world: World) -> None:
    """Not by a colleague, not into LINE where it is not allowed, and nothing else."""
    case_id = await grave(world)
    assert await asks(world, case_id, "place", "line") == 422
    assert await asks(world, case_id, "place", "room", "supervisor") == 403
    assert await asks(world, case_id, "age", "room") == 422
