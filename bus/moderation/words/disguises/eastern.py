"""Japanese and Chinese terms with something between their letters, or in two kinds of kana."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from bus.moderation.text.eastern import HIRAGANA, IDEOGRAPHS, KATAKANA, LONG, eastern_form, script
from bus.moderation.text.normalise import NormalisedText
from bus.moderation.words.counting import is_excepted
from bus.moderation.words.eastern import alone_left, alone_right
from bus.moderation.words.lexicon import TOO_MANY, Lexicon, Match
from bus.moderation.words.terms import Term

_ANY: Final = f"{HIRAGANA}{KATAKANA}{IDEOGRAPHS}"
_LETTER: Final = re.compile(f"[{_ANY}]").finditer
_LETTERS: Final = re.compile(f"[{_ANY}]+").findall
_GAP: Final = re.compile(f"[^{_ANY}]+").findall
# What a disguised term has: letters with a little between them, or both kinds of kana.
_PARTED: Final = re.compile(f"[{_ANY}][^{_ANY}]{{1,4}}[{_ANY}]").search
_MIXED: Final = re.compile(f"[{HIRAGANA}][{KATAKANA}]|[{KATAKANA}][{HIRAGANA}]").search
_LATIN_WORD: Final = re.compile("[a-z]{2}").search
# Places in one text.
_MOST: Final = 40
_LONGEST_GAP: Final = 4
# Between two words of one sentence stand these; anything else was put inside a word.
_SOFT: Final = frozenset(
    " \t\n0123456789.,/~!?:;-…()[]\"'。、，．！？：；「」『』（）【】《》〈〉“”‘’—〜～ー"
)


def find(normal: NormalisedText, lexicon: Lexicon) -> Iterable[Match]:
    """Terms whose letters are parted by spaces or signs, or are hiragana and katakana by turns."""
    folded = normal.folded
    if not (_PARTED(folded) or _MIXED(folded)):
        return ()
    letters = list(_LETTER(folded))
    joined = "".join(letter[0] for letter in letters)
    candidates = lexicon.eastern.find(eastern_form(joined))
    if not candidates:
        return ()
    return _among(candidates, folded, joined, [letter.start() for letter in letters], lexicon)


def _among(
    candidates: list[tuple[int, int, int]],
    folded: str,
    joined: str,
    places: list[int],
    lexicon: Lexicon,
) -> Iterator[Match]:
    """The candidates that something disguises, and that no exception covers."""
    if len(candidates) > _MOST:
        yield Match(TOO_MANY, places[candidates[_MOST][1]], len(folded), "collapsed")
    for pattern, first, last in candidates[:_MOST]:
        start, end = places[first], places[last - 1] + 1
        for term in lexicon.eastern.terms[pattern]:
            # Spelt plainly: that is the plain reading's to judge.
            if term.text == folded[start:end] or not _disguised(term, folded, start, end):
                continue
            if not (term.exceptions and is_excepted(term, joined, first, last)):
                yield Match(term, start, end, "collapsed")
                break


def _disguised(term: Term, folded: str, start: int, end: int) -> bool:
    """Whether this is one word in disguise, and not two that meet."""
    written = folded[start:end]
    gaps = _GAP(written)
    if not gaps:
        # ピンクその is no クそ.
        return bool(_MIXED(written)) and _alone(folded, start, end)
    if "".join(_LETTERS(written)) != term.joined.replace(LONG, ""):
        return False
    if any(len(gap) > _LONGEST_GAP or _LATIN_WORD(gap) for gap in gaps):
        return False
    if any(_SOFT.issuperset(gap) for gap in gaps):
        return not (_letter_at(folded, start - 1) or _letter_at(folded, end))
    return term.boundary == "any" or _alone(folded, start, end)


def _alone(folded: str, start: int, end: int) -> bool:
    return alone_left(folded, start) and alone_right(folded, end)


def _letter_at(folded: str, at: int) -> bool:
    return 0 <= at < len(folded) and bool(script(folded[at]))
