"""Signing in and out.

The rule: a wrong name and a wrong password look alike and take as long; the new session's token is always a new one.
"""

from __future__ import annotations

import math
import uuid
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from bot.errors import NotAllowedError
from handoff import staff
from handoff.console.gate import WRONG_ORIGIN, House, Pass, house_of, may, same_origin
from handoff.staff import ABSOLUTE_SECONDS, Wait
from handoff.wording import later, say

WRONG: Final = later("ログイン名かパスワードが違います。")

router = APIRouter()


@router.get("/sign-in")
async def page(request: Request, next: str = "") -> Response:
    """Show the form."""
    return house_of(request).page(request, "sign_in/page.html", next=_known(next))


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Open a session, or say calmly why not."""
    house = house_of(request)
    if not same_origin(request, house):
        raise NotAllowedError(WRONG_ORIGIN)
    form = await request.form()
    login, back = str(form.get("login", "")), _known(str(form.get("next", "")))
    result = await staff.sign_in(
        house.store,
        house.passwords,
        login,
        str(form.get("password", "")),
        house.clock.now(),
        old_token=request.cookies.get(house.cookie, ""),
    )
    if isinstance(result, Wait):
        words = waiting_words(result)
        return house.page(request, "sign_in/page.html", 429, problem=words, login=login[:80], next=back)
    if result is None:
        return house.page(request, "sign_in/page.html", 401, problem=say(WRONG), login=login[:80], next=back)
    answer = RedirectResponse(request.scope.get("root_path", "") + (back or "/"), 303)
    answer.set_cookie(
        house.cookie, result, max_age=ABSOLUTE_SECONDS, path="/", secure=house.secure, httponly=True, samesite="strict"
    )
    return answer


@router.post("/sign-out")
async def sign_out(request: Request, door: Annotated[Pass, Depends(may("counts.see"))]) -> Response:
    """End the session here and in the browser."""
    house: House = house_of(request)
    await house.store.write(lambda s: staff.end_session(s, door.signed, house.clock.now()))
    answer = RedirectResponse(request.scope.get("root_path", "") + "/sign-in", 303)
    answer.delete_cookie(house.cookie, path="/", secure=house.secure, httponly=True, samesite="strict")
    answer.headers["clear-site-data"] = '"cache", "storage"'
    return answer


def waiting_words(wait: Wait) -> str:
    """Say how long to wait after too many failures."""
    seconds = math.ceil(wait.seconds)
    if seconds < 60:
        return say("何度か続けて失敗しました。{seconds}秒ほど待ってから、もう一度どうぞ。", seconds=seconds)
    minutes = math.ceil(seconds / 60)
    return say("何度か続けて失敗しました。{minutes}分ほど待ってから、もう一度どうぞ。", minutes=minutes)


def _known(path: str) -> str:
    """Return the path when it is a conversation's, so that signing in never leads anywhere else."""
    try:
        return f"/cases/{uuid.UUID(path.removeprefix('/cases/'))}" if path.startswith("/cases/") else ""
    except ValueError:
        return ""
