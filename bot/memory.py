"""What is remembered of one resident between two messages, and the language in which the desk writes to her.

The rule: whoever writes it has read it in the same transaction, locked, and raises its version; the worker decides a
turn again when the version moved (DESIGN 4.4).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy.orm import Session

from bot.errors import KeyGoneError
from bot.i18n import choose
from bot.models import Memory, Resident
from bot.profile import Profile
from bot.situation import City
from bot.store import run
from bot.vault import resident_owner, seal, unseal

MEMORY: Final = cast(Table, Memory.__table__)
RESIDENT: Final = cast(Table, Resident.__table__)


def load(session: Session, resident_id: uuid.UUID) -> tuple[dict[str, Any], int]:
    """Return the memory and its version, locked until this commit; ({}, 0) for nobody's. Raises KeyGoneError."""
    return opened(session, resident_id, run(session, _LOCKED, {"b_resident": resident_id}).one_or_none())


def look(session: Session, resident_id: uuid.UUID) -> dict[str, Any]:
    """Return the memory as it is now, to read only; {} also when it was destroyed."""
    try:
        return opened(session, resident_id, run(session, _NOW, {"b_resident": resident_id}).one_or_none())[0]
    except KeyGoneError:
        return {}


def opened(session: Session, resident_id: uuid.UUID, row: Any) -> tuple[dict[str, Any], int]:
    """Return memory and version of a row that was read already, or of None."""
    if row is None:
        return {}, 0
    body = unseal(session, resident_owner(resident_id), "memory", "body", resident_id, row.body_sealed)
    return json.loads(body), row.version


def keep(session: Session, resident_id: uuid.UUID, memory: Mapping[str, Any], version: int) -> None:
    """Keep a new memory over the one that was read at `version` (0 = there was none)."""
    body = json.dumps(memory, ensure_ascii=False)
    sealed = seal(session, resident_owner(resident_id), "memory", "body", resident_id, body)
    if version:
        run(session, _AGAIN, {"b_resident": resident_id, "b_version": version + 1, "b_body": sealed})
    else:
        run(session, _FIRST, {"resident_id": resident_id, "version": 1, "body_sealed": sealed})


def change_profile(session: Session, resident_id: uuid.UUID, change: Callable[[Profile], Profile]) -> Profile:
    """Change what a family told of itself, and return it; a turn that is being decided is decided again."""
    remembered, version = load(session, resident_id)
    changed = change(Profile.of(remembered))
    if changed != Profile.of(remembered):
        keep(session, resident_id, changed.within(remembered), version)
    return changed


def language(session: Session, resident_id: uuid.UUID, city: City) -> str:
    """Return the language to write in unasked: the chosen one, else that of the talk, else that of her phone."""
    row = run(session, _LANGUAGES, {"b_resident": resident_id}).one()
    talked = str(look(session, resident_id).get("language", ""))
    return choose(city.languages, row.language, talked, row.language_hint)


_NOW: Final = select(MEMORY).where(MEMORY.c.resident_id == bindparam("b_resident"))
_LOCKED: Final = _NOW.with_for_update()
_FIRST: Final = insert(MEMORY)
_AGAIN: Final = (
    update(MEMORY)
    .where(MEMORY.c.resident_id == bindparam("b_resident"))
    .values(version=bindparam("b_version"), body_sealed=bindparam("b_body"))
)
_LANGUAGES: Final = select(RESIDENT.c.language, RESIDENT.c.language_hint).where(
    RESIDENT.c.id == bindparam("b_resident")
)
