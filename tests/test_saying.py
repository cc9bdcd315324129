"""What staff say beyond plain words: pictures, an answer to certain words, cards; what the resident sees of them."""

from __future__ import annotations

import io
import json
import uuid
from typing import Any

import httpx
import pytest
from PIL import Image
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.routing import Mount

from bot import journal, rooms
from bot.errors import RefusedError
from bot.line import webhook
from bot.models import CaseRow, Journal, Media, Outbox
from bot.store import Store
from bot.vault import resident_owner, unseal
from handoff import pictures
from handoff.console import labels
from handoff.room.app import create_room
from tests.console_world import NOW, World, build, form
from tests.talk import view, words
from tests.test_beside import NAGISA, POKAPOKA, held, sends


@pytest.fixture
async def world(store: Store) -> World:
    world = await build(store)
    world.places = view().directory
    world.set_city(languages=view().city.languages)
    return world


def photo(width: int = 3000, height: int = 2000, kind: str = "JPEG", *, exif: bool = True) -> bytes:
    """Draw a picture as a telephone makes it: on its side, and saying where it was taken."""
    body, told = io.BytesIO(), Image.Exif()
    if exif:
        told[0x0112] = 6  # turned by a quarter
        told[0x010F] = "Hinata Phone"
        told.get_ifd(0x8825)[2] = (35.0, 1.0, 2.0)  # where it was taken
    Image.new("RGB", (width, height), (200, 80, 40)).save(body, kind, exif=told)
    return body.getvalue()


async def resident_of(world: World, case_id: uuid.UUID) -> uuid.UUID:
    return await world.store.read(lambda s: s.get_one(CaseRow, case_id).resident_id)


async def enters(world: World, case_id: uuid.UUID) -> str:
    """Open the room in a browser and return its visit's token."""
    who = await resident_of(world, case_id)
    token = await world.store.write(lambda s: rooms.make_link(s, who, ttl_seconds=600, at=NOW))
    visit = await world.store.write(lambda s: rooms.redeem(s, token, NOW))
    assert visit is not None
    return visit


async def sees(world: World, visit: str) -> tuple[rooms.Bubble, ...]:
    def unit(session: Session) -> tuple[rooms.Bubble, ...]:
        found = rooms.find_visit(session, visit)
        assert found is not None
        return rooms.show(session, found, NOW)

    return await world.store.write(unit)


def the_room(world: World) -> Starlette:
    async def keep(*_: Any) -> bool:
        return True

    room = create_room(
        store=world.store,
        clock=world.clock,
        city=lambda: world.city,
        words=words().word,
        keep_room_text=keep,
        areas=frozenset,
        base_url="http://room.test",
    )
    return Starlette(routes=[Mount("/room", room)])


async def in_browser(world: World, visit: str, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(the_room(world))
    async with httpx.AsyncClient(transport=transport, base_url="http://room.test", cookies={"visit": visit}) as client:
        return await client.get(path)


# --- pictures ---------------------------------------------------------------------------------------------------------


async def sends_picture(world: World, case_id: uuid.UUID, body: bytes, role: str = "specialist", **more: str) -> Any:
    async with world.browser() as browser:
        csrf = await world.signed_in(role, browser)
        fields = form(csrf, key=str(uuid.UUID(int=5)), **more)
        file = {"file": ("IMG_0001.JPG", body, "image/jpeg")}
        json_please = {"accept": "application/json"}
        return await browser.post(f"/cases/{case_id}/picture", data=fields, files=file, headers=json_please)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_drawn_anew(kind: str) -> None:
    """It is upright, small, a JPEG, and says nothing of where and with what it was taken."""
    with Image.open(io.BytesIO(pictures.redrawn(photo(kind=kind)))) as sent:
        assert (sent.format, sent.size) == ("JPEG", (1067, 1600))
        assert not sent.getexif()
        assert b"Hinata" not in pictures.redrawn(photo(kind=kind))


def test_what_is_no_picture_is_refused() -> None:
    bomb = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(bomb, "PNG")
    whole = photo(300, 200)
    for body in (b"", b"%PDF-1.7", b"<svg xmlns='http://www.w3.org/2000/svg'/>", whole[:500], bomb.getvalue()):
        with pytest.raises(RefusedError):
            pictures.redrawn(body)


async def test_a_picture_is_seen_in_the_room_and_nowhere_else(world: World) -> None:
    """Sealed, once for each form, never in LINE, and only in a browser that may see the words it came with."""
    case_id = await held(world)
    visit = await enters(world, case_id)
    for _ in range(2):
        answer = await sends_picture(world, case_id, photo(), words="この紙です", place="line")
        assert answer.status_code == 200, answer.text
    (bubble,) = await sees(world, visit)
    assert (bubble.text, bubble.who) == ("この紙です", "staff")
    assert bubble.picture is not None
    page = await in_browser(world, visit, "/room/")
    assert f'<img src="/room/picture/{bubble.picture}" alt="Ảnh"' in page.text
    shown = await in_browser(world, visit, f"/room/picture/{bubble.picture}")
    assert shown.headers["content-type"] == "image/jpeg"
    assert shown.headers["cache-control"] == "no-store"
    with Image.open(io.BytesIO(shown.content)) as sent:
        assert sent.size == (1067, 1600)
    sealed = await world.store.read(lambda s: s.scalars(select(Media)).one().body_sealed)
    assert sealed is not None
    assert shown.content[:64] not in sealed
    origins = await world.store.read(lambda s: list(s.scalars(select(Outbox.origin))))
    assert origins == []  # she is looking at the room: no notice is needed, and LINE gets no picture

    other = await enters(world, await held(world))
    assert (await in_browser(world, other, f"/room/picture/{bubble.picture}")).status_code == 404
    again = await enters(world, case_id)  # whoever has a later link sees none of what was read before (CARE C20)
    assert (await in_browser(world, again, f"/room/picture/{bubble.picture}")).status_code == 404
    assert (await in_browser(world, "nobody", f"/room/picture/{bubble.picture}")).status_code == 404


async def test_a_picture_without_words_and_one_that_is_none(world: World) -> None:
    case_id = await held(world)
    visit = await enters(world, case_id)
    refused = await sends_picture(world, case_id, b"no picture")
    assert (refused.status_code, "JPEG" in refused.json()["message"]) == (422, True)
    assert (await sends_picture(world, case_id, b"")).status_code == 422
    assert (await sends_picture(world, case_id, b"x" * (pictures.LARGEST + 1))).status_code in (413, 422)
    assert await sees(world, visit) == ()
    assert (await sends_picture(world, case_id, photo())).status_code == 200
    (bubble,) = await sees(world, visit)
    assert (bubble.text, bubble.picture is not None) == ("", True)
    async with world.browser() as browser:
        await world.signed_in("specialist", browser)
        page = (await browser.get(f"/cases/{case_id}")).text
    assert "（写真）" in page
    assert "送った写真" in page


async def test_only_the_holder_sends_a_picture(world: World) -> None:
    case_id = await held(world)
    assert (await sends_picture(world, case_id, photo(), "supervisor")).status_code == 403
    assert await world.store.read(lambda s: s.scalar(select(func.count()).select_from(Media))) == 0


# --- an answer to certain words ---------------------------------------------------------------------------------------


async def writes_words(world: World, case_id: uuid.UUID, text: str, place: str = "line", **more: str) -> int:
    """Let the resident write, and return the number in the journal."""
    who = await resident_of(world, case_id)

    def unit(session: Session) -> int:
        uid = journal.write(
            session,
            who,
            who="resident",
            kind="text",
            words=text,
            at=NOW,
            place=place,
            more=more,  # type: ignore[arg-type]
        )
        return session.scalars(select(Journal.id).where(Journal.uid == uid)).one()

    return await world.store.write(unit)


async def answers(world: World, case_id: uuid.UUID, quote: int, place: str = "room") -> Any:
    async with world.browser() as browser:
        csrf = await world.signed_in("specialist", browser)
        fields = form(csrf, words="はい、そうです", place=place, quote=str(quote), key=str(uuid.uuid4()))
        return await browser.post(f"/cases/{case_id}/reply", data=fields, headers={"accept": "application/json"})


async def test_the_room_quotes_what_the_browser_may_see(world: World) -> None:
    """Words from before this link stay away: whoever holds it is told only that something earlier is answered (C20)."""
    case_id = await held(world)
    earlier = await writes_words(world, case_id, "夫のことです")
    visit = await enters(world, case_id)
    here = await writes_words(world, case_id, "予約はいりますか", "room")
    for quote in (here, earlier):
        assert (await answers(world, case_id, quote)).status_code == 200
    quotes = [one.quote for one in await sees(world, visit) if one.who == "staff"]
    assert quotes == ["予約はいりますか", ""]
    page = (await in_browser(world, visit, "/room/")).text
    assert "<blockquote>予約はいりますか</blockquote>" in page
    assert "Đây là câu trả lời cho điều bạn đã viết trước đó." in page
    assert "夫のこと" not in page


async def test_in_line_it_is_lines_own_quote(world: World) -> None:
    world.set_city(talk_in="line")
    case_id = await held(world)
    number = await writes_words(world, case_id, "予約はいりますか", quote_token="q-token")
    assert (await answers(world, case_id, number, "line")).json()["notice"] == labels.NOTICES["line"]

    def sent(session: Session) -> Any:
        row = session.scalars(select(Outbox)).one()
        return json.loads(unseal(session, resident_owner(row.resident_id), "outbox", "body", row.id, row.body_sealed))

    assert (await world.store.read(sent))[-1] == {
        "type": "text",
        "text": "はい、そうです",
        "quoteToken": "q-token",
        "sender": {"name": "さとう"},
    }


async def test_words_of_others_and_taken_back_ones_are_not_quoted(world: World) -> None:
    mine, other = await held(world), await held(world)
    elsewhere = await writes_words(world, other, "ほかの人のことば")
    gone = await writes_words(world, mine, "取り消すことば")
    uid = await world.store.read(lambda s: s.get_one(Journal, gone).uid)
    await world.store.write(lambda s: journal.take_back(s, [uid], NOW))
    for number in (elsewhere, gone, 999_999):
        assert (await answers(world, mine, number)).status_code == 422
    spoken = select(func.count()).select_from(Journal).where(Journal.who == "staff")
    assert await world.store.read(lambda s: s.scalar(spoken)) == 0


async def test_a_quote_goes_with_the_words_it_quotes(world: World) -> None:
    """Nothing of a message that is unsent later stays behind in the answer (CARE C17)."""
    case_id = await held(world)
    visit = await enters(world, case_id)
    number = await writes_words(world, case_id, "やっぱり言えない", "room")
    await answers(world, case_id, number)
    uid = await world.store.read(lambda s: s.get_one(Journal, number).uid)
    await world.store.write(lambda s: journal.take_back(s, [uid], NOW))
    (bubble,) = await sees(world, visit)
    assert bubble.quote == ""
    async with world.browser() as browser:
        await world.signed_in("specialist", browser)
        page = (await browser.get(f"/cases/{case_id}")).text
    assert "やっぱり言えない" not in page
    assert "（取り消されたことば）" in page


def test_lines_token_is_read_from_the_event() -> None:
    raw = {"type": "message", "timestamp": 1, "message": {"type": "text", "id": "1", "text": "x", "quoteToken": "q"}}
    assert webhook.inbound(raw, first_contact=False).quote_token == "q"
    assert webhook.inbound({**raw, "message": {"type": "text", "text": "x", "quoteToken": 3}}, first_contact=False)


# --- cards ------------------------------------------------------------------------------------------------------------


async def test_places_are_cards_in_the_room(world: World) -> None:
    """The resident's page shows what is known side by side, that the choice is hers, and what can be opened."""
    case_id = await held(world)
    visit = await enters(world, case_id)
    assert (await sends(world, case_id, POKAPOKA, NAGISA, words="二つあります")).status_code == 303
    (bubble,) = await sees(world, visit)
    assert bubble.text.startswith("二つあります\n")
    assert len(bubble.cards) == 2
    page = (await in_browser(world, visit, "/room/")).text
    assert page.count("<section") == 2
    assert 'href="tel:000' in page
    assert page.count("Hinata Plaza Temporary Care") == 1
