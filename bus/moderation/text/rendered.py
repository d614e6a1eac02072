"""A text as it is read where a word is written with mark-up, drawn letters, brackets or emoji."""

import re
from html import unescape
from typing import Final

from bus.moderation.text.normalise import NormalisedText, normalise

# What is written inside a word and is none of its letters, or one of them in another dress.
_PIECES: Final = re.compile(
    r"(?P<tags>(?<=\w)(?:</?[a-z][^<>]{0,60}>){1,4}(?=\w))"
    r"|(?P<entity>(?:(?<=\w)|(?=&[^;]{2,8};\w))&(?:#[0-9]{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,8});)"
    r"|(?P<u>(?<=[a-z])(?:\|_\||\\_/)(?=[a-z]))"
    r"|(?P<h>(?<=[a-z])\|-\|(?=[a-z]))"
    r"|(?<=[a-z])(?:\((?P<round>[a-z])\)|\[(?P<square>[a-z])\]|\{(?P<curly>[a-z])\})(?=[a-z])"
    "|(?P<emoji>(?<=[a-z])[\u2600-\u27bf\U0001f300-\U0001faff]\ufe0f?(?=[a-z]))",
    re.IGNORECASE,
)
_MAYBE: Final = re.compile("[<&|\\\\(\\[{\u2600-\u27bf\U0001f300-\U0001faff]").search
# Read as a letter that is struck out.
_HIDDEN: Final = "*"


class RenderedText(NormalisedText):
    """A text as it is read; its offsets lead to where it was written."""

    __slots__ = ("_ends", "_read_as", "_starts")

    def __init__(self, raw: str, pieces: list[tuple[int, int, str]]) -> None:
        read: list[str] = []
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end, letters in pieces:
            read.append(letters)
            kept = len(letters) == end - start
            self._starts += range(start, end) if kept else [start] * len(letters)
            self._ends += range(start + 1, end + 1) if kept else [end] * len(letters)
        self._read_as = normalise("".join(read))
        super().__init__(raw, self._read_as.folded)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The range in the text as written of a folded range that is not empty."""
        first, last = self._read_as.span(start, end)
        return self._starts[first], self._ends[last - 1]


def as_rendered(normal: NormalisedText) -> NormalisedText | None:
    """The text with what is put into its words read as a reader does; None where nothing is."""
    raw = normal.raw
    if _MAYBE(raw) is None:
        return None
    pieces: list[tuple[int, int, str]] = []
    at = 0
    for piece in _PIECES.finditer(raw):
        pieces += (at, piece.start(), raw[at : piece.start()]), (*piece.span(), _letters(piece))
        at = piece.end()
    if not pieces:
        return None
    rendered = RenderedText(raw, [*pieces, (at, len(raw), raw[at:])])
    return rendered if rendered.folded not in ("", normal.folded) else None


def _letters(piece: re.Match[str]) -> str:
    """What a piece is read as."""
    kind = piece.lastgroup
    if kind == "tags":
        return ""
    if kind == "entity":
        return unescape(piece[0])
    if kind == "emoji":
        return _HIDDEN
    return kind if kind in ("u", "h") else piece[str(kind)]
