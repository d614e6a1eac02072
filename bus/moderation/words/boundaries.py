"""Whether a term that was found stands as a word of its own, or is part of another one."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from bus.moderation.text.eastern import script
from bus.moderation.text.hangul import is_hangul, is_jamo, is_syllable
from bus.moderation.words.eastern import alone_left, alone_right, word_left, word_right
from bus.moderation.words.misspellings import MISSPELLINGS
from bus.moderation.words.speech import KOREAN, any_of, beginnings, endings
from bus.moderation.words.terms import Term

_PARTICLE: Final = re.compile(rf"{any_of(*KOREAN['particle'])}+\Z").match
# Letters; whatever follows a word for longer is no ending.
_LONGEST_ENDING: Final = 12
_LAUGHTER: Final = "ㅋㅎㅠㅜ"
_INITIALS: Final = re.compile(f"{any_of(*KOREAN['initials'])}*").fullmatch
_JAMO_BEFORE: Final = re.compile("[ㄱ-ㅣ]+\\Z").search
_JAMO_AFTER: Final = re.compile("[ㄱ-ㅣ]+").match
_LONGEST_RUN: Final = 12
# What people put before a swear word without a space, and the letter before that.
_GLUED: Final = re.compile(rf"(?:\A|[^가-힣]){any_of(*KOREAN['before'])}\Z").search
_LONGEST_GLUED: Final = max(map(len, KOREAN["before"])) + 1
_GLUED_SEVERITY: Final = 3
_LATIN_WORD: Final = re.compile(r"[a-z0-9]*").match
_LETTERS_BEFORE: Final = re.compile(r"[^\W_a-z가-힣]+\Z").search
_LONGEST_BEGINNING: Final = 6
# Boundaries of terms that stand with other letters in a word.
_ENDING: Final = frozenset(("stem", "root"))
_OTHER_WORD: Final = re.compile(r"[^\W_a-z가-힣]*").match
# A number that is put before or after a word.
_LONGEST_NUMBER: Final = 6
_BEFORE: Final = re.compile(r"(?:\A|[^a-z0-9])[0-9]{1,5}\Z").search
_AFTER: Final = re.compile(r"[0-9]{1,5}(?![a-z0-9])").match
_HANGUL_WORD: Final = re.compile(r"[가-힣]*").match


def _goes_on(letter: str, beside: str) -> bool:
    """Whether a word goes on from a letter, that is no Hangul, to what stands beside it.

    Beside Latin what is of another script is another word; beside others Latin and digits are.
    """
    return beside.isalnum() and beside.isascii() == letter.isascii() and not is_hangul(beside)


def clean_left(text: str, start: int) -> bool:
    """Whether no letter of the same script stands before."""
    if not start:
        return True
    before, first = text[start - 1], text[start]
    if is_jamo(first):
        return not is_syllable(before) and (before in _LAUGHTER or not is_jamo(before))
    if is_syllable(first):
        return not is_syllable(before)
    return not _goes_on(first, before)


def clean_right(text: str, end: int) -> bool:
    """Whether no letter of the same script stands after."""
    if end == len(text):
        return True
    after, last = text[end], text[end - 1]
    if is_jamo(last):
        return not is_syllable(after) and (after in _LAUGHTER or not is_jamo(after))
    if is_syllable(last):
        return not is_syllable(after)
    return not _goes_on(last, after)


def _glued(term: Term, text: str, start: int) -> bool:
    """Whether all that stands before a harsh Korean word is one that people write it to."""
    if term.severity < _GLUED_SEVERITY or not is_syllable(text[start]):
        return False
    return _GLUED(text[max(0, start - _LONGEST_GLUED) : start]) is not None


def _separate_run(text: str, start: int, end: int) -> bool:
    """Whether these initials are a run of their own, or of swear words alone.

    Laughter, tears and their own repeats do not count.
    """
    left, right = start, end
    while left and text[left - 1] in text[start] + _LAUGHTER:
        left -= 1
    while right < len(text) and text[right] in text[end - 1] + _LAUGHTER:
        right += 1
    if not (left and is_jamo(text[left - 1])) and not (right < len(text) and is_jamo(text[right])):
        return True
    before = _JAMO_BEFORE(text[max(0, start - _LONGEST_RUN) : start])
    after = _JAMO_AFTER(text, end, end + _LONGEST_RUN)
    return all(jamo is None or _INITIALS(jamo[0]) for jamo in (before, after))


def _numbered(term: Term) -> bool:
    """Whether a number put to this term hides it: `slut69`; shorter ones turn up in codes."""
    return (
        term.severity >= 3
        and term.latin
        and (len(term.text) > 3 or term.text in MISSPELLINGS["numbered"])
    )


def _number_before(term: Term, text: str, start: int) -> bool:
    """Whether nothing but a number stands before the term in its word: `420slut`."""
    if not text[start - 1].isdigit() or not _numbered(term):
        return False
    return _BEFORE(text[max(0, start - _LONGEST_NUMBER) : start]) is not None


def _number_after(term: Term, text: str, end: int) -> bool:
    """Whether nothing but a number follows the term in its word."""
    return (
        text[end].isdigit()
        and term.addressing == "always"
        and _numbered(term)
        and _AFTER(text, end) is not None
    )


def at_boundary(term: Term, text: str, start: int, end: int) -> bool:
    """Whether a word begins and ends at these places as the term's boundary asks."""
    boundary = term.boundary
    if boundary == "any":
        return True
    if boundary == "run":
        if is_jamo(text[start]):
            return _separate_run(text, start, end)
        return alone_left(text, start) and alone_right(text, end)
    if boundary in ("word", "prefix") and script(text[start]) and script(text[end - 1]):
        return word_left(text, start) and (boundary == "prefix" or word_right(text, end))
    return _begins(term, text, start) and (boundary == "prefix" or _ENDS[boundary](term, text, end))


def _begins(term: Term, text: str, start: int) -> bool:
    if clean_left(text, start) or _glued(term, text, start) or _number_before(term, text, start):
        return True
    return term.boundary in _ENDING and _led_to(term, text, start)


def _led_to(term: Term, text: str, start: int) -> bool:
    """Whether all that stands before in the same word is its language's article and the like."""
    if text[start].isascii() or not beginnings(term.languages):
        return False
    word = _LETTERS_BEFORE(text[max(0, start - _LONGEST_BEGINNING) : start])
    return word is not None and _beginning(term.languages)(word[0]) is not None


@lru_cache(maxsize=256)
def _beginning(languages: frozenset[str]) -> Callable[[str], re.Match[str] | None]:
    """A search for what is written together with a term of these languages, before it."""
    return re.compile(any_of(*beginnings(languages))).fullmatch


def _ends_whole(term: Term, text: str, end: int) -> bool:
    return clean_right(text, end) or _number_after(term, text, end)


def _ends_word(term: Term, text: str, end: int) -> bool:
    """Whether only a particle or an ending follows in the same Korean word."""
    if not (text[end - 1].isascii() or is_hangul(text[end - 1])):
        return clean_right(text, end)
    rest = _HANGUL_WORD(text, end, end + _LONGEST_ENDING)
    return rest is None or rest.end() == end or _PARTICLE(rest[0]) is not None


def _ends_stem(term: Term, text: str, end: int) -> bool:
    """Whether only an ending of its language follows in the same word, or a number."""
    if is_hangul(text[end - 1]):
        return clean_right(text, end)
    rest = _rest(term, text, end)
    return not rest or _ending(term.languages)(rest) is not None


def _ends_root(term: Term, text: str, end: int) -> bool:
    """Whether an ending of its language follows: what is left without is no word."""
    rest = _rest(term, text, end)
    return bool(rest) and _ending(term.languages)(rest) is not None


def _rest(term: Term, text: str, end: int) -> str:
    """The letters that follow in the same word, as many as tell an ending."""
    read = _LATIN_WORD if text[end - 1].isascii() else _OTHER_WORD
    word = read(text, end, end + _LONGEST_ENDING)
    return word[0].rstrip("0123456789") if word else ""


@lru_cache(maxsize=256)
def _ending(languages: frozenset[str]) -> Callable[[str], re.Match[str] | None]:
    """A search for what a term of these languages ends in."""
    return re.compile(any_of(*endings(languages, of_stems=True))).fullmatch


_ENDS: Final[Mapping[str, Callable[[Term, str, int], bool]]] = {
    "whole": _ends_whole,
    "word": _ends_word,
    "stem": _ends_stem,
    "root": _ends_root,
}
