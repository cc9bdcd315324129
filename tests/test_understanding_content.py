"""The content of hearing does what its own examples say, with the patterns of all languages running together."""

from __future__ import annotations

import copy
import itertools
from pathlib import Path
from typing import Any

import pytest

from bot import library
from bot.understanding.answers import Answers
from bot.understanding.check import check_signals, check_topics, examples
from bot.understanding.signals import Signals
from tests.talk import content

CONTENT = Path(__file__).parents[1] / "bot" / "content"


SIGNALS, TOPICS = library.documents(CONTENT / "signals"), library.documents(CONTENT / "topics")
VOCABULARY = content().vocabulary


def english() -> dict[str, dict[str, Any]]:
    """Return the signals of one language, to break: the whole content takes minutes to check."""
    return {"en": copy.deepcopy(SIGNALS["en"])}


@pytest.fixture(scope="module")
def signals() -> Signals:
    return content().hearing.signals


@pytest.fixture(scope="module")
def answers() -> Answers:
    return content().hearing.answers


def test_examples_are_heard_as_they_must_be(signals: Signals) -> None:
    """Every thirtieth example of all files, with all languages together.

    `madoguchi content check` hears all fifteen thousand and compiles every pattern; CI runs it before the tests.
    """
    given = itertools.islice(examples(SIGNALS), None, None, 30)
    assert [wrong for example in given if (wrong := example.failure(signals))] == []


def test_the_content_is_as_deep_as_it_claims() -> None:
    """Every signal kind is heard in every language, and Japanese rests on hundreds of examples."""
    for document in SIGNALS.values():
        assert {item["kind"] for item in document["signals"]} == set(VOCABULARY["signals"])
    japanese = [e for e in examples(SIGNALS) if e.rule.startswith("ja")]
    assert sum(e.at_least is not None for e in japanese) >= 400
    assert sum(e.at_least is None for e in japanese) >= 200


def test_check_names_a_wrong_id() -> None:
    """An unknown kind, aspect or severity is named with its file and rule."""
    broken = english()
    item = broken["en"]["signals"][0]
    item["kind"], item["aspects"], item["severity"] = "crises", ["sexuel"], "grave"
    problems = check_signals(broken, VOCABULARY)
    assert [p.split(": ", 1)[1] for p in problems] == [
        "unknown kind 'crises'",
        "unknown aspect 'sexuel'",
        "unknown severity 'grave'",
    ]
    assert all(p.startswith("signals/en/wish-to-die") for p in problems)


def test_check_names_a_broken_pattern() -> None:
    """A pattern that names a list that does not exist is refused with its rule."""
    broken = english()
    broken["en"]["signals"][0]["patterns"] = "my <nobody> hits me"
    (problem,) = check_signals(broken, VOCABULARY)
    assert "en/wish-to-die" in problem
    assert "<nobody>" in problem


def test_check_names_an_example_that_is_not_heard() -> None:
    """A rule whose own example is not heard is a problem, in words that show the sentence."""
    broken = english()
    broken["en"]["signals"][0]["must_hear"] = "The weather is fine"
    assert any("The weather is fine" in problem for problem in check_signals(broken, VOCABULARY))


def test_check_names_a_missing_topic_and_command() -> None:
    """A topic or command that one language lacks is listed."""
    broken = copy.deepcopy(TOPICS)
    del broken["ja-easy"]["topics"]["nursery"]
    del broken["en"]["commands"]["stop"]
    problems = check_topics(broken, VOCABULARY)
    assert "topics/ja-easy: nursery is missing" in problems
    assert "topics/en: the command stop is missing" in problems
