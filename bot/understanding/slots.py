"""Read the few facts of a search out of a text: the child's age, area, day, time, free of charge.

The rule: small grammars over folded text, in all spoken languages at once; what is not clearly said is left open.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from bot.messages import Slots
from bot.understanding import days
from bot.understanding.normalise import fold

_KANJI = {"一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10, "零": 0}
_KANA_YEARS = {
    "いっさい": 1,
    "にさい": 2,
    "さんさい": 3,
    "よんさい": 4,
    "ごさい": 5,
    "ろくさい": 6,
    "れいさい": 0,
    "ぜろさい": 0,
}
_ENGLISH_NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
_ENGLISH = {name: number for number, name in enumerate(_ENGLISH_NUMBERS.split())}
_ENGLISH |= {"a": 1, "an": 1}
_N = r"(\d{1,2}|[一二三四五六七八九十])"
_E = r"(\d{1,2}|" + "|".join(_ENGLISH) + ")"

_JA_MONTHS_OLD = re.compile(rf"(?:生後|産後|せいご)\s*{_N}\s*(?:か|ヶ|ケ|カ|ヵ|ヵ|箇|個)?\s*(?:月|げつ)")
_JA_MONTHS_BABY = re.compile(
    rf"{_N}\s*(?:か|ヶ|ケ|カ|ヵ|箇|個)\s*(?:月|げつ)\s*(?:の)?\s*(?:赤ちゃん|あかちゃん|ベビー|子|息子|娘|こども|乳児|です|児|になりました)"
)
# an age that stands alone, as a mother types it at night (5か月 / 10ヶ月 38.5); never how far a pregnancy is
_JA_MONTHS_ALONE = re.compile(
    rf"(?:^|(?<=[\s、。])){_N}\s*(?:か|ヶ|ケ|カ|ヵ|箇|個)\s*(?:月|げつ)(?=$|[\s、。]|\d|で(?!き)|なの|なん)"
)
_PREGNANT = re.compile(
    r"妊|にんしん|臨月|gr[aá]vid|gesta|embaraz|buntis|hamil|mang thai|có thai|co thai|b[aầ]u|임신|怀孕|懷孕|गर्भ|pregnan"
)
_JA_WEEKS = re.compile(rf"(?:生後|産後)\s*{_N}\s*週")
_JA_DAYS = re.compile(r"(?:生後|産後)\s*(\d{1,3})\s*(?:日|にち)")
_JA_YEARS = re.compile(
    rf"(?<!\d){_N}\s*(?:歳|才|さい)(?!以上|以下|未満|まで|から)(半|\s*{_N}\s*(?:か|ヶ|ケ|カ|ヵ|箇)\s*月)?"
)
_JA_NEWBORN = re.compile(r"新生児|生まれたばかり|うまれたばかり|生まれたて")
_EN_MONTHS = re.compile(rf"\b{_E}[\s-]*(?:months?|mos?|mo)\b[\s-]*(?:old|baby|infant|son|daughter|boy|girl)")
_EN_WEEKS = re.compile(rf"\b{_E}[\s-]*(?:weeks?)[\s-]*(?:old)")
_EN_DAYS = re.compile(rf"\b{_E}[\s-]*(?:days?)[\s-]*(?:old)")
_EN_YEARS = re.compile(rf"\b{_E}(\s*(?:and a half|1/2|\.5))?[\s-]*(?:years?|yrs?|yo|y/o)\b(\s*and a half)?")
# ages in the other languages: (number and unit, months of one unit); never how long ago, nor how far a pregnancy is
_AGES = (
    (re.compile(r"(\d{1,2})\s*(?:개월|달\s?(?:된|아기))"), 1.0),
    (re.compile(r"(\d{1,2})\s*(?:살|세(?![가-힣]))"), 12.0),
    (re.compile(r"(?:생후|출산)\s*(\d{1,3})\s*주"), 7 / 30),
    (re.compile(r"생후\s*(\d{1,3})\s*일"), 1 / 30),
    (re.compile(rf"{_N}\s*(?:个|個)\s*(?:多|半)?月(?!前|后|後|以)(?=大|的|宝|寶|婴|嬰|孩|男|女|$|\W)"), 1.0),
    (re.compile(rf"{_N}\s*(?:岁|歲)"), 12.0),
    (re.compile(r"(\d{1,2})\s*th[aá]ng\s*(?:tu[oổ]i|r[uư][oỡ]i)"), 1.0),
    (re.compile(r"(\d{1,2})\s*tu[oổ]i"), 12.0),
    (
        re.compile(
            r"(\d{1,2})\s*(?:m[eê]s(?:es)?|meses)\b(?!\s*(?:atr[aá]s|de\s+(?:embarazo|gesta[cç]))|\s*gr[aá]vida)"
        ),
        1.0,
    ),
    (re.compile(r"(\d{1,2})\s*(?:anos|a[nñ]os|a[nñ]itos|aninhos|a[nñ]o|ano)\b(?!\s*atr[aá]s)"), 12.0),
    (re.compile(r"(\d{1,2})\s*(?:buwan(?:g\s+gulang)?|mos?)\b(?!\s*(?:na\s+(?:akong|kong)?\s*buntis|pa\s))"), 1.0),
    (re.compile(r"(\d{1,2})\s*(?:taon(?:g\s+gulang)?|anyos|y\.?o)\b"), 12.0),
    (re.compile(r"(\d{1,2})\s*(?:bulan|bln)\b(?!\s*(?:lalu|hamil|kehamilan|lagi))"), 1.0),
    (re.compile(r"(\d{1,2})\s*(?:tahun|thn|th)\b(?!\s*lalu)"), 12.0),
    (re.compile(r"(\d{1,2}|[०-९]{1,2})\s*(?:महिना|mahina|maina)(?!\s*(?:अघि|aghi))"), 1.0),
    (re.compile(r"(\d{1,2}|[०-९]{1,2})\s*(?:वर्ष|बर्ष|barsa|barse|varsha)(?!\s*(?:अघि|aghi))"), 12.0),
)
_NO_AGE = r"months?|weeks?|days?|hours?|am|pm|:|minutes?|times?|yen|km|people|kids|children"
_EN_AGED = re.compile(rf"\b(?:aged?|is|turned|who is|hes|shes)\s+{_E}\b(?!\s*(?:{_NO_AGE}))")
_EN_NEWBORN = re.compile(r"\bnew\s?borns?\b")


def _number(text: str) -> int:
    if text.isdigit():
        return int(text)
    return _KANJI[text] if text in _KANJI else _ENGLISH[text]


def _age(text: str) -> int | None:
    if match := _JA_MONTHS_OLD.search(text) or _EN_MONTHS.search(text):
        return _number(match.group(1))
    if match := _JA_WEEKS.search(text) or _EN_WEEKS.search(text):
        return _number(match.group(1)) * 7 // 30
    if match := _JA_DAYS.search(text) or _EN_DAYS.search(text):
        return _number(match.group(1)) // 30
    if match := _JA_YEARS.search(text):
        half = match.group(2) or ""
        return _number(match.group(1)) * 12 + (6 if half == "半" else _number(match.group(3)) if half else 0)
    if match := _JA_MONTHS_BABY.search(text):
        return _number(match.group(1))
    if not _PREGNANT.search(text) and (match := _JA_MONTHS_ALONE.search(text)):
        return _number(match.group(1))
    for kana, years in _KANA_YEARS.items():
        if kana in text:
            return years * 12
    if match := _EN_YEARS.search(text):
        return _number(match.group(1)) * 12 + (6 if match.group(2) or match.group(3) else 0)
    if _JA_NEWBORN.search(text) or _EN_NEWBORN.search(text):
        return 0
    if (match := _EN_AGED.search(text)) and _number(match.group(1)) <= 18:
        return _number(match.group(1)) * 12
    for pattern, unit in _AGES:
        if (match := pattern.search(text)) and not (unit == 1.0 and _PREGNANT.search(text)):
            return int(_number(match.group(1)) * unit)
    return None


def age_months(text: str) -> int | None:
    """Return the child's age in months (0-227) that a text states, or None (19 years and more are no child's)."""
    months = _age(fold(text).text)
    return months if months is not None and months < 19 * 12 else None


_FREE = re.compile(
    r"無料|むりょう|ただで|タダで|お金(?:が)?(?:の)?かからない|おかね(?:が)?かからない|no charge"
    r"|\bfree(?: of charge)?\b(?! (?:time|day|slot|spot|space))"
    r"|무료|공짜|免费|免費|\bmien phi\b|\bgr[aá]tis\b|\bgratuit[oa]s?\b|\bde graca\b|\bsem custo\b|\bsin costo\b"
    r"|\bwalang bayad\b|\blibre(?:ng)?\b(?= (?:ba|po|ng|na (?!oras)|lang|serbisyo|gamot|bakuna|check))"
    r"|\btanpa biaya\b|निःशुल्क|नि:शुल्क|सित्तै|\bnishulka?\b|\bsittai\b"
)
_NOT_FREE = re.compile(r"smoke.free|feel free|hands.free|無料じゃなくても|有料でも")


@lru_cache(maxsize=20_000)  # a prefecture's 町名; the same ones are looked for in every message
def _folded(area: str) -> str:
    return fold(area).text


def read(text: str, areas: Collection[str] = ()) -> Slots:
    """Return what a text says of age, area (the longest of the known `areas` in it), day, time and cost."""
    folded = fold(text).text
    named = [area for area in areas if area and _folded(area) in folded]
    return Slots(
        age_months=age_months(text),
        area=max(named, key=len, default=""),
        weekday=days.weekday(folded),
        at_time=days.clock(folded),
        free=True if _FREE.search(days.bare(folded)) and not _NOT_FREE.search(folded) else None,
        days_ahead=days.ahead(folded),
    )
