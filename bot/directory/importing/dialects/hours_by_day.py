"""Childcare lists with one cell of hours for weekdays, one for Saturdays, one for Sundays and holidays (高松市).

The rule: hours in brackets are longer hours by arrangement; open means the ordinary hours before them.
"""

from __future__ import annotations

from bot.directory.hours import read_hours_by_day
from bot.directory.importing import cells
from bot.directory.importing.entries import Entry, File
from bot.directory.importing.tables import Row, Table

NAME = "hours_by_day"
COLUMNS = ("starttimeweekdays", "starttimesaturday", "starttimesundays")
LABELS = ("月～金", "土", "日・祝")


def fits(table: Table) -> int:
    """Return 5 when the three columns of hours are there."""
    return 5 if set(COLUMNS) <= set(table.headers) else 0


def adapt(entry: Entry, row: Row, file: File) -> str:
    """Read the three cells; 一時預かり among the services sets the flag."""
    texts = [row.get(c) for c in COLUMNS]
    entry.hours = read_hours_by_day(*texts)
    entry.hours_words = [
        f"{label} {cells.text(text)}" for label, text in zip(LABELS, texts, strict=True) if not cells.is_blank(text)
    ]
    if services := entry.get("description"):
        entry.cells["temporary_care"] = "有" if "一時預かり" in services else "無"
    return ""
