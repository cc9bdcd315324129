"""Hold a whole LINE platform in memory: residents, chats, reply tokens, retry keys, quota and content.

The rule: 200 means accepted, never delivered; what a resident sees is only in `Resident.chat` (facts/line.md 2).
Event times come from the given clock, so a phone can live at two in the morning; lifetimes of reply tokens, retry
keys and the seven days of a non-friend are counted in `ticks`, seconds of a clock that only goes forward.
Whatever LINE's documents leave open is answered here in the way that is hardest on the client.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from types import TracebackType
from typing import Any, Self

import httpx
from ulid import ULID

from bot.clock import Clock
from bot.errors import RefusedError
from bot.opening import TOKYO
from bot.simulator.answers import Answer, Content, refused, refused_body
from bot.simulator.faults import Faults
from bot.simulator.judge import Problem, is_chat, is_user, judge
from bot.simulator.menus import RichMenus
from bot.simulator.outgoing import DEADLINE, Attempt, Event, Webhooks
from bot.simulator.people import Bubble, Group, Resident

Json = dict[str, Any]
Who = Resident | str

MONTHLY = {"message": "You have reached your monthly limit."}
RATE = {"message": "The API rate limit has been exceeded. Try again later."}
STALE = {"message": "Invalid reply token"}
RATES = {"multicast": 200, "loading": 100}  # requests a second; everything else 2,000
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sent:
    """Hold one accepted body, for judging afterwards; `shown` says whether a chat took it. `kind` as in the path."""

    kind: str
    body: Json
    request_id: str
    shown: bool


@dataclass(frozen=True, slots=True)
class _Accepted:
    at: float
    digest: str
    request_id: str
    sent_messages: list[Json]


class Platform:
    """Be LINE for one channel: the client calls its API over HTTP, the driver methods are what residents do."""

    def __init__(
        self,
        *,
        channel_secret: str,
        access_token: str,
        destination: str,
        webhook_url: str,
        clock: Clock,
        basic_id: str = "@hinata-demo",
        account_name: str = "ひなた市 子育ての窓口",
        channel_id: str = "1234567890",
        quota: int | None = None,
        ticks: Callable[[], float] = time.monotonic,
        transport: httpx.AsyncBaseTransport | None = None,
        deadline: float = DEADLINE,
        redelivery: bool = False,
        redelivery_delays: Sequence[float] = (1.0, 5.0, 30.0),
        reply_token_seconds: float = 60.0,
        redelivered_token_seconds: float = 20 * 60.0,
        retry_key_seconds: float = 24 * 3600.0,
        stranger_seconds: float = 7 * 24 * 3600.0,
    ) -> None:
        """Open a channel. `quota` is pushes a month (None: unlimited); `transport` sends webhooks without a socket.

        The numbers are LINE's (facts/line.md 1 and 2): reply token 60 s, 20 min since the event when redelivered,
        retry key 24 h, non-friends reachable for 7 days after they wrote.
        """
        self.channel_secret = channel_secret
        self.access_token = access_token
        self.channel_id = channel_id
        self.destination = destination
        self.basic_id = basic_id
        self.account_name = account_name
        self.clock = clock
        self.ticks = ticks
        self.quota = quota
        self.reply_token_seconds = reply_token_seconds
        self.redelivered_token_seconds = redelivered_token_seconds
        self.retry_key_seconds = retry_key_seconds
        self.stranger_seconds = stranger_seconds
        self.residents: dict[str, Resident] = {}
        self.groups: dict[str, Group] = {}
        self.other_providers: set[str] = set()
        self.events: list[Event] = []
        self.sent: list[Sent] = []
        self.refused: list[tuple[str, int, Json]] = []
        self.complaints: list[str] = []
        self.contents: dict[str, Content] = {}
        self.menus = RichMenus(self.residents)
        self.faults = Faults()
        self.webhooks = Webhooks(
            secret=channel_secret,
            destination=destination,
            url=webhook_url,
            ticks=ticks,
            transport=transport,
            deadline=deadline,
            redelivery=redelivery,
            delays=redelivery_delays,
        )
        self._message_ids = count(561_000_000_000_000_001)
        self._by_token: dict[str, Event] = {}
        self._accepted: dict[str, _Accepted] = {}
        self._bearers: dict[str, float] = {}
        self._usage: Counter[str] = Counter()
        self._calls: dict[str, deque[float]] = {}
        self._last_raw = self._last_stamp = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End what is under way and close connections."""
        await self.webhooks.close()

    async def settle(self) -> None:
        """Wait until no webhook is under way any more, redeliveries included."""
        await self.webhooks.settle()

    # --- what residents do -------------------------------------------------------------------------------------

    def add_resident(
        self, name: str, *, language: str | None = "ja", friend: bool = True, user_id: str = ""
    ) -> Resident:
        """Put a person with a phone into the town; `language` is the profile's (None: she never agreed to tell)."""
        resident = Resident(user_id or "U" + secrets.token_hex(16), name, language, friend)
        self.residents[resident.id] = resident
        return resident

    def resident(self, who: Who) -> Resident:
        """Return a resident by herself, her id or her name."""
        if isinstance(who, Resident):
            return who
        found = self.residents.get(who) or next((r for r in self.residents.values() if r.name == who), None)
        if found is None:
            raise RefusedError(f"その住民はいません：{who}")
        return found

    async def write(self, who: Who, text: str, *, group: Group | None = None) -> Event:
        """Write a text, wait for the webhook's answer, and return the event."""
        return await self._write(who, {"type": "text", "text": text}, group=group)

    async def send_sticker(
        self, who: Who, package_id: str = "446", sticker_id: str = "1989", *, keywords: Sequence[str] = ()
    ) -> Event:
        """Send a sticker."""
        message: Json = {"type": "sticker", "packageId": package_id, "stickerId": sticker_id}
        message["stickerResourceType"] = "STATIC"
        if keywords:
            message["keywords"] = list(keywords)[:15]
        return await self._write(who, message)

    async def send_location(
        self, who: Who, latitude: float, longitude: float, *, title: str = "", address: str = ""
    ) -> Event:
        """Send a place; degrees in WGS 84."""
        message: Json = {"type": "location", "latitude": latitude, "longitude": longitude}
        message |= {name: value for name, value in (("title", title), ("address", address)) if value}
        return await self._write(who, message)

    async def send_image(
        self, who: Who, data: bytes = PICTURE, media_type: str = "image/png", *, preparing: bool = False
    ) -> Event:
        """Send a picture; its content is answered with 202 while `preparing` (see `contents`)."""
        message = {"type": "image", "contentProvider": {"type": "line"}}
        return await self._write(who, message, content=Content(data, media_type, preparing))

    async def send_video(
        self, who: Who, data: bytes, media_type: str = "video/mp4", *, preparing: bool = False
    ) -> Event:
        """Send a film; `preparing` as for a picture."""
        message = {"type": "video", "duration": 4_000, "contentProvider": {"type": "line"}}
        return await self._write(who, message, content=Content(data, media_type, preparing))

    async def send_voice(
        self, who: Who, data: bytes, media_type: str = "audio/mp4", *, preparing: bool = False
    ) -> Event:
        """Send a voice message; `preparing` as for a picture."""
        message = {"type": "audio", "duration": 4_000, "contentProvider": {"type": "line"}}
        return await self._write(who, message, content=Content(data, media_type, preparing))

    async def send_file(self, who: Who, data: bytes, name: str, media_type: str = "application/pdf") -> Event:
        """Send a file."""
        message = {"type": "file", "fileName": name, "fileSize": len(data)}
        return await self._write(who, message, content=Content(data, media_type))

    async def press(self, who: Who, data: str, label: str = "", *, params: Json | None = None) -> Event:
        """Press a postback button; `label` is what then stands in the chat as the resident's words (displayText)."""
        resident = self._reachable(who)
        if label:
            self._bubble(resident.chat, {"type": "text", "text": label}, resident)
        postback: Json = {"data": data} | ({"params": params} if params is not None else {})
        return await self._happen(self._event("postback", resident, postback=postback))

    async def tap(self, who: Who, label: str, *, params: Json | None = None) -> Json:
        """Tap what is labelled so, newest first: a quick reply of the last bubble, a button, the rich menu.

        Return the action. A label that cannot be seen is refused.
        """
        resident = self.resident(who)
        last = resident.chat[-1:] if resident.chat and not resident.chat[-1].mine else []
        seen = [action for bubble in last for action in bubble.quick_replies]
        seen += [action for bubble in reversed(resident.heard) for action in bubble.actions]
        menu = self.menus.shown(resident)
        seen += [area["action"] for area in menu.menu["areas"]] if menu else []
        action = next((action for action in seen if action.get("label") == label), None)
        if action is None:
            raise RefusedError(f"押せるものがありません：{label}")
        await self.act(resident, action, params=params)
        return action

    async def act(self, who: Who, action: Json, *, params: Json | None = None) -> Event | None:
        """Do what tapping an action does; the phone itself opens links, pickers, camera and clipboard."""
        resident = self._reachable(who)
        match action["type"]:
            case "message":
                return await self.write(resident, action["text"])
            case "postback":
                if "text" in action:
                    await self.write(resident, action["text"])
                return await self.press(resident, action["data"], action.get("displayText", ""))
            case "datetimepicker":
                return await self.press(resident, action["data"], params=params or {})
            case "richmenuswitch":
                return await self.press(
                    resident, action["data"], params=self.menus.switch(resident, action["richMenuAliasId"])
                )
        return None

    async def follow(self, who: Who) -> Event:
        """Add the account as a friend, or unblock it."""
        resident = self.resident(who)
        unblocked, resident.blocked, resident.friend = resident.blocked, False, True
        return await self._happen(self._event("follow", resident, follow={"isUnblocked": unblocked}))

    async def unblock(self, who: Who) -> Event:
        """Unblock the account; LINE tells it as a follow."""
        return await self.follow(who)

    async def block(self, who: Who) -> Event:
        """Block the account; LINE tells it as an unfollow, and forgets the resident's own rich menu."""
        resident = self.resident(who)
        resident.blocked, resident.rich_menu = True, None
        return await self._happen(self._event("unfollow", resident, token=False))

    async def unsend(self, who: Who, message: Event | Bubble | str) -> Event:
        """Take back an own message; its content is gone from then on."""
        resident = self.resident(who)
        if isinstance(message, Event):
            message = message.message_id
        message_id = message if isinstance(message, str) else message.id
        bubble = next((b for b in resident.chat if b.id == message_id and b.mine), None)
        if bubble is None:
            raise RefusedError("取り消せるのは、自分が送ったメッセージだけです。")
        bubble.message = {"type": "unsent"}
        if message_id in self.contents:
            self.contents[message_id].gone = True
        return await self._happen(self._event("unsend", resident, token=False, unsend={"messageId": message_id}))

    async def join_group(self, who: Who, *others: Who, room: bool = False) -> Group:
        """Invite the account to a group (or a multi-person chat) and return it; write into it with `write(group=)`."""
        members = [self.resident(one) for one in (who, *others)]
        group = Group(("R" if room else "C") + secrets.token_hex(16), members)
        self.groups[group.id] = group
        await self._happen(self._event("join", None, group=group))
        return group

    async def happen(self, who: Who, kind: str, *, token: bool = True, **fields: Any) -> Event:
        """Let an event of any kind happen, also one that does not exist yet."""
        return await self._happen(self._event(kind, self.resident(who), token=token, **fields))

    def scan_greeting(self, who: Who, text: str) -> Resident:
        """Open the chat by a QR greeting link: the text waits in the input until the resident sends it."""
        resident = self.resident(who)
        resident.draft = text
        return resident

    # --- what the network does ---------------------------------------------------------------------------------

    async def verify(self, url: str = "") -> Attempt:
        """Call the webhook without events, as the console's verify button does."""
        raw = json.dumps({"destination": self.destination, "events": []}, separators=(",", ":")).encode()
        before = self.ticks()
        status, reason = await self.webhooks.post(raw, url)
        return Attempt(status, reason, self.ticks() - before)

    async def duplicate(self, event: Event | None = None) -> Attempt:
        """Send an event (the last one) again without calling it a redelivery, as networks sometimes do."""
        return await self.webhooks.send([event or self._last_event()])

    async def redeliver(self, event: Event | None = None) -> list[Attempt]:
        """Redeliver one event, or every event that no attempt delivered."""
        events = [event] if event else [e for e in self.events if e.attempts and not e.delivered]
        return [await self.webhooks.send([e], redelivery=True) for e in events]

    def hold(self) -> None:
        """Hold webhooks back until `release`."""
        self.webhooks.hold()

    async def release(self, *, reverse: bool = False, together: bool = False) -> None:
        """Send what was held back: in order or reversed, each alone or all in one body."""
        await self.webhooks.release(reverse=reverse, together=together)

    # --- what the client may ask: sending ----------------------------------------------------------------------

    def reply(self, body: Json, *, retry_key: str | None = None, request_id: str = "", stale: bool = False) -> Answer:
        """Answer POST /v2/bot/message/reply; `stale` makes every token count as expired."""
        if retry_key is not None:
            return refused(400, "The 'X-Line-Retry-Key' header can't be used with this endpoint")
        problems = judge(body)
        if not isinstance(body.get("replyToken"), str) or not body["replyToken"]:
            problems.insert(0, Problem("May not be empty", "replyToken"))
        if problems:
            return refused_body(problems)
        if self._too_fast("reply"):
            return Answer(429, RATE)
        event = self._by_token.get(body["replyToken"])
        if event is None or stale or not self._fresh(event):
            return Answer(400, STALE)
        event.replied = True
        shown, sent = self._deliver(event.chat_id, body["messages"], asked=True)
        self.sent.append(Sent("reply", body, request_id, shown))
        return Answer(200, {"sentMessages": sent})

    def push(self, body: Json, *, retry_key: str | None = None, request_id: str = "") -> Answer:
        """Answer POST /v2/bot/message/push."""
        to = body.get("to")
        if not is_chat(to):
            return refused(400, "The property, 'to', in the request body is invalid (line: -, column: -)")
        if to in self.other_providers:
            return refused(400, "Failed to send messages")
        return self._bill("push", [str(to)], body, retry_key, request_id)

    def multicast(self, body: Json, *, retry_key: str | None = None, request_id: str = "") -> Answer:
        """Answer POST /v2/bot/message/multicast."""
        to = body.get("to")
        if not isinstance(to, list) or not 1 <= len(to) <= 500 or not all(is_user(one) for one in to):
            return refused(400, "The property, 'to', in the request body is invalid (line: -, column: -)")
        return self._bill("multicast", to, body, retry_key, request_id)

    def validate(self, body: Json) -> Answer:
        """Answer POST /v2/bot/message/validate/…, which looks at the messages only."""
        problems = judge({"messages": body.get("messages")})
        return refused_body(problems) if problems else Answer()

    def _bill(self, kind: str, to: list[str], body: Json, retry_key: str | None, request_id: str) -> Answer:
        problems = judge(body)
        if problems:
            return refused_body(problems)
        if retry_key is not None:
            try:
                retry_key = str(uuid.UUID(retry_key))
            except ValueError:
                return refused(400, "The retry key is invalid")
        if self._too_fast(kind):
            return Answer(429, RATE)
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        known = self._accepted.get(retry_key) if retry_key else None
        if known and self.ticks() - known.at <= self.retry_key_seconds:
            if known.digest != digest:  # LINE would silently drop the second message: nobody may rely on that
                self.complaints.append(f"retry key used again for another body: {retry_key}")
            again: Json = {"message": "The retry key is already accepted"}
            again |= {"sentMessages": known.sent_messages} if known.sent_messages else {}
            return Answer(409, again, (("x-line-accepted-request-id", known.request_id),))
        people = sum(self._recipients(one) for one in to)
        if self.quota is not None and people and self.used + people > self.quota:
            return Answer(429, MONTHLY)
        self._usage[self._month()] += people
        sent: list[Json] = []
        shown = False
        for one in to:
            one_shown, sent = self._deliver(one, body["messages"], asked=False)
            shown = shown or one_shown
        if kind != "push":
            sent = []
        if retry_key is not None:
            self._accepted[retry_key] = _Accepted(self.ticks(), digest, request_id, sent)
        self.sent.append(Sent(kind, body, request_id, shown))
        return Answer(200, {"sentMessages": sent} if sent else {})

    @property
    def used(self) -> int:
        """Return how many pushes of this month were counted, by recipient."""
        return self._usage[self._month()]

    def _month(self) -> str:
        return f"{self.clock.now().astimezone(TOKYO):%Y-%m}"

    def _too_fast(self, kind: str) -> bool:
        now = self.ticks()
        calls = self._calls.setdefault(kind, deque())
        while calls and now - calls[0] >= 1.0:
            calls.popleft()
        if len(calls) >= RATES.get(kind, 2000):
            return True
        calls.append(now)
        return False

    def _fresh(self, event: Event) -> bool:
        if event.replied or event.received is None:
            return False
        now = self.ticks()
        return (
            now - event.received <= self.reply_token_seconds and now - event.happened <= self.redelivered_token_seconds
        )

    def _may_push(self, resident: Resident) -> bool:
        wrote = resident.wrote_at is not None and self.ticks() - resident.wrote_at <= self.stranger_seconds
        return not resident.blocked and (resident.friend or wrote)

    def _recipients(self, chat_id: str) -> int:
        if chat_id in self.groups:
            group = self.groups[chat_id]
            return 0 if group.left else len(group.members)
        resident = self.residents.get(chat_id)
        return int(resident is not None and self._may_push(resident))

    def _deliver(self, chat_id: str, messages: list[Json], *, asked: bool) -> tuple[bool, list[Json]]:
        """Show messages if the chat takes them; return whether, and LINE's ids for them, which come either way."""
        chat: list[Bubble] | None = None
        if chat_id in self.groups:
            chat = None if self.groups[chat_id].left else self.groups[chat_id].chat
        elif (resident := self.residents.get(chat_id)) and (
            self._may_push(resident) or (asked and not resident.blocked)
        ):
            chat = resident.chat
            resident.loading_until = 0.0
        sent = []
        for message in messages:
            message_id = str(next(self._message_ids))
            sent.append({"id": message_id} | self._quotable(message["type"]))
            if chat is not None:
                sender = message.get("sender", {})
                name, icon = sender.get("name") or self.account_name, sender.get("iconUrl", "")
                chat.append(Bubble(message_id, message, False, self.clock.now(), name, icon))
        return chat is not None, sent

    # --- what the client may ask: the rest ---------------------------------------------------------------------

    def bearer_ok(self, token: str) -> bool:
        """Return whether a channel access token is valid now."""
        return secrets.compare_digest(token.encode(), self.access_token.encode()) or (
            self._bearers.get(token, 0.0) > self.ticks()
        )

    def issue_token(self, form: dict[str, str]) -> Answer:
        """Answer POST /oauth2/v3/token by client secret: a stateless token of 15 minutes."""
        if form.get("grant_type") != "client_credentials":
            return Answer(400, {"error": "unsupported_grant_type", "error_description": "invalid grant_type"})
        if form.get("client_id") != self.channel_id or form.get("client_secret") != self.channel_secret:
            return Answer(400, {"error": "invalid_client", "error_description": "invalid client_id or client_secret"})
        token = secrets.token_urlsafe(96)
        self._bearers[token] = self.ticks() + 900
        return Answer(200, {"token_type": "Bearer", "access_token": token, "expires_in": 900})

    def profile(self, user_id: str) -> Answer:
        """Answer GET /v2/bot/profile/{userId}: 404 for who blocked the account or never came near it."""
        resident = self.residents.get(user_id)
        if resident is None or resident.blocked or not (resident.friend or resident.wrote_at is not None):
            return refused(404, "Not found")
        profile = {"userId": resident.id, "displayName": resident.name}
        return Answer(200, profile | ({"language": resident.language} if resident.language else {}))

    def start_loading(self, body: Json) -> Answer:
        """Answer POST /v2/bot/chat/loading/start: 5 to 60 seconds in steps of 5, one-to-one chats only."""
        seconds = body.get("loadingSeconds", 20)
        if not is_user(body.get("chatId")):
            return refused_body([Problem("invalid user id", "chatId")])
        if isinstance(seconds, bool) or not isinstance(seconds, int) or not 5 <= seconds <= 60 or seconds % 5:
            return refused_body([Problem("must be a multiple of 5 between 5 and 60", "loadingSeconds")])
        if self._too_fast("loading"):
            return Answer(429, RATE)
        resident = self.residents.get(body["chatId"])
        if resident and self._may_push(resident):
            resident.loading_until = self.ticks() + seconds
        return Answer(202)

    def quota_answer(self) -> Answer:
        """Answer GET /v2/bot/message/quota."""
        return Answer(200, {"type": "none"} if self.quota is None else {"type": "limited", "value": self.quota})

    def info(self) -> Answer:
        """Answer GET /v2/bot/info; chat is off, so everything counts as read at once."""
        name = {"userId": self.destination, "basicId": self.basic_id, "displayName": self.account_name}
        return Answer(200, name | {"chatMode": "bot", "markAsReadMode": "auto"})

    def content(self, message_id: str) -> Answer:
        """Answer GET /v2/bot/message/{id}/content: 202 while preparing, 410 after unsend, 404 if there is none."""
        content = self.contents.get(message_id)
        return content.answer() if content else refused(404, "Not found")

    def leave(self, group_id: str, kind: str) -> Answer:
        """Answer POST /v2/bot/{group|room}/{id}/leave; LINE then tells the leaving as an event."""
        group = self.groups.get(group_id)
        if group is None or group.left or group.kind != kind:
            return refused(404, "Not found")
        group.left = True
        self.webhooks.spawn(self._happen(self._event("leave", None, group=group, token=False)))
        return Answer()

    def endpoint(self) -> Answer:
        """Answer GET /v2/bot/channel/webhook/endpoint."""
        return Answer(200, {"endpoint": self.webhooks.url, "active": self.webhooks.active})

    def set_endpoint(self, body: Json) -> Answer:
        """Answer PUT /v2/bot/channel/webhook/endpoint: https, or this machine itself, at most 500 characters."""
        url = body.get("endpoint")
        local = isinstance(url, str) and url.startswith(("http://127.0.0.1", "http://localhost"))
        if not isinstance(url, str) or len(url) > 500 or not (url.startswith("https://") or local):
            return refused_body([Problem("Invalid webhook endpoint URL", "endpoint")])
        self.webhooks.url = url
        return Answer()

    async def test_endpoint(self, body: Json) -> Answer:
        """Answer POST /v2/bot/channel/webhook/test by calling the webhook without events."""
        attempt = await self.verify(str(body.get("endpoint", "")))
        stamp = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        detail = str(attempt.status) if attempt.status else attempt.reason
        found: Json = {"success": attempt.ok, "timestamp": stamp, "statusCode": attempt.status}
        return Answer(200, found | {"reason": attempt.reason, "detail": detail})

    # --- making events -----------------------------------------------------------------------------------------

    def _reachable(self, who: Who) -> Resident:
        resident = self.resident(who)
        if resident.blocked:
            raise RefusedError("ブロックを解除すると送れます。")
        return resident

    def _last_event(self) -> Event:
        if not self.events:
            raise RefusedError("まだ何も起きていません。")
        return self.events[-1]

    @staticmethod
    def _quotable(kind: str) -> Json:
        quotable = kind in ("text", "textV2", "sticker", "image", "video", "template", "flex")
        return {"quoteToken": secrets.token_urlsafe(48)} if quotable else {}

    def _bubble(self, chat: list[Bubble], message: Json, resident: Resident, message_id: str = "") -> None:
        at = self.clock.now()
        chat.append(Bubble(message_id or f"local-{secrets.token_hex(6)}", message, True, at, resident.name, read=True))

    async def _write(
        self, who: Who, message: Json, *, group: Group | None = None, content: Content | None = None
    ) -> Event:
        resident = self._reachable(who)
        message_id = str(next(self._message_ids))
        resident.wrote_at, resident.draft = self.ticks(), ""
        if content is not None:
            self.contents[message_id] = content
        self._bubble(group.chat if group else resident.chat, message, resident, message_id)
        body = {"type": message["type"], "id": message_id, **message} | self._quotable(message["type"])
        return await self._happen(self._event("message", resident, group=group, message=body))

    def _stamp(self) -> int:
        """Return the event time in ms; events of one millisecond (a frozen clock) still come one after the other."""
        raw = (self.clock.now() - _EPOCH) // timedelta(milliseconds=1)
        stamp = self._last_stamp + 1 if self._last_raw <= raw <= self._last_stamp else raw
        self._last_raw, self._last_stamp = raw, stamp
        return stamp

    def _event(
        self, kind: str, resident: Resident | None, *, group: Group | None = None, token: bool = True, **fields: Any
    ) -> Event:
        stamp = self._stamp()
        who = {"userId": resident.id} if resident else {}
        source = {"type": group.kind, f"{group.kind}Id": group.id, **who} if group else {"type": "user", **who}
        body: Json = {"type": kind, **fields, "webhookEventId": str(ULID.from_timestamp(stamp))}
        body |= {"deliveryContext": {"isRedelivery": False}, "timestamp": stamp, "source": source, "mode": "active"}
        if token:
            body["replyToken"] = secrets.token_hex(16)
        chat_id = group.id if group else resident.id if resident else ""
        event = Event(body, chat_id, self.ticks())
        self.events.append(event)
        if token:
            self._by_token[event.reply_token] = event
        return event

    async def _happen(self, event: Event) -> Event:
        await self.webhooks.offer(event)
        return event
