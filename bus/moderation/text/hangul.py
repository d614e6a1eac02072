"""Hangul as people type it: syllables into jamo, and jamo into the keys of a QWERTY keyboard."""

from functools import lru_cache
from typing import Final

# In the order of Unicode's syllables.
INITIALS: Final = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
VOWELS: Final = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
FINALS: Final = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
# Clusters are two keys each, so they are written as two jamo.
_CLUSTERS: Final = {
    "ㄳ": "ㄱㅅ", "ㄵ": "ㄴㅈ", "ㄶ": "ㄴㅎ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ",
    "ㄽ": "ㄹㅅ", "ㄾ": "ㄹㅌ", "ㄿ": "ㄹㅍ", "ㅀ": "ㄹㅎ", "ㅄ": "ㅂㅅ",
}  # fmt: skip
_TYPED_FINALS: Final = ("", *(_CLUSTERS.get(final, final) for final in FINALS))
# By themselves these three stay as they are: the model learned from texts in which they do.
_SPLIT: Final = {jamo: typed for jamo, typed in _CLUSTERS.items() if jamo not in "ㄽㄾㄿ"}
_KEYS: Final = {
    **dict(
        zip(
            "ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔㅁㄴㅇㄹㅎㅗㅓㅏㅣㅋㅌㅊㅍㅠㅜㅡ",
            "qwertyuiopasdfghjklzxcvbnm",
            strict=True,
        )
    ),
    **dict(zip("ㅃㅉㄸㄲㅆㅒㅖ", "qwertop", strict=True)),
    **dict(zip("ㅘㅙㅚㅝㅞㅟㅢ", ("hk", "ho", "hl", "nj", "np", "nl", "ml"), strict=True)),
}


def is_syllable(char: str) -> bool:
    """Whether this is a composed Hangul syllable."""
    return "가" <= char <= "힣"


def is_jamo(char: str) -> bool:
    """Whether this is a single jamo, as typed when a syllable is left unfinished."""
    return "ㄱ" <= char <= "ㅣ"


def is_hangul(char: str) -> bool:
    """Whether this is a syllable or a jamo."""
    return is_syllable(char) or is_jamo(char)


@lru_cache(maxsize=4096)
def to_jamo(char: str) -> str:
    """The jamo of one character, as keys strike them; other characters as they are."""
    if not is_syllable(char):
        return _SPLIT.get(char, char)
    rest, final = divmod(ord(char) - 0xAC00, 28)
    initial, vowel = divmod(rest, 21)
    return INITIALS[initial] + VOWELS[vowel] + _TYPED_FINALS[final]


def to_keys(text: str) -> str:
    """What these syllables come out as when the keyboard is left in English."""
    return "".join(_KEYS.get(jamo, jamo) for char in text for jamo in to_jamo(char))
