"""Letters that are said again: found by comparing all with their neighbours at once, as one number.

A pattern that refers back to what it found takes five times as long.
"""

from typing import Final

_LONGEST_KEPT: Final = 512
# The low seven bits of so many bytes, and the high bit of each.
_MASKS: Final = [
    (int.from_bytes(b"\x7f" * size, "little"), int.from_bytes(b"\x80" * size, "little"))
    for size in range(_LONGEST_KEPT + 1)
]


def _masks(size: int) -> tuple[int, int]:
    if size <= _LONGEST_KEPT:
        return _MASKS[size]
    return int.from_bytes(b"\x7f" * size, "little"), int.from_bytes(b"\x80" * size, "little")


def single(letters: bytes) -> bytes:
    """ASCII letters, none of them NUL, with repeats as one."""
    size = len(letters)
    low, high = _masks(size)
    number = int.from_bytes(letters, "little")
    # The high bit of each byte that is not the same as the next one.
    last = ((number ^ (number >> 8)) + low) & high
    if last == high:
        return letters
    return (number & (last - (last >> 7))).to_bytes(size, "little").translate(None, b"\0")


def three_alike(text: str) -> bool:
    """Whether there are three of a letter in a row; of other than ASCII, whether there may be."""
    if not text.isascii():
        return True
    size = len(text) - 2
    if size <= 0:
        return False
    low, high = _masks(size)
    number = int.from_bytes(text.encode(), "little")
    # A byte of zero is a letter like the next one; two of them in a row are three letters.
    unlike = number ^ (number >> 8)
    return ((unlike | (unlike >> 8)) + low) & high != high
