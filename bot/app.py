"""The roof: builds every part from the settings, passes them down, registers jobs, mounts the web parts.

The rule: this module and `cli` alone know both sides; nobody below reaches up, everything is handed in here.
"""

from __future__ import annotations

import asyncio
import fcntl
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import structlog
import uvicorn
from fastapi import FastAPI
from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import handoff.models  # noqa: F401 - the staff's tables belong to the same metadata
from bot import (
    campaigns,
    cases,
    catalogue,
    city,
    engine,
    i18n,
    library,
    logs,
    metrics,
    outreach,
    questions,
    render,
    rooms,
    web,
)
from bot.clock import Clock
from bot.curation import By
from bot.dialog import AFTERWARDS, Turn, View
from bot.directory.documents import resources_from_documents
from bot.directory.search import Directory
from bot.encoders.engines import Encoders, configured
from bot.errors import ContentError, EncoderError, LineRefusedError, LineUnreachableError, SettingsError
from bot.inbox import Intake, keep_room_text, sweep_orphan_keys
from bot.library import Library
from bot.line import richmenu
from bot.line.client import LineClient
from bot.media import JOB as FETCH_JOB
from bot.media import Fetcher
from bot.messages import Heard, Inbound, Reply, Severity, Signal, _
from bot.models import QuestionRow, Resident
from bot.outbox import OutboxSender
from bot.public.app import create_public
from bot.schedule import Scheduler
from bot.settings import Settings
from bot.simulator.app import create_app as create_simulator
from bot.simulator.platform import Platform
from bot.situation import Campaign, Case, City
from bot.store import Store, watched_version
from bot.suggestions import operator_key
from bot.understanding.faq import Collection, Entry, Ranker
from bot.understanding.features import Vectors
from bot.worker import ResidentFacts, Worker
from handoff import alarms, people, shares, team, translators, uploads
from handoff.calling import Hook, Mail
from handoff.console.app import create_console
from handoff.interpreter import Interpreter
from handoff.practice import Lesson, Practices, Stage
from handoff.room.app import create_room
from handoff.sample import keep_agencies
from handoff.shared.app import create_shared
from handoff.staff import Passwords, add_staff, make_password

log = structlog.get_logger("app")

WATCH_SECONDS: Final = 30.0  # the safety net under the wake-ups
LAPSE_EVERY: Final = timedelta(seconds=15)  # how often leases are looked at (CARE C16 counts in minutes)
#: Supervisors kill ten seconds after SIGTERM: requests have two, then the loops six; LINE answers within five.
DRAIN_SECONDS: Final = 2
STOP_SECONDS: Final = 6.0


APOLOGY: Final = (
    Reply(
        (
            _("いま、機械がうまく動いていません。書いてくれたことは残っていて、相談員に知らせました。"),
            _("命や子どもが危ないときは、いま119か110に電話してください。"),
        ),
        vital=True,
    ),
)


Stored = tuple[Sequence[QuestionRow], bytes]  # a city's questions, and its own ranker if it has one
Loaded = tuple[City | None, Directory | None, Mapping[str, Campaign] | None, Stored | None]  # what has changed


class Mind:
    """Understand and decide: the pure part, with the content, city and directory of this moment."""

    def __init__(self, content: Library, words: i18n.Catalogs, encoders: Encoders | None = None) -> None:
        self.content = content
        self.encoders = encoders
        self.words = words
        self.city: City | None = None
        self.directory = Directory((), content.topics_of_category)
        self.campaigns: Mapping[str, Campaign] = {}
        self._collection = Collection(())
        self._questions: Mapping[str, Entry] = {}
        self._ranker: Ranker | None = None

    def ask_of(self, collection: Collection, ranker: Ranker | None = None) -> None:
        """Search the city's own questions and answers in `collection` from now on, with the city's ranker or ours.

        Raises ContentError when nothing was learned about searching with these encoders.
        """
        if collection.entries and self.encoders is not None:
            self._ranker = ranker or library.ranker(library.CONTENT, self.encoders.name)
            if self._ranker.readers != collection.readers:
                raise ContentError("what was learned about searching does not fit the encoders: `madoguchi train`")
        self._collection = collection
        self._questions = {entry.id: entry for entry in collection.entries}

    def hear(self, inbound: Inbound, memory: Mapping[str, Any], language: str) -> Heard:
        """Return what is heard in the inbound's words, joined with those of the last ten minutes."""
        if not inbound.text:
            return Heard()
        prior = language or str(memory.get("language", ""))
        recent = engine.recent_texts(memory, inbound.at)
        vectors = self._vectors(inbound.text, recent)
        label = engine.is_label(memory, inbound.text, self.words, prior)
        heard = self.content.hearing.hear(
            inbound.text,
            vectors=vectors,
            prior=prior,
            recent=recent,
            areas=self.directory.area_names,
            label=label,
        )
        if heard.signals or vectors is None or self._ranker is None or not self._questions:
            return heard
        try:
            return replace(heard, entries=self._collection.near(inbound.text, vectors[0], self._ranker))
        except Exception as error:  # a search that fails must not stop the hearing
            log.error("questions_failed", error=type(error).__name__)
            return heard

    def _vectors(self, text: str, recent: Sequence[str]) -> list[Vectors] | None:
        """Return what the encoders make of a text, None when they fail: then patterns go on and a person reads it."""
        if self.encoders is None:
            return None
        try:
            return self.encoders.vectors(self.content.hearing.readings(text, recent))
        except Exception as error:  # whatever an engine throws must not stop the hearing of patterns
            log.error("encoders_failed", error=type(error).__name__)
            return None

    def decide(
        self,
        memory: Mapping[str, Any],
        inbound: Inbound,
        heard: Heard,
        *,
        case: Case | None,
        resident: ResidentFacts,
        now: datetime,
    ) -> Turn:
        """Return the turn."""
        assert self.city is not None
        view = View(
            library=self.content,
            directory=self.directory,
            city=self.city,
            case=case,
            language=resident.language,
            language_hint=resident.language_hint,
            is_friend=resident.is_friend,
            contact_safety=resident.contact_safety,
            consents=resident.consents,
            questions=self._questions,
            campaigns=self.campaigns,
            others_waiting=resident.others_waiting,
        )
        return engine.turn(memory, inbound, heard, view, now, self.words)

    def to_line(self, replies: Sequence[Reply], language: str, *, room_url: str = "") -> list[dict[str, Any]]:
        """Return 1 to 5 LINE messages."""
        return render.to_line(replies, language, self.words, room_url=room_url)

    def to_text(self, replies: Sequence[Reply], language: str) -> str:
        """Return plain lines for journal and room."""
        return render.to_text(replies, language, self.words)

    def wants_room(self, replies: Sequence[Reply]) -> bool:
        """Return whether a reply leads into the room."""
        return render.wants_room(replies)

    def scan(self, text: str) -> Severity | None:
        """Return how urgent the words sound, by patterns only."""
        return self.content.hearing.signals.scan(text)

    def apology(self) -> tuple[Reply, ...]:
        """Return the fixed words for a turn that failed."""
        return APOLOGY

    def first_aid(self, text: str) -> tuple[Signal, ...]:
        """Return the signals by patterns only."""
        return self.content.hearing.signals.hear(text)

    def listen(self, text: str) -> tuple[Signal, ...]:
        """Return the signals in words that come from no talk: by both layers what calls a person, else by patterns."""
        heard = self.content.hearing.hear(text, vectors=self._vectors(text, ())).signals
        grave = any(signal.severity.rank > Severity.CONCERN.rank for signal in heard)
        return heard if grave else self.first_aid(text)


class Beside(uvicorn.Server):
    """Serve a second port in the same process, and leave the signals to the first."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signals."""
        yield


class Roof:
    """Hold everything that one process is made of; `open` and `close` belong to the app's lifespan."""

    def __init__(self, settings: Settings, clock: Clock, role: str = "all") -> None:
        if settings.is_sqlite and role != "all":
            raise SettingsError(
                "on SQLite one process does everything (--role all); for several processes set "
                "MADOGUCHI_DATABASE_URL to a PostgreSQL database"
            )
        self.settings = settings
        self.clock = clock
        self.role = role
        self.store = Store(settings.database_url, settings.secret_key)
        self.content = library.load(encoders=settings.encoders)
        self.words = i18n.load(self.content.vocabulary["languages"])
        self.mind = Mind(self.content, self.words, self._encoders())
        self.line = LineClient(settings.line_api_base, settings.line_channel_access_token)
        self.intake = Intake(self.store)
        self.destination = settings.line_destination
        self.basic_id = settings.line_basic_id
        self.passwords = Passwords()
        self.scheduler = Scheduler(self.store, clock)
        self.interpreter = Interpreter(
            self.store,
            clock,
            self.city,
            translators.configured(settings.translate),
            terms=library.terms(),
            detect=self.content.hearing.languages.detect,
            hear=self.mind.listen,
        )
        self.worker = Worker(
            self.store,
            self.mind,
            self.line,
            clock,
            self.city,
            base_url=settings.base_url,
            written=self.interpreter.want,
        )
        self.fetcher = Fetcher(self.store, self.line, clock)
        self.outbox = OutboxSender(
            self.store,
            self.line,
            clock,
            self.city,
            budget=settings.monthly_push_budget,
            reserve=settings.push_reserve,
        )
        self.caller = alarms.Caller(self.store, self.city, settings.base_url, ways(settings))
        self.practices = Practices(
            settings.practice_folder,
            settings.secret_key,
            library.practice(),
            lambda: stage(self.content, self.words, self.mind.encoders, settings.base_url),
            base_url=settings.base_url,
        )
        self._versions: dict[str, int] = {}
        self._loops: list[asyncio.Task[None]] = []  # they finish what they hold
        self._watchers: list[asyncio.Task[None]] = []  # they may end at any moment
        self._figures: Beside | None = None

    def _encoders(self) -> Encoders | None:
        """Open the engines; without them the desk starts all the same, and every message is read by a person too."""
        try:
            return configured(self.settings)
        except EncoderError as error:
            log.error("encoders_missing", error=type(error).__name__)
            return None

    def city(self) -> City:
        """Return the settings of this moment; raise SettingsError while a city was never set up."""
        if self.mind.city is None:
            raise SettingsError("no city is set up: run `madoguchi demo`, or store a city's settings")
        return self.mind.city

    async def open(self) -> None:
        """Connect, load what is kept in memory, and start the loops of this role."""
        await self.store.open()
        await self.line.open()
        await self._load()
        self._register_jobs()
        if self.role in ("all", "worker"):
            loops = (self.worker.run(), self.outbox.run(), self.scheduler.run(), self.interpreter.run())
            self._loops = [asyncio.create_task(loop) for loop in loops]
        self._watchers = [asyncio.create_task(self._watch())]
        if self.role in ("all", "web"):
            self._watchers.append(asyncio.create_task(self.practices.tend()))
        if self.settings.metrics_port:
            self._loops.append(asyncio.create_task(self._tell_figures()))
        if not self.destination:
            self._watchers.append(asyncio.create_task(self._learn_who_we_are()))

    async def close(self) -> None:
        """Let the loops finish what they hold, then disconnect."""
        await asyncio.gather(self.worker.stop(), self.outbox.stop(), self.scheduler.stop(), self.interpreter.stop())
        if self._figures is not None:
            self._figures.should_exit = True
        _done, late = await asyncio.wait(self._loops, timeout=STOP_SECONDS) if self._loops else ((), ())
        for task in [*late, *self._watchers]:
            task.cancel()
        await asyncio.gather(*self._loops, *self._watchers, return_exceptions=True)
        await self.interpreter.close()
        await self.practices.close()
        await self.line.close()
        await self.store.close()

    @property
    def ready(self) -> Mapping[str, Callable[[], bool]]:
        """Return what /readyz asks beside the database: no loop of ours has ended by itself."""
        return {"loops": lambda: not any(task.done() for task in self._loops)}

    # what processes hold in memory ------------------------------------------------------------------------------

    async def _load(self) -> None:
        def unit(session: Session) -> Loaded:
            found_city = found_places = found_questions = found_campaigns = None
            for name in ("city", catalogue.NAME, campaigns.NAME, questions.NAME):
                version, _note = watched_version(session, name)
                if self._versions.get(name) == version:
                    continue
                self._versions[name] = version
                if name == "city":
                    found_city = city.load(session)
                elif name == catalogue.NAME:
                    found_places = catalogue.load(session, self.content.topics_of_category)
                elif name == campaigns.NAME:
                    found_campaigns = campaigns.running(session)
                elif self.mind.encoders is not None:
                    found_questions = questions.rows(session), questions.ranker_body(session, self.mind.encoders)
            return found_city, found_places, found_campaigns, found_questions

        new_city, new_places, new_campaigns, new_questions = await self.store.read(unit)
        if new_city is not None:
            talks = tuple(language for language in new_city.languages if language in self.words.talks)
            self.mind.city = replace(new_city, languages=talks or (i18n.SOURCE,))
        if new_places is not None:
            self.mind.directory = new_places
            log.info("loaded", name=catalogue.NAME, count=len(new_places))
        if new_campaigns is not None:
            self.mind.campaigns = new_campaigns
        if new_questions is not None:
            await asyncio.to_thread(self._read_questions, *new_questions)

    def _read_questions(self, listed: Sequence[QuestionRow], ranker: bytes) -> None:
        """Search the city's questions from now on; a desk that cannot goes on without, and says so in its log."""
        assert self.mind.encoders is not None
        try:
            collection, unread = questions.collection(listed, self.mind.encoders)
            self.mind.ask_of(collection, questions.ranker_of(ranker))
        except Exception as error:  # whatever is wrong there must not keep the desk from hearing
            log.error("questions_unread", error=type(error).__name__)
        else:
            log.info("loaded", name=questions.NAME, count=len(collection.entries), unread=unread)

    async def _watch(self) -> None:
        async with self.store.listen("watched") as bell:
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(bell.wait(), WATCH_SECONDS)
                bell.clear()
                try:
                    await self._load()
                except Exception as error:
                    log.error("load_failed", exc_info=error)

    async def _tell_figures(self) -> None:
        """Serve /metrics on a loopback port of its own (DESIGN 7)."""
        inside = Starlette(routes=metrics.routes(self.store))
        port = self.settings.metrics_port
        self._figures = Beside(uvicorn.Config(inside, "127.0.0.1", port, log_config=None, access_log=False))
        await self._figures.serve()

    async def _learn_who_we_are(self) -> None:
        while True:
            try:
                info = await self.line.bot_info()
            except (LineRefusedError, LineUnreachableError) as error:
                log.warning("bot_info_failed", error=type(error).__name__)
                await asyncio.sleep(WATCH_SECONDS)
                continue
            self.destination, self.basic_id = info.user_id, self.basic_id or info.basic_id
            return

    # jobs -------------------------------------------------------------------------------------------------------

    def _register_jobs(self) -> None:
        def remind(session: Session, payload: Mapping[str, Any], now: datetime) -> bool:
            return outreach.remind(
                session,
                UUID(payload["resident_id"]),
                now,
                library=self.content,
                city=self.city(),
                to_line=self.mind.to_line,
                to_text=self.mind.to_text,
            )

        def ask_how_it_went(session: Session, payload: Mapping[str, Any], now: datetime) -> bool:
            def decide(remembered: Mapping[str, Any], inbound: Inbound, who: Resident) -> Turn:
                facts = ResidentFacts(who.id, who.language, who.language_hint, who.is_friend, who.contact_safety)
                return self.mind.decide(remembered, inbound, Heard(), case=None, resident=facts, now=now)

            return outreach.ask_how_it_went(
                session,
                UUID(payload["resident_id"]),
                now,
                decide=decide,
                to_line=self.mind.to_line,
                to_text=self.mind.to_text,
            )

        def room_notice(session: Session, payload: Mapping[str, Any], now: datetime) -> str:
            return rooms.notice_due(
                session,
                dict(payload),
                now,
                city=self.city(),
                room_url_base=self.settings.base_url,
                to_line=self.mind.to_line,
            )

        def lapse(session: Session, _payload: Mapping[str, Any], now: datetime) -> list[UUID]:
            return cases.lapse_due(session, now, self.city())

        def sweep_rooms(session: Session, _payload: Mapping[str, Any], _now: datetime) -> int:
            return rooms.sweep(session)

        def sweep_uploads(session: Session, _payload: Mapping[str, Any], now: datetime) -> int:
            return uploads.sweep(session, now)

        async def sweep_keys(_payload: Mapping[str, Any], _now: datetime) -> int:
            return await sweep_orphan_keys(self.store)

        async def sweep_shares(_payload: Mapping[str, Any], now: datetime) -> int:
            return await shares.sweep(self.store, now)

        async def take_offers(_payload: Mapping[str, Any], now: datetime) -> int:
            return await people.take_offers(self.store, now)

        async def show_menu(payload: Mapping[str, Any], _now: datetime) -> bool:
            return await richmenu.show(self.store, self.line, UUID(payload["resident"]), self.city())

        def sweep_alarms(session: Session, _payload: Mapping[str, Any], now: datetime) -> int:
            return alarms.sweep(session, now, self.city())

        self.scheduler.register(alarms.SWEEP_JOB, sweep_alarms)
        self.scheduler.register_outside(alarms.CALL_JOB, self.caller.call)
        self.scheduler.register_outside(richmenu.JOB, show_menu)
        self.scheduler.register("remind", remind)
        self.scheduler.register(AFTERWARDS, ask_how_it_went)
        self.scheduler.register(rooms.NOTICE_JOB, room_notice)
        self.scheduler.register("lapse", lapse)
        self.scheduler.register("sweep_rooms", sweep_rooms)
        self.scheduler.register("sweep_uploads", sweep_uploads)
        self.scheduler.register_outside("sweep_keys", sweep_keys)
        self.scheduler.register_outside("sweep_shares", sweep_shares)
        self.scheduler.register_outside("take_offers", take_offers)
        self.scheduler.register_outside(FETCH_JOB, self.fetcher.fetch)
        self.scheduler.every(LAPSE_EVERY, "lapse")
        self.scheduler.every(alarms.SWEEP_EVERY, alarms.SWEEP_JOB)
        self.scheduler.every(timedelta(days=1), "sweep_rooms")
        self.scheduler.every(timedelta(hours=1), "sweep_uploads")
        self.scheduler.every(timedelta(days=1), "sweep_keys")
        self.scheduler.every(timedelta(minutes=15), "sweep_shares")
        self.scheduler.every(timedelta(minutes=1), "take_offers")

    async def _keep_room_text(self, resident_id: UUID, text: str, text_id: UUID) -> bool:
        now = self.clock.now()
        return await self.store.write(lambda s: keep_room_text(s, resident_id, text, now, text_id), group=True)

    # the web ----------------------------------------------------------------------------------------------------

    def mount(self, app: FastAPI) -> None:
        """Add every web part of this role to `app`."""
        doors = web.Doors(
            store=self.store,
            intake=self.intake,
            clock=self.clock,
            secrets=lambda: self.settings.line_channel_secrets,
            destination=lambda: self.destination,
            scan=self.mind.scan,
            line=self.line,
            line_url_base=self.settings.line_url_base,
            basic_id=lambda: self.basic_id,
            ready=self.ready,
        )
        app.router.routes.extend(web.routes(doors))
        app.mount(
            "/console",
            create_console(
                account=lambda: self.basic_id,
                store=self.store,
                clock=self.clock,
                city=self.city,
                base_url=self.settings.base_url,
                to_line=self.mind.to_line,
                passwords=self.passwords,
                directory=lambda: self.mind.directory,
                categories=self.content.vocabulary["categories"],
                words=self.words,
                operator_key=operator_key(self.settings.secret_key),
                interpreter=self.interpreter,
                practices=self.practices,
            ),
        )
        app.mount(self.practices.root, self.practices)
        app.mount(
            "/room",
            create_room(
                store=self.store,
                clock=self.clock,
                city=self.city,
                words=self.words.word,
                keep_room_text=self._keep_room_text,
                areas=lambda: self.mind.directory.area_names,
                base_url=self.settings.base_url,
            ),
        )
        app.mount(
            "/share",
            create_shared(store=self.store, clock=self.clock, city=self.city, base_url=self.settings.base_url),
        )
        app.mount(
            "/public",
            create_public(
                store=self.store,
                clock=self.clock,
                city=self.city,
                content=self.content,
                words=self.words,
                directory=lambda: self.mind.directory,
                hear=self.mind.listen,
                operator_key=operator_key(self.settings.secret_key),
                base_url=self.settings.base_url,
                line_url=self._line_url,
            ),
        )

    def _line_url(self, words: str) -> str:
        """Return where a talk with the desk opens in LINE, "" while its name there is not known."""
        return web.talk_url(self.settings.line_url_base, self.basic_id, words) if self.basic_id else ""


def stage(content: Library, words: i18n.Catalogs, encoders: Encoders | None, base_url: str) -> Stage:
    """Return what people practise on: ひなた市, with a mind of its own and nothing that sends."""
    settings, documents = library.sample_city()
    mind = Mind(content, words, encoders)
    mind.city = town = city.city_of(settings["city"])
    places = resources_from_documents(documents, content.vocabulary["categories"])
    mind.directory = Directory(places, content.topics_of_category)
    passwords = Passwords()

    def console(store: Store, clock: Clock, lesson: Lesson) -> FastAPI:
        return create_console(
            store=store,
            clock=clock,
            city=lambda: town,
            base_url=base_url,
            to_line=mind.to_line,
            passwords=passwords,
            directory=lambda: mind.directory,
            categories=content.vocabulary["categories"],
            words=words,
            operator_key=secrets.token_bytes(32),  # no operator is ever written to
            interpreter=Interpreter(  # that knows no service: nothing leaves
                store,
                clock,
                lambda: town,
                {},
                terms=library.terms(),
                detect=content.hearing.languages.detect,
                hear=mind.listen,
            ),
            lesson=lesson,
        )

    def furnish(session: Session, at: datetime) -> None:
        catalogue.keep(session, "sample_city", places, at)
        keep_agencies(session, documents["agencies"], By("practice", "練習"), at)

    return Stage(town, mind, furnish, console)


def ways(settings: Settings) -> alarms.Ways:
    """Return how people are called, as these settings say."""
    return alarms.Ways(
        Mail(settings.smtp_url, settings.mail_from) if settings.smtp_url else None,
        Hook(settings.alarm_hook_url, settings.alarm_hook_secret) if settings.alarm_hook_url else None,
    )


def create_app(roof: Roof, *extra: Callable[[FastAPI], None]) -> FastAPI:
    """Return the application of one process; `extra` adds what only the demo has."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        try:
            await roof.open()
            yield
        finally:
            await roof.close()

    async def no_picture(_request: Request) -> Response:
        return Response(status_code=204)

    app = FastAPI(lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    app.router.routes.append(Route("/favicon.ico", no_picture))  # browsers ask by themselves
    app.add_middleware(web.SecurityHeaders, https=roof.settings.base_url.startswith("https://"))
    if roof.role in ("all", "web"):
        roof.mount(app)
    else:
        app.router.routes.extend(web.health(roof.store, roof.ready))
    for add in extra:
        add(app)
    return app


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """Hold the lock that keeps a second process from serving the same SQLite file."""
    if not settings.is_sqlite:
        yield
        return
    path = settings.database_path.with_suffix(".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingsError(f"another process already serves {settings.database_path}") from None
        yield


# --- the demo ---------------------------------------------------------------------------------------------------------

DEMO_DESTINATION: Final = "U" + "d" * 32
DEMO_CAMPAIGN: Final = "K7F3"
#: login -> desks, languages, skills and how many talks at once
DEMO_TEAM: Final = {
    "sakura": (("hiroba",), ("ja", "ja-easy", "en"), ("保育士",), 3),
    "mori": (("kodomo-katei",), ("ja",), ("保健師",), 4),
}
DEMO_STAFF: Final = (
    ("sakura", "さくら", "specialist"),
    ("mori", "もり", "supervisor"),
    ("tanaka", "たなか", "officer"),
    ("kanri", "かんり", "administrator"),
)


DEMO_EVERY: Final = 16  # of the town's questions one in so many: all would take the encoders half a minute


def demo_settings(host: str, port: int, folder: Path) -> Settings:
    """Return settings for a desk that talks to the simulator in the same process, on a fresh database in `folder`."""
    base = f"http://{host}:{port}"
    return Settings(
        database_url=f"sqlite:///{folder / 'demo.db'}",
        secret_key=secrets.token_hex(32),
        line_channel_secrets=(secrets.token_hex(16),),
        line_channel_access_token=secrets.token_urlsafe(32),
        line_api_base=f"{base}/simulator",
        line_destination=DEMO_DESTINATION,
        line_basic_id="@hinata-demo",
        line_url_base=f"{base}/simulator",
        base_url=base,
        practice_folder=folder / "practice",
    )


async def set_up_demo(roof: Roof) -> dict[str, str]:
    """Fill a fresh database with ひなた市, a printed card and the staff; return login -> password."""
    store, now = roof.store, roof.clock.now()
    await store.migrate()
    await store.open()
    try:
        settings, documents = library.sample_city()
        places = resources_from_documents(documents, roof.content.vocabulary["categories"])
        asked = questions.Read("sample_city", tuple(library.questions()["town"][0][::DEMO_EVERY]))
        engines = roof.mind.encoders or Encoders("none", ())
        vectors, made_by = questions.encoded(asked.entries, engines), questions.fingerprint(engines)

        def unit(session: Session) -> None:
            city.save(session, settings["city"], now, "demo")
            catalogue.keep(session, "sample_city", places, now)
            keep_agencies(session, documents["agencies"], By("cli", DEMO_STAFF[0][1]), now)
            questions.keep(session, asked, vectors, made_by, now)
            campaigns.add(
                session,
                token=DEMO_CAMPAIGN,
                moment="home_visit",
                place="ひなた市",
                languages=("ja", "ja-easy", "en"),
                greetings={},
                at=now,
            )

        await store.write(unit)
        signs_in = {login: make_password() for login, _name, _role in DEMO_STAFF}
        for login, name, role in DEMO_STAFF:
            staff_id = await add_staff(
                store,
                roof.passwords,
                login=login,
                work_name=name,
                role=role,
                password=signs_in[login],
                at=now,
            )
            if login in DEMO_TEAM:
                await store.write(partial(_describe, staff_id=staff_id, login=login, at=now))
        return signs_in
    finally:
        await store.close()


def _describe(session: Session, *, staff_id: UUID, login: str, at: datetime) -> None:
    desks, languages, skills, capacity = DEMO_TEAM[login]
    by = By("cli", DEMO_STAFF[0][1])
    team.change(session, staff_id, desks=desks, languages=languages, skills=skills, capacity=capacity, by=by, at=at)


def demo_platform(settings: Settings, clock: Clock) -> Platform:
    """Return the LINE stand-in that knows the demo's secrets."""
    return Platform(
        channel_secret=settings.line_channel_secrets[0],
        access_token=settings.line_channel_access_token,
        destination=settings.line_destination,
        webhook_url=f"{settings.base_url}/line/webhook",
        clock=clock,
        basic_id=settings.line_basic_id,
        account_name="ひなた市 子育てのまどぐち",
    )


def hang_menus(platform: Platform, words: i18n.Catalogs) -> None:
    """Hang the rich menus in the LINE stand-in, as `madoguchi line menus` does at LINE."""
    for language, picture in library.menu_pictures().items():
        made = platform.menus.create(richmenu.menu(language, words, picture)).body
        assert isinstance(made, dict)
        id = str(made["richMenuId"])
        platform.menus.upload(id, picture, "image/png")
        platform.menus.set_alias({"richMenuAliasId": richmenu.alias(language), "richMenuId": id})
        if language == i18n.SOURCE:
            platform.menus.link("all", id)


def add_simulator(platform: Platform, clock: Clock) -> Callable[[FastAPI], None]:
    """Return what mounts the simulator; its clock button moves desk time."""

    def set_clock(moment: datetime | None) -> None:
        clock.reset() if moment is None else clock.set(moment)

    def add(app: FastAPI) -> None:
        app.mount("/simulator", create_simulator(platform, set_clock=set_clock))

    return add


def serve_app(app: FastAPI, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM, then end streams, requests and loops within ten seconds, with exit code 0."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises it once more when all has ended well
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,  # our own log lines say less and enough
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        limit_concurrency=1_000,
    )


def run(settings: Settings, host: str, port: int, role: str, silent: Sequence[str] = ()) -> None:
    """Serve a city; `silent` says why nobody would be called at an alarm, if so."""
    logs.set_up(settings.log_level)
    for problem in silent:
        log.error("alarms_call_nobody", problem=problem)
    for problem in translators.problems(settings.translate):
        log.error("translator_not_asked", problem=problem)
    with only_one(settings):
        serve_app(create_app(Roof(settings, Clock(), role)), host, port)


def run_demo(host: str, port: int, folder: Path, told: Callable[[dict[str, Any]], None]) -> None:
    """Serve the demo on a fresh database in `folder`; `told` gets the addresses and sign-ins before it serves."""
    logs.set_up("WARNING")
    settings = demo_settings(host, port, folder)
    with only_one(settings):
        for old in settings.database_path.parent.glob("demo*.db*"):
            old.unlink()
        clock = Clock()
        roof = Roof(settings, clock)
        signs_in = asyncio.run(set_up_demo(roof))
        platform = demo_platform(settings, clock)
        hang_menus(platform, roof.words)
        told(
            {
                "phone": f"{settings.base_url}/simulator/",
                "card": f"{settings.base_url}/q/{DEMO_CAMPAIGN}",
                "cards": f"{settings.base_url}/public/cards/{DEMO_CAMPAIGN}",
                "console": f"{settings.base_url}/console/",
                "public": f"{settings.base_url}/public/",
                "staff": [
                    {"role": role, "login": login, "name": name, "password": signs_in[login]}
                    for login, name, role in DEMO_STAFF
                ],
            }
        )
        serve_app(create_app(Roof(settings, clock), add_simulator(platform, clock)), host, port)
