"""What the owner of a worker has it call."""

import asyncio
from typing import Any

import pytest
from channels.consumer import AsyncConsumer
from django.test import override_settings

from bus.broker import BusChannelLayer, Undeliverable
from bus.broker.worker.worker import Worker
from tests.support.wait import until_async

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


@override_settings(BUS_RETRY_BASE=0.02, BUS_RETRY_CAP=0.05)
async def test_the_owner_hears_of_the_start_and_of_each_failure(broker: str) -> None:
    heard: list[str] = []

    class Jobs(AsyncConsumer):
        async def job_run(self, message: dict[str, Any]) -> None:
            heard.append("handled")
            if message["fails"]:
                raise Undeliverable("no use")

    layer = BusChannelLayer(hosts=[broker], prefix="test")
    worker = Worker(
        Jobs.as_asgi(),
        ["jobs"],
        layer,
        on_start=lambda: heard.append("start"),
        on_failure=lambda: heard.append("failure"),
    )
    running = asyncio.ensure_future(worker.main())
    for fails in (False, True, False):
        await layer.send("jobs", {"type": "job.run", "fails": fails})
    await until_async(lambda: worker.handled == 2 and len(heard) == 5)
    worker.stop()
    await asyncio.wait_for(running, 20)
    assert heard == ["start", "handled", "handled", "failure", "handled"]
