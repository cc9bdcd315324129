"""Finds cases for lists: by state, severity, kind, topic, language, desk, holder, day and number; a page at a time.

The rule: the database filters, sorts and counts; nobody loads all cases to show fifty, and no word is read here.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, String, and_, case, cast, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from bot.models import CaseRow, Resident, SignalRow
from bot.opening import TOKYO
from bot.situation import OPEN_STATES, READ_EVEN_IF_DECLINED
from handoff.wording import say

Order = Literal["grave", "newest", "oldest", "closed", "to_read"]

_RANK: Final = case((CaseRow.severity == "emergency", 0), (CaseRow.severity == "urgent", 1), else_=2)


def has_kind(*kinds: str) -> ColumnElement[bool]:
    """Return the condition that a case is of one of these kinds (ids of the vocabulary, kept as JSON)."""
    return or_(*(_holds(CaseRow.kinds, kind) for kind in kinds))


def has_topic(topic: str) -> ColumnElement[bool]:
    """Return the condition that a family asked about this topic in the talk of a case."""
    return _holds(CaseRow.topics, topic)


def _holds(ids: InstrumentedAttribute[list[str]], id: str) -> ColumnElement[bool]:
    """Return the condition that a list of ids, kept as JSON, has this one."""
    return cast(ids, String).like(f'%"{id}"%')


#: A no that a person must still read (CARE C17): not yet read, and of a kind that is read even if declined.
UNREAD_NO: Final = and_(
    CaseRow.state == "declined", CaseRow.read_at.is_(None), has_kind(*sorted(READ_EVEN_IF_DECLINED))
)
#: What is read without being asked for: an offer that was not answered yet, a no that stays listed.
TO_READ: Final = or_(CaseRow.state == "offered", UNREAD_NO)

_ORDERS: Final[Mapping[Order, tuple[Any, ...]]] = {
    "grave": (_RANK, CaseRow.waiting_since_at, CaseRow.id),  # the queue's (DESIGN 5)
    "newest": (CaseRow.opened_at.desc(), CaseRow.id),
    "oldest": (CaseRow.opened_at, CaseRow.id),
    "closed": (CaseRow.closed_at.desc(), CaseRow.id),
    "to_read": (case((UNREAD_NO, 0), else_=1), _RANK, CaseRow.waiting_since_at, CaseRow.id),  # a no first (C17)
}
_language: ColumnElement[str] = case((Resident.language != "", Resident.language), else_=Resident.language_hint)


@dataclass(frozen=True, slots=True)
class Asked:
    """Hold what a list is asked for; empty means any.

    `state` may also be `open` or `to_read`; `number` is how a case number begins; `meant` whom it waits for.
    """

    state: str = ""
    severity: str = ""
    kind: str = ""
    topic: str = ""
    language: str = ""
    desk: str = ""
    holder: UUID | None = None
    since: date | None = None
    until: date | None = None
    number: str = ""
    meant: UUID | None = None
    order: Order = "grave"


@dataclass(frozen=True, slots=True)
class Found:
    """Hold one case of a list, the language its resident reads, and how many signals it has."""

    row: CaseRow
    language: str
    words: int


def where(asked: Asked) -> list[ColumnElement[bool]]:
    """Return the conditions of a list."""
    found: list[ColumnElement[bool]] = []
    if asked.state == "open":
        found.append(CaseRow.state.in_(sorted(OPEN_STATES)))
    elif asked.state == "to_read":
        found.append(TO_READ)
    elif asked.state:
        found.append(CaseRow.state == asked.state)
    if asked.severity:
        found.append(CaseRow.severity == asked.severity)
    if asked.kind:
        found.append(has_kind(asked.kind))
    if asked.topic:
        found.append(has_topic(asked.topic))
    if asked.language:
        found.append(_language == asked.language)
    if asked.desk:
        found.append(CaseRow.desk_id == asked.desk)
    if asked.holder:
        found.append(CaseRow.holder_id == asked.holder)
    if asked.meant:
        found.append(CaseRow.meant_for_id == asked.meant)
    if asked.since:
        found.append(CaseRow.opened_at >= _begins(asked.since))
    if asked.until:
        found.append(CaseRow.opened_at < _begins(asked.until + timedelta(days=1)))
    if asked.number:
        found.append(func.lower(cast(CaseRow.id, String)).like(f"{asked.number.lower()}%"))
    return found


def _begins(day: date) -> datetime:
    return datetime.combine(day, time(0), TOKYO)


def listed(
    session: Session,
    conditions: Sequence[ColumnElement[bool]],
    *,
    order: Order = "grave",
    limit: int = 50,
    offset: int = 0,
    first: ColumnElement[bool] | None = None,
) -> list[Found]:
    """Return one page of the cases that fit, in order; of equally grave ones those of `first` come before others."""
    by = _ORDERS[order] if first is None else (_RANK, case((first, 0), else_=1), *_ORDERS[order])
    found = session.execute(
        select(CaseRow, _language.label("language"))
        .join(Resident, Resident.id == CaseRow.resident_id)
        .where(*conditions)
        .order_by(*by)
        .limit(limit)
        .offset(offset)
    ).all()
    counted = session.execute(
        select(SignalRow.case_id, func.count().label("words"))
        .where(SignalRow.case_id.in_([row.CaseRow.id for row in found]))
        .group_by(SignalRow.case_id)
    )
    words = {row.case_id: int(row.words) for row in counted}
    return [Found(row.CaseRow, row.language, words.get(row.CaseRow.id, 0)) for row in found]


def count(session: Session, conditions: Sequence[ColumnElement[bool]]) -> int:
    """Return how many cases fit."""
    statement = select(func.count()).select_from(CaseRow).join(Resident, Resident.id == CaseRow.resident_id)
    return session.scalar(statement.where(*conditions)) or 0


def counts_csv(session: Session, asked: Asked, names: Mapping[str, Mapping[str, str]]) -> str:
    """Return how many cases fit, by month, state, severity, kind and language, as CSV with a heading; never an id.

    `names` gives what is written for the ids of `state`, `severity`, `kind` and `language`. A case of two kinds counts
    under each.
    """
    found = session.execute(
        select(CaseRow.opened_at, CaseRow.state, CaseRow.severity, CaseRow.kinds, _language.label("language"))
        .join(Resident, Resident.id == CaseRow.resident_id)
        .where(*where(asked))
    )
    counted: Counter[tuple[str, str, str, str, str]] = Counter()
    for row in found:
        month = row.opened_at.astimezone(TOKYO).strftime("%Y-%m")
        for kind in row.kinds or [""]:
            counted[month, row.state, row.severity, kind, row.language] += 1
    out = io.StringIO()
    lines = csv.writer(out)
    lines.writerow([say("月"), say("状態"), say("緊急度"), say("内容"), say("言語"), say("件数")])
    for (month, state, severity, kind, language), number in sorted(counted.items()):
        worded = (
            names["state"].get(state, state),
            names["severity"].get(severity, severity),
            names["kind"].get(kind, kind or say("（ことばからではない）")),
            names["language"].get(language, language or say("（わからない）")),
        )
        lines.writerow([month, *worded, number])
    return out.getvalue()
