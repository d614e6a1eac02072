"""The best-known words as they are misspelt so that everyone still reads them: `fxck`, `siht`."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from bus.moderation.words.terms import Term

# The words that are recognised whatever is done to them.
KNOWN: Final = frozenset((
    "fuck", "shit", "bitch", "asshole", "cunt", "nigger", "nigga", "faggot", "retard", "whore",
    "slut", "pussy", "dick", "cock", "bastard", "twat", "wanker", "dickhead", "bullshit",
    "dumbass", "jackass",
))  # fmt: skip
_VOWELS: Final = "aeiou"
# Letters of the shortest word that is read without its vowels.
_SHORTEST: Final = 4
# What is written for what, so that it sounds the same.
_SOUNDS: Final = (("ss", "sz"), ("ss", "zz"), ("ck", "kk"), ("u", "oo"), ("er", "ur"), ("i", "ee"))
# Ways that lead to other words.
_OTHERS: Final = frozenset((
    "whre", "puzzy", "sloot", "sult", "sheet", "pusys", "puss", "coont", "beetch", "deeck",
    "cokk", "dikk", "dikc", "rteard", "baastard",
))  # fmt: skip


def misspelt(terms: list[Term]) -> Iterator[tuple[str, Term]]:
    """The misspellings of the best-known among some terms; none is a term itself."""
    taken = {term.text for term in terms} | _OTHERS
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
    found |= {word.replace(letters, same) for letters, same in _SOUNDS}
    return {spelling for spelling in found if len(spelling) >= _SHORTEST} - {word}
