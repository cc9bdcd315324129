"""Any table with a column for the name: the national layouts L1 and L2, and everything close to them.

The rule: it knows nothing beyond the shared headers.
"""

from __future__ import annotations

from bot.directory.importing.entries import Entry, File
from bot.directory.importing.headers import canonical
from bot.directory.importing.tables import Row, Table

NAME = "standard"


def fits(table: Table) -> int:
    """Return 1: it fits what no other dialect fits better."""
    return 1


def adapt(entry: Entry, row: Row, file: File) -> str:
    """Refuse rows of a table that names nothing."""
    if "name" in entry.cells:
        if services := row.get("servicecontents"):
            entry.cells["temporary_care"] = "有" if "一時預かり" in services else "無"
        return ""
    unknown = [h for h in row.cells if not canonical(h)][:5]
    return f"名称の列がない（見出し: {'、'.join(unknown)}）"
