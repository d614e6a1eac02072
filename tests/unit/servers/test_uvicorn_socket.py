"""What is done to uvicorn's sockets past ASGI, and only where the server is known."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from bus.servers import uvicorn_socket
from bus.servers.uvicorn_socket import ReceiveQueue, direct_writer


class FakeTransport:
    closing = False

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def is_closing(self) -> bool:
        return self.closing

    def write(self, data: bytes) -> None:
        self.written.append(data)


class FakeProtocol:
    """What is used of uvicorn's."""

    close_sent = False
    handshake_complete = True

    def __init__(self) -> None:
        self.transport = FakeTransport()
        self.writable = asyncio.Event()
        self.writable.set()
        self.conn = SimpleNamespace(extensions=[])

    async def send(self, message: Any) -> None:
        """ASGI's."""


@pytest.fixture
def protocol(monkeypatch: pytest.MonkeyPatch) -> FakeProtocol:
    monkeypatch.setattr(uvicorn_socket, "WebSocketsSansIOProtocol", FakeProtocol)
    return FakeProtocol()


def test_it_writes_while_the_peer_reads_and_the_socket_is_open(protocol: FakeProtocol) -> None:
    put = direct_writer(protocol.send)
    assert put is not None
    assert put(b"1")
    protocol.writable.clear()
    assert not put(b"2")
    protocol.writable.set()
    assert put(b"3")
    protocol.close_sent = True
    assert not put(b"4")
    protocol.close_sent, protocol.transport.closing = False, True
    assert not put(b"5")
    assert protocol.transport.written == [b"1", b"3"]


def test_other_servers_compression_and_other_versions_go_through_asgi(
    protocol: FakeProtocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def send(message: Any) -> None:
        """Of a server that is not known, or behind a middleware."""

    assert direct_writer(send) is None
    protocol.conn.extensions.append("permessage-deflate")
    assert direct_writer(protocol.send) is None
    protocol.conn.extensions.clear()
    assert direct_writer(protocol.send) is not None
    del protocol.writable
    assert direct_writer(protocol.send) is None
    monkeypatch.setattr(uvicorn_socket, "WebSocketsSansIOProtocol", None)
    assert direct_writer(protocol.send) is None


@pytest.mark.asyncio
async def test_what_is_received_comes_in_order_and_before_them_what_waited() -> None:
    before: asyncio.Queue[int] = asyncio.Queue()
    for number in (1, 2):
        before.put_nowait(number)
    received = ReceiveQueue(before)
    received.put_nowait(3)
    assert not received.empty()
    assert [await received.get() for _ in range(3)] == [1, 2, 3]
    assert received.empty()


@pytest.mark.asyncio
async def test_a_reader_waits_and_one_that_left_loses_nothing() -> None:
    received = ReceiveQueue(asyncio.Queue())
    gone = asyncio.create_task(received.get())
    await asyncio.sleep(0)
    # Something comes, and in the same moment the reader is told to go.
    received.put_nowait(1)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert gone.cancelled()
    next_one = asyncio.create_task(received.get())
    assert await asyncio.wait_for(next_one, 1) == 1
    waiting = asyncio.create_task(received.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    for number in (2, 3):
        received.put_nowait(number)
    assert await asyncio.wait_for(waiting, 1) == 2
    assert await asyncio.wait_for(received.get(), 1) == 3
