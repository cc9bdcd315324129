"""The invented families of the practice mode: what each writes, when, and what to look at afterwards (CARE C35).

The rule: everything in them is invented; nothing here is a family's own, and nobody is given points.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bot.opening import TOKYO

RULE: Final = re.compile(r"C([1-9]|[12]\d|3[0-6])")
NAME: Final = re.compile(r"[a-z]{1,40}")


@dataclass(frozen=True, slots=True)
class Line:
    """Hold one thing that an invented family writes; `means` says in Japanese what another language says."""

    text: str
    seconds: int  # before the practice begins, or after staff's words
    means: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """Hold one thing to look at afterwards: the rule of care, what to ask oneself, and why, in plain words."""

    rule: str
    ask: str
    because: str


@dataclass(frozen=True, slots=True)
class Family:
    """Hold one invented family: what it wrote before anybody read it, what it answers in order, and the review."""

    id: str
    order: int
    title: str
    about: str
    language: str
    at: datetime  # desk time when the practice begins
    opens: tuple[Line, ...]
    answers: tuple[Line, ...]
    review: tuple[Question, ...]


def family_of(id: str, document: Mapping[str, Any]) -> Family:
    """Return the family that a file describes; raise ValueError, TypeError or LookupError where it is wrong."""
    opens = tuple(Line(x["text"], x["minutes"] * 60, x.get("means", "")) for x in document["opens"])
    answers = tuple(Line(x["text"], x["seconds"], x.get("means", "")) for x in document["answers"])
    review = tuple(Question(**question) for question in document["review"])
    language = str(document["language"])
    if not NAME.fullmatch(id) or not opens or not answers or not review:
        raise ValueError("a family has a name of letters, opens, answers and a review")
    if [line.seconds for line in opens] != sorted((line.seconds for line in opens), reverse=True):
        raise ValueError("what it wrote first stands first")
    if wrong := [question.rule for question in review if not RULE.fullmatch(question.rule)]:
        raise ValueError(f"no rules of care: {wrong}")
    if language != "ja" and not all(line.means for line in (*opens, *answers)):
        raise ValueError("a line in another language says in Japanese what it means")
    return Family(
        id,
        int(document["order"]),
        str(document["title"]),
        str(document["about"]),
        language,
        datetime.strptime(document["at"], "%Y-%m-%d %H:%M").replace(tzinfo=TOKYO),
        opens,
        answers,
        review,
    )
