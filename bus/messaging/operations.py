"""What is asked of, and done about, named channels and their broker."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bus.broker.channel_stats import ChannelStats
from bus.broker.errors import BrokerUnavailable
from bus.broker.operations import erasure
from bus.broker.operations.dead_letters import DeadLetters
from bus.broker.operations.discovery import known_channels
from bus.broker.operations.erasure import Meant
from bus.broker.operations.handled_log import HandledLog
from bus.broker.operations.tap import Tap
from bus.broker.redis_config import Fault, faults
from bus.messaging import default_layer
from bus.messaging.errors import with_protocol_errors
from bus.protocol import channel_names


@with_protocol_errors
async def forget(channel: str, since: int, meant: Meant) -> int:
    """Drop handled messages and dead letters that are meant; see `operations.erasure`."""
    return await erasure.forget(default_layer.get(), channel, since, meant)


@with_protocol_errors
async def rewrite_files(every: float) -> bool:
    """Have the broker's files written anew; see `bus.broker.operations.erasure`."""
    return await erasure.rewrite_files(default_layer.get(), every)


@with_protocol_errors
async def broker_faults(within: float | None = None) -> list[Fault]:
    """What the broker is set to that would lose messages, or be of no use.

    Raises Unavailable, also where it takes longer than so many seconds.
    """
    try:
        async with asyncio.timeout(within):
            return await faults(default_layer.get())
    except TimeoutError as error:
        raise BrokerUnavailable(f"The broker does not answer within {within} s.") from error


@with_protocol_errors
async def troubles(channels: Sequence[str]) -> dict[str, str]:
    """What keeps each named channel from being worked on, "" where nothing does.

    Raises Unavailable.
    """
    found = await asyncio.gather(*map(_trouble, channels))
    return dict(zip(channels, found, strict=True))


async def _trouble(channel: str) -> str:
    stream = default_layer.get().stream(channel)
    if wrong := await stream.wrong_keys():
        return f"{'; '.join(wrong)}: delete or rename it"
    workers = [worker.get("trouble") for worker in await stream.workers()]
    if not workers:
        return f"none: run `python manage.py runworker {channel}`"
    # Some that work are enough, and what somebody else wrote there says nothing.
    troubles = [each.get(channel) for each in workers if isinstance(each, dict)]
    return str(troubles[0]) if len(troubles) == len(workers) and all(troubles) else ""


@with_protocol_errors
async def channels() -> list[str]:
    """The named channels that the broker holds anything of, and those of Bus; by name.

    It looks at every key of the broker. Raises Unavailable.
    """
    return sorted({*await known_channels(default_layer.get()), *channel_names.WORKED_CHANNELS})


@with_protocol_errors
async def stats(channels: Sequence[str]) -> list[ChannelStats]:
    """What each named channel holds and does, in one round trip per broker; raises Unavailable."""
    layer = default_layer.get()
    return await asyncio.gather(
        *(layer.stream(channel).stats(layer.capacity_of(channel)) for channel in channels)
    )


def dead_letters(channel: str) -> DeadLetters:
    """The messages of a named channel that were given up on."""
    return DeadLetters(default_layer.get(), channel)


def handled_log(channel: str) -> HandledLog:
    """The handled messages of a named channel, as long as BUS_RETENTION keeps them."""
    return HandledLog(default_layer.get(), channel)


def tap(channel: str) -> Tap:
    """What hears a named channel's messages as they are sent, without taking them."""
    return Tap(default_layer.get(), channel)
