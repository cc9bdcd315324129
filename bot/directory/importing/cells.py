"""Reads single cells as cities fill them: ages, phone numbers, dates, money, yes and no, text.

The rule: a reader returns what the cell surely says, or None (empty) when it does not know; the caller keeps the words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from html import unescape

from bot.directory.areas import plain
from bot.directory.hours import BLANK, WEEKDAYS
from bot.directory.resources import CostOption, Phone

ERAS = {"明治": 1867, "大正": 1911, "昭和": 1925, "平成": 1988, "令和": 2018}
ERAS |= {"M": 1867, "T": 1911, "S": 1925, "H": 1988, "R": 2018}
SCHOOL_AGE = 72  # months: a child is six on the 1 April of the first school year (学校教育法17条)
DAYS_PER_MONTH = 30.4
LONGEST_NUMBER = 13  # digits and commas; what is longer counts neither people nor yen


def is_blank(cell: str) -> bool:
    """Return whether a cell says nothing: spaces or dashes only."""
    return bool(BLANK.match(cell))


FORMULA = re.compile(r"\s*=\s*\S|\s*[+\-@]\s*[A-Za-z_][\w.]*\s*[(|!]")


def is_formula(cell: str) -> bool:
    """Return whether a spreadsheet would run the cell instead of showing it (=…, +cmd|…, @SUM(…)."""
    return bool(FORMULA.match(cell))


def text(cell: str) -> str:
    """Return readable text: no HTML, one space between words, line breaks kept, full-width spaces made ordinary."""
    for _again in range(3):  # &amp;lt;b&amp;gt; hides a tag twice
        bare = re.sub(r"<!--.*?-->|</?[A-Za-z!?][^<>]*>?", "", re.sub(r"(?i)<br\s*/?>", "\n", unescape(cell)))
        if bare == cell:
            break
        cell = bare
    cell = cell.replace("\r\n", "\n").replace("\r", "\n").replace("\u3000", " ").replace("\u00a0", " ")
    lines = (re.sub(r"[ \t]+", " ", line).strip() for line in cell.split("\n"))
    return "\n".join(line for line in lines if line)


def flag(cell: str) -> bool | None:
    """Read ○ × 有 無 Y N true false 1 0; None when the cell says neither."""
    word = plain(cell).lower()
    if word in ("○", "◯", "〇", "◎", "有", "有り", "あり", "可", "y", "yes", "true", "1"):
        return True
    if word in ("×", "✕", "✖", "x", "無", "無し", "なし", "不可", "n", "no", "false", "0"):
        return False
    return None


def number(cell: str) -> int | None:
    """Read one whole number with an optional unit (40人, 1,200, ３８名程度); None when there are several."""
    found = re.findall(r"\d[\d,]*", plain(cell))
    return int(found[0].replace(",", "")) if len(found) == 1 and len(found[0]) <= LONGEST_NUMBER else None


def coordinate(cell: str, low: float, high: float) -> float | None:
    """Read degrees; None outside `low`..`high`, where Japan is not."""
    try:
        value = float(plain(cell).replace(" ", ""))
    except ValueError:
        return None
    return value if low <= value <= high else None


# --- dates ----------------------------------------------------------------------------------------------------------


_WESTERN = re.compile(r"(\d{4})[/.\-年](\d{1,2})[/.\-月](\d{1,2})日?(?:\([月火水木金土日]\))?|(\d{4})(\d{2})(\d{2})")
_ERA_DATE = re.compile(rf"({'|'.join(ERAS)})\.?(\d{{1,2}})[/.\-年](\d{{1,2}})[/.\-月](\d{{1,2}})日?")


def day(cell: str) -> date | None:
    """Read 2018/11/1, 2018-11-01, 20181101, 2018年11月1日, S47.4.1, 令和8年4月1日, 令和元年5月1日."""
    words = plain(cell).replace("元年", "1年").replace(" ", "")
    if found := _WESTERN.fullmatch(words):
        year, month, dom = (int(g) for g in found.groups() if g)
        return _date(year, month, dom)
    if found := _ERA_DATE.fullmatch(words):
        return _date(ERAS[found[1]] + int(found[2]), int(found[3]), int(found[4]))
    return None


def _date(year: int, month: int, dom: int) -> date | None:
    try:
        return date(year, month, dom)
    except ValueError:
        return None


def days_without_year(cell: str, around: date) -> list[date]:
    """Read 9月7日(土)～11月4日(月・祝), or 10月4日、11日 いずれも(金), into dates; empty when any year stays open.

    A day's year is the only one from three years before `around` to one after in which it falls on its weekday;
    a later day without weekday takes the year of the day before it.
    """
    words = plain(cell)
    each = re.search(r"いずれも\s*\(([月火水木金土日])\)", words)
    month = 0
    found: list[date] = []
    for spot in re.finditer(r"(?:(\d{1,2})月)?(\d{1,2})日\s*(?:\(([月火水木金土日])[^)]*\))?", words):
        month = int(spot[1] or month)
        weekday = spot[3] or (each[1] if each else "")
        years = range(around.year - 3, around.year + 2) if weekday else [found[-1].year] if found else []
        fitting = [
            d
            for year in years
            if (d := _date(year, month, int(spot[2]))) and (not weekday or d.weekday() == WEEKDAYS.index(weekday))
        ]
        if len(fitting) != 1:
            return []
        found.append(fitting[0])
    return found


# --- ages -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ages:
    """Hold bounds in whole months, both inclusive; None = no bound."""

    minimum: int | None = None
    maximum: int | None = None


_MONTH = r"(?:か|ヶ|ヵ|カ|ケ|箇|ｹ|ヵ)月"
_ABOUT = r"(?:おおむね|概ね|満|生後|約|原則)*"
_AGE = re.compile(
    rf"{_ABOUT}(?:"
    rf"(?P<year>\d{{1,2}})歳(?P<half>半)?(?:(?P<extra>\d{{1,2}}){_MONTH})?(?P<klass>児)?(?:クラス)?"
    rf"|(?P<month>\d{{1,2}})(?:~\d{{1,2}})?{_MONTH}児?"
    r"|(?P<day>\d{1,3})日(?:目)?"
    r"|(?P<week>\d{1,2})週(?:目|間)?"
    r"|(?P<leave>産休明け?)"
    r"|小学(?P<grade>\d)年生?"
    r"|(?P<kind>小学生|中学生|高校生|就学前|未就学児?)"
    r")"
)
_KINDS = {
    "小学生": (72, 155),
    "中学生": (144, 191),
    "高校生": (180, 227),
    "就学前": (0, 83),
    "未就学": (0, 83),
    "未就学児": (0, 83),
}
_HARMLESS = re.compile(
    r"\([^()]*(?:優先|地域枠|クラス|園児|時点)[^()]*\)|受給者証を交付された|までの|の?児童|の?お子さん|の?子ども|"
    r"^対象[:は]?"
)


def ages(cell: str) -> Ages | None:
    """Read 3か月～, 6ヶ月～2歳児, 0～5歳児, 生後57日から, 1号認定 3歳児～、2・3号認定 3か月～, 小学1～6年生, 18歳未満.

    歳児 is the class of a school year, so its children may turn one year older: ～2歳児 ends at 47 months,
    ～2歳 at 35. Of several parts (1号, 2号) the widest bounds hold. Days count as begun months (57日 = 1).
    """
    words = re.sub(r"\s+", "", plain(cell)).translate({ord(c): "~" for c in "〜～∼"})
    if re.fullmatch(r"\d{1,2}", words):  # under 受入開始年齢(歳)
        return Ages(int(words) * 12, None)
    words = re.sub("小学校(?:就学|入学)前", "就学前", _HARMLESS.sub("", words)).replace("小学校", "小学")
    words = re.sub(r"0歳\((?:生後)?(\d+(?:日|週|週間|か月|ヶ月|カ月|ヵ月|ケ月))目?\)", r"\1", words)
    words = re.sub(r"^(\d{1,2})~(\d{1,2})歳児", r"\1歳児~\2歳児", words)
    words = re.sub(r"\(.*\)$", "", words) if re.search(r"\((?:小学|保育所|幼稚園|0歳)", words) else words
    parts = [p for p in re.split(r"[、,;/\n](?![・\d]*号認定のみ)", words) if p]
    read = [_one_range(re.sub(r"^[\d・]+号(?:認定)?[:は]?", "", part)) for part in parts]
    if not read or any(r is None for r in read):
        return None
    known = [r for r in read if r is not None]
    lows, highs = [r.minimum for r in known], [r.maximum for r in known]
    return Ages(
        None if None in lows else min(v for v in lows if v is not None),
        None if None in highs else max(v for v in highs if v is not None),
    )


def _one_range(words: str) -> Ages | None:
    if found := re.fullmatch(r"小学(?:校)?(\d)年?生?~(\d)年生?", words):
        return Ages(_grade(int(found[1]))[0], _grade(int(found[2]))[1])
    if found := re.fullmatch(r"小学(\d)年生~(高校|中学)(\d)年生", words):
        last = int(found[3]) + (9 if found[2] == "高校" else 6)
        return Ages(_grade(int(found[1]))[0], _grade(last)[1])
    first = _AGE.match(words)
    if not first:
        return None
    rest = words[first.end() :]
    low = _bounds(first)
    if low is None:
        return None
    if rest in ("~", "から", "以上", "より", "以降"):
        return Ages(low[0], None)
    if rest == "未満":
        return Ages(None, low[0] - 1)
    if rest in ("まで", "以下"):
        return Ages(None, low[1])
    if rest == "":
        if first["month"] or first["day"] or first["week"] or first["leave"]:  # 57日: the youngest that is taken
            return Ages(low[0], None)
        return Ages(*low) if first["klass"] or first["kind"] else None
    if not (joint := re.match(r"(?:~|から|以上)(?:、)?", rest)):
        return None
    second = _AGE.match(rest[joint.end() :])
    if not second:
        return None
    tail = rest[joint.end() + second.end() :]
    high = _bounds(second)
    if high is None or tail not in ("", "まで", "未満", "以下", "児"):
        return None
    return Ages(low[0], high[0] - 1 if tail == "未満" else high[1])


def _bounds(found: re.Match[str]) -> tuple[int, int] | None:
    """Return the first and last month of what is named."""
    if found["year"]:
        months = int(found["year"]) * 12 + (6 if found["half"] else 0) + int(found["extra"] or 0)
        return months, (months + 23 if found["klass"] else months + 11 if not found["extra"] else months)
    if found["month"]:
        return int(found["month"]), int(found["month"])
    if found["day"]:
        months = int(int(found["day"]) / DAYS_PER_MONTH)
        return months, months
    if found["week"]:
        months = int(int(found["week"]) * 7 / DAYS_PER_MONTH)
        return months, months
    if found["leave"]:
        return 1, 1  # 産後8週 (労働基準法65条): from the 57th day
    if found["grade"]:
        return _grade(int(found["grade"]))
    return _KINDS.get(found["kind"])


def _grade(grade: int) -> tuple[int, int]:
    """Return the months of age in school year `grade` (1 = 小学1年): from the first day on to just before two later."""
    first = SCHOOL_AGE + 12 * (grade - 1)
    return first, first + 23


# --- phones ---------------------------------------------------------------------------------------------------------

_NUMBER = re.compile(
    r"(?:\+81[\s-]?\(?0?\)?|\(?0)(?P<area>\d{1,4})\)?[\s-]?(?P<mid>\d{1,4})[\s-](?P<last>\d{3,4})(?!\d)"
    r"|(?P<solid>0\d{9,10})(?!\d)"
)
_SHORT = re.compile(r"(?<![\d-])(\d{2,4}-\d{4})(?![\d-])")
_EXTENSION = re.compile(r"\(?内線[:\s]*(\d{2,6})\)?")


@dataclass(frozen=True, slots=True)
class Phones:
    """Hold the numbers of a cell; `short` are those written without area code. Digits left over: not `understood`."""

    phones: tuple[Phone, ...] = ()
    short: tuple[str, ...] = ()
    understood: bool = True


def phones(cell: str, area_code: str = "") -> Phones:
    """Read every number of a cell, with the （課名） before it; complete short ones by `area_code` (087) if given.

    Without one they stay as they are written: whoever lives there knows it, and a guess would ring elsewhere.
    """
    words = plain(text(cell)).replace("\n", " ")
    found: list[Phone] = []
    short: list[str] = []
    extension = _EXTENSION.search(words)
    words = _EXTENSION.sub(" ", words)
    label = ""
    at = 0
    for spot in sorted((*_NUMBER.finditer(words), *_SHORT.finditer(words)), key=lambda m: m.start()):
        if spot.start() < at:
            continue
        between = words[at : spot.start()]
        if labels := re.findall(r"\(([^()\d]+)\)", between):
            label = labels[-1].strip()
        elif re.search(r"[^\s、,/・;()]", between):
            label = between.strip(" 、,/・;:()")
        at = spot.end()
        if spot.re is _SHORT:
            short.append(spot[1])
            value = f"{area_code}-{spot[1]}" if area_code else spot[1]
        else:
            value = _whole(spot)
        if value not in {p.number for p in found}:
            found.append(Phone(value, description=label))
        label = ""
    if extension and len(found) == 1:
        found = [Phone(found[0].number, extension[1], found[0].description)]
    left = re.sub(r"\d{1,2}階", "", _SHORT.sub("", _NUMBER.sub("", words)))
    understood = bool(found) and not re.search(r"\d{3}", left)
    return Phones(tuple(found), tuple(short), understood)


def _whole(found: re.Match[str]) -> str:
    if digits := found["solid"]:
        if digits[:3] in ("050", "070", "080", "090"):
            return f"{digits[:3]}-{digits[3:7]}-{digits[7:]}"
        if digits[:4] in ("0120", "0800", "0570"):
            return f"{digits[:4]}-{digits[4:-3]}-{digits[-3:]}"
        return digits
    return f"0{found['area']}-{found['mid']}-{found['last']}"


# --- money ----------------------------------------------------------------------------------------------------------


def cost(cell: str) -> tuple[CostOption, ...]:
    """Read 無料, 300円, 500円/30分, 年会費 1,000円, 800円/日（市外の人）, one a line, into amounts.

    Anything longer is kept in words with no amount; so is what is free only for some.
    """
    words = text(cell)
    if is_blank(words):
        return ()
    read = tuple(_price(line) for line in words.split("\n"))
    return read if all(c.amount is not None for c in read) else (CostOption(None, "", words),)


_PRICE = re.compile(
    r"(?:(?P<what>[^\d\s円]{1,10}) )?(?P<yen>[1-9][\d,]{0,12})円"
    r"(?:\s*/\s*(?P<unit>\d*(?:分|時間|日|回|月|年|泊|人)))?\s*(?:\([^()円]*\))?"
)


def _price(words: str) -> CostOption:
    folded = plain(words)
    if folded in ("無料", "なし", "0円", "0"):
        return CostOption(0, "", words)
    if (found := _PRICE.fullmatch(folded)) and not (found["what"] and found["unit"]):
        return CostOption(int(found["yen"].replace(",", "")), found["what"] or found["unit"] or "", words)
    return CostOption(None, "", words)
