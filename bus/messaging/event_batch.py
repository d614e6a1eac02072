"""Events for groups, many in one round trip."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from channels.layers import BaseChannelLayer

from bus.broker.channel_layer import BusChannelLayer
from bus.broker.errors import InvalidMessage
from bus.broker.redis_client import RedisClient
from bus.conf import conf
from bus.messaging.lua import SCRIPTS

logger = logging.getLogger(__name__)

_names = BaseChannelLayer()


@dataclass(slots=True)
class EventBatch:
    """Events for one room or one author, encoded once per wire form and in order.

    `events` are frames of the session protocol with their seq, None where an event takes none;
    `plain_chat` the same for plain chat, which does not know them all; `for_senders` what one
    of its sockets hears alone, with the mark of its sender (channel_names.sender_mark).
    """

    events: list[tuple[int | None, bytes]] = field(default_factory=list)
    plain_chat: list[tuple[int | None, bytes]] = field(default_factory=list)
    for_senders: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def _size(self) -> int:
        return sum(len(frame) for _, frame in chain(self.events, self.plain_chat, self.for_senders))

    def _group_message(self) -> dict[str, Any]:
        # Named as processes of the release before name them, beside which ours run for a while.
        return {"events": self.events, "plain": self.plain_chat, "own": self.for_senders}

    def parts(self) -> Iterator[dict[str, Any]]:
        """As group messages hold it: one, or more where one would be too large for the layer."""
        if (
            self._size <= conf.message_size_limit // 2
            or len(self.events) + len(self.for_senders) < 2
        ):
            yield self._group_message()
            return
        if len(self.for_senders) > 1 or (self.for_senders and self.events):
            half = (len(self.for_senders) + 1) // 2
            yield from EventBatch(for_senders=self.for_senders[:half]).parts()
            yield from EventBatch(self.events, self.plain_chat, self.for_senders[half:]).parts()
            return
        middle = len(self.events) // 2
        seq = self.events[middle][0]
        # Both forms of an event stay together: listeners take a seq that they had for a repeat.
        at = len(self.plain_chat) // 2
        if seq is not None:
            at = sum(1 for other, _ in self.plain_chat if other is None or other < seq)
        yield from EventBatch(self.events[:middle], self.plain_chat[:at]).parts()
        yield from EventBatch(self.events[middle:], self.plain_chat[at:]).parts()


async def group_send_many(
    layer: BusChannelLayer, messages: Iterable[tuple[str, dict[str, Any]]], *, strict: bool = True
) -> None:
    """Send (group, message) pairs, each group's in order, in one round trip per broker host.

    Raises as the layer's `group_send`; some may have been sent then. Unless it is `strict`, what
    cannot be sent at all is left out and logged: so it is where what it tells of is stored already.
    """
    parts: dict[RedisClient, list[str | bytes]] = {}
    locate = layer.group_locator()
    for group, message in messages:
        _names.require_valid_group_name(group)
        name, connection = locate(group)
        try:
            payload = layer.pack(message)
        except InvalidMessage as error:
            if strict:
                raise
            logger.error("An event for %s is not told: %s", group, error)
            continue
        parts.setdefault(connection, []).extend((name, payload))
    await asyncio.gather(
        *(
            connection.run("publish", layer.prefix, *part, directory=SCRIPTS)
            for connection, part in parts.items()
        )
    )
