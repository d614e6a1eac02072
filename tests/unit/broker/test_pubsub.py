"""Names that are to be heard while the broker is away."""

import asyncio
from pathlib import Path

import pytest

from bus.broker.errors import BrokerUnavailable
from bus.broker.pubsub import PubSub

pytestmark = pytest.mark.asyncio


@pytest.fixture
def nowhere(tmp_path: Path) -> PubSub:
    return PubSub({"address": f"unix://{tmp_path}/none"}, lambda name, data: None)


async def test_joins_that_fail_leave_nothing_behind(nowhere: PubSub) -> None:
    async def join(name: str) -> None:
        with pytest.raises(BrokerUnavailable):
            await nowhere.subscribe(name)
        nowhere.unsubscribe(name)

    for _ in range(3):
        await asyncio.gather(*(join(f"group{number}") for number in range(300)))
    kept = nowhere._changes, nowhere._wanted, nowhere._heard, nowhere._answers
    assert not any(kept), kept
    await nowhere.close()


async def test_who_waits_for_a_name_that_is_given_up_is_told(nowhere: PubSub) -> None:
    waiting = asyncio.ensure_future(nowhere.subscribe("group"))
    await asyncio.sleep(0)
    nowhere.unsubscribe("group")
    with pytest.raises(BrokerUnavailable, match="no longer wanted"):
        await waiting
    await nowhere.close()
