"""The simulator's webhooks are LINE's: signed bytes, ids, times, redelivery, duplicates, order, deadline."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from simulator_stand_in import DESTINATION, SECRET, Town, served, spec_errors, town
from ulid import ULID

from bot.opening import TOKYO
from bot.simulator.outgoing import DEADLINE, sign
from bot.simulator.platform import Platform


@pytest.fixture
async def here() -> AsyncIterator[Town]:
    async with town() as one:
        yield one


def test_signature_vector() -> None:
    """The signature is LINE's published test vector (facts/line.md 1)."""
    body = b'{"destination":"U8e742f61d673b39c7fff3cecb7536ef0","events":[]}'
    assert sign(SECRET, body) == "GhRKmvmHys4Pi8DxkF4+EayaH0OqtJtaZxgTD9fMDLs="


async def test_verify_call(here: Town) -> None:
    """The verify call carries no events, in exactly the bytes of the test vector."""
    attempt = await here.platform.verify()
    assert (attempt.status, attempt.reason) == (200, "OK")
    assert here.desk.bodies == [b'{"destination":"U8e742f61d673b39c7fff3cecb7536ef0","events":[]}']


async def test_event_fields(here: Town) -> None:
    """An event has a ULID of its own time, the phone's clock in ms, mode, source, reply token and delivery context."""
    night = datetime(2026, 11, 21, 2, 10, tzinfo=TOKYO)
    here.clock.set(night, running=False)
    mother = here.platform.add_resident("はるか")
    event = await here.platform.write(mother, "眠れません")
    (body,) = here.desk.callbacks
    assert body["destination"] == DESTINATION
    (sent,) = body["events"]
    assert sent["timestamp"] == int(night.timestamp() * 1000)
    assert ULID.from_str(sent["webhookEventId"]).datetime == night.astimezone(UTC)
    assert sent["mode"] == "active"
    assert sent["source"] == {"type": "user", "userId": mother.id}
    assert sent["deliveryContext"] == {"isRedelivery": False}
    assert sent["replyToken"] == event.reply_token
    assert sent["message"]["text"] == "眠れません"
    assert mother.chat[0].at == night


async def test_times_go_forward_on_a_frozen_clock(here: Town) -> None:
    """Events of one frozen moment still come one after the other; a clock set back is believed."""
    here.clock.set(datetime(2026, 11, 21, 2, 10, tzinfo=TOKYO), running=False)
    mother = here.platform.add_resident("はるか")
    stamps = [(await here.platform.write(mother, str(n))).body["timestamp"] for n in range(3)]
    assert stamps == [stamps[0], stamps[0] + 1, stamps[0] + 2]
    here.clock.set(datetime(2026, 11, 20, 2, 10, tzinfo=TOKYO), running=False)
    assert (await here.platform.write(mother, "昨日")).body["timestamp"] == stamps[0] - 24 * 3600 * 1000


async def test_every_event_kind_is_valid(here: Town, shared: Path) -> None:
    """Everything a resident can do makes a webhook body that LINE's own schema accepts."""
    platform = here.platform
    mother = platform.add_resident("はるか", friend=False)
    await platform.follow(mother)
    event = await platform.write(mother, "こんにちは🍎")
    await platform.send_sticker(mother, keywords=["smile"])
    await platform.send_location(mother, 35.7, 139.4, title="ひなた駅", address="ひなた市駅前")
    await platform.send_location(mother, 35.7, 139.4)
    await platform.send_image(mother)
    await platform.press(mother, "find.topic:nursery", "保育所")
    await platform.press(mother, "when", params={"date": "2026-11-21"})
    await platform.unsend(mother, event)
    group = await platform.join_group(mother)
    await platform.write(mother, "みんなへ", group=group)
    await platform.join_group(mother, room=True)
    platform.leave(group.id, "group")
    await platform.settle()
    await platform.block(mother)
    await platform.unblock(mother)
    await platform.verify()
    await platform.redeliver(event)
    kinds = {event["type"] for event in here.desk.events}
    assert kinds == {"follow", "message", "postback", "unsend", "join", "leave", "unfollow"}
    for body in here.desk.callbacks:
        assert spec_errors(shared, "webhook.yml", "CallbackRequest", body) == []


async def test_no_reply_token_where_line_has_none(here: Town) -> None:
    """Unsend, unfollow and leave carry no reply token; a follow does."""
    mother = here.platform.add_resident("はるか")
    event = await here.platform.write(mother, "一")
    for silent in (await here.platform.unsend(mother, event), await here.platform.block(mother)):
        assert "replyToken" not in silent.body
    assert "replyToken" in (await here.platform.follow(mother)).body


async def test_unknown_event(here: Town) -> None:
    """An event that LINE has yet to invent can happen."""
    mother = here.platform.add_resident("はるか")
    await here.platform.happen(mother, "teleported", teleport={"to": "moon"})
    assert here.desk.events[-1]["teleport"] == {"to": "moon"}


async def test_redelivery(here: Town) -> None:
    """Without a 2xx and with redelivery on, the same event comes again, marked as redelivered, until it is taken."""
    mother = here.platform.add_resident("はるか")
    here.desk.statuses = [500]
    event = await here.platform.write(mother, "一")
    assert (event.delivered, event.attempts[0].reason) == (False, "ERROR_STATUS_CODE")
    await here.platform.settle()
    assert len(here.desk.events) == 1
    here.platform.webhooks.redelivery = True
    here.platform.webhooks.delays = (0.0, 0.0, 0.0)
    here.desk.statuses = [503, 503]
    event = await here.platform.write(mother, "二")
    await here.platform.settle()
    first, second, third = here.desk.events[1:]
    assert event.delivered
    assert [one["deliveryContext"]["isRedelivery"] for one in (first, second, third)] == [False, True, True]
    first["deliveryContext"] = second["deliveryContext"]
    assert first == second == third


async def test_redeliver_what_failed(here: Town) -> None:
    """On demand everything that nobody took is redelivered, and only that."""
    mother = here.platform.add_resident("はるか")
    here.desk.statuses = [500, 200]
    await here.platform.write(mother, "一")
    await here.platform.write(mother, "二")
    await here.platform.redeliver()
    assert [event["message"]["text"] for event in here.desk.events] == ["一", "二", "一"]
    assert await here.platform.redeliver() == []


async def test_duplicates(here: Town) -> None:
    """A duplicate has the same id and does not say that it is one; every event can be sent twice."""
    mother = here.platform.add_resident("はるか")
    await here.platform.write(mother, "一")
    await here.platform.duplicate()
    first, second = here.desk.events
    assert first == second
    here.platform.webhooks.copies = 2
    await here.platform.write(mother, "二")
    assert len({event["webhookEventId"] for event in here.desk.events[2:]}) == 1
    assert len(here.desk.events) == 4


async def test_order_and_batches(here: Town) -> None:
    """What was held back comes reversed, or in one body with events of several residents."""
    mother, father = here.platform.add_resident("はるか"), here.platform.add_resident("まこと")

    async def both() -> None:
        here.platform.hold()
        await here.platform.write(mother, "一")
        await here.platform.write(father, "二")
        assert mother.chat[-1].text == "一"

    await both()
    assert here.desk.bodies == []
    await here.platform.release(reverse=True)
    assert [event["message"]["text"] for event in here.desk.events] == ["二", "一"]
    await both()
    await here.platform.release(together=True)
    batch = here.desk.callbacks[-1]["events"]
    assert [event["source"]["userId"] for event in batch] == [mother.id, father.id]
    await here.platform.write(mother, "三")
    assert len(here.desk.bodies) == 4


async def test_deadline() -> None:
    """Who does not answer in time counts as timed out, although the event may have arrived; LINE's limit is 2 s."""
    assert DEADLINE == 2.0
    async with town(deadline=0.05) as here:
        here.desk.silent = True
        event = await here.platform.write(here.platform.add_resident("はるか"), "一")
        assert (event.attempts[0].status, event.attempts[0].reason) == (0, "REQUEST_TIMEOUT")
        assert len(here.desk.events) == 1


async def test_webhook_off(here: Town) -> None:
    """With webhooks off nothing is sent."""
    here.platform.webhooks.active = False
    event = await here.platform.write(here.platform.add_resident("はるか"), "一")
    assert (here.desk.bodies, event.attempts) == ([], [])


async def test_over_sockets(here: Town) -> None:
    """Over a real socket the desk gets the signed bytes; a port where nobody listens is could-not-connect."""
    async with served(here.desk.app) as base:
        settings: dict[str, Any] = {"channel_secret": SECRET, "access_token": "t", "destination": DESTINATION}
        async with Platform(**settings, webhook_url=f"{base}/line/webhook", clock=here.clock) as platform:
            event = await platform.write(platform.add_resident("はるか"), "こんばんは")
            assert event.delivered
            assert json.loads(here.desk.bodies[-1])["events"][0]["message"]["text"] == "こんばんは"
            platform.webhooks.url = "http://127.0.0.1:9/line/webhook"
            event = await platform.write("はるか", "だれも")
            assert event.attempts[0].reason == "COULD_NOT_CONNECT"


async def test_wrong_secret_is_refused_by_the_desk(here: Town) -> None:
    """A body signed with another secret does not pass the stand-in desk, so the signature is really checked here."""
    here.platform.webhooks.secret = "another"
    event = await here.platform.write(here.platform.add_resident("はるか"), "一")
    assert (event.attempts[0].status, here.desk.bodies) == (400, [])


async def test_reply_inside_the_webhook(here: Town) -> None:
    """A desk may reply before it has answered the webhook."""
    mother = here.platform.add_resident("はるか")
    seen: list[int] = []

    async def eager(request: httpx.Request) -> httpx.Response:
        token = json.loads(request.content)["events"][0]["replyToken"]
        seen.append((await here.reply(token)).status_code)
        return httpx.Response(200)

    here.platform.webhooks._transport = httpx.MockTransport(eager)
    await here.platform.write(mother, "一")
    assert seen == [200]
    assert len(mother.heard) == 1
