"""One key's messages strictly one after the other, whoever dies and however many partitions."""

import asyncio
import os
import random
from collections import defaultdict

import pytest

from tests.support.backend import Backend
from tests.support.wait import until, until_async
from tests.support.worker_bench import Bench, Note, bench, job

SEED = os.environ.get("CHAOS_SEED") or str(random.randrange(10**6))
WORKERS = ["one", "two", "three"]
KEYS = 40
MESSAGES = 12_000
KILLS = 11
# The most of one key that one worker holds, and so has not acknowledged (BUS_BATCH_SIZE).
REPEATED = 128
# What each handler takes at least, in seconds; long enough that kills meet handlers at work.
WORK = 0.001


def jobs(first: int, count: int) -> list[tuple[dict[str, object], str]]:
    """Messages numbered within their key, from `first` on, the keys mixed."""
    return [job("work", first + n // KEYS, f"key{n % KEYS}", seconds=WORK) for n in range(count)]


def check_order(notes: list[Note], per_key: int) -> dict[str, int]:
    """Fail unless each key's messages came one after the other; what was repeated, counted.

    A handler that was killed leaves a start without an end. What was done and not acknowledged when
    its worker died may come again, from there on in order; nothing is ever skipped.
    """
    by_key: dict[str, list[Note]] = defaultdict(list)
    for note in sorted(notes, key=lambda note: note.at):
        by_key[note.key].append(note)
    assert len(by_key) == KEYS
    counts = {"cut off": 0, "repeated": 0, "gone back": 0}
    for key, story in by_key.items():
        done, last_pid = -1, 0
        open_: Note | None = None
        for note in story:
            if note.what == "end":
                assert open_ is not None, (key, note)
                assert (open_.n, open_.pid) == (note.n, note.pid), (key, open_, note)
                done, last_pid, open_ = note.n, note.pid, None
                continue
            if open_ is not None:
                # The one before was cut off, so its worker is dead, and it comes again.
                assert open_.pid != note.pid, (key, open_, note)
                assert note.n <= open_.n, (key, open_, note)
                counts["cut off"] += 1
            elif note.n != done + 1:
                assert note.n <= done, (key, "skipped", done, note)
                assert note.pid != last_pid, (key, "went back by itself", done, note)
                assert done - note.n < REPEATED, (key, done, note)
                counts["repeated" if note.n == done else "gone back"] += 1
            open_ = note
        assert open_ is None, (key, open_)
        assert done == per_key - 1, (key, done)
        assert {note.n for note in story if note.what == "end"} == set(range(per_key)), key
    return counts


async def kill_while_working(workers: Bench, rng: random.Random) -> set[int]:
    """Kill workers that are at work, each after a share of it is done; their process ids."""
    killed = set()
    for number in range(1, KILLS + 1):
        share = MESSAGES * number // (KILLS + 2)
        await until_async(lambda share=share: workers.count("end") >= share, "work", 30)  # type: ignore[misc]
        busy = {note.pid for note in workers.notes()[-50:]}
        processes = workers.site.processes
        name = rng.choice([n for n in WORKERS if processes[n].pid in busy])
        killed.add(processes[name].pid)
        await asyncio.to_thread(workers.site.kill, name)
        workers.site.restart(name)
    return killed


@pytest.mark.timeout(150)
@pytest.mark.parametrize("channel", ["jobs", "lists"])
def test_each_keys_order_outlives_kills(backend: Backend, channel: str) -> None:
    print(f"CHAOS_SEED={SEED}")
    with bench(backend, f"order-{channel}") as workers:
        workers.send(channel, jobs(0, MESSAGES))
        for name in WORKERS:
            workers.site.start(name, "manage.py", "runworker", channel)
        killed = asyncio.run(kill_while_working(workers, random.Random(SEED)))
        workers.wait_until_empty(channel, 60)
        notes = workers.notes()
        print(check_order(notes, MESSAGES // KEYS))
        busy = {note.pid for note in notes}
        assert len(killed) == KILLS
        assert killed < busy
        assert workers.dead(channel) == []
        took = max(n.at for n in notes) - min(n.at for n in notes)
        print(f"{MESSAGES} in {took:.1f} s by {len(busy)} processes")


async def raise_while_working(workers: Bench) -> None:
    """Send from several sides with ever more partitions."""
    step = 1200
    for number, partitions in enumerate((2, 5, 16, 32, 32)):
        workers.partitions = partitions
        await workers.send_all("jobs", jobs(number * step // KEYS, step))


def test_more_partitions_lose_and_reorder_nothing(backend: Backend) -> None:
    with bench(backend, "partitions") as workers:
        for name in WORKERS:
            workers.site.start(name, "manage.py", "runworker", "jobs")
        for name in WORKERS:
            workers.site.wait_for(name, "listens on")
        asyncio.run(raise_while_working(workers))
        # Still at work on what came with few partitions when the last were added.
        assert workers.left("jobs") > 0
        until(lambda: workers.left("jobs") == 0, "the end", 30)
        counts = check_order(workers.notes(), 6000 // KEYS)
        assert set(counts.values()) == {0}
        assert workers.dead("jobs") == []
