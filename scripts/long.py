"""The long forms of the tests, before a release: `make long`, or `make long PARTS="chaos fuzz"`.

Each part runs whatever became of the one before; the end says which failed, and how long each took.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from scripts import pythons
from scripts.pythons import MissingPython

ROOT = Path(__file__).resolve().parent.parent
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


def other_pythons() -> list[Command]:
    """The quick tests under each other Python that Bus runs on; raises MissingPython."""
    uv = str(Path(sys.executable).parent / "uv")
    commands = []
    for version in pythons.PYTHONS:
        if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
            continue
        python = pythons.find(version)
        venv = ROOT / "var" / f"long-{version}"
        inside = str(venv / "bin" / "python")
        commands += [
            [
                uv,
                "venv",
                "--quiet",
                "--allow-existing",
                "--python",
                python,
                str(venv),
            ],
            [
                *(uv, "pip", "install", "--quiet", "--python", inside),
                *("--require-hashes", "-r", str(ROOT / "requirements" / "dev.txt")),
            ],
            [inside, "-m", "pytest", "-q", *_QUICK_TIERS],
        ]
    return commands


def hosts() -> list[Command]:
    """A project with Bus installed in it, with each Python and Django that go together."""
    return [[sys.executable, "-m", "scripts.hosts", "--all"]]


PARTS: dict[str, Callable[[], list[Command]]] = {
    "chaos": chaos,
    "fuzz": fuzz,
    "soak": soak,
    "pythons": other_pythons,
    "hosts": hosts,
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
        try:
            codes = [run(command) for command in PARTS[name]()]
            ok = not any(codes)
        except MissingPython as error:
            print(f"error: {error}", file=sys.stderr)
            ok = False
        minutes = (time.monotonic() - started) / 60
        results.append((ok, f"{name:8} {'passed' if ok else 'FAILED'} in {minutes:.0f} min"))
    print("\n".join(text for _, text in results))
    return 0 if all(ok for ok, _ in results) else 1


def _run(command: Command) -> int:
    print("$", *command, flush=True)
    return subprocess.call(command, cwd=ROOT, env={**os.environ, "PYTHONUNBUFFERED": "1"})


def _pytest(*arguments: str) -> Command:
    return [sys.executable, "-m", "pytest", "-q", *arguments]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], _run))
