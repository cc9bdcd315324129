"""Read Japanese that is typed in Latin letters: shinitai → しにたい, kodomo wo tataku → こども を たたく.

The rule: a text is read so only if nearly all its words can be Japanese and one of them is grammar that no other of our
languages has (です, ます, 〜たい, わたし): Filipino, Indonesian and Nepali also have many open syllables, and families
borrow 保育園 in any language. How syllables are spelt: bot/kana.py.
"""

from __future__ import annotations

import re

from bot.kana import syllables
from bot.understanding.normalise import JAPANESE, Text, fold

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
        read_as = [(_PARTICLES[word], 0, len(word))] if word in _PARTICLES else syllables(word)
        if not read_as:
            letters += [(letter, begin + n, begin + n + 1) for n, letter in enumerate(word)]
            continue
        readable += len(word)
        grammar = grammar or word in _GRAMMAR or bool(_ENDING.match(word))
        letters += [(kana, begin + first, begin + last) for kana, first, last in read_as]
    if not grammar or readable < _SHARE * whole:
        return None
    each = [(kana, first, last) for syllable, first, last in letters for kana in syllable]
    return Text(
        text.raw,
        "".join(kana for kana, _first, _last in each),
        tuple(text.starts[first] for _kana, first, _last in each),
        tuple(text.ends[last - 1] for _kana, _first, last in each),
    )
