"""What a resident does, what is heard in it, and what the desk says, in no language yet.

The rule: nothing here holds a translated sentence. A `Phrase` is a literal of the catalog with its arguments;
`i18n` words it, `render` gives it LINE's shape. Everything is a frozen value, so a Turn can be compared and kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from enum import StrEnum
from typing import Final, Literal
from unicodedata import category

_UNSEEN: Final = ("Cc", "Cf", "Cs")  # of Unicode's general categories
_STAYS: Final = "\n\u200c\u200d"  # Nepali letters and families of emoji are made with joiners


def clean(text: str) -> str:
    """Return typed words without what cannot be seen: control characters, marks of direction, unpaired surrogates.

    Line breaks stay. PostgreSQL keeps no NUL; a mark of direction makes words look like others.
    """
    kept = (c for c in text.replace("\r\n", "\n") if c in _STAYS or category(c) not in _UNSEEN)
    return "".join(kept).strip()


InboundKind = Literal[
    "text",  # words in LINE
    "choice",  # a button of ours: `act` says which
    "place",  # a location
    "sticker",
    "image",
    "video",
    "audio",
    "file",
    "follow",
    "unfollow",
    "unsend",
    "room_text",  # words in the web room
    "unknown",  # an event that LINE invented after this was written
]


@dataclass(frozen=True, slots=True)
class Point:
    """Hold a place on the map: WGS 84 degrees, with what LINE's location message says of it."""

    latitude: float
    longitude: float
    title: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Inbound:
    """Hold one thing that a resident did. `at` is LINE's event time, aware UTC; `message_id` is LINE's, for unsend."""

    kind: InboundKind
    at: datetime
    text: str = ""
    act: str = ""
    point: Point | None = None
    message_id: str = ""
    first_contact: bool = False
    quote_token: str = ""  # LINE's, by which an answer can quote this message


class Severity(StrEnum):
    """Order how fast a person is called (CARE C8-C10); compare with `rank`, never as text."""

    CONCERN = "concern"
    URGENT = "urgent"
    EMERGENCY = "emergency"

    @property
    def rank(self) -> int:
        """Return 1 for concern, 2 for urgent, 3 for emergency."""
        return {"concern": 1, "urgent": 2, "emergency": 3}[self.value]


@dataclass(frozen=True, slots=True)
class Signal:
    """Hold one reason to call a person.

    `kind` and `aspects` are ids of content/vocabulary.yaml; `evidence` the resident's own words that raised it;
    `why` the id of the rule or the nearest example; `gloss` what those words mean, in Japanese (CARE C28).
    `who` is whose life or hand it is about, `act` how far it went, as far as the rule knows.
    """

    kind: str
    severity: Severity
    aspects: tuple[str, ...] = ()
    evidence: str = ""
    why: str = ""
    gloss: str = ""
    who: Literal["self", "child", "partner", "other", ""] = ""
    act: Literal["fear", "wish", "plan", "now", "done", "past", ""] = ""


@dataclass(frozen=True, slots=True)
class TopicScore:
    """Hold one topic that a text may be about, with a score from 0 to 1."""

    id: str
    score: float


@dataclass(frozen=True, slots=True)
class EntryFound:
    """Hold the id of an entry of the city's questions that may answer; `sure` when it may be shown unasked."""

    id: str
    sure: bool = False


@dataclass(frozen=True, slots=True)
class Slots:
    """Hold what a text says about the search: child's age in months, area as written, day, time, free of charge.

    `weekday` is 0 (Monday) to 6; `days_ahead` is 0 for today, 1 for tomorrow, 2 for the day after. `language`: the
    id of a language that is to be spoken there; `visit`: somebody is to come home; `attributes`: other conditions.
    """

    age_months: int | None = None
    area: str = ""
    weekday: int | None = None
    at_time: time | None = None
    free: bool | None = None
    days_ahead: int | None = None
    language: str = ""
    visit: bool = False
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Heard:
    """Hold what understanding found in one text; `topics` best first, at most five.

    `whole` is False when the encoders failed and the patterns heard alone: a person reads the message too.
    `entries` are those of the city's own questions that may answer, best first, at most three. `asked` is what of a
    service is asked about (where, who, cost, apply, bring; refused), which fears (report, take_child, immigration) and
    whether a loss is feared, not told (threatened); `only_asked` when the text names no service.
    """

    language: str = ""
    signals: tuple[Signal, ...] = ()
    topics: tuple[TopicScore, ...] = ()
    slots: Slots = field(default_factory=Slots)
    confident: bool = False
    whole: bool = True
    entries: tuple[EntryFound, ...] = ()
    asked: tuple[str, ...] = ()
    only_asked: bool = False


# --- what the desk says -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Phrase:
    """Hold a sentence of the catalog (`msgid`, Japanese) and the values for its {names}."""

    msgid: str
    args: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Hold words that are the same in every language: a name, an address, a number, a URL."""

    text: str


#: Stands for the link to the resident's room, made when the turn is committed; `render` puts the address in.
ROOM_LINK = Verbatim("\x00room\x00")

#: Stands for the short number of the case, which is known when the turn is committed (`numbered`).
CASE_NUMBER = Verbatim("\x00number\x00")

#: An empty line inside a bubble, so that tired eyes find the parts.
GAP = Verbatim("\x00gap\x00")


@dataclass(frozen=True, slots=True)
class Yen:
    """Hold an amount of money in yen."""

    amount: int


@dataclass(frozen=True, slots=True)
class Months:
    """Hold an age in months; worded in months below two years, in years above."""

    months: int


@dataclass(frozen=True, slots=True)
class Metres:
    """Hold a distance in metres."""

    metres: int


@dataclass(frozen=True, slots=True)
class Weekdays:
    """Hold days of the week, 0 = Monday … 6 = Sunday."""

    days: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ShortDay:
    """Hold a day of the next weeks, short enough for a button: its weekday and number."""

    day: date


@dataclass(frozen=True, slots=True)
class Dated:
    """Hold a day that is worded with its year."""

    day: date


@dataclass(frozen=True, slots=True)
class Month:
    """Hold a month of a year."""

    year: int
    month: int


@dataclass(frozen=True, slots=True)
class MonthDay:
    """Hold a day that comes every year."""

    month: int
    day: int


@dataclass(frozen=True, slots=True)
class Language:
    """Hold a language by its id, worded as the reader's own language calls it."""

    id: str


@dataclass(frozen=True, slots=True)
class Clocktime:
    """Hold a moment that is worded with its day only when it is not today (`today` is Tokyo's date)."""

    moment: datetime
    today: date


Text = Phrase | Verbatim
Value = (
    str | int | date | time | datetime | Phrase | Verbatim | Yen | Months | Metres | Weekdays | Clocktime
    | Dated | ShortDay | Month | MonthDay | Language
)  # fmt: skip


def _(msgid: str, /, **args: Value) -> Phrase:
    """Mark a literal for the catalog and hold it with its arguments."""
    return Phrase(msgid, tuple(args.items()))


def N_(msgid: str, /) -> str:  # noqa: N802 - gettext's own name
    """Mark a literal for the catalog without making a Phrase of it yet."""
    return msgid


@dataclass(frozen=True, slots=True)
class Choice:
    """Hold one thing that the resident can tap, or type by its label or its number.

    `act` is `dialog.event` or `dialog.event:argument` (LINE: 300 characters). `opens` makes the tap do something
    on the phone instead: `call` and `link` need `uri`, `location` asks LINE's own picker, `room` opens the resident's
    private page (its link is made when the turn is committed).
    """

    label: Text
    act: str = ""
    opens: Literal["", "call", "link", "location", "room"] = ""
    uri: str = ""
    word: Literal["", "yes", "no"] = ""  # a plain typed yes or no means this choice


@dataclass(frozen=True, slots=True)
class Fact:
    """Hold one line of a card: what it is about, and what is so."""

    label: Text
    value: Text


@dataclass(frozen=True, slots=True)
class Card:
    """Hold one place, number or sentence to show: a LINE bubble, a room card, or lines in a terminal.

    `place` is the directory's id of a place, so that a person who takes over sees what was offered.
    """

    title: Text
    kind: Text | None = None
    facts: tuple[Fact, ...] = ()
    note: Text | None = None
    choices: tuple[Choice, ...] = ()
    place: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """Hold one thing that the desk says: lines of one bubble, then cards side by side, then choices.

    `block` names a safety block for whoever looks at a turn; that the same one is not said twice within 30 minutes
    (CARE C15) is kept by the safety dialog itself.
    `vital` marks words that must arrive: a duplicate is better than a loss (facts/reliability.md, sending).
    `listed` writes the choices into the bubble too, since LINE on a computer shows no quick replies (DESIGN 6):
    `numbers`, which may be typed, or `dots` where a typed number would mean something else.
    """

    lines: tuple[Text, ...] = ()
    cards: tuple[Card, ...] = ()
    choices: tuple[Choice, ...] = ()
    block: str = ""
    vital: bool = False
    listed: Literal["", "numbers", "dots"] = ""


def numbered(replies: tuple[Reply, ...], number: str) -> tuple[Reply, ...]:
    """Return the replies with the case's number where CASE_NUMBER stands among a sentence's values."""

    def line(text: Text) -> Text:
        if isinstance(text, Verbatim) or all(value != CASE_NUMBER for _name, value in text.args):
            return text
        return Phrase(text.msgid, tuple((name, number if v == CASE_NUMBER else v) for name, v in text.args))

    return tuple(replace(reply, lines=tuple(line(text) for text in reply.lines)) for reply in replies)
