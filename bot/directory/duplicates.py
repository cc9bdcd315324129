"""Finds places that are probably the same one, listed twice by two sources.

The rule: two signs together make a pair (name, phone, place); a branch that shares only its name, and a house that
holds several services, are none. Nothing is merged here: a person decides.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations
from math import cos, radians
from typing import Literal

from bot.directory.areas import fold
from bot.directory.columns import KM_PER_DEGREE
from bot.directory.resources import Resource

Sign = Literal["name", "phone", "place"]
NEAR_METRES = 80.0  # two lists place one house by its door and by its middle
ALIKE = 0.85  # of two folded names, what difflib calls their ratio
_MOST = 40  # places behind one phone number or name: more are a switchboard, or 中央公園
_ORDINARY = re.compile(
    r"社会福祉法人|学校法人|(?:特定非営利活動|npo)法人|株式会社|有限会社|^.{1,10}?[市町村区]立|公立|私立|認可|認定"
)


@dataclass(frozen=True, slots=True)
class Pair:
    """Hold two places that are probably one, and by which signs."""

    first: Resource
    second: Resource
    signs: tuple[Sign, ...]


def duplicates(places: Iterable[Resource]) -> list[Pair]:
    """Return pairs of probable duplicates, those with most signs first, then by name."""
    found: dict[tuple[str, str], Pair] = {}
    for group in _groups([place for place in places if place.status == "active"]):
        for first, second in combinations(group, 2):
            if first.id == second.id or first.category != second.category:
                continue
            signs = _signs(first, second)
            if len(signs) > 1:
                one, other = sorted((first, second), key=lambda place: place.id)
                found[one.id, other.id] = Pair(one, other, signs)
    return sorted(found.values(), key=lambda pair: (-len(pair.signs), pair.first.name, pair.first.id, pair.second.id))


def _groups(places: list[Resource]) -> Iterator[list[Resource]]:
    """Yield places that share a folded name, a phone number, or a neighbourhood."""
    for key_of in (_names, _phones, _squares):
        groups: dict[str, list[Resource]] = defaultdict(list)
        for place in places:
            for key in key_of(place):
                groups[key].append(place)
        yield from (group for group in groups.values() if 1 < len(group) <= _MOST)


def _plain_name(place: Resource) -> str:
    return fold(_ORDINARY.sub("", fold(place.name)))


def _names(place: Resource) -> set[str]:
    return {_plain_name(place)} - {""}


def _phones(place: Resource) -> set[str]:
    return {digits for phone in place.phones if len(digits := re.sub(r"\D", "", phone.number)) > 8}


def _squares(place: Resource) -> set[str]:
    """Return the square of a thousandth of a degree in which a place lies, and those above and to the right."""
    at = place.location
    if at.latitude is None or at.longitude is None:
        return set()
    y, x = int(at.latitude * 1000), int(at.longitude * 1000)
    return {f"{y + dy} {x + dx}" for dy in (0, 1) for dx in (0, 1)}


def _signs(first: Resource, second: Resource) -> tuple[Sign, ...]:
    signs: list[Sign] = []
    one, other = _plain_name(first), _plain_name(second)
    if one == other or SequenceMatcher(None, one, other).ratio() >= ALIKE:
        signs.append("name")
    if _phones(first) & _phones(second):
        signs.append("phone")
    if _metres(first, second) <= NEAR_METRES or _same_address(first, second):
        signs.append("place")
    if "name" not in signs and first.source.file == second.source.file:
        return ()  # one list knows its own places apart
    return tuple(signs)


def _same_address(first: Resource, second: Resource) -> bool:
    one, other = (fold(re.sub(r"^.{2,3}[都道府県]", "", place.location.address)) for place in (first, second))
    return bool(one) and one == other


def _metres(first: Resource, second: Resource) -> float:
    a, b = first.location, second.location
    if a.latitude is None or a.longitude is None or b.latitude is None or b.longitude is None:
        return float("inf")
    across = (a.longitude - b.longitude) * cos(radians(a.latitude))
    return float(KM_PER_DEGREE * 1000 * ((a.latitude - b.latitude) ** 2 + across**2) ** 0.5)
