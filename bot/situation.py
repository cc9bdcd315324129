"""Who is there and what is going on: the City, its Desks and the open Case as values, and the case's one table.

The rule: a case changes state only along `CASE_TABLE`; `cases` stores what this table allows and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from bot.errors import CaseMovedError
from bot.messages import Severity
from bot.opening import Opening

CaseState = Literal["new", "offered", "waiting", "claimed", "on_hold", "declined", "closed"]
CaseEvent = Literal[
    "offer",  # the desk asks whether a person should read (concern, CARE C12)
    "open",  # urgent, emergency, a dead letter, or a person was asked for
    "decline",  # the resident says no (concern only)
    "claim",  # one of the staff takes it
    "release",  # the holder gives the talk back to the desk, with a note
    "transfer",  # the holder hands it to others
    "lapse",  # nobody acted for too long (CARE C16)
    "alarm",  # a new urgent or emergency signal
    "close",  # a person ends it
    "reopen",
]

#: state -> event -> next state. What is not written here is refused. (DESIGN 5)
CASE_TABLE: dict[CaseState, dict[CaseEvent, CaseState]] = {
    "new": {"offer": "offered", "open": "waiting", "alarm": "waiting"},
    "offered": {
        "offer": "offered",
        "open": "waiting",
        "decline": "declined",
        "alarm": "waiting",
        "claim": "claimed",
        "close": "closed",
    },
    "waiting": {"offer": "waiting", "open": "waiting", "alarm": "waiting", "claim": "claimed"},
    "claimed": {
        "offer": "claimed",
        "open": "claimed",
        "alarm": "claimed",
        "release": "on_hold",
        "transfer": "waiting",
        "lapse": "waiting",
        "close": "closed",
    },
    "on_hold": {
        "offer": "on_hold",
        "open": "on_hold",
        "alarm": "waiting",
        "claim": "claimed",
        "close": "closed",
    },
    "declined": {"offer": "declined", "open": "waiting", "alarm": "waiting", "claim": "claimed", "close": "closed"},
    "closed": {"reopen": "waiting"},
}

#: States in which a Resident's new signals join the case instead of opening another one.
OPEN_STATES: frozenset[CaseState] = frozenset({"offered", "waiting", "claimed", "on_hold", "declined"})


def next_state(state: CaseState, event: CaseEvent) -> CaseState:
    """Return where `event` leads from `state`; raise CaseMovedError when the table does not allow it."""
    try:
        return CASE_TABLE[state][event]
    except KeyError:
        raise CaseMovedError(f"この相談の状態が変わりました（いま: {state}）。画面を新しくしてください。") from None


@dataclass(frozen=True, slots=True)
class Case:
    """Hold one need for a person, as the pure part sees it."""

    id: UUID
    state: CaseState
    severity: Severity
    kinds: tuple[str, ...] = ()
    aspects: tuple[str, ...] = ()
    holder_id: UUID | None = None
    opened_at: datetime | None = None

    @property
    def held(self) -> bool:
        """Return whether a person holds the talk, so that the desk says nothing."""
        return self.state == "claimed"

    @property
    def pressing(self) -> bool:
        """Return whether an urgent or emergency case waits for a person (CARE C15)."""
        return self.state == "waiting" and self.severity.rank >= Severity.URGENT.rank


DeskType = Literal["基本型", "特定型", "こども家庭センター型", "妊婦等包括相談支援事業型"]
TalkIn = Literal["room", "line", "ask"]
EmergencyAtNight = Literal["", "on_call", "night_duty", "nobody"]


@dataclass(frozen=True, slots=True)
class Desk:
    """Hold one place that answers: its opening, area and languages."""

    id: str
    name: str
    type: DeskType
    opening: Opening
    area: tuple[str, ...] = ()
    languages: tuple[str, ...] = ("ja",)
    address: str = ""
    phone: str = ""
    name_en: str = ""


@dataclass(frozen=True, slots=True)
class City:
    """Hold the municipality's settings.

    `emergency_at_night` is the city's choice of CARE C14b; empty means not yet chosen and `doctor` refuses it.
    `talk_in` is where staff and resident talk (DESIGN 4). Durations are in seconds unless named otherwise.
    """

    name: str
    desks: tuple[Desk, ...]
    name_kana: str = ""
    name_en: str = ""
    languages: tuple[str, ...] = ("ja", "ja-easy", "en")
    talk_in: TalkIn = "room"
    emergency_at_night: EmergencyAtNight = ""
    night_phone: str = ""
    takes_child_reports: bool = False  # CARE C25: whether a report here counts as 通告
    municipalities: tuple[str, ...] = ()  # own town first, then the neighbours that search may widen to
    lease_seconds: int = 180  # CARE C16: an emergency message unanswered for 3 minutes returns the case
    calm_lease_seconds: int = 1800  # the same for concern and urgent: asynchronous work is the norm (CARE C32)
    room_link_seconds: int = 86_400
    links: dict[str, str] = field(default_factory=dict, hash=False)

    def open_now(self, now: datetime) -> bool:
        """Return whether any desk is open at `now`."""
        return any(desk.opening.open_at(now) for desk in self.desks)

    def next_reading(self, now: datetime) -> datetime | None:
        """Return when a person reads next: `now` if a desk is open, else the earliest next opening, None if unknown."""
        moments = [m for desk in self.desks if (m := desk.opening.next_open(now)) is not None]
        return min(moments, default=None)
