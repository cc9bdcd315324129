"""A file that describes the columns of another file (attributes.csv beside the data).

The rule: it holds no places; every row is refused.
"""

from __future__ import annotations

from bot.directory.importing.entries import Entry, File
from bot.directory.importing.tables import Row, Table

NAME = "column_list"


def fits(table: Table) -> int:
    """Return 5 for a list of column names."""
    return 5 if {"original_name", "display_name"} <= set(table.headers) else 0


def adapt(entry: Entry, row: Row, file: File) -> str:
    """Refuse the row."""
    return f"データ項目「{row.get('original_name')}」の説明で、場所ではない"
