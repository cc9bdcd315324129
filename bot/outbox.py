"""Send what was decided: free reply first, then push under its stored retry key; say what became of it, honestly.

The rule: LINE's 200 means accepted, never delivered. A push is repeated only under its own key and only within a day;
a reply has no key, so after an uncertain one ordinary words stay `unknown` and only vital words are said twice
(facts/line.md 2, facts/reliability.md A).
"""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, Protocol, cast

import structlog
from sqlalchemy import Boolean, String, Table, bindparam, case, null, select, update
from sqlalchemy.orm import Session

from bot import cases
from bot.clock import Clock
from bot.errors import LeaseLostError, LineRefusedError, LineUnreachableError
from bot.inbox import RESIDENT, open_line_id
from bot.lanes import Lease, backoff, claim, held, release
from bot.line.client import Answer, BotInfo, Quota
from bot.logs import frames
from bot.models import CaseRow, Outbox
from bot.situation import City
from bot.store import Store, append_event, bump, db_now, run, wake, watched_version
from bot.vault import resident_owner, unseal

OUTBOX: Final = cast(Table, Outbox.__table__)
CASES: Final = cast(Table, CaseRow.__table__)

CONCURRENCY: Final = 64  # requests in flight; the answers take about 20-100 ms
LEASE_SECONDS: Final = 30.0  # far longer than one request may take (5 s, and 5 s for a profile)
POLL_SECONDS: Final = 1.0
PROBE_SECONDS: Final = 15.0  # while LINE refuses our token
QUOTA_SECONDS: Final = 600.0  # how old a known quota may be
PARKED_SECONDS: Final = 3600.0  # a push without quota is looked at again after this
KEY_SECONDS: Final = 86_400.0  # LINE remembers a retry key for 24 hours
SEVEN_DAYS: Final = 7 * 86_400.0  # pushes reach who is no friend only this long after they wrote
ASK_PROFILE_AFTER: Final = 86_400.0  # whoever was silent for a day may have left while we were away
QUOTA: Final = "monthly_quota"  # the error of a parked row: pending, shown to staff as not delivered
CHANNEL: Final = "channel"  # what is watched: its note says why the channel stands still

#: LINE's own sentences, the only ones of its answers that are kept: another might quote what we sent.
LINE_SAYS: Final = (
    "Invalid reply token",
    "You have reached your monthly limit",
    "The API rate limit has been exceeded",
    "Failed to send messages",
    "The request body has",
)

log = structlog.get_logger("outbox")

Verdict = Literal["accepted", "unknown", "unreachable", "given_up", "withdrawn", "again", "parked", "stopped"]


class Sender(Protocol):
    """Be what the outbox asks of LINE (`line.client.LineClient`)."""

    async def reply(self, token: str, messages: Sequence[dict[str, Any]]) -> Answer:
        """Send with a reply token."""

    async def push(self, user_id: str, messages: Sequence[dict[str, Any]], retry_key: uuid.UUID) -> Answer:
        """Send with a retry key."""

    async def reachable(self, user_id: str) -> bool:
        """Return False when LINE knows no profile."""

    async def quota(self) -> Quota:
        """Return this month's pushes."""

    async def bot_info(self) -> BotInfo:
        """Answer when the token works."""


@dataclass(frozen=True, slots=True)
class Letter:
    """Hold one claimed row, opened, with what decides how it may go."""

    lease: Lease
    id: uuid.UUID
    resident_id: uuid.UUID
    user_id: str
    messages: list[dict[str, Any]]
    origin: str
    vital: bool
    retry_key: uuid.UUID
    reply_token: str
    reply_seconds: float  # that the token stays fresh
    doubtful: bool
    attempts: int
    age: float  # seconds since the first attempt
    is_friend: bool
    unreachable: bool
    silence: float  # seconds since the resident last did something

    @property
    def by_reply(self) -> bool:
        """Return whether the free way is open."""
        return bool(self.reply_token) and self.reply_seconds > 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Hold what became of one attempt, to be written down."""

    verdict: Verdict
    error: str = ""
    request_id: str = ""
    doubtful: bool = False
    drop_token: bool = False
    wait: float = 0.0  # seconds
    unreachable: bool = False


class OutboxSender:
    """Claim due lanes of outgoing messages and send the head of each."""

    def __init__(
        self,
        store: Store,
        sender: Sender,
        clock: Clock,
        city: Callable[[], City],
        *,
        budget: int = 0,
        reserve: int = 20,
        concurrency: int = CONCURRENCY,
        lease_seconds: float = LEASE_SECONDS,
        poll_seconds: float = POLL_SECONDS,
        probe_seconds: float = PROBE_SECONDS,
    ) -> None:
        self.store = store
        self.sender = sender
        self.clock = clock
        self.city = city
        self.budget = budget
        self.reserve = reserve
        self.concurrency = concurrency
        self.lease_seconds = lease_seconds
        self.poll_seconds = poll_seconds
        self.probe_seconds = probe_seconds
        self.owner = f"outbox:{uuid.uuid4()}"
        self.stopped = ""  # why nothing is sent now, e.g. 401
        self._left: int | None = None
        self._asked_quota = float("-inf")
        self._pause_until = 0.0
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Send until `stop`; a failing database or LINE only makes it wait."""
        async with self.store.listen("outbox", "watched") as bell:
            while not self._stopping.is_set():
                bell.clear()
                wait = self.poll_seconds
                claimed: list[Letter] = []
                free = self.concurrency - len(self._running)
                try:
                    if self.stopped and not await self._probe():
                        wait = self.probe_seconds
                    elif self._pause_until > self._now():
                        wait = min(self._pause_until - self._now(), wait)
                    elif free:
                        claimed = await self._claim(free)
                        if self.stopped:
                            continue
                except Exception as error:
                    log.error("claim_failed", error=type(error).__name__)
                for letter in claimed:
                    task = asyncio.create_task(self._send(letter))
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
                    task.add_done_callback(lambda _task: bell.set())
                if len(claimed) < free or not free:
                    await self._rest(bell, wait)
        await asyncio.gather(*self._running)

    async def stop(self) -> None:
        """Take nothing new and finish what is in flight."""
        self._stopping.set()
        self.store.ring(["outbox"])

    async def drain(self) -> int:
        """Send until nothing is due now, and return how many attempts were made (tests, demo)."""
        count = 0
        while claimed := await self._claim(self.concurrency):
            await asyncio.gather(*(self._send(letter) for letter in claimed))
            count += len(claimed)
        return count

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    async def _rest(self, bell: asyncio.Event, seconds: float) -> None:
        """Wait for a bell; while the channel stands still or LINE asked for a pause, only for time or `stop`."""
        patient = self.stopped or self._pause_until > self._now()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait() if patient else bell.wait(), seconds)

    # the channel ---------------------------------------------------------------------------------------------------

    async def _probe(self) -> bool:
        """Ask LINE whether our token works again, and tell every process."""
        try:
            await self.sender.bot_info()
        except LineUnreachableError:
            return False
        except LineRefusedError as refused:
            if refused.reasons[0] in ("401", "403"):
                return False  # any other answer means that the token was taken
        await self.store.write(lambda session: bump(session, CHANNEL, ""))
        self.stopped = ""
        log.info("channel_resumed")
        return True

    async def _halt(self, status: int) -> None:
        self.stopped = f"stopped: {status}"
        log.critical("channel_stopped", status=status)
        await self.store.write(lambda session: bump(session, CHANNEL, self.stopped))

    async def _may_push(self, letter: Letter) -> bool:
        """Return whether the month's pushes allow this one; the reserve is for vital words only."""
        if self._now() - self._asked_quota > QUOTA_SECONDS:
            self._asked_quota = self._now()
            try:
                quota = await self.sender.quota()
            except (LineRefusedError, LineUnreachableError) as error:
                log.warning("quota_unknown", error=type(error).__name__)
            else:
                limit = self.budget or quota.limit
                self._left = None if limit is None else max(limit - quota.used, 0)
        if letter.vital or self._left is None:
            return True  # vital words try even when the count says nothing is left: LINE's own count decides
        return self._left > self.reserve

    # one letter ----------------------------------------------------------------------------------------------------

    async def _claim(self, limit: int) -> list[Letter]:
        def unit(session: Session) -> tuple[str, list[Letter]]:
            _version, stopped = watched_version(session, CHANNEL)
            leases = [] if stopped else claim(session, "out:", self.owner, self.lease_seconds, limit)
            at = self.clock.now()
            return stopped, [letter for lease in leases if (letter := _open(session, lease, at)) is not None]

        self.stopped, claimed = await self.store.write(unit)
        return claimed

    async def _send(self, letter: Letter) -> None:
        try:
            outcome = await self._attempt(letter)
            if outcome.verdict == "stopped":
                await self._halt(int(outcome.error))
            await self.store.write(lambda session: self._write_down(session, letter, outcome))
            log.info("sent", outcome=outcome.verdict, error=outcome.error, request_id=outcome.request_id)
        except LeaseLostError:
            log.warning("lease_lost", lane=str(letter.resident_id))
        except Exception as error:  # the lease runs out and the row is tried again
            log.error("send_failed", error=type(error).__name__, frames=frames(error))

    async def _attempt(self, letter: Letter) -> Outcome:
        if letter.age > KEY_SECONDS:
            return Outcome("unknown" if letter.doubtful else "given_up", "a day has passed", doubtful=letter.doubtful)
        if letter.by_reply:
            return await self._by_reply(letter)
        if letter.reply_token and letter.doubtful and not letter.vital:
            return Outcome("unknown", "reply uncertain", doubtful=True)
        return await self._by_push(letter)

    async def _by_reply(self, letter: Letter) -> Outcome:
        try:
            answer = await self.sender.reply(letter.reply_token, letter.messages)
        except LineUnreachableError as error:
            return Outcome("again", str(error), doubtful=True, wait=self._backoff(letter))
        if answer.status == 400 and answer.message.startswith("Invalid reply token"):
            if letter.doubtful and not letter.vital:
                return Outcome("unknown", "reply uncertain", answer.request_id, doubtful=True)
            return await self._by_push(letter)
        return self._judge(letter, answer)

    async def _by_push(self, letter: Letter) -> Outcome:
        gone = not letter.is_friend and letter.silence > SEVEN_DAYS
        if letter.unreachable or gone:
            return Outcome("unreachable", "left" if letter.unreachable else "seven days", drop_token=True)
        if not await self._may_push(letter):
            return Outcome("parked", QUOTA, drop_token=True, wait=PARKED_SECONDS)
        try:
            if letter.silence > ASK_PROFILE_AFTER and not await self.sender.reachable(letter.user_id):
                return Outcome("unreachable", "no profile", drop_token=True, unreachable=True)
        except (LineRefusedError, LineUnreachableError) as error:
            log.info("profile_unknown", error=type(error).__name__)
        try:
            answer = await self.sender.push(letter.user_id, letter.messages, letter.retry_key)
        except LineUnreachableError as error:
            return Outcome("again", str(error), doubtful=True, drop_token=True, wait=self._backoff(letter))
        if answer.status == 400 and answer.message.startswith("Failed to send messages"):
            with suppress(LineRefusedError, LineUnreachableError):
                if not await self.sender.reachable(letter.user_id):
                    return Outcome("unreachable", "no profile", answer.request_id, drop_token=True, unreachable=True)
        if answer.status == 200 and self._left is not None:
            self._left = max(self._left - 1, 0)
        return self._judge(letter, answer, pushed=True)

    def _judge(self, letter: Letter, answer: Answer, *, pushed: bool = False) -> Outcome:
        """Return what an answer of LINE means (facts/reliability.md A, table of outcomes)."""
        status, request_id = answer.status, answer.request_id
        said = f"{status} {next((words for words in LINE_SAYS if answer.message.startswith(words)), '')}".strip()
        if status == 200 or (status == 409 and pushed):
            return Outcome("accepted", "", request_id, drop_token=True)
        if status in (401, 403):
            return Outcome("stopped", str(status), request_id, drop_token=pushed)
        if status == 429 and "monthly" in answer.message:
            self._left = 0
            return Outcome("parked", QUOTA, request_id, drop_token=True, wait=PARKED_SECONDS)
        if status == 429:
            wait = answer.retry_after or self._backoff(letter)
            self._pause_until = self._now() + min(wait, 5.0)
            return Outcome("again", said, request_id, drop_token=pushed, wait=wait)
        if status == 0:
            return Outcome("again", said, drop_token=pushed, wait=self._backoff(letter))
        if status >= 500:
            return Outcome("again", said, request_id, doubtful=True, drop_token=pushed, wait=self._backoff(letter))
        return Outcome("given_up", said, request_id, drop_token=True)

    @staticmethod
    def _backoff(letter: Letter) -> float:
        return backoff(letter.attempts, random.random())  # noqa: S311 - jitter, not a secret

    def _write_down(self, session: Session, letter: Letter, outcome: Outcome) -> None:
        """Keep the outcome. Locks in the order of everybody: case, event, lane."""
        now = self.clock.now()
        verdict = outcome.verdict
        goes_on = verdict in ("again", "parked", "stopped")
        opened = None
        if goes_on and letter.origin == "desk":
            opened = cases.open_case(session, letter.resident_id, lock=True)
            if opened is not None and opened.held:
                verdict, goes_on = "withdrawn", False  # a person took over while it was on its way
        elif verdict == "given_up" or (verdict == "unknown" and letter.age > KEY_SECONDS):
            opened = cases.open_for_failure(session, letter.resident_id, "given_up", now, self.city())
        if not goes_on or verdict == "parked" or letter.attempts == 1:
            append_event(
                session, "outbox.changed", now, case_id=opened.id if opened else None, resident_id=letter.resident_id
            )
        held(session, letter.lease)
        values = {
            "b_id": letter.id,
            "b_state": "pending" if goes_on else verdict,
            "b_doubtful": letter.doubtful or outcome.doubtful,
            "b_error": outcome.error[:200],
            "b_next": db_now(session) + outcome.wait,
            "b_request": outcome.request_id[:80],
            "b_forget": outcome.drop_token or not goes_on,
        }
        run(session, _LAND, values)
        if outcome.unreachable:
            session.execute(update(RESIDENT).where(RESIDENT.c.id == letter.resident_id).values(unreachable=True))
        _release(session, letter.lease)


# --- pieces of units -------------------------------------------------------------------------------------------------


def _waiting(session: Session, lane_key: str) -> list[Any]:
    return list(run(session, _PENDING, {"b_lane": lane_key}))


def _next(session: Session, waiting: Sequence[Any]) -> Any:
    """Return the row that is next: the first one, passing over those that wait for quota unless they are due.

    Words for which there is no quota must not hold up vital ones behind them.
    """
    now = db_now(session)
    return next((row for row in waiting if row.error != QUOTA or row.next_db <= now), None)


def _open(session: Session, lease: Lease, at: datetime) -> Letter | None:
    """Return the head of the lane, marked as in flight; None when there is nothing to send now."""
    now = db_now(session)
    row = _next(session, _waiting(session, lease.key))
    if row is None or row.next_db > now:
        _release(session, lease)
        return None
    if row.origin == "desk" and run(session, _HELD, {"b_resident": row.resident_id}).first() is not None:
        run(session, _WITHDRAW, {"b_id": row.id})  # a person holds the talk: the desk says nothing (DESIGN 5)
        append_event(session, "outbox.changed", at, resident_id=row.resident_id)
        wake(session, "outbox")  # staff's words may wait behind it
        _release(session, lease)
        return None
    doubtful = row.doubtful or row.in_flight  # in flight: a process died between sending and writing it down
    taken = run(session, _FLY, {"b_id": row.id, "b_first": row.first_attempt_db or now, "b_doubtful": doubtful})
    if not taken.rowcount:  # withdrawn in this very moment
        _release(session, lease)
        return None
    body = run(session, _BODY, {"b_id": row.id}).one()
    owner = resident_owner(body.resident_id)
    token = body.reply_token_sealed
    return Letter(
        lease=lease,
        id=row.id,
        resident_id=body.resident_id,
        user_id=open_line_id(session, body.resident_id, body.line_id_sealed),
        messages=json.loads(unseal(session, owner, "outbox", "body", row.id, body.body_sealed)),
        origin=body.origin,
        vital=body.vital,
        retry_key=body.retry_key,
        reply_token=unseal(session, owner, "outbox", "reply_token", row.id, token) if token else "",
        reply_seconds=body.reply_until_db - now,
        doubtful=doubtful,
        attempts=row.attempts + 1,
        age=now - (row.first_attempt_db or now),
        is_friend=body.is_friend,
        unreachable=body.unreachable,
        silence=now - body.last_inbound_db,
    )


def _release(session: Session, lease: Lease) -> None:
    """Give the lane back, due when its next row is."""
    waiting = _waiting(session, lease.key)
    if (row := _next(session, waiting)) is not None:
        release(session, lease, max(row.next_db, db_now(session)))
    else:
        release(session, lease, min((row.next_db for row in waiting), default=None))


# --- statements, built once ------------------------------------------------------------------------------------------

_PENDING: Final = (
    select(
        OUTBOX.c.id,
        OUTBOX.c.resident_id,
        OUTBOX.c.origin,
        OUTBOX.c.error,
        OUTBOX.c.next_db,
        OUTBOX.c.in_flight,
        OUTBOX.c.doubtful,
        OUTBOX.c.attempts,
        OUTBOX.c.first_attempt_db,
    )
    .where(OUTBOX.c.lane_key == bindparam("b_lane"), OUTBOX.c.state == "pending")
    .order_by(OUTBOX.c.seq)
)
_HELD: Final = select(CASES.c.id).where(CASES.c.resident_id == bindparam("b_resident"), CASES.c.state == "claimed")
_WITHDRAW: Final = update(OUTBOX).where(OUTBOX.c.id == bindparam("b_id")).values(state="withdrawn", in_flight=False)
_FLY: Final = (
    update(OUTBOX)
    .where(OUTBOX.c.id == bindparam("b_id"), OUTBOX.c.state == "pending")
    .values(
        in_flight=True,
        attempts=OUTBOX.c.attempts + 1,
        first_attempt_db=bindparam("b_first"),
        doubtful=bindparam("b_doubtful"),
    )
)
_BODY: Final = (
    select(
        OUTBOX.c.resident_id,
        OUTBOX.c.origin,
        OUTBOX.c.vital,
        OUTBOX.c.retry_key,
        OUTBOX.c.body_sealed,
        OUTBOX.c.reply_token_sealed,
        OUTBOX.c.reply_until_db,
        RESIDENT.c.line_id_sealed,
        RESIDENT.c.is_friend,
        RESIDENT.c.unreachable,
        RESIDENT.c.last_inbound_db,
    )
    .join(RESIDENT, RESIDENT.c.id == OUTBOX.c.resident_id)
    .where(OUTBOX.c.id == bindparam("b_id"))
)
_LAND: Final = (
    update(OUTBOX)
    .where(OUTBOX.c.id == bindparam("b_id"))
    .values(
        state=bindparam("b_state"),
        in_flight=False,
        doubtful=bindparam("b_doubtful"),
        error=bindparam("b_error"),
        next_db=bindparam("b_next"),
        line_request_id=case(
            (bindparam("b_request", type_=String) != "", bindparam("b_request", type_=String)),
            else_=OUTBOX.c.line_request_id,
        ),
        reply_token_sealed=case((bindparam("b_forget", type_=Boolean), null()), else_=OUTBOX.c.reply_token_sealed),
    )
)
