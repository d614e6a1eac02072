"""From sums to probabilities, by rows that were not trained on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bus.moderation.classifier.features import is_korean
from bus.moderation.classifier.weights import Calibration, Weights
from bus.moderation.text.normalise import normalise
from bus.moderation.training.rows import Source

# With fewer rows of either label a line through them says nothing.
_FEWEST: Final = 20
_UNCHANGED: Final = Calibration(1.0, 0.0)
_ROUNDS: Final = 50


class _Sum(NamedTuple):
    """What a draft of the weights makes of one row."""

    raw: float
    bad: bool
    weight: float


def calibrate(table: NDArray[np.int8], step: float, sources: Sequence[Source]) -> Weights:
    """Weights whose probabilities fit what was held back: texts in Hangul by themselves."""
    draft = Weights(table, step, _UNCHANGED, _UNCHANGED)
    sums: dict[bool, list[_Sum]] = {True: [], False: []}
    for source in sources:
        rows = [row for row in source.rows if row.held_back]
        # As in training, a source counts by the root of its size.
        weight = 1 / math.sqrt(len(rows)) if rows else 0.0
        for row in rows:
            folded = normalise(row.text).folded
            sums[is_korean(folded)].append(_Sum(draft.raw(folded), row.bad, weight))
    return Weights(table, step, _line(sums[False]) or _UNCHANGED, _line(sums[True]) or _UNCHANGED)


def as_careful(weights: Weights, than: Weights, clean: Iterable[str], threshold: float) -> Weights:
    """The weights with their Korean line moved until they flag as many clean texts as others do.

    Those are texts as written that neither was trained on; what has no Hangul is not looked at.
    """
    texts = [folded for text in clean if is_korean(folded := normalise(text).folded)]
    flagged = sum(probability >= threshold for probability in than.probabilities(texts))
    sums = sorted((weights.raw(text) for text in texts), reverse=True)
    if not 0 < flagged < len(sums):
        return weights
    between = (sums[flagged - 1] + sums[flagged]) / 2
    odds = math.log(threshold / (1 - threshold))
    slope = weights.korean.slope
    return replace(weights, korean=Calibration(slope, odds - slope * between))


def _line(sums: Sequence[_Sum]) -> Calibration | None:
    """Platt's line by Newton's method, both labels weighing the same; None for too few rows."""
    raw = np.array([one.raw for one in sums], np.float64)
    bad = np.array([one.bad for one in sums], np.float64)
    if min(bad.sum(), len(bad) - bad.sum()) < _FEWEST:
        return None
    importance = np.array([one.weight for one in sums], np.float64)
    importance /= np.where(bad > 0, importance @ bad, importance @ (1 - bad)) * 2 / len(bad)
    inputs = np.stack([raw, np.ones_like(raw)], axis=1)
    line = np.zeros(2)
    for _ in range(_ROUNDS):
        guess = 1 / (1 + np.exp(-np.clip(inputs @ line, -30, 30)))
        # A little pull to zero keeps rows that a line parts without error from running away.
        gradient = inputs.T @ (importance * (guess - bad)) + 1e-2 * line
        curve = inputs.T @ (inputs * (importance * guess * (1 - guess))[:, None])
        change = np.linalg.solve(curve + 1e-2 * np.eye(2), gradient)
        line = line - change
        if float(np.abs(change).max()) < 1e-9:
            break
    return Calibration(float(line[0]), float(line[1]))
