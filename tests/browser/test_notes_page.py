"""Notes for colleagues and the quiet watch in a real browser, by keyboard alone."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser import test_console_pages
from tests.browser.chromium import press
from tests.browser.test_console_pages import Site, sane, shot
from tests.browser.test_directory_pages import axe
from tests.test_beside import held

pytestmark = pytest.mark.browser
site = test_console_pages.site  # the running console


async def test_a_supervisor_watches_quietly_and_writes_to_the_holder(site: Site) -> None:
    """Her colleague's page does not say that she is there; her note is there at once and is said to be seen."""
    case_id = await held(site.world, "ja")
    holder = await site.signed_in()
    await holder.goto(f"{site.root}/cases/{case_id}")
    watcher = await site.signed_in("supervisor")
    await watcher.goto(f"{site.root}/cases/{case_id}")
    await expect(holder.locator("#watchers")).to_contain_text("たなか", timeout=20_000)
    await watcher.get_by_role("link", name="そっと見る").press("Enter")
    await expect(watcher.locator("#watchers")).to_contain_text("そっと見ています")
    await expect(holder.locator("#watchers")).not_to_contain_text("たなか", timeout=20_000)
    await press(watcher, "m")
    await watcher.keyboard.insert_text("夕方なら お母さんが電話に出られます")
    await expect(watcher.get_by_role("checkbox", name="さとう（担当）")).to_be_checked()
    await shot(watcher, "62-note")
    await axe(watcher)
    await watcher.get_by_role("button", name="残す").press("Enter")
    await expect(watcher.locator("#notes")).to_contain_text("さとうへ（まだ見ていません）")
    await expect(watcher.locator("#write-note")).not_to_have_attribute("open", "")
    await expect(holder.locator("#notes")).to_contain_text("夕方なら")
    await expect(holder.locator("#named")).to_be_visible(timeout=20_000)
    await shot(holder, "63-note-for-me")
    await axe(holder)
    await holder.get_by_role("button", name="あなたあてのメモを見ました").press("Enter")
    await expect(watcher.locator("#notes")).to_contain_text("に見ました）")
    await expect(holder.get_by_role("button", name="あなたあてのメモを見ました")).to_have_count(0)
    await sane(holder)
