"""One talk: what was said, why a person was called, who she is as far as known, and what staff can do now.

The rule: opening this page is an audited act; words stay blurred until the talk is held or somebody asks to see them
(CARE C32); every change goes through `cases`, so a lost claim is a calm sentence and never a lost draft.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException

from bot import cases, journal, media, memory, rooms
from bot.errors import RefusedError
from bot.i18n import Catalogs
from bot.messages import Severity
from bot.models import Audit, CaseRow, Journal, Outbox, Resident, Room, SignalRow
from bot.opening import TOKYO
from bot.profile import Profile
from bot.situation import CASE_TABLE, Case, City
from bot.store import append_audit, append_event, db_now
from handoff import audit, debriefing, notes, phrases, referrals, shift, staff, team, translation
from handoff.console import labels, live, saying, translate
from handoff.console.gate import House, Pass, house_of, may
from handoff.staff import Actor
from handoff.team import Member
from handoff.wording import say

SHOWN: Final = 200  # things said on one page; older ones behind a link

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
    quote: str | None = None  # what it answers; "" when those words were taken back
    meaning: str = ""  # in Japanese, of staff's words in another language
    by_machine: str = ""  # the service that translated staff's words; empty: nobody did
    edited: bool = False  # and a person changed them
    made: translation.Made | None = None  # what a service made of her words
    japanese: tuple[Piece, ...] = ()  # and that, with the evidence marked


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
    names: Mapping[uuid.UUID, str]  # of all staff
    may_name: tuple[Member, ...]  # in a note
    desk: str
    desk_why: tuple[str, ...]
    meant_for: str
    second: str  # who reads along
    readers: tuple[tuple[str, datetime], ...]  # who has read it and when last, the reader of this page left out
    offered: tuple[tuple[str, referrals.Offered], ...]  # by whom, and which place
    shown: tuple[str, ...]  # ids of the places that the desk itself showed last; told to the holder, as the profile is
    promises: tuple[tuple[str, shift.Promised], ...]  # by whom, and what; those that are open
    debrief: debriefing.Debrief | None  # after an emergency
    debriefed_by: str
    colleagues: tuple[Member, ...]  # who may be asked to take it
    family: tuple[tuple[str, str], ...]  # what she told of it, for the holder alone: label, words
    can: frozenset[str] = field(default_factory=frozenset)

    def waits_for(self, staff_id: uuid.UUID) -> bool:
        """Return whether a note names this person that she has not seen."""
        return any(one.named.get(staff_id, one.at) is None for _who, one in self.notes)


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
    made = translation.made(session, case.resident_id, [row.uid for row, _sent in rows], city)
    said = [
        replace(
            _said(session, row, sent, names, marks.get(row.uid, [])),
            media=files.get(row.uid),
            made=made.get(row.uid),
            japanese=highlight(made[row.uid].text, marks.get(row.uid, [])) if row.uid in made else (),
        )
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
    remembered = memory.look(session, resident.id) if mine else {}
    kept = notes.drafts(session, case_id, resident.id)
    allowed, why = rooms.may_talk_in_line(session, value, now, city)
    debrief = debriefing.of_case(session, case_id)
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
        names=names,
        may_name=tuple(team.may_be_named(session, actor.id, case)),
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
        shown=tuple(remembered.get("places", ())),
        promises=tuple((names.get(one.staff_id, ""), one) for one in shift.promises(session, [case_id])),
        debrief=debrief,
        debriefed_by=names.get(debrief.staff_id, "") if debrief and debrief.staff_id else "",
        colleagues=tuple(team.may_be_asked(session, actor.id, case)),
        family=labels.family(Profile.of(remembered), now.astimezone(TOKYO).date()),
        can=_possible(actor, value, case),
    )


def _possible(actor: Actor, case: Case, row: CaseRow) -> frozenset[str]:
    """Return the actions that the state and the role allow now; the page shows no others."""
    moves: set[str] = set(CASE_TABLE[case.state])
    found = moves & {"claim", "release", "transfer", "close", "reopen"}
    found |= {"note", "reply"} if case.held else {"note"}
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
    if body.get("picture") and words == saying.PICTURE:
        words = say(words)
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
        quote=_quoted(session, body["quote"]) if body.get("quote") else None,
        meaning=str(body.get("japanese", "")),
        by_machine=str(body.get("service", "")),
        edited=bool(body.get("edited")),
    )


def _quoted(session: Session, uid: str) -> str:
    row = session.scalars(select(Journal).where(Journal.uid == uuid.UUID(uid))).one_or_none()
    return str(journal.body(session, row).get("text", "")) if row is not None else ""


def _meaning(one: Said, known: Mapping[str, str]) -> str:
    return one.meaning or phrases.explained("".join(piece.text for piece in one.pieces), known)


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
    city = house.city()
    talk, standing = await store.read(
        lambda s: (
            read_talk(s, door.actor, case_id, city, now, house.words, before=before),
            translate.standing(house, s, case_id),
        )
    )
    return {
        "talk": talk,
        "shown": [place for id in talk.shown if (place := house.directory().get(id)) is not None],
        "standing": standing,
        "question_key": uuid.uuid5(case_id, f"translation:{standing.asked_at}"),
        "services": city.translation.services,
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
async def page(
    request: Request,
    door: Annotated[Pass, Depends(may("talk.read"))],
    before: Before = 0,
    quiet: str = "",
    quote: Before = 0,
) -> Response:
    """Show the talk; a supervisor may watch it `quiet`: colleagues' pages do not say that she has it open.

    `quote` is the journal number of words that the reply shall answer.
    """
    house = house_of(request)
    values = await _show(house, door, before=before)
    keys: dict[str, Any] = {
        "key": uuid.uuid4(),
        "ask_keys": {what: uuid.uuid4() for what in ("place", "phone", "picture")},
    }
    return house.page(
        request,
        "conversation/page.html",
        city=house.city().name,
        quiet=quiet == "yes" and door.actor.role == "supervisor",
        quote=quote,
        **keys,
        **values,
    )


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
