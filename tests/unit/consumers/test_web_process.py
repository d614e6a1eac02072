"""At its end a web process closes each of its parts, whatever becomes of the others."""

import asyncio
import logging
from typing import Any

import pytest

from bus.consumers import changes
from bus.consumers.web_process import WebProcess
from bus.messaging import default_layer, publisher
from bus.messaging.event_batch import EventBatch
from bus.posting.events import EventBatches
from tests.support.wait import PATIENCE

pytestmark = pytest.mark.asyncio

PARTS = ["access_watcher", "outcomes", "read_marks", "guest_sightings", "hub", "broker"]


async def fail() -> None:
    raise ConnectionError("gone")


async def hang() -> None:
    await asyncio.Event().wait()


def noting(order: list[str], monkeypatch: pytest.MonkeyPatch) -> WebProcess:
    """A web process whose parts note that they are closed."""

    def closer(name: str) -> Any:
        async def close() -> None:
            order.append(name)

        # Those of outcomes are closed without waiting.
        return (lambda: order.append(name)) if name == "outcomes" else close

    process = WebProcess()
    for name in PARTS[:-1]:
        monkeypatch.setattr(getattr(process, name), "close", closer(name))
    monkeypatch.setattr(default_layer, "close", closer("broker"))
    return process


@pytest.mark.parametrize("broken", [fail, hang])
@pytest.mark.parametrize("part", PARTS)
async def test_a_part_that_is_not_closed_keeps_no_other_from_it(
    part: str, broken: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    closed: list[str] = []
    process = noting(closed, monkeypatch)
    broken_part = default_layer if part == "broker" else getattr(process, part)
    monkeypatch.setattr(broken_part, "close", broken)
    with caplog.at_level(logging.WARNING):
        await process.close(seconds=0.2, each=0.02)
    assert closed == [name for name in PARTS if name != part]
    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_each_part_has_its_share_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    process = noting([], monkeypatch)
    started: list[float] = []
    loop = asyncio.get_running_loop()

    async def note_and_hang() -> None:
        started.append(loop.time())
        await hang()

    for name in PARTS[:-1]:
        monkeypatch.setattr(getattr(process, name), "close", note_and_hang)
    monkeypatch.setattr(default_layer, "close", note_and_hang)
    begun = loop.time()
    await process.close(seconds=0.7, each=0.1)
    assert len(started) == len(PARTS)
    # The last begins while there is still time, whatever the others took of it.
    assert 0.69 <= loop.time() - begun < 1.2  # 1.3 where its share is on top
    assert loop.time() - started[-1] >= 0.02


async def test_what_is_committed_is_told_before_the_broker_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order: list[str] = []
    process = noting(order, monkeypatch)
    publishing, go_on = asyncio.Event(), asyncio.Event()

    async def publish(*_: object) -> None:
        publishing.set()
        await go_on.wait()
        order.append("told")

    monkeypatch.setattr(publisher, "publish", publish)
    batches = EventBatches({1: EventBatch([(1, b"{}")])})
    asking = asyncio.ensure_future(changes.carry_out(lambda: (None, batches)))
    async with asyncio.timeout(PATIENCE):
        await publishing.wait()
        asking.cancel()
        closing = asyncio.ensure_future(process.close())
        asyncio.get_running_loop().call_later(0.02, go_on.set)
        await closing
    assert order.index("told") < order.index("broker")


async def test_a_change_that_is_never_told_does_not_keep_a_process_from_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order: list[str] = []
    process = noting(order, monkeypatch)
    publishing, go_on = asyncio.Event(), asyncio.Event()

    async def publish(*_: object) -> None:
        publishing.set()
        await go_on.wait()

    monkeypatch.setattr(publisher, "publish", publish)
    asking = asyncio.ensure_future(changes.carry_out(lambda: (None, EventBatches())))
    async with asyncio.timeout(PATIENCE):
        await publishing.wait()
        await process.close(seconds=0.2, each=0.02)
        assert order == PARTS
        go_on.set()
        await asking
