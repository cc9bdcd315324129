"""The command line: everything an engineer or an officer does without a browser.

The rule: every command ends with 0, or says in one sentence what is wrong and what to do, and ends with another number.
"""

from __future__ import annotations

import asyncio
import getpass
import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast, get_args
from urllib.parse import urlencode

import typer
from rich.console import Console
from rich.progress import Progress, TaskID, track
from rich.table import Table
from sqlalchemy.orm import Session

from bot import app as roof
from bot import campaigns, catalogue, check, city, evaluation, i18n, library, names, questions
from bot.clock import Clock
from bot.cores import on_every_core
from bot.directory.documents import resources_from_documents
from bot.directory.exporting import hsds, standard
from bot.directory.hours import WEEKDAYS
from bot.directory.importing import Imported, read_file, report
from bot.directory.resources import ATTRIBUTES, Provision, to_json
from bot.directory.search import Directory, Query
from bot.encoders.engines import Encoders, configured
from bot.errors import (
    ContentError,
    LineRefusedError,
    LineUnreachableError,
    MadoguchiError,
    NotCalledError,
    SettingsError,
)
from bot.line import menu_picture, richmenu
from bot.line.client import LineClient
from bot.messages import Heard, Point
from bot.opening import TOKYO
from bot.settings import Settings
from bot.store import Store
from bot.transcript import Rehearsal
from bot.understanding import hearing
from bot.understanding.faq import Ranker
from bot.understanding.hearing import Hearing
from handoff import alarms, translation, translators
from handoff.console import labels
from handoff.staff import ROLES, Passwords, add_staff, make_password

T = TypeVar("T")


class Subject(StrEnum):
    """Name what can be learned."""

    EVERYTHING = "everything"
    SIGNALS = "signals"
    TOPICS = "topics"
    LANGUAGE = "language"
    QUESTIONS = "questions"
    KANJI = "kanji"
    ENCODER = "encoder"


class Layout(StrEnum):
    """Name how the directory can be written."""

    HSDS = "hsds"
    STANDARD_CSV = "standard-csv"


class Measured(StrEnum):
    """Name what can be measured."""

    SIGNALS = "signals"
    TOPICS = "topics"
    LANGUAGE = "language"
    RETRIEVAL = "retrieval"


app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="まどぐち: a city's front desk for families, on LINE."
)
directory_app = typer.Typer(no_args_is_help=True, help="The directory of places and services.")
questions_app = typer.Typer(no_args_is_help=True, help="The city's own questions and answers.")
staff_app = typer.Typer(no_args_is_help=True, help="The staff's accounts.")
campaign_app = typer.Typer(no_args_is_help=True, help="Printed cards with a QR code, and how often they are scanned.")
content_app = typer.Typer(no_args_is_help=True, help="What the desk says and hears.")
line_app = typer.Typer(no_args_is_help=True, help="What stands at LINE.")
app.add_typer(directory_app, name="directory")
app.add_typer(questions_app, name="questions")
app.add_typer(staff_app, name="staff")
app.add_typer(campaign_app, name="campaign")
app.add_typer(content_app, name="content")
app.add_typer(line_app, name="line")

#: Debian's Chromium, in its build without windows where that is installed: the same engine, half the work.
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium") or "/usr/bin/chromium"
WIDE = None if sys.stdout.isatty() else 200  # columns; for a pipe or a file rich would squeeze tables into 80
out = Console(highlight=False, soft_wrap=True, width=WIDE)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def main() -> None:
    """Run the command line; an error of ours is one sentence, not a traceback."""
    try:
        app(prog_name="madoguchi")
    except MadoguchiError as error:
        err.print(f"[red]✗[/red] {error}")
        sys.exit(1)


@contextmanager
def _store(settings: Settings) -> Iterator[Callable[[Callable[[Store], Coroutine[Any, Any, T]]], T]]:
    """Give a runner for work on the open store."""

    async def work(job: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
        store = Store(settings.database_url, settings.secret_key)
        await store.open()
        try:
            return await job(store)
        finally:
            await store.close()

    yield lambda job: asyncio.run(work(job))


# --- serving ----------------------------------------------------------------------------------------------------------


@app.command()
def demo(
    host: Annotated[str, typer.Option(help="Where to listen.")] = "localhost",
    port: Annotated[int, typer.Option(help="Which port.")] = 8000,
    folder: Annotated[Path, typer.Option(help="Where the fresh database goes.")] = Path("var/demo"),
    quiet: Annotated[bool, typer.Option(help="Print the addresses as one JSON line and nothing else.")] = False,
) -> None:
    """Serve the whole desk on a fresh database: an invented city, the simulated LINE, console and room."""

    def told(addresses: dict[str, Any]) -> None:
        if quiet:
            print(json.dumps(addresses, ensure_ascii=False), flush=True)
            return
        out.print("\n[bold]まどぐち[/bold] — demo of ひなた市 (invented; nothing leaves this machine)\n")
        out.print(f"  the phone     {addresses['phone']}")
        out.print(f"  a QR card     {addresses['card']}  (to print: {addresses['cards']})")
        out.print(f"  the console   {addresses['console']}")
        out.print(f"  public pages  {addresses['public']}")
        for sign_in in addresses["staff"]:
            out.print(f"      {sign_in['role']:<14} {sign_in['login']:<8} {sign_in['password']}")
        out.print("\n  Ctrl-C ends it; the next demo begins afresh.\n")

    roof.run_demo(host, port, folder, told)


@app.command()
def pictures(
    folder: Annotated[Path, typer.Option(help="Where the pictures go.")] = Path("docs/images"),
    transcripts: Annotated[Path, typer.Option(help="Where the conversations are.")] = Path("tests/transcripts"),
    chromium: Annotated[str, typer.Option(help="Which Chromium draws.")] = CHROMIUM,
) -> None:
    """Play ten conversations on the demo's phone and photograph them, for the README (`make pictures`)."""
    from bot.simulator.pictures import TALKS, draw, opened

    with opened(chromium) as phone:
        for talk, size in draw(phone, TALKS, transcripts, folder).items():
            out.print(f"{talk}.png  {size // 1000} KB")


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Where to listen; put a TLS proxy in front.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Which port.")] = 8000,
    role: Annotated[str, typer.Option(help="all, web or worker (web and worker need PostgreSQL).")] = "all",
) -> None:
    """Serve a city. Settings come from MADOGUCHI_… (see `madoguchi doctor`)."""
    if role not in ("all", "web", "worker"):
        raise typer.BadParameter("role is all, web or worker")
    settings = Settings.from_environment()
    found, silent = settings.problems(), list[str]()
    if not found:
        with _store(settings) as ask:
            found = ask(_asks_database)
            silent = ask(partial(_asks_alarms, settings=settings))
    for problem in found:
        err.print(f"[red]✗[/red] {problem}")
    if found:
        raise typer.Exit(1)
    roof.run(settings, host, port, role, silent)


@app.command()
def migrate(
    revision: Annotated[str, typer.Argument(help="head, base, or a number of bot/migrations.")] = "head",
) -> None:
    """Bring the database's schema to a revision."""
    settings = Settings.from_environment()
    asyncio.run(Store(settings.database_url, settings.secret_key).migrate(revision))
    out.print(f"schema is at {revision}")


def _asks_encoders(settings: Settings) -> list[str]:
    """Return what keeps the encoders from helping to hear."""
    try:
        engines = configured(settings)
        library.load(encoders=settings.encoders).hearing.hear("こんにちは", vectors=engines.vectors(["こんにちは"]))
    except (MadoguchiError, KeyError, ValueError) as error:
        return [f"the encoders ({settings.encoders}) do not help to hear: {error}; every message would go to a person"]
    return []


@app.command()
def doctor(
    offline: Annotated[bool, typer.Option(help="Do not ask LINE.")] = False,
) -> None:
    """Say what is missing or wrong before a city goes live; ends with 1 if anything is."""
    settings = Settings.from_environment()
    found = [*settings.problems(), *translators.problems(settings.translate), *check.problems(library.load())]
    if not found:
        with _store(settings) as run:
            found += [*run(_asks_database), *run(partial(_asks_alarms, settings=settings))]
            found += run(partial(_asks_translation, settings=settings))
    found += _asks_encoders(settings)
    if not offline and settings.line_channel_access_token:
        found += asyncio.run(_asks_line(settings))
    for problem in found:
        err.print(f"[red]✗[/red] {problem}")
    if found:
        raise typer.Exit(1)
    out.print("[green]✓[/green] everything is in place")


async def _asks_database(store: Store) -> list[str]:
    found = await store.read(city.load)
    if found is None:
        return ["no city is set up: run `madoguchi city set FILE`"]
    unspoken = set(found.languages) - set(i18n.load(library.load().vocabulary["languages"]).talks)
    return [*city.problems(found), *(f"the desk cannot talk in {id} yet, only pages can" for id in sorted(unspoken))]


async def _asks_alarms(store: Store, settings: Settings) -> list[str]:
    found = await store.read(city.load)
    return alarms.problems(found, mail=bool(settings.smtp_url), hook=bool(settings.alarm_hook_url)) if found else []


async def _asks_translation(store: Store, settings: Settings) -> list[str]:
    found = await store.read(city.load)
    return translation.problems(found.translation, translators.configured(settings.translate)) if found else []


async def _asks_line(settings: Settings) -> list[str]:
    line = LineClient(settings.line_api_base, settings.line_channel_access_token)
    await line.open()
    try:
        info = await line.bot_info()
    except (LineRefusedError, LineUnreachableError) as error:
        return [f"LINE does not answer at {settings.line_api_base}: {error}"]
    finally:
        await line.close()
    if settings.line_destination and settings.line_destination != info.user_id:
        return ["MADOGUCHI_LINE_DESTINATION is not this channel's own user id"]
    return []


# --- the city ------------------------------------------------------------------------------------------------------


@app.command("city")
def set_city(
    action: Annotated[str, typer.Argument(help="set")],
    file: Annotated[Path, typer.Argument(help="A YAML file with the keys of bot/content/sample_city/city.yaml.")],
) -> None:
    """Store the city's settings from a file as a new version."""
    if action != "set":
        raise typer.BadParameter("the action is: set")
    document = library.read_yaml(file)
    document = document.get("city") if isinstance(document, dict) else None
    if not isinstance(document, dict):
        raise SettingsError(f"{file.name}: the settings stand under `city:`, as in bot/content/sample_city/city.yaml")
    with _store(Settings.from_environment()) as run:
        version = run(lambda store: store.write(lambda s: city.save(s, document, datetime.now(UTC), "cli")))
    out.print(f"settings of {document['name']} stored as version {version}")
    for problem in city.problems(city.city_of(document)):
        err.print(f"[yellow]![/yellow] {problem}")


@app.command("alarms")
def try_alarms(
    action: Annotated[str, typer.Argument(help="try")],
) -> None:
    """Call by every step of the city's alarms, saying that it is a trial; ends with 1 if one gets nowhere."""
    if action != "try":
        raise typer.BadParameter("the action is: try")
    settings = Settings.from_environment()
    with _store(settings) as run:
        found = run(lambda store: store.read(city.load))
    if found is None:
        raise SettingsError("no city is set up: run `madoguchi city set FILE`")
    if not found.alarms:
        raise SettingsError("the city's settings have no alarms: nobody would be called (docs/alarms.md)")
    ways, failed = roof.ways(settings), False
    for step in found.alarms:
        if step.on_call:
            out.print(f"[dim]- {step.severity}, after {step.after} s, {step.when}: who is on call is let sleep[/dim]")
        for way in [way for way in alarms.ways_of(step) if alarms.addresses(step, way, ())]:
            name = f"{step.severity}, after {step.after} s, {step.when}: {way}"
            try:
                asyncio.run(ways.rehearse(step, way, found.name))
            except NotCalledError as error:
                failed = True
                err.print(f"[red]✗[/red] {name}: {error}")
            else:
                out.print(f"[green]✓[/green] {name}")
    if failed:
        raise typer.Exit(1)


# --- LINE ----------------------------------------------------------------------------------------------------------


@line_app.command("menus")
def line_menus() -> None:
    """Put up the rich menus, one per language, the Japanese one for everybody; what is up already stays.

    Every resident is then shown the one in her language, by whatever process serves.
    """
    settings = Settings.from_environment()
    pictures = library.menu_pictures()
    words = i18n.load(library.load().vocabulary["languages"])

    async def job(store: Store) -> tuple[richmenu.PutUp, int]:
        line = LineClient(settings.line_api_base, settings.line_channel_access_token, timeout_seconds=MENU_SECONDS)
        await line.open()
        try:
            done = await richmenu.put_up(line, pictures, words)
        finally:
            await line.close()
        return done, await store.write(lambda s: richmenu.ask_for_everybody(s, done.menus, datetime.now(UTC)))

    with _store(settings) as run:
        done, count = run(job)
    out.print(f"{len(done.menus)} menus are up ({', '.join(done.menus)}): {done.new} new, {done.gone} taken down")
    if count:
        out.print(f"{count} residents will be shown theirs")


@line_app.command("draw")
def line_draw(
    folder: Annotated[Path, typer.Option(help="Where the pictures go.")] = library.CONTENT / "menus",
    chromium: Annotated[str, typer.Option(help="Which Chromium draws.")] = CHROMIUM,
) -> None:
    """Draw the pictures of the rich menus, in every language that has words for all of their areas (`make menus`)."""
    from bot.line.draw import draw

    words = i18n.load(library.load().vocabulary["languages"])
    drawn = menu_picture.languages(words)
    for language, size in draw(drawn, words, folder, chromium).items():
        out.print(f"{language}.png  {size // 1000} KB")
    for language in sorted(set(words.languages) - set(drawn)):
        err.print(f"[yellow]![/yellow] {language}: not every area has words yet; no picture")


# --- staff ------------------------------------------------------------------------------------------------------------


@staff_app.command("add")
def staff_add(
    login: Annotated[str, typer.Argument(help="The name to sign in with.")],
    work_name: Annotated[str, typer.Option(help="The name that families see (at most 20 characters).")],
    role: Annotated[str, typer.Option(help="specialist, supervisor, officer or administrator.")],
    generate: Annotated[bool, typer.Option(help="Make a password and print it once.")] = False,
) -> None:
    """Make an account. The password is asked for, or made with --generate."""
    if role not in ROLES:
        raise typer.BadParameter(f"role is one of {', '.join(ROLES)}")
    password = make_password() if generate else getpass.getpass("password (12 characters or more): ")

    async def job(store: Store) -> object:
        return await add_staff(
            store, Passwords(), login=login, work_name=work_name, role=role, password=password, at=datetime.now(UTC)
        )

    with _store(Settings.from_environment()) as run:
        run(job)
    out.print(f"{login} ({role}) may sign in" + (f" with {password}" if generate else ""))


MENU_SECONDS = 20.0  # one picture may take, over a city's line
SHOWN_CHANGES = 100  # of an import, before the rest is only counted

# --- the directory ---------------------------------------------------------------------------------------------------


@directory_app.command("import")
def directory_import(
    files: Annotated[
        list[Path], typer.Argument(help="Open data of a city: CSV, TSV, XLSX, JSON, GeoJSON, or a ZIP of these.")
    ],
    dialect: Annotated[str, typer.Option(help="How to read them; auto finds it.")] = "auto",
    category: Annotated[str, typer.Option(help="What the places are, when a file does not say.")] = "",
    municipality: Annotated[str, typer.Option(help="Whose they are, when a file does not say.")] = "",
    area_code: Annotated[str, typer.Option(help="For phone numbers without one, e.g. 0183.")] = "",
    column: Annotated[
        list[str] | None, typer.Option(help="HEADER=FIELD: what a column holds (HEADER= for: leave it out).")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Read and show what would change, store nothing.")] = False,
    report_file: Annotated[Path | None, typer.Option("--report", help="Write the report as JSON.")] = None,
) -> None:
    """Read files into the directory, row by row: taken, mended or refused with a reason.

    Headers that nobody has seen are guessed and shown: `--column` says otherwise. What staff wrote stays. Ends with 0
    when rows were refused with reasons, with 1 when a file cannot be read.
    """
    read, failed = [], []
    columns = dict(_column(given) for given in column or ())
    with Progress(console=err, transient=True) as bar:
        for file in bar.track(files, description="reading"):
            task = bar.add_task(file.name, total=None)
            try:
                one = read_file(
                    file, dialect=dialect, category=category or None, municipality=municipality, area_code=area_code,
                    columns=columns, progress=partial(_shown, bar, task),
                )  # fmt: skip
                read.append(one)
            except MadoguchiError as error:
                failed.append(f"{file.name}: {error}")
            bar.remove_task(task)
    told = report(read)
    for entry, imported in zip(told["files"], read, strict=True):
        _tell_read(entry, imported)
        if dry_run:
            _tell_changes(imported)
            continue
        with _store(Settings.from_environment()) as run:
            stored = run(partial(_write, partial(_keep, imported)))
        kept = f" ({stored.kept} keep what staff wrote)" if stored.kept else ""
        out.print(f"    {stored.new} new, {stored.changed} changed{kept}, {stored.same} same, {stored.gone} gone")
    if report_file is not None:
        report_file.write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")
    for failure in failed:
        err.print(f"[red]✗[/red] {failure}")
    if failed:
        raise typer.Exit(1)


def _column(given: str) -> tuple[str, str]:
    header, equals, field = given.rpartition("=")
    if not equals or not header:
        raise typer.BadParameter(f"--column {given!r}: write HEADER=FIELD")
    return header, field.strip()


def _tell_read(entry: dict[str, Any], imported: Imported) -> None:
    out.print(
        f"{entry['path']}: {entry['rows']} rows, {entry['taken']} taken, {entry['mended']} mended, "
        f"{len(entry['refused'])} refused ({entry['dialect']})"
    )
    for header, field in imported.guessed:
        out.print(f"    guessed: {header} = {field}  (--column {header}= leaves it out)", markup=False)
    for refused in entry["refused"]:
        sheet = f"{refused['sheet']} " if "sheet" in refused else ""
        out.print(f"    {sheet}row {refused['row']}: {refused['reason']}", markup=False)


def _tell_changes(imported: Imported) -> None:
    """Show what storing would change; without a database there is nothing to compare with, and that is said."""
    try:
        with _store(Settings.from_environment()) as run:
            changes = run(partial(_read, partial(_preview, imported)))
    except SettingsError as error:
        out.print(f"    not compared with what is stored: {error}", markup=False)
        return
    table = Table("", "name", "fields", "staff's stay", title="would change", title_justify="left")
    for one in changes[:SHOWN_CHANGES]:
        table.add_row(one.what, one.name, ", ".join(one.fields), ", ".join(one.kept))
    if changes:
        out.print(table)
    if len(changes) > SHOWN_CHANGES:
        out.print(f"    … and {len(changes) - SHOWN_CHANGES} more")
    counted = Counter(one.what for one in changes)
    out.print("    would be: " + ", ".join(f"{counted[what]} {what}" for what in ("new", "changed", "gone")))


async def _write(unit: Callable[[Session], T], store: Store) -> T:
    return await store.write(unit)


async def _read(unit: Callable[[Session], T], store: Store) -> T:
    return await store.read(unit)


def _preview(imported: Imported, session: Session) -> list[catalogue.Difference]:
    return catalogue.preview(session, imported.dataset, imported.taken)


def _keep(imported: Imported, session: Session) -> catalogue.Stored:
    return catalogue.keep(session, imported.dataset, imported.taken, datetime.now(UTC))


@directory_app.command("search")
def directory_search(
    topic: Annotated[str, typer.Option(help="An id of the vocabulary, e.g. parenting_salon.")] = "",
    area: Annotated[str, typer.Option(help="A municipality or a 町名.")] = "",
    near: Annotated[str, typer.Option(help="LAT,LON")] = "",
    within: Annotated[float | None, typer.Option(help="km from there; 20 unless told.")] = None,
    age: Annotated[int | None, typer.Option(help="The child's age in months.")] = None,
    open_now: Annotated[bool, typer.Option(help="Only what is open now.")] = False,
    weekday: Annotated[str, typer.Option(help="Only what opens on it: 月 火 水 木 金 土 日.")] = "",
    free: Annotated[bool, typer.Option(help="Only what is known to cost nothing.")] = False,
    language: Annotated[str, typer.Option(help="Spoken there: an id of the vocabulary, e.g. vi.")] = "",
    provision: Annotated[str, typer.Option(help="facility (施設型), visit (訪問型) or outreach (出張型).")] = "",
    attribute: Annotated[list[str] | None, typer.Option(help="A condition that holds, e.g. same_day.")] = None,
    words: Annotated[str, typer.Option(help="Words of the name: kanji, kana or romaji.")] = "",
    limit: Annotated[int, typer.Option(help="How many.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Search the stored directory: every place that fits, in a stated order."""
    content = library.load()
    _known("--topic", topic, content.vocabulary["topics"])
    _known("--language", language, content.vocabulary["languages"])
    _known("--provision", provision, get_args(Provision))
    _known("--weekday", weekday, WEEKDAYS)
    for one in attribute or ():
        _known("--attribute", one, ATTRIBUTES)
    with _store(Settings.from_environment()) as run:
        places = run(lambda store: store.read(lambda s: catalogue.load(s, content.topics_of_category)))
    point = None
    if near:
        try:
            latitude, longitude = (float(part) for part in near.split(","))
        except ValueError:
            raise typer.BadParameter("--near is LAT,LON, e.g. 34.34,134.05") from None
        point = Point(latitude, longitude)
    now = datetime.now(UTC)
    query = Query(
        topic=topic,
        area=area,
        near=point,
        within_km=within,
        age_months=age,
        open_at=now if open_now else None,
        open_weekday=WEEKDAYS.index(weekday) if weekday else None,
        free=free,
        language=language,
        provision=cast(Literal["", "facility", "visit", "outreach"], provision),
        attributes=tuple(attribute or ()),
        words=words,
        limit=limit,
        today=now.astimezone(TOKYO).date(),
    )
    found = places.search(query, now=now)
    if as_json:
        matches = [{**to_json(m.resource), "distance_km": m.distance_km, "open_now": m.open_now} for m in found.matches]
        told = {"total": found.total, "order": found.order, "widened": list(found.widened), "matches": matches}
        print(json.dumps(told, ensure_ascii=False, default=str))
        return
    out.print(f"{found.total} found, order: {found.order}" + (f", set aside: {found.widened}" if found.widened else ""))
    for match in found.matches:
        r = match.resource
        out.print(f"  {r.name}  {r.location.address}  {' '.join(p.number for p in r.phones)}", markup=False)


@directory_app.command("export")
def directory_export(
    layout: Annotated[
        Layout, typer.Option("--format", help="hsds: a tabular data package and JSON; standard-csv: 標準データセット.")
    ],
    folder: Annotated[Path, typer.Option("--out", help="The folder to write into; made if it is not there.")],
    title: Annotated[str, typer.Option(help="What the data set is called; unless told, by the city's name.")] = "",
    licence: Annotated[str, typer.Option(help="The licence that the city gives, e.g. CC-BY-4.0.")] = "",
) -> None:
    """Write the directory as files that a city can publish.

    What protects a life and what only staff may know never leaves: shelters, living notes, who made sure, inactive
    places. What a format cannot hold is listed in docs/directory.md.
    """
    content = library.load()
    with _store(Settings.from_environment()) as run:
        places = run(partial(_read, partial(catalogue.load, topics_of_category=content.topics_of_category)))
        settings = run(partial(_read, city.load))
    folder.mkdir(parents=True, exist_ok=True)
    if layout is Layout.STANDARD_CSV:
        files = standard.write(places.resources)
    else:
        ids = {"category": dict(names.CATEGORIES), "topic": dict(names.TOPICS), "language": dict(labels.LANGUAGES)}
        files = hsds.package(
            places.resources, names=ids, generated_at=datetime.now(UTC), licence=licence,
            title=title or f"{settings.name if settings else ''} 子育ての場所とサービス".strip(),
        )  # fmt: skip
        files["services.json"] = hsds.documents(places.resources, names=ids).encode()
    for file, content_ in sorted(files.items()):
        (folder / file).write_bytes(content_)
        out.print(f"[green]✓[/green] {folder / file} ({len(content_):,} bytes)")
    if not places.resources:
        out.print("the directory is empty: nothing but headers was written")


def _known(option: str, given: str, ids: Iterable[str]) -> None:
    if given and given not in set(ids):
        raise typer.BadParameter(f"{option} {given!r} is none of: {', '.join(ids)}")


@questions_app.command("import")
def questions_import(
    files: Annotated[list[Path], typer.Argument(help="CSV (質問, 回答, and optional 番号, URL) or JSON.")],
    dry_run: Annotated[bool, typer.Option(help="Read and report, store nothing.")] = False,
) -> None:
    """Take a city's questions and answers, so that the desk finds and shows them; takes some 50 ms an entry.

    An entry that its file no longer lists is not shown any more. Ends with 1 when a file cannot be read.
    """
    settings = Settings.from_environment()
    engines = None if dry_run else configured(settings)
    failed = False
    for file in files:
        try:
            read = questions.read_file(file)
        except MadoguchiError as error:
            err.print(f"✗ {error}", markup=False)
            failed = True
            continue
        out.print(f"{file.name}: {len(read.entries)} taken, {len(read.refused)} refused")
        for row, reason in read.refused:
            out.print(f"    row {row}: {reason}", markup=False)
        if engines is None:
            continue
        with Progress(console=err, transient=True) as bar:
            vectors = questions.encoded(
                read.entries, engines, partial(_shown, bar, bar.add_task("reading", total=None))
            )
        unit = partial(_keep_questions, read, vectors, questions.fingerprint(engines))
        with _store(settings) as run:
            stored = run(partial(_write, unit))
        out.print(f"    {stored.new} new, {stored.changed} changed, {stored.same} same, {stored.gone} gone")
    if failed:
        raise typer.Exit(1)


def _keep_questions(read: questions.Read, vectors: list[bytes], made_by: str, session: Session) -> catalogue.Stored:
    return questions.keep(session, read, vectors, made_by, datetime.now(UTC))


@questions_app.command("learn")
def questions_learn(
    queries: Annotated[Path, typer.Option(help="{id: text}, JSON: what residents asked, masked and consented.")],
    qrels: Annotated[Path, typer.Option(help="{query id: {entry id: grade}}, JSON: what a person judged to answer.")],
    folds: Annotated[int, typer.Option(help="In how many parts the queries are tested.", min=2)] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Learn from this city's own queries how to search its questions; kept only if that finds more.

    Prints the figures before and after; those after are of queries that were not learned from. `questions forget`
    goes back to the shipped weights.
    """
    from bot import ranking

    settings = Settings.from_environment()
    engines = configured(settings)
    with _store(settings) as run:
        collection, unread = questions.collection(run(lambda store: store.read(questions.rows)), engines)
        if unread:
            err.print(f"[yellow]![/yellow] {unread} entries were read by other encoders: import them again")
        ranker, figures = questions.relearn(
            collection, ranking.read_queries(queries, qrels), engines,
            library.ranker(library.CONTENT, engines.name), folds,
        )  # fmt: skip
        better = figures["after"]["MRR"] > figures["before"]["MRR"]
        if better:
            unit = partial(_keep_ranker, ranker, engines, figures)
            run(partial(_write, unit))
    if as_json:
        print(json.dumps({"metrics": figures, "kept": better}))
        return
    print(f"{'':14}{'before':>10}{'after':>10}")
    for name, value in figures["before"].items():
        print(f"{name:14}{value:>10}{figures['after'][name]:>10}")
    out.print("[green]✓[/green] kept" if better else "not kept: the weights that are in use find as much or more")


def _keep_ranker(ranker: Ranker, engines: Encoders, figures: dict[str, Any], session: Session) -> None:
    questions.keep_ranker(session, ranker, engines, figures, datetime.now(UTC))


@questions_app.command("forget")
def questions_forget() -> None:
    """Search this city's questions with the shipped weights again."""
    settings = Settings.from_environment()
    engines = configured(settings)
    with _store(settings) as run:
        had = run(lambda store: store.write(lambda s: questions.forget_ranker(s, engines)))
    out.print("the shipped weights are in use" + ("" if had else " (they were already)"))


# --- campaigns -------------------------------------------------------------------------------------------------------


@campaign_app.command("add")
def campaign_add(
    moment: Annotated[str, typer.Option(help=f"When the card is handed over: {', '.join(campaigns.MOMENTS)}.")],
    place: Annotated[str, typer.Option(help="Where, or by whom: for your own lists.")] = "",
    language: Annotated[list[str] | None, typer.Option(help="A language of the cards, e.g. vi; else ja.")] = None,
    greeting: Annotated[
        list[str] | None, typer.Option(help="LANGUAGE=WORDS: what the code writes in the phone, e.g. vi='Xin chào'.")
    ] = None,
    token: Annotated[str, typer.Option(help="The code, when it must be a certain one; else one is made.")] = "",
) -> None:
    """Make a batch of cards with a code of its own: a batch, never one person."""
    unit = partial(
        campaigns.add, moment=moment, place=place, languages=tuple(language or (i18n.SOURCE,)), token=token,
        greetings=dict(_greeting(given) for given in greeting or ()), at=datetime.now(UTC),
    )  # fmt: skip
    settings = Settings.from_environment()
    with _store(settings) as run:
        made = run(partial(_write, unit))
        talks = run(partial(_read, city.load))
    out.print(f"[green]✓[/green] {made.token} ({made.moment}): {settings.base_url}/q/{made.token}")
    for id in made.languages:
        out.print(f"    {id}: {made.greeting(id)}", markup=False)
    if unspoken := [id for id in made.languages if talks is not None and id not in talks.languages]:
        err.print(f"[yellow]![/yellow] the desk does not talk in {', '.join(unspoken)}: easy Japanese instead")
    out.print(f"    print them: madoguchi campaign cards {made.token}")


def _greeting(given: str) -> tuple[str, str]:
    language, equals, words = given.partition("=")
    if not equals:
        raise typer.BadParameter(f"--greeting {given!r}: write LANGUAGE=WORDS")
    return language.strip(), words


@campaign_app.command("list")
def campaign_list(
    as_json: Annotated[bool, typer.Option("--json", help="Every day and language, as JSON.")] = False,
) -> None:
    """Show every campaign with its scans, and how many people began to talk by it. Nobody can be found by these."""
    with _store(Settings.from_environment()) as run:
        found = run(partial(_read, campaigns.counted))
    if as_json:
        print(json.dumps([_told_campaign(one) for one in found], ensure_ascii=False))
        return
    table = Table("code", "moment", "place", "since", "ended", "scans", "by language", "began to talk")
    for one in found:
        by_language: Counter[str] = Counter()
        for (_day, id), count in one.scans.items():
            by_language[id] += count
        table.add_row(
            one.campaign.token, one.campaign.moment, one.campaign.place, _day_of(one.created_at),
            _day_of(one.ended_at) if one.ended_at else "", str(by_language.total()),
            " ".join(f"{id} {count}" for id, count in by_language.most_common()), str(one.greeted),
        )  # fmt: skip
    out.print(table if found else "no campaigns yet: madoguchi campaign add --help")


def _day_of(moment: datetime) -> str:
    return f"{moment.astimezone(TOKYO):%Y-%m-%d}"


def _told_campaign(one: campaigns.Counted) -> dict[str, Any]:
    return {
        "token": one.campaign.token, "moment": one.campaign.moment, "place": one.campaign.place,
        "languages": list(one.campaign.languages), "since": _day_of(one.created_at),
        "ended": _day_of(one.ended_at) if one.ended_at else "", "greeted": one.greeted,
        "scans": [{"day": f"{day}", "language": id, "count": count} for (day, id), count in one.scans.items()],
    }  # fmt: skip


@campaign_app.command("cards")
def campaign_cards(
    token: Annotated[str, typer.Argument(help="The code.")],
    language: Annotated[list[str] | None, typer.Option(help="A language of the cards; else the campaign's.")] = None,
    together: Annotated[bool, typer.Option(help="One card that names all the languages, not one for each.")] = False,
) -> None:
    """Say where the cards are, to be opened in a browser and printed: A6 pages, and A4 sheets of four to cut."""
    settings = Settings.from_environment()
    with _store(settings) as run:
        campaign, runs = run(partial(_read, partial(campaigns.find, token=token)))
    if campaign is None or not runs:
        raise SettingsError(f"no campaign {token!r} runs: `madoguchi campaign list` shows them all")
    for id in language or ():
        _known("--language", id, i18n.OWN_NAMES)
    wanted = [("l", id) for id in language or ()] + [("together", "1")] * together
    for paper, more in (("A6", []), ("A4", [("sheet", "1")])):
        query = urlencode([*wanted, *more])
        address = f"{settings.base_url}/public/cards/{campaign.token}" + (f"?{query}" if query else "")
        out.print(f"  {paper}  {address}", markup=False)
    out.print("  Print at 100%, without margins of the browser. One scan of your own before the batch is printed.")


@campaign_app.command("greet")
def campaign_greet(
    token: Annotated[str, typer.Argument(help="The code.")],
    language: Annotated[str, typer.Argument(help="An id of the vocabulary, e.g. vi.")],
    words: Annotated[str, typer.Argument(help="What the code writes in the phone; '' for our own words again.")],
) -> None:
    """Change the greeting of cards that are printed already: the code leads to the new words at once."""
    with _store(Settings.from_environment()) as run:
        campaign = run(partial(_write, partial(campaigns.greet, token=token, language=language, words=words)))
    out.print(f"[green]✓[/green] {language}: ", end="")
    out.print(campaign.greeting(language), markup=False)


@campaign_app.command("end")
def campaign_end(token: Annotated[str, typer.Argument(help="The code.")]) -> None:
    """End a campaign: its cards still find the desk, and are counted no more. The code is never used again."""
    with _store(Settings.from_environment()) as run:
        ended = run(partial(_write, partial(campaigns.end, token=token, at=datetime.now(UTC))))
    out.print(f"[green]✓[/green] {ended.token} has ended; who still scans it is told how to reach the desk")


# --- content and hearing ---------------------------------------------------------------------------------------------


@content_app.command("check")
def content_check() -> None:
    """List what is missing or wrong in what the desk says and hears; ends with 1 if anything is."""
    found = check.problems(library.load())
    for problem in found:
        err.print(f"✗ {problem}", markup=False)
    if found:
        raise typer.Exit(1)
    out.print("[green]✓[/green] content is complete")


@app.command()
def understand(
    jsonl: Annotated[bool, typer.Option(help="Read JSON lines with text, and optional id and language.")] = False,
) -> None:
    """Read lines, write what is heard in each as one JSON line, in order."""
    engines, ears = _ears()

    def told(line: tuple[str, str, str]) -> str:
        id, text, language = line
        heard = ears.hear(text, vectors=engines.vectors(ears.readings(text)), prior=language)
        return json.dumps(hearing.to_json(heard, id), ensure_ascii=False)

    for line in on_every_core(told, _spoken_lines(jsonl)):
        print(line, flush=True)


def _spoken_lines(jsonl: bool) -> Iterator[tuple[str, str, str]]:
    """Yield id, text and language of each line of the standard input."""
    for number, line in enumerate(sys.stdin, 1):
        text, id, language = line.rstrip("\n"), str(number), ""
        if jsonl:
            try:
                entry = json.loads(line)
                text, id, language = str(entry["text"]), str(entry.get("id", number)), str(entry.get("language", ""))
            except (json.JSONDecodeError, KeyError, TypeError):
                raise ContentError(f"line {number} is not a JSON object with text") from None
        yield id, text, language


def _ears() -> tuple[Encoders, Hearing]:
    """Return the engines that the environment names, and what hears with them."""
    settings = Settings.from_environment()
    return configured(settings), library.load(encoders=settings.encoders).hearing


SPLIT = Path(__file__).parents[1] / "tests" / "frozen"


def _shown(bar: Progress, task: TaskID, done: int, all_: int) -> None:
    bar.update(task, completed=done, total=all_)


@app.command()
def train(
    what: Annotated[
        Subject, typer.Argument(help="What to learn; everything (but kanji and the encoder) unless told.")
    ] = (Subject.EVERYTHING),
    engines: Annotated[
        str, typer.Option("--encoders", help="all, fast, none or api; unless told the first three.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Learn the weights of hearing from the examples in bot/content, and keep them there as plain arrays.

    How kana is usually written comes first (`train kanji`), then the encoder's upper layers (`train encoder`: needs
    torch, an hour), then everything else.
    """
    from bot import ranking, training
    from bot.understanding import kanji

    settings = Settings.from_environment()
    figures: dict[str, Any] = {}
    if what is Subject.KANJI:
        kanji.keep(found := training.learn_kanji())
        out.print(f"[green]✓[/green] {len(found.rows)} words in {kanji.KEPT.name}; learn everything next")
        return
    with Progress(console=err, transient=True) as bar:
        if what is Subject.ENCODER:
            _tune(bar)
            return
        for name in [engines] if engines else list(training.SHIPPED):
            opened = configured(replace(settings, encoders=name), to_learn=True)
            task = bar.add_task(f"reading the examples ({name})", total=None)
            kept = training.Kept(opened, Path("var"), partial(_shown, bar, task))
            if what in (Subject.EVERYTHING, Subject.QUESTIONS):
                bar.update(task, description=f"learning questions ({name})")
                ranker, figures[f"questions.{name}"] = ranking.teach(opened, library.questions())
                training.save(library.CONTENT, f"questions.{name}", ranker.arrays())
            for subject, lesson in training.learn(what.value, kept, library.CONTENT):
                figures[f"{subject}.{name}"] = dict(lesson.figures)
                bar.update(task, description=f"learning {subject} ({name})")
    if as_json:
        print(json.dumps({"metrics": figures}))
        return
    for subject, numbers in figures.items():
        out.print(f"[green]✓[/green] {subject}: " + ", ".join(f"{name} {value:.4g}" for name, value in numbers.items()))


def _tune(bar: Progress) -> None:
    """Learn the encoder's layers, without the lines on which thresholds are chosen."""
    try:
        from bot import tuning
    except ImportError as error:
        raise SettingsError(f"`train encoder` needs torch ({error}): pip install torch") from error
    from bot import training

    tasks: dict[str, TaskID] = {}

    def shown(what: str, done: int, all_: int) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what)
        bar.update(tasks[what], completed=done, total=all_)

    given = [line for line in training.with_variants(training.signal_lines()) if not line.apart]
    topics = training.with_variants(training.topic_lines())
    tuning.keep(tuning.tune(given, topics, shown), library.CONTENT / "learned")


@app.command()
def evaluate(
    what: Annotated[Measured, typer.Argument(help="signals, topics, language or retrieval.")],
    split: Annotated[Path, typer.Option(help="The folder of the test split.")] = SPLIT,
    corpus: Annotated[Path | None, typer.Option(help="retrieval: a collection, JSON.")] = None,
    queries: Annotated[Path | None, typer.Option(help="retrieval: {id: text}, JSON.")] = None,
    qrels: Annotated[Path | None, typer.Option(help="retrieval: {query id: {entry id: grade}}, JSON.")] = None,
    folds: Annotated[int, typer.Option(help="retrieval: also learn from all folds but one, and test on it.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print all figures and misses as JSON.")] = False,
    misses: Annotated[int, typer.Option(help="How many misses to list.")] = 20,
) -> None:
    """Measure the hearing on lines that it has not learned from, or the search in a collection; nothing is stored."""
    if what is Measured.RETRIEVAL:
        _retrieval(corpus, queries, qrels, folds, as_json)
        return
    given = evaluation.read_split(split)[what.value]
    engines, ears = _ears()

    def hear(line: evaluation.Labelled) -> Heard:
        return ears.hear(line.text, vectors=engines.vectors(ears.readings(line.text)))

    each = on_every_core(hear, given)
    heard = list(track(each, total=len(given), description="hearing", console=err, transient=True))
    metrics = {"signals": evaluation.signals, "topics": evaluation.topics, "language": evaluation.languages}[
        what.value
    ](given, heard)
    if as_json:
        print(json.dumps({"metrics": metrics}, ensure_ascii=False))
        return
    for first, *cells in evaluation.table(metrics):
        print(f"{first:18}" + "".join(f"{cell:>8}" for cell in cells))
    for miss in metrics["misses"][:misses]:
        out.print(json.dumps(miss, ensure_ascii=False), markup=False)
    if len(metrics["misses"]) > misses:
        out.print(f"… and {len(metrics['misses']) - misses} more (--misses, or --json for all)")


def _retrieval(corpus: Path | None, queries: Path | None, qrels: Path | None, folds: int, as_json: bool) -> None:
    from bot import ranking

    if corpus is None or queries is None or qrels is None:
        raise SettingsError("evaluate retrieval needs --corpus, --queries and --qrels")
    settings = Settings.from_environment()
    ranker = library.ranker(library.CONTENT, settings.encoders)
    with Progress(console=err, transient=True) as bar:
        task = bar.add_task("reading the collection", total=None)
        found = ranking.measure(
            ranking.read_corpus(corpus), ranking.read_queries(queries, qrels), configured(settings), ranker, folds,
            partial(_shown, bar, task),
        )  # fmt: skip
    if as_json:
        print(json.dumps({"metrics": found}))
        return
    crossed = found.pop("cross_validated", {})
    print(f"{'':14}{'as shipped':>12}" + (f"{f'{folds} folds':>12}" if crossed else ""))
    for name, value in found.items():
        print(f"{name:14}{value:>12}" + (f"{crossed.get(name, ''):>12}" if crossed else ""))


@app.command()
def chat(
    lang: Annotated[str, typer.Option(help="The language that LINE's profile would tell.")] = "",
    at: Annotated[str, typer.Option(help="Desk time, e.g. '2026-11-22 02:10'; the machine's otherwise.")] = "",
) -> None:
    """Talk with the desk of ひなた市 in a terminal; what is printed can be saved as a transcript.

    Type words, [a button], (sticker), (place 35.1,137.1); @ lines move the clock or let staff act.
    """
    environment = Settings.from_environment()
    content = library.load(encoders=environment.encoders)
    settings, documents = library.sample_city()
    places = Directory(resources_from_documents(documents), content.topics_of_category)
    now = Clock().now()
    if at:
        try:
            now = datetime.strptime(at, "%Y-%m-%d %H:%M").replace(tzinfo=TOKYO)
        except ValueError:
            raise typer.BadParameter("--at is like '2026-11-22 02:10'") from None
    desk = Rehearsal(
        content,
        places,
        city.city_of(settings["city"]),
        i18n.load(content.vocabulary["languages"]),
        now.astimezone(TOKYO),
        configured(environment),
    )
    desk.view = replace(desk.view, language_hint=lang)
    print("# FUNCTIONS … CARE …")
    print(f"@ {now.astimezone(TOKYO):%Y-%m-%d %H:%M}")
    if lang:
        print(f"@ profile {lang}")
    while True:
        try:
            line = input("> ").strip()
        except (EOFError, KeyboardInterrupt):
            print()
            return
        if not sys.stdin.isatty():
            print(line)  # a terminal shows what is typed by itself
        if not line:
            continue
        try:
            said = desk.stage(line[2:]) if line.startswith("@ ") else desk.resident(line)
        except (ValueError, AssertionError, KeyError, MadoguchiError) as error:
            err.print(f"✗ {error}", markup=False)
            continue
        print("\n".join(said))


if __name__ == "__main__":
    main()
