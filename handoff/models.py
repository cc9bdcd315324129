"""The tables of the staff's side: accounts, sessions, sign-ins, drafts, notes, uploads, partners, shares, local people.

The rule: they live in the same metadata as the conversation's; `bot` never imports this module.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, String, false, true
from sqlalchemy.orm import Mapped, mapped_column

from bot.models import Base


class Staff(Base):
    """Keep one member of staff, shown to families under a work name (CARE C31)."""

    __tablename__ = "staff"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(80), unique=True)
    work_name: Mapped[str] = mapped_column(String(20))  # LINE shows at most 20 characters as the sender
    role: Mapped[str] = mapped_column(String(20))  # specialist | supervisor | officer | administrator
    password_hash: Mapped[str] = mapped_column(String(200))  # argon2id
    active: Mapped[bool] = mapped_column(default=True)
    look: Mapped[str] = mapped_column(String(10), default="system", server_default="system")  # system | light | dark
    page_language: Mapped[str] = mapped_column(String(5), default="ja", server_default="ja")  # ja | en
    alarm_sounds: Mapped[bool] = mapped_column(default=True, server_default=true())  # else banner and title alone
    desks: Mapped[list[str]] = mapped_column(default=list, server_default="[]")  # ids of situation.Desk; none = all
    languages: Mapped[list[str]] = mapped_column(default=list, server_default="[]")
    skills: Mapped[list[str]] = mapped_column(default=list, server_default="[]")  # 保健師, 心理士 … in the city's words
    capacity: Mapped[int] = mapped_column(default=0, server_default="0")  # talks held at once; 0 = no limit
    alarm_to_sealed: Mapped[bytes | None] = mapped_column(default=None)  # JSON: mail and call, when on duty
    created_at: Mapped[datetime]


class SavedView(Base):
    """Keep the filters of a list under a name, for one member of staff; no words that were searched for."""

    __tablename__ = "saved_view"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"), index=True)
    name: Mapped[str] = mapped_column(String(40))
    query: Mapped[str] = mapped_column(String(500))  # as it stands in the address of the list


class SignInTry(Base):
    """Keep how often somebody failed to sign in under one name, whether or not there is such an account."""

    __tablename__ = "sign_in_try"
    login_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int]
    last_db: Mapped[float]
    blocked_until_db: Mapped[float] = mapped_column(default=0.0)


class StaffSession(Base):
    """Keep one signed-in browser; only the token's hash is known."""

    __tablename__ = "staff_session"
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"), index=True)
    csrf: Mapped[str] = mapped_column(String(64))
    created_db: Mapped[float]
    seen_db: Mapped[float]
    locked: Mapped[bool] = mapped_column(default=False, server_default=false())  # opens nothing until the password


class Draft(Base):
    """Keep what a member of staff has typed and not sent, one per case and person; kept when a lease lapses."""

    __tablename__ = "draft"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # uuid5 of case and person
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    body_sealed: Mapped[bytes]
    at: Mapped[datetime]


class Watching(Base):
    """Keep who has a talk open in a browser now, and whether she types; it ends by itself (`watching.HERE_SECONDS`)."""

    __tablename__ = "watching"
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    seen_db: Mapped[float]
    typing: Mapped[bool]


class Referral(Base):
    """Keep which place was offered to whom by whom: one row per place and sending (function 31)."""

    __tablename__ = "referral"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    resource_id: Mapped[str] = mapped_column(String(200))
    name: Mapped[str]  # of the place, as it was then
    at: Mapped[datetime]


class EmergencyNote(Base):
    """Keep what staff found out while a life may be in danger, or one call to an agency (`handoff.emergency`)."""

    __tablename__ = "emergency_note"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    kind: Mapped[str] = mapped_column(String(10))  # check | call
    body_sealed: Mapped[bytes]  # JSON, under the resident's key
    at: Mapped[datetime]


class IdentityOpening(Base):
    """Keep who asked that LINE's id be opened in danger of life, why, and who agreed (CARE C29)."""

    __tablename__ = "identity_opening"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    asked_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    reason_sealed: Mapped[bytes]  # under the resident's key
    asked_at: Mapped[datetime]
    agreed_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"), default=None)
    agreed_at: Mapped[datetime | None] = mapped_column(default=None)


class CannedReply(Base):
    """Keep one sentence that staff send often; `owner_id` None = shared. Its words are in its versions."""

    __tablename__ = "canned_reply"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    title: Mapped[str] = mapped_column(String(40))
    version: Mapped[int]
    active: Mapped[bool] = mapped_column(default=True)


class CannedVersion(Base):
    """Keep what a canned reply said in one version, by language; a version never changes."""

    __tablename__ = "canned_version"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    reply_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("canned_reply.id"), index=True)
    version: Mapped[int]
    texts: Mapped[dict[str, Any]]
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(20))  # the work name


class Note(Base):
    """Keep one note of staff on a case: on release, on transfer, or in between; never shown to the family."""

    __tablename__ = "note"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    kind: Mapped[str] = mapped_column(String(10))  # release | transfer | close | note | partner
    body_sealed: Mapped[bytes]
    at: Mapped[datetime]


class Mention(Base):
    """Keep whom a note names, and when she has seen the talk it stands in."""

    __tablename__ = "mention"
    note_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("note.id"), primary_key=True)
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True, index=True)
    seen_at: Mapped[datetime | None] = mapped_column(default=None)


class Duty(Base):
    """Keep who is there from when until when: at a desk, or, without one, on call while all desks are closed."""

    __tablename__ = "duty"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    desk_id: Mapped[str] = mapped_column(String(40))
    since_at: Mapped[datetime]
    until_at: Mapped[datetime] = mapped_column(index=True)


class Promise(Base):
    """Keep what was promised to a family, by whom and until when, until somebody says that it was kept."""

    __tablename__ = "promise"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    kind: Mapped[str] = mapped_column(String(10))  # agreed | answer
    words_sealed: Mapped[bytes]  # under the resident's key
    at: Mapped[datetime]
    due_at: Mapped[datetime | None] = mapped_column(default=None)
    kept_at: Mapped[datetime | None] = mapped_column(default=None, index=True)
    kept_by: Mapped[uuid.UUID | None] = mapped_column(default=None)


class Debriefing(Base):
    """Keep what was learned after an emergency, about no family; under the install's key. A row = it was held."""

    __tablename__ = "debriefing"
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    body_sealed: Mapped[bytes]
    at: Mapped[datetime]


class Practised(Base):
    """Keep that somebody went through one invented family to the end, and when; nothing of how (CARE C35)."""

    __tablename__ = "practised"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # of that practice
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"), index=True)
    family: Mapped[str] = mapped_column(String(40))  # a file of content/practice
    at: Mapped[datetime]


class ShiftNote(Base):
    """Keep what colleagues leave for who comes after them, about no family; under the install's key."""

    __tablename__ = "shift_note"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    body_sealed: Mapped[bytes]
    at: Mapped[datetime] = mapped_column(index=True)


class DirectoryUpload(Base):
    """Keep one uploaded file of places while somebody looks at what it would change (`handoff.uploads`).

    What is sealed is there only until it is stored or dropped, a day at most.
    """

    __tablename__ = "directory_upload"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    staff_name: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime] = mapped_column(index=True)
    file_name: Mapped[str] = mapped_column(String(200))
    settings: Mapped[dict[str, Any]]  # category, municipality, area_code, columns (header -> field)
    state: Mapped[str] = mapped_column(String(10))  # reading | ready | failed | stored | dropped
    reading: Mapped[int] = mapped_column(default=1)  # which reading of the file this is
    done: Mapped[int] = mapped_column(default=0)  # rows
    whole: Mapped[int] = mapped_column(default=0)
    alive_db: Mapped[float] = mapped_column(default=0.0)  # the reading process was last heard of
    problem: Mapped[str] = mapped_column(String(500), default="")
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)  # what storing did
    content_sealed: Mapped[bytes | None] = mapped_column(default=None, deferred=True)  # the file
    read_sealed: Mapped[bytes | None] = mapped_column(default=None, deferred=True)  # JSON: what was read in it


class AgencyRow(Base):
    """Keep one partner organisation that staff refer families to; staff's own, never a family's to see.

    `body` is the rest of `partners.Agency` as JSON; its remark may name people and is sealed under the install's key.
    """

    __tablename__ = "agency"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(String(40))
    active: Mapped[bool] = mapped_column(default=True)
    body: Mapped[dict[str, Any]]
    note_sealed: Mapped[bytes]
    version: Mapped[int] = mapped_column(default=1)
    verified_at: Mapped[datetime | None] = mapped_column(default=None)
    verified_by: Mapped[str] = mapped_column(String(80), default="")  # the work name
    changed_at: Mapped[datetime]


class AgencyContact(Base):
    """Keep who speaks for an agency, from when until when (both inclusive); a change closes a row and opens another."""

    __tablename__ = "agency_contact"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agency.id"), index=True)
    body_sealed: Mapped[bytes]  # JSON of partners.Contact, under the install's key
    since: Mapped[date]
    until: Mapped[date | None] = mapped_column(default=None)


class ShareRow(Base):
    """Keep one short text about a family for one agency, and who may read it until when (`handoff.shares`).

    The text is sealed under a key of its own; when it ends, nothing but its dates and names of acts are left.
    """

    __tablename__ = "share"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))  # who wrote it
    agency_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agency.id"))
    contact_id: Mapped[uuid.UUID]  # a contact that was corrected has another id, and then nobody reads on
    body_sealed: Mapped[bytes | None]  # JSON of shares.Text
    consented_on: Mapped[date]
    consent_how: Mapped[str] = mapped_column(String(10))  # line | room | phone | met
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    agreed_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"), default=None)  # the second person
    agreed_at: Mapped[datetime | None] = mapped_column(default=None)
    link_hash: Mapped[str] = mapped_column(String(64), default="", index=True)  # "" while there is none
    code_hash: Mapped[str] = mapped_column(String(64), default="")
    visit_hash: Mapped[str] = mapped_column(String(64), default="")  # of the one browser that opened the link
    visit_seen_db: Mapped[float] = mapped_column(default=0.0)
    failures: Mapped[int] = mapped_column(default=0)  # wrong codes since the last right one
    blocked_until_db: Mapped[float] = mapped_column(default=0.0)
    opened_at: Mapped[datetime | None] = mapped_column(default=None)  # last
    answered_at: Mapped[datetime | None] = mapped_column(default=None)
    ended_at: Mapped[datetime | None] = mapped_column(default=None)
    ended_why: Mapped[str] = mapped_column(String(10), default="")  # revoked | withdrawn | expired


class LocalPersonRow(Base):
    """Keep one person who knows a lot about child-rearing (guideline 4(3)②), for staff only, with consent.

    Everything is sealed under a key of the person's own; a withdrawn consent leaves nothing but `withdrawn_at`.
    """

    __tablename__ = "local_person"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    body_sealed: Mapped[bytes | None]
    version: Mapped[int] = mapped_column(default=1)
    verified_at: Mapped[datetime | None] = mapped_column(default=None)
    verified_by: Mapped[str] = mapped_column(String(80), default="")
    changed_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None] = mapped_column(default=None)
