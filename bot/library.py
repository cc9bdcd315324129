"""The loaded and checked content: vocabulary, what is heard, answers, telephone numbers.

The rule: this module alone opens content files; what is wrong in one is a ContentError that names the file.
A Library is built once at start and never changes; its `version` is logged with every answer.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile

import numpy as np
import yaml

from bot import names
from bot.errors import ContentError
from bot.messages import Phrase
from bot.opening import Closure, Opening, Schedule
from bot.practice import Family, family_of
from bot.understanding.answers import Answers, read_phrases
from bot.understanding.asked import Asked
from bot.understanding.faq import Entry, Ranker
from bot.understanding.hearing import Hearing
from bot.understanding.language import Languages
from bot.understanding.learned import QUIET, Example, Examples, Learned
from bot.understanding.patterns import lines
from bot.understanding.signals import Signals
from bot.understanding.weights import Weights

CONTENT = Path(__file__).parent / "content"
EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)


@dataclass(frozen=True, slots=True)
class Hotline:
    """Hold one number or written service that may be printed (CARE C14a).

    `opening` is None when its hours are not confirmed; `always` means day and night.
    """

    id: str
    name: str
    fits: tuple[str, ...]
    number: str = ""
    url: str = ""
    always: bool = False
    chat: bool = False
    free: bool = False
    opening: Opening | None = None
    languages: tuple[str, ...] = ("ja",)

    def open_at(self, moment: datetime) -> bool | None:
        """Return whether it is open at `moment`, or None when its hours are not confirmed."""
        if self.always:
            return True
        return self.opening.open_at(moment) if self.opening else None

    def speaks(self, language: str) -> bool:
        """Return whether it answers in `language`; やさしい日本語 is Japanese."""
        return ("ja" if language == "ja-easy" else language) in self.languages


#: What an answer tells besides what it is: who can use it, what it costs, how to apply, what to bring.
ANSWER_PARTS = ("who", "cost", "apply", "bring")


@dataclass(frozen=True, slots=True)
class SourcedFact:
    """Hold what an answer rests on: what is true, who says so, and the day when that was made sure of."""

    what: str
    source: str
    checked_on: date


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold what the desk answers to one topic: sentences of the catalog, and its name in Japanese for a counter.

    `city` names what only the city itself can say: fee, period, window (`situation.Service`).
    """

    topic: str
    paragraphs: tuple[Phrase, ...]  # what it is
    parts: Mapping[str, Phrase]  # each of ANSWER_PARTS
    in_japanese: str
    ask_at_counter: Phrase  # the sentence to show or read out (CARE C6)
    facts: tuple[SourcedFact, ...]
    city: tuple[str, ...] = ()
    offers_places: bool = False  # the answer is what was asked for; places are offered, not asked about

    @property
    def sentences(self) -> tuple[Phrase, ...]:
        """Return all that it says, in order."""
        return (*self.paragraphs, *self.parts.values(), self.ask_at_counter)


@dataclass(frozen=True, slots=True)
class Step:
    """Hold one step of a journey: its name (a choice), a word to it, and the topics whose answers help then."""

    name: Phrase
    words: Phrase
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Journey:
    """Hold what comes when, for a family in one situation; `beside` are the topics whose answers lead here."""

    id: str
    title: Phrase
    words: Phrase
    steps: tuple[Step, ...]
    beside: tuple[str, ...]
    facts: tuple[SourcedFact, ...]
    order: int  # among the journeys, as they come in a family's life


@dataclass(frozen=True, slots=True)
class Library:
    """Hold all content."""

    vocabulary: Mapping[str, Any]
    hearing: Hearing
    hotlines: tuple[Hotline, ...]
    answers: Mapping[str, Answer]
    journeys: Mapping[str, Journey]
    version: str

    @property
    def topics_of_category(self) -> Mapping[str, list[str]]:
        """Return which topics each category of places serves."""
        found: Mapping[str, list[str]] = self.vocabulary["categories"]
        return found

    def topic_has_places(self, topic: str) -> bool:
        """Return whether some category of places serves the topic."""
        return any(topic in topics for topics in self.topics_of_category.values())

    def lines_for(self, fit: str, language: str, now: datetime, *, most: int = 3) -> tuple[Hotline, ...]:
        """Return the numbers that fit this trouble and are not known to be closed, those known open first.

        Numbers that do not answer in `language` are left out while others remain (CARE C1).
        """
        fitting = [h for h in self.hotlines if fit in h.fits and h.number and h.open_at(now) is not False]
        spoken = [h for h in fitting if h.speaks(language)] or fitting
        return tuple(sorted(spoken, key=lambda h: h.open_at(now) is None))[:most]

    def chats_for(self, fit: str, language: str) -> tuple[Hotline, ...]:
        """Return the written services that fit and answer in `language`, for somebody who cannot call (CARE C5)."""
        return tuple(h for h in self.hotlines if fit in h.fits and h.chat and h.speaks(language))


def read_yaml(path: Path) -> Any:
    """Return a parsed content file; raise ContentError naming it."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except (OSError, yaml.YAMLError) as error:
        raise ContentError(f"{path.name}: {error}") from error


@lru_cache(maxsize=4)
def load(content: Path = CONTENT, encoders: str = "") -> Library:
    """Load all content; raise ContentError for the first file that is wrong.

    `encoders` names the engines whose learned weights are used (all, fast, none, api); "" hears by patterns alone.
    """
    with _kept_for_good():
        return _load(content, encoders)


@contextmanager
def _kept_for_good() -> Iterator[None]:
    """Keep Python from looking for garbage among what is made here, now and later: it stays until the process ends.

    A quarter of the start, and the longest pauses afterwards, were such looks through a million objects.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
        gc.freeze()


def _load(content: Path, encoders: str) -> Library:
    digest = hashlib.sha256()
    for path in sorted(content.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(content).as_posix().encode() + path.read_bytes())
    vocabulary = read_yaml(content / "vocabulary.yaml")
    hotlines = tuple(_hotline(entry) for entry in read_yaml(content / "hotlines.yaml"))
    answers = {answer.topic: answer for answer in map(_answer, sorted((content / "answers").glob("*.md")))}
    journeys = sorted(map(_journey, (content / "journeys").glob("*.md")), key=lambda each: each.order)
    heard, topics = documents(content / "signals"), documents(content / "topics")
    signals = Signals(heard, _kept(content / "signals", lambda: Signals(heard).held()))
    phrases = _kept(content / "topics", lambda: read_phrases(topics))
    hearing = Hearing(
        signals,
        Answers(topics, weights(content, f"topics.{encoders}") if encoders else None, phrases),
        learned(content, encoders) if encoders else None,
        Languages(weights(content, "language")),
        Asked(read_yaml(content / "asked.yaml")),
    )
    return Library(
        vocabulary=vocabulary,
        hearing=hearing,
        hotlines=hotlines,
        answers=answers,
        journeys={journey.id: journey for journey in journeys},
        version=digest.hexdigest()[:12],
    )


def _kept(folder: Path, make: Callable[[], list[Any]]) -> list[Any]:
    """Return what `make` makes of a folder of our own content (JSON); a later start finds it in var/.

    It is made again when the folder, the code that reads it or the dictionary is another; what cannot be kept or read
    is made.
    """
    if folder.parent != CONTENT:
        return make()
    digest = hashlib.sha256(version("sudachidict-small").encode())
    for path in sorted((*folder.iterdir(), *(CONTENT.parent / "understanding").glob("*.py"))):
        digest.update(path.name.encode() + path.read_bytes())
    kept = CONTENT.parents[1] / "var" / "kept" / f"{folder.name}.json"
    with suppress(OSError, ValueError, LookupError, TypeError):
        found = json.loads(kept.read_bytes())
        if found["of"] == digest.hexdigest():
            return list(found["made"])
    made = make()
    with suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        fresh = kept.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps({"of": digest.hexdigest(), "made": made}, ensure_ascii=False), encoding="utf-8")
        fresh.replace(kept)
    return made


def arrays(path: Path) -> dict[str, Any]:
    """Return the arrays of a file that holds nothing else. Raises ContentError, naming it."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return dict(file)
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise ContentError(f"{path.name} cannot be read ({error}); `madoguchi train` makes it") from error


def weights(content: Path, name: str) -> Weights:
    """Return learned weights. Raises ContentError, naming the file."""
    path = content / "learned" / f"{name}.npz"
    return Weights.of(arrays(path), path.name)


def learned(content: Path, encoders: str) -> Learned:
    """Return the second layer of hearing for these engines, with its examples. Raises ContentError."""
    model = weights(content, f"signals.{encoders}")
    if "e5" not in model.encoders:
        return Learned(model, Examples())
    each, rows = [], []
    for path in sorted((content / "learned").glob("examples.*.npz")):
        part = arrays(path)
        try:
            for id, language, hear, gloss, who in part["told"].tolist():
                each.append(Example(id, language, "", hear, gloss, who=who))
            rows.append(part["rows"])
        except (KeyError, ValueError) as error:
            raise ContentError(f"{path.name}: these are not kept examples ({error!r})") from error
    return Learned(model, Examples(tuple(each), np.concatenate(rows), "e5") if each else Examples())


def digest_of(text: str) -> str:
    """Return the name under which the vector of a text is kept."""
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def examples(content: Path = CONTENT) -> list[Example]:
    """Return the example sentences of content/heard, of every language. Raises ContentError, naming file and line."""
    found: list[Example] = []
    for name, document in documents(content / "heard").items():
        try:
            language = str(document["language"])
            for entry in document["signals"]:
                hear = str(entry["hear"]).strip()
                for line in lines(entry["lines"]):
                    text, _bar, gloss = line.rpartition(" | ")
                    if not text and language in ("ja", "ja-easy"):
                        text, gloss = line, line  # it says itself what it means
                    elif not text:
                        raise ContentError(f"heard/{name}: {line!r} has no Japanese gloss")
                    found.append(Example(f"{name}/{len(found)}", language, text.strip(), hear, gloss.strip()))
            for kind in ("hard", "ordinary"):
                for line in lines(document["quiet"][kind]):
                    found.append(Example(f"{name}/{len(found)}", language, line, QUIET, hard=kind == "hard"))
        except (KeyError, TypeError) as error:
            raise ContentError(f"heard/{name}: {error!r}") from error
    return found


def questions(content: Path = CONTENT) -> dict[str, tuple[list[Entry], list[tuple[str, dict[str, int]]]]]:
    """Return the invented collections of questions by name: entries, and queries with the grades of their entries.

    Raises ContentError, naming the file.
    """
    found = {}
    for name, document in documents(content / "questions").items():
        try:
            entries = [Entry(str(id), entry["q"], entry["a"]) for id, entry in document["entries"].items()]
            asked = [
                (str(each["q"]), {str(id): int(grade) for id, grade in each["a"].items()}) for each in document["asked"]
            ]
            known = {entry.id for entry in entries}
            if unknown := {id for _query, grades in asked for id in grades} - known:
                raise ContentError(f"questions/{name}: {', '.join(sorted(unknown)[:5])} is asked for, but no entry")
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ContentError(f"questions/{name}: {error!r}") from error
        found[name] = (entries, asked)
    return found


def ranker(content: Path, encoders: str) -> Ranker:
    """Return what was learned about searching a collection with these engines. Raises ContentError."""
    path = content / "learned" / f"questions.{encoders}.npz"
    return Ranker.of(arrays(path), path.name)


def sample_city(content: Path = CONTENT) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Return ひなた市's settings, and its other documents by file name."""
    found = documents(content / "sample_city")
    return found.pop("city"), found


def terms(content: Path = CONTENT) -> dict[str, dict[str, str]]:
    """Return what terms of welfare become in a machine translation: Japanese -> language -> words."""
    return {
        term: {language: words for language, words in called.items() if language != "like"}
        for term, called in read_yaml(content / "terms.yaml").items()
    }


def practice(content: Path = CONTENT) -> dict[str, Family]:
    """Return the invented families of the practice mode, by name of their file, in their order.

    Raises ContentError, naming the file.
    """
    found = []
    for name, document in documents(content / "practice").items():
        try:
            found.append(family_of(name, document))
        except (ValueError, TypeError, LookupError) as error:
            raise ContentError(f"practice/{name}.yaml: {error}") from error
    return {family.id: family for family in sorted(found, key=lambda each: each.order)}


def menu_pictures(content: Path = CONTENT) -> dict[str, bytes]:
    """Return the pictures of the rich menus (PNG), by language, the source's first."""
    found = {path.stem: path.read_bytes() for path in sorted((content / "menus").glob("*.png"))}
    return dict(sorted(found.items(), key=lambda each: each[0] != "ja"))


def documents(folder: Path) -> dict[str, Any]:
    """Return the parsed YAML files of a folder, by name without ending."""
    return {path.stem: read_yaml(path) for path in sorted(folder.glob("*.yaml"))}


def _clock(text: str) -> time:
    hour, minute = text.split(":")
    return time(int(hour), int(minute))


def _hotline(entry: Mapping[str, Any]) -> Hotline:
    try:
        opening = None
        if hours := entry.get("hours"):
            weekdays = hours.get("days") == "weekdays"
            schedule = Schedule(
                EVERY_DAY[:5] if weekdays else EVERY_DAY,
                _clock(hours["opens_at"]),
                _clock(hours["closes_at"]),
                holidays=False if weekdays else None,
            )
            opening = Opening((schedule,), tuple(_closure(text) for text in entry.get("closed", ())))
        if not (entry["source"] and entry["checked_on"]):
            raise ContentError(f"hotlines.yaml: {entry['id']} has no source or date")
        return Hotline(
            id=entry["id"],
            name=entry["name"],
            fits=tuple(entry["fits"]),
            number=entry.get("number", ""),
            url=entry.get("url", ""),
            always=entry.get("always", False),
            chat=entry.get("chat", False),
            free=entry.get("free", False),
            opening=opening,
            languages=tuple(entry["languages"]),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise ContentError(f"hotlines.yaml: {entry.get('id', '?')}: {error!r}") from error


def _closure(text: str) -> Closure:
    first, last = (date.fromisoformat(f"2000-{part}") for part in text.split("/"))
    return Closure(first, last, yearly=True)


# --- answers: a head in YAML, what it is, then a part under each heading; each paragraph is one sentence of the catalog


def _sections(text: str, name: str) -> tuple[Mapping[str, Any], list[tuple[str, int, str]]]:
    """Return the head, and (part, line, paragraph) for each paragraph; the part is "" above the first heading."""
    try:
        _empty, head, body = text.split("---\n", 2)
    except ValueError:
        raise ContentError(f"{name}: needs a head between two lines of ---") from None
    line, part = 3 + head.count("\n"), ""
    paragraphs = []
    for block in body.split("\n\n"):
        begin = line + len(block) - len(block.lstrip("\n"))
        words = block.strip()
        if words.startswith("## "):
            heading, _newline, words = words.partition("\n")
            part, begin = heading.removeprefix("## ").strip(), begin + 1
        if words:
            paragraphs.append((part, begin, words))
        line += block.count("\n") + 2
    return yaml.load(head, Loader=yaml.CSafeLoader), paragraphs


def _answer(path: Path) -> Answer:
    head, paragraphs = _sections(path.read_text(encoding="utf-8"), path.name)
    if head.get("topic") != path.stem or path.stem not in names.TOPICS:
        raise ContentError(f"{path.name}: topic must be an id of the vocabulary and the file's name")
    what = tuple(Phrase(words) for part, _line, words in paragraphs if not part)
    parts = {part: Phrase(words) for part, _line, words in paragraphs if part}
    if not what or tuple(parts) != ANSWER_PARTS or len(what) + len(parts) != len(paragraphs):
        raise ContentError(f"{path.name}: says what it is, then one paragraph under each of {', '.join(ANSWER_PARTS)}")
    try:
        return Answer(
            topic=path.stem,
            paragraphs=what,
            parts=parts,
            in_japanese=head["in_japanese"],
            ask_at_counter=Phrase(head["ask_at_counter"]),
            facts=_facts(head),
            city=tuple(head["city"] or ()),
            offers_places=head.get("places") == "offer",
        )
    except (KeyError, TypeError) as error:
        raise ContentError(f"{path.name}: a fact needs what, source and date; the head lacks {error}") from error


def _facts(head: Mapping[str, Any]) -> tuple[SourcedFact, ...]:
    return tuple(SourcedFact(fact["what"], fact["source"], fact["checked_on"]) for fact in head["facts"])


def _journey(path: Path) -> Journey:
    head, paragraphs = _sections(path.read_text(encoding="utf-8"), path.name)
    try:
        (_part, _line, words), *rest = paragraphs
        steps = tuple(_step(name, text) for name, _line, text in rest)
        if head["journey"] != path.stem or not steps:
            raise ContentError(f"{path.name}: needs its own name, a first paragraph, and steps")
        title, beside = Phrase(head["title"]), tuple(head["beside"])
        unknown = {*beside, *(topic for step in steps for topic in step.topics)} - set(names.TOPICS)
        if unknown:
            raise ContentError(f"{path.name}: unknown topics {sorted(unknown)}")
        return Journey(path.stem, title, Phrase(words), steps, beside, _facts(head), int(head["order"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ContentError(
            f"{path.name}: a journey needs journey, title, beside, facts, and steps: {error!r}"
        ) from error


def _step(name: str, text: str) -> Step:
    """Return a step: under its name a line `topics: one, two`, then what is said."""
    topics, _newline, words = text.partition("\n")
    if not name or not topics.startswith("topics: ") or not words.strip():
        raise ValueError(f"step {name!r} needs a line of topics and words")
    return Step(Phrase(name), Phrase(words.strip()), tuple(topics.removeprefix("topics: ").split(", ")))


def extract_journeys(
    fileobj: IO[bytes], _keywords: Any, _comment_tags: Any, options: Any = None
) -> Iterator[tuple[int, None, str, list[str]]]:
    """Give Babel the title, the steps' names and the words of a journey (for `content/journeys/*.md`)."""
    head, paragraphs = _sections(fileobj.read().decode("utf-8"), getattr(fileobj, "name", "journey"))
    remark = f"journey: {head.get('journey', '')}"
    yield 2, None, head["title"], [f"{remark}, its title on a button, at most 20 characters"]
    for part, line, text in paragraphs:
        if part:
            yield line, None, part, [f"{remark}, a step's name on a button, at most 20 characters"]
        yield line, None, text.partition("\n")[2].strip() if part else text, [remark]


def extract_answers(
    fileobj: IO[bytes], _keywords: Any, _comment_tags: Any, options: Any = None
) -> Iterator[tuple[int, None, str, list[str]]]:
    """Give Babel every paragraph of an answer (its extraction method for `content/answers/*.md`)."""
    head, paragraphs = _sections(fileobj.read().decode("utf-8"), getattr(fileobj, "name", "answer"))
    yield 2, None, head["ask_at_counter"], ["show at a counter; keep the Japanese beside it"]
    for part, line, text in paragraphs:
        yield line, None, text, [f"answer: {head.get('topic', '')} {part}".rstrip()]


def extract_hotlines(
    fileobj: IO[bytes], _keywords: Any, _comment_tags: Any, options: Any = None
) -> Iterator[tuple[int, None, str, list[str]]]:
    """Give Babel the name of every number and written service (its extraction method for `content/hotlines.yaml`)."""
    for line, entry in enumerate(yaml.load(fileobj, Loader=yaml.CSafeLoader), 1):
        yield line, None, entry["name"], ["telephone service: keep its Japanese name too"]
