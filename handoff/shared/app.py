"""The page at /share on which one coordinator of another field reads what was written for her, and may answer once.

The rule: whatever does not open gets one and the same page, so that nobody learns whether there is anything to read
(CARE C20, C24); nothing of it is logged, cached or in an address, and each reading is an audit row.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from bot.clock import Clock
from bot.messages import clean
from bot.opening import TOKYO
from bot.situation import City
from bot.store import Store
from handoff import outside, shares
from handoff.shares import Shown

HERE: Final = Path(__file__).parent
BODY_MOST: Final = 8_192  # bytes of one request
COOKIE_SECONDS: Final = shares.MOST_DAYS * 86_400  # the share itself ends sooner
TRIES_A_MINUTE: Final = 20  # of one address, whatever the link
ADDRESSES: Final = 10_000  # that are counted at once
CSP: Final = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


def create_shared(
    *,
    store: Store,
    clock: Clock,
    city: Callable[[], City],
    base_url: str,
    monotonic: Callable[[], float] = time.monotonic,
) -> Starlette:
    """Return the application to mount at /share.

    Cookies are Secure when `base_url` is https. `monotonic` counts the tries of a minute.
    """
    pages = _Pages(store, clock, city, base_url, Tries(monotonic))
    return Starlette(
        routes=[
            Route("/{token}", pages.look, methods=["GET"]),
            Route("/{token}", pages.enter, methods=["POST"]),
            Route("/{token}/answer", pages.answer, methods=["POST"]),
            Route("/{token}/leave", pages.leave, methods=["POST"]),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ],
        middleware=[
            Middleware(outside.Headers, csp=CSP, https=base_url.startswith("https://")),
            Middleware(RequestBodyLimitMiddleware, max_body_size=BODY_MOST),
        ],
        exception_handlers={404: pages.nothing, 405: pages.nothing},
    )


@dataclass
class Tries:
    """Count how often an address tried in the last minute; those seen longest ago are forgotten first."""

    monotonic: Callable[[], float]
    seen: OrderedDict[str, deque[float]] = field(default_factory=OrderedDict)

    def are_too_many(self, address: str) -> bool:
        """Count one try and return whether it is one too many."""
        now, tries = self.monotonic(), self.seen.pop(address, deque(maxlen=TRIES_A_MINUTE))
        self.seen[address] = tries
        while len(self.seen) > ADDRESSES:
            self.seen.popitem(last=False)
        if len(tries) == TRIES_A_MINUTE and tries[0] > now - 60:
            return True
        tries.append(now)
        return False


@dataclass
class _Pages:
    """Answer the requests; holds what the roof passed in."""

    store: Store
    clock: Clock
    city: Callable[[], City]
    base_url: str
    tries: Tries

    def __post_init__(self) -> None:
        self.secure = self.base_url.startswith("https://")
        self.cookie = "__Secure-share" if self.secure else "share"
        self.templates = outside.templates(HERE / "templates")
        self.version = hashlib.sha256((HERE / "static" / "share.css").read_bytes()).hexdigest()[:10]

    async def look(self, request: Request) -> Response:
        """Show what is shared to the browser that opened the link; to any other one, for any link, the same door."""
        token, cookie = request.path_params["token"], request.cookies.get(self.cookie, "")
        now = self.clock.now()
        shown = await self.store.write(lambda s: shares.show(s, token, cookie, now)) if cookie else None
        return self._door() if shown is None else self._page(token, shown)

    async def enter(self, request: Request) -> Response:
        """Open the link with its code."""
        token, cookie = request.path_params["token"], request.cookies.get(self.cookie, "")
        if not outside.same_site(request, self.base_url):
            return self._door(tried=True)
        if self.tries.are_too_many(request.client.host if request.client else ""):
            return self._door(tried=True)
        code = (await outside.form(request)).get("code", "")[:40]
        now = self.clock.now()
        visit = await self.store.write(lambda s: shares.enter(s, token, code, cookie, now))
        if visit is None:
            return self._door(tried=True)
        response = RedirectResponse(f"/share/{token}", 303)
        response.set_cookie(
            self.cookie,
            visit,
            max_age=COOKIE_SECONDS,
            path=f"/share/{token}",
            secure=self.secure,
            httponly=True,
            samesite="lax",
        )
        return response

    async def answer(self, request: Request) -> Response:
        """Take the one short note for staff."""
        token, cookie = request.path_params["token"], request.cookies.get(self.cookie, "")
        if not cookie or not outside.same_site(request, self.base_url):
            return self._door(tried=True)
        words = clean((await outside.form(request)).get("words", ""))
        now = self.clock.now()
        if not 0 < len(words) <= shares.LONGEST_ANSWER:
            shown = await self.store.write(lambda s: shares.show(s, token, cookie, now))
            return self._door(tried=True) if shown is None else self._page(token, shown, words=words, wrong=True)
        kept = await self.store.write(lambda s: shares.answer(s, token, cookie, words, now))
        return RedirectResponse(f"/share/{token}", 303) if kept else self._door(tried=True, kept=words)

    async def leave(self, request: Request) -> Response:
        """Close the page: this browser is asked for the code before it reads again."""
        token, cookie = request.path_params["token"], request.cookies.get(self.cookie, "")
        if cookie and outside.same_site(request, self.base_url):
            await self.store.write(lambda s: shares.leave(s, token, cookie, self.clock.now()))
        return RedirectResponse(f"/share/{token}", 303)

    async def nothing(self, _request: Request, _error: Exception) -> Response:
        """Answer unknown addresses like links that do not open."""
        return self._door(tried=True)

    # parts ------------------------------------------------------------------------------------------------------

    def _door(self, *, tried: bool = False, kept: str = "") -> Response:
        page = self.templates.get_template("door.html").render(
            city=self.city().name, version=self.version, tried=tried, kept=kept
        )
        return HTMLResponse(page, 404 if tried else 200)

    def _page(self, token: str, shown: Shown, *, words: str = "", wrong: bool = False) -> Response:
        city = self.city()
        until = shown.expires_at.astimezone(TOKYO)
        said = shown.consented_on
        page = self.templates.get_template("page.html").render(
            city=city.name,
            version=self.version,
            token=token,
            shown=shown,
            desk=city.desk(shown.desk_id) or next(iter(city.desks), None),
            until=f"{until.year}年{until.month}月{until.day}日 {until:%H:%M}",
            consented=f"{said.year}年{said.month}月{said.day}日に{shares.HOWS[shown.consent_how]}",
            most=shares.LONGEST_ANSWER,
            words=words,
            wrong=wrong,
        )
        return HTMLResponse(page, 422 if wrong else 200)
