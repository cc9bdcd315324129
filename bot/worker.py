"""Work the lanes of what residents did: understand, decide, and keep all that follows in one transaction.

The rule: nothing slow and no network happens inside the transaction; it is guarded by the lane's fence, and it reads
holder and memory again and decides again when either moved (DESIGN 4.2-4.4). Safety beats everything: what the scan
hears in a message whose turn fails opens its case at once.
"""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, cast

import structlog
from sqlalchemy import BindParameter, Table, bindparam, func, select, update
from sqlalchemy.orm import Session

from bot import campaigns, cases, catalogue, engine, journal, media, memory, offers, rooms, unsend
from bot.clock import Clock
from bot.dialog import Turn
from bot.errors import LeaseLostError, MadoguchiError
from bot.i18n import choose
from bot.inbox import INBOX, RESIDENT, lane_resident, line_id, message_hash
from bot.lanes import Lease, backoff, claim, held, release
from bot.line import richmenu, webhook
from bot.logs import frames
from bot.messages import Heard, Inbound, Reply, Severity, Signal, numbered
from bot.models import CaseRow, Consent, SignalRow
from bot.situation import Case, City, case_number
from bot.store import Store, append_event, db_now, drop_jobs, enqueue_job, enqueue_outbox, run
from bot.vault import resident_owner, unseal

SIGNAL: Final = cast(Table, SignalRow.__table__)
CONSENT: Final = cast(Table, Consent.__table__)
CASES: Final = cast(Table, CaseRow.__table__)

CONCURRENCY: Final = 8
LEASE_SECONDS: Final = 30.0
POLL_SECONDS: Final = 1.0  # the safety net under the wake-ups
MAX_ATTEMPTS: Final = 6  # of one event; then a person sees it
REPLY_SECONDS: Final = 50.0  # LINE allows about one minute from receipt (facts/line.md 1, reply token)
TOO_OLD: Final = timedelta(days=7)
SLOW_SECONDS: Final = 1.0  # after this the resident sees the loading animation
LOADING_SECONDS: Final = 20
PROFILE_SECONDS: Final = 1.5
WATCHED_EVENTS: Final = 50  # of a blocked lane, looked through for signals
MESSAGES: Final = frozenset({"text", "choice", "place", "sticker", "image", "video", "audio", "file", "unknown"})
UNANSWERED: Final = frozenset({"unfollow", "unsend"})  # nobody is there to read an answer

log = structlog.get_logger("worker")


# --- what the worker is given ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ResidentFacts:
    """Hold what the desk knows about the person who writes, and how many others wait for a person now.

    Languages are "" when not chosen or not hinted.
    """

    id: uuid.UUID
    language: str = ""
    language_hint: str = ""
    is_friend: bool = False
    contact_safety: str = "any"
    consents: frozenset[str] = frozenset()
    others_waiting: int = 0


class Mind(Protocol):
    """Understand and decide; the roof gives the real one, tests give their own."""

    def hear(self, inbound: Inbound, memory: Mapping[str, Any], language: str) -> Heard:
        """Return what is heard in it; may be slow, so it runs in a thread and outside any transaction."""

    def decide(
        self,
        memory: Mapping[str, Any],
        inbound: Inbound,
        heard: Heard,
        *,
        case: Case | None,
        resident: ResidentFacts,
        now: datetime,
    ) -> Turn:
        """Return the turn; pure, a few milliseconds."""

    def to_line(self, replies: tuple[Reply, ...], language: str, *, room_url: str = "") -> list[dict[str, Any]]:
        """Return 1 to 5 LINE messages within LINE's limits."""

    def to_text(self, replies: tuple[Reply, ...], language: str) -> str:
        """Return the same as plain text, for the journal."""

    def wants_room(self, replies: tuple[Reply, ...]) -> bool:
        """Return whether a choice opens the room, so that a link must be made."""

    def scan(self, text: str) -> Severity | None:
        """Return how urgent the words sound, by patterns only; for the lane's priority after the 200."""

    def first_aid(self, text: str) -> tuple[Signal, ...]:
        """Return the signals by patterns only; what is left when hear or decide fails."""

    def apology(self) -> tuple[Reply, ...]:
        """Return what is said when a turn failed: fixed words, so that nobody is left with silence."""


#: What else follows, in the same transaction, when words were written down that people read along with: the case, the
#: `uid` of the words in the journal, and the time.
Written = Callable[[Session, uuid.UUID, uuid.UUID, datetime], object]


class Courtesy(Protocol):
    """Ask LINE for what is kind but not needed; every failure is passed over."""

    async def language(self, user_id: str) -> str:
        """Return the language of the person's profile, "" when unknown."""

    async def start_loading(self, user_id: str, seconds: int) -> None:
        """Show that an answer is being written."""


@dataclass(frozen=True, slots=True)
class Work:
    """Hold one claimed event with all that understanding and deciding need."""

    lease: Lease
    inbox_id: uuid.UUID
    raw: Mapping[str, Any]
    at: datetime
    received_db: float
    attempts: int
    due: bool  # False: its back-off is not over, somebody only knocked
    resident: ResidentFacts
    memory: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0
    case: Case | None = None

    @property
    def inbound(self) -> Inbound:
        """Return what the resident did."""
        return replace(webhook.inbound(self.raw, first_contact=self.version == 0), at=self.at)


# --- the worker ------------------------------------------------------------------------------------------------------


class Worker:
    """Claim due lanes and take one event of each through understanding, decision and commit."""

    def __init__(
        self,
        store: Store,
        mind: Mind,
        courtesy: Courtesy,
        clock: Clock,
        city: Callable[[], City],
        *,
        base_url: str,
        written: Written = lambda *_: None,
        concurrency: int = CONCURRENCY,
        lease_seconds: float = LEASE_SECONDS,
        poll_seconds: float = POLL_SECONDS,
        max_attempts: int = MAX_ATTEMPTS,
    ) -> None:
        self.store = store
        self.mind = mind
        self.courtesy = courtesy
        self.clock = clock
        self.city = city
        self.base_url = base_url
        self.written = written
        self.concurrency = concurrency
        self.lease_seconds = lease_seconds
        self.poll_seconds = poll_seconds
        self.max_attempts = max_attempts
        self.owner = f"worker:{uuid.uuid4()}"
        self._running: set[asyncio.Task[None]] = set()
        self._aside: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Work until `stop`; a failing database only makes it wait."""
        async with self.store.listen("inbox") as bell:
            while not self._stopping.is_set():
                bell.clear()
                free = self.concurrency - len(self._running)
                claimed: list[Work] = []
                try:
                    claimed = await self._claim(free) if free else []
                except Exception as error:
                    log.error("claim_failed", error=type(error).__name__)
                for work in claimed:
                    task = asyncio.create_task(self._process(work))
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
                    task.add_done_callback(lambda _task: bell.set())  # its lane may hold more
                if len(claimed) < free or not free:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(bell.wait(), self.poll_seconds)
        await asyncio.gather(*self._running, *self._aside)

    async def stop(self) -> None:
        """Take nothing new and finish what was begun."""
        self._stopping.set()
        self.store.ring(["inbox"])

    async def drain(self) -> int:
        """Work until nothing is due now, and return how many events were taken up (tests, demo)."""
        count = 0
        while claimed := await self._claim(self.concurrency):
            await asyncio.gather(*(self._process(work) for work in claimed))
            count += len(claimed)
        return count

    # claiming ------------------------------------------------------------------------------------------------------

    async def _claim(self, limit: int) -> list[Work]:
        def unit(session: Session) -> list[Work]:
            leases = claim(session, "in:", self.owner, self.lease_seconds, limit)
            return _load(session, leases) if leases else []

        return await self.store.write(unit)

    # one event -----------------------------------------------------------------------------------------------------

    async def _process(self, work: Work) -> None:
        heard: Heard | None = None
        try:
            if not work.due:
                await self._knocked(work)
                return
            if work.attempts > self.max_attempts:  # it took whole processes down with it
                raise MadoguchiError("tried too often")
            work = await self._welcome(work)
            inbound, resident = work.inbound, work.resident
            with self._patience(work, inbound):
                language = resident.language or resident.language_hint
                heard = await asyncio.to_thread(self.mind.hear, inbound, work.memory, language)
            turn = self._decide(work.memory, inbound, heard, work.case, resident)
            await self.store.write(lambda session: self._commit(session, work, inbound, heard, turn))
        except LeaseLostError:
            log.warning("lease_lost", lane=str(work.resident.id))
        except Exception as error:
            await self._failed(work, heard, error)

    def _decide(
        self, memory: Mapping[str, Any], inbound: Inbound, heard: Heard, case: Case | None, resident: ResidentFacts
    ) -> Turn:
        return self.mind.decide(memory, inbound, heard, case=case, resident=resident, now=self.clock.now())

    async def _welcome(self, work: Work) -> Work:
        """Find out at first contact which language the person's phone speaks: LINE's profile."""
        resident = work.resident
        if work.version or resident.language or resident.language_hint or work.raw.get("type") == "unfollow":
            return work
        hint = ""
        try:
            user_id = await self._line_id(resident.id)
            hint = await asyncio.wait_for(self.courtesy.language(user_id), PROFILE_SECONDS)
        except Exception as error:  # a greeting never waits for a profile
            log.info("profile_unknown", error=type(error).__name__)
        return replace(work, resident=replace(resident, language_hint=hint[:10]))

    async def _line_id(self, resident_id: uuid.UUID) -> str:
        return await self.store.read(lambda session: line_id(session, resident_id))

    @contextmanager
    def _patience(self, work: Work, inbound: Inbound) -> Iterator[None]:
        """Show LINE's loading animation when the turn is slow and the desk will speak; never as if a person wrote.

        Only talks of two come here (`webhook.is_talk`). While a grave case waits nothing may look like a person who is
        writing (CARE C13); what is old or another's to answer is answered by nobody.
        """
        waits = work.case is not None and (work.case.held or work.case.pressing)
        aside = work.raw.get("mode") == "standby" or self.clock.now() - inbound.at > TOO_OLD
        if inbound.kind not in ("text", "choice", "place") or waits or aside:
            yield
            return

        def begin() -> None:
            task = asyncio.create_task(self._show_loading(work.resident.id))
            self._aside.add(task)
            task.add_done_callback(self._aside.discard)

        handle = asyncio.get_running_loop().call_later(SLOW_SECONDS, begin)
        try:
            yield
        finally:
            handle.cancel()

    async def _show_loading(self, resident_id: uuid.UUID) -> None:
        try:
            await self.courtesy.start_loading(await self._line_id(resident_id), LOADING_SECONDS)
        except Exception as error:
            log.info("loading_failed", error=type(error).__name__)

    # the one transaction -------------------------------------------------------------------------------------------

    def _commit(self, session: Session, work: Work, inbound: Inbound, heard: Heard, turn: Turn) -> None:
        held(session, work.lease)
        resident_id, now = work.resident.id, self.clock.now()
        case = _case(session, resident_id)
        remembered, version = memory.load(session, resident_id)
        if case != work.case or version != work.version:
            turn = self._decide(remembered, inbound, heard, case, work.resident)
        taken_back = _taken_back(session, resident_id, inbound)
        too_old = now - inbound.at > TOO_OLD
        aside = work.raw.get("mode") == "standby" or too_old  # kept and heard, never answered by the machine
        silent = aside or (case is not None and case.held) or inbound.kind in UNANSWERED
        if taken_back and not turn.signals:
            silent = True
        replies = () if silent else turn.replies

        if inbound.kind == "unsend":
            self._unsend(session, work, inbound, case, now)
        uid = _write_down(session, work, inbound, heard, case, keep_words=not taken_back)
        case = self._call_a_person(session, work, inbound, turn, case, uid, now, keep_words=not taken_back)
        if too_old and inbound.kind in MESSAGES and case is None:
            case = cases.open_for_failure(session, resident_id, "dead_letter", now, self.city())
        if case is not None:
            replies = numbered(replies, case_number(case.id))
            if case.for_people:
                media.want(session, resident_id, uid, inbound.at, now)
                self.written(session, case.id, uid, now)
            if turn.topic and not taken_back:
                cases.note_topic(session, case.id, turn.topic)
            if turn.note:
                journal.write(
                    session, work.resident.id, who="system", kind="note", words=turn.note, language="ja", at=now,
                    case_id=case.id,
                )  # fmt: skip
        remembers = inbound.kind == "unsend" or not (aside or taken_back)
        if remembers and turn.memory != remembered:
            memory.keep(session, resident_id, turn.memory, version)
        self._say(session, work, inbound, turn, replies, case, now)
        if not aside:
            self._follow_up(session, work, inbound, turn)
            if turn.offer and not taken_back:
                offers.keep(session, turn.offer, turn.language, now)
            if inbound.kind == "follow" or turn.memory.get("language") != remembered.get("language"):
                richmenu.ask_for(session, resident_id, str(work.inbox_id), now)  # a block had taken it off
        _done(session, work, "done")

    def _call_a_person(
        self,
        session: Session,
        work: Work,
        inbound: Inbound,
        turn: Turn,
        case: Case | None,
        uid: uuid.UUID,
        now: datetime,
        *,
        keep_words: bool,
    ) -> Case | None:
        signals = turn.signals if keep_words else tuple(replace(s, evidence="", gloss="") for s in turn.signals)
        fresh = _not_yet_kept(session, uid, signals)
        if turn.case or fresh:
            return cases.apply(
                session,
                work.resident.id,
                signals=fresh,
                event=turn.case,
                reason=turn.reason,
                journal_uid=uid,
                at=now,
                city=self.city(),
            )
        if case is not None and (inbound.kind in MESSAGES or inbound.kind == "room_text"):
            cases.note_inbound(session, work.resident.id, now)
        return case

    def _say(
        self,
        session: Session,
        work: Work,
        inbound: Inbound,
        turn: Turn,
        replies: tuple[Reply, ...],
        case: Case | None,
        now: datetime,
    ) -> None:
        """Put what the desk says into outbox and journal; in the room it is only written down there."""
        resident = work.resident
        reply_token = str(work.raw.get("replyToken") or "")
        reply_until = work.received_db + REPLY_SECONDS
        language = turn.language or choose(self.city().languages, resident.language, resident.language_hint)
        in_line = inbound.kind != "room_text"
        if replies:
            outbox_id = None
            if in_line:
                room_url = ""
                if self.mind.wants_room(replies):
                    seconds = self.city().room_link_seconds
                    token = rooms.make_link(session, resident.id, ttl_seconds=seconds, at=now)
                    room_url = rooms.link_url(self.base_url, token)
                outbox_id = enqueue_outbox(
                    session,
                    resident.id,
                    self.mind.to_line(replies, language, room_url=room_url),
                    origin="desk",
                    at=now,
                    case_id=case.id if case else None,
                    inbox_id=work.inbox_id,
                    reply_token=reply_token,
                    reply_until_db=reply_until,
                    vital=any(reply.vital for reply in replies),
                )
            journal.write(
                session,
                resident.id,
                who="desk",
                kind="reply",
                words=self.mind.to_text(replies, language),
                place="line" if in_line else "room",
                language=language,
                at=now,
                case_id=case.id if case else None,
                outbox_id=outbox_id,
            )
            if not in_line:  # the open page shows it at once
                append_event(session, "room.said", now, case_id=case.id if case else None, resident_id=resident.id)
        if in_line and inbound.kind in MESSAGES and not self.mind.wants_room(replies):
            rooms.entrance(  # words that wait in the room are told when she writes (CARE C21)
                session,
                resident.id,
                now,
                city=self.city(),
                language=language,
                room_url_base=self.base_url,
                to_line=self.mind.to_line,
                reply_token="" if replies else reply_token,
                reply_until_db=0.0 if replies else reply_until,
                inbox_id=work.inbox_id,
            )

    def _follow_up(self, session: Session, work: Work, inbound: Inbound, turn: Turn) -> None:
        resident = work.resident
        values: dict[str, object] = {}
        if turn.chosen_language and turn.chosen_language != resident.language:
            values["language"] = turn.chosen_language
        if turn.contact_safety and turn.contact_safety != resident.contact_safety:
            values["contact_safety"] = turn.contact_safety
        if inbound.first_contact and resident.language_hint:
            values["language_hint"] = resident.language_hint
        if values:
            session.execute(update(RESIDENT).where(RESIDENT.c.id == resident.id).values(**values))
        if inbound.first_contact and (token := engine.greeting_token(inbound)):
            campaigns.count_greeted(session, token)
        if turn.talk_in:
            rooms.choose_place(session, resident.id, turn.talk_in, self.clock.now())
        for need in turn.unmet:
            catalogue.count_unmet(session, need, turn.language, self.clock.now())
        for beginning in turn.stops:
            drop_jobs(session, beginning, resident.id)
        for wish in turn.follow_ups:
            key = f"{wish.name}:{resident.id}:{wish.key}"[:120]
            enqueue_job(session, wish.name, key, wish.at, {"resident_id": str(resident.id)})

    def _unsend(self, session: Session, work: Work, inbound: Inbound, case: Case | None, now: datetime) -> None:
        """Remove the words; kind, severity and time of a signal stay, and the holder is told, once (CARE C17)."""
        found, resident_id = message_hash(session, inbound.message_id), work.resident.id
        if not found or journal.taken_back(session, resident_id, found):
            return
        unsend.take_back(session, resident_id, found, now)
        append_event(session, "journal.unsent", now, case_id=case.id if case else None, resident_id=resident_id)
        run(session, _HURRY, {"b_lane": work.lease.key, "b_now": db_now(session)})

    # when it fails -------------------------------------------------------------------------------------------------

    async def _failed(self, work: Work, heard: Heard | None, error: Exception) -> None:
        """Back off or give up; either way what sounds urgent reaches a person now."""
        dead = work.attempts >= self.max_attempts
        log.error(
            "turn_failed",
            kind=str(work.raw.get("type") or ""),
            error=type(error).__name__,
            frames=frames(error),
            attempts=work.attempts,
            dead=dead,
        )
        try:
            aid = await self._first_aid(work, heard)
            await self.store.write(lambda session: self._keep_failure(session, work, aid, error, dead=dead))
        except LeaseLostError:
            log.warning("lease_lost", lane=str(work.resident.id))
        except Exception as worse:
            log.critical("failure_failed", error=type(worse).__name__, frames=frames(worse))
            with suppress(Exception):
                await self.store.write(lambda session: self._keep_failure(session, work, None, error, dead=dead))

    async def _knocked(self, work: Work) -> None:
        """Look through a lane whose head is backing off: an emergency behind it waits for nobody."""
        aid = await self._first_aid(work, None)

        def unit(session: Session) -> None:
            held(session, work.lease)
            self._open_cases(session, aid or [])
            if aid is None:
                cases.open_for_failure(session, work.resident.id, "dead_letter", self.clock.now(), self.city())
            _release(session, work.lease)

        await self.store.write(unit)

    async def _first_aid(self, work: Work, heard: Heard | None) -> list[tuple[Work, tuple[Signal, ...]]] | None:
        """Return the signals in this event and in those behind it; None when even patterns fail."""
        behind = await self.store.read(lambda session: _behind(session, work))

        def look() -> list[tuple[Work, tuple[Signal, ...]]]:
            found = []
            for one in [work, *behind]:
                if heard is not None and one is work:
                    signals = heard.signals
                else:
                    text = webhook.words(one.raw)
                    signals = self.mind.first_aid(text) if text else ()
                found.append((one, signals))
            return found

        try:
            return await asyncio.to_thread(look)
        except Exception as error:
            log.critical("first_aid_failed", error=type(error).__name__, frames=frames(error))
            return None

    def _open_cases(self, session: Session, aid: Sequence[tuple[Work, tuple[Signal, ...]]]) -> None:
        for one, signals in aid:
            if not _pressing(signals):
                continue
            keep_words = not _taken_back(session, one.resident.id, one.inbound)
            case = cases.open_case(session, one.resident.id, lock=True)
            uid = _write_down(session, one, one.inbound, Heard(), case, keep_words=keep_words)
            turn = Turn(memory={}, language="", signals=signals, case="alarm", reason="signal")
            if _not_yet_kept(session, uid, signals):
                self._call_a_person(session, one, one.inbound, turn, case, uid, self.clock.now(), keep_words=keep_words)
                self._apologise(session, one)

    def _apologise(self, session: Session, work: Work) -> None:
        """Say that a person was told, in fixed words; whatever fails here must not undo that."""
        inbound = work.inbound
        case = cases.open_case(session, work.resident.id, lock=True)
        if (case is not None and case.held) or not (inbound.kind in MESSAGES or inbound.kind == "room_text"):
            return
        if work.raw.get("mode") == "standby" or _taken_back(session, work.resident.id, inbound):
            return
        try:
            with session.begin_nested():
                turn = Turn(memory={}, language=str(work.memory.get("language", "")))
                self._say(session, work, inbound, turn, self.mind.apology(), case, self.clock.now())
        except Exception as error:
            log.critical("apology_failed", error=type(error).__name__, frames=frames(error))

    def _keep_failure(
        self,
        session: Session,
        work: Work,
        aid: list[tuple[Work, tuple[Signal, ...]]] | None,
        error: Exception,
        *,
        dead: bool,
    ) -> None:
        held(session, work.lease)
        self._open_cases(session, aid or [])
        keep_words = not _taken_back(session, work.resident.id, work.inbound)
        dead = dead or not keep_words  # words that were taken back are kept for no other try
        if dead or (aid is None and work.attempts <= 1):
            case = cases.open_for_failure(session, work.resident.id, "dead_letter", self.clock.now(), self.city())
            uid = _write_down(session, work, work.inbound, Heard(), case, keep_words=keep_words)
            media.want(session, work.resident.id, uid, work.inbound.at, self.clock.now())
            if not any(_pressing(signals) for one, signals in aid or () if one is work):  # else it was said before
                self._apologise(session, work)
        if dead:
            _done(session, work, "dead", error=type(error).__name__)
            return
        wait = backoff(work.attempts, random.random())  # noqa: S311 - jitter, not a secret
        session.execute(
            update(INBOX)
            .where(INBOX.c.id == work.inbox_id)
            .values(next_db=db_now(session) + wait, error=type(error).__name__[:200])
        )
        _release(session, work.lease)


# --- pieces of units -------------------------------------------------------------------------------------------------


def _pressing(signals: Sequence[Signal]) -> bool:
    return any(signal.severity.rank >= Severity.URGENT.rank for signal in signals)


def _load(session: Session, leases: Sequence[Lease]) -> list[Work]:
    """Return the head of every lane, with its resident; lanes that hold nothing are given back."""
    residents = [lane_resident(lease.key) for lease in leases]
    facts = _facts(session, residents)
    memories = {row.resident_id: row for row in run(session, _MEMORIES, {"b_residents": residents})}
    having_case = set(run(session, _HAVING_CASE, {"b_residents": residents}).scalars())
    found = []
    now = db_now(session)
    for lease, resident_id in zip(leases, residents, strict=True):
        head = run(session, _OPEN_EVENTS, {"b_lane": lease.key, "b_limit": 1}).one_or_none()
        if head is None:
            release(session, lease, None)
            continue
        due = head.next_db <= now
        if due:  # counted now: what takes the process down with it is counted too
            run(session, _BEGIN, {"b_id": head.id})
        remembered, version = memory.opened(session, resident_id, memories.get(resident_id))
        found.append(
            Work(
                lease=lease,
                inbox_id=head.id,
                raw=_raw(session, resident_id, head),
                at=webhook.moment(head.timestamp_ms),
                received_db=head.received_db,
                attempts=head.attempts + due,
                due=due,
                resident=facts[resident_id],
                memory=remembered,
                version=version,
                case=cases.open_case(session, resident_id) if resident_id in having_case else None,
            )
        )
    return found


def _raw(session: Session, resident_id: uuid.UUID, row: Any) -> Mapping[str, Any]:
    text = unseal(session, resident_owner(resident_id), "inbox", "raw", row.id, row.raw_sealed)
    return cast(Mapping[str, Any], json.loads(text))


def _facts(session: Session, residents: Sequence[uuid.UUID]) -> dict[uuid.UUID, ResidentFacts]:
    given: dict[uuid.UUID, dict[str, bool]] = {resident_id: {} for resident_id in residents}
    for row in run(session, _CONSENTS, {"b_residents": residents}):
        given[row.resident_id][row.kind] = row.given  # the newest word counts
    waiting = int(run(session, _HOW_MANY_WAIT, {}).scalar_one())
    who_waits = set(run(session, _WHO_WAITS, {"b_residents": residents}).scalars())
    return {
        row.id: ResidentFacts(
            row.id,
            row.language,
            row.language_hint,
            row.is_friend,
            row.contact_safety,
            frozenset(kind for kind, yes in given[row.id].items() if yes),
            waiting - (row.id in who_waits),
        )
        for row in run(session, _FACTS, {"b_residents": residents})
    }


def _behind(session: Session, work: Work) -> list[Work]:
    """Return the events of the same lane that wait behind this one."""
    rows = run(session, _OPEN_EVENTS, {"b_lane": work.lease.key, "b_limit": WATCHED_EVENTS}).all()
    return [
        replace(
            work,
            inbox_id=row.id,
            raw=_raw(session, work.resident.id, row),
            at=webhook.moment(row.timestamp_ms),
            attempts=row.attempts,
        )
        for row in rows
        if row.id != work.inbox_id
    ]


def _case(session: Session, resident_id: uuid.UUID) -> Case | None:
    """Return the open case, locked until this commit; most residents never had one, which is asked cheaply."""
    if run(session, _HAD_CASE, {"b_residents": [resident_id]}).first() is None:
        return None
    return cases.open_case(session, resident_id, lock=True)


def _taken_back(session: Session, resident_id: uuid.UUID, inbound: Inbound) -> bool:
    """Return whether the resident unsent this message before it was read."""
    if not inbound.message_id or inbound.kind == "unsend":
        return False
    return journal.taken_back(session, resident_id, message_hash(session, inbound.message_id))


def _write_down(
    session: Session, work: Work, inbound: Inbound, heard: Heard, case: Case | None, *, keep_words: bool
) -> uuid.UUID:
    """Write down what the resident did, once, and return the row's uid.

    An unsend's row is also its tombstone: one for a message, however often LINE tells of it.
    """
    found = message_hash(session, inbound.message_id)
    uid = uuid.uuid5(work.inbox_id, "journal")
    if inbound.kind == "unsend" and found:
        uid = uuid.uuid5(work.resident.id, f"unsend:{found}")
    more: dict[str, Any] = {}
    if inbound.act:
        more["act"] = inbound.act
    if (point := inbound.point) is not None:
        more["place"] = [point.latitude, point.longitude, point.title, point.address]
    if inbound.quote_token and keep_words:
        more["quote_token"] = inbound.quote_token
    if keep_words and inbound.kind in media.KINDS and inbound.message_id:
        media.note(session, work.resident.id, uid, inbound.kind, inbound.message_id, inbound.at)
    return journal.write(
        session,
        work.resident.id,
        uid=uid,
        who="resident",
        kind=inbound.kind,
        words=inbound.text if keep_words else None,
        more=more,
        place="room" if inbound.kind == "room_text" else "line",
        language=heard.language,
        at=inbound.at,
        case_id=case.id if case else None,
        message_hash=found,
    )


def _not_yet_kept(session: Session, uid: uuid.UUID, signals: tuple[Signal, ...]) -> tuple[Signal, ...]:
    """Return the signals of a message that no earlier, failed attempt has kept already."""
    if not signals:
        return ()
    rows = session.execute(select(SIGNAL.c.kind, SIGNAL.c.severity).where(SIGNAL.c.journal_uid == uid))
    kept = {(row.kind, row.severity) for row in rows}
    return tuple(signal for signal in signals if (signal.kind, signal.severity.value) not in kept)


def _done(session: Session, work: Work, outcome: str, *, error: str = "") -> None:
    """End the event: its raw words go (journal and signals hold what stays), and the lane goes on."""
    run(session, _END, {"b_id": work.inbox_id, "b_now": db_now(session), "b_outcome": outcome, "b_error": error[:200]})
    _release(session, work.lease)


def _release(session: Session, lease: Lease) -> None:
    head = run(session, _OPEN_EVENTS, {"b_lane": lease.key, "b_limit": 1}).one_or_none()
    release(session, lease, None if head is None else max(head.next_db, db_now(session)))


# --- statements, built once ------------------------------------------------------------------------------------------

_IN_BATCH: Final[BindParameter[Any]] = bindparam("b_residents", expanding=True)
_MEMORIES: Final = select(memory.MEMORY).where(memory.MEMORY.c.resident_id.in_(_IN_BATCH))
_CONSENTS: Final = select(CONSENT).where(CONSENT.c.resident_id.in_(_IN_BATCH)).order_by(CONSENT.c.at)
_HAD_CASE: Final = select(CASES.c.id).where(CASES.c.resident_id.in_(_IN_BATCH)).limit(1)
_HAVING_CASE: Final = select(CASES.c.resident_id).where(CASES.c.resident_id.in_(_IN_BATCH), CASES.c.state != "closed")
_HOW_MANY_WAIT: Final = select(func.count()).where(CASES.c.state == "waiting")
_WHO_WAITS: Final = select(CASES.c.resident_id).where(CASES.c.resident_id.in_(_IN_BATCH), CASES.c.state == "waiting")
_FACTS: Final = select(
    RESIDENT.c.id, RESIDENT.c.language, RESIDENT.c.language_hint, RESIDENT.c.is_friend, RESIDENT.c.contact_safety
).where(RESIDENT.c.id.in_(_IN_BATCH))
_OPEN_EVENTS: Final = (
    select(INBOX.c.id, INBOX.c.timestamp_ms, INBOX.c.raw_sealed, INBOX.c.received_db, INBOX.c.attempts, INBOX.c.next_db)
    .where(INBOX.c.lane_key == bindparam("b_lane"), INBOX.c.done_db.is_(None))
    .order_by(INBOX.c.ahead.desc(), INBOX.c.timestamp_ms, INBOX.c.seq)
    .limit(bindparam("b_limit"))
)
_HURRY: Final = (
    update(INBOX)
    .where(INBOX.c.lane_key == bindparam("b_lane"), INBOX.c.done_db.is_(None))
    .values(next_db=bindparam("b_now"))
)
_BEGIN: Final = update(INBOX).where(INBOX.c.id == bindparam("b_id")).values(attempts=INBOX.c.attempts + 1)
_END: Final = (
    update(INBOX)
    .where(INBOX.c.id == bindparam("b_id"))
    .values(done_db=bindparam("b_now"), outcome=bindparam("b_outcome"), error=bindparam("b_error"), raw_sealed=b"")
)
