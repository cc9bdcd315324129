"""What staff do with the directory by hand: correct, make sure, merge, take back, and write down what they know.

The rule: every change is one row of history with who, when, and the state before and after, and can be taken back;
a source's own words are never overwritten. What is refused is refused with every reason at once, by field.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from bot import catalogue
from bot.catalogue import OWN, changed_by, changed_fields, state
from bot.directory.importing.cells import is_formula
from bot.directory.importing.entries import JAPAN
from bot.directory.resources import Resource, from_json, is_hidden_place, to_json
from bot.errors import DirectoryMovedError, Fault, RefusedError
from bot.models import LivingNote, ResourceChange, ResourceRow
from bot.store import append_audit, bump

STALE_AFTER: Final = timedelta(days=180)  # since somebody made sure: half a year, as lists are made twice a year
WEEKLY: Final = 20  # places on the work list of a week
LONGEST: Final = 4_000  # characters of one field
LAST_NUMBER: Final = 2**31 - 1  # of a change, as both databases count
_FIELDS: Final = frozenset(field.name for field in fields(Resource)) - {"id", "source", "verified_on", "verified_by"}
PHONE: Final = re.compile(r"[0-9+][0-9\-() ]{4,18}")


@dataclass(frozen=True, slots=True)
class By:
    """Hold who acts on the directory: `id` as in history (staff:<uuid>), `name` as colleagues know her."""

    id: str
    name: str


class FieldsRefusedError(RefusedError):
    """Refuse a change of a resource: `reasons` by field, in words for the person who typed it."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__("、".join(reasons.values()))
        self.reasons = dict(reasons)


# --- changes --------------------------------------------------------------------------------------------------------


def edit(
    session: Session,
    id: str,
    changes: Mapping[str, Any],
    by: By,
    at: datetime,
    *,
    categories: Sequence[str],
    expected: int | None = None,
) -> Resource:
    """Put staff's own words over a resource (field -> value as JSON, None for not known) and return it.

    A value that is the source's own ends the edit of that field. `expected`: the version that was on the screen.
    Raise FieldsRefusedError, or DirectoryMovedError if somebody was faster.
    """
    row = _row(session, id, expected)
    if unknown := set(changes) - _FIELDS:
        raise FieldsRefusedError({name: Fault("{name} は直せない項目です", name=name) for name in sorted(unknown)})
    before, wanted = state(row), {**row.edits, **changes}
    resource = _checked({**row.body, **wanted}, categories)
    plain = to_json(resource)
    wanted = {name: value for name, value in wanted.items() if plain.get(name) != row.body.get(name)}
    touched = changed_fields({**row.body, **row.edits}, {**row.body, **wanted})
    if touched:
        row.edits = wanted
        _show(row, resource)
        changed_by(session, row, "edit", touched, before, by.id, by.name, at)
        bump(session, catalogue.NAME)
    return resource


def create(session: Session, values: Mapping[str, Any], by: By, at: datetime, *, categories: Sequence[str]) -> Resource:
    """Enter a place that no source lists and return it. Raise FieldsRefusedError."""
    resource = _checked({**values, "id": f"own-{uuid.uuid4().hex[:16]}"}, categories)
    row = ResourceRow(
        id=resource.id, source=OWN, body=to_json(resource), edits={}, version=0, changed_at=at, added_at=at, name=""
    )
    _show(row, resource)
    session.add(row)
    changed_by(session, row, "create", [], {}, by.id, by.name, at)
    session.flush()
    bump(session, catalogue.NAME)
    return resource


def verify(session: Session, id: str, by: By, at: datetime) -> None:
    """Write down that somebody made sure of a resource (rang there: still right)."""
    row = _row(session, id)
    before = state(row)
    row.verified_at, row.verified_by = at, by.name
    changed_by(session, row, "verify", [], before, by.id, by.name, at)
    bump(session, catalogue.NAME)


def merge(session: Session, kept: str, other: str, by: By, at: datetime) -> None:
    """Make two rows of one place one: `other` is no longer shown; what only it knew goes into `kept` as edits.

    Raise RefusedError when both are the same, one is merged already, or one is shown nowhere (CARE C23).
    """
    one, two = _row(session, kept), _row(session, other)
    if one.id == two.id or one.merged_into or two.merged_into:
        raise RefusedError("この2つは、もうまとめてあります。")
    if catalogue.is_hidden(one) or catalogue.is_hidden(two):
        raise RefusedError("一時保護所、母子生活支援施設、シェルターは、ほかの場所とまとめられません。")
    before_one, before_two = state(one), state(two)
    ours = {**one.body, **one.edits}
    missing = {
        name: value
        for name, value in {**two.body, **two.edits}.items()
        if name in _FIELDS and name not in ours and name not in ("name", "category")
    }
    one.edits = {**one.edits, **missing}
    changed_by(session, one, "merge", sorted(missing), before_one, by.id, by.name, at)
    session.flush()  # the survivor's half is written first: `undo` finds the two halves by that
    two.merged_into = one.id
    changed_by(session, two, "merge", [], before_two, by.id, by.name, at)
    bump(session, catalogue.NAME)


def restore(session: Session, id: str, by: By, at: datetime) -> None:
    """Keep a place that its source no longer lists: it is staff's own then. Raise RefusedError for any other."""
    row = _row(session, id)
    if row.gone_at is None:
        raise RefusedError("この場所は、いまものっています。")
    before = state(row)
    row.gone_at, row.source = None, OWN
    changed_by(session, row, "restore", [], before, by.id, by.name, at)
    bump(session, catalogue.NAME)


def undo(session: Session, change_id: int, by: By, at: datetime, *, of: str = "") -> None:
    """Take back a change: a merge at any time, else the newest of a resource. Raise RefusedError for any other.

    `of`: the resource on whose page it stood, if it stood on one.
    What a source said since an import cannot be taken back: the next import would say it again.
    """
    change = session.get(ResourceChange, change_id) if 0 < change_id <= LAST_NUMBER else None
    if (
        change is None
        or (of and change.resource_id != of)
        or change.id not in undoable(history(session, change.resource_id))
    ):
        raise RefusedError("この変更は、もどせません。あとから別の変更があるときは、新しいものから順にもどします。")
    halves = _halves(session, change) if change.action == "merge" else [change]
    for one in halves:
        row = _row(session, one.resource_id)
        before = state(row)
        _take_back(row, one, at)
        _show(row, from_json({**row.body, **row.edits}))
        taken = changed_by(session, row, "undo", one.fields, before, by.id, by.name, at)
        session.flush()
        one.undone_by = taken.id
    bump(session, catalogue.NAME)


def undoable(changes: Sequence[ResourceChange]) -> frozenset[int]:
    """Return which of a resource's changes (the newest first) can be taken back now."""
    living = [change for change in changes if change.undone_by is None and change.action != "undo"]
    merges = {change.id for change in living if change.action == "merge"}
    newest = {change.id for change in living[:1] if change.action in ("edit", "verify", "restore")}
    return frozenset(merges | newest)


def _halves(session: Session, change: ResourceChange) -> list[ResourceChange]:
    """Return both halves of a merge: what the survivor received, and that the other is no longer shown."""
    found = select(ResourceChange).where(ResourceChange.action == "merge", ResourceChange.at == change.at)
    every = list(session.scalars(found.order_by(ResourceChange.id)))
    here = every.index(change)
    if survivor := change.after["merged_into"]:
        return [*[one for one in every[:here] if one.resource_id == survivor][-1:], change]
    return [change, *[one for one in every[here:] if one.after["merged_into"] == change.resource_id][:1]]


def _take_back(row: ResourceRow, change: ResourceChange, at: datetime) -> None:
    """Bring a row back to before a change, in what that change touched."""
    old, new = change.before, change.after
    for name in change.fields:
        if change.action == "merge" and row.edits.get(name) != new["edits"].get(name):
            continue  # somebody has written something else since
        kept = {field: value for field, value in row.edits.items() if field != name}
        row.edits = {**kept, name: old["edits"][name]} if name in old["edits"] else kept
    if change.action == "merge":
        row.merged_into = None
    elif change.action == "verify":
        row.verified_at = datetime.fromisoformat(old["verified_at"]) if old["verified_at"] else None
        row.verified_by = old["verified_by"]
    elif change.action == "restore":
        row.gone_at = at


# --- living notes ---------------------------------------------------------------------------------------------------


def note(
    session: Session, id: str, text: str, author_id: uuid.UUID, by: By, at: datetime, *, consent: str, public: bool
) -> LivingNote:
    """Write down what somebody knows of a place. Raise FieldsRefusedError; public words need somebody's consent."""
    row = _row(session, id)
    reasons: dict[str, str] = {}
    if not text.strip() or len(text) > LONGEST:
        reasons["text"] = Fault("ことばを書いてください") if not text.strip() else Fault("長すぎます")
    if public and not consent.strip():
        reasons["consent"] = Fault("だれが、のせてよいと言ったかを書いてください")
    if is_hidden_place(text):
        reasons["text"] = Fault("のせてはいけない場所のことが書いてあります")
    if reasons:
        raise FieldsRefusedError(reasons)
    found = LivingNote(
        id=uuid.uuid4(), resource_id=row.id, text=text.strip(), author_id=author_id, author_name=by.name,
        written_at=at, consent=consent.strip(), public=public,
    )  # fmt: skip
    session.add(found)
    return found


def remove_note(session: Session, id: str, note_id: uuid.UUID, by: By, at: datetime) -> None:
    """Take a living note off a place's page; who did it stands in the audit. Raise RefusedError for no note of it."""
    found = next((note for note in notes(session, id) if note.id == note_id), None)
    if found is None:
        raise RefusedError("このメモは、もうここにありません。")
    found.removed_at = at
    append_audit(session, by.id, "directory.note_removed", at, detail={"note": str(note_id)})


def notes(session: Session, id: str, *, public_only: bool = False) -> list[LivingNote]:
    """Return the living notes of a place and of those merged into it, the newest first."""
    merged = select(ResourceRow.id).where(or_(ResourceRow.id == id, ResourceRow.merged_into == id))
    found = select(LivingNote).where(LivingNote.resource_id.in_(merged), LivingNote.removed_at.is_(None))
    if public_only:
        found = found.where(LivingNote.public.is_(True))
    return list(session.scalars(found.order_by(LivingNote.written_at.desc())))


# --- what is to be done ---------------------------------------------------------------------------------------------


def history(session: Session, id: str) -> list[ResourceChange]:
    """Return the changes of a resource, the newest first."""
    found = select(ResourceChange).where(ResourceChange.resource_id == id).order_by(ResourceChange.id.desc())
    return list(session.scalars(found))


def stale(session: Session, now: datetime, limit: int = WEEKLY) -> list[ResourceRow]:
    """Return the places that nobody has made sure of for half a year: never first (by name), then the longest ago."""
    order = (ResourceRow.verified_at.is_not(None), ResourceRow.verified_at, ResourceRow.name, ResourceRow.id)
    return list(session.scalars(select(ResourceRow).where(*_due(now)).order_by(*order).limit(limit)))


def count_stale(session: Session, now: datetime) -> int:
    """Return how many places nobody has made sure of for half a year."""
    return session.scalar(select(func.count()).select_from(ResourceRow).where(*_due(now))) or 0


def _due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        ResourceRow.gone_at.is_(None),
        ResourceRow.merged_into.is_(None),
        ResourceRow.category != "event",
        or_(ResourceRow.verified_at.is_(None), ResourceRow.verified_at < now - STALE_AFTER),
    )


def gone(session: Session) -> list[ResourceRow]:
    """Return the places that their sources no longer list and nobody has decided about, the newest first."""
    absent = select(ResourceRow).where(ResourceRow.gone_at.is_not(None), ResourceRow.merged_into.is_(None))
    return list(session.scalars(absent.order_by(ResourceRow.gone_at.desc(), ResourceRow.id)))


# --- steps ----------------------------------------------------------------------------------------------------------


def _row(session: Session, id: str, expected: int | None = None) -> ResourceRow:
    row = catalogue.row_of(session, id, lock=True)
    if row is None:
        raise RefusedError("この場所は見つかりません。")
    if expected is not None and row.version != expected:
        raise DirectoryMovedError("ほかの人が先に直しました。ページを開きなおして、もう一度直してください。")
    return row


def _show(row: ResourceRow, resource: Resource) -> None:
    """Bring the columns that lists filter by in line with what is shown."""
    row.name, row.category, row.municipality = resource.name, resource.category, resource.location.municipality


def _checked(body: Mapping[str, Any], categories: Sequence[str]) -> Resource:
    """Return the resource that a body describes. Raise FieldsRefusedError with every reason."""
    try:
        resource: Resource = from_json(body)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise FieldsRefusedError({"": Fault("読めない値があります（{error}）", error=error)}) from error
    reasons = problems(resource, categories)
    if reasons:
        raise FieldsRefusedError(reasons)
    return resource


def problems(resource: Resource, categories: Sequence[str]) -> dict[str, str]:
    """Return what is wrong with a resource, by field, in words for the person who typed it."""
    found: dict[str, str] = {}
    place, low, high = resource.location, resource.minimum_age, resource.maximum_age
    if not resource.name.strip():
        found["name"] = Fault("名前を書いてください")
    if resource.category not in categories:
        found["category"] = Fault("種類をえらんでください")
    if not (place.address or place.name or place.latitude is not None or resource.phones or resource.url):
        found["location"] = Fault("住所、電話、ホームページのどれかを書いてください")
    if any(not PHONE.fullmatch(phone.number) for phone in resource.phones):
        found["phones"] = Fault("電話番号は、数字と - で書いてください")
    if resource.url and not _is_web_address(resource.url):
        found["url"] = Fault("ホームページは http:// か https:// ではじめてください")
    if (low is not None and low < 0) or (high is not None and low is not None and high < low):
        found["minimum_age"] = Fault("年齢の下限が上限より上です")
    if (place.latitude is None) != (place.longitude is None) or (
        place.latitude is not None
        and place.longitude is not None
        and not (JAPAN[0] <= place.latitude <= JAPAN[1] and JAPAN[2] <= place.longitude <= JAPAN[3])
    ):
        found["latitude"] = Fault("緯度と経度を、日本の中の数で書いてください")
    if any(cost.amount is not None and cost.amount < 0 for cost in resource.cost):
        found["cost"] = Fault("料金は0円以上で書いてください")
    words = _words(to_json(resource))
    if is_hidden_place(*words):
        found["name"] = Fault("一時保護所、母子生活支援施設、シェルターは、のせられません")
    if any(is_formula(word) for word in words):
        found[""] = Fault("= や @ ではじまる式は書けません")
    if any(len(word) > LONGEST for word in words):
        found["description"] = Fault("長すぎる項目があります（{most}字まで）", most=LONGEST)
    return found


def _is_web_address(words: str) -> bool:
    """Return whether words are one http or https address: nothing in it that a feed's line would end at."""
    try:
        parts = urlsplit(words)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and words.isprintable() and " " not in words
    except ValueError:
        return False


def _words(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [word for one in value.values() for word in _words(one)]
    return [word for one in value for word in _words(one)] if isinstance(value, list | tuple) else []
