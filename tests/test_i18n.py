"""Wording: which language a sentence is said in, and how each language writes numbers, times and money."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from babel.messages import Catalog
from babel.messages.mofile import write_mo

from bot import i18n
from bot.errors import ContentError
from bot.i18n import Catalogs
from bot.messages import (
    Clocktime,
    Dated,
    Language,
    Metres,
    Month,
    MonthDay,
    Months,
    Value,
    Verbatim,
    Weekdays,
    Yen,
    _,
)
from bot.opening import TOKYO
from tests.talk import content, words


def catalogs(**languages: dict[str, tuple[str, bool]]) -> Catalogs:
    """Return compiled catalogs of {source: (translation, fuzzy)}."""
    with TemporaryDirectory() as folder:
        for name, sentences in languages.items():
            catalog = Catalog()
            for source, (text, fuzzy) in sentences.items():
                catalog.add(source, text, flags=["fuzzy"] if fuzzy else [])
            path = Path(folder) / name / "LC_MESSAGES" / "messages.mo"
            path.parent.mkdir(parents=True)
            with path.open("wb") as file:
                write_mo(file, catalog)
        return i18n.load({name.replace("_", "-"): name for name in languages}, Path(folder))


TRIED = catalogs(
    ja_easy={"書く": ("かく", False), "読む": ("よむ", False), "話す": ("はなす", True)},
    en={"書く": ("write", False), "読む": ("read", True)},
)


@pytest.mark.parametrize(
    ("source", "language", "said"),
    [
        ("書く", "ja", "書く"),
        ("書く", "en", "write"),
        ("書く", "ja-easy", "かく"),
        ("読む", "en", "よむ"),  # a stale translation is not said: the current text in plain Japanese is
        ("話す", "en", "話す"),  # neither is a stale plain one
        ("話す", "ja-easy", "話す"),
        ("聞く", "en", "聞く"),  # what nobody has translated is said as it was written
        ("書く", "vi", "かく"),  # a language without a catalog
    ],
)
def test_what_a_language_lacks_is_said_in_plain_japanese(source: str, language: str, said: str) -> None:
    """A sentence is said in the language, else in やさしい日本語, else as it was written (DESIGN 6)."""
    assert TRIED.sentence(source, language) == said


def test_the_shipped_languages() -> None:
    """Japanese comes first and needs no catalog; each language of the vocabulary calls itself by its own name."""
    assert words().languages[0] == "ja"
    assert set(words().languages) <= set(content().vocabulary["languages"]) == set(i18n.OWN_NAMES)
    assert set(i18n.LANGUAGE_READINGS) == set(i18n.OWN_NAMES)
    assert {"ja", "ja-easy", "en"} <= set(words().talks)


def test_the_desk_talks_only_where_its_catalog_is_whole() -> None:
    """A catalog that says as much as ja-easy's makes a language of the talk, any catalog one of the pages."""
    whole = {"書く": ("x", False), "読む": ("x", False)}
    tried = catalogs(ja_easy=whole, en=whole, vi={"書く": ("viết", False)}, ko={**whole, "読む": ("x", True)})
    assert tried.languages == ("ja", "ja-easy", "en", "vi", "ko")
    assert tried.talks == ("ja", "ja-easy", "en")


def test_a_translation_that_reads_like_the_source_is_one() -> None:
    """費用 is 費用 in Chinese too: it is not said in plain Japanese."""
    tried = catalogs(ja_easy={"費用": ("おかね", False)}, zh_Hant={"費用": ("費用", False)})
    assert tried.sentence("費用", "zh-Hant") == "費用"
    assert (tried.says("費用", "zh-Hant"), tried.says("距離", "zh-Hant")) == (True, False)


def test_names_are_never_translated() -> None:
    """A name, an address or a number is the same in every language, braces included."""
    assert {words().word(Verbatim("{x} 書く"), language) for language in words().languages} == {"{x} 書く"}


NOW = datetime(2026, 11, 22, 2, 10, tzinfo=TOKYO)
OPENS = datetime(2026, 11, 24, 8, 30, tzinfo=TOKYO)


@pytest.mark.parametrize(
    ("value", "ja", "easy", "en"),
    [
        (1234567, "1,234,567", "1,234,567", "1,234,567"),
        (Yen(1500), "1,500円", "1,500円（えん）", "¥1,500"),
        (Yen(0), "無料", "0円（えん）", "Free"),
        (Months(0), "0か月", "0か月（げつ）", "0 months"),
        (Months(10), "10か月", "10か月（げつ）", "10 months"),
        (Months(12), "1歳", "1歳（さい）", "12 months"),
        (Months(23), "23か月", "23か月（げつ）", "23 months"),
        (Months(36), "3歳", "3歳（さい）", "3 years"),
        (Months(83), "6歳11か月", "6歳（さい）11か月（げつ）", "6 years, 11 months"),
        (Metres(40), "100 m", "100 m", "100 m"),
        (Metres(849), "800 m", "800 m", "800 m"),
        (Metres(1250), "1.2 km", "1.2 km", "1.2 km"),
        (Weekdays((0, 1, 2, 3, 4)), "月〜金", "月（げつ）〜金（きん）", "Mon–Fri"),
        (Weekdays((5, 1, 3)), "火・木・土", "火（か）・木（もく）・土（ど）", "Tue, Thu, Sat"),
        (Weekdays((0, 1)), "月・火", "月（げつ）・火（か）", "Mon, Tue"),
        (time(9, 0), "9:00", "午前（ごぜん）9時（じ）", "9:00 AM"),
        (time(20, 30), "20:30", "午後（ごご）8時（じ）30分（ぷん）", "8:30 PM"),
        (time(16, 15), "16:15", "午後（ごご）4時（じ）15分（ふん）", "4:15 PM"),
        (time(12, 0), "12:00", "昼（ひる）の 12時（じ）", "12:00 PM"),
        (time(0, 0), "0:00", "夜（よる）の 12時（じ）", "12:00 AM"),
        (date(2026, 11, 21), "11月21日(土)", "11月（がつ）21日（にち） 土曜日（どようび）", "Sat, Nov 21"),
        (date(2026, 4, 1), "4月1日(水)", "4月（がつ）1日（ついたち） 水曜日（すいようび）", "Wed, Apr 1"),
        (
            OPENS,
            "11月24日(火) 8:30",
            "11月（がつ）24日（にじゅうよっか） 火曜日（かようび） 午前（ごぜん）8時（じ）30分（ぷん）",
            "Tue, Nov 24 8:30 AM",
        ),
        (Dated(date(2026, 4, 1)), "2026年4月1日", "2026年（ねん）4月（がつ）1日（ついたち）", "April 1, 2026"),
        (Month(2026, 12), "2026年12月", "2026年（ねん）12月（がつ）", "December 2026"),
        (MonthDay(12, 29), "12月29日", "12月（がつ）29日（にち）", "Dec 29"),
        (Language("vi"), "ベトナム語", "ベトナム語（ご）", "Vietnamese"),
        (Language("zh-Hans"), "簡体中国語", "中国語（ちゅうごくご）", "Simplified Chinese"),
        (Language("ja-easy"), "やさしい にほんご", "やさしい 日本語（にほんご）", "やさしい にほんご"),
        ("そのまま", "そのまま", "そのまま", "そのまま"),
    ],
)
def test_each_language_writes_values_its_own_way(value: Value, ja: str, easy: str, en: str) -> None:
    """Numbers, money, ages, distances, days and times are worded by the language's own habits (12 hours in plain)."""
    assert [words().value(value, language) for language in ("ja", "ja-easy", "en")] == [ja, easy, en]


@pytest.mark.parametrize(
    ("moment", "ja", "en"),
    [
        (datetime(2026, 11, 22, 9, 30, tzinfo=TOKYO), "今日 9:30", "today at 9:30 AM"),
        (datetime(2026, 11, 23, 9, 30, tzinfo=TOKYO), "明日（11月23日(月)）9:30", "tomorrow (Mon, Nov 23) 9:30 AM"),
        (OPENS, "11月24日(火) 8:30", "Tue, Nov 24 8:30 AM"),
    ],
)
def test_a_moment_is_told_as_people_tell_it(moment: datetime, ja: str, en: str) -> None:
    """Today and tomorrow are called so, in Tokyo's days; anything later has its date."""
    value = Clocktime(moment, NOW.date())
    assert words().value(value, "ja") == ja
    assert words().value(value, "en").lower().replace("at ", "") == en.lower().replace("at ", "")
    utc = Clocktime(moment.astimezone(tz=None), NOW.date())
    assert words().value(utc, "ja") == ja


def test_phrases_stand_inside_phrases() -> None:
    """A sentence inside a sentence is worded in the same language."""
    inner = _(
        "{line}（祝日は休み）", line=_("{days} {opens}〜{closes}", days=Weekdays((0,)), opens=time(9), closes=time(17))
    )
    assert words().word(inner, "ja") == "月 9:00〜17:00（祝日は休み）"
    assert "Mon" in words().word(inner, "en")
    assert "午後（ごご）5時（じ）" in words().word(inner, "ja-easy")


def test_an_unknown_language_is_an_authors_mistake() -> None:
    """A language id that means nothing is refused by name."""
    with pytest.raises(ContentError, match="xx-nowhere"):
        i18n.locale_of("xx-nowhere")


@pytest.mark.parametrize("language", ["zh-Hans", "pt-BR", "ne", "fil", "vi"])
def test_languages_to_come_are_known(language: str) -> None:
    """Values can be written in every language of the vocabulary, before its sentences are there."""
    assert words().value(Yen(1500), language)
    assert words().value(OPENS, language)
    assert words().value(Weekdays((0, 1, 2)), language)
