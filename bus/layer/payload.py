"""Messages as the broker keeps them, for those who only look."""

from __future__ import annotations

from typing import Any

from bus.layer.channel_layer import BusChannelLayer


def decode(layer: BusChannelLayer, payload: bytes) -> dict[str, Any] | None:
    """The message of a payload; None where it cannot be decoded."""
    try:
        message = layer.deserialize(payload)
    except Exception:
        # Anybody may have sent it, and each serialiser raises errors of its own.
        return None
    return message if isinstance(message, dict) else None


def type_of(message: dict[str, Any] | None) -> str | None:
    """The message's type; None where it has none or could not be decoded."""
    kind = message.get("type") if message else None
    return kind if isinstance(kind, str) else None
