"""IP addresses and networks, as texts say them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# A server tells no address of who comes through a unix socket.
UNIX = "unix"


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks, without the word `unix`; raises ValueError."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts if text != UNIX)
