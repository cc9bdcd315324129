"""What stands in kana alone is written as usual before the second layer and the topics weigh it."""

from pathlib import Path

import pytest

from bot import training
from bot.understanding import kanji
from bot.understanding.features import spoken
from bot.understanding.words import pieces, reading


@pytest.mark.parametrize(
    ("typed", "usual"),
    [
        ("ほいくえんに いれたい", "保育園に入れたい"),
        ("よぼうせっしゅはいつ", "予防接種はいつ"),
        ("こどもの びょういん どこ", "子どもの病院どこ"),
        ("しにたい", "死にたい"),
        ("あたまが いたい", "頭が痛い"),
        ("むすこがかえってこない", "息子が帰ってこない"),
        ("わたし 11さい", "わたし 11歳"),
        ("", ""),
        ("where is the hoikuen", "where is the hoikuen"),
        ("ABCです", "ABCです"),
    ],
)
def test_words_in_hiragana_get_their_kanji(typed: str, usual: str) -> None:
    assert kanji.with_kanji(typed) == usual


def test_who_uses_kanji_is_read_as_written() -> None:
    assert kanji.with_kanji("子の びょういん") == "子の びょういん"


def test_romaji_too_is_read_with_kanji() -> None:
    assert spoken("hoikuen wa doko desuka") == "保育園はどこですか"


def test_what_stands_before_decides_between_words_that_sound_alike() -> None:
    """あつい is 暑い before a summer and 熱い before tea, as the sentences had it."""
    words = kanji.learned(["暑い夏", "暑い夏", "熱いお茶"])
    assert kanji.written(words, "あついおちゃ") == "熱いお茶"
    assert kanji.written(words, "あついなつ") == "暑い夏"
    assert kanji.written(words, "あつい") == "暑い"  # alone: the more usual one


def test_no_word_reaches_over_a_blank() -> None:
    words = kanji.learned(["市内です", "死にたい", "内です"])
    assert kanji.written(words, "しないです") == "市内です"
    assert not kanji.written(words, "し ないです").startswith("市内")


def test_letters_of_no_known_word_stay_as_they_are() -> None:
    words = kanji.learned(["病院はどこ"])
    assert kanji.written(words, "ぬぬびょういん") == "ぬぬ病院"


def test_a_word_that_is_mostly_written_in_kana_stays_in_kana() -> None:
    words = kanji.learned(["こどもの家", "こどもの市", "子供の家"])
    assert kanji.written(words, "こども") == "こども"
    assert kanji.written(kanji.learned(["子供の家", "子供の市", "こどもの家"]), "こども") == "子供"


def test_a_long_text_is_read_too() -> None:
    assert len(kanji.with_kanji("ほいくえんに いれたい。" * 400)) == len("保育園に入れたい。" * 400)


def test_words_are_kept_and_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kanji, "KEPT", tmp_path / "kanji.tsv")
    words = kanji.learned(["猫カフェに行きたい"])
    kanji.keep(words)
    try:
        assert kanji.kept() == words
        assert kanji.with_kanji("ねこ いきたい") == "猫行きたい"
    finally:
        kanji.kept.cache_clear()


def test_what_is_kept_is_what_content_teaches_in_the_main() -> None:
    """Words are learned by hand (`madoguchi train kanji`): most must still come from the sentences of today."""
    now = {(text, read) for text, read, _times in training.learn_kanji().rows}
    kept = {(text, read) for text, read, _times in kanji.kept().rows}
    assert len(kept) > 5000
    assert len(now & kept) > 0.9 * len(kept)


def test_words_are_read_aloud() -> None:
    assert reading("保育園はどこ") == "ほいくえんはどこ"
    assert [piece.reading for piece in pieces("児童館 abc")][:1] == ["じどう"]
