"""The private web room of each resident: links, visits, what a browser may see, and the notice in LINE.

The rule: whoever holds a link sees staff's unread words and what follows, never what came before (CARE C20); LINE
carries no content, only that words wait here. Every function is a unit of work: it never commits and never sends.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, cast

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, true, update
from sqlalchemy.orm import Session

from bot import cases, crypto, journal, media, memory
from bot.messages import ROOM_LINK, Choice, Clocktime, Phrase, Reply, Severity, _
from bot.models import CaseRow, Consent, Journal, Resident, Room, RoomLink, RoomVisit
from bot.opening import TOKYO
from bot.situation import Case, City
from bot.store import (
    append_audit,
    append_event,
    db_now,
    enqueue_job,
    enqueue_outbox,
    is_sqlite,
    now_expression,
    upsert,
)

ToLine = Callable[..., list[dict[str, Any]]]  # (replies, language, *, room_url) -> 1..5 LINE messages
NoticeOutcome = Literal["sent", "out", "reading", "quiet"]

VISIT_SECONDS: Final = 43_200  # a browser may return for twelve hours at most,
IDLE_SECONDS: Final = 3_600  # and for one hour after it last showed the room
FRESH_SECONDS: Final = 300  # CARE C21: "when they write" = a push no later than five minutes after their last words
READING_SECONDS: Final = 60  # a browser that showed the room this recently is taken to be looking (it asks every 20 s)
READING_AGAIN_SECONDS: Final = 45  # words that nobody has seen after this get their notice after all
UNOPENED_SECONDS: Final = 120  # CARE C19: not opened within two minutes, staff may go on in LINE
ENTRANCE_SECONDS: Final = 600  # who writes in LINE gets a fresh entrance at most this often
TRIES: Final = 5  # wrong 合言葉 before a wait
TRIES_WAIT_SECONDS: Final = 900  # the first wait; each next one is twice as long,
TRIES_WAIT_MOST: Final = 86_400  # a day at most
KEEP_SECONDS: Final = 604_800  # used and expired links and visits are swept after a week
SHOWN: Final = 300  # bubbles on one page

NOTICE_JOB: Final = "room_notice"
TALK_IN_LINE: Final = "talk_in_line"  # kind of Consent: the resident chose LINE (talk_in = ask)


@dataclass(frozen=True, slots=True)
class Visit:
    """Hold one browser in one room. `since` and `unread_from` are journal numbers: what it may see (CARE C20)."""

    token_hash: str
    room_id: uuid.UUID
    resident_id: uuid.UUID
    csrf: str
    since: int
    unread_from: int
    unlocked: bool
    language: str  # "" when neither chosen nor hinted
    has_password: bool


@dataclass(frozen=True, slots=True)
class Bubble:
    """Hold one thing said in the room; `language` is "" when unknown, `staff_id` only for staff's words."""

    id: int
    who: Literal["resident", "desk", "staff"]
    text: str
    at: datetime
    language: str = ""
    staff_id: uuid.UUID | None = None
    quote: str | None = None  # what it answers; "" where this browser may not see that (CARE C20)
    cards: tuple[Mapping[str, Any], ...] = ()  # `render.to_page`; `text` is then what was said before them
    picture: uuid.UUID | None = None


# --- links ----------------------------------------------------------------------------------------


def room_of(session: Session, resident_id: uuid.UUID, at: datetime) -> uuid.UUID:
    """Return the id of the resident's room, which is made when there is none yet."""
    statement = (
        upsert(session, Room)
        .values(id=uuid.uuid4(), resident_id=resident_id, created_at=at)
        .on_conflict_do_nothing(index_elements=[Room.resident_id])
    )
    session.execute(statement)
    return session.execute(select(Room.id).where(Room.resident_id == resident_id)).scalar_one()


def make_link(session: Session, resident_id: uuid.UUID, *, ttl_seconds: int, at: datetime) -> str:
    """Return a fresh token (256 bits) that opens the resident's room once, for `ttl_seconds` of database time.

    Only its hash is stored. Earlier links stay alive until they are used or expire.
    """
    token = crypto.new_token()
    now = db_now(session)
    session.execute(
        insert(RoomLink).values(
            token_hash=crypto.token_hash(token),
            room_id=room_of(session, resident_id, at),
            created_db=now,
            expires_db=now + ttl_seconds,
        )
    )
    return token


def link_url(base_url: str, token: str) -> str:
    """Return the address that opens a room with `token`."""
    return f"{base_url}/room/enter/{token}"


def redeem(session: Session, token: str, at: datetime) -> str | None:
    """Use a link up and return a new visit's token for the browser's cookie; None for any link that does not open.

    What the browser may see begins here: staff's words that are unread now, and everything from now on (CARE C20).
    """
    now = now_expression(session)
    room_id = session.execute(
        update(RoomLink)
        .where(
            RoomLink.token_hash == crypto.token_hash(token), RoomLink.redeemed_db.is_(None), RoomLink.expires_db > now
        )
        .values(redeemed_db=now)
        .returning(RoomLink.room_id)
    ).scalar_one_or_none()
    if room_id is None:
        return None
    resident_id = session.execute(select(Room.resident_id).where(Room.id == room_id)).scalar_one()
    newest, unread = session.execute(
        select(
            func.max(Journal.id),
            func.min(Journal.id).filter(_unread()),
        ).where(Journal.resident_id == resident_id)
    ).one()
    visit_token, since, moment = crypto.new_token(), newest or 0, db_now(session)
    session.execute(
        insert(RoomVisit).values(
            token_hash=crypto.token_hash(visit_token),
            room_id=room_id,
            csrf=crypto.new_token(),
            created_db=moment,
            seen_db=moment,
            expires_db=moment + IDLE_SECONDS,
            since_journal_id=since,
            unread_journal_id=unread or since + 1,
        )
    )
    case = cases.open_case(session, resident_id)
    append_event(session, "room.opened", at, case_id=case.id if case else None, resident_id=resident_id)
    return visit_token


def opens_again(session: Session, token: str, visit: Visit) -> bool:
    """Return whether `token` was a link to the very room that this living visit is in (the same browser returns)."""
    room_id = session.execute(
        select(RoomLink.room_id).where(RoomLink.token_hash == crypto.token_hash(token))
    ).scalar_one_or_none()
    return room_id == visit.room_id


# --- visits ---------------------------------------------------------------------------------------


def find_visit(session: Session, visit_token: str) -> Visit | None:
    """Return the living visit of a cookie, or None; reads only."""
    row = session.execute(
        select(RoomVisit, Room, Resident)
        .join(Room, Room.id == RoomVisit.room_id)
        .join(Resident, Resident.id == Room.resident_id)
        .where(
            RoomVisit.token_hash == crypto.token_hash(visit_token),
            RoomVisit.expires_db > now_expression(session),
        )
    ).one_or_none()
    if row is None:
        return None
    visit, room, resident = row
    talked = memory.look(session, resident.id).get("language", "")
    return Visit(
        token_hash=visit.token_hash,
        room_id=room.id,
        resident_id=resident.id,
        csrf=visit.csrf,
        since=visit.since_journal_id,
        unread_from=visit.unread_journal_id,
        unlocked=visit.unlocked,
        language=resident.language or str(talked) or resident.language_hint,
        has_password=bool(room.password_hash),
    )


def end_visit(session: Session, visit_token: str) -> None:
    """End a browser's visit: returning needs a fresh link."""
    session.execute(delete(RoomVisit).where(RoomVisit.token_hash == crypto.token_hash(visit_token)))


def show(session: Session, visit: Visit, at: datetime) -> tuple[Bubble, ...]:
    """Return what this browser may see, oldest first, and note that it was shown.

    Staff's words are marked seen, the notice counts as answered, and the visit lives on (an hour from now, twelve
    hours from its beginning at most).
    """
    newest_first = select(Journal).where(_visible(visit)).order_by(Journal.id.desc()).limit(SHOWN)
    rows = list(reversed(session.execute(newest_first).scalars().all()))
    fresh = [row for row in rows if row.who == "staff" and row.seen_at is None]
    touch(session, visit, unread_from=min(visit.unread_from, *(row.id for row in fresh)) if fresh else None)
    session.execute(update(Room).where(Room.id == visit.room_id).values(opened_at=at, notice_out=False))
    if fresh:
        session.execute(update(Journal).where(Journal.id.in_([row.id for row in fresh])).values(seen_at=at))
        append_event(session, "room.opened", at, case_id=fresh[-1].case_id, resident_id=visit.resident_id)
    return tuple(bubble for row in rows if (bubble := _bubble(session, row, visit)) is not None)


def picture(session: Session, visit: Visit, uid: uuid.UUID) -> bytes | None:
    """Return a picture that staff sent and this browser may see, or None."""
    row = session.scalars(select(Journal).where(Journal.uid == uid, Journal.who == "staff", _visible(visit)))
    found = media.opened(session, visit.resident_id, uid) if row.one_or_none() is not None else None
    return found[1] if found is not None and found[0].kind == "image" else None


def touch(session: Session, visit: Visit, *, unread_from: int | None = None) -> None:
    """Note that this browser is looking now, so that its visit lives on within its twelve hours."""
    now = db_now(session)
    values: dict[str, Any] = {
        "seen_db": now,
        "expires_db": _least(session, RoomVisit.created_db + VISIT_SECONDS, now + IDLE_SECONDS),
    }
    if unread_from is not None:  # words that were committed late stay visible in the browser that showed them
        values["unread_journal_id"] = unread_from
    session.execute(update(RoomVisit).where(RoomVisit.token_hash == visit.token_hash).values(**values))


def state(session: Session, visit: Visit) -> str:
    """Return a short mark that changes whenever what this browser may see changes; reads only."""
    count, newest = session.execute(select(func.count(Journal.id), func.max(Journal.id)).where(_visible(visit))).one()
    return f"{count}.{newest or 0}"


def _bubble(session: Session, row: Journal, visit: Visit) -> Bubble | None:
    body = journal.body(session, row)
    if not body.get("text"):
        return None
    cards = tuple(body.get("cards", ()))
    return Bubble(
        id=row.id,
        who=cast(Literal["resident", "desk", "staff"], row.who),
        text=str(body.get("before", body["text"])),
        at=row.at,
        language=row.language,
        staff_id=row.staff_id if row.who == "staff" else None,
        quote=_quoted(session, uuid.UUID(body["quote"]), visit) if body.get("quote") else None,
        cards=cards,
        picture=row.uid if body.get("picture") else None,
    )


def _quoted(session: Session, uid: uuid.UUID, visit: Visit) -> str:
    row = session.scalars(select(Journal).where(Journal.uid == uid, _visible(visit))).one_or_none()
    return str(journal.body(session, row).get("text", "")) if row is not None else ""


def _spoken() -> ColumnElement[bool]:
    """Say which journal rows belong on the page: what was said in the room and not taken back."""
    return and_(
        Journal.place == "room", Journal.who.in_(("resident", "desk", "staff")), Journal.body_sealed.is_not(None)
    )


def _unread() -> ColumnElement[bool]:
    return and_(_spoken(), Journal.who == "staff", Journal.seen_at.is_(None))


def _visible(visit: Visit) -> ColumnElement[bool]:
    return and_(
        Journal.resident_id == visit.resident_id,
        _spoken(),
        or_(
            Journal.id > visit.since,
            and_(Journal.who == "staff", or_(Journal.id >= visit.unread_from, Journal.seen_at.is_(None))),
        ),
    )


# --- 合言葉 (CARE C20) -------------------------------------------------------------------------------


def set_password(session: Session, visit: Visit, password_hash: str) -> bool:
    """Keep the resident's own 合言葉 (an argon2id hash); return False where another one is set and was not said here.

    It will open what this browser can see now and all that follows; it never opens what its setter could not see.
    """
    allowed = Room.password_hash == ""
    if _unlocked(session, visit):
        allowed = true()
    row = session.execute(
        update(Room)
        .where(Room.id == visit.room_id, allowed)
        .values(
            password_hash=password_hash,
            password_since_id=visit.since,
            password_unread_id=visit.unread_from,
            password_failures=0,
            password_blocked_until_db=0.0,
        )
        .returning(Room.id)
    ).one_or_none()
    if row is None:
        return False
    session.execute(update(RoomVisit).where(RoomVisit.room_id == visit.room_id).values(unlocked=False))
    session.execute(update(RoomVisit).where(RoomVisit.token_hash == visit.token_hash).values(unlocked=True))
    return True


def forget_password(session: Session, resident_id: uuid.UUID) -> None:
    """Take the 合言葉 away, so that a new one can be set; what it opened stays closed."""
    session.execute(
        update(Room)
        .where(Room.resident_id == resident_id)
        .values(password_hash="", password_failures=0, password_blocked_until_db=0.0)
    )


def take_try(session: Session, visit: Visit) -> str:
    """Count one try of the 合言葉 and return the hash to compare with; "" when none is set or a wait is on.

    Counted before it is compared, so that tries at the same time are all counted. After every fifth wrong one the
    room waits, 15 minutes first, then twice as long each time, a day at most; a new link changes nothing about it.
    """
    now = db_now(session)
    row = session.execute(
        update(Room)
        .where(Room.id == visit.room_id, Room.password_hash != "", Room.password_blocked_until_db <= now)
        .values(password_failures=Room.password_failures + 1)
        .returning(Room.password_hash, Room.password_failures)
    ).one_or_none()
    if row is None:
        return ""
    if row.password_failures % TRIES == 0:
        wait = min(TRIES_WAIT_SECONDS * 2 ** min(row.password_failures // TRIES - 1, 16), TRIES_WAIT_MOST)
        session.execute(update(Room).where(Room.id == visit.room_id).values(password_blocked_until_db=now + wait))
    return str(row.password_hash)


def unlock(session: Session, visit: Visit, password_hash: str) -> bool:
    """Open what the 合言葉 opens, in this browser; `password_hash` is the one that was compared."""
    room = session.execute(
        update(Room)
        .where(Room.id == visit.room_id, Room.password_hash == password_hash)
        .values(password_failures=0, password_blocked_until_db=0.0)
        .returning(Room.password_since_id, Room.password_unread_id)
    ).one_or_none()
    if room is None:
        return False
    session.execute(
        update(RoomVisit)
        .where(RoomVisit.token_hash == visit.token_hash)
        .values(
            unlocked=True,
            since_journal_id=min(visit.since, room.password_since_id),
            unread_journal_id=min(visit.unread_from, room.password_unread_id),
        )
    )
    return True


def _unlocked(session: Session, visit: Visit) -> bool:
    found = session.execute(select(RoomVisit.unlocked).where(RoomVisit.token_hash == visit.token_hash))
    return bool(found.scalar_one_or_none())


# --- where the talk is held (CARE C19) ------------------------------------------------------------


def talk_place(session: Session, resident_id: uuid.UUID, city: City) -> journal.Place:
    """Return where staff's words go: the city's policy; with `ask` the resident's last choice, else the room."""
    if city.talk_in != "ask":
        return city.talk_in
    chosen = session.execute(
        select(Consent.given)
        .where(Consent.resident_id == resident_id, Consent.kind == TALK_IN_LINE)
        .order_by(Consent.at.desc())
        .limit(1)
    ).scalar_one_or_none()
    return "line" if chosen else "room"


def choose_place(session: Session, resident_id: uuid.UUID, place: journal.Place, at: datetime) -> None:
    """Keep where the resident wants to talk; it counts where the city asks (`talk_in` = ask)."""
    session.execute(
        insert(Consent).values(
            id=uuid.uuid4(), resident_id=resident_id, kind=TALK_IN_LINE, given=place == "line", at=at
        )
    )


def may_talk_in_line(session: Session, case: Case, now: datetime, city: City) -> tuple[bool, str]:
    """Return whether staff may write content into LINE now, and why or why not (an id for the log).

    policy, chosen: LINE is the place. not_opened: urgent or emergency, and the room was not opened within two minutes
    of the notice (CARE C19). Not allowed: room, not_urgent, no_notice, opened, wait, contact_safety (CARE C21).
    """
    row = session.execute(
        select(CaseRow.resident_id, Room.notice_out, Room.notice_at)
        .join(Room, Room.resident_id == CaseRow.resident_id, isouter=True)
        .where(CaseRow.id == case.id)
    ).one_or_none()
    if row is None:
        return False, "room"
    if _must_stay_quiet(session, row.resident_id):
        return False, "contact_safety"
    if talk_place(session, row.resident_id, city) == "line":
        return True, "policy" if city.talk_in == "line" else "chosen"
    if case.severity.rank < Severity.URGENT.rank:
        return False, "not_urgent"
    if row.notice_at is None or (case.opened_at is not None and row.notice_at < case.opened_at):
        return False, "no_notice"
    if not row.notice_out:
        return False, "opened"
    if now - row.notice_at < timedelta(seconds=UNOPENED_SECONDS):
        return False, "wait"
    return True, "not_opened"


def log_line_talk(session: Session, actor: str, case_id: uuid.UUID, reason: str, at: datetime) -> None:
    """Write down that staff wrote content into LINE, and why it was allowed (CARE C19)."""
    append_audit(session, actor, "talk.line", at, case_id=case_id, reason=reason)


def _must_stay_quiet(session: Session, resident_id: uuid.UUID) -> bool:
    """Return whether nothing may be sent into LINE unasked (CARE C21).

    `any`: never quiet. `when_writing`: quiet unless they wrote within the last five minutes. `times`: the hours that
    a resident names; until there are any, every hour is outside of them and it behaves like `when_writing`.
    """
    safety = session.scalars(select(Resident.contact_safety).where(Resident.id == resident_id)).one()
    return safety != "any" and not writes_now(session, resident_id)


def writes_now(session: Session, resident_id: uuid.UUID) -> bool:
    """Return whether the resident wrote within the last five minutes, so that it is she who holds the phone."""
    last = session.scalars(select(Resident.last_inbound_db).where(Resident.id == resident_id)).one()
    return db_now(session) - last <= FRESH_SECONDS


# --- the notice in LINE ---------------------------------------------------------------------------


def notify(
    session: Session,
    resident_id: uuid.UUID,
    at: datetime,
    *,
    city: City,
    case_id: uuid.UUID | None,
    staff_name: str,
    language: str,
    room_url_base: str,
    to_line: ToLine,
) -> NoticeOutcome:
    """Say in LINE that words wait in the room: one notice until it is opened, each with a fresh link.

    sent; out = an earlier notice still leads there; reading = a browser is looking, so it is looked at again in 45
    seconds (job `room_notice`); quiet = CARE C21 forbids a push now, and `entrance` does it when they next write.
    The first notice of an urgent or emergency case always goes out and says who has read (CARE C19).
    """
    room_id = room_of(session, resident_id, at)
    room = session.execute(select(Room.notice_out, Room.notice_at).where(Room.id == room_id)).one()
    case = session.execute(select(CaseRow.severity, CaseRow.opened_at).where(CaseRow.id == case_id)).one_or_none()
    pressing = case is not None and Severity(case.severity).rank >= Severity.URGENT.rank
    first = case is not None and (room.notice_at is None or room.notice_at < case.opened_at)
    if _must_stay_quiet(session, resident_id):
        return "quiet"
    if not (first and pressing):
        if room.notice_out and _usable_since(session, room_id, 0.0):
            return "out"
        if _looking(session, room_id):
            later = at + timedelta(seconds=READING_AGAIN_SECONDS)
            payload = {"resident_id": str(resident_id), "case_id": str(case_id) if case_id else ""}
            enqueue_job(session, NOTICE_JOB, f"{NOTICE_JOB}:{resident_id}:{later.timestamp():.0f}", later, payload)
            return "reading"
    line = _("{name}です。読みました。ここから話せます。", name=staff_name) if first and staff_name else ARRIVED
    _send(session, room_id, resident_id, at, line, city, case_id, language, room_url_base, to_line, vital=pressing)
    return "sent"


def promise_answer(
    session: Session,
    resident_id: uuid.UUID,
    at: datetime,
    *,
    city: City,
    case_id: uuid.UUID,
    staff_name: str,
    until: datetime,
    language: str,
    to_line: ToLine,
) -> Literal["told", "quiet"]:
    """Say in LINE who has read and until when an answer comes (CARE C32); quiet = CARE C21 forbids it now."""
    if _must_stay_quiet(session, resident_id):
        return "quiet"
    when = Clocktime(until, at.astimezone(TOKYO).date())
    line = _("{name}です。読みました。{when} までに、お返事します。", name=staff_name, when=when)
    outbox_id = enqueue_outbox(
        session, resident_id, to_line((Reply((line,)),), language), origin="notice", at=at, case_id=case_id
    )
    journal.write(
        session,
        resident_id,
        who="system",
        kind="notice",
        words=f"読んだことと、{until.astimezone(TOKYO):%m月%d日 %H:%M} までに返事をすることを伝えました",  # for staff
        language="ja",
        at=at,
        case_id=case_id,
        outbox_id=outbox_id,
    )
    return "told"


def notice_due(
    session: Session, payload: dict[str, Any], at: datetime, *, city: City, room_url_base: str, to_line: ToLine
) -> NoticeOutcome:
    """Run the job `room_notice`: send the notice if staff's words are still unseen; "out" when nothing is to do."""
    resident_id = uuid.UUID(payload["resident_id"])
    unread = select(func.count(Journal.id)).where(Journal.resident_id == resident_id, _unread())
    if not session.execute(unread).scalar_one():
        return "out"
    return notify(
        session,
        resident_id,
        at,
        city=city,
        case_id=uuid.UUID(payload["case_id"]) if payload["case_id"] else None,
        staff_name="",
        language=memory.language(session, resident_id, city),
        room_url_base=room_url_base,
        to_line=to_line,
    )


def entrance(
    session: Session,
    resident_id: uuid.UUID,
    at: datetime,
    *,
    city: City,
    language: str,
    room_url_base: str,
    to_line: ToLine,
    reply_token: str = "",
    reply_until_db: float = 0.0,
    inbox_id: uuid.UUID | None = None,
) -> uuid.UUID | None:
    """Give a resident who has just written in LINE a fresh entrance, if the talk is in a room; return the outbox id.

    This keeps the promise of the page for dead links and brings the words that CARE C21 held back. None when the room
    is not where they talk, nobody holds the talk and nothing unread waits, or a link of the last ten minutes is still
    unused. So it may be called after every message in LINE, whether the desk answered or not.
    """
    if talk_place(session, resident_id, city) != "room":
        return None
    room = session.execute(select(Room.id, Room.notice_out).where(Room.resident_id == resident_id)).one_or_none()
    if room is None:
        return None
    case = cases.open_case(session, resident_id)
    room_id, case_id = room.id, case.id if case is not None else None
    unread = bool(
        session.execute(
            select(func.count(Journal.id)).where(Journal.resident_id == resident_id, _unread())
        ).scalar_one()
    )
    told = _usable_since(session, room_id, db_now(session) - ENTRANCE_SECONDS)
    if unread:
        told = told and room.notice_out
    elif case is None or not case.held or _looking(session, room_id):
        return None
    if told:
        return None
    line = ARRIVED if unread else _("つづきは、ここから話せます。")
    reply = (reply_token, reply_until_db, inbox_id)
    return _send(session, room_id, resident_id, at, line, city, case_id, language, room_url_base, to_line, reply=reply)


ARRIVED = _("お返事が届いています。ここから読めます。")


def _send(
    session: Session,
    room_id: uuid.UUID,
    resident_id: uuid.UUID,
    at: datetime,
    line: Phrase,
    city: City,
    case_id: uuid.UUID | None,
    language: str,
    room_url_base: str,
    to_line: ToLine,
    *,
    vital: bool = False,
    reply: tuple[str, float, uuid.UUID | None] = ("", 0.0, None),
) -> uuid.UUID:
    token = make_link(session, resident_id, ttl_seconds=city.room_link_seconds, at=at)
    replies: Sequence[Reply] = (
        Reply(lines=(line, ROOM_LINK), choices=(Choice(_("ひらく"), opens="room"),), vital=vital),
    )
    outbox_id = enqueue_outbox(
        session,
        resident_id,
        to_line(replies, language, room_url=link_url(room_url_base, token)),
        origin="notice",
        at=at,
        case_id=case_id,
        vital=vital,
        reply_token=reply[0],
        reply_until_db=reply[1],
        inbox_id=reply[2],
    )
    session.execute(update(Room).where(Room.id == room_id).values(notice_out=True, notice_at=at))
    journal.write(
        session,
        resident_id,
        who="system",
        kind="notice",
        words=line.msgid.format(**dict(line.args)),  # in Japanese, for staff; the resident's are in the outbox
        language="ja",
        at=at,
        case_id=case_id,
        outbox_id=outbox_id,
    )
    return outbox_id


# --- small questions ------------------------------------------------------------------------------


def _looking(session: Session, room_id: uuid.UUID) -> bool:
    """Return whether a browser showed the room within the last minute."""
    now = db_now(session)
    found = select(RoomVisit.token_hash).where(
        RoomVisit.room_id == room_id, RoomVisit.expires_db > now, RoomVisit.seen_db > now - READING_SECONDS
    )
    return session.execute(found.limit(1)).first() is not None


def _usable_since(session: Session, room_id: uuid.UUID, moment_db: float) -> bool:
    """Return whether a link made after `moment_db` still opens the room."""
    found = select(RoomLink.token_hash).where(
        RoomLink.room_id == room_id,
        RoomLink.redeemed_db.is_(None),
        RoomLink.expires_db > db_now(session),
        RoomLink.created_db > moment_db,
    )
    return session.execute(found.limit(1)).first() is not None


def _least(session: Session, one: ColumnElement[float], other: float) -> ColumnElement[float]:
    return func.min(one, other) if is_sqlite(session) else func.least(one, other)


def sweep(session: Session) -> int:
    """Delete links and visits that ended a week ago; return how many. A job of the roof, once a day."""
    before = db_now(session) - KEEP_SECONDS
    links = session.execute(delete(RoomLink).where(RoomLink.expires_db < before))
    visits = session.execute(delete(RoomVisit).where(RoomVisit.expires_db < before))
    return int(cast(Any, links).rowcount) + int(cast(Any, visits).rowcount)
