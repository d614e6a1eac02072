"""A handshake that Bus reads itself has the answer that uvicorn gives; others are uvicorn's."""

from __future__ import annotations

import gc
import logging
import weakref
from typing import Any

import pytest
import uvicorn
from pytest_django.fixtures import Settings

from bus.servers import uvicorn_upgrade
from bus.servers.direct_websocket import DirectWebSocket
from bus.servers.uvicorn_websocket import BoundedWebSocket
from tests.support.raw_socket import PING, TEXT, frame, handshake
from tests.support.websocket_peer import ACCEPT, HEAD, Peer, Step, both

pytestmark = pytest.mark.asyncio

HEADERS = [(b"x-mine", b"1"), (b"Content-Type", b"text/html")]
START = {"type": "websocket.http.response.start", "status": 404, "headers": HEADERS}


REFUSALS: dict[str, tuple[Step, ...]] = {
    "a refusal": ({"type": "websocket.close"}, "leave"),
    "a response": (START, {"type": "websocket.http.response.body", "body": b"no"}),
    "a response in pieces": (
        START,
        {"type": "websocket.http.response.body", "body": b"n", "more_body": True},
        {"type": "websocket.http.response.body", "body": b"o"}),
    "a response of a status without a name": (
        {**START, "status": 499, "headers": []},
        {"type": "websocket.http.response.body", "body": b""}),
    "a response of no status": ({**START, "status": 99},),
    "no answer": ("leave",),
    "the peer is gone": ("lost", ACCEPT),
    "the server stops": ("shutdown", ACCEPT),
    "an answer that breaks its head": (
        {**ACCEPT, "headers": [(b"a", b"b\r\nc: d")]}, {**ACCEPT, "subprotocol": "a\r\nb: c"}),
    "a response that breaks its head": (
        {**START, "headers": [(b"a", b"b\r\nc: d")]},
        {"type": "websocket.http.response.body", "body": b""}),
    "something before the answer": (frame(TEXT, b"1"), frame(PING, b"?"), ACCEPT),
    "too much before the answer": (*[frame(TEXT, b"x" * 9000)] * 2, ACCEPT),
    "it speaks too early": ({"type": "websocket.send", "text": "1"},),
}  # fmt: skip


@pytest.mark.parametrize("steps", REFUSALS.values(), ids=REFUSALS)
async def test_the_answer_to_a_handshake_is_the_same(
    settings: Settings, steps: tuple[Step, ...]
) -> None:
    settings.BUS_CONTENT_SECURITY_POLICY = "default-src 'self'"
    ours, uvicorns = await both(settings, *steps, accept=False)
    assert ours.seen() == uvicorns.seen()
    for peer in (ours, uvicorns):
        await peer.end()


@pytest.mark.parametrize(
    "head",
    [
        handshake("/ws/", Connection="keep-alive, Upgrade, x"),
        handshake("/ws/", Sec_WebSocket_Version="8"),
        handshake("/ws/", Sec_WebSocket_Key="short"),
        handshake("/ws/", Sec_WebSocket_Protocol="a b"),
        handshake("/ws/", Sec_WebSocket_Protocol=""),
        handshake("/ws/", Content_Length="5"),
        handshake("/ws/").replace(b"GET", b"POST"),
        handshake("/ws/").replace(b"\r\nHost", b"\r\nSec-WebSocket-Version: 13\r\nHost"),
        handshake("/ws/", Origin="http://a").replace(b"\r\nHost", b"\r\nOrigin: http://b\r\nHost"),
        handshake("/ws/", X_Trailing="space ", Y_Trailing="tab\t"),
    ],
)
async def test_a_handshake_that_is_not_as_usual_is_uvicorns(head: bytes) -> None:
    peer = Peer(head=head)
    assert isinstance(peer.transport.get_protocol(), BoundedWebSocket)
    await peer.end()


async def test_compression_is_uvicorns_where_the_server_offers_it() -> None:
    head = handshake("/ws/", Sec_WebSocket_Extensions="permessage-deflate")
    for offers, kind in ((True, BoundedWebSocket), (False, DirectWebSocket)):
        peer = Peer(head=head, ws_per_message_deflate=offers)
        assert isinstance(peer.transport.get_protocol(), kind)
        await peer.do()
        answer = peer.transport.written.lower()
        assert (b"sec-websocket-extensions: permessage-deflate" in answer) is offers
        await peer.end()


async def test_another_choice_of_uvicorns_is_kept() -> None:
    peer = Peer(ws="websockets-sansio")
    kind: Any = type(peer.transport.get_protocol())
    assert kind.__name__ == "WebSocketsSansIOProtocol"
    await peer.end()


async def test_a_uvicorn_that_nobody_has_read_does_it_itself_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    uvicorn_upgrade._is_known.cache_clear()
    monkeypatch.setattr(uvicorn, "__version__", "0.60.0")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            peer = Peer()
            assert isinstance(peer.transport.get_protocol(), BoundedWebSocket)
            await peer.do(frame(TEXT, b"1"))
            assert peer.heard[-1] == {"type": "websocket.receive", "text": "1"}
            await peer.end()
    uvicorn_upgrade._is_known.cache_clear()
    (line,) = (record.getMessage() for record in caplog.records)
    assert line.startswith("uvicorn 0.60.0 is not one that Bus knows")


async def test_what_was_not_read_before_the_handshake_holds_after_it() -> None:
    peer = Peer(head=b"")
    http = peer.transport.get_protocol()
    http.pause_writing()
    peer.transport.receive(HEAD)
    protocol = peer.transport.get_protocol()
    assert isinstance(protocol, DirectWebSocket)
    assert not protocol.write_frames(b"1")
    protocol.resume_writing()
    await peer.do()
    assert protocol.write_frames(b"1")
    await peer.end()


@pytest.mark.parametrize("direct", [True, False])
async def test_nothing_is_left_of_the_http_connection(settings: Settings, direct: bool) -> None:
    settings.BUS_DIRECT_WEBSOCKETS = direct
    peer = Peer(head=b"")
    before = weakref.ref(peer.transport.get_protocol())
    assert before() is not None
    gc.collect()
    gc.disable()
    try:
        peer.transport.receive(HEAD)
        assert before() is None
    finally:
        gc.enable()
    await peer.end()
