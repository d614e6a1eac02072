"""The word lists, compiled once into one automaton for each view."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from ahocorasick_rs import AhoCorasick

from .hangul import is_hangul, is_jamo, to_jamo, to_keys
from .skeleton import skeleton
from .terms import Term, load

# Shorter ones turn up by chance when letters are joined or keys are read as Hangul.
_SHORTEST_JOINED: Final = 4
_SHORTEST_KEYS: Final = 5
# Endings under which a starred word is still read.
_SUFFIXES: Final = ("", "s", "es", "ed", "er", "ers", "in", "ing", "y")


class Match(NamedTuple):
    """A term found in a folded text, and the view in which it showed."""

    term: Term
    start: int
    end: int
    view: str


@dataclass(frozen=True, slots=True)
class Index:
    """An automaton over the patterns of a view, and the terms that each pattern stands for."""

    automaton: AhoCorasick
    terms: tuple[tuple[Term, ...], ...]

    def find(self, text: str) -> list[tuple[int, int, int]]:
        """All occurrences, overlapping ones too: (pattern, start, end)."""
        found: list[tuple[int, int, int]] = self.automaton.find_matches_as_indexes(
            text, overlapping=True
        )
        return found


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Everything that the views look for."""

    plain: Index
    keyboard: Index
    collapsed: Index
    syllables: Index
    jamo: Index
    spelled: dict[str, Term]
    masked: dict[tuple[int, str], tuple[tuple[str, Term], ...]]


def _index(patterns: list[tuple[str, Term]]) -> Index:
    grouped: dict[str, list[Term]] = {}
    for pattern, term in patterns:
        grouped.setdefault(pattern, []).append(term)
    return Index(AhoCorasick(list(grouped)), tuple(map(tuple, grouped.values())))


def _keyboard(terms: list[Term]) -> list[tuple[str, Term]]:
    """Korean terms as they come out of a keyboard left in English."""
    keys = []
    for term in terms:
        typed = to_keys(term.joined)
        bare = all(map(is_jamo, term.joined))
        if not bare and term.severity >= 3 and len(typed) >= _SHORTEST_KEYS and typed.isascii():
            keys.append((typed, term))
    return keys


def _masked(terms: list[Term]) -> dict[tuple[int, str], tuple[tuple[str, Term], ...]]:
    """Words by length and first letter, for `f**k` to be read among them, the likeliest first."""
    found: dict[tuple[int, str], dict[str, Term]] = {}
    for suffix in _SUFFIXES:
        for term in terms:
            if term.severity < 3 or not term.text.isalpha() or len(term.text) < _SHORTEST_JOINED:
                continue
            if not suffix or term.edges != "whole":
                word = term.text + suffix
                found.setdefault((len(word), word[0]), {}).setdefault(word, term)
    return {key: tuple(words.items()) for key, words in found.items()}


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """Read the lists and build the automata, at the first call."""
    english, korean = load("en"), load("ko")
    letters = [t for t in english if t.joined.isalpha()]
    hangul = [t for t in korean if all(map(is_hangul, t.joined))]
    return Lexicon(
        plain=_index([(t.text, t) for t in english + korean]),
        keyboard=_index(_keyboard(hangul)),
        collapsed=_index(
            [(s, t) for t in letters if len(s := skeleton(t.joined)) >= _SHORTEST_JOINED]
        ),
        syllables=_index([(t.joined, t) for t in hangul if len(t.joined) > 1]),
        jamo=_index(
            [
                ("".join(map(to_jamo, t.joined)), t)
                for t in hangul
                if not all(map(is_jamo, t.joined)) and len(t.joined) > 1
            ]
        ),
        spelled={t.text: t for t in letters if len(t.text) >= 3 and t.severity >= 2},
        masked=_masked(letters),
    )
