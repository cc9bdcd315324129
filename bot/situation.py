"""Who is there and what is going on: City, Desks, printed Campaigns and the open Case as values; the case's table.

The rule: a case changes state only along `CASE_TABLE`; `cases` stores what this table allows and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, get_args
from uuid import UUID

from bot.errors import CaseMovedError
from bot.messages import Severity
from bot.opening import TOKYO, Opening

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
        raise CaseMovedError(
            "この相談の状態が変わりました（いま: {state}）。画面を新しくしてください。", state=state
        ) from None


#: Why a person was asked for; complaint_staff is read by the officer, never by whom it is about (CARE C36).
Reason = Literal["asked", "privacy", "complaint", "complaint_staff", "visit"]
REASONS: frozenset[str] = frozenset(get_args(Reason))


def case_number(id: UUID) -> str:
    """Return the short number by which a resident and staff speak of a case."""
    return str(id)[:4].upper()


#: A person reads a case of these kinds although the resident said no (CARE C17).
READ_EVEN_IF_DECLINED: frozenset[str] = frozenset({"abuse", "dv", "crisis"})


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
    answer_by: datetime | None = None  # a person has read it and said when she will answer
    reason: str = ""  # why a person was asked for: a Reason, signal, or what failed

    @property
    def about_staff(self) -> bool:
        """Return whether it is a complaint about a member of staff that nothing graver has joined (CARE C36)."""
        return self.reason == "complaint_staff" and self.severity is Severity.CONCERN

    @property
    def held(self) -> bool:
        """Return whether a person holds the talk, so that the desk says nothing."""
        return self.state == "claimed"

    @property
    def for_people(self) -> bool:
        """Return whether people read along: asked for, called by what was heard, or although the answer was no."""
        grave = not READ_EVEN_IF_DECLINED.isdisjoint(self.kinds)
        return self.state in ("waiting", "claimed", "on_hold") or (self.state == "declined" and grave)

    @property
    def pressing(self) -> bool:
        """Return whether an urgent or emergency case waits for a person (CARE C15)."""
        return self.state == "waiting" and self.severity.rank >= Severity.URGENT.rank


#: When a printed card is handed over (guideline 4(5); facts/domain.md 7): 乳児家庭全戸訪問, 新生児訪問,
#: 母子健康手帳交付, 妊娠8か月アンケート, 出生届, 健診, ひろば.
Moment = Literal["home_visit", "newborn_visit", "handbook", "month_8", "birth_report", "checkup", "hiroba"]

#: What a card's code writes in the phone when the city has no words of its own. It is said and heard, so it is
#: written per language and never translated; no two are alike, so that it tells the language of the card.
GREETINGS: Mapping[str, str] = {
    "ja": "はじめる", "ja-easy": "はじめます", "en": "Start", "zh-Hans": "开始", "zh-Hant": "開始", "ko": "시작하기",
    "vi": "Bắt đầu", "pt-BR": "Começar", "fil": "Magsimula", "ne": "सुरु गर्छु", "es": "Empezar", "id": "Mulai",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Campaign:
    """Hold one printed batch of QR codes, never one person; `own` are the city's greetings by language."""

    token: str
    moment: Moment
    place: str = ""
    languages: tuple[str, ...] = ("ja",)
    own: Mapping[str, str] = field(default_factory=dict, hash=False)

    def greetings(self) -> Mapping[str, str]:
        """Return what the code writes in the phone, by language."""
        return {**GREETINGS, **self.own}

    def greeting(self, language: str) -> str:
        """Return the words with the code, e.g. はじめる [K7F3] (facts/line.md 4); other languages get Japanese."""
        greetings = self.greetings()
        return f"{greetings.get(language, greetings['ja'])} [{self.token}]"


DeskType = Literal["基本型", "特定型", "こども家庭センター型", "妊婦等包括相談支援事業型"]
TalkIn = Literal["room", "line", "ask"]
EmergencyAtNight = Literal["", "on_call", "night_duty", "nobody"]


@dataclass(frozen=True, slots=True)
class Desk:
    """Hold one place that answers: its opening, area and languages.

    `takes` are the kinds of signals that it is there for before others, empty for anything; `skills` who works there,
    in the city's words (保健師, 心理士, 通訳). `with_children_until`: its people are with children on the floor and
    read later (CARE C32); a state of this moment, not a setting.
    """

    id: str
    name: str
    type: DeskType
    opening: Opening
    area: tuple[str, ...] = ()
    languages: tuple[str, ...] = ("ja",)
    takes: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    address: str = ""
    phone: str = ""
    name_en: str = ""
    with_children_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """Hold what differs from town to town of what a topic is about, as far as the city has said it.

    `fees` in yen, each for what (1時間, 1日, 1回, 月 …); `period` of applying, from and to (month, day) every year;
    `window` the id of the desk or resource that takes the application.
    """

    fees: tuple[tuple[int, str], ...] = ()
    period: tuple[tuple[int, int], tuple[int, int]] | None = None
    window: str = ""


@dataclass(frozen=True, slots=True)
class Complaints:
    """Hold how a wish or complaint is answered here (guideline 6(2)); empty means not decided yet. `days` to answer."""

    officer: str = ""
    receiver: str = ""
    third_party: str = ""
    days: int = 0

    @property
    def decided(self) -> bool:
        """Return whether it is said who is responsible, who receives and who looks on from outside."""
        return bool(self.officer and self.receiver and self.third_party)


@dataclass(frozen=True, slots=True)
class StaffCard:
    """Hold how one person of the desk is introduced: work name, role, languages spoken, a few words of her own."""

    name: str
    role: str = ""
    languages: tuple[str, ...] = ("ja",)
    words: str = ""


AlarmWhen = Literal["always", "open", "closed"]


@dataclass(frozen=True, slots=True)
class AlarmStep:
    """Hold whom the desk calls when a case of `severity` has waited `after` seconds and nobody has taken it.

    `mail` are addresses, `call` a telephone number for the city's hook to ring; `on_call`: whoever the roster names
    at that time, too. `when` says whether the step counts while a desk is open, while all are closed, or always.
    """

    severity: Literal["emergency", "urgent"] = "emergency"
    after: int = 0
    when: AlarmWhen = "always"
    mail: tuple[str, ...] = ()
    call: str = ""
    on_call: bool = False

    def counts(self, *, is_open: bool) -> bool:
        """Return whether the step counts at a moment when a desk is open, or none is."""
        return self.when == "always" or (self.when == "open") == is_open


@dataclass(frozen=True, slots=True)
class WaitingLimits:
    """Hold how long a case should wait at most, in seconds, by severity; staff are warned at two thirds of it.

    An emergency is counted by the clock, the others while a desk is open. The figures are our own choice for a start:
    an emergency must be taken within the time after which its claim would lapse (CARE C16) and a little more.
    """

    emergency: int = 300
    urgent: int = 1_800
    concern: int = 28_800


@dataclass(frozen=True, slots=True)
class Translation:
    """Hold whether words of a talk may go to translation services, to which, and when (CARE C28; docs/translation.md).

    `services` are adapters in the order in which they are taken, each with the name that families are told;
    `languages` names another one for a language. `emergency` says whether an emergency needs the family's yes. Cases
    with one of the kinds of `not_for` are never translated. `terms` are the city's own: Japanese -> language -> words.
    """

    on: bool = False
    emergency: Literal["consent", "without"] = "consent"
    services: dict[str, str] = field(default_factory=dict, hash=False)
    languages: dict[str, str] = field(default_factory=dict, hash=False)
    not_for: tuple[str, ...] = ("dv",)  # facts/reliability.md: no third party for violence unless the city decides so
    terms: dict[str, dict[str, str]] = field(default_factory=dict, hash=False)


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
    services: dict[str, Service] = field(default_factory=dict, hash=False)  # topic -> what the city says of it
    keeps_records: str = ""  # how long records of consultations stay, in the city's own words
    complaints: Complaints = Complaints()
    people: tuple[StaffCard, ...] = ()  # who answers here, as the city wants to introduce them (CARE C31)
    alarms: tuple[AlarmStep, ...] = ()  # whom the desk calls when nobody takes a case (docs/alarms.md)
    waiting_limits: WaitingLimits = WaitingLimits()
    translation: Translation = Translation()
    reply_within: int = 0  # seconds of opening in which families are told to expect an answer; 0 = nothing is told
    lock_after: int = 300  # seconds without a human act, after which the console's pages hide themselves; 0 = never

    def open_now(self, now: datetime) -> bool:
        """Return whether any desk is open at `now`."""
        return any(desk.opening.open_at(now) for desk in self.desks)

    def opened_ago(self, now: datetime, seconds: float) -> datetime:
        """Return since when some desk was open for `seconds` altogether until `now`; at most 60 days back."""
        until, left = now, seconds
        today = now.astimezone(TOKYO).date()
        for day in (today - timedelta(days=back) for back in range(61)):
            spans = [span for desk in self.desks for span in desk.opening.spans(day)]
            for start, end in sorted(spans, key=lambda span: span[1], reverse=True):
                if (open_for := (min(end, until) - start).total_seconds()) <= 0:
                    continue
                if open_for >= left:
                    return min(end, until) - timedelta(seconds=left)
                until, left = start, left - open_for
        return now - timedelta(days=60)

    def opened_for(self, now: datetime, seconds: float) -> datetime | None:
        """Return when some desk will have been open for `seconds` altogether from `now` on; None within 60 days."""
        left = now
        today = now.astimezone(TOKYO).date()
        for day in (today + timedelta(days=ahead) for ahead in range(-1, 61)):
            for start, end in sorted(span for desk in self.desks for span in desk.opening.spans(day)):
                if (open_for := (end - max(start, left)).total_seconds()) <= 0:
                    continue
                if open_for >= seconds:
                    return max(start, left) + timedelta(seconds=seconds)
                left, seconds = end, seconds - open_for
        return None

    def last_night(self, now: datetime) -> tuple[datetime, datetime]:
        """Return the last time at which no desk was open, from when until when (`now` if none is open still).

        Without known hours it is the day before `now`.
        """
        today = now.astimezone(TOKYO).date()
        days = [today - timedelta(days=back) for back in range(61)]
        spans = sorted(span for day in days for desk in self.desks for span in desk.opening.spans(day))
        open_times: list[tuple[datetime, datetime]] = []
        for start, end in spans:
            if start > now:
                break
            if open_times and start <= open_times[-1][1]:
                open_times[-1] = (open_times[-1][0], max(end, open_times[-1][1]))
            else:
                open_times.append((start, end))
        if open_times and open_times[-1][1] <= now:
            return open_times[-1][1], now
        if len(open_times) > 1:
            return open_times[-2][1], open_times[-1][0]
        until = open_times[0][0] if open_times else now
        return until - timedelta(days=1), until

    def with_children_until(self, now: datetime) -> datetime | None:
        """Return until when everybody who is there now is with children (CARE C32), or None when somebody is free."""
        there = [desk.with_children_until for desk in self.desks if desk.opening.open_at(now)]
        free = [until for until in there if until is None or until <= now]
        return None if free else min((until for until in there if until is not None), default=None)

    def desk(self, id: str) -> Desk | None:
        """Return a desk, None when it is not there (any more)."""
        return next((desk for desk in self.desks if desk.id == id), None)

    def late_since(self, now: datetime, share: float = 1.0) -> dict[str, datetime]:
        """Return for each severity since when a case must have waited to be at `share` of its limit at `now`."""
        limits = self.waiting_limits
        return {
            "emergency": now - timedelta(seconds=limits.emergency * share),
            "urgent": self.opened_ago(now, limits.urgent * share),
            "concern": self.opened_ago(now, limits.concern * share),
        }

    def next_reading(self, now: datetime) -> datetime | None:
        """Return when a person reads next: `now` if a desk is open, else the earliest next opening, None if unknown."""
        moments = [m for desk in self.desks if (m := desk.opening.next_open(now)) is not None]
        return min(moments, default=None)
