"""Printed cards in a real Chromium: read again by another library, on paper, and scanned into a talk.

Screenshots are kept under var/screenshots/cards (not in the repository).
"""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect
from sqlalchemy import select

from bot import campaigns, memory
from bot.dialogs.card import MOMENTS
from bot.i18n import Catalogs
from bot.models import Resident
from bot.opening import TOKYO
from bot.public.cards import CARD
from bot.public.words import LABELS
from bot.situation import GREETINGS
from bot.store import Store
from tests import public_world
from tests.browser.chromium import chromium, keep, served, tidy
from tests.browser.test_public_pages import NARROW, WIDE, Site, serious
from tests.conftest import free_port
from tests.public_world import NOW
from tests.talk import words
from tests.test_app import running

pytestmark = pytest.mark.browser

PHONE = "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 Chrome/150 Mobile Safari/537.36"
#: A picture becomes its grey pixels in the browser itself, so that no library for pictures is needed.
GREY = """async (png) => {
  const image = new Image(); image.src = "data:image/png;base64," + png; await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height), context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const data = context.getImageData(0, 0, image.width, image.height).data, grey = [];
  for (let i = 0; i < data.length; i += 4) grey.push(String.fromCharCode((data[i] + data[i + 1] + data[i + 2]) / 3));
  return [image.width, image.height, btoa(grey.join(""))];
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def site(sqlite_store: Store, request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    """Serve the pages with the campaign K7F3 on loopback and start Chromium; a parameter gives other catalogs."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    world = await public_world.build(sqlite_store, base_url=base, catalogs=getattr(request, "param", None))
    await sqlite_store.write(
        lambda s: campaigns.add(
            s, moment="home_visit", place="", languages=("ja", "vi"), greetings={}, at=NOW, token="K7F3"
        )
    )
    async with served(world.app, port) as browser:
        yield Site(world, base, browser)


async def shot(what: Page | Locator, name: str, **more: Any) -> bytes:
    """Take a picture, keep it where SHOTS=1 asks for it, and return it."""
    await keep(what, f"cards/{name}", **more)
    return await what.screenshot(animations="disabled", **more)


async def read(page: Page, picture: bytes) -> list[str]:
    """Return what every QR code in a picture says, as another library than the one that drew it reads it."""
    zxingcpp = pytest.importorskip("zxingcpp")
    width, height, grey = await page.evaluate(GREY, base64.b64encode(picture).decode())
    pixels = np.frombuffer(base64.b64decode(grey), np.uint8).reshape(height, width)
    return sorted(found.text for found in zxingcpp.read_barcodes(pixels, formats=zxingcpp.BarcodeFormat.QRCode))


async def test_the_codes_are_read_from_the_picture(site: Site) -> None:
    """Each card's code leads to our short address, in its language or, where it names several, without one."""
    page = await site.page("/public/cards/K7F3?l=ja&l=vi&l=ne&l=en&sheet=1")
    found = await read(page, await shot(page, "a4", full_page=True))
    assert found == sorted(f"{site.base}/q/K7F3?l={language}" for language in ("ja", "vi", "ne", "en"))
    page = await site.page("/public/cards/K7F3?l=ja&l=vi&together=1")
    assert await read(page, await shot(page, "a6-together", full_page=True)) == [f"{site.base}/q/K7F3"]
    page = await site.page("/public/vi/card/K7F3", width=NARROW)
    assert await read(page, await shot(page, "page-vi", full_page=True)) == [f"{site.base}/q/K7F3?l=vi"]


def wordy() -> Catalogs:
    """Return catalogs in which all that a card says has thrice the letters, as the longest languages.

    Japanese says much in few letters; English needs twice as many, Spanish and Filipino two and a half times.
    """
    said = [LABELS[name].msgid for name in (*CARD, "card_languages")]
    said += [moment.can_be_asked.msgid for moment in MOMENTS.values()]
    long = {msgid: ("palabras y " * len(msgid))[: 3 * len(msgid)] for msgid in said}
    others = {id: {**sentences, **long} for id, sentences in words().sentences.items() if id != "ja"}
    return Catalogs({"ja": {}, **others})


#: The moment of which the cards say most; in three times the letters it is the hardest of all.
LONGEST = max(MOMENTS, key=lambda moment: len(MOMENTS[moment].can_be_asked.msgid))


@pytest.mark.parametrize("site", [None, wordy()], indirect=True, ids=["as it is", "wordy"])
async def test_everything_stands_on_the_paper(site: Site, request: pytest.FixtureRequest) -> None:
    """In no language and for no moment is anything cut off, overlaid, or set smaller than 5.5 points."""
    name = request.node.callspec.id.replace(" ", "_")
    every = "&".join(f"l={language}" for language in words().languages)
    page = await site.page("/public/cards/K7F3")
    for moment in MOMENTS if name == "as_it_is" else [LONGEST]:
        await site.world.store.write(lambda s, m=moment: campaigns.add(
            s, moment=m, place="", languages=("ja",), greetings={}, at=NOW, token=m.replace("_", "").upper()[:16]
        ))  # fmt: skip
        token = moment.replace("_", "").upper()[:16]
        queries = [every, f"{every}&together=1"] + [f"l={id}&{every}&together=1" for id in ("ja-easy", "es", "ne")]
        for number, query in enumerate(queries):
            await page.goto(f"{site.base}/public/cards/{token}?{query}")
            await site.quiet(page)
            wrong = await page.evaluate(
                """() => [...document.querySelectorAll(".card")].flatMap((card) => {
                  const box = card.getBoundingClientRect(), foot = card.querySelector("footer").getBoundingClientRect();
                  const last = card.querySelector("footer").previousElementSibling.getBoundingClientRect();
                  const small = [...card.querySelectorAll("p, li, h1")].filter(
                    (one) => parseFloat(getComputedStyle(one).fontSize) * 0.75 < 5.5);
                  const out = card.scrollHeight > card.clientHeight || card.scrollWidth > card.clientWidth
                    || foot.bottom > box.bottom || last.bottom > foot.top;
                  return out || small.length ? [[card.lang, card.className, card.scrollHeight - card.clientHeight,
                    card.scrollWidth - card.clientWidth, last.bottom - foot.top, small.length]] : [];
                })"""
            )
            if moment == LONGEST:
                await shot(page, f"{name}-{number}", full_page=True)
            assert wrong == [], f"{moment} {query}"


@pytest.mark.parametrize(("query", "size"), [("l=ja&l=vi", (298, 420)), ("sheet=1", (595, 842))])
async def test_the_paper_has_the_size_that_it_is_said_to_have(site: Site, query: str, size: tuple[int, int]) -> None:
    """A6 and A4 in points, one page for each paper, with nothing spilled onto another."""
    page = await site.page(f"/public/cards/K7F3?{query}")
    pdf = await page.pdf(prefer_css_page_size=True)
    boxes = [tuple(round(float(n)) for n in box.split()) for box in re.findall(rb"/MediaBox \[([\d. ]+)\]", pdf)]
    papers = await page.locator(".paper").count()
    assert boxes == [(0, 0, *size)] * papers


async def test_the_pages_of_cards_are_accessible(site: Site) -> None:
    """Axe finds nothing serious on cards and their page, wide and narrow, running and ended."""
    for name, path in (("page", "vi/card/K7F3"), ("old", "ja/card/NONE"), ("cards", "cards/K7F3?sheet=1")):
        for width in (WIDE, NARROW) if name != "cards" else (WIDE,):
            page = await site.page(f"/public/{path}", width=width)
            await site.quiet(page)
            await shot(page, f"{name}-{width}", full_page=True)
            await page.context.close()
        page = await site.page(f"/public/{path}", bypass_csp=True)
        await serious(page, name)
        await page.context.close()


#: The card's language and the first words that it is answered with. Vietnamese and all others follow when the desk
#: talks in them: this test then reads them from the catalogs by itself.
CARDS = [language for language in ("ja", "en", "vi") if language in words().talks]


@pytest.mark.timeout(300)
async def test_a_scanned_card_becomes_a_talk_about_the_visit(tmp_path: Path) -> None:
    """From the picture of the card over LINE's greeting to the first answer: bound, counted, in the card's language.

    The phone is a Japanese one, and belongs to nobody whom the desk knows.
    """
    async with running(tmp_path) as town:
        town.clock.set(datetime(2026, 11, 25, 10, tzinfo=TOKYO))
        town.roof.mind.city = replace(town.roof.city(), languages=words().talks)
        browser = await chromium()
        for language in CARDS:
            page = await browser.new_page(viewport={"width": WIDE, "height": 900})
            await page.goto(f"{town.base}/public/cards/K7F3?l={language}")
            found = await read(page, await shot(page, f"scanned-{language}", full_page=True))
            assert found == [f"{town.base}/q/K7F3?l={language}"]
            context = await browser.new_context(
                user_agent=PHONE, locale="ja-JP", viewport={"width": 390, "height": 844}
            )
            phone = await context.new_page()
            phone.set_default_timeout(20_000)
            await phone.goto(found[0])
            await phone.get_by_test_id("greeting-new").click()
            await expect(phone.get_by_test_id("message-input")).to_have_value(f"{GREETINGS[language]} [K7F3]")
            await phone.get_by_test_id("send").click()
            first = words().word(MOMENTS["home_visit"].lines[0], language)
            await expect(phone.get_by_test_id("chat").locator("[data-mine=false]", has_text=first).last).to_be_visible()
            await shot(phone, f"talk-{language}")
            await context.close()
        await tidy()
        (counted,) = await town.roof.store.read(campaigns.counted)
        assert counted.greeted == len(CARDS)
        assert {language: count for (_day, language), count in counted.scans.items()} == dict.fromkeys(CARDS, 1)
        bound = await town.roof.store.read(
            lambda s: [memory.look(s, id).get("campaign") for id in s.scalars(select(Resident.id))]
        )
        assert bound == ["K7F3"] * len(CARDS)
