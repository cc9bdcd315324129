"""Suggestions: sealed, bounded, decided once by a person; an operator's link opens its one place for sixty days."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text

from bot import catalogue, curation, suggestions
from bot.curation import By
from bot.directory.resources import Location, Resource
from bot.errors import RefusedError
from bot.messages import clean
from bot.models import Audit, ResourceRow, Suggestion
from bot.store import Store
from bot.suggestions import (
    HOURLY_MOST,
    LINK_LIVES,
    OPEN_MOST,
    Suggested,
    operator_key,
    operator_link,
    read_operator_token,
)
from tests.conftest import SECRET_KEY

NOW = datetime(2026, 11, 22, 1, tzinfo=UTC)
AYA = By("staff:1", "あや")
HALL = Resource(id="hall", name="川辺児童館", category="childrens_hall", location=Location(address="ひなた市川辺町1"))
CLUB = Resource(id="club", name="北野学童", category="after_school", location=Location(address="ひなた市北野2"))


async def stored(store: Store) -> None:
    await store.write(lambda s: catalogue.keep(s, "list", [HALL, CLUB], NOW))


async def suggest(store: Store, id: str = "hall", **given: Any) -> uuid.UUID:
    wanted: dict[str, Any] = {
        "sender": "parent",
        "kind": "hours",
        "text": "月曜も開いていた",
        "language": "ja",
        "at": NOW,
    }
    return await store.write(lambda s: suggestions.suggest(s, id, **(wanted | given)))


async def open_ones(store: Store) -> list[Suggested]:
    return await store.read(suggestions.open_suggestions)


async def test_what_somebody_says_is_kept_sealed_and_changes_nothing(store: Store) -> None:
    await stored(store)
    first = await suggest(store)
    second = await suggest(
        store, sender="operator", kind="other", text="", changes={"name": "川辺こども館"}, at=NOW + timedelta(hours=1)
    )
    one, two = await open_ones(store)
    assert (one.id, one.sender, one.kind, one.text, one.changes) == (first, "parent", "hours", "月曜も開いていた", {})
    assert (two.id, two.sender, two.changes, two.at) == (
        second,
        "operator",
        {"name": "川辺こども館"},
        NOW + timedelta(hours=1),
    )
    row = await store.read(lambda s: s.get_one(Suggestion, first))
    assert "月曜".encode() not in row.text_sealed
    assert (await store.read(lambda s: s.get_one(ResourceRow, "hall"))).edits == {}


async def test_a_sealed_text_does_not_open_in_another_row(store: Store) -> None:
    await stored(store)
    await suggest(store)
    other = await suggest(store, text="電話がちがう")
    statement = text("UPDATE suggestion SET text_sealed = (SELECT text_sealed FROM suggestion WHERE id = :one)")
    one = await store.read(lambda s: s.scalar(select(Suggestion.id).where(Suggestion.id != other)))
    bound = one.hex if store.is_sqlite else one  # type: ignore[union-attr]
    await store.write(lambda s: s.execute(statement, {"one": bound}) and None)
    with pytest.raises(Exception, match="does not open"):
        await open_ones(store)


@pytest.mark.parametrize(
    ("id", "given", "why"),
    [
        ("nowhere", {}, "のせていません"),
        ("hall", {"text": "あ" * 201}, "200字"),
        ("hall", {"sender": "operator", "text": "あ" * 1001}, "1000字"),
        ("hall", {"changes": {"name": "x"}}, "直せない項目"),  # a parent proposes no values
        ("hall", {"sender": "operator", "changes": {"id": "x"}}, "直せない項目"),
        ("hall", {"sender": "operator", "changes": {"verified_by": "x"}}, "直せない項目"),
        ("hall", {"sender": "operator", "changes": {"description": "あ" * 9000}}, "長すぎる"),
    ],
)
async def test_what_is_too_much_or_about_nothing_is_refused(
    sqlite_store: Store, id: str, given: dict[str, Any], why: str
) -> None:
    await stored(sqlite_store)
    with pytest.raises(RefusedError, match=why):
        await suggest(sqlite_store, id, **given)
    assert await open_ones(sqlite_store) == []


async def test_a_place_that_is_gone_or_merged_takes_no_suggestion(sqlite_store: Store) -> None:
    await stored(sqlite_store)
    await sqlite_store.write(lambda s: curation.merge(s, "hall", "club", AYA, NOW))
    with pytest.raises(RefusedError):
        await suggest(sqlite_store, "club")
    await sqlite_store.write(lambda s: catalogue.keep(s, "list", [], NOW))
    with pytest.raises(RefusedError):
        await suggest(sqlite_store, "hall")


async def test_a_flood_ends_at_the_bound_even_all_at_once(store: Store) -> None:
    """The bound is of one place and sender: other places and the operator still get through; deciding makes room."""
    await stored(store)
    flood = await asyncio.gather(*(suggest(store) for _ in range(OPEN_MOST + 15)), return_exceptions=True)
    assert sum(isinstance(one, RefusedError) for one in flood) == 15
    assert await store.read(lambda s: s.scalar(select(func.count()).select_from(Suggestion))) == OPEN_MOST
    await suggest(store, "club")
    await suggest(store, sender="operator")
    decided = next(one for one in flood if isinstance(one, uuid.UUID))
    await store.write(lambda s: suggestions.decide(s, decided, AYA, NOW, "declined", "同じ知らせ"))
    await suggest(store)


async def test_a_flood_over_many_places_ends_too(sqlite_store: Store) -> None:
    """Of parents only, and only for an hour."""
    halls = [replace(HALL, id=f"h{n}") for n in range(HOURLY_MOST)]
    await sqlite_store.write(lambda s: catalogue.keep(s, "list", [HALL, *halls], NOW))
    for hall in halls:
        await suggest(sqlite_store, hall.id)
    with pytest.raises(RefusedError, match="たくさん届いています"):
        await suggest(sqlite_store)
    await suggest(sqlite_store, sender="operator")
    await suggest(sqlite_store, at=NOW + timedelta(hours=1))


async def test_a_decision_is_made_once_with_its_reason(store: Store) -> None:
    await stored(store)
    id = await suggest(store)
    with pytest.raises(RefusedError, match="理由"):
        await store.write(lambda s: suggestions.decide(s, id, AYA, NOW, "declined", "  "))
    await store.write(lambda s: suggestions.decide(s, id, AYA, NOW, "taken"))
    with pytest.raises(RefusedError, match="もう決めました"):
        await store.write(lambda s: suggestions.decide(s, id, AYA, NOW, "declined", "ちがう"))
    assert await open_ones(store) == []
    assert await store.read(lambda s: suggestions.suggestion(s, id)) is None
    row = await store.read(lambda s: s.get_one(Suggestion, id))
    assert (row.decided_by, row.decision, row.decided_at) == ("あや", "taken", NOW)
    (audit,) = await store.read(lambda s: list(s.scalars(select(Audit))))
    assert (audit.actor, audit.action, audit.detail) == ("staff:1", "suggestion.taken", {"suggestion": str(id)})


async def test_the_suggestions_of_one_place(sqlite_store: Store) -> None:
    await stored(sqlite_store)
    await suggest(sqlite_store, "club")
    id = await suggest(sqlite_store)
    (one,) = await sqlite_store.read(lambda s: suggestions.open_suggestions(s, "hall"))
    found = await sqlite_store.read(lambda s: suggestions.suggestion(s, id))
    assert one == found


def test_words_lose_what_cannot_be_seen() -> None:
    assert clean("  月曜\x00も\u202e開く\r\nよ \u200b\ud800") == "月曜も開く\nよ"
    joined = "👩\u200d👧 र\u200dयाक"
    assert clean(joined) == joined


# --- the operator's link ----------------------------------------------------------------------------------------------

KEY = operator_key(SECRET_KEY)


def token(id: str = "hall", now: datetime = NOW, key: bytes = KEY) -> str:
    link = operator_link(key, "https://desk.example", id, now)
    head, sep, made = link.partition("/public/operator/")
    assert (head, bool(sep)) == ("https://desk.example", True)
    return made


@pytest.mark.parametrize("id", ["hall", "川辺/1 件?#.", "own-1234.5", "a"])
def test_a_link_names_its_place_until_it_expires(id: str) -> None:
    made = token(id)
    assert all(c.isascii() and (c.isalnum() or c in "-_.") for c in made)
    assert read_operator_token(KEY, made, NOW) == id
    assert read_operator_token(KEY, made, NOW + LINK_LIVES - timedelta(seconds=1)) == id
    assert read_operator_token(KEY, made, NOW + LINK_LIVES) is None


def test_any_letter_changed_refuses_the_link() -> None:
    made = token()
    for at in range(len(made)):
        for letter in ("A", "9", "."):
            changed = made[:at] + letter + made[at + 1 :]
            assert changed == made or read_operator_token(KEY, changed, NOW) is None


@pytest.mark.parametrize("made", ["", ".", "..", "x", "aGFsbA.99999999999.", "aGFsbA.99999999999.é", "a.b.c.d"])
def test_what_we_did_not_write_opens_nothing(made: str) -> None:
    assert read_operator_token(KEY, made, NOW) is None


def test_parts_of_two_links_make_no_third() -> None:
    """Neither another place's signature opens, nor another key's, nor an older one under a longer life."""
    hall = token("hall")
    for told in (token("club"), token("hall", NOW + timedelta(days=9))):
        assert read_operator_token(KEY, told.rpartition(".")[0] + "." + hall.rpartition(".")[2], NOW) is None
    assert read_operator_token(KEY, token(key=operator_key("another" * 8)), NOW) is None
