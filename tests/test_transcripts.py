"""Conversations are played again and must read as they were written (`tests/transcripts/*.txt`).

To write down what the desk says now: UPDATE_TRANSCRIPTS=1 pytest tests/test_transcripts.py, then read the difference.
"""

import os
from pathlib import Path

import pytest

from bot.encoders.engines import Encoders
from tests.talk import as_shipped

FILES = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_conversation_reads_as_it_was_written(path: Path, readers: Encoders) -> None:
    """The desk says and notices exactly what the transcript holds."""
    written = path.read_text(encoding="utf-8")
    played = as_shipped(readers).play(written)
    if os.environ.get("UPDATE_TRANSCRIPTS"):
        path.write_text(played, encoding="utf-8")
    assert played == written


def test_every_transcript_names_the_rules_it_shows() -> None:
    """The first line of each file says what it shows, with ids of FUNCTIONS or CARE."""
    assert FILES
    for path in FILES:
        first = path.read_text(encoding="utf-8").split("\n", 1)[0]
        assert first.startswith("# "), path.name
        assert "CARE C" in first or "FUNCTIONS" in first, path.name
