"""Personal data and secrets: anybody's, the author's own as well."""

import re
from collections.abc import Iterator
from typing import Final

from bus.moderation.context import Context
from bus.moderation.personal import addresses, emails, numbers, phones, secrets
from bus.moderation.personal.kinds import KINDS, Found, words_of
from bus.moderation.policy.policy import Policy
from bus.moderation.text.normalise import NormalisedText
from bus.moderation.verdict import FOLDED, WRITTEN, Hit
from bus.moderation.words.custom_lists import is_allowed

_DIGIT: Final = b"0"
# Of the shortest number that is looked for, and how near to each other they stand.
_DIGITS: Final = 6
_NEAR: Final = re.compile(r"\d(?:[ .\-/()–+·a-z]{0,3}\d){5}").search
_FREE: Final = re.compile(rb"\x00+").finditer
# Halves of surrogate pairs.
_HALVES: Final = re.compile("[\ud800-\udfff]").sub
# The first syllables of passwords, of numbers read out, and of the sign @.
_KOREAN_SIGNS: Final = ("비", "공", "골")


def find(normal: NormalisedText, policy: Policy, context: Context) -> list[Hit]:
    """One hit for each place; what a hit tells of it is its kind, and stars for what it matched."""
    folded = normal.folded
    digits = normal.shape.count(_DIGIT)
    if not digits and not _signs(folded):
        return []
    places = list(_places(normal, digits))
    if not places:
        return []
    allowed = policy.custom.allows(folded)
    taken = bytearray(len(normal.raw))
    hits: list[Hit] = []
    # What is allowed hides nothing that is not.
    places.sort(key=lambda place: policy.personal.get(place[1].kind, "allow") == "allow")
    for folds, (start, end, kind, rest) in places:
        if folds:
            if is_allowed(start, end, allowed):
                continue
            start, end = normal.span(start, end)
        for first, last in _free(taken, start, end) if rest else [(start, end)]:
            if any(taken[first:last]):
                continue
            taken[first:last] = b"\x01" * (last - first)
            hits.append(_hit(first, last, kind, folds and normal.folded != normal.raw.lower()))
    return sorted(hits, key=lambda hit: hit.start)


def _free(taken: bytearray, start: int, end: int) -> list[tuple[int, int]]:
    """The ranges of this one that no place has yet."""
    return [free.span() for free in _FREE(taken, start, end)]


def _signs(folded: str) -> bool:
    """Whether a text without digits may have any."""
    return (
        "@" in folded
        or "_" in folded
        or "pass" in folded
        or ("---" in folded and "private key" in folded)
        or ("at" in folded and ("dot" in folded or "[" in folded or "(" in folded))
        or ":" in folded
        or (not folded.isascii() and any(sign in folded for sign in _KOREAN_SIGNS))
    )


def _places(normal: NormalisedText, digits: int) -> Iterator[tuple[bool, Found]]:
    """Where each kind is, the surest first, and whether that is a range of the folded text."""
    raw, folded = normal.raw, normal.folded
    if not raw.isascii():
        # RE2 takes none of these.
        raw = _HALVES("?", raw)
    for found in secrets.find(raw):
        yield False, found
    for start, end in emails.find(folded):
        yield True, Found(start, end, "email")
    dense = digits >= _DIGITS and _NEAR(folded) is not None
    if dense:
        for found in numbers.find(folded):
            yield True, found
    if dense or (not folded.isascii() and "공" in folded):
        for found in phones.find(folded):
            yield True, found
    of = words_of(folded)
    if digits:
        for found in addresses.find(raw, folded, of):
            yield False, found
    for found in secrets.passwords(raw, folded, of):
        yield True, found


def _hit(start: int, end: int, kind: str, folds: bool) -> Hit:
    return Hit(
        rule="personal",
        reason="personal",
        severity=KINDS[kind],
        start=start,
        end=end,
        # Whoever reads a verdict is not to read this.
        matched="*" * (end - start),
        disguise=FOLDED if folds else WRITTEN,
        category=kind,
    )
