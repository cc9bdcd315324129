"""Calls a person when an emergency or urgent case waits and nobody takes it, also when no page is open.

The rule: each step of the city's `alarms` calls once for each time a case begins to wait, and is tried again until it
got through or somebody has taken the case. What is sent says nothing about the family (CARE C33).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.errors import NotCalledError
from bot.messages import Severity
from bot.models import Audit, CaseRow
from bot.situation import AlarmStep, City, case_number
from bot.store import Store, append_audit, append_event, enqueue_job
from handoff import team
from handoff.calling import Hook, Mail
from handoff.team import Contact

SWEEP_JOB: Final = "alarms"
CALL_JOB: Final = "alarm"
SWEEP_EVERY: Final = timedelta(seconds=15)  # like the leases' (CARE C16 counts in minutes)
#: A page repeats its sound at these seconds of waiting (issue E 2); then the city's steps go on.
REPEATS: Final = (0, 60, 180, 300)
_AGAIN_SECONDS, _AGAIN_MOST = 30, 900  # after a failure, doubled each time
_NAMES: Final = {"emergency": ("緊急", "EMERGENCY"), "urgent": ("急ぎ", "URGENT")}
GRAVE: Final = tuple(_NAMES)

Way = Literal["mail", "call"]

log = structlog.get_logger("alarms")


@dataclass(frozen=True, slots=True)
class Waiting:
    """Hold one case that calls: since when nobody has it, and how grave it is."""

    id: UUID
    severity: str
    since: datetime


def waiting(session: Session) -> list[Waiting]:
    """Return the urgent and emergency cases that nobody has taken, the gravest and longest waiting first."""
    found = session.execute(
        select(CaseRow.id, CaseRow.severity, CaseRow.waiting_since_at, CaseRow.alarm_since_at).where(
            CaseRow.state == "waiting", CaseRow.severity.in_(GRAVE)
        )
    )
    each = [Waiting(row.id, row.severity, row.alarm_since_at or row.waiting_since_at) for row in found]
    return sorted(each, key=lambda one: (-Severity(one.severity).rank, one.since))


@dataclass(frozen=True, slots=True)
class Second:
    """Hold one held case that asks for a second person, and who holds it."""

    id: UUID
    holder_id: UUID | None
    since: datetime


def seconds(session: Session) -> list[Second]:
    """Return the cases in which a second person should read along, the longest asked for first.

    Pages tell it; the server calls nobody: the holder is there, and if she is not, her claim lapses (CARE C16).
    """
    found = session.execute(
        select(CaseRow.id, CaseRow.holder_id, CaseRow.second_wanted_at)
        .where(CaseRow.state == "claimed", CaseRow.second_wanted_at.is_not(None))
        .order_by(CaseRow.second_wanted_at)
    )
    return [Second(row.id, row.holder_id, row.second_wanted_at) for row in found]


def digest_of(step: AlarmStep) -> str:
    """Return the name of a step: another address, time or number is another step and calls again."""
    return hashlib.sha256(json.dumps(asdict(step), sort_keys=True).encode()).hexdigest()[:12]


def ways_of(step: AlarmStep) -> list[Way]:
    """Return the ways in which a step calls, and those of whoever is on call; each is tried for itself."""
    ways: list[Way] = []
    if step.mail or step.on_call:
        ways.append("mail")
    if step.call or step.on_call:
        ways.append("call")
    return ways


def sweep(session: Session, now: datetime, city: City) -> int:
    """Ask for every call that is due and was not asked for; return how many."""
    is_open = city.open_now(now)
    asked = 0
    for one in waiting(session) if city.alarms else ():
        for step in city.alarms:
            due = one.since + timedelta(seconds=step.after) <= now
            if step.severity == one.severity and due and step.counts(is_open=is_open):
                asked += sum(_ask(session, one, digest_of(step), way, now) for way in ways_of(step))
    return asked


def _ask(session: Session, one: Waiting, step: str, way: Way, run_at: datetime, failures: int = 0) -> bool:
    since = one.since.isoformat()
    key = f"{CALL_JOB}:{one.id}:{int(one.since.timestamp() * 1000)}:{step}:{way}:{failures}"
    payload = {"case": str(one.id), "since": since, "step": step, "way": way, "failures": failures}
    return enqueue_job(session, CALL_JOB, key, run_at, payload)


def addresses(step: AlarmStep, way: Way, there: Sequence[Contact]) -> tuple[str, ...]:
    """Return where a step calls in one way: its own addresses, then those of whoever is on call, each once."""
    own = step.mail if way == "mail" else (step.call,)
    roster = tuple(one.mail if way == "mail" else one.call for one in there) if step.on_call else ()
    return tuple(dict.fromkeys(each for each in (*own, *roster) if each))


@dataclass(frozen=True)
class Ways:
    """Hold the ways that this desk is set up with; None where there is none."""

    mail: Mail | None = None
    hook: Hook | None = None

    async def by_mail(self, to: Sequence[str], subject: str, words: str) -> None:
        """Send a mail to each of these addresses. Raises NotCalledError unless each was taken."""
        if self.mail is None:
            raise NotCalledError("no mail server: MADOGUCHI_SMTP_URL")
        await self.mail.send(to, subject, words)

    async def by_call(self, body: Mapping[str, Any]) -> None:
        """Let the hook ring. Raises NotCalledError."""
        if self.hook is None:
            raise NotCalledError("no hook: MADOGUCHI_ALARM_HOOK_URL")
        await self.hook.ring(body)

    async def rehearse(self, step: AlarmStep, way: Way, name: str) -> None:
        """Call by one way of a step and say that it is a trial of the town `name`. Raises NotCalledError.

        Whoever is on call is let sleep: only the addresses and numbers of the step itself are tried.
        """
        if way == "mail" and step.mail:
            words = f"{name}のまどぐちからの試しです。待っている相談はありません。届いたら、それで大丈夫です。\n"
            await self.by_mail(step.mail, "【まどぐち】試しのお知らせ（何もしなくて大丈夫です）", words)
        elif way == "call" and step.call:
            await self.by_call({"call": step.call, "trial": True, "say": "まどぐちからの試しです。"})


class Caller:
    """Do the calls that were asked for."""

    def __init__(self, store: Store, city: Callable[[], City], base_url: str, ways: Ways) -> None:
        self.store = store
        self.city = city
        self.base_url = base_url.rstrip("/")
        self.ways = ways

    async def call(self, payload: Mapping[str, Any], now: datetime) -> bool:
        """Call by one way of one step, if the case still waits; return whether somebody was called.

        A failure is written down and asked for again, later each time, as long as the case waits.
        """
        wanted = Waiting(UUID(payload["case"]), "", datetime.fromisoformat(payload["since"]))
        step = next((step for step in self.city().alarms if digest_of(step) == payload["step"]), None)
        way: Way = payload["way"]

        def look(session: Session) -> Waiting | None:
            return next((one for one in waiting(session) if (one.id, one.since) == (wanted.id, wanted.since)), None)

        one = await self.store.read(look)
        if one is None or step is None or one.severity != step.severity:
            return False
        there, problem = await self._roster(step, now)
        to = addresses(step, way, there)
        if not to and there:
            return False  # whoever is on call is reached in the other way
        try:
            if not to and not problem:
                raise NotCalledError("nobody is on call, or nobody of them left an address or a number")
            if way == "mail" and to:
                await self.ways.by_mail(to, *letter(one, self.city(), now, self.base_url))
            for number in to if way == "call" else ():
                await self.ways.by_call(message(one, number, now))
        except Exception as error:  # whatever it is, this call must be asked for again
            problem = str(error) if isinstance(error, NotCalledError) else type(error).__name__
        if problem:
            log.error("alarm_failed", kind=way, problem=problem, count=payload["failures"] + 1)
        await self.store.write(lambda s: self._note(s, one, step, way, len(to), now, problem, int(payload["failures"])))
        return not problem

    async def _roster(self, step: AlarmStep, now: datetime) -> tuple[list[Contact], str]:
        """Return who is on call, and why that could not be read: the step's own addresses are called all the same."""
        try:
            return (await self.store.read(lambda s: team.on_call(s, now)) if step.on_call else []), ""
        except Exception as error:  # a sealed number that opens no more must not silence the others
            return [], f"the roster cannot be read: {type(error).__name__}"

    @staticmethod
    def _note(
        session: Session, one: Waiting, step: AlarmStep, way: Way, to: int, now: datetime, problem: str, failures: int
    ) -> None:
        detail = {"way": way, "after": step.after, "to": to}
        action = "alarm.failed" if problem else "alarm.called"
        append_audit(session, "system", action, now, case_id=one.id, reason=problem[:200], detail=detail)
        append_event(session, action, now, case_id=one.id)
        if problem:
            wait = min(_AGAIN_SECONDS * 2**failures, _AGAIN_MOST)
            _ask(session, one, digest_of(step), way, now + timedelta(seconds=wait), failures + 1)


def _minutes(one: Waiting, now: datetime) -> int:
    return max(0, int((now - one.since).total_seconds() // 60))


def letter(one: Waiting, city: City, now: datetime, base_url: str) -> tuple[str, str]:
    """Return the subject and the words of a mail: the number of the case, how grave, how long, and where to look."""
    name, english = _NAMES[one.severity]
    number, minutes = case_number(one.id), _minutes(one, now)
    subject = f"【まどぐち】{name}の相談が待っています（{number}）"
    words = (
        f"{city.name}のまどぐちで、{name}の相談が{minutes}分待っています。まだだれも受けていません。\n"
        f"相談の番号: {number}\n"
        f"ここから受けてください: {base_url}/console/\n\n"
        "このメールには、相談の内容もお名前も書いてありません。返信しても、だれも読みません。\n"
        "だれかが受けると、このお知らせは止まります。\n\n"
        f"[{english}] Case {number} has been waiting for {minutes} min and nobody has taken it. "
        f"Please open {base_url}/console/ . This mail says nothing about the family; replies are not read.\n"
    )
    return subject, words


def message(one: Waiting, number: str, now: datetime) -> dict[str, Any]:
    """Return what the hook gets: which number to ring and what to say, nothing about the family."""
    name = _NAMES[one.severity][0]
    return {
        "call": number,
        "trial": False,
        "case": case_number(one.id),
        "severity": one.severity,
        "waiting_minutes": _minutes(one, now),
        "say": f"まどぐちです。{name}の相談が待っています。まだだれも受けていません。画面を開いて、受けてください。",
    }


@dataclass(frozen=True, slots=True)
class Called:
    """Hold what became of the last call for a case."""

    at: datetime
    way: Way
    failed: bool


def last_calls(session: Session, ids: Sequence[UUID]) -> dict[UUID, Called]:
    """Return for each of these cases the last call, if there was one."""
    found = session.execute(
        select(Audit.case_id, Audit.at, Audit.action, Audit.detail)
        .where(Audit.case_id.in_(ids), Audit.action.in_(("alarm.called", "alarm.failed")))
        .order_by(Audit.id)
    )
    return {row.case_id: Called(row.at, row.detail["way"], row.action == "alarm.failed") for row in found}


def problems(city: City, *, mail: bool, hook: bool) -> list[str]:
    """Return why nobody would be called: no step, none at night, or no `mail` server or `hook` for the steps."""
    found = []
    grave = [step for step in city.alarms if step.severity == "emergency"]
    if not grave:
        found.append("alarms is empty: nobody is called when an emergency waits and no page is open (docs/alarms.md)")
    elif city.emergency_at_night in ("on_call", "night_duty") and not any(s.counts(is_open=False) for s in grave):
        found.append(f"emergency_at_night is {city.emergency_at_night}, but no step of alarms counts at night")
    if not mail and any(step.mail for step in city.alarms):
        found.append("alarms calls by mail, but MADOGUCHI_SMTP_URL is missing: nobody would be called")
    if not hook and any(step.call for step in city.alarms):
        found.append("alarms calls telephones, but MADOGUCHI_ALARM_HOOK_URL is missing: nobody would be called")
    if not (mail or hook) and any(step.on_call for step in city.alarms):
        found.append("alarms calls whoever is on call, but there is neither a mail server nor a hook to call with")
    return found
