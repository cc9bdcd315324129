"""The pictures of the rich menus, drawn in a real Chromium: each script by its own font, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot import library
from bot.dialogs.menu import AREAS
from bot.errors import ContentError
from bot.i18n import SOURCE, Catalogs
from bot.line.draw import LARGEST, draw
from bot.line.menu_picture import FONTS, mark, mark_of
from bot.messages import Phrase
from tests.browser.chromium import CHROMIUM
from tests.talk import words

pytestmark = pytest.mark.browser

#: A word of each script, as a stand-in for every label: pictures of all languages can be drawn on this machine.
SAMPLES = {
    "ja": "相談", "ja-easy": "そうだん", "zh-Hans": "找人谈", "zh-Hant": "找人談", "ko": "사람과 이야기",
    "ne": "मान्छेसँग कुरा", "vi": "Nói chuyện với người", "en": "Talk to a person",
}  # fmt: skip
LABELS = [area.label.msgid for area in AREAS if isinstance(area.label, Phrase)]


def said(**labels: str) -> Catalogs:
    """Return catalogs in which every area has the same label."""
    return Catalogs({SOURCE: {}} | {language: dict.fromkeys(LABELS, label) for language, label in labels.items()})


def test_every_script_is_drawn(tmp_path: Path) -> None:
    """Each language is drawn with the fonts of its script, small enough, and carries the mark of its words."""
    catalogs = said(**SAMPLES)
    sizes = draw(SAMPLES, catalogs, tmp_path, CHROMIUM)
    assert set(FONTS) <= set(sizes)
    for language, size in sizes.items():
        png = (tmp_path / f"{language}.png").read_bytes()
        assert len(png) == size < LARGEST
        assert mark_of(png) == mark(language, catalogs)


@pytest.mark.parametrize(
    ("label", "why"), [("สวัสดี", "drawn with"), ("Rindfleischetikettierungsgesetz" * 2, "does not fit")]
)
def test_what_would_be_ugly_is_refused(tmp_path: Path, label: str, why: str) -> None:
    """A script whose font is not among ours and a label that does not fit are refused, and nothing is kept."""
    with pytest.raises(ContentError, match=why):
        draw(["en"], said(en=label), tmp_path, CHROMIUM)
    assert list(tmp_path.iterdir()) == []


def test_the_kept_picture_can_be_drawn_again(tmp_path: Path) -> None:
    """What `make menus` made is what it would make now."""
    draw([SOURCE], words(), tmp_path, CHROMIUM)
    assert mark_of((tmp_path / "ja.png").read_bytes()) == mark_of(library.menu_pictures()[SOURCE])
