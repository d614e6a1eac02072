"""One spelling of a text: what Unicode writes in several ways, in one."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Final

# Marks in a row that anybody writes; NFC sorts them by inserting each, so it takes the square of
# their number.
_FEW_MARKS: Final = 30


def nfc(text: str) -> str:
    """The text in NFC; quick on every text, however many marks it piles up."""
    if text.isascii() or unicodedata.is_normalized("NFC", text):
        return text
    if len(text) > _FEW_MARKS:
        text = _many_marks().sub(_in_order, text)
    return unicodedata.normalize("NFC", text)


@cache
def _many_marks() -> re.Pattern[str]:
    """Matches more marks in a row than anybody writes."""
    # All there are, and vowels of Tibetan that are made of two.
    marks = "".join(c for c in map(chr, range(0x300, 0x1F000)) if unicodedata.combining(c))
    marks += "\u0f73\u0f75\u0f81"
    return re.compile(f"[{marks}]{{{_FEW_MARKS},}}")


def _in_order(found: re.Match[str]) -> str:
    return "".join(sorted("".join(map(_nfd, found[0])), key=unicodedata.combining))


def _nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def fold(name: str) -> str:
    """NFKC and case fold: all spellings of one name become one, which stays as it is."""
    return _nfkc(_nfkc(_nfkc(name).casefold()).casefold()).translate(_LETTERS)


def _nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


# NFKC turns the letters of Korean that people type (ㅋㅋ) into such as make syllables. Those that
# made none are as they were typed again.
_LETTERS: Final = {
    ord(part): letter
    for letter in map(chr, range(0x3131, 0x318F))
    if len(part := _nfkc(letter)) == 1
}
