"""The queue: who waits, who is talked with, who has a person, and whose no must still be read; and lists of all cases.

The rule: no word of a resident is on these pages (CARE C32); they show how grave, what kind, how long, who.
"""

from __future__ import annotations

import gzip
import uuid
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Annotated, Any, Final, cast
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from bot import cases, names
from bot.errors import CaseMovedError, RefusedError
from bot.models import CaseRow
from bot.opening import TOKYO
from bot.situation import City
from handoff import alarms, audit, listing, searching, staff, taking, team, views
from handoff.alarms import Called
from handoff.console import labels, live
from handoff.console.gate import House, Pass, house_of, may
from handoff.console.live import Shared
from handoff.listing import TO_READ, Asked, Found, Order
from handoff.searching import Searched
from handoff.staff import MAY, READS_OF_STAFF, Actor
from handoff.wording import PageLanguage, Table, named, spoken

CLOSED_DAYS: Final = 7  # how long a closed case can be found on the queue's page to reopen it
SHOWN: Final = 50  # rows of one section; the list has the rest
CLOSED_ROWS: Final = 20
PAGE: Final = 50
TRIES: Final = 10  # cases that "take the next" tries, when colleagues take them in the same moment

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Row:
    """Hold one line of a list; ids and labels only."""

    id: uuid.UUID
    severity: str
    state: str
    kinds: tuple[str, ...]
    aspects: tuple[str, ...]
    reason: str
    language: str
    desk: str
    holder: str
    holder_id: uuid.UUID | None
    words: int  # how many signals hold words
    since: datetime
    late: str = ""  # near | over: how it stands to the city's waiting limit
    desk_why: tuple[str, ...] = ()  # ids of routing.Why
    meant_for: str = ""  # whom it waits for before others, and why (cases.Meant)
    meant_for_id: uuid.UUID | None = None
    meant_why: str = ""
    readers: tuple[str, ...] = ()  # who has read it without taking it
    told: datetime | None = None  # when a person reads, as the desk told the family when it began to wait
    called: Called | None = None  # whom the desk called last because nobody took it
    about_staff: bool = False  # read by supervisors alone

    @property
    def name(self) -> str:
        """Return its short name, in the language of who reads the page: one reading is shown to many."""
        return labels.short(self.id)


TITLES: Final = Table(
    {
        "waiting": "待っています",
        "claimed": "対応中",
        "on_hold": "保留（担当あり）",
        "to_read": "声をかけた・断られた",
        "closed": "終わった相談（7日以内）",
    }
)
EMPTY: Final = Table(
    {
        "waiting": "いま待っている方はいません。",
        "claimed": "対応中の相談はありません。",
        "on_hold": "保留の相談はありません。",
        "to_read": "読んでおく相談はありません。",
        "closed": "この7日に終えた相談はありません。",
    }
)


@dataclass(frozen=True, slots=True)
class Section:
    """Hold one part of the queue: its first rows, and how many there are in all."""

    id: str
    rows: tuple[Row, ...]
    count: int

    @property
    def title(self) -> str:
        """Return how it is headed."""
        return TITLES[self.id]

    @property
    def empty(self) -> str:
        """Return what is said when there is nothing in it."""
        return EMPTY[self.id]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Hold the whole page and the cursor it was read at."""

    cursor: int
    sections: tuple[Section, ...]

    @property
    def waiting(self) -> int:
        """Return how many wait, for the window's title."""
        return self.sections[0].count


def rows(session: Session, found: list[Found], city: City, now: datetime) -> tuple[Row, ...]:
    """Return cases as lists show them."""
    names = staff.work_names(session)
    desks = {desk.id: desk.name for desk in city.desks}
    waiting = [one.row.id for one in found if one.row.state == "waiting"]
    calls, readers = alarms.last_calls(session, waiting), audit.readers(session, waiting)
    near, over = city.late_since(now, taking.WARN), city.late_since(now)

    def late(case: CaseRow) -> str:
        if case.state != "waiting" or case.waiting_since_at > near[case.severity]:
            return ""
        return "near" if case.waiting_since_at > over[case.severity] else "over"

    def told(case: CaseRow) -> datetime | None:
        moment = city.next_reading(case.waiting_since_at) if case.state == "waiting" else None
        return moment if moment is not None and moment > case.waiting_since_at else None

    def line(one: Found) -> Row:
        case = one.row
        since = case.closed_at or case.waiting_since_at
        return Row(
            id=case.id,
            severity=case.severity,
            state=case.state,
            kinds=tuple(case.kinds),
            aspects=tuple(case.aspects),
            reason=case.reason,
            language=one.language,
            desk=desks.get(case.desk_id, ""),
            holder=names.get(case.holder_id, "") if case.holder_id else "",
            holder_id=case.holder_id,
            words=one.words,
            since=since,
            late=late(case),
            about_staff=cases.as_case(case).about_staff,
            desk_why=tuple(case.desk_why) if len(city.desks) > 1 else (),
            meant_for=names.get(case.meant_for_id, "") if case.meant_for_id else "",
            meant_for_id=case.meant_for_id,
            meant_why=case.meant_why,
            readers=tuple(names[id] for id in readers.get(case.id, {}) if id in names),
            told=told(case),
            called=calls.get(case.id),
        )

    return tuple(map(line, found))


def snapshot(session: Session, city: City, now: datetime) -> Snapshot:
    """Read the queue and the cursor together; the cursor first, so that nothing is missed."""
    cursor = live.newest(session)

    def section(id: str, *conditions: ColumnElement[bool], order: Order = "grave", most: int = SHOWN) -> Section:
        found = listing.listed(session, conditions, order=order, limit=most)
        count = len(found) if len(found) < most else listing.count(session, conditions)
        return Section(id, rows(session, found, city, now), count)

    return Snapshot(
        cursor,
        (
            section("waiting", CaseRow.state == "waiting"),
            section("claimed", CaseRow.state == "claimed"),
            section("on_hold", CaseRow.state == "on_hold"),
            section("to_read", TO_READ, order="to_read"),
            section(
                "closed",
                CaseRow.state == "closed",
                CaseRow.closed_at > now - timedelta(days=CLOSED_DAYS),
                order="closed",
                most=CLOSED_ROWS,
            ),
        ),
    )


class Part:
    """Hold the page's part, and pack it once for all who fetch it: it says nothing secret of a session."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def packed(self) -> bytes:
        """Return it as gzip, a fifteenth of the bytes."""
        return gzip.compress(self.text.encode(), compresslevel=1, mtime=0)


@dataclass(frozen=True, slots=True)
class Shot:
    """Hold a snapshot, when it was read, and the page's part as it is for everybody who holds no case of it."""

    snapshot: Snapshot
    now: datetime
    pages: dict[tuple[str, PageLanguage, bool, bool, bool], Part] = field(default_factory=dict)

    def held_by(self, staff_id: uuid.UUID) -> bool:
        """Return whether a row of it is this person's or meant for her, so that her page is another."""
        rows = (row for section in self.snapshot.sections for row in section.rows)
        return any(staff_id in (row.holder_id, row.meant_for_id) for row in rows)


def shot_of(session: Session, house: House, now: datetime) -> Shot:
    """Read the queue for all pages that ask now (`live.Shared`)."""
    return Shot(snapshot(session, house.city(), now), now)


async def _values(request: Request, actor: Actor) -> tuple[Part, dict[str, Any]]:
    """Return the part that changes by itself, and what the page around it takes."""
    house = house_of(request)
    shots: Shared[Shot] = request.app.state.shots
    shot = await shots.newest(house)
    values = {"shot": shot.snapshot, "now": shot.now, "me": actor.id, **_may(actor, shot.now)}
    key = (request.scope.get("root_path", ""), spoken(), values["may_see"], values["may_open"], values["may_open_all"])
    if (part := shot.pages.get(key)) is None or shot.held_by(actor.id):
        part = Part(house.render(request, "queue/list.html", **values))
        if not shot.held_by(actor.id):
            shot.pages[key] = part
    return part, values


def _may(actor: Actor, now: datetime) -> dict[str, Any]:
    return {
        "today": now.astimezone(TOKYO).date(),
        "may_see": actor.role in MAY["queue.see"],
        "may_open": actor.role in MAY["talk.read"],
        "may_open_all": actor.role in READS_OF_STAFF,
        "may_claim": actor.role in MAY["case.claim"],
    }


@router.get("/")
async def page(request: Request, door: Annotated[Pass, Depends(may("counts.see"))]) -> Response:
    """Show the queue: all of it, or only the counts where the role sees no more."""
    house = house_of(request)
    (part, values), city = await _values(request, door.actor), house.city()
    values["part"] = Markup(part.text)  # noqa: S704 - it was escaped when it was rendered
    mine = await house.store.read(lambda s: team.member(s, door.actor.id))
    there = [desk for desk in city.desks if desk.opening.open_at(house.clock.now())]
    desks = [desk for desk in there if mine is None or not mine.desks or desk.id in mine.desks]
    return house.page(request, "queue/page.html", signed=door.signed, city=city.name, desks=desks, **values)


@router.get("/queue")
async def fragment(request: Request, door: Annotated[Pass, Depends(may("counts.see", human=False))]) -> Response:
    """Show the changed part of the page."""
    part, _page = await _values(request, door.actor)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return HTMLResponse(part.packed, headers={"content-encoding": "gzip"})
    return HTMLResponse(part.text)


@router.post("/next")
async def take_next(request: Request, door: Annotated[Pass, Depends(may("queue.take"))]) -> Response:
    """Take the case whose turn it is (`taking`), and open it; a colleague who was faster leaves the next one."""
    house, root = house_of(request), request.scope.get("root_path", "")

    def unit(session: Session) -> uuid.UUID:
        now = house.clock.now()
        me = team.member(session, door.actor.id)
        assert me is not None, "who is signed in works here"
        for one in taking.next_for(session, me, house.city(), now, limit=TRIES):
            with suppress(CaseMovedError):
                return cases.claim(session, one.row.id, me.id, now).id
        if me.full:
            raise RefusedError(
                "いま{holding}件を担当しています（めやすは{capacity}件）。"
                "窓口に戻すか終えるかしてから、次の方を受けてください。急ぐときは、列から選んで受けられます。",
                holding=me.holding,
                capacity=me.capacity,
            )
        if session.scalar(select(func.count()).where(CaseRow.state == "waiting")):
            raise RefusedError(
                "いま、あなたの順番の相談はありません。ほかの窓口や、ほかの人あての相談は、列から選んで受けられます。"
            )
        raise RefusedError("いま受けられる相談はありません。")

    return RedirectResponse(f"{root}/cases/{await house.store.write(unit)}", 303)


# --- lists of all cases ----------------------------------------------------------------------------------------------

STATES: Final = Table({"open": "終わっていない", "to_read": "読んでおく"}) | labels.STATES
ORDERS: Final = Table({"grave": "急ぎの順", "newest": "新しい順", "oldest": "古い順"})


def asked_of(
    state: Annotated[str, Query(max_length=10)] = "open",
    severity: Annotated[str, Query(max_length=10)] = "",
    kind: Annotated[str, Query(max_length=20)] = "",
    topic: Annotated[str, Query(max_length=40)] = "",
    language: Annotated[str, Query(max_length=10)] = "",
    desk: Annotated[str, Query(max_length=40)] = "",
    holder: Annotated[str, Query(max_length=40)] = "",
    meant: Annotated[str, Query(max_length=40)] = "",
    since: Annotated[str, Query(max_length=10)] = "",
    until: Annotated[str, Query(max_length=10)] = "",
    number: Annotated[str, Query(max_length=8)] = "",
    order: Annotated[str, Query(max_length=10)] = "grave",
) -> Asked:
    """Read the filters of a list from the address; what is none of ours asks for nothing."""

    def one_of(value: str, known: Any) -> str:
        return value if value in known else ""

    return Asked(
        state=one_of(state, STATES),
        severity=one_of(severity, labels.SEVERITIES),
        kind=one_of(kind, labels.KINDS),
        topic=one_of(topic, names.TOPICS),
        language=one_of(language, labels.LANGUAGES),
        desk=desk,
        holder=_uuid(holder),
        meant=_uuid(meant),
        since=_day(since),
        until=_day(until),
        number="".join(letter for letter in number.lower() if letter in "0123456789abcdef"),
        order=cast(Order, order if order in ORDERS else "grave"),
    )


def _uuid(text: str) -> uuid.UUID | None:
    with suppress(ValueError):
        return uuid.UUID(text)
    return None


def _day(text: str) -> date | None:
    with suppress(ValueError):
        return date.fromisoformat(text)
    return None


def query(asked: Asked, **more: Any) -> str:
    """Return the address' part behind the question mark for these filters."""
    given = {
        "state": asked.state,
        "severity": asked.severity,
        "kind": asked.kind,
        "topic": asked.topic,
        "language": asked.language,
        "desk": asked.desk,
        "holder": str(asked.holder or ""),
        "meant": str(asked.meant or ""),
        "since": asked.since or "",
        "until": asked.until or "",
        "number": asked.number,
        "order": asked.order,
        **more,
    }
    return urlencode({name: value for name, value in given.items() if value or name == "state"})


@router.get("/cases")
async def index(
    request: Request,
    door: Annotated[Pass, Depends(may("queue.see"))],
    asked: Annotated[Asked, Depends(asked_of)],
    number: Annotated[int, Query(ge=1, le=100_000, alias="page")] = 1,
) -> Response:
    """Show the cases that fit the filters, fifty a page."""
    return await _list(request, door, asked, number)


@router.post("/cases/search")
async def search(
    request: Request,
    door: Annotated[Pass, Depends(may("case.search"))],
    asked: Annotated[Asked, Depends(asked_of)],
) -> Response:
    """Show the cases among those that fit whose talk holds the words; they come in a form, so that no log has them."""
    house, words = house_of(request), door.text("words", 100)
    found = await searching.search(house.store, asked, words, door.actor)
    await house.store.write(lambda s: searching.note(s, door.actor, found, house.clock.now()))
    return await _list(request, door, asked, 1, words=words, searched=found)


@router.post("/cases/views")
async def keep_view(
    request: Request,
    door: Annotated[Pass, Depends(may("queue.see"))],
    asked: Annotated[Asked, Depends(asked_of)],
) -> Response:
    """Keep these filters under a name."""
    name, kept = door.text("name", views.LONGEST), query(asked)
    await house_of(request).store.write(lambda s: views.keep(s, door.actor.id, name, kept))
    return RedirectResponse(f"{request.scope.get('root_path', '')}/cases?{kept}", 303)


@router.post("/cases/views/{view_id:uuid}/drop")
async def drop_view(request: Request, door: Annotated[Pass, Depends(may("queue.see"))], view_id: uuid.UUID) -> Response:
    """Forget a list that was kept."""
    await house_of(request).store.write(lambda s: views.drop(s, door.actor.id, view_id))
    return RedirectResponse(f"{request.scope.get('root_path', '')}/cases", 303)


async def _list(
    request: Request, door: Pass, asked: Asked, number: int, *, words: str = "", searched: Searched | None = None
) -> Response:
    house, now = house_of(request), house_of(request).clock.now()
    city = house.city()

    def unit(session: Session) -> tuple[tuple[Row, ...], int, dict[uuid.UUID, str], list[views.View]]:
        conditions = listing.where(asked) if searched is None else [CaseRow.id.in_(searched.found[:PAGE])]
        order: Order = "to_read" if (asked.state, asked.order) == ("to_read", "grave") else asked.order
        if searched is not None:
            order = "newest"
        found = listing.listed(session, conditions, order=order, limit=PAGE, offset=PAGE * (number - 1))
        theirs = {
            id for each in (CaseRow.holder_id, CaseRow.meant_for_id) for id in session.scalars(select(each).distinct())
        }
        people = {id: name for id, name in staff.work_names(session).items() if id in theirs or id == door.actor.id}
        kept = views.of(session, door.actor.id)
        return rows(session, found, city, now), listing.count(session, conditions), people, kept

    found, count, holders, kept = await house.store.read(unit)
    return house.page(
        request,
        "queue/cases.html",
        signed=door.signed,
        city=city.name,
        rows=found,
        count=count,
        number=number,
        pages=max(1, -(-count // PAGE)),
        first=PAGE * (number - 1) + 1,
        asked=asked,
        plain=query(replace(asked, state="open", order="grave")) == query(Asked(state="open")),
        query=query,
        states=STATES,
        orders=ORDERS,
        desks={desk.id: desk.name for desk in city.desks},
        holders=holders,
        me=door.actor.id,
        views=kept,
        here_now=query(asked),
        now=now,
        topics=named(names.TOPICS),
        words=words,
        searched=searched,
        may_search=door.actor.role in staff.MAY["case.search"],
        through_most=searching.MOST,
        **_may(door.actor, now),
    )


@router.get("/cases.csv")
async def counts(
    request: Request, door: Annotated[Pass, Depends(may("queue.see"))], asked: Annotated[Asked, Depends(asked_of)]
) -> Response:
    """Give how many cases fit the filters as CSV, by month, state, severity, kind and language; no case, no name."""
    house = house_of(request)
    worded = {
        "state": labels.STATES,
        "severity": labels.SEVERITIES,
        "kind": labels.KINDS,
        "language": labels.LANGUAGES,
    }
    text = await house.store.read(lambda s: listing.counts_csv(s, asked, worded))
    today = house.clock.now().astimezone(TOKYO).date()
    return Response(
        "\ufeff" + text,  # Excel reads UTF-8 only with the mark
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="madoguchi-counts-{today}.csv"'},
    )
