"""The long forms of the tests, before a release: `make long`, or `make long PARTS="chaos fuzz"`.

Each part runs whatever became of the one before; the end says which failed, and how long each took.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.11", "3.12", "3.13")
_CHAOS_ROUNDS = 3
_QUICK_TIERS = ("tests/unit", "tests/integration")

Command = list[str]


def chaos() -> list[Command]:
    """Kill, flood and lie, three times over: what is rare shows in one of them."""
    return [_pytest("tests/chaos") for _ in range(_CHAOS_ROUNDS)]


def fuzz() -> list[Command]:
    """The tests that make their own input, with far more of it."""
    return [_pytest("tests", "-m", "hypothesis", "--hypothesis-profile", "long", "--timeout=0")]


def soak() -> list[Command]:
    """A million messages through one channel: what a long queue costs, in time and memory."""
    return [[sys.executable, "-m", "benchmarks.growth"]]


def pythons() -> list[Command]:
    """The quick tests under each other Python that Bus runs on and this machine has."""
    uv = str(Path(sys.executable).parent / "uv")
    commands = []
    for version in PYTHONS:
        if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
            continue
        python = shutil.which(f"python{version}")
        if python is None or not _starts(python):
            print(f"Python {version} is not here: left out.", flush=True)
            continue
        venv = ROOT / "var" / f"long-{version}"
        inside = str(venv / "bin" / "python")
        commands += [
            [uv, "venv", "--quiet", "--allow-existing", "--python", python, str(venv)],
            [
                *(uv, "pip", "install", "--quiet", "--python", inside),
                *("--require-hashes", "-r", str(ROOT / "requirements" / "dev.txt")),
            ],
            [inside, "-m", "pytest", "-q", *_QUICK_TIERS],
        ]
    return commands


PARTS: dict[str, Callable[[], list[Command]]] = {
    "chaos": chaos,
    "fuzz": fuzz,
    "soak": soak,
    "pythons": pythons,
}


def main(names: Sequence[str], run: Callable[[Command], int]) -> int:
    """Run these parts, or all; 1 where one failed, 2 where one is not known."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        print(f"error: {', '.join(unknown)}: the parts are {', '.join(PARTS)}.", file=sys.stderr)
        return 2
    results = []
    for name in names or PARTS:
        started = time.monotonic()
        codes = [run(command) for command in PARTS[name]()]
        ok = not any(codes)
        minutes = (time.monotonic() - started) / 60
        results.append((ok, f"{name:8} {'passed' if ok else 'FAILED'} in {minutes:.0f} min"))
    print("\n".join(text for _, text in results))
    return 0 if all(ok for ok, _ in results) else 1


def _run(command: Command) -> int:
    print("$", *command, flush=True)
    return subprocess.call(command, cwd=ROOT, env={**os.environ, "PYTHONUNBUFFERED": "1"})


def _pytest(*arguments: str) -> Command:
    return [sys.executable, "-m", "pytest", "-q", *arguments]


def _starts(python: str) -> bool:
    """Whether it is a Python at all: a version manager's shim may be there and refuse to start."""
    return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], _run))
