"""Staff's work on the directory: their words stay over every edition, each change has a name and can be taken back."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot import catalogue, curation
from bot.catalogue import NAME, Difference, Stored
from bot.curation import By, FieldsRefusedError
from bot.directory.duplicates import duplicates
from bot.directory.resources import CostOption, Location, Phone, Resource, Source, to_json
from bot.errors import RefusedError
from bot.models import ResourceChange, ResourceRow
from bot.store import Store, watched_version

NOW = datetime(2026, 11, 22, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
KINDS = ("parenting_salon", "nursery", "park", "event")
AYA = By("staff:1", "あや")
BEN = By("staff:2", "べん")
SALON = Resource(
    id="a", name="川辺ひろば", category="parenting_salon", phones=(Phone("000-555-0101"),),
    location=Location("", "ひなた市川辺町1", "ひなた市", "川辺町", "", 35.05, 137.05), cost=(CostOption(100),),
    source=Source("list.csv", 1),
)  # fmt: skip
OTHER = replace(SALON, id="b", name="川辺ひろば", url="https://example.jp/b", cost=(), source=Source("other.csv", 4))


async def stored(store: Store, *places: Resource, source: str = "list", at: datetime = NOW) -> Stored:
    return await store.write(lambda s: catalogue.keep(s, source, places, at))


async def edit(store: Store, changes: dict[str, Any], id: str = "a", by: By = AYA, **more: Any) -> Resource:
    return await store.write(lambda s: curation.edit(s, id, changes, by, LATER, categories=KINDS, **more))


async def shown(store: Store, id: str = "a") -> Resource | None:
    """Return the place as families find it."""
    directory = await store.read(lambda s: catalogue.load(s, {kind: [] for kind in KINDS}))
    return directory.get(id)


async def changes(store: Store, id: str = "a") -> list[ResourceChange]:
    return await store.read(lambda s: curation.history(s, id))


async def test_an_edit_is_shown_told_and_remembered(store: Store) -> None:
    await stored(store, SALON)
    before = (await store.read(lambda s: watched_version(s, NAME)))[0]
    await edit(store, {"name": "川辺おやこひろば", "minimum_age": 0})
    place = await shown(store)
    assert place is not None
    assert (place.name, place.minimum_age, place.cost) == ("川辺おやこひろば", 0, SALON.cost)
    assert (await store.read(lambda s: watched_version(s, NAME)))[0] > before
    (change,) = await changes(store)
    assert (change.action, change.fields, change.actor_name, change.at) == (
        "edit",
        ["minimum_age", "name"],
        "あや",
        LATER,
    )


async def test_edits_stay_over_a_new_edition_and_the_report_says_so(store: Store) -> None:
    """The source changes the fee and the name; staff had written the name: theirs stays, the fee is new."""
    await stored(store, SALON)
    await edit(store, {"name": "川辺おやこひろば"})
    newer = replace(SALON, name="川辺広場", cost=(CostOption(200),))
    told = await store.read(lambda s: catalogue.preview(s, "list", [newer]))
    assert told == [Difference("a", "川辺広場", "changed", ("cost", "name"), ("name",))]
    assert await stored(store, newer, at=LATER) == Stored(changed=1, kept=1)
    place = await shown(store)
    assert place is not None
    assert (place.name, place.cost[0].amount) == ("川辺おやこひろば", 200)


async def test_an_edit_that_the_source_takes_over_is_no_edit_any_more(store: Store) -> None:
    await stored(store, SALON)
    await edit(store, {"name": "川辺広場"})
    await stored(store, replace(SALON, name="川辺広場"))
    assert (await store.read(lambda s: s.get_one(ResourceRow, "a").edits)) == {}


async def test_making_sure_survives_an_import(store: Store) -> None:
    await stored(store, SALON)
    await store.write(lambda s: curation.verify(s, "a", BEN, LATER))
    await stored(store, replace(SALON, url="https://example.jp/x"))
    place = await shown(store)
    assert place is not None
    assert (place.verified_on, place.verified_by) == (date(2026, 12, 22), "べん")
    newer = replace(SALON, verified_on=date(2027, 1, 5))
    await stored(store, newer)
    assert await shown(store) == newer  # the source made sure after that


async def test_preview_writes_nothing_and_names_what_is_new_and_gone(store: Store) -> None:
    await stored(store, SALON, OTHER)
    new = replace(SALON, id="c", name="新しいひろば")
    told = await store.read(lambda s: catalogue.preview(s, "list", [replace(SALON, source=Source("list.csv", 9)), new]))
    assert [(d.what, d.id) for d in told] == [("new", "c"), ("gone", "b")]
    assert await shown(store, "b") is not None
    assert await shown(store, "c") is None


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": " "}, "name"),
        ({"category": "castle"}, "category"),
        ({"phones": [{"number": "call me"}]}, "phones"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"minimum_age": 60, "maximum_age": 12}, "minimum_age"),
        ({"url": "http://["}, "url"),
        ({"url": "https://example.jp/\nX-OTHER:1"}, "url"),
        ({"location": {"address": "x", "latitude": 0.0, "longitude": 0.0}}, "latitude"),
        ({"location": {"address": "x", "latitude": 35.0, "longitude": float("nan")}}, "latitude"),
        ({"location": {"address": "x", "latitude": 35.0, "longitude": float("inf")}}, "latitude"),
        ({"location": {"address": "x", "latitude": 35.0, "longitude": 999.0}}, "latitude"),
        ({"cost": [{"amount": -1}]}, "cost"),
        ({"description": "母子生活支援施設のとなり"}, "name"),
        ({"description": "=cmd|' /C calc'!A0"}, ""),
        ({"description": "長" * 5000}, "description"),
        ({"opening": {"schedules": [{"byday": [0], "opens_at": "25:00", "closes_at": "9:00"}]}}, ""),
        ({"id": "z"}, "id"),
        ({"verified_by": "me"}, "verified_by"),
    ],
)
async def test_a_wrong_edit_is_refused_by_field(sqlite_store: Store, given: dict[str, Any], field: str) -> None:
    await stored(sqlite_store, SALON)
    with pytest.raises(FieldsRefusedError) as refused:
        await edit(sqlite_store, given)
    assert field in refused.value.reasons
    assert await shown(sqlite_store) == SALON
    assert await changes(sqlite_store) == []


async def test_who_was_slower_is_told_and_overwrites_nothing(store: Store) -> None:
    """Two people open the same page; the second to save is refused and the first one's words stay."""
    await stored(store, SALON)
    version = await store.read(lambda s: s.get_one(ResourceRow, "a").version)
    await edit(store, {"name": "はじめの人"}, expected=version)
    with pytest.raises(RefusedError, match="先に"):
        await edit(store, {"name": "あとの人"}, by=BEN, expected=version)
    place = await shown(store)
    assert place is not None
    assert place.name == "はじめの人"


async def test_changes_are_taken_back_newest_first(store: Store) -> None:
    await stored(store, SALON)
    await edit(store, {"name": "一"})
    await edit(store, {"name": "二", "capacity": 9})
    newest, oldest = await changes(store)
    with pytest.raises(RefusedError, match="新しいものから"):
        await store.write(lambda s: curation.undo(s, oldest.id, BEN, LATER))
    await store.write(lambda s: curation.undo(s, newest.id, BEN, LATER))
    place = await shown(store)
    assert place is not None
    assert (place.name, place.capacity) == ("一", None)
    with pytest.raises(RefusedError):
        await store.write(lambda s: curation.undo(s, newest.id, BEN, LATER))
    await store.write(lambda s: curation.undo(s, oldest.id, BEN, LATER))
    assert await shown(store) == SALON
    assert [c.action for c in await changes(store)] == ["undo", "undo", "edit", "edit"]


async def test_an_import_is_not_taken_back(store: Store) -> None:
    await stored(store, SALON)
    await stored(store, replace(SALON, url="https://example.jp/x"))
    (change,) = await changes(store)
    assert (change.action, change.fields, change.actor) == ("import", ["url"], "import:list")
    with pytest.raises(RefusedError):
        await store.write(lambda s: curation.undo(s, change.id, AYA, LATER))


async def test_one_place_of_two_lists_is_merged_and_can_be_parted(store: Store) -> None:
    """What only the other list knew is taken over; its next edition brings no second place back."""
    await stored(store, SALON)
    await stored(store, OTHER, source="other")
    (pair,) = duplicates([SALON, OTHER])
    assert (pair.first.id, pair.second.id, pair.signs) == ("a", "b", ("name", "phone", "place"))
    await store.write(lambda s: curation.merge(s, "a", "b", AYA, LATER))
    place = await shown(store)
    assert place is not None
    assert (place.url, place.cost) == ("https://example.jp/b", SALON.cost)
    assert await shown(store, "b") is None
    await stored(store, replace(OTHER, capacity=5), source="other")
    assert await shown(store, "b") is None
    with pytest.raises(RefusedError):
        await store.write(lambda s: curation.merge(s, "a", "b", AYA, LATER))
    with pytest.raises(RefusedError):
        await store.write(lambda s: curation.merge(s, "a", "a", AYA, LATER))


async def test_a_merge_is_taken_back(store: Store) -> None:
    await stored(store, SALON)
    await stored(store, OTHER, source="other")
    await store.write(lambda s: curation.merge(s, "a", "b", AYA, LATER))
    (change,) = await changes(store, "b")
    await store.write(lambda s: curation.undo(s, change.id, BEN, LATER))
    assert await shown(store, "b") == OTHER


async def test_own_places_and_places_that_are_kept_though_gone(store: Store) -> None:
    """Staff enter a circle that no list has; a place that its list dropped is decided about by a person."""
    values = {"name": "火曜の会", "category": "parenting_salon", "location": {"name": "ひなた公民館"}, "formal": False}
    own = await store.write(lambda s: curation.create(s, values, AYA, NOW, categories=KINDS))
    assert await shown(store, own.id) == own
    await stored(store, SALON)
    await stored(store, at=LATER)
    assert [row.id for row in await store.read(curation.gone)] == ["a"]
    assert await shown(store) is None
    await store.write(lambda s: curation.restore(s, "a", AYA, LATER))
    assert await store.read(curation.gone) == []
    assert await stored(store) == Stored()  # the list cannot lose it again
    assert await shown(store) == SALON


async def test_living_notes_need_words_and_consent_to_be_public(store: Store) -> None:
    await stored(store, SALON)
    await stored(store, OTHER, source="other")

    async def note(text: str, id: str = "a", consent: str = "", *, public: bool = False) -> None:
        await store.write(
            lambda s: curation.note(s, id, text, uuid.UUID(int=1), AYA, NOW, consent=consent, public=public)
        )

    await note("火曜はスタッフが英語も話す", public=True, consent="代表の田中さん 2026-11-20")
    await note("入口が分かりにくい", id="b")
    for wrong in ({"text": " "}, {"text": "よい", "public": True}, {"text": "シェルターの裏"}):
        with pytest.raises(FieldsRefusedError):
            await note(**wrong)  # type: ignore[arg-type]
    await store.write(lambda s: curation.merge(s, "a", "b", AYA, LATER))
    found = await store.read(lambda s: [n.text for n in curation.notes(s, "a")])
    assert set(found) == {"火曜はスタッフが英語も話す", "入口が分かりにくい"}
    open_to_all = await store.read(lambda s: curation.notes(s, "a", public_only=True))
    assert [n.text for n in open_to_all] == ["火曜はスタッフが英語も話す"]
    for id, note_id in (("b", open_to_all[0].id), ("a", uuid.uuid4())):
        with pytest.raises(RefusedError, match="このメモ"):
            await store.write(lambda s, of=id, it=note_id: curation.remove_note(s, of, it, AYA, LATER))  # type: ignore[misc]
    await store.write(lambda s: curation.remove_note(s, "a", open_to_all[0].id, AYA, LATER))
    assert await store.read(lambda s: curation.notes(s, "a", public_only=True)) == []


async def test_the_work_list_begins_with_what_nobody_ever_made_sure_of(store: Store) -> None:
    event = replace(SALON, id="e", category="event")
    await stored(store, SALON, replace(SALON, id="c", name="ち"), event, replace(SALON, id="d", name="り"))
    await store.write(lambda s: curation.verify(s, "c", AYA, NOW - timedelta(days=200)))
    await store.write(lambda s: curation.verify(s, "d", AYA, NOW))
    assert [row.id for row in await store.read(lambda s: curation.stale(s, NOW))] == ["a", "c"]
    assert [row.id for row in await store.read(lambda s: curation.stale(s, NOW, limit=1))] == ["a"]


async def test_history_can_only_grow(store: Store) -> None:
    """Each state of a row stands in its history: the one before a change is the one after the change before."""
    await stored(store, SALON)
    for name in "一二三":
        await edit(store, {"name": name})
    every = list(reversed(await changes(store)))
    assert [c.after for c in every][:-1] == [c.before for c in every][1:]
    assert every[0].before["body"] == to_json(SALON)
    assert await store.read(lambda s: len(list(s.scalars(select(ResourceChange))))) == 3


@pytest.mark.parametrize(
    ("change", "signs"),
    [
        ({}, ("name", "phone", "place")),
        ({"name": "ひなた市立 川辺ひろば", "phones": ()}, ("name", "place")),
        ({"name": "川辺 ヒロバ", "location": Location("", "香川県ひなた市川辺町1")}, ("name", "phone", "place")),
        ({"name": "まったく別の会", "phones": ()}, ()),
        ({"location": Location("", "ひなた市北野9", latitude=35.09, longitude=137.09), "phones": ()}, ()),
        ({"category": "nursery"}, ()),
        ({"status": "inactive"}, ()),
        ({"name": "まったく別の会", "source": SALON.source}, ()),
    ],
)
def test_what_is_probably_the_same_place(change: dict[str, Any], signs: tuple[str, ...]) -> None:
    found = duplicates([SALON, replace(OTHER, **change)])
    assert [pair.signs for pair in found] == ([signs] if signs else [])


@pytest.mark.parametrize("id", ["\0", "a\0b"])
async def test_an_id_that_no_database_holds_is_not_found(store: Store, id: str) -> None:
    """PostgreSQL knows no NUL: an address with one is an address that is not there."""
    with pytest.raises(RefusedError, match="見つかりません"):
        await store.write(lambda s: curation.verify(s, id, AYA, NOW))
    assert await store.read(lambda s: catalogue.survivor(s, id)) == (False, "")


@pytest.mark.parametrize("number", [2**31, 10**12, -1])
async def test_a_change_whose_number_no_database_holds_cannot_be_taken_back(store: Store, number: int) -> None:
    with pytest.raises(RefusedError, match="もどせません"):
        await store.write(lambda s: curation.undo(s, number, AYA, NOW))


async def test_a_change_is_taken_back_from_its_own_place_only(store: Store) -> None:
    await stored(store, SALON, OTHER)
    await edit(store, {"capacity": 9}, id="b")
    (change,) = await changes(store, "b")
    with pytest.raises(RefusedError, match="もどせません"):
        await store.write(lambda s: curation.undo(s, change.id, AYA, LATER, of="a"))
    await store.write(lambda s: curation.undo(s, change.id, AYA, LATER, of="b"))
    assert await shown(store, "b") == OTHER


async def test_a_hidden_place_gives_nothing_to_the_one_it_is_merged_into(store: Store) -> None:
    """CARE C23: one stored before its kind was known must not hand its address on as a mere blank that is filled."""
    secret = replace(SALON, id="h", name="ひなたシェルター", location=Location("", "ひなた市秘密町1-1"))
    await stored(store, replace(SALON, location=Location()), secret)
    for kept, other in (("a", "h"), ("h", "a")):
        with pytest.raises(RefusedError, match="まとめられません"):
            await store.write(lambda s, one=kept, two=other: curation.merge(s, one, two, AYA, NOW))  # type: ignore[misc]


async def test_no_file_stands_for_what_staff_entered_themselves(store: Store) -> None:
    """A file called staff.csv would say that everything staff entered is gone."""
    own = await store.write(lambda s: curation.create(s, to_json(SALON), AYA, NOW, categories=KINDS))
    with pytest.raises(RefusedError, match="名前を変えて"):
        await stored(store, OTHER, source=catalogue.OWN)
    assert await shown(store, own.id) is not None


async def test_a_place_that_its_source_lists_needs_no_keeping(store: Store) -> None:
    """An old page, or a second press, must not make it staff's own: then its list could never say that it is gone."""
    await stored(store, SALON)
    with pytest.raises(RefusedError, match="いまものっています"):
        await store.write(lambda s: curation.restore(s, "a", AYA, LATER))
    assert (await store.read(lambda s: s.get_one(ResourceRow, "a"))).source == "list"
