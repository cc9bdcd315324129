"""A console on a real store, with one account per role and talks to look at; shared by the console's tests."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from bot import cases, catalogue, journal, library, media
from bot.app import stage
from bot.clock import Clock
from bot.directory.search import Directory
from bot.messages import InboundKind, Reply, Severity, Signal
from bot.models import CaseRow, Memory, Outbox, Resident
from bot.opening import Opening, Schedule
from bot.situation import Case, City, Desk
from bot.store import Store, db_now, enqueue_outbox
from bot.suggestions import operator_key
from bot.vault import resident_owner, seal
from handoff.console.app import create_console
from handoff.interpreter import Interpreter
from handoff.practice import Practices
from handoff.staff import ROLES, Passwords, add_staff
from handoff.translator import Translator
from tests.conftest import SECRET_KEY
from tests.talk import content, words

NOW = datetime(2026, 11, 20, 17, 10, tzinfo=UTC)  # Saturday 02:10 in Tokyo
PASSWORD = "kumo-to-haru-no-yama-72"
BASE = "http://console.test"
WEEK = Opening((Schedule((0, 1, 2, 3, 4), time(9), time(17)),))
CITY = City("ひなた市", (Desk("hinata", "ひなた子育て窓口", "基本型", WEEK),))
NAMES = {"specialist": "さとう", "supervisor": "たなか", "officer": "やまだ", "administrator": "かんり"}


def plain_line(replies: tuple[Reply, ...], language: str, *, room_url: str = "") -> list[dict[str, Any]]:
    """Stand in for `render`: one text message with the room's address."""
    return [{"type": "text", "text": f"{language} {len(replies)} {room_url}"}]


class Plain(Passwords):
    """Compare passwords without argon2, which has its own tests: these sign in hundreds of times."""

    def __init__(self) -> None:
        """Hash nothing beforehand."""

    async def hash(self, password: str) -> str:
        """Return something that only this class reads."""
        return f"plain:{password}"

    async def check(self, stored: str, password: str) -> bool:
        """Compare."""
        return stored == f"plain:{password}"

    def is_old(self, stored: str) -> bool:
        """Say that it is as new as can be."""
        return False


@dataclass
class World:
    """Hold the console, its store and clock, and the accounts."""

    store: Store
    clock: Clock
    app: FastAPI
    passwords: Passwords
    staff: dict[str, uuid.UUID]
    interpreter: Interpreter
    services: dict[str, Translator]  # what `interpreter` asks; none at first
    city: City = CITY
    cities: list[City] = field(default_factory=list)
    places: Directory = field(default_factory=lambda: Directory((), content().topics_of_category))
    practices: Practices | None = None

    def set_city(self, **changes: Any) -> None:
        """Change the city's settings, as the city's own page would."""
        self.city = replace(self.city, **changes)

    async def load_places(self) -> None:
        """Search the places as they are stored now, as the roof does when their version moves."""
        self.places = await self.store.read(lambda s: catalogue.load(s, content().topics_of_category))

    def browser(self) -> httpx.AsyncClient:
        """Give a browser without cookies, on our own origin."""
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app),
            base_url=BASE,
            headers={"origin": BASE, "sec-fetch-site": "same-origin"},
        )

    async def signed_in(self, role: str, browser: httpx.AsyncClient) -> str:
        """Sign a browser in and return its CSRF token."""
        answer = await browser.post("/sign-in", data={"login": role, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return csrf_of((await browser.get("/")).text)


def csrf_of(page: str) -> str:
    """Find the CSRF token in a page."""
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found, page[:500]
    return found.group(1)


def practising(folder: Path, base_url: str, home: str) -> Practices:
    """Let people practise in a folder, hearing by patterns alone."""
    return Practices(
        folder, SECRET_KEY, library.practice(), lambda: stage(content(), words(), None, base_url),
        base_url=base_url, home=home,
    )  # fmt: skip


async def build(store: Store, base_url: str = BASE, *, staffed: bool = True, home: str = "/practice") -> World:
    """Make the console and, unless not `staffed`, four accounts; people practise beside an embedded database."""
    clock, passwords = Clock(), Plain()
    clock.set(NOW, running=False)
    world: World

    def city() -> City:
        return world.city

    services: dict[str, Translator] = {}
    ears = content().hearing
    interpreter = Interpreter(
        store, clock, city, services, terms=library.terms(), detect=ears.languages.detect, hear=ears.signals.hear
    )
    practices = practising(Path(store.url.database or "").parent / "p", base_url, home) if store.is_sqlite else None
    app = create_console(
        store=store,
        clock=clock,
        city=city,
        base_url=base_url,
        to_line=plain_line,
        passwords=passwords,
        directory=lambda: world.places,
        categories=content().vocabulary["categories"],
        words=words(),
        operator_key=operator_key(SECRET_KEY),
        interpreter=interpreter,
        practices=practices,
    )
    staff = {
        role: await add_staff(store, passwords, login=role, work_name=NAMES[role], role=role, password=PASSWORD, at=NOW)
        for role in (ROLES if staffed else ())
    }
    world = World(store, clock, app, passwords, staff, interpreter, services, practices=practices)
    return world


async def a_resident(store: Store, **columns: Any) -> uuid.UUID:
    """Make one resident whom the desk has greeted."""
    resident_id = uuid.uuid4()
    owner = resident_owner(resident_id)
    await store.ensure_keys([owner])

    def unit(session: Session) -> None:
        values = {"first_seen_at": NOW - timedelta(days=3), "language": "ja", "is_friend": True} | columns
        session.add(
            Resident(
                id=resident_id,
                line_hash=resident_id.hex,
                line_id_sealed=seal(session, owner, "resident", "line_id", resident_id, "U0"),
                last_inbound_db=db_now(session),
                **values,
            )
        )
        session.flush()
        body = seal(session, owner, "memory", "body", resident_id, json.dumps({}))
        session.execute(insert(Memory).values(resident_id=resident_id, version=1, body_sealed=body))

    await store.write(unit)
    return resident_id


async def writes(
    store: Store,
    resident_id: uuid.UUID,
    words: str,
    *signals: Signal,
    at: datetime = NOW,
    event: Any = "",
    reason: str = "",
    language: str = "ja",
    answer: str = "",
    answer_state: str = "accepted",
    city: City = CITY,
) -> Case | None:
    """Let a resident write, the desk hear it, and perhaps answer."""

    def unit(session: Session) -> Case | None:
        uid = journal.write(session, resident_id, who="resident", kind="text", words=words, at=at, language=language)
        case = cases.apply(
            session, resident_id, signals=signals, event=event, reason=reason, journal_uid=uid, at=at, city=city
        )
        if answer:
            sent = enqueue_outbox(session, resident_id, [{"type": "text", "text": answer}], origin="desk", at=at)
            session.execute(update(Outbox).where(Outbox.id == sent).values(state=answer_state))
            journal.write(
                session,
                resident_id,
                who="desk",
                kind="reply",
                words=answer,
                at=at,
                language=language,
                outbox_id=sent,
            )
        return case

    return await store.write(unit)


async def sent(
    store: Store, case_id: uuid.UUID, body: bytes, kind: InboundKind = "image", *, at: datetime = NOW
) -> uuid.UUID:
    """Let the resident of a case send something that LINE has and that was fetched for people; return its id."""

    class Shelf:
        async def content(self, message_id: str, most: int) -> bytes:
            return body

    def unit(session: Session) -> uuid.UUID:
        resident_id = session.get_one(CaseRow, case_id).resident_id
        uid = journal.write(session, resident_id, who="resident", kind=kind, words="", at=at)
        media.note(session, resident_id, uid, kind, "m1", at)
        media.want(session, resident_id, uid, at, at)
        return uid

    id = await store.write(unit)
    clock = Clock()
    clock.set(at, running=False)
    await media.Fetcher(store, Shelf(), clock).fetch({"media_id": str(id)}, at)
    return id


OWN_HAND = Signal(
    "abuse",
    Severity.URGENT,
    ("infant",),
    "たたいてしまいそう",
    "ja.own_hand.fear",
    "自分の手で子どもを傷つけそうだと感じている",
    "child",
    "fear",
)
VANISH = Signal("crisis", Severity.EMERGENCY, (), "ベランダ", "ja.means.place", "場所が決まっている", "self", "plan")
TIRED_EN = Signal("anxiety", Severity.CONCERN, (), "so tired", "en.exhausted", "とても疲れている", "self", "")


def form(csrf: str, **fields: str) -> Mapping[str, str]:
    """Give the fields of a form with its token."""
    return {"csrf": csrf, **fields}
