"""Cases in the database: opened by what is heard, taken and given back by people.

The rule: a case moves only along `situation.CASE_TABLE`, by one compare-and-swap in one transaction, and every move
leaves an Event and an Audit row. While it is claimed no desk row waits in the outbox: who writes or re-queues a desk
row first calls `open_case(..., lock=True)` in the same transaction and writes nothing when the case is held.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal, cast

from sqlalchemy import case as sql_case
from sqlalchemy import func, null, or_, select, text, update
from sqlalchemy.orm import Session

from bot import journal, memory
from bot.errors import CaseMovedError, KeyGoneError, OursError, RefusedError
from bot.line.limits import sender_name
from bot.messages import Severity, Signal
from bot.models import CaseRow, Journal, Outbox, SignalRow
from bot.profile import Profile
from bot.routing import Need, route
from bot.situation import (
    CASE_TABLE,
    READ_EVEN_IF_DECLINED,
    REASONS,
    Case,
    CaseEvent,
    CaseState,
    City,
    next_state,
)
from bot.store import append_audit, append_event, db_now, enqueue_outbox, now_expression, upsert
from bot.vault import resident_owner, seal, unseal

#: Why a case waits for one person before others: she talked with the family before; a colleague asked her; she has
#: read it and said when she will answer. Anybody may still take it.
Meant = Literal["again", "asked", "later"]

TOPICS_MOST: Final = 12  # of one case; the newest stay
#: What a turn may ask for; the other events belong to people and to the clock.
RESIDENT_EVENTS: Final = frozenset({"offer", "open", "alarm", "decline"})


@dataclass(frozen=True, slots=True)
class Sent:
    """Hold what became of a reply: its journal id, and whether this call wrote it (False = it was there already)."""

    uid: uuid.UUID
    fresh: bool
    outbox_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class To:
    """Name whom a case is handed to: one of the staff, or else a desk."""

    staff_id: uuid.UUID | None = None
    desk_id: str = ""


# --- looking --------------------------------------------------------------------------------------------------------


def open_case(session: Session, resident_id: uuid.UUID, *, lock: bool = False) -> Case | None:
    """Return the resident's open case, or None. With `lock` nobody claims or releases it before this commit."""
    row = _open_row(session, resident_id, lock=lock)
    return as_case(row) if row is not None else None


def get_case(session: Session, case_id: uuid.UUID) -> Case | None:
    """Return one case, open or closed, or None."""
    row = session.get(CaseRow, case_id)
    return as_case(row) if row is not None else None


def language(session: Session, case_id: uuid.UUID, city: City) -> str:
    """Return the language in which the resident of a case is written to."""
    return memory.language(session, session.get_one(CaseRow, case_id).resident_id, city)


def as_case(row: CaseRow) -> Case:
    """Return the row as the value that the pure part knows."""
    return Case(
        id=row.id,
        state=cast(CaseState, row.state),
        severity=Severity(row.severity),
        kinds=tuple(row.kinds),
        aspects=tuple(row.aspects),
        holder_id=row.holder_id,
        opened_at=row.opened_at,
        answer_by=row.answer_by_at,
        reason=row.reason,
    )


def lapses_at_db(row: CaseRow, city: City) -> float:
    """Return when a claim lapses, in database seconds (CARE C16).

    An emergency whose last message is unanswered: `city.lease_seconds` after that message or the holder's last act,
    whichever is later. Otherwise `city.calm_lease_seconds` after the holder's last act. An open page is not an act.
    """
    if row.severity == Severity.EMERGENCY and row.unanswered_since_db is not None:
        return max(row.activity_db, row.unanswered_since_db) + city.lease_seconds
    return row.activity_db + city.calm_lease_seconds


# --- what the resident's messages do ---------------------------------------------------------------------------------


def apply(
    session: Session,
    resident_id: uuid.UUID,
    *,
    signals: Sequence[Signal],
    event: CaseEvent | Literal[""],
    reason: str,
    journal_uid: uuid.UUID | None,
    at: datetime,
    city: City,
    heard_again: bool = False,
) -> Case | None:
    """Do what a turn asks for: open a case or join the open one, keep the signals, and tell the console.

    `event` is offer, open, alarm, decline or empty. A signal above concern is always an alarm, a concern at least an
    offer; severity only rises (CARE C12). What the table does not allow here changes nothing: a resident is never
    an error. When a case was open before, this also does what `note_inbound` does, unless the words came before and
    are only `heard_again` (in their translation) with nothing grave in them. Returns the open case, or None.
    """
    if event and event not in RESIDENT_EVENTS:
        raise OursError(f"a turn may not ask for {event}")
    heard = max((s.severity for s in signals), key=lambda s: s.rank, default=None)
    wanted: CaseEvent | Literal[""] = event
    if heard is not None:
        wanted = "alarm" if heard.rank >= Severity.URGENT.rank else event or "offer"
    row = _open_row(session, resident_id, lock=True)
    if row is None:
        if wanted == "" or wanted == "decline":
            return None
        calm = reason in ("", "half_heard", *REASONS)
        severity = heard or (Severity.CONCERN if calm else Severity.URGENT)
        named = reason in REASONS and reason != "asked"
        ground = "signal" if signals and not named else reason or "asked"
        row, made = _make(session, resident_id, next_state("new", wanted), severity, ground, at)
        if not made:
            _move_by_resident(session, row, wanted, heard, at)
    else:
        _move_by_resident(session, row, wanted, heard, at)
        _ask_for(session, row, reason, at)
        if not heard_again or wanted == "alarm":
            _note_inbound(session, row, at)
    if signals:
        _keep_signals(session, row, signals, journal_uid, at)
    _find_desk(session, row, city, at)
    session.flush()
    return as_case(row)


def note_inbound(session: Session, resident_id: uuid.UUID, at: datetime) -> None:
    """Tell the console that the resident wrote while a case waits, is held or on hold; start the holder's clock."""
    row = _open_row(session, resident_id, lock=True)
    if row is not None:
        _note_inbound(session, row, at)
        session.flush()


def note_topic(session: Session, case_id: uuid.UUID, topic: str) -> None:
    """Keep what the talk is about, an id of the vocabulary, so that lists find the case by it."""
    row = session.get_one(CaseRow, case_id)
    if topic not in row.topics:
        row.topics = [*row.topics, topic][-TOPICS_MOST:]
        session.flush()


def open_for_failure(
    session: Session,
    resident_id: uuid.UUID,
    reason: Literal["dead_letter", "given_up"],
    at: datetime,
    city: City | None = None,
) -> Case:
    """Call a person because the desk could not read or could not deliver something: urgent (DESIGN 5)."""
    row = _open_row(session, resident_id, lock=True)
    if row is None:
        row, _made = _make(session, resident_id, next_state("new", "open"), Severity.URGENT, reason, at)
    else:
        _move_by_resident(session, row, "alarm", Severity.URGENT, at)
    if city is not None:
        _find_desk(session, row, city, at)
    append_audit(session, "system", f"case.{reason}", at, case_id=row.id, resident_id=resident_id)
    session.flush()
    return as_case(row)


# --- what people do --------------------------------------------------------------------------------------------------


def claim(session: Session, case_id: uuid.UUID, staff_id: uuid.UUID, at: datetime) -> Case:
    """Take the case for one person and silence the desk; raise CaseMovedError when somebody else was first.

    Desk rows that were not handed to the sender are withdrawn in the same transaction.
    """
    now = now_expression(session)
    row = _swap(
        session,
        case_id,
        "claim",
        staff_id,
        holder_id=staff_id,
        last_holder_id=staff_id,
        **_MEANT_FOR_NOBODY,
        activity_db=now,
        unanswered_since_db=sql_case((CaseRow.state == "on_hold", null()), else_=now),
        acknowledged_at=at,
        read_at=func.coalesce(CaseRow.read_at, at),
    )
    if row.severity == Severity.EMERGENCY:  # two people where a life may be in danger
        row.second_wanted_at = at
        row.emergency_held_at = row.emergency_held_at or at
        session.flush()
    withdraw_desk(session, row.resident_id, at)
    _record(session, "case.claimed", row, at, staff_id)
    return as_case(row)


def renew(session: Session, case_id: uuid.UUID, staff_id: uuid.UUID) -> bool:
    """Note a human act of the holder (typing, clicking, sending); return False when the case is not theirs any more."""
    statement = (
        update(CaseRow)
        .where(CaseRow.id == case_id, CaseRow.state == "claimed", CaseRow.holder_id == staff_id)
        .values(activity_db=now_expression(session))
        .execution_options(synchronize_session=False)
    )
    return bool(cast(Any, session.execute(statement)).rowcount)


def release(
    session: Session,
    case_id: uuid.UUID,
    staff_id: uuid.UUID,
    at: datetime,
    *,
    name: str,
    agreed: str,
    next_date: date | None = None,
) -> Case:
    """Give the talk back to the desk; the holder stays responsible (on_hold) and the desk gets a fact-only note.

    `name` is the work name, `agreed` what the desk may tell the family; both reach the engine as memory["handback"].
    """
    row = _swap(session, case_id, "release", staff_id, unanswered_since_db=None)
    _hand_back(session, row.resident_id, _handback(name, agreed, next_date, at))
    _record(session, "case.released", row, at, staff_id)
    return as_case(row)


def transfer(
    session: Session, case_id: uuid.UUID, staff_id: uuid.UUID, at: datetime, *, name: str, to: To | None = None
) -> Case:
    """Hand the case to the colleagues, or to one or a desk first: it waits again, and nobody has acknowledged it."""
    row = _swap(
        session,
        case_id,
        "transfer",
        staff_id,
        holder_id=None,
        unanswered_since_db=None,
        acknowledged_at=None,
        waiting_since_at=at,
        alarm_since_at=at,
        **(_meant(to) if to else {}),
    )
    _hand_back(session, row.resident_id, {**_handback(name, "", None, at), "transferred": True})
    _record(session, "case.transferred", row, at, staff_id, detail=_told(to) if to else None)
    return as_case(row)


def assign(session: Session, case_id: uuid.UUID, staff_id: uuid.UUID, to: To, at: datetime) -> Case:
    """Ask one colleague, or a desk, to take a case that nobody holds; what is on hold gets another responsible person.

    What was promised to the family stands. It takes nothing from anybody: a waiting case goes on waiting, and calling,
    until somebody claims it. Raises CaseMovedError when somebody holds it or it has ended, RefusedError where a desk
    cannot be responsible.
    """
    row = session.get(CaseRow, case_id, with_for_update=True, populate_existing=True)
    if row is None or row.state not in ("waiting", "offered", "declined", "on_hold"):
        raise CaseMovedError("この相談の状態が変わりました。画面を新しくしてください。")
    if row.state == "on_hold":
        if to.staff_id is None:
            raise RefusedError("保留の相談は、次に担当する人を選んでください。")
        row.holder_id = row.last_holder_id = to.staff_id
    else:
        for name, value in _meant(to).items():
            setattr(row, name, value)
    row.version += 1
    session.flush()
    _record(session, "case.assigned", row, at, staff_id, detail=_told(to))
    return as_case(row)


def answer_later(session: Session, case_id: uuid.UUID, staff_id: uuid.UUID, at: datetime, *, until: datetime) -> Case:
    """Note that this person has read a waiting concern and will answer it `until` then (CARE C32: seen, not taken).

    An emergency or urgent case is claimed or goes on calling: for them there is no later. Nor for a complaint about
    staff, whose family must not hear from whom it may be about (CARE C36). Raises CaseMovedError then, and when
    somebody else has said so.
    """
    mine = or_(CaseRow.meant_why != "later", CaseRow.meant_for_id == staff_id)
    statement = (
        update(CaseRow)
        .where(CaseRow.id == case_id, CaseRow.state == "waiting", CaseRow.severity == Severity.CONCERN.value, mine)
        .where(CaseRow.reason != "complaint_staff")
        .values(
            acknowledged_at=at,
            read_at=func.coalesce(CaseRow.read_at, at),
            version=CaseRow.version + 1,
            **{**_meant(To(staff_id), "later"), "answer_by_at": until},
        )
        .execution_options(synchronize_session=False)
    )
    if not cast(Any, session.execute(statement)).rowcount:
        raise CaseMovedError("この相談は、ほかの人が受けたか、急ぎになりました。画面を新しくしてください。")
    row = session.get_one(CaseRow, case_id, populate_existing=True)
    _record(session, "case.seen", row, at, staff_id)
    return as_case(row)


def close(
    session: Session,
    case_id: uuid.UUID,
    staff_id: uuid.UUID,
    at: datetime,
    *,
    name: str,
    agreed: str = "",
    next_date: date | None = None,
) -> Case:
    """End the case. A claimed one is ended by its holder only; a waiting one must be claimed first."""
    row = _swap(session, case_id, "close", staff_id, holder_id=None, unanswered_since_db=None, closed_at=at)
    if row.acknowledged_at is not None:
        _hand_back(session, row.resident_id, _handback(name, agreed, next_date, at))
    _record(session, "case.closed", row, at, staff_id)
    return as_case(row)


def reopen(session: Session, case_id: uuid.UUID, staff_id: uuid.UUID, at: datetime) -> Case:
    """Let a closed case wait again; raise CaseMovedError when the resident has another open case."""
    closed = session.get(CaseRow, case_id)
    if closed is not None and _open_row(session, closed.resident_id, lock=True) is not None:
        raise CaseMovedError("この方の新しい相談がすでに開いています。そちらを使ってください。")
    row = _swap(
        session,
        case_id,
        "reopen",
        staff_id,
        closed_at=None,
        acknowledged_at=None,
        waiting_since_at=at,
        alarm_since_at=at,
        meant_for_id=sql_case((_OF_STAFF, null()), else_=CaseRow.last_holder_id),
        meant_why=sql_case((or_(_OF_STAFF, CaseRow.last_holder_id.is_(None)), ""), else_="again"),
    )
    _record(session, "case.reopened", row, at, staff_id)
    return as_case(row)


def want_second(session: Session, case_id: uuid.UUID, staff_id: uuid.UUID, at: datetime) -> Case:
    """Ask colleagues for a second person who reads along; only the holder may."""
    mine = (CaseRow.state == "claimed", CaseRow.holder_id == staff_id)
    return _second(session, case_id, staff_id, at, "case.second_wanted", *mine, second_wanted_at=at)


def read_along(session: Session, case_id: uuid.UUID, staff_id: uuid.UUID, at: datetime) -> Case:
    """Be the second person of a talk that somebody else holds; the one who was it before is told by the page."""
    others = (CaseRow.state == "claimed", CaseRow.holder_id != staff_id)
    return _second(session, case_id, staff_id, at, "case.second", *others, second_id=staff_id, second_wanted_at=None)


def _second(
    session: Session, case_id: uuid.UUID, staff_id: uuid.UUID, at: datetime, kind: str, *conditions: Any, **values: Any
) -> Case:
    statement = update(CaseRow).where(CaseRow.id == case_id, *conditions).values(version=CaseRow.version + 1, **values)
    if not cast(Any, session.execute(statement.execution_options(synchronize_session=False))).rowcount:
        raise CaseMovedError("この相談の状態が変わりました。画面を新しくしてください。")
    row = session.get_one(CaseRow, case_id, populate_existing=True)
    _record(session, kind, row, at, staff_id)
    return as_case(row)


def lower(
    session: Session, case_id: uuid.UUID, staff_id: uuid.UUID, severity: Severity, reason: str, at: datetime
) -> Case:
    """Lower the severity: only a person may, and says why (CARE C12). The signals keep theirs."""
    if not reason.strip():
        raise RefusedError("下げる理由を書いてください。")
    row = session.get(CaseRow, case_id, with_for_update=True, populate_existing=True)
    if row is None or row.state == "closed" or Severity(row.severity).rank <= severity.rank:
        raise CaseMovedError("この相談の緊急度が変わりました。画面を新しくしてください。")
    before, row.severity, row.version = row.severity, severity.value, row.version + 1
    session.flush()
    append_event(session, "case.lowered", at, case_id=row.id, resident_id=row.resident_id)
    append_audit(
        session,
        f"staff:{staff_id}",
        "case.lowered",
        at,
        case_id=row.id,
        resident_id=row.resident_id,
        reason=reason.strip(),
        detail={"from": before, "to": severity.value},
    )
    return as_case(row)


def mark_read(session: Session, case_id: uuid.UUID, at: datetime) -> None:
    """Note that a person has read the case, so that a declined one leaves the list (CARE C17)."""
    statement = (
        update(CaseRow)
        .where(CaseRow.id == case_id, CaseRow.read_at.is_(None))
        .values(read_at=at)
        .returning(CaseRow.resident_id)
        .execution_options(synchronize_session=False)
    )
    resident_id = session.execute(statement).scalar_one_or_none()
    if resident_id is not None:
        append_event(session, "case.read", at, case_id=case_id, resident_id=resident_id)


def lapse_due(session: Session, at: datetime, city: City) -> list[uuid.UUID]:
    """Return every claim that nobody lived in to the queue, and the ids of those cases (CARE C16).

    The draft stays, the family's place in the queue is kept, and the desk tells her before it goes on.
    """
    now = db_now(session)
    found = select(CaseRow).where(CaseRow.state == "claimed").execution_options(populate_existing=True)
    lapsed = []
    for row in list(session.scalars(found)):
        if lapses_at_db(row, city) > now:
            continue
        holder_id, seen = row.holder_id, row.activity_db
        try:
            moved = _swap(
                session,
                row.id,
                "lapse",
                None,
                CaseRow.activity_db == seen,
                holder_id=None,
                unanswered_since_db=None,
                acknowledged_at=None,
                alarm_since_at=at,
            )
        except CaseMovedError:
            continue  # the holder acted in this very moment
        _hand_back(session, moved.resident_id, {"lapsed": True, "at": at.isoformat()})
        _record(session, "case.lapsed", moved, at, None, detail={"holder": str(holder_id)})
        lapsed.append(moved.id)
    return lapsed


def reply(
    session: Session,
    case_id: uuid.UUID,
    staff_id: uuid.UUID,
    words: str,
    at: datetime,
    *,
    key: uuid.UUID,
    name: str,
    place: journal.Place,
    language: str = "ja",
    veil: Sequence[dict[str, Any]] = (),
    in_line: Sequence[dict[str, Any]] = (),
    more: Mapping[str, Any] = journal.NOTHING,
) -> Sent:
    """Say the holder's words once, in the room or in LINE; the same `key` never says them twice.

    `name` is the work name that LINE shows as the sender; `in_line` are the messages that LINE gets instead of the
    plain words (cards); `veil` are neutral messages in front of them, so that a notice on the phone shows none of them
    (CARE C21); `more` is kept with the words (`journal.write`). Where the words may go is asked of `rooms` before; for
    the room the caller tells the resident with `rooms.notify` when the result is `fresh`. Raises CaseMovedError if the
    case is not theirs, RefusedError when `key` was used for other words.
    """
    if (before := said_before(session, case_id, key, words)) is not None:
        return before
    held = (
        update(CaseRow)
        .where(CaseRow.id == case_id, CaseRow.state == "claimed", CaseRow.holder_id == staff_id)
        .values(activity_db=now_expression(session), unanswered_since_db=None)
        .execution_options(synchronize_session=False)
    )
    if not cast(Any, session.execute(held)).rowcount:
        raise CaseMovedError("この相談はいま、あなたの担当ではありません。下書きは残っています。")
    if (before := said_before(session, case_id, key, words)) is not None:  # two presses at once: the lock ordered them
        return before
    uid = said_as(case_id, key)
    row = session.get_one(CaseRow, case_id, populate_existing=True)
    outbox_id = None
    if place == "line":
        shown = sender_name(name)
        sender = {"sender": {"name": shown}} if shown else {}
        messages = [*veil, *({**each, **sender} for each in in_line or ({"type": "text", "text": words},))]
        outbox_id = enqueue_outbox(session, row.resident_id, messages, origin="staff", at=at, case_id=case_id)
    journal.write(
        session,
        row.resident_id,
        uid=uid,
        who="staff",
        kind="reply",
        words=words,
        more=more,
        language=language,
        at=at,
        place=place,
        case_id=case_id,
        staff_id=staff_id,
        outbox_id=outbox_id,
    )
    _record(session, "case.reply", row, at, staff_id, detail={"place": place})
    return Sent(uid, True, outbox_id)


def said_as(case_id: uuid.UUID, key: uuid.UUID) -> uuid.UUID:
    """Return the journal's uid of what is said under a key."""
    return uuid.uuid5(case_id, str(key))


def said_before(session: Session, case_id: uuid.UUID, key: uuid.UUID, words: str) -> Sent | None:
    """Return the reply that this form already sent, or None; raise RefusedError when it sent other words."""
    row = session.scalars(select(Journal).where(Journal.uid == said_as(case_id, key))).one_or_none()
    if row is None:
        return None
    if journal.body(session, row).get("text") != words:
        raise RefusedError("この画面からの返信はすでに送られています。いまの文は、もう一度送ってください。")
    return Sent(row.uid, False, row.outbox_id)


def withdraw_desk(session: Session, resident_id: uuid.UUID, at: datetime) -> int:
    """Take back what the desk was about to say and the sender has not begun to send; return how many requests."""
    statement = (
        update(Outbox)
        .where(
            Outbox.resident_id == resident_id,
            Outbox.origin == "desk",
            Outbox.state == "pending",
            Outbox.in_flight.is_(False),
        )
        .values(state="withdrawn")
        .execution_options(synchronize_session=False)
    )
    count = int(cast(Any, session.execute(statement)).rowcount)
    if count:
        append_event(session, "outbox.changed", at, resident_id=resident_id)
    return count


def evidence(session: Session, row: SignalRow) -> str:
    """Return the words that raised a signal; empty once unsent or destroyed."""
    if row.evidence_sealed is None:
        return ""
    try:
        return unseal(session, resident_owner(row.resident_id), "signal", "evidence", row.id, row.evidence_sealed)
    except KeyGoneError:
        return ""


# --- inside ---------------------------------------------------------------------------------------------------------


def _open_row(session: Session, resident_id: uuid.UUID, *, lock: bool) -> CaseRow | None:
    """Return the open case. With `lock` the closed ones are locked too: "none is open" must hold until this commit.

    Else a closed case could be reopened and claimed between this look and the commit (seen on PostgreSQL).
    """
    statement = select(CaseRow).where(CaseRow.resident_id == resident_id).order_by(CaseRow.id)
    statement = statement.with_for_update() if lock else statement.where(CaseRow.state != "closed")
    rows = session.scalars(statement.execution_options(populate_existing=True))
    return next((row for row in rows if row.state != "closed"), None)


def _make(
    session: Session,
    resident_id: uuid.UUID,
    state: CaseState,
    severity: Severity,
    reason: str,
    at: datetime,
) -> tuple[CaseRow, bool]:
    """Insert the resident's only open case, or return the one that another transaction made in this moment."""
    statement = (
        upsert(session, CaseRow)
        .values(
            id=uuid.uuid4(),
            resident_id=resident_id,
            state=state,
            severity=severity.value,
            reason=reason,
            kinds=[],
            aspects=[],
            desk_id="",
            **_again(session, resident_id, reason),
            opened_at=at,
            waiting_since_at=at,
            alarm_since_at=at,
        )
        .on_conflict_do_nothing(index_elements=[CaseRow.resident_id], index_where=text("state <> 'closed'"))
    )
    made = bool(cast(Any, session.execute(statement)).rowcount)
    row = _open_row(session, resident_id, lock=True)
    assert row is not None
    if made:
        append_event(session, "case.opened", at, case_id=row.id, resident_id=resident_id)
        detail = {"state": state, "severity": severity.value}
        append_audit(
            session, "system", "case.opened", at, case_id=row.id, resident_id=resident_id, reason=reason, detail=detail
        )
    return row, made


def _find_desk(session: Session, row: CaseRow, city: City, at: datetime) -> None:
    """Put a case that nobody has at the desk that fits what is known now; where a person put it, it stays."""
    if row.state not in ("offered", "waiting", "declined") or row.desk_why == ["person"]:
        return
    area = Profile.of(memory.look(session, row.resident_id)).area
    language = memory.language(session, row.resident_id, city)
    found = route(city, Need(Severity(row.severity), tuple(row.kinds), language, area), at)
    if found.desk_id != row.desk_id or [*found.why] != row.desk_why:
        row.desk_id, row.desk_why = found.desk_id, [*found.why]


def _again(session: Session, resident_id: uuid.UUID, reason: str) -> dict[str, Any]:
    """Return for whom a new case is meant: who talked with this resident last, unless staff may be complained of."""
    if reason == "complaint_staff":
        return _MEANT_FOR_NOBODY
    last = session.scalar(
        select(CaseRow.last_holder_id)
        .where(CaseRow.resident_id == resident_id, CaseRow.last_holder_id.is_not(None))
        .order_by(CaseRow.opened_at.desc())
        .limit(1)
    )
    return _meant(To(last), "again") if last else _MEANT_FOR_NOBODY


_OF_STAFF: Final = CaseRow.reason == "complaint_staff"
_MEANT_FOR_NOBODY: Final[dict[str, Any]] = {"meant_for_id": None, "meant_why": "", "answer_by_at": None}


def _meant(to: To, why: Meant = "asked") -> dict[str, Any]:
    """Return the columns that say whom, or at which desk, a case waits for."""
    if to.staff_id is not None:
        return {"meant_for_id": to.staff_id, "meant_why": why}
    return {"meant_for_id": None, "meant_why": "", "desk_id": to.desk_id, "desk_why": ["person"]}


def _told(to: To) -> dict[str, Any]:
    return {"to": str(to.staff_id)} if to.staff_id else {"desk": to.desk_id}


def _move_by_resident(
    session: Session, row: CaseRow, event: CaseEvent | Literal[""], heard: Severity | None, at: datetime
) -> None:
    """Move an open case by what the resident did; what the table does not know changes nothing."""
    before = cast(CaseState, row.state)
    after = CASE_TABLE[before].get(event, before) if event else before
    severity = Severity(row.severity)
    raised = max(severity, heard or severity, key=lambda s: s.rank)
    if after != before and after == "waiting":
        if row.holder_id is not None:  # she was responsible for it until now
            row.meant_for_id, row.meant_why = row.holder_id, "again"
        row.waiting_since_at, row.holder_id, row.acknowledged_at = at, None, None
    if raised != severity and row.meant_why == "later":  # what was put off was a concern
        row.meant_why, row.answer_by_at, row.acknowledged_at = "again", None, None
    if before == "claimed" and heard is Severity.EMERGENCY:  # the holder may have looked away: a second person too
        row.second_wanted_at = at
        row.emergency_held_at = row.emergency_held_at or at
    if after != before or raised != severity:
        row.alarm_since_at = at
        row.state, row.severity, row.version = after, raised.value, row.version + 1
        append_audit(
            session,
            "system",
            "case.moved",
            at,
            case_id=row.id,
            resident_id=row.resident_id,
            detail={"event": event, "from": [before, severity.value], "to": [after, raised.value]},
        )
    if after == "declined" and before != "declined":
        append_event(session, "case.declined", at, case_id=row.id, resident_id=row.resident_id)
    elif after != before or heard is not None:
        append_event(session, "case.raised", at, case_id=row.id, resident_id=row.resident_id)


def _ask_for(session: Session, row: CaseRow, reason: str, at: datetime) -> None:
    """Keep what an open case is asked for besides; that it is about a member of staff stands above all else (C36)."""
    if reason not in REASONS or reason == "asked" or row.reason in (reason, "complaint_staff"):
        return
    if row.reason in REASONS or reason == "complaint_staff":
        row.reason = reason
    if reason == "complaint_staff" and row.state != "claimed":
        row.meant_for_id, row.meant_why, row.answer_by_at = None, "", None
    append_audit(session, "system", "case.asked", at, case_id=row.id, resident_id=row.resident_id, reason=reason)


def _note_inbound(session: Session, row: CaseRow, at: datetime) -> None:
    if row.state not in ("waiting", "claimed", "on_hold"):
        return
    if row.state == "claimed" and row.unanswered_since_db is None:
        row.unanswered_since_db = db_now(session)
    append_event(session, "case.message", at, case_id=row.id, resident_id=row.resident_id)


def _keep_signals(
    session: Session, row: CaseRow, signals: Sequence[Signal], journal_uid: uuid.UUID | None, at: datetime
) -> None:
    owner = resident_owner(row.resident_id)
    for signal in signals:
        signal_id = uuid.uuid4()
        session.add(
            SignalRow(
                id=signal_id,
                resident_id=row.resident_id,
                case_id=row.id,
                journal_uid=journal_uid,
                kind=signal.kind,
                severity=signal.severity.value,
                aspects=list(signal.aspects),
                who=signal.who,
                act=signal.act,
                why=signal.why[:80],
                evidence_sealed=seal(session, owner, "signal", "evidence", signal_id, signal.evidence),
                gloss=signal.gloss[:300],
                at=at,
            )
        )
    row.kinds = list(dict.fromkeys([*row.kinds, *(s.kind for s in signals)]))
    row.aspects = list(dict.fromkeys([*row.aspects, *(a for s in signals for a in s.aspects)]))
    if not READ_EVEN_IF_DECLINED.isdisjoint(s.kind for s in signals):
        row.read_at = None  # there is something new to read


def _swap(
    session: Session,
    case_id: uuid.UUID,
    event: CaseEvent,
    staff_id: uuid.UUID | None,
    *conditions: Any,
    **values: Any,
) -> CaseRow:
    """Move the case by compare-and-swap: only from the states that the table allows, only by the holder if held."""
    targets = {state: moves[event] for state, moves in CASE_TABLE.items() if event in moves and state != "new"}
    (target,) = set(targets.values())  # every event of people leads to one state
    held_by_me = [] if staff_id is None else [or_(CaseRow.state != "claimed", CaseRow.holder_id == staff_id)]
    statement = (
        update(CaseRow)
        .where(CaseRow.id == case_id, CaseRow.state.in_(sorted(targets)), *held_by_me, *conditions)
        .values(state=target, version=CaseRow.version + 1, second_id=None, second_wanted_at=None, **values)
        .execution_options(synchronize_session=False)
    )
    moved = bool(cast(Any, session.execute(statement)).rowcount)
    row = session.get(CaseRow, case_id, populate_existing=True)
    if row is None:
        raise CaseMovedError("この相談は見つかりません。")
    if not moved:
        if row.state == "claimed":
            raise CaseMovedError("この相談はいま、ほかの担当者が対応しています。")
        next_state(cast(CaseState, row.state), event)  # raises, and says where the case is now
        raise CaseMovedError("この相談の状態が変わりました。画面を新しくしてください。")
    return row


def _record(
    session: Session,
    kind: str,
    row: CaseRow,
    at: datetime,
    staff_id: uuid.UUID | None,
    *,
    detail: dict[str, Any] | None = None,
) -> None:
    append_event(session, kind, at, case_id=row.id, resident_id=row.resident_id)
    actor = f"staff:{staff_id}" if staff_id else "system"
    append_audit(session, actor, kind, at, case_id=row.id, resident_id=row.resident_id, detail=detail)


def _handback(name: str, agreed: str, next_date: date | None, at: datetime) -> dict[str, Any]:
    return {
        "name": name,
        "agreed": agreed.strip(),
        "next": next_date.isoformat() if next_date else "",
        "at": at.isoformat(),
    }


def _hand_back(session: Session, resident_id: uuid.UUID, mark: dict[str, Any]) -> None:
    """Write the fact into the desk's memory. Who has no memory yet was never greeted: the welcome comes first."""
    with suppress(KeyGoneError):  # the resident's words were destroyed on purpose
        remembered, version = memory.load(session, resident_id)
        if version:
            memory.keep(session, resident_id, {**remembered, "handback": mark}, version)
