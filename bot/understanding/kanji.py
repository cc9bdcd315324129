"""Write words that stand in hiragana as they are usually written: ほいくえん → 保育園, びょういんはどこ → 病院はどこ.

The rule: only a text without any kanji is changed (people who learn Japanese, children, tired thumbs), only in what
the second layer and the topics weigh: encoders know 保育園 and hardly ほいくえん. Patterns read what was typed. Terms
are nouns of our own example sentences (`madoguchi train kanji`, content/learned/kanji.txt, a reading and its writing a
line); one is kept if its reading, wherever it stands in those sentences as they are read aloud, nearly always is that
word: いたい is no 遺体.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from bot.understanding.words import pieces

KEPT = Path(__file__).parents[1] / "content" / "learned" / "kanji.txt"
SHORTEST, LONGEST = 2, 14  # kana of a term
# How often a term must stand in the sentences: twice, or once if it is one word of three kana or more, endings and all
# (of held-out questions in kana .913 found their topic first, .896 with twice for all, .916 as written; 2026-11-22).
_LEAST, _CLEAR = 2, 3
_SHARE = 0.7  # of the places of its reading, how many it is
_KANJI = re.compile(r"[\u3400-\u9fff]")
_WRITTEN = re.compile(r"[\u3400-\u9fff々]|^[ァ-ヺー]+$")
_BEFORE = frozenset("おご御")  # お金, ご飯
_ALONE = frozenset(("名詞", "形状詞"))
_NOUNS = _ALONE | {"接頭辞", "接尾辞"}  # 弁護 + 士 is one word


def terms(sentences: Iterable[str]) -> dict[str, str]:
    """Return the writing of each reading that these Japanese sentences teach (hiragana -> kanji or katakana)."""
    written: Counter[tuple[str, str]] = Counter()
    heard: Counter[str] = Counter()
    single: set[str] = set()
    for sentence in sentences:
        if not _KANJI.search(sentence):
            continue
        each = pieces(sentence)
        noun = [
            piece.kind in _NOUNS and piece.sub != "数詞" and bool(_WRITTEN.search(piece.text) or piece.text in _BEFORE)
            for piece in each
        ]
        for first in range(len(each)):
            text = read = ""
            for at in range(first, len(each)):
                text, read = text + each[at].text, read + each[at].reading
                if not noun[at] or len(read) > LONGEST:
                    break
                if len(read) >= SHORTEST and _WRITTEN.search(text):
                    written[read, text] += 1
                    if len(read) >= _CLEAR and sum(piece.kind in _ALONE for piece in each[first : at + 1]) < 2:
                        single.add(read)
        aloud = "".join(piece.reading for piece in each).replace(" ", "")
        for size in range(SHORTEST, LONGEST + 1):
            heard.update(aloud[at : at + size] for at in range(len(aloud) - size + 1))
    total: Counter[str] = Counter()
    found: dict[str, str] = {}
    for (read, text), times in sorted(written.items(), key=lambda item: (item[1], item[0])):  # the most usual stays
        total[read] += times
        found[read] = text
    return {
        read: text
        for read, text in sorted(found.items())
        if read != text and (total[read] >= _LEAST or read in single) and total[read] >= _SHARE * heard[read]
    }


@lru_cache(maxsize=1)
def kept() -> Mapping[str, str]:
    """Return the terms that are kept (hiragana -> as usually written)."""
    rows = (row.split("\t") for row in KEPT.read_text(encoding="utf-8").splitlines())
    return dict(rows)


def keep(found: Mapping[str, str]) -> None:
    """Keep terms for every later start."""
    KEPT.write_text("".join(f"{read}\t{text}\n" for read, text in found.items()), encoding="utf-8")
    kept.cache_clear()


def with_kanji(text: str) -> str:
    """Return a text with its terms as usually written, the longest first; unchanged if it holds any kanji."""
    if _KANJI.search(text):
        return text
    known = kept()
    parts: list[str] = []
    at = 0
    while at < len(text):
        for size in range(min(LONGEST, len(text) - at), SHORTEST - 1, -1):
            if usual := known.get(text[at : at + size]):
                parts.append(usual)
                at += size
                break
        else:
            parts.append(text[at])
            at += 1
    return "".join(parts)
