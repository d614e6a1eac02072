"""Texts that are longer than the room takes."""

from bus.moderation.context import Context
from bus.moderation.policy.policy import Policy
from bus.moderation.text.normalise import Normal
from bus.moderation.verdict import Hit
from bus.unicode.graphemes import fitting


def find(normal: Normal, policy: Policy, context: Context) -> list[Hit]:
    """One hit over what is too much."""
    text = normal.raw
    start = fitting(text, policy.max_length)
    if start == len(text):
        return []
    return [Hit("length", "too_long", 1, start, len(text), text[start:], "text", "too_long")]
