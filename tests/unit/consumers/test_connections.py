"""The sockets of a process: counted by user and address, and closed over a while in the end."""

import asyncio
import time

import pytest
from pytest_django.fixtures import Settings

from bus.consumers.connections import Connections


class Peer:
    """A socket that notes what it is told."""

    def __init__(self, home: Connections) -> None:
        self.home = home
        self.told = -1.0
        self.code = 0
        self.ended_at = 0.0

    def announce_end(self, reconnect_in: float) -> None:
        self.told = reconnect_in

    def end(self, code: int) -> None:
        self.code, self.ended_at = code, time.monotonic()
        self.home.remove(self)


def test_a_user_and_an_address_have_a_limit(settings: Settings) -> None:
    settings.BUS_USER_CONNECTIONS, settings.BUS_ADDRESS_CONNECTIONS = 2, 3
    home = Connections()
    peers = [Peer(home) for _ in range(6)]
    assert home.add(peers[0], "u1", "8.8.8.8")
    assert home.add(peers[1], "u1", "8.8.8.8")
    assert not home.add(peers[2], "u1", "8.8.4.4")
    assert home.add(peers[2], "u2", "8.8.8.8")
    assert not home.add(peers[3], "u3", "8.8.8.8")
    home.remove(peers[0])
    home.remove(peers[0])
    assert home.add(peers[3], "u1", "8.8.8.8")
    # The same socket once more, as somebody else.
    assert home.add(peers[3], "u4", "8.8.8.8")
    assert home.add(peers[4], "u1", "8.8.4.4")
    assert len(home) == 4
    for peer in peers:
        home.remove(peer)
    assert (len(home), dict(home._counts)) == (0, {})


def test_a_place_that_tells_nobody_apart_is_not_counted(settings: Settings) -> None:
    settings.BUS_ADDRESS_CONNECTIONS = 1
    home = Connections()
    assert all(home.add(Peer(home), f"u{n}", "") for n in range(5))


def test_zero_is_no_limit(settings: Settings) -> None:
    settings.BUS_USER_CONNECTIONS = settings.BUS_ADDRESS_CONNECTIONS = 0
    home = Connections()
    assert all(home.add(Peer(home), "u1", "8.8.8.8") for _ in range(500))


@pytest.mark.asyncio
async def test_a_drain_spreads_the_closes_and_the_returns(settings: Settings) -> None:
    settings.BUS_CLOSING_WINDOW, settings.BUS_RECONNECT_WINDOW = 0.3, 2.0
    home = Connections()
    peers = [Peer(home) for _ in range(2000)]
    for number, peer in enumerate(peers):
        home.add(peer, f"u{number}", "")
    began = time.monotonic()
    await home.drain()
    assert home.draining
    assert len(home) == 0
    assert {peer.code for peer in peers} == {1012}
    assert 0 <= min(peer.told for peer in peers) < 0.2
    assert 1.8 < max(peer.told for peer in peers) <= 2
    ends = sorted(peer.ended_at - began for peer in peers)
    assert ends[-1] >= 0.25
    assert ends[200] < 0.25
    # Not all in one batch.
    assert len({round(end, 2) for end in ends}) > 3


@pytest.mark.asyncio
async def test_a_few_are_closed_at_once_and_nobody_is_waited_for_long() -> None:
    home = Connections()
    few = [Peer(home) for _ in range(3)]
    for number, peer in enumerate(few):
        home.add(peer, f"u{number}", "")
    async with asyncio.timeout(1):
        await home.drain()
    assert all(0 <= peer.told < 0.01 for peer in few)

    class Deaf(Peer):
        def end(self, code: int) -> None:
            """It does not answer."""

    home.add(Deaf(home), "u1", "")
    async with asyncio.timeout(3):
        await home.drain()
    assert len(home) == 1
