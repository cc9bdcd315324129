"""The tables of the conversation, and the words that tell which columns are sealed.

The rule: a column that ends in `_sealed` holds what somebody wrote, sealed under its owner's key and bound to
table, column and row (`crypto`). Times that end in `_db` are the database's clock in epoch seconds (leases,
retries, LINE's limits); `_at` is desk time, aware UTC. The ORM serves pages; hot paths use Core on the same tables.
"""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Date,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Moment(TypeDecorator[datetime]):
    """Keep an aware datetime as UTC on both databases (SQLite forgets the zone)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive datetimes and turn the rest into UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime was about to be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the value aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


#: A number that grows by one per row, on both databases.
BigSerial = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """Hold the metadata of the main database; `handoff.models` adds its tables to the same one."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012 - an instance variable in SQLAlchemy's own typing
        datetime: Moment(),
        float: Double(),
        bytes: LargeBinary(),
        uuid.UUID: Uuid(),
        str: String(),
        dict[str, Any]: JSON(),
        list[str]: JSON(),
    }


class KeyBase(DeclarativeBase):
    """Hold the metadata of the keys, which live in a second file (SQLite) or in the schema `keys` (PostgreSQL)."""

    metadata = MetaData(naming_convention=NAMING)


class Key(KeyBase):
    """Keep one wrapped key. Destroying the row destroys every text sealed under it."""

    __tablename__ = "key"
    __table_args__ = ({"schema": "keys"},)
    owner: Mapped[str] = mapped_column(String(64), primary_key=True)  # resident:<uuid>, family:<uuid>, install
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    kek_version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(Moment())


class Resident(Base):
    """Keep one person who writes to the desk, by a pseudonymous id."""

    __tablename__ = "resident"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    line_hash: Mapped[str] = mapped_column(String(64), unique=True)  # keyed hash, for look-up
    line_id_sealed: Mapped[bytes]
    first_seen_at: Mapped[datetime]
    is_friend: Mapped[bool] = mapped_column(default=False)
    unreachable: Mapped[bool] = mapped_column(default=False)
    language: Mapped[str] = mapped_column(String(10), default="")  # chosen by the resident
    language_hint: Mapped[str] = mapped_column(String(10), default="")  # LINE's profile says so
    contact_safety: Mapped[str] = mapped_column(String(20), default="any")  # any | when_writing | times (CARE C21)
    last_inbound_db: Mapped[float] = mapped_column(default=0.0)  # LINE's seven-day rule for non-friends


class Memory(Base):
    """Keep what the desk remembers of one resident between two messages."""

    __tablename__ = "memory"
    resident_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("resident.id"), primary_key=True)
    version: Mapped[int] = mapped_column(default=0)
    body_sealed: Mapped[bytes]


class Lane(Base):
    """Keep one resident's queue, of what came in (`in:<uuid>`) or of what goes out (`out:<uuid>`)."""

    __tablename__ = "lane"
    key: Mapped[str] = mapped_column(String(48), primary_key=True)
    next_seq: Mapped[int] = mapped_column(default=0)
    priority: Mapped[int] = mapped_column(default=0)  # 3 = holds an emergency; higher first
    run_db: Mapped[float | None] = mapped_column(default=None)  # None = nothing to do
    leased_until_db: Mapped[float] = mapped_column(default=0.0)
    owner: Mapped[str] = mapped_column(String(64), default="")
    fence: Mapped[int] = mapped_column(default=0)
    __table_args__ = (Index("ix_lane_due", "run_db", "leased_until_db"),)


class Inbox(Base):
    """Keep one event of LINE (or one text of the room), once, in the order of its resident."""

    __tablename__ = "inbox"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(String(80), unique=True)  # webhookEventId
    lane_key: Mapped[str] = mapped_column(ForeignKey("lane.key"))
    seq: Mapped[int]
    resident_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("resident.id"))
    timestamp_ms: Mapped[int] = mapped_column(BigInteger)
    raw_sealed: Mapped[bytes]
    received_db: Mapped[float]
    attempts: Mapped[int] = mapped_column(default=0)
    next_db: Mapped[float] = mapped_column(default=0.0)
    done_db: Mapped[float | None] = mapped_column(default=None)
    outcome: Mapped[str] = mapped_column(String(20), default="")  # done | dead | ignored
    error: Mapped[str] = mapped_column(String(200), default="")  # the class of the error, never words
    ahead: Mapped[bool] = mapped_column(
        default=False, server_default=false()
    )  # worked before all that waits: an unsend
    __table_args__ = (
        UniqueConstraint("lane_key", "seq"),
        Index("ix_inbox_open", "lane_key", "timestamp_ms", "seq", sqlite_where=text("done_db IS NULL"),
              postgresql_where=text("done_db IS NULL")),
    )  # fmt: skip


class Outbox(Base):
    """Keep one request to LINE (up to five messages), rendered when its cause was committed."""

    __tablename__ = "outbox"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    lane_key: Mapped[str] = mapped_column(ForeignKey("lane.key"))
    seq: Mapped[int]
    resident_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("resident.id"))
    case_id: Mapped[uuid.UUID | None] = mapped_column(default=None)
    inbox_id: Mapped[uuid.UUID | None] = mapped_column(default=None)  # what it answers
    origin: Mapped[str] = mapped_column(String(10))  # desk | staff | notice
    body_sealed: Mapped[bytes]  # JSON list of LINE messages
    reply_token_sealed: Mapped[bytes | None] = mapped_column(default=None)
    reply_until_db: Mapped[float] = mapped_column(default=0.0)
    retry_key: Mapped[uuid.UUID] = mapped_column(unique=True)
    vital: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(String(12), default="pending")
    # pending | accepted | unknown | unreachable | given_up | withdrawn
    in_flight: Mapped[bool] = mapped_column(default=False)
    doubtful: Mapped[bool] = mapped_column(default=False)  # an earlier attempt may have arrived
    attempts: Mapped[int] = mapped_column(default=0)
    first_attempt_db: Mapped[float | None] = mapped_column(default=None)
    next_db: Mapped[float] = mapped_column(default=0.0)
    line_request_id: Mapped[str] = mapped_column(String(80), default="")
    error: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("lane_key", "seq"),
        Index("ix_outbox_open", "lane_key", "seq", sqlite_where=text("state = 'pending'"),
              postgresql_where=text("state = 'pending'")),
    )  # fmt: skip


class Job(Base):
    """Keep one thing to do later; `payload` holds ids only."""

    __tablename__ = "job"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40))
    dedupe_key: Mapped[str] = mapped_column(String(120), unique=True)
    run_at: Mapped[datetime] = mapped_column(index=True)  # desk time
    payload: Mapped[dict[str, Any]]
    attempts: Mapped[int] = mapped_column(default=0)
    leased_until_db: Mapped[float] = mapped_column(default=0.0)
    fence: Mapped[int] = mapped_column(default=0)
    done_at: Mapped[datetime | None] = mapped_column(default=None)
    error: Mapped[str] = mapped_column(String(200), default="")


class Event(Base):
    """Keep what changed, in commit order, ids only: console and rooms follow it."""

    __tablename__ = "event"
    id: Mapped[int] = mapped_column(BigSerial, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(40))
    case_id: Mapped[uuid.UUID | None] = mapped_column(default=None)
    resident_id: Mapped[uuid.UUID | None] = mapped_column(default=None)
    at: Mapped[datetime]
    __table_args__ = ({"sqlite_autoincrement": True},)


class Journal(Base):
    """Keep one thing that was said or done in a talk, in order; the words are sealed."""

    __tablename__ = "journal"
    id: Mapped[int] = mapped_column(BigSerial, primary_key=True, autoincrement=True)
    resident_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("resident.id"), index=True)
    case_id: Mapped[uuid.UUID | None] = mapped_column(default=None, index=True)
    uid: Mapped[uuid.UUID] = mapped_column(unique=True)  # bound into the seal
    who: Mapped[str] = mapped_column(String(10))  # resident | desk | staff | system
    staff_id: Mapped[uuid.UUID | None] = mapped_column(default=None)
    place: Mapped[str] = mapped_column(String(6), default="line")  # line | room
    kind: Mapped[str] = mapped_column(String(20))  # an Inbound kind, or reply | notice | note
    body_sealed: Mapped[bytes | None] = mapped_column(default=None)  # None once unsent
    language: Mapped[str] = mapped_column(String(10), default="")
    message_hash: Mapped[str] = mapped_column(String(64), default="", index=True)  # of LINE's message id, for unsend
    outbox_id: Mapped[uuid.UUID | None] = mapped_column(default=None)
    at: Mapped[datetime]
    seen_at: Mapped[datetime | None] = mapped_column(default=None)  # the resident saw staff's words in the room
    unsent_at: Mapped[datetime | None] = mapped_column(default=None)
    __table_args__ = ({"sqlite_autoincrement": True},)


class Media(Base):
    """Keep one picture, film, sound or file of a resident: which, and its bytes once they were fetched for a person."""

    __tablename__ = "media"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # the `uid` of its row in the journal
    resident_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("resident.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))  # image | video | audio | file
    state: Mapped[str] = mapped_column(String(10), default="unasked")
    # unasked | wanted | kept | gone | too_big | failed | unsent
    message_id_sealed: Mapped[bytes | None] = mapped_column(
        default=None
    )  # LINE's, to fetch it by; None once it is over
    body_sealed: Mapped[bytes | None] = mapped_column(default=None)
    type: Mapped[str] = mapped_column(String(40), default="")  # by its first bytes
    size: Mapped[int] = mapped_column(default=0)  # bytes
    tries: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime]


class TranslationRow(Base):
    """Keep the Japanese that a service made of one message of a resident, once, or that one is asked for."""

    __tablename__ = "translation"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # the `uid` of its row in the journal
    resident_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("resident.id"), index=True)
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    state: Mapped[str] = mapped_column(String(10))  # wanted | kept | failed
    why: Mapped[str] = mapped_column(String(20), default="")  # the last failure, an id; never words
    engine: Mapped[str] = mapped_column(String(20), default="")
    body_sealed: Mapped[bytes | None] = mapped_column(default=None)  # JSON, under the resident's key
    tries: Mapped[int] = mapped_column(default=0)
    next_db: Mapped[float | None] = mapped_column(default=None)  # when it is tried; None once it is over
    at: Mapped[datetime]
    __table_args__ = (
        Index("ix_translation_due", "next_db", sqlite_where=text("state = 'wanted'"),
              postgresql_where=text("state = 'wanted'")),
    )  # fmt: skip


class CaseRow(Base):
    """Keep one need for a person."""

    __tablename__ = "cases"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    resident_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("resident.id"), index=True)
    state: Mapped[str] = mapped_column(String(10))
    severity: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(String(20))  # signal | half_heard | dead_letter | given_up, or situation.Reason
    kinds: Mapped[list[str]]
    aspects: Mapped[list[str]]
    topics: Mapped[list[str]] = mapped_column(default=list, server_default="[]")  # what was asked about, for lists
    desk_id: Mapped[str] = mapped_column(String(40), default="")
    desk_why: Mapped[list[str]] = mapped_column(default=list, server_default="[]")  # ids of routing.Why
    holder_id: Mapped[uuid.UUID | None] = mapped_column(default=None)
    last_holder_id: Mapped[uuid.UUID | None] = mapped_column(default=None)  # stays when the talk is given up
    meant_for_id: Mapped[uuid.UUID | None] = mapped_column(default=None)  # whom it waits for, before others
    meant_why: Mapped[str] = mapped_column(String(10), default="", server_default="")  # cases.Meant
    second_id: Mapped[uuid.UUID | None] = mapped_column(default=None)  # who reads along while it is held
    second_wanted_at: Mapped[datetime | None] = mapped_column(default=None)  # a second person is asked for since then
    emergency_held_at: Mapped[datetime | None] = mapped_column(default=None, index=True)  # first: CARE C35
    answer_by_at: Mapped[datetime | None] = mapped_column(default=None)  # when she said that she will answer
    opened_at: Mapped[datetime]
    waiting_since_at: Mapped[datetime]
    alarm_since_at: Mapped[datetime | None] = mapped_column(default=None)  # nobody has it since then, or it got graver
    acknowledged_at: Mapped[datetime | None] = mapped_column(default=None)
    read_at: Mapped[datetime | None] = mapped_column(default=None)  # a person read it (declined ones too)
    closed_at: Mapped[datetime | None] = mapped_column(default=None)
    activity_db: Mapped[float] = mapped_column(default=0.0)  # the holder's last human act
    unanswered_since_db: Mapped[float | None] = mapped_column(default=None)  # the resident waits since then
    version: Mapped[int] = mapped_column(default=0)
    __table_args__ = (
        Index(
            "uq_cases_one_open",
            "resident_id",
            unique=True,
            sqlite_where=text("state <> 'closed'"),
            postgresql_where=text("state <> 'closed'"),
        ),
        Index("ix_cases_queue", "state", "waiting_since_at"),
    )


class DeskState(Base):
    """Keep what is true of a desk at this moment and is no setting: its people are with children (CARE C32)."""

    __tablename__ = "desk_state"
    desk_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    with_children_until: Mapped[datetime | None] = mapped_column(default=None)


class SignalRow(Base):
    """Keep one signal that was heard; a person may lower it with a reason, never erase it."""

    __tablename__ = "signal"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    resident_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("resident.id"))
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    journal_uid: Mapped[uuid.UUID | None] = mapped_column(default=None)
    kind: Mapped[str] = mapped_column(String(20))
    severity: Mapped[str] = mapped_column(String(10))
    aspects: Mapped[list[str]]
    who: Mapped[str] = mapped_column(String(10), default="")
    act: Mapped[str] = mapped_column(String(10), default="")
    why: Mapped[str] = mapped_column(String(80), default="")
    evidence_sealed: Mapped[bytes | None] = mapped_column(default=None)  # the words; gone once unsent
    gloss: Mapped[str] = mapped_column(String(300), default="")
    at: Mapped[datetime]


class Consent(Base):
    """Keep one yes or no of a resident: what for, when, in which words' version."""

    __tablename__ = "consent"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    resident_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("resident.id"), index=True)
    kind: Mapped[str] = mapped_column(String(40))
    given: Mapped[bool]
    wording_version: Mapped[str] = mapped_column(String(20), default="")
    at: Mapped[datetime]


class Audit(Base):
    """Keep who did what to whom and why; append-only (triggers refuse changes), chained by a later sealer."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(BigSerial, primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(60))  # staff:<uuid> | system | cli
    action: Mapped[str] = mapped_column(String(40))
    case_id: Mapped[uuid.UUID | None] = mapped_column(default=None, index=True)
    resident_id: Mapped[uuid.UUID | None] = mapped_column(default=None)
    allowed: Mapped[bool] = mapped_column(default=True)
    reason: Mapped[str] = mapped_column(String(200), default="")
    detail: Mapped[dict[str, Any]]
    __table_args__ = ({"sqlite_autoincrement": True},)


class Watched(Base):
    """Keep the version of things that processes hold in memory: city, directory, library, channel."""

    __tablename__ = "watched"
    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    version: Mapped[int] = mapped_column(default=0)
    note: Mapped[str] = mapped_column(String(200), default="")


class CityRow(Base):
    """Keep one version of the city's settings; the highest version counts."""

    __tablename__ = "city"
    version: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[dict[str, Any]]
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(60))


class ResourceRow(Base):
    """Keep one resource of the directory as its JSON, with what lists filter by.

    `body` is what its source says, `edits` the fields that staff put over it; `version` rises with each change.
    """

    __tablename__ = "resource"
    id: Mapped[str] = mapped_column(String(120), primary_key=True)
    source: Mapped[str] = mapped_column(String(200), index=True)
    category: Mapped[str] = mapped_column(String(40), index=True)
    municipality: Mapped[str] = mapped_column(String(60), default="")
    name: Mapped[str]
    body: Mapped[dict[str, Any]]
    edits: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    verified_at: Mapped[datetime | None] = mapped_column(default=None)
    verified_by: Mapped[str] = mapped_column(String(80), default="", server_default="")  # the work name
    merged_into: Mapped[str | None] = mapped_column(String(120), default=None)
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    gone_at: Mapped[datetime | None] = mapped_column(default=None)  # absent from the newest import, kept
    changed_at: Mapped[datetime]
    added_at: Mapped[datetime | None] = mapped_column(default=None)  # None: before this was kept


class ResourceChange(Base):
    """Keep who changed a resource, when and how: its state before and after (`catalogue.state`).

    Rows are never changed but for `undone_by`, the id of the change that took this one back.
    """

    __tablename__ = "resource_change"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    resource_id: Mapped[str] = mapped_column(String(120), index=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(120))  # staff:<id>, import:<source>
    actor_name: Mapped[str] = mapped_column(String(80), default="")
    action: Mapped[str] = mapped_column(String(20))  # import, edit, verify, merge, restore, create, undo
    fields: Mapped[list[str]] = mapped_column(JSON)
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
    undone_by: Mapped[int | None] = mapped_column(default=None)


class LivingNote(Base):
    """Keep what somebody knows of a place that no office holds (活きた情報): who, when, with whose consent, for whom.

    `text` is about the place, never about a family.
    """

    __tablename__ = "living_note"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    resource_id: Mapped[str] = mapped_column(String(120), index=True)
    text: Mapped[str]
    author_id: Mapped[uuid.UUID]
    author_name: Mapped[str] = mapped_column(String(80))
    written_at: Mapped[datetime]
    consent: Mapped[str] = mapped_column(String(200), default="")  # who agreed that it is passed on, and when
    public: Mapped[bool] = mapped_column(default=False)
    removed_at: Mapped[datetime | None] = mapped_column(default=None)


class DistinctPlaces(Base):
    """Keep that somebody looked at two places that seem to be one and said that they are two."""

    __tablename__ = "distinct_places"
    first_id: Mapped[str] = mapped_column(String(120), primary_key=True)  # the lesser id
    second_id: Mapped[str] = mapped_column(String(120), primary_key=True)
    said_by: Mapped[str] = mapped_column(String(80))  # the work name
    said_at: Mapped[datetime]


class Suggestion(Base):
    """Keep what a parent or an operator says is wrong about a place, until somebody has decided; never who said it."""

    __tablename__ = "suggestion"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    resource_id: Mapped[str] = mapped_column(String(120), index=True)
    sender: Mapped[str] = mapped_column(String(10))  # parent, operator
    kind: Mapped[str] = mapped_column(String(10))  # closed, hours, phone, place, fee, other
    text_sealed: Mapped[bytes]
    changes_sealed: Mapped[bytes]  # JSON: field -> proposed value; operators only
    language: Mapped[str] = mapped_column(String(10))
    at: Mapped[datetime]
    decided_at: Mapped[datetime | None] = mapped_column(default=None)
    decided_by: Mapped[str] = mapped_column(String(80), default="")  # the work name
    decision: Mapped[str] = mapped_column(String(10), default="")  # taken, declined
    reason: Mapped[str] = mapped_column(String(200), default="")


class UnmetNeedRow(Base):
    """Count one need that the directory could not meet, to the hour; it leads back to nobody."""

    __tablename__ = "unmet_need"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(index=True)
    topic: Mapped[str] = mapped_column(String(40))
    area: Mapped[str] = mapped_column(String(120), default="")
    age_band: Mapped[str] = mapped_column(String(10), default="")
    language: Mapped[str] = mapped_column(String(10), default="")
    lacking: Mapped[str] = mapped_column(String(80), default="")  # wishes set aside; empty: nothing fits at all


class HelperOffer(Base):
    """Keep what somebody wrote who wants to help and said that it may be kept, until `people` has taken it (a minute).

    It leads back to nobody: no resident, no case, and a day for a time.
    """

    __tablename__ = "helper_offer"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    body_sealed: Mapped[bytes]
    language: Mapped[str] = mapped_column(String(10))
    day: Mapped[date]


class QuestionRow(Base):
    """Keep one entry of a city's collection of questions and answers, with its vectors.

    `vectors` are one byte a number: for each encoder the question's, then for each the answer's beginning; `encoders`
    names them with their versions.
    """

    __tablename__ = "question"
    id: Mapped[str] = mapped_column(String(160), primary_key=True)
    source: Mapped[str] = mapped_column(String(200), index=True)
    question: Mapped[str]
    answer: Mapped[str]
    url: Mapped[str] = mapped_column(String(500), default="")
    encoders: Mapped[str] = mapped_column(String(120), default="")
    vectors: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    gone_at: Mapped[datetime | None] = mapped_column(default=None)  # absent from the newest import, kept
    changed_at: Mapped[datetime]


class LearnedRow(Base):
    """Keep what this city's own examples taught, in place of the shipped weights of the same name: an .npz file."""

    __tablename__ = "learned"
    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    figures: Mapped[dict[str, Any]]  # before and after, as they were told
    at: Mapped[datetime]


class Campaign(Base):
    """Keep one printed batch of QR codes, never one person."""

    __tablename__ = "campaign"
    token: Mapped[str] = mapped_column(String(16), primary_key=True)
    moment: Mapped[str] = mapped_column(String(20))  # `situation.Moment`
    place: Mapped[str] = mapped_column(String(80), default="")
    languages: Mapped[list[str]]  # that the cards are printed in
    greetings: Mapped[dict[str, Any]] = mapped_column(default=dict)  # language -> the city's words instead of ours
    greeted: Mapped[int] = mapped_column(default=0)  # people whose first words carried the code
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None] = mapped_column(default=None)


class CampaignScan(Base):
    """Count the scans of one campaign on one day in one language; it leads back to nobody."""

    __tablename__ = "campaign_scan"
    token: Mapped[str] = mapped_column(ForeignKey("campaign.token"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)  # in Tokyo
    language: Mapped[str] = mapped_column(String(10), primary_key=True)
    scans: Mapped[int]


class Room(Base):
    """Keep the private web page of one resident, where staff and resident talk."""

    __tablename__ = "room"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    resident_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("resident.id"), unique=True)
    password_hash: Mapped[str] = mapped_column(String(200), default="")  # 合言葉, argon2id (CARE C20)
    password_since_id: Mapped[int] = mapped_column(BigInteger, default=0)  # what its setter could see, and no more
    password_unread_id: Mapped[int] = mapped_column(BigInteger, default=0)
    password_failures: Mapped[int] = mapped_column(default=0)
    password_blocked_until_db: Mapped[float] = mapped_column(default=0.0)
    notice_out: Mapped[bool] = mapped_column(default=False)  # a notice was sent and the room not opened since
    notice_at: Mapped[datetime | None] = mapped_column(default=None)
    opened_at: Mapped[datetime | None] = mapped_column(default=None)  # last time a browser showed it
    created_at: Mapped[datetime]


class RoomLink(Base):
    """Keep one link to a room: single use, expiring; only its hash is known."""

    __tablename__ = "room_link"
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    room_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("room.id"), index=True)
    created_db: Mapped[float]
    expires_db: Mapped[float]
    redeemed_db: Mapped[float | None] = mapped_column(default=None)


class RoomVisit(Base):
    """Keep one browser that redeemed a link and may return."""

    __tablename__ = "room_visit"
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    room_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("room.id"), index=True)
    csrf: Mapped[str] = mapped_column(String(64))
    created_db: Mapped[float]
    seen_db: Mapped[float]
    expires_db: Mapped[float]
    unlocked: Mapped[bool] = mapped_column(default=False)  # said the 合言葉 in this browser
    since_journal_id: Mapped[int] = mapped_column(BigInteger, default=0)  # sees everything after this
    unread_journal_id: Mapped[int] = mapped_column(BigInteger, default=0)  # and staff's words from here on
