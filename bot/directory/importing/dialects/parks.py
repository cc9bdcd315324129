"""Lists of parks with play equipment and toilets (焼津市).

The rule: what children look for in a park goes into its description.
"""

from __future__ import annotations

from bot.directory.importing import cells
from bot.directory.importing.entries import Entry, File
from bot.directory.importing.tables import Row, Table
from bot.directory.resources import CostOption

NAME = "parks"
TELLING = {"設置遊具": "遊具", "施設等": "施設", "トイレ詳細": "トイレ"}


def fits(table: Table) -> int:
    """Return 5 for a list of parks."""
    return 5 if "公園名" in table.headers else 0


def adapt(entry: Entry, row: Row, file: File) -> str:
    """Describe the equipment; a public park costs nothing (都市公園法: 自由利用)."""
    entry.category = entry.category or "park"
    entry.cost = (CostOption(0),)
    entry.description += [
        f"{label}: {cells.text(row.get(header))}" for header, label in TELLING.items() if row.get(header)
    ]
    return ""
