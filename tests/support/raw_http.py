"""HTTP as it is on the wire: any bytes to a server, and its answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import uvicorn

from tests.support.wait import PATIENCE
from tests.support.web_server import address


@dataclass
class Answer:
    """One response."""

    status: int
    headers: dict[str, str]
    body: bytes


class Line:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def write(self, data: bytes) -> None:
        """Send bytes, as fast as they go."""
        self._writer.write(data)

    async def answer(self, *, bodiless: bool = False) -> Answer:
        """The next response, and its body where it tells its length."""
        async with asyncio.timeout(PATIENCE):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = dict(line.split(": ", 1) for line in head[1:] if line)
            headers = {name.lower(): value for name, value in headers.items()}
            size = 0 if bodiless else int(headers.get("content-length", 0))
            body = await self._reader.readexactly(size)
        return Answer(int(head[0].split()[1]), headers, body)

    async def rest(self) -> bytes:
        """What comes until the server closes."""
        found = b""
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError):
                while data := await self._reader.read(65_536):
                    found += data
        return found


@contextlib.asynccontextmanager
async def line(server: uvicorn.Server) -> AsyncIterator[Line]:
    """Connect."""
    port = int(address(server, "").rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def ask(server: uvicorn.Server, data: bytes) -> Answer:
    """Send bytes on a connection of their own; the first answer."""
    async with line(server) as found:
        found.write(data)
        return await found.answer(bodiless=data.startswith(b"HEAD "))


def request(target: str, *headers: str, method: str = "GET", body: bytes = b"") -> bytes:
    """A request; `Host` is ours unless it is given."""
    lines = [f"{method} {target} HTTP/1.1", *headers]
    if not any(header.lower().startswith("host:") for header in headers):
        lines.append("Host: localhost")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
