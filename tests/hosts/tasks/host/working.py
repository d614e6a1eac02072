"""A worker of tasks in a thread of the tests."""

import asyncio
import threading
from contextlib import contextmanager

from channels.layers import get_channel_layer
from channels.routing import ChannelNameRouter

from bus.broker.worker.worker import Worker
from bus.messaging.outbox import relay_forever
from bus.tasks.channels import workers
from host.wait import until


async def ended(loop):
    """End what the worker has left behind, where the machine was busy."""
    left = asyncio.all_tasks(loop) - {asyncio.current_task()}
    for one in left:
        one.cancel()
    await asyncio.gather(*left, return_exceptions=True)


@contextmanager
def working(*channels, concurrency=1):
    """A worker while the block runs, on these channels or all of TASKS."""
    known = workers()
    worker = Worker(
        ChannelNameRouter(known),
        channels or list(known),
        get_channel_layer(),
        concurrency,
        companions=[relay_forever],
    )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(worker.main(),))
    thread.start()
    try:
        yield worker
    finally:
        loop.call_soon_threadsafe(worker.stop)
        thread.join(30)
        assert not thread.is_alive()
        loop.run_until_complete(ended(loop))
        loop.close()
        until(lambda: not worker.in_flight(), "a worker that holds nothing")
