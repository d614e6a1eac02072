"""The room's own patterns, in RE2, which answers in linear time whatever it is given."""

from itertools import islice
from typing import Any, Final

from bus.moderation.context import Context
from bus.moderation.policy.policy import Policy
from bus.moderation.text.normalise import NormalisedText
from bus.moderation.verdict import FOLDED, WRITTEN, Hit

# Of one pattern; the last of more stretches over the rest of the text.
_MOST: Final = 20
# Of all patterns together, and matches looked at for them; of more, one hit is all of the text.
_MOST_HITS: Final = 60
_MOST_MATCHES: Final = 300


def find(normal: NormalisedText, policy: Policy, context: Context) -> list[Hit]:
    """One hit for each place where a pattern matches the text as written, or as it is read."""
    custom = policy.custom
    if not custom.patterns:
        return []
    written = normal.raw.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    readings = [(WRITTEN, written)] if len(written) == len(normal.raw) else []
    if not readings or normal.folded != written.lower():
        readings.append((FOLDED, normal.folded))
    hits: list[Hit] = []
    covered = bytearray(len(normal.raw))
    left = _MOST_MATCHES
    for disguise, text in readings:
        # RE2 reads UTF-8; a text is encoded once to learn which patterns have anything to tell.
        encoded = text.encode()
        if custom.any_pattern is not None and custom.any_pattern.search(encoded) is None:
            continue
        for pattern in custom.patterns:
            if pattern.search(encoded) is None:
                continue
            places, looked_at = _places(pattern, text, left)
            left -= looked_at
            for start, end in places:
                if disguise == FOLDED:
                    start, end = normal.span(start, end)
                if 0 in covered[start:end]:
                    covered[start:end] = b"\x01" * (end - start)
                    hits.append(_hit(normal, policy, start, end, disguise))
            if (hits and not left) or len(hits) > _MOST_HITS:
                return [*hits[:_MOST_HITS], _hit(normal, policy, 0, len(normal.raw), disguise)]
    return hits


def _places(pattern: Any, text: str, most: int) -> tuple[list[tuple[int, int]], int]:
    """Where a pattern matches something, and at how many matches that was seen."""
    found: list[tuple[int, int]] = []
    looked_at = 0
    for match in islice(pattern.finditer(text), most):
        looked_at += 1
        start, end = match.span()
        if start == end:
            continue
        if len(found) == _MOST:
            found[-1] = (found[-1][0], len(text))
            break
        found.append((start, end))
    return found, looked_at


def _hit(normal: NormalisedText, policy: Policy, start: int, end: int, disguise: str) -> Hit:
    return Hit.at(
        start,
        end,
        text=normal.raw,
        rule="patterns",
        reason="blocked_word",
        severity=policy.own_severity,
        disguise=disguise,
        category="own",
    )
