"""The people nearby who know a lot about child-rearing or want to help (地域の人材, guideline 4(3)②, 4(4)②).

One list, because it is one person: who offers help is got to know, shown how, and becomes somebody whom staff may ask;
`state` says how far that is. The rule: nothing of them is kept before they said yes (who asked, when, for what); a
withdrawn yes destroys the words at once, in backups too: each person has a key of their own. Staff only: not exported,
not published, and each look at one person is an audit row. No talk and no case stands beside a person, nor the other
way round (CARE C24).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal, cast, get_args

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot import names, offers
from bot.curation import LONGEST, STALE_AFTER, By, FieldsRefusedError
from bot.directory.areas import fold
from bot.directory.resources import from_json, to_json
from bot.errors import Fault, RefusedError
from bot.opening import TOKYO
from bot.store import Store, append_audit
from bot.vault import seal, unseal
from handoff.models import LocalPersonRow
from handoff.wording import later

SHORT: Final = 200  # characters of a name, a way to reach, who asked
State = Literal["new", "contacted", "trained", "active", "resting", "ended"]
STATES: Final[tuple[State, ...]] = get_args(State)
#: What somebody agrees to who offers help: that staff may get in touch, and no more.
OFFERED: Final = later("手伝いの申し出に、職員が連絡する")
CONTACT: Final = later("連絡する")
CONTACT_WITHIN: Final = timedelta(days=7)
LINE: Final = later("窓口の機械（LINE）")  # who asked, where no person did

#: What stands on one person's page only.
NAMELESS: Final[Mapping[str, Any]] = {
    "name": "", "reach": "", "asked_by": "", "asked_on": None, "purpose": "", "note": "", "steps": (),
}  # fmt: skip
FASTER: Final = later("ほかの人が先に直しました。いまの内容を開いて見くらべてから、もう一度保存してください。")
MOVED: Final = ("language", "state", "steps", "next_step", "next_on")  # not on the form: they have acts of their own


@dataclass(frozen=True, slots=True)
class Step:
    """Hold one change of state: to what, on which day, by whom."""

    state: State
    on: date
    by: str


@dataclass(frozen=True, slots=True)
class LocalPerson:
    """Hold one person: name, way to reach, what they know or would do, and the yes: who asked, when, for what.

    `topics` are ids of the vocabulary; `language` is the one in which an offer was written in LINE, `next_on` the day
    of the `next_step`. Who is entered as somebody whom staff may ask is `active` at once.
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
    language: str = ""
    state: State = "active"
    steps: tuple[Step, ...] = ()
    next_step: str = ""
    next_on: date | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """Hold a person as kept: which version, and who last made sure that all of it still holds, the yes included."""

    id: uuid.UUID
    person: LocalPerson
    version: int
    verified_at: datetime | None
    verified_by: str

    @property
    def untouched(self) -> bool:
        """Return whether it came through LINE and nobody has made sure of anything yet."""
        return self.verified_by == LINE

    def stale(self, now: datetime) -> bool:
        """Return whether nobody has made sure for half a year."""
        return self.verified_at is None or self.verified_at < now - STALE_AFTER


# --- changes --------------------------------------------------------------------------------------------------------


async def add(store: Store, person: LocalPerson, by: By, at: datetime) -> uuid.UUID:
    """Keep a new person, who said yes, and return the id. Raise FieldsRefusedError before anything is kept."""
    check(person, _day(at))
    id = uuid.uuid4()
    await store.ensure_keys([_owner(id)])
    await store.write(lambda session: _add(session, id, person, by, at))
    return id


def offered(name: str, reach: str, wish: str, by: By, at: datetime) -> LocalPerson:
    """Return somebody who offers help and said that it may be written down: new, and to be contacted within a week."""
    return _new(LocalPerson(name=name, reach=reach, knows=wish, asked_by=by.name), by.name, _day(at))


async def take_offers(store: Store, at: datetime) -> int:
    """Take what was offered in LINE into the list, each under a key of its own, and return how many."""
    by, taken = By("system", LINE), 0
    for id in await store.read(offers.waiting):
        await store.ensure_keys([_owner(id)])

        def unit(session: Session, id: uuid.UUID = id) -> bool:
            offer = offers.take(session, id)
            if offer is None:
                return False
            written = LocalPerson(note=offer.words, language=offer.language, asked_by=LINE)
            _add(session, id, _new(written, LINE, _day(at)), by, at)
            return True

        taken += await store.write(unit)
    return taken


def move(
    session: Session, id: uuid.UUID, state: str, step: str, on: date | None, by: By, at: datetime, *, expected: int
) -> None:
    """Say how far it is with somebody and what comes next, by which day. Raise FieldsRefusedError or RefusedError."""
    row = _row(session, id)
    if row.version != expected:
        raise RefusedError(FASTER)
    found = {}
    if state not in STATES:
        found["state"] = Fault("どこまで進んだかをえらんでください")
    if len(step) > SHORT:
        found["next_step"] = Fault("長すぎます（{most}字まで）", most=SHORT)
    if step and on is None:
        found["next_on"] = Fault("いつするかを、日付で書いてください")
    if on is not None and not step:
        found["next_step"] = Fault("次にすることを書いてください")
    if found:
        raise FieldsRefusedError(found)
    before = _person(session, row)
    now = cast(State, state)
    steps = before.steps if now == before.state else (*before.steps, Step(now, _day(at), by.name))
    person = replace(before, state=now, steps=steps, next_step=step, next_on=on)
    if person != before:
        _fill(session, row, person, at)
        row.version += 1
        _audit(session, by, "person.moved", at, id, state=state)


def edit(session: Session, id: uuid.UUID, person: LocalPerson, by: By, at: datetime, *, expected: int) -> None:
    """Change what is kept of a person, but not how far it is; `expected` is the version that was on the screen.

    Raise FieldsRefusedError, or RefusedError when somebody was faster or the yes was withdrawn.
    """
    row = _row(session, id)
    if row.version != expected:
        raise RefusedError(FASTER)
    check(person, _day(at))
    before = _person(session, row)
    person = replace(person, **{name: getattr(before, name) for name in MOVED})
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


def listed(
    session: Session, now: datetime, *, topic: str = "", words: str = "", stale: bool = False, state: str = ""
) -> list[Kept]:
    """Return the people without name, way to reach, yes and remark: who waits for a next step first, then by area.

    Every one of `words` is somewhere in area, topics or what they know: a name cannot be looked for here.
    """
    wanted = [fold(word) for word in words.split()]
    rows = session.scalars(select(LocalPersonRow).where(LocalPersonRow.withdrawn_at.is_(None)))
    found = [_kept(session, row) for row in rows]
    return sorted(
        (
            replace(one, person=replace(one.person, **NAMELESS))
            for one in found
            if (not topic or topic in one.person.topics)
            and (not state or one.person.state == state)
            and (not stale or one.stale(now))
            and all(word in _known(one.person) for word in wanted)
        ),
        key=lambda one: (
            one.person.next_on or date.max,
            fold(one.person.area),
            fold(one.person.knows),
            str(one.id),
        ),
    )


def due(session: Session, now: datetime) -> list[Kept]:
    """Return, as `listed`, the people with whom something is to be done by today."""
    return [one for one in listed(session, now) if one.person.next_on is not None and one.person.next_on <= _day(now)]


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
        yield "name", Fault("名前を書いてください")
    if not person.reach:
        yield "reach", Fault("連絡のしかたを書いてください")
    if not (person.knows or person.topics):
        yield "knows", Fault("何にくわしいかを、ことばで書くか、下からえらんでください")
    if not person.asked_by:
        yield "asked_by", Fault("だれが本人に聞いたかを書いてください。同意がないうちは残せません")
    if person.asked_on is None:
        yield "asked_on", Fault("本人が「よい」と言った日を書いてください。同意がないうちは残せません")
    elif person.asked_on > today:
        yield "asked_on", Fault("同意は、きょうまでの日にしてください")
    if not person.purpose:
        yield "purpose", Fault("何のためによいと言ったかを書いてください。同意がないうちは残せません")
    if set(person.topics) - set(names.TOPICS):
        yield "topics", Fault("一覧にないことがえらばれています")
    for name, most in (("name", SHORT), ("reach", SHORT), ("area", 80), ("asked_by", SHORT), ("purpose", SHORT)):
        if len(getattr(person, name)) > most:
            yield name, Fault("長すぎます（{most}字まで）", most=most)
    for name in ("knows", "note"):
        if len(getattr(person, name)) > LONGEST:
            yield name, Fault("長すぎます（{most}字まで）", most=LONGEST)


def _new(person: LocalPerson, by: str, day: date) -> LocalPerson:
    return replace(
        person,
        asked_on=day,
        purpose=OFFERED,
        state="new",
        steps=(Step("new", day, by),),
        next_step=CONTACT,
        next_on=day + CONTACT_WITHIN,
    )


def _add(session: Session, id: uuid.UUID, person: LocalPerson, by: By, at: datetime) -> None:
    row = LocalPersonRow(id=id, version=1, verified_at=at, verified_by=by.name)
    _fill(session, row, person, at)
    session.add(row)
    _audit(session, by, "person.added", at, id)


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
