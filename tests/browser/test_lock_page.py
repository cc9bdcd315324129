"""Everything is hidden at once, by one key, while a child walks up; only her password opens it again (CARE C32)."""

import asyncio
import re

import pytest
from playwright.async_api import Page, Route, expect
from sqlalchemy import select

from handoff.models import Draft, StaffSession
from tests.browser import test_console_pages
from tests.browser.chromium import claims, press
from tests.browser.test_alarm_page import EARS, tones
from tests.browser.test_console_pages import Site, a_night, sane, shot
from tests.browser.test_directory_pages import axe
from tests.console_world import NOW, PASSWORD, VANISH, a_resident, writes

pytestmark = pytest.mark.browser

site = test_console_pages.site  # the running console
#: What a person, a screen reader, a search in the page or a printer could get at.
SHOWN = """() => [document.title, ...[...document.querySelectorAll("body *")]
  .filter((e) => e.checkVisibility()).map((e) => e.innerText)].join(" ")"""
HEARS = """() => {
  const session = document.querySelector("#unlock [name=csrf]").value;
  new BroadcastChannel(`madoguchi ${session}`).onmessage = () => { window.__heard = true; };
}"""
COMPOSING = """(e, more) => e.dispatchEvent(new KeyboardEvent("keydown",
  { key: "x", code: "KeyX", bubbles: true, cancelable: true, isComposing: true, ...more }))"""


async def is_hidden(page: Page) -> None:
    """Check that the page shows the form and nothing else."""
    await expect(page.locator("#unlock-password")).to_be_visible()
    await expect(page.locator("main:not(.lock)").filter(visible=True)).to_have_count(0)
    shown = await page.evaluate(SHOWN)
    assert not any(word in shown for word in ("ベランダ", "相談", "緊急", "まず")), shown


async def locked(site: Site) -> list[bool]:
    """Return which sessions are locked on the server."""
    return await site.world.store.read(lambda s: list(s.scalars(select(StaffSession.locked))))


async def until(site: Site, is_locked: bool) -> None:
    """Wait until the server knows."""
    async with asyncio.timeout(20):
        while await locked(site) != [is_locked]:  # noqa: ASYNC110 - the server is asked, it tells nobody
            await asyncio.sleep(0.02)


async def a_talk(site: Site) -> Page:
    """Sign in and take the talk of the night's emergency."""
    made = await a_night(site.world)
    page = await site.signed_in()
    await page.goto(f"{site.root}/cases/{made['vanish'].id}")
    await claims(page)
    await expect(page.get_by_label("さとうとして書く")).to_be_visible()
    return page


async def opens(page: Page, password: str = PASSWORD) -> None:
    """Type the password and press Enter; the field has the focus."""
    await expect(page.locator("#unlock-password")).to_be_focused()
    await page.keyboard.insert_text(password)
    await page.keyboard.press("Enter")


async def test_one_key_hides_everything_before_the_server_is_asked(site: Site) -> None:
    """While she writes and the server does not answer; by keyboard alone the very page comes back as it was."""
    page = await a_talk(site)
    title = (await page.title()).removeprefix("▲ ")
    await page.get_by_text("窓口に戻す（保留）", exact=True).click()
    await page.locator("#agreed").fill("朝に電話")
    words = page.get_by_label("さとうとして書く")
    await words.fill("まず、手すりから")
    answered = asyncio.Event()

    async def slow(route: Route) -> None:
        await answered.wait()
        await route.continue_()

    await page.route("**/lock", slow)
    await page.keyboard.press("Alt+x")
    await is_hidden(page)
    assert await locked(site) == [False]
    answered.set()
    await until(site, is_locked=True)
    assert await site.world.store.read(lambda s: len(s.scalars(select(Draft)).all())) == 1  # kept before it was locked
    await shot(page, "20-hidden")
    await sane(page)
    await axe(page)
    await opens(page, "wrong")
    await expect(page.locator("#lock-problem")).to_have_text("パスワードが違います。")
    await is_hidden(page)
    await sane(page)
    await opens(page)
    await expect(words).to_be_focused()
    await expect(words).to_have_value("まず、手すりから")
    await expect(page.locator("#agreed")).to_have_value("朝に電話")
    await expect(page).to_have_title(re.compile(rf"^(▲ )?{re.escape(title)}$"))
    assert await locked(site) == [False]
    await sane(page)


async def test_an_opened_page_catches_up(site: Site) -> None:
    """Nothing comes to a hidden page; what was said meanwhile is there when it opens."""
    made = await a_night(site.world)
    page = await site.signed_in()
    await press(page, "x")
    await is_hidden(page)
    await until(site, is_locked=True)
    await press(page, "Tab")
    await press(page, "n")  # keys of the page below do nothing
    await press(page, "?")
    await writes(site.world.store, await a_resident(site.world.store), "いまから", VANISH)
    await page.locator("#unlock-password").focus()
    await opens(page)
    await expect(page.locator(".part-waiting .row")).to_have_count(4)
    assert made


async def test_the_button_and_a_dialog(site: Site) -> None:
    """The button does what the key does; an open dialog is no way around it."""
    await a_night(site.world)
    page = await site.signed_in()
    await press(page, "?")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await press(page, "x")
    await is_hidden(page)
    await until(site, is_locked=True)
    await page.keyboard.press("Escape")
    await page.locator("#unlock-password").focus()
    await opens(page)
    await expect(page.locator("#main")).to_be_visible()
    await page.get_by_role("button", name="かくす").click()
    await is_hidden(page)


async def test_letters_and_a_composing_ime_hide_nothing(site: Site) -> None:
    """x in a text is a letter, and no key acts while an IME composes, with Alt or without."""
    page = await a_talk(site)
    words = page.get_by_label("さとうとして書く")
    await words.focus()
    await page.keyboard.type("xX")
    await words.evaluate(COMPOSING, {})
    await words.evaluate(COMPOSING, {"altKey": True})
    await words.evaluate(COMPOSING, {"isComposing": False, "altKey": True, "keyCode": 229})
    await page.keyboard.press("Control+x")
    await page.keyboard.press("Control+Alt+x")  # AltGr
    await expect(words).to_be_visible()
    await expect(words).to_have_value("xX")
    await words.evaluate(COMPOSING, {"isComposing": False, "altKey": True})
    await is_hidden(page)


async def test_all_tabs_of_a_session_hide_and_open_together(site: Site) -> None:
    """A tab that got no message hides with its next question; a colleague's browser stays as it is."""
    made = await a_night(site.world)
    page, colleague = await site.signed_in(), await site.signed_in("supervisor")
    second, deaf = await page.context.new_page(), await page.context.new_page()
    await deaf.add_init_script("window.BroadcastChannel = class extends EventTarget { postMessage() {} };")
    for tab in (second, deaf):
        await tab.goto(f"{site.root}/cases/{made['vanish'].id}")
        await press(tab, "v")
    await press(page, "x")
    for tab in (page, second, deaf):
        await is_hidden(tab)
    await expect(colleague.locator("#main")).to_be_visible()
    await opens(page)
    for tab in (page, second):
        await expect(tab.locator("#main")).to_be_visible()
    await is_hidden(deaf)
    await deaf.locator("#unlock-password").focus()
    await opens(deaf)
    await expect(deaf.locator("#main")).to_be_visible()


async def test_going_back_and_new_addresses_show_nothing(site: Site) -> None:
    """Neither the browser's history nor a typed address leads around the lock; without scripts it is the same."""
    made = await a_night(site.world)
    page = await site.signed_in()
    talk = f"{site.root}/cases/{made['vanish'].id}"
    await page.goto(talk)
    await page.goto(f"{site.root}/today")
    await press(page, "x")
    await until(site, is_locked=True)
    await page.go_back()
    await is_hidden(page)
    await page.goto(talk)
    await is_hidden(page)
    await shot(page, "21-hidden-alone")
    await sane(page)
    await axe(page)
    await opens(page)
    await page.wait_for_url(talk)
    plain = await site.page(java_script_enabled=False, storage_state=await page.context.storage_state())
    await plain.goto(talk)
    await plain.get_by_role("button", name="かくす").click()
    await expect(plain.locator("#main")).to_have_class("lock")
    assert "ベランダ" not in await plain.content()
    await plain.locator("#unlock-password").fill(PASSWORD)
    await plain.get_by_role("button", name="ひらく").click()
    await plain.wait_for_url(talk)


async def test_a_hidden_page_still_calls(site: Site) -> None:
    """An emergency sounds, shows in the title and as a masked notification, and leads nowhere until it is opened."""
    page = await site.page()
    await page.clock.install(time=NOW)
    await page.add_init_script(EARS)
    await page.goto(f"{site.root}/sign-in")
    await page.get_by_label("ログイン名").fill("specialist")
    await page.get_by_label("パスワード").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{site.root}/")
    await page.evaluate("Notification.permission = 'granted'")
    await expect(page.get_by_role("button", name="警報の音")).to_be_visible()
    await press(page, "x")
    await until(site, is_locked=True)
    case = await writes(site.world.store, await a_resident(site.world.store), "いまベランダ", VANISH, at=NOW)
    assert case is not None
    async with page.expect_response("**/alarms"):
        await page.clock.fast_forward(5_000)
    await tones(page, 6)
    await expect(page).to_have_title("▲ まどぐち")
    await expect(page.locator("#alarm")).to_have_text("待っている方がいます")
    await is_hidden(page)
    assert await page.locator("#alarm a").count() == 0
    assert await page.evaluate("window.__notes") == [["まどぐち", "待っている方がいます", str(case.id)]]
    await shot(page, "22-hidden-calls")
    await sane(page)
    await opens(page)
    await expect(page.locator("#alarm a")).to_have_attribute("href", f"/console/cases/{case.id}")


async def test_a_page_that_nobody_touches_hides_itself(site: Site) -> None:
    """After the city's time without a human act; a touched tab keeps the others open; the emergency sheet stays."""
    made = await a_night(site.world)
    site.world.set_city(lock_after=120)
    page = await site.signed_in()
    other = await page.context.new_page()
    await page.clock.install(time=NOW)  # of all tabs
    for tab in (page, other):
        await tab.goto(f"{site.root}/today")
        await tab.wait_for_load_state()
    await page.clock.run_for(80_000)
    await other.evaluate(HEARS)
    await page.mouse.move(40, 40)
    await other.wait_for_function("window.__heard")
    await page.clock.run_for(80_000)
    await expect(page.locator("#main")).to_be_visible()
    await expect(other.locator("#main")).to_be_visible()
    assert await locked(site) == [False]
    await page.clock.run_for(60_000)
    for tab in (page, other):
        await is_hidden(tab)
    await opens(page)
    await page.goto(f"{site.root}/cases/{made['vanish'].id}/emergency")
    await other.close()
    await page.clock.run_for(600_000)
    await expect(page.locator("#main")).to_be_visible()
