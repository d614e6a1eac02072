"""Texts that are longer than the room takes."""

from bus.graphemes import fitting

from ..context import Context
from ..normalise import Normal
from ..policy import Policy
from ..verdict import Hit


def find(normal: Normal, policy: Policy, context: Context) -> list[Hit]:
    """One hit over what is too much."""
    text = normal.raw
    start = fitting(text, policy.max_length)
    if start == len(text):
        return []
    return [Hit("length", "too_long", 1, start, len(text), text[start:], "text", "too_long")]
