"""Advertising and fraud: prizes, channels, loans and lures, by how much of it comes together."""

import re
from typing import Final

from bus.moderation.context import Context
from bus.moderation.language.signs import EASTERN, script_of
from bus.moderation.language.spoken import Spoken
from bus.moderation.policy.policy import Policy
from bus.moderation.text.hangul import is_hangul
from bus.moderation.text.normalise import NormalisedText
from bus.moderation.verdict import Hit
from bus.moderation.words.boundaries import clean_left, clean_right
from bus.moderation.words.lexicon import SPAM_PHRASE, lexicon
from bus.moderation.words.terms import Term, load_scam_signs

_ENOUGH: Final = 4
# What phrases weigh, or a number, before the other signs are looked for.
_PROMISING: Final = 2
_NUMBER: Final = re.compile(r"\d\d").search
# So many in one text are no chance in any language.
_CROWD: Final = 20
# Of the phrases that anybody uses, so many count.
_COMMON: Final = 2
# A phrase and the range of it in a folded text.
_Found = tuple[int, int, Term]
# What else such a message holds, and its weight.
_SIGNS: Final = tuple(load_scam_signs())


def find(normal: NormalisedText, policy: Policy, context: Context) -> list[Hit]:
    """One hit from the first such phrase to the last, when they weigh enough together."""
    folded = normal.folded
    words = lexicon()
    found = words.scan(normal)
    if not found or context.trusted:
        return []
    places: dict[int, _Found] = {}
    for pattern, start, end in found:
        disguise, phrase = words.readings[pattern][-1]
        if disguise == SPAM_PHRASE and pattern not in places and _counts_here(folded, start, end):
            places[pattern] = start, end, phrase
    if not places or not _weighs(list(places.values()), folded):
        return []
    kept = _of_language(normal, list(places.values()), policy)
    if not kept or (len(kept) < len(places) and not _weighs(kept, folded)):
        return []
    first = min(start for start, _, _ in kept)
    last = max(end for _, end, _ in kept)
    start, end = normal.span(first, last)
    return [
        Hit.at(
            start, end, text=normal.raw, rule="scams", reason="spam", severity=2, category="scam"
        )
    ]


def _counts_here(folded: str, start: int, end: int) -> bool:
    """Whether a phrase is words of its own; where words have no spaces, and in Korean, anywhere."""
    if is_hangul(folded[start]) or script_of(folded[start]) == EASTERN:
        return True
    return clean_left(folded, start) and clean_right(folded, end)


def _weighs(found: list[_Found], folded: str) -> bool:
    """Whether the phrases, and the other signs of a text, weigh enough together."""
    weight = _apart(found)
    if weight < _PROMISING and not _NUMBER(folded):
        return False
    weight += sum(worth for sign, worth in _SIGNS if weight < _ENOUGH and sign.search(folded))
    return weight >= _ENOUGH


def _of_language(normal: NormalisedText, found: list[_Found], policy: Policy) -> list[_Found]:
    """The phrases of a language that the text may be of."""
    if len(found) > _CROWD or not any(phrase.languages for _, _, phrase in found):
        return found
    places = [normal.span(start, end) for start, end, _ in found]
    spoken = Spoken(normal.raw, places, policy.languages)
    return [
        one
        for one, (start, end) in zip(found, places, strict=True)
        if not one[2].languages or spoken.may_be(one[2].languages, normal.raw[start:end])
    ]


def _apart(found: list[_Found]) -> int:
    """The weight of the phrases that are part of no heavier one, nor of one that is innocent."""
    total = common = 0
    taken = bytearray(max(end for _, end, _ in found))
    weights = [(start, end, phrase.severity) for start, end, phrase in found]
    for start, end, weight in sorted(
        weights, key=lambda place: (place[2] > 0, -place[2], place[0])
    ):
        if not any(taken[start:end]):
            taken[start:end] = b"\x01" * (end - start)
            if weight > 1:
                total += weight
            common += weight == 1
    return total + min(common, _COMMON)
