"""Whether a mild insult is meant for somebody: `you are stupid`, not `a stupid question`."""

import re
from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple

from bus.moderation.text.hangul import is_hangul
from bus.moderation.words.speech import ENGLISH, KOREAN, any_of, speech
from bus.moderation.words.terms import Term

_ENGLISH: Final = "en"
# Characters before the insult in which somebody may be spoken to.
_REACH: Final = 60
_FILLER: Final = any_of(*ENGLISH["filler"])
_SPOKEN_TO: Final = re.compile(
    rf"(?:\A|[^a-z]){any_of(*ENGLISH['you'])} (?:{_FILLER} )*(?:{_FILLER}-)?\Z"
).search
_MYSELF: Final = re.compile(
    rf"(?:\A|[^a-z]){any_of(*ENGLISH['myself'])}(?: [a-z']+){{0,3}} ?\Z"
).search
_I_AM: Final = re.compile(
    rf"(?:\A|[^a-z]){any_of(*ENGLISH['oneself'])}(?: {any_of(*ENGLISH['degree'])}){{0,3}} ?\Z"
).search
# What is scolded, and who may be.
_SCOLDED: Final = re.compile(rf"\A{any_of(*ENGLISH['scolding'])} ([a-z]+)\W*\Z").match
_SOMEBODY: Final = re.compile(rf"{any_of(*ENGLISH['somebody'])}e?s?\Z").match
# Somebody speaks of themselves or of a thing, or asks; or these are no words.
_NO_TAUNT: Final = re.compile(
    rf"(?:\A|[^a-z]){any_of(*ENGLISH['softening'])}(?![a-z])|[?_:#0-9/.*\\]|\A!"
).search
# Whoever plays in this position, as they are called in games, where nothing but that is said.
_POSITION: Final = re.compile(
    rf" {any_of(*ENGLISH['position'])}s?(?: {any_of(*ENGLISH['chatter'])})*[.!,]*\Z"
).match
_CALLS: Final = re.compile(rf"\A(?:{any_of(*ENGLISH['calling'])} )*\Z").match
_CALLED: Final = re.compile(rf"{any_of(*ENGLISH['called'])}\Z").match
_SHORT: Final = 3
# Characters of a message of a few words.
_SHORT_TEXT: Final = 30

_KOREAN_YOU: Final = re.compile(
    rf"(?:\A|[^가-힣]){any_of(*KOREAN['you'])}{any_of(*KOREAN['you-ending'])}?"
    rf"(?: ?{any_of(*KOREAN['filler'])})*[ ,~]*\Z"
).search
_KOREAN_CALL: Final = re.compile(any_of(*KOREAN["called"])).match
# They put no spaces between words.
_UNSPACED: Final = frozenset({"ja", "th", "zh"})
# How a message that may be a taunt ends.
_END: Final = " .!~"


class Speaker(NamedTuple):
    """How a language shows whom an insult is meant for."""

    # Before an insult, after it, and before it where somebody calls themselves so.
    you: Callable[[str], re.Match[str] | None]
    called: Callable[[str, int], re.Match[str] | None]
    myself: Callable[[str], re.Match[str] | None]
    # In a short message, and it is no taunt.
    softening: Callable[[str], re.Match[str] | None]


@cache
def speaker(language: str) -> Speaker | None:
    """What the speech list of a language says; None where it has none, as English and Korean."""
    phrases = speech(language)
    if not phrases:
        return None
    kinds = ("you", "filler", "called", "myself", "softening")
    you, filler, called, myself, softening = (any_of(*phrases.get(kind, ())) for kind in kinds)
    if language in _UNSPACED:
        first, between, some, last = "", r"[\s,、，~]*", r".{0,6}", ""
    else:
        first, between, some, last = r"(?<!\w)", r"[\s,;:~-]+", r"(?:[\w']+ ){0,3}", r"(?!\w)"
    return Speaker(
        re.compile(rf"{first}{you}{between}(?:{filler}{between})*\Z").search,
        re.compile(rf"{between}(?:{filler}{between})*{called}{last}").match,
        re.compile(rf"{first}{myself}{between}{some}\Z").search,
        re.compile(rf"{first}{softening}{last}|[?_:#0-9/.*\\]|\A!").search,
    )


def is_addressed(term: Term, text: str, start: int, end: int) -> bool:
    """Whether the term is said to whom its addressing asks."""
    if term.addressing == "called":
        # In chats without threads a name and a colon say who is answered.
        answers = not start and text.startswith(": ", end)
        return not answers and not any(
            of_oneself(text, start, one) for one in term.languages or (_ENGLISH,)
        )
    for language in term.languages or (_ENGLISH,):
        if aimed(text, start, end, language):
            return True
        if term.addressing == "taunt" and all_that_is_said(text, language):
            return True
    return False


def aimed(folded: str, start: int, end: int, language: str = _ENGLISH) -> bool:
    """Whether the insult at these places is said to somebody, in this language or in English."""
    before = folded[max(0, start - _REACH) : start]
    if is_hangul(folded[start]):
        return bool(_KOREAN_CALL(folded, end) or _KOREAN_YOU(before))
    spoken = speaker(language)
    if spoken is not None and (spoken.you(before) or spoken.called(folded, end)):
        return True
    return _SPOKEN_TO(before) is not None or _plays(folded, start, end)


def _plays(folded: str, start: int, end: int) -> bool:
    """Whether all that is said is what somebody is who plays in a position: `dog mid`."""
    if not _POSITION(folded, end):
        return False
    return _CALLED(folded, start, end) is not None and _CALLS(folded[:start]) is not None


def all_that_is_said(folded: str, language: str = _ENGLISH) -> bool:
    """Whether a message is no more than a few words around an insult, and nothing softens it."""
    if len(folded) > _SHORT_TEXT or len(folded.split()) > _SHORT:
        return False
    if (spoken := speaker(language)) is not None:
        return not spoken.softening(folded.rstrip(_END))
    return not _NO_TAUNT(folded) and not scolds_a_thing(folded)


def scolds_a_thing(folded: str) -> bool:
    """Whether all that is said is `stupid` and what is so: a printer, and not a driver."""
    scolded = _SCOLDED(folded)
    return scolded is not None and not _SOMEBODY(scolded[1])


def said_of_oneself(folded: str, start: int) -> bool:
    """Whether somebody says outright that they are so."""
    return _I_AM(folded[max(0, start - _REACH) : start]) is not None


def of_oneself(folded: str, start: int, language: str = _ENGLISH) -> bool:
    """Whether somebody calls themselves so."""
    before = folded[max(0, start - _REACH) : start]
    spoken = speaker(language)
    return (spoken.myself if spoken is not None else _MYSELF)(before) is not None
