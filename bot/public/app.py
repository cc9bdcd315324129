"""The public pages as one application, to be mounted at /public by the roof: pages, forms, feeds, and the API.

The rule: it is given everything it needs and reads nothing from the environment; it knows nobody who looks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.clock import Clock
from bot.directory.search import Directory
from bot.i18n import Catalogs
from bot.library import Library
from bot.messages import Signal, Verbatim
from bot.public import api
from bot.public.cards import Cards
from bot.public.forms import WrongForm
from bot.public.house import HERE, House, public
from bot.public.operator import OperatorForm
from bot.public.pages import Pages, missing
from bot.situation import City
from bot.store import Store

BODY_MOST: Final = 65_536  # bytes of one request
Handler = Callable[[Request], Awaitable[Response]]


def create_public(
    *,
    store: Store,
    clock: Clock,
    city: Callable[[], City],
    content: Library,
    words: Catalogs,
    directory: Callable[[], Directory],
    hear: Callable[[str], Sequence[Signal]],
    operator_key: bytes,
    base_url: str,
    line_url: Callable[[str], str],
) -> Starlette:
    """Return the application to mount at /public.

    `city` and `directory` give what counts now, `hear` the signals in words, `line_url` where the talk in
    LINE opens with words ("" for none) ready to be sent, "" while it is not known; `operator_key` signs operators'
    links (`suggestions.operator_key`).
    """
    house = House(store, clock, city, content, words, directory, hear, operator_key, base_url.rstrip("/"), line_url)
    pages, wrong, operator, cards = Pages(house), WrongForm(house), OperatorForm(house), Cards(house)

    def spoken(handler: Handler) -> Handler:
        """Answer 404 in a language that there is no page in."""

        async def answer(request: Request) -> Response:
            language = request.path_params["language"]
            return await handler(request) if house.speaks(language) else missing(house, language)

        return answer

    async def unknown(request: Request, _error: Exception) -> Response:
        return missing(house, request.url.path.removeprefix("/public/").partition("/")[0])

    async def machines(request: Request) -> Response:
        title = Verbatim("データを使う（API）")
        named = api.PARAMETERS.items()
        return public(request, house.page("api.html", "ja", here=None, title=title, parameters=named, most=api.MOST))

    return Starlette(
        routes=[
            Route("/", pages.languages),
            Mount("/static", StaticFiles(directory=HERE / "static")),
            Mount("/api/v1", api.create_api(house)),
            Route("/api/", machines),
            Route("/operator/{token}", operator.ask, methods=["GET"]),
            Route("/operator/{token}", operator.take, methods=["POST"]),
            Route("/places/{id:path}.ics", pages.calendar),
            Route("/cards/{token}", cards.sheets),
            Route("/{language}/card/{token}", spoken(cards.landing)),
            Route("/{language}/", spoken(pages.topics)),
            Route("/{language}/topics/{topic}", spoken(pages.topic)),
            Route("/{language}/bulletin", spoken(pages.this_month)),
            Route("/{language}/bulletin/{month}", spoken(pages.bulletin)),
            Route("/{language}/places/{id:path}/wrong", spoken(wrong.ask), methods=["GET"]),
            Route("/{language}/places/{id:path}/wrong", spoken(wrong.take), methods=["POST"]),
            Route("/{language}/places/{id:path}", spoken(pages.place)),
        ],
        middleware=[Middleware(_Headers), Middleware(RequestBodyLimitMiddleware, max_body_size=BODY_MOST)],
        exception_handlers={404: unknown, 405: unknown},
    )


class _Headers:
    """Let forms say where they come from (`no-referrer` would make that null), and styles be kept for an hour."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["referrer-policy"] = "same-origin"
                if "/static/" in scope["path"] and message["status"] < 400:
                    headers["cache-control"] = "public, max-age=3600"
            await send(message)

        await self.app(scope, receive, with_headers)
