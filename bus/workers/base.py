"""What our workers' consumers have in common: they take lists."""

from __future__ import annotations

import asyncio
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from django.db import close_old_connections

from bus.broker import Delivery, Undeliverable
from bus.broker.worker.consumer_run import BATCH, BATCH_ACCEPT, BATCH_FAILED
from bus.chat import impostors, rooms
from bus.conf import conf
from bus.database import threads
from bus.database.connection_limit import close_connections
from bus.messaging import default_layer
from bus.protocol.channel_messages import ChannelMessage, parse_channel_message
from bus.protocol.errors import BusError
from bus.protocol.types import canonical_name

T = TypeVar("T")
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Failures = dict[int, Exception]


class WorkerConsumer(ABC):
    """A consumer of one run of a worker, with a thread of its own for what blocks."""

    def __init__(self) -> None:
        # One thread, and so one database connection, of its own.
        self._thread = threads.one_thread(type(self).__name__)
        # When its connection was last looked at; -inf where it is to be looked at first.
        self._looked_at = -math.inf

    @classmethod
    def as_asgi(cls) -> Callable[[dict[str, Any], Receive, Send], Awaitable[None]]:
        """An ASGI application that makes a consumer per run, as Channels' consumers do."""

        async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
            await cls()(scope, receive, send)

        return application

    @abstractmethod
    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Take deliveries until the worker stops."""


class BatchConsumer(WorkerConsumer):
    """A consumer that gets deliveries in lists and says which of them failed.

    Under the stock worker, which knows no lists, it gets lists of one.
    """

    # Whether a second of its kind may have another list, of other partitions, in a backlog.
    parallel = False
    # A connection looked at so lately, in seconds, is there still, or else fails like an outage.
    trusted = 1.0

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Take lists until the worker stops."""
        try:
            if BATCH not in scope.get("extensions", {}):
                await self._take_single(scope["channel"], receive)
            await send({"type": BATCH_ACCEPT, "size": conf.batch_size, "parallel": self.parallel})
            while True:
                message = await receive()
                failures = await self._parse_and_handle(message["deliveries"])
                if failures:
                    await send({"type": BATCH_FAILED, "failures": failures})
        finally:
            threads.end(self._thread, close_connections)

    async def _take_single(self, channel: str, receive: Receive) -> None:
        while True:
            message = await receive()
            now = int(time.time() * 1000)
            delivery = Delivery(
                channel=channel,
                stream="",
                id=f"{now}-0",
                message_id=f"{now}-0",
                payload=b"",
                ordering_key="",
                attempts_before=0,
                deliveries=1,
                sent_at=now,
                expires_at=0,
                steady_at=default_layer.steady_now(),
                message=message,
            )
            for failure in (await self._parse_and_handle([delivery])).values():
                raise failure

    async def _parse_and_handle(self, deliveries: Sequence[Delivery]) -> Failures:
        """Handle what has a schema; the rest fails for good."""
        failures: Failures = {}
        parsed: list[tuple[int, Delivery, ChannelMessage]] = []
        for position, delivery in enumerate(deliveries):
            try:
                message = parse_channel_message(delivery.channel, delivery.message)
            except BusError as error:
                failures[position] = Undeliverable(error.text)
            else:
                parsed.append((position, delivery, message))
        if parsed:
            await self._spell_rooms([message for _, _, message in parsed])
            failed = await self.handle([(delivery, message) for _, delivery, message in parsed])
            failures |= {parsed[i][0]: error for i, error in failed.items()}
        return failures

    @abstractmethod
    async def handle(self, batch: Sequence[tuple[Delivery, Any]]) -> Failures:
        """Handle a list; return the failed by position, or raise when the whole list failed."""

    async def _spell_rooms(self, messages: Sequence[ChannelMessage]) -> None:
        """Have each name its rooms as they are called, whichever way it spells them."""
        said = {name for message in messages for name in message.named_rooms}
        spelled = {name for name in said if canonical_name(name) != name}
        if not spelled:
            return
        names = await self.in_thread(rooms.names_of, spelled)
        for message in messages:
            message.respell(names)

    async def impersonating(self, messages: Mapping[int, ChannelMessage]) -> Failures:
        """The positions of those that a service wrote under a name that looks like a user's."""
        asked = {at: message for at, message in messages.items() if impostors.concerns(message)}
        if not asked:
            return {}
        found = await self.in_thread(impostors.among, list(asked.values()))
        positions = list(asked)
        return {positions[at]: Undeliverable(error.text) for at, error in found.items()}

    async def in_thread(self, work: Callable[..., T], *args: Any) -> T:
        """Run blocking work, such as a transaction, in the consumer's own thread."""

        def run() -> T:
            looked_at, self._looked_at = self._looked_at, -math.inf
            # To look at it is a round trip; never to look would keep it beyond CONN_MAX_AGE.
            if time.monotonic() - looked_at > self.trusted:
                looked_at = time.monotonic()
                close_old_connections()
            done = work(*args)
            self._looked_at = looked_at
            return done

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)
