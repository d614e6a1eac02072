"""The least severity at which each action is taken, for one reason."""

from dataclasses import dataclass
from typing import Final

from bus.moderation.verdict import Action

# No hit is as severe, and no probability as high.
NEVER: Final = 9


@dataclass(frozen=True, slots=True)
class ActionThresholds:
    """The least severity at which each action is taken; the hardest that applies wins."""

    alert: int = NEVER
    mask: int = NEVER
    hold: int = NEVER
    reject: int = NEVER

    def action(self, severity: int) -> Action:
        """What to do about a hit of this severity."""
        if severity >= self.reject:
            return "reject"
        if severity >= self.hold:
            return "hold"
        if severity >= self.mask:
            return "mask"
        return "alert" if severity >= self.alert else "allow"


@dataclass(frozen=True, slots=True)
class ModelThresholds:
    """The probabilities from which the model's word alone alerts or holds; it never rejects."""

    alert: float
    hold: float
