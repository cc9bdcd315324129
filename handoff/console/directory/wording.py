"""What staff read for a place's fields, values and changes, in Japanese.

The rule: every field of `Resource` has a name here, and a value is worded the same wherever it stands: on the place's
page, in its history, in an import's preview, beside its twin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot import names
from bot.directory.exporting import wording
from bot.directory.resources import ATTRIBUTES, CostOption, Location, Organization, Phone, Resource, from_json
from handoff.console.labels import LANGUAGES

FIELDS: Final[Mapping[str, str]] = {
    "name": "名前",
    "kana": "よみがな",
    "name_latin": "英字の名前",
    "alternate_name": "通称",
    "category": "種類",
    "topics": "用件",
    "status": "公開",
    "alert": "お知らせ",
    "description": "説明",
    "location": "場所",
    "phones": "電話",
    "email": "メール",
    "url": "ホームページ",
    "opening": "あいている時間",
    "hours_note": "時間の補足",
    "ends_on": "終わる日",
    "minimum_age": "年齢（下）",
    "maximum_age": "年齢（上）",
    "eligibility_description": "使える人",
    "service_area": "使える地域",
    "cost": "料金",
    "booking_required": "予約",
    "application_process": "申し込み方",
    "required_documents": "必要なもの",
    "availability": "空きやすさ",
    "capacity": "定員",
    "accepts_temporary_care": "一時預かり",
    "attributes": "条件・設備",
    "languages": "通じることば",
    "provision": "提供の形",
    "formal": "公的か",
    "organization": "運営",
    "verified_on": "情報源が確かめた日",
    "verified_by": "情報源で確かめた人",
    "source": "情報源",
    "id": "番号",
}

PROVISIONS: Final[Mapping[str, str]] = {
    "facility": "施設型（行って使う）",
    "visit": "訪問型（家に来る）",
    "outreach": "出張型（近くに来る）",
}
STATUSES: Final[Mapping[str, str]] = {
    "active": "のせている",
    "temporarily_closed": "休止中（のせない）",
    "inactive": "のせない",
}
AVAILABILITIES: Final[Mapping[str, str]] = {
    "": "分からない",
    "free": "空きがある",
    "soon": "もうすぐ空く",
    "waiting": "待っている人がいる",
    "full": "いっぱい",
}
FRESHNESS: Final[Mapping[str, tuple[str, str]]] = {  # a mark beside the words, so that colour is never alone
    "fresh": ("●", "3か月以内に確かめた"),
    "ageing": ("◐", "確かめて3か月すぎ"),
    "stale": ("○", "確かめて半年すぎ"),
    "never": ("？", "まだ確かめていない"),
}
ACTIONS: Final[Mapping[str, str]] = {
    "import": "取り込みで変わった",
    "edit": "直した",
    "verify": "確かめた（いまも正しい）",
    "merge": "1つにまとめた",
    "restore": "情報源から消えたあとも残すことにした",
    "create": "新しく書いた",
    "undo": "もとにもどした",
}
SIGNS: Final[Mapping[str, str]] = {"name": "名前", "phone": "電話", "place": "場所"}


@dataclass(frozen=True, slots=True)
class Change:
    """Hold one field that differs: its name in Japanese, and the words on both sides."""

    field: str
    label: str
    before: str
    after: str


def label(field: str) -> str:
    """Return what staff read for a field."""
    return FIELDS.get(field, field)


def resource(body: Mapping[str, Any]) -> Resource:
    """Return a place of its JSON, also where a name or kind is missing."""
    found: Resource = from_json({"id": "", "name": "", "category": "", **body})
    return found


def worded(field: str, place: Resource) -> str:
    """Return a field's value in words, lines by \\n; "" when nothing is known."""
    value = getattr(place, field)
    if field in _WORDED:
        return _WORDED[field](value)
    if isinstance(value, bool):
        return "はい" if value else "いいえ"
    if isinstance(value, tuple):
        return "、".join(value)
    return "" if value is None else str(value)


def changes(before: Mapping[str, Any], after: Mapping[str, Any], fields: Iterable[str] = FIELDS) -> list[Change]:
    """Return in which of the fields two bodies differ, in the order of `FIELDS`."""
    one, other = resource(before), resource(after)
    wanted = set(fields)
    return [
        Change(field, name, worded(field, one), worded(field, other))
        for field, name in FIELDS.items()
        if field in wanted and getattr(one, field) != getattr(other, field)
    ]


def age(months: int | None) -> str:
    """Return 1歳6か月 for 18."""
    if months is None:
        return ""
    years, rest = divmod(months, 12)
    return f"{f'{years}歳' if years else ''}{f'{rest}か月' if rest or not years else ''}"


def place(where: Location) -> str:
    """Return site, address, municipality and point, a line each."""
    point = "" if where.latitude is None else f"緯度 {where.latitude}、経度 {where.longitude}"
    town = " ".join(filter(None, (where.municipality, where.town)))
    return "\n".join(filter(None, (where.name, where.address, town, point, where.transportation)))


def phone(one: Phone) -> str:
    """Return number, extension and whose it is."""
    told = " ".join(filter(None, (f"内線{one.extension}" if one.extension else "", one.description)))
    return f"{one.number}（{told}）" if told else one.number


def price(cost: CostOption) -> str:
    """Return 1時間 500円（note)."""
    amount = "" if cost.amount is None else "無料" if cost.amount == 0 else f"{cost.amount:,}円"
    line = " ".join(filter(None, (cost.option, amount)))
    note = cost.amount_description
    return f"{line}（{note}）" if line and note else line or note


def _booking(needed: bool | None) -> str:
    return "" if needed is None else "いる" if needed else "いらない"


def _operator(who: Organization) -> str:
    return " ".join(filter(None, (who.name, f"（{who.legal_status}）" if who.legal_status else "")))


_WORDED: Final[Mapping[str, Callable[[Any], str]]] = {
    "category": lambda id: names.CATEGORIES.get(id, id),
    "topics": lambda ids: "種類のとおり" if ids is None else "、".join(names.TOPICS.get(i, i) for i in ids) or "なし",
    "status": lambda id: STATUSES[id],
    "location": place,
    "phones": lambda every: "\n".join(map(phone, every)),
    "opening": lambda when: "\n".join(wording.opening(when)),
    "minimum_age": age,
    "maximum_age": age,
    "cost": lambda every: "\n".join(map(price, every)),
    "booking_required": _booking,
    "required_documents": "\n".join,
    "availability": lambda id: AVAILABILITIES[id] if id else "",
    "accepts_temporary_care": lambda yes: "" if yes is None else "している" if yes else "していない",
    "attributes": lambda ids: "\n".join(ATTRIBUTES.get(i, i) for i in ids),
    "languages": lambda ids: "、".join(LANGUAGES.get(i, i) for i in ids),
    "provision": lambda id: PROVISIONS[id],
    "formal": lambda yes: "公的なもの" if yes else "地域の集まりなど",
    "organization": _operator,
    "source": lambda source: " ".join(filter(None, (source.file, f"{source.row}行目" if source.row else ""))),
}
