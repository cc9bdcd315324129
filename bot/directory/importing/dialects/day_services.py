"""Lists of 放課後等デイサービス with hours for school days, Saturdays and school holidays (焼津市).

The rule: which weekday is a school holiday is not in the data, so those hours stay in words beside the others.
"""

from __future__ import annotations

from bot.directory.importing.entries import Entry, File
from bot.directory.importing.tables import Row, Table

NAME = "day_services"


def fits(table: Table) -> int:
    """Return 5 when there are hours for school holidays."""
    return 5 if {"開始時刻学校休日", "終了時刻学校休日"} <= set(table.headers) else 0


def adapt(entry: Entry, row: Row, file: File) -> str:
    """Keep the hours of school holidays in words, and what is special in the description."""
    entry.category = entry.category or "child_development"
    opens, closes = row.get("開始時刻学校休日"), row.get("終了時刻学校休日")
    if opens and closes:
        entry.hours_words.append(f"学校休日 {opens}～{closes}")
    if special := row.get("特徴"):
        entry.description.append(special)
        if special.startswith("送迎サービス有"):
            entry.attributes.append("pick_up")
    return ""
