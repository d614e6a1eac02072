"""Which languages a text may be of, and so whose terms count in it."""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final

from bus.moderation.language.signs import EASTERN, LATIN, script_of, signs
from bus.moderation.text.confusables import any_of_alphabets, native_words
from bus.moderation.text.indic import MARKS

# Japanese and Chinese letters are signs one by one: no spaces part their words.
_EASTERN: Final = "\u3040-\u30ff\u4e00-\u9fff"
_LETTERS: Final = rf"(?:[^\W\d_{_EASTERN}]|[\u0300-\u036f{MARKS}])++"
_BESIDE: Final = rf"[^\W{_EASTERN}]"
_WORD: Final = re.compile(
    rf"(?<!{_BESIDE}){_LETTERS}(?:['’]{_LETTERS})*+(?!{_BESIDE}|[{MARKS}])|[{_EASTERN}]"
).finditer
# Names of people and addresses are of no language.
_NAME: Final = re.compile(
    r"[@#][\w.-]+|https?:\S*|www\.\S*|(?<!\S)[^\s/]{1,80}\.[a-z]{2,8}/\S*", re.IGNORECASE
).finditer
# Characters and different words that are looked at; more tell no more.
_READ: Final = 400
_MOST: Final = 40
# Characters by which the script of what is written shows.
_ENOUGH: Final = 40
# A text of so many other words, of which none is English, is of some other language.
_STRANGE: Final = 8
_ENGLISH: Final = "en"
_NONE: Final[frozenset[str]] = frozenset()
_NOTHING: Final[Counter[str]] = Counter()
# What a word says: one of two plain letters turns up in any language.
_LITTLE: Final = 1
_MUCH: Final = 2
_SHORT: Final = 2


class Spoken:
    """What a text shows of its language, but for the words at some ranges of it.

    `ranges` are ranges of the text as written: what is judged there is no sign. `room` has the
    languages of the room, all if it is empty.
    """

    __slots__ = ("_answers", "_by_script", "_native", "_room", "_signs", "_strange")

    def __init__(
        self,
        text: str,
        ranges: Sequence[tuple[int, int]] = (),
        room: Collection[str] = (),
    ) -> None:
        words = _words(text[:_READ], ranges)
        self._room = frozenset(room)
        self._answers: dict[tuple[frozenset[str], str], bool] = {}
        self._signs: Counter[str] = Counter()
        self._by_script: dict[str, Counter[str]] = {}
        latin = 0
        for word in words:
            script = LATIN if word.isascii() else script_of(word)
            latin += script == LATIN
            if not (languages := _languages(word, script)):
                continue
            weight = _LITTLE if len(word) <= _SHORT and word.isascii() else _MUCH
            if script not in self._by_script:
                self._by_script[script] = Counter()
            in_script = self._by_script[script]
            for language in languages:
                self._signs[language] += weight
                in_script[language] += weight
        self._native = any(
            any_of_alphabets(word) and next(native_words(word), None) is not None for word in words
        )
        self._strange = latin >= _STRANGE and not self._signs[_ENGLISH]

    def may_be(self, languages: frozenset[str], written: str) -> bool:
        """Whether what is written somewhere in the text may be of one of these languages."""
        theirs = signs().words.get(written.lower(), _NONE) - languages
        if self._room:
            theirs &= {_ENGLISH}
        if theirs:
            ours = self._most(languages)
            # An everyday word of a language that shows more: there is no doubt. So is an English
            # word alone, where any language may be spoken.
            alone = _ENGLISH in theirs and not self._room and not ours
            if alone or self._most(theirs) > ours:
                return False
        asked = languages, script_of(written[:_ENOUGH])
        if asked not in self._answers:
            self._answers[asked] = self._may_be(*asked)
        return self._answers[asked]

    def _may_be(self, languages: frozenset[str], script: str) -> bool:
        known = signs().scripts.get(script, frozenset())
        if not script or not known:
            return True
        if script == LATIN:
            # Whoever speaks it in the room may write it in Latin letters, too.
            known |= self._room
        among = languages & known
        if not among and script != LATIN:
            # Latin letters are posed as here, unless the others are of that script, too.
            return not self._native and not self._most(known)
        # What is said in another script rules no language out in this one: 你真是个 idiot.
        shown = self._by_script.get(script, _NOTHING)
        room = known & self._room
        if not self._room or languages & self._room:
            among, known = (among & room, room) if self._room else (among, known)
            if self._strange and among == {_ENGLISH} != room:
                return False
            # English is known too well to be ruled out by a little word alone.
            doubt = _LITTLE if _ENGLISH in among else 0
            return self._most(languages) + doubt >= self._most(known, shown)
        ours = self._most(languages)
        return ours > self._most(room) and ours >= self._most(known, shown)

    def _most(self, languages: Collection[str], shown: Counter[str] | None = None) -> int:
        """What the language that shows most has of all signs, or of some."""
        among = self._signs if shown is None else shown
        return max((among[language] for language in languages), default=0)


def _words(text: str, ranges: Sequence[tuple[int, int]]) -> list[str]:
    """The different words of a text in lower case, but for those at these ranges.

    One with an accent that is an everyday word as it stands is no disguise, and is there: Hungarian
    függ.
    """
    covered = bytearray(len(text))
    for start, end in (*ranges, *(name.span() for name in _NAME(text))):
        covered[start:end] = b"\x01" * (end - start)
    words: dict[str, None] = {}
    for found in _WORD(text):
        written = unicodedata.normalize("NFC", found[0]).replace("’", "'").lower()
        if not any(covered[found.start() : found.end()]) or (
            not written.isascii() and written in signs().words
        ):
            known = written in signs().words or "'" not in written
            words.update(dict.fromkeys([written] if known else written.split("'")))
        if len(words) >= _MOST:
            break
    if sum(len(word) == 1 for word in words) * 2 > len(words):
        # Any word may be spelled in single letters.
        return [
            word
            for word in words
            if len(word) > 1 or not (word.isascii() or any_of_alphabets(word))
        ]
    return list(words)


def _languages(word: str, script: str) -> Collection[str]:
    """Those that a word of a script is a sign of."""
    known = signs()
    if word.isascii():
        return known.words.get(word, ())
    return known.letters.get(word, ()) if script == EASTERN else known.of(word)
