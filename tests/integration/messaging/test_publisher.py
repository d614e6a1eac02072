"""What is published reaches the groups of those whom it concerns."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from pytest_django import Settings

from bus.messaging import default_layer, publisher
from bus.messaging.event_batch import EventBatch
from bus.messaging.inbox import Inbox
from bus.protocol import channel_names
from tests.support.wait import PATIENCE

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("broker")]


@pytest_asyncio.fixture
async def inbox() -> AsyncIterator[Inbox]:
    yield await Inbox.open(lambda: None)
    await default_layer.close()


async def heard(inbox: Inbox, count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(PATIENCE):
        return [await inbox.receive() for _ in range(count)]


async def test_authors_of_one_group_are_told_in_one_message(inbox: Inbox) -> None:
    keys = [f"g{number}" for number in range(40)]
    groups: dict[str, list[str]] = {}
    for key in keys:
        groups.setdefault(channel_names.author_group(key), []).append(key)
    for group in groups:
        await inbox.listen(group)
    assert 2 < len(groups) <= 16
    batches = {key: EventBatch([(None, key.encode()), (None, b"{}")]) for key in keys}
    await publisher.publish({}, batches)
    messages = await heard(inbox, len(groups))
    assert {message["type"] for message in messages} == {"authors.events"}
    assert {frozenset(message["authors"]) for message in messages} == set(
        map(frozenset, groups.values())
    )
    told = {key: frames for message in messages for key, frames in message["authors"].items()}
    assert told == {key: [key.encode(), b"{}"] for key in keys}


async def test_what_is_too_large_together_comes_in_order_one_after_the_other(
    inbox: Inbox, settings: Settings
) -> None:
    settings.BUS_MESSAGE_SIZE_LIMIT = 4096
    await inbox.listen(channel_names.author_group("gabc"))
    frames = [b"%03d" % number * 100 for number in range(30)]
    await publisher.publish({}, {"gabc": EventBatch([(None, frame) for frame in frames])})
    told: list[bytes] = []
    while len(told) < len(frames):
        (message,) = await heard(inbox, 1)
        assert sum(map(len, message["authors"]["gabc"])) <= 2048
        told += message["authors"]["gabc"]
    assert told == frames
