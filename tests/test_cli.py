"""The command line: what each command does, what it says when it cannot, and how it ends."""

from __future__ import annotations

import io
import json
import re
import socket
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
import uvicorn
import yaml
from starlette.applications import Starlette
from starlette.routing import Mount

from bot import app as roof
from bot import check, cli, library
from bot.clock import Clock
from bot.directory.importing import read_file
from bot.encoders.engines import Encoders
from bot.errors import NotCalledError
from bot.settings import Settings
from bot.simulator.app import create_app as create_simulator
from bot.situation import AlarmStep
from handoff import alarms
from tests.conftest import SECRET_KEY
from tests.talk import as_shipped

SHARED = Path(__file__).parents[1].parent / "shared" / "data"
CSV = """名称,名称_カナ,種別,所在地_連結表記,緯度,経度,電話番号,利用可能曜日,開始時間,終了時間
ひろば あおぞら,ヒロバアオゾラ,地域子育て支援拠点,ひなた市桜台1-2,35.05,137.05,000-555-0101,月火水,10:00,15:00
ひろば こかげ,ヒロバコカゲ,地域子育て支援拠点,ひなた市北野3-4,35.06,137.06,000-555-0102,木金,9:30,16:00
,,地域子育て支援拠点,ひなた市北野5,,,,,,
"""


@dataclass
class Ended:
    """Hold how a command ended and what it printed."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Give a way to call `madoguchi …` on an empty database of its own."""
    monkeypatch.setenv("MADOGUCHI_DATABASE_URL", f"sqlite:///{tmp_path}/desk.db")
    monkeypatch.setenv("MADOGUCHI_SECRET_KEY", SECRET_KEY)
    monkeypatch.setattr("bot.app.logs.set_up", lambda *_: None)  # the test run keeps its own logs
    monkeypatch.setenv("COLUMNS", "200")

    def call(*args: object, stdin: str = "", **environ: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["madoguchi", *map(str, args)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        for name, value in environ.items():
            monkeypatch.setenv(f"MADOGUCHI_{name}", value)
        capsys.readouterr()
        try:
            cli.main()
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return call


@pytest.fixture
def city_file(tmp_path: Path) -> Path:
    """Give the settings of ひなた市 in a file that can be changed."""
    path = tmp_path / "city.yaml"
    path.write_text((library.CONTENT / "sample_city" / "city.yaml").read_text("utf-8"), "utf-8")
    return path


def commands(group: typer.core.TyperGroup, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Give every command with its groups."""
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            yield from commands(command, (*before, name))
        else:
            yield (*before, name)


ALL = list(commands(typer.main.get_command(cli.app)))  # type: ignore[arg-type]


# --- every command -----------------------------------------------------------------------------------------------


def test_the_commands_of_the_design_are_there() -> None:
    """Every command that others rely on exists under its name (DESIGN 7)."""
    names = {" ".join(command) for command in ALL}
    assert names >= {"demo", "serve", "migrate", "doctor", "staff add", "content check", "directory import"}
    assert names >= {"directory search", "understand", "chat", "city"}


@pytest.mark.parametrize("command", ALL, ids=" ".join)
def test_every_command_explains_itself(run: Run, command: tuple[str, ...]) -> None:
    """Each command has a help that says what it does, and ends well."""
    ended = run(*command, "--help")
    assert ended.code == 0
    assert "Usage: madoguchi" in ended.out
    assert len(ended.out.splitlines()) > 4


@pytest.mark.parametrize(
    "args",
    [
        ("flown",),
        ("serve", "--role", "king"),
        ("serve", "--port", "many"),
        ("directory", "import"),
        ("directory", "search", "--near", "here"),
        ("staff", "add", "x", "--work-name", "x", "--role", "king"),
        ("chat", "--at", "tonight"),
        ("city", "burn", "city.yaml"),
    ],
)
def test_a_wrong_call_is_refused(run: Run, args: tuple[str, ...]) -> None:
    """A wrong option or argument ends with a sentence and a number that is not 0, never with a traceback."""
    ended = run(*args)
    assert ended.code != 0
    assert ended.err
    assert "Traceback" not in ended.err


# --- campaigns -------------------------------------------------------------------------------------------------------


def test_a_campaign_from_the_making_to_the_end(run: Run, city_file: Path) -> None:
    """It is made, printed, greeted anew, listed and ended; the code is in every answer."""
    run("migrate")
    text = re.sub(r"(?m)^  languages: .*", "  languages: [ja, ja-easy, en]", city_file.read_text("utf-8"), count=1)
    city_file.write_text(text, "utf-8")
    run("city", "set", city_file)
    ended = run(
        "campaign", "add", "--moment", "home_visit", "--place", "川辺", "--language", "ja", "--language", "vi",
        "--greeting", "vi=Xin chào", "--token", "k7f3", BASE_URL="https://desk.example",
    )  # fmt: skip
    assert ended.code == 0
    assert "https://desk.example/q/K7F3" in ended.out
    assert "vi: Xin chào [K7F3]" in ended.out
    assert "vi" in ended.err  # the city does not offer it yet: said, not refused
    cards = run("campaign", "cards", "K7F3", "--language", "vi", "--together")
    assert "https://desk.example/public/cards/K7F3?l=vi&together=1\n" in cards.out
    assert "https://desk.example/public/cards/K7F3?l=vi&together=1&sheet=1\n" in cards.out
    assert "Tôi có thẻ [K7F3]" in run("campaign", "greet", "k7f3", "vi", "Tôi có thẻ").out
    assert "home_visit" in run("campaign", "list").out
    assert run("campaign", "end", "K7F3").code == 0
    (told,) = json.loads(run("campaign", "list", "--json").out)
    assert (told["token"], told["place"], told["scans"], told["greeted"]) == ("K7F3", "川辺", [], 0)
    assert told["ended"]


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("add", "--moment", "party"), "home_visit"),
        (("add", "--moment", "hiroba", "--language", "tlh"), "tlh"),
        (("add", "--moment", "hiroba", "--greeting", "hello"), "LANGUAGE=WORDS"),
        (("cards", "NONE"), "campaign list"),
        (("end", "NONE"), "campaign list"),
        (("greet", "NONE", "vi", "x"), "campaign list"),
    ],
)
def test_a_wrong_campaign_is_refused_in_words(run: Run, args: tuple[str, ...], why: str) -> None:
    """What is wrong, or is not there, is named; an empty list says how to begin."""
    run("migrate")
    assert "campaign add --help" in run("campaign", "list").out
    ended = run("campaign", *args)
    assert ended.code != 0
    assert why in ended.err
    assert "Traceback" not in ended.err


# --- setting up a city -----------------------------------------------------------------------------------------------


def test_from_an_empty_folder_to_a_city(run: Run, city_file: Path, tmp_path: Path) -> None:
    """migrate, city set and staff add make what a city needs; each can be done again."""
    assert run("migrate").code == 0
    assert run("migrate").code == 0
    ended = run("city", "set", city_file)
    assert (ended.code, "version 1" in ended.out) == (0, True)
    assert "version 2" in run("city", "set", city_file).out
    ended = run("staff", "add", "sakura", "--work-name", "さくら", "--role", "specialist", "--generate")
    assert ended.code == 0
    password = ended.out.split()[-1]
    assert len(password) >= 12
    with sqlite3.connect(tmp_path / "desk.db") as database:
        rows = database.execute("SELECT login, work_name, role, password_hash FROM staff").fetchall()
    database.close()
    assert [row[:3] for row in rows] == [("sakura", "さくら", "specialist")]
    assert rows[0][3].startswith("$argon2id$")
    assert password not in rows[0][3]
    assert run("staff", "add", "sakura", "--work-name", "さくら", "--role", "specialist", "--generate").code == 1


@pytest.mark.usefixtures("complete")
def test_a_wrong_city_is_refused_and_not_stored(run: Run, city_file: Path) -> None:
    """A slip of the pen in the settings is named, and the city stays as it was."""
    run("migrate")
    document = yaml.safe_load(city_file.read_text("utf-8"))
    document["city"]["talkin"] = "line"
    city_file.write_text(yaml.safe_dump(document), "utf-8")
    ended = run("city", "set", city_file)
    assert ended.code == 1
    assert "talkin" in ended.err
    assert "no city is set up" in run("doctor", "--offline", **SERVING).err


@pytest.mark.parametrize("text", ["", "[]", "nothing: here", "city: [", "city: 3"])
def test_a_file_that_is_no_city_is_refused(run: Run, tmp_path: Path, text: str) -> None:
    """A file without settings ends with a sentence."""
    (tmp_path / "x.yaml").write_text(text)
    run("migrate")
    ended = run("city", "set", tmp_path / "x.yaml")
    assert ended.code == 1
    assert ended.err.startswith("✗ x.yaml: ")


SERVING = {
    "LINE_CHANNEL_SECRET": "s" * 32,
    "LINE_CHANNEL_ACCESS_TOKEN": "t" * 32,
    "BASE_URL": "https://desk.example.jp",
}


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the content be complete without looking: tests/test_content.py looks."""
    monkeypatch.setattr(check, "problems", lambda _content: [])


@pytest.mark.usefixtures("complete")
def test_the_doctor_names_what_is_missing(run: Run, city_file: Path) -> None:
    """From nothing to a city that may go live, the doctor says at each step what is still missing (CARE C14b)."""
    ended = run("doctor", "--offline", SECRET_KEY="short")
    assert ended.code == 1
    for name in ("SECRET_KEY", "LINE_CHANNEL_SECRET", "LINE_CHANNEL_ACCESS_TOKEN"):
        assert f"MADOGUCHI_{name}" in ended.err
    ended = run("doctor", "--offline", SECRET_KEY=SECRET_KEY, **SERVING)
    assert (ended.code, "madoguchi migrate" in ended.err) == (1, True)
    run("migrate")
    ended = run("doctor", "--offline")
    assert (ended.code, "no city is set up" in ended.err) == (1, True)
    document = yaml.safe_load(city_file.read_text("utf-8"))
    document["city"]["emergency_at_night"] = ""
    city_file.write_text(yaml.safe_dump(document), "utf-8")
    assert "emergency_at_night" in run("city", "set", city_file).err
    ended = run("doctor", "--offline")
    assert (ended.code, "emergency at night" in ended.err) == (1, True)
    document["city"]["emergency_at_night"] = "on_call"
    document["city"]["night_phone"] = ""
    city_file.write_text(yaml.safe_dump(document), "utf-8")
    run("city", "set", city_file)
    assert "night_phone is empty" in run("doctor", "--offline").err
    document["city"]["night_phone"] = "000-555-0001"
    city_file.write_text(yaml.safe_dump(document), "utf-8")
    run("city", "set", city_file)
    document["city"]["languages"] = ["ja", "xh"]
    city_file.write_text(yaml.safe_dump(document), "utf-8")
    assert "does not speak ['xh']" in run("city", "set", city_file).err
    ended = run("doctor", "--offline", SMTP_URL="smtp.example.jp", ALARM_HOOK_URL="http://ring.example.jp")
    assert ended.code == 1
    for name in ("SMTP_URL must begin", "MAIL_FROM must be", "ALARM_HOOK_URL must be https", "ALARM_HOOK_SECRET must"):
        assert f"MADOGUCHI_{name}" in ended.err
    ended = run("doctor", "--offline", SMTP_URL="", ALARM_HOOK_URL="")
    assert (ended.code, ended.err.count("nobody would be called")) == (1, 2)
    ended = run("doctor", "--offline", **CALLING)
    assert (ended.code, ended.err) == (0, "")


CALLING = {
    "SMTP_URL": "smtps://desk:pass@mail.example.jp",
    "MAIL_FROM": "madoguchi@example.jp",
    "ALARM_HOOK_URL": "https://ring.example.jp/",
    "ALARM_HOOK_SECRET": "s" * 32,
}


def test_a_trial_calls_by_every_step(run: Run, city_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`alarms try` calls for real, says how each step went, and ends with 1 if one got nowhere."""
    called: list[tuple[AlarmStep, alarms.Way]] = []

    async def rehearse(_self: alarms.Ways, step: AlarmStep, way: alarms.Way, _name: str) -> None:
        called.append((step, way))
        if way == "call":
            raise NotCalledError("HTTP 500")

    run("migrate")
    assert "no city is set up" in run("alarms", "try").err
    run("city", "set", city_file)
    monkeypatch.setattr(alarms.Ways, "rehearse", rehearse)
    ended = run("alarms", "try", **CALLING)
    assert (ended.code, ended.out.count("✓"), ended.err.count("HTTP 500")) == (1, 5, 2)
    assert len(called) == 7
    assert "the action is: try" in run("alarms", "ring").err
    document = yaml.safe_load(city_file.read_text("utf-8"))
    document["city"]["alarms"] = []
    city_file.write_text(yaml.safe_dump(document), "utf-8")
    run("city", "set", city_file)
    ended = run("alarms", "try")
    assert (ended.code, "nobody would be called" in ended.err) == (1, True)


@pytest.mark.usefixtures("complete")
def test_the_doctor_says_when_line_does_not_answer(run: Run, city_file: Path) -> None:
    """A LINE that cannot be reached is named with its address."""
    run("migrate")
    run("city", "set", city_file)
    ended = run("doctor", LINE_API_BASE="http://127.0.0.1:1", **SERVING)
    assert ended.code == 1
    assert "LINE does not answer at http://127.0.0.1:1" in ended.err


# --- serving -----------------------------------------------------------------------------------------------------


def test_serving_without_settings_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every missing setting is named, one sentence each, and nothing is served."""
    monkeypatch.setattr(roof, "serve_app", lambda *_: pytest.fail("it served"))
    ended = run("serve", SECRET_KEY="")
    assert ended.code == 1
    assert ended.err.count("✗") == 3


@pytest.mark.parametrize("role", ["web", "worker"])
def test_serving_one_role_needs_postgresql(
    run: Run, monkeypatch: pytest.MonkeyPatch, role: str, city_file: Path
) -> None:
    """On SQLite only everything at once is served; the refusal names PostgreSQL (DESIGN 7)."""
    monkeypatch.setattr(roof, "serve_app", lambda *_: pytest.fail("it served"))
    run("migrate")
    run("city", "set", city_file)
    ended = run("serve", "--role", role, **SERVING)
    assert ended.code == 1
    assert "PostgreSQL" in ended.err


def test_a_number_that_is_none_is_named(run: Run) -> None:
    """A setting of the wrong kind is named."""
    for wrong in ("many", "²", "-1"):
        ended = run("serve", MONTHLY_PUSH_BUDGET=wrong, **SERVING)
        assert ended.code == 1
        assert "MADOGUCHI_MONTHLY_PUSH_BUDGET" in ended.err


def test_two_cannot_serve_one_file(run: Run, monkeypatch: pytest.MonkeyPatch, city_file: Path) -> None:
    """While one process serves the file, another is refused."""
    served: list[str] = []

    def serve(*_: object) -> None:
        served.append(run("serve").err if not served else "")

    monkeypatch.setattr(roof, "serve_app", serve)
    run("migrate")
    run("city", "set", city_file)
    assert run("serve", **SERVING).code == 0
    assert "another process already serves" in served[-1]


# --- the directory ---------------------------------------------------------------------------------------------------


def test_a_file_becomes_places_that_are_found(run: Run, tmp_path: Path) -> None:
    """Rows are taken or refused with a reason, the report has the agreed shape, and what was taken is found."""
    path, told = tmp_path / "hiroba.csv", tmp_path / "report.json"
    path.write_text(CSV, "utf-8")
    run("migrate")
    ended = run("directory", "import", path, "--report", told)
    assert ended.code == 0
    assert "2 new, 0 changed, 0 same, 0 gone" in ended.out
    (entry,) = json.loads(told.read_text("utf-8"))["files"]
    assert set(entry) == {
        "path", "dialect", "rows", "taken", "mended", "refused", "hours_stated", "hours_understood",
        "ages_stated", "ages_understood", "phones_stated", "phones_understood",
    }  # fmt: skip
    assert (entry["rows"], entry["taken"]) == (3, 2)
    assert [set(refused) for refused in entry["refused"]] == [{"row", "reason"}]
    assert (entry["hours_stated"], entry["hours_understood"]) == (2, 2)
    assert "0 new, 0 changed, 2 same, 0 gone" in run("directory", "import", path).out
    ended = run("directory", "search", "--topic", "parenting_salon", "--area", "桜台", "--json")
    found = json.loads(ended.out)
    assert [match["name"] for match in found["matches"]] == ["ひろば あおぞら"]
    assert "ひろば こかげ" in run("directory", "search", "--words", "こかげ").out
    near = json.loads(run("directory", "search", "--near", "35.06,137.06", "--json").out)
    assert near["order"] == "distance"
    assert near["matches"][0]["name"] == "ひろば こかげ"


def test_a_dry_run_stores_nothing(run: Run, tmp_path: Path) -> None:
    """A dry run reports, shows what would change, and leaves the directory as it was; it needs no database."""
    path = tmp_path / "hiroba.csv"
    path.write_text(CSV, "utf-8")
    ended = run("directory", "import", path, "--dry-run")
    assert (ended.code, "2 taken" in ended.out, "madoguchi migrate" in ended.out) == (0, True, True)
    run("migrate")
    assert "2 new, 0 changed, 0 gone" in run("directory", "import", path, "--dry-run").out
    assert json.loads(run("directory", "search", "--json").out)["total"] == 0
    run("directory", "import", path)
    path.write_text(CSV.replace("こかげ", "ひなた"), "utf-8")
    ended = run("directory", "import", path, "--dry-run")
    assert "name" in ended.out
    assert "こかげ" in run("directory", "search", "--words", "こかげ").out


def test_a_guess_is_shown_and_a_person_may_say_otherwise(run: Run, tmp_path: Path) -> None:
    """A header nobody has seen is guessed; --column, --area-code and --municipality say what the file does not."""
    path = tmp_path / "児童館.csv"
    path.write_text("施設の名称,設置場所の住所,でんわ\nきたのの家,北野1,72-1811\n", "utf-8")
    run("migrate")
    ended = run(
        "directory", "import", path, "--column", "でんわ=phone", "--area-code", "0000", "--municipality", "ひなた市"
    )
    assert "guessed: 設置場所の住所 = address" in ended.out
    (match,) = json.loads(run("directory", "search", "--words", "kitano", "--json").out)["matches"]
    assert match["phones"] == [{"number": "0000-72-1811"}]
    assert match["location"]["municipality"] == "ひなた市"
    assert run("directory", "import", path, "--column", "でんわ").code != 0
    assert run("directory", "search", "--topic", "castle").code != 0
    assert run("directory", "search", "--weekday", "火", "--language", "vi", "--attribute", "meal", "--json").code == 0


def test_the_directory_is_written_for_others(run: Run, tmp_path: Path) -> None:
    """Both formats are written whole; the standard CSV is read back to the same places."""
    path = tmp_path / "hiroba.csv"
    path.write_text(CSV, "utf-8")
    run("migrate")
    assert "empty" in run("directory", "export", "--format", "standard-csv", "--out", tmp_path / "none").out
    run("directory", "import", path)
    before = json.loads(run("directory", "search", "--json").out)["matches"]
    assert run("directory", "export", "--format", "hsds", "--out", tmp_path / "hsds").code == 0
    services = json.loads((tmp_path / "hsds" / "services.json").read_text("utf-8"))
    described = json.loads((tmp_path / "hsds" / "datapackage.json").read_text("utf-8"))
    assert {one["name"] for one in services} == {one["name"] for one in before}
    assert all((tmp_path / "hsds" / one["path"]).exists() for one in described["resources"])
    assert run("directory", "export", "--format", "standard-csv", "--out", tmp_path / "csv").code == 0
    again = [read_file(file) for file in sorted((tmp_path / "csv").iterdir())]
    names = {place.name: place.opening for one in again for place in one.taken}
    assert set(names) == {one["name"] for one in before}
    assert all(opening.known for opening in names.values())
    assert run("directory", "export", "--format", "parquet", "--out", tmp_path).code != 0


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_taken(run: Run, tmp_path: Path) -> None:
    """One broken file ends with 1 and keeps nobody else out."""
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text(CSV, "utf-8")
    bad.write_bytes(b"PK\x03\x04")
    run("migrate")
    ended = run("directory", "import", bad, good)
    assert ended.code == 1
    assert "bad.csv" in ended.err
    assert "2 new" in ended.out


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared is absent")
def test_the_support_bases_of_takamatsu_are_found(run: Run, tmp_path: Path) -> None:
    """高松市's own files go in whole, and its 地域子育て支援拠点 are found by topic and area."""
    files = sorted((SHARED / "takamatsu").glob("*.csv"))
    run("migrate")
    ended = run("directory", "import", *files, "--report", tmp_path / "r.json")
    assert ended.code == 0
    report = json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert [Path(entry["path"]).name for entry in report["files"]] == [path.name for path in files]
    here = json.loads(run("directory", "search", "--topic", "parenting_salon", "--area", "大工町", "--json").out)
    assert [match["name"] for match in here["matches"]] == ["わはは・ひろば高松"]
    city = run("directory", "search", "--topic", "parenting_salon", "--area", "高松市", "--limit", "99", "--json")
    assert sum(m["category"] == "parenting_salon" for m in json.loads(city.out)["matches"]) == 15


def test_a_citys_questions_are_imported(run: Run, city_file: Path, tmp_path: Path) -> None:
    """Rows are taken or refused with a reason; a file that cannot be read ends it with 1, the others are stored."""
    assert run("migrate").code == 0
    (tmp_path / "faq.csv").write_text("質問,回答\n犬は?,登録です。\n,なし\n", encoding="utf-8")
    ended = run("questions", "import", str(tmp_path / "faq.csv"), str(tmp_path / "missing.csv"))
    assert ended.code == 1
    assert "1 taken, 1 refused" in ended.out
    assert "row 2: 質問がありません" in ended.out
    assert "1 new, 0 changed" in ended.out
    assert "missing.csv" in ended.err
    (tmp_path / "q.json").write_text('{"1": "犬"}', encoding="utf-8")
    (tmp_path / "r.json").write_text('{"1": {"faq/1": 1}}', encoding="utf-8")
    paths = ("--queries", str(tmp_path / "q.json"), "--qrels", str(tmp_path / "r.json"))
    assert "too few to learn from" in run("questions", "learn", *paths).err
    assert "already" in run("questions", "forget").out
    again = run("questions", "import", "--dry-run", str(tmp_path / "faq.csv"))
    assert (again.code, "new" in again.out) == (0, False)


# --- hearing ----------------------------------------------------------------------------------------------------------


def test_lines_are_understood_in_order(run: Run) -> None:
    """One JSON line comes out for each line that goes in, in the agreed shape."""
    ended = run("understand", stdin="一時預かりはありますか\nもう死にたい\n\nむらさきのぞう\n")
    heard = [json.loads(line) for line in ended.out.splitlines()]
    assert ended.code == 0
    assert [entry["id"] for entry in heard] == ["1", "2", "3", "4"]
    assert all(set(e) == {"id", "language", "signals", "topics", "confident", "action"} for e in heard)
    assert [entry["action"] for entry in heard] == ["answer", "call_person", "clarify", "clarify"]
    assert set(heard[1]["signals"][0]) == {"kind", "severity", "aspects", "evidence", "why"}
    assert all(set(topic) == {"id", "score"} for topic in heard[0]["topics"])
    assert len(heard[0]["topics"]) <= 5


def test_json_lines_keep_their_ids(run: Run) -> None:
    """With --jsonl each line may bring an id and a language, and they come back in order."""
    lines = [{"id": "b", "text": "I want to die", "language": "en"}, {"text": "こんにちは"}, {"id": 7, "text": ""}]
    ended = run("understand", "--jsonl", stdin="\n".join(json.dumps(line) for line in lines))
    heard = [json.loads(line) for line in ended.out.splitlines()]
    assert [entry["id"] for entry in heard] == ["b", "2", "7"]
    assert heard[0]["action"] == "call_person"


@pytest.mark.parametrize("bad", ["{", "[]", '{"id": 1}', "3", "null", '"text"'])
def test_a_bad_line_ends_it(run: Run, bad: str) -> None:
    """A line that is no JSON object with text ends with 1 and its number; what came before is out."""
    ended = run("understand", "--jsonl", stdin='{"text": "はい"}\n' + bad + "\n")
    assert ended.code == 1
    assert "line 2" in ended.err
    assert len(ended.out.splitlines()) == 1


# --- talking ----------------------------------------------------------------------------------------------------------

SCRIPT = """はじめる [K7F3]
一時預かり
[市内ならどこでも]
もう死にたい
@ staff claims
聞こえますか
@ staff releases: 明日また
ありがとう
(sticker)
@ staff closes
@ 2026-11-24 09:00
一時預かりは休みですか
"""


@pytest.mark.parametrize("lang", ["", "en"])
def test_a_chat_is_a_transcript(run: Run, lang: str, engines: Encoders) -> None:
    """What a chat prints can be saved and played again, and reads the same."""
    ended = run("chat", "--at", "2026-11-22 02:10", "--lang", lang, stdin=SCRIPT)
    assert (ended.code, ended.err) == (0, "")
    printed = ended.out.replace("> @ ", "@ ").removesuffix("> \n")
    assert as_shipped(engines).play(ended.out) == printed
    assert "! case waiting urgent" in printed
    assert "! silent" in printed


def test_a_chat_goes_on_after_a_slip(run: Run) -> None:
    """A button that is not there, or staff without a case, is said and the talk goes on."""
    ended = run("chat", "--at", "2026-11-22 02:10", stdin="[なし]\n@ staff claims\n@ dance\n@ staff dances\nメニュー\n")
    assert ended.code == 0
    assert ended.err.count("✗") == 4
    assert "どれにしますか" in ended.out


# --- content ----------------------------------------------------------------------------------------------------------


def test_content_check_ends_with_what_it_finds(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing missing ends with 0; anything missing is listed and ends with 1."""
    monkeypatch.setattr(check, "problems", lambda _content: [])
    assert run("content", "check").code == 0
    monkeypatch.setattr(check, "problems", lambda _content: ["en: not translated: あ", "[x] y"])
    ended = run("content", "check")
    assert ended.code == 1
    assert ended.err.splitlines() == ["✗ en: not translated: あ", "✗ [x] y"]


def test_menus_are_put_up_once(run: Run) -> None:
    """`line menus` puts up every picture there is; the second time nothing is to do; an error is a sentence."""
    assert run("migrate").code == 0
    platform = roof.demo_platform(Settings(line_channel_secrets=("s",), line_channel_access_token="t"), Clock())
    listening = socket.create_server(("127.0.0.1", 0))
    app = Starlette(routes=[Mount("/simulator", create_simulator(platform))])
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        at = f"http://127.0.0.1:{listening.getsockname()[1]}/simulator"
        first = run("line", "menus", LINE_API_BASE=at, LINE_CHANNEL_ACCESS_TOKEN="t")
        again = run("line", "menus")
        refused = run("line", "menus", LINE_CHANNEL_ACCESS_TOKEN="wrong")
    finally:
        server.should_exit = True
        thread.join()
    count = len(library.menu_pictures())
    assert (first.code, first.err) == (0, "")
    assert f"{count} menus are up" in first.out
    assert f"{count} new" in first.out
    assert "0 new, 0 taken down" in again.out
    assert platform.menus.default in platform.menus.all
    assert refused.code == 1
    assert "401" in refused.err
