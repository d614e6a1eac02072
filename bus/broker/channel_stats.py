"""What a named channel holds and does: counts, ages, rates and live workers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class WorkerStats:
    """What a live worker told of itself within the last seconds."""

    id: str
    host: str
    pid: int
    version: str
    channels: list[str]
    # Messages in hand now, and handled since it started, over all of its channels.
    in_flight: int
    handled: int
    # By the worker's own clock, in seconds since 1970.
    started: float
    last_handled: float | None


@dataclass(frozen=True, slots=True)
class Totals:
    """Messages since the channel began, by what became of them."""

    sent: int = 0
    done: int = 0
    # Attempts that failed and were to be repeated.
    retries: int = 0
    dead: int = 0
    # Came too late for their `expires_at`.
    expired: int = 0
    # Sends that a full channel did not take.
    refused: int = 0
    # Dead letters dropped for newer ones, put back by somebody, dropped by somebody.
    trimmed: int = 0
    retried: int = 0
    discarded: int = 0


@dataclass(frozen=True, slots=True)
class ChannelStats:
    """One named channel at one moment, by the broker's clock."""

    channel: str
    # Whether anything was ever sent to it, or somebody works on it.
    known: bool
    # Messages that wait for a worker, and how long the first of them or of those in flight has
    # been there, in seconds; None where there are none.
    depth: int
    oldest_age: float | None
    # Messages in the hands of live workers.
    in_flight: int
    # Messages set aside until they are due: retries, and those sent with `not_before`.
    delayed: int
    # What depth, in_flight and delayed may add up to.
    capacity: int
    # Dead letters and handled messages that are kept now.
    dead: int
    history: int
    # Messages sent, and handled, within the last minute.
    rate_in: float
    rate_done: float
    totals: Totals = field(default_factory=Totals)
    workers: list[WorkerStats] = field(default_factory=list)

    @property
    def abandoned(self) -> bool:
        """Whether messages wait and nobody is there to handle them."""
        return self.depth > 0 and not self.workers

    @classmethod
    def read(cls, channel: str, capacity: int, answer: Sequence[Any]) -> ChannelStats:
        """From what scripts/stats.lua answers."""
        known, depth, in_flight, delayed, age, dead, history, rates, counts, workers = answer
        return cls(
            channel=channel,
            known=bool(known),
            depth=depth,
            oldest_age=None if age < 0 else age / 1000,
            in_flight=in_flight,
            delayed=delayed,
            capacity=capacity,
            dead=dead,
            history=history,
            rate_in=round(float(rates[0]), 1),
            rate_done=round(float(rates[1]), 1),
            totals=_totals(dict(zip(counts[::2], counts[1::2], strict=True))),
            workers=sorted(
                (_worker(*pair) for pair in zip(workers[::2], workers[1::2], strict=True)),
                key=lambda worker: worker.started,
            ),
        )


def _totals(counts: dict[bytes, bytes]) -> Totals:
    names = {name: name for name in Totals.__dataclass_fields__} | {"retries": "later"}
    return Totals(**{name: _number(counts.get(of.encode())) for name, of in names.items()})


def _number(value: bytes | None) -> int:
    return int(value) if value is not None and value.isdigit() and len(value) < 16 else 0


def about_of(about: bytes) -> dict[str, Any]:
    """What a worker tells of itself; nothing where somebody else wrote it."""
    try:
        found = json.loads(about)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _worker(id_: bytes, about: bytes) -> WorkerStats:
    # Another version's worker may tell more, or less.
    found = about_of(about)
    return WorkerStats(
        id=id_.decode("utf-8", "replace"),
        host=found.get("host", ""),
        pid=found.get("pid", 0),
        version=found.get("version", ""),
        channels=found.get("channels", []),
        in_flight=found.get("in_flight", 0),
        handled=found.get("handled", 0),
        started=found.get("started", 0.0),
        last_handled=found.get("last_handled"),
    )
