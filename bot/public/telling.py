"""What a page tells of one place beyond its card: the coming week, closing days, and every fact that is known.

The rule: pure; the day and the moment are given. The week is worked out day by day, so that holidays, moved days of
rest and exceptions hold; what is not known is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bot import places
from bot.directory.resources import Resource
from bot.messages import Dated, Fact, Language, MonthDay, Phrase, Text, Verbatim, Weekdays, _
from bot.opening import TOKYO, Closure, Rest, is_holiday
from bot.public.words import AVAILABILITY, PROVISION


@dataclass(frozen=True, slots=True)
class Day:
    """Hold one day of the coming week: `spans` in words, empty when it does not open."""

    date: Phrase
    today: bool
    holiday: bool
    spans: tuple[Phrase, ...]


def week(resource: Resource, today: date) -> list[Day]:
    """Return the seven days from today; empty when its hours are not known."""
    if not resource.opening.known:
        return []
    days = [today + timedelta(days=n) for n in range(7)]
    return [
        Day(_("{date}", date=day), day == today, is_holiday(day), tuple(span(b, e) for b, e in spans_of(resource, day)))
        for day in days
    ]


def spans_of(resource: Resource, day: date) -> list[tuple[datetime, datetime]]:
    """Return when it opens on a day, none after its last one."""
    return [] if resource.ends_on is not None and day > resource.ends_on else resource.opening.spans(day)


def span(begins: datetime, ends: datetime) -> Phrase:
    """Word from when to when."""
    clock = (begins.astimezone(TOKYO).time(), ends.astimezone(TOKYO).time())
    return _("{opens}〜{closes}", opens=clock[0], closes=clock[1])


def closing(resource: Resource, today: date) -> list[Fact]:
    """Say on which days it rests: regular days of rest, every year's days, and dates still to come."""
    opening = resource.opening
    lines: list[Text] = [_rest(rest) for rest in opening.rests]
    lines += [_closure(closure) for closure in opening.closures if closure.yearly or closure.last >= today]
    return [Fact(_("休みの日"), line) for line in lines]


def _rest(rest: Rest) -> Phrase:
    line = _("{days}", days=Weekdays(rest.byday))
    if rest.nth:
        line = _("{which}の{line}", which=places.listed(places.NTH[n] for n in rest.nth), line=line)
    if rest.on_holiday == "next_day":
        return _("{line}（祝日のときは、次の日）", line=line)
    if rest.on_holiday == "next_weekday":
        return _("{line}（祝日のときは、次の平日）", line=line)
    return line


def _closure(closure: Closure) -> Phrase:
    first, last = (MonthDay(d.month, d.day) if closure.yearly else Dated(d) for d in (closure.first, closure.last))
    if first == last:
        return _("{date}", date=first)
    return _("{first}〜{last}", first=first, last=last)


def facts(resource: Resource) -> list[Fact]:
    """Return all facts but hours, telephone, map and web page, which a page shows in their own way."""
    return list(_facts(resource))


def _facts(r: Resource) -> Iterator[Fact]:
    yield from places.fee(r)
    yield from places.age(r)
    yield from places.booking(r)
    yield from places.conditions(r, most=len(r.attributes))
    if r.eligibility_description:
        yield Fact(_("使える人"), Verbatim(r.eligibility_description))
    if r.application_process:
        yield Fact(_("申し込み"), Verbatim(r.application_process))
    for document in r.required_documents:
        yield Fact(_("持っていくもの"), Verbatim(document))
    if r.availability:
        yield Fact(_("空き"), AVAILABILITY[r.availability])
    if r.capacity:
        yield Fact(_("定員"), _("{count}人", count=r.capacity))
    if r.provision in PROVISION:
        yield Fact(_("来てもらえるか"), PROVISION[r.provision])
    if spoken := [_("{language}", language=Language(id)) for id in r.languages]:
        yield Fact(_("話せることば"), places.listed(spoken))
    if r.service_area:
        yield Fact(_("使える地区"), Verbatim("、".join(r.service_area)))
    where = r.location
    if where.address or where.name:
        yield Fact(_("場所"), Verbatim(" ".join(filter(None, (where.address, where.name)))))
    if where.transportation:
        yield Fact(_("行き方"), Verbatim(where.transportation))
    if r.email:
        yield Fact(_("メール"), Verbatim(r.email))
    if r.organization.name:
        yield Fact(_("運営"), Verbatim(r.organization.name))
    if r.ends_on:
        yield Fact(_("終わる日"), _("{date}", date=Dated(r.ends_on)))


def origin(resource: Resource) -> list[Fact]:
    """Say where the entry comes from, and when somebody last made sure of it."""
    source = resource.source
    credit = " ".join(filter(None, (source.attribution or source.url, source.licence)))
    said = Verbatim(credit) if credit else _("市の台帳")
    known = _("{date}", date=Dated(resource.verified_on)) if resource.verified_on else _("まだ確かめていません")
    return [Fact(_("もとの情報"), said), Fact(_("確かめた日"), known)]
