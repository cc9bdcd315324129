"""LibreTranslate's API (`POST /translate`), mostly on a machine of the city's own.

The rule: a text without fixed terms goes as plain text; with terms it goes as HTML, each in an element that says
`translate="no"`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape, unescape
from typing import Any, Final

from handoff.translator import Piece, Translator, Wire, web_address

NEEDS: Final = ("LIBRETRANSLATE_URL",)
MAY: Final = ("LIBRETRANSLATE_KEY",)  # servers that are one's own often need none

#: Our id -> the short code that old and new servers take. Of Nepali it has no model (checked 2026-11-23).
LANGUAGES: Final[Mapping[str, str]] = {
    "ja": "ja",
    "en": "en",
    "zh-Hans": "zh",
    "zh-Hant": "zt",
    "ko": "ko",
    "vi": "vi",
    "pt-BR": "pb",
    "fil": "tl",
    "es": "es",
    "id": "id",
}
_TAGS: Final = re.compile(r"""</?span(?:\s+translate=["']?no["']?)?\s*>""")


def problems(given: Mapping[str, str]) -> list[str]:
    """Return what is wrong."""
    return web_address("LIBRETRANSLATE_URL", given["LIBRETRANSLATE_URL"], inside=True)


def opened(given: Mapping[str, str]) -> Translator:
    """Return the service."""
    return LibreTranslate(Wire(given["LIBRETRANSLATE_URL"].rstrip("/")), given.get("LIBRETRANSLATE_KEY", ""))


class LibreTranslate:
    """Translate with a LibreTranslate server."""

    languages = frozenset(LANGUAGES) - {"ja"}

    def __init__(self, wire: Wire, key: str) -> None:
        self._wire, self._key = wire, key

    async def translate(self, pieces: Sequence[Piece], source: str, target: str) -> str:
        """Return the whole text in `target`. Raises TranslatorError."""
        terms = any(piece.becomes for piece in pieces)
        whole = "".join(_marked(piece) if terms else piece.text for piece in pieces)
        lines = whole.split("\n")  # HTML would run them together
        said = [line for line in lines if line.strip()]
        body: dict[str, Any] = {
            "q": said,
            "source": LANGUAGES[source],
            "target": LANGUAGES[target],
            "format": "html" if terms else "text",
            **({"api_key": self._key} if self._key else {}),
        }

        def read(answer: Any) -> list[str]:
            found = answer["translatedText"]
            if not isinstance(found, list) or len(found) != len(said) or not all(isinstance(one, str) for one in found):
                raise ValueError("not a line for a line")
            return found

        found = iter(await self._wire.ask("/translate", read, body=body))
        joined = "\n".join(next(found) if line.strip() else "" for line in lines)
        return unescape(_TAGS.sub("", joined)) if terms else joined

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.close()


def _marked(piece: Piece) -> str:
    if piece.becomes:
        return f'<span translate="no">{escape(piece.becomes, quote=False)}</span>'
    return escape(piece.text, quote=False)
