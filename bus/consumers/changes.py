"""Changes that a socket asks for: committed, told, and then answered, whatever happens between."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from bus.database import threads
from bus.messaging import publisher
from bus.posting.events import EventBatches
from bus.protocol.errors import Unavailable

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Kept until they are done: the event loop alone would not.
_tasks: set[asyncio.Task[Any]] = set()


async def carry_out(work: Callable[..., tuple[T, EventBatches]], *args: object) -> T:
    """Do blocking work that commits a change, tell of it, and return what it returned.

    Raises what `work` raises. What is committed is told although the socket that asked is gone,
    and answered as done although the broker is away.
    """
    task = asyncio.get_running_loop().create_task(_carry_out(work, args))
    _tasks.add(task)
    task.add_done_callback(_forget)
    return await asyncio.shield(task)


async def finish() -> None:
    """Wait until what is under way on this event loop is committed and told."""
    loop = asyncio.get_running_loop()
    while tasks := [task for task in _tasks if task.get_loop() is loop and not task.done()]:
        await asyncio.wait(tasks)


async def _carry_out(work: Callable[..., tuple[T, EventBatches]], args: tuple[object, ...]) -> T:
    done, batches = await threads.run(work, *args)
    try:
        await publisher.publish(batches.rooms, batches.authors)
    except Unavailable as error:
        # To whom it cannot be told now, the repair after the outage does.
        logger.warning("A change is stored, and told when the broker is back: %s", error)
    except Exception:
        logger.exception("A change is stored, and could not be told.")
    return done


def _forget(task: asyncio.Task[Any]) -> None:
    _tasks.discard(task)
    # Who waits for it may be gone when it fails.
    if not task.cancelled():
        task.exception()
