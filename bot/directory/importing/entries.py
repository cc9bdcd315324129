"""Turns one row, under our field names, into a Resource, or says why not.

The rule: a cell that is not understood is kept in words where people see it; every repair is named.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from urllib.parse import urlsplit

from bot.directory.areas import fold, plain, read_address
from bot.directory.hours import UNSTATED, ReadHours, read_hours
from bot.directory.importing import cells
from bot.directory.importing.categories import category_of, clinic_topics, narrowed
from bot.directory.importing.cells import Ages
from bot.directory.resources import (
    ATTRIBUTES,
    CostOption,
    Location,
    Organization,
    Phone,
    Provision,
    Resource,
    Source,
)

JAPAN = (20.0, 46.0, 122.0, 154.0)  # degrees: latitude from, to; longitude from, to (与那国島 … 南鳥島)
# Whoever states from when to when, and no days, is open on working days at least (保育所, 幼稚園 and 放課後児童クラブ).
ON_WORKING_DAYS = frozenset(
    ("nursery", "kodomoen", "community_nursery", "unlicensed_nursery", "kindergarten", "temporary_care", "after_school")
)
PROVISIONS: Mapping[str, Provision] = {"施設型": "facility", "訪問型": "visit", "出張型": "outreach"}
CLOSED_FOR_NOW = "休止中"  # under 運営状況
_NUMERIC = {"時間": ("opens", "closes", "hours", "hours_note"), "年齢": ("ages",), "電話番号": ("phone",)}


@dataclass(slots=True)
class Entry:
    """Hold a row while it is read: our fields in words, and what a dialect already knows better."""

    row: int
    cells: dict[str, str]
    category: str = ""
    section: str = ""  # the category of the heading above
    heading: bool = False  # it is itself such a heading
    hours: ReadHours | None = None
    hours_words: list[str] = field(default_factory=list)
    ages: Ages | None = None
    topics: tuple[str, ...] | None = None  # the only ones, where the category's are not meant
    eligibility: list[str] = field(default_factory=list)
    description: list[str] = field(default_factory=list)
    cost: tuple[CostOption, ...] | None = None
    attributes: list[str] = field(default_factory=list)
    provision: Provision = "facility"
    ends_on: date | None = None
    mended: list[str] = field(default_factory=list)

    def get(self, name: str) -> str:
        """Return a field's words, or an empty text when it says nothing."""
        value = self.cells.get(name, "").strip()
        return "" if cells.is_blank(value) else value


@dataclass(frozen=True, slots=True)
class File:
    """Hold what is known of the whole file while its rows are read."""

    name: str
    dataset: str
    title: str = ""
    sheet: str = ""
    category: str = ""
    municipality: str = ""  # for rows that name none
    known: Collection[str] = ()
    area_code: str = ""
    ids: bool = True  # whether the id column really identifies
    licence: str = ""
    attribution: str = ""
    verified_on: date | None = None
    today: date | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """Hold what became of a row: a resource, or the reason of a refusal; and what was stated and understood of it."""

    resource: Resource | None
    reason: str = ""
    mended: tuple[str, ...] = ()
    stated: frozenset[str] = frozenset()  # of: hours, ages, phones
    understood: frozenset[str] = frozenset()


def build(entry: Entry, file: File) -> Read:
    """Return the resource of `entry`, or a refusal with its reason in Japanese, for the person who imports."""
    if not any(entry.get(name) for name in entry.cells):
        return Read(None, "空の行")
    raw_name = entry.get("name")
    if not raw_name:
        return Read(None, "名称がない")
    name = cells.text(raw_name).replace("\n", " ")
    category = entry.category or category_of(
        entry.get("kind"), entry.get("note"), entry.section, f"{file.sheet} {file.title}", file.name, name
    )
    category = narrowed(category, entry.get("note")) if not entry.category else category
    if not category:
        return Read(None, "種類が分からない（--category で指定してください）")
    location, place_mended = read_location(entry, file)
    phones = cells.phones(entry.get("phone"), file.area_code)
    url = _url(entry.get("url"))
    if not (location.address or location.name or location.latitude or phones.phones or url):
        return Read(None, "所在地も連絡先もない")
    hours = entry.hours if entry.hours is not None else read_opening(entry, category)
    ages = entry.ages or cells.ages(entry.get("ages"))
    if entry.get("extension") and len(phones.phones) == 1 and not phones.phones[0].extension:
        only = phones.phones[0]
        phones = cells.Phones((Phone(only.number, plain(entry.get("extension")), only.description),), phones.short)
    resource = Resource(
        id=_identity(entry, file, name, location),
        name=name,
        category=category,
        kana=_kana(entry.get("kana")),
        name_latin=cells.text(entry.get("name_latin")),
        alternate_name=cells.text(entry.get("alternate_name")),
        topics=clinic_topics(name, entry.get("subjects")) if category == "clinic" else entry.topics,
        description="\n".join(_described(entry)),
        location=location,
        organization=read_organization(entry),
        phones=phones.phones,
        opening=hours.opening,
        hours_note="\n".join(_hours_words(entry)),
        minimum_age=ages.minimum if ages else None,
        maximum_age=ages.maximum if ages else None,
        eligibility_description="\n".join(
            filter(None, (cells.text(entry.get("ages")), *entry.eligibility, cells.text(entry.get("eligibility"))))
        ),
        cost=entry.cost if entry.cost is not None else _cost(entry),
        capacity=cells.number(entry.get("capacity")) or None,
        url=url,
        email=entry.get("email"),
        languages=_lines(entry, "languages"),
        provision=PROVISIONS.get(entry.get("provision"), entry.provision),
        application_process=cells.text(entry.get("booking")),
        required_documents=_lines(entry, "documents"),
        service_area=_lines(entry, "service_area"),
        accepts_temporary_care=cells.flag(entry.get("temporary_care")),
        attributes=_attributes(entry),
        alert=cells.text(entry.get("alert")),
        status="temporarily_closed" if entry.get("status") == CLOSED_FOR_NOW else "active",
        ends_on=entry.ends_on,
        verified_on=cells.day(entry.get("verified")) or file.verified_on,
        source=Source(file.name, entry.row, entry.get("id"), "", file.licence, file.attribution),
    )
    stated = {"hours"} if hours.stated else set()
    understood = {"hours"} if hours.understood else set()
    for kind, words, known in (("ages", "ages", ages is not None), ("phones", "phone", phones.understood)):
        if entry.get(words):
            stated.add(kind)
            understood |= {kind} if known else set()
    mended = [*entry.mended, *place_mended, *_repairs(entry, name, file)]
    return Read(resource, "", tuple(dict.fromkeys(mended)), frozenset(stated), frozenset(understood))


# --- where ----------------------------------------------------------------------------------------------------------


def municipality_of(entry: Entry, known: Collection[str] = ()) -> str:
    """Return the municipality that the row itself names, or an empty text."""
    city = re.sub(r"^.{2,3}[都道府県](?=.+[市区町村])", "", plain(entry.get("city")))
    if city and re.fullmatch(r"[^\d]{1,12}[市区町村]", city):
        return city
    return read_address(_within_prefecture(entry), known)[0]


def _address(entry: Entry) -> str:
    whole = plain(cells.text(entry.get("address")).replace("\n", " "))
    if not whole:
        parts = [entry.get(part) for part in ("prefecture", "city", "town", "block")]
        whole = plain("".join(parts)) if any(parts[2:]) else ""  # a prefecture and a city alone are no address
    if more := plain(entry.get("address2")):
        repeated = re.search(r"[^\d\s都道府県]{1,6}[市区町村]$", whole)
        whole = f"{whole} {more.removeprefix(repeated[0]) if repeated else more}"
    return re.sub(r"^〒?\s*\d{3}-?\d{4}\s+", "", whole)


def _within_prefecture(entry: Entry) -> str:
    return _address(entry).removeprefix(plain(entry.get("prefecture")) or "\0")


def read_location(entry: Entry, file: File) -> tuple[Location, list[str]]:
    """Return where a place is, and what was mended of it."""
    mended = []
    address = _address(entry)
    own = municipality_of(entry, file.known)
    municipality = own or (file.municipality if address or entry.get("site") else "")
    if municipality and not own:
        mended.append("市町村名を補った")
    known = (*file.known, municipality) if municipality else file.known
    town = plain(entry.get("town")) or read_address(_within_prefecture(entry), known)[1]
    low_lat, high_lat, low_lon, high_lon = JAPAN
    latitude = cells.coordinate(entry.get("latitude"), low_lat, high_lat)
    longitude = cells.coordinate(entry.get("longitude"), low_lon, high_lon)
    if latitude is None or longitude is None:
        swapped = (
            cells.coordinate(entry.get("longitude"), low_lat, high_lat),
            cells.coordinate(entry.get("latitude"), low_lon, high_lon),
        )
        if None not in swapped:
            latitude, longitude = swapped
            mended.append("緯度と経度が逆だった")
        else:
            if entry.get("latitude") or entry.get("longitude"):
                mended.append("座標が日本の外か、数でないので外した")
            latitude = longitude = None
    building = cells.text(entry.get("building")).replace("\n", " ")
    return (
        Location(
            name=cells.text(entry.get("site")).replace("\n", " "),
            address=f"{address} {building}".strip(),
            municipality=municipality,
            town=town,
            latitude=latitude,
            longitude=longitude,
            transportation=cells.text(entry.get("transportation")),
        ),
        mended,
    )


def _identity(entry: Entry, file: File, name: str, location: Location) -> str:
    """Return an id that a later edition of the file gives to the same place."""
    record = entry.get("id") if file.ids else ""
    key = record or f"{fold(name)}|{fold(location.address)}|{fold(location.name)}"
    owner = municipality_of(entry, file.known)
    return hashlib.sha256(f"{owner}|{file.dataset}|{key}".encode()).hexdigest()[:20]


# --- what -----------------------------------------------------------------------------------------------------------


def read_opening(entry: Entry, category: str) -> ReadHours:
    """Read the hours of a place; a lone closing time says nothing of when it is open, and stays in words."""
    days, opens, closes, hours = (entry.get(n) for n in ("days", "opens", "closes", "hours"))
    if not (days or hours or (opens and closes) or entry.get("closed") or entry.get("hours_note")):
        return UNSTATED
    return read_hours(
        days=days or ("平日" if category in ON_WORKING_DAYS and not entry.get("closed") else ""),
        opens=opens,
        closes=closes,
        text=entry.get("hours"),
        closed=entry.get("closed"),
        note=entry.get("hours_note"),
    )


def _hours_words(entry: Entry) -> list[str]:
    more = [cells.text(more)] if (more := entry.get("hours_words")) else []
    if entry.hours_words:
        return [cells.text(words) for words in entry.hours_words] + more
    times = "～".join(filter(None, (entry.get("opens"), entry.get("closes"))))
    words = [" ".join(filter(None, (entry.get("days"), times))), entry.get("hours"), entry.get("hours_note")]
    if closed := entry.get("closed"):
        words.append(f"休み: {closed}")
    return [cells.text(w) for w in words if w] + more


def _lines(entry: Entry, name: str) -> tuple[str, ...]:
    return tuple(filter(None, cells.text(entry.get(name)).split("\n")))


def _cost(entry: Entry) -> tuple[CostOption, ...]:
    found = cells.cost(entry.get("cost"))
    for name in ("care_cost", "care_cost_note"):
        found += tuple(replace(c, option=f"一時預かり {c.option}".strip()) for c in cells.cost(entry.get(name)))
    if more := cells.text(entry.get("cost_note")):
        found = (*found, CostOption(None, "", more))
    return found


def _described(entry: Entry) -> list[str]:
    words = [cells.text(entry.get("description")), *entry.description, cells.text(entry.get("subjects"))]
    note = cells.text(entry.get("note"))
    if cells.flag(entry.get("sick_care")):
        words.append("病児保育あり")
    if (capacity := entry.get("capacity")) and cells.number(capacity) is None and cells.flag(capacity) is None:
        words.append(f"定員: {cells.text(capacity)}")
    return [w for w in dict.fromkeys([*words, note]) if w]


def _attributes(entry: Entry) -> tuple[str, ...]:
    named = {words: name for name, words in ATTRIBUTES.items()}
    found = [*entry.attributes, *(named[words] for words in _lines(entry, "attributes") if words in named)]
    parking = entry.get("parking")
    if parking and cells.flag(parking) is not False:
        found.append("parking")
    found += [name for name in ("nursing_room", "diaper_changing") if cells.flag(entry.get(name))]
    return tuple(dict.fromkeys(found))


def _kana(words: str) -> str:
    return re.sub(r"\s+", "", plain(words))


_FORMS = re.compile(
    r"社会福祉法人|学校法人|医療法人(?:社団|財団)?|宗教法人|(?:認定)?特定非営利活動法人|NPO法人|(?:公益|一般)(?:社団|財団)法人"
    r"|株式会社|有限会社|合同会社|生活協同組合|独立行政法人|国立大学法人"
)


def read_organization(entry: Entry) -> Organization:
    """Return who runs it, without the name of its head, who is a private person; its form if its name says it."""
    whole = cells.text(entry.get("operator")).replace("\n", " ")
    name = re.split(r"\s+(?:代表|理事長|会長|院長)", whole)[0].strip()
    if form := _FORMS.search(
        plain(name).replace("(株)", "株式会社").replace("(有)", "有限会社").replace("(福)", "社会福祉法人")
    ):
        status = form[0]
    else:
        status = name if re.fullmatch(r"[^\d\s]{1,12}[都道府県市区町村]", name) else ""
    number = re.sub(r"\D", "", plain(entry.get("identifier")))
    return Organization(name, cells.text(entry.get("legal_status")) or status, number if len(number) == 13 else "")


def _url(words: str) -> str:
    """Return the first web address of a cell, http or https only."""
    for found in re.findall(r"https?://[^\s（）()「」<>\"']+", plain(words)):
        with suppress(ValueError):  # http://[ only looks like one
            if urlsplit(found).hostname:
                return str(found)
    return ""


def _repairs(entry: Entry, name: str, file: File) -> list[str]:
    """Return what was made readable without changing its meaning."""
    found = []
    if any(re.search(r"<[A-Za-z/][^<>]*>", value) for value in entry.cells.values()):
        found.append("HTMLを取りのぞいた")
    if name != entry.get("name"):
        found.append("名称の空白や改行を整えた")
    for label, names in _NUMERIC.items():
        if any(re.search("[０-９：]", entry.get(n)) for n in names):
            found.append(f"{label}の全角を半角にした")
    if cells.phones(entry.get("phone")).short:
        found.append("市外局番を補った" if file.area_code else "電話番号に市外局番がない（--area-code で補えます）")
    if re.search(r"^\(0\d+\)", plain(entry.get("phone"))):
        found.append("電話番号のかっこをはずした")
    return found
