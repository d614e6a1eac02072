"""Letters of India's scripts: the signs of vowels as the letters that they are the signs of.

Unicode takes them for marks, but a word without them is another one: लड़का is a boy, लंड is not.
"""

import unicodedata
from typing import Final

# Devanagari, Bengali, Gurmukhi, Gujarati, Oriya, Tamil, Telugu, Kannada, Malayalam.
_SCRIPTS: Final = range(0x900, 0xD80)
# The marks of these and of Arabic letters, for a class of a pattern: words have them inside.
MARKS: Final = "\u064b-\u0655\u0670" + "".join(
    char for char in map(chr, _SCRIPTS) if unicodedata.category(char) in ("Mn", "Mc")
)
# A vowel is long or short as people please: चूत, चुत. So is one that is said through the nose.
_SHORT: Final = {"II": "I", "UU": "U"}
_NASAL: Final = ("SIGN CANDRABINDU", "SIGN ANUSVARA", "SIGN BINDI", "TIPPI")
_SILENT: Final = ("SIGN VIRAMA", "SIGN NUKTA", "SIGN VISARGA")


def indic_letter(char: str) -> str | None:
    """What a letter or sign of these scripts is read as, empty for nothing; None for any other."""
    if ord(char) not in _SCRIPTS:
        return None
    script, _, sign = unicodedata.name(char, "").partition(" ")
    if sign in _NASAL:
        return _named(f"{script} LETTER NGA", char)
    if sign in _SILENT:
        return ""
    kind, _, vowel = sign.rpartition(" ")
    if kind in ("VOWEL SIGN", "LETTER") and (kind == "VOWEL SIGN" or vowel in _SHORT):
        return _named(f"{script} LETTER {_SHORT.get(vowel, vowel)}", char)
    return None


def _named(name: str, otherwise: str) -> str:
    try:
        return unicodedata.lookup(name)
    except KeyError:
        return otherwise
