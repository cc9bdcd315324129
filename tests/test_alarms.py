"""Nobody looks at a page, and a person is called all the same: once a step, until somebody has taken the case."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bot import cases
from bot.clock import Clock
from bot.curation import By
from bot.models import Audit, CaseRow, Event, Job
from bot.opening import TOKYO, Opening, Schedule
from bot.schedule import Scheduler
from bot.situation import AlarmStep, City, Desk
from bot.store import Store
from handoff import alarms, team
from handoff.alarms import Caller, Ways
from handoff.calling import Hook, Mail
from handoff.models import Staff
from handoff.staff import add_staff
from handoff.team import Contact
from tests.calling_stand_ins import Post, Ringer, opened
from tests.console_world import OWN_HAND, TIRED_EN, VANISH, Plain, a_resident, writes

NIGHT = datetime(2026, 11, 20, 17, 10, tzinfo=UTC)  # Saturday 02:10 in Tokyo
DAY = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)  # Tuesday 11:00
SECRET = "s" * 40
WEEK = Opening((Schedule((0, 1, 2, 3, 4), time(9), time(17)),))
STEPS = (
    AlarmStep("emergency", 0, "always", mail=("desk@hinata.example.jp", "center@hinata.example.jp")),
    AlarmStep("emergency", 180, "always", mail=("head@hinata.example.jp",), call="000-555-0002"),
    AlarmStep("emergency", 60, "closed", call="000-555-0001"),
    AlarmStep("urgent", 900, "open", mail=("desk@hinata.example.jp",)),
)
CITY = City("ひなた市", (Desk("hinata", "ひなた子育て窓口", "基本型", WEEK),), alarms=STEPS)


@dataclass
class Night:
    """Hold a desk whose scheduler calls by stand-ins, with a clock that is moved by hand."""

    store: Store
    clock: Clock
    scheduler: Scheduler
    caller: Caller
    post: Post
    ringer: Ringer
    city: City = CITY

    async def later(self, seconds: float = 0) -> None:
        """Let time pass, and the desk do what is due then."""
        self.clock.set(self.clock.now() + timedelta(seconds=seconds), running=False)
        await self.store.write(lambda s: alarms.sweep(s, self.clock.now(), self.city))
        while await self.scheduler.tick():
            pass

    @property
    def mailed(self) -> list[list[str]]:
        """Return the addresses of each mail so far."""
        return [to for to, _message in self.post.taken]

    @property
    def rung(self) -> list[str]:
        """Return the numbers that were to be rung so far."""
        return [json.loads(body)["call"] for _headers, body in self.ringer.rung]


@pytest.fixture
async def night(store: Store) -> AsyncIterator[Night]:
    clock = Clock()
    clock.set(NIGHT, running=False)
    async with opened(Post()) as letters, opened(Ringer()) as bells:
        found: Night

        def city() -> City:
            return found.city

        mail = Mail(f"smtp+plain://127.0.0.1:{letters.port}", "madoguchi@hinata.example.jp")
        ways = Ways(mail, Hook(f"http://127.0.0.1:{bells.port}/ring", SECRET))
        caller = Caller(store, city, "https://desk.example/", ways)
        scheduler = Scheduler(store, clock)
        scheduler.register_outside(alarms.CALL_JOB, caller.call)
        found = Night(store, clock, scheduler, caller, letters, bells)
        yield found


async def waits(night: Night, *signals: Any) -> UUID:
    """Let a resident write words that call a person; return the case."""
    resident = await a_resident(night.store)
    case = await writes(night.store, resident, "もう ベランダに いる", *signals, at=night.clock.now(), event="alarm")
    assert case is not None
    return case.id


async def audit(store: Store, action: str) -> list[Audit]:
    return await store.read(lambda s: list(s.scalars(select(Audit).where(Audit.action == action).order_by(Audit.id))))


# --- who is called, and when ----------------------------------------------------------------------------------------


async def test_an_emergency_calls_step_by_step_until_somebody_takes_it(night: Night) -> None:
    case = await waits(night, VANISH)
    await night.later()
    assert night.mailed == [["desk@hinata.example.jp", "center@hinata.example.jp"]]
    assert night.rung == []
    await night.later(59)
    assert (len(night.mailed), night.rung) == (1, [])
    await night.later(1)
    assert night.rung == ["000-555-0001"], "at night the duty officer's telephone rings after a minute"
    await night.later(120)
    assert night.mailed[1:] == [["head@hinata.example.jp"]]
    assert night.rung == ["000-555-0001", "000-555-0002"]
    await night.later(3600)
    assert (len(night.mailed), len(night.rung)) == (2, 2), "each step calls once"
    assert [row.case_id for row in await audit(night.store, "alarm.called")] == [case] * 4


async def test_a_case_that_is_taken_calls_nobody_any_more(night: Night) -> None:
    case = await waits(night, VANISH)
    await night.later()
    await night.store.write(lambda s: cases.claim(s, case, uuid4(), night.clock.now()))
    await night.later(600)
    assert (len(night.mailed), night.rung) == (1, [])


async def test_a_call_that_was_asked_for_before_the_claim_is_not_made(night: Night) -> None:
    """The claim falls between the sweep and the call: nobody is woken for a case that a person holds."""
    case = await waits(night, VANISH)
    await night.store.write(lambda s: alarms.sweep(s, night.clock.now(), night.city))
    await night.store.write(lambda s: cases.claim(s, case, uuid4(), night.clock.now()))
    while await night.scheduler.tick():
        pass
    assert night.mailed == []


async def test_a_claim_that_lapses_begins_the_alarm_again(night: Night) -> None:
    """CARE C16: the case goes back to the queue and the alarm, although its place in the queue is the old one."""
    case = await waits(night, VANISH)
    await night.later()
    await night.store.write(lambda s: cases.claim(s, case, uuid4(), night.clock.now()))

    def leave(session: Any) -> None:
        session.execute(update(CaseRow).where(CaseRow.id == case).values(activity_db=1.0, unanswered_since_db=1.0))

    await night.store.write(leave)
    night.clock.set(night.clock.now() + timedelta(minutes=4), running=False)
    assert await night.store.write(lambda s: cases.lapse_due(s, night.clock.now(), night.city)) == [case]
    await night.later()
    assert len(night.mailed) == 2
    assert night.rung == [], "the second step counts from now, not from the first message"
    await night.later(60)
    assert night.rung == ["000-555-0001"]


async def test_a_case_that_gets_graver_begins_as_an_emergency(night: Night) -> None:
    resident = await a_resident(night.store)
    await writes(night.store, resident, "a", OWN_HAND, at=night.clock.now(), event="alarm")
    await night.later(3600)
    assert night.mailed == [], "urgent calls while a desk is open, here"
    await writes(night.store, resident, "b", VANISH, at=night.clock.now(), event="alarm")
    await night.later()
    assert night.mailed == [["desk@hinata.example.jp", "center@hinata.example.jp"]]
    assert night.rung == []


async def test_transfer_and_reopening_begin_again(night: Night) -> None:
    case, me = await waits(night, VANISH), uuid4()
    await night.later()
    await night.store.write(lambda s: cases.claim(s, case, me, night.clock.now()))
    night.clock.set(night.clock.now() + timedelta(minutes=1), running=False)
    await night.store.write(lambda s: cases.transfer(s, case, me, night.clock.now(), name="さくら"))
    await night.later()
    assert len(night.mailed) == 2
    await night.store.write(lambda s: cases.claim(s, case, me, night.clock.now()))
    await night.store.write(lambda s: cases.close(s, case, me, night.clock.now(), name="さくら"))
    await night.later(3600)
    assert len(night.mailed) == 2
    await night.store.write(lambda s: cases.reopen(s, case, me, night.clock.now()))
    await night.later()
    assert len(night.mailed) == 3


async def test_the_steps_know_when_the_desk_is_open(night: Night) -> None:
    night.clock.set(DAY, running=False)
    await waits(night, OWN_HAND)
    await night.later(899)
    assert night.mailed == []
    await night.later(1)
    assert night.mailed == [["desk@hinata.example.jp"]]
    await waits(night, VANISH)
    await night.later(120)
    assert night.rung == [], "by day nobody rings the night duty"


async def test_what_waited_through_the_night_calls_at_opening(night: Night) -> None:
    await waits(night, OWN_HAND)
    night.clock.set(datetime(2026, 11, 23, 9, 0, tzinfo=TOKYO), running=False)  # Monday, Labour Thanksgiving Day
    await night.later()
    assert night.mailed == [["desk@hinata.example.jp"]], "the desk of this test does not rest on holidays"


async def test_a_concern_and_an_offer_call_nobody(night: Night) -> None:
    resident = await a_resident(night.store)
    await writes(night.store, resident, "so tired", TIRED_EN, at=night.clock.now())
    await writes(night.store, await a_resident(night.store), "人と", at=night.clock.now(), event="open", reason="asked")
    await night.later(86_400)
    assert (night.mailed, night.rung) == ([], [])


async def test_a_new_address_is_called_at_once(night: Night) -> None:
    await waits(night, VANISH)
    await night.later(30)
    night.city = replace(CITY, alarms=(AlarmStep("emergency", 0, mail=("new@hinata.example.jp",)),))
    await night.later()
    assert night.mailed[1:] == [["new@hinata.example.jp"]]


async def test_a_step_that_was_taken_away_calls_nobody(night: Night) -> None:
    await waits(night, VANISH)
    await night.store.write(lambda s: alarms.sweep(s, night.clock.now(), night.city))
    night.city = replace(CITY, alarms=())
    await night.later()
    assert night.mailed == []


# --- when it does not get through -----------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", ["down", "refuses"])
async def test_a_mail_that_is_not_taken_is_tried_until_it_is(night: Night, trouble: str) -> None:
    await waits(night, VANISH)
    setattr(night.post, trouble, True)
    await night.later()
    tries = night.post.tries
    assert (tries, night.mailed) == (1, [])
    failed = await audit(night.store, "alarm.failed")
    assert (failed[0].detail["way"], "@" in failed[0].reason) == ("mail", False)
    for _ in range(12):  # the second step's begins meanwhile: two mails are owed now
        await night.later(600)
    assert night.post.tries > tries + 10, "longer than any other job is tried"
    setattr(night.post, trouble, False)
    await night.later(900)
    assert sorted(map(len, night.mailed)) == [1, 2]
    await night.later(3600)
    assert len(night.mailed) == 2


async def test_a_hook_that_refuses_does_not_hold_up_the_mail(night: Night) -> None:
    night.city = replace(CITY, alarms=(AlarmStep("emergency", 0, mail=("a@hinata.example.jp",), call="000-555-0001"),))
    night.ringer.status = 500
    await waits(night, VANISH)
    await night.later()
    assert night.mailed == [["a@hinata.example.jp"]]
    assert [row.reason for row in await audit(night.store, "alarm.failed")] == ["HTTP 500"]
    night.ringer.status = 200
    await night.later(30)
    assert (len(night.mailed), len(night.rung)) == (1, 2)


async def test_a_desk_without_a_mail_server_says_so(night: Night) -> None:
    night.caller.ways = Ways()
    await waits(night, VANISH)
    await night.later()
    assert "MADOGUCHI_SMTP_URL" in (await audit(night.store, "alarm.failed"))[0].reason


async def test_one_refused_address_is_a_failure_that_is_seen(night: Night) -> None:
    """The other was told, and is told again: better twice than a supervisor who is never reached."""
    night.post.refused = {"center@hinata.example.jp"}
    await waits(night, VANISH)
    await night.later()
    assert night.mailed == [["desk@hinata.example.jp"]]
    assert [row.reason for row in await audit(night.store, "alarm.failed")] == ["1 of 2 addresses refused"]
    night.post.refused = set()
    await night.later(30)
    assert night.mailed[1:] == [["desk@hinata.example.jp", "center@hinata.example.jp"]]


async def test_whatever_goes_wrong_the_call_is_asked_for_again(night: Night) -> None:
    """An address of the server that cannot even be read is no reason to fall silent after eight tries."""
    working = night.caller.ways
    night.caller.ways = Ways(Mail("smtp+plain://127.0.0.1:post", "madoguchi@hinata.example.jp"))
    await waits(night, VANISH)
    for _ in range(12):
        await night.later(900)
    failed = [row for row in await audit(night.store, "alarm.failed") if row.detail["after"] == 0]
    assert len(failed) >= 10
    assert failed[0].reason == "ValueError"
    night.caller.ways = working
    await night.later(900)
    assert ["desk@hinata.example.jp", "center@hinata.example.jp"] in night.mailed


async def test_tries_end_when_somebody_takes_the_case(night: Night) -> None:
    night.post.down = True
    case = await waits(night, VANISH)
    await night.later()
    await night.store.write(lambda s: cases.claim(s, case, uuid4(), night.clock.now()))
    await night.later(7200)
    assert night.post.tries == 1


# --- what is said ---------------------------------------------------------------------------------------------------


async def test_a_call_says_nothing_about_the_family(night: Night) -> None:
    """CARE C33: a number, how grave, how long; never words, kinds, names or the language."""
    case = await waits(night, VANISH, OWN_HAND)
    await night.later(180)
    everything = [body.decode() for _headers, body in night.ringer.rung]
    for _to, letter in night.post.taken:
        everything += [str(letter["subject"]), letter.get_content()]
        assert "https://desk.example/console/" in letter.get_content()
        assert letter["to"] == "madoguchi@hinata.example.jp", "one who is called learns of no other"
        assert letter["auto-submitted"] == "auto-generated"
    whole = "\n".join(everything)
    assert str(case)[:4].upper() in whole
    for word in ("ベランダ", "crisis", "abuse", "死", "自殺", "子ども", "日本語", "場所", str(case)):
        assert word not in whole, word
    payloads = await night.store.read(lambda s: list(s.scalars(select(Job.payload).where(Job.name == "alarm"))))
    assert all(set(one) == {"case", "since", "step", "way", "failures"} for one in payloads)


async def test_the_hook_can_be_sure_that_we_ask(night: Night) -> None:
    await waits(night, VANISH)
    await night.later(60)
    headers, body = night.ringer.rung[0]
    assert headers["x-madoguchi-signature"] == "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert json.loads(body)["trial"] is False


async def test_a_trial_says_that_it_is_one(night: Night) -> None:
    for step in CITY.alarms:
        for way in alarms.ways_of(step):
            await night.caller.ways.rehearse(step, way, "ひなた市")
    assert all("試し" in str(letter["subject"]) for _to, letter in night.post.taken)
    assert all(json.loads(body)["trial"] is True for _headers, body in night.ringer.rung)
    assert (len(night.post.taken), len(night.ringer.rung)) == (3, 2)


async def test_open_pages_learn_of_a_call(night: Night) -> None:
    case = await waits(night, VANISH)
    await night.later()
    kinds = await night.store.read(lambda s: list(s.scalars(select(Event.kind).where(Event.case_id == case))))
    assert "alarm.called" in kinds
    last = await night.store.read(lambda s: alarms.last_calls(s, [case]))
    assert (last[case].way, last[case].failed) == ("mail", False)


# --- what the doctor says -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("city", "mail", "hook", "why"),
    [
        (replace(CITY, alarms=()), True, True, ["alarms is empty"]),
        (replace(CITY, alarms=(STEPS[3],)), True, True, ["alarms is empty"]),
        (CITY, False, True, ["MADOGUCHI_SMTP_URL"]),
        (CITY, True, False, ["MADOGUCHI_ALARM_HOOK_URL"]),
        (
            replace(CITY, emergency_at_night="on_call", alarms=(AlarmStep("emergency", 0, "open", ("a@b.example",)),)),
            True,
            True,
            ["no step of alarms counts at night"],
        ),
        (CITY, True, True, []),
    ],
)
def test_what_would_call_nobody_is_named(city: City, mail: bool, hook: bool, why: list[str]) -> None:
    found = alarms.problems(city, mail=mail, hook=hook)
    assert len(found) == len(why)
    assert all(part in sentence for part, sentence in zip(why, found, strict=True))


# --- how long a case should wait ------------------------------------------------------------------------------------


def tokyo(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=TOKYO)


LATE = Desk("late", "夕方", "特定型", Opening((Schedule((0, 1, 2, 3, 4), time(16), time(20)),)))
NOON = Desk("noon", "昼", "特定型", Opening((Schedule((0, 1, 2, 3, 4), time(12), time(13)),)))
OVER_MIDNIGHT = Desk("night", "夜", "特定型", Opening((Schedule((0, 1, 2, 3, 4), time(22), time(2)),)))


@pytest.mark.parametrize(
    ("desks", "now", "hours", "since"),
    [
        ((), "2026-11-24T11:30", 1.5, "2026-11-24T10:00"),  # Tuesday
        ((), "2026-11-23T10:00", 2, "2026-11-20T16:00"),  # Monday morning, since Friday afternoon
        ((), "2026-11-22T20:00", 1, "2026-11-20T16:00"),  # on a Sunday
        ((), "2026-11-24T17:00", 8, "2026-11-24T09:00"),
        ((LATE,), "2026-11-25T01:00", 5, "2026-11-24T15:00"),  # what is open twice counts once
        ((NOON,), "2026-11-24T14:00", 5, "2026-11-24T09:00"),
        ((OVER_MIDNIGHT,), "2026-11-25T01:00", 4, "2026-11-24T16:00"),
    ],
)
def test_open_time_is_counted_while_some_desk_is_open(
    desks: tuple[Desk, ...], now: str, hours: float, since: str
) -> None:
    city = replace(CITY, desks=(*CITY.desks, *desks))
    assert city.opened_ago(tokyo(now), hours * 3600) == tokyo(since)


def test_a_desk_without_hours_looks_sixty_days_back() -> None:
    city = replace(CITY, desks=(replace(CITY.desks[0], opening=Opening()),))
    assert city.opened_ago(DAY, 60) == DAY - timedelta(days=60)


# --- whoever is on call ---------------------------------------------------------------------------------------------


async def on_duty(night: Night, work_name: str, contact: Contact, *, hours: int = 12) -> None:
    """Put somebody on call from now on."""
    by = By("staff:test", "たなか")
    words = {"login": work_name, "work_name": work_name, "role": "specialist", "password": "kumo-to-haru-no-72"}
    staff_id = await add_staff(night.store, Plain(), at=NIGHT, **words)

    def unit(session: Session) -> None:
        team.set_contact(session, staff_id, contact, by, NIGHT)
        team.add_duty(session, staff_id, "", NIGHT, NIGHT + timedelta(hours=hours), by, NIGHT)

    await night.store.write(unit)


async def test_whoever_is_on_call_is_called_in_the_ways_she_gave(night: Night) -> None:
    night.city = replace(CITY, alarms=(AlarmStep("emergency", 0, "closed", call="000-555-0001", on_call=True),))
    await on_duty(night, "a", Contact("a@hinata.example.jp", "000-555-0011"))
    await on_duty(night, "b", Contact("", "000-555-0012"))
    await on_duty(night, "c", Contact("c@hinata.example.jp", ""), hours=1)
    await waits(night, VANISH)
    await night.later()
    assert night.mailed == [["a@hinata.example.jp", "c@hinata.example.jp"]]
    assert night.rung == ["000-555-0001", "000-555-0011", "000-555-0012"]
    assert sorted(row.detail["to"] for row in await audit(night.store, "alarm.called")) == [2, 3]
    night.clock.set(NIGHT + timedelta(hours=2), running=False)  # c's duty is over
    await waits(night, VANISH)
    await night.later()
    assert night.mailed[1:] == [["a@hinata.example.jp"]]


async def test_an_empty_roster_is_a_failure_that_is_tried_again(night: Night) -> None:
    """Nobody is silently called: it is written down, and whoever comes on duty is called by the next try."""
    night.city = replace(CITY, alarms=(AlarmStep("emergency", 0, "closed", on_call=True),))
    await waits(night, VANISH)
    await night.later()
    failed = await audit(night.store, "alarm.failed")
    assert {row.detail["way"] for row in failed} == {"mail", "call"}
    assert all("nobody is on call" in row.reason for row in failed)
    await on_duty(night, "a", Contact("", "000-555-0011"))
    await night.later(30)
    assert night.rung == ["000-555-0011"]
    assert night.mailed == []  # she gave no address: the other way reaches her
    await night.later(3600)
    assert len(await audit(night.store, "alarm.failed")) == len(failed)


async def test_a_roster_that_cannot_be_read_silences_nobody(night: Night) -> None:
    """A number sealed under a lost key: the step's own telephone rings, the failure is written down, tried again."""
    night.city = replace(CITY, alarms=(AlarmStep("emergency", 0, "closed", call="000-555-0001", on_call=True),))
    await on_duty(night, "a", Contact("", "000-555-0011"))
    await night.store.write(lambda s: s.execute(update(Staff).values(alarm_to_sealed=b"x" * 40)))
    await waits(night, VANISH)
    await night.later()
    assert night.rung == ["000-555-0001"]
    assert any("roster cannot be read" in row.reason for row in await audit(night.store, "alarm.failed"))
    await night.later(30)
    assert night.rung == ["000-555-0001"] * 2


def test_a_roster_without_a_way_to_call_is_a_problem() -> None:
    city = replace(CITY, alarms=(AlarmStep("emergency", 0, "always", on_call=True),))
    assert alarms.problems(city, mail=True, hook=False) == []
    assert any("whoever is on call" in problem for problem in alarms.problems(city, mail=False, hook=False))
