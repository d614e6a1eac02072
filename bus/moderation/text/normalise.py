"""Normal form of a text for matching, with the way back to the text as written."""

import re
import unicodedata
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from bus.moderation.text.confusables import JAMO, NATIVE, TABLE, any_of_alphabets, native_words
from bus.moderation.text.eastern import any_voice_mark, to_katakana, voiced

# ASCII, Hangul and plain jamo fold letter for letter: lower case is all there is to do.
_SIMPLE: Final = re.compile(r"[\x00-\x7fㄱ-ㅣ가-힣]*\Z").match
# Conjoining jamo, and what stands for each that is not put together.
_FIRST_JAMO: Final = 0x1100
_JAMO: Final = np.arange(_FIRST_JAMO, _FIRST_JAMO + 0x100, dtype=np.int64)
_JAMO[[ord(jamo) - _FIRST_JAMO for jamo in JAMO]] = [ord(letter) for letter in JAMO.values()]
# To how many letters each character folds.
_WIDTHS: Final = np.ones(0x110000, np.uint8)
_WIDE: Final = {
    code: read_as or "" for code, read_as in TABLE.items() if read_as is None or read_as[1:]
}
_WIDTHS[list(_WIDE)] = list(map(len, _WIDE.values()))
# Letters that folding may add to a text. In one that grows by more, what folds to several letters
# is read as the first of them: nobody writes so, and every letter takes time.
_MOST_ADDED: Final = 400
_NARROW: Final = {
    code: next(filter(str.isalnum, read_as), read_as[0])
    for code, read_as in _WIDE.items()
    if read_as
}
# A word begins with no ß: it stands for b there, and everywhere else for ss.
_FIRST_SHARP_S: Final = re.compile(r"(?<!\w)[ßẞ]")
# Umlauts as they are written where no key has them.
_WRITTEN_OUT: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
# What stands for no character of its own: accents apart, and halves of a surrogate pair.
_APART: Final = frozenset(map(chr, (*range(0x300, 0x370), *range(0xD800, 0xE000))))
_COMBINING: Final = re.compile("[\u0300-\u036f\ud800-\udfff]").search
_CONJOINING: Final = re.compile("[\u1100-\u11ff]").search


def _kind(char: str) -> str:
    """A letter, a digit, a space, an apostrophe or another sign."""
    if char.isalpha():
        return "a"
    if char.isdigit():
        return "0"
    return " " if char.isspace() else "'" if char == "'" else "."


_SHAPE: Final = "".join(map(_kind, map(chr, range(128)))).encode().ljust(256, b".")


T = TypeVar("T")
# Where each folded character starts and ends in the text as written.
Spans = tuple[list[int], list[int]]


class NormalisedText:
    """A text, its folded form, and for each folded character where it was written."""

    __slots__ = ("_accented", "_read", "_same", "_shape", "_spans", "folded", "raw", "scanned")

    def __init__(
        self,
        raw: str,
        folded: str,
        spans: Spans | None = None,
        *,
        same: bool = False,
    ) -> None:
        self.raw = raw
        self.folded = folded
        self._spans = spans
        self._shape: bytes | None = None
        self._accented: str | None = None
        # Folding letter for letter leaves every offset where it was.
        self._same = same
        # What was found in it, kept by whoever looks for it first.
        self.scanned: tuple[object, list[tuple[int, int, int]]] | None = None
        self._read: dict[object, Any] | None = None

    @property
    def written_plainly(self) -> bool:
        """Whether folding has changed nothing but capitals."""
        return self._same

    # Kept by hand: the lock of a cached_property takes as long as all the rest.
    @property
    def shape(self) -> bytes:
        """For each folded character what kind it is, which tells which disguises there may be."""
        if self._shape is None:
            self._shape = f" {self.folded} ".encode("ascii", "replace").translate(_SHAPE)
        return self._shape

    def once(self, read: Callable[[str], T]) -> T:
        """What somebody reads out of the folded text, read once however often it is asked for."""
        if self._read is None:
            self._read = {}
        if read not in self._read:
            self._read[read] = read(self.folded)
        return cast("T", self._read[read])

    @property
    def accented(self) -> str:
        """The text in lower case with its accents, a character for each folded one."""
        if self._accented is None:
            self._accented = self._with_accents()
        return self._accented

    def _with_accents(self) -> str:
        if not self.folded:
            return ""
        lower = self.raw.lower()
        if self._same or (len(lower) == len(self.folded) and not _COMBINING(lower)):
            return lower
        if len(lower) != len(self.raw):
            return "".join(map(self._character, range(len(self.folded))))
        starts = [self.span(at, at + 1)[0] for at in range(len(self.folded))]
        # Nearly each is one letter, and looked at no closer: the longest texts have 2,000.
        whole = {one for one in set(lower) if unicodedata.normalize("NFC", one) == one} - _APART
        return "".join(
            [
                lower[start] if end == start + 1 and lower[start] in whole else self._character(at)
                for at, (start, end) in enumerate(pairwise((*starts, len(self.raw))))
            ]
        )

    def is_unaccented(self, start: int, end: int) -> bool:
        """Whether a folded range is written without accents."""
        if self._same or self._accented is not None:
            return self.accented[start:end] == self.folded[start:end]
        # Most are asked for a few letters of a long text.
        return all(self._character(at) == self.folded[at] for at in range(start, end))

    def _character(self, at: int) -> str:
        """A folded character in lower case with its accents; as it is where it has none."""
        start, _ = self.span(at, at + 1)
        # Marks that are written after it are its own.
        end = self.span(at + 1, at + 2)[0] if at + 1 < len(self.folded) else len(self.raw)
        written = self.raw[start:end]
        if written.isascii():
            return written.lower() if end - start == 1 else self.folded[at]
        written = unicodedata.normalize("NFC", written).lower()
        return written if len(written) == 1 and not _COMBINING(written) else self.folded[at]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The range in the text as written of a folded range that is not empty."""
        if self._same:
            return start, end
        if self._spans is None:
            self._spans = _spans(self.raw)
        return self._spans[0][start], self._spans[1][end - 1]


def _codes(text: str) -> NDArray[np.int64]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.int64)


def _starts(read: str) -> NDArray[np.int64]:
    """The written place of each character that the table makes of what is read.

    By arrays, for the longest texts: 2,000 characters take 0.04 ms, and 0.3 ms one by one.
    """
    return np.arange(len(read)).repeat(_WIDTHS[_codes(read)])


def _spans(read: str) -> Spans:
    starts = _starts(read)
    return starts.tolist(), (starts + 1).tolist()


def _compose(folded: str, starts: NDArray[np.int64]) -> tuple[str, Spans]:
    """Put conjoining jamo together as NFC does, and turn the rest into jamo as people type them.

    By arrays, for the longest texts: 2,000 letters take 0.15 ms, and 0.7 ms one by one. A short
    text takes 0.02 ms longer so, but few are written in such letters.
    """
    codes = _codes(folded)
    after, before = codes[1:], codes[:-1]
    # Which letters join the one before them: a vowel an initial, a final a syllable without one.
    vowels, finals = np.zeros((2, len(codes)), bool)
    vowels[1:] = _within(after, 0x1161, 0x1175) & _within(before, 0x1100, 0x1112)
    open_before = _within(before, 0xAC00, 0xD7A3) & ((before - 0xAC00) % 28 == 0)
    finals[1:] = _within(after, 0x11A8, 0x11C2) & (open_before | vowels[:-1])
    made = codes.copy()
    at = vowels.nonzero()[0]
    made[at - 1] = 0xAC00 + ((codes[at - 1] - 0x1100) * 21 + codes[at] - 0x1161) * 28
    at = finals.nonzero()[0]
    made[at - 1 - vowels[at - 1]] += codes[at] - 0x11A7
    at = _within(made, _FIRST_JAMO, _FIRST_JAMO + 0xFF).nonzero()[0]
    made[at] = _JAMO[made[at] - _FIRST_JAMO]
    kept = (~(vowels | finals)).nonzero()[0]
    ends = starts[np.append(kept[1:], len(codes)) - 1] + 1
    letters = made[kept].astype("<u4").tobytes().decode("utf-32-le")
    return letters, (starts[kept].tolist(), ends.tolist())


def _within(codes: NDArray[np.int64], first: int, last: int) -> NDArray[np.bool_]:
    return (first <= codes) & (codes <= last)


def _fold(read: str) -> str:
    """The letters of a text as they are read: those of other alphabets as Latin if they pose."""
    if any_of_alphabets(read) is None:
        return read.translate(TABLE)
    pieces: list[str] = []
    at = 0
    for words in native_words(read):
        pieces += read[at : words.start()].translate(TABLE), words[0].translate(NATIVE)
        at = words.end()
    return "".join([*pieces, read[at:].translate(TABLE)])


def spellings(word: str) -> tuple[str, ...]:
    """The folded forms that a word of a list is looked for in.

    One of look-alikes alone, such as Russian кот, is read as Latin by itself, and is Cyrillic
    where a longer word begins with it; so is one that is so without its accents: срёт. Umlauts are
    left out, and written out: Blödmann is blodmann and bloedmann. Hiragana are written in katakana
    as well, to shout; not the other way round, for katakana may be all that tells a word: カス, and
    動かす.
    """
    if word.isascii():
        return (word.lower(),)
    folded = normalise(word).folded
    native = bare = folded
    if any_of_alphabets(word):
        native, bare = word.translate(NATIVE), normalise(folded).folded
    written_out = normalise(unicodedata.normalize("NFC", word).translate(_WRITTEN_OUT)).folded
    return tuple(dict.fromkeys((folded, native, bare, written_out, to_katakana(folded))))


def normalise(raw: str) -> NormalisedText:
    """Fold a text for matching; any string is taken."""
    if raw.isascii() or _SIMPLE(raw):
        return NormalisedText(raw, raw.lower(), same=True)
    read = _FIRST_SHARP_S.sub("b", raw) if "ß" in raw or "ẞ" in raw else raw
    folded = _fold(read)
    if len(folded) > len(raw) + _MOST_ADDED:
        read = read.translate(_NARROW)
        folded = _fold(read)
    if _CONJOINING(folded):
        return NormalisedText(raw, *_compose(folded, _starts(read)))
    if any_voice_mark(folded):
        return NormalisedText(raw, *voiced(folded, _starts(read).tolist()))
    return NormalisedText(raw, folded, None if read is raw else _spans(read))
