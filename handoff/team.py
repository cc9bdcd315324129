"""Who works here: desks, languages, skills, how much at once, who is signed in, and who is on duty when.

The rule: a person's telephone number and mail address for alarms are sealed and shown to nobody but who sets them.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from bot.curation import By, FieldsRefusedError
from bot.errors import Fault, RefusedError
from bot.models import CaseRow
from bot.opening import TOKYO
from bot.store import append_audit, db_now
from bot.vault import INSTALL, seal, unseal
from handoff.models import Duty, Staff, StaffSession
from handoff.staff import IDLE_SECONDS, MAY

MOST_AT_ONCE: Final = 20
MOST_SKILLS: Final = 8
LONGEST_SKILL: Final = 20
MOST_WEEKS: Final = 13  # that one form may fill
LONGEST_DUTY: Final = timedelta(hours=24)
_ADDRESS: Final = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+")
_NUMBER: Final = re.compile(r"\+?[0-9][0-9-]{2,19}")


@dataclass(frozen=True, slots=True)
class Member:
    """Hold one of the staff as colleagues see her; `here` = signed in, `holding` = talks that she has now."""

    id: uuid.UUID
    work_name: str
    role: str
    desks: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    capacity: int = 0
    here: bool = False
    holding: int = 0

    @property
    def talks(self) -> bool:
        """Return whether she may hold a talk at all."""
        return self.role in MAY["case.claim"]

    @property
    def full(self) -> bool:
        """Return whether she holds as many talks as she said she can."""
        return 0 < self.capacity <= self.holding


@dataclass(frozen=True, slots=True)
class Contact:
    """Hold how an alarm reaches one person; "" = not that way."""

    mail: str = ""
    call: str = ""


@dataclass(frozen=True, slots=True)
class Shift:
    """Hold one duty: who, at which desk ("" = on call), from when until when."""

    id: uuid.UUID
    staff_id: uuid.UUID
    name: str
    desk_id: str
    since: datetime
    until: datetime


# --- people ---------------------------------------------------------------------------------------------------------


def members(session: Session) -> list[Member]:
    """Return everybody who works here now: who is signed in first, then by name."""
    here = here_now(session)
    held = select(CaseRow.holder_id, func.count()).where(CaseRow.state == "claimed").group_by(CaseRow.holder_id)
    holding: dict[uuid.UUID | None, int] = {row[0]: row[1] for row in session.execute(held)}
    found = [
        Member(
            row.id,
            row.work_name,
            row.role,
            tuple(row.desks),
            tuple(row.languages),
            tuple(row.skills),
            row.capacity,
            row.id in here,
            holding.get(row.id, 0),
        )
        for row in session.scalars(select(Staff).where(Staff.active.is_(True)))
    ]
    return sorted(found, key=lambda one: (not one.here, one.work_name))


def member(session: Session, staff_id: uuid.UUID) -> Member | None:
    """Return one who works here now."""
    return next((one for one in members(session) if one.id == staff_id), None)


def may_be_asked(session: Session, asks: uuid.UUID, case: CaseRow) -> list[Member]:
    """Return whom `asks` may hand a case to; one about a member of staff goes to a supervisor only (CARE C36)."""
    return [
        one
        for one in members(session)
        if one.talks
        and one.id not in (asks, case.holder_id)
        and (case.reason != "complaint_staff" or one.role == "supervisor")
    ]


def may_be_named(session: Session, writes: uuid.UUID, case: CaseRow) -> list[Member]:
    """Return whom a note on a case may name: those who may be asked to take it, and who has it."""
    asked = {one.id for one in may_be_asked(session, writes, case)}
    return [one for one in members(session) if one.id in asked or (one.id == case.holder_id and one.id != writes)]


def here_now(session: Session) -> frozenset[uuid.UUID]:
    """Return who is signed in: half an hour's silence ends a session, so whoever is here has done something lately."""
    living = StaffSession.seen_db > db_now(session) - IDLE_SECONDS
    return frozenset(session.scalars(select(StaffSession.staff_id).where(living).distinct()))


def change(
    session: Session,
    staff_id: uuid.UUID,
    *,
    desks: Sequence[str],
    languages: Sequence[str],
    skills: Sequence[str],
    capacity: int,
    by: By,
    at: datetime,
) -> None:
    """Keep where and as what somebody works. Raise FieldsRefusedError, or RefusedError when there is no such person."""
    reasons = {}
    if not 0 <= capacity <= MOST_AT_ONCE:
        reasons["capacity"] = Fault("0（決めない）から{most}までの数にしてください", most=MOST_AT_ONCE)
    if len(skills) > MOST_SKILLS or any(len(skill) > LONGEST_SKILL for skill in skills):
        reasons["skills"] = Fault(
            "{most}個まで、ひとつ{longest}文字までにしてください", most=MOST_SKILLS, longest=LONGEST_SKILL
        )
    if reasons:
        raise FieldsRefusedError(reasons)
    row = _row(session, staff_id)
    row.desks, row.languages, row.skills, row.capacity = [*desks], [*languages], [*skills], capacity
    append_audit(session, by.id, "staff.changed", at, detail={"staff": str(staff_id)})


def set_contact(session: Session, staff_id: uuid.UUID, contact: Contact, by: By, at: datetime) -> None:
    """Keep how an alarm reaches her while she is on call; nothing given forgets it. Raise FieldsRefusedError."""
    reasons = {}
    if contact.mail and not _ADDRESS.fullmatch(contact.mail):
        reasons["mail"] = Fault("メールアドレスの形ではありません")
    if contact.call and not _NUMBER.fullmatch(contact.call):
        reasons["call"] = Fault("電話番号は、数字と - で書いてください")
    if reasons:
        raise FieldsRefusedError(reasons)
    row = _row(session, staff_id)
    body = json.dumps({"mail": contact.mail, "call": contact.call})
    row.alarm_to_sealed = (
        seal(session, INSTALL, "staff", "alarm_to", staff_id, body) if contact.mail or contact.call else None
    )
    append_audit(session, by.id, "staff.alarm_to", at, detail={"staff": str(staff_id)})


def contact(session: Session, staff_id: uuid.UUID) -> Contact:
    """Return how an alarm reaches one person."""
    sealed = _row(session, staff_id).alarm_to_sealed
    if sealed is None:
        return Contact()
    return Contact(**json.loads(unseal(session, INSTALL, "staff", "alarm_to", staff_id, sealed)))


def _row(session: Session, staff_id: uuid.UUID) -> Staff:
    row = session.get(Staff, staff_id)
    if row is None or not row.active:
        raise RefusedError("その人は、いま登録されていません。")
    return row


# --- duties ---------------------------------------------------------------------------------------------------------


def span(day: date, begins: time, ends: time) -> tuple[datetime, datetime]:
    """Return from when until when a duty lasts; one that ends no later than it begins ends on the next day."""
    since, until = datetime.combine(day, begins, TOKYO), datetime.combine(day, ends, TOKYO)
    return since, until if until > since else until + timedelta(days=1)


def add_duty(
    session: Session,
    staff_id: uuid.UUID,
    desk_id: str,
    since: datetime,
    until: datetime,
    by: By,
    at: datetime,
    *,
    weeks: int = 1,
) -> int:
    """Write a duty into the roster, and the same in the weeks after it; return how many were new.

    Raise RefusedError when it ends before now, or is longer than a day.
    """
    _row(session, staff_id)
    if not since < until <= since + LONGEST_DUTY:
        raise RefusedError("当番は24時間までです。")
    if until <= at:
        raise RefusedError("もう終わった時間です。これからの当番を書いてください。")
    made = 0
    for week in range(max(1, min(weeks, MOST_WEEKS))):
        begins, ends = since + timedelta(weeks=week), until + timedelta(weeks=week)
        same = select(Duty.id).where(
            Duty.staff_id == staff_id, Duty.desk_id == desk_id, Duty.since_at == begins, Duty.until_at == ends
        )
        if session.execute(same).first() is None:
            session.add(Duty(id=uuid.uuid4(), staff_id=staff_id, desk_id=desk_id, since_at=begins, until_at=ends))
            made += 1
    session.flush()
    append_audit(session, by.id, "duty.added", at, detail={"staff": str(staff_id), "weeks": made})
    return made


def drop_duty(session: Session, duty_id: uuid.UUID, by: By, at: datetime) -> None:
    """Take a duty out of the roster; one that is gone already is no error."""
    row = session.get(Duty, duty_id)
    if row is not None:
        session.execute(delete(Duty).where(Duty.id == duty_id))
        append_audit(session, by.id, "duty.dropped", at, detail={"staff": str(row.staff_id)})


def duties(session: Session, since: datetime, until: datetime) -> list[Shift]:
    """Return the duties that touch this time, the earliest first, of people who still work here."""
    found = session.execute(
        select(Duty, Staff.work_name)
        .join(Staff, Staff.id == Duty.staff_id)
        .where(Duty.until_at > since, Duty.since_at < until, Staff.active.is_(True))
        .order_by(Duty.since_at, Staff.work_name)
    )
    return [
        Shift(row.Duty.id, row.Duty.staff_id, row.work_name, row.Duty.desk_id, row.Duty.since_at, row.Duty.until_at)
        for row in found
    ]


def on_call(session: Session, now: datetime) -> list[Contact]:
    """Return how to reach those who are on call at `now`; who gave neither number nor address cannot be called."""
    there = [one for one in duties(session, now, now + timedelta(microseconds=1)) if not one.desk_id]
    found = [contact(session, staff_id) for staff_id in dict.fromkeys(one.staff_id for one in there)]
    return [one for one in found if one.mail or one.call]
