"""Serve the phone in the browser: one page, its state as JSON, and what the person at it does.

The rule: the page shows only what `Resident.chat` holds; it has no powers a resident or a network would not have.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from bot.errors import RefusedError
from bot.opening import TOKYO
from bot.simulator.people import Bubble, Resident
from bot.simulator.platform import Platform

Json = dict[str, Any]
SetClock = Callable[[datetime | None], None]
Work = Callable[[Json], Awaitable[Json] | Json]

HERE = Path(__file__).parent
PICTURE_LIMIT = 10 * 1024 * 1024  # bytes; what LINE takes for an image
FILE_LIMIT = 32 * 1024 * 1024  # LINE takes far more; enough to send what the desk will not fetch
PICTURES = ("image/png", "image/jpeg", "image/webp", "image/gif")
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; media-src 'self'; "
    "connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Hold a place that the location picker offers; degrees in WGS 84."""

    title: str
    address: str
    latitude: float
    longitude: float


DEFAULT_PLACES = (
    Place("ひなた市役所", "ひなた市中央一丁目1-1", 35.7, 139.4),
    Place("ひなた駅前", "ひなた市駅前二丁目3-4", 35.705, 139.41),
)


class Phone:
    """Turn requests of the page into what residents, networks and clocks do."""

    def __init__(self, platform: Platform, set_clock: SetClock | None, places: tuple[Place, ...]) -> None:
        self.platform = platform
        self.places = places or DEFAULT_PLACES
        self._set_clock = set_clock or self._move_clock

    # --- what the page shows -----------------------------------------------------------------------------------

    def state(self, resident: Resident | None) -> Json:
        """Return all that the page shows now, with the chat of one resident."""
        p = self.platform
        attempt = p.webhooks.attempts[-1] if p.webhooks.attempts else None
        return {
            "account": {"name": p.account_name, "basicId": p.basic_id},
            "clock": f"{p.clock.now().astimezone(TOKYO):%Y-%m-%dT%H:%M}",
            "residents": [self._tab(one) for one in p.residents.values()],
            "open": self._open(resident) if resident else None,
            "places": [asdict(place) for place in self.places],
            "developer": {
                "attempts": len(p.webhooks.attempts),
                "last": asdict(attempt) if attempt else None,
                "quota": p.quota,
                "used": p.used,
                "sent": len(p.sent),
                "refused": [[path, status, body.get("message", "")] for path, status, body in p.refused[-5:]],
                "faults": sorted({fault.kind for fault in p.faults.waiting}),
                "redelivery": p.webhooks.redelivery,
                "twice": p.webhooks.copies > 1,
                "held": None if p.webhooks.held is None else len(p.webhooks.held),
            },
        }

    def _tab(self, resident: Resident) -> Json:
        last = resident.chat[-1] if resident.chat else None
        facts = {"id": resident.id, "name": resident.name, "language": resident.language, "count": len(resident.chat)}
        preview = (last.text or last.kind) if last else ""
        return facts | {"friend": resident.friend, "blocked": resident.blocked, "preview": preview[:40]}

    def _open(self, resident: Resident) -> Json:
        menu_id = self.platform.menus.shown_id(resident)
        menu = self.platform.menus.shown(resident)
        return {
            **self._tab(resident),
            "chat": [self._bubble(bubble) for bubble in resident.chat],
            "loading": resident.loading_until > self.platform.ticks(),
            "draft": resident.draft,
            "menu": {"id": menu_id, **menu.menu} if menu else None,
        }

    @staticmethod
    def _bubble(bubble: Bubble) -> Json:
        facts = {"id": bubble.id, "kind": bubble.kind, "mine": bubble.mine, "sender": bubble.sender}
        at = f"{bubble.at.astimezone(TOKYO):%Y-%m-%dT%H:%M}"
        return facts | {"at": at, "icon": bubble.icon, "read": bubble.read, "message": bubble.message}

    # --- what a resident does ----------------------------------------------------------------------------------

    async def add(self, asked: Json) -> Json:
        """Add a resident; as a friend she also follows the account, which LINE tells."""
        name = str(asked.get("name", "")).strip()[:20] or f"住民{len(self.platform.residents) + 1}"
        language = str(asked.get("language") or "") or None
        resident = self.platform.add_resident(name, language=language, friend=False)
        if asked.get("friend"):
            await self.later(self.platform.follow(resident))
        return {"id": resident.id}

    async def act(self, asked: Json) -> Json:
        """Do one thing as a resident; the webhook is sent behind the scenes, as on a real phone."""
        p = self.platform
        resident = p.resident(str(asked.get("resident", "")))
        kind = asked.get("kind")
        match kind:
            case "text":
                text = str(asked.get("text", ""))
                if text.strip():
                    await self.later(p.write(resident, text[:10000]))
            case "sticker":
                await self.later(
                    p.send_sticker(resident, "446", str(asked["sticker"]), keywords=asked.get("keywords", ()))
                )
            case "location":
                title, address = str(asked.get("title", ""))[:100], str(asked.get("address", ""))[:100]
                latitude, longitude = float(asked["latitude"]), float(asked["longitude"])
                await self.later(p.send_location(resident, latitude, longitude, title=title, address=address))
            case "action":
                await self.later(p.act(resident, asked["action"], params=asked.get("params")))
            case "unsend":
                await self.later(p.unsend(resident, str(asked["message"])))
            case "follow":
                await self.later(p.follow(resident))
            case "block":
                await self.later(p.block(resident))
            case "greeting":
                p.scan_greeting(resident, str(asked.get("text", "")))
            case _:
                raise RefusedError("できない操作です。")
        return {}

    async def later(self, work: Coroutine[Any, Any, Any]) -> None:
        """Start what needs a webhook and don't wait for the answer; what can't be done is refused at once."""
        task = self.platform.webhooks.spawn(work)
        await asyncio.sleep(0)  # now the bubble stands in the chat, or it was refused
        if task.done():
            task.result()

    # --- what the developer panel does -------------------------------------------------------------------------

    def clock(self, asked: Json) -> Json:
        """Set the clock: `at` is Tokyo wall-clock time, `02:10` (today) or `2026-11-21T02:10`; empty resets."""
        at = str(asked.get("at") or "")
        try:
            if not at:
                self._set_clock(None)
            elif len(at) == 5:
                hour, minute = int(at[:2]), int(at[3:])
                today = self.platform.clock.now().astimezone(TOKYO)
                self._set_clock(today.replace(hour=hour, minute=minute, second=0, microsecond=0))
            else:
                self._set_clock(datetime.fromisoformat(at).replace(tzinfo=TOKYO))
        except (ValueError, OverflowError):
            raise RefusedError("時刻は 02:10 のように書いてください。") from None
        return {}

    def _move_clock(self, moment: datetime | None) -> None:
        if moment is None:
            self.platform.clock.reset()
        else:
            self.platform.clock.set(moment)

    async def network(self, asked: Json) -> Json:
        """Turn faults on and off, and play with webhooks: twice, again, held back, reversed, together, verify."""
        p = self.platform
        match asked.get("do"):
            case "fault":
                p.faults.clear(asked["fault"])
                if asked.get("on"):
                    p.faults.add(
                        asked["fault"],
                        path=str(asked.get("path", "/v2/bot/message/")),
                        times=asked.get("times"),
                        after=bool(asked.get("after")),
                        seconds=float(asked.get("seconds", 30.0)),
                    )
            case "redelivery":
                p.webhooks.redelivery = bool(asked.get("on"))
            case "twice":
                p.webhooks.copies = 2 if asked.get("on") else 1
            case "duplicate":
                await self.later(p.duplicate())
            case "redeliver":
                await self.later(p.redeliver(p.events[-1] if p.events else None))
            case "hold":
                p.hold()
            case "release":
                await self.later(p.release(reverse=bool(asked.get("reverse")), together=bool(asked.get("together"))))
            case "verify":
                attempt = await p.verify()
                p.webhooks.attempts.append(attempt)
            case "quota":
                value = asked.get("value")
                p.quota = None if value is None else max(0, int(value))
            case _:
                raise RefusedError("できない操作です。")
        return {}


def phone_routes(platform: Platform, *, set_clock: SetClock | None, places: tuple[Place, ...]) -> list[BaseRoute]:
    """Return the routes of the page, its files, its state and its actions."""
    phone = Phone(platform, set_clock, places)

    async def page(request: Request) -> Response:
        headers = {"content-security-policy": CSP, "cache-control": "no-store", "referrer-policy": "no-referrer"}
        return FileResponse(HERE / "templates" / "phone.html", headers=headers)

    async def greeting(request: Request) -> Response:
        root = request.scope.get("root_path", "")
        if request.path_params["basic_id"] != platform.basic_id:
            return JSONResponse({"message": "no such account"}, 404)
        text = unquote(request.url.query)  # the text is the whole query, so a plus stays a plus (facts/line.md 4)
        return RedirectResponse(f"{root}/?greeting={quote(text, safe='')}", 303)

    async def profile(request: Request) -> Response:
        root = request.scope.get("root_path", "")
        known = request.path_params["basic_id"] == platform.basic_id
        return RedirectResponse(f"{root}/", 303) if known else JSONResponse({"message": "no such account"}, 404)

    async def state(request: Request) -> Response:
        found = phone.state(platform.residents.get(request.query_params.get("resident", "")))
        digest = hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:16]
        if request.query_params.get("seen") == digest:
            return Response(status_code=204)
        return JSONResponse({"digest": digest, **found}, headers={"cache-control": "no-store"})

    async def picture(request: Request) -> Response:
        raw = await request.body()
        media_type = request.headers.get("content-type", "")
        if media_type not in PICTURES or len(raw) > PICTURE_LIMIT:
            return JSONResponse({"message": "10MBまでの写真を選んでください。"}, 400)
        return await send(request, lambda who: platform.send_image(who, raw, media_type))

    async def file(request: Request) -> Response:
        raw = await request.body()
        media_type = request.headers.get("content-type", "") or "application/octet-stream"
        if len(raw) > FILE_LIMIT:
            return JSONResponse({"message": "32MBまでのファイルを選んでください。"}, 400)
        name = unquote(request.query_params.get("name", ""))[:100] or "file"
        match media_type.partition("/")[0]:
            case "audio":
                return await send(request, lambda who: platform.send_voice(who, raw, media_type))
            case "video":
                return await send(request, lambda who: platform.send_video(who, raw, media_type))
        return await send(request, lambda who: platform.send_file(who, raw, name, media_type))

    async def send(request: Request, work: Callable[[Resident], Coroutine[Any, Any, Any]]) -> Response:
        try:
            await phone.later(work(platform.resident(request.query_params.get("resident", ""))))
        except RefusedError as error:
            return JSONResponse({"message": str(error)}, 409)
        return JSONResponse({})

    async def content(request: Request) -> Response:
        found = platform.contents.get(request.path_params["id"])
        if found is None or found.gone:
            return Response(status_code=404)
        headers = {"x-content-type-options": "nosniff", "content-security-policy": "sandbox; default-src 'none'"}
        return Response(found.data, media_type=found.media_type, headers=headers)

    async def menu_picture(request: Request) -> Response:
        menu = platform.menus.all.get(request.path_params["id"])
        if menu is None or menu.picture is None:
            return Response(status_code=404)
        return Response(menu.picture.data, media_type=menu.picture.media_type)

    return [
        Route("/", page),
        Route("/R/oaMessage/{basic_id}/", greeting),
        Route("/R/ti/p/{basic_id}", profile),
        Route("/phone/state", state),
        Route("/phone/residents", _post(phone.add), methods=["POST"]),
        Route("/phone/act", _post(phone.act), methods=["POST"]),
        Route("/phone/clock", _post(phone.clock), methods=["POST"]),
        Route("/phone/network", _post(phone.network), methods=["POST"]),
        Route("/phone/picture", picture, methods=["POST"]),
        Route("/phone/file", file, methods=["POST"]),
        Route("/phone/content/{id}", content),
        Route("/phone/menu/{id}", menu_picture),
        Mount("/static", StaticFiles(directory=HERE / "static")),
    ]


def _post(work: Work) -> Callable[[Request], Awaitable[Response]]:
    """Wrap what takes and gives JSON; only JSON, so that a foreign page's form can't press anything here."""

    async def endpoint(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return JSONResponse({"message": "JSON only"}, 415)
        try:
            asked = await request.json()
            found = work(asked)
            return JSONResponse(await found if isinstance(found, Awaitable) else found)
        except RefusedError as error:
            return JSONResponse({"message": str(error)}, 409)
        except (ValueError, KeyError, TypeError, AttributeError):
            return JSONResponse({"message": "unknown request"}, 400)

    return endpoint
