"""The HTTP connections that a process has open are bounded, in all and of one address."""

from __future__ import annotations

from django.test import override_settings

from bus.servers.http_connections import HttpConnections


class Guest:
    """A connection."""

    def __init__(self, idle: bool = True) -> None:
        self.is_idle = idle
        self.dropped = False

    def drop(self) -> None:
        self.dropped = True


@override_settings(BUS_HTTP_CONNECTIONS=3, BUS_ADDRESS_HTTP_CONNECTIONS=2)
def test_the_oldest_that_asks_for_nothing_makes_room() -> None:
    connections = HttpConnections()
    busy, first, second, third = Guest(idle=False), Guest(), Guest(), Guest()
    for guest in (busy, first, second, third):
        assert connections.enter(guest, "10.0.0.1")
    assert [guest.dropped for guest in (busy, first, second, third)] == [False, True, False, False]
    assert len(connections) == 3


@override_settings(BUS_HTTP_CONNECTIONS=3, BUS_ADDRESS_HTTP_CONNECTIONS=2)
def test_where_all_are_busy_there_is_no_room() -> None:
    connections = HttpConnections()
    for _ in range(3):
        assert connections.enter(Guest(idle=False), "10.0.0.1")
    late = Guest()
    assert not connections.enter(late, "10.0.0.1")
    connections.leave(late)
    assert len(connections) == 3


@override_settings(BUS_HTTP_CONNECTIONS=100, BUS_ADDRESS_HTTP_CONNECTIONS=2)
def test_an_address_has_a_share_and_an_ipv6_one_is_its_network() -> None:
    connections = HttpConnections()
    greedy = [Guest() for _ in range(5)]
    for number, guest in enumerate(greedy):
        assert connections.enter(guest, f"2a00:1450:4001:829::{number:x}")
    assert [guest.dropped for guest in greedy] == [True, True, True, False, False]
    other = Guest()
    assert connections.enter(other, "2a00:1450:4001:82a::1")
    assert not other.dropped
    for guest in [*greedy, other]:
        connections.leave(guest)
    assert len(connections) == 0
    assert not connections._counts


@override_settings(BUS_HTTP_CONNECTIONS=2)
def test_who_has_just_come_takes_no_room_and_loses_none() -> None:
    connections = HttpConnections()
    arriving = [Guest() for _ in range(50)]
    for guest in arriving:
        connections.arrive(guest)
    for guest in arriving:
        # It asks for a WebSocket, and is no HTTP any more.
        assert connections.enter(guest, "127.0.0.1")
        connections.leave(guest)
    assert not any(guest.dropped for guest in arriving)
    assert not connections._arriving


def test_of_those_who_come_without_end_the_oldest_go() -> None:
    connections = HttpConnections()
    flood = [Guest() for _ in range(5000)]
    for guest in flood:
        connections.arrive(guest)
    assert [guest.dropped for guest in flood] == [True] * 904 + [False] * 4096


@override_settings(BUS_ADDRESS_HTTP_CONNECTIONS=2, BUS_TRUSTED_PROXIES=["8.8.8.0/24"])
def test_a_named_proxy_with_a_public_address_speaks_for_many() -> None:
    connections = HttpConnections()
    assert all(connections.enter(Guest(idle=False), "8.8.8.8") for _ in range(10))
    # As a socket for both families tells of IPv4.
    entered = [connections.enter(Guest(idle=False), "::ffff:9.9.9.9") for _ in range(3)]
    assert entered == [True, True, False]
