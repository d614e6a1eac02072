"""Words with letters struck out: `f**k`, `sh-t`, `f * c * k`."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from ..lexicon import Lexicon, Match
from ..normalise import Normal
from ..terms import Term

_STARRED: Final = re.compile(r"(?<![a-z0-9*])[a-z][a-z]*\*[a-z*]*").finditer
_SPACED: Final = re.compile(r"(?<!\S)[a-z](?: [a-z*](?!\S)){3,}").finditer
# One sign in the place of one vowel.
_SIGNED: Final = re.compile(
    r"(?<![a-z0-9])([a-z]{1,7})[#%&_.?~^@!0-9|-][a-z]{1,8}(?![a-z0-9])"
).finditer
# Nothing but its first letter is shown, and everyone reads it.
_KNOWN: Final = frozenset(("f***", "f*****", "f******", "s***"))


def _starred(token: str, lexicon: Lexicon) -> Term | None:
    """The term that a starred token stands for."""
    shown = len(token) - token.count("*")
    # One star at the end is a footnote or a glob.
    if token.endswith("*") and token.count("*") < 2:
        return None
    if shown < 2 and token not in _KNOWN:
        return None
    words = lexicon.masked.get(len(token))
    return words and words.first(token)


def _struck(token: str, at: int, lexicon: Lexicon) -> Term | None:
    """The term that a token with the vowel at one place struck out stands for."""
    before, after, ranks = token[:at], token[at + 1 :], lexicon.ranks
    likeliest: tuple[int, Term | None] = len(ranks), None
    for vowel in "aeiou":
        rank = ranks.get(before + vowel + after)
        if rank is not None and rank[0] < likeliest[0]:
            likeliest = rank
    return likeliest[1]


def find(normal: Normal, lexicon: Lexicon) -> Iterable[Match]:
    """Every token with struck letters that can be read as a blocked word."""
    folded, shape = normal.folded, normal.shape
    signs = b"a.a" in shape or b"a0a" in shape
    if signs or "*" in folded or "#" in folded or "%" in folded:
        return _read(folded, lexicon, signs=signs)
    return ()


def _read(folded: str, lexicon: Lexicon, *, signs: bool) -> Iterator[Match]:
    """The tokens of a text that has stars in it, or signs between letters."""
    if "*" in folded or "#" in folded or "%" in folded:
        starred = folded.replace("#", "*").replace("%", "*")
        for token in _STARRED(starred):
            if term := _starred(token[0], lexicon):
                yield Match(term, token.start(), token.end(), "masked")
        for token in _SPACED(folded):
            if "*" in token[0] and (term := _starred(token[0].replace(" ", ""), lexicon)):
                yield Match(term, token.start(), token.end(), "masked")
    if not signs:
        return
    for token in _SIGNED(folded):
        if term := _struck(token[0], len(token[1]), lexicon):
            yield Match(term, token.start(), token.end(), "masked")
