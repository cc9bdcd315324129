"""The resident's private page at /room: the door, the talk, sending, leaving, and the stream of what is new.

The rule: every link that does not open, every ended visit and every unknown address get the same gentle page, so
that no talk is ever confirmed to anybody (CARE C20); nothing that a resident wrote is logged, cached or in an address.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import unicodedata
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import select
from sqlalchemy.orm import Session
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from bot import memory, rooms
from bot.cases import open_case
from bot.clock import Clock
from bot.i18n import OWN_NAMES, choose, html_language
from bot.opening import TOKYO
from bot.profile import KINDS, Profile
from bot.situation import City
from bot.store import Store
from handoff import outside
from handoff.models import Staff
from handoff.room import family
from handoff.room import words as say
from handoff.room.words import Words

log = structlog.get_logger(__name__)

#: (resident, text, id of this writing) -> False when that id was kept before.
KeepRoomText = Callable[[uuid.UUID, str, uuid.UUID], Awaitable[bool]]

HERE: Final = Path(__file__).parent
TEXT_MOST: Final = 5_000  # characters of one writing, as many as LINE takes
BODY_MOST: Final = 65_536  # bytes of one request
SECRET_LEAST: Final = 6  # characters of a 合言葉; throttled to five tries, then waits
JOURNAL_SECONDS: Final = 3.0  # how long sending waits for its words to appear in the journal
BEAT_SECONDS: Final = 10.0  # facts/reliability.md C: a named heartbeat; the page doubts the stream after 25 s
STREAM_SECONDS: Final = 900.0  # a stream lives 15 minutes, then the page asks for another one
STREAMS: Final = 3  # at once per browser
CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def create_room(
    *,
    store: Store,
    clock: Clock,
    city: Callable[[], City],
    words: Words,
    keep_room_text: KeepRoomText,
    areas: Callable[[], frozenset[str]],
    base_url: str,
    exit_url: str = "https://www.jma.go.jp/",
) -> Starlette:
    """Return the application to mount at /room.

    `city` gives the current settings, `words` words a phrase in a language (`i18n.Catalogs.word`), `keep_room_text`
    takes (resident id, text, id of this writing) into the inbox and keeps one id once; `areas` names the areas that the
    directory knows; `exit_url` is the harmless page that "このページを出る" leads to. Cookies are Secure when
    `base_url` is https.
    """
    desk = _Pages(store, clock, city, words, keep_room_text, areas, base_url, exit_url)
    return Starlette(
        routes=[
            Route("/enter/{token}", desk.door, methods=["GET"]),
            Route("/enter/{token}", desk.enter, methods=["POST"]),
            Route("/", desk.room, methods=["GET"]),
            Route("/words", desk.words, methods=["GET"]),
            Route("/stream", desk.stream, methods=["GET"]),
            Route("/picture/{id:uuid}", desk.picture, methods=["GET"]),
            Route("/say", desk.say, methods=["POST"]),
            Route("/secret/set", desk.set_secret, methods=["POST"]),
            Route("/secret/open", desk.open_secret, methods=["POST"]),
            Route("/family", desk.keep_family, methods=["POST"]),
            Route("/family/forget", desk.forget_family, methods=["POST"]),
            Route("/leave", desk.leave, methods=["GET", "POST"]),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ],
        middleware=[
            Middleware(outside.Headers, csp=CSP, https=base_url.startswith("https://")),
            Middleware(RequestBodyLimitMiddleware, max_body_size=BODY_MOST),
        ],
        exception_handlers={404: desk.closed_handler, 405: desk.closed_handler},
    )


@dataclass
class _Pages:
    """Answer the room's requests; holds what the roof passed in, and how many streams each browser has."""

    store: Store
    clock: Clock
    city: Callable[[], City]
    wording: Words
    keep_room_text: KeepRoomText
    areas: Callable[[], frozenset[str]]
    base_url: str
    exit_url: str
    streams: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.secure = self.base_url.startswith("https://")
        self.cookie = "__Secure-visit" if self.secure else "visit"
        self.hasher = PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1)  # facts/reliability.md D2
        self.hashing = asyncio.Semaphore(2)  # each takes 46 MiB
        self.templates = outside.templates(HERE / "templates")
        files = sorted((HERE / "static").iterdir())
        self.version = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:10]

    # the door ---------------------------------------------------------------------------------------------------

    async def door(self, request: Request) -> Response:
        """Show a button and touch nothing: previews and crawlers open no room, and every token looks the same."""
        return self._door(request, open=True)

    async def enter(self, request: Request) -> Response:
        """Redeem the link: a cookie and the room, or the gentle page."""
        token, old = request.path_params["token"], request.cookies.get(self.cookie, "")
        if not outside.same_site(request, self.base_url):
            return self._door(request, open=False)
        now = self.clock.now()

        def unit(session: Session) -> tuple[str | None, bool]:
            visit = rooms.find_visit(session, old) if old else None
            fresh = rooms.redeem(session, token, now)
            if fresh and old:
                rooms.end_visit(session, old)
            return fresh, visit is not None and rooms.opens_again(session, token, visit)

        fresh, again = await self.store.write(unit)
        if fresh is None and not again:
            return self._door(request, open=False)
        response = RedirectResponse("/room/", 303)
        if fresh is not None:
            response.set_cookie(
                self.cookie,
                fresh,
                max_age=rooms.VISIT_SECONDS,
                path="/room",
                secure=self.secure,
                httponly=True,
                samesite="lax",
            )
        return response

    async def leave(self, request: Request) -> Response:
        """End the visit and go to the harmless page; also the page's farewell call (POST)."""
        if cookie := request.cookies.get(self.cookie, ""):
            await self.store.write(lambda session: rooms.end_visit(session, cookie))
        response = Response(status_code=204) if request.method == "POST" else RedirectResponse(self.exit_url, 303)
        response.delete_cookie(self.cookie, path="/room", secure=self.secure, httponly=True, samesite="lax")
        return response

    async def closed_handler(self, request: Request, _error: Exception) -> Response:
        """Answer unknown addresses like links that do not open."""
        return self._door(request, open=False)

    def _door(self, request: Request, *, open: bool, kept: str = "") -> Response:
        city = self.city()
        language = say.pick_language(request.headers.get("accept-language", ""), city.languages)
        other = "en" if language in ("ja", "ja-easy") else "ja"
        second = {"lang": html_language(other), "t": self._labels(other)} if other in city.languages else None
        page = self.templates.get_template("door.html").render(
            self._frame(city, language), open=open, second=second, kept=kept
        )
        return HTMLResponse(page, 200 if open else 404)

    # the talk ---------------------------------------------------------------------------------------------------

    async def room(self, request: Request) -> Response:
        """Show the whole page."""
        visit = await self._visit(request)
        if visit is None:
            return self._door(request, open=False)
        n = request.query_params.get("n", "")
        note = self.wording(say.NOTES[n], self._language(visit)) if n in say.NOTES else ""
        return await self._room(visit, note=note, family_open=n in say.OF_FAMILY)

    async def words(self, request: Request) -> Response:
        """Show the words alone, or 204 when the browser has them all (`have`)."""
        visit = await self._visit(request)
        if visit is None:
            return self._door(request, open=False)
        return await self._part(visit, request.query_params.get("have", ""))

    async def picture(self, request: Request) -> Response:
        """Give a picture that staff sent, to a browser that may see the words it came with."""
        visit, id = await self._visit(request), request.path_params["id"]
        body = await self.store.read(lambda session: rooms.picture(session, visit, id)) if visit else None
        if body is None:
            return self._door(request, open=False)
        return Response(body, media_type="image/jpeg", headers={"content-disposition": "inline"})

    async def say(self, request: Request) -> Response:
        """Take what the resident wrote into the inbox; the same words under the same key are kept once."""
        form = await outside.form(request)
        text = form.get("text", "").replace("\r\n", "\n").strip()
        visit = await self._visit(request)
        if visit is None or not self._allowed(request, visit, form):
            return self._door(request, open=False, kept=text)
        part, key = request.headers.get("x-part") == "words", form.get("key", "")
        if not text:
            return RedirectResponse("/room/#last", 303)
        if len(text) > TEXT_MOST:
            return await self._refused(visit, "too_long", text, key, 413, part=part)
        before = await self.store.read(lambda session: rooms.state(session, visit))
        try:
            fresh = await self.keep_room_text(visit.resident_id, text, uuid.uuid5(visit.room_id, f"{key}\n{text}"))
        except Exception as error:  # whatever it was: the words stay in her hands, and the reason's name in the log
            log.error("room_text_not_kept", error=type(error).__name__)
            return await self._refused(visit, "failed", text, key, 503, part=part)
        arrived = await self._wait(visit, before) if fresh else True
        if part:
            return await self._part(visit, "")
        return RedirectResponse("/room/#last" if arrived else f"/room/?n={say.SENT}#last", 303)

    async def stream(self, request: Request) -> Response:
        """Tell the page when there is something new: marks only, no words."""
        visit, cookie = await self._visit(request), request.cookies.get(self.cookie, "")
        if visit is None:
            return self._door(request, open=False)
        if self.streams.get(visit.token_hash, 0) >= STREAMS:
            return Response(status_code=429)
        return EventSourceResponse(self._news(cookie, visit.token_hash))

    async def _news(self, cookie: str, browser: str) -> AsyncIterator[dict[str, str]]:
        def look(session: Session) -> str | None:
            visit = rooms.find_visit(session, cookie)
            return rooms.state(session, visit) if visit else None

        loop, known = asyncio.get_running_loop(), ""
        until = loop.time() + STREAM_SECONDS
        self.streams[browser] = self.streams.get(browser, 0) + 1
        try:
            async with self.store.listen("event") as bell:
                while loop.time() < until:
                    bell.clear()
                    state = await self.store.read(look)
                    if state is None:
                        yield {"event": "over", "data": "-"}
                        return
                    if state != known:
                        known = state
                        yield {"event": "words", "data": state}
                    try:
                        await asyncio.wait_for(bell.wait(), BEAT_SECONDS)
                        await asyncio.sleep(0.1)  # several changes, one look
                    except TimeoutError:
                        yield {"event": "beat", "data": "-"}
        finally:
            self.streams[browser] -= 1
            if not self.streams[browser]:
                del self.streams[browser]

    # 合言葉 -------------------------------------------------------------------------------------------------------

    async def set_secret(self, request: Request) -> Response:
        """Let the resident choose the 合言葉 of this room."""
        form, visit = await outside.form(request), await self._visit(request)
        if visit is None or not self._allowed(request, visit, form):
            return self._door(request, open=False)
        secret = _secret(form)
        if len(secret) < SECRET_LEAST:
            return _back(say.SHORT)
        async with self.hashing:
            hashed = await asyncio.to_thread(self.hasher.hash, secret)
        done = await self.store.write(lambda session: rooms.set_password(session, visit, hashed))
        return _back(say.SET if done else say.WRONG)

    async def open_secret(self, request: Request) -> Response:
        """Open what the 合言葉 opens, or say the same gentle no for a wrong one, none and a wait."""
        form, visit = await outside.form(request), await self._visit(request)
        if visit is None or not self._allowed(request, visit, form):
            return self._door(request, open=False)
        hashed = await self.store.write(lambda session: rooms.take_try(session, visit))
        if not hashed:
            return _back(say.WRONG)
        try:
            async with self.hashing:
                await asyncio.to_thread(self.hasher.verify, hashed, _secret(form))
        except (Argon2Error, InvalidHashError):
            return _back(say.WRONG)
        done = await self.store.write(lambda session: rooms.unlock(session, visit, hashed))
        return _back(say.OPENED if done else say.WRONG)

    # the family profile -----------------------------------------------------------------------------------------

    async def keep_family(self, request: Request) -> Response:
        """Take what the resident tells of the family; what was left blank stays as it was."""
        form, visit = await outside.form(request), await self._visit(request)
        if visit is None or not self._allowed(request, visit, form):
            return self._door(request, open=False)
        now = self.clock.now()
        told = family.read(form, self.areas(), now.astimezone(TOKYO).date())
        if isinstance(told, str):
            return _back(told, "family")
        language = form.get("language", "")
        chosen = language if language in self.city().languages else ""
        await self.store.write(lambda session: family.keep(session, visit.resident_id, told, chosen, now))
        return _back(say.KEPT, "family")

    async def forget_family(self, request: Request) -> Response:
        """Forget all that was told of the family."""
        form, visit = await outside.form(request), await self._visit(request)
        if visit is None or not self._allowed(request, visit, form):
            return self._door(request, open=False)
        now = self.clock.now()
        await self.store.write(lambda session: family.forget(session, visit.resident_id, now))
        return _back(say.FORGOTTEN, "family")

    # parts ------------------------------------------------------------------------------------------------------

    async def _visit(self, request: Request) -> rooms.Visit | None:
        cookie = request.cookies.get(self.cookie, "")
        return await self.store.read(lambda session: rooms.find_visit(session, cookie)) if cookie else None

    def _allowed(self, request: Request, visit: rooms.Visit, form: Mapping[str, str]) -> bool:
        given = form.get("csrf", "").encode()
        return outside.same_site(request, self.base_url) and hmac.compare_digest(given, visit.csrf.encode())

    async def _wait(self, visit: rooms.Visit, before: str) -> bool:
        """Wait for what was sent to appear in the journal; return whether it did in time."""
        until = asyncio.get_running_loop().time() + JOURNAL_SECONDS
        async with self.store.listen("event") as bell:
            while asyncio.get_running_loop().time() < until:
                bell.clear()
                if await self.store.read(lambda session: rooms.state(session, visit)) != before:
                    return True
                with suppress(TimeoutError):
                    await asyncio.wait_for(bell.wait(), 0.15)
        return False

    async def _refused(self, visit: rooms.Visit, why: str, text: str, key: str, code: int, *, part: bool) -> Response:
        if part:
            return Response(status_code=code)
        note = self.wording(say.LABELS[why], self._language(visit))
        return await self._room(visit, note=note, kept=text, key=key, code=code)

    async def _part(self, visit: rooms.Visit, have: str) -> Response:
        picture = await self._picture(visit, have)
        if picture is None:
            return Response(status_code=204)
        return HTMLResponse(self.templates.get_template("words.html").render(picture))

    async def _room(
        self,
        visit: rooms.Visit,
        *,
        note: str = "",
        kept: str = "",
        key: str = "",
        code: int = 200,
        family_open: bool = False,
    ) -> Response:
        picture = await self._picture(visit, "")
        assert picture is not None
        if key:
            picture["key"] = key
        page = self.templates.get_template("room.html").render(
            self._frame(self.city(), self._language(visit)) | picture | await self._family(visit),
            csrf=visit.csrf,
            note=note,
            family_open=family_open,
            kept=kept,
            text_most=TEXT_MOST,
            locked=visit.has_password and not visit.unlocked,
            unlocked=visit.unlocked,
        )
        return HTMLResponse(page, code)

    async def _family(self, visit: rooms.Visit) -> dict[str, Any]:
        """Return what family.html shows: kinds, never what was told before (CARE C20)."""
        kept = await self.store.read(lambda session: Profile.of(memory.look(session, visit.resident_id)))
        language, city = self._language(visit), self.city()
        return {
            "kinds": [self.wording(KINDS[kind], language) for kind in kept.kinds],
            **family.fields(self.areas(), self.clock.now().astimezone(TOKYO).date()),
            "languages": [(id, OWN_NAMES[id]) for id in city.languages if id in OWN_NAMES],
        }

    async def _picture(self, visit: rooms.Visit, have: str) -> dict[str, Any] | None:
        """Return what words.html shows, marking it seen; None when the browser has it all."""
        now, city, language = self.clock.now(), self.city(), self._language(visit)

        def unit(session: Session) -> tuple[str, tuple[rooms.Bubble, ...], str, dict[uuid.UUID, str]] | None:
            state = rooms.state(session, visit)
            if have == state:
                rooms.touch(session, visit)
                return None
            bubbles = rooms.show(session, visit, now)
            case = open_case(session, visit.resident_id)
            holder = case.holder_id if case is not None and case.held else None
            people = {b.staff_id for b in bubbles if b.staff_id} | ({holder} if holder else set())
            names = {
                row.id: row.work_name
                for row in session.execute(select(Staff.id, Staff.work_name).where(Staff.id.in_(people)))
            }
            return state, bubbles, names.get(holder, "") if holder else "", names

        found = await self.store.write(unit)
        if found is None:
            return None
        state, bubbles, holder, names = found
        labels = self._labels(language)
        return {
            "t": labels,
            "state": state,
            "key": uuid.uuid4().hex,
            "status": self.wording(say.status(city, now, holder), language),
            "bubbles": [_bubble(b, names, labels, language, now) for b in bubbles],
        }

    def _language(self, visit: rooms.Visit) -> str:
        return choose(self.city().languages, visit.language)

    def _labels(self, language: str) -> dict[str, str]:
        return {name: self.wording(phrase, language) for name, phrase in say.LABELS.items()}

    def _frame(self, city: City, language: str) -> dict[str, Any]:
        title = city.name if html_language(language) == "ja" or not city.name_en else city.name_en
        return {
            "title": title,
            "html_language": html_language(language),
            "t": self._labels(language),
            "version": self.version,
            "exit_url": self.exit_url,
        }


def _bubble(
    bubble: rooms.Bubble, names: Mapping[uuid.UUID, str], t: Mapping[str, str], language: str, now: datetime
) -> dict[str, Any]:
    local = bubble.at.astimezone(TOKYO)
    clock = f"{local.hour}:{local.minute:02}"
    brackets = "{}（{}）" if html_language(language) == "ja" else "{} ({})"
    person = names.get(bubble.staff_id, "") if bubble.staff_id else ""
    name = {
        "resident": t["me"],
        "desk": t["machine"],
        "staff": brackets.format(person, t["person"]) if person else t["person"],
    }[bubble.who]
    return {
        "id": bubble.id,
        "who": bubble.who,
        "name": name,
        "text": bubble.text,
        "lang": html_language(bubble.language) if bubble.language else "",
        "quote": t["earlier"] if bubble.quote == "" else bubble.quote,
        "cards": bubble.cards,
        "picture": bubble.picture,
        "iso": local.isoformat(timespec="minutes"),
        "time": clock if local.date() == now.astimezone(TOKYO).date() else f"{local.month}/{local.day} {clock}",
    }


def _secret(form: Mapping[str, str]) -> str:
    return unicodedata.normalize("NFKC", form.get("secret", "")).strip()[:100]


def _back(note: str, part: str = "last") -> Response:
    return RedirectResponse(f"/room/?n={note}#{part}", 303)
