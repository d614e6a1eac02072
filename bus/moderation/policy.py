"""What a room does about what the rules find."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from .verdict import Action

_NEVER: Final = 9


@dataclass(frozen=True, slots=True)
class Ladder:
    """The least severity at which each action is taken; the hardest that applies wins."""

    alert: int = _NEVER
    mask: int = _NEVER
    hold: int = _NEVER
    reject: int = _NEVER

    def action(self, severity: int) -> Action:
        """What to do about a hit of this severity."""
        if severity >= self.reject:
            return "reject"
        if severity >= self.hold:
            return "hold"
        if severity >= self.mask:
            return "mask"
        return "alert" if severity >= self.alert else "allow"


_ALLOW: Final = Ladder()


@dataclass(frozen=True, slots=True)
class Policy:
    """A room's limits, and a ladder of actions for each reason; other reasons are allowed."""

    name: str
    ladders: Mapping[str, Ladder] = field(default_factory=lambda: MappingProxyType({}))
    # Characters.
    max_length: int = 2000
    # Names called in one message.
    max_mentions: int = 10
    # Times that a message may be said again before it is spam.
    max_repeats: int = 2

    def action(self, reason: str, severity: int) -> Action:
        """What this room does about a hit."""
        return self.ladders.get(reason, _ALLOW).action(severity)


_TOO_LONG: Final = Ladder(reject=1)


def _policy(name: str, *, max_mentions: int = 10, **ladders: Ladder) -> Policy:
    reasons = MappingProxyType({"too_long": _TOO_LONG, **ladders})
    return Policy(name=name, ladders=reasons, max_mentions=max_mentions)


# Links: 1 plain, 2 a shortener, an invitation or a disguised address, 3 a host that poses.
POLICIES: Final[Mapping[str, Policy]] = MappingProxyType(
    {
        "off": _policy("off"),
        "relaxed": _policy(
            "relaxed",
            max_mentions=20,
            blocked_word=Ladder(mask=3, reject=5),
            harassment=Ladder(alert=3, hold=4, reject=5),
            self_harm=Ladder(alert=1),
            spam=Ladder(hold=3),
            mentions=Ladder(hold=2),
        ),
        "standard": _policy(
            "standard",
            blocked_word=Ladder(mask=2, reject=3),
            harassment=Ladder(reject=3),
            self_harm=Ladder(alert=1),
            link=Ladder(hold=2),
            spam=Ladder(hold=2, reject=3),
            mentions=Ladder(reject=2),
        ),
        "strict": _policy(
            "strict",
            max_mentions=5,
            blocked_word=Ladder(reject=1),
            harassment=Ladder(hold=2, reject=3),
            self_harm=Ladder(hold=1),
            link=Ladder(hold=1, reject=3),
            spam=Ladder(hold=2, reject=3),
            mentions=Ladder(reject=2),
        ),
    }
)
