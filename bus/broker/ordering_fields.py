"""By which of their fields a channel's messages are ordered, where a sender names no key."""

from __future__ import annotations

from typing import Any

_fields: dict[str, str] = {}


def order_by(channel: str, field: str) -> None:
    """Handle those messages of a named channel one after the other that are alike in a field.

    An app says so as it gets ready, in every process that sends.
    """
    _fields[channel] = field


def key_of(channel: str, message: dict[str, Any]) -> str | None:
    """The ordering key that a message has in itself; None where it has none."""
    field = _fields.get(channel)
    return str(message[field]) if field is not None and field in message else None
