"""How it went after starting (function 32): asked only of somebody who wished it, once, and never into danger."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from bot import cases, engine, outreach
from bot.dialog import AFTERWARDS, Turn
from bot.dialogs.afterwards import AFTER
from bot.messages import Heard, Inbound
from bot.models import Job, Journal, Resident
from bot.opening import TOKYO
from bot.store import Store
from bot.worker import ResidentFacts
from tests.pipeline import NOW, deliver, text
from tests.real_desk import desk, sent, tap
from tests.talk import DAY, Conversation, concern, shown, urgent
from tests.test_outreach import alarm, change

DUE = datetime(2026, 12, 5, 10, tzinfo=TOKYO)
PROMISE = "afterwards.promise:temporary_care"


def details(topic: str, place: str, **facts: Any) -> Conversation:
    """Return a talk in which one place stands whole on the screen."""
    talk = Conversation(DAY, **facts)
    talk.does("follow")
    for act in (f"find_place.topic:{topic}", "find_place.anywhere", "find_place.age:30", f"find_place.details:{place}"):
        talk.does("choice", act=act)
    return talk


def offered(talk: Conversation) -> bool:
    """Return whether the desk offers to ask later."""
    return any(choice.act.startswith("afterwards.promise") for choice in shown(talk.last))


def test_it_is_offered_where_one_begins_to_use_something() -> None:
    """Under one place; not to somebody whose phone is read, nor without a way to write first."""
    place = "hinata-azukari-plaza"
    assert offered(details("temporary_care", place))
    assert not offered(details("temporary_care", place, contact_safety="when_writing"))
    assert not offered(details("temporary_care", place, is_friend=False))
    assert not offered(details("mental_health", place))


def test_the_wish_is_kept_for_once_and_can_be_taken_back() -> None:
    """It is said when, in place of an earlier wish; the topic stays in memory, never in the job."""
    talk = details("temporary_care", "hinata-azukari-plaza")
    turn = talk.does("choice", act=PROMISE)
    ((wish,), stops) = turn.follow_ups, turn.stops
    assert (wish.name, wish.at.date(), wish.at.hour) == (AFTERWARDS, DAY.astimezone(TOKYO).date() + AFTER, 10)
    assert "temporary_care" not in wish.key
    assert stops == (AFTERWARDS,)
    assert talk.memory["later"] == {AFTERWARDS: "temporary_care"}
    assert talk.does("choice", act="afterwards.no_need").stops == (AFTERWARDS,)


def test_where_words_may_be_read_nothing_is_promised() -> None:
    """An old button pressed after violence was told plans nothing (CARE C21)."""
    talk = details("temporary_care", "hinata-azukari-plaza")
    talk.view = replace(talk.view, contact_safety="when_writing")
    turn = talk.does("choice", act=PROMISE)
    assert (turn.follow_ups, "later" in talk.memory) == ((), False)
    assert "安全のため" in talk.said


def test_what_is_typed_under_the_question_is_its_answer() -> None:
    """Half a sentence is thanked for, a clear question is answered, a danger is heard."""
    talk = Conversation(DAY)
    talk.does("follow")
    talk.does("choice", act="afterwards.due:nursery")
    answered, asks, danger = talk.fork(), talk.fork(), talk.fork()
    answered.writes("まあまあ、なれてきた")
    assert "話してくれて" in answered.said
    asks.writes("児童手当の申しこみは？")
    assert "児童手当" in asks.said
    assert danger.is_heard(urgent()).case == "alarm"
    assert "話してくれて、ありがとうございます。\nつづきは" not in danger.said


def test_an_unknown_topic_asks_nothing() -> None:
    """A forged or outdated button leads nowhere."""
    talk = Conversation(DAY)
    talk.does("follow")
    for act in ("afterwards.due:mental_health", "afterwards.promise:", "afterwards.due:"):
        assert talk.does("choice", act=act).follow_ups == ()
        assert "前に" not in talk.said


# --- sending it ------------------------------------------------------------------------------------------------------


async def wished(store: Store) -> Any:
    """Let a resident wish to be asked, through the real worker, and return her id."""
    await deliver(store, text("一時預かり"), tap(PROMISE))
    await desk(store).drain()
    return await store.read(lambda s: s.scalars(select(Resident.id)).one())


async def ask(store: Store, resident_id: Any) -> bool:
    """Run the job."""
    mind = desk(store).mind

    def decide(remembered: Any, inbound: Inbound, who: Resident) -> Turn:
        facts = ResidentFacts(who.id, who.language, who.language_hint, who.is_friend, who.contact_safety)
        return mind.decide(remembered, inbound, Heard(), case=None, resident=facts, now=DUE)

    return await store.write(
        lambda s: outreach.ask_how_it_went(
            s, resident_id, DUE, decide=decide, to_line=mind.to_line, to_text=mind.to_text
        )
    )


async def test_it_is_asked_in_two_bubbles_and_the_answer_belongs_to_it(store: Store) -> None:
    """The first bubble names nothing; the topic and four answers follow; what is typed then is the answer."""
    resident_id = await wished(store)
    (job,) = await store.read(lambda s: list(s.scalars(select(Job).where(Job.name == AFTERWARDS))))
    assert job.payload == {"resident_id": str(resident_id)}
    assert "temporary_care" not in job.dedupe_key
    before = len(await sent(store))
    assert await ask(store, resident_id)
    neutral, question = (await sent(store))[before:]
    assert neutral["text"] == "お知らせの時間になりました。"
    assert "一時預かり" in question["text"]
    written = await store.read(lambda s: list(s.scalars(select(Journal).where(Journal.at == DUE))))
    assert [(row.who, row.kind) for row in written] == [("desk", "reply")]
    await deliver(store, text("うまくいっている", at_ms=int(DUE.timestamp() * 1000)))
    await desk(store).drain()
    assert "気になることが出てきたら" in (await sent(store))[-1]["text"]


async def test_it_is_not_asked_into_danger(store: Store) -> None:
    """Nothing goes to whom words may endanger, who blocked the desk, or whose case waits for or is held by people."""
    resident_id = await wished(store)
    before = len(await sent(store))
    for change_ in ({"contact_safety": "when_writing"}, {"unreachable": True}):
        back = {"contact_safety": "any", "unreachable": False}
        await change(store, resident_id, **change_)
        assert not await ask(store, resident_id)
        await change(store, resident_id, **back)
    case_id = await alarm(store, resident_id)
    assert not await ask(store, resident_id)
    await store.write(lambda s: cases.claim(s, case_id, uuid4(), NOW))
    assert not await ask(store, resident_id)
    assert len(await sent(store)) == before


async def test_amid_a_talk_it_waits_a_day(store: Store) -> None:
    """A complaint that is about to be written is not taken for an answer."""
    resident_id = await wished(store)
    await deliver(store, tap("complaint.begin"), tap("complaint.other"))
    await desk(store).drain()
    before = len(await sent(store))
    assert not await ask(store, resident_id)
    assert len(await sent(store)) == before
    jobs = await store.read(lambda s: list(s.scalars(select(Job).where(Job.name == AFTERWARDS))))
    assert [job.run_at.astimezone(TOKYO).date() for job in jobs].count((DUE + timedelta(days=1)).date()) == 1


def test_it_is_remembered_until_it_is_asked_or_dropped() -> None:
    """The topic leaves memory with the question, with the wish, and is silent after a person spoke last."""
    for end in ("afterwards.due:temporary_care", "afterwards.no_need"):
        talk = details("temporary_care", "hinata-azukari-plaza")
        talk.does("choice", act=PROMISE)
        assert engine.due(talk.memory, AFTERWARDS) == "afterwards.due:temporary_care"
        assert engine.due({**talk.memory, "handback": {"name": "さくら"}}, AFTERWARDS) == ""
        talk.does("choice", act=end)
        assert "later" not in talk.memory


async def test_forgetting_takes_the_wish_back(store: Store) -> None:
    """「消す」 drops the job, and even a job that was already running says nothing."""
    resident_id = await wished(store)
    await deliver(store, tap("my_data.forget"))
    await desk(store).drain()
    assert await store.read(lambda s: list(s.scalars(select(Job).where(Job.name == AFTERWARDS)))) == []
    before = len(await sent(store))
    assert not await ask(store, resident_id)
    assert len(await sent(store)) == before


@pytest.mark.parametrize("kind", ["anxiety", "dv"])
def test_a_worry_beside_it_offers_a_person(kind: str) -> None:
    """Whoever tells a worry under the question is offered a person as anywhere else."""
    talk = Conversation(DAY)
    talk.does("follow")
    talk.does("choice", act="afterwards.due:nursery")
    assert talk.is_heard(concern(kind)).case == "offer"
