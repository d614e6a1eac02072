"""Letters buried under stacks of marks, which spill over the lines around them."""

import re
from typing import Final

from bus.moderation.context import Context
from bus.moderation.policy.policy import Policy
from bus.moderation.text.normalise import NormalisedText
from bus.moderation.verdict import Hit

# No script stacks four general marks on a letter; one such stack may be a slip.
_STACKS: Final = re.compile(
    "(?:[^\u0300-\u036f\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]?"
    "[\u0300-\u036f\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{4,})"
)
_MOST: Final = 2
_MARKS: Final = 24


def find(normal: NormalisedText, policy: Policy, context: Context) -> list[Hit]:
    """One hit from the first stack to the last."""
    text = normal.raw
    # Marks leave nothing behind when a text is folded.
    if len(normal.folded) == len(text):
        return []
    stacks = list(_STACKS.finditer(text))
    if len(stacks) <= _MOST and sum(len(stack[0]) for stack in stacks) < _MARKS:
        return []
    start, end = stacks[0].start(), stacks[-1].end()
    return [Hit.at(start, end, text=text, rule="zalgo", reason="spam", severity=2)]
