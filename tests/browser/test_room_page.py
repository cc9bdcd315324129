"""The room in a real browser, at the width of a phone: with JavaScript, without it, and when the net goes away."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Route, expect
from sqlalchemy import insert, select, update
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Mount
from starlette.routing import Route as Path_

from bot import i18n, journal, rooms
from bot.clock import Clock
from bot.models import CaseRow, Journal, Resident, RoomVisit
from bot.opening import Opening, Schedule
from bot.situation import City, Desk
from bot.store import Store, append_event
from bot.vault import resident_owner
from handoff.models import Staff
from handoff.room.app import create_room
from tests.browser.chromium import chromium, keep, tidy
from tests.conftest import free_port

pytestmark = pytest.mark.browser

NIGHT = datetime(2026, 11, 20, 17, 10, tzinfo=UTC)  # Saturday 02:10 in Tokyo
PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True,
    "locale": "ja-JP", "timezone_id": "Asia/Tokyo",
}  # fmt: skip
CITY = City(
    name="ひなた市",
    name_en="Hinata City",
    desks=(
        Desk(
            id="d", name="ひなた市子育て窓口", type="基本型",
            opening=Opening((Schedule((0, 1, 2, 3, 4), time(8, 30), time(17), holidays=False),)),
        ),
    ),
)  # fmt: skip


async def until(truth: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again until it is so."""
    async with asyncio.timeout(10):
        while not await truth():
            pass


@dataclass
class House:
    """Hold a served room with one resident, and a worker of our own that answers as the journal would."""

    store: Store
    base: str
    resident: uuid.UUID
    staff: uuid.UUID
    kept: list[str] = field(default_factory=list)
    keys: set[uuid.UUID] = field(default_factory=set)
    machine: bool = True

    async def keep(self, _resident: uuid.UUID, text: str, writing: uuid.UUID) -> bool:
        """Keep each writing once, and let the machine answer while nobody holds the talk."""
        if writing in self.keys:
            return False
        self.keys.add(writing)
        self.kept.append(text)
        await self.journal("resident", text)
        if self.machine:
            await self.journal("desk", "受けとりました。窓口の人が読むまで、ここで待っています。")
        return True

    async def journal(self, who: Any, text: str) -> None:
        """Write one row of the room, with the event that follows it in real life."""

        def unit(session: Any) -> None:
            journal.write(
                session, self.resident, who=who, kind="reply", words=text, at=NIGHT, place="room", language="ja",
                staff_id=self.staff if who == "staff" else None,
            )  # fmt: skip
            append_event(session, "case.reply", NIGHT, resident_id=self.resident)

        await self.store.write(unit)

    async def link(self) -> str:
        """Return the address of a fresh link."""
        token = await self.store.write(lambda s: rooms.make_link(s, self.resident, ttl_seconds=600, at=NIGHT))
        return rooms.link_url(self.base, token)

    async def claim(self) -> None:
        """Let 山田 hold the talk."""
        self.machine = False
        await self.store.write(
            lambda s: s.execute(
                insert(CaseRow).values(
                    id=uuid.uuid4(), resident_id=self.resident, state="claimed", severity="urgent", reason="signal",
                    kinds=[], aspects=[], opened_at=NIGHT, waiting_since_at=NIGHT, holder_id=self.staff,
                )
            )
        )  # fmt: skip


@pytest_asyncio.fixture(loop_scope="session")
async def house(sqlite_store: Store) -> AsyncIterator[House]:
    """Serve a room on loopback; /weather stands for the harmless page."""
    port, resident, staff, clock = free_port(), uuid.uuid4(), uuid.uuid4(), Clock()
    clock.set(NIGHT, running=False)
    await sqlite_store.ensure_keys([resident_owner(resident)])

    def unit(session: Any) -> None:
        session.execute(
            insert(Resident).values(id=resident, line_hash=resident.hex, line_id_sealed=b"", first_seen_at=NIGHT)
        )
        session.execute(
            insert(Staff).values(
                id=staff, login="y", work_name="山田", role="specialist", password_hash="", created_at=NIGHT
            )
        )

    await sqlite_store.write(unit)
    made = House(sqlite_store, f"http://127.0.0.1:{port}", resident, staff)
    room = create_room(
        store=sqlite_store,
        clock=clock,
        city=lambda: CITY,
        words=i18n.load({"ja-easy": "ja@easy", "en": "en"}).word,
        keep_room_text=made.keep,
        areas=lambda: frozenset({"ひなた市", "ひなた市川辺町"}),
        base_url=made.base,
        exit_url=f"{made.base}/weather",
    )
    app = Starlette(
        routes=[
            Mount("/room", room),
            Path_("/weather", lambda _request: HTMLResponse("<title>天気</title><p>あしたは晴れ")),
            Path_("/favicon.ico", lambda _request: HTMLResponse("")),
        ]
    )
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off", ws="none",
                       timeout_graceful_shutdown=2)
    )  # fmt: skip
    serving = asyncio.create_task(server.serve())
    await until(lambda: asyncio.sleep(0.02, server.started))
    yield made
    server.should_exit = True
    await serving


@pytest_asyncio.fixture(loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Give Debian's Chromium, and close its windows afterwards."""
    yield await chromium()
    await tidy()


class Watch:
    """Note everything that a page must not do: CSP violations, errors, and requests to anywhere else."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.bad: list[str] = []

    def on(self, page: Page) -> Page:
        """Watch one page and return it."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.bad.append(str(error)))
        page.on("request", self._request)
        return page

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.bad.append(message.text)

    def _request(self, request: Request) -> None:
        if not request.url.startswith(self.base):
            self.bad.append(request.url)


@pytest_asyncio.fixture(loop_scope="session")
async def phone(browser: Browser, house: House) -> AsyncIterator[tuple[BrowserContext, Watch]]:
    """Give a phone's browser, watched; the test fails at its end if anything bad was noted."""
    context, watch = await browser.new_context(**PHONE), Watch(house.base)
    context.set_default_timeout(10_000)
    context.on("page", watch.on)
    yield context, watch
    await context.close()
    assert watch.bad == []


async def shot(page: Page, name: str) -> None:
    """Keep a picture of the whole page."""
    await keep(page, f"room/{name}")


async def come(page: Page, house: House) -> None:
    """Go through the door."""
    await page.goto(await house.link())
    await page.locator("main button").click()
    await page.wait_for_url("**/room/")


async def test_a_talk_at_night(house: House, phone: tuple[BrowserContext, Watch]) -> None:
    """Through the door, the unread words, her answer, staff's words arriving live, and the way out."""
    page = await phone[0].new_page()
    await house.journal("staff", "山田です。読みました。\nいま、お子さんとはなれた部屋にいますか。")
    await page.goto(await house.link())
    await shot(page, "1-door")
    assert await page.title() == "ひなた市"
    await page.get_by_role("button", name="ひらく").click()
    log = page.get_by_role("log")
    await expect(log).to_contain_text("はなれた部屋")
    await expect(page.locator("#status")).to_contain_text("人が読むのは、11月24日")
    await shot(page, "2-unread")
    send = page.get_by_role("button", name="送る")
    await expect(send).to_be_disabled()
    await page.get_by_label("書く").fill("はい。ひとりです")
    await shot(page, "3-writing")
    await send.click()
    await expect(log.locator("li.resident")).to_have_count(1)
    await expect(log.locator("li.resident.waiting")).to_have_count(0)
    await expect(log.locator("li.desk")).to_have_count(1)
    await expect(page.get_by_label("書く")).to_have_value("")
    await expect(send).to_be_disabled()
    await house.claim()
    await house.journal("staff", "よかった。\nすこし、ここで話しましょう。")
    await expect(log.locator("li.staff")).to_have_count(2)
    await expect(page.locator("#status")).to_have_text("山田が担当しています。お返事まで、少しかかることがあります。")
    await shot(page, "4-live")
    assert [await item.get_attribute("class") for item in await log.locator("li").all()] == [
        "staff", "resident", "desk", "staff",
    ]  # fmt: skip
    await page.get_by_role("link", name="このページを出る").click()
    await page.wait_for_url("**/weather")
    await page.go_back()
    assert "ひとりです" not in await page.content()
    assert "はなれた部屋" not in await page.content()
    await page.goto(f"{house.base}/room/")
    await expect(page.locator("main")).to_contain_text("LINEに何か書くと")
    await shot(page, "5-closed")


async def test_escape_twice_leaves_at_once(house: House, phone: tuple[BrowserContext, Watch]) -> None:
    """Esc twice leaves, once does not, and coming back needs a fresh link even by the back button."""
    page = await phone[0].new_page()
    await house.journal("staff", "ひみつの言葉")
    await come(page, house)
    await expect(page.get_by_role("log")).to_contain_text("ひみつの言葉")
    await page.keyboard.press("Escape")
    assert page.url.endswith("/room/")
    await page.keyboard.press("Escape")
    await page.wait_for_url("**/weather")
    await until(lambda: house.store.read(lambda s: not s.query(RoomVisit).count()))
    await page.go_back()
    assert "ひみつの言葉" not in await page.content()


async def test_the_way_out_is_instant_even_when_the_desk_is_gone(
    house: House, phone: tuple[BrowserContext, Watch]
) -> None:
    """Leaving does not wait for our server: the words are gone before it is even told."""
    page = await phone[0].new_page()
    await house.journal("staff", "ひみつの言葉")
    await come(page, house)
    await expect(page.get_by_role("log")).to_contain_text("ひみつの言葉")
    await phone[0].route("**/room/leave", lambda route: asyncio.sleep(0))  # never answered
    await page.evaluate(
        """() => { const send = navigator.sendBeacon.bind(navigator); navigator.sendBeacon = (url) => {
            console.info(getComputedStyle(document.body).visibility + document.body.textContent);
            return send(url);
        }; }"""
    )
    async with page.expect_console_message() as said:
        await page.get_by_role("link", name="このページを出る").click(no_wait_after=True)
    before = (await said.value).text
    assert before.startswith("hidden")
    assert "ひみつの言葉" not in before
    await page.wait_for_url("**/weather")


async def test_what_arrives_while_she_leaves_neither_shows_nor_leads_back(
    house: House, phone: tuple[BrowserContext, Watch]
) -> None:
    """Between leaving and the harmless page, new words and the visit's end change nothing."""
    page, slow = await phone[0].new_page(), asyncio.Event()
    await page.add_init_script(
        """window.streams = []; window.EventSource = class extends EventSource {
            constructor(url) { super(url); window.streams.push(this); }
        };"""
    )
    await house.journal("staff", "ひみつの言葉")
    await come(page, house)
    await page.wait_for_function("window.streams.length > 0")

    async def weather(route: Route) -> None:
        await slow.wait()
        await route.continue_()

    await phone[0].route("**/weather", weather)
    await page.evaluate(
        """() => {
            document.getElementById("leave").click();
            for (const stream of window.streams) {
                stream.dispatchEvent(new MessageEvent("words", { data: "other" }));
                stream.dispatchEvent(new Event("over"));
            }
        }"""
    )
    slow.set()
    await page.wait_for_url("**/weather")


async def test_words_are_not_lost_when_the_net_is(house: House, phone: tuple[BrowserContext, Watch]) -> None:
    """A failed sending keeps the words and says so; pressing again sends them once, even if the first one arrived."""
    page = await phone[0].new_page()
    await come(page, house)

    async def swallow(route: Route) -> None:
        with suppress(Exception):
            await route.fetch()  # it arrives, but the answer is lost
        await route.abort()

    await phone[0].route("**/room/say", swallow)
    await page.get_by_label("書く").fill("だれか いますか")
    await page.get_by_role("button", name="送る").click()
    await expect(page.get_by_role("alert")).to_contain_text("送れませんでした")
    await expect(page.get_by_label("書く")).to_have_value("だれか いますか")
    await shot(page, "6-failed")
    await phone[0].unroute("**/room/say")
    await page.get_by_role("button", name="送る").click()
    await expect(page.get_by_label("書く")).to_have_value("")
    await expect(page.get_by_role("alert")).to_be_hidden()
    await expect(page.get_by_role("log").locator("li.resident")).to_have_count(1)
    assert house.kept == ["だれか いますか"]
    await page.get_by_label("書く").fill("だれか いますか")
    async with page.expect_response("**/room/say"):  # the page shows the words before they have arrived
        await page.get_by_role("button", name="送る").click()
    await expect(page.get_by_role("log").locator("li.resident")).to_have_count(2)
    assert house.kept == ["だれか いますか"] * 2, "said twice on purpose, kept twice"


async def test_a_visit_that_ends_keeps_what_is_typed(house: House, phone: tuple[BrowserContext, Watch]) -> None:
    """When the visit ended meanwhile, sending says how to come back and leaves the words to be copied."""
    page = await phone[0].new_page()
    await come(page, house)
    await page.get_by_label("書く").fill("とちゅうの言葉")
    await house.store.write(lambda s: s.execute(update(RoomVisit).values(expires_db=0.0)))
    await page.get_by_role("button", name="送る").click()
    await expect(page.get_by_role("alert")).to_contain_text("LINEに何か書くと")
    await expect(page.get_by_label("書く")).to_have_value("とちゅうの言葉")


async def test_enter_ends_a_conversion_before_it_sends(house: House, browser: Browser) -> None:
    """With a keyboard, Enter sends, Shift+Enter breaks the line, and Enter within a conversion does neither."""
    context = await browser.new_context(viewport={"width": 900, "height": 700}, locale="ja-JP")
    page = await context.new_page()
    await come(page, house)
    box = page.get_by_label("書く")
    await box.fill("こんばんは")
    await box.evaluate(
        "box => box.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, cancelable: true}))"
    )
    assert house.kept == []
    await box.press("Shift+Enter")
    await box.press_sequentially("x")
    await expect(box).to_have_value("こんばんは\nx")
    await box.press("Enter")
    await expect(page.get_by_role("log").locator("li.resident")).to_have_count(1)
    # the page shows the words before they arrive
    await until(lambda: asyncio.sleep(0.02, house.kept == ["こんばんは\nx"]))
    await shot(page, "7-wide")
    await context.close()


async def test_without_javascript_everything_works(house: House, browser: Browser) -> None:
    """Plain forms: door, writing, the 合言葉, renewing, and the way out."""
    context, watch = await browser.new_context(**PHONE, java_script_enabled=False), Watch(house.base)
    page = watch.on(await context.new_page())
    await house.journal("staff", "読みました")
    await come(page, house)
    await expect(page.get_by_role("log")).to_contain_text("読みました")
    await page.get_by_label("書く").fill("ありがとう")
    await page.get_by_role("button", name="送る").click()
    await expect(page.get_by_role("log")).to_contain_text("ありがとう")
    await house.journal("staff", "こちらこそ")
    await page.get_by_role("link", name="新しくする").click()
    await expect(page.get_by_role("log")).to_contain_text("こちらこそ")
    await page.locator("summary", has_text="合言葉").click()
    await page.locator("#secret").fill("さくらもち123")
    await shot(page, "8-no-javascript")
    await page.get_by_role("button", name="決める").click()
    await expect(page.get_by_role("alert")).to_have_text("合言葉を決めました。")
    await page.get_by_role("link", name="このページを出る").click()
    await page.wait_for_url("**/weather")
    await context.close()

    other = await browser.new_context(**PHONE, java_script_enabled=False)
    page = watch.on(await other.new_page())
    await come(page, house)
    await expect(page.get_by_role("log")).not_to_contain_text("読みました")
    await page.locator("summary", has_text="合言葉").click()
    await page.locator("#secret").fill("さくらもち123")
    await page.get_by_role("button", name="前の話を読む").click()
    await expect(page.get_by_role("log")).to_contain_text("ありがとう")
    await shot(page, "9-older-words")
    await other.close()
    assert watch.bad == []


async def test_words_hide_while_nobody_looks(house: House, phone: tuple[BrowserContext, Watch]) -> None:
    """While the page is hidden its words are not painted and nothing is marked as seen; looking again shows all."""
    page = await phone[0].new_page()
    await come(page, house)
    await expect(page.get_by_role("log")).to_be_attached()
    fake = "hidden => {{ Object.defineProperty(document, 'hidden', {{value: hidden, configurable: true}}); {} }}"
    turn = fake.format("document.dispatchEvent(new Event('visibilitychange'))")
    async with page.expect_event("requestfailed", lambda request: request.url.endswith("/room/stream")):
        await page.evaluate(turn, True)
    await expect(page.locator("body")).to_have_css("visibility", "hidden")
    await house.journal("staff", "あとで読む言葉")
    assert await house.store.read(lambda s: s.execute(select(Journal.seen_at)).scalars().all()) == [None]
    await page.evaluate(turn, False)
    await expect(page.get_by_role("log")).to_contain_text("あとで読む言葉")
    await expect(page.locator("body")).to_have_css("visibility", "visible")


async def test_the_page_reads_well_in_english_and_in_the_dark(house: House, browser: Browser) -> None:
    """In English and in a dark room: the page's language is English, staff's Japanese words are marked as Japanese."""
    await house.store.write(lambda s: s.execute(update(Resident).values(language="en")))
    context = await browser.new_context(**{**PHONE, "locale": "en-US"}, color_scheme="dark")
    page = await context.new_page()
    await house.journal("staff", "こんばんは。読みました。")
    await page.goto(await house.link())
    await shot(page, "10-door-english")
    await page.locator("main button").click()
    assert await page.locator("html").get_attribute("lang") == "en"
    assert await page.locator("li.staff p").get_attribute("lang") == "ja"
    await shot(page, "11-english-dark")
    await context.close()


async def test_the_family_is_told_and_forgotten(house: House, phone: tuple[BrowserContext, Watch]) -> None:
    """The form opens by a tap, keeps what is told, names kinds only, and forgets by one button."""
    page = await phone[0].new_page()
    await come(page, house)
    family = page.locator("#family")
    await family.locator("summary").click()
    await family.locator("input[name=born1]").fill("2024-10")
    await family.get_by_label("出産予定の月").fill("2027-03")
    await family.get_by_label("住んでいる地区").fill("ひなた市川辺町")
    await family.scroll_into_view_if_needed()
    await keep(family, "room/family-1-form")
    await family.get_by_role("button", name="残す").click()
    await expect(family.get_by_role("status")).to_have_text("残しました。")
    await expect(family).to_have_attribute("open", "")
    await expect(family).to_contain_text("生まれた月・予定の月 · 住んでいる地区")
    await expect(family.locator("input[name=born1]")).to_have_value("")
    await keep(family, "room/family-2-kept")
    await page.set_viewport_size({"width": 1280, "height": 900})
    await keep(family, "room/family-3-wide")
    await family.get_by_role("button", name="家族のことを消す").click()
    await expect(family).to_contain_text("いまは、何も残っていません。")
