"""Channels of one event loop that only this process receives on, and their groups."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from channels.layers import BaseChannelLayer

from bus.broker.decode import Decoder, unpacked
from bus.broker.errors import BrokerUnavailable
from bus.broker.local_queue import DirectDelivery, LocalQueue
from bus.broker.pubsub import PubSub
from bus.broker.wakeup import Wakeup

logger = logging.getLogger(__name__)

_names = BaseChannelLayer()
# Of so many messages that cannot be decoded, the log tells of one.
_SAY_EVERY = 1000


class Layer(Decoder, Protocol):
    """What is asked of the channel layer."""

    prefix: str

    def capacity_of(self, channel: str) -> int:
        """How many messages a channel holds."""


class LocalChannels:
    """Process-local channels and groups: each is a pub/sub name, of one broker host."""

    # A channel is closed this long after its receiver was cancelled and none followed, in seconds;
    # Channels never says that a channel is not needed any more.
    abandoned_after = 10.0

    def __init__(self, layer: Layer, pubsub_of: Callable[[str], PubSub]) -> None:
        """`pubsub_of` tells what hears a name."""
        self._layer = layer
        self._pubsub_of = pubsub_of
        # Messages that were read too slowly, by what was too much of them: `messages` or `bytes`;
        # and such as nobody can read: `undecodable`.
        self.dropped: Counter[str] = Counter()
        self._channels: dict[str, LocalQueue | DirectDelivery | Wakeup] = {}
        # The channels in each group, by its pub/sub name.
        self._groups: dict[str, set[str]] = {}
        # Called when groups are heard again after an outage, in which something may have been lost.
        self._on_heard_again: list[Callable[[], None]] = []

    def group_name(self, group: str) -> str:
        """The pub/sub name of a group, as channels_redis spells it."""
        return f"{self._layer.prefix}__group__{group}"

    async def new_channel(self, prefix: str) -> str:
        """A name for a channel that only this process receives on; raises BrokerUnavailable."""
        channel = f"{self._layer.prefix}.{prefix.rstrip('.')}!{uuid.uuid4().hex}"
        _names.require_valid_channel_name(channel)
        self._open(channel)
        try:
            await self._pubsub_of(channel).subscribe(channel)
        except BaseException:
            self._close(channel)
            raise
        return channel

    async def receive(self, channel: str) -> dict[str, Any]:
        """The next message of a channel of this process."""
        while True:
            queue = self._channels.get(channel)
            if not isinstance(queue, LocalQueue):
                queue = self._open(channel)
                with contextlib.suppress(BrokerUnavailable):
                    # It is heard as soon as the broker is back.
                    await self._pubsub_of(channel).subscribe(channel)
            try:
                data = await queue.get()
            except asyncio.CancelledError:
                loop = asyncio.get_running_loop()
                loop.call_later(self.abandoned_after, self._abandon, channel, queue, queue.visits)
                raise
            if data is None:
                continue
            message = self._unpacked(channel, data)
            if message is not None:
                return message

    def deliver_to(self, channel: str, take: Callable[[dict[str, Any]], None]) -> None:
        """Have each message of a channel taken as it is read, with no queue between."""
        self._channels[channel] = DirectDelivery(partial(self._unpacked, channel), take)

    def on_loss(self, channel: str, notice: Callable[[], None]) -> None:
        """Call this whenever a channel of this process may have missed something: after an outage,
        and after it was read so slowly that messages to it were dropped."""
        self._on_heard_again.append(notice)
        queue = self._channels.get(channel)
        if isinstance(queue, LocalQueue):
            queue.on_loss = notice

    def heard_again(self) -> None:
        """The broker is back."""
        for notice in self._on_heard_again:
            notice()

    async def hear(self, name: str, wakeup: Wakeup) -> None:
        """Have what is published under a name wake somebody; raises BrokerUnavailable."""
        self._channels[name] = wakeup
        await self._pubsub_of(name).subscribe(name)

    async def group_add(self, group: str, channel: str) -> None:
        """Add a channel of this process to a group; raises BrokerUnavailable: then it is not in."""
        _names.require_valid_group_name(group)
        _names.require_valid_channel_name(channel)
        if channel not in self._channels:
            raise RuntimeError(
                f"{channel!r} is not a channel of this process: only what `new_channel` gave here "
                "can be in a group, such as a consumer's own `self.channel_name`."
            )
        name = self.group_name(group)
        members = self._groups.setdefault(name, set())
        known = channel in members
        members.add(channel)
        try:
            await self._pubsub_of(name).subscribe(name)
        except BaseException:
            if not known:
                self._leave(name, channel)
            raise

    def group_discard(self, group: str, channel: str) -> None:
        """Take a channel out of a group; does nothing when it is not in it."""
        _names.require_valid_group_name(group)
        _names.require_valid_channel_name(channel)
        self._leave(self.group_name(group), channel)

    def deliver(self, name: str, data: bytes) -> None:
        """Give one pub/sub message to the channels that it is for."""
        queue = self._channels.get(name)
        if queue is not None:
            queue.put_nowait(data)
            return
        for channel in self._groups.get(name, ()):
            queue = self._channels.get(channel)
            if queue is not None:
                queue.put_nowait(data)

    def clear(self) -> list[LocalQueue]:
        """Forget all; who waits in `receive` waits on. Returns the queues that there were."""
        queues = [queue for queue in self._channels.values() if isinstance(queue, LocalQueue)]
        self._channels.clear()
        self._groups.clear()
        return queues

    def _open(self, channel: str) -> LocalQueue:
        queue = LocalQueue(channel, self._layer.capacity_of(channel), self.dropped)
        self._channels[channel] = queue
        return queue

    def _close(self, channel: str) -> None:
        self._channels.pop(channel, None)
        self._pubsub_of(channel).unsubscribe(channel)

    def _abandon(self, channel: str, queue: LocalQueue, visits: int) -> None:
        if self._channels.get(channel) is queue and queue.visits == visits:
            self._close(channel)
            for group in [name for name, members in self._groups.items() if channel in members]:
                self._leave(group, channel)

    def _leave(self, name: str, channel: str) -> None:
        members = self._groups.get(name)
        if members is None or channel not in members:
            return
        members.discard(channel)
        if not members:
            del self._groups[name]
            self._pubsub_of(name).unsubscribe(name)

    def _unpacked(self, channel: str, data: bytes) -> dict[str, Any] | None:
        """The message, or None: anybody may publish under the name, and a consumer that got what
        is none would end."""
        message, wrong = unpacked(self._layer, data)
        if wrong is None:
            return message
        self.dropped["undecodable"] += 1
        if self.dropped["undecodable"] % _SAY_EVERY == 1:
            logger.warning(
                "A message to %s is dropped: %s. %d such so far.",
                channel,
                wrong,
                self.dropped["undecodable"],
            )
        return None
