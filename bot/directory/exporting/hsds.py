"""Writes places into HSDS 3 (Human Services Data Specification): tables, a tabular data package, nested JSON.

The rule: names of tables and columns are those of the definition, and an empty value is left out, but where the
definition requires one that we do not know: there stands `UNKNOWN`. Ids are UUIDs made from ours, the same each time.

What HSDS has no column for is an attribute of the service or its location with a `value`; what each means is in
`DETAILS`. So are the days on which it is closed, which HSDS has no word for (`closure`, `rest`); what a rule does on
public holidays is said in the schedule's `notes`. Ages are years in HSDS (6 = until the day before the seventh
birthday); our months are in `minimum_age_months` and `maximum_age_months`.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from bot.directory.exporting import wording
from bot.directory.exporting.publishing import publishable, table
from bot.directory.resources import ATTRIBUTES, Location, Organization, Resource
from bot.opening import Schedule

Value = str | int | float | bool
Row = dict[str, Value]
Tables = dict[str, list[Row]]
Names = Mapping[str, Mapping[str, str]]  # "category", "topic", "language" -> id -> what people call it

UNKNOWN = "不明"
OURS = uuid.uuid5(uuid.NAMESPACE_DNS, "madoguchi.hsds")

COLUMNS: Mapping[str, tuple[str, ...]] = {
    name: tuple(columns.split())
    for name, columns in {
        "organizations": "id name alternate_name description email website year_incorporated legal_status logo uri "
        "parent_organization_id",
        "services": "id organization_id program_id name alternate_name description url email status "
        "interpretation_services application_process fees_description accreditations eligibility_description "
        "minimum_age maximum_age assured_date assurer_email alert",
        "locations": "id location_type url organization_id name alternate_name description transportation latitude "
        "longitude external_identifier external_identifier_type",
        "service_at_locations": "id service_id location_id description",
        "addresses": "id location_id attention address_1 address_2 city region state_province postal_code country "
        "address_type",
        "phones": "id location_id service_id organization_id contact_id service_at_location_id number extension type "
        "description",
        "contacts": "id organization_id service_id service_at_location_id location_id name title department email",
        "schedules": "id service_id location_id service_at_location_id valid_from valid_to dtstart timezone until "
        "count wkst freq interval byday byweekno bymonthday byyearday description opens_at closes_at schedule_link "
        "attending_type notes",
        "languages": "id service_id location_id phone_id name code note",
        "cost_options": "id service_id valid_from valid_to option currency amount amount_description",
        "service_areas": "id service_id name description extent extent_type uri",
        "required_documents": "id service_id document",
        "accessibility": "id location_id description details url",
        "organization_identifiers": "id organization_id identifier_scheme identifier_type identifier",
        "taxonomies": "id name description uri",
        "taxonomy_terms": "id code name description parent_id language taxonomy_id term_uri",
        "attributes": "id link_id taxonomy_term_id link_type link_entity value",
        "metadata": "id resource_id resource_type last_action_date last_action_type field_name previous_value "
        "replacement_value updated_by",
    }.items()
}
"""The columns of each table, in the order of the definition."""

DETAILS: Mapping[str, str] = {
    "resource_id": "この名簿での番号",
    "record_id": "出典での番号",
    "kana": "よみ",
    "name_latin": "英語・ローマ字の名前",
    "url": "ウェブページ（書かれたまま）",
    "email": "メール（書かれたまま）",
    "minimum_age_months": "対象のいちばん小さい月齢",
    "maximum_age_months": "対象のいちばん大きい月齢（この月をふくむ）",
    "capacity": "定員",
    "formal": "制度による（true）か、地域の手づくり（false）か",
    "booking_required": "予約がいる",
    "accepts_temporary_care": "一時預かりがある",
    "provision": "提供の形: facility 施設型、visit 訪問型、outreach 出張型",
    "availability": "空きやすさ",
    "ends_on": "終わる日",
    "closure": "休む日: 毎年 --12-29/--01-03、その年だけ 2026-08-13/2026-08-15",
    "rest": "定休日",
    "hours_note": "時間について、出典に書かれたこと",
    "town": "町名",
    "town_kana": "町名のよみ",
    "licence": "出典のライセンス",
    "attribution": "出典の表示",
    "source_url": "出典",
}
"""What the attributes with a value mean: code -> what it says."""

_TAXONOMIES = {"category": "種類", "topic": "用件", "condition": "条件と設備", "detail": "そのほかの項目"}
_BYDAY = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_STATUS = {"active": "active", "temporarily_closed": "temporarily closed", "inactive": "inactive"}
_NUMBERS = frozenset(
    (
        "year_incorporated", "minimum_age", "maximum_age", "latitude", "longitude", "extension", "timezone",
        "interval", "bymonthday", "byyearday", "amount",
    )
)  # fmt: skip
_FORMATS = {"url": "uri", "website": "uri", "schedule_link": "uri", "term_uri": "uri", "email": "email"}
_FORMATS |= {"assurer_email": "email", "uri": "uri"}
_NO_FORMAT = ("service_areas", "uri")
_REQUIRED: Mapping[str, str] = {
    "organizations": "name description",
    "services": "organization_id name status",
    "locations": "location_type",
    "service_at_locations": "service_id location_id",
    "addresses": "address_1 city state_province postal_code country address_type",
    "phones": "number",
    "cost_options": "service_id",
    "organization_identifiers": "organization_id identifier_type identifier",
    "taxonomies": "name description",
    "taxonomy_terms": "name description",
    "attributes": "link_id taxonomy_term_id link_type link_entity",
    "metadata": "resource_id resource_type last_action_date last_action_type field_name previous_value "
    "replacement_value updated_by",
}
_ENUMS: Mapping[tuple[str, str], Sequence[str]] = {
    ("services", "status"): ("active", "inactive", "defunct", "temporarily closed"),
    ("locations", "location_type"): ("physical", "postal", "virtual"),
    ("addresses", "address_type"): ("physical", "postal", "virtual"),
    ("schedules", "freq"): ("WEEKLY", "MONTHLY"),
    ("schedules", "wkst"): ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"),
}
_KEYS = {
    "organization_id": "organizations",
    "parent_organization_id": "organizations",
    "service_id": "services",
    "location_id": "locations",
    "service_at_location_id": "service_at_locations",
    "phone_id": "phones",
    "contact_id": "contacts",
    "taxonomy_id": "taxonomies",
    "taxonomy_term_id": "taxonomy_terms",
    "parent_id": "taxonomy_terms",
}


# --- what others call -----------------------------------------------------------------------------------------------


def tables(resources: Iterable[Resource], *, names: Names) -> Tables:
    """Return the rows of each table, for the places that may be published; values not known are left out."""
    made = _Tables(names)
    for resource in publishable(resources):
        made.add(resource)
    return made.rows


def package(
    resources: Iterable[Resource], *, names: Names, generated_at: datetime, title: str, licence: str = ""
) -> dict[str, bytes]:
    """Return a Frictionless tabular data package by file name: datapackage.json, and a CSV for each table with rows.

    `licence`: the SPDX name under which the city publishes (CC-BY-4.0).
    """
    filled = {name: rows for name, rows in tables(resources, names=names).items() if rows}
    descriptor = {
        "profile": "tabular-data-package",
        "name": "hsds-3",
        "title": title,
        "created": generated_at.isoformat(),
        **({"licenses": [{"name": licence}]} if licence else {}),
        "resources": [_described(name, frozenset(filled)) for name in filled],
    }
    files = {f"{name}.csv": table(COLUMNS[name], rows).encode() for name, rows in filled.items()}
    return {"datapackage.json": _json(descriptor).encode(), **files}


def documents(resources: Iterable[Resource], *, names: Names) -> str:
    """Return JSON: a list with one service for each place, in which all that belongs to it is nested."""
    return _json(services(resources, names=names))


def services(resources: Iterable[Resource], *, names: Names) -> list[dict[str, Any]]:
    """Return one service for each place that may be published, in which all that belongs to it is nested."""
    return list(_nested(tables(resources, names=names)))


def service_id(id: str) -> str:
    """Return the id under which a place is a service."""
    return _id("services", id)


# --- tables ---------------------------------------------------------------------------------------------------------


class _Tables:
    """Gather the rows of all places; organizations, taxonomies and their terms stand once each."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.rows: Tables = {name: [] for name in COLUMNS}
        self.seen: set[str] = set()

    def add(self, resource: Resource) -> None:
        """Add the rows of one place."""
        key = resource.id
        service = self._put(
            "services",
            key,
            organization_id=self._organization(resource.organization),
            name=resource.name,
            alternate_name=resource.alternate_name,
            description=resource.description,
            url=_uri(resource.url),
            email=_email(resource.email),
            status=_STATUS[resource.status],
            application_process=resource.application_process,
            eligibility_description=resource.eligibility_description,
            minimum_age=_years(resource.minimum_age),
            maximum_age=_years_ended(resource.maximum_age),
            assured_date=resource.verified_on.isoformat() if resource.verified_on else "",
            alert=resource.alert,
        )
        where = self._location(resource, service)
        for number, rule in enumerate(resource.opening.schedules):
            self._put("schedules", f"{key}|{number}", **where, **_schedule(rule))
        self._phones(resource, service)
        for number, tag in enumerate(resource.languages):
            self._put("languages", f"{key}|{number}", service_id=service, **self._language(tag))
        for number, cost in enumerate(resource.cost):
            self._put(
                "cost_options",
                f"{key}|{number}",
                service_id=service,
                option=cost.option,
                currency="JPY" if cost.amount is not None else "",
                amount=cost.amount,
                amount_description=cost.amount_description,
            )
        for number, area in enumerate(resource.service_area):
            self._put("service_areas", f"{key}|{number}", service_id=service, name=area)
        for number, document in enumerate(resource.required_documents):
            self._put("required_documents", f"{key}|{number}", service_id=service, document=document)
        self._attributes(resource, service)
        if resource.verified_on:
            day = resource.verified_on.isoformat()
            self._put(
                "metadata",
                key,
                resource_id=service,
                resource_type="service",
                last_action_date=day,
                last_action_type="update",
                field_name="assured_date",
                previous_value=UNKNOWN,
                replacement_value=day,
                updated_by=resource.source.attribution or UNKNOWN,
            )

    def _put(self, name: str, key: str, /, **values: Value | None) -> str:
        """Add a row unless it is there already, without its empty values, and return its id."""
        made = _id(name, key)
        if made not in self.seen:
            self.seen.add(made)
            self.rows[name].append({"id": made, **{c: v for c, v in values.items() if v is not None and v != ""}})
        return made

    def _organization(self, run_by: Organization) -> str:
        key = json.dumps([run_by.name, run_by.legal_status, run_by.identifier])
        made = self._put(
            "organizations",
            key,
            name=run_by.name or UNKNOWN,
            description=" ".join(filter(None, (run_by.legal_status, run_by.name))) or UNKNOWN,
            legal_status=run_by.legal_status,
        )
        if run_by.identifier:
            self._put(
                "organization_identifiers",
                key,
                organization_id=made,
                identifier_scheme="JP-JCN",
                identifier_type="法人番号",
                identifier=run_by.identifier,
            )
        return made

    def _location(self, resource: Resource, service: str) -> dict[str, Value]:
        """Add where it is, and return what links schedules to it; a service without a place has none."""
        key, at = resource.id, resource.location
        if at == Location():
            return {"service_id": service}
        place = self._put(
            "locations",
            key,
            location_type="physical",
            name=at.name,
            transportation=at.transportation,
            latitude=at.latitude,
            longitude=at.longitude,
        )
        if at.address or at.municipality or at.town:
            prefecture, city, street = _address(at)
            self._put(
                "addresses",
                key,
                location_id=place,
                address_1=street or UNKNOWN,
                city=city or UNKNOWN,
                state_province=prefecture or UNKNOWN,
                postal_code=UNKNOWN,
                country="JP",
                address_type="physical",
            )
        for code in ("town", "town_kana"):
            self._detail("locations", place, code, getattr(at, code))
        if "accessible" in resource.attributes:
            self._put("accessibility", key, location_id=place, description=ATTRIBUTES["accessible"])
        return {"service_at_location_id": self._put("service_at_locations", key, service_id=service, location_id=place)}

    def _phones(self, resource: Resource, service: str) -> None:
        for number, phone in enumerate(resource.phones):
            digits = phone.extension.isascii() and re.fullmatch(r"0|[1-9]\d{0,14}", phone.extension)
            extension = "" if digits or not phone.extension else f"内線 {phone.extension}"
            made = self._put(
                "phones",
                f"{resource.id}|{number}",
                service_id=service,
                number=phone.number or UNKNOWN,
                extension=int(phone.extension) if digits else "",
                type="voice",
                description=" ".join(filter(None, (phone.description, extension))),
            )
            for which, tag in enumerate(phone.languages):
                self._put("languages", f"{resource.id}|{number}|{which}", phone_id=made, **self._language(tag))

    def _language(self, tag: str) -> dict[str, Value]:
        """Return a language as ISO 639 has it, with our tag beside it where that says more (ja-easy, pt-BR)."""
        code = tag.split("-")[0]
        known = re.fullmatch("[a-z]{2,3}", code)
        name = self.names.get("language", {}).get(tag, tag)
        return {"name": name, "code": code if known else "", "note": "" if code == tag and known else tag}

    # --- attributes ---

    def _attributes(self, resource: Resource, service: str) -> None:
        self._attribute("services", service, "category", resource.category)
        for topic in resource.topics or ():
            self._attribute("services", service, "topic", topic)
        for condition in resource.attributes:
            self._attribute("services", service, "condition", condition)
        for code, value in _details(resource):
            self._detail("services", service, code, value)

    def _detail(self, entity: str, link: str, code: str, value: str) -> None:
        if value:
            self._attribute(entity, link, "detail", code, value)

    def _attribute(self, entity: str, link: str, taxonomy: str, code: str, value: str = "") -> None:
        self._put(
            "attributes",
            json.dumps([link, taxonomy, code, value]),
            link_id=link,
            taxonomy_term_id=self._term(taxonomy, code),
            link_type=taxonomy,
            link_entity=entity.removesuffix("s"),
            value=value,
        )

    def _term(self, taxonomy: str, code: str) -> str:
        known = {"condition": ATTRIBUTES, "detail": DETAILS}.get(taxonomy) or self.names.get(taxonomy, {})
        name = known.get(code, code) or UNKNOWN
        whose = self._put("taxonomies", taxonomy, name=taxonomy, description=_TAXONOMIES[taxonomy])
        return self._put(
            "taxonomy_terms",
            json.dumps([taxonomy, code]),
            code=code,
            name=name,
            description=name,
            language="ja",
            taxonomy_id=whose,
        )


def _details(resource: Resource) -> Iterator[tuple[str, str]]:
    """Yield what HSDS has no column for: code -> value in words."""
    yield "resource_id", resource.id
    yield "kana", resource.kana
    yield "name_latin", resource.name_latin
    yield "url", "" if _uri(resource.url) == resource.url else resource.url
    yield "email", "" if _email(resource.email) else resource.email
    for code, number in (
        ("minimum_age_months", resource.minimum_age),
        ("maximum_age_months", resource.maximum_age),
        ("capacity", resource.capacity),
    ):
        yield code, "" if number is None else str(number)
    for code, flag in (
        ("formal", resource.formal),
        ("booking_required", resource.booking_required),
        ("accepts_temporary_care", resource.accepts_temporary_care),
    ):
        yield code, "" if flag is None else str(flag).lower()
    yield "provision", resource.provision
    yield "availability", resource.availability
    yield "ends_on", resource.ends_on.isoformat() if resource.ends_on else ""
    for closed in resource.opening.closures:
        days = (closed.first.isoformat(), closed.last.isoformat())
        yield "closure", "/".join(f"-{day[4:]}" if closed.yearly else day for day in days)
    for rest in resource.opening.rests:
        yield "rest", wording.rest(rest)
    yield "hours_note", resource.hours_note
    yield "record_id", resource.source.record_id
    yield "source_url", resource.source.url
    yield "licence", resource.source.licence
    yield "attribution", resource.source.attribution


def _schedule(rule: Schedule) -> dict[str, Value]:
    days = [_BYDAY[day] for day in sorted(set(rule.byday))]
    notes = {None: "", False: "祝日は休み", True: "祝日だけ"}[rule.holidays]
    return {
        "valid_from": rule.valid_from.isoformat() if rule.valid_from else "",
        "valid_to": rule.valid_to.isoformat() if rule.valid_to else "",
        "dtstart": rule.valid_from.isoformat() if rule.valid_from else "",
        "timezone": 9,
        "until": rule.valid_to.isoformat() if rule.valid_to else "",
        "wkst": "MON",
        "freq": "MONTHLY" if rule.nth else "WEEKLY",
        "interval": 1,
        "byday": ",".join(f"{nth or ''}{day}" for nth in rule.nth or (0,) for day in days),
        "description": wording.schedule(rule),
        "opens_at": f"{rule.opens_at:%H:%M}+09:00",
        "closes_at": f"{rule.closes_at:%H:%M}+09:00",
        "notes": "、".join(filter(None, (notes, "次の日まで" if rule.closes_at <= rule.opens_at else ""))),
    }


def _id(name: str, key: str) -> str:
    return str(uuid.uuid5(OURS, f"{name}|{key}"))


def _address(at: Location) -> tuple[str, str, str]:
    """Return prefecture, municipality, and what of the address stands behind them; put together they are as written."""
    found = re.match(r"北海道|東京都|大阪府|京都府|[^\d\s市区町村]{2,3}県", at.address)
    prefecture = found[0] if found else ""
    street = at.address.removeprefix(prefecture)
    if at.municipality and street.startswith(at.municipality) and street != at.municipality:
        return prefecture, at.municipality, street.removeprefix(at.municipality)
    return "", at.municipality, at.address


def _years(months: int | None) -> int | float | None:
    if months is None:
        return None
    return months // 12 if months % 12 == 0 else round(months / 12, 4)


def _years_ended(months: int | None) -> int | float | None:
    """Return the last age in years: 83 months is 6, for it ends where 7 begins."""
    return months // 12 if months is not None and months % 12 == 11 else _years(months)


def _uri(url: str) -> str:
    """Return a web address in ASCII, as the definition wants it; an empty text for what is none."""
    try:
        whole = urlsplit(url)
        ascii_only = quote(url, safe="%/:?#[]@!$&'()*+,;=~")
        return ascii_only if whole.scheme in ("http", "https") and whole.hostname else ""
    except ValueError:
        return ""


def _email(words: str) -> str:
    return words if re.fullmatch(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", words, re.ASCII) else ""


# --- package --------------------------------------------------------------------------------------------------------


def _described(name: str, present: frozenset[str]) -> dict[str, Any]:
    """Return what datapackage.json says of a table; keys lead to the tables that are `present`."""
    keys = [(column, _KEYS[column]) for column in COLUMNS[name] if _KEYS.get(column) in present]
    return {
        "profile": "tabular-data-resource",
        "name": name,
        "path": f"{name}.csv",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": {
            "fields": [_field(name, column) for column in COLUMNS[name]],
            "missingValues": [""],
            "primaryKey": "id",
            "foreignKeys": [{"fields": c, "reference": {"resource": t, "fields": "id"}} for c, t in keys],
        },
    }


def _field(name: str, column: str) -> dict[str, Any]:
    constraints: dict[str, Any] = {}
    if column == "id":
        constraints["unique"] = True
    if column == "id" or column in _REQUIRED.get(name, "").split():
        constraints["required"] = True
    if (name, column) in _ENUMS:
        constraints["enum"] = list(_ENUMS[name, column])
    return {
        "name": column,
        "type": "number" if column in _NUMBERS else "string",
        **({"format": _FORMATS[column]} if column in _FORMATS and (name, column) != _NO_FORMAT else {}),
        **({"constraints": constraints} if constraints else {}),
    }


# --- documents ------------------------------------------------------------------------------------------------------


def _nested(rows: Tables) -> Iterator[dict[str, Any]]:
    """Yield each service with what belongs to it; what nesting says is not said again by a key."""
    found = _Index(rows)
    for service in rows["services"]:
        id = service["id"]
        organization = found.one("organizations", service["organization_id"])
        identifiers = found.of("organization_identifiers", "organization_id", organization["id"])
        places = []
        for link in found.of("service_at_locations", "service_id", id):
            place = found.one("locations", link["location_id"])
            location = _bare(place) | _filled(
                addresses=found.nested("addresses", "location_id", place["id"]),
                accessibility=found.nested("accessibility", "location_id", place["id"]),
                attributes=found.attributes(place["id"]),
            )
            schedules = found.nested("schedules", "service_at_location_id", link["id"])
            places.append(_bare(link) | _filled(schedules=schedules) | {"location": location})
        phones = [
            _bare(phone) | _filled(languages=found.nested("languages", "phone_id", phone["id"]))
            for phone in found.of("phones", "service_id", id)
        ]
        yield _bare(service) | _filled(
            phones=phones,
            schedules=found.nested("schedules", "service_id", id),
            service_areas=found.nested("service_areas", "service_id", id),
            service_at_locations=places,
            languages=found.nested("languages", "service_id", id),
            organization=_bare(organization) | _filled(organization_identifiers=list(map(_bare, identifiers))),
            cost_options=found.nested("cost_options", "service_id", id),
            required_documents=found.nested("required_documents", "service_id", id),
            attributes=found.attributes(id),
            metadata=found.nested("metadata", "resource_id", id),
        )


class _Index:
    """Find rows by their id, and by what they belong to."""

    def __init__(self, rows: Tables) -> None:
        self.by_id = {(name, row["id"]): row for name, each in rows.items() for row in each}
        self.by_key: dict[tuple[str, str, Value], list[Row]] = {}
        for name, each in rows.items():
            for row in each:
                for column in {*_KEYS, "link_id", "resource_id"} & set(row):
                    self.by_key.setdefault((name, column, row[column]), []).append(row)

    def one(self, name: str, id: Value) -> Row:
        return self.by_id[name, id]

    def of(self, name: str, column: str, id: Value) -> list[Row]:
        return self.by_key.get((name, column, id), [])

    def nested(self, name: str, column: str, id: Value) -> list[Row]:
        return [_bare(row) for row in self.of(name, column, id)]

    def attributes(self, id: Value) -> list[dict[str, Any]]:
        found = []
        for row in self.of("attributes", "link_id", id):
            term = self.one("taxonomy_terms", row["taxonomy_term_id"])
            taxonomy = self.one("taxonomies", term["taxonomy_id"])
            found.append(_bare(row) | {"taxonomy_term": _bare(term) | {"taxonomy_detail": _bare(taxonomy)}})
        return found


def _bare(row: Row) -> Row:
    return {column: value for column, value in row.items() if column not in _KEYS and column != "resource_id"}


def _filled(**parts: Any) -> dict[str, Any]:
    return {name: part for name, part in parts.items() if part}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
