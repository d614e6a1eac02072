"""How right a filter is on labelled texts, and how fast."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Measure:
    """What a filter said of some rows, and how long each answer took, in seconds."""

    right_hits: int = 0
    wrong_hits: int = 0
    misses: int = 0
    passes: int = 0
    times: list[float] = field(default_factory=list)

    def add(self, bad: bool, flagged: bool, seconds: float) -> None:
        """Count one answer."""
        if flagged:
            self.right_hits += bad
            self.wrong_hits += not bad
        else:
            self.misses += bad
            self.passes += not bad
        self.times.append(seconds)

    @property
    def precision(self) -> float | None:
        """The share of what it flagged that is bad; None where it flagged nothing."""
        return _share(self.right_hits, self.right_hits + self.wrong_hits)

    @property
    def recall(self) -> float | None:
        """The share of what is bad that it flagged; None where nothing is bad."""
        return _share(self.right_hits, self.right_hits + self.misses)

    @property
    def f1(self) -> float | None:
        """The harmonic mean of both; None where nothing is bad."""
        if not self.right_hits + self.misses:
            return None
        return _share(2 * self.right_hits, 2 * self.right_hits + self.wrong_hits + self.misses)

    @property
    def false_positives(self) -> float | None:
        """The share of what is clean that it flagged; None where nothing is clean."""
        return _share(self.wrong_hits, self.wrong_hits + self.passes)

    @property
    def rate(self) -> float | None:
        """Texts per second, one at a time."""
        spent = sum(self.times)
        return len(self.times) / spent if spent else None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
