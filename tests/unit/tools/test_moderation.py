"""`python -m tools.moderation`: training on files, measuring, and what is refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bus.enforcement import training_labels
from bus.moderation import classifier
from bus.moderation.classifier.weights import load
from tools.moderation import data, peers
from tools.moderation.__main__ import main
from tools.moderation.data import DataError
from tools.moderation.own import own, readings

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


def labelled() -> list[tuple[int, str]]:
    """Decisions against a word that nobody minded before."""
    bad = [(1, f"you blorptag number {i}") for i in range(500)]
    return bad + [(0, f"good to see you, number {i}") for i in range(500)]


class Tools:
    """The command line of the workshop."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def run(self, *args: object) -> str:
        """What a command that works out writes on standard output."""
        code, out, err = self.exits(*args)
        assert code == 0, err
        return out

    def refused(self, *args: object) -> str:
        """What a command that does not work out says on standard error."""
        code, _, err = self.exits(*args)
        assert code == 1
        return err

    def exits(self, *args: object) -> tuple[int, str, str]:
        """What a command exits with, and what it writes."""
        self._capsys.readouterr()
        code = main(list(map(str, args)))
        return code, *self._capsys.readouterr()


@pytest.fixture
def tools(capsys: pytest.CaptureFixture[str]) -> Tools:
    """The command line of the workshop."""
    return Tools(capsys)


def test_training_writes_weights_and_a_card(tools: Tools, directory: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    told = tools.run("train", "--data", directory, "--out", out)
    assert "Trained in" in told
    weights = load(out / "weights.npz")
    assert weights.probability("you pathetic clown") > weights.probability("see you at lunch")
    card = (out / "CARD.md").read_text("utf-8")
    assert "| made | of whoever trained | theirs to say | 120 | 60 |" in card
    assert "sharealike" not in card
    assert "other" not in [line.split(" ")[1] for line in card.splitlines() if line[:2] == "| "]
    assert "must not refuse" in card


def test_what_is_under_a_share_alike_licence_is_trained_on_where_that_is_asked_for(
    tools: Tools, directory: Path, tmp_path: Path
) -> None:
    lines = [f"1\t저런 고약한 멸치들 {i}\n0\t점심에 멸치국수 먹자 {i}\n" for i in range(40)]
    (directory / "sharealike" / "other.tsv").write_text("".join(lines), "utf-8")
    for name, more in (("own", ()), ("both", ("--sharealike",))):
        tools.run("train", "--data", directory, "--out", tmp_path / name, *more)
    own, both = (load(tmp_path / name / "weights.npz") for name in ("own", "both"))
    text = "고약한 멸치들이네"
    assert both.raw(text) > own.raw(text)
    card = (tmp_path / "both/CARD.md").read_text("utf-8")
    assert "| other | of whoever trained |" in card
    assert "is under CC-BY-SA-4.0 itself" in " ".join(card.split())


def test_the_same_data_makes_the_same_bytes(tools: Tools, directory: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        tools.run("train", "--data", directory, "--out", tmp_path / name, "--seed", 5)
    assert (tmp_path / "a/weights.npz").read_bytes() == (tmp_path / "b/weights.npz").read_bytes()


def test_a_place_that_cannot_be_written_is_named(
    tools: Tools, directory: Path, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file, no directory")
    said = tools.refused("train", "--data", directory, "--out", tmp_path / "taken")
    assert "cannot be written" in said
    assert (tmp_path / "taken").read_text() == "a file, no directory"


def test_files_are_left_out_one_by_one(tools: Tools, directory: Path, tmp_path: Path) -> None:
    tools.run("train", "--data", directory, "--out", tmp_path / "out", "--leave-one-out")
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
def test_a_wrong_file_is_named(tools: Tools, tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "bad.tsv").write_bytes(content)
    for command in ("train", "evaluate"):
        said = tools.refused(command, "--data", tmp_path)
        assert "bad.tsv" in said
        assert words in said


def test_a_wrong_directory_is_named(tools: Tools, tmp_path: Path) -> None:
    assert "There is no directory" in tools.refused("train", "--data", tmp_path / "none")
    assert "no *.tsv files" in tools.refused("evaluate", "--data", tmp_path)


def test_options_that_do_not_fit_are_refused(
    tools: Tools, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["train"])
    assert "--data" in capsys.readouterr().err
    assert "--switch goes with" in tools.refused("train", "--data", directory, "--switch")


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
    with pytest.raises(DataError, match="line 1"):
        data.to_train_on(tmp_path)


def test_measuring_tells_of_every_file_and_says_on_which_rows(
    tools: Tools, directory: Path
) -> None:
    told = tools.run("evaluate", "--data", directory, "--mistakes", 3)
    rows = {line.split()[0] for line in told.splitlines() if " bus " in line}
    assert rows == {"made", "other"}
    assert "training's own among them" in told
    assert "were rejected outright" in told
    assert "Bad, and cleanest to us" in told
    only = tools.run("evaluate", "--data", directory, "--held-back", "--limit", 5)
    assert "rows that training never saw, at most 5 of each file" in only


@pytest.mark.usefixtures("restored")
def test_measuring_without_weights_says_so(tools: Tools, directory: Path) -> None:
    classifier.use(None)
    told = tools.run("evaluate", "--data", directory)
    assert "the rules work alone" in told
    assert "model alone" not in told


def test_a_peer_that_is_not_installed_is_named(
    tools: Tools, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        peers, "PEERS", {"no-such-filter": ("no_such_filter", lambda _module: bool)}
    )
    assert "no-such-filter is not installed: pip install" in tools.run(
        "evaluate", "--data", directory, "--peers"
    )


def test_a_peer_that_is_installed_is_measured(
    tools: Tools, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "PEERS", {"filter-of-json": ("json", lambda _: lambda _: True)})
    told = tools.run("evaluate", "--data", directory, "--peers")
    line = next(line for line in told.splitlines() if "filter-of-json" in line)
    assert line.split()[:4] == ["made", "filter-of-json", "120", "60"]
    # It flags everything: half of that is bad.
    assert line.split()[4:6] == ["50.00", "%"]


def test_a_peer_is_compared_at_no_more_false_positives(
    tools: Tools, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filters: dict[str, Any] = {
        "everything": ("json", lambda _: lambda _: True),
        "nothing": ("json", lambda _: lambda _: False),
        "all-knowing": ("json", lambda _: lambda text: text.startswith(tuple(RUDE))),
    }
    monkeypatch.setattr(peers, "PEERS", filters)
    told = tools.run("evaluate", "--data", directory, "--peers")
    told = told.partition("at no more false positives")[2]
    lines = {line.split()[1]: line for line in told.splitlines() if line.startswith("made")}
    its, allowed, ours = (float(word) for word in lines["everything"].split()[2:7:2])
    assert (its, allowed) == (66.67, 100.0)
    assert ours > its
    assert "nothing" not in lines
    # Whoever knows the answers has no false positives, and then we may have none.
    assert lines["all-knowing"].split()[2:6:2] == ["100.00", "0.00"]
    assert lines["all-knowing"].split()[8] == "0.00"
    assert "Behind: all-knowing on made, all-knowing on other." in told


def test_own_sentences_are_read_in_all_their_readings() -> None:
    assert list(readings("[a|b] or [c|]")) == ["a or", "a or c", "b or", "b or c"]
    assert len(list(readings("[a|b|c|d|e][1|2|3|4|5][x|y|z|v|w]"))) == 60
    rows = own().rows
    assert {row.bad for row in rows} == {True, False}
    assert not any("[" in row.text or "|" in row.text for row in rows)


@pytest.mark.usefixtures("restored")
def test_other_weights_are_measured_where_they_are_named(
    tools: Tools, directory: Path, tmp_path: Path
) -> None:
    tools.run("train", "--data", directory, "--out", tmp_path / "out")
    alone = [
        next(line for line in told.splitlines() if "model alone" in line).split()[:-1]
        for told in (
            tools.run("evaluate", "--data", directory),
            tools.run("evaluate", "--data", directory, "--weights", tmp_path / "out/weights.npz"),
        )
    ]
    assert alone[0] != alone[1]
    said = tools.refused("evaluate", "--data", directory, "--weights", tmp_path / "none.npz")
    assert "none.npz holds no weights" in said


def test_decisions_are_learned_on_top_of_files(
    tools: Tools, directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_labels, "labelled", labelled)
    told = tools.run("train", "--data", directory, "--from-decisions", "--out", tmp_path / "out")
    assert "held-back decisions" in told
    assert "Nothing was switched" in told
    learned = load(tmp_path / "out/draft.npz")
    assert learned.probability("you blorptag number 7") > 0.9
    # From the beginning: what is in no file, and no decision, it does not know.
    assert learned.probability("such a blorptag") > learned.probability("you fucking idiot")
    monkeypatch.setattr(training_labels, "labelled", lambda: [(1, "one")])
    said = tools.refused("train", "--data", directory, "--from-decisions")
    assert "takes 25 of each. Nothing was changed" in said
