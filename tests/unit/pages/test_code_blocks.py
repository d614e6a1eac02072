"""Blocks of code in a message: the same table of cases as for the browser's own splitting."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bus.pages.code_blocks import blocks

CASES = json.loads((Path(__file__).parents[1] / "static" / "blocks.json").read_text("utf-8"))


@pytest.mark.parametrize(("text", "parts"), CASES)
def test_what_is_code_and_what_is_text(text: str, parts: list[list[str]]) -> None:
    found = [["code" if block.code else "text", block.text] for block in blocks(text)]
    assert found == parts


def shorter_and_shorter(size: int) -> str:
    return " ".join("`" * length for length in range(int((size * 2) ** 0.5), 2, -1))


@pytest.mark.parametrize(
    "make",
    [
        lambda size: "``` " * (size // 4),
        lambda size: "`" * size,
        shorter_and_shorter,
        lambda size: "```\n" + "\n" * size,
        lambda size: "```" + " \n" * (size // 2) + "x```",
        lambda size: "```" + "\n " * (size // 2) + "x```",
    ],
)
def test_a_long_text_takes_time_in_proportion(make: Callable[[int], str]) -> None:
    def shortest(text: str) -> float:
        times = []
        for _ in range(5):
            began = time.perf_counter()
            blocks(text)
            times.append(time.perf_counter() - began)
        return min(times)

    short, long = shortest(make(50_000)), shortest(make(800_000))
    # 16 times the text; the square would be 256 times.
    assert long < 160 * max(short, 0.0002)
