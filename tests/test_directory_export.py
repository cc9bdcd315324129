"""The directory leaves as a city can publish it: what goes out comes back, validates, and gives nothing away."""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import FormatChecker
from openapi_schema_validator import OAS31Validator

from bot import library
from bot.directory.documents import resources_from_documents
from bot.directory.exporting import STAFF_ONLY, bare, harmless, hsds, publishable, standard
from bot.directory.importing import read_file
from bot.directory.importing.categories import category_named
from bot.directory.importing.cells import cost, is_formula
from bot.directory.resources import (
    ATTRIBUTES,
    HIDDEN_PLACES,
    CostOption,
    Location,
    Organization,
    Phone,
    Resource,
    Source,
)
from bot.opening import Closure, Opening, Rest, Schedule

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"
DEFINITION = SHARED / "spec_hsds_3" / "hsds_simple_schema.csv"
TODAY = date(2026, 11, 22)
MOMENT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
PLACES = resources_from_documents(library.sample_city()[1])
CATEGORIES = list(library.read_yaml(library.CONTENT / "vocabulary.yaml")["categories"])
NAMES = {"category": dict(standard.KINDS), "topic": {"nursery": "保育園"}, "language": {"en": "英語"}}
REAL = [
    "yaizu/222127_preschool.csv",
    "yaizu/222127_child_rearing_support_center.csv",
    "yaizu/222127_library.csv",
    "yaizu/222127_baby_station.csv",
    "yaizu/222127_hokago_dayservices.csv",
    "yaizu/222127_park_info.csv",
    "takamatsu/nursery_school.csv",
    "takamatsu/kindergarten.csv",
    "takamatsu/regional_child_rearing_support_base.csv",
    "takamatsu/childrens_hall.csv",
    "takamatsu/health_center.csv",
    "takamatsu/midwifery_center.csv",
    "takamatsu/children_club.csv",
    "takamatsu/events.csv",
    "takamatsu/hospital.csv",
    "koriyama/nurseryData.csv",
    "hachioji/kosodateshisetuitiran.xlsx",
    "nakano_lod2015/nakano.csv",
    "yuzawa/nurseries_2022.json",
    "yuzawa/life_event_2022.json",
]
PLACE = Resource(
    "one",
    "ひなた保育園",
    "nursery",
    location=Location(address="ひなた市北野1-2", municipality="ひなた市", town="北野"),
    phones=(Phone("000-555-1001"),),
)


# --- standard CSVs --------------------------------------------------------------------------------------------------


def again(resources: Iterable[Resource], folder: Path, name: str = "") -> dict[str, Resource]:
    """Return the places that come back from their standard CSVs, by the id that stands there."""
    found: dict[str, Resource] = {}
    for file, content in standard.write(resources).items():
        path = folder / file / (name or file)
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        imported = read_file(path, today=TODAY)
        assert not imported.refused
        found |= {place.source.record_id: place for place in imported.taken}
    return found


def katakana(kana: str) -> str:
    """Return kana as the standard has them."""
    return re.sub("[ぁ-ゖ]", lambda found: chr(ord(found[0]) + 0x60), kana)


def plain(words: str) -> str:
    """Return words as any import has them: ordinary digits and spaces."""
    full = "".join(map(chr, range(0xFF10, 0xFF1A))) + "\u3000"
    return re.sub(" +", " ", words.translate(str.maketrans(full, "0123456789 ")))


def held(place: Resource) -> dict[str, Any]:
    """Return what the standard CSVs hold of a place in every case."""
    return {
        "name": place.name,
        "kana": katakana(place.kana),
        "name_latin": place.name_latin,
        "alternate_name": place.alternate_name,
        "category": place.category,
        "description": [
            line.strip() for line in re.sub("(;|^) | (;|$)", r"\1\2", plain(place.description)).split("\n")
        ],
        "location": replace(
            place.location, town_kana="", address=unicodedata.normalize("NFKC", place.location.address)
        ),
        "organization": place.organization,
        "phones": [(p.number, p.extension) for p in place.phones],
        "minimum_age": place.minimum_age,
        "maximum_age": place.maximum_age,
        "capacity": place.capacity,
        "url": place.url,
        "email": place.email,
        "languages": place.languages,
        "provision": place.provision,
        "application_process": place.application_process,
        "required_documents": place.required_documents,
        "service_area": place.service_area,
        "accepts_temporary_care": place.accepts_temporary_care,
        "attributes": set(place.attributes),
        "status": place.status,
        "alert": place.alert,
        "verified_on": place.verified_on,
    }


def days_open(opening: Opening) -> list[tuple[datetime, datetime]]:
    """Return when it opens in three years."""
    days = (date(2024, 1, 1) + timedelta(days=n) for n in range(3 * 366))
    return [span for day in days for span in dict.fromkeys(opening.spans(day))]


def alike(one: Opening, other: Opening) -> bool:
    """Return whether two openings open at the same times."""
    return standard.same(one) == standard.same(other) or days_open(one) == days_open(other)


def speaks(opening: Opening) -> bool:
    """Return whether the words of cities tell all of an opening, as `CANNOT_HOLD` says."""
    rules = opening.schedules
    months = {(rule.valid_from, rule.valid_to) for rule in rules}
    return months == {(None, None)} and len({rule.holidays is None for rule in rules}) == 1


def test_the_sample_city_comes_back(tmp_path: Path) -> None:
    """Every place of ひなた市 comes back from its CSVs as it was, in every field that the layouts hold."""
    back = again(PLACES, tmp_path)
    assert set(back) == {place.id for place in PLACES}
    for place in PLACES:
        found = back[place.id]
        assert held(found) == held(place), place.id
        assert found.hours_note.endswith(place.hours_note) or not found.opening.known
        assert found.eligibility_description.endswith(place.eligibility_description)
        if all(c.amount or c == CostOption(0) for c in place.cost):
            assert [(c.amount, c.option) for c in found.cost] == [(c.amount, c.option) for c in place.cost]
        if place.category != "event" and (speaks(place.opening) or not place.opening.known):
            assert alike(found.opening, place.opening), place.id
        elif place.category == "event":
            assert alike(found.opening, place.opening)
            assert found.ends_on == place.ends_on
        else:
            assert not found.opening.known
            assert found.hours_note
    kept = sum(back[place.id].opening.known for place in PLACES if place.opening.known)
    assert kept >= 0.95 * sum(place.opening.known for place in PLACES)


@pytest.mark.parametrize("file", REAL)
def test_real_files_come_back(tmp_path: Path, file: str) -> None:
    """What was imported from a real file is the same after export and import; a second time nothing moves at all."""
    path = SHARED / file
    if not path.exists():
        pytest.skip("the real files are not here")
    places = [
        replace(place, source=replace(place.source, record_id=f"x-{number}"))
        for number, place in enumerate(read_file(path, today=TODAY).taken)
    ]
    back = again(places, tmp_path)
    assert len(back) == len(places)
    for place in places:
        found = back[place.source.record_id]
        assert held(found) == held(place)
        assert plain(place.eligibility_description).strip() in plain(found.eligibility_description)
        assert {(c.amount, c.option) for c in found.cost} == {(c.amount, c.option) for c in place.cost}
        single = {(rule.valid_from, rule.valid_to) for rule in place.opening.schedules}
        if len(single) < 2:
            assert alike(found.opening, place.opening)
    once, twice = standard.write(back.values()), standard.write(again(back.values(), tmp_path / "b").values())
    assert once == twice


def test_the_same_file_gives_the_same_identities(tmp_path: Path) -> None:
    """Where the source has ids of its own, the export under the source's name keeps the identity of every place."""
    path = SHARED / "yaizu" / "222127_preschool.csv"
    if not path.exists():
        pytest.skip("the real files are not here")
    places = read_file(path, today=TODAY).taken
    assert {p.id for p in again(places, tmp_path, path.name).values()} == {p.id for p in places}


def test_a_remark_is_read_like_a_column(tmp_path: Path) -> None:
    """A line of 備考 under the name of a column fills a field that has none; a column goes before it."""
    path = tmp_path / "999999_park.csv"
    text = "名称,住所,料金,備考\n{},ひなた市北野1,{},〔料金〕300円\n広い庭\n〔知らない列〕あ"
    path.write_text(text.format("みどり公園", "").replace("〔料金〕", '"〔料金〕') + '"\n', "utf-8")
    (found,) = read_file(path, today=TODAY).taken
    assert (found.cost, found.description) == ((CostOption(300, "", "300円"),), "広い庭\n〔知らない列〕あ")
    path.write_text(text.format("みどり公園", "無料").replace("〔料金〕", '"〔料金〕') + '"\n', "utf-8")
    (found,) = read_file(path, today=TODAY).taken
    assert (found.cost, found.description) == (
        (CostOption(0, "", "無料"),), "〔料金〕300円\n広い庭\n〔知らない列〕あ",
    )  # fmt: skip


@pytest.mark.parametrize(
    "words", ["無料（生活保護の世帯）", "大人 無料", "300円（市外1000円）", "1時間 300円\n相談して決める"]
)
def test_a_price_for_some_stays_in_words(words: str) -> None:
    """What is free, or has another price, only for some is never read as the price."""
    assert cost(words) == (CostOption(None, "", words),)


def test_layouts_are_exact() -> None:
    """The four layouts have BOM, CRLF and the columns of the definitions in their order."""
    dated = replace(PLACE, id="e", category="event", ends_on=TODAY)
    clinic = replace(PLACE, id="c", category="clinic")
    files = standard.write([PLACE, dated, clinic, replace(PLACE, id="p", category="park")])
    assert list(files) == ["preschool.csv", "event.csv", "hospital.csv", "public_facility.csv"]
    assert [len(standard.COLUMNS[name.removesuffix(".csv")]) for name in files] == [53, 40, 26, 24]
    for name, content in files.items():
        assert content.startswith(b"\xef\xbb\xbf")
        assert content.count(b"\r\n") == 2
        assert content.decode("utf-8-sig").split("\r\n")[0].split(",") == list(standard.COLUMNS[name[:-4]])


@pytest.mark.parametrize(
    ("layout", "definition"),
    [("event", "06_イベント一覧"), ("hospital", "03_医療機関一覧"), ("public_facility", "12_公共施設一覧")],
)
def test_layouts_follow_the_published_definition(layout: str, definition: str) -> None:
    """The columns of L1 are those of the definition (推奨データセット), later ones behind them."""
    path = SHARED / "spec_suisyou_dataset_v1" / f"{definition}.model.yaml"
    if not path.exists():
        pytest.skip("the definition is not here")
    (schema,) = library.read_yaml(path)["components"]["schemas"].values()
    wanted = [column for column in schema["properties"] if column != "location"]
    assert list(standard.COLUMNS[layout][: len(wanted)]) == wanted


def test_kinds_name_their_category() -> None:
    """Every category has a name under 種別, and the name is read back."""
    assert set(standard.KINDS) == set(CATEGORIES)
    assert {category: category_named(kind) for category, kind in standard.KINDS.items()} == {c: c for c in CATEGORIES}


def test_every_field_is_either_held_or_named() -> None:
    """A field that a Resource gets has to be exported, or to be named among those that cannot be held."""
    named = {name.split(".")[0] for name in standard.CANNOT_HOLD}
    assert {f.name for f in fields(Resource)} <= named | set(held(PLACE))
    assert named <= {f.name for f in fields(Resource)}


FULL = replace(
    PLACE,
    kana="ヒナタホイクエン",
    name_latin="Hinata Nursery",
    alternate_name="ひなた",
    description="庭が広い\n川の近く",
    location=replace(PLACE.location, name="ひなた会館", transportation="駅から5分", latitude=35.05, longitude=137.05),
    organization=Organization("ひなたの会", "任意団体", "1234567890123"),
    phones=(Phone("000-555-1001", description="受付"), Phone("000-555-1002", description="保育室")),
    minimum_age=6,
    maximum_age=71,
    eligibility_description="6か月～5歳\n市内に住む人",
    cost=(CostOption(2000, "1日", "2000円/1日（3歳未満）"), CostOption(1000, "年会費", "年会費 1000円")),
    capacity=12,
    url="https://hinata.example.jp/",
    email="hinata@example.jp",
    languages=("ja", "pt-BR"),
    provision="visit",
    application_process="電話で予約\n前の日まで",
    required_documents=("母子健康手帳", "着がえ"),
    service_area=("ひなた市", "あさぎり町"),
    accepts_temporary_care=True,
    attributes=tuple(ATTRIBUTES),
    alert="7月は工事中",
    status="temporarily_closed",
    verified_on=TODAY,
)


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_full_place_comes_back_in_every_layout(tmp_path: Path, category: str) -> None:
    """All that any layout holds comes back from every one, since 備考 holds what has no column."""
    ends_on = TODAY if category == "event" else None
    (found,) = again([replace(FULL, category=category, ends_on=ends_on)], tmp_path).values()
    assert held(found) == held(replace(FULL, category=category))
    assert (found.phones, found.cost, found.ends_on) == (FULL.phones, FULL.cost, ends_on)
    assert found.eligibility_description == FULL.eligibility_description


def rule(days: Iterable[int], opens: int, closes: int, **more: Any) -> Schedule:
    """Return a rule for whole hours."""
    return Schedule(tuple(days), time(opens), time(closes % 24), **more)


YEAR_END = Closure(date(2024, 12, 29), date(2024, 1, 3), yearly=True)
OPENINGS = {
    "with two sessions": Opening((rule((0, 2), 9, 12, holidays=False), rule((0, 2), 13, 17, holidays=False))),
    "on nth weekdays": Opening((rule((5,), 10, 12, nth=(1, 3), holidays=False), rule((2,), 9, 12, holidays=False))),
    "on holidays as ever": Opening((rule((5,), 10, 12),), (YEAR_END,)),
    "on Sundays but not on holidays": Opening((rule((5, 6), 10, 12, holidays=False),), (YEAR_END,)),
    "at other hours on holidays": Opening(
        (rule(range(5), 9, 17, holidays=False), rule(range(7), 9, 12, holidays=True))
    ),
    "always": Opening((rule(range(7), 0, 0),)),
    "past midnight": Opening((rule((4, 5, 6), 18, 6),)),
    "with a moving rest": Opening((rule(range(7), 9, 17),), (YEAR_END,), (Rest((0,), (), "next_weekday"),)),
    "with the rest of a month": Opening(
        (rule(range(7), 9, 17),),
        (Closure(date(2024, 8, 13), date(2024, 8, 15), yearly=True),),
        (Rest((0, 2), (3,), "next_day"),),
    ),
}


@pytest.mark.parametrize("name", OPENINGS)
@pytest.mark.parametrize("category", ["nursery", "park", "clinic"])
def test_hours_come_back(tmp_path: Path, name: str, category: str) -> None:
    """Hours that have no words of their own are put into words that are read back."""
    place = replace(PLACE, category=category, opening=OPENINGS[name], hours_note="")
    (found,) = again([place], tmp_path).values()
    assert alike(found.opening, place.opening)


@pytest.mark.parametrize(
    "opening",
    [
        Opening((rule((5,), 10, 12, nth=(-1,)),)),
        Opening((rule((5,), 10, 12, valid_from=date(2026, 4, 1)),)),
        Opening((rule((5,), 10, 12),), (Closure(date(2026, 11, 28), date(2026, 11, 28)),)),
    ],
)
def test_hours_that_cannot_be_held_are_told(tmp_path: Path, opening: Opening) -> None:
    """Hours without words stay unknown rather than wrong, and people still read them."""
    (found,) = again([replace(PLACE, opening=opening, hours_note="電話で確かめて")], tmp_path).values()
    assert not found.opening.known
    assert "電話で確かめて" in found.hours_note
    assert "10:00～12:00" in found.hours_note


def test_an_event_is_not_told_to_open_on_a_closed_day(tmp_path: Path) -> None:
    """An event over New Year that rests then does not come back as one that is on every day."""
    opening = Opening((rule(range(7), 9, 12, valid_from=date(2026, 12, 20), valid_to=date(2027, 1, 10)),), (YEAR_END,))
    event = replace(PLACE, category="event", opening=opening, ends_on=date(2027, 1, 10))
    (found,) = again([event], tmp_path).values()
    assert (found.opening.known, found.ends_on) == (False, event.ends_on)
    (whole,) = again([replace(event, opening=Opening(opening.schedules))], tmp_path / "whole").values()
    assert alike(whole.opening, Opening(opening.schedules))


# --- HSDS -----------------------------------------------------------------------------------------------------------

SINGULAR = {name: re.sub("ies$", "y", name) for name in hsds.COLUMNS} | {"addresses": "address", "accessibility": ""}
SINGULAR |= {name: one.removesuffix("s") for name, one in SINGULAR.items() if one.endswith("s") and one != "address"}
SINGULAR |= {"accessibility": "accessibility", "metadata": "metadata"}
NESTED = {  # what a nested document holds under which name
    "phones": "phone", "schedules": "schedule", "service_areas": "service_area", "languages": "language",
    "service_at_locations": "service_at_location", "cost_options": "cost_option", "attributes": "attribute",
    "required_documents": "required_document", "metadata": "metadata", "addresses": "address",
    "accessibility": "accessibility", "organization_identifiers": "organization_identifier",
}  # fmt: skip
ONE = {"organization": "organization", "location": "location", "taxonomy_term": "taxonomy_term"}
ONE |= {"taxonomy_detail": "taxonomy"}
FORMATS = FormatChecker()


@FORMATS.checks("uri")
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or bool(re.fullmatch(r"https?://[!-~]+", value))


def definition() -> list[dict[str, str]]:
    """Return the rows of the definition; skip the test where it is not at hand."""
    if not DEFINITION.exists():
        pytest.skip("the definition is not here")
    return list(csv.DictReader(io.StringIO(DEFINITION.read_text("utf-8"))))


def schema(table: str, *, tabular: bool) -> dict[str, Any]:
    """Build the JSON schema of a table, or of an object in nested documents, from the definition."""
    properties: dict[str, Any] = {}
    required = []
    for row in definition():
        if row["table_name"] != table or row["one_to_many"] or row["one_to_one"]:
            continue
        kind: dict[str, Any] = {"type": row["type"]}
        if row["format"] in ("email", "uri"):
            kind["format"] = row["format"]
        if row["enum"]:
            kind["enum"] = row["enum"].split(",")
        if row["constraints_required"] == "true" or (tabular and row["constraints_tablular_required"] == "true"):
            required.append(row["name"])
            kind |= {"minLength": 1} if row["type"] == "string" else {}
        if row["name"] == "id":
            kind["format"] = "uuid"
        properties[row["name"]] = kind
    if not tabular:
        parts = {name: {"type": "array", "items": {"$ref": f"#/$defs/{one}"}} for name, one in NESTED.items()}
        properties |= parts | {name: {"$ref": f"#/$defs/{one}"} for name, one in ONE.items()}
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def dirty() -> list[Resource]:
    """Return places with everything, and with nothing."""
    whole = replace(FULL, url="https://hinata.example.jp/ひろば", opening=OPENINGS["with the rest of a month"])
    return [whole, replace(PLACE, id="two", location=Location()), replace(PLACE, id="three", email="名前@例", url="x")]


@pytest.mark.parametrize("table", hsds.COLUMNS)
def test_tables_follow_the_definition(table: str) -> None:
    """Each table has the definition's columns in its order, and its rows validate against it."""
    named = [
        row["name"]
        for row in definition()
        if row["table_name"] == SINGULAR[table] and not (row["one_to_many"] or row["one_to_one"])
    ]
    assert list(hsds.COLUMNS[table]) == named
    validator = OAS31Validator(schema(SINGULAR[table], tabular=True), format_checker=FORMATS)
    for row in hsds.tables([*PLACES, *dirty()], names=NAMES)[table]:
        validator.validate(row)


def test_documents_follow_the_definition() -> None:
    """The nested services validate against the definition, and hold nothing beside it."""
    parts = {*NESTED.values(), *ONE.values()}
    whole = schema("service", tabular=False) | {"$defs": {part: schema(part, tabular=False) for part in parts}}
    validator = OAS31Validator(whole, format_checker=FORMATS)
    services = json.loads(hsds.documents([*PLACES, *dirty()], names=NAMES))
    assert len(services) == len(PLACES) + 3
    for service in services:
        validator.validate(service)
    words = json.dumps(services[0], ensure_ascii=False)
    assert all(one in words for one in ("ひなたプラザ 一時預かり室", "駅前町", "000-555-2001", "TU,WE,TH,FR,SA,SU"))


def read_package(files: dict[str, bytes]) -> dict[str, list[dict[str, Any]]]:
    """Read a data package as its datapackage.json says: empty cells left out, numbers as numbers."""
    found = {}
    for resource in json.loads(files["datapackage.json"])["resources"]:
        kinds = {field["name"]: field["type"] for field in resource["schema"]["fields"]}
        reader = csv.DictReader(io.StringIO(files[resource["path"]].decode(resource["encoding"]), newline=""))
        assert reader.fieldnames == list(kinds)
        found[resource["name"]] = [
            {c: float(cell) if kinds[c] == "number" else bare(cell) for c, cell in row.items() if cell != ""}
            for row in reader
        ]
    return found


def test_package_reads_back() -> None:
    """The package holds the tables: same rows, unique keys, foreign keys that resolve, constraints that hold."""
    places = [*PLACES, *dirty()]
    files = hsds.package(places, names=NAMES, generated_at=MOMENT, title="ひなた市の子育て資源", licence="CC-BY-4.0")
    descriptor = json.loads(files["datapackage.json"])
    found = read_package(files)
    assert (descriptor["profile"], descriptor["created"]) == ("tabular-data-package", MOMENT.isoformat())
    assert {name: rows for name, rows in hsds.tables(places, names=NAMES).items() if rows} == found
    assert set(files) == {"datapackage.json"} | {f"{name}.csv" for name in found}
    for resource in descriptor["resources"]:
        rows, keyed = found[resource["name"]], resource["schema"]
        ids = [row["id"] for row in rows]
        assert len(set(ids)) == len(ids)
        for key in keyed["foreignKeys"]:
            known = {row["id"] for row in found[key["reference"]["resource"]]}
            assert {row[key["fields"]] for row in rows if key["fields"] in row} <= known
        needed = {f["name"] for f in keyed["fields"] if f.get("constraints", {}).get("required")}
        assert all(needed <= set(row) for row in rows)
    everything = {row["id"] for rows in found.values() for row in rows}
    assert {row["link_id"] for row in found["attributes"]} <= everything
    assert {row["resource_id"] for row in found["metadata"]} <= everything


def test_descriptor_follows_the_definition() -> None:
    """What datapackage.json says of types, formats, enums and required columns is what the definition says."""
    files = hsds.package([*PLACES, *dirty()], names=NAMES, generated_at=MOMENT, title="")
    rows = {(row["table_name"], row["name"]): row for row in definition()}
    for resource in json.loads(files["datapackage.json"])["resources"]:
        for field in resource["schema"]["fields"]:
            wanted = rows[SINGULAR[resource["name"]], field["name"]]
            constraints = field.get("constraints", {})
            assert field["type"] == wanted["type"]
            assert field.get("format", "") == (wanted["format"] if wanted["format"] in ("email", "uri") else "")
            assert ",".join(constraints.get("enum", ())) == wanted["enum"]
            needed = "true" in (wanted["constraints_required"], wanted["constraints_tablular_required"])
            assert bool(constraints.get("required")) == needed, (resource["name"], field["name"])


def test_schedules_are_rfc_5545() -> None:
    """Weekdays, nth weekdays, seasons and holidays stand in the words of HSDS, closures and rests in attributes."""
    opening = Opening(
        (
            rule((0, 1), 9, 17, holidays=False),
            rule((1,), 10, 12, nth=(1, 3), valid_from=date(2026, 4, 1), valid_to=date(2027, 3, 31)),
            rule((5,), 22, 6, nth=(-1,), description="夜"),
        ),
        (YEAR_END, Closure(date(2026, 8, 13), date(2026, 8, 15))),
        (Rest((0,), (), "next_day"),),
    )
    found = hsds.tables([replace(PLACE, opening=opening)], names=NAMES)
    weekly, season, night = found["schedules"]
    assert (weekly["freq"], weekly["byday"], weekly["opens_at"], weekly["closes_at"]) == (
        "WEEKLY", "MO,TU", "09:00+09:00", "17:00+09:00",
    )  # fmt: skip
    assert (weekly["wkst"], weekly["interval"], weekly["notes"], weekly["timezone"]) == ("MON", 1, "祝日は休み", 9)
    assert (season["freq"], season["byday"], season["dtstart"], season["until"]) == (
        "MONTHLY", "1TU,3TU", "2026-04-01", "2027-03-31",
    )  # fmt: skip
    assert (season["valid_from"], season["valid_to"]) == ("2026-04-01", "2027-03-31")
    assert (night["byday"], night["notes"]) == ("-1SA", "次の日まで")
    assert "夜" in str(night["description"])
    values = details(found)
    assert values["closure"] == {"--12-29/--01-03", "2026-08-13/2026-08-15"}
    assert values["rest"] == {"月曜日（祝日の場合は翌日）"}


def details(found: hsds.Tables) -> dict[str, set[str]]:
    """Return the attributes with a value: code -> values."""
    codes = {row["id"]: str(row["code"]) for row in found["taxonomy_terms"] if "code" in row}
    values: dict[str, set[str]] = {}
    for row in found["attributes"]:
        if "value" in row:
            values.setdefault(codes[row["taxonomy_term_id"]], set()).add(str(row["value"]))
    return values


def test_ids_are_stable() -> None:
    """The same places give the same bytes; one more place changes no id of the others."""
    once, twice = (hsds.documents(PLACES, names=NAMES) for _ in range(2))
    assert once == twice
    fewer = hsds.tables(PLACES[1:], names=NAMES)["services"]
    assert [row["id"] for row in hsds.tables(PLACES, names=NAMES)["services"]][1:] == [row["id"] for row in fewer]


def test_ages_are_years() -> None:
    """Ages are years as parents count them, and the months are not lost."""
    found = hsds.tables([replace(PLACE, minimum_age=6, maximum_age=83)], names=NAMES)
    (service,) = found["services"]
    assert (service["minimum_age"], service["maximum_age"]) == (0.5, 6)
    assert (details(found)["minimum_age_months"], details(found)["maximum_age_months"]) == ({"6"}, {"83"})


def test_tokens_of_csv_are_plain_text() -> None:
    """Truth is written as JSON writes it, and what is not known as an empty cell."""
    found = details(hsds.tables([replace(PLACE, booking_required=True, formal=False)], names=NAMES))
    assert (found["booking_required"], found["formal"], "accepts_temporary_care" in found) == (
        {"true"},
        {"false"},
        False,
    )


WORDS = st.text(max_size=12) | st.sampled_from(
    ("=cmd|' /C calc'!A0", "'=1+1", "\t=1", "\r", "@SUM(1)", "ひ\nな", '"', ",")
)
NAME = WORDS.filter(bool)
PLACES_OF_ANY_WORDS = st.builds(
    Resource,
    id=NAME,
    name=NAME,
    category=NAME,
    kana=WORDS,
    name_latin=WORDS,
    alternate_name=WORDS,
    topics=st.none() | st.lists(NAME, max_size=2).map(tuple),
    description=WORDS,
    location=st.builds(Location, name=WORDS, address=WORDS, municipality=WORDS, town=WORDS, town_kana=WORDS,
                       transportation=WORDS),
    organization=st.builds(Organization, name=WORDS, legal_status=WORDS, identifier=WORDS),
    phones=st.lists(st.builds(Phone, number=NAME, extension=WORDS, description=WORDS,
                              languages=st.lists(NAME, max_size=2).map(tuple)), max_size=2).map(tuple),
    hours_note=WORDS,
    eligibility_description=WORDS,
    cost=st.lists(st.builds(CostOption, amount=st.none() | st.integers(0, 10**6), option=WORDS,
                            amount_description=WORDS), max_size=2).map(tuple),
    url=WORDS,
    email=WORDS,
    languages=st.lists(NAME, max_size=2).map(tuple),
    application_process=WORDS,
    required_documents=st.lists(NAME, max_size=2).map(tuple),
    service_area=st.lists(NAME, max_size=2).map(tuple),
    alert=WORDS,
    source=st.builds(Source, record_id=WORDS, url=WORDS, licence=WORDS, attribution=WORDS),
)  # fmt: skip


@given(PLACES_OF_ANY_WORDS)
@settings(max_examples=60, deadline=None)
def test_any_words_come_back_from_hsds(place: Resource) -> None:
    """Whatever words a place is told in, each comes back from the CSVs of HSDS as it was, where it belongs."""
    assume(publishable([place]))  # a place that names a hidden one is withheld, as tested above
    found = read_package(hsds.package([place], names=NAMES, generated_at=MOMENT, title=""))
    (service,) = found["services"]
    (location,) = found.get("locations", [{}])
    (address,) = found.get("addresses", [{}])
    (organization,) = found["organizations"]
    (identifier,) = found.get("organization_identifiers", [{}])
    values = details(found)
    terms = {(row["link_type"], row["taxonomy_term_id"]) for row in found["attributes"]}
    codes = {row["id"]: row.get("code", "") for row in found["taxonomy_terms"]}
    told = {(kind, codes[term]) for kind, term in terms}
    assert ("category", place.category) in told
    assert {code for kind, code in told if kind == "topic"} == set(place.topics or ())
    for field in ("name", "alternate_name", "description", "alert", "application_process", "eligibility_description"):
        assert service.get(field, "") == getattr(place, field)
    for code in ("kana", "name_latin", "hours_note"):
        assert values.get(code, {""}) == {getattr(place, code)}
    for code in ("record_id", "licence", "attribution"):
        assert values.get(code, {""}) == {getattr(place.source, code)}
    assert values.get("source_url", {""}) == {place.source.url}
    assert values["resource_id"] == {place.id}
    for code in ("town", "town_kana"):
        assert values.get(code, {""}) == {getattr(place.location, code)}
    for field in ("url", "email"):
        assert values.get(field, {service.get(field, "")}) == {getattr(place, field)}
    assert (location.get("name", ""), location.get("transportation", "")) == (
        place.location.name, place.location.transportation,
    )  # fmt: skip
    parts = [address.get(part, "").replace(hsds.UNKNOWN, "") for part in ("state_province", "city", "address_1")]
    assert place.location.address.replace(hsds.UNKNOWN, "") in ("".join(parts), parts[2])
    assert organization["name"] == (place.organization.name or hsds.UNKNOWN)
    assert organization.get("legal_status", "") == place.organization.legal_status
    assert identifier.get("identifier", "") == place.organization.identifier
    phones = found.get("phones", [])
    assert [row["number"] for row in phones] == [p.number for p in place.phones]
    for row, phone in zip(phones, place.phones, strict=True):
        assert phone.extension in (row.get("description", "") + f"{row.get('extension', 0):.0f}")
        assert phone.description in row.get("description", "")
    tags = [row.get("note", row.get("code", "")) for row in found.get("languages", [])]
    assert sorted(tags) == sorted([*place.languages, *(tag for phone in place.phones for tag in phone.languages)])
    costs = [
        (r.get("amount"), r.get("option", ""), r.get("amount_description", "")) for r in found.get("cost_options", [])
    ]
    assert costs == [(c.amount, c.option, c.amount_description) for c in place.cost]
    assert [r["name"] for r in found.get("service_areas", [])] == list(place.service_area)
    assert [r["document"] for r in found.get("required_documents", [])] == list(place.required_documents)


# --- what never leaves ----------------------------------------------------------------------------------------------


def everything(places: Iterable[Resource]) -> Iterator[str]:
    """Yield all that every format makes of places, as text."""
    places = list(places)
    yield hsds.documents(places, names=NAMES)
    for content in hsds.package(places, names=NAMES, generated_at=MOMENT, title="").values():
        yield content.decode()
    for content in standard.write(places).values():
        yield content.decode("utf-8-sig")


@pytest.mark.parametrize("word", HIDDEN_PLACES)
@pytest.mark.parametrize("field", ["name", "description", "alert", "application_process", "organization", "phones"])
def test_hidden_places_never_leave(word: str, field: str) -> None:
    """A place of which any text speaks of one that must stay hidden is in no export, in any width or spacing."""
    words = f"{word[0]} {word[1:]}ひみつ"
    value: Any = {"organization": Organization(words), "phones": (Phone("000-555-9999", description=words),)}
    hidden = replace(PLACE, id="hidden", **{field: value.get(field, words)}, hours_note="ひみつの時間")
    assert publishable([PLACE, hidden]) == [PLACE]
    assert not any("ひみつ" in text for text in everything([PLACE, hidden]))
    assert standard.write([hidden]) == {}


def test_inactive_places_and_staff_only_fields_never_leave() -> None:
    """What is no longer offered, and who made sure of it, is in no export."""
    gone = replace(PLACE, id="gone", name="なくなった園", status="inactive")
    sure = replace(PLACE, verified_by="職員やまだ", verified_on=TODAY)
    texts = list(everything([gone, sure]))
    assert not any("なくなった園" in text or "職員やまだ" in text for text in texts)
    assert STAFF_ONLY == ("verified_by",)
    assert {f.name for f in fields(Resource)} == set(held(PLACE)) | {
        "id", "topics", "opening", "hours_note", "eligibility_description", "cost", "formal", "booking_required",
        "availability", "ends_on", "verified_by", "source",
    }, "a new field: may it leave?"  # fmt: skip


@pytest.mark.parametrize(
    "cell", ["=cmd|' /C calc'!A0", " =1+1", "+cmd|'x'!A1", "@SUM(A1)", "\t=1", "\rx", "'=1", "-a(1)"]
)
def test_formulas_do_nothing(cell: str) -> None:
    """No cell of any CSV runs in a spreadsheet, and its words are not lost."""
    assert bare(harmless(cell)) == cell
    place = replace(PLACE, name=cell, kana=cell, alternate_name=cell, description=cell, alert=cell, url=cell)
    files = hsds.package([place], names=NAMES, generated_at=MOMENT, title="")
    files |= standard.write(replace(place, id=category, category=category) for category in CATEGORIES)
    for name, content in files.items():
        if name.endswith(".csv"):
            for row in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")):
                assert not any(is_formula(one) or one.startswith(("\t", "\r")) for one in row)


@given(WORDS)
def test_any_cell_is_harmless_and_whole(cell: str) -> None:
    """Neutralising loses nothing and leaves nothing to run; words that run nowhere stay as they are."""
    assert bare(harmless(cell)) == cell
    assert not is_formula(harmless(cell))
    assert harmless(cell) == cell or is_formula(cell.lstrip("'")) or cell.lstrip("'").startswith(("\t", "\r"))
