"""Everything a page can do is found by a few letters and said by the sheet, without a mouse and with an IME."""

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from bot.store import Store
from tests.browser import test_console_pages
from tests.browser.chromium import claims, press
from tests.browser.test_console_pages import Site, a_night, sane, shot
from tests.browser.test_directory_pages import axe, fill

pytestmark = pytest.mark.browser

site = test_console_pages.site  # the running console
SHEET = """async () => {
  const { acts } = await import("/console/static/keys.js");
  document.getElementById("show-keys").click();
  const lines = [...document.querySelectorAll("#keys .keys div")];
  const keys = (some) => some.flatMap((line) => [...line.querySelectorAll("dt kbd")].map((key) => key.textContent));
  document.getElementById("keys").close();
  return { acts: Object.keys(acts), all: keys(lines), shown: keys(lines.filter((line) => !line.hidden)) };
}"""
UNREAD = """async () => {
  const { reading } = await import("/console/static/readings.js");
  const seen = document.querySelectorAll("main :is(button, summary, a.button), .nav a, .top-end :is(button, .me)");
  const labels = [...seen].filter((e) => e.checkVisibility()).map((e) => e.textContent.trim());
  return [...new Set(labels)].filter((label) => /[\\u4e00-\\u9fff]/.test(reading(label)));
}"""
#: What no module registers: the browser's own, and what works while one types.
EVERYWHERE = {"Ctrl", "Alt", "Enter", "Esc", "x"}


async def offered(page: Page, words: str) -> list[str]:
    """Type into the palette and return what it offers."""
    await page.get_by_role("combobox").fill(words)
    return [" ".join(one.split()) for one in await page.locator("#palette-list li").all_inner_texts()]


def chosen(page: Page) -> Locator:
    """Return the line that Enter takes."""
    return page.locator("#palette [aria-selected=true]")


async def test_an_action_is_found_in_kanji_kana_letters_or_by_its_key(site: Site) -> None:
    """The page's own come first; the navigation follows; nothing that is hidden is offered."""
    made = await a_night(site.world)
    page = await site.signed_in()
    await page.goto(f"{site.root}/cases/{made['vanish'].id}")
    await press(page, "Control+k")
    await expect(page.get_by_role("combobox")).to_be_focused()
    await shot(page, "40-palette")
    everything = await offered(page, "")
    assert everything[0] == "← 相談の列"
    assert "この相談を受ける c" in everything
    assert everything.index("この相談を受ける c") < everything.index("きょう") < everything.index("サインアウト")
    assert not any("送る" in one for one in everything)  # the reply's form is not there yet
    for words in (
        "受ける",
        "うける",
        "ウケ",
        "ukeru",
        "うk",
        "そうだん うけ",
        "sodan ukeru",
        "soudann uke",
        "ＵＫＥＲＵ",
        "c",
    ):
        assert (await offered(page, words))[0] == "この相談を受ける c", words
    for words in ("tiiki sigen", "chiiki shigen", "地域資源", "ちいきし"):
        assert await offered(page, words) == ["地域資源"], words
    assert await offered(page, "ほげ") == []
    await expect(page.locator("#palette-none")).to_be_visible()
    await expect(page.locator("#palette-count")).to_have_text("0件")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("combobox")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("combobox")).to_be_hidden()
    await sane(page)


async def test_arrows_choose_and_what_is_chosen_leads_there(site: Site) -> None:
    """Enter takes the case; a form is opened and not sent; sending is only walked to."""
    made = await a_night(site.world)
    page = await site.signed_in()
    await page.goto(f"{site.root}/cases/{made['vanish'].id}")
    await press(page, "Control+k")
    await offered(page, "uke")
    first = await chosen(page).inner_text()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowUp")
    assert await chosen(page).inner_text() == first
    active = await page.get_by_role("combobox").get_attribute("aria-activedescendant")
    await expect(page.locator(f"#{active}")).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("Enter")
    words = page.get_by_label("さとうとして書く")
    await expect(words).to_be_visible()
    await words.focus()
    await press(page, "Control+k")  # while she writes too
    await offered(page, "owaru")
    await offered(page, "相談を終える")
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("終えるときのメモ")).to_be_focused()
    await words.fill("読みました")
    await page.keyboard.press("Control+k")
    await offered(page, "おくる")
    await expect(chosen(page)).to_have_text("送る")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="送る", exact=True)).to_be_focused()
    await expect(page.locator(".by-staff")).to_have_count(0)
    await press(page, "Control+k")
    await offered(page, "basyo wo tazune")
    await page.keyboard.press("Enter")
    await expect(page.locator(".by-staff")).to_have_count(0)
    await press(page, "Control+k")
    await offered(page, "hensin")
    await page.keyboard.press("Enter")
    await expect(words).to_be_focused()


async def test_composing_chooses_and_closes_nothing(site: Site) -> None:
    """Enter and Escape belong to the IME while it composes; what is half composed filters already."""
    await a_night(site.world)
    page = await site.signed_in()
    await press(page, "Control+k")
    field = page.get_by_role("combobox")
    session = await page.context.new_cdp_session(page)
    await session.send("Input.imeSetComposition", {"text": "きょ", "selectionStart": 2, "selectionEnd": 2})
    await expect(page.locator("#palette-list li")).to_have_text(["きょう"])
    key = "(e, key) => e.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, isComposing: true }))"
    for name in ("Enter", "ArrowDown"):
        await field.evaluate(key, name)
    await page.locator("#palette").evaluate("(e) => e.requestClose()")
    await expect(field).to_be_visible()
    assert page.url == f"{site.root}/"
    await session.send("Input.insertText", {"text": "きょう"})
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{site.root}/today")


async def test_a_case_is_found_by_its_number(site: Site) -> None:
    """Whoever sees the queue finds a case by its short name, also one that is closed."""
    made = await a_night(site.world)
    number = str(made["resting"].id)[:4].upper()
    page = await site.signed_in()
    await page.goto(f"{site.root}/team")
    await press(page, "Control+k")
    assert (await offered(page, number))[-1] == f"番号 {number} の相談をさがす"
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{site.root}/cases?*")
    await expect(page.locator(".row-link")).to_have_count(1)
    boss = await site.signed_in("administrator")
    await press(boss, "Control+k")
    assert await offered(boss, number) == []


@pytest_asyncio.fixture(loop_scope="session")
async def pages(site: Site, sqlite_store: Store) -> tuple[Page, list[str]]:
    """Sign in and give the addresses of the console's pages."""
    made = await a_night(site.world)
    await fill(site.world)
    page = await site.signed_in("supervisor")
    talk = f"/cases/{made['vanish'].id}"
    lists = ["/", "/cases", "/today", "/team", "/directory", "/agencies", "/people", "/phrases", "/me", "/night-sheet"]
    more = [
        "/directory/week",
        "/directory/duplicates",
        "/directory/suggestions",
        "/directory/imports",
        "/directory/new",
    ]
    return page, [*lists, *more, "/agencies/new", "/people/new", "/phrases/new", talk, f"{talk}/emergency"]


async def test_the_sheet_says_what_is_true(site: Site, pages: tuple[Page, list[str]]) -> None:
    """Every key that a page listens for is on its sheet, and every key on the sheet does something there."""
    page, addresses = pages
    unread: set[str] = set()
    for address in addresses:
        await page.goto(site.root + address)
        sheet = await page.evaluate(SHEET)
        assert set(sheet["acts"]) <= set(sheet["all"]), address
        assert set(sheet["shown"]) - EVERYWHERE <= {*sheet["acts"], "k"}, address
        assert {"?", "x", "k"} <= set(sheet["shown"]), address
        unread |= set(await page.evaluate(UNREAD))
    assert unread == set()
    await page.goto(f"{site.root}{addresses[-2]}")
    await page.get_by_role("button", name="この相談を受ける").wait_for()
    free = set((await page.evaluate(SHEET))["shown"])
    await claims(page)
    await expect(page.locator("#words")).to_be_visible()
    held = set((await page.evaluate(SHEET))["shown"])
    assert (free - held, held - free) == ({"c"}, {"r", "t", "i", "p", "Enter"})
    await press(page, "?")
    await shot(page, "41-sheet")
    await sane(page)


async def test_the_palette_is_read_aloud_well(site: Site) -> None:
    """axe with the palette open, in light and at night."""
    await a_night(site.world)
    page = await site.signed_in()
    await press(page, "Control+k")
    await sane(page)
    await axe(page)
