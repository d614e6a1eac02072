"""Sends work to named channels."""

from __future__ import annotations

from typing import Any

from bus.broker.idempotency import send_once
from bus.messaging import default_layer
from bus.messaging.errors import with_protocol_errors
from bus.protocol.channel_messages import ChannelMessage


@with_protocol_errors
async def send(
    message: ChannelMessage,
    *,
    ordering_key: str | None = None,
    not_before: int = 0,
    expires_at: int = 0,
    delay: float = 0,
    ttl: float | None = None,
) -> str:
    """Put work into its named channel and return its id; see BusChannelLayer.send for times.

    Raises Busy when the channel is full, Invalid when it is too large, Unavailable.
    """
    return await default_layer.get().send(
        message.channel,
        message.as_message(),
        ordering_key=ordering_key,
        not_before=not_before,
        expires_at=expires_at,
        delay=delay,
        ttl=ttl,
        repeatable=message.repeatable,
    )


@with_protocol_errors
async def send_raw(channel: str, message: dict[str, Any], once: str = "", **options: Any) -> str:
    """Put any message into any named channel, once under each name; see `send_once` and `send`."""
    return await send_once(default_layer.get(), channel, message, once, **options)
