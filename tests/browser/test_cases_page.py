"""The list of cases and "take the next", by keyboard alone and on a telephone."""

import pytest
from playwright.async_api import expect

from tests.browser import test_console_pages
from tests.browser.chromium import press
from tests.browser.test_console_pages import Site, a_night, sane, shot
from tests.browser.test_directory_pages import axe

pytestmark = pytest.mark.browser
site = test_console_pages.site  # the running console


async def test_the_list_is_found_filtered_and_walked_by_keyboard(site: Site) -> None:
    await a_night(site.world)
    page = await site.signed_in()
    await press(page, "/")
    await page.wait_for_url(f"{site.root}/cases")
    await expect(page.locator(".row")).to_have_count(6)
    await shot(page, "30-cases")
    await sane(page)
    await page.get_by_label("緊急度").focus()
    await page.keyboard.press("ArrowDown")
    await page.get_by_role("button", name="さがす", exact=True).focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**severity=emergency**")
    await expect(page.locator(".row")).to_have_count(1)
    await press(page, "j")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/cases/*-*")


async def test_one_key_takes_the_gravest(site: Site) -> None:
    made = await a_night(site.world)
    page = await site.signed_in()
    await press(page, "n")
    await page.wait_for_url(f"{site.root}/cases/{made['vanish'].id}")


async def test_the_list_fits_a_telephone_and_says_when_it_is_empty(site: Site) -> None:
    page = await site.signed_in(width=390, height=844)
    await page.goto(f"{site.root}/cases")
    await expect(page.get_by_text("終わっていない相談はありません。")).to_be_visible()
    await sane(page)
    await a_night(site.world)
    await page.goto(f"{site.root}/cases?kind=dv")
    await expect(page.locator(".row")).to_have_count(1)
    await shot(page, "31-cases-phone")
    await sane(page)


async def test_axe_finds_nothing_on_the_pages_of_the_queue(site: Site) -> None:
    """With the alarm's band over each: queue, list, one talk, the night sheet."""
    made = await a_night(site.world)
    page = await site.signed_in()
    for path in ("/", "/cases", "/cases?kind=medical", f"/cases/{made['vanish'].id}", "/night-sheet"):
        await page.goto(f"{site.root}{path}")
        await expect(page.locator("#alarm")).to_be_visible()
        await axe(page)
