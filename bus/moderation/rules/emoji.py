"""Walls of emoji."""

import re
from typing import Final

from bus.moderation.context import Context
from bus.moderation.policy.policy import Policy
from bus.moderation.text.normalise import NormalisedText
from bus.moderation.verdict import Hit

# One emoji with its colour of skin, and those that are joined to it; a flag is two letters.
_EMOJI: Final = re.compile(
    "[\U0001f1e6-\U0001f1ff]{2}"
    "|(?:[\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001f1e5\U0001f300-\U0001faff]"
    "[\ufe0f\U0001f3fb-\U0001f3ff]?\u200d?)+?(?<!\u200d)"
)
_ANY: Final = re.compile("[\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]").search


def find(normal: NormalisedText, policy: Policy, context: Context) -> list[Hit]:
    """One hit from the first emoji too many to the last."""
    text = normal.raw
    if len(text) <= policy.max_emoji or text.isascii() or not _ANY(text):
        return []
    found = list(_EMOJI.finditer(text))
    if len(found) <= policy.max_emoji:
        return []
    start, end = found[policy.max_emoji].start(), found[-1].end()
    return [Hit.at(start, end, text=text, rule="emoji", reason="emoji", severity=1)]
