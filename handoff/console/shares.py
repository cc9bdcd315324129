"""Handing a short text about a family to a partner agency: asking the family, writing it, agreeing, the link, its end.

The rule: link and code are shown once, to go two different ways; they stand in no address and no log of ours. Whoever
may read the talk may end a share, at once; only the holder makes one.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot import cases, memory
from bot.curation import FieldsRefusedError
from bot.errors import RefusedError
from bot.models import CaseRow, Resident, SignalRow
from bot.opening import TOKYO
from bot.profile import Profile
from bot.store import append_audit
from handoff import partners, phrases, referrals, shares, staff
from handoff.console import labels, saying
from handoff.console.gate import Pass, house_of, may
from handoff.console.saying import Words
from handoff.shares import Receiver, Share, Text, Wish
from handoff.wording import later, say, speaking

#: What is offered as a fact and would tell where somebody is.
_WHERE: Final = frozenset({"地区", "案内した場所"})

router = APIRouter(prefix="/cases/{case_id}/shares")
See = Annotated[Pass, Depends(may("share.see"))]
Make = Annotated[Pass, Depends(may("share.make"))]


@router.get("")
async def page(request: Request, door: See) -> Response:
    """Show the shares of a case."""
    house, case_id, at = house_of(request), door.the_case.id, house_of(request).clock.now()

    def unit(session: Session) -> tuple[list[Share], dict[uuid.UUID, str], bool]:
        shares.note_looking(session, case_id, door.actor, at)
        two = shares.two_decide(session.get_one(CaseRow, case_id))
        return shares.of_case(session, case_id, at), staff.work_names(session), two

    found, names, two = await house.store.write(unit)
    holds = door.the_case.held and door.the_case.holder_id == door.actor.id
    values: dict[str, Any] = {"found": found, "names": names, "two": two, "holds": holds}
    return _page(request, door, "shares/list.html", **values)


@router.get("/new")
async def blank(request: Request, door: Make) -> Response:
    """Show the sentence that asks the family, and the empty form."""
    today = house_of(request).clock.now().astimezone(TOKYO).date()
    return await _form(request, door, Wish(consented_on=today))


@router.post("/ask")
async def ask(request: Request, door: Make) -> Response:
    """Ask the family in its language whether an agency may be told; what it answers is for a person to hear."""
    house, city, now = house_of(request), house_of(request).city(), house_of(request).clock.now()
    wanted = door.id("ask_contact")

    def compose(session: Session) -> Words:
        receiver = next((one for one in shares.receivers(session, now) if one.contact_id == wanted), None)
        if receiver is None:
            raise RefusedError("だれに渡すかを、先にえらんでください。")
        language = cases.language(session, door.the_case.id, city)
        asked = (house.words.sentence(sentence, language) for sentence in phrases.ASK_SHARE)
        return Words(
            "\n".join((receiver.agency, *asked)),
            language=language,
            drafted=False,
            then=lambda s, at: append_audit(s, door.by.id, "share.asked", at, case_id=door.the_case.id),
        )

    return saying.said(request, door, await saying.say(house, door, compose))


@router.post("/new")
async def make(request: Request, door: Make) -> Response:
    """Keep a share; nobody can read it before there is a link."""
    house, case_id = house_of(request), door.the_case.id
    today = house.clock.now().astimezone(TOKYO).date()
    chosen = [str(label) for label in door.form.getlist("facts")]
    offered = await house.store.read(lambda s: _facts(s, case_id, today))
    told = tuple((label, words) for label, words, always in offered if always or label in chosen)
    wish = Wish(
        door.id("contact"),
        Text(door.typed("summary"), told),
        door.day("consented_on"),
        door.typed("consent_how"),
        door.number("days"),
    )
    try:
        await shares.make(house.store, case_id, wish, door.actor, house.clock.now())
    except FieldsRefusedError as refused:
        return await _form(request, door, wish, reasons=refused.reasons)
    return _back(request, door)


@router.post("/{share_id:uuid}/agree")
async def agree(request: Request, share_id: uuid.UUID, door: Annotated[Pass, Depends(may("share.agree"))]) -> Response:
    """Agree as the second person."""
    house, case_id = house_of(request), door.the_case.id
    await house.store.write(lambda s: shares.agree(s, case_id, share_id, door.actor, house.clock.now()))
    return _back(request, door)


@router.post("/{share_id:uuid}/link")
async def link(request: Request, share_id: uuid.UUID, door: Annotated[Pass, Depends(may("share.link"))]) -> Response:
    """Make the link and its code and show both, this once."""
    house, case_id, now = house_of(request), door.the_case.id, house_of(request).clock.now()

    def unit(session: Session) -> tuple[str, str, Share, partners.Kept | None]:
        token, code = shares.link(session, case_id, share_id, door.actor, now)
        session.flush()
        share = next(one for one in shares.of_case(session, case_id, now) if one.id == share_id)
        return token, code, share, partners.get(session, share.agency_id)

    token, code, share, agency = await house.store.write(unit)
    values: dict[str, Any] = {"address": f"{house.base_url}/share/{token}", "code": f"{code[:4]} {code[4:]}"}
    contact = next((one for one in agency.contacts if one.id == share.contact_id), None) if agency else None
    return _page(request, door, "shares/link.html", share=share, agency=agency, contact=contact, **values)


@router.post("/{share_id:uuid}/end")
async def end(request: Request, share_id: uuid.UUID, door: Annotated[Pass, Depends(may("share.end"))]) -> Response:
    """End a share at once, because staff take it back or the family does."""
    house, why = house_of(request), door.typed("why")
    if why not in ("revoked", "withdrawn"):
        raise RefusedError("どうして閉じるかをえらんでください。")
    now, case_id = house.clock.now(), door.the_case.id
    await shares.end(house.store, case_id, share_id, cast(shares.End, why), door.by.id, now)
    return _back(request, door)


# --- steps ----------------------------------------------------------------------------------------------------------


def _facts(session: Session, case_id: uuid.UUID, today: date) -> list[tuple[str, str, bool]]:
    """Return what may be chosen as label and words, and whether it always goes along: how one may reach them (C21).

    Where violence or a child's safety is known, nothing of it tells where somebody is.
    """
    case = session.get_one(CaseRow, case_id)
    resident = session.get_one(Resident, case.resident_id)
    language = resident.language or resident.language_hint
    told = Profile.of(memory.look(session, resident.id))
    places = "、".join(dict.fromkeys(one.name for one in referrals.offered(session, case_id)))
    with speaking("ja"):  # the agency reads it
        reach = labels.CONTACT[resident.contact_safety] if resident.contact_safety != "any" else ""
        found = [
            (later("ことば"), labels.label(labels.LANGUAGES, language), False),
            *((label, words, False) for label, words in labels.family(told, today)),
            (later("案内した場所"), places, False),
            (later("連絡のしかた"), reach, True),
        ]
    hidden = _WHERE if shares.two_decide(case) else frozenset()
    return [one for one in found if one[1] and one[0] not in hidden]


async def _form(request: Request, door: Pass, wish: Wish, *, reasons: Mapping[str, str] | None = None) -> Response:
    house, case_id, now = house_of(request), door.the_case.id, house_of(request).clock.now()
    city = house.city()

    def unit(session: Session) -> tuple[list[Receiver], list[tuple[str, str, bool]], bool, bool, str]:
        case = session.get_one(CaseRow, case_id)
        about_others = select(SignalRow.id).where(SignalRow.case_id == case_id, SignalRow.who == "other")
        others = session.execute(about_others.limit(1)).first() is not None
        return (
            shares.receivers(session, now),
            _facts(session, case_id, now.astimezone(TOKYO).date()),
            shares.two_decide(case),
            others,
            cases.language(session, case_id, city),
        )

    receivers, facts, two, others, language = await house.store.read(unit)
    return _page(
        request,
        door,
        "shares/form.html",
        422 if reasons else 200,
        wish=wish,
        reasons=reasons or {},
        receivers=[
            (str(one.contact_id), say("{agency}・{contact}さん", agency=one.agency, contact=one.contact))
            for one in receivers
        ],
        choose=[("", say("えらんでください"))],
        facts=facts,
        chosen=[label for label, _words in wish.text.facts],
        two=two,
        others=others,
        language=language,
        sentences=phrases.ASK_SHARE,
        key=uuid.uuid4(),
        most_days=shares.MOST_DAYS,
        longest=shares.LONGEST,
    )


def _page(request: Request, door: Pass, name: str, status: int = 200, **values: Any) -> Response:
    house = house_of(request)
    now = house.clock.now()
    values |= {"now": now, "today": now.astimezone(TOKYO).date(), "case": door.the_case, "hows": shares.HOWS}
    return house.page(request, name, status, signed=door.signed, city=house.city().name, **values)


def _back(request: Request, door: Pass) -> Response:
    return RedirectResponse(f"{request.scope.get('root_path', '')}/cases/{door.the_case.id}/shares", 303)
