"""Sends that wait for their transaction: sent after the commit, never after a rollback."""

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.layers import channel_layers
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from bus.broker import BusChannelLayer
from bus.broker.errors import BrokerUnavailable
from bus.broker.loop_state import LoopState
from bus.broker.redis_urls import host_index
from bus.messaging import default_layer, outbox
from bus.models import QueuedSend, Room
from bus.protocol.errors import Invalid
from tests.support.broker_servers import Server, Servers
from tests.support.broker_servers import servers as servers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("broker")]


def received(channel: str = "jobs") -> list[Any]:
    """What is in a channel, taken out of it."""

    async def take_all() -> list[Any]:
        layer = default_layer.get()
        found = []
        while claimed := (await layer.stream(channel).claim("test", 100)).deliveries:
            found += [layer.deserialize(d.payload)["n"] for d in claimed]
            await layer.stream(channel).acknowledge(claimed)
        return found

    return async_to_sync(take_all)()


def send(number: int, channel: str = "jobs", **more: Any) -> None:
    outbox.send_on_commit(channel, {"type": "job.run", "n": number}, **more)


@pytest.fixture
def broker_away(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """A broker that is away until the event is set."""
    back = threading.Event()
    deliver = BusChannelLayer.send_encoded

    async def refuse(layer: BusChannelLayer, *args: Any, **options: Any) -> str:
        if not back.is_set():
            raise BrokerUnavailable("away")
        return await deliver(layer, *args, **options)

    monkeypatch.setattr(BusChannelLayer, "send_encoded", refuse)
    return back


def test_it_is_sent_after_the_commit_and_not_before() -> None:
    with transaction.atomic():
        Room.objects.create(name="lobby")
        send(1)
        send(2)
        assert received() == []
    assert received() == [1, 2]
    assert QueuedSend.objects.count() == 0


def test_outside_a_transaction_it_is_sent_at_once() -> None:
    send(1)
    assert received() == [1]


def test_a_rollback_sends_nothing() -> None:
    with transaction.atomic():
        send(1)
        transaction.set_rollback(True)
    with transaction.atomic():
        try:
            with transaction.atomic():
                send(2)
                raise RuntimeError
        except RuntimeError:
            send(3)
    assert received() == [3]


def reads_after(sends: int) -> int:
    """How often the outbox was looked at for a transaction with so many sends."""
    with CaptureQueriesContext(connection) as asked, transaction.atomic():
        for number in range(sends):
            send(number)
    assert received() == list(range(sends))
    return sum(
        query["sql"].startswith("SELECT") and "bus_queuedsend" in query["sql"] for query in asked
    )


def test_a_transaction_that_sends_more_than_is_relayed_at_once_is_sent_all_the_same() -> None:
    with transaction.atomic():
        for number in range(450):
            send(number)
    assert QueuedSend.objects.count() == 0
    assert received() == list(range(450))


def test_a_transaction_is_relayed_once_however_much_it_sends() -> None:
    once = reads_after(1)
    assert once > 0
    assert reads_after(30) == once
    # Nor is one lost that follows a transaction, or a savepoint, that rolled back.
    for _ in range(2):
        with transaction.atomic():
            send(1)
            transaction.set_rollback(True)
    assert reads_after(2) == once


def test_what_a_hook_of_the_commit_sends_is_sent_too() -> None:
    with transaction.atomic():
        send(1)
        transaction.on_commit(lambda: send(2))
        send(3)
    assert received() == [1, 3, 2]


def test_what_a_dead_process_left_is_sent_by_the_next_relay() -> None:
    with transaction.atomic():
        send(1)
        # The process dies between its commit and its hooks.
        connection.run_on_commit = []
    assert received() == []
    assert outbox.relay() == 1
    assert received() == [1]
    assert outbox.relay() == 0


def test_a_broker_that_is_away_delays_and_keeps_the_order(broker_away: threading.Event) -> None:
    for number in range(3):
        send(number, ordering_key="k")
    assert QueuedSend.objects.count() == 3
    broker_away.set()
    send(3, ordering_key="k")
    assert received() == [0, 1, 2, 3]


def test_a_full_channel_keeps_its_own_waiting_and_no_others(settings: Any) -> None:
    settings.BUS_CAPACITY = 2
    for number in range(4):
        send(number)
    send(9, channel="others")
    assert QueuedSend.objects.count() == 2
    assert received("others") == [9]
    assert received() == [0, 1]
    assert outbox.relay() == 2
    assert received() == [2, 3]


def test_what_cannot_be_sent_is_refused_in_the_transaction() -> None:
    with pytest.raises(Invalid):
        outbox.send_on_commit("jobs", {"type": "job.run", "n": object()})
    assert QueuedSend.objects.count() == 0


def test_workers_relay_without_being_asked() -> None:
    with transaction.atomic():
        send(1)
        connection.run_on_commit = []

    async def relay_until_sent() -> None:
        relaying = asyncio.ensure_future(outbox.relay_forever())
        message = await asyncio.wait_for(default_layer.get().receive("jobs"), 10)
        assert message["n"] == 1
        relaying.cancel()
        await asyncio.wait([relaying])

    async_to_sync(relay_until_sent)()


@pytest.mark.parametrize("channel", ["", "자유방", "bus.specific!abc"])
def test_a_channel_that_nobody_could_read_is_refused(channel: str) -> None:
    with pytest.raises(TypeError):
        send(1, channel=channel)
    assert QueuedSend.objects.count() == 0


def test_one_that_cannot_be_sent_holds_up_its_own_channel_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deliver = LoopState.send_encoded

    async def flawed(layer: LoopState, channel: str, *args: Any, **more: Any) -> str:
        if channel == "others":
            raise RuntimeError("nobody foresaw this")
        return await deliver(layer, channel, *args, **more)

    monkeypatch.setattr(LoopState, "send_encoded", flawed)
    with transaction.atomic():
        send(1, channel="others")
        send(2)
    assert received() == [2]
    assert [row.channel for row in QueuedSend.objects.all()] == ["others"]


def test_a_full_channel_holds_up_no_other(settings: Any) -> None:
    settings.BUS_CAPACITY = 3
    with transaction.atomic():
        for number in range(10):
            send(number, "full")
        send(1, "other")
        # This process sends none of them itself.
        connection.run_on_commit = []
    assert outbox.relay(limit=5) == 4
    assert received("other") == [1]
    assert received("full") == [0, 1, 2]
    assert outbox.relay(limit=5) == 3
    assert received("full") == [3, 4, 5]


# Channels of the first and of the second of two hosts.
HERE, THERE = (
    [name for name in map("j{}".format, range(40)) if host_index(name, 2) == place][:3]
    for place in (0, 1)
)


@pytest.fixture
def two_hosts(servers: Servers, broker: str, settings: Any) -> Iterator[Server]:
    """A second broker host beside the first, and the layer over both."""
    second = servers("valkey")
    layer = {"BACKEND": "bus.broker.BusChannelLayer", "CONFIG": {"hosts": [broker, second.url]}}
    settings.CHANNEL_LAYERS = {"default": layer}
    channel_layers.backends.clear()
    yield second
    second.go_on()


@pytest.mark.parametrize("how", ["dead", "silent"])
def test_a_host_that_is_away_holds_up_its_own_channels_alone(two_hosts: Server, how: str) -> None:
    if how == "dead":
        two_hosts.kill()
    else:
        two_hosts.pause()
    began = time.monotonic()
    for number in range(3):
        for channel in (THERE[number], HERE[number]):
            send(number, channel)
    # A silent host is waited for once, and not by each commit, nor for each of its channels.
    assert time.monotonic() - began < 8
    assert [row.channel for row in QueuedSend.objects.order_by("pk")] == THERE
    assert [received(channel) for channel in HERE] == [[0], [1], [2]]
    if how == "dead":
        two_hosts.start()
    else:
        two_hosts.go_on()
        default_layer.get()._silent_until.clear()
    assert outbox.relay() == 3
    assert [received(channel) for channel in THERE] == [[0], [1], [2]]


def test_a_host_without_waiting_channels_is_not_asked(two_hosts: Server) -> None:
    two_hosts.pause()
    began = time.monotonic()
    send(1, HERE[0])
    assert time.monotonic() - began < 1
    assert received(HERE[0]) == [1]
