"""Gives the rows of a city's file under comparable headers.

The rule: nothing is interpreted, and no row is dropped.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.directory.areas import DASHES
from bot.directory.importing.formats import Sheet, open_sheets
from bot.errors import DataFileError

LONGEST_CELL = 32_767  # characters: what a cell of Excel can hold; a longer one is a broken quotation mark
HEADER_WITHIN = 10  # rows: titles and dates may stand above the header
PREFIX_SHARE = 0.8  # of headers that share a data set's name as prefix (facts/domain.md 1.1, L3)


@dataclass(frozen=True, slots=True)
class Row:
    """Hold one row: its number (1 = the first under the header) and its cells by folded header."""

    number: int
    cells: Mapping[str, str]
    surplus: tuple[str, ...] = ()  # cells beyond the last header

    def get(self, *headers: str) -> str:
        """Return the first cell under any of `headers` that holds more than spaces, else an empty text."""
        for header in headers:
            if value := self.cells.get(header, "").strip():
                return value
        return ""


@dataclass(frozen=True, slots=True)
class Table:
    """Hold the rows of one sheet. `headers` are folded (`fold_header`); `title` is what stood above them or beside.

    `name` is the file's; `sheet` is empty when the file has no other.
    """

    name: str
    headers: tuple[str, ...]
    rows: tuple[Row, ...]
    encoding: str
    title: str = ""
    sheet: str = ""


def fold_header(header: str) -> str:
    """Fold a header: NFKC, no white space, every look-alike dash as ー, brackets half-width, no leading #."""
    folded = re.sub(r"\s+", "", unicodedata.normalize("NFKC", header)).lstrip("#\ufeff")
    return re.sub(rf"[{DASHES}]", "ー", folded).lower()


def read_tables(path: Path, known_headers: Collection[str] = ()) -> tuple[Table, ...]:
    """Read the sheets of `path`. The header is the first row with two `known_headers`, else the first with two cells.

    Raise DataFileError when it cannot be read, or holds no table.
    """
    tables = [t for sheet in open_sheets(path) if (t := _table(sheet, path.name, frozenset(known_headers))) is not None]
    if not tables:
        raise DataFileError(f"{path.name}: 表の見出しが見つかりません（列が2つ以上ある行がない）")
    return tuple(tables)


def _table(sheet: Sheet, name: str, known: frozenset[str]) -> Table | None:
    records = sheet.records
    head = 0 if sheet.headed else _header_at(records, known)
    if head is None:
        return None
    last = max((end for begin, end in sheet.heads if begin == head), default=head)  # headers over several rows
    body = [r for r in records[last + 1 :] if r]
    headers = _headers(_joined(records[head : last + 1]), body, known)
    rows = tuple(
        Row(
            number,
            dict(zip(headers, [*record, *[""] * (len(headers) - len(record))], strict=False)),
            tuple(c for c in record[len(headers) :] if c.strip()),
        )
        for number, record in enumerate(body, start=1)
    )
    above = " ".join(dict.fromkeys(c.strip() for r in records[:head] for c in r if c.strip()))
    title = " ".join(filter(None, (sheet.title, above)))
    return Table(name, tuple(h for h in headers if h), rows, sheet.encoding, title, sheet.name)


def _joined(records: Sequence[Sequence[str]]) -> list[str]:
    """Return one header for each column of a header in several rows: 開園時間 over 平日 is 開園時間(平日)."""
    if len(records) == 1:
        return list(records[0])
    columns = [
        list(dict.fromkeys(c.strip() for r in records if n < len(r) and (c := r[n]).strip()))
        for n in range(max(map(len, records)))
    ]
    return [words[0] + "".join(f"({w})" for w in words[1:]) if words else "" for words in columns]


def _header_at(records: Sequence[Sequence[str]], known: frozenset[str]) -> int | None:
    wide = [n for n, r in enumerate(records) if sum(bool(c.strip()) for c in r) > 1][: HEADER_WITHIN * 2]
    for n in wide[:HEADER_WITHIN]:
        if len({fold_header(c) for c in records[n]} & known) > 1:
            return n
    return wide[0] if wide else None


def _headers(record: Sequence[str], body: Sequence[Sequence[str]], known: frozenset[str]) -> list[str]:
    """Fold the headers; a repeated one gets #2, an empty one over cells with text gets 列N, a shared prefix goes.

    Of a header and its explanation in the next line (a document that names its keys twice) the known one stays.
    """
    folded = [fold_header(_telling(c, known)) for c in record]
    while folded and not folded[-1] and not any(len(r) >= len(folded) and r[len(folded) - 1].strip() for r in body):
        folded.pop()
    prefixes = Counter(h.split("_", 1)[0] for h in folded if "_" in h)
    if prefixes and prefixes.most_common(1)[0][1] >= PREFIX_SHARE * len(folded):
        shared = prefixes.most_common(1)[0][0] + "_"
        folded = [h.removeprefix(shared) for h in folded]
    seen: Counter[str] = Counter()
    headers = []
    for n, header in enumerate(folded, start=1):
        name = header or f"列{n}"
        seen[name] += 1
        headers.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return headers


def _telling(header: str, known: frozenset[str]) -> str:
    key, _line, label = header.partition("\n")
    if not label or not re.fullmatch(r"[a-z_0-9.]+", key):
        return header
    return key if fold_header(key) in known else label
