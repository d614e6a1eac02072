"""Terms as the folded text spells them, as an English keyboard types Korean, and from behind."""

from collections.abc import Iterable, Iterator
from typing import Final

from bus.moderation.text.normalise import Normal
from bus.moderation.words.boundaries import clean_left, clean_right
from bus.moderation.words.counting import counts_here
from bus.moderation.words.lexicon import CROWD, CUE, MISSPELT, TURNED, Lexicon, Match
from bus.moderation.words.safe_words import innocent
from bus.moderation.words.terms import Term

# Places in one text.
_MOST: Final = 100


def _view(normal: Normal, boundary: str, start: int, end: int) -> str:
    """Initials, or whether the text had to be folded to show the term."""
    if boundary == "run":
        return "initials"
    if normal.raw is normal.folded:
        return "text"
    first, last = normal.span(start, end)
    return "text" if normal.raw[first:last].lower() == normal.folded[start:end] else "folded"


def _counts(view: str, term: Term, folded: str, start: int, end: int) -> bool:
    """Whether a term that is spelt here counts."""
    if view == "text":
        return counts_here(term, folded, start, end)
    if view == MISSPELT:
        return counts_here(term, folded, start, end) and not innocent(folded, start, end)
    if view == CUE or not clean_left(folded, start):
        return False
    if view != "keyboard" and not clean_right(folded, end):
        return False
    return not innocent(folded, start, end)


def find(normal: Normal, lexicon: Lexicon) -> Iterable[Match]:
    """Every term that stands in the text by itself."""
    found = lexicon.scan(normal)
    return _standing(found, normal, lexicon) if found else ()


def _standing(
    found: list[tuple[int, int, int]], normal: Normal, lexicon: Lexicon
) -> Iterator[Match]:
    """The terms among all that the text spells."""
    folded = normal.folded
    if len(found) > _MOST:
        yield Match(CROWD, found[_MOST][1], len(folded), "text")
    for pattern, start, end in found[:_MOST]:
        for view, term in lexicon.readings[pattern]:
            if _counts(view, term, folded, start, end):
                if view == "text":
                    view = _view(normal, term.boundary, start, end)
                elif view == TURNED:
                    if _view(normal, term.boundary, start, end) == "text":
                        continue
                    view = "backwards"
                yield Match(term, start, end, view)
