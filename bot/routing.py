"""Says which desk sees a case first, and why.

The rule: a step narrows the choice only where somebody is left, and only a step that narrowed is named as the reason. A
route orders the work, it hides nothing: every desk sees the whole queue, and what waits too long is everybody's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from bot.messages import Severity
from bot.situation import City, Desk

#: Why a case lies at its desk: there is one; who opens first; what was heard; where the family lives; the language;
#: the order of the settings; or a person put it there.
Why = Literal["only", "soonest", "kind", "area", "language", "order", "person"]


@dataclass(frozen=True, slots=True)
class Need:
    """Hold what of a case decides where it goes; empty means not known."""

    severity: Severity
    kinds: tuple[str, ...] = ()
    language: str = ""
    area: str = ""  # as the family told it


@dataclass(frozen=True, slots=True)
class Route:
    """Hold the id of a desk, "" where a city has none, and the reasons in the order in which they counted."""

    desk_id: str = ""
    why: tuple[Why, ...] = ()


def route(city: City, need: Need, now: datetime) -> Route:
    """Return the desk that sees a case first.

    For emergency and urgent it counts first who is there soonest; else what a desk takes, the
    family's area, the languages, and then who is there soonest. A tie is decided by the order of the settings.
    """
    left = list(city.desks)
    if len(left) < 2:
        return Route(left[0].id, ("only",)) if left else Route()
    why: list[Why] = []
    grave = need.severity.rank >= Severity.URGENT.rank
    for step in ("soonest", *_FITTING) if grave else (*_FITTING, "soonest"):
        narrowed = _STEPS[step](left, need, now)
        if narrowed and len(narrowed) < len(left):
            left = narrowed
            why.append(step)
    return Route(left[0].id, tuple(why) or ("order",))


def _soonest(desks: list[Desk], _need: Need, now: datetime) -> list[Desk]:
    opens = [(moment, desk) for desk in desks if (moment := desk.opening.next_open(now)) is not None]
    first = min((moment for moment, _desk in opens), default=None)
    return [desk for moment, desk in opens if moment == first]


def _in_area(desks: list[Desk], need: Need, _now: datetime) -> list[Desk]:
    """Return the desks that name the family's very area; those that name none of it never stand for it."""
    if not need.area:
        return []
    return [desk for desk in desks if any(part == need.area or need.area in part for part in desk.area)]


def _for_kinds(desks: list[Desk], need: Need, _now: datetime) -> list[Desk]:
    """Return the desks that are there for what was heard; without such a word, those that are there for anything."""
    meant = [desk for desk in desks if not {*desk.takes}.isdisjoint(need.kinds)]
    return meant or [desk for desk in desks if not desk.takes]


def _in_language(desks: list[Desk], need: Need, _now: datetime) -> list[Desk]:
    return [desk for desk in desks if need.language in desk.languages]


_FITTING: Final[tuple[Why, ...]] = ("kind", "area", "language")
_STEPS: Final[dict[Why, Callable[[list[Desk], Need, datetime], list[Desk]]]] = {
    "soonest": _soonest,
    "kind": _for_kinds,
    "area": _in_area,
    "language": _in_language,
}
