"""Measure the hearing on lines that it has not learned from: `madoguchi evaluate`.

The rule: this only reads. Every share comes with its 95 % Wilson interval and its number of lines, because a recall of
1.00 on thirty lines is not a promise; what was missed is listed, so that a person can look at it.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot import library
from bot.errors import ContentError
from bot.messages import Heard, Severity
from bot.understanding.patterns import lines

Hear = Callable[[Sequence[str]], Sequence[Heard]]
_Z = 1.96  # 95 %


@dataclass(frozen=True, slots=True)
class Labelled:
    """Hold one line of a test split: its language, what must be heard (kinds with severities), or which topic."""

    text: str
    language: str
    kinds: tuple[tuple[str, Severity], ...] = ()
    group: str = ""  # signal, ordinary, hard; the topic; short
    aspects: tuple[str, ...] = ()

    @property
    def severity(self) -> Severity | None:
        """Return the gravest severity that must be heard, None for quiet lines."""
        return max((severity for _kind, severity in self.kinds), key=lambda s: s.rank, default=None)


def share(hits: int, of: int) -> dict[str, float]:
    """Return a share with its Wilson interval (Wilson 1927, 95 %) and its number; 0 of 0 is 0."""
    if not of:
        return {"share": 0.0, "low": 0.0, "high": 1.0, "n": 0}
    p = hits / of
    middle = (p + _Z * _Z / (2 * of)) / (1 + _Z * _Z / of)
    reach = _Z * math.sqrt(p * (1 - p) / of + _Z * _Z / (4 * of * of)) / (1 + _Z * _Z / of)
    return {
        "share": round(p, 4),
        "low": round(max(0.0, middle - reach), 4),
        "high": round(min(1.0, middle + reach), 4),
        "n": of,
    }


def read_split(folder: Path) -> dict[str, list[Labelled]]:
    """Return the lines of a test split's files: `signals` (with quiet ones), `topics`, `language`.

    Raises ContentError when the folder holds none or one is not as the head of its files says.
    """
    found: dict[str, list[Labelled]] = {"signals": [], "topics": [], "language": []}
    for name, document in library.documents(folder).items():
        try:
            language = str(document["language"])
            for entry in document.get("signals") or ():
                parts = [part.split() for part in str(entry["hear"]).split(";")]
                kinds = tuple((part[0], Severity(part[1])) for part in parts)
                for text in lines(entry["lines"]):
                    found["signals"].append(Labelled(text, language, kinds, "signal", tuple(parts[0][2:])))
            for group, texts in (document.get("quiet") or {}).items():
                found["signals"] += [Labelled(text, language, (), str(group)) for text in lines(texts)]
            for topic, texts in (document.get("topics") or {}).items():
                found["topics"] += [Labelled(text, language, (), str(topic)) for text in lines(texts)]
            found["language"] += [Labelled(text, language, (), "short") for text in lines(document.get("short"))]
            for entry in document.get("mixed") or ():
                found["language"] += [
                    Labelled(text, str(entry["language"]), (), "mixed") for text in lines(entry["lines"])
                ]
        except (KeyError, ValueError, IndexError, TypeError, AttributeError) as error:
            raise ContentError(f"{name}: not a test split: {error!r}") from error
    if not any(found.values()):
        raise ContentError(f"{folder} holds no test split")
    spoken = [line for line in (*found["signals"], *found["topics"]) if line.language != "mixed"]
    found["language"] += [Labelled(line.text, line.language, (), "whole") for line in spoken]
    return found


def signals(given: Sequence[Labelled], heard: Sequence[Heard]) -> dict[str, Any]:
    """Return how well signals are heard: over all and by language, the confusion of kinds, and the misses.

    `called`: above concern was heard; `heard`: anything was; `kind`: the right kind is among those heard; `emergency`:
    an emergency was heard as one.
    """
    pairs = list(zip(given, heard, strict=True))
    confusion: dict[str, Counter[str]] = defaultdict(Counter)
    misses = []
    for line, found in pairs:
        first = found.signals[0].kind if found.signals else "quiet"
        confusion[line.kinds[0][0] if line.kinds else "quiet"][first] += 1
        if _wrong(line, found):
            said = [f"{signal.kind} {signal.severity}" for signal in found.signals] or ["quiet"]
            wanted = [f"{kind} {severity}" for kind, severity in line.kinds] or [f"quiet ({line.group})"]
            misses.append({"language": line.language, "text": line.text, "wanted": wanted, "heard": said})
    return {
        "all": _signal_shares(pairs),
        "languages": {
            language: _signal_shares([pair for pair in pairs if pair[0].language == language])
            for language in sorted({line.language for line in given})
        },
        "kinds": {
            kind: share(
                sum(_severity(found) > 1 for line, found in pairs if _grave(line) and line.kinds[0][0] == kind),
                sum(_grave(line) and line.kinds[0][0] == kind for line in given),
            )
            for kind in sorted({line.kinds[0][0] for line in given if line.kinds})
        },
        "confusion": {kind: dict(counted) for kind, counted in sorted(confusion.items())},
        "misses": misses,
    }


def _severity(found: Heard) -> int:
    return max((signal.severity.rank for signal in found.signals), default=0)


def _grave(line: Labelled) -> bool:
    return line.severity is not None and line.severity is not Severity.CONCERN


def _wrong(line: Labelled, found: Heard) -> bool:
    if line.severity is None:
        return bool(found.signals)
    return _severity(found) < min(line.severity.rank, Severity.URGENT.rank)


def _signal_shares(pairs: Sequence[tuple[Labelled, Heard]]) -> dict[str, Any]:
    def of(wanted: Callable[[Labelled], bool], right: Callable[[Labelled, Heard], bool]) -> dict[str, float]:
        chosen = [(line, found) for line, found in pairs if wanted(line)]
        return share(sum(right(line, found) for line, found in chosen), len(chosen))

    def same_kind(line: Labelled, found: Heard) -> bool:
        return bool({kind for kind, _severity in line.kinds} & {signal.kind for signal in found.signals})

    emergency = Severity.EMERGENCY
    return {
        "grave_called": of(_grave, lambda _line, found: _severity(found) > 1),
        "grave_heard": of(_grave, lambda _line, found: bool(found.signals)),
        "emergency_as_such": of(lambda line: line.severity is emergency, lambda _l, f: _severity(f) == emergency.rank),
        "concern_heard": of(lambda line: line.severity is Severity.CONCERN, lambda _l, f: bool(f.signals)),
        "concern_called": of(lambda line: line.severity is Severity.CONCERN, lambda _l, f: _severity(f) > 1),
        "kind": of(lambda line: bool(line.kinds), same_kind),
        "silent": of(lambda line: not line.kinds, lambda _l, f: not f.signals),
        "silent_ordinary": of(lambda line: line.group == "ordinary", lambda _l, f: not f.signals),
        "silent_hard": of(lambda line: line.group == "hard", lambda _l, f: not f.signals),
        "not_called_hard": of(lambda line: line.group == "hard", lambda _l, f: _severity(f) < 2),
    }


def topics(given: Sequence[Labelled], heard: Sequence[Heard]) -> dict[str, Any]:
    """Return how well topics are ranked: the right one first, among three, and what a confident answer is worth."""
    pairs = list(zip(given, heard, strict=True))

    def shares(chosen: Sequence[tuple[Labelled, Heard]]) -> dict[str, Any]:
        ranked = [([topic.id for topic in found.topics], line.group) for line, found in chosen]
        sure = [(line, found) for line, found in chosen if found.confident]
        return {
            "first": share(sum(ids[:1] == [right] for ids, right in ranked), len(ranked)),
            "first_three": share(sum(right in ids[:3] for ids, right in ranked), len(ranked)),
            "confident": share(len(sure), len(ranked)),
            "confident_right": share(sum(found.topics[0].id == line.group for line, found in sure), len(sure)),
        }

    misses = [
        {"language": line.language, "text": line.text, "wanted": line.group, "heard": [t.id for t in found.topics[:3]]}
        for line, found in pairs
        if line.group not in [topic.id for topic in found.topics[:3]]
    ]
    confusion: dict[str, Counter[str]] = defaultdict(Counter)
    for line, found in pairs:
        if found.topics and found.topics[0].id != line.group:
            confusion[line.group][found.topics[0].id] += 1
    return {
        "all": shares(pairs),
        "languages": _by_language(pairs, shares),
        "confusion": {topic: dict(counted.most_common(3)) for topic, counted in sorted(confusion.items())},
        "misses": misses,
    }


def languages(given: Sequence[Labelled], heard: Sequence[Heard]) -> dict[str, Any]:
    """Return how well languages are told apart; ja against ja-easy is not counted."""
    pairs = list(zip(given, heard, strict=True))

    def plain(language: str) -> str:
        return "ja" if language == "ja-easy" else language

    def right(line: Labelled, found: Heard) -> bool:
        return plain(found.language) == plain(line.language)

    def shares(chosen: Sequence[tuple[Labelled, Heard]]) -> dict[str, Any]:
        return {
            group: share(
                sum(right(line, found) for line, found in chosen if line.group == group),
                sum(line.group == group for line, _found in chosen),
            )
            for group in ("whole", "short", "mixed")
            if any(line.group == group for line, _found in chosen)
        }

    confusion: dict[str, Counter[str]] = defaultdict(Counter)
    for line, found in pairs:
        if not right(line, found):
            confusion[line.language][found.language or "unknown"] += 1
    return {
        "all": {"right": share(sum(right(*pair) for pair in pairs), len(pairs)), **shares(pairs)},
        "languages": _by_language(pairs, shares),
        "confusion": {language: dict(counted) for language, counted in sorted(confusion.items())},
        "misses": [
            {"text": line.text, "wanted": line.language, "heard": found.language}
            for line, found in pairs
            if not right(line, found)
        ],
    }


def _by_language(
    pairs: Sequence[tuple[Labelled, Heard]], shares: Callable[[Sequence[tuple[Labelled, Heard]]], Mapping[str, Any]]
) -> dict[str, Any]:
    return {
        language: shares([pair for pair in pairs if pair[0].language == language])
        for language in sorted({line.language for line, _found in pairs})
    }


def table(metrics: Mapping[str, Any]) -> Iterable[tuple[str, ...]]:
    """Yield rows: the head, then each figure with its share, its interval's low end, its number, and by language."""
    figures = [name for name, value in metrics["all"].items() if isinstance(value, dict)]
    yield ("", "all", "low", "n", *metrics["languages"])
    for name in figures:
        whole = metrics["all"][name]
        each = [shares.get(name) for shares in metrics["languages"].values()]
        shown = [f"{one['share']:.3f}" if one and one["n"] else "" for one in each]
        yield (name, f"{whole['share']:.3f}", f"{whole['low']:.3f}", str(whole["n"]), *shown)
