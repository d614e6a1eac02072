"""Commands as bytes, what they may be made of, and who waits for their answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import hiredis

from bus.broker.errors import InvalidMessage


class Asked(NamedTuple):
    """A command, and who waits for its answer."""

    packed: bytes
    name: Any
    answer: asyncio.Future[Any]
    # Whether it was sent before, to a broker that did not know its script.
    again: bool = False


def refuse(asked: Iterable[Asked], refusal: Callable[[], Exception]) -> None:
    """Tell each who waits still that no answer comes, by an error of its own."""
    for each in asked:
        if not each.answer.done():
            each.answer.set_exception(refusal())


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
