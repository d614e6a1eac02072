"""Street addresses: a street and the number of a house, as a country writes them."""

import re
from collections.abc import Iterator
from functools import cache, partial
from typing import Any, Final, NamedTuple

from bus.moderation.list_file import lines
from bus.moderation.personal.kinds import LISTS, Found, any_word, last_words, places, words
from bus.moderation.text.patterns import linear

_NO_STREET: Final = re.compile(rf"(?<![\w'])(?:{any_word('no-street')})(?![\w'])", re.I).search
_NAMED: Final = re.compile(rf"(?<![a-z])(?:{any_word('address')})\W[^\n]{{0,30}}\Z", re.I).search
_UNIT: Final = re.compile(rf"\s?(?:{any_word('unit')})", re.I).match
_GOES_ON: Final = re.compile(r"[\w%]|[.,:-]\d").match
_COMES_FROM: Final = re.compile(r"[\w.$€£#:/-]\Z").search
_BEFORE: Final = 40
# What a Korean, Japanese or Chinese address has.
_ROAD: Final = "".join(words("road"))
_EASTERN: Final = re.compile(
    rf"[{_ROAD}] ?\d|\d[{_ROAD}]|[{''.join(words('district'))}][^\d]{{1,12}}\d"
).search


class _Way(NamedTuple):
    """One way of writing an address."""

    check: str
    sign: Any
    pattern: Any


@cache
def _ways() -> tuple[Any, list[_Way]]:
    """What a text with any address holds, and each way."""
    rows = list(lines(LISTS / "addresses.txt", 3, 3))
    any_sign = linear("|".join(row.columns[1] for row in rows), same_case=False)
    return any_sign, [
        _Way(
            row.choice(0, "check", ("capitals", "unit", "none")),
            *(linear(pattern, same_case=False) for pattern in row.columns[1:]),
        )
        for row in rows
    ]


def find(raw: str, folded: str, of: frozenset[str]) -> Iterator[Found]:
    """The addresses of a text, which has these words: its capitals tell streets from words."""
    if (
        of.isdisjoint(last_words("street"))
        and not any(end in folded for end in words("street-end"))
        and (folded.isascii() or _EASTERN(folded) is None)
    ):
        return
    any_sign, ways = _ways()
    if any_sign.search(raw) is None:
        return
    for way in ways:
        if way.sign.search(raw) is None:
            continue
        yield from places("address", way.pattern.finditer(raw), partial(_standing, raw, way))


def _standing(raw: str, way: _Way, span: Any) -> tuple[int, int] | None:
    return span.span() if _stands(raw, way, span) else None


def _stands(raw: str, way: _Way, span: Any) -> bool:
    """Whether it is one, where it stands."""
    start, end = span.span()
    spaced = raw[start].isascii() or raw[start].islower()
    if spaced and _COMES_FROM(raw[max(0, start - 1) : start]):
        return False
    if way.check == "unit" and _UNIT(raw, end):
        return False
    if raw[end - 1].isdigit() and _GOES_ON(raw, end) and not _particle(raw, end):
        return False
    return way.check != "capitals" or _is_street(raw, span)


def _particle(raw: str, end: int) -> bool:
    """Whether what goes on is a letter of a script that puts no space there."""
    return raw[end].isalpha() and not raw[end].isascii()


def _is_street(raw: str, span: Any) -> bool:
    """Whether the words between number and street are names, or it is said to be an address."""
    name = span["name"]
    if _NO_STREET(name):
        return False
    if all(word[0] == word[0].upper() for word in name.split()):
        return True
    return _NAMED(raw[max(0, span.start() - _BEFORE) : span.start()]) is not None
