"""The public pages on a real store with ひなた市 in it; shared by their tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from bot import catalogue, city, library
from bot.clock import Clock
from bot.directory.documents import resources_from_documents
from bot.directory.resources import Resource
from bot.directory.search import Directory
from bot.i18n import Catalogs
from bot.public.app import create_public
from bot.situation import City
from bot.store import Store
from bot.suggestions import operator_key
from bot.web import SecurityHeaders
from tests.conftest import SECRET_KEY
from tests.talk import content, words

NOW = datetime(2026, 11, 25, 1, tzinfo=UTC)  # Wednesday 10:00 in Tokyo
BASE = "http://public.test"
KEY = operator_key(SECRET_KEY)


@dataclass
class World:
    """Hold the pages, their store and clock; `refresh` reads the directory again, as the roof does."""

    store: Store
    clock: Clock
    city: City
    app: ASGIApp
    directory: Directory = field(default_factory=lambda: Directory((), {}))

    async def refresh(self) -> None:
        """Read the directory as it is stored now."""
        self.directory = await self.store.read(lambda s: catalogue.load(s, content().topics_of_category))

    async def keep(self, *places: Resource, source: str = "list") -> None:
        """Import one edition."""
        await self.store.write(lambda s: catalogue.keep(s, source, places, self.clock.now()))
        await self.refresh()

    def browser(self) -> httpx.AsyncClient:
        """Give a browser on our own origin."""
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url=BASE, headers={"sec-fetch-site": "same-origin"}
        )


async def build(
    store: Store, *, base_url: str = BASE, catalogs: Catalogs | None = None, line_url: Callable[[], str] | None = None
) -> World:
    """Make the pages over ひなた市, under the headers that the roof gives every answer."""
    clock = Clock()
    clock.set(NOW, running=False)
    settings, documents = library.sample_city()
    world: World

    def directory() -> Directory:
        return world.directory

    pages = create_public(
        store=store,
        clock=clock,
        city=lambda: world.city,
        content=content(),
        words=catalogs or words(),
        directory=directory,
        hear=content().hearing.signals.hear,
        operator_key=KEY,
        base_url=base_url,
        line_url=line_url or (lambda: "https://line.me/R/ti/p/%40hinata"),
    )
    app = SecurityHeaders(Starlette(routes=[Mount("/public", pages)]), https=False)
    world = World(store, clock, city.city_of(settings["city"]), app)
    await world.keep(*resources_from_documents(documents, content().vocabulary["categories"]), source="sample_city")
    return world
