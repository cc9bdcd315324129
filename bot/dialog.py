"""What a dialog is: a table of states and transitions over small methods, checked when it is imported.

The rule: a dialog decides from what it is given and remembers only plain JSON. It never reads a clock, a database
or the network. Unknown states, misspelt callbacks, unreachable states and states deaf to text are refused at import.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal

from transitions import Machine, MachineError

from bot.directory.search import Directory
from bot.errors import DialogError
from bot.i18n import OWN_NAMES
from bot.library import Library
from bot.messages import Card, Choice, Clocktime, Heard, Inbound, Phrase, Reply, Severity, Signal, Text, Verbatim, _
from bot.opening import TOKYO
from bot.profile import Profile
from bot.situation import Campaign, Case, CaseEvent, City, Reason
from bot.understanding.faq import Entry

START = "start"
END = "end"
TEXT = "text"  # the event of typed words
PLACE = "place"  # the event of a shared location


#: Follow-ups about a pregnancy have names that begin so: they end when it does.
PREGNANCY = "pregnancy"

#: The follow-up that asks how it went after starting (dialog afterwards), and all that may be wished for later.
AFTERWARDS = "afterwards"
LATER = ("remind", AFTERWARDS, PREGNANCY)

#: What stands under an answer: a person is always one tap away.
WAYS = (Choice(_("人と話す"), "person.ask"), Choice(_("メニュー"), "menu.show"))


@dataclass(frozen=True, slots=True)
class View:
    """Hold all that a turn may look at: a frozen picture of the desk and of this resident's situation."""

    library: Library
    directory: Directory
    city: City
    case: Case | None = None
    language: str = ""  # chosen by the resident; empty when not chosen yet
    language_hint: str = ""  # LINE's profile says so
    is_friend: bool = True
    contact_safety: str = "any"
    consents: frozenset[str] = frozenset()
    questions: Mapping[str, Entry] = field(default_factory=dict)  # the city's own, by id
    campaigns: Mapping[str, Campaign] = field(default_factory=dict)  # that run, by the code on their cards
    others_waiting: int = 0  # residents who wait for a person now, this one left out

    def question(self, id: str) -> Entry | None:
        """Return an entry of the city's own questions and answers, None when it is not there (any more)."""
        return self.questions.get(id)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Ask for something later: the job's name, desk time, and a key that makes it unique per resident.

    `about` stays in memory, sealed, never in the job.
    """

    name: str
    at: datetime
    key: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class UnmetNeed:
    """Hold what was sought and not there: a topic, an area of the directory, an age band, and what was lacking.

    `lacking` names the wishes that had to be set aside (`search.Wish`), or is empty when nothing fits at all. It holds
    no words and no person: it is counted, so that a city sees which resources it needs (guideline 4(4)②).
    """

    topic: str
    area: str = ""
    age_band: str = ""
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """Hold the result of one Inbound. `memory` is plain JSON; `language` is the one to word `replies` in.

    `case` is what happens to the resident's case ("" = nothing) and `reason` why (signal, or `situation.Reason`).
    `chosen_language` is set when the resident chose one just now.
    """

    memory: Mapping[str, Any]
    language: str
    replies: tuple[Reply, ...] = ()
    signals: tuple[Signal, ...] = ()
    case: CaseEvent | Literal[""] = ""
    reason: str = ""
    note: str = ""  # a fact for staff beside the case, in Japanese, that the resident chose and did not write
    follow_ups: tuple[FollowUp, ...] = ()
    chosen_language: str = ""
    contact_safety: str = ""  # set when it changes (CARE C21)
    talk_in: Literal["", "room", "line"] = ""  # where the resident wants to talk, when chosen just now
    unmet: tuple[UnmetNeed, ...] = ()
    stops: tuple[str, ...] = ()  # follow-ups whose names begin so are not wanted any more
    topic: str = ""  # what the talk is about now, an id of the vocabulary
    offer: str = ""  # words of somebody who wants to help and said that they may be kept; never with a signal


@dataclass(slots=True)
class Talk:
    """Hold one dialog's part of one turn: what came in, what it remembers (`data`), and what it says."""

    view: View
    inbound: Inbound
    heard: Heard
    now: datetime
    data: dict[str, Any]
    argument: str = ""  # of the button that was pressed: dialog.event:argument
    language: str = "ja"
    profile: Profile = Profile()  # what the family told of itself; a dialog may change it
    said: list[Reply] = field(default_factory=list)
    case: CaseEvent | Literal[""] = ""
    reason: Reason = "asked"
    note: str = ""
    forgets: bool = False  # all that is remembered of this resident goes with this turn
    follow_ups: list[FollowUp] = field(default_factory=list)
    chosen_language: str = ""
    contact_safety: str = ""
    talk_in: Literal["", "room", "line"] = ""
    unmet: list[UnmetNeed] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)
    offer: str = ""

    def say(
        self,
        *lines: Text,
        cards: tuple[Card, ...] = (),
        choices: tuple[Choice, ...] = (),
        block: str = "",
        vital: bool = False,
        listed: Literal["", "numbers", "dots"] = "",
    ) -> None:
        """Add one bubble to what is said."""
        self.said.append(Reply(lines, cards, choices, block, vital, listed))

    def call(self, reason: Reason, note: str = "") -> None:
        """Have a person called: why, and what was chosen, as staff read it."""
        self.case, self.reason, self.note = "open", reason, note

    def clock(self, moment: datetime) -> Clocktime:
        """Give a moment to be worded as today, tomorrow or a date."""
        return Clocktime(moment, self.now.astimezone(TOKYO).date())

    def may_write_first(self) -> bool:
        """Return whether the desk may write unasked (CARE C21)."""
        return (self.contact_safety or self.view.contact_safety) == "any"

    def when_read(self) -> tuple[Phrase, ...]:
        """Say when a person reads next, never that somebody reads already (CARE C13).

        For a concern it also says what may be expected of the answer (CARE C32): that all are with children now, how
        many others wait, until when the city means to answer. While a grave case waits none of this is said (C15).
        """
        case, city = self.view.case, self.view.city
        if case is not None and case.answer_by is not None and case.answer_by > self.now:
            return (_("相談員が、{when} までにお返事すると言っています。", when=self.clock(case.answer_by)),)
        moment = city.next_reading(self.now)
        severities = [signal.severity for signal in self.heard.signals] + ([case.severity] if case else [])
        grave = any(severity.rank > Severity.CONCERN.rank for severity in severities)
        hopes = () if grave else self._what_to_expect()
        if moment is None:
            return (_("いつ人が読むか、いまはお約束できません。「既読」は機械がつけたものです。"),)
        if moment <= self.now:
            return (_("窓口は開いています。相談員に知らせました。まだだれも読んでいません。"), *hopes)
        said = _(
            "人が読むのは、{when} です。「既読」は機械がつけたもので、まだだれも読んでいません。",
            when=self.clock(moment),
        )
        return (said, *hopes)

    def _what_to_expect(self) -> tuple[Phrase, ...]:
        city, now, others = self.view.city, self.now, self.view.others_waiting
        said: list[Phrase] = []
        if (free := city.with_children_until(now)) is not None:
            when = self.clock(free)
            said.append(_("相談員はいま、子どもたちといます。{when} ごろまで、読むのがおそくなります。", when=when))
        if others and city.open_now(now):
            said.append(_("いま、ほかに {count} 人が待っています。急ぎの人から読みます。", count=others))
        since = self.view.case.opened_at if self.view.case and self.view.case.opened_at else now
        until = city.opened_for(since, city.reply_within) if city.reply_within else None
        if until is not None and until > now:
            said.append(_("返事のめやすは、{when} までです。", when=self.clock(until)))
        return tuple(said)

    def ways_on(self) -> tuple[Choice, ...]:
        """Give what closes an answer: the menu, or while a grave case waits what helps then (CARE C15)."""
        if self.view.case is not None and self.view.case.pressing:
            return (Choice(_("電話できない"), "safety.cant_call"), Choice(_("見せるカード"), "safety.card"))
        return (Choice(_("メニュー"), "menu.show"),)

    def language_choices(self) -> tuple[Choice, ...]:
        """Offer the city's languages, each in its own name."""
        return tuple(
            Choice(Verbatim(OWN_NAMES[language]), f"language.chosen:{language}")
            for language in self.view.city.languages
            if language in OWN_NAMES
        )


@dataclass(frozen=True, slots=True)
class Go:
    """Write one row of a dialog's table.

    On `event` in any of `source` ("*" = every state) take in what came (`take`), then go to `to`, if `when` holds.
    `take` and `when` name methods of the dialog; rows are tried in order until one holds. `take` may run for a row
    that then does not hold, so it only remembers; what is said is said in `ask_<state>()`.
    """

    event: str
    source: str | tuple[str, ...]
    to: str
    take: str = ""
    when: str = ""


class Dialog:
    """Be one dialog: subclass it in `bot/dialogs/<name>.py` with `name` and `table`.

    Each state but start and end has a method `ask_<state>()` that says what is asked there; end may have one.
    `offers` names the choice that leads here from the answer to a topic (topic id -> choice). `answers` is the topic
    that this dialog answers itself, by its event `heard`, before the dialog that is open and the library. In the states
    of `takes_words` it takes what is typed as it is, whatever it is about; safety aside. One that `yields` is over as
    soon as a signal is heard or a person holds the talk, and does not go on afterwards.
    """

    name: ClassVar[str] = ""
    offers: ClassVar[Mapping[str, Choice]] = {}
    answers: ClassVar[str] = ""
    takes_words: ClassVar[frozenset[str]] = frozenset()
    yields: ClassVar[bool] = False
    table: ClassVar[tuple[Go, ...]] = ()
    states: ClassVar[tuple[str, ...]] = ()
    machine: ClassVar[Machine]

    def __init__(self, talk: Talk, state: str = START) -> None:
        self.talk = talk
        self.state = state

    def never(self) -> bool:
        """Return False: what is typed here is for somebody else to answer (`when` of a row)."""
        return False

    def __init_subclass__(cls) -> None:
        """Build the class's one machine and refuse a wrong table."""
        super().__init_subclass__()
        cls.states = tuple(dict.fromkeys([START, *(row.to for row in cls.table), END]))
        _check(cls)
        cls.machine = Machine(
            model=None,
            states=[
                {"name": state, "on_enter": [f"ask_{state}"] if hasattr(cls, f"ask_{state}") else []}
                for state in cls.states
            ],
            transitions=[
                {
                    "trigger": row.event,
                    "source": _sources(cls, row),
                    "dest": row.to,
                    "prepare": [row.take] if row.take else [],
                    "conditions": [row.when] if row.when else [],
                }
                for row in cls.table
            ],
            initial=START,
            auto_transitions=False,
        )

    @classmethod
    def hears(cls, event: str, state: str) -> bool:
        """Return whether the table has a row for `event` in `state`."""
        return event in cls.machine.events and state in cls.machine.events[event].transitions

    def fire(self, event: str) -> bool:
        """Go where the table leads on `event`; return False when no row applies, so that somebody else may answer."""
        if not self.hears(event, self.state):
            return False
        try:
            return bool(self.machine.events[event].trigger(self))
        except MachineError as error:
            raise DialogError(f"{self.name}: {error}") from error


def _sources(cls: type[Dialog], row: Go) -> list[str]:
    if row.source == "*":
        return [state for state in cls.states if state != END]
    return [row.source] if isinstance(row.source, str) else list(row.source)


def _check(cls: type[Dialog]) -> None:
    def refuse(why: str) -> None:
        raise DialogError(f"dialog {cls.name or cls.__name__}: {why}")

    if not cls.name or not cls.table:
        refuse("needs a name and a table")
    reached = {START}
    for row in cls.table:
        for source in _sources(cls, row):
            if source not in cls.states:
                refuse(f"row {row.event!r} leaves an unknown state {source!r}")
        for callback in (row.take, row.when):
            if callback and not callable(getattr(cls, callback, None)):
                refuse(f"row {row.event!r} names a method that does not exist: {callback!r}")
    growing = True
    while growing:
        growing = False
        for row in cls.table:
            if row.to not in reached and reached & set(_sources(cls, row)):
                reached.add(row.to)
                growing = True
    for state in cls.states:
        if state in (START, END):
            continue
        if state not in reached:
            refuse(f"state {state!r} is never reached")
        if not callable(getattr(cls, f"ask_{state}", None)):
            refuse(f"state {state!r} has no ask_{state}()")
        if not any(row.event == TEXT and state in _sources(cls, row) for row in cls.table):
            refuse(f"state {state!r} does not hear text")
    for attribute in vars(cls):
        if attribute.startswith("ask_") and attribute.removeprefix("ask_") not in cls.states:
            refuse(f"{attribute}() belongs to no state")
