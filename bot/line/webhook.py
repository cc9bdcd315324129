"""Read what LINE sends: check the signature of the raw bytes, then take the events out of the JSON, tolerantly.

The rule: the SDK's event parser never stands here, for it loses words and whole batches (facts/line.md 7). LINE may
add types, values and properties at any time, so only the outermost shape can be wrong; the rest is taken or left out.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bot.errors import LineRefusedError
from bot.messages import Inbound, InboundKind, Point

Json = Mapping[str, Any]

DUMMY_TOKENS: Final = frozenset({"0" * 32, "f" * 32})  # LINE's old verify button (facts/line.md 1)
#: Events of LINE in which a resident says nothing to the desk.
SILENT: Final = frozenset(
    {
        "accountLink", "activated", "beacon", "botResumed", "botSuspended", "deactivated", "delivery", "join", "leave",
        "memberJoined", "memberLeft", "membership", "messageEdited", "module", "videoPlayComplete",
    }
)  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MEDIA: Mapping[str, InboundKind] = {"image": "image", "video": "video", "audio": "audio", "file": "file"}
_PLAIN: Mapping[str, InboundKind] = {"follow": "follow", "unfollow": "unfollow"}


@dataclass(frozen=True, slots=True)
class LineEvent:
    """Hold one event: what is needed to keep and order it, and the whole of it in `raw`."""

    event_id: str
    type: str
    timestamp_ms: int
    user_id: str = ""
    chat: str = "user"  # user | group | room
    chat_id: str = ""  # of a group or room
    reply_token: str = ""
    raw: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Hold one request of LINE: whom it is for, and its events, of any number of residents."""

    destination: str
    events: tuple[LineEvent, ...]


def signature(body: bytes, secret: str) -> str:
    """Return the x-line-signature of `body`: Base64 of HMAC-SHA256 under the channel secret."""
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


def is_signed(body: bytes, given: str, secrets: Iterable[str]) -> bool:
    """Return whether one of the channel secrets (two during a rotation) made the signature; constant time."""
    offered = given.encode("utf-8", "replace")
    return any(hmac.compare_digest(signature(body, secret).encode(), offered) for secret in secrets)


def read(body: bytes) -> Delivery:
    """Return the events of a body whose signature was right; raise LineRefusedError when it is not LINE's shape."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise LineRefusedError("the body is not JSON") from None
    if not isinstance(document, dict) or not isinstance(document.get("events"), list):
        raise LineRefusedError("the body has no list of events")
    found = (_event(item) for item in document["events"])
    return Delivery(_text(document.get("destination")), tuple(event for event in found if event is not None))


def _event(item: object) -> LineEvent | None:
    raw = _mapping(item)
    source = _mapping(raw.get("source"))
    token = _text(raw.get("replyToken"))
    if token in DUMMY_TOKENS or not raw:
        return None
    event_id = _text(raw.get("webhookEventId"))
    if not (0 < len(event_id) <= 80 and event_id.isascii() and event_id.isprintable()):
        event_id = f"sha256:{hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()}"
    chat = _text(source.get("type")) or "user"
    return LineEvent(
        event_id=event_id,
        type=_text(raw.get("type")),
        timestamp_ms=_whole(raw.get("timestamp")),
        user_id=_text(source.get("userId")),
        chat=chat,
        chat_id=_text(source.get("groupId")) or _text(source.get("roomId")),
        reply_token=token,
        raw=raw,
    )


def is_talk(event: LineEvent) -> bool:
    """Return whether the event is something that one resident did towards the desk, so that it is kept."""
    return bool(event.user_id) and event.chat not in ("group", "room") and event.type not in SILENT


def words(raw: Json) -> str:
    """Return the typed words of a raw event, "" when there are none."""
    if raw.get("type") == "room_text":
        return _text(raw.get("text"))
    message = _mapping(raw.get("message"))
    return _text(message.get("text")) if message.get("type") in ("text", "sticker") else ""


def inbound(raw: Json, *, first_contact: bool) -> Inbound:
    """Return what the resident did, from the raw event (also from a text of the room, as `inbox` keeps it)."""
    at = moment(_whole(raw.get("timestamp")))
    kind = _text(raw.get("type"))
    message = _mapping(raw.get("message"))
    message_id = _text(message.get("id"))
    if kind == "room_text":
        return Inbound("room_text", at, text=words(raw), first_contact=first_contact)
    if kind == "postback":
        postback = _mapping(raw.get("postback"))
        picked = _mapping(postback.get("params"))
        chosen = next((_text(picked[key]) for key in ("date", "time", "datetime") if key in picked), "")
        return Inbound("choice", at, text=chosen, act=_text(postback.get("data")), first_contact=first_contact)
    if kind == "unsend":
        message_id = _text(_mapping(raw.get("unsend")).get("messageId"))
        return Inbound("unsend", at, message_id=message_id, first_contact=first_contact)
    if kind in _PLAIN:
        return Inbound(_PLAIN[kind], at, first_contact=first_contact)
    if kind == "message":
        return _message(message, at, message_id, first_contact)
    return Inbound("unknown", at, message_id=message_id, first_contact=first_contact)


def _message(message: Json, at: datetime, message_id: str, first_contact: bool) -> Inbound:
    kind = _text(message.get("type"))
    common: dict[str, Any] = {
        "message_id": message_id,
        "first_contact": first_contact,
        "quote_token": _text(message.get("quoteToken")),
    }
    if kind == "text" and words({"message": message}).strip():
        return Inbound("text", at, text=words({"message": message}), **common)
    if kind == "sticker":
        return Inbound("sticker", at, text=words({"message": message}), **common)
    if kind == "location":
        latitude, longitude = message.get("latitude"), message.get("longitude")
        if isinstance(latitude, int | float) and isinstance(longitude, int | float):
            point = Point(float(latitude), float(longitude), _text(message.get("title")), _text(message.get("address")))
            return Inbound("place", at, point=point, **common)
    return Inbound(_MEDIA.get(kind, "unknown"), at, **common)


def moment(timestamp_ms: int) -> datetime:
    """Return LINE's milliseconds as an aware moment in UTC; what no calendar holds becomes the epoch."""
    try:
        return _EPOCH + timedelta(milliseconds=timestamp_ms)
    except OverflowError:
        return _EPOCH


def _text(value: object) -> str:
    if not isinstance(value, str):
        return ""
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")  # half an emoji cannot be kept


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else 0


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}
