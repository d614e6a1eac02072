"""Sends work to named channels."""

from __future__ import annotations

from typing import Any, Unpack

from bus.broker.idempotency import send_once
from bus.broker.send_options import SendArguments
from bus.messaging import default_layer
from bus.messaging.errors import with_protocol_errors
from bus.protocol.channel_messages import ChannelMessage


@with_protocol_errors
async def send(message: ChannelMessage, **arguments: Unpack[SendArguments]) -> str:
    """Put work into its named channel and return its id; see BusChannelLayer.send for arguments.

    Raises Busy when the channel is full, Invalid when it is too large, Unavailable.
    """
    arguments.setdefault("repeatable", message.repeatable)
    return await default_layer.get().send(message.channel, message.as_message(), **arguments)


@with_protocol_errors
async def send_raw(
    channel: str,
    message: dict[str, Any],
    idempotency_key: str = "",
    **arguments: Unpack[SendArguments],
) -> str:
    """Put any message into any named channel, once under each key; see `send_once` and `send`."""
    return await send_once(default_layer.get(), channel, message, idempotency_key, **arguments)
