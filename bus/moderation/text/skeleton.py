"""The bare letters of a Latin text: leet read, separators out, repeats as one, i and l alike."""

import string
from typing import Final

from bus.moderation.text.repeated_letters import single

# What a sign may stand for. The first letter is the one it becomes in the skeleton.
LEET: Final[dict[str, str]] = {
    "0": "o", "1": "il", "2": "z", "3": "e", "4": "a", "5": "s", "6": "g", "7": "t", "8": "b",
    "9": "g", "@": "a", "$": "s", "!": "il", "|": "il", "+": "t", "(": "c", "<": "c", "{": "c",
}  # fmt: skip
# Letters that are written for one another: `fvck`, `sIut`.
_ALIKE: Final = {"l": "i", "v": "u"}

_TABLE: Final[dict[int, str | None]] = {
    **dict.fromkeys(range(128)),
    **{ord(c): _ALIKE.get(c, c) for c in string.ascii_lowercase},
    **{ord(sign): letters[0] for sign, letters in LEET.items()},
}
_DROPPED: Final = bytes(code for code in range(128) if _TABLE.get(code) is None)
_BYTES: Final = bytes(ord(_TABLE.get(code) or "\0") for code in range(128)).ljust(256, b"\0")


def skeleton(folded: str) -> str:
    """The skeleton of a folded text."""
    return single(folded.encode("ascii", "ignore").translate(_BYTES, _DROPPED)).decode()


def runs(folded: str) -> list[tuple[int, int]]:
    """For each letter of the skeleton, the first and one past the last character it was made of."""
    found: list[tuple[int, int]] = []
    before = start = end = 0
    for place, letter in enumerate(folded.encode("ascii", "replace").translate(_BYTES)):
        if not letter:
            continue
        if letter != before:
            if before:
                found.append((start, end))
            before, start = letter, place
        end = place + 1
    return [*found, (start, end)] if before else []


def letter_of(char: str) -> str | None:
    """What one folded character is in the skeleton; None for a separator."""
    return _TABLE.get(ord(char))
