"""Terms of alphabets but Latin (Cyrillic, Arabic, Devanagari …) drawn out, parted, starred."""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from bus.moderation.text.alphabets import LETTERS, any_letter, squeezed
from bus.moderation.text.normalise import NormalisedText
from bus.moderation.words.boundaries import clean_left, clean_right
from bus.moderation.words.counting import counts_here, is_excepted
from bus.moderation.words.lexicon import TOO_MANY, Lexicon, Match
from bus.moderation.words.terms import Term

_RUN: Final = re.compile(rf"([{LETTERS}])\1*+").finditer
_GAP: Final = re.compile(f"[^{LETTERS}]+")
# Letters that others follow with something between, letter by letter; a letter three times.
_may_be_parted: Final = re.compile(
    rf"[{LETTERS}][^{LETTERS}a-z0-9]{{1,3}}[{LETTERS}](?![{LETTERS}])|([{LETTERS}])\1"
    rf"|[{LETTERS}][^{LETTERS}a-z0-9\s]{{1,3}}[{LETTERS}]"
).search
_LONGEST_GAP: Final = 3
_INDIC: Final = "\u0900"
# What stands between words, and between letters as well.
_SOFT: Final = frozenset(" \t\n.,/~!?:;-·…()[]\"'،؛؟।")
_may_be_starred: Final = re.compile(f"[{LETTERS}][*#%@&$]").search
_STARRED: Final = re.compile(
    rf"(?<![{LETTERS}a-z0-9*])[{LETTERS}]+[*#%@&$]+[{LETTERS}*#%@&$]*"
).finditer
_SIGNS: Final = re.compile("[#%@&$]")
# Letters shown of a starred word.
_SHOWN: Final = 2
# Terms that are tried on one text: twice as many as any page of ordinary talk has.
_MOST: Final = 60


def parted(normal: NormalisedText, lexicon: Lexicon) -> Iterable[Match]:
    """Terms whose letters are drawn out, or have spaces and signs between."""
    return _parted(normal.folded, lexicon) if _may_be_parted(normal.folded) else ()


def _parted(folded: str, lexicon: Lexicon) -> Iterator[Match]:
    # Each run of one letter as one.
    places = [run.span() for run in _RUN(folded)]
    bare = "".join(folded[start] for start, _ in places)
    tried = 0
    for pattern, first, last in lexicon.alphabets.find(bare):
        if places[last - 1][1] - places[first][0] == last - first:
            # Spelt plainly: that is the plain reading's to judge.
            continue
        tried += 1
        if tried > _MOST:
            yield Match(TOO_MANY, places[first][0], len(folded), "collapsed")
            return
        for term in lexicon.alphabets.terms[pattern]:
            if _disguised(term, folded, places[first:last]):
                yield Match(term, places[first][0], places[last - 1][1], "collapsed")


def _disguised(term: Term, folded: str, runs: list[tuple[int, int]]) -> bool:
    """Whether the letters at these places are the term, disguised, and not other words."""
    start, end = runs[0][0], runs[-1][1]
    written = folded[start:end]
    if written == term.text:
        return False
    gaps = _GAP.findall(written)
    if not gaps:
        return _drawn_out(term, folded, runs)
    if written.split() == term.text.split() or any(map(_parts, gaps)):
        return False
    if term.exceptions and is_excepted(term, folded, start, end):
        return False
    if not (term.boundary == "any" or clean_left(folded, start)):
        return False
    if not (term.boundary in ("any", "prefix") or clean_right(folded, end)):
        return False
    pieces = _GAP.split(written)
    if len(pieces) == term.text.count(" ") + 1 == 2:
        return False
    if all(len(squeezed(piece)) <= _syllable(piece) for piece in pieces):
        return not _goes_on(term, folded, start, end)
    # Two words that meet, or one that a sign was put in.
    return not any(_SOFT.issuperset(gap) for gap in gaps)


def _parts(gap: str) -> bool:
    """Whether what stands between two letters makes them of two words."""
    return len(gap) > _LONGEST_GAP or any(map(str.isalnum, gap))


def _syllable(letters: str) -> int:
    """How many letters are spelled out as one: in India's scripts vowels stay with theirs."""
    return 3 if letters[0] >= _INDIC else 1


def _goes_on(term: Term, folded: str, start: int, end: int) -> bool:
    """Whether a longer word that is spelled out, and the term does not open, goes on from these."""
    before = folded[max(0, start - _LONGEST_GAP) : start].split()[-1:]
    after = folded[end : end + _LONGEST_GAP].split()[:1]
    beside = (before if term.boundary != "any" else []) + (
        after if term.boundary in ("whole", "word") else []
    )
    return any(len(piece) == 1 and any_letter(piece) for piece in beside)


def _drawn_out(term: Term, folded: str, runs: list[tuple[int, int]]) -> bool:
    """Whether letters that are said again are all that the word has over the term."""
    start, end = runs[0][0], runs[-1][1]
    theirs = [len(list(same)) for _, same in groupby(term.joined)]
    ours = [stop - begin for begin, stop in runs]
    if any(count < least for count, least in zip(ours, theirs, strict=True)):
        return False
    if max(count - least for count, least in zip(ours, theirs, strict=True)) < 2 and not (
        clean_left(folded, start) and clean_right(folded, end)
    ):
        # A doubled letter makes other words.
        return False
    return counts_here(term, folded, start, end)


def starred(normal: NormalisedText, lexicon: Lexicon) -> Iterable[Match]:
    """Terms with letters struck out by stars and the like."""
    return _starred(normal.folded, lexicon) if _may_be_starred(normal.folded) else ()


def _starred(folded: str, lexicon: Lexicon) -> Iterator[Match]:
    for token in _STARRED(folded):
        word = _SIGNS.sub("*", token[0])
        bare = word.rstrip("*")
        # A star at the end is a footnote.
        if "*" not in bare and len(word) - len(bare) < _SHOWN:
            continue
        for term in _behind(word, lexicon):
            yield Match(term, token.start(), token.end(), "masked")


def _behind(word: str, lexicon: Lexicon) -> list[Term]:
    """The terms that a starred word may begin with, or be."""
    for length in range(len(word), word.index("*"), -1):
        words = lexicon.alphabets_masked.get(length)
        shown = word[:length]
        if words is None or length - shown.count("*") < max(_SHOWN, length - 3):
            continue
        terms = [
            term
            for term in words.fitting(shown)
            if length == len(word) or term.boundary in ("any", "prefix")
        ]
        if terms:
            return terms
    return []
