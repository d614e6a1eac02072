"""Stars cover whole graphemes: by a list, and by the grammar of UAX #29."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.moderation.graphemes import star

# One character, or two, of each class of UAX #29, under a letter for the class.
CLASSES = {
    "\r": "r", "\n": "n", "\u200b": "C", "x": "A", " ": "A", "\u200c": "E", "\u0301": "E",
    "\uff9e": "E", "\U0001f3fb": "E", "\u094d": "K", "\u200d": "Z", "\u0e33": "S", "\u0903": "S",
    "\u0600": "P", "\u1100": "L", "\ua960": "L", "\u1160": "V", "\ud7b0": "V", "\u11a8": "T",
    "\ud7cb": "T", "가": "G", "각": "H", "🇫": "R", "🇺": "R", "👩": "X", "❤": "X",
    "क": "I", "ष": "I",
}  # fmt: skip
CORE = r"(?:L*(?:V+|GV*|H)T*|L+|T+|RR?|X(?:[EK]*ZX)*|I(?:[EKZ]*K[EKZ]*I)+|[^Crn])"
CLUSTERS = re.compile(rf"rn|[Crn]|P*{CORE}[EKZS]*|P+[EKZS]*").finditer


def boundaries(text: str) -> set[int]:
    """Where the grammar lets a text be cut."""
    kinds = "".join(CLASSES[char] for char in text)
    return {0} | {cluster.end() for cluster in CLUSTERS(kinds)}


@pytest.mark.parametrize(
    "grapheme",
    [
        *("k\u200c", "x\u0e33", "x\u0eb3", "ｶﾞ", "ﾊ\uff9f", "क्ष", "क्\u200dष", "ক্ষ", "\u1100가"),
        *("\u1100\u1161\u11a8", "가\ud7cb", "각\u11a8", "\ua960\u1161", "\u0600x", "e\u0301"),
        *("\r\n", "👩\u200d💻", "🇰🇷", "👍🏽", "❤\ufe0f\u200d🔥", "កា", "1\ufe0f\u20e3"),
    ],
)
def test_a_grapheme_is_starred_whole(grapheme: str) -> None:
    text = f"a{grapheme} ok"
    stars = "*" * len(grapheme)
    for at in range(1, len(grapheme) + 1):
        assert star(text, [(at, at + 1)]) == f"a{stars} ok"


@pytest.mark.parametrize("text", ["xy", "x가", "가나", "각가", "🇰🇷🇺🇸", "कष", "x\u200b", "x\u200dy"])
def test_and_no_more_than_that(text: str) -> None:
    assert star(text, [(0, 1)])[-1] == text[-1]


@given(
    st.lists(st.sampled_from(sorted(CLASSES)), min_size=1, max_size=12).map("".join),
    st.lists(st.tuples(st.integers(0, 11), st.integers(1, 12)), max_size=3),
)
def test_no_stars_begin_or_end_inside_a_grapheme(text: str, ranges: list[tuple[int, int]]) -> None:
    wanted = [(start, min(end, len(text))) for start, end in ranges if start < min(end, len(text))]
    starred = star(text, wanted)
    assert len(starred) == len(text)
    assert all(set(starred[start:end]) == {"*"} for start, end in wanted)
    edges = {run.start() for run in re.finditer(r"\*+", starred)}
    edges |= {run.end() for run in re.finditer(r"\*+", starred)}
    assert edges <= boundaries(text)
