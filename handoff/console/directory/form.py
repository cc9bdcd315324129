"""A place as the inputs of one form, and back: what was touched, what it says, and what is wrong with it.

The rule: a field whose inputs stand as they were shown is not touched, so what a form cannot hold is never lost by
saving it. An input's name begins with the field that it belongs to: phones.0.number, opening.3.0.opens.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final, get_args

from bot.directory.resources import ATTRIBUTES, Availability, CostOption, Phone, Provision, Resource, Status, to_json
from bot.errors import SlipError
from bot.messages import clean
from handoff.console.directory import week
from handoff.console.labels import LANGUAGES
from handoff.wording import later, say

Inputs = dict[str, str]

TEXTS: Final = (
    "name", "kana", "name_latin", "alternate_name", "description", "url", "email", "hours_note",
    "eligibility_description", "application_process", "alert",
)  # fmt: skip
LISTS: Final = ("required_documents", "service_area")  # one a line
YES_NO: Final = ("booking_required", "accepts_temporary_care")
CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "provision": get_args(Provision),
    "availability": get_args(Availability),
    "status": get_args(Status),
}
PLACE: Final = ("name", "address", "municipality", "town", "transportation")
SPARE: Final = 2  # empty rows under those that are filled
MOST_ROWS: Final = 40
_TICKS: Final = re.compile(r"(?:attributes|languages|opening\.rest)\.")
_ROWS: Final = re.compile(r"(?:phones|cost|opening\.closed)\.(\d{1,2})\.[a-z_]+")


def inputs_of(place: Resource) -> Inputs:
    """Return the form's inputs as they show a place."""
    shown: Inputs = {name: getattr(place, name) for name in TEXTS}
    shown |= {name: "\n".join(getattr(place, name)) for name in LISTS}
    shown |= {name: {None: "", True: "yes", False: "no"}[getattr(place, name)] for name in YES_NO}
    shown |= {name: getattr(place, name) for name in (*CHOICES, "category")}
    shown["formal"] = "yes" if place.formal else "no"
    shown["capacity"] = _number(place.capacity)
    shown["ends_on"] = place.ends_on.isoformat() if place.ends_on else ""
    for name in ("minimum_age", "maximum_age"):
        months: int | None = getattr(place, name)
        shown[f"{name}.years"] = "" if months is None else str(months // 12)
        shown[f"{name}.months"] = "" if months is None else str(months % 12)
    shown |= {f"attributes.{id}": "on" if id in place.attributes else "" for id in ATTRIBUTES}
    shown |= {f"languages.{id}": "on" if id in place.languages else "" for id in LANGUAGES}
    shown |= {f"location.{name}": getattr(place.location, name) for name in PLACE}
    shown["location.latitude"] = _number(place.location.latitude)
    shown["location.longitude"] = _number(place.location.longitude)
    shown["organization.name"] = place.organization.name
    shown["organization.legal_status"] = place.organization.legal_status
    for n, phone in enumerate((*place.phones, *[Phone("")] * SPARE)):
        shown |= {f"phones.{n}.{name}": getattr(phone, name) for name in ("number", "extension", "description")}
    for n, cost in enumerate((*place.cost, *[CostOption()] * SPARE)):
        shown |= {f"cost.{n}.{name}": getattr(cost, name) for name in ("option", "amount_description")}
        shown[f"cost.{n}.amount"] = _number(cost.amount)
    return {name: value.replace("\r\n", "\n") for name, value in (shown | week.inputs_of(place.opening)).items()}


def typed(form: Mapping[str, Any], shown: Inputs) -> Inputs:
    """Return what was typed, for every input that was shown, and for rows that somebody else's form had.

    A tick that is not sent was taken off; any other input that is not sent says what was shown.
    """
    more = {name for name in form if (row := _ROWS.fullmatch(name)) and int(row[1]) < MOST_ROWS}
    unsent = {name: "" if _TICKS.match(name) else value for name, value in shown.items()}
    return {name: clean(str(form.get(name, unsent.get(name, "")))) for name in {*shown, *more}}


def field_of(name: str) -> str:
    """Return the field that an input belongs to."""
    return name.split(".")[0]


def touched(inputs: Inputs, shown: Inputs) -> frozenset[str]:
    """Return the fields of which an input says something else than was shown."""
    every = {*inputs, *shown}
    return frozenset(field_of(n) for n in every if inputs.get(n, "") != shown.get(n, "").strip())


def rows(inputs: Inputs, table: str) -> list[int]:
    """Return the numbers of a table's rows: phones, cost, opening.closed."""
    found = {int(rest.split(".")[0]) for name in inputs if (rest := name.removeprefix(f"{table}.")) != name}
    return sorted(found)


def read(inputs: Inputs, shown: Inputs, place: Resource) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what the touched fields say, as JSON, and what is wrong with those that cannot be read, by field."""
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for field in sorted(touched(inputs, shown)):
        try:
            values[field] = _READ[field](field, inputs, place)
        except SlipError as slip:
            wrong[field] = slip.fault
    return values, wrong


# --- one field -------------------------------------------------------------------------------------------------------


def plain(words: str) -> str:
    """Return words with full-width digits and signs made plain, as numbers are typed in Japanese."""
    return re.sub(r"[‐‑–—―−ー]", "-", unicodedata.normalize("NFKC", words)).strip()


def _number(value: float | None) -> str:
    return "" if value is None else str(value)


def _whole(words: str, what: str, most: int) -> int | None:
    number = plain(words).replace(",", "").removesuffix("円")
    if not number:
        return None
    if not number.isascii() or not number.isdecimal() or len(number) > 12 or int(number) > most:
        raise SlipError("{what}は、0から{most}までの数で書いてください", what=say(what), most=f"{most:,}")
    return int(number)


def _degrees(words: str) -> float | None:
    try:
        return float(plain(words)) if words else None
    except ValueError:
        raise SlipError("緯度と経度は、35.0508 のような数で書いてください") from None


def _text(field: str, inputs: Inputs, _place: Resource) -> str:
    return inputs[field]


def _lines(field: str, inputs: Inputs, _place: Resource) -> list[str]:
    return [line.strip() for line in inputs[field].split("\n") if line.strip()]


def _yes_no(field: str, inputs: Inputs, _place: Resource) -> bool | None:
    return {"yes": True, "no": False}.get(inputs[field])


def _choice(field: str, inputs: Inputs, _place: Resource) -> str:
    if inputs[field] not in CHOICES[field]:
        raise SlipError("ひとつえらんでください")
    return inputs[field]


def _capacity(field: str, inputs: Inputs, _place: Resource) -> int | None:
    return _whole(inputs[field], later("定員"), 100_000)


def _day(field: str, inputs: Inputs, _place: Resource) -> str | None:
    words = plain(inputs[field]).replace("/", "-")
    try:
        return date.fromisoformat(words).isoformat() if words else None
    except ValueError:
        raise SlipError("日付は 2026-11-24 のように書いてください") from None


def _months(field: str, inputs: Inputs, _place: Resource) -> int | None:
    years = _whole(inputs[f"{field}.years"], later("歳"), 30)
    months = _whole(inputs[f"{field}.months"], later("か月"), 11)
    return None if years is None and months is None else 12 * (years or 0) + (months or 0)


def _ticked(field: str, inputs: Inputs, place: Resource) -> list[str]:
    known = {"attributes": tuple(ATTRIBUTES), "languages": tuple(LANGUAGES)}[field]
    others = [id for id in getattr(place, field) if id not in known]  # what the form does not show stays
    return [id for id in known if inputs.get(f"{field}.{id}")] + others


def _location(_field: str, inputs: Inputs, place: Resource) -> dict[str, Any]:
    words = {name: inputs[f"location.{name}"] for name in PLACE}
    moved = words["town"] != place.location.town
    point = _degrees(inputs["location.latitude"]), _degrees(inputs["location.longitude"])
    kana = "" if moved else place.location.town_kana
    return to_json(replace(place.location, **words, town_kana=kana, latitude=point[0], longitude=point[1]))


def _organization(_field: str, inputs: Inputs, place: Resource) -> dict[str, Any]:
    words = {name: inputs[f"organization.{name}"] for name in ("name", "legal_status")}
    number = place.organization.identifier if words["name"] == place.organization.name else ""
    return to_json(replace(place.organization, **words, identifier=number))


def _phones(_field: str, inputs: Inputs, place: Resource) -> list[dict[str, Any]]:
    spoken = {phone.number: phone.languages for phone in place.phones}
    found = []
    for n in rows(inputs, "phones"):
        number, extension, description = (
            inputs.get(f"phones.{n}.{name}", "") for name in ("number", "extension", "description")
        )
        if not number and (extension or description):
            raise SlipError("番号のない電話があります")
        if number:
            number = plain(number)
            found.append(to_json(Phone(number, plain(extension), description, spoken.get(number, ()))))
    return found


def _cost(_field: str, inputs: Inputs, _place: Resource) -> list[dict[str, Any]]:
    found = []
    for n in rows(inputs, "cost"):
        option, note = inputs.get(f"cost.{n}.option", ""), inputs.get(f"cost.{n}.amount_description", "")
        amount = _whole(inputs.get(f"cost.{n}.amount", ""), later("料金（円）"), 10_000_000)
        if amount is not None or option or note:
            found.append(to_json(CostOption(amount, option, note)))
    return found


def _opening(_field: str, inputs: Inputs, place: Resource) -> dict[str, Any]:
    return to_json(week.read(inputs, place.opening))


_READ: Final[Mapping[str, Callable[[str, Inputs, Resource], Any]]] = {
    **dict.fromkeys((*TEXTS, "category"), _text),
    **dict.fromkeys(LISTS, _lines),
    **dict.fromkeys((*YES_NO, "formal"), _yes_no),
    **dict.fromkeys(CHOICES, _choice),
    **dict.fromkeys(("minimum_age", "maximum_age"), _months),
    **dict.fromkeys(("attributes", "languages"), _ticked),
    "capacity": _capacity,
    "ends_on": _day,
    "location": _location,
    "organization": _organization,
    "phones": _phones,
    "cost": _cost,
    "opening": _opening,
}
