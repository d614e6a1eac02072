"""Messages as the broker keeps them, which may be anything: others can write there, too."""

from __future__ import annotations

from typing import Any, Protocol


class Decoder(Protocol):
    """What makes a message of a payload: the channel layer."""

    def deserialize(self, payload: bytes) -> Any:
        """What the payload holds; raises where it is nothing."""


def unpacked(decoder: Decoder, payload: bytes) -> tuple[dict[str, Any], str | None]:
    """The message of a payload, and what is wrong with it; one of the two is empty."""
    try:
        message = decoder.deserialize(payload)
    except Exception as error:
        # Each serialiser raises errors of its own.
        return {}, f"its payload cannot be decoded: {type(error).__name__}: {error}"
    if not isinstance(message, dict):
        return {}, f"its payload is a {type(message).__name__}, not a dict"
    return message, None


def decode(decoder: Decoder, payload: bytes) -> dict[str, Any] | None:
    """The message of a payload; None where it cannot be decoded."""
    message, wrong = unpacked(decoder, payload)
    return message if wrong is None else None


def type_of(message: dict[str, Any] | None) -> str | None:
    """The message's type; None where it has none or could not be decoded."""
    kind = message.get("type") if message else None
    return kind if isinstance(kind, str) else None
