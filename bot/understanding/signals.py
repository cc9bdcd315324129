"""Hear the reasons to call a person, by versioned patterns in every language at once (CARE C8-C12).

The rule: rules only add. A veto may lower what it explains, but a first-person wish to die is never lowered to nothing
(facts/understanding.md D4); words of one language are heard whatever language the resident has chosen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, cast

from bot.errors import ContentError
from bot.messages import Severity, Signal
from bot.understanding.normalise import fold
from bot.understanding.patterns import Index, Lists, Pattern, Span, Views, compile_pattern, lines, views
from bot.understanding.romaji import japanese
from bot.understanding.slots import age_months

Who = Literal["self", "child", "partner", "other", ""]
Act = Literal["fear", "wish", "plan", "now", "done", "past", ""]
JAPANESE_WORDS = ("ja", "ja-easy")
_STOP = re.compile(r"[。!?！？।\n]|(?<!\.)\.(?=\s|$)")  # 3.5 and … are none


@dataclass(frozen=True, slots=True)
class Rule:
    """Hold one thing to hear: what it means, how grave it is, and the patterns that say it."""

    id: str
    kind: str
    severity: Severity
    aspects: tuple[str, ...]
    who: Who
    act: Act
    gloss: str
    patterns: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class Raise:
    """Hold what makes a heard signal graver: words, or the child's age, beside it (never alone a reason).

    It touches signals of `kinds` (and of `acts`, `aspects_of` when given), lifts them to `to`, adds `adds`,
    and with `also` raises another kind, as violence that a child sees is abuse as well as dv (CARE C11).
    """

    id: str
    kinds: frozenset[str]
    acts: frozenset[str]
    rules: frozenset[str]
    to: Severity | None
    adds: tuple[str, ...]
    also: str
    months_below: int | None
    gloss: str
    patterns: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class Veto:
    """Hold words that explain a signal away, or lower it.

    `scope`: the veto's words overlap the signal's (`words`), share its sentence, or stand anywhere in the message.
    `to` is the severity that is left; None is silence. `unless` takes the veto back (本当に, 冗談じゃない).
    """

    id: str
    kinds: frozenset[str]
    rules: frozenset[str]
    acts: frozenset[str]
    scope: Literal["words", "sentence", "message"]
    to: Severity | None
    patterns: tuple[Pattern, ...]
    unless: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class _Heard:
    rule: Rule
    severity: Severity
    aspects: tuple[str, ...]
    span: Span
    lowered: bool = False


def lists_of(documents: Mapping[str, Mapping[str, Any]], language: str) -> Lists:
    """Return the word lists of a language's file, with those of the file that it `extends` behind them."""
    document = documents[language]
    base = document.get("extends")
    lists = Lists(lists_of(documents, str(base)) if base else None)
    for name, entries in (document.get("lists") or {}).items():
        own = [entry for part in lines(entries) for entry in part.strip(" /").split(" / ")]
        lists[name] = [*own, *lists.get(name, [])]
    return lists


def _severity(value: object) -> Severity | None:
    return None if value in (None, "none") else Severity(str(value))


class Signals:
    """Hear signals by the documents of content/signals (language -> parsed YAML)."""

    def __init__(self, documents: Mapping[str, Mapping[str, Any]], held: Sequence[Sequence[str]] | None = None) -> None:
        """Compile every pattern. Raises ContentError, naming the file and the rule, if one is wrong.

        `held` is what `Signals.held` said of these documents before.
        """
        self.rules: list[Rule] = []
        self.raises: list[Raise] = []
        self.vetoes: list[Veto] = []
        self._touched: dict[str, frozenset[int]] = {}
        before = iter(held or ())
        for language in sorted(documents):
            self._read(language, documents, before)
        self._index = Index((rule, pattern) for rule in self.rules for pattern in rule.patterns)

    def held(self) -> list[list[str]]:
        """Return what a later start need not work out again (plain JSON): `Pattern.held` of each, as they are read."""
        each: list[Rule | Raise | Veto] = [*self.rules, *self.raises, *self.vetoes]
        each.sort(key=lambda one: (one.id.split("/")[0], _PARTS[type(one)]))
        return [
            pattern.held for one in each for pattern in (*one.patterns, *(one.unless if isinstance(one, Veto) else ()))
        ]

    def _read(self, language: str, documents: Mapping[str, Mapping[str, Any]], before: Iterator[Sequence[str]]) -> None:
        document, lists = documents[language], lists_of(documents, language)
        in_japanese = language in JAPANESE_WORDS

        def patterns(item: Mapping[str, Any], field: str = "patterns") -> tuple[Pattern, ...]:
            return tuple(
                compile_pattern(line, lists, in_japanese=in_japanese, held=next(before, None))
                for line in lines(item.get(field))
            )

        def ids(item: Mapping[str, Any], field: str) -> frozenset[str]:
            return frozenset(map(str, item.get(field) or ()))

        for part in ("signals", "raises", "vetoes"):
            for item in document.get(part) or ():
                name = f"{language}/{item.get('id')}"
                try:
                    if part == "signals":
                        self.rules.append(
                            Rule(
                                name,
                                str(item["kind"]),
                                Severity(str(item["severity"])),
                                tuple(map(str, item.get("aspects") or ())),
                                cast(Who, str(item.get("who") or "")),
                                cast(Act, str(item.get("act") or "")),
                                str(item["gloss"]),
                                patterns(item),
                            )
                        )
                    elif part == "raises":
                        self.raises.append(
                            Raise(
                                name,
                                ids(item, "kinds"),
                                ids(item, "acts"),
                                ids(item, "rules"),
                                _severity(item.get("to")),
                                tuple(map(str, item.get("adds") or ())),
                                str(item.get("also") or ""),
                                item.get("months_below"),
                                str(item["gloss"]),
                                patterns(item),
                            )
                        )
                    else:
                        self.vetoes.append(
                            Veto(
                                name,
                                ids(item, "kinds"),
                                ids(item, "rules"),
                                ids(item, "acts"),
                                cast(Literal["words", "sentence", "message"], str(item.get("scope") or "sentence")),
                                _severity(item.get("to")),
                                patterns(item),
                                patterns(item, "unless"),
                            )
                        )
                except (ContentError, KeyError, ValueError) as error:
                    raise ContentError(f"signals/{name}: {error}") from error

    def compile(self) -> None:
        """Compile every pattern at once. Raises ContentError, naming the rule, for the first that is wrong."""
        each: list[Rule | Raise | Veto] = [*self.rules, *self.raises, *self.vetoes]
        for one in each:
            try:
                for pattern in (*one.patterns, *(one.unless if isinstance(one, Veto) else ())):
                    assert pattern.regex
            except ContentError as error:
                raise ContentError(f"signals/{one.id}: {error}") from error

    def hear(self, text: str, recent: Sequence[str] = ()) -> tuple[Signal, ...]:
        """Return the signals of `text`, gravest first, one per kind.

        `recent` are the resident's last messages, oldest first: what only shows when they are joined with `text` is
        heard too, as far as the newest message has a part in it (もう / むり / しにたい).
        """
        found = self._hear(text, 0)
        if recent:
            before = "\n".join(recent) + "\n"
            found += self._hear(before + text, len(before))
        return self._merge(found)

    def scan(self, text: str) -> Severity | None:
        """Return the highest severity that the rules alone give, before raises and vetoes: for a lane's priority."""
        folded = fold(text)
        best: Severity | None = None
        for seen in map(views, filter(None, (folded, japanese(folded)))):
            for rule, pattern in self._index.candidates(seen):
                if (best is None or rule.severity.rank > best.rank) and pattern.find(seen):
                    best = rule.severity
        return best

    @staticmethod
    def _found(patterns: Iterable[Pattern], seen: Views) -> bool:
        return any(pattern.find(seen) for pattern in patterns)

    def _hear(self, text: str, newest: int) -> list[Signal]:
        folded = fold(text)
        found = self._of(views(folded), text, newest)
        if kana := japanese(folded):  # romaji: heard as Japanese as well
            found += self._of(views(kana), text, newest)
        return found

    def _of(self, seen: Views, text: str, newest: int) -> list[Signal]:
        found = [
            _Heard(rule, rule.severity, rule.aspects, span)
            for rule, pattern in self._index.candidates(seen)
            for span in pattern.find(seen)
            if span.end > newest
        ]
        if not found:
            return []
        found = self._veto(found, seen, text)
        return self._lift(found, seen, text, newest)

    def _veto(self, found: list[_Heard], seen: Views, text: str) -> list[_Heard]:
        for number in sorted(set[int]().union(*(self._vetoes_of(heard.rule) for heard in found))):
            veto = self.vetoes[number]
            spans = [span for pattern in veto.patterns for span in pattern.find(seen)]
            if not spans or self._found(veto.unless, seen):
                continue
            kept: list[_Heard] = []
            for heard in found:
                if self._touches(veto, heard.rule) and any(_near(veto.scope, span, heard.span, text) for span in spans):
                    rest = veto.to
                    if rest is None and _is_desire(heard.rule, veto.scope):
                        rest = Severity.CONCERN
                    if rest is None:
                        continue
                    if rest.rank < heard.severity.rank:
                        heard = replace(heard, severity=rest, lowered=True)
                kept.append(heard)
            found = kept
        return found

    def _vetoes_of(self, rule: Rule) -> frozenset[int]:
        """Return which vetoes touch what a rule hears, by their place in `vetoes`; worked out when it first hears."""
        if rule.id not in self._touched:
            touch = (number for number, veto in enumerate(self.vetoes) if self._touches(veto, rule))
            self._touched[rule.id] = frozenset(touch)
        return self._touched[rule.id]

    @staticmethod
    def _touches(one: Veto | Raise, rule: Rule) -> bool:
        if isinstance(one, Veto) and _family(one.id) != _family(rule.id):
            return False  # a song's title in one language explains nothing that was said in another
        return (
            (not one.kinds or rule.kind in one.kinds)
            and (not one.acts or rule.act in one.acts)
            and (not one.rules or rule.id.split("/")[1] in one.rules)
        )

    def _lift(self, found: list[_Heard], seen: Views, text: str, newest: int) -> list[Signal]:
        signals: list[Signal] = []
        months = age_months(text)
        lifts = [
            lift
            for lift in self.raises
            if any(self._touches(lift, heard.rule) for heard in found)
            and (
                (lift.months_below is not None and months is not None and months < lift.months_below)
                or self._found(lift.patterns, seen)
            )
        ]
        for heard in sorted(found, key=lambda one: one.span.begin - one.span.end):
            severity, aspects, extra = heard.severity, list(heard.aspects), []
            for lift in lifts:
                if not self._touches(lift, heard.rule):
                    continue
                aspects += [aspect for aspect in lift.adds if aspect not in aspects]
                if lift.to is not None and lift.to.rank > severity.rank and not heard.lowered:
                    severity = lift.to
                if lift.also and not heard.lowered:
                    extra.append(lift)
            rule = heard.rule
            together = [
                one.span for one in found if one.rule.kind == rule.kind and _near("words", one.span, heard.span, "")
            ]
            begin, end = min(span.begin for span in together), max(span.end for span in together)
            evidence = text[max(begin, newest) : end].strip()
            signals.append(
                Signal(rule.kind, severity, tuple(aspects), evidence, rule.id, rule.gloss, rule.who, rule.act)
            )
            signals += [
                Signal(lift.also, lift.to or severity, (), evidence, lift.id, lift.gloss, "child", rule.act)
                for lift in extra
            ]
        return signals

    @staticmethod
    def _merge(found: Iterable[Signal]) -> tuple[Signal, ...]:
        """Return one signal per kind: the gravest, of equals the longest evidence, with the aspects of all."""
        best: dict[str, Signal] = {}
        aspects: dict[str, list[str]] = {}
        for signal in found:
            held = best.get(signal.kind)
            if held is None or (signal.severity.rank, len(signal.evidence)) > (held.severity.rank, len(held.evidence)):
                best[signal.kind] = signal
            of_kind = aspects.setdefault(signal.kind, [])
            of_kind += [aspect for aspect in signal.aspects if aspect not in of_kind]
        merged = [replace(signal, aspects=tuple(aspects[kind])) for kind, signal in best.items()]
        return tuple(sorted(merged, key=lambda signal: -signal.severity.rank))


_PARTS = {Rule: 0, Raise: 1, Veto: 2}  # in which order a file's parts are read
_FAMILIES = {"ja-easy": "ja", "zh-Hant": "zh-Hans", "pt-BR": "es"}


@lru_cache(maxsize=8192)
def _family(id: str) -> str:
    """Return the group of a rule's language: those that share words or are mixed in one sentence (Taglish)."""
    language = id.split("/")[0]
    return _FAMILIES.get(language, language)


def _is_desire(rule: Rule, scope: str) -> bool:
    """Return whether a rule hears a first-person wish to die, which no veto may silence.

    Other words of crisis (a jump, a harm done) may be explained away, but only by a veto on these very words.
    """
    if rule.kind != "crisis" or rule.who != "self":
        return False
    return rule.act == "wish" or (rule.act in ("plan", "now", "done") and scope != "words")


def _near(scope: str, veto: Span, heard: Span, text: str) -> bool:
    if scope == "message":
        return True
    if scope == "words":
        return veto.begin < heard.end and heard.begin < veto.end
    begin = max((stop.end() for stop in _STOP.finditer(text, 0, heard.begin)), default=0)
    after = _STOP.search(text, heard.end)
    return veto.begin < (after.start() if after else len(text)) and begin < veto.end
