"""A worker over a real store that thinks as the desk does, by patterns alone; shared by tests of whole turns."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.app import Mind
from bot.models import Outbox
from bot.store import Store
from bot.vault import resident_owner, unseal
from bot.worker import Worker
from tests.pipeline import FakeLine, clock, event
from tests.talk import content, view, words


def desk(store: Store) -> Worker:
    """Return ひなた市's worker."""
    mind = Mind(content(), words())
    mind.city, mind.directory = view().city, view().directory
    return Worker(store, mind, FakeLine(), clock(), lambda: view().city, base_url="https://desk.example")


def tap(act: str) -> dict[str, Any]:
    """Return the event of a button."""
    return event("postback", postback={"data": act})


async def sent(store: Store) -> list[dict[str, Any]]:
    """Return every LINE message in the outbox, in order."""

    def unit(session: Session) -> list[dict[str, Any]]:
        rows = session.scalars(select(Outbox).order_by(Outbox.lane_key, Outbox.seq))
        return [
            message
            for row in rows
            for message in json.loads(
                unseal(session, resident_owner(row.resident_id), "outbox", "body", row.id, row.body_sealed)
            )
        ]

    return await store.read(unit)
