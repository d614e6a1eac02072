"""The room's own patterns, in RE2, which answers in linear time whatever it is given."""

from itertools import islice
from typing import Final

from ..context import Context
from ..normalise import Normal
from ..policy import Policy
from ..verdict import Hit

# Of one pattern; the last of more stretches to where the pattern last matched.
_MOST: Final = 20
# Of all patterns together, and matches looked at for them; of more, one hit is all of the text.
_MOST_HITS: Final = 60
_MOST_MATCHES: Final = 1000


def find(normal: Normal, policy: Policy, context: Context) -> list[Hit]:
    """One hit for each place where a pattern matches the text as written, or as it is read."""
    own = policy.own
    if not own.patterns:
        return []
    written = normal.raw.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    views = [("text", written)] if len(written) == len(normal.raw) else []
    if not views or normal.folded != written.lower():
        views.append(("folded", normal.folded))
    hits: list[Hit] = []
    covered = bytearray(len(normal.raw))
    left = _MOST_MATCHES
    for view, text in views:
        if own.any_pattern is not None and own.any_pattern.search(text) is None:
            continue
        for pattern in own.patterns:
            matches = [match.span() for match in islice(pattern.finditer(text), left)]
            left -= len(matches)
            for start, end in _places(matches):
                if view == "folded":
                    start, end = normal.span(start, end)
                if 0 in covered[start:end]:
                    covered[start:end] = b"\x01" * (end - start)
                    hits.append(_hit(normal, policy, start, end, view))
            if not left or len(hits) > _MOST_HITS:
                return [*hits[:_MOST_HITS], _hit(normal, policy, 0, len(normal.raw), view)]
    return hits


def _places(matches: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Where a pattern matches something; of too many, the last is all that is left."""
    found = [(start, end) for start, end in matches if start < end]
    if len(found) > _MOST:
        found[_MOST - 1 :] = [(found[_MOST - 1][0], found[-1][1])]
    return found


def _hit(normal: Normal, policy: Policy, start: int, end: int, view: str) -> Hit:
    severity = policy.own_severity
    matched = normal.raw[start:end]
    return Hit("patterns", "blocked_word", severity, start, end, matched, view, "own")
