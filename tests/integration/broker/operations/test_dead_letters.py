"""Dead letters: looked at in pages, put back exactly once, dropped and counted."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from channels.exceptions import ChannelFull
from django.test import override_settings

from bus.broker import BusChannelLayer
from bus.broker.operations.dead_letters import DeadLetters
from bus.broker.operations.handled_log import HandledLog
from bus.broker.send_options import SendOptions

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def layer(broker: str) -> AsyncIterator[BusChannelLayer]:
    found = BusChannelLayer(hosts=[broker], prefix="test", channel_capacity={"small": 3})
    yield found
    await found.close()


async def bury(
    layer: BusChannelLayer, count: int, channel: str = "jobs", key: str | None = None
) -> DeadLetters:
    """Dead letters numbered from 0, of one ordering key or of one each."""
    stream = layer.stream(channel)
    for number in range(count):
        kind = "odd" if number % 2 else "even"
        await layer.send(channel, {"type": kind, "n": number}, ordering_key=key or f"k{number}")
        (delivery,) = (await stream.claim("w", 1)).deliveries
        await stream.dead_letter(delivery, ValueError(f"number {number}"))
    return DeadLetters(layer, channel)


async def numbers(layer: BusChannelLayer, channel: str = "jobs") -> list[int]:
    """What a worker would get, in its order."""
    claim = await layer.stream(channel).claim("w", 1000)
    assert {d.attempt for d in claim.deliveries} <= {1}
    return [layer.deserialize(d.payload)["n"] for d in claim.deliveries]


async def test_they_are_listed_newest_first_in_pages(layer: BusChannelLayer) -> None:
    letters = await bury(layer, 5)
    page = await letters.newest(2)
    assert [letter.error for letter in page] == ["ValueError: number 4", "ValueError: number 3"]
    rest = await letters.newest(10, page[-1].id)
    assert [(letter.message or {})["n"] for letter in rest] == [2, 1, 0]
    assert await letters.newest(10, rest[-1].id) == []


async def test_one_tells_everything(layer: BusChannelLayer) -> None:
    letters = await bury(layer, 1)
    (listed,) = await letters.newest()
    letter = await letters.get(listed.id)
    assert letter == listed
    assert (letter.type, letter.ordering_key, letter.attempts) == ("even", "k0", 1)
    assert letter.sent_at <= letter.died_at
    assert letter.message_id.startswith(str(letter.sent_at))
    assert "ValueError: number 0" in letter.traceback
    assert await letters.get("1-1") is None
    assert await letters.get("no id") is None


async def test_one_that_cannot_be_decoded_is_shown_all_the_same(layer: BusChannelLayer) -> None:
    stream = layer.stream("jobs")
    await stream.send(b"\xc1\xff", SendOptions("k"), capacity=10, partitions=4)
    (delivery,) = (await stream.claim("w", 1)).deliveries
    await stream.dead_letter(delivery, "what is this")
    (letter,) = await DeadLetters(layer, "jobs").newest()
    assert (letter.message, letter.type, letter.payload) == (None, None, b"\xc1\xff")


async def test_put_back_they_keep_their_order_and_begin_anew(layer: BusChannelLayer) -> None:
    letters = await bury(layer, 450, key="k")
    ids = [letter.id async for letter in letters.each()]
    assert await letters.retry(ids) == ids
    assert await numbers(layer) == list(range(450))
    assert await letters.newest() == []
    stats = await layer.stream("jobs").stats(10)
    assert (stats.dead, stats.totals.dead, stats.totals.retried) == (0, 450, 450)


async def test_two_people_put_each_back_once(layer: BusChannelLayer) -> None:
    letters = await bury(layer, 40)
    ids = [letter.id async for letter in letters.each()]
    one, two = await asyncio.gather(
        *(asyncio.gather(*(letters.retry([id_]) for id_ in ids)) for _ in range(2))
    )
    assert sorted(id_ for back in (*one, *two) for id_ in back) == sorted(ids)
    assert sorted(await numbers(layer)) == list(range(40))


async def test_put_back_it_may_have_had_effects_before(layer: BusChannelLayer) -> None:
    letters = await bury(layer, 1)
    (letter,) = await letters.newest()
    await letters.retry([letter.id])
    stream = layer.stream("jobs")
    (delivery,) = (await stream.claim("w", 1)).deliveries
    assert (delivery.attempt, delivery.redelivered) == (1, True)
    assert delivery.sent_at == letter.sent_at
    assert delivery.replayed_from == f"dead-{letter.message_id}"
    with override_settings(BUS_RETENTION=["60"]):
        await stream.acknowledge([delivery])
    assert (await stream.stats(10)).history == 1


async def test_put_back_again_and_again_it_keeps_the_id_that_its_sender_was_told(
    layer: BusChannelLayer,
) -> None:
    told = await layer.send("jobs", {"type": "x"}, ordering_key="k")
    stream, letters = layer.stream("jobs"), DeadLetters(layer, "jobs")
    (delivery,) = (await stream.claim("w", 1)).deliveries
    for _ in range(3):
        await stream.dead_letter(delivery, "no")
        (letter,) = await letters.newest()
        assert letter.message_id == told
        await letters.retry([letter.id])
        (delivery,) = (await stream.claim("w", 1)).deliveries
        assert (delivery.message_id, delivery.replayed_from) == (told, f"dead-{told}")
    # Neither another attempt nor the history calls it by another name.
    await stream.retry_later(delivery, 0)
    (delivery,) = (await stream.claim("w", 1)).deliveries
    assert delivery.message_id == told
    with override_settings(BUS_RETENTION=["60"]):
        await stream.acknowledge([delivery])
    history = HandledLog(layer, "jobs")
    (kept,) = await history.fetch((await history.stretch(0, 10**14)).positions)
    assert kept is not None
    assert kept.id == told


async def test_a_full_channel_takes_none_and_they_are_kept(layer: BusChannelLayer) -> None:
    letters = await bury(layer, 4, "small", key="k")
    ids = [letter.id async for letter in letters.each()]
    await layer.send("small", {"type": "x", "n": 9}, ordering_key="k")
    with pytest.raises(ChannelFull, match="2 were put back before, the rest are kept"):
        await letters.retry(ids)
    assert [letter.id async for letter in letters.each()] == ids[2:]
    assert await numbers(layer, "small") == [9, 0, 1]


async def test_what_is_put_back_wakes_a_waiting_worker(layer: BusChannelLayer) -> None:
    letters = await bury(layer, 1)
    wake = await layer.wake_of("jobs")
    seen = wake.count
    await letters.retry([letter.id async for letter in letters.each()])
    await asyncio.wait_for(wake.wait(seen, 10), 5)


async def test_dropped_they_are_counted(layer: BusChannelLayer) -> None:
    letters = await bury(layer, 5)
    ids = [letter.id async for letter in letters.each()]
    assert await letters.discard([ids[0], ids[0], "1-1", "nonsense"]) == 1
    assert await letters.retry([ids[0]]) == []
    assert await letters.discard_all() == 4
    assert await letters.discard_all() == 0
    stats = await layer.stream("jobs").stats(10)
    assert (stats.dead, stats.totals.discarded) == (0, 5)
