"""Fold what a resident wrote into comparable text, and lead every place of it back to the resident's own characters.

The rule: folding never decides anything and never loses the way back; evidence is always cut out of the raw text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

_DROPPED = {"Cf", "Mn", "Cc", "Sk"}  # zero-width marks, stray accents, skin tones; newline and tab are kept as space
_KEPT_MARKS = re.compile(r"[\u0900-\u0dff\u0e00-\u0eff\u0f00-\u109f\u1780-\u17ff]")  # scripts whose vowels are marks
_HALF_VOICING = "\uff9e\uff9f"
_APOSTROPHES = "'’‘`´＇ʼ"
_SMALL = dict(zip("ぁぃぅぇぉゎ", "あいうえおわ", strict=True))
_VOWELS = {
    "あ": "あかさたなはまやらわがざだばぱ",
    "い": "いきしちにひみりぎじぢびぴ",
    "う": "うくすつぬふむゆるぐずづぶぷ",
    "え": "えけせてねへめれげぜでべぺ",
    "う ": "おこそとのほもよろをごぞどぼぽ",
}
_LONG = {kana: vowel.strip() for vowel, row in _VOWELS.items() for kana in row}
_WAVES = "ー〜~―─━–—"
JAPANESE = re.compile(r"[\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3400-\u9fff々〇○●◯]")


@dataclass(frozen=True, slots=True)
class Text:
    """Hold folded text and, for each of its characters, from where to where it stood in `raw`."""

    raw: str
    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def evidence(self, begin: int, end: int) -> str:
        """Return the resident's own characters behind `text[begin:end]`."""
        if begin >= end:
            return ""
        return self.raw[self.starts[begin] : self.ends[end - 1]]

    def keep(self, wanted: Callable[[int], bool]) -> Text:
        """Return this text without the characters whose index is not `wanted`."""
        kept = [i for i in range(len(self.text)) if wanted(i)]
        if len(kept) == len(self.text):
            return self
        return Text(
            self.raw,
            "".join(self.text[i] for i in kept),
            tuple(self.starts[i] for i in kept),
            tuple(self.ends[i] for i in kept),
        )


@lru_cache(maxsize=8192)
def _joins(letter: str) -> bool:
    """Return whether it belongs to the letter before: accents, half-width voicing, parts of a Korean syllable."""
    return bool(unicodedata.combining(letter)) or letter in _HALF_VOICING or "\u1160" <= letter <= "\u11ff"


@lru_cache(maxsize=65536)
def _folded(piece: str) -> str:
    return unicodedata.normalize("NFKC", piece).lower()


def _pieces(raw: str) -> list[tuple[str, int, int]]:
    """Cut raw text into (folded characters, start, end): a base character takes its combining marks along."""
    pieces: list[tuple[str, int, int]] = []
    i = 0
    while i < len(raw):
        j = i + 1
        while j < len(raw) and _joins(raw[j]):
            j += 1
        pieces.append((_folded(raw[i:j]), i, j))
        i = j
    return pieces


@lru_cache(maxsize=8192)
def _dropped(letter: str) -> bool:
    return unicodedata.category(letter) in _DROPPED and not _KEPT_MARKS.match(letter)


#: Lower-case texts that folding leaves as they are: no letter three times, no two blanks, nothing that is composed,
#: dropped, stretched or made small. Most phrases of the content are so: they are folded ten times faster.
_AS_IT_IS = re.compile(
    r"(?:(?!(.)\1\1)[a-z0-9.,!?:;()/\"à-öø-ÿđơưạ-ỹあいうえおか-ろわをんァ-ヺ\u4e00-\u9fff가-힣、。]|(?<=[^ ]) (?! ))*"
)


#: A number longer than any telephone's or date's: what is beyond says nothing, and each reader would try it from every
#: place (4,500 digits took a quarter of a minute to hear).
_MOST_DIGITS = 24
_NUMERALS = frozenset("一二三四五六七八九十")
_LONG_NUMBER = re.compile(rf"[\d一二三四五六七八九十]{{{_MOST_DIGITS + 1}}}")


@lru_cache(maxsize=32)  # several readers fold one message
def fold(raw: str, *, apostrophes: bool = False) -> Text:
    """Return `raw` in NFKC and lower case, without unseen marks, elongations, or (unless kept) apostrophes.

    Of a number longer than 24 digits the beginning stays.
    """
    line = raw.lower()
    as_it_is = len(line) == len(raw) and "たいい" not in line and not _LONG_NUMBER.search(line)
    if as_it_is and _AS_IT_IS.fullmatch(line):
        return Text(raw, line, tuple(range(len(raw))), tuple(range(1, len(raw) + 1)))
    return _fold(raw, apostrophes)


def _fold(raw: str, apostrophes: bool) -> Text:
    letters: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    digits = 0
    for piece, start, end in _pieces(raw):
        for letter in piece:
            before = letters[-1] if letters else ""
            if letter.isspace():
                if before in ("", " "):
                    continue
                letter = " "
            elif letter in _APOSTROPHES:
                if not apostrophes:
                    continue
                letter = "'"
            elif _dropped(letter):
                continue
            elif letter in _WAVES:
                if before == "ー":
                    ends[-1] = end
                    continue
                if "\u3041" <= before <= "\u3096" or "\u30a1" <= before <= "\u30fa":
                    letter = "ー"
            else:
                letter = _SMALL.get(letter, letter)
            if letter == before and letters[-2:] == [letter, letter] and not letter.isdigit():
                ends[-1] = end  # 3 or more of the same: 2 stay, as in "sooo", "!!!!", "ああああ"
                continue
            digits = digits + 1 if letter.isdigit() or letter in _NUMERALS else 0
            if digits > _MOST_DIGITS:
                ends[-1] = end
                continue
            letters.append(letter)
            starts.append(start)
            ends.append(end)
    return _unstretch(Text(raw, "".join(letters), tuple(starts), tuple(ends)))


def _unstretch(text: Text) -> Text:
    """Undo long vowels that were only felt: しにたーい, つかれたー, もーむり, しにたいい."""
    if "ー" not in text.text and "たいい" not in text.text:
        return text
    letters = list(text.text)
    gone: set[int] = set()
    for i, letter in enumerate(letters):
        before = letters[i - 1] if i else ""
        after = letters[i + 1] if i + 1 < len(letters) else ""
        hiragana_before = "\u3041" <= before <= "\u3096"
        if letter == "ー" and hiragana_before:
            if not after or not ("\u3041" <= after <= "\u3096") or (before == "た" and after == "い"):
                gone.add(i)
            else:
                letters[i] = _LONG.get(before, "ー")
        elif letter == before == "い" and i > 1 and letters[i - 2] == "た" and not ("\u3041" <= after <= "\u3096"):
            gone.add(i)
    if not gone:
        return Text(text.raw, "".join(letters), text.starts, text.ends)
    mended = Text(text.raw, "".join(letters), text.starts, text.ends)
    return mended.keep(lambda i: i not in gone)


_SEPARATOR = re.compile(r"[ ・･_*/|.,、…-]")


def tight(text: Text) -> Text:
    """Return folded text without the spaces and separators that stand between Japanese characters (し・に・た・い)."""
    source = text.text
    if not (_SEPARATOR.search(source) and JAPANESE.search(source)):
        return text

    def wanted(i: int) -> bool:
        if not _SEPARATOR.match(source[i]):
            return True
        before = source[i - 1] if i else ""
        after = source[i + 1] if i + 1 < len(source) else ""
        if source[i] == " ":
            return not (JAPANESE.match(before) or JAPANESE.match(after))
        return not (JAPANESE.match(before) and JAPANESE.match(after))

    return text.keep(wanted)


_ONE = r"[\u3041-\u3096\u30a1-\u30fa\u3400-\u9fff]"
_SPACED = re.compile(rf"(?:(?<=^)|(?<=\W))(?:{_ONE}[ ・･.,、…_*/|-]){{2,}}{_ONE}(?=\W|$)")


def unspaced(text: Text) -> Text:
    """Return folded text in which runs of single spaced-out Japanese characters are closed up (し に た い)."""
    inside: set[int] = set()
    for match in _SPACED.finditer(text.text):
        inside.update(i for i in range(*match.span()) if not JAPANESE.match(text.text[i]))
    return text.keep(lambda i: i not in inside) if inside else text
