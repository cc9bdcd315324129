"""Check the content of hearing: ids against the vocabulary, every pattern, and every example sentence.

The rule: content whose own examples fail is refused; `madoguchi content check` prints what this returns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from bot.errors import ContentError
from bot.messages import Severity
from bot.understanding.answers import Answers
from bot.understanding.learned import QUIET
from bot.understanding.learned import Example as Heard
from bot.understanding.patterns import lines
from bot.understanding.signals import Signals

Documents = Mapping[str, Mapping[str, Any]]
Each = Callable[[Callable[[Any], str], Iterable[Any]], Iterable[str]]  # `map`, or one that uses every core
_JAPANESE = re.compile(r"[\u3041-\u30fa\u4e00-\u9fff]")
_ACTS = ("fear", "wish", "plan", "now", "done", "past", "")
_WHO = ("self", "child", "partner", "other", "")


class Example(NamedTuple):
    """Hold one example sentence of a signals file and what must be heard in it.

    `at_least` None means that no signal of `kind` (any kind if that is "") may be heard above `at_most` (None: at all).
    """

    rule: str
    text: str
    kind: str
    at_least: Severity | None
    at_most: Severity | None
    aspects: tuple[str, ...]

    def failure(self, signals: Signals) -> str:
        """Return what is wrong with what is heard in this example, or ""."""
        heard = signals.hear(self.text)
        found = [signal for signal in heard if not self.kind or signal.kind == self.kind]
        if self.at_least is not None:
            grave = [signal for signal in found if signal.severity.rank >= self.at_least.rank]
            if not grave:
                return f"{self.rule}: {self.text!r} must be heard as {self.kind} {self.at_least}, not {heard}"
            if not any(set(self.aspects) <= set(signal.aspects) for signal in grave):
                return f"{self.rule}: {self.text!r} must be heard with {self.aspects}, not {grave}"
        limit = self.at_most.rank if self.at_most is not None else 0
        loud = [signal for signal in found if self.at_least is None and signal.severity.rank > limit]
        return f"{self.rule}: {self.text!r} must not be heard as {loud}" if loud else ""


def examples(documents: Documents) -> Iterator[Example]:
    """Yield every example sentence of the signals files."""
    for language, document in documents.items():
        for item in document.get("signals") or ():
            rule, kind = f"{language}/{item['id']}", str(item["kind"])
            severity, aspects = Severity(str(item["severity"])), tuple(item.get("aspects") or ())
            for text in lines(item.get("must_hear")):
                yield Example(rule, text, kind, severity, None, aspects)
            for text in lines(item.get("only_concern")):
                yield Example(rule, text, kind, Severity.CONCERN, None, ())
                yield Example(rule, text, kind, None, Severity.CONCERN, ())
            for text in lines(item.get("must_not_hear")):
                yield Example(rule, text, kind, None, None, ())
        for item in document.get("raises") or ():
            to = Severity(str(item["to"])) if item.get("to") else Severity.CONCERN
            kinds = [str(item["also"])] if item.get("also") else [str(kind) for kind in item["kinds"][:1]]
            for text in lines(item.get("must_hear")):
                for kind in kinds:
                    yield Example(f"{language}/{item['id']}", text, kind, to, None, tuple(item.get("adds") or ()))
        for item in document.get("vetoes") or ():
            to_ = item.get("to")
            most = None if to_ in (None, "none") else Severity(str(to_))
            for text in lines(item.get("must_hear")):
                for kind in item.get("kinds") or ("crisis", "abuse", "dv", "medical"):
                    yield Example(f"{language}/{item['id']}", text, str(kind), None, most, ())
        for text in lines(document.get("silent")):
            yield Example(f"{language}/silent", text, "", None, None, ())


def check_signals(documents: Documents, vocabulary: Mapping[str, Any], each: Each = map) -> list[str]:
    """Return what is wrong with content/signals: ids, glosses, reviewers, patterns, examples."""
    problems: list[str] = []
    for language, document in documents.items():
        reviewed = document.get("reviewed") or {}
        if not reviewed.get("by") or not reviewed.get("date"):
            problems.append(f"signals/{language}: `reviewed` must say by whom and on which day")
        seen: set[str] = set()
        for part in ("signals", "raises", "vetoes"):
            for item in document.get(part) or ():
                name = f"signals/{language}/{item.get('id')}"
                if item.get("id") in seen:
                    problems.append(f"{name}: this id is used twice")
                seen.add(str(item.get("id")))
                problems += [f"{name}: {problem}" for problem in _problems(part, item, vocabulary)]
    if problems:
        return problems
    try:
        signals = Signals(documents)
        signals.compile()
    except ContentError as error:
        return [str(error)]
    return list(filter(None, each(lambda example: example.failure(signals), examples(documents))))


def _problems(part: str, item: Mapping[str, Any], vocabulary: Mapping[str, Any]) -> Iterator[str]:
    kinds, aspects = vocabulary["signals"], vocabulary["aspects"]
    named = [item.get("kind")] if part == "signals" else [*(item.get("kinds") or ()), item.get("also")]
    yield from (f"unknown kind {kind!r}" for kind in named if kind is not None and kind not in kinds)
    given = [*(item.get("aspects") or ()), *(item.get("adds") or ())]
    yield from (f"unknown aspect {aspect!r}" for aspect in given if aspect not in aspects)
    severity = item.get("severity") if part == "signals" else item.get("to")
    if severity not in vocabulary["severities"] and not (part != "signals" and severity in (None, "none")):
        yield f"unknown severity {severity!r}"
    acts = [item.get("act") or ""] if part == "signals" else item.get("acts") or ()
    yield from (f"unknown act {act!r}" for act in acts if act not in _ACTS)
    if (item.get("who") or "") not in _WHO:
        yield f"unknown who {item.get('who')!r}"
    if part != "vetoes" and not _JAPANESE.search(str(item.get("gloss") or "")):
        yield "the gloss must be Japanese (CARE C28)"
    if part == "vetoes" and item.get("scope") not in ("words", "sentence", "message"):
        yield f"unknown scope {item.get('scope')!r}"
    if not lines(item.get("patterns")):
        yield "there is no pattern"
    if not lines(item.get("must_hear")):
        yield "there is no example that must be heard"
    if part == "signals" and not lines(item.get("must_not_hear")):
        yield "there is no example that must not be heard"


def check_topics(documents: Documents, vocabulary: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with content/topics: ids, topics left out, commands shared by two, examples."""
    problems: list[str] = []
    commands = {name for document in documents.values() for name in document.get("commands") or ()}
    for language, document in documents.items():
        topics = document.get("topics") or {}
        problems += [
            f"topics/{language}: unknown topic {topic!r}" for topic in topics if topic not in vocabulary["topics"]
        ]
        problems += [f"topics/{language}: {topic} is missing" for topic in vocabulary["topics"] if topic not in topics]
        missing = sorted(map(str, commands - set(document.get("commands") or ())))
        problems += [f"topics/{language}: the command {name} is missing" for name in missing]
        problems += [f"topics/{language}: {name!r} must be quoted" for name in commands if not isinstance(name, str)]
        for topic, entry in topics.items():
            if not lines(entry.get("phrases")) or not lines(entry.get("must_hear")):
                problems.append(f"topics/{language}/{topic}: phrases and must_hear are needed")
    if problems:
        return problems
    answers = Answers(documents)
    for language, document in documents.items():
        for topic, entry in document["topics"].items():
            for text in lines(entry.get("must_hear")):
                ranked = answers.rank(text)
                if not ranked or ranked[0].id != topic:
                    problems.append(f"topics/{language}/{topic}: {text!r} comes first as {ranked[:2]}")
            for text in lines(entry.get("must_not_hear")):
                ranked = answers.rank(text)
                if ranked and ranked[0].id == topic:
                    problems.append(f"topics/{language}/{topic}: {text!r} must not come first")
        for name, phrases in (document.get("commands") or {}).items():
            for text in lines(phrases):
                if answers.command(text) != name:
                    problems.append(f"topics/{language}/{name}: {text!r} is heard as {answers.command(text)!r}")
    return problems


def check_examples(given: Sequence[Heard], vocabulary: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with content/heard: labels, glosses (CARE C28), sentences that are taught two ways."""
    problems: list[str] = []
    taught: dict[tuple[str, str], Heard] = {}
    for example in given:
        if example.hear != QUIET:
            problems += [f"heard/{example.id}: {problem}" for problem in _label_problems(example.hear, vocabulary)]
            if not _JAPANESE.search(example.gloss):
                problems.append(f"heard/{example.id}: {example.text!r} has no Japanese gloss (CARE C28)")
        before = taught.setdefault((example.language, example.text.lower()), example)
        if (before.hear == QUIET) != (example.hear == QUIET):
            problems.append(f"heard/{example.id}: {example.text!r} is taught as quiet and as a signal ({before.id})")
    return problems


def _label_problems(hear: str, vocabulary: Mapping[str, Any]) -> Iterator[str]:
    for part in hear.split(";"):
        kind, severity, *aspects = (*part.split(), "", "")[: max(2, len(part.split()))]
        if kind not in vocabulary["signals"]:
            yield f"unknown kind {kind!r}"
        if severity not in vocabulary["severities"]:
            yield f"unknown severity {severity!r}"
        yield from (f"unknown aspect {aspect!r}" for aspect in aspects if aspect not in vocabulary["aspects"])


def check(signals: Documents, topics: Documents, vocabulary: Mapping[str, Any], each: Each = map) -> list[str]:
    """Return everything that is wrong with the content of hearing, in words for its author."""
    return check_signals(signals, vocabulary, each) + check_topics(topics, vocabulary)
