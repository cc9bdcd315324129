"""Reads hours, weekdays and closing days as Japanese cities write them into an Opening.

The rule: all or nothing. A text that is only half understood is not understood: the opening stays empty and people
are shown the words as written. Two cautious readings are the only ones beyond the text: 年末年始 without dates is
12-29 to 01-03 (行政機関の休日に関する法律 1条), and a place that rests on Sundays and says nothing of national
holidays rests on them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from typing import Literal

from bot.opening import Closure, Opening, Rest, Schedule

WEEKDAYS = "月火水木金土日"
EVERY_DAY = frozenset(range(7))
NEW_YEAR = Closure(date(2024, 12, 29), date(2024, 1, 3), yearly=True)
FIRST_THREE_DAYS = Closure(date(2024, 1, 1), date(2024, 1, 3), yearly=True)  # 正月
DAY_MINUTES = 24 * 60
BLANK = re.compile(r"^[\s\-‐‑–—―−─ーｰ－*]*$")

Span = tuple[int, int]  # minutes from midnight; the end may lie past 24:00
Nth = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ReadHours:
    """Hold what was read: `stated` = the source says something, `understood` = all of it was read."""

    opening: Opening
    stated: bool
    understood: bool


UNSTATED = ReadHours(Opening(), False, False)
NOT_UNDERSTOOD = ReadHours(Opening(), True, False)


class _CannotReadError(Exception):
    """Leave the reading of a text at the first thing that is not understood; never leaves this module."""


# --- words ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Days:
    weekdays: frozenset[int] = frozenset()
    holiday: bool = False
    nth: Nth = ()
    working: bool = False  # 平日: these weekdays, but not when they are holidays


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Until:
    end: int


@dataclass(frozen=True, slots=True)
class _Dates:
    closure: Closure


@dataclass(frozen=True, slots=True)
class _Moves:
    days: tuple[_Days, ...]  # empty: those named just before
    to: Literal["next_day", "next_weekday"]


@dataclass(frozen=True, slots=True)
class _Group:
    words: tuple[_Word, ...]


_Mark = Literal["open", "closed", "hours:", "rests:", "none", "except", "year_end", "as_ever"]
_Word = _Days | _Span | _Until | _Dates | _Moves | _Group | _Mark

_TIME = r"(\d{1,2}):(\d{2})"
_DATE = r"(\d{1,2})(?:/|月)(\d{1,2})日?"
_DAY = rf"[{WEEKDAYS}](?:曜日?)?"
_HOLIDAY = r"国民の祝日に関する法律に規定する休日|国民の祝日|祝祭日|祝休日|祝日|祝"


def _normal(text: str) -> str:
    """Make one spelling of times, dates and waves."""
    text = unicodedata.normalize("NFKC", text)
    text = re.sub(r"\([^()\d]*(?:含む?|込み?)\)", "", text.replace("正午", "12:00"))
    text = re.sub(r"(午前|午後)?\s*(\d{1,2})時(?!間)(?:(半)|(\d{1,2})分)?", _clock, text)
    text = re.sub(r"(午前|午後)\s*(\d{1,2}):(\d{2})", _clock_colon, text)
    text = re.sub(r"(?<=\d)\s*:\s*(?=\d)", ":", text)
    text = re.sub(r"翌朝?日?の?\s*(\d{1,2}):(\d{2})", lambda m: f"{int(m[1]) + 24}:{m[2]}", text)
    text = re.sub(r"(\d{1,2}:\d{2}):00(?!\d)", r"\1", text)  # seconds
    text = re.sub(rf"\(([{WEEKDAYS}](?:曜日?)?)は?({_TIME})\)", r"(\1は\2まで)", text)  # 19:00(土曜18:00)
    text = re.sub(r"\((?:最終)?(?:入館|受付|入場)[は~]*\d{1,2}:\d{2}まで\)", "", text)
    text = re.sub(r"\s*[~〜∼～]\s*", "~", text)
    text = re.sub(rf"({_TIME})\s*(?:[-‐–—―−ー]|から)\s*(?={_TIME})", r"\1~", text)
    text = re.sub(rf"([{WEEKDAYS}](?:曜日?)?)[-‐–—―−](?=[{WEEKDAYS}])", r"\1~", text)
    return text.strip()


def _clock(found: re.Match[str]) -> str:
    hour = int(found[2]) + (12 if found[1] == "午後" and int(found[2]) < 12 else 0)
    return f"{hour}:{30 if found[3] else int(found[4] or 0):02d}"


def _clock_colon(found: re.Match[str]) -> str:
    return f"{int(found[2]) + (12 if found[1] == '午後' and int(found[2]) < 12 else 0)}:{found[3]}"


def _minutes(hour: str, minute: str) -> int:
    total = int(hour) * 60 + int(minute)
    if int(minute) > 59 or total > 2 * DAY_MINUTES:
        raise _CannotReadError
    return total


def _span(found: re.Match[str]) -> _Span:
    start, end = _minutes(found[1], found[2]), _minutes(found[3], found[4])
    if start > DAY_MINUTES:
        raise _CannotReadError
    return _Span(start, end if end > start else end + DAY_MINUTES)


def _yearly(first: tuple[str, str], last: tuple[str, str]) -> Closure:
    try:
        return Closure(date(2024, int(first[0]), int(first[1])), date(2024, int(last[0]), int(last[1])), yearly=True)
    except ValueError as error:
        raise _CannotReadError from error


def _nth(found: re.Match[str]) -> _Days:
    nth = tuple(sorted({int(n) for n in re.findall(r"\d", found[1])}))
    return _Days(frozenset(WEEKDAYS.index(c) for c in re.sub("曜日?", "", found[2]) if c in WEEKDAYS), nth=nth)


def _from_to(found: re.Match[str]) -> _Days:
    first, last = WEEKDAYS.index(found[1]), WEEKDAYS.index(found[2])
    return _Days(frozenset((first + n) % 7 for n in range((last - first) % 7 + 1)))


def _moves(found: re.Match[str]) -> _Moves:
    named = tuple(w for w in _words(found["days"] or "") if isinstance(w, _Days))
    return _Moves(named, "next_weekday" if found["to"] == "翌平日" else "next_day")


_Make = Callable[[re.Match[str]], "_Word | None"]
_RULES: tuple[tuple[str, _Make], ...] = (
    # remarks that add something without changing when it is open
    (
        rf"(?:[^;。、()\d休閉曜祝{WEEKDAYS}]|\([^()\d]*\))*(?:預かり保育|延長保育)(?:あり|有り?)",
        lambda m: None,
    ),
    (r"(?:平日|土曜)延長保育:[^;。]*", lambda m: None),
    (r"延長保育(?:なし|無し?|は?(?:\d{1,2}:\d{2}~)?\d{1,2}:\d{2}(?:まで)?)", lambda m: None),
    (r"預かり保育[^;。]*", lambda m: None),
    (r"月\d回[^;。()]{1,6}開設", lambda m: None),
    (
        r"(?:その)?他?(?:[^;。、()\d]*(?:により|による|のため))?臨時(?:休業|休館)日?(?:年\d回)?(?:あり|有り?)",
        lambda m: None,
    ),
    (r"(?:館内|図書|資料)?整理(?:休館)?日[:は]?", lambda m: None),
    (r"要予約|予約制|休み時間|最終(?:入館|受付)(?:は)?\d{1,2}:\d{2}(?:まで)?", lambda m: None),
    # sections
    (r"【?(?:開館|開所|開設|開園|利用|営業)(?:可能)?時間】?[:は]?", lambda m: "hours:"),
    (r"【?(?:休館|休所|休園|休業|定休)日】?[:は]?|【休み】", lambda m: "rests:"),
    # a day of rest that moves
    (
        rf"(?:(?P<days>[第\d・,、{WEEKDAYS}曜]+)が)?(?:祝休日|祝日|休日)(?:の場合|に当たる場合|のとき)は?[、,]?"
        r"(?P<to>翌日|翌平日)(?:も?休(?:館日?|業|み)?)?",
        _moves,
    ),
    (rf"(?:{_HOLIDAY})も(?:開館|開所|開く|利用可能?|同じ)", lambda m: "as_ever"),
    # dates
    (rf"{_DATE}(?:~|から)(?:翌年の?)?{_DATE}(?:まで)?", lambda m: _Dates(_yearly((m[1], m[2]), (m[3], m[4])))),
    (r"(\d{1,2})月(\d{1,2})[、,・](\d{1,2})日", lambda m: _Dates(_yearly((m[1], m[2]), (m[1], m[3])))),
    (r"(\d{1,2})月(\d{1,2})日", lambda m: _Dates(_yearly((m[1], m[2]), (m[1], m[2])))),
    (r"年末年始", lambda m: "year_end"),
    (r"正月", lambda m: _Dates(FIRST_THREE_DAYS)),
    # times
    (rf"{_TIME}~{_TIME}(?:まで)?", _span),
    (rf"{_TIME}まで", lambda m: _Until(_minutes(m[1], m[2]))),
    (r"終日(?!利用不可)|24時間(?:営業)?", lambda m: _Span(0, DAY_MINUTES)),
    # days
    (r"(?:毎月|月の)(?=第)|毎週", lambda m: None),
    (rf"第(\d(?:[・,、]\d)*)((?:{_DAY}[・,、]?)*{_DAY})", _nth),
    (rf"([{WEEKDAYS}])(?:曜日?)?~([{WEEKDAYS}])(?:曜日?)?", _from_to),
    (r"平日保育:|平日", lambda m: _Days(frozenset(range(5)), working=True)),
    (r"土曜保育:", lambda m: _Days(frozenset({5}))),
    (r"年中無休|無休|無し|なし", lambda m: "none"),
    (r"毎日", lambda m: _Days(EVERY_DAY)),
    (_HOLIDAY, lambda m: _Days(holiday=True)),
    (rf"([{WEEKDAYS}])(?:曜日?)?", lambda m: _Days(frozenset({WEEKDAYS.index(m[1])}))),
    # verbs
    (r"(?:終日)?利用不可|休館日?|休業日?|定休日?|休園日?|お?休み|休", lambda m: "closed"),
    (r"利用可能?|開設|開館", lambda m: "open"),
    (r"を?除く", lambda m: "except"),
    # what only joins
    (r"診療時間内のみ", lambda m: None),
    (r"のみ(?=\s*\d)|および|及び|ただし|は|と|に|[、,・/:;。\s]", lambda m: None),
)
_TIMES = re.compile(  # whether a text speaks of hours or days at all: 随時 and 毎月1回 do not
    rf"(?<!毎)[{WEEKDAYS}](?![末\d]|ごと)|\d\s*[:：時]|毎日|平日|祝|終日|無休|年末|休館日|休園日|休所日|定休"
)
_GRAMMAR = [(re.compile(pattern), make) for pattern, make in _RULES]


def _words(text: str) -> tuple[_Word, ...]:
    """Cut a normalised text into words; raise _CannotReadError at the first unknown one."""
    stack: list[list[_Word]] = [[]]
    at = 0
    while at < len(text):
        if text[at] == "(":
            stack.append([])
            at += 1
        elif text[at] == ")":
            if len(stack) == 1:
                raise _CannotReadError
            inner = tuple(stack.pop())
            stack[-1].append(_Group(inner))
            at += 1
        else:
            for pattern, make in _GRAMMAR:
                if (found := pattern.match(text, at)) and found.end() > at:
                    if (word := make(found)) is not None:
                        stack[-1].append(word)
                    at = found.end()
                    break
            else:
                raise _CannotReadError
    if len(stack) > 1:
        raise _CannotReadError
    return tuple(stack[0])


# --- sense ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Week:
    """Gather what is said about each weekday, about holidays, and about days of rest."""

    rules: dict[int, list[tuple[Nth, tuple[Span, ...]]]] = field(default_factory=dict)
    holiday: tuple[Span, ...] | None = None  # None: nothing said; (): closed
    as_ever: bool = False  # it is said that holidays are like any day
    closures: list[Closure] = field(default_factory=list)
    rests: list[Rest] = field(default_factory=list)

    def set(self, days: Iterable[_Days], spans: tuple[Span, ...]) -> None:
        for day in days:
            for weekday in day.weekdays:
                if day.nth:
                    kept = [(_minus(nth, day.nth), s) for nth, s in self.rules.get(weekday, [])]
                    self.rules[weekday] = [(nth, s) for nth, s in kept if nth] + [(day.nth, spans)]
                else:
                    self.rules[weekday] = [((), spans)]
            if day.holiday:
                self.holiday = spans
            if day.working and self.holiday is None:
                self.holiday = ()

    def close(self, day: _Days, moves: Literal["rest", "next_day", "next_weekday"] = "rest") -> None:
        if day.holiday:
            self.holiday = ()
        if not day.weekdays:
            return
        if day.nth or moves != "rest":
            self.rests.append(Rest(tuple(sorted(day.weekdays)), day.nth, moves))
        else:
            for weekday in day.weekdays:
                self.rules.pop(weekday, None)
            self.rests.append(Rest(tuple(sorted(day.weekdays))))

    def base(self, weekday: int | None = None) -> tuple[Span, ...]:
        """Return the ordinary spans of `weekday`, else those that every open day shares."""
        own = [s for nth, s in self.rules.get(weekday, []) if not nth] if weekday is not None else []
        if own:
            return own[0]
        shared = {s for rules in self.rules.values() for nth, s in rules if not nth}
        if len(shared) != 1:
            raise _CannotReadError
        return shared.pop()

    def opening(self) -> Opening:
        """Return the Opening, equal weekdays together."""
        if not self.rules:
            raise _CannotReadError
        resting = {d for r in self.rests if not r.nth for d in r.byday}
        if self.holiday is None and not self.as_ever and (6 not in self.rules or (6 in resting)):
            self.holiday = ()
        on_holidays = None if self.holiday is None else False
        together: dict[tuple[Nth, Span], set[int]] = {}
        for weekday, rules in self.rules.items():
            for nth, spans in rules:
                for span in spans:
                    together.setdefault((nth, span), set()).add(weekday)
        schedules = [
            Schedule(tuple(sorted(days)), _clock_time(span[0]), _clock_time(span[1]), nth=nth, holidays=on_holidays)
            for (nth, span), days in sorted(together.items(), key=lambda kv: (min(kv[1]), kv[0]))
        ]
        schedules += [
            Schedule(tuple(range(7)), _clock_time(start), _clock_time(end), holidays=True)
            for start, end in self.holiday or ()
        ]
        unneeded = {d for d in EVERY_DAY if d not in self.rules and not self.holiday}
        rests = [r for r in self.rests if r.nth or r.on_holiday != "rest" or not set(r.byday) <= unneeded]
        return Opening(tuple(schedules), tuple(dict.fromkeys(self.closures)), tuple(dict.fromkeys(rests)))


def _minus(nth: Nth, taken: Nth) -> Nth:
    return tuple(n for n in (nth or (1, 2, 3, 4, 5)) if n not in taken)


def _clock_time(minutes: int) -> time:
    return time(minutes // 60 % 24, minutes % 60)


def _touches(span: _Span, spans: Iterable[Span]) -> bool:
    """Return whether `span` goes on where one of `spans` ends, or leads up to it, past midnight too."""
    return any((span.end - start) % DAY_MINUTES == 0 or (span.start - end) % DAY_MINUTES == 0 for start, end in spans)


class _Reader:
    """Read words into a week; `usual` are the days meant where none is named."""

    def __init__(self, week: _Week, usual: Sequence[_Days]) -> None:
        self.week = week
        self.usual = usual
        self.days: list[_Days] = []
        self.spans: list[Span] = []
        self.dates: list[Closure] = []
        self.resting: list[tuple[_Days, Literal["rest", "next_day", "next_weekday"]]] = []
        self.mode: Literal["hours:", "rests:"] = "hours:"

    def read(self, text: str, mode: Literal["hours:", "rests:"] = "hours:") -> None:
        """Take in one text; raise _CannotReadError when any of it is not understood."""
        self.mode = mode
        self._take(_words(_normal(text)))
        self._end()
        for day, moves in self.resting:
            self.week.close(day, moves)
        self.resting = []

    def _take(self, words: Sequence[_Word]) -> None:
        for n, word in enumerate(words):
            if word in ("hours:", "rests:"):
                self._end()
                self.mode = word
            elif isinstance(word, _Group):
                self._group(word, words[n - 1] if n else None, words[n + 1] if n + 1 < len(words) else None)
            elif self.mode == "rests:":
                self._rest(word)
            else:
                self._hour(word)

    def _hour(self, word: _Word) -> None:
        if isinstance(word, _Days):
            if self.spans:
                self._end()
            self.days.append(word)
        elif isinstance(word, _Span):
            self.spans.append((word.start, word.end))
        elif isinstance(word, _Until):
            self._until(word.end)
        elif isinstance(word, _Dates):
            self.dates.append(word.closure)
        elif word == "year_end":
            self.dates.append(NEW_YEAR)
        elif word == "as_ever":
            if self.spans:
                self._end()
            self.week.as_ever = True
        elif word == "closed" and (self.days or self.dates) and not self.spans:
            for day in self.days:
                self.week.close(day)
            self.week.closures += self.dates
            self.days, self.dates = [], []
        elif word == "closed" and not self.days and not self.spans:
            for day in self.usual:
                self.week.close(day)
        elif word == "open" and self.days and not self.spans:
            self.week.set(self.days, self.week.base())
            self.days = []
        elif word in ("none", "open") and not self.days and not self.spans and not self.dates:
            pass  # 17:00まで利用可能
        else:
            raise _CannotReadError

    def _rest(self, word: _Word) -> None:
        if isinstance(word, _Days):
            self.resting.append((word, "rest"))
        elif isinstance(word, _Dates):
            self.week.closures.append(word.closure)
        elif word == "year_end":
            self.week.closures.append(NEW_YEAR)
        elif isinstance(word, _Moves):
            self._move(word)
        elif word not in ("closed", "none"):
            raise _CannotReadError

    def _move(self, word: _Moves) -> None:
        if not self.resting:
            raise _CannotReadError
        named = word.days or (self.resting[-1][0],)
        chosen = [(d, word.to if d in named else m) for d, m in self.resting]
        if not any(d in named for d, _ in self.resting):
            raise _CannotReadError
        self.resting = chosen

    def _until(self, end: int) -> None:
        """Close at another time on the days just named, opening as usual."""
        if not self.days or self.spans:
            raise _CannotReadError
        for day in self.days:
            if day.holiday:
                self.week.set([_Days(holiday=True)], _cut(self.week.base(6 if 6 in self.week.rules else None), end))
            for weekday in day.weekdays:
                self.week.set([_Days(frozenset({weekday}), nth=day.nth)], _cut(self.week.base(weekday), end))
        self.days = []

    def _group(self, group: _Group, before: _Word | None, after: _Word | None) -> None:
        inner = group.words
        if not inner:
            return
        if self.mode == "rests:":
            self._rest_group(inner, before)
        elif all(isinstance(w, _Days) for w in inner):
            if isinstance(after, _Span):  # (月・水)9:00~12:00
                for word in inner:
                    self._hour(word)
            elif isinstance(before, _Span) and self.spans:  # 9:00~17:00(土日)
                last = self.spans.pop()
                self._end()
                self.days, self.spans = [w for w in inner if isinstance(w, _Days)], [last]
                self._end()
            else:
                raise _CannotReadError
        elif all(isinstance(w, _Dates) for w in inner) and before == "year_end" and self.dates:
            self.dates.pop()
            self.dates += [w.closure for w in inner if isinstance(w, _Dates)]
        elif self.spans and isinstance(inner[-1], _Until) and all(isinstance(w, _Days | _Until) for w in inner):
            self._end()
            self._take(inner)  # 19:00(土曜は18:00まで)
            self._end()
        elif self.spans and all(isinstance(w, _Days | _Span) for w in inner):
            spans = [w for w in inner if isinstance(w, _Span)]
            if all(_touches(s, self.spans) for s in spans) or not any(isinstance(w, _Days) for w in inner):
                if not all(_touches(s, self.spans) or _within(s, self.spans) for s in spans):
                    raise _CannotReadError
                return  # 7:30~18:30(18:30~19:00): the ordinary hours, then the longer ones by arrangement
            self._end()
            self._take(inner)
            self._end()
        else:
            raise _CannotReadError

    def _rest_group(self, inner: Sequence[_Word], before: _Word | None) -> None:
        if len(inner) == 1 and isinstance(inner[0], _Moves):
            self._move(inner[0])
        elif before == "year_end" and all(isinstance(w, _Dates) for w in inner):
            self.week.closures.remove(NEW_YEAR)
            self.week.closures += [w.closure for w in inner if isinstance(w, _Dates)]
        elif before is None and all(isinstance(w, _Days | _Dates) for w in inner):
            for word in inner:
                self._rest(word)
        elif before == "none" and inner[-1] == "except" and all(isinstance(w, _Dates) for w in inner[:-1]):
            self.week.closures += [w.closure for w in inner if isinstance(w, _Dates)]
        else:
            raise _CannotReadError

    def _end(self) -> None:
        """Close the sentence: give the spans to their days. Days or dates left over were not understood."""
        if self.spans:
            named: Sequence[_Days] = self.days or self.usual
            if not named:
                raise _CannotReadError
            self.week.set(named, tuple(self.spans))
        elif self.days or self.dates:
            raise _CannotReadError
        self.days, self.spans, self.dates = [], [], []


def _within(span: _Span, spans: Iterable[Span]) -> bool:
    return any(start <= span.end and span.start <= end for start, end in spans)


def _cut(spans: tuple[Span, ...], end: int) -> tuple[Span, ...]:
    kept = tuple((start, end if (start, stop) == spans[-1] else min(stop, end)) for start, stop in spans if start < end)
    if not kept:
        raise _CannotReadError
    return kept


# --- what others call -----------------------------------------------------------------------------------------------


def read_hours(
    *, days: str = "", opens: str = "", closes: str = "", text: str = "", closed: str = "", note: str = ""
) -> ReadHours:
    """Read what a source says about hours.

    `days`, `opens`, `closes`: columns of their own (月火水木金, 9:00, 17:00). `text`: hours in one cell.
    `closed`: closing days in one cell. `note`: a remark that may change the columns (特記事項).
    """
    days, opens, closes, text, closed, note = (
        "" if BLANK.match(v) else v for v in (days, opens, closes, text, closed, note)
    )
    if not (days or opens or closes or _TIMES.search(text + note)):
        return NOT_UNDERSTOOD if _TIMES.search(closed) else UNSTATED
    try:
        week = _Week()
        usual = _only_days(days) if days else []
        if closed or re.search("休館日|休業日|定休日|休所日|年中無休", text + note):
            usual = usual or [_Days(EVERY_DAY)]
        if opens or closes:
            span = _words(_normal(f"{opens}~{closes}"))
            if not span or not isinstance(span[0], _Span) or not usual:
                return NOT_UNDERSTOOD
            week.set(usual, ((span[0].start, span[0].end),))
            if len(span) > 1:  # 19:00(土曜18:00)
                _Reader(week, usual).read(f"{opens}~{closes}")
        for words in filter(None, (text, note)):
            _Reader(week, usual).read(words)
        if closed:
            _Reader(week, usual).read(closed, "rests:")
        return ReadHours(week.opening(), True, True)
    except _CannotReadError:
        return NOT_UNDERSTOOD


def read_hours_by_day(weekdays: str, saturday: str, sunday: str) -> ReadHours:
    """Read three cells: Monday to Friday, Saturday, and Sunday with national holidays; 休 means closed."""
    cells = [
        (weekdays, _Days(frozenset(range(5)))),
        (saturday, _Days(frozenset({5}))),
        (sunday, _Days(frozenset({6}), holiday=True)),
    ]
    if all(BLANK.match(text) for text, _ in cells):
        return UNSTATED
    try:
        week = _Week()
        for text, usual in cells:
            if BLANK.match(text):  # nothing is said of that day: read towards closed
                week.close(usual)
                continue
            _Reader(week, [usual]).read(text)
        return ReadHours(week.opening(), True, True)
    except _CannotReadError:
        return NOT_UNDERSTOOD


def _only_days(text: str) -> list[_Days]:
    words = _words(_normal(text))
    found = [w for w in words if isinstance(w, _Days)]
    if len(found) != len(words) or not found:
        raise _CannotReadError
    return found
