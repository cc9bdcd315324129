"""Knows in which municipality and 町名 each place lies, and which of them people mean by what they type.

The rule: a row is a place in the order of its kana, as in `columns`. A 町名 is told apart by its municipality.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bot.directory.areas import fold_area
from bot.directory.columns import Grid, Rows
from bot.directory.resources import Location

ENDINGS = ("市", "町", "村", "区", "し", "ちょう", "まち", "むら", "く")
_KANA_ONLY = re.compile(r"[ぁ-んー]+")


@dataclass(frozen=True, slots=True, eq=False)
class Area:
    """Hold one municipality or one 町名 of it: its places, the municipality's name, and where its middle is."""

    name: str
    municipality: str
    town: bool
    members: Rows
    middle: tuple[float, float] | None


class Towns:
    """Hold the areas of places by all their names."""

    def __init__(self, locations: Sequence[Location], grid: Grid) -> None:
        self._aliases: dict[str, set[str]] = defaultdict(set)
        named: dict[str, tuple[str, str, bool]] = {}
        members: dict[str, list[int]] = defaultdict(list)
        for row, where in enumerate(locations):
            for key, name, town in self._areas_of(where):
                named.setdefault(key, (name, where.municipality, town))
                members[key].append(row)
        self._areas: dict[str, Area] = {}
        for key, (name, municipality, town) in named.items():
            rows = np.asarray(members[key], np.int32)
            self._areas[key] = Area(name, municipality, town, rows, grid.middle(rows))

    def _areas_of(self, where: Location) -> Iterable[tuple[str, str, bool]]:
        """Yield key, name, and whether it is a 町名, of the areas of a place; note what each is also called."""
        for name, town, aliases in (
            (where.municipality, False, (where.municipality,)),
            (where.municipality + where.town, True, (where.town, where.town_kana, where.municipality + where.town)),
        ):
            if (where.town if town else where.municipality) and (key := fold_area(name)):
                for alias in filter(None, aliases):
                    self._aliases[fold_area(alias)].add(key)
                yield key, name, town

    def meant(self, text: str) -> list[Area]:
        """Return the areas meant by `text`: its name, its name without 市町村区, names it begins, or a name inside.

        A reading in kana counts only as the whole text: わたしばかり is not 渡し場 (わたしば).
        """
        asked = fold_area(text)
        if not asked:
            return []
        keys = self._aliases.get(asked) or {k for end in ENDINGS for k in self._aliases.get(asked + end, ())}
        if not keys and len(asked) > 1:
            keys = {k for name, found in self._written() if name.startswith(asked) for k in found}
            if any(not self._areas[k].town for k in keys):  # 横浜市: its wards hold all of their towns
                keys = {k for k in keys if not self._areas[k].town}
        if not keys:
            inside = [name for name, _ in self._written() if len(name) > 1 and name in asked]
            longest = max(map(len, inside), default=0)
            keys = {key for name in inside if len(name) == longest for key in self._aliases[name]}
        return sorted((self._areas[k] for k in keys), key=lambda a: a.name)

    def _written(self) -> Iterable[tuple[str, set[str]]]:
        """Return the names of areas that are not in kana only, with their keys."""
        return ((name, found) for name, found in self._aliases.items() if not _KANA_ONLY.fullmatch(name))

    def whole(self, areas: Sequence[Area]) -> list[Area]:
        """Return the municipalities in which the areas lie; a 町名 of no known municipality stays."""
        return list(dict.fromkeys(self._areas.get(fold_area(area.municipality), area) for area in areas))

    def named(self, municipalities: Sequence[str]) -> list[Area]:
        """Return the municipalities of these names in which some place lies."""
        return [area for name in municipalities if (area := self._areas.get(fold_area(name))) and not area.town]
