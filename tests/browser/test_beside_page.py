"""Places beside the talk in a real browser, by keyboard alone."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser import test_console_pages
from tests.browser.chromium import press
from tests.browser.test_console_pages import Site, sane, shot
from tests.browser.test_directory_pages import axe
from tests.talk import view
from tests.test_beside import held

pytestmark = pytest.mark.browser
site = test_console_pages.site  # the running console


async def test_places_are_found_and_sent_without_leaving_the_talk(site: Site) -> None:
    """p opens the search, Escape closes it, two places go out, and what was typed as a reply is still there."""
    world = site.world
    world.places = view().directory
    world.set_city(languages=view().city.languages)
    case_id = await held(world, "vi")
    page = await site.signed_in()
    await page.goto(f"{site.root}/cases/{case_id}")
    await page.get_by_label("さとうとして書く").fill("まだ途中")
    await page.get_by_label("さとうとして書く").press("Escape")
    await press(page, "p")
    beside = page.locator("#beside")
    await expect(beside.get_by_label("ことば・名前")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(beside).to_be_hidden()
    await page.locator("#find-places").press("Enter")
    await beside.get_by_label("内容").select_option("temporary_care")
    await beside.get_by_label("内容").press("Enter")
    await beside.get_by_role("button", name="さがす").press("Enter")
    boxes = beside.get_by_role("checkbox", name="ぽかぽか").or_(beside.get_by_role("checkbox", name="なぎさ"))
    await expect(boxes).to_have_count(2)
    for box in await boxes.all():
        await box.press("Space")
    await sane(page)
    await shot(page, "60-places-beside")
    await axe(page)
    await beside.get_by_role("button", name="選んだ場所を送る").press("Enter")
    await expect(beside).to_be_hidden()
    await expect(page.locator("#notice")).to_contain_text("LINEでお知らせしました。")
    await expect(page.locator(".by-staff")).to_contain_text("Hinata Plaza Temporary Care")
    await expect(page.get_by_role("heading", name="案内した場所")).to_be_visible()
    await expect(page.get_by_label("さとうとして書く")).to_have_value("まだ途中")
    await shot(page, "61-places-sent")
    await axe(page)


async def test_the_page_works_alone_and_on_a_telephone(site: Site) -> None:
    """Without our scripts it is a page of its own."""
    world = site.world
    world.places = view().directory
    case_id = await held(world, "ja")
    page = await site.signed_in(width=390, height=844)
    await page.route("**/static/*.js", lambda route: route.abort())
    await page.goto(f"{site.root}/cases/{case_id}/places?topic=temporary_care")
    await page.get_by_role("checkbox", name="ぽかぽか").check()
    await sane(page)
    await shot(page, "62-places-phone")
    await page.get_by_role("button", name="選んだ場所を送る").click()
    await page.wait_for_url(f"{site.root}/cases/{case_id}#latest")
    await expect(page.locator(".by-staff")).to_contain_text("ぽかぽか")
