"""Rank the topics that a text may be about, and recognise the few spoken commands.

The rule: two readers are asked. The first can be explained: its score grows with a topic's own names in the text, and
with the words and letter pairs that the text shares with one phrase of the topic; rare words weigh more. The second was
learned from the phrases and reads vectors, if there are any. Their odds are multiplied.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from bot.messages import TopicScore
from bot.understanding.features import Vectors, letters
from bot.understanding.kanji import with_kanji
from bot.understanding.normalise import JAPANESE, Text, fold
from bot.understanding.patterns import Views, lines, views
from bot.understanding.romaji import read
from bot.understanding.weights import Weights
from bot.understanding.words import reading

BEST = 5
CONFIDENT, MARGIN = 0.55, 0.08  # without the learned reader: chosen on the files' own examples
SURE = 0.8  # with it: of held-out phrases .67 are above, .92 of them right (2026-11-22, docs/hearing.md)
KNOWN = 0.2  # and some word of the topic stands in the text: what vectors alone say is no answer
TALK = "talk"  # the learned reader's label for what is about no topic (content/talk.yaml)
_SHARP, _WORDS = 0.77, 3.1  # how both readers' scores are added: fitted on held-out phrases
_NAME = 0.7  # what a topic's own name is worth; the longest name in the text a little more
_COMMAND_LETTERS, _NEAR = 24, 0.88

_STOPS_JA = """
    歳 才 児 箇月 明日 今日 明後日 午前 午後 曜日 分 半 1 2 3 4 5 6 7 8 9 10 0
    の に は が も と で へ や か から まで より て た だ です する 為る 有る 居る ない 成る 此の 其の 此れ
    其れ 何 どう 何処 何時 いつ 思う 言う 方 物 事 こと 人 時 の って けど ば たら て 下さい 教える 知る たい
    れる 良い 出来る 欲しい 呉れる 貰う 仕舞う 私 うち とか けれど ので のに さん ちゃん 様 じゃ では 程 位
    だけ しか 。 . ! ? 子供 子 よう ね し 又 など 始める はじめる すむ 済む 願う
"""
_STOP_JA = frozenset(_STOPS_JA.split())
_STOPS_EN = """
    a an the is are was be to of for in on at and or my our i we you it this that do does did can could would
    should will please me us with how what where when which who want need have has get there any some about
    im id from if so very know tell much many go like may must not dont cant use am child children kid kids .
    ! ? hello hi hey thanks thank
"""
_STOP_EN = frozenset(_STOPS_EN.split())
_TAIL = re.compile(
    r"[\s。.!?、,…♪☆^]+$|(?:お願い(?:いた)?します|おねがい(?:いた)?します|ください|下さい|です|ます|します|please|pls)$"
)
_KANA = re.compile(r"[\u3041-\u30fa]")
_STEM = re.compile(r"(?:ies|es|s|ing|ed)$")


_HIRAGANA = {ord("ァ") + i: ord("ぁ") + i for i in range(86)}


def _hiragana(text: str) -> str:
    """Return a text with its katakana as hiragana: beginners type いべんと, others イベント."""
    return text.translate(_HIRAGANA)


def _stem(word: str) -> str:
    return _STEM.sub("", word) if len(word) > 4 else word


def _features(seen: Views) -> tuple[set[str], set[str]]:
    """Return the words that mean something, and pairs of neighbours: kana as Japanese is read, or Chinese letters."""
    words = {word for word in seen.japanese.unique if word not in _STOP_JA and not word.isascii()}
    words |= {_stem(word) for word in seen.plain.unique if word not in _STOP_EN and not JAPANESE.match(word)}
    written = seen.tight.text
    spoken = reading(written) if JAPANESE.search(written) and not seen.chinese else ""
    pairs = _pairs(spoken)
    if not _KANA.search(written):  # perhaps Chinese
        pairs |= _pairs(written)
    return words, pairs


def _pairs(line: str) -> set[str]:
    return {line[i : i + 2] for i in range(len(line) - 1) if JAPANESE.match(line[i]) and JAPANESE.match(line[i + 1])}


def _bare(line: str) -> str:
    """Return a folded utterance without blanks, marks and politeness, to compare whole utterances."""
    line = re.sub(r"[\s、。,.!?…♪☆~ー・]+", " ", line).strip()
    while (shorter := _TAIL.sub("", line).strip()) != line and shorter:
        line = shorter
    return line.replace(" ", "")


@dataclass(frozen=True, slots=True)
class _Phrase:
    topic: str
    word_norm: float
    pair_norm: float


#: A phrase as it is compared: its topic, itself if it is the topic's own name else "", bare, words, pairs of letters.
Read = tuple[str, str, str, Sequence[str], Sequence[str]]


def read_phrases(documents: Mapping[str, Mapping[str, Any]]) -> list[Read]:
    """Return every phrase of the topics' documents as it is compared (plain JSON); half of a start is spent here."""
    found: list[Read] = []
    for _language, document in sorted(documents.items()):
        for topic, entry in (document.get("topics") or {}).items():
            names = [name for line in lines(entry.get("words")) for name in line.split(" / ")]
            for number, phrase in enumerate((*names, *lines(entry.get("phrases")))):
                folded = fold(phrase)
                seen = views(folded)
                words, pairs = _features(seen)
                name = _name(phrase, seen) if number < len(names) else ""
                found.append((str(topic), name, _hiragana(_bare(folded.text)), sorted(words), sorted(pairs)))
    return found


def _name(name: str, seen: Views) -> str:
    return f" {' '.join(seen.plain.each)} " if name.isascii() else _hiragana(seen.tight.text)


class Answers:
    """Rank topics and hear commands by the documents of content/topics (language -> parsed YAML)."""

    def __init__(
        self,
        documents: Mapping[str, Mapping[str, Any]],
        model: Weights | None = None,
        phrases: Iterable[Read] | None = None,
    ) -> None:
        """Index every phrase of every language together: a text is compared with all of them.

        `phrases` are those of the documents (`read_phrases`), if they were read before.
        """
        self.model = model
        self._names: list[tuple[str, str]] = []
        self._whole: dict[str, str] = {}  # a phrase without blanks and politeness -> its topic
        self._commands: dict[str, str] = {}
        raw: list[tuple[str, Sequence[str], Sequence[str]]] = []
        for topic, name, bare, words, pairs in read_phrases(documents) if phrases is None else phrases:
            if name:
                self._names.append((name, topic))
            self._whole.setdefault(bare, topic)
            raw.append((topic, words, pairs))
        for _language, document in sorted(documents.items()):
            for command, said in (document.get("commands") or {}).items():
                for phrase in lines(said):
                    self._commands[_bare(fold(phrase).text)] = str(command)
        self._spoken: dict[int, list[tuple[str, frozenset[str], str]]] = defaultdict(list)  # commands by their length
        for phrase, name in self._commands.items():
            self._spoken[len(phrase)].append((phrase, frozenset(phrase), name))
        self._names.sort(key=lambda name: -len(name[0]))
        self._names_with: dict[str, list[int]] = defaultdict(list)  # its first word, or its first letter -> places
        for number, (name, _topic) in enumerate(self._names):
            first = (name.split() or [""])[0] if name[0] == " " else name[0]
            self._names_with[first].append(number)
            if name == f" {first} ":
                self._names_with[first + "s"].append(number)  # its plural
        spread: dict[str, set[str]] = defaultdict(set)
        for topic, words, pairs in raw:
            for feature in (*words, *pairs):
                spread[feature].add(topic)
        topics = len({topic for topic, _w, _p in raw}) or 1
        self._weight = {feature: math.log(1 + topics / len(held)) for feature, held in spread.items()}
        self._unseen = math.log(1 + topics) / 2  # a place name or an age should not hide the question
        self._phrases: list[_Phrase] = []
        self._with_word: dict[str, list[int]] = defaultdict(list)
        self._with_pair: dict[str, list[int]] = defaultdict(list)
        for number, (topic, words, pairs) in enumerate(raw):
            self._phrases.append(_Phrase(topic, self._norm(words), self._norm(pairs)))
            for word in words:
                self._with_word[word].append(number)
            for pair in pairs:
                self._with_pair[pair].append(number)

    def _norm(self, features: Iterable[str]) -> float:
        return math.sqrt(sum(self._weight.get(feature, self._unseen) ** 2 for feature in features)) or 1.0

    def rank(self, text: str, vectors: Vectors | None = None) -> tuple[TopicScore, ...]:
        """Return the best five topics of a text, best first, with scores above 0 and up to 1."""
        scores = self.by_words(text)
        if self.model is not None and vectors is not None:
            scores = self._both(text, scores, vectors)
        best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:BEST]
        return tuple(
            TopicScore(topic, round(score, 3)) for topic, score in best if score >= 0.05 or topic == best[0][0]
        )

    def _both(self, text: str, by_words: Mapping[str, float], vectors: Vectors) -> dict[str, float]:
        """Return probabilities by both readers; what goes to small talk is taken from every topic."""
        assert self.model is not None
        found = self.model.probabilities(letters(text), vectors)
        total = {
            topic: _SHARP * math.log(float(share) + 1e-6) + _WORDS * by_words.get(topic, 0.0)
            for topic, share in zip(self.model.labels, found, strict=True)
        }
        highest = max(total.values())
        raised = {topic: math.exp(value - highest) for topic, value in total.items()}
        whole = sum(raised.values())
        return {topic: value / whole for topic, value in raised.items() if topic != TALK}

    def by_words(self, text: str) -> dict[str, float]:
        """Return the score of every topic that shares something with the text, from 0 to 1.

        What stands in kana alone is read as it is and as it is usually written, and the better of both counts.
        """
        folded = read(text)
        scores = self._shared(folded)
        if (usual := with_kanji(folded.text)) != folded.text:
            for topic, score in self._shared(fold(usual)).items():
                scores[topic] = max(score, scores.get(topic, 0.0))
        bare = _hiragana(_bare(folded.text))
        if bare and (whole := self._whole.get(bare)):  # nothing but a phrase of one topic is that topic
            scores = {topic: score / 2 for topic, score in scores.items()} | {whole: 1.0}
        return scores

    def _shared(self, folded: Text) -> dict[str, float]:
        seen = views(folded)
        words, pairs = _features(seen)
        close: dict[int, float] = defaultdict(float)
        word_norm, pair_norm = self._norm(words), self._norm(pairs)
        share = 0.6 if pairs else 1.0
        for features, index, norm, weight in (
            (words, self._with_word, word_norm, share),
            (pairs, self._with_pair, pair_norm, 1 - share),
        ):
            for feature in features:
                value = self._weight.get(feature, 0.0) ** 2 * weight / norm
                for number in index.get(feature, ()):
                    phrase = self._phrases[number]
                    close[number] += value / (phrase.word_norm if features is words else phrase.pair_norm)
        scores: dict[str, float] = {}
        for number, value in close.items():
            topic = self._phrases[number].topic
            scores[topic] = max(scores.get(topic, 0.0), min(float(value), 1.0))
        for topic, worth in self._named(seen).items():
            scores[topic] = 1 - (1 - worth) * (1 - scores.get(topic, 0.0))
        return scores

    def _named(self, seen: Views) -> dict[str, float]:
        """Return the topics whose own names stand in the text; a name inside a longer one found counts no more."""
        line = _hiragana(seen.tight.text)
        latin = " " + " ".join(seen.plain.each) + " "
        found: dict[str, float] = {}
        taken = [False] * len(line)
        places = {number for start in (*set(line), *seen.plain.unique) for number in self._names_with.get(start, ())}
        for number in sorted(places):
            name, topic = self._names[number]
            if name[0] == " ":
                if name in latin or name[:-1] + "s " in latin:
                    found[topic] = max(found.get(topic, 0.0), _NAME + min(len(name), 20) / 200)
                continue
            at = line.find(name)
            if at >= 0 and not all(taken[at : at + len(name)]):
                taken[at : at + len(name)] = [True] * len(name)
                found[topic] = max(found.get(topic, 0.0), _NAME + min(len(name), 10) / 100)
        return found

    def confident(self, text: str, topics: tuple[TopicScore, ...], vectors: Vectors | None = None) -> bool:
        """Return whether the first topic is near enough, and clearly nearer than the second."""
        if topics and self.model is not None and vectors is not None:
            return topics[0].score >= SURE and self.by_words(text).get(topics[0].id, 0.0) >= KNOWN
        if not topics or topics[0].score < CONFIDENT:
            return False
        return len(topics) == 1 or topics[0].score - topics[1].score >= MARGIN

    def command(self, text: str) -> str:
        """Return the id of the command that the whole utterance is, or "" (a command inside a sentence is none)."""
        bare = _bare(fold(text).text)
        if not bare or len(bare) > _COMMAND_LETTERS:
            return ""
        if bare in self._commands:
            return self._commands[bare]
        if len(bare) < 5:
            return ""
        held = frozenset(bare)
        near = []
        for size in range(len(bare) - 2, len(bare) + 3):
            for phrase, its, name in self._spoken.get(size, ()):
                shared = len(held & its) + min(len(bare) - len(held), size - len(its))  # no more can be in common
                if 2 * shared >= _NEAR * (len(bare) + size):
                    near.append((SequenceMatcher(None, bare, phrase).ratio(), name))
        best, name = max(near, default=(0.0, ""))
        return name if best >= _NEAR else ""
