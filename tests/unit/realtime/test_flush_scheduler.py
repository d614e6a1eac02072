"""Flushes: at once after a rest, in windows under load, and never faster than flushes are done."""

import asyncio
import time

import pytest
from pytest_django.fixtures import Settings

from bus.realtime.flush_scheduler import FlushScheduler
from tests.support.wait import until_async

pytestmark = pytest.mark.asyncio


async def test_a_lone_message_waits_for_nothing_and_those_that_follow_for_the_window(
    settings: Settings,
) -> None:
    settings.BUS_FLUSH_WINDOW = 0.05
    times: list[float] = []
    scheduler = FlushScheduler(lambda: times.append(time.monotonic()))
    began = time.monotonic()
    scheduler.schedule()
    scheduler.schedule()
    await asyncio.sleep(0)
    assert len(times) == 1
    assert times[0] - began < 0.04
    scheduler.schedule()
    scheduler.schedule()
    await until_async(lambda: len(times) == 2)
    assert times[1] - times[0] >= 0.049
    await asyncio.sleep(0.06)
    assert len(times) == 2


async def test_a_slow_flush_is_followed_by_as_long_a_rest(settings: Settings) -> None:
    settings.BUS_FLUSH_WINDOW = 0.001
    ends: list[float] = []
    begins: list[float] = []

    def flush() -> None:
        begins.append(time.monotonic())
        while time.monotonic() < begins[-1] + 0.03:
            pass
        ends.append(time.monotonic())
        scheduler.schedule()

    scheduler = FlushScheduler(flush)
    scheduler.schedule()
    await until_async(lambda: len(begins) == 3)
    assert begins[1] - ends[0] >= 0.025
    assert begins[2] - ends[1] >= 0.025


async def test_a_flush_that_fails_is_not_the_last(settings: Settings) -> None:
    settings.BUS_FLUSH_WINDOW = 0.0
    calls: list[int] = []

    def flush() -> None:
        calls.append(1)
        raise RuntimeError("broken")

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)
    scheduler = FlushScheduler(flush)
    for number in (1, 2):
        scheduler.schedule()
        await until_async(lambda number=number: len(calls) == number)  # type: ignore[misc]
