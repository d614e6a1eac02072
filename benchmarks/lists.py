"""What a list of messages costs the moderation worker, part by part, in µs a message.

The worker's own consumer is called in this process, with lists as the broker gives them. SQLite
always; PostgreSQL, too, where BENCH_POSTGRES (or DATABASE_URL) is the URL of a server.
"""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from benchmarks.stage import load, stage

# Messages in a list, rooms, and lists in a round.
CASES = [(1, 50, 100), (30, 200, 15), (100, 50, 8), (100, 200, 8)]
ROUNDS = 15
AUTHORS = 997

Costs = dict[str, float]


def parts(size: int, rooms: int, lists: int, *, users: bool = False) -> dict[str, float]:
    """µs a message by part, in lists of `size` over rooms that are there: the least of rounds,
    since whatever else the machine does adds to the others.

    `cpu` is what this process worked, `wall` what passed, with what it waited for the database and
    the broker; the parts between are what their threads worked.
    """
    from bus.broker.worker import worker as worker_module
    from bus.database.persistent import keep_connections

    # As a worker's process has them.
    keep_connections()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    with asyncio.Runner(loop_factory=worker_module._new_event_loop) as runner:
        found = runner.run(_rounds(size, rooms, lists, users))
    names = dict.fromkeys(name for costs in found for name in costs)
    return {name: min(costs[name] for costs in found) for name in names}


async def _rounds(size: int, rooms: int, lists: int, users: bool) -> list[Costs]:
    from bus.broker.worker import undeliverable
    from bus.database.connection_limit import close_connections
    from bus.messaging import default_layer
    from bus.workers.moderation import ModerationWorker

    worker, layer = ModerationWorker(), default_layer.get()
    found = []
    try:
        for _ in range(ROUNDS + 1):
            made = [_deliveries(layer, size, rooms, users) for _ in range(lists)]
            costs: Costs = defaultdict(float)
            with _timed(costs):
                wall, cpu = time.perf_counter(), time.process_time()
                for deliveries in made:
                    began = time.thread_time()
                    for delivery in deliveries:
                        assert undeliverable.decode(layer, delivery) is None
                    costs["decode"] += time.thread_time() - began
                    assert not await worker._parse_and_handle(deliveries)
                costs["cpu"] = time.process_time() - cpu
                costs["wall"] = time.perf_counter() - wall
            found.append({k: v * 1e6 / (size * lists) for k, v in costs.items()})
    finally:
        worker._thread.submit(close_connections).result()
        worker._thread.shutdown()
        await layer.close()
    # The first fills what the process remembers.
    return found[1:]


_number = iter(range(sys.maxsize))


def _deliveries(layer: Any, size: int, rooms: int, users: bool) -> list[Any]:
    from bus.broker import Delivery
    from bus.messaging import default_layer
    from bus.protocol import channel_names

    now = default_layer.steady_now()
    deliveries = []
    for number, _ in zip(_number, range(size), strict=False):
        writer = number % AUTHORS
        author = {"id": writer + 1 if users else f"g{writer}", "name": f"guest-{writer:04x}"}
        message = {
            "type": "message.submitted",
            "room": f"room{number % rooms}",
            "author": author,
            "body": f"message number {number}, nothing special",
            "client_id": f"c-{number}",
        }
        deliveries.append(
            Delivery(
                channel=channel_names.MODERATION,
                stream="",
                id=f"{now}-{number}",
                payload=layer.pack(message),
                ordering_key="",
                attempts_before=0,
                deliveries=1,
                sent_at=now,
                expires_at=0,
                steady_at=now + number // 5,
            )
        )
    return deliveries


@contextmanager
def _timed(costs: Costs) -> Iterator[None]:
    """Note what the worker's own steps work."""
    from bus.posting import settle
    from bus.workers import base, moderation

    with ExitStack() as stack:

        def time_of(part: str, home: Any, name: str, outer: str = "") -> None:
            step = getattr(home, name)
            setattr(home, name, _step(part, outer, step, costs))
            stack.callback(setattr, home, name, step)

        time_of("parse", base, "parse_channel_message")
        time_of("judge", moderation, "_judge_all")
        time_of("settle", settle, "settle", outer="events")
        time_of("events", moderation, "_settle")
        yield


def _step(part: str, outer: str, step: Callable[..., Any], costs: Costs) -> Callable[..., Any]:
    def timed(*args: Any) -> Any:
        began = time.thread_time()
        try:
            return step(*args)
        finally:
            took = time.thread_time() - began
            costs[part] += took
            if outer:
                costs[outer] -= took

    return timed


def measure() -> None:
    """Print a line for each case on one database, whose kind the environment says."""
    with stage(os.environ.get("BENCH_LISTS_ON", "")):
        from django.contrib.auth.models import User
        from django.db import connection

        from bus.models import Room

        Room.objects.bulk_create([Room(name=f"room{n}", access="open") for n in range(200)])
        User.objects.bulk_create([User(username=f"user{n}") for n in range(AUTHORS)])
        for users in (False, True):
            for size, rooms, lists in CASES:
                costs = parts(size, rooms, lists, users=users)
                each = "  ".join(f"{name} {cost:6.1f}" for name, cost in costs.items())
                who = "users" if users else "guests"
                case = f"{connection.vendor:10} {who:6} {size:>3} in {rooms:>3} rooms"
                print(f"{case}  {each}  load {load()}", flush=True)


def main() -> None:
    """Measure each database in a process of its own, since Django knows one at a time."""
    if "BENCH_LISTS_ON" in os.environ:
        measure()
        return
    server = os.environ.get("BENCH_POSTGRES") or os.environ.get("DATABASE_URL", "")
    for url in ["", server] if server else [""]:
        environment = {**os.environ, "BENCH_LISTS_ON": url}
        subprocess.run([sys.executable, "-m", "benchmarks.lists"], env=environment, check=True)


if __name__ == "__main__":
    main()
