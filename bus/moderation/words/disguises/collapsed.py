"""Latin terms under leet, separators, spacing and repeated letters."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain, groupby
from typing import Final, NamedTuple

from bus.moderation.text.normalise import NormalisedText
from bus.moderation.text.skeleton import LEET, letter_of, runs, skeleton
from bus.moderation.words.boundaries import clean_left, clean_right
from bus.moderation.words.code import is_code
from bus.moderation.words.counting import counts_here
from bus.moderation.words.lexicon import TOO_MANY, Lexicon, Match
from bus.moderation.words.safe_words import is_safe_word
from bus.moderation.words.speech import ENGLISH, any_of
from bus.moderation.words.terms import Term

_LONGEST_GAP: Final = 3
_GAP: Final = re.compile(r"[^a-z0-9@$!|+(<{]+")
# Letters of the shortest skeleton of a term.
_SHORTEST: Final = 3
# Terms that are tried on one text: twice as many as any page of ordinary talk has.
_MOST: Final = 40
# Letters of a word that does not come about where two others meet.
_LONG: Final = 6
# Put between letters where the word goes on: `f1uck`, `s+l+u+t`.
_PUT_BETWEEN: Final = re.compile(r"(?<=[a-z])(?:[0-9+|!]|\|\|)(?=[a-z])")
# Letters of a phrase that is no word when it is written as one.
_PHRASE: Final = 8
_BRACKETS: Final = frozenset("(<{")
# So severe is a term that is read where a bracket is its first letter.
_HARSH: Final = 4
_GONE: Final = "\x1f"
_SPACE: Final = re.compile(r"\s").search
_SHORTENED: Final = re.compile(
    rf"[a-z]*['’]{any_of(*ENGLISH['contraction'])}(?![a-z])|[a-z]['’]"
).match
_VOWEL: Final = re.compile("[aeiouy]").search
# Of the letters that read alike, which may be written for which.
_SWAPS: Final = frozenset(("iv", "li", "il", "uv"))
_SIGNS: Final = frozenset(LEET)


@lru_cache(maxsize=8192)
def _groups(joined: str) -> tuple[str, ...]:
    """The letters of a term, those that are one letter of the skeleton together."""
    return tuple("".join(group) for _, group in groupby(joined, key=letter_of))


def _contiguous(folded: str, start: int, end: int, *, last: bool) -> tuple[int, int]:
    """The unbroken end (or, of the last run, beginning) of a run that separators interrupt."""
    if last:
        gap = _GAP.search(folded, start, end)
        return start, gap.start() if gap else end
    for gap in _GAP.finditer(folded, start, end):
        start = gap.end()
    return start, end


def _spelling(chars: str, group: str) -> str | None:
    """How these characters spell the letters of a group: exact, repeat, many, leet; None if not."""
    if chars == group:
        return "exact"
    if not _SIGNS.isdisjoint(chars):
        readings = {letter for char in set(chars) for letter in LEET.get(char, char)}
        fits = len(chars) >= len(group) and not readings.isdisjoint(group)
        return "leet" if fits else None
    if len(group) == 1 and not chars.strip(group):
        return "many" if len(chars) >= 3 else "repeat"
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


def _between_consonants(folded: str, at: int) -> bool:
    """Whether no vowel stands beside this letter: an l there may be an i, as in `shlt`."""
    beside = folded[max(0, at - 1) : at] + folded[at + 1 : at + 2]
    return not _VOWEL(beside)


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
        return term.boundary == "any" or not longer
    if any(piece[-1] in ".,!?;:" for piece in pieces[:-1]) or any(map(str.isdigit, pieces)):
        # The end of a sentence, or a number beside a word: `5 pick`, `pick 4`
        return False
    if end - start == len(folded.strip()):
        return True
    if len(pieces) == 2 and len(term.text) >= _LONG and term.severity >= 3:
        return True
    return any(
        piece not in ENGLISH["small-word"] and (len(piece) == 1 or not _VOWEL(piece))
        for piece in pieces
    )


def _put_in(term: Term, folded: str, start: int, end: int, apostrophes: int) -> bool:
    """Whether apostrophes break up one word, and do not shorten two: `who're`, `can't watch`."""
    if term.severity < 3 or not clean_left(folded, start) or _SPACE(folded, start, end):
        return False
    return apostrophes > 1 or not _SHORTENED(folded, start)


def _parted(term: Term, folded: str, start: int, end: int, gaps: list[str]) -> bool:
    """Whether what stands between the letters disguises one word, not joins two."""
    if start and folded[start - 1] in "'’":
        # `let's hit the road`
        return False
    if any(len(gap) > _LONGEST_GAP for gap in gaps):
        return False
    apostrophes = sum("'" in gap or "’" in gap for gap in gaps)
    if apostrophes and not _put_in(term, folded, start, end, apostrophes):
        return False
    spaced = any(gap.isspace() or " " in gap for gap in gaps)
    return not spaced or _apart(term, folded, start, end)


def _one_token(term: Term, folded: str, start: int, end: int) -> bool:
    """Whether a phrase that is written without its spaces is long enough to be no other word."""
    if len(term.joined) < _PHRASE or term.severity < 3:
        return False
    return clean_left(folded, start) and clean_right(folded, end)


def _written_for_a_letter(term: Term, folded: str, start: int, end: int) -> bool:
    """Whether a bracket is the first letter of a word: `(unt`, and not `(well` or `(um)`."""
    if term.severity < _HARSH or end - start != len(term.text):
        return False
    return ")" not in folded[end:]


def _holds(
    term: Term, folded: str, start: int, end: int, gaps: list[str], spelt: list[str]
) -> bool:
    """Whether the disguise is one, and the term stands by its boundary under it."""
    if not gaps and " " in term.text and not _one_token(term, folded, start, end):
        # goodie
        return False
    if not gaps and " " not in term.text and not any(kind != "exact" for kind in spelt):
        # Spelt plainly: that is the plain reading's to judge.
        return False
    written = folded[start:end]
    if gaps or "leet" in spelt:
        letters = sum(map(str.isalpha, written))
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
        if (inner and len(doubled) < len(groups)) or not (
            clean_left(folded, start) and clean_right(folded, end)
        ):
            return False
    return counts_here(term, folded, start, end)


class _Place(NamedTuple):
    """A term, and in a folded text the range of each letter that it may be spelt with."""

    term: Term
    folded: str
    runs: list[tuple[int, int]]


def find(normal: NormalisedText, lexicon: Lexicon) -> Iterable[Match]:
    """Every term that shows once signs are read as letters and the rest is taken out."""
    folded, shape = normal.folded, normal.shape
    places = _places(folded, lexicon)
    if (
        b"a0a" in shape
        or "||" in folded
        or (b"a.a" in shape and ("+" in folded or "|" in folded or "!" in folded))
    ):
        without, signs = _PUT_BETWEEN.subn(_GONE, folded)
        if signs:
            places = chain(places, _places(without, lexicon, at_signs=True))
    return _among(places) if places else ()


def _places(folded: str, lexicon: Lexicon, *, at_signs: bool = False) -> Iterable[_Place]:
    """Where the skeleton of a text shows that of a term; only where signs stood, if that is asked.

    Elsewhere the text was read with the signs in it.
    """
    bare = skeleton(folded)
    if len(bare) >= _SHORTEST and (candidates := lexicon.collapsed.find(bare)):
        return _spelt(candidates, folded, lexicon, at_signs=at_signs)
    return ()


def _spelt(
    candidates: list[tuple[int, int, int]], folded: str, lexicon: Lexicon, *, at_signs: bool
) -> Iterator[_Place]:
    """The terms behind the candidates, with the characters that their letters were made of."""
    places = runs(folded)
    for pattern, first, last in candidates:
        start, end = places[first][0], places[last - 1][1]
        if at_signs and _GONE not in folded[max(0, start - 1) : end + 1]:
            continue
        for term in lexicon.collapsed.terms[pattern]:
            # Spelt plainly: that is the plain reading's to judge.
            if end - start != len(term.text) or not folded.startswith(term.text, start):
                yield _Place(term, folded, places[first:last])


def _among(places: Iterable[_Place]) -> Iterator[Match]:
    """The terms that are spelt at their places; of too many places, one match over the rest."""
    for number, place in enumerate(places):
        if number == _MOST:
            yield Match(TOO_MANY, place.runs[0][0], len(place.folded), "collapsed")
            return
        match = _match(*place)
        if match is not None:
            yield match


def _match(term: Term, folded: str, runs: list[tuple[int, int]]) -> Match | None:
    """The term at these places, if it is spelt there and holds."""
    groups = _groups(term.joined)
    start, end = runs[0][0], runs[-1][1]
    gaps = _GAP.findall(folded, start, end)
    if gaps:
        for index in {0, len(groups) - 1}:
            short = _contiguous(folded, *runs[index], last=index > 0)
            if short[1] - short[0] >= len(groups[index]):
                runs[index] = short
        start, end = runs[0][0], runs[-1][1]
        gaps = _GAP.findall(folded, start, end)
        # Two innocent words that meet are by far the most of what is looked at here.
        if gaps and not _parted(term, folded, start, end, gaps):
            return None
    if folded[start] in _BRACKETS and not _written_for_a_letter(term, folded, start, end):
        return None
    disguised = gaps or not _SIGNS.isdisjoint(folded[start:end])
    if disguised and not clean_left(folded, start):
        return None
    spelt: list[str] = []
    for (begin, stop), group in zip(runs, groups, strict=True):
        chars = folded[begin:stop]
        kind = _spelling(chars if chars.isalnum() else _GAP.sub("", chars), group)
        if kind is None:
            return None
        if chars == "l" and group == "i" and not _between_consonants(folded, begin):
            # shelter, blotch
            return None
        spelt.append(kind)
    if not _holds(term, folded, start, end, gaps, spelt) or is_safe_word(folded, start, end):
        return None
    if is_code(folded, start, end):
        return None
    return Match(term, start, end, "collapsed")
