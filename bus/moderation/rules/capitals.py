"""Longer messages that shout."""

from typing import Final

from bus.moderation.context import Context
from bus.moderation.policy.policy import Policy
from bus.moderation.text.normalise import NormalisedText
from bus.moderation.verdict import Hit

# Fewer letters may be a name, an abbreviation or joy.
_SHORTEST: Final = 15


def find(normal: NormalisedText, policy: Policy, context: Context) -> list[Hit]:
    """One hit over the whole text when more of its letters are capitals than the policy takes."""
    text = normal.raw
    if policy.max_capitals >= 100 or len(text) < _SHORTEST or text.islower():
        return []
    capitals = sum(map(str.isupper, text))
    letters = capitals + sum(map(str.islower, text))
    if letters < _SHORTEST or capitals * 100 <= letters * policy.max_capitals:
        return []
    return [Hit.whole(text=text, rule="capitals", reason="capitals", severity=1)]
