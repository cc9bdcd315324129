"""Find the entries of a collection of questions and answers that a query is about.

The rule: several readers look at every entry - words (BM25 over Sudachi's, of the question, of the answer, of both),
sounds (BM25 over groups of kana, so that ほいくえん finds 保育園), and each encoder's vectors. One small net, learned
beforehand, weighs what they saw against what they saw in all other entries, so that the same weights serve a collection
that they have never seen. Source: facts/understanding.md C2 (what each reader finds alone and together).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from bot.errors import ContentError
from bot.messages import EntryFound
from bot.understanding.features import Vectors
from bot.understanding.normalise import fold
from bot.understanding.words import japanese, plain, reading

Floats = NDArray[np.float32]

ANSWER = 200  # characters of an answer that the encoders read: what is asked stands at its beginning
CANDIDATES = 20  # the best entries of each reader that are weighed
#: Shown at once: of queries to a collection not learned from 27-37 in 100 are, 98 of 100 of these rightly; of queries
#: that it does not answer 9 in 100 are (both invented collections, 2026-11-22). The second line: offered as a choice.
SURE, SURELY_COVERED = 0.7, 0.4
NEAR, COVERED = 0.15, 0.3
_K1, _B = 1.2, 0.75  # BM25's usual values (Robertson and Zaragoza 2009)


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold one question with its answer."""

    id: str
    question: str
    answer: str = ""
    url: str = ""

    @property
    def told(self) -> str:
        """Return what the encoders read of the answer."""
        return (self.answer or self.question)[:ANSWER]


@dataclass(frozen=True, slots=True)
class Found:
    """Hold an entry that may answer: its share of the odds (1 over all), how much of the query its words cover."""

    entry: Entry
    share: float
    covers: float


def _words(text: str) -> list[str]:
    folded = fold(text)
    found = list(japanese(folded).each) or list(plain(folded).each)
    return [word for word in found if any(letter.isalnum() for letter in word)]


def _sounds(text: str) -> list[str]:
    line = reading(fold(text).text)
    return [line[at : at + size] for size in (2, 3) for at in range(len(line) - size + 1)]


class _Field:
    """Hold one field of all entries as BM25 weights by term."""

    def __init__(self, texts: Iterable[Sequence[str]]) -> None:
        counted = [Counter(text) for text in texts]
        self.size = len(counted)
        lengths = np.asarray([sum(count.values()) for count in counted], np.float32)
        scale = _K1 * (1 - _B + _B * lengths / max(float(lengths.mean()), 1.0)) if self.size else lengths
        postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for place, count in enumerate(counted):
            for term, times in count.items():
                postings[term].append((place, times * (_K1 + 1) / (times + float(scale[place]))))
        self.rare = {term: math.log(1 + (self.size - len(p) + 0.5) / (len(p) + 0.5)) for term, p in postings.items()}
        self.unseen = math.log(1 + 2 * self.size) if self.size else 0.0
        self._places = {term: np.asarray([place for place, _w in held], np.int32) for term, held in postings.items()}
        self._weights = {term: np.asarray([w for _place, w in held], np.float32) for term, held in postings.items()}
        self.whole = np.asarray([sum(self.rare[term] for term in count) for count in counted], np.float32)

    def scores(self, terms: Iterable[str]) -> tuple[Floats, Floats, Floats]:
        """Return for each entry BM25, how much of the query it covers, and how much of it the query covers (0 to 1)."""
        found, covered = np.zeros(self.size, np.float32), np.zeros(self.size, np.float32)
        asked = 0.0
        for term in dict.fromkeys(terms):
            rare = self.rare.get(term)
            asked += self.unseen if rare is None else rare
            if rare is not None:
                found[self._places[term]] += self._weights[term] * rare
                covered[self._places[term]] += rare
        covers, whole = covered / np.float32(max(asked, 1e-6)), np.maximum(self.whole, np.float32(1e-6))
        return found, covers, np.asarray(covered / whole, np.float32)


@dataclass(frozen=True, slots=True)
class Ranker:
    """Hold a net of one hidden layer and a straight line beside it that were learned; `readers` are its columns."""

    readers: tuple[str, ...]
    line: Floats  # (columns)
    inner: Floats  # (nets, columns, hidden)
    inner_bias: Floats  # (nets, hidden)
    outer: Floats  # (nets, hidden)

    def scores(self, seen: Floats) -> Floats:
        """Return one score for each row of (entries, columns)."""
        hidden = np.tanh(np.einsum("ec,nch->neh", seen, self.inner) + self.inner_bias[:, None])
        return np.asarray(seen @ self.line + np.einsum("neh,nh->e", hidden, self.outer) / len(self.outer), np.float32)

    def beside(self, other: Ranker) -> Ranker:
        """Return the ranker whose scores are the mean of both, as many nets of each. Raises KeyError."""
        if self.readers != other.readers or self.outer.shape != other.outer.shape:
            raise KeyError("the rankers were learned with other readers")
        nets = (
            np.concatenate([getattr(self, name), getattr(other, name)]) for name in ("inner", "inner_bias", "outer")
        )
        return Ranker(self.readers, np.mean([self.line, other.line], axis=0, dtype=np.float32), *nets)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what a file keeps of it."""
        return {
            "readers": np.asarray(self.readers), "line": self.line,
            "inner": self.inner, "inner_bias": self.inner_bias, "outer": self.outer,
        }  # fmt: skip

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]], name: str) -> Ranker:
        """Read what `arrays` kept. Raises ContentError, naming the file, if something is missing."""
        try:
            floats = {field: arrays[field].astype(np.float32) for field in ("line", "inner", "inner_bias", "outer")}
            return cls(readers=tuple(map(str, arrays["readers"])), **floats)
        except (KeyError, ValueError) as error:
            raise ContentError(f"{name}: these are not learned weights ({error})") from error


@dataclass(frozen=True, slots=True)
class Seen:
    """Hold what the readers saw in the best entries for one query: `places` (entries) and `columns` (entries, n).

    `covers` (entries) is how much of the query the words of question and answer cover.
    """

    places: NDArray[np.int_]
    columns: Floats
    covers: Floats


class Collection:
    """Search one collection.

    `asked` and `told` hold for each encoder a matrix, rows of length 1 in the order of the entries: of the questions
    and of `Entry.told`. Without them words and sounds search alone.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        asked: Mapping[str, Floats] = MappingProxyType({}),
        told: Mapping[str, Floats] = MappingProxyType({}),
    ) -> None:
        self.entries = tuple(entries)
        questions = [_words(entry.question) for entry in entries]
        answers = [_words(entry.answer) for entry in entries]
        self._fields = {
            "question": _Field(questions),
            "answer": _Field(answers),
            "both": _Field([q + a for q, a in zip(questions, answers, strict=True)]),
        }
        self._heard = {
            "question sounds": _Field([_sounds(entry.question) for entry in entries]),
            "both sounds": _Field([_sounds(entry.question + " " + entry.answer) for entry in entries]),
        }
        self._asked, self._told = asked, told
        self.encoders = tuple(self._asked)

    @property
    def readers(self) -> tuple[str, ...]:
        """Return the names of the columns that `look` gives."""
        raw = [f"{name} {what}" for name in self._fields for what in ("bm25", "covers", "is covered")]
        raw += [f"{name} bm25" for name in self._heard]
        raw += [f"{name} {what}" for name in self.encoders for what in ("question", "answer", "sum")]
        return tuple(f"{name} {shape}" for shape in ("spread", "place") for name in raw)

    def _raw(self, query: str, vectors: Vectors) -> Floats:
        words, sounds = _words(query), _sounds(query)
        columns: list[Floats] = []
        for field in self._fields.values():
            columns += field.scores(words)
        columns += [field.scores(sounds)[0] for field in self._heard.values()]
        for name in self.encoders:
            asked, told = self._asked[name] @ vectors[name], self._told[name] @ vectors[name]
            columns += [asked, told, asked + 0.5 * told]
        return np.stack(columns, axis=1)

    def look(self, query: str, vectors: Vectors) -> Seen:
        """Return what the readers saw in the entries that at least one of them finds good.

        A reader's `spread` is in standard deviations over the whole collection, `place` 1 for its best entry, falling.
        """
        raw = self._raw(query, vectors)
        order = np.argsort(-raw, axis=0, kind="stable")
        places = np.unique(order[:CANDIDATES])
        spread = (raw - raw.mean(axis=0)) / np.maximum(raw.std(axis=0), 1e-6)
        ranks = np.empty_like(order)
        np.put_along_axis(ranks, order, np.arange(len(raw))[:, None], axis=0)
        near = 1 / (1 + ranks / 3)
        covers = raw[places, list(self._fields).index("both") * 3 + 1]
        return Seen(places, np.hstack([spread[places] / 3, near[places]]).astype(np.float32), covers)

    def near(self, query: str, vectors: Vectors, ranker: Ranker) -> tuple[EntryFound, ...]:
        """Return the entries worth showing, best first: one that surely answers, up to three that may, or none."""
        found = [each for each in self.rank(query, vectors, ranker)[:3] if each.covers >= COVERED]
        if found and found[0].share >= SURE and found[0].covers >= SURELY_COVERED:
            return (EntryFound(found[0].entry.id, sure=True),)
        return tuple(EntryFound(each.entry.id) for each in found if each.share >= NEAR)

    def rank(self, query: str, vectors: Vectors, ranker: Ranker) -> list[Found]:
        """Return the entries that may answer, best first.

        Raises KeyError when the ranker was learned with other readers.
        """
        if not self.entries:
            return []
        if ranker.readers != self.readers:
            raise KeyError("the ranker was learned with other readers")
        seen = self.look(query, vectors)
        scores = ranker.scores(seen.columns)
        raised = np.exp(scores - scores.max())
        share = raised / raised.sum()
        return [
            Found(self.entries[seen.places[at]], float(share[at]), float(seen.covers[at]))
            for at in np.argsort(-scores, kind="stable")
        ]
