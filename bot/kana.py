"""Reads Latin letters as Japanese syllables: hoikuen → ほいくえん, shibuya → しぶや.

The rule: Hepburn and Kunrei spellings, and what keyboards take, are read alike; a word with anything else in it has no
reading.
"""

from __future__ import annotations

import re

_VOWELS = "aiueo"
_ROWS = {
    "": "あいうえお", "k": "かきくけこ", "s": "さしすせそ", "t": "たちつてと", "n": "なにぬねの", "h": "はひふへほ",
    "m": "まみむめも", "r": "らりるれろ", "g": "がぎぐげご", "z": "ざじずぜぞ", "d": "だぢづでど", "b": "ばびぶべぼ",
    "p": "ぱぴぷぺぽ",
}  # fmt: skip
_SYLLABLES = {start + vowel: kana for start, row in _ROWS.items() for vowel, kana in zip(_VOWELS, row, strict=True)}
_SYLLABLES |= {
    "ya": "や", "yu": "ゆ", "yo": "よ", "wa": "わ", "wo": "を", "fu": "ふ",
    "tsu": "つ", "shi": "し", "chi": "ち", "ji": "じ",
    "sha": "しゃ", "shu": "しゅ", "sho": "しょ", "cha": "ちゃ", "chu": "ちゅ", "cho": "ちょ",
    "ja": "じゃ", "ju": "じゅ", "jo": "じょ",
}  # fmt: skip
_SYLLABLES |= {
    start + "y" + vowel: _SYLLABLES[start + "i"] + small
    for start in "ksztnhmrgbpd"
    for vowel, small in zip("auo", "ゃゅょ", strict=True)
}
_SYLLABLE = re.compile("|".join(sorted(_SYLLABLES, key=len, reverse=True)))


def syllables(word: str) -> list[tuple[str, int, int]]:
    """Return the syllables of a word in small Latin letters with where each stood, none if it cannot be Japanese."""
    found: list[tuple[str, int, int]] = []
    at = 0
    while at < len(word):
        if match := _SYLLABLE.match(word, at):
            found.append((_SYLLABLES[match[0]], at, match.end()))
            at = match.end()
        elif word[at] in "nm" and (at + 1 == len(word) or word[at + 1] not in "aiueoy") and (at or word != "m"):
            found.append(("ん", at, at + 1))
            at += 1
        elif (
            at + 1 < len(word) and (word[at] == word[at + 1] or word[at : at + 2] == "tc") and word[at] not in "aiueon"
        ):
            found.append(("っ", at, at + 1))
            at += 1
        else:
            return []
    return found


def hiragana(word: str) -> str:
    """Return a word in small Latin letters in hiragana, or an empty text if it cannot be Japanese."""
    return "".join(kana for kana, _first, _last in syllables(word))
