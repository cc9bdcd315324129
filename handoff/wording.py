"""The console's own words in the language that who reads them chose: Japanese as they are written, or English.

The rule: the catalog's key is the Japanese sentence (locales/en/LC_MESSAGES/console.po), as families' sentences are
found; a sentence that it lacks stays Japanese. Nothing that is stored, and nothing that a family reads, is worded here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from functools import cache
from html import escape, unescape
from itertools import count, takewhile
from pathlib import Path
from typing import IO, Final, Literal, TypeVar, get_args

from babel import dates
from babel.messages.mofile import read_mo
from jinja2 import Environment
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

from bot.curation import FieldsRefusedError
from bot.errors import Fault, RefusedError
from bot.i18n import LOCALES, SOURCE, Catalogs, load

K = TypeVar("K")
PageLanguage = Literal["ja", "en"]
LANGUAGES: Final[tuple[PageLanguage, ...]] = get_args(PageLanguage)
_SPOKEN: ContextVar[PageLanguage] = ContextVar("spoken", default="ja")

#: Kana, kanji, and the marks that only Japanese text has.
_JAPANESE: Final = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uff01-\uff60]")
#: `{1}` or, where one needs another word than many, `{1|case|cases}`.
_PLACE: Final = re.compile(r"\{(\d+)(?:\|([^|}]*)\|([^}]*))?\}")
#: Where one sentence of a template ends and another begins.
_EDGE: Final = re.compile(r'([<>"\n])')
_AROUND: Final = re.compile(r"^(\s*)(.*?)(\s*)$", re.DOTALL)

_WEEKDAYS: Final = "月火水木金土日"
_NAMED: Final = re.compile(r"\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}")


def speak(language: PageLanguage) -> None:
    """Word all that follows in this request in `language`."""
    _SPOKEN.set(language)


@contextmanager
def speaking(language: PageLanguage) -> Iterator[None]:
    """Word what is inside in `language`: what is kept or printed is Japanese, whoever does it."""
    before = _SPOKEN.set(language)
    try:
        yield
    finally:
        _SPOKEN.reset(before)


def spoken() -> PageLanguage:
    """Return the language of the page that is being made."""
    return _SPOKEN.get()


@cache
def catalog(language: PageLanguage) -> Mapping[str, str]:
    """Return the console's sentences in a language: Japanese -> what it says there; nothing for Japanese itself."""
    path = LOCALES / language / "LC_MESSAGES" / "console.mo"
    if language == "ja" or not path.exists():
        return {}
    with path.open("rb") as file:
        return {str(message.id): str(message.string) for message in read_mo(file) if message.id and message.string}


def say(sentence: str, **values: object) -> str:
    """Return one of our sentences, or what is wrong, in the language of the page, its `{names}` filled."""
    if isinstance(sentence, Fault):
        return say(sentence.sentence, **sentence.values)
    found = catalog(spoken()).get(sentence, sentence)
    if not values:
        return found
    if spoken() == "ja":
        return found.format(**values)
    return _NAMED.sub(
        lambda place: str(values[place[1]]) if place[2] is None else place[2 if str(values[place[1]]) == "1" else 3],
        found,
    )


def later(sentence: str) -> str:
    """Mark one of our sentences that is worded elsewhere, by `say`, and return it as it is."""
    return sentence


def listed(words: Iterable[str]) -> str:
    """Return several words in one line."""
    return say("、").join(words)


def refused(error: RefusedError) -> str:
    """Return a refusal in the language of the page."""
    return listed(map(say, error.reasons.values())) if isinstance(error, FieldsRefusedError) else say(error.fault)


class Table(Mapping[K, str]):
    """Hold labels by id; each is worded when it is read."""

    def __init__(self, words: Mapping[K, str]) -> None:
        self._words = dict(words)

    def __getitem__(self, key: K) -> str:
        """Return the label in the language of the page."""
        return say(self._words[key])

    def __iter__(self) -> Iterator[K]:
        """Return the ids."""
        return iter(self._words)

    def __len__(self) -> int:
        """Return how many labels there are."""
        return len(self._words)

    def __or__(self, other: Table[K]) -> Table[K]:
        """Return both tables as one."""
        return Table(self._words | other._words)


@cache
def families() -> Catalogs:
    """Return how the words are said that families read too: kinds of places, topics, opening hours."""
    return load({language: language for language in LANGUAGES if language != SOURCE})


def named(names: Mapping[K, str]) -> dict[K, str]:
    """Return names that families read too (`bot.names`), in the language of the page."""
    return {id: families().sentence(name, spoken()) for id, name in names.items()}


# --- days and times -------------------------------------------------------------------------------------------------


def day(on: date) -> str:
    """Return a day as 11月21日（土）, in English Sat 21 Nov."""
    if spoken() == "en":
        return dates.format_date(on, "EEE d MMM", locale="en")
    return f"{on.month}月{on.day}日（{weekday(on.weekday())}）"


def weekday(number: int) -> str:
    """Return a day of the week, 0 for Monday, as 月, in English Mon."""
    return dates.get_day_names("abbreviated", locale="en")[number] if spoken() == "en" else _WEEKDAYS[number]


def calendar(on: date | None) -> str:
    """Return a day as 2026年3月5日, in English 5 Mar 2026."""
    if on is None:
        return ""
    if spoken() == "en":
        return dates.format_date(on, "d MMM y", locale="en")
    return f"{on.year}年{on.month}月{on.day}日"


def month_of(year: int, month: int) -> str:
    """Return a month as 2026年3月, in English Mar 2026."""
    if spoken() == "en":
        return dates.format_date(date(year, month, 1), "MMM y", locale="en")
    return f"{year}年{month}月"


# --- templates --------------------------------------------------------------------------------------------------------
# What is written between two marks of HTML is one sentence, and `{1}` in its key is the first value that stands in it;
# so is every string of an expression. Templates are read as they are shown, and nothing is looked up when a page is
# made: a template is compiled once for each language.

_Part = str | list[Token]  # a piece of a sentence: words, or the tokens of one value with its {{ and }}


class Sentences(Extension):
    """Put the sentences of the environment's `page_language` in the place of a template's own."""

    def filter_stream(self, stream: TokenStream) -> Iterable[Token]:
        """Return the template's tokens with its sentences in another language."""
        words = catalog(getattr(self.environment, "page_language", "ja"))
        return _worded(stream, words) if words else stream


def _worded(stream: Iterable[Token], words: Mapping[str, str]) -> Iterator[Token]:
    for sentence in _sentences(stream):
        if isinstance(sentence, Token):
            yield _string(sentence, words)
            continue
        line, parts = sentence
        before, key, after = _key(parts)
        found = words.get(key) if key else None
        if found is None:
            for part in parts:
                yield from (
                    [Token(line, "data", part)] if isinstance(part, str) else (_string(each, words) for each in part)
                )
            continue
        yield Token(line, "data", before)
        yield from _filled(line, found, [part for part in parts if not isinstance(part, str)], words)
        yield Token(line, "data", after)


def _filled(line: int, sentence: str, values: list[list[Token]], words: Mapping[str, str]) -> Iterator[Token]:
    at = 0
    for place in _PLACE.finditer(sentence):
        yield Token(line, "data", escape(sentence[at : place.start()]))
        value = [_string(each, words) for each in values[int(place[1]) - 1]]
        if place[2] is None:
            yield from value
        else:
            yield from _one_or_many(line, value, place[2], place[3])
        at = place.end()
    yield Token(line, "data", escape(sentence[at:]))


def _one_or_many(line: int, value: list[Token], one: str, many: str) -> Iterator[Token]:
    """Return the tokens of `{{ "one" if (value) | string == "1" else "many" }}`."""
    begin, *inner, end = value
    made = [("string", one), ("name", "if"), ("lparen", "("), *((each.type, each.value) for each in inner)]
    made += [("rparen", ")"), ("pipe", "|"), ("name", "string"), ("eq", "=="), ("string", "1")]
    made += [("name", "else"), ("string", many)]
    yield begin
    yield from (Token(line, type, text) for type, text in made)
    yield end


def _string(token: Token, words: Mapping[str, str]) -> Token:
    """Return a string of an expression in the other language; its `{}` are Python's own."""
    if token.type != "string" or not isinstance(token.value, str):
        return token
    return Token(token.lineno, token.type, words.get(token.value, token.value))


def _key(parts: list[_Part]) -> tuple[str, str, str]:
    """Return what stands before a sentence, its key ("" without Japanese), and what stands after it."""
    if not any(isinstance(part, str) and _JAPANESE.search(part) for part in parts):
        return "", "", ""
    numbers = count(1)
    whole = "".join(part if isinstance(part, str) else f"{{{next(numbers)}}}" for part in parts)
    found = _AROUND.match(whole)
    assert found
    return found[1], unescape(found[2]), found[3]


def _sentences(stream: Iterable[Token]) -> Iterator[Token | tuple[int, list[_Part]]]:
    """Return a template's sentences as (line, parts) and everything else token by token."""
    parts: list[_Part] = []
    line, tokens = 1, iter(stream)
    for token in tokens:
        if token.type == "data":
            line = line if parts else token.lineno
            for piece in _EDGE.split(token.value):
                if _EDGE.fullmatch(piece):
                    if parts:
                        yield line, parts
                    parts = []
                    yield Token(token.lineno, "data", piece)
                elif piece:
                    parts.append(piece)
        elif token.type == "variable_begin":
            line = line if parts else token.lineno
            inner = list(takewhile(lambda each: each.type != "variable_end", tokens))
            parts.append([token, *inner, Token(token.lineno, "variable_end", "}}")])
        else:
            if parts:
                yield line, parts
            parts = []
            yield token
    if parts:
        yield line, parts


# --- what there is to translate -------------------------------------------------------------------------------------


def extract_template(
    file: IO[bytes], keywords: object, comment_tags: object, options: object
) -> Iterator[tuple[int, None, str, list[str]]]:
    """Give Babel every sentence and every Japanese string of one template."""
    for line, key in template_sentences(file.read().decode()):
        yield line, None, key, []


def template_sentences(source: str) -> Iterator[tuple[int, str]]:
    """Return a template's Japanese sentences and strings, with their lines."""
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    stream = environment.lexer.wrap(environment.lexer.tokeniter(source, None), None, None)
    for sentence in _sentences(stream):
        if isinstance(sentence, Token):
            inner: Iterable[Token] = [sentence]
        else:
            line, parts = sentence
            if key := _key(parts)[1]:
                yield line, key
            inner = (each for part in parts if not isinstance(part, str) for each in part)
        for token in inner:
            if token.type == "string" and _JAPANESE.search(str(token.value)):
                yield token.lineno, str(token.value)


SAYING: Final = frozenset({
    "say", "later", "Table", "Fault", "RefusedError", "NotAllowedError", "CaseMovedError", "SlipError",
    "DirectoryMovedError",
})  # fmt: skip
_SCRIPT: Final = re.compile(r'\bsay\("((?:[^"\\]|\\.)+)"')


def script_sentences(folder: Path) -> tuple[str, ...]:
    """Return the sentences that the console's scripts say."""
    found = (_SCRIPT.findall(path.read_text("utf-8")) for path in sorted(folder.glob("*.js")))
    return tuple(dict.fromkeys(sentence for sentences in found for sentence in sentences))


def extract_script(
    file: IO[bytes], keywords: object, comment_tags: object, options: object
) -> Iterator[tuple[int, None, str, list[str]]]:
    """Give Babel what one script says."""
    for number, line in enumerate(file.read().decode().splitlines(), 1):
        for sentence in _SCRIPT.findall(line):
            yield number, None, sentence, []


def extract_code(
    file: IO[bytes], keywords: object, comment_tags: object, options: object
) -> Iterator[tuple[int, None, str, list[str]]]:
    """Give Babel what one module says, labels, or refuses with."""
    for line, sentence in code_sentences(file.read().decode()):
        yield line, None, sentence, []


def code_sentences(source: str) -> Iterator[tuple[int, str]]:
    """Return the Japanese strings that stand in a call of `say`, `later`, `Table` or a refusal, with their lines."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in SAYING:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str) and _JAPANESE.search(inner.value):
                    yield inner.lineno, inner.value
