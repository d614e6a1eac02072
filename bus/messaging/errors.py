"""What the broker refuses with, said as all of Bus says it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from channels.exceptions import ChannelFull, MessageTooLarge

from bus.broker.errors import BrokerError, InvalidMessage, OversizedMessage
from bus.protocol.errors import BusError, Busy, Invalid, Unavailable

P = ParamSpec("P")
T = TypeVar("T")

# What a client is told to wait when a channel is full, in seconds.
_BUSY_RETRY_AFTER = 2.0


class TooLarge(Invalid, MessageTooLarge):
    """The message has more bytes than a channel takes."""


def with_protocol_errors(
    function: Callable[P, Coroutine[Any, Any, T]],
) -> Callable[P, Coroutine[Any, Any, T]]:
    """Have a coroutine function raise errors of the protocol in place of the broker's."""

    @wraps(function)
    async def translated(*args: P.args, **kwargs: P.kwargs) -> T:
        # Not the context manager: this is on the way of every message.
        try:
            return await function(*args, **kwargs)
        except BusError:
            raise
        except (BrokerError, ChannelFull) as error:
            raise _translated(error) from error

    return translated


@contextmanager
def protocol_errors() -> Iterator[None]:
    """Raise errors of the protocol in place of the broker's."""
    try:
        yield
    except BusError:
        # One of ours, which may be the broker's, too.
        raise
    except (BrokerError, ChannelFull) as error:
        raise _translated(error) from error


def _translated(error: BrokerError | ChannelFull) -> BusError:
    if isinstance(error, ChannelFull):
        return Busy(retry_after=_BUSY_RETRY_AFTER)
    if isinstance(error, InvalidMessage):
        kind = TooLarge if isinstance(error, OversizedMessage) else Invalid
        return kind(str(error), field=error.field)
    return Unavailable(str(error))
