"""What families sent is shown to who holds the talk and nobody else, runs nowhere; each opening is written down."""

import uuid
from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bot import cases, journal, media
from bot.messages import Point
from bot.models import Audit, CaseRow, Media
from bot.store import Store
from handoff.console import labels
from tests.console_world import NOW, VANISH, World, a_resident, build, sent, writes

PHOTO = b"\xff\xd8\xff\xe0 a letter" + b"." * 1_200_000
M4A = b"\x00\x00\x00\x1cftypM4A \x00\x00\x00\x00 a voice"


@pytest.fixture
async def world(sqlite_store: Store) -> World:
    """Give a console with four accounts."""
    return await build(sqlite_store)


@pytest.fixture
async def browser(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Give a browser in which the specialist has signed in."""
    async with world.browser() as found:
        await world.signed_in("specialist", found)
        yield found


async def a_case(world: World, holder: str = "specialist") -> uuid.UUID:
    """Make a case, held by somebody unless `holder` is empty."""
    case = await writes(world.store, await a_resident(world.store), "いまベランダにいます", VANISH)
    assert case is not None
    if holder:
        await world.store.write(lambda s: cases.claim(s, case.id, world.staff[holder], NOW) and None)
    return case.id


async def openings(world: World) -> list[tuple[str, bool]]:
    """Return the audit rows about what was sent."""
    rows = select(Audit.action, Audit.allowed).where(Audit.action.like("media.%")).order_by(Audit.id)
    return [(action, allowed) for action, allowed in await world.store.read(lambda s: s.execute(rows).all())]


async def test_the_holder_sees_what_it_is_and_opens_it(world: World, browser: httpx.AsyncClient) -> None:
    """The talk names kind and size; the page shows it; the bytes come with every header, and leave one audit row."""
    case_id = await a_case(world)
    id = await sent(world.store, case_id, PHOTO)
    talk = (await browser.get(f"/cases/{case_id}")).text
    assert "写真・1.2 MB・" in talk
    assert f'href="/cases/{case_id}/media/{id}"' in talk
    page = await browser.get(f"/cases/{case_id}/media/{id}")
    assert f'<img src="/cases/{case_id}/media/{id}/file"' in page.text
    assert await openings(world) == []
    answer = await browser.get(f"/cases/{case_id}/media/{id}/file")
    assert answer.content == PHOTO
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["content-disposition"] == f'inline; filename="image-{id.hex[:4]}.jpg"'
    assert await openings(world) == [("media.opened", True)]
    await browser.get(f"/cases/{case_id}/media/{id}/file")
    assert await openings(world) == [("media.opened", True)] * 2


@pytest.mark.parametrize("holder", ["", "supervisor"])
async def test_who_does_not_hold_the_talk_opens_nothing(world: World, browser: httpx.AsyncClient, holder: str) -> None:
    """Reading the talk is not enough. Fails when `media.open` is taken out of HOLDER_ONLY."""
    case_id = await a_case(world, holder)
    id = await sent(world.store, case_id, PHOTO)
    talk = (await browser.get(f"/cases/{case_id}")).text
    assert "写真・1.2 MB" in talk
    assert "/media/" not in talk
    for path in ("", "/file"):
        answer = await browser.get(f"/cases/{case_id}/media/{id}{path}")
        assert answer.status_code == 403
        assert b"a letter" not in answer.content
    assert await openings(world) == [("media.open", False)] * 2


async def test_another_talks_photo_is_not_there(world: World, browser: httpx.AsyncClient) -> None:
    """An address put together from one's own case and another one's photo opens nothing."""
    mine, theirs = await a_case(world), await a_case(world, "supervisor")
    id = await sent(world.store, theirs, PHOTO)
    for path in ("", "/file"):
        assert (await browser.get(f"/cases/{mine}/media/{id}{path}")).status_code == 404
    assert (await browser.get(f"/cases/{mine}/media/{uuid.uuid4()}/file")).status_code == 404
    assert await openings(world) == []


@pytest.mark.parametrize(
    ("body", "kind", "type", "way", "shows"),
    [
        (M4A, "audio", "audio/mp4", "inline", "<audio "),
        (b"\x00\x00\x00\x18ftypmp42", "video", "video/mp4", "inline", "<video "),
        (b"\x00\x00\x00\x18ftypmp42", "audio", "video/mp4", "inline", "<audio "),
        (b"%PDF-1.7 ...", "file", "application/pdf", "attachment", " download>"),
        (b"<script>alert(1)</script>", "file", "application/octet-stream", "attachment", " download>"),
        (b"<svg onload='alert(1)'/>", "image", "application/octet-stream", "attachment", " download>"),
    ],
)
async def test_only_what_cannot_run_is_shown(
    world: World, browser: httpx.AsyncClient, body: bytes, kind: str, type: str, way: str, shows: str
) -> None:
    """Pictures, voices and films are shown in the page; everything else is saved, under a name of ours."""
    case_id = await a_case(world)
    id = await sent(world.store, case_id, body, kind)
    assert shows in (await browser.get(f"/cases/{case_id}/media/{id}")).text
    answer = await browser.get(f"/cases/{case_id}/media/{id}/file")
    assert answer.headers["content-type"] == type
    assert answer.headers["content-disposition"].startswith(f'{way}; filename="{kind}-')
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("state", labels.MEDIA)
async def test_what_is_not_here_is_told_as_it_is(world: World, browser: httpx.AsyncClient, state: str) -> None:
    """Not fetched, on its way, gone, too large, failed: the talk says which, and nothing opens."""
    case_id = await a_case(world)
    id = await sent(world.store, case_id, PHOTO)
    change = update(Media).values(state=state, body_sealed=None)
    await world.store.write(lambda s: s.execute(change) and None)
    assert labels.MEDIA[state] in (await browser.get(f"/cases/{case_id}")).text
    assert (await browser.get(f"/cases/{case_id}/media/{id}")).status_code == 404
    assert (await browser.get(f"/cases/{case_id}/media/{id}/file")).status_code == 404


async def test_what_was_taken_back_is_gone_from_the_page(world: World, browser: httpx.AsyncClient) -> None:
    """That a photo was there stays, with its time; its size and its way in go (CARE C17)."""
    case_id = await a_case(world)
    id = await sent(world.store, case_id, PHOTO)

    def unit(session: Session) -> None:
        journal.take_back(session, [id], NOW)
        media.take_back(session, [id])

    await world.store.write(unit)
    talk = (await browser.get(f"/cases/{case_id}")).text
    assert "（写真・送信が取り消されました）" in talk
    assert " MB" not in talk  # what labels.megabytes writes; the form for a photo says 10MB
    assert (await browser.get(f"/cases/{case_id}/media/{id}/file")).status_code == 404


async def test_a_place_can_be_read_out_to_119(world: World, browser: httpx.AsyncClient) -> None:
    """Where somebody is stands in the talk: name, address, degrees (CARE C29)."""
    case_id = await a_case(world)
    point = Point(35.05123456, 137.15, "ひなた駅", "ひなた市駅前二丁目3-4")

    def unit(session: Session) -> None:
        resident_id = session.get_one(CaseRow, case_id).resident_id
        place = [point.latitude, point.longitude, point.title, point.address]
        journal.write(session, resident_id, who="resident", kind="place", words="", at=NOW, more={"place": place})

    await world.store.write(unit)
    talk = (await browser.get(f"/cases/{case_id}")).text
    assert "ひなた駅\nひなた市駅前二丁目3-4\n35.05123, 137.15000" in talk


def test_every_state_has_its_words() -> None:
    """A state without a label would be shown by its id; what is kept or unsent has its own line."""
    stated = {"unasked", "wanted", "gone", "too_big", "failed"}
    assert set(labels.MEDIA) == stated
    assert set(media.REFUSED.values()) < stated
