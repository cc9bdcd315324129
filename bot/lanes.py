"""Lanes: one resident's queue at a time, claimed with a lease and a fence, so that order holds and nobody waits.

The rule: whoever claims a lane may write for it only while `held` says that the fence is still its own; a worker that
slept past its lease finds another number there and must write nothing (facts/reliability.md A).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

from sqlalchemy import Boolean, Table, bindparam, case, select, update
from sqlalchemy.orm import Session

from bot.errors import LeaseLostError
from bot.models import Lane
from bot.store import db_now, run

LANE: Final = cast(Table, Lane.__table__)
BACKOFF_CAP: Final = 300.0  # seconds


@dataclass(frozen=True, slots=True)
class Lease:
    """Hold the right to write for one lane."""

    key: str
    fence: int


def claim(session: Session, prefix: str, owner: str, seconds: float, limit: int) -> list[Lease]:
    """Take up to `limit` due lanes (`prefix` is in: or out:), the most pressing first, for `seconds`.

    PostgreSQL passes over lanes that somebody else is taking; SQLite has one writer and needs no such words.
    """
    now = db_now(session)
    keys = list(run(session, _DUE, {"b_now": now, "b_prefix": f"{prefix}%", "b_limit": limit}).scalars())
    if not keys:
        return []
    taken = run(session, _TAKE, {"b_keys": keys, "b_until": now + seconds, "b_owner": owner})
    fences = {row.key: row.fence for row in taken}
    return [Lease(key, fences[key]) for key in keys]


def held(session: Session, lease: Lease) -> None:
    """Lock the lane for this transaction; raise LeaseLostError when the fence is no longer this lease's."""
    fence = run(session, _FENCE, {"b_key": lease.key}).scalar_one()
    if fence != lease.fence:
        raise LeaseLostError(f"lane taken over (fence {fence}, not {lease.fence})")


def release(session: Session, lease: Lease, run_db: float | None) -> None:
    """Give the lane back, due at `run_db` (None = nothing to do, which also ends its priority)."""
    run(session, _RELEASE, {"b_key": lease.key, "b_fence": lease.fence, "b_run": run_db, "b_idle": run_db is None})


_DUE: Final = (
    select(LANE.c.key)
    .where(
        LANE.c.run_db <= bindparam("b_now"),
        LANE.c.leased_until_db <= bindparam("b_now"),
        LANE.c.key.like(bindparam("b_prefix")),
    )
    .order_by(LANE.c.priority.desc(), LANE.c.run_db)
    .limit(bindparam("b_limit"))
    .with_for_update(skip_locked=True)
)
_TAKE: Final = (
    update(LANE)
    .where(LANE.c.key.in_(bindparam("b_keys", expanding=True)))
    .values(leased_until_db=bindparam("b_until"), owner=bindparam("b_owner"), fence=LANE.c.fence + 1)
    .returning(LANE.c.key, LANE.c.fence)
)
_FENCE: Final = select(LANE.c.fence).where(LANE.c.key == bindparam("b_key")).with_for_update()
_RELEASE: Final = (
    update(LANE)
    .where(LANE.c.key == bindparam("b_key"), LANE.c.fence == bindparam("b_fence"))
    .values(
        leased_until_db=0.0,
        owner="",
        run_db=bindparam("b_run", type_=LANE.c.run_db.type),
        priority=case((bindparam("b_idle", type_=Boolean), 0), else_=LANE.c.priority),
    )
)


def raise_priority(session: Session, key: str, priority: int) -> None:
    """Let a lane that has something to do be claimed before others; never lowers."""
    session.execute(
        update(LANE)
        .where(LANE.c.key == key, LANE.c.run_db.is_not(None), LANE.c.priority < priority)
        .values(priority=priority)
    )


def backoff(attempts: int, jitter: float) -> float:
    """Return the seconds to wait after `attempts` failures: 1 s doubled, up to five minutes, ± a fifth by `jitter`.

    `jitter` is a random number from 0 to 1.
    """
    return min(float(2 ** min(max(attempts - 1, 0), 12)), BACKOFF_CAP) * (0.8 + 0.4 * jitter)
