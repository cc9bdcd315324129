"""The desk that `benchmarks/webhook.py` measures: web, worker and outbox in one process, with an echoing mind."""

from __future__ import annotations

import asyncio
import sys

import uvicorn
from starlette.applications import Starlette

from bot import logs, web
from bot.clock import Clock
from bot.inbox import Intake
from bot.line.client import LineClient
from bot.outbox import OutboxSender
from bot.store import Store
from bot.worker import Worker
from tests.conftest import SECRET_KEY
from tests.pipeline import BOT, SECRET, Echo, city


async def serve(database_url: str, line_base: str, port: int) -> None:
    """Run until stopped."""
    logs.set_up("WARNING", sys.stderr)
    store, clock, mind = Store(database_url, SECRET_KEY), Clock(), Forgetful()
    await store.open()
    line = LineClient(line_base, "token")
    await line.open()
    worker = Worker(store, mind, line, clock, city, base_url="https://desk.example")
    sender = OutboxSender(store, line, clock, city)
    doors = web.Doors(store, Intake(store), clock, lambda: (SECRET,), lambda: BOT, mind.scan, line)
    server = uvicorn.Server(
        uvicorn.Config(Starlette(routes=list(web.routes(doors))), port=port, log_config=None, access_log=False)
    )
    await asyncio.gather(server.serve(), worker.run(), sender.run())


class Forgetful(Echo):
    """Remember the last words only, so that memory stays as small as a real one."""

    def decide(self, memory, *args, **more):  # type: ignore[no-untyped-def]
        """Echo."""
        return super().decide({}, *args, **more)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2], int(sys.argv[3])))
