"""What is remembered of a resident, and in which language the desk writes to her by itself."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from bot import memory
from bot.i18n import choose
from bot.models import Memory, Resident
from bot.situation import City
from bot.store import Store
from bot.vault import resident_owner, seal

NOW = datetime(2026, 11, 22, 2, 10, tzinfo=UTC)
CITY = City(name="ひなた市", desks=())


async def somebody(store: Store, remembered: dict[str, Any] | None = None, **columns: Any) -> uuid.UUID:
    """Write down one resident, with a memory if one is given."""
    resident_id = uuid.uuid4()
    owner = resident_owner(resident_id)
    await store.ensure_keys([owner])

    def unit(session: Session) -> None:
        session.execute(
            insert(Resident).values(
                id=resident_id, line_hash=resident_id.hex, line_id_sealed=b"x", first_seen_at=NOW, **columns
            )
        )
        if remembered is not None:
            body = seal(session, owner, "memory", "body", resident_id, json.dumps(remembered))
            session.execute(insert(Memory).values(resident_id=resident_id, version=1, body_sealed=body))

    await store.write(unit)
    return resident_id


@pytest.mark.parametrize(
    ("wishes", "language"),
    [
        ((), "ja"),
        (("", ""), "ja"),
        (("en", "ja"), "en"),
        (("", "en", "ja"), "en"),
        (("", "", "en-GB"), "en"),
        (("", "", "vi"), "ja-easy"),
        (("", "", "not a language"), "ja-easy"),
        (("ja-easy",), "ja-easy"),
    ],
)
def test_the_first_wish_that_is_offered_counts(wishes: tuple[str, ...], language: str) -> None:
    """What the city does not offer becomes やさしい日本語; nothing wished is Japanese."""
    assert choose(CITY.languages, *wishes) == language


async def test_who_writes_english_is_written_to_in_english(store: Store) -> None:
    """The language of the talk counts before the phone's, and a chosen one before both."""
    hinted = {"language_hint": "ja"}
    talked = await somebody(store, {"v": 1, "language": "en"}, **hinted)
    chosen = await somebody(store, {"v": 1, "language": "en"}, language="ja-easy", **hinted)
    silent = await somebody(store, language_hint="vi")
    for resident_id, language in ((talked, "en"), (chosen, "ja-easy"), (silent, "ja-easy")):
        assert await store.read(lambda s, r=resident_id: memory.language(s, r, CITY)) == language


async def test_memory_is_kept_and_found_again(store: Store) -> None:
    """Each keeping raises the version; nobody's memory is empty, at version 0."""
    resident_id = await somebody(store)
    assert await store.write(lambda s: memory.load(s, resident_id)) == ({}, 0)
    await store.write(lambda s: memory.keep(s, resident_id, {"v": 1}, 0))
    await store.write(lambda s: memory.keep(s, resident_id, {"v": 1, "language": "ねこ"}, 1))
    assert await store.write(lambda s: memory.load(s, resident_id)) == ({"v": 1, "language": "ねこ"}, 2)


async def test_a_destroyed_memory_leaves_the_language_that_is_known(store: Store) -> None:
    """After the words are destroyed on purpose, she is still written to in the language of her phone."""
    resident_id = await somebody(store, {"v": 1, "language": "ja"}, language_hint="en")
    await store.destroy_key(resident_owner(resident_id))
    assert await store.read(lambda s: memory.language(s, resident_id, CITY)) == "en"
