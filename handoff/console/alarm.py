"""What waits for somebody, for every open page to sound; and the sheet that hangs beside the night telephone.

The rule: neither says anything of a family: numbers, how grave, since when.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy.orm import Session

from bot.opening import TOKYO
from handoff import alarms, staff
from handoff.console.gate import House, Pass, house_of, may, to_json
from handoff.staff import MAY
from handoff.wording import speak

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Calling:
    """Hold what calls on open pages: cases that nobody has, and held ones that ask for a second person.

    `told` is the first of them as pages read it, written once for all whose links lead to the same: address -> JSON.
    """

    waiting: list[alarms.Waiting]
    seconds: list[alarms.Second]
    told: dict[str, list[str]] = field(default_factory=dict)


def calling_of(session: Session, _house: House, _now: datetime) -> Calling:
    """Read what calls, for all pages that ask now (`live.Shared`)."""
    return Calling(alarms.waiting(session), alarms.seconds(session))


@router.get("/alarms")
async def waiting(
    request: Request, door: Annotated[Pass, Depends(may("queue.see", human=False, locked=True))]
) -> Response:
    """Answer which urgent and emergency cases nobody has taken, and at which seconds a page repeats its call.

    Who may read talks also learns which held cases ask for a second person, her own left out, and how many notes wait
    for her. A locked page goes on calling, and leads nowhere.
    """
    house, shared = house_of(request), request.app.state.alarms
    found: Calling = await shared.newest(house)
    root, opens = request.scope.get("root_path", ""), door.actor.role in MAY["talk.read"]
    to = "" if door.signed.locked else f"{root}/cases/{{id}}" if opens else f"{root}/"
    if (told := found.told.get(to)) is None:
        told = found.told[to] = [_line(one, one.severity, to) for one in found.waiting]
    seconds = [one for one in found.seconds if opens and one.holder_id != door.actor.id]
    rest = {
        "locked": door.signed.locked,
        "now": house.clock.now().timestamp(),
        "repeats": alarms.REPEATS,
        "sounds": door.signed.alarm_sounds,
        "named": door.signed.named,
    }
    lines = ",".join([*told, *(_line(one, "second", to) for one in seconds)])
    return Response(f'{to_json(rest)[:-1]},"waiting":[{lines}]}}', media_type="application/json")


def _line(one: alarms.Waiting | alarms.Second, severity: str, to: str) -> str:
    """Return what a page is told of one case, and where it leads."""
    return to_json(
        {"id": str(one.id), "severity": severity, "since": one.since.timestamp(), "url": to.format(id=one.id)}
    )


@router.post("/alarms/sound")
async def choose(request: Request, door: Annotated[Pass, Depends(may("queue.see"))]) -> Response:
    """Let alarms sound for this person from now on, or show themselves alone."""
    sounds = door.typed("sounds") == "yes"
    await house_of(request).store.write(lambda s: staff.set_sound(s, door.actor.id, sounds=sounds))
    return JSONResponse({"sounds": sounds})


@router.get("/night-sheet")
async def night_sheet(request: Request, door: Annotated[Pass, Depends(may("queue.see"))]) -> Response:
    """Show the sheet for the night duty's desk, to be printed on A4 (CARE C33)."""
    house = house_of(request)
    city = house.city()
    steps = [step for step in city.alarms if step.counts(is_open=False)]
    speak("ja")  # it hangs in the city's office at night
    return house.page(
        request,
        "night_sheet.html",
        signed=door.signed,
        city=city.name,
        settings=city,
        steps=sorted(steps, key=lambda step: (step.severity != "emergency", step.after)),
        today=house.clock.now().astimezone(TOKYO).date(),
        console=f"{house.base_url}/console/",
    )
