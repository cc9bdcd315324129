"""An emergency waits: every open page shows it, sounds at 0, 1, 3 and 5 minutes, and falls silent when it is taken."""

import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Page, expect

from bot import cases
from bot.situation import AlarmStep, WaitingLimits
from bot.store import append_audit
from tests.browser import test_console_pages
from tests.browser.test_console_pages import PASSWORD, Site, sane, shot
from tests.console_world import NOW, OWN_HAND, TIRED_EN, VANISH, a_resident, writes

pytestmark = pytest.mark.browser

#: What a page sounds and tells the desktop is written down instead: nobody hears a test.
EARS = """
window.__tones = []; window.__notes = [];
window.AudioContext = class {
  currentTime = 0; state = "running"; destination = {};
  resume() {}
  createOscillator() {
    const made = { frequency: { value: 0 }, connect: (to) => to, stop() {} };
    made.start = () => window.__tones.push(made.frequency.value);
    return made;
  }
  createGain() { return { gain: { setValueAtTime() {}, exponentialRampToValueAtTime() {} }, connect() {} }; }
};
window.Notification = class {
  static permission = "default";
  static async requestPermission() { window.Notification.permission = "granted"; }
  constructor(title, { body, tag }) { window.__notes.push([title, body, tag]); }
};
"""
EMERGENCY_TONES = 6
site = test_console_pages.site  # the running console


async def opened(site: Site, role: str = "specialist", **options: Any) -> Page:
    """Sign in with a clock that is set, and touch the page, as browsers want before it may sound."""
    site.world.set_city(lock_after=0)  # the clock goes on for longer than a page stays open untouched
    page = await site.page(**options)
    await page.clock.install(time=NOW)
    await page.add_init_script(EARS)
    await page.goto(f"{site.root}/sign-in")
    await page.get_by_label("ログイン名").fill(role)
    await page.get_by_label("パスワード").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{site.root}/")
    await touched(page)
    return page


async def touched(page: Page) -> None:
    """Wait until the alarm listens, then click where nothing is."""
    await expect(page.get_by_role("button", name="警報の音")).to_be_visible()
    await page.mouse.click(3, 300)


async def later(site: Site, page: Page, seconds: int) -> None:
    """Let time pass for the desk and for the page."""
    site.world.clock.set(site.world.clock.now() + timedelta(seconds=seconds), running=False)
    async with page.expect_response("**/alarms"):
        await page.clock.fast_forward(seconds * 1000)


async def tones(page: Page, count: int) -> None:
    """Wait until the page has sounded so many tones."""
    await page.wait_for_function("(count) => window.__tones.length >= count", arg=count)
    assert len(await page.evaluate("window.__tones")) == count


async def test_an_emergency_sounds_until_somebody_takes_it(site: Site) -> None:
    world, page = site.world, await opened(site)
    alarm = page.locator("#alarm")
    await expect(alarm).to_be_hidden()
    case = await writes(world.store, await a_resident(world.store), "いまベランダ", VANISH, at=NOW)
    assert case is not None
    await expect(alarm).to_contain_text("緊急の相談が1分未満待っています")
    await expect(page).to_have_title("▲ (1) 待っている方 – まどぐち")
    await tones(page, EMERGENCY_TONES)
    await shot(page, "20-alarm")
    await sane(page)
    await later(site, page, 30)
    await tones(page, EMERGENCY_TONES)
    await expect(page.locator("#alarm-said[aria-live=assertive]")).to_have_text("緊急の相談が待っています")
    await page.evaluate("document.getElementById('alarm-said').textContent = ''")
    await later(site, page, 15)
    await expect(page.locator("#alarm-said")).to_have_text("")  # read aloud at each round, not each minute
    for seconds, rounds in ((15, 2), (120, 3), (120, 4), (900, 4)):
        await later(site, page, seconds)
        await tones(page, rounds * EMERGENCY_TONES)
    await expect(alarm).to_contain_text("20分待っています")
    await world.store.write(lambda s: cases.claim(s, case.id, world.staff["supervisor"], world.clock.now()))
    await expect(alarm).to_contain_text("緊急の相談で、いっしょに読む人を待っています")  # one soft tone
    await tones(page, 4 * EMERGENCY_TONES + 1)
    me = world.staff["specialist"]
    await world.store.write(lambda s: cases.read_along(s, case.id, me, world.clock.now()))
    await expect(alarm).to_be_hidden()
    await expect(page).to_have_title("(0) 待っている方 – まどぐち")
    for _ in range(3):
        await later(site, page, 60)
    await tones(page, 4 * EMERGENCY_TONES + 1)


async def test_silence_is_one_persons_choice_and_kept(site: Site) -> None:
    """CARE C32: children are around; what waits is still shown, and the colleague's page sounds."""
    world, page, other = site.world, await opened(site), await opened(site, "supervisor")
    await page.get_by_role("button", name="警報の音").click()
    await expect(page.get_by_role("button", name="警報の音 切")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("button", name="警報の音 切")).to_be_visible()
    await touched(page)
    await writes(world.store, await a_resident(world.store), "いまベランダ", VANISH, at=NOW)
    await tones(other, EMERGENCY_TONES)
    await expect(page.locator("#alarm")).to_be_visible()
    assert await page.evaluate("window.__tones") == []
    await page.get_by_role("button", name="警報の音").click()
    await expect(page.get_by_role("button", name="警報の音 入")).to_be_visible()
    await later(site, page, 60)
    await tones(page, EMERGENCY_TONES)
    await page.get_by_role("button", name="警報の音").click()
    await expect(page.get_by_role("button", name="警報の音 切")).to_be_visible()
    await later(site, page, 120)
    await tones(page, EMERGENCY_TONES)
    notes = await page.evaluate("window.__notes")
    assert [note[:2] for note in notes] == [["まどぐち", "緊急の相談が待っています"]], "masked: nothing of the family"


async def test_a_telephone_that_refuses_notifications_sounds_all_the_same(site: Site) -> None:
    """Android's browser has the name and raises a TypeError when one is made."""
    page = await opened(site)
    refuses = "class { static permission = 'granted'; constructor() { throw new TypeError(); } }"
    await page.evaluate(f"() => {{ window.Notification = {refuses}; }}")
    await writes(site.world.store, await a_resident(site.world.store), "いまベランダ", VANISH, at=NOW)
    await tones(page, EMERGENCY_TONES)
    await expect(page.locator("#alarm")).to_be_visible()
    await later(site, page, 60)
    await tones(page, 2 * EMERGENCY_TONES)
    await page.evaluate("() => { window.AudioContext.prototype.createOscillator = null; }")
    await later(site, page, 120)
    await later(site, page, 60)  # a sound that breaks does not end the asking
    await expect(page.locator("#alarm")).to_contain_text("4分")


async def test_the_alarm_is_on_every_page_and_leads_to_the_case(site: Site) -> None:
    world, page = site.world, await opened(site)
    await page.goto(f"{site.root}/directory")
    await touched(page)
    case = await writes(world.store, await a_resident(world.store), "たたいてしまいそう", OWN_HAND, at=NOW)
    assert case is not None
    await later(site, page, 6)  # this page follows no stream: it asks by itself
    await expect(page.locator("#alarm")).to_contain_text("急ぎの相談が1分未満待っています")
    await tones(page, 2)
    await page.locator("#alarm a").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{site.root}/cases/{case.id}")


async def test_a_case_that_is_only_a_concern_is_quiet(site: Site) -> None:
    world, page = site.world, await opened(site)
    await writes(world.store, await a_resident(world.store), "I am tired", TIRED_EN, at=NOW)
    await expect(page.locator(".part-to_read .row")).to_have_count(1)
    await later(site, page, 60)
    await expect(page.locator("#alarm")).to_be_hidden()
    assert await page.evaluate("window.__tones") == []


async def test_a_page_that_is_cut_off_says_that_no_alarm_may_come(site: Site) -> None:
    page = await opened(site)
    await page.goto(f"{site.root}/directory")
    await touched(page)
    await page.route("**/alarms", lambda route: route.abort())
    for _ in range(6):
        async with page.expect_request("**/alarms"):
            await page.clock.fast_forward(5_000)
    await expect(page.get_by_text("警報が届かないかもしれません")).to_be_visible()


async def test_a_session_that_ended_says_that_nothing_sounds(site: Site) -> None:
    page = await opened(site)
    await page.goto(f"{site.root}/directory")
    await touched(page)
    await page.context.clear_cookies()
    await page.clock.fast_forward(6_000)
    await expect(page.locator("#alarm")).to_contain_text("この画面では警報が鳴りません")


async def test_the_queue_shows_limits_and_who_was_called(site: Site) -> None:
    world = site.world
    world.set_city(waiting_limits=WaitingLimits(emergency=300, urgent=600, concern=3600))
    grave = await writes(world.store, await a_resident(world.store), "いま", VANISH, at=NOW - timedelta(minutes=6))
    await writes(world.store, await a_resident(world.store), "いま", VANISH, at=NOW - timedelta(seconds=210))
    new = await writes(world.store, await a_resident(world.store), "いま", VANISH, at=NOW - timedelta(seconds=20))
    assert grave is not None
    assert new is not None

    def calls(session: Any) -> None:
        append_audit(session, "system", "alarm.called", NOW, case_id=grave.id, detail={"way": "mail", "to": 2})
        append_audit(session, "system", "alarm.failed", NOW, case_id=new.id, detail={"way": "call", "to": 1})

    await world.store.write(calls)
    page = await opened(site, width=390, height=844)
    rows = page.locator(".part-waiting .row")
    await expect(rows).to_have_count(3)
    await expect(rows.nth(0)).to_contain_text("期限を過ぎました")
    await expect(rows.nth(0)).to_contain_text("メールで知らせました")
    await expect(rows.nth(1)).to_contain_text("まもなく期限")
    await expect(rows.nth(2)).to_contain_text("電話で呼べませんでした")
    await expect(rows.nth(2).locator(".late")).to_have_count(0)
    await shot(page, "21-alarm-phone")
    await sane(page)


async def test_the_night_sheet_is_one_page_of_paper(site: Site) -> None:
    world = site.world
    steps = (
        AlarmStep("emergency", 0, "closed", ("shukuchoku@hinata.example.jp",), "000-555-0001"),
        AlarmStep("emergency", 600, "always", ("shocho@hinata.example.jp",), "000-555-0002"),
        AlarmStep("urgent", 900, "open", ("desk@hinata.example.jp",)),
    )
    world.set_city(alarms=steps, emergency_at_night="night_duty", night_phone="000-555-0009")
    page = await opened(site)
    await page.get_by_role("link", name="夜の当番の紙").click()
    await expect(page.get_by_role("button", name="印刷する")).to_be_visible()
    sheet = page.locator(".a4")
    for words in ("000-555-0001", "000-555-0002", "000-555-0009", "119", "110"):
        await expect(sheet).to_contain_text(words)
    await expect(sheet.locator("tbody tr")).to_have_count(2)
    await expect(sheet).not_to_contain_text("@")
    await shot(page, "22-night-sheet")
    await sane(page)
    boxes = re.findall(rb"/MediaBox \[([\d. ]+)\]", await page.pdf(prefer_css_page_size=True))
    assert [tuple(round(float(n)) for n in box.split()) for box in boxes] == [(0, 0, 595, 842)], "A4, one page"


async def test_a_city_that_calls_nobody_at_night_reads_so(site: Site) -> None:
    page = await opened(site)
    await page.goto(f"{site.root}/night-sheet")
    await expect(page.locator(".a4")).to_contain_text("夜に連絡する先が、まだ決まっていません")
    await sane(page)
