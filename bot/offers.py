"""What somebody wrote in LINE who wants to help other families, on its way to the staff's list (functions 10, 67).

The rule: it is kept only after a yes, and apart from the talk: no resident, no case and no hour stands beside it, so
that nobody is led from one to the other (CARE C24). Whoever takes it deletes it here in the same transaction.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from bot.models import HelperOffer
from bot.opening import TOKYO
from bot.vault import INSTALL, seal, unseal


@dataclass(frozen=True, slots=True)
class Offer:
    """Hold one offer: the words, and in which language they are."""

    id: uuid.UUID
    words: str
    language: str


def keep(session: Session, words: str, language: str, at: datetime) -> None:
    """Keep an offer until it is taken."""
    id = uuid.uuid4()
    body = seal(session, INSTALL, "helper_offer", "body", id, words)
    session.add(HelperOffer(id=id, body_sealed=body, language=language, day=at.astimezone(TOKYO).date()))
    session.flush()


def waiting(session: Session) -> list[uuid.UUID]:
    """Return the offers that nobody has taken."""
    return list(session.scalars(select(HelperOffer.id)))


def take(session: Session, id: uuid.UUID) -> Offer | None:
    """Return an offer and delete it here; None when it was taken already."""
    row = session.get(HelperOffer, id, with_for_update=True)
    if row is None:
        return None
    words = unseal(session, INSTALL, "helper_offer", "body", id, row.body_sealed)
    session.execute(delete(HelperOffer).where(HelperOffer.id == id))
    return Offer(id, words, row.language)
