"""What a translation service is to us, and how one is asked over HTTP: time-outs, few retries, a breaker.

The rule: nothing that was sent or came back is logged or put into an error. Nothing but `handoff.translation` asks a
service, which alone knows whether the words may leave (import-linter holds it).
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeVar

import httpx

from bot.errors import TranslatorError
from bot.settings import TRANSLATE

LARGEST: Final = 1_000_000  # bytes of an answer that are read
WAIT_SECONDS: Final = 0.5  # before the second try, doubled after
WAIT_MOST: Final = 5.0  # what a service asks for beyond that is not waited for inside one call
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Piece:
    """Hold a stretch of a text; with `becomes` it is a fixed term, and that is what stands for it afterwards."""

    text: str
    becomes: str = ""


class Translator(Protocol):
    """Be one service. `languages` are those that it translates from Japanese and into it, by our ids."""

    @property
    def languages(self) -> frozenset[str]:
        """Return our ids of the languages that it knows."""

    async def translate(self, pieces: Sequence[Piece], source: str, target: str) -> str:
        """Return the whole text in `target`. Raises TranslatorError."""

    async def close(self) -> None:
        """Close the connections."""


class Breaker:
    """Leave a service alone for a while after it failed several times in a row; then one call tries it again."""

    def __init__(self, failures: int = 3, seconds: float = 60.0, *, now: Callable[[], float] = time.monotonic) -> None:
        self._most = failures
        self._seconds = seconds
        self._now = now
        self._failed = 0
        self._rests_until = 0.0

    def enter(self) -> None:
        """Return when the service may be asked; raise TranslatorError while it rests.

        The one call that tries again keeps the others out for as long as a rest: it may be cancelled and never say.
        """
        if self._rests_until > self._now():
            raise TranslatorError("resting")
        if self._failed >= self._most:
            self._rests_until = self._now() + self._seconds

    def succeeded(self) -> None:
        """Forget the failures."""
        self._failed, self._rests_until = 0, 0.0

    def failed(self, seconds: float = 0.0) -> None:
        """Count a failure; `seconds` is how long the service itself asked to be left alone."""
        self._failed += 1
        if self._failed >= self._most:
            seconds = max(seconds, self._seconds)
        self._rests_until = max(self._rests_until if seconds else 0.0, self._now() + seconds)


@dataclass(frozen=True, slots=True)
class Patience:
    """Hold how long one call may take, in seconds, and how often it is tried."""

    connect: float = 3.0  # facts/reliability.md D1: outbound connections
    read: float = 10.0
    whole: float = 20.0
    tries: int = 3


#: What an HTTP status means for whoever reads the reason; others below 500 are `refused`.
STATUS: Final[Mapping[int, str]] = {401: "not_allowed", 403: "not_allowed", 413: "too_long"}
FINAL: Final = frozenset({"not_allowed", "too_long", "quota", "refused"})  # asking again brings the same answer


@dataclass
class Wire:
    """Ask one service at `url`; `status` says what else its own statuses mean."""

    url: str
    status: Mapping[int, str] = field(default_factory=dict)
    patience: Patience = Patience()
    breaker: Breaker = field(default_factory=Breaker)
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep
    _client: httpx.AsyncClient | None = None

    async def ask(
        self,
        path: str,
        read: Callable[[Any], Found],
        *,
        headers: Mapping[str, str] = NOTHING,
        body: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Found:
        """POST JSON or a form and return what `read` finds in the JSON of the answer. Raises TranslatorError."""
        self.breaker.enter()
        try:
            async with asyncio.timeout(self.patience.whole):
                found = read(await self._tried(path, dict(headers), body, form))
        except (KeyError, IndexError, TypeError, ValueError, AttributeError):
            self.breaker.failed()
            raise TranslatorError("garbage") from None  # the cause would quote the answer
        except TimeoutError:
            self.breaker.failed()
            raise TranslatorError("slow") from None
        except _Busy as busy:
            self.breaker.failed(busy.seconds)
            raise TranslatorError("busy") from None
        except TranslatorError as error:
            if error.why not in ("too_long", "refused"):  # those may be this text's fault, not the service's
                self.breaker.failed()
            raise
        self.breaker.succeeded()
        return found

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _tried(
        self, path: str, headers: dict[str, str], body: Mapping[str, Any] | None, form: Mapping[str, str] | None
    ) -> Any:
        """Return the JSON of the first good answer; only what repeating may heal is repeated."""
        wait = WAIT_SECONDS
        for left in range(self.patience.tries - 1, -1, -1):
            try:
                status, told, raw = await self._posted(path, headers, body, form)
            except httpx.ReadTimeout:
                raise TranslatorError("slow") from None  # it has the text; a second one would only wait as long
            except (httpx.HTTPError, ssl.SSLError):
                why = "unreachable"
            else:
                if status == httpx.codes.OK:
                    return json.loads(raw)
                if status < 500 and status != httpx.codes.TOO_MANY_REQUESTS:
                    why = {**STATUS, **self.status}.get(status, "refused")
                    raise TranslatorError(why, again=why not in FINAL)
                why = "busy" if status == httpx.codes.TOO_MANY_REQUESTS else "broken"
                if told > WAIT_MOST or (why == "busy" and not left):
                    raise _Busy(told)
                wait = max(wait, told)
            if not left:
                raise TranslatorError(why)
            await self.pause(wait)
            wait *= 2
        raise AssertionError("unreachable")

    async def _posted(
        self, path: str, headers: dict[str, str], body: Mapping[str, Any] | None, form: Mapping[str, str] | None
    ) -> tuple[int, float, bytes]:
        """Return status, seconds of Retry-After, and the bytes; redirects are not followed."""
        if self._client is None:
            waits = httpx.Timeout(self.patience.read, connect=self.patience.connect)
            self._client = httpx.AsyncClient(timeout=waits, trust_env=False, follow_redirects=False)
        async with self._client.stream("POST", self.url + path, headers=headers, json=body, data=form) as answer:
            raw = b""
            async for part in answer.aiter_bytes():
                raw += part
                if len(raw) > LARGEST:
                    raise ValueError("too large")
            told = answer.headers.get("retry-after", "")
            return answer.status_code, float(told) if told.isdecimal() else 0.0, raw


class _Busy(Exception):  # noqa: N818 - it never leaves this module
    """Say that the service asks to be left alone for so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


def web_address(name: str, url: str, *, inside: bool = False) -> list[str]:
    """Return what is wrong with a service's address: outside the city's network (`inside`) it must be https."""
    allowed = ("https://", "http://") if inside else ("https://", "http://localhost", "http://127.0.0.1")
    return [] if url.startswith(allowed) else [f"{TRANSLATE}{name} must be https://"]
