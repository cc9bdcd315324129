"""The whole desk in one process with the simulated LINE: what residents see on their phones, and what is kept."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import re
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
import uvicorn
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot import app as roof
from bot import cases, catalogue, city, library, media, questions
from bot.app import Mind, Roof, add_simulator, create_app, demo_platform, demo_settings, set_up_demo
from bot.clock import Clock
from bot.directory.documents import resources_from_documents
from bot.encoders.engines import Encoders
from bot.errors import SettingsError
from bot.i18n import Catalogs
from bot.inbox import line_hash
from bot.line import richmenu
from bot.models import Campaign, CaseRow, Job, Journal, Media, Outbox, QuestionRow, Resident, SignalRow
from bot.opening import TOKYO
from bot.simulator.people import Resident as Phone
from bot.simulator.platform import Platform
from bot.situation import Case
from bot.suggestions import operator_key, operator_link
from bot.understanding.faq import Entry
from handoff.models import Staff
from tests.conftest import free_port
from tests.talk import words
from tests.test_logs import written  # noqa: F401 - a fixture

pytestmark = pytest.mark.asyncio(loop_scope="module")

NIGHT = datetime(2026, 11, 22, 2, 10, tzinfo=TOKYO)
OPENING = datetime(2026, 11, 24, 8, 30, tzinfo=TOKYO)
PATIENCE = 60.0  # seconds; only a broken desk waits that long, also beside a whole test run
SHAKEN = "もう限界です。このままだと子どもを叩いてしまいそうで怖い"

_names = count(1)


@dataclass
class Town:
    """Hold a running desk and its LINE."""

    roof: Roof
    platform: Platform
    clock: Clock
    base: str
    signs_in: Mapping[str, str]  # login -> password

    def somebody(self, **facts: Any) -> Phone:
        """Give a phone that nobody has used."""
        return self.platform.add_resident(f"住民{next(_names)}", **facts)

    async def until(self, holds: Callable[[], Any], what: str) -> Any:
        """Wait until something holds, and return it."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not (found := holds()):  # noqa: ASYNC110 - a phone rings no bell
                    await asyncio.sleep(0.01)
                return found
        except TimeoutError:
            raise AssertionError(f"in vain: {what}") from None

    async def until_stored(self, holds: Callable[[Session], Any], what: str) -> None:
        """Wait until something holds in the database."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not await self.roof.store.read(holds):  # noqa: ASYNC110 - nor does a table
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"in vain: {what}") from None

    async def answered(self, phone: Phone, words: str = "", after: int = 0) -> str:
        """Wait until the desk has said something with `words` after the first `after` bubbles; return all of it."""

        def holds() -> str:
            said = "\n".join(bubble.text for bubble in phone.heard[after:])
            return said if said and words in said else ""

        return str(await self.until(holds, f"{words!r} on the phone"))

    async def says(self, phone: Phone, text: str, words: str = "") -> str:
        """Let a resident write and return what the desk answers."""
        before = len(phone.heard)
        await self.platform.write(phone, text)
        return await self.answered(phone, words, before)

    async def taps(self, phone: Phone, label: str, words: str = "") -> str:
        """Let a resident tap a button and return what the desk answers."""
        before = len(phone.heard)
        await self.platform.tap(phone, label)
        return await self.answered(phone, words, before)

    async def resident_id(self, phone: Phone) -> UUID:
        """Return our own id of a resident."""
        return await self.roof.store.read(
            lambda s: s.scalars(select(Resident.id).where(Resident.line_hash == line_hash(s, phone.id))).one()
        )

    async def case(self, phone: Phone) -> Case | None:
        """Return the open case of a resident."""
        resident_id = await self.resident_id(phone)
        return await self.roof.store.read(lambda s: cases.open_case(s, resident_id))

    async def quiet(self, phone: Phone) -> None:
        """Wait until everything that a resident did is worked through and everything said is sent."""
        resident_id = await self.resident_id(phone)

        wanted = select(func.count()).where(Outbox.resident_id == resident_id, Outbox.state == "pending")
        await self.until_stored(lambda s: s.scalar(wanted) == 0, "sending")


@contextlib.asynccontextmanager
async def running(folder: Path, **settled: Any) -> AsyncIterator[Town]:
    """Serve the demo's desk, as `madoguchi demo` does, on a free port; `settled` are settings of its own."""
    port, clock = free_port(), Clock()
    clock.set(NIGHT)
    settings = replace(demo_settings("127.0.0.1", port, folder), **settled)
    signs_in = await set_up_demo(Roof(settings, clock))
    platform = demo_platform(settings, clock)
    desk = Roof(settings, clock)
    app = create_app(desk, add_simulator(platform, clock))
    listening = socket.create_server(("127.0.0.1", port))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, ws="none"))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        while not server.started:
            assert not task.done(), "the desk did not start"
            await asyncio.sleep(0.01)
        yield Town(desk, platform, clock, settings.base_url, signs_in)
    finally:
        server.should_exit = True
        await task
        await platform.close()
        listening.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """Give one running desk to all tests of this module; each brings its own residents."""
    async with running(tmp_path_factory.mktemp("desk")) as town:
        yield town
        assert town.platform.complaints == []


@pytest.fixture
def town(shared_town: Town) -> Iterator[Town]:
    """Give the running desk at 02:10; LINE must have refused nothing that it sent."""
    shared_town.clock.set(NIGHT)
    yield shared_town
    assert shared_town.platform.refused == []


# --- what families see -----------------------------------------------------------------------------------------


async def test_who_follows_is_welcomed(town: Town) -> None:
    """Adding the account brings the welcome, in the profile's language."""
    phone, other = town.somebody(), town.somebody(language="en")
    await town.platform.follow(phone)
    await town.platform.follow(other)
    assert "はじめに答えるのは機械（自動応答）です" in await town.answered(phone, "機械")
    assert "automatic" in await town.answered(other, "automatic")


async def test_the_menu_speaks_her_language(town: Town) -> None:
    """Who follows sees the menu in the profile's language, who chooses another one sees that, and after a block too."""
    picture = library.menu_pictures()["ja"]
    up = (await richmenu.put_up(town.roof.line, {"ja": picture, "en": picture}, town.roof.words)).menus
    phone, menus = town.somebody(language="en"), town.platform.menus

    async def sees(language: str) -> None:
        await town.until(lambda: phone.rich_menu == up[language], f"the menu in {language}")

    await town.platform.follow(phone)
    await sees("en")
    await town.taps(phone, "日本語", "このことば")
    await sees("ja")
    await town.platform.block(phone)
    assert menus.shown_id(phone) is None
    await town.platform.follow(phone)
    await sees("ja")
    other = town.somebody()
    await town.platform.follow(other)
    before = len(other.heard)
    await town.platform.tap(other, "人と話す")  # an area of the menu
    assert "相談員に伝えます" in await town.answered(other, "相談員", before)


async def test_menus_that_fail_fail_alone(town: Town) -> None:
    """LINE is away for everything about menus: the resident is answered as ever."""
    town.platform.faults.add("error", path="/richmenu", times=None)
    phone = town.somebody(language="en")
    await town.platform.follow(phone)
    assert "automatic" in await town.answered(phone, "automatic")
    assert await town.says(phone, "一時預かりはありますか")
    resident_id = await town.resident_id(phone)

    def tried(session: Session) -> bool:
        found = session.scalars(select(Job).where(Job.name == richmenu.JOB))
        return any(job.attempts and job.error for job in found if job.payload == {"resident": str(resident_id)})

    await town.until_stored(tried, "a menu that could not be shown")
    town.platform.faults.clear()
    assert await town.case(phone) is None


async def test_a_scanned_card_is_counted_and_greeted(town: Town) -> None:
    """The link of a printed card opens the chat with its text; who sends it is welcomed, friend or not."""
    phone = town.somebody(friend=False)
    async with httpx.AsyncClient(base_url=town.base, trust_env=False) as browser:
        answer = await browser.get("/q/K7F3")
    assert "K7F3" in answer.text + answer.headers.get("location", "")
    assert "ひなた市の子育てのまどぐち" in await town.says(phone, "はじめる [K7F3]", "まどぐち")
    assert await town.roof.store.read(lambda s: s.get(Campaign, "K7F3")) is not None


async def test_a_question_becomes_places(town: Town) -> None:
    """From a question over two taps to several places that differ."""
    phone = town.somebody()
    await town.says(phone, "一時預かりを2時間だけお願いできますか", "どのあたり")
    await town.taps(phone, "市内ならどこでも", "何歳")
    said = await town.taps(phone, "2歳", "くらべて選んでください")
    assert "料金" in said
    assert "くわしく見る" in said
    assert "確かめた日" in await town.taps(phone, "くわしく見る", "確かめた日")


async def test_a_case_knows_what_the_talk_was_about(town: Town) -> None:
    """What she asked before she needed a person, and what she asks while one is waited for; lists find it by that."""
    phone = town.somebody()
    await town.says(phone, "一時預かりを使いたい")
    await town.says(phone, "もう限界です。子どもを叩いてしまいそうで怖い")
    await town.says(phone, "児童手当はいくらですか")
    await town.quiet(phone)
    case = await town.case(phone)
    assert case is not None
    assert case.id is not None
    row = await town.roof.store.read(lambda s: s.get_one(CaseRow, case.id))
    assert row.topics == ["temporary_care", "child_allowance"]


async def test_the_public_pages_are_served_under_the_roofs_headers(town: Town) -> None:
    """They know the directory, open the talk in LINE, and take a link that was signed with the same secret."""
    async with httpx.AsyncClient(base_url=town.base, trust_env=False, follow_redirects=True) as browser:
        page = await browser.get("/public/ja/topics/temporary_care")
        link = operator_link(operator_key(town.roof.settings.secret_key), "", "hinata-hiroba-plaza", town.clock.now())
        assert "ひなたプラザ 一時預かり室" in page.text
        assert "style-src 'self'" in page.headers["content-security-policy"]
        assert page.headers["referrer-policy"] == "same-origin"
        assert (await browser.get(link)).status_code == 200
        (talk,) = re.findall(r'class="button" href="([^"]+)"', page.text)
        assert (await browser.get(talk)).status_code == 200


async def test_words_of_a_public_form_are_heard_by_both_layers(engines: Encoders) -> None:
    """What only the second layer hears as grave counts; what it merely suspects does not keep a correction away."""
    mind = Mind(library.load(encoders="all"), words(), engines)
    grave, wrong = "もう何もかも終わりにしたい気持ちが毎晩きます", "閉まっていて困りました。赤ちゃんと30分待ちました"
    assert mind.first_aid(grave) == ()
    assert [signal.kind for signal in mind.listen(grave)] == ["crisis"]
    assert mind.listen(wrong) == ()
    assert Mind(library.load(), words()).listen("もう死にたい")[0].kind == "crisis"


@pytest.mark.asyncio(loop_scope="function")
async def test_the_desk_talks_only_in_languages_that_are_whole(tmp_path: Path) -> None:
    """A city may ask for more; until a catalog says all that ja-easy's says, the language is of the pages alone."""
    settings = demo_settings("127.0.0.1", free_port(), tmp_path)
    await set_up_demo(Roof(settings, Clock()))
    desk = Roof(settings, Clock())
    part = dict(list(desk.words.sentences["en"].items())[:9])
    desk.words = Catalogs({**desk.words.sentences, "vi": part})
    await desk.store.open()
    try:
        body = library.sample_city()[0]["city"] | {"languages": ["ja", "vi", "en"]}
        await desk.store.write(lambda s: city.save(s, body, NIGHT, "test"))
        await desk._load()
        assert (desk.city().languages, "vi" in desk.words.languages) == (("ja", "en"), True)
    finally:
        await desk.store.close()


async def test_two_residents_in_one_body_are_both_answered(town: Town) -> None:
    """Events of several residents in one request are each answered, each to the right phone."""
    one, other = town.somebody(), town.somebody()
    town.platform.hold()
    await town.platform.write(one, "児童手当のこと")
    await town.platform.write(other, "ファミサポ")
    await town.platform.release(together=True)
    assert "児童手当" in await town.answered(one, "児童手当")
    assert "児童手当" not in await town.answered(other, "ファミ")


async def test_a_duplicate_delivery_is_answered_once(town: Town) -> None:
    """The same event again, called a redelivery or not, brings no second answer and no second journal row."""
    phone = town.somebody()
    event = await town.platform.write(phone, "児童手当のこと")
    await town.platform.duplicate(event)
    await town.platform.redeliver(event)
    await town.answered(phone, "児童手当")
    await town.says(phone, "ありがとう", "こちらこそ")
    assert sum("ひなた市の子育てのまどぐち" in bubble.text for bubble in phone.heard) == 1
    resident_id = await town.resident_id(phone)
    wrote = (
        select(func.count()).select_from(Journal).where(Journal.resident_id == resident_id, Journal.who == "resident")
    )
    assert await town.roof.store.read(lambda s: s.scalar(wrote)) == 2


async def test_groups_are_left_at_once(town: Town) -> None:
    """The desk talks with one person: it leaves a group it was invited to (CARE C22)."""
    group = await town.platform.join_group(town.somebody(), town.somebody())
    await town.until(lambda: group.left, "leaving the group")


# --- when a person is needed -----------------------------------------------------------------------------------


async def test_words_in_danger_become_a_case_and_a_person_silences_the_desk(town: Town) -> None:
    """A signal opens a case with its evidence; the claim silences the desk; the release lets it speak again."""
    phone = town.somebody()
    assert "11月24日(火) 8:30" in await town.says(phone, SHAKEN, "いまの10分だけ")
    case = await town.case(phone)
    assert case is not None
    assert (case.state, case.severity.value) == ("waiting", "urgent")
    resident_id = await town.resident_id(phone)
    kept = await town.roof.store.read(
        lambda s: set(s.scalars(select(SignalRow.kind).join(CaseRow).where(CaseRow.resident_id == resident_id)))
    )
    assert "abuse" in kept
    sakura = await town.roof.store.read(lambda s: s.scalars(select(Staff.id).where(Staff.login == "sakura")).one())
    now = town.clock.now()
    await town.roof.store.write(lambda s: cases.claim(s, case.id, sakura, now))
    before = len(phone.heard)
    await town.platform.write(phone, "聞いてもらえますか")
    await town.platform.send_sticker(phone)
    await journal_holds(town, resident_id, 3)
    await town.quiet(phone)
    assert len(phone.heard) == before
    letters = select(Outbox.state).where(Outbox.resident_id == resident_id)
    assert await town.roof.store.read(lambda s: list(s.scalars(letters))) == ["accepted"]  # nothing more was written
    await town.roof.store.write(lambda s: cases.release(s, case.id, sakura, now, name="さくら", agreed="明日また話す"))
    assert "さくら" in await town.says(phone, "ありがとう", "ここからは機械が答えます")


async def journal_holds(town: Town, resident_id: UUID, most: int) -> None:
    """Wait until so many things that the resident did stand in the journal."""
    wrote = (
        select(func.count()).select_from(Journal).where(Journal.resident_id == resident_id, Journal.who == "resident")
    )
    await town.until_stored(lambda s: s.scalar(wrote) == most, f"{most} rows of the journal")


async def test_unsent_words_are_gone_and_the_case_stays(town: Town) -> None:
    """Unsend takes the words out of the journal; kind, severity and the case stay (CARE C17)."""
    phone = town.somebody()
    before = len(phone.heard)
    event = await town.platform.write(phone, SHAKEN)
    await town.answered(phone, "いまの10分だけ", before)
    resident_id = await town.resident_id(phone)
    await town.platform.unsend(phone, event)

    def gone(session: Session) -> bool:
        rows = session.scalars(select(Journal).where(Journal.resident_id == resident_id, Journal.who == "resident"))
        return all(row.unsent_at is not None and row.body_sealed is None for row in rows if row.kind == "text")

    await town.until_stored(gone, "forgetting the words")
    case = await town.case(phone)
    assert case is not None
    assert (case.state, case.severity.value) == ("waiting", "urgent")


async def test_a_voice_is_fetched_for_a_person_and_destroyed_when_it_is_taken_back(town: Town) -> None:
    """From the phone over LINE's content, which is not ready at first, into the sealed column, and out of it again."""
    phone, voice = town.somebody(), b"\x00\x00\x00\x1cftypM4A \x00\x00\x00\x00 a voice at night"
    event = await town.platform.send_voice(phone, voice, preparing=True)
    assert "機械は、音声を聞きません" in await town.answered(phone, "音声")
    await town.taps(phone, "人と話す", "相談員に伝えます")
    resident_id = await town.resident_id(phone)

    def row(session: Session) -> Media:
        return session.scalars(select(Media).where(Media.resident_id == resident_id)).one()

    await town.until_stored(lambda s: row(s).tries > 0, "asking LINE while it prepares")
    town.platform.contents[event.message_id].preparing = False
    await town.until_stored(lambda s: row(s).state == "kept", "the voice")
    opened = await town.roof.store.read(lambda s: media.opened(s, resident_id, row(s).id))
    assert opened is not None
    assert (opened[0].type, opened[1]) == ("audio/mp4", voice)
    await town.platform.unsend(phone, event)
    await town.until_stored(lambda s: row(s).state == "unsent" and row(s).body_sealed is None, "destroying it")


async def test_the_reminder_comes_at_opening(town: Town) -> None:
    """ "Remind me in the morning" brings, at opening and not before, the number and what to say (CARE C18)."""
    phone = town.somebody()
    await town.says(phone, SHAKEN, "いまの10分だけ")
    assert "11月24日(火) 8:30" in await town.taps(phone, "朝に知らせて", "8:30")
    before = len(phone.heard)
    resident_id = str(await town.resident_id(phone))
    planned = await town.roof.store.read(
        lambda s: [
            job.run_at
            for job in s.scalars(select(Job).where(Job.name == "remind"))
            if job.payload["resident_id"] == resident_id
        ]
    )
    assert [moment.astimezone(TOKYO) for moment in planned] == [OPENING]
    town.clock.set(OPENING)
    await town.roof.scheduler.tick()
    said = await town.answered(phone, "子育てがつらくて、もう限界です", before)
    assert "000-555-0120" in said
    assert phone.heard[before].text == "お知らせの時間になりました。"


# --- what changes while it runs ----------------------------------------------------------------------------------


async def test_a_new_place_is_found_without_a_restart(town: Town) -> None:
    """What an import stores is searched by the running process."""
    document = {"id": "new-place", "name": "あたらしいひろばニジイロ", "category": "parenting_salon"}
    places = resources_from_documents({"x": {"resources": [document]}}, town.roof.content.vocabulary["categories"])
    await town.roof.store.write(lambda s: catalogue.keep(s, "later", places, town.clock.now()))
    await town.until(lambda: town.roof.mind.directory.get("new-place"), "the new place")
    assert "あたらしいひろばニジイロ" in await town.says(town.somebody(), "ニジイロ", "ニジイロ")


async def test_the_citys_own_questions_are_answered(town: Town) -> None:
    """What an import stores is found by the running process and shown as the city wrote it."""
    entry = Entry("hinata/1", "チューリップの球根はどこで配っていますか。", "球根は公園課が十月に配ります。")
    read = questions.Read("hinata", (entry,))
    engines = town.roof.mind.encoders
    assert engines is not None
    vectors, made_by = questions.encoded(read.entries, engines), questions.fingerprint(engines)
    await town.roof.store.write(lambda s: questions.keep(s, read, vectors, made_by, town.clock.now()))
    await town.until(lambda: "hinata/1" in town.roof.mind._questions, "the new question")
    said = await town.says(town.somebody(), "チューリップの球根はどこで配っていますか", "公園課")
    assert "市の「よくある質問」" in said


async def test_questions_that_cannot_be_read_keep_nobody_from_being_heard(town: Town) -> None:
    """Broken vectors or a broken ranker are logged; the desk goes on."""
    row = QuestionRow(id="x/1", question="犬は?", answer="登録です。", url="", vectors=b"123")
    assert town.roof.mind.encoders is not None
    row.encoders = questions.fingerprint(town.roof.mind.encoders)
    town.roof._read_questions([row], b"")
    town.roof._read_questions([], b"no file")
    said = await town.says(town.somebody(), "一時預かりはありますか", "まどぐち")
    assert said


async def test_new_settings_of_the_city_hold_without_a_restart(town: Town) -> None:
    """What the city stores is what the next resident is told."""
    document = dict(library.sample_city()[0]["city"])
    renamed = {**document, "name": "あらた市"}
    await town.roof.store.write(lambda s: city.save(s, renamed, town.clock.now(), "test"))
    await town.until(lambda: town.roof.city().name == "あらた市", "the new name")
    assert "あらた市の子育てのまどぐち" in await town.says(town.somebody(), "すみません", "まどぐち")
    await town.roof.store.write(lambda s: city.save(s, document, town.clock.now(), "test"))
    await town.until(lambda: town.roof.city().name == "ひなた市", "the old name")


# --- what opens and closes -----------------------------------------------------------------------------------------


async def test_nothing_a_resident_wrote_and_no_secret_is_logged(town: Town, written: io.StringIO) -> None:  # noqa: F811
    """Through welcome, search, alarm, card, reminder and unsend, no words, ids or secrets are in a log line."""
    canary = "カナリアは夜に鳴く"
    phone = town.somebody()
    await town.says(phone, f"{canary} 死にたい", "ひとりにならないで")
    await town.taps(phone, "見せるカード")
    event = await town.platform.write(phone, f"一時預かり {canary}")
    await town.platform.unsend(phone, event)
    await town.platform.block(phone)
    await town.quiet(phone)
    async with httpx.AsyncClient(base_url=town.base, trust_env=False) as outsider:
        await outsider.post("/line/webhook", content=canary.encode(), headers={"x-line-signature": "wrong"})
        await outsider.get("/q/" + "SECRET99")
        await outsider.get("/room/enter/secret-room-token")
        door = await outsider.get("/share/secret-share-token")
        assert "電話で聞いた8けたの番号" in door.text
        await outsider.post("/share/secret-share-token", data={"code": "80418041"})
    lines = written.getvalue()
    settings = town.roof.settings
    secrets = (settings.secret_key, settings.line_channel_access_token, *settings.line_channel_secrets)
    for hidden in (
        canary,
        json.dumps(canary).strip('"'),
        "死にたい",
        phone.id,
        phone.name,
        "secret-room-token",
        "secret-share-token",
        "80418041",
        *secrets,
    ):
        assert hidden not in lines
    assert all(json.loads(line)["event"] for line in lines.splitlines())


@pytest.mark.asyncio(loop_scope="function")
async def test_a_desk_that_closes_leaves_nothing_running(tmp_path: Path) -> None:
    """After start and stop there is no task, no thread and no half-open file lock left."""
    tasks, threads = asyncio.all_tasks(), set(threading.enumerate())
    async with running(tmp_path) as town:
        await town.says(town.somebody(), "すみません", "まどぐち")
        assert len(asyncio.all_tasks() - tasks) > 3
    assert {task for task in asyncio.all_tasks() - tasks if not task.done()} == set()
    lasting = {t for t in threading.enumerate() if t not in threads and not t.name.startswith(("asyncio_", "AnyIO"))}
    assert lasting == set()


@pytest.mark.asyncio(loop_scope="function")
async def test_a_desk_that_cannot_start_leaves_nothing_running(tmp_path: Path) -> None:
    """When the schema is missing the start fails, and what was opened is closed."""
    tasks, threads = asyncio.all_tasks(), set(threading.enumerate())
    desk = Roof(demo_settings("127.0.0.1", free_port(), tmp_path), Clock())
    app = create_app(desk)
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the database says
        async with app.router.lifespan_context(app):
            pass
    assert {task for task in asyncio.all_tasks() - tasks if not task.done()} == set()
    assert {t for t in threading.enumerate() if t not in threads and not t.name.startswith("asyncio_")} == set()


async def test_one_sqlite_file_is_served_by_one_process(tmp_path: Path) -> None:
    """A second process on the same file is refused with a reason, until the first has ended."""
    settings = demo_settings("127.0.0.1", 1, tmp_path)
    refused = pytest.raises(SettingsError, match="another process already serves")
    with roof.only_one(settings), refused, roof.only_one(settings):
        pass
    with roof.only_one(settings):
        pass


@pytest.mark.parametrize("role", ["web", "worker"])
async def test_on_sqlite_one_process_does_everything(tmp_path: Path, role: str) -> None:
    """Other roles are refused on SQLite, naming PostgreSQL; with PostgreSQL they are taken."""
    settings = demo_settings("127.0.0.1", 1, tmp_path)
    with pytest.raises(SettingsError, match="PostgreSQL"):
        Roof(settings, Clock(), role)
    assert Roof(replace(settings, database_url="postgresql://nobody@127.0.0.1:1/none"), Clock(), role).role == role
