"""One spelling of a text: what Unicode writes in several ways, in one."""

from __future__ import annotations

import unicodedata
from typing import Final


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
