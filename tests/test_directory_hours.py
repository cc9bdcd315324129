"""Hours as cities write them: read wholly and rightly, or not at all."""

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.directory.hours import read_hours, read_hours_by_day
from bot.opening import TOKYO, Opening

# Week of 2026-11-16: Monday to Sunday; Monday 23 is 勤労感謝の日.
DAYS = {d: date(2026, 11, 16 + n) for n, d in enumerate("月火水木金土日")}
HOLIDAY_MONDAY, TUESDAY_AFTER = date(2026, 11, 23), date(2026, 11, 24)


def week(opening: Opening) -> dict[str, str]:
    """Return the opening times of an ordinary week, closed days left out."""
    spans = {name: opening.spans(day) for name, day in DAYS.items()}
    return {name: ",".join(f"{a:%-H:%M}-{b:%-H:%M}" for a, b in found) for name, found in spans.items() if found}


def same(days: str, hours: str) -> dict[str, str]:
    """Return `hours` for each of `days`."""
    return dict.fromkeys(days, hours)


WRITTEN: list[tuple[dict[str, str], dict[str, str]]] = [
    ({"days": "火水木金土", "opens": "10：00", "closes": "16：00"}, same("火水木金土", "10:00-16:00")),
    ({"days": "月;火;水", "opens": "07:30", "closes": "19:00"}, same("月火水", "7:30-19:00")),
    ({"days": "月～金", "opens": "9:00", "closes": "17:00"}, same("月火水木金", "9:00-17:00")),
    ({"days": "月～土曜日", "text": "9:00～17:00"}, same("月火水木金土", "9:00-17:00")),
    ({"days": "月火", "opens": "9:00", "closes": "25:00"}, same("月火", "9:00-1:00")),
    (
        {
            "days": "火水",
            "opens": "10:00",
            "closes": "16:00",
            "note": "利用可能時間は10:00～12:00、13:00～16:00（12:00～13:00は休み時間）",
        },
        same("火水", "10:00-12:00,13:00-16:00"),
    ),
    (
        {"days": "金土", "opens": "9:30", "closes": "16:00", "note": "土曜日のみ9：30～14：30"},
        {"金": "9:30-16:00", "土": "9:30-14:30"},
    ),
    (
        {
            "days": "月水木",
            "opens": "9:00",
            "closes": "14:30",
            "note": "預かり保育あり;水曜日は午後1時半まで利用可能",
        },
        {"月": "9:00-14:30", "水": "9:00-13:30", "木": "9:00-14:30"},
    ),
    ({"days": "月", "opens": "10:00", "closes": "15:00", "note": "月１回土曜日開設"}, same("月", "10:00-15:00")),
    (
        {
            "days": "金土",
            "opens": "8:30",
            "closes": "16:30",
            "note": "平日延長保育：平日午前7時から8時30分まで;土曜保育：午前8時から午後5時まで",
        },
        {"金": "8:30-16:30", "土": "8:00-17:00"},
    ),
    (
        {"note": "【開館時間】9:00～12:00、13:00～16:30【休館日】土日祝、年末年始"},
        same("月火水木金", "9:00-12:00,13:00-16:30"),
    ),
    (
        {"text": "平日9:00～17:00　土日祝10:00～19:00", "closed": "月曜日"},
        same("火水木金", "9:00-17:00") | same("土日", "10:00-19:00"),
    ),
    (
        {"text": "（日～火）10:00～19:00（金、土）10:00～20:00", "closed": "無し"},
        same("月火日", "10:00-19:00") | same("金土", "10:00-20:00"),
    ),
    (
        {"text": "9:00～19:00 9:00～17:00（土・日）", "closed": "水曜日"},
        same("月火木金", "9:00-19:00") | same("土日", "9:00-17:00"),
    ),
    ({"text": "午前9時から正午まで", "closed": "木曜日・日曜日・祝日"}, same("月火水金土", "9:00-12:00")),
    ({"text": "24時間", "closed": "年中無休"}, same("月火水木金土日", "0:00-0:00")),
    ({"text": "終日", "closed": "無休（正月除く）"}, same("月火水木金土日", "0:00-0:00")),
    ({"text": "11:00～19:00", "closed": "日曜日～火曜日"}, same("水木金土", "11:00-19:00")),
]


@pytest.mark.parametrize(("cells", "expected"), WRITTEN)
def test_written_hours_are_read(cells: dict[str, str], expected: dict[str, str]) -> None:
    """Each way of writing gives exactly these hours in an ordinary week."""
    found = read_hours(**cells)
    assert found.understood
    assert week(found.opening) == expected


@pytest.mark.parametrize(
    "cells",
    [
        {"days": "月～土曜日\n土曜日はクラブの指定する日", "opens": "9:00", "closes": "17:00"},
        {"text": "放課後～19:00\n土曜日 8:00～18:00"},
        {"days": "月火水", "opens": "9:00", "closes": "17:00", "note": "土曜日は前日からの継続利用のみ"},
        {"days": "月火水", "opens": "9:00", "closes": "17:00", "note": "第2土曜は不定期"},
        {"days": "月火水", "opens": "9:00", "closes": "17:00", "note": "水曜休園、預かり保育ありますが要相談"},
        {"days": "月火土", "opens": "9:00", "closes": "17:00", "note": "土曜日のみ利用可"},
        {"text": "9:00～22:00（曜日により異なる）", "closed": "月曜日"},
        {"text": "9:00～17:00", "closed": "土日祝日、年末年始、夏季休暇"},
        {"text": "9:00～17:00", "closed": "土曜午後、日曜日"},
        {"text": "9:00～17:00", "closed": "なし（ただし、法事及び行事の日は使用不可）"},
        {"text": "9:00～17:00"},
        {"opens": "9:00", "closes": "17:00"},
        {"days": "月火", "opens": "9:00"},
        {"days": "月火", "opens": "9:75", "closes": "17:00"},
        {"days": "要問合せ", "opens": "9:00", "closes": "17:00"},
        {"note": "【開館時間】9:00～19:00【休館日】月曜日 月末日"},
        {"note": "（（9:00"},
        {"closed": "月曜日"},
    ],
)
def test_half_understood_is_not_understood(cells: dict[str, str]) -> None:
    """When any part is not understood nothing is claimed: the hours stay unknown and the words are shown."""
    found = read_hours(**cells)
    assert (found.stated, found.understood) == (True, False)
    assert not found.opening.known


def test_nothing_written_is_nothing_stated() -> None:
    """Empty cells and dashes state nothing."""
    assert not read_hours(days="", opens="ー", closes="―", note=" ").stated
    assert not read_hours_by_day("ー", "－", "").stated


def test_closing_days() -> None:
    """Holidays, New Year, n-th weekdays and moved days of rest are closed on the right days."""
    words = "【開館時間】9:00～17:00【休館日】月曜日、第3日曜日、年末年始（月曜日が祝日の場合は翌日休）"
    museum = read_hours(note=words).opening
    assert museum.open_on(HOLIDAY_MONDAY)
    assert not museum.open_on(TUESDAY_AFTER)
    assert not museum.open_on(DAYS["月"])
    assert museum.open_on(DAYS["日"])  # the 22nd is the fourth Sunday
    assert not museum.open_on(date(2026, 11, 15))  # the third
    assert not museum.open_on(date(2026, 12, 31))
    words = "祝日、12/30～1/1は終日利用不可"
    office = read_hours(days="月火水木金土", opens="9:30", closes="18:00", note=words).opening
    assert not office.open_on(HOLIDAY_MONDAY)
    assert [office.open_on(date(2026, 12, d)) for d in (29, 30)] == [True, False]
    assert office.open_on(date(2027, 1, 2))
    words = "第３土は10:30～15:30。第３火曜日休。"
    nth = read_hours(days="月火水木金", opens="9:30", closes="15:30", note=words).opening
    assert nth.open_at(datetime(2026, 11, 21, 11, tzinfo=TOKYO))
    assert not nth.open_on(date(2026, 11, 14))
    assert [nth.open_on(date(2026, 11, d)) for d in (10, 17)] == [True, False]


def test_holidays_when_nothing_is_said() -> None:
    """Who rests on Sundays is taken to rest on holidays; who opens on Sundays is not."""
    assert not read_hours(days="月火水木金", opens="9:00", closes="17:00").opening.open_on(HOLIDAY_MONDAY)
    assert read_hours(days="月土日", opens="9:00", closes="17:00").opening.open_on(HOLIDAY_MONDAY)


def test_three_cells_of_hours() -> None:
    """Weekdays, Saturday, Sunday with holidays: brackets hold longer hours by arrangement and are not counted."""
    weekdays, sunday = "7：30～18：30（7：00～7：30,18：30～19：00）", "祝：8：30～17：30\n日：休"
    found = read_hours_by_day(weekdays, "8：00～13：00", sunday).opening
    assert week(found) == same("月火水木金", "7:30-18:30") | {"土": "8:00-13:00"}
    assert found.open_at(datetime(2026, 11, 23, 9, tzinfo=TOKYO))
    assert not found.open_at(datetime(2026, 11, 23, 8, tzinfo=TOKYO))
    night = read_hours_by_day("16：00～1：00（1：00～2：00）", "休", "休")
    assert night.opening.open_at(datetime(2026, 11, 20, 0, 30, tzinfo=TOKYO))
    silent = read_hours_by_day("9：00～17：00", "休", "ー").opening
    assert silent.open_on(date(2026, 11, 20))
    assert not silent.open_on(date(2026, 11, 22))  # nothing is said of Sundays: read towards closed
    assert not silent.open_on(HOLIDAY_MONDAY)


@pytest.mark.parametrize(
    ("cells", "day", "closes"),
    [
        ({"days": "月", "opens": "20:00", "closes": "翌6：00"}, "月", "20:00-6:00"),
        ({"days": "月", "opens": "17:00", "closes": "26:00:00"}, "月", "17:00-2:00"),
        ({"days": "月", "text": "7:00～19:00\n（延長保育含）"}, "月", "7:00-19:00"),
        ({"days": "月;火", "opens": "7:30", "closes": "18:30", "note": "祝日及び12/29～1/3は休園、延長保育19：00まで"},
         "月火", "7:30-18:30"),
        ({"days": "毎日", "text": "9:00～21:00", "closed": "なし（ただし、棚卸しのため臨時休業年２回あり）"},
         "月火水木金土日", "9:00-21:00"),
        ({"days": "毎日", "text": "9:00～17:00（最終入館16:30まで）"}, "月火水木金土日", "9:00-17:00"),
    ],
)  # fmt: skip
def test_remarks_that_do_not_change_when_it_is_open(cells: dict[str, str], day: str, closes: str) -> None:
    found = read_hours(**cells)
    assert found.understood
    assert week(found.opening) == same(day, closes)


@pytest.mark.parametrize("words", ["随時", "毎月１～２回", "要相談"])
def test_words_that_state_no_hours(words: str) -> None:
    assert not read_hours(text=words).stated


@given(st.text(alphabet="月火水木金土日祝休第1２3:：～~ 09時分午前後（）、。年末始のはまで翌曜無し", max_size=40))
def test_any_text_is_survived(text: str) -> None:
    """No text raises, and what is not understood claims no hours."""
    for found in (read_hours(text=text, closed=text), read_hours(days=text, opens=text, closes=text, note=text)):
        assert found.understood == found.opening.known
