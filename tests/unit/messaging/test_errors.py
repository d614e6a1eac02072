"""What the broker refuses with, said as all of Bus says it."""

import pytest
from channels.exceptions import ChannelFull, MessageTooLarge

from bus.broker.errors import (
    BrokerError,
    BrokerUnavailable,
    InvalidMessage,
    OversizedMessage,
    UnusableKeys,
)
from bus.messaging.errors import protocol_errors, with_protocol_errors
from bus.protocol import errors
from bus.protocol.errors import BusError, Busy, Forbidden, Invalid, Unavailable

CASES: list[tuple[Exception, type[BusError]]] = [
    (BrokerUnavailable("away"), Unavailable),
    (UnusableKeys("a string"), Unavailable),
    (InvalidMessage("a set", field="a.b"), Invalid),
    (OversizedMessage("9 bytes"), Invalid),
    (ChannelFull("full"), Busy),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("raised", "expected"), CASES)
async def test_an_error_of_the_broker_becomes_one_of_the_protocol(
    raised: Exception, expected: type[BusError]
) -> None:
    @with_protocol_errors
    async def send() -> None:
        raise raised

    with pytest.raises(expected) as found:
        await send()
    assert found.value.__cause__ is raised
    assert getattr(found.value, "field", None) == getattr(raised, "field", None)
    assert isinstance(found.value, MessageTooLarge) == isinstance(raised, MessageTooLarge)
    with pytest.raises(expected), protocol_errors():
        raise raised


@pytest.mark.asyncio
@pytest.mark.parametrize("raised", [Unavailable("a pool"), Forbidden(), ValueError("x")])
async def test_what_is_no_error_of_the_broker_passes(raised: Exception) -> None:
    @with_protocol_errors
    async def send() -> None:
        raise raised

    with pytest.raises(type(raised)) as found:
        await send()
    assert found.value is raised
    # Who looks for the cause of an error must come to an end.
    assert raised.__cause__ is None


def test_a_full_channel_says_when_to_come_back() -> None:
    with pytest.raises(Busy) as found, protocol_errors():
        raise ChannelFull
    assert found.value.retry_after == 2


def test_no_error_of_the_broker_is_called_as_one_of_the_protocol() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    ours = {kind.__name__ for kind in kinds if kind.__module__ == errors.__name__}
    theirs = {kind.__name__ for kind in (BrokerError, *(type(raised) for raised, _ in CASES[:4]))}
    assert not ours & theirs


def test_a_worker_waits_for_what_the_protocol_calls_unavailable() -> None:
    assert issubclass(Unavailable, BrokerUnavailable)
