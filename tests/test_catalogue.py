"""The stored directory: an edition of a source is compared row by row, and nothing disappears silently."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from bot import catalogue, library
from bot.catalogue import NAME, Stored
from bot.dialog import UnmetNeed
from bot.directory.documents import resources_from_documents
from bot.directory.resources import Resource
from bot.models import ResourceRow, UnmetNeedRow
from bot.store import Store, watched_version
from tests.talk import content

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LATER = NOW + timedelta(days=30)


@pytest.fixture(scope="module")
def places() -> list[Resource]:
    """Give three places of ひなた市."""
    documents = library.sample_city()[1]
    return list(resources_from_documents(documents, content().vocabulary["categories"]))[:3]


async def keep(store: Store, places: list[Resource], source: str = "city/file", at: datetime = NOW) -> Stored:
    """Store one edition."""
    return await store.write(lambda s: catalogue.keep(s, source, places, at))


async def version(store: Store) -> int:
    """Return what other processes watch."""
    return (await store.read(lambda s: watched_version(s, NAME)))[0]


async def found(store: Store) -> set[str]:
    """Return the ids of the places that are searched."""
    directory = await store.read(lambda s: catalogue.load(s, content().topics_of_category))
    rows = await store.read(lambda s: [row.id for row in s.query(ResourceRow)])
    return {id for id in rows if directory.get(id) is not None}


async def test_an_edition_is_new_then_the_same(store: Store, places: list[Resource]) -> None:
    """The first edition is new and told to others; the same again changes nothing and wakes nobody."""
    assert await keep(store, places) == Stored(new=3)
    first = await version(store)
    assert await keep(store, places, at=LATER) == Stored(same=3)
    assert await version(store) == first
    row = await store.read(lambda s: s.get_one(ResourceRow, places[0].id).changed_at)
    assert row == NOW


async def test_changed_and_gone_rows_are_told_and_kept(store: Store, places: list[Resource]) -> None:
    """A changed place is taken over; one that the source no longer lists is marked gone, kept, and not searched."""
    await keep(store, places)
    before = await version(store)
    renamed = replace(places[0], name="新しい名前")
    assert await keep(store, [renamed, places[1]], at=LATER) == Stored(changed=1, same=1, gone=1)
    assert await version(store) > before
    assert await found(store) == {places[0].id, places[1].id}
    gone = await store.read(lambda s: s.get_one(ResourceRow, places[2].id))
    assert (gone.gone_at, gone.name) == (LATER, places[2].name)
    directory = await store.read(lambda s: catalogue.load(s, content().topics_of_category))
    kept = directory.get(places[0].id)
    assert kept is not None
    assert kept.name == "新しい名前"


async def test_what_is_gone_is_told_once_and_may_come_back(store: Store, places: list[Resource]) -> None:
    """A place is gone once; when the source lists it again it is back, as a change."""
    await keep(store, places)
    assert (await keep(store, places[:2])).gone == 1
    assert await keep(store, places[:2]) == Stored(same=2)
    assert await keep(store, places, at=LATER) == Stored(changed=1, same=2)
    assert await found(store) == {place.id for place in places}


async def test_sources_do_not_empty_each_other(store: Store, places: list[Resource]) -> None:
    """An edition speaks for its own source only."""
    await keep(store, places[:2], "one")
    assert await keep(store, places[2:], "other") == Stored(new=1)
    assert await keep(store, [], "other") == Stored(gone=1)
    assert await found(store) == {places[0].id, places[1].id}


async def test_a_place_may_move_to_another_source(store: Store, places: list[Resource]) -> None:
    """A place that another file takes over belongs to that file, and the first can no longer lose it."""
    await keep(store, places, "one")
    assert await keep(store, places[:1], "other") == Stored(changed=1)
    assert await keep(store, places[1:], "one") == Stored(same=2)
    assert places[0].id in await found(store)


async def test_what_is_stored_is_what_was_read(store: Store, places: list[Resource]) -> None:
    """Every field of a place survives storing, on both databases."""
    await keep(store, places)
    directory = await store.read(lambda s: catalogue.load(s, content().topics_of_category))
    assert [directory.get(place.id) for place in places] == places


async def test_an_unmet_need_is_counted_and_leads_back_to_nobody(store: Store) -> None:
    """To the hour, by topic, area, age band and language; nothing else is kept."""
    need = UnmetNeed("temporary_care", "ひなた市桜台", "0", ("town",))
    moment = datetime(2026, 11, 22, 2, 17, 45, tzinfo=UTC)
    await store.write(lambda s: catalogue.count_unmet(s, need, "vi", moment))
    (row,) = await store.read(lambda s: list(s.query(UnmetNeedRow)))
    told = {column.name: getattr(row, column.name) for column in UnmetNeedRow.__table__.columns}
    assert told == {
        "id": row.id, "at": datetime(2026, 11, 22, 2, tzinfo=UTC), "topic": "temporary_care", "area": "ひなた市桜台",
        "age_band": "0", "language": "vi", "lacking": "town",
    }  # fmt: skip


async def test_a_hidden_place_is_found_by_nobody_however_it_was_stored(store: Store, places: list[Resource]) -> None:
    """A row from before a kind of place was known as one to hide, or an edit, puts no address anywhere (CARE C23)."""
    hidden = replace(places[0], name="ひだまり", description="女性のための シェ ルター")
    await keep(store, [hidden, *places[1:]])
    assert await found(store) == {places[1].id, places[2].id}

    def edited(session: Session) -> None:
        session.get_one(ResourceRow, places[1].id).edits = {"organization": {"name": "母子生活支援施設あさひ"}}

    await store.write(edited)
    assert await found(store) == {places[2].id}


async def test_since_when_a_place_is_listed_stays(store: Store, places: list[Resource]) -> None:
    """Neither a new edition nor an edit moves the day on which a place came into the directory."""
    await keep(store, places)
    await keep(store, [replace(places[0], name="改名"), *places[1:]], at=LATER)
    row = await store.read(lambda s: s.get_one(ResourceRow, places[0].id))
    assert (row.added_at, row.changed_at) == (NOW, LATER)
