"""The channel layer's part that belongs to one event loop: its connections to the broker."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any, Protocol

from channels.layers import BaseChannelLayer

from bus.broker import local_channels
from bus.broker.at_most_once import AtMostOnceReceiver
from bus.broker.clock import SteadyClock
from bus.broker.errors import BrokerUnavailable
from bus.broker.local_channels import LocalChannels
from bus.broker.local_queue import LocalQueue
from bus.broker.outage import Outage, backoff
from bus.broker.pubsub import PubSub
from bus.broker.redis_client import RedisClient
from bus.broker.redis_urls import Host, host_index
from bus.broker.send_options import SendOptions
from bus.broker.stream import Stream
from bus.broker.wakeup import Wakeup
from bus.conf import conf

_names = BaseChannelLayer()
_FLUSH_CHUNK = 500


class Layer(local_channels.Layer, Protocol):
    """What is asked of the channel layer, which all event loops share."""

    hosts: list[Host]
    clocks: list[SteadyClock]
    partitions: int | None
    on_disconnect: Callable[[], Any] | None
    on_reconnect: Callable[[], Any] | None

    def encode(self, message: dict[str, Any]) -> bytes:
        """Serialise a message."""

    def key_of(self, channel: str, message: dict[str, Any]) -> str:
        """The ordering key of a message that is sent without one."""


class LoopState:
    """The layer's part that belongs to one event loop."""

    def __init__(self, channel_layer: Layer) -> None:
        self.channel_layer = channel_layer
        self.prefix = channel_layer.prefix
        hosts = list(zip(channel_layer.hosts, channel_layer.clocks, strict=True))
        self._clients = [RedisClient(host, self.prefix, clock) for host, clock in hosts]
        self.local = LocalChannels(channel_layer, self._pubsub_of)
        self._pubsubs = [
            PubSub(host, self.local.deliver, channel_layer.on_disconnect, self._reconnected)
            for host, _ in hosts
        ]
        self._streams: dict[str, Stream] = {}
        self._wakeups: dict[str, Wakeup] = {}
        # A receiver of its own name, for `receive` under the stock worker.
        self._receiver = f"receive-{uuid.uuid4().hex}"

    def connection(self, name: str) -> RedisClient:
        """The broker host that a channel or group lives on."""
        return self._clients[host_index(name, len(self._clients))]

    def _pubsub_of(self, name: str) -> PubSub:
        return self._pubsubs[host_index(name, len(self._pubsubs))]

    def locate_group(self, group: str) -> tuple[str, RedisClient]:
        """The pub/sub channel that a group is, and the broker host that it lives on."""
        name = self.local.group_name(group)
        return name, self.connection(name)

    def connections(self) -> list[RedisClient]:
        """Every broker host."""
        return list(self._clients)

    def stream(self, channel: str) -> Stream:
        """The named channel in the broker."""
        if channel not in self._streams:
            self._streams[channel] = Stream(self.connection(channel), self.prefix, channel)
        return self._streams[channel]

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
        if self.channel_layer.on_reconnect is not None:
            self.channel_layer.on_reconnect()
        self.local.heard_again()

    async def receive(self, channel: str) -> dict[str, Any]:
        """See BusChannelLayer.receive."""
        if "!" in channel:
            return await self.local.receive(channel)
        _names.require_valid_channel_name(channel, receive=True)
        receiver = AtMostOnceReceiver(self.stream(channel), self._receiver, self.channel_layer)
        outage, tries = Outage(), 0
        while True:
            try:
                wakeup = await self.wake(channel)
                seen = wakeup.count
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
            await wakeup.wait(seen, taken.pause)

    async def wake(self, channel: str) -> Wakeup:
        """What tells that a named channel has something new; raises BrokerUnavailable."""
        name = self.stream(channel).wake_channel
        wakeup = self._wakeups.setdefault(name, Wakeup())
        await self.local.hear(name, wakeup)
        return wakeup

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send to every channel of a group; raises as `send` does, save ChannelFull."""
        _names.require_valid_group_name(group)
        name, client = self.locate_group(group)
        await client.call("PUBLISH", name, self.channel_layer.encode(message))

    async def flush(self) -> None:
        """See BusChannelLayer.flush."""
        for client in self._clients:
            for pattern in (f"{{{self.prefix}:*", f"{self.prefix}:*"):
                await _delete(client, pattern)
        for queue in await self._closed():
            queue.discard()

    async def close(self) -> None:
        """Close this loop's connections; what is in the broker stays."""
        await self._closed()

    async def _closed(self) -> list[LocalQueue]:
        queues = self.local.clear()
        self._wakeups.clear()
        for pubsub in self._pubsubs:
            await pubsub.close()
        for client in self._clients:
            await client.close()
        return queues


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
