"""Lists of events: the national layout with full dates, and lists whose dates bear no year (高松市).

The rule: an event whose year cannot be told is refused, because a parent would come on the wrong day.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time

from bot.directory.hours import NOT_UNDERSTOOD, ReadHours
from bot.directory.importing import cells
from bot.directory.importing.entries import Entry, File
from bot.directory.importing.tables import Row, Table
from bot.opening import Opening, Schedule

NAME = "events"
ONGOING = re.compile(r"随時|公開中|通年|日程調整|毎週|毎月")


def fits(table: Table) -> int:
    """Return 4 when events have a day."""
    headers = set(table.headers)
    named = headers & {"行事名", "イベント名", "イベント種類"}
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
    entry.hours = _hours(days, opens, closes, ranging="～" in words or "~" in words)
    if (until := cells.text(row.get("申込期間"))) and not cells.is_blank(until) and cells.flag(until) is not False:
        entry.description.append(f"申込: {until}")
    return ""


def _days(row: Row, today: date | None) -> list[date]:
    full = [d for d in (cells.day(row.get("開始日")), cells.day(row.get("終了日"))) if d]
    if full or today is None:
        return full
    return cells.days_without_year(row.get("開催日", "開始日"), today)


def _hours(days: list[date], opens: str, closes: str, *, ranging: bool) -> ReadHours:
    begin, end = _time(opens), _time(closes)
    if not days or begin is None or end is None or end <= begin or (ranging and days[0] != days[-1]):
        return NOT_UNDERSTOOD
    return ReadHours(Opening(tuple(Schedule((d.weekday(),), begin, end, d, d) for d in days)), True, True)


def _time(words: str) -> time | None:
    try:
        return datetime.strptime(words.replace("：", ":"), "%H:%M").time()  # noqa: DTZ007 - a time of day
    except ValueError:
        return None
