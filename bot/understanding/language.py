"""Say in which language a text is written, by script first, by common words next, by the resident's setting last.

The rule: an unknown language is "" (or its own tag when the script is certain), never a guess; safety does not depend
on it. やさしい日本語 is the resident's choice and is never told from one text: Japanese text keeps that setting
(a beginner's all-kana text may be a reason to offer it; nothing here does so).
"""

from __future__ import annotations

import re
from collections import Counter

from bot.understanding.normalise import fold

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
_ZH = re.compile(
    r"[你您她吗嗎呢吧们們这這很什么麼没沒哪怎谁誰给給让讓还還孩妈媽]|我(?!々)|的(?=[我你她他]|孩|家|$)|不(?=想|能|会|會|要|好|知)"
)
_ONLY_HANS = re.compile(
    r"[们这吗请问没说话时样个么为从来对门开关东车马见长习钱给让还过进远运动电报点击妈岁买卖难钟谁该谢边]"
)
_ONLY_HANT = re.compile(r"[們這嗎請說樣個麼從來對關東車馬錢讓還過遠運動電報點擊媽歲買賣難鐘誰該謝邊]")
_VIETNAMESE = re.compile(r"[ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]")
_WORD = re.compile(r"[a-z\u00df-\u024f\u1e00-\u1eff]+")
_ENGLISH_WORDS = """
    a about after again all also am an and any are as ask at baby be because been before but by can cant care
    child children cold could cry crying dad daughter day daycare did do doctor does dont english every feel
    fever find for from get go good has have he hello help her here hi him his hospital hot how husband i if
    im in is it its job just kid kids know leave like live look looking love make me medicine milk mom money
    month months more much mum my near need never new night no not now nursery of ok old on one open or our
    out park partner people person please pregnant put school see she should sick sleep so someone son sorry
    stop take talk tell thank thanks that the their them then there they thing this time tired to today
    tomorrow too town two up us use vaccine very want was way we week well what when where which while who
    why wife will with woman work worried would year years yes you your
"""
_ENGLISH = frozenset(_ENGLISH_WORDS.split())
_OTHERS_WORDS = """
    que para por como mi hijo hija esta estoy tengo donde cuando gracias hola necesito ayuda mis los las el
    una meu minha filho filha nao não voce você estou onde obrigado obrigada preciso uma com meus quero saya
    anak tidak dan yang untuk bagaimana dimana tolong mau ingin ada suami ako ang ng mga ko po sa hindi anak
    asawa paano saan gusto ba na kailangan toi con khong cua cho va chong duoc lam xin watashi desu kodomo
    arimasu doko onegai shimasu kudasai mero malai chha bachcha kasari kaha pardaina garna je suis mon enfant
    est pas merci ich bin nicht kind
"""
_OTHERS = frozenset(_OTHERS_WORDS.split())


def _chinese(text: str, prior: str) -> str:
    if not _ZH.search(text):
        return prior if prior.startswith("zh") else ("ja-easy" if prior == "ja-easy" else "ja")
    if prior.startswith("zh-"):
        return prior
    hans, hant = len(_ONLY_HANS.findall(text)), len(_ONLY_HANT.findall(text))
    return "zh-Hant" if hant > hans else "zh-Hans" if hans else "zh"


def detect(text: str, prior: str = "") -> str:
    """Return the BCP 47 tag of a text, "" if it can't be told; `prior` is the resident's setting and decides ties."""
    folded = fold(text).text
    counts = Counter[str]()
    for name, letters in _SCRIPTS:
        counts[name] = len(letters.findall(folded))
    if not +counts:
        return prior
    if counts["kana"]:
        # one kana in a Chinese sentence (の) does not make it Japanese
        if counts["han"] > 6 * counts["kana"] and _ZH.search(folded):
            return _chinese(folded, prior)
        if counts["latin"] > 4 * (counts["kana"] + counts["han"]) and _latin(folded, prior) == "en":
            return "en"
        return "ja-easy" if prior == "ja-easy" else "ja"
    for name in ("ko", "ne", "th", "my", "ru", "ar"):
        if counts[name] and counts[name] * 4 >= counts["latin"]:
            return name
    if counts["han"]:
        return _chinese(folded, prior)
    return _latin(folded, prior)


def _latin(folded: str, prior: str) -> str:
    if _VIETNAMESE.search(folded):
        return "vi"
    words = _WORD.findall(folded)
    english = sum(word in _ENGLISH for word in words)
    other = sum(word in _OTHERS for word in words)
    if prior == "en" and other <= english:
        return "en"
    if english > other and (english * 4 >= len(words)) and (len(words) > 1 or not prior.startswith("ja")):
        return "en"
    if other > english and other * 4 >= len(words):
        return ""
    return prior if len(words) <= 2 or prior not in ("ja", "ja-easy", "en", "") else ""
