"""Whose turn it is: which waiting case a person is given who asks for the next one.

The rule: an emergency is for whoever asks; what waits too long is too. Else a case waits for the person it is meant
for, while she is here, and for the desk it was put at, while that is open. Anybody may still take any case by name.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, or_, true
from sqlalchemy.orm import Session

from bot.models import CaseRow
from bot.situation import City
from handoff import listing, team
from handoff.listing import Found
from handoff.team import Member

WARN: Final = 2 / 3  # of a waiting limit: staff are warned, and the case is everybody's (issue E 2)


def due(city: City, now: datetime) -> ColumnElement[bool]:
    """Return the condition that a case has waited for `WARN` of its limit, or for the answer that was promised."""
    since = city.late_since(now, WARN)
    late = (and_(CaseRow.severity == level, CaseRow.waiting_since_at <= since[level]) for level in since)
    return or_(and_(or_(*late), CaseRow.meant_why != "later"), CaseRow.answer_by_at <= now)


def for_whom(session: Session, who: Member, city: City, now: datetime) -> list[ColumnElement[bool]]:
    """Return the conditions of the cases that `who` is given; a complaint about staff is never given (CARE C36)."""
    closed = [desk.id for desk in city.desks if not desk.opening.open_at(now)]
    known = [desk.id for desk in city.desks]
    here = team.here_now(session) - {who.id}
    my_desk = or_(CaseRow.desk_id.in_([*who.desks, *closed]), CaseRow.desk_id.not_in(known)) if who.desks else true()
    nobody_elses = or_(
        CaseRow.meant_for_id.is_(None), and_(CaseRow.meant_why != "later", CaseRow.meant_for_id.not_in(here))
    )
    return [
        CaseRow.state == "waiting",
        CaseRow.reason != "complaint_staff",
        or_(
            CaseRow.severity == "emergency",
            due(city, now),
            CaseRow.meant_for_id == who.id,
            and_(my_desk, nobody_elses),
        ),
    ]


def next_for(session: Session, who: Member, city: City, now: datetime, *, limit: int) -> list[Found]:
    """Return the next cases for `who`: the gravest first, of these what is meant for her, then who waits longest.

    Somebody who holds as many talks as she can is given emergencies alone.
    """
    conditions = for_whom(session, who, city, now)
    if who.full:
        conditions.append(CaseRow.severity == "emergency")
    return listing.listed(session, conditions, limit=limit, first=CaseRow.meant_for_id == who.id)
