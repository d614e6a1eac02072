"""What judge() answers: the action, and every hit that led to it."""

from dataclasses import dataclass
from typing import Any, Final, Literal

Action = Literal["allow", "alert", "mask", "hold", "reject"]
# From the mildest to the hardest.
ACTIONS: Final[tuple[Action, ...]] = ("allow", "alert", "mask", "hold", "reject")


# The view of a hit on a message as such, in which no range is to be starred out.
WHOLE: Final = "whole"


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that a rule found: what, how bad, and where in the text as written."""

    rule: str
    reason: str
    # 1 mild, 2 rude, 3 plain, 4 harsh, 5 severe.
    severity: int
    start: int
    end: int
    matched: str
    view: str
    # The kind of term, such as slur or threat; for other rules the reason again.
    category: str = ""

    def as_json(self) -> dict[str, Any]:
        """The hit as the wire shows it."""
        return {
            "rule": self.rule,
            "severity": self.severity,
            "start": self.start,
            "end": self.end,
            "matched": self.matched,
            "view": self.view,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to happen to a message, and why."""

    action: Action
    # 0.0 nothing found, 1.0 as bad as can be.
    score: float
    hits: tuple[Hit, ...]
    # As long as the text; what the policy does not let stand is starred.
    masked: str
    # Of the hit that decided; None when the message is allowed.
    reason: str | None
    # What each rule added to the score, the most first.
    parts: tuple[tuple[str, float], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The verdict as one line of the `moderate` command."""
        return {
            "action": self.action,
            "score": self.score,
            "rules": [hit.as_json() for hit in self.hits],
            "masked": self.masked,
        }
