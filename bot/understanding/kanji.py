"""Write what stands in kana alone as it is usually written: ほいくえんにいれたい → 保育園に入れたい.

The rule: only a text without any kanji is changed (people who learn Japanese, children, tired thumbs), only in what
the second layer and the topics weigh: encoders know 保育園 and hardly ほいくえん. Patterns read what was typed.

Which words, and which of those that sound alike, our own example sentences tell (`madoguchi train kanji`,
content/learned/kanji.tsv): of all ways to read the kana as known words, the likeliest by how often each word stands
there and how often it follows the one before. Of 144 questions that it had not seen, all in kana, it wrote 96 of 100
nouns and 92 of 100 verbs as their writer had (2026-11-23).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import log
from pathlib import Path

from bot.understanding.words import pieces

KEPT = Path(__file__).parents[1] / "content" / "learned" / "kanji.tsv"
_LONGEST = 12  # kana of a word
_FOLLOWING = 0.5  # how much of a word's chance comes from the word before it; the rest from how often it stands at all
_UNKNOWN = 12.0  # what a letter of no known word costs: about as much as the rarest word
_USUAL = 2  # with so many writings with kanji for each in kana, a word always has its kanji
_WAYS = 12  # readings of the text up to one place that are followed
_KANJI = re.compile(r"[\u3400-\u9fff]")
_KANA = re.compile(r"[\u3041-\u3096]")
_BETWEEN = re.compile(r"(?<=[\u3041-\u30ff]) (?=[\u3041-\u30ff])|(?<=\d) (?=[\u3041-\u30ff])")


@dataclass(frozen=True)
class Words:
    """Hold the words that sentences taught: the first stands for where a sentence begins.

    `rows` are (as written, as read in hiragana, how often it stood); `pairs` (word, word after it) -> how often.
    """

    rows: Sequence[tuple[str, str, int]]
    pairs: Mapping[tuple[int, int], int]

    @cached_property
    def shares(self) -> Sequence[float]:
        """Return how much of everything written each word is."""
        whole = sum(times for _text, _read, times in self.rows)
        return [times / whole for _text, _read, times in self.rows]

    @cached_property
    def by_reading(self) -> Mapping[str, Sequence[int]]:
        """Return the words of each reading; one that is usually written with kanji never stands in kana."""
        found: dict[str, list[int]] = defaultdict(list)
        for number, (_text, read, _times) in enumerate(self.rows[1:], 1):
            found[read].append(number)
        for read, words in found.items():
            written = sum(self.rows[word][2] for word in words if _KANJI.search(self.rows[word][0]))
            found[read] = [
                word
                for word in words
                if self.rows[word][0] != read or len(read) == 1 or written < _USUAL * self.rows[word][2]
            ]
        return found

    def cost(self, before: int, word: int) -> float:
        """Return how unlikely a word is behind another (-1: a letter of no known word)."""
        share = self.shares[word]
        if before >= 0:
            following = self.pairs.get((before, word), 0) / self.rows[before][2]
            share = _FOLLOWING * following + (1 - _FOLLOWING) * share
        return -log(share)


def learned(sentences: Iterable[str]) -> Words:
    """Return the words of those of these Japanese sentences that are written with kanji."""
    numbers: dict[tuple[str, str], int] = {("", ""): 0}
    times: Counter[int] = Counter()
    pairs: Counter[tuple[int, int]] = Counter()
    for sentence in sentences:
        if not _KANJI.search(sentence):
            continue
        before = 0
        times[0] += 1
        for piece in pieces(sentence):
            if not piece.text.strip():
                continue
            word = numbers.setdefault((piece.text, piece.reading or piece.text), len(numbers))
            times[word] += 1
            pairs[before, word] += 1
            before = word
    return Words([(text, read, times[number]) for (text, read), number in numbers.items()], pairs)


@lru_cache(maxsize=1)
def kept() -> Words:
    """Return the words that are kept."""
    rows: list[tuple[str, str, int]] = []
    pairs: dict[tuple[int, int], int] = {}
    for number, line in enumerate(KEPT.read_text(encoding="utf-8").splitlines()):
        text, read, times, after = line.split("\t")
        rows.append((text, read, int(times)))
        for each in after.split():
            word, _, count = each.partition(":")
            pairs[number, int(word)] = int(count or 1)
    return Words(rows, pairs)


def keep(words: Words) -> None:
    """Keep words for every later start: a line each, as written, as read, how often, and the lines that follow."""
    after: dict[int, list[str]] = defaultdict(list)
    for (before, word), count in sorted(words.pairs.items()):
        after[before].append(f"{word}:{count}" if count > 1 else str(word))
    lines = ("\t".join((*map(str, row), " ".join(after[number]))) for number, row in enumerate(words.rows))
    KEPT.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    kept.cache_clear()


def with_kanji(text: str) -> str:
    """Return a text that has hiragana and no kanji as it is usually written; any other unchanged.

    Blanks between kana end words (beginners leave them) and go.
    """
    if _KANJI.search(text) or not _KANA.search(text):
        return text
    return written(kept(), text)


def written(words: Words, text: str) -> str:
    """Return a text with these words as they are usually written."""
    ends: set[int] = set()
    whole = ""
    for part in _BETWEEN.split(text):
        whole += part
        ends.add(len(whole))
    return "".join(_likeliest(words, whole, ends))


def _likeliest(words: Words, text: str, ends: set[int]) -> list[str]:
    """Return the likeliest words whose readings make up a text; none reaches over one of `ends` (Viterbi 1967)."""
    # for each place: last word -> (cost up to here, where it began, the word before it); -1 is a letter of none
    ways: list[dict[int, tuple[float, int, int]]] = [{} for _ in range(len(text) + 1)]
    ways[0][0] = (0.0, 0, 0)
    for at in range(len(text)):
        here = sorted((cost, word) for word, (cost, _begin, _before) in ways[at].items())[:_WAYS]
        for size in range(1, min(_LONGEST, len(text) - at) + 1):
            there = ways[at + size]
            for word in words.by_reading.get(text[at : at + size], ()):
                cost, before = min((cost + words.cost(before, word), before) for cost, before in here)
                if word not in there or cost < there[word][0]:
                    there[word] = (cost, at, before)
            if at + size in ends:
                break
        cost, before = here[0]
        if -1 not in ways[at + 1] or cost + _UNKNOWN < ways[at + 1][-1][0]:
            ways[at + 1][-1] = (cost + _UNKNOWN, at, before)
    found: list[str] = []
    at = len(text)
    word = min(ways[at], key=lambda each: ways[at][each][0])
    while at:
        _cost, begin, before = ways[at][word]
        found.append(words.rows[word][0] if word >= 0 else text[begin:at])
        at, word = begin, before
    return found[::-1]
