"""DeepL's API (`POST /v2/translate`), and what answers as it does.

The rule: a fixed term is put in an XML tag that DeepL leaves alone. The free plan's address is refused: its terms
exclude personal data (docs/translation.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape, unescape
from typing import Any, Final

from bot.settings import TRANSLATE
from handoff.translator import Piece, Translator, Wire, web_address

NEEDS: Final = ("DEEPL_URL", "DEEPL_KEY")
MAY: Final = ()

#: Our id -> (as a source, as a target). Nepali and Filipino are DeepL's beta and are not sent (checked 2026-11-23).
LANGUAGES: Final[Mapping[str, tuple[str, str]]] = {
    "ja": ("JA", "JA"),
    "en": ("EN", "EN-US"),
    "zh-Hans": ("ZH", "ZH-HANS"),
    "zh-Hant": ("ZH", "ZH-HANT"),
    "ko": ("KO", "KO"),
    "vi": ("VI", "VI"),
    "pt-BR": ("PT", "PT-BR"),
    "es": ("ES", "ES"),
    "id": ("ID", "ID"),
}
TAG: Final = "keep"
_TAGS: Final = re.compile(rf"</?{TAG}\s*/?>")


def problems(given: Mapping[str, str]) -> list[str]:
    """Return what is wrong."""
    url = given["DEEPL_URL"]
    if "//api-free." in url:
        return [f"{TRANSLATE}DEEPL_URL is the free plan's, whose terms exclude personal data"]
    return web_address("DEEPL_URL", url)


def opened(given: Mapping[str, str]) -> Translator:
    """Return the service."""
    return DeepL(Wire(given["DEEPL_URL"].rstrip("/"), {456: "quota"}), given["DEEPL_KEY"])


class DeepL:
    """Translate with DeepL."""

    languages = frozenset(LANGUAGES) - {"ja"}

    def __init__(self, wire: Wire, key: str) -> None:
        self._wire, self._key = wire, key

    async def translate(self, pieces: Sequence[Piece], source: str, target: str) -> str:
        """Return the whole text in `target`. Raises TranslatorError."""
        body = {
            "text": ["".join(_marked(piece) for piece in pieces)],
            "source_lang": LANGUAGES[source][0],
            "target_lang": LANGUAGES[target][1],
            "tag_handling": "xml",
            "ignore_tags": [TAG],
            "preserve_formatting": True,
            "model_type": "prefer_quality_optimized",  # Vietnamese has no other (checked 2026-11-23)
        }
        headers = {"authorization": f"DeepL-Auth-Key {self._key}"}
        return await self._wire.ask("/v2/translate", _read, headers=headers, body=body)

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.close()


def _marked(piece: Piece) -> str:
    if piece.becomes:
        return f"<{TAG}>{escape(piece.becomes, quote=False)}</{TAG}>"
    return escape(piece.text, quote=False)


def _read(answer: Any) -> str:
    (found,) = answer["translations"]
    return unescape(_TAGS.sub("", found["text"]))
