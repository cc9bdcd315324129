"""Whether words of a talk may go to a translation service, what the family said to that, and what was made of it.

The rule: `stays` alone decides, from the city's settings, the case and the family's newest word; `Interpreter` asks it
in the transaction that writes the sending into the audit (CARE C28). Nothing here touches a network.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, get_args

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from bot import cases
from bot.errors import KeyGoneError, RefusedError
from bot.i18n import EASY, SOURCE, Catalogs
from bot.messages import N_, Severity
from bot.models import Audit, CaseRow, Consent, Journal, TranslationRow
from bot.situation import Case, City, Translation
from bot.store import append_audit, append_event, db_now, upsert, wake
from bot.vault import resident_owner, unseal
from handoff.terms import Lost

CONSENT: Final = "translation:"  # with the service's id: the kind of Consent, for a yes names one service
WAKES: Final = "translation"
WORDS: Final = frozenset({"text", "room_text"})  # kinds of the journal that a resident wrote herself
BEFORE: Final = timedelta(minutes=10)  # words before a case opened belong to it, as its pictures do (bot.media)
MOST_BEFORE: Final = 30  # messages that one yes sends at once
LONGEST: Final = 1_000  # characters of Japanese that are translated at once
LINE_MOST: Final = 5_000  # UTF-16 units of one text (facts/line.md)

#: Why words stay here.
Stays = Literal["off", "japanese", "no_service", "closed", "kind", "refused", "child", "not_asked"]
#: How a family answered.
How = Literal["line", "room", "phone", "counter"]
HOWS: Final = get_args(How)

#: What staff ask with one press; {service} is the name that the city gave it.
QUESTION: Final = N_(
    "あなたのことばと日本語のあいだを、機械で翻訳してもいいですか。書いた文は、この窓口の外の翻訳サービス"
    "「{service}」に送られます。「いいえ」でも、相談はこれまでと同じにできます。「はい」のあとでも、いつでもやめられます。"
)
#: What stands under a translation that the family gets.
BY_MACHINE: Final = N_("機械（{service}）が翻訳しました。まちがいがあるかもしれません。もとの日本語:")
BY_PERSON: Final = N_("機械（{service}）が翻訳し、職員が直しました。もとの日本語:")


@dataclass(frozen=True, slots=True)
class Standing:
    """Hold how it stands with one case and language: the service, whether words stay here, what the family said."""

    language: str
    service: str  # its id, "" when none knows the language
    name: str  # as families are told
    stays: Stays | Literal[""]
    said: bool | None
    said_at: datetime | None
    asked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Made:
    """Hold what became of one message: its Japanese, or why there is none yet."""

    state: str  # wanted | kept | failed
    why: str
    name: str
    text: str = ""
    lost: tuple[Lost, ...] = ()


# --- deciding -------------------------------------------------------------------------------------------------------


def service_for(settings: Translation, language: str, known: Mapping[str, Collection[str]]) -> str:
    """Return which service translates a language, "" for none; `known` are the services that work, with languages."""
    first = (settings.languages[language],) if language in settings.languages else tuple(settings.services)
    return next((name for name in first if language in known.get(name, ())), "")


def stays(settings: Translation, service: str, case: Case, said: bool | None) -> Stays | Literal[""]:
    """Return why words stay here, "" when they may leave. `said` is the family's newest word about this service.

    A no stands also in an emergency. A child's yes is nobody's (CARE C27 forbids to ask the parents for theirs).
    """
    if not settings.on:
        return "off"
    if not service:
        return "no_service"
    if case.state == "closed":
        return "closed"
    if not set(settings.not_for).isdisjoint(case.kinds):
        return "kind"
    if said is False:
        return "refused"
    if settings.emergency == "without" and case.severity is Severity.EMERGENCY:
        return ""
    if "child_writing" in case.aspects:
        return "child"
    return "" if said else "not_asked"


def problems(settings: Translation, configured: Collection[str]) -> list[str]:
    """Return which services the city names that are not set up here, one sentence each."""
    missing = sorted(set(settings.services) - set(configured)) if settings.on else []
    return [f"translation.services names {name}, which is not set up (MADOGUCHI_TRANSLATE_…)" for name in missing]


def spoken(session: Session, case: CaseRow, city: City, language: str = "") -> str:
    """Return which language a text is in: as it was heard, else that of the talk."""
    return language or cases.language(session, case.id, city)


def standing(
    session: Session, case_id: uuid.UUID, city: City, known: Mapping[str, Collection[str]], language: str
) -> Standing:
    """Return how it stands with a case for words in, or into, a language."""
    row = session.get_one(CaseRow, case_id)
    service = service_for(city.translation, language, known)
    said = _said(session, row.resident_id, service) if service else None
    given, at = said or (None, None)
    why = stays(city.translation, service, cases.as_case(row), given)
    if city.translation.on and language in (SOURCE, EASY):
        why = "japanese"
    asked = select(func.max(Audit.at)).where(Audit.case_id == case_id, Audit.action == "translation.asked")
    return Standing(
        language, service, city.translation.services.get(service, ""), why, given, at, session.scalar(asked)
    )


# --- what the family says --------------------------------------------------------------------------------------------


def _said(session: Session, resident_id: uuid.UUID, service: str) -> tuple[bool, datetime] | None:
    """Return the newest word about a service; of two at the same moment the no counts."""
    row = session.execute(
        select(Consent.given, Consent.at)
        .where(Consent.resident_id == resident_id, Consent.kind == CONSENT + service)
        .order_by(Consent.at.desc(), Consent.given)
        .limit(1)
    ).one_or_none()
    return (row.given, row.at) if row is not None else None


def record(
    session: Session, case_id: uuid.UUID, staff_id: uuid.UUID, service: str, at: datetime, *, given: bool, how: How
) -> None:
    """Write down what the family said, and how; a no ends every yes and what is about to be sent.

    What was translated before stays with the talk, sealed. Raise RefusedError for a yes of a child (CARE C27).
    """
    row = session.get_one(CaseRow, case_id)
    if given and "child_writing" in row.aspects:
        raise RefusedError("子ども本人が書いているかもしれない相談です。翻訳の同意は求めません。")
    services = {service}
    if not given:
        kinds = select(Consent.kind).where(Consent.resident_id == row.resident_id, Consent.kind.startswith(CONSENT))
        services |= {kind.removeprefix(CONSENT) for kind in session.scalars(kinds)}
        session.execute(
            delete(TranslationRow).where(
                TranslationRow.resident_id == row.resident_id, TranslationRow.state == "wanted"
            )
        )
    for one in sorted(services):
        session.execute(
            insert(Consent).values(
                id=uuid.uuid4(),
                resident_id=row.resident_id,
                kind=CONSENT + one,
                given=given,
                wording_version=hashlib.sha256(QUESTION.encode()).hexdigest()[:12],
                at=at,
            )
        )
    detail = {"given": given, "how": how, "service": service}
    append_audit(session, f"staff:{staff_id}", "translation.consent", at, case_id=case_id, detail=detail)
    append_event(session, "translation.consent", at, case_id=case_id, resident_id=row.resident_id)


# --- reading: what is wanted, and what was made -----------------------------------------------------------------------


def want(session: Session, case: CaseRow, row: Journal, at: datetime) -> None:
    """Have one message translated; what is kept or being made stays as it is, what failed is tried anew."""
    values = {"id": row.uid, "resident_id": row.resident_id, "case_id": case.id, "state": "wanted", "at": at}
    afresh = {"case_id": case.id, "state": "wanted", "why": "", "tries": 0, "next_db": db_now(session)}
    session.execute(
        upsert(session, TranslationRow)
        .values(**values, why="", engine="", tries=0, next_db=afresh["next_db"])
        .on_conflict_do_update(
            index_elements=[TranslationRow.id],
            set_=afresh,
            where=(TranslationRow.state != "kept") & (TranslationRow.why != ""),
        )
    )
    wake(session, WAKES)


def of_this_talk(session: Session, case: CaseRow) -> list[Journal]:
    """Return what she wrote since shortly before the case opened, the newest first, as much as one yes may send."""
    found = select(Journal).where(
        Journal.resident_id == case.resident_id,
        Journal.who == "resident",
        Journal.kind.in_(WORDS),
        Journal.unsent_at.is_(None),
        Journal.at >= case.opened_at - BEFORE,
    )
    return list(session.scalars(found.order_by(Journal.id.desc()).limit(MOST_BEFORE)))


def made(session: Session, resident_id: uuid.UUID, uids: Sequence[uuid.UUID], city: City) -> dict[uuid.UUID, Made]:
    """Return what was made of messages, by the journal's uid; nothing of those that were taken back or destroyed."""
    found = {}
    rows = session.scalars(
        select(TranslationRow).where(TranslationRow.resident_id == resident_id, TranslationRow.id.in_(uids))
    )
    for row in rows:
        name = city.translation.services.get(row.engine, row.engine)
        if row.body_sealed is None:
            found[row.id] = Made(row.state, row.why, name)
            continue
        with suppress(KeyGoneError):
            owner = resident_owner(resident_id)
            body = json.loads(unseal(session, owner, "translation", "body", row.id, row.body_sealed))
            lost = tuple(Lost(*pair) for pair in body["lost"])
            found[row.id] = Made(row.state, row.why, name, body["text"], lost)
    return found


# --- what a service answered -----------------------------------------------------------------------------------------


def doubt(source: str, translated: str, target: str, detect: Callable[[str, str], str]) -> str:
    """Return why an answer is taken for no translation of `source`, "" when it may be one."""
    if not translated.strip():
        return "empty"
    if _bare(source) == _bare(translated):
        return "echo"
    if len(translated) > 6 * len(source) + 200:
        return "too_long"
    found = {detect(translated, target), detect(translated, "")}
    wanted = {SOURCE, EASY} if target == SOURCE else {target}
    return "wrong_language" if "" not in found and found.isdisjoint(wanted) else ""


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def speaks(text: str) -> bool:
    """Return whether there is anything to translate: a letter, not only numbers, marks and faces."""
    return any(map(str.isalpha, text))


# --- writing ----------------------------------------------------------------------------------------------------------


def composed(words: Catalogs, language: str, translated: str, japanese: str, name: str, *, edited: bool) -> str:
    """Return what the family gets: the translation, that a machine made it, and the Japanese to show (CARE C6)."""
    note = words.sentence(BY_PERSON if edited else BY_MACHINE, language).format(service=name)
    whole = f"{translated}\n\n{note}\n{japanese}"
    if len(whole.encode("utf-16-le")) // 2 > LINE_MOST:
        raise RefusedError("長すぎます。二回に分けて送ってください。")
    return whole


def question(words: Catalogs, language: str, name: str) -> str:
    """Return the question whether words may be translated, in the family's language."""
    return words.sentence(QUESTION, language).format(service=name)
