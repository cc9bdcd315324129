"""Practising: where it is begun and ended in the real console, and the review in the one that is practised on.

The rule: `begins` belongs to the real console and notes who practised what and when; `ends` belongs to the practice,
which knows nothing of the real one but the way back.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select

from bot.errors import RefusedError
from bot.models import CaseRow
from bot.opening import TOKYO
from handoff import practice
from handoff.console.gate import House, Pass, house_of, may
from handoff.practice import Practices
from handoff.staff import ABSOLUTE_SECONDS

begins = APIRouter(prefix="/practice")
ends = APIRouter()
Learner = Annotated[Pass, Depends(may("practice.do"))]


@begins.get("")
async def page(request: Request, door: Learner) -> Response:
    """Show the invented families, which she has practised with, and the practice that is open."""
    house, practices = _both(request)
    begun, now = practices.of(door.actor.id), house.clock.now()
    done = await house.store.read(lambda s: practice.practised(s, door.actor.id))
    return house.page(
        request,
        "practice/page.html",
        signed=door.signed,
        city=house.city().name,
        families=tuple(practices.families.values()),
        open=practices.families[begun.family] if begun is not None else None,
        done=done,
        today=now.astimezone(TOKYO).date(),
    )


@begins.post("/begin")
async def begin(request: Request, door: Learner) -> Response:
    """Meet a family in a fresh practice; the one before is thrown away."""
    house, practices = _both(request)
    return _enter(house, practices, await practices.begin(door.actor, door.text("family", 40)))


@begins.post("/continue")
async def go_on(request: Request, door: Learner) -> Response:
    """Go on with the practice that is open, also in another browser."""
    house, practices = _both(request)
    return _enter(house, practices, await practices.enter(door.actor.id))


@begins.post("/end")
async def end(request: Request, door: Learner) -> Response:
    """Throw the practice away; note it where she went through it to the end."""
    house, practices = _both(request)
    begun = await practices.end(door.actor.id)
    if begun is not None and door.typed("done") == "yes":
        await house.store.write(lambda s: practice.note(s, begun, house.clock.now()))
    answer = RedirectResponse(f"{request.scope.get('root_path', '')}/practice", 303)
    answer.delete_cookie(practices.cookie, path="/", secure=house.secure, httponly=True, samesite="strict")
    return answer


@ends.get("/review")
async def review(request: Request, door: Learner) -> Response:
    """Show what to look at now that the talk is over; nothing is counted and nothing is kept."""
    house = house_of(request)
    assert house.lesson is not None
    case_id = await house.store.read(lambda s: s.scalar(select(CaseRow.id).limit(1)))
    return house.page(request, "practice/review.html", signed=door.signed, city=house.city().name, case_id=case_id)


def _both(request: Request) -> tuple[House, Practices]:
    house = house_of(request)
    if house.practices is None:
        raise RefusedError("練習は、いまここではできません。")
    return house, house.practices


def _enter(house: House, practices: Practices, cookie: str) -> Response:
    answer = RedirectResponse(f"{practices.root}/", 303)
    answer.set_cookie(
        practices.cookie,
        cookie,
        max_age=ABSOLUTE_SECONDS,
        path="/",
        secure=house.secure,
        httponly=True,
        samesite="strict",
    )
    return answer
