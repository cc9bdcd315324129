"""The whole story on the running demo, in a real browser: a parent at 02:10, a person who takes over, the desk again.

Screenshots of every step are kept under var/screenshots/story/: open them and look.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.chromium import ARGUMENTS, CHROMIUM
from tests.conftest import free_port

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "var" / "screenshots" / "story"
PATIENCE = 20_000  # milliseconds until a step must show; two busy cores

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Start `madoguchi demo` as its own process on a fresh database and give its addresses."""
    command = [sys.executable, "-m", "bot.cli", "demo", "--quiet", "--host", "127.0.0.1"]
    command += ["--port", str(free_port()), "--folder", str(tmp_path / "demo")]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, "NO_PROXY": "*"}, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the demo ended before it served"
        yield json.loads(line)
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Give Debian's Chromium."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()


def watched(context: BrowserContext, complaints: list[str]) -> Page:
    """Give a new page whose script errors and broken policies are complaints."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    page.on("console", lambda m: complaints.append(f"{page.url}: {m.text}") if m.type == "error" else None)
    return page


class Steps:
    """Keep a picture of every step, numbered."""

    def __init__(self) -> None:
        SHOTS.mkdir(parents=True, exist_ok=True)
        for old in SHOTS.glob("*.png"):
            old.unlink()
        self.count = 0

    def shot(self, page: Page, name: str) -> None:
        """Keep what the page shows now."""
        self.count += 1
        page.screenshot(path=SHOTS / f"{self.count:02}_{name}.png")


def open_when_up(page: Page, url: str) -> None:
    """Go to the demo, as soon as it listens."""
    for _attempt in range(120):
        try:
            page.goto(url)
            return
        except Exception as error:
            if "ERR_CONNECTION_REFUSED" not in str(error):
                raise
            page.wait_for_timeout(500)
    raise AssertionError("the demo did not listen within a minute")


def write(phone: Page, text: str) -> None:
    """Type and send."""
    phone.get_by_test_id("message-input").fill(text)
    phone.get_by_test_id("send").click()


def said(phone: Page, text: str) -> None:
    """Expect a bubble of the desk that holds the words."""
    expect(phone.get_by_test_id("chat").locator("[data-mine=false]", has_text=text).last).to_be_visible(
        timeout=PATIENCE
    )


def test_a_night_from_the_first_word_to_the_desk_again(demo: dict[str, Any], browser: Browser) -> None:
    """A parent asks at night, is answered, becomes a case; a person takes over, is read in the room, gives back."""
    steps, complaints = Steps(), list[str]()
    handset = browser.new_context(viewport={"width": 1180, "height": 900}, locale="ja-JP", timezone_id="Asia/Tokyo")
    office = browser.new_context(viewport={"width": 1280, "height": 900}, locale="ja-JP", timezone_id="Asia/Tokyo")
    phone, console = watched(handset, complaints), watched(office, complaints)

    # 02:10; a printed card is scanned by somebody who is not a friend of the account
    open_when_up(phone, demo["phone"])
    phone.get_by_test_id("clock-input").fill("2026-11-22T02:10")
    phone.get_by_test_id("clock-set").click()
    phone.goto(demo["card"])
    phone.locator(".scan .button").click()  # a computer is shown the page of the card
    phone.get_by_test_id("greeting-new").click()
    expect(phone.get_by_test_id("message-input")).to_have_value("はじめる [K7F3]")
    phone.get_by_test_id("send").click()
    said(phone, "はじめに答えるのは機械")
    said(phone, "部屋は、片づけなくてかまいません")
    steps.shot(phone, "greeting")

    # she asks where to leave the child for two hours, and gets several places that differ
    write(phone, "2時間だけ子どもを預けたいです。一時預かりはありますか")
    said(phone, "どのあたりがいいですか")
    phone.get_by_test_id("quick-reply").filter(has_text="市内ならどこでも").click()
    said(phone, "子どもは何歳ですか")
    phone.get_by_test_id("quick-reply").filter(has_text="2歳").first.click()
    said(phone, "くらべて選んでください")
    cards = phone.get_by_test_id("chat").locator("[data-kind=flex]").last
    expect(cards).to_contain_text("1時間")
    expect(cards).to_contain_text("1日")
    steps.shot(phone, "places")

    # she is at the end of her strength
    write(phone, "もう限界です。このままだと子どもを叩いてしまいそうで怖い")
    said(phone, "いまの10分だけ")
    said(phone, "人が読むのは、11月24日(火) 8:30")
    said(phone, "0120-279-338")
    steps.shot(phone, "own_hand")

    # the case stands on top of the console
    sakura = next(entry for entry in demo["staff"] if entry["login"] == "sakura")
    console.goto(demo["console"])
    console.get_by_label("ログイン名").fill(sakura["login"])
    console.get_by_label("パスワード").fill(sakura["password"])
    console.get_by_role("button", name="サインイン").click()
    first = console.locator("#queue .row").first
    expect(first).to_contain_text("急ぎ")
    steps.shot(console, "queue")
    first.locator("a.row-link").click()
    expect(console.locator("#claim")).to_be_visible()
    steps.shot(console, "before_claim")

    # a person takes it; the desk is silent from here
    console.wait_for_load_state()
    with console.expect_navigation():
        console.keyboard.press("c")
    expect(console.locator("[data-part=head]")).to_contain_text("あなたが担当")
    expect(console.locator("mark").first).to_be_visible()
    steps.shot(console, "claimed")
    before = phone.get_by_test_id("bubble").count()
    write(phone, "聞いてもらえますか")
    expect(console.locator("[data-part=journal]")).to_contain_text("聞いてもらえますか", timeout=PATIENCE)
    expect(phone.get_by_test_id("bubble")).to_have_count(before + 1)
    steps.shot(phone, "silence")

    # she answers; the notice in LINE carries no words; the words are read in the room
    console.get_by_label("さくらとして書く").fill("さくらです。読みました。いま、子どもさんは眠っていますか。")
    console.get_by_role("button", name="送る", exact=True).click()
    expect(console.locator("[data-part=journal]")).to_contain_text("子どもさんは眠っていますか", timeout=PATIENCE)
    steps.shot(console, "answered")
    notice = phone.get_by_test_id("chat").locator("[data-mine=false]").last
    link = notice.locator("a[href*='/room/enter/']").or_(phone.locator("a[href*='/room/enter/']")).last
    expect(link).to_be_visible(timeout=PATIENCE)
    expect(phone.get_by_test_id("chat")).not_to_contain_text("子どもさんは眠っていますか")
    steps.shot(phone, "notice")
    room = watched(handset, complaints)
    room.set_viewport_size({"width": 390, "height": 780})
    room.goto(link.get_attribute("href") or "")
    steps.shot(room, "door")
    room.get_by_role("button", name="ひらく").click()
    expect(room.get_by_role("log")).to_contain_text("子どもさんは眠っていますか")
    room.get_by_label("書く").fill("はい、やっと寝ました")
    room.get_by_role("button", name="送る").click()
    expect(room.get_by_role("log")).to_contain_text("やっと寝ました", timeout=PATIENCE)
    steps.shot(room, "room")
    expect(console.locator("[data-part=journal]")).to_contain_text("やっと寝ました", timeout=PATIENCE)

    # she gives the talk back with a note; the desk answers again
    console.locator("summary", has_text="窓口に戻す（保留）").click()
    console.locator("#agreed").fill("火曜の10時にもう一度話す")
    steps.shot(console, "release")
    console.get_by_role("button", name="窓口に戻す").click()
    expect(console.locator("[data-part=head]")).to_contain_text("保留", timeout=PATIENCE)
    write(phone, "一時預かりの料金は？")
    said(phone, "ここからは機械が答えます")
    steps.shot(phone, "desk_again")

    assert complaints == []
