"""The desk in processes of its own, as a city runs it: web beside worker on PostgreSQL, all in one on SQLite."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
import yaml

from bot.app import Roof, create_app
from bot.clock import Clock
from bot.settings import Settings
from bot.simulator.outgoing import Event
from bot.simulator.people import Resident as Phone
from bot.store import Store
from tests.processes import CANARY, PATIENCE, ROOT, SECRETS, TOGETHER, Stream, Town, now, prepared_here, town, until

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(180),
]

SHAKEN = "もう限界です。このままだと子どもを叩いてしまいそうで怖い。死にたい"
ROLES = ("web", "worker")
LIMIT = 10.0  # seconds from SIGTERM to the end (facts/reliability.md F24); supervisors kill after that
OURS = "datname = current_database() AND pid <> pg_backend_pid()"
LISTENERS = f"SELECT pid FROM pg_stat_activity WHERE {OURS} AND query ILIKE 'LISTEN%'"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def one_city(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """Give a city on PostgreSQL that all tests of this module share; each brings its own residents."""
    name = f"t{uuid.uuid4().hex}"
    admin = await asyncpg.connect(f"{postgres_server}/postgres")
    await admin.execute(f'CREATE DATABASE "{name}"')
    try:
        async with town(f"{postgres_server}/{name}", tmp_path_factory.mktemp("city")) as found:
            yield found
    finally:
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await admin.close()


@pytest_asyncio.fixture(loop_scope="module")
async def city(one_city: Town) -> AsyncIterator[Town]:
    """Give the city with a web and a worker process running; LINE had nothing to complain about."""
    await one_city.start(*ROLES)
    yield one_city
    one_city.platform.faults.clear()
    assert one_city.platform.complaints == []
    one_city.logged()


async def writes_together(city: Town) -> tuple[list[Phone], list[Event]]:
    """Let residents write at the same time; return when every event was answered 200."""
    phones = [city.somebody() for _ in range(TOGETHER)]
    events = await asyncio.gather(*(city.platform.write(one, f"児童手当のこと {CANARY}") for one in phones))
    assert all(event.delivered for event in events)
    return phones, list(events)


async def judge(city: Town, phones: list[Phone], events: list[Event], *, uncertain: int = 0) -> None:
    """See that every event has one outcome and one answer, kept once and said once; `uncertain` of them unclear."""
    found = await city.all_done(events)
    assert {outcome for outcome, _ in found.values()} == {"done"}
    states = [state for _, answers in found.values() for state in answers]
    assert all(len(answers) == 1 for _, answers in found.values())
    assert set(states) <= {"accepted", "unknown"}
    assert states.count("unknown") <= uncertain
    uids, wanted = await city.journal_uids(), await city.expected_uids(events)
    assert sorted(uid for uid in uids if uid in wanted) == sorted(wanted)
    for phone, event in zip(phones, events, strict=True):
        answered = city.sent_to(event, phone)
        assert answered <= 1, "something was said twice"
        assert answered or found[event.id][1] == ["unknown"], "an answer that LINE should have is lost"


# --- one talk through both processes -------------------------------------------------------------------------------


async def test_a_resident_writes_to_one_process_and_is_answered_by_another(city: Town) -> None:
    """The web process keeps what is written, the worker process answers, in the name of the stored city."""
    phone = city.somebody()
    said = await city.says(phone, "児童手当のこと", "児童手当")
    assert "の子育てのまどぐち" in said
    assert {process.alive for process in city.processes.values()} == {True}


async def test_a_case_goes_from_line_to_the_console_and_back(city: Town) -> None:
    """Words in danger reach the open console from the worker; the claim, the reply and the room cross both ways."""
    phone = city.somebody()
    async with city.staff() as (browser, csrf), Stream(browser, await city.cursor()) as stream:
        await city.says(phone, SHAKEN)
        case = (await stream.tells("case.opened"))["case"]
        assert case in (await browser.get("/console/")).text
        page = f"/console/cases/{case}"
        assert CANARY in (await browser.get(page)).text

        assert (await browser.post(f"{page}/claim", data={"csrf": csrf})).status_code == 303
        await stream.tells("case.claimed")
        silent = len(phone.heard)
        event = await city.platform.write(phone, f"聞いてもらえますか {CANARY}")
        await stream.tells("case.message")
        assert await city.all_done([event]) == {event.id: ("done", [])}
        assert len(phone.heard) == silent

        key, words = str(uuid.uuid4()), f"読みました。ここにいます {CANARY}"
        form = {"csrf": csrf, "words": words, "place": "room", "key": key}
        assert (await browser.post(f"{page}/reply", data=form)).status_code == 303
        notice = await until(lambda: phone.heard[silent:], "the notice")
        assert "さくら" in notice[0].text
        assert CANARY not in notice[0].text
        link = re.findall(rf"{city.base}/room/enter/[\w-]+", json.dumps([bubble.message for bubble in notice]))[0]

        async with city.browser() as family:
            assert (await family.post(link)).status_code == 303
            room = await family.get("/room/")
            assert words in room.text
            found = {name: re.search(rf'name="{name}" value="([^"]+)"', room.text) for name in ("csrf", "key")}
            form = {name: match.group(1) for name, match in found.items() if match}
            before = len(stream.changes)
            answer = await family.post("/room/say", data={**form, "text": f"ありがとう {CANARY}"})
            assert answer.headers["location"] == "/room/#last", "the room did not hear of it from the worker"
            assert (await stream.tells("case.message", before))["case"] == case
        assert "ありがとう" in (await browser.get(page)).text


async def test_an_open_console_hears_the_worker_at_once(city: Town) -> None:
    """NOTIFY carries what the worker wrote to the stream of the web process; it does not wait for the next beat."""
    phone = city.somebody()
    async with city.staff() as (browser, _csrf), Stream(browser, await city.cursor()) as stream:
        await hears_at_once(city, phone, stream)


async def hears_at_once(city: Town, phone: Phone, stream: Stream) -> None:
    """Let a case get messages one after another; fewer beats than changes means that a wake-up told of them.

    The rows are read again at every beat, so without wake-ups each change would come together with a beat.
    """
    since, told = len(stream.told), 4
    await city.platform.write(phone, f"{SHAKEN} {CANARY}")
    for n in range(told):
        before = len(stream.changes)
        await city.platform.write(phone, f"{n} {CANARY}")
        await stream.tells("case.message", before)
    assert stream.beats(since) < told


# --- what changes while both run ------------------------------------------------------------------------------------


async def test_what_the_command_line_stores_reaches_both_processes(city: Town) -> None:
    """A new name of the city stands in the console and in the welcome, an imported place is found, nothing restarts."""
    pids = {role: process.popen.pid for role, process in city.processes.items()}
    document = yaml.safe_load((ROOT / "bot" / "content" / "sample_city" / "city.yaml").read_text("utf-8"))
    document["city"]["name"] = "あらた市"
    settings, places = city.folder / "city.yaml", city.folder / "regional_child_rearing_support_base.csv"
    settings.write_text(yaml.safe_dump(document, allow_unicode=True), "utf-8")
    places.write_text(PLACES, "utf-8")
    await asyncio.gather(
        city.command("city", "set", str(settings)),
        city.command("directory", "import", str(places), "--category", "parenting_salon"),
    )
    async with city.staff() as (browser, _csrf):

        async def shown() -> bool:
            return "あらた市" in (await browser.get("/console/")).text

        await until(shown, "the new name in the console")

    async def welcomed() -> bool:
        return "あらた市の子育てのまどぐち" in await city.says(city.somebody(), "すみません", "まどぐち")

    await until(welcomed, "the new name in the welcome")

    async def found() -> bool:
        return "ひろばニジイロ" in await city.says(city.somebody(), "ニジイロ", plain=True)

    await until(found, "the imported place")
    assert {role: process.popen.pid for role, process in city.processes.items()} == pids


PLACES = (
    '"#property","latitude","longitude","name","address","telephoneNumber","note","availableDate","startTime",'
    '"endTime","availableDateNote"\r\n'
    '"1","35.05","137.05","ひろばニジイロ","ひなた市駅前町2-11","000-555-0190","","火水木金土","10:00","16:00",""\r\n'
)


# --- what breaks ----------------------------------------------------------------------------------------------------


async def test_nothing_is_lost_when_the_worker_is_killed(city: Town) -> None:
    """kill -9 amid understanding and sending: another worker goes on, nothing is lost, nothing is said twice."""
    city.platform.faults.add("timeout", path="/v2/bot/profile", times=None)  # greetings take 1.5 s, eight at a time
    city.platform.faults.add("latency", path="/message/reply", times=None, seconds=4.0)
    phones, events = await writes_together(city)

    async def midst() -> tuple[int, int]:
        ((flying,),) = await city.rows("SELECT count(*) FROM outbox WHERE in_flight")
        ((held,),) = await city.rows("SELECT count(*) FROM lane WHERE key LIKE 'in:%' AND leased_until_db > 0")
        return (flying, held) if flying and held else ()  # type: ignore[return-value]

    await until(midst, "a worker with its hands full")
    await city.processes["worker"].kill()
    flying, held = await midst()
    city.platform.faults.clear()
    await city.rows("UPDATE lane SET leased_until_db = 0 RETURNING key")  # stands for a lease's half minute
    await city.start(*ROLES)
    await judge(city, phones, events, uncertain=flying)
    assert held


async def test_the_loss_of_every_connection_is_survived(city: Town) -> None:
    """PostgreSQL drops the listeners, then every connection: an open stream goes on, and nothing that came is lost."""
    phone = city.somebody()
    async with city.staff() as (browser, _csrf), Stream(browser, await city.cursor()) as stream:
        before = {pid for (pid,) in await city.rows(LISTENERS)}
        assert len(before) == len(ROLES)
        await city.rows(f"SELECT pg_terminate_backend(pid) FROM ({LISTENERS}) AS found")

        async def back() -> bool:
            pids = {pid for (pid,) in await city.rows(LISTENERS)}
            return len(pids) == len(ROLES) and not pids & before

        await until(back, "new listeners")
        await hears_at_once(city, phone, stream)

        before = {pid for (pid,) in await city.rows(LISTENERS)}
        every = f"SELECT pid FROM pg_stat_activity WHERE {OURS}"
        gone = {pid for (pid,) in await city.rows(every)}
        await city.rows(f"SELECT pg_terminate_backend(pid) FROM ({every}) AS found")

        async def ended() -> bool:
            return not gone & {pid for (pid,) in await city.rows(every)}

        await until(ended, "the end of every connection")
        assert (await browser.get("/console/")).status_code == 200
        phones, events = await writes_together(city)
        await judge(city, phones, events)
        await until(back, "new listeners again")
        await hears_at_once(city, city.somebody(), stream)
        assert stream.open


async def test_both_processes_end_cleanly_within_ten_seconds(city: Town) -> None:
    """SIGTERM amid an open stream, an unfinished upload and events under way ends both with 0; the rest comes after."""
    city.platform.faults.add("latency", path="/message/reply", times=8, seconds=2.0)
    async with city.staff() as (browser, _csrf), Stream(browser, await city.cursor()) as stream:
        phones, events = await writes_together(city)
        async with unfinished(city):
            await ends(city, *ROLES)
        await until(lambda: not stream.open, "the end of the stream")
    await city.start(*ROLES)
    await judge(city, phones, events)


@asynccontextmanager
async def unfinished(city: Town) -> AsyncIterator[None]:
    """Begin a request and do not end it, as a phone in a tunnel does."""
    _reader, writer = await asyncio.open_connection("127.0.0.1", int(city.base.rpartition(":")[2]))
    writer.write(b"POST /line/webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    try:
        yield
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def ends(city: Town, *roles: str, signal: Signals = SIGTERM) -> None:
    """Send a signal to the processes of these roles; each must end by itself, with 0, in time."""
    processes, began = [city.processes[role] for role in roles], now()
    for process in processes:
        process.popen.send_signal(signal)
    codes = await asyncio.gather(*(process.ended(LIMIT) for process in processes))
    took = round(now() - began, 1)
    assert dict(zip(roles, codes, strict=True)) == dict.fromkeys(roles, 0), f"after {took} s"


# --- one process on SQLite -------------------------------------------------------------------------------------------


async def test_one_process_on_sqlite_ends_cleanly_and_loses_nothing(tmp_path: Path) -> None:
    """SIGTERM at the worst moment (stream, upload, twenty events, LINE silent) ends within ten seconds, with 0.

    After the restart every event has its one outcome and one answer.
    """
    async with town(f"sqlite:///{tmp_path / 'desk.db'}", tmp_path, prepare=prepared_here) as city:
        city.environment["MADOGUCHI_LINE_DESTINATION"] = ""  # it asks LINE who it is, in vain
        city.platform.faults.add("error", path="/v2/bot/info", times=None)
        await city.start("all")
        city.platform.faults.add("timeout", path="/message/reply", times=None)
        city.platform.faults.add("timeout", path="/v2/bot/profile", times=None)
        async with city.staff() as (browser, _csrf), Stream(browser, await city.cursor()) as stream:
            phones, events = await writes_together(city)
            async with unfinished(city):
                await ends(city, "all")
            await until(lambda: not stream.open, "the end of the stream")
        city.platform.faults.clear()
        await city.start("all")
        await judge(city, phones, events)
        await ends(city, "all", signal=SIGINT)  # Ctrl-C is no error
        assert city.platform.complaints == []
        city.logged()


# --- what nobody may read ---------------------------------------------------------------------------------------------


async def test_no_log_line_of_any_process_tells_words_names_or_secrets(city: Town) -> None:
    """After all of this, forgeries, wrong passwords and addresses with tokens, every line is JSON and mute."""
    async with city.browser() as outsider:
        await outsider.post("/line/webhook", content=CANARY.encode(), headers={"x-line-signature": "wrong"})
        await outsider.post("/console/sign-in", data={"login": CANARY, "password": CANARY})
        await outsider.get(f"/room/enter/{CANARY}")
        await outsider.get(f"/q/{CANARY}")
        await outsider.get(f"/console/cases/{uuid.uuid4()}?next={CANARY}")
    told = city.logged()
    assert {"webhook", "sent", "loaded"} <= {line["event"] for line in told}
    assert {"critical"} & {line["level"] for line in told} == set()


async def test_health_is_told_by_every_role(city: Town) -> None:
    """Web and worker both say that they live and can work; the worker serves nothing else."""
    for role, process in city.processes.items():
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{process.port}", trust_env=False) as outsider:
            assert (await outsider.get("/healthz")).text == "ok"
            assert set((await outsider.get("/readyz")).json().values()) == {True}
            assert (await outsider.get("/console/sign-in")).status_code == (200 if role == "web" else 404)


async def test_a_loop_that_ended_by_itself_is_told_by_the_health_page(tmp_path: Path) -> None:
    """/readyz says 503 when the worker's loop is gone, so that a supervisor starts the process anew."""
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'desk.db'}", secret_key="x" * 32, line_destination="U")
    roof = Roof(settings, Clock())
    await roof.store.migrate()
    app = create_app(roof)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://desk.test") as outsider:
            assert (await outsider.get("/readyz")).json() == {"database": True, "loops": True}
            await roof.worker.stop()
            await until(lambda: any(task.done() for task in roof._loops), "the end of the loop")
            answer = await outsider.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"database": True, "loops": False})


async def test_a_listener_that_fails_half_way_begins_again(one_city: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is lost before it listens is replaced, and the bell rings from then on."""
    connect, lost = asyncpg.connect, []

    async def lost_at_once(*arguments: Any, **named: Any) -> Any:
        connection = await connect(*arguments, **named)
        if not lost:
            lost.append(connection)
            await connection.close()
        return connection

    monkeypatch.setattr(asyncpg, "connect", lost_at_once)
    store = Store(one_city.database_url, SECRETS["SECRET_KEY"])
    await store.open()
    try:
        async with store.listen("watched") as bell:
            await one_city.rows("SELECT pg_notify('madoguchi', 'watched')")
            await asyncio.wait_for(bell.wait(), PATIENCE)
    finally:
        await store.close()
    assert lost
