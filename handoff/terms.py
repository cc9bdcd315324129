"""Terms of welfare that are called the same wherever they stand: what a service leaves alone, and what it lost.

The rule: pure; the words come from content/terms.yaml and the city's settings, and a city's own stand above ours.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from bot.i18n import SOURCE
from handoff.translator import Piece

#: Scripts that put nothing between words, or join endings to them: a term is found inside them too.
_JOINED: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uff66-\uff9f]")


@dataclass(frozen=True, slots=True)
class Lost:
    """Hold a term that does not stand in the translation: how it was written, and what it should have become."""

    term: str
    wanted: str


class Terms:
    """Hold what terms are called: Japanese -> language -> words."""

    def __init__(self, shipped: Mapping[str, Mapping[str, str]], own: Mapping[str, Mapping[str, str]]) -> None:
        self._called = {term: dict(shipped.get(term, {})) | dict(own.get(term, {})) for term in {**shipped, **own}}

    def pieces(self, text: str, source: str, target: str) -> tuple[Piece, ...]:
        """Return a text cut at its terms; one of the two languages is Japanese."""
        plain = unicodedata.normalize("NFC", text)  # a term is found however the letters were composed
        known = self._known(source, target)
        if not known:
            return (Piece(plain),)
        pieces, here = [], 0
        for found in _pattern(tuple(known)).finditer(plain):
            if found.start() > here:
                pieces.append(Piece(plain[here : found.start()]))
            pieces.append(Piece(found[0], known[found[0].casefold()]))
            here = found.end()
        return (*pieces, Piece(plain[here:])) if here < len(plain) else tuple(pieces)

    def _known(self, source: str, target: str) -> dict[str, str]:
        """Return each way to write a term in `source`, folded, and what it becomes in `target`.

        A Japanese term that stands in a text of another language stays as it is.
        """
        if source == SOURCE:
            return {term.casefold(): called[target] for term, called in self._called.items() if target in called}
        found = {}
        for term, called in self._called.items():
            found[term.casefold()] = term
            if source in called:
                found.setdefault(called[source].casefold(), term)  # the first of two that are called the same
        return found


def lost(pieces: Sequence[Piece], translated: str) -> tuple[Lost, ...]:
    """Return the terms that do not stand in the translation as they should."""
    there = unicodedata.normalize("NFC", translated).casefold()
    gone = [Lost(one.text, one.becomes) for one in pieces if one.becomes and one.becomes.casefold() not in there]
    return tuple(dict.fromkeys(gone))


@lru_cache(maxsize=64)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    """Return what finds the words, the longest first; where words are parted, only whole ones."""
    each = (_whole(word) for word in sorted(words, key=len, reverse=True))
    return re.compile("|".join(each), re.IGNORECASE)


def _whole(word: str) -> str:
    before = "" if _JOINED.match(word[0]) else r"(?<!\w)" if word[0].isalpha() else r"(?<![\w-])"
    after = "" if _JOINED.match(word[-1]) else r"(?!\w)" if word[-1].isalpha() else r"(?![\d-])"
    return before + re.escape(word) + after
