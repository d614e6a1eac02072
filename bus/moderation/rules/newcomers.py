"""Raid mode: while it lasts, everything that young accounts say waits for a person."""

from bus.moderation.context import Context
from bus.moderation.policy.policy import Policy
from bus.moderation.text.normalise import NormalisedText
from bus.moderation.verdict import Hit


def find(normal: NormalisedText, policy: Policy, context: Context) -> list[Hit]:
    """One hit over the whole text of an account younger than the policy lets through."""
    age, text = context.account_age, normal.raw
    if not policy.raid_seconds or age is None or age >= policy.raid_seconds or not text:
        return []
    return [Hit.whole(text=text, rule="newcomers", reason="new_member", severity=1)]
