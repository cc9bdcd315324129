"""Lists of 赤ちゃんの駅: shops and halls where a baby can be fed or changed (焼津市).

The rule: whatever the shop sells, the place is a baby station.
"""

from __future__ import annotations

from bot.directory.importing.entries import Entry, File
from bot.directory.importing.tables import Row, Table

NAME = "baby_stations"


def fits(table: Table) -> int:
    """Return 5 when registered places say what they offer."""
    return 5 if {"登録施設名", "提供内容"} <= set(table.headers) else 0


def adapt(entry: Entry, row: Row, file: File) -> str:
    """Take what is offered as equipment, and the trade as description."""
    entry.category = entry.category or "baby_station"
    offered = entry.get("description")
    if "おむつ" in offered:
        entry.attributes.append("diaper_changing")
    if "授乳" in offered:
        entry.attributes.append("nursing_room")
    entry.description += [words for words in (entry.get("kind"), row.get("提供内容備考")) if words]
    return ""
