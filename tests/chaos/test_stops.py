"""Stops, reloads, outages and frozen processes: nothing is lost, and others go on at once."""

import asyncio
import itertools
import os
import random
import signal
import subprocess
import time
from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
import redis

from tests.support.backend import Backend
from tests.support.chaos_client import Client
from tests.support.processes import fleet
from tests.support.wait import until, until_async
from tests.support.worker_bench import Bench, Job, Note, bench, job, now

# Well under the 5 s after which a worker counts as dead, and the 60 s of the visibility timeout.
AT_ONCE = 2.0
ROOM = "stops"


def start_two(workers: Bench) -> None:
    """Two workers that listen."""
    for name in ("one", "two"):
        workers.site.start(name, "manage.py", "runworker", "jobs")
    for name in ("one", "two"):
        workers.site.wait_for(name, "listens on")


def send_to_one(workers: Bench, seconds: float, rest: list[Job]) -> tuple[str, str]:
    """Have one worker busy for a while with all the rest in hand; its name, and the other's."""
    # Those who saw how quick these are claim many at once.
    workers.send("jobs", [job("work", n, f"warm{n % 40}", seconds=0) for n in range(3000)])
    workers.wait_until_empty("jobs")
    # One key, so that one worker holds all; the first lets the others arrive.
    first = [job("work", 0, "key", seconds=0.3), job("work", 1, "key", seconds=seconds)]
    workers.send("jobs", [*first, *rest])

    def busy() -> list[Note]:
        return [n for n in workers.notes("start") if n.key == "key" and n.n == 1]

    pid = until(busy, "the long handler")[0].pid
    processes = workers.site.processes
    return ("one", "two") if processes["one"].pid == pid else ("two", "one")


def ends(workers: Bench) -> list[Note]:
    """What was handled of the key that one worker had in hand."""
    return [n for n in workers.notes() if n.key == "key" and n.what in ("done", "end")]


def insist(process: subprocess.Popen[bytes]) -> int:
    """Send signals until the process is gone; its exit code."""
    for number in itertools.cycle([signal.SIGTERM, signal.SIGINT]):
        process.send_signal(number)
        try:
            return process.wait(0.01)
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError


@pytest.mark.parametrize("how", ["term", "int", "repeatedly"])
def test_a_stop_finishes_one_and_hands_back_the_rest(backend: Backend, how: str) -> None:
    with bench(backend, "stop") as workers:
        start_two(workers)
        name, _ = send_to_one(workers, 1.0, [job("note", n, "key") for n in range(2, 200)])
        if how == "repeatedly":
            assert insist(workers.site.processes[name]) == 0
        else:
            number = signal.SIGTERM if how == "term" else signal.SIGINT
            assert workers.site.stop(name, number, seconds=5) == 0
        stopped = now()
        until(lambda: len(ends(workers)) == 200, "the rest", AT_ONCE)
        assert ends(workers)[-1].at - stopped < AT_ONCE
        check_each_once_and_in_order(workers, 200)


def check_each_once_and_in_order(workers: Bench, count: int) -> None:
    """Each was handled once, in the order sent."""
    assert [note.n for note in ends(workers)] == list(range(count))
    workers.wait_until_empty("jobs", 5)
    assert workers.dead("jobs") == []


def test_a_handler_beyond_the_deadline_is_handed_back(backend: Backend) -> None:
    with bench(backend, "drain", BUS_DRAIN_TIMEOUT="1") as workers:
        start_two(workers)
        name, _ = send_to_one(workers, 4.0, [job("note", n, "key") for n in range(2, 100)])
        began = now()
        assert workers.site.stop(name, seconds=6) == 0
        stopped = now()
        assert stopped - began < 3.5
        attempts = until(
            lambda: [n for n in workers.notes("start") if (n.key, n.n) == ("key", 1)][1:],
            "the second attempt",
            AT_ONCE,
        )
        assert attempts[0].at - stopped < AT_ONCE
        until(lambda: len(ends(workers)) == 100, "the rest")
        check_each_once_and_in_order(workers, 100)


def test_many_workers_stop_and_start_under_load(backend: Backend) -> None:
    rng = random.Random(7)
    with bench(backend, "rolling") as workers:
        start_two(workers)
        jobs = [job("work", n // 20, f"key{n % 20}", seconds=0.004) for n in range(1600)]
        workers.send("jobs", jobs)
        for _ in range(4):
            name = rng.choice(("one", "two"))
            assert workers.site.stop(name, seconds=5) == 0
            starts = workers.site.text(name).count("listens on")
            workers.site.restart(name)
            workers.site.wait_for(name, "listens on", starts + 1)
        workers.wait_until_empty("jobs")
        for key in range(20):
            story = [(n.what, n.n) for n in workers.notes() if n.key == f"key{key}"]
            assert story == [(what, n) for n in range(80) for what in ("start", "end")]


def test_reload_starts_anew_when_code_changes(backend: Backend, tmp_path: Path) -> None:
    module = tmp_path / "chaos_reloaded.py"
    settings = tmp_path / "chaos_settings.py"
    module.write_text("ANSWER = 1\n")
    settings.write_text("from tests.support.misbehaving_settings import *\nimport chaos_reloaded\n")
    with bench(backend, "reload", PYTHONPATH=str(tmp_path)) as workers:
        process = workers.site.start(
            "one", "manage.py", "runworker", "--reload", "jobs",
            DJANGO_SETTINGS_MODULE="chaos_settings",
        )  # fmt: skip
        workers.site.wait_for("one", "listens on")
        workers.send("jobs", [job("note", 1)])
        until(lambda: workers.done() == {1}, "work before")

        def touch_until_seen() -> bool:
            # It looks once a second, and has to have seen the file before it can have changed.
            os.utime(module, (time.time(), time.time()))
            return "starts anew" in workers.site.text("one")

        until(touch_until_seen, "the change to be seen", 10)
        workers.site.wait_for("one", "listens on", 2)
        workers.send("jobs", [job("note", 2)])
        until(lambda: workers.done() == {1, 2}, "work after")
        assert process.poll() is None
        assert "chaos_reloaded.py changed" in workers.site.text("one")
        assert workers.site.stop("one") == 0


def test_a_broker_that_goes_away_is_waited_for(backend: Backend) -> None:
    with bench(backend, "outage") as workers:
        start_two(workers)
        jobs = [job("work", n // 20, f"key{n % 20}", seconds=0.002) for n in range(2000)]
        workers.send("jobs", jobs)
        until(lambda: len(workers.notes("end")) > 300, "work")
        told = {name: len(workers.site.text(name).splitlines()) for name in ("one", "two")}
        backend.kill_broker()
        # Longer than workers live without a beat; time is what this is about.
        time.sleep(7)
        backend.start_broker()
        workers.wait_until_empty("jobs", 20)
        handled = [(note.key, note.n) for note in workers.notes("end")]
        assert set(handled) == {(f"key{n % 20}", n // 20) for n in range(2000)}
        # One that was done and not acknowledged may come again, where the broker forgot the claim.
        assert len(handled) - 2000 <= 40
        for name in ("one", "two"):
            lines = workers.site.text(name).splitlines()[told[name] :]
            waiting = [line for line in lines if "Waiting:" in line]
            assert len(waiting) == 1, lines
            assert len([line for line in lines if "Going on after" in line]) == 1, lines
            assert len(lines) < 12, "\n".join(lines)
        assert workers.site.fallen() == []


def test_a_stop_while_the_broker_is_away(backend: Backend) -> None:
    with bench(backend, "gone") as workers:
        start_two(workers)
        workers.send("jobs", [job("note", 1)])
        until(lambda: workers.done() == {1}, "work")
        backend.kill_broker()
        try:
            began = now()
            workers.site.processes["two"].terminate()
            assert workers.site.stop("one", seconds=20) == 0
            assert workers.site.stop("two", seconds=20) == 0
            assert now() - began < 12
        finally:
            backend.start_broker()


def test_a_frozen_worker_loses_its_messages_and_does_no_harm(backend: Backend) -> None:
    settings = {"BUS_VISIBILITY_TIMEOUT": "2", "BUS_HANDLER_TIMEOUT": "60"}
    with bench(backend, "frozen", **settings) as workers:
        start_two(workers)
        jobs = [job("work", n, "key", seconds=0.01) for n in range(2, 100)]
        name, _ = send_to_one(workers, 0.5, jobs)
        workers.site.processes[name].send_signal(signal.SIGSTOP)
        frozen = now()
        until(lambda: len(ends(workers)) > 30, "the other's work", 10)
        assert ends(workers)[1].at - frozen < 7
        workers.site.processes[name].send_signal(signal.SIGCONT)
        workers.wait_until_empty("jobs", 20)
        pid = workers.site.processes[name].pid
        # It ends what it had begun, and takes nothing of what others hold or have done.
        woken = next(n for n, note in enumerate(ends(workers)) if (note.pid, note.n) == (pid, 1))
        story = [note.n for note in ends(workers)]
        assert woken > 20
        assert story[:woken] + story[woken + 1 :] == list(range(100))
        assert workers.dead("jobs") == []
        assert workers.site.stop(name) == 0


@pytest.mark.timeout(100)
def test_a_rolling_restart_loses_nothing(backend: Backend) -> None:
    with fleet(backend, "web", BUS_SEND_RATE="50") as site:
        site.worker("worker", "moderation")
        urls = [site.web("web1"), site.web("web2")]
        clients = [Client(f"w{n}", urls, [ROOM], str(n)) for n in range(6)]

        async def scene() -> None:
            for client in clients:
                client.start()
            await until_async(lambda: all(c.ready for c in clients), "everybody in", 30)
            for number in range(40):
                for client in clients:
                    client.say(ROOM, f"{client.name} says number {number}")
                await asyncio.sleep(0.1)
                if number in (10, 18, 25):
                    name = {10: "web1", 18: "worker", 25: "web2"}[number]
                    # uvicorn ends by the signal that stopped it.
                    ended = await asyncio.to_thread(site.stop, name, seconds=15)
                    assert ended in (0, -signal.SIGTERM)
                    site.restart(name)
            await until_async(lambda: not any(c.unsettled for c in clients), "every outcome", 40)
            heads = {c.rooms[ROOM].head for c in clients}
            await until_async(
                lambda: all(c.rooms[ROOM].head == 240 for c in clients), f"240, not {heads}"
            )
            for client in clients:
                await client.close()

        asyncio.run(scene())
        shown = clients[0].rooms[ROOM].shown
        assert [seq for seq, _, _ in shown] == list(range(1, 241))
        for client in clients:
            assert client.faults == []
            assert client.rooms[ROOM].shown == shown
            mine = [c for _, author, c in shown if author == client.author]
            assert mine == [sent.client_id for sent in client.sent]
        counts = sum((c.counts for c in clients), Counter())
        assert counts["closing"] >= 6, counts
        assert counts["closed 1006"] == 0, counts


@pytest.mark.parametrize("count", [0, 3000])
def test_a_stop_does_not_wait_for_a_silent_broker(backend: Backend, count: int) -> None:
    with bench(backend, f"silent-{count}") as workers:
        process = workers.site.worker("one", "jobs")
        workers.send("jobs", [job("work", n, f"key{n % 40}", seconds=0.002) for n in range(count)])
        until(lambda: workers.count("end") >= count // 10, "work")
        with redis.Redis.from_url(backend.url) as broker:
            pid = broker.info("server")["process_id"]
        os.kill(pid, signal.SIGSTOP)
        try:
            stopped = now()
            assert workers.site.stop("one") == 0
            # BUS_DRAIN_TIMEOUT, and some seconds to leave.
            assert now() - stopped < 8 + 7
        finally:
            os.kill(pid, signal.SIGCONT)
        assert process.returncode == 0
        workers.site.worker("two", "jobs")
        workers.wait_until_empty("jobs")
        assert {note.n for note in workers.notes("end")} == set(range(count))
        assert workers.dead("jobs") == []


@pytest.mark.parametrize("kind", ["standstill", "deadlock", "stubborn"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_handler_that_does_not_end_does_not_hold_up_the_stop(
    backend: Backend, kind: str, number: int
) -> None:
    with bench(backend, f"endless-{kind}-{number}", BUS_DRAIN_TIMEOUT="1") as workers:
        workers.site.worker("one", "jobs")
        workers.send(
            "jobs", [job(kind, 0, "key"), *(job("note", n, f"k{n}") for n in range(1, 20))]
        )
        until(lambda: workers.notes(kind), "the endless handler")
        stopped = now()
        assert workers.site.stop("one", number) == 0
        # BUS_DRAIN_TIMEOUT, and some seconds to leave.
        assert now() - stopped < 1 + 7
        workers.site.worker("two", "jobs", BUS_HANDLER_TIMEOUT="0.5", BUS_MAX_ATTEMPTS="2")
        until(lambda: workers.done() == set(range(1, 20)), "the others")
        until(lambda: len(workers.dead("jobs")) == 1, "the dead letter")
        workers.wait_until_empty("jobs")


def test_a_stop_while_the_worker_starts_anew(backend: Backend) -> None:
    with bench(backend, "anew", BUS_HANDLER_TIMEOUT="1") as workers:
        workers.site.worker("one", "jobs")
        workers.send("jobs", [job("standstill", 0)])
        workers.site.wait_for("one", "stood still")
        assert workers.site.stop("one") == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_during_the_start(backend: Backend, number: int) -> None:
    with bench(backend, f"starting-{number}") as workers:
        # As early as Python itself takes signals, and from then on at any moment.
        for step in range(12):
            process = workers.site.start("one", "manage.py", "runworker", "jobs")
            until(partial(takes_sigterm, process.pid), "the worker to take signals")
            with suppress(subprocess.TimeoutExpired):
                process.wait(step * 0.1)
            assert workers.site.stop("one", number) == 0
        assert "Traceback" not in workers.site.text("one")


def takes_sigterm(pid: int) -> bool:
    """Whether a process of ours that runs Bus has a handler for SIGTERM, its last."""
    with open(f"/proc/{pid}/status") as status:
        caught = next(int(line.split()[1], 16) for line in status if line.startswith("SigCgt"))
    return bool(caught >> (signal.SIGTERM - 1) & 1)
