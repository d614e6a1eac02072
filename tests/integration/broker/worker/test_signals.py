"""The signal that tells of attempts that failed, before the broker is told."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from channels.consumer import AsyncConsumer
from django.test import override_settings

from bus.broker import BusChannelLayer, Delivery, Undeliverable
from bus.broker.operations.dead_letters import DeadLetters
from bus.broker.signals import delivery_failed
from bus.broker.worker.worker import Worker
from tests.support.wait import until_async

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

Told = list[tuple[int, str, bool]]


class Jobs(AsyncConsumer):
    async def job_run(self, message: dict[str, Any]) -> None:
        raise Undeliverable("no use") if message["hopeless"] else ValueError("boom")


@pytest.fixture
def told() -> Iterator[Told]:
    """What the signal told: number, error, whether it was the last attempt."""
    heard: Told = []

    async def hear(delivery: Delivery, error: BaseException | str, final: bool, **_: Any) -> None:
        heard.append((delivery.message["n"], str(error), final))

    delivery_failed.connect(hear)
    yield heard
    delivery_failed.disconnect(hear)


async def run(layer: BusChannelLayer, *messages: dict[str, Any], dead: int) -> None:
    """Send, and work until there are so many dead letters."""
    worker = Worker(Jobs.as_asgi(), ["jobs"], layer)
    running = asyncio.ensure_future(worker.main())
    for message in messages:
        await layer.send("jobs", {"type": "job.run", **message})

    async def died() -> bool:
        return len(await DeadLetters(layer, "jobs").newest()) == dead

    await until_async(died)
    worker.stop()
    await asyncio.wait_for(running, 20)


@override_settings(BUS_RETRY_BASE=0.02, BUS_MAX_ATTEMPTS=3)
async def test_each_attempt_is_told_and_the_last_one_as_the_last(broker: str, told: Told) -> None:
    layer = BusChannelLayer(hosts=[broker], prefix="test")
    await run(layer, {"n": 1, "hopeless": False}, dead=1)
    assert told == [(1, "boom", False), (1, "boom", False), (1, "boom", True)]


async def test_what_is_hopeless_is_told_once(broker: str, told: Told) -> None:
    layer = BusChannelLayer(hosts=[broker], prefix="test")
    await run(layer, {"n": 1, "hopeless": True}, dead=1)
    assert told == [(1, "no use", True)]


async def test_a_receiver_that_raises_keeps_no_message(broker: str) -> None:
    async def break_down(**_: Any) -> None:
        raise RuntimeError("a receiver")

    delivery_failed.connect(break_down)
    try:
        layer = BusChannelLayer(hosts=[broker], prefix="test")
        await run(layer, {"n": 1, "hopeless": True}, {"n": 2, "hopeless": True}, dead=2)
        assert (await layer.stream("jobs").stats(10)).depth == 0
    finally:
        delivery_failed.disconnect(break_down)
