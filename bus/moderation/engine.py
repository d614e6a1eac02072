"""judge(): every rule over one text, and what the policy makes of the hits."""

from .context import Context
from .graphemes import star
from .normalise import Normal, normalise
from .policy import Policy
from .rules import RULES
from .rules.length import find as too_long
from .verdict import ACTIONS, Hit, Verdict

_NOTHING_KNOWN = Context()


def judge(text: str, policy: Policy, context: Context = _NOTHING_KNOWN) -> Verdict:
    """Judge one text under a policy; takes any string, does no I/O and never raises."""
    normal = normalise(text[: policy.max_length])
    hits: list[Hit] = []
    if len(text) > policy.max_length:
        # What no room would post is not worth reading through.
        hits.extend(too_long(Normal(text, text, same=True), policy, context))
    elif len(policy.ladders) > 1:
        for rule in RULES:
            hits.extend(rule(normal, policy, context))
    if not hits:
        return Verdict("allow", 0.0, (), text, None)
    return _decide(text, policy, hits)


def _decide(text: str, policy: Policy, hits: list[Hit]) -> Verdict:
    """The hardest action of all hits, and the text with what may not stand starred out."""
    acts = [ACTIONS.index(policy.action(hit.reason, hit.severity)) for hit in hits]
    hardest = max(acts)
    deciding = max(
        (hit for hit, act in zip(hits, acts, strict=True) if act == hardest),
        key=lambda hit: hit.severity,
    )
    starred = ACTIONS.index("mask")
    ranges = [(hit.start, hit.end) for hit, act in zip(hits, acts, strict=True) if act >= starred]
    return Verdict(
        action=ACTIONS[hardest],
        score=_score(hits),
        hits=tuple(hits),
        masked=star(text, ranges) if ranges else text,
        reason=deciding.reason if hardest else None,
    )


def _score(hits: list[Hit]) -> float:
    """Near 1.0 for one severe hit; several milder ones add up to less than that."""
    innocence = 1.0
    for hit in hits:
        innocence *= 1.0 - min(hit.severity, 5) * 0.19
    return round(1.0 - innocence, 3)
