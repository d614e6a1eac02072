"""What strangers may do how often, in all processes together: by address, by person, by account."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from bus.conf import conf
from bus.conf.rates import parse_rate
from bus.http import client_address
from bus.messaging.quota import Quota, default_throttle
from bus.protocol.errors import BusError, RateLimited, Unauthenticated, Unavailable

T = TypeVar("T")

logger = logging.getLogger(__name__)

# A broker that is silent makes nobody wait longer, in seconds.
_PATIENCE = 2.0
# How long a secret that was right may be shown again whatever others do, in seconds; how long a
# process takes its own word for it, and of how many.
_PROVEN_FOR = 24 * 3600.0
_PROVEN_HERE = 600.0
_PROVEN_LIMIT = 10_000


def quota(what: str, rate: str, who: str) -> list[Quota]:
    """The quota of somebody for something; none where the rate is no limit, or who is unknown."""
    read = parse_rate(rate)
    return [Quota(f"{what}:{who}", read.count, read.period)] if read.count and who else []


def by_address(what: str, rate: str, address: str) -> list[Quota]:
    """The quota of all who come from an address, or from its IPv6 /64."""
    return quota(what, rate, client_address.network_of(address))


def new_room(visitor: str, address: str) -> list[Quota]:
    """The quotas of a room that comes into being by a visit."""
    return [
        *quota("rooms:visitor", conf.user_room_rate, visitor),
        *by_address("rooms:address", conf.address_room_rate, address),
        *quota("rooms", conf.room_rate, "all"),
    ]


def by_text(what: str, rate: str, text: str) -> list[Quota]:
    """The quota of whomever a text names, which may be of any length and kind."""
    return quota(what, rate, digest(text))


def digest(text: str) -> str:
    """What stands for a text, maybe a secret, in a key."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


async def take(quotas: Iterable[Quota]) -> None:
    """Count something once in every quota; raises RateLimited, and then nothing was counted.

    Where the broker is away nothing is limited: who waits for it is not to wait for this, too.
    """
    wait = await _answer(default_throttle().take(quotas), 0.0)
    if wait:
        raise RateLimited(_TOO_OFTEN, retry_after=wait)


async def look(quotas: Iterable[Quota]) -> None:
    """As `take`, but nothing is counted."""
    wait = await _answer(default_throttle().look(quotas), 0.0)
    if wait:
        raise RateLimited(_TOO_OFTEN, retry_after=wait)


async def give(quotas: Iterable[Quota]) -> None:
    """Take back what `take` counted: it was none of what is limited."""
    await _answer(default_throttle().give(quotas), None)


async def forget(quotas: Iterable[Quota]) -> None:
    """Take back all that was ever counted."""
    await _answer(default_throttle().forget(quotas), None)


async def mark(key: str, seconds: float) -> None:
    """Keep in mind that something was seen, for so long."""
    await _answer(default_throttle().mark(key, seconds), None)


async def is_marked(key: str) -> bool:
    """Whether it is kept in mind."""
    return await _answer(default_throttle().is_marked(key), True)


async def prove(
    what: str, rate: str, address: str, secret: str, check: Callable[[], Awaitable[T]]
) -> T:
    """Have a secret checked that somebody shows; raises what the check does, and RateLimited.

    Wrong ones count against the address. Beyond the rate none is looked at any more, save those
    that were right from there before: what others guess locks nobody out.
    """
    quotas = by_address(what, rate, address)
    if not quotas:
        return await check()
    key = f"{what}:{client_address.network_of(address)}:{digest(secret)}"
    taken = [] if _was_proven_here(key) else await _take_unless_marked(quotas, key)
    try:
        found = await check()
    except Unauthenticated:
        if not taken:
            await _disprove(key)
            await take(quotas)
        raise
    except BusError:
        await give(taken)
        raise
    await give(taken)
    await _keep_proven(key)
    return found


async def verify(what: str, rate: str, address: str, check: Callable[[], Awaitable[T]]) -> T:
    """As `prove`, for what we have signed: a right one is let in whatever was shown before.

    Nobody guesses a signature and a look at one costs nothing, so only who shows wrong ones waits;
    a class comes with as many right ones as it has people, at once and from one address.
    """
    try:
        return await check()
    except Unauthenticated:
        await take(by_address(what, rate, address))
        raise


_TOO_OFTEN = "Too many attempts from where you are. Try again later."

# What was proven in this process, and when.
_proven: dict[str, float] = {}


def _was_proven_here(key: str) -> bool:
    return time.monotonic() - _proven.get(key, float("-inf")) < _PROVEN_HERE


async def _keep_proven(key: str) -> None:
    if _was_proven_here(key):
        return
    if len(_proven) >= _PROVEN_LIMIT:
        _proven.clear()
    await mark(key, _PROVEN_FOR)
    _proven[key] = time.monotonic()


async def _disprove(key: str) -> None:
    _proven.pop(key, None)
    await _answer(default_throttle().unmark(key), None)


async def _take_unless_marked(quotas: list[Quota], key: str) -> list[Quota]:
    """What was counted: all, or nothing for who is known."""
    try:
        await take(quotas)
    except RateLimited:
        if not await is_marked(key):
            raise
        return []
    return quotas


async def _answer(asked: Awaitable[T], otherwise: T) -> T:
    """What the broker answers, or something else where it is away."""
    try:
        async with asyncio.timeout(_PATIENCE):
            return await asked
    except (Unavailable, TimeoutError) as error:
        logger.debug("Nothing is counted: %r", error)
        return otherwise
