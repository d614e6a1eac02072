"""Korean terms with something between their syllables, or taken apart into jamo."""

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from bus.moderation.text.hangul import is_jamo, is_syllable, to_jamo
from bus.moderation.text.normalise import NormalisedText
from bus.moderation.words.counting import counts_here, is_excepted
from bus.moderation.words.lexicon import TOO_MANY, Lexicon, Match
from bus.moderation.words.speech import KOREAN, any_of
from bus.moderation.words.terms import Term

_OTHER: Final = re.compile(r"[^ㄱ-ㅣ가-힣]+")
# Laughter, tears and the finger (ㅗ) are no spelling.
_LETTER: Final = re.compile("[ㄱ-ㅊㅌㅍㅏ-ㅖㅘ-ㅛㅝ-ㅟㅢㅣ가-힣]").finditer
_LETTERS: Final = re.compile("[ㄱ-ㅊㅌㅍㅏ-ㅖㅘ-ㅛㅝ-ㅟㅢㅣ가-힣]+").findall
_HANGUL: Final = re.compile("[ㄱ-ㅣ가-힣]").finditer
_TAKEN_APART: Final = re.compile(r"[ㄱ-ㅊㅌㅍㅏ-ㅛㅝ-ㅟㅡ-ㅣ]").search
# Letters and digits that are drawn for a vowel: `ㅆl발`, `ㄱH`.
_DRAWN: Final = re.compile(r"(?<=[ㄱ-ㅎ])(?:[l1!|i]|h|[tf])(?=[^a-z]|\Z)")
_VOWELS: Final = {
    "l": "ㅣ",
    "1": "ㅣ",
    "!": "ㅣ",
    "|": "ㅣ",
    "i": "ㅣ",
    "h": "ㅐ",
    "t": "ㅜ",
    "f": "ㅏ",
}
# A syllable that only draws out the vowel before it: 시이발, 새애끼.
_DRAWN_TWICE: Final = any_of(*KOREAN["drawn-twice"])
# Found faster, in a text that has none.
_MAYBE_DRAWN_OUT: Final = re.compile(
    "[{}][{}]".format(*map("".join, zip(*KOREAN["drawn-out"], strict=True)))
    + f"|[가-힣]{_DRAWN_TWICE}"
).search
_NOT_DRAWN: Final = f"(?!{any_of(*KOREAN['not-drawn'])})"
_DRAWN_OUT: Final = re.compile(
    "|".join(
        f"(?<={drawn[0]}){drawn[1]}{_NOT_DRAWN if drawn[1] == '이' else ''}(?!{drawn[1]})"
        for drawn in KOREAN["drawn-out"]
    )
    # Twice or more often, whatever stands before it: 병어어신.
    + f"|(?<=[가-힣]){_DRAWN_TWICE}[{''.join(KOREAN['drawn-twice'])}]*"
)
# Places in one text.
_MOST: Final = 40
_LONGEST_GAP: Final = 4
# One of these again and again draws a word out: 시~~~~~발.
_LONGEST_DRAWN: Final = 20
_DRAWN_BY: Final = frozenset("~-_=^*")
# Between two words of one sentence stand these; anything else was put inside a word.
_SOFT: Final = frozenset(" \t\n0123456789.,/~!?:;-·…()[]\"'")


def _clean(folded: str, start: int, end: int) -> bool:
    """Whether neither Hangul nor a number (9시 발, 몇 시 발) touches the range, save for spaces."""
    before = folded[max(0, start - _LONGEST_GAP) : start].rstrip()
    if before and (before[-1].isdigit() or before.endswith(KOREAN["how-many"])):
        return False
    if start and is_syllable(folded[start - 1]):
        return False
    return end == len(folded) or not is_syllable(folded[end])


def _parted(term: Term, folded: str, start: int, end: int) -> bool:
    """Whether what stands between the syllables disguises one word, not joins two."""
    gaps = _OTHER.findall(folded[start:end])
    if not gaps:
        return True
    if any(len(gap) > _LONGEST_GAP and not _draws_out(gap) for gap in gaps):
        return False
    if any(_SOFT.issuperset(gap) and not gap.isdigit() for gap in gaps):
        natural = term.text.count(" ") == len(gaps)
        return natural or _clean(folded, start, end)
    return True


def _draws_out(gap: str) -> bool:
    return len(gap) <= _LONGEST_DRAWN and gap[0] in _DRAWN_BY and not gap.strip(gap[0])


def _places(folded: str) -> list[int]:
    """Where each Hangul letter of the text stands."""
    return [letter.start() for letter in _LETTER(folded)]


def syllables(normal: NormalisedText, lexicon: Lexicon) -> Iterable[Match]:
    """Terms whose syllables or initials are parted by spaces, digits, signs or Latin letters."""
    folded = normal.folded
    if _MAYBE_DRAWN_OUT(folded):
        # Put out of the way as a sign is, so that every place stays where it is.
        folded = _DRAWN_OUT.sub(lambda drawn: "\x1f" * len(drawn[0]), folded)
    joined = "".join(_LETTERS(folded))
    if len(joined) in (0, len(folded)):
        return ()
    candidates = lexicon.syllables.find(joined)
    return _among(candidates, folded, joined, lexicon) if candidates else ()


def _among(
    candidates: list[tuple[int, int, int]], folded: str, joined: str, lexicon: Lexicon
) -> Iterator[Match]:
    """The candidates that something disguises, and that count where they stand."""
    places = _places(folded)
    if len(candidates) > _MOST:
        yield Match(TOO_MANY, places[candidates[_MOST][1]], len(folded), "collapsed")
    for pattern, first, last in candidates[:_MOST]:
        start, end = places[first], places[last - 1] + 1
        if end - start == last - first:
            continue
        if "\x1f" in folded[start:end] and " " in folded[start:end]:
            continue
        for term in lexicon.syllables.terms[pattern]:
            if term.text != folded[start:end] and _parted(term, folded, start, end):
                edge = term.boundary == "any" or counts_here(term, folded, start, end)
                if edge and not _innocent(term, joined, first, last):
                    yield Match(term, start, end, "collapsed")


def _innocent(term: Term, joined: str, first: int, last: int) -> bool:
    """Whether an exception covers the term once the gaps are closed."""
    return bool(term.exceptions) and is_excepted(term, joined, first, last)


class _Apart(NamedTuple):
    """A text taken apart into jamo, and the place that each of them has in it."""

    drawn: str
    letters: str
    owners: list[int]


def _take_apart(folded: str) -> _Apart:
    """The jamo of a text."""
    drawn = _DRAWN.sub(lambda sign: _VOWELS[sign[0]], folded)
    letters: list[str] = []
    owners: list[int] = []
    for letter in _HANGUL(drawn):
        parts = to_jamo(letter[0])
        letters.append(parts)
        owners.extend([letter.start()] * len(parts))
    return _Apart(drawn, "".join(letters), owners)


def jamo(normal: NormalisedText, lexicon: Lexicon) -> Iterable[Match]:
    """Terms written with some letters left apart."""
    if not _TAKEN_APART(normal.folded):
        return ()
    apart = normal.once(_take_apart)
    candidates = lexicon.jamo.find(apart.letters)
    return _put_together(apart, candidates, lexicon) if candidates else ()


def _put_together(
    apart: _Apart, candidates: list[tuple[int, int, int]], lexicon: Lexicon
) -> Iterator[Match]:
    """The terms of a text with letters left apart."""
    drawn, _, owners = apart
    if len(candidates) > _MOST:
        yield Match(TOO_MANY, owners[candidates[_MOST][1]], len(drawn), "jamo")
    for pattern, first, last in candidates[:_MOST]:
        start, end = owners[first], owners[last - 1] + 1
        whole = (not first or owners[first - 1] != start) and (
            last == len(owners) or owners[last] != end - 1
        )
        if not whole or not any(map(is_jamo, drawn[start:end])):
            continue
        for term in lexicon.jamo.terms[pattern]:
            if _parted(term, drawn, start, end) and counts_here(term, drawn, start, end):
                yield Match(term, start, end, "jamo")
                break
