"""The groups and flush extensions of the Channel Layer Specification as tests."""

import asyncio
from typing import Any

import pytest

from tests.integration.broker import test_conformance
from tests.support.conformance import DEVIATIONS, Subject, behaviour
from tests.support.conformance import subject as subject


async def members(subject: Subject, count: int) -> list[tuple[Any, str]]:
    """New channels in the group `room`, here and in the other process, with their layers."""
    found = []
    for number in range(count):
        layer = subject.other if number % 2 else subject.layer
        channel = await layer.new_channel()
        await layer.group_add("room", channel)
        found.append((layer, channel))
    return found


def test_every_deviation_names_a_test() -> None:
    assert {name for _, name in DEVIATIONS} <= set(globals()) | set(vars(test_conformance))


@pytest.mark.asyncio
@behaviour
async def test_the_extensions_are_told(subject: Subject) -> None:
    assert {"groups", "flush"} <= set(subject.layer.extensions)


@pytest.mark.asyncio
@behaviour
async def test_group_expiry_is_told(subject: Subject) -> None:
    assert isinstance(subject.layer.group_expiry, int)


@pytest.mark.asyncio
@behaviour
async def test_a_group_reaches_each_member_once_wherever_it_is(subject: Subject) -> None:
    found = await members(subject, 6)
    for number in range(5):
        await subject.layer.group_send("room", {"type": "x", "n": number})
    for layer, channel in found:
        assert [m["n"] for m in await subject.rest(channel, layer)] == list(range(5))


@pytest.mark.asyncio
@behaviour
async def test_each_member_gets_a_copy_of_its_own(subject: Subject) -> None:
    found = await members(subject, 3)
    message = {"type": "x", "list": [1]}
    await subject.layer.group_send("room", message)
    message["list"] = []
    for layer, channel in found:
        got = await subject.get(channel, layer)
        assert got["list"] == [1]
        got["list"].append(2)


@pytest.mark.asyncio
@behaviour
async def test_adding_twice_is_adding_once(subject: Subject) -> None:
    ((layer, channel),) = await members(subject, 1)
    await layer.group_add("room", channel)
    await layer.group_send("room", {"type": "x"})
    assert await subject.rest(channel, layer) == [{"type": "x"}]
    await layer.group_discard("room", channel)
    await layer.group_send("room", {"type": "y"})
    assert await subject.rest(channel, layer) == []


@pytest.mark.asyncio
@behaviour
async def test_discarding_leaves_the_others(subject: Subject) -> None:
    found = await members(subject, 4)
    for layer, channel in found[:2]:
        await layer.group_discard("room", channel)
    await subject.layer.group_send("room", {"type": "x"})
    numbers = [len(await subject.rest(channel, layer)) for layer, channel in found]
    assert numbers == [0, 0, 1, 1]


@pytest.mark.asyncio
@behaviour
async def test_discarding_who_is_not_a_member_does_nothing(subject: Subject) -> None:
    channel = await subject.layer.new_channel()
    await subject.layer.group_discard("nowhere", channel)
    await members(subject, 1)
    await subject.layer.group_discard("room", channel)
    await subject.layer.group_send("room", {"type": "x"})
    assert await subject.rest(channel) == []


@pytest.mark.asyncio
@behaviour
async def test_an_empty_group_is_no_error(subject: Subject) -> None:
    channel = await subject.layer.new_channel()
    await subject.layer.group_send("nobody", {"type": "x"})
    # The layer works on.
    await subject.layer.send(channel, {"type": "y"})
    assert await subject.layer.receive(channel) == {"type": "y"}


@pytest.mark.asyncio
@behaviour
async def test_a_channel_may_be_in_several_groups(subject: Subject) -> None:
    channel = await subject.layer.new_channel()
    for group in ("one", "two"):
        await subject.layer.group_add(group, channel)
    for group in ("one", "two", "three"):
        await subject.other.group_send(group, {"type": group})
    kinds = {(await subject.get(channel))["type"] for _ in range(2)}
    assert kinds == {"one", "two"}
    assert await subject.rest(channel) == []


@pytest.mark.asyncio
@behaviour
async def test_any_channel_can_be_in_a_group(subject: Subject) -> None:
    await subject.layer.group_add("room", "jobs")
    await subject.layer.group_send("room", {"type": "x"})
    assert await subject.get("jobs") == {"type": "x"}


@pytest.mark.asyncio
@behaviour
async def test_a_group_message_over_the_limit_is_refused(subject: Subject) -> None:
    with pytest.raises(Exception, match=r"bytes"):
        await subject.layer.group_send("room", {"type": "x", "text": "x" * 8_000_000})


@pytest.mark.asyncio
@behaviour
async def test_flush_leaves_no_messages_and_no_groups(subject: Subject) -> None:
    channel = await subject.layer.new_channel()
    await subject.layer.group_add("room", channel)
    await subject.layer.send("jobs", {"type": "x"})
    await subject.layer.send(channel, {"type": "x"})
    await subject.layer.flush()
    await subject.layer.group_send("room", {"type": "x"})
    assert await subject.rest("jobs") == []
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(subject.layer.receive(channel), 0.1)


@pytest.mark.asyncio
@behaviour
async def test_a_flushed_layer_can_be_used_on(subject: Subject) -> None:
    await subject.layer.flush()
    ((layer, channel),) = await members(subject, 1)
    await subject.other.group_send("room", {"type": "x"})
    assert await subject.get(channel, layer) == {"type": "x"}
