"""The simulator answers as LINE does: tokens, keys, quota, blocked residents, profiles, content, menus, faults."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from simulator_stand_in import DESTINATION, SECRET, TOKEN, Town, served, spec_errors, text, town

from bot.errors import RefusedError
from bot.opening import TOKYO
from bot.simulator.app import create_app

STALE = {"message": "Invalid reply token"}


@pytest.fixture
async def here() -> AsyncIterator[Town]:
    async with town() as one:
        yield one


# --- the door ----------------------------------------------------------------------------------------------------


async def test_bearer(here: Town) -> None:
    """Without the right bearer token everything is 401, and every answer carries a request id."""
    for token in ("", "Bearer wrong", "Basic " + TOKEN):
        answer = await here.api.get("/v2/bot/info", headers={"authorization": token})
        assert answer.status_code == 401
        assert uuid.UUID(answer.headers["x-line-request-id"])
    ids = {(await here.api.get("/v2/bot/info")).headers["x-line-request-id"] for _ in range(3)}
    assert len(ids) == 3


async def test_stateless_token(here: Town) -> None:
    """A stateless token is issued for the channel secret and is good for fifteen minutes."""
    form = {"grant_type": "client_credentials", "client_id": "1234567890", "client_secret": SECRET}
    answer = await here.api.post("/oauth2/v3/token", data=form)
    assert (answer.status_code, answer.json()["token_type"], answer.json()["expires_in"]) == (200, "Bearer", 900)
    bearer = {"authorization": f"Bearer {answer.json()['access_token']}"}
    assert (await here.api.get("/v2/bot/info", headers=bearer)).status_code == 200
    here.ticks.now += 901
    assert (await here.api.get("/v2/bot/info", headers=bearer)).status_code == 401
    assert (await here.api.post("/oauth2/v3/token", data={**form, "client_secret": "no"})).status_code == 400


@pytest.mark.parametrize(
    ("raw", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b'"' + b"x" * (2 * 1024 * 1024) + b'"', "application/json", 413),
    ],
)
async def test_shapeless_bodies(here: Town, raw: bytes, kind: str, status: int) -> None:
    """Broken JSON is 400, another media type 415, more than 2 MB 413."""
    answer = await here.api.post("/v2/bot/message/push", content=raw, headers={"content-type": kind})
    assert answer.status_code == status
    assert answer.json()["message"]


async def test_unknown_path(here: Town) -> None:
    """A path that LINE does not have is 404 with a message."""
    assert (await here.api.get("/v2/bot/nothing")).status_code == 404


async def test_root_and_mount(here: Town) -> None:
    """The application answers under its mount and at its root alike."""
    for path in ("http://line.test/v2/bot/info", "http://line.test/simulator/v2/bot/info"):
        assert (await here.api.get(path)).json()["userId"] == DESTINATION


# --- reply -------------------------------------------------------------------------------------------------------


async def test_reply_once(here: Town) -> None:
    """A reply reaches the chat, costs nothing, and its token works once."""
    mother = here.platform.add_resident("はるか")
    event = await here.platform.write(mother, "こんにちは")
    answer = await here.reply(event.reply_token, text("はい、どうぞ"), text("何でも"))
    assert answer.status_code == 200
    assert [bubble.text for bubble in mother.heard] == ["はい、どうぞ", "何でも"]
    assert [sent["id"] for sent in answer.json()["sentMessages"]] == [bubble.id for bubble in mother.heard]
    again = await here.reply(event.reply_token)
    assert (again.status_code, again.json()) == (400, STALE)
    assert len(mother.heard) == 2
    assert here.platform.used == 0


async def test_reply_expires(here: Town) -> None:
    """A reply token lives one minute from the webhook, not a second longer."""
    mother = here.platform.add_resident("はるか")
    first, second = await here.platform.write(mother, "一"), await here.platform.write(mother, "二")
    here.ticks.now += 60
    assert (await here.reply(first.reply_token)).status_code == 200
    here.ticks.now += 0.1
    assert (await here.reply(second.reply_token)).json() == STALE


async def test_reply_token_of_redelivery(here: Town) -> None:
    """A redelivery gives the token a new minute, but never beyond twenty minutes after the event."""
    mother = here.platform.add_resident("はるか")
    early, late = await here.platform.write(mother, "一"), await here.platform.write(mother, "二")
    here.ticks.now += 600
    await here.platform.redeliver(early)
    assert (await here.reply(early.reply_token)).status_code == 200
    here.ticks.now += 601
    await here.platform.redeliver(late)
    assert (await here.reply(late.reply_token)).json() == STALE


async def test_reply_refuses_retry_key(here: Town) -> None:
    """A reply with a retry key is 400 and leaves the token unused."""
    event = await here.platform.write(here.platform.add_resident("はるか"), "一")
    assert (await here.reply(event.reply_token, **{"x-line-retry-key": str(uuid.uuid4())})).status_code == 400
    assert (await here.reply(event.reply_token)).status_code == 200


async def test_reply_refused_body_keeps_token(here: Town) -> None:
    """A reply whose body is refused leaves the token unused."""
    event = await here.platform.write(here.platform.add_resident("はるか"), "一")
    assert (await here.reply(event.reply_token, text(""))).status_code == 400
    assert (await here.reply(event.reply_token)).status_code == 200
    assert (await here.reply("nothing-of-ours")).json() == STALE


async def test_reply_after_block(here: Town) -> None:
    """A reply to somebody who blocked meanwhile is accepted and seen by nobody."""
    mother = here.platform.add_resident("はるか")
    event = await here.platform.write(mother, "一")
    await here.platform.block(mother)
    assert (await here.reply(event.reply_token)).status_code == 200
    assert mother.heard == []
    assert here.platform.sent[-1].shown is False


# --- push --------------------------------------------------------------------------------------------------------


async def test_push_counts_recipients(here: Town) -> None:
    """Five bubbles to one friend cost one; blocked and unknown residents cost nothing, see nothing and return 200."""
    friend, gone = here.platform.add_resident("はるか"), here.platform.add_resident("あおい")
    await here.platform.block(gone)
    assert (await here.push(friend.id, *[text(str(n)) for n in range(5)])).status_code == 200
    for nobody in (gone.id, "U" + "0" * 32):
        answer = await here.push(nobody)
        assert answer.status_code == 200
        assert answer.json()["sentMessages"][0]["id"]
    assert (len(friend.heard), gone.heard) == (5, [])
    usage = await here.api.get("/v2/bot/message/quota/consumption")
    assert usage.json() == {"totalUsage": 1}
    assert (await here.api.get("/v2/bot/message/quota")).json() == {"type": "none"}


async def test_push_to_wrong_ids(here: Town) -> None:
    """What is no id, and a resident of another provider, are 400."""
    for wrong in ("", "haruka", "U123", "U" + "G" * 32):
        answer = await here.push(wrong)
        assert answer.status_code == 400
        assert "'to'" in answer.json()["message"]
    other = "U" + "a" * 32
    here.platform.other_providers.add(other)
    assert (await here.push(other)).json() == {"message": "Failed to send messages"}


async def test_push_to_strangers(here: Town) -> None:
    """Who is no friend gets pushes for seven days after writing, then 200 and nothing."""
    stranger = here.platform.add_resident("はるか", friend=False)
    await here.push(stranger.id, text("まだ"))
    await here.platform.write(stranger, "こんにちは")
    here.ticks.now += 7 * 24 * 3600
    await here.push(stranger.id, text("七日"))
    here.ticks.now += 1
    assert (await here.push(stranger.id, text("八日"))).status_code == 200
    assert [bubble.text for bubble in stranger.heard] == ["七日"]


async def test_retry_key(here: Town) -> None:
    """A retry key sends once: afterwards 409 with the first request's id and messages, for 24 hours."""
    friend, key = here.platform.add_resident("はるか"), str(uuid.uuid4())
    first = await here.push(friend.id, key=key)
    here.ticks.now += 24 * 3600
    again = await here.push(friend.id, key=key)
    assert again.status_code == 409
    assert again.headers["x-line-accepted-request-id"] == first.headers["x-line-request-id"]
    assert again.json() == {"message": "The retry key is already accepted", **first.json()}
    assert (len(friend.heard), here.platform.used) == (1, 1)
    here.ticks.now += 1
    assert (await here.push(friend.id, key=key)).status_code == 200
    assert len(friend.heard) == 2


async def test_retry_key_of_refused_request(here: Town) -> None:
    """Only an accepted request uses its key up; a key must be a UUID."""
    friend, key = here.platform.add_resident("はるか"), str(uuid.uuid4())
    assert (await here.push(friend.id, text(""), key=key)).status_code == 400
    here.platform.faults.add("error")
    assert (await here.push(friend.id, key=key)).status_code == 500
    assert (await here.push(friend.id, key=key)).status_code == 200
    assert (await here.push(friend.id, key="not-a-uuid")).status_code == 400


async def test_retry_key_with_another_body(here: Town) -> None:
    """The same key with another body is 409 too, so the words are lost: the platform complains about the client."""
    friend, key = here.platform.add_resident("はるか"), str(uuid.uuid4())
    await here.push(friend.id, text("一"), key=key)
    assert here.platform.complaints == []
    assert (await here.push(friend.id, text("二"), key=key)).status_code == 409
    assert [bubble.text for bubble in friend.heard] == ["一"]
    assert len(here.platform.complaints) == 1


async def test_monthly_limit() -> None:
    """Beyond the monthly limit pushes are 429 and nothing is sent; replies go on; a new month starts at zero."""
    async with town(quota=1) as here:
        friend = here.platform.add_resident("はるか")
        here.clock.set(datetime(2026, 11, 30, 12, tzinfo=TOKYO), running=False)
        assert (await here.api.get("/v2/bot/message/quota")).json() == {"type": "limited", "value": 1}
        assert (await here.push(friend.id)).status_code == 200
        refused = await here.push(friend.id)
        assert (refused.status_code, refused.json()) == (429, {"message": "You have reached your monthly limit."})
        event = await here.platform.write(friend, "一")
        assert (await here.reply(event.reply_token)).status_code == 200
        here.clock.set(datetime(2026, 12, 1, 0, 1, tzinfo=TOKYO), running=False)
        assert (await here.push(friend.id)).status_code == 200


async def test_rate_limit(here: Town) -> None:
    """More than 2,000 pushes within one second are 429; a second later they go on."""
    friend = here.platform.add_resident("はるか")
    body = {"to": friend.id, "messages": [text("一")]}
    statuses = [here.platform.push(body).status for _ in range(2001)]
    assert statuses == [200] * 2000 + [429]
    refused = await here.push(friend.id)
    assert refused.json() == {"message": "The API rate limit has been exceeded. Try again later."}
    here.ticks.now += 1
    assert (await here.push(friend.id)).status_code == 200


async def test_multicast(here: Town) -> None:
    """Multicast reaches several residents, costs one for each, and takes ids of residents only."""
    two = [here.platform.add_resident("はるか"), here.platform.add_resident("あおい")]
    body = {"to": [one.id for one in two], "messages": [text("お知らせ")]}
    assert (await here.api.post("/v2/bot/message/multicast", json=body)).json() == {}
    assert [one.heard[0].text for one in two] == ["お知らせ", "お知らせ"]
    assert here.platform.used == 2
    body["to"] = ["C" + "0" * 32]
    assert (await here.api.post("/v2/bot/message/multicast", json=body)).status_code == 400


async def test_validate(here: Town) -> None:
    """Validation looks at messages without sending them."""
    good = await here.api.post("/v2/bot/message/validate/push", json={"messages": [text("一")]})
    assert (good.status_code, good.json()) == (200, {})
    bad = await here.api.post("/v2/bot/message/validate/push", json={"messages": [text("あ" * 5001)]})
    assert bad.json() == {
        "message": "The request body has 1 error(s)",
        "details": [{"message": "Length must be between 0 and 5000", "property": "messages[0].text"}],
    }


# --- everything else ---------------------------------------------------------------------------------------------


async def test_profile(here: Town) -> None:
    """A profile has the language if she agreed to tell it; who blocked, or never came, is 404."""
    mother = here.platform.add_resident("Linh", language="vi")
    quiet = here.platform.add_resident("はるか", language=None)
    stranger = here.platform.add_resident("あおい", friend=False)
    found = (await here.api.get(f"/v2/bot/profile/{mother.id}")).json()
    assert found == {"userId": mother.id, "displayName": "Linh", "language": "vi"}
    assert "language" not in (await here.api.get(f"/v2/bot/profile/{quiet.id}")).json()
    assert (await here.api.get(f"/v2/bot/profile/{stranger.id}")).status_code == 404
    await here.platform.write(stranger, "こんにちは")
    assert (await here.api.get(f"/v2/bot/profile/{stranger.id}")).status_code == 200
    await here.platform.block(mother)
    assert (await here.api.get(f"/v2/bot/profile/{mother.id}")).status_code == 404
    assert (await here.api.get(f"/v2/bot/profile/U{'0' * 32}")).status_code == 404


@pytest.mark.parametrize(("seconds", "status"), [(5, 202), (60, 202), (None, 202), (7, 400), (0, 400), (65, 400)])
async def test_loading(here: Town, seconds: int | None, status: int) -> None:
    """The loading animation takes multiples of five from 5 to 60, 20 by default, and ends with the next message."""
    mother = here.platform.add_resident("はるか")
    body: dict[str, Any] = {"chatId": mother.id} | ({"loadingSeconds": seconds} if seconds is not None else {})
    assert (await here.api.post("/v2/bot/chat/loading/start", json=body)).status_code == status
    expected = here.ticks.now + (seconds or 20) if status == 202 else 0
    assert mother.loading_until == expected
    await here.push(mother.id)
    assert mother.loading_until == 0
    body["chatId"] = "C" + "0" * 32
    assert (await here.api.post("/v2/bot/chat/loading/start", json=body)).status_code == 400


async def test_content(here: Town) -> None:
    """A picture is 202 while it is prepared, then there, and gone for good once it is taken back."""
    mother = here.platform.add_resident("はるか")
    event = await here.platform.send_image(mother, b"\x89PNG-picture", preparing=True)
    path = f"/v2/bot/message/{event.message_id}/content"
    assert (await here.api.get(path)).status_code == 202
    here.platform.contents[event.message_id].preparing = False
    answer = await here.api.get(path)
    assert (answer.content, answer.headers["content-type"]) == (b"\x89PNG-picture", "image/png")
    await here.platform.unsend(mother, event)
    assert (await here.api.get(path)).status_code == 410
    assert (await here.api.get("/v2/bot/message/1/content")).status_code == 404


def menu(**changes: Any) -> dict[str, Any]:
    area = {"bounds": {"x": 0, "y": 0, "width": 1250, "height": 843}, "action": {"type": "message", "text": "相談"}}
    size = {"width": 2500, "height": 843}
    return {"size": size, "selected": True, "name": "menu", "chatBarText": "メニュー", "areas": [area], **changes}


async def test_rich_menu(here: Town) -> None:
    """A menu needs its picture before it is linked; her own wins over the default; non-friends see the default."""
    api, platform = here.api, here.platform
    friend, stranger = platform.add_resident("はるか"), platform.add_resident("あおい", friend=False)
    ids = [(await api.post("/v2/bot/richmenu", json=menu())).json()["richMenuId"] for _ in range(2)]
    assert (await api.post(f"/v2/bot/user/all/richmenu/{ids[0]}")).status_code == 400
    png = {"content-type": "image/png"}
    for one in ids:
        upload = f"/v2/bot/richmenu/{one}/content"
        assert (await api.post(upload, content=b"GIF89a", headers={"content-type": "image/gif"})).status_code == 415
        assert (await api.post(upload, content=b"\x89PNG...", headers=png)).status_code == 200
        assert (await api.post(upload, content=b"\x89PNG...", headers=png)).status_code == 400
        assert (await api.get(upload)).content == b"\x89PNG..."
    assert (await api.post(f"/v2/bot/user/all/richmenu/{ids[0]}")).status_code == 200
    assert (await api.post(f"/v2/bot/user/{friend.id}/richmenu/{ids[1]}")).status_code == 200
    assert (await api.post(f"/v2/bot/user/{stranger.id}/richmenu/{ids[1]}")).status_code == 200
    await platform.follow(stranger)
    assert (platform.menus.shown_id(friend), platform.menus.shown_id(stranger)) == (ids[1], ids[0])
    assert (await api.get(f"/v2/bot/user/{friend.id}/richmenu")).json() == {"richMenuId": ids[1]}
    assert (await api.get("/v2/bot/user/all/richmenu")).json() == {"richMenuId": ids[0]}
    assert len((await api.get("/v2/bot/richmenu/list")).json()["richmenus"]) == 2
    assert (await api.get(f"/v2/bot/richmenu/{ids[0]}")).json()["chatBarText"] == "メニュー"
    assert (await api.delete(f"/v2/bot/user/{friend.id}/richmenu")).status_code == 200
    assert platform.menus.shown_id(friend) == ids[0]
    assert (await api.delete(f"/v2/bot/richmenu/{ids[0]}")).status_code == 200
    assert platform.menus.shown_id(friend) is None
    assert (await api.get(f"/v2/bot/richmenu/{ids[0]}")).status_code == 404


async def test_rich_menu_alias(here: Town) -> None:
    """Aliases name menus, and a switch links the menu and tells it as a postback."""
    api = here.api
    friend = here.platform.add_resident("はるか")
    made = (await api.post("/v2/bot/richmenu", json=menu())).json()["richMenuId"]
    await api.post(f"/v2/bot/richmenu/{made}/content", content=b"\x89PNG", headers={"content-type": "image/png"})
    alias = {"richMenuAliasId": "tab-en", "richMenuId": made}
    assert (await api.post("/v2/bot/richmenu/alias", json=alias)).status_code == 200
    assert (await api.post("/v2/bot/richmenu/alias", json=alias)).status_code == 400
    assert (await api.post("/v2/bot/richmenu/alias", json={**alias, "richMenuAliasId": "UPPER"})).status_code == 400
    assert (await api.get("/v2/bot/richmenu/alias/tab-en")).json() == alias
    assert (await api.get("/v2/bot/richmenu/alias/list")).json() == {"aliases": [alias]}
    assert (await api.post("/v2/bot/richmenu/alias/tab-en", json={"richMenuId": made})).status_code == 200
    await here.platform.act(friend, {"type": "richmenuswitch", "richMenuAliasId": "tab-en", "data": "lang:en"})
    assert here.desk.events[-1]["postback"] == {
        "data": "lang:en",
        "params": {"newRichMenuAliasId": "tab-en", "status": "SUCCESS"},
    }
    assert friend.rich_menu == made
    assert (await api.delete("/v2/bot/richmenu/alias/tab-en")).status_code == 200
    assert (await api.delete("/v2/bot/richmenu/alias/tab-en")).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": {"width": 700, "height": 300}},
        {"size": {"width": 1000, "height": 900}},
        {"chatBarText": "あ" * 15},
        {"selected": None},
        {"areas": [{"bounds": {"x": 2000, "y": 0, "width": 600, "height": 10}, "action": {"type": "message"}}]},
    ],
)
async def test_rich_menu_refused(here: Town, wrong: dict[str, Any]) -> None:
    """A menu of the wrong size, words or areas is 400, in creation and in validation."""
    for path in ("/v2/bot/richmenu", "/v2/bot/richmenu/validate"):
        assert (await here.api.post(path, json=menu(**wrong))).status_code == 400
    assert (await here.api.post("/v2/bot/richmenu/validate", json=menu())).status_code == 200


async def test_info_and_endpoint(here: Town) -> None:
    """The account tells its ids, and its webhook URL can be read, set and tested."""
    info = (await here.api.get("/v2/bot/info")).json()
    assert (info["userId"], info["basicId"], info["chatMode"]) == (DESTINATION, "@hinata-demo", "bot")
    path = "/v2/bot/channel/webhook/endpoint"
    assert (await here.api.get(path)).json() == {"endpoint": "http://desk.test/line/webhook", "active": True}
    tested = (await here.api.post("/v2/bot/channel/webhook/test", json={})).json()
    assert (tested["success"], tested["statusCode"], tested["reason"]) == (True, 200, "OK")
    for wrong in ("http://example.com/webhook", "https://example.com/" + "a" * 500, 5):
        assert (await here.api.put(path, json={"endpoint": wrong})).status_code == 400
    assert (await here.api.put(path, json={"endpoint": "https://example.com/line"})).status_code == 200
    assert here.platform.webhooks.url == "https://example.com/line"


async def test_group(here: Town) -> None:
    """A group's events come from the group; the account answers into it, leaves once, and is then gone."""
    mother = here.platform.add_resident("はるか")
    group = await here.platform.join_group(mother, here.platform.add_resident("あおい"))
    assert here.desk.events[-1]["source"] == {"type": "group", "groupId": group.id}
    event = await here.platform.write(mother, "みんなへ", group=group)
    assert here.desk.events[-1]["source"] == {"type": "group", "groupId": group.id, "userId": mother.id}
    await here.reply(event.reply_token, text("失礼します"))
    assert [bubble.text for bubble in group.chat] == ["みんなへ", "失礼します"]
    assert mother.chat == []
    assert (await here.api.post(f"/v2/bot/room/{group.id}/leave")).status_code == 404
    assert (await here.api.post(f"/v2/bot/group/{group.id}/leave")).status_code == 200
    await here.platform.settle()
    assert here.desk.events[-1]["type"] == "leave"
    assert (await here.api.post(f"/v2/bot/group/{group.id}/leave")).status_code == 404


# --- faults ------------------------------------------------------------------------------------------------------


async def test_faults_before_and_after(here: Town) -> None:
    """A 500 before acceptance sends nothing; a 500 after it has sent, and the retry key then tells so."""
    friend, key = here.platform.add_resident("はるか"), str(uuid.uuid4())
    here.platform.faults.add("error", path="/push")
    assert (await here.push(friend.id, key=key)).status_code == 500
    assert friend.heard == []
    here.platform.faults.add("error", path="/push", after=True)
    assert (await here.push(friend.id, key=key)).status_code == 500
    assert len(friend.heard) == 1
    assert (await here.push(friend.id, key=key)).status_code == 409


async def test_faults_429(here: Town) -> None:
    """Both 429s can be asked for, with LINE's words; the monthly one meets only what is billed."""
    friend = here.platform.add_resident("はるか")
    here.platform.faults.add("rate", times=2)
    here.platform.faults.add("monthly", times=None)
    assert (await here.push(friend.id)).json()["message"].startswith("The API rate limit")
    assert (await here.api.get("/v2/bot/info")).status_code == 429
    assert (await here.api.get("/v2/bot/info")).status_code == 200
    assert (await here.push(friend.id)).json() == {"message": "You have reached your monthly limit."}
    here.platform.faults.clear("monthly")
    assert (await here.push(friend.id)).status_code == 200


async def test_fault_stale_token(here: Town) -> None:
    """Reply tokens can be made to count as expired."""
    friend = here.platform.add_resident("はるか")
    event = await here.platform.write(friend, "一")
    here.platform.faults.add("stale_token")
    assert (await here.reply(event.reply_token)).json() == STALE
    assert (await here.reply(event.reply_token)).status_code == 200


async def test_broken_connections_over_sockets(here: Town) -> None:
    """Over a real socket a reset breaks off and a time-out stays silent, before or after the message was accepted."""
    friend = here.platform.add_resident("はるか")
    body = {"to": friend.id, "messages": [text("一")]}
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with (
        served(here.app) as base,
        httpx.AsyncClient(base_url=base + "/simulator", headers=headers, timeout=0.3, trust_env=False) as api,
    ):
        for after, seen in ((False, 0), (True, 1)):
            here.platform.faults.add("reset", after=after)
            with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
                await api.post("/v2/bot/message/push", json=body)
            assert len(friend.heard) == seen
        here.platform.faults.add("timeout", after=True)
        with pytest.raises(httpx.ReadTimeout):
            await api.post("/v2/bot/message/push", json=body)
        assert len(friend.heard) == 2
        here.platform.faults.add("timeout", seconds=0.05)
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await api.post("/v2/bot/message/push", json=body)
        assert (await api.post("/v2/bot/message/push", json=body)).status_code == 200
        assert len(friend.heard) == 3


async def test_broken_connection_in_process(here: Town) -> None:
    """Without a socket a client sees a broken connection as a read error."""
    here.platform.faults.add("reset")
    with pytest.raises(httpx.ReadError):
        await here.api.get("/v2/bot/info")


# --- the driver --------------------------------------------------------------------------------------------------


async def test_tap(here: Town) -> None:
    """A tap finds quick replies of the last bubble only, buttons in any bubble, and nothing that is not there."""
    mother = here.platform.add_resident("はるか")
    postback = {"type": "postback", "label": "はい", "data": "yes", "displayText": "はい！"}
    item = {"type": "action", "action": postback}
    link = {"type": "uri", "label": "地図", "uri": "https://example.com/map"}
    button = {"type": "button", "action": link}
    flex = {"type": "bubble", "body": {"type": "box", "layout": "vertical", "contents": [button]}}
    card = {"type": "flex", "altText": "場所", "contents": flex}
    await here.push(mother.id, card, text("いいですか") | {"quickReply": {"items": [item]}})
    assert await here.platform.tap(mother, "地図") == link
    assert mother.heard[0].text == "地図"
    await here.platform.tap(mother, "はい")
    assert here.desk.events[-1]["postback"] == {"data": "yes"}
    assert mother.chat[-1].text == "はい！"
    with pytest.raises(RefusedError):
        await here.platform.tap(mother, "はい")


async def test_blocked_cannot_write(here: Town) -> None:
    """Who blocked the account cannot write; unblocking is told as a follow."""
    mother = here.platform.add_resident("はるか")
    await here.platform.block("はるか")
    with pytest.raises(RefusedError):
        await here.platform.write(mother, "一")
    await here.platform.unblock(mother)
    assert here.desk.events[-1]["follow"] == {"isUnblocked": True}
    await here.platform.write(mother, "一")


async def test_unsend_empties_the_bubble(here: Town) -> None:
    """Taking a message back empties its bubble; only own messages can be taken back."""
    mother = here.platform.add_resident("はるか")
    event = await here.platform.write(mother, "まちがえた")
    await here.push(mother.id, text("はい"))
    await here.platform.unsend(mother, event)
    assert here.desk.events[-1]["unsend"] == {"messageId": event.message_id}
    assert (mother.chat[0].kind, mother.chat[0].text) == ("unsent", "")
    assert "まちがえた" not in json.dumps([bubble.message for bubble in mother.chat], ensure_ascii=False)
    with pytest.raises(RefusedError):
        await here.platform.unsend(mother, mother.heard[0])


async def test_accepted_bodies_are_kept_and_judged_by_the_spec(here: Town, shared: Path) -> None:
    """Every accepted body is kept, and LINE's own schema finds nothing in it."""
    friend = here.platform.add_resident("はるか")
    event = await here.platform.write(friend, "一")
    await here.reply(event.reply_token)
    await here.push(friend.id)
    await here.push(friend.id, text(""))
    kinds = {"reply": "ReplyMessageRequest", "push": "PushMessageRequest"}
    assert [sent.kind for sent in here.platform.sent] == ["reply", "push"]
    for sent in here.platform.sent:
        assert spec_errors(shared, "messaging-api.yml", kinds[sent.kind], sent.body) == []
    assert len(here.platform.refused) == 1


async def test_mounted_in_a_parent(here: Town) -> None:
    """A parent application may mount it too, as the demo does."""
    from starlette.applications import Starlette
    from starlette.routing import Mount

    parent = Starlette(routes=[Mount("/simulator", create_app(here.platform))])
    transport = httpx.ASGITransport(app=parent)
    async with httpx.AsyncClient(transport=transport, base_url="http://demo.test", trust_env=False) as client:
        headers = {"authorization": f"Bearer {TOKEN}"}
        assert (await client.get("/simulator/v2/bot/info", headers=headers)).status_code == 200
        greeting = await client.get("/simulator/R/oaMessage/%40hinata-demo/?%E3%81%AF%E3%81%84%20a+b")
        assert greeting.headers["location"] == "/simulator/?greeting=%E3%81%AF%E3%81%84%20a%2Bb"
        assert (await client.get("/simulator/R/oaMessage/%40other/?x")).status_code == 404
        profile = await client.get("/simulator/R/ti/p/%40hinata-demo")
        assert profile.headers["location"] == "/simulator/"
        assert (await client.get("/simulator/R/ti/p/%40other")).status_code == 404
