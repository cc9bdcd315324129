"""What is told of a place: its facts one by one, and the cards that the desk shows of it.

The rule: only what is known is told, in phrases that every language words; names, addresses and words of a source stay
as they are written (DESIGN 6). Talk, public pages and the console's preview tell the same, from here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import reduce
from typing import Final

from bot import names
from bot.directory.resources import NO_BOOKING, CostOption, Resource
from bot.directory.search import Found, Match, Query
from bot.i18n import EASY, SOURCE
from bot.messages import (
    Card,
    Choice,
    Clocktime,
    Fact,
    Language,
    Metres,
    Months,
    Phrase,
    Text,
    Verbatim,
    Weekdays,
    Yen,
    _,
)
from bot.opening import TOKYO, Opening, Schedule

ORDERS: Final[Mapping[str, Phrase]] = {
    "distance": _("近い順です。"),
    "distance_from_area": _("その地区に近い順です。"),
    "kana": _("五十音順です。"),
}

DIFFERENCES: Final[Mapping[str, Phrase]] = {
    "kind": _("種類"),
    "fee": _("料金"),
    "hours": _("時間"),
    "age": _("年齢"),
    "distance": _("距離"),
    "booking": _("予約"),
    "conditions": _("使える条件"),
    "provision": _("来てもらえるか"),
}

#: Ages to choose from, with the months that stand for each.
AGES: Final[tuple[tuple[Phrase, int], ...]] = (
    (_("0歳（6か月まで）"), 3),
    (_("0歳（7〜11か月）"), 9),
    (_("1歳"), 18),
    (_("2歳"), 30),
    (_("3歳〜就学前"), 48),
    (_("小学生"), 96),
)

ASIDE: Final[Mapping[str, Phrase]] = {
    "town": _("その地区にはないので、まわりもさがしました。"),
    "area": _("その町にはないので、近くの町もさがしました。"),
    "distance": _("近くにはないので、広くさがしました。"),
    "open": _("その時間に開いていると分かるところはないので、時間を外してさがしました。"),
    "free": _("無料のところはないので、料金を外してさがしました。"),
    "language": _("そのことばで話せると分かるところはないので、ことばを外してさがしました。"),
    "provision": _("家に来てくれるところはないので、行って使うところもさがしました。"),
    "conditions": _("その条件に合うと分かるところはないので、条件を外してさがしました。"),
    "words": _("その名前では見つからないので、ほかのところを出します。"),
}

LEFT_OUT: Final[Mapping[str, Phrase]] = {
    "town": _("地区を広げると"),
    "area": _("近くの町も入れると"),
    "distance": _("もっと遠くも入れると"),
    "open": _("時間を外すと"),
    "free": _("有料も入れると"),
    "language": _("ことばを外すと"),
    "provision": _("行って使うところも入れると"),
    "conditions": _("条件を外すと"),
    "words": _("名前を外すと"),
    "age": _("子どもの年齢を外すと"),
}

NO_NEED_TO_BOOK: Final = _("予約がいらない")
NTH: Final = {1: _("第1"), 2: _("第2"), 3: _("第3"), 4: _("第4"), 5: _("第5"), -1: _("最後")}

_MORE = re.compile(r"放課後|長い休み|学校休日|延長")  # hours in words that the schedule beside them does not hold


# --- answers --------------------------------------------------------------------------------------------------------


def heading(found: Found, query: Query) -> list[Text]:
    """Say what had to be set aside, which of how many are shown in which order, and what differs between them."""
    lines: list[Text] = []
    if not found.area_known:
        lines.append(_("その地名が見つからなかったので、地名を外してさがしました。"))
    lines += [ASIDE[wish] for wish in found.widened if found.area_known or wish != "area"]
    if wished := wishes(query, found):
        lines.append(_("この希望でさがしました: {wishes}", wishes=listed(wished)))
    if found.neighbours:
        lines += _beside(found)
    elif found.total == 1 and not found.widened:
        lines.append(_("当てはまるところは、ここだけでした。"))
    else:
        lines.append(
            _(
                "{total}か所のうち、{first}〜{last}番目です。{order}",
                total=found.total,
                first=query.offset + 1,
                last=query.offset + len(found.matches),
                order=ORDERS[found.order],
            )
        )
    for wish, more in found.left_out:
        lines.append(_("{wish}、あと{count}か所あります。", wish=LEFT_OUT[wish], count=more))
    if found.differs:
        different = listed(DIFFERENCES[aspect] for aspect in found.differs)
        lines.append(_("ちがうところ: {aspects}。くらべて選んでください。", aspects=different))
    if found.hours_unknown:
        lines.append(_("ほかに{count}か所は、時間が分からないので出していません。", count=found.hours_unknown))
    return lines


def _beside(found: Found) -> list[Text]:
    """Say how few there are in the own town, and that those of other towns follow."""
    order, shown = ORDERS[found.order], len(found.neighbours)
    lines: list[Text] = [
        _("その町で当てはまるところは、{total}か所です。{order}", total=found.total, order=order),
        _("少ないので、ほかの町のところも、そのあとに出します。"),
    ]
    if found.neighbours_total > shown:
        total = found.neighbours_total
        lines.append(_("ほかの町のところは、{total}か所のうち、はじめの{shown}か所です。", total=total, shown=shown))
    return lines


def wishes(query: Query, found: Found) -> list[Text]:
    """Return what was asked of language, coming home and conditions and not set aside, so that it can be corrected."""
    lines: list[Text] = []
    if query.language and "language" not in found.widened:
        lines.append(_("{language}が通じる", language=Language(query.language)))
    if query.provision == "visit" and "provision" not in found.widened:
        lines.append(_("家に来てくれる"))
    if "conditions" not in found.widened:
        lines += [NO_NEED_TO_BOOK if id == NO_BOOKING else Phrase(names.ATTRIBUTES[id]) for id in query.attributes]
    return lines


# --- cards ----------------------------------------------------------------------------------------------------------


def card(match: Match, language: str, now: datetime, asked: Collection[str] = ()) -> Card:
    """Return the short card of one place among others; it names its town when that is none of the areas `asked`."""
    resource = match.resource
    town = resource.location.municipality
    away = asked and town and not any(area.startswith(town) for area in asked)
    facts = [Fact(_("市や町"), Verbatim(town))] if away else []
    facts += [now_fact(match, now)] if match.open_now is not None else []
    facts += [*hours(resource)[:2], *fee(resource)[:2], *age(resource)]
    if match.distance_km is not None:
        facts.append(Fact(_("距離"), _("{distance}", distance=Metres(int(match.distance_km * 1000)))))
    facts += booking(resource)
    facts += conditions(resource, most=3)
    return Card(
        title=title(resource, language),
        kind=names.category(resource.category),
        facts=tuple(facts),
        choices=(
            Choice(_("くわしく見る"), f"find_place.details:{resource.id}"),
            *call(resource),
        ),
        place=resource.id,
    )


def whole_card(resource: Resource, language: str) -> Card:
    """Return the card of one place with all that fits on it."""
    links = (
        *call(resource),
        *((Choice(_("地図"), opens="link", uri=uri),) if (uri := map_address(resource)) else ()),
        *((Choice(_("ホームページ"), opens="link", uri=uri),) if (uri := website(resource)) else ()),
    )
    return Card(
        title=title(resource, language),
        kind=names.category(resource.category),
        facts=tuple(facts(resource)),
        note=Verbatim(resource.description) if resource.description else None,
        choices=links,
        place=resource.id,
    )


def facts(resource: Resource) -> list[Fact]:
    """Return hours, fee, age, conditions, how to apply, address, telephone, and the date of making sure."""
    found = [*hours(resource), *fee(resource), *age(resource), *booking(resource), *conditions(resource, most=9)]
    if resource.eligibility_description:
        found.append(Fact(_("使える人"), Verbatim(resource.eligibility_description)))
    if resource.application_process:
        found.append(Fact(_("申し込み"), Verbatim(resource.application_process)))
    if resource.location.address:
        found.append(Fact(_("場所"), Verbatim(resource.location.address)))
    for phone in resource.phones[:2]:
        found.append(Fact(_("電話"), Verbatim(f"{phone.number} {phone.description}".strip())))
    if resource.verified_on:
        found.append(Fact(_("確かめた日"), _("{date}", date=resource.verified_on)))
    return found


# --- facts ----------------------------------------------------------------------------------------------------------


def title(resource: Resource, language: str) -> Verbatim:
    """Return the Japanese name, beside it the kana or the Latin letters where the source has them."""
    beside = {SOURCE: "", EASY: resource.kana}.get(language, resource.name_latin)
    return Verbatim(f"{resource.name}（{beside}）" if beside and beside != resource.name else resource.name)


def now_fact(match: Match, now: datetime) -> Fact:
    """Say whether it is open, and if not, when it opens next."""
    if match.open_now:
        return Fact(_("いま"), _("開いています"))
    moment = match.resource.opening.next_open(now + timedelta(minutes=1))
    if moment is None:
        return Fact(_("いま"), _("閉まっています"))
    when = Clocktime(moment, now.astimezone(TOKYO).date())
    return Fact(_("いま"), _("閉まっています（次は {when}）", when=when))


def hours(resource: Resource) -> list[Fact]:
    """Say when it opens: one line for each rule, and the source's words where they say more."""
    words = [Fact(_("時間"), Verbatim(resource.hours_note))] if resource.hours_note else []
    if not resource.opening.known:
        return words
    lines = [Fact(_("時間"), line) for line in hours_lines(resource.opening)]
    return [*lines, *(words if _MORE.search(resource.hours_note) else ())]


def hours_lines(opening: Opening) -> list[Phrase]:
    """Word when something opens: one line for each rule, its days together."""
    merged: dict[Schedule, list[int]] = {}
    for rule in opening.schedules:
        merged.setdefault(replace(rule, byday=()), []).extend(rule.byday)
    return [hours_line(rule, tuple(days)) for rule, days in merged.items()]


def fee(resource: Resource) -> list[Fact]:
    """Say what it costs."""
    return [Fact(_("料金"), price(cost)) for cost in resource.cost[:3]]


def age(resource: Resource) -> list[Fact]:
    """Say for which ages it is."""
    low, high = resource.minimum_age, resource.maximum_age
    if low is None and high is None:
        return []
    if high is None:
        return [Fact(_("年齢"), _("{low}から", low=Months(low or 0)))]
    if not low:
        return [Fact(_("年齢"), _("{high}まで", high=Months(high)))]
    return [Fact(_("年齢"), _("{low}〜{high}", low=Months(low), high=Months(high)))]


def booking(resource: Resource) -> list[Fact]:
    """Say whether one must book."""
    if resource.booking_required is None:
        return []
    return [Fact(_("予約"), _("いる") if resource.booking_required else _("いらない"))]


def conditions(resource: Resource, *, most: int) -> list[Fact]:
    """Say the first `most` conditions and what is there."""
    known = [Phrase(names.ATTRIBUTES[id]) for id in resource.attributes if id in names.ATTRIBUTES]
    return [Fact(_("とくに"), listed(known[:most]))] if known else []


def dialled(number: str) -> str:
    """Return the address that calls a number, "" for one without its area code, which would ring elsewhere."""
    digits = "".join(c for c in number if c.isdigit())
    return f"tel:{digits}" if digits.startswith("0") else ""


def call(resource: Resource) -> tuple[Choice, ...]:
    """Offer to call the first number."""
    return tuple(
        Choice(_("電話する"), opens="call", uri=uri)
        for phone in resource.phones[:1]
        if (uri := dialled(phone.number))
    )  # fmt: skip


def website(resource: Resource) -> str:
    """Return the address of its web page, "" for what is none: words of a source never run in a browser."""
    return resource.url if resource.url.startswith(("http://", "https://")) else ""


def map_address(resource: Resource) -> str:
    """Return where a map shows it, "" when its point is not known."""
    place = resource.location
    if place.latitude is None or place.longitude is None:
        return ""
    point = (place.latitude, place.longitude)
    return f"https://www.openstreetmap.org/?mlat={point[0]}&mlon={point[1]}#map=17/{point[0]}/{point[1]}"


def listed(parts: Iterable[Text]) -> Text:
    """Join parts as the language joins a list."""
    return reduce(lambda a, b: _("{a}、{b}", a=a, b=b), parts)


def hours_line(rule: Schedule, days: tuple[int, ...]) -> Phrase:
    """Word one opening rule on these days."""
    line = _("{days} {opens}〜{closes}", days=Weekdays(days), opens=rule.opens_at, closes=rule.closes_at)
    if rule.nth:
        line = _("{which}の{line}", which=listed(NTH[n] for n in rule.nth), line=line)
    if rule.holidays is True:
        return _("祝日 {opens}〜{closes}", opens=rule.opens_at, closes=rule.closes_at)
    if rule.holidays is False:
        return _("{line}（祝日は休み）", line=line)
    return line


def price(cost: CostOption) -> Text:
    """Word one price."""
    if cost.amount is None:
        return Verbatim(cost.amount_description)
    line: Text = _("{amount}", amount=Yen(cost.amount))
    if cost.option:
        option = Phrase(names.COST_OPTIONS[cost.option]) if cost.option in names.COST_OPTIONS else Verbatim(cost.option)
        line = _("{option} {amount}", option=option, amount=Yen(cost.amount))
    if cost.amount_description:
        return _("{line}（{note}）", line=line, note=Verbatim(cost.amount_description))
    return line
