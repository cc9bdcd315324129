"""The content check: what is still missing or wrong in what the desk says and hears, one sentence each.

The rule: an empty list means that a city may go live with this content; `make check` and CI run it.
"""

from __future__ import annotations

import ast
import string
import tomllib
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from bot import easy, i18n, library, names, places, services
from bot.cores import on_every_core
from bot.dialogs import ALL, find_place
from bot.errors import ContentError
from bot.i18n import EASY, LOCALES, SOURCE
from bot.library import CONTENT, Library
from bot.line import limits, menu_picture
from bot.understanding import check as heard

ROOT = Path(__file__).parents[1]
CITY_SAYS = ("fee", "period", "window")  # what of an answer a city sets itself (situation.Service)
LARGEST = 2_000_000  # bytes of one learned file (issue B)
_EACH = partial(on_every_core, at_once=64)


def problems(content: Library) -> list[str]:
    """Return everything that the content still lacks."""
    return [
        *_vocabulary(content),
        *_heard(content),
        *_said(content),
        *_terms(content),
        *_drawn(content),
        *_rehearsed(content),
    ]


def _vocabulary(content: Library) -> Iterator[str]:
    for kind, known in (("topics", names.TOPICS), ("categories", names.CATEGORIES)):
        wanted = set(content.vocabulary[kind])
        yield from (f"names.py: {kind} {id!r} has no name" for id in sorted(wanted - set(known)))
        yield from (f"names.py: {kind} {id!r} is not in the vocabulary" for id in sorted(set(known) - wanted))
    if wrong := names.SIGNALS ^ set(content.vocabulary["signals"]):
        yield f"names.py: SIGNALS and the vocabulary differ by {sorted(wrong)}"
    for id, topics in content.topics_of_category.items():
        yield from (
            f"vocabulary.yaml: category {id} names an unknown topic {t}" for t in topics if t not in names.TOPICS
        )
    yield from (f"answers/{topic}.md is missing" for topic in sorted(set(names.TOPICS) - set(content.answers)))
    for answer in content.answers.values():
        yield from (f"answers/{answer.topic}.md: the city cannot set {x!r}" for x in answer.city if x not in CITY_SAYS)
    if not ALL:
        yield "no dialog was found"


def _heard(content: Library) -> Iterator[str]:
    documents = {kind: library.documents(CONTENT / kind) for kind in ("signals", "topics")}
    yield from heard.check(documents["signals"], documents["topics"], content.vocabulary, _EACH)
    yield from heard.check_examples(library.examples(), content.vocabulary)
    for encoders in ("all", "fast", "none"):
        for subject in ("signals", "topics"):
            if not (CONTENT / "learned" / f"{subject}.{encoders}.npz").exists():
                yield f"learned/{subject}.{encoders}.npz is missing: run `madoguchi train`"
    for path in sorted((CONTENT / "learned").glob("*.npz")):
        if path.stat().st_size > LARGEST:
            yield f"learned/{path.name} is larger than 2 MB"


def _drawn(content: Library) -> Iterator[str]:
    """Say which pictures of rich menus are missing or show words of before."""
    words, pictures = i18n.load(content.vocabulary["languages"]), library.menu_pictures()
    for language in menu_picture.languages(words):
        if menu_picture.mark_of(pictures.get(language, b"")) != menu_picture.mark(language, words):
            yield f"menus/{language}.png is missing or older than its words: run `make menus`"


def _rehearsed(content: Library) -> Iterator[str]:
    """Say what is wrong with the invented families of the practice mode."""
    try:
        families = library.practice()
    except ContentError as error:
        yield str(error)
        return
    for family in families.values():
        if family.language not in content.vocabulary["languages"]:
            yield f"practice/{family.id}.yaml: {family.language} is no language of ours"


def sentences() -> dict[str, list[str]]:
    """Return every sentence that the product says -> the remarks for its translators, as Babel extracts them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["babel"]
    methods = settings["extractors"]
    found: dict[str, list[str]] = {}
    for mapping in settings["mappings"]:
        patterns = mapping["pattern"] if isinstance(mapping["pattern"], list) else [mapping["pattern"]]
        method = methods.get(mapping["method"], mapping["method"])
        extracted = extract_from_dir(
            ROOT, [(pattern, method) for pattern in patterns], keywords={"_": None, "N_": None}
        )
        for _file, _line, message, comments, _context in extracted:
            found.setdefault(str(message), []).extend(comments)
    return found


def catalogs(content: Library) -> Mapping[str, Catalog]:
    """Return the catalogs as they are written (.po), by language id."""
    found = {}
    for language, folder in content.vocabulary["languages"].items():
        path = LOCALES / folder / "LC_MESSAGES" / "messages.po"
        if language != SOURCE and path.exists():
            with path.open("rb") as file:
                found[language] = read_po(file)
    return found


def _said(content: Library) -> Iterator[str]:
    spoken = sentences()
    for msgid in spoken:
        yield from (f"source: {problem}: {msgid}" for problem in easy.forbidden(msgid))
    labels, terms = _labels(content), library.read_yaml(CONTENT / "glossary.yaml")
    yield from (f"source: longer than LINE's 20 characters: {msgid}" for msgid in labels if _long(msgid))
    for language, catalog in catalogs(content).items():
        for msgid in spoken:
            message: Any = catalog.get(msgid)
            if message is None or not message.string:
                yield f"{language}: not translated: {msgid}"
                continue
            if message.fuzzy:
                yield f"{language}: fuzzy: {msgid}"
            text = str(message.string)
            if _holes(msgid) != _holes(text):
                yield f"{language}: other {{names}} than the source: {msgid}"
            yield from (
                f"{language}: {term} is not called {called}: {text}"
                for term, called in _miscalled(terms, msgid, text, language)
            )
            if msgid in labels and _long(text):
                yield f"{language}: longer than LINE's 20 characters: {text}"
            yield from (f"{language}: {problem}: {text}" for problem in easy.forbidden(text))
            if language == EASY:
                yield from (f"{language}: {p.rule} {p.found!r} ({p.why}): {text}" for p in easy.check(text) if p.fails)


def _terms(content: Library) -> Iterator[str]:
    """Say which terms of machine translation lack a language, or are called as the desk itself never calls them."""
    languages = [id for id in content.vocabulary["languages"] if id not in (SOURCE, EASY)]
    said = i18n.load(content.vocabulary["languages"]).sentences
    for term, called in library.read_yaml(CONTENT / "terms.yaml").items():
        like = called.get("like", term)
        for language in languages:
            if not (words := called.get(language, "")):
                yield f"terms.yaml: {term} is not called anything in {language}"
            elif not any(
                like in msgid and words.casefold() in text.casefold() for msgid, text in said[language].items()
            ):
                yield f"terms.yaml: {language}: no sentence about {like} says {words}"


def _miscalled(
    terms: Mapping[str, Mapping[str, str]], msgid: str, text: str, language: str
) -> Iterator[tuple[str, str]]:
    """Yield each term of the glossary that stands in the source and is called something else in a translation."""
    for term, called in terms.items():
        words = called.get(language, called.get("all", ""))
        if (
            term in msgid
            and words
            and not any(word.strip().casefold() in text.casefold() for word in words.split(" / "))
        ):
            yield term, words


def _labels(content: Library) -> set[str]:
    """Return every sentence that stands on a button."""
    steps = [step.name.msgid for journey in content.journeys.values() for step in journey.steps]
    titles = [journey.title.msgid for journey in content.journeys.values()]
    parts = [part.msgid for part in services.PARTS.values()]
    ages = [label.msgid for label, _months in places.AGES]
    reasons = [label.msgid for label, _word, _topics in find_place.REASONS.values()]
    return {*names.TOPICS.values(), *titles, *steps, *parts, *ages, *reasons, *_choice_labels()}


def _choice_labels() -> Iterator[str]:
    """Give the literal labels of all choices, read from the source: Choice(_("…")."""
    folder = ROOT / "bot"
    for path in [*(folder / "dialogs").glob("*.py"), folder / "places.py", folder / "triage.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Name(id="Choice"),
                    args=[ast.Call(func=ast.Name(id="_"), args=[ast.Constant(str(text))]), *_],
                ):
                    yield text


def _long(text: str) -> bool:
    return len(limits.graphemes(text)) > limits.QUICK_LABEL


def _holes(text: str) -> set[str]:
    return {name for _text, name, _spec, _conversion in string.Formatter().parse(text) if name}
