"""Whether a term counts where it was found: by its boundary, whom it is said to, its exceptions."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from bus.moderation.words.addressee import is_addressed
from bus.moderation.words.boundaries import at_boundary
from bus.moderation.words.speech import KOREAN
from bus.moderation.words.terms import Term

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
    search, size = _exceptions(term.exceptions)
    at = max(0, start - size)
    while found := search(text, at, end + size):
        if found.start() >= end:
            return False
        if found.end() > start and (found.start() < start or found.end() > end):
            return True
        at = found.start() + 1
    return False


@lru_cache(maxsize=1024)
def _exceptions(exceptions: tuple[str, ...]) -> tuple[Callable[..., re.Match[str] | None], int]:
    """A search for any of the exceptions, the longest first, and the length of that one."""
    longest_first = sorted(exceptions, key=len, reverse=True)
    pattern = "|".join(map(_pattern, longest_first))
    return re.compile(pattern).search, len(longest_first[0])


def _pattern(exception: str) -> str:
    bare = exception.removeprefix(_GOES_ON)
    return re.escape(exception) if bare == exception else _LED_TO + re.escape(bare)
