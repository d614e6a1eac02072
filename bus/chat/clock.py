"""The time by which rules go: what somebody waits, may still change, or is kept from.

It is the same in all processes and is not moved by whoever sets a clock; see
docs/decisions/0012-clocks.md.
"""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from bus.messaging import default_layer

# Within this of each other two clocks are right, in seconds: then this machine's, which is finer.
_APART = 2.0


def now() -> dt.datetime:
    """The present, as Django has it."""
    here, shared = timezone.now(), default_layer.steady_now() / 1000
    if abs(here.timestamp() - shared) < _APART:
        return here
    return dt.datetime.fromtimestamp(shared, dt.UTC)


def now_ms() -> int:
    """The present in ms since 1970."""
    return default_layer.steady_now()


def at(ms: int) -> dt.datetime:
    """A point of this time, given in ms since 1970."""
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC)
