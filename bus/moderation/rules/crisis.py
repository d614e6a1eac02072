"""People in danger: what somebody says of themselves who may take their life, or hurt themselves.

It is no offence: see `engine`. Telling others to die is one, and a matter of the rule on words.
"""

from functools import cache

from bus.moderation.context import Context
from bus.moderation.policy.policy import Policy
from bus.moderation.reasons import CRISIS
from bus.moderation.sentences.finder import SentenceFinder, hits
from bus.moderation.sentences.patterns import load
from bus.moderation.text.normalise import NormalisedText
from bus.moderation.verdict import Hit


def find(normal: NormalisedText, policy: Policy, context: Context) -> list[Hit]:
    """One hit for each sentence by which somebody in danger is told."""
    return hits(_finder(), "crisis", normal, policy)


@cache
def _finder() -> SentenceFinder:
    return SentenceFinder(s for name in ("crisis_en", "crisis_ko") for s in load(name, (CRISIS,)))
