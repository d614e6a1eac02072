"""Starring out parts of a text without cutting what is seen as one character."""

import unicodedata
from collections.abc import Iterable
from typing import Final

_JOINER: Final = "\u200d"


def _extends(char: str) -> bool:
    """Whether a character belongs to the one before it."""
    if char.isascii():
        return False
    return (
        unicodedata.category(char) in ("Mn", "Me", "Mc")
        or char == _JOINER
        or "\U0001f3fb" <= char <= "\U0001f3ff"  # skin tones
        or "\U000e0020" <= char <= "\U000e007f"  # flags of regions
        or "\u1160" <= char <= "\u11ff"  # vowels and finals of decomposed Hangul
    )


def _flag_letter(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _joined(text: str, at: int) -> bool:
    """Whether a cut at this offset would split a grapheme."""
    if _extends(text[at]) or text[at - 1] == _JOINER or text[at - 1 : at + 1] == "\r\n":
        return True
    if not (_flag_letter(text[at]) and _flag_letter(text[at - 1])):
        return False
    first = at - 1
    while first and _flag_letter(text[first - 1]):
        first -= 1
    return (at - first) % 2 == 1


def star(text: str, ranges: Iterable[tuple[int, int]]) -> str:
    """The text with `*` over the ranges, each widened to whole graphemes; the length stays."""
    chars = list(text)
    size = len(text)
    done = 0
    for start, end in sorted(ranges):
        start, end = max(start, done), max(end, done)
        if start >= end:
            continue
        while done < start and start and _joined(text, start):
            start -= 1
        while end < size and _joined(text, end):
            end += 1
        chars[start:end] = "*" * (end - start)
        done = end
    return "".join(chars)
