"""Short words spelled out in single letters: `k-y-s`."""

import re
from collections.abc import Iterator
from typing import Final

from ..lexicon import Lexicon, Match
from ..normalise import Normal

_SPELLED: Final = re.compile(
    r"(?<![a-z0-9@$!])[a-z](?:[^a-z0-9@$!]{1,3}[a-z](?![a-z0-9@$!'])){2,}"
).finditer
_SEPARATORS: Final = re.compile(r"[^a-z]+")


def find(normal: Normal, lexicon: Lexicon) -> Iterator[Match]:
    """Every run of single letters that is a blocked word as a whole."""
    for run in _SPELLED(normal.folded):
        term = lexicon.spelled.get(_SEPARATORS.sub("", run[0]))
        if term is not None:
            yield Match(term, run.start(), run.end(), "collapsed")
