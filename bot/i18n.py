"""Wording: a Phrase and a language become a sentence; numbers, dates, weekdays and money by Babel.

The rule: the catalog's key is the Japanese sentence. A sentence that a language lacks, or whose translation is
fuzzy, is worded in やさしい日本語 rather than stale, and in Japanese when that lacks it too (DESIGN 6).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Literal

from babel import Locale, UnknownLocaleError, dates, numbers, units
from babel.messages.mofile import read_mo

from bot.errors import ContentError
from bot.messages import (
    Clocktime,
    Dated,
    Language,
    Metres,
    Month,
    MonthDay,
    Months,
    Phrase,
    ShortDay,
    Text,
    Value,
    Verbatim,
    Weekdays,
    Yen,
    _,
)
from bot.opening import TOKYO

SOURCE = "ja"
EASY = "ja-easy"
LOCALES = Path(__file__).parents[1] / "locales"

#: What a language calls itself; never translated.
OWN_NAMES: Mapping[str, str] = {
    "ja": "日本語", "ja-easy": "やさしい にほんご", "en": "English", "zh-Hans": "简体中文", "zh-Hant": "繁體中文",
    "ko": "한국어", "vi": "Tiếng Việt", "pt-BR": "Português (Brasil)", "fil": "Filipino", "ne": "नेपाली",
    "es": "Español", "id": "Bahasa Indonesia",
}  # fmt: skip

#: What else somebody may type to mean a language.
CALLED: Mapping[str, tuple[str, ...]] = {
    "ja": ("にほんご", "Japanese"),
    "ja-easy": ("やさしい日本語", "Easy Japanese"),
    "en": ("英語", "えいご"),
}

TODAY = _("今日 {time}")
TOMORROW = _("明日（{date}）{time}")
FREE = _("無料")


@dataclass(frozen=True, slots=True)
class Catalogs:
    """Hold what each language says: language id -> Japanese sentence -> its translation; the source's is empty."""

    sentences: Mapping[str, Mapping[str, str]]

    @property
    def languages(self) -> tuple[str, ...]:
        """Return the ids of the languages that there are catalogs for, the source first: pages can be read in them."""
        return (SOURCE, *(language for language in self.sentences if language != SOURCE))

    @property
    def talks(self) -> tuple[str, ...]:
        """Return the languages that the desk can talk in: whose catalog says all that the one of ja-easy says."""
        needed = self.sentences.get(EASY, {}).keys()
        return tuple(id for id in self.languages if id == SOURCE or needed <= self.sentences[id].keys())

    def says(self, msgid: str, language: str) -> bool:
        """Return whether the language has words of its own for a sentence."""
        return language == SOURCE or msgid in self.sentences.get(language, {})

    def sentence(self, msgid: str, language: str) -> str:
        """Return the sentence in `language`, else in やさしい日本語, else as it was written."""
        for candidate in (language, EASY) if language != SOURCE else ():
            if (found := self.sentences.get(candidate, {}).get(msgid)) is not None:
                return found
        return msgid

    def word(self, text: Text, language: str) -> str:
        """Return `text` worded in `language`, its values formatted the way the language does."""
        if isinstance(text, Verbatim):
            return text.text
        sentence = self.sentence(text.msgid, language)
        if not text.args:
            return sentence
        return sentence.format_map({name: self.value(value, language) for name, value in text.args})

    def value(self, value: Value, language: str) -> str:
        """Return one value as the language writes it."""
        locale = locale_of(language)
        match value:
            case Phrase() | Verbatim():
                return self.word(value, language)
            case str():
                return value
            case Yen():
                return self._yen(value, language, locale)
            case Months():
                return _age(value.months, language, locale)
            case Metres():
                return _distance(value.metres, locale)
            case Weekdays():
                return _weekdays(value.days, language, locale)
            case Clocktime():
                return self._clocktime(value, language)
            case ShortDay():
                return _short_day(value.day, language, locale)
            case Dated():
                return _dated(value.day, language, locale)
            case Month():
                return _month(value, language, locale)
            case MonthDay():
                return _month_day(value, language, locale)
            case Language():
                return _language(value.id, language, locale)
            case datetime():
                local = value.astimezone(TOKYO)
                return f"{_date(local.date(), language, locale)} {_time(local.time(), language, locale)}"
            case date():
                return _date(value, language, locale)
            case time():
                return _time(value, language, locale)
            case int():
                return numbers.format_decimal(value, locale=locale)

    def _yen(self, value: Yen, language: str, locale: Locale) -> str:
        if value.amount == 0:
            return self.word(FREE, language)
        if locale.language == "ja":
            return _read(f"{value.amount:,}円", language)
        return YEN.get(language, "¥{}").format(numbers.format_decimal(value.amount, locale=locale))

    def _clocktime(self, value: Clocktime, language: str) -> str:
        local = value.moment.astimezone(TOKYO)
        if local.date() == value.today:
            return self.word(_(TODAY.msgid, time=local.time()), language)
        if local.date() == value.today + timedelta(days=1):
            return self.word(_(TOMORROW.msgid, date=local.date(), time=local.time()), language)
        return self.value(local, language)


def choose(offered: Sequence[str], *wishes: str) -> str:
    """Return the first wish that is offered, by its id or its language alone (en-GB is en); "" is no wish.

    No wish at all is Japanese; wishes that are not offered become やさしい日本語 where there is any.
    """
    told = [wish for wish in wishes if wish]
    for wish in told:
        for candidate in (wish, own_id(wish)):
            if candidate in offered:
                return candidate
    return EASY if told and EASY in offered else SOURCE


def own_id(tag: str) -> str:
    """Return our id of a language that a phone or a browser names: zh-TW is zh-Hant, pt-PT pt-BR, tl fil, en-GB en."""
    first, *rest = tag.lower().replace("_", "-").split("-")
    if first == "zh":
        return "zh-Hant" if {"hant", "tw", "hk", "mo"} & set(rest) else "zh-Hans"
    return {"pt": "pt-BR", "tl": "fil", "in": "id"}.get(first, first)


def accepted(header: str, offered: Collection[str]) -> str:
    """Return the language of an Accept-Language header that is wanted most and offered, "" when there is none."""
    wanted: list[tuple[float, str]] = []
    for part in header[:500].split(","):
        tag, _semicolon, weight = part.strip().partition(";")
        found = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", weight) if weight else None
        quality = float(found[1]) if found else 0.0 if weight else 1.0
        if quality and (id := own_id(tag.strip())) in offered:
            wanted.append((-quality, id))
    return min(wanted, key=lambda one: one[0])[1] if wanted else ""


def html_language(language: str) -> str:
    """Return the tag for HTML's `lang` (やさしい日本語 is Japanese)."""
    return SOURCE if language == EASY else language


def locale_of(language: str) -> Locale:
    """Return Babel's locale for a language id; raise ContentError for one that Babel does not know."""
    try:
        return Locale.parse("ja" if language == EASY else language, sep="-")
    except (ValueError, UnknownLocaleError) as error:
        raise ContentError(f"language {language!r} is unknown") from error


#: How a unit is read; やさしい日本語 writes it beside the kanji (facts/domain.md 6.1, E4).
READINGS: Mapping[str, str] = {"円": "えん", "歳": "さい", "か月": "げつ", "年": "ねん", "月": "がつ"}
#: Days of the month that are not read with にち.
DATE_READINGS: Mapping[int, str] = {
    1: "ついたち", 2: "ふつか", 3: "みっか", 4: "よっか", 5: "いつか", 6: "むいか", 7: "なのか", 8: "ようか",
    9: "ここのか", 10: "とおか", 14: "じゅうよっか", 20: "はつか", 24: "にじゅうよっか",
}  # fmt: skip
#: Years and months of age where Babel's durations are not what one says of a child (three years long, not old), or
#: where Babel finds none: its long forms are not followed to the short ones that CLDR points to (python-babel #1217).
AGES: Mapping[str, tuple[str, str]] = {
    "zh-Hans": ("{}岁", "{}个月"), "zh-Hant": ("{}歲", "{}個月"), "ko": ("{}세", "{}개월"),
    "vi": ("{} tuổi", "{} tháng"), "ne": ("{} वर्ष", "{} महिना"), "fil": ("{} taon", "{} buwan"),
}  # fmt: skip
#: Money as people in Japan write it in their language; ¥ alone is another country's in Chinese.
YEN: Mapping[str, str] = {
    "zh-Hans": "{}日元", "zh-Hant": "{}日圓", "ko": "{}엔", "vi": "{} yên", "pt-BR": "{} ienes", "es": "{} yenes",
    "ne": "{} येन", "id": "{} yen",
}  # fmt: skip
#: Languages as やさしい日本語 writes them.
LANGUAGE_READINGS: Mapping[str, str] = {
    "ja": "日本語（にほんご）", "ja-easy": "やさしい 日本語（にほんご）", "en": "英語（えいご）",
    "zh-Hans": "中国語（ちゅうごくご）", "zh-Hant": "中国語（ちゅうごくご）（台湾（たいわん）など）",
    "ko": "韓国語（かんこくご）", "vi": "ベトナム語（ご）", "pt-BR": "ポルトガル語（ご）", "fil": "フィリピン語（ご）",
    "ne": "ネパール語（ご）", "es": "スペイン語（ご）", "id": "インドネシア語（ご）",
}  # fmt: skip
DAY_READINGS = ("げつ", "か", "すい", "もく", "きん", "ど", "にち")


def _read(text: str, language: str) -> str:
    """Return `text` with the reading behind each unit when the language is やさしい日本語."""
    if language != EASY:
        return text
    return re.sub(rf"(?<=\d)({'|'.join(READINGS)})", lambda unit: f"{unit[0]}（{READINGS[unit[0]]}）", text)


def _date(day: date, language: str, locale: Locale) -> str:
    if language == EASY:
        return f"{_month_day(MonthDay(day.month, day.day), language, locale)} {_day_name(day.weekday())}"
    return dates.format_skeleton("MMMEd", day, locale=locale)


def _month_day(value: MonthDay, language: str, locale: Locale) -> str:
    if language == EASY:
        return f"{value.month}月（がつ）{value.day}日（{DATE_READINGS.get(value.day, 'にち')}）"
    return dates.format_skeleton("MMMd", date(2000, value.month, value.day), locale=locale)


def _short_day(day: date, language: str, locale: Locale) -> str:
    if language == EASY:
        return f"{day.day}日（{DATE_READINGS.get(day.day, 'にち')}）"
    return dates.format_skeleton("Ed", day, locale=locale)


def _dated(day: date, language: str, locale: Locale) -> str:
    if language == EASY:
        return f"{day.year}年（ねん）{_month_day(MonthDay(day.month, day.day), language, locale)}"
    return dates.format_date(day, "long", locale=locale)


def _month(value: Month, language: str, locale: Locale) -> str:
    if locale.language == "ja":
        return _read(f"{value.year}年{value.month}月", language)
    return dates.format_skeleton("yMMMM", date(value.year, value.month, 1), locale=locale)


def _language(id: str, language: str, locale: Locale) -> str:
    if language == EASY and id in LANGUAGE_READINGS:
        return LANGUAGE_READINGS[id]
    if id == EASY:
        return OWN_NAMES[EASY]
    names = locale.languages
    return str(names.get(id.replace("-", "_")) or names.get(id.split("-")[0]) or OWN_NAMES.get(id, id))


def _day_name(weekday: int) -> str:
    return f"{'月火水木金土日'[weekday]}曜日（{DAY_READINGS[weekday]}ようび）"


def _time(moment: time, language: str, locale: Locale) -> str:
    if language == EASY:  # 午後8時, not 20:00 (facts/domain.md 6.1, E6); 12 o'clock is named by day or night
        if moment.hour % 12 == 0:
            half, hour = ("昼（ひる）の ", 12) if moment.hour else ("夜（よる）の ", 12)
        else:
            half, hour = ("午前（ごぜん）", moment.hour) if moment.hour < 12 else ("午後（ごご）", moment.hour - 12)
        minute = moment.minute
        spoken = "ふん" if minute % 10 in (2, 5, 7, 9) else "ぷん"
        return f"{half}{hour}時（じ）" + (f"{minute}分（{spoken}）" if minute else "")
    if locale.language == "ja":
        return f"{moment.hour}:{moment.minute:02}"
    pattern = "aaaa h:mm" if locale.language == "ko" else "short"  # "short" is AM 9:00 there
    return dates.format_time(moment, pattern, locale=locale).replace("\u202f", " ")


def _age(months: int, language: str, locale: Locale) -> str:
    years, rest = divmod(months, 12)
    if locale.language == "ja":
        if months < 24:
            return _read(f"{months}か月" if rest else f"{years}歳" if years else "0か月", language)
        return _read(f"{years}歳{rest}か月" if rest else f"{years}歳", language)
    if months < 24:
        return _duration(months, "month", language, locale)
    old = _duration(years, "year", language, locale)
    between = "" if locale.language == "zh" else " " if language in AGES else ", "
    return f"{old}{between}{_duration(rest, 'month', language, locale)}" if rest else old


def _duration(count: int, unit: Literal["year", "month"], language: str, locale: Locale) -> str:
    if language in AGES:
        return AGES[language][unit == "month"].format(count)
    return units.format_unit(count, f"duration-{unit}", "short" if language == "pt-BR" else "long", locale=locale)


def _distance(metres: int, locale: Locale) -> str:
    if metres < 1000:
        return units.format_unit(round(metres, -2) or 100, "length-meter", "short", locale=locale)
    return units.format_unit(round(metres / 1000, 1), "length-kilometer", "short", locale=locale)


def _weekdays(days: tuple[int, ...], language: str, locale: Locale) -> str:
    names: Mapping[int, str] = dates.get_day_names("abbreviated", locale=locale)
    if language == EASY:
        names = {day: f"{'月火水木金土日'[day]}（{DAY_READINGS[day]}）" for day in range(7)}
    ordered = sorted(set(days))
    in_a_row = all(b - a == 1 for a, b in pairwise(ordered))
    if len(ordered) > 2 and in_a_row:
        return f"{names[ordered[0]]}{'〜' if locale.language == 'ja' else '–'}{names[ordered[-1]]}"
    return {"ja": "・", "zh": "、"}.get(locale.language, ", ").join(names[day] for day in ordered)


def load(folders: Mapping[str, str], root: Path = LOCALES) -> Catalogs:
    """Return the compiled catalogs found under `root`; `folders` is the vocabulary's languages (id -> folder).

    A language without a compiled catalog is not offered; Japanese needs none.
    """
    found: dict[str, dict[str, str]] = {SOURCE: {}}
    for language, folder in folders.items():
        path = root / folder / "LC_MESSAGES" / "messages.mo"
        if path.exists():
            with path.open("rb") as file:
                found[language] = {str(message.id): str(message.string) for message in read_mo(file) if message.id}
    return Catalogs(found)
