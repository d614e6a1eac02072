"""What is done to uvicorn's sockets past ASGI, and only where the server is known."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from bus.servers import uvicorn_socket
from bus.servers.uvicorn_socket import direct_writer, release_handshake


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


class FakeDirect:
    """What is used of ours."""

    def __init__(self) -> None:
        self.released = 0

    def write_frames(self, data: bytes) -> bool:
        """Write."""
        return data == b"1"

    def release_handshake(self) -> None:
        """Let go."""
        self.released += 1

    async def send(self, message: Any) -> None:
        """ASGI's."""


def test_what_bus_reads_itself_writes_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn_socket, "DirectWebSocket", FakeDirect)
    protocol = FakeDirect()
    put = direct_writer(protocol.send)
    assert put is not None
    assert put(b"1")
    assert not put(b"2")
    release_handshake(protocol.send)
    assert protocol.released == 1
