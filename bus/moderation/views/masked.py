"""Words with letters struck out: `f**k`, `sh-t`, `f * c * k`."""

import re
from collections.abc import Iterator
from typing import Final

from ..lexicon import Lexicon, Match
from ..normalise import Normal
from ..terms import Term

_STARRED: Final = re.compile(r"(?<![a-z0-9*])[a-z][a-z]*\*[a-z*]*").finditer
_SPACED: Final = re.compile(r"(?<!\S)[a-z](?: [a-z*](?!\S)){3,}").finditer
# One sign in the place of one vowel.
_STRUCK: Final = re.compile(
    r"(?<![a-z0-9])[a-z]{1,7}[#%&_.?~^@!0-9|-][a-z]{1,8}(?![a-z0-9])"
).finditer
# Nothing but its first letter is shown, and everyone reads it.
_KNOWN: Final = frozenset(("f***", "f*****", "f******", "s***"))


def _fits(token: str, word: str) -> bool:
    """Whether the letters that are shown are those of the word."""
    return all(shown in ("*", letter) for shown, letter in zip(token, word, strict=True))


def _starred(token: str, lexicon: Lexicon) -> Term | None:
    """The term that a starred token stands for."""
    shown = len(token) - token.count("*")
    # One star at the end is a footnote or a glob.
    if token.endswith("*") and token.count("*") < 2:
        return None
    if shown < 2 and token not in _KNOWN:
        return None
    words = lexicon.masked.get((len(token), token[0]), ())
    return next((term for word, term in words if _fits(token, word)), None)


def _struck(token: str, lexicon: Lexicon) -> Term | None:
    """The term that a token with one vowel struck out stands for."""
    at = next(index for index, char in enumerate(token) if not "a" <= char <= "z")
    for word, term in lexicon.masked.get((len(token), token[0]), ()):
        if word[at] in "aeiou" and word[:at] == token[:at] and word[at + 1 :] == token[at + 1 :]:
            return term
    return None


def find(normal: Normal, lexicon: Lexicon) -> Iterator[Match]:
    """Every token with struck letters that can be read as a blocked word."""
    folded = normal.folded
    if "*" in folded or "#" in folded or "%" in folded:
        starred = folded.replace("#", "*").replace("%", "*")
        for token in _STARRED(starred):
            if term := _starred(token[0], lexicon):
                yield Match(term, token.start(), token.end(), "masked")
        for token in _SPACED(folded):
            if "*" in token[0] and (term := _starred(token[0].replace(" ", ""), lexicon)):
                yield Match(term, token.start(), token.end(), "masked")
    if b"a.a" not in normal.shape and b"a0a" not in normal.shape:
        return
    for token in _STRUCK(folded):
        if term := _struck(token[0], lexicon):
            yield Match(term, token.start(), token.end(), "masked")
