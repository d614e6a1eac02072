"""What judge() answers: the action, and every hit that led to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

Action = Literal["allow", "alert", "mask", "hold", "reject"]
# From the mildest to the hardest.
ACTIONS: Final[tuple[Action, ...]] = ("allow", "alert", "mask", "hold", "reject")

# In place of a disguise: found as it was written, found once the text was folded, and a hit on the
# message as such.
WRITTEN: Final = "text"
FOLDED: Final = "folded"
WHOLE: Final = "whole"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One thing that a rule found: what, how bad, and where in the text as written."""

    rule: str
    # What the author is told: one of `reasons.REASONS`.
    reason: str
    # 1 mild, 2 rude, 3 plain, 4 harsh, 5 severe.
    severity: int
    start: int
    end: int
    matched: str
    # Under which disguise it was found.
    disguise: str
    # The kind of term, such as slur or threat; for other rules the reason again.
    category: str

    @classmethod
    def at(
        cls,
        start: int,
        end: int,
        *,
        text: str,
        rule: str,
        reason: str,
        severity: int,
        disguise: str = WRITTEN,
        category: str | None = None,
    ) -> Hit:
        """A hit on a range of the text as written."""
        return cls(
            rule=rule,
            reason=reason,
            severity=severity,
            start=start,
            end=end,
            matched=text[start:end],
            disguise=disguise,
            category=reason if category is None else category,
        )

    @classmethod
    def whole(cls, *, text: str, rule: str, reason: str, severity: int) -> Hit:
        """A hit on the message as such."""
        return cls.at(
            0, len(text), text=text, rule=rule, reason=reason, severity=severity, disguise=WHOLE
        )

    def as_json(self) -> dict[str, Any]:
        """The hit as the wire shows it."""
        return {
            "rule": self.rule,
            "severity": self.severity,
            "start": self.start,
            "end": self.end,
            "matched": self.matched,
            "view": self.disguise,
            **({"kind": self.category} if self.reason == "personal" else {}),
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to happen to a message, and why."""

    action: Action
    # 0.0 nothing found, 1.0 as bad as can be.
    score: float
    hits: tuple[Hit, ...]
    # As long as the text, or as what was read of one that is far too long; what the policy does not
    # let stand is starred.
    masked: str
    # Of the hit that decided; None when the message is allowed.
    reason: str | None
    # What each rule added to the score, the most first.
    score_parts: tuple[tuple[str, float], ...] = ()
    # The text with all personal data starred that the policy masks or holds: what is shown, logged
    # and sent elsewhere. None where there is none.
    redacted: str | None = None
    # The same with what the policy holds as it was written: what waits for a person.
    waiting: str | None = None

    @property
    def holds_personal(self) -> bool:
        """Whether there is personal data that nobody is to see before a person has decided."""
        return self.redacted != self.waiting

    def shown(self, text: str) -> str:
        """The text that was judged, as anybody may see it who did not write it."""
        return text if self.redacted is None else self.redacted

    def stored(self, text: str, *, held: bool) -> str:
        """The text that was judged, as its row keeps it, `held` or for good."""
        if self.action == "mask" and not held:
            return self.masked
        kept = self.waiting if held else self.redacted
        return text if kept is None else kept

    def as_json(self) -> dict[str, Any]:
        """The verdict as one line of the `moderate` command."""
        return {
            "action": self.action,
            "score": self.score,
            "rules": [hit.as_json() for hit in self.hits],
            "masked": self.masked,
        }
