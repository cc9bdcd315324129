"""Learn how to weigh the readers of a collection, and measure what they find: `madoguchi evaluate retrieval`.

The rule: a query's answers compete with each other (a softmax over the candidates, listwise), so what is learned is an
order, not a threshold; several small nets are averaged because queries are few. Only numpy learns here: a city's own
machine can learn again from its own feedback.
"""

from __future__ import annotations

import json
import math
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bot.encoders.engines import Encoders
from bot.errors import ContentError
from bot.understanding.faq import Collection, Entry, Floats, Ranker, Seen

NETS, HIDDEN, ROUNDS, BATCH = 5, 12, 24, 32
DECAY, STEP = 1e-3, 5e-3

Grades = Mapping[str, int]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """Hold one query, what was seen for it, and the grade (above 0) of each entry that answers it."""

    query: str
    seen: Seen
    grades: Grades
    ids: tuple[str, ...]  # of the entries seen, in the order of their rows

    @property
    def target(self) -> Floats:
        """Return how the grades divide one among the entries seen; all zero if none of them answers."""
        found = np.asarray([self.grades.get(id, 0) for id in self.ids], np.float32)
        return found / max(float(found.sum()), 1e-9)


def collection_of(
    entries: Sequence[Entry], encoders: Encoders, progress: Progress = lambda done, all_: None
) -> Collection:
    """Return a collection that these encoders have read."""
    texts = [entry.question for entry in entries] + [entry.told for entry in entries]
    parts: list[Mapping[str, Floats]] = []
    for at in range(0, len(texts), BATCH):
        parts.append(encoders.matrices(texts[at : at + BATCH]))
        progress(min(at + BATCH, len(texts)), len(texts))
    whole = {engine.name: np.concatenate([part[engine.name] for part in parts]) for engine in encoders.engines}
    half = len(entries)
    return Collection(entries, {n: rows[:half] for n, rows in whole.items()}, {n: r[half:] for n, r in whole.items()})


def ask(collection: Collection, encoders: Encoders, query: str, grades: Grades) -> Asked:
    """Return what the readers of a collection see for a query."""
    seen = collection.look(query, encoders.vectors([query])[0])
    return Asked(query, seen, grades, tuple(collection.entries[place].id for place in seen.places))


class _Adam:
    """Step down a slope, with one pace for each weight (Kingma and Ba 2015)."""

    def __init__(self, weights: list[Floats]) -> None:
        self.weights = weights
        self._mean = [np.zeros_like(w) for w in weights]
        self._square = [np.zeros_like(w) for w in weights]
        self._steps = 0

    def step(self, slopes: Sequence[Floats], pace: float) -> None:
        self._steps += 1
        for weight, slope, mean, square in zip(self.weights, slopes, self._mean, self._square, strict=True):
            mean += 0.1 * (slope - mean)
            square += 0.001 * (slope * slope - square)
            fair, even = mean / (1 - 0.9**self._steps), square / (1 - 0.999**self._steps)
            weight -= (pace * (fair / (np.sqrt(even) + 1e-8) + DECAY * weight)).astype(np.float32)


def learn(asked: Sequence[Asked], readers: tuple[str, ...]) -> Ranker:
    """Return a ranker learned from queries with their answers. Raises ContentError if none has an answer in sight."""
    useful = [each for each in asked if each.target.any()]
    if not useful:
        raise ContentError("no query has an answer among the entries that were found")
    nets = [_net(useful, len(readers), seed) for seed in range(NETS)]
    line = np.mean([net[0] for net in nets], axis=0)
    inner, bias, outer = (np.stack([net[at] for net in nets]) for at in (1, 2, 3))
    return Ranker(readers, line, inner, bias, outer)


def _net(asked: Sequence[Asked], columns: int, seed: int) -> list[Floats]:
    chance = np.random.default_rng(seed)
    line = np.full(columns, 1 / columns, np.float32)
    inner = chance.normal(0, 0.5 / math.sqrt(columns), (columns, HIDDEN)).astype(np.float32)
    bias, outer = np.zeros(HIDDEN, np.float32), np.zeros(HIDDEN, np.float32)
    outer += chance.normal(0, 0.1, HIDDEN).astype(np.float32)
    adam = _Adam([line, inner, bias, outer])
    steps = ROUNDS * math.ceil(len(asked) / BATCH)
    for number in range(ROUNDS):
        order = chance.permutation(len(asked))
        for at in range(0, len(asked), BATCH):
            part = [asked[i] for i in order[at : at + BATCH]]
            done = (number * math.ceil(len(asked) / BATCH) + at / BATCH) / steps
            adam.step(_slopes(part, line, inner, bias, outer), STEP * (1 - done))
    return [line, inner, bias, outer]


def _slopes(part: Sequence[Asked], line: Floats, inner: Floats, bias: Floats, outer: Floats) -> list[Floats]:
    """Return the slopes of the mean cross entropy between grades and shares; queries are rows one below another."""
    seen = np.concatenate([each.seen.columns for each in part])
    hidden = np.tanh(seen @ inner + bias)
    scores = seen @ line + hidden @ outer
    off, at = np.empty_like(scores), 0
    for each in part:
        own = slice(at, at := at + len(each.ids))
        raised = np.exp(scores[own] - scores[own].max())
        off[own] = (raised / raised.sum() - each.target) / len(part)
    back = off[:, None] * outer * (1 - hidden * hidden)
    return [seen.T @ off, seen.T @ back, back.sum(axis=0), hidden.T @ off]


def order(each: Asked, ranker: Ranker) -> list[str]:
    """Return the ids of the entries seen, best first."""
    return [each.ids[at] for at in np.argsort(-ranker.scores(each.seen.columns), kind="stable")]


def metrics(ranked: Sequence[tuple[Sequence[str], Grades]]) -> dict[str, float]:
    """Return MRR, MAP, P@5, SR@1/3/5/10 and nDCG@10 over queries (ids best first, grades).

    An entry that the ranking does not hold counts as not found. nDCG's gain is the grade (as trec_eval counts).
    """
    rows = []
    for ids, grades in ranked:
        hits = [place for place, id in enumerate(ids, 1) if grades.get(id, 0) > 0]
        best = sorted((grade for grade in grades.values() if grade > 0), reverse=True)
        ideal = sum(grade / math.log2(place + 1) for place, grade in enumerate(best[:10], 1))
        gained = sum(grades.get(id, 0) / math.log2(place + 1) for place, id in enumerate(ids[:10], 1))
        first = hits[0] if hits else math.inf
        rows.append(
            {
                "MRR": 1 / first,
                "MAP": sum(number / place for number, place in enumerate(hits, 1)) / max(len(best), 1),
                "P@5": sum(place <= 5 for place in hits) / 5,
                **{f"SR@{size}": float(first <= size) for size in (1, 3, 5, 10)},
                "nDCG@10": gained / ideal if ideal else 0.0,
            }
        )
    return {name: round(float(np.mean([row[name] for row in rows])), 4) for name in rows[0]} if rows else {}


def learn_beside(shipped: Ranker, asked: Sequence[Asked]) -> Ranker:
    """Return a ranker learned from a collection's own queries, weighed together with the one that is shipped.

    A few hundred queries alone teach no more than the shipped one knows already; the mean of both finds more than
    either (tests/frozen/questions, 504 entries, 315 queries, 5 folds: MRR .714 shipped, .712 own, .725 both,
    2026-11-24).
    """
    return learn(asked, shipped.readers).beside(shipped)


def cross_validated(asked: Sequence[Asked], shipped: Ranker, folds: int) -> dict[str, float]:
    """Return the metrics of rankers that were learned from all folds but the one they are tested on."""
    order_ = np.random.default_rng(0).permutation(len(asked))
    found: list[tuple[Sequence[str], Grades]] = []
    for fold in range(folds):
        test = set(order_[fold::folds].tolist())
        ranker = learn_beside(shipped, [each for at, each in enumerate(asked) if at not in test])
        found += [(order(asked[at], ranker), asked[at].grades) for at in sorted(test)]
    return metrics(found)


def teach(
    encoders: Encoders, collections: Mapping[str, tuple[Sequence[Entry], Sequence[tuple[str, Grades]]]]
) -> tuple[Ranker, dict[str, float]]:
    """Return a ranker learned from all collections; and figures of rankers on a collection that they have not seen."""
    seen: dict[str, list[Asked]] = {}
    readers: tuple[str, ...] = ()
    for name, (entries, queries) in collections.items():
        collection = collection_of(entries, encoders)
        readers = collection.readers
        seen[name] = [ask(collection, encoders, query, grades) for query, grades in queries]
    figures: dict[str, float] = {}
    for name, tested in seen.items():
        others = [each for other, asked in seen.items() if other != name for each in asked]
        if others:
            ranker = learn(others, readers)
            found = metrics([(order(each, ranker), each.grades) for each in tested])
            figures |= {f"{name} {metric}": value for metric, value in found.items()}
    return learn([each for asked in seen.values() for each in asked], readers), figures


def read_corpus(path: Path) -> list[Entry]:
    """Return the entries of {id: {question, answer}}, {id: text} or [{id, question, answer}]. Raises ContentError."""
    given = _json(path)
    pairs = given.items() if isinstance(given, dict) else [(_id(entry, path), entry) for entry in given]
    found = []
    for id, entry in pairs:
        if isinstance(entry, dict):
            text = {name.lower(): str(value or "") for name, value in entry.items()}
            question = text.get("question") or text.get("title") or text.get("text") or ""
            found.append(Entry(str(id), question, text.get("answer") or text.get("body") or ""))
        else:
            found.append(Entry(str(id), str(entry)))
    if not found:
        raise ContentError(f"{path.name} holds no entries")
    return found


def _id(entry: Any, path: Path) -> str:
    for name in ("id", "_id", "doc_id", "docid"):
        if isinstance(entry, dict) and name in entry:
            return str(entry[name])
    raise ContentError(f"{path.name}: an entry has no id: {str(entry)[:60]}")


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ContentError(f"{path.name} cannot be read: {error}") from error


def read_queries(queries: Path, judged: Path) -> list[tuple[str, dict[str, int]]]:
    """Return each query that has an answer, with the grades above 0 of its entries. Raises ContentError."""
    texts, grades = _json(queries), _json(judged)
    found = []
    for id, text in texts.items():
        known = {str(entry): int(grade) for entry, grade in (grades.get(id) or {}).items() if int(grade) > 0}
        if known:
            found.append((str(text["text"] if isinstance(text, dict) else text), known))
    if not found:
        raise ContentError(f"{judged.name} says of no query in {queries.name} what answers it")
    return found


def measure(
    entries: Sequence[Entry],
    queries: Sequence[tuple[str, Grades]],
    encoders: Encoders,
    ranker: Ranker,
    folds: int = 0,
    progress: Progress = lambda done, all_: None,
) -> dict[str, Any]:
    """Return the metrics of a ranker on a collection, with milliseconds a query and this process's memory in MB.

    `folds` adds those of rankers learned from the collection's own queries (`cross_validated`).
    """
    collection = collection_of(entries, encoders, progress)
    began = time.perf_counter()
    asked = []
    for query, grades in queries:
        asked.append(ask(collection, encoders, query, grades))
        progress(len(asked), len(queries))
    found: dict[str, Any] = metrics([(order(each, ranker), each.grades) for each in asked])
    found["ms_per_query"] = round((time.perf_counter() - began) * 1000 / len(asked), 1)
    unit = 1 if sys.platform == "darwin" else 1024
    found["MB"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)
    if folds > 1:
        found["cross_validated"] = cross_validated(asked, ranker, folds)
    return found
