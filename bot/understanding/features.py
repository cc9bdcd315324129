"""Turn a text into what the learned layers weigh: its letters in groups (hashed), and the vectors of the encoders.

The rule: the same text gives the same features on every machine and in every process (CRC-32, never `hash`).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from bot.understanding.devanagari import latin
from bot.understanding.kanji import with_kanji
from bot.understanding.normalise import JAPANESE, fold, unspaced
from bot.understanding.romaji import japanese
from bot.understanding.words import simplified, undressed

Vectors = Mapping[str, NDArray[np.float32]]

_QUOTED = re.compile(r"^[\s\"'“”«»「」『』【】()（）]+|[\s\"'“”«»「」『』【】()（）]+$")
_LOUD = re.compile(r"[!.]*![!.]*")  # how loud something is said does not change what is said
_TELLING = frozenset("💊🔪🔫🩸🚑🆘😭😢😱🤮🤒🤕")


@lru_cache(maxsize=4096)
def _shown(letter: str) -> bool:
    return letter in _TELLING or unicodedata.category(letter) not in ("So", "Sk", "Cs", "Co")


@lru_cache(maxsize=32)  # one message is read so by three readers
def spoken(raw: str) -> str:
    """Return a text as the encoders read it: folded, without ornaments or quotes around the whole.

    Romaji is in kana, and the nouns of a text all in kana in kanji.
    """
    folded = fold(raw, apostrophes=True)
    text = with_kanji(unspaced(japanese(folded) or folded).text)
    bare = "".join(letter if _shown(letter) else " " for letter in _LOUD.sub(".", text))
    return _QUOTED.sub("", re.sub(r"\s+", " ", bare)).strip() or text.strip()


_END = re.compile(r"(?<=[.!?。！？।…])\s+|(?<=[。！？।])(?=\S)|\n+")
_SHORTEST, _MOST = 6, 8  # characters of a sentence that is weighed by itself; sentences, more are joined to so many


def sentences(raw: str) -> tuple[str, ...]:
    """Return the sentences of a text, at most eight (neighbours joined); none if it is a single one."""
    found = [part for each in _END.split(raw) if len(part := each.strip()) >= _SHORTEST]
    if len(found) > _MOST:
        size = -(-len(found) // _MOST)
        found = [" ".join(found[at : at + size]) for at in range(0, len(found), size)]
    return tuple(found) if len(found) > 1 else ()


@dataclass(frozen=True, slots=True)
class Grams:
    """Hold the hashed groups of letters of one text: places in the table, and weights of length 1 together."""

    places: NDArray[np.int32]
    weights: NDArray[np.float32]


def letters(raw: str, *, dressed: bool = False) -> str:
    """Return a text's letters with a blank around: folded; unless `dressed` simplified, Latin, without diacritics."""
    line = spoken(raw)
    if not dressed:
        kana = any("\u3041" <= letter <= "\u30fa" for letter in line)
        line = " ".join(
            undressed(word)
            if not JAPANESE.search(word)
            else word
            if kana
            else "".join(simplified(letter) if "\u3400" <= letter <= "\u9fff" else letter for letter in word)
            for word in line.split(" ")
        )
        line = latin(line)
    return f" {line} "


def grams(line: str, size: int, shortest: int = 1, longest: int = 4) -> Grams:
    """Return the groups of `shortest` to `longest` letters of a line, hashed into a table of `size`."""
    if line.isascii():
        cut = line.encode()
        each = [cut[at : at + n] for n in range(shortest, longest + 1) for at in range(len(cut) - n + 1)]
    else:
        each = [line[at : at + n].encode() for n in range(shortest, longest + 1) for at in range(len(line) - n + 1)]
    counted = Counter([crc32(part) % size for part in each])
    if not counted:
        return Grams(np.zeros(0, np.int32), np.zeros(0, np.float32))
    places = np.fromiter(counted.keys(), np.int32, len(counted))
    weights = 1 + np.log(np.fromiter(counted.values(), np.float32, len(counted)))
    return Grams(places, (weights / np.sqrt((weights * weights).sum())).astype(np.float32))
