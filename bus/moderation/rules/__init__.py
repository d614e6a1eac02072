"""The rules of `judge`, in the order in which they are asked.

Each module here is one, but the classifier, which the engine asks last.
"""

from collections.abc import Callable, Iterable
from typing import Final

from bus.moderation.context import Context
from bus.moderation.policy.policy import Policy
from bus.moderation.rules import (
    capitals,
    crisis,
    danger,
    emoji,
    flood,
    length,
    links,
    mentions,
    newcomers,
    patterns,
    personal,
    repeats,
    scams,
    words,
    zalgo,
)
from bus.moderation.text.normalise import NormalisedText
from bus.moderation.verdict import Hit

# Looks at one normalised text and tells what it found, in offsets of the text as written.
Rule = Callable[[NormalisedText, Policy, Context], Iterable[Hit]]

# The classifier is asked last, and only about what no rule is certain of: see `engine`.
RULES: Final[tuple[Rule, ...]] = (
    capitals.find,
    crisis.find,
    danger.find,
    emoji.find,
    flood.find,
    length.find,
    links.find,
    mentions.find,
    newcomers.find,
    patterns.find,
    personal.find,
    repeats.find,
    scams.find,
    words.find,
    zalgo.find,
)
