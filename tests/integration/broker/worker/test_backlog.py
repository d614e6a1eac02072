"""A second slot helps in a backlog, where the consumer says that it may."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from django.test import override_settings

from bus.broker import BusChannelLayer, Delivery
from bus.broker.stream import Claim, Stream
from bus.workers.base import BatchConsumer
from tests.integration.broker.worker.test_worker import layer, left, working
from tests.support.wait import until_async as until

__all__ = ["layer"]
pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]
ROOMS = 12


class Meeting(BatchConsumer):
    """Notes what it takes; while `gate` is shut it keeps what it has."""

    taken: list[tuple[object, list[tuple[str, int]]]]
    gate: asyncio.Event
    inside: int
    most: int

    async def _parse_and_handle(self, deliveries: Sequence[Delivery]) -> dict[int, Exception]:
        kind = type(self)
        kind.inside += 1
        kind.most = max(kind.most, kind.inside)
        kind.taken.append((self, [(d.ordering_key, d.message["n"]) for d in deliveries]))
        await kind.gate.wait()
        await asyncio.sleep(0)
        kind.inside -= 1
        return {}

    async def handle(self, batch: Any) -> Mapping[int, Exception]:
        raise NotImplementedError


def meeting(*, parallel: bool) -> type[Meeting]:
    members = {"parallel": parallel, "taken": [], "gate": asyncio.Event(), "inside": 0, "most": 0}
    return type("Meeting", (Meeting,), members)


async def fill(layer: BusChannelLayer, count: int) -> None:
    for number in range(count):
        await layer.send("jobs", {"type": "x", "n": number}, ordering_key=f"k{number % ROOMS}")


@override_settings(BUS_BATCH_SIZE=5)
async def test_two_lists_are_under_way_in_a_backlog_and_each_key_keeps_its_order(
    layer: BusChannelLayer, broker: str
) -> None:
    consumer = meeting(parallel=True)
    await fill(layer, 240)
    async with working(layer, consumer.as_asgi()) as worker:
        await until(lambda: consumer.inside == 2)
        (first, one), (second, other) = consumer.taken
        assert first is not second
        assert not {key for key, _ in one} & {key for key, _ in other}
        consumer.gate.set()
        await until(lambda: left(broker) == 0)
    assert worker.handled == 240
    assert consumer.most == 2
    for key in {f"k{number}" for number in range(ROOMS)}:
        numbers = [n for _, taken in consumer.taken for k, n in taken if k == key]
        assert numbers == sorted(numbers)
        assert len(numbers) == 20


@override_settings(BUS_BATCH_SIZE=5)
async def test_a_consumer_that_does_not_say_so_has_one_list_at_a_time(
    layer: BusChannelLayer, broker: str
) -> None:
    consumer = meeting(parallel=False)
    consumer.gate.set()
    await fill(layer, 120)
    async with working(layer, consumer.as_asgi()):
        await until(lambda: left(broker) == 0)
    assert consumer.most == 1
    assert len({id(instance) for instance, _ in consumer.taken}) == 1


@override_settings(BUS_BATCH_SIZE=50)
async def test_without_a_backlog_nobody_helps(layer: BusChannelLayer, broker: str) -> None:
    consumer = meeting(parallel=True)
    consumer.gate.set()
    async with working(layer, consumer.as_asgi()):
        for _ in range(10):
            await fill(layer, ROOMS)
            await until(lambda: left(broker) == 0)
    assert len({id(instance) for instance, _ in consumer.taken}) == 1


@override_settings(BUS_BATCH_SIZE=5)
async def test_what_a_dead_worker_held_is_never_beside_another_list(
    layer: BusChannelLayer, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that killed a worker once would take the other list along the next time."""
    taken: list[tuple[object, Sequence[Delivery]]] = []
    gates = asyncio.Event(), asyncio.Event()
    helper_found: list[Claim] = []
    claim = Stream.claim

    async def noted(self: Stream, worker: str, count: int, *, ahead: bool = False) -> Claim:
        found = await claim(self, worker, count, ahead=ahead)
        if worker.endswith("/1"):
            helper_found.append(found)
        return found

    class Waiting(BatchConsumer):
        parallel = True

        async def _parse_and_handle(self, deliveries: Sequence[Delivery]) -> dict[int, Exception]:
            taken.append((self, deliveries))
            await gates[self is not taken[0][0]].wait()
            return {}

        async def handle(self, batch: Any) -> Mapping[int, Exception]:
            raise NotImplementedError

    monkeypatch.setattr(Stream, "claim", noted)
    await fill(layer, 240)
    async with working(layer, Waiting.as_asgi()):
        await until(lambda: len(taken) == 2)
        dead = (await claim(layer.stream("jobs"), "dead", 5)).deliveries
        gates[1].set()
        # Nothing else is left to it, and the first has its list still.
        await until(lambda: not helper_found[-1].deliveries and helper_found[-1].suspects > 0)
        gates[0].set()
        await until(lambda: left(broker) == 0)
    again = [(who, d) for who, deliveries in taken for d in deliveries if d.deliveries > 1]
    assert {d.id for _, d in again} == {d.id for d in dead}
    assert all(who is taken[0][0] for who, _ in again)
