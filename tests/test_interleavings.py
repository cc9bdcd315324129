"""Residents, staff, LINE and the desk's own hands in random order, also while the desk thinks and LINE is being asked.

The rule: order is kept, nothing is doubled or lost, and the desk says nothing while a person holds the talk, whatever
happens between two of its steps: on each database one long play of 10,000 deeds (an event that LINE delivers, a turn, a
request to LINE, an act of staff) and short plays in which one person takes a talk and lets it go. `make bench` plays
10,000 of the short ones on each database, and walks the pure part alone a million steps (benchmarks/interleavings.py).
"""

from __future__ import annotations

import asyncio
import itertools
import random
import re
import uuid
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Final

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from bot import cases, memory, rooms
from bot.errors import LineUnreachableError, RefusedError
from bot.inbox import line_hash
from bot.journal import Place
from bot.line.client import Answer
from bot.messages import Heard, Inbound, Severity
from bot.models import Audit, Base, CaseRow, Inbox, Journal, Lane, Outbox, Resident, SignalRow
from bot.store import Store, db_now
from tests.pipeline import NOW, NOW_MS, Desks, Echo, FakeLine, city, deliver, event, text, user

DEEDS: Final = 10_000
SHORT: Final = 40  # short plays, beside the long one
RESIDENTS: Final = (1, 2, 3, 4, 5)
STAFF: Final = tuple(uuid.UUID(int=number) for number in (1, 2, 3))
CALM: Final = ("", "", "", "", "", "", " concern", " urgent", " emergency")
#: How often staff do what.
ACTS: Final = {
    "claim": 4, "reply": 8, "again": 2, "release": 1, "transfer": 1, "close": 1, "lapse": 0.5, "reopen": 0.5,
    "assign": 1, "later": 0.5, "second": 0.5, "lower": 0.5, "renew": 0.5,
}  # fmt: skip
BETWEEN: Final = ("reply", "reply", "again", "second", "assign", "later", "lower", "renew")  # a claim and its end
ENDS: Final = ("release", "transfer", "close", "lapse")
ROOMS: Final = "https://desk.example"
NOTICE: Final = re.compile("ここから話せます|お返事").search  # that staff have said something, or will
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
    families: Sequence[int] = RESIDENTS
    burst: int = 5  # events of one body at most
    now_ms: int = NOW_MS
    deeds: Counter[str] = field(default_factory=Counter)
    wrote: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))  # words, in order
    ids: dict[str, str] = field(default_factory=dict)  # words -> message id
    unsent: set[str] = field(default_factory=set)
    told: list[dict[str, Any]] = field(default_factory=list)  # events that LINE may deliver once more
    pressed: dict[uuid.UUID, tuple[uuid.UUID, str]] = field(default_factory=dict)
    taken: int = 0  # how often somebody took a talk
    broken: list[str] = field(default_factory=list)

    # residents -------------------------------------------------------------------------------------------------------

    async def residents_write(self, grave: Sequence[str] = CALM) -> None:
        """Let one or a few things happen on phones; LINE delivers them in one body, in any order, some once more."""
        events = []
        for _ in range(self.dice.randint(1, self.burst)):
            self.now_ms += self.dice.randint(1, 900)
            who = self.dice.choice(self.families)
            if self.wrote[who] and self.dice.random() < 0.12:
                words = self.dice.choice(self.wrote[who][-6:])
                if words not in self.unsent:
                    self.unsent.add(words)
                    message = {"messageId": self.ids[words]}
                    events.append(event("unsend", who=who, at_ms=self.now_ms, unsend=message))
                continue
            words = f"{len(self.wrote[who])}{self.dice.choice(grave)} {who}"
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

    async def staff_act(self, act: str = "") -> None:
        """Let somebody of the staff do something (`act`: this) with some case, allowed or not."""
        act = act or self.dice.choices([*ACTS], [*ACTS.values()])[0]
        me = self.dice.choice(STAFF)
        self.deeds["staff"] += 1

        def unit(session: Session) -> None:
            if act == "lapse":
                session.execute(update(CaseRow).values(activity_db=db_now(session) - 10_000))
                cases.lapse_due(session, NOW, city())
                return
            columns = CaseRow.id, CaseRow.state, CaseRow.holder_id, CaseRow.resident_id
            found = session.execute(select(*columns).order_by(CaseRow.id)).all()
            held = [case for case in found if case.state == "claimed"]
            if not found:
                return
            case = self.dice.choice(held if held and act != "claim" and self.dice.random() < 0.8 else found)
            if act == "claim":
                cases.claim(session, case.id, me, NOW)
                self.taken += 1
            elif act == "reply":
                key, words = uuid.UUID(int=self.dice.getrandbits(128)), f"staff {len(self.pressed)}"
                place: Place = "line" if self.dice.random() < 0.7 else "room"
                cases.reply(session, case.id, case.holder_id or me, words, NOW, key=key, name="さとう", place=place)
                if place == "room":
                    rooms.notify(session, case.resident_id, NOW, case_id=case.id, room_url_base=ROOMS, **self.words())
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
                until = NOW + timedelta(hours=1)
                cases.answer_later(session, case.id, me, NOW, until=until)
                rooms.promise_answer(session, case.resident_id, NOW, case_id=case.id, until=until, **self.words())
            elif act == "second":
                self.dice.choice((cases.read_along, cases.want_second))(session, case.id, me, NOW)
            elif act == "lower":
                cases.lower(session, case.id, me, self.dice.choice((Severity.CONCERN, Severity.URGENT)), "x", NOW)
            elif act == "renew":
                cases.renew(session, case.id, case.holder_id or me)
            elif act == "reopen":
                cases.reopen(session, case.id, me, NOW)
            elif act == "close":
                cases.close(session, case.id, case.holder_id or me, NOW, name="さとう")

        try:
            await self.store.write(unit)
        except RefusedError:
            self.deeds["refused"] += 1

    def words(self) -> dict[str, Any]:
        """Return what wording a notice takes."""
        return {"city": city(), "staff_name": "さとう", "language": "ja", "to_line": self.mind.to_line}

    # the desk --------------------------------------------------------------------------------------------------------

    async def meanwhile(self) -> None:
        """Let something happen in between, now and then."""
        if self.dice.random() < 0.2:
            await self.dice.choice((self.residents_write, self.staff_act, self.staff_act))()

    async def nobody_holds(self, who: str, messages: Sequence[dict[str, Any]]) -> None:
        """Note it when the desk asks LINE to say something of its own while a person holds the talk."""
        if any(message["text"].startswith("staff ") or NOTICE(message["text"]) for message in messages):
            return

        def held(session: Session) -> bool:
            resident = session.scalars(select(Resident).where(Resident.line_hash == line_hash(session, who))).one()
            case = cases.open_case(session, resident.id)
            return case is not None and case.held

        if who and await self.store.read(held):
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
        await self.rest()

    async def play_short(self) -> None:
        """Interleave at random what families write, what one person does from her claim to its end, and the desk."""
        await self.residents_write(grave=(" urgent", " emergency"))
        await self.desk_works()
        hands: list[list[Deed]] = [
            [self.residents_write],
            [partial(self.staff_act, act) for act in ("claim", *self.dice.choices(BETWEEN, k=self.dice.randint(0, 3)))],
            [self.dice.choice((self.desk_works, self.desk_sends)) for _ in range(3)],
        ]
        hands[1].append(partial(self.staff_act, self.dice.choice(ENDS)))
        while left := [hand for hand in hands if hand]:
            (hand,) = self.dice.choices(left, [*map(len, left)])
            await hand.pop(0)()
        await self.rest()

    async def rest(self) -> None:
        """Let nothing more happen in between, and all that is due be done."""
        self.mind.meanwhile = self.phones.asked = None
        await self.desk_sends()  # which ends all back-offs
        await self.desk_works()
        await self.desk_sends()


def street(store: Store, seed: int, *, short: bool = False) -> Street:
    """Return a play over an empty desk, a long or a short one."""
    dice = random.Random(seed)
    phones, mind = Phones(dice=random.Random(seed + 1)), Thinking(loop=asyncio.get_running_loop())
    found = Street(store, dice, Desks(store, mind, phones), phones, mind)
    if short:
        found.families, found.burst = (1, 2), 2
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


async def forget_everything(store: Store) -> None:
    """Empty the tables of the desk, so that the next play begins as the first did; the audit only grows."""

    def unit(session: Session) -> None:
        for table in reversed(Base.metadata.sorted_tables):
            if table is not Audit.__table__:
                session.execute(delete(table))

    await store.write(unit)


async def nothing_is_wrong(play: Street) -> None:
    """Raise AssertionError unless all that must always hold held in a play that has come to rest."""
    assert play.broken == []
    for who in sorted(play.wrote):
        found = await play.store.read(partial(kept, who=who))
        wrote, taken_back = play.wrote[who], play.unsent & {*play.wrote[who]}
        assert once_and_in_order(found.remembered), f"{who}: taken up twice or out of order"
        assert {*wrote} - {*found.remembered} <= taken_back, f"{who}: lost"
        assert (found.written, found.taken_back) == (len(wrote), len(taken_back)), f"{who}: written down once each"
        assert found.signals >= sum(len(words.split()) > 2 for words in found.remembered), f"{who}: a signal is lost"
        arrived = play.phones.arrived[user(who)]
        echoes = [words.removeprefix("echo ") for words in arrived if words.startswith("echo ")]
        assert once_and_in_order([words for words in echoes if "unsend" not in words]), f"{who}: answered twice"
        staff = [words.removeprefix("staff ") for words in arrived if words.startswith("staff ")]
        assert once_and_in_order(staff), f"{who}: a person's words came twice or out of order"
    states = Counter(await play.store.read(lambda s: list(s.scalars(select(Outbox.state)))))
    assert not states["pending"], "all came to rest"
    assert states["accepted"] <= sum(map(len, play.phones.arrived.values())), "what is called accepted has arrived"


@pytest.mark.timeout(300)
async def test_order_is_kept_nothing_is_doubled_and_no_two_voices(store: Store) -> None:
    """10,000 deeds of five families, three of the staff, LINE and the desk.

    Seen to fail without the unique event id, without the order by time, without the sender's look at the holder, with
    a new retry key at each try, and with unsends passed over.
    """
    play = street(store, seed=20261123)
    await play.play(DEEDS)
    await nothing_is_wrong(play)
    assert min(play.deeds[kind] for kind in ("events", "turns", "requests", "staff")) > DEEDS // 20, play.deeds
    for who in RESIDENTS:
        echoes = [words for words in play.phones.arrived[user(who)] if words.startswith("echo ")]
        assert len(echoes) > len(play.wrote[who]) / 4, f"{who}: hardly any answer"
    assert len(play.pressed) > DEEDS // 100, "people wrote too"


@pytest.mark.timeout(300)
async def test_one_talk_is_taken_and_let_go_in_any_order(store: Store) -> None:
    """Short plays, each of two families that nobody has met; most of them hold a talk for a while."""
    taken = 0
    for seed in range(SHORT):
        await forget_everything(store)
        play = street(store, seed, short=True)
        await play.play_short()
        await nothing_is_wrong(play)
        taken += play.taken
    assert taken > SHORT / 2
