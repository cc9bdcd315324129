"""Read Japanese that is typed in Latin letters: shinitai → しにたい, kodomo wo tataku → こども を たたく.

The rule: a text is read so only if nearly all its words can be Japanese and one of them is grammar that no other of our
languages has (です, ます, 〜たい, わたし): Filipino, Indonesian and Nepali also have many open syllables, and families
borrow 保育園 in any language. Hepburn and Kunrei spellings, and what keyboards take, are read alike.
"""

from __future__ import annotations

import re

from bot.understanding.normalise import JAPANESE, Text, fold

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
_WORD = re.compile(r"[a-z]+|[^a-z]+")
_PARTICLES = {"wa": "は", "o": "を", "e": "へ"}
# words of grammar, and beginnings of speech to a desk, that are neither borrowed nor words of another of our languages
_GRAMMAR = frozenset(
    """desu desuka deshita deshou kudasai onegai watashi boku tasukete korosareru genkai kowai samishii sabishii tsurai
    kurushii itsu ikura doko nande doushite kyou kyo kinou ashita ima mou sumimasen gomennasai dareka daremo kamo shinu
    shinda shinde inai okane onaka kusuri musuko musume kuchibiru kubi himo nonda itta totta datta dekiru omou
    okeru""".split()  # noqa: SIM905
)
_ENDING = re.compile(
    r"[a-z]{2,}(?:masu|masuka|mashita|masen|mashou|nakatta|tai|nai|shita|teru|tteiru|teiru|chatta|tte|reru|katta)$"
)
_FOREIGN = re.compile(r"(?:di|po|por|el|ini|ada|saya|chora|chori|cha|chu|chaina|hora|ra|[a-z]+nya|[a-z]*[aiu]ncha)$")
_SHARE = 0.8  # of the letters of a text that words which can be Japanese must have
_LEAST = 4  # letters of a text that is read so


def read(raw: str) -> Text:
    """Return a raw text folded, in hiragana if it is Japanese in Latin letters."""
    folded = fold(raw)
    return japanese(folded) or folded


def _kana(word: str) -> list[tuple[str, int, int]]:
    """Return the syllables of a word with where each stood, none if it cannot be Japanese."""
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


def japanese(text: Text) -> Text | None:
    """Return folded text in hiragana if it is Japanese in Latin letters, each kana leading back to its letters."""
    line = text.text
    if JAPANESE.search(line) or sum(letter.isascii() and letter.isalpha() for letter in line) < _LEAST:
        return None
    readable = whole = 0
    grammar = False
    letters: list[tuple[str, int, int]] = []
    for match in _WORD.finditer(line):
        word, begin = match[0], match.start()
        if not word[0].isalpha() or not word.isascii():
            letters += [(letter, begin + n, begin + n + 1) for n, letter in enumerate(word)]
            whole += sum(letter.isalpha() for letter in word)
            continue
        if _FOREIGN.match(word):
            return None
        whole += len(word)
        syllables = [(_PARTICLES[word], 0, len(word))] if word in _PARTICLES else _kana(word)
        if not syllables:
            letters += [(letter, begin + n, begin + n + 1) for n, letter in enumerate(word)]
            continue
        readable += len(word)
        grammar = grammar or word in _GRAMMAR or bool(_ENDING.match(word))
        letters += [(kana, begin + first, begin + last) for kana, first, last in syllables]
    if not grammar or readable < _SHARE * whole:
        return None
    each = [(kana, first, last) for syllable, first, last in letters for kana in syllable]
    return Text(
        text.raw,
        "".join(kana for kana, _first, _last in each),
        tuple(text.starts[first] for _kana, first, _last in each),
        tuple(text.ends[last - 1] for _kana, _first, last in each),
    )
