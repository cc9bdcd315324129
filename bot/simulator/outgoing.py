"""Send webhooks as LINE does: signed, within two seconds, and again, twice, late or together when asked to.

The rule: the signature is made over the very bytes that are sent (facts/line.md 1), and a redelivered event differs
from the first only in `deliveryContext.isRedelivery`.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

Json = dict[str, Any]
Reason = Literal["OK", "REQUEST_TIMEOUT", "COULD_NOT_CONNECT", "ERROR_STATUS_CODE", "UNCLASSIFIED", "OFF"]

DEADLINE = 2.0  # seconds; facts/line.md 1, answer time


def sign(secret: str, body: bytes) -> str:
    """Return the value of `x-line-signature` for a body."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


@dataclass(frozen=True, slots=True)
class Attempt:
    """Hold the result of one webhook request; `status` is 0 when no answer came, `seconds` how long it took."""

    status: int
    reason: Reason
    seconds: float
    redelivery: bool = False

    @property
    def ok(self) -> bool:
        """Return whether the receiver answered with a 2xx."""
        return 200 <= self.status < 300


@dataclass(slots=True, eq=False)
class Event:
    """Hold one webhook event: `body` as first sent, the chat that its reply token answers into, and its attempts.

    `happened` and `received` are ticks in seconds; `received` is None until the first request that carries it.
    """

    body: Json
    chat_id: str
    happened: float
    received: float | None = None
    replied: bool = False
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Return the webhookEventId."""
        return str(self.body["webhookEventId"])

    @property
    def reply_token(self) -> str:
        """Return the reply token, empty when the event has none."""
        return str(self.body.get("replyToken", ""))

    @property
    def message_id(self) -> str:
        """Return LINE's id of the message, empty when the event is not a message."""
        message = self.body.get("message")
        return str(message.get("id", "")) if isinstance(message, dict) else ""

    @property
    def delivered(self) -> bool:
        """Return whether some attempt was answered with a 2xx."""
        return any(attempt.ok for attempt in self.attempts)


class Webhooks:
    """Send events to the webhook URL; everything a network may do to them can be asked for."""

    def __init__(
        self,
        *,
        secret: str,
        destination: str,
        url: str,
        ticks: Callable[[], float],
        transport: httpx.AsyncBaseTransport | None = None,
        deadline: float = DEADLINE,
        redelivery: bool = False,
        delays: Sequence[float] = (1.0, 5.0, 30.0),
    ) -> None:
        self.secret = secret
        self.destination = destination
        self.url = url
        self.active = True
        self.redelivery = redelivery
        self.delays = tuple(delays)
        self.copies = 1
        self.deadline = deadline
        self.attempts: list[Attempt] = []
        self.bodies: list[bytes] = []
        self.held: list[Event] | None = None
        self._ticks = ticks
        self._transport = transport
        self._client: httpx.AsyncClient | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def offer(self, event: Event) -> None:
        """Send an event now, as often as `copies` says, or keep it while events are held back."""
        if self.held is not None:
            self.held.append(event)
        else:
            await asyncio.gather(*(self.send([event]) for _ in range(self.copies)))

    async def send(self, events: Sequence[Event], *, redelivery: bool = False) -> Attempt:
        """Send events in one body, record the result, and plan redeliveries if it failed and they are on."""
        if not self.active:
            return Attempt(0, "OFF", 0.0, redelivery)
        bodies = [{**event.body, "deliveryContext": {"isRedelivery": redelivery}} for event in events]
        raw = json.dumps(
            {"destination": self.destination, "events": bodies}, ensure_ascii=False, separators=(",", ":")
        ).encode()
        now = self._ticks()
        for event in events:
            event.received = now
        status, reason = await self.post(raw)
        attempt = Attempt(status, reason, self._ticks() - now, redelivery)
        self.attempts.append(attempt)
        for event in events:
            event.attempts.append(attempt)
        if self.redelivery and not attempt.ok and not redelivery and events:
            self.spawn(self._again(events))
        return attempt

    async def post(self, raw: bytes, url: str = "") -> tuple[int, Reason]:
        """Post one signed body and return the status (0 without an answer) and LINE's word for the outcome."""
        self.bodies.append(raw)
        if self._client is None:
            self._client = httpx.AsyncClient(
                transport=self._transport,
                trust_env=False,
                timeout=self.deadline,
                # expiry below uvicorn's five seconds: never a half-closed connection
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=2.0),
            )
        headers = {
            "content-type": "application/json; charset=utf-8",
            "user-agent": "LineBotWebhook/2.0",
            "x-line-signature": sign(self.secret, raw),
        }
        try:
            async with asyncio.timeout(self.deadline):
                answer = await self._client.post(url or self.url, content=raw, headers=headers)
        except (TimeoutError, httpx.TimeoutException):
            return 0, "REQUEST_TIMEOUT"
        except httpx.ConnectError:
            return 0, "COULD_NOT_CONNECT"
        except httpx.HTTPError:
            return 0, "UNCLASSIFIED"
        return answer.status_code, "OK" if answer.is_success else "ERROR_STATUS_CODE"

    def hold(self) -> None:
        """Keep events back from now on, until `release`."""
        self.held = self.held if self.held is not None else []

    async def release(self, *, reverse: bool = False, together: bool = False) -> None:
        """Send what was held back: in order or reversed, each alone or all in one body."""
        events, self.held = self.held or [], None
        if reverse:
            events = events[::-1]
        if together and events:
            await self.send(events)
        elif not together:
            for event in events:
                await self.offer(event)

    async def _again(self, events: Sequence[Event]) -> None:
        for delay in self.delays:
            await asyncio.sleep(delay)
            if (await self.send(events, redelivery=True)).ok:
                return

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run work behind the scenes and return its task; `settle` waits for it, `close` ends it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def settle(self) -> None:
        """Wait until nothing is under way any more, redeliveries included."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """End what is under way and close the connections."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()
            self._client = None
