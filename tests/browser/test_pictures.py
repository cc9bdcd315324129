"""The README's pictures: all there, all named, small; and one is taken again in a real Chromium."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import expect

from bot.errors import ContentError
from bot.simulator.pictures import LARGEST, TALKS, draw, opened, play, read
from tests.browser.chromium import CHROMIUM

ROOT = Path(__file__).parents[2]
IMAGES, TRANSCRIPTS = ROOT / "docs" / "images", ROOT / "tests" / "transcripts"
TOGETHER = 1_500_000  # bytes of all pictures
PNG = b"\x89PNG\r\n\x1a\n"


def test_ten_talks_in_five_languages() -> None:
    """Each talk of the table is another transcript, and it is long enough."""
    assert len({talk.transcript for talk in TALKS}) == len(TALKS) >= 10
    assert len({talk.language for talk in TALKS}) >= 5
    for talk in TALKS:
        assert len(read(talk, TRANSCRIPTS).lines) == talk.lines


def test_every_picture_is_there_and_no_other() -> None:
    """`make pictures` has made a small PNG of each talk, and nothing else lies beside them but the console's folder."""
    assert {path.name for path in IMAGES.iterdir()} == {f"{talk.transcript}.png" for talk in TALKS} | {"console"}
    pictures = [path.read_bytes() for path in IMAGES.glob("*.png")]
    assert all(png.startswith(PNG) and len(png) <= LARGEST for png in pictures)
    assert sum(map(len, pictures)) < TOGETHER


def test_the_readme_shows_each_picture_in_words_too() -> None:
    """The README names every picture once, and says what is to be seen on it; none of them in the same words."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r'<img src="docs/images/([^"]+)\.png"[^>]*\salt="([^"]{40,})">', readme)
    assert sorted(name for name, _alt in shown) == sorted(talk.transcript for talk in TALKS)
    assert len({alt for _name, alt in shown}) == len(TALKS)


def test_a_transcript_that_is_too_short_is_refused() -> None:
    """A talk cannot play more lines than its transcript has."""
    with pytest.raises(ContentError, match="not 99 lines"):
        read(replace(TALKS[0], lines=99), TRANSCRIPTS)


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_a_talk_is_played_and_photographed(tmp_path: Path) -> None:
    """The desk says on the phone what the transcript holds, to lines that are typed and tapped; else it is refused."""
    talk = next(talk for talk in TALKS if talk.language == "pt-BR")
    script = read(talk, TRANSCRIPTS)
    assert {line.written[0] for line in script.lines} >= {"[", "m"}
    with opened(CHROMIUM) as page:
        sizes = draw(page, [talk], TRANSCRIPTS, tmp_path)
        png = (tmp_path / f"{talk.transcript}.png").read_bytes()
        assert png.startswith(PNG)
        assert sizes == {talk.transcript: len(png)}
        expect(page.get_by_test_id("bubble").last).to_contain_text(script.lines[-1].answer)
        expect(page.get_by_test_id("bubble").last).to_be_in_viewport()
        expect(page.locator("#who")).to_contain_text(talk.name)
        page.set_default_timeout(2_000)
        line = replace(script.lines[0], answer="Isto ninguém diz.")
        with pytest.raises(ContentError, match="Isto ninguém diz"):
            play(page, talk, replace(script, lines=(line,)))
