"""Waiting for a fact, never for a time."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")

# Longest wait of a test that waits by itself, in seconds.
PATIENCE = 10.0


def until(fact: Callable[[], T], what: str, seconds: float = 20.0) -> T:
    """The fact's first true value; fails with `what` when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = fact()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain for: {what}")
        time.sleep(0.02)


@overload
async def until_async(
    fact: Callable[[], Awaitable[T]], what: str = "the fact", seconds: float = 20.0
) -> T: ...


@overload
async def until_async(
    fact: Callable[[], T], what: str = "the fact", seconds: float = 20.0
) -> T: ...


async def until_async(
    fact: Callable[[], Any], what: str = "the fact", seconds: float = 20.0
) -> Any:
    """The same for coroutines, which go on meanwhile; the fact may be one itself."""
    deadline = time.monotonic() + seconds
    while True:
        value = fact()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            source = inspect.getsource(fact).strip() if what == "the fact" else what
            raise AssertionError(f"waited {seconds:g} s in vain for: {source}")
        await asyncio.sleep(0.002)
