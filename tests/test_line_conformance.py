"""The independent judge of what goes to LINE sees what is wrong, and is there for the whole run."""

from pathlib import Path
from typing import Any

import pytest

from tests import line_judge
from tests.line_judge import problems

TEXT = {"type": "text", "text": "こんにちは"}


@pytest.mark.parametrize(
    "messages",
    [
        [{"type": "text"}],
        [{"type": "hologram", "text": "x"}],
        [TEXT] * 6,
        [],
        [{"type": "flex", "altText": "a", "contents": {"type": "bubble", "body": {"type": "bax"}}}],
    ],
)
def test_the_judge_sees_what_is_wrong(shared: Path, messages: list[dict[str, Any]]) -> None:
    """Missing fields, unknown types and too many messages are found in replies and pushes."""
    assert problems("reply", {"replyToken": "t", "messages": messages})
    assert problems("push", {"to": "U1", "messages": messages})


def test_the_judge_takes_what_is_right(shared: Path) -> None:
    """A plain text to a resident is valid both ways."""
    assert problems("reply", {"replyToken": "t", "messages": [TEXT]}) == []
    assert problems("push", {"to": "U1", "messages": [TEXT]}) == []
    assert problems("push", {"messages": [TEXT]})


def test_every_test_is_watched(request: pytest.FixtureRequest) -> None:
    """The judge is used by every test without being asked for."""
    assert line_judge.every_body_is_judged.__name__ in request.fixturenames
