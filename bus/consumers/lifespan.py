"""The start and the end of a web process, where its server tells of them."""

from __future__ import annotations

import gc
import logging
from typing import Any

from bus import servers
from bus.chat import name_policy
from bus.conf import conf
from bus.consumers import web_process
from bus.messaging import operations
from bus.protocol.errors import Unavailable
from bus.servers import shutdown

logger = logging.getLogger(__name__)

# How long the start of a process may wait for the broker, in seconds.
_LOOK_TIMEOUT = 2.0

# Allocations between two collections of garbage, by generation: with thousands of sockets each
# collection takes long and finds next to nothing.
_GC_THRESHOLDS = (20_000, 20, 100)


async def lifespan(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Make what this process keeps of its sockets, and close it before the process ends."""
    await receive()
    servers.warn_of_missing_bounds()
    await _look_at_broker()
    process = web_process.current()
    shutdown.drain_on_signals(lambda: process.connections)
    name_policy.prepare()
    if conf.tune_processes:
        # What is imported is not looked through again for garbage, and sockets are no garbage.
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await process.close()
    await send({"type": "lifespan.shutdown.complete"})


async def _look_at_broker() -> None:
    """Say loudly what the broker is set to that would lose messages, or be of no use."""
    try:
        found = await operations.broker_faults(within=_LOOK_TIMEOUT)
    except Unavailable as error:
        # It is waited for.
        logger.error("%s", error)
        return
    for fault in found:
        logger.error("%s", fault.text)
