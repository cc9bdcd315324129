"""Judge sentences: is this やさしい日本語, and does it promise what nobody can promise?

The rule: pure, and a judge only; nothing is mended here. The rules E1 to E9 are those of facts/domain.md 6.1, the
promises those of CARE C3. A reading stands in （） right after its kanji, an explanation in ＜＞ right after its word.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final
from unicodedata import normalize

import regex
from sudachipy import Dictionary, SplitMode, Tokenizer

AIM: Final = 24  # characters in a sentence, aimed at
WARN: Final = 30
MOST: Final = 40


@dataclass(frozen=True, slots=True)
class Problem:
    """Hold one breach: the rule's id, the words that breach it, why, and whether it fails or only warns."""

    rule: str
    found: str
    why: str
    fails: bool = True


def check(text: str) -> list[Problem]:
    """Return what breaks the rules of やさしい日本語 in a text (its readings and explanations still in it).

    A placeholder `{x}` counts as written, an address not at all. E2, E10, E11, E13 and E14 are left to a human reader.
    """
    problems = list(_unread_kanji(text))
    bare = _ADDRESS.sub("", _without_readings(text))
    problems += _loanwords(bare)
    for sentence in _sentences(bare):
        squeezed = regex.sub(r"\s+", "", sentence)
        problems += _length(squeezed)
        problems += _double_negatives(squeezed)
        problems += _years(squeezed)
        problems += _dates_and_times(squeezed)
        problems += _honorifics(squeezed)
        problems += _passives(sentence)
    return problems


def forbidden(text: str) -> list[str]:
    """Return the words of a text, in any language, that promise what nobody can promise (CARE C3)."""
    folded = normalize("NFKC", _without_readings(text)).casefold().replace("’", "'")
    squeezed = regex.sub(r"\s+", "", folded)
    found = [match[0] for pattern in _PROMISES_JAPANESE for match in pattern.finditer(squeezed)]
    return found + [match[0] for pattern in _PROMISES_ENGLISH for match in pattern.finditer(folded)]


# --- reading a text --------------------------------------------------------------------------------------------------

_KANA = r"[\p{Hiragana}\p{Katakana}ー・ ]+"
_READING = regex.compile(rf"(?<=\p{{Han}})（{_KANA}）")
_UNREAD = regex.compile(rf"\p{{Han}}++(?!（{_KANA}）)")
_EXPLAINED = regex.compile(r"＜([^＜＞]*)＞")
_ADDRESS = regex.compile(r"https?://\S+")


def _without_readings(text: str) -> str:
    return str(_READING.sub("", text))


def _sentences(bare: str) -> list[str]:
    """Return the sentences; an explanation in ＜＞ is a sentence of its own."""
    parts = [_EXPLAINED.sub("", bare), *_EXPLAINED.findall(bare)]
    return [s.strip() for part in parts for s in regex.split(r"[。！？!?\n]+", part) if s.strip()]


# --- the rules -------------------------------------------------------------------------------------------------------


def _length(squeezed: str) -> Iterator[Problem]:
    """E1: aimed at 24 characters, over 30 warns, over 40 fails (弘前 rule, as the Univ. of Tokyo checklist cites it).

    Readings, explanations and the blanks between words do not count.
    """
    length = len(regex.findall(r"\X", squeezed))
    if length > WARN:
        yield Problem("E1", squeezed, f"{length} characters; aim at {AIM}", fails=length > MOST)


_DOUBLE_NEGATIVES = regex.compile(
    r"ない(?:わけ|こと|もの)(?:で|じゃ)?[はも]?(?:ない|ありません|なかった)"
    r"|なく[はも](?:ない|ありません)"
    r"|(?:なければ|なきゃ|なくては|なくちゃ)(?:なら(?:ない|ん)|なりません|いけない|いけません|だめ)"
    r"|(?<!少|すく)ないと(?!言|い[いうっ]|思|おも|書|か[いき])[^。、「」]*(?:ない|ません)"
    r"|なくて[もは](?:かまい|構い|かまわ|構わ)"
    r"|ずには(?:い|お)られ(?:ない|ません)"
)


def _double_negatives(squeezed: str) -> Iterator[Problem]:
    """E3: no double negative (入管庁 guideline 2020; 近江八幡市). なくてもかまいません is one: なくてもいいです."""
    for match in _DOUBLE_NEGATIVES.finditer(squeezed):
        yield Problem("E3", match[0], "a double negative")


def _unread_kanji(text: str) -> Iterator[Problem]:
    """E4: every kanji has its reading beside it (弘前 rule 5; 入管庁 guideline 2020)."""
    for match in _UNREAD.finditer(text):
        yield Problem("E4", match[0], "kanji without a reading")


_ERA = regex.compile(r"(?:令和|平成|昭和|大正)(?:元|\d+)年|(?<![A-Za-z])[RHS]\d{1,2}年")
_WESTERN = regex.compile(r"(?:19|20)\d\d年")


def _years(squeezed: str) -> Iterator[Problem]:
    """E5: years of the common calendar; 和暦 only beside one (近江八幡市; manabi.fun)."""
    if not _WESTERN.search(squeezed):
        for match in _ERA.finditer(squeezed):
            yield Problem("E5", match[0], "和暦 without 西暦")


_DATE = regex.compile(r"(?<![\d/.:-])\d{1,2}/\d{1,2}(?![\d/])")
_TIME = regex.compile(r"(?<![\d:])(?:1[3-9]|2[0-4])(?:時(?!間)|:[0-5]\d(?!\d))")


def _dates_and_times(squeezed: str) -> Iterator[Problem]:
    """E6: 8月15日, never 8/15; 午後8時, never 20時 or 20:00 (近江八幡市)."""
    for match in _DATE.finditer(squeezed):
        yield Problem("E6", match[0], "a date as 8月15日")
    for match in _TIME.finditer(squeezed):
        yield Problem("E6", match[0], "a time as 午後8時")


_HONORIFICS = regex.compile(
    r"いただ[かきくけい]|頂[かきくけい]|くださいますよう|くださいませ|申し上げ|申しあげ"
    r"|(?<!ありがとう|おはよう|おめでとう)ございま"
    r"|いたし(?:ます|まし|ません|かね)|致し|[てで]おり(?:ます|ません)"
    r"|いらっしゃ|おっしゃ|なさいま|なさって|伺[いう]|拝見|拝借|存じ|恐れ入り|おそれいり|承り|かしこまり"
    r"|ご覧|ごらん(?:くだ|にな)|召し上が|めしあが|お越し|ご遠慮|よろし(?:い|けれ)"
    r"|[ご御]\p{Han}{1,4}(?:の上)?(?:くだ|下)さい"
    r"|[お御](?!ね)[\p{Han}\p{Hiragana}]{1,5}(?<![てでをにはがもう])(?:くだ|下)さい"
    r"|お\p{Han}[いきしちにびみりえけせてねめれ]に(?:なる|なり|なっ)"
)


def _honorifics(squeezed: str) -> Iterator[Problem]:
    """E7: です・ます, no 敬語 such as いただく, ご遠慮, お待ちください (近江八幡市; 三木市)."""
    for match in _HONORIFICS.finditer(squeezed):
        yield Problem("E7", match[0], "敬語")


#: Everyday verbs that the dictionary takes apart into a verb and a passive or causative ending.
_WHOLE_VERBS: Final = frozenset({("知る", "せる"), ("しる", "せる"), ("つく", "れる"), ("いる", "せる")})


@lru_cache(maxsize=1)
def _tokenizer() -> Tokenizer:
    return Dictionary(dict="small").tokenizer(mode=SplitMode.C)


def _passives(sentence: str) -> Iterator[Problem]:
    """E8: no passive, no causative (入管庁 guideline 2020).

    By Sudachi's auxiliaries: れる, せる and させる fail; られる only warns, since it is more often "can", 食べられる.
    """
    for verb, ending in pairwise(_tokenizer().tokenize(sentence)):
        base = ending.dictionary_form()
        if ending.part_of_speech()[0] != "助動詞" or base not in ("れる", "られる", "せる", "させる"):
            continue
        if (verb.dictionary_form(), base) not in _WHOLE_VERBS:
            yield Problem("E8", verb.surface() + ending.surface(), "passive or causative", fails=base != "られる")


#: Loanwords that everybody who lives here meets, then words of official names, which stay as they are.
_WORDS = """
アパート アプリ アレルギー イベント インターネット エレベーター オムツ カード ガス カメラ クラス
グループ コピー コンビニ コンピューター サイズ サイン スーパー スタッフ スマホ タクシー チャット
テスト テレビ ドア トイレ ナイフ ニュース ネット ノート バス パス パスポート パスワード パソコン
ビザ ビル ファイル プール ブラウザー プリント ページ ベッド ベビーカー ペン ボタン ボランティア
ホームページ ポスト ミルク メートル メール メッセージ メニュー メモ ラジオ リスト レシート レストラン
ワクチン
インフォメーションセンター ケア サークル サポート ショートステイ センター ダイヤル チャイルドライン ナビ
ファミサポ ファミリー プラス ホットライン
"""
LOANWORDS: Final = frozenset(_WORDS.split())
_KATAKANA = regex.compile(r"\p{Katakana}[\p{Katakana}ー]+")


def _loanwords(bare: str) -> Iterator[Problem]:
    """E9: katakana only from a list of everyday words (三木市), or with its explanation in ＜＞ right after it."""
    for match in _KATAKANA.finditer(bare):
        if match[0] not in LOANWORDS and not bare[match.end() :].lstrip().startswith("＜"):
            yield Problem("E9", match[0], "a loanword that is neither in the list nor explained")


# --- promises (CARE C3) ----------------------------------------------------------------------------------------------

_CHILD = r"(?:子ども|子供|こども|お子さん|お子さま|赤ちゃん|あかちゃん)"
_NO = r"(?:ません|ない(?!で|と|場合|ばあい|とき|時|よう))"
_SURELY = r"(?:絶対|ぜったい|必ず|かならず|完全|かんぜん|100%|百%)"
_FINE = r"(?:大丈夫|だいじょうぶ)"

_PROMISES_JAPANESE = tuple(
    map(
        regex.compile,
        (
            # 絶対に秘密
            rf"{_SURELY}[にはで、]*(?:秘密|ひみつ|内緒|ないしょ)",
            rf"(?:秘密|ひみつ|内緒|ないしょ)[をはにも、]*{_SURELY}",
            # 誰にも言いません
            rf"(?:誰|だれ)に[もは]、?(?:{_SURELY}に?)?"
            rf"(?:言[いわ]|い[いわ]|話[しさ]|はな[しさ]|伝え|つたえ|知らせ|しらせ|教え|おしえ|漏ら[しさ]|もら[しさ]){_NO}",
            # 通報しません
            rf"(?:通報|つうほう|通告|つうこく)[はをも]?(?:{_SURELY}に?)?(?:し{_NO}|いたしません|することは(?:ありません|ない))",
            # 大丈夫です, as a promise; 短くて大丈夫です and 大丈夫ですか are none
            rf"(?<![てで])(?<![てで]も){_FINE}(?:です|だよ|だ)?(?=[よねから]*(?:$|[。、,.!！」』]))(?!か)",
            # 子どもは取られません
            rf"{_CHILD}[はをがも]?、?(?:{_SURELY}に?)?(?:取り?上げ|とりあげ|取|と|奪わ|うばわ|連れて[行い]か|つれていか)ら?れ"
            rf"(?:{_NO}|ることは)",
            rf"{_CHILD}[はをがも]?、?(?:{_SURELY}に?)?(?:取り?上げ|とりあげ|取り|とり|奪い|連れて[行い]き|つれていき)ません",
        ),
    )
)

_NEVER = r"(?:won't|will not|will never|would never|never|are not going to|aren't going to|do not|don't)"

_PROMISES_ENGLISH = tuple(
    map(
        regex.compile,
        (
            r"\b(?:absolutely|completely|totally|perfectly|entirely|100%)\s+(?:secret|confidential|private|anonymous)\b",
            r"\b(?:promise|swear)\s+(?:you\s+)?(?:to\s+keep|it\s+(?:is|stays)|this\s+(?:is|stays))\b.{0,20}secret\b",
            r"\b(?:it|this|everything|your\s+secret)\s+(?:stays|will\s+stay|is\s+kept|will\s+be\s+kept)\s+(?:a\s+)?secret\b",
            r"\b(?:nobody|no one|no-one)\s+(?:else\s+)?(?:will|is going to|can)\s+(?:ever\s+)?"
            r"(?:know|find out|hear|learn)\b",
            rf"\b(?:we|i)\s+{_NEVER}\s+(?:ever\s+)?tell\s+(?:anyone|anybody|a soul|any person|others)\b",
            r"\b(?:nobody|no one)\s+will\s+(?:ever\s+)?report\b",
            rf"\b(?:we|i|the desk|this desk)\s+{_NEVER}\s+(?:ever\s+)?report\b",
            r"\byou\s+(?:won't|will not|will never)\s+be\s+reported\b",
            r"\b(?:you|it|everything|all|things|your\s+(?:child|children|baby|family))(?:'ll|\s+will)\s+(?:all\s+)?be\s+"
            r"(?:just\s+|perfectly\s+|absolutely\s+)?(?:fine|ok|okay|all right|alright)\b",
            r"\b(?:they|we|nobody|no one)\s+(?:won't|will not|will never|will|cannot|can't)\s+(?:ever\s+)?"
            r"take\s+(?:away\s+)?your\s+(?:child|children|baby|kids?)\b",
            r"\byour\s+(?:child|children|baby|kids?)\s+(?:won't|will not|will never|cannot|can't)\s+be\s+taken\b",
        ),
    )
)
