"""Whether a Japanese or Chinese word ends where another begins, though no space stands between."""

import re
from typing import Final

from bus.moderation.text.eastern import LONG, script
from bus.moderation.words.speech import JAPANESE, any_of

# What draws a word out at its end: しねーっ.
_DRAWN_OUT: Final = f"{LONG}〜～っッ"
_BEFORE: Final = re.compile(rf"{any_of(*JAPANESE['before'])}\Z").search
_LONGEST_BEFORE: Final = max(map(len, JAPANESE["before"]))
_AFTER: Final = re.compile(any_of(*JAPANESE["after"])).match


def alone_left(text: str, start: int) -> bool:
    """Whether no letter of the same script stands before: ideographs, hiragana and katakana."""
    if not start:
        return True
    before, inside = text[start - 1], script(text[start])
    return script(before) != inside and not (before == LONG and inside == "katakana")


def alone_right(text: str, end: int) -> bool:
    """Whether no letter of the same script stands after, but for what draws the word out."""
    inside, at = script(text[end - 1]), end
    while at < len(text) and text[at] in _DRAWN_OUT:
        at += 1
    return at == len(text) or script(text[at]) != inside


def word_left(text: str, start: int) -> bool:
    """Whether a word may begin here: after another script, or what Japanese puts before one."""
    if alone_left(text, start):
        return True
    return _BEFORE(text[max(0, start - _LONGEST_BEFORE) : start]) is not None


def word_right(text: str, end: int) -> bool:
    """Whether a word may end here: before another script, a particle or an ending."""
    return alone_right(text, end) or _AFTER(text, end) is not None
