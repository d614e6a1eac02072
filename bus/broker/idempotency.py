"""Sends that may be repeated: under one name a message is appended once."""

from __future__ import annotations

from typing import Any, Unpack

from bus.broker.channel_layer import BusChannelLayer
from bus.broker.send_options import SendArguments, SendOptions


async def send_once(
    layer: BusChannelLayer,
    channel: str,
    message: dict[str, Any],
    idempotency_key: str,
    **arguments: Unpack[SendArguments],
) -> str:
    """Send to a named channel; within a day, a repeat of the key returns the first id alone.

    The broker looks and appends in one step, so of two at the same time one is appended, and what
    was refused is not remembered. With an empty key it is a plain send. Raises as `send` does.
    """
    options = SendOptions.of(idempotency_key=idempotency_key, **arguments)
    payload = layer.encode(message)
    sent: str = await layer.send_encoded(
        channel, payload, options.with_key(layer.key_of(channel, message))
    )
    return sent
