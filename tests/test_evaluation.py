"""The figures: intervals, shares by language, what counts as a miss, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot import cli, evaluation
from bot.errors import ContentError
from bot.evaluation import Labelled, read_split, share
from bot.messages import Heard, Severity, Signal, TopicScore

SPLIT = """
language: vi
signals:
- hear: crisis emergency weapon; abuse urgent
  lines: |
    một
    hai
- hear: anxiety concern
  lines: |
    ba
quiet:
  ordinary: |
    chào
  hard: |
    đói chết
topics:
  nursery: |
    gửi con ở đâu
short: |
  dạ
"""


def heard(*signals: str, language: str = "vi", topics: tuple[str, ...] = (), confident: bool = False) -> Heard:
    """Return what would be heard: `kind severity` each."""
    found = tuple(Signal(one.split()[0], Severity(one.split()[1])) for one in signals)
    return Heard(language, found, tuple(TopicScore(t, 0.9 - n / 10) for n, t in enumerate(topics)), confident=confident)


def test_shares_carry_their_interval() -> None:
    """Wilson's interval: 0 of 0 promises nothing, 150 of 150 promises .975, not 1."""
    assert share(0, 0) == {"share": 0.0, "low": 0.0, "high": 1.0, "n": 0}
    whole = share(150, 150)
    assert (whole["share"], whole["high"], whole["n"]) == (1.0, 1.0, 150)
    assert whole["low"] == pytest.approx(0.975, abs=0.001)
    half = share(50, 100)
    assert (half["low"], half["high"]) == (pytest.approx(0.404, abs=0.001), pytest.approx(0.596, abs=0.001))


def test_a_split_is_read(tmp_path: Path) -> None:
    """Signals keep their kinds and severities, quiet lines their group, every longer line also tells its language."""
    (tmp_path / "vi.yaml").write_text(SPLIT, encoding="utf-8")
    split = read_split(tmp_path)
    assert split["signals"][0].kinds == (("crisis", Severity.EMERGENCY), ("abuse", Severity.URGENT))
    assert split["signals"][0].aspects == ("weapon",)
    assert [line.group for line in split["signals"]] == ["signal", "signal", "signal", "ordinary", "hard"]
    assert [(line.text, line.group) for line in split["topics"]] == [("gửi con ở đâu", "nursery")]
    assert [line.group for line in split["language"]] == ["short", *["whole"] * 6]


@pytest.mark.parametrize("text", ["signals: [{hear: crisis grave, lines: a}]", "signals: 3", "- a", "language: vi"])
def test_what_is_no_split_is_refused(tmp_path: Path, text: str) -> None:
    """A wrong file or an empty folder is named."""
    (tmp_path / "xx.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ContentError):
        read_split(tmp_path)


GIVEN = [
    Labelled("a", "vi", (("crisis", Severity.EMERGENCY),), "signal"),
    Labelled("b", "vi", (("abuse", Severity.URGENT),), "signal"),
    Labelled("c", "en", (("anxiety", Severity.CONCERN),), "signal"),
    Labelled("d", "en", (), "ordinary"),
    Labelled("e", "en", (), "hard"),
]


def test_signals_are_counted_as_they_should_be() -> None:
    """Called is above concern; a concern heard for a grave line is a miss; noise on quiet lines is listed too."""
    found = [heard("crisis urgent"), heard("anxiety concern"), heard("anxiety urgent"), heard(), heard("dv concern")]
    metrics = evaluation.signals(GIVEN, found)
    shares = {name: (value["share"], value["n"]) for name, value in metrics["all"].items()}
    assert shares["grave_called"] == (0.5, 2)
    assert shares["grave_heard"] == (1.0, 2)
    assert shares["emergency_as_such"] == (0.0, 1)
    assert shares["concern_heard"] == (1.0, 1)
    assert shares["concern_called"] == (1.0, 1)
    assert shares["kind"] == (0.6667, 3)
    assert shares["silent"] == (0.5, 2)
    assert shares["silent_hard"] == (0.0, 1)
    assert shares["not_called_hard"] == (1.0, 1)
    assert [miss["text"] for miss in metrics["misses"]] == ["b", "e"]
    assert metrics["languages"]["vi"]["grave_called"]["share"] == 0.5
    assert metrics["confusion"]["abuse"] == {"anxiety": 1}


def test_topics_and_languages() -> None:
    """The right topic first or among three; a confident answer counts by itself; ja-easy is Japanese."""
    given = [Labelled("a", "vi", (), "nursery"), Labelled("b", "vi", (), "sleep")]
    metrics = evaluation.topics(
        given, [heard(topics=("nursery", "sleep"), confident=True), heard(topics=("feeding", "nursery", "privacy"))]
    )
    assert metrics["all"]["first"]["share"] == 0.5
    assert metrics["all"]["confident_right"] == {
        "share": 1.0,
        "low": pytest.approx(0.2065, abs=0.001),
        "high": 1.0,
        "n": 1,
    }
    assert metrics["misses"][0]["wanted"] == "sleep"
    told = evaluation.languages(
        [Labelled("a", "ja-easy", (), "short"), Labelled("b", "vi", (), "mixed")],
        [heard(language="ja"), heard(language="en")],
    )
    assert told["all"]["right"]["share"] == 0.5
    assert told["confusion"] == {"vi": {"en": 1}}


def test_the_command_prints_a_table_and_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`evaluate` works on any folder of splits, with a table for people and JSON for machines."""
    monkeypatch.setenv("MADOGUCHI_ENCODERS", "none")
    (tmp_path / "vi.yaml").write_text(SPLIT, encoding="utf-8")
    run = CliRunner().invoke(cli.app, ["evaluate", "language", "--split", str(tmp_path), "--json"])
    assert run.exit_code == 0, run.output
    assert json.loads(run.stdout)["metrics"]["all"]["right"]["n"] == 7
    run = CliRunner().invoke(cli.app, ["evaluate", "signals", "--split", str(tmp_path), "--misses", "1"])
    assert run.exit_code == 0, run.output
    assert [word for word in ("grave_called", "vi", "more") if word not in run.stdout] == []


def test_understand_writes_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    """One JSON line for each line, in order, with the fields of DESIGN 7, whichever engines are used."""
    monkeypatch.setenv("MADOGUCHI_ENCODERS", "none")
    run = CliRunner().invoke(
        cli.app,
        ["understand", "--jsonl"],
        input='{"id": "x", "text": "死にたい"}\n{"text": "một cửa ở đâu", "language": "vi"}\n',
    )
    assert run.exit_code == 0, run.output
    first, second = map(json.loads, run.stdout.splitlines())
    assert set(first) == {"id", "language", "signals", "topics", "confident", "action"}
    assert set(first["signals"][0]) == {"kind", "severity", "aspects", "evidence", "why"}
    assert (first["id"], first["action"], second["id"]) == ("x", "call_person", "2")
    assert len(second["topics"]) <= 5
