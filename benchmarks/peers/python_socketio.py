"""python-socketio with its Redis manager, as its documentation has it."""

from __future__ import annotations

import os
from typing import Any

import socketio

server = socketio.AsyncServer(
    async_mode="asgi",
    client_manager=socketio.AsyncRedisManager(os.environ["BENCH_BROKER"]),
    transports=["websocket"],
)
application = socketio.ASGIApp(server)


@server.event
async def join(sid: str, room: str) -> None:
    """Enter a room."""
    await server.save_session(sid, {"room": room})
    await server.enter_room(sid, room)


@server.event
async def msg(sid: str, message: Any) -> None:
    """Tell the room."""
    session = await server.get_session(sid)
    await server.emit("msg", message, room=session["room"])
