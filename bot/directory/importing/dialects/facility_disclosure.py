"""The national disclosure of nurseries and kindergartens (子ども・子育て支援情報公表システム), some 700 columns wide.

The rule: of inspections, insurances and staff nothing is taken over; the ages are those for which there are places.
"""

from __future__ import annotations

import re

from bot.directory.importing import cells
from bot.directory.importing.cells import Ages
from bot.directory.importing.entries import CLOSED_FOR_NOW, Entry, File
from bot.directory.importing.tables import Row, Table

NAME = "facility_disclosure"
_CARE = ("夜間保育", "24時間保育")
_PLACES = re.compile(r"(\d)歳ー(?:利用)?定員")


def fits(table: Table) -> int:
    """Return 6 for the disclosure's columns."""
    return 6 if {"施設・事業所名", "事業所番号"} <= set(table.headers) else 0


def adapt(entry: Entry, row: Row, file: File) -> str:
    """Take the ages from the numbers of places, the kinds of care, and whether it runs at all."""
    offered = [
        int(found[1])
        for header, cell in row.cells.items()
        if (found := _PLACES.fullmatch(header)) and (cells.number(cell) or 0) > 0
    ]
    if offered:
        entry.ages = Ages(min(offered) * 12, max(offered) * 12 + 23)  # classes: their children turn one year older
    entry.description += [name for name in _CARE if cells.flag(row.get(name))]
    if (longer := row.get("延長保育_時間")) and cells.flag(row.get("延長保育_有無")) is not False:
        entry.description.append(f"延長保育: {cells.text(longer)}")
    state = row.get("営業状況")
    if re.search("休止|休業|休園", state):
        entry.cells["status"] = CLOSED_FOR_NOW
    elif re.search("廃止|閉園|閉所", state):
        return f"もう開いていない（{state}）"
    entry.cells.pop("note", None)  # inspections
    stop = " ".join(filter(None, (row.get("交通手段_最寄り駅_線"), row.get("交通手段_最寄り駅_駅"))))
    if stop:
        entry.cells["transportation"] = stop
    return ""
