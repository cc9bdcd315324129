"""The door to LINE: what each answer and each failure of the network becomes."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.errors import LineRefusedError, LineUnreachableError
from bot.line.client import Answer, LineClient, Quota
from tests.conftest import free_port

MESSAGES = [{"type": "text", "text": "こんにちは"}]
KEY = uuid.UUID("00000000-0000-4000-8000-000000000001")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Line:
    """Answer one request as the test says, and remember it."""

    def __init__(self) -> None:
        self.handler: Handler = self.ok
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []

    async def ok(self, _request: web.Request) -> web.Response:
        return web.json_response({"sentMessages": []}, headers={"x-line-request-id": "r-1"})

    async def serve(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append((request.method, request.path, headers, await request.read()))
        return await self.handler(request)

    def say(self, status: int, body: object, **headers: str) -> None:
        async def handler(_request: web.Request) -> web.Response:
            return web.json_response(body, status=status, headers=headers)

        self.handler = handler


@pytest.fixture
async def line() -> AsyncIterator[tuple[Line, LineClient]]:
    """Give a LINE on loopback and a client that speaks to it."""
    stand_in = Line()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", stand_in.serve)
    server = TestServer(app)
    await server.start_server()
    client = LineClient(str(server.make_url("")), "token-1", timeout_seconds=0.3)
    await client.open()
    yield stand_in, client
    await client.close()
    await server.close()


async def test_a_reply_carries_no_retry_key(line: tuple[Line, LineClient]) -> None:
    """LINE refuses a reply with a retry key, so it has none; the body is UTF-8 JSON under our token."""
    stand_in, client = line
    assert await client.reply("t", MESSAGES) == Answer(200, "", "r-1")
    ((method, path, headers, body),) = stand_in.requests
    assert (method, path) == ("POST", "/v2/bot/message/reply")
    assert json.loads(body) == {"replyToken": "t", "messages": MESSAGES}
    assert headers["authorization"] == "Bearer token-1"
    assert headers["content-type"] == "application/json"
    assert "x-line-retry-key" not in headers


async def test_a_push_carries_its_key(line: tuple[Line, LineClient]) -> None:
    """The stored key goes along, and 409 brings the id of the request that was accepted."""
    stand_in, client = line
    stand_in.say(409, {"message": "The retry key is already accepted"}, **{"x-line-accepted-request-id": "first"})
    answer = await client.push("U1", MESSAGES, KEY)
    assert (answer.status, answer.request_id) == (409, "first")
    assert stand_in.requests[0][2]["x-line-retry-key"] == str(KEY)


async def test_what_line_says_is_handed_on(line: tuple[Line, LineClient]) -> None:
    """Status, message and Retry-After come through; a body that is no JSON is no error."""
    stand_in, client = line
    stand_in.say(429, {"message": "You have reached your monthly limit."}, **{"retry-after": "7"})
    assert await client.push("U1", MESSAGES, KEY) == Answer(429, "You have reached your monthly limit.", "", 7.0)

    async def page(_request: web.Request) -> web.Response:
        return web.Response(status=502, text="<html>bad gateway</html>")

    stand_in.handler = page
    assert await client.reply("t", MESSAGES) == Answer(502)


async def test_redirects_are_not_followed(line: tuple[Line, LineClient]) -> None:
    """Our token goes to LINE and nowhere else."""
    stand_in, client = line
    stand_in.say(302, {}, location="http://127.0.0.1:9/elsewhere")
    assert (await client.push("U1", MESSAGES, KEY)).status == 302
    assert len(stand_in.requests) == 1


async def test_no_answer_in_time_means_that_nobody_knows(line: tuple[Line, LineClient]) -> None:
    """A time-out and a broken connection are LineUnreachableError."""
    stand_in, client = line

    async def silence(_request: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    async def broken(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    for handler in (silence, broken):
        stand_in.handler = handler
        with pytest.raises(LineUnreachableError):
            await client.push("U1", MESSAGES, KEY)
        with pytest.raises(LineUnreachableError):
            await client.language("U1")


async def test_a_request_that_never_left_says_so() -> None:
    """Nobody listens there: status 0, so that the outbox knows that nothing arrived."""
    client = LineClient(f"http://127.0.0.1:{free_port()}", "t", timeout_seconds=1)
    await client.open()
    assert (await client.push("U1", MESSAGES, KEY)).status == 0
    with pytest.raises(LineUnreachableError):
        await client.bot_info()
    await client.close()


async def test_profiles_tell_language_and_presence(line: tuple[Line, LineClient]) -> None:
    """The language is "" when LINE keeps it, a 404 means unreachable, anything else is an error of its kind."""
    stand_in, client = line
    profile = {"userId": "U1", "displayName": "はな"}
    stand_in.say(200, {**profile, "language": "ne"})
    assert await client.language("U1") == "ne"
    stand_in.say(200, profile)
    assert await client.language("U1") == ""
    assert await client.reachable("U1")
    stand_in.say(404, {"message": "Not found"})
    assert not await client.reachable("U1")
    stand_in.say(401, {"message": "Authentication failed"})
    with pytest.raises(LineRefusedError) as refused:
        await client.reachable("U1")
    assert refused.value.reasons == ("401", "Authentication failed")
    stand_in.say(500, {"message": "x"})
    with pytest.raises(LineUnreachableError):
        await client.reachable("U1")
    stand_in.say(200, {"displayName": 3})
    with pytest.raises(LineRefusedError):
        await client.language("U1")


async def test_the_rest_of_lines_api(line: tuple[Line, LineClient]) -> None:
    """Quota, bot info, groups, loading, content and the webhook test go to their own paths."""
    stand_in, client = line

    async def api(request: web.Request) -> web.Response:
        answers: dict[str, object] = {
            "/v2/bot/message/quota": {"type": "limited", "value": 200},
            "/v2/bot/message/quota/consumption": {"totalUsage": 180},
            "/v2/bot/info": {
                "userId": "Ub", "basicId": "@hinata", "displayName": "ひなた市", "chatMode": "bot",
                "markAsReadMode": "auto",
            },
            "/v2/bot/channel/webhook/test": {
                "success": True, "timestamp": "2026-11-22T02:10:00Z", "statusCode": 200, "reason": "OK",
                "detail": "200",
            },
        }  # fmt: skip
        if request.path == "/v2/bot/message/1/content":
            return web.Response(body=b"\x89PNG")
        return web.json_response(answers.get(request.path, {}), status=202 if "loading" in request.path else 200)

    stand_in.handler = api
    assert await client.quota() == Quota(200, 180)
    assert (await client.quota()).left == 20
    assert (await client.bot_info()).basic_id == "@hinata"
    await client.leave("group", "G1")
    await client.leave("room", "R1")
    await client.start_loading("U1", 20)
    assert await client.content("1", 4) == b"\x89PNG"
    assert (await client.test_webhook()).success
    paths = [path for _, path, *_ in stand_in.requests]
    assert "/v2/bot/group/G1/leave" in paths
    assert "/v2/bot/room/R1/leave" in paths
    assert json.loads(stand_in.requests[paths.index("/v2/bot/chat/loading/start")][3]) == {
        "chatId": "U1",
        "loadingSeconds": 20,
    }
    with pytest.raises(LineRefusedError):
        await client.start_loading("U1", 7)
    stand_in.say(200, {"type": "none", "totalUsage": 3})
    assert (await client.quota()).left is None


async def test_a_new_token_is_used_at_once(line: tuple[Line, LineClient]) -> None:
    """After a rotation both doors carry the new token."""
    stand_in, client = line
    client.use_token("token-2")
    await client.reply("t", MESSAGES)
    stand_in.say(200, {"userId": "U1", "displayName": "d"})
    await client.language("U1")
    assert {headers["authorization"] for *_, headers, _ in stand_in.requests} == {"Bearer token-2"}


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        (202, LineUnreachableError, ""),  # LINE still prepares it
        (404, LineRefusedError, "404"),
        (410, LineRefusedError, "410"),
        (401, LineUnreachableError, ""),  # our token, not the picture
        (429, LineUnreachableError, ""),
        (500, LineUnreachableError, ""),
    ],
)
async def test_content_that_is_not_there_now_or_any_more(
    line: tuple[Line, LineClient], status: int, error: type[Exception], reason: str
) -> None:
    """What may come later is told apart from what is gone."""
    stand_in, client = line
    stand_in.say(status, {})
    with pytest.raises(error) as raised:
        await client.content("1?x", 4)
    assert getattr(raised.value, "reasons", ("",))[0] == reason
    ((method, path, _headers, _body),) = stand_in.requests
    assert (method, path) == ("GET", "/v2/bot/message/1?x/content")


async def test_content_is_read_no_further_than_its_limit(line: tuple[Line, LineClient]) -> None:
    """A stream that never ends, and tells no length, is left as soon as it is too long."""
    stand_in, client = line
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65_536)
            sent += 65_536

    stand_in.handler = endless
    with pytest.raises(LineRefusedError) as raised:
        await client.content("1", 1_000_000)
    assert raised.value.reasons[0] == "413"
    assert sent < 50_000_000
