"""People in a room behind networks of their own, who write down what they send and see."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from bus.client import Bus, Message, Sent, connect
from tests.support.proxy import Proxy, proxied

# Longest wait for what was sent to be settled and seen by everybody, in seconds.
PATIENCE = 60.0


@dataclass
class Person:
    """A client in the room, its network, and what it knows."""

    name: str
    bus: Bus
    network: Proxy
    sent: list[Sent] = field(default_factory=list)
    seen: list[Message] = field(default_factory=list)
    gaps: int = 0
    reconnects: int = 0

    async def enter(self, room: str) -> None:
        """Come in, and write down everything from there on."""
        self.room = self.bus.room(room)
        self.bus.on("state", self._count)
        self.room.on("gap", self._miss)
        messages = self.room.messages()
        await self.room.join()
        self._reading = asyncio.ensure_future(self._read(messages))

    async def talk(self, seconds: float, pause: float) -> None:
        """Write now and then, connection or not."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            self.sent.append(self.room.send(f"{self.name} {len(self.sent)}"))
            await asyncio.sleep(random.uniform(0.5, 1.5) * pause)

    def _count(self, state: str) -> None:
        self.reconnects += state == "online"

    def _miss(self, _: object) -> None:
        self.gaps += 1

    async def _read(self, messages: AsyncIterator[Message]) -> None:
        async for message in messages:
            self.seen.append(message)


@asynccontextmanager
async def crowd(size: int, room: str, *ports: int) -> AsyncIterator[list[Person]]:
    """That many people in a room, each behind a network of their own."""
    async with AsyncExitStack() as stack:
        people = []
        for number in range(size):
            network = await stack.enter_async_context(proxied(*ports))
            url = f"ws://127.0.0.1:{network.port}/ws/"
            bus = await stack.enter_async_context(connect(url, proxy=None))
            people.append(Person(f"p{number}", bus, network))
        for person in people:
            await person.enter(room)
        yield people


async def everything_once_in_order(people: list[Person]) -> int:
    """Everybody saw everything that anybody sent, once, in one order; how many that was."""
    sent = [sent for person in people for sent in person.sent]
    async with asyncio.timeout(PATIENCE):
        outcomes = await asyncio.gather(*(each.settled for each in sent))
    assert {outcome.status for outcome in outcomes} == {"posted"}
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while any(len(person.seen) < len(sent) for person in people):
        if asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(0.05)
    for person in people:
        assert [message.seq for message in person.seen] == list(range(1, len(sent) + 1)), person
    order = [(message.client_id, message.body) for message in people[0].seen]
    assert sorted(order) == sorted((each.client_id, each.body) for each in sent)
    for person in people:
        assert [(message.client_id, message.body) for message in person.seen] == order
        mine = [body for _, body in order if body.split()[0] == person.name]
        assert mine == [each.body for each in person.sent], "one's own messages never overtake"
    return len(sent)
