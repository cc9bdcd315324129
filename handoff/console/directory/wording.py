"""What staff read for a place's fields, values and changes.

The rule: every field of `Resource` has a name here, and a value is worded the same wherever it stands: on the place's
page, in its history, in an import's preview, beside its twin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot import names, places
from bot.directory.exporting import wording as written
from bot.directory.hours import NEW_YEAR
from bot.directory.resources import ATTRIBUTES, CostOption, Location, Organization, Phone, Resource, from_json
from bot.opening import Closure, Opening, Rest, Schedule
from handoff.console.labels import LANGUAGES
from handoff.wording import Table, calendar, families, later, listed, named, say, spoken, weekday

FIELDS: Final = Table(
    {
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
)

PROVISIONS: Final = Table(
    {
        "facility": "施設型（行って使う）",
        "visit": "訪問型（家に来る）",
        "outreach": "出張型（近くに来る）",
    }
)
STATUSES: Final = Table(
    {
        "active": "のせている",
        "temporarily_closed": "休止中（のせない）",
        "inactive": "のせない",
    }
)
AVAILABILITIES: Final = Table(
    {
        "": "分からない",
        "free": "空きがある",
        "soon": "もうすぐ空く",
        "waiting": "待っている人がいる",
        "full": "いっぱい",
    }
)
FRESHNESS: Final = Table(
    {
        "fresh": "3か月以内に確かめた",
        "ageing": "確かめて3か月すぎ",
        "stale": "確かめて半年すぎ",
        "never": "まだ確かめていない",
    }
)
#: A mark beside the words, so that colour is never alone.
MARKS: Final[Mapping[str, str]] = {"fresh": "●", "ageing": "◐", "stale": "○", "never": "？"}
ACTIONS: Final = Table(
    {
        "import": "取り込みで変わった",
        "edit": "直した",
        "verify": "確かめた（いまも正しい）",
        "merge": "1つにまとめた",
        "restore": "情報源から消えたあとも残すことにした",
        "create": "新しく書いた",
        "undo": "もとにもどした",
    }
)
SIGNS: Final = Table({"name": "名前", "phone": "電話", "place": "場所"})


@dataclass(frozen=True, slots=True)
class Change:
    """Hold one field that differs: its name, and the words on both sides."""

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
        return say("はい") if value else say("いいえ")
    if isinstance(value, tuple):
        return listed(value)
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
    if not years:
        return say("{months}か月", months=rest)
    return say("{years}歳{months}か月", years=years, months=rest) if rest else say("{years}歳", years=years)


def place(where: Location) -> str:
    """Return site, address, municipality and point, a line each."""
    point = ""
    if where.latitude is not None:
        point = say("緯度 {latitude}、経度 {longitude}", latitude=where.latitude, longitude=where.longitude)
    town = " ".join(filter(None, (where.municipality, where.town)))
    return "\n".join(filter(None, (where.name, where.address, town, point, where.transportation)))


def phone(one: Phone) -> str:
    """Return number, extension and whose it is."""
    inside = say("内線{number}", number=one.extension) if one.extension else ""
    told = " ".join(filter(None, (inside, one.description)))
    return noted(one.number, told) if told else one.number


def price(cost: CostOption) -> str:
    """Return 1時間 500円（note)."""
    amount = ""
    if cost.amount is not None:
        amount = say("無料") if cost.amount == 0 else say("{yen}円", yen=f"{cost.amount:,}")
    line = " ".join(filter(None, (cost.option, amount)))
    note = cost.amount_description
    return noted(line, note) if line and note else line or note


def noted(words: str, note: str) -> str:
    """Return words with a note behind them."""
    return say("{words}（{note}）", words=words, note=note)


def attributes() -> dict[str, str]:
    """Return what conditions and equipment mean; in English as cards say it."""
    return ATTRIBUTES if spoken() == "ja" else named(names.ATTRIBUTES)


def _topics(ids: tuple[str, ...] | None) -> str:
    known = named(names.TOPICS)
    return say("種類のとおり") if ids is None else listed(known.get(id, id) for id in ids) or say("なし")


def _booking(needed: bool | None) -> str:
    return "" if needed is None else say("いる") if needed else say("いらない")


def _operator(who: Organization) -> str:
    return " ".join(filter(None, (who.name, say("（{words}）", words=who.legal_status) if who.legal_status else "")))


# --- opening hours: in Japanese as cities write them ----------------------------------------------------------------


def opening(when: Opening) -> list[str]:
    """Return all that is known about when something is open, one rule a line."""
    closed = listed([*map(rest, when.rests), *map(closure, when.closures)])
    return [*map(schedule, when.schedules), *([say("休み: {closed}", closed=closed)] if closed else [])]


def schedule(rule: Schedule) -> str:
    """Return one opening rule."""
    if spoken() == "ja":
        return written.schedule(rule)
    hours = families().word(places.hours_line(rule, rule.byday), spoken())
    until = "–".join(calendar(day) for day in (rule.valid_from, rule.valid_to))
    return " ".join(filter(None, (hours, until.strip("–") and until, rule.description)))


def closure(closed: Closure) -> str:
    """Return when it is closed once, or every year."""
    if spoken() == "ja":
        return written.closure(closed)
    if closed == NEW_YEAR:
        return say("年末年始")
    ends = (closed.first, closed.last)
    return "–".join(dict.fromkeys(f"{day:%-d %b}" if closed.yearly else calendar(day) for day in ends))


def rest(resting: Rest) -> str:
    """Return a regular day of rest, and where a holiday moves it."""
    if spoken() == "ja":
        return written.rest(resting)
    which = [families().sentence(places.NTH[n].msgid, spoken()) for n in resting.nth]
    days = listed(" ".join((*which, weekday(day))) for day in sorted(set(resting.byday)))
    return say(MOVES[resting.on_holiday], days=days)


MOVES: Final[Mapping[str, str]] = {
    "rest": "{days}",
    "next_day": later("{days}（祝日の場合は翌日）"),
    "next_weekday": later("{days}（祝日の場合は翌平日）"),
}

_WORDED: Final[Mapping[str, Callable[[Any], str]]] = {
    "category": lambda id: named(names.CATEGORIES).get(id, id),
    "topics": _topics,
    "status": lambda id: STATUSES[id],
    "location": place,
    "phones": lambda every: "\n".join(map(phone, every)),
    "opening": lambda when: "\n".join(opening(when)),
    "minimum_age": age,
    "maximum_age": age,
    "cost": lambda every: "\n".join(map(price, every)),
    "booking_required": _booking,
    "required_documents": "\n".join,
    "availability": lambda id: AVAILABILITIES[id] if id else "",
    "accepts_temporary_care": lambda yes: "" if yes is None else say("している") if yes else say("していない"),
    "attributes": lambda ids: "\n".join(attributes().get(id, id) for id in ids),
    "languages": lambda ids: listed(LANGUAGES.get(id, id) for id in ids),
    "provision": lambda id: PROVISIONS[id],
    "formal": lambda yes: say("公的なもの") if yes else say("地域の集まりなど"),
    "organization": _operator,
    "source": lambda source: " ".join(
        filter(None, (source.file, say("{row}行目", row=source.row) if source.row else ""))
    ),
}
