"""The real webhook, worker and outbox in one process of their own, for the test that kills it, and its parent.

`MADOGUCHI_TEST_BREAK` takes one guard out (fence, unique), to see the test fail.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
import uuid
from collections.abc import Mapping
from typing import Any

import uvicorn
from starlette.applications import Starlette

from bot import inbox, lanes, logs, outbox, web, worker
from bot.clock import Clock
from bot.inbox import Intake
from bot.line.client import LineClient
from bot.messages import Heard, Inbound
from bot.store import Store
from tests.conftest import SECRET_KEY
from tests.pipeline import BOT, SECRET, Echo, city

LEASE = 0.5  # seconds; understanding sometimes takes longer, so leases are lost all the time


class Slow(Echo):
    """Sleep past the lease now and then."""

    def hear(self, inbound: Inbound, memory: Mapping[str, Any], language: str) -> Heard:
        if random.random() < 0.03:
            time.sleep(LEASE * 1.6)
        return super().hear(inbound, memory, language)


def take_out(guard: str) -> None:
    """Remove one guard of the pipeline."""
    if guard == "fence":
        for module in (lanes, worker, outbox):
            module.held = lambda *_args: None  # type: ignore[attr-defined]
    if guard == "unique":
        row = inbox._row

        def unguarded(session: Any, resident_id: Any, event_id: str, *more: Any, **named: Any) -> dict[str, Any]:
            return row(session, resident_id, f"{event_id}:{uuid.uuid4()}"[:80], *more, **named)

        inbox._row = unguarded


async def serve(database_url: str, line_base: str, port: int) -> None:
    """Run until killed."""
    logs.set_up("WARNING", sys.stderr)
    store, clock = Store(database_url, SECRET_KEY), Clock()
    await store.open()
    line = LineClient(line_base, "token", timeout_seconds=2)
    await line.open()
    mind = Slow()
    hands = worker.Worker(
        store, mind, line, clock, city, base_url="https://desk.example", lease_seconds=LEASE, poll_seconds=0.1,
        max_attempts=100,
    )  # fmt: skip
    sender = outbox.OutboxSender(store, line, clock, city, lease_seconds=3, poll_seconds=0.1)
    doors = web.Doors(store, Intake(store), clock, lambda: (SECRET,), lambda: BOT, mind.scan, line)
    app = Starlette(routes=list(web.routes(doors)))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, access_log=False))
    await asyncio.gather(server.serve(), hands.run(), sender.run())


def fork_each() -> None:
    """For each line that is read, fork a process that serves; write its number, and when it has ended, how."""
    for _line in sys.stdin:
        if child := os.fork():
            print(child, flush=True)
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
            continue
        asyncio.run(serve(sys.argv[1], sys.argv[2], int(sys.argv[3])))
        return


if __name__ == "__main__":
    take_out(os.environ.get("MADOGUCHI_TEST_BREAK", ""))
    fork_each()
