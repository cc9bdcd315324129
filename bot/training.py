"""Learn the weights of hearing from the example sentences of bot/content: `madoguchi train`.

The rule: only what is in the repository teaches (CARE C30: no resident's words); what is learned is kept as plain
arrays. The second layer's thresholds are chosen on the lines of the ninth hand (content/heard/*-9.yaml), by weights
that have not seen them, nor has the encoder: the people who will write to the desk are another hand again. What is
shipped then learns from all. scikit-learn is needed here and nowhere else; the frozen splits under tests/ are never
read.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier

from bot import library
from bot.encoders.engines import Encoders, shortened
from bot.errors import ContentError
from bot.understanding import kanji
from bot.understanding.answers import TALK
from bot.understanding.features import grams, letters, sentences, spoken
from bot.understanding.language import OTHER
from bot.understanding.learned import BORDER, QUIET, label_of
from bot.understanding.patterns import lines
from bot.understanding.signals import Signals
from bot.understanding.weights import Floats, Weights, rounded
from bot.understanding.words import reading, undressed

Parts = tuple[list[MLPClassifier], OneVsRestClassifier]
Progress = Callable[[int, int], None]
FOLDS = 5
# Shares of the hard quiet lines apart for which this layer calls nobody, and offers nothing. Up to .915 both layers
# together call for as many grave lines apart (.977; .972 at .93); at .93 they hear .920 of the concerns, where .92 are
# asked (issue B; 2026-11-22).
UNCALLED, SILENT = 0.915, 0.93
APART = "-9"  # the ending of the files whose lines choose the thresholds
_WEIGHT = {"e5": 6.0, "use": 3.0, "api": 6.0}  # so that the joined blocks have like spreads
_BATCH = 32
# topics whose questions are often a concern too: their variants teach nothing about quiet
_NEAR_SIGNALS = frozenset(
    """mental_health unplanned_pregnancy pregnancy_loss living_support divorce_custody school_worries disability_support
    night_clinic consultation single_parent sleep feeding complaint medical_care""".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Line:
    """Hold one line to learn from: `group` names the line it was made from; thresholds are chosen on lines `apart`."""

    text: str
    label: str
    language: str
    group: int
    hard: bool = False
    made: bool = False
    apart: bool = False


class Kept:
    """Keep vectors that were made before in a file of var/, by the text's digest, so that learning again is quick."""

    def __init__(self, encoders: Encoders, folder: Path, progress: Progress = lambda done, all_: None) -> None:
        self.encoders, self._folder, self._progress = encoders, folder, progress

    def matrices(self, texts: Sequence[str]) -> dict[str, Floats]:
        """Return a matrix for each encoder, one row for each text."""
        names = [library.digest_of(shortened(spoken(text))) for text in texts]  # what the encoder reads of it
        return {engine.name: self._of(engine, texts, names) for engine in self.encoders.engines}

    def _of(self, engine: Any, texts: Sequence[str], names: Sequence[str]) -> Floats:
        path = self._folder / f"vectors.{engine.name}.{engine.version}.npz"
        held: dict[str, NDArray[np.float16]] = {}
        if path.exists():
            with np.load(path, allow_pickle=False) as file:
                held = dict(zip(map(str, file["names"]), file["rows"], strict=True))
        missing = list({name: text for name, text in zip(names, texts, strict=True) if name not in held}.items())
        alone = Encoders(self.encoders.name, (engine,))
        for at in range(0, len(missing), _BATCH):
            part = missing[at : at + _BATCH]
            rows = alone.matrices([text for _name, text in part])[engine.name].astype(np.float16)
            held.update(zip((name for name, _text in part), rows, strict=True))
            self._progress(at + len(part), len(missing))
        if missing:
            self._folder.mkdir(parents=True, exist_ok=True)
            whole = path.with_suffix(".part.npz")
            np.savez(whole, names=np.asarray(list(held)), rows=np.stack(list(held.values())))
            whole.replace(path)
        return np.stack([held[name] for name in names]).astype(np.float32)


def signal_lines(content: Path = library.CONTENT) -> list[Line]:
    """Return the example sentences of content/heard and the quiet question variants of content/topics."""
    found: list[Line] = []
    for example in library.examples(content):
        apart = example.id.partition("/")[0].endswith(APART)
        found.append(
            Line(example.text, label_of(example.hear), example.language, len(found), example.hard, apart=apart)
        )
    for language, document in sorted(library.documents(content / "topics").items()):
        for topic, entry in document["topics"].items():
            if topic not in _NEAR_SIGNALS:
                found += [
                    Line(text, QUIET, language, len(found) + n) for n, text in enumerate(lines(entry.get("phrases")))
                ]
    found += [Line(text, QUIET, language, len(found) + n) for n, (language, text) in enumerate(_talk(content))]
    return found


def topic_lines(content: Path = library.CONTENT) -> list[Line]:
    """Return the question variants and names of every topic, and small talk, which is about none."""
    found: list[Line] = []
    for language, document in sorted(library.documents(content / "topics").items()):
        for topic, entry in document["topics"].items():
            names = [name for line in lines(entry.get("words")) for name in line.split(" / ")]
            for text in dict.fromkeys([*lines(entry.get("phrases")), *lines(entry.get("must_hear")), *names]):
                found.append(Line(text, topic, language, len(found)))
    for language, text in _talk(content):
        found.append(Line(text, TALK, language, len(found)))
    return found


def _talk(content: Path) -> Iterator[tuple[str, str]]:
    for language, each in library.read_yaml(content / "talk.yaml").items():
        for text in lines(each):
            yield language, text


def learn_kanji(content: Path = library.CONTENT) -> kanji.Words:
    """Return how words in kana are usually written, by the Japanese sentences of content (understanding/kanji)."""
    given = (*signal_lines(content), *topic_lines(content))
    return kanji.learned(dict.fromkeys(line.text for line in given if line.language in ("ja", "ja-easy")))


def language_lines(content: Path = library.CONTENT) -> list[Line]:
    """Return every line that content holds, labelled with its language; やさしい日本語 is Japanese."""
    found = [
        Line(line.text, "ja" if line.language == "ja-easy" else line.language, line.language, line.group)
        for line in (*signal_lines(content), *topic_lines(content))
    ]
    others = library.read_yaml(content / "other_languages.yaml")
    for texts in others.values():
        found += [Line(text, OTHER, OTHER, len(found) + n) for n, text in enumerate(lines(texts))]
    return list({line.text: line for line in found}.values())


def with_variants(given: Sequence[Line], seed: int = 0) -> list[Line]:
    """Return the lines, and beside them the same as people also type it.

    Every Japanese line all in kana; half of those in Latin letters without diacritics.
    """
    chance = random.Random(seed)  # noqa: S311 - which lines are doubled, not a secret
    found = list(given)
    for line in given:
        other = line.text.lower()
        if line.language in ("vi", "pt-BR", "es", "fil", OTHER):
            other = " ".join(undressed(word) for word in other.split())
        japanese = line.language in ("ja", "ja-easy")
        if japanese:
            other = reading(other)
        if other != line.text.lower() and (japanese or chance.random() < 0.5):
            found.append(replace(line, text=other, made=True))
    return found


@dataclass(frozen=True, slots=True)
class Recipe:
    """Hold how a model is learned.

    `table` places for hashed letter groups of 1 to `longest` letters, `strength` (inverse of regularisation) of their
    weights,
    `nets` over vectors whose scores are averaged (near a threshold, what one of them hears is chance), `hidden` units
    and `rounds` through the lines of each; `share` and `spelling` weigh the nets' and the letters' scores in their sum.
    Sizes were compared on lines of another hand (2026-11-22): 256 to 768 units and 3 to 25 rounds differ by less than
    two points of recall at equal silence; adding the letters brings five, a table of 2^17 places with groups of up to
    five instead of 2^15 with four one more.
    """

    table: int
    strength: float
    nets: int = 1
    hidden: int = 512
    rounds: int = 10
    share: float = 0.8
    spelling: float = 0.8
    dressed: bool = False
    longest: int = 4


SIGNALS = Recipe(1 << 17, 16.0, nets=3, hidden=256, spelling=1.0, longest=5)
TOPICS = Recipe(1 << 14, 16.0)
LANGUAGE = Recipe(1 << 15, 32.0, spelling=1.0, dressed=True)


class Table:
    """Hold the features of lines: joined vectors (rows, d), centred and weighed, and hashed letter groups (sparse).

    `centre` (d) is that of another table whose weights are to be used; unless given, it is these lines' own.
    """

    def __init__(
        self, given: Sequence[Line], vectors: Mapping[str, Floats], recipe: Recipe, centre: Floats | None = None
    ) -> None:
        self.recipe = recipe
        self.names = tuple(vectors)
        widths = [np.full(vectors[name].shape[1], _WEIGHT[name]) for name in self.names]
        self.weights = np.concatenate(widths) if widths else np.zeros(0)
        joined = np.hstack([vectors[name] for name in self.names]) if self.names else np.zeros((len(given), 0))
        self.centre = joined.mean(axis=0) if centre is None else centre
        self.dense = ((joined - self.centre) * self.weights).astype(np.float32)
        rows, places, weights = [], [], []
        for row, line in enumerate(given):
            found = grams(letters(line.text, dressed=recipe.dressed), recipe.table, 1, recipe.longest)
            rows.append(np.full(len(found.places), row))
            places.append(found.places)
            weights.append(found.weights)
        self.hashed = sparse.csr_matrix(
            (np.concatenate(weights), (np.concatenate(rows), np.concatenate(places))), shape=(len(given), recipe.table)
        )

    def learn(self, labels: NDArray[np.str_], which: NDArray[np.bool_]) -> Parts:
        """Return the nets and the softmax learned from the lines `which` are true."""
        each = LogisticRegression(C=self.recipe.strength, solver="liblinear", dual=True, max_iter=50, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # both parts are stopped early on purpose
            letter = OneVsRestClassifier(each).fit(self.hashed[which], labels[which])
        if not self.names:
            return [], letter
        recipe = self.recipe
        nets = [
            MLPClassifier((recipe.hidden,), alpha=1e-2, batch_size=64, max_iter=recipe.rounds, random_state=number)
            for number in range(recipe.nets)
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            for net in nets:
                net.fit(self.dense[which], labels[which])
        return nets, letter

    def scores(self, learned: Parts, rows: NDArray[np.int_]) -> Any:
        """Return probabilities (rows, labels) of both parts together."""
        nets, letter = learned
        total = letter.decision_function(self.hashed[rows]) * self.recipe.spelling
        for net in nets:
            found = np.log(np.maximum(net.predict_proba(self.dense[rows]), 1e-12))
            total = total + found * self.recipe.share / len(nets)
        raised = np.exp(total - total.max(axis=1, keepdims=True))
        return raised / raised.sum(axis=1, keepdims=True)

    def kept(self, learned: Parts, settings: Mapping[str, float]) -> Weights:
        """Return the learned weights as plain arrays, the blocks' own weights multiplied in."""
        nets, letter = learned
        share, spelling = self.recipe.share, self.recipe.spelling
        hashed, scale = rounded(np.stack([one.coef_[0] for one in letter.estimators_], axis=1) * spelling)
        bias = np.asarray([one.intercept_[0] for one in letter.estimators_]) * spelling
        empty: NDArray[np.floating] = np.zeros(0, np.float32)
        inner, inner_bias, outer = empty.reshape(0, 0), empty, empty.reshape(0, len(bias))
        if nets:  # side by side: the mean of their scores is one wider net's
            inner = np.hstack([net.coefs_[0] for net in nets]) * self.weights[:, None]
            outer = np.vstack([net.coefs_[1] for net in nets]) * share / len(nets)
            inner_bias = np.concatenate([net.intercepts_[0] for net in nets])
            bias = bias + np.mean([net.intercepts_[1] for net in nets], axis=0) * share
        return Weights(
            labels=tuple(map(str, letter.classes_)), bias=bias.astype(np.float32), encoders=self.names,
            centre=self.centre.astype(np.float32), inner=inner.astype(np.float32),
            inner_bias=inner_bias.astype(np.float32), outer=outer.astype(np.float32), letters=hashed, scale=scale,
            orders=(1, self.recipe.longest), settings=settings, versions=(),
        )  # fmt: skip


def held_out(table: Table, given: Sequence[Line]) -> tuple[NDArray[np.float64], tuple[str, ...], NDArray[np.bool_]]:
    """Return the probabilities of a fifth of the lines by weights that have not seen them or a variant of them.

    Beside them the labels of the columns, and which lines were tested (made variants are not).
    """
    labels = np.asarray([line.label for line in given])
    own = np.flatnonzero([not line.made for line in given])
    split = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(own, labels[own])
    tested = own[next(split)[1]]
    return _tested(table, given, tested)


def by_another_hand(
    table: Table, given: Sequence[Line], kept: Kept
) -> tuple[NDArray[np.float64], tuple[str, ...], NDArray[np.bool_]]:
    """Return the same for the lines that are apart, weighed as the desk weighs them: whole and by sentence."""
    return _tested(table, given, np.flatnonzero([line.apart and not line.made for line in given]), kept)


def _tested(
    table: Table, given: Sequence[Line], tested: NDArray[np.int_], kept: Kept | None = None
) -> tuple[NDArray[np.float64], tuple[str, ...], NDArray[np.bool_]]:
    labels = np.asarray([line.label for line in given])
    groups = np.asarray([line.group for line in given])
    names = tuple(sorted(set(map(str, labels))))
    learned = table.learn(labels, ~np.isin(groups, groups[tested]))
    found = np.zeros((len(given), len(names)))
    found[tested] = table.scores(learned, tested)
    if kept is not None:
        found = _by_sentence(table, given, tested, kept, learned, found, names.index(QUIET))
    done = np.zeros(len(given), bool)
    done[tested] = True
    return found, names, done


def _by_sentence(
    table: Table,
    given: Sequence[Line],
    tested: NDArray[np.int_],
    kept: Kept,
    learned: Parts,
    found: NDArray[np.float64],
    quiet: int,
) -> NDArray[np.float64]:
    """Return the probabilities with what weighs most in a line of several sentences counted as much as the whole."""
    parts = [(row, replace(given[row], text=part)) for row in tested for part in sentences(given[row].text)]
    if not parts:
        return found
    lines_ = [line for _row, line in parts]
    other = Table(lines_, kept.matrices([line.text for line in lines_]), table.recipe, table.centre)
    scores = other.scores(learned, np.arange(len(parts)))
    worst: dict[int, NDArray[np.float64]] = {}
    for (row, _line), score in zip(parts, scores, strict=True):
        if row not in worst or score[quiet] < worst[row][quiet]:
            worst[row] = score
    for row, score in worst.items():
        found[row] = (found[row] + score) / 2
    return found


@dataclass(frozen=True, slots=True)
class Lesson:
    """Hold what was learned, and figures on lines that were held out."""

    model: Weights
    figures: Mapping[str, float]


def _whole(table: Table, given: Sequence[Line], settings: Mapping[str, float]) -> Weights:
    learned = table.learn(np.asarray([line.label for line in given]), np.ones(len(given), bool))
    return table.kept(learned, settings)


def learn_signals(kept: Kept, content: Path = library.CONTENT) -> Lesson:
    """Learn the second layer, its thresholds on the hard quiet lines that are apart (UNCALLED, SILENT).

    Raises ContentError if there is nothing to learn from.
    """
    given = with_variants(signal_lines(content))
    if not any(line.label == QUIET for line in given) or len({line.label for line in given}) < 3:
        raise ContentError("content/heard holds no example sentences")
    table = Table(given, kept.matrices([line.text for line in given]), SIGNALS)
    found, names, own = by_another_hand(table, given, kept)
    hard = np.asarray([line.hard for line in given]) & own
    quiet = np.asarray([line.label == QUIET for line in given]) & own & ~hard
    grave = np.asarray([line.label.endswith(":grave") for line in given]) & own
    concern = np.asarray([line.label.endswith(":concern") for line in given]) & own
    calls = found[:, [name.endswith(":grave") for name in names]].sum(axis=1)
    any_ = 1 - found[:, names.index(QUIET)]
    offer = float(np.quantile(any_[hard], SILENT))
    call = float(np.quantile(calls[hard], UNCALLED))
    called = calls >= np.maximum(call, BORDER * any_)
    figures = {
        "lines": float(own.sum()), "grave": float(grave.sum()), "hard": float(hard.sum()),
        "grave_called": float(called[grave].mean()), "concern_called": float(called[concern].mean()),
        "grave_heard": float(((any_ >= offer) | called)[grave].mean()),
        "concern_heard": float((any_[concern] >= offer).mean()),
        "hard_silent": float((any_[hard] < offer).mean()), "ordinary_silent": float((any_[quiet] < offer).mean()),
    }  # fmt: skip
    return Lesson(_whole(table, given, {"call": call, "offer": offer}), figures)


def learn_topics(kept: Kept, content: Path = library.CONTENT) -> Lesson:
    """Learn which topic a question is about."""
    given = with_variants(topic_lines(content))
    table = Table(given, kept.matrices([line.text for line in given]), TOPICS)
    found, names, own = held_out(table, given)
    order = np.argsort(-found[own], axis=1)[:, :3]
    right = [names.index(line.label) for line, tested in zip(given, own, strict=True) if tested]
    places = [list(row).index(label) if label in row else 9 for row, label in zip(order, right, strict=True)]
    figures = {
        "lines": float(len(right)),
        "first": float(np.mean([place == 0 for place in places])),
        "first_three": float(np.mean([place < 3 for place in places])),
    }
    return Lesson(_whole(table, given, {}), figures)


def learn_language(content: Path = library.CONTENT) -> Lesson:
    """Learn to tell languages apart by their letters, also without diacritics."""
    given = with_variants(language_lines(content))
    table = Table(given, {}, LANGUAGE)
    found, names, own = held_out(table, given)
    best = np.asarray(names)[found.argmax(axis=1)]
    labels = np.asarray([line.label for line in given])
    figures = {"lines": float(own.sum()), "right": float((best == labels)[own].mean())}
    return Lesson(_whole(table, given, {}), figures)


SHIPPED = ("all", "fast", "none")
_ROWS = 4000  # example vectors in one file: 1.5 MB


def learn(what: str, kept: Kept, content: Path = library.CONTENT) -> Iterator[tuple[str, Lesson]]:
    """Learn `what` (everything, signals, topics, language) for the engines of `kept`, keep it in content/learned.

    Yields what was learned.
    """
    encoders = kept.encoders
    lessons: dict[str, Callable[[], Lesson]] = {
        "signals": lambda: learn_signals(kept, content),
        "topics": lambda: learn_topics(kept, content),
    }
    if encoders.name == "none":
        lessons["language"] = lambda: learn_language(content)
    for subject, lesson_of in lessons.items():
        if what in ("everything", subject):
            lesson = lesson_of()
            model = replace(lesson.model, versions=encoders.versions)
            save(content, subject if subject == "language" else f"{subject}.{encoders.name}", model.arrays())
            if subject == "signals" and "e5" in lesson.model.encoders:
                keep_examples(kept, content)
            yield subject, lesson


def save(content: Path, name: str, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Keep arrays in content/learned."""
    folder = content / "learned"
    folder.mkdir(exist_ok=True)
    np.savez_compressed(folder / f"{name}.npz", **dict[str, Any](arrays))


def keep_examples(kept: Kept, content: Path) -> None:
    """Keep what the desk shows of the examples that raise signals, with their vectors in int8, in files under 2 MB."""
    each = [example for example in library.examples(content) if example.hear != QUIET]
    rows = kept.matrices([example.text for example in each])["e5"]
    whole = np.rint(rows / np.abs(rows).max() * 127).astype(np.int8)
    patterns = Signals(library.documents(content / "signals"))
    told = [(one.id, one.language, one.hear, one.gloss, _who(patterns, one.text)) for one in each]
    for old in (content / "learned").glob("examples.*.npz"):
        old.unlink()
    for part, at in enumerate(range(0, len(whole), _ROWS)):
        np.savez_compressed(
            content / "learned" / f"examples.{part}.npz",
            rows=whole[at : at + _ROWS],
            told=np.asarray(told[at : at + _ROWS]),
        )


def _who(patterns: Signals, text: str) -> str:
    """Return whose hand the patterns hear in an example of violence against a child, "" if they do not know."""
    return next((signal.who for signal in patterns.hear(text) if signal.kind == "abuse"), "")
