"""The forms of the public pages: what parents and operators say is wrong, floods, other sites, and words of danger."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import date
from html import unescape
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import func, select

from bot import curation, names, suggestions
from bot.models import Suggestion
from bot.public import operator
from bot.store import Store
from bot.suggestions import LINK_LIVES, operator_link
from tests import public_world
from tests.public_world import AYA, BASE, EVENT, FULL, KEY, NOW, PLAZA, World, visible


@pytest.fixture
async def world(sqlite_store: Store) -> World:
    """Give the pages over ひなた市."""
    return await public_world.build(sqlite_store)


@pytest.fixture
async def browser(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Give a browser on our own origin."""
    async with world.browser() as found:
        yield found


# --- "this is wrong" --------------------------------------------------------------------------------------------------

WRONG = f"/public/ja/places/{PLAZA}/wrong"


async def kept(store: Store) -> int:
    return await store.read(lambda s: s.scalar(select(func.count()).select_from(Suggestion))) or 0


async def test_what_is_wrong_is_kept_for_a_person(world: World, browser: httpx.AsyncClient) -> None:
    answer = await browser.post(WRONG, data={"kind": "hours", "words": "月曜も開いています"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{WRONG}?sent=1")
    assert "知らせてくれて、ありがとうございます。" in (await browser.get(answer.headers["location"])).text
    (one,) = await world.store.read(suggestions.open_suggestions)
    assert (one.resource_id, one.sender, one.kind, one.text, one.language) == (
        PLAZA, "parent", "hours", "月曜も開いています", "ja"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "field"), [({}, "kind"), ({"kind": "x"}, "kind"), ({"kind": "fee", "words": "あ" * 201}, "words")]
)
async def test_a_form_that_cannot_be_taken_says_why(
    world: World, browser: httpx.AsyncClient, given: Mapping[str, str], field: str
) -> None:
    """At the top and beside the field, with what was written still there."""
    answer = await browser.post(WRONG, data=given)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert 'role="alert"' in answer.text
    assert given.get("words", "") in answer.text
    assert await kept(world.store) == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "cross-site", "origin": BASE},
    ],
)
async def test_a_form_from_another_site_is_refused(world: World, headers: Mapping[str, str]) -> None:
    async with world.browser() as browser:
        answer = await browser.post(WRONG, data={"kind": "hours"}, headers=headers)
    assert (answer.status_code, await kept(world.store)) == (403, 0)


@pytest.mark.parametrize(("origin", "status"), [(BASE, 303), ("null", 403), ("https://evil.example", 403), (None, 403)])
async def test_an_older_browser_tells_its_origin(world: World, origin: str | None, status: int) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(world.app), base_url=BASE) as browser:
        headers = {"origin": origin} if origin is not None else {}
        assert (await browser.post(WRONG, data={"kind": "hours"}, headers=headers)).status_code == status


async def test_an_origin_that_is_no_address_is_another_one(world: World) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(world.app), base_url=BASE) as browser:
        answer = await browser.post(WRONG, data={"kind": "hours"}, headers={"origin": "http://["})
    assert answer.status_code == 403


async def test_a_flood_of_forms_is_told_to_wait(world: World, browser: httpx.AsyncClient) -> None:
    answers = [await browser.post(WRONG, data={"kind": "fee"}) for _ in range(suggestions.OPEN_MOST + 3)]
    assert [answer.status_code for answer in answers[-3:]] == [429] * 3
    assert await kept(world.store) == suggestions.OPEN_MOST
    large = await browser.post(
        WRONG, content=b"words=" + b"a" * 70_000, headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert large.status_code == 413


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("もう死にたいです", "0120-061-338"),
        ("夫に殴られています", "0120-279-889"),
        ("このままだと子どもを叩いてしまいそう", ""),
    ],
)
async def test_words_of_danger_are_answered_now_and_not_left_in_a_list(
    world: World, browser: httpx.AsyncClient, said: str, number: str
) -> None:
    """Not kept, said so, given back to be copied, with the way to a person; whatever the form lacks (CARE C1)."""
    for data in ({"kind": "other", "words": said}, {"words": said}, {"kind": "other", "words": said + "あ" * 300}):
        answer = await browser.post(WRONG, data=data)
        page = visible(answer.text)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        assert "残していません" in page
        assert f">{data['words']}</textarea>" in answer.text
        assert 'href="https://line.me/R/ti/p/%40hinata"' in answer.text
        to_send = f'href="https://line.me/R/oaMessage/%40hinata/?{quote(data["words"], safe="")}"'
        assert (to_send in answer.text) is (len(data["words"]) <= 200)
        assert number in page
        for called in ("110", "119", number):
            assert not called or f'<a href="tel:{called.replace("-", "")}">{called}</a>' in answer.text
        assert "知らせてくれて、ありがとうございます。 人が確かめてから" not in page
    assert await kept(world.store) == 0


async def test_the_page_is_no_report_even_where_the_desk_takes_reports(
    world: World, browser: httpx.AsyncClient
) -> None:
    """What nobody has read is not taken as 通告 (CARE C25)."""
    world.city = replace(world.city, takes_child_reports=True)
    page = (await browser.post(WRONG, data={"words": "隣の家の子が毎晩殴られています"})).text
    assert "通告」として受けつけます" not in page
    assert "通告」にはなりません" in page


# --- the operator's form ----------------------------------------------------------------------------------------------

LINK = operator_link(KEY, "", PLAZA, NOW)


async def filled(browser: httpx.AsyncClient, link: str = LINK, **written: str) -> dict[str, str]:
    """Return the fields of the form as the page gives them, with something else written into some."""
    page = (await browser.get(link)).text
    given = {
        name: unescape(text)
        for name, text in re.findall(r'(?s)<textarea id="[^"]+" name="([^"]+)"[^>]*>(.*?)</textarea>', page)
    }
    given |= {
        name: unescape(text) for name, text in re.findall(r'<input id="[^"]+" name="([^"]+)" value="([^"]*)"', page)
    }
    for name, options in re.findall(r'(?s)<select id="[^"]+" name="([^"]+)">(.*?)</select>', page):
        given[name] = re.findall(r'value="([^"]*)" selected', options)[0]
    return given | written


async def test_an_operator_proposes_and_nothing_changes(world: World, browser: httpx.AsyncClient) -> None:
    data = await filled(
        browser, name="ひなたひろば", phones="000-555-0110 事務室\n000-555-0111", hours="月～金 9:00～17:00、祝日休み",
        cost="300円/1回", booking_required="yes", availability="full", note="12月から変わります",
    )  # fmt: skip
    assert (await browser.post(LINK, data=data)).status_code == 200
    (one,) = await world.store.read(suggestions.open_suggestions)
    assert (one.sender, one.text) == ("operator", "12月から変わります")
    changes = dict(one.changes)
    opening = changes.pop("opening")
    assert changes == {
        "name": "ひなたひろば", "phones": [{"number": "000-555-0110", "description": "事務室"},
                                           {"number": "000-555-0111"}],
        "hours_note": "月～金 9:00～17:00、祝日休み", "booking_required": True, "availability": "full",
        "cost": [{"amount": 300, "option": "1回", "amount_description": "300円/1回"}],
    }  # fmt: skip
    assert opening["schedules"][0]["byday"] == [0, 1, 2, 3, 4]
    await world.refresh()
    place = world.directory.get(PLAZA)
    assert place is not None
    assert (place.name, place.availability) == ("ひなた市子育てひろば", "")
    taken = await world.store.write(
        lambda s: curation.edit(s, PLAZA, one.changes, AYA, NOW, categories=list(names.CATEGORIES))
    )
    assert (taken.name, taken.opening.open_on(date(2026, 11, 30))) == ("ひなたひろば", True)


async def test_a_form_sent_back_as_it_is_proposes_nothing(world: World, browser: httpx.AsyncClient) -> None:
    """For every place: what the form shows is not taken for something new."""
    await world.keep(FULL, EVENT)
    for place in world.directory.resources:
        link = operator_link(KEY, "", place.id, NOW)
        answer = await browser.post(link, data=await filled(browser, link))
        assert (answer.status_code, "変わったところがありません" in answer.text) == (422, True), place.id
    assert await kept(world.store) == 0


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ({"name": ""}, "名前を書いてください"), ({"phones": "でんわ"}, "電話番号は、数字と - で"),
        ({"url": "http://["}, "https:// ではじめて"),
        ({"url": "javascript:alert(1)"}, "https:// ではじめて"), ({"alert": "あ" * 301}, "300字まで"),
        ({"availability": "x"}, "えらびなおして"), ({"description": "一時保護所もあります"}, "のせられません"),
        ({"note": "あ" * 1001}, "1000字まで"), ({}, "変わったところがありません"),
    ],
)  # fmt: skip
async def test_what_staff_could_not_take_over_is_refused_beside_its_field(
    world: World, browser: httpx.AsyncClient, written: dict[str, str], why: str
) -> None:
    answer = await browser.post(LINK, data=await filled(browser, **written))
    assert (answer.status_code, why in answer.text) == (422, True)
    assert all(text in unescape(answer.text) for text in written.values())
    assert await kept(world.store) == 0


async def test_what_is_too_long_is_refused_before_it_is_read(
    world: World, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading tens of thousands of characters as hours would hold up everybody for seconds."""
    read: list[str] = []
    monkeypatch.setattr(operator, "read_hours", lambda text: read.append(text))
    answer = await browser.post(LINK, data=await filled(browser, hours="月" * 1_001))
    assert (answer.status_code, read) == (422, [])
    assert "1000字までにしてください" in answer.text


async def test_hours_that_are_not_understood_are_proposed_as_words(world: World, browser: httpx.AsyncClient) -> None:
    await browser.post(LINK, data=await filled(browser, hours="月のはじめに決めます"))
    (one,) = await world.store.read(suggestions.open_suggestions)
    assert one.changes == {"hours_note": "月のはじめに決めます", "opening": {}}


async def test_a_link_that_ran_out_or_is_not_ours_opens_nothing(world: World, browser: httpx.AsyncClient) -> None:
    data = await filled(browser, name="x")
    world.clock.set(NOW + LINK_LIVES, running=False)
    for link in (LINK, LINK[:-1] + "0", "/public/operator/x"):
        for answer in (await browser.get(link), await browser.post(link, data=data)):
            assert answer.status_code == 404
            assert "ひなた市子育てひろば" not in answer.text
    assert await kept(world.store) == 0


async def test_an_operators_form_from_another_site_is_refused(world: World, browser: httpx.AsyncClient) -> None:
    data = await filled(browser, name="x")
    answer = await browser.post(LINK, data=data, headers={"sec-fetch-site": "cross-site"})
    assert (answer.status_code, await kept(world.store)) == (403, 0)


async def test_danger_in_an_operators_note_is_answered_now(world: World, browser: httpx.AsyncClient) -> None:
    answer = await browser.post(LINK, data=await filled(browser, note="もう死にたいです"))
    assert ("残していません" in answer.text, await kept(world.store)) == (True, 0)


async def test_an_address_that_is_not_known_here_has_no_form(world: World, browser: httpx.AsyncClient) -> None:
    assert (await browser.post("/public/ja/places/none/wrong", data={"kind": "fee"})).status_code == 404
    assert (await browser.post("/public/ja/")).status_code == 404
