"""Where a client comes from: the peer, or what a named proxy tells."""

import logging

import pytest
from django.test import RequestFactory, override_settings

from bus.http import client_address
from bus.http.client_address import network_for_limits, network_of, of_request, of_scope


def _told(peer: str, forwarded: str = "") -> str:
    headers = [(b"x-forwarded-for", part.encode()) for part in forwarded.split(";") if part]
    return of_scope({"client": (peer, 1) if peer else None, "headers": headers}).address


def test_nobody_is_believed_who_is_not_named() -> None:
    assert _told("203.0.113.7", "198.51.100.1") == "203.0.113.7"
    request = RequestFactory().get("/", REMOTE_ADDR="203.0.113.7", HTTP_X_FORWARDED_FOR="1.2.3.4")
    assert of_request(request).address == "203.0.113.7"


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("6.6.6.6, 198.51.100.1, 10.0.0.9", "198.51.100.1"),
        ("6.6.6.6;198.51.100.1", "198.51.100.1"),
        ("198.51.100.1:4711", "198.51.100.1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("6.6.6.6, <script>, 10.0.0.9", "10.0.0.9"),
        ("unknown", "10.0.0.1"),
        ("", "10.0.0.1"),
    ],
)
@override_settings(BUS_TRUSTED_PROXIES=["10.0.0.0/8"])
def test_behind_named_proxies_the_last_address_that_is_none_of_theirs_counts(
    forwarded: str, client: str
) -> None:
    assert _told("10.0.0.1", forwarded) == client


def test_a_proxy_on_a_unix_socket_is_named_by_a_word() -> None:
    assert _told("", "198.51.100.1") == ""
    with override_settings(BUS_TRUSTED_PROXIES=["unix"]):
        assert _told("", "198.51.100.1") == "198.51.100.1"


def test_one_place_is_an_ipv4_address_or_the_64_of_an_ipv6_one() -> None:
    assert network_of("203.0.113.7") == "203.0.113.7"
    assert (
        network_of("2001:db8:1:2:3:4:5:6") == network_of("2001:db8:1:2::1") == "2001:db8:1:2::/64"
    )
    assert network_of("2001:db8:1:3::1") != network_of("2001:db8:1:2::1")
    assert _told("::ffff:203.0.113.7") == "203.0.113.7"
    assert network_of("") == ""


def test_a_place_is_counted_that_tells_one_client_from_another() -> None:
    private = ["10.1.2.3", "192.168.0.7", "fd00::7"]
    nobody = ["127.0.0.1", "::1", "::ffff:127.0.0.1", "", "unix:"]
    assert [network_for_limits(address) for address in [*private, *nobody]] == [""] * 8
    assert network_for_limits("8.8.8.8") == "8.8.8.8"
    assert network_for_limits("2606:4700:1:2:3::4") == "2606:4700:1:2::/64"
    # Once proxies are named, what they do not tell of is no proxy.
    with override_settings(BUS_TRUSTED_PROXIES=["10.0.0.1"]):
        assert [network_for_limits(address) for address in private] == [*private[:2], "fd00::/64"]
        assert [network_for_limits(address) for address in nobody] == [""] * 5


def test_a_proxy_that_is_not_named_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    client_address._warn_of_proxy.cache_clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            _told("127.0.0.1", "198.51.100.1")
    assert [r.message for r in caplog.records] == [
        "A proxy at 127.0.0.1 tells where clients come from, and is not named: all who come "
        "through it count as one. Name it in BUS_TRUSTED_PROXIES."
    ]


@pytest.mark.parametrize(
    ("peer", "forwarded", "network"),
    [
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", ""),
        ("8.8.8.8", "198.51.100.1", "8.8.8.8"),
        ("2606:4700:1:2:3::4", "", "2606:4700:1:2::/64"),
    ],
)
def test_a_sanction_holds_for_no_network_that_a_proxy_nobody_named_speaks_for(
    peer: str, forwarded: str, network: str
) -> None:
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    assert of_scope({"client": (peer, 1), "headers": headers}).network == network
    meta = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    assert of_request(RequestFactory().get("/", REMOTE_ADDR=peer, **meta)).network == network
    with override_settings(BUS_TRUSTED_PROXIES=["10.0.0.0/8"]):
        told = forwarded if forwarded and peer.startswith("10.") else peer
        assert of_scope({"client": (peer, 1), "headers": headers}).network == network_of(told)
