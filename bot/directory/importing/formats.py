"""Opens what a city publishes (CSV, TSV, XLSX, JSON, GeoJSON, a ZIP of these) and gives its sheets of cells.

The rule: bytes become cells here and nowhere else. What a file is, its bytes say, not its name; a file that unpacks to
more than its size allows is refused before it is unpacked.
"""

from __future__ import annotations

import csv
import io
import json
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from bot.errors import DataFileError

LONGEST_FILE = 200_000_000  # bytes, also unpacked
MOST_FILES = 200  # in a ZIP
MERGED_WITHIN = 30_000_000  # bytes of an unpacked workbook whose merged cells are looked at; a larger one is streamed
_READABLE = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".json", ".geojson")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]")
_EPOCH = date(1899, 12, 30)  # Excel's day 0
_FAULTS = frozenset(("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!"))


@dataclass(frozen=True, slots=True)
class Sheet:
    """Hold one table as it stands in a file, cells in words; rows may differ in length.

    `name` tells it from others of the same file (empty: it is the only one). `title` is what the file says about it
    elsewhere. `headed`: the first record is surely the header. `heads` (first row, last row): headers in merged cells.
    """

    records: Sequence[Sequence[str]]
    name: str = ""
    title: str = ""
    encoding: str = ""
    headed: bool = False
    heads: tuple[tuple[int, int], ...] = ()


def open_sheets(path: Path) -> list[Sheet]:
    """Return the sheets of a file, empty ones left out. Raise DataFileError, in words for the person who imports."""
    try:
        if path.stat().st_size > LONGEST_FILE:
            raise DataFileError(f"{path.name}: 大きすぎます（{LONGEST_FILE // 1_000_000}MBまで）")
        raw = path.read_bytes()
    except OSError as error:
        raise DataFileError(f"{path.name}: 開けません（{error.strerror}）") from error
    if not raw.strip():
        raise DataFileError(f"{path.name}: 中身がありません")
    return _sheets(raw, path.name)


def _sheets(raw: bytes, name: str, *, inside: bool = False) -> list[Sheet]:
    if raw.startswith(b"PK\x03\x04"):
        return _zipped(raw, name, inside)
    if raw.startswith(b"\xd0\xcf\x11\xe0"):
        raise DataFileError(
            f"{name}: 古いExcel（.xls）か、パスワードつきのファイルです。.xlsxかCSVで保存し直してください"
        )
    if raw.startswith((b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b", b"{\\rtf")):
        raise DataFileError(f"{name}: 表のファイルではありません（CSV、XLSX、JSON、GeoJSONを読めます）")
    text, encoding = _decoded(raw, name)
    if text.lstrip()[:1] in ("{", "["):
        return _from_json(text, encoding, name)
    if re.match(r"\s*<(?:!doctype|html|\?xml)", text, re.IGNORECASE):
        raise DataFileError(f"{name}: ウェブページかXMLです（CSV、XLSX、JSON、GeoJSONを読めます）")
    return [Sheet(_separated(text, name), encoding=encoding)]


def _clean(cell: str) -> str:
    """Return a cell without control characters and without marks that turn the direction of writing."""
    return _CONTROL.sub("", cell.replace("\r\n", "\n").replace("\r", "\n"))


# --- text -----------------------------------------------------------------------------------------------------------


def _decoded(raw: bytes, name: str) -> tuple[str, str]:
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
    raise DataFileError(f"{name}: 文字コードが分かりません（UTF-8かShift_JISで保存してください）")


def _separated(text: str, name: str) -> list[list[str]]:
    first = text.lstrip().split("\n", 1)[0]
    delimiter = max(",\t;", key=first.count) if any(d in first for d in ",\t;") else ","
    if "," in first and delimiter == ";":
        delimiter = ","
    csv.field_size_limit(LONGEST_FILE)
    try:
        return [[_clean(c) for c in r] for r in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)]
    except csv.Error as error:
        raise DataFileError(f"{name}: 表として読めません（{error}）") from error


# --- ZIP and XLSX ---------------------------------------------------------------------------------------------------


def _zipped(raw: bytes, name: str, inside: bool) -> list[Sheet]:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as file:
            members = [m for m in file.infolist() if not m.is_dir()]
            whole = sum(m.file_size for m in members)
            if whole > LONGEST_FILE or len(members) > 50 * MOST_FILES:
                raise DataFileError(f"{name}: 広げると大きすぎます（{LONGEST_FILE // 1_000_000}MBまで）")
            if any(m.filename == "xl/workbook.xml" for m in members):
                return _workbook(raw, name, streamed=whole > MERGED_WITHIN)
            if inside:
                raise DataFileError(f"{name}: ZIPの中のZIPは読めません")
            wanted = [(m, called) for m in members if _worth_reading(called := _member_name(m))]
            if not wanted:
                raise DataFileError(f"{name}: ZIPの中に読める表（CSV、XLSX、JSON）がありません")
            if len(wanted) > MOST_FILES:
                raise DataFileError(f"{name}: ZIPの中のファイルが多すぎます（{MOST_FILES}まで）")
            return list(_members(file, wanted))
    except (
        zipfile.BadZipFile,  # broken
        NotImplementedError,  # zipfile's answer to a way of packing that it does not know
        RuntimeError,  # locked by a password
        EOFError,  # cut short
    ) as error:
        raise DataFileError(f"{name}: ZIPとして開けません（こわれているか、パスワードつきです）") from error


def _members(file: zipfile.ZipFile, wanted: Sequence[tuple[zipfile.ZipInfo, str]]) -> Iterator[Sheet]:
    left = LONGEST_FILE
    for member, called in wanted:
        with file.open(member) as stream:
            raw = stream.read(left + 1)
        left -= len(raw)
        if left < 0:
            raise DataFileError(f"{called}: 広げると大きすぎます（{LONGEST_FILE // 1_000_000}MBまで）")
        if not raw.strip():
            continue
        for sheet in _sheets(raw, called, inside=True):
            whose = " ".join(filter(None, (called if len(wanted) > 1 else "", sheet.name)))
            title = " ".join(filter(None, (PurePosixPath(called).stem, sheet.title)))
            yield Sheet(sheet.records, whose, title, sheet.encoding, sheet.headed, sheet.heads)


def _member_name(member: zipfile.ZipInfo) -> str:
    """Return a name as it was meant: without the flag for UTF-8, Japanese Windows writes Shift_JIS."""
    if member.flag_bits & 0x800:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("cp932")
    except UnicodeError:
        return member.filename


def _worth_reading(called: str) -> bool:
    path = PurePosixPath(called)
    return path.suffix.lower() in _READABLE and not path.name.startswith(".") and "__MACOSX" not in path.parts


def _workbook(raw: bytes, name: str, *, streamed: bool) -> list[Sheet]:
    """Return the visible sheets of a workbook: values, never formulas; phonetic readings of kanji are left out."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers and footers that it does not know
            book = load_workbook(io.BytesIO(raw), data_only=True, read_only=streamed)
            seen = [s for s in book.worksheets if s.sheet_state == "visible"]
            found = [(s.title, *_cells(s, streamed)) for s in seen]
            book.close()
    except (InvalidFileException, KeyError, ValueError, TypeError, AttributeError, EOFError) as error:
        raise DataFileError(f"{name}: Excelのファイルとして開けません（{type(error).__name__}）") from error
    filled = [(title, records, heads) for title, records, heads in found if any(any(r) for r in records)]
    if not filled:
        raise DataFileError(f"{name}: 中身がありません")
    return [
        Sheet(records, title if len(filled) > 1 else "", title, "xlsx", heads=heads) for title, records, heads in filled
    ]


def _cells(sheet: Any, streamed: bool) -> tuple[list[list[str]], tuple[tuple[int, int], ...]]:
    """Return a sheet's cells in words, a merged cell's words in all of its places, and rows that merged cells join."""
    if streamed:
        sheet.reset_dimensions()
    records = [[_words(value) for value in row] for row in sheet.iter_rows(values_only=True)]
    joined: set[tuple[int, int]] = set()
    for area in () if streamed else sheet.merged_cells.ranges:
        words = records[area.min_row - 1][area.min_col - 1] if area.min_row <= len(records) else ""
        for row in range(area.min_row - 1, min(area.max_row, len(records))):
            for column in range(area.min_col - 1, min(area.max_col, len(records[row]))):
                records[row][column] = words
        if words and area.max_row > area.min_row:
            joined.add((area.min_row - 1, area.max_row - 1))
    return records, tuple(sorted(joined))


def _words(value: object) -> str:
    """Return a cell's value as a person would type it: 7:30, 2018-11-01, 85."""
    if value is None or (isinstance(value, str) and value in _FAULTS):
        return ""
    if isinstance(value, datetime):
        if value.date() <= date(1900, 1, 1) or value.date() == _EPOCH:  # a time of day in the format of a moment
            return f"{value.hour}:{value.minute:02}"
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "minutes")
    if isinstance(value, time):
        return f"{value.hour}:{value.minute:02}"
    if isinstance(value, timedelta):
        minutes = round(value.total_seconds() / 60)
        return f"{minutes // 60}:{minutes % 60:02}"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return _clean(str(value))


# --- JSON and GeoJSON -----------------------------------------------------------------------------------------------


def _from_json(text: str, encoding: str, name: str) -> list[Sheet]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataFileError(f"{name}: JSONとして読めません（{error}）") from error
    found = [(called, title, rows) for called, title, rows in _listed(document) if rows]
    if not found:
        raise DataFileError(f"{name}: JSONの中に、項目をもつ一覧がありません")
    return [
        Sheet(_records(rows), called if len(found) > 1 else "", title, encoding, headed=True)
        for called, title, rows in found
    ]


_Rows = list[Mapping[str, Any]]


def _listed(document: Any, called: str = "", title: str = "", depth: int = 0) -> Iterator[tuple[str, str, _Rows]]:
    """Yield each list of objects in a document: what it is called there, what is said about it, its objects.

    An object that holds no list of objects is itself the only one of a list.
    """
    if isinstance(document, list):
        rows = [_placed(row) for row in document if isinstance(row, dict)]
        yield called, title, rows
        return
    if not isinstance(document, dict) or depth > 4:
        return
    if document.get("type") == "Feature":
        yield called, title, [_placed(document)]
        return
    labels, index = (_object(document.get(name)) for name in ("header", "index"))
    told = " ".join(str(document[key]) for key in ("title", "name", "source") if isinstance(document.get(key), str))
    found = False
    for key, value in document.items():
        many = isinstance(value, list) and any(isinstance(one, dict) for one in value)
        deeper = isinstance(value, dict) and key not in ("header", "index", "crs", "geometry", "properties")
        if not (many or (deeper and _holds_list(value, depth))):
            continue
        whose = _object(labels.get(key)) or labels
        for part, more, rows in _listed(value, key, " ".join(filter(None, (title, told))), depth + 1):
            about = " ".join(filter(None, (str(index.get(key, "")), more)))
            yield part, about, [_labelled(row, whose) for row in rows]
            found = True
    if not found and depth == 0:
        yield called, title, [document]


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _holds_list(value: Mapping[str, Any], depth: int) -> bool:
    return depth < 4 and any(
        (isinstance(one, list) and any(isinstance(each, dict) for each in one))
        or (isinstance(one, dict) and _holds_list(one, depth + 1))
        for one in value.values()
    )


def _labelled(row: Mapping[str, Any], labels: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an object under the headers that people read, where the document says so beside its own keys."""
    return {f"{key}\n{label}" if (label := labels.get(key)) else key: value for key, value in row.items()}


def _placed(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an object of GeoJSON as its properties, with the middle of its shape."""
    if row.get("type") != "Feature" or not isinstance(row.get("properties"), dict):
        return row
    points = list(_points((row.get("geometry") or {}).get("coordinates")))
    middle = {}
    if points:
        longitudes, latitudes = zip(*points, strict=True)
        middle = {"latitude": _mean(latitudes), "longitude": _mean(longitudes)}
    return {**row["properties"], **{k: v for k, v in middle.items() if row["properties"].get(k) in (None, "")}}


def _points(coordinates: Any, depth: int = 0) -> Iterator[tuple[float, float]]:
    if isinstance(coordinates, list) and depth < 5:
        if len(coordinates) > 1 and all(isinstance(number, int | float) for number in coordinates[:2]):
            yield float(coordinates[0]), float(coordinates[1])
        else:
            for part in coordinates:
                yield from _points(part, depth + 1)


def _mean(numbers: Sequence[float]) -> float:
    return round(sum(numbers) / len(numbers), 7)


def _records(rows: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    flat = [dict(_leaves(row)) for row in rows]
    headers = list(dict.fromkeys(key for row in flat for key in row))
    return [[_clean(header) for header in headers], *([row.get(header, "") for header in headers] for row in flat)]


def _leaves(value: Mapping[str, Any], before: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield the values inside an object, each under the path to it; a list's values stand in lines of one cell."""
    for key, one in value.items():
        path = f"{before}.{key}" if before else str(key)
        if isinstance(one, dict) and depth < 6:
            yield from _leaves(one, path, depth + 1)
        elif isinstance(one, list):
            yield path, "\n".join(filter(None, map(_line, one)))
        else:
            yield path, _value(one)


def _line(one: Any) -> str:
    if isinstance(one, dict):
        return " ".join(filter(None, (text for _path, text in _leaves(one))))
    return " ".join(map(_value, one)) if isinstance(one, list) else _value(one)


def _value(one: Any) -> str:
    if isinstance(one, bool):
        return "true" if one else "false"
    if isinstance(one, float) and one != one:
        return ""
    return _words(one)
