"""Two languages side by side in a real browser, both ways, by keyboard, without scripts, and when the service fails."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from handoff.console import labels
from tests import test_translation
from tests.browser import test_console_pages
from tests.browser.chromium import press
from tests.browser.test_console_pages import Site, sane, shot
from tests.browser.test_directory_pages import axe
from tests.talk import view
from tests.test_translation import DIE_VI, TABLE, TIRED_JA, TIRED_VI, VISIT_JA, Two
from tests.translation_stand_ins import Service, opened

pytestmark = pytest.mark.browser
site = test_console_pages.site  # the running console

VISIT_MACHINE = "thăm bé sơ sinh là điều bạn có thể yêu cầu nhé."


@pytest_asyncio.fixture(loop_scope="session")
async def two(site: Site) -> AsyncIterator[Two]:
    """Give a talk in Vietnamese that the specialist holds, in the running console, with a stand-in of DeepL."""
    async with opened(Service("deepl", dict(TABLE))) as service:
        found = await test_translation.held_in(site.world, service)
        yield found
        await site.world.interpreter.close()


async def test_a_family_is_asked_and_its_words_stand_in_both_languages(site: Site, two: Two) -> None:
    """By keyboard: the question, the answer that was heard, and the Japanese below her own words."""
    await two.says(TIRED_VI)
    page = await site.signed_in()
    await page.goto(f"{site.root}/cases/{two.case}")
    card = page.get_by_role("region", name="翻訳")
    await expect(card).to_contain_text(labels.STAYS["not_asked"])
    await expect(page.locator("#translate")).to_be_hidden()
    await card.get_by_role("button", name="訳してよいかを聞く").press("Enter")
    await expect(page.locator(".by-staff")).to_contain_text('dịch vụ dịch "DeepL"')
    await expect(page.locator(".by-staff .gloss")).to_contain_text("外の翻訳サービス「DeepL」")
    await card.locator("summary").press("Enter")
    await card.get_by_label("はい").press("Space")
    await card.get_by_label("どうやって聞いたか").select_option("phone")
    await shot(page, "70-translation-answer")
    await axe(page)
    await card.get_by_role("button", name="残す", exact=True).press("Enter")
    await expect(card).to_contain_text("DeepLで訳しています。")
    await two.says(DIE_VI)
    await two.world.interpreter.drain()
    await expect(page.locator(".translated")).to_have_count(2)
    first = page.locator(".by-resident", has_text=TIRED_VI)
    await expect(first.locator(".translated")).to_contain_text(TIRED_JA)
    await expect(first.locator(".translated-head")).to_have_text("機械翻訳 DeepL")
    await expect(page.locator(".translated mark")).to_be_visible()
    await expect(page.locator(".reasons")).to_contain_text("機械翻訳のなかで")
    await sane(page)
    await shot(page, "71-translation-read")
    await axe(page)


async def test_staff_see_both_before_sending_by_keyboard_alone(site: Site, two: Two) -> None:
    """Ctrl+Shift+Enter looks, and never sends; while an IME composes it does nothing."""
    await two.answers(given=True)
    page = await site.signed_in()
    await page.goto(f"{site.root}/cases/{two.case}")
    await press(page, "r")
    words = page.get_by_label("さとうとして書く")
    await words.fill(VISIT_JA)
    await words.dispatch_event("keydown", {"key": "Enter", "ctrlKey": True, "shiftKey": True, "isComposing": True})
    beside = page.locator("#beside")
    await expect(beside).to_be_hidden()
    await page.keyboard.press("Control+Shift+Enter")
    there = beside.get_by_label("ベトナム語（この文が届きます。直せます）")
    await expect(there).to_be_focused()
    await expect(there).to_have_value(VISIT_MACHINE)
    await expect(beside.locator(".side").first).to_contain_text(VISIT_JA)
    await expect(beside.locator(".side").last).to_contain_text("訳し戻すと")
    await expect(page.locator(".by-staff")).to_have_count(0)
    await sane(page)
    await shot(page, "72-translation-check")
    await axe(page)
    await there.fill("Bạn có thể xin thăm bé sơ sinh.")
    await beside.get_by_role("button", name="送る").press("Enter")
    await expect(beside).to_be_hidden()
    sent = page.locator(".by-staff")
    await expect(sent).to_have_count(1)
    await expect(sent).to_contain_text("Bạn có thể xin thăm bé sơ sinh.")
    await expect(sent).to_contain_text(VISIT_JA)
    await expect(sent).to_contain_text("人が直しました")
    await expect(words).to_have_value("")
    await page.reload()
    await expect(words).to_have_value("")
    await shot(page, "73-translation-sent")


async def test_a_failing_service_is_told_calmly_and_tried_again(site: Site, two: Two) -> None:
    await two.answers(given=True)
    two.service.fails = [(500, {})] * 3
    page = await site.signed_in()
    await page.goto(f"{site.root}/cases/{two.case}")
    words = page.get_by_label("さとうとして書く")
    await words.fill(VISIT_JA)
    await page.keyboard.press("Control+Shift+Enter")
    beside = page.locator("#beside")
    await expect(beside).to_contain_text(labels.FAILED["broken"])
    await shot(page, "74-translation-failed")
    await axe(page)
    await beside.get_by_role("button", name="もう一度").press("Enter")
    await expect(beside.get_by_label("ベトナム語", exact=False)).to_have_value(VISIT_MACHINE)
    await expect(words).to_have_value(VISIT_JA)


async def test_it_works_without_scripts_and_on_a_telephone(site: Site, two: Two) -> None:
    await two.answers(given=True)
    await two.says(TIRED_VI)
    await two.world.interpreter.drain()
    page = await site.signed_in(width=390, height=844)
    await page.route("**/static/*.js", lambda route: route.abort())
    await page.goto(f"{site.root}/cases/{two.case}")
    await expect(page.locator(".translated")).to_contain_text(TIRED_JA)
    await page.get_by_label("さとうとして書く").fill(VISIT_JA)
    await page.get_by_role("button", name="翻訳して確かめる").click()
    await expect(page.get_by_role("heading", name="翻訳して確かめる")).to_be_visible()
    await sane(page)
    await shot(page, "75-translation-phone")
    await page.get_by_role("button", name="送る").click()
    await page.wait_for_url(f"{site.root}/cases/{two.case}#latest")
    await expect(page.locator(".by-staff")).to_contain_text("Câu tiếng Nhật gốc:")
    await shot(page, "77-translation-phone-talk")


async def test_a_city_without_a_service_sees_what_there_is(site: Site, two: Two) -> None:
    site.world.set_city(translation=type(site.world.city.translation)(), languages=view().city.languages)
    page = await site.signed_in()
    await page.goto(f"{site.root}/cases/{two.case}")
    await expect(page.get_by_role("region", name="翻訳")).to_contain_text(labels.STAYS["off"])
    await expect(page.locator("#translate")).to_be_hidden()
    await sane(page)
    await shot(page, "76-translation-off")
