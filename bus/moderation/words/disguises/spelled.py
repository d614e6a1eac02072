"""Short words spelled out in single letters: `k-y-s`."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from bus.moderation.text.normalise import NormalisedText
from bus.moderation.words.lexicon import Lexicon, Match
from bus.moderation.words.speech import ENGLISH
from bus.moderation.words.terms import Term

_SPELLED: Final = re.compile(
    r"(?<![a-z0-9@$!])[a-z](?:[^a-z0-9@$!]{1,3}[a-z](?![a-z0-9@$!'])){2,}"
).finditer
# The shape of a text with every separator as the same.
_SEPARATED: Final = bytes.maketrans(b" '", b"..")
# Two letters by themselves, near enough to belong together.
_TWO: Final = re.compile(rb"\.a\.{1,3}a\.").search
# Letters that a word has without its ending.
_SHORTEST: Final = 4
# So severe is a term that is read after an article: `a k y s`.
_SEVERE: Final = 4
_SEPARATORS: Final = re.compile(r"[^a-z]+")


def find(normal: NormalisedText, lexicon: Lexicon) -> Iterable[Match]:
    """Every run of single letters that is a blocked word as a whole."""
    shape = normal.shape.translate(_SEPARATED)
    if b".a." in shape and _TWO(shape):
        return _read(normal, lexicon)
    return ()


def _term(word: str, lexicon: Lexicon) -> Term | None:
    """The term that was spelled out, with an ending or after an article too."""
    if term := lexicon.spelled.get(word):
        return term
    for ending in ENGLISH["ending"]:
        term = lexicon.spelled.get(word.removesuffix(ending))
        if term and len(term.text) >= _SHORTEST and term.inflected:
            return term
    term = lexicon.spelled.get(word[1:]) if word[0] == "a" else None
    return term if term and term.severity >= _SEVERE else None


def _calls_a_function(run: str) -> bool:
    """Whether brackets and commas stand between the letters as in `f(u, k)`."""
    return "(" in run and "," in run


def _read(normal: NormalisedText, lexicon: Lexicon) -> Iterator[Match]:
    """The runs of a text that may have some."""
    for run in _SPELLED(normal.folded):
        if _calls_a_function(run[0]):
            continue
        if term := _term(_SEPARATORS.sub("", run[0]), lexicon):
            yield Match(term, run.start(), run.end(), "collapsed")
