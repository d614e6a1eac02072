"""Learning from moderators' decisions, and what would change by it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from bus.moderation.classifier.weights import Weights
from bus.moderation.text.normalise import normalise
from bus.moderation.training.measure import Measure
from bus.moderation.training.rows import HELD_BACK, Row, Source, clean
from bus.moderation.training.train import Progress, Recipe, TrainingError, fit

# Fewer decisions of either kind teach the model who was on duty.
FEWEST: Final = 25
# Of either kind, among those that are held back; fewer are no evidence to switch on.
FEWEST_HELD_BACK: Final = 10
# What moderators here decided says more of here than other people's texts do.
_WEIGHT: Final = 2.0
# Decisions are few: they move the weights that they touch, gently, and leave the rest.
_GENTLE: Final = Recipe(epochs=10, batch=64, rate=0.01, pull=1e-5)


@dataclass(frozen=True, slots=True)
class Flip:
    """A held-back decision that the new weights see otherwise than the old ones."""

    row: Row
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Change:
    """Old and new weights on the same held-back decisions."""

    before: Measure
    after: Measure
    flips: Sequence[Flip]


def decisions(labelled: Iterable[tuple[int, str]]) -> Source:
    """Moderators' decisions as a source; raises TrainingError where they are too few.

    A text that was decided more than once counts once, as it was decided last.
    """
    last = {clean(text): bool(label) for label, text in labelled}
    rows = [Row(bad, text) for text, bad in last.items()]
    bad = sum(row.bad for row in rows)
    if min(bad, len(rows) - bad) < FEWEST:
        raise TrainingError(
            f"There are {bad} decisions against a text and {len(rows) - bad} for one, repeated "
            f"texts counted once; learning takes {FEWEST} of each."
        )
    return Source("decisions", rows, _WEIGHT)


def check_evidence(source: Source) -> None:
    """Raise TrainingError where too few decisions are held back to show what a switch does."""
    held_back = [row.bad for row in source.rows if row.held_back]
    bad = sum(held_back)
    if min(bad, len(held_back) - bad) < FEWEST_HELD_BACK:
        raise TrainingError(
            f"Of those that are held back to measure on, {bad} decisions are against a text and"
            f" {len(held_back) - bad} for one; a switch takes {FEWEST_HELD_BACK} of each, about"
            f" {FEWEST_HELD_BACK * HELD_BACK} decisions of each kind. Without --switch it shows"
            " what would change."
        )


def learn(
    source: Source,
    start: Weights | None,
    sources: Sequence[Source],
    progress: Progress,
) -> Weights:
    """New weights: the old ones moved by the decisions, or the whole recipe with them on top."""
    if sources:
        return fit([*sources, source], progress=progress)
    return fit([source], _GENTLE if start else Recipe(), start=start, progress=progress)


def compare(source: Source, old: Weights | None, new: Weights, threshold: float) -> Change:
    """What changes on the decisions that were held back."""
    before, after = Measure(), Measure()
    flips: list[Flip] = []
    for row in source.rows:
        if not row.held_back:
            continue
        folded = normalise(row.text).folded
        was = old.probability(folded) if old else 0.0
        now = new.probability(folded)
        before.add(row.bad, was >= threshold, 0.0)
        after.add(row.bad, now >= threshold, 0.0)
        if (was >= threshold) != (now >= threshold):
            flips.append(Flip(row, was, now))
    flips.sort(key=lambda flip: -abs(flip.after - flip.before))
    return Change(before, after, flips)
