"""How English and Korean speak to somebody, and how their words end: the phrases of their lists."""

import re
from typing import Final

from bus.moderation.list_file import by_kind
from bus.moderation.words.terms import LISTS

ENGLISH: Final = by_kind(
    LISTS / "speech_en.txt",
    (
        *("you", "filler", "myself", "oneself", "degree", "scolding", "somebody", "softening"),
        *("position", "chatter", "calling", "called"),
        *("ending", "stem-ending", "contraction", "small-word"),
    ),
)
KOREAN: Final = by_kind(
    LISTS / "speech_ko.txt",
    (
        *("you", "you-ending", "filler", "called", "particle", "before", "initials"),
        *("exclaimed", "family-name", "drawn-out", "not-drawn", "how-many"),
    ),
)
_SYNTAX: Final = re.compile(r"\[[^\]]*\]|[()'*]")
_MEANING: Final = {"(": "(?:", ")": ")?", "'": "['’]", "*": r"\w+"}


def any_of(*phrases: str) -> str:
    """A pattern of any of these phrases, which are written as the lists say."""
    return "(?:" + "|".join(map(_pattern, phrases)) + ")"


def _pattern(phrase: str) -> str:
    pieces: list[str] = []
    at = 0
    for sign in _SYNTAX.finditer(phrase):
        pieces += re.escape(phrase[at : sign.start()]), _MEANING.get(sign[0], sign[0])
        at = sign.end()
    return "".join([*pieces, re.escape(phrase[at:])])
