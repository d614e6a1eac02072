"""A room's own words, allowed words and patterns: checked when they are taken, compiled once."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from random import Random
from threading import Lock
from time import process_time
from typing import Any, Final

import re2

from bus.moderation.text.normalise import normalise, spellings
from bus.moderation.text.patterns import linear
from bus.moderation.words.counting import counts_here
from bus.moderation.words.lexicon import Index, Lexicon, build, index
from bus.moderation.words.terms import Boundary, Term

_MOST_WORDS: Final = 10_000
_LONGEST_WORD: Final = 100
_MOST_PATTERNS: Final = 100
_LONGEST_PATTERN: Final = 500
# Bytes that one compiled pattern may take.
_PATTERN_MEMORY: Final = 1 << 18
# Processor time that all patterns together may take for one text, in seconds, and its characters.
_LONGEST_LOOK: Final = 0.002
_LONG_TEXT: Final = 2000
_LOOKS: Final = 5
# What patterns of classes and their opposites are tried on: signs, letters of other scripts, both.
_HARD: Final = tuple(
    (text * _LONG_TEXT)[:_LONG_TEXT].encode()
    for text in ("–", "!?", "한", "é", "!b", "한!", "b 한0-é")
)
# Lists that are kept compiled, and the words in all of them; a thousand words take 1 to 2 MB.
_MOST_KEPT: Final = 256
_MOST_WORDS_KEPT: Final = 50_000
# Places in one text where something that is allowed is looked for; beyond them nothing is.
_MOST_ALLOWED: Final = 300
# Words of the room are looked for under the disguises of terms that are as severe as this.
_SEVERE: Final = 3
# What stands for no letter by itself: counts and classes.
_SIGNS: Final = re.compile(r"\{[\d,]*\}|\\[pP]\{\w*\}|\\.")
_HANGUL: Final = re.compile("[ㄱ-ㅣ가-힣]").search
# Scripts that put no spaces between words.
_UNSPACED: Final = re.compile("[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]").search


@dataclass(frozen=True, slots=True, eq=False)
class CustomLists:
    """What a room adds to the lists, ready to be looked for."""

    words: Lexicon | None
    allowed: Index | None
    # Whether any of the patterns may match, and each of them.
    any_pattern: Any
    patterns: tuple[Any, ...]

    def allows(self, folded: str) -> list[tuple[int, int]]:
        """Where something stands in a folded text that the room allows."""
        if self.allowed is None:
            return []
        terms = self.allowed.terms
        return [
            (start, end)
            for pattern, start, end in islice(self.allowed.find(folded), _MOST_ALLOWED)
            if any(counts_here(term, folded, start, end) for term in terms[pattern])
        ]


def _pattern(pattern: str, memory: int = _PATTERN_MEMORY) -> Any:
    return linear(pattern, same_case=False, memory=memory)


def is_allowed(start: int, end: int, allowed: Collection[tuple[int, int]]) -> bool:
    """Whether a range is wholly inside something that the room allows."""
    return any(first <= start and end <= last for first, last in allowed)


def checked_words(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words, trimmed; ValueError for too many, one that is empty and one that is too long."""
    if len(words) > _MOST_WORDS:
        raise ValueError(f"{len(words):,} words, {_MOST_WORDS:,} at most")
    trimmed = tuple(word.strip() for word in words)
    for number, word in enumerate(trimmed, start=1):
        if len(word) > _LONGEST_WORD:
            raise ValueError(f"word {number} has {len(word)} characters, {_LONGEST_WORD} at most")
        if not _bare(word):
            raise ValueError(f"word {number} is empty: {word!r} would match everything")
    return trimmed


def checked_patterns(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """The patterns; ValueError for too many, and for one that RE2 refuses, with its reason."""
    if len(patterns) > _MOST_PATTERNS:
        raise ValueError(f"{len(patterns):,} patterns, {_MOST_PATTERNS:,} at most")
    for number, pattern in enumerate(patterns, start=1):
        if len(pattern) > _LONGEST_PATTERN:
            raise ValueError(f"pattern {number} has more than {_LONGEST_PATTERN} characters")
        try:
            matches_nothing = _pattern(pattern).search("") is not None
        except re2.error as error:
            reason = error.args[0]
            reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason
            raise ValueError(f"pattern {number} is refused: {reason} ({pattern!r})") from error
        except UnicodeError as error:
            raise ValueError(f"pattern {number} holds half of a surrogate pair") from error
        if matches_nothing:
            raise ValueError(f"pattern {number} would match everything: {pattern!r}")
    return patterns


def check_looks(patterns: tuple[str, ...]) -> None:
    """ValueError for patterns that take too long on long texts of their own letters and others.

    RE2's time grows with the text and no faster, but counted repeats (`.{1,200}`) make it large.
    """
    compiled_ones = [_pattern(pattern) for pattern in patterns]
    texts = dict.fromkeys(text for pattern in patterns for text in _hard_texts(pattern))
    for text in (*_HARD, *texts):
        took = _looks(compiled_ones, text)
        # On a busy machine one look says little.
        for _ in range(_LOOKS if sum(took) > _LONGEST_LOOK else 0):
            took = list(map(min, took, _looks(compiled_ones, text)))
        if sum(took) > _LONGEST_LOOK:
            slowest = took.index(max(took))
            raise ValueError(
                f"the patterns take {sum(took) * 1000:.0f} ms for a text of {_LONG_TEXT:,}"
                f" characters, {_LONGEST_LOOK * 1000:.0f} at most. The slowest is pattern"
                f" {slowest + 1}, {patterns[slowest]!r}: shorten its counted repeats ({{1,200}})"
            )


def _hard_texts(pattern: str) -> Iterator[bytes]:
    """Texts of the letters of a pattern: some that come close to a match, and one of them all."""
    letters = "".join(dict.fromkeys(filter(str.isalnum, _SIGNS.sub("", pattern)))) or "a"
    chance = Random(pattern)
    for alphabet in {letters[:2], letters[:3], letters[:1] + "0 ", letters[:2] + "0 ", letters}:
        yield "".join(chance.choices(sorted(alphabet), k=_LONG_TEXT)).encode()


def _looks(patterns: list[Any], text: bytes) -> list[float]:
    """Seconds of processor time that each pattern takes to look through a text."""
    took: list[float] = []
    for pattern in patterns:
        began = process_time()
        pattern.search(text)
        took.append(process_time() - began)
    return took


def _bare(word: str) -> str:
    """A word as it is looked for, without the stars that say where it counts."""
    return normalise(word.strip("*")).folded.strip()


def _terms(words: tuple[str, ...]) -> list[Term]:
    """The words as terms, in each of their spellings."""
    return [
        Term(spelling.strip(), "own", _SEVERE, _boundary(word, bare))
        for word in words
        if (bare := _bare(word))
        for spelling in spellings(word.strip("*"))
    ]


def _boundary(word: str, bare: str) -> Boundary:
    if word.startswith("*") or _UNSPACED(bare):
        return "any"
    if word.endswith("*"):
        return "prefix"
    return "word" if _HANGUL(bare[-1]) else "whole"


# Words, allowed words and patterns.
_Lists = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]


class CompiledLists:
    """Compiled lists by what they were made of; of many or long ones the last used are kept."""

    def __init__(self, most: int = _MOST_KEPT, most_words: int = _MOST_WORDS_KEPT) -> None:
        self._most = most
        self._most_words = most_words
        self._kept: dict[_Lists, CustomLists] = {}
        self._lock = Lock()

    def get(
        self, words: tuple[str, ...], allowed: tuple[str, ...], patterns: tuple[str, ...]
    ) -> CustomLists:
        """Compile lists, unless they are here."""
        lists = words, allowed, patterns
        with self._lock:
            own = self._kept.pop(lists, None)
            if own is not None:
                self._kept[lists] = own
                return own
        own = _compile(words, allowed, patterns)
        with self._lock:
            self._kept[lists] = own
            while len(self._kept) > 1 and self._too_many():
                # The one that nobody has asked for in the longest time.
                del self._kept[next(iter(self._kept))]
        return own

    def _too_many(self) -> bool:
        count = sum(len(words) + len(allowed) for words, allowed, _ in self._kept)
        return len(self._kept) > self._most or count > self._most_words


_compiled = CompiledLists()


def compiled(
    words: tuple[str, ...], allowed: tuple[str, ...], patterns: tuple[str, ...]
) -> CustomLists:
    """Compile a room's lists; rooms and changes with the same lists share the result."""
    return _compiled.get(words, allowed, patterns)


def _compile(
    words: tuple[str, ...], allowed: tuple[str, ...], patterns: tuple[str, ...]
) -> CustomLists:
    return CustomLists(
        words=build(_terms(words)) if words else None,
        allowed=_allowed(allowed) if allowed else None,
        any_pattern=_any(patterns) if len(patterns) > 1 else None,
        patterns=tuple(_pattern(pattern) for pattern in patterns),
    )


def _allowed(words: tuple[str, ...]) -> Index:
    return index([(term.text, term) for term in _terms(words)])


def _any(patterns: tuple[str, ...]) -> Any:
    """One pattern that matches where any does; None when they are too much for one."""
    try:
        return _pattern("|".join(f"(?:{pattern})" for pattern in patterns), 1 << 22)
    except re2.error:
        return None
