"""People who want to help: kept with a yes at the counter or in LINE, then step by step, apart from any case."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot import offers
from bot.curation import By, FieldsRefusedError
from bot.dialog import Turn
from bot.dialogs.helper import LONGEST
from bot.errors import KeyGoneError, RefusedError
from bot.messages import Heard, Inbound
from bot.models import Audit, HelperOffer, Key
from bot.store import Store
from bot.vault import INSTALL, unseal
from handoff import people
from handoff.console import labels
from handoff.models import LocalPersonRow
from handoff.people import LocalPerson, Step
from tests.console_world import NOW, World, build, form
from tests.pipeline import NOW_MS, Desks, Echo, deliver, event, text
from tests.talk import DAY, Conversation, shown, view
from tests.test_loss import HELD

BY = By("staff:test", "さとう")
TODAY = date(2026, 11, 21)
WORDS = "みどりです。月曜の午前、絵本を読めます。000-555-0199"


async def an_offer(store: Store) -> uuid.UUID:
    """Write down an offer made at the counter."""
    return await people.add(store, people.offered("青木 海", "000-555-7002", "読み聞かせ", BY, NOW), BY, NOW)


async def read(store: Store, id: uuid.UUID) -> people.Kept:
    """Read one person."""
    kept = await store.write(lambda s: people.read(s, id, BY, NOW))
    assert kept is not None
    return kept


def test_every_state_has_a_label() -> None:
    """In their order."""
    assert tuple(labels.HELPERS) == people.STATES


# --- step by step ---------------------------------------------------------------------------------------------------


async def test_an_offer_goes_on_step_by_step(store: Store) -> None:
    """New and due within a week; each change is dated with who; a next step comes on its day."""
    id = await an_offer(store)
    kept = await read(store, id)
    assert kept.person.steps == (Step("new", TODAY, "さとう"),)
    assert (kept.person.asked_by, kept.person.asked_on, kept.person.purpose) == ("さとう", TODAY, people.OFFERED)
    week = TODAY + people.CONTACT_WITHIN
    assert (kept.person.next_step, kept.person.next_on) == (people.CONTACT, week)
    assert await store.read(lambda s: people.due(s, NOW + timedelta(days=6))) == []
    (due,) = await store.read(lambda s: people.due(s, NOW + timedelta(days=7)))
    assert (due.id, due.person.name, due.person.reach, due.person.steps) == (id, "", "", ())
    mori, later = By("staff:m", "もり"), NOW + timedelta(days=3)
    await store.write(
        lambda s: people.move(s, id, "contacted", "研修に案内", TODAY + timedelta(days=20), mori, later, expected=1)
    )
    await store.write(lambda s: people.move(s, id, "active", "", None, mori, later, expected=2))
    await store.write(lambda s: people.move(s, id, "active", "", None, mori, later, expected=3))  # nothing new
    kept = await read(store, id)
    assert kept.version == 3
    assert [(s.state, s.on.day, s.by) for s in kept.person.steps] == [
        ("new", 21, "さとう"), ("contacted", 24, "もり"), ("active", 24, "もり"),
    ]  # fmt: skip
    assert kept.person.next_on is None
    moved = await store.read(lambda s: list(s.scalars(select(Audit.detail).where(Audit.action == "person.moved"))))
    assert moved == [{"person": str(id), "state": "contacted"}, {"person": str(id), "state": "active"}]


@pytest.mark.parametrize(
    ("state", "step", "on", "fields"),
    [
        ("gone", "", None, {"state"}),
        ("contacted", "電話する", None, {"next_on"}),
        ("contacted", "", TODAY, {"next_step"}),
        ("contacted", "あ" * 201, TODAY, {"next_step"}),
    ],
)
async def test_a_step_says_what_and_when(
    sqlite_store: Store, state: str, step: str, on: date | None, fields: set[str]
) -> None:
    """Each missing half is named."""
    id = await an_offer(sqlite_store)
    with pytest.raises(FieldsRefusedError) as refused:
        await sqlite_store.write(lambda s: people.move(s, id, state, step, on, BY, NOW, expected=1))
    assert set(refused.value.reasons) == fields
    with pytest.raises(RefusedError, match="先に直しました"):
        await sqlite_store.write(lambda s: people.move(s, id, "active", "", None, BY, NOW, expected=9))


async def test_a_correction_changes_nothing_of_how_far_it_is(sqlite_store: Store) -> None:
    """The form of names and numbers neither loses nor forges a step."""
    id = await an_offer(sqlite_store)
    before = (await read(sqlite_store, id)).person
    forged = replace(before, name="青木 空", state="active", steps=(), next_step="", next_on=None)
    await sqlite_store.write(lambda s: people.edit(s, id, forged, BY, NOW, expected=1))
    after = (await read(sqlite_store, id)).person
    assert after == replace(before, name="青木 空")


async def test_who_was_entered_before_is_somebody_to_ask(sqlite_store: Store) -> None:
    """A person without a state of its own is active, and nothing is due."""
    known = LocalPerson("川上", "電話", "ふたご", asked_by="さとう", asked_on=TODAY, purpose="声をかける")
    id = await people.add(sqlite_store, known, BY, NOW)
    assert (await read(sqlite_store, id)).person.state == "active"
    other = await an_offer(sqlite_store)
    listed = await sqlite_store.read(lambda s: people.listed(s, NOW))
    assert [one.id for one in listed] == [other, id]  # who waits for a step comes first
    assert [one.id for one in await sqlite_store.read(lambda s: people.listed(s, NOW, state="active"))] == [id]


async def test_a_withdrawn_yes_leaves_the_date_alone(store: Store) -> None:
    """Steps, next step and words are gone with the key."""
    id = await an_offer(store)
    sealed = await store.read(lambda s: s.get_one(LocalPersonRow, id).body_sealed)
    assert sealed is not None
    await people.withdraw(store, id, BY, NOW)
    row = await store.read(lambda s: s.get_one(LocalPersonRow, id))
    assert (row.body_sealed, row.withdrawn_at) == (None, NOW)
    with pytest.raises(KeyGoneError):
        await store.read(lambda s: unseal(s, f"person:{id}", "local_person", "body", id, sealed))
    assert await store.read(lambda s: people.due(s, NOW + timedelta(days=90))) == []


# --- through LINE ---------------------------------------------------------------------------------------------------


def asked(**facts: object) -> Conversation:
    """Return a talk in which somebody is asked whether her offer may be kept."""
    talk = Conversation(DAY, **facts)
    talk.does("follow")
    talk.does("choice", act="helper.begin")
    return talk


def test_nothing_is_kept_without_a_yes_to_the_very_words() -> None:
    """Two questions; a no to either, or going elsewhere, keeps nothing; what was shown is what is kept."""
    talk = asked()
    assert "残してもいいですか" in talk.said
    unasked = talk.fork()
    unasked.writes(WORDS)
    assert unasked.last.offer == ""
    talk.writes("はい")
    talk.writes(WORDS)
    assert WORDS in talk.said
    assert talk.last.offer == ""
    for no in ("いいえ", "一時預かりはありますか", "メニュー"):
        other = talk.fork()
        other.writes(no)
        other.writes("はい")
        assert other.last.offer == "", no
    talk.writes("はい")
    assert talk.last.offer == WORDS
    assert WORDS not in str(talk.memory.get("open"))
    talk.does("choice", act="helper.keep")  # an old button
    assert talk.last.offer == ""


def test_a_long_offer_is_shown_as_it_would_be_kept() -> None:
    """Its beginning, which she sees, is what she says yes to."""
    talk = asked()
    talk.writes("はい")
    talk.writes("あ" * 1_500)
    assert "あ" * LONGEST in talk.said
    assert "あ" * (LONGEST + 1) not in talk.said
    talk.writes("はい")
    assert talk.last.offer == "あ" * LONGEST


@pytest.mark.parametrize("words", ["もう死にたい", "夫に殴られました。火曜なら手伝えます", "つかれた、孤独です"])
def test_a_signal_wins_and_ends_the_offer(words: str) -> None:
    """In the words, or in those before the yes: cared for, never kept, and not gone on with afterwards (CARE C15)."""
    for before in ((), (WORDS,)):
        talk = asked()
        talk.writes("はい")
        for line in before:
            talk.writes(line)
        talk.writes(words)
        assert talk.last.signals
        assert talk.last.offer == ""
        talk.does("choice", act="helper.keep")
        assert talk.last.offer == ""
        talk.writes("000-555-0198")
        assert talk.last.offer == ""
        assert "職員に残してもいいですか" not in talk.said


def test_a_person_who_takes_the_talk_ends_it() -> None:
    """What is written to her is no offer, also after she has given the talk back."""
    talk = asked()
    talk.writes("はい")
    talk.view = replace(talk.view, case=HELD)
    assert talk.writes("000-555-0198").replies == ()
    talk.view = replace(talk.view, case=replace(HELD, state="on_hold"))
    talk.writes("000-555-0198")
    assert "職員に残してもいいですか" not in talk.said
    talk.does("choice", act="helper.keep")
    assert talk.last.offer == ""


def test_the_way_there_stands_beside_the_answer() -> None:
    """Who asks how to help is told first, and may then say that she wants to."""
    talk = Conversation(DAY)
    talk.does("follow")
    talk.writes("子育てを手伝いたいです")
    assert "helper.begin" in {choice.act for choice in shown(talk.last)}
    assert view().library.answers["becoming_helper"].paragraphs[0].msgid in talk.said


# --- from LINE to the list ------------------------------------------------------------------------------------------


async def test_an_offer_leads_back_to_nobody_and_is_taken_once(store: Store) -> None:
    """No resident, case or hour beside it; under a key of its own at last; taken twice it is there once."""
    await store.write(lambda s: offers.keep(s, WORDS, "vi", NOW))
    assert set(HelperOffer.__table__.columns.keys()) == {"id", "body_sealed", "language", "day"}
    row = await store.read(lambda s: s.scalars(select(HelperOffer)).one())
    assert WORDS.encode() not in row.body_sealed
    assert await store.read(lambda s: unseal(s, INSTALL, "helper_offer", "body", row.id, row.body_sealed)) == WORDS
    assert await people.take_offers(store, NOW) == 1
    assert await people.take_offers(store, NOW) == 0
    assert await store.read(lambda s: s.scalars(select(HelperOffer)).all()) == []
    kept = await read(store, row.id)
    person = kept.person
    assert (person.note, person.language, person.state, person.name) == (WORDS, "vi", "new", "")
    assert (person.asked_by, person.asked_on) == (people.LINE, TODAY)
    assert await store.read_keys(lambda s: s.get(Key, f"person:{row.id}")) is not None
    audits = await store.read(lambda s: list(s.scalars(select(Audit).where(Audit.action == "person.added"))))
    assert [(a.actor, a.case_id, a.resident_id) for a in audits] == [("system", None, None)]


class Offers(Echo):
    """Offer whatever is written."""

    def decide(self, memory: Any, inbound: Inbound, heard: Heard, **facts: Any) -> Turn:
        """Return the turn with the words as an offer."""
        return replace(super().decide(memory, inbound, heard, **facts), offer=inbound.text)


async def test_the_worker_keeps_what_a_turn_offers(store: Store) -> None:
    """In the turn's own commit, once; nothing of a message that was taken back before it was read."""
    desks = Desks(store, mind=Offers())
    await deliver(store, event("unsend", unsend={"messageId": "m1"}))
    await desks.worker().drain()
    await deliver(store, text("もどした", message_id="m1"), text(WORDS, message_id="m2", at_ms=NOW_MS + 1))
    await desks.worker().drain()

    def kept(session: Session) -> list[str]:
        rows = session.scalars(select(HelperOffer))
        return [unseal(session, INSTALL, "helper_offer", "body", row.id, row.body_sealed) for row in rows]

    assert await store.read(kept) == [WORDS]


# --- the console ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def world(sqlite_store: Store) -> World:
    """Give a console with four accounts."""
    return await build(sqlite_store)


@pytest.fixture
async def browser(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Give a browser without a session."""
    async with world.browser() as found:
        yield found


GIVEN = {"name": "青木 海", "reach": "000-555-7002", "knows": "読み聞かせ", "yes": "yes"}


async def test_the_counters_form_needs_a_yes(world: World, browser: httpx.AsyncClient) -> None:
    """Four fields; without the yes nothing is kept and what was typed stays."""
    csrf = await world.signed_in("specialist", browser)
    answer = await browser.post("/people/offer", data=form(csrf, **GIVEN | {"yes": ""}))
    assert answer.status_code == 422
    assert "残してよい" in answer.text
    assert 'value="青木 海"' in answer.text
    empty = await browser.post("/people/offer", data=form(csrf))
    assert set(re.findall(r'id="(\w+)-wrong"', empty.text)) == {"name", "reach", "knows", "yes"}
    assert await world.store.read(lambda s: s.scalars(select(LocalPersonRow)).all()) == []
    kept = await browser.post("/people/offer", data=form(csrf, **GIVEN))
    page = (await browser.get(kept.headers["location"])).text
    assert "申し出があった" in page
    assert "次にすること: 連絡する" in page


async def test_the_next_step_comes_on_the_days_page_without_a_name(world: World, browser: httpx.AsyncClient) -> None:
    """It stands there on its day; moved on, it is gone; a wrong form keeps what was typed."""
    id = await an_offer(world.store)
    csrf = await world.signed_in("specialist", browser)
    assert "手伝いたい方" not in (await browser.get("/today")).text
    world.clock.set(NOW + timedelta(days=8), running=False)
    csrf = await world.signed_in("specialist", browser)
    today = (await browser.get("/today")).text
    assert "手伝いたい方" in today
    assert "（過ぎました）" in today
    assert "青木" not in today
    listed = (await browser.get("/people", params={"state": "new"})).text
    assert "申し出があった" in listed
    assert "青木" not in listed
    assert "当てはまる方はいません" in (await browser.get("/people", params={"state": "ended"})).text
    wrong = {"version": "1", "state": "contacted", "next_step": "研修に案内", "next_on": ""}
    answer = await browser.post(f"/people/{id}/move", data=form(csrf, **wrong))
    assert answer.status_code == 422
    assert 'value="研修に案内"' in answer.text
    moved = await browser.post(f"/people/{id}/move", data=form(csrf, **wrong | {"next_on": "2027-01-10"}))
    assert moved.status_code == 303
    page = (await browser.get(f"/people/{id}")).text
    assert "連絡した（さとう）" in page
    assert "1月10日（日）まで" in page
    assert "手伝いたい方" not in (await browser.get("/today")).text


async def test_an_offer_from_line_is_read_on_its_own_page(world: World, browser: httpx.AsyncClient) -> None:
    """The list says only that there is one; opening it is an audit row."""
    await world.store.write(lambda s: offers.keep(s, "<b>みどり</b>です", "vi", NOW))
    await people.take_offers(world.store, NOW)
    await world.signed_in("specialist", browser)
    listed = (await browser.get("/people")).text
    assert "LINEからの申し出" in listed
    assert "みどり" not in listed
    (where,) = re.findall(r'class="row-link" href="([^"]+)"', listed)
    page = (await browser.get(where)).text
    assert "&lt;b&gt;みどり&lt;/b&gt;です" in page
    assert "ベトナム語" in page
    assert "がたしかめました" not in listed + page
    audits = await world.store.read(
        lambda s: list(s.scalars(select(Audit.action).where(Audit.action == "person.read")))
    )
    assert audits == ["person.read"]
