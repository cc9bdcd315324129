"""Photograph every page of the console and of the family's room into docs/images/console (`make screenshots`).

The rule: whatever extends a base.html has a picture here, of invented people in ひなた市 at a set time; nothing on it
is random, so that two runs look alike and a change of a picture is a change of a page.
"""

from __future__ import annotations

import asyncio
import base64
import random
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from playwright.async_api import Page
from sqlalchemy import update
from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.routing import Mount

from bot import cases, catalogue, journal, rooms, suggestions
from bot.messages import Severity, Signal
from bot.models import CaseRow, Journal, ResourceRow, Room, RoomVisit
from bot.situation import Case
from bot.store import Store, now_expression
from handoff import identity, partners, phrases, shares, shift
from handoff.console.directory import wording
from handoff.models import Staff
from handoff.room.app import create_room
from handoff.shared.app import create_shared
from handoff.shares import Text, Wish
from handoff.staff import Actor
from handoff.wording import PageLanguage
from tests.browser import test_directory_pages, test_media_page, test_partner_pages, test_today_page
from tests.browser.chromium import served
from tests.browser.test_console_pages import Site
from tests.conftest import SECRET_KEY, free_port
from tests.console_world import NAMES, PASSWORD, World, a_resident, build, sent, writes
from tests.talk import view, words

FOLDER = Path(__file__).parents[2] / "docs" / "images" / "console"
TEMPLATES = Path(__file__).parents[2] / "handoff"
LARGEST = 120_000  # bytes of one picture
QUALITY = 82
DAY = test_today_page.MORNING  # Tuesday 9:20
HAND = "自分の手で子どもを傷つけそうだと感じている"
OWN_HAND = Signal("abuse", Severity.URGENT, ("infant",), "たたいてしまいそう", "ja/own-hand", HAND)
TAKEN = "夫が旅券を取り上げている"
PASSPORT = Signal("dv", Severity.URGENT, ("documents_taken",), "Chồng tôi giữ hộ chiếu", "vi/documents-taken", TAKEN)
VIETNAMESE = ("Chồng tôi giữ hộ chiếu của tôi. Tôi không biết phải nói với ai.", "Vâng. Bây giờ chồng tôi đi làm.")

Do = Callable[[Page], Awaitable[object]]


@dataclass(frozen=True)
class Picture:
    """Name a picture, its template under handoff/, its address, who looks, on how large a screen, and what she does."""

    name: str
    template: str
    path: str
    role: str = "specialist"
    width: int = 1280
    height: int = 860
    do: Do | None = None
    language: PageLanguage = "ja"


def console(name: str, template: str, path: str, **more: object) -> Picture:
    """Name a picture of a page of the console."""
    return Picture(name, f"console/templates/{template}.html", f"/console{path}", **more)  # type: ignore[arg-type]


PHONE = {"width": 390, "height": 844}


async def upload(page: Page) -> None:
    """Bring a file of places in, up to its preview."""
    rows = [f"ひろば{n},子育てひろば,ひなた市川辺町{n},000-555-01{n:02},9:00～17:00" for n in range(6)]
    text = "名称,種別,住所,電話番号,利用時間\r\n" + "\r\n".join([*rows, ",公園,ひなた市4,,"])
    await page.locator("#file").set_input_files(
        {"name": "ひろば一覧_20261101.csv", "mimeType": "text/csv", "buffer": text.encode()}
    )
    await page.get_by_role("button", name="読んで、変わるところを見る").click()
    await page.get_by_role("heading", name="入れると、こうなります").wait_for()


async def settled(page: Page) -> None:
    """Wait until the talk's script has come."""
    await page.locator("#show-words").wait_for()


async def search(page: Page) -> None:
    """Look for the other one of two places."""
    await page.get_by_label("もう1つの場所の名前").fill("ぽかぽか")
    await page.keyboard.press("Enter")
    await page.locator(".row-link").first.wait_for()


async def police(page: Page) -> None:
    """Let the second of the two print the form."""
    await page.get_by_role("button", name="警察に渡す紙を出す").click()
    await page.get_by_role("heading", name="LINE利用者の確認").wait_for()


async def translated(page: Page) -> None:
    """Ask for a translation where the city has no service."""
    await page.locator("#words").fill("あした、いっしょに役所へ行けます。")
    await page.evaluate(
        """() => {
            const form = document.getElementById("reply");
            form.action = form.action.replace(/reply$/, "translate");
            HTMLFormElement.prototype.submit.call(form);
        }"""
    )
    await page.wait_for_url("**/translate")


async def practising(page: Page) -> None:
    """Begin a practice in the same window, and take its first talk."""
    await page.evaluate("for (const one of document.forms) one.target = ''")
    await page.get_by_role("button", name="はじめる").first.click()
    await page.wait_for_url("**/practice/", timeout=60_000)
    await page.locator(".row-link").first.click()
    await page.wait_for_url("**/cases/*")
    await settled(page)


async def looking_back(page: Page) -> None:
    """Go through a practice to its review."""
    await practising(page)
    await page.get_by_role("link", name="ふりかえりへ").click()
    await page.wait_for_url("**/review")


async def shared(page: Page) -> None:
    """Read what was handed over, as its coordinator does: the picture's address carries the code."""
    await page.get_by_label("電話で聞いた8けたの番号").fill(page.url.rpartition("#")[2])
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="この画面を閉じる").wait_for()


async def agreed(page: Page) -> None:
    """Agree as the second person, and make link and code."""
    await page.locator("summary", has_text="渡す文を読む").click()
    await page.get_by_role("button", name="二人目として同意する").click()
    await page.get_by_role("button", name="入り口と番号をつくる").click()
    await page.locator(".share-code").wait_for()


async def hidden(page: Page) -> None:
    """Hide everything, and open the page anew: it asks for the password."""
    await page.keyboard.press("x")
    async with page.expect_response("**/lock"):
        await page.locator("#unlock-password").wait_for()
    await page.reload()


#: In the order in which they are taken: the first ones while an emergency waits, which is then taken.
CALLING = (
    console("sign_in", "sign_in/page", "/sign-in", role=""),
    console("queue", "queue/page", "/"),
    console("queue_phone", "queue/page", "/", **PHONE),
)
PICTURES = (
    *CALLING,
    console("queue_en", "queue/page", "/", language="en"),
    console("cases", "queue/cases", "/cases"),
    console("talk", "conversation/page", "/cases/{ja}", height=1180, do=settled),
    console("talk_vi", "conversation/page", "/cases/{vi}", height=1180, do=settled),
    console("talk_en", "conversation/page", "/cases/{ja}", height=1180, do=settled, language="en"),
    console("talk_phone", "conversation/page", "/cases/{ja}", **PHONE, do=settled),
    console("talk_not_held", "conversation/page", "/cases/{dv}", do=settled),
    console("places", "conversation/places", "/cases/{vi}/places?topic=temporary_care"),
    console("phrases_beside", "conversation/phrases", "/cases/{vi}/phrases"),
    console("emergency", "conversation/emergency", "/cases/{ja}/emergency", height=1000),
    console("identity", "conversation/identity", "/cases/{night}/identity"),
    console("identity_form", "conversation/identity_form", "/cases/{night}/identity", height=1000, do=police),
    console("translate", "conversation/translate", "/cases/{vi}", do=translated),
    console("me", "me", "/me"),
    console("lock", "lock/page", "/team", role="administrator", do=hidden),
    console("sent", "conversation/media", "/cases/{ja}/media/{photo}"),
    console("shares", "shares/list", "/cases/{vi}/shares"),
    console("share_form", "shares/form", "/cases/{vi}/shares/new", height=1180),
    console("share_link", "shares/link", "/cases/{vi}/shares", role="supervisor", do=agreed),
    Picture("shared_door", "shared/templates/door.html", "{share}", role="", **PHONE),
    Picture("shared", "shared/templates/page.html", "{share}", role="", **PHONE, do=shared),
    console("today", "today", "/today", height=1000),
    console("team", "team/page", "/team"),
    console("team_person", "team/form", "/team/{me}", role="supervisor"),
    console("night_sheet", "night_sheet", "/night-sheet", height=1000),
    console("phrases", "phrases/list", "/phrases"),
    console("phrase", "phrases/form", "/phrases/new"),
    console("agencies", "agencies/list", "/agencies"),
    console("agency", "agencies/page", "/agencies/{agency}"),
    console("agency_form", "agencies/form", "/agencies/{agency}/edit"),
    console("people", "people/list", "/people"),
    console("person", "people/page", "/people/{person}"),
    console("person_form", "people/form", "/people/{person}/edit"),
    console("offer", "people/offer", "/people/offer"),
    console("directory", "directory/list", "/directory"),
    console("place", "directory/place", "/directory/places/{place}"),
    console("place_form", "directory/edit", "/directory/places/{place}/edit"),
    console("week", "directory/week", "/directory/week"),
    console("duplicates", "directory/duplicates", "/directory/duplicates"),
    console("compare", "directory/compare", "/directory/compare?one={place}", do=search),
    console("suggestions", "directory/suggestions", "/directory/suggestions"),
    console("imports", "directory/imports", "/directory/imports", role="supervisor"),
    console("import", "directory/import", "/directory/imports", role="supervisor", do=upload),
    console("refused", "refused", "/cases/{ja}", role="officer"),
    console("practice", "practice/page", "/practice"),
    console("practice_talk", "conversation/page", "/practice", height=1180, do=practising),
    console("practice_review", "practice/review", "/practice", do=looking_back),
    Picture("room_door", "room/templates/door.html", "{door}", role="", **PHONE),
    Picture("room", "room/templates/room.html", "/room/", role="family", **PHONE),
    Picture("room_wide", "room/templates/room.html", "/room/", role="family"),
)


def pages() -> set[str]:
    """Return every template that is a page of its own."""
    found = TEMPLATES.glob("*/templates/**/*.html")
    return {
        str(path.relative_to(TEMPLATES)) for path in found if '{% extends "base.html" %}' in path.read_text("utf-8")
    }


# --- the town ---------------------------------------------------------------------------------------------------------


@dataclass
class Town:
    """Hold the served pages, what stands in the addresses, and a browser context for each who looks."""

    site: Site
    base: str
    named: dict[str, str] = field(default_factory=dict)

    def address(self, picture: Picture) -> str:
        """Return where a picture is taken."""
        return self.base + picture.path.format_map(self.named)

    async def page(self, picture: Picture) -> Page:
        """Open a window of its size, signed in as it wants, at its page."""
        just_now = update(CaseRow).where(CaseRow.state == "claimed")
        await self.site.world.store.write(lambda s: s.execute(just_now.values(activity_db=now_expression(s))))
        read_in = update(Staff).values(page_language=picture.language)
        await self.site.world.store.write(lambda s: s.execute(read_in))
        page = await self.site.page(width=picture.width, height=picture.height)
        await page.clock.set_fixed_time(DAY)
        if picture.role in NAMES:
            await page.goto(f"{self.base}/console/sign-in")
            await page.get_by_label("ログイン名").fill(picture.role)
            await page.get_by_label("パスワード").fill(PASSWORD)
            await page.keyboard.press("Enter")
            await page.wait_for_url(f"{self.base}/console/")
        if picture.role == "family":
            await page.goto(self.base + await link(self.site.world, uuid.UUID(self.named["mother"])))
            await page.locator("main button").click()
            await page.wait_for_url("**/room/")
            since_ever = update(RoomVisit).values(since_journal_id=0)  # as if she had been there all the time
            await self.site.world.store.write(lambda s: s.execute(since_ever))
            await page.reload()
        else:
            await page.goto(self.address(picture))
        if await page.locator("#alarm-sound").count():
            await page.locator("#alarm-sound").wait_for()  # it has asked who waits
        return page


async def link(world: World, resident_id: uuid.UUID) -> str:
    """Return the address of a fresh link into a room."""
    token = await world.store.write(lambda s: rooms.make_link(s, resident_id, ttl_seconds=600, at=DAY))
    return rooms.link_url("", token)


async def a_talk(world: World, language: str, first: str, signal: Signal, answer: str) -> Case:
    """Let a family write what calls a person, and the desk answer it."""
    who = await a_resident(world.store, language=language, first_seen_at=DAY - timedelta(days=12))
    case = await writes(
        world.store,
        who,
        first,
        signal,
        at=DAY - timedelta(minutes=26),
        language=language,
        answer=answer,
        city=world.city,
    )
    assert case is not None
    return case


async def says(world: World, case: Case, who: str, text: str, minutes: int, language: str = "ja") -> None:
    """Let staff or the family say something in the room, so many minutes ago."""
    at, mine = DAY - timedelta(minutes=minutes), world.staff["specialist"]

    def unit(session: Session) -> None:
        row = session.get_one(CaseRow, case.id)
        if who == "staff":
            key = uuid.uuid4()
            cases.reply(
                session, row.id, mine, text, at, key=key, name=NAMES["specialist"], place="room", language=language
            )
        else:
            journal.write(
                session,
                row.resident_id,
                who="resident",
                kind="text",
                words=text,
                at=at,
                place="room",
                language=language,
            )

    await world.store.write(unit)


async def fill(site: Site) -> dict[str, str]:
    """Let a night have been, two talks be under way, and everything else be there that pages show; name it."""
    world = site.world
    await test_directory_pages.fill(world)
    made = await test_today_page.a_morning(site)
    town = view().city
    world.set_city(
        languages=town.languages, alarms=town.alarms, night_phone="000-555-0001", emergency_at_night="night_duty"
    )
    agency, person = await test_partner_pages.a_town(site)
    ja = await a_talk(
        world,
        "ja",
        "もう限界です。泣き声を聞くと、たたいてしまいそうです。",
        OWN_HAND,
        "書いてくれて、ありがとうございます。いまの10分だけ、赤ちゃんを安全なところに寝かせて、部屋を出てください。",
    )
    vi = await a_talk(world, "vi", VIETNAMESE[0], PASSPORT, "Cảm ơn bạn đã viết. Nhân viên đang đọc.")
    for case, minutes in ((ja, 20), (vi, 14)):
        at = DAY - timedelta(minutes=minutes)
        await world.store.write(lambda s, id=case.id, at=at: cases.claim(s, id, world.staff["specialist"], at))
    await says(world, ja, "staff", "さとうです。読みました。いま、赤ちゃんと別の部屋にいますか。", 19)
    await says(world, ja, "resident", "はい。台所にいます。すこし落ち着きました", 15)
    await says(world, ja, "staff", "よかったです。きょう、だれか一緒にいてくれる人はいますか。", 13)
    asks = words().sentence(phrases.ASK_PHONE, "vi")
    await says(world, vi, "staff", asks, 12, "vi")
    await says(world, vi, "resident", VIETNAMESE[1], 9, "vi")
    photo = await sent(world.store, ja.id, await test_media_page.photo_of_a_letter(site), at=DAY - timedelta(minutes=5))
    found = await world.store.read(lambda s: s.get_one(ResourceRow, test_directory_pages.POKAPOKA).body)
    twin = replace(wording.resource(found), id="twin", capacity=9, url="")

    def more(session: Session) -> None:
        shift.promise(
            session, ja.id, session.get_one(CaseRow, ja.id).resident_id, world.staff["specialist"], "agreed",
            "木曜の10時に電話する", DAY, DAY + timedelta(days=2),
        )  # fmt: skip
        session.execute(update(Journal).where(Journal.who == "staff").values(seen_at=DAY - timedelta(minutes=9)))
        catalogue.keep(session, "other", [twin], DAY)
        suggestions.suggest(
            session, test_directory_pages.LIBRARY, sender="parent", kind="hours", text="Đóng cửa thứ hai",
            language="vi", at=DAY,
        )  # fmt: skip

    await world.store.write(more)
    share = await hands_over(world, agency, ja, vi)
    await world.load_places()
    mother = (await world.store.read(lambda s: s.get_one(CaseRow, ja.id))).resident_id
    door = await link(world, mother)
    opened = update(Room).where(Room.resident_id == mother).values(opened_at=DAY - timedelta(minutes=18))
    await world.store.write(lambda s: s.execute(opened))
    return {
        "ja": str(ja.id),
        "vi": str(vi.id),
        "dv": str(made["dv"].id),
        "night": str(made["night"].id),
        "photo": str(photo),
        "me": str(world.staff["specialist"]),
        "mother": str(mother),
        "agency": str(agency),
        "person": str(person),
        "place": test_directory_pages.POKAPOKA,
        "door": door,
        "share": share,
    }


async def hands_over(world: World, agency: uuid.UUID, ja: Case, vi: Case) -> str:
    """Write two texts for a partner agency: one that waits for a second person, one with a link; return that."""
    mine, hers = (Actor(world.staff[role], role, NAMES[role], role) for role in ("specialist", "supervisor"))
    kept = await world.store.read(lambda s: partners.get(s, agency))
    assert kept is not None
    contact = next(one.id for one in kept.contacts if one.serves_on(DAY.date()))
    texts = {
        vi: "昼間に役所へ来られます。ベトナム語の通訳がいる日に、手続きを一緒に考えてほしいとのことです。",
        ja: "夜の泣き声がつらく、休める時間がほしいとのことです。来週、会って話したいそうです。",
    }
    for case, text in texts.items():
        wish = Wish(contact, Text(text, (("ことば", "ベトナム語" if case is vi else "日本語"),)), DAY.date(), "room")
        id = await shares.make(world.store, case.id, wish, mine, DAY - timedelta(minutes=3))

    def unit(session: Session) -> tuple[str, str]:
        shares.agree(session, ja.id, id, hers, DAY)
        return shares.link(session, ja.id, id, mine, DAY)

    token, code = await world.store.write(unit)
    return f"/share/{token}#{code}"


async def calm(town: Town) -> None:
    """Let a colleague take the emergency of the night, so that no band stands over the other pages."""
    world, id = town.site.world, uuid.UUID(town.named["night"])
    hers, mine = world.staff["supervisor"], world.staff["specialist"]
    await world.store.write(lambda s: cases.claim(s, id, hers, DAY))
    await world.store.write(lambda s: cases.read_along(s, id, mine, DAY))

    def opened(session: Session) -> None:
        identity.ask(session, id, hers, "名前も場所も分からず、返事が止まりました。", DAY)
        asked = identity.standing(session, id, DAY)
        assert asked is not None
        identity.agree(session, id, asked.id, mine, DAY)

    await world.store.write(opened)


@asynccontextmanager
async def running(store: Store) -> AsyncIterator[Town]:
    """Serve the console and the room of a filled town, and give it with its browser."""
    chance, port = random.Random(20261124), free_port()
    with (
        patch("uuid.uuid4", lambda: uuid.UUID(int=chance.getrandbits(128), version=4)),
        patch("bot.crypto.new_token", lambda: base64.urlsafe_b64encode(chance.randbytes(32)).decode().rstrip("=")),
        patch("secrets.randbelow", chance.randrange),
    ):
        world = await build(store, f"http://127.0.0.1:{port}", home="/console/practice")
        assert world.practices is not None
        world.app.state.house = replace(world.app.state.house, base_url="http://madoguchi.hinata.example.jp")
        room = create_room(
            store=store,
            clock=world.clock,
            city=lambda: world.city,
            words=words().word,
            keep_room_text=lambda *_: asyncio.sleep(0, result=True),
            areas=lambda: view().directory.area_names,
            base_url=f"http://127.0.0.1:{port}",
        )
        outside = create_shared(
            store=store, clock=world.clock, city=lambda: world.city, base_url=f"http://127.0.0.1:{port}"
        )
        app = Starlette(
            routes=[
                Mount("/console", world.app),
                Mount("/room", room),
                Mount("/practice", world.practices),
                Mount("/share", outside),
            ]
        )
        async with served(app, port) as browser:
            base = f"http://127.0.0.1:{port}"
            site = Site(world, f"{base}/console", browser)
            yield Town(site, base, await fill(site))
            await world.practices.close()


async def take(town: Town, picture: Picture) -> bytes:
    """Return the picture as WebP."""
    page = await town.page(picture)
    if picture.do is not None:
        await picture.do(page)
    await page.mouse.move(0, 0)
    taker = await page.context.new_cdp_session(page)
    found = await taker.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    await page.context.close()
    return base64.b64decode(found["data"])


async def draw(store: Store, folder: Path, wanted: tuple[Picture, ...] = PICTURES) -> Mapping[str, int]:
    """Photograph pages into a folder as <name>.webp; return the sizes in bytes."""
    sizes = {}
    async with running(store) as town:
        calmed = False
        for picture in wanted:
            if picture not in CALLING and not calmed:
                await calm(town)
                calmed = True
            body = await take(town, picture)
            (folder / f"{picture.name}.webp").write_bytes(body)
            sizes[picture.name] = len(body)
            print(f"{picture.name}.webp  {len(body) // 1000} KB", flush=True)
    return sizes


async def main(folder: Path, names: list[str]) -> None:
    """Draw all pictures, or those that are named, from a fresh database."""
    with tempfile.TemporaryDirectory() as made:
        store = Store(f"sqlite:///{made}/desk.db", SECRET_KEY)
        await store.migrate()
        await store.open()
        try:
            await draw(store, folder, tuple(one for one in PICTURES if not names or one.name in names))
        finally:
            await store.close()


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(FOLDER, sys.argv[1:]))
