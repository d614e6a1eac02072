"""Starring out parts of a text without cutting what is seen as one character."""

import unicodedata
from collections.abc import Iterable
from typing import Final

_JOINER: Final = "\u200d"
# What joins the character before it by UAX #29 and is no mark by its category: the non-joiner, Thai
# and Lao AM, the halfwidth voiced marks.
_EXTENDING: Final = frozenset("\u200c\u0e33\u0eb3\uff9e\uff9f")
# What joins the character after it: signs of Arabic numbers, and Indic prefixes.
_PREPENDED: Final = frozenset(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\U000110bd\U000110cd"
    "\U000111c2\U000111c3\U000113d1\U0001193f\U00011941\U00011a3a\U00011a84\U00011a85\U00011a86"
    "\U00011a87\U00011a88\U00011a89\U00011d46\U00011f02"
)
# What makes one sign of the consonants on both its sides.
_LINKERS: Final = frozenset(
    "\u094d\u09cd\u0acd\u0b4d\u0c4d\u0d4d\u1039\u17d2\u1a60\u1b44\u1bab\ua9c0\uaaf6\U00010a3f"
    "\U00011133\U000113d0\U0001193e\U00011a47\U00011a99\U00011f42"
)
# Which kinds of Hangul make one syllable: initial, vowel, final, syllable without final, with one.
_SYLLABLES: Final = frozenset(("LL", "LV", "LG", "LH", "VV", "VT", "GV", "GT", "TT", "HT"))


def _extends(char: str) -> bool:
    """Whether a character belongs to the one before it, whatever that is."""
    if char.isascii():
        return False
    return (
        unicodedata.category(char) in ("Mn", "Me", "Mc")
        or char == _JOINER
        or char in _EXTENDING
        or "\U0001f3fb" <= char <= "\U0001f3ff"  # skin tones
        or "\U000e0020" <= char <= "\U000e007f"  # flags of regions
    )


def _hangul(char: str) -> str:
    """The kind of a Hangul letter or syllable; empty for anything else."""
    if "\u1100" <= char <= "\u115f" or "\ua960" <= char <= "\ua97c":
        return "L"
    if "\u1160" <= char <= "\u11a7" or "\ud7b0" <= char <= "\ud7c6":
        return "V"
    if "\u11a8" <= char <= "\u11ff" or "\ud7cb" <= char <= "\ud7fb":
        return "T"
    if "가" <= char <= "힣":
        return "H" if (ord(char) - 0xAC00) % 28 else "G"
    return ""


def _flag_letter(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _linked(text: str, at: int) -> bool:
    """Whether a letter makes one sign with the consonant before it."""
    if unicodedata.category(text[at]) != "Lo":
        return False
    before = at
    while before and _extends(text[before - 1]):
        before -= 1
    return not _LINKERS.isdisjoint(text[before:at])


def _joined(text: str, at: int) -> bool:
    """Whether a cut at this offset would split a grapheme."""
    before, char = text[at - 1], text[at]
    if before in _PREPENDED or (before == "\r" and char == "\n"):
        return True
    if char.isascii():
        return False
    if _extends(char) or _hangul(before) + _hangul(char) in _SYLLABLES or _linked(text, at):
        return True
    if before == _JOINER:
        return not char.isalpha()
    if not (_flag_letter(char) and _flag_letter(before)):
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
