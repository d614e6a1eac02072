"""The channel layer: groups by pub/sub as channels_redis has them, named channels by streams."""

from __future__ import annotations

import asyncio
import fnmatch
import os
import re
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from channels.exceptions import ChannelFull
from channels.layers import BaseChannelLayer
from django.core.exceptions import ImproperlyConfigured

from bus.broker import ordering_fields
from bus.broker.clock import SteadyClock
from bus.broker.errors import BrokerUnavailable, OversizedMessage
from bus.broker.loop_state import LoopState
from bus.broker.redis_client import RedisClient
from bus.broker.redis_urls import Host, host_index, hosts_of
from bus.broker.send_options import SendOptions
from bus.broker.serializer import Serializer
from bus.broker.stream import Stream
from bus.broker.wakeup import Wakeup
from bus.conf import conf

# Names of channels have less than 100 characters, and a process-local one begins with the prefix.
_PREFIX = re.compile(r"[a-zA-Z0-9_.-]{1,40}")
# A host that does not answer within this holds nobody up; nor does asking it again, for so long.
_ANSWER_WITHIN = 2.0
_SILENT_FOR = 10.0


class BusChannelLayer(Serializer, BaseChannelLayer):
    """A Channels layer whose named channels lose nothing and keep order.

    `hosts` as channels_redis takes them; `capacity` and `channel_capacity` (glob → number) in
    messages; `partitions` per named channel; `serializer_format` and `symmetric_encryption_keys` as
    channels_redis has them. Its other options are taken and mean nothing here.
    """

    extensions = ["groups", "flush"]
    # The channel layer specification has them here.
    ChannelFull = ChannelFull
    MessageTooLarge = OversizedMessage

    def __init__(
        self,
        hosts: list[Any] | None = None,
        prefix: str | None = None,
        capacity: int | None = None,
        channel_capacity: dict[str, int] | None = None,
        partitions: int | None = None,
        serializer_format: str = "msgpack",
        symmetric_encryption_keys: Sequence[str | bytes] | None = None,
        on_disconnect: Callable[[], Any] | None = None,
        on_reconnect: Callable[[], Any] | None = None,
        **_others: Any,
    ) -> None:
        self.hosts: list[Host] = hosts_of(hosts)
        self.prefix = prefix or conf.prefix
        if not _PREFIX.fullmatch(self.prefix):
            raise ImproperlyConfigured(
                f"The channel layer's prefix {self.prefix!r} must have 1 to 40 ASCII letters, "
                "digits, hyphens, underscores or periods."
            )
        self.on_disconnect = on_disconnect
        self.on_reconnect = on_reconnect
        Serializer.__init__(self, serializer_format, symmetric_encryption_keys)
        self.capacity = capacity
        self.partitions = partitions
        # One for each host, of all event loops.
        self.clocks = [SteadyClock() for _ in self.hosts]
        self._loops: dict[asyncio.AbstractEventLoop, LoopState] = {}
        self._pid = os.getpid()
        self._forked: dict[asyncio.AbstractEventLoop, LoopState] = {}
        # By their index in the list: hosts that were silent, and until when to leave them alone.
        self._silent_until: dict[int, float] = {}
        # Orders what this process sends without a key of its own.
        self._process_key = uuid.uuid4().hex
        self.channel_capacity = [
            (re.compile(fnmatch.translate(pattern)), number)
            for pattern, number in (channel_capacity or {}).items()
        ]

    def _state(self) -> LoopState:
        loop = asyncio.get_running_loop()
        if self._pid != os.getpid():
            # A fork: the sockets are the parent's. Kept, since collecting them would close them.
            self._forked.update(self._loops)
            self._loops, self._pid = {}, os.getpid()
        if loop in self._forked:
            raise RuntimeError(
                "This event loop belongs to the parent process, and so do its connections: run a "
                "new one after a fork (asyncio.run, async_to_sync)."
            )
        state = self._loops.get(loop)
        if state is None:
            state = self._loops[loop] = LoopState(self)
            _close_with(loop, self)
        return state

    async def send(
        self,
        channel: str,
        message: dict[str, Any],
        *,
        ordering_key: str | None = None,
        not_before: int = 0,
        expires_at: int = 0,
        delay: float = 0,
        ttl: float | None = None,
        repeatable: bool = False,
    ) -> str:
        """Send to a named or a process-local channel; returns the message's id.

        Messages of one `ordering_key` are handled one after the other; without one, those of one
        process are. `delay` and `ttl` (how long it may wait; None is for ever) in seconds, counted
        by the broker's clock; `not_before` and `expires_at` (0 is never) in ms since 1970, compared
        with the broker's clock, so the sender's must be right. A `ttl` of 0 or less, or an
        `expires_at` in the past, is no error: no worker gets the message, and it is counted as
        `expired`. What does no harm twice is `repeatable`: where a broker lost its newest, it is
        sent again in order. Raises ChannelFull, TypeError for a wrong channel name,
        InvalidMessage for a message that cannot be sent, BrokerUnavailable.
        """
        options = SendOptions.of(
            ordering_key=ordering_key,
            not_before=not_before,
            expires_at=expires_at,
            delay=delay,
            ttl=ttl,
            repeatable=repeatable,
        )
        return await self._state().send_message(channel, message, options)

    async def send_encoded(self, channel: str, payload: bytes, options: SendOptions) -> str:
        """Send what `encode` has made before; raises ChannelFull and BrokerUnavailable."""
        return await self._state().send_encoded(channel, payload, options)

    async def receive(self, channel: str) -> dict[str, Any]:
        """The next message of a channel; a named channel's is acknowledged as it is returned.

        This is what the stock worker calls. Our own worker claims instead, and acknowledges later.
        While the broker is away it waits; a cancellation loses no message.
        """
        return await self._state().receive(channel)

    async def new_channel(self, prefix: str = "specific") -> str:
        """A name for a channel that only this process receives on; raises BrokerUnavailable."""
        return await self._state().local.new_channel(prefix)

    async def group_add(self, group: str, channel: str) -> None:
        """Add a channel of this process to a group; raises BrokerUnavailable: then it is not in."""
        await self._state().local.group_add(group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        """Take a channel out of a group; does nothing when it is not in it."""
        self._state().local.group_discard(group, channel)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send to every channel of a group; raises as `send` does, save ChannelFull."""
        await self._state().group_send(group, message)

    async def flush(self) -> None:
        """Empty every channel and group of this layer, and close its connections.

        The layer can be used on; who waits in `receive` waits on, and hears what comes then.
        """
        await self._state().flush()

    def on_loss(self, channel: str, notice: Callable[[], None]) -> None:
        """Call this whenever a channel of this process may have missed something: after an outage,
        and after it was read so slowly that messages to it were dropped."""
        self._state().local.on_loss(channel, notice)

    def deliver_to(self, channel: str, take: Callable[[dict[str, Any]], None]) -> None:
        """Have each message to a channel of this process taken as it is read, with no queue
        between; `take` must neither wait nor raise."""
        self._state().local.deliver_to(channel, take)

    @property
    def dropped(self) -> Counter[str]:
        """Messages to channels of this loop that were read too slowly, by what was too much."""
        return self._state().local.dropped

    def group_locator(self) -> Callable[[str], tuple[str, RedisClient]]:
        """Tells a group's pub/sub channel and the broker host of it, for the running event loop."""
        return self._state().locate_group

    def stream(self, channel: str) -> Stream:
        """The named channel in the broker, for the running event loop."""
        return self._state().stream(channel)

    def connection(self, name: str) -> RedisClient:
        """The broker host that a name lives on, for the running event loop."""
        return self._state().connection(name)

    def connection_of(self) -> Callable[[str], RedisClient]:
        """Tells the broker host that a name lives on, for the running event loop."""
        return self._state().connection

    def connections(self) -> list[RedisClient]:
        """Every broker host, for the running event loop."""
        return self._state().connections()

    async def wake_of(self, channel: str) -> Wakeup:
        """What tells that a named channel has something new."""
        return await self._state().wake(channel)

    def require_named(self, channel: str) -> None:
        """Raise TypeError unless it is the name of a named channel."""
        BaseChannelLayer().require_valid_channel_name(channel)
        if "!" in channel:
            raise TypeError(f"{channel} is a process-local channel, not a named one")

    async def out_of_reach(self, channels: Iterable[str]) -> set[str]:
        """Those of some channels whose broker host does not answer; the other hosts are not asked.

        A host that was silent is not waited for again within the next seconds.
        """
        by_host: dict[int, set[str]] = {}
        for channel in channels:
            by_host.setdefault(self._host_index(channel), set()).add(channel)
        answers = await asyncio.gather(*map(self._answers, by_host))
        away = [names for names, there in zip(by_host.values(), answers, strict=True) if not there]
        return set().union(*away)

    async def _answers(self, index: int) -> bool:
        """Whether a broker host answers now."""
        if self._silent_until.get(index, 0.0) > time.monotonic():
            return False
        try:
            async with asyncio.timeout(_ANSWER_WITHIN):
                await self._state().connections()[index].call("PING")
        except BrokerUnavailable:
            return False
        except TimeoutError:
            self._silent_until[index] = time.monotonic() + _SILENT_FOR
            return False
        return True

    def key_of(self, channel: str, message: dict[str, Any]) -> str:
        """The ordering key of a message that is sent without one."""
        key = ordering_fields.key_of(channel, message)
        return self._process_key if key is None else key

    def host_of(self, channel: str) -> Host:
        """The broker host that a channel or group lives on."""
        return self.hosts[self._host_index(channel)]

    def clock_of(self, channel: str) -> SteadyClock:
        """The steady clock that a channel's times go by."""
        return self.clocks[self._host_index(channel)]

    def _host_index(self, channel: str) -> int:
        return host_index(channel, len(self.hosts))

    async def close(self) -> None:
        """Close the connections of the running event loop; what is in the broker stays."""
        await self._state().close()

    def capacity_of(self, channel: str) -> int:
        """How many messages a named channel holds before it refuses."""
        for pattern, capacity in self.channel_capacity:
            if pattern.match(channel):
                return capacity
        return conf.capacity if self.capacity is None else self.capacity


def _close_with(loop: asyncio.AbstractEventLoop, layer: BusChannelLayer) -> None:
    """Close a loop's connections as the loop closes, as channels_redis does; nothing is flushed."""
    close = loop.close

    def close_layer_first() -> None:
        part = layer._loops.pop(loop, None)
        # In a forked child the sockets, and the kernel's list of them, are the parent's.
        if part is not None and layer._pid == os.getpid():
            loop.run_until_complete(part.close())
        loop.close = close  # type: ignore[method-assign]
        close()

    loop.close = close_layer_first  # type: ignore[method-assign]
