"""A city's list of its offices (組織一覧): departments with codes, without addresses.

The rule: an office without an address is not a place a family can go to; every row is refused.
"""

from __future__ import annotations

from bot.directory.importing.entries import Entry, File
from bot.directory.importing.tables import Row, Table

NAME = "organisation_chart"


def fits(table: Table) -> int:
    """Return 5 for 高松市's organisation list."""
    return 5 if {"affiliationcode", "affiliationname"} <= set(table.headers) else 0


def adapt(entry: Entry, row: Row, file: File) -> str:
    """Refuse the row."""
    return f"組織図の行で、場所ではない（{row.get('affiliationname') or '名前なし'}）"
