"""Practice before the first duty: the real console over a small store of its own, with one invented family (CARE C35).

The rule: what is practised and what is real never meet. A practice has its own file, key, clock, accounts and cookie;
nothing in it can send: no outbox sender, no caller, no scheduler is ever made for it, and it holds nothing of the real
store. What is noted of it is noted by the real side: who, which family, when; nothing of how.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Message, Receive, Scope, Send

from bot import cases, crypto, rooms
from bot.clock import Clock
from bot.errors import RefusedError, SettingsError
from bot.inbox import Intake, keep_room_text
from bot.line.webhook import LineEvent
from bot.logs import frames
from bot.models import Audit, CaseRow, Journal, Outbox, Resident, Room
from bot.practice import Family, Line
from bot.situation import City
from bot.store import Store, append_audit, append_event, db_now, upsert
from bot.worker import Mind, Worker
from handoff.models import Practised, Staff, StaffSession
from handoff.staff import MAY, Actor
from handoff.wording import spoken

MOST: Final = 40  # practices at once; each is a file
KEPT: Final = timedelta(hours=12)  # longer than any session lives
IDLE_SECONDS: Final = 600.0  # after the last page of a practice was closed, it is closed here; its file stays
SWEEP_SECONDS: Final = 600.0
STEP_SECONDS: Final = 2.0  # how often an open practice goes on
SECOND_COMES: Final = timedelta(seconds=20)  # the invented colleague reads along
UNTOLD: Final = timedelta(seconds=30)  # words of which LINE may not tell: she writes by herself (CARE C21)
BEGAN: Final = "practice.began"
COLLEAGUE: Final = "れんしゅう同僚"
_NAMED: Final = re.compile(r"(?P<staff>[0-9a-f]{32})\.(?P<family>[a-z]+)\.(?P<id>[0-9a-f]{32})\.db")
_COOKIE: Final = re.compile(r"(?P<id>[0-9a-f]{32})\.[A-Za-z0-9_-]{43}")

Console = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]

log = structlog.get_logger("practice")


@dataclass(frozen=True, slots=True)
class Lesson:
    """Hold what tells a console that it is only practised on: the family, and the way back to the real one."""

    family: Family
    home: str
    cookie: str


@dataclass(frozen=True, slots=True)
class Stage:
    """Hold what the roof gives every practice: an invented city, and the console and the desk that it is played on."""

    city: City
    mind: Mind
    furnish: Callable[[Session, datetime], None]  # the city's invented places and agencies
    console: Callable[[Store, Clock, Lesson], Console]


@dataclass(frozen=True, slots=True)
class Begun:
    """Hold one practice that was begun and not ended: whose, with which family, in which file."""

    id: str
    staff_id: uuid.UUID
    family: str
    path: Path


class NobodyAtLine:
    """Answer in LINE's place what is known without asking anybody."""

    def __init__(self, language: str) -> None:
        self._language = language

    async def language(self, _user_id: str) -> str:
        """Return the language of the invented phone."""
        return self._language

    async def start_loading(self, _user_id: str, _seconds: int) -> None:
        """Show nothing: there is no phone."""


# --- one practice ---------------------------------------------------------------------------------------------------


@dataclass
class Practice:
    """Hold one open practice of this process: its store, clock, console and desk."""

    begun: Begun
    family: Family
    store: Store
    clock: Clock
    worker: Worker
    intake: Intake
    city: City
    app: Console | None = None
    seen: float = field(default_factory=time.monotonic)
    stepped: float = 0.0
    stepping: asyncio.Task[None] | None = None
    asked: set[asyncio.Task[None]] = field(default_factory=set)  # requests that are being answered

    async def hears(self, line: Line, name: str, at: datetime, *, kind: str = "message") -> None:
        """Let the family write one thing into LINE, and the desk take it up as it does a real one; once per name."""
        ms, id = int(at.timestamp() * 1000), f"practice:{name}"
        raw: dict[str, Any] = {"type": kind, "timestamp": ms, "source": {"type": "user", "userId": self.begun.id}}
        if kind == "message":
            raw["message"] = {"id": id, "type": "text", "text": line.text}
        await self.intake.keep([LineEvent(id, kind, ms, self.begun.id, raw=raw)], at)
        await self.worker.drain()

    async def step(self) -> None:
        """Let go on what would go on by itself: claims lapse, the colleague comes, the family reads and answers."""
        now = self.clock.now()
        found = await self.store.write(lambda s: _go_on(s, self.family, self.city, now))
        if found is None:
            await self.worker.drain()  # what a process that ended has left
            return
        number, line, resident_id = found.number, found.line, found.resident_id
        if found.in_room:
            text_id = uuid.uuid5(resident_id, f"practice:{number}")
            await self.store.write(lambda s: keep_room_text(s, resident_id, line.text, now, text_id))
            await self.worker.drain()
        else:
            await self.hears(line, str(number), now)

    def go_on(self) -> None:
        """Begin a step beside the request that came in, unless one was just made."""
        self.seen = time.monotonic()
        running = self.stepping is not None and not self.stepping.done()
        if not running and self.seen - self.stepped >= STEP_SECONDS:
            self.stepped, self.stepping = self.seen, asyncio.create_task(self._step())

    async def _step(self) -> None:
        try:
            await self.step()
        except Exception as error:  # the next request tries again
            log.error("practice_failed", error=type(error).__name__, frames=frames(error))

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request by the console; what a closing practice cuts off ends without an error."""
        assert self.app is not None
        self.go_on()
        begun = ended = False

        async def noted(message: Message) -> None:
            nonlocal begun, ended
            begun, ended = True, message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        task = asyncio.ensure_future(self.app(scope, receive, noted))
        self.asked.add(task)
        try:
            await task
        except asyncio.CancelledError:
            if task in self.asked:  # the browser went away
                raise
            if not begun:
                await Response(status_code=503)(scope, receive, send)
            elif not ended:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self.asked.discard(task)

    async def close(self) -> None:
        """Cut off open streams, end the step that runs, and disconnect."""
        cut, self.asked = self.asked, set()
        for task in cut:
            task.cancel()
        ending = [*cut, *([self.stepping] if self.stepping else [])]
        await asyncio.gather(*ending, return_exceptions=True)
        await self.store.close()


@dataclass(frozen=True, slots=True)
class Next:
    """Hold what the family writes next, and where."""

    number: int
    line: Line
    resident_id: uuid.UUID
    in_room: bool


def _go_on(session: Session, family: Family, city: City, now: datetime) -> Next | None:
    """Do what LINE, the clock and colleagues would do, and return what the family writes now, if anything."""
    _taken_by_line(session, now)
    cases.lapse_due(session, now, city)
    resident_id = session.scalars(select(Resident.id)).one()
    _second_person(session, now)
    said = list(session.scalars(select(Journal).where(Journal.resident_id == resident_id).order_by(Journal.id)))
    hers = [row for row in said if row.who == "resident" and row.kind in ("text", "room_text")]
    last = next((row for row in reversed(said) if row.who == "staff"), None)
    number = len(hers) - len(family.opens)
    if last is None or (hers and last.id < hers[-1].id) or not 0 <= number < len(family.answers):
        return None
    line, in_room = family.answers[number], last.place == "room" and _opens_room(session, resident_id, now)
    told = in_room or last.place == "line"
    if now - last.at < max(timedelta(seconds=line.seconds), timedelta() if told else UNTOLD):
        return None
    return Next(number, line, resident_id, in_room)


def _taken_by_line(session: Session, now: datetime) -> None:
    """Mark what waits in the outbox as accepted: nobody will ever send it."""
    sent = update(Outbox).where(Outbox.state == "pending").values(state="accepted").returning(Outbox.resident_id)
    for resident_id in set(session.execute(sent).scalars()):
        append_event(session, "outbox.changed", now, resident_id=resident_id)


def _second_person(session: Session, now: datetime) -> None:
    """Let the invented colleague read along where a second person was asked for."""
    wanted = select(CaseRow).where(CaseRow.state == "claimed", CaseRow.second_wanted_at <= now - SECOND_COMES)
    colleague = session.scalars(select(Staff.id).where(Staff.login == COLLEAGUE)).one()
    for row in list(session.scalars(wanted)):
        cases.read_along(session, row.id, colleague, now)


def _opens_room(session: Session, resident_id: uuid.UUID, now: datetime) -> bool:
    """Let the family open the room where LINE has told her of it, and return whether she is in it."""
    room = session.execute(select(Room.notice_out, Room.opened_at).where(Room.resident_id == resident_id)).one_or_none()
    if room is None or not (room.notice_out or room.opened_at):
        return False
    unread = select(Journal.id).where(
        Journal.resident_id == resident_id, Journal.who == "staff", Journal.place == "room", Journal.seen_at.is_(None)
    )
    if session.execute(unread.limit(1)).first() is not None:
        token = rooms.redeem(session, rooms.make_link(session, resident_id, ttl_seconds=60, at=now), now)
        visit = rooms.find_visit(session, token or "")
        assert visit is not None
        rooms.show(session, visit, now)
    return True


# --- all of them ----------------------------------------------------------------------------------------------------


class Practices:
    """Begin, find, serve and end practices; mounted by the roof, it leads each browser to its own."""

    def __init__(
        self,
        folder: Path,
        secret_key: str,
        families: Mapping[str, Family],
        stage: Callable[[], Stage],
        *,
        base_url: str,
        home: str = "/console/practice",
        root: str = "/practice",
    ) -> None:
        self.folder = folder
        self.families = families
        self.home = home  # the real console's page about practising
        self.root = root  # where this is mounted
        self.base_url = base_url.rstrip("/")
        self.secure = base_url.startswith("https://")
        self._secret = crypto.derive(secret_key, "practice").hex()
        self._stage = stage
        self._staged: Stage | None = None
        self._open: dict[str, Practice] = {}
        self._lock = asyncio.Lock()

    @property
    def cookie(self) -> str:
        """Return the name of a practice's cookie, which no real console reads."""
        return "__Host-madoguchi-practice" if self.secure else "madoguchi-practice"

    # for the real console -------------------------------------------------------------------------------------------

    def of(self, staff_id: uuid.UUID) -> Begun | None:
        """Return the practice that somebody has begun and not ended."""
        return next((one for one in self._begun() if one.staff_id == staff_id), None)

    async def begin(self, actor: Actor, family: str) -> str:
        """Throw away what she practised before, let her meet a family, and return the value of her cookie."""
        if family not in self.families:
            raise RefusedError("その練習は、いまありません。画面を新しくしてください。")
        await self.end(actor.id)
        await self.sweep()
        if len(self._begun()) >= MOST:
            raise RefusedError("いま練習している人が多いため、はじめられません。あとでもう一度お試しください。")
        id = uuid.uuid4().hex
        begun = Begun(id, actor.id, family, self.folder / f"{actor.id.hex}.{family}.{id}.db")
        async with self._lock:
            try:
                self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                store = self._store(begun)
                await store.migrate()
                self._open[id] = practice = await self._opened(begun, store)
                await self._set_up(practice, actor)
            except BaseException:
                await self._forget(begun)
                raise
        return await self.enter(actor.id)

    async def enter(self, staff_id: uuid.UUID) -> str:
        """Open a session in her practice and return the value of her cookie; raise RefusedError when there is none."""
        begun = self.of(staff_id)
        practice = await self._practice(begun) if begun is not None else None
        if begun is None or practice is None:
            raise RefusedError("その練習は、もう片づけられました。はじめからどうぞ。")
        token = f"{begun.id}.{crypto.new_token()}"

        def unit(session: Session) -> None:
            learner = session.scalars(select(Staff.id).where(Staff.login != COLLEAGUE)).one()
            now = db_now(session)
            session.add(
                StaffSession(
                    token_hash=crypto.token_hash(token),
                    staff_id=learner,
                    csrf=crypto.new_token(),
                    created_db=now,
                    seen_db=now,
                )
            )

        await practice.store.write(unit)
        return token

    async def end(self, staff_id: uuid.UUID) -> Begun | None:
        """Throw her practice away and return which it was."""
        ended = None
        while (begun := self.of(staff_id)) is not None:
            async with self._lock:
                await self._forget(begun)
            ended = begun
        return ended

    async def sweep(self) -> None:
        """Close what nobody looks at, and throw away what is older than any session; a job of the roof."""
        before = time.time() - KEPT.total_seconds()
        async with self._lock:
            for begun in self._begun():
                with suppress(FileNotFoundError):
                    if begun.path.stat().st_mtime < before:
                        await self._forget(begun)
            for id, practice in list(self._open.items()):
                if not practice.begun.path.exists() or time.monotonic() - practice.seen > IDLE_SECONDS:
                    await self._open.pop(id).close()

    async def tend(self) -> None:
        """Sweep now and then, until cancelled."""
        while True:
            try:
                await self.sweep()
            except Exception as error:
                log.error("practice_sweep_failed", error=type(error).__name__)
            await asyncio.sleep(SWEEP_SECONDS)

    async def close(self) -> None:
        """Close what is open here; the files stay until they are ended or swept."""
        async with self._lock:
            for id in list(self._open):
                await self._open.pop(id).close()

    # for the browser ------------------------------------------------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the console of the practice that the cookie names; without one the way leads home."""
        if scope["type"] != "http":
            return
        request = Request(scope)
        practice = await self._find(request.cookies.get(self.cookie, ""))
        path = request.url.path.removeprefix(scope.get("root_path", ""))
        if practice is not None and path != "/sign-in":
            await practice.answer(scope, receive, send)
            return
        asks = scope["method"] == "GET" and "application/json" not in request.headers.get("accept", "")
        away = RedirectResponse(self.home, 303) if asks else Response(status_code=401)
        await away(scope, receive, send)

    async def _find(self, cookie: str) -> Practice | None:
        named = _COOKIE.fullmatch(cookie)
        if named is None:
            return None
        begun = next((one for one in self._begun() if one.id == named["id"]), None)
        return await self._practice(begun) if begun is not None else None

    # inside ---------------------------------------------------------------------------------------------------------

    def _begun(self) -> list[Begun]:
        """Return what was begun, by the files that there are: every process sees the same."""
        found = []
        for path in sorted(self.folder.glob("*.db")):
            named = _NAMED.fullmatch(path.name)
            if named is not None and named["family"] in self.families:
                found.append(Begun(named["id"], uuid.UUID(named["staff"]), named["family"], path))
        return found

    def _store(self, begun: Begun) -> Store:
        return Store(f"sqlite:///{begun.path}", self._secret)

    async def _practice(self, begun: Begun) -> Practice | None:
        """Return an open practice, which another process may have begun; None when it is gone or of another release."""
        async with self._lock:
            practice = self._open.get(begun.id)
            if practice is None and begun.path.exists():
                try:
                    practice = await self._opened(begun, self._store(begun))
                except SettingsError:
                    await self._forget(begun)
                    return None
                self._open[begun.id] = practice
            if practice is None or not begun.path.exists():
                return None
            if practice.app is None:
                now = await practice.store.read(partial(_now, family=practice.family))
                if now is None:  # it was never filled to the end
                    await self._forget(begun)
                    return None
                practice.clock.set(now)
                lesson = Lesson(practice.family, self.home, self.cookie)
                console = (await self._on_stage()).console
                practice.app = await asyncio.to_thread(console, practice.store, practice.clock, lesson)
            return practice

    async def _on_stage(self) -> Stage:
        """Return the stage, set up beside the loop: it takes a second, and this process serves families too."""
        if self._staged is None:
            self._staged = await asyncio.to_thread(self._stage)
        return self._staged

    async def _opened(self, begun: Begun, store: Store) -> Practice:
        stage, family, clock = await self._on_stage(), self.families[begun.family], Clock()
        await store.open()
        worker = Worker(
            store, stage.mind, NobodyAtLine(family.language), clock, lambda: stage.city, base_url=self.base_url
        )
        return Practice(begun, family, store, clock, worker, Intake(store), stage.city)

    async def _set_up(self, practice: Practice, actor: Actor) -> None:
        """Fill a fresh file: the learner and a colleague, the invented city, and what the family wrote before."""
        family, stage, clock, language = practice.family, await self._on_stage(), practice.clock, spoken()

        def unit(session: Session) -> None:
            people = (("practice", actor.work_name, actor.role), (COLLEAGUE, COLLEAGUE, "supervisor"))
            for login, name, role in people:  # nobody signs in with an empty hash
                session.add(
                    Staff(
                        id=uuid.uuid4(),
                        login=login,
                        work_name=name,
                        role=role,
                        password_hash="",
                        created_at=family.at,
                        page_language=language,
                    )
                )
            session.flush()
            stage.furnish(session, family.at)

        def began(session: Session) -> None:
            _taken_by_line(session, family.at)
            append_audit(session, "practice", BEGAN, family.at, detail={"at": datetime.now(UTC).isoformat()})

        await practice.store.write(unit)
        first = family.at - timedelta(seconds=family.opens[0].seconds + 30)
        clock.set(first, running=False)
        await practice.hears(family.opens[0], "follow", first, kind="follow")
        for number, line in enumerate(family.opens):
            at = family.at - timedelta(seconds=line.seconds)
            clock.set(at, running=False)
            await practice.hears(line, f"opens:{number}", at)
        await practice.store.write(began)

    async def _forget(self, begun: Begun) -> None:
        practice = self._open.pop(begun.id, None)
        if practice is not None:
            await practice.close()
        for path in begun.path.parent.glob(f"{begun.path.stem}.*"):
            path.unlink(missing_ok=True)


def _now(session: Session, *, family: Family) -> datetime | None:
    """Return the practice's time: it has run on since it was begun, whichever process asks."""
    row = session.scalars(select(Audit).where(Audit.action == BEGAN)).one_or_none()
    return family.at + (datetime.now(UTC) - datetime.fromisoformat(row.detail["at"])) if row is not None else None


# --- what is noted, in the real store -------------------------------------------------------------------------------


def note(session: Session, begun: Begun, at: datetime) -> None:
    """Note that she went through it to the end: once, and nothing of how."""
    session.execute(
        upsert(session, Practised)
        .values(id=uuid.UUID(begun.id), staff_id=begun.staff_id, family=begun.family, at=at)
        .on_conflict_do_nothing(index_elements=[Practised.id])
    )
    append_audit(session, f"staff:{begun.staff_id}", "practice.done", at, detail={"family": begun.family})


def practised(session: Session, staff_id: uuid.UUID) -> dict[str, datetime]:
    """Return which families somebody has practised with, and when last."""
    rows = session.execute(
        select(Practised.family, Practised.at).where(Practised.staff_id == staff_id).order_by(Practised.at)
    )
    return {row.family: row.at for row in rows}


def never(session: Session) -> list[str]:
    """Return the work names of those who talk with families and have never practised."""
    some = select(Practised.staff_id)
    rows = session.execute(
        select(Staff.work_name)
        .where(Staff.active.is_(True), Staff.role.in_(sorted(MAY["case.claim"])), Staff.id.not_in(some))
        .order_by(Staff.work_name)
    )
    return list(rows.scalars())
