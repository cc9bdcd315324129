"""Put the simulator together: LINE's API and the phone in one ASGI application.

The rule: it answers under `mount` and at its own root alike, so a parent may mount it and a test may serve it alone;
the page uses relative addresses only.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount

from bot.simulator.api import line_routes
from bot.simulator.phone import Place, SetClock, phone_routes
from bot.simulator.platform import Platform

__all__ = ["Place", "create_app"]


def create_app(
    platform: Platform, *, mount: str = "/simulator", set_clock: SetClock | None = None, places: tuple[Place, ...] = ()
) -> Starlette:
    """Return the simulator as an application to mount under `mount` or to serve alone.

    `set_clock` is called with an aware moment, or None for the machine's time; without it the platform's own clock
    is moved. `places` are what the phone's location picker offers first.
    """
    inside: list[BaseRoute] = [*line_routes(platform), *phone_routes(platform, set_clock=set_clock, places=places)]
    app = Starlette(routes=[Mount(mount, routes=inside), *inside] if mount else inside)
    app.state.platform = platform
    return app
