"""What one process hears of the groups that it listens to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bus.messaging import default_layer
from bus.messaging.errors import with_protocol_errors


class Inbox:
    """What one process hears of the groups that it listens to."""

    def __init__(self, channel: str) -> None:
        self._channel = channel

    @classmethod
    @with_protocol_errors
    async def open(cls, heard_again: Callable[[], None]) -> Inbox:
        """A new inbox for the running event loop; raises Unavailable.

        `heard_again` is called after each outage, since what was published in it was not heard, and
        after what came faster than it was read had to be dropped.
        """
        channel = await default_layer.get().new_channel("inbox")
        default_layer.get().on_loss(channel, heard_again)
        return cls(channel)

    @with_protocol_errors
    async def listen(self, group: str) -> None:
        """Hear a group from now on; raises Unavailable."""
        await default_layer.get().group_add(group, self._channel)

    @with_protocol_errors
    async def ignore(self, group: str) -> None:
        """Hear a group no more; raises Unavailable."""
        await default_layer.get().group_discard(group, self._channel)

    def deliver_to(self, take: Callable[[dict[str, Any]], None]) -> None:
        """Have each group message taken as it is read from the broker, and `receive` none.

        `take` must neither wait nor raise. Nothing waits in this process then: what it is too slow
        for waits in the broker, which cuts off who is too far behind, and that is an outage.
        """
        default_layer.get().deliver_to(self._channel, take)

    async def receive(self) -> dict[str, Any]:
        """The next group message; its shapes are in `publisher`."""
        message: dict[str, Any] = await default_layer.get().receive(self._channel)
        return message


def dropped() -> dict[str, int]:
    """What this event loop's channels lost since they were read too slowly, in messages.

    By what was too much: `messages` (BUS_CAPACITY) or `bytes` (BUS_MAILBOX_LIMIT); and what was
    `undecodable`, since somebody else published it.
    """
    return dict(default_layer.get().dropped)
