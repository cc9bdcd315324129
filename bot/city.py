"""Stores and loads the city's settings: one JSON document per version, typed on the way out.

The rule: the document has the keys of `situation.City` and `situation.Desk`; a slip of the pen is refused here, so a
wrong setting never reaches a resident.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import astuple, fields, replace
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from bot import names
from bot.directory.documents import opening_from_document
from bot.errors import ContentError, SettingsError
from bot.i18n import OWN_NAMES
from bot.models import CityRow, DeskState
from bot.opening import Opening
from bot.situation import AlarmStep, City, Complaints, Desk, Service, StaffCard, Translation, WaitingLimits
from bot.store import bump, upsert

_CITY = {field.name: field.type for field in fields(City)}
_KINDS = {
    str: "a text in quotes",
    int: "a whole number",
    bool: "true or false",
    tuple: "a list",
    dict: "a mapping",
    Complaints: "a mapping",
    WaitingLimits: "a mapping",
    Translation: "a mapping",
}
_DESK = {field.name for field in fields(Desk)} - {"opening", "with_children_until"} | {"hours", "closed", "rests"}


def city_of(document: Mapping[str, Any]) -> City:
    """Return the City that a document describes; raise SettingsError naming the key that is wrong."""
    if unknown := set(document) - set(_CITY):
        raise SettingsError(f"city settings: unknown keys {sorted(unknown)}")
    try:
        desks = tuple(_desk(entry) for entry in document["desks"])
        services = {topic: _service(topic, entry) for topic, entry in document.get("services", {}).items()}
        rest = {key: _plain(value) for key, value in document.items() if key not in ("desks", "services")}
        if isinstance(given := rest.get("complaints"), dict):
            rest["complaints"] = _part(Complaints(), given, "city settings: complaints")
        if isinstance(given := rest.get("people"), tuple):
            rest["people"] = tuple(_part(StaffCard(""), each, "city settings: people") for each in given)
        if isinstance(given := rest.get("alarms"), tuple):
            rest["alarms"] = tuple(_part(AlarmStep(), each, "city settings: alarms") for each in given)
        if isinstance(given := rest.get("waiting_limits"), dict):
            rest["waiting_limits"] = _part(WaitingLimits(), given, "city settings: waiting_limits")
        if isinstance(given := rest.get("translation"), dict):
            rest["translation"] = _part(Translation(), given, "city settings: translation")
        _check_types(rest, City(name="", desks=()), "city settings")
        city = City(desks=desks, services=services, **rest)
    except (KeyError, TypeError, AttributeError, ContentError) as error:
        raise SettingsError(f"city settings: {error}") from error
    if unknown := set(city.languages) - set(OWN_NAMES):
        raise SettingsError(f"city settings: the desk does not speak {sorted(unknown)}; it speaks {sorted(OWN_NAMES)}")
    if any(not person.name for person in city.people):
        raise SettingsError("city settings: people: each needs a name (the work name)")
    if unknown := {id for person in city.people for id in person.languages} - set(OWN_NAMES):
        raise SettingsError(f"city settings: people: unknown languages {sorted(unknown)}")
    for step in city.alarms:
        _check_step(step)
    _check_translation(city.translation)
    if len({desk.id for desk in city.desks}) < len(city.desks):
        raise SettingsError("city settings: desks: each needs an id of its own")
    if city.reply_within < 0:
        raise SettingsError("city settings: reply_within is a number of seconds of opening, or 0")
    if city.lock_after < 0:
        raise SettingsError("city settings: lock_after is a number of seconds, or 0 for never")
    if min(astuple(city.waiting_limits)) <= 0:
        raise SettingsError("city settings: waiting_limits: each is a number of seconds above 0")
    if city.talk_in not in ("room", "line", "ask"):
        raise SettingsError(f"city settings: talk_in must be room, line or ask, not {city.talk_in!r}")
    if city.emergency_at_night not in ("", "on_call", "night_duty", "nobody"):
        raise SettingsError("city settings: emergency_at_night must be on_call, night_duty or nobody")
    return city


_ADDRESS = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+")


def _check_step(step: AlarmStep) -> None:
    """Refuse a step that could never call anybody."""
    where = "city settings: alarms"
    if step.severity not in ("emergency", "urgent"):
        raise SettingsError(f"{where}: severity must be emergency or urgent, not {step.severity!r}")
    if step.when not in ("always", "open", "closed"):
        raise SettingsError(f"{where}: when must be always, open or closed, not {step.when!r}")
    if step.after < 0:
        raise SettingsError(f"{where}: after is a number of seconds of waiting, not {step.after}")
    if not (step.mail or step.call or step.on_call):
        raise SettingsError(f"{where}: each step needs mail (addresses), call (a telephone number) or on_call: true")
    for address in step.mail:
        if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
            raise SettingsError(f"{where}: {address!r} is no mail address")


def _check_translation(given: Translation) -> None:
    """Refuse what names a language or service that is not there, or a service that families are not told of."""
    where = "city settings: translation"
    if given.emergency not in ("consent", "without"):
        raise SettingsError(f"{where}: emergency must be consent or without, not {given.emergency!r}")
    for id, name in given.services.items():
        if not isinstance(name, str) or not name.strip():
            raise SettingsError(f"{where}: services: {id} needs the name that families are told, in quotes")
    if unknown := set(given.languages.values()) - set(given.services):
        raise SettingsError(f"{where}: languages: {sorted(unknown)} are not among the services")
    if unknown := set(given.languages) - set(OWN_NAMES):
        raise SettingsError(f"{where}: languages: unknown languages {sorted(unknown)}")
    if unknown := set(given.not_for) - set(names.SIGNALS):
        raise SettingsError(f"{where}: not_for: unknown kinds {sorted(unknown)}")
    for term, called in given.terms.items():
        if not isinstance(called, dict) or not all(isinstance(word, str) and word.strip() for word in called.values()):
            raise SettingsError(f"{where}: terms: {term} needs words by language, in quotes")
        if unknown := set(called) - set(OWN_NAMES):
            raise SettingsError(f"{where}: terms: {term}: unknown languages {sorted(unknown)}")


Part = Complaints | StaffCard | AlarmStep | WaitingLimits | Translation
One = TypeVar("One", Complaints, StaffCard, AlarmStep, WaitingLimits, Translation)


def _part(like: One, given: Any, where: str) -> One:
    """Return `like` with what is given in its place; raise SettingsError naming what is wrong."""
    if not isinstance(given, dict):
        raise SettingsError(f"{where}: must be a mapping, not {given!r}")
    if unknown := set(given) - {field.name for field in fields(like)}:
        raise SettingsError(f"{where}: unknown keys {sorted(unknown)}")
    values = {key: _plain(value) for key, value in given.items()}
    _check_types(values, like, where)
    return replace(like, **values)


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _check_types(given: Mapping[str, Any], like: City | Desk | Part, where: str) -> None:
    """Refuse a value of another kind than the setting's own, as an unquoted telephone number is."""
    for key, value in given.items():
        if type(value) is not (kind := type(getattr(like, key))):
            raise SettingsError(f"{where}: {key} must be {_KINDS[kind]}, not {value!r}")


def _desk(entry: Mapping[str, Any]) -> Desk:
    if unknown := set(entry) - _DESK:
        raise SettingsError(f"city settings: desk {entry.get('id', '?')}: unknown keys {sorted(unknown)}")
    hours = {key: entry[key] for key in ("hours", "closed", "rests") if key in entry}
    rest = {key: _plain(value) for key, value in entry.items() if key not in hours}
    where = f"desk {entry.get('id', '?')}"
    _check_types(rest, Desk(id="", name="", type="基本型", opening=Opening()), f"city settings: {where}")
    desk = Desk(opening=opening_from_document(hours, where), **rest)
    if unknown := set(desk.takes) - set(names.SIGNALS):
        raise SettingsError(f"city settings: {where}: takes: unknown kinds {sorted(unknown)}")
    if unknown := set(desk.languages) - set(OWN_NAMES):
        raise SettingsError(f"city settings: {where}: unknown languages {sorted(unknown)}")
    return desk


_PERIOD = re.compile(r"(\d\d)-(\d\d)\.\.(\d\d)-(\d\d)")


def _service(topic: str, entry: Mapping[str, Any]) -> Service:
    """Return what the city says of a topic: fees: [{yen: 300, for: 1時間}], period: "10-15..11-14", window: an id."""
    where = f"city settings: services: {topic}"
    if topic not in names.TOPICS:
        raise SettingsError(f"{where} is not a topic of the vocabulary")
    if unknown := set(entry) - {field.name for field in fields(Service)}:
        raise SettingsError(f"{where}: unknown keys {sorted(unknown)}")
    fees = tuple((fee["yen"], fee.get("for", "")) for fee in entry.get("fees", ()))
    for yen, option in fees:
        if type(yen) is not int or yen < 0 or option not in ("", *names.COST_OPTIONS):
            raise SettingsError(f"{where}: fees are whole yen for one of {sorted(names.COST_OPTIONS)}")
    period = None
    if entry.get("period"):
        match = _PERIOD.fullmatch(str(entry["period"]))
        try:
            months = [date.fromisoformat(f"2000-{match[at]}-{match[at + 1]}") for at in (1, 3)] if match else []
        except ValueError:
            months = []
        if not months:
            raise SettingsError(f'{where}: period is month and day, from and to, like "10-15..11-14"')
        period = ((months[0].month, months[0].day), (months[1].month, months[1].day))
    return Service(fees, period, str(entry.get("window", "")))


def problems(city: City) -> list[str]:
    """Return what a city must still decide before it goes live, one sentence each (CARE C14b)."""
    found = []
    if not city.emergency_at_night:
        found.append("emergency_at_night is not chosen: who is there for an emergency at night? (CARE C14b)")
    if city.emergency_at_night in ("on_call", "night_duty") and not city.night_phone:
        found.append(f"emergency_at_night is {city.emergency_at_night}, but night_phone is empty")
    if not city.desks:
        found.append("there is no desk")
    if city.translation.on and not city.translation.services:
        found.append("translation is on, but translation.services names no service")
    found += [f"desk {desk.id} has no hours" for desk in city.desks if not desk.opening.known]
    return found


def save(session: Session, document: Mapping[str, Any], at: datetime, by: str) -> int:
    """Store a new version of the settings and return its number; raise SettingsError when it is wrong."""
    city_of(document)
    version = (session.scalar(select(func.max(CityRow.version))) or 0) + 1
    session.execute(insert(CityRow).values(version=version, body=dict(document), at=at, by=by))
    bump(session, "city")
    return version


def load(session: Session) -> City | None:
    """Return the city's newest settings and the state of its desks, or None when there are none yet."""
    body = session.scalar(select(CityRow.body).order_by(CityRow.version.desc()).limit(1))
    if body is None:
        return None
    city = city_of(body)
    states = {row.desk_id: row.with_children_until for row in session.scalars(select(DeskState))}
    desks = tuple(replace(desk, with_children_until=states.get(desk.id)) for desk in city.desks)
    return replace(city, desks=desks)


def with_children(session: Session, desk_id: str, until: datetime | None) -> None:
    """Note until when a desk's people are with children (CARE C32), None = they are free; all processes learn of it."""
    statement = upsert(session, DeskState).values(desk_id=desk_id, with_children_until=until)
    keys, changed = [DeskState.desk_id], {"with_children_until": until}
    session.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))
    bump(session, "city")
