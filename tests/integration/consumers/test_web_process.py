"""What a web process keeps is made once for its event loop, and closed in one order."""

import asyncio
import logging
from typing import Any

import pytest

from bus.consumers.web_process import WebProcess, current
from bus.messaging import default_layer

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("broker")]


async def asked() -> WebProcess:
    return current()


async def test_all_of_an_event_loop_share_one() -> None:
    one = current()
    assert await asyncio.create_task(asked()) is one
    assert await asyncio.to_thread(asyncio.run, asked()) is not one


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is closed from now on, in order."""
    order: list[str] = []

    def noting(name: str) -> Any:
        async def close(*_: object) -> None:
            order.append(name)

        return close

    for part in ("AccessWatcher", "ReadMarks", "GuestSightings", "Hub"):
        monkeypatch.setattr(f"bus.consumers.web_process.{part}.close", noting(part))
    monkeypatch.setattr(default_layer, "close", noting("broker"))
    return order


async def test_what_uses_the_broker_is_closed_before_it(closed: list[str]) -> None:
    one = current()
    await one.close()
    assert closed == ["AccessWatcher", "ReadMarks", "GuestSightings", "Hub", "broker"]
    # Who comes after it is served by another.
    assert current() is not one


async def test_one_that_drains_turns_away_who_comes_after_it_is_closed() -> None:
    one = current()
    await one.connections.drain()
    await one.close()
    assert current() is one
    assert current().connections.draining


async def test_a_broker_that_fails_does_not_keep_a_process_from_its_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise ConnectionError("gone")

    monkeypatch.setattr(default_layer, "close", fail)
    with caplog.at_level(logging.WARNING):
        await current().close()
    assert "without having closed its connections to the broker" in caplog.text
