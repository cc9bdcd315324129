"""The form in which anybody says that something about a place is wrong; kept as a suggestion for a person to read.

The rule: words in which somebody may be in danger are no correction: they are not kept where they would lie unread
until somebody has time, and the answer says so, gives them back to be copied, and names who can be called now (CARE
C1, C13, C30). A form is taken from our own page only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot import places, suggestions
from bot.dialogs import safety
from bot.directory.resources import Resource
from bot.errors import RefusedError
from bot.i18n import SOURCE, html_language
from bot.messages import Phrase, Text, clean
from bot.public.house import House, place_address, private
from bot.public.pages import gone, shown
from bot.public.words import KINDS, LABELS
from bot.suggestions import WORDS_MOST, Kind

MOST: Final = WORDS_MOST["parent"]
FIELDS: Final = 24  # of one form
HEARD_MOST: Final = 2_000  # characters in which signs of danger are looked for


@dataclass
class WrongForm:
    """Answer the requests of the form."""

    house: House

    async def ask(self, request: Request) -> Response:
        """Show the form, or the thanks after it was sent."""
        language, place = request.path_params["language"], shown(self.house, request.path_params["id"])
        if place is None:
            return private(await gone(self.house, request, language))
        if request.query_params.get("sent") == "1":
            return self._thanks(place, language)
        return self._form(place, language, {}, {})

    async def take(self, request: Request) -> Response:
        """Keep what is told as a suggestion, unless it tells of danger."""
        language, place = request.path_params["language"], shown(self.house, request.path_params["id"])
        if place is None:
            return private(await gone(self.house, request, language))
        form = await fields(request)
        words = clean(form.get("words", ""))
        if words and (danger := await in_danger(self.house, words, language)):
            return self._thanks(place, language, danger)
        if not from_own_page(request, self.house.base_url):
            return self._form(place, language, form, {"": LABELS["wrong_origin"]}, 403)
        errors = _errors(form.get("kind", ""), words)
        if errors:
            return self._form(place, language, form, errors, 422)
        try:
            await self.house.store.write(
                lambda s: suggestions.suggest(
                    s, place.id, sender="parent", kind=cast(Kind, form["kind"]), text=words, language=language,
                    at=self.house.now(),
                )
            )  # fmt: skip
        except RefusedError:
            return self._form(place, language, form, {"": LABELS["wrong_full"]}, 429)
        return private(RedirectResponse(f"/public/{language}/{place_address(place)}/wrong?sent=1", 303))

    def _form(
        self, place: Resource, language: str, given: Mapping[str, str], errors: Mapping[str, Phrase], status: int = 200
    ) -> Response:
        said = {field: self.house.word(phrase, language) for field, phrase in errors.items()}
        values: dict[str, Any] = {
            "errors": {"kind": "", "words": ""} | said,
            "problems": [(f"kind-{next(iter(KINDS))}" if field == "kind" else field, t) for field, t in said.items()],
        }
        page = self.house.page(
            "wrong.html",
            language,
            status=status,
            here=f"{place_address(place)}/wrong",
            title=LABELS["wrong"],
            name=places.title(place, language),
            place=place,
            kinds=KINDS.items(),
            given={"kind": given.get("kind", ""), "words": given.get("words", "")},
            most=MOST,
            **values,
        )
        return private(page)

    def _thanks(self, place: Resource, language: str, danger: Mapping[str, Any] | None = None) -> Response:
        title: Text = danger["first"] if danger else LABELS["thanks"]
        here = f"{place_address(place)}/wrong?sent=1"
        return private(
            self.house.page(
                "thanks.html", language, here=None if danger else here, title=title, place=place, danger=danger
            )
        )


async def in_danger(house: House, words: str, language: str) -> dict[str, Any] | None:
    """Return what the page says to somebody whose words tell of trouble, None when they do not.

    What is written here is no report (通告) whatever the city takes in LINE: nobody will have read it (CARE C25). One
    touch opens the talk in LINE with the same words ready to be sent: there a person is called.
    """
    signals = await asyncio.to_thread(house.hear, words[:HEARD_MOST])
    if not signals:
        return None
    key = safety.trouble(signals)
    first, *lines = safety.first_words(key, replace(house.city(), takes_child_reports=False))
    child = "child_" if key == "child_writing" else ""
    numbers = safety.number_lines(key, house.content, language, house.now())
    return {
        "first": first,
        "lines": lines,
        "numbers": numbers,
        "japanese": LABELS["phones_japanese"] if numbers and html_language(language) != SOURCE else None,
        "head": LABELS[f"{child}numbers"],
        "not_kept": LABELS[f"{child}not_kept"],
        "how": LABELS[f"{child}not_kept_how"],
        "words": words,
        "line_url": house.line_url(words if len(words) <= MOST else ""),  # how much LINE takes is not told
    }


def _errors(kind: str, words: str) -> dict[str, Phrase]:
    found = {}
    if kind not in KINDS:
        found["kind"] = LABELS["wrong_pick"]
    if len(words) > MOST:
        found["words"] = LABELS["wrong_long"]
    return found


async def fields(request: Request) -> dict[str, str]:
    """Return the fields of a form; files and repeats are not ours."""
    async with request.form(max_files=0, max_fields=FIELDS) as form:
        return {name: value for name, value in form.items() if isinstance(value, str)}


def from_own_page(request: Request, base_url: str) -> bool:
    """Return whether a POST comes from our own page, as far as this browser can say."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    ours = (urlsplit(base_url).netloc, request.headers.get("host", ""))
    try:
        return urlsplit(request.headers.get("origin", "")).netloc in ours
    except ValueError:  # http://[ is no address
        return False
