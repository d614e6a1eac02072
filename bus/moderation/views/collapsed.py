"""Latin terms under leet, separators, spacing and repeated letters."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain, groupby
from typing import Final

from ..edges import clean_left, clean_right, stands
from ..lexicon import CROWD, Lexicon, Match
from ..normalise import Normal
from ..skeleton import LEET, letter_of, runs, skeleton
from ..terms import Term

_LONGEST_GAP: Final = 3
_GAP: Final = re.compile(r"[^a-z0-9@$!|+(<{]+")
# Letters of the shortest skeleton of a term.
_SHORTEST: Final = 3
# Places in one text.
_MOST: Final = 60
# Letters of a word that does not come about where two others meet.
_LONG: Final = 6
# Put between letters where the word goes on: `f1uck`, `s+l+u+t`.
_PUT_BETWEEN: Final = re.compile(r"(?<=[a-z])[0-9+|!](?=[a-z])")
_VOWEL: Final = re.compile("[aeiouy]").search
# Of the letters that read alike, which may be written for which.
_SWAPS: Final = frozenset(("iv", "li", "il", "uv"))


@lru_cache(maxsize=8192)
def _groups(joined: str) -> tuple[str, ...]:
    """The letters of a term, those that are one letter of the skeleton together."""
    return tuple("".join(group) for _, group in groupby(joined, key=letter_of))


def _contiguous(folded: str, start: int, end: int, *, last: bool) -> tuple[int, int]:
    """The unbroken end (or, of the last run, beginning) of a run that separators interrupt."""
    gap = next(iter(_GAP.finditer(folded, start, end)), None)
    if gap is None:
        return start, end
    if last:
        return start, gap.start()
    while gap is not None:
        start = gap.end()
        gap = next(iter(_GAP.finditer(folded, start, end)), None)
    return start, end


def _spelling(chars: str, group: str) -> str | None:
    """How these characters spell the letters of a group: exact, repeat, many, leet; None if not."""
    if chars == group:
        return "exact"
    signs = any(char in LEET for char in chars)
    if signs:
        readings = {letter for char in chars for letter in LEET.get(char, char)}
        fits = len(chars) >= len(group) and not readings.isdisjoint(group)
        return "leet" if fits else None
    ours = [(char, len(list(same))) for char, same in groupby(chars)]
    theirs = [(char, len(list(same))) for char, same in groupby(group)]
    if len(ours) != len(theirs):
        return None
    swapped = False
    for (char, count), (letter, least) in zip(ours, theirs, strict=True):
        if count < least or (char != letter and letter + char not in _SWAPS):
            return None
        swapped = swapped or char != letter
    if swapped:
        return "leet"
    return "many" if any(count >= 3 for _, count in ours) else "repeat"


def _apart(term: Term, folded: str, start: int, end: int) -> bool:
    """Whether a term written with spaces inside is spelled out, and not two words that meet."""
    if not (clean_left(folded, start) and clean_right(folded, end)):
        return False
    pieces = [piece for piece in folded[start:end].split() if not _GAP.fullmatch(piece)]
    if len(pieces) == term.text.count(" ") + 1:
        return True
    if all(len(piece) == 1 for piece in pieces):
        # `g r a p e` is one longer word; `a` is a word by itself.
        before = folded[max(0, start - _LONGEST_GAP) : start].split()
        after = folded[end : end + _LONGEST_GAP].split()
        longer = (before and len(before[-1]) == 1 and before[-1] != "a") or (
            after and len(after[0]) == 1
        )
        return term.edges == "any" or not longer
    if any(piece[-1] in ".,!?;:" or piece.isdigit() for piece in pieces[:-1]):
        # The end of a sentence, or a number before a word: `5 pick`
        return False
    if end - start == len(folded.strip()):
        return True
    if len(pieces) == 2 and len(term.text) >= _LONG and term.severity >= 3:
        return True
    return any(
        piece not in ("a", "i", "u", "sh") and (len(piece) == 1 or not _VOWEL(piece))
        for piece in pieces
    )


def _parted(term: Term, folded: str, start: int, end: int, gaps: list[str]) -> bool:
    """Whether what stands between the letters disguises one word, not joins two."""
    if start and folded[start - 1] in "'’":
        # `let's hit the road`
        return False
    if any(len(gap) > _LONGEST_GAP or "'" in gap or "’" in gap for gap in gaps):
        return False
    spaced = any(gap.isspace() or " " in gap for gap in gaps)
    return not spaced or _apart(term, folded, start, end)


def _holds(
    term: Term, folded: str, start: int, end: int, gaps: list[str], spelt: list[str]
) -> bool:
    """Whether the disguise is one, and the term stands by its edges under it."""
    if not gaps and not any(kind != "exact" for kind in spelt):
        # Spelt plainly: the plain view has judged it.
        return False
    written = folded[start:end]
    if gaps or "leet" in spelt:
        letters = sum(char.isalpha() for char in written)
        if not clean_left(folded, start) or letters * 3 < len(term.joined):
            return False
    elif "many" not in spelt and term.severity < 3:
        # boots are no bots
        return False
    elif "many" not in spelt:
        # A doubled letter alone makes other words: rapper, annals.
        doubled = [index for index, kind in enumerate(spelt) if kind == "repeat"]
        groups = _groups(term.joined)
        inner = [i for i in doubled if 0 < i < len(groups) - 1 and not _VOWEL(groups[i])]
        if inner or not (clean_left(folded, start) and clean_right(folded, end)):
            return False
    return stands(term, folded, start, end)


def find(normal: Normal, lexicon: Lexicon) -> Iterable[Match]:
    """Every term that shows once signs are read as letters and the rest is taken out."""
    folded, shape = normal.folded, normal.shape
    found = _read(folded, lexicon)
    if b"a0a" in shape or (b"a.a" in shape and ("+" in folded or "|" in folded or "!" in folded)):
        without, signs = _PUT_BETWEEN.subn("\x1f", folded)
        if signs:
            return chain(found, _read(without, lexicon))
    return found


def _read(folded: str, lexicon: Lexicon) -> Iterable[Match]:
    """The terms of one reading."""
    bare = skeleton(folded)
    if len(bare) >= _SHORTEST and (candidates := lexicon.collapsed.find(bare)):
        return _among(candidates, folded, lexicon)
    return ()


def _among(
    candidates: list[tuple[int, int, int]], folded: str, lexicon: Lexicon
) -> Iterator[Match]:
    """The candidates that are spelt where the skeleton shows them."""
    places = runs(folded, max(last for _, _, last in candidates[: _MOST + 1]))
    if len(candidates) > _MOST:
        yield Match(CROWD, places[candidates[_MOST][1]][0], len(folded), "collapsed")
    for pattern, first, last in candidates[:_MOST]:
        start, end = places[first][0], places[last - 1][1]
        for term in lexicon.collapsed.terms[pattern]:
            if end - start == len(term.text) and folded.startswith(term.text, start):
                # Spelt plainly: the plain view has judged it.
                continue
            match = _match(term, folded, places[first:last])
            if match is not None:
                yield match


def _match(term: Term, folded: str, places: list[tuple[int, int]]) -> Match | None:
    """The term at these places, if it is spelt there and holds."""
    groups = _groups(term.joined)
    places = list(places)
    for index in {0, len(groups) - 1}:
        short = _contiguous(folded, *places[index], last=index > 0)
        if short[1] - short[0] >= len(groups[index]):
            places[index] = short
    start, end = places[0][0], places[-1][1]
    gaps = _GAP.findall(folded, start, end)
    # Two innocent words that meet are by far the most of what is looked at here.
    if gaps and not _parted(term, folded, start, end, gaps):
        return None
    spelt: list[str] = []
    for (begin, stop), group in zip(places, groups, strict=True):
        kind = _spelling(_GAP.sub("", folded[begin:stop]), group)
        if kind is None:
            return None
        spelt.append(kind)
    if not _holds(term, folded, start, end, gaps, spelt):
        return None
    return Match(term, start, end, "collapsed")
