"""The console in English: what scripts say is fetched once, and the palette finds English words; nothing else moves."""

from collections.abc import Iterator

import pytest
from playwright.async_api import expect
from sqlalchemy import update

from handoff import wording
from handoff.console import gate, scripts
from handoff.models import Staff
from tests.browser import test_console_pages
from tests.browser.chromium import broken, press
from tests.browser.test_console_pages import Site, a_night
from tests.browser.test_palette_page import chosen, offered

pytestmark = pytest.mark.browser

site = test_console_pages.site  # the running console
WORDS = {
    "相談の列": "Queue",
    "この相談を受ける": "Take this case",
    "{count}件": "{count} {count|result|results}",
    "番号 {number} の相談をさがす": "Find case number {number}",
    "警報の音": "Alarm sound",
    "切": "off",
}


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the console know a few English words."""
    monkeypatch.setattr(wording, "catalog", lambda language: WORDS if language == "en" else {})
    for cached in (gate.templates, scripts.english):
        cached.cache_clear()
    yield
    for cached in (gate.templates, scripts.english):
        cached.cache_clear()


async def chose_english(site: Site) -> None:
    """Let everybody read English."""
    await site.world.store.write(lambda s: s.execute(update(Staff).values(page_language="en")))


async def test_the_palette_finds_english_words(site: Site) -> None:
    """Typed Latin letters find what the buttons say, and its own words are English too."""
    await chose_english(site)
    made = await a_night(site.world)
    page = await site.signed_in()
    await page.goto(f"{site.root}/cases/{made['vanish'].id}")
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await press(page, "Control+k")
    for words in ("take", "Take this", "case ta"):
        assert (await offered(page, words))[0] == "Take this case c", words
    await expect(page.locator("#palette-count")).to_have_text("1 result")
    assert "Find case number A1B2" in await offered(page, "a1b2")
    await page.get_by_role("combobox").fill("take")
    await expect(chosen(page)).to_contain_text("Take this case")
    assert await broken(page) == []


async def test_without_the_english_words_pages_go_on_in_japanese(site: Site) -> None:
    """A script whose words do not come says what it says in Japanese; a sentence without English does so too."""
    await chose_english(site)
    page = await site.signed_in()
    button = page.locator("#alarm-sound")
    await expect(button).to_have_text("Alarm sound 入")
    await button.click()
    await expect(button).to_have_text("Alarm sound off")
    await page.route(
        "**/words.js", lambda route: route.abort() if "/static/" not in route.request.url else route.continue_()
    )
    await page.reload()
    await expect(button).to_have_text("Alarm sound 切")
    await press(page, "Control+k")
    await expect(page.locator("#palette-count")).to_contain_text("件")
