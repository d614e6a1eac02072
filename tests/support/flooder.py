"""A client that sends as fast as the server takes it, and comes back when it does not."""

import asyncio
import contextlib
import json
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


async def flood(url: str) -> None:
    """Ask, and read no answer."""
    question = json.dumps({"type": "history.list", "data": {"room": "x"}})
    while True:
        with contextlib.suppress(ConnectionClosed, OSError):
            async with connect(url, subprotocols=["bus.v1"]) as socket:  # type: ignore[list-item]
                print("floods", flush=True)
                while True:
                    await socket.send(question)


if __name__ == "__main__":
    asyncio.run(flood(sys.argv[1]))
