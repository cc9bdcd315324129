"""Finds places by free words: parts of names in kanji, kana or romaji, one letter wrong if nothing else fits.

The rule: a word must stand in one of a place's names; spelling is folded (`areas.fold`) and never ranked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import regex
from numpy.typing import NDArray

from bot.directory.areas import fold
from bot.directory.columns import Rows
from bot.directory.resources import Resource
from bot.kana import hiragana

_RARE = 0xFFFF  # what stands for all letters beyond
_MANY = 300  # hits one by one; beyond, the whole text is compared at once
_LEAST = 5  # letters of a word in which one may be wrong
_MOST = 3_000  # places in which half of the word stands: more would take too long to look at


class Words:
    """Hold the names of places in one long text, and where each place's end."""

    def __init__(self, places: Sequence[Resource], read: Callable[[str], str] = lambda name: "") -> None:
        """Join the names of places; `read` gives the reading of a name whose source gives none."""
        parts = [_names(place, read) for place in places]
        self._text = "\t".join(parts) + "\t"
        self._ends = np.cumsum([len(part) + 1 for part in parts], dtype=np.int64)
        self._letters: NDArray[np.uint16] | None = None  # made when the first common word is asked for

    def find(self, words: str) -> Rows:
        """Return the rows in which every word stands, in order; with one letter wrong if no row holds them all."""
        wanted = [word for word in dict.fromkeys(map(fold, words.split())) if word]
        if not wanted:
            return np.arange(len(self._ends), dtype=np.int32)
        exact = self._all(wanted, self._exact)
        return exact if len(exact) else self._all(wanted, self._either)

    @staticmethod
    def _all(wanted: Sequence[str], find: Callable[[str], Rows]) -> Rows:
        longest, *others = sorted(wanted, key=len, reverse=True)
        kept = find(longest)
        for word in others:
            if not len(kept):
                break
            kept = np.intersect1d(kept, find(word), assume_unique=True)
        return kept

    def _exact(self, word: str) -> Rows:
        """Return the rows that hold a word, or its reading if it is in Latin letters."""
        found = self._holding(word)
        return _joined((found, self._holding(read))) if (read := _reading(word)) else found

    def _either(self, word: str) -> Rows:
        """Return the rows that hold a word, or if there are none, one that differs from it by one letter."""
        found = self._exact(word)
        if len(found) or len(word) < _LEAST:
            return found
        return _joined(self._nearly(spelling) for spelling in filter(None, (word, _reading(word))))

    def _nearly(self, word: str) -> Rows:
        """Return the rows that hold a word with one letter wrong, missing or too many: one half of it is right."""
        half = len(word) // 2
        rows = _joined((self._holding(word[:half]), self._holding(word[half:])))
        if len(rows) > _MOST:
            return rows[:0]
        near = regex.compile(f"(?:{regex.escape(word)}){{e<=1}}")
        return rows[[near.search(self._names_of(int(row))) is not None for row in rows]]

    def _names_of(self, row: int) -> str:
        return self._text[int(self._ends[row - 1]) if row else 0 : int(self._ends[row]) - 1]

    def _holding(self, word: str) -> Rows:
        found: list[int] = []
        at = self._text.find(word)
        while at >= 0:
            row = int(self._ends.searchsorted(at, side="right"))
            found.append(row)
            if len(found) > _MANY:
                return self._scanned(word)
            at = self._text.find(word, int(self._ends[row]))
        return np.asarray(found, np.int32)

    def _scanned(self, word: str) -> Rows:
        """Return the rows that hold a common word, all letters of all names compared at once."""
        if self._letters is None:
            whole = np.frombuffer(self._text.encode("utf-32-le"), np.uint32)
            self._letters = np.minimum(whole, _RARE).astype(np.uint16)
        letters = self._letters
        size = len(letters) - len(word) + 1
        same = letters[:size] == min(ord(word[0]), _RARE)
        for place, letter in enumerate(word[1:], 1):
            same &= letters[place : place + size] == min(ord(letter), _RARE)
        rows = self._ends.searchsorted(np.flatnonzero(same), side="right")
        first = np.append(True, rows[1:] != rows[:-1])[: len(rows)]
        return np.asarray(rows[first], np.int32)


def _reading(word: str) -> str:
    """Return a folded word of Latin letters (hoiku-en) as names hold its reading, or an empty text."""
    latin = word.replace("ー", "")
    return fold(hiragana(latin)) if latin.isascii() else ""


def _joined(found: Iterable[Rows]) -> Rows:
    return np.unique(np.concatenate([*found, np.zeros(0, np.int32)]))


def _names(place: Resource, read: Callable[[str], str]) -> str:
    names = (
        place.name,
        place.kana or read(place.name),
        place.name_latin,
        place.alternate_name,
        place.organization.name,
        place.location.name,
    )
    return "\n".join(map(fold, names))
