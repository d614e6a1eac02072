"""The Channel Layer Specification as tests: messages, names, capacity, local channels."""

import asyncio
from typing import Any

import pytest
from channels.exceptions import ChannelFull, MessageTooLarge
from channels.layers import InMemoryChannelLayer

from bus.broker.errors import InvalidMessage
from tests.support.conformance import Subject, behaviour
from tests.support.conformance import subject as subject

pytestmark = pytest.mark.asyncio

# Messages and named channels


@behaviour
async def test_a_message_waits_for_its_receiver(subject: Subject) -> None:
    await subject.layer.send("jobs", {"type": "x"})
    assert await subject.get("jobs", subject.other) == {"type": "x"}


@behaviour
async def test_a_receiver_waits_for_its_message(subject: Subject) -> None:
    waiting = asyncio.ensure_future(subject.get("jobs"))
    # Its first message is known to be heard once it was sent again and again.
    while not waiting.done():
        await subject.other.send("jobs", {"type": "x"})
        await asyncio.wait([waiting], timeout=0.05)
    assert await waiting == {"type": "x"}


@behaviour
async def test_a_named_channel_keeps_the_order_of_one_sender(subject: Subject) -> None:
    for number in range(20):
        await subject.layer.send("jobs", {"type": "x", "n": number})
    assert [m["n"] for m in await subject.rest("jobs")] == list(range(20))


@behaviour
async def test_only_one_of_several_receivers_gets_each_message(subject: Subject) -> None:
    layers = [subject.layer, subject.other] * 5
    waiting = [asyncio.ensure_future(subject.get("jobs", layer)) for layer in layers]
    for number in range(len(layers)):
        await subject.layer.send("jobs", {"type": "x", "n": number})
    assert sorted(m["n"] for m in await asyncio.gather(*waiting)) == list(range(len(layers)))
    assert await subject.rest("jobs") == []


@behaviour
async def test_all_allowed_types_arrive_as_they_were(subject: Subject) -> None:
    message = {
        "type": "x",
        "bytes": b"\x00\xff",
        "text": "안녕 👋",
        "integers": [0, -(2**63), 2**63 - 1],
        "float": 0.1,
        "dict": {"list": [True, False, None, {}]},
    }
    await subject.layer.send("jobs", message)
    assert await subject.get("jobs") == message


@behaviour
async def test_tuples_arrive_as_lists(subject: Subject) -> None:
    await subject.layer.send("jobs", {"type": "x", "pair": (1, 2)})
    assert (await subject.get("jobs"))["pair"] == [1, 2]


@behaviour
async def test_what_was_changed_after_the_send_does_not_arrive(subject: Subject) -> None:
    message = {"type": "x", "list": [1]}
    await subject.layer.send("jobs", message)
    message["list"] = []
    assert (await subject.get("jobs"))["list"] == [1]


@behaviour
async def test_what_cannot_be_serialised_is_refused(subject: Subject) -> None:
    refusals: list[type[Exception]] = [TypeError, ValueError]
    if subject.kind == "bus":
        refusals = [InvalidMessage]
    with pytest.raises(tuple(refusals)):
        await subject.layer.send("jobs", {"type": "x", "object": object()})


@behaviour
async def test_a_megabyte_arrives(subject: Subject, settings: Any) -> None:
    settings.BUS_MESSAGE_SIZE_LIMIT = 2**21
    await subject.layer.send("jobs", {"type": "x", "text": "x" * 1_000_000})
    assert len((await subject.get("jobs"))["text"]) == 1_000_000


@behaviour
async def test_a_message_over_the_limit_is_refused(subject: Subject) -> None:
    with pytest.raises(MessageTooLarge):
        await subject.layer.send("jobs", {"type": "x", "text": "x" * 8_000_000})


@behaviour
async def test_a_cancelled_receive_loses_nothing(subject: Subject) -> None:
    waiting = asyncio.ensure_future(subject.layer.receive("jobs"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await subject.layer.send("jobs", {"type": "x"})
    assert await subject.get("jobs") == {"type": "x"}


# Names


@pytest.mark.parametrize("name", ["", "자유방", "a b", "a/b", "x" * 100, 7, None])
@behaviour
async def test_wrong_channel_names_are_refused(subject: Subject, name: Any) -> None:
    with pytest.raises(TypeError):
        await subject.layer.send(name, {"type": "x"})


@pytest.mark.parametrize("name", ["", "자유방", "a b", "a!b", "x" * 100, 7, None])
@behaviour
async def test_wrong_group_names_are_refused(subject: Subject, name: Any) -> None:
    channel = await subject.layer.new_channel()
    with pytest.raises(TypeError):
        await subject.layer.group_add(name, channel)
    with pytest.raises(TypeError):
        await subject.layer.group_discard(name, channel)
    with pytest.raises(TypeError):
        await subject.layer.group_send(name, {"type": "x"})


@behaviour
async def test_names_of_99_characters_are_taken(subject: Subject) -> None:
    group, channel = "g" * 99, await subject.layer.new_channel()
    await subject.layer.group_add(group, channel)
    await subject.layer.group_send(group, {"type": "x"})
    assert await subject.get(channel) == {"type": "x"}
    await subject.layer.send("n" * 99, {"type": "x"})


# Process-specific channels


@behaviour
async def test_new_channels_are_valid_distinct_and_process_specific(subject: Subject) -> None:
    channels = {await subject.layer.new_channel() for _ in range(20)}
    assert len(channels) == 20
    for channel in channels | {await subject.layer.new_channel("mine")}:
        assert InMemoryChannelLayer().require_valid_channel_name(channel)
        assert "!" in channel


@behaviour
async def test_a_process_specific_channel_is_sent_to_from_anywhere(subject: Subject) -> None:
    channel, neighbour = [await subject.layer.new_channel() for _ in range(2)]
    for number in range(20):
        await subject.other.send(channel, {"type": "x", "n": number})
    assert [m["n"] for m in await subject.rest(channel)] == list(range(20))
    assert await subject.rest(neighbour) == []


@behaviour
async def test_a_process_specific_channel_is_received_by_its_prefix(subject: Subject) -> None:
    channel = await subject.layer.new_channel()
    await subject.layer.send(channel, {"type": "x"})
    assert (await subject.get(channel[: channel.index("!") + 1]))["type"] == "x"


# Capacity


@behaviour
async def test_a_full_channel_refuses_and_takes_again(subject: Subject) -> None:
    layer = subject.make(capacity=3)
    for _ in range(3):
        await layer.send("jobs", {"type": "x"})
    with pytest.raises(ChannelFull):
        await layer.send("jobs", {"type": "x"})
    await layer.send("others", {"type": "x"})
    await subject.get("jobs", layer)
    await layer.send("jobs", {"type": "x"})


@behaviour
async def test_capacity_is_set_per_pattern(subject: Subject) -> None:
    layer = subject.make(capacity=100, channel_capacity={"small.*": 1})
    await layer.send("small.jobs", {"type": "x"})
    with pytest.raises(ChannelFull):
        await layer.send("small.jobs", {"type": "x"})


@behaviour
async def test_a_group_message_beyond_the_capacity_is_dropped(subject: Subject) -> None:
    layer = subject.make(capacity=3)
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    for number in range(5):
        await layer.group_send("room", {"type": "x", "n": number})
    await subject.groups_have_come(layer)
    found = [(await subject.get(channel, layer))["n"] for _ in range(3)]
    assert found == [0, 1, 2]
    assert await subject.rest(channel, layer) == []
