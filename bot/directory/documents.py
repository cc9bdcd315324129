"""Reads places that people wrote by hand in YAML (the sample city, a city's own corrections) into Resources.

The rule: a slip of the pen is refused, naming file, entry and key; nothing is guessed and no key is ignored.
It takes parsed YAML: `bot.library` alone opens content files.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import date, time
from typing import Any, get_args

from bot.directory.resources import (
    ATTRIBUTES,
    Availability,
    CostOption,
    Location,
    Organization,
    Phone,
    Provision,
    Resource,
    Source,
    is_hidden_place,
)
from bot.errors import ContentError
from bot.opening import Closure, Opening, Rest, Schedule

WEEKDAYS = "月火水木金土日"
_HOLIDAYS = {"same": None, "closed": False, "only": True}
_PLAIN = {
    "id": str, "name": str, "category": str, "kana": str, "name_latin": str, "alternate_name": str,
    "description": str, "hours_note": str, "minimum_age": int, "maximum_age": int, "eligibility_description": str,
    "capacity": int, "url": str, "email": str, "formal": bool, "booking_required": bool, "application_process": str,
    "accepts_temporary_care": bool, "alert": str, "status": str, "ends_on": date, "verified_on": date,
    "provision": str, "availability": str, "verified_by": str,
}  # fmt: skip
_LISTS = (
    "topics",
    "languages",
    "attributes",
    "required_documents",
    "service_area",
)  # an absent `topics` stays None: those of the category
_PLACE = ("municipality", "town", "street", "building", "at", "transportation")
_HOURS = ("hours", "closed", "rests")
_KEYS = {*_PLAIN, *_LISTS, *_PLACE, *_HOURS, "organization", "phone", "cost"}


def resources_from_documents(
    documents: Mapping[str, Any], categories: Collection[str] = (), topics: Collection[str] = ()
) -> tuple[Resource, ...]:
    """Return the places of `documents` (file name -> parsed YAML), in their order.

    A file may hold `defaults` (keys for all its entries), `resources` (a list of entries) and `towns`
    (municipality -> 町名 -> kana, good for all files). Raise ContentError at the first mistake.
    """
    towns: dict[str, dict[str, str]] = {}
    for document in documents.values():
        towns |= (document or {}).get("towns") or {}
    found: list[Resource] = []
    seen: dict[str, str] = {}
    for name, document in documents.items():
        defaults = (document or {}).get("defaults") or {}
        for row, entry in enumerate((document or {}).get("resources") or (), start=1):
            where = f"{name}: entry {row} ({entry.get('id') or entry.get('name') or '?'})"
            resource = _resource({**defaults, **entry}, where, towns, Source(name, row, str(entry.get("id", ""))))
            if categories and resource.category not in categories:
                raise ContentError(f"{where}: category {resource.category!r} is not in the vocabulary")
            if topics and (unknown := set(resource.topics or ()) - set(topics)):
                raise ContentError(f"{where}: topics {sorted(unknown)} are not in the vocabulary")
            if resource.id in seen:
                raise ContentError(f"{where}: the id is already used in {seen[resource.id]}")
            seen[resource.id] = where
            found.append(resource)
    return tuple(found)


def opening_from_document(data: Mapping[str, Any], where: str) -> Opening:
    """Read `hours`, `closed` and `rests` of an entry or a desk. Raise ContentError, naming `where`.

    hours: [{days: 月-金, open: "9:00", close: "17:00", holidays: same|closed|only, nth: [1, 3], from: date, to: date}]
    closed: ["12-29..01-03" (every year), "2026-08-13..2026-08-15", "2026-11-23"]
    rests: [{days: 月, nth: [3], on_holiday: rest|next_day|next_weekday}]
    """
    try:
        return Opening(
            schedules=tuple(_schedule(row) for row in data.get("hours") or ()),
            closures=tuple(_closure(text) for text in data.get("closed") or ()),
            rests=tuple(
                Rest(_days(row["days"]), tuple(row.get("nth") or ()), row.get("on_holiday", "rest"))
                for row in data.get("rests") or ()
            ),
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise ContentError(f"{where}: hours cannot be read: {error!r}") from error


def _schedule(row: Mapping[str, Any]) -> Schedule:
    if unknown := set(row) - {"days", "open", "close", "holidays", "nth", "from", "to", "note"}:
        raise ValueError(f"unknown key {sorted(unknown)}")
    return Schedule(
        byday=_days(row["days"]),
        opens_at=_time(row["open"]),
        closes_at=_time(row["close"]),
        valid_from=row.get("from"),
        valid_to=row.get("to"),
        nth=tuple(row.get("nth") or ()),
        holidays=_HOLIDAYS[row.get("holidays", "same")],
        description=row.get("note", ""),
    )


def _days(text: str) -> tuple[int, ...]:
    """Read 月-金, 火木土 or 毎日 into weekday numbers."""
    if text == "毎日":
        return tuple(range(7))
    days: set[int] = set()
    for first, last in re.findall(rf"([{WEEKDAYS}])(?:-([{WEEKDAYS}]))?", text):
        begin, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        days |= {(begin + n) % 7 for n in range((end - begin) % 7 + 1)}
    if not days or re.sub(rf"[{WEEKDAYS}-]", "", text):
        raise ValueError(f"days {text!r}")
    return tuple(sorted(days))


def _time(text: str) -> time:
    hour, minute = text.split(":")
    return time(int(hour) % 24, int(minute))


def _closure(text: str | date) -> Closure:
    if isinstance(text, date):
        return Closure(text, text)
    first, _, last = text.partition("..")
    last = last or first
    if yearly := len(first) == 5:
        first, last = f"2024-{first}", f"2024-{last}"
    return Closure(date.fromisoformat(first), date.fromisoformat(last), yearly=yearly)


def _resource(entry: Mapping[str, Any], where: str, towns: Mapping[str, Mapping[str, str]], source: Source) -> Resource:
    if unknown := set(entry) - _KEYS:
        raise ContentError(f"{where}: unknown key {sorted(unknown)}")
    if missing := {"id", "name", "category"} - set(entry):
        raise ContentError(f"{where}: missing {sorted(missing)}")
    values: dict[str, Any] = {}
    for key, kind in _PLAIN.items():
        if key in entry:
            if type(entry[key]) is not kind:
                raise ContentError(f"{where}: {key} must be {kind.__name__}, not {entry[key]!r}")
            values[key] = entry[key]
    for key in _LISTS:
        if key in entry:
            values[key] = tuple(entry[key])
    if unknown := set(values.get("attributes", ())) - set(ATTRIBUTES):
        raise ContentError(f"{where}: unknown attribute {sorted(unknown)}")
    if values.get("provision", "facility") not in get_args(Provision):
        raise ContentError(f"{where}: provision must be one of {get_args(Provision)}")
    if values.get("availability", "") not in get_args(Availability):
        raise ContentError(f"{where}: availability must be one of {get_args(Availability)}")
    if is_hidden_place(*map(str, entry.values())):
        raise ContentError(f"{where}: addresses of shelters are never kept (CARE C23)")
    organization = entry.get("organization") or {}
    return Resource(
        **values,
        location=_location(entry, towns),
        organization=Organization(
            organization.get("name", ""), organization.get("legal_status", ""), organization.get("identifier", "")
        ),
        phones=tuple(_phones(entry.get("phone") or ())),
        opening=opening_from_document(entry, where),
        cost=tuple(
            CostOption(c.get("amount"), c.get("option", ""), c.get("note", "")) for c in entry.get("cost") or ()
        ),
        source=source,
    )


def _location(entry: Mapping[str, Any], towns: Mapping[str, Mapping[str, str]]) -> Location:
    municipality, town = entry.get("municipality", ""), entry.get("town", "")
    latitude, longitude = entry.get("at") or (None, None)
    return Location(
        name=entry.get("building", ""),
        address=f"{municipality}{town}{entry.get('street', '')}" if town or entry.get("street") else "",
        municipality=municipality,
        town=town,
        town_kana=towns.get(municipality, {}).get(town, ""),
        latitude=latitude,
        longitude=longitude,
        transportation=entry.get("transportation", ""),
    )


def _phones(given: str | Iterable[Mapping[str, Any]]) -> Iterable[Phone]:
    if isinstance(given, str):
        return (Phone(given),)
    return (
        Phone(p["number"], p.get("extension", ""), p.get("description", ""), tuple(p.get("languages") or ()))
        for p in given
    )
