"""Short words spelled out in single letters: `k-y-s`."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from ..lexicon import Lexicon, Match
from ..normalise import Normal

_SPELLED: Final = re.compile(
    r"(?<![a-z0-9@$!])[a-z](?:[^a-z0-9@$!]{1,3}[a-z](?![a-z0-9@$!'])){2,}"
).finditer
# The shape of a text with every separator as the same.
_SEPARATED: Final = bytes.maketrans(b" '", b"..")
# Two letters by themselves, near enough to belong together.
_TWO: Final = re.compile(rb"\.a\.{1,3}a\.").search
_SEPARATORS: Final = re.compile(r"[^a-z]+")


def find(normal: Normal, lexicon: Lexicon) -> Iterable[Match]:
    """Every run of single letters that is a blocked word as a whole."""
    shape = normal.shape.translate(_SEPARATED)
    if b".a." in shape and _TWO(shape):
        return _read(normal, lexicon)
    return ()


def _read(normal: Normal, lexicon: Lexicon) -> Iterator[Match]:
    """The runs of a text that may have some."""
    for run in _SPELLED(normal.folded):
        term = lexicon.spelled.get(_SEPARATORS.sub("", run[0]))
        if term is not None:
            yield Match(term, run.start(), run.end(), "collapsed")
