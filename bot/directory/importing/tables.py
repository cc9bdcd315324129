"""Opens a CSV or TSV file as a city published it and gives its rows under comparable headers.

The rule: bytes become cells here and nowhere else; nothing is interpreted, and no row is dropped.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.directory.areas import DASHES
from bot.errors import DataFileError

LONGEST_CELL = 1_000_000  # characters; a longer cell is a broken quotation mark
LONGEST_FILE = 200_000_000  # bytes
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
    """Hold a file's rows. `headers` are folded (`fold_header`); `title` is what stood above them."""

    name: str
    headers: tuple[str, ...]
    rows: tuple[Row, ...]
    encoding: str
    title: str = ""


def fold_header(header: str) -> str:
    """Fold a header: NFKC, no white space, every look-alike dash as ー, brackets half-width, no leading #."""
    folded = re.sub(r"\s+", "", unicodedata.normalize("NFKC", header)).lstrip("#\ufeff")
    return re.sub(rf"[{DASHES}]", "ー", folded).lower()


def read_table(path: Path, known_headers: Sequence[str] = ()) -> Table:
    """Read `path`. The header is the first row with two `known_headers`, else the first row with two cells.

    Raise DataFileError when it is missing, empty, too large, not text, or not a table.
    """
    text, encoding = _decode(path)
    records = _records(text, path)
    head = _header_at(records, frozenset(known_headers))
    if head is None:
        raise DataFileError(f"{path.name}: 表の見出しが見つかりません（列が2つ以上ある行がない）")
    body = [r for r in records[head + 1 :] if r]
    headers = _headers(records[head], body)
    rows = tuple(
        Row(
            number,
            dict(zip(headers, [*record, *[""] * (len(headers) - len(record))], strict=False)),
            tuple(c for c in record[len(headers) :] if c.strip()),
        )
        for number, record in enumerate(body, start=1)
    )
    title = " ".join(c.strip() for r in records[:head] for c in r if c.strip())
    return Table(path.name, tuple(h for h in headers if h), rows, encoding, title)


def _decode(path: Path) -> tuple[str, str]:
    try:
        if path.stat().st_size > LONGEST_FILE:
            raise DataFileError(f"{path.name}: 大きすぎます")
        raw = path.read_bytes()
    except OSError as error:
        raise DataFileError(f"{path.name}: 開けません（{error.strerror}）") from error
    if not raw.strip():
        raise DataFileError(f"{path.name}: 中身がありません")
    if raw.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise DataFileError(f"{path.name}: ExcelかZIPのファイルです。CSVで保存し直してください")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif raw.startswith(b"\xef\xbb\xbf"):
        encodings = ["utf-8-sig"]
    else:
        encodings = ["utf-8", "cp932"]
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text, encoding
    raise DataFileError(f"{path.name}: 文字コードが分かりません（UTF-8かShift_JISで保存してください）")


def _records(text: str, path: Path) -> list[list[str]]:
    first = text.lstrip().split("\n", 1)[0]
    delimiter = max(",\t;", key=first.count) if any(d in first for d in ",\t;") else ","
    if "," in first and delimiter == ";":
        delimiter = ","
    csv.field_size_limit(LONGEST_CELL)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise DataFileError(f"{path.name}: 表として読めません（{error}）") from error


def _header_at(records: Sequence[Sequence[str]], known: frozenset[str]) -> int | None:
    wide = [n for n, r in enumerate(records) if sum(bool(c.strip()) for c in r) > 1][: HEADER_WITHIN * 2]
    for n in wide[:HEADER_WITHIN]:
        if len({fold_header(c) for c in records[n]} & known) > 1:
            return n
    return wide[0] if wide else None


def _headers(record: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    """Fold the headers; a repeated one gets #2, an empty one over cells with text gets 列N, a shared prefix goes."""
    folded = [fold_header(c) for c in record]
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
