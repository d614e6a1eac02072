"""Letters that are said again."""

import random
from itertools import groupby

import pytest

from bus.moderation.text.repeated_letters import single, three_alike


@pytest.mark.parametrize("size", [0, 1, 2, 3, 20, 511, 512, 513, 1500])
def test_the_same_as_one_letter_after_the_other(size: int) -> None:
    chance = random.Random(size)
    for _ in range(50):
        text = "".join(chance.choice("abz") for _ in range(size))
        runs = [(letter, len(list(same))) for letter, same in groupby(text)]
        assert single(text.encode()).decode() == "".join(letter for letter, _ in runs)
        assert three_alike(text) == any(count > 2 for _, count in runs)


def test_of_other_letters_three_may_be_alike() -> None:
    assert three_alike("ㅋㅋㅋ")
    assert not three_alike("aabb")
