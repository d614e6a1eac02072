"""How languages speak to somebody, and how their words end: the phrases of their lists."""

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from bus.moderation.list_file import by_kind
from bus.moderation.text.normalise import spellings
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
        *("exclaimed", "family-name", "drawn-out", "drawn-twice", "not-drawn", "how-many"),
    ),
)
JAPANESE: Final = by_kind(LISTS / "speech_ja.txt", ("before", "after"))
# What the lists of other languages may have.
_KINDS: Final = (
    "you",
    "filler",
    "called",
    "myself",
    "softening",
    "beginning",
    "ending",
    "stem-ending",
)
_SYNTAX: Final = re.compile(r"\[[^\]]*\]|[()'*]")
_MEANING: Final = {"(": "(?:", ")": ")?", "'": "['’]", "*": r"\w+"}


def any_of(*phrases: str) -> str:
    """A pattern of any of these phrases, which are written as the lists say; nothing of none."""
    return "(?:" + "|".join(map(_pattern, phrases) if phrases else ("(?!)",)) + ")"


@cache
def speech(language: str) -> Mapping[str, tuple[str, ...]]:
    """The phrases of a language by kind, folded as texts are; of no kind where it has no list."""
    path = LISTS / f"speech_{language}.txt"
    if language in ("en", "ko", "ja") or not path.is_file():
        return MappingProxyType({})
    return MappingProxyType(
        {
            kind: tuple(spelling for phrase in phrases for spelling in spellings(phrase))
            for kind, phrases in by_kind(path, _KINDS, partial=True).items()
        }
    )


@cache
def endings(languages: frozenset[str], *, of_stems: bool = False) -> tuple[str, ...]:
    """What a term of these languages may end in, English endings where none of them has a list.

    With `of_stems` what the stems of the lists alone take, too.
    """
    spoken = [speech(language) or ENGLISH for language in sorted(languages)] or [ENGLISH]
    kinds = ("ending", "stem-ending") if of_stems else ("ending",)
    found = (ending for kind in kinds for words in spoken for ending in words.get(kind, ()))
    return tuple(dict.fromkeys(found))


@cache
def beginnings(languages: frozenset[str]) -> tuple[str, ...]:
    """What is written together with a term of these languages, before it."""
    return tuple(word for one in sorted(languages) for word in speech(one).get("beginning", ()))


def _pattern(phrase: str) -> str:
    pieces: list[str] = []
    at = 0
    for sign in _SYNTAX.finditer(phrase):
        pieces += re.escape(phrase[at : sign.start()]), _MEANING.get(sign[0], sign[0])
        at = sign.end()
    return "".join([*pieces, re.escape(phrase[at:])])
