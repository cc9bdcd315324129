"""Lists of municipalities and prefectures with their codes (全国地方公共団体コード).

The rule: a municipality is no place that a family visits; every row is refused.
"""

from __future__ import annotations

from bot.directory.importing.entries import Entry, File
from bot.directory.importing.tables import Row, Table

NAME = "code_list"


def fits(table: Table) -> int:
    """Return 5 for a table of codes by municipality or prefecture, without addresses."""
    headers = set(table.headers)
    return 5 if {"pid", "pref"} <= headers and headers & {"lgcode", "pref3code"} else 0


def adapt(entry: Entry, row: Row, file: File) -> str:
    """Refuse the row."""
    return f"自治体コードの行で、場所ではない（{row.get('city', 'pref') or '名前なし'}）"
