"""Measures what each extra of the wheel brings and costs: `python -m scripts.install_costs`.

MB are what it adds to a fresh environment that has Bus alone. The time is the best of five, on this
machine, from the start of a process until it does what the extra is for; beside it, what that took
of processors, which other work on the machine changes little, and how much of that there was.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from scripts import hosts

EXTRAS = ("embedded", "server", "daphne", "postgres")
_TIMES = 5
_PATIENCE = 60.0
_PORT = 8719

_BROKER = """
from pathlib import Path
from bus.embedded.broker import EmbeddedBroker
place = Path.cwd() / "var" / "valkey"
broker = EmbeddedBroker(place, place / "valkey.sock")
broker.start()
broker.stop()
"""


def main() -> int:
    """Print a row for Bus alone and one for each extra."""
    print("| | MB | start, ms | processor, ms |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="costs-") as path:
        directory = Path(path)
        wheel = hosts.build(directory)
        core = _install(directory / "core", wheel, "")
        _project(core, directory)
        garden = directory / "garden"
        # Tables, for those that serve.
        _succeed([str(core), "manage.py", "migrate", "-v", "0"], garden)
        base = _megabytes(core)
        _row("Bus alone", base, _best(lambda: _succeed([str(core), "manage.py", "check"], garden)))
        for extra in EXTRAS:
            python = _install(directory / extra, wheel, f"[{extra}]")
            _row(extra, _megabytes(python) - base, _best(_start(extra, str(python), garden)))
    minute, _, quarter = os.getloadavg()
    print(f"Load average {minute:.1f} (15 minutes: {quarter:.1f}) on {os.cpu_count()} cores.")
    return 0


def _start(extra: str, python: str, project: Path) -> Callable[[], None]:
    """What shows that an extra works, from a cold start."""
    listen = [python, "-m", extra.replace("server", "uvicorn"), "garden.asgi:application"]
    return {
        "embedded": lambda: _succeed([python, "-c", _BROKER], project),
        "server": lambda: _serve([*listen, "--port", str(_PORT)], project),
        "daphne": lambda: _serve([*listen, "-p", str(_PORT)], project),
        "postgres": lambda: _succeed([python, "-c", "import psycopg, psycopg_pool"], project),
    }[extra]


def _serve(command: list[str], project: Path) -> None:
    """Start a server, and end it when it has answered once."""
    server = subprocess.Popen(
        command, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + _PATIENCE
        while not _answers():
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"error: {' '.join(command)} does not answer.")
            time.sleep(0.005)
    finally:
        server.kill()
        server.wait()


def _answers() -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{_PORT}/livez", timeout=1) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _install(directory: Path, wheel: Path, extras: str) -> Path:
    hosts.run(hosts.UV, "venv", "--quiet", "--python", sys.executable, str(directory), quiet=True)
    python = directory / "bin" / "python"
    hosts.run(
        *(hosts.UV, "pip", "install", "--quiet", "--link-mode", "copy", "--python", str(python)),
        f"{wheel}{extras}",
        quiet=True,
    )
    return python


def _project(python: Path, directory: Path) -> None:
    _succeed([str(python.with_name("django-bus")), "start", "garden"], directory)


def _succeed(command: list[str], directory: Path) -> None:
    subprocess.run(command, cwd=directory, check=True, capture_output=True)


def _best(work: Callable[[], None]) -> tuple[float, float]:
    """The shortest of some runs, and the least of processors, in ms; the first compiles."""
    took = []
    for _ in range(_TIMES):
        began, before = time.monotonic(), _processors()
        work()
        took.append(((time.monotonic() - began) * 1000, (_processors() - before) * 1000))
    walls, processors = zip(*took, strict=True)
    return min(walls), min(processors)


def _processors() -> float:
    """What the processes that were started and have ended took of processors, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _megabytes(python: Path) -> float:
    """What lies in an environment, without bytecode."""
    files = [path for path in python.parent.parent.rglob("*") if path.is_file()]
    kept = [path for path in files if path.suffix != ".pyc" and not path.is_symlink()]
    return sum(path.stat().st_size for path in kept) / 1e6


def _row(name: str, megabytes: float, best: tuple[float, float]) -> None:
    print(f"| {name} | {megabytes:.0f} | {best[0]:.0f} | {best[1]:.0f} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
