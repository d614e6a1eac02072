"""Training on a few made-up rows: what is learned, what is held back, what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from bus.moderation.classifier.weights import SIZE, Calibration, Weights
from bus.moderation.training.calibrate import as_careful
from bus.moderation.training.rows import Row, Source
from bus.moderation.training.train import Recipe, TrainingError, fit

GOOD = ("apple", "bread", "candle", "door", "evening")
BAD = ("grumble", "snarl", "hiss", "growl", "spit")


# So few rows take many small steps.
SLOW = Recipe(epochs=10, batch=16)


def rows(count: int = 200) -> list[Row]:
    """Texts of pleasant words, and of others."""
    texts = []
    for i in range(count):
        words = BAD if i % 2 else GOOD
        text = f"{words[i % 5]} {words[i // 5 % 5]} number {i}"
        texts.append(Row(i % 2 == 1, text))
    return texts


def test_it_learns_what_makes_the_difference() -> None:
    weights = fit([Source("made", rows())], SLOW)
    assert weights.probability("growl and hiss") > 0.8 > 0.2 > weights.probability("bread and door")


def test_the_same_seed_makes_the_same_weights() -> None:
    one, two = (fit([Source("made", rows())], replace(SLOW, seed=7)) for _ in range(2))
    other = fit([Source("made", rows())], replace(SLOW, seed=8))
    assert np.array_equal(one.table, two.table)
    assert (one.step, one.latin, one.korean) == (two.step, two.latin, two.korean)
    assert not np.array_equal(one.table, other.table)


def test_weights_are_made_as_careful_as_others_with_korean() -> None:
    clean = [f"오늘 점심은 {word} 국수" for word in ("잔치", "비빔", "멸치", "냉", "칼", "막")]
    clean += ["a bowl of noodles"] * 3
    table = np.random.default_rng(1).integers(-9, 10, SIZE, np.int8)
    made = Weights(table, 0.1, Calibration(1.0, 0.0), Calibration(2.0, -1.0))
    likely = made.probabilities(clean[:6])
    threshold = 0.5
    # Others flag the half of them that look the most like abuse.
    middle = sorted(map(made.raw, clean[:6]))[2:4]
    strict = replace(made, korean=Calibration(9.0, -9.0 * sum(middle) / 2))
    assert sum(p >= threshold for p in strict.probabilities(clean[:6])) == 3
    careful = as_careful(made, strict, clean, threshold)
    assert sum(p >= threshold for p in careful.probabilities(clean[:6])) == 3
    assert careful.korean.slope == made.korean.slope
    assert careful.latin == made.latin
    assert careful.probabilities(clean[:6]) != likely


def test_rows_that_are_held_back_are_not_learned_from() -> None:
    made = rows()
    kept = [row for row in made if row.held_back]
    assert 5 < len(kept) < 50
    # A lie about every one of them changes nothing but the calibration.
    lies = [Row(row.bad != row.held_back, row.text) for row in made]
    assert np.array_equal(
        fit([Source("made", made)], SLOW).table, fit([Source("made", lies)], SLOW).table
    )


def test_pieces_of_a_text_are_held_back_together() -> None:
    whole = next(row.text for row in rows() if row.held_back)
    assert Row(True, "a piece", whole).held_back
    assert Row(False, "another piece", whole).held_back


def test_how_much_of_a_source_is_bad_is_no_word_of_its_rows() -> None:
    one = Source(
        "mostly bad", [Row(i % 10 > 0, f"forum post {i} {BAD[i % 5]}") for i in range(200)]
    )
    two = Source(
        "mostly clean", [Row(i % 10 == 0, f"chat line {i} {GOOD[i % 5]}") for i in range(200)]
    )
    weights = fit([one, two], SLOW)
    apart = weights.raw("forum post") - weights.raw("chat line")
    alone = fit([Source("both", [*one.rows, *two.rows])], SLOW)
    assert abs(apart) < alone.raw("forum post") - alone.raw("chat line")


def test_with_a_start_the_rest_is_kept() -> None:
    start = fit([Source("made", rows())], SLOW)
    more = [Row(i % 2 == 0, f"{'zzyzx' if i % 2 == 0 else 'quibble'} {i}") for i in range(100)]
    moved = fit([Source("more", more)], Recipe(epochs=10, batch=16, rate=0.01), start=start)
    assert moved.probability("zzyzx") > start.probability("zzyzx")
    assert moved.probability("growl and hiss") > 0.8
    assert (moved.latin, moved.korean) == (start.latin, start.korean)


@pytest.mark.parametrize("made", [[], [Row(True, "only this"), Row(True, "kind of text")]])
def test_rows_of_one_label_are_refused(made: list[Row]) -> None:
    with pytest.raises(TrainingError, match="both labels"):
        fit([Source("made", made)])


def test_progress_is_told() -> None:
    lines: list[str] = []
    fit([Source("made", rows())], Recipe(epochs=2), progress=lines.append)
    assert "rows" in lines[0]
    assert [line.split(":")[0] for line in lines[1:]] == ["epoch 1 of 2", "epoch 2 of 2"]
