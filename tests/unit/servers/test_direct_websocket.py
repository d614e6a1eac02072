"""A WebSocket that Bus reads itself is, for all that can be seen of it, one that uvicorn reads."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from pytest_django.fixtures import Settings
from uvicorn.protocols.utils import ClientDisconnected

from bus.servers.open_websocket import OpenWebSocket
from tests.support.raw_socket import BINARY, CLOSE, CONT, PING, PONG, TEXT, frame
from tests.support.websocket_peer import Peer, Step, both

pytestmark = pytest.mark.asyncio

FRAME_BURST = OpenWebSocket.frame_burst
CLOSED = frame(CLOSE, b"\x03\xe8bye")

CONVERSATIONS: dict[str, tuple[Step, ...]] = {
    "nothing is said": (),
    "texts and bytes": (frame(TEXT, b"1"), frame(BINARY, b"2") + frame(TEXT, "셋".encode())),
    "a message in pieces": (frame(TEXT, b"1", fin=False), frame(PING, b"?") + frame(CONT, b"2")),
    "answers": (
        {"type": "websocket.send", "text": "하나"}, {"type": "websocket.send", "bytes": b"2"},
        {"type": "websocket.send", "text": "x" * 70_000}),
    "pings and pongs": (frame(PING), frame(PING, b"x" * 125), frame(PONG, b"y")),
    "the peer closes": (frame(TEXT, b"1"), CLOSED, frame(TEXT, b"2")),
    "the peer closes without a code": (frame(CLOSE),),
    "the peer is gone": (frame(TEXT, b"1"), "lost"),
    "it speaks to who has closed": (CLOSED, {"type": "websocket.send", "text": "1"}),
    "it speaks to who is gone": ("lost", {"type": "websocket.send", "text": "1"}),
    "the application closes": ({"type": "websocket.close", "code": 4403, "reason": "왜"}, CLOSED),
    "it closes, and the peer says more": (
        {"type": "websocket.close"}, frame(TEXT, b"1"), frame(PING, b"?"), CLOSED),
    "it closes twice": ({"type": "websocket.close"}, {"type": "websocket.close"}),
    "it closes and leaves": ({"type": "websocket.close", "code": 1000}, "leave", CLOSED),
    "it leaves": ("leave",),
    "it says what is nothing": ({"type": "websocket.accept"}, {"type": "http.request"}),
    "the server stops": ("shutdown", {"type": "websocket.send", "text": "1"}),
    "the server stops after a close": ({"type": "websocket.close"}, "shutdown"),
    "a frame that is none": (frame(3, b"x"),),
    "UTF-8 that is none": (frame(TEXT, b"\xff"), frame(TEXT, b"1")),
    "what is none after a close": ({"type": "websocket.close"}, frame(3, b"x")),
    "a frame too large": (b"\x81\xff" + (1 << 40).to_bytes(8, "big"),),
    "a message above our limit": (*[frame(TEXT, b"x" * 70_000)[at: at + 4000]
                                    for at in range(0, 70_000, 4000)],),
    # One by one: of those that come together uvicorn answers one too many.
    "too many pings": (*[frame(PING)] * (FRAME_BURST + 2), frame(TEXT, b"1")),
    "too many pieces": (frame(TEXT, fin=False) + frame(CONT, fin=False) * (FRAME_BURST + 100),),
    "too many words after the last": (
        {"type": "websocket.close"}, frame(TEXT) * (FRAME_BURST + 100)),
}  # fmt: skip


@pytest.mark.parametrize("steps", CONVERSATIONS.values(), ids=CONVERSATIONS)
async def test_a_conversation_is_the_same(
    settings: Settings, steps: tuple[Step, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    # How many of them are too many does not hang on how long this takes.
    monkeypatch.setattr(OpenWebSocket, "frame_rate", 1e-9)
    ours, uvicorns = await both(settings, *steps)
    assert ours.seen() == uvicorns.seen()
    assert ours.scope["path"] == "/ws/한"
    for peer in (ours, uvicorns):
        await peer.end()


@pytest.mark.parametrize(
    "end", [{"code": 1005}, {"code": 5000}, {"code": 1000, "reason": "x" * 124}]
)
async def test_a_close_that_cannot_be_is_none(end: dict[str, Any]) -> None:
    peer = Peer()
    await peer.do({"type": "websocket.close", **end}, frame(TEXT, b"1"))
    assert peer.said == ["impossible"]
    assert peer.heard[-1] == {"type": "websocket.receive", "text": "1"}
    await peer.end()


LOGGED = {
    "accepted": (True, ("lost",)),
    "refused": (False, ({"type": "websocket.close"}, "leave")),
    "no answer": (False, ("leave",)),
    "no UTF-8": (True, (frame(TEXT, b"\xff"),)),
}


@pytest.mark.parametrize(("accept", "steps"), LOGGED.values(), ids=LOGGED)
async def test_the_log_is_the_same(
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    accept: bool,
    steps: tuple[Step, ...],
) -> None:
    # Those of this repository let one line of a kind pass, and of some none.
    monkeypatch.setattr(logging.getLogger("uvicorn.error"), "filters", [])
    lines = []
    with caplog.at_level(logging.INFO, "uvicorn.error"):
        for direct in (True, False):
            settings.BUS_DIRECT_WEBSOCKETS = direct
            caplog.clear()
            peer = Peer(accept=accept)
            await peer.do(*steps)
            lines.append([(record.levelname, record.getMessage()) for record in caplog.records])
            await peer.end()
    assert lines[0] == lines[1]
    assert lines[0]


async def test_what_the_application_takes_at_once_asks_the_kernel_for_nothing() -> None:
    peer = Peer()
    for _ in range(100):
        await peer.do(frame(TEXT, b"x"))
    assert len(peer.heard) == 101
    assert peer.transport.reading == []
    await peer.end()


@pytest.mark.parametrize(
    ("data", "kept"), [(frame(TEXT) * 9, 9), (frame(TEXT, b"x" * 17_000), 1)], ids=["many", "large"]
)
async def test_no_more_is_read_than_a_busy_application_will_take(data: bytes, kept: int) -> None:
    peer = Peer()
    await peer.do()
    peer.transport.receive(data)
    assert peer.transport.reading == [False]
    await peer.do()
    assert len(peer.heard) == 1 + kept
    assert peer.transport.reading == [False, True]
    await peer.end()


async def test_who_reads_nothing_is_written_nothing() -> None:
    peer = Peer()
    await peer.do()
    protocol = peer.transport.get_protocol()
    assert protocol.write_frames(b"1")
    protocol.pause_writing()
    assert not protocol.write_frames(b"2")
    waiting = asyncio.ensure_future(peer.send({"type": "websocket.send", "text": "3"}))
    # Only the last ping needs an answer.
    await peer.do(frame(PING, b"?"))
    assert not waiting.done()
    assert peer.transport.take_written()[-1:] == b"1"
    protocol.resume_writing()
    await waiting
    assert peer.transport.take_written() == b"\x81\x013"
    await peer.end()


async def test_who_waits_to_write_hears_that_the_peer_is_gone() -> None:
    peer = Peer()
    await peer.do()
    peer.transport.get_protocol().pause_writing()
    waiting = asyncio.ensure_future(peer.send({"type": "websocket.send", "text": "3"}))
    await peer.do("lost")
    with pytest.raises(ClientDisconnected):
        await waiting
    await peer.end()


async def test_an_application_that_fails_is_an_answer_and_a_line(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    answers = []
    for direct in (True, False):
        settings.BUS_DIRECT_WEBSOCKETS = direct
        peer = Peer(accept=False)
        await peer.do()
        for task in list(peer.state.tasks):
            task.cancel()
        await peer.do()
        answers.append(peer.seen())
        await peer.end()
    assert answers[0] == answers[1]
    assert caplog.text.count("Exception in ASGI application") == 2
