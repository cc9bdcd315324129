"""Hear what of a service is asked about (where, who can use it, its cost, how to apply, what to bring), and fears.

The rule: words of content/asked.yaml in every language at once; what they are about is for the topics to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from bot.understanding.features import spoken
from bot.understanding.normalise import fold, unspaced
from bot.understanding.words import undressed

FEARS: Final = ("report", "take_child", "immigration")  # "will you report me …" (CARE C3)
OF_A_SERVICE: Final = ("where", "who", "cost", "apply", "bring")
PARTS: Final = (*OF_A_SERVICE, "refused", "threatened", *FEARS)
_GAP = ".{0,20}"
_LATIN = re.compile(r"[a-z '-]+")
_DRESSED = re.compile(r"[a-z\u00df-\u024f\u1e00-\u1eff]+")


class Asked:
    """Hold the words that ask for each part (language -> part -> phrases between strokes)."""

    def __init__(self, document: Mapping[str, Mapping[str, str]]) -> None:
        """Raises KeyError for a language that lacks a part."""
        self._patterns = {part: _pattern(lines[part] for lines in document.values()) for part in PARTS if document}

    def parts(self, text: str) -> tuple[str, ...]:
        """Return the parts that a text asks about, in the order of PARTS."""
        read = _read(text)
        return tuple(part for part, pattern in self._patterns.items() if pattern.search(read))

    def rest(self, text: str) -> str:
        """Return what is left of a text without the words that ask for parts: what it is about, if it says so."""
        read = _read(text).partition("\n")[0]
        for pattern in self._patterns.values():
            read = pattern.sub(" ", read)
        return read


def _read(text: str) -> str:
    """Return a text as typed, without diacritics, and below it with romaji and kana as usually written."""
    plain = _DRESSED.sub(lambda word: undressed(word[0]), unspaced(fold(text)).text)
    return f"{plain}\n{spoken(text)}".strip()


def _pattern(lines: Iterable[str]) -> re.Pattern[str]:
    phrases = (phrase.strip() for line in lines for phrase in line.split("/"))
    return re.compile("|".join(map(_written, phrases)))


def _written(phrase: str) -> str:
    """Return a phrase as an expression: whole words in Latin letters, letters anywhere in others; `..` is a gap."""
    return _GAP.join(_words(part.strip()) for part in phrase.split(" .. "))


def _words(phrase: str) -> str:
    folded = fold(phrase.removesuffix("*")).text
    if not _LATIN.fullmatch(folded):
        return re.escape(folded)
    return rf"\b{re.escape(folded)}" + ("" if phrase.endswith("*") else r"\b")
