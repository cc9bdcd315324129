"""Lists of cases find what they are asked for, a page at a time, on both databases; counts hold no ids."""

from __future__ import annotations

import asyncio
import csv
import io
import uuid
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, update
from sqlalchemy.orm import Session

from bot import cases
from bot.messages import Severity, Signal
from bot.models import CaseRow, Resident
from bot.store import Store
from handoff import listing
from handoff.console import labels
from handoff.console import queue as pages
from handoff.console.queue import snapshot
from handoff.listing import Asked
from tests.console_world import CITY, NOW, OWN_HAND, TIRED_EN, VANISH, World, a_resident, build, form, writes

DV = Signal("dv", Severity.CONCERN, (), "こわい", "ja.dv", "こわい", "self", "")


@pytest.fixture
async def world(store: Store) -> World:
    return await build(store)


async def a_town(world: World) -> dict[str, uuid.UUID]:
    """Make one case of each sort."""
    found: dict[str, uuid.UUID] = {}

    async def one(name: str, *signals: Signal, minutes: int, language: str = "ja", **more: Any) -> None:
        who = await a_resident(world.store, language=language, language_hint="ne")
        case = await writes(world.store, who, "x", *signals, at=NOW - timedelta(minutes=minutes), **more)
        assert case is not None
        found[name] = case.id

    await one("hand", OWN_HAND, minutes=30)
    await one("vanish", VANISH, minutes=3)
    await one("tired", TIRED_EN, minutes=60, language="en")
    await one("both", OWN_HAND, VANISH, minutes=1, language="")
    await one("asked", minutes=5000, event="open", reason="asked")
    await one("unread", DV, minutes=90)
    await one("done", OWN_HAND, minutes=600)
    me = world.staff["specialist"]

    def unit(session: Session) -> None:
        session.execute(update(CaseRow).where(CaseRow.id == found["unread"]).values(state="declined"))
        cases.claim(session, found["done"], me, NOW)
        cases.close(session, found["done"], me, NOW, name="さとう")
        cases.claim(session, found["hand"], me, NOW)

    await world.store.write(unit)
    return found


async def found(world: World, **asked: Any) -> list[uuid.UUID]:
    """Return the ids of a list in order."""
    given = Asked(**asked)
    rows = await world.store.read(lambda s: listing.listed(s, listing.where(given), order=given.order))
    count = await world.store.read(lambda s: listing.count(s, listing.where(given)))
    assert count == len(rows)
    return [one.row.id for one in rows]


async def test_each_filter_finds_its_own(world: World) -> None:
    town = await a_town(world)

    async def names(**asked: Any) -> set[str]:
        wanted = set(await found(world, **asked))
        return {name for name, id in town.items() if id in wanted}

    assert await names() == set(town)
    assert await names(state="open") == set(town) - {"done"}
    assert await names(state="waiting") == {"vanish", "both", "asked"}
    assert await names(severity="emergency") == {"vanish", "both"}
    assert await names(kind="crisis") == {"vanish", "both"}
    assert await names(kind="abuse") == {"hand", "both", "done"}
    await world.store.write(lambda s: cases.note_topic(s, town["tired"], "nursery"))
    await world.store.write(lambda s: cases.note_topic(s, town["hand"], "small_nursery"))
    assert await names(topic="nursery") == {"tired"}
    assert await names(language="en") == {"tired"}
    assert await names(language="ne") == {"both"}, "what LINE says counts where nothing was chosen"
    assert await names(desk="hinata") == set(town)
    assert await names(desk="elsewhere") == set()
    assert await names(holder=world.staff["specialist"]) == {"hand"}
    assert await names(number=str(town["tired"])[:4].upper()) >= {"tired"}
    assert await names(until=date(2026, 11, 20)) == {"asked", "done"}, "a day is Tokyo's: 02:10 on the 21st is now"
    assert await names(since=date(2026, 11, 21)) == set(town) - {"asked", "done"}
    assert await names(kind="crisis", severity="urgent") == set()


async def test_the_orders(world: World) -> None:
    town = await a_town(world)
    assert await found(world, state="waiting") == [town["vanish"], town["both"], town["asked"]]
    newest = await found(world, order="newest")
    assert newest[0] == town["both"]
    assert await found(world, order="oldest") == newest[::-1]


async def test_the_queue_is_ordered_by_severity_then_waiting_time(store: Store) -> None:
    """DESIGN 5: the gravest first, then who has waited longest."""
    made: list[uuid.UUID] = []
    for signal, minute in ((TIRED_EN, 0), (OWN_HAND, 5), (VANISH, 9), (OWN_HAND, 1)):
        who = await a_resident(store)
        case = await writes(store, who, "x", signal, at=NOW + timedelta(minutes=minute), event="open", reason="asked")
        assert case is not None
        made.append(case.id)
    rows = await store.read(lambda s: listing.listed(s, [CaseRow.state == "waiting"]))
    assert [made.index(one.row.id) for one in rows] == [2, 3, 1, 0]


async def test_a_no_that_must_be_read_is_not_buried_under_offers(world: World) -> None:
    """CARE C17: it stands first, on the queue's page and in the list behind it, however many offers are older."""
    await many(world.store, 120, "offered", NOW - timedelta(days=1))
    town = await a_town(world)
    shot = await world.store.read(lambda s: snapshot(s, CITY, NOW))
    (section,) = (one for one in shot.sections if one.id == "to_read")
    assert (section.count, section.rows[0].id) == (122, town["unread"])
    assert town["unread"] in await found(world, state="to_read", kind="dv")
    async with world.browser() as browser:
        await world.signed_in("specialist", browser)
        assert 'href="/cases?state=to_read"' in (await browser.get("/")).text
        text = (await browser.get("/cases?state=to_read")).text
        assert text.split('data-row="')[1].startswith(str(town["unread"]))
        assert "122件のうち" in text
        await world.store.write(lambda s: cases.mark_read(s, town["unread"], NOW))
        assert "121件のうち" in (await browser.get("/cases?state=to_read")).text


async def many(store: Store, count: int, state: str, at: datetime = NOW) -> None:
    """Put cases straight into the tables: thousands by the front door would take minutes."""

    def unit(session: Session) -> None:
        ids = [uuid.uuid4() for _ in range(count)]
        session.execute(
            insert(Resident),
            [
                {"id": id, "line_hash": id.hex, "line_id_sealed": b"", "first_seen_at": NOW, "language": "ja"}
                for id in ids
            ],
        )
        session.execute(
            insert(CaseRow),
            [
                {
                    "id": uuid.uuid4(), "resident_id": id, "state": state, "severity": "concern", "reason": "signal",
                    "kinds": ["anxiety"], "aspects": [], "opened_at": at - timedelta(seconds=n),
                    "waiting_since_at": at - timedelta(seconds=n), "version": 0,
                }
                for n, id in enumerate(ids)
            ],
        )  # fmt: skip

    await store.write(unit)


async def test_a_long_queue_shows_the_gravest_and_counts_the_rest(world: World) -> None:
    await many(world.store, 120, "waiting")
    town = await a_town(world)
    shot = await world.store.read(lambda s: snapshot(s, CITY, NOW))
    waiting = shot.sections[0]
    assert (waiting.count, len(waiting.rows), shot.waiting) == (123, pages.SHOWN, 123)
    assert [row.id for row in waiting.rows[:2]] == [town["vanish"], town["both"]]
    seen: list[str] = []
    async with world.browser() as browser:
        await world.signed_in("specialist", browser)
        assert "ほか73件を見る" in (await browser.get("/")).text
        for page in (1, 2, 3):
            text = (await browser.get(f"/cases?state=waiting&page={page}")).text
            seen += [part.split('"')[0] for part in text.split('data-row="')[1:]]
            assert "123件のうち" in text
    assert len(seen) == len(set(seen)) == 123


async def test_the_queue_asks_the_database_as_often_whatever_its_length(sqlite_store: Store) -> None:
    """Fifty rows or five thousand cases: the same number of statements, none that brings every case along."""
    await build(sqlite_store)

    async def statements() -> int:
        asked = 0

        def count(*_: Any) -> None:
            nonlocal asked
            asked += 1

        def look(session: Session) -> None:
            engine = session.get_bind()
            event.listen(engine, "before_cursor_execute", count)
            try:
                snapshot(session, CITY, NOW)
            finally:
                event.remove(engine, "before_cursor_execute", count)

        await sqlite_store.read(look)
        return asked

    await many(sqlite_store, 60, "waiting")
    await many(sqlite_store, 60, "offered")
    few = await statements()
    await many(sqlite_store, 2000, "offered")
    assert await statements() == few <= 30


# --- take the next ---------------------------------------------------------------------------------------------------


async def test_the_next_is_the_gravest_that_waits_longest(world: World) -> None:
    town = await a_town(world)
    async with world.browser() as browser:
        csrf = await world.signed_in("specialist", browser)
        for name in ("vanish", "both", "asked"):
            answer = await browser.post("/next", data=form(csrf))
            assert answer.headers["location"] == f"/cases/{town[name]}"
        answer = await browser.post("/next", data=form(csrf))
        assert (answer.status_code, "いま受けられる相談はありません" in answer.text) == (422, True)


async def test_two_who_take_the_next_at_once_get_two(world: World) -> None:
    town = await a_town(world)
    async with world.browser() as one, world.browser() as other:
        first, second = await world.signed_in("specialist", one), await world.signed_in("supervisor", other)
        answers = await asyncio.gather(one.post("/next", data=form(first)), other.post("/next", data=form(second)))
    assert {answer.headers["location"] for answer in answers} == {f"/cases/{town[name]}" for name in ("vanish", "both")}


async def test_who_was_a_moment_faster_leaves_the_next_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A colleague claims between the look at the queue and the claim."""
    town, listed = await a_town(world), listing.listed

    def slow(session: Session, conditions: Any, **more: Any) -> list[listing.Found]:
        rows = listed(session, conditions, **more)
        cases.claim(session, town["vanish"], world.staff["supervisor"], NOW)
        return rows

    async with world.browser() as browser:
        csrf = await world.signed_in("specialist", browser)
        monkeypatch.setattr(listing, "listed", slow)
        answer = await browser.post("/next", data=form(csrf))
    assert answer.headers["location"] == f"/cases/{town['both']}"


async def test_a_complaint_about_staff_is_never_handed_out(world: World) -> None:
    """CARE C36: it could be about the very person who takes the next."""
    who = await a_resident(world.store)
    await writes(world.store, who, "x", at=NOW, event="open", reason="complaint_staff")
    async with world.browser() as browser:
        answer = await browser.post("/next", data=form(await world.signed_in("specialist", browser)))
        assert answer.status_code == 422


# --- the page and the counts -----------------------------------------------------------------------------------------


async def test_the_page_keeps_what_was_asked_and_shrugs_at_nonsense(world: World) -> None:
    await a_town(world)
    async with world.browser() as browser:
        await world.signed_in("officer", browser)
        text = (await browser.get("/cases?state=waiting&severity=emergency&order=newest")).text
        assert 'value="emergency" selected' in text
        assert "2件のうち" in text
        strange = (
            "/cases?state=%27;drop&severity=x&kind=%25&language=q&holder=z&since=yesterday&until=2026-99-99&number=%25"
        )
        answer = await browser.get(strange)
        assert (answer.status_code, "7件のうち" in answer.text) == (200, True)
        assert "当てはまる相談はありません" in (await browser.get("/cases?kind=medical")).text
        assert (await browser.get("/cases?page=0")).status_code == 422
        assert "ベランダ" not in text, "no word of a family is in a list"


async def test_counts_are_numbers_only(world: World) -> None:
    town = await a_town(world)
    async with world.browser() as browser:
        await world.signed_in("officer", browser)
        answer = await browser.get("/cases.csv?state=")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert "attachment" in answer.headers["content-disposition"]
    head, *rows = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert head == ["月", "状態", "緊急度", "内容", "言語", "件数"]
    assert ["2026-11", "待っています", "緊急", labels.KINDS["crisis"], "ネパール語", "1"] in rows
    assert ["2026-11", "待っています", "気がかり", "（ことばからではない）", "日本語", "1"] in rows
    assert sum(int(row[-1]) for row in rows) == 8, "seven cases, one of two kinds"
    assert not any(str(id)[:4] in answer.text.lower() for id in town.values())


def test_an_address_leads_back_to_the_same_filters() -> None:
    asked = Asked(
        "waiting",
        "urgent",
        "dv",
        "nursery",
        "vi",
        "hinata",
        uuid.uuid4(),
        date(2026, 1, 2),
        date(2026, 3, 4),
        "a1",
        uuid.uuid4(),
        "oldest",
    )
    pairs = dict(part.split("=") for part in pages.query(asked).split("&"))
    assert pages.asked_of(**pairs) == asked
    assert pages.query(Asked()) == "state=&order=grave"
