"""The room's own patterns, in RE2, which answers in linear time whatever it is given."""

from typing import Any, Final

from ..context import Context
from ..normalise import Normal
from ..policy import Policy
from ..verdict import Hit

# Of one pattern; the last of more stretches to where the pattern last matched.
_MOST: Final = 20


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
    for view, text in views:
        if own.any_pattern is not None and own.any_pattern.search(text) is None:
            continue
        for pattern in own.patterns:
            for start, end in _places(pattern, text):
                if view == "folded":
                    start, end = normal.span(start, end)
                if not any(hit.start <= start and end <= hit.end for hit in hits):
                    hits.append(_hit(normal, policy, start, end, view))
    return hits


def _places(pattern: Any, text: str) -> list[tuple[int, int]]:
    """Where a pattern matches something."""
    found = [match.span() for match in pattern.finditer(text)]
    found = [(start, end) for start, end in found if start < end]
    if len(found) > _MOST:
        found[_MOST - 1 :] = [(found[_MOST - 1][0], found[-1][1])]
    return found


def _hit(normal: Normal, policy: Policy, start: int, end: int, view: str) -> Hit:
    severity = policy.own_severity
    matched = normal.raw[start:end]
    return Hit("patterns", "blocked_word", severity, start, end, matched, view, "own")
