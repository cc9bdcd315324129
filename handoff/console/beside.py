"""Places beside the talk: found with the desk's own search, sent as cards in the resident's language, written down.

The rule: staff offer, the family chooses (guideline 4(3)③); what is sent says so, and never hides what differs.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from bot import cases, memory, names, render
from bot.directory import search
from bot.directory.resources import Resource
from bot.errors import RefusedError
from bot.messages import Card, Reply, Text, Verbatim, _
from bot.models import CaseRow
from bot.opening import TOKYO
from bot.places import card, whole_card
from bot.profile import Profile
from handoff import referrals
from handoff.console import saying
from handoff.console.gate import House, Pass, house_of, may
from handoff.console.saying import Words
from handoff.wording import named, spoken

FOUND: Final = 8  # places of one search
MOST: Final = 5  # that are sent at once

OFFER: Final = _("こんな場所があります。選ぶのはあなたです。使っても、使わなくてもかまいません。")

router = APIRouter(prefix="/cases/{case_id}/places")
Holds = Annotated[Pass, Depends(may("case.reply"))]
Text40 = Annotated[str, Query(max_length=40)]


@router.get("")
async def look(
    request: Request, door: Holds, words: Text40 = "", topic: Text40 = "", area: Text40 = "", now: Text40 = ""
) -> Response:
    """Search for places; with nothing asked, show the form with what the family told of where it lives."""
    house, case_id = house_of(request), door.the_case.id
    moment, city = house.clock.now(), house.city()

    def unit(session: Session) -> tuple[str, str]:
        resident = session.get_one(CaseRow, case_id).resident_id
        return Profile.of(memory.look(session, resident)).area, cases.language(session, case_id, city)

    told, language = await house.store.read(unit)
    topic = topic if topic in names.TOPICS else ""
    asked = bool(words.strip() or topic)
    where = area.strip() if asked else told
    found = None
    if asked:
        query = search.Query(
            topic=topic,
            words=words.strip(),
            area=where,
            open_at=moment if now else None,
            today=moment.astimezone(TOKYO).date(),
            neighbours=city.municipalities,
            limit=FOUND,
        )
        found = house.directory().search(query, now=moment)
    matches = (*found.matches, *found.neighbours) if found else ()
    cards = [(match.resource.id, card(match, spoken(), moment, found.areas if found else ())) for match in matches]
    return house.page(
        request,
        "conversation/places.html",
        signed=door.signed,
        city=city.name,
        case=door.the_case,
        asked=asked,
        words=words,
        topic=topic,
        area=where,
        now=now,
        found=found,
        cards=[(id, *_lines(house, one)) for id, one in cards],
        topics=named(names.TOPICS),
        language=language,
        key=uuid.uuid4(),
        most=MOST,
    )


def _lines(house: House, one: Card) -> tuple[str, str, list[tuple[str, str]]]:
    """Return a card as staff read it: name, kind, facts."""
    word: Any = house.words.word
    language = spoken()
    facts = [(word(fact.label, language), word(fact.value, language)) for fact in one.facts]
    return word(one.title, language), word(one.kind, language) if one.kind else "", facts


@router.post("")
async def send(request: Request, door: Annotated[Pass, Depends(may("case.draft"))]) -> Response:
    """Send the chosen places as cards, with words of one's own before them if there are any."""
    house, city = house_of(request), house_of(request).city()
    chosen = list(dict.fromkeys(map(str, door.form.getlist("chosen"))))
    if not 0 < len(chosen) <= MOST:
        raise RefusedError("送る場所を、1つから{most}つまで選んでください。", most=MOST)
    directory = house.directory()
    places = [place for id in chosen if (place := directory.get(id)) is not None]
    if len(places) < len(chosen):
        raise RefusedError("選んだ場所のひとつは、もう案内できません。さがしなおしてください。")
    own = door.text("words", saying.WORDS)

    def compose(session: Session) -> Words:
        language = cases.language(session, door.the_case.id, city)
        replies = offer(own, places, language)
        plain = [Reply(reply.lines, tuple(_without_taps(one) for one in reply.cards)) for reply in replies]
        return Words(
            render.to_text(plain, language, house.words),
            house.to_line(replies, language),
            language,
            _in_room(house, own, replies, language),
            drafted=False,
            then=lambda s, at: referrals.note(s, door.the_case.id, door.actor.id, places, at),
        )

    return saying.said(request, door, await saying.say(house, door, compose))


def offer(own: str, places: Sequence[Resource], language: str) -> tuple[Reply, ...]:
    """Return what a family gets: staff's own words, then the places side by side and that the choice is theirs."""
    cards = tuple(whole_card(place, language) for place in places)
    before: tuple[Text, ...] = (Verbatim(own),) if own else ()
    return (*((Reply(before),) if before else ()), Reply((OFFER,), cards))


def _in_room(house: House, own: str, replies: Sequence[Reply], language: str) -> dict[str, Any]:
    """Return what the resident's page shows instead of the plain words: the words before them, and the cards."""
    before = "\n".join(part for part in (own, house.words.word(OFFER, language)) if part)
    cards = [card for reply in replies for card in reply.cards]
    return {"before": before, "cards": render.to_page(cards, language, house.words)}


def _without_taps(one: Card) -> Card:
    """Return a card for where nothing can be tapped; number and address stand on it as words."""
    return Card(one.title, one.kind, one.facts, one.note)
