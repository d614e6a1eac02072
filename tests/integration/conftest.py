"""What integration tests share: a web server of this process, with a moderation worker or none."""

from collections.abc import AsyncIterator

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
