"""The content check: the shipped content is complete, and everything it exists to find, it finds."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from babel.messages import Catalog

from bot import check, library, names
from bot.errors import ContentError
from bot.library import CONTENT
from bot.messages import Severity
from bot.understanding.hearing import Hearing
from tests.talk import content, words


def test_the_shipped_content_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    """A city may go live with what is shipped; what is heard has a test of its own (test_understanding_content)."""
    monkeypatch.setattr(check.heard, "check", lambda *_: [])
    assert check.problems(content()) == []


# --- what is said --------------------------------------------------------------------------------------------------

SAID = "ここに書いてください。"


def said(monkeypatch: pytest.MonkeyPatch, *translations: str, source: str = SAID, **more: Any) -> list[str]:
    """Return what the check says of one sentence and its English translations."""
    catalog = Catalog(locale="en")
    for text in translations:
        catalog.add(source, text, **more)
    monkeypatch.setattr(check, "sentences", lambda: {source: []})
    monkeypatch.setattr(check, "catalogs", lambda _content: {"en": catalog})
    monkeypatch.setattr(check, "_labels", lambda _content: {"メニュー"})
    return list(check._said(content()))


def test_a_good_translation_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said of a sentence that is translated and promises nothing."""
    assert said(monkeypatch, "Please write here.") == []


def test_a_missing_translation_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence that a language lacks, or has empty, is named."""
    assert said(monkeypatch) == [f"en: not translated: {SAID}"]
    assert said(monkeypatch, "") == [f"en: not translated: {SAID}"]


def test_a_fuzzy_translation_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A translation whose source has changed since is named."""
    assert said(monkeypatch, "Please write here.", flags=["fuzzy"]) == [f"en: fuzzy: {SAID}"]


@pytest.mark.parametrize("text", ["From {hour}", "From", "From {time} to {time2}", "From {{time}}"])
def test_changed_names_in_braces_are_found(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """A translation whose {names} are others than the source's would break at night, and is named."""
    assert said(monkeypatch, text, source="{time}から") == ["en: other {names} than the source: {time}から"]


def test_a_label_that_is_too_long_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A button's label longer than LINE's 20 characters is named, in a translation and in the source."""
    assert said(monkeypatch, "Show me the whole menu", source="メニュー") == [
        "en: longer than LINE's 20 characters: Show me the whole menu"
    ]
    monkeypatch.setattr(check, "_labels", lambda _content: {"あ" * 21, "い" * 20})
    monkeypatch.setattr(check, "sentences", dict)
    assert list(check._said(content())) == [f"source: longer than LINE's 20 characters: {'あ' * 21}"]


@pytest.mark.parametrize(
    ("text", "found"),
    [("Bring the Boshi Techo handbook.", 0), ("Bring the mother's notebook.", 1)],
)
def test_another_word_than_the_glossarys_is_found(monkeypatch: pytest.MonkeyPatch, text: str, found: int) -> None:
    """母子手帳 is called the same wherever it stands (content/glossary.yaml)."""
    problems = said(monkeypatch, text, source="母子手帳を持ってきてください。")
    assert len([problem for problem in problems if "is not called" in problem]) == found


@pytest.mark.parametrize(
    "text",
    [
        "We will never tell anyone.",
        "Your child will not be taken away.",
        "You will not be reported.",
        "Everything will be fine.",
    ],
)
def test_a_promise_in_a_translation_is_found(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """What nobody can promise is refused in a translation (CARE C3)."""
    assert said(monkeypatch, text)


@pytest.mark.parametrize(
    "text", ["絶対に秘密です。", "誰にも言いません。", "通報しません。", "大丈夫です。", "子どもは取られません。"]
)
def test_a_promise_in_the_source_is_found(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """What nobody can promise is refused in the Japanese source (CARE C3)."""
    assert any(problem.startswith("source: ") for problem in said(monkeypatch, "x", source=text))


def test_every_sentence_of_the_product_is_taken_out() -> None:
    """Sentences of code, answers and telephone numbers' names all reach the translators."""
    found = check.sentences()
    answer = next(iter(content().answers.values()))
    for sentence in (*names.TOPICS.values(), *(p.msgid for p in answer.paragraphs), content().hotlines[0].name):
        assert sentence in found


def test_every_label_of_a_choice_is_seen() -> None:
    """Labels are read from the dialogs' source, so none can be forgotten."""
    labels = set(check._choice_labels())
    assert {"人と話す", "メニュー", "電話できない", "見せるカード", "お願いする", "朝に知らせて"} <= labels
    assert len(labels) > 20


def test_no_button_of_ours_is_a_cry() -> None:
    """What stands on a button may be typed: in no language does it call a person at once.

    The names of troubles (予期せぬ妊娠, 発達が気になる, 休みたい) are a concern to whoever types them, and may be.
    """
    languages = content().vocabulary["languages"]
    called = {
        (label, language): signal
        for label in check._labels(content())
        for language in languages
        for signal in content().hearing.signals.hear(words().sentence(label, language))
        if signal.severity.rank > Severity.CONCERN.rank
    }
    assert called == {}


# --- names and vocabulary ----------------------------------------------------------------------------------------


def test_a_topic_without_a_name_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """An id that a resident may meet needs a name; a name without an id is a slip."""
    few = {id: name for id, name in names.TOPICS.items() if id != "nursery"}
    monkeypatch.setattr(check.names, "TOPICS", {**few, "flown": "飛んだ"})
    found = list(check._vocabulary(content()))
    assert "names.py: topics 'nursery' has no name" in found
    assert "names.py: topics 'flown' is not in the vocabulary" in found


def test_a_category_with_an_unknown_topic_is_found() -> None:
    """A category may serve only topics of the vocabulary."""
    categories = {**content().vocabulary["categories"], "park": ["flown"]}
    wrong = replace(content(), vocabulary={**content().vocabulary, "categories": categories})
    assert list(check._vocabulary(wrong)) == ["vocabulary.yaml: category park names an unknown topic flown"]


# --- files -------------------------------------------------------------------------------------------------------


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a copy of the content that may be broken; hearing is left out, it has tests of its own."""
    monkeypatch.setattr(Hearing, "of", lambda *_: content().hearing)
    return Path(shutil.copytree(CONTENT, tmp_path / "content"))


def rewrite(path: Path, entry: int, **changed: Any) -> None:
    """Change one entry of a list in a YAML file; None takes a key away."""
    document: list[dict[str, Any]] = yaml.safe_load(path.read_text("utf-8"))
    document[entry] = {k: v for k, v in {**document[entry], **changed}.items() if v is not None}
    path.write_text(yaml.safe_dump(document, allow_unicode=True), "utf-8")


def test_the_copy_loads(copy: Path) -> None:
    """A copy says the same and has the same version, until a byte is changed."""
    assert library.load(copy).version == content().version
    (copy / "hotlines.yaml").write_text((copy / "hotlines.yaml").read_text("utf-8") + "\n", "utf-8")
    library.load.cache_clear()
    try:
        assert library.load(copy).version != content().version
    finally:
        library.load.cache_clear()


@pytest.mark.parametrize(
    "changed",
    [
        {"source": None},
        {"source": ""},
        {"checked_on": None},
        {"languages": None},
        {"fits": None},
        {"name": None},
        {"hours": {"days": "weekdays", "opens_at": "nine", "closes_at": "17:00"}},
        {"hours": {"days": "weekdays"}},
        {"hours": {"days": "daily", "opens_at": "9:00", "closes_at": "17:00"}, "closed": ["Christmas"]},
    ],
)
def test_a_number_without_a_source_is_refused(copy: Path, changed: Mapping[str, Any]) -> None:
    """A telephone number without source, date, languages or whole hours is never loaded (CARE C14a)."""
    rewrite(copy / "hotlines.yaml", 2, **changed)
    with pytest.raises(ContentError, match=r"hotlines\.yaml"):
        library.load(copy)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("topic: child_allowance", "topic: nursery", "topic must be"),
        ("checked_on:", "checked:", "source and date"),
        ("## cost", "## price", "one paragraph under each"),
        ("---\n", "", "needs a head"),
    ],
)
def test_a_wrong_answer_is_refused(copy: Path, old: str, new: str, why: str) -> None:
    """An answer under another topic's name, with an unsourced fact or without a head is refused, naming the file."""
    path = copy / "answers" / "child_allowance.md"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(ContentError, match=rf"child_allowance\.md.*{why}"):
        library.load(copy)


def test_an_answer_that_says_nothing_is_refused(copy: Path) -> None:
    """A head without a paragraph is no answer."""
    (copy / "answers" / "nursery.md").write_text("---\ntopic: nursery\n---\n\n", "utf-8")
    with pytest.raises(ContentError, match="says what it is"):
        library.load(copy)


def test_broken_yaml_names_its_file(copy: Path) -> None:
    """A file that cannot be parsed is named."""
    (copy / "vocabulary.yaml").write_text("a: [", "utf-8")
    with pytest.raises(ContentError, match=r"vocabulary\.yaml"):
        library.load(copy)


# --- telephone numbers -------------------------------------------------------------------------------------------


def test_every_number_has_a_human_reason_and_source() -> None:
    """What may be printed has something to reach it by, something it fits, and a language (CARE C14a)."""
    ids = [hotline.id for hotline in content().hotlines]
    assert len(ids) == len(set(ids))
    for hotline in content().hotlines:
        assert hotline.number or hotline.url, hotline.id
        assert hotline.fits, hotline.id
        assert hotline.languages, hotline.id
        assert not hotline.url or hotline.url.startswith("https://"), hotline.id
        assert not hotline.chat or hotline.url, hotline.id


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("topics: ", "topic: "),
        ("journey: new_baby", "journey: baby"),
        ("birth_procedures", "birth"),
        ("order: 2\n", ""),
    ],
)
def test_a_wrong_journey_is_refused(copy: Path, old: str, new: str) -> None:
    """A step without topics, another name, an unknown topic or no place among the others is refused."""
    path = copy / "journeys" / "new_baby.md"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(ContentError, match=r"new_baby\.md"):
        library.load(copy)
