"""My data: what is kept, and that forgetting is real while no case is closed by it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot import cases, journal, memory
from bot.dialog import LATER
from bot.messages import Month
from bot.models import CaseRow, Job, Journal, Resident
from bot.profile import Profile
from bot.store import Store, enqueue_job
from tests.pipeline import NOW, deliver, text
from tests.real_desk import desk, tap
from tests.talk import DAY, Conversation, concern, urgent, view

FAMILY = Profile((Month(2024, 10),), Month(2027, 3), "川辺町")


def told(**facts: object) -> Conversation:
    """Return a talk in which something is remembered."""
    talk = Conversation(DAY, **facts)
    talk.writes("むらさきのぞう")
    talk.memory = FAMILY.within(talk.memory)
    return talk


def test_a_question_about_records_leads_here() -> None:
    """The answer to 「記録を消してほしい」 leads to what is kept, which is said in kinds."""
    talk = told()
    talk.writes("会話の記録を消してほしい")
    talk.writes("見る・直す・消す")
    assert talk.memory["open"]["name"] == "my_data"
    assert "5年" in talk.said
    assert "川辺" not in talk.said
    talk.view = replace(talk.view, city=replace(talk.view.city, keeps_records=""))
    talk.does("choice", act="my_data.show")
    assert "市の決まりによります" in talk.said


def test_forgetting_leaves_nothing_of_what_was_remembered() -> None:
    """Profile, words of the last minutes and open dialogs go; only the language and this talk's place stay."""
    talk = told()
    talk.memory["campaign"], talk.memory["places"] = "K7F3", ["place-1"]
    talk.writes("会話の記録を消してほしい")
    talk.does("choice", act="my_data.delete")
    turn = talk.writes("いますぐ消す")
    assert set(talk.memory) == {"v", "language", "open", "choices", "recent", "safety"}
    assert (talk.memory["recent"], talk.memory["safety"]) == ([], {})
    kept = json.dumps(talk.memory, ensure_ascii=False)
    for gone in ("むらさき", "2024", "川辺", "K7F3"):
        assert gone not in kept
    assert set(turn.stops) == set(LATER)
    assert turn.case == ""


def test_forgetting_closes_no_case_and_keeps_what_the_danger_was() -> None:
    """Abuse, dv and crisis stay read, and it is said (CARE C17)."""
    talk = told()
    talk.is_heard(concern("dv"))
    talk.does("choice", act="person.no")
    assert talk.view.case is not None
    talk.memory["safety"] = {"state": "alarmed", "data": {"trouble": "dv"}}
    turn = talk.does("choice", act="my_data.forget")
    assert turn.case == ""
    assert talk.view.case is not None
    assert talk.view.case.kinds == ("dv",)
    assert talk.memory["safety"]["data"]["trouble"] == "dv"
    assert "相談員が一度読みます" in talk.said


def test_while_danger_waits_nothing_is_deleted_by_a_button() -> None:
    """An old button does not push aside the words for somebody in danger (CARE C15)."""
    talk = told()
    talk.is_heard(urgent("crisis"))
    talk.does("choice", act="my_data.forget")
    assert "profile" in talk.memory


@pytest.mark.parametrize(("what", "note"), [("see", "見たい"), ("correct", "直して"), ("delete", "消して")])
def test_a_record_is_for_a_person(what: str, note: str) -> None:
    """Seeing, correcting and deleting open a case that says which; nothing of it is shown in LINE (CARE C24)."""
    talk = told()
    turn = talk.does("choice", act=f"my_data.ask:{what}")
    assert (turn.case, turn.reason) == ("open", "privacy")
    assert note in turn.note
    assert "まだだれも読んでいません" in talk.said
    assert talk.does("choice", act="my_data.ask:flown").case == ""


def test_stopping_means_only_when_they_write() -> None:
    """「連絡を止めたい」 is kept as CARE C21's own rule."""
    turn = told().does("choice", act="my_data.stop")
    assert turn.contact_safety == "when_writing"
    assert "remind" in turn.stops


def test_there_is_nothing_to_look_at_in_line() -> None:
    """A record is seen at a counter by the person herself (CARE C24)."""
    talk = told()
    talk.does("choice", act="my_data.see")
    assert "ご本人とたしかめて" in talk.said
    assert "大手町1-1" in talk.said


# --- on a real database ----------------------------------------------------------------------------------------------


async def test_what_was_remembered_is_gone_from_the_database(store: Store) -> None:
    """After the button the sealed memory holds nothing of it, and what was planned is taken back."""
    worker = desk(store)
    await deliver(store, text("むらさきのぞうをさがしています"))
    await worker.drain()
    (id,) = await store.read(lambda s: list(s.scalars(select(Resident.id))))
    await store.write(lambda s: memory.change_profile(s, id, lambda _before: FAMILY))
    await store.write(lambda s: enqueue_job(s, "remind", f"remind:{id}:x", NOW, {"resident_id": str(id)}))
    before = await store.read(lambda s: memory.look(s, id))
    assert "むらさき" in json.dumps(before, ensure_ascii=False)
    assert "profile" in before
    await deliver(store, tap("my_data.forget"))
    await worker.drain()
    after = json.dumps(await store.read(lambda s: memory.look(s, id)), ensure_ascii=False)
    for gone in ("むらさき", "profile", "川辺"):
        assert gone not in after
    assert await store.read(lambda s: list(s.scalars(select(Job.name).where(Job.name != "rich_menu")))) == []


async def test_a_wish_about_the_record_is_a_case_with_a_fact_for_staff(store: Store) -> None:
    """The reason is kept, and the console's journal holds what was chosen; it is no urgent case."""
    worker = desk(store)
    await deliver(store, text("こんにちは"), tap("my_data.ask:delete"))
    await worker.drain()
    (case,) = await store.read(lambda s: list(s.scalars(select(CaseRow))))
    assert (case.reason, case.severity, case.state) == ("privacy", "concern", "waiting")

    def notes(session: Session) -> list[str]:
        rows = session.scalars(select(Journal).where(Journal.who == "system", Journal.kind == "note"))
        return [journal.body(session, row)["text"] for row in rows]

    assert await store.read(notes) == ["相談の記録を消してほしいとの希望"]


async def test_a_case_keeps_what_it_is_asked_for_and_above_all_that_it_is_about_staff(store: Store) -> None:
    """A later wish joins the open case; what is about a member of staff is never covered again (CARE C36)."""
    worker = desk(store)
    await deliver(store, text("人と話す"))
    await worker.drain()
    (id,) = await store.read(lambda s: list(s.scalars(select(Resident.id))))

    async def reason_after(reason: str) -> str:
        def unit(session: Session) -> str:
            cases.apply(
                session, id, signals=(), event="open", reason=reason, journal_uid=None, at=NOW, city=view().city
            )
            return session.scalars(select(CaseRow)).one().reason

        return await store.write(unit)

    assert [await reason_after(r) for r in ("asked", "visit", "privacy", "complaint_staff", "visit", "complaint")] == [
        "asked", "visit", "privacy", "complaint_staff", "complaint_staff", "complaint_staff",
    ]  # fmt: skip
