"""The people nearby who know a lot about child-rearing (地域の人材, guideline 4(3)②), whom staff may ask for families.

The rule: nothing of them is kept before they said yes (who asked, when, for what); a withdrawn yes destroys the words
at once, in backups too: each person has a key of their own. Staff only: never exported, never published, and each
look at one person is an audit row.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot import names
from bot.curation import LONGEST, STALE_AFTER, By, FieldsRefusedError
from bot.directory.areas import fold
from bot.directory.resources import from_json, to_json
from bot.errors import RefusedError
from bot.opening import TOKYO
from bot.store import Store, append_audit
from bot.vault import seal, unseal
from handoff.models import LocalPersonRow

SHORT: Final = 200  # characters of a name, a way to reach, who asked


@dataclass(frozen=True, slots=True)
class LocalPerson:
    """Hold one person: name, way to reach, what they know, and the yes: who asked, on which day, for what.

    `topics` are ids of the vocabulary.
    """

    name: str = ""
    reach: str = ""
    knows: str = ""
    topics: tuple[str, ...] = ()
    area: str = ""
    asked_by: str = ""
    asked_on: date | None = None
    purpose: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """Hold a person as kept: which version, and who last made sure that all of it still holds, the yes included."""

    id: uuid.UUID
    person: LocalPerson
    version: int
    verified_at: datetime | None
    verified_by: str

    def stale(self, now: datetime) -> bool:
        """Return whether nobody has made sure for half a year."""
        return self.verified_at is None or self.verified_at < now - STALE_AFTER


# --- changes --------------------------------------------------------------------------------------------------------


async def add(store: Store, person: LocalPerson, by: By, at: datetime) -> uuid.UUID:
    """Keep a new person, who said yes, and return the id. Raise FieldsRefusedError before anything is kept."""
    check(person, _day(at))
    id = uuid.uuid4()
    await store.ensure_keys([_owner(id)])

    def unit(session: Session) -> None:
        row = LocalPersonRow(id=id, version=1, verified_at=at, verified_by=by.name)
        _fill(session, row, person, at)
        session.add(row)
        _audit(session, by, "person.added", at, id)

    await store.write(unit)
    return id


def edit(session: Session, id: uuid.UUID, person: LocalPerson, by: By, at: datetime, *, expected: int) -> None:
    """Change what is kept of a person; `expected` is the version that was on the screen.

    Raise FieldsRefusedError, or RefusedError when somebody was faster or the yes was withdrawn.
    """
    row = _row(session, id)
    if row.version != expected:
        raise RefusedError("ほかの人が先に直しました。いまの内容を開いて見くらべてから、もう一度保存してください。")
    check(person, _day(at))
    before = _person(session, row)
    changed = sorted(name for name in LocalPerson.__slots__ if getattr(before, name) != getattr(person, name))
    if changed:
        _fill(session, row, person, at)
        row.version += 1
        _audit(session, by, "person.edited", at, id, fields=changed)


def verify(session: Session, id: uuid.UUID, by: By, at: datetime) -> None:
    """Write down that somebody made sure: they can still be reached and still say yes."""
    row = _row(session, id)
    row.verified_at, row.verified_by = at, by.name
    _audit(session, by, "person.verified", at, id)


async def withdraw(store: Store, id: uuid.UUID, by: By, at: datetime) -> None:
    """Destroy the words of a person who no longer says yes, and keep only that it was withdrawn. Raise RefusedError."""

    def unit(session: Session) -> None:
        row = _row(session, id)
        row.body_sealed, row.verified_at, row.verified_by = None, None, ""
        row.withdrawn_at = row.changed_at = at
        row.version += 1
        _audit(session, by, "person.withdrawn", at, id)

    await store.write(unit)
    await store.destroy_key(_owner(id))


# --- reading --------------------------------------------------------------------------------------------------------


def read(session: Session, id: uuid.UUID, by: By, at: datetime) -> Kept | None:
    """Return one person and write down who looked; None when there is none, or the yes was withdrawn."""
    row = session.get(LocalPersonRow, id)
    if row is None or row.body_sealed is None:
        return None
    _audit(session, by, "person.read", at, id)
    return _kept(session, row)


def listed(session: Session, now: datetime, *, topic: str = "", words: str = "", stale: bool = False) -> list[Kept]:
    """Return the people without name, way to reach, yes and remark, in the order of area, then of what they know.

    Every one of `words` is somewhere in area, topics or what they know: a name cannot be looked for here.
    """
    wanted = [fold(word) for word in words.split()]
    rows = session.scalars(select(LocalPersonRow).where(LocalPersonRow.withdrawn_at.is_(None)))
    found = [_kept(session, row) for row in rows]
    return sorted(
        (
            replace(one, person=LocalPerson(knows=one.person.knows, topics=one.person.topics, area=one.person.area))
            for one in found
            if (not topic or topic in one.person.topics)
            and (not stale or one.stale(now))
            and all(word in _known(one.person) for word in wanted)
        ),
        key=lambda one: (fold(one.person.area), fold(one.person.knows), str(one.id)),
    )


def withdrawn(session: Session) -> int:
    """Return how many people have withdrawn their yes."""
    counted = select(func.count()).select_from(LocalPersonRow).where(LocalPersonRow.withdrawn_at.is_not(None))
    return session.scalar(counted) or 0


# --- steps ----------------------------------------------------------------------------------------------------------


def check(person: LocalPerson, today: date) -> None:
    """Raise FieldsRefusedError with everything that is wrong, by field; without a yes nothing is right."""
    found = dict(_problems(person, today))
    if found:
        raise FieldsRefusedError(found)


def _problems(person: LocalPerson, today: date) -> Iterator[tuple[str, str]]:
    if not person.name:
        yield "name", "名前を書いてください"
    if not person.reach:
        yield "reach", "連絡のしかたを書いてください"
    if not (person.knows or person.topics):
        yield "knows", "何にくわしいかを、ことばで書くか、下からえらんでください"
    if not person.asked_by:
        yield "asked_by", "だれが本人に聞いたかを書いてください。同意がないうちは残せません"
    if person.asked_on is None:
        yield "asked_on", "本人が「よい」と言った日を書いてください。同意がないうちは残せません"
    elif person.asked_on > today:
        yield "asked_on", "同意は、きょうまでの日にしてください"
    if not person.purpose:
        yield "purpose", "何のためによいと言ったかを書いてください。同意がないうちは残せません"
    if set(person.topics) - set(names.TOPICS):
        yield "topics", "一覧にないことがえらばれています"
    for name, most in (("name", SHORT), ("reach", SHORT), ("area", 80), ("asked_by", SHORT), ("purpose", SHORT)):
        if len(getattr(person, name)) > most:
            yield name, f"長すぎます（{most}字まで）"
    for name in ("knows", "note"):
        if len(getattr(person, name)) > LONGEST:
            yield name, f"長すぎます（{LONGEST}字まで）"


def _day(at: datetime) -> date:
    return at.astimezone(TOKYO).date()


def _owner(id: uuid.UUID) -> str:
    return f"person:{id}"


def _row(session: Session, id: uuid.UUID) -> LocalPersonRow:
    row = session.get(LocalPersonRow, id, with_for_update=True)
    if row is None:
        raise RefusedError("この方は見つかりません。")
    if row.withdrawn_at is not None:
        raise RefusedError("この方は同意を取り下げました。ことばは消してあります。")
    return row


def _fill(session: Session, row: LocalPersonRow, person: LocalPerson, at: datetime) -> None:
    body = json.dumps(to_json(person), ensure_ascii=False)
    row.body_sealed, row.changed_at = seal(session, _owner(row.id), "local_person", "body", row.id, body), at


def _person(session: Session, row: LocalPersonRow) -> LocalPerson:
    assert row.body_sealed is not None
    body = json.loads(unseal(session, _owner(row.id), "local_person", "body", row.id, row.body_sealed))
    return from_json(body, LocalPerson)


def _kept(session: Session, row: LocalPersonRow) -> Kept:
    return Kept(row.id, _person(session, row), row.version, row.verified_at, row.verified_by)


def _known(person: LocalPerson) -> str:
    topics = (names.TOPICS.get(id, id) for id in person.topics)
    return "\n".join(map(fold, (person.area, person.knows, *topics)))


def _audit(session: Session, by: By, action: str, at: datetime, id: uuid.UUID, **detail: Any) -> None:
    append_audit(session, by.id, action, at, detail={"person": str(id), **detail})
