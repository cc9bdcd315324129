"""The rich menus at the simulated LINE: put up once, mended when it broke off, linked in each language."""

from __future__ import annotations

import struct
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from bot import library
from bot.dialog import Turn
from bot.dialogs import ALL
from bot.dialogs.menu import AREAS
from bot.errors import LineRefusedError, LineUnreachableError
from bot.i18n import SOURCE, Catalogs
from bot.line import limits, menu_picture, richmenu
from bot.line.client import LineClient
from bot.messages import Heard, Inbound
from bot.models import CaseRow, Job
from bot.schedule import Scheduler
from bot.simulator.faults import FaultKind
from bot.simulator.platform import Platform
from bot.store import Store
from tests.pipeline import NOW, NOW_MS, Desks, Echo, city, deliver, event, text
from tests.simulator_stand_in import TOKEN, served, spec_errors, town
from tests.talk import words

PICTURE = library.menu_pictures()[SOURCE]
OTHER = menu_picture.marked(PICTURE, "another")
#: Every language, as if it had a picture; where a label is not translated yet it is worded in Japanese.
EVERY = dict.fromkeys(words().languages, PICTURE)


@dataclass
class Channel:
    """Hold a simulated LINE, our client of it, and how long the client would have rested."""

    platform: Platform
    line: LineClient
    rests: list[float] = field(default_factory=list)

    async def rest(self, seconds: float) -> None:
        self.rests.append(seconds)

    async def put_up(self, pictures: dict[str, bytes], catalogs: Catalogs | None = None) -> richmenu.PutUp:
        return await richmenu.put_up(self.line, pictures, catalogs or words(), rest=self.rest)

    @property
    def standing(self) -> dict[str, str]:
        """Return the menus that stand there by id, with their names."""
        return {id: str(one.menu["name"]) for id, one in self.platform.menus.all.items()}


@pytest.fixture
async def channel() -> AsyncIterator[Channel]:
    """Give a channel without menus."""
    async with town() as here, served(here.app) as base:
        line = LineClient(f"{base}/simulator", TOKEN, timeout_seconds=5)
        await line.open()
        yield Channel(here.platform, line)
        await line.close()


# --- what is put up ----------------------------------------------------------------------------------------------


def test_every_area_leads_somewhere() -> None:
    """Each area fires an event that its dialog knows in every state, and a person is one of them."""
    for area in AREAS:
        name, _dot, event = area.act.partition(".")
        assert ALL[name].hears(event.partition(":")[0], "start"), area.act
    assert "person.ask" in [area.act for area in AREAS]
    assert set(menu_picture.ICONS) == {area.act for area in AREAS}


@pytest.mark.parametrize("language", list(EVERY))
def test_a_menu_is_one_that_line_takes(language: str, shared: Path) -> None:
    """In every language the menu keeps LINE's published schema and its limits, and its areas cover the picture."""
    body = richmenu.menu(language, words(), PICTURE)
    assert spec_errors(shared, "messaging-api.yml", "RichMenuRequest", body) == []
    assert limits.check_rich_menu(body, PICTURE) == []
    covered = sum(area["bounds"]["width"] * area["bounds"]["height"] for area in body["areas"])
    assert covered == menu_picture.WIDTH * menu_picture.HEIGHT


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"size": {"width": 700, "height": 400}}, "size"),
        ({"size": {"width": 2500, "height": 2000}}, "size"),
        ({"chatBarText": "あ" * 15}, "chatBarText"),
        ({"name": "x" * 301}, "name"),
        ({"areas": [{"action": {"type": "postback", "label": "a", "data": "x"}}] * 21}, "areas"),
        ({"areas": [{"action": {"type": "postback", "label": "あ" * 21, "data": "x"}}]}, "areas/0/action/label"),
        ({"areas": [{"action": {"type": "postback", "data": "x"}}]}, "areas/0/action/label"),
    ],
)
def test_what_line_would_refuse_is_refused_here(change: dict[str, Any], reason: str) -> None:
    """Size, names, labels and the number of areas are judged before anything is sent."""
    found = limits.check_rich_menu(richmenu.menu(SOURCE, words(), PICTURE) | change, PICTURE)
    assert found[0].startswith(f"{reason}:")
    assert limits.check_rich_menu(richmenu.menu(SOURCE, words(), PICTURE), b"GIF89a")[0].startswith("picture:")


def test_a_label_that_is_too_long_is_not_put_up() -> None:
    """A translation that LINE would refuse is named, not sent."""
    long = Catalogs({SOURCE: {}, "en": {"人と話す": "Talk to a person, whoever it may be"}})
    with pytest.raises(LineRefusedError, match=r"areas/4/action/label"):
        richmenu.menu("en", long, PICTURE)


async def test_putting_up_twice_changes_nothing(channel: Channel) -> None:
    """One menu per language with its alias, the Japanese one for everybody; the second time nothing is made."""
    first = await channel.put_up(EVERY)
    assert (first.new, first.gone) == (len(EVERY), 0)
    menus = channel.platform.menus
    assert menus.default == first.menus[SOURCE]
    assert menus.aliases == {richmenu.alias(language): id for language, id in first.menus.items()}
    assert all(one.picture is not None for one in menus.all.values())
    again = await channel.put_up(EVERY)
    assert again.menus == first.menus
    assert (again.new, again.gone) == (0, 0)
    assert channel.platform.refused == []


async def test_a_new_picture_replaces_only_its_menu(channel: Channel) -> None:
    """The alias goes over to the new menu and the old one is taken down; a language that is gone goes, others' stay."""
    first = await channel.put_up({SOURCE: PICTURE, "en": PICTURE, "vi": PICTURE})
    foreign = {"size": {"width": 800, "height": 270}, "selected": True, "name": "m", "chatBarText": "m", "areas": []}
    strange = str(channel.platform.menus.create(foreign).body["richMenuId"])
    second = await channel.put_up({SOURCE: PICTURE, "en": OTHER})
    assert (second.new, second.gone) == (1, 2)
    assert second.menus[SOURCE] == first.menus[SOURCE]
    assert channel.platform.menus.aliases == {
        richmenu.alias(SOURCE): first.menus[SOURCE],
        richmenu.alias("en"): second.menus["en"],
    }
    assert set(channel.standing) == {strange, *second.menus.values()}


@pytest.mark.parametrize("path", ["/richmenu", "/content", "/alias"])
async def test_what_broke_off_is_mended_by_the_next_time(channel: Channel, path: str) -> None:
    """LINE goes away while the menus are put up; the next time there is one whole menu per language, and no other."""
    channel.platform.faults.add("error", path=path, times=None)
    with pytest.raises(LineUnreachableError):
        await channel.put_up({SOURCE: PICTURE, "en": PICTURE})
    assert len(channel.rests) == richmenu.TRIES - 1
    assert channel.rests == sorted(channel.rests)
    channel.platform.faults.clear()
    done = await channel.put_up({SOURCE: PICTURE, "en": PICTURE})
    assert set(channel.standing) == set(done.menus.values())
    assert all(one.picture is not None for one in channel.platform.menus.all.values())


@pytest.mark.parametrize("path", ["/bot/richmenu", "/content", "/alias", "/user/all/richmenu"])
@pytest.mark.parametrize("kind", ["error", "reset", "rate"])
@pytest.mark.parametrize("after", [False, True])
async def test_a_lost_answer_is_asked_for_again(channel: Channel, path: str, kind: Any, after: bool) -> None:
    """Whether a request arrived or not, it is made again after a rest, and nothing stands there twice."""
    channel.platform.faults.add(kind, path=path, times=2, after=after)
    done = await channel.put_up({SOURCE: PICTURE, "en": PICTURE})
    assert set(channel.standing) == set(done.menus.values())
    assert len(done.menus) == 2
    assert channel.platform.menus.default == done.menus[SOURCE]
    assert channel.rests


async def test_a_refusal_is_not_repeated(channel: Channel) -> None:
    """LINE's no stays a no."""
    channel.line.use_token("wrong")
    with pytest.raises(LineRefusedError):
        await channel.put_up({SOURCE: PICTURE})
    assert channel.rests == []


# --- linking -----------------------------------------------------------------------------------------------------


async def test_each_resident_sees_her_language(channel: Channel) -> None:
    """The menu of her language, else the Japanese one; without any menu of ours nothing is asked for."""
    linh, other = channel.platform.add_resident("Linh"), channel.platform.add_resident("Eko")
    assert not await richmenu.link(channel.line, linh.id, "vi")
    done = await channel.put_up({SOURCE: PICTURE, "vi": OTHER})
    assert await richmenu.link(channel.line, linh.id, "vi")
    assert await richmenu.link(channel.line, other.id, "id")
    assert channel.platform.menus.shown_id(linh) == done.menus["vi"]
    assert channel.platform.menus.shown_id(other) == done.menus[SOURCE]
    assert channel.platform.refused == []


# --- the pictures ------------------------------------------------------------------------------------------------


def test_the_pictures_show_todays_words() -> None:
    """Every language that has words for all areas has a picture of them, of LINE's size and under 300 KB."""
    pictures = library.menu_pictures()
    assert set(pictures) == set(menu_picture.languages(words())), "run `make menus`"
    assert next(iter(pictures)) == SOURCE
    for language, png in pictures.items():
        assert menu_picture.mark_of(png) == menu_picture.mark(language, words()), f"{language}: run `make menus`"
        assert struct.unpack(">II", png[16:24]) == (menu_picture.WIDTH, menu_picture.HEIGHT)
        assert len(png) < 300_000


def test_other_words_make_another_mark() -> None:
    """A picture with the words of before is found; a PNG that is not ours has no mark."""
    other = Catalogs({SOURCE: {}, "en": {"人と話す": "Talk"}})
    assert menu_picture.mark("en", other) != menu_picture.mark("en", words())
    assert menu_picture.mark_of(menu_picture.marked(PICTURE, "m1")) == "m1"
    assert menu_picture.mark_of(b"\x89PNG") == ""
    assert menu_picture.languages(other) == (SOURCE,)


# --- the job: never in the way of an answer ----------------------------------------------------------------------


class Talks(Echo):
    """Remember the language of the talk, as the desk does."""

    def decide(self, memory: Mapping[str, Any], inbound: Inbound, heard: Heard, **more: Any) -> Turn:
        turn = super().decide(memory, inbound, heard, **more)
        spoken = {"en": "en", "vi": "vi"}.get(inbound.text, str(memory.get("language", SOURCE)))
        return replace(turn, language=spoken, memory={**turn.memory, "language": spoken})


async def jobs(store: Store) -> list[Any]:
    return await store.read(lambda s: list(s.scalars(select(Job).where(Job.name == richmenu.JOB))))


async def test_the_menu_is_asked_for_when_the_language_may_have_changed(store: Store) -> None:
    """First contact, a follow and another language ask for the menu once each; more words in the same do not."""
    desks = Desks(store, mind=Talks())

    async def after(*events: dict[str, Any]) -> int:
        before = len(await jobs(store))
        await deliver(store, *events)
        await desks.worker().drain()
        return len(await jobs(store)) - before

    assert await after(text("a")) == 1
    assert await after(text("b", at_ms=NOW_MS + 1)) == 0
    assert await after(text("vi", at_ms=NOW_MS + 2)) == 1
    assert await after(text("vi", at_ms=NOW_MS + 3)) == 0
    assert await after(event("follow", at_ms=NOW_MS + 4)) == 1
    assert await after(event("unfollow", at_ms=NOW_MS + 5)) == 0
    assert {tuple(job.payload) for job in await jobs(store)} == {("resident",)}


async def test_no_failure_of_a_menu_calls_a_person(channel: Channel, sqlite_store: Store) -> None:
    """LINE is away, then busy: tried again, at last let be; no case is opened for it."""
    desks = Desks(sqlite_store, mind=Talks())
    await deliver(sqlite_store, text("vi"))
    await desks.worker().drain()
    linh = channel.platform.add_resident("Linh")
    scheduler = Scheduler(sqlite_store, desks.clock, max_attempts=3)

    async def show(payload: Mapping[str, Any], _now: datetime) -> bool:
        return await richmenu.show(sqlite_store, channel.line, uuid.UUID(payload["resident"]), city())

    scheduler.register_outside(richmenu.JOB, show)
    kinds: tuple[FaultKind, ...] = ("error", "rate", "timeout")
    for kind in kinds:
        channel.platform.faults.add(kind, path="/richmenu", times=None, seconds=0.0)
        await scheduler.tick()
        await sqlite_store.write(lambda s: s.execute(update(Job).values(leased_until_db=0.0)))
        channel.platform.faults.clear()
    (job,) = await jobs(sqlite_store)
    assert (job.attempts, job.done_at is not None, bool(job.error)) == (3, True, True)
    assert await sqlite_store.read(lambda s: s.scalar(select(func.count(CaseRow.id)))) == 0
    assert linh.rich_menu is None


async def test_everybody_is_shown_new_menus_once(store: Store) -> None:
    """After new menus were put up each reachable resident gets a job; the same menus ask nobody again."""
    await deliver(store, text("a"), text("b", who=2))

    def asks(menus: dict[str, str]) -> Callable[[Session], int]:
        return lambda session: richmenu.ask_for_everybody(session, menus, NOW)

    assert await store.write(asks({SOURCE: "richmenu-1"})) == 2
    await store.write(asks({SOURCE: "richmenu-1"}))
    assert len(await jobs(store)) == 2
    await store.write(asks({SOURCE: "richmenu-2"}))
    assert len(await jobs(store)) == 4
