"""Conversations are played again and must read as they were written (`tests/transcripts/*.txt`).

To write down what the desk says now: UPDATE_TRANSCRIPTS=1 pytest tests/test_transcripts.py, then read the difference.
"""

import os
from datetime import datetime
from pathlib import Path

import pytest

from bot import city, i18n, library
from bot.directory.documents import resources_from_documents
from bot.directory.search import Directory
from bot.opening import TOKYO
from bot.transcript import Rehearsal

FILES = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


@pytest.fixture(scope="module")
def sample() -> Rehearsal:
    """Give ひなた市 as it is shipped, with nobody in it yet."""
    content = library.load()
    settings, documents = library.sample_city()
    places = Directory(resources_from_documents(documents), content.topics_of_category)
    words = i18n.load(content.vocabulary["languages"])
    return Rehearsal(
        content, places, city.city_of(settings["city"]), words, datetime(2026, 11, 22, 2, 10, tzinfo=TOKYO)
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_conversation_reads_as_it_was_written(path: Path, sample: Rehearsal) -> None:
    """The desk says and notices exactly what the transcript holds."""
    written = path.read_text(encoding="utf-8")
    desk = Rehearsal(sample.view.library, sample.view.directory, sample.view.city, sample.words, sample.now)
    played = desk.play(written)
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
