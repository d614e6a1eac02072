"""Messages a second through `runworker` with a full channel: ours, next to stock in the same run.

Each process says when it handled its first and its last message; the rate is over all of them.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
from collections.abc import Callable
from typing import Any

import redis

from benchmarks.send import message
from benchmarks.stage import Stage, load, stage, wait_for

ROUNDS = 3
# Layer, channel, processes, messages; stock is slower and gets fewer, for a run of the same length.
CASES = [
    ("core", "noop", 1, 3_000),
    ("pubsub", "noop", 1, 10_000),
    ("bus", "noop", 1, 40_000),
    ("bus", "noop", 2, 60_000),
    ("bus", "noop-batch", 1, 60_000),
    ("core", "noop-sync", 1, 3_000),
    ("pubsub", "noop-sync", 1, 5_000),
    ("bus", "noop-sync", 1, 15_000),
    ("core", "moderate", 1, 2_000),
    ("pubsub", "moderate", 1, 5_000),
    ("bus", "moderate", 1, 15_000),
]


def drain(found: Stage, layer: str, channel: str, processes: int, count: int) -> float:
    """Fill a channel, start the workers, and return the messages they handle a second."""
    from django.conf import settings

    with redis.Redis.from_url(settings.BROKER_URL) as client, client.pubsub() as listener:
        # One web process listens to every room; the core layer has a member in each for that.
        listener.psubscribe("*__group__*")
        if layer == "pubsub":
            # With nobody listening its messages are gone, so the worker comes first.
            return handled(
                found, layer, channel, processes, count, lambda: _publish(channel, count)
            )
        asyncio.run(_fill(layer, channel, count))
        return handled(found, layer, channel, processes, count)


def handled(
    found: Stage,
    layer: str,
    channel: str,
    processes: int,
    count: int,
    then: Callable[[], None] = lambda: None,
) -> float:
    """Start workers, do something `then`, and return the messages they handle a second."""
    for old in found.directory.glob("*.tally"):
        old.unlink()
    for _ in range(processes):
        found.start(
            "manage.py", "runworker", channel,
            BENCH_LAYER=layer, BENCH_TALLY=str(found.directory),
        )  # fmt: skip
    then()

    def told() -> list[list[float]]:
        files = found.directory.glob("*.tally")
        return [[float(part) for part in file.read_text().split()] for file in files]

    wait_for(lambda: sum(many for many, _, _ in told()) >= count, seconds=300)
    tallies = told()
    found.stop()
    took = max(last for _, _, last in tallies) - min(first for _, first, _ in tallies)
    return sum(many for many, _, _ in tallies) / took


async def _fill(layer: str, channel: str, count: int) -> None:
    from django.conf import settings
    from django.utils.module_loading import import_string

    from benchmarks.settings import STOCK

    config: dict[str, Any] = STOCK.get(layer, settings.CHANNEL_LAYERS["default"])
    into = import_string(config["BACKEND"])(**config["CONFIG"])
    for start in range(0, count, 500):
        told = [message(n) for n in range(start, min(start + 500, count))]
        if layer == "bus":
            await asyncio.gather(*(into.send(channel, m, ordering_key=m["room"]) for m in told))
        else:
            for one in told:
                await into.send(channel, one)
    if layer == "core":
        for room in {message(n)["room"] for n in range(count)}:
            await into.group_add(room, "specific.bench!web")
    await (into.close() if layer == "bus" else into.close_pools())


def _publish(channel: str, count: int) -> None:
    """What the pub/sub layer's `send` does, pipelined."""
    import msgpack
    from django.conf import settings

    with redis.Redis.from_url(settings.BROKER_URL) as client:
        wait_for(lambda: client.pubsub_numsub(channel)[0][1] > 0)
        pipeline = client.pipeline(transaction=False)
        for number in range(count):
            pipeline.publish(channel, msgpack.packb(message(number)))
        pipeline.execute()


def main(rounds: int = ROUNDS) -> None:
    """Print the medians, ours as a multiple of each stock layer's with the same handler."""
    found: dict[tuple[str, str], float] = {}
    with stage() as on:
        for layer, channel, processes, count in CASES:
            rates = [drain(on, layer, channel, processes, count) for _ in range(rounds)]
            rate = statistics.median(rates)
            each = ", ".join(f"{rate:,.0f}" for rate in rates)
            line = f"{layer:6} {channel:10} x{processes} {rate:>8,.0f} messages/s"
            if layer == "bus":
                like = "noop" if channel == "noop-batch" else channel
                core, pubsub = rate / found["core", like], rate / found["pubsub", like]
                line += f", {core:.1f} x core, {pubsub:.1f} x pubsub"
            found[layer, channel] = rate
            print(f"{line:66} ({each})  load {load()}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
