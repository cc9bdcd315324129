"""What a start keeps in var/ for the next: the same as what is worked out, and made again when it no longer fits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import library
from bot.understanding.answers import Answers, read_phrases
from bot.understanding.normalise import _fold, fold
from bot.understanding.signals import Signals
from tests.talk import content


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of its own with one folder of content."""
    folder = tmp_path / "bot" / "content" / "topics"
    folder.mkdir(parents=True)
    (folder / "ja.yaml").write_text("one", encoding="utf-8")
    monkeypatch.setattr(library, "CONTENT", folder.parent)
    return folder


class Making:
    """Count how often something is worked out."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> list[list[str]]:
        self.times += 1
        return [["ほいくえん", str(self.times)]]


def test_a_later_start_finds_what_an_earlier_one_kept(here: Path) -> None:
    make = Making()
    assert library._kept(here, make) == library._kept(here, make) == [["ほいくえん", "1"]]
    assert make.times == 1
    assert [path.name for path in (here.parents[2] / "var" / "kept").iterdir()] == ["topics.json"]


def test_it_is_made_again_when_the_content_is_another(here: Path) -> None:
    make = Making()
    library._kept(here, make)
    (here / "ja.yaml").write_text("two", encoding="utf-8")
    assert library._kept(here, make) == [["ほいくえん", "2"]]


def test_it_is_made_again_when_the_code_that_reads_it_is_another(here: Path) -> None:
    make = Making()
    library._kept(here, make)
    code = here.parents[1] / "understanding" / "words.py"
    code.parent.mkdir()
    code.write_text("# another rule", encoding="utf-8")
    assert library._kept(here, make) == [["ほいくえん", "2"]]


@pytest.mark.parametrize("spoilt", ["", "{", "[]", '{"of": 1}', '"x"', "null"])
def test_what_is_spoilt_is_made_again(here: Path, spoilt: str) -> None:
    make = Making()
    library._kept(here, make)
    (here.parents[2] / "var" / "kept" / "topics.json").write_text(spoilt, encoding="utf-8")
    assert library._kept(here, make) == [["ほいくえん", "2"]]
    assert library._kept(here, make) == [["ほいくえん", "2"]], "and kept well again"


def test_a_checkout_that_cannot_be_written_starts_all_the_same(here: Path) -> None:
    (here.parents[2] / "var").write_text("a file where the folder should be", encoding="utf-8")
    assert library._kept(here, Making()) == [["ほいくえん", "1"]]


def test_content_of_somebody_else_is_never_kept(here: Path, tmp_path: Path) -> None:
    make = Making()
    other = tmp_path / "topics"
    other.mkdir()
    library._kept(other, make)
    library._kept(other, make)
    assert make.times == 2
    assert not (tmp_path / "var").exists()


def test_the_patterns_are_the_same_with_what_was_kept() -> None:
    documents = library.documents(library.CONTENT / "signals")
    fresh = Signals(documents)
    again = Signals(documents, json.loads(json.dumps(fresh.held())))
    for one, other in zip(
        (*fresh.rules, *fresh.raises, *fresh.vetoes), (*again.rules, *again.raises, *again.vetoes), strict=True
    ):
        assert one == other
        for pattern, same in zip(one.patterns, other.patterns, strict=True):
            assert (pattern.anchor, pattern.script) == (same.anchor, same.script), pattern.source
    assert fresh.held() == again.held()


def test_the_topics_are_the_same_with_what_was_kept() -> None:
    documents = library.documents(library.CONTENT / "topics")
    again = Answers(documents, None, json.loads(json.dumps(read_phrases(documents))))
    fresh = Answers(documents)
    for text in ("保育園に入りたい", "nursery near me", "돌봄", "một thời gian", "hospital de noche", "いつ ひろば"):
        assert again.rank(text) == fresh.rank(text)


def test_every_anchor_is_needed() -> None:
    """A pattern that matches a text whose words its anchor does not hold would never be looked for."""
    for rule in content().hearing.signals.rules:
        for pattern in rule.patterns:
            assert bool(pattern.anchor) == bool(pattern.needs), pattern.source
            assert not pattern.anchor or pattern.anchor in pattern.needs, pattern.source


@given(st.text(st.sampled_from("aAzé ßĐđơỹ09.,!?。、あいうえおんアンー漢字가힣 ぁっ～'´\u200bｱﾞ㎏İ\nた"), max_size=12))
def test_the_short_way_of_folding_is_the_long_one(raw: str) -> None:
    assert fold(raw) == _fold(raw, apostrophes=False)
    assert fold(raw, apostrophes=True) == _fold(raw, apostrophes=True)
