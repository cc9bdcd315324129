"""The list behind the maps of the papamama family (千葉, 郡山, 札幌, 富山, 奈良, 八王子 …), as CSV or GeoJSON.

The rule: Open and Close hold for ordinary weekdays; AgeE names the last class, whose children may turn one year older
(2歳児クラス ends at 47 months); Y and 1 say that there is such care.
"""

from __future__ import annotations

import re

from bot.directory.importing import cells
from bot.directory.importing.entries import Entry, File
from bot.directory.importing.tables import Row, Table

NAME = "papamama"
_CARE = {
    "extra": "延長保育",
    "holiday": "休日保育",
    "night": "夜間保育",
    "h24": "24時間保育",
    "aftersick": "病後児保育",
}
_YES = re.compile(r"(?i)y|[1-9]|有|○")


def fits(table: Table) -> int:
    """Return 5 for a list with the first age and times of opening and closing, and the last age or their address."""
    return 5 if {"ages", "open", "close", "add1"} <= set(table.headers) or _long(table) else 0


def _long(table: Table) -> bool:
    return {"ages", "agee", "open", "close"} <= set(table.headers)


def adapt(entry: Entry, row: Row, file: File) -> str:
    """Join the ages, name the kinds of care, and keep the remark on hours in words."""
    if ages := _ages(row.get("ages"), row.get("agee")):
        entry.cells["ages"] = ages
    entry.cells.pop("hours_note", None)
    if cells.flag(row.get("kodomo")) and not entry.category:
        entry.category = "kodomoen"
    entry.description += [name for header, name in _CARE.items() if _YES.fullmatch(row.get(header))]
    if memo := cells.text(row.get("memo")):
        entry.description.append(memo)
    entry.cells["note"] = row.get("remarks")
    return ""


def _ages(first: str, last: str) -> str:
    """Return both ages as one range in the words that `cells.ages` reads."""
    first, last = (re.sub(r"\s+", "", cells.text(age)) for age in (first, last))
    first = re.sub(r"^0歳\((\d{1,2}[か-ヶ]月)\)$", r"\1", first.replace("（", "(").replace("）", ")"))
    first = f"{first}歳" if first.isdigit() else first.replace("あけ", "明け")
    last = f"{last}歳" if last.isdigit() else last.replace("学童", "小学生")
    last = re.sub(r"^([\d０-９]+)歳$", r"\1歳児", last)
    if first and last:
        return f"{first.removesuffix('から')}～{last}"
    return (first if re.search("から|～", first) else f"{first}～") if first else f"{last}まで" if last else ""
