"""A short text about a family for one partner agency, with the family's yes, for a set time (functions 46, 67, 72).

The rule: it is what staff wrote for it, never the journal, under a key of its own that is destroyed with its end: time,
revocation, or a yes that was taken back. Where violence or a child's safety is known, a supervisor agrees before it is
read (CARE C24, C27). From outside, a wrong link, a wrong code and a share that has ended are one and the same.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot import cases, crypto
from bot.curation import FieldsRefusedError
from bot.directory.resources import is_hidden_place
from bot.errors import Fault, NotAllowedError, RefusedError
from bot.models import Audit, CaseRow, Key
from bot.opening import TOKYO
from bot.store import Store, append_audit, append_event, db_now
from bot.vault import seal, unseal, vault
from handoff import notes, partners, staff
from handoff.models import AgencyContact, ShareRow
from handoff.staff import Actor
from handoff.wording import Table, later

#: In which talk the family said yes.
HOWS: Final = Table({"line": "LINEのやりとりで", "room": "ルームのやりとりで", "phone": "電話で", "met": "会って"})
End = Literal["revoked", "withdrawn", "expired"]
#: What becomes of a share: a second person must agree; it cannot go there (any more); no link yet; a link nobody has
#: opened; opened; or how it ended.
State = Literal["second", "receiver", "ready", "linked", "opened"] | End

DAYS: Final = 7
MOST_DAYS: Final = 30
LONGEST: Final = 1_000  # characters of the text: a summary, no file
LONGEST_ANSWER: Final = 500
DIGITS: Final = 8  # of the code that is told by telephone
TRIES: Final = 5  # codes before a wait
WAIT_SECONDS: Final = 900  # the first wait; each next one is twice as long,
WAIT_MOST: Final = 86_400  # a day at most
IDLE_SECONDS: Final = 1_800  # after that the same browser is asked for the code again
ORPHAN: Final = timedelta(hours=1)  # a key without a living share is that old when it is swept
ANSWERS_SHOWN: Final = timedelta(days=3)

#: Kinds and aspects with which two people decide.
TWO_DECIDE: Final = frozenset({"dv", "abuse", "child_writing"})
#: What an address looks like; where violence is known it is not written here at all.
_ADDRESS: Final = re.compile(r"〒|丁目|番地|号室|\d番\d+号|(?<![\d-])(?!0)\d{1,3}[-‐–−ー]\d{1,3}[-‐–−ー]\d{1,4}(?!\d)")
HIDDEN: Final = Fault("一時保護所、母子生活支援施設、シェルターのことは、ここには書けません")
NO_ADDRESS: Final = Fault("居場所につながること（住所など）は、この相談では書けません")
GONE: Final = later("この共有は見つかりません。")


@dataclass(frozen=True, slots=True)
class Text:
    """Hold what is shared: staff's own words, and facts as label and words."""

    summary: str = ""
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """Hold what the form gives: for whom, what, on which yes of the family, and for how long."""

    contact_id: uuid.UUID | None = None
    text: Text = Text()
    consented_on: date | None = None
    consent_how: str = ""
    days: int = DAYS


@dataclass(frozen=True, slots=True)
class Receiver:
    """Hold one person of an agency to whom a family's matter may go."""

    contact_id: uuid.UUID
    agency_id: uuid.UUID
    agency: str
    contact: str
    duty: str


@dataclass(frozen=True, slots=True)
class Share:
    """Hold a share as staff see it; `text` is None once it has ended."""

    id: uuid.UUID
    case_id: uuid.UUID
    staff_id: uuid.UUID
    agency_id: uuid.UUID
    contact_id: uuid.UUID
    agency: str
    contact: str
    text: Text | None
    consented_on: date
    consent_how: str
    made_at: datetime
    expires_at: datetime
    agreed_by: uuid.UUID | None
    state: State
    openings: tuple[datetime, ...]  # newest first
    wrong: tuple[datetime, ...]  # tries with a wrong code or from another browser, newest first
    answered_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Shown:
    """Hold what the coordinator reads."""

    receiver: Receiver
    text: Text
    staff_name: str
    desk_id: str
    consented_on: date
    consent_how: str
    expires_at: datetime
    guarded: bool  # violence or a child's safety is known
    answered: bool


# --- what may be shared, and with whom ------------------------------------------------------------------------------


def two_decide(case: CaseRow) -> bool:
    """Return whether a supervisor must agree before anything of this case is read outside."""
    return not TWO_DECIDE.isdisjoint((*case.kinds, *case.aspects))


def receivers(session: Session, now: datetime) -> list[Receiver]:
    """Return who may be chosen: present contacts of agencies that may be told and are bound to secrecy."""
    today = now.astimezone(TOKYO).date()
    return [
        receiver
        for kept in partners.listed(session, now)
        for contact in kept.contacts
        if (receiver := _of(kept, contact, today)) is not None
    ]


def _receiver(session: Session, contact_id: uuid.UUID, now: datetime) -> Receiver | None:
    row = session.get(AgencyContact, contact_id)
    kept = partners.get(session, row.agency_id) if row is not None else None
    contact = next((one for one in kept.contacts if one.id == contact_id), None) if kept else None
    return _of(kept, contact, now.astimezone(TOKYO).date()) if kept and contact else None


def _of(kept: partners.Kept, contact: partners.Contact, today: date) -> Receiver | None:
    agency = kept.agency
    may_know = agency.active and agency.sharing in ("law", "consent") and agency.duty
    if not may_know or contact.id is None or not contact.serves_on(today):
        return None
    return Receiver(contact.id, kept.id, agency.name, contact.name, agency.duty)


def problems(wish: Wish, case: CaseRow, receiver: Receiver | None, now: datetime) -> dict[str, str]:
    """Return what is wrong with a wish, by field; without a yes nothing is right."""
    today = now.astimezone(TOKYO).date()
    found: dict[str, str] = {}
    if receiver is None:
        found["contact"] = Fault("渡す相手をえらんでください（守秘の根拠と、いまの担当者が書いてある連携先だけです）")
    if not wish.text.summary:
        found["summary"] = Fault("伝えることを、自分のことばで短く書いてください")
    elif len(wish.text.summary) > LONGEST:
        found["summary"] = Fault("長すぎます（{most}字まで）", most=LONGEST)
    elif is_hidden_place(wish.text.summary):
        found["summary"] = HIDDEN
    elif two_decide(case) and _ADDRESS.search(unicodedata.normalize("NFKC", wish.text.summary)):
        found["summary"] = NO_ADDRESS
    if wish.consented_on is None:
        found["consented_on"] = Fault("ご家族が「よい」と言った日を書いてください。同意がないうちは渡せません")
    elif wish.consented_on > today:
        found["consented_on"] = Fault("同意は、きょうまでの日にしてください")
    if wish.consent_how not in HOWS:
        found["consent_how"] = Fault("どこで聞いたかをえらんでください。同意がないうちは渡せません")
    if not 1 <= wish.days <= MOST_DAYS:
        found["days"] = Fault("1日から{most}日までにしてください", most=MOST_DAYS)
    return found


# --- what staff do --------------------------------------------------------------------------------------------------


async def make(store: Store, case_id: uuid.UUID, wish: Wish, actor: Actor, at: datetime) -> uuid.UUID:
    """Keep a new share and return its id; nobody can read it yet. Raise FieldsRefusedError or NotAllowedError."""
    id = uuid.uuid4()
    await store.ensure_keys([_owner(id)])

    def unit(session: Session) -> None:
        staff.authorize(actor, "share.make", cases.get_case(session, case_id))
        case = session.get_one(CaseRow, case_id)
        receiver = _receiver(session, wish.contact_id, at) if wish.contact_id else None
        found = problems(wish, case, receiver, at)
        if found or receiver is None or wish.consented_on is None:
            raise FieldsRefusedError(found)
        body = json.dumps({"summary": wish.text.summary, "facts": wish.text.facts}, ensure_ascii=False)
        row = ShareRow(
            id=id,
            case_id=case_id,
            staff_id=actor.id,
            agency_id=receiver.agency_id,
            contact_id=receiver.contact_id,
            body_sealed=seal(session, _owner(id), "share", "body", id, body),
            consented_on=wish.consented_on,
            consent_how=wish.consent_how,
            made_at=at,
            expires_at=at + timedelta(days=wish.days),
        )
        session.add(row)
        session.flush()
        _note(session, f"staff:{actor.id}", "share.made", at, row)

    await store.write(unit)
    return id


def agree(session: Session, case_id: uuid.UUID, id: uuid.UUID, actor: Actor, at: datetime) -> None:
    """Agree as the second person, who never is the one that wrote it. Raise RefusedError."""
    row = _living(session, case_id, id, at)
    if row.staff_id == actor.id:
        raise NotAllowedError("自分で書いたものには、自分では同意できません。もう一人の統括にお願いしてください。")
    if row.agreed_by is None:
        row.agreed_by, row.agreed_at = actor.id, at
        _note(session, f"staff:{actor.id}", "share.agreed", at, row)


def link(session: Session, case_id: uuid.UUID, id: uuid.UUID, actor: Actor, at: datetime) -> tuple[str, str]:
    """Return a fresh link's token and its code; only their hashes are kept, and an earlier link opens no more.

    Raise RefusedError when a second person has not agreed yet, or when it may not go there any more.
    """
    row = _living(session, case_id, id, at)
    match _hindrance(session, row, at):
        case "second":
            raise RefusedError("二人目（統括）の同意がまだないので、入り口はつくれません。")
        case "receiver":
            raise RefusedError("連携先か担当者が変わったので、渡せません。「連携先」のページをたしかめてください。")
    token, code = crypto.new_token(), f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    row.link_hash, row.code_hash = crypto.token_hash(token), _code_hash(session, id, code)
    row.visit_hash, row.failures, row.blocked_until_db = "", 0, 0.0
    _note(session, f"staff:{actor.id}", "share.linked", at, row)
    return token, code


async def end(store: Store, case_id: uuid.UUID, id: uuid.UUID, why: End, actor: str, at: datetime) -> None:
    """End a share and destroy its words, at once and for good; what has ended stays as it ended."""

    def unit(session: Session) -> None:
        row = session.get(ShareRow, id, with_for_update=True)
        if row is None or row.case_id != case_id:
            raise RefusedError(GONE)
        if row.ended_at is None:
            row.body_sealed, row.link_hash, row.code_hash, row.visit_hash = None, "", "", ""
            row.ended_at, row.ended_why = at, why
            _note(session, actor, "share.ended", at, row, reason=why)

    await store.write(unit)
    await store.destroy_key(_owner(id))


async def sweep(store: Store, now: datetime) -> int:
    """End what has run out, destroy keys that a crash has left behind, and return how many of both."""
    overdue = select(ShareRow.case_id, ShareRow.id).where(ShareRow.ended_at.is_(None), ShareRow.expires_at <= now)
    late = await store.read(lambda s: s.execute(overdue).all())
    for row in late:
        await end(store, row.case_id, row.id, "expired", "system", now)
    before = datetime.now(UTC) - ORPHAN
    kept = select(Key.owner).where(Key.owner.like("share:%"), Key.created_at < before)
    owners = await store.read_keys(lambda s: list(s.scalars(kept)))
    alive = select(ShareRow.id).where(ShareRow.ended_at.is_(None))
    living = await store.read(lambda s: {_owner(id) for id in s.scalars(alive)}) if owners else set()
    orphans = [owner for owner in owners if owner not in living]
    for owner in orphans:
        await store.destroy_key(owner)
    return len(late) + len(orphans)


def of_case(session: Session, case_id: uuid.UUID, at: datetime) -> list[Share]:
    """Return the shares of a case, newest first, with what happened to them."""
    rows = session.scalars(select(ShareRow).where(ShareRow.case_id == case_id).order_by(ShareRow.made_at.desc()))
    noted = select(Audit).where(Audit.case_id == case_id, Audit.action == "share.opened").order_by(Audit.id.desc())
    openings = list(session.scalars(noted))
    return [_seen(session, row, at, openings) for row in rows]


def note_looking(session: Session, case_id: uuid.UUID, actor: Actor, at: datetime) -> None:
    """Write down that somebody of the staff reads the shares of a case."""
    append_audit(session, f"staff:{actor.id}", "share.looked", at, case_id=case_id)


@dataclass(frozen=True, slots=True)
class News:
    """Hold what somebody should look at: a share that waits for a second person, or an answer that came."""

    case_id: uuid.UUID
    agency: str
    at: datetime
    answered: bool


def news(session: Session, actor: Actor, now: datetime) -> list[News]:
    """Return what waits for this person's agreement, if she may agree, and the answers of the last days."""
    found = []
    alive = select(ShareRow).where(ShareRow.ended_at.is_(None), ShareRow.expires_at > now, ShareRow.agreed_by.is_(None))
    if actor.role in staff.MAY["share.agree"]:
        for row in session.scalars(alive.where(ShareRow.staff_id != actor.id).order_by(ShareRow.made_at)):
            if two_decide(session.get_one(CaseRow, row.case_id)):
                found.append(News(row.case_id, _agency_name(session, row), row.made_at, answered=False))
    recent = select(ShareRow).where(ShareRow.answered_at > now - ANSWERS_SHOWN).order_by(ShareRow.answered_at.desc())
    for row in session.scalars(recent):
        assert row.answered_at is not None
        found.append(News(row.case_id, _agency_name(session, row), row.answered_at, answered=True))
    return found


# --- what the coordinator does --------------------------------------------------------------------------------------


def enter(session: Session, token: str, code: str, cookie: str, at: datetime) -> str | None:
    """Return the token for a browser's cookie when link and code are right; None whatever is wrong.

    A try is counted before it is compared. The first browser that opens a link is the only one that ever does; it is
    asked for the code again after half an hour, and gets a fresh token each time.
    """
    row = _by_link(session, token, at)
    now = db_now(session)
    if row is None or row.blocked_until_db > now:
        return None
    row.failures += 1
    if row.failures % TRIES == 0:
        row.blocked_until_db = now + min(WAIT_SECONDS * 2 ** min(row.failures // TRIES - 1, 16), WAIT_MOST)
    digits = "".join(c for c in unicodedata.normalize("NFKC", code) if c.isascii() and c.isdigit())
    if not hmac.compare_digest(row.code_hash, _code_hash(session, row.id, digits)):
        _note(session, _agency(row), "share.opened", at, row, allowed=False, reason="code")
        return None
    if row.visit_hash and not _same_browser(row, cookie):
        _note(session, _agency(row), "share.opened", at, row, allowed=False, reason="browser")
        return None
    row.failures, row.blocked_until_db = 0, 0.0
    visit = crypto.new_token()
    row.visit_hash, row.visit_seen_db = crypto.token_hash(visit), now
    return visit


def show(session: Session, token: str, cookie: str, at: datetime) -> Shown | None:
    """Return what is shared and write the reading down; None when this browser may not read it (any more)."""
    row = _visited(session, token, cookie, at)
    if row is None:
        return None
    receiver = _receiver(session, row.contact_id, at)
    assert receiver is not None, "`_by_link` asks for it"
    row.visit_seen_db, row.opened_at = db_now(session), at
    _note(session, _agency(row), "share.opened", at, row)
    case = session.get_one(CaseRow, row.case_id)
    return Shown(
        receiver,
        _text(session, row),
        staff.work_names(session).get(row.staff_id, ""),
        case.desk_id,
        row.consented_on,
        row.consent_how,
        row.expires_at,
        two_decide(case),
        row.answered_at is not None,
    )


def answer(session: Session, token: str, cookie: str, words: str, at: datetime) -> bool:
    """Keep the coordinator's one short note on the case, for staff; return False when this browser may not write it."""
    row, words = _visited(session, token, cookie, at), words.strip()
    if row is None or row.answered_at is not None or not 0 < len(words) <= LONGEST_ANSWER:
        return False
    receiver, case = _receiver(session, row.contact_id, at), session.get_one(CaseRow, row.case_id)
    assert receiver is not None, "`_by_link` asks for it"
    text = f"{receiver.agency}（{receiver.contact}さん）から:\n{words}"
    notes.keep_note(session, case.id, case.resident_id, row.staff_id, "partner", text, at)
    row.answered_at, row.visit_seen_db = at, db_now(session)
    _note(session, _agency(row), "share.answered", at, row)
    append_event(session, "share.answered", at, case_id=case.id)
    return True


def leave(session: Session, token: str, cookie: str, at: datetime) -> None:
    """Let this browser be asked for the code before it reads again."""
    row = _visited(session, token, cookie, at)
    if row is not None:
        row.visit_seen_db = 0.0


# --- steps ----------------------------------------------------------------------------------------------------------


def _owner(id: uuid.UUID) -> str:
    return f"share:{id}"


def _agency(row: ShareRow) -> str:
    """Return who acts from outside, for the audit: the agency; who held its telephone nobody knows."""
    return f"agency:{row.agency_id}"


def _code_hash(session: Session, id: uuid.UUID, code: str) -> str:
    """Return the code's hash under the install's secret: a code this short could be guessed from a plain hash."""
    return vault(session).hash(f"share:{id}:{code}")


def _living(session: Session, case_id: uuid.UUID, id: uuid.UUID, at: datetime) -> ShareRow:
    row = session.get(ShareRow, id, with_for_update=True)
    if row is None or row.case_id != case_id:
        raise RefusedError(GONE)
    if row.ended_at is not None or row.expires_at <= at:
        raise RefusedError("この共有は終わっています。もう一度、ご家族に聞いてから、つくりなおしてください。")
    return row


def _hindrance(session: Session, row: ShareRow, at: datetime) -> Literal["", "second", "receiver"]:
    """Return why nobody may read it now: asked each time, for cases get graver and contacts leave."""
    if row.agreed_by is None and two_decide(session.get_one(CaseRow, row.case_id)):
        return "second"
    return "receiver" if _receiver(session, row.contact_id, at) is None else ""


def _by_link(session: Session, token: str, at: datetime) -> ShareRow | None:
    """Return the share that a link leads to, locked, if it may be read now."""
    found = select(ShareRow).where(
        ShareRow.link_hash == crypto.token_hash(token), ShareRow.ended_at.is_(None), ShareRow.expires_at > at
    )
    row = session.scalars(found.with_for_update()).one_or_none()
    return row if row is not None and not _hindrance(session, row, at) else None


def _visited(session: Session, token: str, cookie: str, at: datetime) -> ShareRow | None:
    """Return the share whose link this browser opened, while it has not been idle too long."""
    row = _by_link(session, token, at)
    if row is None or not _same_browser(row, cookie) or row.visit_seen_db < db_now(session) - IDLE_SECONDS:
        return None
    return row


def _same_browser(row: ShareRow, cookie: str) -> bool:
    return bool(row.visit_hash) and hmac.compare_digest(row.visit_hash, crypto.token_hash(cookie))


def _text(session: Session, row: ShareRow) -> Text:
    assert row.body_sealed is not None
    body = json.loads(unseal(session, _owner(row.id), "share", "body", row.id, row.body_sealed))
    return Text(body["summary"], tuple((label, words) for label, words in body["facts"]))


def _agency_name(session: Session, row: ShareRow) -> str:
    kept = partners.get(session, row.agency_id)
    return kept.agency.name if kept else ""


def _seen(session: Session, row: ShareRow, at: datetime, noted: Sequence[Audit]) -> Share:
    kept = partners.get(session, row.agency_id)
    contact = next((one.name for one in kept.contacts if one.id == row.contact_id), "") if kept else ""
    mine = [one for one in noted if one.detail.get("share") == str(row.id)]
    return Share(
        id=row.id,
        case_id=row.case_id,
        staff_id=row.staff_id,
        agency_id=row.agency_id,
        contact_id=row.contact_id,
        agency=kept.agency.name if kept else "",
        contact=contact,
        text=_text(session, row) if row.body_sealed is not None and row.expires_at > at else None,
        consented_on=row.consented_on,
        consent_how=row.consent_how,
        made_at=row.made_at,
        expires_at=row.expires_at,
        agreed_by=row.agreed_by,
        state=_state(session, row, at),
        openings=tuple(one.at for one in mine if one.allowed),
        wrong=tuple(one.at for one in mine if not one.allowed),
        answered_at=row.answered_at,
        ended_at=row.ended_at,
    )


def _state(session: Session, row: ShareRow, at: datetime) -> State:
    if row.ended_at is not None:
        return "withdrawn" if row.ended_why == "withdrawn" else "revoked" if row.ended_why == "revoked" else "expired"
    if row.expires_at <= at:
        return "expired"
    if hindrance := _hindrance(session, row, at):
        return hindrance
    return "ready" if not row.link_hash else "opened" if row.visit_hash else "linked"


def _note(
    session: Session, actor: str, action: str, at: datetime, row: ShareRow, *, allowed: bool = True, reason: str = ""
) -> None:
    append_audit(
        session, actor, action, at, case_id=row.case_id, allowed=allowed, reason=reason,
        detail={"share": str(row.id), "agency": str(row.agency_id)},
    )  # fmt: skip
