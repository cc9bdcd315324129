"""Quoting, and a picture, in a real browser: by keyboard, and how it looks on the resident's telephone."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from bot.store import Store
from tests.browser import test_console_pages
from tests.browser.chromium import broken, keep, press, served, watch
from tests.browser.test_console_pages import Site, sane, shot
from tests.browser.test_directory_pages import axe
from tests.conftest import free_port
from tests.console_world import build
from tests.talk import view
from tests.test_beside import NAGISA, POKAPOKA, held, sends
from tests.test_saying import answers, enters, photo, sends_picture, the_room, writes_words

pytestmark = pytest.mark.browser
site = test_console_pages.site  # the running console


async def test_words_are_quoted_and_a_photo_is_sent(site: Site) -> None:
    """i quotes her last words; what is quoted stands above the answer, and can be dropped again."""
    case_id = await held(site.world, "ja")
    await writes_words(site.world, case_id, "予約は いりますか")
    await writes_words(site.world, case_id, "あしたも あいていますか")
    page = await site.signed_in()
    await page.goto(f"{site.root}/cases/{case_id}")
    await press(page, "i")
    await expect(page.locator("#quoting")).to_contain_text("あしたも あいていますか")
    await expect(page.get_by_label("さとうとして書く")).to_be_focused()
    await page.keyboard.press("Escape")
    await page.locator("#no-quote").press("Enter")
    await expect(page.locator("#quoting")).to_be_hidden()
    await page.get_by_role("link", name="引用して返信").nth(-2).press("Enter")
    await page.keyboard.insert_text("いりません。そのまま来てください。")
    await shot(page, "64-quote")
    await axe(page)
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".by-staff .quoted")).to_have_text("予約は いりますか")
    await expect(page.locator("#quoting")).to_be_hidden()
    await page.locator("#send-picture summary").press("Enter")
    file = {"name": "paper.jpg", "mimeType": "image/jpeg", "buffer": photo(800, 600)}
    await page.get_by_label("写真（JPEG").set_input_files(file)
    await page.get_by_label("ひとこと").fill("この紙です")
    await page.get_by_role("button", name="写真を送る").press("Enter")
    await expect(page.locator(".by-staff").last).to_contain_text("送った写真")
    await expect(page.locator("#send-picture")).not_to_have_attribute("open", "")
    await shot(page, "65-photo-sent")
    await axe(page)
    await sane(page)


async def test_the_residents_page_shows_quote_photo_and_cards(sqlite_store: Store) -> None:
    """On a telephone, in Vietnamese: nothing overflows, the photo has a name, telephone numbers can be tapped."""
    world = await build(sqlite_store)
    world.places = view().directory
    world.set_city(languages=view().city.languages)
    case_id = await held(world, "vi")
    visit = await enters(world, case_id)
    asked = await writes_words(world, case_id, "Có cần đặt chỗ không?", "room")
    await answers(world, case_id, asked)
    await sends_picture(world, case_id, photo(800, 600, exif=False), words="この紙です")
    await sends(world, case_id, POKAPOKA, NAGISA)
    port = free_port()
    root = f"http://127.0.0.1:{port}"
    async with served(the_room(world), port) as browser:
        context = await browser.new_context(viewport={"width": 390, "height": 844}, locale="vi-VN")
        await context.add_cookies([{"name": "visit", "value": visit, "url": root}])
        page = await watch(await context.new_page())
        await page.goto(f"{root}/room/")
        await expect(page.locator("blockquote")).to_have_text("Có cần đặt chỗ không?")
        photograph = page.get_by_role("img", name="Ảnh")
        await photograph.scroll_into_view_if_needed()
        assert await photograph.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 800
        await expect(page.locator("#log section")).to_have_count(2)
        assert await page.locator("#log section a[href^='tel:']").count() >= 1
        await keep(page, "console/66-room-cards", full_page=True)
        await axe(page)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert await broken(page) == []
