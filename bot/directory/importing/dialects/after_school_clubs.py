"""Lists of 放課後児童クラブ with fees in words, or with school district and phone only (高松市).

The rule: 放課後 is read as 15:00, by when the youngest have ended, so that nobody is sent to a club that is still
closed; the words stand beside it. Which days are school holidays is not in the data.
"""

from __future__ import annotations

from bot.directory.hours import NOT_UNDERSTOOD, read_hours
from bot.directory.importing import cells
from bot.directory.importing.entries import Entry, File
from bot.directory.importing.tables import Row, Table

NAME = "after_school_clubs"
AFTER_SCHOOL = "15:00"
TIMES = {"availabledate": "", "normaltime": "", "extendedchildcare": "延長: ", "longvacation": "長い休み: "}
PRICES = {
    "detailprice": "延長: ",
    "longvacationprice": "長い休み: ",
    "registrationfee": "登録: ",
    "insurancefee": "保険: ",
    "snack": "おやつ: ",
    "lunch": "昼食: ",
}


def fits(table: Table) -> int:
    """Return 5 for a list with hours after school, or with clubs by school district."""
    headers = set(table.headers)
    return 5 if "normaltime" in headers or {"clubname", "schooldistrict"} <= headers else 0


def adapt(entry: Entry, row: Row, file: File) -> str:
    """Keep hours and fees in words; the fee of ordinary days comes first."""
    entry.category = entry.category or "after_school"
    words = _labelled(row, TIMES)
    if words:
        said = cells.text(row.get("normaltime")).replace("放課後", AFTER_SCHOOL)
        days = cells.text(row.get("availabledate"))
        entry.hours = read_hours(days=days.split("\n")[0], text=said) if said else NOT_UNDERSTOOD
        entry.hours_words = words
    price = cells.cost(row.get("normalprice"))
    entry.cost = price + tuple(option for text in _labelled(row, PRICES) for option in cells.cost(text))
    if district := row.get("schooldistrict"):
        entry.eligibility.append(f"校区: {district}")
    return ""


def _labelled(row: Row, labels: dict[str, str]) -> list[str]:
    return [f"{label}{cells.text(row.get(h))}" for h, label in labels.items() if not cells.is_blank(row.get(h))]
