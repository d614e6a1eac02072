"""Blocked words, however they are disguised."""

from ..context import Context
from ..lexicon import Match, lexicon
from ..normalise import Normal
from ..policy import Policy
from ..verdict import Hit
from ..views import collapsed, korean, masked, plain, spelled


def find(normal: Normal, policy: Policy, context: Context) -> list[Hit]:
    """One hit for each blocked word that shows in some view; of overlapping ones the worst."""
    words = lexicon()
    matches: list[Match] = []
    for view in (plain.find, collapsed.find, spelled.find, masked.find):
        matches.extend(view(normal, words))
    if not normal.folded.isascii():
        matches.extend(korean.syllables(normal, words))
        matches.extend(korean.jamo(normal, words))
    if not matches:
        return []
    return [_hit(normal, match) for match in _apart(matches)]


def _apart(matches: list[Match]) -> list[Match]:
    """Of matches that overlap, the most severe, then the longest, then the plainest."""
    kept: list[Match] = []
    taken = bytearray(max(match.end for match in matches))
    for match in sorted(matches, key=lambda m: (-m.term.severity, m.start - m.end, m.start)):
        if not any(taken[match.start : match.end]):
            taken[match.start : match.end] = b"\x01" * (match.end - match.start)
            kept.append(match)
    return sorted(kept, key=lambda match: match.start)


def _hit(normal: Normal, match: Match) -> Hit:
    """The match as a hit on the text as written."""
    start, end = normal.span(match.start, match.end)
    term = match.term
    return Hit("words", term.reason, term.severity, start, end, normal.raw[start:end], match.view)
