"""Sends that may be repeated: under one name a message is appended once."""

from __future__ import annotations

from typing import Any

from bus.broker.channel_layer import BusChannelLayer
from bus.conf import conf


async def send_once(
    layer: BusChannelLayer,
    channel: str,
    message: dict[str, Any],
    once: str,
    *,
    ordering_key: str | None = None,
    not_before: int = 0,
) -> str:
    """Send to a named channel; within a day, a repeat of `once` returns the first id alone.

    The broker looks and appends in one step, so of two at the same time one is appended, and what
    was refused is not remembered. With `once` empty it is a plain send. Raises as `send` does.
    """
    return await layer.stream(channel).send(
        layer.encode(message),
        layer.key_of(channel, message) if ordering_key is None else ordering_key,
        capacity=layer.capacity_of(channel),
        partitions=layer.partitions or conf.partitions,
        not_before=not_before,
        once=once,
    )
