"""Terms as the folded text spells them, as an English keyboard types Korean, and from behind."""

from collections.abc import Iterable, Iterator
from typing import Final

from bus.moderation.text.hangul import is_jamo
from bus.moderation.text.normalise import NormalisedText
from bus.moderation.verdict import FOLDED, WRITTEN
from bus.moderation.words.boundaries import clean_left, clean_right
from bus.moderation.words.counting import counts_here
from bus.moderation.words.lexicon import (
    MISSPELT,
    SPAM_PHRASE,
    TOO_MANY,
    UPSIDE_DOWN,
    Lexicon,
    Match,
)
from bus.moderation.words.safe_words import is_safe_word
from bus.moderation.words.terms import Term

# Places in one text.
_MOST: Final = 100


def _disguise(normal: NormalisedText, boundary: str, start: int, end: int) -> str:
    """Initials, or whether the text had to be folded to show the term."""
    if boundary == "run" and is_jamo(normal.folded[start]):
        return "initials"
    if normal.raw is normal.folded:
        return WRITTEN
    first, last = normal.span(start, end)
    return WRITTEN if normal.raw[first:last].lower() == normal.folded[start:end] else FOLDED


def _counts(disguise: str, term: Term, normal: NormalisedText, start: int, end: int) -> bool:
    """Whether a term that is spelt here counts."""
    folded = normal.folded
    if term.exact and not normal.is_unaccented(start, end):
        return False
    if disguise == WRITTEN:
        return counts_here(term, folded, start, end)
    if disguise == MISSPELT:
        return counts_here(term, folded, start, end) and not is_safe_word(folded, start, end)
    if disguise == SPAM_PHRASE or not clean_left(folded, start):
        return False
    if disguise != "keyboard" and not clean_right(folded, end):
        return False
    return not is_safe_word(folded, start, end)


def find(normal: NormalisedText, lexicon: Lexicon) -> Iterable[Match]:
    """Every term that stands in the text by itself."""
    found = lexicon.scan(normal)
    return _standing(found, normal, lexicon) if found else ()


def accented(normal: NormalisedText, lexicon: Lexicon) -> Iterable[Match]:
    """Every term that is another word without its accents, where it is written with them."""
    if normal.written_plainly or lexicon.accents.isdisjoint(normal.raw.lower()):
        return ()
    found = lexicon.accented.find(normal.accented)
    return _accented(found[:_MOST], normal.folded, lexicon) if found else ()


def _accented(found: list[tuple[int, int, int]], folded: str, lexicon: Lexicon) -> Iterator[Match]:
    for pattern, start, end in found:
        for term in lexicon.accented.terms[pattern]:
            if counts_here(term, folded, start, end):
                yield Match(term, start, end, WRITTEN)


def _standing(
    found: list[tuple[int, int, int]], normal: NormalisedText, lexicon: Lexicon
) -> Iterator[Match]:
    """The terms among all that the text spells."""
    folded = normal.folded
    if len(found) > _MOST:
        yield Match(TOO_MANY, found[_MOST][1], len(folded), WRITTEN)
    for pattern, start, end in found[:_MOST]:
        for disguise, term in lexicon.readings[pattern]:
            if _counts(disguise, term, normal, start, end):
                if disguise == WRITTEN:
                    disguise = _disguise(normal, term.boundary, start, end)
                elif disguise == UPSIDE_DOWN:
                    if _disguise(normal, term.boundary, start, end) == WRITTEN:
                        continue
                    disguise = "backwards"
                yield Match(term, start, end, disguise)
