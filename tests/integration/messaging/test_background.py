"""Background tasks of sync code: soon, in a thread that can be ended from anywhere."""

import pytest

from bus.messaging import default_layer
from bus.messaging.background import BackgroundTasks
from tests.support.wait import until_async


@pytest.mark.asyncio
async def test_errands_are_stopped_inside_of_a_running_loop(broker: str) -> None:
    tasks = BackgroundTasks()
    heard: list[str] = []

    async def tell() -> None:
        await default_layer.get().group_send("tasks", {"type": "told"})
        heard.append("told")

    tasks.run(tell)
    await until_async(lambda: heard == ["told"])
    thread = tasks._thread
    tasks.stop()
    assert thread is not None
    assert not thread.is_alive()
    tasks.run(tell)
    await until_async(lambda: heard == ["told", "told"])
    tasks.stop()
