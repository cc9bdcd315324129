"""The public pages on a real store with ひなた市 in it; shared by their tests."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from html import unescape

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from bot import catalogue
from bot.clock import Clock
from bot.curation import By
from bot.directory.resources import CostOption, Location, Organization, Phone, Resource, Source
from bot.directory.search import Directory
from bot.i18n import Catalogs
from bot.messages import Signal
from bot.opening import Closure, Opening, Rest, Schedule
from bot.public.app import create_public
from bot.situation import City
from bot.store import Store
from bot.suggestions import operator_key
from bot.web import SecurityHeaders, talk_url
from tests.conftest import SECRET_KEY
from tests.talk import content, sample, words

NOW = datetime(2026, 11, 25, 1, tzinfo=UTC)  # Wednesday 10:00 in Tokyo
BASE = "http://public.test"
KEY = operator_key(SECRET_KEY)
AYA = By("staff:1", "あや")
PLAZA = "hinata-hiroba-plaza"
#: A place of which everything is known.
FULL = Resource(
    id="full/1 ?", name="ぜんぶ館", category="childrens_hall", kana="ぜんぶかん", name_latin="Zenbu Hall",
    description="なんでもある\n2行目", topics=("parenting_salon",),
    location=Location("ぜんぶビル", "ひなた市川辺町9-9", "ひなた市", "川辺町", "", 35.05, 137.05, "バス停3分"),
    organization=Organization("ぜんぶ会", "NPO法人"),
    phones=(Phone("000-555-9999", description="受付"), Phone("55-1234")),
    opening=Opening(
        (Schedule((0, 1, 2, 3, 4), time(9), time(17), holidays=False), Schedule((5,), time(10), time(12), nth=(1, 3))),
        (
            Closure(date(2000, 12, 29), date(2000, 1, 3), yearly=True),
            Closure(date(2026, 11, 27), date(2026, 11, 27)),
            Closure(date(2026, 1, 5), date(2026, 1, 6)),
        ),
        (Rest((2,), (2,), "next_weekday"), Rest((6,), (), "next_day")),
    ),
    minimum_age=6, maximum_age=35, eligibility_description="市内の人",
    cost=(CostOption(500, "1時間", "おやつ代は別"), CostOption(None, "", "実費")), capacity=12,
    url="https://full.example/", email="full@example.jp", languages=("ja", "ja-easy", "en", "zh-Hans", "pt-BR", "fil"),
    provision="outreach", booking_required=True, application_process="電話で", required_documents=("母子手帳",),
    availability="soon", service_area=("ひなた市", "あさぎり町"), attributes=("meal", "overnight"),
    alert="11月は工事中です", ends_on=date(2027, 3, 31), verified_on=date(2026, 10, 1),
    source=Source("list.csv", 4, url="https://data.example/", licence="CC-BY-4.0", attribution="ひなたデータ"),
)  # fmt: skip
EVENT = Resource(
    id="event-1", name="川辺えんにち", category="event", cost=(CostOption(0),), minimum_age=0,
    location=Location("ぜんぶ館", "ひなた市川辺町9-9", "ひなた市", "川辺町"), booking_required=False,
    opening=Opening((Schedule((5,), time(10), time(12), date(2026, 11, 28), date(2026, 11, 28)),)),
    ends_on=date(2026, 11, 28),
)  # fmt: skip


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
    store: Store,
    *,
    base_url: str = BASE,
    catalogs: Catalogs | None = None,
    hear: Callable[[str], tuple[Signal, ...]] | None = None,
) -> World:
    """Make the pages over ひなた市, under the headers that the roof gives every answer."""
    clock = Clock()
    clock.set(NOW, running=False)
    town, places = sample()
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
        hear=hear or content().hearing.signals.hear,
        operator_key=KEY,
        base_url=base_url,
        line_url=lambda words: talk_url("https://line.me", "@hinata", words),
    )
    app = SecurityHeaders(Starlette(routes=[Mount("/public", pages)]), https=False)
    world = World(store, clock, town, app)
    await world.keep(*places, source="sample_city")
    return world


def visible(page: str) -> str:
    """Return the words of a page as they are read."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<head>.*?</head>", "", page))).split())
