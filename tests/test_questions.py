"""A city's own questions and answers: read, stored with their vectors, found, and shown as the city wrote them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from bot import engine, library, questions
from bot.catalogue import Stored
from bot.dialog import Turn
from bot.encoders.engines import Encoders
from bot.errors import ContentError, DataFileError, EncoderError
from bot.messages import EntryFound, Heard, Inbound, Severity, Signal, Verbatim
from bot.models import QuestionRow
from bot.store import Store, watched_version
from bot.understanding.faq import Collection, Entry
from tests.talk import NIGHT, Conversation

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
NONE = Encoders("none", ())
CSV = """ひなた市よくある質問,,,
番号,質問,回答,URL
1,粗大ごみの出し方を教えてください。,<p>電話で予約し、<br>処理券を貼って出してください。</p>,https://hinata.example/1
2,犬を飼い始めたら何が必要ですか。,登録と&nbsp;狂犬病予防注射が必要です。,javascript:alert(1)
3,,回答だけの行,
4,質問だけの行,,
2,番号が重なる行,回答,
"""


class Letters:
    """Encode by counting letters: an engine that needs no package."""

    name = "use"

    def __init__(self, version: str = "1", *, broken: bool = False) -> None:
        self.version, self._broken = version, broken

    def encode(self, texts: list[str]) -> np.ndarray:
        """Return a row of 64 for each text."""
        if self._broken:
            raise EncoderError("broken")
        rows = np.zeros((len(texts), 64), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for letter in text:
                row[ord(letter) % 64] += 1
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


@pytest.fixture
def read(tmp_path: Path) -> questions.Read:
    """Give the file of a city."""
    (tmp_path / "hinata_faq.csv").write_bytes(CSV.encode("cp932"))
    return questions.read_file(tmp_path / "hinata_faq.csv")


def test_a_table_is_read_as_a_city_publishes_it(read: questions.Read) -> None:
    """Any usual encoding, a title above the header, HTML in cells; rows without question or answer are refused."""
    first, second = read.entries
    assert (first.id, first.question) == ("hinata_faq/1", "粗大ごみの出し方を教えてください。")
    assert first.answer == "電話で予約し、\n処理券を貼って出してください。"
    assert first.url == "https://hinata.example/1"
    assert (second.answer, second.url) == ("登録と 狂犬病予防注射が必要です。", "")
    assert read.refused == (
        (3, "質問がありません"), (4, "回答がありません"), (5, "番号 2 がほかの行と同じです")
    )  # fmt: skip


def test_json_is_read_as_evaluate_reads_it(tmp_path: Path) -> None:
    """The same file can be measured and imported; what cannot be read is named."""
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"a": {"question": "犬は?", "answer": "登録です。"}}), encoding="utf-8")
    assert questions.read_file(path).entries == (Entry("c/a", "犬は?", "登録です。"),)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ContentError, match=r"c\.json"):
        questions.read_file(path)
    with pytest.raises(DataFileError, match=r"nothing\.csv"):
        questions.read_file(tmp_path / "nothing.csv")


async def keep(store: Store, read: questions.Read, encoders: Encoders = NONE, at: datetime = NOW) -> Stored:
    """Store one edition."""
    vectors, made_by = questions.encoded(read.entries, encoders), questions.fingerprint(encoders)
    return await store.write(lambda s: questions.keep(s, read, vectors, made_by, at))


async def test_editions_are_compared_row_by_row(store: Store, read: questions.Read) -> None:
    """New, the same, changed, gone, and back; others are told only when something changed."""
    assert await keep(store, read) == Stored(new=2)
    version = await store.read(lambda s: watched_version(s, questions.NAME))
    assert await keep(store, read, at=LATER) == Stored(same=2)
    assert await store.read(lambda s: watched_version(s, questions.NAME)) == version
    shorter = replace(read, entries=(replace(read.entries[0], answer="新しい答え"),))
    assert await keep(store, shorter, at=LATER) == Stored(changed=1, gone=1)
    collection, unread = questions.collection(await store.read(questions.rows), NONE)
    assert ([entry.answer for entry in collection.entries], unread) == (["新しい答え"], 0)
    assert (await store.read(lambda s: s.get_one(QuestionRow, "hinata_faq/2"))).gone_at == LATER
    assert await keep(store, read, at=LATER) == Stored(changed=2)


async def test_vectors_are_kept_and_those_of_other_encoders_are_not_mixed(store: Store, read: questions.Read) -> None:
    """What comes back is what went in, to a hundredth; after a change of encoders entries wait for a new import."""
    encoders = Encoders("fast", (Letters(),))
    await keep(store, read, encoders)
    collection, unread = questions.collection(await store.read(questions.rows), encoders)
    assert unread == 0
    query = "粗大ごみの出し方"
    fresh = encoders.matrices([entry.question for entry in read.entries])
    direct = Collection(read.entries, fresh, encoders.matrices([entry.told for entry in read.entries]))
    vectors = encoders.vectors([query])[0]
    assert np.allclose(collection.look(query, vectors).columns, direct.look(query, vectors).columns, atol=0.05)
    other = Encoders("fast", (Letters("2"),))
    nothing, unread = questions.collection(await store.read(questions.rows), other)
    assert (nothing.entries, unread) == ((), 2)
    assert await keep(store, read, other, LATER) == Stored(changed=2)
    assert questions.collection(await store.read(questions.rows), other)[1] == 0


# --- what the desk says --------------------------------------------------------------------------------------------

ENTRIES = {
    "faq/1": Entry(
        "faq/1", "粗大ごみの出し方を教えてください。", "電話で予約してください。", "https://hinata.example/1"
    ),
    "faq/2": Entry("faq/2", "犬を飼い始めたら何が必要ですか。", "登録が必要です。" * 200),
}


def asks(desk: Conversation, *entries: EntryFound, language: str = "ja", signals: tuple[Signal, ...] = ()) -> Turn:
    """Let a resident ask something in which these entries are found."""
    heard = Heard(language=language, entries=entries, signals=signals)
    inbound = Inbound("text", desk.now, text="???むらさき???")
    turn = engine.turn(desk.memory, inbound, heard, desk.view, desk.now, desk.words)
    desk.turn, desk.memory = turn, dict(turn.memory)
    return turn


def shown(turn: Turn) -> list[str]:
    """Return the words of the last reply that the catalog does not hold."""
    return [line.text for line in turn.replies[-1].lines if isinstance(line, Verbatim)]


@pytest.fixture
def desk() -> Conversation:
    """Give a talk with a city that has questions of its own."""
    talk = Conversation(NIGHT, questions=ENTRIES)
    talk.writes("こんにちは")
    return talk


def test_a_sure_entry_is_shown_as_the_city_wrote_it(desk: Conversation) -> None:
    """The question, the answer, its link, and a way to a person."""
    turn = asks(desk, EntryFound("faq/1", sure=True))
    assert shown(turn) == [ENTRIES["faq/1"].question, ENTRIES["faq/1"].answer]
    assert [choice.uri or choice.act for choice in turn.replies[-1].choices] == [
        "https://hinata.example/1", "person.ask", "menu.show"
    ]  # fmt: skip


def test_a_long_answer_ends_where_the_screen_ends(desk: Conversation) -> None:
    """It is cut visibly."""
    (_question, answer) = shown(asks(desk, EntryFound("faq/2", sure=True)))
    assert len(answer) == 701
    assert answer.endswith("…")


def test_who_reads_another_language_is_told_that_it_is_japanese(desk: Conversation) -> None:
    """The line stands beside the answer in English, not in Japanese."""
    english = desk.words.sentence("市の答えは、日本語だけです。", "en")
    for language, told in (("en", True), ("ja", False)):
        talk = desk.fork()
        asks(talk, EntryFound("faq/1", sure=True), language=language)
        assert (english in talk.said) is told


def test_near_entries_are_offered_to_choose_from(desk: Conversation) -> None:
    """One tap shows the answer; an entry that is gone meanwhile is said to be gone."""
    turn = asks(desk, EntryFound("faq/1"), EntryFound("faq/2"))
    acts = [card.choices[0].act for card in turn.replies[-1].cards]
    assert acts == ["question.show:faq/1", "question.show:faq/2"]
    assert shown(desk.does("choice", act=acts[0]))[0] == ENTRIES["faq/1"].question
    assert shown(desk.does("choice", act="question.show:faq/9")) == []


def test_japanese_titles_are_no_choice_for_who_does_not_read_them(desk: Conversation) -> None:
    """In English what is only near is not shown; the honest answer with a way to a person is."""
    turn = asks(desk, EntryFound("faq/1"), language="en")
    assert not any(card.choices and card.choices[0].act.startswith("question.") for card in turn.replies[-1].cards)
    assert "person.ask" in [choice.act for choice in turn.replies[-1].choices]


def test_signals_come_first(desk: Conversation) -> None:
    """An entry that is found never stands in the way of a signal."""
    grave = Signal("crisis", Severity.URGENT, (), "死にたい", "x", "")
    turn = asks(desk, EntryFound("faq/1", sure=True), signals=(grave,))
    assert turn.case == "alarm"
    assert ENTRIES["faq/1"].answer not in shown(turn)


def test_what_is_sure_is_shown_alone_and_what_shares_no_word_is_not_shown() -> None:
    """With the shipped weights for words and sounds."""
    ranker = library.ranker(library.CONTENT, "none")
    entries, _asked = library.questions()["town"]
    collection = Collection(entries)
    found = collection.near(entries[7].question, {}, ranker)
    assert found == (EntryFound(entries[7].id, sure=True),)
    assert collection.near("むらさきのぞうがさんぽする", {}, ranker) == ()
    assert len(collection.near("申請", {}, ranker)) <= 3


# --- what a city's own queries teach -------------------------------------------------------------------------------


async def test_a_citys_queries_teach_and_can_be_forgotten(store: Store) -> None:
    """Figures before and after are told; what is kept comes back from the database, and only for these encoders."""
    entries, asked = library.questions()["town"]
    collection = Collection(entries)
    shipped = library.ranker(library.CONTENT, "none")
    ranker, figures = questions.relearn(collection, asked[:60], NONE, shipped, folds=3)
    assert set(figures) == {"before", "after"}
    assert 0.3 < figures["after"]["MRR"] <= 1
    await store.write(lambda s: questions.keep_ranker(s, ranker, NONE, figures, NOW))
    kept = questions.ranker_of(await store.read(lambda s: questions.ranker_body(s, NONE)))
    assert kept is not None
    query = asked[0][0]
    assert collection.rank(query, {}, kept)[0].entry == collection.rank(query, {}, ranker)[0].entry
    assert await store.read(lambda s: questions.ranker_body(s, Encoders("fast", (Letters(),)))) == b""
    assert await store.write(lambda s: questions.forget_ranker(s, NONE)) is True
    assert await store.write(lambda s: questions.forget_ranker(s, NONE)) is False
    assert questions.ranker_of(await store.read(lambda s: questions.ranker_body(s, NONE))) is None


def test_too_little_or_the_wrong_entries_teach_nothing() -> None:
    """It says what is missing."""
    entries, asked = library.questions()["town"]
    shipped = library.ranker(library.CONTENT, "none")
    with pytest.raises(ContentError, match="too few"):
        questions.relearn(Collection(entries), asked[:10], NONE, shipped)
    with pytest.raises(ContentError, match="are not stored"):
        questions.relearn(Collection(entries[:5]), asked[:60], NONE, shipped)
