"""The city's settings: typed on the way in, versioned, and honest about what is not decided."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from bot import city, library
from bot.errors import SettingsError
from bot.models import CityRow
from bot.store import Store, watched_version

NOW = datetime(2026, 11, 22, tzinfo=UTC)
Document = dict[str, Any]


@pytest.fixture
def document() -> Document:
    """Give ひなた市's settings, to be changed at will."""
    found = copy.deepcopy(library.sample_city()[0]["city"])
    assert isinstance(found, dict)
    return found


def test_the_sample_city_may_go_live(document: Document) -> None:
    """The shipped example is right and decides everything that must be decided."""
    found = city.city_of(document)
    assert found.name == "ひなた市"
    assert city.problems(found) == []
    assert [desk.id for desk in found.desks] == ["hiroba", "kodomo-katei"]
    assert len(found.languages) == 12
    assert found.complaints.decided
    assert found.people[0].name == "さくら"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda d: d.update(talkin="room"), "talkin"),
        (lambda d: d.update(talk_in="email"), "talk_in"),
        (lambda d: d.update(emergency_at_night="pray"), "emergency_at_night"),
        (lambda d: d.pop("name"), "name"),
        (lambda d: d.pop("desks"), "desks"),
        (lambda d: d.update(desks=3), "city settings"),
        (lambda d: d.update(night_phone=110), "night_phone must be a text"),
        (lambda d: d.update(lease_seconds="180"), "lease_seconds must be a whole number"),
        (lambda d: d.update(takes_child_reports="no"), "takes_child_reports must be true or false"),
        (lambda d: d.update(languages="ja"), "languages must be a list"),
        (lambda d: d.update(languages=["ja", "tlh"]), "tlh"),
        (lambda d: d["desks"][0].update(phones="1"), "hiroba.*phones"),
        (lambda d: d.update(complaints=["のはら"]), "complaints must be a mapping"),
        (lambda d: d["complaints"].update(days="14"), "complaints: days must be a whole number"),
        (lambda d: d["complaints"].update(boss="x"), "complaints: unknown keys .*boss"),
        (lambda d: d.update(people=["さくら"]), "people: must be a mapping"),
        (lambda d: d["people"][0].pop("name"), "people: each needs a name"),
        (lambda d: d["people"][0].update(languages=["tlh"]), "people: unknown languages .*tlh"),
        (lambda d: d["people"][0].update(phone="1"), "people: unknown keys .*phone"),
        (lambda d: d.update(keeps_records=5), "keeps_records must be a text"),
        (lambda d: d.update(alarms={"after": 0}), "alarms must be a list"),
        (lambda d: d.update(alarms=["mail"]), "alarms: must be a mapping"),
        (lambda d: d["alarms"][0].update(severity="concern"), "alarms: severity must be emergency or urgent"),
        (lambda d: d["alarms"][0].update(when="night"), "alarms: when must be always, open or closed"),
        (lambda d: d["alarms"][0].update(after=-1), "alarms: after"),
        (lambda d: d["alarms"][0].update(after="3 min"), "alarms: after must be a whole number"),
        (lambda d: d["alarms"][0].update(mail=[]), "alarms: each step needs mail"),
        (lambda d: d["alarms"][0].update(mail="a@b.example"), "alarms: mail must be a list"),
        (lambda d: d["alarms"][0].update(mail=["a@b.example, c@d.example"]), "is no mail address"),
        (lambda d: d["alarms"][0].update(mail=["a@b.example\nBcc: c@d.example"]), "is no mail address"),
        (lambda d: d["alarms"][0].update(sms="1"), "alarms: unknown keys .*sms"),
        (lambda d: d.update(lock_after=-1), "lock_after is a number of seconds"),
        (lambda d: d.update(translation="yes"), "translation must be a mapping"),
        (lambda d: d.update(translation={"on": "yes"}), "translation: on must be true or false"),
        (lambda d: d.update(translation={"when": "night"}), "translation: unknown keys .*when"),
        (lambda d: d.update(translation={"emergency": "always"}), "emergency must be consent or without"),
        (lambda d: d.update(translation={"services": {"deepl": ""}}), "deepl needs the name that families are told"),
        (lambda d: d.update(translation={"languages": {"vi": "deepl"}}), "are not among the services"),
        (lambda d: d.update(translation={"services": {"x": "X"}, "languages": {"tlh": "x"}}), "languages .*tlh"),
        (lambda d: d.update(translation={"not_for": ["gossip"]}), "not_for: unknown kinds .*gossip"),
        (
            lambda d: d.update(translation={"terms": {"ひなたパス": "Pass"}}),
            "terms: ひなたパス needs words by language",
        ),
        (lambda d: d.update(translation={"terms": {"ひなたパス": {"tlh": "x"}}}), "unknown languages .*tlh"),
        (lambda d: d.update(waiting_limits=300), "waiting_limits must be a mapping"),
        (lambda d: d["waiting_limits"].update(urgent=0), "waiting_limits: each is a number of seconds above 0"),
        (lambda d: d["desks"][0].update(phone=119), "phone must be a text"),
        (lambda d: d["desks"][0].pop("name"), "name"),
        (lambda d: d["desks"][0].update(hours=[{"days": "火-土", "open": "9:30"}]), "hiroba"),
        (lambda d: d["desks"][0].update(hours=[{"days": "毎日っぽい", "open": "9:30", "close": "16:30"}]), "hiroba"),
    ],
)
def test_a_slip_of_the_pen_is_named(document: Document, change: Callable[[Document], Any], why: str) -> None:
    """A wrong key or value is refused before it reaches a resident, and the message names it."""
    change(document)
    with pytest.raises(SettingsError, match=why):
        city.city_of(document)


def test_what_is_not_decided_is_listed(document: Document) -> None:
    """Who is there at night, by which number, and when the desks are open must be decided (CARE C14b)."""
    found = city.city_of(document)
    undecided = city.problems(replace(found, emergency_at_night=""))
    assert len(undecided) == 1
    assert "C14b" in undecided[0]
    assert city.problems(replace(found, night_phone="")) == [
        "emergency_at_night is night_duty, but night_phone is empty"
    ]
    assert city.problems(replace(found, emergency_at_night="nobody", night_phone="")) == []
    assert "there is no desk" in city.problems(replace(found, desks=()))
    del document["desks"][0]["hours"]
    assert city.problems(city.city_of(document)) == ["desk hiroba has no hours"]


async def test_settings_are_versions(store: Store, document: Document) -> None:
    """Each change is a new version that is told to other processes; older ones stay to be looked up."""
    assert await store.read(city.load) is None
    first = await store.write(lambda s: city.save(s, document, NOW, "cli"))
    told = await store.read(lambda s: watched_version(s, "city"))
    second = await store.write(lambda s: city.save(s, {**document, "name": "あらた市"}, NOW, "staff:x"))
    assert (first, second) == (1, 2)
    assert (await store.read(lambda s: watched_version(s, "city")))[0] > told[0]
    found = await store.read(city.load)
    assert found is not None
    assert found.name == "あらた市"
    kept = await store.read(lambda s: [(r.version, r.body["name"], r.by) for r in s.scalars(select(CityRow))])
    assert sorted(kept) == [(1, "ひなた市", "cli"), (2, "あらた市", "staff:x")]


async def test_wrong_settings_change_nothing(store: Store, document: Document) -> None:
    """A refused document leaves the stored settings and their version alone."""
    await store.write(lambda s: city.save(s, document, NOW, "cli"))
    before = await store.read(lambda s: watched_version(s, "city"))
    with pytest.raises(SettingsError):
        await store.write(lambda s: city.save(s, {**document, "talk_in": "email"}, NOW, "cli"))
    assert await store.read(lambda s: watched_version(s, "city")) == before
    assert await store.read(city.load) == city.city_of(document)
