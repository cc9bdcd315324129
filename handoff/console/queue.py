"""The queue: who waits, who is talked with, who has a person, and whose no must still be read.

The rule: no word of a resident is on this page (CARE C32); it shows how grave, what kind, how long, who.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from bot import cases
from bot.models import CaseRow, Resident, SignalRow
from bot.opening import TOKYO
from bot.situation import City
from handoff import alarms, staff
from handoff.alarms import Called
from handoff.console import labels, live
from handoff.console.gate import House, Pass, house_of, may
from handoff.staff import MAY, Actor

CLOSED_DAYS: Final = 7  # how long a closed case can be found here to reopen it
CLOSED_ROWS: Final = 20
WARN: Final = 2 / 3  # of a waiting limit: staff are warned before it is reached (issue E 2)

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Row:
    """Hold one line of the queue; ids and labels only."""

    id: uuid.UUID
    name: str
    severity: str
    state: str
    kinds: tuple[str, ...]
    aspects: tuple[str, ...]
    reason: str
    language: str
    desk: str
    holder: str
    mine: bool
    words: int  # how many signals hold words
    since: datetime
    waited: str
    late: str = ""  # near | over: how it stands to the city's waiting limit
    called: Called | None = None  # whom the desk called last because nobody took it


@dataclass(frozen=True, slots=True)
class Section:
    """Hold one part of the queue, with what is said when it is empty."""

    id: str
    title: str
    empty: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Hold the whole page and the cursor it was read at."""

    cursor: int
    sections: tuple[Section, ...]

    @property
    def waiting(self) -> int:
        """Return how many wait, for the window's title."""
        return len(self.sections[0].rows)


def snapshot(session: Session, actor: Actor, city: City, now: datetime) -> Snapshot:
    """Read the queue and the cursor together; the cursor first, so that nothing is missed."""
    cursor = live.newest(session)
    recent = CaseRow.closed_at > now - timedelta(days=CLOSED_DAYS)
    found = session.execute(
        select(CaseRow, Resident.language, Resident.language_hint)
        .join(Resident, Resident.id == CaseRow.resident_id)
        .where(or_(CaseRow.state != "closed", recent))
    ).all()
    names = staff.work_names(session)
    counted = session.execute(
        select(SignalRow.case_id, func.count().label("words"))
        .where(SignalRow.case_id.in_([row.CaseRow.id for row in found]))
        .group_by(SignalRow.case_id)
    )
    counts = {row.case_id: int(row.words) for row in counted}
    desks = {desk.id: desk.name for desk in city.desks}
    calls = alarms.last_calls(session, [row.CaseRow.id for row in found if row.CaseRow.state == "waiting"])
    near, over = city.late_since(now, WARN), city.late_since(now)

    def late(case: CaseRow) -> str:
        if case.state != "waiting" or case.waiting_since_at > near[case.severity]:
            return ""
        return "near" if case.waiting_since_at > over[case.severity] else "over"

    def line(case: CaseRow, language: str) -> Row:
        since = case.closed_at or case.waiting_since_at
        return Row(
            id=case.id,
            name=labels.short(case.id),
            severity=case.severity,
            state=case.state,
            kinds=tuple(case.kinds),
            aspects=tuple(case.aspects),
            reason=case.reason,
            language=language,
            desk=desks.get(case.desk_id, ""),
            holder=names.get(case.holder_id, "") if case.holder_id else "",
            mine=case.holder_id == actor.id,
            words=counts.get(case.id, 0),
            since=since,
            waited=labels.waited((now - since).total_seconds()),
            late=late(case),
            called=calls.get(case.id),
        )

    def rows(*states: str) -> tuple[Row, ...]:
        chosen = [
            one
            for one in found
            if one.CaseRow.state in states and (one.CaseRow.state != "declined" or cases.stays_listed(one.CaseRow))
        ]
        chosen.sort(key=lambda one: cases.queue_key(one.CaseRow))
        return tuple(line(one.CaseRow, one.language or one.language_hint) for one in chosen)

    closed = sorted(rows("closed"), key=lambda row: row.since, reverse=True)[:CLOSED_ROWS]
    return Snapshot(
        cursor,
        (
            Section("waiting", "待っています", "いま待っている方はいません。", rows("waiting")),
            Section("claimed", "対応中", "対応中の相談はありません。", rows("claimed")),
            Section("on_hold", "保留（担当あり）", "保留の相談はありません。", rows("on_hold")),
            Section("offered", "声をかけた・断られた", "読んでおく相談はありません。", rows("offered", "declined")),
            Section("closed", "終わった相談（7日以内）", "この7日に終えた相談はありません。", tuple(closed)),
        ),
    )


async def _values(house: House, actor: Actor) -> dict[str, Any]:
    now = house.clock.now()
    shot = await house.store.read(lambda s: snapshot(s, actor, house.city(), now))
    return {
        "shot": shot,
        "now": now,
        "today": now.astimezone(TOKYO).date(),
        "may_see": actor.role in MAY["queue.see"],
        "may_open": actor.role in MAY["talk.read"],
    }


@router.get("/")
async def page(request: Request, door: Annotated[Pass, Depends(may("counts.see"))]) -> Response:
    """Show the queue: all of it, or only the counts where the role sees no more."""
    house = house_of(request)
    values = await _values(house, door.actor)
    return house.page(request, "queue/page.html", signed=door.signed, city=house.city().name, **values)


@router.get("/queue")
async def fragment(request: Request, door: Annotated[Pass, Depends(may("counts.see", human=False))]) -> Response:
    """Show the changed part of the page."""
    house = house_of(request)
    return house.page(request, "queue/list.html", **await _values(house, door.actor))
