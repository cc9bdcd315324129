"""Say in which language a text is written: by script where that settles it, by its letters else.

The rule: an unknown language is "" (or its own tag when the script is certain), never a guess; safety does not depend
on it. The resident's setting tips the balance of short texts. やさしい日本語 is the resident's choice and is never told
from one text: Japanese text keeps that setting.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from functools import lru_cache

import numpy as np
from opencc import OpenCC

from bot.understanding import words
from bot.understanding.features import letters
from bot.understanding.normalise import fold
from bot.understanding.weights import Weights
from bot.understanding.words import simplified

OTHER = "other"
CERTAIN = 0.5  # below this share of certainty a language is unknown, or the resident's own if that is the best
_HELP, _HELP_SHORT, _SHORT = 3.0, 12.0, 12  # how much the setting weighs; more in texts of up to 12 characters
_HERE = 4.0  # how much more likely kanji alone are Japanese: the desk stands in Japan
_WORD, _WORD_CERTAIN = 8, 0.95  # a Latin word of up to 8 letters (ok, LINE) is the setting's unless this certain
_SCRIPTS = (
    ("kana", re.compile(r"[\u3041-\u3096\u30a1-\u30fa]")),
    ("ko", re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]")),
    ("ne", re.compile(r"[\u0900-\u097f]")),
    ("han", re.compile(r"[\u3400-\u9fff]")),
    ("th", re.compile(r"[\u0e01-\u0e5b]")),
    ("my", re.compile(r"[\u1000-\u109f]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("latin", re.compile(r"[a-z\u00df-\u024f\u1e00-\u1eff]")),
)
_UNSPOKEN = ("th", "my", "ru", "ar")
_LATIN_LETTERS = ("en", "vi", "pt-BR", "fil", "es", "id", OTHER)


@lru_cache(maxsize=1)
def _traditional() -> OpenCC:
    return OpenCC("s2t")


@lru_cache(maxsize=16384)
def _side(letter: str) -> int:
    """Return 1 for a character only of the traditional script, -1 for one only of the simplified, 0 for both."""
    if simplified(letter) != letter:
        return 1
    return -1 if str(_traditional().convert(letter)) != letter else 0


@lru_cache(maxsize=1)
def _todays() -> OpenCC:
    return OpenCC("t2jp")


@lru_cache(maxsize=16384)
def _unknown_in_japan(letter: str) -> bool:
    """Return whether a character is in none of the sets that Japan writes with (钱, 们)."""
    try:
        letter.encode("cp932")
    except UnicodeEncodeError:
        return True
    return False


@lru_cache(maxsize=16384)
def _old_in_japan(letter: str) -> bool:
    """Return whether Japan writes a character in another form today (錢, 學), but for names (渡邊)."""
    return str(_todays().convert(letter)) != letter


class Languages:
    """Tell languages apart; without learned weights by script alone."""

    def __init__(self, model: Weights | None = None) -> None:
        self.model = model

    def detect(self, text: str, prior: str = "") -> str:
        """Return the BCP 47 tag of a text, "" if it can't be told; `prior` is the resident's setting."""
        folded = fold(text).text
        counts = Counter({name: len(found.findall(folded)) for name, found in _SCRIPTS})
        if not +counts:
            return prior
        for name in _UNSPOKEN:
            if counts[name] * 2 > sum(counts.values()):
                return name
        han = [letter for letter in folded if "\u3400" <= letter <= "\u9fff"]
        foreign = any(map(_unknown_in_japan, han)) or (not prior.startswith("ja") and any(map(_old_in_japan, han)))
        only_japanese = counts["kana"] and not (
            counts["latin"] or counts["ko"] or counts["ne"] or foreign or words.holds_chinese(folded)
        )
        few = len(folded) <= _WORD and counts["han"] == len(folded.strip()) and not prior.startswith("zh-")
        if foreign and not (counts["kana"] or counts["ko"] or counts["latin"] or counts["ne"]):
            best = "zh"
        elif only_japanese or (few and not words.holds_chinese(folded) and "我" not in folded):
            best = "ja"
        else:
            best = self._learned(text, counts, prior) if self.model else self._by_script(counts, prior)
        if best == "zh":
            return self._chinese(folded, prior)
        return "ja-easy" if best == "ja" and prior == "ja-easy" else best

    def _learned(self, text: str, counts: Counter[str], prior: str) -> str:
        assert self.model is not None
        shares: defaultdict[str, float] = defaultdict(float)
        found = self.model.probabilities(letters(text, dressed=True), {})
        for label, share in zip(self.model.labels, found, strict=True):
            shares["zh" if label.startswith("zh-") else label] += float(share)
        mine = "zh" if prior.startswith("zh-") else "ja" if prior == "ja-easy" else prior
        if mine in shares:
            shares[mine] *= _HELP_SHORT if len(text.strip()) <= _SHORT else _HELP
        for label, script in (("ko", "ko"), ("zh", "han")):
            if not counts[script]:
                shares[label] = 0.0
        if not counts["latin"]:
            for label in _LATIN_LETTERS:
                shares[label] = 0.0
        if counts["han"] and not counts["kana"] and not prior:
            shares["ja"] *= _HERE
        total = sum(shares.values())
        word = text.strip()
        if prior and len(word) <= _WORD and word.isalpha() and word.isascii():
            likeliest = max(shares, key=lambda label: shares[label])
            return likeliest if len(word) > _WORD // 2 and shares[likeliest] >= _WORD_CERTAIN * total else mine
        best = max(shares, key=lambda label: shares[label])
        return "" if best == OTHER or total <= 0 or shares[best] < CERTAIN * total else best

    @staticmethod
    def _by_script(counts: Counter[str], prior: str) -> str:
        script = max(("kana", "ko", "ne", "han", "latin"), key=lambda name: counts[name] * (3 if name == "kana" else 1))
        if script == "latin":
            return prior if prior in _LATIN_LETTERS else ""
        if script == "han":
            return "zh" if prior.startswith("zh-") else "ja"
        return {"kana": "ja"}.get(script, script)

    @staticmethod
    def _chinese(text: str, prior: str) -> str:
        han = [letter for letter in text if "\u3400" <= letter <= "\u9fff"]
        certain = sum(_side(letter) for letter in han if _unknown_in_japan(letter) or _old_in_japan(letter))
        side = int(np.sign(certain or sum(map(_side, han))))  # 一時預かり is Japanese, and in neither script
        if side:
            return "zh-Hant" if side > 0 else "zh-Hans"
        return prior if prior.startswith("zh-") else "zh-Hans"
