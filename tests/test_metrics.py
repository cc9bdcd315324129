"""Whoever watches the machines sees depth, age and trouble, and no words."""

import httpx
from starlette.applications import Starlette

from bot import metrics
from bot.store import Store
from tests.pipeline import Desks, deliver, text


async def test_the_figures_follow_the_work(store: Store) -> None:
    """Open, dead, waiting and sent are counted; nothing of the messages is shown."""
    app = Starlette(routes=list(metrics.routes(store)))

    async def seen() -> dict[str, float]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            answer = await client.get("/metrics")
        assert answer.status_code == 200
        assert "poison" not in answer.text
        lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}

    assert (await seen())["inbox_depth"] == 0
    await deliver(store, text("a"), text("poison", who=2))
    before = await seen()
    assert before["inbox_depth"] == 2
    assert before["inbox_oldest_seconds"] >= 0
    desks = Desks(store)
    await desks.worker(max_attempts=1).drain()
    await desks.sender().drain()
    after = await seen()
    assert (after["inbox_depth"], after["dead_letters"], after["lane_blocked"]) == (0, 1, 0)
    assert after['outbox_rows{state="accepted"}'] == 2  # the answer, and the apology for the turn that failed
    assert after['cases_waiting{severity="urgent"}'] == 1
    assert after["channel_stopped"] == 0
