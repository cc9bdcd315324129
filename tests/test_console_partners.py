"""The pages of agencies and of people nearby: what is shown to whom, what comes back when something does not fit."""

import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta

import httpx
import pytest
from sqlalchemy import func, select

from bot.curation import STALE_AFTER, By
from bot.models import Audit
from bot.store import Store
from handoff import partners, people
from handoff.console import labels
from handoff.models import AgencyRow, LocalPersonRow
from tests.console_world import NOW, World, build, form
from tests.test_partners import JISO, TWINS, YAMADA

Browser = httpx.AsyncClient
BY = By("staff:test", "さくら")
AGENCY = {
    "name": "ひなた児童相談所",
    "kind": "child_guidance",
    "takes_on": "虐待の心配",
    "phone0": "０００－５５５－５１００",
    "phone0_note": "代表",
    "hours": "平日 8:30〜17:15",
    "duty": "児童福祉法61条",
    "sharing": "law",
    "note": "メモ",
}
PERSON = {
    "name": "川上 ふみ", "reach": "000-555-7001", "knows": "点字が読める", "area": "川辺町", "asked_by": "さとう",
    "asked_on": "2026-06-01", "purpose": "声をかける",
}  # fmt: skip


@pytest.fixture
async def world(sqlite_store: Store) -> World:
    """Give a console with four accounts."""
    return await build(sqlite_store)


@pytest.fixture
async def browser(world: World) -> AsyncIterator[Browser]:
    """Give a browser without a session."""
    async with world.browser() as found:
        yield found


async def an_agency(world: World, **change: object) -> uuid.UUID:
    """Keep an agency."""
    return await world.store.write(lambda s: partners.add(s, replace(JISO, **change), BY, NOW))  # type: ignore[arg-type]


def problems(page: str) -> dict[str, str]:
    """Return the errors of a page, by field, when each stands beside its field and in the sum at the top alike."""
    beside = dict(re.findall(r'id="([a-z_]+)-wrong"><span aria-hidden="true">▲</span> ([^<]+)</p>', page))
    above = dict(re.findall(r'<li><a href="#([a-z_]+)">([^<]+)</a></li>', page))
    assert beside == above
    assert all(f'id="{name}"' in page and f"{name}-wrong" in page for name in beside)
    return beside


def test_every_kind_and_sharing_has_a_label() -> None:
    """The tables of labels hold the ids, in their order."""
    assert tuple(labels.AGENCIES) == partners.KINDS
    assert tuple(labels.SHARINGS) == partners.SHARINGS


# --- agencies -------------------------------------------------------------------------------------------------------


async def test_an_agency_is_entered_corrected_and_made_sure_of(world: World, browser: Browser) -> None:
    """What was typed is on the page; full-width digits are made ordinary; hours are understood."""
    csrf = await world.signed_in("specialist", browser)
    answer = await browser.post("/agencies/new", data=form(csrf, **AGENCY))
    assert answer.status_code == 303, answer.text
    where = answer.headers["location"]
    page = (await browser.get(where)).text
    for shown in ("ひなた児童相談所", 'href="tel:000-555-5100"', "代表", "児童福祉法61条", "同意がなくても渡せる",
                  "次は 11月24日（火）08:30", "2026年11月21日 さとうがたしかめました"):  # fmt: skip
        assert shown in page, shown
    edit = (await browser.get(f"{where}/edit")).text
    assert 'name="version" value="1"' in edit
    world.clock.set(NOW + STALE_AFTER + timedelta(days=1), running=False)
    csrf = await world.signed_in("specialist", browser)
    changed = AGENCY | {"hours": "山田さんがいれば", "version": "1"}
    assert (await browser.post(f"{where}/edit", data=form(csrf, **changed))).headers["location"] == where
    page = (await browser.get(where)).text
    assert "機械は時間を読めていません" in page
    assert "半年たしかめていません" in page
    await browser.post(f"{where}/verify", data=form(csrf))
    assert "半年たしかめていません" not in (await browser.get(where)).text


async def test_a_form_that_does_not_fit_comes_back_with_reasons(world: World, browser: Browser) -> None:
    """Every reason stands beside its field and at the top, what was typed stays, nothing is kept."""
    csrf = await world.signed_in("specialist", browser)
    wrong = AGENCY | {"name": "", "duty": "", "phone1": "代表まで", "takes_on": "<b>ここ</b>", "kind": ""}
    answer = await browser.post("/agencies/new", data=form(csrf, **wrong))
    assert answer.status_code == 422
    assert set(problems(answer.text)) == {"name", "kind", "duty", "phones"}
    assert "&lt;b&gt;ここ&lt;/b&gt;" in answer.text
    assert 'value="代表まで"' in answer.text
    assert await world.store.read(lambda s: s.scalar(select(func.count()).select_from(AgencyRow))) == 0


async def test_the_slower_of_two_is_told_and_keeps_what_she_typed(world: World, browser: Browser) -> None:
    """A form from before a colleague's change is not stored; a second press, after comparing, is."""
    agency = await an_agency(world)
    csrf = await world.signed_in("specialist", browser)
    await world.store.write(lambda s: partners.edit(s, agency, replace(JISO, address="桜台"), BY, NOW, expected=1))
    mine = AGENCY | {"address": "北野2-2", "version": "1"}
    answer = await browser.post(f"/agencies/{agency}/edit", data=form(csrf, **mine))
    assert answer.status_code == 409
    assert "先に直しました" in answer.text
    assert 'value="北野2-2"' in answer.text
    assert "桜台" in (await browser.get(f"/agencies/{agency}")).text
    assert 'name="version" value="2"' in answer.text
    again = await browser.post(f"/agencies/{agency}/edit", data=form(csrf, **mine | {"version": "2"}))
    assert again.status_code == 303
    assert "北野2-2" in (await browser.get(f"/agencies/{agency}")).text


async def test_a_change_of_contact_keeps_the_old_one_on_the_page(world: World, browser: Browser) -> None:
    """The one before stands under これまで with her last day; one told for April stands under これから."""
    agency = await an_agency(world)
    old = await world.store.write(lambda s: partners.change_contact(s, agency, YAMADA, BY, NOW))
    csrf = await world.signed_in("specialist", browser)
    fields = {"name": "田中 空", "since": "2026-04-01", "replaces": str(old), "phone": "000-555-5103"}
    assert (await browser.post(f"/agencies/{agency}/contacts", data=form(csrf, **fields))).status_code == 303
    coming = {"name": "小林", "since": "2027-04-01"}
    assert (await browser.post(f"/agencies/{agency}/contacts", data=form(csrf, **coming))).status_code == 303
    page = (await browser.get(f"/agencies/{agency}")).text
    assert page.index("田中 空") < page.index("これから") < page.index("小林") < page.index("これまで")
    assert page.rindex("山田 花") > page.index("これまで")
    assert "2026年3月31日まで" in page
    kept = await world.store.read(lambda s: partners.get(s, agency))
    assert kept is not None
    (now,) = [one for one in kept.contacts if one.serves_on(NOW.date())]
    assert (await browser.post(f"/agencies/{agency}/contacts/{now.id}/end", data=form(csrf))).status_code == 303
    page = (await browser.get(f"/agencies/{agency}")).text
    assert "2026年11月20日まで" in page  # in Tokyo it is the 21st


async def test_a_contact_that_does_not_fit_comes_back(world: World, browser: Browser) -> None:
    """The short form stays open with what was typed and the reasons."""
    agency = await an_agency(world)
    csrf = await world.signed_in("specialist", browser)
    fields = {"name": "", "role": "地区担当", "since": "きのう", "phone": "内線で"}
    answer = await browser.post(f"/agencies/{agency}/contacts", data=form(csrf, **fields))
    assert answer.status_code == 422
    assert set(problems(answer.text)) == {"name", "since", "phone"}
    assert 'value="地区担当"' in answer.text
    assert '<details class="act" open>' in answer.text


async def test_the_list_of_agencies_is_narrowed(world: World, browser: Browser) -> None:
    """By kind, by words, by who was not made sure of, by what is no more; an unknown kind shows all."""
    await an_agency(world)
    await an_agency(world, name="ひなた署", kind="police", takes_on="")
    await an_agency(world, name="なくなった会", kind="community_group", active=False)
    await world.signed_in("officer", browser)

    async def shown(**asked: str) -> list[str]:
        page = (await browser.get("/agencies", params=asked)).text
        return re.findall(r'class="row-link" href="[^"]+">([^<]+)<', page)

    assert await shown() == await shown(kind="magic") == ["ひなた児童相談所", "ひなた署"]
    assert await shown(kind="police") == ["ひなた署"]
    assert await shown(words="一時保護の") == ["ひなた児童相談所"]
    assert await shown(only="stale") == []
    assert await shown(only="ended") == ["なくなった会"]
    page = (await browser.get("/agencies", params={"words": '"><script>'})).text
    assert "<script>" not in page
    assert "当てはまる連携先はありません" in page
    world.clock.set(NOW + STALE_AFTER * 2, running=False)
    await world.signed_in("officer", browser)
    assert await shown(only="stale") == ["ひなた児童相談所", "ひなた署"]


async def test_who_may_only_look_sees_no_forms(world: World, browser: Browser) -> None:
    """The officer's pages hold no button that would be refused."""
    agency = await an_agency(world)
    await world.store.write(lambda s: partners.change_contact(s, agency, YAMADA, BY, NOW))
    await world.signed_in("officer", browser)
    for path in ("/agencies", f"/agencies/{agency}"):
        page = (await browser.get(path)).text
        main = page[page.index("<main") : page.index("</main>")]
        assert 'method="post"' not in main
        assert "/new" not in main
        assert "/edit" not in main


async def test_what_does_not_exist_is_said_calmly(world: World, browser: Browser) -> None:
    """Made-up ids and half ids are 404 with a sentence; control characters in a form are dropped."""
    csrf = await world.signed_in("specialist", browser)
    for path in (
        f"/agencies/{uuid.uuid4()}",
        f"/people/{uuid.uuid4()}",
        "/agencies/x",
        f"/agencies/{uuid.uuid4()}/edit",
    ):
        answer = await browser.get(path)
        assert answer.status_code == 404, path
        assert "そのページはありません" in answer.text
    answer = await browser.post("/agencies/new", data=form(csrf, **AGENCY | {"name": "ひなた\x00署\x1b[0m"}))
    assert (await browser.get(answer.headers["location"])).text.count("ひなた署[0m") >= 1


# --- people ---------------------------------------------------------------------------------------------------------


async def test_a_person_is_entered_only_with_a_yes(world: World, browser: Browser) -> None:
    """Without who asked, when and for what, nothing is kept and each missing part is named."""
    csrf = await world.signed_in("specialist", browser)
    missing = PERSON | {"asked_by": "", "asked_on": "", "purpose": ""}
    answer = await browser.post("/people/new", data=form(csrf, **missing))
    assert answer.status_code == 422
    assert set(problems(answer.text)) == {"asked_by", "asked_on", "purpose"}
    assert 'value="川上 ふみ"' in answer.text
    assert await world.store.read(lambda s: s.scalar(select(func.count()).select_from(LocalPersonRow))) == 0
    answer = await browser.post("/people/new", data={**form(csrf, **PERSON), "topics": ["sleep", "feeding", "magic"]})
    page = (await browser.get(answer.headers["location"])).text
    for shown in ("川上 ふみ", "000-555-7001", "夜泣き・睡眠", "授乳・離乳食", "2026年6月1日", "声をかける"):
        assert shown in page


async def test_the_list_of_people_has_no_names_and_each_look_is_noted(world: World, browser: Browser) -> None:
    """Name, number and yes stand on the person's page only; opening page or form writes one row each."""
    person = await people.add(world.store, TWINS, BY, NOW)
    await world.signed_in("supervisor", browser)
    page = (await browser.get("/people")).text
    for hidden in (TWINS.name, TWINS.reach, TWINS.asked_by, TWINS.purpose, TWINS.note):
        assert hidden not in page
    assert "川辺町の方" in page
    assert "点字が読める" in page
    assert "当てはまる方はいません" in (await browser.get("/people", params={"words": "川上"})).text
    read = select(Audit).where(Audit.action == "person.read").order_by(Audit.id)
    assert await world.store.read(lambda s: s.scalars(read).all()) == []
    for path, rows in ((f"/people/{person}", 1), (f"/people/{person}", 2), (f"/people/{person}/edit", 3)):
        assert TWINS.name in (await browser.get(path)).text
        found = await world.store.read(lambda s: list(s.scalars(read)))
        assert len(found) == rows
        assert found[-1].actor == f"staff:{world.staff['supervisor']}"
        assert found[-1].detail == {"person": str(person)}


async def test_the_yes_is_withdrawn_by_one_button(world: World, browser: Browser) -> None:
    """The page is gone, the list counts it, no word is left."""
    person = await people.add(world.store, TWINS, BY, NOW)
    csrf = await world.signed_in("specialist", browser)
    answer = await browser.post(f"/people/{person}/withdraw", data=form(csrf))
    assert answer.headers["location"] == "/people"
    page = (await browser.get("/people")).text
    assert "取り下げた方が1人" in page
    assert "点字" not in page
    assert (await browser.get(f"/people/{person}")).status_code == 404
    assert (await browser.post(f"/people/{person}/verify", data=form(csrf))).status_code == 422
    row = await world.store.read(lambda s: s.get_one(LocalPersonRow, person))
    assert row.body_sealed is None


async def test_a_correction_of_a_person_keeps_the_rules(world: World, browser: Browser) -> None:
    """Edited with its version; the slower of two is told."""
    person = await people.add(world.store, TWINS, BY, NOW)
    csrf = await world.signed_in("specialist", browser)
    stored = await browser.post(f"/people/{person}/edit", data=form(csrf, **PERSON, version="1"))
    assert stored.status_code == 303
    late = await browser.post(f"/people/{person}/edit", data=form(csrf, **PERSON, version="1"))
    assert late.status_code == 409
    assert "先に直しました" in late.text
    kept = await world.store.write(lambda s: people.read(s, person, BY, NOW))
    assert kept is not None
    assert (kept.person.knows, kept.person.asked_on) == ("点字が読める", date(2026, 6, 1))


# --- the way there --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "links"),
    [
        ("specialist", ["/", "/today", "/team", "/agencies", "/people", "/phrases"]),
        ("officer", ["/", "/team", "/agencies"]),
        ("administrator", ["/", "/team"]),
    ],
)
async def test_the_navigation_leads_where_the_role_may_go(
    world: World, browser: Browser, role: str, links: list[str]
) -> None:
    """Each link is there for who may follow it, and the page that is open is marked."""
    await world.signed_in(role, browser)
    for here in links:
        page = (await browser.get(here)).text
        nav = page[page.index('<nav class="nav"') : page.index("</nav>")]
        found = [link for link in re.findall(r'<a href="([^"]+)"', nav) if link != "/directory"]
        assert found == links
        assert re.findall(r'<a href="([^"]+)" aria-current="page"', nav) == [here]
