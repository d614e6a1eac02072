"""A network that a test can cut: a TCP proxy that drops, stalls and mends."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager


class Proxy:
    """Forwards bytes between clients and ports of this machine, while the network is well.

    Of several ports, each connection gets the next that takes it, as behind a balancer.
    """

    def __init__(self, *targets: int) -> None:
        self._targets = deque(targets)
        self.port = 0
        self._cut = False
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        self._cut = True
        self.drop()

    def drop(self) -> None:
        """Break every connection; new ones are welcome."""
        for writer in self._writers:
            writer.transport.abort()

    def stall(self) -> None:
        """Forward nothing: bytes wait, and nobody is told."""
        self._flowing.clear()

    def mend(self) -> None:
        """All is well again; what was stalled flows."""
        self._cut = False
        self._flowing.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a connection."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            await self._flowing.wait()
            if not self._cut:
                await self._forward(reader, writer)
        except OSError:
            pass
        finally:
            self._writers.discard(writer)
            self._tasks.discard(task)
            writer.transport.abort()

    async def ended(self) -> None:
        """Break everything, and wait until nothing is left of it."""
        self.mend()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await self._reach()
        self._writers.add(far_writer)
        pumps = [
            asyncio.ensure_future(self._pump(reader, far_writer)),
            asyncio.ensure_future(self._pump(far_reader, writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._writers.discard(far_writer)
            # What the far end said last, such as a close frame, is still to be written.
            far_writer.close()
            writer.close()

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for _ in range(len(self._targets)):
            self._targets.rotate(-1)
            try:
                return await asyncio.open_connection("127.0.0.1", self._targets[0])
            except OSError:
                continue
        raise ConnectionRefusedError

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._flowing.wait()
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def proxied(*targets: int) -> AsyncIterator[Proxy]:
    """A proxy in this loop while the block runs."""
    proxy = Proxy(*targets)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.ended()


class Remote:
    """A proxy in a thread of its own, for tests that are not coroutines."""

    def __init__(self, proxy: Proxy, loop: asyncio.AbstractEventLoop) -> None:
        self.proxy = proxy
        self._loop = loop

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.proxy.port

    def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        self._do(self.proxy.cut)

    def drop(self) -> None:
        """Break every connection; new ones are welcome."""
        self._do(self.proxy.drop)

    def stall(self) -> None:
        """Forward nothing."""
        self._do(self.proxy.stall)

    def mend(self) -> None:
        """All is well again."""
        self._do(self.proxy.mend)

    def _do(self, step: Callable[[], None]) -> None:
        done = threading.Event()
        self._loop.call_soon_threadsafe(lambda: (step(), done.set()))
        assert done.wait(10)


@contextmanager
def proxied_from_a_thread(target: int) -> Iterator[Remote]:
    """A proxy that works beside a test without a loop."""
    started, remote, end = threading.Event(), [], asyncio.Event()

    async def work() -> None:
        async with proxied(target) as proxy:
            remote.append(Remote(proxy, asyncio.get_running_loop()))
            started.set()
            await end.wait()

    thread = threading.Thread(target=asyncio.run, args=(work(),))
    thread.start()
    assert started.wait(10)
    yield remote[0]
    remote[0]._loop.call_soon_threadsafe(end.set)
    thread.join(10)
