"""Terms as the folded text spells them, and Korean typed on a keyboard left in English."""

from collections.abc import Iterator

from ..edges import clean_left, stands
from ..lexicon import Lexicon, Match
from ..normalise import Normal


def _view(normal: Normal, edges: str, start: int, end: int) -> str:
    """Initials, or whether the text had to be folded to show the term."""
    if edges == "run":
        return "initials"
    if normal.raw is normal.folded:
        return "text"
    first, last = normal.span(start, end)
    return "text" if normal.raw[first:last].lower() == normal.folded[start:end] else "folded"


def find(normal: Normal, lexicon: Lexicon) -> Iterator[Match]:
    """Every term that stands in the text by itself."""
    folded = normal.folded
    for pattern, start, end in lexicon.plain.find(folded):
        for term in lexicon.plain.terms[pattern]:
            if stands(term, folded, start, end):
                yield Match(term, start, end, _view(normal, term.edges, start, end))
    for pattern, start, end in lexicon.keyboard.find(folded):
        if clean_left(folded, start):
            yield Match(lexicon.keyboard.terms[pattern][0], start, end, "keyboard")
