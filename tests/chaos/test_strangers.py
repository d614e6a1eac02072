"""Strangers make the server itself answer, keep and wait: each is cut off, and nobody else notices.

The web process is a real one; what it holds in memory is the kernel's word.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import pytest
from websockets.sync.client import connect

from tests.chaos.test_backpressure import memory_of
from tests.support import raw_socket
from tests.support.backend import Backend
from tests.support.processes import Fleet, fleet
from tests.support.raw_socket import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    PONG,
    TEXT,
    connected,
    flood,
    frame,
    opened,
)
from tests.support.wait import until

# What the process may grow by under an attack, in MiB.
GROWTH = 16
# What a stranger may send before it is cut off, in bytes: sockets' own buffers are some of it.
LIMIT = 16 * 1024 * 1024
# The longest that somebody else may wait for an answer meanwhile, in seconds. The machine that
# runs this may be busy; without the bounds it was many seconds.
LATENCY = 1.0


class Neighbour:
    """Somebody in a session of their own, who asks for the time again and again."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self.waits: list[float] = []

    def __enter__(self) -> Neighbour:
        self._thread.start()
        until(lambda: self.waits, "a first answer", 20)
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def _ask(self) -> None:
        with connect(self._url, subprotocols=["bus.v1"], proxy=None) as socket:
            socket.recv(20)
            while not self._stop.is_set():
                began = time.monotonic()
                socket.send(json.dumps({"ref": "1", "type": "session.ping", "data": {}}))
                socket.recv(20)
                self.waits.append(time.monotonic() - began)
                self._stop.wait(0.01)


@pytest.fixture(scope="module")
def site(backend: Backend) -> Iterator[Fleet]:
    with fleet(backend, "strangers", BUS_PREFIX="strangers") as found:
        found.url = found.web("web")  # type: ignore[attr-defined]
        yield found


@pytest.fixture
def url(site: Fleet) -> Iterator[str]:
    """Where sessions open; and nothing of the process may suffer."""
    found: str = site.url  # type: ignore[attr-defined]
    pid = site.processes["web"].pid
    with Neighbour(found) as neighbour:
        before = memory_of(pid)
        yield found
        after = memory_of(pid)
    assert after - before < GROWTH, f"{before:.0f} MiB, then {after:.0f} MiB"
    assert max(neighbour.waits) < LATENCY, sorted(neighbour.waits)[-5:]


@pytest.mark.parametrize(
    "frames",
    [
        frame(PING),
        frame(PING, b"x" * 125),
        frame(PONG),
        frame(PONG, b"x" * 125),
        frame(CLOSE, (1000).to_bytes(2, "big")),
        frame(PING) + frame(CLOSE),
    ],
    ids=["pings", "large pings", "pongs", "large pongs", "closes", "pings and closes"],
)
def test_who_sends_what_the_server_itself_answers_and_reads_nothing_is_cut_off(
    url: str, frames: bytes
) -> None:
    with opened(url) as peer:
        assert flood(peer, frames) < LIMIT


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("size", [0, 1, 100])
def test_a_message_of_endless_pieces_is_cut_off(url: str, opcode: int, size: int) -> None:
    with opened(url) as peer:
        peer.sendall(frame(opcode, fin=False))
        assert flood(peer, frame(CONT, b"x" * size, fin=False)) < LIMIT


def test_where_uvicorn_reads_its_sockets_the_bounds_are_the_same(backend: Backend) -> None:
    with fleet(backend, "uvicorns", BUS_PREFIX="uvicorns", BUS_DIRECT_WEBSOCKETS="0") as site:
        url = site.web("web")
        pid = site.processes["web"].pid
        with Neighbour(url) as neighbour:
            before = memory_of(pid)
            for frames in (frame(PING, b"x" * 125), frame(CLOSE, (1000).to_bytes(2, "big"))):
                with opened(url) as peer:
                    assert flood(peer, frames) < LIMIT
            with opened(url) as peer:
                peer.sendall(frame(TEXT, fin=False))
                assert flood(peer, frame(CONT, fin=False)) < LIMIT
            assert memory_of(pid) - before < GROWTH
        assert max(neighbour.waits) < LATENCY


def test_messages_that_never_end_are_not_kept(url: str) -> None:
    """A hundred at once, of 900 KB each: below what uvicorn takes, above what we do."""
    piece = frame(TEXT, b"x" * 900_000)[:-1]
    with ExitStack() as stack:
        peers = [stack.enter_context(opened(url)) for _ in range(100)]
        for peer in peers:
            with suppress(ConnectionError):
                peer.sendall(piece)
        for peer in peers:
            # It says why, where the peer reads.
            assert (4400).to_bytes(2, "big") in raw_socket.read_all(peer)


def test_many_who_ping_leave_no_trace(url: str) -> None:
    for _ in range(5):
        with opened(url) as peer:
            flood(peer, frame(PING, b"x" * 125))


def test_who_pings_before_the_answer_to_the_handshake_is_cut_off(url: str) -> None:
    with connected(url) as peer:
        peer.sendall(raw_socket.handshake("/ws/"))
        assert flood(peer, frame(PING, b"x" * 125)) < LIMIT


def test_who_pings_now_and_then_is_answered(url: str) -> None:
    with opened(url) as peer:
        for number in range(200):
            peer.sendall(frame(PING, b"%d" % number))
        answers = b""
        while b"\x8a\x03199" not in answers:
            answers += peer.recv(65_536)


def test_who_asks_ahead_and_reads_nothing_is_cut_off(url: str) -> None:
    with connected(url) as peer:
        assert flood(peer, b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") < LIMIT


def test_who_asks_ahead_a_little_is_answered(url: str) -> None:
    parts = urlsplit(url)
    request = f"GET /livez HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
    with connected(url) as peer:
        peer.sendall(request * 16)
        answers = b""
        while answers.count(b"HTTP/1.1 200") < 16 and (piece := peer.recv(65_536)):
            answers += piece
    assert answers.count(b"HTTP/1.1 200") == 16
