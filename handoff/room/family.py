"""The family profile on the resident's private page: what its form offers, and what is kept of what was typed.

The rule: what was told before is never shown there again, in kinds only: whoever holds a link could read it (CARE C20).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from bot import cases, memory
from bot.messages import Month, clean
from bot.models import Resident
from bot.profile import FURTHEST, MOST_CHILDREN, OLDEST, Profile, in_order, may_be_born, may_be_due, month_of
from bot.store import append_event
from handoff.room import words as say


@dataclass(frozen=True, slots=True)
class Told:
    """Hold what was typed now; empty is not told."""

    children: tuple[Month, ...] = ()
    due: Month | None = None
    area: str = ""

    def over(self, before: Profile) -> Profile:
        """Return the profile with what was told in place of what was; months are one kind and told together."""
        months = self if self.children or self.due else before
        return Profile(months.children, months.due, self.area or before.area)


def fields(areas: frozenset[str], today: date) -> dict[str, Any]:
    """Return what the form offers: how many children, the bounds of months as 2024-03, the areas."""
    return {
        "children": MOST_CHILDREN,
        "oldest": _shifted(today, -OLDEST),
        "newest": _shifted(today, 0),
        "furthest": _shifted(today, FURTHEST),
        "areas": sorted(areas),
    }


def read(form: Mapping[str, str], areas: frozenset[str], today: date) -> Told | str:
    """Return what the form tells, or the id of the note that says what is wrong with it."""
    born = [typed for number in range(1, MOST_CHILDREN + 1) if (typed := form.get(f"born{number}", "").strip())]
    children = [month_of(typed) for typed in born]
    if not all(month is not None and may_be_born(month, today) for month in children):
        return say.NO_MONTH
    typed = form.get("due", "").strip()
    due = month_of(typed) if typed else None
    if typed and (due is None or not may_be_due(due, today)):
        return say.NO_MONTH
    area = clean(form.get("area", ""))
    if area and area not in areas:  # so that no whole address is kept either
        return say.NO_AREA
    return Told(in_order(month for month in children if month), due, area)


def keep(session: Session, resident_id: uuid.UUID, told: Told, language: str, at: datetime) -> None:
    """Keep what was told, and the language chosen, if one was."""
    memory.change_profile(session, resident_id, told.over)
    if language:
        session.execute(update(Resident).where(Resident.id == resident_id).values(language=language))
    _changed(session, resident_id, at)


def forget(session: Session, resident_id: uuid.UUID, at: datetime) -> None:
    """Forget all of it; the language of the talk stays."""
    memory.change_profile(session, resident_id, lambda _before: Profile())
    _changed(session, resident_id, at)


def _changed(session: Session, resident_id: uuid.UUID, at: datetime) -> None:
    case = cases.open_case(session, resident_id)
    append_event(session, "profile.changed", at, case_id=case.id if case else None, resident_id=resident_id)


def _shifted(day: date, months: int) -> str:
    count = day.year * 12 + day.month - 1 + months
    return f"{count // 12:04}-{count % 12 + 1:02}"
