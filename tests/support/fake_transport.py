"""A transport without a socket: what was written to it, and what was asked of it."""

from __future__ import annotations

import asyncio
from typing import Any


class FakeTransport(asyncio.Transport):
    """Of a peer that reads all; it is gone once it is closed, as a real one soon is."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 5000), "sockname": ("127.0.0.1", 80)})
        self.written = b""
        # Each stop and start of reading: a change of what the kernel is asked to tell.
        self.reading: list[bool] = []
        self.unread = 0
        self._protocol: Any = None
        self._closing = False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Have another one hear."""
        self._protocol = protocol

    def get_protocol(self) -> Any:
        """Who hears."""
        return self._protocol

    def receive(self, data: bytes) -> None:
        """Data of the peer came."""
        self._protocol.data_received(data)

    def write(self, data: Any) -> None:
        """Keep it."""
        self.written += bytes(data)

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self._closing

    def close(self) -> None:
        """Be gone, in the loop's next turn."""
        if not self._closing:
            self._closing = True
            asyncio.get_running_loop().call_soon(self._lose)

    abort = close

    def _lose(self) -> None:
        self._protocol.connection_lost(None)

    def pause_reading(self) -> None:
        """Read no more."""
        self.reading.append(False)

    def resume_reading(self) -> None:
        """Read on."""
        self.reading.append(True)

    def get_write_buffer_size(self) -> int:
        """What the peer did not read."""
        return self.unread

    def take_written(self) -> bytes:
        """What was written since the last time."""
        written, self.written = self.written, b""
        return written
