"""Reads hours that stand in columns of their own for weekdays, Saturdays, Sundays and holidays.

The rule: a column is known by the days in its header (開園時間(平日), starttimesaturday, opensat); what it says of
school holidays or of longer care by arrangement is no weekday and stays in words.
"""

from __future__ import annotations

import re

from bot.directory.hours import ReadHours, read_hours_by_day
from bot.directory.importing import cells
from bot.directory.importing.tables import Row

_DAYS = (
    ("月～金", re.compile(r"平日|月[~ー]金|weekday")),
    ("土", re.compile(r"土曜|\(土|土$|土\)|saturday|(?:opens|closes|open|close)sat$")),
    ("日・祝", re.compile(r"日曜|日祝|日・祝|\(日|祝日|(?<!学校)休日|sunday|(?:open|close)sun$|holidays?$")),
)
_TIMES = re.compile(r"時間|時刻|time|open|close")
_OTHER = re.compile(r"学校休日|標準|短時間|延長|預かり|備考|extended|std|shrt|定員|料金")
_LAST = re.compile(r"終|閉|close|end")


def by_day(row: Row, usual: tuple[str, str] = ("", "")) -> tuple[ReadHours, list[str]] | None:
    """Return hours and their words if the row has a column for some kind of day, else None.

    `usual` (from, to) holds for Monday to Friday when only other days have columns.
    """
    found: dict[str, tuple[str, str]] = {}
    for header, cell in row.cells.items():
        if not _TIMES.search(header) or _OTHER.search(header) or cells.is_blank(cell):
            continue
        telling = header.replace("開所閉所時間", "時間")
        for label, days in _DAYS:
            if days.search(telling):
                begin, end = found.get(label, ("", ""))
                found[label] = (begin, cell.strip()) if _LAST.search(telling) else (begin or cell.strip(), end)
                break
    if not found:
        return None
    if all(usual) and "月～金" not in found:
        found["月～金"] = usual
    texts = ["～".join(filter(None, found.get(label, ("", "")))) for label, _days in _DAYS]
    words = [f"{label} {cells.text(text)}" for (label, _days), text in zip(_DAYS, texts, strict=True) if text]
    return read_hours_by_day(*texts), words
