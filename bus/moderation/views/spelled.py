"""Short words spelled out in single letters: `k-y-s`."""

import re
from collections.abc import Iterator
from typing import Final

from ..lexicon import Lexicon, Match
from ..normalise import Normal

_SPELLED: Final = re.compile(
    r"(?<![a-z0-9@$!])[a-z](?:[^a-z0-9@$!]{1,3}[a-z](?![a-z0-9@$!'])){2,}"
).finditer
# A letter by itself, as the shape of a text shows it, and every separator as the same.
_ALONE: Final = (b" a ", b".a.", b" a.", b".a ", b"'a'")
_SEPARATED: Final = bytes.maketrans(b" '", b"..")
_SEPARATORS: Final = re.compile(r"[^a-z]+")


def find(normal: Normal, lexicon: Lexicon) -> Iterator[Match]:
    """Every run of single letters that is a blocked word as a whole."""
    if not any(alone in normal.shape for alone in _ALONE):
        return
    shape = normal.shape.translate(_SEPARATED)
    if b".a.a." not in shape and b".a..a." not in shape and b".a...a." not in shape:
        return
    for run in _SPELLED(normal.folded):
        term = lexicon.spelled.get(_SEPARATORS.sub("", run[0]))
        if term is not None:
            yield Match(term, run.start(), run.end(), "collapsed")
