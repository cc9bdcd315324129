"""Hold what LINE answers to one request, before it becomes HTTP.

The rule: a refusal is a value, not an exception; its words are LINE's own where its documents give them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.simulator.judge import Problem, refusal

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold LINE's answer to one request; a bytes body is sent with `media_type`."""

    status: int = 200
    body: Json | bytes = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()
    media_type: str = "application/json"


@dataclass(slots=True)
class Content:
    """Hold a file; `preparing` makes LINE answer 202, `gone` 410."""

    data: bytes
    media_type: str
    preparing: bool = False
    gone: bool = False

    def answer(self) -> Answer:
        """Return the file, or why it can't be had now or any more."""
        if self.gone:
            return refused(410, "The content is gone")
        return Answer(202) if self.preparing else Answer(200, self.data, media_type=self.media_type)


def refused(status: int, message: str) -> Answer:
    """Return a refusal of the whole request."""
    return Answer(status, {"message": message})


def refused_body(problems: Sequence[Problem]) -> Answer:
    """Return the 400 that lists what is wrong in the body."""
    return Answer(400, refusal(list(problems)))
