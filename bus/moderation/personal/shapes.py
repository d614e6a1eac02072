"""The layout of a number: which signs stand where, whatever the digits are."""

import re
from collections.abc import Iterator
from typing import Final

_SIGNS: Final = str.maketrans(
    {**dict.fromkeys("123456789", "0"), **dict.fromkeys("./ –·−‐‑", "-")},
)
_CODE: Final = str.maketrans(
    {**dict.fromkeys("123456789", "0"), **dict.fromkeys("abcdefghijklmnopqrstuvwxyz", "A")}
)
_HYPHENS: Final = re.compile("-{2,}")
# A hyphen between spaces is no piece.
_PIECE: Final = re.compile(r"(?![-–] )\S+").finditer
# Pieces between spaces that are looked at together.
_MOST: Final = 5


def of_number(number: str) -> str:
    """A number with 0 for any digit and a hyphen for whatever parts its groups."""
    return _HYPHENS.sub("-", number.translate(_SIGNS)).replace(")-", ")")


def of_code(code: str) -> str:
    """A folded code with 0 for any digit and A for any letter."""
    return code.translate(_CODE)


def pieces(text: str, start: int, end: int, fewest: int) -> Iterator[tuple[int, int]]:
    """A range of a text and, where spaces part it, the ranges of its pieces: the longest first.

    None is shorter than `fewest`.
    """
    found = [piece.span() for piece in _PIECE(text, start, end)][:_MOST]
    for size in range(len(found), 0, -1):
        for first in range(len(found) - size + 1):
            begin, stop = found[first][0], found[first + size - 1][1]
            if stop - begin >= fewest:
                yield begin, stop
