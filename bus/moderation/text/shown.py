"""A text as a screen shows it, where that is in another order than it is written in."""

import re
from typing import Final

from bus.moderation.text.normalise import NormalisedText, normalise

_OVERRIDE: Final = "\u202e"
# What each opens: from right to left whatever the letters, or as letters go by themselves.
_OPENS: Final = {_OVERRIDE: True, **dict.fromkeys("\u202a\u202b\u202d\u2066\u2067\u2068", False)}
_CLOSES: Final = "\u202c\u2069"
_parts: Final = re.compile(
    "[\n\u202a-\u202e\u2066-\u2069]|[^\n\u202a-\u202e\u2066-\u2069]+"
).finditer
_DEEPEST: Final = 16


class ShownText(NormalisedText):
    """A text as it is read; its offsets lead to where it was written."""

    __slots__ = ("_order", "_turned")

    def __init__(self, raw: str, order: list[int]) -> None:
        turned = normalise("".join(raw[at] for at in order))
        super().__init__(raw, turned.folded)
        self._turned, self._order = turned, order

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The least range in the text as written that has all of a folded range."""
        first, last = self._turned.span(start, end)
        places = self._order[first:last]
        return min(places), max(places) + 1


def as_shown(normal: NormalisedText) -> NormalisedText | None:
    """The text as it is read where letters are turned: `reve` after U+202E reads `ever`."""
    raw = normal.raw
    return ShownText(raw, _order(raw)) if _OVERRIDE in raw and normal.folded else None


def _order(raw: str) -> list[int]:
    """The places of what is seen, line by line, from left to right."""
    seen: list[int] = []
    # What is open: whether it goes from right to left, and what it has so far.
    opened: list[tuple[bool, list[int]]] = [(False, [])]
    for part in _parts(raw):
        first = raw[part.start()]
        if first in _OPENS:
            # Deeper than anybody writes, it is all the same.
            if len(opened) < _DEEPEST:
                opened.append((_OPENS[first], []))
        elif first in _CLOSES:
            _close(opened)
        elif first == "\n":
            while opened[1:]:
                _close(opened)
            seen += opened.pop()[1]
            seen.append(part.start())
            opened.append((False, []))
        else:
            opened[-1][1].extend(range(part.start(), part.end()))
    while opened[1:]:
        _close(opened)
    return seen + opened[0][1]


def _close(opened: list[tuple[bool, list[int]]]) -> None:
    if opened[1:]:
        turned, places = opened.pop()
        outer, around = opened[-1]
        around += reversed(places) if turned != outer else places
