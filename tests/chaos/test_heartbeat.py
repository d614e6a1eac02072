"""A worker that is killed is seen to be gone within 15 s."""

import asyncio
import time

from bus.broker import BusChannelLayer
from tests.support.backend import Backend
from tests.support.processes import Fleet
from tests.support.wait import until

CHANNEL = "broadcast"


def live(backend: Backend) -> list[int]:
    """The process ids of the channel's live workers."""

    async def look() -> list[int]:
        layer = BusChannelLayer(hosts=[backend.url])
        try:
            return [worker.pid for worker in (await layer.stream(CHANNEL).stats(1)).workers]
        finally:
            await layer.close()

    return asyncio.run(look())


def test_a_killed_worker_is_gone_within_15_s(backend: Backend) -> None:
    fleet = Fleet(backend, "heartbeat")
    try:
        pid = fleet.worker("worker", CHANNEL).pid
        assert pid in live(backend)
        fleet.kill("worker")
        killed = time.monotonic()
        until(lambda: pid not in live(backend), "the killed worker is gone", 20)
        # Its last beat was before the kill; the rest is what looking takes.
        assert time.monotonic() - killed < 15.5
    finally:
        fleet.close()
