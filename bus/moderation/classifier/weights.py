"""The weights of the model: a byte for each bucket, and what turns their sum into a probability."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bus.moderation.classifier.features import (
    BITS,
    LONGEST,
    buckets,
    buckets_of_many,
    framed,
    is_korean,
)

SIZE: Final = 1 << BITS
# Letters that are looked at together: as many as stay in the cache of a core.
_TOGETHER: Final = 8_192
# Beyond this exp() has nothing left to tell.
_FAR: Final = 30.0


class WeightsError(ValueError):
    """A file that holds no weights of this model; its message says why."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """The line from a raw sum to the logarithm of the odds."""

    slope: float
    offset: float

    def probability(self, raw: float) -> float:
        """How likely a text with this sum is bad, 0 to 1."""
        odds = self.slope * raw + self.offset
        return 1.0 / (1.0 + math.exp(-max(-_FAR, min(_FAR, odds))))


@dataclass(frozen=True, slots=True)
class Weights:
    """Everything that training leaves behind; Korean is calibrated by itself."""

    table: NDArray[np.int8]
    # What one step of a byte is worth.
    step: float
    latin: Calibration
    korean: Calibration

    def raw(self, folded: str) -> float:
        """The sum of the weights of a folded text, over the root of how many there are."""
        found = buckets(framed(folded))
        total = int(self.table.take(found).sum(dtype=np.int64))
        return total * self.step / math.sqrt(found.size)

    def probability(self, folded: str) -> float:
        """How likely a folded text is bad, 0 to 1."""
        calibration = self.korean if is_korean(folded) else self.latin
        return calibration.probability(self.raw(folded))

    def probabilities(self, texts: Sequence[str]) -> list[float]:
        """The same for many folded texts, at a fraction of the time for each."""
        answers: list[float] = []
        batch: list[str] = []
        letters = 0
        for text in texts:
            batch.append(framed(text))
            letters += len(batch[-1])
            if letters >= _TOGETHER:
                answers += self._raws(batch)
                batch, letters = [], 0
        answers += self._raws(batch)
        return [
            (self.korean if is_korean(text) else self.latin).probability(raw)
            for text, raw in zip(texts, answers, strict=True)
        ]

    def _raws(self, frames: Sequence[str]) -> list[float]:
        """The sums of some framed texts."""
        if not frames:
            return []
        sums = self.table.take(buckets_of_many("".join(frames))).sum(axis=0, dtype=np.int32)
        before = [0, *np.cumsum(sums, dtype=np.int64).tolist()]
        found: list[float] = []
        start = 0
        for frame in frames:
            places = len(frame) - LONGEST
            total = before[start + places] - before[start]
            found.append(total * self.step / math.sqrt(places * LONGEST))
            start += len(frame)
        return found

    def save(self, path: Path) -> None:
        """Write the file; the same weights make the same bytes."""
        lines = [[c.slope, c.offset] for c in (self.latin, self.korean)]
        with path.open("wb") as file:
            np.savez_compressed(file, table=self.table, step=self.step, calibration=lines)


def load(path: Path) -> Weights:
    """Read a file of weights; raises WeightsError."""
    try:
        with np.load(path, allow_pickle=False) as file:
            table, step, lines = file["table"], float(file["step"]), file["calibration"]
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path} holds no weights of the model ({error})") from error
    if table.dtype != np.int8 or table.shape != (SIZE,) or lines.shape != (2, 2):
        raise WeightsError(f"{path} holds weights of another shape than this version's: {SIZE}")
    latin, korean = (Calibration(float(slope), float(offset)) for slope, offset in lines)
    return Weights(table, step, latin, korean)
