"""The directory's pages: what is typed is read back whole, nothing is overwritten, nothing is stored unseen."""

from __future__ import annotations

import asyncio
import io
import json
import re
import threading
import uuid
import zipfile
from collections.abc import AsyncIterator
from dataclasses import fields, replace
from datetime import date, time, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from bot import catalogue, curation, listing, suggestions
from bot.curation import By
from bot.directory.resources import CostOption, Location, Phone, Resource, Source, to_json
from bot.errors import DirectoryMovedError, RefusedError
from bot.models import Audit, ResourceChange, ResourceRow
from bot.opening import Closure, Opening, Rest, Schedule
from bot.store import Store
from handoff import uploads
from handoff.console.directory import form, imports, week, wording
from handoff.console.directory import suggested as suggested_page
from handoff.models import DirectoryUpload
from handoff.staff import Actor
from tests.conftest import SECRET_KEY
from tests.console_world import NOW, World, build
from tests.console_world import form as filled

AYA = By("staff:1", "あや")
KINDS = ("parenting_salon", "nursery", "park", "event")
SALON = Resource(
    id="a", name="川辺ひろば", category="parenting_salon", phones=(Phone("000-555-0101"),), capacity=5,
    location=Location("", "ひなた市川辺町1", "ひなた市", "川辺町", "かわべちょう", 35.05, 137.05),
    cost=(CostOption(100, "1回"),), opening=Opening((Schedule((0, 1, 2, 3, 4), time(9), time(17), holidays=False),)),
    source=Source("list.csv", 1),
)  # fmt: skip


@pytest.fixture
async def world(sqlite_store: Store) -> World:
    """Give a console with one place."""
    made = await build(sqlite_store)
    await sqlite_store.write(lambda s: catalogue.keep(s, "list", [SALON], NOW))
    await made.load_places()
    return made


@pytest.fixture
async def browser(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Give a browser without a session."""
    async with world.browser() as found:
        yield found


# --- words and forms -------------------------------------------------------------------------------------------------


def test_every_field_has_a_name_that_staff_read() -> None:
    """A field that is added to a place without a name for it fails here."""
    assert set(wording.FIELDS) == {field.name for field in fields(Resource)}
    assert set(suggested_page.KINDS) == set(suggestions.KINDS)
    assert set(wording.ACTIONS) == {"import", "edit", "verify", "merge", "restore", "create", "undo"}


TIMES = st.times().map(lambda at: at.replace(second=0, microsecond=0))
DATES = st.dates(date(2024, 1, 1), date(2030, 12, 31))
SCHEDULES = st.builds(
    Schedule,
    byday=st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days))),
    opens_at=TIMES,
    closes_at=TIMES,
    nth=st.just(()) | st.just((2,)),
    holidays=st.none() | st.booleans(),
)
OPENINGS = st.builds(
    Opening,
    schedules=st.lists(SCHEDULES, max_size=4).map(tuple),
    closures=st.lists(st.builds(Closure, DATES, DATES, st.booleans()), max_size=3).map(tuple),
    rests=st.lists(st.builds(Rest, st.just((0,)), on_holiday=st.sampled_from(("rest", "next_day"))), max_size=2).map(
        tuple
    ),
)
PLACES = st.builds(
    lambda opening, low, tags, phones: replace(
        SALON, opening=opening, minimum_age=low, attributes=tags, phones=phones, languages=("en", "tlh")
    ),
    opening=OPENINGS,
    low=st.none() | st.integers(0, 200),
    tags=st.sets(st.sampled_from(("meal", "parking", "secret_garden"))).map(lambda found: tuple(sorted(found))),
    phones=st.lists(st.builds(Phone, st.just("000-555-0101"), languages=st.just(("vi",))), max_size=3).map(tuple),
)


@given(PLACES)
def test_a_form_that_nobody_touched_changes_nothing(place: Resource) -> None:
    """Whatever a place holds, showing its form and sending it back as it stands touches no field."""
    shown = form.inputs_of(place)
    sent = {name: value for name, value in shown.items() if value or not name.startswith(("attributes", "languages"))}
    assert form.read(form.typed(sent, shown), shown, place) == ({}, {})


@given(PLACES)
def test_what_a_table_can_hold_means_the_same_after_it_was_read_back(place: Resource) -> None:
    """Hours that are read from the table open at the same moments; what it cannot hold stays word for word."""
    shown = week.inputs_of(place.opening)
    if any(s.opens_at == s.closes_at != time() for s in place.opening.schedules):
        return  # nine to nine is asked about instead
    back = week.read(shown, place.opening)
    assert (back.closures, back.rests) == (place.opening.closures, place.opening.rests)
    if "opening.keep" in shown:
        assert back.schedules == place.opening.schedules
    for day in (date(2026, 11, 23) + timedelta(days=n) for n in range(8)):  # with a holiday on the Monday
        assert sorted(set(back.spans(day))) == sorted(set(place.opening.spans(day)))


@pytest.mark.parametrize(
    ("typed", "field", "says"),
    [
        ({"opening.5.0.opens": "9:00"}, "opening", "両方"),
        ({"opening.0.0.opens": "29:00", "opening.0.0.closes": "30:00"}, "opening", "9:00 のように"),
        ({"opening.0.0.closes": "9:00"}, "opening", "同じ"),
        ({"opening.7.0.opens": "10", "opening.7.0.closes": "12"}, "opening", "祝日の行のとおり"),
        ({"opening.closed.0.first": "2月30日"}, "opening", "12/29"),
        ({"opening.closed.0.first": "12/29", "opening.closed.0.last": "2027-01-03"}, "opening", "両方に年"),
        ({"opening.closed.0.first": "2027-01-03", "opening.closed.0.last": "2027-01-01"}, "opening", "前です"),
        ({"capacity": "たくさん"}, "capacity", "数で"),
        ({"capacity": "9" * 5000}, "capacity", "数で"),
        ({"location.longitude": "nan"}, "location", "日本の中"),
        ({"location.longitude": "1e999"}, "location", "日本の中"),
        ({"minimum_age.years": "六"}, "minimum_age", "数で"),
        ({"cost.0.amount": "-1"}, "cost", "数で"),
        ({"cost.0.amount": "五百"}, "cost", "数で"),
        ({"location.latitude": "北緯"}, "location", "35.0508"),
        ({"location.latitude": "nan"}, "location", "日本の中"),
        ({"location.latitude": "", "location.longitude": "137.0"}, "location", "日本の中"),
        ({"ends_on": "来年"}, "ends_on", "2026-11-24"),
        ({"phones.1.description": "園長"}, "phones", "番号のない"),
        ({"phones.0.number": "かけてね"}, "phones", "数字と"),
        ({"provision": "teleport"}, "provision", "えらんで"),
        ({"category": "castle"}, "category", "種類"),
        ({"name": ""}, "name", "名前"),
        ({"url": "javascript:alert(1)"}, "url", "http"),
        ({"description": "母子生活支援施設のとなり"}, "name", "のせられません"),
    ],
)
async def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(
    world: World, browser: httpx.AsyncClient, typed: dict[str, str], field: str, says: str
) -> None:
    """Nothing is stored; the page names the field and keeps every input as it was typed."""
    csrf = await world.signed_in("specialist", browser)
    answer = await browser.post("/directory/places/a/edit", data=filled(csrf, version="1", **typed))
    assert answer.status_code == 422
    told = re.search(rf'id="error-{field}">([^<]*)', answer.text)
    assert told, field
    assert says in told[1]
    assert 'role="alert"' in answer.text
    for name, value in typed.items():
        assert value in answer.text or name in ("provision", "category")  # of a list, nothing else can be typed
    assert await world.store.read(lambda s: s.scalar(select(func.count()).select_from(ResourceChange))) == 0


async def test_numbers_and_times_may_be_typed_full_width(world: World, browser: httpx.AsyncClient) -> None:
    """１２ is 12, ０００ー５５５ is a phone number, 9時 a time, 12/29 a day of every year."""
    csrf = await world.signed_in("specialist", browser)
    typed = {
        "capacity": "１２", "phones.0.number": "０００－５５５－０１０２",
        "opening.5.0.opens": "９時", "opening.5.0.closes": "24:00",
        "opening.closed.0.first": "12月29日", "opening.closed.0.last": "1/3", "cost.0.amount": "1,500円",
        "maximum_age.years": "3", "required_documents": "母子手帳\r\n\r\nタオル",
    }  # fmt: skip
    answer = await browser.post("/directory/places/a/edit", data=filled(csrf, version="1", **typed))
    assert answer.status_code == 303, answer.text
    place = await world.store.read(lambda s: catalogue.resource_of(s.get_one(ResourceRow, "a")))
    assert (place.capacity, place.phones[0].number, place.cost[0].amount) == (12, "000-555-0102", 1500)
    assert place.required_documents == ("母子手帳", "タオル")
    assert place.maximum_age == 36
    saturday = Schedule((5,), time(9), time(0), holidays=False)
    assert place.opening.schedules == (saturday, SALON.opening.schedules[0])
    assert place.opening.closures[0].covers(date(2027, 1, 2))
    assert place.location == SALON.location


async def test_a_field_can_be_emptied_and_given_back_to_its_source(world: World, browser: httpx.AsyncClient) -> None:
    """Not known is a value of its own; writing what the source says ends the edit."""
    csrf = await world.signed_in("specialist", browser)
    await browser.post("/directory/places/a/edit", data=filled(csrf, version="1", capacity=""))
    row = await world.store.read(lambda s: s.get_one(ResourceRow, "a"))
    assert row.edits == {"capacity": None}
    page = (await browser.get("/directory/places/a")).text
    assert re.search(r"情報源では: 5", page)
    await browser.post("/directory/places/a/edit", data=filled(csrf, version="2", capacity="5"))
    assert (await world.store.read(lambda s: s.get_one(ResourceRow, "a"))).edits == {}


async def test_saving_without_a_change_writes_no_history(world: World, browser: httpx.AsyncClient) -> None:
    csrf = await world.signed_in("specialist", browser)
    answer = await browser.post("/directory/places/a/edit", data=filled(csrf, version="1"))
    assert answer.headers["location"].endswith("said=same")
    assert await world.store.read(lambda s: curation.history(s, "a")) == []


async def test_who_is_slower_sees_both_and_overwrites_only_what_she_touched(
    world: World, browser: httpx.AsyncClient
) -> None:
    csrf = await world.signed_in("specialist", browser)
    await world.store.write(
        lambda s: curation.edit(s, "a", {"capacity": 7, "kana": "かわべ"}, AYA, NOW, categories=KINDS)
    )
    answer = await browser.post(
        "/directory/places/a/edit", data=filled(csrf, version="1", capacity="9", url="https://a.example")
    )
    assert answer.status_code == 409
    assert "あやがこの場所を直しました" in answer.text
    assert re.search(r'name="version" value="2"', answer.text)
    assert re.search(r'name="kana" value="かわべ"', answer.text)
    assert re.search(r'name="capacity" value="9"', answer.text)
    assert (await world.store.read(lambda s: s.get_one(ResourceRow, "a"))).edits["capacity"] == 7
    inputs = dict(re.findall(r'<input id="[^"]+" name="(kana|capacity|url)" value="([^"]*)"', answer.text))
    await browser.post("/directory/places/a/edit", data=filled(csrf, version="2", **inputs))
    place = await world.store.read(lambda s: catalogue.resource_of(s.get_one(ResourceRow, "a")))
    assert (place.capacity, place.kana, place.url) == (9, "かわべ", "https://a.example")


async def test_that_somebody_rang_meanwhile_is_no_clash(world: World, browser: httpx.AsyncClient) -> None:
    csrf = await world.signed_in("specialist", browser)
    await world.store.write(lambda s: curation.verify(s, "a", AYA, NOW))
    answer = await browser.post("/directory/places/a/edit", data=filled(csrf, version="1", capacity="9"))
    assert answer.status_code == 303


async def test_a_version_before_a_place_was_entered_is_refused(world: World, browser: httpx.AsyncClient) -> None:
    own = await world.store.write(lambda s: curation.create(s, to_json(SALON), AYA, NOW, categories=KINDS))
    csrf = await world.signed_in("specialist", browser)
    answer = await browser.post(f"/directory/places/{own.id}/edit", data=filled(csrf, version="0", capacity="9"))
    assert answer.status_code == 422
    assert "画面が古くなりました" in answer.text


async def test_nothing_of_another_place_is_undone_or_removed_through_this_one(
    world: World, browser: httpx.AsyncClient
) -> None:
    other = replace(SALON, id="b", name="べつの館")
    await world.store.write(lambda s: catalogue.keep(s, "other", [other], NOW))
    await world.store.write(lambda s: curation.verify(s, "b", AYA, NOW))
    staff = world.staff["specialist"]
    await world.store.write(lambda s: curation.note(s, "b", "入口は裏", staff, AYA, NOW, consent="", public=False))
    (note,) = await world.store.read(lambda s: curation.notes(s, "b"))
    (change,) = await world.store.read(lambda s: curation.history(s, "b"))
    csrf = await world.signed_in("specialist", browser)
    tried: list[tuple[str, dict[str, str]]] = [
        ("undo", {"change": str(change.id)}), ("undo", {"change": "9" * 12}), (f"notes/{note.id}/remove", {}),
    ]  # fmt: skip
    for path, data in tried:
        answer = await browser.post(f"/directory/places/a/{path}", data=filled(csrf, **data))
        assert answer.status_code == 422, path
    assert len(await world.store.read(lambda s: curation.notes(s, "b"))) == 1
    assert (await world.store.read(lambda s: s.get_one(ResourceRow, "b"))).verified_at is not None


async def test_an_origin_that_is_no_address_is_another_one(world: World, browser: httpx.AsyncClient) -> None:
    csrf = await world.signed_in("specialist", browser)
    answer = await browser.post("/directory/places/a/verify", data=filled(csrf), headers={"origin": "http://["})
    assert answer.status_code == 403


@pytest.mark.parametrize("version", ["", "-1", "99", "x", "0"])
async def test_a_version_that_never_was_is_refused(world: World, browser: httpx.AsyncClient, version: str) -> None:
    csrf = await world.signed_in("specialist", browser)
    answer = await browser.post("/directory/places/a/edit", data=filled(csrf, version=version, capacity="9"))
    assert answer.status_code == 422
    assert (await world.store.read(lambda s: s.get_one(ResourceRow, "a"))).edits == {}


async def test_a_place_escapes_what_its_source_says(world: World, browser: httpx.AsyncClient) -> None:
    """Markup in a name, a note or a link is text, wherever it stands."""
    nasty = replace(
        SALON, id="b", name="<script>alert(1)</script>", description="\"'><img src=x>", url="javascript:alert(1)"
    )
    await world.store.write(lambda s: catalogue.keep(s, "other", [nasty], NOW))
    csrf = await world.signed_in("specialist", browser)
    await browser.post("/directory/places/b/notes", data=filled(csrf, text="<b>太字</b>"))
    for path in (
        "/directory",
        "/directory/places/b",
        "/directory/places/b/edit",
        "/directory/week",
        "/directory/compare?one=a&other=b",
    ):
        page = (await browser.get(path)).text
        assert not re.search(r"<script>alert|<img src=x|<b>太字", page), path
        assert "&lt;script&gt;alert" in page
        assert 'href="javascript' not in page


async def test_what_cannot_be_seen_is_taken_out_of_what_is_typed(store: Store) -> None:
    """NUL and marks of direction in words, filters and addresses end in an answer, on PostgreSQL too."""
    world = await build(store)
    await store.write(lambda s: catalogue.keep(s, "list", [SALON], NOW))
    async with world.browser() as browser:
        csrf = await world.signed_in("specialist", browser)
        typed = filled(csrf, version="1", alert="工事\x00中\u202e", **{"phones.1.number": "000-555-0109\x00"})
        assert (await browser.post("/directory/places/a/edit", data=typed)).status_code == 303
        place = await store.read(lambda s: catalogue.resource_of(s.get_one(ResourceRow, "a")))
        assert (place.alert, place.phones[1].number) == ("工事中", "000-555-0109")
        for path in ("?words=%00", "?category=%00", "/compare?one=a&words=%00", "/places/a"):
            assert (await browser.get(f"/directory{path}")).status_code == 200, path
        for path in ("/places/%00", "/compare?one=%00", "/compare?one=a&other=%00"):
            assert (await browser.get(f"/directory{path}")).status_code in (404, 422), path
        nobody = filled(csrf, kept="a\x00b", other="a")
        assert (await browser.post("/directory/merge", data=nobody)).status_code == 422


# --- lists -----------------------------------------------------------------------------------------------------------


async def test_the_list_is_filtered_counted_and_turned(store: Store) -> None:
    """Names, kinds, towns and states narrow it; the order is by name or by how long nobody has made sure."""
    places = [replace(SALON, id=f"p{n:03}", name=f"ひろば{n:03}") for n in range(120)]
    other = replace(SALON, id="x", name="100%の園", category="nursery", location=Location(municipality="あさぎり町"))
    await store.write(lambda s: catalogue.keep(s, "list", [*places, other], NOW))
    await store.write(lambda s: curation.verify(s, "p000", AYA, NOW - timedelta(days=200)))
    await store.write(lambda s: curation.verify(s, "p001", AYA, NOW))
    await store.write(lambda s: catalogue.keep(s, "list", [*places[:-1], other], NOW))
    await store.write(lambda s: curation.merge(s, "p001", "p002", AYA, NOW))

    async def found(limit: int = 50, offset: int = 0, **asked: Any) -> tuple[list[str], int]:
        rows, count = await store.read(
            lambda s: listing.listed(s, listing.Asked(**asked), NOW, limit=limit, offset=offset)
        )
        return [row.id for row in rows], count

    assert (await found())[1] == 119
    assert (await found(offset=50))[0][0] == "p050"
    assert await found(words="100%") == (["x"], 1)
    assert (await found(words="%"))[1] == 1
    assert await found(category="nursery") == (["x"], 1)
    assert await found(municipality="あさぎり町") == (["x"], 1)
    assert await found(state="gone") == (["p119"], 1)
    assert await found(state="merged") == (["p002"], 1)
    assert (await found(state="stale"))[1] == 118
    assert (await found(order="verified", limit=200))[0][-2:] == ["p000", "p001"]
    assert await found(words="ない", ids=("x",)) == (["x"], 1)
    assert await store.read(listing.municipalities) == ["あさぎり町", "ひなた市"]


@pytest.mark.parametrize(
    ("days", "state"), [(None, "never"), (0, "fresh"), (90, "fresh"), (91, "ageing"), (180, "ageing"), (181, "stale")]
)
def test_how_fresh_a_place_is(days: int | None, state: str) -> None:
    assert listing.freshness(None if days is None else NOW - timedelta(days=days), NOW) == state


async def test_the_list_finds_readings_and_says_when_nothing_fits(world: World, browser: httpx.AsyncClient) -> None:
    """Romaji finds a name in kanji; each state and each role has its own empty page."""
    await world.signed_in("administrator", browser)
    assert "川辺ひろば" in (await browser.get("/directory?words=kawabe")).text
    assert "当てはまる場所はありません" in (await browser.get("/directory?words=ない名前")).text
    assert "当てはまる場所はありません" in (await browser.get("/directory?state=gone")).text
    page = (await browser.get("/directory/places/a")).text
    assert "/edit" not in page
    assert 'method="post"' not in page[page.index("<main") : page.index("</main>")]
    assert (await browser.get("/directory?page=0")).status_code == 422
    assert (await browser.get("/directory/places/none")).status_code == 422


async def test_told_apart_pairs_do_not_come_back(store: Store) -> None:
    from bot.directory.duplicates import duplicates

    twin, third = replace(SALON, id="b", source=Source("b.csv", 1)), replace(SALON, id="c", source=Source("c.csv", 1))
    await store.write(lambda s: catalogue.keep(s, "list", [SALON, twin, third], NOW))
    pairs = duplicates([SALON, twin, third])
    assert len(await store.read(lambda s: listing.open_pairs(s, pairs))) == 3
    for _twice in range(2):
        await store.write(lambda s: listing.tell_apart(s, "b", "a", AYA, NOW))
    left = await store.read(lambda s: listing.open_pairs(s, pairs))
    assert [(p.first.id, p.second.id) for p in left] == [("a", "c"), ("b", "c")]
    await store.write(lambda s: curation.merge(s, "a", "c", AYA, NOW))
    assert await store.read(lambda s: listing.open_pairs(s, pairs)) == []


async def test_a_merge_is_parted_also_after_both_have_changed(store: Store) -> None:
    """What the survivor received goes back unless somebody wrote it anew; an import in between hinders nothing."""
    rich = replace(SALON, id="b", url="https://b.example", email="b@b.example", capacity=None)
    await store.write(lambda s: catalogue.keep(s, "one", [replace(SALON, capacity=None)], NOW))
    await store.write(lambda s: catalogue.keep(s, "two", [rich], NOW))
    await store.write(lambda s: curation.merge(s, "a", "b", AYA, NOW))
    await store.write(lambda s: curation.edit(s, "a", {"url": "https://own.example"}, AYA, NOW, categories=KINDS))
    await store.write(lambda s: catalogue.keep(s, "two", [replace(rich, capacity=3)], NOW))
    (merge,) = [c for c in await store.read(lambda s: curation.history(s, "a")) if c.action == "merge"]
    await store.write(lambda s: curation.undo(s, merge.id, AYA, NOW))
    one, two = [await store.read(lambda s, id=id: s.get_one(ResourceRow, id)) for id in "ab"]
    assert (one.edits, two.merged_into) == ({"url": "https://own.example"}, None)
    with pytest.raises(RefusedError):
        await store.write(lambda s: curation.undo(s, merge.id, AYA, NOW))


# --- suggestions -----------------------------------------------------------------------------------------------------


async def suggested(world: World, **given: Any) -> uuid.UUID:
    wanted: dict[str, Any] = {"sender": "operator", "kind": "other", "text": "", "language": "ja", "at": NOW}
    return await world.store.write(lambda s: suggestions.suggest(s, "a", **(wanted | given)))


async def test_an_operators_changes_are_taken_over_as_an_edit(world: World, browser: httpx.AsyncClient) -> None:
    """Now and proposed stand side by side; one press makes it an edit with its author, which can be taken back."""
    await suggested(world, changes={"name": "川辺こどもひろば", "cost": [{"amount": 0}]})
    csrf = await world.signed_in("specialist", browser)
    page = (await browser.get("/directory/suggestions")).text
    for words in ("川辺ひろば", "川辺こどもひろば", "1回 100円", "無料", "運営者から"):
        assert words in page
    assert "お知らせが1件" in (await browser.get("/directory/places/a")).text
    (id,) = re.findall(r"/directory/suggestions/([\w-]+)/take", page)
    assert (await browser.post(f"/directory/suggestions/{id}/take", data=filled(csrf, version="1"))).status_code == 303
    (change,) = await world.store.read(lambda s: curation.history(s, "a"))
    assert (change.action, change.fields, change.actor_name) == ("edit", ["cost", "name"], "さとう")
    assert "まだ決めていないお知らせはありません" in (await browser.get("/directory/suggestions")).text
    again = await browser.post(f"/directory/suggestions/{id}/take", data=filled(csrf, version="2"))
    assert again.status_code == 422


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"url": "javascript:alert(1)"}, "http://"),
        ({"phones": [{"number": "call"}]}, "電話番号"),
        ({"description": "母子生活支援施設のとなり"}, "のせられません"),
    ],
)
async def test_what_could_not_be_edited_cannot_be_taken_over(
    world: World, browser: httpx.AsyncClient, changes: dict[str, Any], says: str
) -> None:
    """The same checks hold; the suggestion stays open with its reason and nothing is changed."""
    id = await suggested(world, changes=changes)
    csrf = await world.signed_in("specialist", browser)
    answer = await browser.post(f"/directory/suggestions/{id}/take", data=filled(csrf, version="1"))
    assert answer.status_code == 422
    assert says in answer.text
    assert len(await world.store.read(suggestions.open_suggestions)) == 1
    assert await world.store.read(lambda s: curation.history(s, "a")) == []


async def test_a_suggestion_that_a_colleague_outran_is_looked_at_again(
    world: World, browser: httpx.AsyncClient
) -> None:
    id = await suggested(world, changes={"name": "べつの名前"})
    csrf = await world.signed_in("specialist", browser)
    await world.store.write(lambda s: curation.edit(s, "a", {"name": "先の名前"}, AYA, NOW, categories=KINDS))
    answer = await browser.post(f"/directory/suggestions/{id}/take", data=filled(csrf, version="1"))
    assert answer.status_code == 409
    assert "先の名前" in answer.text
    assert len(await world.store.read(suggestions.open_suggestions)) == 1
    assert (await browser.post(f"/directory/suggestions/{id}/take", data=filled(csrf, version="2"))).status_code == 303


async def test_parents_words_are_read_by_who_corrects_and_declined_with_a_reason(
    world: World, browser: httpx.AsyncClient
) -> None:
    """The administrator does not read them; declining asks why; an unreadable proposal can only be declined."""
    id = await suggested(world, sender="parent", kind="hours", text="Cerrado <b>los lunes</b>", language="es")
    broken = await suggested(world, changes={"opening": {"schedules": [{"byday": [0], "opens_at": "x"}]}})
    csrf = await world.signed_in("officer", browser)
    page = (await browser.get("/directory/suggestions")).text
    assert 'lang="es">Cerrado &lt;b&gt;los lunes' in page
    assert "読めませんでした" in page
    assert f"{broken}/take" not in page
    refused = await browser.post(f"/directory/suggestions/{id}/decline", data=filled(csrf))
    assert (refused.status_code, "理由を書いてください" in refused.text) == (422, True)
    for one in (id, broken):
        done = await browser.post(f"/directory/suggestions/{one}/decline", data=filled(csrf, reason="電話で確かめた"))
        assert done.status_code == 303
    async with world.browser() as other:
        await world.signed_in("administrator", other)
        assert (await other.get("/directory/suggestions")).status_code == 403


async def test_the_operators_link_opens_that_place(world: World, browser: httpx.AsyncClient) -> None:
    await world.signed_in("specialist", browser)
    page = (await browser.get("/directory/places/a")).text
    token = re.search(r'value="http://console.test/public/operator/([^"]+)"', page)
    assert token
    key = suggestions.operator_key(SECRET_KEY)
    assert suggestions.read_operator_token(key, token[1], NOW) == "a"


# --- files -----------------------------------------------------------------------------------------------------------

HEADER = "名称,種別,住所,電話番号\r\n"
ROWS = "川辺ひろば,子育てひろば,ひなた市川辺町1,000-555-0101\r\n北野ひろば,子育てひろば,ひなた市北野2,000-555-0102\r\n"
BOSS = Actor(uuid.UUID(int=5), "boss", "たなか", "supervisor")


async def sent(
    world: World, browser: httpx.AsyncClient, csrf: str, content: str | bytes, name: str = "ひろば.csv", **more: str
) -> str:
    """Upload a file, wait until it is read, and return where its page is."""
    raw = content if isinstance(content, bytes) else content.encode()
    data = filled(csrf, **({"municipality": "ひなた市"} | more))
    answer = await browser.post("/directory/imports", data=data, files={"file": (name, raw)})
    assert answer.status_code == 303, answer.text
    await asyncio.gather(*world.app.state.readings)
    return answer.headers["location"]


def seen_on(page: str) -> str:
    found = re.search(r'name="seen" value="(\w+)"', page)
    assert found, page[-3000:]
    return found[1]


async def test_a_file_is_seen_before_it_is_stored(world: World, browser: httpx.AsyncClient) -> None:
    """Uploading and reading store nothing; the preview names new, changed, gone and refused; storing is a step."""
    csrf = await world.signed_in("supervisor", browser)
    path = await sent(world, browser, csrf, HEADER + ROWS + "様子,母子生活支援施設,ひなた市3,\r\n")
    page = (await browser.get(path)).text
    assert await world.store.read(lambda s: s.scalar(select(func.count()).select_from(ResourceRow))) == 1
    assert "新しい場所" in page
    assert "4行目" in page or "3行目" in page
    assert "所在地を載せてはいけない施設" in page
    answer = await browser.post(f"{path}/store", data=filled(csrf, seen=seen_on(page)))
    assert answer.status_code == 303
    assert "新しい場所2" in (await browser.get(path)).text
    row = await world.store.read(lambda s: s.scalars(select(DirectoryUpload)).one())
    kept = await world.store.read(
        lambda s: s.execute(select(DirectoryUpload.content_sealed, DirectoryUpload.read_sealed)).one()
    )
    assert tuple(kept) == (None, None)
    assert row.counts["new"] == 2
    audit = await world.store.read(lambda s: s.scalars(select(Audit).where(Audit.action == "directory.import")).one())
    assert audit.detail["new"] == 2
    again = await browser.post(f"{path}/store", data=filled(csrf, seen=seen_on(page)))
    assert again.status_code == 422

    path = await sent(world, browser, csrf, HEADER + ROWS.splitlines()[0] + "9\r\n", "ひろば_20261201.csv")
    page = (await browser.get(path)).text
    assert "新しい版として読みました（いま2か所）" in page
    assert re.search(r"変わる場所|この版にない場所", page)
    await browser.post(f"{path}/store", data=filled(csrf, seen=seen_on(page)))
    history = await world.store.read(
        lambda s: s.scalars(select(ResourceChange).where(ResourceChange.action == "import")).all()
    )
    assert [change.actor_name for change in history] == ["たなか"]


async def test_a_preview_that_the_directory_has_outrun_is_shown_anew(world: World, browser: httpx.AsyncClient) -> None:
    """Somebody stores another edition meanwhile: the new differences are shown, and stored only after that."""
    csrf = await world.signed_in("supervisor", browser)
    path = await sent(world, browser, csrf, HEADER + ROWS)
    page = (await browser.get(path)).text
    other = await sent(world, browser, csrf, HEADER + ROWS.replace("北野2", "北野22"))
    await browser.post(f"{other}/store", data=filled(csrf, seen=seen_on((await browser.get(other)).text)))
    answer = await browser.post(f"{path}/store", data=filled(csrf, seen=seen_on(page)))
    assert answer.status_code == 409
    assert "見ているあいだに台帳が変わりました" in answer.text
    assert "北野22" in answer.text
    assert (await browser.post(f"{path}/store", data=filled(csrf, seen=seen_on(answer.text)))).status_code == 303


async def test_guessed_headers_can_be_overruled(world: World, browser: httpx.AsyncClient) -> None:
    """A header that nobody has seen is shown with its guess; a person says otherwise and the file is read again."""
    csrf = await world.signed_in("officer", browser)
    content = "名称,種別,おもな連絡先電話\r\n" + "".join(f"ひろば{n},子育てひろば,000-555-010{n}\r\n" for n in range(5))
    path = await sent(world, browser, csrf, content)
    page = (await browser.get(path)).text
    assert re.search(r"おもな連絡先電話 <span class=\"chip\">見当をつけた", page)
    number = re.search(r'name="header\.(\d+)" value="おもな連絡先電話"', page)
    assert number
    said = {f"header.{number[1]}": "おもな連絡先電話", f"column.{number[1]}": "description", "category": "park"}
    answer = await browser.post(f"{path}/read", data=filled(csrf, **said))
    assert answer.status_code == 303
    await asyncio.gather(*world.app.state.readings)
    id = uuid.UUID(path.rsplit("/", 1)[1])

    def taken(s: Any) -> list[dict[str, Any]]:
        return [dict(d.after) for d in uploads.look(s, s.get_one(DirectoryUpload, id)).differences]

    for body in await world.store.read(taken):
        assert (body["category"], "phones" in body, "000-555" in body.get("description", "")) == ("park", False, True)
    assert "読まない" in (await browser.get(path)).text


async def test_a_long_japanese_file_name_is_no_hindrance(world: World, browser: httpx.AsyncClient) -> None:
    """A file system counts bytes: eighty-five kanji are a name that it does not take."""
    csrf = await world.signed_in("supervisor", browser)
    name = "子育て支援施設一覧" * 12 + ".csv"
    path = await sent(world, browser, csrf, HEADER + ROWS, name)
    assert 'data-state="ready"' in (await browser.get(path)).text


async def test_a_file_may_not_stand_for_what_staff_wrote(world: World, browser: httpx.AsyncClient) -> None:
    csrf = await world.signed_in("supervisor", browser)
    content = "名称,種別,電話番号\r\nひろば,子育てひろば,000-555-0101\r\n"
    path = await sent(world, browser, csrf, content, "staff_2026.csv", municipality="")
    page = (await browser.get(path)).text
    assert 'data-state="failed"' in page
    assert "ファイルの名前を変えて" in page


async def test_letters_that_are_none_do_not_stop_a_reading(world: World, browser: httpx.AsyncClient) -> None:
    """Half of a pair of UTF-16, as broken JSON writes it, can be stored and shown nowhere; it is left out."""
    csrf = await world.signed_in("supervisor", browser)
    told = r'[{"名称": "川辺\ud800ひろば", "種別": "子育てひろば", "電話番号": "000-555-0101", "説\udfff明": "広"}]'
    path = await sent(world, browser, csrf, told, "x.json")
    page = (await browser.get(path)).text
    assert 'data-state="ready"' in page
    assert "川辺ひろば" in page


async def test_what_was_read_is_put_into_words_beside_the_loop(
    world: World, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A prefecture's hundred thousand places take seconds to word, in which nobody else would be answered."""
    real, on_loop = uploads._result, []

    def noted(imported: Any) -> str:
        on_loop.append(threading.current_thread() is threading.main_thread())
        return real(imported)

    monkeypatch.setattr(uploads, "_result", noted)
    csrf = await world.signed_in("supervisor", browser)
    await sent(world, browser, csrf, HEADER + ROWS)
    assert on_loop == [False]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.xls", b"\xd0\xcf\x11\xe0 old"),
        ("x.csv", b"\x00\x01\x02\xff\xfe\xfd"),
        ("x.xlsx", b"PK\x03\x04 broken"),
        ("x.json", b'{"a": '),
        ("..", b"a,b\r\n1,2\r\n"),
        ("../../etc/passwd", b"a,b\r\n1,2\r\n"),
        ("program.exe", b"MZ\x90\x00\x03\x00" * 50),
    ],
)
async def test_a_file_that_cannot_be_read_says_why(
    world: World, browser: httpx.AsyncClient, name: str, content: bytes
) -> None:
    """Every broken file ends in a sentence on its page, and can be dropped."""
    csrf = await world.signed_in("administrator", browser)
    path = await sent(world, browser, csrf, content, name)
    row = await world.store.read(lambda s: s.scalars(select(DirectoryUpload)).one())
    assert "/" not in row.file_name
    page = await browser.get(path)
    assert page.status_code == 200
    assert (
        row.state == "failed" and row.problem and row.problem in page.text.replace("&#39;", "'")
    ) or row.state == "ready"
    assert (await browser.post(f"{path}/drop", data=filled(csrf))).status_code == 303
    assert "やめました" in (await browser.get(path)).text


async def test_only_the_upload_may_be_large(world: World, browser: httpx.AsyncClient) -> None:
    """The upload takes more than a form and no more than 32 MB; every other route stops at 64 KiB."""
    csrf = await world.signed_in("supervisor", browser)
    large = HEADER + "".join(f"ひろば{n},公園,ひなた市{n},\r\n" for n in range(4_000))
    assert len(large.encode()) > 100_000
    await sent(world, browser, csrf, large)
    too_large = {"file": ("x.csv", b"x" * (uploads.LARGEST + imports.FORM + 1))}
    answer = await browser.post("/directory/imports", data=filled(csrf), files=too_large)
    assert answer.status_code == 413
    fat = {"file": ("x.csv", b"x" * 70_000)}
    for path in ("/directory/places/a/edit", "/directory/places/a/verify", "/directory/new", "/sign-out"):
        assert (await browser.post(path, data=filled(csrf), files=fat)).status_code == 413, path
    nothing = await browser.post("/directory/imports", data=filled(csrf), files={"file": ("x.csv", b"")})
    assert nothing.status_code == 422
    assert "ファイルをえらんでください" in nothing.text


async def test_a_reading_leaves_the_desk_alive(world: World, browser: httpx.AsyncClient, monkeypatch: Any) -> None:
    """While a file is being read other pages answer, and the waiting page says how far it is."""
    import threading

    begun, go = threading.Event(), threading.Event()
    read_file = uploads.read_file

    def slow(*given: Any, progress: Any, **more: Any) -> Any:
        begun.set()
        go.wait(60)
        return read_file(*given, progress=progress, **more)

    monkeypatch.setattr(uploads, "read_file", slow)
    csrf = await world.signed_in("supervisor", browser)
    answer = await browser.post("/directory/imports", data=filled(csrf), files={"file": ("x.csv", HEADER + ROWS)})
    path = answer.headers["location"]
    assert await asyncio.to_thread(begun.wait, 60)
    page = (await browser.get(path)).text
    assert "読んでいます" in page
    assert '<noscript><meta http-equiv="refresh"' in page
    assert (await browser.get(f"{path}/state", headers={"accept": "application/json"})).json()["state"] == "reading"
    assert (await browser.get("/directory")).status_code == 200
    busy = await browser.post(f"{path}/read", data=filled(csrf))
    assert busy.status_code == 422
    assert (await browser.post(f"{path}/store", data=filled(csrf, seen="x"))).status_code == 422
    go.set()
    await asyncio.gather(*world.app.state.readings)
    assert "入れると、こうなります" in (await browser.get(path)).text


async def test_a_dropped_file_is_not_brought_back_by_its_reading(world: World) -> None:
    """A reading that ends after its file was dropped, or after a newer reading began, leaves no trace."""
    who = Actor(world.staff["supervisor"], "supervisor", "たなか", "supervisor")
    raw = (HEADER + ROWS).encode()
    id = await world.store.write(lambda s: uploads.keep(s, who, "x.csv", raw, uploads.Settings(), NOW))
    await world.store.write(lambda s: uploads.drop(s, id))
    await uploads.read(world.store, id, 1)
    await world.store.write(lambda s: uploads._found(s, id, 1, json.dumps({})))
    row = await world.store.read(lambda s: s.get_one(DirectoryUpload, id))
    assert (row.state, await world.store.read(lambda s: s.get_one(DirectoryUpload, id).read_sealed)) == (
        "dropped",
        None,
    )
    with pytest.raises(RefusedError):
        await world.store.write(lambda s: uploads.store(s, id, "", who, NOW))


async def test_files_are_sealed_and_forgotten_after_a_day(store: Store) -> None:
    """Nothing of a file stands in the database in clear, and what nobody decided about is gone the next day."""
    world = await build(store)
    who = Actor(world.staff["supervisor"], "supervisor", "たなか", "supervisor")
    raw = (HEADER + ROWS).encode()
    id = await store.write(lambda s: uploads.keep(s, who, "x.csv", raw, uploads.Settings(), NOW))
    await uploads.read(store, id, 1)
    sealed = await store.read(
        lambda s: s.execute(select(DirectoryUpload.content_sealed, DirectoryUpload.read_sealed)).one()
    )
    assert all(found and "川辺".encode() not in found for found in sealed)
    assert await store.write(lambda s: uploads.sweep(s, NOW + timedelta(hours=23))) == 0
    assert await store.write(lambda s: uploads.sweep(s, NOW + timedelta(hours=25))) == 1
    left = await store.read(lambda s: s.execute(select(DirectoryUpload.content_sealed, DirectoryUpload.state)).one())
    assert tuple(left) == (None, "dropped")


async def test_two_people_cannot_store_one_preview_twice(store: Store) -> None:
    """At the same moment on both databases: one stores, the other is told."""
    world = await build(store)
    who = Actor(world.staff["supervisor"], "supervisor", "たなか", "supervisor")
    raw = (HEADER + ROWS).encode()
    id = await store.write(lambda s: uploads.keep(s, who, "x.csv", raw, uploads.Settings(), NOW))
    await uploads.read(store, id, 1)
    seen = await store.read(lambda s: uploads.look(s, s.get_one(DirectoryUpload, id)).seen)
    tries = [store.write(lambda s: uploads.store(s, id, seen, who, NOW)) for _ in range(2)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(isinstance(result, RefusedError) for result in results) == [False, True]
    assert await store.read(lambda s: s.scalar(select(func.count()).select_from(ResourceRow))) == 2


async def test_two_previews_of_one_source_do_not_both_store(store: Store) -> None:
    """Two files of the same source at the same moment: the second one's preview is outrun."""
    world = await build(store)
    who = Actor(world.staff["supervisor"], "supervisor", "たなか", "supervisor")
    seen = {}
    for content in (HEADER + ROWS, HEADER + ROWS.replace("北野2", "北野22")):
        raw = content.encode()
        id = await store.write(lambda s, raw=raw: uploads.keep(s, who, "x.csv", raw, uploads.Settings(), NOW))
        await uploads.read(store, id, 1)
        seen[id] = await store.read(lambda s, id=id: uploads.look(s, s.get_one(DirectoryUpload, id)).seen)
    for n, (id, name) in enumerate(seen.items()):
        if n == 0:
            await store.write(lambda s, id=id, name=name: uploads.store(s, id, name, who, NOW))
        else:
            with pytest.raises(DirectoryMovedError):
                await store.write(lambda s, id=id, name=name: uploads.store(s, id, name, who, NOW))


async def test_a_zip_bomb_is_a_sentence(world: World, browser: httpx.AsyncClient) -> None:
    """What unpacks to more than it may is refused, and the desk goes on."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(3):
            archive.writestr(f"{n}.csv", b"0" * 90_000_000)
    csrf = await world.signed_in("supervisor", browser)
    path = await sent(world, browser, csrf, packed.getvalue(), "bomb.zip")
    row = await world.store.read(lambda s: s.scalars(select(DirectoryUpload)).one())
    assert row.state == "failed"
    assert row.problem in (await browser.get(path)).text


def test_every_column_has_a_name_that_staff_read() -> None:
    assert set(imports.COLUMNS) == set(imports.FIELDS)
    assert to_json(SALON)["name"] == "川辺ひろば"
