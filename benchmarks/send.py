"""How many messages a second one process sends: one by one, 50 at once, 500 at once."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from typing import Any

import uvloop

from benchmarks.stage import load, stage

ROUNDS = 3
# How many sends are under way at once, and how many messages are sent so.
WAYS = {"one by one": (1, 5_000), "50 at once": (50, 20_000), "500 at once": (500, 40_000)}


def message(number: int) -> dict[str, Any]:
    """A message of about 120 bytes."""
    return {
        "type": "bench.message",
        "room": f"room{number % 50}",
        "author": {"id": f"g{number % 997}", "name": "guest"},
        "body": f"message number {number} of many, nothing special about it",
    }


async def send(channel: str, count: int, at_once: int) -> float:
    """Send that many, and return how many a second."""
    from bus.messaging import default_layer

    layer = default_layer.get()
    numbers = iter(range(count))

    async def sender() -> None:
        for number in numbers:
            told = message(number)
            await layer.send(channel, told, ordering_key=told["room"])

    began = time.perf_counter()
    await asyncio.gather(*(sender() for _ in range(at_once)))
    took = time.perf_counter() - began
    await layer.close()
    return count / took


def main(rounds: int = ROUNDS) -> None:
    """Print the median of each way."""
    with stage(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for way, (at_once, count) in WAYS.items():
            rates = [runner.run(send(f"{at_once}-{n}", count, at_once)) for n in range(rounds)]
            print(f"send {way:12} {statistics.median(rates):>8,.0f} messages/s   load {load()}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
