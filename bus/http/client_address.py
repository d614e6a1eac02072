"""Where a request or a socket comes from: the peer, or what a named proxy tells of it.

| question | asked by |
|---|---|
| who is the client, and which network may a sanction hold for? | `of_request`, `of_scope` |
| what is counted as one, whoever has the address? | `network_of` |
| may those who come from there be limited together? | `network_for_limits` |
| the same of a connection, before anything is read from it | `network_of_direct_peer` |
| is what `X-Forwarded-…` say to be believed? | `is_forwarded` |
| is it a proxy that is named? | `is_named_proxy` |
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from django.http import HttpRequest

from bus.conf import conf
from bus.conf.networks import UNIX, parse_networks

logger = logging.getLogger(__name__)

# What one household or phone is given: whoever has one address of it has all (RFC 6177).
_IPV6_PREFIX = 64


class ClientAddress(NamedTuple):
    """Where one client comes from; each is "" where nobody knows."""

    # In its one spelling.
    address: str
    # What a sanction on its network holds for: it shares that with few others.
    network: str


def of_request(request: HttpRequest) -> ClientAddress:
    """Where an HTTP request comes from."""
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR")
    return _client(request.META.get("REMOTE_ADDR") or "", forwarded)


def of_scope(scope: Mapping[str, Any]) -> ClientAddress:
    """Where a socket comes from, by its ASGI scope."""
    forwarded = [value for name, value in scope.get("headers", ()) if name == b"x-forwarded-for"]
    peer = (scope.get("client") or ("",))[0]
    return _client(peer, b",".join(forwarded).decode("latin-1") if forwarded else None)


@lru_cache(10_000)
def network_of(address: str) -> str:
    """What is counted as one place: an IPv4 address, or the /64 of an IPv6 one."""
    found = _parsed(address)
    if found is None or found.version == 4:
        return address
    return str(ipaddress.ip_network((found, _IPV6_PREFIX), strict=False))


def is_forwarded(request: HttpRequest) -> bool:
    """Whether what `X-Forwarded-…` say is to be believed: by a named proxy, or, where none is
    named, by anybody."""
    found = _parsed(request.META.get("REMOTE_ADDR") or "")
    proxies = tuple(conf.trusted_proxies)
    return not proxies or _is_trusted(str(found) if found else "", proxies)


def is_named_proxy(peer: str) -> bool:
    """Whether BUS_TRUSTED_PROXIES names a peer; "" is a unix socket."""
    found = _parsed(peer)
    if peer and found is None:
        return False
    return _is_trusted(str(found) if found else "", tuple(conf.trusted_proxies))


def network_for_limits(address: str) -> str:
    """The network of an address whose clients may be limited together; "" for any other.

    Where no proxy is named, a private address may be that of one, and all come from it; a process
    of this machine is no stranger.
    """
    found = _parsed(address)
    if found is None or found.is_loopback or not (found.is_global or conf.trusted_proxies):
        return ""
    return network_of(address)


def network_of_direct_peer(peer: str) -> str:
    """The network of a peer that speaks for itself, whatever it says; "" for a private address or
    a named proxy's, through which many may come."""
    found = _parsed(peer)
    if found is None or not found.is_global:
        return ""
    return "" if _is_trusted(str(found), tuple(conf.trusted_proxies)) else network_of(peer)


def _client(peer: str, forwarded: str | None) -> ClientAddress:
    """`forwarded` is what X-Forwarded-For says, None where it is not there."""
    found = _parsed(peer)
    address = _address(peer, forwarded or "")
    # A proxy that is not named speaks for everybody.
    is_hidden = (
        forwarded is not None and not conf.trusted_proxies and not (found and found.is_global)
    )
    return ClientAddress(address, "" if is_hidden else network_of(address))


def _address(peer: str, forwarded: str) -> str:
    """The last address that is not one of a named proxy; `forwarded` is its X-Forwarded-For."""
    found = _parsed(peer)
    here = str(found) if found else ""
    if not forwarded:
        return here
    proxies = tuple(conf.trusted_proxies)
    if not _is_trusted(here, proxies):
        if not proxies and not (found and found.is_global):
            _warn_of_proxy(here)
        return here
    for hop in reversed(forwarded.split(",")):
        address = _parsed(_without_port(hop.strip()))
        if address is None:
            # From here on anybody may have written anything.
            break
        here = str(address)
        if not _is_trusted(here, proxies):
            break
    return here


@lru_cache(10_000)
def _is_trusted(address: str, proxies: tuple[str, ...]) -> bool:
    if not address:
        return UNIX in proxies
    found = ipaddress.ip_address(address)
    return any(found in network for network in parse_networks(proxies))


@lru_cache(10_000)
def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    # As a socket for both families tells of an IPv4 client.
    return getattr(found, "ipv4_mapped", None) or found


def _without_port(hop: str) -> str:
    """`1.2.3.4:80` and `[2001:db8::1]:80` as some proxies write them, without the port."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


@lru_cache(1)
def _warn_of_proxy(peer: str) -> None:
    logger.warning(
        "A proxy at %s tells where clients come from, and is not named: all who come through it "
        "count as one. Name it in BUS_TRUSTED_PROXIES.",
        peer or "a unix socket",
    )
