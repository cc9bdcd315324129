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


async def test_a_sentence_is_put_into_the_reply_by_keyboard(site: Site) -> None:
    """t opens the list; what is chosen stands where the cursor was, to be read and changed before it is sent."""
    world = site.world
    world.set_city(languages=view().city.languages)
    case_id = await held(world, "vi")
    page = await site.signed_in()
    await page.goto(f"{site.root}/cases/{case_id}")
    await press(page, "t")
    beside = page.locator("#beside")
    await expect(beside.get_by_role("searchbox")).to_be_focused()
    await shot(page, "63-phrases")
    await axe(page)
    await beside.get_by_role("searchbox").fill("通訳")
    await page.keyboard.press("Enter")
    await expect(beside.locator("[data-insert]")).to_have_count(1)
    await beside.locator("[data-insert]").press("Enter")
    await expect(beside).to_be_hidden()
    await expect(page.get_by_label("さとうとして書く")).to_have_value("Tôi sẽ tìm người phiên dịch. Xin chờ một chút.")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".by-staff .gloss")).to_have_text("意味 通訳をさがします。少し待ってください。")
    await sane(page)


async def test_the_pages_of_sentences_are_accessible(site: Site) -> None:
    page = await site.signed_in()
    await page.goto(f"{site.root}/phrases")
    await expect(page.get_by_text("この町の定型文は、まだありません。")).to_be_visible()
    await page.get_by_role("link", name="定型文を書く").press("Enter")
    await page.get_by_role("button", name="保存").press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("日本語は必ず書いてください")
    await shot(page, "64-phrase-form")
    await axe(page)
    await page.get_by_label("名前（同僚が選ぶときに読む）").fill("電話の案内")
    await page.get_by_label("日本語", exact=False).first.fill("{desk}の電話は{phone}です。")
    await page.get_by_role("button", name="保存").press("Enter")
    await expect(page.get_by_role("link", name="電話の案内")).to_be_visible()
    await shot(page, "65-phrases")
    await sane(page)
    await axe(page)
