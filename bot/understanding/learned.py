"""Hear signals with the second layer: a small net that was learned from example sentences, beside the patterns.

The rule: it only adds, and never above `urgent` (issue B; facts/understanding.md D3: vectors see distress, not how near
the danger is). What it hears is shown with the nearest example and that example's Japanese gloss (CARE C28).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bot.messages import Severity, Signal
from bot.understanding.features import Vectors, letters
from bot.understanding.signals import Who
from bot.understanding.weights import Weights

QUIET = "quiet"
#: A person is called only if this share of what is heard is grave: the highest at which 98 of 100 grave lines still
#: call (on the lines that choose the thresholds, 2026-11-22). At .05, 2 in 1,000 more do, and of concerns 2 in 100.
BORDER = 0.07
BESIDE = 0.3  # a second kind is named beside the first from this share on
_NEIGHBOURS, _AGREE = 5, 3
_EVIDENCE = 160  # characters of a resident's words that go with a signal


def label_of(hear: str) -> str:
    """Return the label of a line: quiet, or the kind with :grave (above concern) or :concern."""
    if hear == QUIET:
        return QUIET
    kind, severity = hear.split(";")[0].split()[:2]
    return f"{kind}:{'concern' if severity == 'concern' else 'grave'}"


@dataclass(frozen=True, slots=True)
class Example:
    """Hold one example sentence: `hear` is `kind severity [aspect …]`, several joined by `; `, or quiet."""

    id: str
    language: str
    text: str
    hear: str
    gloss: str = ""
    hard: bool = False
    who: Who = ""  # whose hand or life it is about, as the patterns heard it when the weights were learned

    @property
    def kind(self) -> str:
        """Return its first kind."""
        return self.hear.split()[0]

    @property
    def aspects(self) -> tuple[str, ...]:
        """Return the aspects of its first kind."""
        return tuple(self.hear.split(";")[0].split()[2:])


@dataclass(frozen=True)
class Examples:
    """Hold the example sentences that raise signals, with a vector each (rows, int8) of the encoder `encoder`."""

    each: tuple[Example, ...] = ()
    rows: NDArray[np.int8] | None = None
    encoder: str = ""

    def nearest(self, kind: str, vectors: Vectors) -> list[Example]:
        """Return the nearest examples of a kind, nearest first; none without vectors."""
        if self.rows is None or self.encoder not in vectors or kind not in self._places:
            return []
        places = self._places[kind]
        close = self.rows[places] @ vectors[self.encoder]
        return [self.each[place] for place in places[np.argsort(-close, kind="stable")[:_NEIGHBOURS]]]

    @cached_property
    def _places(self) -> dict[str, NDArray[np.int64]]:
        """Return which rows are of each kind."""
        kinds = np.asarray([example.kind for example in self.each])
        return {str(kind): np.flatnonzero(kinds == kind) for kind in np.unique(kinds)}


class Learned:
    """Hear signals by learned weights."""

    def __init__(self, model: Weights, examples: Examples) -> None:
        self.model = model
        self.examples = examples
        self._quiet = model.labels.index(QUIET)
        self._kinds = sorted({label.split(":")[0] for label in model.labels} - {QUIET})
        self._grave = {kind: self._place(f"{kind}:grave") for kind in self._kinds}
        self._concern = {kind: self._place(f"{kind}:concern") for kind in self._kinds}

    def _place(self, label: str) -> int | None:
        return self.model.labels.index(label) if label in self.model.labels else None

    def shares(self, text: str, vectors: Vectors) -> dict[str, tuple[float, float]]:
        """Return for each kind the probability that the text is grave, and that it is a concern."""
        scores = self.model.probabilities(letters(text), vectors)

        def share(place: int | None) -> float:
            return 0.0 if place is None else float(scores[place])

        return {kind: (share(self._grave[kind]), share(self._concern[kind])) for kind in self._kinds}

    def hear(self, text: str, vectors: Vectors, sentences: Sequence[tuple[str, Vectors]] = ()) -> tuple[Signal, ...]:
        """Return the signals of a text, gravest first, at most `urgent`; none below the learned thresholds.

        `sentences` are those of a text that has several: what weighs most of them counts as much as the whole, so that
        one grave sentence is heard in a long letter (at equal silence 1.3 points more are, on lines not learned from,
        2026-11-22). It is then also the evidence.
        """
        shares = self.shares(text, vectors)
        if sentences:
            each = [(self.shares(*sentence), sentence) for sentence in sentences]
            worst, (text, vectors) = max(each, key=lambda found: sum(map(sum, found[0].values())))
            shares = {
                kind: ((grave + worst[kind][0]) / 2, (mild + worst[kind][1]) / 2)
                for kind, (grave, mild) in shares.items()
            }
        grave = sum(share[0] for share in shares.values())
        any_ = grave + sum(share[1] for share in shares.values())
        calls = grave >= max(self.model.settings["call"], BORDER * any_)
        if not calls and any_ < self.model.settings["offer"]:
            return ()
        total = {kind: sum(share) for kind, share in shares.items()}
        first = max(total, key=lambda kind: shares[kind][0] if calls else total[kind])
        kinds = [first] + [k for k in self._kinds if k != first and total[k] >= BESIDE * max(any_, 1e-9)]
        found = []
        for kind in kinds:
            above = calls and (kind == first or shares[kind][0] >= shares[kind][1])
            found.append(self._signal(kind, Severity.URGENT if above else Severity.CONCERN, text, vectors))
        return tuple(sorted(found, key=lambda signal: -signal.severity.rank))

    def _signal(self, kind: str, severity: Severity, text: str, vectors: Vectors) -> Signal:
        near = self.examples.nearest(kind, vectors)
        agreed = Counter(aspect for example in near for aspect in example.aspects)
        aspects = tuple(aspect for aspect, times in agreed.items() if times >= _AGREE)
        hands = Counter(example.who for example in near if example.who)
        who: Who = next((name for name, times in hands.items() if times >= _AGREE), "")
        gloss = f"似た例:「{near[0].gloss}」" if near else "例文から学んだ層が気づいた(言葉の型ではない)"
        evidence = text.strip() if len(text) <= _EVIDENCE else text.strip()[:_EVIDENCE] + "…"
        return Signal(kind, severity, aspects, evidence, near[0].id if near else "learned", gloss, who)


def together(first: Sequence[Signal], second: Sequence[Signal]) -> tuple[Signal, ...]:
    """Return the signals of both layers, one per kind: the graver, the pattern's words where both heard it."""
    best = {signal.kind: signal for signal in first}
    for signal in second:
        held = best.get(signal.kind)
        if held is None:
            best[signal.kind] = signal
        elif signal.severity.rank > held.severity.rank:
            best[signal.kind] = Signal(
                held.kind, signal.severity, held.aspects, held.evidence, held.why, held.gloss, held.who, held.act
            )
    return tuple(sorted(best.values(), key=lambda signal: -signal.severity.rank))
