"""What each person chooses for her own pages.

The rule: it belongs to the account, not to the browser: a shared computer keeps nothing.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from bot.errors import RefusedError
from bot.i18n import OWN_NAMES
from handoff import staff
from handoff.console import labels
from handoff.console.gate import Pass, house_of, may
from handoff.wording import LANGUAGES

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
        languages=[(id, OWN_NAMES[id]) for id in LANGUAGES],
        practices=house.practices is not None,
    )


@router.post("/me")
async def choose(request: Request, door: Annotated[Pass, Depends(may("counts.see"))]) -> Response:
    """Keep the choice and show the page in it."""
    look = next((each for each in staff.LOOKS if each == door.typed("look")), None)
    language = next((each for each in LANGUAGES if each == door.typed("language")), None)
    if look is None or language is None:
        raise RefusedError("どれかを選んでください。")
    await house_of(request).store.write(lambda s: staff.set_look(s, door.actor.id, look, language))
    return RedirectResponse(request.scope.get("root_path", "") + "/me", 303)
