"""What consumers stand on: commands and their handlers, rates, and sizes of frames."""

import time

import pytest
from pytest_django.fixtures import Settings

from bus.consumers.commands import HANDLERS
from bus.consumers.socket import is_too_large
from bus.protocol.commands import COMMANDS
from bus.token_bucket import TokenBucket


def test_every_command_has_its_handler() -> None:
    assert set(HANDLERS) == set(COMMANDS.values())


def test_a_pace_lets_a_burst_through_and_then_says_how_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    pace = TokenBucket(rate=8, burst=3)
    assert [pace.take() for _ in range(4)] == [0, 0, 0, 0.125]
    now += 0.125
    assert pace.take() == 0
    assert pace.take(2) == 0.25
    now += 1000
    assert pace.take(3) == 0
    assert pace.take() > 0


@pytest.mark.parametrize(
    ("text", "too_large"), [("x" * 8, False), ("x" * 9, True), ("é" * 4, False), ("é" * 5, True)]
)
def test_a_frame_is_measured_in_bytes(text: str, too_large: bool, settings: Settings) -> None:
    settings.BUS_FRAME_LIMIT = 8
    assert is_too_large(text) is too_large
