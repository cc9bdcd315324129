"""The phone's page asks and says over HTTP only what a resident, a network or a clock could do."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from simulator_stand_in import Town, text, town

import bot.simulator
from bot.opening import TOKYO
from bot.simulator.app import Place, create_app

FOLDER = Path(bot.simulator.__file__).parent


@pytest.fixture
async def here() -> AsyncIterator[Town]:
    async with town() as one:
        yield one


async def post(here: Town, path: str, **asked: Any) -> httpx.Response:
    answer = await here.api.post(f"/phone/{path}", json=asked)
    await here.platform.settle()
    return answer


async def state(here: Town, resident: str = "") -> dict[str, Any]:
    return dict((await here.api.get("/phone/state", params={"resident": resident})).json())


async def test_page_is_strict(here: Town) -> None:
    """The page is served under a strict policy and holds no inline script, style or handler."""
    answer = await here.api.get("/")
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=|javascript:", answer.text)
    for file in re.findall(r'(?:src|href)="(static/[^"]+)"', answer.text):
        assert (await here.api.get(f"/{file}")).status_code == 200


def test_scripts_never_parse_markup() -> None:
    """No script turns words into markup, and every module that is imported is there."""
    for file in (FOLDER / "static").glob("*.js"):
        source = file.read_text(encoding="utf-8")
        assert not re.search(r"\.innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", source)
        for imported in re.findall(r'from "\./([^"]+)"', source):
            assert (FOLDER / "static" / imported).exists()


def test_documented_test_ids_exist() -> None:
    """Every test id that the page documents is in the page or in its scripts."""
    page = (FOLDER / "templates" / "phone.html").read_text(encoding="utf-8")
    everything = page.split("-->", 1)[1] + "".join(
        file.read_text(encoding="utf-8") for file in (FOLDER / "static").glob("*.js")
    )
    for name in ("message-input", "send", "chat", "bubble", "quick-reply", "resident-tab", "clock-set", "new-resident"):
        assert f'"{name}"' in everything
        assert name in page.split("-->", 1)[0]


async def test_residents(here: Town) -> None:
    """A resident is added with a name and a language; as a friend she follows; nameless ones are numbered."""
    made = (await post(here, "residents", name="Linh", language="vi", friend=True)).json()
    await post(here, "residents", name=" ", language="", friend=False)
    assert [event["type"] for event in here.desk.events] == ["follow"]
    tabs = (await state(here))["residents"]
    assert [(tab["name"], tab["language"], tab["friend"]) for tab in tabs] == [
        ("Linh", "vi", True),
        ("住民2", None, False),
    ]
    assert here.platform.residents[made["id"]].name == "Linh"


async def test_acts(here: Town) -> None:
    """Everything the page lets her do reaches the desk as the right event."""
    mother = here.platform.add_resident("はるか")
    one: dict[str, Any] = {"resident": mother.id}
    await post(here, "act", **one, kind="text", text="こんばんは")
    await post(here, "act", **one, kind="text", text="  ")
    await post(here, "act", **one, kind="sticker", sticker="1989", keywords=["happy"])
    await post(here, "act", **one, kind="location", latitude=35.7, longitude="139.4", title="駅")
    await post(here, "act", **one, kind="action", action={"type": "message", "label": "あ", "text": "いい"})
    await post(
        here, "act", **one, kind="action", action={"type": "datetimepicker", "data": "d"}, params={"date": "2026-11-21"}
    )
    await post(here, "act", **one, kind="unsend", message=mother.chat[0].id)
    await post(here, "act", **one, kind="block")
    await post(here, "act", **one, kind="follow")
    kinds = [event["type"] for event in here.desk.events]
    assert kinds == ["message"] * 4 + ["postback", "unsend", "unfollow", "follow"]
    assert here.desk.events[4]["postback"] == {"data": "d", "params": {"date": "2026-11-21"}}


async def test_refusals(here: Town) -> None:
    """What a phone cannot do is refused with words, and nothing breaks."""
    mother = here.platform.add_resident("はるか")
    await here.platform.block(mother)
    assert (await post(here, "act", resident=mother.id, kind="text", text="一")).status_code == 409
    await here.platform.follow(mother)
    assert (await post(here, "act", resident=mother.id, kind="unsend", message="nothing")).status_code == 409
    assert (await post(here, "act", resident="nobody", kind="text", text="一")).status_code == 409
    assert (await post(here, "act", resident=mother.id, kind="fly")).status_code == 409
    assert (await post(here, "act", resident=mother.id, kind="location", latitude="x", longitude=1)).status_code == 400
    assert (await post(here, "clock", at="25:99")).status_code == 409
    assert (await post(here, "network", do="fault", fault="flood", on=True)).status_code == 400
    form = await here.api.post("/phone/act", data={"resident": mother.id, "kind": "block"})
    assert form.status_code == 415
    assert mother.blocked is False


async def test_state_says_when_nothing_changed(here: Town) -> None:
    """Who has seen the newest state gets 204, and the whole of it as soon as something changed."""
    mother = here.platform.add_resident("はるか")
    here.clock.set(datetime(2026, 11, 21, 2, 10, tzinfo=TOKYO), running=False)
    seen = await state(here, mother.id)
    same = await here.api.get("/phone/state", params={"resident": mother.id, "seen": seen["digest"]})
    assert same.status_code == 204
    await here.push(mother.id, text("はい"))
    changed = await here.api.get("/phone/state", params={"resident": mother.id, "seen": seen["digest"]})
    assert [bubble["message"]["text"] for bubble in changed.json()["open"]["chat"]] == ["はい"]
    assert changed.json()["clock"] == "2026-11-21T02:10"


async def test_state_of_the_chat(here: Town) -> None:
    """The page learns sender names, loading, menu, draft, quota and what was refused."""
    mother = here.platform.add_resident("はるか")
    here.platform.start_loading({"chatId": mother.id, "loadingSeconds": 5})
    assert (await state(here, mother.id))["open"]["loading"] is True
    here.ticks.now += 6
    assert (await state(here, mother.id))["open"]["loading"] is False
    await here.push(mother.id, text("読みました") | {"sender": {"name": "田中"}})
    await here.push(mother.id, text(""))
    await post(here, "act", resident=mother.id, kind="greeting", text="はじめる [K7F3]")
    found = await state(here, mother.id)
    assert found["open"]["chat"][0]["sender"] == "田中"
    assert found["open"]["draft"] == "はじめる [K7F3]"
    assert found["open"]["menu"] is None
    assert (found["developer"]["used"], found["developer"]["refused"][0][1]) == (1, 400)
    assert here.desk.bodies == []
    await here.platform.write(mother, "はじめる [K7F3]")
    assert (await state(here, mother.id))["open"]["draft"] == ""


async def test_clock(here: Town) -> None:
    """The clock can be set to ten past two today or to a moment, and back; a callback may take it over."""
    await post(here, "clock", at="02:10")
    assert f"{here.clock.now().astimezone(TOKYO):%H:%M}" == "02:10"
    await post(here, "clock", at="2026-11-21T23:59")
    assert (await state(here))["clock"] == "2026-11-21T23:59"
    await post(here, "clock", at="")
    asked: list[datetime | None] = []
    other = create_app(here.platform, set_clock=asked.append, places=(Place("駅", "ひなた市", 35.0, 139.0),))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=other), base_url="http://x.test/simulator") as api:
        await api.post("/phone/clock", json={"at": "2026-11-21T02:10"})
        await api.post("/phone/clock", json={"at": ""})
        assert (await api.get("/phone/state")).json()["places"][0]["title"] == "駅"
    assert asked == [datetime(2026, 11, 21, 2, 10, tzinfo=TOKYO), None]


async def test_network(here: Town) -> None:
    """The panel turns faults and redelivery on and off, and repeats, holds, reverses and joins webhooks."""
    mother = here.platform.add_resident("はるか")
    await post(here, "network", do="fault", fault="error", on=True)
    assert (await here.push(mother.id)).status_code == 500
    assert (await state(here))["developer"]["faults"] == ["error"]
    await post(here, "network", do="fault", fault="error", on=False)
    assert (await here.push(mother.id)).status_code == 200
    await post(here, "network", do="redelivery", on=True)
    await post(here, "network", do="twice", on=True)
    assert (here.platform.webhooks.redelivery, here.platform.webhooks.copies) == (True, 2)
    await post(here, "network", do="twice", on=False)
    assert (await post(here, "network", do="duplicate")).status_code == 409
    await here.platform.write(mother, "一")
    await post(here, "network", do="duplicate")
    await post(here, "network", do="redeliver")
    assert [event["deliveryContext"]["isRedelivery"] for event in here.desk.events] == [False, False, True]
    await post(here, "network", do="hold")
    await here.platform.write(mother, "二")
    await here.platform.write(mother, "三")
    assert (await state(here))["developer"]["held"] == 2
    await post(here, "network", do="release", reverse=True, together=True)
    assert [event["message"]["text"] for event in here.desk.callbacks[-1]["events"]] == ["三", "二"]
    await post(here, "network", do="verify")
    assert here.desk.callbacks[-1]["events"] == []
    await post(here, "network", do="quota", value=0)
    assert (await here.push(mother.id)).status_code == 429


async def test_pictures(here: Town) -> None:
    """A picture is sent as it is and shown to its sender until it is taken back; other files are refused."""
    mother = here.platform.add_resident("はるか")
    path = f"/phone/picture?resident={mother.id}"
    assert (await here.api.post(path, content=b"GIF", headers={"content-type": "text/html"})).status_code == 400
    assert (await here.api.post(path, content=b"PNG", headers={"content-type": "image/png"})).status_code == 200
    await here.platform.settle()
    shown = f"/phone/content/{mother.chat[0].id}"
    assert (await here.api.get(shown)).content == b"PNG"
    assert here.desk.events[0]["message"]["type"] == "image"
    await here.platform.unsend(mother, mother.chat[0])
    assert (await here.api.get(shown)).status_code == 404
    nobody = await here.api.post("/phone/picture?resident=x", content=b"P", headers={"content-type": "image/png"})
    assert nobody.status_code == 409
    assert (await here.api.get("/phone/menu/none")).status_code == 404


async def test_voices_films_and_files(here: Town) -> None:
    """What is sent becomes the message that LINE would make of it, and its content is served until it is taken back."""
    mother = here.platform.add_resident("はるか")
    for type, name in (("audio/mp4", ""), ("video/mp4", ""), ("application/pdf", "お知らせ.pdf"), ("", "")):
        path = f"/phone/file?{httpx.QueryParams(resident=mother.id, name=name)}"
        sent = await here.api.post(path, content=b"bytes", headers={"content-type": type} if type else {})
        assert sent.status_code == 200
    await here.platform.settle()
    messages = [event["message"] for event in here.desk.events]
    assert [one["type"] for one in messages] == ["audio", "video", "file", "file"]
    assert (messages[2]["fileName"], messages[2]["fileSize"]) == ("お知らせ.pdf", 5)
    for bubble in list(mother.chat):
        asked = await here.api.get(f"/v2/bot/message/{bubble.id}/content")
        assert asked.content == b"bytes"
        shown = await here.api.get(f"/phone/content/{bubble.id}")
        assert "sandbox" in shown.headers["content-security-policy"]
        await here.platform.unsend(mother, bubble)
        assert (await here.api.get(f"/v2/bot/message/{bubble.id}/content")).status_code == 410
    big = await here.api.post(f"/phone/file?resident={mother.id}", content=b"x" * (32 * 1024 * 1024 + 1))
    assert big.status_code == 400
    assert (await here.api.post("/phone/file?resident=x", content=b"P")).status_code == 409
