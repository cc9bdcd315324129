"""Puts opening hours and ages into the words in which cities write them.

The rule: `bot.directory.hours` and `bot.directory.importing.cells` read the words back, as far as they have words for
it.
"""

from __future__ import annotations

from datetime import time

from bot.directory.hours import NEW_YEAR, WEEKDAYS
from bot.opening import Closure, Opening, Rest, Schedule

_HOLIDAYS = {None: "", False: "祝日休み", True: "祝日のみ"}
_MOVES = {"rest": "", "next_day": "（祝日の場合は翌日）", "next_weekday": "（祝日の場合は翌平日）"}


def days(byday: tuple[int, ...], nth: tuple[int, ...] = ()) -> str:
    """Return 月火水 or 第1・3土."""
    which = "・".join("最終" if n == -1 else str(n) for n in nth)
    return f"第{which}{_letters(byday)}" if nth else _letters(byday)


def _letters(byday: tuple[int, ...]) -> str:
    return "".join(WEEKDAYS[day] for day in sorted(set(byday)))


def clock(moment: time) -> str:
    """Return 9:00."""
    return f"{moment.hour}:{moment.minute:02}"


def span(opens: time, closes: time) -> str:
    """Return 9:00～17:00; the end of a day is 24:00."""
    return f"{clock(opens)}～{'24:00' if closes == time() else clock(closes)}"


def schedule(rule: Schedule) -> str:
    """Return one opening rule in words: 第1・3土 9:00～12:00 祝日休み 2026-11-07～2027-03-20."""
    until = "～".join(d.isoformat() if d else "" for d in (rule.valid_from, rule.valid_to))
    hours = f"{days(rule.byday, rule.nth)} {span(rule.opens_at, rule.closes_at)}"
    return " ".join(filter(None, (hours, _HOLIDAYS[rule.holidays], until.strip("～") and until, rule.description)))


def closure(closed: Closure) -> str:
    """Return 年末年始, 8月13日～8月15日, or 2026-11-23 for a day of one year."""
    if closed == NEW_YEAR:
        return "年末年始"
    ends = (closed.first, closed.last)
    named = [f"{d.month}月{d.day}日" if closed.yearly else d.isoformat() for d in ends]
    return "～".join(dict.fromkeys(named))


def rest(resting: Rest) -> str:
    """Return a regular day of rest, and where a holiday moves it: 月曜日（祝日の場合は翌日）."""
    moves = _MOVES[resting.on_holiday]
    return "、".join(f"{days((day,), resting.nth)}曜日{moves}" for day in sorted(set(resting.byday)))


def rests(opening: Opening) -> str:
    """Return when it is closed: 月曜日（祝日の場合は翌平日）、年末年始."""
    return "、".join([*map(rest, opening.rests), *map(closure, opening.closures)])


def opening(when: Opening) -> list[str]:
    """Return all that is known about when something is open, one rule a line."""
    closed = rests(when)
    return [*map(schedule, when.schedules), *([f"休み: {closed}"] if closed else [])]


def ages(minimum: int | None, maximum: int | None) -> str:
    """Return bounds in months as 6か月～5歳; the upper bound is the last month of the year that it names."""
    if minimum is None:
        return "" if maximum is None else f"{_last(maximum)}まで"
    return f"{_age(minimum)}～{'' if maximum is None else _last(maximum)}"


def _age(months: int) -> str:
    years, rest_of = divmod(months, 12)
    if months < 24:
        return f"{months}か月" if rest_of or not months else f"{years}歳"
    return f"{years}歳{f'{rest_of}か月' if rest_of else ''}"


def _last(months: int) -> str:
    return f"{months // 12}歳" if months % 12 == 11 else f"{months}か月" if months < 100 else _age(months)
