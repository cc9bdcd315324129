"""Every answer of LINE has its one meaning, order holds, and nothing is called delivered."""

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bot import cases
from bot.errors import LineUnreachableError
from bot.line.client import Answer
from bot.models import CaseRow, Event, Lane, Outbox, Resident, Watched
from bot.store import Store, db_now, enqueue_outbox
from tests.pipeline import NOW, Desks, FakeLine, city, deliver, event, text

STALE = Answer(400, "Invalid reply token")
RATE = Answer(429, "The API rate limit has been exceeded. Try again later.")
MONTHLY = Answer(429, "You have reached your monthly limit.")
LOST = LineUnreachableError("TimeoutError")
DAY = 86_400.0


async def resident(store: Store, who: int = 1) -> uuid.UUID:
    """Return a resident who is a friend and has just written."""
    await deliver(store, event("follow", who=who))
    rows = await store.read(lambda s: list(s.scalars(select(Resident.id).order_by(Resident.first_seen_at))))
    known = await store.read(lambda s: s.scalar(select(Lane.key).where(Lane.key.like("out:%"))))
    return rows[-1] if not known else next(r for r in rows if f"out:{r}" != known)


async def post(store: Store, to: uuid.UUID, words: str, *, token: str = "", **more: Any) -> uuid.UUID:
    """Put one text into the outbox; with `token` a reply that is fresh for 50 seconds."""

    def unit(session: Session) -> uuid.UUID:
        until = db_now(session) + 50 if token else 0.0
        messages = [{"type": "text", "text": words}]
        options = {"origin": "desk"} | more
        return enqueue_outbox(session, to, messages, at=NOW, reply_token=token, reply_until_db=until, **options)

    return await store.write(unit)


async def rows(store: Store) -> list[Outbox]:
    return await store.read(lambda s: list(s.scalars(select(Outbox).order_by(Outbox.lane_key, Outbox.seq))))


async def states(store: Store) -> list[str]:
    return [row.state for row in await rows(store)]


async def age(store: Store, **values: Any) -> None:
    """Let back-offs be over, and change what else is given of the open rows."""

    def unit(session: Session) -> None:
        session.execute(update(Outbox).where(Outbox.state == "pending").values(next_db=0.0, **values))
        session.execute(update(Lane).where(Lane.run_db.is_not(None)).values(run_db=0.0, leased_until_db=0.0))

    await store.write(unit)


async def try_again(desks: Desks, times: int = 1, **values: Any) -> None:
    for _ in range(times):
        await age(desks.store, **values)
        await desks.sender().drain()


async def opened(store: Store) -> list[str]:
    return await store.read(lambda s: list(s.scalars(select(CaseRow.reason))))


async def test_a_fresh_reply_token_is_used_and_free(store: Store) -> None:
    """What answers at once goes by reply, without a retry key, and its token is forgotten."""
    desks = Desks(store)
    await post(store, await resident(store), "a", token="t")
    await desks.sender().drain()
    assert desks.line.sent == [("reply", "t", [{"type": "text", "text": "a"}], "")]
    (row,) = await rows(store)
    assert (row.state, row.reply_token_sealed, row.line_request_id) == ("accepted", None, "request-1")
    assert not row.in_flight
    assert [e.kind for e in await store.read(lambda s: list(s.scalars(select(Event))))] == ["outbox.changed"]


async def test_a_stale_token_becomes_a_push(store: Store) -> None:
    """After 50 seconds, or when LINE calls the token invalid at the first try, the words go by push."""
    desks = Desks(store)
    to = await resident(store)
    await post(store, to, "late", token="t")
    await store.write(lambda s: s.execute(update(Outbox).values(reply_until_db=1.0)) and None)
    await desks.sender().drain()
    assert desks.line.ways == ["push"]
    desks.line.answers.append(STALE)
    await post(store, to, "refused", token="t2")
    await desks.sender().drain()
    assert desks.line.ways == ["push", "reply", "push"]
    assert await states(store) == ["accepted", "accepted"]


@pytest.mark.parametrize("failure", [LOST, Answer(500), Answer(503)])
async def test_a_push_keeps_its_key_until_it_is_accepted(store: Store, failure: Any) -> None:
    """After a time-out or 5xx the same key is used again, and 409 means that it had arrived."""
    desks = Desks(store)
    await post(store, await resident(store), "a")
    desks.line.answers.extend([failure, failure, Answer(409, "The retry key is already accepted", "first-one")])
    await desks.sender().drain()
    await try_again(desks, 2)
    assert len({key for *_, key in desks.line.sent}) == 1
    (row,) = await rows(store)
    assert (row.state, row.line_request_id, row.attempts) == ("accepted", "first-one", 3)


async def test_an_uncertain_reply_stays_unknown(store: Store) -> None:
    """Ordinary words are not said twice: an invalid token after a time-out leaves the row unknown."""
    desks = Desks(store)
    await post(store, await resident(store), "a", token="t")
    desks.line.answers.extend([LOST, STALE])
    await desks.sender().drain()
    await try_again(desks)
    assert desks.line.ways == ["reply", "reply"]
    assert await states(store) == ["unknown"]
    assert await opened(store) == []


async def test_an_uncertain_reply_whose_token_ran_out_stays_unknown(store: Store) -> None:
    """The token died during the back-off: nobody knows, so it is shown and not repeated."""
    desks = Desks(store)
    await post(store, await resident(store), "a", token="t")
    desks.line.answers.append(LOST)
    await desks.sender().drain()
    await try_again(desks, reply_until_db=1.0)
    assert desks.line.ways == ["reply"]
    assert await states(store) == ["unknown"]


@pytest.mark.parametrize("expired", [True, False])
async def test_vital_words_are_rather_said_twice(store: Store, expired: bool) -> None:
    """Safety lines after an uncertain reply are pushed."""
    desks = Desks(store)
    await post(store, await resident(store), "189", token="t", vital=True)
    desks.line.answers.extend([LOST] if expired else [LOST, STALE])
    await desks.sender().drain()
    await try_again(desks, **({"reply_until_db": 1.0} if expired else {}))
    assert desks.line.ways == (["reply", "push"] if expired else ["reply", "reply", "push"])
    assert await states(store) == ["accepted"]


async def test_a_crash_in_flight_counts_as_uncertain(store: Store) -> None:
    """A row that was in flight when the process died is treated like a time-out."""
    desks = Desks(store)
    to = await resident(store)
    await post(store, to, "a", token="t")
    assert len(await desks.sender()._claim(1)) == 1  # and the process died
    desks.line.answers.append(STALE)
    await try_again(desks)
    assert desks.line.ways == ["reply"]
    assert await states(store) == ["unknown"]


async def test_a_refused_body_is_given_up_and_a_person_is_called(store: Store) -> None:
    """400 never gets better: given up, case, and the lane goes on."""
    desks = Desks(store)
    to = await resident(store)
    await post(store, to, "bad")
    await post(store, to, "good")
    desks.line.answers.append(Answer(400, "The request body has 1 error(s)"))
    await desks.sender().drain()
    assert await states(store) == ["given_up", "accepted"]
    assert await opened(store) == ["given_up"]


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_token_stops_the_channel_and_loses_nothing(store: Store, status: int) -> None:
    """Everything stays pending, every process sees why, and all goes on when LINE takes the token again."""
    desks = Desks(store)
    to = await resident(store)
    await post(store, to, "a", token="t")
    await post(store, to, "b")
    desks.line.answers.append(Answer(status, "Authentication failed"))
    sender = desks.sender()
    await sender.drain()
    assert sender.stopped == f"stopped: {status}"
    assert await states(store) == ["pending", "pending"]
    assert await store.read(lambda s: s.scalar(select(Watched.note))) == f"stopped: {status}"
    other = desks.sender()
    assert await other.drain() == 0
    desks.line.works = False
    assert not await other._probe()
    desks.line.works = True
    assert await other._probe()
    await desks.sender().drain()
    assert await states(store) == ["accepted", "accepted"]
    assert desks.line.said == ["a", "a", "b"]


async def test_too_many_requests_wait_and_go_on(store: Store) -> None:
    """The rate limit backs off as LINE asks and then sends, in order."""
    desks = Desks(store)
    to = await resident(store)
    await post(store, to, "a")
    await post(store, to, "b")
    desks.line.answers.append(Answer(429, RATE.message, retry_after=7.0))
    await desks.sender().drain()
    waiting = await rows(store)
    assert [row.state for row in waiting] == ["pending", "pending"]
    assert waiting[0].next_db == pytest.approx(await store.read(db_now) + 7, abs=2)
    assert not waiting[0].doubtful
    await try_again(desks)
    assert desks.line.said == ["a", "a", "b"]


async def test_the_monthly_limit_is_shown_and_not_retried_blindly(store: Store) -> None:
    """The row stays pending with its reason; vital words behind it still go."""
    desks = Desks(store)
    to = await resident(store)
    await post(store, to, "ordinary")
    desks.line.answers.append(MONTHLY)
    await desks.sender().drain()
    (row,) = await rows(store)
    assert (row.state, row.error) == ("pending", "monthly_quota")
    assert row.next_db > await store.read(db_now) + 1800
    await post(store, to, "vital", vital=True)
    await desks.sender().drain()
    assert desks.line.said == ["ordinary", "vital"]
    assert await states(store) == ["pending", "accepted"]
    await try_again(desks)  # next month
    assert await states(store) == ["accepted", "accepted"]


async def test_the_last_pushes_are_kept_for_safety(store: Store) -> None:
    """Ordinary words stop at the reserve, vital words use it, replies are free."""
    desks = Desks(store)
    desks.line.quota_left = 21
    to, sender = await resident(store), desks.sender(reserve=20)
    for words in ("one", "two"):
        await post(store, to, words)
    await sender.drain()
    await post(store, to, "vital", vital=True)
    await post(store, to, "free", token="t")
    await sender.drain()
    assert desks.line.said == ["one", "vital", "free"]
    assert [row.error for row in await rows(store)] == ["", "monthly_quota", "", ""]


async def test_a_city_may_set_a_smaller_budget(store: Store) -> None:
    """The city's own number counts before LINE's."""
    desks = Desks(store)
    await post(store, await resident(store), "a")
    await desks.sender(budget=10, reserve=20).drain()
    assert desks.line.sent == []


@pytest.mark.parametrize(
    "values",
    [{"unreachable": True}, {"is_friend": False, "last_inbound_db": 1.0}],
)
async def test_who_cannot_be_reached_is_said_to_be_unreachable(store: Store, values: dict[str, Any]) -> None:
    """Blocked, or no friend and silent for seven days: nothing is sent and staff can see it."""
    desks = Desks(store)
    await post(store, await resident(store), "a")
    await store.write(lambda s: s.execute(update(Resident).values(**values)) and None)
    await desks.sender().drain()
    assert desks.line.sent == []
    assert await states(store) == ["unreachable"]


async def test_a_vanished_profile_means_unreachable(store: Store) -> None:
    """Who was silent for a day is asked for first; a 404 is kept, and a refused push asks too."""
    desks = Desks(store)
    to = await resident(store)
    await post(store, to, "a")
    await store.write(lambda s: s.execute(update(Resident).values(last_inbound_db=1.0)) and None)
    desks.line.known = False
    await desks.sender().drain()
    assert desks.line.sent == []
    assert await states(store) == ["unreachable"]
    assert await store.read(lambda s: s.scalar(select(Resident.unreachable)))
    await deliver(store, text("また"))
    await post(store, to, "b")
    desks.line.answers.append(Answer(400, "Failed to send messages"))
    await desks.sender().drain()
    assert await states(store) == ["unreachable", "unreachable"]


@pytest.mark.parametrize(("doubtful", "state"), [(True, "unknown"), (False, "given_up")])
async def test_after_a_day_a_person_decides(store: Store, doubtful: bool, state: str) -> None:
    """A retry key is worth nothing after 24 hours: no further try, and a case."""
    desks = Desks(store)
    await post(store, await resident(store), "a")
    then = await store.read(db_now) - DAY - 10
    await try_again(desks, first_attempt_db=then, doubtful=doubtful)
    assert desks.line.sent == []
    assert await states(store) == [state]
    assert await opened(store) == ["given_up"]


async def test_a_request_that_never_left_is_not_uncertain(store: Store) -> None:
    """No connection means that nothing arrived, so a reply may go by push later."""
    desks = Desks(store)
    await post(store, await resident(store), "a", token="t")
    desks.line.answers.append(Answer(0, "ClientConnectorError"))
    await desks.sender().drain()
    await try_again(desks, reply_until_db=1.0)
    assert desks.line.ways == ["reply", "push"]
    assert await states(store) == ["accepted"]


async def test_each_lane_keeps_its_order_and_none_waits_for_another(store: Store) -> None:
    """A resident whose head is in trouble waits; the others do not."""
    desks = Desks(store)
    one = await resident(store, 1)
    await post(store, one, "1-first")
    await post(store, one, "1-second")
    two = await resident(store, 2)
    await post(store, two, "2")

    class Picky(FakeLine):
        async def push(self, user_id: str, messages: Sequence[dict[str, Any]], retry_key: uuid.UUID) -> Answer:
            await super().push(user_id, messages, retry_key)
            return Answer(500) if messages[0]["text"] == "1-first" else Answer(200)

    picky = Picky()
    desks.line = picky
    await desks.sender().drain()
    assert sorted(picky.said) == ["1-first", "2"]
    desks.line = FakeLine()
    await try_again(desks)
    assert desks.line.said == ["1-first", "1-second"]


async def test_two_senders_send_each_row_once(store: Store) -> None:
    """Two processes over the same lanes hand over every row once, in order."""
    desks = Desks(store)
    to = await resident(store)
    for n in range(12):
        await post(store, to, f"{n}")
    await asyncio.gather(desks.sender().drain(), desks.sender().drain())
    while "pending" in await states(store):
        await desks.sender().drain()
    assert desks.line.said == [f"{n}" for n in range(12)]


async def test_a_sender_that_lost_its_lease_writes_nothing_down(store: Store) -> None:
    """The result of an attempt counts only while the fence is still its own."""
    desks = Desks(store)
    await post(store, await resident(store), "a")
    slow = desks.sender()
    (letter,) = await slow._claim(1)
    await age(store)
    desks.line.answers.append(Answer(500))
    await desks.sender().drain()
    await slow._send(letter)
    assert await states(store) == ["pending"]
    assert (await rows(store))[0].doubtful


async def test_a_claim_takes_back_what_is_not_in_flight(store: Store) -> None:
    """Desk rows that wait are withdrawn; the one in flight is not, and is withdrawn when it would be tried again."""
    desks = Desks(store)
    to = await resident(store)
    case = await store.write(lambda s: cases.open_for_failure(s, to, "dead_letter", NOW, city()))
    await post(store, to, "in flight")
    await post(store, to, "waiting")
    await post(store, to, "from staff", origin="staff")
    sender = desks.sender()
    (letter,) = await sender._claim(1)
    await store.write(lambda s: cases.claim(s, case.id, uuid.UUID(int=7), NOW) and None)
    assert await states(store) == ["pending", "withdrawn", "pending"]
    desks.line.answers.append(Answer(500))
    await sender._send(letter)
    assert await states(store) == ["withdrawn", "withdrawn", "pending"]
    await desks.sender().drain()
    assert desks.line.said == ["in flight", "from staff"]


async def test_a_desk_row_that_slipped_past_a_claim_is_not_sent(store: Store) -> None:
    """Whatever came between, nothing of the desk leaves while a person holds the case; staff's words do."""
    desks = Desks(store)
    to = await resident(store)
    case = await store.write(lambda s: cases.open_for_failure(s, to, "dead_letter", NOW, city()))
    await store.write(lambda s: cases.claim(s, case.id, uuid.UUID(int=7), NOW) and None)
    await post(store, to, "from the desk", token="t")
    await post(store, to, "from staff", origin="staff")
    await desks.sender().drain()
    while "pending" in await states(store):
        await desks.sender().drain()
    assert await states(store) == ["withdrawn", "accepted"]
    assert desks.line.said == ["from staff"]


async def test_run_sends_what_is_enqueued_and_stops(store: Store) -> None:
    """A running sender is woken by a commit, sends, and ends when asked."""
    desks = Desks(store)
    sender = desks.sender(poll_seconds=30)
    running = asyncio.create_task(sender.run())
    to = await resident(store)
    async with store.listen("event") as bell:
        await post(store, to, "a", token="t")
        while await states(store) != ["accepted"]:
            await asyncio.wait_for(bell.wait(), 10)
            bell.clear()
    await sender.stop()
    await asyncio.wait_for(running, 10)


async def test_a_running_sender_probes_and_resumes(store: Store) -> None:
    """While the token is refused the loop asks LINE again and again, and then sends everything."""
    desks = Desks(store)
    desks.line.answers.append(Answer(401, "no"))
    await post(store, await resident(store), "a")
    sender = desks.sender(poll_seconds=0.01, probe_seconds=0.01)
    running = asyncio.create_task(sender.run())
    async with store.listen("event") as bell:
        while await states(store) != ["accepted"]:
            await asyncio.wait_for(bell.wait(), 10)
            bell.clear()
    await sender.stop()
    await asyncio.wait_for(running, 10)
    assert desks.line.said == ["a", "a"]
