"""One talk: what was said, why a person was called, who she is as far as known, and what staff can do now.

The rule: opening this page is an audited act; words stay blurred until the talk is held or somebody asks to see them
(CARE C32); every change goes through `cases`, so a lost claim is a calm sentence and never a lost draft.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException

from bot import cases, journal, media, memory, rooms
from bot.errors import KeyGoneError, NotAllowedError, RefusedError
from bot.i18n import Catalogs
from bot.messages import Reply, Severity
from bot.models import Audit, CaseRow, Journal, Outbox, Resident, Room, SignalRow
from bot.opening import TOKYO
from bot.profile import Profile
from bot.render import ALT_TEXT
from bot.situation import CASE_TABLE, Case, City
from bot.store import append_audit, append_event, db_now
from handoff import audit, notes, phrases, referrals, shift, staff, team, watching
from handoff.console import labels, live
from handoff.console.gate import House, Pass, house_of, may, wants_json
from handoff.staff import Actor
from handoff.team import Member

SHOWN: Final = 200  # things said on one page; older ones behind a link
WORDS: Final = 2_000  # characters of a reply; LINE takes 5,000 UTF-16 units (facts/line.md)
FACT: Final = 200  # characters that the desk may tell the family
NOTE: Final = 4_000
FURTHEST: Final = timedelta(days=14)  # that an answer may be promised for

#: What a browser shows by itself -> how its file would end; everything else is only saved.
SHOWN_HERE: Final = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "audio/mp4": "m4a",
    "audio/mpeg": "mp3",
    "audio/aac": "aac",
    "audio/ogg": "ogg",
    "audio/wav": "wav",
    "video/mp4": "mp4",
    "video/webm": "webm",
}
ENDINGS: Final = {**SHOWN_HERE, "application/pdf": "pdf", "image/heic": "heic"}

router = APIRouter(prefix="/cases/{case_id}")
Before = Annotated[int, Query(ge=0, le=live.BIGGEST)]


@dataclass(frozen=True, slots=True)
class Piece:
    """Hold a stretch of text; with `why` it is evidence, and `gloss` says in Japanese what it means (CARE C28)."""

    text: str
    why: str = ""
    gloss: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """Hold one thing that was said or done in the talk."""

    id: int
    at: datetime
    who: str  # resident | desk | staff | system
    name: str
    place: str
    kind: str
    language: str
    pieces: tuple[Piece, ...]
    done: str = ""  # what was done, where no words were said
    unsent: bool = False
    state: str = ""  # of the request to LINE
    seen: datetime | None = None
    media: media.Seen | None = None
    meaning: str = ""  # in Japanese, of staff's words that are known sentences in another language


@dataclass(frozen=True, slots=True)
class Moved:
    """Hold one change of the case, for the same timeline."""

    at: datetime
    name: str
    text: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """Hold one signal as staff read it."""

    at: datetime
    kind: str
    severity: str
    aspects: tuple[str, ...]
    why: str
    gloss: str
    words: str


@dataclass(frozen=True, slots=True)
class Talk:
    """Hold everything on the page, read at once, and the cursor it was read at."""

    cursor: int
    case: CaseRow
    name: str
    timeline: tuple[Said | Moved, ...]
    earlier: bool  # there is more than is shown
    reasons: tuple[Reason, ...]
    resident: Resident
    language: str
    room: Room | None
    holder: str
    mine: bool
    waited: str
    lapses_in: float | None
    unanswered: bool
    unsent: int
    last_heard: int  # journal number of her last words
    default_place: str
    line_allowed: bool
    line_hint: str
    draft: str
    others_drafts: tuple[tuple[str, notes.Kept], ...]
    notes: tuple[tuple[str, notes.Kept], ...]
    desk: str
    desk_why: tuple[str, ...]
    meant_for: str
    second: str  # who reads along
    readers: tuple[tuple[str, datetime], ...]  # who has read it and when last, the reader of this page left out
    offered: tuple[tuple[str, referrals.Offered], ...]  # by whom, and which place
    promises: tuple[tuple[str, shift.Promised], ...]  # by whom, and what; those that are open
    colleagues: tuple[Member, ...]  # who may be asked to take it
    family: tuple[tuple[str, str], ...]  # what she told of it, for the holder alone: label, words
    can: frozenset[str] = field(default_factory=frozenset)


# --- reading --------------------------------------------------------------------------------------------------------


def read_talk(
    session: Session, actor: Actor, case_id: uuid.UUID, city: City, now: datetime, words: Catalogs, *, before: int = 0
) -> Talk:
    """Read the talk of one case and the cursor together. `before` is a journal number to go further back from."""
    cursor = live.newest(session)
    case = session.get_one(CaseRow, case_id)
    resident = session.get_one(Resident, case.resident_id)
    names = staff.work_names(session)
    signals = list(session.scalars(select(SignalRow).where(SignalRow.case_id == case_id).order_by(SignalRow.at)))
    reasons = tuple(
        Reason(s.at, s.kind, s.severity, tuple(s.aspects), s.why, s.gloss, cases.evidence(session, s)) for s in signals
    )
    marks: dict[uuid.UUID, list[Reason]] = {}
    for signal, reason in zip(signals, reasons, strict=True):
        if signal.journal_uid is not None and reason.words:
            marks.setdefault(signal.journal_uid, []).append(reason)

    statement = select(Journal, Outbox).join(Outbox, Outbox.id == Journal.outbox_id, isouter=True)
    statement = statement.where(Journal.resident_id == case.resident_id)
    if before:
        statement = statement.where(Journal.id < before)
    rows = session.execute(statement.order_by(Journal.id.desc()).limit(SHOWN + 1)).all()
    earlier = len(rows) > SHOWN
    files = media.seen(session, case.resident_id)
    said = [
        replace(_said(session, row, sent, names, marks.get(row.uid, [])), media=files.get(row.uid))
        for row, sent in reversed(rows[:SHOWN])
    ]
    known = {
        name: phrases.meanings(session, words, phrases.values(city, case.desk_id, name))
        for name in {one.name for one in said if one.who == "staff"}
    }
    said = [replace(one, meaning=_meaning(one, known[one.name])) if one.who == "staff" else one for one in said]
    timeline: list[Said | Moved] = [*_moves(session, case_id, names), *said]
    timeline.sort(key=lambda one: one.at)

    value = cases.as_case(case)
    mine = value.held and case.holder_id == actor.id
    told = Profile.of(memory.look(session, resident.id)) if mine else Profile()
    kept = notes.drafts(session, case_id, resident.id)
    allowed, why = rooms.may_talk_in_line(session, value, now, city)
    return Talk(
        cursor=cursor,
        case=case,
        name=labels.short(case.id),
        timeline=tuple(timeline),
        earlier=earlier,
        reasons=reasons,
        resident=resident,
        language=resident.language or resident.language_hint,
        room=session.scalars(select(Room).where(Room.resident_id == resident.id)).one_or_none(),
        holder=names.get(case.holder_id, "") if case.holder_id else "",
        mine=mine,
        waited=labels.waited((now - case.waiting_since_at).total_seconds()),
        lapses_in=max(0.0, cases.lapses_at_db(case, city) - db_now(session)) if value.held else None,
        unanswered=case.unanswered_since_db is not None,
        unsent=sum(one.state in labels.UNSENT for one in said),
        last_heard=max((one.id for one in said if one.who == "resident"), default=0),
        default_place=rooms.talk_place(session, resident.id, city),
        line_allowed=allowed,
        line_hint=labels.IN_LINE.get(why, "") if allowed else labels.NOT_IN_LINE.get(why, ""),
        draft=next((one.text for one in kept if one.staff_id == actor.id), ""),
        others_drafts=tuple((names.get(one.staff_id, ""), one) for one in kept if one.staff_id != actor.id),
        notes=tuple((names.get(one.staff_id, ""), one) for one in notes.notes(session, case_id, resident.id)),
        desk=desk.name if (desk := city.desk(case.desk_id)) is not None else "",
        desk_why=tuple(case.desk_why) if len(city.desks) > 1 else (),
        meant_for=names.get(case.meant_for_id, "") if case.meant_for_id else "",
        second=names.get(case.second_id, "") if case.second_id else "",
        readers=tuple(
            (names[id], at)
            for id, at in audit.readers(session, [case_id]).get(case_id, {}).items()
            if id in names and id not in (actor.id, case.holder_id)
        ),
        offered=tuple((names.get(one.staff_id, ""), one) for one in referrals.offered(session, case_id)),
        promises=tuple((names.get(one.staff_id, ""), one) for one in shift.promises(session, [case_id])),
        colleagues=tuple(team.may_be_asked(session, actor.id, case)),
        family=labels.family(told, now.astimezone(TOKYO).date()),
        can=_possible(actor, value, case),
    )


def _possible(actor: Actor, case: Case, row: CaseRow) -> frozenset[str]:
    """Return the actions that the state and the role allow now; the page shows no others."""
    moves: set[str] = set(CASE_TABLE[case.state])
    found = moves & {"claim", "release", "transfer", "close", "reopen"}
    found |= {"reply"} if case.held else set()
    if case.held and case.holder_id == actor.id:
        found |= {"want_second"} if row.second_wanted_at is None else set()
        found |= {"ask"} if case.severity is not Severity.CONCERN else set()
    elif case.held and (row.second_id != actor.id or row.second_wanted_at is not None):
        found |= {"second"}
    found |= {"assign"} if case.state in ("waiting", "offered", "declined", "on_hold") else set()
    if case.state == "waiting" and case.severity is Severity.CONCERN and row.reason != "complaint_staff":
        found |= {"seen"}
    found |= {"lower"} if case.state != "closed" and case.severity is not Severity.CONCERN else set()
    return frozenset(name for name in found if _allowed(actor, f"case.{name}", case))


def _allowed(actor: Actor, action: str, case: Case) -> bool:
    try:
        staff.authorize(actor, action, case)
    except RefusedError:
        return False
    return not (action == "case.close" and case.held and case.holder_id != actor.id)


def _said(
    session: Session, row: Journal, sent: Outbox | None, names: dict[uuid.UUID, str], marks: list[Reason]
) -> Said:
    body = journal.body(session, row)
    words = str(body.get("text") or "") or _place(body.get("place"))
    state = "" if sent is None else "in_flight" if sent.in_flight and sent.state == "pending" else sent.state
    return Said(
        id=row.id,
        at=row.at,
        who=row.who,
        name=names.get(row.staff_id, "") if row.staff_id else labels.WHO[row.who],
        place=row.place,
        kind=row.kind,
        language=row.language,
        pieces=highlight(words, marks),
        done=labels.DONE.get(row.kind, ""),
        unsent=row.unsent_at is not None or row.body_sealed is None,
        state=state,
        seen=row.seen_at,
    )


def _meaning(one: Said, known: Mapping[str, str]) -> str:
    return phrases.explained("".join(piece.text for piece in one.pieces), known)


def _place(place: list[Any] | None) -> str:
    """Return a location in words: its name, its address, and the degrees that a map or 119 takes."""
    if not place:
        return ""
    latitude, longitude, title, address = place
    return "\n".join(part for part in (title, address, f"{latitude:.5f}, {longitude:.5f}") if part)


def highlight(words: str, marks: list[Reason]) -> tuple[Piece, ...]:
    """Return the words in pieces, the evidence of each signal marked where it stands; overlaps keep the first."""
    found: list[tuple[int, int, Reason]] = []
    lowered = words.casefold()
    if len(lowered) != len(words):
        lowered = words  # folding changed the length: look for the very letters
    for mark in marks:
        start = lowered.find(mark.words.casefold() if lowered is not words else mark.words)
        if start >= 0:
            found.append((start, start + len(mark.words), mark))
    pieces, here = [], 0
    for start, end, mark in sorted(found, key=lambda one: (one[0], -one[1])):
        if start < here:
            continue
        if start > here:
            pieces.append(Piece(words[here:start]))
        pieces.append(Piece(words[start:end], mark.why or mark.kind, mark.gloss))
        here = end
    if here < len(words):
        pieces.append(Piece(words[here:]))
    return tuple(pieces)


def _moves(session: Session, case_id: uuid.UUID, names: dict[uuid.UUID, str]) -> list[Moved]:
    statement = select(Audit).where(Audit.case_id == case_id, Audit.action.in_(labels.MOVES), Audit.allowed.is_(True))
    found = []
    for row in session.scalars(statement.order_by(Audit.id)):
        who = row.actor.removeprefix("staff:")
        name = names.get(uuid.UUID(who), "") if who != row.actor else ""
        reason = row.reason if row.action == "case.lowered" else ""
        found.append(Moved(row.at, name, labels.MOVES[row.action], reason))
    return found


# --- pages ----------------------------------------------------------------------------------------------------------


async def _show(house: House, door: Pass, *, before: int = 0) -> dict[str, Any]:
    """Read the talk; write the reading into the audit first, once per sitting."""
    store, now, case_id, who = house.store, house.clock.now(), door.the_case.id, door.actor.id
    if not await store.read(lambda s: audit.reading_is_noted(s, who, case_id, now)):

        def unit(session: Session) -> None:
            audit.note_reading(session, who, case_id, now)
            cases.mark_read(session, case_id, now)
            append_event(session, "case.read", now, case_id=case_id)  # colleagues see who has read it

        await store.write(unit)
    talk = await store.read(lambda s: read_talk(s, door.actor, case_id, house.city(), now, house.words, before=before))
    return {
        "talk": talk,
        "now": now,
        "today": now.astimezone(TOKYO).date(),
        "signed": door.signed,
        "desks": house.city().desks,
        "later": later(house.city(), now),
    }


def later(city: City, now: datetime) -> tuple[datetime, ...]:
    """Return the times that an answer may be promised for: in half an hour, one, two, at closing, after opening."""
    here = now.astimezone(TOKYO)
    rounded = here + timedelta(minutes=-here.minute % 10, seconds=-here.second, microseconds=-here.microsecond)
    soon = [rounded + timedelta(minutes=minutes) for minutes in (30, 60, 120)] if city.open_now(now) else []
    ends = [end for desk in city.desks for start, end in desk.opening.spans(here.date()) if start <= now < end]
    opens = city.next_reading(max(ends, default=now))
    closing = [max(ends)] if ends and max(ends) > (soon[-1] if soon else now) else []
    return (*soon, *closing, *([opens + timedelta(hours=1)] if opens else [here + timedelta(days=1)]))


@router.get("")
async def page(request: Request, door: Annotated[Pass, Depends(may("talk.read"))], before: Before = 0) -> Response:
    """Show the talk."""
    house = house_of(request)
    values = await _show(house, door, before=before)
    keys: dict[str, Any] = {"key": uuid.uuid4(), "ask_keys": {what: uuid.uuid4() for what in ("place", "phone")}}
    return house.page(request, "conversation/page.html", city=house.city().name, **keys, **values)


@router.get("/parts")
async def parts(
    request: Request, door: Annotated[Pass, Depends(may("talk.read", human=False))], before: Before = 0
) -> Response:
    """Show the parts that change by themselves."""
    house = house_of(request)
    return house.page(request, "conversation/parts.html", **await _show(house, door, before=before))


# --- what was sent --------------------------------------------------------------------------------------------------


@router.get("/media/{media_id:uuid}")
async def media_page(
    request: Request, media_id: uuid.UUID, door: Annotated[Pass, Depends(may("media.open"))]
) -> Response:
    """Show a photo, film, voice or file to the holder; the bytes come from `media_file`."""
    house, case_id = house_of(request), door.the_case.id

    def unit(session: Session) -> media.Seen | None:
        return media.seen(session, session.get_one(CaseRow, case_id).resident_id).get(media_id)

    found = await house.store.read(unit)
    if found is None or found.state != "kept":
        raise HTTPException(404)
    shown = found.type.partition("/")[0] if found.type in SHOWN_HERE else ""
    if found.kind == "audio" and shown == "video":  # one container serves both
        shown = "audio"
    return house.page(
        request,
        "conversation/media.html",
        media=found,
        shown=shown,
        case=door.the_case,
        signed=door.signed,
        city=house.city().name,
    )


@router.get("/media/{media_id:uuid}/file")
async def media_file(
    request: Request, media_id: uuid.UUID, door: Annotated[Pass, Depends(may("media.open"))]
) -> Response:
    """Give the bytes to the holder: one audit row each time; never run, never guessed at, never kept by the browser."""
    house, case_id = house_of(request), door.the_case.id

    def look(session: Session) -> tuple[media.Seen, bytes] | None:
        return media.opened(session, session.get_one(CaseRow, case_id).resident_id, media_id)

    if (opened := await house.store.read(look)) is None:
        raise HTTPException(404)
    found, body = opened
    at, actor, detail = house.clock.now(), f"staff:{door.actor.id}", {"media": str(found.id), "kind": found.kind}
    await house.store.write(lambda s: append_audit(s, actor, "media.opened", at, case_id=case_id, detail=detail))
    way = "inline" if found.type in SHOWN_HERE else "attachment"
    name = f"{found.kind}-{found.id.hex[:4]}.{ENDINGS.get(found.type, 'bin')}"  # the sender's is nowhere kept
    headers = {
        "content-disposition": f'{way}; filename="{name}"',
        "content-security-policy": "sandbox; default-src 'none'",
    }
    return Response(body, media_type=found.type, headers=headers)


# --- acts -----------------------------------------------------------------------------------------------------------


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
    """Say something to the family: in the room with a notice, or in LINE where CARE C19 and C21 allow it.

    The door asks for `case.draft` only, so that a repeated press after the claim ended finds its own message; whether
    the actor holds the case is asked in `say`, by `authorize` and by the compare-and-swap of `cases.reply`.
    """
    words = door.text("words", WORDS)
    if not words:
        raise RefusedError("ことばを入れてください。")
    try:
        outcome = await say(house_of(request), door, lambda _session: Words(words))
    except RefusedError:
        await _keep_draft(house_of(request), door, words)  # a form without scripts keeps nothing by itself
        raise
    return said(request, door, outcome)


@router.post("/ask")
async def ask(request: Request, door: Annotated[Pass, Depends(may("case.ask"))]) -> Response:
    """Ask for the place or a telephone number with one tap, in the resident's language, in LINE if it may be (C29)."""
    house, city = house_of(request), house_of(request).city()
    asked = {"place": phrases.ASK_PLACE, "phone": phrases.ASK_PHONE}.get(door.typed("what"))
    if asked is None:
        raise RefusedError("画面が古くなりました。開きなおしてください。")

    def compose(session: Session) -> Words:
        language = memory.language(session, session.get_one(CaseRow, door.the_case.id).resident_id, city)
        in_line = house.to_line((phrases.question(asked),), language)
        return Words(house.words.sentence(asked, language), in_line, language, drafted=False)

    return said(request, door, await say(house, door, compose))


@dataclass(frozen=True, slots=True)
class Words:
    """Hold what staff say: the words as journal and room keep them, and what LINE gets instead if that is more."""

    text: str
    in_line: Sequence[dict[str, Any]] = ()
    language: str = "ja"
    drafted: bool = True  # they were the reply that was being written, whose draft is done with
    then: Callable[[Session, datetime], None] = lambda _session, _at: None  # in the same transaction, once


async def say(house: House, door: Pass, compose: Callable[[Session], Words]) -> str:
    """Say what `compose` words, where the form says, once for each `key` of the form; return what became of the notice.

    Raise NotAllowedError, written into the audit, when the case is not the actor's.
    """
    actor, case_id = door.actor, door.the_case.id
    wanted = str(door.form.get("place", ""))  # room | line | best: LINE where it is allowed now
    key = _uuid(str(door.form.get("key", "")))
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
        place: journal.Place = "line" if wanted in ("line", "best") and allowed else "room"
        veil: list[dict[str, Any]] = []
        if place == "line" and not rooms.writes_now(session, resident.id):
            veil = house.to_line((Reply((ALT_TEXT,)),), memory.language(session, resident.id, city))
        sent = cases.reply(
            session,
            case_id,
            actor.id,
            words.text,
            at,
            key=key,
            name=actor.work_name,
            place=place,
            language=words.language,
            veil=veil,
            in_line=words.in_line,
        )
        if words.drafted:
            notes.drop_draft(session, case_id, actor.id)
        if not sent.fresh:
            return ""
        words.then(session, at)
        shift.keep_answers(session, case_id, actor.id, at)
        if place == "line":
            rooms.log_line_talk(session, f"staff:{actor.id}", case_id, reason, at)
            return "line"
        return rooms.notify(
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


@router.post("/release")
async def release(request: Request, door: Annotated[Pass, Depends(may("case.release"))]) -> Response:
    """Give the talk back to the desk with a fact for the family, and a note for colleagues if there is one."""
    agreed, note, next_date = door.text("agreed", FACT), door.text("note", NOTE), _date(door.text("next", 10))
    if not agreed:
        raise RefusedError("約束したことを、ひとこと書いてください。")

    def unit(session: Session, at: datetime) -> None:
        case = cases.release(
            session,
            door.the_case.id,
            door.actor.id,
            at,
            name=door.actor.work_name,
            agreed=agreed,
            next_date=next_date,
        )
        _promised(session, case.id, door, agreed, at, next_date)
        _note(session, case.id, door, "release", "\n".join(part for part in (agreed, note) if part), at)

    return await _act(request, door, unit)


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
            language=memory.language(session, row.resident_id, city),
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


def _promised(
    session: Session, case_id: uuid.UUID, door: Pass, agreed: str, at: datetime, next_date: date | None
) -> None:
    """Keep what was agreed with the family as a promise, due by the end of its day if it has one."""
    due = datetime.combine(next_date, time(23, 59), TOKYO) if next_date else None
    row = session.get_one(CaseRow, case_id)
    with suppress(KeyGoneError):
        shift.promise(session, case_id, row.resident_id, door.actor.id, "agreed", agreed, at, due)


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


def _uuid(words: str) -> uuid.UUID:
    try:
        return uuid.UUID(words)
    except ValueError:
        raise RefusedError("画面が古くなりました。開きなおして、もう一度送ってください。") from None


def _date(words: str) -> date | None:
    try:
        return date.fromisoformat(words) if words else None
    except ValueError:
        raise RefusedError("日付は 2026-11-24 のように書いてください。") from None
