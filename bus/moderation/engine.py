"""judge(): every rule over one text, and what the policy makes of the hits."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from bus.moderation import classifier
from bus.moderation.context import Context
from bus.moderation.policy.policy import Policy
from bus.moderation.reasons import CRISIS, STARRED
from bus.moderation.rules import RULES
from bus.moderation.rules import classifier as classifier_rule
from bus.moderation.rules.length import find as too_long
from bus.moderation.rules.newcomers import find as too_young
from bus.moderation.rules.personal import find as personal
from bus.moderation.rules.words import find as words
from bus.moderation.text.normalise import NormalisedText, normalise
from bus.moderation.text.rendered import as_rendered
from bus.moderation.text.shown import as_shown
from bus.moderation.verdict import ACTIONS, Hit, Verdict
from bus.unicode.graphemes import fitting, star

_NOTHING_KNOWN: Final = Context()
_MASK: Final = ACTIONS.index("mask")
_HOLD: Final = ACTIONS.index("hold")
_PERSONAL: Final = "personal"
# How far a text that is too long is read for personal data, and how much of that is kept: what
# begins at the end may go on.
_FAR: Final = 4_000
_MARGIN: Final = 200


class JudgeRequest(NamedTuple):
    """One text to be judged, and by what."""

    text: str
    policy: Policy
    context: Context = _NOTHING_KNOWN


def judge(text: str, policy: Policy, context: Context = _NOTHING_KNOWN) -> Verdict:
    """Judge one text under a policy; takes any string, does no I/O and never raises."""
    hits, open_to_model = _by_rules(text, policy, context)
    if open_to_model is not None:
        probability = classifier.score_folded(open_to_model.folded)
        hits += classifier_rule.find(open_to_model, policy, probability)
    return _decide(text, policy, context, hits) if hits else _nothing(text)


def judge_many(cases: Sequence[JudgeRequest]) -> list[Verdict]:
    """The verdicts that `judge` gives on each, in less time: the model looks at all together."""
    drafts = [_by_rules(*case) for case in cases]
    probabilities = iter(classifier.scores_folded([n.folded for _, n in drafts if n is not None]))
    verdicts: list[Verdict] = []
    for (text, policy, context), (hits, open_to_model) in zip(cases, drafts, strict=True):
        if open_to_model is not None:
            hits += classifier_rule.find(open_to_model, policy, next(probabilities))
        verdicts.append(_decide(text, policy, context, hits) if hits else _nothing(text))
    return verdicts


def starred(text: str, policy: Policy) -> str:
    """The text with what the policy masks starred out, whatever else the policy makes of it.

    Personal data is starred where the policy holds it, too: no person has looked at it.
    """
    hits, _ = _by_rules(text, policy, _NOTHING_KNOWN)
    size = _kept(text, policy, _NOTHING_KNOWN)
    masked = [
        hit
        for hit in hits
        if hit.reason in STARRED
        and (act := _act(policy, hit)) >= _MASK
        and (act == _MASK or hit.reason == _PERSONAL)
    ]
    return star(text, [(hit.start, hit.end) for hit in masked])[:size]


def redacted(text: str, policy: Policy) -> str:
    """The text without the personal data that the policy masks or holds."""
    return judge(text, policy).shown(text)


def _by_rules(
    text: str, policy: Policy, context: Context
) -> tuple[list[Hit], NormalisedText | None]:
    """What the rules find, and the text again where the model is to be asked too."""
    if fitting(text, policy.max_length) < len(text):
        return _of_too_long(text, policy, context), None
    if context.role in policy.exempt:
        return [], None
    if not policy.reads:
        return too_young(NormalisedText(text, text, same=True), policy, context), None
    normal = normalise(text)
    hits = _read(normal, policy, context)
    if _hardest(policy, hits) < _HOLD and (shown := as_shown(normal)) is not None:
        hits += [hit for hit in _read(shown, policy, context) if hit not in hits]
    if _hardest(policy, hits) < _HOLD and (rendered := as_rendered(normal)) is not None:
        hits += [hit for hit in words(rendered, policy, context) if not _overlaps(hit, hits)]
    # What the rules are certain of needs no second opinion.
    certain = _hardest(policy, hits) >= _MASK or _in_danger(policy, hits)
    if policy.model is not None and not context.trusted and not certain:
        return hits, normal
    return hits, None


def _of_too_long(text: str, policy: Policy, context: Context) -> list[Hit]:
    """What no room would post is not worth reading through, but for what nobody is to store."""
    hits = too_long(NormalisedText(text, text, same=True), policy, context)
    if policy.minds_personal and context.role not in policy.exempt:
        hits += personal(normalise(text[:_FAR]), policy, context)
    return hits


def _kept(text: str, policy: Policy, context: Context) -> int:
    """How much of a text is stored: of one that is too long nothing that was not read."""
    if (
        len(text) > _FAR
        and policy.minds_personal
        and context.role not in policy.exempt
        and fitting(text, policy.max_length) < len(text)
    ):
        return _FAR - _MARGIN
    return len(text)


def _read(normal: NormalisedText, policy: Policy, context: Context) -> list[Hit]:
    """What all rules find in a text, or in the way that it is shown."""
    hits: list[Hit] = []
    for rule in RULES:
        if found := rule(normal, policy, context):
            hits.extend(found)
    return hits


def _hardest(policy: Policy, hits: list[Hit]) -> int:
    return max((_act(policy, hit) for hit in hits), default=0)


def _in_danger(policy: Policy, hits: list[Hit]) -> bool:
    """Whether something is said that shows its author in danger, and the policy minds."""
    return any(hit.reason == CRISIS and _act(policy, hit) for hit in hits)


def _not_of_oneself(hits: list[Hit]) -> list[Hit]:
    """The hits without the insults that somebody in danger has for themselves."""
    said = [(hit.start, hit.end) for hit in hits if hit.reason == CRISIS]
    return [
        hit
        for hit in hits
        if hit.reason != "harassment"
        or not any(start < hit.end and hit.start < end for start, end in said)
    ]


def _nothing(text: str) -> Verdict:
    return Verdict("allow", 0.0, (), text, None)


def _act(policy: Policy, hit: Hit) -> int:
    """How hard the policy is on a hit, as a place in ACTIONS."""
    return ACTIONS.index(policy.action(hit))


def _decide(text: str, policy: Policy, context: Context, hits: list[Hit]) -> Verdict:
    """The hardest action of all hits, and the text with what may not stand starred out.

    Of who is in danger nothing is rejected, whatever else they say: a person looks at it first.
    """
    in_danger = _in_danger(policy, hits)
    if in_danger:
        hits = _not_of_oneself(hits)
    acts = [_act(policy, hit) for hit in hits]
    hardest = max(acts)
    deciding = max(
        (
            hit
            for hit, act in zip(hits, acts, strict=True)
            if (act and hit.reason == CRISIS if in_danger else act == hardest)
        ),
        key=lambda hit: hit.severity,
    )
    if in_danger:
        hardest = min(hardest, _HOLD)
    if 0 < hardest < _HOLD and 0 < policy.strikes_to_hold <= context.strikes:
        hardest = _HOLD
    ranges = [
        (hit.start, hit.end)
        for hit, act in zip(hits, acts, strict=True)
        if act >= _MASK and hit.reason in STARRED
    ]
    private = [
        (act, (hit.start, hit.end))
        for hit, act in zip(hits, acts, strict=True)
        if hit.reason == _PERSONAL and act >= _MASK
    ]
    redacted = waiting = None
    size = _kept(text, policy, context)
    if private or size < len(text):
        redacted = star(text, [span for _, span in private])[:size]
        waiting = star(text, [span for act, span in private if act == _MASK])[:size]
        hits = [_without(hit, redacted) for hit in hits]
    parts = _score_parts(hits)
    innocence = 1.0
    for _, part in parts:
        innocence *= 1.0 - part
    return Verdict(
        action=ACTIONS[hardest],
        score=round(1.0 - innocence, 3),
        hits=tuple(hits),
        masked=(star(text, ranges) if ranges else text)[:size],
        reason=deciding.reason if hardest else None,
        score_parts=parts,
        redacted=redacted,
        waiting=waiting,
    )


def _without(hit: Hit, redacted: str) -> Hit:
    """A hit whose match shows no personal data."""
    start, end = min(hit.start, len(redacted)), min(hit.end, len(redacted))
    return replace(hit, start=start, end=end, matched=redacted[start:end])


def _score_parts(hits: list[Hit]) -> tuple[tuple[str, float], ...]:
    """What each rule adds: 0.95 for one severe hit; several milder ones add up to less than 1."""
    innocence: dict[str, float] = {}
    for hit in hits:
        innocence[hit.rule] = innocence.get(hit.rule, 1.0) * (1.0 - min(hit.severity, 5) * 0.19)
    parts = ((rule, round(1.0 - left, 3)) for rule, left in innocence.items())
    return tuple(sorted(parts, key=lambda part: -part[1]))


def _overlaps(hit: Hit, others: list[Hit]) -> bool:
    return any(hit.start < other.end and other.start < hit.end for other in others)
