"""LINE's webhook keeps what is LINE's, refuses what is not, and never shows how it works inside."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote, unquote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.applications import Starlette

from bot import campaigns, web
from bot.errors import LineRefusedError
from bot.inbox import Intake
from bot.line import webhook
from bot.models import Base, Inbox, Lane
from bot.store import Store
from tests.pipeline import BOT, NOW, NOW_MS, SECRET, Desks, Echo, body, event, text, user


class Door:
    """Hold a client that talks to the routes in this process."""

    def __init__(self, store: Store, client: httpx.AsyncClient, desks: Desks) -> None:
        self.store = store
        self.client = client
        self.desks = desks

    async def post(self, raw: bytes, *, secret: str = SECRET, **headers: str) -> httpx.Response:
        signed = {"x-line-signature": webhook.signature(raw, secret)} | headers
        return await self.client.post("/line/webhook", content=raw, headers=signed)

    async def kept(self) -> int:
        return await self.store.read(lambda s: s.scalar(select(func.count()).select_from(Inbox))) or 0


@pytest.fixture
async def door(sqlite_store: Store) -> AsyncIterator[Door]:
    """Give the webhook of a running desk, with a channel secret that is being changed."""
    desks = Desks(sqlite_store)
    doors = web.Doors(
        store=sqlite_store,
        intake=Intake(sqlite_store),
        clock=desks.clock,
        secrets=lambda: (SECRET, "the-new-secret"),
        destination=lambda: BOT,
        scan=Echo().scan,
        line=desks.line,
        basic_id=lambda: "@hinata",
        ready={"worker": lambda: True},
    )
    app = web.SecurityHeaders(Starlette(routes=list(web.routes(doors))), https=True)
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="https://desk.example") as client:
        yield Door(sqlite_store, client, desks)


def test_the_signature_is_lines_own() -> None:
    """The vector of LINE's documents comes out (facts/line.md 1)."""
    raw = b'{"destination":"U8e742f61d673b39c7fff3cecb7536ef0","events":[]}'
    assert webhook.signature(raw, "8c570fa6dd201bb328f1c1eac23a96d8") == "GhRKmvmHys4Pi8DxkF4+EayaH0OqtJtaZxgTD9fMDLs="


async def test_signed_words_are_kept_and_answered_200(door: Door) -> None:
    """Both secrets of a rotation count, and the header's name may be written in any case."""
    raw = body(text("a"))
    assert (await door.post(raw)).status_code == 200
    assert (await door.post(body(text("b")), secret="the-new-secret")).status_code == 200
    signed = {"X-LINE-SIGNATURE": webhook.signature(raw, SECRET)}
    assert (await door.client.post("/line/webhook", content=raw, headers=signed)).status_code == 200
    assert await door.kept() == 2


@pytest.mark.parametrize("signature", ["", "AAAA", "☃", webhook.signature(b"other", SECRET), "=" * 500])
async def test_wrong_signatures_keep_nothing(door: Door, signature: str) -> None:
    """Missing, broken and foreign signatures are refused alike."""
    headers = {"x-line-signature": signature.encode()} if signature else {}
    answer = await door.client.post("/line/webhook", content=body(text("a")), headers=headers)
    assert answer.status_code == 401
    assert await door.kept() == 0


async def test_one_changed_byte_is_refused(door: Door) -> None:
    """The signature covers the raw bytes."""
    raw = body(text("a"))
    for position in range(0, len(raw), 17):
        changed = raw[:position] + bytes([raw[position] ^ 1]) + raw[position + 1 :]
        answer = await door.client.post(
            "/line/webhook", content=changed, headers={"x-line-signature": webhook.signature(raw, SECRET)}
        )
        assert answer.status_code == 401
    assert await door.kept() == 0


async def test_the_verify_button_is_answered(door: Door) -> None:
    """A call with no events, and the old dummy events, are 200 and leave nothing behind."""
    assert (await door.post(body())).status_code == 200
    assert (await door.post(body(destination="Uanother"))).status_code == 200
    dummies = [text("hello", replyToken="0" * 32), text("hello", replyToken="f" * 32)]
    assert (await door.post(body(*dummies))).status_code == 200
    assert await door.kept() == 0


@pytest.mark.parametrize(
    "raw", [b"", b"not json", b"[]", b"{}", b'{"events": {}}', b'{"events": "x"}', b"\xff\xfe", b"[" * 100_000]
)
async def test_what_is_no_webhook_is_a_400(door: Door, raw: bytes) -> None:
    """A right signature on a wrong shape is refused without a traceback."""
    answer = await door.post(raw)
    assert answer.status_code == 400
    assert "Traceback" not in answer.text
    assert await door.kept() == 0


async def test_a_large_body_is_refused(door: Door) -> None:
    """More than a megabyte is 413, declared or streamed."""
    raw = body(text("あ" * 400_000))
    assert (await door.post(raw)).status_code == 413

    async def stream() -> AsyncIterator[bytes]:
        yield raw[:700_000]
        yield raw[700_000:]

    headers = {"x-line-signature": webhook.signature(raw, SECRET)}
    assert (await door.client.post("/line/webhook", content=stream(), headers=headers)).status_code == 413
    assert await door.kept() == 0


async def test_another_bots_events_are_refused(door: Door) -> None:
    """One install serves one channel: a foreign destination is a 4xx and nothing is kept."""
    assert (await door.post(body(text("a"), destination="U" + "c" * 32))).status_code == 403
    assert await door.kept() == 0


async def test_what_line_invents_later_is_kept_as_unknown(door: Door) -> None:
    """New event types, message types, modes and properties lose no neighbour and no words."""
    events = [
        event("telepathy", thought={"deep": True}),
        event(message={"id": "1", "type": "hologram", "new": [1]}),
        text("ふつう", mode="sideways", surprise=[{}]),
        event(message={"type": "sticker", "id": "2", "stickerResourceType": "SMELL"}),
    ]
    assert (await door.post(body(*events))).status_code == 200
    assert await door.kept() == 4
    await door.desks.worker().drain()
    kinds = [webhook.inbound(e, first_contact=False).kind for e in events]
    assert kinds == ["unknown", "unknown", "text", "sticker"]


async def test_events_that_concern_no_resident_are_passed_over(door: Door) -> None:
    """Groups, silent kinds and events without a person are 200 and not kept."""
    nobody = text("x", source={"type": "user"})
    group = text("ひみつ", source={"type": "group", "groupId": "G1", "userId": user()})
    assert (await door.post(body(nobody, group, event("videoPlayComplete"), event("beacon")))).status_code == 200
    assert await door.kept() == 0


async def test_the_desk_leaves_groups_politely(door: Door) -> None:
    """It says why, leaves, and keeps no word of it (CARE C22)."""
    joined = event("join", source={"type": "group", "groupId": "G1"}, replyToken="token-of-the-group")
    talk = text("ひみつ", source={"type": "room", "roomId": "R1", "userId": user()})
    assert (await door.post(body(joined, talk))).status_code == 200
    assert door.desks.line.left == [("group", "G1"), ("room", "R1")]
    assert door.desks.line.said == [web.FAREWELL]
    assert await door.kept() == 0


async def test_the_scan_after_the_200_lets_an_emergency_go_first(door: Door) -> None:
    """The lane's priority is raised by patterns only, before understanding runs."""
    await door.post(body(text("ふつう", who=1)))
    await door.post(body(text("emergency", who=2)))
    lanes = await door.store.read(lambda s: list(s.scalars(select(Lane.priority).order_by(Lane.run_db))))
    assert lanes == [0, 3]


async def test_a_database_that_refuses_is_a_503_and_no_200(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a commit LINE hears no 200, so that it may deliver the event again."""

    async def broken(*_args: Any, **_more: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(door.store, "write", broken)
    answer = await door.post(body(text("a", event_id="E1")))
    assert answer.status_code == 503
    assert "disk" not in answer.text
    monkeypatch.undo()
    assert (await door.post(body(text("a", event_id="E1")))).status_code == 200
    assert await door.kept() == 1


async def test_redelivery_in_parallel_is_always_200(door: Door) -> None:
    """Five deliveries of one event at the same moment are all answered and kept once."""
    raw = body(text("a", event_id="E1"))
    answers = await asyncio.gather(*(door.post(raw) for _ in range(5)))
    assert {a.status_code for a in answers} == {200}
    assert await door.kept() == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(
    ["type", "mode", "timestamp", "source", "webhookEventId", "replyToken", "message", "postback", "unsend", "x"]
)
kinds = st.sampled_from(["message", "postback", "unsend", "follow", "unfollow", "text", "location", "user", "group"])
inner_keys = st.sampled_from(["type", "userId", "id", "text", "latitude", "longitude", "data", "params", "messageId"])
strange_events = st.dictionaries(keys, json_values | kinds | st.dictionaries(inner_keys, json_values | kinds))


@given(st.lists(strange_events | json_values, max_size=4))
def test_no_event_can_break_the_reading(events: list[Any]) -> None:
    """Whatever stands in an event, reading it and turning it into an Inbound never fails."""
    delivery = webhook.read(json.dumps({"destination": "U", "events": events}).encode())
    for found in delivery.events:
        assert found.event_id.isascii()
        inbound = webhook.inbound(found.raw, first_contact=True)
        inbound.text.encode()
        webhook.is_talk(found)
        webhook.words(found.raw).encode()


@given(st.binary(max_size=200))
def test_no_bytes_can_break_the_reading(raw: bytes) -> None:
    """Any bytes are a delivery or a LineRefusedError."""
    with suppress(LineRefusedError):
        webhook.read(raw)


def test_events_become_what_residents_did() -> None:
    """Each kind of LINE is one kind of Inbound, with what matters of it."""

    def seen(raw: dict[str, Any]) -> Any:
        return webhook.inbound(raw, first_contact=False)

    place = event(message={"type": "location", "id": "9", "latitude": 35.1, "longitude": 139, "address": "ひなた市"})
    assert (seen(place).kind, seen(place).point.longitude, seen(place).point.address) == ("place", 139.0, "ひなた市")
    choice = seen(event("postback", postback={"data": "menu.open", "params": {"date": "2026-11-24"}}))
    assert (choice.kind, choice.act, choice.text) == ("choice", "menu.open", "2026-11-24")
    assert seen(event("unsend", unsend={"messageId": "m1"})).message_id == "m1"
    assert [seen(event(k)).kind for k in ("follow", "unfollow")] == ["follow", "unfollow"]
    assert seen(event(message={"type": "image", "id": "3"})).kind == "image"
    assert seen(text("half 😀 \ud83d")).text.startswith("half 😀 ")
    assert seen(text("  ")).kind == "unknown"
    assert seen(text("a")).at.timestamp() * 1000 == NOW_MS


# --- QR, health, headers ---------------------------------------------------------------------------------------------


PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Mobile/15E148"
COMPUTER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/150"


async def print_card(door: Door, **more: Any) -> None:
    """Make the campaign K7F3, in Vietnamese and Japanese."""
    given = {"moment": "home_visit", "place": "", "languages": ("vi", "ja"), "greetings": {}, "at": NOW} | more
    await door.store.write(lambda s: campaigns.add(s, token="K7F3", **given))


async def scan(door: Door, path: str, browser: str = PHONE, **headers: str) -> httpx.Response:
    """Open the address of a code as a browser does."""
    return await door.client.get(path, headers={"user-agent": browser, **headers})


async def scans(door: Door) -> dict[str, int]:
    """Return the scans by language."""
    found = await door.store.read(campaigns.counted)
    return {language: count for one in found for (_day, language), count in one.scans.items()}


@pytest.mark.parametrize(
    ("path", "wanted", "greeting", "language"),
    [
        ("/q/K7F3?l=ja", "vi", "%E3%81%AF%E3%81%98%E3%82%81%E3%82%8B%20%5BK7F3%5D", "ja"),
        ("/q/k7f3", "en-GB,en;q=0.9", "Start%20%5BK7F3%5D", "en"),
        ("/q/K7F3?l=tlh", "zh-TW", "%E9%96%8B%E5%A7%8B%20%5BK7F3%5D", "zh-Hant"),
        ("/q/K7F3", "fr", "B%E1%BA%AFt%20%C4%91%E1%BA%A7u%20%5BK7F3%5D", "vi"),
    ],
)
async def test_a_card_opens_line_with_its_code(
    door: Door, path: str, wanted: str, greeting: str, language: str
) -> None:
    """The greeting is in the printed language, else the phone's, else the card's; percent-encoded as LINE wants it."""
    await print_card(door)
    answer = await scan(door, path, **{"accept-language": wanted})
    assert answer.status_code == 302
    assert answer.headers["location"] == f"https://line.me/R/oaMessage/%40hinata/?{greeting}"
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    assert await scans(door) == {language: 1}


async def test_a_scan_is_a_number_and_nothing_else(door: Door) -> None:
    """Neither the address nor the browser of who scanned is in any table."""
    await print_card(door)
    await scan(door, "/q/K7F3?l=vi", f"{PHONE} NOBODY-ELSE-HAS-THIS", **{"x-forwarded-for": "203.0.113.77"})

    def everything(session: Session) -> str:
        rows = [session.execute(table.select()).all() for table in Base.metadata.sorted_tables]
        return repr(rows)

    kept = await door.store.read(everything)
    assert "'vi', 1)" in kept
    assert "NOBODY-ELSE" not in kept
    assert "203.0.113" not in kept


async def test_what_is_no_phone_is_shown_the_page_of_the_card(door: Door) -> None:
    """A computer cannot open LINE with words (facts/line.md 4); it and machines that look at links count nothing."""
    await print_card(door)
    for browser in (COMPUTER, "Googlebot/2.1 (Linux; Android 6.0.1; Nexus 5X)", ""):
        answer = await scan(door, "/q/K7F3", browser, **{"accept-language": "pt-BR"})
        assert (answer.status_code, answer.headers["location"]) == (302, "/public/pt-BR/card/K7F3")
    head = await door.client.head("/q/K7F3", headers={"user-agent": PHONE})
    assert head.status_code == 302
    assert await scans(door) == {}


@pytest.mark.parametrize("token", ["NONE", "<script>", "%00", "K" * 500, "K7F3"])
async def test_an_unknown_or_ended_card_lands_kindly(door: Door, token: str) -> None:
    """A torn or old code leads to the page that says how to reach the desk, and counts nothing."""
    await print_card(door)
    await door.store.write(lambda s: campaigns.end(s, "K7F3", NOW))
    answer = await scan(door, f"/q/{token}", **{"accept-language": "vi"})
    assert answer.status_code == 302
    assert answer.headers["location"] == f"/public/vi/card/{quote(unquote(token), safe='')}"
    assert await scans(door) == {}


async def test_health_and_readiness(door: Door) -> None:
    """Alive says that the process runs; ready says that the database writes and the roof's checks are well."""
    assert (await door.client.get("/healthz")).status_code == 200
    answer = await door.client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"database": True, "worker": True})


async def test_every_answer_carries_the_headers(door: Door) -> None:
    """Strict policy, no sniffing, no referrer, transport security; private pages are never stored."""
    for path in ("/healthz", "/nowhere", "/q/x", "/console/queue"):
        headers = (await door.client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["strict-transport-security"] == "max-age=31536000"
        assert (headers.get("cache-control") == "no-store") == path.startswith(("/console", "/q/"))
