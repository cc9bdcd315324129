"""Turn one text into what the desk heard in it: signals first, then language, topics and slots.

The rule: hearing is pure and never raises on what a resident wrote; it decides nothing, it only hears.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bot.messages import Heard, Severity
from bot.understanding import language, slots
from bot.understanding.answers import Answers
from bot.understanding.signals import Signals

LONGEST = 5000  # LINE's longest text; what is longer is heard up to here and at its end


class Hearing:
    """Hear texts with the content of signals and topics."""

    def __init__(self, signals: Signals, answers: Answers) -> None:
        self.signals = signals
        self.answers = answers

    @classmethod
    def of(cls, signals: Mapping[str, Mapping[str, Any]], topics: Mapping[str, Mapping[str, Any]]) -> Hearing:
        """Build a Hearing from parsed documents (language -> YAML). Raises ContentError if one is wrong."""
        return cls(Signals(signals), Answers(topics))

    def hear(
        self, text: str, *, prior: str = "", recent: Sequence[str] = (), areas: Collection[str] = frozenset()
    ) -> Heard:
        """Return what is heard in `text`.

        `prior` is the language that the resident chose, `recent` the resident's last messages (at most 3, of the last
        ten minutes, oldest first), `areas` the names of areas that the directory knows.
        """
        if len(text) > 2 * LONGEST:
            text = text[:LONGEST] + "\n" + text[-LONGEST:]
        topics = self.answers.rank(text)
        return Heard(
            language=language.detect(text, prior),
            signals=self.signals.hear(text, recent),
            topics=topics,
            slots=slots.read(text, areas),
            confident=self.answers.confident(topics),
        )

    def command(self, text: str) -> str:
        """Return the id of the spoken command that the whole text is, or ""."""
        return self.answers.command(text)


def action(heard: Heard) -> str:
    """Return what follows: call_person, offer_person, answer or clarify (DESIGN 7)."""
    if heard.signals:
        grave = any(signal.severity.rank > Severity.CONCERN.rank for signal in heard.signals)
        return "call_person" if grave else "offer_person"
    return "answer" if heard.confident else "clarify"


def to_json(heard: Heard, id: str) -> dict[str, Any]:
    """Return the line that `madoguchi understand` writes (DESIGN 7)."""
    return {
        "id": id,
        "language": heard.language,
        "signals": [
            {
                "kind": signal.kind,
                "severity": signal.severity.value,
                "aspects": list(signal.aspects),
                "evidence": signal.evidence,
                "why": signal.why,
            }
            for signal in heard.signals
        ],
        "topics": [{"id": topic.id, "score": topic.score} for topic in heard.topics],
        "confident": heard.confident,
        "action": action(heard),
    }
