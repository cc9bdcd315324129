"""What the desk sends by itself: the reminder that was asked for, and to whom it must not be sent."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot import cases, outreach, render
from bot.dialogs.safety import FITS, reminder
from bot.messages import Severity, Signal
from bot.models import Journal, Memory, Outbox, Resident
from bot.opening import TOKYO
from bot.store import Store
from bot.vault import resident_owner, seal, unseal
from tests.pipeline import deliver, text
from tests.talk import content, view, words

OPENING = datetime(2026, 11, 24, 8, 30, tzinfo=TOKYO)
STAFF = uuid.uuid4()


async def somebody(store: Store, *, trouble: str = "own_hand", language: str = "ja") -> uuid.UUID:
    """Keep a resident who wrote in the night, and what the desk remembers of her."""
    await deliver(store, text("もう限界です"))

    def unit(session: Session) -> uuid.UUID:
        resident_id = session.scalars(select(Resident.id)).one()
        memory = json.dumps({"v": 1, "language": language, "safety": {"data": {"trouble": trouble}}})
        sealed = seal(session, resident_owner(resident_id), "memory", "body", resident_id, memory)
        session.add(Memory(resident_id=resident_id, version=1, body_sealed=sealed))
        return resident_id

    return await store.write(unit)


async def remind(store: Store, resident_id: uuid.UUID) -> bool:
    """Run the job."""
    return await store.write(
        lambda s: outreach.remind(
            s,
            resident_id,
            OPENING,
            library=content(),
            city=view().city,
            to_line=lambda replies, language: render.to_line(replies, language, words()),
            to_text=lambda replies, language: render.to_text(replies, language, words()),
        )
    )


async def sent(store: Store) -> list[list[dict[str, Any]]]:
    """Return the messages that wait to be sent."""

    def unit(session: Session) -> list[list[dict[str, Any]]]:
        rows = session.scalars(select(Outbox)).all()
        return [
            json.loads(unseal(session, resident_owner(r.resident_id), "outbox", "body", r.id, r.body_sealed))
            for r in rows
        ]

    return await store.read(unit)


async def change(store: Store, resident_id: uuid.UUID, **values: Any) -> None:
    """Change what is known of the resident."""

    def unit(session: Session) -> None:
        for name, value in values.items():
            setattr(session.get_one(Resident, resident_id), name, value)

    await store.write(unit)


async def alarm(store: Store, resident_id: uuid.UUID) -> uuid.UUID:
    """Open an urgent case and return its id."""
    signal = Signal("abuse", Severity.URGENT, evidence="もう限界です", why="test")

    def unit(session: Session) -> uuid.UUID:
        case = cases.apply(
            session,
            resident_id,
            signals=[signal],
            event="alarm",
            reason="signal",
            journal_uid=None,
            at=OPENING,
            city=view().city,
        )
        assert case is not None
        return case.id

    return await store.write(unit)


async def test_the_reminder_brings_number_and_words(store: Store) -> None:
    """At opening come the desks' numbers and what to say there; the preview is neutral (CARE C18, C21)."""
    resident_id = await somebody(store)
    case_id = await alarm(store, resident_id)
    assert await remind(store, resident_id)
    ((preview, card),) = await sent(store)
    assert preview == {"type": "text", "text": "お知らせの時間になりました。"}
    assert "子育てがつらくて、もう限界です" in json.dumps(card, ensure_ascii=False)
    assert all(desk.phone in json.dumps(card) for desk in view().city.desks)
    assert "限界" not in card["altText"]
    row = await store.read(lambda s: s.scalars(select(Journal).where(Journal.who == "desk")).one())
    assert (row.kind, row.case_id) == ("reply", case_id)
    assert b"\xe9\x99\x90" not in (row.body_sealed or b"")  # sealed, as everything that was said


async def test_the_reminder_speaks_the_language_of_the_talk(store: Store) -> None:
    """Who wrote in English gets the Japanese sentence to read out, beside her own."""
    assert await remind(store, await somebody(store, language="en"))
    ((preview, card),) = await sent(store)
    assert preview["text"].isascii()
    said = json.dumps(card, ensure_ascii=False)
    assert "子育てがつらくて、もう限界です" in said
    own = words().sentence("子育てがつらくて、もう限界です。助けてくれる人と話したいです。", "en")
    assert json.dumps(own).strip('"') in said


@pytest.mark.parametrize("safety", ["when_writing", "times"])
async def test_who_wants_words_only_when_writing_gets_none(store: Store, safety: str) -> None:
    """Where somebody else may see the phone nothing is sent first (CARE C21)."""
    resident_id = await somebody(store)
    await change(store, resident_id, contact_safety=safety)
    assert not await remind(store, resident_id)
    assert await sent(store) == []


async def test_who_cannot_be_reached_is_not_written_to(store: Store) -> None:
    """Who has blocked the account gets nothing."""
    resident_id = await somebody(store)
    await change(store, resident_id, unreachable=True)
    assert not await remind(store, resident_id)
    assert await sent(store) == []


async def test_while_a_person_holds_the_talk_nothing_is_sent(store: Store) -> None:
    """A claimed case silences the reminder too."""
    resident_id = await somebody(store)
    case_id = await alarm(store, resident_id)
    await store.write(lambda s: cases.claim(s, case_id, STAFF, OPENING))
    assert not await remind(store, resident_id)
    assert await sent(store) == []


async def test_somebody_who_is_gone_is_no_error(store: Store) -> None:
    """A job for a resident who is not there any more ends quietly."""
    assert not await remind(store, uuid.uuid4())


@pytest.mark.parametrize("language", ["ja", "ja-easy", "en"])
@pytest.mark.parametrize("trouble", [*FITS, "", "of another version"])
def test_every_trouble_has_its_reminder(trouble: str, language: str) -> None:
    """For every kind of trouble there is a neutral line, a card with numbers, and a way to a person."""
    replies = reminder(trouble, content(), view().city, language, OPENING)
    first, *_cards = render.to_line(replies, language, words())
    assert first["text"] == words().sentence("お知らせの時間になりました。", language)
    (card,) = replies[0].cards
    assert len(card.facts) >= 2
    assert [choice.act for choice in replies[0].choices] == ["person.ask"]
