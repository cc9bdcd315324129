"""Stores and loads the directory's resources.

The rule: an import updates by stable identity and nothing disappears silently: what its source no longer lists is
marked gone, kept, and told; the directory in memory is built anew when its version moves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.directory.resources import Resource, from_json, to_json
from bot.directory.search import Directory
from bot.models import QuestionRow, ResourceRow
from bot.store import bump

NAME = "directory"  # what processes watch


@dataclass(frozen=True, slots=True)
class Stored:
    """Hold what one import did: how many were new, changed, the same, and absent from this edition of the source."""

    new: int = 0
    changed: int = 0
    same: int = 0
    gone: int = 0


def keep(session: Session, source: str, resources: Sequence[Resource], at: datetime) -> Stored:
    """Store one edition of a source (a file's name or `sample_city`); its identities are the resources' ids."""
    rows = {row.id: row for row in session.scalars(select(ResourceRow).where(ResourceRow.source == source))}
    new = changed = same = 0
    for resource in resources:
        body = to_json(resource)
        row = rows.pop(resource.id, None) or session.get(ResourceRow, resource.id)
        if row is None:
            new += 1
            session.add(ResourceRow(id=resource.id, changed_at=at, **_columns(source, resource, body)))
        elif row.body == body and row.gone_at is None and row.source == source:
            same += 1
        else:
            changed += 1
            for name, value in _columns(source, resource, body).items():
                setattr(row, name, value)
            row.changed_at, row.gone_at = at, None
    return finished(session, NAME, rows.values(), Stored(new, changed, same), at)


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


def load(session: Session, topics_of_category: Mapping[str, Sequence[str]]) -> Directory:
    """Build the directory of all resources that their sources still list."""
    bodies = session.scalars(select(ResourceRow.body).where(ResourceRow.gone_at.is_(None)))
    return Directory((from_json(body) for body in bodies), topics_of_category)
