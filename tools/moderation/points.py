"""What rooms can be set to, lenient to severe: to be compared with a filter that has one way."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bus.moderation import (
    POLICIES,
    JudgeRequest,
    ModelThresholds,
    Policy,
    Verdict,
    judge,
    judge_many,
)
from bus.moderation.training.measure import Measure
from bus.moderation.training.rows import Row
from bus.moderation.verdict import ACTIONS

# What counts as objected to: from which action on.
CUTS: Final = {"flagged": "alert", "stopped": "mask", "rejected": "reject"}
# Scores of the model from which a room may hold: beside the rules, or by the model alone.
_HOLDS: Final = (0.8, 0.7, 0.65, 0.6)
_HOLDS_ALONE: Final = (0.9, 0.95, 0.98, 0.99, 0.995, 0.999)


@dataclass(frozen=True, slots=True)
class Point:
    """One way to set a room up, and what of its verdicts counts."""

    policy: str
    cut: str

    def __str__(self) -> str:
        return f"{self.policy}, {self.cut}"


def policies() -> Iterator[tuple[str, Policy]]:
    """The policies that look at what is said, and what a room can make of `standard`."""
    for name in ("relaxed", "standard", "strict"):
        yield name, POLICIES[name]
    standard = POLICIES["standard"]
    for hold in _HOLDS:
        yield f"standard, model hold {hold}", replace(standard, model=ModelThresholds(hold, hold))
    ladders = {name: standard.ladders[name] for name in ("model", "too_long")}
    for hold in _HOLDS_ALONE:
        alone = replace(standard, ladders=ladders, model=ModelThresholds(hold, hold))
        yield f"the model alone, hold {hold}", alone


def measure_policy(policy: Policy, rows: Sequence[Row]) -> dict[str, Measure]:
    """How one policy does on some rows, judged one at a time, by cut."""
    found = {cut: Measure() for cut in CUTS}
    for row in rows:
        began = time.perf_counter()
        verdict = judge(row.text, policy)
        _count(found, row, verdict, time.perf_counter() - began)
    return found


def measure_points(rows: Sequence[Row]) -> dict[Point, Measure]:
    """How each way does on some rows."""
    found: dict[Point, Measure] = {}
    for name, policy in policies():
        by_cut = {cut: Measure() for cut in CUTS}
        verdicts = judge_many([JudgeRequest(row.text, policy) for row in rows])
        for row, verdict in zip(rows, verdicts, strict=True):
            _count(by_cut, row, verdict, 0.0)
        found |= {Point(name, cut): counts for cut, counts in by_cut.items()}
    return found


def _count(by_cut: Mapping[str, Measure], row: Row, verdict: Verdict, seconds: float) -> None:
    hardness = ACTIONS.index(verdict.action)
    for cut, least in CUTS.items():
        by_cut[cut].add(row.bad, hardness >= ACTIONS.index(least), seconds)


def best_within(
    found: Mapping[Point, Measure], false_positives: float
) -> tuple[Point, Measure] | None:
    """The way with the highest F1 of those with no more false positives; None if all have more."""
    within = [
        (point, counts)
        for point, counts in found.items()
        if (counts.false_positives or 0.0) <= false_positives
    ]
    return max(within, key=lambda one: one[1].f1 or 0.0, default=None)
