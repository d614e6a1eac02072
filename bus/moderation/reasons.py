"""The reasons that a hit may have: which rules mean each, and what may be done about it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from bus.moderation.verdict import ACTIONS, Action


class Reason(NamedTuple):
    """What a hit means for the author of a message."""

    # The rules that find it.
    rules: tuple[str, ...]
    # The kinds of words that mean it, where the rule on words does.
    categories: tuple[str, ...] = ()
    # Whether a mask stars what was found: not where the words are not at fault.
    starred: bool = True
    actions: tuple[Action, ...] = ACTIONS[1:]


# Its author may be in danger; nothing that they say in the same message is a strike.
CRISIS: Final = "crisis"
# What stored policies may still call it.
FORMER: Final[Mapping[str, str]] = MappingProxyType({"self_harm": CRISIS})

# The words that an author is told for each are in `bus.protocol.reasons`.
REASONS: Final[Mapping[str, Reason]] = MappingProxyType(
    {
        # `own` are a room's own words.
        "blocked_word": Reason(("words", "patterns"), ("profanity", "sexual", "slur", "own")),
        "harassment": Reason(("words",), ("threat", "harassment")),
        # No offence: its author is in danger. The word lists of other languages have it, too.
        CRISIS: Reason(
            ("crisis", "words"), ("self_harm",), starred=False, actions=("alert", "hold")
        ),
        # By the sentence, not by a word that could be starred.
        "exploitation": Reason(("danger",), starred=False),
        "threat": Reason(("danger",), starred=False),
        "doxxing": Reason(("danger",), starred=False),
        "drugs": Reason(("danger",), starred=False),
        "fraud": Reason(("danger",), starred=False),
        "link": Reason(("links",)),
        # What is done about each kind is the part `personal` of a policy.
        "personal": Reason(("personal",), actions=("mask", "hold")),
        # Of a text that looks like too many words, the rule on words says the same.
        "spam": Reason(("scams", "links", "repeats", "zalgo", "words"), ("scam",)),
        "mentions": Reason(("mentions",)),
        "flood": Reason(("flood",), starred=False),
        "new_member": Reason(("newcomers",), starred=False),
        "capitals": Reason(("capitals",)),
        "emoji": Reason(("emoji",)),
        "too_long": Reason(("length",)),
        # The model is no judge: what it says alone is looked at by a person.
        "model": Reason(("model",), starred=False, actions=("alert", "hold")),
    }
)
OF_CATEGORY: Final[Mapping[str, str]] = MappingProxyType(
    {category: name for name, reason in REASONS.items() for category in reason.categories}
)
STARRED: Final = frozenset(name for name, reason in REASONS.items() if reason.starred)
