"""Practising in a real browser, by keyboard alone: from the real console to an invented family, the review and back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect
from starlette.applications import Starlette
from starlette.routing import Mount

from bot.store import Store
from handoff import practice
from handoff.practice import Practice
from tests.browser.chromium import claims, press, served, watch
from tests.browser.test_console_pages import Site, sane, shot
from tests.browser.test_directory_pages import axe
from tests.conftest import free_port
from tests.console_world import build

pytestmark = pytest.mark.browser
BANNER = "練習です。ここのご家族は実在しません。"


@pytest_asyncio.fixture(loop_scope="session")
async def site(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    """Serve a console and the practices beside it, as the roof does."""
    monkeypatch.setattr(practice, "STEP_SECONDS", 0.0)
    port = free_port()
    world = await build(sqlite_store, f"http://127.0.0.1:{port}", home="/console/practice")
    assert world.practices is not None
    app = Starlette(routes=[Mount("/console", world.app), Mount("/practice", world.practices)])
    async with served(app, port) as browser:
        yield Site(world, f"http://127.0.0.1:{port}/console", browser)
        await world.practices.close()


async def meets(site: Site, page: Page, title: str) -> tuple[Page, Practice]:
    """Begin a practice by keyboard; it opens in a window of its own."""
    async with page.context.expect_page(timeout=120_000) as opened:
        await page.get_by_role("button", name=f"はじめる（{title}）").press("Enter")
    window = await watch(await opened.value)
    await window.wait_for_url(site.root.replace("/console", "/practice/"), timeout=60_000)
    practices = site.world.practices
    assert practices is not None
    begun = practices.of(site.world.staff["specialist"])
    assert begun is not None
    one = await practices._practice(begun)
    assert one is not None
    return window, one


async def test_a_talk_is_practised_by_keyboard(site: Site) -> None:
    """From the real console into a window of its own: the alarm, the claim, two replies and answers, a colleague."""
    page = await site.signed_in()
    await page.get_by_role("link", name="さとう").press("Enter")
    await page.get_by_role("link", name="練習する").press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("練習")
    await expect(page.locator(".lesson")).to_have_count(0)  # this is the real console
    await shot(page, "80-practice")
    await sane(page)

    window, one = await meets(site, page, "夜中に、自分の手がこわい人")
    await window.reload()  # what is watched begins with a page
    await expect(window.locator(".lesson")).to_contain_text(BANNER)
    assert (await window.title()).removeprefix("▲ ").startswith("【練習】")
    await expect(window.locator("#alarm")).to_contain_text("緊急の相談が")
    await expect(page.locator("#alarm")).to_be_hidden()  # nobody calls in the real console
    await shot(window, "81-practice-queue")
    await sane(window)

    await window.locator(".row-link").first.press("Enter")
    await window.wait_for_url("**/cases/*")
    await expect(window.get_by_text("いま、119に電話してください")).to_have_count(1)  # what the desk had said at night
    await claims(window)
    await expect(window.get_by_text("あなたが担当", exact=True)).to_be_visible()
    for number, line in enumerate(one.family.answers[:2]):
        await press(window, "r")
        await expect(window.get_by_label("さとうとして書く")).to_be_focused()
        await window.keyboard.type(f"ここにいます。{number}")
        await window.keyboard.press("Control+Enter")
        await expect(window.get_by_text(f"ここにいます。{number}")).to_be_visible()
        await window.keyboard.press("Escape")
        one.clock.set(one.clock.now() + timedelta(seconds=line.seconds))
        await expect(window.get_by_text(line.text)).to_be_visible()
    one.clock.set(one.clock.now() + practice.SECOND_COMES)
    await expect(window.get_by_text(f"いっしょに読む人: {practice.COLLEAGUE}")).to_be_visible()
    await shot(window, "82-practice-talk")
    await sane(window)
    await axe(window)


async def test_the_review_is_read_and_the_practice_ended_by_keyboard(site: Site) -> None:
    """It leads back to the real console, where the practice is noted and thrown away."""
    page = await site.signed_in()
    await page.goto(f"{site.root}/practice")
    window, one = await meets(site, page, "眠れない、心配ごとの多い父親")
    await window.get_by_role("link", name="ふりかえりへ").press("Enter")
    await expect(window.get_by_role("heading", level=1)).to_contain_text("ふりかえり")
    await expect(window.get_by_role("heading", level=2)).to_have_count(len(one.family.review))
    await shot(window, "83-practice-review")
    await sane(window)
    await axe(window)
    await window.get_by_role("link", name="本物の窓口にもどって、練習を終える").press("Enter")
    await window.wait_for_url(f"{site.root}/practice")
    await expect(window.locator(".lesson")).to_have_count(0)
    await expect(window.get_by_text("いま開いている練習: 眠れない、心配ごとの多い父親")).to_be_visible()
    await shot(window, "84-practice-open")
    await axe(window)
    await window.get_by_role("button", name="ふりかえりまで終えました").press("Enter")
    await expect(window.get_by_text("練習しました")).to_be_visible()
    await expect(window.get_by_text("いま開いている練習")).to_have_count(0)
    await sane(window)


async def test_a_practice_fits_a_telephone_and_shows_what_foreign_words_mean(site: Site) -> None:
    page = await site.signed_in(width=390, height=844)
    await page.goto(f"{site.root}/practice")
    await shot(page, "85-practice-phone")
    await sane(page)
    await axe(page)
    window, one = await meets(site, page, "ベトナム語で書く、ひとりきりの母親")
    await window.set_viewport_size({"width": 390, "height": 844})
    await window.reload()
    await sane(window)
    await axe(window)
    await window.locator(".row-link").first.press("Enter")
    await window.wait_for_url("**/cases/*")
    await press(window, "v")
    await expect(window.get_by_text("Nhiều lúc tôi chỉ muốn biến mất.").first).to_be_visible()
    await shot(window, "86-practice-vietnamese-phone")
    await sane(window)
    await window.goto(window.url.partition("/cases/")[0] + "/review")
    await expect(window.get_by_text(one.family.answers[-1].means)).to_be_visible()
    await shot(window, "87-practice-review-phone")
    await sane(window)
