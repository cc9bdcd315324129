"""Stores and loads the directory's resources.

The rule: an import updates by stable identity and nothing disappears silently: what its source no longer lists is
marked gone, kept, and told; what staff wrote over it stays (`edits`); the directory in memory is built anew when its
version moves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.dialog import UnmetNeed
from bot.directory.resources import Resource, from_json, is_hidden_place, to_json
from bot.directory.search import Directory
from bot.errors import RefusedError
from bot.models import QuestionRow, ResourceChange, ResourceRow, UnmetNeedRow
from bot.opening import TOKYO
from bot.store import bump
from bot.understanding.words import reading

NAME = "directory"  # what processes watch
OWN: Final = "staff"  # the source of places that staff entered themselves; no file has its name
_NOT_NEWS = frozenset(("source",))  # a row that only moved within its file has not changed


@dataclass(frozen=True, slots=True)
class Stored:
    """Hold what one import did: how many were new, changed, the same, and absent from this edition of the source.

    `kept`: of the changed, how many have a changed field over which staff wrote; their words stay.
    """

    new: int = 0
    changed: int = 0
    same: int = 0
    gone: int = 0
    kept: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """Hold what an import would do to one resource: new, changed (`fields`; `kept` are those staff wrote), or gone.

    `before`, `after`: what the source said and says, as JSON; empty where there is nothing.
    """

    id: str
    name: str
    what: str
    fields: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    before: Mapping[str, Any] = field(default_factory=dict, compare=False)
    after: Mapping[str, Any] = field(default_factory=dict, compare=False)


def preview(session: Session, source: str, resources: Sequence[Resource]) -> list[Difference]:
    """Return what storing an edition would change, in the order new, changed, gone; nothing is written."""
    rows = {row.id: row for row in session.scalars(select(ResourceRow).where(ResourceRow.source == source))}
    found = []
    for resource in resources:
        body = to_json(resource)
        row = rows.pop(resource.id, None) or session.get(ResourceRow, resource.id)
        if row is None:
            found.append(Difference(resource.id, resource.name, "new", after=body))
        elif fields := changed_fields(row.body, body) or (("",) if row.gone_at else ()):
            named = tuple(filter(None, fields))
            kept = _written_over(row, named)
            found.append(Difference(resource.id, resource.name, "changed", named, kept, row.body, body))
    found += [Difference(row.id, row.name, "gone", before=row.body) for row in rows.values() if row.gone_at is None]
    return sorted(found, key=lambda difference: ("new", "changed", "gone").index(difference.what))


def keep(session: Session, source: str, resources: Sequence[Resource], at: datetime, by_name: str = "") -> Stored:
    """Store one edition of a source (a file's name or `sample_city`); its identities are the resources' ids.

    `by_name`: the work name of who did it in the console, for the history. Raise RefusedError for a file that is
    called as what staff entered themselves: all of that would be gone.
    """
    check_source(source)
    rows = {row.id: row for row in session.scalars(select(ResourceRow).where(ResourceRow.source == source))}
    new = changed = same = kept = 0
    for resource in resources:
        body = to_json(resource)
        row = rows.pop(resource.id, None) or session.get(ResourceRow, resource.id)
        if row is None:
            new += 1
            session.add(
                ResourceRow(id=resource.id, changed_at=at, added_at=at, edits={}, **_columns(source, resource, body))
            )
            continue
        if row.body == body and row.gone_at is None and row.source == source:
            same += 1
            continue
        changed += 1
        fields = changed_fields(row.body, body)
        kept += bool(_written_over(row, fields))
        before = state(row)
        for name, value in _columns(source, resource, body).items():
            setattr(row, name, value)
        row.edits = {name: value for name, value in row.edits.items() if body.get(name) != value}
        row.gone_at = None
        if fields or before["gone"]:
            changed_by(session, row, "import", fields, before, f"import:{source}", by_name, at)
    return finished(session, NAME, rows.values(), Stored(new, changed, same, kept=kept), at)


def check_source(source: str) -> None:
    """Raise RefusedError for a source that is called as what staff entered themselves."""
    if source == OWN:
        raise RefusedError(
            "「{name}」は、職員が書いた場所の名前です。ファイルの名前を変えて、もう一度お試しください。", name=OWN
        )


def changed_fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the fields of a resource in which two bodies differ, a mere move within the file apart."""
    return tuple(name for name in sorted({*before, *after} - _NOT_NEWS) if before.get(name) != after.get(name))


def _written_over(row: ResourceRow, fields: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in fields if name in row.edits)


def state(row: ResourceRow) -> dict[str, Any]:
    """Return what undoing brings back: the source's words and staff's, who made sure, where it was merged, if gone."""
    return {
        "body": row.body,
        "edits": dict(row.edits),
        "verified_at": row.verified_at.isoformat() if row.verified_at else None,
        "verified_by": row.verified_by,
        "merged_into": row.merged_into,
        "gone": row.gone_at is not None,
    }


def changed_by(
    session: Session,
    row: ResourceRow,
    action: str,
    fields: Sequence[str],
    before: Mapping[str, Any],
    actor: str,
    actor_name: str,
    at: datetime,
) -> ResourceChange:
    """Write down a change of a resource that has been made on its row, and raise the row's version."""
    row.version += 1
    row.changed_at = at
    change = ResourceChange(
        resource_id=row.id, at=at, actor=actor[:120], actor_name=actor_name, action=action, fields=list(fields),
        before=dict(before), after=state(row),
    )  # fmt: skip
    session.add(change)
    return change


def finished(
    session: Session, name: str, absent: Iterable[ResourceRow | QuestionRow], stored: Stored, at: datetime
) -> Stored:
    """Mark the rows that an edition no longer lists as gone, tell who watches `name`, and return the whole count."""
    gone = [row for row in absent if row.gone_at is None]
    for row in gone:
        row.gone_at = row.changed_at = at
    session.flush()
    if stored.new or stored.changed or gone:
        bump(session, name)
    return replace(stored, gone=len(gone))


def _columns(source: str, resource: Resource, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "source": source,
        "category": resource.category,
        "municipality": resource.location.municipality,
        "name": resource.name,
        "body": body,
    }


def resource_of(row: ResourceRow) -> Resource:
    """Return a stored resource as families see it: staff's words over the source's, the newer date of making sure."""
    resource: Resource = from_json({**row.body, **row.edits})
    if row.verified_at is None:
        return resource
    day = row.verified_at.astimezone(TOKYO).date()
    if resource.verified_on is not None and resource.verified_on > day:
        return resource
    return replace(resource, verified_on=day, verified_by=row.verified_by)


def row_of(session: Session, id: str, *, lock: bool = False) -> ResourceRow | None:
    """Return a resource's row, None when there is none: PostgreSQL cannot even be asked for an id with NUL in it."""
    return session.get(ResourceRow, id, with_for_update=lock or None) if "\0" not in id else None


def survivor(session: Session, id: str) -> tuple[bool, str]:
    """Return whether a resource was ever listed, and the id of what it was merged into in the end ("" if not)."""
    row = row_of(session, id)
    seen = {id}
    while row is not None and row.merged_into is not None and row.merged_into not in seen:
        seen.add(row.merged_into)
        row = session.get(ResourceRow, row.merged_into)
    return len(seen) > 1 or row is not None, row.id if row is not None and row.id != id else ""


def count_unmet(session: Session, need: UnmetNeed, language: str, at: datetime) -> None:
    """Count a need that the directory could not meet: when (to the hour), where, for which age; no words, no person."""
    session.add(
        UnmetNeedRow(
            at=at.replace(minute=0, second=0, microsecond=0), topic=need.topic, area=need.area, age_band=need.age_band,
            language=language, lacking=",".join(need.lacking),
        )
    )  # fmt: skip


def load(session: Session, topics_of_category: Mapping[str, Sequence[str]]) -> Directory:
    """Build the directory of all resources that are listed still and were not merged into another.

    A place whose address protects lives is left out even if it was stored before its kind was known (CARE C23).
    """
    return Directory(_listed(session), topics_of_category, reading)


def _listed(session: Session) -> Iterator[Resource]:
    listed = select(ResourceRow).where(ResourceRow.gone_at.is_(None), ResourceRow.merged_into.is_(None))
    for row in session.scalars(listed):
        if not is_hidden(row):
            yield resource_of(row)


def is_hidden(row: ResourceRow) -> bool:
    """Return whether a stored place is one whose address protects lives (CARE C23)."""
    return is_hidden_place(json.dumps([row.body, row.edits], ensure_ascii=False))
