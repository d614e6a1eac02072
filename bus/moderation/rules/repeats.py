"""The same thing said again and again by one author."""

import re
from typing import Final

from ..context import Context
from ..normalise import Normal, normalise
from ..policy import Policy
from ..verdict import Hit

_NOT_LETTERS: Final = re.compile(r"[\W_]+")
_REPEATED: Final = re.compile(r"(.)\1+")
# People say "ok" and ㅋㅋㅋ all day.
_SHORTEST: Final = 4


def _gist(normal: Normal) -> str:
    """What is left of a text without case, spacing, signs and drawn-out letters."""
    letters = _NOT_LETTERS.sub("", normal.folded)
    return _REPEATED.sub(r"\1", letters) or normal.folded.strip()


def find(normal: Normal, policy: Policy, context: Context) -> list[Hit]:
    """One hit over the whole text when it was said too often already."""
    if context.trusted or len(context.recent) <= policy.max_repeats:
        return []
    gist = _gist(normal)
    if len(gist) < _SHORTEST:
        return []
    said = sum(_gist(normalise(body)) == gist for body in context.recent)
    if said <= policy.max_repeats:
        return []
    text = normal.raw
    return [Hit("repeats", "spam", 3, 0, len(text), text, "collapsed")]
