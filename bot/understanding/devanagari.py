"""Write Devanagari in Latin letters as Nepali speakers type it on telephones: छोरी → chori, हुन्छ → huncha.

The rule: letter by letter, so that one word shares most of its groups of letters in both scripts. The vowel that a
consonant carries by itself is written inside a word and left out at its end, as it is spoken.
Source of the letters: the Unicode block U+0900–097F, which follows ISCII.
"""

from __future__ import annotations

import re

_LETTERS = re.compile(r"[\u0900-\u097f]+")
_CONSONANTS = {
    "क": "k", "ख": "kh", "ग": "g", "घ": "gh", "ङ": "ng", "च": "ch", "छ": "ch", "ज": "j", "झ": "jh", "ञ": "n",
    "ट": "t", "ठ": "th", "ड": "d", "ढ": "dh", "ण": "n", "त": "t", "थ": "th", "द": "d", "ध": "dh", "न": "n",
    "प": "p", "फ": "ph", "ब": "b", "भ": "bh", "म": "m", "य": "y", "र": "r", "ल": "l", "व": "w",
    "श": "s", "ष": "s", "स": "s", "ह": "h",
}  # fmt: skip
_VOWELS = dict(zip("अआइईउऊऋएऐओऔ", ["a", "a", "i", "i", "u", "u", "ri", "e", "ai", "o", "au"], strict=True))
_SIGNS = dict(zip("ािीुूृेैोौ", ["a", "i", "i", "u", "u", "ri", "e", "ai", "o", "au"], strict=True))
_OTHERS = {"ं": "n", "ँ": "n", "ः": "", "़": "", "्": "", "।": ".", "॥": "."}
_OTHERS |= {chr(0x966 + digit): str(digit) for digit in range(10)}


def latin(text: str) -> str:
    """Return a text with its Devanagari in Latin letters; all else stays."""
    return _LETTERS.sub(_word, text)


def _word(found: re.Match[str]) -> str:
    letters = found[0].replace("़", "")
    written = []
    for at, letter in enumerate(letters):
        after = letters[at + 1 : at + 2]
        if letter in _CONSONANTS:
            last = not after and at > 0 and letters[at - 1] != "्"  # हात is hat, but हुन्छ is huncha
            silent = after in _SIGNS or after == "्" or last
            written.append(_CONSONANTS[letter] + ("" if silent else "a"))
        else:
            written.append(_VOWELS.get(letter) or _SIGNS.get(letter) or _OTHERS.get(letter, letter))
    return "".join(written)
