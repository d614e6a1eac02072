"""Fan-out next to peers: web on one core; broker, worker and generator on the other.

A  one room: deliveries a second         B  100 members at 20 messages/s: p50 and p99
C  200 rooms of 5: messages a second     D  sockets at once: seconds, KiB and idle processor each
M  one room up to 5,000 members: what a delivery costs      (ours, where nobody is named)
H  B in a room with a long history, and p99 of joins and pages              (ours alone)
R  sockets at once into many rooms, as after a restart                      (ours, the same)

    python -m benchmarks.fanout [--rounds 3] [--parts ABCD] [--json FILE] [contender …]

The contenders take turns: the first round of all, the second round of all, and so on; the tables
have the medians, the file has every round, too. Three rounds of the usual five take 25 minutes. The
generator is C and needs a compiler. Peers are installed for the run in fixed versions: Socket.IO by
npm, python-socketio by pip (or BENCH_SOCKETIO names a Python that has it).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import history
from benchmarks.latency import ready
from benchmarks.peers import install
from benchmarks.stage import Stage, free_port, load, stage, wait_for, web_command

HERE = Path(__file__).resolve().parent
WEB_CORE, OTHER_CORE = 0, 1
# Part C takes the highest step with p99 up to this and nothing lost, in ms.
LONGEST_P99 = 250.0
UVICORN = (
    "-m uvicorn {app} --host 127.0.0.1 --port {port} --loop uvloop --ws websockets-sansio "
    "--no-access-log --no-proxy-headers --ws-per-message-deflate false --log-level warning "
    "--lifespan {lifespan}"
)


@dataclass(frozen=True)
class Contender:
    """A server: what it speaks, and what starts it."""

    name: str
    kind: str
    # Where it is not the Procfile's web, which may serve another application.
    command: str = ""
    application: str = ""
    with_worker: bool = False
    layer: str = "pubsub"
    # What installs it, where Bus does not bring it; the program that runs it.
    install: Callable[[Path], str] | None = None
    # Whether it takes part where nobody is named.
    usual: bool = True

    @property
    def ours(self) -> bool:
        """Whether it is Bus, in one form or another."""
        return self.name.startswith("bus")


BROADCAST = "benchmarks.peers.broadcast:application"
TUTORIAL = UVICORN.replace("{app}", "benchmarks.peers.tutorial:application").replace(
    "{lifespan}", "off"
)
SOCKETIO = UVICORN.replace("{app}", "benchmarks.peers.python_socketio:application").replace(
    "{lifespan}", "off"
)
CONTENDERS = (
    Contender("bus", "bus", with_worker=True),
    Contender("bus-broadcast", "bus", application=BROADCAST),
    Contender("bus-plain", "plain", with_worker=True, usual=False),
    Contender("tutorial-uvicorn", "plain", TUTORIAL),
    Contender(
        "tutorial-daphne",
        "plain",
        "-m daphne -v 0 -b 127.0.0.1 -p {port} benchmarks.peers.tutorial:application",
        layer="core",
        usual=False,
    ),
    Contender("socketio", "socketio", "benchmarks/peers/socketio.mjs", install=install.node),
    Contender("python-socketio", "socketio", SOCKETIO, install=install.python),
)


class Bench:
    """One contender, running; and the generator."""

    def __init__(
        self, found: Stage, contender: Contender, program: str, options: argparse.Namespace
    ) -> None:
        from django.conf import settings

        self.contender = contender
        self.options = options
        self._generator = found.directory / "generator"
        self.port = free_port()
        environment = {
            "BENCH_BROKER": settings.BROKER_URL,
            "BENCH_LAYER": contender.layer,
            "PORT": str(self.port),
            # One socket writes for a whole room, as no person does.
            "BUS_SEND_RATE": "0",
            "BUS_JOIN_RATE": "0",
            "NODE_PATH": str(found.directory / "node_modules"),
        }
        command = contender.command.format(port=self.port).split()
        command = command or web_command(self.port, application=contender.application)
        self._web = found.start(*command, program=program, quiet=False, **environment)
        pin(self._web.pid, WEB_CORE)
        if contender.with_worker:
            found.start("manage.py", "runworker", "moderation", "broadcast")
            wait_for(lambda: ready(self.port))
        else:
            wait_for(self._answers)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def generate(self, mode: str, *options: str, seconds: float = 0) -> dict[str, float]:
        """One run of the generator."""
        done = subprocess.run(
            [
                self._generator, "-p", str(self.port), "-P", str(self._web.pid), "-m", mode,
                "-k", self.contender.kind, "-T", str(seconds or self.options.seconds), *options,
            ],
            check=True,
            capture_output=True,
        )  # fmt: skip
        result: dict[str, float] = json.loads(done.stdout)
        return result


@dataclass(frozen=True)
class Figure:
    """One cell of a table: the words around its numbers, the numbers, and what must not be."""

    column: str
    text: str
    numbers: tuple[float, ...]
    # Lost, failed, or out of its own author's order; the worst of all rounds is shown.
    wrong: float = 0

    def __str__(self) -> str:
        """As the tables have it."""
        wrong = f", {self.wrong:,.0f} lost or late" if self.wrong else ""
        return self.text.format(*self.numbers) + wrong


def median(figures: list[Figure]) -> Figure:
    """The medians of one cell's rounds."""
    one = figures[-1]
    numbers = tuple(map(statistics.median, zip(*(f.numbers for f in figures), strict=True)))
    return Figure(one.column, one.text, numbers, max(figure.wrong for figure in figures))


def fan(bench: Bench) -> Iterator[Figure]:
    """A: one room."""
    for members in bench.options.members:
        found = bench.generate("fan", "-n", str(members), "-W", "64")
        numbers = found["deliveries"], _cost(found)
        text = "{0:,.0f}/s at {1:.2f} µs"
        yield Figure(f"N = {members:,}", text, numbers, _wrong(found))


def pace(bench: Bench) -> Iterator[Figure]:
    """B: a calm room."""
    yield _calm(bench, "p50 / p99", "0")


def rooms(bench: Bench) -> Iterator[Figure]:
    """C: many small rooms."""
    best, last = 0.0, {"p99": 0.0, "cpu": 0.0}
    for step in bench.options.steps:
        found = bench.generate("rate", "-n", "1000", "-g", "200", "-r", str(step))
        if _wrong(found) or found["p99"] > LONGEST_P99 or found["p99"] < 0:
            break
        best, last = step, found
    numbers = best, last["p99"], last["cpu"]
    yield Figure("200 rooms of 5", "{0:,.0f}/s, p99 {1:.0f} ms, {2:.0f} % of a core", numbers)


def storm(bench: Bench) -> Iterator[Figure]:
    """D: many sockets."""
    text = "{0:.2f} s ({1:.2f} s of a core), {2:.1f} KiB each, idle {3:.1f} %"
    for sockets in bench.options.sockets:
        found = bench.generate("storm", "-n", str(sockets), seconds=3)
        numbers = found["seconds"], found["cpu"], found["kib"], found["idle"]
        yield Figure(f"{sockets:,} at once", text, numbers, found["failed"])


def growth(bench: Bench) -> Iterator[Figure]:
    """M: what a delivery costs the web process as a room grows; as many are under way in each."""
    for members in bench.options.growth:
        window = min(64, 64_000 // members)
        found = bench.generate("fan", "-n", str(members), "-W", str(window))
        yield Figure(f"N = {members:,}", "{0:.2f} µs", (_cost(found),), _wrong(found))


def long_history(bench: Bench) -> Iterator[Figure]:
    """H: a calm room, by what was said in it before."""
    for number, count in enumerate(bench.options.history):
        # Room numbers that no other part has.
        first = 1000 + number
        room = f"room{first}"
        history.fill(room, count)
        yield _calm(bench, f"{count:,}: p50 / p99", str(first))
        waits = history.waits(bench.port, room)
        numbers = waits["join"], waits["since"], waits["page"]
        text = "{0:.1f} / {1:.1f} / {2:.1f} ms"
        yield Figure(f"{count:,}: p99 of join / since / page", text, numbers)


def rejoin(bench: Bench) -> Iterator[Figure]:
    """R: many sockets to many rooms: those who come first make them, the others find them."""
    for count in bench.options.rejoined:
        for column in ("made", "found"):
            found = bench.generate("storm", "-n", "1000", "-g", str(count), seconds=1)
            numbers = found["seconds"], found["cpu"]
            text = "{0:.2f} s ({1:.2f} s of a core)"
            yield Figure(f"{count:,} rooms, {column}", text, numbers, found["failed"])


PARTS: dict[str, tuple[str, Callable[[Bench], Iterator[Figure]]]] = {
    "A": ("A. One room: deliveries a second, and what the server pays for each", fan),
    "B": ("B. 100 members, 20 messages/s", pace),
    "C": (f"C. Messages a second at p99 < {LONGEST_P99:.0f} ms, nothing lost", rooms),
    "D": ("D. Sockets at once", storm),
    "M": ("M. What the server pays for a delivery, by members", growth),
    "H": ("H. 100 members, 20 messages/s, by messages in the room before", long_history),
    "R": ("R. 1,000 sockets at once, by rooms", rejoin),
}
# What says nothing about peers.
OURS_ALONE = "MHR"


def _calm(bench: Bench, column: str, first: str) -> Figure:
    found = bench.generate("rate", "-n", "100", "-r", "20", "-f", first, seconds=bench.options.calm)
    return Figure(column, "{0:.1f} / {1:.1f} ms", (found["p50"], found["p99"]), _wrong(found))


def _wrong(found: dict[str, float]) -> float:
    """Deliveries that did not come, or came after a later one of their author."""
    return found["missing"] + found["own_disorder"]


def _cost(found: dict[str, float]) -> float:
    """What a delivery costs the server, in µs of its core."""
    return found["cpu"] / 100 / found["deliveries"] * 1e6 if found["deliveries"] else 0.0


@contextmanager
def raised_limits() -> Iterator[None]:
    """As many files as sockets need, for us and for what we start."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(20_000, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def pin(pid: int, core: int) -> None:
    """Have all threads of a process run on one core."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {core})


def _programs(wanted: list[str], directory: Path) -> dict[Contender, str]:
    """Who takes part, and the program that runs each."""
    programs = {}
    for contender in CONTENDERS:
        if contender.name not in wanted if wanted else not contender.usual:
            continue
        try:
            programs[contender] = (contender.install or _ourselves)(directory)
        except install.Missing as error:
            print(f"{contender.name} takes no part: {error}", flush=True)
    return programs


def _ourselves(_: Path) -> str:
    return sys.executable


def _concerns(part: str, contender: Contender, options: argparse.Namespace) -> bool:
    """Whether a contender takes part in this; in H and R only with rooms that are stored."""
    if part in "HR":
        return contender.kind == "bus" and contender.with_worker
    return part not in OURS_ALONE or contender.ours or contender.name in options.contenders


def _alone(part: str, options: argparse.Namespace) -> Iterator[argparse.Namespace]:
    """A part's measurements that each need new processes."""
    if part == "D":
        for sockets in options.sockets:
            yield argparse.Namespace(**{**vars(options), "sockets": [sockets]})
    else:
        yield options


def tables(results: dict[str, dict[str, list[list[Figure]]]]) -> str:
    """The medians, as Markdown: a table for each part, by its figures of each contender."""
    lines: list[str] = []
    for part, by_contender in results.items():
        medians = {
            name: [median(list(cell)) for cell in zip(*rounds, strict=True)]
            for name, rounds in by_contender.items()
        }
        columns = [figure.column for figure in next(iter(medians.values()))]
        lines += [f"### {PARTS[part][0]}", "", f"| | {' | '.join(columns)} |"]
        lines.append("|---" * (len(columns) + 1) + "|")
        lines += [f"| {name} | {' | '.join(map(str, cells))} |" for name, cells in medians.items()]
        lines.append("")
    return "\n".join(lines)


def as_json(results: dict[str, dict[str, list[list[Figure]]]]) -> str:
    """Every round's numbers, by part, contender and column, with what they were taken of and on."""
    git = ["git", "-C", str(HERE), "describe", "--always", "--dirty"]
    told: dict[str, Any] = {
        "commit": subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip(),
        "python": sys.version.split()[0],
        "load": os.getloadavg(),
        "parts": {
            part: {
                name: {
                    cell[0].column: {
                        "text": cell[0].text,
                        "median": median(list(cell)).numbers,
                        "rounds": [figure.numbers for figure in cell],
                        "wrong": max(figure.wrong for figure in cell),
                    }
                    for cell in zip(*rounds, strict=True)
                }
                for name, rounds in by_contender.items()
            }
            for part, by_contender in results.items()
        },
    }
    return json.dumps(told, indent=1)


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fanout",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [contender.name for contender in CONTENDERS]
    add = parser.add_argument
    add(
        "contenders",
        nargs="*",
        metavar="contender",
        help=f"of: {', '.join(names)} (those without plain chat and Daphne)",
    )
    add("--rounds", type=int, default=3, help="how often each is measured (3)")
    add("--parts", default="ABCD", help=f"of {''.join(PARTS)} (ABCD)")
    add("--json", type=Path, metavar="FILE", help="write every figure of every round there, too")
    add("--seconds", type=float, default=3, help="of A, each step of C, and M (3)")
    add("--calm", type=float, default=8, help="seconds of B and H (8)")
    add("--members", type=_numbers, default=[100, 500, 1000], help="of A (100,500,1000)")
    steps = [400, 800, 1200, 2000, 3000, 4000, 5000, 6000, 8000, 10_000, 12_000, 14_000]
    add("--steps", type=_numbers, default=steps, help=f"of C, messages a second in all ({steps})")
    add("--sockets", type=_numbers, default=[1000, 5000], help="of D (1000,5000)")
    growing = [100, 500, 1000, 2000, 5000]
    add("--growth", type=_numbers, default=growing, help=f"members of M ({growing})")
    add("--rejoined", type=_numbers, default=[200, 1000], help="rooms of R (200,1000)")
    add("--history", type=_numbers, default=[0, 1_000_000], help="messages of H (0,1000000)")
    options = parser.parse_args()
    if unknown := set(options.contenders) - set(names):
        parser.error(f"no such contender: {', '.join(sorted(unknown))}")
    if set(options.parts) - set(PARTS):
        parser.error(f"parts are {''.join(PARTS)}")
    return options


def main(options: argparse.Namespace) -> None:
    """Print each figure as it is found, then the medians; the load says what they are worth."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    # Broker, worker and generator inherit it; the web process is moved.
    os.sched_setaffinity(0, {OTHER_CORE})
    results: dict[str, dict[str, list[list[Figure]]]] = {}
    with raised_limits(), stage() as found:
        found.environment["DJANGO_SETTINGS_MODULE"] = "config.settings"
        # The first who joins makes the room.
        found.environment["BUS_OPEN_ROOMS"] = "1"
        generator = found.directory / "generator"
        subprocess.run(["cc", "-O2", "-o", generator, HERE / "generator.c"], check=True)
        programs = _programs(options.contenders, found.directory)
        for number in range(options.rounds):
            for contender, program in programs.items():
                for part in options.parts:
                    figures: list[Figure] = []
                    # New processes for each: memory that was used before is not counted twice.
                    for alone in _alone(part, options):
                        if _concerns(part, contender, options):
                            bench = Bench(found, contender, program, alone)
                            figures += PARTS[part][1](bench)
                            found.stop()
                    if figures:
                        by_contender = results.setdefault(part, {})
                        by_contender.setdefault(contender.name, []).append(figures)
                    for figure in figures:
                        said = f"{number + 1} {contender.name:17} {part} {figure.column}: {figure}"
                        print(f"{said}   load {load()}", flush=True)
            if options.json:
                options.json.write_text(as_json(results))
    print(f"\nMedians of {options.rounds} rounds; web on one core, all else on the other.\n")
    print(tables(results))


if __name__ == "__main__":
    main(_options())
