"""Whether much costs more each than little.

Messages that wait: time to send and handle one, and memory. Rooms that there are: time to settle a
message. Workers that there are: what the broker pays for the beat of one, and
so for all of a second.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time

import redis
import uvloop

from benchmarks import settle
from benchmarks.drain import handled
from benchmarks.send import message
from benchmarks.stage import Stage, load, stage

SIZES = (1_000, 100_000, 1_000_000)
# Filling the longest queue may take this long, in seconds; else a shorter one stands for it.
FILL_LIMIT = 180.0
SHORTER = 300_000
ROOMS = (50, 100_000)
WORKERS = (10, 1_000, 10_000)
# Of one worker, in turn.
BEATS = 200


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


def rooms(found: Stage, rounds: int) -> None:
    """Print the µs to settle a message with few rooms and with many, by turns of a round each."""
    from bus.models import Room

    made = 0
    for count in ROOMS:
        new = [Room(name=f"room{n}", access="open") for n in range(made, count)]
        Room.objects.bulk_create(new, batch_size=1000)
        made = count
        rates = [settle.run(found, count + number, 1, 1) for number in range(rounds)]
        took = 1e6 / statistics.median(rates)
        print(f"growth {count:>9,} rooms: settle {took:5.1f} µs   load {load()}", flush=True)


async def beats() -> None:
    """Print what a worker's beat costs the broker among few workers and among many."""
    from django.conf import settings

    from bus.broker.worker.heartbeat import Heartbeat
    from bus.messaging import default_layer

    layer = default_layer.get()
    with redis.Redis.from_url(settings.BROKER_URL) as client:
        for count in WORKERS:
            channel = f"beaten{count}"
            base = layer.stream(channel).base
            one = Heartbeat("w0", [(base, layer.host_of(channel))], dict)
            one.beat()
            ((_, steady),) = client.zrange(f"{base}:workers", 0, 0, withscores=True)
            client.zadd(f"{base}:workers", {f"w{n}": steady for n in range(1, count)})
            used = _used(client)
            for _ in range(BEATS):
                one.beat()
            each = (_used(client) - used) / BEATS * 1e6
            print(
                f"growth {count:>9,} workers: broker {each:7.1f} µs a beat, "
                f"{each * count / 1e6:6.1%} of its core for all of a second   load {load()}",
                flush=True,
            )
    await layer.close()


def main(rounds: int = 3) -> None:
    """Print each length; the short queues are measured more than once."""
    with stage() as found:
        asyncio.run(beats())
        rooms(found, rounds)
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
