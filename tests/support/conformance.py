"""What the conformance tests share: the layers, and where they deviate from the specification.

The tests are written from the Channel Layer Specification of Channels. `DEVIATIONS` says where a
layer does not do what it, or Channels' own code, asks for, and why. A deviation that is mended, by
us or upstream, fails until its line is taken out.
"""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from channels.layers import InMemoryChannelLayer
from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer

from bus.broker import BusChannelLayer

_NO_QUEUE = "pub/sub alone: with nobody listening a named message is gone, with several each has it"
_NO_NAMES = "names are not checked"
_NO_LIMIT = "there is no limit of size"
_LOCAL_GROUPS = "groups are subscriptions of the process, which knows its own channels alone"
_MEMBERSHIP = "membership ends with the process, not after a time"
_FULL_NAME = "takes the full name, which is what Channels passes; the prefix alone is another name"

DEVIATIONS = {
    # Ours: promises of docs/brokers.md, "What is ours alone".
    ("bus", "test_any_channel_can_be_in_a_group"): _LOCAL_GROUPS,
    ("bus", "test_group_expiry_is_told"): _MEMBERSHIP,
    ("bus", "test_a_process_specific_channel_is_received_by_its_prefix"): _FULL_NAME,
    ("core", "test_each_member_gets_a_copy_of_its_own"): "members of one process share one dict",
    ("core", "test_a_group_message_over_the_limit_is_refused"): _NO_LIMIT,
    ("pubsub", "test_a_group_message_over_the_limit_is_refused"): _NO_LIMIT,
    ("pubsub", "test_flush_leaves_no_messages_and_no_groups"): _NO_QUEUE,
    ("memory", "test_a_group_message_over_the_limit_is_refused"): _NO_LIMIT,
    ("core", "test_a_message_over_the_limit_is_refused"): _NO_LIMIT,
    ("core", "test_a_process_specific_channel_is_received_by_its_prefix"): _FULL_NAME,
    ("pubsub", "test_a_message_waits_for_its_receiver"): _NO_QUEUE,
    ("pubsub", "test_a_named_channel_keeps_the_order_of_one_sender"): _NO_QUEUE,
    ("pubsub", "test_only_one_of_several_receivers_gets_each_message"): _NO_QUEUE,
    ("pubsub", "test_all_allowed_types_arrive_as_they_were"): _NO_QUEUE,
    ("pubsub", "test_tuples_arrive_as_lists"): _NO_QUEUE,
    ("pubsub", "test_a_megabyte_arrives"): _NO_QUEUE,
    ("pubsub", "test_what_was_changed_after_the_send_does_not_arrive"): _NO_QUEUE,
    ("pubsub", "test_a_cancelled_receive_loses_nothing"): _NO_QUEUE,
    ("pubsub", "test_a_full_channel_refuses_and_takes_again"): "there is no capacity",
    ("pubsub", "test_a_group_message_beyond_the_capacity_is_dropped"): "there is no capacity",
    ("pubsub", "test_capacity_is_set_per_pattern"): "there is no capacity",
    ("pubsub", "test_a_message_over_the_limit_is_refused"): _NO_LIMIT,
    ("pubsub", "test_wrong_channel_names_are_refused"): _NO_NAMES,
    ("pubsub", "test_wrong_group_names_are_refused"): _NO_NAMES,
    ("pubsub", "test_new_channels_are_valid_distinct_and_process_specific"): "names have no `!`",
    ("pubsub", "test_any_channel_can_be_in_a_group"): _LOCAL_GROUPS,
    ("pubsub", "test_group_expiry_is_told"): _MEMBERSHIP,
    ("pubsub", "test_a_process_specific_channel_is_received_by_its_prefix"): _FULL_NAME,
    ("memory", "test_a_message_over_the_limit_is_refused"): _NO_LIMIT,
    ("memory", "test_capacity_is_set_per_pattern"): "a pattern raises ValueError",
    ("memory", "test_tuples_arrive_as_lists"): "nothing is serialised",
    ("memory", "test_what_cannot_be_serialised_is_refused"): "nothing is serialised",
    ("memory", "test_a_process_specific_channel_is_received_by_its_prefix"): _FULL_NAME,
}

END = {"type": "end"}


@dataclass
class Subject:
    """A layer, one as another process has it, and how long to wait for what should come."""

    kind: str
    url: str
    patience: float

    def __post_init__(self) -> None:
        self.all: list[Any] = []
        self.layer = self.make()
        # In memory there is no other process.
        self.other = self.layer if self.kind == "memory" else self.make()

    def make(self, **options: Any) -> Any:
        """One more layer on the same broker."""
        hosts = {"hosts": [{"address": self.url, "socket_timeout": None}], "prefix": "test"}
        made: Any = {
            "bus": lambda: BusChannelLayer(**hosts, **options),
            "core": lambda: RedisChannelLayer(**hosts, **options),
            "pubsub": lambda: RedisPubSubChannelLayer(**hosts, **options),
            "memory": lambda: InMemoryChannelLayer(**options),
        }[self.kind]()
        self.all.append(made)
        return made

    async def get(self, channel: str, layer: Any = None) -> dict[str, Any]:
        """The next message of a channel; raises TimeoutError."""
        receive = (layer or self.layer).receive(channel)
        message: dict[str, Any] = await asyncio.wait_for(receive, self.patience)
        return message

    async def rest(self, channel: str, layer: Any = None) -> list[dict[str, Any]]:
        """All that the channel holds now, found by sending an end."""
        layer = layer or self.layer
        await layer.send(channel, END)
        found = []
        while (message := await self.get(channel, layer)) != END:
            found.append(message)
        return found

    async def groups_have_come(self, layer: Any) -> None:
        """Wait until what was sent to groups has come; in the other kinds it is there at once."""
        if self.kind in ("bus", "pubsub"):
            last = await layer.new_channel()
            await layer.group_add("end", last)
            await layer.group_send("end", END)
            await self.get(last, layer)


@pytest_asyncio.fixture(params=["bus", "core", "pubsub", "memory"])
async def subject(request: pytest.FixtureRequest, broker: str) -> AsyncIterator[Subject]:
    deviates = (request.param, request.function.__name__) in DEVIATIONS
    found = Subject(request.param, broker, 0.5 if deviates else 10)
    yield found
    for layer in found.all:
        await layer.flush()


def behaviour(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """A test that holds for every layer, and must fail for those that deviate."""

    @functools.wraps(test)
    async def checked(subject: Subject, **arguments: Any) -> None:
        reason = DEVIATIONS.get((subject.kind, test.__name__))
        if reason is None:
            await test(subject, **arguments)
            return
        try:
            await test(subject, **arguments)
        except (Exception, pytest.fail.Exception):
            return
        pytest.fail(f"{subject.kind} deviates no more ({reason}): take out its line")

    return checked
