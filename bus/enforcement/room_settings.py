"""What a room does around its policy: modes, escalation, reviews and reports."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bus.protocol.types import validate

# A year, in minutes; who is meant to stay away for longer is meant to stay away for good.
_LONGEST = 525_600


class StrikePenalty(BaseModel):
    """What an author gets with so many strikes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    strikes: int = Field(ge=1, le=1000)
    kind: Literal["mute", "timeout", "ban"]
    # None is for good.
    minutes: int | None = Field(default=None, ge=1, le=_LONGEST)

    @model_validator(mode="after")
    def _timeouts_end(self) -> StrikePenalty:
        if self.kind == "timeout" and self.minutes is None:
            raise ValueError("a timeout has minutes")
        return self


class RoomSettings(BaseModel):
    """A room's ways; each has a default, and a room names what it changes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    # `before`: judged, then posted. `after`: posted, then taken out again where it may not stand.
    mode: Literal["before", "after"] = "before"
    # By strikes, the fewest first; empty: strikes are counted and nothing follows.
    ladder: list[StrikePenalty] = Field(default_factory=list, max_length=20)
    # After this a strike counts no more.
    strike_hours: int = Field(default=24, ge=1, le=24 * 365)
    # How long a held message waits for a person, and what then; 0 is for ever.
    held_minutes: int = Field(default=24 * 60, ge=0, le=_LONGEST)
    held_expires: Literal["reject", "post"] = "reject"
    # Reports by trusted members that hide a message until it is reviewed; 0 is never.
    hide_reports: int = Field(default=3, ge=0, le=1000)

    @model_validator(mode="after")
    def _penalties_rise(self) -> RoomSettings:
        counts = [penalty.strikes for penalty in self.ladder]
        if counts != sorted(set(counts)):
            raise ValueError("the rungs of a ladder have more strikes each")
        return self

    def penalty(self, strikes: int) -> StrikePenalty | None:
        """What this strike brings; above the last rung, each brings the last one again."""
        if self.ladder and strikes >= self.ladder[-1].strikes:
            return self.ladder[-1]
        return next((penalty for penalty in self.ladder if penalty.strikes == strikes), None)


def parse(data: dict[str, Any]) -> RoomSettings:
    """The conduct in a JSON object; raises Invalid naming the field."""
    return validate(RoomSettings, data)
