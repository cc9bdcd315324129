"""Cut folded text into words that patterns and topics compare: Sudachi's normalised forms, or words as written.

The rule: one message gives one `Words` for Japanese and one for every other script; both lead back to the raw text.

Other scripts' words are as written, but without diacritics, so that "không" and "khong" are one word; each Chinese
character is a word, in its simplified form, so that 家庭暴力 is heard in either script; a run of kana is one word that
keeps the kanji beside it apart; a Korean word has ㅅ for ㅆ under a syllable.

Japanese words are folded further, so that one pattern hears plain, polite and colloquial speech alike:
ます, を, the honorific 御 and closing particles (よ ね な わ) are left out; られる is れる; で after a verb is て;
てる is て 居る; ちゃう and じゃう are て 仕舞う; every negation (ぬ ん ず 無い) is ない; たら keeps its own form;
a verb that is meant (死のう) is followed by the word よう, one that is ordered (死ね) by the word ろ.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property, lru_cache
from threading import local
from unicodedata import normalize

from opencc import OpenCC
from sudachipy import Dictionary, SplitMode, Tokenizer

from bot.understanding.normalise import JAPANESE, Text, unspaced

ENDS = frozenset("。.!?।")
_LATIN = re.compile(r"[a-z\u00df-\u024f\u1e00-\u1eff]+")
_PLAIN = re.compile(
    r"[a-z\u00df-\u024f\u1e00-\u1eff]+|\d+(?:[.:]\d+)?|[.!?。।]+|[\u0900-\u0963\u0966-\u097f\u200d]+"
    r"|[\uac00-\ud7a3]+|[\u3130-\u318f\u1100-\u11ff]+|[\u3041-\u3096\u30a1-\u30fc]+|[\u3400-\u9fff]"
)
LONGEST_BEGINNING = 16


@dataclass(frozen=True)
class Words:
    """Hold the words of a text as one string, each with a blank before and after, and where each stood."""

    source: Text
    line: str
    each: tuple[str, ...]
    offsets: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    unique: frozenset[str]

    @cached_property
    def keys(self) -> frozenset[str]:
        """Return the words, and every beginning of one with a star behind it ("cry*"), to look patterns up by."""
        sizes = range(1, LONGEST_BEGINNING + 1)
        return self.unique | {f"{word[:size]}*" for word in self.unique for size in sizes if size <= len(word)}

    def evidence(self, begin: int, end: int) -> tuple[int, int]:
        """Return the span of the source text behind `line[begin:end]`."""
        first = min(bisect_left(self.offsets, begin), len(self.offsets) - 1)
        last = max(bisect_right(self.offsets, end - 1) - 1, first)
        return self.spans[first][0], max(span[1] for span in self.spans[first : last + 1])


def _build(source: Text, found: list[tuple[str, int, int]]) -> Words:
    offsets: list[int] = []
    parts: list[str] = [" "]
    at = 1
    for word, _begin, _end in found:
        offsets.append(at)
        parts.append(word + " ")
        at += len(word) + 1
    each = tuple(word for word, _begin, _end in found)
    spans = tuple((begin, end) for _word, begin, end in found)
    return Words(source, "".join(parts), each, tuple(offsets), spans, frozenset(each))


@lru_cache(maxsize=1)
def _dictionary() -> Dictionary:
    return Dictionary(dict="small")


_here = local()


def _tokenizer() -> Tokenizer:
    """Return this thread's own tokenizer: one of Sudachi's serves one thread at a time."""
    if not hasattr(_here, "tokenizer"):
        _here.tokenizer = _dictionary().tokenizer(mode=SplitMode.A)
    found: Tokenizer = _here.tokenizer
    return found


_NEGATIONS = frozenset(("無い", "ず", "ぬ", "ん", "ない"))
_SAME = {
    "られる": "れる",
    "させる": "せる",
    "おっと": "夫",
    "いき": "息",
    "かね": "金",
    "とまる": "止まる",
    "いま": "今",
    "こと": "事",
    "やめる": "止める",
    "辞める": "止める",
    "可笑しい": "おかしい",
    "苛々": "イライラ",
    "御飯": "ご飯",
    "未だ": "まだ",
    "すわる": "座る",
    "据わる": "座る",
    "ゆする": "揺する",
    "ふるう": "振るう",
    "ため": "為",
    "ところ": "所",
    "どこ": "何処",
    "どなり声": "怒鳴り声",
    "怖がる": "怖い",
    "ことば": "言葉",
    "家の子": "子",
    "ら": "達",
    "見付かる": "見つかる",
    "かえる": "帰る",
    "さわる": "触る",
    "とれる": "取れる",
    "ほっぺた": "頬",
    "頬っぺた": "頬",
    "ほっぺ": "頬",
    "直ぐ": "すぐ",
    "頬っぺ": "頬",
    "こわい": "怖い",
    "つれる": "連れる",
    "ねる": "寝る",
    "かむ": "噛む",
    "あける": "開ける",
    "しめる": "締める",
    "おく": "置く",
    "のぞく": "覗く",
    "かえす": "返す",
    "しり": "尻",
}
# (word, what follows it as written) -> what was meant: short kana that the dictionary takes for another word
_MEANT = {
    ("とう", "さん"): ("父",),
    ("とう", "ちゃん"): ("父",),
    ("かあ", "さん"): ("母",),
    ("かあ", "ちゃん"): ("母",),
    ("ね", "て"): ("寝る",),
    ("で", "て"): ("出る",),
    ("却って", "こ"): ("帰る", "て"),
    ("却って", "来"): ("帰る", "て"),
    ("却って", "き"): ("帰る", "て"),
    ("却って", "くる"): ("帰る", "て"),
}
_CONTRACTED = {"てる": ("て", "居る"), "でる": ("て", "居る"), "ちゃう": ("て", "仕舞う"), "じゃう": ("て", "仕舞う")}
_CONTRACTED |= {
    "ちまう": ("て", "仕舞う"),
    "じまう": ("て", "仕舞う"),
    "とく": ("て", "置く"),
    "てく": ("て", "行く"),
    "でく": ("て", "行く"),
}


_AFTER_AN_ORDER = frozenset(("", "と", "って", "とか", "や", "よ", "!", "。", "」", "』", "、", "!」"))


def _fold_word(form: str, pos: tuple[str, ...], follower: str) -> tuple[str, ...]:
    kind, sub, shape = pos[0], pos[1], pos[5]
    if (form, follower) in _MEANT:
        return _MEANT[form, follower]
    if kind == "空白" or (kind in ("補助記号", "記号") and form not in ENDS):
        return ()
    if form == "ます" and kind == "助動詞":
        return ()
    if form == "を" and kind == "助詞":
        return ()
    if form == "御" and kind == "接頭辞":
        return ()
    if sub == "終助詞" and form in ("よ", "ね", "な", "わ", "さ", "ぞ", "の"):
        return ()
    if form in _NEGATIONS and kind in ("助動詞", "形容詞"):
        return ("ない", "ば") if "融合" in shape else ("ない",)
    if form == "で" and sub == "接続助詞":
        return ("て",)
    if form in _CONTRACTED and kind == "助動詞":
        return (*_CONTRACTED[form], "よう") if shape.startswith("意志推量形") else _CONTRACTED[form]
    if form == "た" and shape.startswith("仮定形"):
        return ("たら",)
    form = _SAME.get(form, form)
    if kind == "動詞" and shape.startswith("意志推量形"):
        return (form, "よう")
    if kind == "動詞" and (
        (shape.startswith("命令形") and follower not in ("たら", "ば", "ない", "る"))
        or (shape.startswith("仮定形") and follower in _AFTER_AN_ORDER)
    ):
        return (form, "ろ")
    return (form,)


_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa]")
_CHINESE = re.compile(r"[你您她吗嗎呢吧们們这這么麼没沒哪怎谁给让讓还妈媽很孩嘴脸爸爷奶寶跑]")


def chinese(text: str) -> bool:
    """Return whether a text without kana holds characters that only Chinese sentences use."""
    return not _KANA.search(text) and holds_chinese(text)


def holds_chinese(text: str) -> bool:
    """Return whether a text holds characters that only Chinese sentences use."""
    return bool(_CHINESE.search(text))


def japanese(text: Text) -> Words:
    """Return the Japanese words of folded text: none if it holds no Japanese character, or is Chinese."""
    if not JAPANESE.search(text.text) or chinese(text.text):
        return _build(text, [])
    source = unspaced(text)
    found: list[tuple[str, int, int]] = []
    cut = list(_tokenizer().tokenize(source.text))
    for piece, follower in zip(cut, [*(p.surface() for p in cut[1:]), ""], strict=True):
        form = piece.normalized_form().lower().replace(" ", "")
        if not form:
            continue
        for word in _fold_word(form, piece.part_of_speech(), follower):
            found.append((word, piece.begin(), piece.end()))
    return _build(source, found)


_HIRAGANA = {ord("ァ") + at: ord("ぁ") + at for at in range(86)}


@dataclass(frozen=True, slots=True)
class Piece:
    """Hold one word of a Japanese text: as written, as read aloud (hiragana), its part of speech and kind of that."""

    text: str
    reading: str
    kind: str
    sub: str


def pieces(text: str) -> list[Piece]:
    """Return the words of a Japanese text; what has no reading is read as it is written."""
    found = []
    for piece in _tokenizer().tokenize(text):
        written, (kind, sub, *_shape) = piece.surface(), piece.part_of_speech()
        aloud = written if written.isascii() else piece.reading_form().translate(_HIRAGANA)
        found.append(Piece(written, aloud, kind, sub))
    return found


def reading(text: str) -> str:
    """Return how a Japanese text is read aloud, in hiragana without blanks; what has no reading stays as it is."""
    return "".join(piece.reading for piece in pieces(text)).replace(" ", "")


@lru_cache(maxsize=1)
def _simplifier() -> OpenCC:
    return OpenCC("t2s")


@lru_cache(maxsize=16384)
def simplified(letter: str) -> str:
    """Return a Chinese character in its simplified form, itself if it has none."""
    if letter == "著":  # 睡著, 看著: the table leaves it, because 著作 keeps it
        return "着"
    found = str(_simplifier().convert(letter))
    return found if len(found) == 1 else letter


@lru_cache(maxsize=65536)
def undressed(word: str) -> str:
    """Return a word of the Latin script without its diacritics (đ is d)."""
    if word.isascii():
        return word
    bare = "".join(letter for letter in normalize("NFD", word) if not "\u0300" <= letter <= "\u036f")
    return bare.replace("đ", "d").replace("ø", "o").replace("ł", "l").replace("ı", "i").replace("ß", "ss")


_ENDS_IN_SS = 20  # of the 28 ends of a Korean syllable; the one before it is a single s


@lru_cache(maxsize=65536)
def _loosely(word: str) -> str:
    """Return a Korean word with ㅅ for ㅆ under a syllable: people type 때렷어 for 때렸어."""
    ends = ((letter, (ord(letter) - 0xAC00) % 28) for letter in word)
    return "".join(chr(ord(letter) - 1) if end == _ENDS_IN_SS else letter for letter, end in ends)


def plain(text: Text) -> Words:
    """Return the words of folded text that are not Japanese, as written; two or more full stops are no end."""
    found: list[tuple[str, int, int]] = []
    for match in _PLAIN.finditer(text.text):
        word = match.group()
        if word[0] in ENDS:
            if set(word) == {"."} and len(word) > 1:
                continue
            word = word[0]
        elif _LATIN.match(word):
            word = undressed(word)
        elif "\u3400" <= word <= "\u9fff":
            word = simplified(word)
        elif "\uac00" <= word[0] <= "\ud7a3":
            word = _loosely(word)
        found.append((word, match.start(), match.end()))
    return _build(text, found)
