"""Tells messages that no further attempt can help: they are dead letters at once."""

from __future__ import annotations

from bus.broker.channel_layer import BusChannelLayer
from bus.broker.decode import unpacked
from bus.broker.delivery import Delivery, Undeliverable


def decode(layer: BusChannelLayer, delivery: Delivery) -> str | None:
    """Fill in a delivery's message; returns what is wrong with it."""
    message, wrong = unpacked(layer, delivery.payload)
    if wrong is not None:
        return wrong
    kind = message.get("type")
    if not isinstance(kind, str) or not kind or kind.startswith("_"):
        return f"its type is {kind!r}, not the name of a handler"
    delivery.message = message
    return None


def is_hopeless(error: BaseException) -> bool:
    """Whether a handler says so, or Channels that the consumer has no method for the type."""
    return isinstance(error, Undeliverable) or (
        isinstance(error, ValueError)
        and str(error).startswith(("No handler for message type", "Malformed type in message"))
    )
