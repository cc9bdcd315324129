"""What the tests of the pipeline share: a mind that echoes, a LINE that answers as told, and signed bodies."""

from __future__ import annotations

import json
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any

from bot.clock import Clock
from bot.dialog import Turn
from bot.errors import LineUnreachableError
from bot.inbox import Intake
from bot.line import webhook
from bot.line.client import Answer, BotInfo, Quota
from bot.messages import Heard, Inbound, Reply, Severity, Signal, Verbatim
from bot.opening import Opening, Schedule
from bot.outbox import OutboxSender
from bot.situation import Case, City, Desk
from bot.store import Store
from bot.worker import Mind, ResidentFacts, Worker
from tests import line_judge

SECRET = "channel-secret"
BOT = "U" + "b" * 32
NOW = datetime(2026, 11, 21, 17, 10, tzinfo=UTC)  # 02:10 in Tokyo
NOW_MS = int(NOW.timestamp() * 1000)


def city() -> City:
    """Return a small city with one desk that is open on weekdays."""
    opening = Opening((Schedule((0, 1, 2, 3, 4), time(8, 30), time(17, 15), holidays=False),))
    return City("ひなた市", (Desk("hiroba", "ひろば", "基本型", opening),))


def clock() -> Clock:
    """Return a desk clock that stands at 02:10."""
    found = Clock()
    found.set(NOW, running=False)
    return found


# --- LINE's side -----------------------------------------------------------------------------------------------------


def user(number: int = 1) -> str:
    """Return the LINE id of an invented resident."""
    return f"U{number:032x}"


def event(
    kind: str = "message", *, who: int = 1, at_ms: int = NOW_MS, event_id: str = "", **more: Any
) -> dict[str, Any]:
    """Return one event as LINE sends it."""
    found: dict[str, Any] = {
        "type": kind,
        "mode": "active",
        "timestamp": at_ms,
        "source": {"type": "user", "userId": user(who)},
        "webhookEventId": event_id or uuid.uuid4().hex.upper()[:26],
        "deliveryContext": {"isRedelivery": False},
    }
    if kind not in ("unfollow", "unsend"):
        found["replyToken"] = uuid.uuid4().hex
    return found | more


def text(words: str, *, message_id: str = "", **more: Any) -> dict[str, Any]:
    """Return a text message."""
    message = {"id": message_id or uuid.uuid4().hex, "type": "text", "quoteToken": "q", "text": words}
    return event(message=message, **more)


def body(*events: dict[str, Any], destination: str = BOT) -> bytes:
    """Return the body that carries the events."""
    return json.dumps({"destination": destination, "events": list(events)}, ensure_ascii=False).encode()


async def deliver(store: Store, *events: dict[str, Any], at: datetime = NOW) -> int:
    """Keep events as the webhook does and return how many were new."""
    found = webhook.read(body(*events)).events
    return len(await Intake(store).keep([e for e in found if webhook.is_talk(e)], at))


@dataclass
class FakeLine:
    """Answer as told, and remember every request."""

    answers: deque[Answer | Exception] = field(default_factory=deque)
    sent: list[tuple[str, str, list[dict[str, Any]], str]] = field(default_factory=list)
    known: bool = True
    quota_left: int | None = None
    works: bool = True
    profile_language: str = ""
    loading: list[str] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    profiles: int = 0

    def _next(self) -> Answer:
        answer = self.answers.popleft() if self.answers else Answer(200, "", "request-1")
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def reply(self, token: str, messages: Sequence[dict[str, Any]]) -> Answer:
        line_judge.record("reply", {"replyToken": token, "messages": list(messages)})
        self.sent.append(("reply", token, list(messages), ""))
        return self._next()

    async def push(self, user_id: str, messages: Sequence[dict[str, Any]], retry_key: uuid.UUID) -> Answer:
        line_judge.record("push", {"to": user_id, "messages": list(messages)})
        self.sent.append(("push", user_id, list(messages), str(retry_key)))
        return self._next()

    async def reachable(self, user_id: str) -> bool:
        self.profiles += 1
        return self.known

    async def quota(self) -> Quota:
        return Quota(None, 0) if self.quota_left is None else Quota(self.quota_left, 0)

    async def bot_info(self) -> BotInfo:
        if not self.works:
            raise LineUnreachableError("down")
        return BotInfo(BOT, "@hinata", "ひなた市")

    async def language(self, user_id: str) -> str:
        self.profiles += 1
        return self.profile_language

    async def start_loading(self, user_id: str, seconds: int) -> None:
        self.loading.append(user_id)

    async def leave(self, kind: str, chat_id: str) -> None:
        self.left.append((kind, chat_id))

    @property
    def ways(self) -> list[str]:
        return [way for way, *_ in self.sent]

    @property
    def said(self) -> list[str]:
        return [messages[0]["text"] for _, _, messages, _ in self.sent]


# --- our side --------------------------------------------------------------------------------------------------------


class Echo:
    """Say back what was heard and count it in memory; words with a severity's name raise a signal."""

    broken_hearing = False
    broken_deciding = False
    broken_aid = False

    def signals(self, words: str) -> tuple[Signal, ...]:
        return tuple(
            Signal("crisis", severity, evidence=words, why="test", gloss="きえたい")
            for severity in Severity
            if severity.value in words
        )

    def hear(self, inbound: Inbound, memory: Mapping[str, Any], language: str) -> Heard:
        if self.broken_hearing or "poison" in inbound.text:
            raise RuntimeError(f"hearing broke on {inbound.text}")
        return Heard(language=language or "ja", signals=self.signals(inbound.text))

    def decide(
        self,
        memory: Mapping[str, Any],
        inbound: Inbound,
        heard: Heard,
        *,
        case: Case | None,
        resident: ResidentFacts,
        now: datetime,
    ) -> Turn:
        if self.broken_deciding:
            raise RuntimeError(f"deciding broke on {inbound.text}")
        said = [*memory.get("said", ()), inbound.text or inbound.kind]
        replies = () if case is not None and case.held else (Reply(lines=(Verbatim(f"echo {said[-1]}"),)),)
        return Turn(
            memory={**memory, "said": said},
            language=heard.language,
            replies=replies,
            signals=heard.signals,
            case="alarm" if heard.signals else "",
            reason="signal" if heard.signals else "",
        )

    def to_line(self, replies: tuple[Reply, ...], language: str, *, room_url: str = "") -> list[dict[str, Any]]:
        return [{"type": "text", "text": self.to_text(replies, language) + room_url}]

    def to_text(self, replies: tuple[Reply, ...], language: str) -> str:
        lines = [line for reply in replies for line in reply.lines]
        return "\n".join(line.text if isinstance(line, Verbatim) else line.msgid for line in lines)

    def wants_room(self, replies: tuple[Reply, ...]) -> bool:
        return any(choice.opens == "room" for reply in replies for choice in reply.choices)

    def scan(self, words: str) -> Severity | None:
        return max((s.severity for s in self.signals(words)), key=lambda s: s.rank, default=None)

    def apology(self) -> tuple[Reply, ...]:
        return (Reply(lines=(Verbatim("sorry, a person knows"),), vital=True),)

    def first_aid(self, words: str) -> tuple[Signal, ...]:
        if self.broken_aid:
            raise RuntimeError("patterns broke")
        return self.signals(words)


@dataclass
class Desks:
    """Hold one desk's moving parts over one store."""

    store: Store
    mind: Echo = field(default_factory=Echo)
    line: FakeLine = field(default_factory=FakeLine)
    clock: Clock = field(default_factory=clock)

    def worker(self, mind: Mind | None = None, **more: Any) -> Worker:
        mind = mind or self.mind
        return Worker(self.store, mind, self.line, self.clock, city, base_url="https://desk.example", **more)

    def sender(self, **more: Any) -> OutboxSender:
        return OutboxSender(self.store, self.line, self.clock, city, **more)
