"""A clock that is set back or ahead stops nobody and spares nobody, whoever's clock it is.

The broker runs under libfaketime, so that its clock can be set while it runs.
"""

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from channels.layers import channel_layers
from django.utils import timezone

from bus.broker import BusChannelLayer
from bus.broker import clock as steady
from bus.broker.idempotency import send_once
from bus.chat import clock
from bus.enforcement import room_policies
from bus.messaging import background, default_layer, sender, text_store
from bus.messaging.presence_store import PresenceStore
from bus.models import Message, Room
from bus.protocol.channel_messages import MessageSubmitted
from bus.protocol.objects import Author
from tests.support.beats import beat
from tests.support.broker_servers import Server, Servers
from tests.support.broker_servers import servers as servers
from tests.support.wait import until_async
from tests.support.web_server import working

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

HOUR, DAY = 3600, 86_400
JUMPS = [-HOUR, HOUR, -DAY, DAY]


class World:
    """The broker's clock, which can be set, and time, which can pass."""

    def __init__(self, server: Server, offset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = server
        self._file = offset
        self._offset = self._passed = 0.0
        counted = steady.counted
        monkeypatch.setattr(steady, "counted", lambda: counted() + self._passed * 1000)

    def jump(self, seconds: float) -> None:
        """Set the broker's clock, as an administrator or NTP does."""
        self._set(self._offset + seconds)

    def passes(self, seconds: float) -> None:
        """Have time pass, for everybody."""
        self._passed += seconds
        self._set(self._offset + seconds)

    def _set(self, offset: float) -> None:
        with self.server.client() as client:
            before = client.time()[0] - self._offset
            self._offset = offset
            self._file.write_text(f"{offset:+f}\n")
            deadline = time.monotonic() + 10
            # It reads the file whenever it looks at its clock.
            while abs(client.time()[0] - before - offset) > 5:
                assert time.monotonic() < deadline, "the broker's clock cannot be set"


@pytest.fixture
def offset(tmp_path: Path) -> Path:
    file = tmp_path / "offset"
    file.write_text("+0\n")
    return file


@pytest.fixture
def world(
    servers: Servers,
    offset: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
    if library is None:
        pytest.skip("no libfaketime (Debian's package faketime): no clock is set")
    server = servers(
        # Redis does not start under it.
        "valkey",
        LD_PRELOAD=str(library),
        FAKETIME_TIMESTAMP_FILE=str(offset),
        FAKETIME_NO_CACHE="1",
        FAKETIME_DONT_FAKE_MONOTONIC="1",
    )
    return World(server, offset, monkeypatch)


@pytest_asyncio.fixture
async def layer(world: World) -> AsyncIterator[BusChannelLayer]:
    channel_layers.backends.clear()
    found = BusChannelLayer(hosts=[world.server.url])
    channel_layers.backends["default"] = found
    yield found
    await found.close()
    channel_layers.backends.clear()


@pytest.fixture(autouse=True)
def own_errands() -> Iterator[None]:
    yield
    background.tasks.stop()


def numbers(layer: BusChannelLayer, deliveries: list[Any]) -> list[int]:
    return [layer.deserialize(delivery.payload)["n"] for delivery in deliveries]


class Writer:
    """One guest in one room."""

    def __init__(self, place: Room) -> None:
        self.place = place
        self._count = 0

    async def says(self, body: str) -> str:
        """Write, and return what became of it: a status, or a reason."""
        self._count += 1
        message = MessageSubmitted(
            room=self.place.name,
            author=Author(id="gabc", name="guest"),
            body=body,
            client_id=f"n{self._count}",
        )
        await sender.send(message, ordering_key=self.place.name)
        found = Message.objects.filter(client_id=message.client_id)
        async with asyncio.timeout(10):
            row = await found.afirst()
            while row is None:
                row = await found.afirst()
        return row.reason or row.status


@pytest.mark.parametrize("seconds", JUMPS)
async def test_slow_mode_lasts_as_long_as_it_should(
    layer: BusChannelLayer, world: World, seconds: int
) -> None:
    place = await Room.objects.acreate(name="lobby", access="open", slow_mode=60)
    writer = Writer(place)
    async with working("moderation"):
        assert await writer.says("the first of all") == "posted"
        world.jump(seconds)
        assert await writer.says("too soon, and another thing") == "slow_mode"
        world.passes(61)
        assert await writer.says("late enough for this one") == "posted"
        assert await writer.says("and again much too soon") == "slow_mode"
        # Put right.
        world.jump(-seconds)
        assert await writer.says("still too soon, I think") == "slow_mode"
        world.passes(61)
        assert await writer.says("now it is time for more") == "posted"


@pytest.mark.parametrize("seconds", JUMPS)
async def test_flooding_is_counted_as_it_was(
    layer: BusChannelLayer, world: World, seconds: int
) -> None:
    place = await Room.objects.acreate(name="lobby", access="open")
    parts = {"flood_messages": 3, "flood_seconds": 60}
    await asyncio.to_thread(room_policies.change, place.pk, by=None, parts=parts)
    writer = Writer(place)
    async with working("moderation"):
        assert await writer.says("an apple a day") == "posted"
        assert await writer.says("keeps the doctor away") == "posted"
        world.jump(seconds)
        assert await writer.says("every cloud has a lining") == "posted"
        assert await writer.says("look before you leap") == "flood"
        world.passes(61)
        assert await writer.says("time heals all wounds") == "posted"


@pytest.mark.parametrize("seconds", JUMPS)
async def test_what_is_due_comes_when_it_should(
    layer: BusChannelLayer, world: World, seconds: int
) -> None:
    stream = layer.stream("jobs")
    await layer.send("jobs", {"type": "x", "n": 1}, delay=30)
    await layer.send("jobs", {"type": "x", "n": 2}, ordering_key="k")
    (failed,) = (await stream.claim("w", 9)).deliveries
    await stream.retry_later(failed, 40)
    world.jump(seconds)
    claim = await stream.claim("w", 9)
    assert claim.deliveries == []
    assert claim.next_due is not None
    assert 20 < claim.next_due <= 31
    world.passes(35)
    held = (await stream.claim("w", 9)).deliveries
    assert numbers(layer, held) == [1]
    await stream.acknowledge(held)
    world.passes(10)
    assert numbers(layer, (await stream.claim("w", 9)).deliveries) == [2]


@pytest.mark.parametrize("seconds", JUMPS)
async def test_what_expires_does_so_when_it_should(
    layer: BusChannelLayer, world: World, seconds: int
) -> None:
    stream = layer.stream("jobs")
    for number in (1, 2):
        await layer.send("jobs", {"type": "x", "n": number}, ttl=30 * number)
    world.jump(seconds)
    (first,) = (await stream.claim("w", 1)).deliveries
    await stream.retry_later(first, 1)
    world.passes(35)
    assert numbers(layer, (await stream.claim("w", 9)).deliveries) == [2]
    assert (await stream.stats(9)).totals.expired == 1


async def test_a_point_in_time_is_one_of_the_calendar_that_the_broker_shows(
    layer: BusChannelLayer, world: World
) -> None:
    await layer.send("jobs", {"type": "x", "n": 0})
    world.jump(HOUR)
    shown = time.time() * 1000 + HOUR * 1000
    await layer.send("jobs", {"type": "x", "n": 1}, not_before=int(shown + 30_000))
    await layer.send("jobs", {"type": "x", "n": 2}, expires_at=int(shown + 30_000))
    await layer.send("jobs", {"type": "x", "n": 3}, expires_at=int(shown - 30_000))
    stream = layer.stream("jobs")
    held = (await stream.claim("w", 9)).deliveries
    assert numbers(layer, held) == [0, 2]
    assert abs(held[1].expires_at - shown - 30_000) < 5000
    await stream.acknowledge(held)
    world.passes(31)
    assert numbers(layer, (await stream.claim("w", 9)).deliveries) == [1]


@pytest.mark.parametrize("seconds", JUMPS)
async def test_the_dead_are_dead_and_the_living_live(
    layer: BusChannelLayer, world: World, seconds: int
) -> None:
    stream = layer.stream("jobs")
    await layer.send("jobs", {"type": "x", "n": 1}, ordering_key="k")
    for worker in ("w1", "w2"):
        await beat(layer, worker)
    assert len((await stream.claim("w1", 9)).deliveries) == 1
    world.jump(seconds)
    claim = await stream.claim("w2", 9)
    assert (claim.deliveries, claim.locked) == ([], 1)
    assert (await stream.stats(9)).in_flight == 1
    for _ in range(4):
        world.passes(2)
        await beat(layer, "w2")
    assert numbers(layer, (await stream.claim("w2", 9)).deliveries) == [1]


@pytest.mark.parametrize("seconds", [-DAY, -HOUR, HOUR])
async def test_a_repeat_under_one_name_is_known_for_a_day(
    layer: BusChannelLayer, world: World, seconds: int
) -> None:
    told = await send_once(layer, "jobs", {"type": "x"}, "name")
    world.jump(seconds)
    assert await send_once(layer, "jobs", {"type": "x"}, "name") == told
    world.passes(DAY + 60)
    assert await send_once(layer, "jobs", {"type": "x"}, "name") != told


@pytest.mark.parametrize("seconds", JUMPS)
async def test_who_is_in_a_room_is_there_and_told(
    layer: BusChannelLayer, world: World, seconds: int
) -> None:
    roster, author = (
        PresenceStore(layer.connection("roster.7"), layer.prefix, 7),
        Author(id=1, name="mina"),
    )
    await roster.attend("p", {"u1": author})
    assert not isinstance(await roster.changes(), float)
    world.jump(seconds)
    found = await roster.attend("q", {"u2": Author(id=2, name="june")})
    assert (found.count, found.unpublished) == (2, 1)
    # What came is told within a second of the last telling, and not an hour later.
    world.passes(2)
    changes = await roster.changes()
    assert not isinstance(changes, float)
    assert [author.name for author in changes.joined] == ["june"]
    world.passes(20)
    assert (await roster.attend("q", {})).count == 0


@pytest.mark.parametrize("seconds", JUMPS)
async def test_what_was_said_is_remembered_for_ten_minutes(
    layer: BusChannelLayer, world: World, seconds: int
) -> None:
    await text_store.remember([("u1", "hello")])
    world.jump(seconds)
    assert await text_store.recall(["u1"]) == [("hello",)]
    world.passes(620)
    assert await text_store.recall(["u1"]) == [()]
    await text_store.remember([("u2", "hi")])
    with world.server.client() as client:
        assert list(client.keys("bus:said:u*")) == [b"bus:said:u2"]


@pytest.mark.parametrize("seconds", JUMPS)
async def test_all_processes_agree_and_are_led_back_to_the_calendar(
    layer: BusChannelLayer, world: World, seconds: int
) -> None:
    await beat(layer, "w1")
    before = default_layer.steady_now()
    world.jump(seconds)
    for _ in range(3):
        world.passes(11)
        await beat(layer, "w1")
    # One that comes new, and one that asks for the first time.
    other = BusChannelLayer(hosts=layer.hosts)
    await beat(other, "w2")
    now = other.clock_of("jobs").now()
    assert now is not None
    assert abs(now - clock.now_ms()) < 1000
    assert abs(now - before - 33_000) < 3000
    await other.close()
    for _ in range(300):
        world.passes(HOUR if abs(seconds) == HOUR else 12 * HOUR)
        await beat(layer, "w1")
    with world.server.client() as client:
        shown = client.time()[0] * 1000
    assert abs(default_layer.steady_now() - shown) < 2500


async def test_one_whose_own_clock_stood_still_moves_nobody_for_good(
    layer: BusChannelLayer, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await beat(layer, "w1")
    sleeper = BusChannelLayer(hosts=layer.hosts)

    async def asks(who: BusChannelLayer) -> int:
        found = who.clock_of("jobs")
        found._asked = float("-inf")
        await beat(who, "w")
        await until_async(lambda: found.now() is not None)
        return found.now() or 0

    await asks(sleeper)
    told, at = sleeper.clock_of("jobs")._answer or (0, 0)
    # A minute that it did not count.
    world.passes(60)
    sleeper.clock_of("jobs")._answer = told, at + 60_000
    for _ in range(3):
        await asks(sleeper)
        await asks(layer)
    with world.server.client() as client:
        shown = client.time()[0] * 1000
    assert abs(await asks(layer) - shown) < 2500
    assert abs(await asks(sleeper) - shown) < 2500
    await sleeper.close()


@pytest.mark.parametrize("seconds", JUMPS)
async def test_a_timeout_lasts_whatever_this_machines_clock_says(
    layer: BusChannelLayer, world: World, seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await beat(layer, "w")

    now = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: now() + dt.timedelta(seconds=seconds))
    assert abs((clock.now() - now()).total_seconds()) < 1
    world.jump(seconds)
    assert abs((clock.now() - now()).total_seconds()) < 1
    world.passes(61)
    assert abs((clock.now() - now()).total_seconds() - 61) < 2
