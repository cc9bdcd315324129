"""What a family chose to tell of itself, so that places and answers fit: birth months, a due month, an area.

The rule: all of it is optional and forgettable, and its content is shown to the person who holds the talk alone. LINE
and the room name only kinds, and those so coarse that nobody who looks over a shoulder learns of a pregnancy.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Self

from bot.messages import Month, Phrase, _

MOST_CHILDREN: Final = 6
OLDEST: Final = 18 * 12 + 11  # months: families until 18 are served (guideline 3)
FURTHEST: Final = 10  # months ahead that a due month may lie

#: Kind -> how it is named; born and due months are one kind, so that its name tells nobody of a pregnancy.
KINDS: Final[Mapping[str, Phrase]] = {"months": _("生まれた月・予定の月"), "area": _("住んでいる地区")}

_MONTH = re.compile(r"(\d{4})[-/.年]\s*(\d{1,2})月?")


@dataclass(frozen=True, slots=True)
class Profile:
    """Hold what was told; `children` are birth months, the oldest first; empty means not told."""

    children: tuple[Month, ...] = ()
    due: Month | None = None
    area: str = ""

    @classmethod
    def of(cls, memory: Mapping[str, Any]) -> Self:
        """Return the profile that a resident's memory holds."""
        kept = memory.get("profile", {})
        return cls(
            tuple(Month(*month) for month in kept.get("children", ())),
            Month(*kept["due"]) if "due" in kept else None,
            kept.get("area", ""),
        )

    def within(self, memory: Mapping[str, Any]) -> dict[str, Any]:
        """Return the memory with this profile in place of its own; an empty one leaves nothing."""
        kept: dict[str, Any] = {}
        if self.children:
            kept["children"] = [[month.year, month.month] for month in self.children]
        if self.due is not None:
            kept["due"] = [self.due.year, self.due.month]
        if self.area:
            kept["area"] = self.area
        rest = {key: value for key, value in memory.items() if key != "profile"}
        return {**rest, "profile": kept} if kept else rest

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the kinds that are kept, as ids of KINDS."""
        months = ("months",) if self.children or self.due else ()
        return (*months, *(("area",) if self.area else ()))

    def ages(self, today: date) -> tuple[int, ...]:
        """Return the children's ages in whole months, counted by calendar months."""
        return tuple(_between(month, today) for month in self.children)


def month_of(typed: str) -> Month | None:
    """Return the month that was typed as 2024-03, 2024/3 or 2024年3月; None when it is none."""
    found = _MONTH.fullmatch(unicodedata.normalize("NFKC", typed).strip())
    if found is None or not 1 <= int(found[2]) <= 12:
        return None
    return Month(int(found[1]), int(found[2]))


def may_be_born(month: Month, today: date) -> bool:
    """Return whether somebody born then is a child today."""
    return 0 <= _between(month, today) <= OLDEST


def may_be_due(month: Month, today: date) -> bool:
    """Return whether a birth may be expected then; a month late is still expected."""
    return -1 <= -_between(month, today) <= FURTHEST


def in_order(children: Iterable[Month]) -> tuple[Month, ...]:
    """Return birth months, the oldest first."""
    return tuple(sorted(children, key=lambda month: (month.year, month.month)))


def _between(month: Month, today: date) -> int:
    return (today.year - month.year) * 12 + today.month - month.month
