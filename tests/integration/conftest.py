"""What integration tests share: web servers of this process, with a moderation worker or none."""

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
import pytest_asyncio
import uvicorn

from bus.chat import impostors
from bus.enforcement import room_policies
from tests.support.web_server import serving, working


@pytest.fixture(autouse=True)
def own_rules() -> None:
    """Forget what rooms go by, and names: a test's may be those of another test."""
    room_policies.forget()
    impostors.forget()


@pytest_asyncio.fixture
async def server(broker: str) -> AsyncIterator[uvicorn.Server]:
    """A web server on the test's broker and database."""
    async with serving() as running:
        yield running


@pytest_asyncio.fixture
async def moderated_server(server: uvicorn.Server) -> AsyncIterator[uvicorn.Server]:
    """The same, and beside it the worker that judges what is written there."""
    async with working("moderation"):
        yield server


@pytest_asyncio.fixture
async def other_server(broker: str) -> AsyncIterator[uvicorn.Server]:
    """A server with an event loop of its own, and so a hub and a guard of its own."""
    loop = asyncio.new_event_loop()

    def run() -> None:
        loop.run_forever()
        # Here, since the layer closes its connections with the loop, in the loop.
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()

    def there(work: Coroutine[Any, Any, Any]) -> asyncio.Future[Any]:
        return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))

    running = serving()
    try:
        yield await there(running.__aenter__())
        await there(running.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(thread.join)
