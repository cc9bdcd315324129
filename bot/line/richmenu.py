"""The rich menus: one per language, put up by a command, linked to each resident in the language of her talk.

The rule: the only place that knows rich menus. A menu's name holds the hash of all that it is, and an alias names the
menu that counts for a language: putting up again changes nothing, and what broke off half-way is mended by the next
time. Nothing here is on the way of an answer, and no failure of it is told to a resident (facts/line.md 3).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import structlog
from linebot.v3.messaging import CreateRichMenuAliasRequest, RichMenuRequest, UpdateRichMenuAliasRequest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot import memory
from bot.dialogs.menu import AREAS
from bot.errors import LineRefusedError, LineUnreachableError
from bot.i18n import SOURCE, Catalogs
from bot.inbox import line_id
from bot.lanes import backoff
from bot.line import limits
from bot.line.client import LineClient
from bot.line.menu_picture import COLUMNS, HEIGHT, ROWS, WIDTH
from bot.messages import _
from bot.models import Resident
from bot.situation import City
from bot.store import Store, enqueue_job

JOB: Final = "rich_menu"  # links one resident's menu; its payload never says resident_id: a menu calls nobody
OURS: Final = "madoguchi"  # what the names of our menus and aliases begin with; others' are left alone
BAR: Final = _("メニュー")
TRIES: Final = 5
AGAIN: Final = ("401", "403", "429")  # of LINE's refusals: the token is being changed, or we are too fast

log = structlog.get_logger("richmenu")

Rest = Callable[[float], Awaitable[object]]


@dataclass(slots=True)
class PutUp:
    """Hold what putting up did: the menu of each language by id, and how many were new and how many taken down."""

    menus: dict[str, str] = field(default_factory=dict)
    new: int = 0
    gone: int = 0


def alias(language: str) -> str:
    """Return the alias of a language's menu (LINE: [a-z0-9_-], at most 32)."""
    return f"{OURS}-{language.lower()}"


def menu(language: str, words: Catalogs, picture: bytes) -> dict[str, Any]:
    """Return the rich menu of one language as LINE takes it. Raises LineRefusedError with each reason why it would not.

    It is open when the talk is opened: who has never used one sees that there is something to tap.
    """
    across = [WIDTH * n // COLUMNS for n in range(COLUMNS + 1)]
    down = [HEIGHT * n // ROWS for n in range(ROWS + 1)]
    areas = []
    for number, area in enumerate(AREAS):
        row, column = divmod(number, COLUMNS)
        label = words.word(area.label, language)
        areas.append(
            {
                "bounds": {
                    "x": across[column],
                    "y": down[row],
                    "width": across[column + 1] - across[column],
                    "height": down[row + 1] - down[row],
                },
                "action": {"type": "postback", "label": label, "data": area.act, "displayText": label},
            }
        )
    body: dict[str, Any] = {
        "size": {"width": WIDTH, "height": HEIGHT},
        "selected": True,
        "chatBarText": words.word(BAR, language),
        "areas": areas,
    }
    whole = json.dumps(body, ensure_ascii=False, sort_keys=True).encode() + picture
    body["name"] = f"{OURS}:{language}:{hashlib.sha256(whole).hexdigest()[:16]}"
    if reasons := limits.check_rich_menu(body, picture):
        raise LineRefusedError("400", *reasons)
    return body


async def put_up(
    line: LineClient, pictures: Mapping[str, bytes], words: Catalogs, *, rest: Rest = asyncio.sleep
) -> PutUp:
    """Put up the menus of all pictures, the Japanese one for everybody, and take down what was ours before.

    Raises LineRefusedError when LINE refuses one, LineUnreachableError when it stays away or busy after five tries.
    """
    wanted = {language: menu(language, words, picture) for language, picture in pictures.items()}
    ask = _Asking(line, rest)
    done = PutUp()
    named = {one.rich_menu_id: one.name for one in await ask.menus()}
    before = await ask.aliases()
    for language, body in wanted.items():
        known = before.get(alias(language), "")
        if named.get(known) == body["name"]:  # the alias comes last, so this one is whole
            done.menus[language] = known
            continue
        done.menus[language] = await ask.create(body, pictures[language])
        await ask.name(alias(language), done.menus[language], new=not known)
        done.new += 1
    if SOURCE in done.menus:
        await ask.show_everybody(done.menus[SOURCE])
    kept = {alias(language) for language in wanted}
    for name in before:
        if name.startswith(f"{OURS}-") and name not in kept:
            await ask.unname(name)
    for one in await ask.menus():
        if one.name.startswith(f"{OURS}:") and one.rich_menu_id not in done.menus.values():
            await ask.delete(one.rich_menu_id)
            done.gone += 1
    return done


async def link(line: LineClient, user_id: str, language: str) -> bool:
    """Show one resident the menu of a language, else the Japanese one; return False when there is none of ours.

    For who is not a friend LINE says yes and shows the default. Raises LineRefusedError and LineUnreachableError.
    """
    rows = await line.by_sdk(lambda api, _b, how: api.get_rich_menu_alias_list(**how))
    found = {row.rich_menu_alias_id: row.rich_menu_id for row in rows.aliases}
    id = found.get(alias(language)) or found.get(alias(SOURCE))
    if id is None:
        return False
    await line.by_sdk(lambda api, _b, how: api.link_rich_menu_id_to_user(user_id, id, **how))
    return True


async def show(store: Store, line: LineClient, resident_id: uuid.UUID, city: City) -> bool:
    """Do the job: link the menu in the language of a resident's talk; return whether one was linked.

    What another try may mend is raised (LineUnreachableError, LineRefusedError); other refusals only leave the default.
    """

    def unit(session: Session) -> tuple[str, str]:
        return line_id(session, resident_id), memory.language(session, resident_id, city)

    user_id, language = await store.read(unit)
    try:
        return await link(line, user_id, language)
    except LineRefusedError as refused:
        if refused.reasons[0] in AGAIN:
            raise
        log.warning("menu_refused", status=refused.reasons[0])
        return False


def ask_for(session: Session, resident_id: uuid.UUID, why: str, at: datetime) -> None:
    """Have a resident shown the menu of her language, soon and once for each `why` (JOB is run by the roof)."""
    enqueue_job(session, JOB, f"{JOB}:{resident_id}:{why}", at, {"resident": str(resident_id)})


def ask_for_everybody(session: Session, menus: Mapping[str, str], at: datetime) -> int:
    """Have everybody shown the menu of their language after `put_up`, once for these menus; return how many."""
    known = list(session.scalars(select(Resident.id).where(Resident.unreachable.is_(False))))
    which = hashlib.sha256("".join(menus.values()).encode()).hexdigest()[:12]
    for resident_id in known:
        ask_for(session, resident_id, which, at)
    return len(known)


class _Asking:
    """Ask LINE, and again after a while when it is busy or away; each request may be repeated without harm."""

    def __init__(self, line: LineClient, rest: Rest) -> None:
        self.line = line
        self.rest = rest

    async def patiently(self, call: Callable[[Any, Any, dict[str, Any]], Awaitable[Any]]) -> Any:
        for attempt in range(1, TRIES + 1):
            try:
                return await self.line.by_sdk(call)
            except LineUnreachableError:
                if attempt == TRIES:
                    raise
            except LineRefusedError as refused:
                if attempt == TRIES or refused.reasons[0] != "429":
                    raise
            await self.rest(backoff(attempt, random.random()))  # noqa: S311 - jitter, not a secret
        raise AssertionError("unreachable")

    async def menus(self) -> list[Any]:
        found = await self.patiently(lambda api, _b, how: api.get_rich_menu_list(**how))
        return list(found.richmenus)

    async def aliases(self) -> dict[str, str]:
        found = await self.patiently(lambda api, _b, how: api.get_rich_menu_alias_list(**how))
        return {one.rich_menu_alias_id: one.rich_menu_id for one in found.aliases}

    async def create(self, body: dict[str, Any], picture: bytes) -> str:
        """Create a menu with its picture; one that was created twice by a lost answer is taken down at the end."""
        wish = RichMenuRequest.from_dict(body)
        id = str((await self.patiently(lambda api, _b, how: api.create_rich_menu(wish, **how))).rich_menu_id)
        kind = {"_headers": {"Content-Type": "image/png"}}
        try:
            await self.patiently(lambda _a, blob, how: blob.set_rich_menu_image(id, body=picture, **kind, **how))
        except LineRefusedError as refused:
            if "already been uploaded" not in str(refused):  # the first try arrived, its answer was lost
                raise
        return id

    async def name(self, alias: str, id: str, *, new: bool) -> None:
        if new:
            made = CreateRichMenuAliasRequest(richMenuAliasId=alias, richMenuId=id)
            try:
                await self.patiently(lambda api, _b, how: api.create_rich_menu_alias(made, **how))
            except LineRefusedError as refused:
                if "conflict" not in str(refused):
                    raise
            else:
                return
        changed = UpdateRichMenuAliasRequest(richMenuId=id)
        await self.patiently(lambda api, _b, how: api.update_rich_menu_alias(alias, changed, **how))

    async def unname(self, alias: str) -> None:
        await self._if_there(lambda api, _b, how: api.delete_rich_menu_alias(alias, **how))

    async def delete(self, id: str) -> None:
        await self._if_there(lambda api, _b, how: api.delete_rich_menu(id, **how))

    async def show_everybody(self, id: str) -> None:
        await self.patiently(lambda api, _b, how: api.set_default_rich_menu(id, **how))

    async def _if_there(self, call: Callable[[Any, Any, dict[str, Any]], Awaitable[Any]]) -> None:
        try:
            await self.patiently(call)
        except LineRefusedError as refused:
            if refused.reasons[0] != "404":
                raise
