"""Texts that are longer than the room takes."""

from bus.moderation.context import Context
from bus.moderation.policy.policy import Policy
from bus.moderation.text.normalise import NormalisedText
from bus.moderation.verdict import Hit
from bus.unicode.graphemes import fitting


def find(normal: NormalisedText, policy: Policy, context: Context) -> list[Hit]:
    """One hit over what is too much."""
    text = normal.raw
    start = fitting(text, policy.max_length)
    if start == len(text):
        return []
    return [Hit.at(start, len(text), text=text, rule="length", reason="too_long", severity=1)]
