"""What all public pages share: where they read from, how they word and render, and how they may be cached.

The rule: no cookie, no log line and no count of who looks; a page that anybody may see has an ETag of what it says and
may be kept for a minute, every other answer is kept by nobody.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from bot.clock import Clock
from bot.directory.resources import Resource
from bot.directory.search import Directory
from bot.i18n import OWN_NAMES, SOURCE, Catalogs, html_language
from bot.library import Library
from bot.messages import Phrase, Signal, Text, Verbatim
from bot.opening import TOKYO
from bot.public.words import LABELS
from bot.situation import City
from bot.store import Store

HERE: Final = Path(__file__).parent
FRESH_SECONDS: Final = 60  # "open now" is no older than this


@cache
def _templates() -> Environment:
    """Return the environment of these pages' templates: escaped, and nothing left empty; each is read once."""
    found = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    found.filters["dial"] = dial
    return found


@dataclass
class House:
    """Hold what the roof passed in: `hear` finds signals in words.

    `line_url` gives where the talk in LINE opens, with words to send if there are any; "" while that is not known.
    """

    store: Store
    clock: Clock
    city: Callable[[], City]
    content: Library
    words: Catalogs
    directory: Callable[[], Directory]
    hear: Callable[[str], Sequence[Signal]]
    operator_key: bytes
    base_url: str
    line_url: Callable[[str], str]
    templates: Environment = field(init=False)
    version: str = field(init=False)

    def __post_init__(self) -> None:
        self.templates = _templates()
        styles = b"".join(path.read_bytes() for path in sorted((HERE / "static").glob("*.css")))
        self.version = hashlib.sha256(styles).hexdigest()[:10]

    def now(self) -> datetime:
        """Return desk time."""
        return self.clock.now()

    def today(self) -> date:
        """Return the day in Tokyo."""
        return self.clock.now().astimezone(TOKYO).date()

    def speaks(self, language: str) -> bool:
        """Return whether there are pages in the language."""
        return language in self.words.languages

    # rendering --------------------------------------------------------------------------------------------------

    def page(
        self,
        template: str,
        language: str,
        *,
        status: int = 200,
        here: str | None = "",
        title: Text | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """Return a page; `here` is its address behind /public/{language}/, None for one that no other language has."""
        city = self.city()

        def address(path: str) -> str:
            return f"/public/{language}/{path}"

        text = self.templates.get_template(template).render(
            t={name: self.words.word(phrase, language) for name, phrase in LABELS.items()},
            say=self.say(language),
            lang=html_language(language),
            language=language,
            others=[(id, html_language(id), OWN_NAMES[id]) for id in self.words.languages if id != language],
            here=here,
            address=address,
            place_address=place_address,
            city_name=city.name if html_language(language) == SOURCE or not city.name_en else city.name_en,
            title=title,
            line_url=self.line_url(""),
            version=self.version,
            **values,
        )
        return HTMLResponse(text, status)

    def say(self, language: str) -> Callable[[Text], Markup]:
        """Return what words a text for a page: Japanese inside a page of another language says so."""
        japanese = html_language(language) == SOURCE

        def say(text: Text) -> Markup:
            worded = escape(self.words.word(text, language))
            if isinstance(text, Verbatim) and not japanese and not text.text.isascii():
                return Markup('<span lang="ja">{}</span>').format(worded)
            return worded

        return say

    def word(self, phrase: Phrase, language: str) -> str:
        """Return a phrase in a language."""
        return self.words.word(phrase, language)


_NUMBER: Final = re.compile(r"(?<![\d-])(?:0\d{1,4}-\d{1,4}-\d{3,4}|11[089]|189)(?![\d-])")


def dial(text: str | Markup) -> Markup:
    """Return words in which every telephone number calls when it is touched: 0120-279-338, 110, 118, 119, 189."""
    return Markup(_NUMBER.sub(lambda n: f'<a href="tel:{n[0].replace("-", "")}">{n[0]}</a>', str(escape(text))))  # noqa: S704 - escaped


def place_address(resource: Resource | str) -> str:
    """Return the address of a place's page behind /public/{language}/."""
    return f"places/{quote(resource if isinstance(resource, str) else resource.id, safe='')}"


def public(request: Request, response: Response) -> Response:
    """Let a page be kept for a minute, and answer 304 to whoever has it already."""
    tag = f'"{hashlib.sha256(bytes(response.body)).hexdigest()[:20]}"'
    headers = {"etag": tag, "cache-control": f"public, max-age={FRESH_SECONDS}"}
    if tag in (part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return response


def private(response: Response) -> Response:
    """Let nobody keep an answer."""
    response.headers["cache-control"] = "no-store"
    return response
