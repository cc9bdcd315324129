"""Imports a city's file: every row is taken or refused with a reason, and every repair is counted.

The rule: nothing disappears silently. A dialect is one file in `dialects/`, found by being there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Protocol, cast

from bot.directory.importing import cells, dialects
from bot.directory.importing.categories import category_named
from bot.directory.importing.entries import Entry, File, Read, build, municipality_of
from bot.directory.importing.headers import FIELDS, KNOWN, canonical, guess, remarks
from bot.directory.importing.tables import LONGEST_CELL, Row, Table, fold_header, read_tables
from bot.directory.importing.weekly import by_day
from bot.directory.resources import Resource, is_hidden_place
from bot.errors import DataFileError
from bot.opening import TOKYO

LIKELY_ROWS = 3  # rows that must agree before a file speaks for a row that is silent


class Dialect(Protocol):
    """Say what a module in `dialects/` holds."""

    NAME: str

    def fits(self, table: Table) -> int:
        """Return how surely the table is of this dialect: 0 not at all, 1 like any other, more for a closer fit."""
        ...

    def adapt(self, entry: Entry, row: Row, file: File) -> str:
        """Complete `entry` from what only this dialect knows; return a reason to refuse the row, or an empty text."""
        ...


@dataclass(frozen=True, slots=True)
class Refusal:
    """Hold a row that was not taken, and why, in words for the person who imports; `sheet` if the file has several."""

    row: int
    reason: str
    sheet: str = ""


@dataclass(frozen=True, slots=True)
class Mending:
    """Hold a row that was taken after a repair, and which."""

    row: int
    what: tuple[str, ...]
    sheet: str = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """Hold what became of a file. `stated` and `understood` count taken rows by hours, ages, phones.

    `dataset` names the source across its editions (高松市/nursery_school): what it no longer lists is gone.
    `guessed`: headers that nobody had seen, with the field each was taken for; `unread`: those that no field took over.
    """

    path: str
    dialect: str
    dataset: str
    rows: int
    taken: tuple[Resource, ...]
    mended: tuple[Mending, ...]
    refused: tuple[Refusal, ...]
    stated: tuple[tuple[str, int], ...]
    understood: tuple[tuple[str, int], ...]
    unread: tuple[str, ...] = ()
    encoding: str = ""
    guessed: tuple[tuple[str, str], ...] = ()


@lru_cache(maxsize=1)
def known_dialects() -> dict[str, Dialect]:
    """Return the dialects found in `dialects/`, by name."""
    found = {}
    for info in iter_modules(dialects.__path__):
        module = cast(Dialect, import_module(f"{dialects.__name__}.{info.name}"))
        found[module.NAME] = module
    return dict(sorted(found.items()))


def read_file(
    path: str | Path,
    *,
    dialect: str = "auto",
    category: str | None = None,
    municipality: str = "",
    area_code: str = "",
    columns: Mapping[str, str] | None = None,
    licence: str = "",
    attribution: str = "",
    verified_on: date | None = None,
    today: date | None = None,
    progress: Callable[[int, int], None] = lambda done, whole: None,
) -> Imported:
    """Read one file of places.

    `category` holds for all rows; `municipality` for rows that name none; `area_code` (0183) for phone numbers without
    one, unless the file itself shows it; `columns` (header -> one of our fields, or "" for none) is what a person says
    of headers, before any table or guess. `today` (default: the machine's day in Tokyo) only dates events whose year
    is not written. `progress` is told how many rows are read, of how many. Raise DataFileError when the file cannot be
    read at all, or `dialect` or a field does not exist.
    """
    path = Path(path)
    said = {fold_header(header): field for header, field in (columns or {}).items()}
    if unknown := set(said.values()) - set(FIELDS) - {""}:
        raise DataFileError(f"項目 {'、'.join(sorted(unknown))} はありません。あるもの: {', '.join(FIELDS)}")
    tables = read_tables(path, (*KNOWN, *said))
    file = File(
        name=path.name,
        dataset=_dataset(path.stem),
        category=category or "",
        licence=licence,
        attribution=attribution,
        verified_on=verified_on,
        today=today or datetime.now(TOKYO).date(),
    )
    sheets = [_Sheet(table, _dialect(dialect, table), _guessed(table, said), said) for table in tables]
    read = [(sheet, entry, row) for sheet in sheets for entry, row in sheet.entries()]
    file = _with_common_knowledge(file, [entry for _sheet, entry, _row in read], municipality, area_code)
    reads = []
    for number, (sheet, entry, row) in enumerate(read):
        if number % 100 == 0:
            progress(number, len(read))
        reads.append(_read(entry, row, replace(file, title=sheet.table.title, sheet=sheet.table.sheet), sheet.dialect))
    reads = _without_twins(reads, [entry for _sheet, entry, _row in read])
    taken = [r for r in reads if r.resource is not None]
    told = list(zip(read, reads, strict=True))
    main = max(sheets, key=lambda sheet: len(sheet.table.rows))
    return Imported(
        path=str(path),
        dialect=main.dialect.NAME,
        dataset="/".join(filter(None, (file.municipality, file.dataset))),
        rows=len(reads),
        taken=tuple(cast(Resource, r.resource) for r in taken),
        mended=tuple(
            Mending(entry.row, r.mended, sheet.table.sheet)
            for (sheet, entry, _row), r in told
            if r.resource is not None and r.mended
        ),
        refused=tuple(
            Refusal(entry.row, r.reason, sheet.table.sheet) for (sheet, entry, _row), r in told if r.resource is None
        ),
        stated=_count(r.stated for r in taken),
        understood=_count(r.understood for r in taken),
        unread=tuple(dict.fromkeys(h for sheet in sheets for h in sheet.table.headers if not sheet.field(h))),
        encoding=main.table.encoding,
        guessed=tuple(dict(pair for sheet in sheets for pair in sheet.guessed.items()).items()),
    )


def report(imported: Iterable[Imported]) -> dict[str, Any]:
    """Return the report of an import as DESIGN 7 lays it down, ready for JSON."""
    files = []
    for one in imported:
        stated, understood = dict(one.stated), dict(one.understood)
        entry: dict[str, Any] = {
            "path": one.path,
            "dialect": one.dialect,
            "rows": one.rows,
            "taken": len(one.taken),
            "mended": len(one.mended),
            "refused": [
                {"row": r.row, "reason": r.reason} | ({"sheet": r.sheet} if r.sheet else {}) for r in one.refused
            ],
        }
        for kind in ("hours", "ages", "phones"):
            entry[f"{kind}_stated"] = stated.get(kind, 0)
            entry[f"{kind}_understood"] = understood.get(kind, 0)
        files.append(entry)
    return {"files": files}


# --- steps ----------------------------------------------------------------------------------------------------------


def _dialect(name: str, table: Table) -> Dialect:
    every = known_dialects()
    if name != "auto":
        if name not in every:
            raise DataFileError(f"方言 {name!r} はありません。あるもの: {', '.join(every)}")
        return every[name]
    return max(every.values(), key=lambda d: d.fits(table))


def _dataset(stem: str) -> str:
    """Return a file's name without the date of its edition: nursery_school_20260801 -> nursery_school."""
    return re.sub(r"[_\-. ]?(?:19|20)\d{2}(?:[_\-]?\d{2}){0,2}$", "", stem) or stem


def _guessed(table: Table, said: Mapping[str, str]) -> dict[str, str]:
    """Return header -> field for headers that neither our table nor a person knows."""
    known = {said.get(h, canonical(h)) for h in table.headers}
    cells = {header: [row.cells.get(header, "") for row in table.rows] for header in table.headers}
    return guess([h for h in table.headers if h not in said], cells, known)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """Hold a sheet while its rows are read: in which dialect, and what its headers were taken for."""

    table: Table
    dialect: Dialect
    guessed: Mapping[str, str]
    said: Mapping[str, str]

    def field(self, header: str) -> str:
        """Return the field that a header means: as a person says, as it is known, as it was guessed."""
        return self.said[header] if header in self.said else canonical(header) or self.guessed.get(header, "")

    def entries(self) -> Iterator[tuple[Entry, Row]]:
        """Yield each row under our field names; a row of one cell that names a kind is the heading of what follows."""
        section = ""
        for row in self.table.rows:
            entry = Entry(row.number, self._named(row), section=section)
            filled = [cell.strip() for cell in row.cells.values() if cell.strip()]
            if len(set(filled)) == 1 and len(row.cells) > 2 and (kind := category_named(filled[0])):
                section, entry.heading = kind, True
            yield entry, row

    def _named(self, row: Row) -> dict[str, str]:
        ours: dict[str, str] = {}
        for header, value in row.cells.items():
            name = self.field(header)
            if name and not ours.get(name, "").strip():
                ours[name] = value
        told, rest = remarks(ours.get("note", ""))
        if told and not any(ours.get(name, "").strip() for name in told):
            ours |= told | {"note": rest}
        return ours


def _with_common_knowledge(file: File, entries: Sequence[Entry], municipality: str, area_code: str) -> File:
    """Learn from the whole file: its municipality, its one area code, whether its numbers identify or only count."""
    known = {municipality_of(e) for e in entries} | {municipality}
    named = Counter(m for e in entries if (m := municipality_of(e)))
    if not municipality and len(named) == 1 and named.total() >= LIKELY_ROWS:
        municipality = next(iter(named))
    codes = Counter(
        code
        for e in entries
        for p in cells.phones(e.get("phone")).phones
        if re.match(r"0(?![5789]0|120|800|570)", code := p.number.split("-")[0])
    )
    ids = [e.get("id") for e in entries if e.get("name")]
    return replace(
        file,
        municipality=municipality,
        known=frozenset(known - {""}),
        area_code=area_code or (next(iter(codes)) if len(codes) == 1 and codes.total() >= LIKELY_ROWS else ""),
        ids=not _only_counts(ids) and all(ids) and len(set(ids)) == len(ids),
    )


def _only_counts(ids: Sequence[str]) -> bool:
    """Return whether an id column numbers the rows: then a row put in between would move every later identity."""
    return all(re.fullmatch(r"[1-9]\d*", i) and int(i) <= 2 * len(ids) for i in ids if i)


def _read(entry: Entry, row: Row, file: File, dialect: Dialect) -> Read:
    if row.surplus:
        return Read(None, f"見出しより列が多い（{len(row.surplus)}列）。区切りがずれている")
    if any(len(cell) > LONGEST_CELL for cell in row.cells.values()):
        return Read(None, f"長すぎるセルがある（{LONGEST_CELL}字まで）。引用符が閉じていない")
    if entry.heading:
        return Read(None, "以下の行の種類を示す見出しの行")
    if any(map(cells.is_formula, row.cells.values())):
        row = replace(row, cells={h: "" if cells.is_formula(c) else c for h, c in row.cells.items()})
        entry.cells = {name: "" if cells.is_formula(c) else c for name, c in entry.cells.items()}
        entry.mended.append("数式を取りのぞいた")
    entry.category = file.category
    if reason := dialect.adapt(entry, row, file):
        return Read(None, reason)
    if entry.hours is None and (found := by_day(row, (entry.get("opens"), entry.get("closes")))):
        entry.hours, words = found
        entry.hours_words = [*words, *entry.hours_words]
    if is_hidden_place(*row.cells.values()):
        return Read(None, "所在地を載せてはいけない施設（一時保護所・母子生活支援施設・シェルター等）にふれている")
    return build(entry, file)


def _without_twins(reads: list[Read], entries: Sequence[Entry]) -> list[Read]:
    """Refuse a row that says nothing new of a place already taken; give a different service there its own id."""
    seen: dict[str, tuple[int, Resource]] = {}
    result = []
    for read, entry in zip(reads, entries, strict=True):
        resource = read.resource
        if resource is not None and resource.id in seen:
            row, first = seen[resource.id]
            if replace(resource, source=first.source) == first:
                read = Read(None, f"{row}行目と同じ内容")
            else:
                number = sum(i.split("-")[0] == resource.id for i in seen) + 1
                read = replace(read, resource=replace(resource, id=f"{resource.id}-{number}"))
        if read.resource is not None:
            seen[read.resource.id] = (entry.row, read.resource)
        result.append(read)
    return result


def _count(sets: Iterable[frozenset[str]]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(kind for s in sets for kind in s).items()))
