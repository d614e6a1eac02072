"""Whether a term counts where it was found: by its boundary, whom it is said to, its exceptions."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from bus.moderation.words.addressee import is_addressed
from bus.moderation.words.boundaries import at_boundary
from bus.moderation.words.speech import KOREAN
from bus.moderation.words.terms import Term

# With this before it an exception is innocent where nothing else is said.
_ALONE: Final = "="
_AROUND: Final = " \t\n.,!?~…\"'()[]"
# With this before it the message begins with it: `^dick: ` is whoever is answered.
_OPENS: Final = "^"
# In an exception this stands for letters of one word, so many at most, or none.
_LETTERS: Final = "*"
_MOST_LETTERS: Final = 6
_ANY_LETTERS: Final = rf"[^\W_]{{0,{_MOST_LETTERS}}}"
# What an exception with this before it needs: letters that it goes on from, a number, or a name.
# 글씨발견, 3시발표 and 김 씨발언 are innocent; 씨발견 alone is a swear word that goes on.
_GOES_ON: Final = "~"
_LED_TO: Final = (
    f"(?:(?<=[가-힣0-9])(?<![{''.join(KOREAN['exclaimed'])}])"
    f"|(?<=[{''.join(KOREAN['family-name'])}] ))"
)


def counts_here(term: Term, text: str, start: int, end: int) -> bool:
    """Whether the term counts where it was found."""
    if not at_boundary(term, text, start, end):
        return False
    if term.addressing != "always" and not is_addressed(term, text, start, end):
        return False
    return not (term.exceptions and is_excepted(term, text, start, end))


def is_excepted(term: Term, text: str, start: int, end: int) -> bool:
    """Whether the match is part of something innocent, as the list says."""
    search, size, alone = _exceptions(term.exceptions)
    if alone and text.strip(_AROUND) in alone:
        return True
    at = max(0, start - size)
    while found := search(text, at, end + size):
        if found.start() >= end:
            return False
        if found.end() > start and (found.start() < start or found.end() > end):
            return True
        at = found.start() + 1
    return False


class _Exceptions(NamedTuple):
    """A search for any of the exceptions, the most that it may find, and what is said alone."""

    search: Callable[..., re.Match[str] | None]
    size: int
    alone: frozenset[str]


@lru_cache(maxsize=1024)
def _exceptions(exceptions: tuple[str, ...]) -> _Exceptions:
    """The search goes for the longest of them first."""
    alone = frozenset(one.removeprefix(_ALONE) for one in exceptions if one.startswith(_ALONE))
    parts = sorted((one for one in exceptions if one[0] != _ALONE), key=len, reverse=True)
    size = max((len(one) + one.count(_LETTERS) * _MOST_LETTERS for one in parts), default=0)
    # With none of them, nothing is found.
    pattern = "|".join(map(_pattern, parts)) or r"(?!)"
    return _Exceptions(re.compile(pattern).search, size, alone)


def _pattern(exception: str) -> str:
    if exception.startswith(_OPENS):
        # Commas stand between exceptions.
        return r"\A" + re.escape(exception.removeprefix(_OPENS).replace(";", ","))
    bare = exception.removeprefix(_GOES_ON)
    pieces = _ANY_LETTERS.join(map(re.escape, bare.split(_LETTERS)))
    return pieces if bare == exception else _LED_TO + pieces
