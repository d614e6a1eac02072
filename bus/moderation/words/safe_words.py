"""Innocent words that look like a disguised term: `shelter`, `rotor`, `lapis`."""

import re
from functools import lru_cache
from typing import Final

from bus.moderation.list_file import lines
from bus.moderation.words.terms import LISTS

_BEFORE: Final = re.compile(r"[a-z0-9]*\Z").search
_AFTER: Final = re.compile(r"[a-z0-9]*").match
# Letters; no word of the list is longer.
_LONGEST: Final = 20


@lru_cache(maxsize=1)
def _words() -> frozenset[str]:
    return frozenset(
        word for line in lines(LISTS / "safe_words.txt", 1, 1) for word in line.items(0, " ")
    )


def is_safe_word(folded: str, start: int, end: int) -> bool:
    """Whether the word around this range is one of the list, an -s at its end aside."""
    before = _BEFORE(folded[max(0, start - _LONGEST) : start])
    after = _AFTER(folded, end, end + _LONGEST)
    word = f"{before[0] if before else ''}{folded[start:end]}{after[0] if after else ''}"
    return word in _words() or word.removesuffix("s") in _words()
