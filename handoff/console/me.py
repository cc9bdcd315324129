"""What each person chooses for her own pages.

The rule: it belongs to the account, not to the browser: a shared computer keeps nothing.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from bot.errors import RefusedError
from handoff import staff
from handoff.console import labels
from handoff.console.gate import Pass, house_of, may

router = APIRouter()


@router.get("/me")
async def page(request: Request, door: Annotated[Pass, Depends(may("counts.see"))]) -> Response:
    """Show what there is to choose."""
    house = house_of(request)
    return house.page(
        request,
        "me.html",
        signed=door.signed,
        city=house.city().name,
        looks=labels.LOOKS.items(),
        practices=house.practices is not None,
    )


@router.post("/me")
async def choose(request: Request, door: Annotated[Pass, Depends(may("counts.see"))]) -> Response:
    """Keep the choice and show the page in it."""
    wanted = next((look for look in staff.LOOKS if look == door.typed("look")), None)
    if wanted is None:
        raise RefusedError("どれかを選んでください。")
    await house_of(request).store.write(lambda s: staff.set_look(s, door.actor.id, wanted))
    return RedirectResponse(request.scope.get("root_path", "") + "/me", 303)
