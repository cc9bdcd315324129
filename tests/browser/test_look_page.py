"""Light or dark, as each person chose, on every page from the first paint; paper is white."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser import test_console_pages
from tests.browser.test_console_pages import Site, a_night, sane, shot
from tests.browser.test_directory_pages import axe

pytestmark = pytest.mark.browser

site = test_console_pages.site  # the running console
STATIC = Path(__file__).parents[2] / "handoff" / "static"
PAPER = "getComputedStyle(document.body).backgroundColor"
LIGHT, DARK = "rgb(250, 247, 242)", "rgb(28, 26, 24)"


async def paper(page: Page) -> str:
    """Return the colour behind the page."""
    return str(await page.evaluate(PAPER))


def test_colours_have_one_place() -> None:
    """No rule names a colour itself, and the night has another one for each name that the day has, but two."""
    day, night = ((STATIC / name).read_text("utf-8") for name in ("console.css", "dark.css"))
    root, _, rules = day.partition("}")
    literal = r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|oklch)a?\(|:\s*(?:white|black)\b"
    assert re.findall(literal, rules) == []
    of_day, of_night = (dict(re.findall(r"(--[\w-]+): (.+);", text)) for text in (root, night))
    assert of_day.keys() == of_night.keys()
    assert {name for name in of_day if of_day[name] == of_night[name]} == {"--on-solid", "--ageing-edge"}
    used = set(re.findall(r"var\((--[\w-]+)\)", rules))
    assert used == set(of_day)


async def test_each_person_chooses_and_the_choice_is_hers_everywhere(site: Site) -> None:
    """As the computer is, light, or dark: kept on the account, there from the first byte, nowhere else."""
    made = await a_night(site.world)
    page = await site.signed_in()
    colleague = await site.signed_in("supervisor")
    await page.emulate_media(color_scheme="dark")
    assert await paper(page) == DARK
    await page.emulate_media(color_scheme="light")
    assert await paper(page) == LIGHT
    await page.get_by_role("link", name="さとう").click()
    await page.get_by_label("暗い").check()
    await page.get_by_role("button", name="このようにする").click()
    await expect(page.get_by_label("暗い")).to_be_checked()
    await sane(page)
    await axe(page)
    await shot(page, "30-my-page-dark")
    await page.goto(f"{site.root}/cases/{made['vanish'].id}")
    assert await paper(page) == DARK
    assert await page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") is False
    await page.emulate_media(media="print")
    assert await paper(page) in ("rgb(255, 255, 255)", LIGHT)
    assert await paper(colleague) == LIGHT
    again = await site.signed_in()
    assert await paper(again) == DARK
    await again.goto(f"{site.root}/me")
    await again.get_by_label("明るい", exact=True).check()
    await again.get_by_role("button", name="このようにする").click()
    await again.emulate_media(color_scheme="dark")
    await expect(again.get_by_label("明るい", exact=True)).to_be_checked()
    assert await paper(again) == LIGHT


async def test_signing_in_follows_the_computer(site: Site) -> None:
    """Who is not signed in has not chosen."""
    page = await site.page(color_scheme="dark")
    await page.goto(f"{site.root}/sign-in")
    assert await paper(page) == DARK
    await shot(page, "31-sign-in-dark")
    await sane(page)
