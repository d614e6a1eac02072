"""Waits for a broker or a database that is away, but never longer than the worker works."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bus.broker import outage
from bus.broker.errors import BrokerUnavailable
from bus.broker.stream import Stream

T = TypeVar("T")

# Longest pause between two looks for a server that is away, in seconds.
_LONGEST_PAUSE = 2.0


class Stopping(Exception):
    """The worker stops while something is waited for."""


class UntilAvailable:
    """One slot's way to wait; it knows when an answer of the broker was lost."""

    def __init__(self, stopping: asyncio.Event, outage_: outage.Outage) -> None:
        self._stopping = stopping
        self._outage = outage_
        # A call may have reached the broker, and its answer not us.
        self.answer_lost = False
        # What the last thing asked of the broker failed of; empty where it did not.
        self.trouble = ""

    @property
    def stopping(self) -> bool:
        """Whether the worker takes nothing new."""
        return self._stopping.is_set()

    async def until_done(self, act: Callable[[], Awaitable[T]]) -> T:
        """Do something with the broker, again and again while it is away; raises Stopping."""
        tries = 0
        while True:
            try:
                result = await act()
            except BrokerUnavailable as error:
                self.answer_lost = True
                self.trouble = str(error)
                if self._stopping.is_set():
                    raise Stopping from error
                tries += 1
                self._outage.begun(str(error))
                await self._pause(tries)
            else:
                self.trouble = ""
                if tries:
                    self._outage.ended()
                return result

    async def until_servers_answer(self, stream: Stream) -> bool:
        """Wait until database and broker answer; returns whether they did so at once."""
        tries = 0
        while not self._stopping.is_set() and not await outage.servers_answer(stream):
            tries += 1
            self._outage.begun("the database or the broker does not answer")
            await self._pause(tries)
        self._outage.ended()
        await self._pause(1)
        return tries == 0

    async def unless_stopping(self, waiting: Awaitable[None]) -> None:
        """Wait for something, but no longer than the worker works."""
        stop = asyncio.ensure_future(self._stopping.wait())
        wait = asyncio.ensure_future(waiting)
        try:
            await asyncio.wait([stop, wait], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
            wait.cancel()

    async def _pause(self, tries: int) -> None:
        await self.unless_stopping(asyncio.sleep(min(_LONGEST_PAUSE, outage.backoff(tries))))
