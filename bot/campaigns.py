"""Printed batches of QR codes: made, changed, counted and ended; what the desk must know of them as values.

The rule: a campaign is a batch, never one person: what is kept of a scan is a number per day and language, and nobody
can be found by it. Codes hold neither vowels nor signs that look alike, so that none is a word and all can be typed.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, cast, get_args

from sqlalchemy import Table, select, update
from sqlalchemy.orm import Session

from bot.errors import SettingsError
from bot.i18n import OWN_NAMES
from bot.models import Campaign as CampaignRow
from bot.models import CampaignScan
from bot.opening import TOKYO
from bot.situation import GREETINGS, Campaign, Moment
from bot.store import bump, upsert
from bot.triage import fold

NAME: Final = "campaigns"  # among what processes hold in memory (`store.bump`)
MOMENTS: Final[tuple[Moment, ...]] = get_args(Moment)
SIGNS: Final = "BCDFGHJKMNPQRTVWXYZ2346789"
LENGTH: Final = 4  # some 390,000 codes; they are no secret
CODE: Final = re.compile(r"[A-Z0-9]{4,16}")
GREETING_MOST: Final = 30  # characters; `engine.GREETING` takes 40
CAMPAIGN: Final = cast(Table, CampaignRow.__table__)
SCAN: Final = cast(Table, CampaignScan.__table__)


@dataclass(frozen=True, slots=True)
class Counted:
    """Hold one campaign with its numbers: `scans` by day and language, `greeted` people who began to talk by it."""

    campaign: Campaign
    created_at: datetime
    ended_at: datetime | None
    scans: Mapping[tuple[date, str], int]
    greeted: int


def add(
    session: Session,
    *,
    moment: str,
    place: str,
    languages: Sequence[str],
    greetings: Mapping[str, str],
    at: datetime,
    token: str = "",
) -> Campaign:
    """Make a campaign, with a code of its own unless `token` names one; raise SettingsError naming what is wrong."""
    if moment not in MOMENTS:
        raise SettingsError(f"the moment is one of {', '.join(MOMENTS)}, not {moment!r}")
    if unknown := [id for id in languages if id not in OWN_NAMES]:
        raise SettingsError(f"there are no cards in {', '.join(unknown)}; there are in {', '.join(OWN_NAMES)}")
    if not languages:
        raise SettingsError("a card is printed in one language at least")
    token = token.upper() or _new_token(session)
    if not CODE.fullmatch(token):
        raise SettingsError(f"a code is 4 to 16 letters and digits, not {token!r}")
    if session.get(CampaignRow, token) is not None:
        raise SettingsError(f"the code {token} is taken: a code that was printed once is never used again")
    own = _checked(greetings)
    row = CampaignRow(
        token=token, moment=moment, place=place.strip()[:80], languages=list(dict.fromkeys(languages)),
        greetings=own, created_at=at,
    )  # fmt: skip
    session.add(row)
    session.flush()
    bump(session, NAME)
    return _value(row)


def greet(session: Session, token: str, language: str, words: str) -> Campaign:
    """Change what the code writes in the phone in one language, "" for our own words again."""
    row = _row(session, token)
    row.greetings = _checked({**row.greetings, language: words})
    bump(session, NAME)
    return _value(row)


def end(session: Session, token: str, at: datetime) -> Campaign:
    """End a campaign: its cards still find the desk, and are counted no more."""
    row = _row(session, token)
    row.ended_at = row.ended_at or at
    bump(session, NAME)
    return _value(row)


def find(session: Session, token: str) -> tuple[Campaign | None, bool]:
    """Return the campaign of a code as it was typed, and whether it runs; (None, False) for a code of nobody."""
    row = session.get(CampaignRow, token.upper()) if CODE.fullmatch(token.upper()) else None
    return (_value(row), row.ended_at is None) if row is not None else (None, False)


def running(session: Session) -> Mapping[str, Campaign]:
    """Return every campaign that has not ended, by its code: what the desk holds in memory."""
    rows = session.scalars(select(CampaignRow).where(CampaignRow.ended_at.is_(None)))
    return {row.token: _value(row) for row in rows}


def count_scan(session: Session, token: str, language: str, at: datetime) -> None:
    """Count one scan on its day in Tokyo."""
    day = at.astimezone(TOKYO).date()
    one = upsert(session, SCAN).values(token=token, day=day, language=language, scans=1)
    more = one.on_conflict_do_update(
        index_elements=[SCAN.c.token, SCAN.c.day, SCAN.c.language], set_={"scans": SCAN.c.scans + 1}
    )
    session.execute(more)


def count_greeted(session: Session, token: str) -> None:
    """Count somebody whose first words to the desk carried the code."""
    session.execute(update(CAMPAIGN).where(CAMPAIGN.c.token == token).values(greeted=CAMPAIGN.c.greeted + 1))


def counted(session: Session) -> list[Counted]:
    """Return all campaigns with their numbers, the newest first."""
    scans: dict[str, dict[tuple[date, str], int]] = {}
    for one in session.scalars(select(CampaignScan).order_by(CampaignScan.day, CampaignScan.language)):
        scans.setdefault(one.token, {})[one.day, one.language] = one.scans
    rows = session.scalars(select(CampaignRow).order_by(CampaignRow.created_at.desc(), CampaignRow.token))
    return [Counted(_value(row), row.created_at, row.ended_at, scans.get(row.token, {}), row.greeted) for row in rows]


def _row(session: Session, token: str) -> CampaignRow:
    row = session.get(CampaignRow, token.upper())
    if row is None:
        raise SettingsError(f"there is no campaign {token!r}: `madoguchi campaign list` shows them all")
    return row


def _value(row: CampaignRow) -> Campaign:
    return Campaign(row.token, cast(Moment, row.moment), row.place, tuple(row.languages), dict(row.greetings))


def _new_token(session: Session) -> str:
    while True:
        token = "".join(secrets.choice(SIGNS) for _sign in range(LENGTH))
        if session.get(CampaignRow, token) is None:
            return token


def _checked(greetings: Mapping[str, str]) -> dict[str, str]:
    """Return the city's greetings without empty ones; each must be short and tell its language from the others."""
    own = {language: " ".join(words.split()) for language, words in greetings.items() if words.strip()}
    if unknown := set(greetings) - set(GREETINGS):
        raise SettingsError(f"the desk speaks no {', '.join(sorted(unknown))}; it speaks {', '.join(GREETINGS)}")
    for language, words in own.items():
        if len(words) > GREETING_MOST or set("[]［］") & set(words) or not fold(words):
            raise SettingsError(f"the greeting for {language} is 1 to {GREETING_MOST} characters without brackets")
    said = {language: fold(words) for language, words in {**GREETINGS, **own}.items()}
    for language in own:
        if twin := next((other for other in said if other != language and said[other] == said[language]), ""):
            raise SettingsError(f"{language} and {twin} would be greeted alike: the greeting tells the language")
    return own
