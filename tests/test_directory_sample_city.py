"""ひなた市: the invented city is whole, invented, and varied enough to choose from."""

import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.directory.documents import opening_from_document, resources_from_documents
from bot.directory.resources import Resource, from_json, is_hidden_place, to_json
from bot.directory.search import Directory, Query
from bot.errors import ContentError

CONTENT = Path(__file__).parents[1] / "bot" / "content"
VOCABULARY: dict[str, Any] = yaml.safe_load((CONTENT / "vocabulary.yaml").read_text("utf-8"))
DOCUMENTS: dict[str, Any] = {
    p.name: yaml.safe_load(p.read_text("utf-8")) for p in sorted((CONTENT / "sample_city").glob("*.yaml"))
}
PLACES = resources_from_documents(DOCUMENTS, VOCABULARY["categories"], VOCABULARY["topics"])
HINATA = Directory(PLACES, VOCABULARY["categories"])


def test_about_120_places_over_all_categories() -> None:
    """Every category of the vocabulary has a place, and there are about 120 in all."""
    assert {r.category for r in PLACES} == set(VOCABULARY["categories"])
    assert 115 <= len(PLACES) <= 130


def test_it_is_recognisably_invented() -> None:
    """Phone numbers begin with 000, links end in example.jp, and only ひなた市 and あさぎり町 exist."""
    text = "".join(p.read_text("utf-8") for p in (CONTENT / "sample_city").glob("*.yaml"))
    assert all(n.startswith("000-") for n in re.findall(r"\b\d{2,4}-\d{3,4}-\d{4}\b", text))
    assert all(".example.jp/" in url for url in re.findall(r"https?://\S+", text))
    assert {r.location.municipality for r in PLACES} <= {"ひなた市", "あさぎり町"}
    assert not any(is_hidden_place(r.name, r.description, r.organization.name) for r in PLACES)


def test_names_are_readable_and_dated() -> None:
    """Every place has kana and a date of checking in autumn 2026; every 町名 has kana."""
    for r in PLACES:
        assert re.fullmatch(r"[ぁ-んー]+", r.kana), r.id
        assert r.verified_on is not None
        assert (2026, 9) <= (r.verified_on.year, r.verified_on.month) <= (2026, 11)
        assert bool(r.location.town_kana) == bool(r.location.town), r.id


def test_there_is_a_choice() -> None:
    """At least four topics offer five places or more; circles, visits and places that are not formal are there."""
    by_topic = Counter({t: HINATA.search(Query(topic=t)).total for t in VOCABULARY["topics"]})
    assert sum(n >= 5 for n in by_topic.values()) >= 4
    assert sum(not r.formal for r in PLACES) >= 8
    assert {r.provision for r in PLACES} == {"facility", "visit", "outreach"}


def test_temporary_care_differs_visibly() -> None:
    """一時預かり places differ in fee, hours, age, booking and conditions; several welcome parents who need rest."""
    found = HINATA.search(Query(topic="temporary_care", area="ひなた市"))
    assert {"fee", "hours", "age", "booking", "conditions"} <= set(found.differs)
    assert sum("refresh_ok" in m.resource.attributes for m in found.matches) >= 4


def test_every_place_survives_json() -> None:
    """What the catalogue will store is what the search knows."""
    assert tuple(from_json(to_json(r), Resource) for r in PLACES) == PLACES


def test_desks_have_hours() -> None:
    """The city's desks open Tuesday to Saturday and Monday to Friday, and rest over New Year."""
    desks = {d["id"]: opening_from_document(d, d["id"]) for d in DOCUMENTS["city.yaml"]["city"]["desks"]}
    week = [date(2026, 11, d) for d in range(16, 23)]  # Monday to Sunday, no holiday
    assert [desks["hiroba"].open_on(d) for d in week] == [False, True, True, True, True, True, False]
    assert [desks["kodomo-katei"].open_on(d) for d in week] == [True, True, True, True, True, False, False]
    assert not any(d.open_on(date(2026, 12, 30)) or d.open_on(date(2026, 11, 3)) for d in desks.values())


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"name": "x", "category": "other"}, "id"),
        ({"id": "a", "name": "x", "category": "nowhere"}, "nowhere"),
        ({"id": "a", "name": "x", "category": "other", "fone": "1"}, "fone"),
        ({"id": "a", "name": "x", "category": "other", "minimum_age": "3歳"}, "minimum_age"),
        ({"id": "a", "name": "x", "category": "other", "attributes": ["magic"]}, "magic"),
        (
            {"id": "a", "name": "x", "category": "other", "hours": [{"days": "火曜", "open": "9:00", "close": "9:30"}]},
            "火曜",
        ),
        ({"id": "a", "name": "x", "category": "other", "topics": ["magic"]}, "magic"),
        ({"id": "a", "name": "母子生活支援施設 あさひ", "category": "other"}, "C23"),
    ],
)
def test_slips_of_the_pen_are_refused(entry: dict[str, Any], complaint: str) -> None:
    """A mistake in a hand-written file is refused with the file, the entry and what is wrong."""
    with pytest.raises(ContentError, match=rf"places\.yaml: entry 1.*{complaint}"):
        resources_from_documents({"places.yaml": {"resources": [entry]}}, ["other"], ["nursery"])


def test_the_same_id_twice_is_refused() -> None:
    """Two places never share an id, across files too."""
    one = {"resources": [{"id": "a", "name": "x", "category": "other"}]}
    with pytest.raises(ContentError, match="already used"):
        resources_from_documents({"1.yaml": one, "2.yaml": one})
