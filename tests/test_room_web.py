"""The room's pages over HTTP: the door, the cookie, what is refused, and the headers of every answer."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time

import httpx
import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.routing import Mount

from bot import journal, memory, rooms
from bot.clock import Clock
from bot.messages import Month, Phrase
from bot.models import CaseRow, Journal, Memory, Resident, Room, RoomLink, RoomVisit
from bot.opening import Opening, Schedule
from bot.profile import Profile
from bot.situation import City, Desk
from bot.store import Store
from bot.vault import resident_owner
from handoff.models import Staff
from handoff.room import app as room_app
from handoff.room import words
from handoff.room.app import CSP, create_room

AREAS = frozenset({"ひなた市", "ひなた市川辺町"})
NIGHT = datetime(2026, 11, 20, 17, 10, tzinfo=UTC)  # Saturday 02:10 in Tokyo
HOURS = Opening((Schedule((0, 1, 2, 3, 4), time(8, 30), time(17), holidays=False),))
CITY = City(
    name="ひなた市",
    name_en="Hinata City",
    desks=(Desk(id="d", name="ひなた市子育て窓口", type="基本型", opening=HOURS),),
)


def word(phrase: Phrase, language: str) -> str:
    """Stand in for i18n: the Japanese sentence, marked when another language was asked for."""
    values = {
        k: v.moment.astimezone(words.TOKYO).strftime("%m-%d %H:%M") if hasattr(v, "moment") else v
        for k, v in phrase.args
    }
    return ("" if language == "ja" else f"[{language}] ") + phrase.msgid.format(**values)


@dataclass
class House:
    """Hold a mounted room, one resident, and what was kept of her writing."""

    store: Store
    client: httpx.AsyncClient
    resident: uuid.UUID
    staff: uuid.UUID
    clock: Clock
    kept: list[tuple[uuid.UUID, str, uuid.UUID]] = field(default_factory=list)
    broken: bool = False
    slow: bool = False

    async def keep(self, resident_id: uuid.UUID, text: str, writing: uuid.UUID) -> bool:
        """Stand in for inbox and worker: keep each writing once, in the journal at once."""
        if self.broken:
            raise OSError("the disk is full")
        if writing in [w for _r, _t, w in self.kept]:
            return False
        self.kept.append((resident_id, text, writing))
        if not self.slow:
            await self.journal("resident", text)
        return True

    async def journal(self, who: str, text: str) -> None:
        """Write one row of the room."""
        await self.store.write(
            lambda s: journal.write(
                s, self.resident, who=who, kind="reply", words=text, at=NIGHT, place="room", language="ja",
                staff_id=self.staff if who == "staff" else None,
            )
        )  # type: ignore[arg-type] # fmt: skip

    async def link(self) -> str:
        """Make a link and return its path."""
        token = await self.store.write(lambda s: rooms.make_link(s, self.resident, ttl_seconds=600, at=NIGHT))
        return f"/room/enter/{token}"

    async def come(self) -> httpx.Response:
        """Use a fresh link and return the page."""
        answer = await self.client.post(await self.link(), follow_redirects=True)
        assert answer.status_code == 200, answer.text
        return answer

    async def post(self, path: str, **fields: str) -> httpx.Response:
        """Send a form of the page as it is now."""
        page = (await self.client.get("/room/")).text
        hidden = dict(re.findall(r'name="(csrf|key)" value="([^"]+)"', page))
        return await self.client.post(path, data=hidden | fields)


async def build(store: Store, base_url: str = "https://desk.example") -> House:
    """Mount a room on `store` with one resident and one member of staff."""
    resident, staff, clock = uuid.uuid4(), uuid.uuid4(), Clock()
    clock.set(NIGHT, running=False)
    await store.ensure_keys([resident_owner(resident)])

    def unit(session: Session) -> None:
        session.execute(
            insert(Resident).values(id=resident, line_hash=resident.hex, line_id_sealed=b"", first_seen_at=NIGHT)
        )
        session.execute(
            insert(Staff).values(
                id=staff, login="y", work_name="山田", role="specialist", password_hash="", created_at=NIGHT
            )
        )

    await store.write(unit)
    house = House(store, httpx.AsyncClient(), resident, staff, clock)
    await house.client.aclose()
    room = create_room(
        store=store,
        clock=clock,
        city=lambda: CITY,
        words=word,
        keep_room_text=house.keep,
        areas=lambda: AREAS,
        base_url=base_url,
    )
    app = Starlette(routes=[Mount("/room", room)])
    house.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base_url)
    return house


@pytest.fixture
async def house(sqlite_store: Store) -> AsyncIterator[House]:
    """Give a mounted room."""
    made = await build(sqlite_store)
    yield made
    await made.client.aclose()


async def count(house: House, what: type) -> int:
    """Count rows."""
    return len(await house.store.read(lambda s: s.execute(select(what)).all()))


# --- the door -------------------------------------------------------------------------------------------------------


async def test_looking_at_a_link_opens_nothing(house: House) -> None:
    """GET and HEAD, as previews and crawlers do, show a button and use nothing up; a used link looks the same."""
    path = await house.link()
    before = await house.client.get(path)
    for _ in range(3):
        assert (await house.client.get(path)).text == before.text
        assert (await house.client.head(path)).status_code == 200
    assert await count(house, RoomVisit) == 0
    assert (await house.client.post(path)).status_code == 303
    house.client.cookies.clear()
    assert (await house.client.get(path)).text == before.text
    assert (await house.client.get("/room/enter/nobody")).text == before.text


async def test_every_link_that_does_not_open_gets_the_same_page(house: House) -> None:
    """Wrong, used, expired, another address, no visit, an ended visit: the same words, the same status (CARE C20)."""
    used, expired = await house.link(), await house.link()
    await house.client.post(used)
    house.client.cookies.clear()
    await house.store.write(lambda s: s.execute(update(RoomLink).values(expires_db=RoomLink.expires_db - 700)))
    answers = [
        await house.client.post("/room/enter/wrong"),
        await house.client.post(used),
        await house.client.post(expired),
        await house.client.get("/room/"),
        await house.client.get("/room/words"),
        await house.client.get("/room/stream"),
        await house.client.get("/room/nothing/here"),
        await house.client.get("/room/say"),
        await house.client.post("/room/secret/open", data={"secret": "さくらもち123"}),
        await house.client.get("/room/", headers={"cookie": "__Secure-visit=made-up"}),
    ]
    assert {a.status_code for a in answers} == {404}
    assert len({a.text for a in answers}) == 1
    assert "LINEに何か書くと、新しい入り口が届きます" in answers[0].text
    assert "set-cookie" not in {k for a in answers for k in a.headers}


async def test_the_cookie_is_out_of_reach(house: House) -> None:
    """The cookie is HttpOnly, SameSite=Lax, bound to /room, Secure on https, and its value is not in the page."""
    answer = await house.client.post(await house.link())
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Secure-visit=")
    for part in ("HttpOnly", "SameSite=lax", "Path=/room", "Secure"):
        assert part in cookie
    value = cookie.split("=")[1].split(";")[0]
    assert value not in (await house.client.get("/room/")).text


async def test_on_plain_http_the_cookie_still_comes(sqlite_store: Store) -> None:
    """The demo on http://localhost works: the cookie is then not Secure."""
    house = await build(sqlite_store, "http://localhost:8000")
    cookie = (await house.client.post(await house.link())).headers["set-cookie"]
    assert cookie.startswith("visit=")
    assert "Secure" not in cookie
    await house.client.aclose()


async def test_the_same_browser_may_use_its_link_again(house: House) -> None:
    """While the visit lives, the used link leads back into the room; after leaving it does not."""
    path = await house.link()
    await house.client.post(path)
    again = await house.client.post(path)
    assert (again.status_code, again.headers["location"]) == (303, "/room/")
    leave = await house.client.get("/room/leave")
    assert (leave.status_code, leave.headers["location"]) == (303, "https://www.jma.go.jp/")
    assert (await house.client.post(path)).status_code == 404


async def test_leaving_ends_the_visit_on_the_server(house: House) -> None:
    """A cookie that was copied before is worthless after leaving, also by the page's farewell call."""
    await house.come()
    cookie = {"cookie": f"__Secure-visit={house.client.cookies['__Secure-visit']}"}
    assert (await house.client.post("/room/leave")).status_code == 204
    assert (await house.client.get("/room/", headers=cookie)).status_code == 404


async def test_two_browsers_have_their_own_visits(house: House) -> None:
    """A second browser with its own link sees only what is unread; ending it leaves the first one alone."""
    await house.journal("staff", "こんばんは")
    assert "こんばんは" in (await house.come()).text
    first = house.client.cookies["__Secure-visit"]
    house.client.cookies.clear()
    assert "こんばんは" not in (await house.come()).text
    await house.client.get("/room/leave")
    assert "こんばんは" in (await house.client.get("/room/", headers={"cookie": f"__Secure-visit={first}"})).text


async def test_a_fresh_link_ends_the_browsers_earlier_visit(house: House) -> None:
    """One browser has one visit: the earlier one ends when a new link is used."""
    await house.come()
    await house.come()
    assert await count(house, RoomVisit) == 1


async def test_a_foreign_page_cannot_put_a_browser_into_a_room(house: House) -> None:
    """A link that another site posts is neither used nor rewarded with a cookie."""
    path = await house.link()
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        assert (await house.client.post(path, headers=headers)).status_code == 404
    assert (await house.client.post(path, headers={"sec-fetch-site": "same-origin"})).status_code == 303


async def test_the_door_speaks_the_browsers_language_and_one_more(house: House) -> None:
    """The door is worded for the browser, with English below Japanese and Japanese below English."""
    japanese = (await house.client.get("/room/enter/x")).text
    english = (await house.client.get("/room/enter/x", headers={"accept-language": "en-US,en;q=0.9,ja;q=0.2"})).text
    assert '<html lang="ja">' in japanese
    assert '<p lang="en">[en] ' in japanese
    assert '<html lang="en">' in english
    assert '<p lang="ja">ここから' in english


# --- the talk -------------------------------------------------------------------------------------------------------


async def test_slow_words_are_not_called_lost(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the journal is slow, the page says that the words were sent and how to see them."""
    monkeypatch.setattr(room_app, "JOURNAL_SECONDS", 0.2)
    await house.come()
    house.slow = True
    answer = await house.post("/room/say", text="だれか")
    assert answer.headers["location"] == "/room/?n=1#last"
    assert "送りました。少しあとで" in (await house.client.get("/room/?n=1")).text


async def test_what_she_writes_goes_to_the_inbox_once(house: House) -> None:
    """One form sent twice is kept once; changed words under the same key are kept too; line ends are one kind."""
    await house.come()
    page = (await house.client.get("/room/")).text
    form = dict(re.findall(r'name="(csrf|key)" value="([^"]+)"', page))
    for text in ("もう、\r\n限界です ", "もう、\r\n限界です ", "もう、限界かも"):
        answer = await house.client.post("/room/say", data=form | {"text": text})
        assert answer.headers["location"] == "/room/#last"
    assert [text for _, text, _ in house.kept] == ["もう、\n限界です", "もう、限界かも"]
    assert {resident for resident, _, _ in house.kept} == {house.resident}
    assert "もう、限界かも" in (await house.client.get("/room/")).text


async def test_words_are_never_html(house: House) -> None:
    """What anybody writes is text: no tag of it reaches the page."""
    await house.come()
    await house.post("/room/say", text="<script>alert(1)</script>")
    await house.journal("staff", '"><img src=x onerror=alert(1)>')
    page = (await house.client.get("/room/")).text
    assert "&lt;script&gt;alert(1)" in page
    assert "<img" not in page
    assert page.count("<script") == 1


async def test_words_survive_a_failure(house: House) -> None:
    """When the words can't be kept, the page says so and holds them, under the same key; a part gets the status."""
    await house.come()
    house.broken = True
    answer = await house.post("/room/say", text="だれか")
    assert answer.status_code == 503
    assert "送れませんでした" in answer.text
    assert ">だれか</textarea>" in answer.text
    form = dict(re.findall(r'name="(csrf|key)" value="([^"]+)"', answer.text))
    assert (await house.client.post("/room/say", data=form | {"text": "x"}, headers={"x-part": "words"})
            ).status_code == 503  # fmt: skip
    house.broken = False
    await house.client.post("/room/say", data=form | {"text": "だれか"})
    assert [t for _, t, _ in house.kept] == ["だれか"]


async def test_words_for_an_ended_visit_stay_in_her_hands(house: House) -> None:
    """A form sent after the visit ended keeps nothing, and shows her words so that she can copy them."""
    await house.come()
    form = dict(re.findall(r'name="(csrf|key)" value="([^"]+)"', (await house.client.get("/room/")).text))
    await house.store.write(lambda s: s.execute(update(RoomVisit).values(expires_db=0.0)))
    answer = await house.client.post("/room/say", data=form | {"text": "長い<話>"})
    assert answer.status_code == 404
    assert "長い&lt;話&gt;" in answer.text
    assert house.kept == []


async def test_too_much_is_refused_gently(house: House) -> None:
    """More than 5,000 characters are not sent and not lost; more than 64 kB of body are not read."""
    await house.come()
    answer = await house.post("/room/say", text="あ" * 5001)
    assert answer.status_code == 413
    assert "分けて送ってください" in answer.text
    assert (await house.client.post("/room/say", content=b"x" * 70_000)).status_code == 413
    assert house.kept == []


@pytest.mark.parametrize("path", ["/room/say", "/room/secret/set", "/room/secret/open"])
async def test_forms_need_their_own_page(house: House, path: str) -> None:
    """Without the page's token, or from another site, no form does anything."""
    await house.come()
    good = re.findall(r'name="csrf" value="([^"]+)"', (await house.client.get("/room/")).text)[0]
    fields = {"text": "x", "secret": "さくらもち123", "key": "k"}
    foreign = ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "https://evil.example"})
    for csrf, headers in (("", {}), ("x", {}), *((good, headers) for headers in foreign)):
        answer = await house.client.post(path, data=fields | {"csrf": csrf}, headers=headers)
        assert answer.status_code == 404
    assert house.kept == []
    assert not await house.store.read(lambda s: s.execute(select(Room.password_hash)).scalar_one())
    assert (await house.client.post(path, data=fields | {"csrf": good})).status_code == 303


async def test_staffs_words_come_under_a_work_name_and_are_marked_seen(house: House) -> None:
    """Staff appear as their work name and as people, the machine as a machine; shown words are marked seen."""
    await house.journal("staff", "読みました")
    await house.journal("desk", "受けとりました")
    page = (await house.come()).text
    assert "山田（窓口の人）" in page
    seen = await house.store.read(lambda s: s.execute(select(Journal.seen_at).order_by(Journal.id)).scalars().first())
    assert seen == NIGHT
    await house.journal("desk", "受けとりました")
    assert "自動の返事" in (await house.client.get("/room/")).text


async def test_the_page_says_when_a_person_reads(house: House) -> None:
    """At night: when the next person reads, and that a machine listens first (C13); held: who holds it."""
    page = (await house.come()).text
    assert "つぎに人が読むのは、11-24 08:30です" in page, "Monday the 23rd is a holiday"
    assert "それまでは、まず機械が聞いて" in page
    assert "読んでいます" not in page
    await house.store.write(
        lambda s: s.execute(
            insert(CaseRow).values(
                id=uuid.uuid4(), resident_id=house.resident, state="claimed", severity="urgent", reason="signal",
                kinds=[], aspects=[], opened_at=NIGHT, waiting_since_at=NIGHT, holder_id=house.staff,
            )
        )
    )  # fmt: skip
    assert "山田が担当しています" in (await house.client.get("/room/")).text


async def test_danger_has_one_quiet_line(house: House) -> None:
    """The page names 110 and 119 once, and no other number."""
    page = re.sub("<[^>]*>", " ", (await house.come()).text)  # tokens in tags may hold any figures
    assert page.count("110") == page.count("119") == 1
    assert "189" not in page


async def test_the_page_is_in_the_residents_language(house: House) -> None:
    """The language that she chose in LINE words the whole page; one that the city does not offer falls to Japanese."""
    for language, shown in (("en", "en"), ("ja-easy", "ja"), ("ne", "ja")):
        await house.store.write(lambda s, language=language: s.execute(update(Resident).values(language=language)))  # type: ignore[misc]
        page = (await house.come()).text
        assert f'<html lang="{shown}">' in page
        assert (f"[{language}] 送る" in page) is (language != "ne")


async def test_a_poll_gets_words_only_when_there_are_new_ones(house: House) -> None:
    """The part for the page is empty (204) until something is new."""
    page = (await house.come()).text
    mark = re.findall(r'data-state="([^"]+)"', page)[0]
    assert (await house.client.get(f"/room/words?have={mark}")).status_code == 204
    await house.journal("staff", "はい")
    part = await house.client.get(f"/room/words?have={mark}")
    assert "はい" in part.text
    assert "<html" not in part.text


# --- 合言葉 ---------------------------------------------------------------------------------------------------------


async def test_older_words_need_the_password(house: House) -> None:
    """A new browser sees nothing old until the 合言葉 is said; it is kept as argon2id; short ones are refused."""
    await house.come()
    await house.post("/room/say", text="きのうの話")
    assert (await house.post("/room/secret/set", secret="みじかい")).headers["location"] == "/room/?n=3#last"
    assert (await house.post("/room/secret/set", secret="さくらもち１２３")).headers["location"] == "/room/?n=2#last"
    hashed = await house.store.read(lambda s: s.execute(select(Room.password_hash)).scalar_one())
    assert hashed.startswith("$argon2id$")
    house.client.cookies.clear()
    page = (await house.come()).text
    assert "きのうの話" not in page
    assert 'action="/room/secret/set"' not in page
    assert (await house.post("/room/secret/set", secret="ぬすみ見する人")).headers["location"] == "/room/?n=4#last"
    assert (await house.post("/room/secret/open", secret="ちがう言葉です")).headers["location"] == "/room/?n=4#last"
    assert "きのうの話" not in (await house.client.get("/room/")).text
    assert (await house.post("/room/secret/open", secret="さくらもち123")).headers["location"] == "/room/?n=5#last"
    assert "きのうの話" in (await house.client.get("/room/")).text


async def test_guessing_the_password_is_stopped(house: House) -> None:
    """After five wrong words even the right one is refused, in the same words as a wrong one."""
    await house.come()
    await house.post("/room/secret/set", secret="さくらもち123")
    house.client.cookies.clear()
    await house.come()
    answers = [await house.post("/room/secret/open", secret=f"まちがい {n}") for n in range(5)]
    answers.append(await house.post("/room/secret/open", secret="さくらもち123"))
    assert {a.headers["location"] for a in answers} == {"/room/?n=4#last"}


# --- every answer ---------------------------------------------------------------------------------------------------


async def test_every_answer_has_the_strict_headers(house: House) -> None:
    """Pages, parts, redirects, errors and files carry the CSP; only files may be kept by a browser."""
    answers = [
        await house.client.get("/room/enter/x"),
        await house.client.post("/room/enter/x"),
        await house.come(),
        await house.client.get("/room/words"),
        await house.client.get("/room/nothing"),
        await house.client.post("/room/say", content=b"x" * 70_000),
        await house.client.get("/room/static/room.css"),
        await house.client.get("/room/static/nothing.css"),
        await house.client.get("/room/leave"),
    ]
    for answer in answers:
        assert answer.headers["content-security-policy"] == CSP
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["strict-transport-security"]
        kept = answer.url.path == "/room/static/room.css"
        assert answer.headers["cache-control"] == ("private, max-age=3600" if kept else "no-store")


async def test_titles_and_addresses_say_nothing(house: House) -> None:
    """The title is the town's name; nothing loads from elsewhere; no inline script or style."""
    page = (await house.come()).text
    assert "<title>ひなた市</title>" in page
    sources = re.findall(r'(?:src|href|action)="([^"]+)"', page)
    assert all(source.startswith("/room/") for source in sources), sources
    assert "<style" not in page
    assert not re.search(r"\son\w+=|style=", page)


# --- the family profile ---------------------------------------------------------------------------------------------


async def profile_of(house: House) -> Profile:
    """Return what is kept of the family."""
    return await house.store.read(lambda s: Profile.of(memory.look(s, house.resident)))


async def test_what_is_told_of_the_family_is_kept_sealed_and_never_shown_again(house: House) -> None:
    """Months and area are kept in memory; the page names kinds only, to whoever opens it (CARE C20)."""
    await house.come()
    answer = await house.post(
        "/room/family", born1="2024-10", born2="２０２０年３月", due="2027-03", area="ひなた市川辺町", language="en"
    )
    assert answer.headers["location"] == "/room/?n=7#family"
    assert await profile_of(house) == Profile((Month(2020, 3), Month(2024, 10)), Month(2027, 3), "ひなた市川辺町")
    kept = (await house.store.read(lambda s: s.execute(select(Memory.body_sealed)).scalars().all()))[0]
    assert "川辺".encode() not in kept
    page = (await house.client.get("/room/")).text
    assert "[en] 生まれた月・予定の月 · [en] 住んでいる地区" in page
    assert "2024-10" not in page
    assert 'value="2027' not in page
    assert (await house.store.read(lambda s: s.get_one(Resident, house.resident).language)) == "en"


async def test_a_blank_field_changes_nothing_and_months_are_told_together(house: House) -> None:
    """Telling the area again leaves the months; telling months again replaces all of them."""
    await house.come()
    await house.post("/room/family", born1="2024-10", due="2027-03", area="ひなた市川辺町")
    await house.post("/room/family", area="ひなた市")
    assert await profile_of(house) == Profile((Month(2024, 10),), Month(2027, 3), "ひなた市")
    await house.post("/room/family", born1="2026-11")
    assert await profile_of(house) == Profile((Month(2026, 11),), None, "ひなた市")


@pytest.mark.parametrize(
    ("told", "note"),
    [
        ({"born1": "むかし"}, "9"),
        ({"born1": "2027-01"}, "9"),
        ({"due": "2028-01"}, "9"),
        ({"due": "2024-01"}, "9"),
        ({"area": "ひなた市川辺町1-2-3 メゾンひなた201"}, "10"),
    ],
)
async def test_what_cannot_be_is_not_kept(house: House, told: dict[str, str], note: str) -> None:
    """A month that is none, and a whole address, are refused with a word on how to write it."""
    await house.come()
    answer = await house.post("/room/family", **({"born2": "2024-10"} | told))
    assert answer.headers["location"] == f"/room/?n={note}#family"
    assert await profile_of(house) == Profile()


async def test_the_family_is_forgotten_at_once(house: House) -> None:
    """One button leaves nothing; without the page's token nothing is kept and nothing forgotten."""
    await house.come()
    await house.post("/room/family", area="ひなた市")
    assert (await house.post("/room/family/forget", csrf="x")).status_code == 404
    assert (await house.post("/room/family", csrf="x", area="ひなた市川辺町")).status_code == 404
    assert await profile_of(house) == Profile(area="ひなた市")
    assert (await house.post("/room/family/forget")).headers["location"] == "/room/?n=8#family"
    assert await profile_of(house) == Profile()
