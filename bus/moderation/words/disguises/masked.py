"""Words with letters struck out: `f**k`, `sh-t`, `f * c * k`."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from bus.moderation.text.normalise import NormalisedText
from bus.moderation.words.code import is_code
from bus.moderation.words.lexicon import Lexicon, Match
from bus.moderation.words.misspellings import KNOWN, MISSPELLINGS
from bus.moderation.words.terms import Term

_STARRED: Final = re.compile(r"(?<![a-z0-9*])[a-z][a-z]*\*[a-z*]*").finditer
# A footnote has one star too: only of these the last letter is missed.
_CUT_SHORT: Final = frozenset(word[:-1] for word in KNOWN if len(word) > 4) | {*MISSPELLINGS["cut"]}
# Several signs in the place of several letters.
_SEVERAL: Final = re.compile(
    r"(?<![a-z0-9_@#$&*-])([a-z]{1,3})([#%&_?~^@!$*+-]{2,4})([a-z]{1,7})(?![a-z0-9_@#$&*-])"
).finditer
_SPACED: Final = re.compile(r"(?<!\S)[a-z](?: [a-z*](?!\S)){3,}").finditer
# One sign in the place of one vowel.
_SIGNED: Final = re.compile(
    r"(?<![a-z0-9])([a-z]{1,7})[#%&_.?~^@!0-9|-][a-z]{1,8}(?![a-z0-9])"
).finditer
_WORDS: Final = re.compile("[a-z]+").findall
_DUCK: Final = "d*ck"
_BESIDE_A_DUCK: Final = frozenset(MISSPELLINGS["duck"])
# Nothing but its first letter is shown, and everyone reads it.
_KNOWN: Final = frozenset(MISSPELLINGS["starred"])


def _starred(token: str, lexicon: Lexicon) -> list[Term]:
    """The terms that a starred token may stand for, the likeliest first."""
    shown = len(token) - token.count("*")
    # One star at the end is a footnote or a glob.
    if token.endswith("*") and token.count("*") < 2:
        return [lexicon.ranks[word][1]] if (word := _finished(token)) in lexicon.ranks else []
    if shown < 2 and token not in _KNOWN:
        return []
    words = lexicon.masked.get(len(token))
    return words.fitting(token) if words else []


def _finished(token: str) -> str:
    """The word that a token with one star at its end was cut from."""
    if token[:-1] not in _CUT_SHORT:
        return ""
    return next(word for word in sorted(KNOWN) if word[:-1] == token[:-1])


def _several(shown: str, hidden: int, last: str, lexicon: Lexicon) -> Term | None:
    """The best-known word of which several letters are hidden under signs."""
    if shown == last:
        # A face: t__t.
        return None
    length = len(shown) + hidden + len(last)
    for word in sorted(KNOWN):
        if len(word) == length and word.startswith(shown) and word.endswith(last):
            return lexicon.ranks[word][1] if word in lexicon.ranks else None
    return None


def _struck(token: str, at: int, lexicon: Lexicon) -> Term | None:
    """The term that a token with the vowel at one place struck out stands for."""
    before, after, ranks = token[:at], token[at + 1 :], lexicon.ranks
    likeliest: tuple[int, Term | None] = len(ranks), None
    for vowel in "aeiou":
        rank = ranks.get(before + vowel + after)
        if rank is not None and rank[0] < likeliest[0]:
            likeliest = rank
    return likeliest[1]


def find(normal: NormalisedText, lexicon: Lexicon) -> Iterable[Match]:
    """Every token with struck letters that can be read as a blocked word."""
    folded, shape = normal.folded, normal.shape
    signs = b"a.a" in shape or b"a0a" in shape
    several = b".." in shape and (b"a..a" in shape or b"a...a" in shape)
    if signs or several or "*" in folded or "#" in folded or "%" in folded:
        found = _read(folded, lexicon, signs=signs, several=several)
        duck = _DUCK in folded and not _BESIDE_A_DUCK.isdisjoint(_WORDS(folded))
        return (
            match
            for match in found
            if not (duck and folded.startswith(_DUCK, match.start))
            and not is_code(folded, match.start, match.end)
        )
    return ()


def _read(folded: str, lexicon: Lexicon, *, signs: bool, several: bool) -> Iterator[Match]:
    """The tokens of a text that has stars in it, or signs between letters."""
    if "*" in folded or "#" in folded or "%" in folded:
        starred = folded.replace("#", "*").replace("%", "*")
        for token in _STARRED(starred):
            for term in _starred(token[0], lexicon):
                yield Match(term, token.start(), token.end(), "masked")
        for token in _SPACED(folded):
            if "*" not in token[0]:
                continue
            for term in _starred(token[0].replace(" ", ""), lexicon):
                yield Match(term, token.start(), token.end(), "masked")
    for token in _SEVERAL(folded) if several else ():
        if hidden := _several(token[1], len(token[2]), token[3], lexicon):
            yield Match(hidden, token.start(), token.end(), "masked")
    if not signs:
        return
    for token in _SIGNED(folded):
        if struck := _struck(token[0], len(token[1]), lexicon):
            yield Match(struck, token.start(), token.end(), "masked")
