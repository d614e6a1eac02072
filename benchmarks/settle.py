"""How many messages a second one worker settles from a full channel: judged, stored, told."""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time

from benchmarks.stage import Stage, stage, wait_for

MESSAGES = 10_000
ROOMS = 50


def run(stage_: Stage, round_: int) -> float:
    """Fill the channel, start one worker, and time it from its first to its last message."""
    import redis
    from django.conf import settings

    from bus import names, publisher

    client = redis.Redis.from_url(settings.BROKER_URL)
    counts = f"{{bus:{names.MODERATION}}}:counts"

    async def fill() -> None:
        layer = publisher.layer()
        for start in range(0, MESSAGES, 500):
            await asyncio.gather(
                *(
                    layer.send(
                        names.MODERATION,
                        {
                            "type": "message.submitted",
                            "room": f"room{n % ROOMS}",
                            "author": {"id": f"g{n % 997}", "name": "guest"},
                            "body": f"message number {n} of round {round_}, nothing special",
                            "client_id": f"{round_}-{n}",
                        },
                    )
                    for n in range(start, start + 500)
                )
            )
        await layer.close()

    before = int(client.hget(counts, "done") or 0)
    asyncio.run(fill())

    def done() -> int:
        return int(client.hget(counts, "done") or 0) - before

    worker = stage_.start("manage.py", "runworker", names.MODERATION)
    wait_for(lambda: done() > 0)
    first, began = done(), time.perf_counter()
    wait_for(lambda: done() >= MESSAGES)
    rate = (MESSAGES - first) / (time.perf_counter() - began)
    worker.terminate()
    worker.wait(30)
    return rate


def main(rounds: int = 3) -> None:
    """Print each round and the median."""
    with stage() as found:
        from bus.models import Room

        Room.objects.bulk_create([Room(name=f"room{n}", access="open") for n in range(ROOMS)])
        rates = [run(found, n) for n in range(rounds)]
    kind = "PostgreSQL" if os.environ.get("DATABASE_URL") else "SQLite"
    print(f"one worker, {kind}: " + ", ".join(f"{rate:,.0f}" for rate in rates) + " messages/s")
    print(f"median {statistics.median(rates):,.0f} messages/s settled from a full channel")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
