"""Says what of the directory may leave it, and writes tables that no spreadsheet runs.

The rule: a place whose address protects lives, and one that is no longer offered, never leave; nor does what only staff
may know, since it is not part of a Resource, or is named in `STAFF_ONLY`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from bot.directory.importing.cells import is_formula
from bot.directory.resources import Resource, is_hidden_place

STAFF_ONLY = ("verified_by",)  # fields of a Resource that no export holds: who made sure is a person


def publishable(resources: Iterable[Resource]) -> list[Resource]:
    """Return the places that may be published, in their order."""
    return [r for r in resources if r.status != "inactive" and not is_hidden_place(*_texts(r))]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from _texts(one)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _texts(getattr(value, field.name))


def harmless(cell: str) -> str:
    """Return a cell with an apostrophe before it if a spreadsheet would run it; `bare` takes it away again."""
    return f"'{cell}" if _runs(cell.lstrip("'")) else cell


def bare(cell: str) -> str:
    """Return the words of a cell that `harmless` wrote."""
    return cell[1:] if cell.startswith("'") and _runs(cell.lstrip("'")) else cell


def _runs(cell: str) -> bool:
    return is_formula(cell) or cell.startswith(("\t", "\r"))


def table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return a CSV table with a header and CRLF; a value that a row does not have is an empty cell."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([harmless(_words(row.get(column, ""))) for column in columns] for row in rows)
    return text.getvalue()


def _words(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
