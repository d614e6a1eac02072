"""A web process that is told to stop: it tells its clients, and closes them one after the other."""

import asyncio
import json
import signal
import time
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.backend import Backend
from tests.support.processes import Fleet, fleet
from tests.support.wait import until_async

COUNT = 300


async def hear(
    socket: ClientConnection, joined: asyncio.Semaphore | None = None
) -> tuple[list[dict[str, Any]], int, float]:
    """All that a socket is told until it is closed, the code, and when."""
    told: list[dict[str, Any]] = []
    while True:
        try:
            frame = json.loads(await socket.recv())
        except ConnectionClosed:
            assert socket.close_code is not None
            return told, socket.close_code, time.monotonic()
        items = frame if isinstance(frame, list) else [frame]
        if joined and any(item.get("ref") == "1" for item in items):
            joined.release()
        told += items


async def stop_under_load(site: Fleet, url: str, plain: str) -> None:
    sockets = [
        await connect(url, subprotocols=["bus.v1"])  # type: ignore[list-item]
        for _ in range(COUNT)
    ]
    chat = await connect(plain)
    join = {"ref": "1", "type": "room.join", "data": {"room": "drain"}}
    joined = asyncio.Semaphore(0)
    hearing = [asyncio.create_task(hear(socket, joined)) for socket in [*sockets, chat]]
    for socket in sockets:
        await socket.send(json.dumps(join))
    for _ in sockets:
        await asyncio.wait_for(joined.acquire(), 20)
    for socket in sockets:
        await socket.send(json.dumps({"ref": "2", "type": "session.ping"}))
    await chat.send(json.dumps({"message": "before the end"}))
    began = time.monotonic()
    site.processes["web"].send_signal(signal.SIGTERM)
    *results, last = await asyncio.wait_for(asyncio.gather(*hearing), 20)
    ends = sorted(end - began for _, _, end in results)
    # Not all in one go, and all in time.
    assert ends[-1] - ends[0] > 0.1
    assert ends[-1] < 5
    waits = []
    for told, code, _ in results:
        assert code == 1012
        (closing,) = [item["data"] for item in told if item["type"] == "session.closing"]
        assert closing["reason"] == "restart"
        waits.append(closing["reconnect_in"])
        # What it had asked before was answered.
        assert "2" in [item.get("ref") for item in told]
    assert 0 <= min(waits) < max(waits) <= 1
    assert max(waits) > 0.3
    assert last[1] == 1012
    with pytest.raises((OSError, ConnectionClosed)):
        await connect(url, open_timeout=2)


@pytest.mark.timeout(100)
def test_a_stop_is_announced_and_spread(backend: Backend) -> None:
    with fleet(backend, "drain", BUS_CLOSING_WINDOW="1", BUS_RECONNECT_WINDOW="1") as site:
        url = site.web("web")
        plain = url.replace("/ws/", "/ws/chat/drain/")
        asyncio.run(stop_under_load(site, url, plain))
        assert site.processes["web"].wait(10) in (0, -signal.SIGTERM)
        assert "Traceback" not in site.text("web")


async def stop_beside_silent_ones(site: Fleet, url: str) -> float:
    """Some stopped reading, and one sends without end: how long the stop takes."""
    sockets = [await connect(url, subprotocols=["bus.v1"]) for _ in range(20)]  # type: ignore[list-item]
    for socket in sockets[:10]:
        socket.transport.pause_reading()

    async def flood(socket: ClientConnection) -> None:
        while True:
            await socket.send(json.dumps({"type": "session.ping"}))

    flooding = asyncio.create_task(flood(sockets[-1]))
    await asyncio.sleep(0.1)
    began = time.monotonic()
    site.processes["web"].send_signal(signal.SIGTERM)
    await until_async(lambda: site.processes["web"].poll() is not None, "the end", 30)
    took = time.monotonic() - began
    flooding.cancel()
    await asyncio.gather(flooding, return_exceptions=True)
    return took


@pytest.mark.timeout(100)
def test_those_who_do_not_answer_hold_nothing_up(backend: Backend) -> None:
    with fleet(backend, "silent") as site:
        url = site.web("web")
        assert asyncio.run(stop_beside_silent_ones(site, url)) < 14


@pytest.mark.timeout(100)
def test_a_second_signal_ends_it_at_once(backend: Backend) -> None:
    with fleet(backend, "twice", BUS_CLOSING_WINDOW="30") as site:
        url = site.web("web")

        async def scene() -> None:
            async with connect(url, subprotocols=["bus.v1"]) as socket:  # type: ignore[list-item]
                await socket.recv()
                site.processes["web"].send_signal(signal.SIGTERM)
                site.processes["web"].send_signal(signal.SIGINT)
                assert (await hear(socket))[1] == 1012

        asyncio.run(scene())
        assert site.processes["web"].wait(10) in (0, -signal.SIGTERM, -signal.SIGINT)
