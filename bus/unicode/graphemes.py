"""What is seen as one character: counted as one, and starred out whole."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

# Code points that one character may be made of before each counts as another: flags of regions and
# families have up to 11, letters piled with marks any number.
_OF_ONE: Final = 16
# Most code points for each character that is allowed, over the whole text.
MOST: Final = 8
_KINDS_KEPT: Final = 20_000
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


def fitting(text: str, limit: int) -> int:
    """How much of a text fits into a limit of characters as people see them, in code points."""
    if len(text) <= limit:
        return len(text)
    if text.isascii() and "\r" not in text:
        return limit
    most = min(len(text), MOST * limit)
    count = 0
    for found in _CLUSTERS(text[:most].translate(_KINDS)):
        count += 1 + max(0, found.end() - found.start() - _OF_ONE)
        if count > limit:
            return found.start()
    return most


class _Kinds(dict[int, str]):
    """For each character a letter for how it joins its neighbours, found out once."""

    def __missing__(self, code: int) -> str:
        kind = _kind(chr(code))
        if len(self) < _KINDS_KEPT:
            self[code] = kind
        return kind


def _kind(char: str) -> str:
    if char in "\r\n":
        return "r" if char == "\r" else "n"
    if char.isascii():
        return "a"
    if char in _LINKERS or char == _JOINER:
        return "Z" if char == _JOINER else "K"
    if _extends(char):
        return "E"
    if char in _PREPENDED or _flag_letter(char):
        return "P" if char in _PREPENDED else "F"
    other = "O" if unicodedata.category(char) == "Lo" else "a" if char.isalpha() else "X"
    return _hangul(char) or other


_KINDS: Final = _Kinds()
# One grapheme after the other, by their kinds, in one pass; as `_joined` finds them, nearly.
_CLUSTERS: Final = re.compile(
    r"P*+(?:rn|FF?|L*+(?:V++|GV*+|H)T*+|L++|T++|[^P])(?:[EZ]|K[EKZ]*+O?|(?<=Z)X)*+|P++"
).finditer


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
