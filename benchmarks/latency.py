"""Send-to-receive time in one room: web, stream, worker, database, group, web; p50 and p99."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
import urllib.error
import urllib.request

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.stage import free_port, stage, wait_for, web_command

MEMBERS = 100
RATE = 20.0
SECONDS = 20.0
WARM_UP = 3.0


async def measure(url: str) -> tuple[list[float], int]:
    """Members listen and write in turn at a fixed rate; returns seconds per delivery, losses."""
    sockets = [await connect(url, max_queue=None) for _ in range(MEMBERS)]
    heard: list[list[float]] = [[] for _ in sockets]
    warm = time.perf_counter() + WARM_UP

    async def listen(number: int, connection: ClientConnection) -> None:
        async for frame in connection:
            message = json.loads(frame)
            if message["type"] != "chat.message":
                raise RuntimeError(f"refused: {frame!r}")
            sent = float(message["message"].split()[-1])
            if sent >= warm:
                heard[number].append(time.perf_counter() - sent)

    listeners = [asyncio.ensure_future(listen(n, c)) for n, c in enumerate(sockets)]
    counted = 0
    began = time.perf_counter()
    for number in range(int(RATE * (SECONDS + WARM_UP))):
        await asyncio.sleep(max(0.0, began + number / RATE - time.perf_counter()))
        now = time.perf_counter()
        counted += now >= warm
        body = f"message {number} sent at {now!r}"
        await sockets[number % MEMBERS].send(json.dumps({"message": body}))
    late = time.perf_counter() + 10
    while sum(map(len, heard)) < counted * MEMBERS and time.perf_counter() < late:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    for listener in listeners:
        listener.cancel()
    for connection in sockets:
        await connection.close()
    times = [seconds for member in heard for seconds in member]
    return times, counted * MEMBERS - len(times)


def main(rounds: int = 3) -> None:
    """Print each round and the medians."""
    port = free_port()
    # What really runs, not the benchmarks' own consumers.
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    with stage() as found:
        found.environment |= {"PORT": str(port), "HOST": "127.0.0.1"}
        # The first who joins makes the room.
        found.environment["BUS_OPEN_ROOMS"] = "1"
        found.start(*web_command(port))
        found.start("manage.py", "runworker", "moderation", "broadcast")
        wait_for(lambda: ready(port))
        p50s, p99s = [], []
        for _ in range(rounds):
            times, lost = asyncio.run(measure(f"ws://127.0.0.1:{port}/ws/chat/lobby/"))
            cuts = statistics.quantiles(times, n=100)
            p50s.append(cuts[49] * 1000)
            p99s.append(cuts[98] * 1000)
            print(
                f"  {len(times)} deliveries, {lost} lost, "
                f"p50 {p50s[-1]:.1f} ms, p99 {p99s[-1]:.1f} ms"
            )
    print(
        f"{MEMBERS} members, {RATE:g} messages/s, SQLite, median of {rounds}: "
        f"p50 {statistics.median(p50s):.1f} ms, p99 {statistics.median(p99s):.1f} ms"
    )


def ready(port: int) -> bool:
    """Whether web and workers are up."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
