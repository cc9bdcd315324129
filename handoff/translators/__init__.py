"""The translation services that the desk can ask; each module of this folder is one and is found by being there.

The rule: a module has NEEDS (names of settings without MADOGUCHI_TRANSLATE_, all or none given), MAY (others that it
reads), `problems` of what is given, and `opened`, which returns its Translator. Its name is the service's id.
"""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Final, Protocol, cast

from bot.settings import TRANSLATE
from handoff.translator import Translator


class Adapter(Protocol):
    """Be one module of this folder."""

    NEEDS: tuple[str, ...]
    MAY: tuple[str, ...]

    def problems(self, given: Mapping[str, str]) -> list[str]:
        """Return what is wrong with settings that are all there, one sentence each."""

    def opened(self, given: Mapping[str, str]) -> Translator:
        """Return the service; nothing is asked yet."""


ALL: Final[Mapping[str, Adapter]] = {
    found.name: cast(Adapter, import_module(f"{__name__}.{found.name}")) for found in iter_modules(__path__)
}


def configured(given: Mapping[str, str]) -> dict[str, Translator]:
    """Return the services whose settings are all there and right; the others are not asked (`problems` names them)."""
    return {name: adapter.opened(given) for name, adapter in ALL.items() if _whole(adapter, given)}


def problems(given: Mapping[str, str]) -> list[str]:
    """Return what is half given, wrong or unknown in the settings of translation, one sentence each."""
    known = {name for adapter in ALL.values() for name in (*adapter.NEEDS, *adapter.MAY)}
    found = [f"{TRANSLATE}{name} is no setting of any translator" for name in sorted(set(given) - known)]
    for name, adapter in ALL.items():
        missing = [one for one in adapter.NEEDS if not given.get(one)]
        begun = [one for one in (*adapter.NEEDS, *adapter.MAY) if given.get(one)]
        if begun and missing:
            found += [f"{TRANSLATE}{one} is missing ({name} needs it)" for one in missing]
        elif not missing:
            found += adapter.problems(given)
    return found


def _whole(adapter: Adapter, given: Mapping[str, str]) -> bool:
    return all(given.get(one) for one in adapter.NEEDS) and not adapter.problems(given)
