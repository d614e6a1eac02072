"""Whether a long queue costs more per message than a short one: time to send and handle, memory."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time

import redis
import uvloop

from benchmarks.drain import handled
from benchmarks.send import message
from benchmarks.stage import Stage, load, stage

SIZES = (1_000, 100_000, 1_000_000)
# Filling the longest queue may take this long, in seconds; else a shorter one stands for it.
FILL_LIMIT = 180.0
SHORTER = 300_000


async def fill(channel: str, count: int) -> int:
    """Send that many, pipelined; returns how many the time was enough for."""
    from bus.messaging import default_layer

    layer = default_layer.get()
    began = time.perf_counter()
    sent = 0
    while sent < count:
        told = [message(n) for n in range(sent, min(sent + 500, count))]
        await asyncio.gather(*(layer.send(channel, m, ordering_key=m["room"]) for m in told))
        sent += len(told)
        if sent >= SHORTER and count / sent * (time.perf_counter() - began) > FILL_LIMIT:
            break
    await layer.close()
    return sent


def measure(found: Stage, count: int) -> tuple[float, ...]:
    """One queue: its length; µs to send and µs to handle a message, each with the broker's own
    processor time, which another load of the machine does not lengthen; and bytes in the broker."""
    from django.conf import settings

    with redis.Redis.from_url(settings.BROKER_URL) as client:
        before = client.info("memory")["used_memory"]
        used, began = _used(client), time.perf_counter()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            count = runner.run(fill("noop", count))
        sending = (time.perf_counter() - began) / count * 1e6
        filled = _used(client)
        size = (client.info("memory")["used_memory"] - before) / count
        rate = handled(found, "bus", "noop", 1, count)
        broker = (filled - used) / count * 1e6, (_used(client) - filled) / count * 1e6
    return count, sending, broker[0], 1e6 / rate, broker[1], size


def _used(client: redis.Redis) -> float:
    """The processor time of the broker so far, in seconds."""
    told = client.info("cpu")
    return float(told["used_cpu_user"]) + float(told["used_cpu_sys"])


def main(rounds: int = 3) -> None:
    """Print each length; the short queues are measured more than once."""
    with stage() as found:
        for wanted in SIZES:
            runs = [measure(found, wanted) for _ in range(rounds if wanted < SHORTER else 1)]
            count, *each, size = map(statistics.median, zip(*runs, strict=True))
            print(
                f"growth {count:>9,.0f} queued: send {each[0]:5.1f} µs (broker {each[1]:4.1f}), "
                f"handle {each[2]:5.1f} µs (broker {each[3]:4.1f}), "
                f"{size:4.0f} bytes per message   load {load()}",
                flush=True,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
