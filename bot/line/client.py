"""Speak to LINE: replies and pushes over one shared aiohttp session, everything off the hot path by LINE's own SDK.

The rule: made inside a running loop (`open`), never at import; every call ends within seconds, and every failure is
either LineRefusedError (LINE said no: its first reason is the status) or LineUnreachableError (nobody knows).
Measurements behind the split: facts/performance.md, facts/line.md 7.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import quote

import aiohttp
from linebot.v3.messaging import (
    ApiException,
    AsyncApiClient,
    AsyncMessagingApi,
    AsyncMessagingApiBlob,
    Configuration,
    ShowLoadingAnimationRequest,
    TestWebhookEndpointRequest,
)

from bot.errors import LineRefusedError, LineUnreachableError
from bot.line.limits import check_loading

T = TypeVar("T")

TIMEOUT_SECONDS: Final = 5.0
POOL: Final = 256  # connections; LINE allows 2,000 requests a second on reply and push
LINE_HOST: Final = "https://api.line.me"  # with it the SDK finds the second host, api-data, by itself
LINE_DATA_HOST: Final = "https://api-data.line.me"
CONTENT_SECONDS: Final = 8.0  # for ten megabytes


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold what LINE answered to a reply or push. `status` 0 means that the request never left this machine."""

    status: int
    message: str = ""
    request_id: str = ""
    retry_after: float | None = None  # seconds


@dataclass(frozen=True, slots=True)
class Quota:
    """Hold this month's pushes: how many LINE allows (None = no limit), and how many are used, approximately."""

    limit: int | None
    used: int

    @property
    def left(self) -> int | None:
        """Return how many are left, None without a limit."""
        return None if self.limit is None else max(self.limit - self.used, 0)


@dataclass(frozen=True, slots=True)
class BotInfo:
    """Hold who this channel is: `user_id` is what webhooks call destination, `basic_id` begins with @."""

    user_id: str
    basic_id: str
    name: str


@dataclass(frozen=True, slots=True)
class WebhookTest:
    """Hold what LINE found when it called our webhook."""

    success: bool
    status: int
    reason: str
    detail: str


class LineClient:
    """Be the one door to LINE."""

    def __init__(self, api_base: str, access_token: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self.api_base = api_base.rstrip("/")
        self.timeout_seconds = timeout_seconds
        self._token = access_token
        self._session: aiohttp.ClientSession | None = None
        self._sdk: Any = None

    async def open(self) -> None:
        """Make the sessions; needs a running loop."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=POOL),
            timeout=aiohttp.ClientTimeout(total=self.timeout_seconds),
            trust_env=True,  # city networks leave through a proxy
        )
        own_host = {} if self.api_base == LINE_HOST else {"host": self.api_base}
        self._configuration = Configuration(access_token=self._token, **own_host)
        self._sdk = AsyncApiClient(self._configuration)
        self._api = AsyncMessagingApi(self._sdk)
        self._blob = AsyncMessagingApiBlob(self._sdk)

    async def close(self) -> None:
        """Close the sessions."""
        if self._session is not None:
            await self._session.close()
            await self._sdk.close()
            self._session = None

    def use_token(self, access_token: str) -> None:
        """Go on with another channel access token (the SDK ignores a changed header; facts/line.md 7)."""
        self._token = access_token
        self._configuration.access_token = access_token

    # the hot path ----------------------------------------------------------------------------------------------------

    async def reply(self, token: str, messages: Sequence[dict[str, Any]]) -> Answer:
        """Answer with a reply token: free, single use, never with a retry key.

        Raises LineUnreachableError when nobody knows whether it arrived.
        """
        return await self._post("reply", {"replyToken": token, "messages": list(messages)}, {})

    async def push(self, user_id: str, messages: Sequence[dict[str, Any]], retry_key: uuid.UUID) -> Answer:
        """Push, once per retry key (409 = an earlier attempt was accepted); errors as `reply`."""
        return await self._post(
            "push", {"to": user_id, "messages": list(messages)}, {"X-Line-Retry-Key": str(retry_key)}
        )

    async def _post(self, what: str, body: dict[str, Any], headers: dict[str, str]) -> Answer:
        assert self._session is not None
        try:
            async with self._session.post(
                f"{self.api_base}/v2/bot/message/{what}",
                data=json.dumps(body, ensure_ascii=False).encode(),
                headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json", **headers},
                allow_redirects=False,
            ) as response:
                return Answer(
                    response.status,
                    _message(await response.read()),
                    response.headers.get("x-line-accepted-request-id")
                    or response.headers.get("x-line-request-id")
                    or "",
                    _seconds(response.headers.get("retry-after")),
                )
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return Answer(0, type(error).__name__)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise LineUnreachableError(type(error).__name__) from None

    # off the hot path, by the SDK -------------------------------------------------------------------------------------

    async def language(self, user_id: str) -> str:
        """Return the language of the person's profile (BCP 47), "" when LINE does not say."""
        profile = await self._ask(lambda: self._api.get_profile(user_id, **self._within))
        return str(profile.language or "")

    async def reachable(self, user_id: str) -> bool:
        """Return False when LINE knows no profile: blocked, gone, or neither friend nor writer (facts/line.md 2)."""
        try:
            await self._ask(lambda: self._api.get_profile(user_id, **self._within))
        except LineRefusedError as refused:
            if refused.reasons[0] == "404":
                return False
            raise
        return True

    async def start_loading(self, user_id: str, seconds: int) -> None:
        """Show the loading animation for 5 to 60 seconds, in steps of five."""
        if reasons := check_loading(seconds):
            raise LineRefusedError("400", *reasons)
        wish = ShowLoadingAnimationRequest(chatId=user_id, loadingSeconds=seconds)
        await self._ask(lambda: self._api.show_loading_animation(wish, **self._within))

    async def quota(self) -> Quota:
        """Return this month's quota and consumption."""
        allowed = await self._ask(lambda: self._api.get_message_quota(**self._within))
        used = await self._ask(lambda: self._api.get_message_quota_consumption(**self._within))
        limited = str(getattr(allowed.type, "value", allowed.type)) == "limited"
        return Quota(int(allowed.value or 0) if limited else None, int(used.total_usage or 0))

    async def bot_info(self) -> BotInfo:
        """Return who this channel is; also the question that tells whether the token works again."""
        info = await self._ask(lambda: self._api.get_bot_info(**self._within))
        return BotInfo(str(info.user_id), str(info.basic_id), str(info.display_name))

    async def leave(self, kind: str, chat_id: str) -> None:
        """Leave a group or room (CARE C22)."""
        if kind == "group":
            await self._ask(lambda: self._api.leave_group(chat_id, **self._within))
        else:
            await self._ask(lambda: self._api.leave_room(chat_id, **self._within))

    async def content(self, message_id: str, most: int) -> bytes:
        """Return a picture, film, sound or file of at most `most` bytes that a resident sent, held in memory only.

        Raises LineRefusedError 404 or 410 when it is gone, 413 when it is larger (reading stops there), and
        LineUnreachableError when another try may bring it: also while LINE still prepares it (202).
        """
        assert self._session is not None
        host = LINE_DATA_HOST if self.api_base == LINE_HOST else self.api_base
        try:
            async with self._session.get(
                f"{host}/v2/bot/message/{quote(message_id, safe='')}/content",
                headers={"Authorization": f"Bearer {self._token}"},
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=CONTENT_SECONDS, sock_connect=self.timeout_seconds),
            ) as response:
                if response.status in (400, 404, 410):
                    raise LineRefusedError(str(response.status))
                if response.status != 200:
                    raise LineUnreachableError(f"status {response.status}")
                body = bytearray()
                async for part in response.content.iter_any():
                    body += part
                    if len(body) > most:
                        raise LineRefusedError("413", "larger than was asked for")
                return bytes(body)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise LineUnreachableError(type(error).__name__) from None

    async def test_webhook(self, endpoint: str = "") -> WebhookTest:
        """Let LINE call our webhook and say what it found (`doctor`)."""
        wish = TestWebhookEndpointRequest(endpoint=endpoint or None)
        found = await self._ask(lambda: self._api.test_webhook_endpoint(wish, **self._within))
        return WebhookTest(bool(found.success), int(found.status_code), str(found.reason), str(found.detail))

    async def by_sdk(self, call: Callable[[Any, Any, dict[str, Any]], Awaitable[Any]]) -> Any:
        """Ask LINE something else by its SDK: `call` gets the API, the API of files, and how long it may take."""
        return await self._ask(lambda: call(self._api, self._blob, self._within))

    @property
    def _within(self) -> dict[str, Any]:
        return {"_request_timeout": self.timeout_seconds}

    async def _ask(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Turn the SDK's three families of errors into ours."""
        assert self._sdk is not None, "LineClient.open was not called"
        try:
            return await call()
        except ApiException as error:
            status = int(error.status or 0)
            if status >= 500:
                raise LineUnreachableError(f"status {status}") from None
            raise LineRefusedError(str(status), _message(error.body)) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise LineUnreachableError(type(error).__name__) from None
        except (ValueError, TypeError) as error:  # the SDK's models refuse what they do not know
            raise LineRefusedError("0", type(error).__name__) from None


def _message(body: bytes | str | None) -> str:
    """Return LINE's own words about a refusal, at most 200 characters; they never hold a resident's."""
    try:
        found = json.loads(body or "{}")
    except ValueError:
        return ""
    return str(found.get("message", ""))[:200] if isinstance(found, dict) else ""


def _seconds(header: str | None) -> float | None:
    return float(header) if header and header.isdigit() else None
