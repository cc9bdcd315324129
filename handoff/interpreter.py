"""The one place from which words go to a translation service: what a resident wrote as it comes, what staff will say.

The rule: the services are asked in `_ask` alone, which needs a `Leave`; only `_leave` makes one, in the transaction
that decides and writes the sending down. No network inside a transaction; nothing that was sent is logged.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bot import cases, journal
from bot.clock import Clock
from bot.errors import KeyGoneError, SettingsError, StaysHereError, TranslatorError
from bot.i18n import SOURCE
from bot.logs import frames
from bot.messages import Severity, Signal
from bot.models import CaseRow, Journal, SignalRow, TranslationRow
from bot.situation import City
from bot.store import Store, append_audit, append_event, db_now
from bot.vault import resident_owner, seal
from handoff import translation
from handoff.terms import Lost, Terms, lost
from handoff.translation import Standing
from handoff.translator import Translator

TOGETHER: Final = 4  # messages at the same time
LEASE_SECONDS: Final = 60.0  # longer than any call may take
POLL_SECONDS: Final = 1.0  # the safety net under the wake-ups
#: Seconds until a message is tried again after each failure; then a person may press.
AGAIN: Final = (5.0, 30.0, 120.0, 600.0)
#: What stands before the rule of a signal that was heard in a translation only.
HEARD_IN: Final = "mt:"

log = structlog.get_logger("interpreter")

Detect = Callable[[str, str], str]  # text, the language it should be in -> the language it is in
Hear = Callable[[str], Sequence[Signal]]


@dataclass(frozen=True, slots=True)
class Leave:
    """Be the permission to send words of one case to one service; made by `Interpreter._leave` only."""

    case_id: uuid.UUID
    resident_id: uuid.UUID
    service: str
    name: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold what a service made of a text, and the terms that it lost."""

    text: str
    lost: tuple[Lost, ...] = ()


@dataclass(frozen=True, slots=True)
class Drafted:
    """Hold staff's words in the family's language, and what those say in Japanese; `doubt` when that is not known."""

    language: str
    service: str
    name: str
    there: Answer
    back: str = ""
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """Hold one message that may leave now."""

    id: uuid.UUID
    words: str
    language: str
    leave: Leave


class Interpreter:
    """Ask the services that are set up; `terms` are the shipped ones, `detect` and `hear` the desk's own ears."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        city: Callable[[], City],
        services: Mapping[str, Translator],
        *,
        terms: Mapping[str, Mapping[str, str]],
        detect: Detect,
        hear: Hear,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self.store = store
        self.clock = clock
        self.city = city
        self.terms = terms
        self.detect = detect
        self.hear = hear
        self.poll_seconds = poll_seconds
        self._services = services
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    # deciding -------------------------------------------------------------------------------------------------------

    def standing(self, session: Session, case_id: uuid.UUID, language: str) -> Standing:
        """Return how it stands with a case for words in, or into, a language."""
        known = {name: service.languages for name, service in self._services.items()}
        return translation.standing(session, case_id, self.city(), known, language)

    def _leave(
        self, session: Session, case_id: uuid.UUID, language: str, actor: str, at: datetime, what: Mapping[str, str]
    ) -> Leave:
        """Return the permission and write the sending down, before it happens. Raise StaysHereError."""
        found = self.standing(session, case_id, language)
        if found.stays:
            raise StaysHereError(found.stays)
        resident_id = session.get_one(CaseRow, case_id).resident_id
        ground = "consent" if found.said else "emergency"
        append_audit(
            session,
            actor,
            "translation.sent",
            at,
            case_id=case_id,
            resident_id=resident_id,
            detail={"service": found.service, "ground": ground, "language": language, **what},
        )
        return Leave(case_id, resident_id, found.service, found.name)

    async def _ask(self, leave: Leave, words: str, source: str, target: str) -> Answer:
        """Return what the service makes of words. Raise TranslatorError, also for what is no translation of them."""
        pieces = Terms(self.terms, self.city().translation.terms).pieces(words, source, target)
        text = (await self._services[leave.service].translate(pieces, source, target)).strip()
        if why := translation.doubt(words, text, target, self.detect):
            raise TranslatorError(why, again=False)
        return Answer(text, lost(pieces, text))

    # writing --------------------------------------------------------------------------------------------------------

    async def draft(self, case_id: uuid.UUID, staff_id: uuid.UUID, words: str) -> Drafted:
        """Return staff's Japanese in the family's language and back. Raise StaysHereError and TranslatorError."""
        at = self.clock.now()

        def unit(session: Session) -> tuple[str, Leave]:
            language = translation.spoken(session, session.get_one(CaseRow, case_id), self.city())
            return language, self._leave(session, case_id, language, f"staff:{staff_id}", at, {"what": "draft"})

        language, leave = await self.store.write(unit)
        there = await self._ask(leave, words, SOURCE, language)
        found = Drafted(language, leave.service, leave.name, there)
        try:
            back = await self._ask(leave, there.text, language, SOURCE)
        except TranslatorError as error:
            return replace(found, doubt=error.why)
        return replace(found, back=back.text)

    # reading --------------------------------------------------------------------------------------------------------

    def want(self, session: Session, case_id: uuid.UUID, uid: uuid.UUID, at: datetime) -> bool:
        """Have a message translated if its words may leave; asked in the transaction that writes it down."""
        if not self._services or not self.city().translation.on:
            return False
        row = session.scalars(select(Journal).where(Journal.uid == uid)).one_or_none()
        if row is None or row.who != "resident" or row.kind not in translation.WORDS or row.unsent_at is not None:
            return False
        case = session.get_one(CaseRow, case_id)
        if row.resident_id != case.resident_id:
            return False
        language = translation.spoken(session, case, self.city(), row.language)
        if self.standing(session, case_id, language).stays:
            return False
        translation.want(session, case, row, at)
        return True

    def want_this_talk(self, session: Session, case_id: uuid.UUID, at: datetime) -> int:
        """Have translated what she wrote in this talk before she said yes; return how many messages."""
        rows = translation.of_this_talk(session, session.get_one(CaseRow, case_id))
        return sum(self.want(session, case_id, row.uid, at) for row in rows)

    async def run(self) -> None:
        """Translate what is wanted until `stop`."""
        async with self.store.listen(translation.WAKES) as bell:
            while not self._stopping.is_set():
                bell.clear()
                free = TOGETHER - len(self._running)
                claimed: list[uuid.UUID] = []
                try:
                    claimed = await self._claim(free) if free and self._on() else []
                except Exception as error:
                    log.error("claim_failed", error=type(error).__name__)
                for id in claimed:
                    task = asyncio.create_task(self._one(id))
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
                    task.add_done_callback(lambda _task: bell.set())
                if len(claimed) < free or not free:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(bell.wait(), self.poll_seconds)
        await asyncio.gather(*self._running)

    async def stop(self) -> None:
        """Take nothing new and finish what was begun."""
        self._stopping.set()
        self.store.ring([translation.WAKES])

    async def drain(self) -> int:
        """Translate until nothing is due now, and return how many messages were taken up (tests)."""
        count = 0
        while claimed := await self._claim(TOGETHER):
            await asyncio.gather(*map(self._one, claimed))
            count += len(claimed)
        return count

    async def close(self) -> None:
        """Close the connections."""
        for service in self._services.values():
            await service.close()

    def _on(self) -> bool:
        with suppress(SettingsError):  # no city is set up yet
            return bool(self._services) and self.city().translation.on
        return False

    async def _claim(self, limit: int) -> list[uuid.UUID]:
        due = select(TranslationRow.id).where(TranslationRow.state == "wanted").order_by(TranslationRow.next_db)

        def unit(session: Session) -> list[uuid.UUID]:
            now = db_now(session)
            found = due.where(TranslationRow.next_db <= now).limit(limit).with_for_update(skip_locked=True)
            ids = list(session.scalars(found))
            taken = update(TranslationRow).where(TranslationRow.id.in_(ids))
            session.execute(taken.values(next_db=now + LEASE_SECONDS, tries=TranslationRow.tries + 1))
            return ids

        def look(session: Session) -> bool:
            return session.scalars(due.where(TranslationRow.next_db <= db_now(session)).limit(1)).first() is not None

        return await self.store.write(unit) if await self.store.read(look) else []

    async def _one(self, id: uuid.UUID) -> None:
        at = self.clock.now()
        try:
            task = await self.store.write(lambda s: self._begin(s, id, at))
            if task is None:
                return
            answer = await self._ask(task.leave, task.words, task.language, SOURCE)
            heard = await asyncio.to_thread(self.hear, answer.text)
            await self.store.write(lambda s: self._keep(s, task, answer, heard, self.clock.now()))
            log.info("translated", outcome="kept")
        except TranslatorError as error:
            why, again = error.why, error.again
            await self.store.write(lambda s: self._failed(s, id, why, again=again))
            log.warning("translated", outcome=why)
        except Exception as error:  # its lease ends and it is tried again
            log.error("translation_failed", error=type(error).__name__, frames=frames(error))

    def _begin(self, session: Session, id: uuid.UUID, at: datetime) -> Task | None:
        """Return the message if it may leave now; what may not is wanted no more."""
        row = _wanted(session, id)
        if row is None:
            return None
        said = session.scalars(select(Journal).where(Journal.uid == id)).one_or_none()
        words = str(journal.body(session, said).get("text", "")) if said is not None else ""
        if said is None or not translation.speaks(words):
            session.delete(row)
            return None
        if row.tries > len(AGAIN) + 1:  # it took whole processes down with it
            row.state, row.why, row.next_db = "failed", "broken", None
            return None
        language = translation.spoken(session, session.get_one(CaseRow, row.case_id), self.city(), said.language)
        try:
            leave = self._leave(session, row.case_id, language, "system", at, {"message": str(id)})
        except StaysHereError:
            session.delete(row)
            return None
        return Task(id, words, language, leave)

    def _keep(self, session: Session, task: Task, answer: Answer, heard: Sequence[Signal], at: datetime) -> None:
        """Keep the Japanese, and let what is heard only in it raise the case like any other signal."""
        leave = task.leave
        cases.open_case(session, leave.resident_id, lock=True)  # first, as who takes words back does
        row = _wanted(session, task.id)
        if row is None:  # taken back, or the family said no, while it was on its way
            return
        body = json.dumps({"text": answer.text, "lost": [[one.term, one.wanted] for one in answer.lost]})
        try:
            row.body_sealed = seal(session, resident_owner(leave.resident_id), "translation", "body", task.id, body)
        except KeyGoneError:
            session.delete(row)
            return
        row.state, row.why, row.engine, row.next_db = "kept", "", leave.service, None
        session.flush()
        if more := _beyond(session, task.id, heard):
            cases.apply(
                session,
                leave.resident_id,
                signals=more,
                event="",
                reason="signal",
                journal_uid=task.id,
                at=at,
                city=self.city(),
                heard_again=True,
            )
        append_event(session, "journal.translated", at, case_id=leave.case_id, resident_id=leave.resident_id)

    def _failed(self, session: Session, id: uuid.UUID, why: str, *, again: bool) -> None:
        row = _wanted(session, id)
        if row is None:
            return
        tries = row.tries
        row.why = why
        if again and tries <= len(AGAIN):
            row.next_db = db_now(session) + AGAIN[tries - 1]
        else:
            row.state, row.next_db = "failed", None
        session.flush()
        append_event(session, "journal.translated", self.clock.now(), case_id=row.case_id, resident_id=row.resident_id)


def _wanted(session: Session, id: uuid.UUID) -> TranslationRow | None:
    """Return the row, locked, if it is still wanted: nobody took the words back meanwhile."""
    row = session.get(TranslationRow, id, with_for_update=True, populate_existing=True)
    return row if row is not None and row.state == "wanted" else None


def _beyond(session: Session, uid: uuid.UUID, heard: Sequence[Signal]) -> list[Signal]:
    """Return what is heard in a translation beyond what was heard in the words themselves, marked as from there."""
    rows = session.execute(select(SignalRow.kind, SignalRow.severity).where(SignalRow.journal_uid == uid))
    known: dict[str, int] = {}
    for row in rows:
        known[row.kind] = max(known.get(row.kind, 0), Severity(row.severity).rank)
    more = [one for one in heard if one.severity.rank > known.get(one.kind, 0)]
    return [replace(one, why=f"{HEARD_IN}{one.why}") for one in more]
