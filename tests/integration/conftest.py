"""What integration tests share: a web server of this process."""

from collections.abc import AsyncIterator

import pytest_asyncio
import uvicorn

from tests.integration.live import serving


@pytest_asyncio.fixture
async def server(broker: str) -> AsyncIterator[uvicorn.Server]:
    """A web server on the test's broker and database."""
    async with serving() as running:
        yield running
