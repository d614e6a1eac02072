"""What a door takes can be read back as it was; what cannot is refused there, with its path."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bus.broker import BusChannelLayer
from bus.broker.errors import InvalidMessage
from bus.chat import api_keys
from bus.messaging import default_layer, outbox
from bus.models import QueuedSend
from bus.protocol.errors import Invalid
from tests.support.api_caller import Caller, refused

pytestmark = pytest.mark.django_db(transaction=True)


def deep(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


BAD: dict[str, tuple[dict[Any, Any], str]] = {
    "an integer key": ({"prices": {144: "a"}}, "prices.144"),
    "a key that is None": ({"a": [{"b": {None: 1}}]}, "a.0.b.None"),
    "a key that is a tuple": ({"a": {(1, 2): 3}}, "a.(1, 2)"),
    "a key that is a float": ({"a": ({1.5: 3},)}, "a.0.1.5"),
    "a key at the top": ({7: "a"}, "7"),
    "an integer beyond 64 bits": ({"a": {"n": [1, 2**64]}}, "a.n.1"),
    "one that is too small": ({"n": -(2**63) - 1}, "n"),
    "half a character": ({"a": [{"b": "\ud800"}]}, "a.0.b"),
    "a set": ({"a": {"b": {1}}}, "a.b"),
}


@pytest_asyncio.fixture
async def layer(broker: str) -> AsyncIterator[BusChannelLayer]:
    yield default_layer.get()
    await default_layer.close()


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("serializer", ["msgpack", "json"])
@pytest.mark.asyncio
async def test_what_cannot_be_read_back_is_refused_by_send_and_group_send(
    broker: str, case: str, serializer: str
) -> None:
    value, path = BAD[case]
    if serializer == "json" and path in ("a.n.1", "n"):
        pytest.skip("JSON has such numbers")
    layer = BusChannelLayer(hosts=[broker], serializer_format=serializer)
    try:
        if serializer == "json" and case == "half a character":
            # It can be said in JSON, and is read back.
            await layer.send("jobs", {"type": "x.y", **value})
            assert await layer.receive("jobs") == {"type": "x.y", **value}
            return
        for act in (layer.send, layer.group_send):
            with pytest.raises(InvalidMessage) as refusal:
                await act("jobs", {"type": "x.y", **value})
            assert refusal.value.field == path
            assert f"{path}:" in str(refusal.value)
        assert (await layer.stream("jobs").claim("w", 9)).deliveries == []
    finally:
        await layer.close()


@pytest.mark.parametrize("case", BAD)
@pytest.mark.asyncio
async def test_what_cannot_be_read_back_is_not_stored_for_a_commit(
    layer: BusChannelLayer, case: str
) -> None:
    value, path = BAD[case]

    def store() -> None:
        with transaction.atomic(), pytest.raises(Invalid) as refusal:
            outbox.send_on_commit("jobs", {"type": "x.y", **value})
        assert refusal.value.field == path
        assert not QueuedSend.objects.exists()

    await sync_to_async(store)()


@pytest.mark.parametrize("room", ["x" * 300, {"a": "b\0"}, "\0"])
@pytest.mark.asyncio
async def test_a_key_that_a_message_brings_along_fits_what_is_stored(
    layer: BusChannelLayer, room: Any
) -> None:
    def store() -> None:
        with transaction.atomic(), pytest.raises(Invalid, match=r"room|author"):
            outbox.send_on_commit("moderation", {"type": "message.submitted", "room": room})

    if isinstance(room, dict):
        room = {"a": "b" * 300}
    await sync_to_async(store)()


@pytest.mark.asyncio
async def test_depth_is_refused_or_read_back(layer: BusChannelLayer) -> None:
    for depth in (10, 500, 1000):
        await layer.send("jobs", {"type": "x.y", "a": deep(depth)})
        message = await asyncio.wait_for(layer.receive("jobs"), 5)
        inner = message["a"]
        for _ in range(depth):
            (inner,) = inner
        assert inner == "x"
    for depth in (1100, 100_000):
        with pytest.raises(InvalidMessage) as refusal:
            await layer.send("jobs", {"type": "x.y", "b": 1, "a": deep(depth)})
        assert refusal.value.field == "a"


@pytest.mark.asyncio
async def test_the_api_names_the_path(layer: BusChannelLayer) -> None:
    backend = Caller(*await sync_to_async(api_keys.create)("ci"))
    data = {"prices": {"low": [1, 2**70]}}
    answer = await backend.post("channels/jobs/messages", {"type": "x.y", "data": data})
    assert refused(answer, "invalid")["field"] == "data.prices.low.1"
    answer = await backend.post("channels/jobs/batch", [{"type": "x.y", "data": data}])
    assert answer.json()[0]["error"]["field"] == "data.prices.low.1"


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**66), 2**66)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=()))
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3) | st.integers() | st.binary(max_size=2), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=3), plain, max_size=4))
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_taken_is_read_back_as_it_was(message: dict[str, Any]) -> None:
    layer = BusChannelLayer(hosts=["redis://127.0.0.1:1"])
    try:
        payload = layer.encode(message)
    except InvalidMessage as refusal:
        path = refusal.field
    else:
        path = None
        assert layer.deserialize(payload) == message
    assert path != ""


class Compressed(BusChannelLayer):
    """A layer with a format of its own."""

    def serialize(self, message: dict[str, Any]) -> bytes:
        return zlib.compress(super().serialize(message))

    def deserialize(self, payload: bytes) -> dict[str, Any]:
        return super().deserialize(zlib.decompress(payload))


@pytest.mark.asyncio
async def test_a_subclass_has_its_own_format_on_every_way(broker: str) -> None:
    layer = Compressed(hosts=[broker], prefix="test")
    local = await layer.new_channel()
    await layer.group_add("room", local)
    said = {"type": "x", "text": "ha" * 500}
    await layer.send("jobs", said)
    (delivery,) = (await layer.stream("jobs").claim("w", 1)).deliveries
    assert zlib.decompress(delivery.payload) == BusChannelLayer.serialize(layer, said)
    assert layer.deserialize(delivery.payload) == said
    await layer.group_send("room", said)
    assert await asyncio.wait_for(layer.receive(local), 5) == said
    await layer.send(local, said)
    assert await asyncio.wait_for(layer.receive(local), 5) == said
    await layer.close()
