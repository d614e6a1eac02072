"""The best-known words as they are misspelt so that everyone still reads them: `fxck`, `siht`."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from bus.moderation.list_file import by_kind
from bus.moderation.words.terms import LISTS, Term

MISSPELLINGS: Final = by_kind(
    LISTS / "misspellings.txt",
    ("known", "sound", "other-word", "starred", "cut", "backwards", "numbered"),
)
# The words that are recognised whatever is done to them.
KNOWN: Final = frozenset(MISSPELLINGS["known"])
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
