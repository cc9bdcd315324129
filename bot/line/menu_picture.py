"""The picture of a rich menu as a page for a browser to photograph: our own drawings and the words of one language.

The rule: pure. A PNG carries the mark of the page it was made from, so that a picture whose words have changed since
is found (`content check`); `make menus` draws anew.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Mapping
from html import escape
from typing import Final

from bot.dialogs.menu import AREAS
from bot.i18n import Catalogs, html_language
from bot.messages import Phrase

#: LINE's own largest form: two rows that a thumb meets at night without aiming (facts/line.md 3: 800-2500 wide).
WIDTH, HEIGHT, COLUMNS, ROWS = 2500, 1686, 3, 2
PERSON: Final = "person.ask"  # the one area that stands out (CARE: a person is always one tap away)
LABEL_SIZES: Final = (112, 100, 88)  # pixels, 17 to 14 on a phone; the first in which every label fits is taken
KEYWORD: Final = b"madoguchi"

#: act of an area -> its drawing in a field of 24 by 24.
ICONS: Final[Mapping[str, str]] = {
    "find_place.begin": (
        '<path d="M12 21.2s-6.8-6-6.8-11.4a6.8 6.8 0 0 1 13.6 0c0 5.4-6.8 11.4-6.8 11.4z"/>'
        '<circle cx="12" cy="9.8" r="2.4"/>'
    ),
    "menu.about:care": (
        '<path d="M3.2 11.4 12 3.8l8.8 7.6M5.6 9.8v10h12.8v-10"/>'
        '<path d="M12 17s-3.2-1.9-3.2-4a1.7 1.7 0 0 1 3.2-.8 1.7 1.7 0 0 1 3.2.8c0 2.1-3.2 4-3.2 4z"/>'
    ),
    "menu.about:birth": (
        '<rect x="5" y="3" width="14" height="18" rx="2"/><path d="M8.4 3v18"/>'
        '<path d="M13.7 14.6s-3-1.8-3-3.8a1.6 1.6 0 0 1 3-.8 1.6 1.6 0 0 1 3 .8c0 2-3 3.8-3 3.8z"/>'
    ),
    "menu.about:health": (
        '<path d="M14.2 13.9V5.2a2.2 2.2 0 0 0-4.4 0v8.7a4.2 4.2 0 1 0 4.4 0z"/>'
        '<path d="M12 9v8.4M16.8 6h2.4M16.8 9.6h2.4"/><circle cx="12" cy="17.4" r="1.2" fill="currentColor"/>'
    ),
    "person.ask": (
        '<circle cx="7.8" cy="11.4" r="3.1"/><path d="M2 21a5.8 5.8 0 0 1 11.6 0"/>'
        '<path d="M13.8 2.8h6.6a1.2 1.2 0 0 1 1.2 1.2v4.2a1.2 1.2 0 0 1-1.2 1.2h-2.6l-2.2 2.2V9.4h-1.8'
        'a1.2 1.2 0 0 1-1.2-1.2V4a1.2 1.2 0 0 1 1.2-1.2z"/>'
    ),
    "language.ask": (
        '<circle cx="12" cy="12" r="8.6"/><path d="M3.4 12h17.2"/>'
        '<path d="M12 3.4c3.6 3.8 3.6 13.4 0 17.2c-3.6-3.8-3.6-13.4 0-17.2z"/>'
    ),
}

#: language -> the fonts that hold its script (Debian: fonts-noto-cjk, fonts-noto-core); all others are Latin.
FONTS: Final[Mapping[str, str]] = {
    "ja": "Noto Sans CJK JP", "ja-easy": "Noto Sans CJK JP", "zh-Hans": "Noto Sans CJK SC",
    "zh-Hant": "Noto Sans CJK TC", "ko": "Noto Sans CJK KR", "ne": "Noto Sans Devanagari",
}  # fmt: skip
LATIN: Final = "Noto Sans"
FALLBACK: Final = "Noto Sans CJK JP"  # for what stands in Japanese everywhere: ことば

_STYLE = """
* { box-sizing: border-box; margin: 0 }
body { width: %(width)dpx; height: %(height)dpx; overflow: hidden; background: #e6e0d8; font-weight: 700;
  font-family: '%(font)s', '%(latin)s', '%(fallback)s'; color: #2b2b2b; line-height: 1.3 }
main { display: grid; grid-template-columns: 833px 834px 833px; grid-auto-rows: 843px; height: 100%% }
section { margin: 10px; border-radius: 48px; background: #fffaf4; display: flex; flex-direction: column;
  align-items: center; padding-top: 120px; gap: 44px }
svg { width: 300px; height: 300px; fill: none; stroke: currentColor; stroke-width: 1.5; stroke-linecap: round;
  stroke-linejoin: round; color: #b4552d }
p { width: 750px; text-align: center; font-size: var(--size); word-break: auto-phrase;
  text-wrap: balance }
.person { background: #b4552d; color: #fff } .person svg { color: #fff }
"""


def languages(words: Catalogs) -> tuple[str, ...]:
    """Return the languages that have words of their own for every area; the others see the menu of Japanese."""
    needed = [area.label.msgid for area in AREAS if isinstance(area.label, Phrase)]
    return tuple(id for id in words.languages if all(words.says(msgid, id) for msgid in needed))


def page(language: str, words: Catalogs) -> str:
    """Return the page that is drawn, WIDTH by HEIGHT pixels; a label's size is set by who draws it (`--size`)."""
    fields = {"width": WIDTH, "height": HEIGHT, "font": FONTS.get(language, LATIN), "latin": LATIN}
    style = _STYLE % {**fields, "fallback": FALLBACK}
    areas = "".join(
        f'<section{" class=person" if area.act == PERSON else ""}><svg viewBox="0 0 24 24">{ICONS[area.act]}</svg>'
        f"<p>{escape(words.word(area.label, language))}</p></section>"
        for area in AREAS
    )
    tag = html_language(language)
    return f'<!doctype html><html lang="{tag}"><meta charset="utf-8"><style>{style}</style><main>{areas}</main></html>'


# --- the mark in the PNG (a tEXt chunk, PNG specification 11.3.4.3) ---------------------------------------------------


def mark(language: str, words: Catalogs) -> str:
    """Return the mark of what would be drawn now."""
    return hashlib.sha256(page(language, words).encode()).hexdigest()[:16]


def marked(png: bytes, mark: str) -> bytes:
    """Return the PNG with the mark in it, right after its head (8 bytes of signature, 25 of IHDR)."""
    body = b"tEXt" + KEYWORD + b"\0" + mark.encode("ascii")
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:33] + chunk + png[33:]


def mark_of(png: bytes) -> str:
    """Return the mark of a PNG that `marked` made, else ""."""
    at = 33
    if png[37:41] != b"tEXt" or not png[41:].startswith(KEYWORD + b"\0"):
        return ""
    (length,) = struct.unpack(">I", png[at : at + 4])
    return png[42 + len(KEYWORD) : at + 8 + length].decode("ascii", "replace")
