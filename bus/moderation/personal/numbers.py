"""Numbers with check digits: cards, IBAN, Korean ones, national identities."""

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from itertools import islice
from typing import Final, Literal

from bus.moderation.list_file import lines
from bus.moderation.personal.kinds import LISTS, MOST, Found, any_of
from bus.moderation.personal.phones import is_ordered
from bus.moderation.personal.shapes import of_code, pieces

_BEFORE: Final = 40
_CARD: Final = re.compile(
    r"\d(?<![\d.+-]\d)(?<!\d \d)(?:[ –-]?\d){11,18}(?![\d%]|[-.,]\d)"
).finditer
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
    r"[a-z](?<![a-z0-9][a-z])[a-z]\d{2}(?:[ -]?[a-z0-9]{2,4}){3,8}[a-z0-9]{0,2}"
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
_NAMED: Final = re.compile(rf"(?<![a-z])(?:{any_of('id')})[^\d\n]{{0,16}}\Z").search
_NAMED_BUSINESS: Final = re.compile(rf"(?:{any_of('business')})[^\d\n]{{0,8}}\Z").search
_NAMED_RESIDENT: Final = re.compile(rf"(?:{any_of('resident')})[^\d\n]{{0,8}}\Z").search
# From then on, the last digits of resident numbers are drawn by lot.
_BY_LOT: Final = (2020, 10)
_IBAN_LENGTHS: Final = range(15, 35)


def find(folded: str) -> Iterator[Found]:
    """What is found in a folded text, the surest first; places may overlap."""
    for number in islice(_CARD(folded), MOST):
        if span := _card(folded, *number.span()):
            yield Found(*span, "card")
    for number in islice(_IBAN(folded), MOST // 2):
        if (end := _iban(folded, number.start(), number.end())) is not None:
            yield Found(number.start(), end, "iban")
    for number in islice(_RESIDENT(folded), MOST):
        before = folded[max(0, number.start() - _BEFORE) : number.start()]
        if _resident(number[1] + number[3], bool(number[2]), bool(_NAMED_RESIDENT(before))):
            yield Found(*number.span(), "resident")
    for number in islice(_BUSINESS(folded), MOST):
        named = _NAMED_BUSINESS(folded[max(0, number.start() - _BEFORE) : number.start()])
        if (named or number[2]) and _business(number[1] + number[3] + number[4]):
            yield Found(*number.span(), "business")
    for number in islice(_NINO(folded), MOST):
        yield Found(*number.span(), "national_id")
    for number in islice(_CODE(folded), MOST):
        enough = len(_NOT_DIGITS.sub("", number[0])) >= _FEWEST
        if enough and (span := _national(folded, *number.span())):
            yield Found(*span, "national_id")


def _card(folded: str, start: int, end: int) -> tuple[int, int] | None:
    for first, last in pieces(folded, start, end):
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


def _iban(folded: str, start: int, end: int) -> int | None:
    """Where an IBAN ends that begins here: how long it is depends on its country."""
    compact = ""
    best = None
    for at in range(start, end):
        if folded[at] in " -":
            continue
        compact += folded[at]
        after = folded[at + 1 : at + 2]
        whole = not (after.isalnum() and after.isascii())
        if not whole or len(compact) not in _IBAN_LENGTHS:
            continue
        if _remainder(compact) == 1 and _is_valid("iban", compact.upper()):
            best = at + 1
    return best


def _remainder(iban: str) -> int:
    """What checks it, before anything slower does."""
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(char, 36)) for char in turned)) % 97


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


def _national(folded: str, start: int, end: int) -> tuple[int, int] | None:
    named: Literal[True, False] | None = None
    for first, last in pieces(folded, start, end):
        for module, alone in _layouts().get(of_code(folded[first:last]), ()):
            if not alone:
                if named is None:
                    named = _NAMED(folded[max(0, start - _BEFORE) : start]) is not None
                if not named:
                    continue
            if _is_valid(module, folded[first:last].upper()):
                return first, last
    return None


def _is_valid(module: str, number: str) -> bool:
    # Each is loaded where it is needed.
    return bool(import_module(f"stdnum.{module}").is_valid(number))
