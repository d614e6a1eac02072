"""The kinds of personal data and secrets that are told apart, and what was found of them."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from bus.moderation.list_file import by_kind
from bus.moderation.text.normalise import normalise

# What a policy sets for each, and how severe each is.
KINDS: Final = {
    "phone": 2,
    "email": 2,
    "address": 2,
    "card": 3,
    "resident": 3,
    "business": 2,
    "iban": 3,
    "national_id": 3,
    "password": 3,
    "api_key": 3,
    "private_key": 4,
}
_WORDS: Final = re.compile(r"[^\s,.:;=!?()\[\]\"'“”‘’`>]+").findall
LISTS: Final = Path(__file__).parent
# Places of one kind in one text; what follows them is taken for one.
_MOST: Final = 20


class Found(NamedTuple):
    """One span in a text, from `start` to `end`."""

    start: int
    end: int
    kind: str
    # Whether it is what follows too many places, to the last that looks like one.
    rest: bool = False


def places(
    kind: str, candidates: Iterator[Any], span_of: Callable[[Any], tuple[int, int] | None]
) -> Iterator[Found]:
    """The candidates that are of a kind; of too many, one more to the last that looks like it."""
    count = 0
    for candidate in candidates:
        if count == _MOST:
            *_, last = candidate, *candidates
            _, end = span_of(last) or last.span()
            yield Found(candidate.start(), end, kind, rest=True)
        elif (span := span_of(candidate)) is not None:
            count += 1
            yield Found(*span, kind)


@cache
def words(kind: str) -> tuple[str, ...]:
    """The words of one kind, which the list explains, folded as texts are."""
    kinds = (
        *("phone", "order", "id", "business", "address", "password"),
        *("no-password", "no-street", "unit", "number", "resident", "whose", "states", "for"),
        *("street", "street-end", "road", "district", "at", "dot", "particle"),
    )
    return tuple(normalise(word).folded for word in by_kind(LISTS / "words.txt", kinds)[kind])


@cache
def last_words(kind: str) -> frozenset[str]:
    """The last word of each of one kind."""
    return frozenset(word.split()[-1] for word in words(kind))


def words_of(folded: str) -> frozenset[str]:
    """The words of a folded text, roughly: enough to tell whether there is a point in looking."""
    return frozenset(_WORDS(folded))


def any_word(kind: str) -> str:
    """A pattern of any of these words, the longest first."""
    return "|".join(sorted(words(kind), key=len, reverse=True))
