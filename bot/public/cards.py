"""The printed cards of a campaign, and the page that a card leads to where no LINE is at hand.

The rule: a card is read over somebody's shoulder: it names what can be asked, and no word or number of violence stands
on it (CARE C26). Its QR code is a vector of our own short address; nothing in it tells who was given the card.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any, Final
from unicodedata import east_asian_width

import segno
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from bot import campaigns
from bot.dialogs.card import MOMENTS
from bot.dialogs.safety import number_line
from bot.i18n import OWN_NAMES, SOURCE, html_language
from bot.library import Hotline
from bot.messages import Phrase, Verbatim
from bot.places import hours_lines
from bot.public.house import House, private
from bot.public.pages import missing
from bot.public.words import LABELS
from bot.situation import Campaign, Desk

ON_A4: Final = 4  # A6 cards
DESKS: Final = 2  # on one card
#: How much stands on a card, in halves of a Japanese letter -> how close it is set; what is more is set closest.
WORDS: Final = ((520, "roomy"), (760, "close"))
#: Which of the `LABELS` a card prints; it names its languages by `card_languages`.
CARD: Final = (
    "card_ask", "card_scan", "card_machine", "card_stop", "card_hours", "card_phone", "card_hurry"
)  # fmt: skip
#: Who can be called in haste without a word of violence on the paper: `content/hotlines.yaml`.
NUMBERS: Final = ("ambulance", "medical_8000")


@dataclass(frozen=True, slots=True)
class Face:
    """Hold one card: the language it is written in, the others that it names, and the address in its code."""

    language: str
    others: tuple[str, ...]
    link: str


@dataclass
class Cards:
    """Answer the requests for cards and their page."""

    house: House

    async def landing(self, request: Request) -> Response:
        """Show what the desk is, the code to scan with a phone, and whom to call without LINE."""
        language, token = request.path_params["language"], request.path_params["token"]
        campaign, runs = await self.house.store.read(lambda s: campaigns.find(s, token))
        running = campaign if runs else None
        page = self.house.page(
            "card.html",
            language,
            status=200 if running else 404 if campaign is None else 410,
            here=f"card/{campaign.token}" if campaign is not None else None,
            title=LABELS["card_ask"],
            moment=MOMENTS[running.moment].lines if running else (),
            code=drawn(self._link(running.token, language)) if running else "",
            talk=self.house.line_url(running.greeting(language) if running else ""),
            desks=[self._desk(desk, language) for desk in self.house.city().desks],
            numbers=[number_line(each) for each in self._hotlines()],
            japanese=LABELS["phones_japanese"] if html_language(language) != SOURCE else None,
        )
        return private(page)

    async def sheets(self, request: Request) -> Response:
        """Show cards to print: A6 pages, or with ?sheet=1 four on A4.

        ?l=vi&l=ja names the languages, else those of the campaign; one card for each, or with ?together=1 one card
        that is written in the first and names the others.
        """
        token = request.path_params["token"]
        campaign, runs = await self.house.store.read(lambda s: campaigns.find(s, token))
        if campaign is None or not runs:
            return missing(self.house, SOURCE)
        asked = request.query_params
        wanted = dict.fromkeys(id for id in asked.getlist("l") if self.house.speaks(id))
        languages = tuple(wanted) or tuple(id for id in campaign.languages if self.house.speaks(id)) or (SOURCE,)
        faces = self._faces(campaign, languages, together=asked.get("together") == "1")
        sheet = asked.get("sheet") == "1"
        if sheet:  # whole sheets: nothing of the paper is thrown away
            faces = list(islice(cycle(faces), -(-len(faces) // ON_A4) * ON_A4))
        page = self.house.page(
            "cards.html",
            faces[0].language,
            here=None,
            title=Verbatim(f"{campaign.place} {campaign.token}".strip()),
            pages=[faces[n : n + ON_A4] for n in range(0, len(faces), ON_A4)] if sheet else [[one] for one in faces],
            paper="a4" if sheet else "a6",
            short=self._link(campaign.token).partition("://")[2],
            drawn=lambda face: drawn(face.link),
            worded=lambda face: self._worded(face, campaign),
        )
        return private(page)

    def _faces(self, campaign: Campaign, languages: Sequence[str], *, together: bool) -> list[Face]:
        if together and len(languages) > 1:
            return [Face(languages[0], tuple(languages[1:]), self._link(campaign.token))]
        return [Face(id, (), self._link(campaign.token, id)) for id in languages]

    def _link(self, token: str, language: str = "") -> str:
        return f"{self.house.base_url}/q/{token}" + (f"?l={language}" if language else "")

    def _worded(self, face: Face, campaign: Campaign) -> dict[str, Any]:
        """Return all that stands on one card, in its languages."""
        language, city, word = face.language, self.house.city(), self.house.word
        japanese = html_language(language) == SOURCE
        worded = {
            "t": {name: word(phrase, language) for name, phrase in LABELS.items() if name in CARD},
            "site": word(LABELS["site"], language),
            "city": city.name if japanese or not city.name_en else city.name_en,
            "in_japanese": "" if japanese else f"{city.name} {word(LABELS['site'], SOURCE)}",
            "can_be_asked": word(MOMENTS[campaign.moment].can_be_asked, language),
            "others": [(html_language(id), OWN_NAMES[id], word(LABELS["card_languages"], id)) for id in face.others],
            "desks": [self._desk(desk, language) for desk in city.desks[:DESKS]],
            "numbers": [(each.number, word(Phrase(each.name), language)) for each in self._hotlines()],
        }
        size = next((size for most, size in WORDS if _width(worded) <= most), "closest")
        return {**worded, "lang": html_language(language), "size": size}

    def _desk(self, desk: Desk, language: str) -> dict[str, Any]:
        english = html_language(language) != SOURCE and bool(desk.name_en)
        hours = [self.house.word(line, language) for line in hours_lines(desk.opening)]
        return {"name": desk.name_en if english else desk.name, "phone": desk.phone, "hours": hours}

    def _hotlines(self) -> list[Hotline]:
        by_id = {each.id: each for each in self.house.content.hotlines}
        return [by_id[id] for id in NUMBERS if id in by_id]


def drawn(link: str) -> Markup:
    """Return a QR code of an address as SVG, with the quiet zone of four modules that ISO/IEC 18004 asks for."""
    code = segno.make(link, error="m", micro=False)
    return Markup(code.svg_inline(border=4, omitsize=True, svgclass="qr", lineclass=None))  # noqa: S704 - made here


def _width(words: Any) -> int:
    """Return how wide all words in lists and mappings are together; a Japanese letter counts two."""
    if isinstance(words, str):
        return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in words)
    return sum(map(_width, words.values() if isinstance(words, dict) else words))
