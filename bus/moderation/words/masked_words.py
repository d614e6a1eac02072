"""The words that `f**k` is read among, by their length and letters."""

from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bus.moderation.words.speech import endings
from bus.moderation.words.terms import Term

# Letters of a word that shows under a disguise: shorter ones turn up by chance.
SHORTEST_JOINED: Final = 4
# A milder word is read under a disguise when so many letters tell it from others.
SHORTEST_MILD: Final = 5
# Words that a starred one may be, the likeliest first.
_LOOKED_AT: Final = 16


class SameLength(NamedTuple):
    """Words of one length, the likeliest first, and which of them have which letter where.

    A room may have 10,000 words of one length: by bits a token is read in 1 µs, and in 1.5 ms where
    each word is looked at; a text has hundreds of tokens.
    """

    terms: tuple[Term, ...]
    # A bit for each word under the place and the letter.
    having: dict[tuple[int, str], int]

    def fitting(self, token: str) -> list[Term]:
        """The words that show the letters of a token with stars for the others.

        The likeliest first, and of those of the same languages that one alone.
        """
        fitting = (1 << len(self.terms)) - 1
        for place, shown in enumerate(token):
            if shown != "*":
                fitting &= self.having.get((place, shown), 0)
        found: dict[frozenset[str], Term] = {}
        looked_at = 0
        while fitting and looked_at < _LOOKED_AT:
            lowest = fitting & -fitting
            term = self.terms[lowest.bit_length() - 1]
            found.setdefault(term.languages, term)
            fitting -= lowest
            looked_at += 1
        return list(found.values())


def starred_words(terms: list[Term]) -> dict[str, Term]:
    """The words that `f**k` is read among, the likeliest first."""
    among = [
        (term, ("", *endings(term.languages)) if term.inflected else ("",))
        for term in terms
        if term.text.isalpha()
        and term.boundary != "root"
        and len(term.text) >= (SHORTEST_JOINED if term.severity >= 3 else SHORTEST_MILD)
        and term.severity >= 2
    ]
    found: dict[str, Term] = {}
    for number in range(max((len(suffixes) for _, suffixes in among), default=0)):
        for term, suffixes in among:
            if number < len(suffixes):
                add(found, term.text + suffixes[number], term)
    return found


def add(terms: dict[str, Term], word: str, term: Term) -> None:
    """Add the term of a word, or to the one that is there the languages of this one."""
    there = terms.setdefault(word, term)
    if there.languages and there.languages != term.languages:
        both = there.languages | term.languages if term.languages else term.languages
        terms[word] = replace(there, languages=both)


def by_length(words: dict[str, Term]) -> dict[int, SameLength]:
    """The words by length."""
    lengths: dict[int, list[str]] = {}
    for word in words:
        lengths.setdefault(len(word), []).append(word)
    found: dict[int, SameLength] = {}
    for length, same in lengths.items():
        letters = np.frombuffer("".join(same).encode("utf-32-le"), "<u4").reshape(-1, length)
        having = {
            (place, chr(code)): _bits(column == code)
            for place, column in enumerate(np.ascontiguousarray(letters.T))
            for code in set(column.tolist())
        }
        found[length] = SameLength(tuple(words[word] for word in same), having)
    return found


def _bits(which: NDArray[np.bool_]) -> int:
    """A number with a bit for each that is so, the lowest for the first."""
    return int.from_bytes(np.packbits(which, bitorder="little").tobytes(), "little")
