"""Practice with invented families: the same console and desk over a file of its own, and nothing of it is ever real."""

from __future__ import annotations

import asyncio
import os
import socket
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.routing import Mount

from bot import library
from bot.errors import ContentError, MadoguchiError, RefusedError
from bot.line.client import LineClient
from bot.models import Audit, Base, CaseRow, Job, Journal, Outbox, Resident, SignalRow
from bot.outbox import OutboxSender
from bot.practice import Family
from bot.schedule import Scheduler
from bot.store import Store
from handoff import alarms, calling, practice
from handoff.models import Practised, Staff
from handoff.practice import Begun, Practice, Practices
from handoff.staff import Actor
from tests.conftest import SECRET_KEY
from tests.console_world import BASE, NOW, World, build, csrf_of, form, practising

FAMILIES = library.practice()
#: family -> severity, one of the kinds or the reason for which a person is called
CALLED = {
    "night": ("emergency", "abuse"),
    "dv": ("urgent", "dv"),
    "vietnamese": ("urgent", "crisis"),
    "father": ("concern", "anxiety"),
    "child": ("urgent", "abuse"),
    "complaint": ("concern", "complaint"),
}
ME = Actor(uuid.UUID(int=7), "minami", "みなみ", "specialist")


@pytest.fixture
async def practices(tmp_path: Path) -> AsyncIterator[Practices]:
    """Give practices in a folder of their own."""
    found = practising(tmp_path / "practice", BASE, "/console/practice")
    yield found
    await found.close()


@pytest.fixture
async def world(sqlite_store: Store) -> AsyncIterator[World]:
    """Give the real console, in which one practises."""
    found = await build(sqlite_store)
    assert found.practices is not None
    yield found
    await found.practices.close()


@asynccontextmanager
async def browser(*practices: Practices, cookie: str = "") -> AsyncIterator[httpx.AsyncClient]:
    """Give a browser before a process that serves these practices (and a second one at /other)."""
    routes = [Mount(path, one) for path, one in zip(("/practice", "/other"), practices, strict=False)]
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(Starlette(routes=routes)),
        base_url=BASE,
        headers={"origin": BASE, "sec-fetch-site": "same-origin"},
        cookies={practices[0].cookie: cookie} if cookie else {},
    ) as found:
        yield found


async def opened(practices: Practices) -> Practice:
    """Return the practice that ME has begun, standing still; only the test moves its clock and lets it go on."""
    begun = practices.of(ME.id)
    assert begun is not None
    found = await practices._practice(begun)
    assert found is not None
    found.clock.set(found.family.at, running=False)
    found.stepped = time.monotonic() + 1e6
    return found


async def later(one: Practice, seconds: float) -> None:
    """Let time go on, and the practice with it."""
    one.clock.set(one.clock.now() + timedelta(seconds=seconds), running=False)
    await one.step()


async def heard(one: Practice) -> list[tuple[str, str]]:
    """Return where the family has written what, the button and greeting left out."""
    from bot import journal

    def unit(session: Session) -> list[tuple[str, str]]:
        rows = session.scalars(select(Journal).where(Journal.who == "resident").order_by(Journal.id))
        return [(row.place, str(journal.body(session, row).get("text"))) for row in rows if row.kind != "follow"]

    return await one.store.read(unit)


async def the_case(one: Practice) -> CaseRow:
    def unit(session: Session) -> CaseRow:
        row = session.scalars(select(CaseRow)).one()
        session.expunge(row)
        return row

    return await one.store.read(unit)


async def claims(page: httpx.AsyncClient, one: Practice, root: str = "/practice") -> tuple[str, str]:
    """Take the case in the practised console; return its address and the token of its forms."""
    address = f"{root}/cases/{(await the_case(one)).id}"
    csrf = csrf_of((await page.get(address)).text)
    answer = await page.post(f"{address}/claim", data=form(csrf))
    assert answer.status_code == 303, answer.text
    return address, csrf


async def says(page: httpx.AsyncClient, address: str, csrf: str, words: str, place: str = "room") -> None:
    fields = form(csrf, words=words, place=place, key=str(uuid.uuid4()))
    answer = await page.post(f"{address}/reply", data=fields)
    assert answer.status_code == 303, answer.text


# --- the families -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
async def test_a_family_calls_a_person_and_answers_to_the_end(practices: Practices, family: Family) -> None:
    """It is heard as it is meant, waits, answers in order after each reply, and the desk is silent while it is held."""
    async with browser(practices, cookie=await practices.begin(ME, family.id)) as page:
        one = await opened(practices)
        severity, why = CALLED[family.id]
        case = await the_case(one)
        assert (case.state, case.severity) == ("waiting", severity)
        assert why in (*case.kinds, case.reason)
        assert [text for _place, text in await heard(one)] == [line.text for line in family.opens]
        queue = (await page.get("/practice/")).text
        assert "練習です。ここのご家族は実在しません。" in queue
        assert str(case.id) in queue
        address, csrf = await claims(page, one)
        desk = select(func.count()).select_from(Journal).where(Journal.who == "desk")
        spoken = await one.store.read(lambda s: s.scalar(desk))
        assert spoken  # before anybody came the desk had answered, as it does
        for number, line in enumerate(family.answers):
            await one.step()
            assert len(await heard(one)) == len(family.opens) + number  # it waits for a person's words
            await says(page, address, csrf, f"返事{number}")
            await one.step()
            assert len(await heard(one)) == len(family.opens) + number  # and then a moment
            await later(one, line.seconds)
            assert (await heard(one))[-1] == ("room", line.text)
        await says(page, address, csrf, "また書いてください")
        await later(one, 3600)
        assert len(await heard(one)) == len(family.opens) + len(family.answers)
        assert await one.store.read(lambda s: s.scalar(desk)) == spoken
        talk = (await page.get(address)).text
        assert "まだ読まれていません" in talk  # the last words: nobody answers any more
        assert "読まれました" in talk
        assert "送信待ち" not in talk
        review = (await page.get("/practice/review")).text
        assert all(question.ask in review and question.because in review for question in family.review)


def test_every_family_is_expected() -> None:
    assert set(CALLED) == set(FAMILIES)


async def test_a_foreign_familys_words_carry_their_meaning(practices: Practices) -> None:
    """Signals are glossed in the talk; the review has every line with its meaning (CARE C28)."""
    async with browser(practices, cookie=await practices.begin(ME, "vietnamese")) as page:
        one = await opened(practices)
        gloss = await one.store.read(lambda s: s.scalars(select(SignalRow.gloss)).first())
        assert gloss
        assert gloss in (await page.get(f"/practice/cases/{(await the_case(one)).id}")).text
        review = (await page.get("/practice/review")).text
        assert all(line.means in review for line in (*one.family.opens, *one.family.answers))


async def test_words_that_line_may_not_tell_are_answered_when_she_writes_herself(practices: Practices) -> None:
    """CARE C21 is practised too: with words only in the room and no notice the family comes back by herself, later."""
    async with browser(practices, cookie=await practices.begin(ME, "dv")) as page:
        one = await opened(practices)
        address, csrf = await claims(page, one)
        await one.store.write(lambda s: s.execute(update(Resident).values(last_inbound_db=0.0)))
        await says(page, address, csrf, "読みました")
        await later(one, 29)
        assert len(await heard(one)) == 2
        await later(one, 1)
        assert (await heard(one))[-1] == ("line", one.family.answers[0].text)


async def test_a_claim_that_nobody_lives_in_lapses(practices: Practices) -> None:
    """CARE C16 is practised too."""
    async with browser(practices, cookie=await practices.begin(ME, "night")) as page:
        one = await opened(practices)
        await claims(page, one)
        past = update(CaseRow).values(activity_db=CaseRow.activity_db - 200, unanswered_since_db=1.0)
        await one.store.write(lambda s: s.execute(past))
        await one.step()
        assert (await the_case(one)).state == "waiting"


async def test_the_colleague_reads_along_in_an_emergency(practices: Practices) -> None:
    async with browser(practices, cookie=await practices.begin(ME, "night")) as page:
        one = await opened(practices)
        address, _csrf = await claims(page, one)
        assert (await the_case(one)).second_wanted_at is not None
        await later(one, 19)
        assert (await the_case(one)).second_id is None
        await later(one, 1)
        assert f"いっしょに読む人: {practice.COLLEAGUE}" in (await page.get(address)).text
        assert "までに、対応した人どうしで話します" in (await page.get(address)).text  # the debriefing, too


async def test_what_belongs_to_talks_is_there_and_nothing_else(practices: Practices) -> None:
    async with browser(practices, cookie=await practices.begin(ME, "night")) as page:
        one = await opened(practices)
        address, _csrf = await claims(page, one)
        for path in ("/", "/today", "/team", "/phrases", "/cases", "/night-sheet", "/alarms", "/review"):
            assert (await page.get(f"/practice{path}")).status_code == 200, path
        for path in (f"{address}/emergency", f"{address}/places", f"{address}/phrases"):
            assert (await page.get(path)).status_code == 200, path
        assert "000-555-5101" in (await page.get(f"{address}/emergency")).text  # invented: it rings nowhere
        for path in ("/directory", "/directory/imports", "/agencies", "/people", "/practice"):
            assert (await page.get(f"/practice{path}")).status_code == 404, path


# --- nothing of it is real --------------------------------------------------------------------------------------------


@pytest.fixture
def nothing_sends(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Let everything that could send, or open a connection, be noted; yields what was noted."""
    noted: list[str] = []

    def made(kind: type) -> Any:
        return lambda *_args, **_more: noted.append(kind.__name__)

    for kind in (OutboxSender, Scheduler, LineClient, alarms.Caller, calling.Mail, calling.Hook):
        monkeypatch.setattr(kind, "__init__", made(kind))

    def connect(_self: socket.socket, address: object) -> None:
        noted.append(f"connect {address}")
        raise OSError(f"no connection to {address}")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect)
    return noted


async def test_nothing_is_ever_sent(practices: Practices, nothing_sends: list[str]) -> None:
    """An emergency is let ring, taken, answered, asked for its number, handed on: no sender exists, no line is opened.

    Seen to fail with a Caller or a Mail made in `Practices`, and with one request by httpx in `Practice.step`.
    """
    async with browser(practices, cookie=await practices.begin(ME, "night")) as page:
        one = await opened(practices)
        await later(one, 600)  # it rings, and nobody is called
        address, csrf = await claims(page, one)
        await says(page, address, csrf, "読みました")
        await later(one, 150)
        await says(page, address, csrf, "119に電話できますか")
        asked = form(csrf, what="phone", place="best", key=str(uuid.uuid4()))
        assert (await page.post(f"{address}/ask", data=asked)).status_code == 303
        await later(one, 60)
        assert (await page.post(f"{address}/transfer", data=form(csrf, note="お願いします"))).status_code == 303
        await later(one, 60)
        waiting = select(func.count()).select_from(Outbox).where(Outbox.state != "accepted")
        assert await one.store.read(lambda s: s.scalar(waiting)) == 0
        done = select(func.count()).select_from(Job).where(Job.done_at.is_not(None))
        assert await one.store.read(lambda s: s.scalar(done)) == 0  # nobody runs what was planned
        called = select(func.count()).select_from(Audit).where(Audit.action.in_(("alarm.called", "alarm.failed")))
        assert await one.store.read(lambda s: s.scalar(called)) == 0
    assert nothing_sends == []


async def counts(store: Store) -> dict[str, int]:
    """Count the rows of every table."""

    def unit(session: Session) -> dict[str, int]:
        tables = Base.metadata.sorted_tables
        return {table.name: session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}

    return await store.read(unit)


async def test_the_real_store_learns_who_practised_and_nothing_else(world: World) -> None:
    """From the real console into a practice, a talk there, and back: one row, one line of the audit."""
    assert world.practices is not None
    app = Starlette(routes=[Mount("/practice-room", world.practices), Mount("/", world.app)])
    world.practices.root = "/practice-room"
    async with world.browser() as page:
        page._transport = httpx.ASGITransport(app)
        csrf = await world.signed_in("specialist", page)
        before = await counts(world.store)
        answer = await page.post("/practice/begin", data=form(csrf, family="child"))
        assert (answer.status_code, answer.headers["location"]) == (303, "/practice-room/")
        begun = world.practices.of(world.staff["specialist"])
        assert begun is not None
        one = await world.practices._practice(begun)
        assert one is not None
        address, token = await claims(page, one, "/practice-room")
        await says(page, address, token, "よんだよ")
        assert await counts(world.store) == before
        assert "いま開いている練習: 自分で書いてきた子ども" in (await page.get("/practice")).text
        assert (await page.post("/practice/end", data=form(csrf, done="yes"))).status_code == 303
        assert (await page.post("/practice/end", data=form(csrf, done="yes"))).status_code == 303  # pressed twice
        after = await counts(world.store)
        assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
            "practised": 1,
            "audit": 1,
        }
        assert "練習しました 02:10" in (await page.get("/practice")).text
        assert list(world.practices.folder.iterdir()) == []
        gone = await page.get("/practice-room/")
        assert gone.headers["location"] == "/practice"


async def test_neither_cookie_opens_the_other_console(world: World) -> None:
    assert world.practices is not None
    async with world.browser() as page:
        csrf = await world.signed_in("specialist", page)
        await page.post("/practice/begin", data=form(csrf, family="father"))
        real, practised = page.cookies["madoguchi-staff"], page.cookies[world.practices.cookie]
        for name in ("madoguchi-staff", world.practices.cookie):
            for value, opens in ((real, name == "madoguchi-staff"), (practised, False)):
                answer = await page.get("/today", headers={"cookie": f"{name}={value}"})
                assert (answer.status_code == 200) is opens, (name, answer.status_code)
        async with browser(world.practices) as other:
            for name in ("madoguchi-staff", world.practices.cookie):
                for value, opens in ((real, False), (practised, name == world.practices.cookie)):
                    answer = await other.get("/practice/today", headers={"cookie": f"{name}={value}"})
                    assert (answer.status_code == 200) is opens, (name, answer.status_code)


@pytest.mark.parametrize(
    "cookie", ["", "x", "../../etc/passwd", f"{'0' * 32}.{'a' * 43}", f"{'0' * 32}.", f"*.{'a' * 43}"]
)
async def test_a_made_up_cookie_leads_home(practices: Practices, cookie: str) -> None:
    await practices.begin(ME, "father")
    async with browser(practices) as page:
        headers = {"cookie": f"{practices.cookie}={cookie}"}
        for path in ("/", "/today", "/cases", "/sign-in", "/static/console.css"):
            answer = await page.get(f"/practice{path}", headers=headers)
            assert (answer.status_code, answer.headers.get("location")) == (303, "/console/practice"), path
        assert (await page.post("/practice/next", headers=headers)).status_code == 401
        assert (await page.get("/practice/alarms", headers=headers | {"accept": "application/json"})).status_code == 401


async def test_nobody_signs_in_to_a_practice_and_a_session_of_its_own_ends_there(practices: Practices) -> None:
    """The accounts have no password; a wrong session of the right file is sent home by way of signing in."""
    cookie = await practices.begin(ME, "father")
    id = cookie.partition(".")[0]
    async with browser(practices) as page:
        answer = await page.get("/practice/", headers={"cookie": f"{practices.cookie}={id}.{'a' * 43}"})
        assert answer.headers["location"] == "/practice/sign-in"
        one = await opened(practices)
        hashes = await one.store.read(lambda s: set(s.scalars(select(Staff.password_hash))))
        assert hashes == {""}
        tried = await page.post(
            "/practice/sign-in",
            data={"login": "practice", "password": "kumo-to-haru-no-yama-72"},
            headers={"cookie": f"{practices.cookie}={cookie}"},
        )
        assert tried.status_code == 401


# --- files and processes ----------------------------------------------------------------------------------------------


async def test_to_begin_anew_throws_away_what_was(practices: Practices) -> None:
    first = await practices.begin(ME, "night")
    second = await practices.begin(ME, "dv")
    begun = practices.of(ME.id)
    assert begun is not None
    assert (begun.family, begun.id) == ("dv", second.partition(".")[0])
    assert {path.name.split(".")[2] for path in practices.folder.iterdir()} == {begun.id}
    async with browser(practices) as page:
        for cookie, status in ((first, 303), (second, 200)):
            answer = await page.get("/practice/", headers={"cookie": f"{practices.cookie}={cookie}"})
            assert answer.status_code == status


async def test_another_process_finds_the_practice_and_each_line_comes_once(practices: Practices) -> None:
    """The browser's next request may go to any process; both let the same practice go on."""
    other = practising(practices.folder, BASE, "/console/practice")
    cookie = await practices.begin(ME, "father")
    async with browser(practices, other, cookie=cookie) as page:
        one, twin = await opened(practices), await opened(other)
        assert (await page.get("/other/")).status_code == 200
        address, csrf = await claims(page, twin, "/other")
        for number, line in enumerate(one.family.answers[:2]):
            await says(page, address.replace("/other", "/practice"), csrf, f"返事{number}")
            for each in (one, twin):
                each.clock.set(each.clock.now() + timedelta(seconds=line.seconds), running=False)
            await asyncio.gather(one.step(), twin.step())
            assert [text for _place, text in await heard(one)].count(line.text) == 1
        await other.end(ME.id)
        assert (await page.get("/practice/")).status_code == 303  # thrown away over there
    await practices.sweep()
    assert practices._open == {}
    await other.close()


async def test_the_installs_own_key_opens_no_practice(practices: Practices) -> None:
    """A practice has a key of its own: nothing of it is ever read as real. Seen to fail with the same key."""
    await practices.begin(ME, "night")
    begun = practices.of(ME.id)
    assert begun is not None
    real = Store(f"sqlite:///{begun.path}", SECRET_KEY)
    try:
        with pytest.raises(MadoguchiError):
            await real.open()
    finally:
        await real.close()


async def test_the_clock_goes_on_in_every_process_alike(practices: Practices) -> None:
    """What one process shows as two minutes ago is not ten minutes ago in the next."""
    await practices.begin(ME, "night")
    begun = practices.of(ME.id)
    assert begun is not None
    other = practising(practices.folder, BASE, "/console/practice")
    one, twin = await practices._practice(begun), await other._practice(begun)
    assert one is not None
    assert twin is not None
    assert abs((one.clock.now() - twin.clock.now()).total_seconds()) < 1
    assert timedelta() <= one.clock.now() - one.family.at < timedelta(minutes=5)
    await other.close()


async def test_old_practices_are_swept_and_idle_ones_closed(practices: Practices) -> None:
    """A file that outlived every session goes; one that nobody looks at is closed, and opened again when asked for."""
    cookie = await practices.begin(ME, "father")
    one = await opened(practices)
    one.seen -= practice.IDLE_SECONDS + 1
    await practices.sweep()
    assert practices._open == {}
    async with browser(practices, cookie=cookie) as page:
        assert (await page.get("/practice/")).status_code == 200
        begun = practices.of(ME.id)
        assert begun is not None
        past = time.time() - practice.KEPT.total_seconds() - 1
        os.utime(begun.path, (past, past))
        await practices.sweep()
        assert list(practices.folder.iterdir()) == []
        assert (await page.get("/practice/")).status_code == 303


async def test_a_file_that_is_no_practice_is_thrown_away(practices: Practices) -> None:
    """One that was never filled, or is of another release: the way leads home, and beginning anew works."""
    for whole in (False, True):
        await practices.begin(ME, "father")
        begun = practices.of(ME.id)
        assert begun is not None
        await practices.close()
        for path in practices.folder.iterdir():
            path.unlink()
        if whole:
            store = Store(f"sqlite:///{begun.path}", "x" * 40)
            await store.migrate()
        else:
            begun.path.touch()
        with pytest.raises(RefusedError):
            await practices.enter(ME.id)
        assert practices.of(ME.id) is None
    await practices.begin(ME, "father")


async def test_a_practice_that_cannot_be_filled_leaves_no_file(
    practices: Practices, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_args: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(practices, "_set_up", breaks)
    with pytest.raises(OSError, match="disk full"):
        await practices.begin(ME, "father")
    assert list(practices.folder.iterdir()) == []


async def test_there_is_a_bound(practices: Practices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(practice, "MOST", 1)
    await practices.begin(Actor(uuid.UUID(int=8), "a", "べつの人", "supervisor"), "father")
    with pytest.raises(RefusedError):
        await practices.begin(ME, "father")
    with pytest.raises(RefusedError):
        await practices.begin(ME, "nobody")


async def test_a_thrown_away_practice_cuts_off_its_streams(practices: Practices) -> None:
    """A page that follows the stream learns nothing more and hangs nowhere."""
    async with browser(practices, cookie=await practices.begin(ME, "father")) as page:
        one = await opened(practices)
        stream = asyncio.ensure_future(page.get("/practice/live"))
        while not one.asked:  # noqa: ASYNC110 - a request rings no bell
            await asyncio.sleep(0)
        await practices.end(ME.id)
        await asyncio.wait({stream}, timeout=10)
        assert stream.done()
        stream.exception()
        assert not one.asked


# --- who has practised ------------------------------------------------------------------------------------------------


async def test_supervisors_see_who_has_never_practised(world: World) -> None:
    """One line, for supervisors, about those who talk with families; it goes when they have practised."""
    line = "まだ練習したことのない人"
    async with world.browser() as hers, world.browser() as mine:
        await world.signed_in("supervisor", hers)
        await world.signed_in("specialist", mine)
        assert f"{line}: さとう、たなか" in (await hers.get("/team")).text
        assert line not in (await mine.get("/team")).text
        begun = Begun(uuid.uuid4().hex, world.staff["specialist"], "night", Path())
        await world.store.write(lambda s: practice.note(s, begun, NOW))
        assert f"{line}: たなか" in (await hers.get("/team")).text


async def test_what_is_noted_is_who_when_and_which(store: Store) -> None:
    world = await build(store)
    mine = world.staff["specialist"]
    for family, at in (("night", NOW), ("dv", NOW), ("night", NOW + timedelta(days=1))):
        begun = Begun(uuid.uuid4().hex, mine, family, Path())
        await store.write(lambda s, begun=begun, at=at: practice.note(s, begun, at))
    assert await store.read(lambda s: practice.practised(s, mine)) == {"night": NOW + timedelta(days=1), "dv": NOW}
    assert await store.read(practice.never) == ["たなか"]
    columns = {column.name for column in Practised.__table__.columns}
    assert columns == {"id", "staff_id", "family", "at"}  # no marks, no words


# --- the files --------------------------------------------------------------------------------------------------------

GOOD = """
order: 1
title: だれか
about: 昼
language: ja
at: 2026-11-25 12:20
opens: [{minutes: 5, text: あ}, {minutes: 1, text: い}]
answers: [{seconds: 5, text: う}]
review: [{rule: C4, ask: え, because: お}]
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("rule: C4", "rule: C37"),
        ("rule: C4", "rule: 4"),
        ("minutes: 5", "minutes: 0"),
        ("language: ja", "language: vi"),
        ("answers: [{seconds: 5, text: う}]", "answers: []"),
        ("12:20", "noon"),
        ("order: 1\n", ""),
        ("because: お", "why: お"),
    ],
)
def test_a_family_that_is_wrong_is_named(tmp_path: Path, before: str, after: str) -> None:
    (tmp_path / "practice").mkdir()
    (tmp_path / "practice" / "someone.yaml").write_text(GOOD.replace(before, after) if before else GOOD, "utf-8")
    if not before:
        assert list(library.practice(tmp_path)) == ["someone"]
        return
    with pytest.raises(ContentError, match=r"practice/someone\.yaml"):
        library.practice(tmp_path)
