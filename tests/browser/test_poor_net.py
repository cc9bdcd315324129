"""Where a city's network swallows streams, or a browser runs no scripts, the work goes on (CARE C33).

The rule: a stream that is refused and one that is silently swallowed are two troubles, and both end in asking.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from playwright.async_api import Browser, Page, Route, expect
from sqlalchemy import select

from bot import cases
from bot.models import CaseRow, Journal
from handoff import notes
from tests.browser import test_console_pages, test_room_page
from tests.browser.chromium import broken, watch
from tests.browser.test_console_pages import Site, sane, shot
from tests.browser.test_room_page import NIGHT, PHONE, House, come
from tests.console_world import NOW, OWN_HAND, PASSWORD, TIRED_EN, VANISH, World, a_resident, writes

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
site = test_console_pages.site  # the running console
house, browser = test_room_page.house, test_room_page.browser  # the running room

STREAM = re.compile(r"/(live\?after|room/stream)")
POLL = 6_000  # milliseconds until a page has asked once more


async def refused(route: Route) -> None:
    """Be a proxy that lets no stream through."""
    await route.abort()


async def swallowed(_route: Route) -> None:
    """Be a proxy that keeps a stream for itself until it ends: not a byte arrives."""
    await asyncio.Event().wait()


NETS = pytest.mark.parametrize("net", [refused, swallowed])
Net = Callable[[Route], Awaitable[None]]


async def behind(site: Site, net: Net, role: str) -> Page:
    """Sign in behind such a net, with a page whose time is ours."""
    page = await site.page()
    await page.context.route(STREAM, net)
    await page.clock.install()
    await page.goto(f"{site.root}/sign-in")
    await page.get_by_label("ログイン名").fill(role)
    await page.get_by_label("パスワード").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{site.root}/")
    return page


async def asks(page: Page) -> None:
    """Let a page ask once, and fetch what has changed."""
    async with page.expect_response("**/live/since?after=*"):
        await page.clock.run_for(POLL)
    await page.clock.run_for(1_000)


@NETS
async def test_queue_alarm_and_talk_follow_by_asking_alone(site: Site, net: Net) -> None:
    """A new case, its alarm, her next words, who takes it and a claim that lapses come without any stream.

    Seen to fail with pages that wait for the stream.
    """
    world = site.world
    mine, hers = await behind(site, net, "specialist"), await behind(site, net, "supervisor")
    await expect(mine.get_by_text("いま待っている方はいません。")).to_be_visible()
    who = await a_resident(world.store)
    case = await writes(world.store, who, "いまベランダにいます。", VANISH, at=NOW)
    assert case is not None
    await asks(mine)
    await expect(mine.locator(".part-waiting .row")).to_have_count(1)
    await expect(mine).to_have_title(re.compile(r"\(1\) 待っている方"))
    for page in (mine, hers):
        async with page.expect_response("**/alarms"):
            await page.clock.run_for(POLL)
        await expect(page.locator("#alarm")).to_contain_text("緊急の相談が")

    await hers.goto(f"{site.root}/cases/{case.id}")
    await mine.locator("#alarm a").click()
    await mine.wait_for_url(f"{site.root}/cases/{case.id}")
    await mine.get_by_role("button", name="この相談を受ける").click()
    await expect(mine.locator("[data-part=head]")).to_contain_text("あなたが担当")
    await asks(hers)
    await expect(hers.locator("[data-part=head]")).to_contain_text("担当: さとう")
    await expect(hers.get_by_role("button", name="この相談を受ける")).to_be_hidden()

    await writes(world.store, who, "まだ、ここにいます。", at=NOW + timedelta(minutes=1))
    for page in (mine, hers):
        await asks(page)
        await expect(page.locator("[data-part=journal]")).to_contain_text("まだ、ここにいます。")
    await expect(mine.locator("#notice")).to_have_text("新しいメッセージが届きました。")

    await mine.get_by_label("さとうとして書く").fill("読んでいます。")
    await mine.keyboard.press("Control+Enter")
    await expect(mine.locator(".by-staff")).to_have_count(1)
    await asks(hers)
    await expect(hers.locator(".by-staff")).to_have_count(1)

    await lapses(world, case.id)
    await asks(mine)
    await expect(mine.locator("#notice")).to_contain_text("担当ではなくなりました")
    await expect(mine.locator("#line-state")).to_be_empty()
    for page in (mine, hers):
        assert await broken(page) == []


async def lapses(world: World, case_id: object) -> None:
    """Let a claim lapse."""

    def unit(session) -> None:  # type: ignore[no-untyped-def]
        row = session.get_one(CaseRow, case_id)
        row.activity_db, row.unanswered_since_db = 0.0, 0.0
        session.flush()
        cases.lapse_due(session, NOW, world.city)

    await world.store.write(unit)


@NETS
async def test_the_room_follows_by_asking_alone(house: House, browser: Browser, net: Net) -> None:
    """A family hears its person's next words, and its own are sent, without any stream.

    Seen to fail with a room that asks only when its stream has ended, or only every twenty seconds.
    """
    context = await browser.new_context(**PHONE)
    await context.route(STREAM, net)
    page = await watch(await context.new_page())
    await page.clock.install(time=NIGHT)
    await house.claim()
    await house.journal("staff", "読みました。")
    await come(page, house)
    log = page.get_by_role("log")
    await expect(log).to_contain_text("読みました。")
    await page.clock.pause_at(NIGHT + timedelta(hours=1))  # from here on its time is ours alone
    await house.journal("staff", "いま、ひとりですか。")
    async with page.expect_response("**/room/words?have=*"):
        await page.clock.run_for(POLL)
    await expect(log).to_contain_text("いま、ひとりですか。")
    await page.get_by_label("書く").fill("はい、ひとりです")
    await page.get_by_role("button", name="送る").click()
    await expect(log.locator("li.resident:not(.waiting)")).to_have_count(1)
    await house.journal("staff", "ここにいます。")
    await page.clock.run_for(POLL)
    await expect(log).to_contain_text("ここにいます。")
    await expect(page.locator("#lost")).to_be_hidden()
    assert await broken(page) == []
    await context.close()


async def test_a_talk_from_claim_to_end_without_scripts(site: Site) -> None:
    """Claim, answer, hand over, take again, give back and end are plain forms; a reply that is refused is kept.

    Seen to fail with a refused reply that is not kept, although the page says so.
    """
    world = site.world
    who = await a_resident(world.store)
    case = await writes(world.store, who, "たたいてしまいそう", OWN_HAND, at=NOW)
    await writes(world.store, await a_resident(world.store), "so tired", TIRED_EN, at=NOW)
    assert case is not None
    page = await site.page(java_script_enabled=False)
    await page.goto(f"{site.root}/sign-in")
    await page.get_by_label("ログイン名").fill("specialist")
    await page.get_by_label("パスワード").fill(PASSWORD)
    await page.get_by_role("button", name="サインイン").click()
    await page.locator(".part-waiting a.row-link").first.click()
    await page.get_by_role("button", name="この相談を受ける").click()
    await expect(page.locator("[data-part=head]")).to_contain_text("あなたが担当")
    words = page.get_by_label("さとうとして書く")
    await words.fill("さとうです。読みました。")
    await page.get_by_role("button", name="送る", exact=True).click()
    await page.wait_for_url("**#latest")
    await expect(page.locator(".by-staff")).to_contain_text("さとうです。読みました。")
    await shot(page, "80-no-scripts")

    await words.fill("まだ言いたいこと")
    await lapses(world, case.id)
    await page.get_by_role("button", name="送る", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("あなたの担当ではありません。下書きは残っています。")
    kept = await world.store.read(lambda s: notes.drafts(s, case.id, who))
    assert [one.text for one in kept] == ["まだ言いたいこと"]
    await page.get_by_role("link", name="相談の列へ").click()
    await page.locator(".part-waiting a.row-link").first.click()
    await page.get_by_role("button", name="この相談を受ける").click()
    await expect(words).to_have_value("まだ言いたいこと")
    await page.get_by_role("button", name="送る", exact=True).click()
    await expect(page.locator(".by-staff")).to_have_count(2)
    said = select(Journal.id).where(Journal.who == "staff")
    assert len(await world.store.read(lambda s: list(s.scalars(said)))) == 2

    await page.get_by_text("窓口に戻す（保留）", exact=True).click()
    await page.locator("#agreed").fill("火曜の朝に電話する")
    await page.get_by_role("button", name="窓口に戻す").click()
    await expect(page.locator(".state-on_hold")).to_be_visible()
    await page.get_by_text("相談を終える", exact=True).first.click()
    await page.get_by_role("button", name="相談を終える").click()
    await expect(page.locator(".state-closed")).to_be_visible()
    await sane(page)
