"""Two languages in the talk: staff's words translated, and back, before they are sent; the family's yes or no to it.

The rule: staff see both before anything is sent, and what the family gets says that a machine made it and has the
Japanese below (CARE C6). Whether words may leave is `Interpreter`'s to say; where it says no, the page says so calmly.
"""

from __future__ import annotations

import json
import uuid
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot import cases
from bot.errors import RefusedError, StaysHereError, TranslatorError
from bot.i18n import SOURCE
from bot.messages import clean
from bot.models import CaseRow, Journal
from bot.store import Store, append_audit
from handoff import notes, translation
from handoff.console import labels, saying
from handoff.console.gate import House, Pass, house_of, may, wants_json
from handoff.console.saying import Words
from handoff.interpreter import Drafted
from handoff.translation import HOWS, How, Standing
from handoff.wording import later

STALE = later("画面が古くなりました。もう一度「翻訳して確かめる」を押してください。")
SHARES = 5_000  # characters of a translation

router = APIRouter(prefix="/cases/{case_id}/translate")
Holds = Annotated[Pass, Depends(may("case.translate"))]


def standing(house: House, session: Session, case_id: uuid.UUID) -> Standing:
    """Return how it stands with the language of the talk."""
    return house.interpreter.standing(session, case_id, cases.language(session, case_id, house.city()))


# --- writing ----------------------------------------------------------------------------------------------------------


@router.post("")
async def check(request: Request, door: Holds) -> Response:
    """Show staff's Japanese in the family's language and translated back; the draft is kept whatever comes of it."""
    house, case_id, words = house_of(request), door.the_case.id, door.text("words", saying.WORDS)
    if not words:
        raise RefusedError("ことばを入れてください。")
    at = house.clock.now()

    def keep(session: Session) -> str:
        row = session.get_one(CaseRow, case_id)
        notes.keep_draft(session, case_id, row.resident_id, door.actor.id, words, at)
        return cases.language(session, case_id, house.city())

    language = await house.store.write(keep)
    found, why = None, ""
    if len(words) > translation.LONGEST:
        why = labels.FAILED["too_long"]
    else:
        try:
            found = await house.interpreter.draft(case_id, door.actor.id, words)
        except StaysHereError as stays:
            why = labels.STAYS[str(stays)]
        except TranslatorError as error:
            why = labels.FAILED[error.why]
    return house.page(
        request,
        "conversation/translate.html",
        signed=door.signed,
        city=house.city().name,
        case=door.the_case,
        words=words,
        found=found,
        language=found.language if found else language,
        why=why,
        key=uuid.uuid4(),
        place=door.typed("place"),
        seal=_seal(house.store, door, found, words) if found else "",
    )


def _seal(store: Store, door: Pass, found: Drafted, words: str) -> str:
    return seal_of(store, door.the_case.id, door.actor.id, found.service, found.language, words, found.there.text)


def seal_of(
    store: Store, case_id: uuid.UUID, staff_id: uuid.UUID, service: str, language: str, japanese: str, machine: str
) -> str:
    """Return the mark by which a form shows what the machine made of which words, for whom."""
    parts = [str(case_id), str(staff_id), service, language, japanese, clean(machine)]
    return store.vault.hash(f"translated:{json.dumps(parts)}")


@router.post("/send")
async def send(request: Request, door: Annotated[Pass, Depends(may("case.draft"))]) -> Response:
    """Send a translation that was looked at, with a note in the family's language and the Japanese below it.

    The door asks for `case.draft` only, as for any reply (`saying.reply`).
    """
    house = house_of(request)
    japanese, translated = door.text("japanese", translation.LONGEST), door.text("translated", SHARES)
    machine, service, language = door.text("machine", SHARES), door.typed("service"), door.typed("language")
    mark = seal_of(house.store, door.the_case.id, door.actor.id, service, language, japanese, machine)
    if door.typed("seal") != mark:
        raise RefusedError(STALE)
    if not translated:
        raise RefusedError("ことばを入れてください。")
    edited = translated != machine
    name = house.city().translation.services.get(service, service)
    text = translation.composed(house.words, language, translated, japanese, name, edited=edited)
    more = {"japanese": japanese, "translated": translated, "service": service, "edited": edited}
    outcome = await saying.say(house, door, lambda _session: Words(text, language=language, more=more))
    return saying.said(request, door, outcome)


# --- the family's yes or no ------------------------------------------------------------------------------------------


@router.post("/ask")
async def ask(request: Request, door: Holds) -> Response:
    """Ask the family, in its language, whether words may go to the service; a no changes nothing."""
    house, case_id = house_of(request), door.the_case.id

    def compose(session: Session) -> Words:
        found = standing(house, session, case_id)
        if found.stays not in ("", "not_asked", "refused"):
            raise RefusedError(labels.STAYS[found.stays])
        asked = translation.question(house.words, found.language, found.name)
        more = {"japanese": translation.question(house.words, SOURCE, found.name)}
        return Words(asked, language=found.language, drafted=False, more=more, then=noted)

    def noted(session: Session, at: Any) -> None:
        append_audit(session, f"staff:{door.actor.id}", "translation.asked", at, case_id=case_id)

    return saying.said(request, door, await saying.say(house, door, compose))


@router.post("/answer")
async def answer(request: Request, door: Holds) -> Response:
    """Write down what the family said, and how; after a yes what it wrote in this talk is translated."""
    house, case_id = house_of(request), door.the_case.id
    given, how = door.typed("given"), door.typed("how")
    if given not in ("yes", "no") or how not in HOWS:
        raise RefusedError("「はい」か「いいえ」と、どうやって聞いたかを選んでください。")
    at = house.clock.now()

    def unit(session: Session) -> None:
        found = standing(house, session, case_id)
        if not found.service:
            raise RefusedError(labels.STAYS[found.stays])
        translation.record(session, case_id, door.actor.id, found.service, at, given=given == "yes", how=cast(How, how))
        if given == "yes":
            house.interpreter.want_this_talk(session, case_id, at)

    await house.store.write(unit)
    return _back(request, door)


@router.post("/again")
async def again(request: Request, door: Holds) -> Response:
    """Have one message of hers translated now: an earlier one, or one that failed."""
    house, case_id, number = house_of(request), door.the_case.id, door.number("message")
    at = house.clock.now()

    def unit(session: Session) -> None:
        owner = session.get_one(CaseRow, case_id).resident_id
        row = session.scalars(select(Journal).where(Journal.id == number, Journal.resident_id == owner)).one_or_none()
        if row is not None:
            house.interpreter.want(session, case_id, row.uid, at)

    await house.store.write(unit)
    return _back(request, door, f"#said-{number}")


def _back(request: Request, door: Pass, where: str = "") -> Response:
    if wants_json(request):
        return JSONResponse({"notice": ""})
    return RedirectResponse(f"{request.scope.get('root_path', '')}/cases/{door.the_case.id}{where}", 303)
