"""What is heard in English lines that were written by a hand which had not read the patterns: tests/heard/en.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from bot import library
from bot.messages import Severity
from tests.talk import content

ROOT = Path(__file__).parents[1]
KINDS = {"crisis", "abuse", "dv", "medical", "anxiety", "development", "hardship"}


class Line(NamedTuple):
    """Hold one line: what is said, what must be heard (kind, severity, aspects), why it is still missed or "" ."""

    say: str
    hear: tuple[tuple[str, Severity, frozenset[str]], ...]
    known_miss: str

    @classmethod
    def of(cls, entry: dict[str, str]) -> Line:
        parts = [part.split() for part in entry["hear"].split(";")] if entry["hear"] != "quiet" else []
        hear = tuple((kind, Severity(severity), frozenset(aspects)) for kind, severity, *aspects in parts)
        return cls(entry["say"], hear, entry.get("known_miss", ""))

    def failure(self) -> str:
        """Return what is wrong with what is heard, or ""."""
        heard = {signal.kind: signal for signal in HEARING.hear(self.say).signals}
        if not self.hear and heard:
            return f"{self.say!r} must stay quiet: {heard}"
        for kind, severity, aspects in self.hear:
            signal = heard.get(kind)
            if signal is None or signal.severity.rank < severity.rank:
                return f"{self.say!r} must be heard as {kind} {severity.value}: {heard}"
            if not aspects <= set(signal.aspects):
                return f"{self.say!r} must be heard with {sorted(aspects)}: {signal}"
        if self.hear and all(severity is Severity.CONCERN for _, severity, _ in self.hear):
            loud = [signal for signal in heard.values() if signal.severity.rank > Severity.CONCERN.rank]
            return f"{self.say!r} is a concern, not {loud}" if loud else ""
        return ""


HEARING = content().hearing
LINES = [Line.of(entry) for part in library.read_yaml(ROOT / "tests" / "heard" / "en.yaml").values() for entry in part]


def test_the_lines_are_enough_and_differ() -> None:
    """Every kind and every aspect of the vocabulary is said, and no line is said twice."""
    assert {kind for line in LINES for kind, _, _ in line.hear} == KINDS
    aspects = set(content().vocabulary["aspects"])
    assert {aspect for line in LINES for _, _, said in line.hear for aspect in said} == aspects
    assert len({line.say for line in LINES}) == len(LINES)


@pytest.mark.parametrize("line", [line for line in LINES if not line.known_miss], ids=lambda line: line.say)
def test_a_line_is_heard(line: Line) -> None:
    """A grave line is heard at least as gravely, a concern calls nobody, and ordinary talk stays quiet."""
    assert not line.failure()


@pytest.mark.parametrize("line", [line for line in LINES if line.known_miss], ids=lambda line: line.say)
def test_a_known_miss_is_still_missed(line: Line) -> None:
    """A miss that we admit is still one: once it is heard, its mark goes."""
    assert line.failure(), f"this is heard now, remove known_miss: {line.say!r}"
