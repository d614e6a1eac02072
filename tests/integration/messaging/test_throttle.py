"""How often strangers may do something, counted in the broker for all processes."""

import asyncio

import pytest

from bus.messaging import default_layer, throttle
from bus.messaging.quota import Quota, default_throttle
from bus.protocol.errors import RateLimited

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("broker")]


async def test_so_much_is_taken_at_once_and_no_more_by_whom_it_may_be() -> None:
    async def attempt() -> bool:
        try:
            await throttle.take(throttle.by_address("door", "5/h", "2001:db8::7"))
        except RateLimited:
            return False
        return True

    assert sum(await asyncio.gather(*(attempt() for _ in range(20)))) == 5
    with pytest.raises(RateLimited) as refused:
        await throttle.take(throttle.by_address("door", "5/h", "2001:db8::ffff"))
    assert 700 < (refused.value.retry_after or 0) <= 720
    await throttle.take(throttle.by_address("door", "5/h", "2001:db8:0:1::7"))
    await throttle.take(throttle.by_address("window", "5/h", "2001:db8::7"))


async def test_looking_counts_nothing_and_a_refusal_counts_nowhere() -> None:
    one, many = Quota("one", 1, 60), Quota("many", 2, 60)
    for _ in range(5):
        assert await default_throttle().look([one, many]) == 0
    assert await default_throttle().take([one, many]) == 0
    assert await default_throttle().take([one, many]) > 0
    assert await default_throttle().take([many]) == 0
    assert await default_throttle().take([many]) > 0


async def test_what_is_taken_comes_back_bit_by_bit() -> None:
    quota = Quota("often", 2, 0.2)
    assert await default_throttle().take([quota]) == 0
    assert await default_throttle().take([quota]) == 0
    wait = await default_throttle().take([quota])
    assert 0 < wait <= 0.1
    await asyncio.sleep(wait)
    assert await default_throttle().take([quota]) == 0


async def test_a_clock_that_went_back_makes_nobody_wait_longer() -> None:
    quota = Quota("late", 2, 60)
    keeper = default_throttle()
    await keeper.take([quota])
    connection = default_layer.get().connection_of()(keeper._base)
    # As an hour ago it would have been written by a clock that was an hour ahead.
    await connection.call("INCRBYFLOAT", f"{keeper._base}:late", 3_600_000)
    assert 0 < await keeper.take([quota]) <= 30


async def test_no_limit_is_none_and_nobody_known_is_not_counted() -> None:
    for rate, address in (("0", "203.0.113.7"), ("1/h", "")):
        quotas = throttle.by_address("door", rate, address)
        assert quotas == []
        for _ in range(50):
            await throttle.take(quotas)
