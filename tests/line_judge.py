"""Judge every body that a test run sends to LINE's reply and push by LINE's own OpenAPI description.

The rule: the judge is independent of our limits module; it comes from ../shared and is silent where that is absent.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).parents[1].parent / "shared"
SCHEMAS = {"reply": "ReplyMessageRequest", "push": "PushMessageRequest"}

_waiting: list[tuple[str, dict[str, Any]]] = []
_good: set[str] = set()


def record(way: str, body: dict[str, Any]) -> None:
    """Remember a body that went to /v2/bot/message/<way>, to be judged when the test ends."""
    if way in SCHEMAS:
        _waiting.append((way, body))


@cache
def _judges() -> tuple[Callable[[Any, Any], list[str]], dict[str, Any]] | None:
    tool, api = SHARED / "tools" / "line_validate.py", SHARED / "line-openapi" / "messaging-api.yml"
    if not (tool.exists() and api.exists()):
        return None
    spec = importlib.util.spec_from_file_location("line_validate", tool)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the tool leaves closing the file to the collector
        make = module.load(str(api))
    return module.errors, {way: make(schema) for way, schema in SCHEMAS.items()}


def problems(way: str, body: dict[str, Any]) -> list[str]:
    """Return what LINE's description says against a body; empty when it is valid or the judge is absent."""
    judges = _judges()
    if judges is None:
        return []
    errors, validators = judges
    return errors(validators[way], body)


def _watch_client() -> None:
    """Let the real client tell what it sends, once it is imported."""
    module = sys.modules.get("bot.line.client")
    if module is None or getattr(module.LineClient, "judged", False):
        return
    post = module.LineClient._post

    async def watched(self: Any, what: str, body: dict[str, Any], headers: dict[str, str]) -> Any:
        record(what, body)
        return await post(self, what, body, headers)

    module.LineClient._post = watched
    module.LineClient.judged = True


@pytest.fixture(autouse=True)
def every_body_is_judged() -> Iterator[None]:
    """Fail the test that sent a body which LINE's own description refuses."""
    _watch_client()
    yield
    sent = [(way, body, json.dumps([way, body], sort_keys=True)) for way, body in _waiting]
    _waiting.clear()
    for way, body, seen in sent:
        if seen not in _good:
            found = problems(way, body)
            assert not found, f"{way}: {found}"
            _good.add(seen)
