"""More messages by one author than a person writes in that time."""

from bus.moderation.context import Context
from bus.moderation.policy.policy import Policy
from bus.moderation.text.normalise import NormalisedText
from bus.moderation.verdict import Hit


def find(normal: NormalisedText, policy: Policy, context: Context) -> list[Hit]:
    """One hit over the whole text when too many messages came before it."""
    most, text = policy.flood_messages, normal.raw
    if not most or context.trusted or len(context.ages) < most or not text:
        return []
    if sum(age <= policy.flood_seconds for age in context.ages) < most:
        return []
    return [Hit.whole(text=text, rule="flood", reason="flood", severity=2)]
