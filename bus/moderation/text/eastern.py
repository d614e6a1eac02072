"""Japanese and Chinese letters: which script each is of, and one form of those with several."""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from bus.moderation.list_file import lines

HIRAGANA: Final = "\u3041-\u3096\u309d\u309e"
KATAKANA: Final = "\u30a1-\u30fa\u30fd\u30fe"
IDEOGRAPHS: Final = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff"
# Draws out the vowel before it.
LONG: Final = "ー"
_FIRST_KATAKANA: Final = 0x30A1
_BETWEEN_KANA: Final = 0x60
_LAST_TWIN: Final = 0x3096
# Katakana of the same sounds as hiragana, and back.
_TO_KATAKANA: Final = {
    code: code + _BETWEEN_KANA for code in range(_FIRST_KATAKANA - _BETWEEN_KANA, _LAST_TWIN + 1)
}
_TO_HIRAGANA: Final = {katakana: hiragana for hiragana, katakana in _TO_KATAKANA.items()}
_LIST: Final = Path(__file__).with_name("ideographs.txt")

_is_ideograph: Final = re.compile(f"[{IDEOGRAPHS}]").match
any_eastern: Final = re.compile(f"[{HIRAGANA}{KATAKANA}{IDEOGRAPHS}]").search
# What makes か into が and は into ぱ, where it stands by itself.
any_voice_mark: Final = re.compile("[\u3099\u309a]").search


def script(char: str) -> str:
    """`hiragana`, `katakana` or `ideograph`; empty for any other character."""
    if char < "\u3005":
        return ""
    if "\u3041" <= char <= "\u309e":
        return "hiragana"
    if "\u30a1" <= char <= "\u30fe":
        return "katakana"
    return "ideograph" if _is_ideograph(char) else ""


def to_katakana(text: str) -> str:
    """Hiragana as katakana, all else as it is."""
    return text.translate(_TO_KATAKANA)


def to_hiragana(text: str) -> str:
    """Katakana as hiragana, all else as it is."""
    return text.translate(_TO_HIRAGANA)


def eastern_form(text: str) -> str:
    """The letters that a text has whichever kana it is written in, and however drawn out."""
    return to_hiragana(text).replace(LONG, "")


def voiced(folded: str, starts: Iterable[int]) -> tuple[str, tuple[list[int], list[int]]]:
    """Put voice marks and the kana before them together, as half-width katakana need it.

    `starts` has the written place of each character; returns the text, and where each of its
    characters starts and ends. A mark that no letter takes is left out.
    """
    letters: list[str] = []
    first: list[int] = []
    ends: list[int] = []
    for letter, start in zip(folded, starts, strict=True):
        if not any_voice_mark(letter):
            letters.append(letter)
            first.append(start)
            ends.append(start + 1)
        elif letters:
            joined = unicodedata.normalize("NFC", letters[-1] + letter)
            letters[-1] = joined if len(joined) == 1 else letters[-1]
            ends[-1] = start + 1
    return "".join(letters), (first, ends)


@cache
def simplified() -> dict[int, str]:
    """Traditional Chinese letters to simplified ones, of those that the lists need."""
    return {ord(pair[0]): pair[1] for line in lines(_LIST, 1, 1) for pair in line.items(0, " ")}
