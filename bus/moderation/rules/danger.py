"""What puts somebody else in danger: grooming, extortion, threats, doxxing, drugs, and fraud."""

from functools import cache
from typing import Final

from bus.moderation.context import Context
from bus.moderation.policy.policy import Policy
from bus.moderation.reasons import REASONS
from bus.moderation.sentences.finder import SentenceFinder, hits
from bus.moderation.sentences.patterns import load
from bus.moderation.text.normalise import NormalisedText
from bus.moderation.verdict import Hit

_RULE: Final = "danger"


def find(normal: NormalisedText, policy: Policy, context: Context) -> list[Hit]:
    """One hit for each such sentence; moderators may quote what they warn of."""
    return [] if context.trusted else hits(_finder(), _RULE, normal, policy)


@cache
def _finder() -> SentenceFinder:
    kinds = tuple(name for name, reason in REASONS.items() if _RULE in reason.rules)
    return SentenceFinder(s for name in ("danger_en", "danger_ko") for s in load(name, kinds))
