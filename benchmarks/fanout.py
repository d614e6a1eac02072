"""Fan-out next to peers: web on one core; broker, worker and generator on the other.

A  one room: deliveries a second         B  100 members at 20 messages/s: p50 and p99
C  200 rooms of 5: messages a second     D  sockets at once: seconds, KiB and idle processor each

    python -m benchmarks.fanout [rounds] [server …]

The generator is C and needs a compiler. Socket.IO is measured where npm can install it, and
python-socketio where BENCH_SOCKETIO names a Python that has it, with uvicorn.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.latency import ready
from benchmarks.stage import Stage, load, stage, wait_for

HERE = Path(__file__).resolve().parent
WEB_CORE, OTHER_CORE = 0, 1
# Messages a second in 200 rooms of 5; the highest with p99 < 250 ms and nothing lost counts.
STEPS = (400, 800, 1_200, 1_600, 2_000, 3_000, 4_000, 5_000, 6_000, 8_000)
LONGEST_P99 = 250.0
UVICORN = (
    "-m uvicorn {app} --host 127.0.0.1 --port {port} --loop uvloop --ws websockets-sansio "
    "--no-access-log --ws-per-message-deflate false --log-level warning --lifespan {lifespan}"
)


@dataclass(frozen=True)
class Contender:
    """A server: what starts it, and what it speaks."""

    name: str
    kind: str
    command: str
    with_worker: bool = False
    layer: str = "pubsub"
    node: bool = False


OURS = UVICORN.replace("{app}", "bus.asgi:application").replace("{lifespan}", "on")
TUTORIAL = UVICORN.replace("{app}", "benchmarks.peers.tutorial:application").replace(
    "{lifespan}", "off"
)
SOCKETIO = UVICORN.replace("{app}", "benchmarks.peers.python_socketio:application").replace(
    "{lifespan}", "off"
)
CONTENDERS = (
    Contender("bus", "bus", OURS, with_worker=True),
    Contender("bus-plain", "plain", OURS, with_worker=True),
    Contender("tutorial-uvicorn", "plain", TUTORIAL),
    Contender(
        "tutorial-daphne",
        "plain",
        "-m daphne -b 127.0.0.1 -p {port} benchmarks.peers.tutorial:application",
        layer="core",
    ),
    Contender("socketio", "socketio", "benchmarks/peers/socketio.mjs", node=True),
    Contender("python-socketio", "socketio", SOCKETIO),
)


class Bench:
    """One contender, running; and the generator."""

    def __init__(self, found: Stage, contender: Contender, generator: Path) -> None:
        from django.conf import settings

        self._generator = generator
        self._contender = contender
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        environment = {
            "BENCH_BROKER": settings.BROKER_URL,
            "BENCH_LAYER": contender.layer,
            "PORT": str(self._port),
            # One socket writes for a whole room, as no person does.
            "BUS_SEND_RATE": "0",
            "NODE_PATH": str(found.directory / "node_modules"),
        }
        command = contender.command.format(port=self._port).split()
        program = _program(contender)
        self._web = found.start(*command, program=program, quiet=False, **environment)
        _pin(self._web.pid, WEB_CORE)
        if contender.with_worker:
            found.start("manage.py", "runworker", "moderation", "broadcast")
            wait_for(lambda: ready(self._port))
        else:
            wait_for(self._answers)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def generate(self, *options: str) -> dict[str, float]:
        """One run of the generator."""
        done = subprocess.run(
            [
                self._generator, "-p", str(self._port), "-P", str(self._web.pid),
                "-k", self._contender.kind, *options,
            ],
            check=True,
            capture_output=True,
        )  # fmt: skip
        result: dict[str, float] = json.loads(done.stdout)
        return result


def fan(bench: Bench) -> Iterator[str]:
    """A: one room."""
    for members, window in ((100, 64), (500, 64), (1000, 64)):
        found = bench.generate("-m", "fan", "-n", str(members), "-W", str(window))
        per = found["cpu"] / (found["deliveries"] / 10_000) if found["deliveries"] else 0
        yield (
            f"A N={members:<5} {found['deliveries']:>11,.0f} deliveries/s, "
            f"{per:6.2f} % of a core per 10,000, {found['missing']:.0f} lost"
        )


def pace(bench: Bench) -> Iterator[str]:
    """B: a calm room."""
    found = bench.generate("-m", "rate", "-n", "100", "-r", "20", "-T", "10")
    yield f"B p50 {found['p50']:6.1f} ms, p99 {found['p99']:6.1f} ms, {found['missing']:.0f} lost"


def rooms(bench: Bench) -> Iterator[str]:
    """C: many small rooms."""
    best, last = 0.0, {}
    for step in STEPS:
        found = bench.generate("-m", "rate", "-n", "1000", "-g", "200", "-r", str(step))
        if found["missing"] or found["p99"] > LONGEST_P99 or found["p99"] < 0:
            break
        best, last = step, found
    p99, cpu = last.get("p99", 0.0), last.get("cpu", 0.0)
    yield f"C {best:,.0f} messages/s at p99 {p99:.0f} ms, server {cpu:.0f} % of a core"


def storm(bench: Bench) -> Iterator[str]:
    """D: many sockets."""
    for sockets in (1000, 5000):
        found = bench.generate("-m", "storm", "-n", str(sockets), "-T", "3")
        yield (
            f"D {sockets} sockets in {found['seconds']:.2f} s ({found['cpu']:.2f} s of a core), "
            f"{found['kib']:.1f} KiB each, idle {found['idle']:.1f} %, {found['failed']:.0f} failed"
        )


@contextmanager
def raised_limits() -> Iterator[None]:
    """As many files as sockets need, for us and for what we start."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(20_000, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _program(contender: Contender) -> str:
    if contender.node:
        return shutil.which("node") or "node"
    if contender.name == "python-socketio":
        return os.environ["BENCH_SOCKETIO"]
    return sys.executable


def _available(contender: Contender, directory: Path) -> bool:
    """Whether it is there, after an attempt to install it."""
    if contender.name == "python-socketio":
        return "BENCH_SOCKETIO" in os.environ
    if not contender.node:
        return True
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return False
    packages = ["socket.io@4", "@socket.io/redis-adapter@8", "redis@4"]
    done = subprocess.run(
        [npm, "install", "--prefix", directory, "--silent", *packages], capture_output=True
    )
    return done.returncode == 0


def _pin(pid: int, core: int) -> None:
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {core})


def _compiled(directory: Path) -> Path:
    program = directory / "generator"
    subprocess.run(["cc", "-O2", "-o", program, HERE / "generator.c"], check=True)
    return program


def main(rounds: int = 3, names: tuple[str, ...] = ()) -> None:
    """Print each contender's lines of each round; then the load, to know what they are worth."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "bus.settings"
    # Broker, worker and generator inherit it; the web process is moved.
    os.sched_setaffinity(0, {OTHER_CORE})
    with raised_limits(), stage() as found:
        found.environment["DJANGO_SETTINGS_MODULE"] = "bus.settings"
        found.manage("demo")
        generator = _compiled(found.directory)
        for contender in CONTENDERS:
            if names and contender.name not in names:
                continue
            if not _available(contender, found.directory):
                print(f"{contender.name}: not installed")
                continue
            lines: list[list[str]] = []
            for _ in range(rounds):
                bench = Bench(found, contender, generator)
                lines.append([line for part in (fan, pace, rooms, storm) for line in part(bench)])
                found.stop()
                print("\n".join(f"  {contender.name:17} {line}" for line in lines[-1]), flush=True)
            print(f"{contender.name}: load {load()}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3, tuple(sys.argv[2:]))
