"""What parents and operators say is wrong in the directory, kept until a person of the desk has decided.

The rule: a suggestion changes nothing by itself; taking it over is an edit of staff's (`curation.edit`). What somebody
wrote is sealed under the install's key. Nobody is asked who they are, and an operator's link opens one form only.
"""

from __future__ import annotations

import hmac
import json
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot import crypto
from bot.curation import LONGEST, By
from bot.errors import RefusedError
from bot.messages import clean
from bot.models import ResourceRow, Suggestion
from bot.store import append_audit
from bot.vault import INSTALL, seal, unseal

Sender = Literal["parent", "operator"]
Kind = Literal["closed", "hours", "phone", "place", "fee", "other"]
Decision = Literal["taken", "declined"]

KINDS: Final[tuple[Kind, ...]] = ("closed", "hours", "phone", "place", "fee", "other")
WORDS_MOST: Final[Mapping[Sender, int]] = {"parent": 200, "operator": 1_000}  # characters
#: Open ones for one place and sender: who reads twenty that say the same learns nothing more, and no flood fills the
#: table. Operators have their own, so that no flood of others keeps them out.
OPEN_MOST: Final = 20
#: Of parents within an hour, for all places together: no flood over many places buries what families have to say.
HOURLY_MOST: Final = 60
#: What an operator may propose: fields of a Resource, as JSON (`resources.to_json`).
PROPOSED: Final = (
    "name", "kana", "description", "phones", "url", "opening", "hours_note", "cost", "eligibility_description",
    "booking_required", "application_process", "availability", "alert",
)  # fmt: skip
LINK_LIVES: Final = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Suggested:
    """Hold one suggestion, opened. `changes`: field -> proposed value as JSON, only from operators."""

    id: uuid.UUID
    resource_id: str
    sender: Sender
    kind: Kind
    text: str
    changes: Mapping[str, Any]
    language: str
    at: datetime


def suggest(
    session: Session,
    resource_id: str,
    *,
    sender: Sender,
    kind: Kind,
    text: str,
    language: str,
    at: datetime,
    changes: Mapping[str, Any] | None = None,
) -> uuid.UUID:
    """Keep a suggestion about a place that is shown, and return its id.

    Raises RefusedError: the place is not shown, the words are too long, a field may not be proposed, or as many came
    already as anybody would read.
    """
    place = session.get(ResourceRow, resource_id, with_for_update=True)  # so that two at once are counted one by one
    if place is None or place.gone_at is not None or place.merged_into is not None:
        raise RefusedError("この場所は、いまはのせていません。")
    words = clean(text)
    if len(words) > WORDS_MOST[sender]:
        raise RefusedError("ことばは{most}字までにしてください。", most=WORDS_MOST[sender])
    proposed = json.dumps(changes or {}, ensure_ascii=False)
    if not set(changes or {}) <= set(PROPOSED if sender == "operator" else ()):
        raise RefusedError("直せない項目があります。")
    if len(proposed) > LONGEST * 2:
        raise RefusedError("長すぎる項目があります。短くしてください。")
    since = at - timedelta(hours=1)
    if _open(session, resource_id, sender) >= OPEN_MOST or (
        sender == "parent" and _lately(session, since) >= HOURLY_MOST
    ):
        raise RefusedError("お知らせが、もうたくさん届いています。しばらくしてから、もう一度送ってください。")
    id = uuid.uuid4()
    session.add(
        Suggestion(
            id=id, resource_id=resource_id, sender=sender, kind=kind, language=language, at=at,
            text_sealed=seal(session, INSTALL, "suggestion", "text", id, words),
            changes_sealed=seal(session, INSTALL, "suggestion", "changes", id, proposed),
        )
    )  # fmt: skip
    session.flush()
    return id


def open_suggestions(session: Session, resource_id: str = "") -> list[Suggested]:
    """Return what nobody has decided about yet, of one place or of all, the oldest first."""
    found = select(Suggestion).where(Suggestion.decided_at.is_(None))
    if resource_id:
        found = found.where(Suggestion.resource_id == resource_id)
    return [_opened(session, row) for row in session.scalars(found.order_by(Suggestion.at, Suggestion.id))]


def suggestion(session: Session, id: uuid.UUID) -> Suggested | None:
    """Return one open suggestion, None when there is none (any more)."""
    row = session.get(Suggestion, id)
    return _opened(session, row) if row is not None and row.decided_at is None else None


def decide(session: Session, id: uuid.UUID, by: By, at: datetime, decision: Decision, reason: str = "") -> None:
    """Write down that somebody took a suggestion over or declined it, and why.

    Raises RefusedError: it is decided already, or declined without a reason.
    """
    row = session.get(Suggestion, id, with_for_update=True)
    if row is None or row.decided_at is not None:
        raise RefusedError("このお知らせは、ほかの人がもう決めました。")
    why = clean(reason)
    if decision == "declined" and not why:
        raise RefusedError("取り入れない理由を書いてください。")
    if len(why) > 200:
        raise RefusedError("理由は200字までにしてください。")
    row.decided_at, row.decided_by, row.decision, row.reason = at, by.name, decision, why
    append_audit(session, by.id, f"suggestion.{decision}", at, detail={"suggestion": str(id)})


def _open(session: Session, resource_id: str, sender: Sender) -> int:
    counted = select(func.count()).select_from(Suggestion)
    own = (Suggestion.resource_id == resource_id, Suggestion.sender == sender, Suggestion.decided_at.is_(None))
    return session.scalar(counted.where(*own)) or 0


def _lately(session: Session, since: datetime) -> int:
    counted = select(func.count()).select_from(Suggestion)
    return session.scalar(counted.where(Suggestion.sender == "parent", Suggestion.at > since)) or 0


def _opened(session: Session, row: Suggestion) -> Suggested:
    return Suggested(
        row.id, row.resource_id, cast(Sender, row.sender), cast(Kind, row.kind),
        unseal(session, INSTALL, "suggestion", "text", row.id, row.text_sealed),
        json.loads(unseal(session, INSTALL, "suggestion", "changes", row.id, row.changes_sealed)),
        row.language, row.at,
    )  # fmt: skip


# --- the operator's link ----------------------------------------------------------------------------------------------


def operator_key(secret_key: str) -> bytes:
    """Return the key that signs operators' links, which is no other purpose's key."""
    return crypto.derive(secret_key, "operator-link")


def operator_link(key: bytes, base_url: str, resource_id: str, now: datetime) -> str:
    """Return the address of the form in which whoever runs a place may propose changes for sixty days."""
    token = f"{urlsafe_b64encode(resource_id.encode()).decode().rstrip('=')}.{int((now + LINK_LIVES).timestamp())}"
    return f"{base_url}/public/operator/{token}.{crypto.keyed_hash(key, token)}"


def read_operator_token(key: bytes, token: str, now: datetime) -> str | None:
    """Return the id of the place that a link is for; None for an expired one, or any that we did not write."""
    told, _dot, signature = token.rpartition(".")
    if not hmac.compare_digest(crypto.keyed_hash(key, told).encode(), signature.encode()):
        return None
    place, _dot, until = told.partition(".")
    if now.timestamp() >= int(until):
        return None
    return urlsafe_b64decode(place + "=" * (-len(place) % 4)).decode()
