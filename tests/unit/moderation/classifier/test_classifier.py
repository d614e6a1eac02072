"""The model: what it answers, what it is made of, and that nothing makes it stumble."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.moderation import POLICIES, classifier
from bus.moderation.classifier.features import _JAMO, BITS, buckets, framed, stream
from bus.moderation.classifier.weights import SIZE, Calibration, Weights, load
from bus.moderation.text.normalise import normalise


@pytest.fixture
def packaged() -> Iterator[None]:
    """Whatever a test takes into use, the packaged weights are back after it."""
    yield
    classifier.use(classifier.PACKAGED)


def made(worth: int = 0) -> Weights:
    """Weights that are all alike."""
    table = np.full(SIZE, worth, np.int8)
    return Weights(table, 0.1, Calibration(1.0, 0.0), Calibration(2.0, -1.0))


def test_weights_come_with_the_package_and_are_small() -> None:
    assert classifier.available()
    for path in classifier.WEIGHTS.values():
        assert path.stat().st_size <= 200_000


def test_abuse_scores_above_kindness() -> None:
    kind = [
        "have a nice day everyone",
        "thanks, that worked",
        "오늘 날씨 정말 좋네요",
        "고마워요 잘 자요",
    ]
    rude = ["you are such a pathetic loser", "fucking idiots, all of you", "저런 쓰레기는 죽어라"]
    assert max(map(classifier.score, kind)) < classifier.THRESHOLDS["strict"]
    assert min(map(classifier.score, rude)) > classifier.THRESHOLDS["standard"]
    assert max(map(classifier.score, kind)) < min(map(classifier.score, rude))


@pytest.mark.parametrize(
    "text",
    [
        "how do i kill a process that hangs?",
        "the child process died and left a zombie",
        "my stupid printer is broken again",
        "개발팀 회의는 세 시에 시작합니다",
    ],
)
def test_talk_that_only_looks_like_abuse_is_let_be(text: str) -> None:
    assert classifier.score(text) < classifier.THRESHOLDS["standard"]


def test_a_disguise_changes_nothing() -> None:
    plain = "you fucking idiot"
    assert (
        classifier.score("y​ou ｆｕｃｋｉｎｇ ιdiоt")
        == classifier.score(plain)
        == classifier.score(plain.upper())
    )


def test_names_and_addresses_say_nothing() -> None:
    one = classifier.score("@mina look at https://example.org/a this")
    assert one == classifier.score("@other.name look at http://bad.example/kill this")


def test_the_normal_form_can_be_given() -> None:
    text = "Ｈello 안녕"
    assert classifier.score_folded(normalise(text).folded) == classifier.score(text)


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=300))
def test_any_text_has_a_score(text: str) -> None:
    assert 0.0 <= classifier.score(text) <= 1.0
    assert classifier.score(text) == classifier.score(text)


@pytest.mark.parametrize(
    "text",
    ["", " ", "\n\t", "\ud800", "a" * 2000, "\u0301" * 2000, "ㅋ" * 2000, "[" * 2000, "\u202e"],
)
def test_odd_texts_have_a_score(text: str) -> None:
    assert 0.0 <= classifier.score(text) <= 1.0


def test_every_policy_has_a_threshold_and_stricter_ones_lower_ones() -> None:
    assert set(classifier.THRESHOLDS) == set(POLICIES)
    at = classifier.THRESHOLDS
    assert at["off"] > 1.0 > at["relaxed"] >= at["standard"] >= at["strict"] > 0.5


def test_korean_is_seen_by_jamo_and_by_syllables() -> None:
    assert stream("안녕 hi") == "ㅇㅏㄴㄴㅕㅇ hi  안녕 "
    assert stream("plain text") == "plain text"


def test_what_is_drawn_out_is_shortened() -> None:
    assert stream("nooooo   waaaay") == "noo waay"
    assert stream("ㅋㅋㅋㅋㅋ") == stream("ㅋㅋ")


def test_buckets_depend_on_nothing_but_the_text() -> None:
    # Weights are worthless once these change: then BITS or the mixers must stay as they were.
    assert buckets(framed("hi"))[0].tolist() == [80571, 45010, 59340, 47802, 43042]
    assert int(buckets(framed("some longer text")).max()) < 1 << BITS


@pytest.mark.usefixtures("packaged")
def test_without_weights_every_score_is_zero() -> None:
    classifier.use(None)
    assert not classifier.available()
    assert classifier.score("you fucking idiot") == 0.0


@pytest.mark.usefixtures("packaged")
def test_other_weights_are_taken(tmp_path: Path) -> None:
    made(worth=127).save(tmp_path / "w.npz")
    classifier.use(tmp_path / "w.npz")
    assert classifier.score("have a nice day") > 0.99


@pytest.mark.usefixtures("packaged")
def test_a_broken_file_is_refused_and_the_weights_stay(tmp_path: Path) -> None:
    before = classifier.score("you fucking idiot")
    path = tmp_path / "w.npz"
    for content in (b"", b"no zip", b"PK\x03\x04 half a zip"):
        path.write_bytes(content)
        with pytest.raises(classifier.WeightsError, match="holds no weights"):
            classifier.use(path)
    with pytest.raises(classifier.WeightsError, match="holds no weights"):
        classifier.use(tmp_path / "missing.npz")
    np.savez_compressed(path, table=np.zeros(8, np.int8), step=1.0, calibration=np.zeros((2, 2)))
    with pytest.raises(classifier.WeightsError, match="another shape"):
        classifier.use(path)
    assert classifier.score("you fucking idiot") == before


def test_saved_weights_are_read_back_and_written_alike(tmp_path: Path) -> None:
    weights = made(worth=3)
    weights.save(tmp_path / "a.npz")
    weights.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    again = load(tmp_path / "a.npz")
    assert again.probability("hello") == weights.probability("hello")
    assert (again.latin, again.korean) == (weights.latin, weights.korean)
    assert again.probability("안녕") != again.probability("hello")


def test_what_is_kept_of_characters_does_not_grow_for_ever() -> None:
    before = len(_JAMO)
    stream("가" + "".join(map(chr, range(0x20000, 0x20400))))
    assert len(_JAMO) <= before + 1
