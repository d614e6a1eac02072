"""Messages as bytes and back, as channels_redis has them: plain data, bounded, maybe encrypted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from channels_redis.serializers import registry

from bus import nested
from bus.broker.errors import InvalidMessage, OversizedMessage
from bus.conf import conf

# What serialisers raise where a message is not plain data.
_REFUSALS = (TypeError, ValueError, OverflowError, RecursionError)


class Serializer:
    """One of channels_redis' serialisers, by its name there; raises what is wrong and where.

    The layer is one: whoever has another format overrides `serialize` and `deserialize`.
    """

    def __init__(self, name: str, symmetric_encryption_keys: Sequence[str | bytes] | None) -> None:
        """What is encrypted with any of the keys is read, the first one encrypts."""
        self._format = registry.get_serializer(
            name, symmetric_encryption_keys=symmetric_encryption_keys
        )

    def serialize(self, message: dict[str, Any]) -> bytes:
        """The bytes of any dict: nothing is looked at."""
        payload: bytes = self._format.serialize(message)
        return payload

    def deserialize(self, payload: bytes) -> dict[str, Any]:
        """What bytes hold: nothing is looked at."""
        message: dict[str, Any] = self._format.deserialize(payload)
        return message

    def encode(self, message: dict[str, Any]) -> bytes:
        """Serialise one message; raises InvalidMessage when it is not plain data or too large.

        What is taken is read back as it was, save that tuples are lists.
        """
        if not isinstance(message, dict):
            raise InvalidMessage(f"A channel message is a dict, not a {type(message).__name__}.")
        try:
            payload = self.pack(message)
        except _REFUSALS as error:
            refusal = self._refusal(message, error)
        else:
            # Serialisers take other keys, and then refuse to read them or make text of them.
            if (odd := nested.odd_key(message, str, bytes)) is None:
                return payload
            path, key = odd
            refusal = _not_serialisable(
                path, f"the key {key!r} is a {type(key).__name__}, not text"
            )
        # Out here, so that it does not hold the error, and with it the message.
        raise refusal

    def pack(self, message: dict[str, Any]) -> bytes:
        """Serialise one message of our own making; raises OversizedMessage."""
        payload = self.serialize(message)
        if len(payload) > conf.message_size_limit:
            raise OversizedMessage(
                f"The message has {len(payload)} bytes; a channel takes {conf.message_size_limit} "
                "(BUS_MESSAGE_SIZE_LIMIT). Nothing was sent: send a reference to the content."
            )
        return payload

    def _refusal(self, message: dict[str, Any], error: Exception) -> InvalidMessage:
        """What cannot be serialised, by its path."""

        def fails(value: Any) -> bool:
            try:
                self.serialize({"value": value})
            except _REFUSALS:
                return True
            return False

        return _not_serialisable(nested.path_where(message, fails), str(error))


def _not_serialisable(path: str, why: str) -> InvalidMessage:
    where = f"{path}: " if path else ""
    said = f"A channel message is text, numbers, bytes, None, lists and dicts: {where}{why}."
    return InvalidMessage(said, field=path or None)
