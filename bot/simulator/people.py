"""What a phone shows: residents, groups, and the bubbles of their chats.

The rule: a chat holds what its resident would see and nothing else; a message LINE accepted but did not deliver
is never in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Json = dict[str, Any]


@dataclass(slots=True)
class Bubble:
    """Hold one bubble: `message` is a LINE message object as it was sent or written; `sender` is the name over it.

    `mine` means the resident wrote it. A bubble that was taken back stays as a note: `{"type": "unsent"}`.
    """

    id: str
    message: Json
    mine: bool
    at: datetime
    sender: str
    icon: str = ""
    read: bool = False

    @property
    def kind(self) -> str:
        """Return the type of the message, or `unsent`."""
        return str(self.message["type"])

    @property
    def text(self) -> str:
        """Return every word that stands in the bubble, line by line; quick replies are not part of it."""
        return "\n".join(_words(self.message))

    @property
    def actions(self) -> list[Json]:
        """Return the actions of the buttons and tappable parts inside the bubble, in reading order."""
        return list(_actions(self.message))

    @property
    def quick_replies(self) -> list[Json]:
        """Return the actions of the quick replies that came with the bubble."""
        return [item["action"] for item in self.message.get("quickReply", {}).get("items", ())]


def _words(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for child in part:
            yield from _words(child)
    elif isinstance(part, dict):
        spans = part.get("contents") if part.get("type") == "text" else None
        if isinstance(spans, list) and spans:
            yield "".join(str(span.get("text", "")) for span in spans)
            return
        for name in ("title", "text", "address"):
            if isinstance(part.get(name), str):
                yield part[name]
        if part.get("type") == "button":
            yield str(part["action"].get("label", ""))
        for name in ("contents", "header", "hero", "body", "footer", "template", "columns"):
            yield from _words(part.get(name))
        for action in part.get("actions", ()):
            yield str(action.get("label", ""))


def _actions(part: Any) -> Iterator[Json]:
    if isinstance(part, list):
        for child in part:
            yield from _actions(child)
    elif isinstance(part, dict):
        for name in ("header", "hero", "body", "contents", "footer", "template", "columns"):
            yield from _actions(part.get(name))
        yield from part.get("actions", ())
        if isinstance(part.get("action"), dict):
            yield part["action"]


@dataclass(slots=True, eq=False)
class Resident:
    """Hold one person with a phone. `wrote_at` is the platform's tick of her last message, in seconds."""

    id: str
    name: str
    language: str | None
    friend: bool
    blocked: bool = False
    wrote_at: float | None = None
    chat: list[Bubble] = field(default_factory=list)
    rich_menu: str | None = None
    loading_until: float = 0.0
    draft: str = ""

    @property
    def heard(self) -> list[Bubble]:
        """Return the bubbles that the account sent, oldest first."""
        return [bubble for bubble in self.chat if not bubble.mine]


@dataclass(slots=True, eq=False)
class Group:
    """Hold one group or multi-person chat that the account was invited to."""

    id: str
    members: list[Resident]
    chat: list[Bubble] = field(default_factory=list)
    left: bool = False

    @property
    def kind(self) -> str:
        """Return LINE's word for it: `group` or `room`."""
        return "group" if self.id.startswith("C") else "room"
