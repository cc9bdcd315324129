"""Lists of 放課後等デイサービス with hours for school days, Saturdays and school holidays (焼津市).

The rule: which weekday is a school holiday is not in the data, so these hours stay words.
"""

from __future__ import annotations

from bot.directory.hours import NOT_UNDERSTOOD
from bot.directory.importing.entries import Entry, File
from bot.directory.importing.tables import Row, Table

NAME = "day_services"
KINDS = ("平日", "土曜日", "学校休日")


def fits(table: Table) -> int:
    """Return 5 when there are hours for school holidays."""
    return 5 if {"開始時刻学校休日", "終了時刻学校休日"} <= set(table.headers) else 0


def adapt(entry: Entry, row: Row, file: File) -> str:
    """Keep the hours in words, and what is special in the description."""
    entry.category = entry.category or "child_development"
    for kind in KINDS:
        opens, closes = row.get(f"開始時刻{kind}"), row.get(f"終了時刻{kind}")
        if opens and closes:
            entry.hours_words.append(f"{kind} {opens}～{closes}")
    if entry.hours_words:
        entry.hours = NOT_UNDERSTOOD
    if special := row.get("特徴"):
        entry.description.append(special)
        if special.startswith("送迎サービス有"):
            entry.attributes.append("pick_up")
    return ""
