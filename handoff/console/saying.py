"""Saying something to the family: by the holder alone, once for each form, in the room or in LINE.

The rule: every word of staff goes through `say`, so where it may go (CARE C19, C21), who may send it and that it is
sent once is decided in one place.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile

from bot import cases, journal, media, memory, rooms
from bot.errors import NotAllowedError, RefusedError
from bot.messages import Reply
from bot.models import CaseRow, Journal, Resident
from bot.opening import TOKYO
from bot.render import ALT_TEXT
from handoff import audit, notes, phrases, pictures, shift, staff
from handoff.console import acts, labels
from handoff.console.gate import House, Pass, house_of, may, wants_json
from handoff.wording import later

FORM: Final = 64 * 1024  # bytes of a form beside its file
PICTURE: Final = later("（写真）")  # what the journal says where a picture came without words
WORDS: Final = 2_000  # characters of a reply; LINE takes 5,000 UTF-16 units (facts/line.md)

router = APIRouter(prefix="/cases/{case_id}")


@router.post("/draft")
async def draft(request: Request, door: Annotated[Pass, Depends(may("case.draft"))]) -> Response:
    """Keep what was typed and not sent."""
    at = await _keep_draft(house_of(request), door, str(door.form.get("words", ""))[:WORDS])
    return JSONResponse({"at": labels.moment(at, at.astimezone(TOKYO).date())})


async def _keep_draft(house: House, door: Pass, words: str) -> datetime:
    at, case_id = house.clock.now(), door.the_case.id

    def unit(session: Session) -> None:
        row = session.get_one(CaseRow, case_id)
        notes.keep_draft(session, case_id, row.resident_id, door.actor.id, words, at)

    await house.store.write(unit)
    return at


@router.post("/reply")
async def reply(request: Request, door: Annotated[Pass, Depends(may("case.draft"))]) -> Response:
    """Say something to the family, in the room with a notice or in LINE, and give the talk back after it if asked.

    The door asks for `case.draft` only, so that a repeated press after the claim ended finds its own message; whether
    the actor holds the case is asked in `say`, by `authorize` and by the compare-and-swap of `cases.reply`.
    """
    words, agreed, next_date = door.text("words", WORDS), door.text("agreed", acts.FACT), acts.day(door, "next")
    if not words:
        raise RefusedError("ことばを入れてください。")

    def give_back(session: Session, at: datetime) -> None:
        acts.give_back(session, door, at, agreed=agreed, next_date=next_date)

    ends, quoted = door.typed("then") == "release", door.number("quote")

    def compose(session: Session) -> Words:
        after = give_back if ends else nothing
        if not quoted:
            return Words(words, then=after)
        uid, token = _quoted(session, door.the_case.id, quoted)
        in_line = ({"type": "text", "text": words, "quoteToken": token},) if token else ()
        return Words(words, in_line, more={"quote": str(uid)}, then=after)

    try:
        outcome = await say(house_of(request), door, compose)
    except RefusedError:
        await _keep_draft(house_of(request), door, words)  # a form without scripts keeps nothing by itself
        raise
    return said(request, door, outcome)


def _quoted(session: Session, case_id: uuid.UUID, number: int) -> tuple[uuid.UUID, str]:
    """Return the uid of the family's words with this number in the journal, and LINE's token to quote them by."""
    row = session.get(Journal, number)
    case = session.get_one(CaseRow, case_id)
    body = journal.body(session, row) if row is not None and row.resident_id == case.resident_id else {}
    if row is None or row.who != "resident" or not body.get("text"):
        raise RefusedError("引用することばは、もう見られません。引用をやめて、もう一度送ってください。")
    return row.uid, str(body.get("quote_token", ""))


@router.post("/picture", max_body_size=pictures.LARGEST + FORM)
async def picture(request: Request, door: Annotated[Pass, Depends(may("case.draft"))]) -> Response:
    """Send a picture in the room, with words of one's own if there are any; never into LINE, which would keep it."""
    file, words = door.form.get("file"), door.text("words", WORDS)
    if not isinstance(file, UploadFile) or not file.filename or not file.size:
        raise RefusedError("送る画像を選んでください。")
    if file.size > pictures.LARGEST:
        raise RefusedError("画像が大きすぎます（{most}MBまで）。", most=pictures.LARGEST // 1024 // 1024)
    body = await asyncio.to_thread(pictures.redrawn, await file.read())

    def compose(session: Session) -> Words:
        resident = session.get_one(CaseRow, door.the_case.id).resident_id
        uid = cases.said_as(door.the_case.id, key_of(door))
        return Words(
            words or PICTURE,
            more={"picture": True, **({} if words else {"before": ""})},
            drafted=False,
            then=lambda s, at: media.keep(s, resident, uid, body, at),
        )

    return said(request, door, await say(house_of(request), door, compose, place="room"))


@router.post("/ask")
async def ask(request: Request, door: Annotated[Pass, Depends(may("case.ask"))]) -> Response:
    """Ask for the place or a telephone number with one tap, in the resident's language, in LINE if it may be (C29)."""
    house, city = house_of(request), house_of(request).city()
    asked = {"place": phrases.ASK_PLACE, "phone": phrases.ASK_PHONE}.get(door.typed("what"))
    if asked is None:
        raise RefusedError("画面が古くなりました。開きなおしてください。")

    def compose(session: Session) -> Words:
        language = cases.language(session, door.the_case.id, city)
        in_line = house.to_line((phrases.question(asked),), language)
        return Words(house.words.sentence(asked, language), in_line, language, drafted=False)

    return said(request, door, await say(house, door, compose))


def nothing(_session: Session, _at: datetime) -> None:
    """Do nothing more."""


@dataclass(frozen=True, slots=True)
class Words:
    """Hold what staff say: the words as journal and room keep them, and what LINE gets instead if that is more."""

    text: str
    in_line: Sequence[dict[str, Any]] = ()
    language: str = "ja"
    more: Mapping[str, Any] = field(default_factory=dict)  # what the journal keeps with them
    drafted: bool = True  # they were the reply that was being written, whose draft is done with
    then: Callable[[Session, datetime], None] = nothing  # in the same transaction, once


async def say(house: House, door: Pass, compose: Callable[[Session], Words], *, place: str = "") -> str:
    """Say what `compose` words, once for each `key` of the form; return what became of the notice.

    `place` is room, line, or best (LINE where it is allowed now); without it, what the form says.

    Raise NotAllowedError, written into the audit, when the case is not the actor's.
    """
    actor, case_id = door.actor, door.the_case.id
    wanted, key = place or str(door.form.get("place", "")), key_of(door)
    at, city = house.clock.now(), house.city()

    def unit(session: Session) -> str:
        words = compose(session)
        if cases.said_before(session, case_id, key, words.text) is not None:
            if words.drafted:
                notes.drop_draft(session, case_id, actor.id)
            return ""
        case = cases.get_case(session, case_id)
        staff.authorize(actor, "case.reply", case)
        assert case is not None
        row = session.get_one(CaseRow, case_id)
        resident = session.get_one(Resident, row.resident_id)
        allowed, reason = rooms.may_talk_in_line(session, case, at, city)
        if wanted == "line" and not allowed:
            raise RefusedError(labels.NOT_IN_LINE.get(reason, labels.NOT_IN_LINE["room"]))
        where: journal.Place = "line" if wanted in ("line", "best") and allowed else "room"
        veil: list[dict[str, Any]] = []
        if where == "line" and not rooms.writes_now(session, resident.id):
            veil = house.to_line((Reply((ALT_TEXT,)),), memory.language(session, resident.id, city))
        sent = cases.reply(
            session,
            case_id,
            actor.id,
            words.text,
            at,
            key=key,
            name=actor.work_name,
            place=where,
            language=words.language,
            veil=veil,
            in_line=words.in_line,
            more=words.more,
        )
        if words.drafted:
            notes.drop_draft(session, case_id, actor.id)
        if not sent.fresh:
            return ""
        shift.keep_answers(session, case_id, actor.id, at)
        if where == "line":
            rooms.log_line_talk(session, f"staff:{actor.id}", case_id, reason, at)
            outcome = "line"
        else:
            outcome = rooms.notify(
                session,
                resident.id,
                at,
                city=city,
                case_id=case_id,
                staff_name=actor.work_name,
                language=memory.language(session, resident.id, city),
                room_url_base=house.base_url,
                to_line=house.to_line,
            )
        words.then(session, at)
        return outcome

    try:
        return await house.store.write(unit)
    except NotAllowedError:
        await house.store.write(lambda s: audit.note_refusal(s, actor.id, "case.reply", case_id, at, "role or holder"))
        raise


def said(request: Request, door: Pass, outcome: str) -> Response:
    """Answer a form whose words were said."""
    if wants_json(request):
        return JSONResponse({"key": str(uuid.uuid4()), "notice": labels.NOTICES.get(outcome, "")})
    return RedirectResponse(f"{request.scope.get('root_path', '')}/cases/{door.the_case.id}#latest", 303)


def key_of(door: Pass) -> uuid.UUID:
    """Return the key under which a form says its words once; raise RefusedError when it has none."""
    try:
        return uuid.UUID(str(door.form.get("key", "")))
    except ValueError:
        raise RefusedError("画面が古くなりました。開きなおして、もう一度送ってください。") from None
