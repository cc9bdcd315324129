"""The API: HSDS 3 as the export writes it, filters that hold, refusals in words, and a description that is true."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from openapi_schema_validator import OAS31Validator

from bot import names
from bot.directory.exporting import hsds
from bot.messages import Language
from bot.store import Store
from tests import public_world
from tests.public_world import EVENT, FULL, World, visible
from tests.talk import content, words

API = "/public/api/v1"


@pytest.fixture
async def world(sqlite_store: Store) -> World:
    """Give the API over ひなた市."""
    return await public_world.build(sqlite_store)


@pytest.fixture
async def browser(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client."""
    async with world.browser() as found:
        yield found


async def names_of(browser: httpx.AsyncClient, wishes: str) -> list[str]:
    """Return the names on all pages of a list."""
    found: list[str] = []
    number, last = 1, False
    while not last:
        page = (await browser.get(f"{API}/services?{wishes}&page={number}")).json()
        found += [service["name"] for service in page["contents"]]
        number, last = number + 1, page["last_page"]
    assert len(found) == page["total_items"]
    return found


async def test_a_service_is_what_the_export_writes(world: World, browser: httpx.AsyncClient) -> None:
    """One mapping: the same body in the export, in the list, and alone."""
    await world.keep(FULL)
    spoken = {id: words().value(Language(id), "ja") for id in content().vocabulary["languages"]}
    ids = {"category": names.CATEGORIES, "topic": names.TOPICS, "language": spoken}
    exported = {one["id"]: one for one in json.loads(hsds.documents(world.directory.resources, names=ids))}
    page = (await browser.get(f"{API}/services?per_page=100")).json()
    assert (page["total_items"], page["total_pages"], page["size"]) == (len(exported), 2, 100)
    assert all(one == exported[one["id"]] for one in page["contents"])
    alone = (await browser.get(f"{API}/services/{hsds.service_id(FULL.id)}")).json()
    assert alone == exported[alone["id"]]
    assert alone["name"] == "ぜんぶ館"


async def test_the_list_follows_the_directory(world: World, browser: httpx.AsyncClient) -> None:
    address = f"{API}/services/{hsds.service_id(FULL.id)}"
    assert (await browser.get(address)).status_code == 404
    await world.keep(FULL)
    assert (await browser.get(address)).status_code == 200
    await world.keep(replace(FULL, status="inactive"))
    assert (await browser.get(address)).status_code == 404


@pytest.mark.parametrize(
    "wishes",
    ["topic=parenting_salon&area=川辺町", "topic=temporary_care&age=8&free=false", "open=sun&topic=parenting_salon",
     "open=now&language=en", "free=true&topic=parent_circle", "near=35.05,137.05&topic=nursery", "area=あさぎり町"],
)  # fmt: skip
async def test_every_service_in_a_list_fits(world: World, browser: httpx.AsyncClient, wishes: str) -> None:
    """By the definitions, not by the search's own arrays; all pages together hold each fitting place once."""
    asked = dict(part.split("=") for part in wishes.split("&"))
    found = await names_of(browser, wishes + "&per_page=3")
    assert found
    assert len(found) == len(set(found))
    fitting = {place.name: place for place in world.directory.resources}
    for name in found:
        place = fitting[name]
        if "topic" in asked:
            topics = place.topics if place.topics is not None else content().topics_of_category[place.category]
            assert asked["topic"] in topics or place.accepts_temporary_care
        if "area" in asked:
            assert asked["area"] in (place.location.municipality, place.location.town)
        if "age" in asked:
            assert (place.minimum_age or 0) <= int(asked["age"]) <= (place.maximum_age or 999)
        if asked.get("free") == "true":
            assert place.free
        if asked.get("open") == "now":
            assert place.opening.open_at(world.clock.now())
        if "language" in asked:
            assert asked["language"] in place.languages


async def test_what_does_not_fit_is_not_in_the_list(browser: httpx.AsyncClient) -> None:
    """Nothing is set aside for a machine: it would not read that it was."""
    for wishes in ("area=どこにもない", "topic=nursery&area=川辺町&open=sun", "language=xx", "page=500"):
        page = (await browser.get(f"{API}/services?{wishes}")).json()
        assert (page["contents"], page["empty"], page["last_page"]) == ([], True, True), wishes


async def test_a_hidden_or_closed_place_is_in_no_list(world: World, browser: httpx.AsyncClient) -> None:
    before = await names_of(browser, "")
    await world.keep(
        replace(FULL, id="h", description="母子寮"), replace(FULL, id="c", status="inactive"),
        replace(FULL, id="t", name="休み館", status="temporarily_closed"),
    )  # fmt: skip
    assert await names_of(browser, "") == before


@pytest.mark.parametrize(
    ("address", "status", "told"),
    [
        ("services?page=0", 422, "page"),
        ("services?per_page=101", 422, "per_page"),
        ("services?near=here", 422, "near"),
        ("services?near=35,1370000,3", 422, "near"),
        ("services?age=-1", 422, "age"),
        ("services?age=two", 422, "age"),
        ("services?open=always", 422, "open"),
        ("services?topic=flying", 422, "flying"),
        ("services?area=" + "あ" * 41, 422, "area"),
        ("services/none", 404, "この番号のサービスはありません。"),
        ("organizations", 404, "このアドレスはありません。"),
    ],
)
async def test_a_refusal_is_a_sentence(browser: httpx.AsyncClient, address: str, status: int, told: str) -> None:
    answer = await browser.get(f"{API}/{address}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert list(answer.json()) == ["message"]
    assert told in answer.json()["message"]


async def test_any_site_may_read_and_nobody_may_write(browser: httpx.AsyncClient) -> None:
    answer = await browser.get(f"{API}/services", headers={"origin": "https://anywhere.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    assert "set-cookie" not in answer.headers
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        refused = await browser.request(method, f"{API}/services")
        assert (refused.status_code, refused.json()) == (405, {"message": "GET だけ使えます。"})
    asked = await browser.options(
        f"{API}/services", headers={"origin": "https://a.example", "access-control-request-method": "DELETE"}
    )
    assert asked.status_code == 400


async def test_pages_and_forms_are_not_open_to_other_sites(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/public/ja/", headers={"origin": "https://anywhere.example"})
    assert "access-control-allow-origin" not in answer.headers


async def test_a_list_is_kept_for_a_minute(browser: httpx.AsyncClient) -> None:
    first = await browser.get(f"{API}/services?topic=nursery")
    assert first.headers["cache-control"] == "public, max-age=60"
    again = await browser.get(f"{API}/services?topic=nursery", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


# --- its description --------------------------------------------------------------------------------------------------


def resolved(document: dict[str, Any], schema: Any) -> Any:
    """Return a schema with every reference into the document put in."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            found: Any = document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            return resolved(document, found)
        return {name: resolved(document, each) for name, each in schema.items()}
    return [resolved(document, each) for each in schema] if isinstance(schema, list) else schema


async def test_the_description_is_sound_and_true(browser: httpx.AsyncClient) -> None:
    """OpenAPI 3.1: its schemas are schemas, and what is answered fits them."""
    answer = await browser.get(f"{API}/openapi.json")
    document = answer.json()
    assert document["openapi"].startswith("3.1")
    assert document["servers"] == [{"url": "http://public.test/public/api/v1"}]
    assert set(document["paths"]) == {"/", "/services", "/services/{id}"}
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    ids = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    assert len(ids) == len(set(ids))
    for path, operations in document["paths"].items():
        assert set(operations) == {"get"}
        operation = operations["get"]
        for parameter in operation.get("parameters", ()):
            OAS31Validator.check_schema(parameter["schema"])
            assert parameter["description"]
            assert parameter["in"] == ("path" if f"{{{parameter['name']}}}" in path else "query")
    one = (await browser.get(f"{API}/services")).json()["contents"][0]["id"]
    for path, address, status in (
        ("/", "/", 200), ("/services", "/services?per_page=2", 200), ("/services/{id}", f"/services/{one}", 200),
        ("/services/{id}", "/services/none", 404), ("/services", "/services?page=x", 422),
    ):  # fmt: skip
        answer = await browser.get(API + address)
        assert answer.status_code == status
        described = document["paths"][path]["get"]["responses"][str(status)]["content"]["application/json"]["schema"]
        OAS31Validator(resolved(document, described)).validate(answer.json())


async def test_every_wish_is_described_for_people_too(browser: httpx.AsyncClient) -> None:
    document = (await browser.get(f"{API}/openapi.json")).json()
    page = visible((await browser.get("/public/api/")).text)
    for parameter in document["paths"]["/services"]["get"]["parameters"]:
        assert f"{parameter['name']} {parameter['description']}" in page
    about = (await browser.get(f"{API}/")).json()
    assert about["openapi_url"] == "http://public.test/public/api/v1/openapi.json"


async def test_an_event_is_a_service_too(world: World, browser: httpx.AsyncClient) -> None:
    await world.keep(EVENT)
    assert "川辺えんにち" in await names_of(browser, "")
