"""The pictures of the console and the room: one at least of each page, small, and taken again they look alike."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.store import Store
from tests.browser.console_pictures import FOLDER, LARGEST, PICTURES, draw, pages

DOCS = FOLDER.parents[1]
TOGETHER = 2_500_000  # bytes of all


def test_every_page_has_a_picture() -> None:
    """A new page needs a line in PICTURES; a page that is gone needs none. `make screenshots` takes them."""
    assert {picture.template for picture in PICTURES} == pages()
    assert len({picture.name for picture in PICTURES}) == len(PICTURES)


def test_every_picture_is_there_and_no_other() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {f"{picture.name}.webp" for picture in PICTURES}
    sizes = [path.stat().st_size for path in FOLDER.iterdir()]
    assert max(sizes) <= LARGEST
    assert sum(sizes) <= TOGETHER


def test_what_the_documents_show_is_there_and_said_in_words_too() -> None:
    """The README and docs show pictures of the console that exist, each with words for who does not see it."""
    shown = []
    for path in (DOCS.parent / "README.md", *DOCS.glob("*.md")):
        text = path.read_text("utf-8")
        shown += [
            (name, alt) for alt, name in re.findall(r"!\[([^\]]*)\]\((?:docs/)?images/console/(\w+)\.webp\)", text)
        ]
        shown += re.findall(r'<img src="(?:docs/)?images/console/(\w+)\.webp"[^>]*\salt="([^"]*)"', text)
    assert {name for name, _alt in shown} <= {picture.name for picture in PICTURES}
    assert {"queue", "talk", "talk_vi", "room"} <= {name for name, _alt in shown}
    assert all(len(alt) >= 40 for _name, alt in shown)


@pytest.mark.browser
@pytest.mark.timeout(300)
async def test_pictures_are_taken_and_look_alike(sqlite_store: Store, tmp_path: Path) -> None:
    """Three pages of a town that is filled anew are photographed as those that are kept were."""
    wanted = tuple(picture for picture in PICTURES if picture.name in ("queue", "talk_vi", "room"))
    sizes = await draw(sqlite_store, tmp_path, wanted)
    for name, size in sizes.items():
        kept = FOLDER / f"{name}.webp"
        assert (tmp_path / f"{name}.webp").read_bytes()[8:12] == b"WEBP"
        assert size == pytest.approx(kept.stat().st_size, rel=0.1), f"{name} looks otherwise: make screenshots"
