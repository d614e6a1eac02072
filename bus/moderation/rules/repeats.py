"""The same thing said again and again by one author, here or in other rooms."""

from typing import Final

from bus.moderation.context import Context
from bus.moderation.policy.policy import Policy
from bus.moderation.text.fingerprint import fingerprint
from bus.moderation.text.normalise import NormalisedText
from bus.moderation.verdict import Hit

# Of so many last messages the same ones are counted, or more where more are let through.
_LOOKED_AT: Final = 8


def find(normal: NormalisedText, policy: Policy, context: Context) -> list[Hit]:
    """One hit over the whole text when it was said too often already."""
    if context.trusted or len(context.recent) <= policy.max_repeats:
        return []
    text = normal.raw
    said = fingerprint(text)
    before = context.recent[-max(_LOOKED_AT, 4 * policy.max_repeats) :]
    if not said or before.count(said) <= policy.max_repeats:
        return []
    return [Hit.whole(text=text, rule="repeats", reason="spam", severity=3)]
