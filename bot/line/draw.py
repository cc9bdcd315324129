"""Draw the pictures of the rich menus in a real Chromium (`make menus`); needs the dev extra and Noto's fonts.

The rule: a picture with a box where a letter should be, or with words that do not fit, is refused, never kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from bot.errors import ContentError
from bot.i18n import Catalogs
from bot.line.menu_picture import FALLBACK, FONTS, HEIGHT, LABEL_SIZES, LATIN, WIDTH, mark, marked, page

LARGEST = 300_000  # bytes of one picture that is kept with the code
#: Whether every label stands in one or two lines, none wider than its field.
_FITS = """size => {
  document.body.style.setProperty('--size', size + 'px');
  return [...document.querySelectorAll('p')].every(p => p.offsetHeight <= 2.7 * size && p.scrollWidth <= p.clientWidth);
}"""


def draw(languages: Iterable[str], words: Catalogs, folder: Path, chromium: str) -> dict[str, int]:
    """Draw the menu of each language into `folder` as <language>.png and return the sizes in bytes.

    Raises ContentError when a font is missing, a label does not fit, or a picture is larger than 300 KB.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sizes = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-lcd-text"])
        view = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        for language in languages:
            view.set_content(page(language, words))
            if not any(view.evaluate(_FITS, size) for size in LABEL_SIZES):
                raise ContentError(
                    f"menus/{language}: a label does not fit into two lines: make its translation shorter"
                )
            wanted = {FONTS.get(language, LATIN), LATIN, FALLBACK}
            if strange := _fonts(view) - wanted:
                raise ContentError(f"menus/{language}: drawn with {sorted(strange)}, not with {sorted(wanted)}")
            png = marked(view.screenshot(type="png"), mark(language, words))
            if len(png) > LARGEST:
                raise ContentError(f"menus/{language}: {len(png)} bytes, more than {LARGEST}")
            (folder / f"{language}.png").write_bytes(png)
            sizes[language] = len(png)
        browser.close()
    return sizes


def _fonts(view: Page) -> set[str]:
    """Return the families that the labels were really drawn with."""
    session = view.context.new_cdp_session(view)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    found: set[str] = set()
    for node in session.send("DOM.querySelectorAll", {"nodeId": root, "selector": "p"})["nodeIds"]:
        used = session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
        found |= {str(font["familyName"]) for font in used}
    session.detach()
    return found
