"""Reads, stores and loads a city's own questions and answers.

The rule: as in the directory, an import updates by identity and nothing disappears silently; every entry is read by
the encoders once, when it is imported, and its vectors are kept beside it (one byte a number).
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from pathlib import Path
from typing import Any, Final

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot import ranking
from bot.catalogue import Stored, finished
from bot.directory.importing.tables import read_tables
from bot.encoders.engines import Encoders
from bot.errors import ContentError
from bot.models import LearnedRow, QuestionRow
from bot.store import bump
from bot.understanding.faq import Collection, Entry, Floats, Ranker

NAME: Final = "questions"  # what processes watch
FEWEST: Final = 30  # queries; fewer would teach chance (folds of six)

#: Headings as 子育てオープンデータ協議会 (2019) and cities' own lists name them, folded (facts/understanding.md C).
_QUESTIONS = ("問い合わせ文", "質問", "質問文", "件名", "タイトル", "question", "q")
_ANSWERS = ("応答文", "回答", "回答文", "答え", "answer", "a")
_IDS = ("id", "no", "no.", "番号", "管理番号", "faqid")
_URLS = ("url", "リンク", "関連url", "ページurl")
_TAG = re.compile(r"<(?:br|/p|/li|/div|/tr)[^>]*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Read:
    """Hold one file: its entries, and each row that was refused with the reason."""

    source: str
    entries: tuple[Entry, ...]
    refused: tuple[tuple[int, str], ...] = ()


def read_file(path: Path) -> Read:
    """Read a CSV table or JSON as `evaluate retrieval` takes it. Raises DataFileError or ContentError, naming it."""
    source = path.stem[:80]  # an entry's identity, 160 characters, begins with it
    if path.suffix.lower() == ".json":
        rows = [(entry.id, entry.question, entry.answer, "") for entry in ranking.read_corpus(path)]
    else:
        known = (*_QUESTIONS, *_ANSWERS, *_IDS, *_URLS)
        rows = [
            (row.get(*_IDS) or f"{table.sheet}{row.number}", row.get(*_QUESTIONS), row.get(*_ANSWERS), row.get(*_URLS))
            for table in read_tables(path, known)
            for row in table.rows
        ]
    entries: dict[str, Entry] = {}
    refused = []
    for number, (id, asked, told, url) in enumerate(rows, 1):
        question, answer = _text(asked), _text(told)
        identity = f"{source}/{id}"[:160]
        if not question or not answer:
            refused.append((number, "質問がありません" if not question else "回答がありません"))
        elif identity in entries:
            refused.append((number, f"番号 {id} がほかの行と同じです"))
        else:
            link = url if re.match(r"https?://\S+$", url) and len(url) <= 500 else ""
            entries[identity] = Entry(identity, question, answer, link)
    return Read(source, tuple(entries.values()), tuple(refused))


def _text(cell: str) -> str:
    """Return a cell as plain lines: cities publish answers as they stand in their pages."""
    bare = unescape(re.sub(r"<[^>]+>", "", _TAG.sub("\n", cell)))
    return "\n".join(line for part in bare.splitlines() if (line := " ".join(part.split())))


# --- vectors -------------------------------------------------------------------------------------------------------


def encoded(
    entries: Sequence[Entry], encoders: Encoders, progress: Callable[[int, int], None] = lambda done, all_: None
) -> list[bytes]:
    """Return each entry's vectors as a row keeps them. Raises EncoderError."""
    found = []
    for done, entry in enumerate(entries, 1):
        read = encoders.matrices([entry.question, entry.told])
        rows = [read[engine.name][place] for place in (0, 1) for engine in encoders.engines]
        found.append(b"".join(np.rint(row * 127).astype(np.int8).tobytes() for row in rows))
        progress(done, len(entries))
    return found


def fingerprint(encoders: Encoders) -> str:
    """Return which encoders, of which versions, make these vectors."""
    return " ".join(f"{engine.name}:{engine.version}" for engine in encoders.engines)


def _matrices(rows: Sequence[QuestionRow], encoders: Encoders) -> list[dict[str, Floats]]:
    """Return the vectors of the questions, and those of the answers, by encoder."""
    widths = [(name, matrix.shape[1]) for name, matrix in encoders.matrices(["。"]).items()]
    kept = np.frombuffer(b"".join(row.vectors for row in rows), np.int8).reshape(len(rows), -1)
    found: list[dict[str, Floats]] = [{}, {}]
    at = 0
    for half in found:
        for name, width in widths:
            part = kept[:, at : at + width].astype(np.float32)
            half[name] = part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-9)
            at += width
    return found


# --- the store -----------------------------------------------------------------------------------------------------


def keep(session: Session, read: Read, vectors: Sequence[bytes], made_by: str, at: datetime) -> Stored:
    """Store one edition of a file: its entries with their vectors, which `made_by` (a fingerprint) made."""
    held = {row.id: row for row in session.scalars(select(QuestionRow).where(QuestionRow.source == read.source))}
    new = changed = same = 0
    for entry, raw in zip(read.entries, vectors, strict=True):
        row = held.pop(entry.id, None)
        values = (entry.question, entry.answer, entry.url, made_by, raw, None)
        if row is None:
            new += 1
            row = QuestionRow(id=entry.id, source=read.source, changed_at=at)
            session.add(row)
        elif (row.question, row.answer, row.url, row.encoders, row.vectors, row.gone_at) == values:
            same += 1
            continue
        else:
            changed += 1
        row.question, row.answer, row.url, row.encoders, row.vectors, row.gone_at = values
        row.changed_at = at
    return finished(session, NAME, held.values(), Stored(new, changed, same), at)


def rows(session: Session) -> list[QuestionRow]:
    """Return the entries that their files still list."""
    return list(session.scalars(select(QuestionRow).where(QuestionRow.gone_at.is_(None)).order_by(QuestionRow.id)))


def collection(listed: Sequence[QuestionRow], encoders: Encoders) -> tuple[Collection, int]:
    """Return the city's collection, and how many entries other encoders have read: those cannot be found.

    Outside of any transaction: an engine may be asked over the network. Raises EncoderError when it fails.
    """
    read = [row for row in listed if row.encoders == fingerprint(encoders)]
    entries = [Entry(row.id, row.question, row.answer, row.url) for row in read]
    asked, told = _matrices(read, encoders) if read and encoders.engines else ({}, {})
    return Collection(entries, asked, told), len(listed) - len(read)


# --- what a city's own examples teach --------------------------------------------------------------------------------


def relearn(
    collection: Collection,
    queries: Sequence[tuple[str, Mapping[str, int]]],
    encoders: Encoders,
    shipped: Ranker,
    folds: int = 5,
) -> tuple[Ranker, dict[str, dict[str, float]]]:
    """Return a ranker learned from queries with judged answers, and figures: `before` (shipped) and `after`.

    `after` is measured on queries that its weights have not seen. Queries are a city's own: consented, masked, without
    signals, judged by a person (CARE C30). Raises ContentError when they are too few or judge entries not stored.
    """
    known = {entry.id for entry in collection.entries}
    if unknown := sorted({id for _query, grades in queries for id in grades} - known):
        raise ContentError(f"{len(unknown)} judged entries are not stored, e.g. {unknown[0]}: import them first")
    if len(queries) < FEWEST:
        raise ContentError(f"{len(queries)} queries are too few to learn from; {FEWEST} or more are needed")
    asked = [ranking.ask(collection, encoders, query, grades) for query, grades in queries]
    before = ranking.metrics([(ranking.order(each, shipped), each.grades) for each in asked])
    after = ranking.cross_validated(asked, shipped, folds)
    return ranking.learn_beside(shipped, asked), {"before": before, "after": after}


def keep_ranker(session: Session, ranker: Ranker, encoders: Encoders, figures: dict[str, Any], at: datetime) -> None:
    """Search with this ranker from now on."""
    body = io.BytesIO()
    np.savez_compressed(body, **dict[str, Any](ranker.arrays()))
    row = session.get(LearnedRow, _learned_name(encoders)) or LearnedRow(name=_learned_name(encoders))
    row.body, row.figures, row.at = body.getvalue(), figures, at
    session.add(row)
    session.flush()
    bump(session, NAME)


def forget_ranker(session: Session, encoders: Encoders) -> bool:
    """Search with the shipped ranker again; return whether there was another."""
    row = session.get(LearnedRow, _learned_name(encoders))
    if row is not None:
        session.delete(row)
        session.flush()
        bump(session, NAME)
    return row is not None


def ranker_body(session: Session, encoders: Encoders) -> bytes:
    """Return the file of the ranker that this city's examples taught for these encoders, empty if they taught none."""
    row = session.get(LearnedRow, _learned_name(encoders))
    return row.body if row is not None else b""


def ranker_of(body: bytes) -> Ranker | None:
    """Return the ranker of a file of `ranker_body`, None if it is empty. Raises ContentError."""
    if not body:
        return None
    with np.load(io.BytesIO(body), allow_pickle=False) as file:
        return Ranker.of(dict(file), "the city's own ranker")


def _learned_name(encoders: Encoders) -> str:
    return f"questions {fingerprint(encoders)}"[:60]
