"""Japanese lines by another hand than the patterns' (tests/heard/ja.yaml): each is heard as CARE C8-C12 asks.

The rule: a line that patterns cannot reach stays in the file with `known_miss: why`, and must still be missed.
Run as a program, this prints how well each set of the file is heard now.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot import library
from bot.messages import Severity
from tests.talk import content

HERE = Path(__file__).parent
SIGNALS = content().hearing.signals


@dataclass(frozen=True, slots=True)
class Line:
    """Hold one line and what must be heard in it; `kind` "" means that nothing may be."""

    part: str
    say: str
    kind: str
    severity: Severity | None
    who: str
    aspects: frozenset[str]
    without: frozenset[str]
    known_miss: str

    def caught(self) -> bool:
        """Return whether its kind is heard at least as grave as it is."""
        return self.severity is not None and any(
            signal.kind == self.kind and signal.severity.rank >= self.severity.rank for signal in SIGNALS.hear(self.say)
        )

    def failure(self) -> str:
        """Return what is wrong with what is heard, or "".

        Its kind must be heard at exactly its severity, of whom and with the aspects it names; no other kind graver.
        """
        heard = SIGNALS.hear(self.say)
        told = [(signal.kind, str(signal.severity), signal.who, signal.aspects, signal.why) for signal in heard]
        if self.severity is None:
            return f"must stay quiet, not {told}" if heard else ""
        own = [signal for signal in heard if signal.kind == self.kind]
        if not own or own[0].severity is not self.severity:
            return f"must be {self.kind} {self.severity}, not {told}"
        if heard[0].severity.rank > self.severity.rank:
            return f"nothing in it is graver than {self.severity}: {told}"
        if not self.aspects <= set(own[0].aspects):
            return f"must say {set(self.aspects)}: {told}"
        if self.without & set(own[0].aspects):
            return f"must not say {set(self.without)}: {told}"
        if self.who and own[0].who != self.who:
            return f"must be about {self.who}: {told}"
        return ""


def lines_of(document: Mapping[str, Mapping[str, list[str | dict[str, object]]]]) -> Iterator[Line]:
    """Yield every line of the file."""
    for part, groups in document.items():
        for group, entries in groups.items():
            kind, _, severity = "" if group == "quiet" else group, "", ""
            if kind:
                kind, _, severity = group.partition(" ")
            for entry in entries:
                given = entry if isinstance(entry, dict) else {"say": entry}
                assert not set(given) - {"say", "who", "aspects", "without", "known_miss"}, given
                yield Line(
                    part,
                    str(given["say"]),
                    kind,
                    Severity(severity) if severity else None,
                    str(given.get("who") or ""),
                    frozenset(given.get("aspects") or ()),  # type: ignore[call-overload]
                    frozenset(given.get("without") or ()),  # type: ignore[call-overload]
                    str(given.get("known_miss") or ""),
                )


LINES = list(lines_of(library.read_yaml(HERE / "heard" / "ja.yaml")))


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.part}: {line.say}")
def test_heard_as_care_asks(line: Line) -> None:
    """Each line is heard as its group says; one that is marked as missed is still missed, or the mark must go."""
    wrong = line.failure()
    if line.known_miss:
        assert wrong, f"{line.say!r} is heard now: remove its known_miss"
    else:
        assert not wrong, f"{line.say!r} {wrong}"


def test_no_line_is_told_twice() -> None:
    """A line stands in the file once."""
    assert [say for say, times in Counter(line.say for line in LINES).items() if times > 1] == []


def figures() -> str:
    """Return, for each set: grave lines caught, severity and aspects exact, false alarms."""
    told = []
    for part in dict.fromkeys(line.part for line in LINES):
        lines = [line for line in LINES if line.part == part]
        grave = [line for line in lines if line.severity and line.severity is not Severity.CONCERN]
        mild = [line for line in lines if line.severity is Severity.CONCERN]
        quiet = [line for line in lines if line.severity is None]
        caught, heard = sum(line.caught() for line in grave), sum(line.caught() for line in mild)
        exact = sum(not line.failure() for line in grave + mild)
        loud = [SIGNALS.hear(line.say) for line in quiet]
        called = sum(bool(signals) and signals[0].severity is not Severity.CONCERN for signals in loud)
        told.append(
            f"{part}: urgent and emergency caught {caught}/{len(grave)}, concern caught {heard}/{len(mild)}, "
            f"exact {exact}/{len(grave + mild)}, quiet ones heard {sum(map(bool, loud))}/{len(quiet)} "
            f"({called} of them call a person)"
        )
    return "\n".join(told)


if __name__ == "__main__":
    for one in LINES:
        if one.failure():
            print(f"{one.kind} {one.severity}: {one.say!r} {one.failure()}")
    print(figures())
