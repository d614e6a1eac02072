"""A server of the session protocol, played by a test, on a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

PATIENCE = 10.0  # s, the longest wait for a client's next step
USER = {"id": 7, "name": "mina", "guest": False}


class Peer:
    """One client's connection, held by the server's end."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        # Whether pings are answered by themselves, instead of being commands for the test.
        self.answers_pings = False
        self._commands: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def say(self, *items: dict[str, Any]) -> None:
        """Write one frame."""
        await self.socket.send(json.dumps(items if len(items) > 1 else items[0]))

    async def start(self, **more: Any) -> None:
        """The first frame of a session."""
        data = {"session": "s", "protocol": "bus.v1", "heartbeat": 25, "user": USER, **more}
        await self.say({"type": "session.started", "data": data})

    async def next(self, kind: str = "") -> dict[str, Any]:
        """The next command, which must be of that kind."""
        async with asyncio.timeout(PATIENCE):
            command = await self._commands.get()
        assert not kind or command["type"] == kind, command
        return command

    def idle(self) -> bool:
        """Whether no command waits."""
        return self._commands.empty()

    async def reply(self, command: dict[str, Any], **data: Any) -> None:
        """Answer a command."""
        await self.say({"ref": command["ref"], "type": "reply", "ok": True, "data": data})

    async def refuse(self, command: dict[str, Any], code: str, **more: Any) -> None:
        """Answer a command with an error."""
        error = {"code": code, "message": code, **more}
        await self.say({"ref": command["ref"], "type": "reply", "ok": False, "error": error})

    async def hear(self) -> None:
        """Take frames until the connection ends."""
        try:
            async for text in self.socket:
                frame = json.loads(text)
                for command in frame if isinstance(frame, list) else [frame]:
                    if self.answers_pings and command["type"] == "session.ping":
                        await self.reply(command)
                    else:
                        self._commands.put_nowait(command)
        except ConnectionClosed:
            pass


class Scripted:
    """A server whose every word a test says."""

    def __init__(self) -> None:
        self.peers: list[Peer] = []
        self._new: asyncio.Queue[Peer] = asyncio.Queue()
        self.port = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"ws://127.0.0.1:{self.port}/ws/"

    async def peer(self, **started: Any) -> Peer:
        """The next connection, started."""
        async with asyncio.timeout(PATIENCE):
            peer = await self._new.get()
        await peer.start(**started)
        return peer

    async def silent_peer(self) -> Peer:
        """The next connection, to which nothing is said."""
        async with asyncio.timeout(PATIENCE):
            return await self._new.get()

    async def take(self, socket: ServerConnection) -> None:
        """Serve one connection."""
        peer = Peer(socket)
        self.peers.append(peer)
        self._new.put_nowait(peer)
        await peer.hear()


@asynccontextmanager
async def scripted() -> AsyncIterator[Scripted]:
    """A scripted server while the block runs."""
    server = Scripted()
    options: dict[str, Any] = {"subprotocols": ["bus.v1"], "ping_interval": None}
    async with serve(server.take, "127.0.0.1", 0, **options) as listening:
        server.port = next(iter(listening.sockets)).getsockname()[1]
        yield server


def message(seq: int, **more: Any) -> dict[str, Any]:
    """A message as the wire has it."""
    return {
        **{"id": f"m{seq}", "seq": seq, "changed": seq, "room": "lobby", "body": f"body {seq}"},
        **{"author": {"id": 8, "name": "sora"}, "posted_at": "2026-11-21T02:00:00.123Z"},
        **{"client_id": f"c{seq}", "edited": False, "removed": False, "reply_to": None, **more},
    }


def posted(seq: int, **more: Any) -> dict[str, Any]:
    """The event of a posting."""
    data = message(seq, **more)
    return {"type": "message.posted", "room": "lobby", "seq": seq, "data": data}


def settled(client_id: str, status: str, **more: Any) -> dict[str, Any]:
    """The event of an outcome."""
    data = {"client_id": client_id, "status": status, **more}
    return {"type": "message.settled", "room": "lobby", "data": data}


def joined(seq: int, *messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The data of a reply to room.join."""
    return {
        **{"room": {"name": "lobby"}, "you": {"role": "member"}, "seq": seq, "recovered": True},
        **{"messages": list(messages), "presence": {"count": 1, "members": []}, **more},
    }
