"""Compile the one notation in which content files say what to hear.

The rule: a pattern is words in order: Japanese words are those of `words.japanese`, all others those of `words.plain`
(without diacritics; every Chinese character is one word, and 家暴 stands for 家 暴).

    a b        a, then b at once            a|b        either               <list>     any entry of a list of the file
    a?         may be left out              a*         a word beginning with a         a_b  a b, inside one choice of |
    ..         up to three words between    ...        up to ten, both inside the sentence; .... up to fifteen, across
    !a         the next word is not a       ^  $       the text begins, ends here          *     any one word
    が         alone, in Japanese: が, は, も or nothing, as people write it; `が|は|も` must be there
    re: …      a regular expression over the folded text (Japanese without blanks), for spellings no word list can hold

A Japanese word may be written as people write it: あの世, お腹, ママ友 stand also for the words that they become when
a text is cut (彼の世, 御腹, ママ 友), so that no entry of a file is deaf because of its spelling.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Generic, TypeVar

from bot.errors import ContentError
from bot.understanding.normalise import Text, fold, tight
from bot.understanding.words import LONGEST_BEGINNING, Words, chinese, japanese, plain

_GAPS = {"..": r"(?:[^ 。.!?।]+ ){0,3}?", "...": r"(?:[^ 。.!?।]+ ){0,10}?", "....": r"(?:[^ ]+ ){0,15}?"}
_SIGNS = {"^": r"(?<![^ ] )", "$": r"(?:[。.!?।] )*$", "*": r"[^ 。.!?।]+ "}
_TOPIC = "(?:(?:が|は|も|って|さえ|すら|しか) )?"


class Lists(dict[str, Sequence[str]]):
    """Hold a file's word lists by name; `words` are those worked out before of which an entry needs one."""

    def __init__(self, given: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(given or {})
        self.words: dict[str, frozenset[str] | None] = {}


Owner = TypeVar("Owner")


def lines(value: object) -> list[str]:
    """Return the lines of a content field: a block of text, one entry a line, or a YAML list of strings."""
    given = value.splitlines() if isinstance(value, str) else list(value) if isinstance(value, (list, tuple)) else []
    return [line for entry in given if (line := str(entry).strip())]


@dataclass(frozen=True, slots=True)
class Views:
    """Hold one text in every shape that patterns read."""

    folded: Text
    tight: Text
    japanese: Words
    plain: Words
    chinese: bool


def views(folded: Text) -> Views:
    """Return the shapes of a folded text."""
    return Views(folded, tight(folded), japanese(folded), plain(folded), chinese(folded.text))


@dataclass(frozen=True, slots=True)
class Span:
    """Hold where a pattern matched: in the raw text, from and to."""

    begin: int
    end: int


@dataclass(frozen=True)
class Pattern:
    """Hold one pattern; one of the words of `anchor` must be there, if it has any.

    `script` names the letters without which a spelled pattern cannot match, "" if that can't be said. What else it
    needs, and the expression, are made when they are first needed: of ten thousand patterns a desk meets a few hundred.
    """

    source: str
    lists: Lists = field(repr=False, compare=False)
    spelled: bool
    in_japanese: bool
    anchor: frozenset[str] = frozenset()
    script: str = ""

    @property
    def held(self) -> list[str]:
        """Return what a later start need not work out again: the anchor, or the script."""
        return [self.script] if self.spelled else sorted(self.anchor)

    @cached_property
    def needs(self) -> tuple[frozenset[str], ...]:
        """Return sets of words of which one each must be there (a quick refusal), the smallest first."""
        return () if self.spelled else tuple(sorted(_needs(self.source, self.lists, self.in_japanese), key=len))

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """Return the compiled expression. Raises ContentError, naming the pattern, if it is wrong."""
        try:
            if self.spelled:
                regex = re.compile(_spelled(self.source, self.lists))
            else:
                regex = re.compile(r"(?<= )" + _sequence(self.source, self.lists, self.in_japanese))
        except (re.error, ContentError) as error:
            raise ContentError(f"pattern {self.source!r}: {error}") from error
        if not self.spelled and regex.match(" "):
            raise ContentError(f"pattern {self.source!r} would match nothing at all")
        return regex

    def find(self, seen: Views) -> Sequence[Span]:
        """Return every place of the raw text where the pattern matches."""
        if self.in_japanese and seen.chinese:
            return ()
        if self.spelled:
            text = seen.tight if self.in_japanese else seen.folded
            if not self.regex.search(text.text):  # of a thousand spelled patterns hardly one is there
                return ()
            return [
                Span(text.starts[match.start()], text.ends[match.end() - 1])
                for match in self.regex.finditer(text.text)
                if match.end() > match.start()
            ]
        words = seen.japanese if self.in_japanese else seen.plain
        for need in self.needs:
            if need.isdisjoint(words.keys):
                return ()
        return [self._span(words, match) for match in self.regex.finditer(words.line) if match.end() > match.start()]

    @staticmethod
    def _span(words: Words, match: re.Match[str]) -> Span:
        begin, end = words.evidence(match.start(), match.end())
        return Span(words.source.starts[begin], words.source.ends[end - 1])


class Index(Generic[Owner]):
    """Find the few patterns that can match a text at all, by the anchor that each of them has."""

    def __init__(self, owned: Iterable[tuple[Owner, Pattern]]) -> None:
        self._by_word: dict[tuple[bool, str], dict[int, tuple[Owner, Pattern]]] = defaultdict(dict)
        self._always: dict[str, dict[int, tuple[Owner, Pattern]]] = defaultdict(dict)
        for number, (owner, pattern) in enumerate(owned):
            for word in pattern.anchor:
                self._by_word[pattern.in_japanese, word][number] = (owner, pattern)
            if not pattern.anchor:
                self._always[pattern.script][number] = (owner, pattern)

    def candidates(self, seen: Views) -> list[tuple[Owner, Pattern]]:
        """Return the patterns that may match, with their owners, in the order of the files."""
        found = dict(self._always.get("", {}))
        for script in scripts_of(seen.folded.text):
            found |= self._always.get(script, {})
        for in_japanese, words in ((True, seen.japanese.keys), (False, seen.plain.keys)):
            for word in words:
                found |= self._by_word.get((in_japanese, word), {})
        return [found[number] for number in sorted(found)]


@lru_cache(maxsize=8192)
def _cut(word: str) -> tuple[str, ...]:
    """Return the words that a Japanese word becomes when a text is cut, or itself if it stays whole."""
    words = japanese(fold(word)).each
    return words if words and word not in words else (word,)


_AS_IT_IS = re.compile(r"(?!.*(.)\1\1)[a-z]+")


@lru_cache(maxsize=65536)
def _plain(word: str) -> tuple[str, ...]:
    """Return the words that a written word of another language becomes when a text is cut."""
    if _AS_IT_IS.fullmatch(word):
        return (word,)  # most are: it saves a second at start
    return plain(fold(word)).each


@lru_cache(maxsize=1 << 17)
def _spellings(choice: str, in_japanese: bool) -> tuple[tuple[str, ...], ...]:
    """Return the words in order that one choice stands for: as a text is cut and, in Japanese, also as written."""
    written = tuple(word for word in choice.split("_") if word)
    if not in_japanese:
        return (tuple(part for word in written for part in _plain(word)),)
    return tuple(dict.fromkeys((written, tuple(part for word in written for part in _cut(word)))))


def _beginning(choice: str, in_japanese: bool) -> tuple[str, ...]:
    """Return the words of `a*`, the last of them the beginning of a word."""
    return (choice[:-1],) if in_japanese else _spellings(choice[:-1], in_japanese)[0]


def _alternatives(step: str, lists: Lists, in_japanese: bool, depth: int) -> list[str]:
    """Return the regexes of a step's alternatives."""
    if depth > 5:
        raise ContentError(f"lists name each other in a circle at {step!r}")
    found: list[str] = []
    for choice in step.split("|"):
        if choice.startswith("<") and choice.endswith(">"):
            name = choice[1:-1]
            if name not in lists:
                raise ContentError(f"there is no list <{name}>")
            for entry in lists[name]:
                found.append(_sequence(str(entry), lists, in_japanese, depth + 1))
        elif choice.endswith("*") and len(choice) > 1:
            *whole, start = _beginning(choice, in_japanese)
            found.append("".join(re.escape(word) + " " for word in whole) + re.escape(start) + "[^ ]* ")
        elif choice in _SIGNS:
            found.append(_SIGNS[choice])
        elif choice:
            for words in _spellings(choice, in_japanese):
                if not words:
                    raise ContentError(f"there is no word in {choice!r}")
                found.append("".join(re.escape(word) + " " for word in words))
        else:
            raise ContentError(f"an empty alternative in {step!r}")
    return found


def _sequence(pattern: str, lists: Lists, in_japanese: bool, depth: int = 0) -> str:
    parts: list[str] = []
    for step in pattern.split():
        if step in _GAPS:
            parts.append(_GAPS[step])
        elif step == "が":
            parts.append(_TOPIC)
        elif step.startswith("!"):
            parts.append("(?!" + "|".join(_alternatives(step[1:], lists, in_japanese, depth)) + ")")
        elif step.endswith("?") and len(step) > 1:
            parts.append("(?:" + "|".join(_alternatives(step[:-1], lists, in_japanese, depth)) + ")?")
        else:
            parts.append("(?:" + "|".join(_alternatives(step, lists, in_japanese, depth)) + ")")
    return "".join(parts)


def _words_of(step: str, lists: Lists, in_japanese: bool, depth: int = 0) -> frozenset[str] | None:
    """Return the words of which one must be there for a step to match, or None if that can't be said."""
    if "<" not in step:
        return _words_written(step, in_japanese)
    found: set[str] = set()
    for choice in step.split("|"):
        if choice.startswith("<"):
            words = _words_of_list(choice[1:-1], lists, in_japanese, depth)
        else:
            words = _words_written(choice, in_japanese)
        if words is None:
            return None
        found |= words
    return frozenset(found)


@lru_cache(maxsize=1 << 16)
def _words_written(step: str, in_japanese: bool) -> frozenset[str] | None:
    """Return what `_words_of` does for a step that names no list."""
    found: set[str] = set()
    for choice in step.split("|"):
        if choice in _SIGNS:
            return None
        if choice.endswith("*") and len(choice) > 1:
            found.add(_beginning(choice, in_japanese)[-1][:LONGEST_BEGINNING] + "*")
        else:
            found |= {max(words, key=len) for words in _spellings(choice, in_japanese) if words}
    return frozenset(found)


def _words_of_list(name: str, lists: Lists, in_japanese: bool, depth: int) -> frozenset[str] | None:
    """Return the words of which one must be there for some entry of a list to match; worked out once for each list."""
    if name not in lists:
        raise ContentError(f"there is no list <{name}>")
    if depth > 5:
        raise ContentError(f"lists name each other in a circle at <{name}>")
    known = lists.words
    if name not in known:
        found: set[str] = set()
        for entry in lists[name]:
            needed = _needs(str(entry), lists, in_japanese, depth + 1)
            if not needed:
                known[name] = None
                break
            found |= min(needed, key=len)
        else:
            known[name] = frozenset(found)
    return known[name]


def _must_be(step: str) -> bool:
    """Return whether a step stands for words that a text must hold."""
    return step not in _GAPS and step not in ("^", "$", "*", "が") and step[0] != "!" and step[-1] != "?"


def _anchor(pattern: str, lists: Lists, in_japanese: bool) -> frozenset[str]:
    """Return the words of the step whose words are likely the rarest (few, long, no list); none if none must be."""
    for step in sorted(filter(_must_be, pattern.split()), key=_often):
        if words := _words_of(step, lists, in_japanese):
            return words
    return frozenset()


def _often(step: str) -> float:
    return sum(9.0 if choice[:1] == "<" else 4.0 ** -len(choice) for choice in step.split("|"))


def _needs(pattern: str, lists: Lists, in_japanese: bool, depth: int = 0) -> list[frozenset[str]]:
    needs: list[frozenset[str]] = []
    for step in filter(_must_be, pattern.split()):
        words = _words_of(step, lists, in_japanese, depth)
        if words is not None:
            needs.append(words)
    return needs


def _spelled(source: str, lists: Lists) -> str:
    """Return the expression behind `re:` with its lists filled in."""
    spelled = source.removeprefix("re:").strip()
    if "<" in spelled:
        for name, entries in lists.items():
            spelled = spelled.replace(f"<{name}>", "(?:" + "|".join(map(str, entries)) + ")")
    return spelled


_NAMED_LIST = re.compile(r"<([^<>|]+)>")


def compile_pattern(source: str, lists: Lists, *, in_japanese: bool, held: Sequence[str] | None = None) -> Pattern:
    """Read one pattern. Raises ContentError, naming it, if a list is missing; `regex` says what else is wrong.

    `held` is what `Pattern.held` said of this pattern before.
    """
    try:
        if source.startswith("re:"):
            script = _script(_spelled(source, lists)) if held is None else "".join(held)
            return Pattern(source, lists, True, in_japanese, script=script)
        for name in _NAMED_LIST.findall(source):
            if name not in lists:
                raise ContentError(f"there is no list <{name}>")
        anchor = _anchor(source, lists, in_japanese) if held is None else frozenset(held)
        return Pattern(source, lists, False, in_japanese, anchor)
    except ContentError as error:
        raise ContentError(f"pattern {source!r}: {error}") from error


_SCRIPTS = {"hangul": "\uac00-\ud7a3\u3130-\u318f", "devanagari": "\u0900-\u097f"}


def _script(expression: str) -> str:
    """Return the one script of an expression's letters, "" if it holds letters of others too."""
    held = re.sub(r"\\.|\(\?[:=!<]+", "", expression)
    for name, letters in _SCRIPTS.items():
        if re.search(f"[{letters}]", held):
            return "" if re.search(r"[^\W\d_]", re.sub(f"[{letters}]", "", held)) else name
    return ""


def scripts_of(text: str) -> frozenset[str]:
    """Return the scripts of `Pattern.script` that a text holds."""
    return frozenset(name for name, letters in _SCRIPTS.items() if re.search(f"[{letters}]", text))
