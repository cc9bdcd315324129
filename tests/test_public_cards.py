"""The page of a printed card and the cards to print: whole in every language, without a word of violence."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bot import campaigns
from bot.dialogs.card import MOMENTS
from bot.i18n import html_language
from bot.public.cards import _width
from bot.situation import GREETINGS, Moment
from bot.store import Store
from tests import public_world
from tests.public_world import NOW, World, visible
from tests.talk import words

#: What must stand on no card: it is read over a shoulder (CARE C26).
VIOLENCE = re.compile(
    r"虐|暴力|ＤＶ|\bDV\b|シェルター|児童相談所|\b189\b|#8008|violen|abus|bạo lực|violên|karahas|kekeras"
    r"|हिंसा|폭력|학대|家暴",
    re.IGNORECASE,
)


async def world(store: Store, **more: Any) -> World:
    """Give the pages with the campaign K7F3."""
    found = await public_world.build(store)
    given = {"moment": "home_visit", "place": "川辺", "languages": ("ja", "vi"), "greetings": {}, "at": NOW} | more
    await store.write(lambda s: campaigns.add(s, token="K7F3", **given))
    return found


@pytest.mark.parametrize("language", words().languages)
async def test_the_page_of_a_card_speaks_every_language(sqlite_store: Store, language: str) -> None:
    """It tells what can be asked, draws the code, opens LINE with the greeting, and names phone and hours."""
    site = await world(sqlite_store)
    async with site.browser() as browser:
        answer = await browser.get(f"/public/{language}/card/K7F3")
    page, said = answer.text, visible(answer.text)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert "set-cookie" not in answer.headers
    assert f'<html lang="{html_language(language)}"' in page
    for line in MOMENTS["home_visit"].lines:
        assert words().word(line, language) in said
    assert page.count("<svg") == 1
    assert "%5BK7F3%5D" in page
    assert 'href="tel:0005550110"' in page
    assert "119" in said
    assert "style=" not in page
    assert page.count('/card/K7F3"') >= len(words().languages) - 1  # every other language is a touch away


@pytest.mark.parametrize("path", ["vi/card/NONE", "vi/card/%00", "vi/card/%3Cscript%3E", "vi/card/K7F3"])
async def test_an_old_card_still_finds_the_desk(sqlite_store: Store, path: str) -> None:
    """A code that is not used any more says so, and opens the desk without it."""
    site = await world(sqlite_store)
    await sqlite_store.write(lambda s: campaigns.end(s, "K7F3", NOW))
    async with site.browser() as browser:
        answer = await browser.get(f"/public/{path}")
    assert answer.status_code == (410 if path.endswith("K7F3") else 404)
    assert "https://line.me/R/ti/p/%40hinata" in answer.text
    assert "<svg" not in answer.text
    assert "<script" not in answer.text
    assert "000-555-0110" in answer.text


@pytest.mark.parametrize("moment", MOMENTS)
async def test_no_word_of_violence_stands_on_a_card(sqlite_store: Store, moment: Moment) -> None:
    """In every language and for every moment (CARE C26); nor the number that a partner would recognise."""
    site = await world(sqlite_store, moment=moment)
    every = "&".join(f"l={language}" for language in words().languages)
    async with site.browser() as browser:
        for query in (every, f"{every}&together=1"):
            page = (await browser.get(f"/public/cards/K7F3?{query}")).text
            assert VIOLENCE.search(visible(page)) is None
            assert "いつでもやめられます" in page
            assert "style=" not in page
            assert "<script" not in page


@pytest.mark.parametrize(
    ("query", "languages", "papers"),
    [
        ("", ["ja", "vi"], 2),
        ("l=vi", ["vi"], 1),
        ("l=tlh&l=vi&l=vi", ["vi"], 1),
        ("sheet=1", ["ja", "vi", "ja", "vi"], 1),
        ("l=ja&l=en&l=vi&l=ne&l=es&sheet=1", ["ja", "en", "vi", "ne", "es", "ja", "en", "vi"], 2),
        ("together=1", ["ja"], 1),
        ("together=1&sheet=1", ["ja"] * 4, 1),
        ("l=vi&together=1", ["vi"], 1),
    ],
)
async def test_cards_fill_their_paper(sqlite_store: Store, query: str, languages: list[str], papers: int) -> None:
    """One card for each language, or one that names them all; on A4 always four, so that no paper is wasted."""
    site = await world(sqlite_store)
    async with site.browser() as browser:
        answer = await browser.get(f"/public/cards/K7F3?{query}")
        assert (await browser.get("/public/cards/NONE")).status_code == 404
    assert answer.status_code == 200
    assert re.findall(r'<article class="card \w+" lang="([^"]+)"', answer.text) == languages
    assert answer.text.count('class="paper"') == papers
    assert ("Tiếng Việt" in answer.text) == ("together" in query and "l=vi" not in query)


def test_how_much_stands_on_a_card() -> None:
    """A Japanese letter is as wide as two others."""
    assert _width({"a": ["あa", ("b",)], "c": ""}) == 4


def test_every_moment_has_its_words() -> None:
    """No moment is forgotten, and each says three short lines (45 characters) and a label of nine at most."""
    assert tuple(MOMENTS) == campaigns.MOMENTS
    for said in MOMENTS.values():
        assert all(len(line.msgid) <= 45 for line in said.lines)
        assert len(said.label.msgid) <= 9
    assert set(GREETINGS) == set(words().languages)
