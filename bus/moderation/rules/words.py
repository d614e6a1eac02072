"""Blocked words, however they are disguised."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice
from typing import Final

from bus.moderation.context import Context
from bus.moderation.language.spoken import Spoken
from bus.moderation.policy.policy import Policy
from bus.moderation.reasons import OF_CATEGORY
from bus.moderation.text.alphabets import any_letter
from bus.moderation.text.cyrillic import as_cyrillic
from bus.moderation.text.eastern import any_eastern
from bus.moderation.text.normalise import NormalisedText
from bus.moderation.verdict import FOLDED, WRITTEN, Hit
from bus.moderation.words.custom_lists import is_allowed
from bus.moderation.words.disguises import (
    alphabets,
    collapsed,
    eastern,
    korean,
    literal,
    masked,
    spelled,
)
from bus.moderation.words.lexicon import Lexicon, Match, lexicon

# Looks for the terms of a lexicon under one disguise.
Disguise = Callable[[NormalisedText, Lexicon], Iterable[Match]]
# Where there are Latin letters, and where there are any but plain ones.
_LATIN: Final = (literal.find, literal.accented, collapsed.find, spelled.find, masked.find)
_ALL: Final = (*_LATIN, korean.syllables, korean.jamo)
_NOT_LATIN: Final = (literal.find, literal.accented, korean.syllables, korean.jamo)
_ALPHABETS: Final = (alphabets.parted, alphabets.starred)
_CYRILLIC: Final = (literal.find, *_ALPHABETS)
_LATIN_LETTER: Final = re.compile("[a-z]").search
# Spaces and letters of a term that shows its language itself.
_PHRASES: Final = ((2, 10), (1, 16))
# So many in one text are no chance in any language.
_CROWD: Final = 20
# Hits on a text by which enough is known of it: another reading takes time.
_PLENTY: Final = 8
# In what disguises a word is read in texts of other languages.
_READABLE: Final = frozenset((WRITTEN, FOLDED, "collapsed", "masked"))
# Under one disguise in one text: whoever swears more often than that gets no finer answer.
_MOST: Final = 30


def find(normal: NormalisedText, policy: Policy, context: Context) -> list[Hit]:
    """One hit for each blocked word under whatever disguise; of overlapping ones the worst."""
    hits = _found(normal, policy, _disguises(normal.folded))
    for reading in as_cyrillic(normal) if len(hits) < _PLENTY else ():
        more = _found(reading, policy, _CYRILLIC)
        hits += [_as_written(hit, normal.raw) for hit in more if not _among(hit, hits)]
    return hits


def _as_written(hit: Hit, raw: str) -> Hit:
    """A hit on a reading of a text, on the text itself."""
    matched = raw[hit.start : hit.end]
    if matched == hit.matched:
        return hit
    disguise = FOLDED if hit.disguise == WRITTEN else hit.disguise
    return replace(hit, matched=matched, disguise=disguise)


def _among(hit: Hit, hits: list[Hit]) -> bool:
    """Whether one was found there already."""
    return any(other.start < hit.end and hit.start < other.end for other in hits)


def _found(normal: NormalisedText, policy: Policy, disguises: Iterable[Disguise]) -> list[Hit]:
    """The hits on one reading of a text, under some disguises."""
    matches = _matches(normal, lexicon(), disguises)
    if policy.custom.words is not None:
        matches += _mild(_matches(normal, policy.custom.words, disguises), policy.own_severity)
    if matches and policy.custom.allowed is not None:
        matches = _not_allowed(matches, policy.custom.allows(normal.folded))
    if matches:
        matches = _of_language(normal, matches, policy)
    if not matches:
        return []
    return [_hit(normal, match) for match in _apart(matches)]


def _of_language(normal: NormalisedText, matches: list[Match], policy: Policy) -> list[Match]:
    """The matches of terms of a language that the text may be of."""
    if any(_known_everywhere(match, normal.folded) for match in matches):
        # Who swears so, swears in the other words, too.
        return matches
    if len(matches) > _CROWD or not any(match.term.languages for match in matches):
        return matches
    places = [normal.span(match.start, match.end) for match in matches]
    spoken = Spoken(normal.raw, places, policy.languages)
    return [
        match
        for match, (start, end) in zip(matches, places, strict=True)
        if not match.term.languages
        or (_phrase(match) and not policy.languages)
        or spoken.may_be(match.term.languages, normal.raw[start:end])
    ]


def _phrase(match: Match) -> bool:
    """Whether what was found is a sentence of its language: no other language says it by chance."""
    if match.disguise not in (WRITTEN, FOLDED):
        return False
    spaces, letters = match.term.text.count(" "), len(match.term.text)
    return any(spaces >= some and letters >= least for some, least in _PHRASES)


def _known_everywhere(match: Match, folded: str) -> bool:
    """Whether a term is sworn with in any language, and stands here as one word."""
    if not match.term.everywhere or match.disguise not in _READABLE:
        return False
    return folded.count(" ", match.start, match.end) == match.term.text.count(" ")


def _matches(normal: NormalisedText, words: Lexicon, disguises: Iterable[Disguise]) -> list[Match]:
    """The terms of one lexicon under some disguises; of too many, one more over the rest."""
    matches: list[Match] = []
    for disguise in disguises:
        # Most disguises have nothing to look for, and say so before they begin.
        if not (places := disguise(normal, words)):
            continue
        found = list(islice(places, _MOST))
        matches += found
        if len(found) == _MOST and found[-1].end < len(normal.folded):
            worst = max(found, key=lambda match: match.term.severity)
            matches.append(Match(worst.term, found[-1].end, len(normal.folded), worst.disguise))
    return matches


def _disguises(folded: str) -> tuple[Disguise, ...]:
    """The disguises under which a text may show something."""
    if folded.isascii():
        return _LATIN
    disguises = _ALL if _LATIN_LETTER(folded) else _NOT_LATIN
    if any_letter(folded):
        disguises = (*disguises, *_ALPHABETS)
    return (*disguises, eastern.find) if any_eastern(folded) else disguises


def _mild(matches: list[Match], severity: int) -> list[Match]:
    """The room's words, which are looked for as severe ones are, as severe as the room has them."""
    return [
        match._replace(term=replace(match.term, severity=severity))
        if match.term.category == "own" and match.term.severity != severity
        else match
        for match in matches
    ]


def _not_allowed(matches: list[Match], covered: list[tuple[int, int]]) -> list[Match]:
    """The matches that are not wholly inside something that the room allows."""
    return [match for match in matches if not is_allowed(match.start, match.end, covered)]


def _apart(matches: list[Match]) -> list[Match]:
    """Of matches that overlap, the most severe, then the longest, then the plainest."""
    kept: list[Match] = []
    taken = bytearray(max(match.end for match in matches))
    for match in sorted(matches, key=lambda m: (-m.term.severity, m.start - m.end, m.start)):
        if not any(taken[match.start : match.end]):
            taken[match.start : match.end] = b"\x01" * (match.end - match.start)
            kept.append(match)
    return sorted(kept, key=lambda match: match.start)


def _hit(normal: NormalisedText, match: Match) -> Hit:
    """The match as a hit on the text as written."""
    start, end = normal.span(match.start, match.end)
    term = match.term
    return Hit.at(
        start,
        end,
        text=normal.raw,
        rule="words",
        reason=OF_CATEGORY[term.category],
        severity=term.severity,
        disguise=match.disguise,
        category=term.category,
    )
