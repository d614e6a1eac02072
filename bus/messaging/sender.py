"""Sends work to named channels."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Unpack

from bus.broker.idempotency import send_once
from bus.broker.send_options import SendArguments, SendOptions
from bus.conf import conf
from bus.messaging import default_layer
from bus.messaging.errors import with_protocol_errors
from bus.protocol.channel_messages import ChannelMessage, MessageSubmitted


@with_protocol_errors
async def send(message: ChannelMessage, **arguments: Unpack[SendArguments]) -> str:
    """Put work into its named channel and return its id; see BusChannelLayer.send for arguments.

    Raises Busy when the channel is full, Invalid when it is too large, Unavailable.
    """
    arguments.setdefault("repeatable", message.repeatable)
    return await default_layer.get().send(message.channel, message.as_message(), **arguments)


@with_protocol_errors
async def submit(message: dict[str, Any]) -> None:
    """Send what MessageSubmitted.checked made, in the order of its room, and look at nothing again:
    this is on the way of every message. Raises as `send`.
    """
    layer, channel = default_layer.get(), MessageSubmitted.channel
    await layer.stream(channel).send(
        layer.pack(message),
        _submit_options(message["room"]),
        capacity=layer.capacity_of(channel),
        partitions=layer.partitions or conf.partitions,
    )


@lru_cache(4096)
def _submit_options(room: str) -> SendOptions:
    return SendOptions(ordering_key=room, repeatable=MessageSubmitted.repeatable)


@with_protocol_errors
async def send_raw(
    channel: str,
    message: dict[str, Any],
    idempotency_key: str = "",
    **arguments: Unpack[SendArguments],
) -> str:
    """Put any message into any named channel, once under each key; see `send_once` and `send`."""
    return await send_once(default_layer.get(), channel, message, idempotency_key, **arguments)
