"""The public pages: every fact and every language, what is gone, caching, what is new."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from html import unescape
from html.parser import HTMLParser

import httpx
import pytest
from icalendar import Calendar
from sqlalchemy.orm import Session

from bot import check, curation, names, places, suggestions
from bot.directory import plan
from bot.directory.resources import CostOption, Phone
from bot.i18n import Catalogs
from bot.messages import Severity, Signal, Verbatim
from bot.models import Suggestion
from bot.opening import TOKYO, Opening, Schedule
from bot.public import bulletin
from bot.store import Store
from bot.suggestions import operator_link
from tests import public_world
from tests.public_world import AYA, EVENT, FULL, KEY, NOW, PLAZA, World, visible
from tests.talk import content, words

LANGUAGES = words().languages
SENTENCES = cache(check.sentences)  # extracted from the code: seconds, and the same for every language


@pytest.fixture
async def world(sqlite_store: Store) -> World:
    """Give the pages over ひなた市."""
    return await public_world.build(sqlite_store)


@pytest.fixture
async def browser(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Give a browser on our own origin."""
    async with world.browser() as found:
        yield found


# --- every kind of page, in every language --------------------------------------------------------------------------

KINDS = (
    "", "topics/temporary_care", "topics/consultation?open=sat&free=1&speaks=en&age=18", "topics/nursery?area=川辺町",
    "topics/nursery?area=どこでもない", "topics/privacy", "topics/parenting_salon?page=2", f"places/{PLAZA}",
    "places/full%2F1%20%3F", "places/event-1",
    "places/resting", "places/none", "places/gone", "bulletin/2026-11", "bulletin/2026-12",
    "bulletin/1999-01", f"places/{PLAZA}/wrong", f"places/{PLAZA}/wrong?sent=1", "nothing/here",
)  # fmt: skip
SHORT = "もうしにたい"
SIGNALS = (
    Signal("abuse", Severity.EMERGENCY, ("child_writing",)), Signal("dv", Severity.EMERGENCY, ("strangling",)),
    Signal("medical", Severity.EMERGENCY, ("missing_child",)),
    Signal("medical", Severity.EMERGENCY, ("unattended_birth",)),
    Signal("crisis", Severity.URGENT, ("psychosis",)), Signal("medical", Severity.EMERGENCY),
    Signal("medical", Severity.URGENT),
    Signal("crisis", Severity.EMERGENCY), Signal("crisis", Severity.URGENT), Signal("dv", Severity.EMERGENCY),
    Signal("dv", Severity.URGENT), Signal("abuse", Severity.URGENT, ("facility_staff",)),
    Signal("abuse", Severity.URGENT, who="self", act="done"), Signal("abuse", Severity.URGENT, who="self", act="fear"),
    Signal("abuse", Severity.URGENT, who="other", act="done"),
    Signal("abuse", Severity.URGENT, who="partner", act="done"),
    Signal("hardship", Severity.URGENT), Signal("development", Severity.CONCERN), Signal("anxiety", Severity.CONCERN),
)  # fmt: skip


class Recording(Catalogs):
    """Note every sentence that is asked for in a language that has no words for it, and every one asked for at all."""

    asked: set[str]
    lacking: set[tuple[str, str]]

    def sentence(self, msgid: str, language: str) -> str:
        """Note, then word it as ever."""
        self.asked.add(msgid)
        if not self.says(msgid, language):
            self.lacking.add((language, msgid))
        return super().sentence(msgid, language)


def recording(catalogs: Catalogs) -> Recording:
    """Return catalogs that note what is asked of them."""
    made = Recording(catalogs.sentences)
    object.__setattr__(made, "asked", set())
    object.__setattr__(made, "lacking", set())
    return made


async def everything(store: Store, catalogs: Catalogs, language: str) -> list[httpx.Response]:
    """Open every kind of page in a language: by day and by night, and what is said to whoever is in danger."""
    heard: list[Signal] = []
    world = await public_world.build(store, catalogs=catalogs, hear=lambda _words: tuple(heard))
    every = [
        replace(EVENT, id=f"kind-{id}", name=f"{id}の場所", category=id, attributes=tuple(names.ATTRIBUTES),
                cost=tuple(CostOption(100, option) for option in names.COST_OPTIONS)[:3])
        for id in names.CATEGORIES
    ]  # fmt: skip
    more = [
        replace(EVENT, id=f"price-{n}", name=f"値段{n}", ends_on=None, provision=provision, availability=availability,
                opening=Opening((Schedule((n % 7,), time(9), time(10), nth=(n + 1 if n < 5 else -1,), holidays=True),)),
                cost=(CostOption(n, option), CostOption(n, option, "ただし書き")))
        for n, (option, provision, availability) in enumerate(
            zip(names.COST_OPTIONS, ("visit", "outreach", "facility") * 3, ("free", "soon", "waiting", "full", "") * 2,
                strict=False)
        )
    ]  # fmt: skip
    resting = replace(FULL, id="resting", status="temporarily_closed")
    await world.keep(FULL, EVENT, resting, *every, *more)
    await world.keep(replace(FULL, id="gone"), source="other")
    await world.keep(source="other")
    found = []
    async with world.browser() as browser:
        for moment in (NOW, NOW + timedelta(hours=14), datetime(2026, 12, 31, 3, tzinfo=UTC)):
            world.clock.set(moment, running=False)
            for kind in KINDS:
                found.append(await browser.get(f"/public/{language}/{kind}"))
        found += [await browser.get(f"/public/{language}/topics/{id}") for id in names.TOPICS]
        found += [await browser.get(f"/public/{language}/places/{place.id}") for place in (*every, *more)]
        wrong = f"/public/{language}/places/{PLAZA}/wrong"
        found += [
            await browser.post(wrong, data=data, headers=headers)
            for data, headers in (
                ({}, {}), ({"kind": "hours", "words": "あ" * 201}, {}),
                ({"kind": "hours"}, {"sec-fetch-site": "cross-site"}),
            )
        ]  # fmt: skip
        for signal in SIGNALS:
            heard[:] = [signal]
            for moment in (NOW, NOW + timedelta(hours=14)):
                world.clock.set(moment, running=False)
                found.append(await browser.post(wrong, data={"kind": "other", "words": SHORT}))
        heard.clear()
        for _n in range(suggestions.OPEN_MOST + 1):
            found.append(await browser.post(wrong, data={"kind": "fee"}))
    await store.write(lambda s: s.execute(Suggestion.__table__.delete()) and None)  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize("language", LANGUAGES)
async def test_no_page_falls_back_to_another_language(sqlite_store: Store, language: str) -> None:
    """Every sentence of every kind of page has words in each language with a catalog; the check knows them all."""
    catalogs = recording(words())
    pages = await everything(sqlite_store, catalogs, language)
    assert {page.status_code for page in pages} == {200, 303, 403, 404, 410, 422, 429}
    assert catalogs.lacking == set()
    assert catalogs.asked <= SENTENCES().keys()


class Shape(HTMLParser):
    """Note what makes a page a sound one."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of every such tag."""
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_is_sound_and_tracks_nobody(world: World, browser: httpx.AsyncClient, language: str) -> None:
    """One h1, the language told, labels for all fields, nothing inline, no cookie, nothing from elsewhere."""
    await world.keep(FULL, EVENT)
    for kind in KINDS:
        answer = await browser.get(f"/public/{language}/{kind}")
        shape = Shape(answer.text)
        assert len(shape.all("h1")) == 1, kind
        assert shape.all("html") == [{"lang": "ja" if language == "ja-easy" else language}]
        assert "set-cookie" not in answer.headers
        assert "script" not in {tag for tag, _attributes in shape.tags}
        assert not [a for _tag, a in shape.tags if "style" in a or any(name.startswith("on") for name in a)]
        loaded = [a.get("href") or "" for a in shape.all("link") if a["rel"] == "stylesheet"]
        loaded += [a.get("src") or "" for a in (*shape.all("img"), *shape.all("iframe"))]
        assert loaded
        assert all(address.startswith("/public/static/") for address in loaded)
        labelled = {a["for"] for a in shape.all("label")}
        fields = [a for tag in ("input", "select", "textarea") for a in shape.all(tag)]
        assert {a["id"] for a in fields} <= labelled
        ids = [a["id"] for _tag, a in shape.tags if "id" in a]
        assert len(ids) == len(set(ids))
        for table in re.findall(r"(?s)<table.*?</table>", answer.text):
            assert 'scope="col"' in table


async def test_the_languages_stand_in_their_own_words(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/public/")).text
    assert all(name in page for name in ("日本語", "やさしい にほんご", "English"))
    assert '<a href="/public/en/" lang="en" hreflang="en">' in page


async def test_a_language_without_pages_is_no_page(browser: httpx.AsyncClient) -> None:
    for address in ("/public/xx/", "/public/xx/places/" + PLAZA, "/public/none/", "/public/ja/topics/x"):
        answer = await browser.get(address)
        assert (answer.status_code, "<h1>" in answer.text) == (404, True)
    assert 'lang="en"' in (await browser.get("/public/en/topics/x")).text


# --- topics and places ------------------------------------------------------------------------------------------------


async def test_topics_show_how_many_places_serve_them(world: World, browser: httpx.AsyncClient) -> None:
    page = visible((await browser.get("/public/ja/")).text)
    assert "一時預かり 10か所" in page
    assert "自分の記録" in page  # an answer without places
    await world.keep(replace(FULL, id="new", topics=("privacy",)))
    assert "自分の記録 1か所" in visible((await browser.get("/public/ja/")).text)


async def test_a_topic_shows_the_answer_the_order_and_what_differs(browser: httpx.AsyncClient) -> None:
    page = visible((await browser.get("/public/ja/topics/temporary_care")).text)
    assert "一時預かりは、子どもを数時間から預けられるしくみです。" in page
    assert "10か所のうち、1〜10番目です。五十音順です。" in page
    assert "ちがうところ: " in page
    english = visible((await browser.get("/public/en/topics/temporary_care")).text)
    assert "Showing 1–10 of 10." in english


async def test_an_answer_that_a_language_lacks_is_left_out(sqlite_store: Store) -> None:
    """Its places are shown all the same, and no sentence stands in another language."""
    answers = {p.msgid for p in content().answers["temporary_care"].paragraphs}
    fewer = {id: {k: v for k, v in said.items() if k not in answers} for id, said in words().sentences.items()}
    world = await public_world.build(sqlite_store, catalogs=Catalogs(fewer))
    async with world.browser() as browser:
        page = (await browser.get("/public/en/topics/temporary_care")).text
        assert not [msgid for msgid in answers if msgid in page]
        assert page.count("<li>\n<h2>") == 10


@pytest.mark.parametrize(
    ("wishes", "shown", "hidden"),
    [
        ("area=川辺町", "川辺子育て支援センター", "ひなた市子育てひろば（"),
        ("speaks=en", "ひなた市子育てひろば", "南原つどいの広場"),
        ("open=now&speaks=ne", "ことばを外してさがしました", "ここだけ"),
        ("area=どこにもない", "その地名が見つからなかったので", "その町にはないので"),
    ],
)
async def test_a_topic_is_narrowed_down(browser: httpx.AsyncClient, wishes: str, shown: str, hidden: str) -> None:
    page = (await browser.get(f"/public/ja/topics/parenting_salon?{wishes}")).text
    assert (shown in page, hidden in page) == (True, False)


async def test_a_topic_in_which_nothing_fits_says_so(world: World, browser: httpx.AsyncClient) -> None:
    """The child's age is never set aside."""
    await world.keep(replace(FULL, topics=("privacy",)))
    page = visible((await browser.get("/public/ja/topics/privacy?age=96")).text)
    assert "当てはまる場所が、ここにはありませんでした。 条件をへらすか、LINEの窓口で聞いてください。" in page


@pytest.mark.parametrize(
    "odd", ["age=abc", "age=9999", "open=<b>", "speaks=xx", "page=-1", "page=9999999", "page=²", "area=" + "あ" * 999]
)
async def test_wishes_that_mean_nothing_are_no_error(browser: httpx.AsyncClient, odd: str) -> None:
    answer = await browser.get(f"/public/ja/topics/parenting_salon?{odd}")
    assert (answer.status_code, "<b>" in answer.text) == (200, False)


async def test_pages_of_a_topic_are_turned(world: World, browser: httpx.AsyncClient) -> None:
    """All places come once each, in the order of kana, and the wishes go along."""
    many = [replace(FULL, id=f"n{n}", name=f"館{n}", kana=f"か{n:03}") for n in range(45)]
    await world.keep(*many)
    seen: list[str] = []
    address = "/public/ja/topics/parenting_salon?age=18"
    while address:
        page = (await browser.get(address)).text
        seen += re.findall(r"<h2><a [^>]*>([^<]+)</a>", page)
        later = re.search(r'href="([^"]+)" rel="next"', page)
        address = f"/public/ja/topics/parenting_salon{unescape(later[1])}" if later else ""
    assert len(seen) == len(set(seen)) > 45
    assert [name for name in seen if name.startswith("館")] == [f"館{n}" for n in range(45)]


async def test_a_place_shows_all_that_is_known(world: World, browser: httpx.AsyncClient) -> None:
    await world.keep(FULL, EVENT)
    await world.store.write(
        lambda s: (
            curation.note(s, FULL.id, "ベビーカーは裏口から", uuid.uuid4(), AYA, NOW, consent="店長", public=True)
            and curation.note(s, FULL.id, "内輪の話", uuid.uuid4(), AYA, NOW, consent="", public=False)
            and None
        )
    )
    raw = (await browser.get("/public/ja/places/full%2F1%20%3F")).text
    page = visible(raw)
    for words_ in (
        "ぜんぶ館", "児童館", "11月は工事中です", "なんでもある",
        "11月25日(水) 今日 9:00〜17:00",
        "11月27日(金) 休み", "11月29日(日) 休み", "月〜金 9:00〜17:00（祝日は休み）", "第1、第3の土 10:00〜12:00",
        "第2の水（祝日のときは、次の平日）", "日（祝日のときは、次の日）", "12月29日〜1月3日", "2026年11月27日",
        "1時間 500円（おやつ代は別）", "実費", "6か月〜2歳11か月", "予約 いる", "食事がある、泊まれる", "市内の人",
        "電話で",
        "持っていくもの 母子手帳", "もうすぐ空く", "12人", "近くの会場に来てくれる", "ひなた市、あさぎり町",
        "日本語、やさしい にほんご、英語、簡体中国語", "ひなた市川辺町9-9 ぜんぶビル", "バス停3分",
        "full@example.jp", "ぜんぶ会",
        "2027年3月31日", "ひなたデータ CC-BY-4.0", "2026年10月1日", "ベビーカーは裏口から", "受付", "55-1234",
        "今月の予定 2026年11月", "川辺えんにち", "11月28日(土) 10:00〜12:00",
    ):  # fmt: skip
        assert words_ in page, words_
    assert "内輪の話" not in page
    assert "2026年1月5日" not in page  # long over
    assert 'href="tel:0005559999"' in raw
    assert 'href="tel:551234"' not in raw  # without its area code it would ring elsewhere
    assert "https://www.openstreetmap.org/?mlat=35.05&amp;mlon=137.05" in raw
    english = (await browser.get("/public/en/places/full%2F1%20%3F")).text
    assert '<span lang="ja">ぜんぶ館（Zenbu Hall）</span>' in english
    assert "Simplified Chinese" in english


async def test_a_place_that_rests_is_not_said_to_be_open(world: World, browser: httpx.AsyncClient) -> None:
    """Neither on its page nor in its calendar; nor is an event that is over."""
    await world.keep(replace(FULL, status="temporarily_closed"), replace(EVENT, ends_on=date(2026, 11, 24)))
    page = visible((await browser.get("/public/ja/places/full%2F1%20%3F")).text)
    assert "いまは休んでいます。" in page
    assert "開いています" not in page
    assert "11月25日" not in page
    assert "月〜金 9:00〜17:00（祝日は休み）" in page
    assert b"VEVENT" not in (await browser.get("/public/places/full%2F1%20%3F.ics")).content
    assert "この行事は終わりました。" in visible((await browser.get("/public/ja/places/event-1")).text)


async def test_when_it_opens_next(world: World, browser: httpx.AsyncClient) -> None:
    world.clock.set(datetime(2026, 11, 22, 2, 10, tzinfo=TOKYO), running=False)  # Sunday; Monday is a holiday
    page = visible((await browser.get(f"/public/ja/places/{PLAZA}")).text)
    assert "閉まっています（次は 11月24日(火) 9:30）" in page
    assert "11月23日(月) 祝日 休み" in page


async def test_what_a_source_writes_can_do_no_harm(world: World, browser: httpx.AsyncClient) -> None:
    """Words stay words, and only http addresses become links: import and editing refuse others already."""
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    await world.keep(replace(FULL, id="e", name=evil, description=evil, alert=evil, url="javascript:alert(1)"))
    for address in ("places/e", "topics/parenting_salon", "bulletin/2026-11"):
        for language in LANGUAGES:
            page = (await browser.get(f"/public/{language}/{address}")).text
            assert "<script" not in page
            assert "<img" not in page
            assert 'href="javascript' not in page


async def test_a_hidden_place_has_no_page(world: World, browser: httpx.AsyncClient) -> None:
    await world.keep(replace(FULL, id="h", name="ひだまり", description="一時保護所"))
    answer = await browser.get("/public/ja/places/h")
    assert answer.status_code in (404, 410)
    assert "ひだまり" not in answer.text
    assert "ひだまり" not in (await browser.get("/public/ja/topics/parenting_salon")).text


async def test_what_is_gone_says_so_and_what_was_merged_leads_on(world: World, browser: httpx.AsyncClient) -> None:
    one, two, three = (replace(FULL, id=id) for id in ("one", "two", "three"))
    await world.keep(one, two, three)
    await world.store.write(lambda s: curation.merge(s, "two", "one", AYA, NOW))
    await world.store.write(lambda s: curation.merge(s, "three", "two", AYA, NOW))
    await world.refresh()
    answer = await browser.get("/public/en/places/one")
    assert (answer.status_code, answer.headers["location"]) == (302, "/public/en/places/three")
    assert (await browser.get("/public/places/one.ics")).headers["location"] == "/public/places/three.ics"
    assert (await browser.get("/public/en/places/one/wrong")).headers["location"] == "/public/en/places/three"
    await world.keep()  # the next edition lists none of them
    for id in ("one", "three"):
        answer = await browser.get(f"/public/ja/places/{id}")
        assert answer.status_code == 410
        assert 'href="/public/ja/"' in answer.text
    assert (await browser.get("/public/places/one.ics")).status_code == 410
    assert (await browser.get("/public/ja/places/never")).status_code == 404
    await world.keep(replace(FULL, id="closed", status="inactive"))
    assert (await browser.get("/public/ja/places/closed")).status_code == 410


# --- caching ----------------------------------------------------------------------------------------------------------


async def test_a_page_is_kept_for_a_minute_and_until_it_says_something_else(
    world: World, browser: httpx.AsyncClient
) -> None:
    for address in (
        "/public/",
        "/public/ja/",
        "/public/ja/topics/nursery",
        f"/public/ja/places/{PLAZA}",
        "/public/api/",
    ):
        first = await browser.get(address)
        assert first.headers["cache-control"] == "public, max-age=60"
        again = await browser.get(address, headers={"if-none-match": f'"x", W/{first.headers["etag"]}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    before = (await browser.get(f"/public/ja/places/{PLAZA}")).headers["etag"]
    await world.store.write(lambda s: curation.verify(s, PLAZA, AYA, NOW))
    await world.refresh()
    changed = await browser.get(f"/public/ja/places/{PLAZA}", headers={"if-none-match": before})
    assert changed.status_code == 200
    assert (await browser.get("/public/static/public.css")).headers["cache-control"] == "public, max-age=3600"


async def test_forms_and_what_is_not_there_are_kept_by_nobody(browser: httpx.AsyncClient) -> None:
    link = operator_link(KEY, "", PLAZA, NOW)
    for address in (f"/public/ja/places/{PLAZA}/wrong", link, "/public/operator/x"):
        assert (await browser.get(address)).headers["cache-control"] == "no-store"


# --- the bulletin -----------------------------------------------------------------------------------------------------


async def test_the_bulletin_tells_events_by_day_and_what_is_new_and_changed(
    world: World, browser: httpx.AsyncClient
) -> None:
    world.clock.set(datetime(2026, 9, 30, 23, tzinfo=TOKYO), running=False)
    await world.keep(FULL, source="old")
    world.clock.set(NOW, running=False)
    await world.keep(EVENT, replace(FULL, id="fresh", name="あたらしい館", kana="あ"), source="new")
    await world.keep(replace(FULL, phones=(Phone("000-555-0000"),), cost=(), capacity=99), source="old")

    def by_hand(session: Session) -> None:
        curation.edit(session, FULL.id, {"alert": "新しいお知らせ"}, AYA, NOW, categories=list(names.CATEGORIES))
        change = curation.history(session, FULL.id)[0]
        curation.edit(session, FULL.id, {"url": "https://new.example/"}, AYA, NOW, categories=list(names.CATEGORIES))
        newest = curation.history(session, FULL.id)[0]
        assert newest.id != change.id
        curation.undo(session, newest.id, AYA, NOW)

    await world.store.write(by_hand)
    await world.refresh()
    page = visible((await browser.get("/public/ja/bulletin/2026-11")).text)
    assert "2026年11月の情報誌" in page
    assert "11月28日(土) 10:00〜12:00 川辺えんにち ぜんぶ館 年齢: 0か月から 料金: 無料 予約: いらない" in page
    assert "2026年10月1日からの分です。" in page
    new, changed = page.partition("変わったところ")[::2]
    assert "あたらしい館" in new
    assert "川辺えんにち" not in new.partition("新しくのったところ")[2]
    assert "ぜんぶ館 : 料金、電話、お知らせ" in changed  # neither the capacity nor what was taken back
    assert "ぜんぶ館" not in new.partition("新しくのったところ")[2]
    next_month = visible((await browser.get("/public/ja/bulletin/2026-12")).text)
    assert "川辺えんにち" not in next_month
    assert "ぜんぶ館 : 料金" in next_month


async def test_there_is_a_bulletin_for_a_year_back_and_a_quarter_ahead(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/public/ja/bulletin")).headers["location"]
    assert page == "/public/ja/bulletin/2026-11"
    first = (await browser.get(page)).text
    assert 'href="/public/ja/bulletin/2026-10" rel="prev"' in first
    assert 'href="/public/ja/bulletin/2026-12" rel="next"' in first
    for month, status in (
        ("2025-11", 200),
        ("2025-10", 404),
        ("2027-02", 200),
        ("2027-03", 404),
        ("2026-13", 404),
        ("x", 404),
    ):
        assert (await browser.get(f"/public/ja/bulletin/{month}")).status_code == status, month
    assert 'rel="prev"' not in (await browser.get("/public/ja/bulletin/2025-11")).text
    assert 'rel="next"' not in (await browser.get("/public/ja/bulletin/2027-02")).text


def test_months_are_counted_over_the_year() -> None:
    assert bulletin.shifted(date(2026, 11, 1), 2) == date(2027, 1, 1)
    assert bulletin.shifted(date(2026, 1, 1), -1) == date(2025, 12, 1)
    assert bulletin.shifted(date(2026, 12, 1), 0) == date(2026, 12, 1)


async def test_a_long_list_of_news_is_counted(world: World, browser: httpx.AsyncClient) -> None:
    await world.keep(*(replace(FULL, id=f"n{n}", name=f"館{n}") for n in range(70)))
    page = visible((await browser.get("/public/ja/bulletin/2026-11")).text)
    assert re.search(r"ほかに\d+か所あります。", page)


# --- the calendar -----------------------------------------------------------------------------------------------------


async def test_a_calendar_feed_reads_back_in_tokyo_time(world: World, browser: httpx.AsyncClient) -> None:
    await world.keep(FULL, EVENT)
    answer = await browser.get("/public/places/full%2F1%20%3F.ics")
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=60"
    feed = Calendar.from_ical(answer.content)
    entries = {str(e["summary"]): e for e in feed.walk("VEVENT")}
    begins = entries["川辺えんにち"].decoded("dtstart")
    assert (begins, str(begins.tzinfo)) == (datetime(2026, 11, 28, 10, tzinfo=TOKYO), "Asia/Tokyo")
    days = [e.decoded("dtstart").date() for e in feed.walk("VEVENT") if str(e["summary"]).startswith("開いています")]
    assert days[:3] == [date(2026, 11, 25), date(2026, 11, 26), date(2026, 11, 30)]  # the 27th is closed
    assert {str(zone["tzid"]) for zone in feed.walk("VTIMEZONE")} == {"Asia/Tokyo"}
    again = await browser.get("/public/places/full%2F1%20%3F.ics", headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304


def test_a_title_in_another_language_says_that_it_is_japanese() -> None:
    assert places.title(FULL, "en") == Verbatim("ぜんぶ館（Zenbu Hall）")
    assert places.title(FULL, "ja-easy") == Verbatim("ぜんぶ館（ぜんぶかん）")
    assert places.title(replace(FULL, name_latin=""), "vi") == Verbatim("ぜんぶ館")


async def test_long_pages_are_made_beside_the_desk(
    world: World, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A feed or a month of thousands of events takes seconds: made on the loop, nobody would be answered meanwhile."""
    where: dict[str, bool] = {}

    def watched(part: object, name: str) -> None:
        real = getattr(part, name)

        def noted(*given: object, **more: object) -> object:
            where[name] = threading.current_thread() is threading.main_thread()
            return real(*given, **more)

        monkeypatch.setattr(part, name, noted)

    watched(plan, "calendar")
    watched(plan, "month_plan")
    watched(bulletin, "events")
    watched(bulletin, "listed")
    for page in (f"places/{PLAZA}.ics", f"ja/places/{PLAZA}", "ja/bulletin/2026-11"):
        assert (await browser.get(f"/public/{page}")).status_code == 200
    assert where == dict.fromkeys(("calendar", "month_plan", "events", "listed"), False)


@pytest.mark.parametrize("path", ["ja/places/%00", "ja/places/a%00b/wrong", "places/%00.ics"])
async def test_an_address_that_no_database_knows_is_not_there(store: Store, path: str) -> None:
    """PostgreSQL refuses to be asked for NUL."""
    made = await public_world.build(store)
    async with made.browser() as browser:
        assert (await browser.get(f"/public/{path}")).status_code == 404
