"""Hiding everything at once, because a child stands beside the desk (CARE C32), and opening it again.

The rule: pages hide themselves before they ask; from then on the session opens nothing but what is here and the
masked alarms, until its own person gives her password.
"""

from __future__ import annotations

import re
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from handoff import staff
from handoff.console.gate import Pass, house_of, may, wants_json
from handoff.console.sign_in import waiting_words
from handoff.staff import Wait
from handoff.wording import later, say

WRONG: Final = later("パスワードが違います。")
#: An address of our own pages, as a browser sends it; nothing that could lead elsewhere.
PAGE: Final = re.compile(r"/(?:[a-z][\w/.:%-]*(?:\?[\w&=%+.:,-]*)?)?", re.ASCII)

router = APIRouter()


@router.get("/lock")
async def page(
    request: Request, door: Annotated[Pass, Depends(may("counts.see", human=False, locked=True))], next: str = ""
) -> Response:
    """Show nothing but the form that opens; where nothing is locked, the page that was asked for."""
    if not door.signed.locked:
        return RedirectResponse(request.scope.get("root_path", "") + known(next), 303)
    return house_of(request).page(request, "lock/page.html", signed=door.signed, next=known(next))


@router.post("/lock")
async def lock(
    request: Request, door: Annotated[Pass, Depends(may("counts.see", human=False, locked=True))]
) -> Response:
    """Lock the session; pages that run scripts have hidden themselves already."""
    house = house_of(request)
    await house.store.write(lambda s: staff.lock(s, door.signed, house.clock.now()))
    if wants_json(request):
        return JSONResponse({"locked": True})
    back = urlencode({"next": known(door.typed("next"))})
    return RedirectResponse(f"{request.scope.get('root_path', '')}/lock?{back}", 303)


@router.post("/unlock")
async def unlock(
    request: Request, door: Annotated[Pass, Depends(may("counts.see", human=False, locked=True))]
) -> Response:
    """Open it to its own person, at the very page."""
    house, back = house_of(request), known(door.typed("next"))
    password = str(door.form.get("password", ""))
    found = await staff.unlock(house.store, house.passwords, door.signed, password, house.clock.now())
    if found is True:
        root = request.scope.get("root_path", "")
        return JSONResponse({"locked": False}) if wants_json(request) else RedirectResponse(root + back, 303)
    status, problem = (429, waiting_words(found)) if isinstance(found, Wait) else (422, say(WRONG))
    if wants_json(request):
        return JSONResponse({"message": problem}, status)
    return house.page(request, "lock/page.html", status, signed=door.signed, next=back, problem=problem)


def known(path: str) -> str:
    """Return the path when it is an address of this console, else the queue's."""
    return path if PAGE.fullmatch(path) else "/"
