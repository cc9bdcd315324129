"""Writes places into the national standard CSVs: 子育て施設一覧, イベント一覧, 医療機関一覧, 公共施設一覧.

The rule: `bot.directory.importing` reads back what is written here. What a layout has no column for stands in 備考,
each line under the name of a column that others have (〔利用方法〕電話で予約); what cannot be held is in `CANNOT_HOLD`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, time, timedelta

from bot.directory.exporting import wording
from bot.directory.exporting.publishing import publishable, table
from bot.directory.importing import cells
from bot.directory.importing.categories import clinic_topics
from bot.directory.importing.cells import Ages
from bot.directory.importing.entries import (
    CLOSED_FOR_NOW,
    PROVISIONS,
    Entry,
    File,
    read_location,
    read_opening,
    read_organization,
)
from bot.directory.importing.headers import FIELDS, canonical
from bot.directory.importing.tables import fold_header
from bot.directory.resources import ATTRIBUTES, CostOption, Phone, Resource
from bot.opening import Opening, Schedule

_PRESCHOOL = (
    "全国地方公共団体コード ID 地方公共団体名 名称 名称_カナ 名称_英字 種別 所在地_全国地方公共団体コード 町字ID "
    "所在地_連結表記 所在地_都道府県 所在地_市区町村 所在地_町字 所在地_番地以下 建物名等(方書) 緯度 経度 高度の種別 "
    "高度の値 アクセス方法 駐車場情報 電話番号 内線番号 FAX番号 連絡先メールアドレス 連絡先FormURL "
    "連絡先備考（その他、SNSなど） 郵便番号 法人番号 団体名 認可等年月日 収容定員 受入年齢 利用可能曜日 開始時間 "
    "終了時間 利用可能日時特記事項 一時預かりの有無 子供預かり料金種別 子供預かり料金 子供預かり料金備考 "
    "子供預かり開所時間 子供預かり閉所時間 病児保育の有無 授乳室 おむつ替えコーナー 飲食可否 ベビーカー貸出 "
    "ベビーカー利用 URL 画像 画像_ライセンス 備考"
)
_EVENT = (
    "都道府県コード又は市区町村コード NO 都道府県名 市区町村名 イベント名 イベント名_カナ イベント名_英語 開始日 "
    "終了日 開始時間 終了時間 開始日時特記事項 説明 料金(基本) 料金(詳細) 連絡先名称 連絡先電話番号 連絡先内線番号 "
    "主催者 場所名称 住所 方書 緯度 経度 アクセス方法 駐車場情報 定員 参加申込終了日 参加申込終了時間 参加申込方法 "
    "URL 備考 カテゴリー 郵便番号 共催協力 参加条件_詳細 託児所_有無 託児所_詳細 画像 最終確認日"
)
_HOSPITAL = (
    "都道府県コード又は市区町村コード NO 都道府県名 市区町村名 名称 名称_カナ 医療機関の種類 住所 方書 緯度 経度 "
    "電話番号 内線番号 FAX番号 法人番号 法人の名称 医療機関コード 診療曜日 診療開始時間 診療終了時間 診療日時特記事項 "
    "時間外における対応 診療科目 病床数 URL 備考"
)
_PUBLIC_FACILITY = (
    "都道府県コード又は市区町村コード NO 都道府県名 市区町村名 名称 名称_カナ 名称_通称 POIコード 住所 方書 緯度 経度 "
    "電話番号 内線番号 法人番号 団体名 利用可能曜日 開始時間 終了時間 利用可能日時特記事項 説明 バリアフリー情報 URL "
    "備考"
)
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "preschool": tuple(_PRESCHOOL.split()),
    "event": tuple(_EVENT.split()),
    "hospital": tuple(_HOSPITAL.split()),
    "public_facility": tuple(_PUBLIC_FACILITY.split()),
}
"""The columns of each layout, in their order: the current edition (L2) of 子育て施設一覧, L1 of the others."""

CHILDCARE = frozenset(
    (
        "nursery", "kodomoen", "community_nursery", "unlicensed_nursery", "kindergarten", "temporary_care",
        "sick_child_care", "after_school",
    )
)  # fmt: skip

KINDS: Mapping[str, str] = {
    "nursery": "認可保育所",
    "unlicensed_nursery": "認可外保育所",
    "kindergarten": "幼稚園",
    "kodomoen": "認定こども園",
    "community_nursery": "地域型保育事業",
    "temporary_care": "一時預かり",
    "sick_child_care": "病児保育",
    "family_support_center": "ファミリー・サポート・センター",
    "short_stay": "子育て短期支援",
    "after_school": "放課後児童クラブ",
    "childrens_hall": "児童館",
    "parenting_salon": "地域子育て支援拠点",
    "parent_circle": "子育てサークル",
    "consultation_desk": "相談窓口",
    "health_center": "保健センター",
    "midwifery": "助産所",
    "postnatal_care": "産後ケア",
    "clinic": "医療機関",
    "child_development": "児童発達支援",
    "child_guidance": "児童相談所",
    "welfare_office": "福祉事務所",
    "city_office": "行政窓口",
    "school": "小学校・中学校",
    "education_support": "教育支援センター",
    "interpreter_desk": "通訳・多言語窓口",
    "japanese_class": "日本語教室",
    "food_support": "子ども食堂・フードバンク",
    "volunteer_group": "ボランティア団体",
    "support_scheme": "支援制度",
    "event": "イベント",
    "baby_station": "赤ちゃんの駅",
    "park": "公園",
    "library": "図書館",
    "evacuation_site": "避難所",
    "other": "その他",
}
"""What each category is called under 種別; `categories.category_named` reads it back."""

CANNOT_HOLD: Mapping[str, str] = {
    "id": "made anew from the id column and the file's name; the column holds the source's own id if it has one",
    "kana": "always katakana",
    "topics": "read from name and 診療科目 for clinics, those of the category for all others",
    "location.town_kana": "no column",
    "location.address": "full-width letters come back as ordinary ones; a town without an address is left out",
    "organization": "a name's last words, if they name its head (代表 …)",
    "phones": "languages; what an extension belongs to, if there are several numbers; numbers such as 189",
    "opening": "what `hours.read_hours` has no words for: days of rest of one year, the last weekday of a month, "
    "descriptions, seasons, events on several single days, closures of a place whose hours are unknown. It is told in "
    "words, and unknown when read back",
    "hours_note": "comes back behind the words of the columns",
    "eligibility_description": "comes back behind the words of the ages, if it did not tell them",
    "cost": "amount_description is the words of the whole price; words beside prices come last; what is free only for "
    "some, and all prices of a list with one that `cells.cost` does not read, in words",
    "formal": "no column",
    "booking_required": "no column",
    "availability": "it is another day's when the file is read",
    "attributes": "their order; those that have no words in ATTRIBUTES",
    "ends_on": "but for events",
    "verified_by": "staff only",
    "source": "but for record_id",
}
"""What the layouts cannot hold: field -> what of it is lost, or why. All else is read back as it was."""

_LABELS = {field: next((h for h in names.split() if not h.isascii()), "") for field, names in FIELDS.items()}
_ADULTS = "高校生・一般"  # by which lists of events say that an event is not for families
_LINE = re.compile(r"(?:(?P<days>\S.*) )?(?P<opens>\d{1,2}[:：]\d{2})～(?P<closes>\d{1,2}[:：]\d{2})")


def write(resources: Iterable[Resource]) -> dict[str, bytes]:
    """Return the standard CSVs by file name: UTF-8 with BOM, CRLF, one row for each place that may be published."""
    rows: dict[str, list[dict[str, str]]] = {}
    for resource in publishable(resources):
        layout = layout_of(resource)
        rows.setdefault(layout, []).append(_row(resource, layout))
    return {
        f"{layout}.csv": table(columns, rows[layout]).encode("utf-8-sig")
        for layout, columns in COLUMNS.items()
        if layout in rows
    }


def layout_of(resource: Resource) -> str:
    """Return in which layout a place stands: by its category, and for events by whether they have a day."""
    adults = _ADULTS in resource.eligibility_description
    if resource.category == ("other" if adults else "event") and (resource.ends_on or _dates(resource.opening)):
        return "event"
    if resource.category in CHILDCARE:
        return "preschool"
    return "hospital" if resource.category == "clinic" else "public_facility"


def _row(resource: Resource, layout: str) -> dict[str, str]:
    """Return the cells of a place by column; what has no column becomes lines of 備考."""
    columns = {column: canonical(fold_header(column)) or column for column in COLUMNS[layout]}
    held = set(columns.values())
    said = _said(resource, layout)
    if "town" not in held and read_location(Entry(0, {**said, "town": ""}), File("", ""))[0].town == said["town"]:
        del said["town"]
    note = [] if "description" in held else said.pop("description").split("\n")
    for field, words in said.items():
        if field not in held and field in _LABELS:
            note += [f"〔{_LABELS[field]}〕{line}" for line in words.split("\n") if line]
    said["note"] = "\n".join(filter(None, note))
    return {column: said.get(field, "") for column, field in columns.items()}


def _said(resource: Resource, layout: str) -> dict[str, str]:
    """Return a place in words, by the fields of the importer."""
    at, run_by = resource.location, resource.organization
    latitude, longitude = ("" if degrees is None else repr(degrees) for degrees in (at.latitude, at.longitude))
    said = {
        "id": resource.source.record_id or resource.id,
        "name": resource.name,
        "kana": _katakana(resource.kana),
        "name_latin": resource.name_latin,
        "alternate_name": resource.alternate_name,
        "kind": _kind(resource),
        **_address(resource),
        "site": at.name,
        "latitude": latitude,
        "longitude": longitude,
        "transportation": at.transportation,
        **_phones(resource.phones),
        "email": resource.email,
        "url": resource.url,
        "operator": run_by.name,
        "identifier": run_by.identifier,
        "capacity": "" if resource.capacity is None else str(resource.capacity),
        **_ages(resource),
        **(_event_hours(resource) if layout == "event" else _hours(resource)),
        **_cost(resource.cost),
        "temporary_care": {True: "有", False: "無", None: ""}[resource.accepts_temporary_care],
        "booking": resource.application_process,
        "documents": "\n".join(resource.required_documents),
        "service_area": "\n".join(resource.service_area),
        "languages": "\n".join(resource.languages),
        "provision": "" if resource.provision == "facility" else _PROVIDED[resource.provision],
        "status": CLOSED_FOR_NOW if resource.status == "temporarily_closed" else "",
        "alert": resource.alert,
        "verified": resource.verified_on.isoformat() if resource.verified_on else "",
        **_equipment(resource),
        **_description(resource),
    }
    if read_organization(Entry(0, said)).legal_status != run_by.legal_status:
        said["legal_status"] = run_by.legal_status
    return said


_PROVIDED = {provision: words for words, provision in PROVISIONS.items()}


# --- what -----------------------------------------------------------------------------------------------------------


def _katakana(kana: str) -> str:
    return re.sub("[ぁ-ゖ]", lambda found: chr(ord(found[0]) + 0x60), kana)


def _kind(resource: Resource) -> str:
    kind = KINDS.get(resource.category, KINDS["other"])
    if resource.category in ("nursery", "kindergarten") and resource.organization.name:
        public = re.search("[都道府県市区町村]$", resource.organization.legal_status)
        if resource.category == "nursery":
            return "認可公立保育所" if public else "認可私立保育所"
        return f"{'公' if public else '私'}立{kind}"
    if resource.category == "clinic":
        return "病院" if "病院" in resource.name else "診療所"
    return kind


def _description(resource: Resource) -> dict[str, str]:
    """Return the description; of a clinic's first lines what it treats, when its topics come from there."""
    lines = resource.description.split("\n")
    if resource.category == "clinic" and resource.topics is not None:
        for count in range(len(lines) + 1):
            subjects = "\n".join(lines[:count])
            if clinic_topics(resource.name, subjects) == resource.topics:
                return {"subjects": subjects, "description": "\n".join(lines[count:])}
    return {"description": resource.description}


def _equipment(resource: Resource) -> dict[str, str]:
    own = ("parking", "nursing_room", "diaper_changing")
    others = [ATTRIBUTES[name] for name in resource.attributes if name in ATTRIBUTES and name not in own]
    return {name: "有" for name in own if name in resource.attributes} | {"attributes": "\n".join(others)}


def _ages(resource: Resource) -> dict[str, str]:
    """Return who it is for: as the source tells it if that says the ages, else the ages and then what it tells."""
    told = resource.eligibility_description
    bounds = Ages(resource.minimum_age, resource.maximum_age)
    first, _line, more = told.partition("\n")
    for ages, rest in ((told, ""), (first, more), ("", told)):
        if (cells.ages(ages) or Ages()) == bounds:
            return {"ages": ages, "eligibility": rest}
    return {"ages": wording.ages(resource.minimum_age, resource.maximum_age), "eligibility": told}


def _cost(cost: tuple[CostOption, ...]) -> dict[str, str]:
    """Return prices: those of 一時預かり in their own columns, those without an amount in the column of details."""
    care = [c for c in cost if c.option.startswith(_CARE)]
    rest = [c for c in cost if not c.option.startswith(_CARE)]
    words = [_price(replace(c, option=c.option.removeprefix(_CARE).strip())) for c in care]
    return {
        "cost": "\n".join(_price(c) for c in rest if c.amount is not None),
        "care_cost": "\n".join(words[:1]),
        "care_cost_note": "\n".join(words[1:]),
        "cost_note": "\n".join(c.amount_description or c.option for c in rest if c.amount is None),
    }


_CARE = "一時預かり"


def _price(cost: CostOption) -> str:
    """Return one price in words: as the source wrote it, if that says it."""
    if cost.amount is None or cells.cost(cost.amount_description) == (cost,):
        return cost.amount_description or cost.option
    amount = f"{cost.amount}円" if cost.amount else "無料"
    if cost.option:
        by_unit = f"{amount}/{cost.option}"
        amount = by_unit if cells.cost(by_unit)[0].option == cost.option else f"{cost.option} {amount}"
    return amount + (f"（{cost.amount_description}）" if cost.amount_description else "")


def _phones(phones: tuple[Phone, ...]) -> dict[str, str]:
    """Return every number, with whose it is before it where that is read back."""
    plain = tuple(replace(p, languages=(), extension="") for p in phones)
    labelled = [f"（{p.description}）{p.number}" for p in plain]
    told = [words if cells.phones(words).phones == (p,) else p.number for words, p in zip(labelled, plain, strict=True)]
    numbers = [p.number for p in plain]
    read = [p.number for p in cells.phones(" ".join(told)).phones]
    return {
        "phone": " ".join(told if read == numbers else numbers),
        "extension": phones[0].extension if len(phones) == 1 else "",
    }


# --- where ----------------------------------------------------------------------------------------------------------


def _address(resource: Resource) -> dict[str, str]:
    """Return the address as written, and in parts as far as it is written so."""
    at = resource.location
    found = re.match(r"北海道|東京都|大阪府|京都府|[^\d\s市区町村]{2,3}県", at.address)
    prefecture = found[0] if found else ""
    before = f"{prefecture}{at.municipality}{at.town}"
    parts = bool(at.town) and at.address.startswith(before)
    return {
        "address": at.address,
        "prefecture": prefecture,
        "city": at.municipality,
        "town": at.town if at.address else "",
        "block": at.address.removeprefix(before).strip() if parts else "",
    }


# --- when -----------------------------------------------------------------------------------------------------------


def _hours(resource: Resource) -> dict[str, str]:
    """Return the hours in columns and words, the first way of telling them that is read back to the same opening."""
    wanted = same(resource.opening)
    for said in _tellings(resource):
        read = read_opening(Entry(0, said), resource.category).opening
        if same(read) == wanted or not (read.known or resource.opening.known):
            return said
    lines = [resource.hours_note, *wording.opening(resource.opening)]
    return {"hours_words": "\n".join(filter(None, lines))}


def _tellings(resource: Resource) -> Iterator[dict[str, str]]:
    lines = resource.hours_note.split("\n")
    if found := _LINE.fullmatch(lines[0]):
        columns = {"days": found["days"] or "", "opens": found["opens"], "closes": found["closes"]}
        yield columns | _remarks(lines[1:])
    yield _remarks(lines)
    yield {"hours_note": resource.hours_note}
    if columns := _rendered(resource.opening):
        times = "～".join(filter(None, (columns["opens"], columns["closes"])))
        told = [" ".join(filter(None, (columns["days"], times))), *columns["hours_note"].split("\n")]
        told += [f"休み: {columns['closed']}", *wording.opening(resource.opening)]
        yield columns | {"hours_words": "\n".join(line for line in lines if line not in told)}
    if not resource.opening.known:
        yield {"hours_words": resource.hours_note}


def _remarks(lines: list[str]) -> dict[str, str]:
    closed = lines[-1].removeprefix("休み: ") if lines and lines[-1].startswith("休み: ") else ""
    return {"hours_note": "\n".join(lines[:-1] if closed else lines), "closed": closed}


def _rendered(opening: Opening) -> dict[str, str]:
    """Return an opening in our own words: the days with most in common in columns, the others in the remark."""
    if not opening.known:
        return {}
    on_days: dict[tuple[int, tuple[int, ...]], set[tuple[time, time]]] = {}
    on_holidays: list[str] = []
    for rule in opening.schedules:
        if rule.holidays:
            on_holidays.append(wording.span(rule.opens_at, rule.closes_at))
        for day in () if rule.holidays else rule.byday:
            on_days.setdefault((day, rule.nth), set()).add((rule.opens_at, rule.closes_at))
    together: dict[tuple[tuple[tuple[time, time], ...], tuple[int, ...]], list[int]] = {}
    for (day, nth), times in on_days.items():
        together.setdefault((tuple(sorted(times)), nth), []).append(day)
    groups = sorted(together.items(), key=lambda group: (bool(group[0][1]), -len(group[1]), group[1]))
    if not groups:
        return {}
    lines = []
    for number, ((spans, nth), days) in enumerate(groups):
        if number or len(spans) > 1:
            lines.append(f"{wording.days(tuple(days), nth)} {'、'.join(wording.span(*one) for one in spans)}")
    sundays = any(day == 6 for day, _nth in on_days)
    if on_holidays:
        lines.append(f"祝 {'、'.join(on_holidays)}")
    elif sundays and all(rule.holidays is False for rule in opening.schedules):
        lines.append("祝日休み")
    elif not sundays and all(rule.holidays is None for rule in opening.schedules):
        lines.append("祝日も開く")
    (spans, nth), days = groups[0]
    opens, closes = wording.span(spans[0][0], spans[-1][1]).split("～")
    return {
        "days": wording.days(tuple(days), nth),
        "opens": opens,
        "closes": closes,
        "hours_note": "\n".join(lines),
        "closed": wording.rests(opening),
    }


def _event_hours(resource: Resource) -> dict[str, str]:
    """Return the days of an event, and its hours if they are the same on all of them."""
    dates = _dates(resource.opening)
    if dates:
        first, last = dates
        spans = sorted({(s.opens_at, s.closes_at) for s in resource.opening.schedules})
        opens, closes = (
            "\n".join(times) for times in zip(*(wording.span(*one).split("～") for one in spans), strict=True)
        )
        said = {"開始日": first.isoformat(), "終了日": last.isoformat(), "opens": opens, "closes": closes}
    else:
        said = {"終了日": resource.ends_on.isoformat() if resource.ends_on else ""}
    whole = f"{said.get('開始日', '')}～{said['終了日']}"
    told = f"{whole} {said['opens']}～{said['closes']}" if dates else whole
    words = resource.hours_note.removeprefix(told).strip("\n")
    more = [] if dates else wording.opening(resource.opening)
    return said | {"hours_words": "\n".join(filter(None, [words, *more]))}


def _dates(opening: Opening) -> tuple[date, date] | None:
    """Return the first and last day of an opening that is the same on all days between, else None."""
    spans = {(s.valid_from, s.valid_to) for s in opening.schedules}
    first, last = next(iter(spans)) if len(spans) == 1 else (None, None)
    if first is None or last is None or any(s.nth or s.holidays is not None for s in opening.schedules):
        return None
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return (first, last) if all(len(opening.spans(day)) == len(opening.schedules) for day in days) else None


def same(opening: Opening) -> object:
    """Return what two openings share when they mean the same, however their rules are put together."""
    days = {day for rule in opening.schedules for day in rule.byday}
    rests = {(day, rest.nth, rest.on_holiday) for rest in opening.rests for day in rest.byday}
    return (
        frozenset(one for rule in opening.schedules for one in _single(rule)),
        frozenset(opening.closures) if opening.known else frozenset(),
        frozenset((day, nth, on) for day, nth, on in rests if nth or on != "rest" or day in days),
    )


def _single(rule: Schedule) -> Iterator[Schedule]:
    for day in rule.byday:
        yield replace(rule, byday=(day,), description="")
