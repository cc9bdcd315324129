"""Lists of events: the national layout with full dates, and lists whose dates bear no year (高松市).

The rule: an event whose year cannot be told is refused, because a parent would come on the wrong day. One from day to
day is on every day between, unless its words say otherwise in a way that is not understood: then they stay words.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

from bot.directory.hours import NOT_UNDERSTOOD, ReadHours, read_hours
from bot.directory.importing import cells
from bot.directory.importing.categories import category_named
from bot.directory.importing.entries import Entry, File
from bot.directory.importing.tables import Row, Table
from bot.opening import Opening

NAME = "events"
ONGOING = re.compile(r"随時|公開中|通年|日程調整|毎週|毎月")


def fits(table: Table) -> int:
    """Return 4 when events have a day."""
    headers = set(table.headers)
    named = (
        headers & {"行事名", "イベント名", "イベント種類"} or category_named(f"{table.name} {table.title}") == "event"
    )
    return 4 if named and headers & {"開催日", "開始日"} else 0


def adapt(entry: Entry, row: Row, file: File) -> str:
    """Find the days, and hours for events of single days; adults' events are found by name only."""
    if not any(value.strip() for value in row.cells.values()):
        return ""  # refused as an empty row
    words = cells.text(row.get("開催日", "開始日")).replace("\n", " ")
    days = _days(row, file.today)
    if not days and not ONGOING.search(words):
        return f"開催日の年が分からない（{words or '開催日なし'}）" if entry.get("name") else ""
    entry.category = entry.category or ("other" if "高校生・一般" in entry.get("ages") else "event")
    if not re.search(r"\d|[歳児園学]", entry.get("ages")):  # 両方, 一般: who it is for, not an age
        entry.eligibility.append(entry.cells.pop("ages", "").strip())
    entry.ends_on = max(days, default=None)
    if last := cells.text(row.get("終了日")):
        words = f"{words}～{last}"
    opens, closes = entry.get("opens"), entry.get("closes")
    entry.hours_words = [" ".join(filter(None, (words, "～".join(filter(None, (opens, closes))))))]
    entry.hours = _hours(days, opens, closes, words)
    if (until := cells.text(row.get("申込期間"))) and not cells.is_blank(until) and cells.flag(until) is not False:
        entry.description.append(f"申込: {until}")
    return ""


def _days(row: Row, today: date | None) -> list[date]:
    full = list(dict.fromkeys(d for d in (cells.day(row.get(name)) for name in ("開始日", "終了日", "開催日")) if d))
    if full or today is None:
        return full
    return cells.days_without_year(row.get("開催日", "開始日"), today)


def _hours(days: list[date], opens: str, closes: str, words: str) -> ReadHours:
    """Return hours on the days of an event: several sessions stand in lines of both cells (①10:00 ②14:00)."""
    ranging = bool(re.search("[～~〜]", words)) and len(days) > 1 and days[0] != days[-1]
    if not days or (ranging and re.search("以外|除く|休館|※", words)):
        return NOT_UNDERSTOOD
    begins, ends = (re.findall(r"\d{1,2}\s*[:：]\s*\d{2}", cell) for cell in (opens, closes))
    if begins and len(begins) == len(ends) and not re.search("[月火水木金土日祝除]", opens + closes):
        text = "、".join(f"{begin}～{end}" for begin, end in zip(begins, ends, strict=True))
    else:
        text = f"{opens}～{closes}"
    read = read_hours(days="毎日", text=text.replace("：", ":"))
    if not read.understood:
        return NOT_UNDERSTOOD
    every = [(days[0], days[-1])] if ranging else [(d, d) for d in days]
    return ReadHours(
        Opening(
            tuple(
                replace(schedule, valid_from=first, valid_to=last)
                for first, last in every
                for schedule in read.opening.schedules
                if ranging or first.weekday() in schedule.byday
            ),
            read.opening.closures,
            read.opening.rests,
        ),
        True,
        True,
    )
