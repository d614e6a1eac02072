"""Messages a second that moderation workers settle from a full channel: judged, stored, told.

SQLite always; PostgreSQL, too, where BENCH_POSTGRES (or DATABASE_URL) is the URL of a server.
Before each, the stock worker's unpersisted word check and broadcast, in the same run.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import time

import redis

from benchmarks.drain import drain
from benchmarks.stage import Stage, load, stage, wait_for

ROUNDS = 3
MESSAGES = 15_000
ROOMS = 50
AUTHORS = 997
STOCK = [("core", 2_000), ("pubsub", 5_000)]


def run(found: Stage, round_: int, processes: int, concurrency: int) -> float:
    """Fill the channel, start workers, and time them from the first message to the last."""
    from django.conf import settings

    from bus.protocol import channel_names

    client = redis.Redis.from_url(settings.BROKER_URL)
    counts = f"{{bus:{channel_names.MODERATION}}}:counts"
    before = int(client.hget(counts, "done") or 0)
    asyncio.run(fill(round_))

    def done() -> int:
        return int(client.hget(counts, "done") or 0) - before

    for _ in range(processes):
        found.start(
            "manage.py", "runworker", channel_names.MODERATION, "--concurrency", str(concurrency)
        )
    wait_for(lambda: done() > 0)
    first, began = done(), time.perf_counter()
    wait_for(lambda: done() >= MESSAGES)
    rate = (MESSAGES - first) / (time.perf_counter() - began)
    found.stop()
    return rate


async def fill(round_: int) -> None:
    """Send what people would write, in many rooms."""
    from bus.messaging import default_layer
    from bus.protocol import channel_names

    layer = default_layer.get()
    for start in range(0, MESSAGES, 500):
        await asyncio.gather(
            *(
                layer.send(
                    channel_names.MODERATION,
                    {
                        "type": "message.submitted",
                        "room": f"room{n % ROOMS}",
                        "author": {"id": f"g{n % AUTHORS}", "name": "guest"},
                        "body": f"message number {n} of round {round_}, nothing special",
                        "client_id": f"{round_}-{n}",
                    },
                )
                for n in range(start, start + 500)
            )
        )
    await layer.close()


def judging() -> float:
    """Seconds that judge() alone takes for one of these messages."""
    from bus.moderation import POLICIES, judge

    bodies = [f"message number {n} of round 1, nothing special" for n in range(2_000)]
    began = time.perf_counter()
    for body in bodies:
        judge(body, POLICIES["standard"])
    return (time.perf_counter() - began) / len(bodies)


def measure(rounds: int) -> None:
    """Print the medians for one database, whose kind the environment says."""
    with stage(os.environ.get("BENCH_SETTLE_ON", "")) as found:
        from django.db import connection

        from bus.models import Room

        Room.objects.bulk_create([Room(name=f"room{n}", access="open") for n in range(ROOMS)])
        stock = {
            layer: statistics.median(
                drain(found, layer, "moderate", 1, count) for _ in range(rounds)
            )
            for layer, count in STOCK
        }
        for layer, rate in stock.items():
            print(f"stock  {layer:10} x1 unpersisted   {rate:>7,.0f} messages/s   load {load()}")
        judged = statistics.median(judging() for _ in range(rounds))
        number = 0
        for processes, concurrency in [(1, 1), (1, 2), (2, 1)]:
            rates = []
            for _ in range(rounds):
                number += 1
                rates.append(run(found, number, processes, concurrency))
            rate = statistics.median(rates)
            each = ", ".join(f"{rate:,.0f}" for rate in rates)
            print(
                f"settle {connection.vendor:10} x{processes} concurrency {concurrency} "
                f"{rate:>7,.0f} messages/s, {rate / stock['core']:.1f} x core, "
                f"{rate / stock['pubsub']:.1f} x pubsub   ({each})  load {load()}",
                flush=True,
            )
            if processes == concurrency == 1:
                print(
                    f"       of {1e6 / rate:.0f} µs a message, judging it is {judged * 1e6:.0f} µs "
                    f"({judged * rate:.0%})"
                )


def main(rounds: int = ROUNDS) -> None:
    """Measure each database in a process of its own, since Django knows one at a time."""
    if "BENCH_SETTLE_ON" in os.environ:
        measure(rounds)
        return
    server = os.environ.get("BENCH_POSTGRES") or os.environ.get("DATABASE_URL", "")
    for url in ["", server] if server else [""]:
        subprocess.run(
            [sys.executable, "-m", "benchmarks.settle", str(rounds)],
            env={**os.environ, "BENCH_SETTLE_ON": url},
            check=True,
        )
    if not server:
        print("settle postgresql: not measured; BENCH_POSTGRES is the URL of a server to use")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
