"""Opening hours as a table of the week with two spans a day, holidays, closed days and days of rest; and back.

The rule: what the table cannot hold (第2土曜, seasons, three spans a day) is never squeezed into it: it is shown in
words and stays as it is until somebody says that the table shall stand in its place.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, time
from typing import Final, Literal

from bot.directory.exporting.wording import clock
from bot.directory.hours import NEW_YEAR
from bot.errors import SlipError
from bot.opening import Closure, Opening, Schedule
from handoff.console.directory import wording
from handoff.wording import say, weekday

HOLIDAY: Final = 7  # its row in the table, after Monday to Sunday
ROWS: Final = range(HOLIDAY + 1)
SPANS: Final = 2  # a day: morning and afternoon
EVERY_DAY: Final = tuple(range(7))
SPARE: Final = 2

Holidays = Literal["same", "closed", "own"]
Span = tuple[time, time]
_FLAG: Final[Mapping[str, bool | None]] = {"same": None, "closed": False, "own": False}


def name_of(row: int) -> str:
    """Return how a row of the table is headed."""
    return say("祝日") if row == HOLIDAY else weekday(row)


def table_of(schedules: tuple[Schedule, ...]) -> tuple[dict[int, list[Span]], Holidays] | None:
    """Return the spans of each day (7 = holidays) and what holds on holidays; None when a table cannot hold them."""
    spans: dict[int, list[Span]] = defaultdict(list)
    flags = {rule.holidays for rule in schedules if rule.holidays is not True}
    own = [rule for rule in schedules if rule.holidays is True]
    if len(flags) > 1 or (own and flags - {False}) or any(tuple(sorted(rule.byday)) != EVERY_DAY for rule in own):
        return None
    for rule in schedules:
        if rule.nth or rule.valid_from or rule.valid_to or rule.description:
            return None
        for day in (HOLIDAY,) if rule.holidays is True else rule.byday:
            spans[day].append((rule.opens_at, rule.closes_at))
    if any(len(found) > SPANS for found in spans.values()):
        return None
    return {
        day: sorted(found) for day, found in spans.items()
    }, "own" if own else "closed" if False in flags else "same"


def inputs_of(opening: Opening) -> dict[str, str]:
    """Return the inputs as they show what is known; `opening.keep` is there when the table cannot hold it."""
    table = table_of(opening.schedules)
    spans, holidays = table if table is not None else ({}, "same")
    shown = {"opening.holidays": str(holidays)} | ({"opening.keep": "keep"} if table is None else {})
    for day in ROWS:
        for n in range(SPANS):
            at = spans.get(day, [])[n : n + 1]
            shown[f"opening.{day}.{n}.opens"] = clock(at[0][0]) if at else ""
            shown[f"opening.{day}.{n}.closes"] = _closing(at[0][1]) if at else ""
    for n, closed in enumerate((*opening.closures, *[None] * SPARE)):
        ends = ("", "") if closed is None else _closure(closed)
        shown[f"opening.closed.{n}.first"], shown[f"opening.closed.{n}.last"] = ends
    return shown | {f"opening.rest.{n}": "on" for n in range(len(opening.rests))}


def read(inputs: Mapping[str, str], opening: Opening) -> Opening:
    """Return what the inputs say. Raise SlipError."""
    schedules = _schedules(inputs)
    if inputs.get("opening.keep") == "keep":
        if schedules:
            raise SlipError("週の表に書いた時間を使うときは「表で置きかえる」をえらんでください")
        schedules = opening.schedules
    known = {_closure(closed): closed for closed in opening.closures}
    closures = []
    for n in range(100):
        first, last = (inputs.get(f"opening.closed.{n}.{end}", "") for end in ("first", "last"))
        if first or last:
            closures.append(known.get((first, last)) or _closed(first, last))
    rests = tuple(rest for n, rest in enumerate(opening.rests) if inputs.get(f"opening.rest.{n}"))
    return Opening(schedules, tuple(closures), rests)


def _schedules(inputs: Mapping[str, str]) -> tuple[Schedule, ...]:
    days: dict[Span, list[int]] = defaultdict(list)
    for day in ROWS:
        for n in range(SPANS):
            opens, closes = (inputs.get(f"opening.{day}.{n}.{end}", "") for end in ("opens", "closes"))
            if bool(opens) != bool(closes):
                raise SlipError("{day}: はじまりと終わりを、両方書いてください", day=name_of(day))
            if opens:
                days[_span(opens, closes, name_of(day))].append(day)
    holidays = inputs.get("opening.holidays", "same")
    if any(HOLIDAY in found for found in days.values()) and holidays != "own":
        raise SlipError("祝日の時間を書いたときは、祝日は「祝日の行のとおり」をえらんでください")
    flag = _FLAG.get(holidays)
    rules = [
        Schedule(tuple(day for day in found if day != HOLIDAY), opens, closes, holidays=flag)
        for (opens, closes), found in sorted(days.items())
        if found != [HOLIDAY]
    ]
    own = [Schedule(EVERY_DAY, *span, holidays=True) for span, found in sorted(days.items()) if HOLIDAY in found]
    return (*rules, *own)


def _span(opens: str, closes: str, day: str) -> Span:
    found = _clock(opens, day), _clock(closes, day)
    if found[0] == found[1] != time():
        raise SlipError("{day}: はじまりと終わりが同じです", day=day)
    return found


def _clock(words: str, day: str) -> time:
    found = re.fullmatch(r"(\d{1,2})(?:[:時](\d{1,2})?分?)?", unicodedata.normalize("NFKC", words).strip())
    hour, minute = (int(found[1]), int(found[2] or 0)) if found else (99, 0)
    if (hour, minute) == (24, 0):
        return time(0)
    if hour > 23 or minute > 59:
        raise SlipError("{day}: 時間は 9:00 のように書いてください", day=day)
    return time(hour, minute)


def _closing(at: time) -> str:
    return "24:00" if at == time() else clock(at)


def _closure(closed: Closure) -> tuple[str, str]:
    first, last = (f"{d.month}/{d.day}" if closed.yearly else d.isoformat() for d in (closed.first, closed.last))
    return first, "" if first == last else last


def _closed(first: str, last: str) -> Closure:
    """Return a closure: 12/29 every year, 2026-11-24 once."""
    ends = [_date(words) for words in (first or last, last or first)]
    if ends[0][1] != ends[1][1]:
        raise SlipError("休む日は、はじめと終わりの両方に年を書くか、両方とも書かないでください")
    closed = Closure(ends[0][0], ends[1][0], yearly=ends[0][1])
    if not closed.yearly and closed.last < closed.first:
        raise SlipError("休む日の終わりが、はじめより前です")
    return closed


def _date(words: str) -> tuple[date, bool]:
    """Return a day, and whether it comes every year."""
    told = unicodedata.normalize("NFKC", words).strip()
    found = re.fullmatch(r"(?:(\d{4})[-/年])?(\d{1,2})[-/月](\d{1,2})日?", told)
    try:
        if found is not None:
            year = int(found[1]) if found[1] else NEW_YEAR.first.year
            return date(year, int(found[2]), int(found[3])), not found[1]
    except ValueError:
        pass
    raise SlipError("休む日は 12/29（毎年）か 2026-11-24 のように書いてください")


def words_of(opening: Opening) -> list[str]:
    """Return the opening rules in words, for what the table cannot hold."""
    return [wording.schedule(rule) for rule in opening.schedules]


def rests_of(opening: Opening) -> list[str]:
    """Return the regular days of rest in words."""
    return [wording.rest(rest) for rest in opening.rests]
