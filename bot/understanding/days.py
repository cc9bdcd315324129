"""Read days and times of the clock out of a folded text, in all twelve languages at once.

The rule: the names of weekdays are Babel's (CLDR); what people say besides stands here. A word that also means
something else (Indonesian minggu is a week too, Vietnamese thứ hai is the second child too) counts only where it can
mean nothing else; a length of time is no time of the clock.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time
from functools import cache
from typing import Final

from babel.dates import get_day_names

from bot.understanding.normalise import fold
from bot.understanding.words import undressed

_KANJI: Final = dict(zip("一二三四五六七八九十", range(1, 11), strict=True)) | {
    "十一": 11,
    "十二": 12,
    "两": 2,
    "兩": 2,
}
_SPOKEN: Final = "una dos tres kuwatro singko sais siyete otso nuwebe diyes onse dose".split()  # noqa: SIM905 - a list
_LOCALES: Final = ("ja", "en", "zh_Hans", "ko", "vi", "ne", "pt_BR", "fil", "id", "es")
#: Names of Babel's that mean something else as often; `_ALSO` says when they are meant.
_TWO_MEANINGS: Final = frozenset(("linggo", "minggu", "thu hai", "thu ba", "thu tu", "thu nam", "thu sau", "thu bay"))
#: Beside Babel's names: short and typed forms, Monday first.
_ALSO: Final = (
    r"[月火水木金土日]曜",
    r"(?:げつ|すい|もく|きん|ど)ようび?|かようび|にちよう(?!ひん)",
    r"(?:周|週|星期|礼拜|禮拜)[一二三四五六日天]",
    r"(?<!con )(?<!lan )(?<!dua )(?<!be )(?<!nguoi )(?<!thang )\bthu (?:hai|ba|tu|nam|sau|bay|[2-7])\b"
    r"(?! (?:con|tuoi))",
    r"\b(?:na|nas|toda|esta|essa|proxima|ate|de) (?:segunda|terca|quarta|quinta|sexta)\b"
    r"(?! (?:vez|parte|dose|semana|serie))",
    r"\b(?:sa|tuwing|ngayong|araw ng) linggo\b",
    r"\bhari minggu\b",
    r"\b(?:som|mangal|budha?|bihi|sukra|shukra|sani|shani|aaita|aita)bar\b",
    r"\b(?:mon|tue|wed|thu|fri|sat|sun)(?:days|s|r|rs|nesdays|sdays|rsdays|urdays)\b|\b(?:tue|fri)\b",
)
_KEYS: Final = (
    (0, "月曜|げつよう|周一|週一|星期一|礼拜一|禮拜一|thu hai|thu 2|segunda|sombar|mon"),
    (1, "火曜|かようび|周二|週二|星期二|礼拜二|禮拜二|thu ba$|thu 3|terca|mangalbar|tue"),
    (2, "水曜|すいよう|周三|週三|星期三|礼拜三|禮拜三|thu tu|thu 4|quarta|budh|wed"),
    (3, "木曜|もくよう|周四|週四|星期四|礼拜四|禮拜四|thu nam|thu 5|quinta|bihibar|^thu(?:rs?|s|rsdays)$"),
    (4, "金曜|きんよう|周五|週五|星期五|礼拜五|禮拜五|thu sau|thu 6|sexta|sukra|shukra|fri"),
    (5, "土曜|どよう|周六|週六|星期六|礼拜六|禮拜六|thu bay|thu 7|sani|shani|sat"),
    (6, "日曜|にちよう|[周週期拜][日天]|linggo|minggu|aaita|aita|sun"),
)


_LATIN: Final = re.compile(r"[a-z\u00df-\u024f\u1e00-\u1eff]+")


def bare(folded: str) -> str:
    """Return a folded text with its Latin words without diacritics."""
    return _LATIN.sub(lambda found: undressed(found.group()), folded)


@cache
def _named() -> tuple[re.Pattern[str], Mapping[str, int]]:
    names: dict[str, int] = {}
    for locale in _LOCALES:
        for day, name in get_day_names("wide", locale=locale).items():
            if (spoken := bare(fold(name).text)) not in _TWO_MEANINGS:
                names[spoken] = day
    longest = sorted(names, key=len, reverse=True)
    parts = [rf"\b{re.escape(name)}\b" if name.isascii() else re.escape(name) for name in longest]
    return re.compile("|".join(parts)), names


_OTHER: Final = re.compile("|".join(f"(?:{form})" for form in _ALSO))


def weekday(folded: str) -> int | None:
    """Return the first weekday that a folded text names, 0 for Monday, or None."""
    line = bare(folded)
    pattern, names = _named()
    if match := pattern.search(line):
        return names[match.group()]
    if match := _OTHER.search(line):
        return next((day for day, keys in _KEYS if re.search(keys, match.group())), None)
    return None


_AHEAD: Final = (
    (2, r"明後日|あさって|\bday after tomorrow\b|모레|后天|後天|\bngay kia\b|पर्सि|पर्सी|\bparsi\b|\bdepois de amanha\b"
        r"|\bsa makalawa\b|\blusa\b|\bpasado manana\b"),
    (1, r"明日|あした|あす(?!か)|\btomorrow\b|내일|明天|\b(?:ngay|sang|chieu|toi) mai\b|भोलि|\bbholi\b|\bamanha\b"
        r"|\bbukas ng (?:umaga|hapon|gabi|tanghali)\b|\bpara bukas\b|\bkinabukasan\b|\bbesok\b"
        r"|(?<!la )(?<!esta )\bmanana\b"),
    (0, r"今日|きょう(?!しつ|かい|だい)|本日|今から|今夜|今晩|\btoday\b|\btonight\b|\bright now\b"
        r"|오늘|지금|今天|今晚|现在|現在|\bhom nay\b|\bbay gio\b|\btoi nay\b"
        r"|आज(?!कल)|अहिले|\baaja\b|\bahile\b|\bhoje\b|\bagora\b|\bngayon\b|\bmamaya\b"
        r"|\bhari ini\b|\bsekarang\b|\bmalam ini\b|\bhoy\b|\bahora\b"),
)  # fmt: skip
_COMING: Final = tuple((days, re.compile(words)) for days, words in _AHEAD)


def ahead(folded: str) -> int | None:
    """Return how many days ahead a folded text says: 0 today, 1 tomorrow, 2 the day after, or None."""
    line = bare(folded)
    return next((days for days, pattern in _COMING if pattern.search(line)), None)


_H: Final = r"(?P<h>\d{1,2})"
_TIMES: Final = tuple(
    re.compile(form)
    for form in (
        rf"(?P<part>午前|午後|朝|夕方|夜|ごぜん|ごご|あさ|よる)?の?\s*(?<![\d:]){_H}(?:時(?!間)|じ(?!かん)|:(?P<m>\d{{2}})(?![:\d]))"
        r"(?P<half>半|はん)?(?:\s*(?P<m2>\d{1,2})(?:分|ふん|ぷん))?",
        rf"\b{_H}(?::(?P<m>\d{{2}}))?\s*(?P<part>am|pm|a\.m|p\.m)\b",
        rf"(?P<part>오전|오후|아침|저녁|밤|새벽)?\s*{_H}\s*시(?!간)(?:\s*(?P<half>반)|\s*(?P<m>\d{{1,2}})분)?",
        r"(?P<part>上午|下午|早上|晚上|中午|凌晨)\s*(?P<h>\d{1,2}|十[一二]?|[一二三四五六七八九两兩])[点點](?P<half>半)?(?:(?P<m>\d{1,2})分)?",
        r"(?P<part>)(?P<h>\d{1,2})[点點](?P<half>半)?(?:(?P<m>\d{1,2})分)?",
        rf"\b{_H}\s*(?:gio|h)\s*(?:(?P<m>\d{{2}})|(?P<half>ruoi))?\s*(?P<part>sang|trua|chieu|toi|dem)\b",
        rf"\b(?:luc|tu|den)\s+{_H}\s*(?:gio|h)\b\s*(?:(?P<m>\d{{2}})|(?P<half>ruoi))?",
        rf"\b(?:as(?= \d+(?::| ?h| ?e meia| da ))|a las?|desde las?|hasta las?|ate as)\s+{_H}"
        r"(?:[:h](?P<m>\d{2}))?(?:h|hs|horas)?\b"
        r"(?:\s+(?P<half>e meia|y media))?(?:\s+d[ae](?: la)? (?P<part>manha|manana|tarde|noite|noche))?",
        rf"\b{_H}h(?P<m>\d{{2}})?\b",
        rf"\balas?[- ](?P<h>\d{{1,2}}|{'|'.join(_SPOKEN)})\b(?::(?P<m>\d{{2}}))?\s*(?P<half>y medya)?"
        r"(?:\s*ng (?P<part>umaga|tanghali|hapon|gabi))?",
        rf"\b(?:jam|pukul)\s*{_H}(?:[.:](?P<m>\d{{2}}))?\s*(?P<part>pagi|siang|sore|malam)?",
        rf"(?P<part>बिहान|दिउँसो|बेलुका|राति|bihana|diu?so|beluka|rati)?\s*{_H}\s*(?:बजे|baje)",
        r"(?<![\d:])(?P<h>[01]?\d|2[0-3]):(?P<m>[0-5]\d)(?![\d:])",
    )
)
_NOON: Final = re.compile(r"\bnoon\b|正午|정오|\bmeio[- ]dia\b|\bmediodia\b")
_AFTER_NOON: Final = frozenset(
    [
        "午後",
        "ごご",
        "夕方",
        "pm",
        "p.m",
        "오후",
        "저녁",
        "下午",
        "chieu",
        "trua",
        "tarde",
        "hapon",
        "tanghali",
        "siang",
        "sore",
        "दिउँसो",
        "बेलुका",
        "diuso",
        "diso",
        "beluka",
    ]
)
_EVENING: Final = frozenset(
    ["夜", "よる", "밤", "晚上", "toi", "dem", "noite", "noche", "gabi", "malam", "राति", "rati"]
)  # "night, 2" is past midnight


def clock(folded: str) -> time | None:
    """Return the time of the clock that a folded text names, or None; a length of time is none."""
    line = bare(folded)
    if _NOON.search(line):
        return time(12)
    for pattern in _TIMES:
        if match := pattern.search(line):
            return _time({name: value or "" for name, value in match.groupdict().items()})
    return None


def _time(found: Mapping[str, str]) -> time | None:
    hour, part = _number(found["h"]), found.get("part", "")
    minute = 30 if found.get("half") else int(found.get("m") or found.get("m2") or 0)
    if part in ("am", "a.m", "pm", "p.m") and hour > 12:
        return None
    if part in ("am", "a.m"):
        hour %= 12
    elif (part in _AFTER_NOON and hour < 12) or (part in _EVENING and 5 <= hour < 12):
        hour += 12
    elif part in ("pm", "p.m"):
        hour = 12
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _number(text: str) -> int:
    if text.isdigit():
        return int(text)
    return _KANJI[text] if text in _KANJI else _SPOKEN.index(text) + 1
