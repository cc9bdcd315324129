"""What the pages share that people open from outside without an account: strict headers, our own forms, their fields.

The rule: nothing of such a page may be kept by anybody but its style, and no address or referrer leaves it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@cache
def templates(folder: Path) -> Environment:
    """Return the environment of such pages' templates: escaped, and nothing left empty; each is read once."""
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


class Headers:
    """Put the same strict headers on every answer."""

    def __init__(self, app: ASGIApp, *, csp: str, https: bool) -> None:
        self.app = app
        self.headers = {
            "content-security-policy": csp,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "x-robots-tag": "noindex, nofollow",
            **({"strict-transport-security": "max-age=31536000"} if https else {}),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and complete the headers of its answer."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self.headers)
                fixed = "/static/" in scope["path"] and message["status"] < 400
                headers["cache-control"] = "private, max-age=3600" if fixed else "no-store"
            await send(message)

        await self.app(scope, receive, with_headers)


def same_site(request: Request, base_url: str) -> bool:
    """Return whether a POST comes from our own page, as far as this browser can say."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin", "null")
    ours = (urlsplit(base_url).netloc, request.headers.get("host", ""))
    return origin == "null" or urlsplit(origin).netloc in ours


async def form(request: Request) -> dict[str, str]:
    """Return the fields of a form; files and repeats are not ours."""
    async with request.form(max_files=0, max_fields=12) as fields:
        return {name: value for name, value in fields.items() if isinstance(value, str)}
