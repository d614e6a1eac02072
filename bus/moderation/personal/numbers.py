"""Numbers with check digits: cards, IBAN, Korean ones, national identities."""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib import import_module
from typing import Any, Final

from bus.moderation.list_file import lines
from bus.moderation.personal.kinds import LISTS, Found, any_word, places
from bus.moderation.personal.phones import is_ordered
from bus.moderation.personal.shapes import of_code, pieces

_BEFORE: Final = 40
_CARD: Final = re.compile(
    r"\d(?<![\d.+-]\d)(?<!\d \d)(?:[ –-]?\d){11,18}(?![\d%]|[-.,]\d)"
).finditer
_CARD_DIGITS: Final = 12
# By how their numbers begin: Visa, Mastercard, American Express, Diners, Discover, JCB, UnionPay,
# Mir, Maestro, and Korean cards for use at home.
_ISSUED: Final = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?=\d{16}\Z)(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)\d+"
    r"|3[47]\d{13}"
    r"|3(?:0[0-5]|[68]\d)\d{11}|6(?:011|4[4-9]\d|5\d\d)\d{12}|35[2-8]\d{13}|62\d{14,17}|220[0-4]\d{12}"
    r"|(?:5018|5020|5038|6304|6759|676[1-3])\d{8,15}|9[0-9]\d{14}"
).fullmatch
_GROUPED: Final = re.compile(
    r"\d{4}([ –-])\d{4}\1\d{4}\1\d{1,7}|\d{4}([ -])\d{6}\2\d{4,5}"
).fullmatch
_RESIDENT: Final = re.compile(r"(\d(?<![\d-]\d)\d{5})([ –-]?)([1-8]\d{6})(?![\d-])").finditer
_BUSINESS: Final = re.compile(r"(\d(?<![\d-]\d)\d{2})(-?)(\d{2})\2(\d{5})(?![\d-])").finditer
_IBAN: Final = re.compile(
    # Where one begins: what follows it may look like more of it.
    r"[a-z](?<![a-z0-9][a-z])[a-z]\d{2}(?=(?:[ -]?[a-z0-9]{2,4}){3})"
).finditer
_CODE: Final = re.compile(
    r"[a-z0-9](?<![\w.+-].)(?:(?<=\d)\d*(?:[ .\-/+]\d+)*(?:[ -]?[a-z]|[a-z]\d{3}[a-z0-9])?"
    r"|(?<=[a-z])(?:[a-z]{0,5}\d[a-z0-9]{5,16}|-\d{7}-[a-z]))(?![a-z0-9])"
).finditer
_NOT_DIGITS: Final = re.compile(r"\D+")
_NINO: Final = re.compile(
    r"[a-ceghj-pr-tw-z](?<![a-z0-9].)(?<!(?=b[g]|g[b]|k[n]|n[kt]|t[n]|zz).)[a-ceghj-npr-tw-z]"
    r"(?: ?\d\d){3} ?[a-d](?![a-z0-9])"
).finditer
_FEWEST: Final = 7
_NAMED: Final = re.compile(rf"(?<![a-z])(?:{any_word('id')})[^\d\n]{{0,16}}\Z").search
_NAMED_BUSINESS: Final = re.compile(rf"(?:{any_word('business')})[^\d\n]{{0,8}}\Z").search
_NAMED_RESIDENT: Final = re.compile(rf"(?:{any_word('resident')})[^\d\n]{{0,8}}\Z").search
# From then on, the last digits of resident numbers are drawn by lot.
_BY_LOT: Final = (2020, 10)
# Of the parts of an IBAN, as the library writes them: `8!n10!n`.
_COUNTS: Final = re.compile(r"(\d+)!").findall
# With what parts it.
_IBAN_LONGEST: Final = 50
# Codes that are said to be identities: 0.005 ms each.
_CHECKS: Final = 150


def find(folded: str) -> Iterator[Found]:
    """What is found in a folded text, the surest first; places may overlap."""
    yield from places("card", _CARD(folded), lambda number: _card(folded, *number.span()))
    yield from places("iban", _IBAN(folded), lambda number: _iban(folded, number.start()))
    yield from places("resident", _RESIDENT(folded), lambda number: _resident_span(folded, number))
    yield from places("business", _BUSINESS(folded), lambda number: _business_span(folded, number))
    yield from places("national_id", _NINO(folded), lambda number: number.span())
    yield from places("national_id", _CODE(folded), _Codes(folded).span)


def _card(folded: str, start: int, end: int) -> tuple[int, int] | None:
    for first, last in pieces(folded, start, end, _CARD_DIGITS):
        written = folded[first:last]
        digits = _NOT_DIGITS.sub("", written)
        if not _ISSUED(digits) or len(set(digits)) == 1 or not _is_valid("luhn", digits):
            continue
        if written != digits:
            if _GROUPED(written):
                return first, last
        elif not is_ordered(folded[max(0, first - _BEFORE) : first]):
            return first, last
    return None


def _iban(folded: str, start: int) -> tuple[int, int] | None:
    """An IBAN that begins here: how long it is depends on its country."""
    left = _iban_length(folded[start : start + 2].upper())
    if not left:
        return None
    for at in range(start, min(start + _IBAN_LONGEST, len(folded))):
        left -= folded[at] not in " -"
        if not left:
            after = folded[at + 1 : at + 2]
            if after.isalnum() and after.isascii():
                return None
            compact = folded[start : at + 1].replace(" ", "").replace("-", "")
            if not (compact.isascii() and compact.isalnum()):
                return None
            sure = _remainder(compact) == 1 and _is_valid("iban", compact.upper())
            return (start, at + 1) if sure else None
    return None


@cache
def _iban_lengths() -> Any:
    return import_module("stdnum.numdb").get("iban")


@lru_cache(1000)
def _iban_length(country: str) -> int:
    """How long its IBAN are; 0 where it has none."""
    known = _iban_lengths().info(country)[0][1].get("bban")
    return 4 + sum(map(int, _COUNTS(known))) if known else 0


def _remainder(iban: str) -> int:
    """What checks it, before anything slower does."""
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(char, 36)) for char in turned)) % 97


def _resident_span(folded: str, number: re.Match[str]) -> tuple[int, int] | None:
    named = _NAMED_RESIDENT(folded[max(0, number.start() - _BEFORE) : number.start()])
    sure = _resident(number[1] + number[3], bool(number[2]), bool(named))
    return number.span() if sure else None


def _resident(digits: str, parted: bool, named: bool) -> bool:
    """Whether it is a Korean resident number, by its date of birth and its check digit."""
    year = (1900 if digits[6] in "1256" else 2000) + int(digits[:2])
    month, day = int(digits[2:4]), int(digits[4:6])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return False
    if _is_valid("kr.rrn", digits):
        return True
    if digits[6] in "5678" and _foreign(digits):
        return True
    return named or (parted and (year, month) >= _BY_LOT)


def _foreign(digits: str) -> bool:
    """Whether the check digit is that of a foreign resident."""
    return (13 - _weighed(digits[:12], (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10 == int(
        digits[-1]
    )


def _business_span(folded: str, number: re.Match[str]) -> tuple[int, int] | None:
    named = _NAMED_BUSINESS(folded[max(0, number.start() - _BEFORE) : number.start()])
    sure = (named or number[2]) and _business(number[1] + number[3] + number[4])
    return number.span() if sure else None


def _business(digits: str) -> bool:
    """Whether it is a Korean business number; python-stdnum knows its form, not its check digit."""
    weighed = _weighed(digits[:9], (1, 3, 7, 1, 3, 7, 1, 3, 5))
    check = (10 - (weighed + int(digits[8]) * 5 // 10) % 10) % 10
    return check == int(digits[9]) and _is_valid("kr.brn", digits)


def _weighed(digits: str, weights: tuple[int, ...]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))


@cache
def _layouts() -> dict[str, list[tuple[str, bool]]]:
    """By layout the modules that check it, and whether it says enough by itself."""
    found: dict[str, list[tuple[str, bool]]] = {}
    for line in lines(LISTS / "national_ids.txt", 3, 3):
        alone = line.choice(1, "sign", ("alone", "named")) == "alone"
        for layout in line.items(2):
            for letter in "A0" if "X" in layout else "A":
                found.setdefault(layout.replace("X", letter), []).append((line.columns[0], alone))
    return found


class _Codes:
    """The codes of one text, and how many are still checked; after that, their layout decides."""

    def __init__(self, folded: str) -> None:
        self.folded = folded
        self.left = _CHECKS

    def span(self, code: re.Match[str]) -> tuple[int, int] | None:
        """Where in it a national identity is."""
        folded, start = self.folded, code.start()
        if len(_NOT_DIGITS.sub("", code[0])) < _FEWEST:
            return None
        named: bool | None = None
        for first, last in pieces(folded, start, code.end(), _FEWEST):
            for module, alone in _layouts().get(of_code(folded[first:last]), ()):
                if not alone:
                    if named is None:
                        named = _NAMED(folded[max(0, start - _BEFORE) : start]) is not None
                    if not named:
                        continue
                self.left -= 1
                if (not alone and self.left < 0) or _is_valid(module, folded[first:last].upper()):
                    return first, last
        return None


def _is_valid(module: str, number: str) -> bool:
    # Each is loaded where it is needed.
    return bool(import_module(f"stdnum.{module}").is_valid(number))
