"""Nouns in hiragana are written as usual before the second layer and the topics weigh them."""

from pathlib import Path

import pytest

from bot import training
from bot.understanding import kanji
from bot.understanding.features import spoken
from bot.understanding.words import pieces, reading


@pytest.mark.parametrize(
    ("typed", "usual"),
    [
        ("ほいくえんに いれたい", "保育園に いれたい"),
        ("よぼうせっしゅはいつ", "予防接種はいつ"),
        ("こどもの びょういん どこ", "子どもの 病院 どこ"),
        ("しにたい", "しにたい"),
        ("あたまが いたい", "頭が いたい"),
        ("", ""),
        ("where is the hoikuen", "where is the hoikuen"),
    ],
)
def test_nouns_in_hiragana_get_their_kanji(typed: str, usual: str) -> None:
    assert kanji.with_kanji(typed) == usual


def test_who_uses_kanji_is_read_as_written() -> None:
    assert kanji.with_kanji("子の びょういん") == "子の びょういん"


def test_romaji_too_is_read_with_kanji() -> None:
    assert spoken("hoikuen wa doko desuka") == "保育園 は どこ ですか"


def test_the_longest_term_is_taken() -> None:
    found = {**kanji.terms(["子育て支援の窓口", "支援の話", "子育て支援", "支援"] * 2)}
    assert found["しえん"] == "支援"
    assert found["こそだてしえん"] == "子育て支援"


def test_a_reading_that_is_mostly_another_word_is_no_term() -> None:
    often = [f"頭が痛い{end}" for end in ("です", "よ", "ね")]
    assert "いたい" not in kanji.terms(["遺体を見た", "遺体がある", *often])
    assert kanji.terms(["遺体を見た", "遺体がある"])["いたい"] == "遺体"


def test_a_compound_or_a_short_word_that_stood_once_is_no_term() -> None:
    found = kanji.terms(["子育て支援から病院へ", "鼻が出る"])
    assert found["びょういん"] == "病院"
    assert "こそだてしえん" not in found  # two words: perhaps they met by chance
    assert "はな" not in found


def test_terms_are_kept_and_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kanji, "KEPT", tmp_path / "kanji.txt")
    kanji.keep({"ねこかふぇ": "猫カフェ"})
    try:
        assert kanji.kept() == {"ねこかふぇ": "猫カフェ"}
        assert kanji.with_kanji("ねこかふぇ いきたい") == "猫カフェ いきたい"
    finally:
        kanji.kept.cache_clear()


def test_what_is_kept_is_what_content_teaches_in_the_main() -> None:
    """Terms are learned by hand (`madoguchi train kanji`): most must still come from the sentences of today."""
    now = training.learn_kanji()
    kept = kanji.kept()
    assert len(kept) > 2000
    assert sum(now.get(read) == text for read, text in kept.items()) > 0.9 * len(kept)


@pytest.mark.parametrize(
    "typed", ["しにたい", "ころす", "ころされる", "たすけて", "なぐられた", "くびしめた", "きえたい", "おなかすいた"]
)
def test_no_term_touches_a_word_of_danger(typed: str) -> None:
    assert kanji.with_kanji(typed) == typed


def test_words_are_read_aloud() -> None:
    assert reading("保育園はどこ") == "ほいくえんはどこ"
    assert [piece.reading for piece in pieces("児童館 abc")][:1] == ["じどう"]
