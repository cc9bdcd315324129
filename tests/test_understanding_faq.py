"""Searching a collection of questions: words, sounds, vectors, and what weighs them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bot import cli, library, ranking
from bot.encoders.engines import Encoders
from bot.errors import ContentError
from bot.ranking import cross_validated, learn, metrics, read_corpus, read_queries
from bot.understanding.faq import Collection, Entry, Ranker

ENTRIES = [
    Entry("nursery", "保育園の申し込みはいつまでにすればよいですか。", "入園を希望する月の前々月の末日までに窓口へ。"),
    Entry("late", "保育園の延長保育はありますか。", "十九時まで延長できます。料金は市の案内をご確認ください。"),
    Entry("waste", "粗大ごみの出し方を教えてください。", "電話で予約し、処理券を貼って出してください。"),
    Entry("register", "引っ越してきたときの手続きは。", "転入届を十四日以内に市民課へ出してください。"),
    Entry("dog", "犬を飼い始めたら何が必要ですか。", "登録と狂犬病予防注射が必要です。"),
]
NONE = Encoders("none", ())


def best(collection: Collection, query: str) -> str:
    """Return the id of the best entry by an even mean of all readers."""
    columns = collection.readers
    even = Ranker(
        columns, np.ones(len(columns), np.float32), *(np.zeros((1, *shape), np.float32) for shape in
        ((len(columns), 1), (1,), (1,)))
    )  # fmt: skip
    return collection.rank(query, {}, even)[0].entry.id


@pytest.mark.parametrize(
    ("query", "id"),
    [
        ("保育園 申し込み", "nursery"),
        ("ほいくえんの もうしこみ", "nursery"),  # all kana: by its sound
        ("ホイクエン もうしこみ きげん", "nursery"),
        ("転入届を出したい", "register"),  # stands in the answer only
        ("粗大ゴミ", "waste"),
        ("えんちょうほいく", "late"),
    ],
)
def test_words_and_sounds_find_entries(query: str, id: str) -> None:
    """In kanji or in kana, by the question or by the answer."""
    assert best(Collection(ENTRIES), query) == id


def test_a_collection_may_be_empty_and_a_query_may_be_nothing() -> None:
    """No entries, no results; nothing asked finds something or nothing, but never fails."""
    ranker = Ranker.of(library.arrays(library.CONTENT / "learned" / "questions.none.npz"), "questions.none.npz")
    assert Collection([]).rank("なにか", {}, ranker) == []
    for query in ("", " ", "😭", "?", "a" * 3000):
        found = Collection(ENTRIES).rank(query, {}, ranker)
        assert sum(each.share for each in found) == pytest.approx(1, abs=1e-4)


def test_a_ranker_for_other_readers_is_refused() -> None:
    """Weights learned with vectors do not fit a search without."""
    with pytest.raises(KeyError, match="other readers"):
        Collection(ENTRIES).rank("犬", {}, library.ranker(library.CONTENT, "all"))


def test_what_is_learned_is_an_order() -> None:
    """A net that is told that answers by sound are right ranks by sound."""
    collection = Collection(ENTRIES)
    asked = [
        ranking.ask(collection, NONE, entry.question[:-2], {entry.id: 3}) for entry in ENTRIES for _again in range(4)
    ]
    ranker = learn(asked, collection.readers)
    assert metrics([(ranking.order(each, ranker), each.grades) for each in asked])["SR@1"] == 1
    again = Ranker.of(ranker.arrays(), "ranker")
    assert ranking.order(asked[0], again) == ranking.order(asked[0], ranker)
    assert cross_validated(asked, ranker, 5)["MRR"] > 0.9
    with pytest.raises(ContentError, match="no query has an answer"):
        learn([ranking.ask(collection, NONE, "犬", {"nowhere": 1})], collection.readers)


def test_what_a_city_teaches_stands_beside_what_is_shipped() -> None:
    """The scores are the mean of both rankers', and rankers of other readers do not fit."""
    entries, asked = library.questions()["town"]
    collection, shipped = Collection(entries), library.ranker(library.CONTENT, "none")
    seen = [ranking.ask(collection, NONE, query, grades) for query, grades in asked[:40]]
    own = learn(seen, collection.readers)
    both = ranking.learn_beside(shipped, seen)
    columns = seen[0].seen.columns
    assert np.allclose(both.scores(columns), (own.scores(columns) + shipped.scores(columns)) / 2, atol=1e-4)
    with pytest.raises(KeyError, match="other readers"):
        own.beside(library.ranker(library.CONTENT, "all"))


def test_a_collection_of_another_hand_is_searched_well() -> None:
    """Words and sounds alone find among 504 invented entries that nothing was learned from (tests/frozen/questions)."""
    folder = Path(__file__).parent / "frozen" / "questions"
    queries = read_queries(folder / "queries.json", folder / "qrels.json")[::3]
    shipped = library.ranker(library.CONTENT, "none")
    found = ranking.measure(read_corpus(folder / "corpus.json"), queries, NONE, shipped)
    assert found["MRR"] >= 0.40, found
    assert found["SR@5"] >= 0.5, found


def test_metrics_are_those_of_the_field() -> None:
    """Worked out by hand: the first answer second, the other fifth, a third not found."""
    found = metrics([(["x", "a", "y", "z", "b"], {"a": 2, "b": 1, "c": 1}), (["c"], {"c": 1})])
    assert found["MRR"] == pytest.approx((1 / 2 + 1) / 2)
    assert found["MAP"] == pytest.approx(((1 / 2 + 2 / 5) / 3 + 1) / 2, abs=1e-4)
    assert found["P@5"] == pytest.approx((2 / 5 + 1 / 5) / 2)
    assert (found["SR@1"], found["SR@3"], found["SR@5"]) == (0.5, 1.0, 1.0)
    ideal = 2 / np.log2(2) + 1 / np.log2(3) + 1 / np.log2(4)
    assert found["nDCG@10"] == pytest.approx(((2 / np.log2(3) + 1 / np.log2(6)) / ideal + 1) / 2, abs=1e-4)


@pytest.mark.parametrize(
    "given",
    [
        {"1": {"question": "犬", "answer": "登録"}, "2": "猫"},
        [{"id": 1, "Question": "犬", "Answer": "登録"}, {"_id": "2", "text": "猫"}],
    ],
)
def test_a_collection_comes_in_three_shapes(given: object, tmp_path: Path) -> None:
    """By id with fields, by id with text, or as a list."""
    path = tmp_path / "corpus.json"
    path.write_text(json.dumps(given), encoding="utf-8")
    assert read_corpus(path) == [Entry("1", "犬", "登録"), Entry("2", "猫")]


@pytest.mark.parametrize("given", ["{}", "[]", "nothing", '[{"question": "犬"}]'])
def test_what_is_no_collection_is_refused(given: str, tmp_path: Path) -> None:
    """With the file's name and what is wrong."""
    path = tmp_path / "corpus.json"
    path.write_text(given, encoding="utf-8")
    with pytest.raises(ContentError, match=r"corpus\.json"):
        read_corpus(path)


def test_evaluate_retrieval_prints_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--json` gives the metrics that DESIGN 7 names, and those across folds."""
    monkeypatch.setenv("MADOGUCHI_ENCODERS", "none")
    files: Mapping[str, object] = {
        "corpus": {entry.id: {"question": entry.question, "answer": entry.answer} for entry in ENTRIES},
        "queries": {str(n): entry.question[2:] for n, entry in enumerate(ENTRIES)} | {"9": "答えがない"},
        "qrels": {str(n): {entry.id: 2, "dog": 0} for n, entry in enumerate(ENTRIES)},
    }
    given: list[str] = []
    for name, content in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
        given += [f"--{name}", str(tmp_path / f"{name}.json")]
    ended = CliRunner().invoke(cli.app, ["evaluate", "retrieval", *given, "--folds", "2", "--json"])
    assert ended.exit_code == 0, ended.output
    found = json.loads(ended.stdout)["metrics"]
    names = {"MRR", "MAP", "P@5", "SR@1", "SR@3", "SR@5", "SR@10", "nDCG@10"}
    assert set(found) == names | {"ms_per_query", "MB", "cross_validated"}
    assert set(found["cross_validated"]) == names
    assert found["MRR"] == 1
    assert CliRunner().invoke(cli.app, ["evaluate", "retrieval"]).exit_code != 0


def test_queries_without_an_answer_are_not_counted(tmp_path: Path) -> None:
    """Grades of 0 say that an entry does not answer."""
    (tmp_path / "q.json").write_text('{"1": "犬", "2": "猫"}', encoding="utf-8")
    (tmp_path / "r.json").write_text('{"1": {"dog": 1, "waste": 0}, "2": {"dog": 0}}', encoding="utf-8")
    assert read_queries(tmp_path / "q.json", tmp_path / "r.json") == [("犬", {"dog": 1})]
    (tmp_path / "r.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ContentError, match="no query"):
        read_queries(tmp_path / "q.json", tmp_path / "r.json")


def test_the_shipped_ranker_reads_vectors_too(engines: Encoders) -> None:
    """With the shipped engines a question in quite other words is found."""
    collection = ranking.collection_of(ENTRIES, engines)
    ranker = library.ranker(library.CONTENT, "all")
    query = "先週こちらに越してきたのですが役所で何をすればいいですか"
    assert collection.rank(query, engines.vectors([query])[0], ranker)[0].entry.id == "register"
