"""Measure the search by words: through as many sealed lines as it reads at most, for words that stand nowhere.

The rule: figures, never a pass or fail. The lines lie in 110 talks of one install, each sealed under its family's key.
Run: python -m benchmarks.searching [sqlite|postgresql]… ; PostgreSQL is found as the tests find it.
"""

from __future__ import annotations

import time
import uuid
from datetime import timedelta

from sqlalchemy.orm import Session

from benchmarks.webhook import on_each_database, percentile
from bot import journal
from bot.store import Store
from handoff import searching
from handoff.listing import Asked
from handoff.staff import Actor
from tests.conftest import SECRET_KEY
from tests.console_world import NOW, TIRED_EN, a_resident, writes

TALKS = searching.IN_ALL // searching.LINES + 10
TIMES = 20


async def measure(name: str, url: str) -> None:
    """Fill a database, search it, and print the figures."""
    store = Store(url, SECRET_KEY)
    await store.migrate()
    await store.open()
    for _ in range(TALKS):
        who = await a_resident(store)
        await writes(store, who, "夜に泣きやまず、とても疲れています。", TIRED_EN, at=NOW)

        def say(session: Session, who: uuid.UUID = who) -> None:
            for minute in range(searching.LINES):
                at, words = (
                    NOW + timedelta(minutes=minute),
                    f"きょうは公園へ行きました。すこし話せてよかったです {minute}",
                )
                journal.write(session, who, who="resident", kind="text", words=words, at=at)

        await store.write(say)
    actor, taken, through = Actor(uuid.uuid4(), "x", "x", "specialist"), [], 0
    for _ in range(TIMES):
        begun = time.perf_counter()
        found = await searching.search(store, Asked(), "どこにもない", actor)
        taken.append(time.perf_counter() - begun)
        through = found.through
    print(
        f"{name:10} words in {through} talks, {searching.IN_ALL:,} lines: "
        f"p50 {percentile(taken, 0.5):.0f} ms, p95 {percentile(taken, 0.95):.0f} ms"
    )
    await store.close()


if __name__ == "__main__":
    on_each_database(measure)
