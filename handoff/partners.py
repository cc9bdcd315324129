"""The agencies that staff refer families to, and who speaks for them now and spoke for them before.

The rule: names and numbers of people are sealed; a change of contact closes the old one and keeps it (guideline
4(4)①: relations outlast a change of staff). Every change is audited by ids and field names, never by words. Who is a
member of the 要対協 is not kept here: that mark is seen by members only (CARE C36).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, Literal

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from bot.curation import LONGEST, PHONE, STALE_AFTER, By, FieldsRefusedError
from bot.directory.areas import fold
from bot.directory.hours import read_hours
from bot.directory.resources import Phone, from_json, is_hidden_place, to_json
from bot.errors import Fault, RefusedError
from bot.models import ResourceRow
from bot.opening import TOKYO, Opening
from bot.store import append_audit
from bot.vault import INSTALL, seal, unseal
from handoff.models import AgencyContact, AgencyRow

#: The kinds, in the order of lists: those that the guideline names (4(3)②, 4(4)①), then what desks have besides.
KINDS: Final = (
    "child_guidance", "child_family_center", "welfare_office", "health_center", "medical", "child_development",
    "disability_consultation", "welfare_commissioner", "education_board", "school", "nursery", "police",
    "womens_support", "single_parent", "living_support", "social_council", "community_group", "international",
    "legal", "city_section", "other",
)  # fmt: skip
Sharing = Literal["", "law", "consent", "never"]  # personal information without consent; "" = nobody has made sure
SHARINGS: Final[tuple[Sharing, ...]] = ("law", "consent", "never", "")
SHORT: Final = 200  # characters of a name, an address, a number's remark
HIDDEN: Final = Fault("一時保護所、母子生活支援施設、シェルターのことは、ここには書けません")  # CARE C23
PHONES: Final = 3  # numbers of one agency: what the form holds
AHEAD: Final = timedelta(days=366)  # a change of staff is told in March for April; later is a slip of the pen


@dataclass(frozen=True, slots=True)
class Agency:
    """Hold one partner organisation.

    `hours`: in words, as told. `duty`: the law or agreement that binds it to secrecy. `sharing`: whether personal
    information may go there: by `law` without consent, with `consent`, `never`, or "" not made sure of.
    `hand_over`: how a family is introduced there. `resource_id`: its public entry in the directory, if it has one.
    """

    name: str = ""
    kind: str = ""
    takes_on: str = ""
    address: str = ""
    phones: tuple[Phone, ...] = ()
    hours: str = ""
    duty: str = ""
    sharing: Sharing = ""
    hand_over: str = ""
    resource_id: str = ""
    note: str = ""
    active: bool = True

    @property
    def opening(self) -> Opening:
        """Return the hours as far as the words are wholly understood; unknown otherwise."""
        return _opening(self.hours)


@lru_cache(maxsize=1_000)
def _opening(words: str) -> Opening:
    return read_hours(text=words).opening


@dataclass(frozen=True, slots=True)
class Contact:
    """Hold who speaks for an agency: `hours` in words; `since` and `until` are both inclusive."""

    name: str
    role: str = ""
    phone: str = ""
    hours: str = ""
    since: date | None = None
    until: date | None = None
    id: uuid.UUID | None = None

    def serves_on(self, day: date) -> bool:
        """Return whether this was, is or will be the contact on `day`."""
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class Kept:
    """Hold an agency as it is kept: which version, and who last made sure of it."""

    id: uuid.UUID
    agency: Agency
    version: int
    verified_at: datetime | None
    verified_by: str
    contacts: tuple[Contact, ...]

    def stale(self, now: datetime) -> bool:
        """Return whether nobody has made sure of it for half a year."""
        return self.verified_at is None or self.verified_at < now - STALE_AFTER


# --- agencies -------------------------------------------------------------------------------------------------------


def add(session: Session, agency: Agency, by: By, at: datetime) -> uuid.UUID:
    """Keep a new agency and return its id. Raise FieldsRefusedError."""
    agency = checked(session, agency)
    row = AgencyRow(id=uuid.uuid4(), version=1, verified_at=at, verified_by=by.name)
    _fill(session, row, agency, at)
    session.add(row)
    session.flush()
    _audit(session, by, "agency.added", at, row.id)
    return row.id


def edit(session: Session, id: uuid.UUID, agency: Agency, by: By, at: datetime, *, expected: int) -> None:
    """Change an agency; `expected` is the version that was on the screen.

    Raise FieldsRefusedError, or RefusedError when somebody was faster.
    """
    row = _row(session, id)
    if row.version != expected:
        raise RefusedError("ほかの人が先に直しました。いまの内容を開いて見くらべてから、もう一度保存してください。")
    agency = checked(session, agency)
    before = _agency(session, row)
    changed = sorted(name for name in Agency.__slots__ if getattr(before, name) != getattr(agency, name))
    if changed:
        _fill(session, row, agency, at)
        row.version += 1
        _audit(session, by, "agency.edited", at, id, fields=changed)


def verify(session: Session, id: uuid.UUID, by: By, at: datetime) -> None:
    """Write down that somebody made sure of an agency and its contacts (rang there: still right)."""
    row = _row(session, id)
    row.verified_at, row.verified_by = at, by.name
    _audit(session, by, "agency.verified", at, id)


def get(session: Session, id: uuid.UUID) -> Kept | None:
    """Return one agency with all its contacts, or None."""
    row = session.get(AgencyRow, id)
    return _kept(session, [row])[0] if row is not None else None


def listed(
    session: Session, now: datetime, *, kind: str = "", words: str = "", stale: bool = False, active: bool = True
) -> list[Kept]:
    """Return the agencies in the order of their kinds, then names; of `stale`, those that nobody made sure of.

    Every one of `words` is somewhere in what it is called, takes on, where it is, or in a present or past contact.
    """
    found = select(AgencyRow).where(AgencyRow.active.is_(active))
    if kind:
        found = found.where(AgencyRow.kind == kind)
    wanted = [fold(word) for word in words.split()]
    kept = _kept(session, session.scalars(found))
    return sorted(
        (one for one in kept if (not stale or one.stale(now)) and all(word in _names(one) for word in wanted)),
        key=lambda one: (_place(one.agency.kind), fold(one.agency.name), str(one.id)),
    )


def checked(session: Session, agency: Agency) -> Agency:
    """Return the agency with the id of its place, which may be typed as the place's name.

    Raise FieldsRefusedError with everything that is wrong, by field, in words for the person who typed it.
    """
    found, place = problems(agency), agency.resource_id
    if place:
        named = select(ResourceRow.id).where(or_(ResourceRow.id == place, ResourceRow.name == place))
        ids = set(session.scalars(named.where(ResourceRow.merged_into.is_(None))))
        if place not in ids and len(ids) != 1:
            found["resource_id"] = (
                Fault("同じ名前の場所がいくつかあります。番号で書いてください")
                if ids
                else Fault("その場所は、地域資源の台帳にありません")
            )
        place = place if place in ids or not ids else ids.pop()
    if found:
        raise FieldsRefusedError(found)
    return replace(agency, resource_id=place)


def problems(agency: Agency) -> dict[str, str]:
    """Return what is wrong with an agency, by field."""
    found: dict[str, str] = {}
    for name, most in (("name", SHORT), ("address", SHORT), ("resource_id", 120), ("hours", SHORT)):
        if len(getattr(agency, name)) > most:
            found[name] = Fault("長すぎます（{most}字まで）", most=most)
    for name in ("takes_on", "duty", "hand_over", "note"):
        if len(getattr(agency, name)) > LONGEST:
            found[name] = Fault("長すぎます（{most}字まで）", most=LONGEST)
    if not agency.name:
        found["name"] = Fault("名前を書いてください")
    if agency.kind not in KINDS:
        found["kind"] = Fault("種類をえらんでください")
    if agency.sharing not in SHARINGS:
        found["sharing"] = Fault("どれかをえらんでください")
    if agency.sharing in ("law", "consent") and not agency.duty:
        found["duty"] = Fault("個人情報を渡せる相手なら、守秘の根拠（法律や協定の名前）を書いてください")
    if any(not PHONE.fullmatch(phone.number) for phone in agency.phones):
        found["phones"] = Fault("電話番号は、数字と - で書いてください")
    if len(agency.phones) > PHONES or any(len(phone.description) > SHORT for phone in agency.phones):
        found["phones"] = Fault("電話は{phones}つまで、メモは{most}字までです", phones=PHONES, most=SHORT)
    for name in ("name", "takes_on", "address", "hours", "duty", "hand_over", "note"):  # CARE C23
        if is_hidden_place(getattr(agency, name)):
            found[name] = HIDDEN
    if is_hidden_place(*(phone.description for phone in agency.phones)):
        found["phones"] = HIDDEN
    return found


# --- contacts -------------------------------------------------------------------------------------------------------


def change_contact(
    session: Session, id: uuid.UUID, contact: Contact, by: By, at: datetime, *, replaces: uuid.UUID | None = None
) -> uuid.UUID:
    """Keep a new contact of an agency from `since` on and return its id; who is replaced ends on the day before.

    The same `since` as the replaced one's is a correction: then the wrong row goes. Raise FieldsRefusedError.
    """
    _row(session, id)
    since = contact.since
    found = contact_problems(contact, at.astimezone(TOKYO).date())
    old = session.get(AgencyContact, replaces) if replaces is not None else None
    if replaces is not None and (old is None or old.agency_id != id):
        found["replaces"] = Fault("その人は、もう一覧にありません")
    if old is not None and since is not None and since < old.since:
        found["since"] = Fault("前の担当者が始めた日より、あとの日にしてください")
    if found or since is None:
        raise FieldsRefusedError(found)
    row_id = uuid.uuid4()
    body = to_json(replace(contact, since=None, until=None, id=None))
    sealed = seal(session, INSTALL, "agency_contact", "body", row_id, json.dumps(body, ensure_ascii=False))
    session.add(AgencyContact(id=row_id, agency_id=id, body_sealed=sealed, since=since))
    if old is not None and old.since == since:
        session.execute(delete(AgencyContact).where(AgencyContact.id == old.id))
    elif old is not None:
        old.until = _earlier(old.until, since - timedelta(days=1))
    session.flush()
    _audit(session, by, "agency.contact", at, id, contact=str(row_id), replaces=str(replaces) if replaces else "")
    return row_id


def end_contact(session: Session, id: uuid.UUID, contact_id: uuid.UUID, last: date, by: By, at: datetime) -> None:
    """Write down the last day of a contact whose successor nobody knows yet; who had not begun is taken off.

    Raise RefusedError when it is no contact of this agency.
    """
    row = session.get(AgencyContact, contact_id)
    if row is None or row.agency_id != id:
        raise RefusedError("この担当者は見つかりません。")
    if last < row.since:
        session.delete(row)
    else:
        row.until = _earlier(row.until, last)
    _audit(session, by, "agency.contact_ended", at, id, contact=str(contact_id))


def _earlier(known: date | None, last: date) -> date:
    """Return the last day of a contact: what has ended is not lengthened by a page that does not know it yet."""
    return last if known is None else min(known, last)


def contact_problems(contact: Contact, today: date) -> dict[str, str]:
    """Return what is wrong with a contact, by field."""
    found: dict[str, str] = {}
    if not contact.name:
        found["name"] = Fault("担当者の名前を書いてください")
    for name in ("name", "role", "phone", "hours"):
        if len(getattr(contact, name)) > SHORT:
            found[name] = Fault("長すぎます（{most}字まで）", most=SHORT)
        elif is_hidden_place(getattr(contact, name)):
            found[name] = HIDDEN
    if contact.phone and not PHONE.fullmatch(contact.phone):
        found["phone"] = Fault("電話番号は、数字と - で書いてください")
    if contact.since is None:
        found["since"] = Fault("いつからかを、日付で書いてください")
    elif contact.since > today + AHEAD:
        found["since"] = Fault("1年より先の日は書けません")
    return found


# --- steps ----------------------------------------------------------------------------------------------------------


def _row(session: Session, id: uuid.UUID) -> AgencyRow:
    row = session.get(AgencyRow, id, with_for_update=True)
    if row is None:
        raise RefusedError("この連携先は見つかりません。")
    return row


def _fill(session: Session, row: AgencyRow, agency: Agency, at: datetime) -> None:
    row.name, row.kind, row.active, row.changed_at = agency.name, agency.kind, agency.active, at
    row.note_sealed = seal(session, INSTALL, "agency", "note", row.id, agency.note)
    row.body = to_json(replace(agency, name="", kind="", active=True, note=""))


def _agency(session: Session, row: AgencyRow) -> Agency:
    found = from_json(row.body, Agency)
    note = unseal(session, INSTALL, "agency", "note", row.id, row.note_sealed)
    return replace(found, name=row.name, kind=row.kind, active=row.active, note=note)


def _kept(session: Session, rows: Iterable[AgencyRow]) -> list[Kept]:
    rows = list(rows)
    contacts: dict[uuid.UUID, list[Contact]] = {row.id: [] for row in rows}
    found = select(AgencyContact).where(AgencyContact.agency_id.in_(contacts))
    for one in session.scalars(found.order_by(AgencyContact.since.desc(), AgencyContact.id)):
        words = json.loads(unseal(session, INSTALL, "agency_contact", "body", one.id, one.body_sealed))
        contacts[one.agency_id].append(replace(from_json(words, Contact), since=one.since, until=one.until, id=one.id))
    return [
        Kept(row.id, _agency(session, row), row.version, row.verified_at, row.verified_by, tuple(contacts[row.id]))
        for row in rows
    ]


def _names(one: Kept) -> str:
    agency = one.agency
    words = [agency.name, agency.takes_on, agency.address, *(f"{c.name} {c.role}" for c in one.contacts)]
    return "\n".join(map(fold, words))


def _place(kind: str) -> int:
    return KINDS.index(kind) if kind in KINDS else len(KINDS)


def _audit(session: Session, by: By, action: str, at: datetime, id: uuid.UUID, **detail: Any) -> None:
    append_audit(session, by.id, action, at, detail={"agency": str(id), **detail})
