"""`manage.py moderation learn`: what decisions teach, what is shown, and what is refused."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import OutputWrapper

from bus.apps import _take_weights
from bus.conf import paths
from bus.enforcement import training_labels
from bus.management.moderation_commands.learn import LearnCommand
from bus.moderation import classifier
from bus.moderation.classifier.weights import load
from bus.moderation.training.learn import FEWEST, compare, decisions
from bus.moderation.training.train import TrainingError


@pytest.fixture
def restored() -> Iterator[None]:
    """Whatever a test takes into use, the packaged weights are back after it."""
    yield
    classifier.use(classifier.PACKAGED)


def run(*args: object) -> str:
    """What the command writes on standard output."""
    out = io.StringIO()
    call_command("moderation", *map(str, args), stdout=out, stderr=io.StringIO())
    return out.getvalue()


def labelled(count: int = 1000) -> list[tuple[int, str]]:
    """Decisions against a word that nobody minded before."""
    half = range(count // 2)
    bad = [(1, f"you blorptag number {i}") for i in half]
    return bad + [(0, f"good to see you, number {i}") for i in half]


def learned(tmp_path: Path, *, switch: bool = False) -> str:
    """What learning from these decisions writes."""
    out = io.StringIO()
    command = LearnCommand(OutputWrapper(out), OutputWrapper(io.StringIO()))
    command.learn_from(labelled(), tmp_path, switch=switch)
    return out.getvalue()


def test_decisions_are_learned_shown_and_not_switched(tmp_path: Path) -> None:
    told = learned(tmp_path)
    assert "held-back decisions" in told
    assert "before: precision -, recall 0.0 %" in told
    assert "Nothing was switched" in told
    assert "blorptag" in told
    assert not (tmp_path / "weights.npz").exists()
    new = load(tmp_path / "draft.npz")
    assert new.probability("such a blorptag") > classifier.score("such a blorptag")
    # What it knew, it knows still.
    assert new.probability("you fucking idiot") > classifier.THRESHOLDS["standard"]
    assert new.probability("thanks, have a nice day") < 0.5


def test_the_command_learns_from_the_labels_of_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_labels, "labelled", labelled)
    for args in (("learn",), ("train", "--from-decisions")):
        out = tmp_path / args[0]
        assert "held-back decisions" in run(*args, "--out", out)
        assert load(out / "draft.npz").probability("you blorptag number 7") > 0.9
    monkeypatch.setattr(training_labels, "labelled", lambda: [(1, "one")])
    with pytest.raises(CommandError, match=r"takes 25 of each\. Nothing was changed"):
        run("learn")


@pytest.mark.parametrize("args", [(), ("--data", "x"), ("--data", "x", "--from-decisions")])
def test_whoever_trains_on_files_is_told_where(args: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match=r"python -m tools\.moderation train --data"):
        run("train", *args)


@pytest.mark.usefixtures("restored")
def test_switched_weights_are_taken_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Wrote" in learned(tmp_path, switch=True)
    monkeypatch.setattr(paths, "learned_weights_path", lambda: tmp_path / "weights.npz")
    before = classifier.score("such a blorptag")
    _take_weights()
    assert classifier.score("such a blorptag") > before


@pytest.mark.usefixtures("restored")
def test_a_site_may_choose_the_weights_under_another_licence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(paths, "learned_weights_path", lambda: tmp_path / "weights.npz")
    text = "저런 것들은 세금이나 축내는 족속이지"
    own = classifier.score(text)
    settings.BUS_MODERATION_WEIGHTS = "sharealike"
    _take_weights()
    chosen = load(classifier.WEIGHTS["sharealike"])
    assert classifier.score(text) == chosen.probability(text) != own
    # What is learned starts from them, and goes before them.
    assert "Wrote" in learned(tmp_path, switch=True)
    taught = load(tmp_path / "weights.npz")
    assert (taught.korean, taught.latin) == (chosen.korean, chosen.latin)
    _take_weights()
    assert classifier.score(text) == taught.probability(text)


@pytest.mark.usefixtures("restored")
def test_the_setting_keeps_learned_weights_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    learned(tmp_path, switch=True)
    monkeypatch.setattr(paths, "learned_weights_path", lambda: tmp_path / "weights.npz")
    settings.BUS_LEARNED_WEIGHTS = False
    before = classifier.score("such a blorptag")
    _take_weights()
    assert classifier.score("such a blorptag") == before


@pytest.mark.usefixtures("restored")
def test_a_broken_file_of_learned_weights_is_told_of_and_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "weights.npz"
    path.write_bytes(b"half")
    monkeypatch.setattr(paths, "learned_weights_path", lambda: path)
    before = classifier.score("you fucking idiot")
    _take_weights()
    assert "The packaged weights are used" in caplog.text
    assert classifier.score("you fucking idiot") == before > 0.5


def test_too_few_decisions_are_refused() -> None:
    few = [(1, f"bad {i}") for i in range(FEWEST)] + [(0, "good")]
    with pytest.raises(TrainingError, match="25 decisions against a text and 1 for one"):
        decisions(few)


def test_repeated_texts_count_once_as_they_were_decided_last() -> None:
    with pytest.raises(TrainingError, match="1 decisions against a text and 1 for one"):
        decisions([(1, "buy gold"), (0, "good evening")] * FEWEST)
    source = decisions([*labelled(100), (1, "good to  see you, number 7")])
    assert [row.bad for row in source.rows if row.text == "good to see you, number 7"] == [True]


def test_nothing_is_switched_without_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = labelled(60)
    monkeypatch.setattr(training_labels, "labelled", lambda: few)
    args = ("learn", "--out", tmp_path)
    with pytest.raises(CommandError, match=r"\d decisions are against .* 10 of each.*Nothing was"):
        run(*args, "--switch")
    assert not list(tmp_path.iterdir())
    assert "Nothing was switched" in run(*args)


def test_the_change_counts_only_what_was_held_back() -> None:
    source = decisions(labelled())
    change = compare(source, None, load(classifier.PACKAGED), 0.5)
    assert len(change.before.times) == sum(row.held_back for row in source.rows) > 10
    assert change.before.right_hits == 0
