"""Residents, staff, LINE and the desk's own hands in random order, also while the desk thinks and LINE is being asked.

The rule: order is kept, nothing is doubled or lost, and the desk says nothing while a person holds the talk, whatever
happens between two of its steps: on each database 10,000 deeds (an event that LINE delivers, a turn, a request to
LINE, an act of staff). The pure part alone is walked a million steps by `benchmarks/interleavings.py`.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import uuid
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Final

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bot import cases, memory
from bot.errors import LineUnreachableError, RefusedError
from bot.inbox import line_hash
from bot.line.client import Answer
from bot.messages import Heard, Inbound, Severity
from bot.models import CaseRow, Inbox, Journal, Lane, Outbox, Resident, SignalRow
from bot.store import Store, db_now
from tests.pipeline import NOW, NOW_MS, Desks, Echo, FakeLine, city, deliver, event, text, user

DEEDS: Final = 10_000
RESIDENTS: Final = (1, 2, 3, 4, 5)
STAFF: Final = tuple(uuid.UUID(int=number) for number in (1, 2, 3))
#: How often staff do what.
ACTS: Final = {
    "claim": 4, "reply": 8, "again": 2, "release": 1, "transfer": 1, "close": 1, "lapse": 0.5, "reopen": 0.5,
    "assign": 1, "later": 0.5, "second": 0.5, "lower": 0.5,
}  # fmt: skip
OK, AGAIN, SLOWER = Answer(200, "", "r"), Answer(500, "", "r"), Answer(429, "The API rate limit has been exceeded.")
USED, KNOWN = Answer(400, "Invalid reply token"), Answer(409, "The retry key is already accepted")

Deed = Callable[[], Awaitable[None]]


@dataclass
class Phones(FakeLine):
    """Be LINE and every phone behind it: fail at random, and keep what arrived, once for a token or a retry key."""

    dice: random.Random = field(default_factory=random.Random)
    asked: Deed | None = None  # what else happens while it is being asked
    before: Callable[[str, Sequence[dict[str, Any]]], Awaitable[None]] | None = None
    tokens: dict[str, str] = field(default_factory=dict)  # reply token -> whose
    keys: set[str] = field(default_factory=set)
    arrived: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    works: bool = True
    requests: int = 0

    async def reply(self, token: str, messages: Sequence[dict[str, Any]]) -> Answer:
        return await self._ask(self.tokens.get(token, ""), token, messages, USED)

    async def push(self, user_id: str, messages: Sequence[dict[str, Any]], retry_key: uuid.UUID) -> Answer:
        return await self._ask(user_id, str(retry_key), messages, KNOWN)

    async def _ask(self, who: str, key: str, messages: Sequence[dict[str, Any]], known: Answer) -> Answer:
        self.requests += 1
        assert self.before is not None
        await self.before(who, messages)
        if self.asked is not None:
            await self.asked()
        luck = 1.0 if self.works and self.asked is None else self.dice.random()
        if luck < 0.05:
            raise LineUnreachableError("ConnectError")
        if luck < 0.15:
            return self.dice.choice((AGAIN, SLOWER))
        if key in self.keys or not who:
            return known
        self.keys.add(key)
        self.arrived[who] += [message["text"] for message in messages]
        if luck < 0.20:
            raise LineUnreachableError("ReadTimeout")  # it arrived, and nobody knows
        return OK


@dataclass
class Thinking(Echo):
    """Hear as Echo does, while something else happens."""

    loop: asyncio.AbstractEventLoop | None = None
    meanwhile: Deed | None = None

    def hear(self, inbound: Inbound, memory: Mapping[str, Any], language: str) -> Heard:
        if self.loop is not None and self.meanwhile is not None:
            asyncio.run_coroutine_threadsafe(_done(self.meanwhile), self.loop).result(timeout=60)
        return super().hear(inbound, memory, language)


async def _done(deed: Deed) -> None:
    await deed()


@dataclass
class Street:
    """Hold one play: who wrote what, what staff did, and the desk over one store."""

    store: Store
    dice: random.Random
    desks: Desks
    phones: Phones
    mind: Thinking
    now_ms: int = NOW_MS
    deeds: Counter[str] = field(default_factory=Counter)
    wrote: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))  # words, in order
    ids: dict[str, str] = field(default_factory=dict)  # words -> message id
    unsent: set[str] = field(default_factory=set)
    told: list[dict[str, Any]] = field(default_factory=list)  # events that LINE may deliver once more
    pressed: dict[uuid.UUID, tuple[uuid.UUID, str]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    # residents -------------------------------------------------------------------------------------------------------

    async def residents_write(self) -> None:
        """Let one to five things happen on phones; LINE delivers them in one body, in any order, some once more."""
        events = []
        for _ in range(self.dice.randint(1, 5)):
            self.now_ms += self.dice.randint(1, 900)
            who = self.dice.choice(RESIDENTS)
            if self.wrote[who] and self.dice.random() < 0.12:
                words = self.dice.choice(self.wrote[who][-6:])
                if words not in self.unsent:
                    self.unsent.add(words)
                    message = {"messageId": self.ids[words]}
                    events.append(event("unsend", who=who, at_ms=self.now_ms, unsend=message))
                continue
            grave = self.dice.choice(("", "", "", "", "", "", " concern", " urgent", " emergency"))
            words = f"{len(self.wrote[who])}{grave} {who}"
            self.wrote[who].append(words)
            self.ids[words] = f"m{who}-{len(self.wrote[who])}"
            found = text(words, who=who, at_ms=self.now_ms, message_id=self.ids[words])
            self.phones.tokens[found["replyToken"]] = user(who)
            events.append(found)
        self.told = [*self.told[-30:], *events]
        again = [
            found | {"deliveryContext": {"isRedelivery": True}}
            for found in self.dice.sample(self.told, min(len(self.told), self.dice.choice((0, 0, 1, 3))))
        ]
        bodies = [*events, *again]
        self.dice.shuffle(bodies)
        if bodies:
            await deliver(self.store, *bodies)
        self.deeds["events"] += len(bodies)

    # staff -----------------------------------------------------------------------------------------------------------

    async def staff_act(self) -> None:
        """Let somebody of the staff do something with some case, allowed or not."""
        (act,) = self.dice.choices([*ACTS], [*ACTS.values()])
        me = self.dice.choice(STAFF)
        self.deeds["staff"] += 1

        def unit(session: Session) -> None:
            if act == "lapse":
                session.execute(update(CaseRow).values(activity_db=db_now(session) - 10_000))
                cases.lapse_due(session, NOW, city())
                return
            found = list(session.scalars(select(CaseRow).order_by(CaseRow.id)))
            held = [case for case in found if case.state == "claimed"]
            if not found:
                return
            case = self.dice.choice(held if held and act != "claim" and self.dice.random() < 0.8 else found)
            if act == "claim":
                cases.claim(session, case.id, me, NOW)
            elif act == "reply":
                key, words = uuid.UUID(int=self.dice.getrandbits(128)), f"staff {len(self.pressed)}"
                cases.reply(session, case.id, case.holder_id or me, words, NOW, key=key, name="さとう", place="line")
                self.pressed[key] = (case.id, words)
            elif act == "again" and self.pressed:
                key, (case_id, words) = self.dice.choice(list(self.pressed.items()))
                assert not cases.reply(session, case_id, me, words, NOW, key=key, name="さとう", place="line").fresh
            elif act == "release":
                cases.release(session, case.id, case.holder_id or me, NOW, name="さとう", agreed="")
            elif act == "transfer":
                to = self.dice.choice((None, cases.To(me), cases.To(desk_id="north")))
                cases.transfer(session, case.id, case.holder_id or me, NOW, name="さとう", to=to)
            elif act == "assign":
                cases.assign(session, case.id, me, self.dice.choice((cases.To(me), cases.To(desk_id="north"))), NOW)
            elif act == "later":
                cases.answer_later(session, case.id, me, NOW, until=NOW + timedelta(hours=1))
            elif act == "second":
                self.dice.choice((cases.read_along, cases.want_second))(session, case.id, me, NOW)
            elif act == "lower":
                cases.lower(session, case.id, me, self.dice.choice((Severity.CONCERN, Severity.URGENT)), "x", NOW)
            elif act == "reopen":
                cases.reopen(session, case.id, me, NOW)
            elif act == "close":
                cases.close(session, case.id, case.holder_id or me, NOW, name="さとう")

        try:
            await self.store.write(unit)
        except RefusedError:
            self.deeds["refused"] += 1

    # the desk --------------------------------------------------------------------------------------------------------

    async def meanwhile(self) -> None:
        """Let something happen in between, now and then."""
        if self.dice.random() < 0.2:
            await self.dice.choice((self.residents_write, self.staff_act, self.staff_act))()

    async def nobody_holds(self, who: str, messages: Sequence[dict[str, Any]]) -> None:
        """Note it when the desk asks LINE to say something of its own while a person holds the talk."""
        if any(message["text"].startswith("staff ") for message in messages):
            return

        def unit(session: Session) -> bool:
            resident = session.scalars(select(Resident).where(Resident.line_hash == line_hash(session, who))).one()
            case = cases.open_case(session, resident.id)
            return case is not None and case.held

        if who and await self.store.read(unit):
            self.broken.append(f"{messages[0]['text']!r} to {who[-1]}, whom a person holds")

    async def desk_works(self) -> None:
        """Take up what is due, as one worker does."""
        self.deeds["turns"] += await self.desks.worker(self.mind, concurrency=1).drain()

    async def desk_sends(self) -> None:
        """Send what is due; back-offs are over."""

        def unit(session: Session) -> None:
            session.execute(update(Outbox).where(Outbox.state == "pending").values(next_db=0.0))
            session.execute(update(Inbox).where(Inbox.done_db.is_(None)).values(next_db=0.0))
            session.execute(update(Lane).where(Lane.run_db.is_not(None)).values(run_db=0.0, leased_until_db=0.0))

        await self.store.write(unit)
        self.deeds["requests"] += await self.desks.sender(concurrency=1).drain()

    async def play(self, deeds: int) -> None:
        """Let `deeds` things happen, then let all come to rest."""
        ways = (self.residents_write, self.staff_act, self.staff_act, self.desk_works, self.desk_works, self.desk_sends)
        while self.deeds.total() < deeds:
            await self.dice.choice(ways)()
        self.mind.meanwhile = self.phones.asked = None
        for _ in range(3):
            await self.desk_works()
            await self.desk_sends()


def street(store: Store, seed: int) -> Street:
    """Return a play over an empty desk."""
    dice = random.Random(seed)
    phones, mind = Phones(dice=random.Random(seed + 1)), Thinking(loop=asyncio.get_running_loop())
    found = Street(store, dice, Desks(store, mind, phones), phones, mind)
    phones.before, phones.asked, mind.meanwhile = found.nobody_holds, found.meanwhile, found.meanwhile
    return found


@dataclass(frozen=True, slots=True)
class Kept:
    """Hold what the desk has of one family: what it remembers, what it wrote down, and how many signals."""

    remembered: list[str]
    written: int
    taken_back: int
    signals: int


def kept(session: Session, who: int) -> Kept:
    """Return what the desk has of one family."""
    resident = session.scalars(select(Resident).where(Resident.line_hash == line_hash(session, user(who)))).one()
    rows = session.scalars(select(Journal).where(Journal.resident_id == resident.id, Journal.who == "resident"))
    texts = [row for row in rows if row.kind == "text"]
    signals = session.scalars(select(SignalRow.id).where(SignalRow.resident_id == resident.id)).all()
    said = [words for words in memory.look(session, resident.id)["said"] if words != "unsend"]
    return Kept(said, len(texts), sum(row.body_sealed is None for row in texts), len(signals))


def once_and_in_order(words: Sequence[str]) -> bool:
    """Return whether the numbers that the words begin with only rise."""
    return all(a < b for a, b in itertools.pairwise(int(one.split()[0]) for one in words))


@pytest.mark.timeout(300)
async def test_order_is_kept_nothing_is_doubled_and_no_two_voices(store: Store) -> None:
    """10,000 deeds of five families, three of the staff, LINE and the desk.

    Seen to fail without the unique event id, without the order by time, without the sender's look at the holder, with
    a new retry key at each try, and with unsends passed over.
    """
    play = street(store, seed=20261123)
    await play.play(DEEDS)
    assert play.broken == []
    assert min(play.deeds[kind] for kind in ("events", "turns", "requests", "staff")) > DEEDS // 20, play.deeds
    for who in RESIDENTS:
        found = await store.read(partial(kept, who=who))
        wrote, taken_back = play.wrote[who], play.unsent & {*play.wrote[who]}
        assert once_and_in_order(found.remembered), f"{who}: taken up twice or out of order"
        assert {*wrote} - {*found.remembered} <= taken_back, f"{who}: lost"
        assert (found.written, found.taken_back) == (len(wrote), len(taken_back)), f"{who}: written down once each"
        assert found.signals >= sum(len(words.split()) > 2 for words in found.remembered), f"{who}: a signal is lost"
        arrived = play.phones.arrived[user(who)]
        echoes = [
            words.removeprefix("echo ") for words in arrived if words.startswith("echo ") if "unsend" not in words
        ]
        assert once_and_in_order(echoes), f"{who}: an answer came twice or out of order"
        assert len(echoes) > len(wrote) / 4, f"{who}: hardly any answer"
        staff = [words.removeprefix("staff ") for words in arrived if words.startswith("staff ")]
        assert once_and_in_order(staff), f"{who}: a person's words came twice or out of order"
    states = Counter(await store.read(lambda s: list(s.scalars(select(Outbox.state)))))
    assert not states["pending"], "all came to rest"
    assert len(play.pressed) > DEEDS // 100, "people wrote too"
    assert states["accepted"] <= sum(map(len, play.phones.arrived.values())), "what is called accepted has arrived"
