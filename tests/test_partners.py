"""Agencies and their contacts are kept over changes of staff, sealed; people nearby only with their consent."""

import asyncio
import json
import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot import catalogue, library
from bot.curation import STALE_AFTER, By, FieldsRefusedError
from bot.directory.documents import resources_from_documents
from bot.directory.resources import Phone, Resource
from bot.errors import ContentError, KeyGoneError, RefusedError
from bot.models import Audit, Key
from bot.store import Store
from bot.vault import unseal
from handoff import partners, people, sample
from handoff.models import AgencyContact, AgencyRow, LocalPersonRow
from handoff.partners import Agency, Contact
from handoff.people import LocalPerson

NOW = datetime(2026, 11, 20, 17, 10, tzinfo=UTC)  # Saturday 02:10 in Tokyo
MARCH = date(2026, 3, 15)
SAKURA = By(f"staff:{uuid.UUID(int=1)}", "さくら")
MORI = By(f"staff:{uuid.UUID(int=2)}", "もり")
JISO = Agency(
    "ひなた児童相談所", "child_guidance", "虐待の心配、一時保護の判断", "ひなた市北野1-1",
    (Phone("000-555-5100", description="代表"),), "平日 8:30〜17:15", "児童福祉法61条", "law", "電話のあと連絡書",
    note="雨宮さんは火曜が会議",
)  # fmt: skip
YAMADA = Contact("山田 花", "地区担当", "000-555-5102", "火・木 9:00〜12:00", date(2025, 4, 1))
TWINS = LocalPerson(
    "川上 ふみ", "電話 000-555-7001（夕方）", "ふたごを育てた。点字が読める", ("parent_circle", "sleep"), "川辺町",
    "さくら（ひろばで）", date(2026, 6, 1), "ふたごの家庭に声をかける", "猫がいる",
)  # fmt: skip


async def actions(store: Store) -> list[tuple[str, str]]:
    """Return who did what, as the audit tells."""
    return await store.read(lambda s: [(a.actor, a.action) for a in s.scalars(select(Audit).order_by(Audit.id))])


async def test_an_agency_is_kept_changed_and_made_sure_of(store: Store) -> None:
    """What was typed comes back; each change is an audit row that names fields, never words."""
    id = await store.write(lambda s: partners.add(s, JISO, SAKURA, NOW))
    kept = await store.read(lambda s: partners.get(s, id))
    assert kept is not None
    assert (kept.agency, kept.version, kept.verified_by) == (JISO, 1, "さくら")
    moved = replace(JISO, address="ひなた市駅前町3-3", note="")
    await store.write(lambda s: partners.edit(s, id, moved, MORI, NOW, expected=1))
    await store.write(lambda s: partners.edit(s, id, moved, MORI, NOW, expected=2))  # nothing changed: no row
    with pytest.raises(RefusedError, match="先に直しました"):
        await store.write(lambda s: partners.edit(s, id, JISO, SAKURA, NOW, expected=1))
    await store.write(lambda s: partners.verify(s, id, MORI, NOW + timedelta(days=1)))
    kept = await store.read(lambda s: partners.get(s, id))
    assert kept is not None
    assert (kept.agency, kept.version, kept.verified_by) == (moved, 2, "もり")
    assert await actions(store) == [
        (SAKURA.id, "agency.added"), (MORI.id, "agency.edited"), (MORI.id, "agency.verified"),
    ]  # fmt: skip
    detail = await store.read(lambda s: s.scalars(select(Audit.detail).where(Audit.action == "agency.edited")).one())
    assert detail == {"agency": str(id), "fields": ["address", "note"]}
    assert await store.read(lambda s: partners.get(s, uuid.uuid4())) is None


def test_hours_in_words_are_read_wholly_or_left_as_words() -> None:
    """The week is known when every word is understood."""
    assert JISO.opening.open_on(date(2026, 11, 20))
    assert not JISO.opening.open_on(date(2026, 11, 21))
    assert not replace(JISO, hours="だいたい昼すぎ、山田さんがいれば").opening.known


async def test_the_half_year_after_making_sure(store: Store) -> None:
    """An agency is stale a moment after half a year, and the list can show only such."""
    id = await store.write(lambda s: partners.add(s, JISO, SAKURA, NOW))
    for later, stale in ((STALE_AFTER, False), (STALE_AFTER + timedelta(seconds=1), True)):
        moment = NOW + later
        found = await store.read(lambda s, moment=moment: partners.listed(s, moment, stale=True))
        assert [one.id for one in found] == ([id] if stale else [])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "あ" * 201}, "name"),
        ({"kind": "magic"}, "kind"),
        ({"sharing": "perhaps"}, "sharing"),
        ({"sharing": "consent", "duty": ""}, "duty"),
        ({"phones": (Phone("代表まで"),)}, "phones"),
        ({"phones": (Phone("000-555-0001"),) * 4}, "phones"),
        ({"takes_on": "ん" * 4_001}, "takes_on"),
        ({"name": "ひなたシェルター"}, "name"),
        ({"address": "一時保護所 ひなた市1-1"}, "address"),
        ({"phones": (Phone("000-555-0001", description="母子寮の事務"),)}, "phones"),
        ({"resource_id": "nowhere"}, "resource_id"),
    ],
)
async def test_what_does_not_fit_is_refused_by_field(
    sqlite_store: Store, change: dict[str, object], field: str
) -> None:
    """Nothing is kept, and the reason stands at its field (CARE C23: no shelter's address)."""
    with pytest.raises(FieldsRefusedError) as refused:
        await sqlite_store.write(lambda s: partners.add(s, replace(JISO, **change), SAKURA, NOW))
    assert set(refused.value.reasons) == {field}
    assert await sqlite_store.read(lambda s: s.scalars(select(AgencyRow)).all()) == []


async def test_without_a_duty_of_secrecy_nothing_may_be_shared(sqlite_store: Store) -> None:
    """An agency without one can be kept: then sharing is never, or not made sure of (guideline 6(1)②)."""
    for sharing in ("never", ""):
        agency = replace(JISO, duty="", sharing=sharing)
        assert await sqlite_store.write(lambda s, one=agency: partners.add(s, one, SAKURA, NOW))


async def test_the_place_of_an_agency_is_found_by_its_name(sqlite_store: Store) -> None:
    """The directory's entry is named by id or by its only name; two of one name must be told apart."""
    places = [
        Resource(id=id, name=name, category="child_guidance", url="https://x.example.jp/")
        for id, name in (("a", "児相"), ("b", "保健センター"), ("c", "保健センター"))
    ]
    await sqlite_store.write(lambda s: catalogue.keep(s, "x", places, NOW))
    for typed, stored in (("児相", "a"), ("b", "b")):
        id = await sqlite_store.write(
            lambda s, typed=typed: partners.add(s, replace(JISO, resource_id=typed), SAKURA, NOW)
        )
        kept = await sqlite_store.read(lambda s, id=id: partners.get(s, id))
        assert kept is not None
        assert kept.agency.resource_id == stored
    with pytest.raises(FieldsRefusedError, match="いくつか"):
        await sqlite_store.write(lambda s: partners.add(s, replace(JISO, resource_id="保健センター"), SAKURA, NOW))


# --- contacts -------------------------------------------------------------------------------------------------------


async def test_who_was_it_in_march(store: Store) -> None:
    """A change of contact ends the old one on the day before and keeps it; one told in advance comes by itself."""
    id = await store.write(lambda s: partners.add(s, JISO, SAKURA, NOW))
    first = await store.write(lambda s: partners.change_contact(s, id, YAMADA, SAKURA, NOW))
    tanaka = replace(YAMADA, name="田中 空", since=date(2026, 4, 1))
    await store.write(lambda s: partners.change_contact(s, id, tanaka, MORI, NOW, replaces=first))
    other = Contact("小林", "心理", since=date(2026, 1, 1))
    await store.write(lambda s: partners.change_contact(s, id, other, MORI, NOW))
    kept = await store.read(lambda s: partners.get(s, id))
    assert kept is not None
    assert [(c.name, c.since, c.until) for c in kept.contacts] == [
        ("田中 空", date(2026, 4, 1), None),
        ("小林", date(2026, 1, 1), None),
        ("山田 花", date(2025, 4, 1), date(2026, 3, 31)),
    ]
    assert {c.name for c in kept.contacts if c.serves_on(MARCH)} == {"山田 花", "小林"}
    assert {c.name for c in kept.contacts if c.serves_on(date(2026, 4, 1))} == {"田中 空", "小林"}
    assert kept.contacts[2].phone == "000-555-5102"
    assert [action for _who, action in await actions(store)][-3:] == ["agency.contact"] * 3


async def test_a_slip_of_the_pen_in_a_contact_is_put_right_without_history(store: Store) -> None:
    """The same first day again is a correction: the wrong row is gone."""
    id = await store.write(lambda s: partners.add(s, JISO, SAKURA, NOW))
    first = await store.write(lambda s: partners.change_contact(s, id, replace(YAMADA, name="山日"), SAKURA, NOW))
    await store.write(lambda s: partners.change_contact(s, id, YAMADA, SAKURA, NOW, replaces=first))
    kept = await store.read(lambda s: partners.get(s, id))
    assert kept is not None
    assert [(c.name, c.until) for c in kept.contacts] == [("山田 花", None)]


async def test_a_contact_may_leave_before_anybody_follows(store: Store) -> None:
    """The last day is written down; a contact of another agency cannot be ended from here."""
    id, other = [await store.write(lambda s: partners.add(s, JISO, SAKURA, NOW)) for _ in range(2)]
    contact = await store.write(lambda s: partners.change_contact(s, id, YAMADA, SAKURA, NOW))
    with pytest.raises(RefusedError):
        await store.write(lambda s: partners.end_contact(s, other, contact, MARCH, SAKURA, NOW))
    await store.write(lambda s: partners.end_contact(s, id, contact, MARCH, SAKURA, NOW))
    kept = await store.read(lambda s: partners.get(s, id))
    assert kept is not None
    assert kept.contacts[0].until == MARCH
    coming = replace(YAMADA, since=date(2027, 4, 1))
    mistake = await store.write(lambda s: partners.change_contact(s, id, coming, SAKURA, NOW))
    await store.write(lambda s: partners.end_contact(s, id, mistake, MARCH, SAKURA, NOW))
    kept = await store.read(lambda s: partners.get(s, id))
    assert kept is not None
    assert len(kept.contacts) == 1


async def test_an_old_page_does_not_lengthen_what_has_ended(store: Store) -> None:
    """Who left in March stays so when a page that was opened before says it again, or names a later successor."""
    id = await store.write(lambda s: partners.add(s, JISO, SAKURA, NOW))
    contact = await store.write(lambda s: partners.change_contact(s, id, YAMADA, SAKURA, NOW))
    await store.write(lambda s: partners.end_contact(s, id, contact, MARCH, SAKURA, NOW))
    await store.write(lambda s: partners.end_contact(s, id, contact, date(2026, 10, 1), SAKURA, NOW))
    later = replace(YAMADA, name="森 次郎", since=date(2026, 11, 1))
    await store.write(lambda s: partners.change_contact(s, id, later, SAKURA, NOW, replaces=contact))
    kept = await store.read(lambda s: partners.get(s, id))
    assert kept is not None
    assert {c.name: c.until for c in kept.contacts} == {"山田 花": MARCH, "森 次郎": None}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"role": "母子生活支援施設の所長"}, "role"),
        ({"phone": "内線で"}, "phone"),
        ({"since": None}, "since"),
        ({"since": date(2062, 4, 1)}, "since"),
        ({"since": date(2025, 3, 31)}, "since"),  # before the one who is replaced began
        ({"role": "あ" * 201}, "role"),
    ],
)
async def test_a_contact_that_does_not_fit_is_refused(
    sqlite_store: Store, change: dict[str, object], field: str
) -> None:
    """The old one stays as she was."""
    id = await sqlite_store.write(lambda s: partners.add(s, JISO, SAKURA, NOW))
    first = await sqlite_store.write(lambda s: partners.change_contact(s, id, YAMADA, SAKURA, NOW))
    wrong = replace(YAMADA, **{"since": date(2026, 4, 1)} | change)
    with pytest.raises(FieldsRefusedError) as refused:
        await sqlite_store.write(lambda s: partners.change_contact(s, id, wrong, SAKURA, NOW, replaces=first))
    assert set(refused.value.reasons) == {field}
    kept = await sqlite_store.read(lambda s: partners.get(s, id))
    assert kept is not None
    assert [c.until for c in kept.contacts] == [None]


async def test_agencies_are_found_by_kind_and_by_words_of_theirs(store: Store) -> None:
    """Kinds stand in their order; words are found in name, task, address and contacts, past ones too."""
    hoken = Agency("ひなた市保健センター", "health_center", "健診、訪問", hours="平日 8:30〜17:15")
    ended = Agency("なくなった会", "community_group", active=False)
    ids = [await store.write(lambda s, one=one: partners.add(s, one, SAKURA, NOW)) for one in (hoken, JISO, ended)]
    first = await store.write(lambda s: partners.change_contact(s, ids[1], YAMADA, SAKURA, NOW))
    later = replace(YAMADA, name="田中 空", since=date(2026, 4, 1))
    await store.write(lambda s: partners.change_contact(s, ids[1], later, SAKURA, NOW, replaces=first))

    async def found(**asked: object) -> list[str]:
        return [one.agency.name for one in await store.read(lambda s: partners.listed(s, NOW, **asked))]  # type: ignore[arg-type]

    assert await found() == ["ひなた児童相談所", "ひなた市保健センター"]
    assert await found(active=False) == ["なくなった会"]
    assert await found(kind="health_center") == ["ひなた市保健センター"]
    assert await found(words="山田") == await found(words="田中") == [JISO.name]
    assert await found(words="北野　児童") == [JISO.name]
    assert await found(words="山田 健診") == []
    assert await found(words="雨宮") == []  # what is remarked is not looked through


# --- people ---------------------------------------------------------------------------------------------------------


async def test_nothing_is_kept_of_somebody_who_has_not_said_yes(store: Store) -> None:
    """Without who asked, when and for what there is no row, no key, no audit row with a word."""
    for change in ({"asked_by": ""}, {"asked_on": None}, {"purpose": ""}, {"asked_on": date(2026, 11, 22)}):
        with pytest.raises(FieldsRefusedError, match="同意"):
            await people.add(store, replace(TWINS, **change), SAKURA, NOW)  # type: ignore[arg-type]
    assert await store.read(lambda s: s.scalars(select(LocalPersonRow)).all()) == []
    assert await store.read_keys(lambda s: s.scalars(select(Key.owner).where(Key.owner.like("person:%"))).all()) == []
    assert await actions(store) == []


async def test_the_day_of_a_yes_is_counted_in_tokyo(sqlite_store: Store) -> None:
    """At two in the night of the 21st a yes of the 21st is no yes of tomorrow."""
    assert await people.add(sqlite_store, replace(TWINS, asked_on=date(2026, 11, 21)), SAKURA, NOW)


async def test_a_person_is_read_by_name_and_each_look_is_noted(store: Store) -> None:
    """Reading writes who looked at whom; the list shows neither name nor number and cannot be asked for a name."""
    id = await people.add(store, TWINS, SAKURA, NOW)
    for _ in range(2):
        kept = await store.write(lambda s: people.read(s, id, MORI, NOW))
        assert kept is not None
        assert kept.person == TWINS
    assert await actions(store) == [
        (SAKURA.id, "person.added"), (MORI.id, "person.read"), (MORI.id, "person.read"),
    ]  # fmt: skip
    (line,) = await store.read(lambda s: people.listed(s, NOW))
    assert line.person == LocalPerson(knows=TWINS.knows, topics=TWINS.topics, area="川辺町")

    async def found(**asked: object) -> int:
        return len(await store.read(lambda s: people.listed(s, NOW, **asked)))  # type: ignore[arg-type]

    assert [await found(topic=topic) for topic in ("sleep", "nursery")] == [1, 0]
    assert [await found(words=words) for words in ("てんじ", "点字", "夜泣き 川辺", "川上", "000-555-7001")] == [
        0, 1, 1, 0, 0,
    ]  # fmt: skip
    assert await store.read(lambda s: people.listed(s, NOW + STALE_AFTER, stale=True)) == []
    assert len(await store.read(lambda s: people.listed(s, NOW + STALE_AFTER * 2, stale=True))) == 1


async def test_a_person_is_changed_and_made_sure_of(store: Store) -> None:
    """As with agencies; the yes stays a condition."""
    id = await people.add(store, TWINS, SAKURA, NOW)
    await store.write(lambda s: people.edit(s, id, replace(TWINS, area="桜台"), MORI, NOW, expected=1))
    with pytest.raises(RefusedError, match="先に"):
        await store.write(lambda s: people.edit(s, id, TWINS, MORI, NOW, expected=1))
    with pytest.raises(FieldsRefusedError):
        await store.write(lambda s: people.edit(s, id, replace(TWINS, purpose=""), MORI, NOW, expected=2))
    await store.write(lambda s: people.verify(s, id, MORI, NOW))
    (line,) = await store.read(lambda s: people.listed(s, NOW))
    assert (line.person.area, line.version, line.verified_by) == ("桜台", 2, "もり")


async def test_a_withdrawn_yes_destroys_the_words_at_once(store: Store) -> None:
    """The row keeps only that it was withdrawn; a copy of the row from before cannot be opened any more."""
    id = await people.add(store, TWINS, SAKURA, NOW)
    backup = await store.read(lambda s: s.get_one(LocalPersonRow, id).body_sealed)
    assert backup is not None
    await people.withdraw(store, id, MORI, NOW + timedelta(days=1))
    row = await store.read(lambda s: s.get_one(LocalPersonRow, id))
    assert (row.body_sealed, row.verified_at, row.verified_by) == (None, None, "")
    assert row.withdrawn_at == NOW + timedelta(days=1)
    with pytest.raises(KeyGoneError):
        await store.read(lambda s: unseal(s, f"person:{id}", "local_person", "body", id, backup))
    assert await store.write(lambda s: people.read(s, id, MORI, NOW)) is None
    assert await store.read(lambda s: (people.listed(s, NOW), people.withdrawn(s))) == ([], 1)
    for act in (
        lambda s: people.edit(s, id, TWINS, MORI, NOW, expected=2),
        lambda s: people.verify(s, id, MORI, NOW),
    ):
        with pytest.raises(RefusedError, match="取り下げ"):
            await store.write(act)
    with pytest.raises(RefusedError, match="取り下げ"):
        await people.withdraw(store, id, MORI, NOW)


async def test_no_name_or_number_of_a_person_lies_open(sqlite_store: Store, tmp_path: Path) -> None:
    """In the file of the database no sealed word can be read, and the audit holds none either."""
    store = sqlite_store
    id = await store.write(lambda s: partners.add(s, JISO, SAKURA, NOW))
    await store.write(lambda s: partners.change_contact(s, id, YAMADA, SAKURA, NOW))
    await people.add(store, TWINS, SAKURA, NOW)
    person = (TWINS.name, TWINS.reach, TWINS.knows, TWINS.area, TWINS.asked_by, TWINS.purpose)
    secret = [YAMADA.name, YAMADA.phone, JISO.note, *person]
    files = await asyncio.to_thread(lambda: b"".join(path.read_bytes() for path in tmp_path.iterdir()))
    for word in secret:
        for form in (word, json.dumps(word)[1:-1]):
            assert form.encode() not in files, word
    assert (
        "ひなた児童相談所".encode() in files
    )  # an organisation's name is no secret: the test looks at the right place
    rows = await store.read(lambda s: list(s.scalars(select(AgencyContact))))
    assert len(rows) == 1


# --- the sample -----------------------------------------------------------------------------------------------------


async def test_the_sample_citys_agencies_are_kept_as_a_page_would(store: Store) -> None:
    """Nine invented ones; their hours are understood; who is a member of the 要対協 is not said (CARE C36)."""
    _settings, documents = library.sample_city()
    places = resources_from_documents(documents)

    def unit(session: Session) -> int:
        catalogue.keep(session, "sample_city", places, NOW)
        return sample.keep_agencies(session, documents["agencies"], SAKURA, NOW)

    assert await store.write(unit) == 9
    found = await store.read(lambda s: partners.listed(s, NOW))
    assert len({one.agency.kind for one in found}) == 9
    for one in found:
        assert one.agency.opening.known or not one.agency.hours, one.agency.name
        assert one.agency.sharing in ("never", "law", "consent")
    assert [one.agency.name for one in found if one.stale(NOW)] == [
        "ひなた市民生委員・児童委員協議会 北地区", "フードバンクひなた",
    ]  # fmt: skip
    school = next(one for one in found if one.agency.kind == "school")
    assert [c.name for c in school.contacts if c.serves_on(MARCH)] == ["大城 なお"]
    assert "要対協" not in str(documents["agencies"])
    assert "in_council" not in str(documents["agencies"])


async def test_a_slip_of_the_pen_in_the_sample_is_refused(sqlite_store: Store) -> None:
    """The agency is named."""
    for wrong in ({"name": "x", "kind": "magic"}, {"name": "x", "kind": "police", "in_council": True}):
        with pytest.raises(ContentError, match="x"):
            await sqlite_store.write(lambda s, wrong=wrong: sample.keep_agencies(s, {"agencies": [wrong]}, SAKURA, NOW))
