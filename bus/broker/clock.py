"""A clock that all processes share and that nobody sets: for intervals, never for a calendar.

The broker's machine tells the time, and its clock may be set back or ahead at any moment. A
process knows how much time has passed since it asked, by a clock that only counts; with that it
reads on, and at the next question the broker's jump shows. What all agree on is kept in the broker
(clock.lua). See docs/decisions/0012-clocks.md.
"""

from __future__ import annotations

import time

# A process's own clock drifts by less than a millisecond in this, in seconds.
ASK_EVERY = 10.0

# On Linux it counts on while the machine sleeps, as the broker's clock does.
_COUNTING = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def counted() -> float:
    """Milliseconds that only ever grow; from when is not said."""
    return time.clock_gettime(_COUNTING) * 1000


class SteadyClock:
    """One process's reading of a broker's steady clock; any thread may ask."""

    def __init__(self) -> None:
        # What it was told last, and when that was by its own clock, both in ms.
        self._answer: tuple[float, float] | None = None
        self._asked = float("-inf")

    def now(self) -> int | None:
        """Milliseconds since 1970; None before the broker was asked first."""
        if self._answer is None:
            return None
        answer, at = self._answer
        return int(answer + counted() - at)

    def question(self) -> tuple[int | str, int]:
        """What the script `clock` is asked with."""
        if self._answer is None:
            return "", 0
        answer, at = self._answer
        passed = int(counted() - at)
        return int(answer) + passed, passed

    def due(self) -> bool:
        """Whether to ask the broker again; says so once."""
        if counted() - self._asked < ASK_EVERY * 1000:
            return False
        self._asked = counted()
        return True

    def hear(self, answer: int) -> None:
        """Take the broker's answer, just as it comes."""
        self._answer = answer, counted()
