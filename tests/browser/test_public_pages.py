"""The public pages in a real Chromium: by keyboard, by axe, on a phone, on paper; nothing from elsewhere, no cookie.

Screenshots are kept under var/screenshots/public (not in the repository).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, Request, expect

from bot import suggestions
from bot.i18n import html_language
from bot.store import Store
from bot.suggestions import operator_link
from tests import public_world
from tests.browser.chromium import WATCH, keep, served
from tests.conftest import free_port
from tests.public_world import EVENT, FULL, KEY, NOW, PLAZA, World
from tests.talk import words

pytestmark = pytest.mark.browser

LANGUAGES = [language for language in ("ja-easy", "vi", "en", "ne", "zh-Hant") if language in words().languages]
AXE = ("ja-easy", "ne")  # with ruby, and in another script; the others are the same pages in other words
PLACE = "places/full%2F1%20%3F"
WIDE, NARROW = 1280, 390


@dataclass
class Site:
    """Hold the served pages and a browser; `elsewhere` is every request to another host."""

    world: World
    base: str
    browser: Browser
    elsewhere: list[str] = field(default_factory=list)

    async def page(self, path: str, *, width: int = WIDE, scripts: bool = True, bypass_csp: bool = False) -> Page:
        """Open a page in a window of its own."""
        context = await self.browser.new_context(
            viewport={"width": width, "height": 860}, java_script_enabled=scripts, bypass_csp=bypass_csp
        )
        page = await context.new_page()
        page.set_default_timeout(20_000)
        if scripts:
            await page.add_init_script(WATCH)
        page.on("request", self._note)
        answer = await page.goto(f"{self.base}{path}")
        assert answer is not None
        return page

    def _note(self, request: Request) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.base).netloc:
            self.elsewhere.append(request.url)

    async def quiet(self, page: Page) -> None:
        """Check that the page asked nothing of others, kept nothing here, and broke no policy."""
        assert self.elsewhere == []
        assert await page.context.cookies() == []
        assert await page.evaluate("[localStorage.length, sessionStorage.length, window.__broken.length]") == [0, 0, 0]
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def shot(page: Page, name: str) -> None:
    """Keep a picture of the whole page."""
    await keep(page, f"public/{name}", full_page=True)


@pytest_asyncio.fixture(loop_scope="session")
async def site(sqlite_store: Store) -> AsyncIterator[Site]:
    """Serve the pages on loopback and start Chromium."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    world = await public_world.build(sqlite_store, base_url=base)
    await world.keep(FULL, EVENT)
    async with served(world.app, port) as browser:
        yield Site(world, base, browser)


KINDS = {
    "topics": "", "topic": "topics/temporary_care", "narrowed": "topics/parenting_salon?open=sat&speaks=en",
    "place": PLACE, "bulletin": "bulletin/2026-11", "wrong": f"places/{PLAZA}/wrong",
    "thanks": f"places/{PLAZA}/wrong?sent=1", "missing": "places/none",
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_kind_of_page_is_accessible_wide_and_narrow(site: Site, language: str) -> None:
    """Axe finds nothing serious; nothing is wider than the screen; nothing is fetched from or told to others."""
    page = await site.page(f"/public/{language}/")
    for name, path in KINDS.items():
        await page.goto(f"{site.base}/public/{language}/{path}")
        await expect(page.locator("html")).to_have_attribute("lang", html_language(language))
        for width in (WIDE, NARROW):
            await page.set_viewport_size({"width": width, "height": 860})
            await site.quiet(page)
            await shot(page, f"{name}-{language}-{width}")
    if language in AXE:
        page = await site.page(f"/public/{language}/", bypass_csp=True)
        for name, path in KINDS.items():
            await page.goto(f"{site.base}/public/{language}/{path}")
            await serious(page, f"{name} {language}")


async def test_the_other_pages_are_accessible(site: Site) -> None:
    link = operator_link(KEY, "", PLAZA, NOW)
    for name, path in (
        ("languages", "/public/"),
        ("api", "/public/api/"),
        ("operator", link),
        ("closed", "/public/operator/x"),
    ):
        page = await site.page(path, width=NARROW)
        await site.quiet(page)
        await shot(page, f"{name}-{NARROW}")
        await page.context.close()
        page = await site.page(path, bypass_csp=True)
        await serious(page, name)
        await page.context.close()


async def serious(page: Page, name: str) -> None:
    """Let axe look, and fail on what it calls serious or critical."""
    found = await Axe().run(page)
    wrong = [v for v in found.response["violations"] if v["impact"] in ("serious", "critical")]
    assert [(v["id"], [node["html"] for node in v["nodes"]][:3]) for v in wrong] == [], name


async def test_from_language_to_place_by_keyboard_and_without_scripts(site: Site) -> None:
    """A mother chooses her language, a topic, narrows it down, and comes to a place's number."""
    page = await site.page("/public/", width=NARROW, scripts=False)
    await page.get_by_role("link", name="English").press("Enter")
    await page.get_by_role("link", name="Parent-child drop-in").press("Enter")
    await page.locator("summary", has_text="Narrow down").press("Enter")
    await page.get_by_label("Languages spoken").select_option(label="English")
    await page.get_by_role("button", name="Search").press("Enter")
    await page.get_by_role("link", name="ひなた市子育てひろば").press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Hinata City Parenting Plaza")
    await expect(page.get_by_role("link", name="Call 000-555-0110")).to_have_attribute("href", "tel:0005550110")
    await expect(page.locator("tr[aria-current=date]")).to_contain_text("Wed, Nov 25 today")
    await page.locator("summary").press("Enter")
    await page.get_by_role("link", name="やさしい にほんご").press("Enter")
    await expect(page.locator("html")).to_have_attribute("lang", "ja")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("ひなたしこそだてひろば")
    assert site.elsewhere == []


async def test_the_skip_link_leads_into_the_page(site: Site) -> None:
    page = await site.page(f"/public/ja/{PLACE}")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="本文へ")).to_be_focused()
    await expect(page.get_by_role("link", name="本文へ")).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()


async def test_telling_of_an_error_without_scripts(site: Site) -> None:
    """The browser's own form: the origin is told, nothing else; a missing choice is named by the page itself."""
    path = f"/public/ja/places/{PLAZA}/wrong"
    page = await site.page(path, width=NARROW, scripts=False)
    await page.get_by_label("時間や休みの日が違う").check()
    await page.get_by_label("くわしく").fill("月曜も開いていました")
    await page.get_by_role("button", name="知らせる").press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("知らせてくれて、ありがとうございます。")
    (one,) = await site.world.store.read(suggestions.open_suggestions)
    assert (one.kind, one.text) == ("hours", "月曜も開いていました")
    await page.goto(f"{site.base}{path}")
    await page.evaluate("document.querySelectorAll('[required]').forEach((e) => e.removeAttribute('required'))")
    await page.get_by_role("button", name="知らせる").press("Enter")
    await page.get_by_role("alert").get_by_role("link", name="どこが違うかを").press("Enter")
    await expect(page.get_by_label("もうやっていない")).to_be_in_viewport()
    await shot(page, "wrong-problems")


@pytest.mark.parametrize("language", LANGUAGES[:1])
async def test_words_of_danger_lead_to_a_person(site: Site, language: str) -> None:
    page = await site.page(f"/public/{language}/places/{PLAZA}/wrong", width=NARROW)
    await page.locator("input[value=other]").check()
    await page.locator("textarea").fill("もう死にたい")
    await page.locator("form button").press("Enter")
    await expect(page.locator("textarea[readonly]")).to_have_value("もう死にたい")
    await expect(page.locator("main a.button")).to_have_attribute("href", re.compile("^https://line.me/"))
    await site.quiet(page)
    await shot(page, f"danger-{language}")
    assert await site.world.store.read(suggestions.open_suggestions) == []


async def test_an_operator_sends_what_has_changed(site: Site) -> None:
    page = await site.page(operator_link(KEY, "", PLAZA, NOW))
    await page.get_by_label("電話").fill("")
    await page.get_by_label("ホームページ").fill("ftp://x")
    await page.get_by_role("button", name="担当者に送る").press("Enter")
    await expect(page.get_by_label("ホームページ")).to_have_attribute("aria-invalid", "true")
    await page.get_by_label("ホームページ").fill("https://hinata.example.jp/new/")
    await page.get_by_role("button", name="担当者に送る").press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("受けとりました")
    (one,) = await site.world.store.read(suggestions.open_suggestions)
    assert one.changes == {"phones": [], "url": "https://hinata.example.jp/new/"}
    await site.quiet(page)


async def test_the_bulletin_on_paper(site: Site) -> None:
    """A4, black on white without any background, no navigation; a day's heading stays with its first event."""
    page = await site.page("/public/ja/bulletin/2026-11")
    await page.emulate_media(media="print")
    await page.set_viewport_size({"width": 794, "height": 1123})  # A4 at 96 dots an inch
    for hidden in ("nav", ".turn", ".skip", "footer .button"):
        await expect(page.locator(hidden).first).to_be_hidden()
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await expect(page.get_by_text("川辺えんにち")).to_be_visible()
    colours = """() => [...new Set([...document.querySelectorAll("body, body *")].filter((e) => e.checkVisibility())
      .flatMap((e) => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]))]"""
    assert set(await page.evaluate(colours)) <= {"rgb(0, 0, 0)", "rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"}
    await shot(page, "bulletin-print")
    printed = await page.pdf(prefer_css_page_size=True)
    assert printed.startswith(b"%PDF-")
    sizes = [[float(n) for n in box.split()] for box in re.findall(rb"/MediaBox \[([^\]]+)\]", printed)]
    assert sizes
    assert all(size == pytest.approx([0, 0, 595, 842], abs=1) for size in sizes)


async def test_a_place_on_paper(site: Site) -> None:
    page = await site.page(f"/public/ja/{PLACE}")
    await page.emulate_media(media="print")
    await page.set_viewport_size({"width": 794, "height": 1123})
    for hidden in ("nav", ".screen"):
        await expect(page.locator(hidden).first).to_be_hidden()
    await expect(page.get_by_text("000-555-9999")).to_be_visible()
    await shot(page, "place-print")
