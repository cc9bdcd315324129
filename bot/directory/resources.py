"""What the directory holds: services that families can use, where, by whom, when, for whom, at what price.

The rule: names follow HSDS 3 where it has one; a value that is not known is empty (or None) and never guessed.
Ages are months, money is yen, places are WGS 84 degrees.
"""

from __future__ import annotations

import types
import unicodedata
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date, time
from functools import lru_cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from bot.opening import Opening

ATTRIBUTES = {
    "work_needed": "仕事・病気・介護などの理由がいる",
    "certificate_needed": "認定や証明書がいる",
    "refresh_ok": "リフレッシュ目的で使える",
    "same_day": "当日の申込みもできる",
    "registration_first": "先に登録や面談がいる",
    "residents_only": "市内に住む人だけ",
    "neighbours_welcome": "近くの市や町の人も使える",
    "meal": "給食や食事がある",
    "pick_up": "送り迎えがある",
    "overnight": "泊まれる",
    "fathers_welcome": "父親の参加が多い、父親向けの時間がある",
    "foreign_languages": "日本語以外でも話せる",
    "accessible": "車いすやベビーカーで入れる",
    "parking": "駐車場がある",
    "nursing_room": "授乳できる部屋がある",
    "diaper_changing": "おむつを替えられる",
    "online": "オンラインでも使える",
    "anonymous_ok": "名前を言わずに相談できる",
}
"""Conditions and equipment that speak every language: id -> what it means (HSDS attribute)."""

NO_BOOKING = "no_booking"
"""A condition that is no attribute of its own: `booking_required` is known to be false."""

UNKNOWN_HOURS = Opening()

Provision = Literal["facility", "visit", "outreach"]
Status = Literal["active", "temporarily_closed", "inactive"]
Availability = Literal["", "free", "soon", "waiting", "full"]  # how hard it is to get a place: 空きやすさ; "" not known

HIDDEN_PLACES = (
    "一時保護所",
    "一時保護施設",
    "母子生活支援施設",
    "母子寮",
    "シェルター",
    "女性自立支援施設",
    "婦人保護施設",
)
"""Places whose address protects lives (CARE C23). 婦人保護施設 is the older name of 女性自立支援施設."""


def is_hidden_place(*texts: str) -> bool:
    """Return whether any text speaks of a place whose address must appear nowhere (CARE C23), in any width.

    Whoever stores a place (import, hand-written files, console) asks this of all its texts.
    """
    folded = ["".join(unicodedata.normalize("NFKC", text).split()) for text in texts if text]
    return any(word in text for text in folded for word in HIDDEN_PLACES)


@dataclass(frozen=True, slots=True)
class Organization:
    """Hold who runs a service (HSDS organization, organization_identifier): 設置主体・運営主体."""

    name: str = ""
    legal_status: str = ""  # as written: 市, 社会福祉法人, NPO法人, 任意団体 …
    identifier: str = ""  # 法人番号, 13 digits


@dataclass(frozen=True, slots=True)
class Location:
    """Hold where a service is (HSDS location, address).

    `municipality` may end in a ward (横浜市中区); `town` is the 町名 without 大字 and 丁目.
    """

    name: str = ""  # the building or site, when it has a name of its own
    address: str = ""  # from the prefecture or municipality on, as written
    municipality: str = ""
    town: str = ""
    town_kana: str = ""
    latitude: float | None = None
    longitude: float | None = None
    transportation: str = ""


@dataclass(frozen=True, slots=True)
class Phone:
    """Hold one number (HSDS phone). `description` says whose it is; `languages` only when the source states them."""

    number: str
    extension: str = ""
    description: str = ""
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CostOption:
    """Hold one price (HSDS cost_option): `amount` in yen (0 = free, None = only told in words), for what `option`."""

    amount: int | None = None
    option: str = ""  # 1時間, 1日, 月, 市外の人 …
    amount_description: str = ""  # as written


@dataclass(frozen=True, slots=True)
class Source:
    """Hold where an entry comes from, so that it can be checked and credited."""

    file: str = ""
    row: int = 0  # 1 = the first row under the header
    record_id: str = ""
    url: str = ""
    licence: str = ""
    attribution: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """Hold a service at a location run by an organization (HSDS service, service_at_location).

    `topics`: when given, the only topics it is offered for (none: by name only); None: those of its category.
    `opening` empty means hours unknown: then only `hours_note` (the hours as the source writes them) is shown.
    `minimum_age`/`maximum_age`: whole months, both inclusive. `ends_on`: last day on which it is offered at all.
    `service_area`: municipalities and 町名 whose families may use it; empty: not stated. `required_documents`: what to
    bring or hand in. `availability`: how hard it is to get a place. `verified_on`, `verified_by`: who last made sure.
    """

    id: str
    name: str
    category: str
    kana: str = ""
    name_latin: str = ""  # 名称_英字: English or romaji
    alternate_name: str = ""
    topics: tuple[str, ...] | None = None
    description: str = ""
    location: Location = Location()
    organization: Organization = Organization()
    phones: tuple[Phone, ...] = ()
    opening: Opening = UNKNOWN_HOURS
    hours_note: str = ""
    minimum_age: int | None = None
    maximum_age: int | None = None
    eligibility_description: str = ""
    cost: tuple[CostOption, ...] = ()
    capacity: int | None = None
    url: str = ""
    email: str = ""
    languages: tuple[str, ...] = ()
    provision: Provision = "facility"
    formal: bool = True
    booking_required: bool | None = None
    application_process: str = ""
    required_documents: tuple[str, ...] = ()
    availability: Availability = ""
    service_area: tuple[str, ...] = ()
    accepts_temporary_care: bool | None = None
    attributes: tuple[str, ...] = ()
    alert: str = ""
    status: Status = "active"
    ends_on: date | None = None
    verified_on: date | None = None
    verified_by: str = ""
    source: Source = Source()

    @property
    def conditions(self) -> tuple[str, ...]:
        """Return the conditions that a search may ask for: its attributes, and NO_BOOKING."""
        return (*self.attributes, NO_BOOKING) if self.booking_required is False else self.attributes

    @property
    def free(self) -> bool | None:
        """Return whether it costs nothing at all; None when that is not known, as with a fee told only in words."""
        amounts = [c.amount for c in self.cost]
        if any(amounts):
            return False
        return None if not amounts or None in amounts else True


T = TypeVar("T")


def to_json(value: Any) -> dict[str, Any]:
    """Turn a Resource or a dataclass like it into a plain JSON dict; values equal to their default are left out."""
    return cast(dict[str, Any], _plain(value))


def from_json(data: Mapping[str, Any], cls: type[T] = Resource) -> T:  # type: ignore[assignment]
    """Rebuild what `to_json` wrote, without loss; unknown keys are ignored. Raise KeyError, ValueError or TypeError."""
    return cast(T, _typed(data, cls))


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {
            f.name: _plain(getattr(value, f.name))
            for f in fields(value)
            if f.default is MISSING or getattr(value, f.name) != f.default
        }
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, date | time):
        return value.isoformat()
    return value


@lru_cache(maxsize=32)
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _typed(value: Any, kind: Any) -> Any:
    origin = get_origin(kind)
    if origin is types.UnionType or origin is Union:
        return None if value is None else _typed(value, next(k for k in get_args(kind) if k is not type(None)))
    if origin is tuple:
        return tuple(_typed(v, get_args(kind)[0]) for v in value)
    if is_dataclass(kind):
        hints = _hints(cast(type, kind))
        required = {f.name for f in fields(kind) if f.default is MISSING}
        if missing := required - set(value):
            raise KeyError(f"missing: {', '.join(sorted(missing))}")
        return cast(type, kind)(**{name: _typed(v, hints[name]) for name, v in value.items() if name in hints})
    if kind is date or kind is time:
        return kind.fromisoformat(value)
    if kind is float:
        return float(value)
    return value
