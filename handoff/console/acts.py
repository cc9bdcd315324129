"""What staff do to a case, apart from saying something: take, read along, hand on, give back, end.

The rule: every change goes through `cases`, so a lost claim is a calm sentence and never a lost draft.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from bot import cases, rooms
from bot.errors import KeyGoneError, RefusedError
from bot.messages import Severity
from bot.models import CaseRow
from bot.opening import TOKYO
from bot.situation import City
from bot.store import db_now
from handoff import notes, shift, team, watching
from handoff.console import labels
from handoff.console.gate import Pass, house_of, may, wants_json

FACT: Final = 200  # characters that were agreed
NOTE: Final = 4_000
FURTHEST: Final = timedelta(days=14)  # that an answer may be promised for

router = APIRouter(prefix="/cases/{case_id}")


async def _act(request: Request, door: Pass, unit: Callable[[Session, datetime], Any]) -> Response:
    """Run one act on the case and go back to its page."""
    house = house_of(request)
    at = house.clock.now()
    await house.store.write(lambda s: unit(s, at))
    if wants_json(request):
        return JSONResponse({})
    root = request.scope.get("root_path", "")
    return RedirectResponse(f"{root}/cases/{door.the_case.id}", 303)


@router.post("/claim")
async def claim(request: Request, door: Annotated[Pass, Depends(may("case.claim"))]) -> Response:
    """Take the talk."""
    return await _act(request, door, lambda s, at: cases.claim(s, door.the_case.id, door.actor.id, at))


@router.post("/second")
async def read_along(request: Request, door: Annotated[Pass, Depends(may("case.second"))]) -> Response:
    """Be the second person of a talk that a colleague holds."""
    return await _act(request, door, lambda s, at: cases.read_along(s, door.the_case.id, door.actor.id, at))


@router.post("/want-second")
async def want_second(request: Request, door: Annotated[Pass, Depends(may("case.want_second"))]) -> Response:
    """Ask colleagues for a second person."""
    return await _act(request, door, lambda s, at: cases.want_second(s, door.the_case.id, door.actor.id, at))


@router.post("/here")
async def here(request: Request, door: Annotated[Pass, Depends(may("talk.read", human=False))]) -> Response:
    """Note that this browser has the talk open, or closes it, and answer which colleagues have."""
    house, case_id, who = house_of(request), door.the_case.id, door.actor.id
    if door.typed("gone") == "yes":
        await house.store.write(lambda s: watching.leave(s, case_id, who))
        return JSONResponse({"others": []})
    typing = door.typed("typing") == "yes"
    found = await house.store.write(lambda s: watching.watch(s, case_id, who, typing=typing))
    return JSONResponse({"others": [{"name": one.name, "typing": one.typing} for one in found]})


@router.post("/renew")
async def renew(request: Request, door: Annotated[Pass, Depends(may("case.renew"))]) -> Response:
    """Note a human act of the holder and return how long the claim lives on."""
    house, case_id = house_of(request), door.the_case.id

    def unit(session: Session) -> float:
        cases.renew(session, case_id, door.actor.id)
        row = session.get_one(CaseRow, case_id, populate_existing=True)
        return max(0.0, cases.lapses_at_db(row, house.city()) - db_now(session))

    return JSONResponse({"lapses_in": await house.store.write(unit)})


@router.post("/release")
async def release(request: Request, door: Annotated[Pass, Depends(may("case.release"))]) -> Response:
    """Give the talk back to the desk with what was agreed, and a note for colleagues if there is one."""
    agreed, note, next_date = door.text("agreed", FACT), door.text("note", NOTE), day(door, "next")
    if not agreed:
        raise RefusedError("約束したことを、ひとこと書いてください。")
    return await _act(
        request, door, lambda s, at: give_back(s, door, at, agreed=agreed, note=note, next_date=next_date)
    )


def give_back(
    session: Session, door: Pass, at: datetime, *, agreed: str, next_date: date | None, note: str = ""
) -> None:
    """Give the talk back to the desk; what was agreed, or the next day alone, is kept as a promise to the family."""
    case_id, actor = door.the_case.id, door.actor
    cases.release(session, case_id, actor.id, at, name=actor.work_name, agreed=agreed, next_date=next_date)
    if agreed or next_date:
        due = datetime.combine(next_date, time(23, 59), TOKYO) if next_date else None
        row = session.get_one(CaseRow, case_id)
        with suppress(KeyGoneError):
            shift.promise(session, case_id, row.resident_id, actor.id, "agreed", agreed or "次の連絡", at, due)
    _note(session, case_id, door, "release", "\n".join(part for part in (agreed, note) if part), at)


@router.post("/transfer")
async def transfer(request: Request, door: Annotated[Pass, Depends(may("case.transfer"))]) -> Response:
    """Hand the talk to the colleagues with a note: to whoever takes it, to one of them, or to a desk first."""
    house, note = house_of(request), door.text("note", NOTE)
    if not note:
        raise RefusedError("引き継ぐ人へのメモを書いてください。")

    def unit(session: Session, at: datetime) -> None:
        to = _to(session, door, house.city())
        case = cases.transfer(session, door.the_case.id, door.actor.id, at, name=door.actor.work_name, to=to)
        _note(session, case.id, door, "transfer", note, at)

    return await _act(request, door, unit)


@router.post("/assign")
async def assign(request: Request, door: Annotated[Pass, Depends(may("case.assign"))]) -> Response:
    """Ask one colleague, or a desk, to take a case that nobody holds."""
    house, note = house_of(request), door.text("note", NOTE)

    def unit(session: Session, at: datetime) -> None:
        to = _to(session, door, house.city())
        if to is None:
            raise RefusedError("だれにお願いするかを選んでください。")
        cases.assign(session, door.the_case.id, door.actor.id, to, at)
        _note(session, door.the_case.id, door, "transfer", note, at)

    return await _act(request, door, unit)


@router.post("/notes")
async def write_note(request: Request, door: Annotated[Pass, Depends(may("case.note"))]) -> Response:
    """Write to the colleagues on the case, for nobody in particular or for those who are named."""
    text, named = door.text("text", NOTE), frozenset(map(str, door.form.getlist("named")))
    if not text:
        raise RefusedError("メモを書いてください。")

    def unit(session: Session, at: datetime) -> None:
        row = session.get_one(CaseRow, door.the_case.id)
        known = {str(one.id): one.id for one in team.may_be_named(session, door.actor.id, row)}
        if not named <= known.keys():
            raise RefusedError("選んだ人には、いま書けません。画面を新しくしてください。")
        notes.keep_note(
            session, row.id, row.resident_id, door.actor.id, "note", text, at, [known[one] for one in sorted(named)]
        )

    return await _act(request, door, unit)


@router.post("/notes/seen")
async def see_notes(request: Request, door: Annotated[Pass, Depends(may("case.note"))]) -> Response:
    """Say that one has seen what colleagues wrote for one."""
    return await _act(request, door, lambda s, at: notes.see(s, door.the_case.id, door.actor.id, at))


@router.post("/seen")
async def seen(request: Request, door: Annotated[Pass, Depends(may("case.seen"))]) -> Response:
    """Say that it was read and when an answer comes, to colleagues and, where CARE C21 allows it, to the family."""
    house, case_id, actor = house_of(request), door.the_case.id, door.actor
    at, city = house.clock.now(), house.city()
    until = _moment(door.text("until", 40), at)

    def unit(session: Session) -> str:
        row = session.get_one(CaseRow, case_id)
        cases.answer_later(session, case_id, actor.id, at, until=until)
        shift.promise(session, case_id, row.resident_id, actor.id, "answer", "", at, until)
        return rooms.promise_answer(
            session,
            row.resident_id,
            at,
            city=city,
            case_id=case_id,
            staff_name=actor.work_name,
            until=until,
            language=cases.language(session, case_id, city),
            to_line=house.to_line,
        )

    outcome = await house.store.write(unit)
    if wants_json(request):
        return JSONResponse({"notice": labels.NOTICES[outcome]})
    return RedirectResponse(f"{request.scope.get('root_path', '')}/cases/{case_id}", 303)


@router.post("/close")
async def close(request: Request, door: Annotated[Pass, Depends(may("case.close"))]) -> Response:
    """End the talk."""
    agreed, note = door.text("agreed", FACT), door.text("note", NOTE)

    def unit(session: Session, at: datetime) -> None:
        case = cases.close(session, door.the_case.id, door.actor.id, at, name=door.actor.work_name, agreed=agreed)
        _note(session, case.id, door, "close", "\n".join(part for part in (agreed, note) if part), at)

    return await _act(request, door, unit)


@router.post("/reopen")
async def reopen(request: Request, door: Annotated[Pass, Depends(may("case.reopen"))]) -> Response:
    """Let a closed case wait again."""
    return await _act(request, door, lambda s, at: cases.reopen(s, door.the_case.id, door.actor.id, at))


@router.post("/lower")
async def lower(request: Request, door: Annotated[Pass, Depends(may("case.lower"))]) -> Response:
    """Lower the severity, with a reason."""
    wanted, reason = door.text("severity", 10), door.text("reason", 200)
    if wanted not in (Severity.CONCERN, Severity.URGENT):
        raise RefusedError("どこまで下げるかを選んでください。")
    return await _act(
        request,
        door,
        lambda s, at: cases.lower(s, door.the_case.id, door.actor.id, Severity(wanted), reason, at),
    )


def _to(session: Session, door: Pass, city: City) -> cases.To | None:
    """Return whom the form names: a colleague's id, a desk as desk:<id>, or nobody in particular."""
    chosen = door.text("to", 60)
    if chosen.startswith("desk:"):
        if city.desk(desk := chosen.removeprefix("desk:")) is None:
            raise RefusedError("その窓口は、いまありません。画面を新しくしてください。")
        return cases.To(desk_id=desk)
    if not chosen:
        return None
    row = session.get_one(CaseRow, door.the_case.id)
    if chosen not in {str(one.id) for one in team.may_be_asked(session, door.actor.id, row)}:
        raise RefusedError("その人には、いまお願いできません。画面を新しくしてください。")
    return cases.To(uuid.UUID(chosen))


def _moment(words: str, now: datetime) -> datetime:
    """Return when an answer is promised for; raise RefusedError when it is no time, past, or weeks away."""
    try:
        until = datetime.fromisoformat(words)
    except ValueError:
        raise RefusedError("いつまでに返事をするかを選んでください。") from None
    if until.tzinfo is None:
        until = until.replace(tzinfo=TOKYO)
    if not now < until <= now + FURTHEST:
        raise RefusedError("これから2週間までの時刻を選んでください。")
    return until


def _note(session: Session, case_id: uuid.UUID, door: Pass, kind: notes.NoteKind, words: str, at: datetime) -> None:
    row = session.get_one(CaseRow, case_id)
    with suppress(KeyGoneError):  # her words were destroyed on purpose: the case still ends, the note is not kept
        notes.keep_note(session, case_id, row.resident_id, door.actor.id, kind, words, at)


def day(door: Pass, name: str) -> date | None:
    """Return a day of the form, None when it is empty; raise RefusedError when it is no day."""
    words = door.text(name, 10)
    try:
        return date.fromisoformat(words) if words else None
    except ValueError:
        raise RefusedError("日付は 2026-11-24 のように書いてください。") from None
