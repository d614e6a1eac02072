"""Normal form of a text for matching, with the way back to the text as written."""

import re
from typing import Final

from .letters import JAMO, TABLE

# ASCII, Hangul and plain jamo fold letter for letter: lower case is all there is to do.
_SIMPLE: Final = re.compile(r"[\x00-\x7fㄱ-ㅣ가-힣]*\Z").match
_JAMO: Final = str.maketrans(JAMO)
# What folds to nothing, or to more than one letter.
_ODD: Final = re.compile(
    f"[{''.join(chr(code) for code, plain in TABLE.items() if plain is None or len(plain) > 1)}]"
).finditer
_CONJOINING: Final = re.compile("[\u1100-\u11ff]").search


def _kind(char: str) -> str:
    """A letter, a digit, a space, an apostrophe or another sign."""
    if char.isalpha():
        return "a"
    if char.isdigit():
        return "0"
    return " " if char.isspace() else "'" if char == "'" else "."


_SHAPE: Final = "".join(map(_kind, map(chr, range(128)))).encode().ljust(256, b".")


class Normal:
    """A text, its folded form, and for each folded character where it was written."""

    __slots__ = ("_same", "_shape", "_spans", "folded", "raw", "scanned")

    def __init__(
        self,
        raw: str,
        folded: str,
        spans: list[tuple[int, int]] | None = None,
        *,
        same: bool = False,
    ) -> None:
        self.raw = raw
        self.folded = folded
        self._spans = spans
        self._shape: bytes | None = None
        # Folding letter for letter leaves every offset where it was.
        self._same = same
        # What was found in it, kept by whoever looks for it first.
        self.scanned: tuple[object, list[tuple[int, int, int]]] | None = None

    # Kept by hand: the lock of a cached_property takes as long as all the rest.
    @property
    def shape(self) -> bytes:
        """For each folded character what kind it is, so that views know if they need to look."""
        if self._shape is None:
            self._shape = f" {self.folded} ".encode("ascii", "replace").translate(_SHAPE)
        return self._shape

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Start and end in the text as written of each folded character."""
        if self._spans is None:
            self._spans = _spans(self.raw)
        return self._spans

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The range in the text as written of a folded range that is not empty."""
        if self._same:
            return start, end
        return self.spans[start][0], self.spans[end - 1][1]


def _spans(raw: str) -> list[tuple[int, int]]:
    """The written range of each character that the table makes of `raw`."""
    each = list(zip(range(len(raw)), range(1, len(raw) + 1), strict=True))
    spans: list[tuple[int, int]] = []
    done = 0
    for odd in _ODD(raw):
        start = odd.start()
        spans += each[done:start]
        spans += each[start : start + 1] * len(TABLE[ord(odd[0])] or "")
        done = start + 1
    spans += each[done:]
    return spans


def _initial(char: str) -> bool:
    return "\u1100" <= char <= "\u1112"


def _vowel(char: str) -> bool:
    return "\u1161" <= char <= "\u1175"


def _final(char: str) -> bool:
    return "\u11a8" <= char <= "\u11c2"


def _compose(raw: str, folded: str) -> Normal:
    """Put conjoining jamo together as NFC does, and turn the rest into jamo as people type them."""
    chars: list[str] = []
    spans: list[tuple[int, int]] = []
    for char, span in zip(folded, _spans(raw), strict=True):
        if not "\u1100" <= char <= "\u11ff":
            chars.append(char)
            spans.append(span)
            continue
        last = chars[-1] if chars else ""
        if _vowel(char) and last and _initial(last):
            code = 0xAC00 + ((ord(last) - 0x1100) * 21 + ord(char) - 0x1161) * 28
        elif _final(char) and "가" <= last <= "힣" and (ord(last) - 0xAC00) % 28 == 0:
            code = ord(last) + ord(char) - 0x11A7
        else:
            chars.append(char)
            spans.append(span)
            continue
        chars[-1], spans[-1] = chr(code), (spans[-1][0], span[1])
    return Normal(raw, "".join(chars).translate(_JAMO), spans)


def normalise(raw: str) -> Normal:
    """Fold a text for matching; any string is taken."""
    if raw.isascii() or _SIMPLE(raw):
        return Normal(raw, raw.lower(), same=True)
    folded = raw.translate(TABLE)
    if _CONJOINING(folded):
        return _compose(raw, folded)
    return Normal(raw, folded)
