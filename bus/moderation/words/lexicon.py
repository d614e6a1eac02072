"""The word lists, compiled once into one automaton for each disguise."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, NamedTuple

from ahocorasick_rs import AhoCorasick

from bus.moderation.text.alphabets import any_letter, squeezed
from bus.moderation.text.eastern import eastern_form, script
from bus.moderation.text.hangul import is_hangul, is_jamo, to_jamo, to_keys
from bus.moderation.text.normalise import NormalisedText
from bus.moderation.text.skeleton import skeleton
from bus.moderation.verdict import WRITTEN
from bus.moderation.words.masked_words import (
    SHORTEST_JOINED,
    SHORTEST_MILD,
    SameLength,
    add,
    by_length,
    starred_words,
)
from bus.moderation.words.misspellings import MISSPELLINGS, misspelt, misspelt_korean
from bus.moderation.words.terms import Term, load_all, load_spam_phrases

# In place of a disguise: no term, but with others of its kind advertising.
SPAM_PHRASE: Final = "spam phrase"
# The disguise of a line on its head, which no plain letters make.
UPSIDE_DOWN: Final = "upside down"
_ENGLISH: Final = "en"
# The disguise of misspellings that everyone reads.
MISSPELT: Final = "misspelt"
# Shorter ones turn up by chance when letters are joined or keys are read as Hangul.
_SHORTEST_KEYS: Final = 5
_SHORTEST_ALPHABETS: Final = 3
# From this severity on a Japanese or Chinese term is looked for with something between its letters.
_SEVERE: Final = 3
# So many patterns that end in each other are searched for piece by piece, with so many letters in
# which an occurrence may begin, until so many are found: more than any reader looks at.
_DEEP: Final = 8
_STEP: Final = 32
_ENOUGH: Final = 1000

# A text in which so many places look like terms is no text. It is read so far, and all the rest is
# taken for one hit: every place costs time.
TOO_MANY: Final = Term("", "scam", 3, "any")


class Match(NamedTuple):
    """A term found in a folded text, and the disguise under which it showed."""

    term: Term
    start: int
    end: int
    disguise: str


class Finder:
    """An automaton over some patterns, which stops early where they are too many in each other."""

    __slots__ = ("_automaton", "_longest")

    def __init__(self, patterns: Sequence[str]) -> None:
        self._automaton = AhoCorasick(patterns)
        # Of patterns that end in many others, as `aaaa` does, every letter of a text may end many.
        self._longest = max(map(len, patterns)) if _deepest(patterns) > _DEEP else 0

    def find(self, text: str) -> list[tuple[int, int, int]]:
        """All occurrences, overlapping ones too: (pattern, start, end); no more after so many."""
        if not self._longest:
            return self._find(text)
        found: list[tuple[int, int, int]] = []
        for first in range(0, len(text), _STEP):
            piece = text[first : first + _STEP + self._longest - 1]
            found += [
                (pattern, first + start, first + end)
                for pattern, start, end in self._find(piece)
                if start < _STEP
            ]
            if len(found) > _ENOUGH:
                break
        return found

    def _find(self, text: str) -> list[tuple[int, int, int]]:
        found: list[tuple[int, int, int]] = self._automaton.find_matches_as_indexes(
            text, overlapping=True
        )
        return found


def _deepest(patterns: Sequence[str]) -> int:
    """In how many patterns one ends at most, itself included."""
    deepest = 0
    # From behind and in order, what one ends in stands before it.
    endings: list[str] = []
    for behind in sorted({pattern[::-1] for pattern in patterns}):
        while endings and not behind.startswith(endings[-1]):
            endings.pop()
        endings.append(behind)
        deepest = max(deepest, len(endings))
    return deepest


@dataclass(frozen=True, slots=True)
class Index:
    """A finder of the patterns of a disguise, and the terms that each pattern stands for."""

    finder: Finder
    terms: tuple[tuple[Term, ...], ...]

    def find(self, text: str) -> list[tuple[int, int, int]]:
        """All occurrences, overlapping ones too: (pattern, start, end)."""
        return self.finder.find(text)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Everything that is looked for under the disguises."""

    surface: Finder
    # What each pattern of the surface stands for, and under which disguise.
    readings: tuple[tuple[tuple[str, Term], ...], ...]
    collapsed: Index
    # Terms of which the accents count.
    accented: Index
    # Without one of these letters and marks a text has no accented term.
    accents: frozenset[str]
    syllables: Index
    jamo: Index
    eastern: Index
    # Those of alphabets but Latin, as `squeezed` has them, and by length.
    alphabets: Index
    alphabets_masked: dict[int, SameLength]
    spelled: dict[str, Term]
    # Words by length, and the place of each among all.
    masked: dict[int, SameLength]
    ranks: dict[str, tuple[int, Term]]

    def scan(self, normal: NormalisedText) -> list[tuple[int, int, int]]:
        """All that the folded text spells, overlapping too: (pattern, start, end); once a text."""
        if normal.scanned is not None and normal.scanned[0] is self:
            return normal.scanned[1]
        found = self.surface.find(normal.folded)
        if normal.scanned is None:
            normal.scanned = self, found
        return found


def _disguised(term: Term) -> bool:
    """Whether anybody would disguise this term, and it does not turn up in every other line."""
    least = SHORTEST_JOINED if term.severity >= 3 else SHORTEST_MILD
    return term.severity >= 2 and len(skeleton(term.joined)) >= least


def _long_enough(term: Term) -> bool:
    """Whether a term of another alphabet is not taken for other words when letters are joined."""
    least = _SHORTEST_ALPHABETS if term.severity >= 3 else SHORTEST_MILD
    return term.severity >= 2 and len(squeezed(term.joined)) >= least


def index(patterns: list[tuple[str, Term]]) -> Index:
    """An index of patterns; several terms may share one."""
    grouped: dict[str, list[Term]] = {}
    for pattern, term in patterns:
        grouped.setdefault(pattern, []).append(term)
    return Index(Finder(list(grouped)), tuple(map(tuple, grouped.values())))


def _keyboard(terms: list[Term]) -> list[tuple[str, Term]]:
    """Korean terms as they come out of a keyboard left in English."""
    keys = []
    for term in terms:
        typed = to_keys(term.joined)
        bare = all(map(is_jamo, term.joined))
        if not bare and term.severity >= 3 and len(typed) >= _SHORTEST_KEYS and typed.isascii():
            keys.append((typed, term))
    return keys


# What a letter looks like on its head.
_UPSIDE_DOWN: Final = str.maketrans("unpdbqmw", "nudpqbwm")


def _backwards(terms: list[Term], *, upside_down: bool) -> list[tuple[str, Term]]:
    """Severe terms from behind; or as they look when the line is turned on its head.

    Of English, Korean and of no language alone: the words of others from behind are too many.
    """
    found: list[tuple[str, Term]] = []
    known = {term.text for term in terms} | {*MISSPELLINGS["backwards"]}
    for term in terms:
        if term.severity < 3 or not term.text.isalpha():
            continue
        if term.languages and _ENGLISH not in term.languages:
            continue
        # Korean syllables make other words from behind, unless there are three.
        if len(term.text) < (SHORTEST_JOINED if term.latin else 3):
            continue
        if not term.latin and term.boundary != "any":
            continue
        whole = replace(term, boundary="whole", addressing="always", exceptions=())
        behind = term.text[::-1]
        spelling = behind.translate(_UPSIDE_DOWN) if upside_down else behind
        if spelling not in known and not (upside_down and spelling == behind):
            found.append((spelling, whole))
    return found


def _spelled(terms: list[Term]) -> dict[str, Term]:
    """The words that are read where they are spelled out."""
    found: dict[str, Term] = {}
    for term in terms:
        if len(term.text) >= 3 and term.severity >= 2 and term.boundary != "root":
            add(found, term.text, term)
    return found


# Accents that are written apart; and letters that have none.
_MARKS: Final = frozenset(map(chr, range(0x300, 0x370)))
_ASCII: Final = frozenset(map(chr, range(128)))


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """Read the lists and build the automata, at the first call."""
    return build(load_all(), load_spam_phrases())


def build(terms: list[Term], spam_phrases: Sequence[Term] = ()) -> Lexicon:
    """The automata of some terms, and of the phrases of advertising."""
    accented = [t for t in terms if t.exact and not t.text.isascii()]
    terms = [t for t in terms if not t.exact or t.text.isascii()]
    letters = [t for t in terms if t.joined.isascii() and t.joined.isalpha() and not t.exact]
    hangul = [t for t in terms if all(map(is_hangul, t.joined))]
    eastern = [t for t in terms if len(t.joined) > 1 and all(map(script, t.joined))]
    keys = _keyboard(hangul)
    readings: dict[str, list[tuple[str, Term]]] = {}
    for disguise, patterns in (
        (WRITTEN, [(t.text, t) for t in terms]),
        ("keyboard", keys),
        ("backwards", _backwards(letters + hangul, upside_down=False)),
        (UPSIDE_DOWN, _backwards(letters, upside_down=True)),
        (MISSPELT, misspelt(letters)),
        (MISSPELT, misspelt_korean(hangul)),
        (SPAM_PHRASE, [(t.text, t) for t in spam_phrases]),
    ):
        for pattern, term in patterns:
            readings.setdefault(pattern, []).append((disguise, term))
    words = starred_words(letters)
    others = [t for t in terms if any_letter(t.text) and t.joined.isalpha() and _long_enough(t)]
    return Lexicon(
        surface=Finder(list(readings)),
        readings=tuple(map(tuple, readings.values())),
        collapsed=index([(skeleton(t.joined), t) for t in letters if _disguised(t)]),
        accented=index([(t.text, t) for t in accented]),
        accents=_MARKS.union(*(filter(str.isalpha, t.text) for t in accented)).difference(_ASCII),
        syllables=index([(t.joined, t) for t in hangul if len(t.joined) > 1]),
        jamo=index(
            [
                ("".join(map(to_jamo, t.joined)), t)
                for t in hangul
                if not all(map(is_jamo, t.joined)) and len(t.joined) > 1
            ]
        ),
        eastern=index([(eastern_form(t.joined), t) for t in eastern if t.severity >= _SEVERE]),
        alphabets=index([(squeezed(t.joined), t) for t in others]),
        alphabets_masked=by_length({t.text: t for t in reversed(others) if t.text.isalpha()}),
        spelled=dict(keys) | _spelled(letters),
        masked=by_length(words),
        ranks={word: (rank, term) for rank, (word, term) in enumerate(words.items())},
    )
