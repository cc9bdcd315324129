"""Browser tests of a worker share one event loop, since they share one Chromium, which is started once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from inspect import iscoroutinefunction
from pathlib import Path

import pytest
import pytest_asyncio

from bot.store import Store
from tests.browser import chromium
from tests.conftest import copied, opened


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests of this folder run in the loop of the worker."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and iscoroutinefunction(getattr(item, "function", None)):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session", autouse=True)
async def one_chromium() -> AsyncIterator[None]:
    """Close the Chromium of this worker when its tests are over."""
    yield
    await chromium.end()


@pytest_asyncio.fixture(loop_scope="session")
async def sqlite_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Give an open, migrated Store on SQLite, in the loop of the worker."""
    async with opened(copied(request, tmp_path)) as found:
        yield found
