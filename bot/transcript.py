"""Plays a conversation as text: for `madoguchi chat`, and for the transcripts that are the tests' language.

The rule: only the pure part runs here, and memory passes through JSON between every two lines, so nothing that could
not be stored survives. Lines: `> ` the resident, plain the desk, `! ` what was noticed, `@ ` clock and staff,
`# ` notes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from bot import engine, render
from bot.dialog import Turn, View
from bot.directory.search import Directory
from bot.encoders.engines import Encoders
from bot.i18n import Catalogs
from bot.library import Library
from bot.messages import Heard, Inbound, InboundKind, Point, Severity, numbered
from bot.opening import TOKYO
from bot.profile import Profile, month_of
from bot.situation import Campaign, Case, CaseEvent, City, Moment, case_number, next_state

CASE_ID = UUID("1a2b0000-0000-0000-0000-000000000001")
STAFF_ID = UUID(int=2)
ROOM_URL = "https://desk.example/room/enter/0000"

STAFF: dict[str, CaseEvent] = {
    "claims": "claim",
    "releases": "release",
    "transfers": "transfer",
    "closes": "close",
    "lapses": "lapse",
}


class Rehearsal:
    """Hold one conversation with the desk, in memory only; without `encoders` it hears by patterns alone."""

    def __init__(
        self,
        library: Library,
        directory: Directory,
        city: City,
        words: Catalogs,
        now: datetime,
        encoders: Encoders | None = None,
    ) -> None:
        self.encoders = encoders
        self.view = View(library, directory, city)
        self.words = words
        self.now = now
        self.memory: dict[str, Any] = {}
        self.turn: Turn | None = None
        self.noticed: list[str] = []
        self._messages = 0

    def play(self, transcript: str) -> str:
        """Return the transcript with everything that the desk says and notices written anew.

        What `madoguchi chat` prints is one too: there `@` lines were typed after the prompt.
        """
        lines: list[str] = []
        for written in transcript.splitlines():
            line = written[2:] if written.startswith("> @ ") else written.removesuffix("> ")
            if line.startswith("> "):
                lines += [line, *self.resident(line[2:])]
            elif line.startswith("@ "):
                lines += [line, *self.stage(line[2:])]
            elif line.startswith("#"):
                lines.append(line)
            elif not line and lines and lines[-1]:
                lines.append("")
        return "\n".join(lines).rstrip() + "\n"

    def resident(self, line: str) -> list[str]:
        """Let the resident do one thing and return what the desk says and notices."""
        return self._take(self._inbound(line.replace("\\n", "\n")))

    def stage(self, line: str) -> list[str]:
        """Move the clock, set a profile, hand over a card, or let staff act; return what is noticed."""
        if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", line):
            self.now = datetime.strptime(line, "%Y-%m-%d %H:%M").replace(tzinfo=TOKYO)
            return []
        kind, _space, rest = line.partition(" ")
        if kind == "profile":
            self.view = replace(self.view, language_hint=rest)
            return []
        if kind == "family":  # what was told on the private page: months of birth, then an area
            *months, area = rest.split()
            children = tuple(month for typed in months if (month := month_of(typed)) is not None)
            self.memory = Profile(children, None, area).within(self.memory)
            return []
        if kind == "card":  # she holds a card with this code, of the moment that is named
            code, _space, moment = rest.partition(" ")
            self.view = replace(self.view, campaigns={code: Campaign(code, cast(Moment, moment))})
            return []
        if kind == "due":  # what was wished for later is due: the desk speaks first
            act = engine.due(self.memory, rest)
            return self._take(Inbound("choice", self.now, act=act)) if act else ["! nothing"]
        if kind == "staff":
            return self._staff(*rest.partition(": ")[::2])
        raise ValueError(f"a transcript cannot do {line!r}")

    def _staff(self, verb: str, note: str) -> list[str]:
        assert self.view.case is not None, "there is no case"
        event = STAFF[verb]
        state = next_state(self.view.case.state, event)
        holder = STAFF_ID if state == "claimed" else None
        case = replace(self.view.case, state=state, holder_id=holder)
        self.view = replace(self.view, case=None if state == "closed" else case)
        if event == "transfer":
            self.memory["handback"] = {"name": "さくら", "transferred": True}
        elif event == "release":
            self.memory["handback"] = {"name": "さくら", "agreed": note, "next": "", "at": self.now.isoformat()}
        elif event == "lapse":
            self.memory["handback"] = {"lapsed": True}
        return [f"! case {state}"]

    def _inbound(self, line: str) -> Inbound:
        self._messages += 1
        base = Inbound("text", self.now, message_id=str(self._messages))
        if tap := re.fullmatch(r"\[(.+)\]", line):
            return replace(base, kind="choice", act=self._act(tap[1]))
        if place := re.fullmatch(r"\(place ([\d.]+),([\d.]+)\)", line):
            return replace(base, kind="place", point=Point(float(place[1]), float(place[2])))
        if other := re.fullmatch(r"\((\w+)\)", line):
            kind: InboundKind = other[1]  # type: ignore[assignment]
            return replace(base, kind=kind)
        return replace(base, text=line)

    def _act(self, label: str) -> str:
        """Return what a tap on a label does: a choice of the last bubble, or a button on a card."""
        assert self.turn is not None, "nothing to tap yet"
        title, _slash, button = label.rpartition(" / ")
        for reply in reversed(self.turn.replies):
            for choice in reply.choices:
                if not title and self.words.word(choice.label, self.turn.language) == label:
                    return choice.act
            for card in reply.cards:
                if title and self.words.word(card.title, self.turn.language).startswith(title):
                    for choice in card.choices:
                        if self.words.word(choice.label, self.turn.language) == button:
                            return choice.act
        raise ValueError(f"there is no button {label!r}")

    def take(self, inbound: Inbound, heard: Heard | None = None) -> Turn:
        """Let the resident do something, heard as given or as the desk hears it, and return the turn unworded."""
        memory = json.loads(json.dumps(self.memory, ensure_ascii=False))
        if heard is None:
            heard = self._heard(inbound.text, memory) if inbound.text else Heard()
        self.turn = turn = engine.turn(memory, inbound, heard, self.view, self.now, self.words)
        self.memory = dict(turn.memory)
        if turn.chosen_language:
            self.view = replace(self.view, language=turn.chosen_language)
        if turn.contact_safety:
            self.view = replace(self.view, contact_safety=turn.contact_safety)
        self.noticed = self._noticed(turn)
        return turn

    def _take(self, inbound: Inbound) -> list[str]:
        turn = self.take(inbound)
        turn = replace(turn, replies=numbered(turn.replies, case_number(CASE_ID)))
        render.to_line(turn.replies, turn.language, self.words, room_url=ROOM_URL) if turn.replies else None
        said = render.to_text(turn.replies, turn.language, self.words, room_url=ROOM_URL)
        return [*(said.split("\n") if said else []), *self.noticed]

    def _heard(self, text: str, memory: Mapping[str, Any]) -> Heard:
        prior = self.view.language or str(memory.get("language", ""))
        label = engine.is_label(memory, text, self.words, prior)
        return self._hear(text, prior, engine.recent_texts(memory, self.now), label)

    def _hear(self, text: str, prior: str, recent: tuple[str, ...], label: bool) -> Heard:
        ears, areas = self.view.library.hearing, self.view.directory.area_names
        vectors = self.encoders.vectors(ears.readings(text, recent)) if self.encoders else None
        return ears.hear(text, vectors=vectors, prior=prior, recent=recent, areas=areas, label=label)

    def _noticed(self, turn: Turn) -> list[str]:
        noticed = [" ".join(["! signal", s.kind, s.severity.value, *s.aspects]) for s in turn.signals]
        if turn.case:
            noticed += self._case(turn, turn.case)
        noticed += [f"! later {f.name} {f.at.astimezone(TOKYO):%Y-%m-%d %H:%M}" for f in turn.follow_ups]
        for need in turn.unmet:
            noticed.append(" ".join(["! unmet", *filter(None, (need.topic, need.area, need.age_band)), *need.lacking]))
        if turn.note:
            noticed.append(f"! note {turn.reason}: {turn.note}")
        noticed += [f"! stops {beginning}" for beginning in turn.stops]
        if turn.offer:
            noticed.append("! offer to help kept")
        if turn.contact_safety:
            noticed.append(f"! contact {turn.contact_safety}")
        if not turn.replies and self.view.case is not None and self.view.case.held:
            noticed.append("! silent")
        return noticed

    def _case(self, turn: Turn, event: CaseEvent) -> list[str]:
        case = self.view.case
        if case is None:
            gravest = max((s.severity for s in turn.signals), key=lambda s: s.rank, default=None)
            from_new = next_state("new", event)
            case = Case(CASE_ID, from_new, gravest or Severity.CONCERN, tuple(s.kind for s in turn.signals))
        else:
            gravest = max((case.severity, *(s.severity for s in turn.signals)), key=lambda s: s.rank)
            kinds = tuple(dict.fromkeys((*case.kinds, *(s.kind for s in turn.signals))))
            case = replace(case, state=next_state(case.state, event), severity=gravest, kinds=kinds)
        if case == self.view.case:
            return []
        self.view = replace(self.view, case=case)
        return [f"! case {case.state} {case.severity.value}"]
