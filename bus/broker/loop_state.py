"""The channel layer's part that belongs to one event loop: its connections and mailboxes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from channels.layers import BaseChannelLayer
from channels_redis.pubsub import RedisPubSubLoopLayer
from channels_redis.utils import _consistent_hash

from bus.broker.at_most_once import AtMostOnceReceiver
from bus.broker.decode import unpacked
from bus.broker.errors import BrokerUnavailable
from bus.broker.local_queue import LocalQueue
from bus.broker.outage import Outage, backoff
from bus.broker.pubsub import PubSub
from bus.broker.redis_client import RedisClient
from bus.broker.send_options import SendOptions
from bus.broker.stream import Stream
from bus.broker.wakeup import Wakeup
from bus.conf import conf

if TYPE_CHECKING:
    from bus.broker.channel_layer import BusChannelLayer

logger = logging.getLogger(__name__)

_names = BaseChannelLayer()
# A process-local channel is closed this long after its receiver was cancelled and none followed,
# in seconds; Channels never says that a channel is not needed any more.
_ABANDONED = 10.0
_FLUSH_CHUNK = 500
# Of so many messages that cannot be decoded, the log tells of one.
_SAY_EVERY = 1000


class LoopState(RedisPubSubLoopLayer):
    """The layer's part that belongs to one event loop."""

    channel_layer: BusChannelLayer
    channels: dict[str, LocalQueue | Wakeup]
    groups: dict[str, set[str]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        hosts = self.channel_layer.hosts
        clocks, prefix = self.channel_layer.clocks, self.channel_layer.prefix
        self._connections = [RedisClient(h, prefix, c) for h, c in zip(hosts, clocks, strict=True)]
        self._shards = [
            PubSub(host, self._deliver, self.on_disconnect, self._reconnected) for host in hosts
        ]
        # Called when groups are heard again after an outage, in which something may have been lost.
        self.on_heard_again: list[Callable[[], None]] = []
        # Messages to channels of this process that were read too slowly, by what was too much of
        # them: `messages` or `bytes`; and such as nobody can read: `undecodable`.
        self.dropped: Counter[str] = Counter()
        self._streams: dict[str, Stream] = {}
        self._wakes: dict[str, Wakeup] = {}
        # A receiver of its own name, for `receive` under the stock worker.
        self._receiver = f"receive-{uuid.uuid4().hex}"

    def connection(self, name: str) -> RedisClient:
        """The broker host that a channel or group lives on."""
        found: RedisClient = self._connections[_consistent_hash(name, len(self._connections))]
        return found

    def group_place(self, group: str) -> tuple[str, RedisClient]:
        """The pub/sub channel that a group is, and the broker host that it lives on."""
        name: str = self._get_group_channel_name(group)
        return name, self.connection(name)

    def connections(self) -> list[RedisClient]:
        """Every broker host."""
        return list(self._connections)

    def stream(self, channel: str) -> Stream:
        """The named channel in the broker."""
        if channel not in self._streams:
            self._streams[channel] = Stream(self.connection(channel), self.prefix, channel)
        return self._streams[channel]

    async def new_channel(self, prefix: str = "specific") -> str:
        """A name for a channel that only this process receives on; raises BrokerUnavailable."""
        channel = f"{self.prefix}.{prefix.rstrip('.')}!{uuid.uuid4().hex}"
        _names.require_valid_channel_name(channel)
        self._open_channel(channel)
        try:
            await self._get_shard(channel).subscribe(channel)
        except BaseException:
            self._close_channel(channel)
            raise
        return channel

    async def send_message(
        self, channel: str, message: dict[str, Any], options: SendOptions
    ) -> str:
        """See BusChannelLayer.send."""
        _names.require_valid_channel_name(channel)
        payload = self.channel_layer.encode(message)
        if "!" in channel:
            await self.connection(channel).call("PUBLISH", channel, payload)
            return ""
        keyed = options.with_key(self.channel_layer.key_of(channel, message))
        return await self.send_encoded(channel, payload, keyed)

    async def send_encoded(self, channel: str, payload: bytes, options: SendOptions) -> str:
        """Send what `encode` has made before; raises ChannelFull and BrokerUnavailable."""
        return await self.stream(channel).send(
            payload,
            options,
            capacity=self.channel_layer.capacity_of(channel),
            partitions=self.channel_layer.partitions or conf.partitions,
        )

    def _reconnected(self) -> None:
        if self.on_reconnect is not None:
            self.on_reconnect()
        for notice in self.on_heard_again:
            notice()

    async def receive(self, channel: str) -> dict[str, Any]:
        """The next message of a channel; a named channel's is acknowledged as it is returned.

        This is what the stock worker calls. Our own worker claims instead, and acknowledges later.
        While the broker is away it waits; a cancellation loses no message.
        """
        if "!" in channel:
            return await self._receive_local(channel)
        _names.require_valid_channel_name(channel, receive=True)
        receiver = AtMostOnceReceiver(self.stream(channel), self._receiver, self.channel_layer)
        outage, tries = Outage(), 0
        while True:
            try:
                wake = await self.wake(channel)
                seen = wake.count
                taken = await receiver.take()
            except BrokerUnavailable as error:
                tries += 1
                outage.begun(f"{channel} cannot be received from: {error}")
                await asyncio.sleep(min(5.0, backoff(tries)))
                continue
            tries = 0
            outage.ended()
            if taken.message is not None:
                return taken.message
            await wake.wait(seen, taken.pause)

    async def _receive_local(self, channel: str) -> dict[str, Any]:
        while True:
            box = self.channels.get(channel)
            if not isinstance(box, LocalQueue):
                box = self._open_channel(channel)
                with contextlib.suppress(BrokerUnavailable):
                    # It is heard as soon as the broker is back.
                    await self._get_shard(channel).subscribe(channel)
            try:
                data = await box.get()
            except asyncio.CancelledError:
                loop = asyncio.get_running_loop()
                loop.call_later(_ABANDONED, self._abandon, channel, box, box.visits)
                raise
            if data is None:
                continue
            message, wrong = unpacked(self.channel_layer, data)
            if wrong is None:
                return message
            # Anybody may publish under the name; a consumer that got it would end.
            self.dropped["undecodable"] += 1
            self._say_undecodable(channel, wrong)

    def _say_undecodable(self, channel: str, wrong: str) -> None:
        if self.dropped["undecodable"] % _SAY_EVERY == 1:
            logger.warning(
                "A message to %s is dropped: %s. %d such so far.",
                channel,
                wrong,
                self.dropped["undecodable"],
            )

    def _open_channel(self, channel: str) -> LocalQueue:
        box = self.channels[channel] = LocalQueue(
            channel, self.channel_layer.capacity_of(channel), self.dropped
        )
        return box

    def on_loss(self, channel: str, notice: Callable[[], None]) -> None:
        """Call this whenever a channel of this process may have missed something: after an outage,
        and after it was read so slowly that messages to it were dropped."""
        self.on_heard_again.append(notice)
        box = self.channels.get(channel)
        if isinstance(box, LocalQueue):
            box.on_loss = notice

    def _abandon(self, channel: str, box: LocalQueue, visits: int) -> None:
        if self.channels.get(channel) is box and box.visits == visits:
            self._close_channel(channel)
            for group in [name for name, members in self.groups.items() if channel in members]:
                self._leave(group, channel)

    def _close_channel(self, channel: str) -> None:
        self.channels.pop(channel, None)
        self._get_shard(channel).unsubscribe(channel)

    async def wake(self, channel: str) -> Wakeup:
        """What tells that a named channel has something new; raises BrokerUnavailable."""
        name = self.stream(channel).wake_channel
        if name not in self._wakes:
            self._wakes[name] = self.channels[name] = Wakeup()
        await self._get_shard(channel).subscribe(name)
        return self._wakes[name]

    async def group_add(self, group: str, channel: str) -> None:
        """Add a channel of this process to a group; raises BrokerUnavailable: then it is not in."""
        _names.require_valid_group_name(group)
        _names.require_valid_channel_name(channel)
        if channel not in self.channels:
            raise RuntimeError(
                f"{channel!r} is not a channel of this process: only what `new_channel` gave here "
                "can be in a group, such as a consumer's own `self.channel_name`."
            )
        name = self._get_group_channel_name(group)
        members = self.groups.setdefault(name, set())
        known = channel in members
        members.add(channel)
        try:
            await self._get_shard(name).subscribe(name)
        except BaseException:
            if not known:
                self._leave(name, channel)
            raise

    async def group_discard(self, group: str, channel: str) -> None:
        """Take a channel out of a group; does nothing when it is not in it."""
        _names.require_valid_group_name(group)
        _names.require_valid_channel_name(channel)
        self._leave(self._get_group_channel_name(group), channel)

    def _leave(self, name: str, channel: str) -> None:
        members = self.groups.get(name)
        if members is None or channel not in members:
            return
        members.discard(channel)
        if not members:
            del self.groups[name]
            self._get_shard(name).unsubscribe(name)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send to every channel of a group; raises as `send` does, save ChannelFull."""
        _names.require_valid_group_name(group)
        name = self._get_group_channel_name(group)
        await self.connection(name).call("PUBLISH", name, self.channel_layer.encode(message))

    def _deliver(self, name: str, data: bytes) -> None:
        """Give one pub/sub message to the channels that it is for."""
        box = self.channels.get(name)
        if box is not None:
            box.put_nowait(data)
            return
        for channel in self.groups.get(name, ()):
            box = self.channels.get(channel)
            if box is not None:
                box.put_nowait(data)

    async def flush(self) -> None:
        """Empty every channel and group of this layer, and close its connections.

        The layer can be used on; who waits in `receive` waits on, and hears what comes then.
        """
        for connection in self._connections:
            for pattern in (f"{{{self.prefix}:*", f"{self.prefix}:*"):
                await _delete(connection, pattern)
        boxes = [box for box in self.channels.values() if isinstance(box, LocalQueue)]
        await self.close()
        for box in boxes:
            box.discard()

    async def close(self) -> None:
        """Close this loop's connections; what is in the broker stays."""
        self.channels.clear()
        self.groups.clear()
        self._wakes.clear()
        for shard in self._shards:
            await shard.close()
        for connection in self._connections:
            await connection.close()


async def _delete(connection: RedisClient, pattern: str) -> None:
    """Delete keys in chunks, so that the broker goes on with others between."""
    cursor: Any = b"0"
    while True:
        cursor, keys = await connection.call(
            "SCAN", cursor, "MATCH", pattern, "COUNT", _FLUSH_CHUNK
        )
        if keys:
            await connection.call("UNLINK", *keys)
        if int(cursor) == 0:
            return
