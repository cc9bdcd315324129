"""Figures for whoever watches the machines, read from the database when they are asked for.

The rule: counts and ages only, on a loopback port of its own (the roof's choice), never on the public one
(facts/reliability.md F).
"""

from __future__ import annotations

from typing import Final, cast

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from sqlalchemy import Table, case, func, select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.models import CaseRow, Inbox, Outbox, TranslationRow, Watched
from bot.outbox import CHANNEL, QUOTA
from bot.store import Store, db_now

INBOX: Final = cast(Table, Inbox.__table__)
OUTBOX: Final = cast(Table, Outbox.__table__)
CASES: Final = cast(Table, CaseRow.__table__)
TRANSLATION: Final = cast(Table, TranslationRow.__table__)


def figures(session: Session) -> dict[str, float]:
    """Return every figure by its metric's name, with labels where there are any."""
    now = db_now(session)
    unread = INBOX.c.done_db.is_(None)
    depth, oldest, blocked = session.execute(
        select(
            func.count(),
            func.min(INBOX.c.received_db),
            func.count(func.distinct(case((INBOX.c.attempts > 1, INBOX.c.lane_key)))),
        ).where(unread)
    ).one()
    found: dict[str, float] = {
        "inbox_depth": depth,
        "inbox_oldest_seconds": now - oldest if oldest is not None else 0.0,
        "lane_blocked": blocked,
        "dead_letters": session.scalar(select(func.count()).where(INBOX.c.outcome == "dead")) or 0,
        "outbox_without_quota": session.scalar(
            select(func.count()).where(OUTBOX.c.state == "pending", OUTBOX.c.error == QUOTA)
        )
        or 0,
        "channel_stopped": float(bool(session.scalar(select(Watched.note).where(Watched.name == CHANNEL)))),
    }
    for state, count in session.execute(select(OUTBOX.c.state, func.count()).group_by(OUTBOX.c.state)):
        found[f'outbox_rows{{state="{state}"}}'] = count
    for state, count in session.execute(select(TRANSLATION.c.state, func.count()).group_by(TRANSLATION.c.state)):
        found[f'translations{{state="{state}"}}'] = count
    waiting = select(CASES.c.severity, func.count()).where(CASES.c.state == "waiting").group_by(CASES.c.severity)
    for severity, count in session.execute(waiting):
        found[f'cases_waiting{{severity="{severity}"}}'] = count
    return found


def routes(store: Store) -> list[Route]:
    """Return /metrics in Prometheus' format, for an application that listens on loopback only."""

    async def metrics(_request: Request) -> Response:
        registry = CollectorRegistry()
        gauges: dict[str, Gauge] = {}
        for name, value in (await store.read(figures)).items():
            plain, _, labelled = name.partition("{")
            label, _, content = labelled.rstrip("}").partition("=")
            if plain not in gauges:
                gauges[plain] = Gauge(plain, plain.replace("_", " "), [label] if label else [], registry=registry)
            (gauges[plain].labels(content.strip('"')) if label else gauges[plain]).set(value)
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return [Route("/metrics", metrics, methods=["GET"])]
