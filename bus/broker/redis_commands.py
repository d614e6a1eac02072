"""Commands as bytes, and what they may be made of."""

from __future__ import annotations

from typing import Any

import hiredis

from bus.broker.errors import InvalidMessage


def packed(command: tuple[Any, ...]) -> bytes:
    """A command as the broker reads it; raises InvalidMessage where a part is nothing it takes."""
    try:
        found: bytes = hiredis.pack_command(command)
    except (TypeError, UnicodeEncodeError):
        found = hiredis.pack_command((command[0], *map(encoded, command[1:])))
    return found


def encoded(part: Any) -> bytes | int | float:
    """One part of a command; raises InvalidMessage where it is nothing that a broker takes."""
    if isinstance(part, bytes | float) or (isinstance(part, int) and not isinstance(part, bool)):
        return part
    if isinstance(part, str):
        try:
            return part.encode()
        except UnicodeEncodeError as error:
            said = f"{part!r} is no text that can be sent. Nothing was sent."
            raise InvalidMessage(said) from error
    raise InvalidMessage(f"{part!r} is neither text nor a number. Nothing was sent.")
