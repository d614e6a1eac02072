"""What strangers may do how often, in all processes together: by address, by person, by account."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Iterable

from bus import addresses, publisher
from bus.conf import conf, parse_rate
from bus.errors import RateLimited, Unavailable
from bus.publisher import Quota

logger = logging.getLogger(__name__)


def quota(what: str, rate: str, who: str) -> list[Quota]:
    """The quota of somebody for something; none where the rate is no limit, or who is unknown."""
    read = parse_rate(rate)
    return [Quota(f"{what}:{who}", read.count, read.period)] if read.count and who else []


def by_address(what: str, rate: str, address: str) -> list[Quota]:
    """The quota of all who come from an address, or from its IPv6 /64."""
    return quota(what, rate, addresses.network_of(address))


def new_room(visitor: str, address: str) -> list[Quota]:
    """The quotas of a room that comes into being by a visit."""
    return [
        *quota("rooms:visitor", conf.user_room_rate, visitor),
        *by_address("rooms:address", conf.address_room_rate, address),
        *quota("rooms", conf.room_rate, "all"),
    ]


async def take(quotas: Iterable[Quota]) -> None:
    """Count something once in every quota; raises RateLimited, and then nothing was counted.

    Where the broker is away nothing is limited: who waits for it is not to wait for this, too.
    """
    await _check(publisher.throttle().take(quotas))


async def look(quotas: Iterable[Quota]) -> None:
    """As `take`, but nothing is counted."""
    await _check(publisher.throttle().look(quotas))


async def _check(waiting: Awaitable[float]) -> None:
    try:
        wait = await waiting
    except Unavailable as error:
        logger.debug("Nothing is counted: %s", error)
        return
    if wait:
        raise RateLimited(retry_after=wait)
