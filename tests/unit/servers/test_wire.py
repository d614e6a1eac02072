"""Ready WebSocket frames: as any client reads them, and only where the server is known."""

import asyncio
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.protocol import State
from websockets.uri import parse_uri

from bus.realtime.prepared_frames import Bundle
from bus.servers import wire
from bus.servers.wire import FRAME_LIMIT, Arrivals, joined, text_frame, wire_of


def read(data: bytes) -> list[str]:
    """What a client of another make reads."""

    def texts(events: list[Any]) -> Iterator[str]:
        for event in events:
            assert isinstance(event, Frame)
            assert event.fin
            yield bytes(event.data).decode()

    client = ClientProtocol(parse_uri("ws://localhost/"), state=State.OPEN, max_size=None)
    client.receive_data(data)
    assert client.parser_exc is None
    return list(texts(client.events_received()))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 300_000])
def test_a_frame_of_any_size_is_read_as_it_was_written(size: int) -> None:
    assert read(text_frame(b"x" * size)) == ["x" * size]


def test_a_bundle_is_separate_frames_or_one_array() -> None:
    bundle = Bundle([b"1", '"하나"'.encode(), b"{}"])
    assert read(bundle.separate) == ["1", '"하나"', "{}"]
    assert [json.loads(text) for text in read(bundle.joined)] == [[1, "하나", {}]]
    assert bundle.joined is bundle.joined
    assert read(Bundle([b"7"]).joined) == ["7"]


def test_an_array_has_a_limit_and_one_large_frame_has_none() -> None:
    large = b'"' + b"x" * FRAME_LIMIT + b'"'
    third = b'"' + b"x" * (FRAME_LIMIT // 3) + b'"'
    payloads = joined([b"1", b"2", large, third, third, third, b"3"])
    assert b"".join(payloads).replace(b"[", b"").replace(b"]", b"").count(b"x") == (
        FRAME_LIMIT + 3 * (FRAME_LIMIT // 3)
    )
    assert [len(json.loads(p)) if p[:1] == b"[" else 1 for p in payloads] == [2, 1, 2, 2]
    assert joined([]) == []


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
    monkeypatch.setattr(wire, "WebSocketsSansIOProtocol", FakeProtocol)
    return FakeProtocol()


def test_it_writes_while_the_peer_reads_and_the_socket_is_open(protocol: FakeProtocol) -> None:
    put = wire_of(protocol.send)
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

    assert wire_of(send) is None
    protocol.conn.extensions.append("permessage-deflate")
    assert wire_of(protocol.send) is None
    protocol.conn.extensions.clear()
    assert wire_of(protocol.send) is not None
    del protocol.writable
    assert wire_of(protocol.send) is None
    monkeypatch.setattr(wire, "WebSocketsSansIOProtocol", None)
    assert wire_of(protocol.send) is None


@pytest.mark.asyncio
async def test_arrivals_come_in_order_and_before_them_what_waited() -> None:
    before: asyncio.Queue[int] = asyncio.Queue()
    for number in (1, 2):
        before.put_nowait(number)
    arrivals = Arrivals(before)
    arrivals.put_nowait(3)
    assert not arrivals.empty()
    assert [await arrivals.get() for _ in range(3)] == [1, 2, 3]
    assert arrivals.empty()


@pytest.mark.asyncio
async def test_a_reader_of_arrivals_waits_and_one_that_left_loses_nothing() -> None:
    arrivals = Arrivals(asyncio.Queue())
    gone = asyncio.create_task(arrivals.get())
    await asyncio.sleep(0)
    # Something comes, and in the same moment the reader is told to go.
    arrivals.put_nowait(1)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert gone.cancelled()
    next_one = asyncio.create_task(arrivals.get())
    assert await asyncio.wait_for(next_one, 1) == 1
    waiting = asyncio.create_task(arrivals.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    for number in (2, 3):
        arrivals.put_nowait(number)
    assert await asyncio.wait_for(waiting, 1) == 2
    assert await asyncio.wait_for(arrivals.get(), 1) == 3
