"""More names called in one message than anyone means."""

import re
from typing import Final

from ..context import Context
from ..normalise import Normal
from ..policy import Policy
from ..verdict import Hit

_MENTION: Final = re.compile(r"(?<![\w.@])@\w[\w.-]*")


def find(normal: Normal, policy: Policy, context: Context) -> list[Hit]:
    """One hit from the first name too many to the last."""
    text = normal.raw
    if text.count("@") <= policy.max_mentions:
        return []
    names = list(_MENTION.finditer(text))
    if len(names) <= policy.max_mentions:
        return []
    start, end = names[policy.max_mentions].start(), names[-1].end()
    return [Hit("mentions", "mentions", 2, start, end, text[start:end], "text")]
