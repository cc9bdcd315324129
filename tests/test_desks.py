"""Several desks: where a case goes and why, whom it waits for, whose turn it is, and what is promised."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bot import cases, memory
from bot import city as cities
from bot.cases import To
from bot.curation import By, FieldsRefusedError
from bot.errors import CaseMovedError, RefusedError
from bot.messages import Severity, Signal
from bot.models import Audit, CaseRow, Journal, Outbox, Resident
from bot.opening import TOKYO, Opening, Schedule
from bot.situation import Case, City, Desk
from bot.store import Store
from handoff import shift, taking, team
from handoff.console import today
from handoff.models import StaffSession
from handoff.team import Contact, Member
from tests.console_world import OWN_HAND, TIRED_EN, VANISH, World, a_resident, build, form, writes

NOON = datetime(2026, 11, 25, 12, tzinfo=TOKYO)  # Wednesday: all are open
EVENING = datetime(2026, 11, 25, 17, 30, tzinfo=TOKYO)  # only the late desk is
NIGHT = datetime(2026, 11, 26, 2, 10, tzinfo=TOKYO)


def weekdays(opens: int, closes: int) -> Opening:
    return Opening((Schedule((0, 1, 2, 3, 4), time(opens), time(closes)),))


PLAY = Desk("play", "ひろば", "基本型", weekdays(9, 17), languages=("ja", "en"))
CENTRE = Desk("centre", "センター", "こども家庭センター型", weekdays(9, 17), takes=("abuse", "dv", "crisis"))
NORTH = Desk("north", "北", "基本型", weekdays(9, 17), area=("北野",))
LATE = Desk("late", "夜", "特定型", weekdays(13, 20))
TOWN = City("ひなた市", (PLAY, CENTRE, NORTH, LATE))
DV = Signal("dv", Severity.CONCERN, (), "こわい", "ja.dv", "こわい", "self", "")
BY = By("staff:test", "たなか")


@pytest.fixture
async def world(store: Store) -> World:
    world = await build(store)
    world.clock.set(NOON, running=False)
    world.city = TOWN
    return world


async def hears(
    world: World, *signals: Signal, who: uuid.UUID | None = None, at: datetime = NOON, **more: Any
) -> CaseRow:
    """Let somebody write to the town of several desks, and return the case as it is then."""
    who = who or await a_resident(world.store)
    case = await writes(world.store, who, "x", *signals, at=at, city=TOWN, **more)
    assert case is not None
    return await row(world, case.id)


async def row(world: World, case_id: uuid.UUID) -> CaseRow:
    """Read a case's row."""

    def unit(session: Session) -> CaseRow:
        found = session.get_one(CaseRow, case_id, populate_existing=True)
        session.expunge(found)
        return found

    return await world.store.read(unit)


async def lives_in(world: World, who: uuid.UUID, area: str) -> None:
    """Let a family have told where it lives."""
    await world.store.write(lambda s: memory.keep(s, who, {"profile": {"area": area}}, 1))


async def signs_in(world: World, *roles: str) -> None:
    """Let these members of staff be here."""
    for role in roles:
        await world.signed_in(role, world.browser())


async def me(world: World, role: str = "specialist", **changes: Any) -> Member:
    """Return one of the staff, with other desks or capacity if so wished."""
    if changes:
        given: dict[str, Any] = {"desks": (), "languages": (), "skills": (), "capacity": 0, **changes}
        await world.store.write(lambda s: team.change(s, world.staff[role], **given, by=BY, at=NOON))
    found = await world.store.read(lambda s: team.member(s, world.staff[role]))
    assert found is not None
    return found


async def turn_of(world: World, who: Member, now: datetime = NOON, town: City = TOWN) -> list[uuid.UUID]:
    """Return the cases that somebody is given, in order."""
    found = await world.store.read(lambda s: taking.next_for(s, who, town, now, limit=20))
    return [one.row.id for one in found]


# --- where a case goes ------------------------------------------------------------------------------------------------


async def test_a_case_lies_at_the_desk_that_fits_and_says_why(world: World) -> None:
    asked = await hears(world, event="open", reason="asked")
    assert (asked.desk_id, asked.desk_why) == ("play", ["kind", "soonest"])
    english = await a_resident(world.store, language="en")
    tired = await hears(world, TIRED_EN, who=english)
    assert (tired.desk_id, tired.desk_why) == ("play", ["kind", "language"])
    from_the_north = await a_resident(world.store)
    await lives_in(world, from_the_north, "北野")
    assert (await hears(world, TIRED_EN, who=from_the_north)).desk_id == "north"
    assert (await hears(world, DV)).desk_why == ["kind"]
    assert (await hears(world, OWN_HAND, at=EVENING)).desk_id == "late"  # an urgent case goes where somebody is


async def test_it_moves_when_something_else_is_heard_unless_a_person_put_it_there(world: World) -> None:
    """A new kind or a graver word finds another desk; what a person placed, and what is held, stays."""
    who = await a_resident(world.store)
    assert (await hears(world, TIRED_EN, who=who)).desk_id == "play"
    assert (await hears(world, DV, who=who)).desk_id == "centre"
    placed = await a_resident(world.store)
    case = await hears(world, TIRED_EN, who=placed, event="open")
    await world.store.write(lambda s: cases.assign(s, case.id, world.staff["specialist"], To(desk_id="north"), NOON))
    after = await hears(world, DV, who=placed)
    assert (after.desk_id, after.desk_why, after.meant_for_id) == ("north", ["person"], None)
    held = await a_resident(world.store)
    case = await hears(world, TIRED_EN, who=held, event="open")
    await world.store.write(lambda s: cases.claim(s, case.id, world.staff["specialist"], NOON))
    assert (await hears(world, DV, who=held)).desk_id == "play"


async def test_a_failure_finds_a_desk_too(world: World) -> None:
    who = await a_resident(world.store)
    case = await world.store.write(lambda s: cases.open_for_failure(s, who, "dead_letter", EVENING, TOWN))
    assert (await row(world, case.id)).desk_id == "late"


# --- whom it waits for ----------------------------------------------------------------------------------------------


async def closed_by(world: World, role: str, **more: Any) -> uuid.UUID:
    """Let somebody talk with a family to the end; return the resident."""
    who = await a_resident(world.store)
    case = await hears(world, TIRED_EN, who=who, event="open", **more)

    def unit(session: Session) -> None:
        cases.claim(session, case.id, world.staff[role], NOON)
        cases.close(session, case.id, world.staff[role], NOON, name="x")

    await world.store.write(unit)
    return who


async def test_the_same_person_again(world: World) -> None:
    """A family that comes back waits for who talked with it last; anybody may still take it."""
    who = await closed_by(world, "supervisor")
    again = await hears(world, TIRED_EN, who=who, event="open", at=NOON + timedelta(days=3))
    assert (again.meant_for_id, again.meant_why) == (world.staff["supervisor"], "again")
    await world.store.write(lambda s: cases.claim(s, again.id, world.staff["specialist"], NOON))
    taken = await row(world, again.id)
    assert (taken.meant_for_id, taken.meant_why, taken.last_holder_id) == (None, "", world.staff["specialist"])


async def test_a_complaint_about_staff_waits_for_nobody_in_particular(world: World) -> None:
    """Who talked with the family may be whom it is about (CARE C36)."""
    who = await closed_by(world, "supervisor")
    new = await hears(world, who=who, event="open", reason="complaint_staff")
    assert (new.meant_for_id, new.meant_why) == (None, "")
    other = await closed_by(world, "supervisor")
    first = await hears(world, TIRED_EN, who=other, event="open")
    assert first.meant_for_id is not None
    joined = await hears(world, who=other, event="open", reason="complaint_staff")
    assert (joined.id, joined.meant_for_id) == (first.id, None)
    await world.store.write(lambda s: cases.claim(s, joined.id, world.staff["specialist"], NOON))
    await world.store.write(lambda s: cases.close(s, joined.id, world.staff["specialist"], NOON, name="x"))
    await world.store.write(lambda s: cases.reopen(s, joined.id, world.staff["supervisor"], NOON))
    assert (await row(world, joined.id)).meant_for_id is None


async def test_who_was_responsible_is_asked_first_when_it_gets_grave(world: World) -> None:
    who = await a_resident(world.store)
    case = await hears(world, TIRED_EN, who=who, event="open")

    def unit(session: Session) -> None:
        cases.claim(session, case.id, world.staff["specialist"], NOON)
        cases.release(session, case.id, world.staff["specialist"], NOON, name="さとう", agreed="また話す")

    await world.store.write(unit)
    waits = await hears(world, VANISH, who=who)
    assert (waits.state, waits.holder_id, waits.meant_for_id) == ("waiting", None, world.staff["specialist"])


async def test_a_case_is_handed_to_one_person_or_to_a_desk(world: World) -> None:
    mine, hers = world.staff["specialist"], world.staff["supervisor"]
    case = await hears(world, DV, event="open")
    await world.store.write(lambda s: cases.claim(s, case.id, mine, NOON))
    await world.store.write(lambda s: cases.transfer(s, case.id, mine, NOON, name="さとう", to=To(hers)))
    passed = await row(world, case.id)
    assert (passed.state, passed.meant_for_id, passed.meant_why) == ("waiting", hers, "asked")
    await world.store.write(lambda s: cases.assign(s, case.id, mine, To(desk_id="north"), NOON))
    placed = await row(world, case.id)
    assert (placed.desk_id, placed.desk_why, placed.meant_for_id) == ("north", ["person"], None)
    told = await world.store.read(
        lambda s: [r.detail for r in s.scalars(select(Audit).where(Audit.action == "case.assigned"))]
    )
    assert told == [{"desk": "north"}]


async def test_what_is_on_hold_gets_another_responsible_person(world: World) -> None:
    mine, hers = world.staff["specialist"], world.staff["supervisor"]
    case = await hears(world, DV, event="open")

    def unit(session: Session) -> None:
        cases.claim(session, case.id, mine, NOON)
        cases.release(session, case.id, mine, NOON, name="さとう", agreed="また話す")

    await world.store.write(unit)
    with pytest.raises(RefusedError, match="人を選んで"):
        await world.store.write(lambda s: cases.assign(s, case.id, mine, To(desk_id="north"), NOON))
    await world.store.write(lambda s: cases.assign(s, case.id, mine, To(hers), NOON))
    after = await row(world, case.id)
    assert (after.state, after.holder_id) == ("on_hold", hers)
    await world.store.write(lambda s: cases.claim(s, case.id, hers, NOON))
    with pytest.raises(CaseMovedError):
        await world.store.write(lambda s: cases.assign(s, case.id, mine, To(mine), NOON))


# --- whose turn it is -----------------------------------------------------------------------------------------------


async def test_the_next_is_mine_then_the_oldest_and_an_emergency_before_all(world: World) -> None:
    who = await me(world, desks=["play"])
    old = await hears(world, TIRED_EN, event="open", at=NOON - timedelta(minutes=30))
    young = await hears(world, TIRED_EN, event="open", at=NOON - timedelta(minutes=5))
    elsewhere = await hears(world, DV, event="open", at=NOON - timedelta(minutes=60))
    assert await turn_of(world, who) == [old.id, young.id]
    await world.store.write(lambda s: cases.assign(s, young.id, world.staff["supervisor"], To(who.id), NOON))
    assert await turn_of(world, who) == [young.id, old.id]
    grave = await hears(world, VANISH)
    assert grave.desk_id == "centre"
    assert (await turn_of(world, who))[0] == grave.id  # an emergency is for whoever asks
    assert await turn_of(world, await me(world, desks=["centre"])) == [grave.id, young.id, elsewhere.id]


async def test_what_waits_too_long_or_at_a_closed_desk_is_everybodys(world: World) -> None:
    who = await me(world, desks=["late"])
    case = await hears(world, DV, event="open", at=NOON)
    assert await turn_of(world, who) == []
    assert await turn_of(world, who, EVENING) == [case.id]  # the centre has closed
    fast = replace(TOWN, waiting_limits=replace(TOWN.waiting_limits, concern=900))
    assert await turn_of(world, who, NOON + timedelta(minutes=9), fast) == []
    assert await turn_of(world, who, NOON + timedelta(minutes=11), fast) == [case.id]
    assert await turn_of(world, await me(world, desks=[])) == [case.id]  # no desk: every desk


async def test_a_case_waits_for_its_person_while_she_is_here(world: World) -> None:
    case = await hears(world, TIRED_EN, who=await closed_by(world, "supervisor"), event="open")
    who = await me(world)
    assert await turn_of(world, who) == [case.id]  # she is not here: whoever is free
    await signs_in(world, "supervisor")
    assert await turn_of(world, who) == []
    assert await turn_of(world, await me(world, "supervisor")) == [case.id]


async def test_a_complaint_about_staff_is_nobodys_turn(world: World) -> None:
    await hears(world, event="open", reason="complaint_staff", at=NOON - timedelta(days=30))
    assert await turn_of(world, await me(world)) == []


async def test_who_is_full_is_given_emergencies_alone(world: World) -> None:
    first = await hears(world, TIRED_EN, event="open")
    await world.store.write(lambda s: cases.claim(s, first.id, world.staff["specialist"], NOON))
    who = await me(world, capacity=1)
    assert who.full
    await hears(world, OWN_HAND)
    assert await turn_of(world, who) == []
    grave = await hears(world, VANISH)
    assert await turn_of(world, who) == [grave.id]
    async with world.browser() as browser:
        csrf = await world.signed_in("specialist", browser)
        assert (await browser.post("/next", data=form(csrf))).headers["location"] == f"/cases/{grave.id}"
        refused = await browser.post("/next", data=form(csrf))
        assert refused.status_code == 422
        assert "いま2件を担当しています（めやすは1件）" in refused.text


async def test_the_refusal_says_whether_somebody_waits_elsewhere(world: World) -> None:
    await me(world, desks=["north"])
    async with world.browser() as browser:
        csrf = await world.signed_in("specialist", browser)
        assert "いま受けられる相談はありません" in (await browser.post("/next", data=form(csrf))).text
        await hears(world, DV, event="open")
        assert "ほかの窓口や、ほかの人あて" in (await browser.post("/next", data=form(csrf))).text


# --- seen, and answered later ---------------------------------------------------------------------------------------


async def says_later(world: World, case_id: uuid.UUID, until: datetime, role: str = "specialist") -> Case:
    return await world.store.write(lambda s: cases.answer_later(s, case_id, world.staff[role], NOON, until=until))


async def test_a_concern_is_read_now_and_answered_later(world: World) -> None:
    case = await hears(world, TIRED_EN, event="open")
    until = NOON + timedelta(hours=2)
    seen = await says_later(world, case.id, until)
    assert (seen.state, seen.answer_by) == ("waiting", until)
    assert await turn_of(world, await me(world, "supervisor")) == []  # although nobody of them is signed in
    assert await turn_of(world, await me(world)) == [case.id]
    assert await turn_of(world, await me(world, "supervisor"), until) == [case.id]  # the time is over
    with pytest.raises(CaseMovedError):
        await says_later(world, case.id, until, "supervisor")
    await says_later(world, case.id, until + timedelta(hours=1))  # she may say another time
    await world.store.write(lambda s: cases.claim(s, case.id, world.staff["supervisor"], NOON))
    taken = await row(world, case.id)
    assert (taken.meant_why, taken.answer_by_at) == ("", None)


async def test_a_promised_answer_stands_when_another_is_asked(world: World) -> None:
    """The desk goes on telling the family the time; it never says again that nobody has read."""
    case, until = await hears(world, TIRED_EN, event="open"), NOON + timedelta(hours=2)
    await says_later(world, case.id, until)
    for to in (To(world.staff["supervisor"]), To(desk_id="north")):
        await world.store.write(lambda s, to=to: cases.assign(s, case.id, world.staff["specialist"], to, NOON))
        assert (await row(world, case.id)).answer_by_at == until


@pytest.mark.parametrize("signal", [OWN_HAND, VANISH])
async def test_for_grave_cases_there_is_no_later(world: World, signal: Signal) -> None:
    case = await hears(world, signal)
    with pytest.raises(CaseMovedError):
        await says_later(world, case.id, NOON + timedelta(hours=1))


async def test_a_complaint_about_staff_is_not_answered_later(world: World) -> None:
    """The family would read the name of whom it may be about (CARE C36)."""
    case = await hears(world, event="open", reason="complaint_staff")
    with pytest.raises(CaseMovedError):
        await says_later(world, case.id, NOON + timedelta(hours=1))
    async with world.browser() as browser:
        await world.signed_in("supervisor", browser)
        page = (await browser.get(f"/cases/{case.id}")).text
    assert 'data-can="assign claim note"' in page


async def test_what_gets_graver_is_put_off_no_more(world: World) -> None:
    who = await a_resident(world.store)
    case = await hears(world, TIRED_EN, who=who, event="open")
    await says_later(world, case.id, NOON + timedelta(hours=2))
    grave = await hears(world, OWN_HAND, who=who)
    assert (grave.severity, grave.meant_why, grave.answer_by_at, grave.acknowledged_at) == (
        "urgent",
        "again",
        None,
        None,
    )
    assert await turn_of(world, await me(world, "supervisor")) == [case.id]


async def test_two_who_say_it_at_once_are_one(world: World) -> None:
    case = await hears(world, TIRED_EN, event="open")
    until = NOON + timedelta(hours=1)
    done = await asyncio.gather(
        *(says_later(world, case.id, until, role) for role in ("specialist", "supervisor")), return_exceptions=True
    )
    assert sorted(isinstance(one, CaseMovedError) for one in done) == [False, True]


async def posts(world: World, path: str, role: str = "specialist", **fields: str) -> Any:
    async with world.browser() as browser:
        csrf = await world.signed_in(role, browser)
        return await browser.post(path, data=form(csrf, **fields))


async def test_the_family_is_told_in_its_language_and_a_promise_stays(world: World) -> None:
    """LINE says who has read and until when; the promise is open until somebody answers (CARE C13, C32)."""
    case = await hears(world, TIRED_EN, event="open")
    answer = await posts(world, f"/cases/{case.id}/seen", until="2026-11-25T15:00+09:00")
    assert answer.status_code == 303

    def told(session: Session) -> tuple[list[str], str, list[shift.Promised]]:
        rows = session.scalars(select(Outbox).where(Outbox.case_id == case.id))
        notice = session.scalars(select(Journal).where(Journal.kind == "notice")).one()
        return [row.origin for row in rows], notice.who, shift.promises(session)

    origins, who, promises = await world.store.read(told)
    assert (origins, who) == (["notice"], "system")
    assert [(one.kind, one.due, one.staff_id) for one in promises] == [
        ("answer", datetime(2026, 11, 25, 15, tzinfo=TOKYO), world.staff["specialist"])
    ]
    await world.store.write(lambda s: cases.claim(s, case.id, world.staff["supervisor"], NOON))
    key = str(uuid.uuid4())
    said = await posts(world, f"/cases/{case.id}/reply", "supervisor", words="読みました", place="room", key=key)
    assert said.status_code == 303
    assert await world.store.read(shift.promises) == []


async def test_nothing_is_sent_where_the_family_must_not_be_called(world: World) -> None:
    """CARE C21: only while she writes; colleagues see the promise all the same."""
    who = await a_resident(world.store, contact_safety="when_writing")
    case = await hears(world, TIRED_EN, who=who, event="open")
    await world.store.write(lambda s: s.execute(update(Resident).values(last_inbound_db=0.0)))
    await posts(world, f"/cases/{case.id}/seen", until="2026-11-25T15:00+09:00")
    assert await world.store.read(lambda s: s.scalars(select(Outbox)).all()) == []
    assert len(await world.store.read(shift.promises)) == 1


@pytest.mark.parametrize("until", ["", "bald", "2026-11-25T11:00+09:00", "2026-12-25T11:00+09:00"])
async def test_a_time_that_cannot_be_promised_is_refused(world: World, until: str) -> None:
    case = await hears(world, TIRED_EN, event="open")
    assert (await posts(world, f"/cases/{case.id}/seen", until=until)).status_code == 422
    assert (await row(world, case.id)).meant_why == ""


# --- promises, notes and handing over -------------------------------------------------------------------------------


async def test_what_was_agreed_is_a_promise_until_somebody_kept_it(world: World) -> None:
    case = await hears(world, DV, event="open")
    await world.store.write(lambda s: cases.claim(s, case.id, world.staff["specialist"], NOON))
    await posts(world, f"/cases/{case.id}/release", agreed="保健師から電話します", next="2026-11-26")
    (one,) = await world.store.read(shift.promises)
    assert (one.words, one.due) == ("保健師から電話します", datetime(2026, 11, 26, 23, 59, tzinfo=TOKYO))
    async with world.browser() as browser:
        await world.signed_in("supervisor", browser)
        page = (await browser.get("/today")).text
        assert "保健師から電話します" in page
        assert "blurred" in page
        assert "blurred" not in (await browser.get("/today?words=show")).text
    await posts(world, f"/promises/{one.id}/kept", "supervisor")
    assert await world.store.read(shift.promises) == []
    assert (await posts(world, f"/promises/{one.id}/kept")).status_code == 303  # done is done
    assert (await posts(world, f"/promises/{uuid.uuid4()}/kept")).status_code == 422
    async with world.browser() as browser:  # marked by mistake: the page offers to take it back
        await world.signed_in("specialist", browser)
        assert f"/promises/{one.id}/open" in (await browser.get(f"/today?kept={one.id}")).text
    for _ in range(2):
        assert (await posts(world, f"/promises/{one.id}/open")).status_code == 303
    assert await world.store.read(shift.promises) == [one]
    assert (await posts(world, f"/promises/{uuid.uuid4()}/open")).status_code == 422


async def test_a_promise_outlives_the_words_of_a_destroyed_file(world: World) -> None:
    case = await hears(world, DV, event="open")
    await world.store.write(
        lambda s: shift.promise(s, case.id, case.resident_id, world.staff["specialist"], "agreed", "電話", NOON, None)
    )
    await world.store.destroy_key(f"resident:{case.resident_id}")
    (one,) = await world.store.read(shift.promises)
    assert (one.case_id, one.words) == (case.id, "")


async def test_notes_to_the_next_shift_stay_three_days(world: World) -> None:
    assert (await posts(world, "/today/notes", text=" ")).status_code == 422
    await posts(world, "/today/notes", text="鍵は右の引き出し")
    (left,) = await world.store.read(lambda s: shift.left_notes(s, NOON))
    assert (left.text, left.staff_id) == ("鍵は右の引き出し", world.staff["specialist"])
    assert await world.store.read(lambda s: shift.left_notes(s, NOON + timedelta(days=3))) == []


async def test_all_is_handed_over_or_nothing(world: World) -> None:
    """Held cases go back to the queue for her, what is on hold becomes hers; one that cannot go stops the others."""
    mine, hers = world.staff["specialist"], world.staff["supervisor"]
    held, kept, waits, foreign = [await hears(world, TIRED_EN, event="open") for _ in range(4)]

    def unit(session: Session) -> None:
        cases.claim(session, held.id, mine, NOON)
        cases.claim(session, kept.id, mine, NOON)
        cases.release(session, kept.id, mine, NOON, name="さとう", agreed="また話す")
        cases.assign(session, waits.id, hers, To(mine), NOON)
        cases.claim(session, foreign.id, hers, NOON)

    await world.store.write(unit)
    async with world.browser() as browser:
        csrf = await world.signed_in("specialist", browser)
        fields = {"csrf": csrf, "to": str(hers), "note": "電話を待っています"}
        cases_of = [str(one.id) for one in (held, kept, waits)]
        refused = await browser.post("/today/hand-over", data={**fields, "case": [*cases_of, str(foreign.id)]})
        assert refused.status_code == 422
        assert (await row(world, held.id)).state == "claimed"
        for missing in ("to", "note"):
            assert (
                await browser.post("/today/hand-over", data={**fields, "case": cases_of, missing: ""})
            ).status_code == 422
        assert (await browser.post("/today/hand-over", data=fields)).status_code == 422  # none was chosen
        assert (await browser.post("/today/hand-over", data={**fields, "case": ["x"]})).status_code == 422
        assert (await browser.post("/today/hand-over", data={**fields, "case": cases_of})).status_code == 303
    after = [await row(world, one.id) for one in (held, kept, waits)]
    assert [(one.state, one.holder_id, one.meant_for_id) for one in after] == [
        ("waiting", None, hers),
        ("on_hold", hers, None),
        ("waiting", None, hers),
    ]


async def test_a_complaint_about_staff_is_handed_to_a_supervisor_only(world: World) -> None:
    case = await hears(world, event="open", reason="complaint_staff")

    async def asked(role: str, to: str) -> int:
        return int((await posts(world, f"/cases/{case.id}/assign", role, to=str(world.staff[to]))).status_code)

    assert await asked("supervisor", "specialist") == 422
    assert await asked("supervisor", "officer") == 422  # holds no talks
    assert await asked("specialist", "supervisor") == 403  # she may not even read it


async def test_only_the_responsible_or_a_supervisor_passes_on_what_is_on_hold(world: World) -> None:
    case = await hears(world, DV, event="open")

    def unit(session: Session) -> None:
        cases.claim(session, case.id, world.staff["supervisor"], NOON)
        cases.release(session, case.id, world.staff["supervisor"], NOON, name="たなか", agreed="また話す")

    await world.store.write(unit)
    to = str(world.staff["specialist"])
    assert (await posts(world, f"/cases/{case.id}/assign", "specialist", to=to)).status_code == 403
    assert (await posts(world, f"/cases/{case.id}/assign", "supervisor", to=to)).status_code == 303


# --- the day --------------------------------------------------------------------------------------------------------


async def test_the_day_shows_the_night_the_promises_and_who_has_what(world: World) -> None:
    night, earlier = await hears(world, VANISH, at=NIGHT), await hears(world, TIRED_EN, event="open", at=NOON)
    returning = await hears(world, DV, at=NOON, event="open")
    await hears(world, DV, who=returning.resident_id, at=NIGHT)
    morning = NIGHT.replace(hour=9, minute=30)
    world.clock.set(morning, running=False)
    await world.store.write(
        lambda s: cases.assign(s, earlier.id, world.staff["supervisor"], To(world.staff["specialist"]), morning)
    )
    async with world.browser() as browser:
        await world.signed_in("specialist", browser)
        page = (await browser.get("/today")).text
    part = page[page.index("night-title") : page.index("due-title")]
    assert "11月25日（水）20:00 から 11月26日（木）09:00 まで" in part
    assert "2人が書き、2件に人が必要です" in part
    assert str(night.id) in part
    assert str(returning.id) in part  # opened by day, heard again at night
    assert str(earlier.id) not in part
    assert "「09:00に人が読む」と伝えてあります" in part
    matters = page[page.index("matters-title") :]
    assert "あなた" in matters
    assert str(earlier.id) in matters


async def test_ones_own_are_all_there_however_much_others_have(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is cut is said; at the end of a shift nothing of one's own may be missing."""
    monkeypatch.setattr(today, "SHOWN", 1)
    mine, hers = world.staff["specialist"], world.staff["supervisor"]
    made = [await hears(world, TIRED_EN, event="open") for _ in range(4)]
    for case, who in zip(made, (mine, mine, hers, hers), strict=True):
        await world.store.write(lambda s, case=case, who=who: cases.claim(s, case.id, who, NOON))
    async with world.browser() as browser:
        await world.signed_in("specialist", browser)
        page = (await browser.get("/today")).text
    matters = page[page.index("matters-title") :]
    assert all(str(case.id) in matters for case in made[:2])
    assert sum(str(case.id) in matters for case in made[2:]) == 1
    assert "ほかの人の相談があと1件あります" in matters


# --- the team -------------------------------------------------------------------------------------------------------


async def test_what_somebody_is_there_for_is_kept_and_checked(world: World) -> None:
    who = world.staff["specialist"]
    fields = {"desks": "play", "languages": "vi", "skills": "保健師、 通訳", "capacity": "3", "call": "000-555-0009"}
    assert (await posts(world, f"/team/{who}", "supervisor", **fields)).status_code == 303
    one = await me(world)
    assert (one.desks, one.languages, one.skills, one.capacity) == (("play",), ("vi",), ("保健師", "通訳"), 3)
    assert await world.store.read(lambda s: team.contact(s, who)) == Contact("", "000-555-0009")
    wrong = await posts(world, f"/team/{who}", "supervisor", **{**fields, "capacity": "99", "call": "うち"})
    assert "20までの数に" in wrong.text
    assert (await me(world)).capacity == 3
    wrong = await posts(world, f"/team/{who}", "supervisor", **{**fields, "mail": "nobody"})
    assert "メールアドレスの形ではありません" in wrong.text
    assert (await me(world)).capacity == 3  # all or nothing
    with pytest.raises(FieldsRefusedError):
        await me(world, skills=["あ" * 21])
    async with world.browser() as browser:
        await world.signed_in("officer", browser)
        assert "000-555-0009" not in (await browser.get("/team")).text
    assert (await posts(world, f"/team/{uuid.uuid4()}", "supervisor", **fields)).status_code == 422


async def test_a_roster_for_weeks_and_who_is_on_call(world: World) -> None:
    who, other = world.staff["specialist"], world.staff["supervisor"]
    fields = {"staff": str(who), "day": "2026-11-25", "begins": "17:15", "ends": "08:30", "weeks": "3"}
    assert (await posts(world, "/team/duties", "supervisor", **fields)).status_code == 303
    await posts(world, "/team/duties", "supervisor", **fields)  # the same again adds nothing
    found = await world.store.read(lambda s: team.duties(s, NOON, NOON + timedelta(days=30)))
    assert [(one.name, one.since.astimezone(TOKYO).day) for one in found] == [
        ("さとう", 25),
        ("さとう", 2),
        ("さとう", 9),
    ]
    assert found[0].until == datetime(2026, 11, 26, 8, 30, tzinfo=TOKYO)
    assert await world.store.read(lambda s: team.on_call(s, NIGHT)) == []  # she left no number
    await world.store.write(lambda s: team.set_contact(s, who, Contact("a@b.example", ""), BY, NOON))
    assert await world.store.read(lambda s: team.on_call(s, NIGHT)) == [Contact("a@b.example", "")]
    assert await world.store.read(lambda s: team.on_call(s, NOON)) == []
    await world.store.write(lambda s: team.add_duty(s, other, "play", NIGHT, NIGHT + timedelta(hours=1), BY, NOON))
    assert len(await world.store.read(lambda s: team.on_call(s, NIGHT))) == 1  # who stands at a desk is not on call
    await posts(world, f"/team/duties/{found[0].id}/remove", "supervisor")
    assert await world.store.read(lambda s: team.on_call(s, NIGHT)) == []
    for wrong in (
        {"day": ""},
        {"day": "2026-11-20"},
        {"begins": "x"},
        {"desk": "nowhere"},
        {"staff": str(uuid.uuid4())},
    ):
        assert (await posts(world, "/team/duties", "supervisor", **{**fields, **wrong})).status_code == 422


async def test_who_is_here_is_who_did_something_lately(world: World) -> None:
    await signs_in(world, "specialist")
    assert (await me(world)).here
    assert not (await me(world, "supervisor")).here
    await world.store.write(lambda s: s.execute(update(StaffSession).values(seen_db=0.0)))
    assert not (await me(world)).here


async def test_a_desk_says_that_it_is_with_children(world: World) -> None:
    """Every process that loads the city learns of it, and it ends by itself."""
    document = {"name": "ひなた市", "desks": [{"id": "play", "name": "ひろば", "type": "基本型"}]}
    await world.store.write(lambda s: cities.save(s, document, NOON, "test"))
    assert (await posts(world, "/desks/play/with-children", minutes="30")).status_code == 303
    loaded = await world.store.read(cities.load)
    assert loaded is not None
    assert loaded.desks[0].with_children_until == NOON + timedelta(minutes=30)
    await posts(world, "/desks/play/with-children", minutes="0")
    loaded = await world.store.read(cities.load)
    assert loaded is not None
    assert loaded.desks[0].with_children_until is None
    assert (await posts(world, "/desks/nowhere/with-children", minutes="30")).status_code == 422
    assert (await posts(world, "/desks/play/with-children", minutes="45")).status_code == 422
