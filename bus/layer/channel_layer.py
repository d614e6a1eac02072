"""The channel layer: groups by pub/sub as channels_redis has them, named channels by streams."""

from __future__ import annotations

import asyncio
import fnmatch
import re
import uuid
from typing import Any

from channels.layers import BaseChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer, RedisPubSubLoopLayer
from channels_redis.utils import _consistent_hash, decode_hosts

from bus.conf import conf
from bus.errors import Invalid
from bus.layer.connection import Connection, Host
from bus.layer.roster import Roster
from bus.layer.stream import Stream
from bus.layer.wake import Wake
from bus.names import ORDERING_FIELDS

_names = BaseChannelLayer()


class BusChannelLayer(RedisPubSubChannelLayer):
    """A Channels layer whose named channels lose nothing and keep order.

    `hosts` as channels_redis takes them; `capacity` and `channel_capacity` (glob → number) in
    messages; `partitions` per named channel; the rest of the arguments as the parent class.
    """

    def __init__(
        self,
        hosts: list[Any] | None = None,
        prefix: str | None = None,
        capacity: int | None = None,
        channel_capacity: dict[str, int] | None = None,
        partitions: int | None = None,
        **kwargs: Any,
    ) -> None:
        self.hosts: list[Host] = [_host(h) for h in decode_hosts(hosts)]
        self.prefix = prefix or conf.prefix
        super().__init__(hosts=self.hosts, prefix=self.prefix, **kwargs)
        self.capacity = capacity
        self.partitions = partitions
        # Orders what this process sends without a key of its own.
        self._own_key = uuid.uuid4().hex
        self.channel_capacity = [
            (re.compile(fnmatch.translate(pattern)), number)
            for pattern, number in (channel_capacity or {}).items()
        ]

    def _get_layer(self) -> BusLoopLayer:
        loop = asyncio.get_running_loop()
        layer: BusLoopLayer | None = self._layers.get(loop)
        if layer is None:
            layer = BusLoopLayer(*self._args, **self._kwargs, channel_layer=self)
            self._layers[loop] = layer
            _close_with(loop, self)
        return layer

    async def send(
        self,
        channel: str,
        message: dict[str, Any],
        *,
        ordering_key: str | None = None,
        not_before: int = 0,
        expires_at: int = 0,
    ) -> str:
        """Send to a named or a process-local channel; returns the message's id.

        Messages of one `ordering_key` are handled one after the other; without one, those of one
        process are. `not_before` and `expires_at` in ms since 1970. Raises ChannelFull, TypeError
        for a wrong channel name, Invalid for a message that cannot be sent, Unavailable.
        """
        return await self._get_layer().send_message(
            channel,
            message,
            ordering_key=ordering_key,
            not_before=not_before,
            expires_at=expires_at,
        )

    def stream(self, channel: str) -> Stream:
        """The named channel in the broker, for the running event loop."""
        return self._get_layer().stream(channel)

    def connection(self, name: str) -> Connection:
        """The broker host that a name lives on, for the running event loop."""
        return self._get_layer().connection(name)

    def roster(self, room: int) -> Roster:
        """Who is in a room, for the running event loop."""
        return Roster(self._get_layer().connection(f"roster.{room}"), self.prefix, room)

    async def wake_of(self, channel: str) -> Wake:
        """What tells that a named channel has something new."""
        return await self._get_layer().wake(channel)

    def key_of(self, channel: str, message: dict[str, Any]) -> str:
        """The ordering key of a message that is sent without one."""
        field = ORDERING_FIELDS.get(channel)
        return str(message[field]) if field and field in message else self._own_key

    def host_of(self, channel: str) -> Host:
        """The broker host that a channel or group lives on."""
        host: Host = self.hosts[_consistent_hash(channel, len(self.hosts))]
        return host

    async def close(self) -> None:
        """Close the connections of the running event loop; what is in the broker stays."""
        await self._get_layer().close()

    def capacity_of(self, channel: str) -> int:
        """How many messages a named channel holds before it refuses."""
        for pattern, capacity in self.channel_capacity:
            if pattern.match(channel):
                return capacity
        return conf.capacity if self.capacity is None else self.capacity

    def encode(self, message: dict[str, Any]) -> bytes:
        """Serialise one message; raises Invalid when it is not plain data or too large."""
        if not isinstance(message, dict):
            raise Invalid(f"A channel message is a dict, not a {type(message).__name__}.")
        try:
            payload: bytes = self.serialize(message)
        except (TypeError, ValueError, OverflowError) as error:
            raise Invalid(
                f"A channel message is text, numbers, bytes, None, lists and dicts: {error}."
            ) from error
        if len(payload) > conf.message_size_limit:
            raise Invalid(
                f"The message has {len(payload)} bytes; a channel takes {conf.message_size_limit}. "
                "Nothing was sent: send a reference instead of the content."
            )
        return payload


class BusLoopLayer(RedisPubSubLoopLayer):
    """The layer's part that belongs to one event loop."""

    channel_layer: BusChannelLayer

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connections = [Connection(host) for host in self.channel_layer.hosts]
        self._streams: dict[str, Stream] = {}
        self._wakes: dict[str, Wake] = {}
        # A receiver of its own name, for `receive` under the stock worker.
        self._receiver = f"receive-{uuid.uuid4().hex}"

    def connection(self, name: str) -> Connection:
        """The broker host that a channel or group lives on."""
        found: Connection = self._connections[_consistent_hash(name, len(self._connections))]
        return found

    def stream(self, channel: str) -> Stream:
        """The named channel in the broker."""
        if channel not in self._streams:
            self._streams[channel] = Stream(self.connection(channel), self.prefix, channel)
        return self._streams[channel]

    async def new_channel(self, prefix: str = "specific") -> str:
        """A name for a channel that only this process receives on."""
        channel = f"{self.prefix}.{prefix.rstrip('.')}!{uuid.uuid4().hex}"
        await self._subscribe_to_channel(channel)
        return channel

    async def send_message(
        self,
        channel: str,
        message: dict[str, Any],
        *,
        ordering_key: str | None,
        not_before: int,
        expires_at: int,
    ) -> str:
        """See BusChannelLayer.send."""
        _names.require_valid_channel_name(channel)
        payload = self.channel_layer.encode(message)
        if "!" in channel:
            await self.connection(channel).call("PUBLISH", channel, payload)
            return ""
        if ordering_key is None:
            ordering_key = self.channel_layer.key_of(channel, message)
        return await self.send_encoded(
            channel, payload, ordering_key, not_before=not_before, expires_at=expires_at
        )

    async def send_encoded(
        self,
        channel: str,
        payload: bytes,
        ordering_key: str,
        *,
        not_before: int = 0,
        expires_at: int = 0,
    ) -> str:
        """Send what `encode` has made before; raises ChannelFull and Unavailable."""
        return await self.stream(channel).send(
            payload,
            ordering_key,
            capacity=self.channel_layer.capacity_of(channel),
            partitions=self.channel_layer.partitions or conf.partitions,
            not_before=not_before,
            expires_at=expires_at,
        )

    async def receive(self, channel: str) -> dict[str, Any]:
        """The next message of a channel; a named channel's is acknowledged as it is returned.

        This is what the stock worker calls. Our own worker claims instead, and acknowledges later.
        """
        if "!" in channel:
            local: dict[str, Any] = await super().receive(channel)
            return local
        _names.require_valid_channel_name(channel, receive=True)
        stream = self.stream(channel)
        wake = await self.wake(channel)
        while True:
            seen = wake.count
            claim = await stream.claim(self._receiver, 1)
            for delivery in claim.deliveries:
                message: dict[str, Any] = self.channel_layer.deserialize(delivery.payload)
                await stream.done([delivery])
                return message
            await wake.wait(seen, claim.pause)

    async def wake(self, channel: str) -> Wake:
        """What tells that a named channel has something new."""
        name = self.stream(channel).wake_channel
        if name not in self._wakes:
            self._wakes[name] = self.channels[name] = Wake()
            await self._get_shard(channel).subscribe(name)
        return self._wakes[name]

    async def group_add(self, group: str, channel: str) -> None:
        """Add a process-local channel to a group."""
        _names.require_valid_group_name(group)
        _names.require_valid_channel_name(channel)
        await super().group_add(group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        """Take a channel out of a group; does nothing when it is not in it."""
        _names.require_valid_group_name(group)
        await super().group_discard(group, channel)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send to every channel of a group; raises as `send` does."""
        _names.require_valid_group_name(group)
        name = self._get_group_channel_name(group)
        await self.connection(name).call("PUBLISH", name, self.channel_layer.encode(message))

    async def flush(self) -> None:
        """Empty every channel and group of this layer, and close its connections."""
        for connection in self._connections:
            keys = await connection.call("KEYS", f"{{{self.prefix}:*")
            if keys:
                await connection.call("DEL", *keys)
        await self.close()

    async def close(self) -> None:
        """Close this loop's connections; what is in the broker stays."""
        await super().flush()
        for connection in self._connections:
            await connection.close()
        self._connections = [Connection(host) for host in self.channel_layer.hosts]
        self._streams.clear()
        self._wakes.clear()


def _host(host: Host) -> Host:
    """One host's options, with redis-py's defaults that harm long-lived sockets undone.

    redis-py 8 gives pub/sub sockets a timeout of 5 s and caps a pool at 100 connections.
    """
    return {"socket_timeout": None, "max_connections": 10_000, **host}


def _close_with(loop: asyncio.AbstractEventLoop, layer: BusChannelLayer) -> None:
    """Close a loop's connections as the loop closes, as channels_redis does; nothing is flushed."""
    close = loop.close

    def close_layer_first() -> None:
        part = layer._layers.pop(loop, None)
        if part is not None:
            loop.run_until_complete(part.close())
        loop.close = close  # type: ignore[method-assign]
        close()

    loop.close = close_layer_first  # type: ignore[method-assign]
