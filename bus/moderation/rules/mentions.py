"""More names called in one message than anyone means."""

import re
from typing import Final

from bus.moderation.context import Context
from bus.moderation.policy.policy import Policy
from bus.moderation.text.normalise import NormalisedText
from bus.moderation.verdict import Hit

_MENTION: Final = re.compile(r"(?<![\w.@])@\w[\w.-]*")


def find(normal: NormalisedText, policy: Policy, context: Context) -> list[Hit]:
    """One hit from the first name too many to the last."""
    text, most = normal.raw, policy.max_mentions
    if "@" not in text:
        return []
    # A guest's account is 0 s old.
    if context.account_age is not None and context.account_age < policy.new_seconds:
        most = min(most, policy.new_max_mentions)
    if text.count("@") <= most:
        return []
    names = list(_MENTION.finditer(text))
    if len(names) <= most:
        return []
    start, end = names[most].start(), names[-1].end()
    return [Hit.at(start, end, text=text, rule="mentions", reason="mentions", severity=2)]
