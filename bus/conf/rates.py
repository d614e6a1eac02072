"""How often something may happen, and numbers that differ by channel, as texts say them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

# More often than this is no limit that anybody means.
_HIGHEST_RATE = 1_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """So often within a period of seconds; a count of 0 is no limit."""

    count: int
    period: float = 1.0


_PERIODS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


@lru_cache(100)
def parse_rate(text: str) -> Rate:
    """Read `10/h`, or `0` for no limit; raises ValueError."""
    count, slash, period = text.strip().partition("/")
    if not slash and int(count) != 0:
        raise ValueError(text)
    if not 0 <= int(count) <= _HIGHEST_RATE or (slash and period not in _PERIODS):
        raise ValueError(text)
    return Rate(int(count), _PERIODS.get(period, 1.0))


def per_channel(parts: Sequence[str], channel: str) -> float:
    """What a PerChannel setting says of one channel, 0 where nothing; raises ValueError."""
    numbers = [(p.rpartition("=")[0].strip() or "*", float(p.rpartition("=")[2])) for p in parts]
    if any(not 0 <= number < float("inf") for _, number in numbers):
        raise ValueError(parts)
    return next((n for pattern, n in numbers if fnmatchcase(channel, pattern)), 0.0)
