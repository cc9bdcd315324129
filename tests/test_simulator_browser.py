"""The phone in a real Chromium: what a person sees, taps and types there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright, expect
from simulator_stand_in import Town, served, text, town

from tests.browser.chromium import ARGUMENTS, CHROMIUM

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\xdac\xfc\xcf\xc0P\x0f\x00\x04\x85\x01\x80\x84\xa9\x8c!\x00\x00\x00\x00IEND\xaeB`\x82"
)
pytestmark = pytest.mark.browser


@dataclass
class Scene:
    """One page on one simulator; `troubles` are console errors and refused policies."""

    here: Town
    page: Page
    base: str
    troubles: list[str] = field(default_factory=list)

    def tag(self, name: str) -> Any:
        return self.page.get_by_test_id(name)


@asynccontextmanager
async def scene(**viewport: Any) -> AsyncIterator[Scene]:
    async with town() as here, served(here.app) as base, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = await browser.new_page(locale="ja-JP", timezone_id="Asia/Tokyo", **viewport)
        one = Scene(here, page, f"{base}/simulator")
        page.on("console", lambda message: one.troubles.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: one.troubles.append(str(error)))
        yield one
        await browser.close()
        await here.platform.settle()
    assert one.troubles == []


def quick(*actions: dict[str, Any]) -> dict[str, Any]:
    return {"quickReply": {"items": [{"type": "action", "action": action} for action in actions]}}


async def test_a_conversation() -> None:
    """A resident is added, taps, types, taps cards, and sees what LINE would show."""
    async with scene(viewport={"width": 1280, "height": 900}) as at:
        page, here = at.page, at.here
        await page.goto(f"{at.base}/")
        await page.get_by_role("button", name="住民を追加").click()
        await page.get_by_label("表示名").fill("はるか")
        await page.get_by_role("button", name="追加する").click()
        await expect(page.get_by_role("tab", name="はるか")).to_be_visible()
        mother = here.platform.resident("はるか")
        assert mother.friend

        yes = {"type": "postback", "label": "はい", "data": "yes", "displayText": "はい！"}
        await here.push(mother.id, text("見てください https://example.com/a と 000-0000-0000 <img src=x>") | quick(yes))
        await expect(at.tag("chat").get_by_role("link", name="https://example.com/a")).to_have_attribute(
            "target", "_blank"
        )
        await expect(at.tag("chat").get_by_role("link", name="000-0000-0000")).to_have_attribute(
            "href", "tel:000-0000-0000"
        )
        await expect(at.tag("bubble").last).to_contain_text("<img src=x>")
        await page.get_by_role("button", name="はい", exact=True).click()
        await expect(at.tag("bubble").last).to_contain_text("はい！")
        await expect(at.tag("quick-reply")).to_have_count(0)
        assert here.desk.events[-1]["postback"] == {"data": "yes"}

        box = page.get_by_role("textbox", name="メッセージを入力")
        await box.fill("変換中")
        await box.dispatch_event("keydown", {"key": "Enter", "isComposing": True, "bubbles": True})
        await expect(box).to_have_value("変換中")
        await box.press("Shift+Enter")
        await box.press("End")
        await box.type("二行目")
        await box.press("Enter")
        await expect(at.tag("bubble").last).to_contain_text("変換中\n二行目")
        await expect(at.tag("bubble").last).to_contain_text("既読")
        await expect(box).to_have_value("")

        card = {
            "type": "bubble",
            "body": {
                "type": "box",
                "layout": "vertical",
                "contents": [{"type": "text", "text": "ひなた園", "wrap": True}],
            },
            "footer": {
                "type": "box",
                "layout": "vertical",
                "contents": [
                    {"type": "button", "action": {"type": "uri", "label": "地図", "uri": "https://example.com/map"}},
                    {"type": "button", "action": {"type": "message", "label": "選ぶ", "text": "これにします"}},
                ],
            },
        }
        flex = {"type": "flex", "altText": "園", "contents": {"type": "carousel", "contents": [card, card]}}
        await here.push(mother.id, flex | {"sender": {"name": "田中"}})
        await expect(page.get_by_role("link", name="地図").first).to_have_attribute("href", "https://example.com/map")
        await expect(at.tag("bubble").last).to_contain_text("田中")
        await page.get_by_role("button", name="選ぶ").first.click()
        await expect(at.tag("bubble").last).to_contain_text("これにします")

        await at.tag("bubble").last.hover()
        await at.tag("bubble").last.get_by_role("button", name="送信を取り消す").click()
        await expect(at.tag("chat")).to_contain_text("メッセージの送信を取り消しました")
        await expect(at.tag("chat")).not_to_contain_text("これにします")

        await page.get_by_role("button", name="ブロック", exact=True).click()
        await expect(box).to_be_hidden()
        await page.get_by_role("button", name="ブロックを解除").click()
        await expect(box).to_be_visible()
        kinds = [event["type"] for event in here.desk.events]
        assert kinds == ["follow", "postback", "message", "message", "unsend", "unfollow", "follow"]


async def test_greeting_link() -> None:
    """A QR link opens the phone of somebody new, who is no friend, with the words waiting in the input."""
    async with scene(viewport={"width": 390, "height": 844}) as at:
        await at.page.goto(f"{at.base}/R/oaMessage/%40hinata-demo/?%E3%81%AF%E3%81%98%E3%82%81%E3%82%8B%20%5BK7F3%5D+1")
        await at.page.get_by_role("button", name="新しい人の電話で開く").click()
        await expect(at.tag("message-input")).to_have_value("はじめる [K7F3]+1")
        assert at.here.desk.bodies == []
        await at.tag("send").click()
        await expect(at.tag("bubble").last).to_contain_text("はじめる [K7F3]+1")
        await at.here.platform.settle()
        assert at.here.desk.events[-1]["message"]["text"] == "はじめる [K7F3]+1"
        await at.page.get_by_role("button", name="友だち追加").click()
        await expect(at.tag("follow")).to_be_hidden()
        await at.here.platform.settle()
        assert at.here.desk.events[-1]["type"] == "follow"


async def test_pickers_pictures_and_stickers() -> None:
    """Location, date, photo and sticker are picked and sent; LINE on a computer shows no quick replies."""
    async with scene(viewport={"width": 1280, "height": 900}) as at:
        page, here = at.page, at.here
        mother = here.platform.add_resident("はるか")
        await page.goto(f"{at.base}/")
        place = {"type": "location", "label": "いまいる所"}
        day = {"type": "datetimepicker", "label": "日を選ぶ", "data": "when", "mode": "date", "initial": "2026-11-21"}
        await here.push(mother.id, text("どこ？") | quick(place, day))
        await expect(at.tag("quick-reply")).to_have_count(2)
        await at.tag("desktop-line").check()
        await expect(at.tag("quick-reply")).to_have_count(0)
        await at.tag("desktop-line").uncheck()
        await page.get_by_role("button", name="日を選ぶ").click()
        await at.tag("datetime-input").fill("2026-12-01")
        await at.tag("datetime-send").click()
        await expect(at.tag("quick-reply")).to_have_count(0)
        await here.push(mother.id, text("どこ？") | quick(place))
        await page.get_by_role("button", name="いまいる所").click()
        await at.tag("place").last.click()
        await at.tag("location-send").click()
        await expect(at.tag("bubble").last).to_contain_text("ひなた駅前")
        await page.get_by_role("button", name="スタンプや写真を送る").click()
        await page.get_by_role("button", name="スタンプ：ありがとう").click()
        await expect(page.get_by_role("img", name="スタンプ：ありがとう")).to_be_visible()
        await page.get_by_label("写真を送る", exact=True).set_input_files(
            {"name": "a.png", "mimeType": "image/png", "buffer": PNG}
        )
        await expect(page.get_by_role("img", name="写真")).to_be_visible()
        await here.platform.settle()
        messages = [event["message"]["type"] for event in here.desk.events if event["type"] == "message"]
        assert messages == ["location", "sticker", "image"]
        assert here.desk.events[0]["postback"] == {"data": "when", "params": {"date": "2026-12-01"}}


async def test_menu_clock_loading_and_residents() -> None:
    """The rich menu can be tapped, the clock goes to ten past two, and each resident has a chat of her own."""
    async with scene(viewport={"width": 1280, "height": 900}) as at:
        page, platform = at.page, at.here.platform
        mother, other = platform.add_resident("はるか"), platform.add_resident("Linh", language="vi")
        area = {
            "bounds": {"x": 0, "y": 0, "width": 2500, "height": 843},
            "action": {"type": "postback", "label": "さがす", "data": "find", "displayText": "さがす"},
        }
        size = {"width": 2500, "height": 843}
        menu = {"size": size, "selected": True, "name": "m", "chatBarText": "メニュー", "areas": [area]}
        made = platform.menus.create(menu).body
        assert isinstance(made, dict)
        platform.menus.upload(made["richMenuId"], PNG, "image/png")
        platform.menus.link(mother.id, made["richMenuId"])
        await page.goto(f"{at.base}/")
        await page.get_by_role("button", name="さがす").click()
        await expect(at.tag("bubble").last).to_contain_text("さがす")
        await at.tag("clock-night").click()
        await expect(at.tag("clock-now")).to_contain_text("02:10")
        platform.start_loading({"chatId": mother.id, "loadingSeconds": 5})
        await expect(page.get_by_role("status", name="入力中")).to_be_visible()
        await at.here.push(mother.id, text("こちらです"))
        await expect(page.get_by_role("status", name="入力中")).to_be_hidden()
        await page.get_by_role("tab", name="Linh").click()
        await expect(at.tag("bubble")).to_have_count(0)
        await expect(at.tag("rich-menu")).to_be_hidden()
        await at.here.push(other.id, text("Xin chào"))
        await expect(at.tag("bubble").last).to_contain_text("Xin chào")
        await at.tag("fault-rate").check()
        await expect(at.tag("fault-rate")).to_be_checked()
        assert [fault.kind for fault in platform.faults.waiting] == ["rate"]


async def test_narrow_page_does_not_scroll_sideways() -> None:
    """On a narrow screen nothing sticks out to the side."""
    async with scene(viewport={"width": 360, "height": 740}) as at:
        mother = at.here.platform.add_resident("はるか")
        await at.here.push(mother.id, text("あ" * 300 + " https://example.com/" + "a" * 200))
        await at.page.goto(f"{at.base}/")
        await expect(at.tag("bubble")).to_have_count(1)
        assert await at.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
