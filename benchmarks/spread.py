"""How evenly several web processes and workers share one port's sockets and a channel's messages.

For 1 and 2 of each (or as many as are named): sockets by web process when all come at once, and
when one comes after the other; then, at a fixed rate over 200 rooms of 5, what a message costs all
web processes and all workers together, and the share of each.

    python -m benchmarks.spread [--processes 1,2] [--sockets 2000] [--rate 1000]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from benchmarks.fanout import HERE, raised_limits
from benchmarks.latency import ready
from benchmarks.stage import Stage, free_port, load, stage, wait_for, web_command

SECONDS = 6.0


def children(pid: int) -> list[int]:
    """The web processes that a parent runs; itself where it runs none."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    # The first is what Python's multiprocessing keeps for itself.
    serving = [child for child in sorted(found) if _command(child).count("spawn_main")]
    return serving or [pid]


def sockets_of(pid: int) -> int:
    """Open sockets of a process."""
    count = 0
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            count += os.readlink(descriptor).startswith("socket:")
        except OSError:
            continue
    return count


def used(pid: int) -> float:
    """Processor time of a process so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def at_once(found: Stage, port: int, count: int, counted: Callable[[], list[int]]) -> list[int]:
    """Sockets by process of a storm, counted while all are open."""
    command = [str(found.directory / "generator"), "-k", "bus", "-m", "storm", "-T", "600"]
    options = ["-p", str(port), "-n", str(count)]
    with subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True) as generator:
        assert generator.stderr is not None
        for line in generator.stderr:
            if line == "end\n":
                break
        shares = counted()
        generator.send_signal(signal.SIGTERM)
    return shares


def one_by_one(port: int, count: int, counted: Callable[[], list[int]]) -> list[int]:
    """Sockets by process where each comes once the one before was let in."""
    request = (
        f"GET /ws/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: bus.v1\r\n\r\n"
    ).encode()
    with ExitStack() as stack:
        for _ in range(count):
            opened = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            opened.sendall(request)
            if not opened.recv(12).endswith(b"101"):
                raise RuntimeError("a socket was refused")
        return counted()


def messages(found: Stage, port: int, rate: int, pids: list[int]) -> dict[int, float]:
    """Processor time of each process for one message, in µs."""
    command = [str(found.directory / "generator"), "-k", "bus", "-m", "rate", "-n", "1000"]
    options = ["-g", "200", "-p", str(port), "-r", str(rate), "-T", str(SECONDS)]
    before: dict[int, float] = {}
    after: dict[int, float] = {}
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, *options], stdout=pipe, stderr=pipe, text=True) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        for line in run.stderr:
            (before if line == "begin\n" else after).update({pid: used(pid) for pid in pids})
        told = json.loads(run.stdout.read())
    print(
        f"  {told['messages']:,.0f} messages/s, p50 {told['p50']:.0f}, p99 {told['p99']:.0f} ms, "
        f"{told['missing']} missing, out of order: {told['own_disorder']} of one author, "
        f"{told['disorder']} of different ones   load {load()}",
        flush=True,
    )
    count = told["messages"] * SECONDS
    return {pid: (after[pid] - before[pid]) / count * 1e6 for pid in pids}


def measure(processes: int, options: argparse.Namespace) -> None:
    """Print what is found for that many web processes and workers."""
    with stage() as found:
        found.environment |= {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "BUS_OPEN_ROOMS": "1",
            "BUS_SEND_RATE": "0",
            "BUS_JOIN_RATE": "0",
            "WEB_CONCURRENCY": str(processes),
        }
        generator = found.directory / "generator"
        subprocess.run(["cc", "-O2", "-o", generator, HERE / "generator.c"], check=True)
        port = free_port()
        parent = found.start(*web_command(port)).pid
        workers = [
            found.start("manage.py", "runworker", "moderation", "broadcast").pid
            for _ in range(processes)
        ]
        wait_for(lambda: ready(port))
        wait_for(lambda: len(children(parent)) == processes)
        webs = children(parent)
        # One that starts late has nothing of what came before.
        wait_for(lambda: all(used(web) > 0.9 * max(map(used, webs)) for web in webs))
        print(f"{processes} web processes and workers:")
        idle = [sockets_of(web) for web in webs]

        def counted() -> list[int]:
            return [sockets_of(web) - before for web, before in zip(webs, idle, strict=True)]

        for _ in range(options.rounds):
            shares = at_once(found, port, options.sockets, counted)
            print(f"  {options.sockets} sockets at once: {_shares(shares)}   load {load()}")
            wait_for(lambda: sum(counted()) < 10)
        shares = one_by_one(port, options.sockets // 4, counted)
        print(f"  {options.sockets // 4} one after the other: {_shares(shares)}   load {load()}")
        wait_for(lambda: sum(counted()) < 10)
        costs = messages(found, port, options.rate, webs + workers)
        for name, pids in (("web", webs), ("workers", workers)):
            each = [costs[pid] for pid in pids]
            print(f"  {name}: {sum(each):.0f} µs a message in all, {_shares(each)}", flush=True)


def _shares(each: list[int] | list[float]) -> str:
    total = sum(each) or 1
    return " + ".join(f"{one:,.0f} ({one / total:.0%})" for one in each)


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def main() -> None:
    """Measure each number of processes in turn."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.spread",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--processes", default="1,2", help="numbers of web processes and workers (1,2)")
    add("--sockets", type=int, default=2000, help="at once (2000)")
    add("--rate", type=int, default=1000, help="messages a second (1000)")
    add("--rounds", type=int, default=3, help="storms of each (3)")
    options = parser.parse_args()
    with raised_limits():
        for number in map(int, options.processes.split(",")):
            began = time.monotonic()
            measure(number, options)
            print(f"  took {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
