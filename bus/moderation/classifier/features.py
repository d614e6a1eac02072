"""A text as the model sees it: hashed n-grams of its letters, Korean also by jamo."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bus.moderation.text.hangul import to_jamo
from bus.moderation.text.repeated_letters import three_alike

Buckets = NDArray[np.uint32]

# 2 ** 17 weights of one byte each are the size of the file.
BITS: Final = 17
# Letters of the longest n-gram: two syllables of Korean by jamo, or a word of English.
LONGEST: Final = 5
_PADDING: Final = " " * LONGEST

_ADDRESS: Final = re.compile(r"https?://\S+|www\.\S+")
_MENTION: Final = re.compile(r"@[\w.-]+")
_DRAWN_OUT: Final = re.compile(r"(.)\1{2,}").sub
_NOT_SYLLABLES: Final = re.compile("[^가-힣]+")
_KOREAN: Final = re.compile("[ㄱ-ㅣ가-힣]").search


# Below it are letters and jamo, above it Hangul alone has a jamo for each letter.
_KEPT: Final = "\u3200"


class _Jamo(dict[str, str]):
    """Characters and their jamo, each looked up when it is first met; ideographs are not kept."""

    def __missing__(self, char: str) -> str:
        letters = to_jamo(char)
        if char < _KEPT or "가" <= char <= "힣":
            self[char] = letters
        return letters


_JAMO: Final = _Jamo()


def _mixers() -> Buckets:
    """Odd numbers by place and column; the same on every machine, for weights depend on them."""
    state = 0x9E3779B97F4A7C15
    mixers = np.zeros((LONGEST, LONGEST), dtype=np.uint32)
    # A column for each length: it mixes the first letters of the window and leaves the rest.
    for column in range(LONGEST):
        for place in range(column + 1):
            state = (state * 6364136223846793005 + 1442695040888963407) & (2**64 - 1)
            mixers[place, column] = (state >> 32) | 1
    return mixers


_MIXERS: Final = _mixers()
_SHIFT: Final = np.uint32(32 - BITS)


def is_korean(folded: str) -> bool:
    """Whether a folded text has Hangul in it."""
    return not folded.isascii() and _KOREAN(folded) is not None


def stream(folded: str) -> str:
    """What the n-grams are cut from: no names, no addresses, no drawn-out letters, edges kept."""
    if "@" in folded:
        folded = _MENTION.sub("@", folded)
    if "://" in folded or "www." in folded:
        folded = _ADDRESS.sub("://", folded)
    if three_alike(folded):
        folded = _DRAWN_OUT(r"\1\1", folded)
    folded = " ".join(folded.split())
    if not is_korean(folded):
        return folded
    return "".join([_JAMO[char] for char in folded]) + "  " + _NOT_SYLLABLES.sub(" ", folded)


def framed(folded: str) -> str:
    """The stream of a folded text, with enough after it that an n-gram starts at every letter."""
    return f" {stream(folded)} {_PADDING}"


def buckets(frame: str) -> Buckets:
    """The bucket of every n-gram of a framed text, a row for each place it starts."""
    letters = frame.encode("utf-32-le", "surrogatepass")
    places = len(letters) // 4 - LONGEST
    # Each row is the window that starts there: the text itself, read with a stride of one letter.
    windows = np.ndarray((places, LONGEST), np.uint32, letters, 0, (4, 4))
    hashed: Buckets = windows @ _MIXERS
    hashed >>= _SHIFT
    return hashed


def buckets_of_many(frames: str) -> Buckets:
    """The same of several framed texts in one, but with a column for each place.

    The last columns of each but the last text, as many as LONGEST, run over into the next one. Of
    few letters it takes longer than `buckets`, of many a third of the time.
    """
    letters = np.frombuffer(frames.encode("utf-32-le", "surrogatepass"), np.uint32)
    places = len(letters) - LONGEST
    hashed: Buckets = np.empty((LONGEST, places), np.uint32)
    mixed: Buckets = np.empty(places, np.uint32)
    for length, row in enumerate(hashed):
        np.multiply(letters[:places], _MIXERS[0, length], out=row)
        for place in range(1, length + 1):
            np.multiply(letters[place : place + places], _MIXERS[place, length], out=mixed)
            row += mixed
    hashed >>= _SHIFT
    return hashed
