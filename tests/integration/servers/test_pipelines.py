"""Peers that do not wait for their answers, or do not read them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import uvicorn
import uvloop

from bus.servers.uvicorn_http import BoundedHttp
from tests.support.raw_http import request
from tests.support.wait import PATIENCE, until_async


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # The test's own process keeps its signals.
        yield


class Slow:
    """An application whose answers wait for somebody."""

    def __init__(self) -> None:
        self.asked = 0
        self.goes_on = asyncio.Event()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        self.asked += 1
        await self.goes_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})


@contextlib.asynccontextmanager
async def _serving(application: Any) -> AsyncIterator[_Server]:
    server = _Server(
        uvicorn.Config(
            application, port=0, http=BoundedHttp, ws="none", lifespan="off", log_config=None,
            timeout_keep_alive=1,
        )
    )  # fmt: skip
    serving = asyncio.create_task(server.serve())
    await until_async(lambda: server.started)
    yield server
    server.should_exit = True
    await asyncio.wait_for(serving, PATIENCE)


async def _leave(requests: bytes, *, noticed: bool) -> None:
    """Ask, be gone, and have the answer written after that."""
    application = Slow()
    async with _serving(application) as server:
        peer = socket.create_connection(server.servers[0].sockets[0].getsockname())
        peer.sendall(requests)
        await until_async(lambda: application.asked > 0)
        peer.close()
        if noticed:
            await until_async(lambda: not server.server_state.connections)
        application.goes_on.set()
        await until_async(lambda: not server.server_state.connections)
        await until_async(lambda: not server.server_state.tasks)


# With requests that wait, uvicorn reads no more, and so notices nobody's end; with too many, it is
# ours to end it.
@pytest.mark.parametrize(("count", "noticed"), [(1, True), (2, False), (20, False), (200, True)])
def test_who_is_gone_before_the_answers_is_no_error(
    count: int, noticed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR), asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(_leave(request("/") * count, noticed=noticed))
    assert caplog.text == ""


async def _just_too_much(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer with a little more than the kernel takes for a peer that does not read."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    transport = send.__self__.transport
    while not transport.get_write_buffer_size():
        await send({"type": "http.response.body", "body": bytes(16_384), "more_body": True})
        # It is written when the loop comes to it.
        await asyncio.sleep(0)
    await send({"type": "http.response.body"})


async def _read_nothing(asked: bytes) -> None:
    async with _serving(_just_too_much) as server:
        with socket.create_connection(server.servers[0].sockets[0].getsockname()) as peer:
            peer.sendall(asked)
            await until_async(lambda: server.server_state.total_requests == 1)
            await until_async(lambda: not server.server_state.connections)


@pytest.mark.parametrize("header", ["Connection: keep-alive", "Connection: close"])
def test_who_leaves_the_last_of_an_answer_unread_is_cut_off(
    header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedHttp, "stall_seconds", 0.5)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(_read_nothing(request("/", header)))
