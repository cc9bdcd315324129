"""The console in a real Chromium: signed in, walked by keyboard, answered, given back; no script or style inline.

Screenshots of each step are kept under var/screenshots/ (not in the repository).
"""

import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.routing import Mount

from bot import cases
from bot.messages import Severity, Signal
from bot.models import CaseRow
from bot.situation import Case
from bot.store import Store
from handoff import notes
from tests.browser.chromium import broken, claims, keep, press, served, watch
from tests.conftest import free_port
from tests.console_world import NOW, OWN_HAND, PASSWORD, TIRED_EN, VANISH, World, a_resident, build, writes

pytestmark = pytest.mark.browser

#: Labels, headings, names, doubled ids and contrast (WCAG 2.2 AA: 4.5, large text 3), as far as a script can see.
SANITY = """
() => {
  const found = [];
  const seen = (e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest(".sr, .skip");
  if (document.documentElement.lang !== "ja") found.push("lang");
  if (!document.title) found.push("title");
  if (document.querySelectorAll("h1").length !== 1) found.push("h1");
  if (document.querySelectorAll("main").length !== 1) found.push("main");
  let level = 0;
  for (const h of document.querySelectorAll("main h1, main h2, main h3")) {
    if (Number(h.tagName[1]) > level + 1) found.push(`heading ${h.textContent}`);
    level = Number(h.tagName[1]);
  }
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push(`id ${id}`);
  for (const e of document.querySelectorAll("input:not([type=hidden]), textarea, select")) {
    if (!e.labels.length && !e.getAttribute("aria-label")) found.push(`label ${e.name}`);
  }
  for (const e of document.querySelectorAll("button, a[href], summary")) {
    if (!e.textContent.trim() && !e.getAttribute("aria-label")) found.push(`name ${e.outerHTML.slice(0, 60)}`);
  }
  for (const e of document.querySelectorAll("[aria-labelledby], [aria-describedby]")) {
    for (const name of ["aria-labelledby", "aria-describedby"]) {
      for (const id of (e.getAttribute(name) ?? "").split(/\\s+/).filter(Boolean)) {
        if (!document.getElementById(id)) found.push(`${name} ${id}`);
      }
    }
  }
  const parse = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const f = (v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b);
  };
  const behind = (e) => {
    for (let n = e; n; n = n.parentElement) {
      const c = parse(getComputedStyle(n).backgroundColor);
      if (c.length < 4 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !seen(e) || e.matches(":disabled")) continue;
    const style = getComputedStyle(e);
    const [a, b] = [light(parse(style.color)), light(behind(e))].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = (a + 0.05) / (b + 0.05);
    const text = e.textContent.trim().slice(0, 20);
    if (ratio < (large ? 3 : 4.5)) found.push(`contrast ${ratio.toFixed(2)} ${e.className} ${text}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) found.push(`wide ${document.documentElement.scrollWidth}`);
  return found;
}
"""


@dataclass
class Site:
    """Hold the running console and a browser."""

    world: World
    root: str
    browser: Browser

    async def page(self, *, width: int = 1280, height: int = 860, **options: object) -> Page:
        """Open a window that notes what is broken."""
        context = await self.browser.new_context(
            viewport={"width": width, "height": height}, locale="ja-JP", timezone_id="Asia/Tokyo", **options
        )
        return await watch(await context.new_page())

    async def signed_in(self, role: str = "specialist", **options: int) -> Page:
        """Open a window and sign in."""
        page = await self.page(**options)
        await page.goto(f"{self.root}/sign-in")
        await page.get_by_label("ログイン名").fill(role)
        await page.get_by_label("パスワード").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{self.root}/")
        return page


async def sane(page: Page) -> None:
    """Check that nothing is broken on the page, in light and at night."""
    await page.wait_for_load_state()  # with its colours for the night
    assert await broken(page) == []
    for scheme in ("dark", "light"):
        await page.emulate_media(color_scheme=scheme)
        assert await page.evaluate(SANITY) == [], scheme


async def shot(page: Page, name: str) -> None:
    """Keep a picture."""
    await keep(page, f"console/{name}")


@pytest_asyncio.fixture(loop_scope="session")
async def site(sqlite_store: Store) -> AsyncIterator[Site]:
    """Serve a console on loopback and start Chromium."""
    port = free_port()
    world = await build(sqlite_store, f"http://127.0.0.1:{port}")
    app = Starlette(routes=[Mount("/console", world.app)])
    async with served(app, port) as browser:
        yield Site(world, f"http://127.0.0.1:{port}/console", browser)


async def a_night(world: World) -> dict[str, Case]:
    """Fill the queue as at ten past two: an emergency, two urgent, one offered, one held, one on hold."""
    store, made = world.store, {}

    async def one(name: str, words: str, signal: Signal | None, minutes: int, **more: str) -> None:
        resident_id = await a_resident(store, language=more.pop("language", "ja"))
        event = more.pop("event", "")
        case = await writes(
            store,
            resident_id,
            words,
            *([signal] if signal else []),
            at=NOW - timedelta(minutes=minutes),
            event=event,
            reason="asked" if event == "open" else "",
            answer=more.pop("answer", ""),
        )
        assert case is not None
        made[name] = case

    night = "話してくださって、ありがとうございます。まず赤ちゃんを安全なところに寝かせて、部屋を出てください。"
    await one("hand", "もう限界です。泣き声を聞くと、たたいてしまいそうです。", OWN_HAND, 12, answer=night)
    await one("vanish", "いまベランダにいます。", VANISH, 3, answer="読んでいます。119に電話できますか。")
    await one("tired", "I am so tired and alone", TIRED_EN, 55, language="en")
    await one("asked", "人と話したいです", None, 31, event="open")
    dv = Signal(
        "dv", Severity.URGENT, ("documents_taken",), "パスポートを取られた", "ja.dv.documents", "旅券を夫に取られた"
    )
    await one("held", "夫にパスポートを取られた", dv, 44, language="ne")
    poor = Signal("hardship", Severity.URGENT, (), "ミルクがない", "ja.no_milk", "今夜のミルクがない")
    await one("resting", "ミルクがない", poor, 300)
    boss = world.staff["supervisor"]
    await store.write(lambda s: cases.claim(s, made["held"].id, boss, NOW))
    await store.write(lambda s: cases.claim(s, made["resting"].id, boss, NOW))
    await store.write(lambda s: cases.release(s, made["resting"].id, boss, NOW, name="たなか", agreed="朝に電話"))
    return made


async def test_one_talk_from_the_queue_to_its_end_by_keyboard(site: Site) -> None:
    """Sign in, take the gravest with j and c, answer, be told of her next words, give back, end; nothing inline."""
    world = site.world
    made = await a_night(world)
    page = await site.page()
    await page.goto(f"{site.root}/")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("まどぐち")
    await shot(page, "01-sign-in")
    await sane(page)
    await page.get_by_label("ログイン名").fill("specialist")
    await page.get_by_label("パスワード").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{site.root}/")
    await expect(page).to_have_title(re.compile(r"\(3\) 待っている方 – まどぐち$"))
    rows = page.locator(".part-waiting .row")
    await expect(rows).to_have_count(3)
    await expect(rows.first).to_contain_text("緊急")
    assert "ベランダ" not in await page.content()
    await shot(page, "02-queue")
    await sane(page)

    await press(page, "?")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await shot(page, "03-keys")
    await page.keyboard.press("Escape")
    await press(page, "j")
    await press(page, "j")
    await press(page, "c")
    await page.wait_for_url(f"{site.root}/cases/{made['hand'].id}")
    mark = page.locator(".journal mark")
    await expect(mark).to_have_text("たたいてしまいそう")
    await expect(page.locator("[data-lease]")).to_contain_text("列に戻ります")
    await shot(page, "04-held")
    await sane(page)

    await press(page, "r")
    await page.keyboard.type("さとうです。読みました。")
    await page.keyboard.press("Enter")
    await page.keyboard.type("ここにいます。")
    words = page.get_by_label("さとうとして書く")
    await expect(words).to_have_value("さとうです。読みました。\nここにいます。")
    composing = "e => e.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', ctrlKey: true, isComposing: true}))"
    await words.evaluate(composing)
    await expect(page.locator(".by-staff")).to_have_count(0)
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".by-staff")).to_have_count(1)
    await expect(page.locator(".by-staff")).to_contain_text("まだ読まれていません")
    await expect(words).to_have_value("")
    await expect(page.locator("#notice")).to_have_text("LINEでお知らせしました。")
    await expect(page.locator("#line-hint")).to_contain_text("2分たっても")
    row = await world.store.read(lambda s: s.get_one(CaseRow, made["hand"].id))
    await writes(
        world.store, row.resident_id, "ありがとうございます。少し落ち着きました。", at=NOW + timedelta(minutes=2)
    )
    await expect(page.locator(".by-resident")).to_have_count(2)
    await expect(page.locator("#notice")).to_have_text("新しいメッセージが届きました。")
    await shot(page, "05-answered")
    await sane(page)

    await page.get_by_text("窓口に戻す（保留）", exact=True).focus()
    await page.keyboard.press("Enter")
    await page.locator("#agreed").fill("火曜の朝に電話する")
    await page.locator("#next").fill("2026-11-24")
    await page.get_by_label("同僚へのメモ").first.fill("声は落ち着いた。祖母が近くにいる。")
    await shot(page, "06-release")
    await page.get_by_role("button", name="窓口に戻す").focus()
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    await expect(page.locator(".state-on_hold")).to_be_visible()
    await expect(words).to_be_hidden()
    await expect(page.locator(".note-text")).to_contain_text("祖母が近くにいる")
    await press(page, "v")
    await shot(page, "07-on-hold")
    await sane(page)

    await page.get_by_text("相談を終える", exact=True).first.focus()
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="相談を終える").focus()
    async with page.expect_navigation():  # the stream may show the end before the page of the answer has come
        await page.keyboard.press("Enter")
    await expect(page.locator(".state-closed")).to_be_visible()
    await press(page, "q")
    await page.wait_for_url(f"{site.root}/")
    await expect(page).to_have_title(re.compile(r"\(2\) 待っている方 – まどぐち$"))
    row = await world.store.read(lambda s: s.get_one(CaseRow, made["hand"].id))
    assert row.state == "closed"


async def test_words_are_blurred_until_held_and_one_key_shows_them(site: Site) -> None:
    """Reading without taking is possible, behind a blur that one key lifts and lowers (CARE C32)."""
    made = await a_night(site.world)
    page = await site.signed_in()
    await page.goto(f"{site.root}/cases/{made['vanish'].id}")
    words = page.locator(".journal .words").first
    await expect(words).to_have_css("filter", "blur(7px)")
    await shot(page, "08-blurred")
    await press(page, "v")
    await expect(words).to_have_css("filter", "none")
    await shot(page, "09-seen-without-taking")
    await sane(page)
    await page.goto(f"{site.root}/cases/{made['held'].id}")
    await expect(page.get_by_text("ほかの担当者が対応中です")).to_be_visible()
    await expect(page.get_by_role("button", name="この相談を受ける")).to_be_hidden()


async def test_an_open_queue_follows_the_night(site: Site) -> None:
    """A new case and a claim appear by themselves, with the title's count, and the focus stays."""
    made = await a_night(site.world)
    page = await site.signed_in()
    await press(page, "j")
    focused = page.locator(f'[data-row="{made["vanish"].id}"] a')
    await expect(focused).to_be_focused()
    again = Signal("medical", Severity.EMERGENCY, ("infant",), "息をしていない", "ja.no_breath", "呼吸がない")
    await writes(site.world.store, await a_resident(site.world.store), "息をしていない", again)
    await expect(page).to_have_title(re.compile(r"\(4\) 待っている方 – まどぐち$"))
    await expect(page.locator(".part-waiting .row")).to_have_count(4)
    await expect(focused).to_be_focused()
    boss = site.world.staff["supervisor"]
    await site.world.store.write(lambda s: cases.claim(s, made["asked"].id, boss, NOW))
    await expect(page.locator(".part-claimed .row")).to_have_count(2)
    await expect(page).to_have_title(re.compile(r"\(3\) 待っている方 – まどぐち$"))
    await sane(page)


async def test_without_a_stream_the_page_polls(site: Site) -> None:
    """Where a proxy swallows the stream, the poll brings the change (CARE C33)."""
    await a_night(site.world)
    page = await site.page()
    await page.route("**/live?after=*", lambda route: route.abort())
    await page.clock.install()
    await page.goto(f"{site.root}/sign-in")
    await page.get_by_label("ログイン名").fill("specialist")
    await page.get_by_label("パスワード").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{site.root}/")
    await expect(page.locator(".part-waiting .row")).to_have_count(3)
    await writes(site.world.store, await a_resident(site.world.store), "いまから", VANISH)
    async with page.expect_response("**/live/since?after=*"):
        await page.clock.run_for(6_000)
    await page.clock.run_for(1_000)
    await expect(page.locator(".part-waiting .row")).to_have_count(4)


async def test_a_draft_stays_and_a_lost_claim_is_said_calmly(site: Site) -> None:
    """What was typed is there after a reload and after the claim lapsed; the form steps back."""
    world, made = site.world, await a_night(site.world)
    case_id = made["vanish"].id
    page = await site.signed_in()
    await page.goto(f"{site.root}/cases/{case_id}")
    await claims(page)
    words = page.get_by_label("さとうとして書く")
    await expect(words).to_be_visible()
    await words.fill("まず、手すりから離れて")
    await expect(page.locator("#draft-state")).to_contain_text("下書きを残しました")
    await page.reload()
    await expect(words).to_have_value("まず、手すりから離れて")
    await world.store.write(lambda s: _long_ago(s, case_id))
    await world.store.write(lambda s: cases.lapse_due(s, NOW, world.city))
    await expect(page.locator("#notice")).to_contain_text("担当ではなくなりました")
    await expect(page.locator(".journal .words").first).to_have_css("filter", "blur(7px)")
    await expect(words).to_be_hidden()
    await expect(page.get_by_role("button", name="この相談を受ける")).to_be_visible()
    await shot(page, "10-lapsed")
    resident_id = (await world.store.read(lambda s: s.get_one(CaseRow, case_id))).resident_id
    kept = await world.store.read(lambda s: notes.drafts(s, case_id, resident_id))
    assert [one.text for one in kept] == ["まず、手すりから離れて"]
    await claims(page)
    await expect(words).to_have_value("まず、手すりから離れて")


def _long_ago(session, case_id: uuid.UUID) -> None:  # type: ignore[no-untyped-def]
    row = session.scalars(select(CaseRow).where(CaseRow.id == case_id)).one()
    row.activity_db, row.unanswered_since_db = 0.0, 0.0


async def test_on_a_tablet_everything_fits(site: Site) -> None:
    """At 820 and 1024 pixels nothing is cut off and every control is reachable."""
    made = await a_night(site.world)
    for name, width, height in (("portrait", 820, 1180), ("landscape", 1024, 768)):
        page = await site.signed_in("supervisor", width=width, height=height)
        await sane(page)
        await shot(page, f"11-tablet-{name}-queue")
        await page.goto(f"{site.root}/cases/{made['held'].id}")
        await expect(page.get_by_label("たなかとして書く")).to_be_visible()
        await sane(page)
        await shot(page, f"12-tablet-{name}-talk")


async def test_other_roles_see_their_part(site: Site) -> None:
    """The officer's queue has no links, the administrator sees counts."""
    await a_night(site.world)
    page = await site.signed_in("officer")
    await expect(page.locator(".part-waiting .row")).to_have_count(3)
    assert await page.locator("a.row-link").count() == 0
    await sane(page)
    page = await site.signed_in("administrator")
    await expect(page.get_by_text("件数だけが見えます")).to_be_visible()
    await sane(page)
    await shot(page, "13-administrator")
