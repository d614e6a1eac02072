"""Phone numbers: with the code of a country, laid out as a country does, or said to be one."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from bus.moderation.list_file import lines
from bus.moderation.personal.kinds import LISTS, Found, any_word, places
from bus.moderation.personal.shapes import of_number, pieces

_RUN: Final = re.compile(
    r"[+(\d](?<![a-z0-9#$€£₩%+_.\-].)(?<!\d[:/,].)(?:(?<=\()\+?\d|(?<=\+)\d)?[\d().\-–/· ]{5,24}\d"
    r"(?![a-z0-9%]|[-.,:/]\d)"
)
# Korean digits by their names, as in the first digits of a mobile phone's number.
_SPOKEN: Final = "".join(("공", "영", *["일", "이", "삼", "사", "오", "육", "칠", "팔", "구"]))
_SPELT: Final = re.compile(rf"[{_SPOKEN}0](?:[- .]?[{_SPOKEN}0-9]){{9,10}}(?![{_SPOKEN}0-9])")
_DIGITS: Final = str.maketrans(_SPOKEN, "00123456789")
_NOT_DIGITS: Final = re.compile(r"\D+")
# What stands before it says what a number is, this many letters away at most.
_BEFORE: Final = 30
_NAMED: Final = re.compile(rf"(?<![a-z])(?:{any_word('phone')})[^\d\n]{{0,12}}\Z").search
is_ordered: Final = re.compile(
    rf"(?<![a-z])(?:{any_word('order')})\W{{0,2}}(?:(?:{any_word('number')})\W{{1,3}}){{0,3}}\Z"
).search
# Where a number without layout is looked for.
_REGIONS: Final = ("KR", "US", "GB", "FR", "DE", "JP", "IN", "BR", "ES")
# Digits of a number.
_SHORTEST: Final = 8
_LONGEST: Final = 15


class _Library:
    """What the library knows, asked for one text."""

    def __init__(self) -> None:
        # Numbers: 0.03 ms each; after these, the layout decides.
        self.left = 40

    def knows(self, number: str, region: str | None) -> bool:
        """Whether there are such numbers, in this region or, with a code of one, anywhere."""
        # Loaded where it is needed: it takes 50 ms and 4 MB.
        from phonenumbers import NumberParseException, is_valid_number, parse

        if not self.left:
            return True
        self.left -= 1
        try:
            return is_valid_number(parse(number, region))
        except NumberParseException:
            return False


@cache
def _layouts() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """By layout the regions that have it, each with the digits that it asks for."""
    found: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for line in lines(LISTS / "phones.txt", 2, 2):
        for layout in line.items(1):
            digits = _NOT_DIGITS.sub("", layout).replace("0", r"\d")
            found.setdefault(of_number(layout), []).append((line.columns[0], re.compile(digits)))
    return found


def find(folded: str) -> Iterator[Found]:
    """The phone numbers of a folded text."""
    library = _Library()
    yield from places(
        "phone", _RUN.finditer(folded), lambda run: _phone(folded, run.start(), run.end(), library)
    )
    if not folded.isascii():
        yield from places("phone", _SPELT.finditer(folded), lambda spelt: _spelt(spelt, library))


def _spelt(spelt: re.Match[str], library: _Library) -> tuple[int, int] | None:
    number = _NOT_DIGITS.sub("", spelt[0].translate(_DIGITS))
    if spelt[0].isascii() or not library.knows(number, "KR"):
        return None
    return spelt.start(), spelt.start() + len(spelt[0].rstrip(" .-"))


def _phone(folded: str, start: int, end: int, library: _Library) -> tuple[int, int] | None:
    before = folded[max(0, start - _BEFORE) : start]
    if is_ordered(before):
        return None
    for first, last in pieces(folded, start, end, _SHORTEST):
        written = folded[first:last]
        digits = _NOT_DIGITS.sub("", written)
        if not _SHORTEST <= len(digits) <= _LONGEST:
            continue
        if "+" in written or digits.startswith("00"):
            if library.knows(f"+{digits.lstrip('0')}", None):
                return first, last
        elif any(
            wanted.fullmatch(digits) and library.knows(digits, region)
            for region, wanted in _layouts().get(of_number(written), ())
        ) or (
            written == digits
            and _NAMED(before)
            and any(library.knows(digits, region) for region in _REGIONS)
        ):
            return first, last
    return None
