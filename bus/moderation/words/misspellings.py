"""The best-known words as they are misspelt so that everyone still reads them: `fxck`, `쉬뱔`."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from bus.moderation.list_file import by_kind
from bus.moderation.text.hangul import INITIALS, VOWELS, is_syllable
from bus.moderation.words.terms import LISTS, Term

MISSPELLINGS: Final = by_kind(
    LISTS / "misspellings.txt",
    (
        *("known", "sound", "other-word", "starred", "cut", "backwards", "numbered"),
        *("duck", "known-korean", "vowel", "consonant", "other-korean"),
    ),
)
# The words that are recognised whatever is done to them.
KNOWN: Final = frozenset(MISSPELLINGS["known"])
_KNOWN_KOREAN: Final = frozenset(MISSPELLINGS["known-korean"])
_VOWELS: Final = "aeiou"
# Letters of the shortest word that is read without its vowels.
_SHORTEST: Final = 4


def misspelt(terms: list[Term]) -> Iterator[tuple[str, Term]]:
    """The misspellings of the best-known among some terms; none is a term itself."""
    taken = {term.text for term in terms} | {*MISSPELLINGS["other-word"]}
    for term in terms:
        if term.text in KNOWN:
            whole = replace(term, boundary="stem", addressing="always", exceptions=())
            for spelling in sorted(_ways(term.text) - taken):
                yield spelling, whole


def misspelt_korean(terms: list[Term]) -> Iterator[tuple[str, Term]]:
    """The same for Korean: other vowels and doubled consonants in any of its syllables."""
    taken = {term.text for term in terms} | {*MISSPELLINGS["other-korean"]}
    for term in terms:
        if term.text in _KNOWN_KOREAN:
            opens = replace(term, boundary="prefix", addressing="always", exceptions=())
            ways = map("".join, itertools.product(*map(_alike, term.text)))
            for spelling in sorted(set(ways) - taken):
                yield spelling, opens


def _alike(syllable: str) -> set[str]:
    """A syllable, and those that sound nearly the same."""
    if not is_syllable(syllable):
        return {syllable}
    rest, final = divmod(ord(syllable) - 0xAC00, 28)
    initial, vowel = divmod(rest, 21)
    initials = _choices("consonant", INITIALS[initial])
    vowels = _choices("vowel", VOWELS[vowel])
    return {
        chr(0xAC00 + (INITIALS.index(one) * 21 + VOWELS.index(other)) * 28 + final)
        for one in initials
        for other in vowels
    }


def _choices(kind: str, jamo: str) -> str:
    """A jamo, and what is written for it."""
    return next((group for group in MISSPELLINGS[kind] if group[0] == jamo), jamo)


def _ways(word: str) -> set[str]:
    """All misspellings of a word."""
    vowels = [at for at, letter in enumerate(word) if at and letter in _VOWELS]
    found = {word[:at] + "x" + word[at + 1 :] for at in vowels[:1]}
    found |= {word[:at] + word[at + 1 :] for at in vowels[:1]}
    found.add(word[0] + "".join(letter for letter in word[1:] if letter not in _VOWELS))
    found |= {
        word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(1, len(word) - 1)
    }
    for sound in MISSPELLINGS["sound"]:
        letters, _, same = sound.partition(">")
        found.add(word.replace(letters, same))
    return {spelling for spelling in found if len(spelling) >= _SHORTEST} - {word}
