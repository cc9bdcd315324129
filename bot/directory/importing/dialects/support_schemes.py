"""Records of the 子育て支援制度レジストリ (JSON): schemes, whose place is the counter that takes applications.

The rule: who is entitled is told in the record's own words; the ages in numbers only narrow a search. An upper bound of
nothing is an error of input and is left out (facts/domain.md 1.5).
"""

from __future__ import annotations

import re

from bot.directory.hours import NOT_UNDERSTOOD, UNSTATED, read_hours
from bot.directory.importing import cells
from bot.directory.importing.cells import Ages
from bot.directory.importing.entries import Entry, File
from bot.directory.importing.tables import Row, Table

NAME = "support_schemes"
_ABOUT = (
    ("vaccination", r"予防接種|ワクチン"),
    ("infant_checkup", r"健診|健康診査(?!.*妊婦)"),
    ("child_allowance", r"児童手当"),
    ("medical_subsidy", r"医療費|医療助成|養育医療|育成医療"),
    ("single_parent", r"児童扶養手当|ひとり親|母子|父子"),
    ("disability_support", r"障害|障がい|特別児童"),
    ("childcare_fee", r"保育料|副食費|無償化"),
    ("postnatal_care", r"産後ケア"),
    ("pregnancy_registration", r"妊娠届|母子(?:健康)?手帳|妊婦"),
    ("temporary_care", r"一時預かり|一時保育"),
    ("after_school", r"学童|放課後"),
    ("school_entry", r"就学援助|入学"),
    ("family_support", r"ファミリー・?サポート"),
    ("short_stay", r"ショートステイ|子育て短期"),
)


def fits(table: Table) -> int:
    """Return 6 for records of the registry."""
    return 6 if "institutionname.canonicalname" in table.headers else 0


def adapt(entry: Entry, row: Row, file: File) -> str:
    """Bring the record's many fields under ours."""
    name, part = row.get("institutionname.canonicalname"), row.get("institutionname.shortname")
    entry.category = entry.category or "support_scheme"
    code, _semicolon, city = row.get("area.areacode").partition(";")
    entry.cells |= {
        "name": f"{name}（{part}）" if part and part != name else name,
        "id": row.get("basicinformation.psid"),
        "code": code,
        "city": city,
        "site": row.get("implementationplace.implementationname", "procedurecounter"),
        "address": row.get("implementationplace.implementationaddress", "contact.contactaddress"),
        "phone": row.get("contact.contactphone"),
        "extension": row.get("contact.contactex"),
        "email": row.get("contact.contactemail"),
        "url": row.get("localgovernmentlink.uri", "contact.contacturl"),
        "operator": row.get("contact.contactname"),
        "booking": "\n".join(filter(None, (row.get("proceduremethod"), row.get("procedureperiod.conditions")))),
        "ages": row.get("target.targetpersons"),
        "cost": row.get("cost"),
        "cost_note": row.get("costconditions"),
        "capacity": row.get("capacity"),
        "description": row.get("summary"),
        "note": row.get("remarks"),
        "verified": row.get("updatedate", "odinformation.updatedate"),
    }
    entry.topics = tuple(topic for topic, words in _ABOUT if re.search(words, f"{name} {part}"))
    entry.ages = _ages(row)
    for label, header in (("内容", "description"), ("持ち物", "belongings")):
        if (words := row.get(header)) and words != row.get("summary"):
            entry.description.append(f"{label}: {cells.text(words)}")
    if (more := row.get("target.conditions")) and more != row.get("target.targetpersons"):
        entry.eligibility.append(cells.text(more))
    _hours(entry, row)
    return ""


def _ages(row: Row) -> Ages | None:
    def bound(name: str) -> tuple[int, int] | None:
        """Return first and last month of the age named."""
        if (years := cells.number(row.get(f"target.{name}.targetage"))) is not None:
            return years * 12, years * 12 + 11
        months = cells.number(row.get(f"target.{name}.targetageofmonths"))
        return None if months is None else (months, months)

    least = bound("greaterthanorequalto") or ((b[1] + 1, 0) if (b := bound("greaterthan")) else None)
    most = (b[1] if (b := bound("lessthanorequalto")) else None) or (b[0] - 1 if (b := bound("lessthan")) else None)
    if most is not None and most <= 0:
        most = None
    return Ages(least[0] if least else None, most) if least or most else None


def _hours(entry: Entry, row: Row) -> None:
    times = "～".join(filter(None, (row.get("utilizationtime.fromhm"), row.get("utilizationtime.tohm"))))
    told = row.get("utilizationtime.condiutilizationconditionstions", "utilizationtime.conditions", "specificdate")
    words = [cells.text(part) for part in (times, told, row.get("holiday")) if not cells.is_blank(part)]
    if not words:
        entry.hours = UNSTATED
        return
    entry.hours_words = words
    entry.hours = read_hours(text=told or times, closed=row.get("holiday")) if told else NOT_UNDERSTOOD
