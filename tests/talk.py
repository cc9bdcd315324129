"""What tests of the pure part share: ひなた市 as it is shipped, and conversations with it that can be forked."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Self

from bot import city, i18n, library, render
from bot.dialog import Turn, View
from bot.directory.documents import resources_from_documents
from bot.directory.resources import Resource
from bot.directory.search import Directory
from bot.encoders.engines import Encoders
from bot.i18n import Catalogs
from bot.library import Library
from bot.messages import Choice, Heard, Inbound, InboundKind, Severity, Signal
from bot.opening import TOKYO
from bot.profile import Profile
from bot.situation import Campaign, City
from bot.transcript import Rehearsal

NIGHT = datetime(2026, 11, 22, 2, 10, tzinfo=TOKYO)  # a Sunday before a holiday
DAY = datetime(2026, 11, 25, 10, 0, tzinfo=TOKYO)  # a Wednesday, both desks open


@cache
def content() -> Library:
    """Return the shipped content."""
    return library.load()


@cache
def words() -> Catalogs:
    """Return the compiled catalogs."""
    return i18n.load(content().vocabulary["languages"])


@cache
def sample() -> tuple[City, tuple[Resource, ...]]:
    """Return ひなた市 and its places, as they are read from the sample's files."""
    settings, documents = library.sample_city()
    return city.city_of(settings["city"]), tuple(
        resources_from_documents(documents, content().vocabulary["categories"])
    )


@cache
def view() -> View:
    """Return ひなた市 as the pure part sees it; what is a command is looked up once in a test run."""
    town, places = sample()
    ears = copy.copy(content().hearing)
    ears.command = cache(ears.command)
    return View(replace(content(), hearing=ears), Directory(places, content().topics_of_category), town)


@cache
def hear(text: str, prior: str = "", recent: tuple[str, ...] = (), label: bool = False) -> Heard:
    """Return what the patterns hear in ひなた市; the same words are heard once in a test run."""
    areas = view().directory.area_names
    return content().hearing.hear(text, prior=prior, recent=recent, areas=areas, label=label)


def as_shipped(engines: Encoders) -> Rehearsal:
    """Return a talk with ひなた市 that hears with both layers, as the desk does."""
    at_hand = replace(view(), library=library.load(encoders=engines.name))
    return Rehearsal(at_hand.library, at_hand.directory, at_hand.city, words(), NIGHT, engines)


class Conversation(Rehearsal):
    """Talk with ひなた市; like a transcript, memory passes through JSON between every two lines."""

    def __init__(self, now: datetime = NIGHT, **facts: Any) -> None:
        at_hand = view()
        super().__init__(at_hand.library, at_hand.directory, at_hand.city, words(), now)
        self.view = replace(self.view, **facts)

    def _hear(self, text: str, prior: str, recent: tuple[str, ...], label: bool) -> Heard:
        return hear(text, prior, recent, label)

    def fork(self) -> Self:
        """Return the same conversation, to go on differently."""
        other = copy.copy(self)
        other.memory = dict(self.memory)  # what is in it never changes: `take` reads it through JSON
        return other

    def writes(self, text: str) -> Turn:
        """Let the resident write, and return the turn."""
        return self.does("text", text=text)

    def does(self, kind: InboundKind, *, act: str = "", **more: Any) -> Turn:
        """Let the resident do something else: tap (`act`), send a sticker, take words back."""
        self._messages += 1
        self._take(Inbound(kind, self.now, act=act, **({"message_id": str(self._messages)} | more)))
        return self.last

    def is_heard(self, *signals: Signal, text: str = "……") -> Turn:
        """Let the resident write something in which exactly these signals are heard."""
        return self.take(Inbound("text", self.now, text=text), Heard(language="ja", signals=signals))

    def later(self, **time: float) -> Self:
        """Let time pass."""
        self.now += timedelta(**time)
        return self

    @property
    def last(self) -> Turn:
        """Return the last turn."""
        assert self.turn is not None
        return self.turn

    @property
    def said(self) -> str:
        """Return what the desk said last, in the language of the talk."""
        return render.to_text(self.last.replies, self.last.language, self.words)


def urgent(kind: str = "abuse", **more: Any) -> Signal:
    """Return an urgent signal."""
    return Signal(kind, Severity.URGENT, **more)


def concern(kind: str = "anxiety", **more: Any) -> Signal:
    """Return a concern."""
    return Signal(kind, Severity.CONCERN, **more)


def emergency(kind: str = "medical", **more: Any) -> Signal:
    """Return an emergency."""
    return Signal(kind, Severity.EMERGENCY, **more)


#: What raises each trouble that the safety dialog has words for.
TROUBLES: dict[str, Signal] = {
    "own_hand": urgent(who="self", act="fear"),
    "own_act": urgent(who="self", act="done"),
    "child_hurt": urgent(who="partner"),
    "report": urgent(who="other"),
    "facility": urgent(aspects=("facility_staff",)),
    "child_writing": urgent(aspects=("child_writing",)),
    "crisis": urgent("crisis"),
    "crisis_now": emergency("crisis"),
    "voices": emergency("crisis", aspects=("psychosis",)),
    "dv": urgent("dv"),
    "dv_now": emergency("dv", aspects=("strangling",)),
    "medical_now": emergency("medical"),
    "medical": urgent("medical"),
    "missing": emergency("medical", aspects=("missing_child",)),
    "birth": emergency("medical", aspects=("unattended_birth",)),
    "exhausted": urgent("anxiety"),
    "hardship": urgent("hardship"),
    "development": urgent("development"),
}


def shown(turn: Turn) -> tuple[Choice, ...]:
    """Return every button of a turn, on bubbles and on cards."""
    return tuple(
        choice
        for reply in turn.replies
        for choice in (*reply.choices, *(choice for card in reply.cards for choice in card.choices))
    )


FEARS = ("通報しますか", "子どもを取られますか", "入管に言いますか")  # answered honestly, by welcome (CARE C3)


def beginnings() -> Iterator[tuple[str, Conversation]]:
    """Give the talks from which all is walked: by night and day, calm, worried, and in every trouble."""
    for now in (NIGHT, DAY):
        first = Conversation(now)
        first.does("follow")
        yield f"follow {now:%H:%M}", first
        for severity in (concern(), concern("dv")):
            worried = Conversation(now)
            worried.is_heard(severity)
            yield f"concern {severity.kind} {now:%H:%M}", worried
    for key, signal in TROUBLES.items():
        alarmed = Conversation(NIGHT if signal.severity.value == "urgent" else DAY)
        alarmed.is_heard(signal)
        yield key, alarmed
    for text in (
        "一時預かり", "児童手当のこと", "むらさきのぞう", "どんぐりの会", *FEARS,
        "流産しました", "切迫流産と言われました", "苦情を言いたい", "相談窓口の場所", "ちがう",
    ):  # fmt: skip
        asked = Conversation(DAY)
        asked.writes(text)
        yield text, asked
    for act in ("my_data.show", "my_data.delete", "visit.begin", "visit.what:counter", "afterwards.due:nursery"):
        asked = Conversation(DAY)
        asked.does("follow")
        asked.does("choice", act=act)
        yield act, asked
    told = Conversation(DAY)
    told.does("follow")
    told.memory = Profile(area="川辺町").within(told.memory)
    told.does("choice", act="profile.show")
    yield "family", told
    scanned = Conversation(DAY, campaigns={"K7F3": Campaign("K7F3", "home_visit")})
    scanned.writes("はじめる [K7F3]")
    yield "card", scanned
    sighs = Conversation(DAY)
    sighs.does("follow")
    sighs.does("choice", act="menu.tired")
    yield "tired", sighs
