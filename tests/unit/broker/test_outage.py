"""The wait before a retry: exponential backoff with full jitter."""

import random
from typing import Any

import pytest

from bus.broker import outage

BASE, CAP = 0.5, 20.0


@pytest.fixture(autouse=True)
def waits(settings: Any) -> None:
    settings.BUS_RETRY_BASE, settings.BUS_RETRY_CAP = BASE, CAP


def test_the_longest_wait_doubles_up_to_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda least, most: most)
    waits = [outage.backoff(attempt) for attempt in range(1, 9)]
    assert waits == [0.5, 1, 2, 4, 8, 16, 20, 20]
    assert outage.backoff(10_000) == CAP


def test_the_shortest_wait_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda least, most: least)
    assert {outage.backoff(attempt) for attempt in range(1, 9)} == {0}


@pytest.mark.parametrize(("attempt", "ceiling"), [(1, 0.5), (3, 2.0), (7, CAP)])
def test_between_the_two_every_wait_is_as_likely(
    monkeypatch: pytest.MonkeyPatch, attempt: int, ceiling: float
) -> None:
    # The same numbers in every run.
    monkeypatch.setattr(random, "uniform", random.Random(7).uniform)
    waits = [outage.backoff(attempt) for _ in range(10_000)]
    assert min(waits) >= 0
    assert max(waits) <= ceiling
    tenths = [0] * 10
    for wait in waits:
        tenths[min(9, int(10 * wait / ceiling))] += 1
    # Some 1000 each; five standard deviations are 150.
    assert all(850 < count < 1150 for count in tenths), tenths
