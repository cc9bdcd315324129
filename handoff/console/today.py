"""The day: what came in the night, what was promised and by whom, what is open with whom; and handing over at its end.

The rule: words of promises stay blurred until somebody asks to see them (CARE C32); handing over moves nothing that the
person could not move on the case's own page.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from bot import cases
from bot.errors import KeyGoneError, NotAllowedError, RefusedError
from bot.models import Audit, CaseRow, Journal, SignalRow
from bot.opening import TOKYO
from bot.situation import City
from handoff import audit, debriefing, listing, notes, people, shares, shift, staff, team
from handoff.console import labels, queue
from handoff.console.gate import Pass, house_of, may
from handoff.console.queue import Row
from handoff.debriefing import Debrief
from handoff.shift import LeftNote, Promised
from handoff.staff import Actor
from handoff.team import Member, Shift

SHOWN: Final = 100  # of a list; the lists of all cases have the rest
MOST_AT_ONCE: Final = 50  # that one handing over moves
NOTE: Final = 4_000

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Night:
    """Hold the last time without anybody at a desk: what came, and whom the desk called."""

    since: datetime
    until: datetime
    wrote: int  # residents
    came: tuple[Row, ...]  # the first of them
    count: int  # of all that came
    calls: tuple[tuple[datetime, str, str, bool], ...]  # when, the case's name, what became of it, whether it failed


@dataclass(frozen=True, slots=True)
class Due:
    """Hold one open promise as the page shows it."""

    promised: Promised
    name: str  # of the case
    who: str
    state: str  # over | today | later | some_day


@dataclass(frozen=True, slots=True)
class AfterEmergency:
    """Hold one debriefing that is due, as the page shows it."""

    debrief: Debrief
    name: str  # of the case
    who: tuple[str, ...]  # took part
    late: bool


@dataclass(frozen=True, slots=True)
class Matters:
    """Hold what is open with one person: what she holds, what is on hold with her, what waits for her."""

    who: str
    mine: bool
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """Hold the whole page."""

    night: Night
    due: tuple[Due, ...]
    debriefs: tuple[AfterEmergency, ...]
    matters: tuple[Matters, ...]
    others_more: int  # open with others and not shown
    left: tuple[tuple[str, LeftNote], ...]
    shares: tuple[shares.News, ...]
    helpers: tuple[people.Kept, ...]  # with whom something is to be done by today
    on_duty: tuple[Shift, ...]
    colleagues: tuple[Member, ...]
    named: tuple[tuple[str, str, notes.Named], ...]  # notes that wait for this person: by whom, of which case


def read_day(session: Session, actor: Actor, city: City, now: datetime) -> Day:
    """Read the day as this person sees it."""
    me, names = actor.id, staff.work_names(session)
    matters, more = _matters(session, me, names, city, now)
    return Day(
        _night(session, city, now),
        _due(session, names, now),
        _debriefs(session, actor, names, now),
        matters,
        more,
        tuple((names.get(one.staff_id, ""), one) for one in shift.left_notes(session, now)),
        tuple(shares.news(session, actor, now)),
        tuple(people.due(session, now)),
        tuple(team.duties(session, now, labels.end_of_day(now))),
        tuple(one for one in team.members(session) if one.talks and one.id != me),
        tuple((names.get(one.staff_id, ""), labels.short(one.case_id), one) for one in notes.naming(session, me)),
    )


def _night(session: Session, city: City, now: datetime) -> Night:
    since, until = city.last_night(now)
    heard = select(SignalRow.case_id).where(SignalRow.at >= since, SignalRow.at < until)
    came = or_(and_(CaseRow.opened_at >= since, CaseRow.opened_at < until), CaseRow.id.in_(heard))
    rows = queue.rows(session, listing.listed(session, [came], limit=SHOWN), city, now)
    count = listing.count(session, [came])
    wrote = select(func.count(Journal.resident_id.distinct())).where(
        Journal.who == "resident", Journal.at >= since, Journal.at < until
    )
    called = session.execute(
        select(Audit.at, Audit.case_id, Audit.action, Audit.detail)
        .where(Audit.action.in_(("alarm.called", "alarm.failed")), Audit.at >= since, Audit.at < until)
        .order_by(Audit.id.desc())
        .limit(SHOWN)
    )
    calls = []
    for row in called:
        failed = row.action == "alarm.failed"
        calls.append((row.at, labels.short(row.case_id), labels.CALLED[row.detail["way"], failed], failed))
    return Night(since, until, session.scalar(wrote) or 0, rows, count, tuple(reversed(calls)))


def _due(session: Session, names: dict[uuid.UUID, str], now: datetime) -> tuple[Due, ...]:
    end = labels.end_of_day(now)

    def state(one: Promised) -> str:
        if one.due is None:
            return "some_day"
        return "over" if one.due <= now else "today" if one.due <= end else "later"

    return tuple(
        Due(one, labels.short(one.case_id), names.get(one.staff_id, ""), state(one)) for one in shift.promises(session)
    )


def _debriefs(session: Session, actor: Actor, names: dict[uuid.UUID, str], now: datetime) -> tuple[AfterEmergency, ...]:
    return tuple(
        AfterEmergency(
            one,
            labels.short(one.case_id),
            tuple(sorted(names[id] for id in one.took_part if id in names)),
            one.due <= now,
        )
        for one in debriefing.due(session, actor)
    )


def _matters(
    session: Session, me: uuid.UUID, names: dict[uuid.UUID, str], city: City, now: datetime
) -> tuple[tuple[Matters, ...], int]:
    """Return what is open with `me`, all of it, and with others, the gravest of it; and how many of theirs are left."""
    held = CaseRow.state.in_(("claimed", "on_hold"))
    mine = or_(and_(held, CaseRow.holder_id == me), and_(CaseRow.state == "waiting", CaseRow.meant_for_id == me))
    theirs = or_(
        and_(held, CaseRow.holder_id != me),
        and_(CaseRow.state == "waiting", CaseRow.meant_for_id.is_not(None), CaseRow.meant_for_id != me),
    )
    own = queue.rows(session, listing.listed(session, [mine], limit=listing.count(session, [mine]) or 1), city, now)
    others = queue.rows(session, listing.listed(session, [theirs], limit=SHOWN), city, now)
    by_whom: dict[uuid.UUID | None, list[Row]] = {}
    for row in others:
        by_whom.setdefault(row.holder_id or row.meant_for_id, []).append(row)
    found = sorted(
        (Matters(names.get(id, "") if id else "", False, tuple(rows)) for id, rows in by_whom.items()),
        key=lambda one: one.who,
    )
    return (Matters(names.get(me, ""), True, own), *found), listing.count(session, [theirs]) - len(others)


# --- pages ----------------------------------------------------------------------------------------------------------


@router.get("/today")
async def page(
    request: Request,
    door: Annotated[Pass, Depends(may("shift.see"))],
    words: str = "",
    kept: uuid.UUID | None = None,
) -> Response:
    """Show the day; with `words=show` also what the promises say. `kept` = the promise that was marked just now."""
    house, now = house_of(request), house_of(request).clock.now()
    city = house.city()
    day = await house.store.read(lambda s: read_day(s, door.actor, city, now))
    return house.page(
        request,
        "today.html",
        signed=door.signed,
        city=city.name,
        day=day,
        now=now,
        today=now.astimezone(TOKYO).date(),
        desks={desk.id: desk.name for desk in city.desks},
        shows_words=words == "show",
        kept=kept,
        me=door.actor.id,
        may_open=True,
        may_open_all=door.actor.role in staff.READS_OF_STAFF,
    )


@router.post("/today/notes")
async def leave(request: Request, door: Annotated[Pass, Depends(may("shift.write"))]) -> Response:
    """Leave a note for who comes after."""
    house, text = house_of(request), door.text("text", shift.LONGEST_NOTE)
    await house.store.write(lambda s: shift.leave_note(s, door.actor.id, text, house.clock.now()))
    return _back(request, "left")


@router.post("/promises/{promise_id:uuid}/kept")
async def kept(request: Request, promise_id: uuid.UUID, door: Annotated[Pass, Depends(may("shift.write"))]) -> Response:
    """Note that a promise was kept."""
    house = house_of(request)
    await house.store.write(lambda s: shift.keep_promise(s, promise_id, door.actor.id, house.clock.now()))
    return _back(request, "due", kept=promise_id)


@router.post("/promises/{promise_id:uuid}/open")
async def not_kept(
    request: Request, promise_id: uuid.UUID, door: Annotated[Pass, Depends(may("shift.write"))]
) -> Response:
    """Take the mark back: the promise is still to be kept."""
    house = house_of(request)
    await house.store.write(lambda s: shift.reopen_promise(s, promise_id, door.actor.id, house.clock.now()))
    return _back(request, "due")


@router.post("/cases/{case_id}/debriefing")
async def debriefed(request: Request, door: Annotated[Pass, Depends(may("case.debrief"))]) -> Response:
    """Note that the debriefing after an emergency was held, and what was learned."""
    house, case_id, actor = house_of(request), door.the_case.id, door.actor
    at, learned = house.clock.now(), door.text("learned", debriefing.LONGEST)
    try:
        await house.store.write(lambda s: debriefing.hold(s, case_id, actor, learned, at))
    except NotAllowedError:
        await house.store.write(lambda s: audit.note_refusal(s, actor.id, "case.debrief", case_id, at, "took no part"))
        raise
    return _back(request, "debriefs")


@router.post("/today/hand-over")
async def hand_over(request: Request, door: Annotated[Pass, Depends(may("shift.write"))]) -> Response:
    """Hand the chosen cases to one colleague, all or none, each with the same note."""
    house, note, to = house_of(request), door.text("note", NOTE), door.id("to")
    chosen = [str(value) for value in door.form.getlist("case")]
    if not 0 < len(chosen) <= MOST_AT_ONCE:
        raise RefusedError("引き継ぐ相談を、1件から{most}件まで選んでください。", most=MOST_AT_ONCE)
    if to is None:
        raise RefusedError("だれに引き継ぐかを選んでください。")
    if not note:
        raise RefusedError("引き継ぐ人へのメモを書いてください。")

    def unit(session: Session) -> None:
        for case_id in chosen:
            _hand_on(session, door, uuid.UUID(case_id), to, note, house.clock.now())

    try:
        await house.store.write(unit)
    except ValueError:
        raise RefusedError("画面が古くなりました。開きなおして、もう一度送ってください。") from None
    return _back(request, "matters")


def _hand_on(session: Session, door: Pass, case_id: uuid.UUID, to: uuid.UUID, note: str, at: datetime) -> None:
    """Hand one case on: what is held is transferred, what is on hold or waits gets another person."""
    me, row = door.actor, session.get(CaseRow, case_id)
    if row is None or to not in {one.id for one in team.may_be_asked(session, me.id, row)}:
        raise RefusedError("選んだ相談を、その人には引き継げません。相談のページでたしかめてください。")
    case = cases.as_case(row)
    staff.authorize(me, "case.transfer" if case.held else "case.assign", case)
    if case.held:
        cases.transfer(session, case_id, me.id, at, name=me.work_name, to=cases.To(to))
    else:
        cases.assign(session, case_id, me.id, cases.To(to), at)
    with suppress(KeyGoneError):
        notes.keep_note(session, case_id, row.resident_id, me.id, "transfer", note, at)


def _back(request: Request, part: str, *, kept: uuid.UUID | None = None) -> Response:
    asked = f"?kept={kept}" if kept else ""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/today{asked}#{part}", 303)
