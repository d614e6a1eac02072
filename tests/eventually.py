"""Waiting in coroutines for a fact that nothing tells of."""

import asyncio
from collections.abc import Callable

# Longest wait for anything, in seconds.
PATIENCE = 10.0


async def becomes(fact: Callable[[], object]) -> None:
    """Return once the fact is true; raises TimeoutError when it stays false."""
    async with asyncio.timeout(PATIENCE):
        while not fact():  # noqa: ASYNC110  # nothing sets an event when this comes true
            await asyncio.sleep(0.002)
