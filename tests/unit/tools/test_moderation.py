"""`manage.py moderation`: training on files and on decisions, measuring, and what is refused."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import OutputWrapper

from bus import conf
from bus.apps import _take_learned_weights
from bus.enforcement import training_labels
from bus.management.moderation_commands import data, peers
from bus.management.moderation_commands.learn import FEWEST, compare, decisions
from bus.management.moderation_commands.own import own, readings
from bus.management.moderation_commands.train import Train
from bus.moderation import classifier
from bus.moderation.classifier.train import TrainingError
from bus.moderation.classifier.weights import load

RUDE = ("you pathetic clown", "what a useless fool", "get lost you rat", "저런 한심한 놈들")
KIND = ("see you at lunch", "thanks for the help", "what a lovely day", "내일 회의에서 만나요")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A few files like those that people train on."""
    lines = [f"1\t{RUDE[i % 4]} {i}" for i in range(60)] + [
        f"0\t{KIND[i % 4]} {i}" for i in range(60)
    ]
    (tmp_path / "made.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    (tmp_path / "sharealike").mkdir()
    (tmp_path / "sharealike" / "other.tsv").write_text(
        f"1\tkinds\t{RUDE[0]}\n0\tkinds\t{KIND[0]}\n"
    )
    return tmp_path


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


def learned(tmp_path: Path, **options: Any) -> str:
    """What `train --from-decisions` writes."""
    out = io.StringIO()
    command = Train(OutputWrapper(out), OutputWrapper(io.StringIO()))
    command.from_decisions(labelled(), {"out": tmp_path, "data": None, "switch": False} | options)
    return out.getvalue()


def test_training_writes_weights_and_a_card(directory: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    told = run("train", "--data", directory, "--out", out)
    assert "Trained in" in told
    weights = load(out / "weights.npz")
    assert weights.probability("you pathetic clown") > weights.probability("see you at lunch")
    card = (out / "CARD.md").read_text("utf-8")
    assert "| made | of whoever trained | theirs to say | 120 | 60 |" in card
    assert "sharealike" not in card
    assert "other" not in [line.split(" ")[1] for line in card.splitlines() if line[:2] == "| "]
    assert "must not refuse" in card


def test_the_same_data_makes_the_same_bytes(directory: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        run("train", "--data", directory, "--out", tmp_path / name, "--seed", 5)
    assert (tmp_path / "a/weights.npz").read_bytes() == (tmp_path / "b/weights.npz").read_bytes()


def test_a_place_that_cannot_be_written_is_named(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, no directory")
    with pytest.raises(CommandError, match="cannot be written"):
        run("train", "--data", directory, "--out", tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "a file, no directory"


def test_files_are_left_out_one_by_one(directory: Path, tmp_path: Path) -> None:
    run("train", "--data", directory, "--out", tmp_path / "out", "--leave-one-out")
    card = (tmp_path / "out/CARD.md").read_text("utf-8")
    assert "not measured" not in card
    assert card.count("| made |") == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"yes\tgood text\n", "line 1: 'yes"),
        (b"1\tfine\n0 no tab\n", "line 2"),
        (b"1\t\xff\xfe\n", "is not UTF-8"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "bad.tsv").write_bytes(content)
    for command in ("train", "evaluate"):
        with pytest.raises(CommandError, match=r"bad\.tsv") as raised:
            run(command, "--data", tmp_path)
        assert words in str(raised.value)


def test_a_wrong_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no directory"):
        run("train", "--data", tmp_path / "none")
    with pytest.raises(CommandError, match=r"no \*\.tsv files"):
        run("evaluate", "--data", tmp_path)


def test_options_that_do_not_fit_are_refused() -> None:
    with pytest.raises(CommandError, match="Say what to learn from"):
        run("train")
    with pytest.raises(CommandError, match="--switch goes with"):
        run("train", "--switch")


def test_a_text_is_read_without_what_exports_put_around_it(tmp_path: Path) -> None:
    path = tmp_path / "x.tsv"
    path.write_text('1\t"RT @someone: a &amp; b"\n0\tkind\tthree  columns\n', "utf-8")
    assert [(row.bad, row.text) for row in data.read(path).rows] == [
        (True, "a & b"),
        (False, "three columns"),
    ]


def test_comments_with_known_spans_are_cut_into_pieces(tmp_path: Path) -> None:
    text = "This was a long and quiet afternoon. You are a wretched toad! We went home after that."
    spans = list(range(text.index("wretched"), text.index("!")))
    (tmp_path / "c.tsv").write_text(f"1\t{text}\n", "utf-8")
    (tmp_path / "c.spans.jsonl").write_text(json.dumps({"text": text, "spans": spans}) + "\n")
    (source,) = data.to_train_on(tmp_path)
    assert [(row.bad, row.text.split()[0]) for row in source.rows] == [
        (False, "This"),
        (True, "You"),
        (False, "We"),
        (True, "This"),
        (False, "This"),
    ]
    assert {row.whole or row.text for row in source.rows} == {text}
    assert source.rows[-1].text == "This was a long and quiet afternoon. We went home after that."
    (tmp_path / "c.spans.jsonl").write_text("{}\n")
    with pytest.raises(CommandError, match="line 1"):
        data.to_train_on(tmp_path)


def test_measuring_tells_of_every_file_and_says_on_which_rows(directory: Path) -> None:
    told = run("evaluate", "--data", directory, "--mistakes", 3)
    rows = {line.split()[0] for line in told.splitlines() if " bus " in line}
    assert rows == {"made", "other"}
    assert "training's own among them" in told
    assert "were rejected outright" in told
    assert "Bad, and cleanest to us" in told
    only = run("evaluate", "--data", directory, "--held-back", "--limit", 5)
    assert "rows that training never saw, at most 5 of each file" in only


@pytest.mark.usefixtures("restored")
def test_measuring_without_weights_says_so(directory: Path) -> None:
    classifier.use(None)
    told = run("evaluate", "--data", directory)
    assert "the rules work alone" in told
    assert "model alone" not in told


def test_a_peer_that_is_not_installed_is_named(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        peers, "_PEERS", {"no-such-filter": ("no_such_filter", lambda _module: bool)}
    )
    assert "pip install no-such-filter" in run("evaluate", "--data", directory, "--peers")


def test_a_peer_that_is_installed_is_measured(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "_PEERS", {"filter-of-json": ("json", lambda _: lambda _: True)})
    told = run("evaluate", "--data", directory, "--peers")
    line = next(line for line in told.splitlines() if "filter-of-json" in line)
    assert line.split()[:4] == ["made", "filter-of-json", "120", "60"]
    # It flags everything: half of that is bad.
    assert line.split()[4:6] == ["50.00", "%"]


def test_a_peer_is_compared_at_no_more_false_positives(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filters: dict[str, Any] = {
        "everything": ("json", lambda _: lambda _: True),
        "nothing": ("json", lambda _: lambda _: False),
        "all-knowing": ("json", lambda _: lambda text: text.startswith(tuple(RUDE))),
    }
    monkeypatch.setattr(peers, "_PEERS", filters)
    told = run("evaluate", "--data", directory, "--peers").partition("at no more false positives")
    lines = {line.split()[1]: line for line in told[2].splitlines() if line.startswith("made")}
    its, allowed, ours = (float(word) for word in lines["everything"].split()[2:7:2])
    assert (its, allowed) == (66.67, 100.0)
    assert ours > its
    assert "nothing" not in lines
    # Whoever knows the answers has no false positives, and then we may have none.
    assert lines["all-knowing"].split()[2:6:2] == ["100.00", "0.00"]
    assert lines["all-knowing"].split()[8] == "0.00"
    assert "Behind: all-knowing on made, all-knowing on other." in told[2]


def test_own_sentences_are_read_in_all_their_readings() -> None:
    assert list(readings("[a|b] or [c|]")) == ["a or", "a or c", "b or", "b or c"]
    assert len(list(readings("[a|b|c|d|e][1|2|3|4|5][x|y|z|v|w]"))) == 60
    rows = own().rows
    assert {row.bad for row in rows} == {True, False}
    assert not any("[" in row.text or "|" in row.text for row in rows)


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
    tmp_path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_labels, "labelled", labelled)
    told = run("train", "--from-decisions", "--data", directory, "--out", tmp_path / "out")
    assert "held-back decisions" in told
    assert load(tmp_path / "out/draft.npz").probability("you blorptag number 7") > 0.9
    monkeypatch.setattr(training_labels, "labelled", lambda: [(1, "one")])
    with pytest.raises(CommandError, match=r"takes 25 of each\. Nothing was changed"):
        run("train", "--from-decisions")


@pytest.mark.usefixtures("restored")
def test_switched_weights_are_taken_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Wrote" in learned(tmp_path, switch=True)
    monkeypatch.setattr(conf, "learned_weights_path", lambda: tmp_path / "weights.npz")
    before = classifier.score("such a blorptag")
    _take_learned_weights()
    assert classifier.score("such a blorptag") > before


@pytest.mark.usefixtures("restored")
def test_the_setting_keeps_learned_weights_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    learned(tmp_path, switch=True)
    monkeypatch.setattr(conf, "learned_weights_path", lambda: tmp_path / "weights.npz")
    settings.BUS_LEARNED_WEIGHTS = False
    before = classifier.score("such a blorptag")
    _take_learned_weights()
    assert classifier.score("such a blorptag") == before


@pytest.mark.usefixtures("restored")
def test_a_broken_file_of_learned_weights_is_told_of_and_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "weights.npz"
    path.write_bytes(b"half")
    monkeypatch.setattr(conf, "learned_weights_path", lambda: path)
    before = classifier.score("you fucking idiot")
    _take_learned_weights()
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
    args = ("train", "--from-decisions", "--out", tmp_path)
    with pytest.raises(CommandError, match=r"\d decisions are against .* 10 of each.*Nothing was"):
        run(*args, "--switch")
    assert not list(tmp_path.iterdir())
    assert "Nothing was switched" in run(*args)


def test_the_change_counts_only_what_was_held_back() -> None:
    source = decisions(labelled())
    change = compare(source, None, load(classifier.PACKAGED), 0.5)
    assert len(change.before.times) == sum(row.held_back for row in source.rows) > 10
    assert change.before.right_hits == 0
