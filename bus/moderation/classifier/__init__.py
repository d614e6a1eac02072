"""The n-gram model: how likely a text is abuse or spam, by a sum of small weights.

It knows how abuse is written, not what is meant: quoting and counter-speech look the same to it. So
a hit of the model alone is put before people and never refused or punished. CARD.md says more.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from bus.moderation.classifier.weights import Weights, WeightsError, load
from bus.moderation.text.normalise import normalise

__all__ = [
    "PACKAGED",
    "THRESHOLDS",
    "WEIGHTS",
    "WeightsError",
    "available",
    "packaged",
    "score",
    "score_folded",
    "scores_folded",
    "use",
]

PACKAGED: Final = Path(__file__).with_name("weights.npz")
# All that come with the package, by what a site chooses them by; those in use unless it does are
# `own`. `sharealike/` is under a licence of its own, and has its notice and card.
WEIGHTS: Final[Mapping[str, Path]] = MappingProxyType(
    {"own": PACKAGED, "sharealike": PACKAGED.parent / "sharealike" / PACKAGED.name}
)

# From which score on a text is put before people, by name of the policy. CARD.md says how they
# were chosen; 2.0 is never.
THRESHOLDS: Final[dict[str, float]] = {
    "off": 2.0,
    "relaxed": 0.98,
    "standard": 0.95,
    "strict": 0.85,
}

_lock = threading.Lock()
_weights: Weights | None = None
_looked = False


def packaged(name: str) -> Path:
    """The file of weights that a site has chosen; for a name that there is none of, `own`."""
    return WEIGHTS.get(name, PACKAGED)


def available() -> bool:
    """Whether there are weights; without them the rules work alone."""
    return _current() is not None


def score(text: str) -> float:
    """How likely a text as written is abuse or spam, 0 to 1; 0 where there are no weights."""
    return score_folded(normalise(text).folded)


def score_folded(folded: str) -> float:
    """The same for a text that is normalised already."""
    weights = _weights if _looked else _current()
    return 0.0 if weights is None else weights.probability(folded)


def scores_folded(texts: Sequence[str]) -> list[float]:
    """The same for many texts, at a fraction of the time for each."""
    weights = _weights if _looked else _current()
    return [0.0] * len(texts) if weights is None else weights.probabilities(texts)


def use(path: Path | None) -> None:
    """Take the weights of a file, or of no file at all, from now on; raises WeightsError."""
    global _weights, _looked
    found = None if path is None else load(path)
    with _lock:
        _weights, _looked = found, True


def _current() -> Weights | None:
    """The weights in use; the packaged ones are read when they are first needed."""
    global _weights, _looked
    with _lock:
        if not _looked:
            _weights = load(PACKAGED) if PACKAGED.exists() else None
            _looked = True
        return _weights
