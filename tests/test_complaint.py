"""A wish or complaint: taken as it is written, numbered, never given to whom it is about."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot import journal
from bot.messages import Phrase
from bot.models import CaseRow, Journal
from bot.situation import Complaints, case_number
from bot.store import Store
from bot.transcript import CASE_ID
from handoff.console import labels
from tests.pipeline import deliver, text
from tests.real_desk import desk, sent, tap
from tests.talk import DAY, Conversation, urgent


def begun(**facts: object) -> Conversation:
    """Return a talk that has come to 「要望・苦情」."""
    talk = Conversation(DAY, **facts)
    talk.does("follow")
    talk.writes("苦情を言いたい")
    talk.writes("要望・苦情を書く")
    assert (talk.memory["open"]["name"], talk.memory["open"]["state"]) == ("complaint", "about")
    return talk


def test_it_is_numbered_and_says_who_is_responsible_and_until_when() -> None:
    """The number is the one that staff read; officer, receiver, third party and days are the city's."""
    talk = begun()
    talk.writes("ほかのこと")
    turn = talk.writes("予約の電話が、いつもつながりません")
    assert (turn.case, turn.reason) == ("open", "complaint")
    assert case_number(CASE_ID) == "1A2B"
    assert any(isinstance(line, Phrase) and "番号は" in line.msgid for reply in turn.replies for line in reply.lines)
    for words in ("のはら", "ゆうき", "みずの", "14日以内", "まだだれも読んでいません"):
        assert words in talk.said


@pytest.mark.parametrize(
    "words", ["警察に言いますよ", "児童手当の窓口の人が怒鳴りました", "流産した私に、ひどいことを言われました"]
)
def test_the_words_are_kept_whatever_they_are_about(words: str) -> None:
    """What sounds like a fear, a question or a loss is the complaint that was asked for; none is answered instead."""
    talk = begun()
    talk.writes("ほかのこと")
    turn = talk.writes(words)
    assert (turn.reason, talk.memory["open"]["state"]) == ("complaint", "received")


def test_where_nothing_is_decided_it_says_so() -> None:
    """A town that has not decided is not spoken for."""
    talk = begun()
    talk.view = replace(talk.view, city=replace(talk.view.city, complaints=Complaints()))
    talk.writes("1")
    talk.writes("言い方がきつかったです")
    assert "まだ決まっていません" in talk.said
    assert "日以内" not in talk.said


@pytest.mark.parametrize(
    ("chosen", "words"), [("職員のこと", "言い方がきつかったです"), ("ほかのこと", "さくらさんの言い方がきついです")]
)
def test_what_is_about_staff_is_for_the_officer(chosen: str, words: str) -> None:
    """Chosen or named by the work name: the case carries it, and the note for staff names nobody (CARE C36)."""
    talk = begun()
    talk.writes(chosen)
    turn = talk.writes(words)
    assert turn.reason == "complaint_staff"
    assert "責任者" in turn.note
    assert "さくら" not in turn.note
    assert "責任者が読むものとして" in talk.said


def test_clear_topics_and_the_room_are_heard_as_the_complaint() -> None:
    """Words that would be a question elsewhere are the complaint here, in LINE and in the room."""
    talk = begun()
    assert talk.fork().writes("言い方がきつかったです").reason == "complaint"
    assert talk.fork().writes("児童手当のこと").case == ""  # before it was said what about, a question is a question
    chosen = talk.fork()
    chosen.writes("ほかのこと")
    assert chosen.writes("一時預かりを断られてばかりです").reason == "complaint"
    talk.writes("LINEの外で書く")
    assert talk.memory["open"]["state"] == "room"
    assert talk.does("room_text", text="保育園の対応のことです").reason == "complaint"


def test_danger_in_a_complaint_comes_first() -> None:
    """Signals are heard before anything is taken as a complaint (CARE C31)."""
    talk = begun()
    turn = talk.is_heard(urgent("abuse", aspects=("facility_staff",)))
    assert (turn.case, turn.reason) == ("alarm", "signal")
    assert "safety.facility" in [reply.block for reply in turn.replies]


def test_what_is_written_afterwards_is_a_new_question() -> None:
    """One complaint is one; the desk goes on answering."""
    talk = begun()
    talk.writes("1")
    talk.writes("言い方がきつかったです")
    assert talk.writes("一時預かりはありますか").reason == ""
    assert talk.memory["open"]["name"] == "find_place"


async def test_the_number_in_line_is_the_one_that_staff_read(store: Store) -> None:
    """It is known when the turn is committed; the journal holds it too, and the reason is the case's."""
    worker = desk(store)
    await deliver(store, text("苦情を言いたい"), tap("complaint.staff"), text("言い方がきつかったです"))
    await worker.drain()
    (case,) = await store.read(lambda s: list(s.scalars(select(CaseRow))))
    assert case.reason == "complaint_staff"
    number = labels.short(case.id).removeprefix("相談 ")
    said = [message.get("text", "") for message in await sent(store)]
    assert any(f"番号は {number} です" in words for words in said)

    def written(session: Session) -> str:
        rows = session.scalars(select(Journal).order_by(Journal.id))
        return "".join(str(journal.body(session, row).get("text")) for row in rows)

    assert f"番号は {number} です" in await store.read(written)
