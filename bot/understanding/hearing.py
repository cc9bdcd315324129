"""Turn one text into what the desk heard in it: signals first, then language, topics and slots.

The rule: hearing is pure and never raises on what a resident wrote; it decides nothing, it only hears.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.messages import Heard, Severity, Signal
from bot.understanding import slots
from bot.understanding.answers import Answers
from bot.understanding.asked import OF_A_SERVICE, Asked
from bot.understanding.features import Vectors, sentences
from bot.understanding.language import Languages
from bot.understanding.learned import Learned, together
from bot.understanding.signals import Signals

LONGEST = 5000  # LINE's longest text; what is longer is heard up to here and at its end


_VIOLENCE = frozenset(("abuse", "dv"))
_SAME = 0.8  # of a sentence's letters that a pattern explains: more than that, and it explains the sentence
# What is left of a bare 「料金はいくらですか」 shares less with any phrase of a topic, and is no longer than so many
# letters (Latin; others, a character of Chinese for three). Of 13,300 questions that name their topic 5 are taken for
# bare ones (2026-11-23).
_NAMED, _LITTLE, _LITTLE_ELSE = 0.5, 12, 8
_BUBBLE, _BUBBLES = 24, 160  # characters: a newest message this short is also read with those just before it


class Hearing:
    """Hear texts with the content of signals and topics, and with what was learned from examples if it is given."""

    def __init__(
        self,
        signals: Signals,
        answers: Answers,
        learned: Learned | None = None,
        languages: Languages = Languages(),  # noqa: B008 - it holds nothing that changes
        asked: Asked = Asked({}),  # noqa: B008
    ) -> None:
        self.signals = signals
        self.answers = answers
        self.learned = learned
        self.languages = languages
        self.asked = asked

    @classmethod
    def of(cls, signals: Mapping[str, Mapping[str, Any]], topics: Mapping[str, Mapping[str, Any]]) -> Hearing:
        """Build a Hearing by words alone from parsed documents (language -> YAML). Raises ContentError."""
        return cls(Signals(signals), Answers(topics))

    @staticmethod
    def readings(text: str, recent: Sequence[str] = ()) -> tuple[str, ...]:
        """Return what the encoders must read to hear `text`.

        That is the text itself, and its sentences if it has several; for a short one that others precede, also all of
        them joined, and those before alone.
        """
        text = _cut(text)
        joined = " ".join((*recent, text))
        if recent and len(text) <= _BUBBLE and len(joined) <= _BUBBLES:
            return (text, *sentences(text), joined, " ".join(recent))
        return (text, *sentences(text))

    def hear(
        self,
        text: str,
        *,
        vectors: Sequence[Vectors] | None = None,
        prior: str = "",
        recent: Sequence[str] = (),
        areas: Collection[str] = frozenset(),
        label: bool = False,
    ) -> Heard:
        """Return what is heard in `text`.

        `vectors` belong to `readings(text, recent)`, in order; without them the patterns hear alone, and `whole` says
        so. `prior` is the language that the resident chose, `recent` the resident's last messages (at most 3, of the
        last ten minutes, oldest first), `areas` the names of areas that the directory knows. `label`: the text is what
        stands on a button of ours, and the patterns alone hear it, by itself.
        """
        if label:
            recent = ()
        signals = self.signals.hear(_cut(text), recent)
        spoken_command = label or bool(self.answers.command(text))  # 「電話できない」 is a button of ours, not a cry
        if self.learned is not None and vectors is not None and not spoken_command:
            before = self.signals.hear(" ".join(recent)) if recent else ()
            learned = self._learned(self.learned, self.readings(text, recent), vectors, before)
            signals = together(signals, [_explained(one, signals) for one in learned])
        text = _cut(text)
        first = vectors[0] if vectors else None
        topics = self.answers.rank(text, first)
        asked = self.asked.parts(text)
        return Heard(
            language=self.languages.detect(text, prior),
            signals=signals,
            topics=topics,
            slots=slots.read(text, areas),
            asked=asked,
            only_asked=bool({*asked} & {*OF_A_SERVICE}) and self._names_nothing(self.asked.rest(text)),
            confident=self.answers.confident(text, topics, first),
            whole=self.learned is None or vectors is not None,
        )

    @staticmethod
    def _learned(
        learned: Learned, readings: Sequence[str], vectors: Sequence[Vectors], known: Sequence[Signal]
    ) -> tuple[Signal, ...]:
        """Return what the second layer hears: joined bubbles count as far as the newest has a part in it.

        `known` is what the patterns heard in those before.
        """
        (text, whole), *rest = zip(readings, vectors, strict=True)
        size = len(sentences(text))
        alone = learned.hear(text, whole, rest[:size])
        if not rest[size:]:
            return alone
        joined, before = (learned.hear(*reading) for reading in rest[size:])
        old = {signal.kind: signal.severity.rank for signal in together(known, before)}
        least = Severity.CONCERN.rank  # a concern is heard in one bubble or the other; joined words only look like one
        return together(alone, [one for one in joined if one.severity.rank > max(old.get(one.kind, 0), least)])

    def _names_nothing(self, text: str) -> bool:
        """Return whether a text is short and no word of it stands for a topic."""
        letters = "".join(filter(str.isalnum, text))
        characters = sum("\u3400" <= letter <= "\u9fff" for letter in letters)
        if len(letters) + 2 * characters > (_LITTLE if letters.isascii() else _LITTLE_ELSE):
            return False
        return max(self.answers.by_words(text).values(), default=0.0) < _NAMED

    def command(self, text: str) -> str:
        """Return the id of the spoken command that the whole text is, or ""."""
        return self.answers.command(text)


def _explained(one: Signal, patterns: Sequence[Signal]) -> Signal:
    """Return a signal of the second layer, a concern where a pattern hears the other violence in the same words.

    また怒鳴っています is the partner's shouting (dv): a person is called, and nobody is told to put the child down.
    Only dv and abuse are told apart so; a wish to die or an illness keeps what the graver layer heard.
    """
    called = [known for known in patterns if known.severity.rank > Severity.CONCERN.rank and known.kind in _VIOLENCE]
    same = any(known.kind == one.kind for known in patterns)
    if one.kind not in _VIOLENCE or one.severity is Severity.CONCERN or same:
        return one
    words = one.evidence.strip()
    if any(known.evidence in words and len(known.evidence) >= _SAME * len(words) for known in called):
        return replace(one, severity=Severity.CONCERN)
    return one


def _cut(text: str) -> str:
    return text if len(text) <= 2 * LONGEST else text[:LONGEST] + "\n" + text[-LONGEST:]


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
