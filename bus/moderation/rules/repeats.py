"""The same thing said again and again by one author, here or in other rooms."""

import re
from functools import lru_cache
from typing import Final

from ..context import Context
from ..normalise import Normal, normalise
from ..policy import Policy
from ..verdict import Hit

_NOT_LETTERS: Final = re.compile(r"[\W_]+")
_REPEATED: Final = re.compile(r"(.)\1+")
# People say "ok" and ㅋㅋㅋ all day.
_SHORTEST: Final = 4
# Said before, and looked at again with each message after it: some 10 MB at most.
_KEPT: Final = 16_384
_KEPT_LENGTH: Final = 300


def _gist(normal: Normal) -> str:
    """What is left of a text without case, spacing, signs and drawn-out letters."""
    letters = _NOT_LETTERS.sub("", normal.folded)
    return _REPEATED.sub(r"\1", letters) or normal.folded.strip()


@lru_cache(_KEPT)
def _kept_gist(body: str) -> str:
    return _gist(normalise(body))


def _gist_of(body: str) -> str:
    return _kept_gist(body) if len(body) <= _KEPT_LENGTH else _gist(normalise(body))


def find(normal: Normal, policy: Policy, context: Context) -> list[Hit]:
    """One hit over the whole text when it was said too often already."""
    if context.trusted or len(context.recent) + len(context.elsewhere) <= policy.max_repeats:
        return []
    gist = _gist(normal)
    if len(gist) < _SHORTEST:
        return []
    before = (*context.recent, *context.elsewhere)
    said = [_gist_of(body) for body in before].count(gist)
    if said <= policy.max_repeats:
        return []
    text = normal.raw
    return [Hit("repeats", "spam", 3, 0, len(text), text, "collapsed", "spam")]
