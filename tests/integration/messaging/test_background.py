"""Errands of sync code: done soon in a thread of their own, which can be ended from anywhere."""

import pytest

from bus.messaging import publisher
from bus.messaging.background import Errands
from tests.support.wait import until_async


@pytest.mark.asyncio
async def test_errands_are_stopped_inside_of_a_running_loop(broker: str) -> None:
    errands = Errands()
    heard: list[str] = []

    async def tell() -> None:
        await publisher.layer().group_send("errands", {"type": "told"})
        heard.append("told")

    errands.run(tell)
    await until_async(lambda: heard == ["told"])
    thread = errands._thread
    errands.stop()
    assert thread is not None
    assert not thread.is_alive()
    errands.run(tell)
    await until_async(lambda: heard == ["told", "told"])
    errands.stop()
