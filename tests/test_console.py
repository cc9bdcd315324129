"""The console's doors hold for every route and role, and its pages show what staff need and nothing else."""

import asyncio
import json
import re
import threading
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import Any

import httpx
import pytest
import yaml
from fastapi.routing import iter_route_contexts
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from starlette.routing import Mount

from bot import cases, catalogue, curation, memory, suggestions
from bot.directory.resources import Location, Resource
from bot.messages import Month
from bot.models import Audit, CaseRow, Event, Journal, Memory, Outbox, Resident, ResourceChange
from bot.opening import TOKYO
from bot.profile import Profile
from bot.situation import Translation
from bot.store import Store, append_event, db_now
from bot.vault import resident_owner, seal, unseal
from handoff import identity, partners, people, phrases, shift, team, uploads
from handoff.console import conversation, labels, live
from handoff.console.gate import HEADERS
from handoff.console.translate import seal_of
from handoff.models import DirectoryUpload, Draft, Note, ShareRow, SignInTry, StaffSession
from handoff.partners import Agency, Contact
from handoff.people import LocalPerson
from handoff.staff import ROLES, Actor
from tests.console_world import (
    BASE,
    NOW,
    OWN_HAND,
    PASSWORD,
    TIRED_EN,
    VANISH,
    World,
    a_resident,
    build,
    csrf_of,
    form,
    sent,
    writes,
)

Browser = httpx.AsyncClient


@pytest.fixture
async def world(sqlite_store: Store) -> World:
    """Give a console with four accounts."""
    return await build(sqlite_store)


@pytest.fixture
async def browser(world: World) -> AsyncIterator[Browser]:
    """Give a browser without a session."""
    async with world.browser() as found:
        yield found


async def a_case(world: World, *, held_by: str = "", state: str = "") -> uuid.UUID:
    """Make a case: waiting, or held by the account of a role, or closed; concern or emergency if `state` says so."""
    resident_id = await a_resident(world.store)
    heard = {"concern": TIRED_EN, "emergency": VANISH, "asked": VANISH, "agreed": VANISH}.get(state, OWN_HAND)
    case = await writes(world.store, resident_id, "もう限界で、たたいてしまいそうです", heard, event="open")
    assert case is not None
    if held_by or state == "closed":
        who = world.staff[held_by or "specialist"]
        await world.store.write(lambda s: cases.claim(s, case.id, who, NOW))
        if state == "closed":
            await world.store.write(lambda s: cases.close(s, case.id, who, NOW, name="x"))
    return case.id


# --- every route × every role ---------------------------------------------------------------------------------------

EVERYBODY = frozenset(ROLES)
TALKING = frozenset({"specialist", "supervisor"})
CURATING = TALKING | {"officer"}
RUNNING = frozenset({"supervisor", "administrator"})
IMPORTING = frozenset({"supervisor", "officer", "administrator"})
OPEN: frozenset[str] = frozenset()  # no session needed


@dataclass(frozen=True)
class Door:
    """Say who may pass a route, which case it needs, and what a good form holds."""

    roles: frozenset[str]
    needs: str = ""  # waiting | concern | mine | emergency (mine) | others | closed | asked | agreed
    fields: tuple[tuple[str, str], ...] = ()
    file: bytes = b""  # the upload of a multipart form


PIXEL = bytes.fromhex(  # the smallest PNG
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c633811a0010003"
    "2401411d199fc40000000049454e44ae426082"
)
LIST = "名称,種別,住所\r\n川辺ひろば,子育てひろば,ひなた市川辺町1\r\n".encode()
A_PERSON = (
    ("name", "川上 ふみ"), ("reach", "000-555-7001"), ("knows", "ふたごを育てた"),
    ("asked_by", "さとう"), ("asked_on", "2026-06-01"), ("purpose", "ふたごの家庭に声をかける"),
)  # fmt: skip
AN_AGENCY = Agency("ひなた児童相談所", "child_guidance", duty="児童福祉法61条", sharing="law")
A_CONTACT = Contact("山田 花", since=date(2026, 4, 1))
SOMEBODY = LocalPerson(
    "川上 ふみ", "000-555-7001", "ふたごを育てた", asked_by="さとう", asked_on=date(2026, 6, 1), purpose="声をかける"
)

DOORS: dict[tuple[str, str], Door] = {
    ("GET", "/sign-in"): Door(OPEN),
    ("POST", "/sign-in"): Door(OPEN),
    ("GET", "/words.js"): Door(OPEN),
    ("POST", "/sign-out"): Door(EVERYBODY),
    ("GET", "/lock"): Door(EVERYBODY),
    ("POST", "/lock"): Door(EVERYBODY),
    ("POST", "/unlock"): Door(EVERYBODY, "", (("password", PASSWORD),)),
    ("GET", "/me"): Door(EVERYBODY),
    ("POST", "/me"): Door(EVERYBODY, "", (("look", "dark"), ("language", "ja"))),
    ("GET", "/"): Door(EVERYBODY),
    ("GET", "/queue"): Door(EVERYBODY),
    ("GET", "/live"): Door(EVERYBODY),
    ("GET", "/live/since"): Door(EVERYBODY),
    ("GET", "/cases"): Door(TALKING | {"officer"}),
    ("GET", "/cases.csv"): Door(TALKING | {"officer"}),
    ("POST", "/cases/search"): Door(TALKING, "", (("words", "つかれ"),)),
    ("POST", "/cases/views"): Door(TALKING | {"officer"}, "", (("name", "急ぎ"),)),
    ("POST", "/cases/views/{view_id:uuid}/drop"): Door(TALKING | {"officer"}),
    ("POST", "/next"): Door(TALKING),
    ("GET", "/alarms"): Door(TALKING | {"officer"}),
    ("POST", "/alarms/sound"): Door(TALKING | {"officer"}),
    ("GET", "/night-sheet"): Door(TALKING | {"officer"}),
    ("GET", "/cases/{case_id}"): Door(TALKING, "waiting"),
    ("GET", "/cases/{case_id}/parts"): Door(TALKING, "waiting"),
    ("GET", "/cases/{case_id}/media/{media_id:uuid}"): Door(TALKING, "mine"),
    ("GET", "/cases/{case_id}/media/{media_id:uuid}/file"): Door(TALKING, "mine"),
    ("POST", "/cases/{case_id}/claim"): Door(TALKING, "waiting"),
    ("POST", "/cases/{case_id}/renew"): Door(TALKING, "mine"),
    ("POST", "/cases/{case_id}/draft"): Door(TALKING, "mine", (("words", "まだ"),)),
    ("POST", "/cases/{case_id}/reply"): Door(
        TALKING, "mine", (("words", "読みました"), ("place", "room"), ("key", str(uuid.UUID(int=7))))
    ),
    ("POST", "/cases/{case_id}/release"): Door(TALKING, "mine", (("agreed", "明日また話す"),)),
    ("POST", "/cases/{case_id}/transfer"): Door(TALKING, "mine", (("note", "お願いします"),)),
    ("POST", "/cases/{case_id}/assign"): Door(TALKING, "waiting", (("to", "desk:hinata"),)),
    ("POST", "/cases/{case_id}/seen"): Door(TALKING, "concern", (("until", "2026-11-21T15:00+09:00"),)),
    ("POST", "/cases/{case_id}/second"): Door(TALKING, "others"),
    ("POST", "/cases/{case_id}/want-second"): Door(TALKING, "mine"),
    ("GET", "/cases/{case_id}/places"): Door(TALKING, "mine"),
    ("POST", "/cases/{case_id}/places"): Door(
        TALKING, "mine", (("chosen", "{shown_id}"), ("place", "room"), ("key", str(uuid.UUID(int=8))))
    ),
    ("POST", "/cases/{case_id}/ask"): Door(
        TALKING, "mine", (("what", "place"), ("place", "room"), ("key", str(uuid.UUID(int=9))))
    ),
    ("POST", "/cases/{case_id}/translate"): Door(TALKING, "mine", (("words", "はい"),)),
    ("POST", "/cases/{case_id}/translate/send"): Door(
        TALKING,
        "mine",
        (
            ("japanese", "はい"),
            ("machine", "Vâng"),
            ("translated", "Vâng"),
            ("service", "deepl"),
            ("language", "vi"),
            ("seal", "{seal}"),
            ("place", "room"),
            ("key", str(uuid.UUID(int=10))),
        ),
    ),
    ("POST", "/cases/{case_id}/translate/ask"): Door(
        TALKING, "mine", (("place", "room"), ("key", str(uuid.UUID(int=11))))
    ),
    ("POST", "/cases/{case_id}/translate/answer"): Door(TALKING, "mine", (("given", "yes"), ("how", "room"))),
    ("POST", "/cases/{case_id}/translate/again"): Door(TALKING, "mine", (("message", "1"),)),
    ("GET", "/cases/{case_id}/emergency"): Door(TALKING, "waiting"),
    ("POST", "/cases/{case_id}/emergency/check"): Door(TALKING, "waiting", (("q-where", "no"),)),
    ("POST", "/cases/{case_id}/emergency/call"): Door(
        TALKING,
        "waiting",
        (("to", "警察（110）"), ("day", "2026-11-21"), ("clock", "02:00"), ("outcome", "向かうとのこと")),
    ),
    ("GET", "/cases/{case_id}/identity"): Door(TALKING, "waiting"),
    ("POST", "/cases/{case_id}/identity/ask"): Door(TALKING, "emergency", (("reason", "場所が分からない"),)),
    ("POST", "/cases/{case_id}/identity/agree"): Door(TALKING, "asked", (("request", "{asked_id}"),)),
    ("POST", "/cases/{case_id}/identity/form"): Door(TALKING, "agreed"),
    ("POST", "/cases/{case_id}/picture"): Door(TALKING, "mine", (("key", str(uuid.UUID(int=6))),), PIXEL),
    ("POST", "/cases/{case_id}/debriefing"): Door(TALKING, "emergency", (("learned", "電話は二人で"),)),
    ("GET", "/cases/{case_id}/shares"): Door(TALKING, "waiting"),
    ("GET", "/cases/{case_id}/shares/new"): Door(TALKING, "mine"),
    ("POST", "/cases/{case_id}/shares/ask"): Door(
        TALKING, "mine", (("ask_contact", "{contact_id}"), ("place", "room"), ("key", str(uuid.UUID(int=11))))
    ),
    ("POST", "/cases/{case_id}/shares/new"): Door(
        TALKING,
        "mine",
        (
            ("contact", "{contact_id}"),
            ("summary", "療育の見学を希望"),
            ("consented_on", "2026-11-20"),
            ("consent_how", "phone"),
            ("days", "7"),
        ),
    ),
    ("POST", "/cases/{case_id}/shares/{share_id:uuid}/agree"): Door(frozenset({"supervisor"}), "waiting"),
    ("POST", "/cases/{case_id}/shares/{share_id:uuid}/link"): Door(TALKING, "mine"),
    ("POST", "/cases/{case_id}/shares/{share_id:uuid}/end"): Door(TALKING, "waiting", (("why", "withdrawn"),)),
    ("GET", "/cases/{case_id}/phrases"): Door(TALKING, "mine"),
    ("GET", "/phrases"): Door(TALKING),
    ("GET", "/phrases/new"): Door(TALKING),
    ("POST", "/phrases/new"): Door(
        TALKING, "", (("title", "あいさつ"), ("text-ja", "お待ちください"), ("shared", "yes"))
    ),
    ("GET", "/phrases/{phrase_id:uuid}/edit"): Door(TALKING),
    ("POST", "/phrases/{phrase_id:uuid}/edit"): Door(
        TALKING, "", (("title", "a"), ("text-ja", "い"), ("version", "1"))
    ),
    ("POST", "/phrases/{phrase_id:uuid}/retire"): Door(TALKING),
    ("POST", "/cases/{case_id}/notes"): Door(TALKING, "waiting", (("text", "電話は夕方がよい"),)),
    ("POST", "/cases/{case_id}/notes/seen"): Door(TALKING, "waiting"),
    ("POST", "/phrases/{phrase_id:uuid}/restore"): Door(TALKING),
    ("POST", "/cases/{case_id}/here"): Door(TALKING, "waiting", (("typing", "yes"),)),
    ("GET", "/today"): Door(TALKING),
    ("POST", "/today/notes"): Door(TALKING, "", (("text", "鍵は右の引き出し"),)),
    ("POST", "/today/hand-over"): Door(
        TALKING, "mine", (("case", "{case_id}"), ("to", "{other}"), ("note", "おねがい"))
    ),
    ("POST", "/promises/{promise_id:uuid}/kept"): Door(TALKING),
    ("POST", "/promises/{promise_id:uuid}/open"): Door(TALKING),
    ("GET", "/practice"): Door(TALKING),
    ("POST", "/practice/begin"): Door(TALKING, "", (("family", "father"),)),
    ("POST", "/practice/continue"): Door(TALKING),
    ("POST", "/practice/end"): Door(TALKING, "", (("done", "yes"),)),
    ("GET", "/team"): Door(EVERYBODY),
    ("POST", "/team/duties"): Door(
        RUNNING,
        "",
        (("staff", "{staff_id}"), ("day", "2026-11-22"), ("begins", "17:15"), ("ends", "08:30"), ("weeks", "2")),
    ),
    ("POST", "/team/duties/{duty_id:uuid}/remove"): Door(RUNNING),
    ("GET", "/team/{staff_id:uuid}"): Door(RUNNING),
    ("POST", "/team/{staff_id:uuid}"): Door(
        RUNNING, "", (("desks", "hinata"), ("capacity", "3"), ("mail", "a@b.example"))
    ),
    ("POST", "/desks/{desk_id}/with-children"): Door(TALKING, "", (("minutes", "30"),)),
    ("POST", "/cases/{case_id}/close"): Door(TALKING, "mine"),
    ("POST", "/cases/{case_id}/reopen"): Door(TALKING, "closed"),
    ("POST", "/cases/{case_id}/lower"): Door(TALKING, "mine", (("severity", "concern"), ("reason", "ゲームの話"))),
    ("GET", "/directory"): Door(EVERYBODY),
    ("GET", "/directory/places/{place_id}"): Door(EVERYBODY),
    ("GET", "/directory/places/{place_id}/edit"): Door(CURATING),
    ("POST", "/directory/places/{place_id}/edit"): Door(CURATING, fields=(("version", "{version}"), ("name", "川辺"))),
    ("POST", "/directory/places/{place_id}/verify"): Door(CURATING),
    ("POST", "/directory/places/{place_id}/undo"): Door(CURATING, fields=(("change", "{change_id}"),)),
    ("POST", "/directory/places/{place_id}/restore"): Door(CURATING),
    ("POST", "/directory/places/{place_id}/notes"): Door(CURATING, fields=(("text", "坂の上"),)),
    ("POST", "/directory/places/{place_id}/notes/{note_id}/remove"): Door(CURATING),
    ("GET", "/directory/week"): Door(EVERYBODY),
    ("GET", "/directory/duplicates"): Door(EVERYBODY),
    ("GET", "/directory/compare"): Door(EVERYBODY, fields=(("one", "{place_id}"), ("other", "{other_id}"))),
    ("POST", "/directory/merge"): Door(CURATING, fields=(("kept", "{place_id}"), ("other", "{other_id}"))),
    ("POST", "/directory/apart"): Door(CURATING, fields=(("one", "{place_id}"), ("other", "{other_id}"))),
    ("GET", "/directory/suggestions"): Door(CURATING),
    ("POST", "/directory/suggestions/{suggestion_id}/take"): Door(CURATING, fields=(("version", "2"),)),
    ("POST", "/directory/suggestions/{suggestion_id}/decline"): Door(CURATING, fields=(("reason", "電話で確かめた"),)),
    ("GET", "/directory/imports"): Door(IMPORTING),
    ("POST", "/directory/imports"): Door(IMPORTING, file=LIST),
    ("GET", "/directory/imports/{upload_id}"): Door(IMPORTING),
    ("GET", "/directory/imports/{upload_id}/state"): Door(IMPORTING),
    ("POST", "/directory/imports/{upload_id}/read"): Door(IMPORTING, fields=(("municipality", "ひなた市"),)),
    ("POST", "/directory/imports/{upload_id}/store"): Door(IMPORTING, fields=(("seen", "{seen}"),)),
    ("POST", "/directory/imports/{upload_id}/drop"): Door(IMPORTING),
    ("GET", "/directory/new"): Door(CURATING),
    ("POST", "/directory/new"): Door(
        CURATING, fields=(("name", "火曜の会"), ("category", "parent_circle"), ("location.name", "公民館"))
    ),
    ("GET", "/agencies"): Door(TALKING | {"officer"}),
    ("GET", "/agencies/{agency_id:uuid}"): Door(TALKING | {"officer"}),
    ("GET", "/agencies/new"): Door(TALKING),
    ("POST", "/agencies/new"): Door(TALKING, "", (("name", "ひなた署"), ("kind", "police"))),
    ("GET", "/agencies/{agency_id:uuid}/edit"): Door(TALKING),
    ("POST", "/agencies/{agency_id:uuid}/edit"): Door(
        TALKING, "", (("version", "1"), ("name", "ひなた署"), ("kind", "police"))
    ),
    ("POST", "/agencies/{agency_id:uuid}/verify"): Door(TALKING),
    ("POST", "/agencies/{agency_id:uuid}/contacts"): Door(TALKING, "", (("name", "山田 花"), ("since", "2026-04-01"))),
    ("POST", "/agencies/{agency_id:uuid}/contacts/{contact_id:uuid}/end"): Door(TALKING),
    ("GET", "/people"): Door(TALKING),
    ("GET", "/people/{person_id:uuid}"): Door(TALKING),
    ("GET", "/people/new"): Door(TALKING),
    ("POST", "/people/new"): Door(TALKING, "", A_PERSON),
    ("GET", "/people/offer"): Door(TALKING),
    ("POST", "/people/offer"): Door(
        TALKING, "", (("name", "青木"), ("reach", "000-555-7002"), ("knows", "読み聞かせ"), ("yes", "yes"))
    ),
    ("POST", "/people/{person_id:uuid}/move"): Door(TALKING, "", (("version", "1"), ("state", "contacted"))),
    ("GET", "/people/{person_id:uuid}/edit"): Door(TALKING),
    ("POST", "/people/{person_id:uuid}/edit"): Door(TALKING, "", (("version", "1"), *A_PERSON)),
    ("POST", "/people/{person_id:uuid}/verify"): Door(TALKING),
    ("POST", "/people/{person_id:uuid}/withdraw"): Door(TALKING),
}


async def a_place(world: World) -> dict[str, str]:
    """Make a place that its list has lost, made sure of and with a note; return the ids that routes ask for."""
    id, by = uuid.uuid4().hex[:20], curation.By("staff:1", "あや")
    place = Resource(id=id, name=f"ひろば{id[:4]}", category="parenting_salon", location=Location("", "ひなた市1"))
    twin = replace(place, id=f"{id}-2")

    def unit(session: Session) -> dict[str, str]:
        catalogue.keep(session, id, [place, twin], NOW)
        curation.verify(session, id, by, NOW)
        note = curation.note(session, id, "静か", uuid.UUID(int=1), by, NOW, consent="", public=False)
        change = curation.history(session, id)[0]
        told = suggestions.suggest(
            session,
            id,
            sender="operator",
            kind="fee",
            text="",
            language="ja",
            at=NOW,
            changes={"url": "https://a.example"},
        )
        catalogue.keep(session, id, [twin], NOW)  # its list no longer has it
        return {
            "place_id": id, "other_id": twin.id, "note_id": str(note.id), "change_id": str(change.id), "version": "2",
            "suggestion_id": str(told),
        }  # fmt: skip

    return await world.store.write(unit)


async def an_upload(world: World, content: bytes = LIST) -> dict[str, str]:
    """Upload a file and have it read; return its id and the name of its preview."""
    who = Actor(world.staff["supervisor"], "supervisor", "たなか", "supervisor")
    id = await world.store.write(lambda s: uploads.keep(s, who, "list.csv", content, uploads.Settings(), NOW))
    await uploads.read(world.store, id, 1)
    seen = await world.store.read(lambda s: uploads.look(s, s.get_one(DirectoryUpload, id)).seen)
    return {"upload_id": str(id), "seen": seen}


async def an_agency(world: World) -> dict[str, str]:
    """Make an agency with a contact; return the ids that routes ask for."""
    by = curation.By("staff:test", "さとう")
    agency = await world.store.write(lambda s: partners.add(s, AN_AGENCY, by, NOW))
    contact = await world.store.write(lambda s: partners.change_contact(s, agency, A_CONTACT, by, NOW))
    return {"agency_id": str(agency), "contact_id": str(contact)}


async def a_share(world: World, case_id: uuid.UUID) -> str:
    """Keep a share of a case that the specialist wrote and the supervisor agreed to; return its id."""
    ids, id = await an_agency(world), uuid.uuid4()
    await world.store.ensure_keys([f"share:{id}"])

    def unit(session: Session) -> None:
        body = json.dumps({"summary": "療育の見学を希望", "facts": []})
        session.add(
            ShareRow(
                id=id, case_id=case_id, staff_id=world.staff["specialist"], agreed_by=world.staff["supervisor"],
                agency_id=uuid.UUID(ids["agency_id"]), contact_id=uuid.UUID(ids["contact_id"]),
                body_sealed=seal(session, f"share:{id}", "share", "body", id, body),
                consented_on=NOW.date(), consent_how="phone", made_at=NOW, expires_at=NOW + timedelta(days=7),
            )
        )  # fmt: skip

    await world.store.write(unit)
    return str(id)


async def a_duty(world: World) -> str:
    """Write a duty into the roster and return its id."""
    by, who = curation.By("staff:test", "たなか"), world.staff["specialist"]

    def unit(session: Session) -> str:
        team.add_duty(session, who, "", NOW, NOW + timedelta(hours=8), by, NOW)
        return str(team.duties(session, NOW, NOW + timedelta(hours=1))[0].id)

    return await world.store.write(unit)


async def a_promise(world: World, case_id: uuid.UUID) -> str:
    """Promise something in a case and return the promise's id."""

    def unit(session: Session) -> str:
        row = session.get_one(CaseRow, case_id)
        shift.promise(session, case_id, row.resident_id, world.staff["specialist"], "agreed", "電話する", NOW, None)
        return str(shift.promises(session, [case_id])[0].id)

    return await world.store.write(unit)


async def an_asked_identity(world: World, case_id: uuid.UUID, *, agreed: bool) -> str:
    """Let somebody ask that LINE's id be opened, and another agree; nothing where the case is no emergency."""

    def unit(session: Session) -> str:
        if session.get_one(CaseRow, case_id).severity != "emergency":
            return str(uuid.uuid4())
        identity.ask(session, case_id, world.staff["specialist" if agreed else "officer"], "場所が分からない", NOW)
        asked = identity.standing(session, case_id, NOW)
        assert asked is not None
        if agreed:
            identity.agree(session, case_id, asked.id, world.staff["supervisor"], NOW)
        return str(asked.id)

    return await world.store.write(unit)


class Vietnamese:
    """Stand in for a service that knows one language."""

    languages = frozenset({"vi"})

    async def translate(self, pieces: object, source: str, target: str) -> str:
        """Say the same to everything."""
        return "Vâng, được ạ." if target == "vi" else "はい、いいですよ。"

    async def close(self) -> None:
        """Hold nothing open."""


async def two_languages(world: World, case_id: uuid.UUID) -> str:
    """Let the city translate and the family write Vietnamese; return the mark of a form of the case's holder."""
    world.set_city(languages=("ja", "vi"), translation=Translation(on=True, services={"deepl": "DeepL"}))
    world.services["deepl"] = Vietnamese()

    def unit(session: Session) -> uuid.UUID:
        row = session.get_one(CaseRow, case_id)
        session.get_one(Resident, row.resident_id).language = "vi"
        return row.holder_id or world.staff["specialist"]

    holder = await world.store.write(unit)
    return seal_of(world.store, case_id, holder, "deepl", "vi", "はい", "Vâng")


async def good_form(world: World, path: str, door: Door, case_id: uuid.UUID) -> tuple[str, dict[str, str]]:
    """Return a route's address and the fields of a good form, for a case and a place of their own."""
    ids = {"case_id": str(case_id)} | (await a_place(world) if path.startswith("/directory") else {})
    if "{upload_id}" in path:
        ids |= await an_upload(world)
    if "{agency_id" in path or "{contact_id}" in str(door.fields):
        ids |= await an_agency(world)
    if "{share_id" in path:
        ids["share_id"] = await a_share(world, case_id)
    if "{shown_id}" in str(door.fields):
        ids["shown_id"] = (await a_place(world))["other_id"]
        await world.load_places()
    if "/translate" in path:
        ids["seal"] = await two_languages(world, case_id)
    if "{phrase_id" in path:
        by = curation.By("staff:test", "さとう")
        unit = partial(phrases.add, title="あいさつ", texts={"ja": "はい"}, owner=None, by=by, at=NOW)
        ids["phrase_id"] = str(id := await world.store.write(unit))
        if path.endswith("/restore"):
            nobody = uuid.uuid4()
            await world.store.write(lambda s: phrases.retire(s, id, who=nobody, by=by, at=NOW))
    if "{staff_id" in f"{path}{door.fields}":
        ids["staff_id"] = str(world.staff["specialist"])
    if path == "/today/hand-over":
        held_by = await world.store.read(lambda s: s.get_one(CaseRow, case_id).holder_id)
        ids["other"] = str(next(world.staff[role] for role in sorted(TALKING) if world.staff[role] != held_by))
    if "{desk_id" in path:
        ids["desk_id"] = world.city.desks[0].id
    if door.needs in ("asked", "agreed"):
        ids["asked_id"] = await an_asked_identity(world, case_id, agreed=door.needs == "agreed")
    if "{view_id" in path:
        ids["view_id"] = str(uuid.UUID(int=9))  # whoever drops one that is not there is answered as for one that was
    if "{duty_id" in path:
        ids["duty_id"] = await a_duty(world)
    if "{promise_id" in path:
        ids["promise_id"] = await a_promise(world, case_id)
    if "{media_id" in path:
        ids["media_id"] = str(await sent(world.store, case_id, b"\xff\xd8\xff"))
    if "{person_id" in path:
        ids["person_id"] = str(await people.add(world.store, SOMEBODY, curation.By("staff:test", "さとう"), NOW))

    def filled(words: str) -> str:
        return re.sub(r"\{(\w+)(?::\w+)?\}", lambda name: ids[name[1]], words)

    return filled(path), {name: filled(value) for name, value in door.fields}


def routes_of(world: World) -> set[tuple[str, str]]:
    """Read the route table of the application."""
    found = set()
    for context in iter_route_contexts(world.app.routes):
        if isinstance(context.original_route, Mount):
            assert context.path == "/static"
        else:
            found |= {(method, context.path or "") for method in context.methods or ()}
    return found


async def test_every_route_has_an_expectation(world: World) -> None:
    """A new route without a line in DOORS fails here."""
    assert routes_of(world) == set(DOORS)


def check_headers(answer: httpx.Response) -> None:
    """Check what every answer of the console carries."""
    for name, value in HEADERS.items():
        is_sent = name == "content-security-policy" and answer.url.path.endswith("/file") and answer.status_code == 200
        assert answer.headers[name] == ("sandbox; default-src 'none'" if is_sent else value)
    assert answer.headers["cache-control"] == "no-store"
    assert "unsafe" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize("role", ROLES)
async def test_every_route_for_every_role(
    world: World, browser: Browser, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a session and a token a role passes its own doors and no others; refusals are written down."""
    monkeypatch.setattr(live, "STREAM_SECONDS", 0.0)  # a stream that ends at once
    csrf = await world.signed_in(role, browser)
    for (method, path), door in DOORS.items():
        if door.roles is OPEN:
            continue
        talks = role in TALKING
        holder = next((other for other in sorted(TALKING) if other != role), "") if door.needs == "others" else role
        case_id = await a_case(
            world,
            held_by=holder if door.needs in ("mine", "others", "emergency") and talks else "",
            state=door.needs if talks else "",
        )
        address, fields = await good_form(world, path, door, case_id)
        data = form(csrf, **fields) if method == "POST" else None
        refused = select(func.count()).select_from(Audit).where(Audit.allowed.is_(False))
        before = await world.store.read(lambda s, count=refused: s.scalar(count))
        sent = {"files": {"file": ("list.csv", door.file)}} if door.file else {}
        params = fields if method == "GET" else None
        answer = await browser.request(method, address, data=data, params=params, **sent)
        await asyncio.gather(*world.app.state.readings)
        after = await world.store.read(lambda s, count=refused: s.scalar(count))
        check_headers(answer)
        if role in door.roles:
            assert answer.status_code in (200, 303), (method, path, answer.status_code, answer.text[:200])
            assert after == before
        else:
            assert answer.status_code == 403, (method, path, answer.status_code)
            assert after == before + 1
            assert not any(word in answer.text for word in ("たたいて", "川上", "山田", "ふたご"))
        if path == "/sign-out":
            csrf = await world.signed_in(role, browser)


async def test_no_route_opens_without_a_session(world: World, browser: Browser) -> None:
    """Without a session pages lead to signing in, and everything else is 401."""
    case_id = await a_case(world)
    for (method, path), door in DOORS.items():
        if door.roles is OPEN:
            continue
        address, fields = await good_form(world, path, door, case_id)
        headers = {"cookie": "madoguchi-staff=made-up"}
        answer = await browser.request(method, address, headers=headers, params=fields if method == "GET" else None)
        check_headers(answer)
        if method == "GET":
            assert answer.status_code == 303, path
            assert answer.headers["location"].startswith("/sign-in")
            asked = await browser.get(address, headers={"accept": "application/json"})
            assert asked.status_code == 401
        else:
            assert answer.status_code == 401, path


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
        {"origin": "https://evil.example", "sec-fetch-site": "same-origin"},
        {"origin": "null", "sec-fetch-site": "same-origin"},
        {"origin": BASE, "sec-fetch-site": "same-site"},
        {"origin": "", "sec-fetch-site": ""},
    ],
)
async def test_no_route_takes_a_form_from_elsewhere(world: World, browser: Browser, headers: dict[str, str]) -> None:
    """A POST of another origin, or of none, is refused, signing in included, even with the right token."""
    csrf = await world.signed_in("specialist", browser)
    for (method, path), door in DOORS.items():
        if method != "POST":
            continue
        case_id = await a_case(world, held_by="specialist" if door.needs == "mine" else "")
        address, fields = await good_form(world, path, door, case_id)
        answer = await browser.post(address, data=form(csrf, **fields), headers=headers)
        assert answer.status_code == 403, path
    assert await world.store.read(lambda s: s.scalar(select(func.count()).select_from(StaffSession))) == 1


async def test_no_route_changes_anything_without_its_token(world: World, browser: Browser) -> None:
    """A POST with a missing, wrong or foreign CSRF token is refused and written down."""
    await world.signed_in("specialist", browser)
    async with world.browser() as other:
        foreign = await world.signed_in("supervisor", other)
    events = select(func.count()).select_from(Event)
    changes = select(func.count()).select_from(ResourceChange)
    for token in ("", "x", foreign, "日本語"):
        for (method, path), door in DOORS.items():
            if method != "POST" or door.roles is OPEN:
                continue
            case_id = await a_case(world, held_by="specialist" if door.needs == "mine" else "")
            before = await world.store.read(lambda s: s.scalar(events))
            address, fields = await good_form(world, path, door, case_id)
            changed = await world.store.read(lambda s: s.scalar(changes))
            answer = await browser.post(address, data=form(token, **fields))
            assert answer.status_code == 403, path
            assert await world.store.read(lambda s: s.scalar(events)) == before
            assert await world.store.read(lambda s: s.scalar(changes)) == changed
    reasons = await world.store.read(lambda s: set(s.scalars(select(Audit.reason).where(Audit.allowed.is_(False)))))
    assert reasons == {"csrf"}


#: What a locked session still opens: the form that opens it, and the alarms without a word (CARE C32).
WHEN_LOCKED = {("GET", "/lock"), ("POST", "/lock"), ("POST", "/unlock"), ("GET", "/alarms")}


async def test_a_locked_session_opens_nothing(world: World, browser: Browser) -> None:
    """Every route refuses a locked session, pages lead to the form that opens it, and nothing happens or is shown."""
    csrf = await world.signed_in("supervisor", browser)
    events, changes = select(func.count()).select_from(Event), select(func.count()).select_from(ResourceChange)
    for (method, path), door in DOORS.items():
        if door.roles is OPEN or (method, path) in WHEN_LOCKED:
            continue
        case_id = await a_case(
            world, held_by="supervisor" if door.needs == "mine" else "specialist" if door.needs == "others" else ""
        )
        address, fields = await good_form(world, path, door, case_id)
        assert (await browser.post("/lock", data=form(csrf))).headers["location"] == "/lock?next=%2F"
        before = await world.store.read(lambda s: (s.scalar(events), s.scalar(changes)))
        sent = {"files": {"file": ("list.csv", door.file)}} if door.file else {}
        data, params = (form(csrf, **fields), None) if method == "POST" else (None, fields)
        answer = await browser.request(method, address, data=data, params=params, **sent)
        check_headers(answer)
        if method == "GET":
            assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, "/lock"), path
            asked = await browser.get(address, params=fields, headers={"accept": "application/json"})
            assert asked.status_code == 423, path
        else:
            assert answer.status_code == 423, path
        assert not any(word in answer.text for word in ("たたいて", "川上", "山田", "ふたご", str(case_id))), path
        assert await world.store.read(lambda s: (s.scalar(events), s.scalar(changes))) == before, path
        assert (await browser.post("/unlock", data=form(csrf, password=PASSWORD))).status_code == 303


async def test_only_her_password_opens_it_again_at_the_very_page(world: World, browser: Browser) -> None:
    """The page comes back with its draft; a colleague's password, a wrong one and none open nothing; tries count."""
    case_id = await a_case(world, held_by="specialist")
    csrf = await world.signed_in("specialist", browser)
    await browser.post(f"/cases/{case_id}/draft", data=form(csrf, words="いま読んで"))
    locked = await browser.post("/lock", data=form(csrf, next=f"/cases/{case_id}?before=9"))
    page = await browser.get(locked.headers["location"])
    assert "さとうさんのパスワード" in page.text
    assert "たたいて" not in page.text
    for wrong in ("", "x", "kumo-to-haru-no-yama-73", PASSWORD.upper()):
        answer = await browser.post("/unlock", data=form(csrf, password=wrong, next=f"/cases/{case_id}?before=9"))
        assert answer.status_code == 422
        assert f'value="/cases/{case_id}?before=9"' in answer.text
        assert (await browser.get("/")).headers["location"] == "/lock?next=%2F"
    async with world.browser() as other:
        await other.post("/sign-in", data={"login": "specialist", "password": "wrong"})  # the fifth failure
    answer = await browser.post("/unlock", data=form(csrf, password=PASSWORD))
    assert answer.status_code == 429
    await world.store.write(lambda s: s.execute(update(SignInTry).values(blocked_until_db=0.0)) and None)
    answer = await browser.post("/unlock", data=form(csrf, password=PASSWORD, next=f"/cases/{case_id}?before=9"))
    assert (answer.status_code, answer.headers["location"]) == (303, f"/cases/{case_id}?before=9")
    assert "いま読んで" in (await browser.get(f"/cases/{case_id}")).text
    assert await world.store.read(lambda s: s.scalar(select(func.count()).select_from(SignInTry))) == 0
    acts = (
        select(Audit.action, Audit.allowed).where(Audit.action.in_(("staff.lock", "staff.unlock"))).order_by(Audit.id)
    )
    assert await world.store.read(lambda s: s.execute(acts).all()) == [
        ("staff.lock", True), *[("staff.unlock", False)] * 4, ("staff.unlock", True)
    ]  # fmt: skip


async def test_another_person_who_signs_in_gets_her_own_session(world: World, browser: Browser) -> None:
    """A locked desk can be used by a colleague; what was locked is over."""
    await world.signed_in("specialist", browser)
    first = csrf_of((await browser.get("/")).text)
    await browser.post("/lock", data=form(first))
    second = await world.signed_in("supervisor", browser)
    assert (await browser.post("/unlock", data=form(first, password=PASSWORD))).status_code == 403
    assert (await browser.get("/lock")).headers["location"] == "/"
    assert second != first
    assert await world.store.read(lambda s: s.scalar(select(func.count()).select_from(StaffSession))) == 1


@pytest.mark.parametrize(
    "next_path", ["https://evil.example", "//evil.example", "/\\evil", "/a\nb", "x", "/ここ", "/%0d%0aX"]
)
async def test_opening_leads_nowhere_else(world: World, browser: Browser, next_path: str) -> None:
    """Only an address of this console is followed after opening."""
    csrf = await world.signed_in("specialist", browser)
    await browser.post("/lock", data=form(csrf))
    answer = await browser.post("/unlock", data=form(csrf, password=PASSWORD, next=next_path))
    assert answer.headers["location"] == "/"


async def test_a_locked_page_still_calls_without_a_word(world: World, browser: Browser) -> None:
    """The alarm goes on and leads nowhere; the stream ends; mashing keys does not keep the session alive."""
    case_id = await a_case(world)
    csrf = await world.signed_in("specialist", browser)
    (one,) = (await browser.get("/alarms")).json()["waiting"]
    assert one["url"] == f"/cases/{case_id}"
    await browser.post("/lock", data=form(csrf))
    told = (await browser.get("/alarms")).json()
    assert told["locked"] is True
    assert [(one["severity"], one["url"]) for one in told["waiting"]] == [("urgent", "")]
    seen = select(StaffSession.seen_db)
    await world.store.write(
        lambda s: s.execute(update(StaffSession).values(seen_db=StaffSession.seen_db - 900)) and None
    )
    before = await world.store.read(lambda s: s.scalar(seen))
    await browser.post("/unlock", data=form(csrf, password="x"))
    await browser.get("/lock")
    assert await world.store.read(lambda s: s.scalar(seen)) == before


async def test_a_stream_ends_when_its_session_is_locked(
    world: World, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its next beat the stream looks whether it may go on."""
    monkeypatch.setattr(live, "BEAT_SECONDS", 0.05)
    csrf = await world.signed_in("specialist", browser)
    async with asyncio.timeout(20):
        stream = asyncio.create_task(browser.get("/live?after=0"))
        async with world.browser() as other:
            other.cookies.update(browser.cookies)
            while not world.app.state.streams:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0)
            await other.post("/lock", data=form(csrf))
        answer = await stream
    assert answer.text.rstrip().endswith("event: end\r\ndata: locked")


async def test_cases_that_do_not_exist_are_refused(world: World, browser: Browser) -> None:
    """Made-up ids show nothing."""
    await world.signed_in("specialist", browser)
    for name in (str(uuid.uuid4()), "x", "..%2f.."):
        assert (await browser.get(f"/cases/{name}")).status_code in (403, 404)


# --- signing in -----------------------------------------------------------------------------------------------------


async def test_the_cookie_is_strict_and_hidden_from_scripts(world: World, sqlite_store: Store) -> None:
    """HttpOnly and SameSite=Strict always; over https also Secure with the __Host- name."""
    async with world.browser() as browser:
        answer = await browser.post("/sign-in", data={"login": "specialist", "password": "wrong"})
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers
        await world.signed_in("specialist", browser)
        answer = await browser.post("/sign-in", data={"login": "specialist", "password": PASSWORD})
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("madoguchi-staff=")
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Path=/;" in cookie
        assert "Secure" not in cookie
    world.app.state.house = type(world.app.state.house)(
        **{**vars(world.app.state.house), "base_url": "https://desk.example"}
    )
    async with world.browser() as browser:
        answer = await browser.post(
            "/sign-in",
            data={"login": "specialist", "password": PASSWORD},
            headers={"origin": "https://desk.example"},
        )
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-madoguchi-staff=")
        assert "Secure" in cookie


async def test_after_signing_out_the_old_cookie_opens_nothing(world: World, browser: Browser) -> None:
    """Signing out ends the session on the server."""
    csrf = await world.signed_in("specialist", browser)
    kept = dict(browser.cookies)
    answer = await browser.post("/sign-out", data=form(csrf))
    assert answer.headers["clear-site-data"]
    browser.cookies.update(kept)
    assert (await browser.get("/")).status_code == 303


@pytest.mark.parametrize("next_path", ["https://evil.example", "//evil.example", "/cases/../x", "/cases/abc", "x"])
async def test_signing_in_leads_nowhere_else(world: World, browser: Browser, next_path: str) -> None:
    """Only a conversation's own address is followed after signing in."""
    data = {"login": "specialist", "password": PASSWORD, "next": next_path}
    assert (await browser.post("/sign-in", data=data)).headers["location"] == "/"


async def test_signing_in_leads_back_to_the_talk(world: World, browser: Browser) -> None:
    """Who was sent to sign in from a talk comes back to it."""
    case_id = await a_case(world)
    answer = await browser.get(f"/cases/{case_id}")
    assert answer.headers["location"] == f"/sign-in?next=/cases/{case_id}"
    page = await browser.get(answer.headers["location"])
    assert f'value="/cases/{case_id}"' in page.text


async def test_a_page_that_refreshes_itself_does_not_keep_a_session_alive(world: World, browser: Browser) -> None:
    """An open page is not a person: stream, poll and fragments leave the idle clock alone."""
    await world.signed_in("specialist", browser)
    case_id = await a_case(world)
    await browser.get(f"/cases/{case_id}")
    await world.store.write(
        lambda s: s.execute(update(StaffSession).values(seen_db=StaffSession.seen_db - 1700)) and None
    )
    seen = select(StaffSession.seen_db)
    before = await world.store.read(lambda s: s.scalar(seen))
    for path in ("/queue", f"/cases/{case_id}/parts", "/live/since?after=0"):
        assert (await browser.get(path)).status_code == 200
    assert await world.store.read(lambda s: s.scalar(seen)) == before
    await browser.get("/")
    assert (await world.store.read(lambda s: s.scalar(seen)) or 0) > (before or 0) + 1000


# --- the queue ------------------------------------------------------------------------------------------------------


async def test_the_queue_shows_how_grave_and_how_long_and_no_word(world: World, browser: Browser) -> None:
    """Gravest first, kinds in Japanese, waiting time, language and desk; never what was written (CARE C32)."""
    calm = await a_resident(world.store, language="en")
    await writes(world.store, calm, "I am so tired", TIRED_EN, event="open", at=NOW - timedelta(hours=2))
    grave = await a_resident(world.store)
    await writes(world.store, grave, "いまベランダにいます", VANISH, at=NOW - timedelta(minutes=4))
    await a_case(world, held_by="supervisor")
    await world.signed_in("specialist", browser)
    page = (await browser.get("/")).text
    assert "<title>(2) 待っている方" in page
    assert page.index("死にたい・消えたい気持ち") < page.index("育児のつらさ・孤立")
    for shown in (
        "緊急",
        "気がかり",
        "4分",
        "2時間0分",
        "英語",
        "ひなた子育て窓口",
        "たなか",
        "（ひらくまで伏せています）",
    ):
        assert shown in page, shown
    for hidden in ("ベランダ", "so tired", "たたいて", "疲れている", "場所が決まって"):
        assert hidden not in page, hidden


async def test_the_officer_sees_the_queue_without_links_and_the_administrator_only_counts(
    world: World, browser: Browser
) -> None:
    """Each role sees as much as its work needs."""
    case_id = await a_case(world)
    await world.signed_in("officer", browser)
    page = (await browser.get("/")).text
    assert "子どもの安全" in page
    assert f"/cases/{case_id}" not in page
    async with world.browser() as other:
        await world.signed_in("administrator", other)
        page = (await other.get("/")).text
        assert "件数だけ" in page
        assert "子どもの安全" not in page
        changes = (await other.get("/live/since?after=0")).json()["changes"]
        assert changes
        assert {(one["case"], one["resident"]) for one in changes} == {("", "")}


async def test_an_empty_queue_says_so(world: World, browser: Browser) -> None:
    """An empty list is a sentence, not a blank."""
    await world.signed_in("specialist", browser)
    page = (await browser.get("/")).text
    assert "いま待っている方はいません。" in page
    assert "<title>(0)" in page


async def test_a_declined_case_of_abuse_is_listed_until_somebody_opened_it(world: World, browser: Browser) -> None:
    """A no is read by a person, and then leaves the list (CARE C17)."""
    resident_id = await a_resident(world.store)
    worry = OWN_HAND.__class__("dv", cases.Severity.CONCERN, (), "こわい", "x", "")
    case = await writes(world.store, resident_id, "夫がこわい", worry)
    await writes(world.store, resident_id, "いいです", event="decline")
    assert case is not None
    await world.signed_in("specialist", browser)
    assert f"/cases/{case.id}" in (await browser.get("/")).text
    await browser.get(f"/cases/{case.id}")
    assert f"/cases/{case.id}" not in (await browser.get("/")).text


# --- the talk -------------------------------------------------------------------------------------------------------


async def test_opening_a_talk_is_written_down_once_per_sitting(world: World, browser: Browser) -> None:
    """Reading leaves who, when and which; the page that refreshes itself is the same reading."""
    case_id = await a_case(world)
    await world.signed_in("specialist", browser)
    readings = select(Audit).where(Audit.action == "talk.read", Audit.allowed.is_(True))
    await browser.get("/")
    assert await world.store.read(lambda s: list(s.scalars(readings))) == []
    for path in ("", "/parts", "/parts", ""):
        assert (await browser.get(f"/cases/{case_id}{path}")).status_code == 200
    (row,) = await world.store.read(lambda s: list(s.scalars(readings)))
    assert (row.actor, row.case_id) == (f"staff:{world.staff['specialist']}", case_id)
    world.clock.set(NOW + timedelta(minutes=11), running=False)
    await browser.get(f"/cases/{case_id}/parts")
    assert len(await world.store.read(lambda s: list(s.scalars(readings)))) == 2


async def test_the_talk_shows_evidence_why_and_meaning(world: World, browser: Browser) -> None:
    """The words that raised the signal are marked, with the rule and its Japanese meaning (CARE C28)."""
    resident_id = await a_resident(world.store, language="en", is_friend=False, contact_safety="when_writing")
    case = await writes(
        world.store,
        resident_id,
        "<b>I am so tired</b> & sad",
        TIRED_EN,
        language="en",
        answer="いっしょに考えます",
        answer_state="unknown",
    )
    assert case is not None
    await world.signed_in("specialist", browser)
    page = (await browser.get(f"/cases/{case.id}")).text
    assert '&lt;b&gt;I am <mark title="とても疲れている">so tired</mark>&lt;/b&gt; &amp; sad' in page
    for shown in (
        "とても疲れている",
        "手がかり: en.exhausted",
        "英語",
        "友だちではありません",
        "本人が書いているときだけ",
        "届いたか分かりません",
        "未送信 1件",
        "いっしょに考えます",
        "この相談を受ける",
    ):
        assert shown in page, shown
    assert 'class="talk blurred"' in page


async def test_an_unsent_message_leaves_a_tombstone(world: World, browser: Browser) -> None:
    """Words that were taken back are gone from the page; kind and severity stay (CARE C17)."""
    case_id = await a_case(world)
    await world.store.write(lambda s: s.execute(update(Journal).values(body_sealed=None, unsent_at=NOW)) and None)
    await world.store.write(lambda s: s.execute(update(conversation.SignalRow).values(evidence_sealed=None)) and None)
    await world.signed_in("specialist", browser)
    page = (await browser.get(f"/cases/{case_id}")).text
    assert "（送信が取り消されました）" in page
    assert "（ことばは取り消されました）" in page
    assert "子どもの安全" in page
    assert "たたいて" not in page


def test_evidence_is_marked_where_it_stands() -> None:
    """Marks follow the text, ignore case, keep the first of two that overlap, and survive words that are not there."""

    def reason(words: str) -> conversation.Reason:
        return conversation.Reason(NOW, "abuse", "urgent", (), "rule", "", words)

    def shown(text: str, *words: str) -> list[str]:
        pieces = conversation.highlight(text, [reason(one) for one in words])
        assert "".join(piece.text for piece in pieces) == text
        return [piece.text for piece in pieces if piece.why]

    assert shown("I'm so TIRED of it", "so tired") == ["so TIRED"]
    assert shown("たたいて、たたいてしまう", "たたいてしまう", "たたいて") == ["たたいて", "たたいてしまう"]
    assert shown("消えたい", "死にたい") == []
    assert shown("İstanbul TIRED", "TIRED") == ["TIRED"]
    assert shown("", "x") == []


async def test_claim_reply_release_and_close_in_the_browser(world: World, browser: Browser) -> None:
    """The whole way of one talk: it is taken, answered in the room with a notice, given back, and ended."""
    case_id = await a_case(world)
    csrf = await world.signed_in("specialist", browser)
    answer = await browser.post(f"/cases/{case_id}/claim", data=form(csrf))
    assert answer.headers["location"] == f"/cases/{case_id}"
    page = (await browser.get(f"/cases/{case_id}")).text
    assert 'class="talk"' in page
    assert "さとうとして書く" in page
    key = re.search(r'name="key" value="([^"]+)"', page)
    assert key
    fields = form(csrf, words="読みました。\r\nここにいます。", place="room", key=key.group(1))
    for _ in range(3):
        assert (await browser.post(f"/cases/{case_id}/reply", data=fields)).status_code == 303
    page = (await browser.get(f"/cases/{case_id}")).text
    assert page.count("読みました。\nここにいます。") == 1
    assert "まだ読まれていません" in page
    origins = await world.store.read(lambda s: list(s.scalars(select(Outbox.origin))))
    assert origins == ["notice"]
    refused = await browser.post(f"/cases/{case_id}/release", data=form(csrf, agreed=" "))
    assert refused.status_code == 422
    released = await browser.post(
        f"/cases/{case_id}/release", data=form(csrf, agreed="火曜に電話", next="2026-11-24", note="母の声は落ち着いた")
    )
    assert released.status_code == 303
    page = (await browser.get(f"/cases/{case_id}")).text
    assert "母の声は落ち着いた" in page
    assert "あなたが担当" in page

    def remembered(session: Session) -> dict[str, Any]:
        row = session.scalars(select(Memory)).one()
        body = unseal(session, resident_owner(row.resident_id), "memory", "body", row.resident_id, row.body_sealed)
        found: dict[str, Any] = json.loads(body)
        return found

    handback = (await world.store.read(remembered))["handback"]
    assert handback["name"] == "さとう"
    assert handback["next"] == "2026-11-24"
    assert "母の声" not in json.dumps(handback, ensure_ascii=False)
    assert (await browser.post(f"/cases/{case_id}/close", data=form(csrf))).status_code == 303
    assert (await browser.post(f"/cases/{case_id}/reopen", data=form(csrf))).status_code == 303


async def test_sent_and_given_back_in_one_press(world: World, browser: Browser) -> None:
    """The words are said and the talk is given back together, once; what was refused gives nothing back."""
    case_id = await a_case(world, held_by="specialist")
    csrf = await world.signed_in("specialist", browser)
    fields = form(csrf, words="また火曜に。", place="room", key=str(uuid.uuid4()), then="release", next="2026-11-24")
    assert (await browser.post(f"/cases/{case_id}/reply", data={**fields, "place": "line"})).status_code == 422
    assert (await world.store.read(lambda s: s.get_one(CaseRow, case_id))).state == "claimed"
    for _ in range(2):
        assert (await browser.post(f"/cases/{case_id}/reply", data=fields)).status_code == 303
    assert (await world.store.read(lambda s: s.get_one(CaseRow, case_id))).state == "on_hold"
    said = select(func.count()).select_from(Journal).where(Journal.who == "staff")
    assert await world.store.read(lambda s: s.scalar(said)) == 1
    promised = await world.store.read(lambda s: shift.promises(s, [case_id]))
    assert [(one.words, one.due and one.due.astimezone(TOKYO).date()) for one in promised] == [
        ("次の連絡", date(2026, 11, 24))
    ]


async def test_words_stay_out_of_line_where_the_room_is_the_place(world: World, browser: Browser) -> None:
    """In the room policy LINE is refused with a reason until the notice stayed unopened for two minutes (CARE C19)."""
    case_id = await a_case(world, held_by="specialist")
    csrf = await world.signed_in("specialist", browser)

    async def say(place: str) -> httpx.Response:
        fields = form(csrf, words="ここにいます", place=place, key=str(uuid.uuid4()))
        return await browser.post(f"/cases/{case_id}/reply", data=fields, headers={"accept": "application/json"})

    refused = await say("line")
    assert refused.status_code == 422
    assert refused.json()["message"] == labels.NOT_IN_LINE["no_notice"]
    assert (await say("room")).json()["notice"] == labels.NOTICES["sent"]
    assert (await say("line")).json()["message"] == labels.NOT_IN_LINE["wait"]
    world.clock.set(NOW + timedelta(minutes=3), running=False)
    assert (await say("line")).json()["notice"] == labels.NOTICES["line"]
    reasons = await world.store.read(lambda s: list(s.scalars(select(Audit.reason).where(Audit.action == "talk.line"))))
    assert reasons == ["not_opened"]
    world.set_city(talk_in="line")
    assert (await say("line")).status_code == 200


async def test_words_wait_where_contact_is_only_safe_while_she_writes(world: World, browser: Browser) -> None:
    """With when_writing and no fresh words nothing goes into LINE; the room keeps the words (CARE C21)."""
    world.set_city(talk_in="line")
    case_id = await a_case(world, held_by="specialist")
    await world.store.write(
        lambda s: s.execute(update(Resident).values(contact_safety="when_writing", last_inbound_db=0.0)) and None
    )
    csrf = await world.signed_in("specialist", browser)
    fields = form(csrf, words="ここにいます", key=str(uuid.uuid4()))
    json_please = {"accept": "application/json"}
    refused = await browser.post(f"/cases/{case_id}/reply", data={**fields, "place": "line"}, headers=json_please)
    assert refused.json()["message"] == labels.NOT_IN_LINE["contact_safety"]
    kept = await browser.post(f"/cases/{case_id}/reply", data={**fields, "place": "room"}, headers=json_please)
    assert kept.json()["notice"] == labels.NOTICES["quiet"]
    assert await world.store.read(lambda s: s.scalar(select(func.count()).select_from(Outbox))) == 0


async def test_what_a_family_told_of_itself_is_shown_to_the_holder_alone(world: World, browser: Browser) -> None:
    """Whoever holds the talk reads months and area; a colleague who looks in does not."""
    resident = await a_resident(world.store)
    told = Profile((Month(2024, 10),), Month(2027, 3), "ひなた市川辺町")
    await world.store.write(lambda s: memory.change_profile(s, resident, lambda _before: told))
    case = await writes(world.store, resident, "話したい", event="open", reason="asked")
    assert case is not None
    csrf = await world.signed_in("specialist", browser)
    assert "川辺町" not in (await browser.get(f"/cases/{case.id}")).text
    await browser.post(f"/cases/{case.id}/claim", data=form(csrf))
    page = (await browser.get(f"/cases/{case.id}")).text
    for words in ("2024年10月（2歳1か月）", "2027年3月", "ひなた市川辺町"):
        assert words in page
    async with world.browser() as other:
        await world.signed_in("supervisor", other)
        assert "川辺町" not in (await other.get(f"/cases/{case.id}")).text


@pytest.mark.parametrize("writes", [True, False])
async def test_a_notice_on_the_phone_shows_no_words(world: World, browser: Browser, writes: bool) -> None:
    """Who did not write just now may not be the one who holds the phone: a neutral line comes first (CARE C21)."""
    world.set_city(talk_in="line")
    case_id = await a_case(world, held_by="specialist")
    last = await world.store.read(db_now) if writes else 0.0
    await world.store.write(lambda s: s.execute(update(Resident).values(last_inbound_db=last)) and None)
    csrf = await world.signed_in("specialist", browser)
    fields = form(csrf, words="あざのことですが", place="line", key=str(uuid.uuid4()))
    assert (await browser.post(f"/cases/{case_id}/reply", data=fields)).status_code == 303

    def said(session: Session) -> list[str]:
        row = session.scalars(select(Outbox)).one()
        body = unseal(session, resident_owner(row.resident_id), "outbox", "body", row.id, row.body_sealed)
        return [message["text"] for message in json.loads(body)]

    first, *rest = await world.store.read(said)
    assert (first, rest) == ("あざのことですが", []) if writes else rest == ["あざのことですが"]


async def test_a_draft_is_sealed_and_survives_a_lapse(world: World, browser: Browser) -> None:
    """What was typed stays for its writer after the claim lapsed, and the next person sees it as hers."""
    case_id = await a_case(world, held_by="specialist")
    csrf = await world.signed_in("specialist", browser)
    await browser.post(f"/cases/{case_id}/draft", data=form(csrf, words="まず、ゆっくり息を"))
    await world.store.write(lambda s: s.execute(update(CaseRow).values(activity_db=0.0)) and None)
    assert await world.store.write(lambda s: cases.lapse_due(s, NOW, world.city)) == [case_id]
    await browser.post(f"/cases/{case_id}/draft", data=form(csrf, words="まず、ゆっくり息をして"))
    late = form(csrf, words="まず、ゆっくり息をして", place="room", key=str(uuid.uuid4()))
    assert (await browser.post(f"/cases/{case_id}/reply", data=late)).status_code == 403
    assert "まず、ゆっくり息をして" in (await browser.get(f"/cases/{case_id}")).text
    row = await world.store.read(lambda s: s.scalars(select(Draft)).one())
    assert "息".encode() not in row.body_sealed
    async with world.browser() as other:
        other_csrf = await world.signed_in("supervisor", other)
        await other.post(f"/cases/{case_id}/claim", data=form(other_csrf))
        page = (await other.get(f"/cases/{case_id}")).text
        assert "さとうの下書き" in page
        assert "動きがなかったので、列に戻りました" in page
    csrf = await world.signed_in("specialist", browser)
    await browser.post(f"/cases/{case_id}/draft", data=form(csrf, words=" "))
    assert await world.store.read(lambda s: s.scalar(select(func.count()).select_from(Draft))) == 0


async def test_two_people_who_claim_are_told_who_was_first(world: World, browser: Browser) -> None:
    """The second press is a calm 409."""
    case_id = await a_case(world)
    csrf = await world.signed_in("specialist", browser)
    async with world.browser() as other:
        other_csrf = await world.signed_in("supervisor", other)
        await other.post(f"/cases/{case_id}/claim", data=form(other_csrf))
    late = await browser.post(f"/cases/{case_id}/claim", data=form(csrf), headers={"accept": "application/json"})
    assert late.status_code == 409
    assert "ほかの担当者" in late.json()["message"]
    assert "ほかの担当者が対応中です" in (await browser.get(f"/cases/{case_id}")).text


async def test_wrong_forms_are_answered_calmly(world: World, browser: Browser) -> None:
    """Empty or oversize words, a broken key or date, an unknown severity: 4xx with a sentence, nothing kept."""
    case_id = await a_case(world, held_by="specialist")
    csrf = await world.signed_in("specialist", browser)
    for act, fields, status in (
        ("reply", {"words": "  ", "key": str(uuid.uuid4())}, 422),
        ("reply", {"words": "あ" * 2001, "key": str(uuid.uuid4())}, 422),
        ("reply", {"words": "x", "key": "1"}, 422),
        ("reply", {"words": "あ" * 60_000, "key": str(uuid.uuid4())}, 413),
        ("release", {"agreed": "x", "next": "明日"}, 422),
        ("transfer", {"note": ""}, 422),
        ("lower", {"severity": "none", "reason": "x"}, 422),
        ("lower", {"severity": "concern", "reason": " "}, 422),
    ):
        answer = await browser.post(
            f"/cases/{case_id}/{act}", data=form(csrf, **fields), headers={"accept": "application/json"}
        )
        assert answer.status_code == status, (act, answer.status_code)
        assert status == 413 or answer.json()["message"]
    assert await world.store.read(lambda s: s.scalar(select(func.count()).select_from(Note))) == 0
    staff_words = select(func.count()).select_from(Journal).where(Journal.who == "staff")
    assert await world.store.read(lambda s: s.scalar(staff_words)) == 0


async def test_a_talk_whose_words_were_destroyed_can_still_be_ended(world: World, browser: Browser) -> None:
    """After the key is gone the page opens without words, nothing new is kept, and the case closes (CARE C17)."""
    case_id = await a_case(world, held_by="specialist")
    csrf = await world.signed_in("specialist", browser)
    resident_id = (await world.store.read(lambda s: s.get_one(CaseRow, case_id))).resident_id
    await world.store.destroy_key(resident_owner(resident_id))
    page = await browser.get(f"/cases/{case_id}")
    assert page.status_code == 200
    assert "たたいて" not in page.text
    fields = form(csrf, words="x", place="room", key=str(uuid.uuid4()))
    assert (await browser.post(f"/cases/{case_id}/reply", data=fields)).status_code == 422
    assert (await browser.post(f"/cases/{case_id}/close", data=form(csrf, note="消去の希望"))).status_code == 303
    assert (await world.store.read(lambda s: s.get_one(CaseRow, case_id))).state == "closed"
    assert await world.store.read(lambda s: s.scalar(select(func.count()).select_from(Note))) == 0


async def test_a_reply_without_the_claim_is_refused_and_written_down(world: World, browser: Browser) -> None:
    """Who may talk but does not hold this talk says nothing in it."""
    case_id = await a_case(world, held_by="supervisor")
    csrf = await world.signed_in("specialist", browser)
    fields = form(csrf, words="x", place="room", key=str(uuid.uuid4()))
    assert (await browser.post(f"/cases/{case_id}/reply", data=fields)).status_code == 403
    (row,) = await world.store.read(lambda s: s.scalars(select(Audit).where(Audit.allowed.is_(False))).all())
    assert (row.action, row.actor) == ("case.reply", f"staff:{world.staff['specialist']}")


async def test_older_words_are_one_link_away(world: World, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long talk shows its newest part and a link further back."""
    monkeypatch.setattr(conversation, "SHOWN", 2)
    case_id = await a_case(world)
    resident_id = (await world.store.read(lambda s: s.get_one(CaseRow, case_id))).resident_id
    for n in range(4):
        await writes(world.store, resident_id, f"ことば{n}", at=NOW + timedelta(minutes=n))
    await world.signed_in("specialist", browser)
    page = (await browser.get(f"/cases/{case_id}")).text
    assert "ことば3" in page
    assert "ことば1" not in page
    link = re.search(r'href="\?before=(\d+)"', page)
    assert link
    assert "ことば1" in (await browser.get(f"/cases/{case_id}?before={link.group(1)}")).text


# --- live -----------------------------------------------------------------------------------------------------------


async def stream_of(world: World, browser: Browser, after: int, **headers: str) -> list[dict[str, str]]:
    """Read a stream until the server ends it."""
    answer = await browser.get(f"/live?after={after}", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in answer.text.replace("\r\n", "\n").split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in lines:
            found.append(lines)
    return found


async def opened(world: World, count: int) -> None:
    """Wait until so many streams are open."""
    while sum(world.app.state.streams.values()) < count:  # noqa: ASYNC110 - there is nothing to be told by
        await asyncio.sleep(0)


async def test_the_stream_tells_ids_in_order_and_goes_on_where_it_stopped(
    world: World, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changes come with their number; Last-Event-ID counts more than the address; no words travel."""
    await world.signed_in("specialist", browser)
    await a_case(world)
    await a_case(world, held_by="specialist")
    monkeypatch.setattr(live, "STREAM_SECONDS", 0.2)
    told = await stream_of(world, browser, 0)
    changes = [change for one in told if one["event"] == "change" for change in json.loads(one["data"])]
    assert [one["kind"] for one in changes] == ["case.opened", "case.opened", "case.claimed"]
    assert set(changes[0]) == {"id", "kind", "case", "resident"}
    assert {"beat"} == {one["event"] for one in told} - {"change"}
    first = changes[0]["id"]
    told = await stream_of(world, browser, 0, **{"last-event-id": str(first)})
    again = [change["id"] for one in told if one["event"] == "change" for change in json.loads(one["data"])]
    assert again == [change["id"] for change in changes[1:]]
    polled = (await browser.get(f"/live/since?after={first}")).json()
    assert [one["id"] for one in polled["changes"]] == again
    assert polled["cursor"] == again[-1]


async def test_a_commit_reaches_an_open_stream(world: World, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is committed while the stream is open arrives without waiting for a beat."""
    await world.signed_in("specialist", browser)
    monkeypatch.setattr(live, "STREAM_SECONDS", 1.5)
    beaten = threading.Event()
    look = live.staff.session_by_hash

    def looked(session: Session, hashed: str) -> Any:
        beaten.set()  # the stream has read what there was, and is about to wait
        return look(session, hashed)

    monkeypatch.setattr(live.staff, "session_by_hash", looked)
    reading = asyncio.create_task(stream_of(world, browser, 0))
    assert await asyncio.to_thread(beaten.wait, 10)
    await world.store.write(lambda s: append_event(s, "case.message", NOW))
    told = await reading
    assert sorted(one["event"] for one in told) == ["beat", "change"]  # the next beat would be ten seconds later
    assert not world.app.state.streams


async def test_a_stream_ends_with_its_session(world: World, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the next beat after the session was ended the stream says so and closes."""
    await world.signed_in("specialist", browser)
    monkeypatch.setattr(live, "BEAT_SECONDS", 0.05)
    reading = asyncio.create_task(stream_of(world, browser, 0))
    await opened(world, 1)
    await world.store.write(lambda s: s.execute(StaffSession.__table__.delete()) and None)  # type: ignore[attr-defined]
    told = await asyncio.wait_for(reading, 20)
    assert told[-1]["event"] == "end"


async def test_one_session_has_three_streams_at_most(
    world: World, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fourth stream is refused, and its page polls."""
    await world.signed_in("specialist", browser)
    monkeypatch.setattr(live, "STREAM_SECONDS", 1.0)
    reading = [asyncio.create_task(stream_of(world, browser, 0)) for _ in range(3)]
    await opened(world, 3)
    assert (await browser.get("/live?after=0", headers={"accept": "application/json"})).status_code == 429
    await asyncio.gather(*reading)


async def test_a_snapshot_and_its_cursor_miss_nothing(store: Store) -> None:
    """On both databases: following from a snapshot's cursor, the queue is always as new as what was told."""
    world = await build(store)
    from handoff.console.queue import snapshot  # the page module under test

    shots = []

    async def look() -> None:
        for _ in range(15):
            shots.append(await store.read(lambda s: snapshot(s, world.city, NOW)))

    await asyncio.gather(look(), *(a_case(world) for _ in range(8)))
    opened = await store.read(
        lambda s: {row.id: row.case_id for row in s.execute(select(Event.id, Event.case_id)).all()}
    )
    for shot in shots:
        shown = {row.id for row in shot.sections[0].rows}
        assert {case for number, case in opened.items() if number <= shot.cursor} <= shown


# --- words and templates --------------------------------------------------------------------------------------------


def test_every_id_of_the_vocabulary_has_a_japanese_label() -> None:
    """Severities, kinds, aspects and languages are complete, and nothing is left over."""
    with labels.__file__ and open(cases.__file__.replace("cases.py", "content/vocabulary.yaml"), "rb") as file:
        vocabulary = yaml.safe_load(file)
    assert set(labels.SEVERITIES) == set(labels.MARKS) == set(vocabulary["severities"])
    assert set(labels.KINDS) == set(vocabulary["signals"])
    assert set(labels.ASPECTS) == set(vocabulary["aspects"])
    assert set(labels.LANGUAGES) == set(vocabulary["languages"])
    assert set(labels.STATES) == set(cases.CASE_TABLE) - {"new"}


def test_templates_escape_and_hold_nothing_inline() -> None:
    """No template switches escaping off, and none has a script, style or handler of its own."""
    from handoff.console.app import HERE
    from handoff.console.scripts import STATIC

    for path in (HERE / "templates").rglob("*.html"):
        text = path.read_text("utf-8")
        assert not re.search(r"\|\s*safe\b|autoescape|<style|\sstyle=|\son[a-z]+=|javascript:", text), path
        assert not re.search(r"<script(?![^>]*\ssrc=)", text), path
    for path in STATIC.iterdir():
        text = path.read_text("utf-8")
        assert not re.search(r"https?://(?!www\.w3\.org)|localStorage|eval\(", text), path
