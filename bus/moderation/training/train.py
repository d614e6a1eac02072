"""Training the model: logistic regression over hashed n-grams, every source weighed by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bus.moderation.classifier.features import buckets, framed
from bus.moderation.classifier.weights import SIZE, Weights
from bus.moderation.text.normalise import normalise
from bus.moderation.training.calibrate import calibrate
from bus.moderation.training.rows import Row, Source

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]

# Weights beyond this share of all are cut off, so that the rest keep their differences in a byte.
_CUT: Final = 0.9999


class TrainingError(ValueError):
    """Rows that nothing can be learned from; its message says why."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The numbers of the training."""

    epochs: int = 4
    batch: int = 256
    rate: float = 0.02
    # Pulls each weight to where it started.
    pull: float = 1e-6
    seed: int = 1


Progress = Callable[[str], None]


def fit(
    sources: Sequence[Source],
    recipe: Recipe = Recipe(),
    *,
    start: Weights | None = None,
    progress: Progress = lambda _line: None,
) -> Weights:
    """Train on what is not held back and calibrate on what is; raises TrainingError.

    With weights to start from, what they knew is kept where the rows say nothing else, and so is
    their calibration.
    """
    batchable = _Examples.of(sources)
    progress(f"{len(batchable.labels):,} rows, {len(batchable.buckets):,} n-grams")
    first = np.zeros(SIZE, np.float32)
    if start is not None:
        first = start.table.astype(np.float32) * np.float32(start.step)
    table, step = _bytes(_descend(batchable, first, len(sources), recipe, progress))
    if start is not None:
        return Weights(table, step, start.latin, start.korean)
    return calibrate(table, step, sources)


@dataclass(frozen=True, slots=True)
class _Examples:
    """All rows as one long array of buckets, with where each row ends."""

    buckets: Integers
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    labels: Floats
    sources: NDArray[np.int64]
    weights: Floats

    @classmethod
    def of(cls, sources: Sequence[Source]) -> _Examples:
        """Hash all rows that are not held back."""
        found: list[NDArray[np.uint32]] = []
        labels: list[float] = []
        owners: list[int] = []
        weights: list[float] = []
        for number, source in enumerate(sources):
            rows = [row for row in source.rows if not row.held_back]
            share = _shares(rows, source.weight)
            # A source of one label says nothing of its own habits: it goes under the common one.
            owner = number if len(share) == 2 else len(sources)
            for row in rows:
                found.append(buckets(framed(normalise(row.text).folded)).reshape(-1))
                labels.append(float(row.bad))
                owners.append(owner)
                weights.append(share[row.bad])
        if len(set(labels)) < 2:
            raise TrainingError("Training takes rows of both labels, 0 and 1.")
        lengths = np.array([len(one) for one in found], np.int64)
        importance = np.array(weights, np.float32)
        return cls(
            buckets=np.concatenate(found).astype(np.int32),
            starts=np.concatenate([[0], np.cumsum(lengths)[:-1]]),
            lengths=lengths,
            labels=np.array(labels, np.float32),
            sources=np.array(owners, np.int64),
            weights=importance / importance.mean(),
        )


def _shares(rows: Iterable[Row], weight: float) -> dict[bool, float]:
    """What one row of each label weighs: sources count by the root of their size."""
    labels = [row.bad for row in rows]
    counts = {bad: labels.count(bad) for bad in set(labels)}
    return {
        bad: weight * float(np.sqrt(len(labels))) / len(counts) / n for bad, n in counts.items()
    }


class _Adam:
    """Adam, with its step falling to nothing by the end."""

    def __init__(self, values: Floats, rate: float) -> None:
        self.values = values
        self._rate = rate
        self._mean = np.zeros_like(values)
        self._square = np.zeros_like(values)
        self._steps = 0

    def step(self, gradient: Floats, left: float) -> None:
        """Move against a gradient; `left` is the part of the training that is still to come."""
        self._steps += 1
        self._mean += 0.1 * (gradient - self._mean)
        self._square += 0.01 * (gradient * gradient - self._square)
        mean = self._mean / np.float32(1 - 0.9**self._steps)
        square = self._square / np.float32(1 - 0.99**self._steps)
        self.values -= np.float32(self._rate * left) * mean / (np.sqrt(square) + np.float32(1e-6))


def _descend(
    examples: _Examples, first: Floats, sources: int, recipe: Recipe, progress: Progress
) -> Floats:
    """The weights after all epochs.

    Each source has an offset of its own, thrown away in the end: how many of its rows are bad is
    where they were gathered, and nothing that a word should be blamed for.
    """
    rng = np.random.default_rng(recipe.seed)
    weights = _Adam(first.copy(), recipe.rate)
    offsets = _Adam(np.zeros(sources + 1, np.float32), recipe.rate)
    rows = len(examples.labels)
    batches = -(-rows // recipe.batch)
    for epoch in range(recipe.epochs):
        order = rng.permutation(rows)
        loss = 0.0
        for number in range(batches):
            chosen = order[number * recipe.batch : (number + 1) * recipe.batch]
            left = 1 - (epoch * batches + number) / (recipe.epochs * batches)
            loss += _learn(examples, chosen, weights, offsets, first, recipe.pull, left)
        progress(f"epoch {epoch + 1} of {recipe.epochs}: loss {loss / rows:.4f}")
    return weights.values


def _learn(
    examples: _Examples,
    chosen: NDArray[np.int64],
    weights: _Adam,
    offsets: _Adam,
    first: Floats,
    pull: float,
    left: float,
) -> float:
    """One step on one batch; returns its loss."""
    lengths = examples.lengths[chosen]
    ends = np.cumsum(lengths)
    owner = np.repeat(np.arange(len(chosen)), lengths)
    shift = np.repeat(examples.starts[chosen] - ends + lengths, lengths)
    found = examples.buckets[np.arange(len(owner)) + shift]
    root = 1 / np.sqrt(np.maximum(lengths, 1))
    source = examples.sources[chosen]
    common = offsets.values[-1]
    raw = np.bincount(owner, weights.values[found], len(chosen)) * root
    raw += np.where(source < len(offsets.values) - 1, offsets.values[source], 0) + common
    labels, importance = examples.labels[chosen], examples.weights[chosen]
    guess = 1 / (1 + np.exp(-np.clip(raw, -30, 30)))
    error = (guess - labels) * importance / len(chosen)
    slope = np.bincount(found, np.repeat(error * root, lengths), SIZE).astype(np.float32)
    tilt = np.bincount(source, error, len(offsets.values)).astype(np.float32)
    tilt[-1] = error.sum()
    weights.step(slope + np.float32(pull) * (weights.values - first), left)
    offsets.step(tilt, left)
    miss = np.where(labels > 0, guess, 1 - guess)
    return float(-(importance * np.log(miss + 1e-9)).sum())


def _bytes(weights: Floats) -> tuple[NDArray[np.int8], float]:
    """The weights in steps of one byte, and what a step is worth."""
    used = np.abs(weights[weights != 0])
    step = float(np.quantile(used, _CUT)) / 127 if used.size else 1.0
    step = step or 1.0
    return np.clip(np.rint(weights / step), -127, 127).astype(np.int8), step
